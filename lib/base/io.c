/* Whole-file reading and atomic writing over the io table. */
#define _POSIX_C_SOURCE 200809L
#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"

/* strerror is not thread-safe; the XSI strerror_r is */
static gan_status io_error(gan_context *context, const char *what, const char *path) {
    int code = errno;
    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", code);
    return gani_fail(context, GAN_E_IO, "cannot %s '%s': %s", what, path, reason);
}

static gan_status read_into(gan_context *context, const char *path, int file, unsigned char *data, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t part = size - done > ((size_t)1 << 30) ? (size_t)1 << 30 : size - done;
        long long got = context->io->read(file, data + done, part);
        if (got < 0) return io_error(context, "read", path);
        if (got == 0) return gani_fail(context, GAN_E_IO, "cannot read '%s': it became shorter while being read", path);
        done += (size_t)got;
    }
    return GAN_OK;
}

static gan_status size_of(gan_context *context, const char *path, int file, size_t limit, size_t *size) {
    int kind;
    long long bytes;
    if (context->io->describe(file, &kind, &bytes) != 0) return io_error(context, "open", path);
    if (kind != GANI_FILE)
        return gani_fail(context, GAN_E_IO, "cannot read '%s': it is %s", path,
                         kind == GANI_FOLDER ? "a folder" : "a device or pipe, not a file");
    if (bytes < 0 || (unsigned long long)bytes > limit)
        return gani_fail(context, GAN_E_LIMIT, "'%s' has %lld bytes: more than the %zu allowed", path, bytes, limit);
    *size = (size_t)bytes;
    return GAN_OK;
}

gan_status gani_file_read_all(gan_context *context, const char *path, size_t limit, unsigned char **data,
                              size_t *size) {
    *data = NULL;
    *size = 0;
    int file = context->io->open_read(path);
    if (file < 0) return io_error(context, "open", path);
    gan_status status = size_of(context, path, file, limit, size);
    if (status == GAN_OK) {
        *data = gani_alloc(context, *size + 1);
        status = *data == NULL ? gani_no_memory(context, path) : read_into(context, path, file, *data, *size);
    }
    context->io->close(file);
    if (status == GAN_OK) {
        (*data)[*size] = 0;
    } else {
        gani_free(context, *data);
        *data = NULL;
        *size = 0;
    }
    return status;
}

static void end_writer(gani_writer *writer) {
    gani_free(writer->context, writer->path);
    gani_free(writer->context, writer->temporary);
    writer->path = writer->temporary = NULL;
    writer->file = -1;
}

gan_status gani_writer_begin(gani_writer *writer, gan_context *context, const char *path) {
    memset(writer, 0, sizeof *writer);
    writer->context = context;
    writer->file = -1;
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] == '/')
        return writer->status = gani_fail(context, GAN_E_ARGUMENT, "cannot write '%s': not a file name", path);
    writer->path = gani_strdup(context, path);
    writer->temporary = gani_alloc(context, length + 48);
    if (writer->path == NULL || writer->temporary == NULL) {
        end_writer(writer);
        return writer->status = gani_no_memory(context, path);
    }
    for (int attempt = 0;; attempt++) {
        snprintf(writer->temporary, length + 48, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        writer->file = context->io->create(writer->temporary);
        if (writer->file >= 0) return GAN_OK;
        if (errno == EEXIST && attempt < 1000)
            continue; /* another context of this process, or the remains of a crash */
        writer->status = io_error(context, "create", writer->temporary);
        end_writer(writer);
        return writer->status;
    }
}

gan_status gani_writer_write(gani_writer *writer, const void *data, size_t size) {
    if (writer->status != GAN_OK) return writer->status;
    const unsigned char *bytes = data;
    while (size > 0) {
        size_t part = size > ((size_t)1 << 30) ? (size_t)1 << 30 : size;
        long long done = writer->context->io->write(writer->file, bytes, part);
        if (done <= 0) {
            if (done == 0) errno = ENOSPC;
            return writer->status = io_error(writer->context, "write", writer->path);
        }
        bytes += done;
        size -= (size_t)done;
    }
    return GAN_OK;
}

void gani_writer_discard(gani_writer *writer) {
    if (writer->path == NULL) return;
    if (writer->file >= 0) writer->context->io->close(writer->file);
    writer->context->io->remove(writer->temporary);
    end_writer(writer);
}

static gan_status sync_parent(gan_context *context, char *path) {
    char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "." : slash == path ? "/" : path;
    if (slash != NULL && slash != path) *slash = '\0';
    gan_status status = context->io->sync_folder(folder) == 0 ? GAN_OK : io_error(context, "sync", folder);
    if (slash != NULL && slash != path) *slash = '/';
    return status;
}

gan_status gani_writer_commit(gani_writer *writer) {
    if (writer->path == NULL) return writer->status;
    gan_context *context = writer->context;
    const gani_io *io = context->io;
    if (writer->status == GAN_OK && io->sync(writer->file) != 0)
        writer->status = io_error(context, "write", writer->path);
    int closed = io->close(writer->file);
    if (writer->status == GAN_OK && closed != 0) writer->status = io_error(context, "write", writer->path);
    writer->file = -1;
    if (writer->status == GAN_OK && io->rename(writer->temporary, writer->path) != 0)
        writer->status = io_error(context, "replace", writer->path);
    if (writer->status != GAN_OK) {
        io->remove(writer->temporary);
    } else {
        writer->status = sync_parent(context, writer->path);
    }
    end_writer(writer);
    return writer->status;
}
