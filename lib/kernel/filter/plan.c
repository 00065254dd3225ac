/* Which convolutions are done by minimal filtering, with which tiles, and how the work is cut. Bits do not depend on
 * the number of workers: what does (chunks, blocks) only groups results whose sums are the same anyhow. */
#include "kernel/filter/filter.h"

#include "kernel/packed/plan.h"

/* Costs in multiplications: of transforming one element to or from a point, measured. */
#define TRANSFORM 25.0
/* What the direct path needs for one multiplication, packing included, relative to the products here. */
#define DIRECT 1.08

/* Bytes; of a layout for one worker, for the choice must not depend on their number: bits do on the choice. */
#define MOST_SCRATCH ((int64_t)1 << 28)

/* See goes_by_outputs: bytes, and channels of a block. */
#define MANY_WEIGHTS ((int64_t)6 << 20)
enum { OWN_BLOCK = 32 };

static double filter_cost(double tiles, double points, double k, double n) {
    return tiles * points * k * n * (1 + TRANSFORM / n + TRANSFORM / k + TRANSFORM / tiles);
}

static int64_t round_up(int64_t value, int64_t step) { return gani_ceil_div(value, step) * step; }

static int64_t bytes(int64_t floats) { return round_up(floats * (int64_t)sizeof(float), 64); }

/* Weights that fill a cache are made block by block, each when it is used; the few tiles are in memory all at once. */
static int goes_by_outputs(int64_t u_bytes, int64_t tiles) {
    return u_bytes > MANY_WEIGHTS && tiles <= GANI_FILTER_FEW_TILES;
}

/* Bytes of U for a task's outputs. Smaller blocks where there are many workers. */
static int64_t own_weights(gani_filter_plan *plan, int64_t k, int32_t workers) {
    plan->block = plan->out_channels >= 2 * OWN_BLOCK * (int64_t)workers ? OWN_BLOCK : GANI_FILTER_COLUMNS;
    plan->out_blocks = gani_ceil_div(plan->out_channels, plan->block);
    plan->own_u_pitch = k * plan->block + GANI_FILTER_COLUMNS;
    return bytes(plan->out_stride * plan->points * plan->own_u_pitch);
}

static void lay_out_weight_gradient(gani_filter_plan *plan, int64_t u_bytes, int64_t columns, int64_t stage,
                                    int32_t workers) {
    int64_t lines = 2 * plan->out * plan->tile_cols * plan->out * GANI_FILTER_LANES;
    plan->n_pitch = columns;
    plan->u = 0;
    plan->v = plan->by_outputs ? 0 : u_bytes;
    plan->m = plan->v + bytes(plan->points * plan->tiles * plan->k_pitch);
    plan->shared = plan->m + bytes(plan->points * plan->tiles * columns);
    plan->own_stage = 0;
    plan->worker = plan->own_u = bytes(gani_max(stage, lines));
    /* rows of U' are written six at a time */
    if (plan->by_outputs) plan->worker += own_weights(plan, round_up(plan->k, GANI_FILTER_ROWS), workers);
}

/* Products in groups of rows that the busiest of some workers has if chunks have so many tile rows: they take them in
 * turn, and a last one may have fewer. */
static int64_t busiest(const gani_filter_plan *plan, int64_t chunk_rows, int64_t workers) {
    int64_t whole = plan->rows / chunk_rows, rest = plan->rows % chunk_rows;
    int64_t groups = gani_ceil_div(chunk_rows * plan->tile_cols, GANI_FILTER_ROWS);
    int64_t last = whole % workers > 0 ? groups : gani_ceil_div(rest * plan->tile_cols, GANI_FILTER_ROWS);
    return whole / workers * groups + last;
}

