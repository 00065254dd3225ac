/* Parsing of JSON. jsmn cuts a text into tokens but lets much pass that is not JSON, so the grammar is checked first
 * (json_scan.c); then strings are unescaped in place and members that occur twice are found. */
#include "io/json.h"

#include <string.h>

#include "base/sort.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#include "io/jsmn.h"
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* ---- strings ---- */

static char *put_code(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xe0 | code >> 12);
        } else {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (code & 0x3f));
    return to;
}

static int hex_value(int c) { return c <= '9' ? c - '0' : c <= 'F' ? c - 'A' + 10 : c - 'a' + 10; }

static uint32_t take_unit(const char *text) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) unit = unit * 16 + (uint32_t)hex_value((unsigned char)text[i]);
    return unit;
}

/* The result is never longer, and the closing quote makes room for the final 0. */
static void unescape(char *text, gani_json_token *token) {
    char *to = text + token->start;
    const char *from = to, *end = text + token->end;
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        char c = from[1];
        from += 2;
        if (c == 'u') {
            uint32_t code = take_unit(from);
            from += 4;
            if (code >= 0xd800 && code <= 0xdbff) {
                code = 0x10000 + ((code - 0xd800) << 10) + (take_unit(from + 2) - 0xdc00);
                from += 6;
            }
            to = put_code(to, code);
        } else {
            *to++ = (char)(c == 'b' ? '\b' : c == 'f' ? '\f' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
        }
    }
    *to = '\0';
    token->end = (int32_t)(to - text);
}

/* -- members that occur twice: all keys are sorted by object and text ---- */

static int is_key(const gani_json *json, int32_t i) {
    int32_t parent = json->tokens[i].parent;
    return parent >= 0 && json->tokens[parent].kind == GANI_JSON_OBJECT;
}

static int compare_keys(const gani_json *json, int32_t a, int32_t b) {
    const gani_json_token *x = &json->tokens[a], *y = &json->tokens[b];
    if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
    return strcmp(json->text + x->start, json->text + y->start);
}

static int key_is_before(const void *user, int32_t a, int32_t b) { return compare_keys(user, a, b) < 0; }

static gan_status check_duplicates(gani_json *json) {
    int32_t count = 0;
    int32_t *keys = gani_alloc(json->context, (size_t)json->count * sizeof *keys);
    if (keys == NULL) return json->status = gani_no_memory(json->context, json->file);
    for (int32_t i = 1; i < json->count; i++)
        if (is_key(json, i)) keys[count++] = i;
    gani_sort(keys, count, key_is_before, json);
    for (int32_t i = 1; i < count && json->status == GAN_OK; i++)
        if (compare_keys(json, keys[i - 1], keys[i]) == 0) gani_json_fail(json, GAN_E_FORMAT, keys[i], "occurs twice");
    gani_free(json->context, keys);
    return json->status;
}

/* ---- tokens ---- */

static int32_t kind_of(const jsmntok_t *token, const char *text) {
    switch (token->type) {
    case JSMN_OBJECT:
        return GANI_JSON_OBJECT;
    case JSMN_ARRAY:
        return GANI_JSON_ARRAY;
    case JSMN_STRING:
        return GANI_JSON_STRING;
    default:
        break;
    }
    char c = text[token->start];
    return c == 't' ? GANI_JSON_TRUE : c == 'f' ? GANI_JSON_FALSE : c == 'n' ? GANI_JSON_NULL : GANI_JSON_NUMBER;
}

static gan_status make_tokens(gani_json *json, size_t size, int32_t count) {
    jsmntok_t *raw = gani_calloc(json->context, (size_t)count, sizeof *raw);
    json->tokens = gani_calloc(json->context, (size_t)count, sizeof *json->tokens);
    if (raw == NULL || json->tokens == NULL) {
        gani_free(json->context, raw);
        return json->status = gani_no_memory(json->context, json->file);
    }
    jsmn_parser parser;
    jsmn_init(&parser);
    int found = jsmn_parse(&parser, json->text, size, raw, (unsigned int)count);
    for (int32_t i = 0; i < count && found == count; i++) {
        gani_json_token *token = &json->tokens[i];
        token->kind = kind_of(&raw[i], json->text);
        token->start = raw[i].start;
        token->end = raw[i].end;
        token->parent = raw[i].parent;
        token->after = i + 1;
    }
    gani_free(json->context, raw);
    if (found != count) /* cannot be: the grammar was checked */
        return json->status =
                   gani_fail(json->context, GAN_E_FORMAT, "'%s': %s is not valid JSON", json->file, json->root);
    json->count = count;
    for (int32_t i = count; i-- > 1;) {
        gani_json_token *token = &json->tokens[i], *parent = &json->tokens[token->parent];
        if (parent->after < token->after) parent->after = token->after;
    }
    for (int32_t i = 0; i < count; i++)
        if (json->tokens[i].kind == GANI_JSON_STRING) unescape(json->text, &json->tokens[i]);
    return GAN_OK;
}

gan_status gani_json_parse(gani_json *json, gan_context *context, const char *file, const char *root, const char *text,
                           size_t size) {
    memset(json, 0, sizeof *json);
    json->context = context;
    json->file = file;
    json->root = root;
    int32_t tokens;
    size_t at;
    if (size > INT32_MAX - 1)
        return json->status = gani_fail(context, GAN_E_LIMIT, "'%s': %s is longer than 2 GB", file, root);
    if (!gani_json_scan(text, size, &tokens, &at)) {
        if (tokens > GANI_JSON_MAX_TOKENS)
            return json->status = gani_fail(context, GAN_E_LIMIT, "'%s': %s has more than %d values", file, root,
                                            GANI_JSON_MAX_TOKENS);
        return json->status =
                   gani_fail(context, GAN_E_FORMAT, "'%s': %s is not valid JSON at byte %zu", file, root, at);
    }
    json->text = gani_alloc(context, size + 1);
    if (json->text == NULL) return json->status = gani_no_memory(context, file);
    memcpy(json->text, text, size);
    json->text[size] = '\0';
    if (make_tokens(json, size, tokens) == GAN_OK && check_duplicates(json) == GAN_OK) gani_json_object(json, 0);
    if (json->status != GAN_OK) {
        gan_status status = json->status;
        gani_json_end(json);
        json->status = status;
    }
    return json->status;
}

void gani_json_end(gani_json *json) {
    if (json->context == NULL) return;
    gani_free(json->context, json->text);
    gani_free(json->context, json->tokens);
    json->text = NULL;
    json->tokens = NULL;
    json->count = 0;
}
