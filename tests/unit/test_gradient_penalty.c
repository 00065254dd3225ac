/* Penalties on the critic's slope: facts that are exact, or that a central difference tells. The comparison with
 * PyTorch is in golden/test_golden_terms.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"
#include "tape_fixture.h"

static gan_loss *make(double weight, double target, int32_t one_sided, int32_t where) {
    gan_loss_gradient_penalty_options o;
    gan_loss_gradient_penalty_options_init(&o);
    o.weight = weight;
    o.target = target;
    o.one_sided = one_sided;
    o.where = where;
    gan_loss *loss;
    assert_int_equal(gan_loss_gradient_penalty_create(&loss, context, &o), GAN_OK);
    return loss;
}

/* D(x) = a . x has the slope a everywhere: weight (|a| - target)^2, and dP/da = 2 weight (|a| - target) a / |a|. */
static void linear_critic(void **state) {
    (void)state;
    static const double direction[3] = {2, -3, 6}; /* of norm 7 */
    for (int one_sided = 0; one_sided < 2; one_sided++)
        for (int k = 0; k < 3; k++) {
            double target = k == 0 ? 1 : k == 1 ? 7 : 12, gap = 7 - target;
            if (one_sided && gap < 0) gap = 0;
            gan_tape_reset(tape);
            gan_tensor *a = host_tensor(context, GAN_F64, gan_shape_2d(1, 3), direction), *w = gan_watch(tape, a);
            gan_tensor *real = uniform(gan_shape_2d(5, 3), 1), *fake = uniform(gan_shape_2d(5, 3), 2);
            gan_loss *loss = make(10, target, one_sided, GAN_PENALTY_BETWEEN);
            gan_tensor *x = gan_loss_penalty_points(tape, loss, real, fake);
            gan_tensor *value = gan_loss_penalty(tape, loss, gan_linear(tape, x, w, NULL), x);
            gan_tensor *g = gan_gradient(tape, value, w, 0);
            assert_int_equal(gan_tape_status(tape), GAN_OK);
            assert_true(compare_number("value", gan_tensor_item(value, 0), 10 * gap * gap, 1e-14));
            for (int64_t i = 0; i < 3; i++)
                assert_true(compare_number("slope", gan_tensor_item(g, i), 20 * gap * direction[i] / 7, 1e-14));
            gan_tensor_release(a);
            gan_tensor_release(real);
            gan_tensor_release(fake);
            gan_loss_release(loss);
        }
}

/* The points of reals and fakes are these; those between are on the segment, at one t for each item. */
static void points(void **state) {
    (void)state;
    gan_shape shape = gan_shape_3d(6, 4, 3);
    gan_tensor *real = uniform(shape, 1), *fake = uniform(shape, 2), *tracked = gan_watch(tape, fake);
    gan_loss *at[3] = {make(1, 1, 0, GAN_PENALTY_BETWEEN), make(1, 1, 0, GAN_PENALTY_REAL),
                       make(1, 1, 0, GAN_PENALTY_FAKE)};
    assert_true(compare_same_bits("reals", gan_loss_penalty_points(tape, at[1], real, NULL), real));
    assert_true(compare_same_bits("fakes", gan_loss_penalty_points(tape, at[2], NULL, tracked), fake));
    gan_tensor *first = gan_loss_penalty_points(tape, at[0], real, tracked),
               *second = gan_loss_penalty_points(tape, at[0], real, tracked);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_false(gan_tensor_item(first, 0) == gan_tensor_item(second, 0)); /* new draws */
    for (int64_t n = 0; n < 6; n++) {
        double t = 0;
        for (int64_t i = 0; i < 12; i++) {
            double from = gan_tensor_item(real, 12 * n + i), to = gan_tensor_item(fake, 12 * n + i),
                   here = (gan_tensor_item(first, 12 * n + i) - from) / (to - from);
            if (i == 0) t = here;
            assert_true(here > 0 && here < 1);
            assert_true(compare_number("t", here, t, 1e-12));
        }
        assert_true(n == 0 || fabs(t - (gan_tensor_item(first, 0) - gan_tensor_item(real, 0)) /
                                           (gan_tensor_item(fake, 0) - gan_tensor_item(real, 0))) > 1e-6);
    }
    /* nothing goes back to what the fakes were made of */
    gan_tensor *back = gan_gradient(tape, gan_sum(tape, gan_square(tape, first)), tracked, 0);
    for (int64_t i = 0; i < 72; i++) assert_true(gan_tensor_item(back, i) == 0);
    for (int i = 0; i < 3; i++) gan_loss_release(at[i]);
    gan_tensor_release(real);
    gan_tensor_release(fake);
}

