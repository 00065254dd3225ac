#include "improved_gan/improved.h"

#include "front/networks.h"

/* ---- parts ---- */

static gan_weight_options normalised(int32_t bias) {
    gan_weight_options options;
    gan_weight_options_init(&options);
    options.form = GAN_WEIGHT_NORM;
    options.bias = bias;
    return options;
}

static void add_norm(gan_builder *b, const improved_parts *parts, double epsilon) {
    gan_virtual_batch_norm_options virtual_;
    gan_virtual_batch_norm_options_init(&virtual_);
    virtual_.epsilon = epsilon;
    if (parts->virtual_batch_norm)
        gan_add_virtual_batch_norm(b, &virtual_);
    else
        front_add_batch_norm(b, epsilon);
}

/* The last layer of D, at the features. The features come second: a model's output is the first. */
static void add_logits(gan_builder *d, const improved_parts *parts, double noise, const gan_weight_options *weight) {
    gan_builder_label(d, "hidden");
    if (parts->minibatch_discrimination) {
        gan_minibatch_discrimination_options options;
        gan_minibatch_discrimination_options_init(&options);
        options.bias = 1;
        options.weight_norm = 1;
        gan_add_minibatch_discrimination(d, 100, 5, &options);
    }
    if (noise > 0) gan_add_gaussian_noise(d, noise, NULL);
    gan_add_linear(d, parts->classes, weight);
    gan_builder_output(d, "logits");
    gan_builder_from(d, "hidden");
    gan_builder_output(d, "features");
}

/* Gains of normalisations of G stay 1. */
static gan_status fix_gains(gan_layer *layer) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer) && status == GAN_OK; i++) {
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        const char *name = gan_layer_tensor_name(layer, i);
        if (!front_ends_with(name, ".weight") || gan_tensor_shape(tensor).rank != 1) continue;
        status = gan_init_constant(tensor, 1);
        if (status == GAN_OK) status = gan_layer_set_trainable(layer, name, 0);
    }
    return status;
}

/* D's weights are normally distributed; their lengths are those of the data-dependent start, but for the last layer's,
 * which are trained. */
static gan_status init_normalised(front *f, double deviation) {
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.deviation = deviation;
    gan_status status = gan_layer_init(f->discriminator, &rule);
    const char *last = NULL;
    for (int32_t i = 0; i < gan_layer_tensor_count(f->discriminator) && status == GAN_OK; i++) {
        const char *name = gan_layer_tensor_name(f->discriminator, i);
        if (!front_ends_with(name, ".weight_g")) continue;
        if (last != NULL) status = gan_layer_set_trainable(f->discriminator, last, 0);
        last = name;
    }
    return status;
}

/* ---- networks ---- */

/* train_mnist_feature_matching.py */
gan_status improved_mnist(front *f, const improved_parts *parts) {
    const gan_weight_options last = normalised(1);
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    for (int i = 0; i < 2; i++) {
        gan_add_linear(g, 500, front_no_bias());
        add_norm(g, parts, 1e-6);
        gan_add_softplus(g);
    }
    gan_add_linear(g, gan_shape_count(f->image), &last);
    gan_add_sigmoid(g);
    gan_add_reshape(g, f->image);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    const int64_t widths[] = {1000, 500, 250, 250, 250};
    gan_builder *d = front_begin(f, f->image);
    gan_add_flatten(d);
    for (int i = 0; i < 5; i++) {
        gan_add_gaussian_noise(d, i == 0 ? 0.3 : 0.5, NULL);
        gan_add_linear(d, widths[i], &last);
        gan_add_relu(d);
    }
    add_logits(d, parts, 0.5, &last);
    status = gan_builder_end(&f->discriminator, d);

    gan_init_options glorot;
    gan_init_options_init(&glorot);
    glorot.kind = GAN_INIT_XAVIER_UNIFORM;
    if (status == GAN_OK) status = gan_layer_init(f->generator, &glorot);
    if (status == GAN_OK) status = gan_init_constant(gan_layer_find(f->generator, "6.weight_g"), 1);
    if (status == GAN_OK) status = fix_gains(f->generator);
    return status == GAN_OK ? init_normalised(f, 0.1) : status;
}

