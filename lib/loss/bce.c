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

static gan_tensor *discriminator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    return gani_add(tape, gani_bce_with_logits(tape, real, loss->bce.real_target),
                    gani_bce_with_logits(tape, fake, loss->bce.fake_target));
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    if (loss->bce.generator == GAN_GENERATOR_MINIMAX) /* log(1 - sigmoid(s)) = -softplus(s) */
        return gani_affine(tape, gani_mean(tape, gani_softplus(tape, fake)), -1, 0);
    return gani_bce_with_logits(tape, fake, 1);
}

static const gani_loss_type bce_type = {"bce", discriminator, generator};

gan_status gani_loss_bce_create(gan_loss **out, gan_context *context, const gan_loss_bce_options *options) {
    *out = NULL;
    gan_loss *loss = gani_calloc(context, 1, sizeof *loss);
    if (loss == NULL) return gani_no_memory(context, "loss");
    atomic_init(&loss->references, 1);
    loss->context = gani_context_retain(context);
    loss->type = &bce_type;
    loss->bce = *options;
    *out = loss;
    return GAN_OK;
}

void gani_loss_drop(gan_loss *loss) {
    if (loss == NULL || atomic_fetch_sub(&loss->references, 1) != 1) return;
    gan_context *context = loss->context;
    gani_free(context, loss);
    gan_context_release(context);
}
