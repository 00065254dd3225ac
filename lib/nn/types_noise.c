/* Layers that add random numbers. */
#include <math.h>

#include "nn/types.h"

/* ---- one image of noise an item, which each channel takes as much of as it has learned ---- */

enum { WEIGHT, NOISE };

static gan_status noise_injection_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                        gan_shape *output) {
    if (config->evaluation < GAN_NOISE_NONE || config->evaluation > GAN_NOISE_FIXED)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "evaluation %lld is none of GAN_NOISE_NONE, GAN_NOISE_FRESH, GAN_NOISE_FIXED",
                           (long long)config->evaluation);
    *output = inputs[0];
    return gani_check_image(site, inputs[0]);
}
static int32_t noise_injection_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    const int64_t *size = inputs[0].size;
    slots[WEIGHT] = (gani_slot){"weight", gan_shape_1d(config->per_channel ? size[0] : 1), 1};
    slots[NOISE] = (gani_slot){"noise", gan_shape_2d(size[1], size[2]), 0};
    return config->evaluation == GAN_NOISE_FIXED ? 2 : 1;
}
static gan_status noise_injection_reset(gani_module *module) {
    gani_init_constant(module->tensors[WEIGHT], 0);
    if (module->tensor_count > NOISE) gani_init_normal(module->tensors[NOISE], 0, 1);
    return GAN_OK;
}
static gan_tensor *noise_injection_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                           gan_tensor *const *inputs) {
    gan_tensor *x = inputs[0], *weight = module->tensors[WEIGHT], *noise = module->tensors[NOISE];
    int64_t mode = pass->training ? GAN_NOISE_FRESH : module->config.evaluation;
    if (mode == GAN_NOISE_NONE) return gani_identity(tape, x);
    if (mode == GAN_NOISE_FRESH)
        noise = gani_normal(tape, x->dtype, gan_shape_4d(x->shape.size[0], 1, x->shape.size[2], x->shape.size[3]));
    gan_shape channels = gan_shape_3d(weight->shape.size[0], 1, 1);
    return gani_add(tape, x, gani_mul(tape, noise, gani_reshape(tape, weight, channels)));
}
static const gani_field noise_injection_fields[] = {FIELD_INT(evaluation), FIELD_FLAG(per_channel), FIELD_END};
const gani_module_type gani_type_noise_injection = {"noise_injection",      1,
                                                    noise_injection_fields, noise_injection_infer,
                                                    noise_injection_slots,  noise_injection_forward,
                                                    noise_injection_reset};

/* ---- independent noise on every value ---- */

static gan_status gaussian_noise_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                       gan_shape *output) {
    if (!(config->deviation >= 0) || !isfinite(config->deviation))
        return gani_refuse_number(site, "deviation", config->deviation, "0 or more, and finite");
    if (config->evaluation != GAN_NOISE_NONE && config->evaluation != GAN_NOISE_FRESH)
        return gani_refuse(site, GAN_E_ARGUMENT, "evaluation %lld is neither GAN_NOISE_NONE nor GAN_NOISE_FRESH",
                           (long long)config->evaluation);
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *gaussian_noise_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                          gan_tensor *const *inputs) {
    gan_tensor *x = inputs[0];
    if (!pass->training && module->config.evaluation == GAN_NOISE_NONE) return gani_identity(tape, x);
    gan_tensor *noise = gani_normal(tape, x->dtype, x->shape);
    return gani_add(tape, x, gani_affine(tape, noise, module->config.deviation, 0));
}
static const gani_field gaussian_noise_fields[] = {FIELD_NUMBER(deviation), FIELD_INT(evaluation), FIELD_END};
const gani_module_type gani_type_gaussian_noise = {
    "gaussian_noise", 1, gaussian_noise_fields, gaussian_noise_infer, NULL, gaussian_noise_forward, NULL};
