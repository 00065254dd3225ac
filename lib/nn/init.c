/* Initial values of whole networks, module after module, those of networks inside too, each once. */
#include "nn/types.h"

typedef gan_status set_module(gani_module *module, const void *rule);

static gan_status each_own(gan_layer *layer, set_module *set, const void *rule) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->module_count && status == GAN_OK; i++) status = set(&layer->modules[i], rule);
    return status;
}

static gan_status each(gan_layer *layer, set_module *set, const void *rule) {
    gan_status status = each_own(layer, set, rule);
    for (int32_t i = 0; i < layer->inner_count && status == GAN_OK; i++)
        status = each_own(layer->inner[i].network, set, rule);
    return status;
}

static gan_status set_default(gani_module *module, const void *rule) {
    (void)rule;
    return module->type->reset == NULL ? GAN_OK : module->type->reset(module);
}

gan_status gani_layer_init_own(gan_layer *layer) { return each_own(layer, set_default, NULL); }
gan_status gani_layer_init_default(gan_layer *layer) { return each(layer, set_default, NULL); }

static gan_status set_by_rule(gani_module *module, const void *rule) {
    return gani_has_weight(module) ? gani_weight_init(module, rule) : set_default(module, NULL);
}
gan_status gani_layer_init(gan_layer *layer, const gan_init_options *rule) { return each(layer, set_by_rule, rule); }

static gan_status set_dcgan(gani_module *module, const void *rule) {
    if (gani_has_weight(module) && module->type != &gani_type_embedding) return gani_weight_init(module, rule);
    gan_status status = set_default(module, NULL);
    if (module->type == &gani_type_batch_norm && module->config.affine) gani_init_normal(module->tensors[0], 1, 0.02);
    return status;
}
gan_status gani_layer_init_dcgan(gan_layer *layer) {
    const gan_init_options rule = {.kind = GAN_INIT_NORMAL, .deviation = 0.02};
    return each(layer, set_dcgan, &rule);
}
