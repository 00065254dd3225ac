/* All types of modules, and what several of them share. */
#include "nn/types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

gan_status gani_refuse(gani_site *site, gan_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(site->message, sizeof site->message, format, arguments) < 0) site->message[0] = '\0';
    va_end(arguments);
    return status;
}

gan_status gani_infer(gani_site *site, const gani_module_type *type, const gani_config *config, const gan_shape *inputs,
                      gan_shape *output) {
    if (type->takes == GANI_OWN_INPUTS) return type->infer(site, config, inputs, output);
    int many = type->takes == GANI_MANY_INPUTS || type->takes == GANI_SPARE_INPUTS;
    int32_t low = many ? 2 : 1, high = many ? GANI_MAX_MODULE_INPUTS : 1;
    if (site->count < low || site->count > high)
        return gani_refuse(site, GAN_E_ARGUMENT, "it has %d inputs, %d to %d are possible", (int)site->count, (int)low,
                           (int)high);
    for (int32_t i = 0; i < site->count; i++) {
        if (site->limits[i] > 0 && type->takes != GANI_INDEX_INPUT)
            return gani_refuse(site, GAN_E_DTYPE, "its input holds indices (i32); it takes numbers");
        if (site->limits[i] == 0 && type->takes == GANI_INDEX_INPUT)
            return gani_refuse(site, GAN_E_DTYPE, "its input holds numbers; it takes indices (i32)");
    }
    return type->infer(site, config, inputs, output);
}

const gani_field gani_no_fields[] = {FIELD_END};

gan_status gani_refuse_number(gani_site *site, const char *name, double value, const char *range) {
    return gani_refuse(site, GAN_E_ARGUMENT, "its %s is %g; it must be %s", name, value, range);
}

gan_status gani_check_epsilon(gani_site *site, const gani_config *config) {
    if (config->epsilon > 0 && isfinite(config->epsilon)) return GAN_OK;
    return gani_refuse_number(site, "epsilon", config->epsilon, "above 0, and finite");
}

gan_status gani_check_two(gani_site *site) {
    return site->count == 2 ? GAN_OK : gani_refuse(site, GAN_E_ARGUMENT, "it has %d inputs, not 2", (int)site->count);
}

gan_status gani_check_image(gani_site *site, gan_shape input) {
    char text[GANI_SHAPE_TEXT];
    if (input.rank == 3) return GAN_OK;
    return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s, not channels x height x width",
                       gani_shape_text(input, text));
}

gan_status gani_same_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    (void)site;
    (void)config;
    *output = inputs[0];
    return GAN_OK;
}

gan_status gani_equal_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    (void)config;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    for (int32_t i = 1; i < site->count; i++)
        if (!gan_shape_equal(inputs[0], inputs[i]))
            return gani_refuse(site, GAN_E_SHAPE, "its inputs have shapes %s and %s; they must be equal",
                               gani_shape_text(inputs[0], a), gani_shape_text(inputs[i], b));
    *output = inputs[0];
    return GAN_OK;
}

gan_shape gani_with_batch(gan_shape item, int64_t batch) {
    gan_shape shape = gan_shape_1d(batch);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return shape;
}

const gani_module_type *const gani_module_types[] = {
    &gani_type_linear,
    &gani_type_embedding,
    &gani_type_conv2d,
    &gani_type_conv_transpose2d,
    &gani_type_batch_norm,
    &gani_type_instance_norm,
    &gani_type_layer_norm,
    &gani_type_relu,
    &gani_type_leaky_relu,
    &gani_type_tanh,
    &gani_type_sigmoid,
    &gani_type_softplus,
    &gani_type_elu,
    &gani_type_prelu,
    &gani_type_softmax,
    &gani_type_log_softmax,
    &gani_type_maxout,
    &gani_type_dropout,
    &gani_type_reshape,
    &gani_type_flatten,
    &gani_type_pad2d,
    &gani_type_upsample,
    &gani_type_avg_pool2d,
    &gani_type_max_pool2d,
    &gani_type_global_avg_pool,
    &gani_type_sum,
    &gani_type_product,
    &gani_type_concat,
    /* style-based networks and what they grew out of */
    &gani_type_pixel_norm,
    &gani_type_minibatch_std,
    &gani_type_adaptive_instance_norm,
    &gani_type_constant,
    &gani_type_truncation,
    &gani_type_fade,
    &gani_type_noise_injection,
    &gani_type_gaussian_noise,
    &gani_type_blur,
    &gani_type_upsample_conv2d,
    &gani_type_conv2d_downsample,

    /* conditions and batches as a whole */
    &gani_type_conditional_batch_norm,
    &gani_type_modulated_batch_norm,
    &gani_type_virtual_batch_norm,
    &gani_type_minibatch_discrimination,
    &gani_type_one_hot,
    &gani_type_replicate,
    &gani_type_slice,
    &gani_type_inner_product,
    &gani_type_global_sum_pool,
    /* attention */
    &gani_type_attention,
    &gani_type_scale,
    /* pixel networks */
    &gani_type_masked_conv2d,
    &gani_type_row_lstm,
    &gani_type_diagonal_bilstm,
    NULL,
};

const gani_module_type *gani_module_type_find(const char *name) {
    for (const gani_module_type *const *type = gani_module_types; *type != NULL; type++)
        if (strcmp((*type)->name, name) == 0) return *type;
    return NULL;
}
