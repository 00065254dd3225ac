/* Exported functions of gan/loss.h: losses with labels. */
#include "loss/loss.h"
#include "api/api.h"

#include <math.h>

GAN_API void gan_cross_entropy_options_init_sized(gan_cross_entropy_options *options, size_t size) {
    GANI_ENTER();
    gan_cross_entropy_options defaults = gani_cross_entropy_defaults();
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_tensor *gan_cross_entropy(gan_tape *tape, gan_tensor *logits, gan_tensor *labels,
                                      const gan_cross_entropy_options *options) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {logits, labels};
    if (!gani_operands(tape, "cross_entropy", inputs, 2)) return gani_inert(tape);
    gan_cross_entropy_options o = gani_cross_entropy_defaults();
    if (!gani_tape_decode(tape, "cross_entropy", options, &o, sizeof o)) return gani_inert(tape);
    if (!(o.label_smoothing >= 0 && o.label_smoothing <= 1))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "cross_entropy: label_smoothing %g is not in 0 to 1",
                              o.label_smoothing);
    if (o.ignore != 0 && o.ignore != 1)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "cross_entropy: ignore is %ld, neither 0 nor 1", (long)o.ignore);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_cross_entropy(tape, logits, labels, &o));
}

GAN_API void gan_loss_semi_supervised_options_init_sized(gan_loss_semi_supervised_options *options, size_t size) {
    gan_loss_semi_supervised_options defaults = {.weight = 1, .generator = GAN_GENERATOR_MINIMAX};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_semi_supervised_create(gan_loss **out, gan_context *context, int64_t classes,
                                                   const gan_loss_semi_supervised_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_semi_supervised_create";
    gani_classifier s = {.classes = classes};
    gan_loss_semi_supervised_options *o = &s.options;
    gan_loss_semi_supervised_options_init(o);
    gan_status status = gani_loss_begin(out, context, name, options, o, sizeof *o);
    if (status == GAN_OK) status = gani_options_reserved(context, name, o->reserved);
    if (status != GAN_OK) return status;
    if (classes < 2)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: %lld classes; 2 are the fewest", name, (long long)classes);
    if (!(o->weight >= 0) || !isfinite(o->weight))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: weight %g is not a finite number of 0 or more", name, o->weight);
    if (o->generator != GAN_GENERATOR_NON_SATURATING && o->generator != GAN_GENERATOR_MINIMAX)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: unknown generator term %ld", name, (long)o->generator);
    return gani_loss_new(out, context, &gani_loss_semi_supervised, &s);
}

GAN_API gan_tensor *gan_loss_semi_supervised(gan_tape *tape, gan_loss *loss, gan_tensor *labelled, gan_tensor *labels,
                                             gan_tensor *unlabelled, gan_tensor *fake) {
    GANI_ENTER();
    gan_tensor *inputs[4] = {labelled, labels, unlabelled, fake};
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "semi_supervised", inputs, 4)) return gani_inert(tape);
    if (!gani_loss_is(tape, loss, &gani_loss_semi_supervised)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_semi_supervised(tape, loss, labelled, labels, unlabelled, fake));
}
