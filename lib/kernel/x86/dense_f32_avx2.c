/* The packed products around AVX2 and FMA, and around AVX-512, float. Compiled with -mavx2 -mfma. */
#include <immintrin.h>

#include "kernel/conv_gemm.h"
#include "kernel/x86/products_avx512.h"
#include "kernel/x86/transpose_avx2.h"

#define DENSE_NAME(function) gani_##function##_avx2_f32
#define WIDE_NAME(function) gani_##function##_avx512_f32
#define wide_sweep gani_sweep_avx512

typedef float real;

/* 12 of the 16 registers hold the tile, 2 a row of B, 1 or 2 the broadcast elements of A. */
enum { MR = 6, NR = 16 };

#define EACH_ROW(what) what(0) what(1) what(2) what(3) what(4) what(5)
#define MULTIPLY(i)                                                                                                    \
    if ((i) < rows) {                                                                                                  \
        left = _mm256_broadcast_ss(a + (i));                                                                           \
        sum##i##0 = _mm256_fmadd_ps(left, right0, sum##i##0);                                                          \
        sum##i##1 = _mm256_fmadd_ps(left, right1, sum##i##1);                                                          \
    }
/* A block of K is summed from zero and then added to the tile: with one chain over all of K the rounding error of the
 * 8192-long sums of a DCGAN would be four times larger. */
