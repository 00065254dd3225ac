/* Least squares: half the mean square of the distance to a target. */
#include "loss/loss.h"

gan_tensor *gani_mean_square(gan_tape *tape, gan_tensor *logits, double target, double factor) {
    gan_tensor *square = gani_square(tape, gani_affine(tape, logits, 1, -target));
    return gani_affine(tape, gani_mean(tape, square), factor, 0);
}

static gan_tensor *real_term(gan_tape *tape, const gan_loss *loss, gan_tensor *real) {
    const gan_loss_least_squares_options *o = gani_loss_options(loss);
    return gani_mean_square(tape, real, o->real_target, 0.5);
}

static gan_tensor *fake_term(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    const gan_loss_least_squares_options *o = gani_loss_options(loss);
    return gani_mean_square(tape, fake, o->fake_target, 0.5);
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    const gan_loss_least_squares_options *o = gani_loss_options(loss);
    return gani_mean_square(tape, fake, o->generator_target, 0.5);
}

const gani_loss_type gani_loss_least_squares = {
    .name = "least_squares",
    .options_size = sizeof(gan_loss_least_squares_options),
    .real = real_term,
    .fake = fake_term,
    .generator = generator,
};
