/* Normalisation of each item on its own: the batch norm's operation, and so its kernels and its derivatives of every
 * order, over another view of the elements. */
#include "ops/ops.h"

/* x cut into `groups`, each made of mean 0 and variance 1 (biased). */
static gan_tensor *normalised(gan_tape *tape, gan_tensor *x, int64_t groups, double epsilon, double slope) {
    return gani_count(x) == 0 ? gani_identity(tape, x) : gani_norm_runs(tape, x, groups, epsilon, slope);
}

/* y * weight + bias, both seen in `shape`; or y without a weight */
static gan_tensor *scaled(gan_tape *tape, gan_tensor *y, gan_tensor *weight, gan_tensor *bias, gan_shape shape) {
    if (weight == NULL) return y;
    gan_tensor *product = gani_mul(tape, y, gani_reshape(tape, weight, shape));
    return gani_add(tape, product, gani_reshape(tape, bias, shape));
}

/* What both have in common: `first` is the axis from which on elements are normalised together, `affine` the shape of
 * weight and bias. */
static int check(gan_tape *tape, const char *name, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon,
                 int32_t first, gan_shape affine) {
    char text[GANI_SHAPE_TEXT], other[GANI_SHAPE_TEXT];
    int64_t together = x->shape.rank > first ? 1 : 0;
    for (int32_t i = first; i < x->shape.rank; i++) together *= x->shape.size[i];
    if (together < 2)
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: input %s has fewer than 2 values to normalise together", name,
                       gani_shape_text(x->shape, text));
    else if ((weight == NULL) != (bias == NULL))
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: weight and bias must both be given, or neither", name);
    else if (weight != NULL &&
             (!gan_shape_equal(weight->shape, affine) || !gan_shape_equal(bias->shape, weight->shape)))
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: weight and bias must have shape %s for input %s", name,
                       gani_shape_text(affine, other), gani_shape_text(x->shape, text));
    else if (!(epsilon > 0))
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: epsilon must be above 0", name);
    return !gani_failed(tape);
}

gan_tensor *gani_instance_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon,
                               double slope) {
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, "instance_norm", inputs, 3)) return &tape->inert;
    int64_t channels = x->shape.rank > 1 ? x->shape.size[1] : 0;
    if (!check(tape, "instance_norm", x, weight, bias, epsilon, 2, gan_shape_1d(channels))) return &tape->inert;
    gan_shape column = gan_shape_1d(channels);
    for (int32_t i = 2; i < x->shape.rank; i++) column.size[column.rank++] = 1;
    int64_t groups = x->shape.size[0] * channels;
    if (weight == NULL || slope == GANI_NO_ACTIVATION)
        return scaled(tape, normalised(tape, x, groups, epsilon, slope), weight, bias, column);
    gan_tensor *y = normalised(tape, x, groups, epsilon, GANI_NO_ACTIVATION);
    return gani_leaky_relu(tape, scaled(tape, y, weight, bias, column), slope);
}

gan_tensor *gani_layer_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon) {
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, "layer_norm", inputs, 3)) return &tape->inert;
    gan_shape item = gan_shape_0d();
    for (int32_t i = 1; i < x->shape.rank; i++) item.size[item.rank++] = x->shape.size[i];
    if (!check(tape, "layer_norm", x, weight, bias, epsilon, 1, item)) return &tape->inert;
    return scaled(tape, normalised(tape, x, x->shape.size[0], epsilon, GANI_NO_ACTIVATION), weight, bias, item);
}
