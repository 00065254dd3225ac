#include "base/text.h"

#include <string.h>

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

int gani_control_in(const unsigned char *text, size_t size) {
    if (size > 1 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f) return 2;
    return size > 0 && (text[0] < 0x20 || text[0] == 0x7f);
}

int gani_control_character(const char *text) {
    size_t size = text[0] == '\0' ? 0 : text[1] == '\0' ? 1 : 2;
    return gani_control_in((const unsigned char *)text, size);
}

void gani_make_printable(char *text) {
    for (size_t left = strlen(text); left > 0;) {
        size_t length = gani_utf8_length((const unsigned char *)text, left);
        size_t bad = length == 0 ? 1 : (size_t)gani_control_character(text), step = length == 0 ? 1 : length;
        memset(text, '?', bad);
        text += step;
        left -= step;
    }
}
