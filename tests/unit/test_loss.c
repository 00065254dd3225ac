/* Losses: the exact facts about the two-player game that need no training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "gradcheck.h"
#include "host.h"
#include "tape_fixture.h"

static gan_loss *make(double real_target, double fake_target, int32_t generator) {
    gan_loss_bce_options options;
    gan_loss_bce_options_init(&options);
    options.real_target = real_target;
    options.fake_target = fake_target;
    options.generator = generator;
    gan_loss *loss;
    assert_int_equal(gan_loss_bce_create(&loss, context, &options), GAN_OK);
    return loss;
}

static gan_tensor *number(double value) { return host_tensor(context, GAN_F64, gan_shape_1d(1), &value); }

/* The generator's loss and its slope at one fake logit. */
static double generator_slope(int32_t kind, double s, double *value) {
    gan_loss *loss = make(1, 0, kind);
    gan_tape_reset(tape);
    gan_tensor *logit = number(s), *x = gan_watch(tape, logit), *y = gan_loss_generator(tape, loss, x);
    double slope = gan_tensor_item(gan_gradient(tape, y, x, 0), 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_int_equal(gan_tensor_shape(y).rank, 0);
    *value = gan_tensor_item(y, 0);
    gan_tensor_release(logit);
    gan_loss_release(loss);
    return slope;
}

/* |dL_ns/ds| / |dL_mm/ds| = e^-s: the non-saturating generator learns where the minimax one has no gradient left. */
static void saturation(void **state) {
    (void)state;
    static const double at[] = {-10, -3, -1, 0, 0.5, 3, 30, -30},
                        known[] = {22026.465794806718, 0, 0, 1, 0, 0.049787068367863944, 0, 0};
    for (int i = 0; i < 8; i++) {
        double s = at[i], ns_value, mm_value;
        double ns = generator_slope(GAN_GENERATOR_NON_SATURATING, s, &ns_value),
               mm = generator_slope(GAN_GENERATOR_MINIMAX, s, &mm_value);
        assert_true(compare_number("ratio", fabs(ns) / fabs(mm), exp(-s), 1e-12));
        if (known[i] > 0) assert_true(compare_number("known ratio", fabs(ns) / fabs(mm), known[i], 1e-12));
        assert_true(compare_number("non-saturating", ns_value, s > 0 ? log1p(exp(-s)) : -s + log1p(exp(s)), 1e-14));
        assert_true(compare_number("minimax", mm_value, -(s > 0 ? s + log1p(exp(-s)) : log1p(exp(s))), 1e-14));
        assert_true(compare_number("slope", ns, -1 / (1 + exp(s)), 1e-14));
        assert_true(compare_number("slope", mm, -1 / (1 + exp(-s)), 1e-14));
    }
}

/* Minimises the discriminator's loss over one logit s per point of a discrete space with densities p (data) and q
 * (model), by Newton's method, as a weighted sum of the losses of one point each. Returns sigmoid(s). */
static double best_discriminator(gan_loss *loss, double p, double q) {
    double s = 0;
    for (int i = 0; i < 60; i++) {
        gan_tape_reset(tape);
        gan_tensor *logit = number(s), *x = gan_watch(tape, logit), *dummy = number(0);
        /* discriminator(real, fake) = f(real) + h(fake): with the other operand fixed, its term is a constant */
        gan_tensor *of_real = gan_loss_discriminator(tape, loss, x, dummy),
                   *of_fake = gan_loss_discriminator(tape, loss, dummy, x);
        gan_tensor *sum = gan_add(tape, gan_scale(tape, of_real, p), gan_scale(tape, of_fake, q));
        gan_tensor *first = gan_gradient(tape, sum, x, GAN_GRAD_DIFFERENTIABLE),
                   *second = gan_gradient(tape, first, x, 0);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        s -= gan_tensor_item(first, 0) / gan_tensor_item(second, 0);
        gan_tensor_release(logit);
        gan_tensor_release(dummy);
    }
    return 1 / (1 + exp(-s));
}

/* D* = p / (p + q); with smoothing D* = (alpha p + beta q) / (p + q). */
static void the_best_discriminator(void **state) {
    (void)state;
    static const double targets[][2] = {{1, 0}, {0.9, 0}, {0.9, 0.1}, {1, 0.3}},
                        densities[][2] = {{0.5, 0.5}, {0.2, 0.7}, {1, 0.25}};
    for (int t = 0; t < 4; t++) {
        gan_loss *loss = make(targets[t][0], targets[t][1], GAN_GENERATOR_NON_SATURATING);
        for (int d = 0; d < 3; d++) {
            double p = densities[d][0], q = densities[d][1],
                   expected = (targets[t][0] * p + targets[t][1] * q) / (p + q);
            assert_true(compare_number("best discriminator", best_discriminator(loss, p, q), expected, 1e-12));
        }
        gan_loss_release(loss);
    }
    gan_loss *smoothed = make(0.9, 0, GAN_GENERATOR_NON_SATURATING);
    assert_true(compare_number("known value", best_discriminator(smoothed, 1, 1), 0.45, 1e-12));
    gan_loss_release(smoothed);
}

/* At p = q, D* = 1/2: each term is log 2, the game's value -2 log 2. */
static void value_of_the_game(void **state) {
    (void)state;
    gan_loss *loss;
    assert_int_equal(gan_loss_bce_create(&loss, context, NULL), GAN_OK);
    gan_tensor *zeros = host_uniform(context, GAN_F64, gan_shape_2d(4, 1), 0, 1, 1);
    assert_int_equal(gan_tensor_fill(zeros, 0), GAN_OK);
    assert_true(compare_number("value", -gan_tensor_item(gan_loss_discriminator(tape, loss, zeros, zeros), 0),
                               -1.3862943611198906, 1e-15));
    assert_true(
        compare_number("term", gan_tensor_item(gan_bce_with_logits(tape, zeros, 1), 0), 0.69314718055994529, 1e-15));
    assert_true(compare_number("generator", gan_tensor_item(gan_loss_generator(tape, loss, zeros), 0),
                               0.69314718055994529, 1e-15));
    gan_tensor_release(zeros);
    gan_loss_release(loss);
}

/* No overflow at any logit, and the right slope at the ends. */
static void extreme_logits(void **state) {
    (void)state;
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F32 : GAN_F64;
        static const double far[] = {-1e4, -100, 100, 1e4};
        gan_tape_reset(tape);
        gan_tensor *s = host_tensor(context, dtype, gan_shape_1d(4), far), *x = gan_watch(tape, s);
        for (int target = 0; target < 2; target++) {
            gan_tensor *y = gan_bce_with_logits(tape, x, target),
                       *g = gan_gradient(tape, y, x, GAN_GRAD_DIFFERENTIABLE);
            gan_tensor *gg = gan_gradient(tape, g, x, 0);
            assert_true(compare_number("loss", gan_tensor_item(y, 0), (1e4 + 100) / 4, 1e-6));
            for (int64_t i = 0; i < 4; i++) {
                assert_true(compare_number("slope", gan_tensor_item(g, i), ((far[i] > 0) - target) / 4.0, 1e-7));
                assert_true(compare_number("curvature", gan_tensor_item(gg, i), 0, 1e-7));
            }
        }
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        gan_tensor_release(s);
    }
}

