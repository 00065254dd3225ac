/* Exported functions of gan/loss.h: likelihoods of pixels. */
#include "api/api.h"
#include "loss/loss.h"

static int ready(gan_tape *tape, const char *name, gan_tensor *maps, gan_tensor *images, gan_likelihood_unit unit) {
    gan_tensor *inputs[2] = {maps, images};
    if (!gani_operands(tape, name, inputs, 2)) return 0;
    if (unit != GAN_NATS_PER_IMAGE && unit != GAN_BITS_PER_DIM)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: there is no unit %ld; it is GAN_NATS_PER_IMAGE or GAN_BITS_PER_DIM",
                       name, (long)unit);
    return !gani_failed(tape);
}

GAN_API gan_tensor *gan_nll_categorical(gan_tape *tape, gan_tensor *logits, gan_tensor *images,
                                        gan_likelihood_unit unit) {
    GANI_ENTER();
    if (!ready(tape, "nll_categorical", logits, images, unit)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_nll_categorical(tape, logits, images, unit));
}

GAN_API gan_tensor *gan_nll_bernoulli(gan_tape *tape, gan_tensor *logits, gan_tensor *images,
                                      gan_likelihood_unit unit) {
    GANI_ENTER();
    if (!ready(tape, "nll_bernoulli", logits, images, unit)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_nll_bernoulli(tape, logits, images, unit));
}

GAN_API gan_tensor *gan_nll_logistic_mixture(gan_tape *tape, gan_tensor *parameters, gan_tensor *images,
                                             int64_t mixtures, gan_likelihood_unit unit) {
    GANI_ENTER();
    if (!ready(tape, "nll_logistic_mixture", parameters, images, unit)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_nll_logistic_mixture(tape, parameters, images, mixtures, unit));
}
