/* See plan.h. The constants are sizes of caches common to x86-64 CPUs of the last ten years (32 KiB, 512 KiB or more);
 * they are not asked of the CPU, since cuts decide the order of sums and so the bits of results. */
#include "kernel/packed/plan.h"

enum {
    K_BLOCK = 256,
    TILE_BYTES = 512 * 1024,  /* C tiles of a task */
    PLANE_BYTES = 512 * 1024, /* input copy of a task */
    TASKS = 16,               /* wanted at least, where the work can be cut so far */
    MAX_PIXELS = 2048,
    MIN_PIXELS = 32,
    MAX_PARTIAL_BYTES = 32 * 1024 * 1024
};

static int64_t carve(int64_t *total, int64_t bytes) {
    int64_t at = *total;
    *total += (bytes + 63) / 64 * 64;
    return at;
}

int64_t gani_plan_kc(int64_t k) { return gani_max(gani_ceil_div(k, gani_max(gani_ceil_div(k, K_BLOCK), 1)), 1); }

size_t gani_plan_bytes(const gani_layout *layout, int32_t workers) {
    return (size_t)(layout->shared + layout->worker * workers);
}

/* Rows (or columns) from a window's first tap to its last. */
static int64_t reach(int64_t kernel, int64_t dilation) { return (kernel - 1) * dilation + 1; }

gani_conv_shape gani_conv_normal(const gani_conv_shape *s) {
    gani_conv_shape normal = *s;
    normal.c = s->c / s->groups;
    normal.o = s->o / s->groups;
    if (s->kh == 1) normal.dil_h = 1;
    if (s->kw == 1) normal.dil_w = 1;
    if (s->oh == 1) normal.stride_h = gani_max(gani_min(s->stride_h, reach(s->kh, normal.dil_h)), 1);
    if (s->ow == 1) normal.stride_w = gani_max(gani_min(s->stride_w, reach(s->kw, normal.dil_w)), 1);
    return normal;
}

int gani_conv_is_dense(const gani_conv_shape *s) {
    return s->oh == 1 && s->ow == 1 && s->pad_h == 0 && s->pad_w == 0 && s->kh == s->h && s->kw == s->w;
}

/* Bands of a height, all alike but for the last, with at most so many rows. */
static int64_t even_rows(int64_t rows, int64_t height) { return gani_ceil_div(height, gani_ceil_div(height, rows)); }

/* Rows of a band: up to twice as many, and no more than `most`, where they fill panels of `lanes` pixels clearly
 * better. */
static int64_t band_rows(int64_t rows, int64_t most, int64_t height, int64_t cols, int64_t lanes) {
    int64_t best = even_rows(rows, height);
    for (int64_t r = rows + 1; r <= gani_min(gani_min(2 * rows, most), height); r++) {
        int64_t even = even_rows(r, height);
        if (103 * best * gani_ceil_div(even * cols, lanes) < 100 * even * gani_ceil_div(best * cols, lanes))
            best = even;
    }
    return best;
}

/* Blocks of about `target` of the `cols` pixels a row, or if that fills panels of `lanes` better of up to `most`. */
static void plan_grid(gani_grid *grid, int64_t n, int64_t height, int64_t cols, int64_t target, int64_t most,
                      int64_t lanes) {
    int64_t pixels = gani_max(height * cols, 1);
    grid->n = n;
    grid->height = height;
    if (pixels <= target) {
        int64_t blocks = gani_ceil_div(n, target / pixels);
        grid->images = gani_max(gani_ceil_div(n, gani_max(blocks, 1)), 1);
        grid->rows = height;
        grid->bands = 1;
        grid->count = gani_ceil_div(n, grid->images);
    } else {
        grid->images = 1;
        grid->rows = band_rows(gani_max(target / cols, 1), most / cols, height, cols, lanes);
        grid->bands = gani_ceil_div(height, grid->rows);
        grid->count = n * grid->bands;
    }
}

gani_block gani_grid_block(const gani_grid *grid, int64_t index) {
    gani_block block;
    int64_t group = index / grid->bands, band = index % grid->bands;
    block.n0 = group * grid->images;
    block.n1 = gani_min(block.n0 + grid->images, grid->n);
    block.r0 = band * grid->rows;
    block.r1 = gani_min(block.r0 + grid->rows, grid->height);
    return block;
}

