#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scaled, so that squares neither overflow nor vanish. */
double compare_norm(const double *values, int64_t count) {
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isnan(values[i])) return values[i];
        if (fabs(values[i]) > largest) largest = fabs(values[i]);
    }
    if (largest == 0 || isinf(largest)) return largest;
    for (int64_t i = 0; i < count; i++) sum += (values[i] / largest) * (values[i] / largest);
    return largest * sqrt(sum);
}

static double *difference(const double *a, const double *b, int64_t count) {
    double *result = malloc((size_t)(count > 0 ? count : 1) * sizeof *result);
    if (result == NULL) abort();
    for (int64_t i = 0; i < count; i++) result[i] = a[i] == b[i] ? 0 : a[i] - b[i]; /* equal infinities are equal */
    return result;
}

double compare_rel(const double *actual, const double *expected, int64_t count) {
    double *d = difference(actual, expected, count);
    double distance = compare_norm(d, count), norm = compare_norm(expected, count);
    free(d);
    if (distance == 0) return 0;
    return norm == 0 ? INFINITY : distance / norm;
}

static int64_t worst(const double *actual, const double *expected, int64_t count) {
    int64_t at = 0;
    double most = -1;
    for (int64_t i = 0; i < count; i++) {
        double d = actual[i] == expected[i] ? 0 : fabs(actual[i] - expected[i]);
        if (isnan(d)) return i;
        if (d > most) {
            most = d;
            at = i;
        }
    }
    return at;
}

double compare_max_abs(const double *actual, const double *expected, int64_t count) {
    if (count == 0) return 0;
    int64_t at = worst(actual, expected, count);
    return actual[at] == expected[at] ? 0 : fabs(actual[at] - expected[at]);
}

static int report(const char *name, const char *measure, double distance, double tolerance, const double *actual,
                  const double *expected, int64_t count) {
    int64_t at = worst(actual, expected, count);
    fprintf(stderr, "%s: %s %.3g is above %.3g; element %lld of %lld: actual %.17g, expected %.17g\n", name, measure,
            distance, tolerance, (long long)at, (long long)count, actual[at], expected[at]);
    return 0;
}

int compare_values(const char *name, const double *actual, const double *expected, int64_t count, double tolerance,
                   double floor) {
    double *d = difference(actual, expected, count);
    double distance = compare_norm(d, count), norm = compare_norm(expected, count);
    free(d);
    if (norm < floor) norm = floor;
    if (distance <= tolerance * norm) return 1; /* false for NaN */
    return report(name, "relative distance", norm == 0 ? INFINITY : distance / norm, tolerance, actual, expected,
                  count);
}

int compare_abs(const char *name, const double *actual, const double *expected, int64_t count, double tolerance) {
    double distance = compare_max_abs(actual, expected, count);
    if (distance <= tolerance) return 1;
    return report(name, "largest difference", distance, tolerance, actual, expected, count);
}

int compare_number(const char *name, double actual, double expected, double tolerance) {
    double size = fabs(expected) > 1 ? fabs(expected) : 1;
    if (actual == expected || fabs(actual - expected) <= tolerance * size) return 1;
    fprintf(stderr, "%s: actual %.17g, expected %.17g, difference %.3g is above %.3g\n", name, actual, expected,
            actual - expected, tolerance * size);
    return 0;
}

double *compare_read(const gan_tensor *tensor) {
    int64_t count = gan_tensor_count(tensor);
    double *values = malloc((size_t)(count > 0 ? count : 1) * sizeof *values);
    if (values == NULL) abort();
    for (int64_t i = 0; i < count; i++) values[i] = gan_tensor_item(tensor, i);
    return values;
}

static int same_shape(const char *name, const gan_tensor *a, const gan_tensor *b) {
    gan_shape sa = gan_tensor_shape(a), sb = gan_tensor_shape(b);
    if (gan_tensor_dtype(a) == 0 || gan_tensor_dtype(b) == 0) {
        fprintf(stderr, "%s: a tensor is inert\n", name);
        return 0;
    }
    if (gan_shape_equal(sa, sb)) return 1;
    fprintf(stderr, "%s: shapes differ: rank %d, %lld elements and rank %d, %lld elements\n", name, (int)sa.rank,
            (long long)gan_shape_count(sa), (int)sb.rank, (long long)gan_shape_count(sb));
    return 0;
}

int compare_tensors(const char *name, const gan_tensor *actual, const gan_tensor *expected, double tolerance) {
    if (!same_shape(name, actual, expected)) return 0;
    double *a = compare_read(actual), *b = compare_read(expected);
    int same = compare_values(name, a, b, gan_tensor_count(actual), tolerance, 0);
    free(a);
    free(b);
    return same;
}

int compare_same_bits(const char *name, const gan_tensor *a, const gan_tensor *b) {
    if (!same_shape(name, a, b)) return 0;
    if (gan_tensor_dtype(a) != gan_tensor_dtype(b)) {
        fprintf(stderr, "%s: element types differ\n", name);
        return 0;
    }
    size_t bytes = (size_t)gan_tensor_count(a) * gan_dtype_size(gan_tensor_dtype(a));
    unsigned char *x = malloc(bytes + 1), *y = malloc(bytes + 1);
    if (x == NULL || y == NULL) abort();
    int same =
        gan_tensor_read(a, x, bytes) == GAN_OK && gan_tensor_read(b, y, bytes) == GAN_OK && memcmp(x, y, bytes) == 0;
    free(x);
    free(y);
    if (!same) {
        double *u = compare_read(a), *v = compare_read(b);
        report(name, "not the same bits: distance", compare_max_abs(u, v, gan_tensor_count(a)), 0, u, v,
               gan_tensor_count(a));
        free(u);
        free(v);
    }
    return same;
}
