/* Networks with spectral norm (Miyato et al. 2018): the residual ones of pfnet-research/sngan_projection, and DCGAN's
 * in the paper's form and in that of pfnet-research/chainer-gan-lib. Parameters are counted for three channels. */
#include "front/spectral.h"

#include <math.h>

spectral_settings spectral = {.loss = SPECTRAL_HINGE,
                              .n_dis = 5,
                              .d_width = -1,
                              .form = GAN_WEIGHT_SPECTRAL_NORM,
                              .compensation = GAN_COMPENSATION_NONE,
                              .share = 0.5};

const front_preset spectral_presets[SPECTRAL_PRESETS] = {
    {"mnist32", "residual networks of 32 channels, for digits at 32 x 32", 32, 64, 128, 10, 2e-4, 0, 0.9,
     GAN_INPUT_NORMAL, 0, 0},
    {"infogan", "InfoGAN's networks without the codes, for digits at 28 x 28", 28, 64, 64, 10, 2e-4, 0.5, 0.999,
     GAN_INPUT_UNIFORM, 1, 0},
    {"32", "DCGAN's networks with a level less, at 32 x 32", 32, 64, 100, 25, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
    {"64", "DCGAN's networks at 64 x 64", 64, 64, 100, 25, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
    {"resnet", "the authors' residual networks for CIFAR-10", 32, 64, 128, 320, 2e-4, 0, 0.9, GAN_INPUT_NORMAL, 0, 0},
    {"resnet-conditional", "the same, told the class: cGANs with projection discriminator", 32, 64, 128, 320, 2e-4, 0,
     0.9, GAN_INPUT_NORMAL, 0, 0},
    {"imagenet", "those for ImageNet at 128 x 128, told the class too", 128, 64, 128, 112, 2e-4, 0, 0.9,
     GAN_INPUT_NORMAL, 0, 0},
    {"cnn", "the paper's convolutions without residuals, at 32 x 32", 32, 64, 128, 320, 2e-4, 0, 0.9, GAN_INPUT_NORMAL,
     0, 0},
    {"chainer-cnn", "the same as chainer-gan-lib has them, D wider", 32, 64, 128, 320, 2e-4, 0, 0.9, GAN_INPUT_NORMAL,
     0, 0}};

static int is_imagenet(const front *f) { return front_is(f, "imagenet"); }
static int is_conditional(const front *f) { return front_is(f, "resnet-conditional") || is_imagenet(f); }
static int is_residual(const front *f) { return front_is(f, "mnist32") || front_is(f, "resnet") || is_conditional(f); }

static gan_builder *begin_with_label(front *f, gan_shape input) {
    gan_builder *b = front_begin(f, input);
    if (is_conditional(f)) {
        gan_builder_input_indices(b, "label", gan_shape_0d(), f->classes);
        gan_builder_from(b, "input");
    }
    return b;
}

/* ---- generators ---- */

#define CHAINER_EPSILON 2e-5 /* of its batch normalisation */

static void add_norm_relu(gan_builder *b) {
    front_add_batch_norm(b, CHAINER_EPSILON);
    gan_add_relu(b);
}

/* 126,019 for 32 channels; 4,276,739 for 256, 4,304,387 with ten classes. For ImageNet, 1024 channels at first and 64
 * at last: 41,996,931 with its thousand classes. */
static gan_status build_residual_generator(front *f, int64_t width) {
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.epsilon = CHAINER_EPSILON;
    gan_residual_options up;
    gan_residual_options_init(&up);
    up.resample = GAN_RESAMPLE_UP;
    up.batch_norm = 1;
    up.norm = &norm;
    if (is_conditional(f)) {
        up.labels = "label";
        up.classes = f->classes;
    }
    gan_builder *g = begin_with_label(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, width * 4 * 4, NULL);
    gan_add_reshape(g, gan_shape_3d(width, 4, 4));
    for (int i = 0; i < (is_imagenet(f) ? 5 : 3); i++)
        gan_add_residual_block(g, is_imagenet(f) ? width >> i : width, &up);
    add_norm_relu(g);
    gan_add_conv2d(g, f->image.size[0], 3, 1, 1, NULL);
    gan_add_tanh(g);
    return gan_builder_end(&f->generator, g);
}

static gan_status build_infogan_generator(front *f) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_infogan_generator(f, g);
    return gan_builder_end(&f->generator, g);
}

static gan_status build_dcgan_generator(front *f) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_dcgan_generator(f, g, 1);
    return gan_builder_end(&f->generator, g);
}

/* 3,813,379 */
static gan_status build_generator(front *f) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 512 * 4 * 4, NULL);
    gan_add_reshape(g, gan_shape_3d(512, 4, 4));
    add_norm_relu(g);
    for (int64_t channels = 256; channels >= 64; channels /= 2) {
        gan_add_conv_transpose2d(g, channels, 4, 2, 1, NULL);
        add_norm_relu(g);
    }
    gan_add_conv2d(g, f->image.size[0], 3, 1, 1, NULL);
    gan_add_tanh(g);
    return gan_builder_end(&f->generator, g);
}

