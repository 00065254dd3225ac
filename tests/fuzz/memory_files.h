#ifndef TESTS_FUZZ_MEMORY_FILES_H
#define TESTS_FUZZ_MEMORY_FILES_H

#include "fuzz.h"

extern const gani_io fuzz_io;
/* Removes all files; one that is still open is a finding. */
void fuzz_files_end(void);

#endif
