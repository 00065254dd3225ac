/* Adversarial losses against PyTorch, every term with its gradients with respect to all logits, and a critic whose
 * weights are clipped, in double precision. The terms are those of make_adversarial.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "golden.h"
#include "host.h"

#include "adversarial.inc"

#define TOLERANCE 1e-10
#define IGNORED 255
enum { CLASSES = 4 }; /* this and what follows also in make_adversarial.py */

enum { REAL, FAKE, WRONG, Z, RECONSTRUCTED, LABELLED, UNLABELLED, FAKE_CLASSES, MAPS, INPUTS };
static const struct {
    const char *name;
    gan_shape shape;
    double most;
} inputs[INPUTS] = {
    {"real", {.rank = 2, .size = {6, 1}}, 3},
    {"fake", {.rank = 4, .size = {4, 1, 3, 2}}, 3},
    {"wrong", {.rank = 2, .size = {5, 1}}, 3},
    {"z", {.rank = 2, .size = {5, 3}}, 2},
    {"reconstructed", {.rank = 2, .size = {5, 3}}, 2},
    {"labelled", {.rank = 2, .size = {5, CLASSES}}, 3},
    {"unlabelled", {.rank = 2, .size = {6, CLASSES}}, 3},
    {"fake_classes", {.rank = 2, .size = {7, CLASSES}}, 3},
    {"maps", {.rank = 4, .size = {2, CLASSES, 3, 2}}, 3},
};

static gan_context *context;
static gan_tape *tape;
static gan_tensor *values[INPUTS], *labels, *map_labels, *ignored_labels; /* labels: of LABELLED, MAPS, MAPS */

static gan_tensor *make_labels(gan_shape shape, int ignored) {
    double numbers[12];
    for (int i = 0; i < 12; i++) numbers[i] = ignored && i % 3 == 1 ? IGNORED : (i * i + 2) % CLASSES;
    return host_tensor(context, GAN_I32, shape, numbers);
}

static int open_all(void **state) {
    (void)state;
    context = host_context(1);
    for (int i = 0; i < INPUTS; i++)
        values[i] = golden_uniform(context, (uint64_t)i + 1, inputs[i].shape, -inputs[i].most, inputs[i].most);
    labels = make_labels(gan_shape_1d(5), 0);
    map_labels = make_labels(gan_shape_3d(2, 3, 2), 0);
    ignored_labels = make_labels(gan_shape_3d(2, 3, 2), 1);
    GOLDEN_OPEN(goldens);
    return gan_tape_create(&tape, context) == GAN_OK ? 0 : -1;
}
static int close_all(void **state) {
    (void)state;
    for (int i = 0; i < INPUTS; i++) gan_tensor_release(values[i]);
    gan_tensor_release(labels);
    gan_tensor_release(map_labels);
    gan_tensor_release(ignored_labels);
    gan_tape_release(tape);
    gan_context_release(context);
    return golden_close() ? 0 : -1;
}

enum { DISCRIMINATOR, GENERATOR, GENERATOR_PAIR, MATCHING, RECONSTRUCTION, CROSS_ENTROPY, SEMI_SUPERVISED };

static gan_tensor *term(int which, gan_loss *loss, gan_tensor *const *xs, gan_tensor *given,
                        const gan_cross_entropy_options *options) {
    switch (which) {
    case DISCRIMINATOR:
        return gan_loss_discriminator(tape, loss, xs[0], xs[1]);
    case GENERATOR:
        return gan_loss_generator(tape, loss, xs[0]);
    case GENERATOR_PAIR:
        return gan_loss_generator_pair(tape, loss, xs[0], xs[1]);
    case MATCHING:
        return gan_loss_matching_discriminator(tape, loss, xs[0], xs[1], xs[2]);
    case RECONSTRUCTION:
        return gan_loss_veegan_reconstruction(tape, loss, xs[0], xs[1]);
    case CROSS_ENTROPY:
        return gan_cross_entropy(tape, xs[0], given, options);
    default:
        return gan_loss_semi_supervised(tape, loss, xs[0], labels, xs[1], xs[2]);
    }
}

