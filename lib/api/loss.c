/* Exported functions of gan/loss.h. */
#include "loss/loss.h"
#include "api/api.h"

GAN_API void gan_loss_bce_options_init_sized(gan_loss_bce_options *options, size_t size) {
    gan_loss_bce_options defaults = {.real_target = 1, .generator = GAN_GENERATOR_NON_SATURATING};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int is_probability(double value) { return value >= 0 && value <= 1; }

GAN_API gan_status gan_loss_bce_create(gan_loss **out, gan_context *context, const gan_loss_bce_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || context == NULL) return gani_null(context, "gan_loss_bce_create", "an argument");
    gan_loss_bce_options o;
    gan_loss_bce_options_init(&o);
    gan_status status = gani_options_decode(context, "gan_loss_bce_create", options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_loss_bce_create", o.reserved);
    if (status != GAN_OK) return status;
    if (!is_probability(o.real_target) || !is_probability(o.fake_target))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_loss_bce_create: targets must be in 0 to 1");
    if (o.generator != GAN_GENERATOR_NON_SATURATING && o.generator != GAN_GENERATOR_MINIMAX)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_loss_bce_create: unknown generator term %ld", (long)o.generator);
    return gani_loss_new(out, context, &gani_loss_bce, &o);
}

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
    if (loss->type->discriminator == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: %s has no discriminator's term", loss->type->name);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, loss->type->discriminator(tape, loss, real, fake));
}

GAN_API gan_tensor *gan_loss_generator(gan_tape *tape, gan_loss *loss, gan_tensor *fake) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "loss", &fake, 1)) return gani_inert(tape);
    if (loss->type->generator == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: %s has no generator's term", loss->type->name);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, loss->type->generator(tape, loss, fake));
}

GAN_API gan_tensor *gan_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target) {
    GANI_ENTER();
    if (!gani_operands(tape, "bce_with_logits", &logits, 1)) return gani_inert(tape);
    if (!is_probability(target))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "bce_with_logits: the target must be in 0 to 1");
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_bce_with_logits(tape, logits, target));
}
