/* WGAN-GP (Gulrajani et al. 2017, algorithm 1), one step of the critic to one of the generator. The penalty is written
 * with differentiable gradients. */
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
    return status == GAN_OK ? case_images(b, 0, image) : status;
}

/* mean (|dD(m)/dm| - 1)^2 at points m between reals and fakes */
static gan_tensor *penalty(bench *b, gan_tensor *real, gan_tensor *fake) {
    gan_tape *tape = b->tape;
    gan_tensor *share = gan_uniform(tape, GAN_F32, gan_shape_4d(b->batch, 1, 1, 1), 0, 1);
    gan_tensor *between = gan_add(tape, fake, gan_mul(tape, share, gan_sub(tape, real, fake)));
    gan_tensor *m = gan_watch(tape, between);
    gan_tensor *scores = gan_layer_forward(tape, b->networks[D], m);
    gan_tensor *gradient = gan_gradient(tape, scores, m, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *norms = gan_sqrt(tape, gan_sum_axes(tape, gan_square(tape, gradient), 0xEu, 0));
    return gan_mean(tape, gan_square(tape, gan_add_scalar(tape, norms, -1)));
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
    gan_tensor *loss = gan_add(tape, distance, gan_scale(tape, penalty(b, real, fake), 10));
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
