/* Convolutions. */
#include "nn/types.h"

static int64_t kernel_w(const gani_config *config) {
    return config->kernel_w == -1 ? config->kernel : config->kernel_w;
}

static gan_conv_options options_of(const gani_config *config) {
    gan_conv_options options = gani_conv_defaults();
    options.stride_w = config->stride_w;
    options.padding_w = config->padding_w;
    options.dilation = config->dilation;
    options.dilation_w = config->dilation_w;
    options.groups = config->groups;
    options.output_padding = config->output_padding;
    options.output_padding_w = config->output_padding_w;
    return options;
}

/* outputs x inputs / groups x kernel; transposed: inputs x outputs / groups x kernel */
static gan_shape weight_of(const gani_config *config, int64_t inputs, int32_t transposed) {
    int64_t first = transposed ? inputs : config->outputs, second = transposed ? config->outputs : inputs;
    return gan_shape_4d(first, second / config->groups, config->kernel, kernel_w(config));
}

/* Fills in what an input and the configuration say of the convolution, or of the one whose adjoint it is. */
static gan_status shape_of(gani_conv_shape *s, const gani_config *config, gan_shape input, int32_t transposed,
                           char text[GANI_MESSAGE_SIZE]) {
    *s = (gani_conv_shape){.kh = config->kernel, .kw = kernel_w(config)};
    if (transposed) {
        s->o = input.size[0];
        s->oh = input.size[1];
        s->ow = input.size[2];
        s->c = config->outputs;
    } else {
        s->c = input.size[0];
        s->h = input.size[1];
        s->w = input.size[2];
        s->o = config->outputs;
    }
    gan_conv_options options = options_of(config);
    return gani_conv_infer(s, transposed, config->stride, config->padding, &options, text);
}

static gan_status infer(gani_site *site, const gani_config *config, gan_shape input, int32_t transposed,
                        gan_shape *output) {
    gan_status status = gani_check_image(site, input);
    if (status != GAN_OK) return status;
    if (config->outputs < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld channels: at least 1 is needed", (long long)config->outputs);
    gani_conv_shape s;
    status = shape_of(&s, config, input, transposed, site->message);
    if (status != GAN_OK) return status;
    *output = transposed ? gan_shape_3d(s.c, s.h, s.w) : gan_shape_3d(s.o, s.oh, s.ow);
    return gani_weight_check(site, config, weight_of(config, input.size[0], transposed), transposed);
}

static gan_status conv2d_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    return infer(site, config, inputs[0], 0, output);
}
static int32_t conv2d_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    return gani_weight_slots(config, weight_of(config, inputs[0].size[0], 0), 0, config->bias, out);
}
static gan_tensor *conv2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                  gan_tensor *const *inputs) {
    gan_conv_options options = options_of(&module->config);
    gani_weight w = gani_weight_of(tape, pass, module);
    return gani_weight_used(
        tape, w,
        gani_conv2d(tape, inputs[0], w.weight, w.bias, module->config.stride, module->config.padding, &options));
}
#define WINDOW_FIELDS                                                                                                  \
    FIELD_INT_OPTIONAL(kernel_w), FIELD_INT_OPTIONAL(stride_w), FIELD_INT_OPTIONAL(padding_w),                         \
        FIELD_INT_OPTIONAL(dilation), FIELD_INT_OPTIONAL(dilation_w), FIELD_INT_OPTIONAL(groups), WEIGHT_FIELDS

static const gani_field conv2d_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel), FIELD_INT(stride), FIELD_INT(padding),
                                           FIELD_FLAG(bias),   WINDOW_FIELDS,     FIELD_END};
const gani_module_type gani_type_conv2d = {
    "conv2d", 1, conv2d_fields, conv2d_infer, conv2d_slots, conv2d_forward, gani_weight_reset};

static gan_status conv_transpose2d_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                         gan_shape *output) {
    return infer(site, config, inputs[0], 1, output);
}
static int32_t conv_transpose2d_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    return gani_weight_slots(config, weight_of(config, inputs[0].size[0], 1), 1, config->bias, out);
}
static gan_tensor *conv_transpose2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                            gan_tensor *const *inputs) {
    gan_conv_options options = options_of(&module->config);
    gani_weight w = gani_weight_of(tape, pass, module);
    return gani_weight_used(tape, w,
                            gani_conv_transpose2d(tape, inputs[0], w.weight, w.bias, module->config.stride,
                                                  module->config.padding, &options));
}
static const gani_field conv_transpose2d_fields[] = {FIELD_INT(outputs),
                                                     FIELD_INT(kernel),
                                                     FIELD_INT(stride),
                                                     FIELD_INT(padding),
                                                     FIELD_INT(output_padding),
                                                     FIELD_FLAG(bias),
                                                     WINDOW_FIELDS,
                                                     FIELD_INT_OPTIONAL(output_padding_w),
                                                     FIELD_END};
const gani_module_type gani_type_conv_transpose2d = {"conv_transpose2d",      1,
                                                     conv_transpose2d_fields, conv_transpose2d_infer,
                                                     conv_transpose2d_slots,  conv_transpose2d_forward,
                                                     gani_weight_reset};

int gani_module_conv(const gan_layer *layer, const gani_module *module, int64_t batch, gani_conv_shape *s,
                     int32_t *transposed) {
    char text[GANI_MESSAGE_SIZE];
    *transposed = module->type == &gani_type_conv_transpose2d;
    if (module->config.form != GAN_WEIGHT_PLAIN) return 0;
    if (module->type == &gani_type_linear) {
        *s = gani_linear_shape(batch, module->tensors[0]->shape.size[1], module->config.outputs);
        return 1;
    }
    if (!*transposed && module->type != &gani_type_conv2d) return 0;
    gan_status status = shape_of(s, &module->config, gani_point_shape(layer, module->inputs[0]), *transposed, text);
    s->n = batch;
    return status == GAN_OK;
}
