/* The types of modules: for each its configuration, its shapes, its tensors and its forward pass. Names and layouts are
 * PyTorch's. */
#include <math.h>
#include <string.h>

#include "nn/layer.h"

#define FIELD_INT(member)                                                                                              \
    { #member, GANI_FIELD_INT, offsetof(gani_config, member) }
#define FIELD_FLAG(member)                                                                                             \
    { #member, GANI_FIELD_FLAG, offsetof(gani_config, member) }
#define FIELD_NUMBER(member)                                                                                           \
    { #member, GANI_FIELD_NUMBER, offsetof(gani_config, member) }
#define FIELD_SHAPE(member)                                                                                            \
    { #member, GANI_FIELD_SHAPE, offsetof(gani_config, member) }
#define FIELD_END                                                                                                      \
    { NULL, 0, 0 }

#define MAX_SIZE ((int64_t)1 << 31)

/* weight and bias ~ U(-1/sqrt(fan_in), 1/sqrt(fan_in)): kaiming_uniform with a = sqrt 5, as PyTorch's modules do it */
static gan_status reset_weight(gani_module *module) {
    const gan_tensor *weight = module->tensors[0];
    double fan_in = 1;
    for (int32_t i = 1; i < weight->shape.rank; i++) fan_in *= (double)weight->shape.size[i];
    for (int32_t i = 0; i < module->tensor_count; i++)
        gani_init_uniform(module->tensors[i], -1 / sqrt(fan_in), 1 / sqrt(fan_in));
    return GAN_OK;
}

/* ---- linear ---- */

static gan_status linear_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                               gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank != 1)
        return gani_fail(context, GAN_E_SHAPE, "its input has shape %s; flatten it first",
                         gani_shape_text(inputs[0], text));
    if (config->outputs < 1)
        return gani_fail(context, GAN_E_ARGUMENT, "%lld outputs: at least 1 is needed", (long long)config->outputs);
    *output = gan_shape_1d(config->outputs);
    return GAN_OK;
}
static int32_t linear_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    slots[0] = (gani_slot){"weight", gan_shape_2d(config->outputs, inputs[0].size[0]), 1};
    slots[1] = (gani_slot){"bias", gan_shape_1d(config->outputs), 1};
    return config->bias ? 2 : 1;
}
static gan_tensor *linear_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                  gan_tensor *const *inputs) {
    (void)layer;
    return gani_linear(tape, inputs[0], module->tensors[0], module->tensors[1]);
}
static const gani_field linear_fields[] = {FIELD_INT(outputs), FIELD_FLAG(bias), FIELD_END};
const gani_module_type gani_type_linear = {"linear",       1,           linear_fields, linear_infer, linear_slots,
                                           linear_forward, reset_weight};

/* ---- convolutions ---- */

static gan_status conv_check(gan_context *context, const gani_config *config, gan_shape input) {
    char text[GANI_SHAPE_TEXT];
    if (input.rank != 3)
        return gani_fail(context, GAN_E_SHAPE, "its input has shape %s, not channels x height x width",
                         gani_shape_text(input, text));
    if (config->outputs < 1)
        return gani_fail(context, GAN_E_ARGUMENT, "%lld channels: at least 1 is needed", (long long)config->outputs);
    if (config->kernel < 1 || config->kernel > GANI_MAX_WINDOW)
        return gani_fail(context, GAN_E_ARGUMENT, "a kernel of %lld is not in 1 to %d", (long long)config->kernel,
                         GANI_MAX_WINDOW);
    if (config->stride < 1 || config->stride > GANI_MAX_WINDOW)
        return gani_fail(context, GAN_E_ARGUMENT, "a stride of %lld is not in 1 to %d", (long long)config->stride,
                         GANI_MAX_WINDOW);
    if (config->padding < 0 || config->padding > GANI_MAX_WINDOW)
        return gani_fail(context, GAN_E_ARGUMENT, "a padding of %lld is not in 0 to %d", (long long)config->padding,
                         GANI_MAX_WINDOW);
    if (input.size[1] > MAX_SIZE || input.size[2] > MAX_SIZE)
        return gani_fail(context, GAN_E_LIMIT, "its input of shape %s is too large", gani_shape_text(input, text));
    return GAN_OK;
}

