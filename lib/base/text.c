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

int gani_control_character(const unsigned char *text, size_t size) {
    if (size > 1 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f) return 2;
    return size > 0 && (text[0] < 0x20 || text[0] == 0x7f);
}

int gani_is_printable(const char *text, size_t size) {
    const unsigned char *at = (const unsigned char *)text;
    for (size_t length; size > 0; at += length, size -= length) {
        length = gani_utf8_length(at, size);
        if (length == 0 || gani_control_character(at, size)) return 0;
    }
    return 1;
}

void gani_make_printable(char *text) {
    for (size_t left = strlen(text); left > 0;) {
        const unsigned char *at = (const unsigned char *)text;
        size_t length = gani_utf8_length(at, left), bad = length == 0 ? 1 : (size_t)gani_control_character(at, left);
        if (length == 0) length = 1;
        memset(text, '?', bad);
        text += length;
        left -= length;
    }
}
