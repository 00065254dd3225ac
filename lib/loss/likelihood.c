/* Likelihoods of pixels: PixelRNN's softmax over levels, Bernoulli, mixtures of discretised logistics. Each is a sum
 * over the pixels of an image, and a mean over images. */
#include <math.h>

#include "loss/loss.h"

/* total: of the negative log likelihoods of all pixels of the images, in nats. */
static gan_tensor *report(gan_tape *tape, const gan_tensor *images, gan_tensor *total, gan_likelihood_unit unit) {
    double items = (double)images->shape.size[0], dims = (double)gani_count(images) / items;
    return gani_affine(tape, total, unit == GAN_BITS_PER_DIM ? 1 / (items * dims * log(2)) : 1 / items, 0);
}

/* ---- the images ---- */

static double pixel(const gan_tensor *x, int64_t i) {
    switch (x->dtype) {
    case GAN_F64:
        return ((const double *)x->data)[i];
    case GAN_F32:
        return (double)((const float *)x->data)[i];
    case GAN_I32:
        return (double)((const int32_t *)x->data)[i];
    default:
        return (double)((const uint8_t *)x->data)[i];
    }
}

/* The images contiguous and looked at, as what is not differentiated; inert if the tape has failed. Values are 0 to
 * `highest`. */
static gan_tensor *known(gan_tape *tape, const char *name, gan_tensor *images, double highest) {
    gan_tensor *x = gani_detach(tape, images);
    if (gani_failed(tape)) return &tape->inert;
    char text[GANI_SHAPE_TEXT];
    int64_t count = gani_count(x);
    if (count == 0)
        return gani_tape_fail(tape, GAN_E_SHAPE, "%s: there are no pixels in shape %s", name,
                              gani_shape_text(x->shape, text));
    for (int64_t i = 0; i < count; i++) {
        double value = pixel(x, i);
        if (!(value >= 0 && value <= highest))
            return gani_tape_fail(tape, GAN_E_ARGUMENT,
                                  "%s: pixel %lld of %lld is %g; give images with values from 0 to %g", name,
                                  (long long)i, (long long)count, value, highest);
    }
    return x;
}

/* The same numbers in another type and shape. */
static gan_tensor *converted(gan_tape *tape, gan_tensor *x, gan_dtype dtype, gan_shape shape) {
    if (gani_failed(tape) || x->dtype == dtype) return gani_failed(tape) ? &tape->inert : gani_alias(tape, x, shape);
    gan_tensor *y = gani_result(tape, dtype, x->shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_tensor_copy_values(y, x);
    return gani_alias(tape, y, shape);
}

/* Maps of numbers and images of whole numbers over the same pixels. */
static int maps_fit(gan_tape *tape, const char *name, gan_tensor *maps, const gan_tensor *images) {
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (!gani_maps_ready(tape, name, maps)) return 0;
    if (images->dtype != GAN_U8 && images->dtype != GAN_I32)
        gani_tape_fail(tape, GAN_E_DTYPE, "%s: the images must be of type u8 or i32: the levels themselves", name);
    else if (images->shape.rank != 4 || images->shape.size[0] != maps->shape.size[0] ||
             images->shape.size[2] != maps->shape.size[2] || images->shape.size[3] != maps->shape.size[3])
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: images of shape %s do not have the pixels of the network's result %s",
                       name, gani_shape_text(images->shape, b), gani_shape_text(maps->shape, a));
    return !gani_failed(tape);
}

/* ---- softmax over levels ---- */