static gan_tensor *discriminator_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_discriminator(t, user, xs[0], xs[1]);
}
static gan_tensor *generator_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_generator(t, user, xs[0]);
}

static void derivatives(void **state) {
    (void)state;
    gan_tensor *xs[2] = {host_uniform(context, GAN_F64, gan_shape_2d(5, 1), -3, 3, 1),
                         host_uniform(context, GAN_F64, gan_shape_3d(2, 3, 2), -3, 3, 2)};
    for (int32_t kind = GAN_GENERATOR_NON_SATURATING; kind <= GAN_GENERATOR_MINIMAX; kind++) {
        gan_loss *loss = make(0.9, 0.1, kind);
        assert_true(gradcheck(context, "discriminator", discriminator_of, loss, xs, 2, 1e-9));
        assert_true(gradgradcheck(context, "discriminator", discriminator_of, loss, xs, 2, 1e-9));
        assert_true(gradcheck(context, "generator", generator_of, loss, xs + 1, 1, 1e-9));
        assert_true(gradgradcheck(context, "generator", generator_of, loss, xs + 1, 1, 1e-9));
        gan_loss_release(loss);
    }
    gan_tensor_release(xs[0]);
    gan_tensor_release(xs[1]);
}

static void refusals(void **state) {
    (void)state;
    gan_loss_bce_options o;
    gan_loss *loss = (gan_loss *)(uintptr_t)1;
#define REFUSED(MEMBER, VALUE)                                                                                         \
    do {                                                                                                               \
        gan_loss_bce_options_init(&o);                                                                                 \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_bce_create(&loss, context, &o), GAN_E_ARGUMENT);                                     \
        assert_null(loss);                                                                                             \
    } while (0)
    REFUSED(real_target, 1.5);
    REFUSED(real_target, NAN);
    REFUSED(fake_target, -0.1);
    REFUSED(generator, 0);
    REFUSED(generator, 3);
    REFUSED(struct_size, 0);
    assert_int_equal(gan_loss_bce_create(&loss, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_bce_create(NULL, context, NULL), GAN_E_ARGUMENT);
    gan_loss_release(NULL);
    /* a mean over nothing */
    loss = make(1, 0, GAN_GENERATOR_MINIMAX);
    gan_tensor *empty = host_uniform(context, GAN_F64, gan_shape_2d(0, 1), 0, 1, 1);
    gan_loss_generator(tape, loss, empty);
    assert_int_equal(gan_tape_status(tape), GAN_E_SHAPE);
    gan_tensor_release(empty);
    gan_loss_release(loss);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(saturation),        TEST(the_best_discriminator),
        TEST(value_of_the_game), TEST(extreme_logits),
        TEST(derivatives),       TEST(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