/* Where the slope is 0 the penalty is weight * target^2 and has derivative 0, not NaN, in both types; an item beside
 * it has the derivative it has alone. D(x) = sum a x^2 with the first item at x = 0. */
static void slope_of_zero(void **state) {
    (void)state;
    for (int type = 0; type < 2; type++) {
        static const double at[4] = {0, 0, 1.5, -2}, factors[2] = {1, 0.5};
        gan_dtype dtype = type == 0 ? GAN_F32 : GAN_F64;
        gan_tape_reset(tape);
        gan_tensor *real = host_tensor(context, dtype, gan_shape_2d(2, 2), at);
        gan_tensor *a = host_tensor(context, dtype, gan_shape_1d(2), factors), *w = gan_watch(tape, a);
        gan_loss *loss = make(10, 1, 0, GAN_PENALTY_REAL);
        gan_tensor *x = gan_loss_penalty_points(tape, loss, real, NULL);
        gan_tensor *scores = gan_sum_axes(tape, gan_mul(tape, gan_square(tape, x), w), 2, 0);
        gan_tensor *value = gan_loss_penalty(tape, loss, scores, x), *xs[2] = {w, x}, *gs[2];
        gan_gradients(tape, value, NULL, xs, 2, 0, gs);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        /* the second item: slope (2 a0 x0, 2 a1 x1) = (3, -2) */
        double norm = sqrt(13), excess = norm - 1;
        assert_true(
            compare_number("value", gan_tensor_item(value, 0), 5 * (1 + excess * excess), type == 0 ? 1e-6 : 1e-15));
        double u = 10 * excess / norm; /* dP/dslope = u slope */
        double expected[6] = {u * 3 * 2 * 1.5, u * -2 * 2 * -2, 0, 0, u * 3 * 2 * 1, u * -2 * 2 * 0.5};
        for (int64_t i = 0; i < 6; i++)
            assert_true(compare_number("gradient", gan_tensor_item(i < 2 ? gs[0] : gs[1], i < 2 ? i : i - 2),
                                       expected[i], type == 0 ? 1e-6 : 1e-14));
        gan_tensor_release(real);
        gan_tensor_release(a);
        gan_loss_release(loss);
    }
}

/* No epsilon moves the norm: slopes of 1e-8 are as exact as others, and below 1e-12 they count as 0. */
static void small_slopes(void **state) {
    (void)state;
    static const double sizes[] = {1e-8, 1e-11, 1e-13};
    for (int k = 0; k < 3; k++) {
        gan_tape_reset(tape);
        gan_tensor *real = uniform(gan_shape_2d(2, 1), 1);
        gan_tensor *a = host_tensor(context, GAN_F64, gan_shape_2d(1, 1), &sizes[k]), *w = gan_watch(tape, a);
        gan_loss *loss = make(1, 0, 0, GAN_PENALTY_REAL);
        gan_tensor *x = gan_loss_penalty_points(tape, loss, real, NULL);
        gan_tensor *value = gan_loss_penalty(tape, loss, gan_linear(tape, x, w, NULL), x);
        double g = gan_tensor_item(gan_gradient(tape, value, w, 0), 0);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        double expected = k < 2 ? sizes[k] : 0;
        assert_true(compare_number("value / size^2", gan_tensor_item(value, 0) / (sizes[k] * sizes[k]), k < 2, 1e-12));
        assert_true(compare_number("gradient / size", g / sizes[k], 2 * expected / sizes[k], 1e-12));
        gan_tensor_release(real);
        gan_tensor_release(a);
        gan_loss_release(loss);
    }
}

/* Two clouds at a distance d, so narrow that they are points, with the interpolates on the segment. For a critic of
 * slope w on it, f(x) = w x, the objective -d w + lambda (w - 1)^2 is least at 1 + d / (2 lambda): trained by Newton's
 * method it estimates the distance as d (1 + d / (2 lambda)). */
