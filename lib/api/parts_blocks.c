/* Exported functions of gan/parts.h: blocks of several layers. Each layer in them is one that the application could
 * have added itself. */
#include "api/api.h"

GAN_API void gan_residual_options_init_sized(gan_residual_options *options, size_t size) {
    gan_residual_options defaults = {.preactivation = 1, .shortcut = GAN_SHORTCUT_AUTO, .hidden = -1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

/* The options make sense together, after a point of shape `input`. */
static int check_residual(gan_builder *builder, const gan_residual_options *o, gan_shape input, int64_t channels) {
    gani_builder_flag(builder, "residual_block", "batch_norm", o->batch_norm);
    gani_builder_flag(builder, "residual_block", "preactivation", o->preactivation);
    if (input.rank != 3)
        gani_builder_image(builder, "residual_block", input);
    else if (o->resample < GAN_RESAMPLE_NONE || o->resample > GAN_RESAMPLE_DOWN)
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: residual_block: resample %ld is none of GAN_RESAMPLE_NONE, _UP, _DOWN",
                          (long)o->resample);
    else if (o->shortcut < GAN_SHORTCUT_AUTO || o->shortcut > GAN_SHORTCUT_CONV)
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: residual_block: shortcut %ld is none of GAN_SHORTCUT_AUTO, _IDENTITY, _CONV",
                          (long)o->shortcut);
    else if (o->hidden != -1 && o->hidden < 1)
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: residual_block: %lld hidden channels: at least 1 is "
                          "needed, or -1 for as many as the result has",
                          (long long)o->hidden);
    else if (o->labels != NULL && o->condition != NULL)
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: residual_block: labels and condition are both set; its normalisation follows one");
    else if (o->batch_norm == 0 && (o->labels != NULL || o->condition != NULL))
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: residual_block: a condition is set, but batch_norm is 0: nothing would read it");
    else if (o->shortcut == GAN_SHORTCUT_IDENTITY && (o->resample != GAN_RESAMPLE_NONE || channels != input.size[0]))
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: residual_block: an identity shortcut keeps the resolution and the %lld channels of "
                          "its input",
                          (long long)input.size[0]);
    return !gani_builder_failed(builder);
}

static void add_norm_relu(gan_builder *builder, const gan_residual_options *o) {
    if (o->condition != NULL)
        gan_add_conditional_batch_norm_vector(builder, o->condition, o->condition_weight, o->norm);
    else if (o->labels != NULL)
        gan_add_conditional_batch_norm(builder, o->labels, o->classes, o->norm);
    else if (o->batch_norm)
        gan_add_batch_norm(builder, o->norm);
    gan_add_relu(builder);
}

static void add_shortcut(gan_builder *builder, const gan_residual_options *o, int64_t channels) {
    int pool_first = o->resample == GAN_RESAMPLE_DOWN && !o->preactivation;
    if (o->resample == GAN_RESAMPLE_UP) gan_add_upsample(builder, 2, GAN_NEAREST);
    if (pool_first) gan_add_avg_pool2d(builder, 2, 2, 0);
    gan_add_conv2d(builder, channels, 1, 1, 0, o->weight);
    if (o->resample == GAN_RESAMPLE_DOWN && !pool_first) gan_add_avg_pool2d(builder, 2, 2, 0);
}

GAN_API void gan_add_residual_block(gan_builder *builder, int64_t channels, const gan_residual_options *options) {
    GANI_ENTER();
    gan_residual_options o;
    gan_residual_options_init(&o);
    if (!gani_builder_decode(builder, "residual_block", options, &o, sizeof o)) return;
    gan_shape input = gan_builder_shape(builder);
    if (!check_residual(builder, &o, input, channels)) return;
    gan_builder_split(builder);
    if (o.preactivation) add_norm_relu(builder, &o);
    if (o.resample == GAN_RESAMPLE_UP) gan_add_upsample(builder, 2, GAN_NEAREST);
    gan_add_conv2d(builder, o.hidden == -1 ? channels : o.hidden, 3, 1, 1, o.weight);
    add_norm_relu(builder, &o);
    gan_add_conv2d(builder, channels, 3, 1, 1, o.weight);
    if (o.resample == GAN_RESAMPLE_DOWN) gan_add_avg_pool2d(builder, 2, 2, 0);
    gan_builder_next(builder);
    int changes = o.resample != GAN_RESAMPLE_NONE || channels != input.size[0];
    if (o.shortcut == GAN_SHORTCUT_CONV || (o.shortcut == GAN_SHORTCUT_AUTO && changes))
        add_shortcut(builder, &o, channels);
    gan_builder_join(builder, GAN_JOIN_SUM);
}

GAN_API void gan_add_cyclegan_block(gan_builder *builder, double dropout, const gan_weight_options *weight) {
    GANI_ENTER();
    if (builder == NULL || gani_builder_failed(builder)) return;
    gan_shape input = gan_builder_shape(builder);
    gani_builder_image(builder, "cyclegan_block", input);
    if (gani_builder_failed(builder)) return;
    gan_builder_split(builder);
    for (int i = 0; i < 2; i++) {
        gan_add_pad2d(builder, 1, 1, 1, 1, GAN_PAD_REFLECT);
        gan_add_conv2d(builder, input.size[0], 3, 1, 0, weight);
        gan_add_instance_norm(builder, NULL);
        if (i == 0) gan_add_relu(builder);
        if (i == 0 && dropout != 0) gan_add_dropout(builder, dropout);
    }
    gan_builder_next(builder);
    gan_builder_join(builder, GAN_JOIN_SUM);
}
