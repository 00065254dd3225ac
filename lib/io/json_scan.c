/* The grammar of JSON, checked by a scanner without recursion: however deep a text is nested, the stack does not grow.
 */
#include <string.h>

#include "base/text.h"
#include "io/json.h"

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
    return c == 't'   ? scan_word(s, "true")
           : c == 'f' ? scan_word(s, "false")
           : c == 'n' ? scan_word(s, "null")
                      : scan_number(s);
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

int gani_json_scan(const char *text, size_t size, int32_t *tokens, size_t *at) {
    scanner s = {.text = (const unsigned char *)text, .size = size};
    int valid = scan(&s);
    *tokens = s.tokens;
    *at = s.at;
    return valid;
}
