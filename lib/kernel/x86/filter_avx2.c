/* Minimal filtering with AVX2 and FMA, and with the products of AVX-512, float. Compiled with -mavx2 -mfma. */
#include <immintrin.h>
#include <string.h>

#include "kernel/conv_gemm.h"
#include "kernel/filter/filter.h"
#include "kernel/x86/products_avx512.h"
#include "kernel/x86/transpose_avx2.h"

typedef __m256 vec; /* with the arithmetic of GCC's vector extension */

static inline vec load(const float *from) { return _mm256_loadu_ps(from); }
static inline void store(float *to, vec value) { _mm256_storeu_ps(to, value); }
static inline void stream(float *to, vec value) { _mm256_stream_ps(to, value); }
static inline void stream_end(void) { _mm_sfence(); }
static inline vec load_some(const float *from, int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes));
}
/* Not by a masked store, which some processors have in microcode. */
static inline void store_some(float *to, vec value, int64_t count) {
    __m128 rest = _mm256_castps256_ps128(value);
    if (count & 4) {
        _mm_storeu_ps(to, rest);
        rest = _mm256_extractf128_ps(value, 1);
        to += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)(void *)to, rest);
        rest = _mm_movehl_ps(rest, rest);
        to += 2;
    }
    if (count & 1) _mm_store_ss(to, rest);
}

#define EACH_ROW(what) what(0) what(1) what(2) what(3) what(4) what(5)
#define START(i) __m256 sum##i##0 = _mm256_setzero_ps(), sum##i##1 = _mm256_setzero_ps();
#define MULTIPLY(i)                                                                                                    \
    left = _mm256_broadcast_ss(a + (i)*row);                                                                           \
    sum##i##0 = _mm256_fmadd_ps(left, right0, sum##i##0);                                                              \
    sum##i##1 = _mm256_fmadd_ps(left, right1, sum##i##1);
#define FINISH(i)                                                                                                      \
    if (accumulate) {                                                                                                  \
        sum##i##0 = _mm256_add_ps(_mm256_loadu_ps(c + (i)*c_pitch), sum##i##0);                                        \
        sum##i##1 = _mm256_add_ps(_mm256_loadu_ps(c + (i)*c_pitch + 8), sum##i##1);                                    \
    }                                                                                                                  \
    _mm256_storeu_ps(c + (i)*c_pitch, sum##i##0);                                                                      \
    _mm256_storeu_ps(c + (i)*c_pitch + 8, sum##i##1);

/* C (6 x 16) (+)= A B: A's element (i, k) at a + i * row + k * column; one of both is 1 where this is inlined. */
static inline __attribute__((always_inline)) void product(int64_t count, const float *a, int64_t row, int64_t column,
                                                          const float *b, float *c, int64_t c_pitch, int accumulate) {
    EACH_ROW(START)
#pragma GCC unroll 2 /* more gains nothing */
    for (int64_t k = 0; k < count; k++, a += column, b += 16) {
        __m256 right0 = _mm256_loadu_ps(b), right1 = _mm256_loadu_ps(b + 8), left;
        EACH_ROW(MULTIPLY)
    }
    EACH_ROW(FINISH)
}
#include "kernel/filter/filter.inc"

#define AVX2_RUN(function) gani_##function##_avx2
#define AVX2_FILTERED(function) gani_##function##_filtered_avx2_f32
#define AVX2_DIRECT(function) gani_##function##_avx2_f32
FILTER_ENTRIES(AVX2_RUN, AVX2_FILTERED, AVX2_DIRECT, &own_products)

static const gani_filter_products avx512 = {gani_filter_rows_avx512, gani_filter_columns_avx512,
                                            gani_filter_tiles_avx512, gani_filter_gather_avx512,
                                            gani_filter_scatter_avx512};
#define AVX512_RUN(function) gani_##function##_avx512
#define AVX512_FILTERED(function) gani_##function##_filtered_avx512_f32
#define AVX512_DIRECT(function) gani_##function##_avx512_f32
FILTER_ENTRIES(AVX512_RUN, AVX512_FILTERED, AVX512_DIRECT, &avx512)
