/* Numbers as text, whatever the locale. */
#ifndef GANI_IO_NUMBERS_H
#define GANI_IO_NUMBERS_H

#include <stddef.h>

#define GANI_NUMBER_SIZE 40
/* The shortest of 15 to 17 digits that gives the same number again. `value` is finite. Returns the length. */
size_t gani_number_format(double value, char buffer[GANI_NUMBER_SIZE]);
/* At most so many significant digits, 1 to 17, as printf's %g; any value. */
size_t gani_number_digits(double value, int digits, char buffer[GANI_NUMBER_SIZE]);
/* Correctly rounded. `text` has JSON's form of a number. 0: it is too long or too large for a double. */
int gani_number_parse(const char *text, size_t size, double *value);

#endif
