/* A classifier of K classes as the discriminator: the logit of "fake", a class more, is 0, so that "real" against
 * "fake" has the logit lse(l) = log sum e^l. */
#include "loss/loss.h"

static int has_classes(gan_tape *tape, const gani_classifier *s, const gan_tensor *logits) {
    char text[GANI_SHAPE_TEXT];
    if (gani_failed(tape)) return 0;
    if (logits->shape.rank >= 2 && logits->shape.size[1] == s->classes) return 1;
    gani_tape_fail(tape, GAN_E_SHAPE, "semi_supervised: logits of shape %s do not have %lld classes along axis 1",
                   gani_shape_text(logits->shape, text), (long long)s->classes);
    return 0;
}

static gan_tensor *lse(gan_tape *tape, const gan_loss *loss, gan_tensor *logits) {
    return has_classes(tape, gani_loss_options(loss), logits) ? gani_logsumexp(tape, logits, 1, 0) : &tape->inert;
}

/* -lse + softplus(lse) is softplus(-lse), where nothing cancels */
static gan_tensor *discriminator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    gan_tensor *sum = gani_add(tape, gani_bce_with_logits(tape, lse(tape, loss, real), 1),
                               gani_bce_with_logits(tape, lse(tape, loss, fake), 0));
    return gani_affine(tape, sum, 0.5, 0);
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    const gani_classifier *s = gani_loss_options(loss);
    gan_tensor *logit = lse(tape, loss, fake);
    if (s->options.generator == GAN_GENERATOR_NON_SATURATING) return gani_bce_with_logits(tape, logit, 1);
    return gani_neg(tape, gani_bce_with_logits(tape, logit, 0));
}

const gani_loss_type gani_loss_semi_supervised = {
    .name = "semi_supervised",
    .options_size = sizeof(gani_classifier),
    .discriminator = discriminator,
    .generator = generator,
};

gan_tensor *gani_semi_supervised(gan_tape *tape, const gan_loss *loss, gan_tensor *labelled, gan_tensor *labels,
                                 gan_tensor *unlabelled, gan_tensor *fake) {
    const gani_classifier *s = gani_loss_options(loss);
    gan_cross_entropy_options plain = gani_cross_entropy_defaults();
    if (!has_classes(tape, s, labelled)) return &tape->inert;
    gan_tensor *supervised = gani_cross_entropy(tape, labelled, labels, &plain);
    return gani_add(tape, supervised,
                    gani_affine(tape, discriminator(tape, loss, unlabelled, fake), s->options.weight, 0));
}
