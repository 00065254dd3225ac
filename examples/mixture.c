/* Any of the losses on mixtures of normal distributions, where it can be counted what a generator covers; and InfoGAN's
 * codes (Chen et al. 2016), where it can be counted what each of them came to mean. */
#include "front/mixtures.h"

#include <math.h>

enum { NON_SATURATING, MINIMAX, LEAST_SQUARES, PEARSON, HINGE, WASSERSTEIN, GRADIENT_PENALTY };

static int32_t target, loss_kind, told, codes;
static int64_t points = 100000, d_steps = 1;
static double clip = 0.05, gp_weight = 0.1, lambda = 1;

static front_flag own_flags[] = {
    {"target", MIXTURE_NAMES, "the mixture", FRONT_CHOICE, &target, 0, 0},
    {"loss", "non-saturating|minimax|least-squares|pearson|hinge|wasserstein|gradient-penalty", "the loss",
     FRONT_CHOICE, &loss_kind, 0, 0},
    {"told", NULL, "both networks are told the component", FRONT_SWITCH, &told, 0, 0},
    {"codes", NULL,
     "G is given a code, one for each component, which a head of D\nhas to guess from the point (InfoGAN)",
     FRONT_SWITCH, &codes, 0, 0},
    {"lambda", "X", "weight of the guesses (codes)", FRONT_NUMBER, &lambda, 0, 1e6},
    {"points", "N", "points of the data", FRONT_INTEGER, &points, 100, 1e8},
    {"d-steps", "N", "steps of D for one of G", FRONT_INTEGER, &d_steps, 1, 1000},
    {"clip", "X", "D's parameters stay in -X to X (wasserstein)", FRONT_NUMBER, &clip, 1e-6, 100},
    {"gp-weight", "X", "weight of the gradient penalty", FRONT_NUMBER, &gp_weight, 0, 1e6}};

static const front_preset presets[] = {{"small", "128, 128 and ReLU in G, leaky ReLU in D", 0, 256, 2, 26, 1e-3, 0.5,
                                        0.999, GAN_INPUT_NORMAL, 0, FRONT_OWN},
                                       {"lsgan", "the LSGAN authors' networks with tanh, and their settings", 0, 512,
                                        256, 180, 1e-3, 0.5, 0.999, GAN_INPUT_NORMAL, 0, FRONT_OWN},
                                       {"wgan-gp", "the WGAN-GP authors' three layers of 512, and their settings", 0,
                                        256, 2, 1282, 1e-4, 0.5, 0.9, GAN_INPUT_NORMAL, 0, FRONT_OWN},
                                       {"spectral",
                                        "small, and three layers of 64 with the spectral norm in D; hinge loss", 0, 256,
                                        2, 39, 2e-4, 0, 0.9, GAN_INPUT_NORMAL, 0, FRONT_OWN}};

static void settle(front *f) {
    if (front_is(f, "lsgan")) {
        target = MIXTURE_RING8_VEEGAN;
        loss_kind = LEAST_SQUARES;
    }
    if (front_is(f, "wgan-gp")) {
        target = MIXTURE_RING8_WGAN_GP;
        loss_kind = GRADIENT_PENALTY;
    }
    if (front_is(f, "spectral")) loss_kind = HINGE;
    if (front_is(f, "wgan-gp") || front_is(f, "spectral")) d_steps = 5;
}

static gan_loss *penalty, *information;

static gan_status open_mixture(front *f, gan_dataset **out) { return mixture_open(f, out, target, points); }

/* ---- networks ---- */

typedef struct shape_of {
    int64_t width, layers;
    int32_t tanh_, spectral;
    double slope;
} shape_of;

/* A builder at the input, the label beside it for networks that know it. */
static gan_builder *begin(const front *f, int64_t inputs, int32_t knows) {
    gan_builder *b = front_begin(f, gan_shape_1d(inputs));
    if (!knows) return b;
    gan_builder_input_indices(b, "label", gan_shape_0d(), f->classes);
    gan_add_one_hot(b, f->classes);
    gan_builder_label(b, "component");
    gan_builder_from(b, "input");
    gan_add_concat(b, "component");
    return b;
}

