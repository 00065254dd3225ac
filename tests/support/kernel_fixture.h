/* What the kernel tests share: every table of this build and machine, buffers of exact size (so that the address
 * sanitizer sees an overrun by one), values by index whatever the element type. */
#ifndef TESTS_SUPPORT_KERNEL_FIXTURE_H
#define TESTS_SUPPORT_KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

static const int64_t kernel_sizes[] = {0,  1,  2,  3,  7,  8,  9,  15, 16, 17, 18, 19, 20, 21,  22,
                                       23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 63, 65, 1000};
#define KERNEL_SIZE_COUNT (sizeof kernel_sizes / sizeof kernel_sizes[0])

/* for (...) over all tables: index is level * 2 + is_f64; NULL ends it */
static inline const gani_kernels *kernel_table_at(int32_t index)
{
    int32_t level = index / 2;
    return level > gani_kernel_best_level() ? NULL : gani_kernel_table(level, index % 2);
}

#define FOR_EACH_TABLE(k)                                                                                             \
    for (int32_t table_index = 0; table_index >= 0; table_index = -1)                                                 \
        for (const gani_kernels *k; (k = kernel_table_at(table_index)) != NULL; table_index++)

static inline int is_f64(const gani_kernels *k)
{
    return k->element == sizeof(double);
}

static inline double epsilon_of(const gani_kernels *k)
{
    return is_f64(k) ? DBL_EPSILON : (double)FLT_EPSILON;
}

static inline double get(const gani_kernels *k, const void *buffer, int64_t i)
{
    return is_f64(k) ? ((const double *)buffer)[i] : (double)((const float *)buffer)[i];
}

static inline void set(const gani_kernels *k, void *buffer, int64_t i, double value)
{
    if (is_f64(k)) {
        ((double *)buffer)[i] = value;
    } else {
        ((float *)buffer)[i] = (float)value;
    }
}

static inline void *make_buffer(const gani_kernels *k, int64_t n)
{
    void *buffer = malloc(n > 0 ? (size_t)n * k->element : 1);
    if (buffer == NULL) {
        abort();
    }
    return buffer;
}

static inline void *copy_buffer(const gani_kernels *k, const void *from, int64_t n)
{
    void *buffer = make_buffer(k, n);
    memcpy(buffer, from, (size_t)n * k->element);
    return buffer;
}

/* Uniform in [low, high), a new sequence for each seed. */
static inline double next_uniform(uint64_t *state, double low, double high)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(*state >> 11) * 0x1p-53;
}

static inline void *make_uniform(const gani_kernels *k, int64_t n, uint64_t seed, double low, double high)
{
    void *buffer = make_buffer(k, n);
    for (int64_t i = 0; i < n; i++) {
        set(k, buffer, i, next_uniform(&seed, low, high));
    }
    return buffer;
}

/* |got - want| <= bound, or the same infinity, or both NaN. Says where it failed. */
static inline void check_close(const gani_kernels *k, const char *what, int64_t i, double got, long double want,
                               long double bound)
{
    int same = (isnan(got) && isnan(want)) || (isinf(want) && (long double)got == want) ||
               (!isnan(want) && !isinf(want) && fabsl((long double)got - want) <= bound);
    if (!same) {
        fprintf(stderr, "%s %s, %s, [%lld]: %.17g, expected %.17Lg within %.3Lg\n", k->name, is_f64(k) ? "f64" : "f32",
                what, (long long)i, got, want, bound);
    }
    assert_true(same);
}

static inline void check_same_bits(const gani_kernels *k, const void *a, const void *b, int64_t n)
{
    assert_true(memcmp(a, b, (size_t)n * k->element) == 0);
}

#endif