void gani_pixel_offsets(const gani_pixels *pixels, int64_t first, int64_t count, int64_t *offset) {
    int64_t image = first / (pixels->rows * pixels->cols), rest = first % (pixels->rows * pixels->cols);
    int64_t row = rest / pixels->cols, col = rest % pixels->cols;
    for (int64_t i = 0; i < count; i++) {
        offset[i] = image * pixels->image_step + row * pixels->row_step + col * pixels->col_step;
        if (++col == pixels->cols) {
            col = 0;
            if (++row == pixels->rows) {
                row = 0;
                image++;
            }
        }
    }
}

/* Where blocks of B's columns are too few to share out, cuts A's panels too. */
static int64_t split_panels(int64_t panels, int64_t blocks) {
    int64_t parts = blocks > 0 && blocks < TASKS / 2 ? gani_ceil_div(TASKS / 2, blocks) : 1;
    return gani_max(gani_ceil_div(panels, gani_min(parts, gani_max(panels / 4, 1))), 1);
}

void gani_plan_gemm(gani_gemm_plan *plan, const gani_tile *tile, int64_t m, int64_t n, int64_t k) {
    int64_t tile_bytes = tile->mr * tile->nr * tile->element, k_block = gani_plan_kc(k);
    plan->kc = k_block;
    plan->m_panels = gani_ceil_div(m, tile->mr);
    plan->n_panels = gani_ceil_div(n, tile->nr);
    /* the part of packed A that a task goes over for each panel of B stays in the second-level cache */
    plan->m_step = gani_max(TILE_BYTES / (k_block * tile->mr * tile->element), 1);
    plan->m_blocks = gani_ceil_div(plan->m_panels, plan->m_step);
    plan->m_step = gani_max(gani_ceil_div(plan->m_panels, gani_max(plan->m_blocks, 1)), 1);
    int64_t fit = TILE_BYTES / (plan->m_step * tile_bytes);
    int64_t fair = gani_ceil_div(plan->n_panels * plan->m_blocks, TASKS);
    plan->n_step = gani_max(gani_min(fit, gani_max(fair, 2)), 1);
    plan->n_blocks = gani_ceil_div(plan->n_panels, plan->n_step);
    if (plan->n_blocks * plan->m_blocks < TASKS / 2 && plan->m_blocks == 1) {
        plan->m_step = split_panels(plan->m_panels, plan->n_blocks);
        plan->m_blocks = gani_ceil_div(plan->m_panels, plan->m_step);
    }
    plan->layout.shared = plan->layout.worker = 0;
    plan->packed_a = carve(&plan->layout.shared, plan->m_panels * tile->mr * k * tile->element);
    plan->panel = carve(&plan->layout.worker, k_block * tile->nr * tile->element);
    plan->tiles = carve(&plan->layout.worker, plan->m_step * plan->n_step * tile_bytes);
}

/* Cuts the pixels, given the bytes that each adds to the tiles and to the input copy. */
static void plan_blocks(gani_grid *grid, const gani_tile *tile, int64_t n, int64_t height, int64_t cols,
                        int64_t tile_bytes, int64_t plane_bytes) {
    int64_t fit = gani_min(TILE_BYTES / gani_max(tile_bytes, 1), PLANE_BYTES / gani_max(plane_bytes, 1));
    fit = gani_max(gani_min(fit, MAX_PIXELS), MIN_PIXELS);
    int64_t target = gani_max(gani_min(fit, gani_ceil_div(n * height * cols, TASKS)), MIN_PIXELS);
    /* One image's blocks may be larger; several images' are that anyhow, and never smaller than one's: a smaller batch
     * must not need more scratch. */
    plan_grid(grid, n, height, cols, target, n == 1 ? fit : target, tile->nr);
}

static int32_t is_direct(const gani_tile *tile, int64_t rows, int64_t cols) {
    return rows <= tile->direct_rows && 2 * cols >= tile->lanes;
}

static int64_t lanes_of(const gani_tile *tile, int32_t direct, int64_t cols) {
    return direct ? gani_ceil_div(cols, tile->lanes) * tile->lanes : cols;
}

/* Panels for so many pixels; direct products make two at a time. */
static int64_t pixel_panels(const gani_tile *tile, int32_t direct, int64_t pixels) {
    return direct ? 2 * gani_ceil_div(pixels, 2 * tile->nr) : gani_ceil_div(pixels, tile->nr);
}

