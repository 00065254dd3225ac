/* Binary cross-entropy from logits: softplus(s) - t s. */
#include "loss/loss.h"

gan_tensor *gani_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target) {
    /* t softplus(-s) + (1 - t) softplus(s): equal, and exact where softplus(s) - t s would cancel */
    gan_tensor *real = target == 0 ? NULL : gani_softplus(tape, gani_affine(tape, logits, -1, 0));
    gan_tensor *fake = target == 1 ? NULL : gani_softplus(tape, logits);
    if (real == NULL) return gani_mean(tape, fake);
    if (fake == NULL) return gani_mean(tape, real);
    return gani_mean(tape, gani_add(tape, gani_affine(tape, real, target, 0), gani_affine(tape, fake, 1 - target, 0)));
}

static gan_tensor *real_term(gan_tape *tape, const gan_loss *loss, gan_tensor *real) {
    const gan_loss_bce_options *o = gani_loss_options(loss);
    return gani_bce_with_logits(tape, real, o->real_target);
}

static gan_tensor *fake_term(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    const gan_loss_bce_options *o = gani_loss_options(loss);
    return gani_bce_with_logits(tape, fake, o->fake_target);
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    const gan_loss_bce_options *o = gani_loss_options(loss);
    if (o->generator == GAN_GENERATOR_MINIMAX) /* log(1 - sigmoid(s)) = -softplus(s) */
        return gani_affine(tape, gani_mean(tape, gani_softplus(tape, fake)), -1, 0);
    return gani_bce_with_logits(tape, fake, 1);
}

const gani_loss_type gani_loss_bce = {
    .name = "bce",
    .options_size = sizeof(gan_loss_bce_options),
    .real = real_term,
    .fake = fake_term,
    .generator = generator,
};
