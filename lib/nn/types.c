/* All types of modules, and what several of them share. */
#include "nn/types.h"

#include <string.h>

const gani_field gani_no_fields[] = {FIELD_END};

gan_status gani_same_infer(gan_context *context, const gani_config *config, const gan_shape *inputs,
                           gan_shape *output) {
    (void)context;
    (void)config;
    *output = inputs[0];
    return GAN_OK;
}

const gani_module_type *const gani_module_types[] = {
    &gani_type_linear,     &gani_type_conv2d,          &gani_type_conv_transpose2d,
    &gani_type_batch_norm, &gani_type_instance_norm,   &gani_type_layer_norm,
    &gani_type_relu,       &gani_type_leaky_relu,      &gani_type_tanh,
    &gani_type_sigmoid,    &gani_type_softplus,        &gani_type_reshape,
    &gani_type_flatten,    &gani_type_global_avg_pool, &gani_type_sum,
    &gani_type_product,    &gani_type_concat,          NULL,
};

const gani_module_type *gani_module_type_find(const char *name) {
    for (const gani_module_type *const *type = gani_module_types; *type != NULL; type++)
        if (strcmp((*type)->name, name) == 0) return *type;
    return NULL;
}
