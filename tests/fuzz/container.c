/* Safetensors files made of bytes, with the lengths, offsets and checksums that chance would never get right. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "fuzz.h"

#define DATA_MOST ((size_t)1 << 20) /* bytes of tensors that a text may ask for */

typedef struct buffer {
    char *data;
    size_t size, room;
} buffer;

static void put(buffer *b, const void *data, size_t size) {
    if (b->room - b->size < size) {
        b->room = (b->size + size) * 2;
        b->data = realloc(b->data, b->room);
        if (b->data == NULL) abort();
    }
    if (size > 0) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_string(buffer *b, const char *text) { put(b, text, strlen(text)); }

static void put_escaped(buffer *b, const uint8_t *text, size_t size) {
    char escape[8];
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\' || text[i] < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", text[i]);
            put_string(b, escape);
        } else {
            put(b, &text[i], 1);
        }
    }
}

/* ---- lines "NAME TYPE SIZE SIZE ..." ---- */

static const uint8_t *word(const uint8_t **at, const uint8_t *end, size_t *size) {
    while (*at < end && **at == ' ') ++*at;
    const uint8_t *start = *at;
    while (*at < end && **at != ' ') ++*at;
    *size = (size_t)(*at - start);
    return start;
}

static size_t bytes_of_type(const uint8_t *type, size_t size) {
    static const struct {
        const char *name;
        size_t bytes;
    } known[] = {{"F32", 4}, {"F64", 8}, {"I32", 4}, {"U8", 1}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"BOOL", 1}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (size == strlen(known[i].name) && memcmp(type, known[i].name, size) == 0) return known[i].bytes;
    return 1;
}

static void put_tensor(buffer *header, const uint8_t *line, const uint8_t *end, size_t *offset) {
    size_t name_size, type_size, size;
    const uint8_t *name = word(&line, end, &name_size), *type = word(&line, end, &type_size);
    put_string(header, ",\"");
    put_escaped(header, name, name_size);
    put_string(header, "\":{\"dtype\":\"");
    put_escaped(header, type, type_size);
    put_string(header, "\",\"shape\":[");
    size_t bytes = bytes_of_type(type, type_size);
    int first = 1;
    for (const uint8_t *number = word(&line, end, &size); size > 0; number = word(&line, end, &size)) {
        size_t value = 0;
        for (size_t i = 0; i < size && value < DATA_MOST; i++) value = value * 10 + (size_t)(number[i] - '0') % 10;
        bytes = value > DATA_MOST ? DATA_MOST + 1 : bytes * value > DATA_MOST ? DATA_MOST + 1 : bytes * value;
        if (!first) put_string(header, ",");
        put_escaped(header, number, size);
        first = 0;
    }
    if (*offset + bytes > DATA_MOST) bytes = 0;
    char text[80];
    snprintf(text, sizeof text, "],\"data_offsets\":[%zu,%zu]}", *offset, *offset + bytes);
    put_string(header, text);
    *offset += bytes;
}

static void put_described(buffer *file, const char *key, fuzz_bytes bytes) {
    const uint8_t *text, *lines;
    size_t size = fuzz_text(&bytes, &text), line_bytes = fuzz_text(&bytes, &lines), offset = 0;
    put_string(file, "{\"__metadata__\":{\"");
    put_string(file, key);
    put_string(file, "\":\"");
    put_escaped(file, text, size);
    put_string(file, "\",\"gan.checksum\":\"0000000000000000\"}");
    for (const uint8_t *line = lines, *end = lines + line_bytes; line < end;) {
        const uint8_t *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) stop = end;
        put_tensor(file, line, stop, &offset);
        line = stop + 1;
    }
    put_string(file, "}");
    uint64_t length = file->size - 8;
    memcpy(file->data, &length, sizeof length);
    /* floats from 0.25 to 0.75, which as doubles are small numbers, too */
    static const unsigned char numbers[16] = {0, 0, 0x80, 0x3e, 0, 0, 0, 0x3f, 0, 0, 0x40, 0x3f, 0, 0, 0, 0xbf};
    for (size_t at = 0; at < offset; at += sizeof numbers)
        put(file, numbers, offset - at < sizeof numbers ? offset - at : sizeof numbers);
}

static void put_headed(buffer *file, fuzz_bytes bytes) {
    const uint8_t *text;
    uint64_t length = fuzz_text(&bytes, &text);
    put(file, text, (size_t)length);
    memcpy(file->data, &length, sizeof length);
    put(file, bytes.data, bytes.size);
}

/* The digits behind `"gan.checksum":"` are made right. */
static void mend_checksum(buffer *file) {
    static const char key[] = "\"gan.checksum\":\"";
    size_t length = sizeof key - 1;
    for (size_t i = 8; i + length + 16 <= file->size; i++) {
        if (memcmp(file->data + i, key, length) != 0) continue;
        char digits[24];
        memset(file->data + i + length, '0', 16);
        snprintf(digits, sizeof digits, "%016" PRIx64, gani_hash(GANI_HASH_START, file->data, file->size));
        memcpy(file->data + i + length, digits, 16);
        return;
    }
}

void fuzz_container(const char *path, const char *key, fuzz_bytes bytes) {
    buffer file = {0};
    uint8_t kind = fuzz_u8(&bytes);
    if (kind == 'r') {
        put(&file, bytes.data, bytes.size);
    } else {
        put(&file, "\0\0\0\0\0\0\0", 8);
        if (kind == 'h')
            put_headed(&file, bytes);
        else
            put_described(&file, key, bytes);
        mend_checksum(&file);
    }
    fuzz_file(path, file.data, file.size);
    free(file.data);
}