void gani_plan_forward(gani_forward_plan *plan, const gani_tile *tile, const gani_conv_shape *s) {
    int64_t phases = s->stride_h * s->stride_w, e = tile->element;
    plan->k = s->c * s->kh * s->kw;
    plan->kc = gani_plan_kc(plan->k);
    plan->m_panels = gani_ceil_div(s->o, tile->mr);
    plan_blocks(&plan->grid, tile, s->n, s->oh, s->ow, plan->m_panels * tile->mr * e, s->c * phases * e);
    plan->m_step = split_panels(plan->m_panels, plan->grid.count);
    plan->m_blocks = gani_ceil_div(plan->m_panels, plan->m_step);
    plan->direct = is_direct(tile, s->o, s->ow);
    plan->cols = lanes_of(tile, plan->direct, s->ow);
    plan->n_panels = pixel_panels(tile, plan->direct, plan->grid.images * plan->grid.rows * plan->cols);
    plan->plane_rows = plan->grid.rows + (reach(s->kh, s->dil_h) - 1) / s->stride_h;
    plan->pitch = s->ow + (reach(s->kw, s->dil_w) - 1) / s->stride_w;
    plan->plane = plan->plane_rows * plan->pitch;
    plan->channel = plan->plane * phases;
    plan->image = plan->channel * s->c;
    plan->layout.shared = plan->layout.worker = 0;
    plan->k_offset = carve(&plan->layout.shared, plan->k * (int64_t)sizeof(int64_t));
    plan->packed_a = carve(&plan->layout.shared, plan->m_panels * tile->mr * plan->k * e);
    plan->planes = carve(&plan->layout.worker, (plan->grid.images * plan->image + tile->nr) * e);
    plan->panel = carve(&plan->layout.worker, (plan->kc + 1) * tile->nr * e);
    plan->tiles = carve(&plan->layout.worker, plan->n_panels * plan->m_step * tile->mr * tile->nr * e);
}