/* train_cifar_feature_matching.py; 4,933,382 and 1,406,804 of them are trained */
gan_status improved_cifar(front *f, const improved_parts *parts) {
    gan_weight_options up = *front_no_bias(), last = normalised(1), wn = normalised(1);
    up.output_padding = last.output_padding = 1;
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 512 * 4 * 4, front_no_bias());
    add_norm(g, parts, 1e-6);
    gan_add_relu(g);
    gan_add_reshape(g, gan_shape_3d(512, 4, 4));
    for (int64_t channels = 256; channels >= 128; channels /= 2) {
        gan_add_conv_transpose2d(g, channels, 5, 2, 2, &up);
        add_norm(g, parts, 1e-6);
        gan_add_relu(g);
    }
    gan_add_conv_transpose2d(g, f->image.size[0], 5, 2, 2, &last);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    static const struct {
        int64_t channels, kernel, stride, padding;
    } layers[] = {{96, 3, 1, 1},  {96, 3, 1, 1},  {96, 3, 2, 1},  {192, 3, 1, 1}, {192, 3, 1, 1},
                  {192, 3, 2, 1}, {192, 3, 1, 0}, {192, 1, 1, 0}, {192, 1, 1, 0}};
    gan_builder *d = front_begin(f, f->image);
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        if (i % 3 == 0) gan_add_dropout(d, i == 0 ? 0.2 : 0.5);
        gan_add_conv2d(d, layers[i].channels, layers[i].kernel, layers[i].stride, layers[i].padding, &wn);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_global_avg_pool(d);
    gan_add_flatten(d);
    add_logits(d, parts, 0, &wn);
    status = gan_builder_end(&f->discriminator, d);

    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.deviation = 0.05;
    if (status == GAN_OK) status = gan_layer_init(f->generator, &rule);
    if (status == GAN_OK) status = gan_init_constant(gan_layer_find(f->generator, "10.weight_g"), 1);
    if (status == GAN_OK) status = fix_gains(f->generator);
    return status == GAN_OK ? init_normalised(f, 0.05) : status;
}

gan_status improved_two_moons(front *f, const improved_parts *parts) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    for (int i = 0; i < 2; i++) {
        gan_add_linear(g, 64, NULL);
        add_norm(g, parts, 1e-5);
        gan_add_softplus(g);
    }
    gan_add_linear(g, 2, NULL);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;
    gan_builder *d = front_begin(f, gan_shape_1d(2));
    for (int i = 0; i < 3; i++) {
        gan_add_gaussian_noise(d, i == 0 ? 0.1 : 0.2, NULL);
        gan_add_linear(d, 64, NULL);
        gan_add_relu(d);
    }
    add_logits(d, parts, 0.2, NULL);
    return gan_builder_end(&f->discriminator, d);
}

static void virtual_batch_norm(gan_builder *b) { gan_add_virtual_batch_norm(b, NULL); }

gan_status improved_dcgan(front *f, const improved_parts *parts) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_dcgan_28_generator(f, g, parts->virtual_batch_norm ? virtual_batch_norm : networks_batch_norm);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;
    gan_builder *d = front_begin(f, f->image);
    networks_add_dcgan_28_features(d, 1);
    add_logits(d, parts, 0, NULL);
    status = gan_builder_end(&f->discriminator, d);
    if (status == GAN_OK) status = gan_layer_init_dcgan(f->generator);
    return status == GAN_OK ? gan_layer_init_dcgan(f->discriminator) : status;
}

/* ---- the start by data ---- */

/* Fits a network's layers to a batch, noise on: each output of each gets mean 0 and variance 1, and those of the last
 * layer then another deviation. */
static gan_status fit(gan_tape *tape, gan_layer *layer, gan_tensor *batch, double last_deviation) {
    gan_status status = gan_layer_init_from_data(tape, layer, &batch, 1);
    if (last_deviation == 1) return status;
    static const char *const ends[] = {".weight_g", ".bias"};
    for (int k = 0; k < 2 && status == GAN_OK; k++) {
        gan_tensor *last = NULL;
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
            if (front_ends_with(gan_layer_tensor_name(layer, i), ends[k])) last = gan_layer_tensor(layer, i);
        gan_tensor *scaled = gan_scale(tape, last, last_deviation);
        status = gan_tape_status(tape);
        if (status == GAN_OK) status = gan_tensor_copy(last, scaled);
    }
    return status;
}

gan_status improved_init_from_data(front *f) {
    const int32_t cifar = front_is(f, "cifar");
    if (!cifar && !front_is(f, "mnist")) return GAN_OK;
    gan_loader *loader = NULL;
    gan_tape *tape = NULL;
    gan_tensor *items = NULL;
    const int64_t count = gan_dataset_count(f->dataset);
    const double last_deviation = cifar ? 0.1 : 1;
    gan_status status = front_make_loader(f, f->dataset, count < 500 ? count : 500, &loader);
    if (status == GAN_OK) status = gan_tape_create(&tape, f->context);
    if (status == GAN_OK && cifar) status = fit(tape, f->generator, front_latent(f, tape), last_deviation);
    if (status == GAN_OK) status = gan_loader_next(loader, &items, NULL);
    if (status == GAN_OK) status = fit(tape, f->discriminator, items, last_deviation);
    gan_tape_release(tape);
    gan_loader_release(loader);
    return status;
}