/* Ends the builder. guesses: outputs of a second head on the last hidden layer; 0: there is none. */
static gan_status dense(gan_layer **out, gan_builder *b, int64_t outputs, int64_t guesses, const shape_of *shape) {
    gan_weight_options weight;
    gan_weight_options_init(&weight);
    if (shape->spectral) weight.form = GAN_WEIGHT_SPECTRAL_NORM;
    for (int64_t i = 0; i < shape->layers; i++) {
        gan_add_linear(b, shape->width, &weight);
        if (shape->tanh_)
            gan_add_tanh(b);
        else
            gan_add_leaky_relu(b, shape->slope); /* 0: ReLU */
    }
    if (guesses > 0) gan_builder_label(b, "features");
    gan_add_linear(b, outputs, &weight);
    if (guesses > 0) {
        gan_builder_output(b, "score");
        gan_builder_from(b, "features");
        gan_add_linear(b, guesses, NULL);
        gan_builder_output(b, "code");
    }
    gan_status status = gan_builder_end(out, b);
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = shape->tanh_ ? GAN_INIT_ORTHOGONAL : GAN_INIT_KAIMING_NORMAL;
    rule.gain = 1.4;
    return status == GAN_OK ? gan_layer_init(*out, &rule) : status;
}

static gan_status build_information(front *f) {
    gan_loss_mutual_information_options options;
    gan_loss_mutual_information_options_init(&options);
    options.categorical_weight = lambda;
    gan_status status = gan_loss_mutual_information_create(&information, f->context, &options);
    return status == GAN_OK ? gan_loss_add_categorical(information, f->classes) : status;
}

static gan_status build_loss(front *f) {
    gan_loss_bce_options bce;
    gan_loss_least_squares_options squares;
    gan_loss_wasserstein_options wasserstein;
    gan_loss_gradient_penalty_options gp;
    gan_loss_bce_options_init(&bce);
    gan_loss_least_squares_options_init(&squares);
    gan_loss_wasserstein_options_init(&wasserstein);
    gan_loss_gradient_penalty_options_init(&gp);
    gp.weight = gp_weight;
    gan_status status = GAN_OK;
    switch (loss_kind) {
    case MINIMAX:
        bce.generator = GAN_GENERATOR_MINIMAX;
        return gan_loss_bce_create(&f->loss, f->context, &bce);
    case PEARSON:
        squares.fake_target = -1;
        squares.generator_target = 0;
        return gan_loss_least_squares_create(&f->loss, f->context, &squares);
    case LEAST_SQUARES:
        return gan_loss_least_squares_create(&f->loss, f->context, &squares);
    case HINGE:
        return gan_loss_hinge_create(&f->loss, f->context);
    case GRADIENT_PENALTY:
        status = gan_loss_gradient_penalty_create(&penalty, f->context, &gp);
        wasserstein.clip = INFINITY;
        return status == GAN_OK ? gan_loss_wasserstein_create(&f->loss, f->context, &wasserstein) : status;
    case WASSERSTEIN:
        wasserstein.clip = clip;
        return gan_loss_wasserstein_create(&f->loss, f->context, &wasserstein);
    default:
        return gan_loss_bce_create(&f->loss, f->context, &bce);
    }
}

/* Flags that would change nothing. */
static gan_status check_flags(front *f) {
    gan_status status = GAN_OK;
    if (loss_kind != WASSERSTEIN) status = front_not_for(f, "clip", "losses other than wasserstein");
    if (status == GAN_OK && loss_kind != GRADIENT_PENALTY)
        status = front_not_for(f, "gp-weight", "losses other than gradient-penalty");
    if (status == GAN_OK && !codes) status = front_not_for(f, "lambda", "runs without --codes");
    return status == GAN_OK ? mixture_check_count(f) : status;
}

