/* Exported functions of gan/parts.h: the layers to add. */
#include "api/api.h"

GAN_API void gan_weight_options_init_sized(gan_weight_options *options, size_t size) {
    gan_weight_options defaults = {.bias = 1,
                                   .kernel_w = -1,
                                   .stride_w = -1,
                                   .padding_w = -1,
                                   .dilation = 1,
                                   .dilation_w = -1,
                                   .groups = 1,
                                   .output_padding_w = -1,
                                   .form = GAN_WEIGHT_PLAIN,
                                   .compensation = GAN_COMPENSATION_NONE,
                                   .power_iterations = 1,
                                   .compensated = -1,
                                   .epsilon = 1e-12,
                                   .gain = 1.41421356237309504880,
                                   .multiplier = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API gan_status gan_layer_compensate(gan_tape *tape, gan_layer *layer) {
    GANI_ENTER();
    if (tape == NULL) return GAN_E_ARGUMENT;
    if (gani_layer_usable(tape, layer)) gani_layer_compensate(tape, layer);
    return gani_tape_outcome(tape);
}

GAN_API void gan_batch_norm_options_init_sized(gan_batch_norm_options *options, size_t size) {
    gan_batch_norm_options defaults = {.momentum = 0.1, .epsilon = 1e-5, .affine = 1, .track_running_stats = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

int gani_builder_decode(gan_builder *builder, const char *name, const void *options, void *known, size_t size) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    gan_status status = gani_options_decode(NULL, name, options, known, size);
    if (status != GAN_OK) gani_builder_fail(builder, status, "builder: %s: %s", name, gani_options_trouble(status));
    return status == GAN_OK;
}

int gani_builder_reserved(gan_builder *builder, const char *name, int32_t reserved) {
    gan_status status = gani_options_reserved(NULL, name, reserved);
    if (status != GAN_OK)
        gani_builder_fail(builder, status,
                          "builder: %s: a reserved option is set, which this version of libgan does "
                          "not know",
                          name);
    return status == GAN_OK;
}

void gani_builder_flag(gan_builder *builder, const char *type, const char *name, int32_t value) {
    if (value != 0 && value != 1)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: %s: %s is %ld, neither 0 nor 1", type, name, (long)value);
}

void gani_builder_image(gan_builder *builder, const char *type, gan_shape shape) {
    char text[GANI_SHAPE_TEXT];
    if (shape.rank != 3)
        gani_builder_fail(builder, GAN_E_SHAPE, "builder: %s: its input has shape %s, not channels x height x width",
                          type, gani_shape_text(shape, text));
}

void gani_builder_append(gan_builder *builder, const gani_module_type *type, const gani_config *config) {
    if (builder == NULL) return;
    const gani_config plain = gani_config_default();
    int32_t point = gani_builder_point(builder);
    gani_builder_add(builder, type, config == NULL ? &plain : config, &point, 1, NULL);
}

void gani_builder_append_joint(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                               const char *name) {
    if (!gani_builder_named(builder, name)) return;
    const gani_config plain = gani_config_default();
    int32_t points[2] = {gani_builder_point(builder), gani_builder_find(builder, name)};
    gani_builder_add(builder, type, config == NULL ? &plain : config, points, 2, NULL);
}

int gani_has_window(const gan_weight_options *o) {
    return o->kernel_w != -1 || o->stride_w != -1 || o->padding_w != -1 || o->dilation != 1 || o->dilation_w != -1 ||
           o->groups != 1;
}

static void add_weighted(gan_builder *builder, const gani_module_type *type, gani_config config,
                         const gan_weight_options *options) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    if (!gani_builder_decode(builder, type->name, options, &o, sizeof o) ||
        !gani_builder_reserved(builder, type->name, o.reserved))
        return;
    gani_builder_flag(builder, type->name, "bias", o.bias);
    config.bias = o.bias;
    config.kernel_w = o.kernel_w;
    config.stride_w = o.stride_w;
    config.padding_w = o.padding_w;
    config.dilation = o.dilation;
    config.dilation_w = o.dilation_w;
    config.groups = o.groups;
    config.output_padding = o.output_padding;
    config.output_padding_w = o.output_padding_w;
    config.form = o.form;
    config.compensation = o.compensation;
    config.power_iterations = o.power_iterations;
    config.compensated = o.compensated;
    config.weight_epsilon = o.epsilon;
    config.gain = o.gain;
    config.multiplier = o.multiplier;
    int has_padding = o.output_padding != 0 || o.output_padding_w != -1;
    int has_window = gani_has_window(&o);
    if (has_padding && type != &gani_type_conv_transpose2d)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: %s: output_padding is for transposed convolutions only",
                          type->name);
    else if (has_window && (type == &gani_type_linear || type == &gani_type_embedding))
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: %s: kernel, stride, padding, dilation and groups are for convolutions only",
                          type->name);
    else if (has_window && (type == &gani_type_upsample_conv2d || type == &gani_type_conv2d_downsample))
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: %s: sizes of the window and groups are for gan_add_conv2d",
                          type->name);
    gani_builder_append(builder, type, &config);
}