/* Tap k of a window reaches the phase k * dilation % stride; those of one phase are `step` taps apart. */
static int64_t tap_step(int64_t stride, int64_t dilation) {
    int64_t a = stride, b = dilation % stride; /* stride over the greatest common divisor */
    while (b > 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return stride / a;
}

int64_t gani_first_tap(int64_t kernel, int64_t stride, int64_t dilation, int64_t phase) {
    int64_t step = dilation % stride, tap = 0;
    for (int64_t at = 0; tap < gani_min(kernel, stride) && at != phase; tap++)
        at = at + step < stride ? at + step : at + step - stride;
    return tap < gani_min(kernel, stride) ? tap : kernel;
}

static int64_t phase_taps(int64_t kernel, int64_t step, int64_t first) {
    return first < kernel ? gani_ceil_div(kernel - first, step) : 0;
}

/* Those of all phases before this one. */
static int64_t taps_before(int64_t kernel, int64_t stride, int64_t dilation, int64_t phase) {
    int64_t step = dilation % stride, count = 0;
    for (int64_t tap = 0, at = 0; tap < kernel; tap++) {
        count += at < phase;
        at = at + step < stride ? at + step : at + step - stride;
    }
    return count;
}

/* Least q with stride * q + phase >= at. */
static int64_t phase_first(int64_t at, int64_t stride, int64_t phase) {
    return at > phase ? gani_ceil_div(at - phase, stride) : 0;
}

void gani_plan_input(gani_input_plan *plan, const gani_tile *tile, const gani_conv_shape *s) {
    int64_t phases = s->stride_h * s->stride_w, e = tile->element;
    int64_t q_high = gani_ceil_div(s->pad_h + s->h, s->stride_h), x_high = gani_ceil_div(s->pad_w + s->w, s->stride_w);
    int64_t phase_pixels = gani_ceil_div(s->h * s->w, phases);
    plan->q_low = s->pad_h / s->stride_h;
    plan->x_low = s->pad_w / s->stride_w;
    plan->step_h = tap_step(s->stride_h, s->dil_h);
    plan->step_w = tap_step(s->stride_w, s->dil_w);
    plan->max_th = (reach(s->kh, s->dil_h) - 1) / s->stride_h + 1;
    plan->max_tw = (reach(s->kw, s->dil_w) - 1) / s->stride_w + 1;
    plan->m_panels = gani_ceil_div(s->c, tile->mr);
    /* a q row is counted at the pixels it has on average, not at those of the phase that has most */
    plan_blocks(&plan->grid, tile, s->n, q_high - plan->q_low,
                gani_max(gani_ceil_div(phase_pixels, q_high - plan->q_low), 1), plan->m_panels * tile->mr * phases * e,
                s->o * e);
    plan->m_step = split_panels(plan->m_panels, plan->grid.count);
    plan->m_blocks = gani_ceil_div(plan->m_panels, plan->m_step);
    plan->direct = is_direct(tile, s->c, gani_ceil_div(s->w, s->stride_w));
    int64_t cols = lanes_of(tile, plan->direct, x_high - plan->x_low);
    plan->phase_panels = pixel_panels(tile, plan->direct, plan->grid.images * plan->grid.rows * cols);
    plan->plane_rows = plan->grid.rows + plan->max_th - 1;
    plan->pitch = x_high - plan->x_low + plan->max_tw - 1;
    plan->channel = plan->plane_rows * plan->pitch;
    plan->image = plan->channel * s->o;
    plan->layout.shared = plan->layout.worker = 0;
    int64_t k = s->o * s->kh * s->kw;
    plan->k_offset = carve(&plan->layout.shared, k * (int64_t)sizeof(int64_t));
    plan->packed_a = carve(&plan->layout.shared, plan->m_panels * tile->mr * k * e);
    plan->phases = carve(&plan->layout.worker, phases * (int64_t)sizeof(gani_phase));
    plan->taps = carve(&plan->layout.worker, s->kh * s->kw * tile->mr * e);
    plan->planes = carve(&plan->layout.worker, (plan->grid.images * plan->image + tile->nr) * e);
    plan->panel = carve(&plan->layout.worker, (K_BLOCK + 1) * tile->nr * e);
    plan->lines = carve(&plan->layout.worker, phases * plan->phase_panels * tile->nr * e);
    plan->tiles = carve(&plan->layout.worker, phases * plan->phase_panels * plan->m_step * tile->mr * tile->nr * e);
}

void gani_plan_phase(gani_phase *phase, const gani_tile *tile, const gani_conv_shape *s, const gani_input_plan *plan,
                     const gani_block *block, int64_t index) {
    int64_t a = index / s->stride_w, b = index % s->stride_w;
    phase->first_h = gani_first_tap(s->kh, s->stride_h, s->dil_h, a);
    phase->first_w = gani_first_tap(s->kw, s->stride_w, s->dil_w, b);
    phase->th = phase_taps(s->kh, plan->step_h, phase->first_h);
    phase->tw = phase_taps(s->kw, plan->step_w, phase->first_w);
    phase->before = s->o * (taps_before(s->kh, s->stride_h, s->dil_h, a) * s->kw +
                            phase->th * taps_before(s->kw, s->stride_w, s->dil_w, b));
    phase->k = s->o * phase->th * phase->tw;
    phase->kc = gani_plan_kc(phase->k);
    phase->q0 = gani_max(phase_first(s->pad_h, s->stride_h, a), plan->q_low + block->r0);
    phase->q1 = gani_min(phase_first(s->pad_h + s->h, s->stride_h, a), plan->q_low + block->r1);
    phase->x0 = phase_first(s->pad_w, s->stride_w, b);
    phase->x1 = phase_first(s->pad_w + s->w, s->stride_w, b);
    phase->cols = lanes_of(tile, plan->direct, gani_max(phase->x1 - phase->x0, 0));
}

/* Chunks of the pixel blocks, so that there is work to share out, but not many more than one sum each of them: a chunk
 * costs a sum of the size of the result. */
static int64_t plan_chunks(const gani_weight_plan *plan, const gani_conv_shape *s, int64_t result) {
    int64_t pixels = s->n * s->oh * s->ow, least = plan->slices < TASKS / 2 ? 2 * K_BLOCK : 8 * K_BLOCK;
    int64_t chunks = gani_ceil_div(TASKS, gani_max(plan->slices, 1));
    chunks = gani_min(chunks, gani_max(MAX_PARTIAL_BYTES / gani_max(result, 1), 1));
    chunks = gani_min(chunks, gani_max(pixels / least, 1));
    return gani_max(gani_min(chunks, plan->grid.count), 1);
}

/* Few output channels: sums of products of whole rows, with x split in phases as in the forward direction. */
static void plan_weight_direct(gani_weight_plan *plan, const gani_tile *tile, const gani_conv_shape *s) {
    int64_t e = tile->element, window = s->kh * s->kw, phases = s->stride_h * s->stride_w;
    int64_t fit = PLANE_BYTES / 2 / (2 * K_BLOCK * phases * e);
    plan->slices = gani_ceil_div(s->c, gani_max(fit, 1));
    plan->slice = gani_max(gani_ceil_div(s->c, gani_max(plan->slices, 1)), 1);
    plan->slices = gani_ceil_div(s->c, plan->slice);
    plan_grid(&plan->grid, s->n, s->oh, s->ow, gani_min(PLANE_BYTES / 2 / (plan->slice * phases * e), MAX_PIXELS), 0,
              1);
    plan->chunks = plan_chunks(plan, s, s->o * s->c * window * e);
    plan->plane_rows = plan->grid.rows + (reach(s->kh, s->dil_h) - 1) / s->stride_h;
    plan->pitch = s->ow + (reach(s->kw, s->dil_w) - 1) / s->stride_w;
    plan->plane = plan->plane_rows * plan->pitch;
    plan->channel = plan->plane * phases;
    int64_t vectors = plan->grid.images * plan->grid.rows * gani_ceil_div(s->ow, tile->lanes);
    plan->layout.shared = plan->layout.worker = 0;
    plan->partial = carve(&plan->layout.shared, plan->chunks > 1 ? plan->chunks * s->o * s->c * window * e : 0);
    plan->j_offset = carve(&plan->layout.shared, plan->slice * window * (int64_t)sizeof(int64_t));
    plan->padded = carve(&plan->layout.worker, (plan->grid.images * plan->slice * plan->channel + tile->nr) * e);
    plan->packed_a = carve(&plan->layout.worker, s->o * vectors * tile->lanes * e);
    plan->k_offset = carve(&plan->layout.worker, vectors * (int64_t)sizeof(int64_t));
    plan->panel = 0;
    plan->tiles = carve(&plan->layout.worker, s->o * plan->slice * window * e);
}

void gani_plan_weight(gani_weight_plan *plan, const gani_tile *tile, const gani_conv_shape *s) {
    int64_t e = tile->element, window = s->kh * s->kw;
    plan->direct = is_direct(tile, s->o, s->ow);
    if (plan->direct) {
        plan_weight_direct(plan, tile, s);
        return;
    }
    plan->m_panels = gani_ceil_div(s->o, tile->mr);
    int64_t rows = gani_max(plan->m_panels * tile->mr, 1);
    /* slices of the channels: tiles in the second-level cache, but B wide enough to pay for packing A again */
    int64_t columns = gani_max(TILE_BYTES / (rows * e), 8 * tile->nr);
    plan->slices = gani_ceil_div(s->c, gani_max(columns / window, 1));
    /* few pixels: rather more slices than chunks */
    if (s->n * s->oh * s->ow < 16 * K_BLOCK)
        plan->slices = gani_max(plan->slices, gani_min(TASKS / 2, s->c * window / (8 * tile->nr)));
    plan->slice = gani_max(gani_ceil_div(s->c, gani_max(plan->slices, 1)), 1);
    plan->slices = gani_ceil_div(s->c, plan->slice);
    plan->n_panels = gani_ceil_div(plan->slice * window, tile->nr);
    int64_t per_pixel = plan->slice * s->stride_h * s->stride_w * e;
    int64_t target = gani_min(PLANE_BYTES / 2 / gani_max(per_pixel, 1), 4 * K_BLOCK);
    plan_grid(&plan->grid, s->n, s->oh, s->ow, gani_max(target, K_BLOCK), 0, 1);
    plan->kc = K_BLOCK;
    int64_t result = s->o * s->c * window * e;
    plan->chunks = plan_chunks(plan, s, result);
    plan->plane_rows = (plan->grid.rows - 1) * s->stride_h + reach(s->kh, s->dil_h);
    plan->pitch = (s->ow - 1) * s->stride_w + reach(s->kw, s->dil_w);
    plan->channel = plan->plane_rows * plan->pitch;
    plan->layout.shared = plan->layout.worker = 0;
    plan->partial = carve(&plan->layout.shared, plan->chunks > 1 ? plan->chunks * result : 0);
    plan->j_offset = carve(&plan->layout.shared, plan->n_panels * tile->nr * (int64_t)sizeof(int64_t));
    plan->padded = carve(&plan->layout.worker, (plan->grid.images * plan->slice * plan->channel + tile->nr) * e);
    plan->packed_a = carve(&plan->layout.worker, plan->m_panels * tile->mr * K_BLOCK * e);
    plan->k_offset = carve(&plan->layout.worker, K_BLOCK * (int64_t)sizeof(int64_t));
    plan->panel = carve(&plan->layout.worker, (K_BLOCK + 1) * tile->nr * e);
    plan->tiles = carve(&plan->layout.worker, plan->n_panels * plan->m_panels * tile->mr * tile->nr * e);
}
