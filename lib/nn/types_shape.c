/* Layers that arrange elements anew. */
#include "nn/types.h"

static gan_tensor *reshape_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)pass;
    return gani_reshape(tape, inputs[0], gani_with_batch(module->output, inputs[0]->shape.size[0]));
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

/* ---- edges ---- */

static gan_status pad2d_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    gan_status status = gani_check_image(site, inputs[0]);
    if (status != GAN_OK) return status;
    if (config->mode < GAN_PAD_ZERO || config->mode > GAN_PAD_REPLICATE)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "mode %lld is none of GAN_PAD_ZERO, GAN_PAD_REFLECT, GAN_PAD_REPLICATE",
                           (long long)config->mode);
    const int64_t sides[] = {config->left, config->right, config->top, config->bottom};
    for (int i = 0; i < 4; i++) {
        int64_t size = inputs[0].size[i < 2 ? 2 : 1];
        if (sides[i] < 0 || sides[i] > GANI_MAX_WINDOW)
            return gani_refuse(site, GAN_E_ARGUMENT, "a padding of %lld is not in 0 to %d", (long long)sides[i],
                               GANI_MAX_WINDOW);
        if (config->mode == GAN_PAD_REFLECT && sides[i] >= size)
            return gani_refuse(site, GAN_E_SHAPE,
                               "its input of shape %s can be reflected by %lld at most there, not %lld",
                               gani_shape_text(inputs[0], text), (long long)(size - 1), (long long)sides[i]);
    }
    int64_t height, width;
    if (!gani_add_i64(inputs[0].size[1], config->top + config->bottom, &height) ||
        !gani_add_i64(inputs[0].size[2], config->left + config->right, &width))
        return gani_refuse(site, GAN_E_LIMIT, "its input of shape %s is too large", gani_shape_text(inputs[0], text));
    *output = gan_shape_3d(inputs[0].size[0], height, width);
    return GAN_OK;
}
static gan_tensor *pad2d_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                 gan_tensor *const *inputs) {
    (void)pass;
    const gani_config *config = &module->config;
    gan_pad_mode mode = (gan_pad_mode)config->mode;
    gan_tensor *rows = gani_pad(tape, inputs[0], 2, config->top, config->bottom, mode);
    return gani_pad(tape, rows, 3, config->left, config->right, mode);
}
static const gani_field pad2d_fields[] = {FIELD_INT(left),   FIELD_INT(right), FIELD_INT(top),
                                          FIELD_INT(bottom), FIELD_INT(mode),  FIELD_END};
const gani_module_type gani_type_pad2d = {"pad2d", 1, pad2d_fields, pad2d_infer, NULL, pad2d_forward, NULL};