/* The term of that name and its gradients with respect to all logits; `which_inputs` ends with INPUTS. */
static void check_given(const char *name, int which, gan_loss *loss, const int *which_inputs, gan_tensor *given,
                        const gan_cross_entropy_options *options) {
    gan_tensor *xs[3], *gradients[3];
    int32_t count = 0;
    gan_tape_reset(tape);
    for (; which_inputs[count] != INPUTS; count++) xs[count] = gan_watch(tape, values[which_inputs[count]]);
    gan_tensor *y = term(which, loss, xs, given, options);
    gan_gradients(tape, y, NULL, xs, count, 0, gradients);
    if (gan_tape_status(tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(tape));
    assert_int_equal(gan_tensor_shape(y).rank, 0);
    assert_true(golden_check(name, y, TOLERANCE, 0));
    for (int32_t i = 0; i < count; i++) {
        char of[96];
        snprintf(of, sizeof of, "%s/%s", name, inputs[which_inputs[i]].name);
        assert_true(golden_check(of, gradients[i], TOLERANCE, 0));
    }
}
#define CHECK(NAME, WHICH, LOSS, ...) check_given(NAME, WHICH, LOSS, (const int[]){__VA_ARGS__, INPUTS}, NULL, NULL)
#define CHECK_LABELS(NAME, INPUT, LABELS, OPTIONS)                                                                     \
    check_given(NAME, CROSS_ENTROPY, NULL, (const int[]){INPUT, INPUTS}, LABELS, OPTIONS)

static void made(gan_status status) {
    if (status != GAN_OK) fail_msg("%s", gan_context_error(context));
}

static void bce(void) {
    gan_loss *loss;
    gan_loss_bce_options o;
    gan_loss_bce_options_init(&o);
    o.real_target = 0.9;
    o.fake_target = 0.1;
    made(gan_loss_bce_create(&loss, context, &o));
    CHECK("bce/discriminator", DISCRIMINATOR, loss, REAL, FAKE);
    CHECK("bce/generator", GENERATOR, loss, FAKE);
    CHECK("bce/matching", MATCHING, loss, REAL, WRONG, FAKE);
    gan_loss_release(loss);
    o.generator = GAN_GENERATOR_MINIMAX;
    made(gan_loss_bce_create(&loss, context, &o));
    CHECK("bce/minimax", GENERATOR, loss, FAKE);
    gan_loss_release(loss);
}

static void least_squares(void) {
    gan_loss *loss;
    gan_loss_least_squares_options o;
    gan_loss_least_squares_options_init(&o);
    o.fake_target = -1;
    o.generator_target = 0;
    made(gan_loss_least_squares_create(&loss, context, &o));
    CHECK("least_squares_pearson/discriminator", DISCRIMINATOR, loss, REAL, FAKE);
    CHECK("least_squares_pearson/generator", GENERATOR, loss, FAKE);
    gan_loss_release(loss);
    made(gan_loss_least_squares_create(&loss, context, NULL));
    CHECK("least_squares/discriminator", DISCRIMINATOR, loss, REAL, FAKE);
    CHECK("least_squares/generator", GENERATOR, loss, FAKE);
    CHECK("least_squares/matching", MATCHING, loss, REAL, WRONG, FAKE);
    gan_loss_release(loss);
}

static void relativistic(int32_t base, const char *discriminator, const char *generator) {
    gan_loss *loss;
    gan_loss_relativistic_options o;
    gan_loss_relativistic_options_init(&o);
    o.base = base;
    made(gan_loss_relativistic_create(&loss, context, &o));
    CHECK(discriminator, DISCRIMINATOR, loss, REAL, FAKE);
    CHECK(generator, GENERATOR_PAIR, loss, REAL, FAKE);
    gan_loss_release(loss);
}

static void veegan(void) {
    gan_loss *loss;
    gan_loss_veegan_options o;
    gan_loss_veegan_options_init(&o);
    o.reconstruction_factor = 0.5;
    made(gan_loss_veegan_create(&loss, context, &o));
    CHECK("veegan_gaussian/reconstruction", RECONSTRUCTION, loss, Z, RECONSTRUCTED);
    gan_loss_release(loss);
    made(gan_loss_veegan_create(&loss, context, NULL));
    CHECK("veegan/discriminator", DISCRIMINATOR, loss, REAL, FAKE);
    CHECK("veegan/generator", GENERATOR, loss, FAKE);
    CHECK("veegan/reconstruction", RECONSTRUCTION, loss, Z, RECONSTRUCTED);
    gan_loss_release(loss);
}

static void cross_entropy(void) {
    gan_cross_entropy_options o;
    gan_cross_entropy_options_init(&o);
    CHECK_LABELS("cross_entropy/plain", LABELLED, labels, NULL);
    CHECK_LABELS("cross_entropy/maps", MAPS, map_labels, &o);
    o.label_smoothing = 0.1;
    CHECK_LABELS("cross_entropy/smooth", LABELLED, labels, &o);
    o.label_smoothing = 1;
    CHECK_LABELS("cross_entropy/uniform", LABELLED, labels, &o);
    o.ignore = 1;
    o.ignore_index = IGNORED;
    o.label_smoothing = 0;
    CHECK_LABELS("cross_entropy/ignore", MAPS, ignored_labels, &o);
    o.label_smoothing = 0.3;
    CHECK_LABELS("cross_entropy/both", MAPS, ignored_labels, &o);
}

static void semi_supervised(void) {
    gan_loss *loss;
    gan_loss_semi_supervised_options o;
    gan_loss_semi_supervised_options_init(&o);
    o.weight = 0.7;
    made(gan_loss_semi_supervised_create(&loss, context, CLASSES, &o));
    CHECK("semi_supervised/unsupervised", DISCRIMINATOR, loss, UNLABELLED, FAKE_CLASSES);
    CHECK("semi_supervised/both", SEMI_SUPERVISED, loss, LABELLED, UNLABELLED, FAKE_CLASSES);
    CHECK("semi_supervised/generator", GENERATOR, loss, FAKE_CLASSES);
    gan_loss_release(loss);
    o.generator = GAN_GENERATOR_NON_SATURATING;
    made(gan_loss_semi_supervised_create(&loss, context, CLASSES, &o));
    CHECK("semi_supervised/non_saturating", GENERATOR, loss, FAKE_CLASSES);
    gan_loss_release(loss);
}

/* ---- WGAN's critic ---- */

enum { STEPS = 5, BATCH = 8, PARAMETERS = 7 };
#define CLIP 0.05

static gan_layer *make_critic(void) {
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias =
        0; /* before the normalisation its true gradient is 0, and RMSProp would divide rounding by rounding */
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, 6, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 5, &no_bias);
    gan_add_batch_norm(b, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *critic;
    made(gan_builder_end(&critic, b));
    int32_t parameter = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++)
        if (gan_layer_tensor_is_parameter(critic, i))
            golden_fill(gan_layer_tensor(critic, i), 20 + (uint64_t)parameter++, -0.3, 0.3);
    assert_int_equal(parameter, PARAMETERS);
    return critic;
}

