#include "front/networks.h"

gan_builder *networks_begin_told(front *f, gan_shape input, int64_t table) {
    gan_builder *b = front_begin(f, input);
    gan_builder_input_indices(b, "label", gan_shape_0d(), f->classes);
    if (table > 0)
        gan_add_embedding(b, f->classes, table);
    else
        gan_add_one_hot(b, f->classes);
    gan_builder_label(b, "class");
    return b;
}

void networks_dense_generator(front *f, gan_builder *b, double norm_epsilon) {
    gan_add_linear(b, 128, NULL);
    gan_add_leaky_relu(b, 0.2);
    for (int64_t width = 256; width <= 1024; width *= 2) {
        gan_add_linear(b, width, NULL);
        front_add_batch_norm(b, norm_epsilon);
        gan_add_leaky_relu(b, 0.2);
    }
    gan_add_linear(b, gan_shape_count(f->image), NULL);
    gan_add_tanh(b);
    gan_add_reshape(b, f->image);
}

gan_status networks_dense_discriminator(front *f) {
    gan_builder *b = front_begin(f, f->image);
    gan_add_flatten(b);
    gan_add_linear(b, 512, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 256, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 1, NULL);
    return gan_builder_end(&f->discriminator, b);
}

static void add_norm(gan_builder *b, int32_t norm) {
    if (norm) gan_add_batch_norm(b, NULL);
}

static gan_status init_both(front *f, gan_status status) {
    if (status == GAN_OK) status = gan_layer_init_dcgan(f->generator);
    return status == GAN_OK ? gan_layer_init_dcgan(f->discriminator) : status;
}

static void plain(gan_builder *b) { (void)b; }
void networks_batch_norm(gan_builder *b) { gan_add_batch_norm(b, NULL); }

void networks_add_dcgan_28_generator(const front *f, gan_builder *g, networks_norm *norm) {
    const gan_weight_options *no_bias = front_no_bias();
    gan_add_linear(g, 128 * 7 * 7, no_bias);
    gan_add_reshape(g, gan_shape_3d(128, 7, 7));
    norm(g);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, 64, 4, 2, 1, no_bias);
    norm(g);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, f->image.size[0], 4, 2, 1, NULL);
    gan_add_tanh(g);
}

void networks_add_dcgan_28_features(gan_builder *d, int32_t norm) {
    gan_add_conv2d(d, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_conv2d(d, 128, 4, 2, 1, norm ? front_no_bias() : NULL);
    add_norm(d, norm);
    gan_add_leaky_relu(d, 0.2);
    gan_add_flatten(d);
}

gan_status networks_dcgan_28(front *f, int32_t norm_g, int32_t norm_d) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_dcgan_28_generator(f, g, norm_g ? networks_batch_norm : plain);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;
    gan_builder *d = front_begin(f, f->image);
    networks_add_dcgan_28_features(d, norm_d);
    gan_add_linear(d, 1, NULL);
    return init_both(f, gan_builder_end(&f->discriminator, d));
}

void networks_add_infogan_generator(const front *f, gan_builder *g) {
    gan_add_linear(g, 1024, NULL);
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
    gan_add_linear(g, 128 * 7 * 7, NULL);
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
    gan_add_reshape(g, gan_shape_3d(128, 7, 7));
    gan_add_conv_transpose2d(g, 64, 4, 2, 1, NULL);
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, f->image.size[0], 4, 2, 1, NULL);
    gan_add_sigmoid(g);
}

