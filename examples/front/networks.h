/* Networks that several of the programs train. Parameters are counted for one channel at 28 x 28, unless it is said. */
#ifndef FRONT_NETWORKS_H
#define FRONT_NETWORKS_H

#include "front/front.h"

/* A builder of a network that is told the class, at a vector for it, "class": a table's row, of that width, or with 0 a
 * one-hot vector. "input" is the network's other input. */
gan_builder *networks_begin_told(front *f, gan_shape input, int64_t table);

/* Dense networks of PyTorch-GAN's gan.py, cgan.py, wgan.py and wgan_gp.py. The generator of `inputs` numbers: 128, then
 * 256, 512 and 1024 with batch normalisation, leaky ReLU; 1,510,032. Ends a builder that stands at the numbers. */
void networks_dense_generator(front *f, gan_builder *b, double norm_epsilon);
/* 512, 256, leaky ReLU, one score: 533,505. */
gan_status networks_dense_discriminator(front *f);

/* DCGAN by the paper's rules at 28 x 28 (759,681 + 138,689). norm_g, norm_d: with batch normalisation. */
gan_status networks_dcgan_28(front *f, int32_t norm_g, int32_t norm_d);
/* The first of these in parts: G, with a normalisation, and D up to its last layer. */
typedef void networks_norm(gan_builder *b);
networks_norm networks_batch_norm;
void networks_add_dcgan_28_generator(const front *f, gan_builder *g, networks_norm *norm);
void networks_add_dcgan_28_features(gan_builder *d, int32_t norm);
/* DCGAN's own, of a --size of 64 (3,576,704 + 2,765,568 with three channels) or, with a level less, 32 (1,068,928 +
 * 663,360: there D's first layer has a bias). */
gan_status networks_dcgan(front *f, int32_t norm_g, int32_t norm_d);
/* Channels of its widest maps, those of 4 x 4. */
int64_t networks_dcgan_channels(const front *f);
/* Its G, on a builder that stands at the latent vector. */
void networks_add_dcgan_generator(const front *f, gan_builder *g, int32_t norm);
/* 32 x 32, of PyTorch-GAN's dcgan.py (1,049,985 + 98,113) and, without the first normalisation, lsgan.py (1,049,729).
 */
gan_status networks_upsampling_32(front *f, int32_t first_norm);
/* G, of whatever numbers a builder stands at, whole or up to 128 channels of 32 x 32 and what is left, and D up to its
 * last layer: 512 numbers. */
void networks_add_upsampling_trunk(gan_builder *g, int32_t first_norm);
void networks_add_upsampling_head(const front *f, gan_builder *g);
void networks_add_upsampling_generator(const front *f, gan_builder *g, int32_t first_norm);
void networks_add_upsampling_features(gan_builder *d);

/* InfoGAN's networks for digits at 28 x 28: G, of whatever numbers a builder stands at (6,642,241 of 64), and D up to
 * its last layer, 1024 numbers; leaky ReLU of that slope (6,558,144). Trained as a pair without codes (6,642,241 +
 * 6,559,169), as Lucic et al. compare GANs (2018, arXiv 1711.10337). Told the class with their input they are 6,652,481
 * + 6,569,409; without normalisation D is 6,556,865. NETWORKS_INFOGAN_D_RATE: how much slower InfoGAN's D learns. */
#define NETWORKS_INFOGAN_D_RATE 0.2
void networks_add_infogan_generator(const front *f, gan_builder *g);
void networks_add_infogan_features(gan_builder *d, double slope, int32_t norm);
gan_status networks_infogan(front *f, int32_t told, int32_t norm_d);

/* N(0, 0.02) for weights of this rank, 4: convolutions, 2: dense layers, and N(1, 0.02) for those of batch
 * normalisation; others keep what they have (weights_init_normal of PyTorch-GAN's programs). */
gan_status networks_init_weights(gan_layer *layer, int32_t rank);
/* All weights U(-range, range), biases 0. */
gan_status networks_init_uniform(gan_layer *layer, double range);
/* Kernels of convolutions N(0, 0.02) cut at two deviations, as programs for TensorFlow have them; nothing else. */
gan_status networks_init_truncated(gan_layer *layer);

#endif
