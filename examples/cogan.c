/* CoGAN (Liu, Tuzel 2016, arXiv 1606.07536): two domains, a GAN for each, and no pairs. The generators share the first
 * layers, which decide what is shown, and the discriminators the last: so one z becomes the same thing in both domains.
 * Digits and their negatives, or digits and their edges. */
#include "cogan/domains.h"
#include "front/networks.h"

#include <math.h>

static int64_t shared_layers = 4;
static int32_t task;

static front_flag own_flags[] = {
    {"task", "negative|edges", "what the second domain is", FRONT_CHOICE, &task, 0, 0},
    {"shared-layers", "N", "first layers that the generators share", FRONT_INTEGER, &shared_layers, 0, 4}};

/* 11 epochs of MNIST's halves are 5,148 steps; the authors' are 5,000. */
static const front_preset presets[] = {
    {"slim", "the authors' networks, G with an eighth of the channels", 28, 64, 100, 11, 2e-4, 0.5, 0.999,
     GAN_INPUT_NORMAL, 1, FRONT_MADE},
    {"paper", "the authors' networks for digits", 28, 64, 100, 11, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 1, FRONT_MADE},
    {"pytorch-gan", "PyTorch-GAN's cogan.py at 32 x 32: D's convolutions are what is shared", 32, 32, 100, 200, 2e-4,
     0.5, 0.999, GAN_INPUT_NORMAL, 0, FRONT_MADE}};

/* G and D in parts: what is shared, and what each domain has for itself. The front end has all in one, for files. */
static gan_layer *g_shared, *g_own[2], *d_own[2], *d_shared;

static gan_status open_first(front *f, gan_dataset **out) { return domains_open(f, out, 0, task); }

/* ---- networks ---- */

/* Layer `index` of G: to 4 x 4, 7 x 7, 13 x 13 and 25 x 25. */
static void add_up(gan_builder *b, int64_t index, int64_t widest) {
    gan_batch_norm_options plain;
    gan_batch_norm_options_init(&plain);
    plain.affine = 0;
    gan_add_conv_transpose2d(b, widest >> index, index == 0 ? 4 : 3, index == 0 ? 1 : 2, index == 0 ? 0 : 1, NULL);
    gan_add_batch_norm(b, &plain);
    gan_add_prelu(b, 1, 0.25);
}

/* The whole of G, of the parts. */
static gan_status join_generators(front *f) {
    gan_builder *b = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_layer(b, g_shared, "shared");
    gan_add_layer(b, g_own[0], "first");
    gan_builder_output(b, "first");
    gan_builder_from(b, "shared");
    gan_add_layer(b, g_own[1], "second");
    gan_builder_output(b, "second");
    gan_status status = gan_builder_end(&f->generator, b);
    return status == GAN_OK ? domains_set_generators(f, g_shared, g_own) : status;
}

static gan_status build_generators(front *f, int64_t widest) {
    gan_builder *b = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_reshape(b, gan_shape_3d(f->options.latent_dim, 1, 1));
    for (int64_t i = 0; i < shared_layers; i++) add_up(b, i, widest);
    gan_shape between = gan_builder_shape(b);
    gan_status status = gan_builder_end(&g_shared, b);
    for (int d = 0; d < 2 && status == GAN_OK; d++) {
        b = front_begin(f, between);
        for (int64_t i = shared_layers; i < 4; i++) add_up(b, i, widest);
        gan_add_conv_transpose2d(b, f->image.size[0], 6, 1, 1, NULL);
        gan_add_sigmoid(b);
        status = gan_builder_end(&g_own[d], b);
    }
    return status == GAN_OK ? join_generators(f) : status;
}

static gan_status build_discriminators(front *f) {
    gan_status status = GAN_OK;
    gan_builder *b;
    for (int d = 0; d < 2 && status == GAN_OK; d++) {
        b = front_begin(f, f->image);
        gan_add_conv2d(b, 20, 5, 1, 0, NULL);
        gan_add_max_pool2d(b, 2, 2, 0);
        status = gan_builder_end(&d_own[d], b);
    }
    if (status != GAN_OK) return status;
    b = front_begin(f, gan_layer_output_shape(d_own[0], 0));
    gan_add_conv2d(b, 50, 5, 1, 0, NULL);
    gan_add_max_pool2d(b, 2, 2, 0);
    gan_add_conv2d(b, 500, 4, 1, 0, NULL);
    gan_add_prelu(b, 1, 0.25);
    gan_add_conv2d(b, 2, 1, 1, 0, NULL); /* logits of fake and real */
    gan_add_flatten(b);
    status = gan_builder_end(&d_shared, b);
    if (status != GAN_OK) return status;
    b = front_begin(f, f->image);
    gan_add_layer(b, d_own[0], "first");
    gan_add_layer(b, d_shared, "shared");
    gan_builder_output(b, "first");
    gan_builder_input(b, "images of the second", f->image);
    gan_add_layer(b, d_own[1], "second");
    gan_add_layer(b, d_shared, "shared again");
    gan_builder_output(b, "second");
    return gan_builder_end(&f->discriminator, b);
}