GAN_API void gan_add_linear(gan_builder *builder, int64_t outputs, const gan_weight_options *options) {
    GANI_ENTER();
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
    GANI_ENTER();
    add_weighted(builder, &gani_type_conv2d, conv_config(channels, kernel, stride, padding), options);
}
GAN_API void gan_add_conv_transpose2d(gan_builder *builder, int64_t channels, int64_t kernel, int64_t stride,
                                      int64_t padding, const gan_weight_options *options) {
    GANI_ENTER();
    add_weighted(builder, &gani_type_conv_transpose2d, conv_config(channels, kernel, stride, padding), options);
}

GAN_API void gan_add_upsample_conv2d(gan_builder *builder, int64_t channels, int64_t kernel,
                                     const gan_weight_options *options) {
    GANI_ENTER();
    add_weighted(builder, &gani_type_upsample_conv2d, conv_config(channels, kernel, 1, 0), options);
}
GAN_API void gan_add_conv2d_downsample(gan_builder *builder, int64_t channels, int64_t kernel,
                                       const gan_weight_options *options) {
    GANI_ENTER();
    add_weighted(builder, &gani_type_conv2d_downsample, conv_config(channels, kernel, 1, 0), options);
}

GAN_API void gan_add_batch_norm(gan_builder *builder, const gan_batch_norm_options *options) {
    GANI_ENTER();
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    if (!gani_builder_decode(builder, "batch_norm", options, &o, sizeof o)) return;
    gani_config config = gani_config_default();
    config.momentum = o.momentum;
    config.epsilon = o.epsilon;
    gani_builder_flag(builder, "batch_norm", "affine", o.affine);
    gani_builder_flag(builder, "batch_norm", "track_running_stats", o.track_running_stats);
    config.affine = o.affine;
    config.track_running_stats = o.track_running_stats;
    gani_builder_append(builder, &gani_type_batch_norm, &config);
}

GAN_API void gan_instance_norm_options_init_sized(gan_instance_norm_options *options, size_t size) {
    gan_instance_norm_options defaults = {.epsilon = 1e-5};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_layer_norm_options_init_sized(gan_layer_norm_options *options, size_t size) {
    gan_layer_norm_options defaults = {.epsilon = 1e-5, .affine = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static void add_item_norm(gan_builder *builder, const gani_module_type *type, double epsilon, int32_t affine) {
    gani_config config = gani_config_default();
    config.epsilon = epsilon;
    config.affine = affine;
    gani_builder_flag(builder, type->name, "affine", affine);
    gani_builder_append(builder, type, &config);
}
GAN_API void gan_add_instance_norm(gan_builder *builder, const gan_instance_norm_options *options) {
    GANI_ENTER();
    gan_instance_norm_options o;
    gan_instance_norm_options_init(&o);
    if (gani_builder_decode(builder, "instance_norm", options, &o, sizeof o) &&
        gani_builder_reserved(builder, "instance_norm", o.reserved))
        add_item_norm(builder, &gani_type_instance_norm, o.epsilon, o.affine);
}
GAN_API void gan_add_layer_norm(gan_builder *builder, const gan_layer_norm_options *options) {
    GANI_ENTER();
    gan_layer_norm_options o;
    gan_layer_norm_options_init(&o);
    if (gani_builder_decode(builder, "layer_norm", options, &o, sizeof o) &&
        gani_builder_reserved(builder, "layer_norm", o.reserved))
        add_item_norm(builder, &gani_type_layer_norm, o.epsilon, o.affine);
}

GAN_API void gan_add_relu(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_relu, NULL);
}
GAN_API void gan_add_tanh(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_tanh, NULL);
}
GAN_API void gan_add_sigmoid(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_sigmoid, NULL);
}
GAN_API void gan_add_softplus(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_softplus, NULL);
}
GAN_API void gan_add_global_avg_pool(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_global_avg_pool, NULL);
}
GAN_API void gan_add_flatten(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_flatten, NULL);
}
GAN_API void gan_add_softmax(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_softmax, NULL);
}
GAN_API void gan_add_log_softmax(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_log_softmax, NULL);
}

