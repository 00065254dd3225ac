/* What a JSON text says: typed values, with messages that name the place. */
#include <stdio.h>
#include <string.h>

#include "io/json.h"
#include "io/numbers.h"

static int valid(const gani_json *json, int32_t value) { return value >= 0 && value < json->count; }

/* ---- where a value is: "nodes[3].config.kernel" ---- */

#define PATH_SIZE 200

static int32_t position_in(const gani_json *json, int32_t array, int32_t value) {
    int32_t index = 0;
    for (int32_t i = gani_json_first(json, array); i >= 0 && i != value; i = gani_json_next(json, i)) index++;
    return index;
}

static void path_of(const gani_json *json, int32_t value, char *buffer) {
    int32_t steps[2 * GANI_JSON_MAX_DEPTH + 2], count = 0;
    for (int32_t i = value; i > 0 && count < (int32_t)(sizeof steps / sizeof steps[0]); i = json->tokens[i].parent)
        steps[count++] = i;
    size_t used = (size_t)snprintf(buffer, PATH_SIZE, "%s", json->root);
    while (count-- > 0 && used < PATH_SIZE) {
        const gani_json_token *token = &json->tokens[steps[count]];
        int32_t kind = json->tokens[token->parent].kind;
        if (kind == GANI_JSON_OBJECT)
            used += (size_t)snprintf(buffer + used, PATH_SIZE - used, ".%s", json->text + token->start);
        else if (kind == GANI_JSON_ARRAY)
            used += (size_t)snprintf(buffer + used, PATH_SIZE - used, "[%d]",
                                     (int)position_in(json, token->parent, steps[count]));
    }
}

void gani_json_fail(gani_json *json, gan_status status, int32_t value, const char *format, ...) {
    if (json->status != GAN_OK) return;
    char path[PATH_SIZE], text[GANI_MESSAGE_SIZE];
    path_of(json, valid(json, value) ? value : 0, path);
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    json->status = gani_fail(json->context, status, "'%s': %s %s", json->file, path, text);
}

/* ---- containers ---- */

int32_t gani_json_first(const gani_json *json, int32_t value) {
    if (!valid(json, value) || json->tokens[value].kind > GANI_JSON_ARRAY) return -1;
    return json->tokens[value].after > value + 1 ? value + 1 : -1;
}

int32_t gani_json_next(const gani_json *json, int32_t element) {
    if (!valid(json, element)) return -1;
    const gani_json_token *token = &json->tokens[element];
    return token->after < json->tokens[token->parent].after ? token->after : -1;
}

int32_t gani_json_size(const gani_json *json, int32_t value) {
    int32_t size = 0;
    for (int32_t i = gani_json_first(json, value); i >= 0; i = gani_json_next(json, i)) size++;
    return size;
}

int32_t gani_json_find(const gani_json *json, int32_t object, const char *key) {
    if (!valid(json, object) || json->tokens[object].kind != GANI_JSON_OBJECT) return -1;
    for (int32_t i = gani_json_first(json, object); i >= 0; i = gani_json_next(json, i))
        if (strcmp(json->text + json->tokens[i].start, key) == 0) return i + 1;
    return -1;
}

int32_t gani_json_member(gani_json *json, int32_t object, const char *key) {
    if (json->status != GAN_OK || gani_json_object(json, object) < 0) return -1;
    int32_t found = gani_json_find(json, object, key);
    if (found < 0) gani_json_fail(json, GAN_E_FORMAT, object, "has no member \"%s\"", key);
    return found;
}

/* ---- values ---- */

static const gani_json_token *expect(gani_json *json, int32_t value, int32_t kind, const char *name) {
    if (json->status != GAN_OK || !valid(json, value)) return NULL;
    if (json->tokens[value].kind == kind) return &json->tokens[value];
    gani_json_fail(json, GAN_E_FORMAT, value, "is not %s", name);
    return NULL;
}

int32_t gani_json_object(gani_json *json, int32_t value) {
    return expect(json, value, GANI_JSON_OBJECT, "an object") == NULL ? -1 : value;
}

int32_t gani_json_array(gani_json *json, int32_t value) {
    return expect(json, value, GANI_JSON_ARRAY, "an array") == NULL ? -1 : value;
}

int64_t gani_json_int(gani_json *json, int32_t value, int64_t low, int64_t high) {
    const gani_json_token *token = expect(json, value, GANI_JSON_NUMBER, "a number");
    if (token == NULL) return 0;
    int64_t result = 0;
    const char *text = json->text + token->start;
    int negative = text[0] == '-', fits = 1;
    for (int32_t i = negative; i < token->end - token->start && fits; i++) {
        if (text[i] < '0' || text[i] > '9') fits = 0; /* a fraction or an exponent */
        fits = fits && gani_mul_i64(result, 10, &result) &&
               gani_add_i64(result, negative ? '0' - text[i] : text[i] - '0', &result);
    }
    if (fits && result >= low && result <= high) return result;
    gani_json_fail(json, GAN_E_FORMAT, value, "is not an integer from %lld to %lld", (long long)low, (long long)high);
    return 0;
}

uint64_t gani_json_u64(gani_json *json, int32_t value) {
    const gani_json_token *token = expect(json, value, GANI_JSON_STRING, "a string");
    if (token == NULL) return 0;
    const char *text = json->text + token->start;
    uint64_t result = 0;
    int fits = text[0] != '\0';
    for (const char *c = text; *c != '\0' && fits; c++) {
        fits = *c >= '0' && *c <= '9' && !__builtin_mul_overflow(result, (uint64_t)10, &result) &&
               !__builtin_add_overflow(result, (uint64_t)(*c - '0'), &result);
    }
    if (fits) return result;
    gani_json_fail(json, GAN_E_FORMAT, value, "is not a 64-bit number");
    return 0;
}

double gani_json_number(gani_json *json, int32_t value) {
    const gani_json_token *token = expect(json, value, GANI_JSON_NUMBER, "a number");
    double result;
    if (token == NULL) return 0;
    if (gani_number_parse(json->text + token->start, (size_t)(token->end - token->start), &result)) return result;
    gani_json_fail(json, GAN_E_FORMAT, value, "is a number that is too long or too large");
    return 0;
}

int32_t gani_json_flag(gani_json *json, int32_t value) {
    if (json->status != GAN_OK || !valid(json, value)) return 0;
    int32_t kind = json->tokens[value].kind;
    if (kind != GANI_JSON_TRUE && kind != GANI_JSON_FALSE)
        gani_json_fail(json, GAN_E_FORMAT, value, "is not true or false");
    return kind == GANI_JSON_TRUE;
}

const char *gani_json_text(gani_json *json, int32_t value) {
    const gani_json_token *token = expect(json, value, GANI_JSON_STRING, "a string");
    return token == NULL ? "" : json->text + token->start;
}

gan_shape gani_json_shape(gani_json *json, int32_t value) {
    gan_shape shape;
    memset(&shape, 0, sizeof shape);
    if (gani_json_array(json, value) < 0) return shape;
    for (int32_t i = gani_json_first(json, value); i >= 0; i = gani_json_next(json, i)) {
        if (shape.rank == GAN_MAX_RANK) {
            gani_json_fail(json, GAN_E_UNSUPPORTED, value, "has more than %d axes", GAN_MAX_RANK);
            break;
        }
        shape.size[shape.rank++] = gani_json_int(json, i, 0, INT64_MAX);
    }
    if (json->status != GAN_OK) memset(&shape, 0, sizeof shape);
    return shape;
}
