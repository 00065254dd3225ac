/* Exported functions of gan/optimizer.h. */
#include <math.h>

#include "api/api.h"
#include "api/ranges.h"
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

static gan_status check_decay(const char *function, gan_context *context, const char *name, double value) {
    if (value >= 0 && value < 1) return GAN_OK;
    return gani_fail(context, GAN_E_ARGUMENT, "%s: %s is %g; it must be at least 0 and below 1", function, name, value);
}

/* What all three makers begin with. */
static gan_status begin_maker(const char *function, gan_optimizer **out, const gan_layer *layer, const void *options,
                              void *known, size_t size) {
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL) return gani_null(layer == NULL ? NULL : layer->context, function, "an argument");
    return gani_options_decode(layer->context, function, options, known, size);
}

static gan_status check_rates(const char *function, gan_layer *layer, double rate, double weight_decay,
                              double momentum) {
    const gani_range ranges[] = {{"learning_rate", rate, 0, GANI_ANY_SIZE},
                                 {"weight_decay", weight_decay, 0, GANI_ANY_SIZE},
                                 {"momentum", momentum, 0, GANI_ANY_SIZE}};
    return gani_check_ranges(layer->context, function, ranges, 3);
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
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: epsilon is %g; it must be above 0, and finite", function,
                         epsilon);
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
    status = check_decay(name, layer->context, "beta1", o.beta1);
    if (status == GAN_OK) status = check_decay(name, layer->context, "beta2", o.beta2);
    if (status == GAN_OK) status = check_epsilon(name, layer, o.epsilon, o.epsilon_mode);
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
    if (status == GAN_OK) status = check_decay(name, layer->context, "alpha", o.alpha);
    if (status == GAN_OK) status = check_epsilon(name, layer, o.epsilon, o.epsilon_mode);
    if (status != GAN_OK) return status;
    if (o.epsilon_mode == GAN_EPSILON_UNCORRECTED)
        return gani_fail(layer->context, GAN_E_ARGUMENT,
                         "%s: epsilon_mode is GAN_EPSILON_UNCORRECTED, but RMSProp has no correction: take "
                         "GAN_EPSILON_OUTSIDE or GAN_EPSILON_INSIDE",
                         name);
    const gani_range ranges[] = {{"initial_square", o.initial_square, 0, GANI_ANY_SIZE},
                                 {"centered", o.centered, 0, 1}};
    status = gani_check_ranges(layer->context, name, ranges, 2);
    if (status != GAN_OK) return status;
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
        return gani_fail(layer->context, GAN_E_ARGUMENT, "%s: dampening is %g; it must be 1 at most, and finite", name,
                         o.dampening);
    const gani_range range = {"nesterov", o.nesterov, 0, 1};
    status = gani_check_ranges(layer->context, name, &range, 1);
    if (status != GAN_OK) return status;
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
    const gani_range ranges[] = {
        {"learning_rate_factor", o.learning_rate_factor, 0, GANI_ANY_SIZE},
        {"weight_decay (or -1: the optimizer's)", o.weight_decay == -1 ? 0 : o.weight_decay, 0, GANI_ANY_SIZE}};
    status = gani_check_ranges(context, name, ranges, 2);
    if (status != GAN_OK) return status;
    gani_group group = {o.learning_rate_factor,
                        o.weight_decay == -1 ? optimizer->groups[0].weight_decay : o.weight_decay};
    status = gani_optimizer_add_group(optimizer, layer->tensors, layer->tensor_count, o.prefix, &group);
    if (status == GAN_OK) layer->sealed = 1;
    return status;
}

/* ---- their use ---- */

GAN_API gan_context *gan_optimizer_context(const gan_optimizer *optimizer) {
    return optimizer == NULL ? NULL : optimizer->context;
}

GAN_API void gan_optimizer_release(gan_optimizer *optimizer) {
    GANI_ENTER();
    gani_optimizer_drop(optimizer);
}

static gan_status check_step(const char *function, const gan_optimizer *optimizer, const gan_tape *tape,
                             const gan_tensor *loss) {
    if (optimizer == NULL) return tape == NULL ? GAN_E_ARGUMENT : gani_null(tape->context, function, "the optimizer");
    if (tape == NULL) return gani_null(optimizer->context, function, "the tape");
    if (tape->context != optimizer->context)
        return gani_fail(optimizer->context, GAN_E_ARGUMENT, "%s: the tape belongs to another context", function);
    if (optimizer->reducing) return inside_step(optimizer, function);
    if (tape->owns != NULL && !tape->owns(tape->owner, optimizer))
        return gani_fail(
            optimizer->context, GAN_E_STATE,
            "%s: the run whose tape this is does not know the optimizer, and its checkpoints would miss it: "
            "give it to gan_run_add_optimizer, or let one for the moment step on a tape of its own",
            function);
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
    const gani_range range = {"on", on, 0, 1};
    gan_status status = gani_check_ranges(optimizer->context, "gan_optimizer_set_averaging", &range, 1);
    if (status == GAN_OK) optimizer->averaging = on;
    return status;
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
                         "gan_optimizer_set_clipping: max_value is %g, max_norm %g; both must be above 0, and INFINITY "
                         "means off",
                         max_value, max_norm);
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
    const gani_range ranges[] = {
        {"start", (double)o.start, 0, GANI_ANY_SIZE},   {"warm_up", (double)o.warm_up, 0, GANI_ANY_SIZE},
        {"length", (double)o.length, 1, GANI_ANY_SIZE}, {"interval", (double)o.interval, 1, GANI_ANY_SIZE},
        {"factor", o.factor, 0, GANI_ANY_SIZE},         {"final_factor", o.final_factor, 0, GANI_ANY_SIZE}};
    status = gani_check_ranges(context, name, ranges, 6);
    if (status != GAN_OK) return status;
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
    const gani_range range = {"learning_rate", learning_rate, 0, GANI_ANY_SIZE};
    gan_status status = gani_check_ranges(optimizer->context, "gan_optimizer_set_learning_rate", &range, 1);
    if (status == GAN_OK) optimizer->learning_rate = learning_rate;
    return status;
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
    gan_status status = check_decay("gan_ema_create", layer->context, "decay", decay);
    return status != GAN_OK ? status : gani_ema_create(out, layer, decay);
}

GAN_API gan_context *gan_ema_context(const gan_ema *ema) { return ema == NULL ? NULL : gani_ema_layer(ema)->context; }

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
    gan_status status = check_decay("gan_ema_set_decay", gani_ema_layer(ema)->context, "decay", decay);
    if (status == GAN_OK) ema->decay = decay;
    return status;
}

GAN_API double gan_ema_decay_of_half_life(double half_life, double ramp_up, int64_t images_seen, int64_t batch) {
    GANI_ENTER();
    double ramped = ramp_up * (double)images_seen;
    if (ramp_up > 0 && ramped < half_life) half_life = ramped;
    if (!(half_life > 0) || !isfinite(half_life) || batch < 1) return 0;
    return exp2(-(double)batch / half_life);
}

GAN_API gan_layer *gan_ema_layer(const gan_ema *ema) { return ema == NULL ? NULL : gani_ema_layer(ema); }
