/* An io table whose files lie in memory. Folders exist when a file is in them or when they were made. */
#include "memory_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 32
#define HANDLES 16
#define PATH 256

typedef struct file {
    char path[PATH]; /* "": none */
    unsigned char *data;
    size_t size;
} file;

typedef struct handle {
    int open, file, append;
    size_t at;
} handle;

static file files[FILES];
static handle handles[HANDLES];

static int fail(int error) {
    errno = error;
    return -1;
}

static int find(const char *path) {
    for (int i = 0; i < FILES; i++)
        if (files[i].path[0] != '\0' && strcmp(files[i].path, path) == 0) return i;
    return -1;
}

static int make(const char *path) {
    size_t length = strlen(path);
    if (length == 0 || length >= PATH) return fail(ENAMETOOLONG);
    for (int i = 0; i < FILES; i++) {
        if (files[i].path[0] != '\0') continue;
        memcpy(files[i].path, path, length + 1);
        return i;
    }
    return fail(ENOSPC);
}

static void forget(int i) {
    free(files[i].data);
    memset(&files[i], 0, sizeof files[i]);
}

void fuzz_file(const char *path, const void *data, size_t size) {
    int i = find(path);
    if (i >= 0) forget(i);
    i = make(path);
    if (i < 0) abort();
    files[i].data = malloc(size + 1);
    if (files[i].data == NULL) abort();
    if (size > 0) memcpy(files[i].data, data, size);
    files[i].size = size;
}

const unsigned char *fuzz_file_data(const char *path, size_t *size) {
    int i = find(path);
    *size = i < 0 ? 0 : files[i].size;
    return i < 0 ? NULL : files[i].data;
}

void fuzz_files_end(void) {
    for (int i = 0; i < FILES; i++) forget(i);
    for (int i = 0; i < HANDLES; i++) fuzz_expect(!handles[i].open, "a file was left open");
}

static int open_handle(int i, int append) {
    if (i < 0) return -1;
    for (int h = 0; h < HANDLES; h++) {
        if (handles[h].open) continue;
        handles[h] = (handle){1, i, append, 0};
        return h;
    }
    return fail(EMFILE);
}

static int is_folder(const char *path) {
    size_t length = strlen(path);
    for (int i = 0; i < FILES; i++)
        if (strncmp(files[i].path, path, length) == 0 && files[i].path[length] == '/') return 1;
    return 0;
}

static int open_read(const char *path) {
    int i = find(path);
    return i < 0 ? fail(is_folder(path) ? EISDIR : ENOENT) : open_handle(i, 0);
}
static int create(const char *path) { return find(path) >= 0 ? fail(EEXIST) : open_handle(make(path), 0); }
static int open_append(const char *path) {
    int i = find(path);
    return open_handle(i >= 0 ? i : make(path), 1);
}

static int describe(int h, int *kind, long long *size) {
    *kind = GANI_FILE;
    *size = (long long)files[handles[h].file].size;
    return 0;
}

static long long read_some(int h, void *buffer, size_t size) {
    const file *f = &files[handles[h].file];
    size_t left = handles[h].at > f->size ? 0 : f->size - handles[h].at;
    size_t count = size < left ? size : left;
    if (count > 0) memcpy(buffer, f->data + handles[h].at, count);
    handles[h].at += count;
    return (long long)count;
}

static long long write_some(int h, const void *buffer, size_t size) {
    file *f = &files[handles[h].file];
    size_t at = handles[h].append ? f->size : handles[h].at, end = at + size;
    if (end > FUZZ_MEMORY) return fail(ENOSPC);
    if (end > f->size) {
        unsigned char *data = realloc(f->data, end + 1);
        if (data == NULL) return fail(ENOSPC);
        f->data = data;
        f->size = end;
    }
    if (size > 0) memcpy(f->data + at, buffer, size);
    handles[h].at = end;
    return (long long)size;
}

static int truncate_to(int h, long long size) {
    file *f = &files[handles[h].file];
    if (size < 0 || (size_t)size > f->size) return fail(EINVAL);
    f->size = (size_t)size;
    return 0;
}

static int sync_none(int h) {
    (void)h;
    return 0;
}

static int close_handle(int h) {
    fuzz_expect(h >= 0 && h < HANDLES && handles[h].open, "a file that is not open was closed");
    handles[h].open = 0;
    return 0;
}

static int move(const char *from, const char *to) {
    int i = find(from), old = find(to);
    if (i < 0) return fail(ENOENT);
    if (strlen(to) >= PATH) return fail(ENAMETOOLONG);
    if (old >= 0 && old != i) forget(old);
    memcpy(files[i].path, to, strlen(to) + 1);
    return 0;
}

static int remove_file(const char *path) {
    int i = find(path);
    if (i < 0) return fail(ENOENT);
    forget(i);
    return 0;
}

/* An empty folder is a file "." in it. */
static int make_folder(const char *path) {
    char dot[PATH + 2];
    if (strlen(path) >= PATH) return fail(ENAMETOOLONG);
    snprintf(dot, sizeof dot, "%s/.", path);
    return is_folder(path) ? fail(EEXIST) : make(dot) < 0 ? -1 : 0;
}

static int sync_folder(const char *path) {
    (void)path;
    return 0;
}

static int status_of(const char *path, int *folder, long long *size) {
    int i = find(path);
    *folder = i < 0;
    *size = i < 0 ? 0 : (long long)files[i].size;
    return i < 0 && !is_folder(path) ? fail(ENOENT) : 0;
}

/* A folder without files is not kept, and has none. */
static int list(const char *path, int (*entry)(void *user, const char *name), void *user) {
    size_t length = strlen(path);
    for (int i = 0; i < FILES; i++) {
        if (strncmp(files[i].path, path, length) != 0 || files[i].path[length] != '/') continue;
        char name[PATH];
        memcpy(name, files[i].path, PATH);
        char *slash = strchr(name + length + 1, '/');
        if (slash != NULL) *slash = '\0';
        int seen = 0;
        for (int k = 0; k < i && slash != NULL; k++)
            seen |= strncmp(files[k].path, files[i].path, strlen(name) + 1) == 0;
        if (strcmp(name + length + 1, ".") != 0 && !seen && entry(user, name + length + 1) != 0) break;
    }
    return 0;
}

static int is_link(const char *path) {
    (void)path;
    return 0;
}

const gani_io fuzz_io = {
    .open_read = open_read,
    .create = create,
    .open_append = open_append,
    .describe = describe,
    .read = read_some,
    .write = write_some,
    .truncate = truncate_to,
    .sync = sync_none,
    .close = close_handle,
    .rename = move,
    .remove = remove_file,
    .make_folder = make_folder,
    .sync_folder = sync_folder,
    .stat = status_of,
    .is_link = is_link,
    .list = list,
};
