#include "failing_io.h"

#include <errno.h>
#include <stddef.h>

static failing_io *now;
static const gani_io *before;

/* Tests kill processes, not machines: without syncing they are many times faster. */
static int no_sync(int file) {
    (void)file;
    return 0;
}
static int no_sync_folder(const char *path) {
    (void)path;
    return 0;
}

static int fails(const char *name) {
    now->calls++;
    if (now->fail_at == 0 || now->calls < now->fail_at || (now->calls > now->fail_at && !now->stays)) return 0;
    if (now->failed == NULL) now->failed = name;
    errno = now->error;
    return 1;
}

static int io_open_read(const char *path) { return fails("open_read") ? -1 : gani_io_system.open_read(path); }
static int io_create(const char *path) { return fails("create") ? -1 : gani_io_system.create(path); }
static int io_open_append(const char *path) { return fails("open_append") ? -1 : gani_io_system.open_append(path); }
static int io_describe(int file, int *kind, long long *size) {
    return fails("describe") ? -1 : gani_io_system.describe(file, kind, size);
}
static long long io_read(int file, void *buffer, size_t size) {
    return fails("read") ? -1 : gani_io_system.read(file, buffer, size);
}
static long long io_write(int file, const void *buffer, size_t size) {
    if (!fails("write")) return gani_io_system.write(file, buffer, size);
    int error = errno;
    if (size > 1) (void)gani_io_system.write(file, buffer, size / 2); /* a disk fills up in the middle */
    errno = error;
    return -1;
}
static int io_truncate(int file, long long size) {
    return fails("truncate") ? -1 : gani_io_system.truncate(file, size);
}
static int io_sync(int file) { return fails("sync") ? -1 : no_sync(file); }
static int io_close(int file) {
    int result = gani_io_system.close(file);
    return fails("close") ? -1 : result;
}
static int io_rename(const char *from, const char *to) {
    return fails("rename") ? -1 : gani_io_system.rename(from, to);
}
static int io_remove(const char *path) { return fails("remove") ? -1 : gani_io_system.remove(path); }
static int io_make_folder(const char *path) { return fails("make_folder") ? -1 : gani_io_system.make_folder(path); }
static int io_sync_folder(const char *path) { return fails("sync_folder") ? -1 : no_sync_folder(path); }
static int io_stat(const char *path, int *is_folder, long long *size) {
    return fails("stat") ? -1 : gani_io_system.stat(path, is_folder, size);
}
static int io_is_link(const char *path) { return fails("is_link") ? -1 : gani_io_system.is_link(path); }
static int io_list(const char *path, int (*entry)(void *user, const char *name), void *user) {
    return fails("list") ? -1 : gani_io_system.list(path, entry, user);
}

const gani_io failing_io_table = {
    .open_read = io_open_read,
    .create = io_create,
    .open_append = io_open_append,
    .describe = io_describe,
    .read = io_read,
    .write = io_write,
    .truncate = io_truncate,
    .sync = io_sync,
    .close = io_close,
    .rename = io_rename,
    .remove = io_remove,
    .make_folder = io_make_folder,
    .sync_folder = io_sync_folder,
    .stat = io_stat,
    .is_link = io_is_link,
    .list = io_list,
};

void failing_io_begin(failing_io *how, const gani_io *table) {
    now = how;
    how->calls = 0;
    how->failed = NULL;
    before = table;
}

void failing_io_set(gan_context *context, failing_io *how) {
    failing_io_begin(how, context->io);
    context->io = &failing_io_table;
}

void failing_io_reset(gan_context *context) { context->io = before; }

gani_io quick_io(void) {
    gani_io io = gani_io_system;
    io.sync = no_sync;
    io.sync_folder = no_sync_folder;
    return io;
}