/* ---- discriminators ---- */

static gan_weight_options spectral_norm(int32_t bias) {
    gan_weight_options options;
    gan_weight_options_init(&options);
    options.form = GAN_WEIGHT_SPECTRAL_NORM;
    options.bias = bias;
    return options;
}

/* Options of a convolution whose weight has `rank` singular values. */
static gan_weight_options convolution(int64_t rank) {
    gan_weight_options options = spectral_norm(1);
    options.form = spectral.form;
    options.compensation = spectral.compensation;
    if (spectral.compensation == GAN_COMPENSATION_STATIC) {
        options.compensated = (int64_t)(spectral.share * (double)rank);
        if (options.compensated < 1) options.compensated = 1; /* the first is the norm: nothing is lifted */
    }
    return options;
}

static void add_conv(gan_builder *d, int64_t channels, int64_t kernel, int64_t stride, int64_t padding) {
    int64_t rest = gan_builder_shape(d).size[0] * kernel * kernel;
    gan_weight_options options = convolution(rest < channels ? rest : channels);
    gan_add_conv2d(d, channels, kernel, stride, padding, &options);
}

/* As many channels inside as it is given, but in the first block, which is given an image, as many as it makes. Its
 * weights have ranks of their own. */
static void add_block(gan_builder *d, int64_t channels, int is_first, int is_down) {
    int64_t given = gan_builder_shape(d).size[0];
    gan_builder_split(d);
    if (!is_first) gan_add_relu(d);
    add_conv(d, is_first ? channels : given, 3, 1, 1);
    gan_add_relu(d);
    add_conv(d, channels, 3, 1, 1);
    if (is_down) gan_add_avg_pool2d(d, 2, 2, 0);
    gan_builder_next(d);
    if (is_first) gan_add_avg_pool2d(d, 2, 2, 0);
    if (is_down || channels != given) add_conv(d, channels, 1, 1, 0);
    if (is_down && !is_first) gan_add_avg_pool2d(d, 2, 2, 0);
    gan_builder_join(d, GAN_JOIN_SUM);
}

/* 66,848 for 32 channels, 264,768 for 64, 1,053,824 for 128 (1,055,104 with ten classes), 4,204,800 for 256. For
 * ImageNet, where each block but the last doubles the channels, 30,041,857 for 64 with its thousand classes. */
static gan_status build_residual_discriminator(front *f, int64_t width) {
    gan_weight_options head = spectral_norm(is_imagenet(f));
    gan_builder *d = begin_with_label(f, f->image);
    add_block(d, width, 1, 1);
    if (is_imagenet(f)) {
        for (int i = 1; i <= 4; i++) add_block(d, width << i, 0, 1);
        add_block(d, width << 4, 0, 0);
    } else
        for (int i = 0; i < 3; i++) add_block(d, width, 0, i == 0);
    gan_add_relu(d);
    gan_add_global_sum_pool(d);
    if (is_conditional(f))
        gan_add_projection(d, "label", f->classes, &head);
    else
        gan_add_linear(d, 1, &head);
    return gan_builder_end(&f->discriminator, d);
}

/* 2,935,873; chainer-gan-lib's widens where it halves the map: 5,860,865 */
static gan_status build_discriminator(front *f) {
    int chainer = front_is(f, "chainer-cnn");
    static const int64_t paper[] = {64, 64, 128, 128, 256, 256, 512}, wide[] = {64, 128, 128, 256, 256, 512, 512};
    gan_weight_options head = spectral_norm(1);
    gan_builder *d = front_begin(f, f->image);
    for (int i = 0; i < 7; i++) {
        add_conv(d, (chainer ? wide : paper)[i], i % 2 ? 4 : 3, i % 2 ? 2 : 1, 1);
        gan_add_leaky_relu(d, chainer ? 0.2 : 0.1);
    }
    gan_add_flatten(d);
    gan_add_linear(d, 1, &head);
    return gan_builder_end(&f->discriminator, d);
}

/* InfoGAN's without batch normalisation: 6,556,865 for one channel */
static gan_status build_infogan_discriminator(front *f) {
    gan_weight_options dense = spectral_norm(1);
    gan_builder *d = front_begin(f, f->image);
    for (int64_t channels = 64; channels <= 128; channels *= 2) {
        add_conv(d, channels, 4, 2, 1);
        gan_add_leaky_relu(d, 0.1);
    }
    gan_add_flatten(d);
    gan_add_linear(d, 1024, &dense);
    gan_add_leaky_relu(d, 0.1);
    gan_add_linear(d, 1, &dense);
    return gan_builder_end(&f->discriminator, d);
}

/* DCGAN's, biased and with the spectral norm alone: 662,977 at 32 x 32, 2,764,737 at 64 x 64 */
static gan_status build_dcgan_discriminator(front *f) {
    gan_builder *d = front_begin(f, f->image);
    for (int64_t channels = 64; channels <= networks_dcgan_channels(f); channels *= 2) {
        add_conv(d, channels, 4, 2, 1);
        gan_add_leaky_relu(d, 0.2);
    }
    add_conv(d, 1, 4, 1, 0);
    gan_add_flatten(d);
    return gan_builder_end(&f->discriminator, d);
}

