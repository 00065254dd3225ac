/* Relativistic average losses: each logit against the mean of the other side's. */
#include "loss/loss.h"

/* `up` shall be above the mean of `down`, and `down` below the mean of `up`. */
static gan_tensor *apart(gan_tape *tape, const gan_loss *loss, gan_tensor *up, gan_tensor *down) {
    const gan_loss_relativistic_options *o = gani_loss_options(loss);
    gan_tensor *u = gani_sub(tape, up, gani_mean(tape, down)), *v = gani_sub(tape, down, gani_mean(tape, up));
    switch (o->base) {
    case GAN_RELATIVISTIC_LEAST_SQUARES:
        return gani_add(tape, gani_mean_square(tape, u, 1, 1), gani_mean_square(tape, v, -1, 1));
    case GAN_RELATIVISTIC_HINGE:
        return gani_add(tape, gani_mean_hinge(tape, u, -1), gani_mean_hinge(tape, v, 1));
    default:
        return gani_add(tape, gani_bce_with_logits(tape, u, 1), gani_bce_with_logits(tape, v, 0));
    }
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    return apart(tape, loss, fake, real);
}

const gani_loss_type gani_loss_relativistic = {
    .name = "relativistic",
    .options_size = sizeof(gan_loss_relativistic_options),
    .discriminator = apart,
    .generator_pair = generator,
};
