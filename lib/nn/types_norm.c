/* Normalisations: PyTorch's BatchNorm1d and 2d, InstanceNorm1d and 2d, LayerNorm. */
#include <math.h>

#include "nn/types.h"

/* ---- over the batch ---- */

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR };

/* Where each of the four tensors is among the module's, or -1. */
static int32_t place(const gani_config *config, int32_t which) {
    if (which <= BIAS) return config->affine ? which : -1;
    return config->track_running_stats ? which - (config->affine ? 0 : 2) : -1;
}
static gan_tensor *tensor_of(const gani_module *module, int32_t which) {
    int32_t index = place(&module->config, which);
    return index < 0 ? NULL : module->tensors[index];
}

gan_status gani_batch_norm_check(gani_site *site, const gani_config *config, gan_shape input) {
    char text[GANI_SHAPE_TEXT];
    if (input.rank < 1)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s, without channels", gani_shape_text(input, text));
    if (!(config->momentum >= 0 && config->momentum <= 1))
        return gani_refuse_number(site, "momentum", config->momentum, "in 0 to 1");
    return gani_check_epsilon(site, config);
}

static gan_status batch_norm_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                   gan_shape *output) {
    *output = inputs[0];
    return gani_batch_norm_check(site, config, inputs[0]);
}

static int32_t batch_norm_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    int32_t count = 0;
    for (int32_t which = WEIGHT; which <= RUNNING_VAR; which++)
        if (place(config, which) >= 0)
            out[count++] = (gani_slot){names[which], gan_shape_1d(inputs[0].size[0]), which <= BIAS};
    return count;
}

static gan_status batch_norm_reset(gani_module *module) {
    for (int32_t which = WEIGHT; which <= RUNNING_VAR; which++)
        if (tensor_of(module, which) != NULL)
            gani_init_constant(tensor_of(module, which), which == WEIGHT || which == RUNNING_VAR ? 1 : 0);
    return GAN_OK;
}

int gani_is_batch_norm(const gani_module_type *type) {
    return type == &gani_type_batch_norm || type == &gani_type_conditional_batch_norm ||
           type == &gani_type_modulated_batch_norm;
}

int gani_by_running(const gani_pass *pass, const gani_config *config) {
    return !pass->training && !(pass->statistics > 0) && config->track_running_stats;
}

/* With momentum 1 nothing is left of what was there, not even its rounding. */
static void move_running(const gani_kernels *kernels, double momentum, const gan_tensor *batch, gan_tensor *running) {
    if (momentum == 1)
        gani_tensor_copy_values(running, batch);
    else
        kernels->lerp(gani_count(running), momentum, batch->data, running->data);
    gani_tensor_touch(running);
}

/* The running variance is of the unbiased kind, as PyTorch's. */
void gani_update_running(gan_tape *tape, const gani_pass *pass, const gani_config *config, const gan_tensor *x,
                         gan_tensor *mean, gan_tensor *var, gan_tensor *running_mean, gan_tensor *running_var) {
    if (!config->track_running_stats || gani_failed(tape)) return;
    double momentum = pass->statistics > 0 ? pass->statistics : config->momentum;
    const gani_kernels *kernels = gani_kernels_for(tape->context, x->dtype);
    int64_t channels = gani_count(mean), count = gani_count(x) / channels;
    kernels->unary(GANI_UNARY_AFFINE, channels, var->data, var->data, (double)count / (double)(count - 1), 0);
    move_running(kernels, momentum, mean, running_mean);
    move_running(kernels, momentum, var, running_var);
}

static gan_tensor *batch_norm_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    if (gani_by_running(pass, &module->config))
        return gani_batch_norm_fixed(tape, inputs[0], tensor_of(module, WEIGHT), tensor_of(module, BIAS),
                                     tensor_of(module, RUNNING_MEAN), tensor_of(module, RUNNING_VAR),
                                     module->config.epsilon, pass->slope);
    gan_tensor *mean = NULL, *var = NULL;
    gan_tensor *y = gani_batch_norm(tape, inputs[0], tensor_of(module, WEIGHT), tensor_of(module, BIAS),
                                    module->config.epsilon, pass->slope, &mean, &var);
    gani_update_running(tape, pass, &module->config, inputs[0], mean, var, tensor_of(module, RUNNING_MEAN),
                        tensor_of(module, RUNNING_VAR));
    return y;
}