static gan_status build(front *f) {
    gan_status status = check_flags(f);
    if (status != GAN_OK) return status;
    if (told && codes) return front_refuse(f, "--told and --codes exclude each other: a code is what D is not told");
    int64_t dimension = mixture_of(target)->dimension;
    shape_of g = {128, 2, 0, 0, 0}, d = {128, 2, 0, 0, 0.2};
    if (front_is(f, "lsgan")) {
        g = d = (shape_of){128, 2, 1, 0, 0};
        f->d_rate = 0.1;
    }
    if (front_is(f, "wgan-gp")) g = d = (shape_of){512, 3, 0, 0, 0};
    if (front_is(f, "spectral")) d = (shape_of){64, 3, 0, 1, 0.2};
    /* a critic's loss is below 0; that of a D which guesses codes has the guesses in it */
    if (codes) f->watched = "adversarial";
    if (loss_kind == WASSERSTEIN || loss_kind == GRADIENT_PENALTY) f->watched = "";
    status = dense(&f->generator, begin(f, f->options.latent_dim, told || codes), dimension, 0, &g);
    if (status == GAN_OK) status = dense(&f->discriminator, begin(f, dimension, told), 1, codes ? f->classes : 0, &d);
    if (status == GAN_OK && codes) status = build_information(f);
    return status == GAN_OK ? build_loss(f) : status;
}

/* ---- training ---- */

/* What D says of points: their scores and, with codes, its guess. */
typedef struct answer {
    gan_tensor *score, *guess;
} answer;

static answer ask(front *f, gan_tape *tape, gan_tensor *x, gan_tensor *labels) {
    gan_tensor *inputs[] = {x, labels}, *ys[2] = {NULL, NULL};
    gan_layer_forward_many(tape, f->discriminator, inputs, told ? 2 : 1, ys, codes ? 2 : 1);
    return (answer){ys[0], ys[1]};
}

static gan_tensor *make(front *f, gan_tape *tape, gan_tensor *labels) {
    gan_tensor *inputs[] = {front_latent(f, tape), labels}, *y;
    gan_layer_forward_many(tape, f->generator, inputs, labels != NULL ? 2 : 1, &y, 1);
    return y;
}

static gan_tensor *draw_labels(front *f, gan_tape *tape) {
    if (!told && !codes) return NULL;
    return gan_categorical(tape, gan_full(tape, f->dtype, gan_shape_2d(f->options.batch_size, f->classes), 0), 1);
}

/* The loss and what the guesses cost; the bound is in nats. */
static gan_tensor *add_information(front *f, gan_tape *tape, gan_tensor *loss, gan_tensor *guess, gan_tensor *labels,
                                   gan_tensor **bound) {
    gan_tensor *code = gan_one_hot(tape, f->dtype, labels, f->classes);
    return gan_add(tape, loss, gan_loss_mutual_information(tape, information, guess, code, bound, NULL));
}

static gan_status phase_d(front *f, gan_tape *tape) {
    gan_tensor *real = front_reals(f), *real_labels = told ? gan_run_labels(f->run) : NULL;
    gan_tensor *labels = draw_labels(f, tape);
    f->fake = make(f, tape, labels);
    f->fake_labels = labels;
    gan_tensor *fake = gan_detach(tape, f->fake);
    /* the reals first: what D's spectral normalisation remembers depends on the order */
    answer of_real = ask(f, tape, real, real_labels), of_fake = ask(f, tape, fake, labels);
    gan_tensor *loss = gan_loss_discriminator(tape, f->loss, of_real.score, of_fake.score);
    if (penalty != NULL) {
        gan_tensor *x = gan_loss_penalty_points(tape, penalty, real, fake);
        loss = gan_add(tape, loss, gan_loss_penalty(tape, penalty, ask(f, tape, x, real_labels).score, x));
    }
    if (codes) {
        gan_run_report(f->run, "adversarial", loss);
        loss = add_information(f, tape, loss, of_fake.guess, labels, NULL);
    }
    gan_status status = front_step(f, tape, f->discriminator_optimizer, "loss_d", loss);
    return status == GAN_OK && loss_kind == WASSERSTEIN ? gan_loss_constrain(f->loss, f->discriminator) : status;
}

static gan_status phase_g(front *f, gan_tape *tape) {
    if ((gan_run_step(f->run) + 1) % d_steps != 0) return GAN_OK;
    gan_tensor *bound = NULL;
    if (!front_is(f, "lsgan")) { /* whose authors take D's fakes again */
        f->fake_labels = draw_labels(f, tape);
        f->fake = make(f, tape, f->fake_labels);
    }
    gan_tensor *labels = f->fake_labels;
    answer of_fake = ask(f, tape, f->fake, labels);
    gan_tensor *loss = gan_loss_generator(tape, f->loss, of_fake.score);
    if (codes) {
        loss = add_information(f, tape, loss, of_fake.guess, labels, &bound);
        gan_run_report(f->run, "information", bound);
    }
    return front_step(f, tape, f->generator_optimizer, "loss_g", loss);
}

