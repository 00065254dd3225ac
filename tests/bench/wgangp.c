/* WGAN-GP (Gulrajani et al. 2017, algorithm 1), one step of the critic to one of the generator. */
#include "case.h"
#include "networks.h"

enum { G, D };
enum { LATENT = 128 };

gan_status wgangp_begin(bench *b) {
    gan_shape image = gan_shape_3d(3, 32, 32);
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = 1e-4;
    adam.beta1 = 0;
    adam.beta2 = 0.9;
    gan_status status =
        networks_build(&b->networks[G], b->context, gan_shape_1d(LATENT), GAN_F32, networks_wgangp_generator);
    if (status == GAN_OK) status = networks_build(&b->networks[D], b->context, image, GAN_F32, networks_wgangp_critic);
    for (int side = G; side <= D && status == GAN_OK; side++) status = case_adam(b, side, side, side, &adam);
    if (status == GAN_OK) status = gan_loss_gradient_penalty_create(&b->loss, b->context, NULL);
    return status == GAN_OK ? case_images(b, 0, image) : status;
}

static gan_tensor *penalty(bench *b, gan_tensor *real, gan_tensor *fake) {
    gan_tensor *points = gan_loss_penalty_points(b->tape, b->loss, real, fake);
    return gan_loss_penalty(b->tape, b->loss, gan_layer_forward(b->tape, b->networks[D], points), points);
}

gan_status wgangp_step(bench *b) {
    gan_tape *tape = b->tape;
    gan_layer *d = b->networks[D];
    gan_tensor *real = b->inputs[0];
    gan_tape_reset(tape);
    gan_tensor *images =
        gan_layer_forward(tape, b->networks[G], gan_normal(tape, GAN_F32, gan_shape_2d(b->batch, LATENT)));
    gan_tensor *fake = gan_detach(tape, images);
    gan_tensor *distance = gan_sub(tape, gan_mean(tape, gan_layer_forward(tape, d, fake)),
                                   gan_mean(tape, gan_layer_forward(tape, d, real)));
    gan_tensor *loss = gan_add(tape, distance, penalty(b, real, fake));
    gan_status status = gan_optimizer_step(b->optimizers[D], tape, loss);
    if (status != GAN_OK) return status;
    loss = gan_neg(tape, gan_mean(tape, gan_layer_forward(tape, d, images)));
    return gan_optimizer_step(b->optimizers[G], tape, loss);
}

void wgangp_count(const bench *b, work *w) {
    const gan_layer *g = b->networks[G], *d = b->networks[D];
    work_train(w, g, 1);
    work_train(w, d, 2);
    work_through(w, d, 1); /* the penalty's gradient, ... */
    work_penalty(w, d, 1); /* ... differentiated: leaky ReLU has no second derivative */
    work_through(w, d, 1);
}
