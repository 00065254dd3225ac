/* Exported functions of gan/optimizer.h. */
#include <math.h>

#include "api/api.h"
#include "optim/optimizer.h"
#include "train/ema.h"

GAN_API void gan_adam_options_init_sized(gan_adam_options *options, size_t size) {
    gan_adam_options defaults = {.learning_rate = 2e-4, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int is_rate(double value) { return value >= 0 && isfinite(value); }
static int is_decay(double value) { return value >= 0 && value < 1; }

GAN_API gan_status gan_adam_create(gan_optimizer **out, gan_layer *layer, const gan_adam_options *options) {
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_adam_create", "an argument");
    gan_adam_options o;
    gan_adam_options_init(&o);
    gan_status status = gani_options_decode(layer->context, "gan_adam_create", options, &o, sizeof o);
    if (status != GAN_OK) return status;
    if (!is_rate(o.learning_rate) || !is_rate(o.weight_decay))
        return gani_fail(layer->context, GAN_E_ARGUMENT,
                         "gan_adam_create: learning_rate and weight_decay must be 0 or more");
    if (!is_decay(o.beta1) || !is_decay(o.beta2))
        return gani_fail(layer->context, GAN_E_ARGUMENT,
                         "gan_adam_create: beta1 and beta2 must be at least 0 and below 1");
    if (!(o.epsilon > 0) || !isfinite(o.epsilon))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "gan_adam_create: epsilon must be above 0");
    return gani_adam_create(out, layer->context, layer->tensors, layer->tensor_count, &o);
}

GAN_API void gan_optimizer_release(gan_optimizer *optimizer) { gani_optimizer_drop(optimizer); }

static gan_status check_step(const char *function, const gan_optimizer *optimizer, const gan_tape *tape,
                             const gan_tensor *loss) {
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (tape == NULL || loss == NULL)
        return gani_null(optimizer->context, function, tape == NULL ? "the tape" : "the loss");
    if (tape->context != optimizer->context)
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: the tape belongs to another context", function);
    if (tape->status == GAN_OK && loss->tape != tape)
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: the loss is not on this tape", function);
    return GAN_OK;
}

GAN_API gan_status gan_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    gan_status status = check_step("gan_optimizer_step", optimizer, tape, loss);
    return status != GAN_OK ? status : gani_optimizer_step(optimizer, tape, loss);
}

GAN_API gan_status gan_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    gan_status status = check_step("gan_optimizer_accumulate", optimizer, tape, loss);
    return status != GAN_OK ? status : gani_optimizer_accumulate(optimizer, tape, loss);
}

GAN_API gan_status gan_optimizer_set_all_reduce(gan_optimizer *optimizer,
                                                int32_t (*all_reduce)(void *user, void *data, int64_t count,
                                                                      gan_dtype dtype),
                                                void *user) {
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    optimizer->all_reduce = all_reduce;
    optimizer->all_reduce_user = user;
    return GAN_OK;
}

GAN_API double gan_optimizer_learning_rate(const gan_optimizer *optimizer) {
    return optimizer == NULL ? 0 : optimizer->options.learning_rate;
}

GAN_API gan_status gan_optimizer_set_learning_rate(gan_optimizer *optimizer, double learning_rate) {
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (!is_rate(learning_rate))
        return gani_fail(optimizer->context, GAN_E_ARGUMENT,
                         "gan_optimizer_set_learning_rate: the rate must be 0 or more");
    optimizer->options.learning_rate = learning_rate;
    return GAN_OK;
}

GAN_API int64_t gan_optimizer_steps(const gan_optimizer *optimizer) { return optimizer == NULL ? 0 : optimizer->steps; }

GAN_API gan_status gan_ema_create(gan_ema **out, gan_layer *layer, double decay) {
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_ema_create", "an argument");
    if (!is_decay(decay))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "gan_ema_create: decay must be at least 0 and below 1");
    return gani_ema_create(out, layer, decay);
}

GAN_API void gan_ema_release(gan_ema *ema) { gani_ema_drop(ema); }

GAN_API gan_status gan_ema_update(gan_ema *ema) {
    if (ema == NULL) return GAN_E_ARGUMENT;
    gani_ema_update(ema);
    return GAN_OK;
}

GAN_API gan_layer *gan_ema_layer(const gan_ema *ema) { return ema == NULL ? NULL : gani_ema_layer(ema); }
