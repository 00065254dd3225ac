/* Activations, and dropout. */
#include <math.h>

#include "nn/types.h"

static gan_status leaky_relu_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                   gan_shape *output) {
    if (!isfinite(config->slope)) return gani_refuse_number(site, "slope", config->slope, "finite");
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *relu_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_leaky_relu(tape, inputs[0], 0);
}
static gan_tensor *leaky_relu_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)pass;
    return gani_leaky_relu(tape, inputs[0], module->config.slope);
}
static gan_tensor *tanh_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_tanh(tape, inputs[0]);
}
static gan_tensor *sigmoid_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_sigmoid(tape, inputs[0]);
}
static gan_tensor *softplus_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                    gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_softplus(tape, inputs[0]);
}
static const gani_field leaky_relu_fields[] = {FIELD_NUMBER(slope), FIELD_END};
const gani_module_type gani_type_relu = {"relu", GANI_SPARE_INPUT, gani_no_fields, gani_same_infer, NULL, relu_forward,
                                         NULL};
const gani_module_type gani_type_leaky_relu = {
    "leaky_relu", GANI_SPARE_INPUT, leaky_relu_fields, leaky_relu_infer, NULL, leaky_relu_forward, NULL};
const gani_module_type gani_type_tanh = {"tanh", GANI_SPARE_INPUT, gani_no_fields, gani_same_infer, NULL, tanh_forward,
                                         NULL};
const gani_module_type gani_type_sigmoid = {
    "sigmoid", GANI_SPARE_INPUT, gani_no_fields, gani_same_infer, NULL, sigmoid_forward, NULL};
const gani_module_type gani_type_softplus = {
    "softplus", GANI_SPARE_INPUT, gani_no_fields, gani_same_infer, NULL, softplus_forward, NULL};

static gan_status elu_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    if (!isfinite(config->alpha)) return gani_refuse_number(site, "alpha", config->alpha, "finite");
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *elu_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                               gan_tensor *const *inputs) {
    (void)pass;
    return gani_elu(tape, inputs[0], module->config.alpha);
}
static const gani_field elu_fields[] = {FIELD_NUMBER(alpha), FIELD_END};
const gani_module_type gani_type_elu = {"elu", GANI_SPARE_INPUT, elu_fields, elu_infer, NULL, elu_forward, NULL};

static gan_status prelu_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (!isfinite(config->slope)) return gani_refuse_number(site, "slope", config->slope, "finite");
    if (config->count != 1 && (inputs[0].rank < 1 || config->count != inputs[0].size[0]))
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "it has %lld slopes; for an input of shape %s it can have 1, or one for each channel",
                           (long long)config->count, gani_shape_text(inputs[0], text));
    *output = inputs[0];
    return GAN_OK;
}
static int32_t prelu_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    (void)inputs;
    slots[0] = (gani_slot){"weight", gan_shape_1d(config->count), 1};
    return 1;
}
static gan_status prelu_reset(gani_module *module) {
    gani_init_constant(module->tensors[0], module->config.slope);
    return GAN_OK;
}
static gan_tensor *prelu_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                 gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *x = inputs[0], *slope = module->tensors[0];
    /* the derivative of the negative part is 1 at 0, that of the positive part 0 */
    gan_tensor *positive = gani_leaky_relu(tape, x, 0), *negative = gani_clamp(tape, x, -INFINITY, 0);
    if (module->config.count != 1) slope = gani_reshape(tape, slope, gani_channel_column(x, 1));
    return gani_add(tape, positive, gani_mul(tape, negative, slope));
}
static const gani_field prelu_fields[] = {FIELD_INT(count), FIELD_NUMBER(slope), FIELD_END};
const gani_module_type gani_type_prelu = {"prelu",       1,          prelu_fields, prelu_infer, prelu_slots,
                                          prelu_forward, prelu_reset};

/* ---- over the first axis of the items ---- */

static gan_status channels_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                 gan_shape *output) {
    (void)config;
    if (inputs[0].rank < 1) return gani_refuse(site, GAN_E_SHAPE, "its input is a scalar, without channels");
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *softmax_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_softmax(tape, inputs[0], 1);
}
static gan_tensor *log_softmax_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                       gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_log_softmax(tape, inputs[0], 1);
}
const gani_module_type gani_type_softmax = {"softmax", 1, gani_no_fields, channels_infer, NULL, softmax_forward, NULL};
const gani_module_type gani_type_log_softmax = {"log_softmax",       1,   gani_no_fields, channels_infer, NULL,
                                                log_softmax_forward, NULL};

static gan_status maxout_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (config->pieces < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld pieces: at least 1 is needed", (long long)config->pieces);
    gan_status status = channels_infer(site, config, inputs, output);
    if (status != GAN_OK) return status;
    if (inputs[0].size[0] % config->pieces != 0)
        return gani_refuse(site, GAN_E_SHAPE, "the first size of its input, %s, is no multiple of %lld pieces",
                           gani_shape_text(inputs[0], text), (long long)config->pieces);
    output->size[0] /= config->pieces;
    return GAN_OK;
}
static gan_tensor *maxout_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                  gan_tensor *const *inputs) {
    (void)pass;
    int64_t batch = inputs[0]->shape.size[0], units = module->output.size[0];
    int64_t rest = gan_shape_count(module->output) / units;
    gan_shape pieces = gan_shape_4d(batch, units, module->config.pieces, rest);
    gan_tensor *largest = gani_max_axis(tape, gani_reshape(tape, inputs[0], pieces), 2, 0);
    return gani_reshape(tape, largest, gani_with_batch(module->output, batch));
}
static const gani_field maxout_fields[] = {FIELD_INT(pieces), FIELD_END};
const gani_module_type gani_type_maxout = {"maxout", 1, maxout_fields, maxout_infer, NULL, maxout_forward, NULL};

/* ---- dropout ---- */

static gan_status dropout_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    if (!(config->p >= 0 && config->p <= 1)) return gani_refuse_number(site, "p", config->p, "in 0 to 1");
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *dropout_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    double keep = 1 - module->config.p;
    if (!pass->training || keep == 1) return gani_identity(tape, inputs[0]);
    gan_shape shape = inputs[0]->shape;
    for (int32_t i = 2; i < shape.rank && module->config.per_channel; i++) shape.size[i] = 1;
    gan_tensor *mask = gani_bernoulli(tape, inputs[0]->dtype, shape, keep);
    return gani_mul(tape, inputs[0], gani_affine(tape, mask, keep > 0 ? 1 / keep : 0, 0));
}
static const gani_field dropout_fields[] = {FIELD_NUMBER(p), FIELD(per_channel, GANI_FIELD_FLAG, 1), FIELD_END};
const gani_module_type gani_type_dropout = {"dropout", 1, dropout_fields, dropout_infer, NULL, dropout_forward, NULL};
