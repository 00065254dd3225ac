/* Files for tests: folders that go away, bytes, and PNG and IDX files made without the library's help. Failures here
 * end the program. */
#ifndef TESTS_SUPPORT_FILES_H
#define TESTS_SUPPORT_FILES_H

#include <stddef.h>

#define FILES_PATH 512

/* A fresh empty folder; to be ended with files_remove. `path` has FILES_PATH bytes and is returned. */
char *files_folder(char *path);
/* Removes a file, or a folder with all that is in it. */
void files_remove(const char *path);
/* "folder/name" in `path`, which has FILES_PATH bytes and is returned. */
char *files_join(char *path, const char *folder, const char *name);
void files_make_folder(const char *path);
void files_write(const char *path, const void *data, size_t size);
/* The whole file and a 0 behind it, to be freed. */
unsigned char *files_read(const char *path, size_t *size);
char *files_read_log(const char *folder); /* of a run's folder */
int files_exist(const char *path);
/* Number of entries of a folder. */
int files_count(const char *folder);

/* What the header of a PNG says, and its rows. */
typedef struct files_png {
    int width, height, depth, colour; /* colour: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA */
    int interlaced;                   /* Adam7; depth 8 or 16 only */
    const unsigned char *palette, *transparency;
    size_t palette_size, transparency_size; /* bytes; 0: no such chunk */
    const unsigned char *rows;              /* packed scan lines, without filter bytes */
    const unsigned char *stream; /* instead of rows: the zlib stream, of scan lines with filter bytes; else NULL */
    size_t stream_size;
} files_png;
/* The bytes of the PNG file (uncompressed inside), to be freed. */
unsigned char *files_png_bytes(const files_png *png, size_t *size);
void files_write_png(const char *path, const files_png *png);

#endif
