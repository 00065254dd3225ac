/* Layers of two inputs. */
#include "nn/types.h"

static gan_status equal_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
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
static gan_tensor *product_forward(gan_tape *tape, const gan_layer *layer, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)layer;
    (void)module;
    return gani_mul(tape, inputs[0], inputs[1]);
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
const gani_module_type gani_type_sum = {"sum", 2, gani_no_fields, equal_infer, NULL, sum_forward, NULL};
const gani_module_type gani_type_product = {"product", 2, gani_no_fields, equal_infer, NULL, product_forward, NULL};
const gani_module_type gani_type_concat = {"concat", 2, gani_no_fields, concat_infer, NULL, concat_forward, NULL};
