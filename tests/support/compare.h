/* The one way tests compare numbers. Everything is done in double: CMocka's assert_float_equal casts to float, so a
 * check of f64 results with it cannot fail. Functions return 1 if the values agree; otherwise they print the name, the
 * distance and the worst element to stderr and return 0. They are used as assert_true(compare_...(...)) on the test's
 * own thread. */
#ifndef TESTS_SUPPORT_COMPARE_H
#define TESTS_SUPPORT_COMPARE_H

#include <stdint.h>

#include <gan/tensor.h>

/* |a - b|_2 / |b|_2; 0 if both are 0, infinity if only b is, NaN if there is a NaN on one side. */
double compare_rel(const double *actual, const double *expected, int64_t count);
/* |a|_2 */
double compare_norm(const double *values, int64_t count);
/* max |a - b| */
double compare_max_abs(const double *actual, const double *expected, int64_t count);

/* |actual - expected|_2 <= tolerance * max(|expected|_2, floor). floor: 0, or the norm of what the values are a part
 * of: a gradient whose true value is 0 is compared with the gradient of its layer. */
int compare_values(const char *name, const double *actual, const double *expected, int64_t count, double tolerance,
                   double floor);
/* max |actual - expected| <= tolerance */
int compare_abs(const char *name, const double *actual, const double *expected, int64_t count, double tolerance);
/* |actual - expected| <= tolerance * max(1, |expected|) */
int compare_number(const char *name, double actual, double expected, double tolerance);

/* A tensor's elements, row-major, as doubles, to be freed; never NULL. */
double *compare_read(const gan_tensor *tensor);
/* As compare_values, of tensors of any type; shapes must be equal. */
int compare_tensors(const char *name, const gan_tensor *actual, const gan_tensor *expected, double tolerance);
/* Element types, shapes and bits are equal. */
int compare_same_bits(const char *name, const gan_tensor *a, const gan_tensor *b);

#endif
