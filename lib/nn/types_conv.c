/* Convolutions. */
#include "nn/types.h"

#define MAX_SIZE ((int64_t)1 << 31)

static gan_status conv_check(gani_site *site, const gani_config *config, gan_shape input) {
    char text[GANI_SHAPE_TEXT];
    if (input.rank != 3)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s, not channels x height x width",
                           gani_shape_text(input, text));
    if (config->outputs < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld channels: at least 1 is needed", (long long)config->outputs);
    if (config->kernel < 1 || config->kernel > GANI_MAX_WINDOW)
        return gani_refuse(site, GAN_E_ARGUMENT, "a kernel of %lld is not in 1 to %d", (long long)config->kernel,
                           GANI_MAX_WINDOW);
    if (config->stride < 1 || config->stride > GANI_MAX_WINDOW)
        return gani_refuse(site, GAN_E_ARGUMENT, "a stride of %lld is not in 1 to %d", (long long)config->stride,
                           GANI_MAX_WINDOW);
    if (config->padding < 0 || config->padding > GANI_MAX_WINDOW)
        return gani_refuse(site, GAN_E_ARGUMENT, "a padding of %lld is not in 0 to %d", (long long)config->padding,
                           GANI_MAX_WINDOW);
    if (input.size[1] > MAX_SIZE || input.size[2] > MAX_SIZE)
        return gani_refuse(site, GAN_E_LIMIT, "its input of shape %s is too large", gani_shape_text(input, text));
    return GAN_OK;
}

static gan_status conv2d_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    gan_status status = conv_check(site, config, inputs[0]);
    if (status != GAN_OK) return status;
    int64_t h = inputs[0].size[1] + 2 * config->padding - config->kernel,
            w = inputs[0].size[2] + 2 * config->padding - config->kernel;
    char text[GANI_SHAPE_TEXT];
    if (h < 0 || w < 0)
        return gani_refuse(site, GAN_E_SHAPE, "a kernel of %lld with padding %lld does not fit its input of shape %s",
                           (long long)config->kernel, (long long)config->padding, gani_shape_text(inputs[0], text));
    *output = gan_shape_3d(config->outputs, h / config->stride + 1, w / config->stride + 1);
    return GAN_OK;
}
static int32_t conv2d_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    slots[0] =
        (gani_slot){"weight", gan_shape_4d(config->outputs, inputs[0].size[0], config->kernel, config->kernel), 1};
    slots[1] = (gani_slot){"bias", gan_shape_1d(config->outputs), 1};
    return config->bias ? 2 : 1;
}
static gan_tensor *conv2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                  gan_tensor *const *inputs) {
    (void)pass;
    return gani_conv2d(tape, inputs[0], module->tensors[0], module->tensors[1], module->config.stride,
                       module->config.padding);
}
static const gani_field conv2d_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel), FIELD_INT(stride),
                                           FIELD_INT(padding), FIELD_FLAG(bias),  FIELD_END};
const gani_module_type gani_type_conv2d = {
    "conv2d", 1, conv2d_fields, conv2d_infer, conv2d_slots, conv2d_forward, gani_reset_weight};

static gan_status conv_transpose2d_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                         gan_shape *output) {
    gan_status status = conv_check(site, config, inputs[0]);
    if (status != GAN_OK) return status;
    if (config->output_padding < 0 || config->output_padding >= config->stride)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "an output padding of %lld must be at least 0 and below the stride %lld",
                           (long long)config->output_padding, (long long)config->stride);
    int64_t extra = config->kernel + config->output_padding - 2 * config->padding;
    int64_t h = (inputs[0].size[1] - 1) * config->stride + extra, w = (inputs[0].size[2] - 1) * config->stride + extra;
    if (h < 1 || w < 1)
        return gani_refuse(site, GAN_E_SHAPE, "a padding of %lld leaves nothing of its output",
                           (long long)config->padding);
    *output = gan_shape_3d(config->outputs, h, w);
    return GAN_OK;
}
static int32_t conv_transpose2d_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    slots[0] =
        (gani_slot){"weight", gan_shape_4d(inputs[0].size[0], config->outputs, config->kernel, config->kernel), 1};
    slots[1] = (gani_slot){"bias", gan_shape_1d(config->outputs), 1};
    return config->bias ? 2 : 1;
}
static gan_tensor *conv_transpose2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                            gan_tensor *const *inputs) {
    (void)pass;
    const gani_config *config = &module->config;
    return gani_conv_transpose2d(tape, inputs[0], module->tensors[0], module->tensors[1], config->stride,
                                 config->padding, config->output_padding);
}
static const gani_field conv_transpose2d_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel),         FIELD_INT(stride),
                                                     FIELD_INT(padding), FIELD_INT(output_padding), FIELD_FLAG(bias),
                                                     FIELD_END};
const gani_module_type gani_type_conv_transpose2d = {"conv_transpose2d",      1,
                                                     conv_transpose2d_fields, conv_transpose2d_infer,
                                                     conv_transpose2d_slots,  conv_transpose2d_forward,
                                                     gani_reset_weight};
