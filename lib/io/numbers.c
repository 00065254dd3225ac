/* Numbers as text. The C library's conversions obey the locale, so its decimal point is put in and taken out here. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/json.h"

static const char *decimal_point(void) {
    const char *point = localeconv()->decimal_point;
    return point == NULL || point[0] == '\0' ? "." : point;
}

size_t gani_number_format(double value, char buffer[GANI_NUMBER_SIZE]) {
    int saved = errno, digits = 14;
    do snprintf(buffer, GANI_NUMBER_SIZE, "%.*g", ++digits, value);
    while (digits < 17 && strtod(buffer, NULL) != value);
    errno = saved;
    return gani_number_digits(value, digits, buffer);
}

size_t gani_number_digits(double value, int digits, char buffer[GANI_NUMBER_SIZE]) {
    snprintf(buffer, GANI_NUMBER_SIZE, "%.*g", digits, value);
    const char *point = decimal_point();
    char *found = strstr(buffer, point);
    size_t length = strlen(buffer);
    if (found != NULL) {
        size_t size = strlen(point);
        found[0] = '.';
        memmove(found + 1, found + size, (size_t)(buffer + length - (found + size)) + 1);
        length -= size - 1;
    }
    return length;
}

int gani_number_parse(const char *text, size_t size, double *value) {
    char buffer[160];
    const char *point = decimal_point();
    size_t point_size = strlen(point), used = 0;
    if (size + point_size >= sizeof buffer) return 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.') {
            memcpy(buffer + used, point, point_size);
            used += point_size;
        } else {
            buffer[used++] = text[i];
        }
    }
    buffer[used] = '\0';
    int saved = errno;
    char *end;
    *value = strtod(buffer, &end);
    errno = saved;
    return end == buffer + used && isfinite(*value);
}