/* A chunk's tile rows: `most`, or somewhat fewer where the workers then share the work better. */
static int64_t shared_rows(const gani_filter_plan *plan, int64_t most, int32_t workers) {
    int64_t best = most, least = busiest(plan, most, workers);
    for (int64_t rows = most - 1; rows > most / 2; rows--) {
        int64_t groups = busiest(plan, rows, workers);
        if (groups < least) best = rows, least = groups;
    }
    return best;
}

void gani_filter_plan_lay_out(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what, int32_t workers) {
    int64_t columns = round_up(plan->out_channels, GANI_FILTER_COLUMNS), phases = plan->out_stride * plan->out_stride;
    plan->u_pitch =
        (what == GANI_FILTER_WEIGHT ? round_up(plan->k, GANI_FILTER_ROWS) : plan->k) * columns + GANI_FILTER_COLUMNS;
    int64_t u = phases * plan->points * plan->u_pitch;
    /* Long lists of weights are read from memory once a chunk: larger chunks then. */
    int64_t wanted = what == GANI_FILTER_WEIGHT ? GANI_FILTER_FEW_TILES : u > (int64_t)3 << 20 ? 132 : 48;
    plan->rows = s->n * plan->tile_rows;
    int64_t most = plan->by_outputs ? plan->rows : gani_min(plan->rows, gani_max(1, wanted / plan->tile_cols));
    int64_t least_chunks = gani_ceil_div(plan->rows, most);
    if (what == GANI_FILTER_WEIGHT) /* all alike, whoever makes them: each is a sum of its own */
        plan->chunk_rows = most = gani_ceil_div(plan->rows, least_chunks);
    else
        plan->chunk_rows = plan->by_outputs ? most : shared_rows(plan, most, workers);
    plan->chunks = gani_ceil_div(plan->rows, plan->chunk_rows);
    /* Room for `most`, so that a smaller batch never needs more. An odd number of groups: with an even one, often of
     * 16, a tile's points would share few of the caches' sets. */
    plan->tiles = (gani_ceil_div(most * plan->tile_cols, GANI_FILTER_ROWS) | 1) * GANI_FILTER_ROWS;
    plan->k_pitch = plan->k + 16;
    plan->stage_rows = plan->in_stride * plan->size;
    plan->stage_cols = plan->in_stride * (plan->tile_cols * plan->out + plan->taps - 1);
    int64_t stage = 2 * plan->stage_rows * plan->stage_cols * GANI_FILTER_LANES;
    if (what == GANI_FILTER_WEIGHT) {
        lay_out_weight_gradient(plan, bytes(u), columns, stage, workers);
        return;
    }
    plan->weights = bytes(u);
    plan->v = 0;
    plan->u = plan->by_outputs ? bytes(plan->out_stride * plan->points * plan->tiles * plan->k_pitch) : 0;
    plan->shared = plan->u + (plan->by_outputs ? 0 : plan->weights);
    int64_t own_weight_bytes = 0, panels = gani_ceil_div(plan->out_channels, GANI_FILTER_COLUMNS);
    if (plan->by_outputs) {
        own_weight_bytes = own_weights(plan, plan->k, workers);
    } else {
        plan->out_blocks = 1;
        while (least_chunks * plan->out_blocks < 3 * workers && workers > 1 && panels / (plan->out_blocks + 1) >= 4)
            plan->out_blocks++;
        plan->block = gani_ceil_div(panels, plan->out_blocks) * GANI_FILTER_COLUMNS;
        plan->out_blocks = gani_ceil_div(plan->out_channels, plan->block);
    }
    plan->n_pitch = plan->block + 16;
    plan->line_cols = plan->out_stride * (plan->tile_cols * plan->out + 1);
    plan->own_v = 0;
    plan->own_m = plan->by_outputs ? 0 : bytes(plan->points * plan->tiles * plan->k_pitch);
    plan->own_stage = plan->own_m + bytes(plan->out_stride * plan->points * plan->tiles * plan->n_pitch);
    plan->own_lines = plan->own_stage + bytes(stage);
    plan->own_u = plan->own_lines + bytes(2 * plan->out * plan->line_cols * GANI_FILTER_LANES);
    plan->worker = plan->own_u + own_weight_bytes;
}

