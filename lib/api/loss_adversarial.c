/* Exported functions of gan/loss.h: the adversarial losses one by one. */
#include "loss/loss.h"
#include "api/api.h"
#include "api/ranges.h"

#include <math.h>

GAN_API void gan_loss_bce_options_init_sized(gan_loss_bce_options *options, size_t size) {
    gan_loss_bce_options defaults = {.real_target = 1, .generator = GAN_GENERATOR_NON_SATURATING};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_bce_create(gan_loss **out, gan_context *context, const gan_loss_bce_options *options) {
    GANI_ENTER();
    gan_loss_bce_options o;
    gan_loss_bce_options_init(&o);
    gan_status status = gani_loss_begin(out, context, "gan_loss_bce_create", options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_loss_bce_create", o.reserved);
    if (status != GAN_OK) return status;
    const gani_range ranges[] = {{"real_target", o.real_target, 0, 1}, {"fake_target", o.fake_target, 0, 1}};
    status = gani_check_ranges(context, "gan_loss_bce_create", ranges, 2);
    if (status != GAN_OK) return status;
    if (o.generator != GAN_GENERATOR_NON_SATURATING && o.generator != GAN_GENERATOR_MINIMAX)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_loss_bce_create: unknown generator term %ld", (long)o.generator);
    return gani_loss_new(out, context, &gani_loss_bce, &o);
}

GAN_API gan_tensor *gan_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target) {
    GANI_ENTER();
    if (!gani_operands(tape, "bce_with_logits", &logits, 1)) return gani_inert(tape);
    const gani_range range = {"target", target, 0, 1};
    if (!gani_tape_ranges(tape, "bce_with_logits", &range, 1)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_bce_with_logits(tape, logits, target));
}

GAN_API void gan_loss_least_squares_options_init_sized(gan_loss_least_squares_options *options, size_t size) {
    gan_loss_least_squares_options defaults = {.real_target = 1, .generator_target = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_least_squares_create(gan_loss **out, gan_context *context,
                                                 const gan_loss_least_squares_options *options) {
    GANI_ENTER();
    gan_loss_least_squares_options o;
    gan_loss_least_squares_options_init(&o);
    gan_status status = gani_loss_begin(out, context, "gan_loss_least_squares_create", options, &o, sizeof o);
    if (status != GAN_OK) return status;
    const gani_range ranges[] = {{"fake_target", o.fake_target, -GANI_ANY_SIZE, GANI_ANY_SIZE},
                                 {"real_target", o.real_target, -GANI_ANY_SIZE, GANI_ANY_SIZE},
                                 {"generator_target", o.generator_target, -GANI_ANY_SIZE, GANI_ANY_SIZE}};
    status = gani_check_ranges(context, "gan_loss_least_squares_create", ranges, 3);
    return status != GAN_OK ? status : gani_loss_new(out, context, &gani_loss_least_squares, &o);
}

GAN_API void gan_loss_wasserstein_options_init_sized(gan_loss_wasserstein_options *options, size_t size) {
    gan_loss_wasserstein_options defaults = {.clip = 0.01};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_wasserstein_create(gan_loss **out, gan_context *context,
                                               const gan_loss_wasserstein_options *options) {
    GANI_ENTER();
    gan_loss_wasserstein_options o;
    gan_loss_wasserstein_options_init(&o);
    gan_status status = gani_loss_begin(out, context, "gan_loss_wasserstein_create", options, &o, sizeof o);
    if (status != GAN_OK) return status;
    if (!(o.clip > 0))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_loss_wasserstein_create: clip %g is not above 0; INFINITY leaves weights as they are",
                         o.clip);
    return gani_loss_new(out, context, &gani_loss_wasserstein, &o);
}

GAN_API gan_status gan_loss_hinge_create(gan_loss **out, gan_context *context) {
    GANI_ENTER();
    gan_status status = gani_loss_begin(out, context, "gan_loss_hinge_create", NULL, NULL, 0);
    return status == GAN_OK ? gani_loss_new(out, context, &gani_loss_hinge, NULL) : status;
}

GAN_API void gan_loss_relativistic_options_init_sized(gan_loss_relativistic_options *options, size_t size) {
    gan_loss_relativistic_options defaults = {.base = GAN_RELATIVISTIC_BCE};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_relativistic_create(gan_loss **out, gan_context *context,
                                                const gan_loss_relativistic_options *options) {
    GANI_ENTER();
    gan_loss_relativistic_options o;
    gan_loss_relativistic_options_init(&o);
    gan_status status = gani_loss_begin(out, context, "gan_loss_relativistic_create", options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_loss_relativistic_create", o.reserved);
    if (status != GAN_OK) return status;
    if (o.base < GAN_RELATIVISTIC_BCE || o.base > GAN_RELATIVISTIC_HINGE)
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_loss_relativistic_create: unknown base %ld; take GAN_RELATIVISTIC_BCE, _LEAST_SQUARES or "
                         "_HINGE",
                         (long)o.base);
    return gani_loss_new(out, context, &gani_loss_relativistic, &o);
}

GAN_API void gan_loss_veegan_options_init_sized(gan_loss_veegan_options *options, size_t size) {
    gan_loss_veegan_options defaults = {.reconstruction_factor = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_veegan_create(gan_loss **out, gan_context *context,
                                          const gan_loss_veegan_options *options) {
    GANI_ENTER();
    gan_loss_veegan_options o;
    gan_loss_veegan_options_init(&o);
    gan_status status = gani_loss_begin(out, context, "gan_loss_veegan_create", options, &o, sizeof o);
    if (status != GAN_OK) return status;
    if (!(o.reconstruction_factor >= 0) || !isfinite(o.reconstruction_factor))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_loss_veegan_create: the reconstruction's factor %g is not a finite number of 0 or more",
                         o.reconstruction_factor);
    return gani_loss_new(out, context, &gani_loss_veegan, &o);
}

GAN_API gan_tensor *gan_loss_veegan_reconstruction(gan_tape *tape, gan_loss *loss, gan_tensor *z,
                                                   gan_tensor *reconstructed) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {z, reconstructed};
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "loss", inputs, 2)) return gani_inert(tape);
    if (!gani_loss_is(tape, loss, &gani_loss_veegan)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_veegan_reconstruction(tape, loss, z, reconstructed));
}