/* ---- PyTorch-GAN's: 1,126,790 + 98,914 with three channels ---- */

static int is_pytorch_gan(const front *f) { return front_is(f, "pytorch-gan"); }

static gan_status build_pytorch_generators(front *f) {
    gan_builder *b = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_upsampling_trunk(b, 1);
    gan_shape between = gan_builder_shape(b);
    gan_status status = gan_builder_end(&g_shared, b);
    for (int d = 0; d < 2 && status == GAN_OK; d++) {
        b = front_begin(f, between);
        networks_add_upsampling_head(f, b);
        status = gan_builder_end(&g_own[d], b);
    }
    return status == GAN_OK ? join_generators(f) : status;
}

/* What is shared comes first here. */
static gan_status build_pytorch_discriminators(front *f) {
    gan_builder *b = front_begin(f, f->image);
    for (int64_t channels = 16; channels <= 128; channels *= 2) {
        gan_add_conv2d(b, channels, 3, 2, 1, NULL);
        if (channels > 16) front_add_batch_norm(b, 0.8);
        gan_add_leaky_relu(b, 0.2);
        gan_add_dropout2d(b, 0.25);
    }
    gan_add_flatten(b);
    gan_status status = gan_builder_end(&d_shared, b);
    for (int d = 0; d < 2 && status == GAN_OK; d++) {
        b = front_begin(f, gan_layer_output_shape(d_shared, 0));
        gan_add_linear(b, 1, NULL);
        status = gan_builder_end(&d_own[d], b);
    }
    if (status != GAN_OK) return status;
    b = front_begin(f, f->image);
    gan_add_layer(b, d_shared, "shared");
    gan_add_layer(b, d_own[0], "first");
    gan_builder_output(b, "first");
    gan_builder_input(b, "images of the second", f->image);
    gan_add_layer(b, d_shared, "shared again");
    gan_add_layer(b, d_own[1], "second");
    gan_builder_output(b, "second");
    return gan_builder_end(&f->discriminator, b);
}

static gan_status build_pytorch_gan(front *f) {
    if (shared_layers != 4)
        return front_refuse(f, "--shared-layers is for the presets slim and paper: the other shares what it shares");
    gan_status status = build_pytorch_generators(f);
    if (status == GAN_OK) status = build_pytorch_discriminators(f);
    gan_layer *const all[] = {g_shared, g_own[0], g_own[1], d_shared, d_own[0], d_own[1]};
    /* dense layers alone: the names that the program looks for miss the convolutions */
    for (int i = 0; i < 6 && status == GAN_OK; i++) status = networks_init_weights(all[i], 2);
    f->scale_d = 0.5;
    return status == GAN_OK ? gan_loss_least_squares_create(&f->loss, f->context, NULL) : status;
}

/* ---- all presets ---- */

/* Glorot's uniform distribution times sqrt 2, biases 0.1. */
static gan_status init(void) {
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = GAN_INIT_XAVIER_UNIFORM;
    rule.gain = sqrt(2);
    gan_layer *const all[] = {g_shared, g_own[0], g_own[1], d_own[0], d_own[1], d_shared};
    gan_status status = GAN_OK;
    for (int i = 0; i < 6 && status == GAN_OK; i++) {
        status = gan_layer_init(all[i], &rule);
        for (int32_t k = 0; k < gan_layer_tensor_count(all[i]) && status == GAN_OK; k++)
            if (front_ends_with(gan_layer_tensor_name(all[i], k), ".bias"))
                status = gan_init_constant(gan_layer_tensor(all[i], k), 0.1);
    }
    return status;
}

static gan_status build(front *f) {
    if (f->options.ema > 0) return front_refuse(f, "--ema: pairs are made by networks in parts, which have no average");
    if (is_pytorch_gan(f)) return build_pytorch_gan(f);
    f->weight_decay = 5e-4;
    gan_status status = build_generators(f, front_is(f, "paper") ? 1024 : 128);
    if (status == GAN_OK) status = build_discriminators(f);
    if (status == GAN_OK) status = init();
    return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, NULL) : status;
}

