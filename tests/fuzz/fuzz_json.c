/* The JSON reader: what it accepts can be read by every function, and written and read again. */
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "io/json.h"
#include "io/numbers.h"

static void read_as_anything(gani_json *json, int32_t value) {
    json->status = GAN_OK;
    fuzz_status(json->context, (gani_json_int(json, value, INT64_MIN, INT64_MAX), json->status));
    json->status = GAN_OK;
    gani_json_int(json, value, -5, 1000);
    json->status = GAN_OK;
    gani_json_u64(json, value);
    json->status = GAN_OK;
    double number = gani_json_number(json, value);
    fuzz_expect(isfinite(number), "a number that is not finite was read");
    if (json->status == GAN_OK) {
        char text[GANI_NUMBER_SIZE];
        double again;
        size_t size = gani_number_format(number, text);
        fuzz_expect(gani_number_parse(text, size, &again) && again == number, "a number was written as another");
    }
    json->status = GAN_OK;
    gani_json_flag(json, value);
    json->status = GAN_OK;
    gani_shape_check(json->context, "shape", gani_json_shape(json, value), GAN_F32);
    json->status = GAN_OK;
    gani_json_member(json, value, "a");
    json->status = GAN_OK;
}

static int32_t copy(gani_json *json, int32_t value, gani_json_out *out) {
    const gani_json_token *token = &json->tokens[value];
    int32_t values = 1;
    if (value < 200) read_as_anything(json, value); /* a message with its path costs time on long arrays */
    switch (token->kind) {
    case GANI_JSON_OBJECT:
        gani_json_open(out, '{');
        for (int32_t key = gani_json_first(json, value); key >= 0; key = gani_json_next(json, key)) {
            gani_json_key(out, gani_json_text(json, key));
            values += 1 + copy(json, key + 1, out);
        }
        gani_json_close(out, '}');
        break;
    case GANI_JSON_ARRAY:
        gani_json_open(out, '[');
        for (int32_t i = gani_json_first(json, value); i >= 0; i = gani_json_next(json, i))
            values += copy(json, i, out);
        gani_json_close(out, ']');
        break;
    case GANI_JSON_STRING:
        gani_json_put_text(out, gani_json_text(json, value));
        break;
    case GANI_JSON_TRUE:
    case GANI_JSON_FALSE:
        gani_json_put_flag(out, gani_json_flag(json, value));
        break;
    default:
        gani_json_put_int(out, value);
    }
    return values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gan_context *context = fuzz_begin();
    gani_json json;
    if (fuzz_status(context, gani_json_parse(&json, context, "file", "text", (const char *)data, size)) == GAN_OK) {
        gani_json_out out;
        gani_json_begin(&out, context);
        int32_t count = copy(&json, 0, &out);
        fuzz_expect(count == json.count, "not every value was found");
        if (out.status == GAN_OK) {
            gani_json again;
            gan_status status = gani_json_parse(&again, context, "file", "text", out.data, out.size);
            fuzz_expect(status == GAN_OK || status == GAN_E_MEMORY, "what was written cannot be read");
            fuzz_expect(status != GAN_OK || again.count == json.count, "what was read was written otherwise");
            gani_json_end(&again);
        }
        gani_json_release(&out);
    }
    gani_json_end(&json);
    fuzz_end(context);
    return 0;
}
