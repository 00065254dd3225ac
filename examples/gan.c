/* The first GAN (Goodfellow et al. 2014, arXiv 1406.2661): dense networks, and the two losses of the paper. */
#include "front/networks.h"

#include <math.h>
#include <stdlib.h>

enum { NON_SATURATING, MINIMAX };
enum { G_FIRST, D_FIRST, SIMULTANEOUS };
static int32_t generator_loss = NON_SATURATING, order;

static front_flag own_flags[] = {
    {"generator-loss", "non-saturating|minimax", "what the generator minimises", FRONT_CHOICE, &generator_loss, 0, 0},
    {"order", "g-first|d-first|simultaneous",
     "whose step comes first, the other's being on the same fakes;\nsimultaneous: both gradients before either step",
     FRONT_CHOICE, &order, 0, 0}};

static const front_preset presets[] = {{"dense", "PyTorch-GAN's gan.py with the usual epsilon in its normalisation", 0,
                                        64, 100, 20, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
                                       {"pytorch-gan", "PyTorch-GAN's gan.py as it is, epsilon 0.8", 0, 64, 100, 200,
                                        2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0},
                                       {"paper", "the authors' MNIST networks: maxout, dropout, SGD with momentum", 0,
                                        100, 100, 250, 0.1, 0.5, 0.999, GAN_INPUT_UNIFORM, 1, 0}};

static void settle(front *f) { order = front_is(f, "paper") ? SIMULTANEOUS : G_FIRST; }

/* ---- the authors' MNIST networks: 2,503,984 + 1,231,441 ---- */

/* Mean of each pixel over the data, kept off 0 and 1, as the logit that the output's bias begins with. */
static gan_status set_output_bias(front *f, gan_tensor *bias) {
    int64_t pixels = gan_shape_count(f->image), count = gan_dataset_count(f->dataset);
    unsigned char *image = malloc((size_t)pixels);
    double *sum = calloc((size_t)pixels, sizeof *sum);
    gan_status status = image == NULL || sum == NULL ? GAN_E_MEMORY : GAN_OK;
    for (int64_t i = 0; i < count && status == GAN_OK; i++) {
        status = gan_dataset_read(f->dataset, i, image, (size_t)pixels, NULL);
        for (int64_t k = 0; k < pixels && status == GAN_OK; k++) sum[k] += image[k] / 255.0;
    }
    for (int64_t k = 0; k < pixels && status == GAN_OK; k++) {
        double mean = fmin(fmax(sum[k] / (double)count, 1e-3), 1 - 1e-3);
        front_put(bias, k, log(mean / (1 - mean)));
    }
    free(sum);
    free(image);
    return status;
}

static gan_status build_paper(front *f) {
    /* z is U(-sqrt 3, sqrt 3), of variance 1: the library's U(-1, 1), and the first weights times sqrt 3 where they are
     * used */
    gan_weight_options wider;
    gan_weight_options_init(&wider);
    wider.form = GAN_WEIGHT_EQUALIZED;
    wider.gain = sqrt(3.0 * (double)f->options.latent_dim);
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_add_linear(g, 1200, &wider);
    gan_add_relu(g);
    gan_add_linear(g, 1200, NULL);
    gan_add_relu(g);
    gan_add_linear(g, gan_shape_count(f->image), NULL);
    gan_add_sigmoid(g);
    gan_add_reshape(g, f->image);
    gan_status status = gan_builder_end(&f->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = front_begin(f, f->image);
    gan_add_flatten(d);
    gan_add_dropout(d, 0.2);
    gan_add_linear(d, 5 * 240, NULL);
    gan_add_maxout(d, 5);
    gan_add_dropout(d, 0.5);
    gan_add_linear(d, 5 * 240, NULL);
    gan_add_maxout(d, 5);
    gan_add_dropout(d, 0.5);
    gan_add_linear(d, 1, NULL);
    status = gan_builder_end(&f->discriminator, d);
    if (status == GAN_OK) status = networks_init_uniform(f->generator, 0.05);
    /* an equalised layer is initialised with N(0, 1): these are the paper's */
    if (status == GAN_OK) status = gan_init_uniform(gan_layer_find(f->generator, "0.weight"), -0.05, 0.05);
    if (status == GAN_OK) status = set_output_bias(f, gan_layer_find(f->generator, "4.bias"));
    if (status == GAN_OK) status = networks_init_uniform(f->discriminator, 0.005);
    return status == GAN_OK ? front_make_sgd(f, 1.000004) : status;
}

/* Both networks are updated from the same minibatch and the same fakes, each against the other as it was. */
static gan_status phase_both(front *f, gan_tape *tape) {
    f->fake = front_make(f, tape, f->options.batch_size);
    gan_tensor *loss_d = front_loss_d(f, tape);
    gan_tensor *loss_g = front_loss_g(f, tape, f->fake);
    gan_run_report(f->run, "loss_d", loss_d);
    gan_run_report(f->run, "loss_g", loss_g);
    /* both gradients before the first update: a step would change what the other walk has to read */
    gan_status status = gan_optimizer_accumulate(f->discriminator_optimizer, tape, loss_d);
    if (status == GAN_OK) status = gan_optimizer_accumulate(f->generator_optimizer, tape, loss_g);
    if (status == GAN_OK) status = gan_optimizer_step(f->discriminator_optimizer, tape, NULL);
    return status == GAN_OK ? gan_optimizer_step(f->generator_optimizer, tape, NULL) : status;
}

/* ---- all presets ---- */

static gan_status build(front *f) {
    gan_status status;
    if (front_is(f, "paper")) {
        status = build_paper(f);
    } else {
        gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
        networks_dense_generator(f, g, front_is(f, "pytorch-gan") ? 0.8 : 1e-5);
        status = gan_builder_end(&f->generator, g);
        if (status == GAN_OK) status = networks_dense_discriminator(f);
    }
    f->scale_d = 0.5;
    gan_loss_bce_options bce;
    gan_loss_bce_options_init(&bce);
    bce.generator = generator_loss == MINIMAX ? GAN_GENERATOR_MINIMAX : GAN_GENERATOR_NON_SATURATING;
    return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, &bce) : status;
}

static gan_status first(front *f, gan_tape *tape) {
    if (front_is(f, "paper")) front_set_momentum(f);
    if (order == SIMULTANEOUS) return phase_both(f, tape);
    return order == D_FIRST ? front_phase_d(f, tape) : front_phase_g_first(f, tape);
}

static gan_status second(front *f, gan_tape *tape) {
    if (order == SIMULTANEOUS) return GAN_OK;
    return order == D_FIRST ? front_phase_g(f, tape) : front_phase_d_second(f, tape);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "gan",
                                          .summary = "trains the first GAN, of dense networks",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .settle = settle,
                                          .build = build,
                                          .phases = {{"first", first}, {"second", second}}};
    return front_main(&program, argc, argv);
}
