/* VEEGAN (Srivastava, Valkov, Russell, Gutmann, Sutton 2017, arXiv 1705.07761): a reconstructor F maps data to the
 * noise that they might have been made from, and the discriminator judges pairs of noise and data. A mode that the
 * generator misses is one where F cannot look like noise. D is above 0 for generated pairs: other than in the other
 * programs. */
#include "front/mixtures.h"
#include "front/networks.h"
#include "veegan/stacks.h"

static double reconstruction_factor = 0.5;
static int64_t points = 100000, hidden;

static front_flag own_flags[] = {
    {"reconstruction", "X", "weight of |z - F(G(z))|^2, summed over z; 0.5 is that of a unit Gaussian", FRONT_NUMBER,
     &reconstruction_factor, 0, 1e6},
    {"hidden", "N", "width of the hidden layers of dense networks; 0: the preset's", FRONT_INTEGER, &hidden, 0, 65536},
    {"points", "N", "points of a mixture", FRONT_INTEGER, &points, 100, 1e8}};

static const front_preset presets[] = {
    {"ring", "8 modes in the plane, deviation 0.01", 0, 500, 254, 50, 1e-3, 0.5, 0.999, GAN_INPUT_NORMAL, 0, FRONT_OWN},
    {"grid", "25 modes in the plane, deviation 0.05", 0, 500, 254, 500, 1e-3, 0.5, 0.999, GAN_INPUT_NORMAL, 0,
     FRONT_OWN},
    {"high1200", "10 modes in 1200 dimensions", 0, 500, 254, 500, 1e-3, 0.5, 0.999, GAN_INPUT_NORMAL, 0, FRONT_OWN},
    {"mnist", "the authors' dense networks for digits", 28, 200, 32, 50, 1e-3, 0.7, 0.999, GAN_INPUT_NORMAL, 1,
     FRONT_IMAGES},
    {"stacked-mnist", "three digits as one image, 1000 modes: DCGAN, and F like D", 28, 64, 100, 10, 2e-4, 0.5, 0.999,
     GAN_INPUT_NORMAL, 0, FRONT_MADE}};

static gan_layer *reconstructor;
static gan_optimizer *reconstructor_optimizer;

static int32_t target(const front *f) {
    if (front_is(f, "grid")) return MIXTURE_GRID25_VEEGAN;
    return front_is(f, "high1200") ? MIXTURE_HIGH1200 : MIXTURE_RING8_VEEGAN;
}

/* Points, not images. */
static int32_t is_mixture(const front *f) { return f->preset->own_data == FRONT_OWN; }

static gan_status open_set(front *f, gan_dataset **out) {
    return is_mixture(f) ? mixture_open(f, out, target(f), points) : stacks_open(f, out);
}

/* ---- networks ---- */

static void add_hidden(gan_builder *b, int64_t width, int64_t layers) {
    for (int64_t i = 0; i < layers; i++) {
        gan_add_linear(b, width, NULL);
        gan_add_relu(b);
    }
}

/* A builder of D that stands at data and noise side by side, images through `features` or flat. */
static gan_builder *begin_pair(const front *f, void (*features)(gan_builder *b)) {
    const char *data = f->image.rank == 3 ? "data" : "input";
    gan_builder *b = front_begin(f, f->image);
    if (f->image.rank == 3) {
        features(b);
        gan_builder_label(b, data);
    }
    gan_builder_input(b, "noise", gan_shape_1d(f->options.latent_dim));
    gan_builder_from(b, data);
    gan_add_concat(b, "noise");
    return b;
}

static gan_status init(front *f, gan_status (*rule)(gan_layer *layer)) {
    gan_status status = rule(f->generator);
    if (status == GAN_OK) status = rule(reconstructor);
    return status == GAN_OK ? rule(f->discriminator) : status;
}

static gan_status init_glorot(gan_layer *layer) {
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = GAN_INIT_XAVIER_UNIFORM;
    return gan_layer_init(layer, &rule);
}

/* 49,538 + 49,662 + 33,025 in the plane: G has one number more than z, D one hidden layer, or three in 1200 dimensions.
 */
