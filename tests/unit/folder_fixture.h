/* What tests of files share: two folders, made anew for each test. */
#ifndef TESTS_UNIT_FOLDER_FIXTURE_H
#define TESTS_UNIT_FOLDER_FIXTURE_H

#include "files.h"

extern char folder[FILES_PATH], other[FILES_PATH];

/* CMocka's setup and teardown. */
int open_folders(void **state);
int close_folders(void **state);

/* A grey picture of one value; the name may contain a subfolder of `folder`. */
void put_grey(const char *name, int width, int height, int value);
/* The files of this name in both folders have the same bytes. */
void assert_same(const char *name);

#endif
