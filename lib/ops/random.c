/* Tensors made of nothing: constants and random numbers. They have no gradient. */
#include <math.h>

#include "ops/ops.h"

static gan_tensor *fresh(gan_tape *tape, const char *name, gan_dtype dtype, gan_shape shape) {
    tape->operation = name;
    return gani_result(tape, dtype, shape);
}

gan_tensor *gani_full(gan_tape *tape, gan_dtype dtype, gan_shape shape, double value) {
    gan_tensor *y = fresh(tape, "full", dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_kernels_for(tape->context, dtype)->fill(gani_count(y), y->data, value);
    return y;
}

gan_tensor *gani_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape) {
    gan_tensor *y = fresh(tape, "normal", dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_tensor_normal(y, tape->context->seed, GAN_STREAM_NOISE,
                       gani_stream_take(tape->context, GAN_STREAM_NOISE, gani_count(y)), 0, 1);
    return y;
}

gan_tensor *gani_uniform(gan_tape *tape, gan_dtype dtype, gan_shape shape, double low, double high) {
    gan_tensor *y = fresh(tape, "uniform", dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_tensor_uniform(y, tape->context->seed, GAN_STREAM_NOISE,
                        gani_stream_take(tape->context, GAN_STREAM_NOISE, gani_count(y)), low, high);
    return y;
}

gan_tensor *gani_bernoulli(gan_tape *tape, gan_dtype dtype, gan_shape shape, double p) {
    if (!gani_failed(tape) && !(p >= 0 && p <= 1))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "bernoulli: the probability %g is not in 0 to 1", p);
    gan_tensor *y = fresh(tape, "bernoulli", dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_tensor_bernoulli(y, tape->context->seed, GAN_STREAM_NOISE,
                          gani_stream_take(tape->context, GAN_STREAM_NOISE, gani_count(y)), p);
    return y;
}

gan_tensor *gani_truncated_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape, double threshold) {
    if (!gani_failed(tape) &&
        !(isfinite(threshold) && threshold > 0 && gani_truncation_possible(0, 1, -threshold, threshold)))
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "truncated_normal: a threshold of %g leaves nothing of the distribution; it must be "
                              "above 0",
                              threshold);
    gan_tensor *y = fresh(tape, "truncated_normal", dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_tensor_truncated_normal(y, tape->context->seed, GAN_STREAM_NOISE,
                                 gani_stream_take(tape->context, GAN_STREAM_NOISE, gani_count(y)), 0, 1, -threshold,
                                 threshold);
    return y;
}
