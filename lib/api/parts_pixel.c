/* Exported functions of gan/parts.h: the layers of PixelCNN and PixelRNN. */
#include "api/api.h"

GAN_API void gan_masked_conv_options_init_sized(gan_masked_conv_options *options, size_t size) {
    gan_masked_conv_options defaults = {.bias = 1, .colors = 1, .kernel_w = -1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
GAN_API void gan_add_masked_conv2d(gan_builder *builder, int64_t channels, int64_t kernel, gan_mask mask,
                                   const gan_masked_conv_options *options) {
    GANI_ENTER();
    gan_masked_conv_options o;
    gan_masked_conv_options_init(&o);
    const char *name = "masked_conv2d";
    if (!gani_builder_decode(builder, name, options, &o, sizeof o) || !gani_builder_reserved(builder, name, o.reserved))
        return;
    gani_builder_flag(builder, name, "bias", o.bias);
    gani_config config = gani_config_default();
    config.outputs = channels;
    config.kernel = kernel;
    config.kernel_w = o.kernel_w;
    config.mask = mask;
    config.colors = o.colors;
    config.bias = o.bias;
    gani_builder_append(builder, &gani_type_masked_conv2d, &config);
}

GAN_API void gan_pixel_lstm_options_init_sized(gan_pixel_lstm_options *options, size_t size) {
    gan_pixel_lstm_options defaults = {.bias = 1, .learned_state = 1, .colors = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}
static void add_pixel_lstm(gan_builder *builder, const gani_module_type *type, int64_t channels, int64_t kernel,
                           const gan_pixel_lstm_options *options) {
    gan_pixel_lstm_options o;
    gan_pixel_lstm_options_init(&o);
    if (!gani_builder_decode(builder, type->name, options, &o, sizeof o)) return;
    gani_builder_flag(builder, type->name, "bias", o.bias);
    gani_builder_flag(builder, type->name, "learned_state", o.learned_state);
    gani_config config = gani_config_default();
    config.outputs = channels;
    config.kernel = kernel;
    config.colors = o.colors;
    config.bias = o.bias;
    config.learned_state = o.learned_state;
    gani_builder_append(builder, type, &config);
}
GAN_API void gan_add_row_lstm(gan_builder *builder, int64_t channels, int64_t kernel,
                              const gan_pixel_lstm_options *options) {
    GANI_ENTER();
    add_pixel_lstm(builder, &gani_type_row_lstm, channels, kernel, options);
}
GAN_API void gan_add_diagonal_bilstm(gan_builder *builder, int64_t channels, const gan_pixel_lstm_options *options) {
    GANI_ENTER();
    add_pixel_lstm(builder, &gani_type_diagonal_bilstm, channels, 0, options);
}