static double value_of(const gani_module *module, int32_t which, int64_t channel, double otherwise) {
    const gan_tensor *tensor = tensor_of(module, which);
    return tensor == NULL ? otherwise : gani_get_value(tensor, channel);
}

void gani_batch_norm_line(const gani_module *module, int64_t channel, double *scale, double *shift) {
    *scale =
        value_of(module, WEIGHT, channel, 1) / sqrt(value_of(module, RUNNING_VAR, channel, 1) + module->config.epsilon);
    *shift = value_of(module, BIAS, channel, 0) - value_of(module, RUNNING_MEAN, channel, 0) * *scale;
}

static const gani_field batch_norm_fields[] = {FIELD_NUMBER(momentum), FIELD_NUMBER(epsilon), FIELD_FLAG(affine),
                                               FIELD_FLAG(track_running_stats), FIELD_END};
const gani_module_type gani_type_batch_norm = {
    "batch_norm", 1, batch_norm_fields, batch_norm_infer, batch_norm_slots, batch_norm_forward, batch_norm_reset};

/* ---- each item on its own: the same in training and in evaluation ---- */

static gan_status item_norm_reset(gani_module *module) {
    for (int32_t i = 0; i < module->tensor_count; i++) gani_init_constant(module->tensors[i], i == WEIGHT ? 1 : 0);
    return GAN_OK;
}

static gan_status instance_norm_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                      gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank < 2)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s, not channels x height x width",
                           gani_shape_text(inputs[0], text));
    if (gan_shape_count(inputs[0]) == inputs[0].size[0])
        return gani_refuse(site, GAN_E_SHAPE,
                           "its input of shape %s has one value a channel, which normalisation would make 0; leave it "
                           "out here",
                           gani_shape_text(inputs[0], text));
    *output = inputs[0];
    return gani_check_epsilon(site, config);
}
static int32_t instance_norm_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    out[WEIGHT] = (gani_slot){"weight", gan_shape_1d(inputs[0].size[0]), 1};
    out[BIAS] = (gani_slot){"bias", gan_shape_1d(inputs[0].size[0]), 1};
    return config->affine ? 2 : 0;
}
static gan_tensor *instance_norm_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                         gan_tensor *const *inputs) {
    return gani_instance_norm(tape, inputs[0], module->tensors[WEIGHT], module->tensors[BIAS], module->config.epsilon,
                              pass->slope);
}

static gan_status layer_norm_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                   gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (gan_shape_count(inputs[0]) == 1)
        return gani_refuse(site, GAN_E_SHAPE,
                           "its input of shape %s has one value, which normalisation would make 0; leave it out here",
                           gani_shape_text(inputs[0], text));
    *output = inputs[0];
    return gani_check_epsilon(site, config);
}
static int32_t layer_norm_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    out[WEIGHT] = (gani_slot){"weight", inputs[0], 1};
    out[BIAS] = (gani_slot){"bias", inputs[0], 1};
    return config->affine ? 2 : 0;
}
static gan_tensor *layer_norm_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)pass;
    return gani_layer_norm(tape, inputs[0], module->tensors[WEIGHT], module->tensors[BIAS], module->config.epsilon);
}

static const gani_field item_norm_fields[] = {FIELD_NUMBER(epsilon), FIELD_FLAG(affine), FIELD_END};
const gani_module_type gani_type_instance_norm = {
    "instance_norm", 1, item_norm_fields, instance_norm_infer, instance_norm_slots, instance_norm_forward,
    item_norm_reset};
const gani_module_type gani_type_layer_norm = {
    "layer_norm", 1, item_norm_fields, layer_norm_infer, layer_norm_slots, layer_norm_forward, item_norm_reset};
