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

/* Tiles of 2 are rare. */
const gani_filter_wide gani_filter_tiles_avx512[4] = {
    {NULL, NULL}, {data_tile_42, result_tile_42}, {NULL, NULL}, {data_tile_43, result_tile_43}};
