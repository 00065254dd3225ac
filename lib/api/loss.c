/* Exported functions of gan/loss.h: what losses have in common. */
#include "loss/loss.h"
#include "api/api.h"

#include <math.h>

GAN_API void gan_loss_release(gan_loss *loss) {
    GANI_ENTER();
    gani_loss_drop(loss);
}

int gani_loss_usable(gan_tape *tape, const gan_loss *loss) {
    if (tape == NULL || gani_failed(tape)) return 0;
    if (loss == NULL)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: the loss is NULL");
    else if (loss->context != tape->context)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: the loss belongs to another context");
    return !gani_failed(tape);
}

GAN_API gan_tensor *gan_loss_discriminator(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {real, fake};
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "loss", inputs, 2)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_loss_discriminator(tape, loss, real, fake));
}

GAN_API gan_tensor *gan_loss_generator(gan_tape *tape, gan_loss *loss, gan_tensor *fake) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "loss", &fake, 1)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_loss_generator(tape, loss, NULL, fake));
}

GAN_API gan_tensor *gan_loss_generator_pair(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {real, fake};
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "loss", inputs, 2)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_loss_generator(tape, loss, real, fake));
}

GAN_API gan_tensor *gan_loss_matching_discriminator(gan_tape *tape, gan_loss *loss, gan_tensor *right,
                                                    gan_tensor *wrong, gan_tensor *fake) {
    GANI_ENTER();
    gan_tensor *inputs[3] = {right, wrong, fake};
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "loss", inputs, 3)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_loss_matching(tape, loss, right, wrong, fake));
}

GAN_API gan_status gan_loss_constrain(gan_loss *loss, gan_layer *discriminator) {
    GANI_ENTER();
    if (loss == NULL || discriminator == NULL)
        return gani_null(loss != NULL            ? loss->context
                         : discriminator != NULL ? discriminator->context
                                                 : NULL,
                         "gan_loss_constrain", "an argument");
    if (loss->context != discriminator->context)
        return gani_fail(loss->context, GAN_E_ARGUMENT,
                         "gan_loss_constrain: the loss and the layer are of different contexts");
    double clip = loss->type->clip == NULL ? (double)INFINITY : loss->type->clip(loss);
    if (isfinite(clip)) gani_clip_parameters(discriminator->tensors, discriminator->tensor_count, clip);
    return GAN_OK;
}
