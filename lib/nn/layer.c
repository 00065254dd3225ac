/* A finished network: applying, copying, looking up. */
#include "nn/layer.h"

#include <stdio.h>
#include <string.h>

gan_layer *gani_layer_retain(gan_layer *layer) {
    atomic_fetch_add(&layer->references, 1);
    return layer;
}

void gani_layer_drop(gan_layer *layer) {
    if (layer == NULL || atomic_fetch_sub(&layer->references, 1) != 1) return;
    gan_context *context = layer->context;
    for (int32_t i = 0; i < layer->tensor_count; i++) gani_free(context, layer->tensors[i].name);
    for (int32_t i = 0; i < layer->module_count; i++)
        for (int32_t k = 0; k < layer->modules[i].tensor_count; k++) gani_tensor_drop(layer->modules[i].tensors[k]);
    gani_free(context, layer->tensors);
    gani_free(context, layer->modules);
    gani_free(context, layer->inputs);
    gani_free(context, layer);
    gan_context_release(context);
}

/* Values of an input of indices, whatever its strides. */
static int check_indices(gan_tape *tape, const gani_input *input, const gan_tensor *x) {
    if (x->context != tape->context || (x->tape != NULL && x->tape != tape))
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: input '%s' belongs to another %s", input->name,
                       x->context != tape->context ? "context" : "tape");
    else if (x->gone)
        gani_tape_fail(tape, GAN_E_STATE, "layer: input '%s' has ended: its values were given back", input->name);
    else if (x->dtype != GAN_I32)
        gani_tape_fail(tape, GAN_E_DTYPE, "layer: input '%s' holds indices: it must be of type i32", input->name);
    if (gani_failed(tape)) return 0;
    int64_t count = gani_count(x), at[GAN_MAX_RANK] = {0};
    const int32_t *value = x->data;
    for (int64_t i = 0; i < count; i++) {
        if (*value < 0 || *value >= input->limit) {
            gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: input '%s' holds %ld, which is not in 0 to %lld", input->name,
                           (long)*value, (long long)input->limit - 1);
            return 0;
        }
        for (int32_t axis = x->shape.rank - 1; axis >= 0; axis--) {
            value += x->strides[axis];
            if (++at[axis] < x->shape.size[axis]) break;
            value -= at[axis] * x->strides[axis];
            at[axis] = 0;
        }
    }
    return 1;
}

static int check_inputs(gan_tape *tape, const gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    if (gani_failed(tape)) return 0;
    if (count != layer->input_count) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %d inputs were given to a network of %d", (int)count,
                       (int)layer->input_count);
        return 0;
    }
    for (int32_t i = 0; i < count; i++) {
        gan_shape given = xs[i]->shape, expected = layer->inputs[i].shape, item = gan_shape_0d();
        item.rank = given.rank - 1;
        for (int32_t k = 0; k + 1 < given.rank; k++) item.size[k] = given.size[k + 1];
        char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
        if (layer->inputs[i].limit == 0 && !gani_op_ready(tape, "layer", &xs[i], 1)) return 0;
        if (layer->inputs[i].limit > 0 && !check_indices(tape, &layer->inputs[i], xs[i])) return 0;
        if (given.rank < 1 || !gan_shape_equal(item, expected)) {
            gani_tape_fail(tape, GAN_E_SHAPE, "layer: input '%s' has shape %s, the network expects batch x %s",
                           layer->inputs[i].name, gani_shape_text(given, a), gani_shape_text(expected, b));
        } else if (layer->inputs[i].limit == 0 && xs[i]->dtype != layer->dtype) {
            gani_tape_fail(tape, GAN_E_DTYPE, "layer: input '%s' has type %s, the network %s", layer->inputs[i].name,
                           xs[i]->dtype == GAN_F64 ? "f64" : "f32", layer->dtype == GAN_F64 ? "f64" : "f32");
        } else if (given.size[0] != xs[0]->shape.size[0]) {
            gani_tape_fail(tape, GAN_E_SHAPE, "layer: inputs '%s' and '%s' have batches of %lld and %lld",
                           layer->inputs[0].name, layer->inputs[i].name, (long long)xs[0]->shape.size[0],
                           (long long)given.size[0]);
        }
    }
    return !gani_failed(tape);
}

