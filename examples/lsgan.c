/* LSGAN (Mao et al. 2016, arXiv 1611.04076): the discriminator says numbers, a of fakes and b of reals, by least
 * squares; the generator wants c. What is right but far away still pulls. The authors pad images for their 5 x 5 kernels
 * of stride 2 by 1 before and 2 after; here it is 2 before and 1 after, the mirror image of that, which makes no
 * difference to training. */
#include "front/networks.h"

enum { ZERO_ONE, PEARSON };
enum { LEAST_SQUARES, NON_SATURATING };
enum { ADAM, RMSPROP };
static int32_t coding = ZERO_ONE, loss_kind = LEAST_SQUARES, optimizer = ADAM;

static front_flag own_flags[] = {
    {"coding", "0-1|pearson",
     "of least squares, a, b, c: 0, 1, 1 (eq. 9) or -1, 1, 0 (eq. 8), which\nthe authors take for stability-without "
     "with rmsprop",
     FRONT_CHOICE, &coding, 0, 0},
    {"loss", "least-squares|non-saturating", "the loss; non-saturating: the usual GAN, for comparison", FRONT_CHOICE,
     &loss_kind, 0, 0},
    {"optimizer", "adam|rmsprop", "of both networks; rmsprop: TensorFlow's", FRONT_CHOICE, &optimizer, 0, 0}};

static const front_preset presets[] = {
    {"28", "DCGAN's networks at 28 x 28, for digits", 28, 64, 100, 5, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
    {"mnist", "InfoGAN's networks without the codes, for digits", 28, 64, 64, 10, 1e-3, 0.5, 0.999, GAN_INPUT_UNIFORM,
     1, 0},
    {"pytorch-gan", "PyTorch-GAN's lsgan.py at 32 x 32", 32, 64, 100, 200, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
    {"lsun", "the authors' networks for scenes at 112 x 112", 112, 64, 1024, 10, 1e-3, 0.5, 0.999, GAN_INPUT_UNIFORM, 0,
     0},
    {"characters", "the authors' class-conditional networks for many classes of characters", 28, 64, 1024, 10, 2e-4,
     0.5, 0.999, GAN_INPUT_UNIFORM, 1, 0},
    {"stability", "the authors' networks at 64 x 64, G without batch normalisation", 64, 64, 1024, 10, 2e-4, 0.5, 0.999,
     GAN_INPUT_UNIFORM, 0, 0},
    {"stability-without", "the same, D without it as well", 64, 64, 1024, 10, 2e-4, 0.5, 0.999, GAN_INPUT_UNIFORM, 0,
     0}};

/* The authors' discriminator: 5 x 5 with stride 2 from 64 channels to 512. */
static gan_status build_discriminator(front *f, int32_t norm) {
    gan_builder *d = front_begin(f, f->image);
    for (int64_t channels = 64; channels <= 512; channels *= 2) {
        gan_add_conv2d(d, channels, 5, 2, 2, NULL);
        if (norm && channels > 64) gan_add_batch_norm(d, NULL);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_flatten(d);
    gan_add_linear(d, 1, NULL);
    return gan_builder_end(&f->discriminator, d);
}

static void add_transposed(gan_builder *g, int64_t channels, int64_t kernel, int64_t stride) {
    gan_weight_options up;
    gan_weight_options_init(&up);
    up.output_padding = stride - 1;
    gan_add_conv_transpose2d(g, channels, kernel, stride, kernel / 2, &up);
}

static void add_norm_relu(gan_builder *g) {
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
}

static void add_up(gan_builder *g, int64_t channels, int64_t kernel, int64_t stride, int32_t norm) {
    add_transposed(g, channels, kernel, stride);
    if (norm) gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
}

/* 15,591,427 + 4,333,441 with three channels */
static gan_status build_lsun(front *f) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 256 * 7 * 7, NULL);
    gan_add_reshape(g, gan_shape_3d(256, 7, 7));
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
    for (int i = 0; i < 2; i++) {
        add_up(g, 256, 3, 2, 1);
        add_up(g, 256, 3, 1, 1);
    }
    add_up(g, 128, 3, 2, 1);
    add_up(g, 64, 3, 2, 1);
    gan_add_conv_transpose2d(g, f->image.size[0], 3, 1, 1, NULL);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&f->generator, g);
    return status == GAN_OK ? build_discriminator(f, 1) : status;
}

/* 12,702,851 + 4,316,545 with three channels; 4,314,753 without batch normalisation */
static gan_status build_stability(front *f, int32_t norm_d) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 512 * 4 * 4, NULL);
    gan_add_reshape(g, gan_shape_3d(512, 4, 4));
    gan_add_relu(g);
    for (int64_t channels = 256; channels >= 64; channels /= 2) add_up(g, channels, 5, 2, 0);
    add_transposed(g, f->image.size[0], 5, 2);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&f->generator, g);
    return status == GAN_OK ? build_discriminator(f, norm_d) : status;
}

