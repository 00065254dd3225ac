/* Exported functions of gan/loss.h: what losses have in common. */
#include "loss/terms.h"

#include "api/api.h"
#include "api/ranges.h"

#include <math.h>

GAN_API gan_context *gan_loss_context(const gan_loss *loss) { return loss == NULL ? NULL : loss->context; }

GAN_API void gan_loss_release(gan_loss *loss) {
    GANI_ENTER();
    gani_loss_drop(loss);
}

gan_status gani_loss_begin(gan_loss **out, gan_context *context, const char *function, const void *options, void *known,
                           size_t size) {
    if (out != NULL) *out = NULL;
    if (out == NULL || context == NULL) return gani_null(context, function, "an argument");
    return gani_options_decode(context, function, options, known, size);
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

/* ---- losses with a state ---- */

GAN_API void gan_loss_historical_averaging_options_init_sized(gan_loss_historical_averaging_options *options,
                                                              size_t size) {
    gan_loss_historical_averaging_options defaults = {.weight = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_historical_averaging_create(gan_loss **out, gan_layer *layer,
                                                        const gan_loss_historical_averaging_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_historical_averaging_create";
    gan_loss_historical_averaging_options o;
    gan_loss_historical_averaging_options_init(&o);
    gan_status status = gani_loss_begin(out, layer == NULL ? NULL : layer->context, name, options, &o, sizeof o);
    const gani_range range = {"weight", o.weight, 0, GANI_ANY_SIZE};
    if (status == GAN_OK) status = gani_check_ranges(layer->context, name, &range, 1);
    if (status != GAN_OK) return status;
    if (gani_layer_parameter_count(layer) == 0)
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: the layer has no parameters", name);
    status = gani_history_create(out, layer->context, layer->tensors, layer->tensor_count, &o);
    if (status == GAN_OK) layer->sealed = 1;
    return status;
}

GAN_API gan_tensor *gan_loss_historical_averaging(gan_tape *tape, gan_loss *loss) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss) || !gani_loss_is(tape, loss, &gani_loss_history)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_history(tape, loss));
}

GAN_API gan_status gan_loss_historical_averaging_update(gan_loss *loss) {
    GANI_ENTER();
    if (loss == NULL) return GAN_E_ARGUMENT;
    if (loss->type != &gani_loss_history)
        return gani_fail(loss->context, GAN_E_ARGUMENT, "gan_loss_historical_averaging_update: %s has no history",
                         loss->type->name);
    gani_history_update(loss);
    return GAN_OK;
}

GAN_API void gan_loss_path_length_options_init_sized(gan_loss_path_length_options *options, size_t size) {
    gan_loss_path_length_options defaults = {.weight = 2, .decay = 0.01, .interval = 4, .batch_shrink = 2};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_path_length_create(gan_loss **out, gan_context *context,
                                               const gan_loss_path_length_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_path_length_create";
    gan_loss_path_length_options o;
    gan_loss_path_length_options_init(&o);
    gan_status status = gani_loss_begin(out, context, name, options, &o, sizeof o);
    const gani_range range = {"weight", o.weight, 0, GANI_ANY_SIZE};
    if (status == GAN_OK) status = gani_check_ranges(context, name, &range, 1);
    if (status != GAN_OK) return status;
    if (!(o.decay > 0 && o.decay <= 1))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: decay is %g; it must be above 0 and at most 1", name, o.decay);
    if (o.interval < 1 || o.batch_shrink < 1)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: interval is %lld and batch_shrink %lld; both must be 1 or more",
                         name, (long long)o.interval, (long long)o.batch_shrink);
    return gani_path_length_create(out, context, &o);
}

GAN_API gan_tensor *gan_loss_path_length_latents(gan_tape *tape, gan_loss *loss, gan_tensor *w) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss) || !gani_loss_is(tape, loss, &gani_loss_path_length) ||
        !gani_operands(tape, "path_length", &w, 1))
        return gani_inert(tape);
    return gani_path_length_latents(tape, loss, w);
}

GAN_API gan_tensor *gan_loss_path_length(gan_tape *tape, gan_loss *loss, gan_tensor *images, gan_tensor *w) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {images, w};
    if (!gani_loss_usable(tape, loss) || !gani_loss_is(tape, loss, &gani_loss_path_length) ||
        !gani_operands(tape, "path_length", inputs, 2))
        return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_path_length(tape, loss, images, w));
}

GAN_API double gan_loss_path_length_mean(const gan_loss *loss) {
    GANI_ENTER();
    return loss == NULL || loss->type != &gani_loss_path_length ? 0 : gani_path_length_mean(loss);
}