static gan_status build_mixture(front *f) {
    const int64_t width = hidden > 0 ? hidden : 128, dimension = f->image.size[0];
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    gan_builder_input(g, "more noise", gan_shape_1d(1));
    gan_builder_from(g, "input");
    gan_add_concat(g, "more noise");
    add_hidden(g, width, 2);
    gan_add_linear(g, dimension, NULL);
    gan_status status = gan_builder_end(&f->generator, g);
    gan_builder *r = front_begin(f, f->image);
    add_hidden(r, width, 2);
    gan_add_linear(r, f->options.latent_dim, NULL);
    status = front_end(&reconstructor, status, r);
    gan_builder *d = begin_pair(f, NULL);
    add_hidden(d, width, front_is(f, "high1200") ? 3 : 1);
    gan_add_linear(d, 1, NULL);
    status = front_end(&f->discriminator, status, d);
    return status == GAN_OK ? init(f, init_glorot) : status;
}

/* 209,936 + 209,184 + 209,409 */
static gan_status build_mnist(front *f) {
    const int64_t width = hidden > 0 ? hidden : 256;
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    add_hidden(g, width, 1);
    gan_add_linear(g, gan_shape_count(f->image), NULL);
    gan_add_sigmoid(g);
    gan_add_reshape(g, f->image);
    gan_status status = gan_builder_end(&f->generator, g);
    gan_builder *r = front_begin(f, f->image);
    gan_add_flatten(r);
    add_hidden(r, width, 1);
    gan_add_linear(r, f->options.latent_dim, NULL);
    status = front_end(&reconstructor, status, r);
    gan_builder *d = begin_pair(f, gan_add_flatten);
    add_hidden(d, width, 1);
    gan_add_dropout(d, 0.5);
    gan_add_linear(d, 1, NULL);
    status = front_end(&f->discriminator, status, d);
    return status == GAN_OK ? init(f, init_glorot) : status;
}

static void features(gan_builder *b) { networks_add_dcgan_28_features(b, 1); }

