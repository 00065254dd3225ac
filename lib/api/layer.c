/* Exported functions of gan/layer.h. */
#include <math.h>
#include <string.h>

#include "api/api.h"

GAN_API gan_builder *gan_builder_begin(gan_context *context, gan_shape input) {
    return gani_builder_begin(context, input);
}

GAN_API void gan_builder_set_dtype(gan_builder *builder, gan_dtype dtype) {
    if (builder != NULL) gani_builder_set_dtype(builder, dtype);
}

/* 1 if the builder can take a name. */
static int named(gan_builder *builder, const char *name) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    if (name == NULL) gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: a name is NULL");
    return name != NULL;
}

GAN_API void gan_builder_input(gan_builder *builder, const char *name, gan_shape shape) {
    if (named(builder, name)) gani_builder_input(builder, name, shape);
}
GAN_API void gan_builder_label(gan_builder *builder, const char *name) {
    if (named(builder, name)) gani_builder_label(builder, name);
}
GAN_API void gan_builder_from(gan_builder *builder, const char *name) {
    if (named(builder, name)) gani_builder_from(builder, name);
}
GAN_API gan_shape gan_builder_shape(const gan_builder *builder) {
    return builder == NULL ? gan_shape_0d() : gani_builder_shape(builder);
}
GAN_API gan_status gan_builder_end(gan_layer **out, gan_builder *builder) {
    if (builder == NULL) {
        if (out != NULL) *out = NULL;
        return GAN_E_ARGUMENT;
    }
    return gani_builder_end(out, builder);
}

/* ---- layers to add ---- */

GAN_API void gan_weight_options_init_sized(gan_weight_options *options, size_t size) {
    gan_weight_options defaults = {.bias = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_batch_norm_options_init_sized(gan_batch_norm_options *options, size_t size) {
    gan_batch_norm_options defaults = {.momentum = 0.1, .epsilon = 1e-5, .affine = 1, .track_running_stats = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

/* Decodes options without a context at hand: the builder keeps the error. */
static int decode(gan_builder *builder, const char *name, const void *options, void *known, size_t size) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    gan_status status = gani_options_decode(NULL, name, options, known, size);
    if (status != GAN_OK)
        gani_builder_fail(builder, status, "builder: %s: %s", name,
                          status == GAN_E_UNSUPPORTED
                              ? "an option is set that this version of libgan does not know"
                              : "the options were not initialised: call their init function first");
    return status == GAN_OK;
}

static void add(gan_builder *builder, const gani_module_type *type, const gani_config *config) {
    if (builder != NULL) gani_builder_add(builder, type, config, NULL);
}

static void add_weighted(gan_builder *builder, const gani_module_type *type, gani_config config,
                         const gan_weight_options *options) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    if (!decode(builder, type->name, options, &o, sizeof o)) return;
    config.bias = o.bias != 0;
    config.output_padding = o.output_padding;
    if (o.output_padding != 0 && type != &gani_type_conv_transpose2d)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: %s: output_padding is for transposed convolutions only",
                          type->name);
    add(builder, type, &config);
}

GAN_API void gan_add_linear(gan_builder *builder, int64_t outputs, const gan_weight_options *options) {
    gani_config config = gani_config_default();
    config.outputs = outputs;
    add_weighted(builder, &gani_type_linear, config, options);
}

static gani_config conv_config(int64_t channels, int64_t kernel, int64_t stride, int64_t padding) {
    gani_config config = gani_config_default();
    config.outputs = channels;
    config.kernel = kernel;
    config.stride = stride;
    config.padding = padding;
    return config;
}
GAN_API void gan_add_conv2d(gan_builder *builder, int64_t channels, int64_t kernel, int64_t stride, int64_t padding,
                            const gan_weight_options *options) {
    add_weighted(builder, &gani_type_conv2d, conv_config(channels, kernel, stride, padding), options);
}
GAN_API void gan_add_conv_transpose2d(gan_builder *builder, int64_t channels, int64_t kernel, int64_t stride,
                                      int64_t padding, const gan_weight_options *options) {
    add_weighted(builder, &gani_type_conv_transpose2d, conv_config(channels, kernel, stride, padding), options);
}

GAN_API void gan_add_batch_norm(gan_builder *builder, const gan_batch_norm_options *options) {
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    if (!decode(builder, "batch_norm", options, &o, sizeof o)) return;
    gani_config config = gani_config_default();
    config.momentum = o.momentum;
    config.epsilon = o.epsilon;
    config.affine = o.affine != 0;
    config.track_running_stats = o.track_running_stats != 0;
    add(builder, &gani_type_batch_norm, &config);
}

static void add_plain(gan_builder *builder, const gani_module_type *type) {
    gani_config config = gani_config_default();
    add(builder, type, &config);
}
GAN_API void gan_add_relu(gan_builder *builder) { add_plain(builder, &gani_type_relu); }
GAN_API void gan_add_tanh(gan_builder *builder) { add_plain(builder, &gani_type_tanh); }
GAN_API void gan_add_sigmoid(gan_builder *builder) { add_plain(builder, &gani_type_sigmoid); }
GAN_API void gan_add_flatten(gan_builder *builder) { add_plain(builder, &gani_type_flatten); }

GAN_API void gan_add_leaky_relu(gan_builder *builder, double slope) {
    gani_config config = gani_config_default();
    config.slope = slope;
    add(builder, &gani_type_leaky_relu, &config);
}
GAN_API void gan_add_reshape(gan_builder *builder, gan_shape shape) {
    gani_config config = gani_config_default();
    config.shape = shape;
    add(builder, &gani_type_reshape, &config);
}

static void add_joint(gan_builder *builder, const gani_module_type *type, const char *name) {
    if (!named(builder, name)) return;
    gani_config config = gani_config_default();
    int32_t points[GANI_MAX_MODULE_INPUTS] = {gani_builder_point(builder), gani_builder_find(builder, name)};
    gani_builder_add(builder, type, &config, points);
}
GAN_API void gan_add_sum(gan_builder *builder, const char *name) { add_joint(builder, &gani_type_sum, name); }
GAN_API void gan_add_concat(gan_builder *builder, const char *name) { add_joint(builder, &gani_type_concat, name); }

/* ---- finished layers ---- */

GAN_API gan_layer *gan_layer_retain(gan_layer *layer) { return layer == NULL ? NULL : gani_layer_retain(layer); }
GAN_API void gan_layer_release(gan_layer *layer) { gani_layer_drop(layer); }

GAN_API gan_tensor *gan_layer_forward_many(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    if (tape == NULL || gani_failed(tape)) return gani_inert(tape);
    if (layer == NULL || (xs == NULL && count > 0))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %s is NULL", layer == NULL ? "the layer" : "xs");
    if (layer->context != tape->context)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: the layer belongs to another context");
    return gani_operands(tape, "layer", xs, count) ? gani_layer_forward(tape, layer, xs, count) : gani_inert(tape);
}
GAN_API gan_tensor *gan_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *x) {
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
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_layer_clone", "an argument");
    return gani_layer_clone(out, layer);
}
GAN_API int64_t gan_layer_summary(const gan_layer *layer, char *buffer, size_t size) {
    if (buffer != NULL && size > 0) buffer[0] = '\0';
    return layer == NULL || (buffer == NULL && size > 0) ? 0 : gani_layer_summary(layer, buffer, size);
}

