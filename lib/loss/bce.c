/* Binary cross-entropy from logits: softplus(s) - t s. */
#include "loss/loss.h"

gan_tensor *gani_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target) {
    gan_tensor *positive = gani_softplus(tape, logits);
    if (target == 0) return gani_mean(tape, positive);
    return gani_mean(tape, gani_sub(tape, positive, gani_affine(tape, logits, target, 0)));
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
