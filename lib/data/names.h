/* Lists of names: entries of a folder, class names. */
#ifndef GANI_DATA_NAMES_H
#define GANI_DATA_NAMES_H

#include "base/context.h"

typedef struct gani_names {
    gan_context *context;
    char **items;
    size_t count, capacity;
    int32_t no_memory;
} gani_names;

void gani_names_begin(gani_names *names, gan_context *context);
void gani_names_end(gani_names *names); /* harmless on zeros */
/* Adds a copy of `length` bytes. 0 without memory; no message is left. */
int gani_names_add(gani_names *names, const char *text, size_t length);
/* Adds copies of `count` texts; `texts` NULL: none. */
gan_status gani_names_copy(gani_names *names, const char *const *texts, int64_t count);

/* Sorted entries of a folder: those files whose name `wanted` takes, or, if it is NULL, the subfolders. Names that
 * begin with a point are passed over. On failure the list is empty. */
gan_status gani_names_list(gani_names *names, gan_context *context, const char *path, int (*wanted)(const char *name));

/* Does a name end so? `end` is in lower case; the name may be in any. */
int gani_name_ends(const char *name, const char *end);

#endif