static gan_status conv2d_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                               gan_shape *output) {
    gan_status status = conv_check(context, config, inputs[0]);
    if (status != GAN_OK) return status;
    int64_t h = inputs[0].size[1] + 2 * config->padding - config->kernel,
            w = inputs[0].size[2] + 2 * config->padding - config->kernel;
    char text[GANI_SHAPE_TEXT];
    if (h < 0 || w < 0)
        return gani_fail(context, GAN_E_SHAPE, "a kernel of %lld with padding %lld does not fit its input of shape %s",
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
static gan_tensor *conv2d_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                  gan_tensor *const *inputs) {
    (void)layer;
    return gani_conv2d(tape, inputs[0], module->tensors[0], module->tensors[1], module->config.stride,
                       module->config.padding);
}
static const gani_field conv2d_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel), FIELD_INT(stride),
                                           FIELD_INT(padding), FIELD_FLAG(bias),  FIELD_END};
const gani_module_type gani_type_conv2d = {"conv2d",       1,           conv2d_fields, conv2d_infer, conv2d_slots,
                                           conv2d_forward, reset_weight};

static gan_status conv_transpose2d_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                                         gan_shape *output) {
    gan_status status = conv_check(context, config, inputs[0]);
    if (status != GAN_OK) return status;
    if (config->output_padding < 0 || config->output_padding >= config->stride)
        return gani_fail(context, GAN_E_ARGUMENT,
                         "an output padding of %lld must be at least 0 and below the stride %lld",
                         (long long)config->output_padding, (long long)config->stride);
    int64_t extra = config->kernel + config->output_padding - 2 * config->padding;
    int64_t h = (inputs[0].size[1] - 1) * config->stride + extra, w = (inputs[0].size[2] - 1) * config->stride + extra;
    if (h < 1 || w < 1)
        return gani_fail(context, GAN_E_SHAPE, "a padding of %lld leaves nothing of its output",
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
static gan_tensor *conv_transpose2d_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                            gan_tensor *const *inputs) {
    (void)layer;
    const gani_config *config = &module->config;
    return gani_conv_transpose2d(tape, inputs[0], module->tensors[0], module->tensors[1], config->stride,
                                 config->padding, config->output_padding);
}
static const gani_field conv_transpose2d_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel),         FIELD_INT(stride),
                                                     FIELD_INT(padding), FIELD_INT(output_padding), FIELD_FLAG(bias),
                                                     FIELD_END};
const gani_module_type gani_type_conv_transpose2d = {
    "conv_transpose2d",       1,           conv_transpose2d_fields, conv_transpose2d_infer, conv_transpose2d_slots,
    conv_transpose2d_forward, reset_weight};

/* ---- activations ---- */

static gan_status same_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                             gan_shape *output) {
    (void)context;
    (void)config;
    *output = inputs[0];
    return GAN_OK;
}
static gan_status leaky_relu_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                                   gan_shape *output) {
    if (!isfinite(config->slope)) return gani_fail(context, GAN_E_ARGUMENT, "its slope is not a finite number");
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *relu_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)layer;
    (void)module;
    return gani_leaky_relu(tape, inputs[0], 0);
}
static gan_tensor *leaky_relu_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)layer;
    return gani_leaky_relu(tape, inputs[0], module->config.slope);
}
static gan_tensor *tanh_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)layer;
    (void)module;
    return gani_tanh(tape, inputs[0]);
}
static gan_tensor *sigmoid_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)layer;
    (void)module;
    return gani_sigmoid(tape, inputs[0]);
}
static const gani_field no_fields[] = {FIELD_END};
static const gani_field leaky_relu_fields[] = {FIELD_NUMBER(slope), FIELD_END};
const gani_module_type gani_type_relu = {"relu", 1, no_fields, same_infer, NULL, relu_forward, NULL};
const gani_module_type gani_type_leaky_relu = {"leaky_relu",       1,   leaky_relu_fields, leaky_relu_infer, NULL,
                                               leaky_relu_forward, NULL};
