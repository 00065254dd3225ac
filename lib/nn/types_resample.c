/* A blur by fixed taps, and 2 x resampling in one step with a convolution. */
#include <math.h>

#include "nn/types.h"

/* ---- blur ---- */

/* Rows and columns that are added at the beginning and at the end of both axes. */
static void margins(const gani_config *config, int64_t *before, int64_t *after) {
    *before = config->before == -1 ? config->count / 2 : config->before;
    *after = config->after == -1 ? (config->count - 1) / 2 : config->after;
}

static gan_status check_taps(gani_site *site, const gani_config *config) {
    if (config->count < 1 || config->count > GANI_MAX_TAPS)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld taps are not 1 to %d", (long long)config->count, GANI_MAX_TAPS);
    for (int64_t i = 0; i < config->count; i++)
        if (!isfinite(config->taps[i]))
            return gani_refuse(site, GAN_E_ARGUMENT, "tap %d is %g; it must be finite", (int)i, config->taps[i]);
    return GAN_OK;
}

static gan_status blur_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    gan_status status = gani_check_image(site, inputs[0]);
    if (status == GAN_OK) status = check_taps(site, config);
    if (status != GAN_OK) return status;
    int64_t before, after;
    margins(config, &before, &after);
    if (before < 0 || after < 0 || before > GANI_MAX_WINDOW || after > GANI_MAX_WINDOW)
        return gani_refuse(site, GAN_E_ARGUMENT, "margins of %lld and %lld are not in 0 to %d", (long long)before,
                           (long long)after, GANI_MAX_WINDOW);
    gani_conv_shape s = {.c = 1, .o = 1, .kh = config->count, .kw = config->count};
    if (!gani_add_i64(inputs[0].size[1], before + after, &s.h) ||
        !gani_add_i64(inputs[0].size[2], before + after, &s.w))
        return gani_refuse(site, GAN_E_LIMIT, "its input is too large");
    gan_conv_options options = gani_conv_defaults();
    status = gani_conv_infer(&s, 0, config->stride, 0, &options, site->message);
    *output = gan_shape_3d(inputs[0].size[0], s.oh, s.ow);
    return status;
}

/* The outer product of the taps with themselves, as the weight of a convolution of one channel. */
static gan_tensor *taps(gan_tape *tape, gan_dtype dtype, const gani_config *config) {
    int64_t n = config->count;
    gan_tensor *kernel = gani_result(tape, dtype, gan_shape_4d(1, 1, n, n));
    for (int64_t i = 0; i < n * n && !gani_failed(tape); i++)
        gani_put_value(kernel, i, config->taps[i / n] * config->taps[i % n]);
    return kernel;
}

