/* Any of the losses on mixtures of normal distributions, where it can be counted what a generator covers. Targets: a
 * ring of 8 in the plane and a grid of 25 (radius 2, deviation 0.1; spacing 2, deviation 0.05), the ring of the VEEGAN
 * paper (radius 1, deviation 0.01), and its 10 components in 1200 dimensions. */
#include "front/front.h"
#include "front/scatter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING8, RING8_VEEGAN, GRID25, HIGH1200 };
enum { NON_SATURATING, MINIMAX, LEAST_SQUARES, PEARSON, HINGE, WASSERSTEIN, GRADIENT_PENALTY };

static int32_t target, loss_kind, told;
static int64_t points = 100000, d_steps = 1;
static double clip = 0.05, gp_weight = 0.1;

static front_flag own_flags[] = {
    {"target", "ring8|ring8-veegan|grid25|high1200", "the mixture", FRONT_CHOICE, &target, 0, 0},
    {"loss", "non-saturating|minimax|least-squares|pearson|hinge|wasserstein|gradient-penalty", "the loss",
     FRONT_CHOICE, &loss_kind, 0, 0},
    {"told", NULL, "both networks are told the component", FRONT_SWITCH, &told, 0, 0},
    {"points", "N", "points of the data", FRONT_INTEGER, &points, 100, 1e8},
    {"d-steps", "N", "steps of D for one of G", FRONT_INTEGER, &d_steps, 1, 1000},
    {"clip", "X", "D's parameters stay in -X to X (wasserstein)", FRONT_NUMBER, &clip, 1e-6, 100},
    {"gp-weight", "X", "weight of the gradient penalty", FRONT_NUMBER, &gp_weight, 0, 1e6}};

static const front_preset presets[] = {
    {"small", "128, 128 and ReLU in G, leaky ReLU in D", 0, 256, 2, 1, 1e-3, 0.5, 0.999, GAN_INPUT_NORMAL, 0},
    {"lsgan", "the LSGAN authors' networks with tanh", 0, 512, 256, 1, 1e-3, 0.5, 0.999, GAN_INPUT_NORMAL, 0},
    {"wgan-gp", "the WGAN-GP authors' networks: three layers of 512", 0, 256, 2, 1, 1e-4, 0.5, 0.9, GAN_INPUT_NORMAL,
     0},
    {"spectral", "small, and three layers of 64 with spectral normalisation in D", 0, 256, 2, 1, 2e-4, 0, 0.9,
     GAN_INPUT_NORMAL, 0}};

static gan_loss *penalty;

/* ---- the mixtures ---- */

typedef struct mixture {
    int64_t components, dimension, noisy; /* noise in the first `noisy` coordinates only */
    double deviation, radius;             /* a point within radius deviations of a centre is of high quality */
    int32_t rule;                         /* GAN_MODES_... */
} mixture;

static const mixture mixtures[] = {[RING8] = {8, 2, 2, 0.1, 3, GAN_MODES_FAIR_SHARE},
                                   [RING8_VEEGAN] = {8, 2, 2, 0.01, 3, GAN_MODES_ANY},
                                   [GRID25] = {25, 2, 2, 0.05, 3, GAN_MODES_FAIR_SHARE},
                                   [HIGH1200] = {10, 1200, 700, 1, 10, GAN_MODES_ANY}};

static double centre(int32_t which, int64_t component, int64_t axis) {
    static const double means[] = {-1, -0.5, 0, 0.5, -2, -2.5, 10, 0.25, -13, -5.5};
    double angle = 2 * 3.14159265358979323846 * (double)component / 8, radius = which == RING8 ? 2 : 1;
    if (which == GRID25) return 2 * (double)(axis == 0 ? component % 5 : component / 5) - 4;
    if (which == HIGH1200) return means[component];
    return radius * (axis == 0 ? cos(angle) : sin(angle));
}

static gan_status make_centres(const front *f, gan_tensor **out) {
    const mixture *m = &mixtures[target];
    gan_status status = gan_tensor_create(out, f->context, GAN_F64, gan_shape_2d(m->components, m->dimension));
    for (int64_t i = 0; i < m->components * m->dimension && status == GAN_OK; i++)
        ((double *)gan_tensor_data(*out))[i] = centre(target, i / m->dimension, i % m->dimension);
    return status;
}

