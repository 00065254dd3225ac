/* The networks that goldens and benchmarks train, as builders write them. Their twins in PyTorch are in
 * golden/make_dcgan.py and bench/torch_peer.py. */
#ifndef TESTS_SUPPORT_NETWORKS_H
#define TESTS_SUPPORT_NETWORKS_H

#include <gan/init.h>
#include <gan/parts.h>

#define NETWORKS_LATENT 100

/* A generator and a discriminator that are trained on binary cross-entropy. */
typedef struct networks_case {
    const char *name;
    int64_t channels, size;  /* of the images */
    int32_t latent_is_image; /* latent vectors are 100 x 1 x 1, else 100 */
    void (*generator)(gan_builder *builder);
    void (*discriminator)(gan_builder *builder);
    int32_t dcgan_init; /* gan_layer_init_dcgan, else the default */
} networks_case;

const networks_case *networks_find(const char *name); /* mlp dcgan28 dcgan28cpp dcgan64; NULL if there is none */

gan_shape networks_image_shape(const networks_case *c);  /* without the batch axis */
gan_shape networks_latent_shape(const networks_case *c); /* without the batch axis */
gan_shape networks_batch_shape(gan_shape item, int64_t batch);

/* Both networks, initialised: the generator first. */
gan_status networks_make(gan_layer **generator, gan_layer **discriminator, gan_context *context, const networks_case *c,
                         gan_dtype dtype);

/* Defaults but for these. */
gan_weight_options networks_weight_form(gan_weight_form form, gan_compensation compensation);
void networks_masked_conv(gan_builder *builder, int64_t channels, int64_t kernel, gan_mask mask, int64_t colors);

/* One network of what `add` adds to the input. */
gan_status networks_build(gan_layer **out, gan_context *context, gan_shape input, gan_dtype dtype,
                          void (*add)(gan_builder *builder));

/* For networks_build; sizes are those of the input and the output. networks_more.c */
void networks_resnet6(gan_builder *builder); /* CycleGAN's generators of 6 and 9 blocks, 3 x H x W -> 3 x H x W */
void networks_resnet9(gan_builder *builder);
void networks_patchgan(gan_builder *builder);         /* its discriminator, 3 x H x W -> 1 x H/8-2 x W/8-2 */
void networks_wgangp_generator(gan_builder *builder); /* 128 -> 3 x 32 x 32 */
void networks_wgangp_critic(gan_builder *builder);    /* 3 x 32 x 32 -> 1 */
#define NETWORKS_INFOGAN_NOISE 62
#define NETWORKS_INFOGAN_CLASSES 10
#define NETWORKS_INFOGAN_CODES 2
#define NETWORKS_INFOGAN_LATENT (NETWORKS_INFOGAN_NOISE + NETWORKS_INFOGAN_CLASSES + NETWORKS_INFOGAN_CODES)
void networks_infogan_generator(gan_builder *builder); /* NETWORKS_INFOGAN_LATENT -> 1 x 28 x 28 */
void networks_infogan_trunk(gan_builder *builder);     /* 1 x 28 x 28 -> 1024 */
void networks_infogan_score(gan_builder *builder);     /* D's head, 1024 -> 1 */
void networks_infogan_code(gan_builder *builder);      /* Q's head, 1024 -> classes and codes */

#endif