/* Channels are all alike: they are items of a batch of images of one channel. */
static gan_tensor *blur_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *x = inputs[0];
    const int64_t *size = x->shape.size;
    int64_t before, after;
    margins(&module->config, &before, &after);
    gan_tensor *maps = gani_reshape(tape, x, gan_shape_4d(size[0] * size[1], 1, size[2], size[3]));
    for (int32_t axis = 2; axis < 4 && before != after; axis++)
        maps = gani_pad(tape, maps, axis, before, after, GAN_PAD_ZERO);
    gan_tensor *y = gani_conv2d(tape, maps, taps(tape, x->dtype, &module->config), NULL, module->config.stride,
                                before == after ? before : 0, NULL);
    return gani_reshape(tape, y, gani_with_batch(module->output, size[0]));
}
#define FIELD_TAP(index)                                                                                               \
    { "tap" #index, GANI_FIELD_NUMBER, offsetof(gani_config, taps) + (index) * sizeof(double), 1 }
static const gani_field blur_fields[] = {
    FIELD_INT(count), FIELD_INT(stride), FIELD_INT(before), FIELD_INT(after), FIELD_TAP(0), FIELD_TAP(1), FIELD_TAP(2),
    FIELD_TAP(3),     FIELD_TAP(4),      FIELD_TAP(5),      FIELD_TAP(6),     FIELD_TAP(7), FIELD_END};
const gani_module_type gani_type_blur = {"blur", 1, blur_fields, blur_infer, NULL, blur_forward, NULL};

/* ---- convolutions that resample ---- */

#define MAX_KERNEL 15

static gan_shape fused_weight(const gani_config *config, int64_t inputs) {
    return gan_shape_4d(config->outputs, inputs, config->kernel, config->kernel);
}

static gan_status fused_infer(gani_site *site, const gani_config *config, gan_shape input, int32_t up,
                              gan_shape *output) {
    gan_status status = gani_check_image(site, input);
    if (status != GAN_OK) return status;
    if (config->outputs < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld channels: at least 1 is needed", (long long)config->outputs);
    if (config->kernel < 1 || config->kernel > MAX_KERNEL || config->kernel % 2 == 0)
        return gani_refuse(site, GAN_E_ARGUMENT, "a kernel of %lld is not one of 1, 3, 5 ... %d",
                           (long long)config->kernel, MAX_KERNEL);
    gani_conv_shape s = {.kh = config->kernel + 1, .kw = config->kernel + 1};
    gan_conv_options options = gani_conv_defaults();
    if (up) {
        s.o = input.size[0];
        s.oh = input.size[1];
        s.ow = input.size[2];
        s.c = config->outputs;
    } else {
        s.c = input.size[0];
        s.h = input.size[1];
        s.w = input.size[2];
        s.o = config->outputs;
    }
    status = gani_conv_infer(&s, up, 2, config->kernel / 2, &options, site->message);
    if (status == GAN_OK) status = gani_weight_check(site, config, fused_weight(config, input.size[0]), 0);
    *output = up ? gan_shape_3d(s.c, s.h, s.w) : gan_shape_3d(s.o, s.oh, s.ow);
    return status;
}

static int32_t fused_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    return gani_weight_slots(config, fused_weight(config, inputs[0].size[0]), 0, config->bias, slots);
}

/* Along one axis, k[0 .. n] = w[0], w[0] + w[1], ..., w[n - 2] + w[n - 1], w[n - 1]: the weight plus itself one pixel
 * further on. mirrored: of the weight in reverse order, which is how a transposed convolution applies it. */
static gan_tensor *spread(gan_tape *tape, gan_tensor *weight, int32_t axis, int32_t mirrored) {
    if (gani_failed(tape)) return &tape->inert;
    int64_t n = weight->shape.size[axis];
    gan_tensor *w[MAX_KERNEL], *k[MAX_KERNEL + 1];
    for (int64_t i = 0; i < n; i++) w[i] = gani_slice(tape, weight, axis, mirrored ? n - 1 - i : i, 1);
    for (int64_t i = 1; i < n; i++) k[i] = gani_add(tape, w[i - 1], w[i]);
    k[0] = w[0];
    k[n] = w[n - 1];
    return gani_concat(tape, k, (int32_t)n + 1, axis);
}

static gan_status upsample_conv2d_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                        gan_shape *output) {
    return fused_infer(site, config, inputs[0], 1, output);
}
static gan_tensor *upsample_conv2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                           gan_tensor *const *inputs) {
    static const int32_t swapped[] = {1, 0, 2, 3};
    gani_weight w = gani_weight_of(tape, pass, module);
    gan_tensor *kernel = spread(tape, spread(tape, w.weight, 2, 1), 3, 1);
    return gani_weight_used(tape, w,
                            gani_conv_transpose2d(tape, inputs[0], gani_permute(tape, kernel, swapped), w.bias, 2,
                                                  module->config.kernel / 2, NULL));
}

static gan_status conv2d_downsample_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                          gan_shape *output) {
    return fused_infer(site, config, inputs[0], 0, output);
}
static gan_tensor *conv2d_downsample_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                             gan_tensor *const *inputs) {
    gani_weight w = gani_weight_of(tape, pass, module);
    gan_tensor *kernel = spread(tape, spread(tape, w.weight, 2, 0), 3, 0);
    return gani_weight_used(
        tape, w,
        gani_conv2d(tape, inputs[0], gani_affine(tape, kernel, 0.25, 0), w.bias, 2, module->config.kernel / 2, NULL));
}
static const gani_field fused_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel), FIELD_FLAG(bias), WEIGHT_FIELDS,
                                          FIELD_END};
const gani_module_type gani_type_upsample_conv2d = {
    "upsample_conv2d", 1, fused_fields, upsample_conv2d_infer, fused_slots, upsample_conv2d_forward, gani_weight_reset};
const gani_module_type gani_type_conv2d_downsample = {"conv2d_downsample",     1,           fused_fields,
                                                      conv2d_downsample_infer, fused_slots, conv2d_downsample_forward,
                                                      gani_weight_reset};
