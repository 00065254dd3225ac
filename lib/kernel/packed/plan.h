/* How the packed products cut their work: blocks, panels, tiles and the scratch that holds them. Nothing here
 * depends on the element type (sizes come in gani_tile), and nothing but the number of worker buffers depends on the
 * number of workers: that is why results do not either.
 *
 * Every product is C = A B, with A packed into panels of mr rows, B into panels of nr columns, and C kept in tiles of
 * mr x nr until it is complete. K is cut in blocks of kc; a packed panel is kc groups of mr (or nr) elements. */
#ifndef GANI_KERNEL_PACKED_PLAN_H
#define GANI_KERNEL_PACKED_PLAN_H

#include "kernel/kernel.h"

typedef struct gani_tile {
    int64_t mr, nr;
    int64_t element; /* bytes */
    /* Products with at most so many rows read B where it lies, `lanes` columns at a time, and pack nothing: packing
     * would cost more than multiplying. 0: never. Rows of pixels are then filled up to a multiple of `lanes`. */
    int64_t direct_rows, lanes;
} gani_tile;

enum { GANI_LINE = 64 }; /* bytes of a cache line, for what is fetched ahead: a guess that is wrong costs only time */

/* What a product may fetch meanwhile, for the one after it: 2^lines cache lines each from places `pitch` bytes apart,
 * one line with each step. NULL: nothing. */
typedef struct gani_ahead {
    const void *from;
    int64_t pitch;
    int32_t lines;
} gani_ahead;
static const gani_ahead gani_nothing_ahead = {0};

/* The shared part of the scratch comes first, then one part a worker. Offsets are bytes, multiples of 64. */
typedef struct gani_layout {
    int64_t shared, worker;
} gani_layout;

/* The rows of a batch of images cut in blocks: several whole images, or a band of rows of one. */
typedef struct gani_grid {
    int64_t n, height;    /* what is cut */
    int64_t images, rows; /* a full block's */
    int64_t bands;        /* blocks an image, 1 if images > 1 */
    int64_t count;        /* blocks in all */
} gani_grid;

typedef struct gani_block {
    int64_t n0, n1, r0, r1;
} gani_block;

/* Where pixel (image, row, column) of a block lies in a buffer. */
typedef struct gani_pixels {
    int64_t rows, cols; /* an image's in this block */
    int64_t image_step, row_step, col_step;
} gani_pixels;

/* C (m x n) = A (m x k) B (k x n); a task makes a block of m_step x n_step panels. */
typedef struct gani_gemm_plan {
    int64_t m_panels, n_panels, kc;
    int64_t m_step, n_step, m_blocks, n_blocks;
    int64_t packed_a;     /* shared */
    int64_t panel, tiles; /* worker's */
    gani_layout layout;
} gani_gemm_plan;

/* Y (o x pixels) = W (o x c kh kw) * patches. x is first split into stride_h * stride_w phase planes with zero
 * borders, so that a row of a patch panel is a few contiguous runs, whatever the stride and padding. */
typedef struct gani_forward_plan {
    gani_grid grid; /* of y's rows */
    int64_t k, kc, m_panels, m_step, m_blocks, n_panels;
    int64_t cols; /* lanes for a row of y */
    int32_t direct;
    int64_t plane_rows, pitch, plane, channel, image; /* of the planes, in elements */
    int64_t k_offset, packed_a;                       /* shared, packed_a last */
    int64_t planes, panel, tiles;                     /* worker's */
    gani_layout layout;
} gani_forward_plan;

/* dX: for each of the stride_h * stride_w phases of padded coordinates, Y = y + pad = stride * q + phase,
 *   dX (c x q's) = W' (c x o taps) * patches of g,  taps: those with kh * dil = phase + stride * t, oy = q - t. */
typedef struct gani_input_plan {
    gani_grid grid; /* of the q rows [q_low, q_low + grid.height), all phases together */
    int64_t q_low, x_low;
    int64_t max_th, max_tw; /* largest t of all taps, plus one */
    int64_t step_h, step_w; /* from one tap of a phase to the next */
    int64_t m_panels, m_step, m_blocks, phase_panels;
    int32_t direct;
    int64_t plane_rows, pitch, channel, image;
    int64_t k_offset, packed_a;                        /* shared, packed_a last */
    int64_t phases, taps, planes, panel, lines, tiles; /* worker's */
    gani_layout layout;
} gani_input_plan;

/* One phase (a, b) of a block. */
typedef struct gani_phase {
    int64_t first_h, first_w; /* its first tap; the kernel's size if it has none */
    int64_t th, tw, k, kc;    /* its number of taps, the length of the sums */
    int64_t q0, q1, x0, x1;   /* the phase's q rows and columns inside the block */
    int64_t cols;             /* lanes for a row: x1 - x0 or more */
    int64_t before;           /* k of all phases before this one */
} gani_phase;

/* dW (o x c kh kw) = G (o x pixels) * patches; a task sums a chunk of the pixel blocks for a slice of the channels. */
typedef struct gani_weight_plan {
    gani_grid grid; /* of y's rows */
    int64_t kc, m_panels, n_panels;
    int64_t slice, slices; /* channels a slice, slices */
    int64_t chunks;        /* > 1: partial sums, added in order */
    int32_t direct;
    int64_t plane_rows, pitch, plane, channel;        /* of zero-bordered x; split in phases if direct */
    int64_t partial, j_offset;                        /* shared */
    int64_t padded, packed_a, k_offset, panel, tiles; /* worker's */
    gani_layout layout;
} gani_weight_plan;

/* A block of K near 256 that cuts k evenly: a panel of B and one of A fit in the first-level cache. */
int64_t gani_plan_kc(int64_t k);

void gani_plan_gemm(gani_gemm_plan *plan, const gani_tile *tile, int64_t m, int64_t n, int64_t k);
void gani_plan_forward(gani_forward_plan *plan, const gani_tile *tile, const gani_conv_shape *s);
void gani_plan_input(gani_input_plan *plan, const gani_tile *tile, const gani_conv_shape *s);
void gani_plan_weight(gani_weight_plan *plan, const gani_tile *tile, const gani_conv_shape *s);
size_t gani_plan_bytes(const gani_layout *layout, int32_t workers);

gani_block gani_grid_block(const gani_grid *grid, int64_t index);
void gani_plan_phase(gani_phase *phase, const gani_tile *tile, const gani_conv_shape *s, const gani_input_plan *plan,
                     const gani_block *block, int64_t index);

/* offset[i] = place of pixel first + i, for i < count. */
void gani_pixel_offsets(const gani_pixels *pixels, int64_t first, int64_t count, int64_t *offset);

/* One group of the convolution: c and o are the group's, and `groups` is how many times as far apart the images lie.
 * Strides are no longer than the window's reach where there is one window only and the stride says nothing: the number
 * of phases is then bounded by the image's size. */
gani_conv_shape gani_conv_normal(const gani_conv_shape *s);

/* The first tap of a window that reaches a phase: least k with k * dilation % stride == phase, kernel if there is none.
 */
int64_t gani_first_tap(int64_t kernel, int64_t stride, int64_t dilation, int64_t phase);

/* True where the window is the whole image: each of the trio is then one dense product. */
int gani_conv_is_dense(const gani_conv_shape *s);

static inline int64_t gani_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t gani_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t gani_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; } /* a >= 0, b > 0 */

#endif