/* A class becomes 256 numbers, in each network by a layer of its own. 8,450,689 + 20,437,275 with ten classes */
static gan_builder *begin_characters(front *f, gan_shape input) {
    gan_builder *b = networks_begin_told(f, input, 0);
    gan_add_linear(b, 256, NULL);
    gan_builder_label(b, "meaning");
    gan_builder_from(b, "input");
    return b;
}

static gan_status build_characters(front *f) {
    gan_status status = front_need_classes(f);
    if (status != GAN_OK) return status;
    gan_builder *g = begin_characters(f, gan_shape_1d(f->options.latent_dim));
    gan_add_concat(g, "meaning");
    gan_add_linear(g, 128 * 7 * 7, NULL);
    gan_add_reshape(g, gan_shape_3d(128, 7, 7));
    add_norm_relu(g);
    add_up(g, 128, 5, 2, 1);
    add_transposed(g, f->image.size[0], 5, 2);
    gan_add_sigmoid(g);
    status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = begin_characters(f, f->image);
    gan_add_conv2d(d, 257, 5, 2, 2, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_concat_spatial(d, "meaning");
    gan_add_conv2d(d, 320, 5, 2, 2, NULL);
    gan_add_batch_norm(d, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_flatten(d);
    gan_add_concat(d, "meaning");
    gan_add_linear(d, 1024, NULL);
    gan_add_batch_norm(d, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_concat(d, "meaning");
    gan_add_linear(d, 1, NULL);
    return gan_builder_end(&f->discriminator, d);
}

/* The authors': D's convolutions N(0, 0.02) cut at two deviations, other weights N(0, 0.02), biases 0. */
static gan_status init_authors(front *f) {
    gan_init_options normal;
    gan_init_options_init(&normal);
    normal.kind = GAN_INIT_NORMAL;
    normal.deviation = 0.02;
    gan_status status = gan_layer_init(f->generator, &normal);
    if (status == GAN_OK) status = gan_layer_init(f->discriminator, &normal);
    return status == GAN_OK ? networks_init_truncated(f->discriminator) : status;
}

static gan_status make_rmsprop(gan_optimizer **out, const front *f, gan_layer *layer) {
    gan_rmsprop_options rmsprop;
    gan_rmsprop_options_init(&rmsprop);
    rmsprop.learning_rate = front_lr(f, layer);
    rmsprop.alpha = 0.9;
    rmsprop.epsilon = 1e-10;
    rmsprop.epsilon_mode = GAN_EPSILON_INSIDE;
    rmsprop.initial_square = 1;
    return gan_rmsprop_create(out, layer, &rmsprop);
}

static gan_status check_flags(front *f) {
    gan_status status = GAN_OK;
    if (loss_kind == NON_SATURATING) status = front_not_for(f, "coding", "--loss non-saturating");
    return status == GAN_OK && optimizer == RMSPROP ? front_no_betas(f, "RMSProp") : status;
}

static int32_t is_pearson(front *f) {
    if (front_given(f, "coding")) return coding == PEARSON;
    return front_is(f, "stability-without") && optimizer == RMSPROP;
}

static gan_status build(front *f) {
    gan_status status = check_flags(f);
    if (status != GAN_OK) return status;
    if (front_is(f, "28")) {
        status = networks_dcgan_28(f, 1, 1);
    } else if (front_is(f, "mnist")) {
        status = networks_infogan(f, 0, 1);
        f->d_rate = NETWORKS_INFOGAN_D_RATE;
    } else if (front_is(f, "pytorch-gan")) {
        status = networks_upsampling_32(f, 0);
    } else {
        status = front_is(f, "lsun")         ? build_lsun(f)
                 : front_is(f, "characters") ? build_characters(f)
                                             : build_stability(f, front_is(f, "stability"));
        if (status == GAN_OK) status = init_authors(f);
    }
    /* times what the paper's generator minimises */
    if (front_is(f, "pytorch-gan") && loss_kind == LEAST_SQUARES) f->scale_g = 2;
    if (status == GAN_OK && optimizer == RMSPROP) status = make_rmsprop(&f->generator_optimizer, f, f->generator);
    if (status == GAN_OK && optimizer == RMSPROP)
        status = make_rmsprop(&f->discriminator_optimizer, f, f->discriminator);
    if (status == GAN_OK && loss_kind == NON_SATURATING) return gan_loss_bce_create(&f->loss, f->context, NULL);
    gan_loss_least_squares_options targets;
    gan_loss_least_squares_options_init(&targets);
    if (is_pearson(f)) {
        targets.fake_target = -1;
        targets.generator_target = 0;
    }
    return status == GAN_OK ? gan_loss_least_squares_create(&f->loss, f->context, &targets) : status;
}

static gan_status first(front *f, gan_tape *tape) {
    return front_is(f, "pytorch-gan") ? front_phase_g_first(f, tape) : front_phase_d(f, tape);
}

static gan_status second(front *f, gan_tape *tape) {
    return front_is(f, "pytorch-gan") ? front_phase_d_second(f, tape) : front_phase_g(f, tape);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "lsgan",
                                          .summary = "trains a GAN by least squares",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .build = build,
                                          .phases = {{"first", first}, {"second", second}}};
    return front_main(&program, argc, argv);
}
