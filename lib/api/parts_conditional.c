/* Exported functions of gan/parts.h: layers for conditions, and layers that look at a batch as a whole. */
#include "api/api.h"

/* ---- the batch as a whole ---- */

GAN_API void gan_minibatch_discrimination_options_init_sized(gan_minibatch_discrimination_options *options,
                                                             size_t size) {
    gan_minibatch_discrimination_options defaults = {0};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_add_minibatch_discrimination(gan_builder *builder, int64_t kernels, int64_t dimensions,
                                              const gan_minibatch_discrimination_options *options) {
    GANI_ENTER();
    static const char name[] = "minibatch_discrimination";
    gan_minibatch_discrimination_options o;
    gan_minibatch_discrimination_options_init(&o);
    if (!gani_builder_decode(builder, name, options, &o, sizeof o) || !gani_builder_reserved(builder, name, o.reserved))
        return;
    gani_builder_flag(builder, name, "include_self", o.include_self);
    gani_builder_flag(builder, name, "bias", o.bias);
    gani_builder_flag(builder, name, "weight_norm", o.weight_norm);
    gani_config config = gani_config_default();
    config.count = kernels;
    config.size = dimensions;
    config.include_self = o.include_self;
    config.bias = o.bias;
    config.weight_norm = o.weight_norm;
    gani_builder_append(builder, &gani_type_minibatch_discrimination, &config);
}

GAN_API void gan_virtual_batch_norm_options_init_sized(gan_virtual_batch_norm_options *options, size_t size) {
    gan_virtual_batch_norm_options defaults = {.epsilon = 1e-5, .affine = 1, .combine = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_add_virtual_batch_norm(gan_builder *builder, const gan_virtual_batch_norm_options *options) {
    GANI_ENTER();
    gan_virtual_batch_norm_options o;
    gan_virtual_batch_norm_options_init(&o);
    if (!gani_builder_decode(builder, "virtual_batch_norm", options, &o, sizeof o)) return;
    gani_builder_flag(builder, "virtual_batch_norm", "affine", o.affine);
    gani_builder_flag(builder, "virtual_batch_norm", "combine", o.combine);
    gani_config config = gani_config_default();
    config.epsilon = o.epsilon;
    config.affine = o.affine;
    config.combine = o.combine;
    gani_builder_append(builder, &gani_type_virtual_batch_norm, &config);
}

/* ---- conditional batch normalisation ---- */

/* 1 and the options in a config; or the builder has failed. */
static int norm_config(gan_builder *builder, const char *name, const gan_batch_norm_options *options,
                       gani_config *config) {
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    if (!gani_builder_decode(builder, name, options, &o, sizeof o)) return 0;
    if (o.affine != 1)
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: %s: affine is %ld, but gains and biases are what the condition gives; leave it at "
                          "1, or use gan_add_batch_norm",
                          name, (long)o.affine);
    gani_builder_flag(builder, name, "track_running_stats", o.track_running_stats);
    *config = gani_config_default();
    config->momentum = o.momentum;
    config->epsilon = o.epsilon;
    config->track_running_stats = o.track_running_stats;
    return !gani_builder_failed(builder);
}

GAN_API void gan_add_conditional_batch_norm(gan_builder *builder, const char *labels, int64_t classes,
                                            const gan_batch_norm_options *options) {
    GANI_ENTER();
    gani_config config;
    if (!norm_config(builder, "conditional_batch_norm", options, &config)) return;
    config.count = classes;
    gani_builder_append_joint(builder, &gani_type_conditional_batch_norm, &config, labels);
}

static void add_modulated(gan_builder *builder, int32_t gain, int32_t bias, const gani_config *config) {
    int32_t points[3] = {gani_builder_point(builder), gain, bias};
    gani_builder_add(builder, &gani_type_modulated_batch_norm, config, points, 3, NULL);
}
GAN_API void gan_add_modulated_batch_norm(gan_builder *builder, const char *gain, const char *bias,
                                          const gan_batch_norm_options *options) {
    GANI_ENTER();
    gani_config config;
    if (!norm_config(builder, "modulated_batch_norm", options, &config)) return;
    if (!gani_builder_named(builder, gain) || !gani_builder_named(builder, bias)) return;
    add_modulated(builder, gani_builder_find(builder, gain), gani_builder_find(builder, bias), &config);
}
GAN_API void gan_add_conditional_batch_norm_vector(gan_builder *builder, const char *condition,
                                                   const gan_weight_options *weight,
                                                   const gan_batch_norm_options *options) {
    GANI_ENTER();
    gani_config config;
    if (!norm_config(builder, "conditional_batch_norm_vector", options, &config)) return;
    if (!gani_builder_named(builder, condition)) return;
    gan_weight_options plain;
    gan_weight_options_init(&plain);
    plain.bias = 0;
    int32_t point = gani_builder_point(builder), from = gani_builder_find(builder, condition), maps[2];
    gan_shape shape = gan_builder_shape(builder);
    for (int i = 0; i < 2; i++) {
        gani_builder_set_point(builder, from);
        gan_add_linear(builder, shape.rank > 0 ? shape.size[0] : 1, weight == NULL ? &plain : weight);
        maps[i] = gani_builder_point(builder);
    }
    gani_builder_set_point(builder, point);
    add_modulated(builder, maps[0], maps[1], &config);
}

/* ---- vectors and images ---- */

GAN_API void gan_add_one_hot(gan_builder *builder, int64_t classes) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.count = classes;
    gani_builder_append(builder, &gani_type_one_hot, &config);
}
GAN_API void gan_add_replicate(gan_builder *builder, int64_t height, int64_t width) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.height = height;
    config.width = width;
    gani_builder_append(builder, &gani_type_replicate, &config);
}
GAN_API void gan_add_slice(gan_builder *builder, int64_t start, int64_t count) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.start = start;
    config.count = count;
    gani_builder_append(builder, &gani_type_slice, &config);
}
GAN_API void gan_add_inner_product(gan_builder *builder, const char *name) {
    GANI_ENTER();
    gani_builder_append_joint(builder, &gani_type_inner_product, NULL, name);
}
GAN_API void gan_add_global_sum_pool(gan_builder *builder) {
    GANI_ENTER();
    gani_builder_append(builder, &gani_type_global_sum_pool, NULL);
}