gan_tensor *gani_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    if (!check_inputs(tape, layer, xs, count)) return &tape->inert;
    if (layer->output < 0) return xs[-1 - layer->output];
    gan_tensor **results = gani_scratch(tape, (size_t)layer->module_count * sizeof *results);
    if (results == NULL) return &tape->inert;
    const gani_pass pass = {layer->training};
    gani_layer_enter(tape);
    for (int32_t i = 0; i < layer->module_count && !gani_failed(tape); i++) {
        const gani_module *module = &layer->modules[i];
        gan_tensor *inputs[GANI_MAX_MODULE_INPUTS];
        for (int32_t k = 0; k < module->input_count; k++)
            inputs[k] = module->inputs[k] < 0 ? xs[-1 - module->inputs[k]] : results[module->inputs[k]];
        results[i] = module->type->forward(tape, &pass, module, inputs);
        /* what no gradient can ask for is given back at its last reader */
        for (int32_t k = 0; k < module->input_count; k++)
            if (module->inputs[k] >= 0 && layer->modules[module->inputs[k]].last_reader == i &&
                !results[module->inputs[k]]->recorded)
                gani_tape_drop(tape, results[module->inputs[k]]);
    }
    gan_tensor *result = gani_failed(tape) ? &tape->inert : results[layer->output];
    gani_scratch_end(tape, results);
    return gani_layer_leave(tape, result);
}

gan_tensor *gani_layer_find(const gan_layer *layer, const char *name) {
    for (int32_t i = 0; i < layer->tensor_count; i++)
        if (strcmp(layer->tensors[i].name, name) == 0) return layer->tensors[i].tensor;
    return NULL;
}

gan_status gani_layer_copy(gan_layer *destination, const gan_layer *source) {
    for (int32_t i = 0; i < source->tensor_count; i++) {
        gani_tensor_copy_values(destination->tensors[i].tensor, source->tensors[i].tensor);
        gani_tensor_touch(destination->tensors[i].tensor);
    }
    return GAN_OK;
}

gan_status gani_layer_clone(gan_layer **out, const gan_layer *layer) {
    *out = NULL;
    uint64_t position =
        layer->context
            ->position[GAN_STREAM_INIT]; /* building draws initial values, which a copy must not be seen to do */
    gan_builder *builder = gani_builder_begin(layer->context, layer->inputs[0].shape, layer->inputs[0].limit);
    gani_builder_set_dtype(builder, layer->dtype);
    for (int32_t i = 1; i < layer->input_count; i++)
        gani_builder_input(builder, layer->inputs[i].name, layer->inputs[i].shape, layer->inputs[i].limit);
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        gani_builder_add(builder, module->type, &module->config, module->inputs, module->input_count);
        if (layer->modules[i].label[0] != '\0') gani_builder_label(builder, layer->modules[i].label);
    }
    gani_builder_set_point(builder, layer->output);
    gan_layer *copy;
    gan_status status = gani_builder_end(&copy, builder);
    layer->context->position[GAN_STREAM_INIT] = position;
    if (status != GAN_OK) return status == GAN_E_MEMORY ? gani_no_memory(layer->context, "layer") : status;
    gani_layer_copy(copy, layer);
    copy->training = layer->training;
    *out = copy;
    return GAN_OK;
}

/* snprintf that counts what it could not write */
static void append(char *buffer, size_t size, int64_t *used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void append(char *buffer, size_t size, int64_t *used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t at = (uint64_t)*used < size ? (size_t)*used : size;
    int length = vsnprintf(size == 0 ? NULL : buffer + at, size - at, format, arguments);
    va_end(arguments);
    if (length > 0) *used += length;
}

int64_t gani_layer_summary(const gan_layer *layer, char *buffer, size_t size) {
    int64_t used = 0, total = 0;
    char text[GANI_SHAPE_TEXT];
    for (int32_t i = 0; i < layer->input_count; i++)
        append(buffer, size, &used, "     %-20s %s\n", layer->inputs[i].name,
               gani_shape_text(layer->inputs[i].shape, text));
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        int64_t count = 0;
        for (int32_t k = 0; k < module->tensor_count; k++)
            if (module->tensors[k]->tracked) count += gani_count(module->tensors[k]);
        append(buffer, size, &used, "%4ld %-20s %-20s", (long)i, module->type->name,
               gani_shape_text(module->output, text));
        if (count > 0) append(buffer, size, &used, "%12lld", (long long)count);
        append(buffer, size, &used, "\n");
        total += count;
    }
    append(buffer, size, &used, "     %-20s %-20s%12lld\n", "parameters", "", (long long)total);
    return used;
}
