/* The transforms of images and results with 16 channels in the lanes: those of the AVX2 level, operation by operation.
 * Compiled with -mavx512f. */
#include <immintrin.h>
#include <stddef.h>

#include "kernel/x86/products_avx512.h"

typedef __m512 vec; /* with the arithmetic of GCC's vector extension */

static inline vec load(const float *from) { return _mm512_loadu_ps(from); }
static inline void store(float *to, vec value) { _mm512_storeu_ps(to, value); }

#include "kernel/filter/transforms.inc"

#define OUT 4
#define TAPS 2
#define ID 42
#include "kernel/filter/tile.inc"
#define OUT 4
#define TAPS 3
#define ID 43
#include "kernel/filter/tile.inc"

/* Tiles of 2 are rare, and those of 3 small. */
const gani_filter_wide gani_filter_tiles_avx512[GANI_FILTER_KINDS] = {
    {NULL, NULL}, {NULL, NULL}, {data_tile_42, result_tile_42}, {NULL, NULL}, {data_tile_43, result_tile_43}};

/* Two 8x8 transposes side by side: row[i] holds 8 pixels of channel i and then 8 of channel i + 8, or the other way
 * round 16 channels of pixel i. */
static inline void transpose_pair(__m512 row[8]) {
    const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13),
                  high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    __m512 pair[8], quad[8];
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm512_unpacklo_ps(row[i], row[i + 1]);
        pair[i + 1] = _mm512_unpackhi_ps(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0xee);
        quad[i + 2] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        __m512d a = _mm512_castps_pd(quad[i]), b = _mm512_castps_pd(quad[i + 4]);
        row[i] = _mm512_castpd_ps(_mm512_permutex2var_pd(a, low, b));
        row[i + 4] = _mm512_castpd_ps(_mm512_permutex2var_pd(a, high, b));
    }
}

static inline __m512 join(__m512 low, __m512 high) {
    return _mm512_castpd_ps(
        _mm512_insertf64x4(_mm512_castps_pd(low), _mm512_castpd512_pd256(_mm512_castps_pd(high)), 1));
}
static inline __m512 upper(__m512 both) {
    return _mm512_castpd_ps(_mm512_castpd256_pd512(_mm512_extractf64x4_pd(_mm512_castps_pd(both), 1)));
}

static inline __attribute__((always_inline)) void read_maps(const float *src, int64_t map, int64_t count, vec row[8]) {
    if (count >= 8) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            row[i] = join(_mm512_castps256_ps512(_mm256_loadu_ps(src + i * map)),
                          _mm512_castps256_ps512(_mm256_loadu_ps(src + (i + 8) * map)));
    } else {
        const __mmask16 some = (__mmask16)((1 << count) - 1);
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            row[i] = join(_mm512_maskz_loadu_ps(some, src + i * map), _mm512_maskz_loadu_ps(some, src + (i + 8) * map));
    }
    transpose_pair(row);
}
static inline __attribute__((always_inline)) void write_maps(vec row[8], int64_t count, float *dst, int64_t map) {
    const __mmask16 some = (__mmask16)(count >= 8 ? 0xff : (1 << count) - 1);
    transpose_pair(row);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        _mm512_mask_storeu_ps(dst + i * map, some, row[i]);
        _mm512_mask_storeu_ps(dst + (i + 8) * map, some, upper(row[i]));
    }
}
#include "kernel/filter/maps.inc"

void gani_filter_gather_avx512(const float *src, int64_t map, int64_t rows, int64_t width, int64_t used, float *dst,
                               int64_t column, int64_t pitch) {
    gather(src, map, rows, width, used, dst, column, pitch);
}
void gani_filter_scatter_avx512(const float *src, int64_t column, int64_t pitch, int64_t rows, int64_t width,
                                float *dst, int64_t map) {
    scatter(src, column, pitch, rows, width, dst, map);
}
