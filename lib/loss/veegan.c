/* VEEGAN: a discriminator of pairs (z, x) whose logit is above 0 for generated ones, and the reconstruction of z. */
#include "loss/loss.h"

static gan_tensor *discriminator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    (void)loss;
    return gani_add(tape, gani_bce_with_logits(tape, fake, 1), gani_bce_with_logits(tape, real, 0));
}

static gan_tensor *generator(gan_tape *tape, const gan_loss *loss, gan_tensor *fake) {
    (void)loss;
    return gani_mean(tape, fake);
}

const gani_loss_type gani_loss_veegan = {
    .name = "veegan",
    .options_size = sizeof(gan_loss_veegan_options),
    .discriminator = discriminator,
    .generator = generator,
};

gan_tensor *gani_veegan_reconstruction(gan_tape *tape, const gan_loss *loss, gan_tensor *z, gan_tensor *reconstructed) {
    const gan_loss_veegan_options *o = gani_loss_options(loss);
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (!gan_shape_equal(z->shape, reconstructed->shape)) /* which subtraction would broadcast */
        return gani_tape_fail(tape, GAN_E_SHAPE, "veegan: z has shape %s, its reconstruction %s",
                              gani_shape_text(z->shape, a), gani_shape_text(reconstructed->shape, b));
    if (z->shape.rank == 0 || gani_count(z) == 0)
        return gani_tape_fail(tape, GAN_E_SHAPE, "veegan: z of shape %s is no batch of latent vectors",
                              gani_shape_text(z->shape, a));
    gan_tensor *square = gani_square(tape, gani_sub(tape, z, reconstructed));
    return gani_affine(tape, gani_sum(tape, square), o->reconstruction_factor / (double)z->shape.size[0], 0);
}
