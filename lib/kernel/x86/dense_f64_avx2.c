/* The packed products around AVX2 and FMA, double. Compiled with -mavx2 -mfma. */
#include <immintrin.h>

#include "kernel/conv_gemm.h"

#define DENSE_NAME(function) gani_##function##_avx2_f64

typedef double real;

enum { MR = 6, NR = 8 };

#define STEP(k)                                                                                                        \
    do {                                                                                                               \
        __m256d right0 = _mm256_loadu_pd(b + (k)*8), right1 = _mm256_loadu_pd(b + (k)*8 + 4), left;                    \
        ROW(0, k);                                                                                                     \
        ROW(1, k);                                                                                                     \
        ROW(2, k);                                                                                                     \
        ROW(3, k);                                                                                                     \
        ROW(4, k);                                                                                                     \
        ROW(5, k);                                                                                                     \
    } while (0)
#define ROW(i, k)                                                                                                      \
    left = _mm256_broadcast_sd(a + (k)*6 + (i));                                                                       \
    sum##i##0 = _mm256_fmadd_pd(left, right0, sum##i##0);                                                              \
    sum##i##1 = _mm256_fmadd_pd(left, right1, sum##i##1)
/* A block of K is summed from zero and then added to the tile: with one chain over all of K the rounding error of the
 * 8192-long sums of a DCGAN would be four times larger. */
#define START(i) __m256d sum##i##0 = _mm256_setzero_pd(), sum##i##1 = _mm256_setzero_pd()
#define FINISH(i)                                                                                                      \
    if (accumulate) {                                                                                                  \
        sum##i##0 = _mm256_add_pd(_mm256_loadu_pd(c + (i)*c_pitch), sum##i##0);                                        \
        sum##i##1 = _mm256_add_pd(_mm256_loadu_pd(c + (i)*c_pitch + 4), sum##i##1);                                    \
    }                                                                                                                  \
    _mm256_storeu_pd(c + (i)*c_pitch, sum##i##0);                                                                      \
    _mm256_storeu_pd(c + (i)*c_pitch + 4, sum##i##1)

static void micro_kernel(int64_t rows, int64_t kc, const real *a, const real *b, real *c, int64_t c_pitch,
                         int accumulate) {
    (void)rows;
    START(0);
    START(1);
    START(2);
    START(3);
    START(4);
    START(5);
    int64_t k = kc;
    for (; k >= 2; k -= 2, a += 2 * 6, b += 2 * 8) {
        STEP(0);
        STEP(1);
    }
    if (k > 0) STEP(0);
    FINISH(0);
    FINISH(1);
    FINISH(2);
    FINISH(3);
    FINISH(4);
    FINISH(5);
}

#include "kernel/packed/no_direct.inc"

static void transpose_panel(const real *src, int64_t row_stride, int64_t kc, int64_t rows, real *dst) {
    for (int64_t k = 0; k < kc; k++)
        for (int64_t i = 0; i < rows; i++) dst[k * rows + i] = src[i * row_stride + k];
}

static inline void copy_reals(const real *src, int64_t count, real *dst) {
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) _mm256_storeu_pd(dst + i, _mm256_loadu_pd(src + i));
    for (; i < count; i++) dst[i] = src[i];
}

static inline void take_even(const real *src, int64_t count, real *dst) {
    for (int64_t i = 0; i < count; i++) dst[i] = src[2 * i];
}

static inline void interleave(const real *even, const real *odd, int64_t width, real bias, real *dst) {
    for (int64_t i = 0; i < width; i++) dst[i] = (i % 2 ? odd : even)[i / 2] + bias;
}

#include "kernel/packed/panel.inc"
