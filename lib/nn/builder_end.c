/* Ending a builder: what a finished network knows of itself. */
#include "nn/builder.h"

#include <stdio.h>
#include <string.h>

static void check_splits(gan_builder *builder) {
    if (builder->split_count == 0) return;
    const gani_split *split = &builder->splits[builder->split_count - 1];
    gani_builder_fail(builder, GAN_E_STATE, "builder: the split before layer %ld was not joined",
                      (long)split->position);
}

static void default_output(gan_builder *builder) {
    if (!gani_builder_failed(builder) && builder->layer->output_count == 0) gani_builder_output(builder, "output");
}

static void find_readers(gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++)
        for (int32_t k = 0; k < layer->modules[i].input_count; k++)
            if (layer->modules[i].inputs[k] >= 0) layer->results[layer->modules[i].inputs[k]].last_reader = i;
    for (int32_t i = 0; i < layer->output_count; i++)
        if (layer->outputs[i].point >= 0) layer->results[layer->outputs[i].point].last_reader = layer->module_count;
}

static void resolve_tie(gan_builder *builder, const gani_tie *tie) {
    gan_layer *layer = builder->layer;
    if (tie->module < 0) {
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is no tensor '%.150s' to tie", tie->name);
        return;
    }
    gani_module *module = &layer->modules[tie->module];
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    gani_module_slots(layer, module, slots);
    int32_t is_parameter = 0;
    gan_tensor *owner = gani_module_find(layer, tie->owner, &is_parameter);
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (owner == NULL)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is no tensor '%.150s' of its own to tie '%.150s' to",
                          tie->owner, tie->name);
    else if (!is_parameter || !slots[tie->slot].is_parameter)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: '%.150s' is not trained: only parameters can be tied",
                          is_parameter ? tie->name : tie->owner);
    else if (!gan_shape_equal(owner->shape, slots[tie->slot].shape))
        gani_builder_fail(builder, GAN_E_SHAPE, "builder: '%.100s' of shape %s cannot be '%.100s' of shape %s",
                          tie->name, gani_shape_text(slots[tie->slot].shape, a), tie->owner,
                          gani_shape_text(owner->shape, b));
    else
        module->tensors[tie->slot] = gan_tensor_retain(owner);
}

/* ---- the networks inside ---- */

static gan_status add_inner(gan_layer *layer, gan_layer *network, const char *outer, const char *name) {
    for (int32_t i = 0; i < layer->inner_count; i++)
        if (layer->inner[i].network == network) return GAN_OK;
    size_t size = strlen(outer) + strlen(name) + 2;
    if (size > GANI_TENSOR_NAME_SIZE)
        return gani_fail(layer->context, GAN_E_LIMIT, "builder: the name of a network inside '%.60s' is too long",
                         outer);
    char *path = gani_alloc(layer->context, size);
    if (path == NULL) return gani_no_memory(layer->context, "builder");
    snprintf(path, size, "%s%s%s", outer, outer[0] == '\0' ? "" : ".", name);
    layer->inner[layer->inner_count++] = (gani_inner){network, path};
    return GAN_OK;
}

gan_status gani_layer_list_inner(gan_layer *layer) {
    size_t count = 0;
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gan_layer *network = layer->modules[i].config.network;
        if (network != NULL) count += 1 + (size_t)network->inner_count;
    }
    if (count == 0) return GAN_OK;
    layer->inner = gani_calloc(layer->context, count, sizeof *layer->inner);
    if (layer->inner == NULL) return gani_no_memory(layer->context, "builder");
    for (int32_t i = 0; i < layer->module_count && status == GAN_OK; i++) {
        gan_layer *network = layer->modules[i].config.network;
        char name[GANI_NAME_SIZE];
        if (network == NULL) continue;
        gani_module_name(layer, i, name);
        status = add_inner(layer, network, "", name);
        for (int32_t k = 0; k < network->inner_count && status == GAN_OK; k++)
            status = add_inner(layer, network->inner[k].network, name, network->inner[k].path);
    }
    return status;
}

/* ---- the end ---- */

static gan_status finish(gan_builder *builder, int32_t initialise) {
    gan_layer *layer = builder->layer;
    check_splits(builder);
    default_output(builder);
    for (int32_t i = 0; i < builder->tie_count && !gani_builder_failed(builder); i++)
        resolve_tie(builder, &builder->ties[i]);
    if (gani_builder_failed(builder)) return gani_fail(layer->context, builder->status, "%s", builder->message);
    find_readers(layer);
    gan_status status = gani_layer_list_inner(layer);
    if (status == GAN_OK) status = gani_layer_name(layer);
    return status == GAN_OK && initialise ? gani_layer_init_own(layer) : status;
}

gan_status gani_builder_end(gan_layer **out, gan_builder *builder, int32_t initialise) {
    if (out != NULL) *out = NULL;
    if (builder->layer == NULL) return builder->status;
    gan_layer *layer = builder->layer;
    gan_context *context = gani_context_retain(layer->context);
    if (out == NULL) gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is nowhere to put the layer");
    gan_status status = finish(builder, initialise);
    for (int32_t i = 0; i < builder->tie_count; i++) {
        gani_free(context, builder->ties[i].name);
        gani_free(context, builder->ties[i].owner);
    }
    gani_free(context, builder->ties);
    gani_free(context, builder);
    for (int32_t i = 0; i < layer->inner_count && status == GAN_OK; i++) layer->inner[i].network->sealed = 1;
    if (status == GAN_OK)
        *out = layer;
    else
        gani_layer_drop(layer);
    gan_context_release(context);
    return status;
}