/* `points` of them, the components in turn; the library shuffles. */
static gan_status open_mixture(front *f, gan_dataset **out) {
    const mixture *m = &mixtures[target];
    gan_tensor *data = NULL;
    int32_t *labels = malloc((size_t)points * sizeof *labels);
    gan_status status = labels == NULL ? GAN_E_MEMORY : GAN_OK;
    if (status == GAN_OK) status = gan_tensor_create(&data, f->context, f->dtype, gan_shape_2d(points, m->dimension));
    if (status == GAN_OK) status = gan_tensor_fill_normal(data, 0, m->deviation, f->options.seed, 1000, 0);
    for (int64_t i = 0; i < points && status == GAN_OK; i++) {
        labels[i] = (int32_t)(i % m->components);
        for (int64_t k = 0; k < m->dimension; k++) {
            int64_t at = i * m->dimension + k;
            double noise = k < m->noisy ? gan_tensor_item(data, at) : 0, value = centre(target, labels[i], k) + noise;
            /* the order hangs on every bit of the data: in single precision these are the same with any C library */
            if (f->dtype == GAN_F64)
                ((double *)gan_tensor_data(data))[at] = (float)value;
            else
                ((float *)gan_tensor_data(data))[at] = (float)value;
        }
    }
    gan_memory_dataset description;
    gan_memory_dataset_init(&description);
    description.count = points;
    description.shape = gan_shape_1d(m->dimension);
    description.dtype = f->dtype;
    description.items = data == NULL ? NULL : gan_tensor_data(data);
    description.labels = labels;
    description.classes = (int32_t)m->components;
    if (status == GAN_OK) status = gan_memory_dataset_create(out, f->context, &description);
    gan_tensor_release(data);
    free(labels);
    return status;
}

/* ---- networks ---- */

typedef struct shape_of {
    int64_t width, layers;
    int32_t tanh_, spectral;
    double slope;
} shape_of;

/* A builder at the point, the component beside it if the networks are told. */
static gan_builder *begin(const front *f, int64_t inputs) {
    gan_builder *b = front_begin(f, gan_shape_1d(inputs));
    if (!told) return b;
    gan_builder_input_indices(b, "label", gan_shape_0d(), f->classes);
    gan_add_one_hot(b, f->classes);
    gan_builder_label(b, "component");
    gan_builder_from(b, "input");
    gan_add_concat(b, "component");
    return b;
}