static gan_status build_stacked(front *f) {
    f->judged.size[0] = 1; /* digit by digit */
    f->judged_classes = 10;
    if (f->options.test != NULL) return front_refuse(f, "--test is not for stacks: their triples are counted");
    if (f->options.judge != NULL && f->options.judge_interval > 0)
        return front_refuse(f, "--judge-interval is not for stacks with --judge, which takes minutes");
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    networks_add_dcgan_28_generator(f, g, networks_batch_norm);
    gan_status status = gan_builder_end(&f->generator, g);
    gan_builder *r = front_begin(f, f->image);
    features(r);
    gan_add_linear(r, f->options.latent_dim, NULL);
    status = front_end(&reconstructor, status, r);
    gan_builder *d = begin_pair(f, features);
    gan_add_linear(d, hidden > 0 ? hidden : 512, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_linear(d, 1, NULL);
    status = front_end(&f->discriminator, status, d);
    return status == GAN_OK ? init(f, gan_layer_init_dcgan) : status;
}

static gan_status build(front *f) {
    gan_loss_veegan_options options;
    gan_loss_veegan_options_init(&options);
    options.reconstruction_factor = reconstruction_factor;
    gan_adam_options adam;
    gan_status status = is_mixture(f) ? mixture_check_count(f) : GAN_OK;
    if (status != GAN_OK) return status;
    status = is_mixture(f) ? build_mixture(f) : front_is(f, "mnist") ? build_mnist(f) : build_stacked(f);
    f->others[0].title = "reconstructor";
    f->others[0].layer = reconstructor;
    front_adam_options(f, reconstructor, &adam);
    if (status == GAN_OK) status = gan_adam_create(&reconstructor_optimizer, reconstructor, &adam);
    return status == GAN_OK ? gan_loss_veegan_create(&f->loss, f->context, &options) : status;
}

static gan_status add(front *f) {
    return gan_run_add_optimizer(f->run, "reconstructor_optimizer", reconstructor_optimizer);
}

/* ---- training ---- */

static gan_tensor *generate(front *f, gan_tape *tape, gan_tensor *z) {
    gan_tensor *inputs[] = {z, NULL}, *x;
    if (is_mixture(f)) inputs[1] = gan_normal(tape, f->dtype, gan_shape_2d(f->options.batch_size, 1));
    gan_layer_forward_many(tape, f->generator, inputs, is_mixture(f) ? 2 : 1, &x, 1);
    return x;
}

static gan_tensor *score(front *f, gan_tape *tape, gan_tensor *x, gan_tensor *z) {
    gan_tensor *inputs[] = {x, z}, *y;
    gan_layer_forward_many(tape, f->discriminator, inputs, 2, &y, 1);
    return y;
}

static gan_tensor *reconstruction(front *f, gan_tape *tape, gan_tensor *z, gan_tensor *x) {
    return gan_loss_veegan_reconstruction(tape, f->loss, z, gan_layer_forward(tape, reconstructor, x));
}

/* Algorithm 1: three gradients of the same batch, and then three steps. D sees a sample of F's Gaussian; F learns from
 * the reconstruction alone. D is asked about real pairs first. */
static gan_status phase_all(front *f, gan_tape *tape) {
    gan_tensor *z = front_latent(f, tape), *x = front_reals(f), *made = generate(f, tape, z);
    gan_tensor *mean = gan_layer_forward(tape, reconstructor, x);
    gan_tensor *noise = gan_normal(tape, f->dtype, gan_shape_2d(f->options.batch_size, f->options.latent_dim));
    gan_tensor *guess = gan_add(tape, mean, noise);
    gan_tensor *real = score(f, tape, x, gan_detach(tape, guess));
    gan_tensor *fake = score(f, tape, gan_detach(tape, made), z);
    gan_tensor *loss_d = gan_loss_discriminator(tape, f->loss, real, fake);
    gan_tensor *distance = reconstruction(f, tape, z, made);
    gan_tensor *loss_g = gan_add(tape, gan_loss_generator(tape, f->loss, score(f, tape, made, z)), distance);
    gan_tensor *loss_f = reconstruction(f, tape, z, gan_detach(tape, made));
    gan_run_report(f->run, "loss_d", loss_d);
    gan_run_report(f->run, "loss_g", loss_g);
    gan_run_report(f->run, "distance", distance);
    gan_optimizer *const players[] = {f->discriminator_optimizer, f->generator_optimizer, reconstructor_optimizer};
    gan_tensor *const losses[] = {loss_d, loss_g, loss_f};
    gan_status status = GAN_OK;
    for (int i = 0; i < 3 && status == GAN_OK; i++) status = gan_optimizer_accumulate(players[i], tape, losses[i]);
    for (int i = 0; i < 3 && status == GAN_OK; i++) status = gan_optimizer_step(players[i], tape, NULL);
    return status;
}

/* ---- judging ---- */

static gan_status say_points(front *f) {
    gan_tensor *made = NULL;
    if (f->options.judge_count == 0) return GAN_OK;
    gan_status status = mixture_draw(f, target(f), NULL, &made);
    if (status == GAN_OK) status = mixture_say(f, target(f), made);
    gan_tensor_release(made);
    return status;
}

static gan_status measure(front *f) {
    if (is_mixture(f)) return mixture_measure(f, target(f));
    return f->preset->own_data == FRONT_MADE && f->judge != NULL ? GAN_OK : front_measure(f);
}

static gan_status judge(front *f) {
    if (is_mixture(f)) return say_points(f);
    return f->preset->own_data == FRONT_MADE && f->judge != NULL ? stacks_judge(f) : front_judge(f);
}

static void release(front *f) {
    (void)f;
    gan_optimizer_release(reconstructor_optimizer);
    gan_layer_release(reconstructor);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "veegan",
                                          .summary = "trains a GAN with a reconstructor, against missing modes",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .open = open_set,
                                          .build = build,
                                          .add = add,
                                          .phases = {{"all", phase_all}},
                                          .measure = measure,
                                          .judge = judge,
                                          .release = release};
    return front_main(&program, argc, argv);
}