gan_tensor *gani_nll_categorical(gan_tape *tape, gan_tensor *logits, gan_tensor *images, gan_likelihood_unit unit) {
    const char *name = "nll_categorical";
    if (!maps_fit(tape, name, logits, images)) return &tape->inert;
    int64_t n = images->shape.size[0], colors = images->shape.size[1], h = images->shape.size[2],
            w = images->shape.size[3], channels = logits->shape.size[1], levels = colors < 1 ? 0 : channels / colors;
    if (levels < 2 || levels * colors != channels)
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "nll_categorical: %lld channels are not 2 or more levels for each of %lld colours; end "
                              "the network with levels x colours channels",
                              (long long)channels, (long long)colors);
    gan_tensor *x = known(tape, name, images, (double)(levels - 1));
    gan_shape shape = {.rank = 5, .size = {n, colors, levels, h, w}}, one = {.rank = 5, .size = {n, colors, 1, h, w}};
    gan_tensor *v = gani_reshape(tape, logits, shape), *index = converted(tape, x, GAN_I32, one);
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *whole = gani_logsumexp(tape, v, 2, 1), *chosen = gani_gather(tape, v, 2, index);
    return report(tape, images, gani_sum(tape, gani_sub(tape, whole, chosen)), unit);
}

/* ---- Bernoulli ---- */

gan_tensor *gani_nll_bernoulli(gan_tape *tape, gan_tensor *logits, gan_tensor *images, gan_likelihood_unit unit) {
    const char *name = "nll_bernoulli";
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (!gani_op_ready(tape, name, &logits, 1)) return &tape->inert;
    if (!gan_shape_equal(logits->shape, images->shape) || logits->shape.rank < 1)
        return gani_tape_fail(tape, GAN_E_SHAPE, "nll_bernoulli: logits of shape %s for images of shape %s",
                              gani_shape_text(logits->shape, a), gani_shape_text(images->shape, b));
    gan_tensor *x = known(tape, name, images, 1), *t = converted(tape, x, logits->dtype, images->shape);
    /* t softplus(-s) + (1 - t) softplus(s): exact where softplus(s) - t s would cancel */
    gan_tensor *on = gani_mul(tape, t, gani_softplus(tape, gani_neg(tape, logits)));
    gan_tensor *off = gani_mul(tape, gani_affine(tape, t, -1, 1), gani_softplus(tape, logits));
    if (gani_failed(tape)) return &tape->inert;
    return report(tape, images, gani_sum(tape, gani_add(tape, on, off)), unit);
}

/* ---- mixtures of discretised logistics ---- */

/* Of levels 0 to 255, N x C x 1 x H x W: what `value` says of each. */
static gan_tensor *of_levels(gan_tape *tape, const gan_tensor *x, gan_dtype dtype, double (*value)(double level)) {
    const int64_t *size = x->shape.size;
    gan_shape shape = {.rank = 5, .size = {size[0], size[1], 1, size[2], size[3]}};
    gan_tensor *y = gani_result(tape, dtype, shape);
    int64_t count = gani_failed(tape) ? 0 : gani_count(y);
    for (int64_t i = 0; i < count; i++) gani_put_value(y, i, value(pixel(x, i)));
    return y;
}
static double between(double level) { return level * 2 / 255 - 1; }
static double not_first(double level) { return level > 0; }
static double not_last(double level) { return level < 255; }
static double inside(double level) { return level > 0 && level < 255; }

/* Parameter `which` of each colour of `maps`, N x C x F x K x H x W, as N x C x K x H x W. */
static gan_tensor *parameter(gan_tape *tape, gan_tensor *maps, int64_t which) {
    const int64_t *size = maps->shape.size;
    gan_shape shape = {.rank = 5, .size = {size[0], size[1], size[3], size[4], size[5]}};
    return gani_reshape(tape, gani_slice(tape, maps, 2, which, 1), shape);
}

static gan_tensor *color(gan_tape *tape, gan_tensor *x, int64_t which) { return gani_slice(tape, x, 1, which, 1); }

