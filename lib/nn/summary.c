/* A network as a table. */
#include "nn/weight.h"

#include <stdio.h>
#include <string.h>

typedef struct table {
    const gan_layer *layer;
    char *buffer;
    size_t size;
    int64_t used;
    int width; /* of the column of types */
} table;

/* snprintf that counts what it could not write */
static void append(table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(table *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t at = (uint64_t)t->used < t->size ? (size_t)t->used : t->size;
    int length = vsnprintf(t->size == 0 ? NULL : t->buffer + at, t->size - at, format, arguments);
    va_end(arguments);
    if (length > 0) t->used += length;
}

/* Where the whole network applies that network first. */
static const char *first_path(const table *t, const gan_layer *network) {
    int32_t i = 0;
    while (t->layer->inner[i].network != network) i++;
    return t->layer->inner[i].path;
}

static int64_t own_parameters(const gan_layer *layer, const gani_module *module) {
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    int32_t count = gani_module_slots(layer, module, slots);
    int64_t sum = 0;
    for (int32_t k = 0; k < count; k++)
        if (slots[k].is_parameter && !(module->tied >> k & 1)) sum += gani_count(module->tensors[k]);
    return sum;
}

static void add_layer(table *t, const gan_layer *layer, const char *outer) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        const gan_layer *network = module->config.network;
        char text[GANI_SHAPE_TEXT], name[GANI_NAME_SIZE], path[GANI_TENSOR_NAME_SIZE + GANI_NAME_SIZE];
        gani_module_name(layer, i, name);
        snprintf(path, sizeof path, "%s%s%s", outer, outer[0] == '\0' ? "" : ".", name);
        int64_t count = own_parameters(layer, module);
        append(t, "%4s %-*s %-20s", path, t->width, module->type->name, gani_shape_text(module->output, text));
        if (count > 0) append(t, "%12lld", (long long)count);
        if (module->config.form != GAN_WEIGHT_PLAIN) append(t, " %s", gani_weight_form(module));
        int again = network != NULL && strcmp(first_path(t, network), path) != 0;
        if (again) append(t, " as %s", first_path(t, network));
        append(t, "\n");
        if (network != NULL && !again) add_layer(t, network, path);
    }
}

static int longest_type(const gan_layer *layer, int longest) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        int length = (int)strlen(layer->modules[i].type->name);
        if (length > longest) longest = length;
    }
    return longest;
}

int64_t gani_layer_summary(const gan_layer *layer, char *buffer, size_t size) {
    table t = {layer, buffer, size, 0, longest_type(layer, 20)};
    for (int32_t i = 0; i < layer->inner_count; i++) t.width = longest_type(layer->inner[i].network, t.width);
    char text[GANI_SHAPE_TEXT];
    for (int32_t i = 0; i < layer->input_count; i++)
        append(&t, "     %-*s %s\n", t.width, layer->inputs[i].name, gani_shape_text(layer->inputs[i].shape, text));
    add_layer(&t, layer, "");
    for (int32_t i = 0; layer->output_count > 1 && i < layer->output_count; i++)
        append(&t, "     %-*s %s\n", t.width, layer->outputs[i].name,
               gani_shape_text(gani_point_shape(layer, layer->outputs[i].point), text));
    append(&t, "     %-*s %-20s%12lld\n", t.width, "parameters", "", (long long)gani_layer_parameter_count(layer));
    return t.used;
}
