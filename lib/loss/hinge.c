/* Hinge: logits beyond the margin cost nothing. */
#include "loss/loss.h"

/* Where the margin is met exactly, relu's derivative at 0 is meant: 0. */
gan_tensor *gani_mean_hinge(gan_tape *tape, gan_tensor *logits, double sign) {
    return gani_mean(tape, gani_leaky_relu(tape, gani_affine(tape, logits, sign, 1), 0));
}

static gan_tensor *real_term(gan_tape *tape, const gan_loss *loss, gan_tensor *real) {
    (void)loss;
    return gani_mean_hinge(tape, real, -1);
}

static gan_tensor *fake_term(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    (void)loss;
    return gani_mean_hinge(tape, fake, 1);
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    (void)loss;
    return gani_neg(tape, gani_mean(tape, fake));
}

const gani_loss_type gani_loss_hinge = {
    .name = "hinge",
    .real = real_term,
    .fake = fake_term,
    .generator = generator,
};
