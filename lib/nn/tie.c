/* What can be changed in a finished network: which tensors are one, and which are trained. */
#include "nn/layer.h"

#include <string.h>

static gan_status check_tie(const gan_layer *layer, const char *name, const char *owner, int32_t *module,
                            int32_t *slot) {
    gan_context *context = layer->context;
    if (layer->sealed)
        return gani_fail(context, GAN_E_STATE,
                         "gan_layer_tie: the layer is part of another, or an optimizer or an average was made of it: "
                         "tie first");
    if (!gani_layer_slot(layer, name, module, slot))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_layer_tie: %s '%.150s'",
                         gani_layer_find(layer, name) == NULL ? "there is no parameter"
                                                              : "a network inside has the parameter; tie there, not",
                         name);
    const gan_tensor *from = layer->modules[*module].tensors[*slot], *to = gani_layer_find(layer, owner);
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (to == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_layer_tie: there is no parameter '%.150s'", owner);
    if (!gan_shape_equal(from->shape, to->shape))
        return gani_fail(context, GAN_E_SHAPE, "gan_layer_tie: '%.100s' has shape %s, '%.100s' %s", name,
                         gani_shape_text(from->shape, a), owner, gani_shape_text(to->shape, b));
    for (int32_t i = 0; i < layer->tensor_count; i++)
        if (!layer->tensors[i].is_parameter && (layer->tensors[i].tensor == from || layer->tensors[i].tensor == to))
            return gani_fail(context, GAN_E_ARGUMENT,
                             "gan_layer_tie: '%.150s' is not trained: only parameters can be "
                             "tied",
                             layer->tensors[i].name);
    return GAN_OK;
}

static void put(gan_layer *layer, int32_t module, int32_t slot, gan_tensor *to) {
    gan_tensor **place = &layer->modules[module].tensors[slot];
    gani_tensor_drop(*place);
    *place = gan_tensor_retain(to);
}

/* A tensor that goes: its name becomes an alias of another, as do those that were its aliases. There is room: a name is
 * in one of two lists that can each hold all. */
static void merge_names(gan_layer *layer, int32_t from, int32_t to) {
    gani_layer_alias own = {layer->tensors[from].name, to};
    memmove(&layer->tensors[from], &layer->tensors[from + 1],
            (size_t)(--layer->tensor_count - from) * sizeof *layer->tensors);
    layer->aliases[layer->alias_count++] = own;
    for (int32_t i = 0; i < layer->alias_count; i++) {
        int32_t *index = &layer->aliases[i].tensor;
        if (*index == from) *index = to;
        if (*index > from) --*index;
    }
}

/* Cannot fail half-way: everything has its room already. */
gan_status gani_layer_tie(gan_layer *layer, const char *name, const char *owner) {
    int32_t m = 0, k = 0;
    gan_status status = check_tie(layer, name, owner, &m, &k);
    if (status != GAN_OK) return status;
    gan_tensor *from = layer->modules[m].tensors[k], *to = gani_layer_find(layer, owner);
    if (from == to) return GAN_OK;
    int32_t to_index = gani_layer_index_of(layer, to);
    if (layer->modules[m].tied >> k & 1) { /* leaves its owner for another */
        for (int32_t i = 0; i < layer->alias_count; i++)
            if (strcmp(layer->aliases[i].name, name) == 0) layer->aliases[i].tensor = to_index;
        put(layer, m, k, to);
        return GAN_OK;
    }
    merge_names(layer, gani_layer_index_of(layer, from), to_index);
    layer->modules[m].tied |= 1u << k;
    gan_tensor_retain(from); /* until all who have it have the other */
    for (int32_t i = 0; i < layer->module_count; i++)
        for (int32_t j = 0; j < layer->modules[i].tensor_count; j++)
            if (layer->modules[i].tensors[j] == from) put(layer, i, j, to);
    gani_tensor_drop(from);
    return GAN_OK;
}

/* ---- training parts ---- */

gan_status gani_layer_set_trainable(gan_layer *layer, const char *prefix, int32_t trainable) {
    int32_t found = prefix == NULL;
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        if (!gani_name_begins(layer->tensors[i].name, prefix)) continue;
        if (layer->tensors[i].is_parameter) layer->tensors[i].tensor->tracked = trainable;
        found = 1;
    }
    for (int32_t i = 0; i < layer->alias_count; i++) {
        const gani_named *named = &layer->tensors[layer->aliases[i].tensor];
        if (!gani_name_begins(layer->aliases[i].name, prefix)) continue;
        if (named->is_parameter) named->tensor->tracked = trainable;
        found = 1;
    }
    if (found) return GAN_OK;
    return gani_fail(layer->context, GAN_E_ARGUMENT, "gan_layer_set_trainable: no tensor's name begins with '%.150s'",
                     prefix);
}
