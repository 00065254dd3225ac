/* Exported functions of gan/optimizer.h. */
#include <math.h>

#include "api/api.h"
#include "optim/optimizer.h"
#include "train/ema.h"

/* ---- makers ---- */

GAN_API void gan_adam_options_init_sized(gan_adam_options *options, size_t size) {
    gan_adam_options defaults = {.learning_rate = 2e-4, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API void gan_rmsprop_options_init_sized(gan_rmsprop_options *options, size_t size) {
    gan_rmsprop_options defaults = {.learning_rate = 1e-2, .alpha = 0.99, .epsilon = 1e-8};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API void gan_sgd_options_init_sized(gan_sgd_options *options, size_t size) {
    gan_sgd_options defaults = {.learning_rate = 1e-3};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API void gan_group_options_init_sized(gan_group_options *options, size_t size) {
    gan_group_options defaults = {.learning_rate_factor = 1, .weight_decay = -1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int is_rate(double value) { return value >= 0 && isfinite(value); }
static int is_decay(double value) { return value >= 0 && value < 1; }
static int is_flag(int32_t value) { return value == 0 || value == 1; }

/* What all three makers begin with. */
static gan_status begin_maker(const char *function, gan_optimizer **out, const gan_layer *layer, const void *options,
                              void *known, size_t size) {
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL) return gani_null(layer == NULL ? NULL : layer->context, function, "an argument");
    return gani_options_decode(layer->context, function, options, known, size);
}

static gan_status check_rates(const char *function, gan_layer *layer, double rate, double weight_decay,
                              double momentum) {
    if (is_rate(rate) && is_rate(weight_decay) && is_rate(momentum)) return GAN_OK;
    return gani_fail(layer->context, GAN_E_ARGUMENT,
                     "%s: learning_rate, weight_decay and momentum must be 0 or more, and finite", function);
}

static gan_status make(gan_optimizer **out, gan_layer *layer, const gani_optimizer_rule *rule,
                       const gani_optimizer_config *config, double rate, double weight_decay, const char *prefix) {
    gan_optimizer *optimizer;
    gani_group group = {1, weight_decay};
    gan_status status = gani_optimizer_create(&optimizer, layer->context, rule, config, rate);
    if (status != GAN_OK) return status;
    gan_schedule_options_init(&optimizer->schedule);
    status = gani_optimizer_add_group(optimizer, layer->tensors, layer->tensor_count, prefix, &group);
    if (status != GAN_OK) {
        gani_optimizer_drop(optimizer);
        return status;
    }
    layer->sealed = 1;
    *out = optimizer;
    return GAN_OK;
}

static gan_status check_epsilon(const char *function, gan_layer *layer, double epsilon, int32_t mode) {
    if (!(epsilon > 0) || !isfinite(epsilon))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: epsilon must be above 0", function);
    if (mode < GAN_EPSILON_OUTSIDE || mode > GAN_EPSILON_INSIDE)
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: epsilon_mode is %ld, which is no GAN_EPSILON_...",
                         function, (long)mode);
    return GAN_OK;
}

static gan_status make_adam(const char *name, gan_optimizer **out, gan_layer *layer, const gani_optimizer_rule *rule,
                            const gan_adam_options *options) {
    gan_adam_options o;
    gan_adam_options_init(&o);
    gan_status status = begin_maker(name, out, layer, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(layer->context, name, o.reserved);
    if (status == GAN_OK) status = check_rates(name, layer, o.learning_rate, o.weight_decay, 0);
    if (status != GAN_OK) return status;
    if (!is_decay(o.beta1) || !is_decay(o.beta2))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: beta1 and beta2 must be at least 0 and below 1", name);
    status = check_epsilon(name, layer, o.epsilon, o.epsilon_mode);
    if (status != GAN_OK) return status;
    gani_optimizer_config config = {
        .beta1 = o.beta1, .beta2 = o.beta2, .epsilon = o.epsilon, .epsilon_mode = o.epsilon_mode};
    return make(out, layer, rule, &config, o.learning_rate, o.weight_decay, o.prefix);
}

GAN_API gan_status gan_adam_create(gan_optimizer **out, gan_layer *layer, const gan_adam_options *options) {
    GANI_ENTER();
    return make_adam("gan_adam_create", out, layer, &gani_optimizer_adam, options);
}

GAN_API gan_status gan_adamw_create(gan_optimizer **out, gan_layer *layer, const gan_adam_options *options) {
    GANI_ENTER();
    return make_adam("gan_adamw_create", out, layer, &gani_optimizer_adamw, options);
}

GAN_API gan_status gan_rmsprop_create(gan_optimizer **out, gan_layer *layer, const gan_rmsprop_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_rmsprop_create";
    gan_rmsprop_options o;
    gan_rmsprop_options_init(&o);
    gan_status status = begin_maker(name, out, layer, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(layer->context, name, o.reserved);
    if (status == GAN_OK) status = gani_options_reserved(layer->context, name, o.reserved2);
    if (status == GAN_OK) status = check_rates(name, layer, o.learning_rate, o.weight_decay, o.momentum);
    if (status != GAN_OK) return status;
    if (!is_decay(o.alpha))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: alpha must be at least 0 and below 1", name);
    status = check_epsilon(name, layer, o.epsilon, o.epsilon_mode);
    if (status != GAN_OK) return status;
    if (o.epsilon_mode == GAN_EPSILON_UNCORRECTED)
        return gani_fail(layer->context, GAN_E_ARGUMENT,
                         "%s: epsilon_mode is GAN_EPSILON_UNCORRECTED, but RMSProp has no correction: take "
                         "GAN_EPSILON_OUTSIDE or GAN_EPSILON_INSIDE",
                         name);
    if (!is_rate(o.initial_square))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: initial_square must be 0 or more, and finite", name);
    if (!is_flag(o.centered)) return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: centered must be 0 or 1", name);
    gani_optimizer_config config = {.alpha = o.alpha,
                                    .epsilon = o.epsilon,
                                    .momentum = o.momentum,
                                    .centered = o.centered,
                                    .epsilon_mode = o.epsilon_mode,
                                    .initial_square = o.initial_square};
    return make(out, layer, &gani_optimizer_rmsprop, &config, o.learning_rate, o.weight_decay, o.prefix);
}

GAN_API gan_status gan_sgd_create(gan_optimizer **out, gan_layer *layer, const gan_sgd_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_sgd_create";
    gan_sgd_options o;
    gan_sgd_options_init(&o);
    gan_status status = begin_maker(name, out, layer, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(layer->context, name, o.reserved);
    if (status == GAN_OK) status = check_rates(name, layer, o.learning_rate, o.weight_decay, o.momentum);
    if (status != GAN_OK) return status;
    if (!(o.dampening <= 1) || !isfinite(o.dampening))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: dampening must be 1 at most, and finite", name);
    if (!is_flag(o.nesterov)) return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: nesterov must be 0 or 1", name);
    if (o.nesterov && (o.momentum <= 0 || o.dampening != 0))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: nesterov needs a momentum above 0 and a dampening of 0",
                         name);
    gani_optimizer_config config = {.momentum = o.momentum, .dampening = o.dampening, .nesterov = o.nesterov};
    return make(out, layer, &gani_optimizer_sgd, &config, o.learning_rate, o.weight_decay, o.prefix);
}

static gan_status inside_step(const gan_optimizer *optimizer, const char *function) {
    return gani_fail(optimizer->context, GAN_E_STATE, "%s: called inside a step of this optimizer", function);
}

GAN_API gan_status gan_optimizer_add_layer(gan_optimizer *optimizer, gan_layer *layer,
                                           const gan_group_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_optimizer_add_layer";
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    gan_context *context = optimizer->context;
    if (layer == NULL) return gani_null(context, name, "the layer");
    if (optimizer->reducing) return inside_step(optimizer, name);
    if (layer->context != context)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the layer belongs to another context", name);
    gan_group_options o;
    gan_group_options_init(&o);
    gan_status status = gani_options_decode(context, name, options, &o, sizeof o);
    if (status != GAN_OK) return status;
    if (!is_rate(o.learning_rate_factor) || !(o.weight_decay == -1 || is_rate(o.weight_decay)))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "%s: learning_rate_factor and weight_decay must be 0 or more (a weight_decay of -1 is the "
                         "optimizer's)",
                         name);
    gani_group group = {o.learning_rate_factor,
                        o.weight_decay == -1 ? optimizer->groups[0].weight_decay : o.weight_decay};
    status = gani_optimizer_add_group(optimizer, layer->tensors, layer->tensor_count, o.prefix, &group);
    if (status == GAN_OK) layer->sealed = 1;
    return status;
}

/* ---- their use ---- */

GAN_API void gan_optimizer_release(gan_optimizer *optimizer) {
    GANI_ENTER();
    gani_optimizer_drop(optimizer);
}

static gan_status check_step(const char *function, const gan_optimizer *optimizer, const gan_tape *tape,
                             const gan_tensor *loss) {
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (tape == NULL) return gani_null(optimizer->context, function, "the tape");
    if (tape->context != optimizer->context)
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: the tape belongs to another context", function);
    if (optimizer->reducing) return inside_step(optimizer, function);
    if (tape->status == GAN_OK && loss != NULL && loss->tape != tape)
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: the loss is not on this tape", function);
    return GAN_OK;
}

GAN_API gan_status gan_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    GANI_ENTER();
    gan_status status = check_step("gan_optimizer_step", optimizer, tape, loss);
    if (status != GAN_OK) return status;
    gani_optimizer_retain(optimizer); /* its all-reduce callback may release it */
    status = gani_optimizer_step(optimizer, tape, loss);
    gani_optimizer_drop(optimizer);
    return status;
}

GAN_API gan_status gan_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    GANI_ENTER();
    gan_status status = check_step("gan_optimizer_accumulate", optimizer, tape, loss);
    if (status == GAN_OK && loss == NULL) return gani_null(optimizer->context, "gan_optimizer_accumulate", "the loss");
    return status != GAN_OK ? status : gani_optimizer_accumulate(optimizer, tape, loss);
}

GAN_API gan_status gan_optimizer_set_averaging(gan_optimizer *optimizer, int32_t on) {
    GANI_ENTER();
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (!is_flag(on))
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "gan_optimizer_set_averaging: on is %ld, not 0 or 1",
                         (long)on);
    optimizer->averaging = on;
    return GAN_OK;
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

GAN_API gan_status gan_optimizer_set_clipping(gan_optimizer *optimizer, double max_value, double max_norm) {
    GANI_ENTER();
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (!(max_value > 0) || !(max_norm > 0))
        return gani_fail(optimizer->context, GAN_E_ARGUMENT,
                         "gan_optimizer_set_clipping: max_value and max_norm must be above 0; INFINITY means off");
    optimizer->max_value = max_value;
    optimizer->max_norm = max_norm;
    return GAN_OK;
}

GAN_API void gan_schedule_options_init_sized(gan_schedule_options *options, size_t size) {
    gan_schedule_options defaults = {.kind = GAN_SCHEDULE_CONSTANT, .length = 1000, .interval = 1000, .factor = 0.1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_optimizer_set_schedule(gan_optimizer *optimizer, const gan_schedule_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_optimizer_set_schedule";
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    gan_context *context = optimizer->context;
    gan_schedule_options o;
    gan_schedule_options_init(&o);
    gan_status status = gani_options_decode(context, name, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, name, o.reserved);
    if (status != GAN_OK) return status;
    if (o.kind < GAN_SCHEDULE_CONSTANT || o.kind > GAN_SCHEDULE_COSINE)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: kind is %ld, which is no GAN_SCHEDULE_...", name, (long)o.kind);
    if (o.start < 0 || o.warm_up < 0 || o.length < 1 || o.interval < 1)
        return gani_fail(context, GAN_E_ARGUMENT,
                         "%s: start and warm_up must be 0 or more, length and interval 1 or more", name);
    if (!is_rate(o.factor) || !is_rate(o.final_factor))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: factor and final_factor must be 0 or more, and finite", name);
    optimizer->schedule = o;
    return GAN_OK;
}

GAN_API double gan_optimizer_learning_rate(const gan_optimizer *optimizer) {
    GANI_ENTER();
    if (optimizer == NULL) return 0;
    return optimizer->learning_rate * gani_schedule_factor(&optimizer->schedule, optimizer->steps);
}

GAN_API gan_status gan_optimizer_set_learning_rate(gan_optimizer *optimizer, double learning_rate) {
    GANI_ENTER();
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (!is_rate(learning_rate))
        return gani_fail(optimizer->context, GAN_E_ARGUMENT,
                         "gan_optimizer_set_learning_rate: the rate must be 0 or more");
    optimizer->learning_rate = learning_rate;
    return GAN_OK;
}

GAN_API gan_status gan_optimizer_set_momentum(gan_optimizer *optimizer, double momentum) {
    GANI_ENTER();
    if (optimizer == NULL) return GAN_E_ARGUMENT;
    if (!(optimizer->config.momentum > 0)) /* it keeps no buffer for it */
        return gani_fail(optimizer->context, GAN_E_UNSUPPORTED,
                         "gan_optimizer_set_momentum: this optimizer (%s) was made without momentum",
                         optimizer->rule->kind);
    if (!(momentum > 0) || !isfinite(momentum))
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "gan_optimizer_set_momentum: %g is not above 0", momentum);
    optimizer->config.momentum = momentum;
    return GAN_OK;
}

GAN_API double gan_optimizer_gradient_norm(const gan_optimizer *optimizer) {
    return optimizer == NULL ? (double)NAN : optimizer->gradient_norm;
}

GAN_API int64_t gan_optimizer_steps(const gan_optimizer *optimizer) { return optimizer == NULL ? 0 : optimizer->steps; }

GAN_API gan_status gan_ema_create(gan_ema **out, gan_layer *layer, double decay) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_ema_create", "an argument");
    if (!is_decay(decay))
        return gani_fail(layer->context, GAN_E_ARGUMENT, "gan_ema_create: decay must be at least 0 and below 1");
    return gani_ema_create(out, layer, decay);
}

GAN_API void gan_ema_release(gan_ema *ema) {
    GANI_ENTER();
    gani_ema_drop(ema);
}

GAN_API gan_status gan_ema_update(gan_ema *ema) {
    GANI_ENTER();
    if (ema == NULL) return GAN_E_ARGUMENT;
    gani_ema_update(ema);
    return GAN_OK;
}

GAN_API gan_status gan_ema_set_decay(gan_ema *ema, double decay) {
    GANI_ENTER();
    if (ema == NULL) return GAN_E_ARGUMENT;
    if (!is_decay(decay))
        return gani_fail(gani_ema_layer(ema)->context, GAN_E_ARGUMENT,
                         "gan_ema_set_decay: decay must be at least 0 and below 1");
    ema->decay = decay;
    return GAN_OK;
}

GAN_API double gan_ema_decay_of_half_life(double half_life, double ramp_up, int64_t images_seen, int64_t batch) {
    GANI_ENTER();
    double ramped = ramp_up * (double)images_seen;
    if (ramp_up > 0 && ramped < half_life) half_life = ramped;
    if (!(half_life > 0) || !isfinite(half_life) || batch < 1) return 0;
    return exp2(-(double)batch / half_life);
}

GAN_API gan_layer *gan_ema_layer(const gan_ema *ema) { return ema == NULL ? NULL : gani_ema_layer(ema); }
