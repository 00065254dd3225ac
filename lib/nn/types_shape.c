/* Layers that arrange elements anew. */
#include "nn/types.h"

static gan_shape with_batch(gan_shape item, int64_t batch) {
    gan_shape shape = gan_shape_1d(batch);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return shape;
}
static gan_tensor *reshape_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)pass;
    return gani_reshape(tape, inputs[0], with_batch(module->output, inputs[0]->shape.size[0]));
}
static gan_status reshape_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    char from[GANI_SHAPE_TEXT], to[GANI_SHAPE_TEXT];
    if (config->shape.rank >= GAN_MAX_RANK || gan_shape_count(config->shape) != gan_shape_count(inputs[0]))
        return gani_refuse(site, GAN_E_SHAPE, "shape %s does not hold the elements of its input of shape %s",
                           gani_shape_text(config->shape, to), gani_shape_text(inputs[0], from));
    *output = config->shape;
    return GAN_OK;
}
static gan_status flatten_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    (void)site;
    (void)config;
    *output = gan_shape_1d(gan_shape_count(inputs[0]));
    return GAN_OK;
}
static const gani_field reshape_fields[] = {FIELD_SHAPE(shape), FIELD_END};
const gani_module_type gani_type_reshape = {"reshape", 1, reshape_fields, reshape_infer, NULL, reshape_forward, NULL};
const gani_module_type gani_type_flatten = {"flatten", 1, gani_no_fields, flatten_infer, NULL, reshape_forward, NULL};
