/* Convolutions by minimal filtering: fewer multiplications than the definition has, at the price of a larger rounding
 * error (a test holds it to 1e-5 of the largest value). For kernels of 3x3 with stride 1 and of 4x4 with stride 2,
 * taken apart into the 2x2 filters of its four phases; and all else that is stride x (2 or 3) wide.
 *
 * Images are cut in tiles. For every point of the transformed tiles there is one dense product:
 *   forward   M[point] (tiles x outputs) = V[point] (tiles x k) U[point] (k x outputs), k: phases and channels of the
 * input weights   U'[point] (k x outputs) = V[point]' (k x tiles) M'[point] (tiles x outputs) */
#ifndef GANI_KERNEL_FILTER_FILTER_H
#define GANI_KERNEL_FILTER_FILTER_H

#include "kernel/kernel.h"

enum { GANI_FILTER_LANES = 8, GANI_FILTER_ROWS = 6, GANI_FILTER_COLUMNS = 16, GANI_FILTER_KINDS = 5 };

/* A weight gradient's chunk has so many at most; and by outputs go no more, so that they are one chunk either way: the
 * same sums in the same order. */
enum { GANI_FILTER_FEW_TILES = 264 };

enum { GANI_FILTER_FORWARD = 0, GANI_FILTER_INPUT = 1, GANI_FILTER_WEIGHT = 2 };

/* How one call is done. Sizes are elements. */
typedef struct gani_filter_plan {
    int64_t out, taps, size, points;           /* m, r, m + r - 1 and its square */
    int64_t in_stride, out_stride;             /* of x's phases (forward, weights), of dx's (input gradient) */
    int64_t in_channels, out_channels, k;      /* k = in_stride^2 * in_channels */
    int64_t in_h, in_w, out_h, out_w;          /* of the images that are read and written */
    int64_t tile_rows, tile_cols;              /* of one image, one phase */
    int64_t rows, chunk_rows, chunks;          /* tile rows of the batch, of a chunk; chunks */
    int64_t tiles;                             /* room for a full chunk's: a multiple of GANI_FILTER_ROWS */
    int32_t by_outputs;                        /* all tiles are one chunk, and a task has a block of outputs */
    int64_t k_pitch, n_pitch;                  /* distance of two tiles in V and in M */
    int64_t u_pitch;                           /* of two points in U, no power of two: they would share cache sets */
    int64_t own_u_pitch;                       /* the same in a block's part of U */
    int64_t out_blocks, block;                 /* a chunk's outputs may be shared by several tasks: channels of one */
    int64_t stage_rows, stage_cols, line_cols; /* channels-last staging of one tile row's input and output */
    /* scratch, in bytes: shared part, then one part a worker */
    int64_t u, v, m, shared;
    int64_t weights; /* bytes of all of U, of the forward pass and the input gradient */
    int64_t own_v, own_m, own_stage, own_lines, own_u, worker;
} gani_filter_plan;

/* 1 if minimal filtering can do this convolution and is expected to be faster; fills the plan. `out` other than 0
 * asks for tiles of 2, 3 (where taps are 2) or 4, whatever they cost: for weights that are transformed already. */
int gani_filter_plan_make(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what, int32_t workers, int64_t out);

/* The second half of making a plan, where `by_outputs` may be changed before: for tests. */
void gani_filter_plan_lay_out(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what, int32_t workers);

/* Makes a plan for weights that were transformed before, for tiles of `out`, and lie elsewhere; 0 if there is none. Not
 * for the weight gradient. */
int gani_filter_plan_packed(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what, int32_t workers,
                            int64_t out);

static inline size_t gani_filter_scratch(const gani_filter_plan *plan, int32_t workers) {
    return (size_t)(plan->shared + plan->worker * workers);
}

/* What the products after this one will read: the next B, and some rows of the next A. NULL: not known, or not worth
 * it. It is only fetched; reading beyond what is there does no harm. */
typedef struct gani_filter_ahead {
    const float *b, *a;
    int64_t a_rows;
} gani_filter_ahead;

/* C (rows x 16) (+)= A B, where B is count x 16 and rows a multiple of GANI_FILTER_ROWS. `rows`: A's row i is at
 * a + i * a_pitch; `columns`: A's column k is at a + k * a_pitch. */
typedef void gani_filter_product(int64_t rows, int64_t count, const float *a, int64_t a_pitch, const float *b, float *c,
                                 int64_t c_pitch, int accumulate, gani_filter_ahead ahead);

/* Two of the transforms of a tile (tile.inc) on 16 channels at once; the same bits. bias: 16 values, or NULL. */
typedef void gani_filter_data(const float *src, ptrdiff_t row, ptrdiff_t column, float *dst, ptrdiff_t step);
typedef void gani_filter_result(const float *src, ptrdiff_t step, const float *bias, float *dst, ptrdiff_t row,
                                ptrdiff_t column);
typedef struct gani_filter_wide {
    gani_filter_data *data;
    gani_filter_result *result;
} gani_filter_wide;

/* 16 channels, whose maps lie `map` apart, from and to lanes beside each other, as maps.inc has them. */
typedef void gani_filter_gather(const float *src, int64_t map, int64_t rows, int64_t width, int64_t used, float *dst,
                                int64_t column, int64_t pitch);
typedef void gani_filter_scatter(const float *src, int64_t column, int64_t pitch, int64_t rows, int64_t width,
                                 float *dst, int64_t map);

typedef struct gani_filter_products {
    gani_filter_product *rows, *columns;
    const gani_filter_wide *wide; /* for F(2, 2), F(3, 2), F(4, 2), F(2, 3), F(4, 3), as kind_of has them; NULL: none */
    gani_filter_gather *gather;   /* NULL: 8 channels at a time */
    gani_filter_scatter *scatter;
} gani_filter_products;

/* Does what the plan was made for. a, b, result: x, w, y (forward, with an optional bias); g, w, dx (input gradient,
 * alike); x, g, dw (weight gradient, no bias). */
typedef void gani_filter_run(gani_pool *pool, void *scratch, const gani_filter_plan *plan, const gani_conv_shape *s,
                             int32_t what, const void *a, const void *b, const void *bias, void *result);
#ifdef GANI_HAVE_X86
gani_filter_run gani_filter_run_avx2, gani_filter_run_avx512;
#elif defined(GANI_HAVE_NEON)
gani_filter_run gani_filter_run_neon;
#endif

#endif