/* ---- weights ---- */

static void scale(gan_tensor *tensor, double factor) {
    void *data = gan_tensor_data(tensor);
    for (int64_t i = 0; i < gan_tensor_count(tensor); i++) {
        if (gan_tensor_dtype(tensor) == GAN_F64)
            ((double *)data)[i] *= factor;
        else
            ((float *)data)[i] *= (float)factor;
    }
}

/* Glorot's uniform distribution, with a gain of sqrt 2 in the 3 x 3 convolutions of blocks: there are no others but the
 * one that makes the image. A spectral norm's vectors, made by gan_layer_init, fit a scaled weight as well. */
static gan_status init_residual(const front *f, gan_layer *layer) {
    gan_init_options glorot;
    gan_init_options_init(&glorot);
    glorot.kind = GAN_INIT_XAVIER_UNIFORM;
    gan_status status = gan_layer_init(layer, &glorot);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer) && status == GAN_OK; i++) {
        gan_shape shape = gan_tensor_shape(gan_layer_tensor(layer, i));
        if (shape.rank == 4 && shape.size[2] == 3 && shape.size[0] != f->image.size[0])
            scale(gan_layer_tensor(layer, i), sqrt(2));
    }
    return status;
}

/* ---- all presets ---- */

static gan_status build_pair(front *f, gan_status (*generator)(front *), gan_status (*discriminator)(front *)) {
    gan_status status = generator(f);
    return status == GAN_OK ? discriminator(f) : status;
}

gan_status spectral_build(front *f) {
    gan_status status;
    status = is_conditional(f) ? front_need_classes(f) : GAN_OK;
    if (status != GAN_OK) return status;
    if (is_residual(f)) {
        int64_t g_width = front_is(f, "mnist32") ? 32 : is_imagenet(f) ? 1024 : 256;
        int64_t d_width = front_is(f, "mnist32") ? 32 : is_imagenet(f) ? 64 : 128;
        status = build_residual_generator(f, g_width);
        if (status == GAN_OK)
            status = build_residual_discriminator(f, spectral.d_width > 0 ? spectral.d_width : d_width);
        if (status == GAN_OK) status = init_residual(f, f->generator);
        if (status == GAN_OK) status = init_residual(f, f->discriminator);
    } else {
        if (spectral.d_width > 0)
            return front_refuse(
                f, "--d-width is for the presets mnist32, resnet, resnet-conditional and imagenet: the others have "
                   "widths of their own in each layer");
        gan_init_options normal; /* N(0, 0.02) */
        gan_init_options_init(&normal);
        if (front_is(f, "infogan"))
            status = build_pair(f, build_infogan_generator, build_infogan_discriminator);
        else if (front_is(f, "32") || front_is(f, "64"))
            status = build_pair(f, build_dcgan_generator, build_dcgan_discriminator);
        else
            status = build_pair(f, build_generator, build_discriminator);
        if (status == GAN_OK) status = gan_layer_init(f->generator, &normal);
        if (status == GAN_OK) status = gan_layer_init(f->discriminator, &normal);
    }
    if (status != GAN_OK) return status;
    /* begins at 0.6 to 0.8, and fell to 0.2 to 0.45 in the runs of Liu et al. 2019 that collapsed */
    f->least_spectrum = 0.3;
    return spectral.loss == SPECTRAL_HINGE ? gan_loss_hinge_create(&f->loss, f->context)
                                           : gan_loss_bce_create(&f->loss, f->context, NULL);
}

gan_status spectral_add(front *f) {
    int64_t steps = front_steps(f);
    gan_status status = front_fall(f->discriminator_optimizer, 0, steps);
    return status == GAN_OK ? front_fall(f->generator_optimizer, 0, (steps - 1) / spectral.n_dis + 1) : status;
}

/* ---- phases ---- */

gan_status spectral_phase_g(front *f, gan_tape *tape) {
    if (gan_run_step(f->run) % spectral.n_dis != 0) return GAN_OK;
    gan_tensor *fakes = front_make(f, tape, 2 * f->options.batch_size);
    return front_step(f, tape, f->generator_optimizer, "loss_g", front_loss_g(f, tape, fakes));
}

/* D is asked about the reals first, as by the authors: what the spectral norm remembers depends on the order. */
gan_status spectral_phase_d(front *f, gan_tape *tape) {
    gan_tensor *fakes = gan_detach(tape, front_make(f, tape, f->options.batch_size));
    gan_tensor *real = front_score(f, tape, front_reals(f), gan_run_labels(f->run));
    gan_tensor *fake = front_score(f, tape, fakes, f->fake_labels);
    return front_step(f, tape, f->discriminator_optimizer, "loss_d", gan_loss_discriminator(tape, f->loss, real, fake));
}

gan_status spectral_phase_spectrum(front *f, gan_tape *tape) {
    (void)tape;
    int64_t done = gan_run_step(f->run) + 1;
    return done == 1 || done % FRONT_LOOK == 0 || done == front_steps(f) ? spectrum_measure(f) : GAN_OK;
}
