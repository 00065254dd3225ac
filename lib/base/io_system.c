/* The io table over POSIX. A signal of the host's that comes in between is no failure: calls that it has interrupted
 * are made again. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* O_NONBLOCK: a pipe without a writer must not hang the host; O_NOCTTY: a terminal must not become its own. Both mean
 * nothing for files. */
#define CAREFUL (O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int careful_open(const char *path, int flags) {
    int file;
    do file = open(path, flags | CAREFUL, 0666);
    while (file < 0 && errno == EINTR);
    return file;
}

static int system_open_read(const char *path) { return careful_open(path, O_RDONLY); }
/* Only reading goes through links: what is written lands in the folder that was named, whoever may write there. */
static int system_create(const char *path) { return careful_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW); }
static int system_open_append(const char *path) { return careful_open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW); }

static long long system_read(int file, void *buffer, size_t size) {
    ssize_t done;
    do done = read(file, buffer, size);
    while (done < 0 && errno == EINTR);
    return done;
}

static long long system_write(int file, const void *buffer, size_t size) {
    ssize_t done;
    do done = write(file, buffer, size);
    while (done < 0 && errno == EINTR);
    return done;
}

static int system_truncate(int file, long long size) {
    int result;
    do result = ftruncate(file, (off_t)size);
    while (result != 0 && errno == EINTR);
    return result;
}

static int system_sync(int file) {
    int result;
    do result = fsync(file);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Not made again: the file is closed then, and its number may be another's already. What matters was synced before. */
static int system_close(int file) { return close(file) == 0 || errno == EINTR ? 0 : -1; }

static int system_rename(const char *from, const char *to) { return rename(from, to); }
static int system_remove(const char *path) { return unlink(path); }
static int system_make_folder(const char *path) { return mkdir(path, 0777); }

static int system_sync_folder(const char *path) {
    int folder = careful_open(path, O_RDONLY | O_DIRECTORY);
    if (folder < 0) return errno == EACCES || errno == EPERM ? 0 : -1; /* one may write into it, but not open it */
    int result = system_sync(folder);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS || errno == EROFS)) result = 0; /* file systems without it */
    close(folder);
    return result;
}

static int system_stat(const char *path, int *is_folder, long long *size) {
    struct stat info;
    if (stat(path, &info) != 0) return -1;
    *is_folder = S_ISDIR(info.st_mode) ? 1 : 0;
    *size = S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) ? info.st_size : -1;
    return 0;
}

static int system_is_link(const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0) return -1;
    return S_ISLNK(info.st_mode) ? 1 : 0;
}

static int system_describe(int file, int *kind, long long *size) {
    struct stat info;
    if (fstat(file, &info) != 0) return -1;
    *kind = S_ISREG(info.st_mode) ? GANI_FILE : S_ISDIR(info.st_mode) ? GANI_FOLDER : GANI_OTHER_FILE;
    *size = info.st_size;
    return 0;
}

static int system_list(const char *path, int (*entry)(void *user, const char *name), void *user) {
    DIR *folder = opendir(path);
    if (folder == NULL) return -1;
    int result = 0;
    for (;;) {
        errno = 0;
        struct dirent *item = readdir(folder);
        if (item == NULL) {
            if (errno != 0) result = -1;
            break;
        }
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
        if (entry(user, item->d_name) != 0) break;
    }
    int saved = errno;
    closedir(folder);
    errno = saved;
    return result;
}

const gani_io gani_io_system = {
    .open_read = system_open_read,
    .create = system_create,
    .open_append = system_open_append,
    .describe = system_describe,
    .read = system_read,
    .write = system_write,
    .truncate = system_truncate,
    .sync = system_sync,
    .close = system_close,
    .rename = system_rename,
    .remove = system_remove,
    .make_folder = system_make_folder,
    .sync_folder = system_sync_folder,
    .stat = system_stat,
    .is_link = system_is_link,
    .list = system_list,
};