/* Whether there is scratch enough, and if need be not by outputs. */
static int fits(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what) {
    for (;;) {
        gani_filter_plan_lay_out(plan, s, what, 1);
        if (plan->shared + plan->worker < MOST_SCRATCH) return 1;
        if (!plan->by_outputs) return 0;
        plan->by_outputs = 0;
    }
}

int gani_filter_plan_make(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what, int32_t workers,
                          int64_t wanted_out) {
    int64_t stride = s->stride_h, taps = s->kh / (stride > 0 ? stride : 1);
    if (s->groups != 1 || s->dil_h != 1 || s->dil_w != 1 || s->kh != s->kw || s->stride_w != stride || stride < 1 ||
        stride > 2 || taps * stride != s->kh || taps < 2 || taps > 3 || s->c % 8 != 0 || s->o % 8 != 0 || s->n < 1 ||
        s->c < 16 || s->o < 16 || s->pad_h >= s->kh || s->pad_w >= s->kw)
        return 0;
    *plan = (gani_filter_plan){.taps = taps, .in_stride = stride, .out_stride = 1};
    plan->in_channels = s->c, plan->out_channels = s->o;
    plan->in_h = s->h, plan->in_w = s->w, plan->out_h = s->oh, plan->out_w = s->ow;
    if (what == GANI_FILTER_INPUT) {
        plan->in_stride = 1, plan->out_stride = stride;
        plan->in_channels = s->o, plan->out_channels = s->c;
        plan->in_h = s->oh, plan->in_w = s->ow, plan->out_h = s->h, plan->out_w = s->w;
    }
    int64_t phases = plan->out_stride * plan->out_stride;
    plan->k = plan->in_stride * plan->in_stride * plan->in_channels;
    /* every tap of a phase is multiplied with every pixel of its dx, whether it falls on y or beside it */
    int64_t windows = what == GANI_FILTER_INPUT ? s->h * s->w * taps * taps : s->oh * s->ow * s->kh * s->kw;
    double best = DIRECT * (double)(s->n * windows) * (double)(s->o * s->c);
    for (int64_t out = 2; out <= 4; out++) {
        if (out == 3 && taps == 3) continue; /* would gain little between F(2) and F(4) */
        int64_t rows = gani_ceil_div(gani_ceil_div(plan->out_h, plan->out_stride), out);
        int64_t cols = gani_ceil_div(gani_ceil_div(plan->out_w, plan->out_stride), out);
        int64_t size = out + taps - 1;
        double cost = (double)phases * filter_cost((double)(s->n * rows * cols), (double)(size * size), (double)plan->k,
                                                   (double)plan->out_channels);
        if (wanted_out == 0 ? cost >= best : out != wanted_out) continue;
        best = cost;
        plan->out = out, plan->size = size, plan->points = size * size;
        plan->tile_rows = rows, plan->tile_cols = cols;
    }
    if (plan->out == 0) return 0;
    plan->by_outputs = goes_by_outputs(phases * plan->points * plan->k * plan->out_channels * (int64_t)sizeof(float),
                                       s->n * plan->tile_rows * plan->tile_cols);
    if (!fits(plan, s, what) && wanted_out == 0) return 0;
    gani_filter_plan_lay_out(plan, s, what, workers);
    return 1;
}

/* By outputs would gain nothing, and a smaller batch could then need more scratch than the largest. */
int gani_filter_plan_packed(gani_filter_plan *plan, const gani_conv_shape *s, int32_t what, int32_t workers,
                            int64_t out) {
    if (!gani_filter_plan_make(plan, s, what, workers, out)) return 0;
    plan->by_outputs = 0;
    gani_filter_plan_lay_out(plan, s, what, workers);
    plan->shared = 0;
    return 1;
}