/* ---- judging ---- */

static double square_distance(const gan_tensor *made, int64_t point, int64_t component) {
    const int64_t dimension = mixture_of(target)->dimension;
    double square = 0;
    for (int64_t k = 0; k < dimension; k++) {
        double difference = gan_tensor_item(made, point * dimension + k) - mixture_centre(target, component, k);
        square += difference * difference;
    }
    return square;
}

/* How many of the points are of high quality and of the component that was asked for. */
static double share_asked(const gan_tensor *made, const gan_tensor *labels) {
    const mixture *m = mixture_of(target);
    int64_t count = gan_tensor_shape(made).size[0], right = 0;
    for (int64_t i = 0; i < count; i++) {
        double square = square_distance(made, i, (int64_t)gan_tensor_item(labels, i));
        right += square <= m->radius * m->radius * m->deviation * m->deviation;
    }
    return (double)right / (double)count;
}

/* Share of the points that are nearest to the component that most points of their code are nearest to. */
static double purity(const gan_tensor *made, const gan_tensor *labels) {
    enum { MOST = 32 };
    int64_t counts[MOST][MOST] = {{0}}, components = mixture_of(target)->components, pure = 0;
    int64_t count = gan_tensor_shape(made).size[0];
    for (int64_t i = 0; i < count; i++) {
        int64_t nearest = 0;
        double least = INFINITY;
        for (int64_t k = 0; k < components && k < MOST; k++) {
            double square = square_distance(made, i, k);
            if (square < least) {
                least = square;
                nearest = k;
            }
        }
        counts[(int64_t)gan_tensor_item(labels, i) % MOST][nearest]++;
    }
    for (int64_t code = 0; code < MOST; code++) {
        int64_t largest = 0;
        for (int64_t k = 0; k < MOST; k++)
            if (counts[code][k] > largest) largest = counts[code][k];
        pure += largest;
    }
    return (double)pure / (double)count;
}

static gan_status say_codes(front *f, gan_tensor *made, gan_tensor *labels) {
    gan_tape *tape;
    gan_tensor *bound = NULL;
    gan_status status = gan_tape_create(&tape, f->context);
    if (status != GAN_OK) return status;
    int32_t training = gan_layer_is_training(f->discriminator);
    gan_tape_set_recording(tape, 0);
    gan_layer_set_training(f->discriminator, 0);
    gan_tensor *zero = gan_full(tape, f->dtype, gan_shape_0d(), 0);
    add_information(f, tape, zero, ask(f, tape, made, NULL).guess, labels, &bound);
    gan_layer_set_training(f->discriminator, training);
    status = gan_tape_status(tape);
    if (status == GAN_OK)
        front_say(f, "codes: %.4f of %.4f nats, purity %.4f (%lld points, seed 1)", gan_tensor_item(bound, 0),
                  log((double)f->classes), purity(made, labels), (long long)gan_tensor_shape(made).size[0]);
    gan_tape_release(tape);
    return status;
}

static gan_status measure(front *f) { return mixture_measure(f, target); }

static gan_status judge(front *f) {
    gan_tensor *inputs[2] = {NULL}, *made = NULL;
    if (f->options.judge_count == 0) return GAN_OK;
    gan_status status = mixture_draw(f, target, inputs, &made);
    if (status == GAN_OK) status = mixture_say(f, target, made);
    if (status == GAN_OK && told)
        front_say(f, "%.2f%% of high quality and of the component that was asked for",
                  100 * share_asked(made, inputs[1]));
    if (status == GAN_OK && codes) status = say_codes(f, made, inputs[1]);
    gan_tensor_release(made);
    for (int i = 0; i < 2; i++) gan_tensor_release(inputs[i]);
    return status;
}

static void release(front *f) {
    (void)f;
    gan_loss_release(penalty);
    gan_loss_release(information);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "mixture",
                                          .summary = "trains on mixtures of normal distributions, and counts modes",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .settle = settle,
                                          .open = open_mixture,
                                          .build = build,
                                          .measure = measure,
                                          .judge = judge,
                                          .release = release,
                                          .phases = {{"d", phase_d}, {"g", phase_g}}};
    return front_main(&program, argc, argv);
}
