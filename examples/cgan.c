/* CGAN (Mirza, Osindero 2014, arXiv 1411.1784): both networks are told the class; the generator makes what is asked
 * for, the discriminator judges whether an image is real and of its class. */
#include "front/networks.h"

static const front_preset presets[] = {{"mnist", "InfoGAN's networks, told the class in place of codes, for digits", 28,
                                        64, 64, 10, 1e-3, 0.5, 0.999, GAN_INPUT_UNIFORM, 1, 0},
                                       {"dcgan", "the DCGAN authors' class-conditional networks, for digits at 28 x 28",
                                        28, 128, 100, 200, 2e-4, 0.5, 0.999, GAN_INPUT_UNIFORM, 1, 0},
                                       {"pytorch-gan", "PyTorch-GAN's cgan.py: dense, tables of labels, least squares",
                                        0, 64, 100, 200, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
                                       {"one-hot", "the same with one-hot labels in place of tables", 0, 64, 100, 200,
                                        2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
                                       {"paper", "the authors' MNIST networks: maxout, dropout, SGD with momentum", 0,
                                        100, 100, 250, 0.1, 0.5, 0.999, GAN_INPUT_UNIT_UNIFORM, 1, 0}};

/* ---- dense, of PyTorch-GAN: 1,511,412 + 932,965 at 28 x 28 ---- */

static gan_status build_dense(front *f, int64_t table) {
    gan_builder *g = networks_begin_told(f, gan_shape_1d(f->options.latent_dim), table);
    gan_add_concat(g, "input"); /* the label's first */
    networks_dense_generator(f, g, 0.8);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = networks_begin_told(f, f->image, table);
    gan_builder_from(d, "input");
    gan_add_flatten(d);
    gan_add_concat(d, "class");
    gan_add_linear(d, 512, NULL);
    gan_add_leaky_relu(d, 0.2);
    for (int i = 0; i < 2; i++) {
        gan_add_linear(d, 512, NULL);
        gan_add_dropout(d, 0.4);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_linear(d, 1, NULL);
    status = gan_builder_end(&f->discriminator, d);
    return status == GAN_OK ? gan_loss_least_squares_create(&f->loss, f->context, NULL) : status;
}

/* ---- the paper's: 2,413,984 + 1,224,351 at 28 x 28 ---- */

static gan_status build_paper(front *f) {
    gan_builder *g = networks_begin_told(f, gan_shape_1d(f->options.latent_dim), 0);
    gan_add_linear(g, 1000, NULL);
    gan_add_relu(g);
    gan_builder_label(g, "of label");
    gan_builder_from(g, "input");
    gan_add_linear(g, 200, NULL);
    gan_add_relu(g);
    gan_add_concat(g, "of label");
    gan_add_dropout(g, 0.5);
    gan_add_linear(g, 1200, NULL);
    gan_add_relu(g);
    gan_add_dropout(g, 0.5);
    gan_add_linear(g, gan_shape_count(f->image), NULL);
    gan_add_sigmoid(g);
    gan_add_reshape(g, f->image);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = networks_begin_told(f, f->image, 0);
    gan_add_linear(d, 5 * 50, NULL);
    gan_add_maxout(d, 5);
    gan_builder_label(d, "of label");
    gan_builder_from(d, "input");
    gan_add_flatten(d);
    gan_add_linear(d, 5 * 240, NULL);
    gan_add_maxout(d, 5);
    gan_add_concat(d, "of label");
    gan_add_dropout(d, 0.5);
    gan_add_linear(d, 4 * 240, NULL);
    gan_add_maxout(d, 4);
    gan_add_dropout(d, 0.5);
    gan_add_linear(d, 1, NULL);
    status = gan_builder_end(&f->discriminator, d);
    /* The paper has no initial weights: these, and half of D's loss, are of its authors' program for GAN. With
     * PyTorch's and the whole loss, D wins at this learning rate, and G collapses. */
    if (status == GAN_OK) status = networks_init_uniform(f->generator, 0.05);
    if (status == GAN_OK) status = networks_init_uniform(f->discriminator, 0.005);
    f->scale_d = 0.5;
    if (status == GAN_OK) status = front_make_sgd(f, 1.00004);
    return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, NULL) : status;
}

/* ---- the DCGAN authors': the label again before every layer; 6,820,538 + 6,688,202 ---- */

static void add_plain_norm(gan_builder *b) {
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.affine = 0;
    norm.epsilon = 1e-8;
    norm.track_running_stats = 0; /* they sample by the statistics of the batch, too */
    gan_add_batch_norm(b, &norm);
}

static gan_status build_dcgan(front *f) {
    gan_weight_options up = *front_no_bias();
    up.output_padding = 1;
    gan_builder *g = networks_begin_told(f, gan_shape_1d(f->options.latent_dim), 0);
    gan_builder_from(g, "input");
    gan_add_concat(g, "class");
    gan_add_linear(g, 1024, front_no_bias());
    add_plain_norm(g);
    gan_add_relu(g);
    gan_add_concat(g, "class");
    gan_add_linear(g, 128 * 7 * 7, front_no_bias());
    add_plain_norm(g);
    gan_add_relu(g);
    gan_add_reshape(g, gan_shape_3d(128, 7, 7));
    gan_add_concat_spatial(g, "class");
    gan_add_conv_transpose2d(g, 64, 5, 2, 2, &up);
    add_plain_norm(g);
    gan_add_relu(g);
    gan_add_concat_spatial(g, "class");
    gan_add_conv_transpose2d(g, f->image.size[0], 5, 2, 2, &up);
    gan_add_sigmoid(g);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = networks_begin_told(f, f->image, 0);
    gan_builder_from(d, "input");
    gan_add_concat_spatial(d, "class");
    gan_add_conv2d(d, 64, 5, 2, 2, front_no_bias());
    gan_add_leaky_relu(d, 0.2);
    gan_add_concat_spatial(d, "class");
    gan_add_conv2d(d, 128, 5, 2, 2, front_no_bias());
    add_plain_norm(d);
    gan_add_leaky_relu(d, 0.2);
    gan_add_flatten(d);
    gan_add_concat(d, "class");
    gan_add_linear(d, 1024, front_no_bias());
    add_plain_norm(d);
    gan_add_leaky_relu(d, 0.2);
    gan_add_concat(d, "class");
    gan_add_linear(d, 1, front_no_bias());
    status = gan_builder_end(&f->discriminator, d);
    f->weight_decay = 2.5e-5;
    if (status == GAN_OK) status = gan_layer_init_dcgan(f->generator);
    if (status == GAN_OK) status = gan_layer_init_dcgan(f->discriminator);
    return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, NULL) : status;
}

/* ---- all presets ---- */

static gan_status build(front *f) {
    gan_status status = front_need_classes(f);
    if (status != GAN_OK) return status;
    if (front_is(f, "paper")) return build_paper(f);
    if (front_is(f, "dcgan")) return build_dcgan(f);
    if (front_is(f, "mnist")) {
        status = networks_infogan(f, 1, 1);
        f->d_rate = 2 * NETWORKS_INFOGAN_D_RATE; /* it has the class to learn as well: slower, it falls behind */
        return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, NULL) : status;
    }
    f->scale_g = 2;
    return build_dense(f, front_is(f, "pytorch-gan") ? f->classes : 0);
}

static gan_status first(front *f, gan_tape *tape) {
    if (front_is(f, "paper")) front_set_momentum(f);
    if (front_is(f, "mnist")) return front_phase_d(f, tape);
    return front_is(f, "dcgan") ? front_phase_alternate(f, tape) : front_phase_g_first(f, tape);
}

static gan_status second(front *f, gan_tape *tape) {
    if (front_is(f, "mnist")) return front_phase_g(f, tape);
    return front_is(f, "dcgan") ? GAN_OK : front_phase_d_second(f, tape);
}

/* The DCGAN authors' rates stay for half of the run and then fall to 0. Each network makes every other step. */
static gan_status add(front *f) {
    if (!front_is(f, "dcgan")) return GAN_OK;
    int64_t steps = front_steps(f), g = (steps + 1) / 2, d = steps / 2;
    gan_status status = front_fall(f->generator_optimizer, g / 2, g);
    return status == GAN_OK ? front_fall(f->discriminator_optimizer, d / 2, d) : status;
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "cgan",
                                          .summary = "trains a GAN that is told the class",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .build = build,
                                          .phases = {{"first", first}, {"second", second}},
                                          .add = add};
    return front_main(&program, argc, argv);
}
