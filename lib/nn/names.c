/* Names of a network's tensors, PyTorch's: "3.weight", "body.0.bias". A tensor that several layers share is listed
 * once, under the name of the layer it belongs to; its other names are aliases. */
#include "nn/layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gani_module_name(const gan_layer *layer, int32_t index, char name[GANI_NAME_SIZE]) {
    const gani_module *module = &layer->modules[index];
    if (module->prefix)
        snprintf(name, GANI_NAME_SIZE, "%s", module->label);
    else
        snprintf(name, GANI_NAME_SIZE, "%ld", (long)index);
}

int32_t gani_module_slots(const gan_layer *layer, const gani_module *module, gani_slot slots[GANI_MAX_MODULE_TENSORS]) {
    gan_shape inputs[GANI_MAX_MODULE_INPUTS];
    if (module->tensor_count == 0) return 0;
    for (int32_t i = 0; i < module->input_count; i++) inputs[i] = gani_point_shape(layer, module->inputs[i]);
    /* a type of the application's may want fewer than it did, whatever it has promised */
    for (int32_t i = 0; i < module->tensor_count; i++) slots[i] = (gani_slot){"", gan_shape_0d(), 0};
    module->type->slots(&module->config, inputs, slots);
    return module->tensor_count;
}

/* Which module a name "MODULE.REST" is about, by its position or its prefix, and REST; -1: none. No prefix is a number.
 */
static int32_t module_of(const gan_layer *layer, const char *name, const char **rest) {
    size_t length = strcspn(name, "."), digits = strspn(name, "0123456789");
    if (length == 0 || name[length] == '\0') return -1;
    *rest = name + length + 1;
    if (digits == length) {
        if (digits > 8 || (digits > 1 && name[0] == '0')) return -1;
        long index = strtol(name, NULL, 10);
        return index < layer->module_count && !layer->modules[index].prefix ? (int32_t)index : -1;
    }
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        if (module->prefix && strncmp(name, module->label, length) == 0 && module->label[length] == '\0') return i;
    }
    return -1;
}

int gani_layer_slot(const gan_layer *layer, const char *name, int32_t *module, int32_t *slot) {
    const char *rest;
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    *module = module_of(layer, name, &rest);
    int32_t count = *module < 0 ? 0 : gani_module_slots(layer, &layer->modules[*module], slots);
    for (*slot = 0; *slot < count; (*slot)++)
        if (strcmp(slots[*slot].name, rest) == 0) return 1;
    return 0;
}

gan_tensor *gani_module_find(const gan_layer *layer, const char *name, int32_t *is_parameter) {
    int32_t module, slot;
    if (gani_layer_slot(layer, name, &module, &slot)) {
        gani_slot slots[GANI_MAX_MODULE_TENSORS];
        gani_module_slots(layer, &layer->modules[module], slots);
        *is_parameter = slots[slot].is_parameter;
        return (layer->modules[module].tied >> slot & 1) ? NULL : layer->modules[module].tensors[slot];
    }
    const char *rest;
    int32_t index = module_of(layer, name, &rest);
    const gan_layer *network = index < 0 ? NULL : layer->modules[index].config.network;
    for (int32_t k = 0; network != NULL && k < network->tensor_count; k++) {
        if (strcmp(network->tensors[k].name, rest) != 0) continue;
        *is_parameter = network->tensors[k].is_parameter;
        return network->tensors[k].tensor;
    }
    return NULL;
}

/* ---- the lists ---- */

typedef struct lists {
    gan_layer *layer;
    gani_named *tensors;
    gani_layer_alias *aliases;
    int32_t tensor_count, alias_count;
    gan_status status;
} lists;

static int32_t index_of(const lists *l, const gan_tensor *tensor) {
    for (int32_t i = 0; i < l->tensor_count; i++)
        if (l->tensors[i].tensor == tensor) return i;
    return -1;
}

static char *full_name(lists *l, const char *module, const char *name) {
    gan_context *context = l->layer->context;
    size_t size = strlen(module) + strlen(name) + 2;
    if (size > GANI_TENSOR_NAME_SIZE) {
        l->status = gani_fail(context, GAN_E_LIMIT, "layer: the name '%s.%.60s...' is longer than %d characters",
                              module, name, GANI_TENSOR_NAME_SIZE - 1);
        return NULL;
    }
    char *text = gani_alloc(context, size);
    if (text == NULL)
        l->status = gani_no_memory(context, "layer");
    else
        snprintf(text, size, "%s.%s", module, name);
    return text;
}

static void add_tensor(lists *l, const char *module, const char *name, gan_tensor *tensor, int32_t is_parameter) {
    if (l->status != GAN_OK) return;
    char *full = full_name(l, module, name);
    if (full != NULL) l->tensors[l->tensor_count++] = (gani_named){full, tensor, is_parameter};
}

