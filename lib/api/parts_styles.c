/* Exported functions of gan/parts.h: the layers of ProGAN, StyleGAN and their relatives. */
#include "api/api.h"

#include <math.h>

GAN_API void gan_pixel_norm_options_init_sized(gan_pixel_norm_options *options, size_t size) {
    gan_pixel_norm_options defaults = {.epsilon = 1e-8};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_minibatch_std_options_init_sized(gan_minibatch_std_options *options, size_t size) {
    gan_minibatch_std_options defaults = {.group = 4, .epsilon = 1e-8};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_adaptive_instance_norm_options_init_sized(gan_adaptive_instance_norm_options *options, size_t size) {
    gan_adaptive_instance_norm_options defaults = {.epsilon = 1e-8, .one_plus = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_noise_injection_options_init_sized(gan_noise_injection_options *options, size_t size) {
    gan_noise_injection_options defaults = {.evaluation = GAN_NOISE_FIXED, .per_channel = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_gaussian_noise_options_init_sized(gan_gaussian_noise_options *options, size_t size) {
    gan_gaussian_noise_options defaults = {.evaluation = GAN_NOISE_NONE};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_blur_options_init_sized(gan_blur_options *options, size_t size) {
    gan_blur_options defaults = {.count = 3, .stride = 1, .before = -1, .after = -1, .normalise = 1, .taps = {1, 2, 1}};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_truncation_options_init_sized(gan_truncation_options *options, size_t size) {
    gan_truncation_options defaults = {.psi = 0.7, .decay = 0.995};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API void gan_add_pixel_norm(gan_builder *builder, const gan_pixel_norm_options *options) {
    GANI_ENTER();
    gan_pixel_norm_options o;
    gan_pixel_norm_options_init(&o);
    if (!gani_builder_decode(builder, "pixel_norm", options, &o, sizeof o)) return;
    gani_config config = gani_config_default();
    config.epsilon = o.epsilon;
    gani_builder_append(builder, &gani_type_pixel_norm, &config);
}

GAN_API void gan_add_minibatch_std(gan_builder *builder, const gan_minibatch_std_options *options) {
    GANI_ENTER();
    gan_minibatch_std_options o;
    gan_minibatch_std_options_init(&o);
    if (!gani_builder_decode(builder, "minibatch_std", options, &o, sizeof o)) return;
    gani_config config = gani_config_default();
    config.group = o.group;
    config.epsilon = o.epsilon;
    gani_builder_append(builder, &gani_type_minibatch_std, &config);
}

GAN_API void gan_add_adaptive_instance_norm(gan_builder *builder, const char *style,
                                            const gan_adaptive_instance_norm_options *options) {
    GANI_ENTER();
    gan_adaptive_instance_norm_options o;
    gan_adaptive_instance_norm_options_init(&o);
    const char *name = "adaptive_instance_norm";
    if (!gani_builder_decode(builder, name, options, &o, sizeof o) || !gani_builder_reserved(builder, name, o.reserved))
        return;
    gani_builder_flag(builder, name, "one_plus", o.one_plus);
    gani_config config = gani_config_default();
    config.epsilon = o.epsilon;
    config.one_plus = o.one_plus;
    gani_builder_append_joint(builder, &gani_type_adaptive_instance_norm, &config, style);
}

GAN_API void gan_add_noise_injection(gan_builder *builder, const gan_noise_injection_options *options) {
    GANI_ENTER();
    gan_noise_injection_options o;
    gan_noise_injection_options_init(&o);
    if (!gani_builder_decode(builder, "noise_injection", options, &o, sizeof o)) return;
    gani_builder_flag(builder, "noise_injection", "per_channel", o.per_channel);
    gani_config config = gani_config_default();
    config.evaluation = o.evaluation;
    config.per_channel = o.per_channel;
    gani_builder_append(builder, &gani_type_noise_injection, &config);
}

GAN_API void gan_add_gaussian_noise(gan_builder *builder, double deviation, const gan_gaussian_noise_options *options) {
    GANI_ENTER();
    gan_gaussian_noise_options o;
    gan_gaussian_noise_options_init(&o);
    if (!gani_builder_decode(builder, "gaussian_noise", options, &o, sizeof o) ||
        !gani_builder_reserved(builder, "gaussian_noise", o.reserved))
        return;
    gani_config config = gani_config_default();
    config.deviation = deviation;
    config.evaluation = o.evaluation;
    gani_builder_append(builder, &gani_type_gaussian_noise, &config);
}

GAN_API void gan_add_blur(gan_builder *builder, const gan_blur_options *options) {
    GANI_ENTER();
    gan_blur_options o;
    gan_blur_options_init(&o);
    if (!gani_builder_decode(builder, "blur", options, &o, sizeof o) ||
        !gani_builder_reserved(builder, "blur", o.reserved))
        return;
    gani_builder_flag(builder, "blur", "normalise", o.normalise);
    gani_config config = gani_config_default();
    config.count = o.count;
    config.stride = o.stride;
    config.before = o.before;
    config.after = o.after;
    double sum = 0;
    for (int64_t i = 0; i < o.count && i < GANI_MAX_TAPS; i++) sum += config.taps[i] = o.taps[i];
    if (o.normalise && o.count > 0 && (sum == 0 || !isfinite(sum)))
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: blur: the taps add up to %g and cannot be normalised; set normalise to 0", sum);
    for (int64_t i = 0; o.normalise && i < o.count && i < GANI_MAX_TAPS; i++) config.taps[i] /= sum;
    gani_builder_append(builder, &gani_type_blur, &config);
}

GAN_API void gan_add_constant(gan_builder *builder, gan_shape shape) {
    GANI_ENTER();
    gani_config config = gani_config_default();
    config.shape = shape;
    gani_builder_append(builder, &gani_type_constant, &config);
}

GAN_API void gan_add_truncation(gan_builder *builder, const gan_truncation_options *options) {
    GANI_ENTER();
    gan_truncation_options o;
    gan_truncation_options_init(&o);
    if (!gani_builder_decode(builder, "truncation", options, &o, sizeof o)) return;
    gani_config config = gani_config_default();
    config.psi = o.psi;
    config.decay = o.decay;
    gani_builder_append(builder, &gani_type_truncation, &config);
}

GAN_API void gan_add_fade(gan_builder *builder, const char *name) {
    GANI_ENTER();
    gani_builder_append_joint(builder, &gani_type_fade, NULL, name);
}
