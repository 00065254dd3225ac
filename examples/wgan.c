/* WGAN (Arjovsky, Chintala, Bottou 2017, arXiv 1701.07875): the critic estimates the earth mover's distance; it is kept
 * Lipschitz by clipping its weights; RMSProp, and several steps of the critic for one of the generator. */
#include "front/networks.h"
#include "front/turns.h"

static int64_t n_critic = 5;
static double clip = 0.01;

static front_flag own_flags[] = {
    {"n-critic", "N", "steps of the critic for one of the generator", FRONT_INTEGER, &n_critic, 1, 1000},
    {"clip", "X", "the critic's parameters stay in -X to X", FRONT_NUMBER, &clip, 1e-6, 100}};

static const front_preset presets[] = {
    {"28", "DCGAN's networks at 28 x 28, for digits", 28, 64, 100, 25, 5e-5, 0, 0, GAN_INPUT_NORMAL, 0, 0},
    {"official", "the authors' DCGAN at 64 x 64", 64, 64, 100, 25, 5e-5, 0, 0, GAN_INPUT_NORMAL, 0, 0},
    {"official-without", "the same, G without batch normalisation", 64, 64, 100, 25, 5e-5, 0, 0, GAN_INPUT_NORMAL, 0,
     0},
    {"official-dense", "the authors' dense networks at 64 x 64", 64, 64, 100, 25, 5e-5, 0, 0, GAN_INPUT_NORMAL, 0, 0},
    {"pytorch-gan", "PyTorch-GAN's wgan.py", 0, 64, 100, 200, 5e-5, 0, 0, GAN_INPUT_NORMAL, 0, 0}};

/* 6,880,768 + 794,881 with three channels */
static gan_status build_dense(front *f) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    for (int i = 0; i < 3; i++) {
        gan_add_linear(g, 512, NULL);
        gan_add_relu(g);
    }
    gan_add_linear(g, gan_shape_count(f->image), NULL);
    gan_add_reshape(g, f->image);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;
    gan_builder *d = front_begin(f, f->image);
    gan_add_flatten(d);
    for (int i = 0; i < 3; i++) {
        gan_add_linear(d, 64, NULL);
        gan_add_relu(d);
    }
    gan_add_linear(d, 1, NULL);
    return gan_builder_end(&f->discriminator, d);
}

static gan_status make_rmsprop(gan_optimizer **out, const front *f, gan_layer *layer) {
    gan_rmsprop_options rmsprop;
    gan_rmsprop_options_init(&rmsprop);
    rmsprop.learning_rate = front_lr(f, layer);
    return gan_rmsprop_create(out, layer, &rmsprop);
}

static gan_status build(front *f) {
    gan_status status = front_no_betas(f, "RMSProp");
    if (status != GAN_OK) return status;
    if (front_is(f, "28")) {
        status = networks_dcgan_28(f, 1, 1);
    } else if (front_is(f, "official-dense")) {
        status = build_dense(f);
    } else if (front_is(f, "pytorch-gan")) {
        gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
        networks_dense_generator(f, g, 0.8);
        status = gan_builder_end(&f->generator, g);
        if (status == GAN_OK) status = networks_dense_discriminator(f);
    } else {
        status = networks_dcgan(f, front_is(f, "official"), 1);
    }
    gan_loss_wasserstein_options wasserstein;
    gan_loss_wasserstein_options_init(&wasserstein);
    wasserstein.clip = clip;
    if (status == GAN_OK) status = gan_loss_wasserstein_create(&f->loss, f->context, &wasserstein);
    if (status == GAN_OK) status = make_rmsprop(&f->generator_optimizer, f, f->generator);
    return status == GAN_OK ? make_rmsprop(&f->discriminator_optimizer, f, f->discriminator) : status;
}

static int is_authors(const front *f) { return !front_is(f, "28") && !front_is(f, "pytorch-gan"); }

/* A step of the run is one of the critic, with a batch of its own. Is the generator's turn after it? */
static int is_generators_turn(const front *f) {
    int64_t done = gan_run_step(f->run) + 1;
    if (front_is(f, "pytorch-gan")) return turns_pytorch_gan(done, gan_loader_batches(f->loader), n_critic);
    return is_authors(f) ? turns_authors(done, n_critic) : done % n_critic == 0;
}

/* The paper clips after the critic's step; the authors' program does before it. */
static gan_status phase_critic(front *f, gan_tape *tape) {
    gan_status status = is_authors(f) ? gan_loss_constrain(f->loss, f->discriminator) : GAN_OK;
    if (status != GAN_OK) return status;
    f->fake = front_make(f, tape, f->options.batch_size);
    gan_tensor *loss = front_loss_d(f, tape);
    gan_run_report(f->run, "wasserstein", gan_neg(tape, loss)); /* the estimate of the distance */
    status = gan_optimizer_step(f->discriminator_optimizer, tape, loss);
    return status == GAN_OK && !is_authors(f) ? gan_loss_constrain(f->loss, f->discriminator) : status;
}

/* PyTorch-GAN's generator is judged on the critic's z; the authors draw anew. */
static gan_status phase_generator(front *f, gan_tape *tape) {
    if (!is_generators_turn(f)) return GAN_OK;
    if (!front_is(f, "pytorch-gan")) f->fake = front_make(f, tape, f->options.batch_size);
    return front_phase_g(f, tape);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "wgan",
                                          .summary = "trains a Wasserstein GAN with clipped weights",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .build = build,
                                          .judge = front_judge_critic,
                                          .phases = {{"critic", phase_critic}, {"generator", phase_generator}}};
    return front_main(&program, argc, argv);
}
