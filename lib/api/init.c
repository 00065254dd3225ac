/* Exported functions of gan/init.h: initial values. */
#include "api/api.h"

GAN_API gan_status gan_layer_init_default(gan_layer *layer) {
    GANI_ENTER();
    return layer == NULL ? GAN_E_ARGUMENT : gani_layer_init_default(layer);
}
GAN_API gan_status gan_layer_init_dcgan(gan_layer *layer) {
    GANI_ENTER();
    return layer == NULL ? GAN_E_ARGUMENT : gani_layer_init_dcgan(layer);
}

GAN_API void gan_init_options_init_sized(gan_init_options *options, size_t size) {
    gan_init_options defaults = {
        .kind = GAN_INIT_NORMAL, .fan = GAN_FAN_IN, .gain = 1, .deviation = 0.02, .low = -0.04, .high = 0.04};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API gan_status gan_layer_init(gan_layer *layer, const gan_init_options *options) {
    GANI_ENTER();
    if (layer == NULL) return GAN_E_ARGUMENT;
    gan_init_options o;
    gan_init_options_init(&o);
    gan_status status = gani_options_decode(layer->context, "gan_layer_init", options, &o, sizeof o);
    if (status == GAN_OK) status = gani_init_check(layer->context, "gan_layer_init", &o);
    return status == GAN_OK ? gani_layer_init(layer, &o) : status;
}

GAN_API gan_status gan_layer_init_from_data(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    GANI_ENTER();
    if (tape == NULL) return GAN_E_ARGUMENT;
    if (gani_layer_appliable(tape, layer, xs, count)) {
        gani_layer_retain(layer); /* a layer of the application's may release it */
        gani_layer_init_from_data(tape, layer, xs, count);
        gani_layer_drop(layer);
    }
    return gani_tape_outcome(tape);
}

/* ---- one tensor ---- */

/* A rule with every parameter finite, to be changed. */
static gan_init_options rule_of(int32_t kind) {
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = kind;
    return rule;
}

static gan_status init(const char *function, gan_tensor *tensor, const gan_init_options *rule) {
    if (!gani_is_plain(tensor) || !gani_is_float(tensor->dtype) || !gani_is_contiguous(tensor))
        return gani_fail(tensor == NULL ? NULL : tensor->context, GAN_E_ARGUMENT,
                         "%s: not a contiguous f32 or f64 tensor of the caller", function);
    gan_status status = gani_init_check(tensor->context, function, rule);
    if (status == GAN_OK) status = gani_init_fits(function, tensor, rule);
    return status == GAN_OK ? gani_init_tensor(tensor, rule) : status;
}

GAN_API gan_status gan_init_constant(gan_tensor *tensor, double value) {
    GANI_ENTER();
    gan_init_options rule = rule_of(GAN_INIT_CONSTANT);
    rule.value = value;
    return init("gan_init_constant", tensor, &rule);
}
GAN_API gan_status gan_init_normal(gan_tensor *tensor, double mean, double deviation) {
    GANI_ENTER();
    gan_init_options rule = rule_of(GAN_INIT_NORMAL);
    rule.mean = mean;
    rule.deviation = deviation;
    return init("gan_init_normal", tensor, &rule);
}
GAN_API gan_status gan_init_uniform(gan_tensor *tensor, double low, double high) {
    GANI_ENTER();
    gan_init_options rule = rule_of(GAN_INIT_UNIFORM);
    rule.low = low;
    rule.high = high;
    return init("gan_init_uniform", tensor, &rule);
}
GAN_API gan_status gan_init_truncated_normal(gan_tensor *tensor, double mean, double deviation, double low,
                                             double high) {
    GANI_ENTER();
    gan_init_options rule = rule_of(GAN_INIT_TRUNCATED_NORMAL);
    rule.mean = mean;
    rule.deviation = deviation;
    rule.low = low;
    rule.high = high;
    return init("gan_init_truncated_normal", tensor, &rule);
}

static gan_status with_gain(const char *function, gan_tensor *tensor, int32_t kind, double gain) {
    gan_init_options rule = rule_of(kind);
    rule.gain = gain;
    return init(function, tensor, &rule);
}
GAN_API gan_status gan_init_xavier_uniform(gan_tensor *tensor, double gain) {
    GANI_ENTER();
    return with_gain("gan_init_xavier_uniform", tensor, GAN_INIT_XAVIER_UNIFORM, gain);
}
GAN_API gan_status gan_init_xavier_normal(gan_tensor *tensor, double gain) {
    GANI_ENTER();
    return with_gain("gan_init_xavier_normal", tensor, GAN_INIT_XAVIER_NORMAL, gain);
}
GAN_API gan_status gan_init_orthogonal(gan_tensor *tensor, double gain) {
    GANI_ENTER();
    return with_gain("gan_init_orthogonal", tensor, GAN_INIT_ORTHOGONAL, gain);
}

static gan_status with_slope(const char *function, gan_tensor *tensor, int32_t kind, double slope, gan_fan fan) {
    gan_init_options rule = rule_of(kind);
    rule.slope = slope;
    rule.fan = fan;
    return init(function, tensor, &rule);
}
GAN_API gan_status gan_init_kaiming_uniform(gan_tensor *tensor, double slope, gan_fan fan) {
    GANI_ENTER();
    return with_slope("gan_init_kaiming_uniform", tensor, GAN_INIT_KAIMING_UNIFORM, slope, fan);
}
GAN_API gan_status gan_init_kaiming_normal(gan_tensor *tensor, double slope, gan_fan fan) {
    GANI_ENTER();
    return with_slope("gan_init_kaiming_normal", tensor, GAN_INIT_KAIMING_NORMAL, slope, fan);
}