/* Green's means move with red, blue's with red and green. */
static gan_tensor *coupled(gan_tape *tape, gan_tensor *means, gan_tensor *factors, gan_tensor *x) {
    gan_tensor *t = gani_tanh(tape, factors), *red = color(tape, x, 0), *green = color(tape, x, 1), *all[3];
    all[0] = color(tape, means, 0);
    all[1] = gani_add(tape, color(tape, means, 1), gani_mul(tape, color(tape, t, 0), red));
    all[2] = gani_add(tape, color(tape, means, 2), gani_mul(tape, color(tape, t, 1), red));
    all[2] = gani_add(tape, all[2], gani_mul(tape, color(tape, t, 2), green));
    return gani_concat(tape, all, 3, 1);
}

/* log(sigmoid(a) - sigmoid(b)) with a, b = (x - mean +- 1/255) / scale, as
 * -softplus(-a) - softplus(b) + log(1 - e^(b - a)), which loses no digits anywhere; the first level goes on to
 * -infinity (b), the last to infinity (a). */
static gan_tensor *log_mass(gan_tape *tape, const gan_tensor *levels, gan_tensor *x, gan_tensor *means,
                            gan_tensor *scales) {
    gan_tensor *inverse = gani_exp(tape, gani_neg(tape, gani_clamp(tape, scales, -7, 7)));
    gan_tensor *middle = gani_mul(tape, inverse, gani_sub(tape, x, means)),
               *half = gani_affine(tape, inverse, 1.0 / 255, 0);
    gan_tensor *a = gani_add(tape, middle, half), *b = gani_sub(tape, middle, half);
    gan_tensor *above =
        gani_mul(tape, of_levels(tape, levels, x->dtype, not_last), gani_softplus(tape, gani_neg(tape, a)));
    gan_tensor *below = gani_mul(tape, of_levels(tape, levels, x->dtype, not_first), gani_softplus(tape, b));
    gan_tensor *width = gani_log(tape, gani_neg(tape, gani_elu(tape, gani_affine(tape, half, -2, 0), 1)));
    width = gani_mul(tape, of_levels(tape, levels, x->dtype, inside), width);
    return gani_sub(tape, width, gani_add(tape, above, below));
}

gan_tensor *gani_nll_logistic_mixture(gan_tape *tape, gan_tensor *parameters, gan_tensor *images, int64_t mixtures,
                                      gan_likelihood_unit unit) {
    const char *name = "nll_logistic_mixture";
    if (!maps_fit(tape, name, parameters, images)) return &tape->inert;
    int64_t n = images->shape.size[0], colors = images->shape.size[1], h = images->shape.size[2],
            w = images->shape.size[3], channels = parameters->shape.size[1];
    int64_t share = mixtures < 1 ? 0 : channels / mixtures;
    int couples = colors == 3 && share == 10;
    if (share * mixtures != channels || share < 3 || (!couples && share != 1 + 2 * colors))
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "nll_logistic_mixture: %lld channels are not %lld for each of %lld mixtures of %lld "
                              "colours%s",
                              (long long)channels, (long long)(1 + 2 * colors), (long long)mixtures, (long long)colors,
                              colors == 3 ? ", nor 10 (with coupled colours)" : "");
    gan_tensor *levels = known(tape, name, images, 255);
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *weights = gani_log_softmax(tape, gani_slice(tape, parameters, 1, 0, mixtures), 1);
    gan_shape shape = {.rank = 6, .size = {n, colors, couples ? 3 : 2, mixtures, h, w}};
    gan_tensor *maps = gani_reshape(tape, gani_slice(tape, parameters, 1, mixtures, channels - mixtures), shape);
    gan_tensor *x = of_levels(tape, levels, parameters->dtype, between), *means = parameter(tape, maps, 0);
    if (couples) means = coupled(tape, means, parameter(tape, maps, 2), x);
    gan_tensor *mass = log_mass(tape, levels, x, means, parameter(tape, maps, 1));
    gan_tensor *joint = gani_add(tape, weights, gani_sum_axes(tape, mass, 2u, 0));
    gan_tensor *total = gani_neg(tape, gani_sum(tape, gani_logsumexp(tape, joint, 1, 0)));
    return gani_failed(tape) ? &tape->inert : report(tape, images, total, unit);
}
