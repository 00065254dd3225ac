/* Parsing of JSON. jsmn cuts a text into tokens but lets much pass that is not JSON, so the grammar is checked first, by a scanner without
 * recursion; then strings are unescaped in place and members that occur twice are found. */
#include "io/json.h"

#include <string.h>

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

size_t gani_utf8_length(const unsigned char *text, size_t size) {
    if (size == 0) return 0;
    unsigned char c = text[0];
    if (c < 0x80) return 1;
    size_t length = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (length == 0 || length > size) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) || (c == 0xf0 && text[1] < 0x90) ||
        (c == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

/* -- the grammar ----------------------------------------------------------------------------------------------------------- */

typedef struct scanner {
    const unsigned char *text;
    size_t size, at;
    int32_t tokens;
    int depth;
    char open[GANI_JSON_MAX_DEPTH];
} scanner;

static int is_digit(int c) { return c >= '0' && c <= '9'; }

static int hex_value(int c) {
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int peek(const scanner *s) { return s->at < s->size ? s->text[s->at] : -1; }

static void skip_space(scanner *s) {
    while (s->at < s->size && memchr(" \t\r\n", s->text[s->at], 4) != NULL) s->at++;
}

static int scan_unit(const scanner *s, size_t at) { /* the 16 bits of \uXXXX, whose X begin at `at`; -1 */
    if (at > s->size || s->size - at < 4) return -1;
    int unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_value(s->text[at + i]);
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static int scan_escape(scanner *s) { /* at the character behind the backslash */
    int c = peek(s);
    if (c < 0 || strchr("\"\\/bfnrtu", c) == NULL || c == 0) return 0;
    s->at++;
    if (c != 'u') return 1;
    int unit = scan_unit(s, s->at);
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return 0; /* U+0000 could not end in a C string */
    s->at += 4;
    if (unit < 0xd800 || unit > 0xdbff) return 1;
    if (s->size - s->at < 6 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u') return 0;
    unit = scan_unit(s, s->at + 2);
    s->at += 6;
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static int scan_string(scanner *s) {
    if (peek(s) != '"') return 0;
    s->at++;
    s->tokens++;
    for (;;) {
        int c = peek(s);
        if (c < 0x20) return 0;
        if (c == '"') {
            s->at++;
            return 1;
        }
        if (c == '\\') {
            s->at++;
            if (!scan_escape(s)) return 0;
            continue;
        }
        size_t length = gani_utf8_length(s->text + s->at, s->size - s->at);
        if (length == 0) return 0;
        s->at += length;
    }
}

static int scan_digits(scanner *s) {
    if (!is_digit(peek(s))) return 0;
    while (is_digit(peek(s))) s->at++;
    return 1;
}

static int scan_number(scanner *s) {
    if (peek(s) == '-') s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!scan_digits(s))
        return 0;
    if (peek(s) == '.') {
        s->at++;
        if (!scan_digits(s)) return 0;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') s->at++;
        if (!scan_digits(s)) return 0;
    }
    return 1;
}

static int scan_word(scanner *s, const char *word) {
    size_t length = strlen(word);
    if (s->size - s->at < length || memcmp(s->text + s->at, word, length) != 0) return 0;
    s->at += length;
    return 1;
}

static int scan_scalar(scanner *s) {
    int c = peek(s);
    if (c == '"') return scan_string(s);
    s->tokens++;
    return c == 't' ? scan_word(s, "true") : c == 'f' ? scan_word(s, "false") : c == 'n' ? scan_word(s, "null") : scan_number(s);
}

static int scan_key(scanner *s) {
    skip_space(s);
    if (!scan_string(s)) return 0;
    skip_space(s);
    if (peek(s) != ':') return 0;
    s->at++;
    return 1;
}

/* One value at a time; brackets that are open are kept in s->open. */
static int scan(scanner *s) {
    for (;;) {
        if (s->tokens > GANI_JSON_MAX_TOKENS) return 0;
        skip_space(s);
        int c = peek(s);
        if (c == '{' || c == '[') {
            if (s->depth == GANI_JSON_MAX_DEPTH) return 0;
            s->open[s->depth++] = (char)c;
            s->at++;
            s->tokens++;
            skip_space(s);
            if (peek(s) != (c == '{' ? '}' : ']')) {
                if (c == '{' && !scan_key(s)) return 0;
                continue;
            }
        } else if (s->depth == 0 || !scan_scalar(s)) {
            return 0; /* only an object or array may be the whole text */
        }
        /* behind a value: brackets that close here, then a comma */
        for (;;) {
            skip_space(s);
            c = peek(s);
            if (c != '}' && c != ']') break;
            if (s->depth == 0 || s->open[s->depth - 1] != (c == '}' ? '{' : '[')) return 0;
            s->at++;
            if (--s->depth == 0) {
                skip_space(s);
                return s->at == s->size;
            }
        }
        if (c != ',') return 0;
        s->at++;
        if (s->open[s->depth - 1] == '{' && !scan_key(s)) return 0;
    }
}

/* -- strings ---------------------------------------------------------------------------------------------------------------- */

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

/* -- members that occur twice -------------------------------------------------------------------------------------------------
 * All keys are sorted by object and text: a hash table would let a hostile file make us slow, and qsort may take memory that is not ours. */

static int is_key(const gani_json *json, int32_t i) {
    int32_t parent = json->tokens[i].parent;
    return parent >= 0 && json->tokens[parent].kind == GANI_JSON_OBJECT;
}

static int compare_keys(const gani_json *json, int32_t a, int32_t b) {
    const gani_json_token *x = &json->tokens[a], *y = &json->tokens[b];
    if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
    return strcmp(json->text + x->start, json->text + y->start);
}

static void sift(const gani_json *json, int32_t *keys, int32_t root, int32_t count) {
    for (;;) {
        int32_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && compare_keys(json, keys[child], keys[child + 1]) < 0) child++;
        if (compare_keys(json, keys[root], keys[child]) >= 0) return;
        int32_t key = keys[root];
        keys[root] = keys[child];
        keys[child] = key;
        root = child;
    }
}

static gan_status check_duplicates(gani_json *json) {
    int32_t count = 0;
    int32_t *keys = gani_alloc(json->context, (size_t)json->count * sizeof *keys);
    if (keys == NULL) return json->status = gani_no_memory(json->context, json->file);
    for (int32_t i = 1; i < json->count; i++)
        if (is_key(json, i)) keys[count++] = i;
    for (int32_t i = count / 2; i-- > 0;) sift(json, keys, i, count);
    for (int32_t i = count; i-- > 1;) {
        int32_t key = keys[0];
        keys[0] = keys[i];
        keys[i] = key;
        sift(json, keys, 0, i);
    }
    for (int32_t i = 1; i < count && json->status == GAN_OK; i++)
        if (compare_keys(json, keys[i - 1], keys[i]) == 0)
            gani_json_fail(json, GAN_E_FORMAT, keys[i], "occurs twice");
    gani_free(json->context, keys);
    return json->status;
}

/* -- tokens ----------------------------------------------------------------------------------------------------------------- */

static int32_t kind_of(const jsmntok_t *token, const char *text) {
    switch (token->type) {
    case JSMN_OBJECT: return GANI_JSON_OBJECT;
    case JSMN_ARRAY: return GANI_JSON_ARRAY;
    case JSMN_STRING: return GANI_JSON_STRING;
    default: break;
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
        return json->status = gani_fail(json->context, GAN_E_FORMAT, "'%s': %s is not valid JSON", json->file, json->root);
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
    scanner s = {.text = (const unsigned char *)text, .size = size};
    if (size > INT32_MAX - 1)
        return json->status = gani_fail(context, GAN_E_LIMIT, "'%s': %s is longer than 2 GB", file, root);
    if (!scan(&s)) {
        if (s.tokens > GANI_JSON_MAX_TOKENS)
            return json->status = gani_fail(context, GAN_E_LIMIT, "'%s': %s has more than %d values", file, root,
                                            GANI_JSON_MAX_TOKENS);
        return json->status = gani_fail(context, GAN_E_FORMAT, "'%s': %s is not valid JSON at byte %zu", file, root, s.at);
    }
    json->text = gani_alloc(context, size + 1);
    if (json->text == NULL) return json->status = gani_no_memory(context, file);
    memcpy(json->text, text, size);
    json->text[size] = '\0';
    if (make_tokens(json, size, s.tokens) == GAN_OK && check_duplicates(json) == GAN_OK) gani_json_object(json, 0);
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
