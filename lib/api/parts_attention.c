/* Exported functions of gan/parts.h: self-attention, a network of layers that there are already. */
#include "api/api.h"

GAN_API void gan_self_attention_options_init_sized(gan_self_attention_options *options, size_t size) {
    gan_self_attention_options defaults = {.key_channels = -1, .value_channels = -1, .pool = 2, .output = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

/* A convolution of 1 x 1 behind the input, pooled where wanted; returns the point. */
static int32_t projection(gan_builder *b, int64_t channels, int64_t pool, const gan_weight_options *weights) {
    gani_builder_set_point(b, -1);
    gan_add_conv2d(b, channels, 1, 1, 0, weights);
    if (pool > 1) gan_add_max_pool2d(b, pool, pool, 0);
    return gani_builder_point(b);
}

static gan_status build(gan_layer **out, gan_context *context, gan_dtype dtype, gan_shape shape,
                        const gan_self_attention_options *o, const gan_weight_options *weights) {
    gan_builder *b = gan_builder_begin(context, shape);
    gani_config config = gani_config_default();
    int64_t channels = shape.size[0], keys = o->key_channels, values = o->value_channels;
    if (keys == -1) keys = channels < 8 ? 1 : channels / 8;
    if (values == -1) values = !o->output ? channels : channels < 2 ? 1 : channels / 2;
    gan_builder_set_dtype(b, dtype);
    int32_t points[3];
    points[0] = projection(b, keys, 1, weights);
    points[1] = projection(b, keys, o->pool, weights);
    points[2] = projection(b, values, o->pool, weights);
    gani_builder_add(b, &gani_type_attention, &config, points, 3, NULL);
    if (o->output) gan_add_conv2d(b, channels, 1, 1, 0, weights);
    points[0] = gani_builder_point(b);
    gani_builder_add(b, &gani_type_scale, &config, points, 1, NULL);
    gan_add_sum(b, "input");
    return gan_builder_end(out, b);
}

static int check(gan_builder *builder, const gan_self_attention_options *o, gan_shape shape) {
    char text[GANI_SHAPE_TEXT];
    gani_builder_flag(builder, "self_attention", "output", o->output);
    if (shape.rank != 3)
        gani_builder_image(builder, "self_attention", shape);
    else if (o->pool < 1 || o->pool > shape.size[1] || o->pool > shape.size[2])
        gani_builder_fail(
            builder, GAN_E_ARGUMENT,
            "builder: self_attention: pool %lld is not in 1 to the size of a map of %s; 1 takes all places",
            (long long)o->pool, gani_shape_text(shape, text));
    else if (!o->output && o->value_channels != -1 && o->value_channels != shape.size[0])
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: self_attention: %lld value channels do not fit %lld of its input: give as many, or "
                          "set output",
                          (long long)o->value_channels, (long long)shape.size[0]);
    else if (o->key_channels < -1 || o->key_channels == 0 || o->value_channels < -1 || o->value_channels == 0)
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: self_attention: %lld key and %lld value channels: each must be 1 or more, or -1",
                          (long long)o->key_channels, (long long)o->value_channels);
    return !gani_builder_failed(builder);
}

/* Those of a convolution of 1 x 1 with all but its window. */
static int check_weights(gan_builder *builder, const gan_weight_options *w) {
    if (gani_has_window(w))
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: self_attention: its convolutions are 1 x 1 in one group: leave kernel, stride, "
                          "padding, dilation and groups of the weights as they are");
    return !gani_builder_failed(builder);
}

GAN_API void gan_add_self_attention(gan_builder *builder, const gan_self_attention_options *options) {
    GANI_ENTER();
    gan_self_attention_options o;
    gan_weight_options weights;
    gan_layer *layer = NULL;
    gan_self_attention_options_init(&o);
    if (!gani_builder_decode(builder, "self_attention", options, &o, sizeof o) ||
        !gani_builder_reserved(builder, "self_attention", o.reserved))
        return;
    gan_weight_options_init(&weights);
    weights.bias = o.weights != NULL;
    if (!gani_builder_decode(builder, "self_attention", o.weights, &weights, sizeof weights) ||
        !check(builder, &o, gan_builder_shape(builder)) || !check_weights(builder, &weights))
        return;
    const gan_layer *outer = gani_builder_layer(builder);
    gan_status status = build(&layer, outer->context, outer->dtype, gan_builder_shape(builder), &o, &weights);
    if (status != GAN_OK)
        gani_builder_fail(builder, status, "builder: self_attention at layer %ld: %s", (long)outer->module_count,
                          gan_context_error(outer->context));
    gan_add_layer(builder, layer, NULL);
    gani_layer_drop(layer);
}
