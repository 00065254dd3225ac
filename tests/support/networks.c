#include "networks.h"

#include <string.h>

static gan_weight_options without_bias(void) {
    gan_weight_options options;
    gan_weight_options_init(&options);
    options.bias = 0;
    return options;
}

gan_weight_options networks_weight_form(gan_weight_form form, gan_compensation compensation) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.form = form;
    o.compensation = compensation;
    return o;
}

void networks_masked_conv(gan_builder *b, int64_t channels, int64_t kernel, gan_mask mask, int64_t colors) {
    gan_masked_conv_options o;
    gan_masked_conv_options_init(&o);
    o.colors = colors;
    gan_add_masked_conv2d(b, channels, kernel, mask, &o);
}

static void up(gan_builder *b, int64_t channels, int64_t kernel, int64_t stride, int64_t padding) {
    gan_weight_options no_bias = without_bias();
    gan_add_conv_transpose2d(b, channels, kernel, stride, padding, &no_bias);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
}

static void down(gan_builder *b, int64_t channels) {
    gan_weight_options no_bias = without_bias();
    gan_add_conv2d(b, channels, 4, 2, 1, &no_bias);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
}

/* The networks of the example program dcgan --preset 28. */
static void dcgan28_generator(gan_builder *b) {
    gan_weight_options no_bias = without_bias();
    gan_add_linear(b, 7 * 7 * 128, &no_bias);
    gan_add_reshape(b, gan_shape_3d(128, 7, 7));
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    up(b, 64, 4, 2, 1);
    gan_add_conv_transpose2d(b, 1, 4, 2, 1, NULL);
    gan_add_tanh(b);
}

static void dcgan28_discriminator(gan_builder *b) {
    gan_add_conv2d(b, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    down(b, 128);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
}

/* The network of the libtorch C++ and dlib examples. */
static void dcgan28cpp_generator(gan_builder *b) {
    gan_weight_options no_bias = without_bias();
    up(b, 256, 4, 1, 0);
    up(b, 128, 3, 2, 1);
    up(b, 64, 4, 2, 1);
    gan_add_conv_transpose2d(b, 1, 4, 2, 1, &no_bias);
    gan_add_tanh(b);
}

static void dcgan28cpp_discriminator(gan_builder *b) {
    gan_weight_options no_bias = without_bias();
    gan_add_conv2d(b, 64, 4, 2, 1, &no_bias);
    gan_add_leaky_relu(b, 0.2);
    down(b, 128);
    down(b, 256);
    gan_add_conv2d(b, 1, 3, 1, 0, &no_bias);
    gan_add_flatten(b);
}

/* PyTorch's example for 64 x 64. */
static void dcgan64_generator(gan_builder *b) {
    gan_weight_options no_bias = without_bias();
    up(b, 512, 4, 1, 0);
    up(b, 256, 4, 2, 1);
    up(b, 128, 4, 2, 1);
    up(b, 64, 4, 2, 1);
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, &no_bias);
    gan_add_tanh(b);
}

static void dcgan64_discriminator(gan_builder *b) {
    gan_weight_options no_bias = without_bias();
    gan_add_conv2d(b, 64, 4, 2, 1, &no_bias);
    gan_add_leaky_relu(b, 0.2);
    down(b, 128);
    down(b, 256);
    down(b, 512);
    gan_add_conv2d(b, 1, 4, 1, 0, &no_bias);
    gan_add_flatten(b);
}

static void mlp_generator(gan_builder *b) {
    for (int64_t outputs = 128; outputs <= 1024; outputs *= 2) {
        gan_add_linear(b, outputs, NULL);
        if (outputs > 128) gan_add_batch_norm(b, NULL);
        gan_add_leaky_relu(b, 0.2);
    }
    gan_add_linear(b, 784, NULL);
    gan_add_tanh(b);
    gan_add_reshape(b, gan_shape_3d(1, 28, 28));
}

static void mlp_discriminator(gan_builder *b) {
    gan_add_flatten(b);
    gan_add_linear(b, 512, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 256, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 1, NULL);
}

static const networks_case cases[] = {
    {"mlp", 1, 28, 0, mlp_generator, mlp_discriminator, 0},
    {"dcgan28", 1, 28, 0, dcgan28_generator, dcgan28_discriminator, 1},
    {"dcgan28cpp", 1, 28, 1, dcgan28cpp_generator, dcgan28cpp_discriminator, 1},
    {"dcgan64", 3, 64, 1, dcgan64_generator, dcgan64_discriminator, 1},
};

const networks_case *networks_find(const char *name) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].name, name) == 0) return &cases[i];
    return NULL;
}

gan_shape networks_image_shape(const networks_case *c) { return gan_shape_3d(c->channels, c->size, c->size); }

gan_shape networks_latent_shape(const networks_case *c) {
    return c->latent_is_image ? gan_shape_3d(NETWORKS_LATENT, 1, 1) : gan_shape_1d(NETWORKS_LATENT);
}

gan_shape networks_batch_shape(gan_shape item, int64_t batch) {
    gan_shape shape = gan_shape_1d(batch);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return shape;
}

gan_status networks_build(gan_layer **out, gan_context *context, gan_shape input, gan_dtype dtype,
                          void (*add)(gan_builder *)) {
    gan_builder *builder = gan_builder_begin(context, input);
    gan_builder_set_dtype(builder, dtype);
    add(builder);
    return gan_builder_end(out, builder);
}

gan_status networks_make(gan_layer **generator, gan_layer **discriminator, gan_context *context, const networks_case *c,
                         gan_dtype dtype) {
    *generator = *discriminator = NULL;
    gan_status status = networks_build(generator, context, networks_latent_shape(c), dtype, c->generator);
    if (status == GAN_OK)
        status = networks_build(discriminator, context, networks_image_shape(c), dtype, c->discriminator);
    /* building has drawn default values already: draw again from the beginning, in a known order */
    if (status == GAN_OK) status = gan_context_set_position(context, GAN_STREAM_INIT, 0);
    gan_status (*init)(gan_layer *) = c->dcgan_init ? gan_layer_init_dcgan : gan_layer_init_default;
    if (status == GAN_OK) status = init(*generator);
    if (status == GAN_OK) status = init(*discriminator);
    if (status == GAN_OK) return GAN_OK;
    gan_layer_release(*generator);
    gan_layer_release(*discriminator);
    *generator = *discriminator = NULL;
    return status;
}
