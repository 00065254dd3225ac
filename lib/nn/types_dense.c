/* The linear layer, and its relative for indices. */
#include "nn/types.h"

static gan_status linear_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank != 1)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s; flatten it first",
                           gani_shape_text(inputs[0], text));
    if (config->outputs < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld outputs: at least 1 is needed", (long long)config->outputs);
    *output = gan_shape_1d(config->outputs);
    return gani_weight_check(site, config, gan_shape_2d(config->outputs, inputs[0].size[0]), 0);
}
static int32_t linear_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    return gani_weight_slots(config, gan_shape_2d(config->outputs, inputs[0].size[0]), 0, config->bias, slots);
}
static gan_tensor *linear_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                  gan_tensor *const *inputs) {
    gani_weight w = gani_weight_of(tape, pass, module);
    return gani_weight_used(tape, w, gani_linear(tape, inputs[0], w.weight, w.bias));
}
static const gani_field linear_fields[] = {FIELD_INT(outputs), FIELD_FLAG(bias), WEIGHT_FIELDS, FIELD_END};
const gani_module_type gani_type_linear = {
    "linear", 1, linear_fields, linear_infer, linear_slots, linear_forward, gani_weight_reset};

/* ---- embedding ---- */

static gan_status embedding_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                  gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (config->count < 1 || config->size < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "a table of %lld x %lld: at least 1 x 1 is needed",
                           (long long)config->count, (long long)config->size);
    if (site->limits[0] > config->count)
        return gani_refuse(site, GAN_E_ARGUMENT, "its indices go up to %lld, which %lld rows are too few for",
                           (long long)(site->limits[0] - 1), (long long)config->count);
    if (inputs[0].rank + 2 > GAN_MAX_RANK)
        return gani_refuse(site, GAN_E_SHAPE, "its input of shape %s has too many axes for one more",
                           gani_shape_text(inputs[0], text));
    *output = inputs[0];
    output->size[output->rank++] = config->size;
    return gani_weight_check(site, config, gan_shape_2d(config->count, config->size), 0);
}
static int32_t embedding_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    (void)inputs;
    return gani_weight_slots(config, gan_shape_2d(config->count, config->size), 0, 0, slots);
}
static gan_tensor *embedding_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                     gan_tensor *const *inputs) {
    gani_weight w = gani_weight_of(tape, pass, module);
    return gani_weight_used(tape, w, gani_take(tape, w.weight, 0, inputs[0]));
}
static const gani_field embedding_fields[] = {FIELD_INT(count), FIELD_INT(size), WEIGHT_FIELDS, FIELD_END};
const gani_module_type gani_type_embedding = {"embedding",     GANI_INDEX_INPUT,  embedding_fields, embedding_infer,
                                              embedding_slots, embedding_forward, gani_weight_reset};
