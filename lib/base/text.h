/* Text from files and hosts: UTF-8, and what must not reach a terminal as a command. */
#ifndef GANI_BASE_TEXT_H
#define GANI_BASE_TEXT_H

#include <stddef.h>

/* Bytes of the UTF-8 character that begins at `text`; 0 if there is none. */
size_t gani_utf8_length(const unsigned char *text, size_t size);
/* How many bytes of a control character `text` begins with: 0, 1, or 2 for those that UTF-8 writes as C2 80 to C2 9F.
 */
int gani_control_character(const unsigned char *text, size_t size);
/* 1 if it is UTF-8 without control characters. */
int gani_is_printable(const char *text, size_t size);
/* Makes question marks of control characters and of bytes that are no UTF-8. */
void gani_make_printable(char *text);

#endif
