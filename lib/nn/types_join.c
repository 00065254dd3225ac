/* Layers of several inputs. */
#include "nn/types.h"

static gan_tensor *sum_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                               gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *y = gani_add_over(tape, inputs[0], inputs[1]);
    for (int32_t i = 2; i < module->input_count; i++) y = gani_add_over(tape, y, inputs[i]);
    return y;
}
static gan_tensor *product_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *y = gani_mul_over(tape, inputs[0], inputs[1]);
    for (int32_t i = 2; i < module->input_count; i++) y = gani_mul_over(tape, y, inputs[i]);
    return y;
}
static gan_status concat_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    (void)config;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    gan_shape joined = inputs[0];
    for (int32_t i = 1; i < site->count; i++) {
        gan_shape other = inputs[i];
        int64_t channels;
        if (other.rank == joined.rank && other.rank > 0) other.size[0] = joined.size[0];
        if (joined.rank == 0 || !gan_shape_equal(other, joined) ||
            !gani_add_i64(joined.size[0], inputs[i].size[0], &channels))
            return gani_refuse(site, GAN_E_SHAPE,
                               "its inputs have shapes %s and %s; they may differ in the first size only",
                               gani_shape_text(inputs[0], a), gani_shape_text(inputs[i], b));
        joined.size[0] = channels;
    }
    *output = joined;
    return GAN_OK;
}
static gan_tensor *concat_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                  gan_tensor *const *inputs) {
    (void)pass;
    return gani_concat(tape, inputs, module->input_count, 1);
}
const gani_module_type gani_type_sum = {"sum", GANI_SPARE_INPUTS, gani_no_fields, gani_equal_infer, NULL, sum_forward,
                                        NULL};
const gani_module_type gani_type_product = {
    "product", GANI_SPARE_INPUTS, gani_no_fields, gani_equal_infer, NULL, product_forward, NULL};
const gani_module_type gani_type_concat = {
    "concat", GANI_MANY_INPUTS, gani_no_fields, concat_infer, NULL, concat_forward, NULL};
