/* Draws from distributions given by logits. No gradient. */
#include <math.h>

#include "base/rng.h"
#include "ops/ops.h"

/* The first place where the sum of e^(x - largest) reaches u of the whole, or -1 if these are no logits. Places are
 * `step` apart. */
static int64_t draw(const gan_tensor *x, int64_t first, int64_t step, int64_t count, double u) {
    double largest = -INFINITY, total = 0, reached = 0;
    int64_t last = -1;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, gani_get_value(x, first + k * step)); /* passes over a NaN */
    for (int64_t k = 0; k < count; k++) total += exp(gani_get_value(x, first + k * step) - largest);
    if (!isfinite(total)) return -1; /* a NaN, or an infinite difference of infinities */
    for (int64_t k = 0; k < count; k++) {
        double weight = exp(gani_get_value(x, first + k * step) - largest);
        if (weight == 0) continue;
        reached += weight;
        last = k; /* of probability 0 none is drawn, however the sum is rounded */
        if (reached >= u * total) break;
    }
    return last;
}

gan_tensor *gani_categorical(gan_tape *tape, gan_tensor *logits, int32_t axis) {
    enum { CHUNK = 256 };
    const char *name = "categorical";
    if (!gani_op_ready(tape, name, &logits, 1) || !gani_axis_ready(tape, name, logits, axis)) return &tape->inert;
    char text[GANI_SHAPE_TEXT];
    int64_t classes = logits->shape.size[axis], outer, inner;
    if (classes < 1 || classes > INT32_MAX)
        return gani_tape_fail(tape, GAN_E_SHAPE, "categorical: axis %d of shape %s must have 1 to %ld classes",
                              (int)axis, gani_shape_text(logits->shape, text), (long)INT32_MAX);
    gan_shape shape = logits->shape;
    shape.rank--;
    for (int32_t i = axis; i < shape.rank; i++) shape.size[i] = shape.size[i + 1];
    shape.size[shape.rank] = 0;
    gan_tensor *x = gani_contiguous(tape, logits), *y = gani_result(tape, GAN_I32, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_axis_split(logits->shape, axis, &outer, &inner);
    int64_t count = gani_count(y);
    gan_context *context = tape->context;
    uint64_t index = gani_stream_take(context, GAN_STREAM_NOISE, count);
    double u[CHUNK];
    for (int64_t i = 0; i < count; i++) {
        int64_t left = count - i < CHUNK ? count - i : CHUNK;
        if (i % CHUNK == 0)
            gani_fill_uniform_f64(context->seed, GAN_STREAM_NOISE, index + (uint64_t)i / 4, 0, left, 0, 1, u);
        int64_t drawn = draw(x, i / inner * classes * inner + i % inner, inner, classes, u[i % CHUNK]);
        if (drawn < 0)
            return gani_tape_fail(tape, GAN_E_ARGUMENT,
                                  "categorical: the logits of draw %lld of %lld are no distribution: one is NaN or "
                                  "infinite, or all are -infinity",
                                  (long long)i, (long long)count);
        ((int32_t *)y->data)[i] = (int32_t)drawn;
    }
    return y;
}
