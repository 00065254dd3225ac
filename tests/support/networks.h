/* The networks that goldens and benchmarks train, as builders write them. Their twins in PyTorch are in
 * golden/make_dcgan.py and bench/torch_peer.py. */
#ifndef TESTS_SUPPORT_NETWORKS_H
#define TESTS_SUPPORT_NETWORKS_H

#include <gan/layer.h>

#define NETWORKS_LATENT 100

typedef struct networks_case {
    const char *name;
    const char *text;        /* one line for --help */
    int64_t batch;           /* the usual one */
    int64_t channels, size;  /* of the images */
    int32_t latent_is_image; /* latent vectors are 100 x 1 x 1, else 100 */
    void (*generator)(gan_builder *builder);
    void (*discriminator)(gan_builder *builder);
    int32_t dcgan_init; /* gan_layer_init_dcgan, else the default */
} networks_case;

/* Ends with an entry whose name is NULL. */
extern const networks_case networks_cases[];
const networks_case *networks_find(const char *name); /* NULL if there is none */

gan_shape networks_image_shape(const networks_case *c);  /* without the batch axis */
gan_shape networks_latent_shape(const networks_case *c); /* without the batch axis */
gan_shape networks_batch_shape(gan_shape item, int64_t batch);

/* Both networks, initialised: the generator first. */
gan_status networks_make(gan_layer **generator, gan_layer **discriminator, gan_context *context, const networks_case *c,
                         gan_dtype dtype);

#endif
