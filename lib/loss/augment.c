/* DiffAugment: colours by arithmetic, movement and holes by one look-up of every pixel. */
#include "loss/terms.h"

/* One column of the draws as N x 1 x 1 x 1 numbers in (centre - width, centre + width). */
static gan_tensor *spread(gan_tape *tape, const gan_tensor *x, const gan_tensor *draws, int column, double centre,
                          double width) {
    int64_t batch = x->shape.size[0];
    gan_tensor *y = gani_result(tape, x->dtype, gan_shape_4d(batch, 1, 1, 1));
    if (gani_failed(tape)) return &tape->inert;
    const double *u = (const double *)draws->data + column;
    for (int64_t i = 0; i < batch; i++, u += GANI_AUGMENT_DRAWS) gani_put_value(y, i, centre + width * (2 * *u - 1));
    return y;
}

/* Differences to the mean over these axes, stretched. */
static gan_tensor *stretch(gan_tape *tape, gan_tensor *x, uint32_t axes, gan_tensor *factor) {
    gan_tensor *mean = gani_mean_axes(tape, x, axes, 1);
    return gani_add(tape, gani_mul(tape, gani_sub(tape, x, mean), factor), mean);
}

static gan_tensor *recolor(gan_tape *tape, gan_tensor *x, const gan_diff_augment_options *o, const gan_tensor *draws) {
    if (o->brightness > 0) x = gani_add(tape, x, spread(tape, x, draws, 0, 0, o->brightness));
    if (o->saturation > 0 && !gani_failed(tape)) x = stretch(tape, x, 2, spread(tape, x, draws, 1, 1, o->saturation));
    if (o->contrast > 0 && !gani_failed(tape)) x = stretch(tape, x, 14, spread(tape, x, draws, 2, 1, o->contrast));
    return x;
}

/* Along one axis of an image: what is moved by how much, and the hole. */
typedef struct extent {
    int64_t size, shift, hole, hole_end;
} extent;

static int64_t pick(double u, int64_t count) { return (int64_t)(u * (double)count); }

/* u, v: uniform in (0, 1) */
static extent draw_extent(const gan_diff_augment_options *o, int64_t size, double u, double v) {
    extent e = {.size = size};
    if (o->translation) {
        int64_t most = (int64_t)((double)size * o->shift + 0.5);
        e.shift = pick(u, 2 * most + 1) - most;
    }
    if (o->cutout) {
        int64_t wide = (int64_t)((double)size * o->cut + 0.5);
        e.hole = pick(v, size + 1 - wide % 2) - wide / 2;
        e.hole_end = e.hole + wide;
    }
    return e;
}

/* Where pixel i of the result comes from; -1: from outside. */
static int64_t source(const extent *e, int64_t i) {
    int64_t from = i - e->shift;
    return from < 0 || from >= e->size ? -1 : from;
}

/* Every pixel's place in its own image of `count` numbers; `count` stands for a zero. */
static void find_sources(int32_t *index, gan_shape shape, const extent *down, const extent *right) {
    int64_t plane = shape.size[2] * shape.size[3], count = shape.size[1] * plane;
    for (int64_t c = 0; c < shape.size[1]; c++)
        for (int64_t i = 0; i < shape.size[2]; i++)
            for (int64_t j = 0; j < shape.size[3]; j++, index++) {
                int64_t row = source(down, i), column = source(right, j);
                int in_hole = i >= down->hole && i < down->hole_end && j >= right->hole && j < right->hole_end;
                *index = (int32_t)(row < 0 || column < 0 || in_hole ? count : c * plane + row * shape.size[3] + column);
            }
}

static gan_tensor *move(gan_tape *tape, gan_tensor *x, const gan_diff_augment_options *o, const gan_tensor *draws) {
    gan_shape shape = x->shape;
    int64_t batch = shape.size[0], count = shape.size[1] * shape.size[2] * shape.size[3];
    gan_tensor *index = gani_result(tape, GAN_I32, gan_shape_2d(batch, count));
    if (gani_failed(tape)) return &tape->inert;
    for (int64_t n = 0; n < batch; n++) {
        const double *u = (const double *)draws->data + n * GANI_AUGMENT_DRAWS + 3;
        extent down = draw_extent(o, shape.size[2], u[0], u[2]), right = draw_extent(o, shape.size[3], u[1], u[3]);
        find_sources((int32_t *)index->data + n * count, shape, &down, &right);
    }
    gan_tensor *flat = gani_pad(tape, gani_reshape(tape, x, gan_shape_2d(batch, count)), 1, 0, 1, GAN_PAD_ZERO);
    if (gani_failed(tape)) return &tape->inert;
    return gani_reshape(tape, gani_gather(tape, flat, 1, index), shape);
}

gan_tensor *gani_diff_augment(gan_tape *tape, gan_tensor *x, const gan_diff_augment_options *options,
                              const gan_tensor *draws) {
    if (!gani_maps_ready(tape, "diff_augment", x)) return &tape->inert;
    int64_t count = gan_shape_count(gan_shape_3d(x->shape.size[1], x->shape.size[2], x->shape.size[3]));
    if (count < 0 || count >= INT32_MAX)
        return gani_tape_fail(tape, GAN_E_LIMIT, "diff_augment: an image has 2147483647 numbers or more");
    gan_tensor *y = options->color ? recolor(tape, x, options, draws) : x;
    if ((options->translation || options->cutout) && !gani_failed(tape)) y = move(tape, y, options, draws);
    return y == x ? gani_identity(tape, x) : gani_done(tape, y);
}
