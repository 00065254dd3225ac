/* Exported functions of gan/ops.h: check the handles, call inward. */
#include <math.h>

#include "api/api.h"

/* gan_NAME(tape, x) */
#define UNARY(NAME)                                                                                                    \
    GAN_API gan_tensor *gan_##NAME(gan_tape *tape, gan_tensor *x) {                                                    \
        GANI_ENTER();                                                                                                  \
        return gani_operands(tape, #NAME, &x, 1) ? gani_##NAME(tape, x) : gani_inert(tape);                            \
    }
/* gan_NAME(tape, a, b) */
#define BINARY(NAME)                                                                                                   \
    GAN_API gan_tensor *gan_##NAME(gan_tape *tape, gan_tensor *a, gan_tensor *b) {                                     \
        GANI_ENTER();                                                                                                  \
        gan_tensor *inputs[2] = {a, b};                                                                                \
        return gani_operands(tape, #NAME, inputs, 2) ? gani_##NAME(tape, a, b) : gani_inert(tape);                     \
    }

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(maximum)
BINARY(minimum)
UNARY(neg)
UNARY(square)
UNARY(reciprocal)
UNARY(sqrt)
UNARY(rsqrt)
UNARY(exp)
UNARY(log)
UNARY(abs)
UNARY(tanh)
UNARY(sigmoid)
UNARY(softplus)
UNARY(sum)
UNARY(mean)

GAN_API gan_tensor *gan_scale(gan_tape *tape, gan_tensor *x, double factor) {
    GANI_ENTER();
    return gani_operands(tape, "scale", &x, 1) ? gani_affine(tape, x, factor, 0) : gani_inert(tape);
}

GAN_API gan_tensor *gan_add_scalar(gan_tape *tape, gan_tensor *x, double value) {
    GANI_ENTER();
    return gani_operands(tape, "add_scalar", &x, 1) ? gani_add_scalar(tape, x, value) : gani_inert(tape);
}

GAN_API gan_tensor *gan_pow(gan_tape *tape, gan_tensor *x, double exponent) {
    GANI_ENTER();
    return gani_operands(tape, "pow", &x, 1) ? gani_pow(tape, x, exponent) : gani_inert(tape);
}

GAN_API gan_tensor *gan_clamp(gan_tape *tape, gan_tensor *x, double low, double high) {
    GANI_ENTER();
    return gani_operands(tape, "clamp", &x, 1) ? gani_clamp(tape, x, low, high) : gani_inert(tape);
}

GAN_API gan_tensor *gan_relu(gan_tape *tape, gan_tensor *x) {
    GANI_ENTER();
    return gani_operands(tape, "relu", &x, 1) ? gani_leaky_relu(tape, x, 0) : gani_inert(tape);
}

GAN_API gan_tensor *gan_leaky_relu(gan_tape *tape, gan_tensor *x, double slope) {
    GANI_ENTER();
    return gani_operands(tape, "leaky_relu", &x, 1) ? gani_leaky_relu(tape, x, slope) : gani_inert(tape);
}

GAN_API gan_tensor *gan_elu(gan_tape *tape, gan_tensor *x, double alpha) {
    GANI_ENTER();
    return gani_operands(tape, "elu", &x, 1) ? gani_elu(tape, x, alpha) : gani_inert(tape);
}

GAN_API gan_tensor *gan_softmax(gan_tape *tape, gan_tensor *x, int32_t axis) {
    GANI_ENTER();
    return gani_operands(tape, "softmax", &x, 1) ? gani_softmax(tape, x, axis) : gani_inert(tape);
}

GAN_API gan_tensor *gan_log_softmax(gan_tape *tape, gan_tensor *x, int32_t axis) {
    GANI_ENTER();
    return gani_operands(tape, "log_softmax", &x, 1) ? gani_log_softmax(tape, x, axis) : gani_inert(tape);
}

GAN_API gan_tensor *gan_logsumexp(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep) {
    GANI_ENTER();
    return gani_operands(tape, "logsumexp", &x, 1) ? gani_logsumexp(tape, x, axis, keep) : gani_inert(tape);
}

GAN_API gan_tensor *gan_max_axis(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep) {
    GANI_ENTER();
    return gani_operands(tape, "max_axis", &x, 1) ? gani_max_axis(tape, x, axis, keep) : gani_inert(tape);
}

GAN_API gan_tensor *gan_sum_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep) {
    GANI_ENTER();
    return gani_operands(tape, "sum", &x, 1) ? gani_sum_axes(tape, x, axes, keep) : gani_inert(tape);
}

GAN_API gan_tensor *gan_mean_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep) {
    GANI_ENTER();
    return gani_operands(tape, "mean", &x, 1) ? gani_mean_axes(tape, x, axes, keep) : gani_inert(tape);
}

