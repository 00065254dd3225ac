/* Writing of JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "io/json.h"
#include "io/numbers.h"

void gani_json_begin(gani_json_out *out, gan_context *context) {
    memset(out, 0, sizeof *out);
    out->context = context;
}

void gani_json_clear(gani_json_out *out) {
    out->size = 0;
    out->comma = 0;
    out->status = GAN_OK;
    if (out->data != NULL) out->data[0] = '\0';
}

void gani_json_release(gani_json_out *out) {
    if (out->context != NULL) gani_free(out->context, out->data);
    out->data = NULL;
    out->size = out->capacity = 0;
}

void gani_json_raw(gani_json_out *out, const char *text, size_t size) {
    if (out->status != GAN_OK) return;
    if (out->capacity - out->size <= size) { /* room for the final 0, too */
        size_t capacity = out->capacity < 512 ? 512 : out->capacity;
        while (capacity - out->size <= size)
            if (!gani_mul_size(capacity, 2, &capacity)) capacity = SIZE_MAX;
        char *data = gani_realloc(out->context, out->data, capacity);
        if (data == NULL) {
            out->status = gani_no_memory(out->context, "JSON text");
            return;
        }
        out->data = data;
        out->capacity = capacity;
    }
    memcpy(out->data + out->size, text, size);
    out->size += size;
    out->data[out->size] = '\0';
}

static void put(gani_json_out *out, const char *text) { gani_json_raw(out, text, strlen(text)); }

static void separate(gani_json_out *out) {
    if (out->comma) gani_json_raw(out, ",", 1);
    out->comma = 1;
}

void gani_json_open(gani_json_out *out, char bracket) {
    separate(out);
    gani_json_raw(out, &bracket, 1);
    out->comma = 0;
}

void gani_json_close(gani_json_out *out, char bracket) {
    gani_json_raw(out, &bracket, 1);
    out->comma = 1;
}

void gani_json_key(gani_json_out *out, const char *key) {
    gani_json_put_text(out, key);
    gani_json_raw(out, ":", 1);
    out->comma = 0;
}

void gani_json_put_text(gani_json_out *out, const char *text) {
    separate(out);
    gani_json_raw(out, "\"", 1);
    const unsigned char *bytes = (const unsigned char *)text;
    size_t left = strlen(text);
    while (left > 0 && out->status == GAN_OK) {
        size_t length = gani_utf8_length(bytes, left);
        if (length == 0) {
            out->status =
                gani_fail(out->context, GAN_E_ARGUMENT, "a name is not UTF-8: it cannot be written to a file");
            return;
        }
        if (bytes[0] == '"' || bytes[0] == '\\') {
            char escaped[2] = {'\\', (char)bytes[0]};
            gani_json_raw(out, escaped, 2);
        } else if (bytes[0] < 0x20) {
            char escaped[8];
            snprintf(escaped, sizeof escaped, "\\u%04x", bytes[0]);
            put(out, escaped);
        } else {
            gani_json_raw(out, (const char *)bytes, length);
        }
        bytes += length;
        left -= length;
    }
    gani_json_raw(out, "\"", 1);
}

void gani_json_put_int(gani_json_out *out, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    separate(out);
    put(out, text);
}

void gani_json_put_u64(gani_json_out *out, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    gani_json_put_text(out, text);
}

void gani_json_put_number(gani_json_out *out, double value) {
    char text[GANI_NUMBER_SIZE];
    separate(out);
    if (!isfinite(value)) {
        put(out, "null");
        return;
    }
    gani_json_raw(out, text, gani_number_format(value, text));
}

void gani_json_put_flag(gani_json_out *out, int32_t value) {
    separate(out);
    put(out, value ? "true" : "false");
}

void gani_json_put_shape(gani_json_out *out, gan_shape shape) {
    gani_json_open(out, '[');
    for (int32_t i = 0; i < shape.rank; i++) gani_json_put_int(out, shape.size[i]);
    gani_json_close(out, ']');
}
