/* Exported functions of gan/layer.h: finished networks. */
#include "api/api.h"

GAN_API gan_layer *gan_layer_retain(gan_layer *layer) { return layer == NULL ? NULL : gani_layer_retain(layer); }
GAN_API void gan_layer_release(gan_layer *layer) {
    GANI_ENTER();
    gani_layer_drop(layer);
}
GAN_API gan_context *gan_layer_context(const gan_layer *layer) { return layer == NULL ? NULL : layer->context; }

int gani_layer_usable(gan_tape *tape, const gan_layer *layer) {
    if (gani_failed(tape)) return 0;
    if (layer == NULL)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: the layer is NULL");
    else if (layer->context != tape->context)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: the layer belongs to another context");
    return !gani_failed(tape);
}
int gani_layer_appliable(gan_tape *tape, const gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    if (!gani_layer_usable(tape, layer)) return 0;
    if (xs == NULL && count > 0)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: xs is NULL");
    else if (count != layer->input_count) /* before xs is read */
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %d inputs were given to a network of %d", (int)count,
                       (int)layer->input_count);
    return !gani_failed(tape) && gani_operands(tape, "layer", xs, count);
}
static int check_forward(gan_tape *tape, const gan_layer *layer, gan_tensor *const *xs, int32_t count,
                         int32_t y_count) {
    if (layer != NULL && layer->context == tape->context && y_count != layer->output_count)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %d outputs are asked of a network of %d", (int)y_count,
                       (int)layer->output_count);
    return gani_layer_appliable(tape, layer, xs, count);
}
GAN_API void gan_layer_forward_many(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count,
                                    gan_tensor **ys, int32_t y_count) {
    GANI_ENTER();
    for (int32_t i = 0; ys != NULL && i < y_count; i++) ys[i] = gani_inert(tape);
    if (tape == NULL || gani_failed(tape)) return;
    if (ys == NULL && y_count > 0) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: ys is NULL");
    } else if (check_forward(tape, layer, xs, count, y_count)) {
        gani_layer_retain(layer); /* a layer of the application's may release it */
        gani_layer_forward(tape, layer, xs, count, ys);
        gani_layer_drop(layer);
    }
}
GAN_API gan_tensor *gan_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *x) {
    GANI_ENTER();
    gan_tensor *y;
    gan_layer_forward_many(tape, layer, &x, 1, &y, 1);
    return y;
}

GAN_API void gan_layer_set_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    GANI_ENTER();
    if (tape == NULL || gani_failed(tape)) return;
    if (check_forward(tape, layer, xs, count, layer == NULL ? 0 : layer->output_count)) {
        gani_layer_retain(layer);
        gani_layer_set_reference(tape, layer, xs, count);
        gani_layer_drop(layer);
    }
}
GAN_API void gan_layer_forward_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *references,
                                         gan_tensor *const *xs, int32_t count, gan_tensor **ys, int32_t y_count) {
    GANI_ENTER();
    for (int32_t i = 0; ys != NULL && i < y_count; i++) ys[i] = gani_inert(tape);
    if (tape == NULL || gani_failed(tape)) return;
    if (ys == NULL && y_count > 0) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: ys is NULL");
    } else if (check_forward(tape, layer, references, count, y_count) &&
               check_forward(tape, layer, xs, count, y_count)) {
        gani_layer_retain(layer);
        gani_layer_forward_reference(tape, layer, references, xs, count, ys);
        gani_layer_drop(layer);
    }
}

GAN_API gan_status gan_layer_move_statistics(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count,
                                             double momentum) {
    GANI_ENTER();
    if (tape == NULL) return GAN_E_ARGUMENT;
    if (!gani_layer_appliable(tape, layer, xs, count)) return gani_tape_outcome(tape);
    if (!(momentum > 0 && momentum <= 1)) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "move_statistics: momentum is %g; it must be above 0 and at most 1",
                       momentum);
    } else {
        gani_layer_retain(layer); /* a layer of the application's may release it */
        gani_layer_move_statistics(tape, layer, xs, count, momentum);
        gani_layer_drop(layer);
    }
    return gani_tape_outcome(tape);
}

