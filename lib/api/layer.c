/* Exported functions of gan/layer.h: building, applying and asking. */
#include "api/api.h"

GAN_API gan_builder *gan_builder_begin(gan_context *context, gan_shape input) {
    GANI_ENTER();
    return gani_builder_begin(context, input, 0);
}
/* Whether a limit of indices is one: 0, inside, means that there are none. */
static int check_limit(gan_builder *builder, int64_t limit) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    if (limit < 1)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: indices below %lld: the limit must be at least 1",
                          (long long)limit);
    return limit >= 1;
}
GAN_API gan_builder *gan_builder_begin_indices(gan_context *context, gan_shape input, int64_t limit) {
    GANI_ENTER();
    gan_builder *builder = gani_builder_begin(context, input, limit < 1 ? 1 : limit);
    check_limit(builder, limit);
    return builder;
}
GAN_API void gan_builder_input_indices(gan_builder *builder, const char *name, gan_shape shape, int64_t limit) {
    GANI_ENTER();
    if (check_limit(builder, limit) && gani_builder_named(builder, name))
        gani_builder_input(builder, name, shape, limit);
}

GAN_API void gan_builder_set_dtype(gan_builder *builder, gan_dtype dtype) {
    GANI_ENTER();
    if (builder != NULL) gani_builder_set_dtype(builder, dtype);
}

int gani_builder_named(gan_builder *builder, const char *name) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    if (name == NULL) gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: a name is NULL");
    return name != NULL;
}

GAN_API void gan_builder_input(gan_builder *builder, const char *name, gan_shape shape) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_input(builder, name, shape, 0);
}
GAN_API void gan_builder_label(gan_builder *builder, const char *name) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_label(builder, name);
}
GAN_API void gan_builder_from(gan_builder *builder, const char *name) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_from(builder, name);
}
GAN_API gan_shape gan_builder_shape(const gan_builder *builder) {
    return builder == NULL ? gan_shape_0d() : gani_builder_shape(builder);
}
GAN_API gan_status gan_builder_end(gan_layer **out, gan_builder *builder) {
    GANI_ENTER();
    if (builder == NULL) {
        if (out != NULL) *out = NULL;
        return GAN_E_ARGUMENT;
    }
    return gani_builder_end(out, builder);
}

/* ---- finished layers ---- */

GAN_API gan_layer *gan_layer_retain(gan_layer *layer) { return layer == NULL ? NULL : gani_layer_retain(layer); }
GAN_API void gan_layer_release(gan_layer *layer) {
    GANI_ENTER();
    gani_layer_drop(layer);
}

GAN_API gan_tensor *gan_layer_forward_many(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    GANI_ENTER();
    if (tape == NULL || gani_failed(tape)) return gani_inert(tape);
    if (layer == NULL || (xs == NULL && count > 0))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %s is NULL", layer == NULL ? "the layer" : "xs");
    if (layer->context != tape->context)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: the layer belongs to another context");
    return gani_operands(tape, "layer", xs, count) ? gani_layer_forward(tape, layer, xs, count) : gani_inert(tape);
}
GAN_API gan_tensor *gan_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *x) {
    GANI_ENTER();
    return gan_layer_forward_many(tape, layer, &x, 1);
}

GAN_API void gan_layer_set_training(gan_layer *layer, int32_t training) {
    if (layer != NULL) layer->training = training != 0;
}
GAN_API int32_t gan_layer_is_training(const gan_layer *layer) { return layer == NULL ? 0 : layer->training; }
GAN_API int32_t gan_layer_input_count(const gan_layer *layer) { return layer == NULL ? 0 : layer->input_count; }
GAN_API gan_shape gan_layer_input_shape(const gan_layer *layer, int32_t index) {
    return layer == NULL || index < 0 || index >= layer->input_count ? gan_shape_0d() : layer->inputs[index].shape;
}
GAN_API gan_dtype gan_layer_input_dtype(const gan_layer *layer, int32_t index) {
    if (layer == NULL || index < 0 || index >= layer->input_count) return 0;
    return layer->inputs[index].limit > 0 ? GAN_I32 : layer->dtype;
}
GAN_API gan_shape gan_layer_output_shape(const gan_layer *layer) {
    if (layer == NULL) return gan_shape_0d();
    return layer->output < 0 ? layer->inputs[-1 - layer->output].shape : layer->modules[layer->output].output;
}
GAN_API gan_dtype gan_layer_dtype(const gan_layer *layer) { return layer == NULL ? 0 : layer->dtype; }

GAN_API int64_t gan_layer_parameter_count(const gan_layer *layer) {
    int64_t count = 0;
    for (int32_t i = 0; layer != NULL && i < layer->tensor_count; i++)
        if (layer->tensors[i].is_parameter) count += gani_count(layer->tensors[i].tensor);
    return count;
}
static const gani_named *entry(const gan_layer *layer, int32_t index) {
    return layer == NULL || index < 0 || index >= layer->tensor_count ? NULL : &layer->tensors[index];
}
GAN_API int32_t gan_layer_tensor_count(const gan_layer *layer) { return layer == NULL ? 0 : layer->tensor_count; }
GAN_API gan_tensor *gan_layer_tensor(const gan_layer *layer, int32_t index) {
    const gani_named *named_tensor = entry(layer, index);
    return named_tensor == NULL ? NULL : named_tensor->tensor;
}
GAN_API const char *gan_layer_tensor_name(const gan_layer *layer, int32_t index) {
    const gani_named *named_tensor = entry(layer, index);
    return named_tensor == NULL ? NULL : named_tensor->name;
}
GAN_API int32_t gan_layer_tensor_is_parameter(const gan_layer *layer, int32_t index) {
    const gani_named *named_tensor = entry(layer, index);
    return named_tensor == NULL ? 0 : named_tensor->is_parameter;
}
GAN_API gan_tensor *gan_layer_find(const gan_layer *layer, const char *name) {
    return layer == NULL || name == NULL ? NULL : gani_layer_find(layer, name);
}

GAN_API gan_status gan_layer_clone(gan_layer **out, const gan_layer *layer) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_layer_clone", "an argument");
    return gani_layer_clone(out, layer);
}
GAN_API int64_t gan_layer_summary(const gan_layer *layer, char *buffer, size_t size) {
    GANI_ENTER();
    if (buffer != NULL && size > 0) buffer[0] = '\0';
    return layer == NULL || (buffer == NULL && size > 0) ? 0 : gani_layer_summary(layer, buffer, size);
}