GAN_API gan_tensor *gan_reshape(gan_tape *tape, gan_tensor *x, gan_shape shape) {
    GANI_ENTER();
    return gani_operands(tape, "reshape", &x, 1) ? gani_reshape(tape, x, shape) : gani_inert(tape);
}

GAN_API gan_tensor *gan_permute(gan_tape *tape, gan_tensor *x, const int32_t *axes) {
    GANI_ENTER();
    if (!gani_operands(tape, "permute", &x, 1)) return gani_inert(tape);
    if (axes == NULL && x->shape.rank > 0) return gani_tape_fail(tape, GAN_E_ARGUMENT, "permute: axes is NULL");
    return gani_permute(tape, x, axes);
}

GAN_API gan_tensor *gan_broadcast(gan_tape *tape, gan_tensor *x, gan_shape shape) {
    GANI_ENTER();
    return gani_operands(tape, "broadcast", &x, 1) ? gani_broadcast(tape, x, shape) : gani_inert(tape);
}

GAN_API gan_tensor *gan_slice(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t start, int64_t count) {
    GANI_ENTER();
    return gani_operands(tape, "slice", &x, 1) ? gani_slice(tape, x, axis, start, count) : gani_inert(tape);
}

GAN_API gan_tensor *gan_pad(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t before, int64_t after,
                            gan_pad_mode mode) {
    GANI_ENTER();
    return gani_operands(tape, "pad", &x, 1) ? gani_pad(tape, x, axis, before, after, mode) : gani_inert(tape);
}

GAN_API gan_tensor *gan_take(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {x, index};
    return gani_operands(tape, "take", inputs, 2) ? gani_take(tape, x, axis, index) : gani_inert(tape);
}

GAN_API gan_tensor *gan_gather(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {x, index};
    return gani_operands(tape, "gather", inputs, 2) ? gani_gather(tape, x, axis, index) : gani_inert(tape);
}

GAN_API gan_tensor *gan_scatter_add(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index,
                                    gan_tensor *source) {
    GANI_ENTER();
    gan_tensor *inputs[3] = {x, index, source};
    return gani_operands(tape, "scatter_add", inputs, 3) ? gani_scatter_add(tape, x, axis, index, source)
                                                         : gani_inert(tape);
}

GAN_API gan_tensor *gan_concat(gan_tape *tape, gan_tensor *const *xs, int32_t count, int32_t axis) {
    GANI_ENTER();
    if (tape == NULL || gani_failed(tape)) return gani_inert(tape);
    if (xs == NULL) return gani_tape_fail(tape, GAN_E_ARGUMENT, "concat: xs is NULL");
    return gani_operands(tape, "concat", xs, count < GANI_MAX_INPUTS ? count : GANI_MAX_INPUTS)
               ? gani_concat(tape, xs, count, axis)
               : gani_inert(tape);
}

GAN_API gan_tensor *gan_matmul(gan_tape *tape, gan_tensor *a, gan_tensor *b, int32_t transpose_a, int32_t transpose_b) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {a, b};
    return gani_operands(tape, "matmul", inputs, 2) ? gani_matmul(tape, a, b, transpose_a, transpose_b)
                                                    : gani_inert(tape);
}

/* x and weight must be there, bias may be NULL */
static int weighted(gan_tape *tape, const char *name, gan_tensor *x, gan_tensor *weight, gan_tensor *bias) {
    gan_tensor *inputs[3] = {x, weight, bias};
    return gani_operands(tape, name, inputs, bias == NULL ? 2 : 3);
}

GAN_API gan_tensor *gan_linear(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias) {
    GANI_ENTER();
    return weighted(tape, "linear", x, weight, bias) ? gani_linear(tape, x, weight, bias) : gani_inert(tape);
}

GAN_API void gan_conv_options_init_sized(gan_conv_options *options, size_t size) {
    GANI_ENTER();
    gan_conv_options defaults = gani_conv_defaults();
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int conv_options(gan_tape *tape, const char *name, const gan_conv_options *options, gan_conv_options *known) {
    *known = gani_conv_defaults();
    return gani_tape_decode(tape, name, options, known, sizeof *known);
}

GAN_API gan_tensor *gan_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                               int64_t padding, const gan_conv_options *options) {
    GANI_ENTER();
    gan_conv_options known;
    if (!weighted(tape, "conv2d", x, weight, bias) || !conv_options(tape, "conv2d", options, &known))
        return gani_inert(tape);
    return gani_conv2d(tape, x, weight, bias, stride, padding, &known);
}

GAN_API gan_tensor *gan_conv_transpose2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                                         int64_t stride, int64_t padding, const gan_conv_options *options) {
    GANI_ENTER();
    gan_conv_options known;
    if (!weighted(tape, "conv_transpose2d", x, weight, bias) ||
        !conv_options(tape, "conv_transpose2d", options, &known))
        return gani_inert(tape);
    return gani_conv_transpose2d(tape, x, weight, bias, stride, padding, &known);
}

