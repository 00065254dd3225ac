/* DCGAN (Radford, Metz, Chintala 2015, arXiv 1511.06434): strided convolutions, batch normalisation in both networks,
 * ReLU in the generator with a tanh output, leaky ReLU in the discriminator; weights N(0, 0.02), Adam 2e-4 with beta1
 * 0.5; non-saturating loss. */
#include "front/networks.h"

static const front_preset presets[] = {
    {"28", "the paper's rules at 28 x 28, for digits", 28, 64, 100, 5, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
    {"mnist", "InfoGAN's networks without the codes, for digits", 28, 64, 64, 10, 1e-3, 0.5, 0.999, GAN_INPUT_UNIFORM,
     1, 0},
    {"32", "the networks of 64 with a level less, at 32 x 32", 32, 64, 100, 25, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0,
     0},
    {"64", "PyTorch's and Torch's networks at 64 x 64", 64, 64, 100, 25, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
    {"paper", "the authors' networks of 5 x 5 kernels at 64 x 64", 64, 128, 100, 25, 2e-4, 0.5, 0.999,
     GAN_INPUT_UNIFORM, 0, 0},
    {"pytorch-gan", "PyTorch-GAN's dcgan.py at 32 x 32", 32, 64, 100, 200, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0}};

/* The authors' faces: width 128, 5 x 5 kernels, batch statistics in sampling as well; 18,885,760 + 17,232,768. */
static void add_paper_norm(gan_builder *b) {
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.epsilon = 1e-8;
    norm.track_running_stats = 0;
    gan_add_batch_norm(b, &norm);
}

static gan_status build_paper(front *f) {
    gan_weight_options up = *front_no_bias();
    up.output_padding = 1;
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 1024 * 4 * 4, front_no_bias());
    add_paper_norm(g);
    gan_add_relu(g);
    gan_add_reshape(g, gan_shape_3d(1024, 4, 4));
    for (int64_t channels = 512; channels >= 128; channels /= 2) {
        gan_add_conv_transpose2d(g, channels, 5, 2, 2, &up);
        add_paper_norm(g);
        gan_add_relu(g);
    }
    gan_add_conv_transpose2d(g, f->image.size[0], 5, 2, 2, &up);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = front_begin(f, f->image);
    for (int64_t channels = 128; channels <= 1024; channels *= 2) {
        gan_add_conv2d(d, channels, 5, 2, 2, front_no_bias());
        if (channels > 128) add_paper_norm(d);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_flatten(d);
    gan_add_linear(d, 1, front_no_bias());
    status = gan_builder_end(&f->discriminator, d);
    f->weight_decay = 1e-5;
    if (status == GAN_OK) status = gan_layer_init_dcgan(f->generator);
    return status == GAN_OK ? gan_layer_init_dcgan(f->discriminator) : status;
}

static gan_status build(front *f) {
    gan_status status = front_is(f, "28")            ? networks_dcgan_28(f, 1, 1)
                        : front_is(f, "mnist")       ? networks_infogan(f, 0, 1)
                        : front_is(f, "pytorch-gan") ? networks_upsampling_32(f, 1)
                        : front_is(f, "paper")       ? build_paper(f)
                                                     : networks_dcgan(f, 1, 1);
    if (front_is(f, "pytorch-gan")) f->scale_d = 0.5;
    if (front_is(f, "mnist")) f->d_rate = NETWORKS_INFOGAN_D_RATE;
    return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, NULL) : status;
}

static gan_status first(front *f, gan_tape *tape) {
    if (front_is(f, "paper")) return front_phase_alternate(f, tape);
    return front_is(f, "pytorch-gan") ? front_phase_g_first(f, tape) : front_phase_d(f, tape);
}

static gan_status second(front *f, gan_tape *tape) {
    if (front_is(f, "pytorch-gan")) return front_phase_d_second(f, tape);
    return front_is(f, "paper") ? GAN_OK : front_phase_g(f, tape);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "dcgan",
                                          .summary = "trains a DCGAN on images and draws what it learns",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .build = build,
                                          .phases = {{"first", first}, {"second", second}}};
    return front_main(&program, argc, argv);
}