static void clipped(void) {
    gan_loss *loss;
    gan_loss_wasserstein_options o;
    gan_loss_wasserstein_options_init(&o);
    o.clip = CLIP;
    made(gan_loss_wasserstein_create(&loss, context, &o));
    CHECK("wasserstein/discriminator", DISCRIMINATOR, loss, REAL, FAKE);
    CHECK("wasserstein/generator", GENERATOR, loss, FAKE);
    CHECK("wasserstein/matching", MATCHING, loss, REAL, WRONG, FAKE);
    gan_layer *critic = make_critic();
    gan_rmsprop_options rmsprop;
    gan_rmsprop_options_init(&rmsprop);
    rmsprop.learning_rate = 0.02;
    gan_optimizer *optimizer;
    made(gan_rmsprop_create(&optimizer, critic, &rmsprop));
    for (int step = 0; step < STEPS; step++) {
        char name[96];
        gan_tensor *real = golden_uniform(context, 40 + (uint64_t)step, gan_shape_2d(BATCH, 3), -1, 1),
                   *fake = golden_uniform(context, 50 + (uint64_t)step, gan_shape_2d(BATCH, 3), 0, 2);
        gan_tape_reset(tape);
        gan_tensor *real_score = gan_layer_forward(tape, critic, real);
        gan_tensor *y = gan_loss_discriminator(tape, loss, real_score, gan_layer_forward(tape, critic, fake));
        made(gan_optimizer_step(optimizer, tape, y));
        made(gan_loss_constrain(loss, critic));
        snprintf(name, sizeof name, "clipped/%d/loss", step);
        assert_true(golden_check(name, y, TOLERANCE, 0));
        for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++) {
            snprintf(name, sizeof name, "clipped/%d/%s", step, gan_layer_tensor_name(critic, i));
            assert_true(golden_check(name, gan_layer_tensor(critic, i), TOLERANCE, 0));
        }
        gan_tensor_release(real);
        gan_tensor_release(fake);
    }
    gan_optimizer_release(optimizer);
    gan_layer_release(critic);
    gan_loss_release(loss);
}

static void all(void **state) {
    (void)state;
    bce();
    least_squares();
    clipped();
    gan_loss *hinge;
    made(gan_loss_hinge_create(&hinge, context));
    CHECK("hinge/discriminator", DISCRIMINATOR, hinge, REAL, FAKE);
    CHECK("hinge/generator", GENERATOR, hinge, FAKE);
    CHECK("hinge/matching", MATCHING, hinge, REAL, WRONG, FAKE);
    gan_loss_release(hinge);
    relativistic(GAN_RELATIVISTIC_BCE, "relativistic_bce/discriminator", "relativistic_bce/generator");
    relativistic(GAN_RELATIVISTIC_LEAST_SQUARES, "relativistic_least_squares/discriminator",
                 "relativistic_least_squares/generator");
    relativistic(GAN_RELATIVISTIC_HINGE, "relativistic_hinge/discriminator", "relativistic_hinge/generator");
    veegan();
    cross_entropy();
    semi_supervised();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(all, open_all, close_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