static void estimate_of_the_distance(void **state) {
    (void)state;
    static const double distances[] = {1, 2, 4, 8}, table[] = {1.05, 2.2, 4.8, 11.2};
    for (int k = 0; k < 4; k++) {
        double d = distances[k], slope = 0.3, estimate = 0;
        gan_loss *loss = make(10, 1, 0, GAN_PENALTY_BETWEEN);
        for (int step = 0; step < 4; step++) {
            gan_tape_reset(tape);
            gan_tensor *a = host_tensor(context, GAN_F64, gan_shape_2d(1, 1), &slope), *w = gan_watch(tape, a);
            gan_tensor *fake = gan_full(tape, GAN_F64, gan_shape_2d(16, 1), 0),
                       *real = gan_full(tape, GAN_F64, gan_shape_2d(16, 1), d);
            gan_tensor *x = gan_loss_penalty_points(tape, loss, real, fake);
            gan_tensor *critic = gan_sub(tape, gan_mean(tape, gan_linear(tape, fake, w, NULL)),
                                         gan_mean(tape, gan_linear(tape, real, w, NULL)));
            gan_tensor *total = gan_add(tape, critic, gan_loss_penalty(tape, loss, gan_linear(tape, x, w, NULL), x));
            gan_tensor *first = gan_gradient(tape, total, w, GAN_GRAD_DIFFERENTIABLE),
                       *second = gan_gradient(tape, first, w, 0);
            assert_int_equal(gan_tape_status(tape), GAN_OK);
            estimate = -gan_tensor_item(critic, 0);
            slope -= gan_tensor_item(first, 0) / gan_tensor_item(second, 0);
            gan_tensor_release(a);
        }
        assert_true(compare_number("slope", slope, 1 + d / 20, 1e-12));
        assert_true(compare_number("estimate", estimate, table[k], 1e-12));
        gan_loss_release(loss);
    }
}

/* ---- against central differences ---- */

/* A smooth network of two inputs; the penalty as a function of its parameters. */
static gan_layer *make_critic(void) {
    gan_builder *b = gan_builder_begin(context, gan_shape_2d(3, 4));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_flatten(b);
    gan_add_linear(b, 5, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 2, NULL);
    gan_add_softplus(b);
    gan_layer *critic;
    assert_int_equal(gan_builder_end(&critic, b), GAN_OK);
    for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++) {
        gan_tensor *tensor = gan_layer_tensor(critic, i);
        assert_int_equal(gan_tensor_fill_uniform(tensor, -0.7, 0.7, 5, (uint64_t)i, 0), GAN_OK);
    }
    return critic;
}

static gan_tensor *penalty_of(gan_loss *loss, gan_layer *critic, gan_tensor *real, gan_tensor *fake) {
    gan_tape_reset(tape);
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, 0), GAN_OK);
    gan_tensor *x = gan_loss_penalty_points(tape, loss, real, fake);
    gan_tensor *value = gan_loss_penalty(tape, loss, gan_layer_forward(tape, critic, x), x);
    if (gan_tape_status(tape) != GAN_OK) fail_msg("%s", gan_tape_error(tape));
    return value;
}

static void central_differences(void **state) {
    (void)state;
    gan_loss *losses[4] = {make(10, 1, 0, GAN_PENALTY_BETWEEN), make(10, 0.3, 1, GAN_PENALTY_BETWEEN)};
    assert_int_equal(gan_loss_r1_create(&losses[2], context, 10), GAN_OK);
    assert_int_equal(gan_loss_r2_create(&losses[3], context, 0.5), GAN_OK);
    gan_tensor *real = uniform(gan_shape_3d(6, 3, 4), 1), *fake = uniform(gan_shape_3d(6, 3, 4), 2);
    gan_layer *critic = make_critic();
    for (int k = 0; k < 4; k++) {
        for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++) {
            gan_tensor *w = gan_layer_tensor(critic, i);
            int64_t count = gan_tensor_count(w);
            double actual[60], expected[60];
            assert_true(count <= 60);
            gan_tensor *g = gan_gradient(tape, penalty_of(losses[k], critic, real, fake), w, 0);
            for (int64_t j = 0; j < count; j++) actual[j] = gan_tensor_item(g, j);
            for (int64_t j = 0; j < count; j++) {
                static const double h = 1e-3, at[4] = {1, -1, 2, -2}, factor[4] = {8, -8, -1, 1};
                double *data = gan_tensor_data(w), before = data[j];
                expected[j] = 0;
                for (int m = 0; m < 4; m++) {
                    gan_tape_reset(tape);
                    data = gan_tensor_data(w);
                    data[j] = before + at[m] * h;
                    expected[j] += factor[m] * gan_tensor_item(penalty_of(losses[k], critic, real, fake), 0) / (12 * h);
                }
                gan_tape_reset(tape);
                data = gan_tensor_data(w);
                data[j] = before;
            }
            /* the last bias too: it moves the slope of the softplus behind it */
            assert_true(compare_norm(expected, count) > 1e-6);
            assert_true(compare_values(gan_layer_tensor_name(critic, i), actual, expected, count, 1e-8, 0));
        }
        gan_loss_release(losses[k]);
    }
    gan_layer_release(critic);
    gan_tensor_release(real);
    gan_tensor_release(fake);
}