GAN_API gan_tensor *gan_avg_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding) {
    GANI_ENTER();
    return gani_operands(tape, "avg_pool2d", &x, 1) ? gani_avg_pool2d(tape, x, kernel, stride, padding)
                                                    : gani_inert(tape);
}

GAN_API gan_tensor *gan_max_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding) {
    GANI_ENTER();
    return gani_operands(tape, "max_pool2d", &x, 1) ? gani_max_pool2d(tape, x, kernel, stride, padding)
                                                    : gani_inert(tape);
}

GAN_API gan_tensor *gan_interpolate2d(gan_tape *tape, gan_tensor *x, int64_t height, int64_t width,
                                      gan_interpolation mode) {
    GANI_ENTER();
    return gani_operands(tape, "interpolate2d", &x, 1) ? gani_interpolate2d(tape, x, height, width, mode)
                                                       : gani_inert(tape);
}

GAN_API gan_tensor *gan_batch_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                                   double epsilon) {
    GANI_ENTER();
    if (!gani_operands(tape, "batch_norm", &x, 1)) return gani_inert(tape);
    if (weight != NULL && !gani_operands(tape, "batch_norm", &weight, 1)) return gani_inert(tape);
    if (bias != NULL && !gani_operands(tape, "batch_norm", &bias, 1)) return gani_inert(tape);
    return gani_batch_norm(tape, x, weight, bias, epsilon, GANI_NO_ACTIVATION, NULL, NULL);
}

/* A float type and a legal shape for a tensor made of nothing. */
static int fresh(gan_tape *tape, const char *name, gan_dtype dtype, gan_shape shape) {
    char text[GANI_SHAPE_TEXT];
    if (tape == NULL || gani_failed(tape)) return 0;
    if (!gani_is_float(dtype)) gani_tape_fail(tape, GAN_E_DTYPE, "%s: type %ld is not f32 or f64", name, (long)dtype);
    gan_status status = gani_shape_check(NULL, name, shape, dtype);
    if (status != GAN_OK)
        gani_tape_fail(tape, status, "%s: shape %s is not one that a tensor can have", name,
                       gani_shape_text(shape, text));
    return !gani_failed(tape);
}

GAN_API gan_tensor *gan_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape) {
    GANI_ENTER();
    return fresh(tape, "normal", dtype, shape) ? gani_normal(tape, dtype, shape) : gani_inert(tape);
}

GAN_API gan_tensor *gan_uniform(gan_tape *tape, gan_dtype dtype, gan_shape shape, double low, double high) {
    GANI_ENTER();
    if (!fresh(tape, "uniform", dtype, shape)) return gani_inert(tape);
    if (!(low <= high) || !isfinite(high - low))
        return gani_tape_fail(
            tape, GAN_E_ARGUMENT,
            "uniform: low is %g, high %g: low is above high, or they or their difference are not finite", low, high);
    return gani_uniform(tape, dtype, shape, low, high);
}

GAN_API gan_tensor *gan_bernoulli(gan_tape *tape, gan_dtype dtype, gan_shape shape, double p) {
    GANI_ENTER();
    return fresh(tape, "bernoulli", dtype, shape) ? gani_bernoulli(tape, dtype, shape, p) : gani_inert(tape);
}

GAN_API gan_tensor *gan_truncated_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape, double threshold) {
    GANI_ENTER();
    return fresh(tape, "truncated_normal", dtype, shape) ? gani_truncated_normal(tape, dtype, shape, threshold)
                                                         : gani_inert(tape);
}

GAN_API gan_tensor *gan_categorical(gan_tape *tape, gan_tensor *logits, int32_t axis) {
    GANI_ENTER();
    return gani_operands(tape, "categorical", &logits, 1) ? gani_categorical(tape, logits, axis) : gani_inert(tape);
}

GAN_API gan_tensor *gan_one_hot(gan_tape *tape, gan_dtype dtype, gan_tensor *labels, int64_t classes) {
    GANI_ENTER();
    if (!gani_operands(tape, "one_hot", &labels, 1)) return gani_inert(tape);
    if (!gani_is_float(dtype))
        return gani_tape_fail(tape, GAN_E_DTYPE, "one_hot: type %ld is not f32 or f64", (long)dtype);
    return gani_one_hot(tape, dtype, labels, classes);
}

GAN_API gan_tensor *gan_full(gan_tape *tape, gan_dtype dtype, gan_shape shape, double value) {
    GANI_ENTER();
    return fresh(tape, "full", dtype, shape) ? gani_full(tape, dtype, shape, value) : gani_inert(tape);
}
