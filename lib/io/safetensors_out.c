/* Writing of safetensors files. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "io/safetensors.h"

#define ZEROS "0000000000000000"

static size_t bytes_of(const gan_tensor *tensor) {
    return (size_t)gan_shape_count(tensor->shape) * gan_dtype_size(tensor->dtype);
}

/* The header behind its length, padded so that the data are aligned for any element. *digits: where the checksum's
 * digits are, or 0. */
static gan_status make_header(gani_json_out *out, const gani_entry *entries, int32_t count, const gani_note *notes,
                              int32_t note_count, int32_t checksum, size_t *digits) {
    *digits = 0;
    gani_json_raw(out, "\0\0\0\0\0\0\0\0", 8);
    gani_json_open(out, '{');
    if (note_count > 0 || checksum) {
        gani_json_key(out, "__metadata__");
        gani_json_open(out, '{');
        for (int32_t i = 0; i < note_count; i++) {
            gani_json_key(out, notes[i].key);
            gani_json_put_text(out, notes[i].text);
        }
        if (checksum) {
            gani_json_key(out, GANI_CHECKSUM_KEY);
            gani_json_put_text(out, ZEROS);
            *digits = out->size - 17;
        }
        gani_json_close(out, '}');
    }
    uint64_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        const gan_tensor *tensor = entries[i].tensor;
        gani_json_key(out, entries[i].name);
        gani_json_open(out, '{');
        gani_json_key(out, "dtype");
        gani_json_put_text(out, gani_safetensors_type(tensor->dtype));
        gani_json_key(out, "shape");
        gani_json_put_shape(out, tensor->shape);
        gani_json_key(out, "data_offsets");
        gani_json_open(out, '[');
        gani_json_put_int(out, (int64_t)at);
        at += bytes_of(tensor);
        gani_json_put_int(out, (int64_t)at);
        gani_json_close(out, ']');
        gani_json_close(out, '}');
    }
    gani_json_close(out, '}');
    while (out->status == GAN_OK && out->size % 8 != 0) gani_json_raw(out, " ", 1);
    if (out->status != GAN_OK) return out->status;
    uint64_t length = out->size - 8;
    if (length > GANI_SAFETENSORS_HEADER)
        return gani_fail(out->context, GAN_E_LIMIT, "the description of %d tensors is too long for a safetensors file",
                         (int)count);
    for (int i = 0; i < 8; i++) out->data[i] = (char)(unsigned char)(length >> (8 * i));
    return GAN_OK;
}

/* Where bytes go, until it says no. */
typedef struct sink {
    gani_write *write;
    void *user;
    gan_status status;
} sink;

static void give(sink *s, const void *data, size_t size) {
    if (s->status == GAN_OK) s->status = s->write(s->user, data, size);
}

static gan_status add_to_hash(void *user, const void *bytes, size_t size) {
    uint64_t *hash = user;
    *hash = gani_hash(*hash, bytes, size);
    return GAN_OK;
}

static gan_status add_to_file(void *user, const void *bytes, size_t size) {
    return gani_writer_write(user, bytes, size);
}

/* In the file's order of bytes. */
static void give_tensor(sink *s, const gan_tensor *tensor) {
    size_t bytes = bytes_of(tensor), element = gan_dtype_size(tensor->dtype);
    if (bytes == 0) return;
    if (gani_little_endian() || element == 1) {
        give(s, tensor->data, bytes);
        return;
    }
    unsigned char part[4096];
    const unsigned char *data = tensor->data;
    for (size_t at = 0; at < bytes;) {
        size_t size = bytes - at < sizeof part ? bytes - at : sizeof part;
        for (size_t i = 0; i < size; i++) part[i] = data[at + i / element * element + (element - 1 - i % element)];
        give(s, part, size);
        at += size;
    }
}

static void put_checksum(char digits[16], const gani_json_out *header, const gani_entry *entries, int32_t count) {
    uint64_t hash = gani_hash(GANI_HASH_START, header->data, header->size);
    sink s = {add_to_hash, &hash, GAN_OK};
    for (int32_t i = 0; i < count; i++) give_tensor(&s, entries[i].tensor);
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    memcpy(digits, text, 16);
}

gan_status gani_safetensors_stream(gan_context *context, gani_write *write, void *user, const gani_entry *entries,
                                   int32_t count, const gani_note *notes, int32_t note_count, int32_t checksum) {
    gani_json_out header;
    gani_json_begin(&header, context);
    size_t digits;
    sink s = {write, user, GAN_OK};
    gan_status status = make_header(&header, entries, count, notes, note_count, checksum, &digits);
    if (status == GAN_OK) {
        if (checksum) put_checksum(header.data + digits, &header, entries, count);
        give(&s, header.data, header.size);
        for (int32_t i = 0; i < count; i++) give_tensor(&s, entries[i].tensor);
        status = s.status;
    }
    gani_json_release(&header);
    return status;
}

gan_status gani_safetensors_write(gan_context *context, const char *path, const gani_entry *entries, int32_t count,
                                  const gani_note *notes, int32_t note_count, int32_t checksum) {
    gani_writer writer;
    gan_status status = gani_writer_begin(&writer, context, path);
    if (status != GAN_OK) return status;
    status = gani_safetensors_stream(context, add_to_file, &writer, entries, count, notes, note_count, checksum);
    if (status == GAN_OK) return gani_writer_commit(&writer);
    gani_writer_discard(&writer);
    return status;
}