/* Scores of R1 serve the adversarial loss as well: both terms, one forward pass, one step. */
static void shared_scores(void **state) {
    (void)state;
    gan_loss *r1, *bce;
    assert_int_equal(gan_loss_r1_create(&r1, context, 10), GAN_OK);
    assert_int_equal(gan_loss_bce_create(&bce, context, NULL), GAN_OK);
    gan_layer *critic = make_critic();
    gan_tensor *real = uniform(gan_shape_3d(6, 3, 4), 1), *fake = uniform(gan_shape_3d(6, 3, 4), 2);
    gan_tensor *w = gan_layer_tensor(critic, 0), *gs[2];
    for (int shared = 0; shared < 2; shared++) {
        gan_tensor *x = gan_loss_penalty_points(tape, r1, real, NULL), *scores = gan_layer_forward(tape, critic, x);
        gan_tensor *term = gan_loss_penalty(tape, r1, scores, x);
        gan_tensor *of_reals = shared ? scores : gan_layer_forward(tape, critic, real);
        gan_tensor *loss =
            gan_add(tape, gan_loss_discriminator(tape, bce, of_reals, gan_layer_forward(tape, critic, fake)), term);
        gs[shared] = gan_gradient(tape, loss, w, 0);
    }
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(compare_tensors("gradient", gs[1], gs[0], 1e-14));
    gan_tape_reset(tape);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, critic, NULL), GAN_OK);
    gan_tensor *x = gan_loss_penalty_points(tape, r1, real, NULL);
    gan_tensor *loss = gan_loss_penalty(tape, r1, gan_layer_forward(tape, critic, x), x);
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
    gan_optimizer_release(adam);
    gan_layer_release(critic);
    gan_loss_release(r1);
    gan_loss_release(bce);
    gan_tensor_release(real);
    gan_tensor_release(fake);
}

/* Steps of one shape take no more memory after the first ones. */
static void steady_state(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *counted = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory), *before = context;
    gan_tape *kept = tape;
    context = counted;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    gan_layer *critic = make_critic();
    gan_loss *loss = make(10, 1, 1, GAN_PENALTY_BETWEEN);
    gan_tensor *real = uniform(gan_shape_3d(6, 3, 4), 1), *fake = uniform(gan_shape_3d(6, 3, 4), 2);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, critic, NULL), GAN_OK);
    long long calls = 0;
    for (int step = 0; step < 8; step++) {
        if (step == 4) calls = memory.calls;
        assert_int_equal(gan_optimizer_step(adam, tape, penalty_of(loss, critic, real, fake)), GAN_OK);
    }
    assert_true(calls > 0 && memory.calls == calls);
    gan_optimizer_release(adam);
    gan_layer_release(critic);
    gan_loss_release(loss);
    gan_tensor_release(real);
    gan_tensor_release(fake);
    gan_tape_release(tape);
    gan_context_release(counted);
    context = before;
    tape = kept;
}

/* ---- refusals ---- */

