/* WGAN-GP (Gulrajani et al. 2017, arXiv 1704.00028): a Wasserstein critic without clipping; its gradient, at points
 * between reals and fakes, is drawn to length 1. No batch normalisation in the critic: the penalty is one per image. */
#include "front/networks.h"
#include "front/turns.h"

#include <math.h>

static int64_t n_critic = 5;
static double weight = 10;
static gan_loss *penalty;

static front_flag own_flags[] = {
    {"n-critic", "N", "steps of the critic for one of the generator", FRONT_INTEGER, &n_critic, 1, 1000},
    {"gp-weight", "X", "weight of the gradient penalty", FRONT_NUMBER, &weight, 0, 1e6}};

static const front_preset presets[] = {
    {"28", "DCGAN's networks at 28 x 28, for digits", 28, 64, 100, 25, 1e-4, 0, 0.9, GAN_INPUT_NORMAL, 0, 0},
    {"mnist", "the authors' MNIST networks", 28, 50, 128, 833, 1e-4, 0.5, 0.9, GAN_INPUT_NORMAL, 1, 0},
    {"infogan", "InfoGAN's networks without the codes, D without normalisation, for digits", 28, 64, 64, 25, 1e-4, 0.5,
     0.9, GAN_INPUT_UNIFORM, 1, 0},
    {"64", "DCGAN's networks at 64 x 64", 64, 64, 100, 25, 1e-4, 0, 0.9, GAN_INPUT_NORMAL, 0, 0},
    {"pytorch-gan", "PyTorch-GAN's wgan_gp.py", 0, 64, 100, 200, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0}};

/* 1,554,177 + 1,030,145 */
static gan_status build_mnist(front *f) {
    gan_weight_options plain, up;
    gan_weight_options_init(&plain);
    up = plain;
    up.output_padding = 1;
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 256 * 4 * 4, NULL);
    gan_add_reshape(g, gan_shape_3d(256, 4, 4));
    gan_add_relu(g);
    /* The authors' 5 x 5 lie 1 before and 2 after; with padding 2 all lies mirrored, so that of these 8 x 8, which they
     * crop to 7 x 7, the first row and column have to go. */
    gan_add_pad2d(g, 0, 1, 0, 1, GAN_PAD_ZERO);
    gan_add_conv_transpose2d(g, 128, 5, 2, 3, &plain);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, 64, 5, 2, 2, &up);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, f->image.size[0], 5, 2, 2, &up);
    gan_add_sigmoid(g);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = front_begin(f, f->image);
    for (int64_t channels = 64; channels <= 256; channels *= 2) {
        gan_add_conv2d(d, channels, 5, 2, 2, NULL);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_flatten(d);
    gan_add_linear(d, 1, NULL);
    return gan_builder_end(&f->discriminator, d);
}

static gan_status build(front *f) {
    gan_status status;
    if (front_is(f, "28")) {
        status = networks_dcgan_28(f, 1, 0);
    } else if (front_is(f, "infogan")) {
        status = networks_infogan(f, 0, 0);
    } else if (front_is(f, "64")) {
        status = networks_dcgan(f, 1, 0);
    } else if (front_is(f, "mnist")) {
        status = build_mnist(f);
    } else {
        gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
        networks_dense_generator(f, g, 0.8);
        status = gan_builder_end(&f->generator, g);
        if (status == GAN_OK) status = networks_dense_discriminator(f);
    }
    gan_loss_wasserstein_options wasserstein;
    gan_loss_wasserstein_options_init(&wasserstein);
    wasserstein.clip = INFINITY;
    gan_loss_gradient_penalty_options gp;
    gan_loss_gradient_penalty_options_init(&gp);
    gp.weight = weight;
    if (status == GAN_OK) status = gan_loss_wasserstein_create(&f->loss, f->context, &wasserstein);
    return status == GAN_OK ? gan_loss_gradient_penalty_create(&penalty, f->context, &gp) : status;
}

static gan_status phase_critic(front *f, gan_tape *tape) {
    f->fake = front_make(f, tape, f->options.batch_size);
    gan_tensor *loss = front_loss_d(f, tape);
    gan_tensor *between = gan_loss_penalty_points(tape, penalty, front_reals(f), f->fake);
    gan_tensor *pull = gan_loss_penalty(tape, penalty, front_score(f, tape, between, NULL), between);
    gan_run_report(f->run, "wasserstein", gan_neg(tape, loss)); /* the estimate of the distance */
    gan_run_report(f->run, "penalty", pull);
    return gan_optimizer_step(f->discriminator_optimizer, tape, gan_add(tape, loss, pull));
}

/* A step of the run is one of the critic, with a batch of its own. The authors' generator goes after every n, and draws
 * anew; PyTorch-GAN's is judged on the critic's z. */
static gan_status phase_generator(front *f, gan_tape *tape) {
    int64_t done = gan_run_step(f->run) + 1;
    int32_t pytorch_gan = front_is(f, "pytorch-gan");
    int its_turn =
        pytorch_gan ? turns_pytorch_gan(done, gan_loader_batches(f->loader), n_critic) : done % n_critic == 0;
    if (!its_turn) return GAN_OK;
    if (!pytorch_gan) f->fake = front_make(f, tape, f->options.batch_size);
    return front_phase_g(f, tape);
}

static void release(front *f) {
    (void)f;
    gan_loss_release(penalty);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "wgan_gp",
                                          .summary = "trains a Wasserstein GAN with a gradient penalty",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .build = build,
                                          .judge = front_judge_critic,
                                          .phases = {{"critic", phase_critic}, {"generator", phase_generator}},
                                          .release = release};
    return front_main(&program, argc, argv);
}
