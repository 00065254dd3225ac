/* What ProGAN (Karras et al. 2018) and StyleGAN (Karras et al. 2019) put between their convolutions. */
#include <math.h>

#include "nn/types.h"

/* ---- pixel norm: y = x / sqrt(mean over channels of x^2 + epsilon) ---- */

static gan_status channels_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                 gan_shape *output) {
    if (inputs[0].rank < 1) return gani_refuse(site, GAN_E_SHAPE, "its input is a scalar, without channels");
    *output = inputs[0];
    return gani_check_epsilon(site, config);
}
static gan_tensor *pixel_norm_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *mean = gani_mean_axes(tape, gani_square(tape, inputs[0]), 2u, 1);
    return gani_mul(tape, inputs[0], gani_rsqrt(tape, gani_add_scalar(tape, mean, module->config.epsilon)));
}
static const gani_field pixel_norm_fields[] = {FIELD_NUMBER(epsilon), FIELD_END};
const gani_module_type gani_type_pixel_norm = {"pixel_norm",       1,   pixel_norm_fields, channels_infer, NULL,
                                               pixel_norm_forward, NULL};

/* ---- minibatch standard deviation: one more channel, the same for all pixels and all items of a group ---- */

static gan_status minibatch_std_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                      gan_shape *output) {
    gan_status status = channels_infer(site, config, inputs, output);
    if (status != GAN_OK) return status;
    if (config->group < 0)
        return gani_refuse(site, GAN_E_ARGUMENT, "groups of %lld: at least 1 is needed, or GAN_WHOLE_BATCH",
                           (long long)config->group);
    if (output->size[0] == INT64_MAX) return gani_refuse(site, GAN_E_LIMIT, "its input has too many channels");
    output->size[0]++;
    return GAN_OK;
}
static gan_tensor *minibatch_std_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                         gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *x = inputs[0];
    int64_t batch = x->shape.size[0], group = module->config.group;
    if (group == GAN_WHOLE_BATCH || group > batch) group = batch;
    if (batch == 0)
        return gani_tape_fail(tape, GAN_E_SHAPE, "minibatch_std: a batch of 0 items has no deviation; give at least 1");
    if (batch % group != 0)
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "minibatch_std: groups of %lld do not divide a batch of %lld; give a batch that is a "
                              "multiple, or a smaller group",
                              (long long)group, (long long)batch);
    /* item g M + m is member g of group m, as in the authors' programs */
    int64_t groups = batch / group;
    gan_tensor *members = gani_reshape(tape, x, gan_shape_3d(group, groups, gani_count(x) / batch));
    gan_tensor *centred = gani_sub(tape, members, gani_mean_axes(tape, members, 1u, 1));
    gan_tensor *variance = gani_mean_axes(tape, gani_square(tape, centred), 1u, 1);
    gan_tensor *deviation = gani_sqrt(tape, gani_add_scalar(tape, variance, module->config.epsilon));
    gan_tensor *mean = gani_broadcast(tape, gani_mean_axes(tape, deviation, 4u, 1), gan_shape_3d(group, groups, 1));
    gan_shape one = gani_with_batch(module->output, batch), column = gani_channel_column(x, batch);
    one.size[1] = column.size[1] = 1;
    gan_tensor *parts[2] = {x, gani_broadcast(tape, gani_reshape(tape, mean, column), one)};
    return gani_concat(tape, parts, 2, 1);
}
static const gani_field minibatch_std_fields[] = {FIELD_INT(group), FIELD_NUMBER(epsilon), FIELD_END};
const gani_module_type gani_type_minibatch_std = {
    "minibatch_std", 1, minibatch_std_fields, minibatch_std_infer, NULL, minibatch_std_forward, NULL};

/* ---- adaptive instance normalisation: scale and shift of each channel come from the second input ---- */

static gan_status adaptive_instance_norm_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                               gan_shape *output) {
    char text[GANI_SHAPE_TEXT], style[GANI_SHAPE_TEXT];
    gan_status status = gani_check_two(site);
    if (status != GAN_OK) return status;
    if (inputs[0].rank < 2 || gan_shape_count(inputs[0]) == inputs[0].size[0])
        return gani_refuse(
            site, GAN_E_SHAPE,
            "its input of shape %s does not have several values a channel, which are normalised together",
            gani_shape_text(inputs[0], text));
    if (inputs[1].rank != 1 || inputs[1].size[0] % 2 != 0 || inputs[1].size[0] / 2 != inputs[0].size[0])
        return gani_refuse(
            site, GAN_E_SHAPE, "its style has shape %s; for an input of shape %s it must have 2 values a channel, %lld",
            gani_shape_text(inputs[1], style), gani_shape_text(inputs[0], text), (long long)inputs[0].size[0] * 2);
    *output = inputs[0];
    return gani_check_epsilon(site, config);
}
static gan_tensor *adaptive_instance_norm_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                                  gan_tensor *const *inputs) {
    (void)pass;
    int64_t channels = module->output.size[0];
    gan_shape shape = gani_channel_column(inputs[0], inputs[0]->shape.size[0]);
    gan_tensor *scale = gani_reshape(tape, gani_slice(tape, inputs[1], 1, 0, channels), shape);
    gan_tensor *shift = gani_reshape(tape, gani_slice(tape, inputs[1], 1, channels, channels), shape);
    gan_tensor *normal = gani_instance_norm(tape, inputs[0], NULL, NULL, module->config.epsilon, GANI_NO_ACTIVATION);
    if (module->config.one_plus) scale = gani_add_scalar(tape, scale, 1);
    return gani_add(tape, gani_mul(tape, normal, scale), shift);
}
static const gani_field adaptive_instance_norm_fields[] = {FIELD_NUMBER(epsilon), FIELD_FLAG(one_plus), FIELD_END};
const gani_module_type gani_type_adaptive_instance_norm = {"adaptive_instance_norm",
                                                           GANI_MANY_INPUTS,
                                                           adaptive_instance_norm_fields,
                                                           adaptive_instance_norm_infer,
                                                           NULL,
                                                           adaptive_instance_norm_forward,
                                                           NULL};