GAN_API void gan_add_concat_spatial(gan_builder *builder, const char *name) {
    GANI_ENTER();
    if (!gani_builder_named(builder, name)) return;
    int32_t points[2] = {gani_builder_point(builder), gani_builder_find(builder, name)};
    gan_shape shape = gan_builder_shape(builder);
    gani_builder_image(builder, "concat_spatial", shape);
    if (gani_builder_failed(builder)) return;
    gani_builder_set_point(builder, points[1]);
    gan_add_replicate(builder, shape.size[1], shape.size[2]);
    points[1] = gani_builder_point(builder);
    gani_config config = gani_config_default();
    gani_builder_add(builder, &gani_type_concat, &config, points, 2, NULL);
}

GAN_API void gan_add_projection(gan_builder *builder, const char *labels, int64_t classes,
                                const gan_weight_options *weight) {
    GANI_ENTER();
    if (!gani_builder_named(builder, labels)) return;
    gani_config config = gani_config_default();
    int32_t features = gani_builder_point(builder), from = gani_builder_find(builder, labels);
    gan_shape shape = gan_builder_shape(builder);
    gan_add_linear(builder, 1, weight);
    int32_t sum[2] = {gani_builder_point(builder), 0};
    gani_builder_set_point(builder, from);
    gan_add_embedding_with(builder, classes, shape.rank > 0 ? shape.size[0] : 1, weight);
    int32_t product[2] = {features, gani_builder_point(builder)};
    gani_builder_add(builder, &gani_type_inner_product, &config, product, 2, NULL);
    sum[1] = gani_builder_point(builder);
    gani_builder_add(builder, &gani_type_sum, &config, sum, 2, NULL);
}
