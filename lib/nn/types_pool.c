/* Layers that change the resolution. */
#include "nn/types.h"

/* ---- larger ---- */

static gan_status upsample_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                 gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    gan_status status = gani_check_image(site, inputs[0]);
    if (status != GAN_OK) return status;
    if (config->factor < 1 || config->factor > GANI_MAX_WINDOW)
        return gani_refuse(site, GAN_E_ARGUMENT, "a factor of %lld is not in 1 to %d", (long long)config->factor,
                           GANI_MAX_WINDOW);
    if (config->mode < GAN_NEAREST || config->mode > GAN_BILINEAR_CORNERS)
        return gani_refuse(site, GAN_E_ARGUMENT, "mode %lld is none of GAN_NEAREST, GAN_BILINEAR, GAN_BILINEAR_CORNERS",
                           (long long)config->mode);
    if (inputs[0].size[1] > INT32_MAX / config->factor || inputs[0].size[2] > INT32_MAX / config->factor)
        return gani_refuse(site, GAN_E_LIMIT, "its input of shape %s is too large for a factor of %lld",
                           gani_shape_text(inputs[0], text), (long long)config->factor);
    *output = gan_shape_3d(inputs[0].size[0], inputs[0].size[1] * config->factor, inputs[0].size[2] * config->factor);
    return GAN_OK;
}
static gan_tensor *upsample_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                    gan_tensor *const *inputs) {
    (void)pass;
    return gani_interpolate2d(tape, inputs[0], module->output.size[1], module->output.size[2],
                              (gan_interpolation)module->config.mode);
}
static const gani_field upsample_fields[] = {FIELD_INT(factor), FIELD_INT(mode), FIELD_END};
const gani_module_type gani_type_upsample = {"upsample",       1,   upsample_fields, upsample_infer, NULL,
                                             upsample_forward, NULL};

/* ---- smaller ---- */

static gan_status pool_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    gan_status status = gani_check_image(site, inputs[0]);
    if (status != GAN_OK) return status;
    gani_window s = {.h = inputs[0].size[1],
                     .w = inputs[0].size[2],
                     .kernel = config->kernel,
                     .stride = config->stride,
                     .padding = config->padding};
    status = gani_pool_infer(&s, site->message);
    *output = gan_shape_3d(inputs[0].size[0], s.oh, s.ow);
    return status;
}
static gan_tensor *avg_pool2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)pass;
    const gani_config *config = &module->config;
    return gani_avg_pool2d(tape, inputs[0], config->kernel, config->stride, config->padding);
}
static gan_tensor *max_pool2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)pass;
    const gani_config *config = &module->config;
    return gani_max_pool2d(tape, inputs[0], config->kernel, config->stride, config->padding);
}
static const gani_field pool_fields[] = {FIELD_INT(kernel), FIELD_INT(stride), FIELD_INT(padding), FIELD_END};
const gani_module_type gani_type_avg_pool2d = {"avg_pool2d",       1,   pool_fields, pool_infer, NULL,
                                               avg_pool2d_forward, NULL};
const gani_module_type gani_type_max_pool2d = {"max_pool2d",       1,   pool_fields, pool_infer, NULL,
                                               max_pool2d_forward, NULL};

static gan_status global_avg_pool_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                        gan_shape *output) {
    (void)config;
    *output = gan_shape_1d(inputs[0].size[0]);
    return gani_check_image(site, inputs[0]);
}
static gan_tensor *global_avg_pool_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                           gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_mean_axes(tape, inputs[0], 0xCu, 0);
}
const gani_module_type gani_type_global_avg_pool = {
    "global_avg_pool", 1, gani_no_fields, global_avg_pool_infer, NULL, global_avg_pool_forward, NULL};