static gan_status dense(gan_layer **out, const front *f, int64_t inputs, int64_t outputs, const shape_of *shape) {
    gan_weight_options weight;
    gan_weight_options_init(&weight);
    if (shape->spectral) weight.form = GAN_WEIGHT_SPECTRAL_NORM;
    gan_builder *b = begin(f, inputs);
    for (int64_t i = 0; i < shape->layers; i++) {
        gan_add_linear(b, shape->width, &weight);
        if (shape->tanh_)
            gan_add_tanh(b);
        else
            gan_add_leaky_relu(b, shape->slope); /* 0: ReLU */
    }
    gan_add_linear(b, outputs, &weight);
    gan_status status = gan_builder_end(out, b);
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = shape->tanh_ ? GAN_INIT_ORTHOGONAL : GAN_INIT_KAIMING_NORMAL;
    rule.gain = 1.4;
    return status == GAN_OK ? gan_layer_init(*out, &rule) : status;
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

static gan_status build(front *f) {
    int64_t dimension = mixtures[target].dimension;
    shape_of g = {128, 2, 0, 0, 0}, d = {128, 2, 0, 0, 0.2};
    if (front_is(f, "lsgan")) g = d = (shape_of){128, 2, 1, 0, 0};
    if (front_is(f, "wgan-gp")) g = d = (shape_of){512, 3, 0, 0, 0};
    if (front_is(f, "spectral")) d = (shape_of){64, 3, 0, 1, 0.2};
    gan_status status = dense(&f->generator, f, f->options.latent_dim, dimension, &g);
    if (status == GAN_OK) status = dense(&f->discriminator, f, dimension, 1, &d);
    return status == GAN_OK ? build_loss(f) : status;
}

/* ---- training ---- */

static gan_tensor *apply(front *f, gan_tape *tape, gan_layer *layer, gan_tensor *x, gan_tensor *labels) {
    (void)f;
    gan_tensor *inputs[] = {x, labels}, *y;
    gan_layer_forward_many(tape, layer, inputs, told ? 2 : 1, &y, 1);
    return y;
}

static gan_tensor *draw_labels(front *f, gan_tape *tape) {
    if (!told) return NULL;
    return gan_categorical(tape, gan_full(tape, f->dtype, gan_shape_2d(f->options.batch_size, f->classes), 0), 1);
}

static gan_status phase_d(front *f, gan_tape *tape) {
    gan_tensor *real = front_reals(f), *real_labels = told ? gan_run_labels(f->run) : NULL;
    gan_tensor *labels = draw_labels(f, tape);
    gan_tensor *fake = gan_detach(tape, apply(f, tape, f->generator, front_latent(f, tape), labels));
    /* the reals first: what D's spectral normalisation remembers depends on the order */
    gan_tensor *real_scores = apply(f, tape, f->discriminator, real, real_labels);
    gan_tensor *fake_scores = apply(f, tape, f->discriminator, fake, labels);
    gan_tensor *loss = gan_loss_discriminator(tape, f->loss, real_scores, fake_scores);
    if (penalty != NULL) {
        gan_tensor *x = gan_loss_penalty_points(tape, penalty, real, fake);
        gan_tensor *scores = apply(f, tape, f->discriminator, x, real_labels);
        loss = gan_add(tape, loss, gan_loss_penalty(tape, penalty, scores, x));
    }
    gan_status status = front_step(f, tape, f->discriminator_optimizer, "loss_d", loss);
    return status == GAN_OK && loss_kind == WASSERSTEIN ? gan_loss_constrain(f->loss, f->discriminator) : status;
}

static gan_status phase_g(front *f, gan_tape *tape) {
    if ((gan_run_step(f->run) + 1) % d_steps != 0) return GAN_OK;
    gan_tensor *labels = draw_labels(f, tape);
    gan_tensor *fake = apply(f, tape, f->generator, front_latent(f, tape), labels);
    gan_tensor *loss = gan_loss_generator(tape, f->loss, apply(f, tape, f->discriminator, fake, labels));
    return front_step(f, tape, f->generator_optimizer, "loss_g", loss);
}

/* ---- judging ---- */

/* How many of the high-quality points are of the component that was asked for. */
static double share_asked(const gan_tensor *made, const gan_tensor *labels, const mixture *m) {
    int64_t count = gan_tensor_shape(made).size[0], right = 0;
    for (int64_t i = 0; i < count; i++) {
        double square = 0;
        for (int64_t k = 0; k < m->dimension; k++) {
            double difference =
                gan_tensor_item(made, i * m->dimension + k) - centre(target, (int64_t)gan_tensor_item(labels, i), k);
            square += difference * difference;
        }
        right += square <= m->radius * m->radius * m->deviation * m->deviation;
    }
    return (double)right / (double)count;
}

static gan_status draw_and_count(front *f, int32_t say) {
    const mixture *m = &mixtures[target];
    gan_tensor *inputs[2] = {NULL}, *made = NULL, *centres = NULL;
    gan_modes modes;
    gan_modes_options options;
    gan_modes_init(&modes);
    gan_modes_options_init(&options);
    options.radius = m->radius;
    options.rule = m->rule;
    int64_t count = m->rule == GAN_MODES_ANY ? 2500 : 10000; /* by the protocols of the papers */
    gan_status status = gan_model_draw(inputs, f->model, count, 1);
    if (status == GAN_OK) status = gan_model_generate_many(&made, f->model, inputs, told ? 2 : 1);
    if (status == GAN_OK) status = make_centres(f, &centres);
    if (status == GAN_OK) status = gan_count_modes(&modes, NULL, made, centres, m->deviation, &options);
    if (status == GAN_OK && !say) {
        gan_run_report_value(f->run, "modes", (double)modes.modes);
        gan_run_report_value(f->run, "high_quality", modes.share);
    } else if (status == GAN_OK) {
        front_say(f, "%lld of %lld modes; %.2f%% of high quality, KL to uniform %.4f (%lld points, seed 1)",
                  (long long)modes.modes, (long long)modes.centres, 100 * modes.share, modes.divergence,
                  (long long)count);
        if (told)
            front_say(f, "%.2f%% of high quality and of the component that was asked for",
                      100 * share_asked(made, inputs[1], m));
    }
    if (status == GAN_OK && say && m->dimension == 2)
        status = scatter_write(f, made, m->components > 8 ? 6 : target == RING8 ? 3 : 1.5);
    gan_tensor_release(centres);
    gan_tensor_release(made);
    for (int i = 0; i < 2; i++) gan_tensor_release(inputs[i]);
    return status;
}

static gan_status measure(front *f) { return draw_and_count(f, 0); }
static gan_status judge(front *f) { return draw_and_count(f, 1); }

static void release(front *f) {
    (void)f;
    gan_loss_release(penalty);
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "mixture",
                                          .summary = "trains on mixtures of normal distributions, and counts modes",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .open = open_mixture,
                                          .build = build,
                                          .measure = measure,
                                          .judge = judge,
                                          .release = release,
                                          .phases = {{"d", phase_d}, {"g", phase_g}}};
    return front_main(&program, argc, argv);
}