/* ---- a learned constant: of its input only the size of the batch counts ---- */

static gan_status constant_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                 gan_shape *output) {
    (void)inputs;
    char text[GANI_SHAPE_TEXT];
    if (config->shape.rank < 0 || config->shape.rank >= GAN_MAX_RANK || gan_shape_count(config->shape) < 1)
        return gani_refuse(site, GAN_E_SHAPE, "a constant cannot have shape %s", gani_shape_text(config->shape, text));
    *output = config->shape;
    return GAN_OK;
}
static int32_t constant_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    (void)inputs;
    slots[0] = (gani_slot){"weight", config->shape, 1};
    return 1;
}
static gan_status constant_reset(gani_module *module) {
    gani_init_constant(module->tensors[0], 1);
    return GAN_OK;
}
static gan_tensor *constant_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                    gan_tensor *const *inputs) {
    (void)pass;
    return gani_broadcast(tape, module->tensors[0], gani_with_batch(module->output, inputs[0]->shape.size[0]));
}
static const gani_field constant_fields[] = {FIELD_SHAPE(shape), FIELD_END};
const gani_module_type gani_type_constant = {
    "constant", 1, constant_fields, constant_infer, constant_slots, constant_forward, constant_reset};

/* ---- blends, whose weight is a buffer that the application may change at any time ---- */

/* weight a + (1 - weight) b: exactly a at 1, exactly b at 0 */
static gan_tensor *blend(gan_tape *tape, gan_tensor *weight, gan_tensor *a, gan_tensor *b) {
    return gani_add(tape, gani_mul(tape, a, weight), gani_mul(tape, b, gani_affine(tape, weight, -1, 1)));
}

static gan_status truncation_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                   gan_shape *output) {
    if (!isfinite(config->psi)) return gani_refuse_number(site, "psi", config->psi, "finite");
    if (!(config->decay >= 0 && config->decay <= 1))
        return gani_refuse_number(site, "decay", config->decay, "in 0 to 1");
    *output = inputs[0];
    return GAN_OK;
}
enum { AVERAGE, PSI };
static int32_t truncation_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    (void)config;
    slots[AVERAGE] = (gani_slot){"average", inputs[0], 0};
    slots[PSI] = (gani_slot){"psi", gan_shape_0d(), 0};
    return 2;
}
static gan_status truncation_reset(gani_module *module) {
    gani_init_constant(module->tensors[AVERAGE], 0);
    gani_init_constant(module->tensors[PSI], module->config.psi);
    return GAN_OK;
}
static gan_tensor *truncation_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    gan_tensor *x = inputs[0], *average = module->tensors[AVERAGE];
    if (!pass->training) return blend(tape, module->tensors[PSI], x, average);
    if (x->shape.size[0] > 0) {
        gan_tensor *mean = gani_mean_axes(tape, gani_detach(tape, x), 1u, 0);
        if (gani_failed(tape)) return &tape->inert;
        const gani_kernels *kernels = gani_kernels_for(tape->context, x->dtype);
        kernels->lerp(gani_count(average), 1 - module->config.decay, mean->data, average->data);
        gani_tensor_touch(average);
    }
    return gani_identity(tape, x);
}
static const gani_field truncation_fields[] = {FIELD_NUMBER(psi), FIELD_NUMBER(decay), FIELD_END};
const gani_module_type gani_type_truncation = {
    "truncation", 1, truncation_fields, truncation_infer, truncation_slots, truncation_forward, truncation_reset};

static gan_status fade_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    gan_status status = gani_check_two(site);
    return status == GAN_OK ? gani_equal_infer(site, config, inputs, output) : status;
}
static int32_t fade_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    (void)config;
    (void)inputs;
    slots[0] = (gani_slot){"alpha", gan_shape_0d(), 0};
    return 1;
}
static gan_tensor *fade_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)pass;
    return blend(tape, module->tensors[0], inputs[0], inputs[1]);
}
const gani_module_type gani_type_fade = {"fade",     GANI_MANY_INPUTS, gani_no_fields, fade_infer,
                                         fade_slots, fade_forward,     constant_reset};
