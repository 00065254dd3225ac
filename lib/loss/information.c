/* InfoGAN's bound of the mutual information between codes and images. */
#include "loss/terms.h"

#include <math.h>

#define HALF_LOG_2PI 0.91893853320467274178

gan_status gani_information_add(gan_loss *loss, const char *function, int32_t kind, int64_t count, double sigma) {
    gani_information *all = (gani_information *)loss->options;
    gani_code code = {kind, kind != GANI_CODE_CATEGORICAL && sigma == GAN_SIGMA_LEARNED, count, sigma};
    if (count < 1 + (kind == GANI_CODE_CATEGORICAL))
        return gani_fail(loss->context, GAN_E_ARGUMENT,
                         kind == GANI_CODE_CATEGORICAL ? "%s: %lld categories; a code needs 2 or more"
                                                       : "%s: %lld codes; add 1 or more",
                         function, (long long)count);
    if (kind != GANI_CODE_CATEGORICAL && !code.learned && !(sigma > 0 && isfinite(sigma)))
        return gani_fail(loss->context, GAN_E_ARGUMENT,
                         "%s: sigma is %g; give a finite number above 0, or GAN_SIGMA_LEARNED", function, sigma);
    if (all->code_count == GANI_MAX_CODES || count > GANI_MAX_CODE_WIDTH - all->width)
        return gani_fail(loss->context, GAN_E_LIMIT, "%s: more than %d codes, or they are wider than %lld", function,
                         GANI_MAX_CODES, (long long)GANI_MAX_CODE_WIDTH);
    all->codes[all->code_count++] = code;
    all->width += count;
    all->posterior_width += code.learned ? 2 * count : count;
    return GAN_OK;
}

/* ---- drawing ---- */

static gan_tensor *draw_categories(gan_tape *tape, gan_dtype dtype, int64_t batch, int64_t count) {
    gan_tensor *u = gani_uniform(tape, GAN_F64, gan_shape_1d(batch), 0, 1); /* f32 could round up to 1 */
    gan_tensor *labels = gani_result(tape, GAN_I32, gan_shape_1d(batch));
    if (gani_failed(tape)) return &tape->inert;
    for (int64_t i = 0; i < batch; i++)
        ((int32_t *)labels->data)[i] = (int32_t)(((const double *)u->data)[i] * (double)count);
    return gani_one_hot(tape, dtype, labels, count);
}

gan_tensor *gani_sample_codes(gan_tape *tape, const gani_information *information, gan_dtype dtype, int64_t batch) {
    gan_tensor *parts[GANI_MAX_CODES];
    for (int64_t i = 0; i < information->code_count; i++) {
        const gani_code *code = &information->codes[i];
        gan_shape shape = gan_shape_2d(batch, code->count);
        parts[i] = code->kind == GANI_CODE_CATEGORICAL ? draw_categories(tape, dtype, batch, code->count)
                   : code->kind == GANI_CODE_GAUSSIAN  ? gani_normal(tape, dtype, shape)
                                                       : gani_uniform(tape, dtype, shape, -1, 1);
        if (gani_failed(tape)) return &tape->inert;
    }
    return gani_concat(tape, parts, (int32_t)information->code_count, 1);
}

/* ---- the bound ---- */

/* log Q(c | x): N x 1 of a categorical code, N x count of continuous ones. */
static gan_tensor *log_likelihood(gan_tape *tape, const gani_information *all, const gani_code *code, gan_tensor *q,
                                  gan_tensor *c) {
    if (code->kind == GANI_CODE_CATEGORICAL)
        return gani_sum_axes(tape, gani_mul(tape, c, gani_log_softmax(tape, q, 1)), 2, 1);
    gan_tensor *mean = code->learned ? gani_slice(tape, q, 1, 0, code->count) : q;
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *square = gani_square(tape, gani_sub(tape, c, mean));
    if (!code->learned)
        return gani_affine(tape, square, -0.5 / (code->sigma * code->sigma), -HALF_LOG_2PI - log(code->sigma));
    gan_tensor *w = gani_clamp(tape, gani_slice(tape, q, 1, code->count, code->count), all->options.log_sigma_low,
                               all->options.log_sigma_high);
    gan_tensor *scaled = gani_mul(tape, square, gani_exp(tape, gani_affine(tape, w, -2, 0)));
    return gani_affine(tape, gani_add(tape, gani_affine(tape, scaled, 0.5, 0), w), -1, -HALF_LOG_2PI);
}

