/* Every file operation of the library goes through this table, so that tests can make each of them fail in turn. */
#ifndef GANI_BASE_IO_H
#define GANI_BASE_IO_H

#include <stddef.h>
#include <stdint.h>

#include <gan/base.h>

struct gan_context;

enum { GANI_FILE, GANI_FOLDER, GANI_OTHER_FILE /* a device, a pipe, a socket */ };

/* Operations return -1 (or NULL) and set errno on failure, as the system calls they stand for; never
 * EINTR. */
typedef struct gani_io {
    int (*open_read)(const char *path);
    int (*create)(const char *path);      /* O_EXCL, so never through a link; mode 0666 & ~umask */
    int (*open_append)(const char *path); /* read-write, made if missing; fails if the last part is a link */
    /* of an open file, which cannot become another between the look and the reading; *kind: GANI_FILE ... */
    int (*describe)(int file, int *kind, long long *size);
    long long (*read)(int file, void *buffer, size_t size);
    long long (*write)(int file, const void *buffer, size_t size);
    int (*truncate)(int file, long long size);
    int (*sync)(int file);
    int (*close)(int file);
    int (*rename)(const char *from, const char *to);
    int (*remove)(const char *path);
    int (*make_folder)(const char *path);
    int (*sync_folder)(const char *path);
    int (*stat)(const char *path, int *is_folder, long long *size); /* size: -1 if neither file nor folder */
    int (*is_link)(const char *path);                               /* 1, 0 or -1 */
    /* names in a folder except "." and "..", one call each, in the system's order; the callback returns 0 to go on */
    int (*list)(const char *path, int (*entry)(void *user, const char *name), void *user);
} gani_io;

extern const gani_io gani_io_system;

/* ---- helpers over the table: io.c. Those that fail leave a message: "cannot write 'a/b.png': No space left on device"
 * ---- */

/* What an errno means, in words: "No space left on device". */
enum { GANI_REASON_SIZE = 128 };
void gani_io_reason(int code, char reason[GANI_REASON_SIZE]);

/* "folder/name", gani_alloc'ed; NULL (and a message) without memory. */
char *gani_path_join(struct gan_context *context, const char *folder, const char *name);
/* "name" in the folder in which the file `path` lies, likewise. */
char *gani_path_beside(struct gan_context *context, const char *path, const char *name);

/* A regular file that is read from its beginning in parts, so that the memory for it can wait until its first bytes
 * have been believed. begin; any number of to; then end. */
typedef struct gani_reader {
    struct gan_context *context;
    const char *path;            /* the caller's */
    const unsigned char *memory; /* the caller's; NULL: it is a file */
    int file;
    size_t size, done;   /* of the file; of what was read */
    unsigned char *data; /* gani_alloc'ed, the caller's after end; one 0 byte behind what was read */
} gani_reader;
gan_status gani_reader_begin(gani_reader *reader, struct gan_context *context, const char *path, size_t limit);
/* The same of bytes that are there already; `name` stands for a path in messages. */
void gani_reader_begin_memory(gani_reader *reader, struct gan_context *context, const char *name, const void *bytes,
                              size_t size);
gan_status gani_reader_to(gani_reader *reader, size_t done); /* reads on; done <= size; `data` may move */
void gani_reader_end(gani_reader *reader);                   /* harmless after a failed begin */

/* The whole of a regular file, at most `limit` bytes; *data is gani_alloc'ed (with one extra 0 byte behind). */
gan_status gani_file_read_all(struct gan_context *context, const char *path, size_t limit, unsigned char **data,
                              size_t *size);

/* What was just made or renamed stays in its folder though the machine stops. The path is changed in between. */
gan_status gani_sync_parent(struct gan_context *context, char *path);

/* What a path leads to: its size, 0 for a folder. */
gan_status gani_file_size(struct gan_context *context, const char *path, size_t *size);
/* Is its last part a symbolic link? */
gan_status gani_file_is_link(struct gan_context *context, const char *path, int *is_link);

/* A file being written under a temporary name beside its final one. begin; any number of writes; then commit (fsync,
 * rename, fsync of the folder) or discard. Nothing is visible under `path` before commit succeeds, and the temporary
 * file is gone after a failure. */
typedef struct gani_writer {
    struct gan_context *context;
    char *path, *temporary;
    int file;
    gan_status status; /* sticky: writes after a failure do nothing */
} gani_writer;
gan_status gani_writer_begin(gani_writer *writer, struct gan_context *context, const char *path);
gan_status gani_writer_write(gani_writer *writer, const void *data, size_t size);
gan_status gani_writer_commit(gani_writer *writer); /* returns the first error; always ends the writer */
void gani_writer_discard(gani_writer *writer);      /* harmless after commit or a failed begin */

#endif