const gani_module_type gani_type_tanh = {"tanh", 1, no_fields, same_infer, NULL, tanh_forward, NULL};
const gani_module_type gani_type_sigmoid = {"sigmoid", 1, no_fields, same_infer, NULL, sigmoid_forward, NULL};

/* ---- shapes ---- */

static gan_shape with_batch(gan_shape item, int64_t batch) {
    gan_shape shape = gan_shape_1d(batch);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return shape;
}
static gan_tensor *reshape_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)layer;
    return gani_reshape(tape, inputs[0], with_batch(module->output, inputs[0]->shape.size[0]));
}
static gan_status reshape_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    char from[GANI_SHAPE_TEXT], to[GANI_SHAPE_TEXT];
    if (config->shape.rank >= GAN_MAX_RANK || gan_shape_count(config->shape) != gan_shape_count(inputs[0]))
        return gani_fail(context, GAN_E_SHAPE, "shape %s does not hold the elements of its input of shape %s",
                         gani_shape_text(config->shape, to), gani_shape_text(inputs[0], from));
    *output = config->shape;
    return GAN_OK;
}
static gan_status flatten_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    (void)context;
    (void)config;
    *output = gan_shape_1d(gan_shape_count(inputs[0]));
    return GAN_OK;
}
static const gani_field reshape_fields[] = {FIELD_SHAPE(shape), FIELD_END};
const gani_module_type gani_type_reshape = {"reshape", 1, reshape_fields, reshape_infer, NULL, reshape_forward, NULL};
const gani_module_type gani_type_flatten = {"flatten", 1, no_fields, flatten_infer, NULL, reshape_forward, NULL};

/* ---- joints ---- */

static gan_status sum_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                            gan_shape *output) {
    (void)config;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (!gan_shape_equal(inputs[0], inputs[1]))
        return gani_fail(context, GAN_E_SHAPE, "its inputs have shapes %s and %s; they must be equal",
                         gani_shape_text(inputs[0], a), gani_shape_text(inputs[1], b));
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *sum_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                               gan_tensor *const *inputs) {
    (void)layer;
    (void)module;
    return gani_add(tape, inputs[0], inputs[1]);
}
static gan_status concat_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                               gan_shape *output) {
    (void)config;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    gan_shape other = inputs[1];
    int64_t channels;
    if (other.rank == inputs[0].rank && other.rank > 0) other.size[0] = inputs[0].size[0];
    if (inputs[0].rank == 0 || !gan_shape_equal(other, inputs[0]) ||
        !gani_add_i64(inputs[0].size[0], inputs[1].size[0], &channels))
        return gani_fail(context, GAN_E_SHAPE,
                         "its inputs have shapes %s and %s; they may differ in the first size only",
                         gani_shape_text(inputs[0], a), gani_shape_text(inputs[1], b));
    *output = inputs[0];
    output->size[0] = channels;
    return GAN_OK;
}
static gan_tensor *concat_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                  gan_tensor *const *inputs) {
    (void)layer;
    (void)module;
    return gani_concat(tape, inputs, 2, 1);
}
const gani_module_type gani_type_sum = {"sum", 2, no_fields, sum_infer, NULL, sum_forward, NULL};
const gani_module_type gani_type_concat = {"concat", 2, no_fields, concat_infer, NULL, concat_forward, NULL};

/* ---- all ---- */

const gani_module_type *const gani_module_types[] = {
    &gani_type_linear,
    &gani_type_conv2d,
    &gani_type_conv_transpose2d,
    &gani_type_batch_norm,
    &gani_type_relu,
    &gani_type_leaky_relu,
    &gani_type_tanh,
    &gani_type_sigmoid,
    &gani_type_reshape,
    &gani_type_flatten,
    &gani_type_sum,
    &gani_type_concat,
    NULL,
};

const gani_module_type *gani_module_type_find(const char *name) {
    for (const gani_module_type *const *type = gani_module_types; *type != NULL; type++)
        if (strcmp((*type)->name, name) == 0) return *type;
    return NULL;
}
