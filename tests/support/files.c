#include "files.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *need(void *pointer, const char *what) {
    if (pointer == NULL) {
        perror(what);
        exit(1);
    }
    return pointer;
}

char *files_folder(char *path) {
    const char *base = getenv("TMPDIR");
    snprintf(path, FILES_PATH, "%s/libgan-test-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    return need(mkdtemp(path), path);
}

char *files_join(char *path, const char *folder, const char *name) {
    if (snprintf(path, FILES_PATH, "%s/%s", folder, name) >= FILES_PATH) {
        fprintf(stderr, "path too long: %s/%s\n", folder, name);
        exit(1);
    }
    return path;
}

void files_remove(const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0) return;
    if (S_ISDIR(info.st_mode)) {
        chmod(path, 0700);
        DIR *folder = need(opendir(path), path);
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            char inner[FILES_PATH];
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                files_remove(files_join(inner, path, entry->d_name));
        }
        closedir(folder);
        rmdir(path);
    } else {
        unlink(path);
    }
}

void files_make_folder(const char *path) {
    if (mkdir(path, 0700) != 0) need(NULL, path);
}

void files_write(const char *path, const void *data, size_t size) {
    FILE *file = need(fopen(path, "wb"), path);
    if (fwrite(data, 1, size, file) != size || fclose(file) != 0) need(NULL, path);
}

unsigned char *files_read(const char *path, size_t *size) {
    FILE *file = need(fopen(path, "rb"), path);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    unsigned char *data = need(malloc((size_t)length + 1), path);
    *size = fread(data, 1, (size_t)length, file);
    data[*size] = 0;
    fclose(file);
    return data;
}

char *files_read_log(const char *folder) {
    char path[FILES_PATH];
    size_t size;
    return (char *)files_read(files_join(path, folder, "log.jsonl"), &size);
}

int files_exist(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

int files_count(const char *folder) {
    int count = 0;
    DIR *handle = need(opendir(folder), folder);
    for (struct dirent *entry; (entry = readdir(handle)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(handle);
    return count;
}

/* ---- PNG ---- */

typedef struct bytes {
    unsigned char *data;
    size_t size, capacity;
} bytes;

static void put(bytes *b, const void *data, size_t size) {
    if (b->size + size > b->capacity) {
        b->capacity = 2 * (b->size + size) + 64;
        b->data = need(realloc(b->data, b->capacity), "memory");
    }
    if (size > 0) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_byte(bytes *b, unsigned value) {
    unsigned char byte = (unsigned char)value;
    put(b, &byte, 1);
}

static void put_u32(bytes *b, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) put_byte(b, value >> shift & 255);
}

static void put_chunk(bytes *b, const char *type, const void *data, size_t size) {
    put_u32(b, (uint32_t)size);
    size_t from = b->size;
    put(b, type, 4);
    put(b, data, size);
    uint32_t crc = 0xffffffffu;
    for (size_t i = from; i < b->size; i++) {
        crc ^= b->data[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    put_u32(b, ~crc);
}

/* Scan lines with filter bytes, in passes if interlaced. */
static bytes scan_lines(const files_png *png) {
    static const int start_x[8] = {0, 4, 0, 2, 0, 1, 0, 0}, step_x[8] = {8, 8, 4, 4, 2, 2, 1, 1};
    static const int start_y[8] = {0, 0, 4, 0, 2, 0, 1, 0}, step_y[8] = {8, 8, 8, 4, 4, 2, 2, 1};
    static const int channels[7] = {1, 0, 3, 1, 2, 0, 4};
    size_t bits = (size_t)(channels[png->colour] * png->depth), line = (bits * (size_t)png->width + 7) / 8,
           pixel = bits / 8;
    bytes raw = {NULL, 0, 0};
    if (!png->interlaced)
        for (int y = 0; y < png->height; y++) {
            put_byte(&raw, 0);
            put(&raw, png->rows + (size_t)y * line, line);
        }
    else
        for (int pass = 0; pass < 7; pass++)
            for (int y = start_y[pass]; y < png->height && start_x[pass] < png->width; y += step_y[pass]) {
                put_byte(&raw, 0);
                for (int x = start_x[pass]; x < png->width; x += step_x[pass])
                    put(&raw, png->rows + (size_t)y * line + (size_t)x * pixel, pixel);
            }
    return raw;
}

/* A zlib stream that packs nothing. */
static void put_stored(bytes *packed, const files_png *png) {
    bytes raw = scan_lines(png);
    put(packed, "\x78\x01", 2);
    uint32_t a = 1, b = 0;
    for (size_t at = 0; at < raw.size || at == 0;) {
        size_t part = raw.size - at > 65535 ? 65535 : raw.size - at;
        put_byte(packed, at + part == raw.size);
        put_byte(packed, part & 255);
        put_byte(packed, part >> 8);
        put_byte(packed, ~part & 255);
        put_byte(packed, ~part >> 8 & 255);
        put(packed, raw.data + at, part);
        for (size_t i = at; i < at + part; i++) {
            a = (a + raw.data[i]) % 65521;
            b = (b + a) % 65521;
        }
        at += part;
        if (part == 0) break;
    }
    put_u32(packed, b << 16 | a);
    free(raw.data);
}

unsigned char *files_png_bytes(const files_png *png, size_t *size) {
    bytes out = {NULL, 0, 0}, header = {NULL, 0, 0}, packed = {NULL, 0, 0};
    put(&out, "\x89PNG\r\n\x1a\n", 8);
    put_u32(&header, (uint32_t)png->width);
    put_u32(&header, (uint32_t)png->height);
    put_byte(&header, (unsigned)png->depth);
    put_byte(&header, (unsigned)png->colour);
    put_byte(&header, 0);
    put_byte(&header, 0);
    put_byte(&header, png->interlaced != 0);
    put_chunk(&out, "IHDR", header.data, header.size);
    if (png->palette_size > 0) put_chunk(&out, "PLTE", png->palette, png->palette_size);
    if (png->transparency_size > 0) put_chunk(&out, "tRNS", png->transparency, png->transparency_size);
    if (png->stream != NULL)
        put(&packed, png->stream, png->stream_size);
    else
        put_stored(&packed, png);
    put_chunk(&out, "IDAT", packed.data, packed.size);
    put_chunk(&out, "IEND", NULL, 0);
    free(header.data);
    free(packed.data);
    *size = out.size;
    return out.data;
}

void files_write_png(const char *path, const files_png *png) {
    size_t size;
    unsigned char *data = files_png_bytes(png, &size);
    files_write(path, data, size);
    free(data);
}
