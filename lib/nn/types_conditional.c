/* Batch normalisation whose gains and biases depend on a condition: rows of tables, or points of the network. */
#include "nn/types.h"

gan_shape gani_channel_column(const gan_tensor *x, int64_t items) {
    gan_shape column = x->shape;
    column.size[0] = items;
    for (int32_t i = 2; i < column.rank; i++) column.size[i] = 1;
    return column;
}

/* The normalised x, without gains and biases; running: mean and variance, or NULL if there are none. */
static gan_tensor *normalised(gan_tape *tape, const gani_pass *pass, const gani_config *config, gan_tensor *x,
                              gan_tensor *const *running) {
    if (gani_by_running(pass, config))
        return gani_batch_norm_fixed(tape, x, NULL, NULL, running[0], running[1], config->epsilon, GANI_NO_ACTIVATION);
    gan_tensor *mean = NULL, *var = NULL;
    gan_tensor *y = gani_batch_norm(tape, x, NULL, NULL, config->epsilon, GANI_NO_ACTIVATION, &mean, &var);
    gani_update_running(tape, pass, config, x, mean, var, running[0], running[1]);
    return y;
}

/* gain * y + bias, both of batch x channels */
static gan_tensor *modulated(gan_tape *tape, gan_tensor *y, gan_tensor *gain, gan_tensor *bias) {
    if (gani_failed(tape)) return &tape->inert;
    gan_shape column = gani_channel_column(y, y->shape.size[0]);
    gan_tensor *product = gani_mul(tape, y, gani_reshape(tape, gain, column));
    return gani_add(tape, product, gani_reshape(tape, bias, column));
}

/* running_mean and running_var at slots[count]; returns how many there are then. */
static int32_t running_slots(const gani_config *config, gan_shape input, gani_slot *slots, int32_t count) {
    if (!config->track_running_stats) return count;
    slots[count] = (gani_slot){"running_mean", gan_shape_1d(input.size[0]), 0};
    slots[count + 1] = (gani_slot){"running_var", gan_shape_1d(input.size[0]), 0};
    return count + 2;
}

/* ---- by class labels: tables ---- */

enum { WEIGHT, BIAS, TABLES };

static gan_status conditional_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                    gan_shape *output) {
    gan_status status = gani_check_two(site);
    if (status != GAN_OK) return status;
    if (site->limits[0] > 0) return gani_refuse(site, GAN_E_DTYPE, "its input holds indices (i32); it takes numbers");
    if (site->limits[1] == 0)
        return gani_refuse(site, GAN_E_DTYPE, "its labels are numbers; they must be an input of indices (i32)");
    if (inputs[1].rank != 0)
        return gani_refuse(site, GAN_E_SHAPE, "it needs one label an item, an input of indices of rank 0");
    if (config->count < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld classes: at least 1 is needed", (long long)config->count);
    if (site->limits[1] > config->count)
        return gani_refuse(site, GAN_E_ARGUMENT, "its labels go up to %lld, which %lld classes are too few for",
                           (long long)(site->limits[1] - 1), (long long)config->count);
    *output = inputs[0];
    return gani_batch_norm_check(site, config, inputs[0]);
}
static int32_t conditional_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    gan_shape table = gan_shape_2d(config->count, inputs[0].size[0]);
    slots[WEIGHT] = (gani_slot){"weight", table, 1};
    slots[BIAS] = (gani_slot){"bias", table, 1};
    return running_slots(config, inputs[0], slots, TABLES);
}
static gan_tensor *conditional_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                       gan_tensor *const *inputs) {
    gan_tensor *y = normalised(tape, pass, &module->config, inputs[0], module->tensors + TABLES);
    return modulated(tape, y, gani_take(tape, module->tensors[WEIGHT], 0, inputs[1]),
                     gani_take(tape, module->tensors[BIAS], 0, inputs[1]));
}
static gan_status conditional_reset(gani_module *module) {
    for (int32_t i = 0; i < module->tensor_count; i++) /* gains and running variances are 1 */
        gani_init_constant(module->tensors[i], i == WEIGHT || i == TABLES + 1 ? 1 : 0);
    return GAN_OK;
}
static const gani_field conditional_fields[] = {FIELD_INT(count), FIELD_NUMBER(momentum), FIELD_NUMBER(epsilon),
                                                FIELD_FLAG(track_running_stats), FIELD_END};
const gani_module_type gani_type_conditional_batch_norm = {
    "conditional_batch_norm", GANI_OWN_INPUTS,     conditional_fields, conditional_infer,
    conditional_slots,        conditional_forward, conditional_reset};

/* ---- by points of the network: (1 + gain) * normalised + bias ---- */

static gan_status modulated_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                  gan_shape *output) {
    char text[GANI_SHAPE_TEXT], other[GANI_SHAPE_TEXT];
    if (site->count != 3)
        return gani_refuse(site, GAN_E_ARGUMENT, "it has %d inputs, not an input, gains and biases", (int)site->count);
    gan_status status = gani_batch_norm_check(site, config, inputs[0]);
    for (int32_t i = 1; i < 3 && status == GAN_OK; i++)
        if (!gan_shape_equal(inputs[i], gan_shape_1d(inputs[0].size[0])))
            status = gani_refuse(site, GAN_E_SHAPE, "its %s have shape %s; its input of shape %s needs one a channel",
                                 i == 1 ? "gains" : "biases", gani_shape_text(inputs[i], text),
                                 gani_shape_text(inputs[0], other));
    *output = inputs[0];
    return status;
}
static int32_t modulated_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    return running_slots(config, inputs[0], slots, 0);
}
static gan_tensor *modulated_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                     gan_tensor *const *inputs) {
    gan_tensor *y = normalised(tape, pass, &module->config, inputs[0], module->tensors);
    return modulated(tape, y, gani_add_scalar(tape, inputs[1], 1), inputs[2]);
}
static gan_status modulated_reset(gani_module *module) {
    for (int32_t i = 0; i < module->tensor_count; i++) gani_init_constant(module->tensors[i], i);
    return GAN_OK;
}
static const gani_field modulated_fields[] = {FIELD_NUMBER(momentum), FIELD_NUMBER(epsilon),
                                              FIELD_FLAG(track_running_stats), FIELD_END};
const gani_module_type gani_type_modulated_batch_norm = {"modulated_batch_norm", GANI_MANY_INPUTS, modulated_fields,
                                                         modulated_infer,        modulated_slots,  modulated_forward,
                                                         modulated_reset};