static void refused_options(void **state) {
    (void)state;
    gan_loss *loss = (gan_loss *)(uintptr_t)1;
    gan_loss_gradient_penalty_options o;
#define REFUSED(STATUS, MEMBER, VALUE)                                                                                 \
    do {                                                                                                               \
        gan_loss_gradient_penalty_options_init(&o);                                                                    \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_gradient_penalty_create(&loss, context, &o), STATUS);                                \
        assert_null(loss);                                                                                             \
    } while (0)
    REFUSED(GAN_E_ARGUMENT, weight, -1);
    REFUSED(GAN_E_ARGUMENT, weight, INFINITY);
    REFUSED(GAN_E_ARGUMENT, target, NAN);
    REFUSED(GAN_E_ARGUMENT, target, -0.5);
    REFUSED(GAN_E_ARGUMENT, one_sided, 2);
    REFUSED(GAN_E_ARGUMENT, normalize, -1);
    REFUSED(GAN_E_ARGUMENT, where, 3);
    REFUSED(GAN_E_ARGUMENT, where, -1);
    REFUSED(GAN_E_UNSUPPORTED, reserved, 1);
    REFUSED(GAN_E_ARGUMENT, struct_size, 0);
    gan_loss_gradient_penalty_options_init(&o);
    o.normalize = 1;
    o.target = 0;
    assert_int_equal(gan_loss_gradient_penalty_create(&loss, context, &o), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "target"));
    assert_int_equal(gan_loss_gradient_penalty_create(&loss, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_gradient_penalty_create(NULL, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_r1_create(&loss, context, -1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_r2_create(&loss, context, NAN), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_r1_create(NULL, context, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_r2_create(&loss, NULL, 1), GAN_E_ARGUMENT);
}

static void refused_tensors(void **state) {
    (void)state;
    gan_loss *loss = make(1, 1, 0, GAN_PENALTY_BETWEEN), *bce, *r1;
    assert_int_equal(gan_loss_bce_create(&bce, context, NULL), GAN_OK);
    assert_int_equal(gan_loss_r1_create(&r1, context, 1), GAN_OK);
    gan_tensor *a = uniform(gan_shape_2d(4, 3), 1), *b = uniform(gan_shape_2d(4, 2), 2),
               *none = uniform(gan_shape_2d(0, 3), 3), *single = uniform(gan_shape_0d(), 4);
    gan_loss_penalty_points(tape, loss, a, b);
    expect(GAN_E_SHAPE, "reals are 4x3, fakes 4x2");
    gan_loss_penalty_points(tape, loss, a, NULL);
    expect(GAN_E_ARGUMENT, "fakes");
    gan_loss_penalty_points(tape, r1, NULL, a);
    expect(GAN_E_ARGUMENT, "reals");
    gan_loss_penalty_points(tape, r1, single, NULL);
    expect(GAN_E_SHAPE, "batch axis");
    gan_loss_penalty_points(tape, bce, a, a);
    expect(GAN_E_ARGUMENT, "this is a bce loss");
    gan_loss_penalty_points(tape, NULL, a, a);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_tensor *x = gan_loss_penalty_points(tape, loss, a, a);
    gan_loss_penalty(tape, loss, gan_square(tape, x), a);
    expect(GAN_E_ARGUMENT, "not tracked");
    x = gan_loss_penalty_points(tape, loss, a, a);
    gan_tensor *other = gan_watch(tape, a);
    gan_loss_penalty(tape, loss, gan_square(tape, other), x); /* the critic looked at something else */
    expect(GAN_E_ARGUMENT, "do not depend on the points");
    x = gan_loss_penalty_points(tape, loss, a, a);
    gan_loss_penalty(tape, loss, gan_detach(tape, x), x);
    expect(GAN_E_ARGUMENT, "do not depend on the points");
    x = gan_loss_penalty_points(tape, loss, a, a);
    gan_loss_penalty(tape, loss, a, x);
    expect(GAN_E_ARGUMENT, "do not depend on the points");
    gan_tape_set_recording(tape, 0);
    x = gan_loss_penalty_points(tape, loss, a, a);
    gan_loss_penalty(tape, loss, gan_square(tape, x), x);
    expect(GAN_E_ARGUMENT, "do not depend on the points");
    x = gan_loss_penalty_points(tape, r1, none, NULL);
    gan_loss_penalty(tape, r1, gan_square(tape, x), x);
    expect(GAN_E_SHAPE, "no elements");
    x = gan_loss_penalty_points(tape, r1, a, NULL);
    gan_loss_penalty(tape, bce, gan_square(tape, x), x);
    expect(GAN_E_ARGUMENT, "gradient penalty loss is needed");
    gan_loss_penalty(tape, r1, NULL, a);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_loss_discriminator(tape, r1, a, a); /* the game's terms are not to be had */
    expect(GAN_E_ARGUMENT, "gradient penalty has no discriminator's term");
    gan_loss_generator(tape, r1, a);
    expect(GAN_E_ARGUMENT, "gradient penalty has no generator's term");
    gan_drift_penalty(tape, a, -1);
    expect(GAN_E_ARGUMENT, "-1");
    gan_drift_penalty(tape, none, 1);
    expect(GAN_E_SHAPE, "no elements");
    assert_int_equal(gan_tensor_shape(gan_loss_penalty(NULL, r1, a, a)).rank, 0);
    gan_tensor_release(a);
    gan_tensor_release(b);
    gan_tensor_release(none);
    gan_tensor_release(single);
    gan_loss_release(loss);
    gan_loss_release(bce);
    gan_loss_release(r1);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(linear_critic),
        TEST(points),
        TEST(slope_of_zero),
        TEST(small_slopes),
        TEST(estimate_of_the_distance),
        TEST(central_differences),
        TEST(shared_scores),
        TEST(steady_state),
        TEST(refused_options),
        TEST(refused_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
