/* Layers that bring conditions to where they are used: indices to vectors, vectors to images, parts and products of
 * vectors. */
#include "nn/types.h"

/* ---- indices ---- */

static gan_status one_hot_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (config->count < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld classes: at least 1 is needed", (long long)config->count);
    if (site->limits[0] > config->count)
        return gani_refuse(site, GAN_E_ARGUMENT, "its indices go up to %lld, which %lld classes are too few for",
                           (long long)(site->limits[0] - 1), (long long)config->count);
    if (inputs[0].rank + 2 > GAN_MAX_RANK)
        return gani_refuse(site, GAN_E_SHAPE, "its input of shape %s has too many axes for one more",
                           gani_shape_text(inputs[0], text));
    *output = inputs[0];
    output->size[output->rank++] = config->count;
    return GAN_OK;
}
static gan_tensor *one_hot_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    return gani_one_hot(tape, pass->dtype, inputs[0], module->config.count);
}
static const gani_field one_hot_fields[] = {FIELD_INT(count), FIELD_END};
const gani_module_type gani_type_one_hot = {
    "one_hot", GANI_INDEX_INPUT, one_hot_fields, one_hot_infer, NULL, one_hot_forward, NULL};

/* ---- vectors ---- */

static gan_status replicate_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                  gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank != 1)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s, and is no vector",
                           gani_shape_text(inputs[0], text));
    if (config->height < 1 || config->width < 1 || config->height > GANI_MAX_MAP || config->width > GANI_MAX_MAP)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld x %lld pixels: each must be 1 to 2147483648",
                           (long long)config->height, (long long)config->width);
    *output = gan_shape_3d(inputs[0].size[0], config->height, config->width);
    return GAN_OK;
}
static gan_tensor *replicate_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                     gan_tensor *const *inputs) {
    (void)pass;
    int64_t n = inputs[0]->shape.size[0];
    gan_tensor *pixel = gani_reshape(tape, inputs[0], gan_shape_4d(n, inputs[0]->shape.size[1], 1, 1));
    return gani_broadcast(tape, pixel, gani_with_batch(module->output, n));
}
static const gani_field replicate_fields[] = {FIELD_INT(height), FIELD_INT(width), FIELD_END};
const gani_module_type gani_type_replicate = {
    "replicate", GANI_ONE_INPUT, replicate_fields, replicate_infer, NULL, replicate_forward, NULL};

static gan_status slice_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank < 1)
        return gani_refuse(site, GAN_E_SHAPE, "its input is a scalar, which has no axis to take a part of");
    int64_t size = inputs[0].size[0];
    if (config->start < 0 || config->count < 1 || config->start > size || config->count > size - config->start)
        return gani_refuse(site, GAN_E_SHAPE, "its input of shape %s has no %lld elements from %lld on",
                           gani_shape_text(inputs[0], text), (long long)config->count, (long long)config->start);
    *output = inputs[0];
    output->size[0] = config->count;
    return GAN_OK;
}
static gan_tensor *slice_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                 gan_tensor *const *inputs) {
    (void)pass;
    return gani_slice(tape, inputs[0], 1, module->config.start, module->config.count);
}
static const gani_field slice_fields[] = {FIELD_INT(start), FIELD_INT(count), FIELD_END};
const gani_module_type gani_type_slice = {"slice", GANI_ONE_INPUT, slice_fields, slice_infer,
                                          NULL,    slice_forward,  NULL};

static gan_status inner_product_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                      gan_shape *output) {
    gan_status status = gani_check_two(site);
    if (status == GAN_OK) status = gani_equal_infer(site, config, inputs, output);
    *output = gan_shape_1d(1);
    return status;
}
static gan_tensor *inner_product_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                         gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    gan_tensor *product = gani_mul(tape, inputs[0], inputs[1]);
    uint32_t axes = ((1u << product->shape.rank) - 1u) & ~1u;
    gan_tensor *sum = gani_sum_axes(tape, product, axes, 0);
    return gani_reshape(tape, sum, gan_shape_2d(inputs[0]->shape.size[0], 1));
}
const gani_module_type gani_type_inner_product = {
    "inner_product", GANI_MANY_INPUTS, gani_no_fields, inner_product_infer, NULL, inner_product_forward, NULL};

/* ---- images ---- */

static gan_status global_sum_pool_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                        gan_shape *output) {
    (void)config;
    *output = gan_shape_1d(inputs[0].size[0]);
    return gani_check_image(site, inputs[0]);
}
static gan_tensor *global_sum_pool_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                           gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_sum_axes(tape, inputs[0], 0xCu, 0);
}
const gani_module_type gani_type_global_sum_pool = {
    "global_sum_pool", GANI_ONE_INPUT, gani_no_fields, global_sum_pool_infer, NULL, global_sum_pool_forward, NULL};