static void add_alias(lists *l, const char *module, const char *name, const gan_tensor *tensor) {
    if (l->status != GAN_OK) return;
    int32_t index = index_of(l, tensor);
    char *full = full_name(l, module, name);
    if (full != NULL && strcmp(l->tensors[index].name, full) == 0)
        gani_free(l->layer->context, full); /* it is the owner's name */
    else if (full != NULL)
        l->aliases[l->alias_count++] = (gani_layer_alias){full, index};
}

static void list_tensors(lists *l, int32_t index) {
    const gani_module *module = &l->layer->modules[index];
    const gan_layer *network = module->config.network;
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    char name[GANI_NAME_SIZE];
    gani_module_name(l->layer, index, name);
    int32_t count = gani_module_slots(l->layer, module, slots);
    for (int32_t k = 0; k < count; k++)
        if (!(module->tied >> k & 1)) add_tensor(l, name, slots[k].name, module->tensors[k], slots[k].is_parameter);
    for (int32_t k = 0; network != NULL && k < network->tensor_count; k++)
        if (index_of(l, network->tensors[k].tensor) < 0)
            add_tensor(l, name, network->tensors[k].name, network->tensors[k].tensor, network->tensors[k].is_parameter);
}

static void list_aliases(lists *l, int32_t index) {
    const gani_module *module = &l->layer->modules[index];
    const gan_layer *network = module->config.network;
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    char name[GANI_NAME_SIZE];
    gani_module_name(l->layer, index, name);
    int32_t count = gani_module_slots(l->layer, module, slots);
    for (int32_t k = 0; k < count; k++)
        if (module->tied >> k & 1) add_alias(l, name, slots[k].name, module->tensors[k]);
    if (network == NULL) return;
    for (int32_t k = 0; k < network->tensor_count; k++)
        add_alias(l, name, network->tensors[k].name, network->tensors[k].tensor);
    for (int32_t k = 0; k < network->alias_count; k++)
        add_alias(l, name, network->aliases[k].name, network->tensors[network->aliases[k].tensor].tensor);
}

static void drop_names(gan_context *context, gani_named *tensors, int32_t tensor_count, gani_layer_alias *aliases,
                       int32_t alias_count) {
    for (int32_t i = 0; i < tensor_count; i++) gani_free(context, tensors[i].name);
    for (int32_t i = 0; i < alias_count; i++) gani_free(context, aliases[i].name);
    gani_free(context, tensors);
    gani_free(context, aliases);
}

void gani_layer_drop_names(gan_layer *layer) {
    drop_names(layer->context, layer->tensors, layer->tensor_count, layer->aliases, layer->alias_count);
    layer->tensors = NULL;
    layer->aliases = NULL;
    layer->tensor_count = layer->alias_count = 0;
}

gan_status gani_layer_name(gan_layer *layer) {
    int64_t count = 0;
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gan_layer *network = layer->modules[i].config.network;
        count += layer->modules[i].tensor_count;
        if (network != NULL) count += network->tensor_count + network->alias_count;
    }
    if (count > GANI_MAX_NAMES)
        return gani_fail(layer->context, GAN_E_LIMIT, "layer: more than %d names of tensors", GANI_MAX_NAMES);
    lists l = {.layer = layer};
    if (count > 0) {
        l.tensors = gani_calloc(layer->context, (size_t)count, sizeof *l.tensors);
        l.aliases = gani_calloc(layer->context, (size_t)count, sizeof *l.aliases);
        if (l.tensors == NULL || l.aliases == NULL) l.status = gani_no_memory(layer->context, "layer");
    }
    for (int32_t i = 0; i < layer->module_count && l.status == GAN_OK; i++) list_tensors(&l, i);
    for (int32_t i = 0; i < layer->module_count && l.status == GAN_OK; i++) list_aliases(&l, i);
    if (l.status != GAN_OK) {
        drop_names(layer->context, l.tensors, l.tensor_count, l.aliases, l.alias_count);
        return l.status;
    }
    gani_layer_drop_names(layer);
    layer->tensors = l.tensors;
    layer->aliases = l.aliases;
    layer->tensor_count = l.tensor_count;
    layer->alias_count = l.alias_count;
    return GAN_OK;
}

/* ---- looking up ---- */

gan_tensor *gani_layer_find(const gan_layer *layer, const char *name) {
    for (int32_t i = 0; i < layer->tensor_count; i++)
        if (strcmp(layer->tensors[i].name, name) == 0) return layer->tensors[i].tensor;
    for (int32_t i = 0; i < layer->alias_count; i++)
        if (strcmp(layer->aliases[i].name, name) == 0) return layer->tensors[layer->aliases[i].tensor].tensor;
    return NULL;
}

int64_t gani_layer_parameter_count(const gan_layer *layer) {
    int64_t count = 0;
    for (int32_t i = 0; i < layer->tensor_count; i++)
        if (layer->tensors[i].is_parameter) count += gani_count(layer->tensors[i].tensor);
    return count;
}
