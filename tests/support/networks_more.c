#include "networks.h"

/* ---- CycleGAN: Zhu et al. 2017, appendix 7.2 ---- */

static void instance_norm_relu(gan_builder *b) {
    gan_add_instance_norm(b, NULL);
    gan_add_relu(b);
}

/* The first and the last convolution are of 7 x 7. */
static void reflect(gan_builder *b) { gan_add_pad2d(b, 3, 3, 3, 3, GAN_PAD_REFLECT); }

static void resnet(gan_builder *b, int blocks) {
    gan_weight_options odd;
    gan_weight_options_init(&odd);
    odd.output_padding = 1;
    reflect(b);
    gan_add_conv2d(b, 64, 7, 1, 0, NULL);
    instance_norm_relu(b);
    for (int64_t channels = 128; channels <= 256; channels *= 2) {
        gan_add_conv2d(b, channels, 3, 2, 1, NULL);
        instance_norm_relu(b);
    }
    for (int i = 0; i < blocks; i++) gan_add_cyclegan_block(b, 0, NULL);
    for (int64_t channels = 128; channels >= 64; channels /= 2) {
        gan_add_conv_transpose2d(b, channels, 3, 2, 1, &odd);
        instance_norm_relu(b);
    }
    reflect(b);
    gan_add_conv2d(b, 3, 7, 1, 0, NULL);
    gan_add_tanh(b);
}

void networks_resnet6(gan_builder *b) { resnet(b, 6); }
void networks_resnet9(gan_builder *b) { resnet(b, 9); }

void networks_patchgan(gan_builder *b) {
    gan_add_conv2d(b, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    for (int64_t channels = 128; channels <= 512; channels *= 2) {
        gan_add_conv2d(b, channels, 4, channels < 512 ? 2 : 1, 1, NULL);
        gan_add_instance_norm(b, NULL);
        gan_add_leaky_relu(b, 0.2);
    }
    gan_add_conv2d(b, 1, 4, 1, 1, NULL);
}

/* ---- WGAN-GP (Gulrajani et al. 2017) on 32 x 32: a critic without batch normalisation ---- */

void networks_wgangp_generator(gan_builder *b) {
    gan_add_linear(b, 256 * 4 * 4, NULL);
    gan_add_reshape(b, gan_shape_3d(256, 4, 4));
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    for (int64_t channels = 128; channels >= 64; channels /= 2) {
        gan_add_conv_transpose2d(b, channels, 4, 2, 1, NULL);
        gan_add_batch_norm(b, NULL);
        gan_add_relu(b);
    }
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, NULL);
    gan_add_tanh(b);
}

void networks_wgangp_critic(gan_builder *b) {
    for (int64_t channels = 64; channels <= 256; channels *= 2) {
        gan_add_conv2d(b, channels, 4, 2, 1, NULL);
        gan_add_leaky_relu(b, 0.2);
    }
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
}

/* ---- InfoGAN (Chen et al. 2016) on 28 x 28: D and Q are heads of one trunk ---- */

void networks_infogan_generator(gan_builder *b) {
    gan_add_linear(b, 1024, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_linear(b, 7 * 7 * 128, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_reshape(b, gan_shape_3d(128, 7, 7));
    gan_add_conv_transpose2d(b, 64, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 1, 4, 2, 1, NULL);
    gan_add_sigmoid(b);
}

void networks_infogan_trunk(gan_builder *b) {
    gan_add_conv2d(b, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(b, 0.1);
    gan_add_conv2d(b, 128, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.1);
    gan_add_flatten(b);
    gan_add_linear(b, 1024, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.1);
}

void networks_infogan_score(gan_builder *b) { gan_add_linear(b, 1, NULL); }

void networks_infogan_code(gan_builder *b) {
    gan_add_linear(b, 128, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.1);
    gan_add_linear(b, NETWORKS_INFOGAN_CLASSES + NETWORKS_INFOGAN_CODES, NULL);
}
