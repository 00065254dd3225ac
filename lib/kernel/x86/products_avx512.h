/* The products of the AVX2 level, and transforms of minimal filtering, with registers twice as wide. The order of every
 * sum is the same, so results are the same bits; all else of the AVX-512 level is the AVX2 level's. */
#ifndef GANI_KERNEL_X86_PRODUCTS_AVX512_H
#define GANI_KERNEL_X86_PRODUCTS_AVX512_H

#include "kernel/filter/filter.h"
#include "kernel/packed/plan.h"

/* For panels of 6 rows of A and of 16 columns of B, as sweep in packed/panel.inc. */
void gani_sweep_avx512(int64_t rows, int64_t kc, const float *a, const float *b, float *c, int64_t c_pitch,
                       int accumulate, gani_ahead ahead);

/* As in filter/filter.h. */
void gani_filter_rows_avx512(int64_t rows, int64_t count, const float *a, int64_t a_pitch, const float *b, float *c,
                             int64_t c_pitch, int accumulate, gani_filter_ahead ahead);
void gani_filter_columns_avx512(int64_t rows, int64_t count, const float *a, int64_t a_pitch, const float *b, float *c,
                                int64_t c_pitch, int accumulate, gani_filter_ahead ahead);

/* tiles_avx512.c: transforms of 16 channels */
extern const gani_filter_wide gani_filter_tiles_avx512[GANI_FILTER_KINDS];
gani_filter_gather gani_filter_gather_avx512;
gani_filter_scatter gani_filter_scatter_avx512;

#endif