#define START(i) __m256 sum##i##0 = _mm256_setzero_ps(), sum##i##1 = _mm256_setzero_ps();
#define FINISH(i)                                                                                                      \
    if ((i) < rows) {                                                                                                  \
        if (accumulate) {                                                                                              \
            sum##i##0 = _mm256_add_ps(_mm256_loadu_ps(c + (i)*c_pitch), sum##i##0);                                    \
            sum##i##1 = _mm256_add_ps(_mm256_loadu_ps(c + (i)*c_pitch + 8), sum##i##1);                                \
        }                                                                                                              \
        _mm256_storeu_ps(c + (i)*c_pitch, sum##i##0);                                                                  \
        _mm256_storeu_ps(c + (i)*c_pitch + 8, sum##i##1);                                                              \
    }

/* `rows` is a constant where this is inlined: sums of rows that are not there disappear. One row of B at a time: of
 * four, compilers keep some of the sums in memory, which takes 7% more time. */
static inline __attribute__((always_inline)) void multiply(int32_t rows, int64_t kc, const real *a, const real *b,
                                                           real *c, int64_t c_pitch, int accumulate) {
    EACH_ROW(START)
#pragma GCC unroll 1
    for (int64_t k = 0; k < kc; k++, a += MR, b += NR) {
        __m256 right0 = _mm256_loadu_ps(b), right1 = _mm256_loadu_ps(b + 8), left;
        EACH_ROW(MULTIPLY)
    }
    EACH_ROW(FINISH)
}

static void micro_kernel(int64_t rows, int64_t kc, const real *a, const real *b, real *c, int64_t c_pitch,
                         int accumulate) {
    if (rows > 4)
        multiply(6, kc, a, b, c, c_pitch, accumulate);
    else if (rows > 2)
        multiply(4, kc, a, b, c, c_pitch, accumulate);
    else
        multiply(2, kc, a, b, c, c_pitch, accumulate);
}

enum { DIRECT_ROWS = 3, DIRECT_LANES = 8 };

#define DIRECT_PLACE(i, v) (tiles + (v) / 2 * (MR * NR) + (i)*NR + (v) % 2 * 8)
#define DIRECT_START(i, v) __m256 sum##i##v = _mm256_setzero_ps()
#define DIRECT_STEP(v)                                                                                                 \
    do {                                                                                                               \
        __m256 right = _mm256_loadu_ps(from##v + k_offset[k]);                                                         \
        sum0##v = _mm256_fmadd_ps(left0, right, sum0##v);                                                              \
        if (rows > 1) sum1##v = _mm256_fmadd_ps(left1, right, sum1##v);                                                \
        if (rows > 2) sum2##v = _mm256_fmadd_ps(left2, right, sum2##v);                                                \
    } while (0)
#define DIRECT_FINISH(i, v)                                                                                            \
    if ((i) < rows) {                                                                                                  \
        if (accumulate) sum##i##v = _mm256_add_ps(_mm256_loadu_ps(DIRECT_PLACE(i, v)), sum##i##v);                     \
        _mm256_storeu_ps(DIRECT_PLACE(i, v), sum##i##v);                                                               \
    }
#define DIRECT_EACH(what, i)                                                                                           \
    what(i, 0);                                                                                                        \
    what(i, 1);                                                                                                        \
    what(i, 2);                                                                                                        \
    what(i, 3)

/* `rows` is a constant where this is inlined: sums of rows that are not there disappear. */
static inline __attribute__((always_inline)) void direct_tiles(int32_t rows, int64_t kc, const real *a, const real *src,
                                                               const int64_t *k_offset, const int64_t v_offset[4],
                                                               real *tiles, int accumulate) {
    const real *from0 = src + v_offset[0], *from1 = src + v_offset[1];
    const real *from2 = src + v_offset[2], *from3 = src + v_offset[3];
    DIRECT_EACH(DIRECT_START, 0);
    DIRECT_EACH(DIRECT_START, 1);
    DIRECT_EACH(DIRECT_START, 2);
    for (int64_t k = 0; k < kc; k++, a += MR) {
        __m256 left0 = _mm256_broadcast_ss(a), left1 = _mm256_broadcast_ss(a + 1), left2 = _mm256_broadcast_ss(a + 2);
        DIRECT_STEP(0);
        DIRECT_STEP(1);
        DIRECT_STEP(2);
        DIRECT_STEP(3);
    }
    DIRECT_EACH(DIRECT_FINISH, 0);
    DIRECT_EACH(DIRECT_FINISH, 1);
    DIRECT_EACH(DIRECT_FINISH, 2);
}

static void direct_kernel(int32_t rows, int64_t kc, const real *a, const real *src, const int64_t *k_offset,
                          const int64_t v_offset[4], real *tiles, int accumulate) {
    if (rows == 1)
        direct_tiles(1, kc, a, src, k_offset, v_offset, tiles, accumulate);
    else if (rows == 2)
        direct_tiles(2, kc, a, src, k_offset, v_offset, tiles, accumulate);
    else
        direct_tiles(3, kc, a, src, k_offset, v_offset, tiles, accumulate);
}

#define DOT_STEP(j)                                                                                                    \
    do {                                                                                                               \
        __m256 right = _mm256_and_ps(_mm256_loadu_ps(from##j + v_offset[v]), lanes);                                   \
        sum0##j = _mm256_fmadd_ps(left0, right, sum0##j);                                                              \
        if (rows > 1) sum1##j = _mm256_fmadd_ps(left1, right, sum1##j);                                                \
        if (rows > 2) sum2##j = _mm256_fmadd_ps(left2, right, sum2##j);                                                \
    } while (0)
#define DOT_START(i, j) __m256 sum##i##j = _mm256_setzero_ps()

/* The sums of the lanes of four vectors. */
static inline __m128 sum_lanes(__m256 a, __m256 b, __m256 c, __m256 d) {
    __m256 four = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(four), _mm256_extractf128_ps(four, 1));
}

static inline __attribute__((always_inline)) void dot_rows(int32_t rows, int64_t full, int64_t tail, int32_t valid,
                                                           const real *g, int64_t g_stride, const real *src,
                                                           const int64_t j_offset[4], const int64_t *v_offset,
                                                           real *sums) {
    const real *from0 = src + j_offset[0], *from1 = src + j_offset[1];
    const real *from2 = src + j_offset[2], *from3 = src + j_offset[3];
    const real *g1 = rows > 1 ? g + g_stride : g, *g2 = rows > 2 ? g + 2 * g_stride : g;
    DIRECT_EACH(DOT_START, 0);
    DIRECT_EACH(DOT_START, 1);
    DIRECT_EACH(DOT_START, 2);
    int64_t v = 0;
    /* The lanes past the end of a row are other pixels, perhaps infinite: 0 * them would not be 0. */
    __m256 lanes = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
    for (int64_t end = full; v < full + tail; end = full + tail) {
        for (; v < end; v++) {
            __m256 left0 = _mm256_loadu_ps(g + v * 8), left1 = _mm256_loadu_ps(g1 + v * 8);
            __m256 left2 = _mm256_loadu_ps(g2 + v * 8);
            DOT_STEP(0);
            DOT_STEP(1);
            DOT_STEP(2);
            DOT_STEP(3);
        }
        lanes = _mm256_castsi256_ps(
            _mm256_cmpgt_epi32(_mm256_set1_epi32(valid), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
    }
    _mm_storeu_ps(sums, sum_lanes(sum00, sum01, sum02, sum03));
    if (rows > 1) _mm_storeu_ps(sums + 4, sum_lanes(sum10, sum11, sum12, sum13));
    if (rows > 2) _mm_storeu_ps(sums + 8, sum_lanes(sum20, sum21, sum22, sum23));
}

static void dot_kernel(int32_t rows, int64_t full, int64_t tail, int32_t valid, const real *g, int64_t g_stride,
                       const real *src, const int64_t j_offset[4], const int64_t *v_offset, real *sums) {
    if (rows == 1)
        dot_rows(1, full, tail, valid, g, g_stride, src, j_offset, v_offset, sums);
    else if (rows == 2)
        dot_rows(2, full, tail, valid, g, g_stride, src, j_offset, v_offset, sums);
    else
        dot_rows(3, full, tail, valid, g, g_stride, src, j_offset, v_offset, sums);
}

static void transpose_panel(const real *src, int64_t row_stride, int64_t kc, int64_t rows, real *dst) {
    int64_t k = 0;
    if (rows == NR) {
        for (; k + 8 <= kc; k += 8)
            for (int64_t half = 0; half < NR; half += 8) {
                __m256 row[8];
                for (int64_t i = 0; i < 8; i++) row[i] = _mm256_loadu_ps(src + (half + i) * row_stride + k);
                transpose_8x8(row);
                for (int64_t i = 0; i < 8; i++) _mm256_storeu_ps(dst + (k + i) * NR + half, row[i]);
            }
    } else {
        /* each store of 8 overlaps the next row's place by 2; the last row of all is left to the loop below */
        for (; k + 8 < kc; k += 8) {
            __m256 row[8];
            for (int64_t i = 0; i < 8; i++)
                row[i] = i < MR ? _mm256_loadu_ps(src + i * row_stride + k) : _mm256_setzero_ps();
            transpose_8x8(row);
            for (int64_t i = 0; i < 8; i++) _mm256_storeu_ps(dst + (k + i) * MR, row[i]);
        }
    }
    for (; k < kc; k++)
        for (int64_t i = 0; i < rows; i++) dst[k * rows + i] = src[i * row_stride + k];
}

/* The last vector may overlap the one before it. */
static inline void copy_reals(const real *src, int64_t count, real *dst) {
    if (count >= 8) {
        for (int64_t i = 0; i + 8 < count; i += 8) _mm256_storeu_ps(dst + i, _mm256_loadu_ps(src + i));
        _mm256_storeu_ps(dst + count - 8, _mm256_loadu_ps(src + count - 8));
    } else if (count >= 4) {
        __m128 last = _mm_loadu_ps(src + count - 4);
        _mm_storeu_ps(dst, _mm_loadu_ps(src));
        _mm_storeu_ps(dst + count - 4, last);
    } else {
        for (int64_t i = 0; i < count; i++) dst[i] = src[i];
    }
}

/* dst[0..7] = src[0, 2, ..., 14]: nothing else is read but what lies between. */
static inline void take_8_even(const real *src, real *dst) {
    __m256 mixed = _mm256_shuffle_ps(_mm256_loadu_ps(src), _mm256_loadu_ps(src + 7), 0xd8);
    __m256d ordered = _mm256_permute4x64_pd(_mm256_castps_pd(mixed), 0xd8);
    _mm256_storeu_ps(dst, _mm256_castpd_ps(ordered));
}
static inline void take_4_even(const real *src, real *dst) {
    _mm_storeu_ps(dst, _mm_shuffle_ps(_mm_loadu_ps(src), _mm_loadu_ps(src + 3), 0xd8));
}

static inline void take_even(const real *src, int64_t count, real *dst) {
    if (count >= 8) {
        for (int64_t i = 0; i + 8 < count; i += 8) take_8_even(src + 2 * i, dst + i);
        take_8_even(src + 2 * (count - 8), dst + count - 8);
    } else if (count >= 4) {
        take_4_even(src, dst);
        take_4_even(src + 2 * (count - 4), dst + count - 4);
    } else {
        for (int64_t i = 0; i < count; i++) dst[i] = src[2 * i];
    }
}

static inline void interleave(const real *even, const real *odd, int64_t width, real bias, real *dst) {
    __m128 added = _mm_set1_ps(bias);
    int64_t i = 0;
    for (; i + 8 <= width; i += 8) {
        __m128 left = _mm_add_ps(_mm_loadu_ps(even + i / 2), added);
        __m128 right = _mm_add_ps(_mm_loadu_ps(odd + i / 2), added);
        _mm_storeu_ps(dst + i, _mm_unpacklo_ps(left, right));
        _mm_storeu_ps(dst + i + 4, _mm_unpackhi_ps(left, right));
    }
    for (; i < width; i++) dst[i] = (i % 2 ? odd : even)[i / 2] + bias;
}

#include "kernel/packed/panel.inc"