/* mean log Q + H(c), a vector of one number for a categorical code, of `count` for continuous ones. */
static gan_tensor *bound_of(gan_tape *tape, const gani_information *all, const gani_code *code, gan_tensor *q,
                            gan_tensor *c) {
    gan_tensor *mean = gani_mean_axes(tape, log_likelihood(tape, all, code, q, c), 1, 0);
    if (code->kind == GANI_CODE_CATEGORICAL) return gani_add_scalar(tape, mean, log((double)code->count));
    if (all->options.entropy == GAN_ENTROPY_UNIT_GAUSSIAN) {
        gan_tensor *squares = gani_mean_axes(tape, gani_square(tape, c), 1, 0);
        return gani_add(tape, mean, gani_affine(tape, squares, 0.5, HALF_LOG_2PI));
    }
    return gani_add_scalar(tape, mean, code->kind == GANI_CODE_GAUSSIAN ? HALF_LOG_2PI + 0.5 : log(2));
}

static int check_operand(gan_tape *tape, const char *what, const gan_tensor *x, int64_t batch, int64_t width) {
    char text[GANI_SHAPE_TEXT];
    if (x->shape.rank == 2 && x->shape.size[0] == batch && x->shape.size[1] == width) return 1;
    gani_tape_fail(tape, GAN_E_SHAPE, "mutual_information: %s of shape %s; the codes of the loss need %lld x %lld",
                   what, gani_shape_text(x->shape, text), (long long)batch, (long long)width);
    return 0;
}

gan_tensor *gani_mutual_information(gan_tape *tape, const gani_information *information, gan_tensor *posterior,
                                    gan_tensor *codes, gan_tensor **total, gan_tensor **each) {
    gan_tensor *both[2] = {posterior, codes}, *bounds[GANI_MAX_CODES], *loss = NULL;
    if (!gani_op_ready(tape, "mutual_information", both, 2)) return &tape->inert;
    int64_t batch = codes->shape.rank == 0 ? 0 : codes->shape.size[0], at = 0, posterior_at = 0;
    if (!check_operand(tape, "codes are", codes, batch, information->width) ||
        !check_operand(tape, "Q's output is", posterior, batch, information->posterior_width))
        return &tape->inert;
    for (int64_t i = 0; i < information->code_count && !gani_failed(tape); i++) {
        const gani_code *code = &information->codes[i];
        int64_t wide = code->learned ? 2 * code->count : code->count;
        gan_tensor *q = gani_slice(tape, posterior, 1, posterior_at, wide);
        gan_tensor *c = gani_slice(tape, codes, 1, at, code->count);
        if (gani_failed(tape)) break;
        bounds[i] = bound_of(tape, information, code, q, c);
        double weight = code->kind == GANI_CODE_CATEGORICAL ? information->options.categorical_weight
                                                            : information->options.continuous_weight;
        if (gani_failed(tape)) break;
        gan_tensor *term = gani_affine(tape, gani_sum(tape, bounds[i]), -weight, 0);
        loss = loss == NULL ? term : gani_add(tape, loss, term);
        at += code->count;
        posterior_at += wide;
    }
    if (gani_failed(tape)) return &tape->inert;
    if (total != NULL || each != NULL) {
        gan_tensor *list = gani_detach(tape, gani_concat(tape, bounds, (int32_t)information->code_count, 0));
        if (gani_failed(tape)) return &tape->inert;
        if (each != NULL) *each = list;
        if (total != NULL) *total = gani_sum(tape, list);
    }
    return gani_done(tape, loss);
}

const gani_loss_type gani_loss_information_type = {.name = "mutual information",
                                                   .options_size = sizeof(gani_information)};
