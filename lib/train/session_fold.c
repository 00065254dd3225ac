/* Batch normalisation in evaluation mode is y = scale x + shift, a line for each channel. Behind a linear layer or a
 * convolution it is the same layer with other weights: scale w, and scale b + shift. Before that, weights that are made
 * of what is stored (weight.h) are made once and for all. */
#include "nn/weight.h"
#include "train/session.h"

static gan_tensor *pass_on(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                           gan_tensor *const *inputs) {
    (void)tape;
    (void)pass;
    (void)module;
    return inputs[0];
}
/* In place of a folded normalisation: its input is its result. */
static const gani_module_type folded_type = {"batch_norm", GANI_ONE_INPUT, NULL, NULL, NULL, pass_on, NULL};

static int32_t readers_of(const gan_layer *layer, int32_t point) {
    int32_t count = 0;
    for (int32_t i = 0; i < layer->module_count; i++)
        for (int32_t k = 0; k < layer->modules[i].input_count; k++) count += layer->modules[i].inputs[k] == point;
    for (int32_t i = 0; i < layer->output_count; i++) count += layer->outputs[i].point == point;
    return count;
}

static int keeps_order(const gani_module_type *type) {
    return type == &gani_type_reshape || type == &gani_type_flatten || type == &gani_type_dropout ||
           type == &folded_type;
}
static int is_linear(const gani_module_type *type) {
    return type == &gani_type_linear || type == &gani_type_conv2d || type == &gani_type_conv_transpose2d;
}

static int64_t inner_count(const gani_module *module) {
    return gan_shape_count(module->output) / module->output.size[0];
}

/* The layer that the normalisation can become a part of, or NULL: nobody else reads its result, and each of its
 * channels lies in one of the normalisation's. */
static gani_module *target_of(const gan_layer *layer, const gani_module *norm) {
    if (norm->type != &gani_type_batch_norm || !norm->config.track_running_stats) return NULL;
    for (int32_t point = norm->inputs[0]; point >= 0 && readers_of(layer, point) == 1;) {
        gani_module *before = &layer->modules[layer->results[point].module];
        if (is_linear(before->type)) return inner_count(norm) % inner_count(before) == 0 ? before : NULL;
        if (!keeps_order(before->type)) return NULL;
        point = before->inputs[0];
    }
    return NULL;
}

/* The channel of row `row` of a weight, whose rows are what a channel has in common: of outputs x ..., or of inputs x
 * outputs / groups x ... */
static int64_t channel_of(const gani_module *module, int64_t row) {
    if (module->type != &gani_type_conv_transpose2d) return row;
    const int64_t *size = module->tensors[0]->shape.size;
    return row / size[1] / (size[0] / module->config.groups) * size[1] + row % size[1];
}

static gan_status fold(gani_module *module, const gani_module *norm) {
    const gan_tensor *weight = module->tensors[0], *bias = module->tensors[1];
    gan_context *context = weight->context;
    int64_t channels = module->output.size[0], group = inner_count(norm) / inner_count(module);
    int64_t rows = weight->shape.size[0], length;
    if (module->type == &gani_type_conv_transpose2d) rows *= weight->shape.size[1];
    length = gan_shape_count(weight->shape) / rows;
    gan_tensor *w = NULL, *b = NULL;
    gan_status status = gani_tensor_new(&w, context, weight->dtype, weight->shape);
    if (status == GAN_OK) status = gani_tensor_new(&b, context, weight->dtype, gan_shape_1d(channels));
    if (status != GAN_OK) {
        gani_tensor_drop(w);
        return status;
    }
    double scale, shift;
    for (int64_t row = 0; row < rows; row++) {
        gani_batch_norm_line(norm, channel_of(module, row) / group, &scale, &shift);
        for (int64_t i = row * length; i < (row + 1) * length; i++)
            gani_put_value(w, i, gani_get_value(weight, i) * scale);
    }
    for (int64_t channel = 0; channel < channels; channel++) {
        gani_batch_norm_line(norm, channel / group, &scale, &shift);
        gani_put_value(b, channel, (bias == NULL ? 0 : gani_get_value(bias, channel)) * scale + shift);
    }
    for (int32_t k = 0; k < module->tensor_count; k++) gani_tensor_drop(module->tensors[k]);
    module->tensors[0] = w;
    module->tensors[1] = b;
    module->tensor_count = 2;
    return GAN_OK;
}

static gan_status fold_network(gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        gan_status status = gani_weight_bake(&layer->modules[i]);
        if (status != GAN_OK) return status;
    }
    for (int32_t i = 0; i < layer->module_count; i++) {
        gani_module *norm = &layer->modules[i], *target = target_of(layer, norm);
        if (target == NULL) continue;
        gan_status status = fold(target, norm);
        if (status != GAN_OK) return status;
        for (int32_t k = 0; k < norm->tensor_count; k++) gani_tensor_drop(norm->tensors[k]);
        norm->tensor_count = 0;
        norm->type = &folded_type;
    }
    gani_layer_drop_names(layer); /* they list what was replaced */
    return GAN_OK;
}

gan_status gani_session_fold(gan_layer *layer) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->inner_count && status == GAN_OK; i++) status = fold_network(layer->inner[i].network);
    return status == GAN_OK ? fold_network(layer) : status;
}
