/* Initial values of whole networks, tensor after tensor in the order of the layer's. */
#include "nn/types.h"

gan_status gani_layer_init_default(gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++)
        if (layer->modules[i].type->reset != NULL) layer->modules[i].type->reset(&layer->modules[i]);
    return GAN_OK;
}

/* Layers whose first tensor is a matrix or kernels, the second, if there is one, a bias. */
static int has_weight(const gani_module *module) { return module->type->reset == gani_reset_weight; }

gan_status gani_layer_init(gan_layer *layer, const gan_init_options *rule) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        gani_module *module = &layer->modules[i];
        if (has_weight(module)) {
            gan_status status = gani_init_tensor(module->tensors[0], rule);
            if (status != GAN_OK) return status;
            for (int32_t k = 1; k < module->tensor_count; k++) gani_init_constant(module->tensors[k], 0);
        } else if (module->type->reset != NULL) {
            module->type->reset(module);
        }
    }
    return GAN_OK;
}

gan_status gani_layer_init_dcgan(gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        gani_module *module = &layer->modules[i];
        if (has_weight(module)) {
            gani_init_normal(module->tensors[0], 0, 0.02);
            for (int32_t k = 1; k < module->tensor_count; k++) gani_init_constant(module->tensors[k], 0);
        } else if (module->type->reset != NULL) {
            module->type->reset(module);
            if (module->type == &gani_type_batch_norm && module->config.affine)
                gani_init_normal(module->tensors[0], 1, 0.02);
        }
    }
    return GAN_OK;
}