/* ---- training ---- */

/* Scores of images of both domains, one behind the other: how much the logit of real is above that of fake. */
static gan_tensor *score(gan_tape *tape, gan_tensor *const images[2]) {
    gan_tensor *features[2];
    for (int d = 0; d < 2; d++) features[d] = gan_layer_forward(tape, d_own[d], images[d]);
    gan_tensor *logits = gan_layer_forward(tape, d_shared, gan_concat(tape, features, 2, 0));
    return gan_sub(tape, gan_slice(tape, logits, 1, 1, 1), gan_slice(tape, logits, 1, 0, 1));
}

/* One pass through what is shared: both domains see the same features, and the same statistics. */
static void generate(front *f, gan_tape *tape, gan_tensor *images[2]) {
    gan_tensor *features = gan_layer_forward(tape, g_shared, front_latent(f, tape));
    for (int d = 0; d < 2; d++) images[d] = gan_layer_forward(tape, g_own[d], features);
}

static gan_tensor *score_pytorch_gan(gan_tape *tape, int d, gan_tensor *images) {
    return gan_layer_forward(tape, d_own[d], gan_layer_forward(tape, d_shared, images));
}

/* PyTorch-GAN's: G, then D on the same fakes; each domain's losses for themselves. */
static gan_status step_pytorch_gan(front *f, gan_tape *tape) {
    gan_tensor *fake[2], *real[2] = {front_reals(f), NULL}, *kept[2], *of_real[2], *loss[2];
    gan_status status = domains_second(f, task, &real[1]);
    if (status != GAN_OK) return status;
    generate(f, tape, fake);
    for (int d = 0; d < 2; d++) kept[d] = gan_detach(tape, fake[d]);
    for (int d = 0; d < 2; d++) loss[d] = gan_loss_generator(tape, f->loss, score_pytorch_gan(tape, d, fake[d]));
    status = front_step(f, tape, f->generator_optimizer, "loss_g", gan_add(tape, loss[0], loss[1]));
    if (status != GAN_OK) return status;
    for (int d = 0; d < 2; d++) of_real[d] = score_pytorch_gan(tape, d, real[d]);
    for (int d = 0; d < 2; d++)
        loss[d] = gan_loss_discriminator(tape, f->loss, of_real[d], score_pytorch_gan(tape, d, kept[d]));
    gan_tensor *both = gan_scale(tape, gan_add(tape, loss[0], loss[1]), f->scale_d);
    return front_step(f, tape, f->discriminator_optimizer, "loss_d", both);
}

static gan_status phase_d(front *f, gan_tape *tape) {
    if (is_pytorch_gan(f)) return step_pytorch_gan(f, tape);
    gan_tensor *fake[2], *real[2] = {front_reals(f), NULL};
    gan_status status = domains_second(f, task, &real[1]);
    if (status != GAN_OK) return status;
    generate(f, tape, fake);
    for (int d = 0; d < 2; d++) fake[d] = gan_detach(tape, fake[d]);
    gan_tensor *of_real = score(tape, real), *of_fake = score(tape, fake);
    return front_step(f, tape, f->discriminator_optimizer, "loss_d",
                      gan_loss_discriminator(tape, f->loss, of_real, of_fake));
}

static gan_status phase_g(front *f, gan_tape *tape) {
    if (is_pytorch_gan(f)) return GAN_OK;
    gan_tensor *fake[2];
    generate(f, tape, fake);
    return front_step(f, tape, f->generator_optimizer, "loss_g", gan_loss_generator(tape, f->loss, score(tape, fake)));
}

static gan_status judge(front *f) {
    gan_status status = domains_judge(f, task);
    return status == GAN_OK ? front_judge(f) : status;
}

static void release(front *f) {
    (void)f;
    gan_layer *const all[] = {g_shared, g_own[0], g_own[1], d_own[0], d_own[1], d_shared};
    for (int i = 0; i < 6; i++) gan_layer_release(all[i]);
    domains_release();
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "cogan",
                                          .summary = "trains two GANs that share layers, for pairs without pairs",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .open = open_first,
                                          .build = build,
                                          .phases = {{"d", phase_d}, {"g", phase_g}},
                                          .judge = judge,
                                          .release = release};
    return front_main(&program, argc, argv);
}