void networks_add_infogan_features(gan_builder *d, double slope, int32_t norm) {
    gan_add_conv2d(d, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(d, slope);
    gan_add_conv2d(d, 128, 4, 2, 1, NULL);
    add_norm(d, norm);
    gan_add_leaky_relu(d, slope);
    gan_add_flatten(d);
    gan_add_linear(d, 1024, NULL);
    add_norm(d, norm);
    gan_add_leaky_relu(d, slope);
}

gan_status networks_infogan(front *f, int32_t told, int32_t norm_d) {
    gan_shape latent = gan_shape_1d(f->options.latent_dim);
    gan_builder *g = told ? networks_begin_told(f, latent, 0) : front_begin(f, latent);
    if (told) {
        gan_builder_from(g, "input");
        gan_add_concat(g, "class");
    }
    networks_add_infogan_generator(f, g);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;
    gan_builder *d = told ? networks_begin_told(f, f->image, 0) : front_begin(f, f->image);
    if (told) {
        gan_builder_from(d, "input");
        gan_add_concat_spatial(d, "class");
    }
    networks_add_infogan_features(d, 0.1, norm_d);
    gan_add_linear(d, 1, NULL);
    status = init_both(f, gan_builder_end(&f->discriminator, d));
    return status == GAN_OK ? networks_init_truncated(f->discriminator) : status;
}

void networks_add_dcgan_generator(const front *f, gan_builder *g, int32_t norm) {
    const gan_weight_options *no_bias = front_no_bias();
    gan_add_reshape(g, gan_shape_3d(f->options.latent_dim, 1, 1));
    for (int64_t channels = networks_dcgan_channels(f), first = 1; channels >= 64; channels /= 2, first = 0) {
        gan_add_conv_transpose2d(g, channels, 4, first ? 1 : 2, first ? 0 : 1, no_bias);
        add_norm(g, norm);
        gan_add_relu(g);
    }
    gan_add_conv_transpose2d(g, f->image.size[0], 4, 2, 1, no_bias);
    gan_add_tanh(g);
}

int64_t networks_dcgan_channels(const front *f) { return 8 * f->options.size; }

gan_status networks_dcgan(front *f, int32_t norm_g, int32_t norm_d) {
    const gan_weight_options *no_bias = front_no_bias();
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_dcgan_generator(f, g, norm_g);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = front_begin(f, f->image);
    /* PyTorch's D, at 64 x 64, has no bias here and, with normalisation behind it, is blind to contrast: a factor goes
     * through the leaky ReLU, and the next layer's normalisation undoes it, of real and of fake batches each by its own
     * statistics. In long runs G then loses it (docs/results.md). The one of a level less, which is ours, sees it. */
    gan_add_conv2d(d, 64, 4, 2, 1, f->options.size < 64 ? NULL : no_bias);
    gan_add_leaky_relu(d, 0.2);
    for (int64_t channels = 128; channels <= networks_dcgan_channels(f); channels *= 2) {
        gan_add_conv2d(d, channels, 4, 2, 1, no_bias);
        add_norm(d, norm_d);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_conv2d(d, 1, 4, 1, 0, no_bias);
    gan_add_flatten(d);
    return init_both(f, gan_builder_end(&f->discriminator, d));
}

void networks_add_upsampling_trunk(gan_builder *g, int32_t first_norm) {
    gan_add_linear(g, 128 * 8 * 8, NULL);
    gan_add_reshape(g, gan_shape_3d(128, 8, 8));
    add_norm(g, first_norm);
    gan_add_upsample(g, 2, GAN_NEAREST);
    gan_add_conv2d(g, 128, 3, 1, 1, NULL);
    front_add_batch_norm(g, 0.8); /* so in the program: 0.8 was meant as the momentum (its issue 116) */
    gan_add_leaky_relu(g, 0.2);
    gan_add_upsample(g, 2, GAN_NEAREST);
}

void networks_add_upsampling_head(const front *f, gan_builder *g) {
    gan_add_conv2d(g, 64, 3, 1, 1, NULL);
    front_add_batch_norm(g, 0.8);
    gan_add_leaky_relu(g, 0.2);
    gan_add_conv2d(g, f->image.size[0], 3, 1, 1, NULL);
    gan_add_tanh(g);
}

void networks_add_upsampling_generator(const front *f, gan_builder *g, int32_t first_norm) {
    networks_add_upsampling_trunk(g, first_norm);
    networks_add_upsampling_head(f, g);
}

void networks_add_upsampling_features(gan_builder *d) {
    for (int64_t channels = 16; channels <= 128; channels *= 2) {
        gan_add_conv2d(d, channels, 3, 2, 1, NULL);
        gan_add_leaky_relu(d, 0.2);
        gan_add_dropout2d(d, 0.25);
        if (channels > 16) front_add_batch_norm(d, 0.8);
    }
    gan_add_flatten(d);
}

gan_status networks_upsampling_32(front *f, int32_t first_norm) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_upsampling_generator(f, g, first_norm);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;
    gan_builder *d = front_begin(f, f->image);
    networks_add_upsampling_features(d);
    gan_add_linear(d, 1, NULL);
    status = gan_builder_end(&f->discriminator, d);
    if (status == GAN_OK) status = networks_init_weights(f->generator, 4);
    return status == GAN_OK ? networks_init_weights(f->discriminator, 4) : status;
}

gan_status networks_init_weights(gan_layer *layer, int32_t rank) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer) && status == GAN_OK; i++) {
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        if (!front_ends_with(gan_layer_tensor_name(layer, i), ".weight")) continue;
        int32_t own = gan_tensor_shape(tensor).rank;
        if (own == rank) status = gan_init_normal(tensor, 0, 0.02);
        if (own == 1) status = gan_init_normal(tensor, 1, 0.02);
    }
    return status;
}

gan_status networks_init_uniform(gan_layer *layer, double range) {
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = GAN_INIT_UNIFORM;
    rule.low = -range;
    rule.high = range;
    return gan_layer_init(layer, &rule);
}

gan_status networks_init_truncated(gan_layer *layer) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer) && status == GAN_OK; i++) {
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        if (gan_tensor_shape(tensor).rank == 4) status = gan_init_truncated_normal(tensor, 0, 0.02, -0.04, 0.04);
    }
    return status;
}