/* ---- initialisers ---- */

GAN_API gan_status gan_layer_init_default(gan_layer *layer) {
    return layer == NULL ? GAN_E_ARGUMENT : gani_layer_init_default(layer);
}
GAN_API gan_status gan_layer_init_dcgan(gan_layer *layer) {
    return layer == NULL ? GAN_E_ARGUMENT : gani_layer_init_dcgan(layer);
}

static gan_status check_init(const char *function, const gan_tensor *tensor, double a, double b) {
    if (!gani_is_plain(tensor) || !gani_is_float(tensor->dtype) || !gani_is_contiguous(tensor))
        return gani_fail(tensor == NULL ? NULL : tensor->context, GAN_E_ARGUMENT,
                         "%s: not a contiguous f32 or f64 tensor of the caller", function);
    if (!isfinite(a) || !isfinite(b))
        return gani_fail(tensor->context, GAN_E_ARGUMENT, "%s: a parameter is not finite", function);
    return GAN_OK;
}
GAN_API gan_status gan_init_normal(gan_tensor *tensor, double mean, double deviation) {
    gan_status status = check_init("gan_init_normal", tensor, mean, deviation);
    if (status == GAN_OK && deviation < 0)
        return gani_fail(tensor->context, GAN_E_ARGUMENT, "gan_init_normal: the deviation is below 0");
    if (status == GAN_OK) gani_init_normal(tensor, mean, deviation);
    return status;
}
GAN_API gan_status gan_init_uniform(gan_tensor *tensor, double low, double high) {
    gan_status status = check_init("gan_init_uniform", tensor, low, high);
    if (status == GAN_OK) gani_init_uniform(tensor, low, high);
    return status;
}