GAN_API void gan_layer_set_training(gan_layer *layer, int32_t training) {
    if (layer != NULL) layer->training = training != 0;
}
GAN_API int32_t gan_layer_is_training(const gan_layer *layer) { return layer == NULL ? 0 : layer->training; }
GAN_API int32_t gan_layer_input_count(const gan_layer *layer) { return layer == NULL ? 0 : layer->input_count; }
static const gani_input *input(const gan_layer *layer, int32_t index) {
    return layer == NULL || index < 0 || index >= layer->input_count ? NULL : &layer->inputs[index];
}
GAN_API gan_shape gan_layer_input_shape(const gan_layer *layer, int32_t index) {
    GANI_ENTER();
    const gani_input *found = input(layer, index);
    return found == NULL ? gan_shape_0d() : found->shape;
}
GAN_API gan_dtype gan_layer_input_dtype(const gan_layer *layer, int32_t index) {
    GANI_ENTER();
    return input(layer, index) == NULL ? 0 : gani_input_dtype(layer, index);
}
GAN_API const char *gan_layer_input_name(const gan_layer *layer, int32_t index) {
    GANI_ENTER();
    const gani_input *found = input(layer, index);
    return found == NULL ? NULL : found->name;
}
GAN_API int64_t gan_layer_input_limit(const gan_layer *layer, int32_t index) {
    GANI_ENTER();
    const gani_input *found = input(layer, index);
    return found == NULL ? 0 : found->limit;
}
GAN_API int32_t gan_layer_output_count(const gan_layer *layer) { return layer == NULL ? 0 : layer->output_count; }
static const gani_output *output(const gan_layer *layer, int32_t index) {
    return layer == NULL || index < 0 || index >= layer->output_count ? NULL : &layer->outputs[index];
}
GAN_API gan_shape gan_layer_output_shape(const gan_layer *layer, int32_t index) {
    GANI_ENTER();
    const gani_output *found = output(layer, index);
    return found == NULL ? gan_shape_0d() : gani_point_shape(layer, found->point);
}
GAN_API const char *gan_layer_output_name(const gan_layer *layer, int32_t index) {
    GANI_ENTER();
    const gani_output *found = output(layer, index);
    return found == NULL ? NULL : found->name;
}
GAN_API gan_dtype gan_layer_dtype(const gan_layer *layer) { return layer == NULL ? 0 : layer->dtype; }

GAN_API int64_t gan_layer_parameter_count(const gan_layer *layer) {
    GANI_ENTER();
    return layer == NULL ? 0 : gani_layer_parameter_count(layer);
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
GAN_API int32_t gan_layer_tensor_is_trainable(const gan_layer *layer, int32_t index) {
    const gani_named *named_tensor = entry(layer, index);
    return named_tensor == NULL ? 0 : named_tensor->is_parameter && named_tensor->tensor->tracked;
}
GAN_API gan_tensor *gan_layer_find(const gan_layer *layer, const char *name) {
    return layer == NULL || name == NULL ? NULL : gani_layer_find(layer, name);
}

GAN_API gan_status gan_layer_tie(gan_layer *layer, const char *name, const char *owner) {
    GANI_ENTER();
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (name == NULL || owner == NULL) return gani_null(layer->context, "gan_layer_tie", "a name");
    return gani_layer_tie(layer, name, owner);
}
GAN_API gan_status gan_layer_set_trainable(gan_layer *layer, const char *prefix, int32_t trainable) {
    GANI_ENTER();
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (trainable != 0 && trainable != 1)
        return gani_fail(layer->context, GAN_E_ARGUMENT, "gan_layer_set_trainable: trainable is %ld, neither 0 nor 1",
                         (long)trainable);
    return gani_layer_set_trainable(layer, prefix, trainable);
}

GAN_API gan_status gan_layer_clone(gan_layer **out, const gan_layer *layer) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_layer_clone", "an argument");
    return gani_layer_clone(out, layer->context, layer);
}
GAN_API int64_t gan_layer_summary(const gan_layer *layer, char *buffer, size_t size) {
    GANI_ENTER();
    if (buffer != NULL && size > 0) buffer[0] = '\0';
    return layer == NULL || (buffer == NULL && size > 0) ? 0 : gani_layer_summary(layer, buffer, size);
}
