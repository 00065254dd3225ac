/* Numbers as text. The C library's conversions obey the locale, so its decimal point is put in and taken out here. */
#include "io/numbers.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINT_SIZE = 16 };

/* The calling thread's: what localeconv answers with lies in memory that all threads share. */
static size_t decimal_point(char point[POINT_SIZE]) {
    char probe[POINT_SIZE + 2];
    int length = snprintf(probe, sizeof probe, "%.1f", 0.5);
    size_t size = length > 2 && (size_t)length < sizeof probe ? (size_t)length - 2 : 0;
    memcpy(point, size == 0 ? "." : probe + 1, size == 0 ? 1 : size);
    size += size == 0;
    point[size] = '\0';
    return size;
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
    char point[POINT_SIZE];
    size_t size = decimal_point(point), length = strlen(buffer);
    char *found = strstr(buffer, point);
    if (found != NULL) {
        found[0] = '.';
        memmove(found + 1, found + size, (size_t)(buffer + length - (found + size)) + 1);
        length -= size - 1;
    }
    return length;
}

int gani_number_parse(const char *text, size_t size, double *value) {
    char buffer[160], point[POINT_SIZE];
    size_t point_size = decimal_point(point), used = 0;
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