GAN_API void gan_add_leaky_relu(gan_builder *builder, double slope) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.slope = slope;
    gani_builder_append(builder, &gani_type_leaky_relu, &config);
}
GAN_API void gan_add_elu(gan_builder *builder, double alpha) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.alpha = alpha;
    gani_builder_append(builder, &gani_type_elu, &config);
}
GAN_API void gan_add_prelu(gan_builder *builder, int64_t count, double slope) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.count = count;
    config.slope = slope;
    gani_builder_append(builder, &gani_type_prelu, &config);
}
GAN_API void gan_add_maxout(gan_builder *builder, int64_t pieces) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.pieces = pieces;
    gani_builder_append(builder, &gani_type_maxout, &config);
}
GAN_API void gan_add_dropout(gan_builder *builder, double p) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.p = p;
    gani_builder_append(builder, &gani_type_dropout, &config);
}
GAN_API void gan_add_dropout2d(gan_builder *builder, double p) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.p = p;
    config.per_channel = 1;
    gani_builder_append(builder, &gani_type_dropout, &config);
}
GAN_API void gan_add_embedding(gan_builder *builder, int64_t count, int64_t size) {
    GANI_ENTER();
    gan_add_embedding_with(builder, count, size, NULL);
}
GAN_API void gan_add_embedding_with(gan_builder *builder, int64_t count, int64_t size,
                                    const gan_weight_options *options) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.count = count;
    config.size = size;
    add_weighted(builder, &gani_type_embedding, config, options);
}
GAN_API void gan_add_pad2d(gan_builder *builder, int64_t left, int64_t right, int64_t top, int64_t bottom,
                           gan_pad_mode mode) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.left = left;
    config.right = right;
    config.top = top;
    config.bottom = bottom;
    config.mode = mode;
    gani_builder_append(builder, &gani_type_pad2d, &config);
}
GAN_API void gan_add_upsample(gan_builder *builder, int64_t factor, gan_interpolation mode) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.factor = factor;
    config.mode = mode;
    gani_builder_append(builder, &gani_type_upsample, &config);
}
GAN_API void gan_add_avg_pool2d(gan_builder *builder, int64_t kernel, int64_t stride, int64_t padding) {
    GANI_ENTER();
    gani_config config = conv_config(0, kernel, stride, padding);
    gani_builder_append(builder, &gani_type_avg_pool2d, &config);
}
GAN_API void gan_add_max_pool2d(gan_builder *builder, int64_t kernel, int64_t stride, int64_t padding) {
    GANI_ENTER();
    gani_config config = conv_config(0, kernel, stride, padding);
    gani_builder_append(builder, &gani_type_max_pool2d, &config);
}
GAN_API void gan_add_reshape(gan_builder *builder, gan_shape shape) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.shape = shape;
    gani_builder_append(builder, &gani_type_reshape, &config);
}

GAN_API void gan_add_sum(gan_builder *builder, const char *name) {
    GANI_ENTER();
    gani_builder_append_joint(builder, &gani_type_sum, NULL, name);
}
GAN_API void gan_add_product(gan_builder *builder, const char *name) {
    GANI_ENTER();
    gani_builder_append_joint(builder, &gani_type_product, NULL, name);
}
GAN_API void gan_add_concat(gan_builder *builder, const char *name) {
    GANI_ENTER();
    gani_builder_append_joint(builder, &gani_type_concat, NULL, name);
}
