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
void gani_io_reason(int code, char reason[GANI_REASON_SIZE]) {
    if (strerror_r(code, reason, GANI_REASON_SIZE) != 0) snprintf(reason, GANI_REASON_SIZE, "error %d", code);
}

char *gani_path_join(gan_context *context, const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *joined = gani_alloc(context, size);
    if (joined == NULL)
        gani_no_memory(context, name);
    else
        snprintf(joined, size, "%s/%s", folder, name);
    return joined;
}

char *gani_path_beside(gan_context *context, const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1, length = strlen(name);
    char *beside = gani_alloc(context, folder + length + 1);
    if (beside == NULL) {
        gani_no_memory(context, name);
        return NULL;
    }
    memcpy(beside, path, folder);
    memcpy(beside + folder, name, length + 1);
    return beside;
}

static gan_status io_error(gan_context *context, const char *what, const char *path) {
    char reason[GANI_REASON_SIZE];
    gani_io_reason(errno, reason);
    return gani_fail(context, GAN_E_IO, "cannot %s '%s': %s", what, path, reason);
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

gan_status gani_reader_begin(gani_reader *reader, gan_context *context, const char *path, size_t limit) {
    *reader = (gani_reader){.context = context, .path = path, .file = context->io->open_read(path)};
    if (reader->file < 0) return io_error(context, "open", path);
    gan_status status = size_of(context, path, reader->file, limit, &reader->size);
    if (status != GAN_OK) gani_reader_end(reader);
    return status;
}

void gani_reader_begin_memory(gani_reader *reader, gan_context *context, const char *name, const void *bytes,
                              size_t size) {
    *reader = (gani_reader){.context = context, .path = name, .memory = bytes, .file = -1, .size = size};
}

gan_status gani_reader_to(gani_reader *reader, size_t done) {
    gan_context *context = reader->context;
    unsigned char *data = gani_realloc(context, reader->data, done + 1);
    if (data == NULL) return gani_no_memory(context, reader->path);
    reader->data = data;
    if (reader->memory != NULL) {
        memcpy(data + reader->done, reader->memory + reader->done, done - reader->done);
        reader->done = done;
    }
    while (reader->done < done) {
        size_t left = done - reader->done, part = left > ((size_t)1 << 30) ? (size_t)1 << 30 : left;
        long long got = context->io->read(reader->file, data + reader->done, part);
        if (got < 0) return io_error(context, "read", reader->path);
        if (got == 0)
            return gani_fail(context, GAN_E_IO, "cannot read '%s': it became shorter while being read", reader->path);
        reader->done += (size_t)got;
    }
    data[reader->done] = 0;
    return GAN_OK;
}

void gani_reader_end(gani_reader *reader) {
    if (reader->file >= 0) reader->context->io->close(reader->file);
    reader->file = -1;
}

gan_status gani_file_read_all(gan_context *context, const char *path, size_t limit, unsigned char **data,
                              size_t *size) {
    gani_reader reader;
    *data = NULL;
    *size = 0;
    gan_status status = gani_reader_begin(&reader, context, path, limit);
    if (status != GAN_OK) return status;
    status = gani_reader_to(&reader, reader.size);
    gani_reader_end(&reader);
    if (status == GAN_OK) {
        *data = reader.data;
        *size = reader.size;
    } else {
        gani_free(context, reader.data);
    }
    return status;
}

gan_status gani_file_size(gan_context *context, const char *path, size_t *size) {
    int is_folder = 0;
    long long bytes = 0;
    if (context->io->stat(path, &is_folder, &bytes) != 0) return io_error(context, "open", path);
    *size = is_folder || bytes < 0 ? 0 : (size_t)bytes;
    return GAN_OK;
}

gan_status gani_file_is_link(gan_context *context, const char *path, int *is_link) {
    *is_link = context->io->is_link(path);
    return *is_link < 0 ? io_error(context, "open", path) : GAN_OK;
}

static void end_writer(gani_writer *writer) {
    gani_free(writer->context, writer->path);
    gani_free(writer->context, writer->temporary);
    writer->path = writer->temporary = NULL;
    writer->file = -1;
}

enum { LONGEST_STEM = 200 }; /* of a name, in that of its temporary file: systems allow 255 bytes */

gan_status gani_writer_begin(gani_writer *writer, gan_context *context, const char *path) {
    memset(writer, 0, sizeof *writer);
    writer->context = context;
    writer->file = -1;
    size_t length = strlen(path), room = length + 48;
    if (length == 0 || path[length - 1] == '/')
        return writer->status = gani_fail(context, GAN_E_ARGUMENT, "cannot write '%s': not a file name", path);
    int is_folder = 0;
    long long bytes = 0;
    if (context->io->stat(path, &is_folder, &bytes) != 0) {
        /* a link to itself, or into a folder that may not be searched, gives way as other links do */
        if (errno != ENOENT && errno != EACCES && errno != ELOOP)
            return writer->status = io_error(context, "write", path);
    } else if (!is_folder && bytes < 0) { /* the new file would take its place */
        return writer->status =
                   gani_fail(context, GAN_E_IO, "cannot write '%s': it is a device or pipe, not a file", path);
    }
    const char *slash = strrchr(path, '/');
    size_t name = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    int stem = (int)(length - name > LONGEST_STEM ? name + LONGEST_STEM : length);
    writer->path = gani_strdup(context, path);
    writer->temporary = gani_alloc(context, room);
    if (writer->path == NULL || writer->temporary == NULL) {
        end_writer(writer);
        return writer->status = gani_no_memory(context, path);
    }
    for (int attempt = 0;; attempt++) {
        snprintf(writer->temporary, room, "%.*s.%ld-%d.tmp", stem, path, (long)getpid(), attempt);
        writer->file = context->io->create(writer->temporary);
        if (writer->file >= 0) return GAN_OK;
        if (errno == EEXIST && attempt < 1000)
            continue; /* another context of this process, or the remains of a crash */
        writer->status = io_error(context, "create", path); /* its temporary name is nobody's concern */
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

gan_status gani_sync_parent(gan_context *context, char *path) {
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
        writer->status = gani_sync_parent(context, writer->path);
    }
    end_writer(writer);
    return writer->status;
}
