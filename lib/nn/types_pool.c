/* Layers that change the resolution. */
#include "nn/types.h"

static gan_status global_avg_pool_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                        gan_shape *output) {
    (void)config;
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank != 3)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s, not channels x height x width",
                           gani_shape_text(inputs[0], text));
    *output = gan_shape_1d(inputs[0].size[0]);
    return GAN_OK;
}
static gan_tensor *global_avg_pool_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                           gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_mean_axes(tape, inputs[0], 0xCu, 0);
}
const gani_module_type gani_type_global_avg_pool = {
    "global_avg_pool", 1, gani_no_fields, global_avg_pool_infer, NULL, global_avg_pool_forward, NULL};
