/* Initial values. Each tensor takes whole blocks of the init stream, in the order of the layer's tensors. */
#include <string.h>

#include "nn/types.h"

static uint64_t take(gan_context *context, int64_t count) {
    uint64_t index = context->position[GAN_STREAM_INIT];
    context->position[GAN_STREAM_INIT] += (uint64_t)(count + 3) / 4;
    return index;
}

void gani_init_normal(gan_tensor *tensor, double mean, double deviation) {
    uint64_t index = take(tensor->context, gani_count(tensor));
    gani_tensor_normal(tensor, tensor->context->seed, GAN_STREAM_INIT, index, mean, deviation);
}

void gani_init_uniform(gan_tensor *tensor, double low, double high) {
    uint64_t index = take(tensor->context, gani_count(tensor));
    gani_tensor_uniform(tensor, tensor->context->seed, GAN_STREAM_INIT, index, low, high);
}

gan_status gani_layer_init_default(gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++)
        if (layer->modules[i].type->reset != NULL) layer->modules[i].type->reset(&layer->modules[i]);
    return GAN_OK;
}

gan_status gani_layer_init_dcgan(gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        gani_module *module = &layer->modules[i];
        if (module->type == &gani_type_batch_norm) {
            module->type->reset(module);
            if (module->config.affine) gani_init_normal(module->tensors[0], 1, 0.02);
        } else if (module->type->reset == gani_reset_weight) {
            gani_init_normal(module->tensors[0], 0, 0.02);
            if (module->tensor_count > 1) {
                memset(module->tensors[1]->data, 0,
                       (size_t)gani_count(module->tensors[1]) * gan_dtype_size(layer->dtype));
                gani_tensor_touch(module->tensors[1]);
            }
        } else if (module->type->reset != NULL) {
            module->type->reset(module);
        }
    }
    return GAN_OK;
}
