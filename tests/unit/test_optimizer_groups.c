/* What all optimizers have in common: groups, clipping, schedules, options that are refused. The rules' numbers are in
 * tests/golden/test_optim.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"

static gan_context *context;
static gan_tape *tape;
static gan_layer *a, *b; /* linear, tanh, linear; linear */
static gan_tensor *x;

static gan_layer *make_layer(gan_context *where, int32_t layers) {
    gan_layer *layer;
    gan_builder *builder = gan_builder_begin(where, gan_shape_1d(4));
    gan_builder_set_dtype(builder, GAN_F64);
    gan_add_linear(builder, 3, NULL);
    for (int32_t i = 1; i < layers; i++) {
        gan_add_tanh(builder);
        gan_add_linear(builder, 3, NULL);
    }
    assert_int_equal(gan_builder_end(&layer, builder), GAN_OK);
    return layer;
}

static int set_up(void **state) {
    (void)state;
    context = host_context(1);
    if (gan_tape_create(&tape, context) != GAN_OK) return -1;
    a = make_layer(context, 2);
    b = make_layer(context, 1);
    x = host_uniform(context, GAN_F64, gan_shape_2d(5, 4), -1, 1, 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gan_tensor_release(x);
    gan_tape_release(tape);
    gan_layer_release(a);
    gan_layer_release(b);
    gan_context_release(context);
    return 0;
}

/* Plain descent with a rate of 1: the parameters' changes are the gradients, with what was done to them. */
static gan_optimizer *make(const char *prefix) {
    gan_optimizer *optimizer = NULL;
    gan_sgd_options o;
    gan_sgd_options_init(&o);
    o.learning_rate = 1;
    o.prefix = prefix;
    assert_int_equal(gan_sgd_create(&optimizer, a, &o), GAN_OK);
    return optimizer;
}

static gan_tensor *make_loss(double scale) {
    gan_tape_reset(tape);
    gan_tensor *of_a = gan_sum(tape, gan_square(tape, gan_layer_forward(tape, a, x)));
    gan_tensor *of_b = gan_sum(tape, gan_square(tape, gan_layer_forward(tape, b, x)));
    return gan_scale(tape, gan_add(tape, of_a, of_b), scale);
}

static gan_tensor *parameter(int32_t i) { return i < 4 ? gan_layer_tensor(a, i) : gan_layer_tensor(b, i - 4); }

/* Gradients of make_loss(1), or what one step changed (negated). */
static void read_all(double *values[6]) {
    for (int32_t i = 0; i < 6; i++) values[i] = compare_read(parameter(i));
}
static void read_gradients(double *values[6]) {
    gan_tensor *loss = make_loss(1);
    for (int32_t i = 0; i < 6; i++) values[i] = compare_read(gan_gradient(tape, loss, parameter(i), GAN_GRAD_RETAIN));
}
static void free_all(double *values[6]) {
    for (int32_t i = 0; i < 6; i++) free(values[i]);
}
static void put_back(double *values[6]) {
    for (int32_t i = 0; i < 6; i++)
        assert_int_equal(
            gan_tensor_write(parameter(i), values[i], (size_t)gan_tensor_count(parameter(i)) * sizeof(double)), GAN_OK);
}

static void test_groups(void **state) {
    (void)state;
    double *g[6], *before[6];
    gan_group_options group;
    read_gradients(g);
    read_all(before);
    gan_optimizer *optimizer = make("0");
    assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(1)), GAN_OK);
    for (int32_t i = 0; i < 6; i++) {
        double *now = compare_read(parameter(i));
        for (int64_t k = 0; k < gan_tensor_count(parameter(i)); k++)
            assert_true(compare_number("first group", now[k], before[i][k] - (i < 2 ? g[i][k] : 0), 1e-13));
        free(now);
    }
    put_back(before);
    gan_group_options_init(&group);
    group.prefix = "2.bias";
    group.learning_rate_factor = 0.25;
    group.weight_decay = 0.5;
    assert_int_equal(gan_optimizer_add_layer(optimizer, a, &group), GAN_OK);
    assert_int_equal(gan_optimizer_add_layer(optimizer, b, NULL), GAN_OK);
    assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(1)), GAN_OK);
    for (int32_t i = 0; i < 6; i++) {
        double *now = compare_read(parameter(i));
        for (int64_t k = 0; k < gan_tensor_count(parameter(i)); k++) {
            double change = i == 2 ? 0 : i == 3 ? 0.25 * (g[i][k] + 0.5 * before[i][k]) : g[i][k];
            assert_true(compare_number("three groups", now[k], before[i][k] - change, 1e-13));
        }
        free(now);
    }
    gan_optimizer_release(optimizer);
    free_all(g);
    free_all(before);
}

static void expect_refused(gan_optimizer *optimizer, gan_layer *layer, const char *prefix, const char *words) {
    gan_group_options group;
    gan_group_options_init(&group);
    group.prefix = prefix;
    assert_int_equal(gan_optimizer_add_layer(optimizer, layer, &group), GAN_E_ARGUMENT);
    if (strstr(gan_context_error(context), words) == NULL)
        fail_msg("'%s' does not say '%s'", gan_context_error(context), words);
}

static void test_refused_groups(void **state) {
    (void)state;
    gan_context *foreign_context = host_context(1);
    gan_layer *foreign = make_layer(foreign_context, 1);
    gan_optimizer *optimizer = make("2"), *none = NULL;
    gan_group_options group;
    double *before[6], *after[6];
    expect_refused(optimizer, a, NULL, "'group2:2.weight' is in the optimizer already, as '2.weight'");
    expect_refused(optimizer, a, "2.weight", "is in the optimizer already");
    expect_refused(optimizer, a, "2.wei", "no parameter's name begins with '2.wei'");
    expect_refused(optimizer, a, "", "no parameter's name begins with ''");
    expect_refused(optimizer, a, "1", "no parameter's name begins with '1'");
    expect_refused(optimizer, foreign, NULL, "another context");
    gan_group_options_init(&group);
    group.learning_rate_factor = -1;
    assert_int_equal(gan_optimizer_add_layer(optimizer, b, &group), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "learning_rate_factor is -1; it must be 0 or more, and finite"));
    gan_group_options_init(&group);
    group.weight_decay = -0.5;
    assert_int_equal(gan_optimizer_add_layer(optimizer, b, &group), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "weight_decay (or -1: the optimizer's) is -0.5; it must be 0"));
    assert_int_equal(gan_optimizer_add_layer(optimizer, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_add_layer(NULL, b, NULL), GAN_E_ARGUMENT);
    /* between accumulation and its step */
    assert_int_equal(gan_optimizer_accumulate(optimizer, tape, make_loss(1)), GAN_OK);
    assert_int_equal(gan_optimizer_add_layer(optimizer, b, NULL), GAN_E_STATE);
    /* nothing of a refused group stayed */
    read_all(before);
    assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(1)), GAN_OK);
    read_all(after);
    for (int32_t i = 0; i < 6; i++)
        assert_int_equal(memcmp(before[i], after[i], (size_t)gan_tensor_count(parameter(i)) * sizeof(double)) == 0,
                         i != 2 && i != 3);
    free_all(before);
    free_all(after);
    gan_optimizer_release(optimizer);
    gan_sgd_options o;
    gan_sgd_options_init(&o);
    o.prefix = "9";
    assert_int_equal(gan_sgd_create(&none, a, &o), GAN_E_ARGUMENT);
    assert_null(none);
    gan_layer_release(foreign);
    gan_context_release(foreign_context);
}

/* A parameter that only some of the accumulated losses depend on takes part; one that none does stays. */
static void test_accumulated_part(void **state) {
    (void)state;
    double *before[6];
    gan_optimizer *optimizer;
    gan_adam_options o;
    gan_adam_options_init(&o);
    o.weight_decay = 0.1;
    assert_int_equal(gan_adam_create(&optimizer, a, &o), GAN_OK);
    assert_int_equal(gan_optimizer_add_layer(optimizer, b, NULL), GAN_OK);
    read_all(before);
    for (int t = 0; t < 2; t++) {
        gan_tape_reset(tape);
        gan_tensor *loss = gan_sum(tape, gan_square(tape, gan_layer_forward(tape, a, x)));
        assert_int_equal(t == 0 ? gan_optimizer_accumulate(optimizer, tape, loss)
                                : gan_optimizer_step(optimizer, tape, loss),
                         GAN_OK);
    }
    for (int32_t i = 0; i < 6; i++) {
        double *now = compare_read(parameter(i));
        assert_int_equal(memcmp(now, before[i], (size_t)gan_tensor_count(parameter(i)) * sizeof(double)) == 0, i >= 4);
        free(now);
    }
    free_all(before);
    gan_optimizer_release(optimizer);
}

static int32_t times_ten(void *user, void *data, int64_t count, gan_dtype dtype) {
    (void)user;
    (void)dtype;
    for (int64_t i = 0; i < count; i++) ((double *)data)[i] *= 10;
    return 0;
}

/* max_value, then max_norm over all groups together; both after the all-reduce and on the sum of what was accumulated.
 */
static void test_clipping(void **state) {
    (void)state;
    static const double limits[][2] = {{INFINITY, INFINITY}, {0.7, INFINITY}, {INFINITY, 2}, {0.7, 2}, {1e9, 1e9}};
    double *g[6], *before[6];
    read_gradients(g);
    read_all(before);
    for (size_t c = 0; c < sizeof limits / sizeof limits[0]; c++) {
        double norm = 0, *now[6];
        gan_optimizer *optimizer = make(NULL);
        assert_int_equal(gan_optimizer_add_layer(optimizer, b, NULL), GAN_OK);
        assert_int_equal(gan_optimizer_set_clipping(optimizer, limits[c][0], limits[c][1]), GAN_OK);
        assert_int_equal(gan_optimizer_set_all_reduce(optimizer, times_ten, NULL), GAN_OK);
        assert_int_equal(gan_optimizer_accumulate(optimizer, tape, make_loss(0.05)), GAN_OK);
        assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(0.05)), GAN_OK);
        for (int32_t i = 0; i < 6; i++)
            for (int64_t k = 0; k < gan_tensor_count(parameter(i)); k++)
                norm += pow(fmax(fmin(g[i][k], limits[c][0]), -limits[c][0]), 2);
        double factor = fmin(limits[c][1] / (sqrt(norm) + 1e-6), 1);
        if (c > 0 && c < 4) assert_true(sqrt(norm) > 2); /* else it would not show */
        read_all(now);
        for (int32_t i = 0; i < 6; i++)
            for (int64_t k = 0; k < gan_tensor_count(parameter(i)); k++)
                assert_true(compare_number("clipped", now[i][k],
                                           before[i][k] - factor * fmax(fmin(g[i][k], limits[c][0]), -limits[c][0]),
                                           1e-13));
        put_back(before);
        free_all(now);
        gan_optimizer_release(optimizer);
    }
    free_all(g);
    free_all(before);
}

/* Clipping must not make a finite step of an infinite gradient. */
static void test_clipping_refuses(void **state) {
    (void)state;
    gan_optimizer *optimizer = make(NULL);
    gan_tensor *kept;
    assert_int_equal(gan_tensor_clone(&kept, parameter(0)), GAN_OK);
    assert_int_equal(gan_optimizer_set_clipping(optimizer, 1, 1), GAN_OK);
    assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(INFINITY)), GAN_E_NUMERIC);
    assert_true(compare_same_bits("infinite", parameter(0), kept));
    static const double bad[] = {0, -1, NAN};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gan_optimizer_set_clipping(optimizer, bad[i], 1), GAN_E_ARGUMENT);
        assert_int_equal(gan_optimizer_set_clipping(optimizer, 1, bad[i]), GAN_E_ARGUMENT);
    }
    assert_int_equal(gan_optimizer_set_clipping(optimizer, -2, 1), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "max_value is -2, max_norm 1; both must be above 0"));
    assert_int_equal(gan_optimizer_set_clipping(NULL, 1, 1), GAN_E_ARGUMENT);
    gan_tensor_release(kept);
    gan_optimizer_release(optimizer);
}

/* Two losses that reach two parameters alike share one gradient: clipping it in place must not do so twice, and the
 * order of the norm's sum must not depend on threads. */
static void test_threads(void **state) {
    (void)state;
    gan_tensor *results[3];
    gan_context *contexts[3];
    for (int32_t threads = 1; threads <= 3; threads++) {
        gan_context_options options;
        gan_context_options_init(&options);
        options.threads = threads;
        options.deterministic = 1;
        options.seed = 5;
        gan_context *c;
        gan_tape *t;
        gan_layer *layer;
        gan_optimizer *optimizer;
        assert_int_equal(gan_context_create(&c, &options), GAN_OK);
        assert_int_equal(gan_tape_create(&t, c), GAN_OK);
        gan_builder *builder = gan_builder_begin(c, gan_shape_1d(400));
        gan_add_linear(builder, 300, NULL); /* several shares */
        assert_int_equal(gan_builder_end(&layer, builder), GAN_OK);
        gan_rmsprop_options o;
        gan_rmsprop_options_init(&o);
        assert_int_equal(gan_rmsprop_create(&optimizer, layer, &o), GAN_OK);
        assert_int_equal(gan_optimizer_set_clipping(optimizer, 5, 1), GAN_OK);
        for (int step = 0; step < 4; step++) {
            gan_tape_reset(t);
            gan_tensor *y = gan_layer_forward(t, layer, gan_normal(t, GAN_F32, gan_shape_2d(8, 400)));
            assert_int_equal(gan_optimizer_step(optimizer, t, gan_sum(t, gan_square(t, y))), GAN_OK);
        }
        assert_int_equal(gan_tensor_clone(&results[threads - 1], gan_layer_tensor(layer, 0)), GAN_OK);
        contexts[threads - 1] = c;
        gan_optimizer_release(optimizer);
        gan_layer_release(layer);
        gan_tape_release(t);
    }
    assert_true(compare_same_bits("2 threads", results[1], results[0]));
    assert_true(compare_same_bits("3 threads", results[2], results[0]));
    for (int i = 0; i < 3; i++) {
        gan_tensor_release(results[i]);
        gan_context_release(contexts[i]);
    }
}

/* ---- schedules ---- */

static double rate_after(gan_optimizer *optimizer, int64_t steps) {
    while (gan_optimizer_steps(optimizer) < steps)
        assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(0)), GAN_OK);
    return gan_optimizer_learning_rate(optimizer);
}

static void test_schedules(void **state) {
    (void)state;
    gan_schedule_options o;
    gan_optimizer *optimizer = make(NULL);
    assert_int_equal(gan_optimizer_set_learning_rate(optimizer, 8), GAN_OK);
    assert_true(rate_after(optimizer, 2) == 8);
    gan_schedule_options_init(&o);
    o.kind = GAN_SCHEDULE_LINEAR;
    o.start = 4;
    o.length = 4;
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &o), GAN_OK);
    static const double linear[] = {8, 8, 8, 6, 4, 2, 0, 0, 0}; /* after 2 to 10 updates */
    for (int i = 0; i < 9; i++) assert_true(compare_number("linear", rate_after(optimizer, 2 + i), linear[i], 1e-15));
    gan_schedule_options_init(&o);
    o.kind = GAN_SCHEDULE_STEP;
    o.start = 10;
    o.interval = 2;
    o.factor = 0.5;
    o.final_factor = 0.3; /* not below it */
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &o), GAN_OK);
    static const double steps[] = {8, 8, 4, 4, 2.4};
    for (int i = 0; i < 5; i++) assert_true(compare_number("step", rate_after(optimizer, 10 + i), steps[i], 1e-15));
    gan_schedule_options_init(&o);
    o.kind = GAN_SCHEDULE_COSINE;
    o.start = 14;
    o.length = 4;
    o.final_factor = 0.5;
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &o), GAN_OK);
    const double cosine[] = {8, 6 + 2 * sqrt(0.5), 6, 6 - 2 * sqrt(0.5), 4, 4};
    for (int i = 0; i < 6; i++) assert_true(compare_number("cosine", rate_after(optimizer, 14 + i), cosine[i], 1e-14));
    gan_schedule_options_init(&o);
    o.warm_up = 23;
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &o), GAN_OK);
    for (int i = 20; i < 26; i++)
        assert_true(compare_number("warm-up", rate_after(optimizer, i), i < 23 ? 8 * (i + 1) / 24.0 : 8, 1e-15));
    assert_int_equal(gan_optimizer_set_schedule(optimizer, NULL), GAN_OK);
    assert_true(gan_optimizer_learning_rate(optimizer) == 8);
    /* 1e200 to the power of 2 is more than a double holds: refused before anything changes */
    gan_schedule_options_init(&o);
    o.kind = GAN_SCHEDULE_STEP;
    o.start = gan_optimizer_steps(optimizer) - 2;
    o.interval = 1;
    o.factor = 1e200;
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &o), GAN_OK);
    int64_t updates = gan_optimizer_steps(optimizer);
    assert_int_equal(gan_optimizer_step(optimizer, tape, make_loss(0)), GAN_E_NUMERIC);
    assert_non_null(strstr(gan_context_error(context), "learning rate"));
    assert_int_equal(gan_optimizer_steps(optimizer), updates);
    gan_optimizer_release(optimizer);
}

/* The message names the option and the value that was given. */
static void assert_says(const char *option, double value) {
    char words[64];
    snprintf(words, sizeof words, "%s is %g", option, value);
    if (strstr(gan_context_error(context), words) == NULL)
        fail_msg("'%s' does not say '%s'", gan_context_error(context), words);
}

static void test_refused_options(void **state) {
    (void)state;
    gan_optimizer *optimizer = NULL;
#define REFUSED(RULE, MEMBER, VALUE)                                                                                   \
    do {                                                                                                               \
        gan_##RULE##_options o;                                                                                        \
        gan_##RULE##_options_init(&o);                                                                                 \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_##RULE##_create(&optimizer, a, &o), GAN_E_ARGUMENT);                                      \
        assert_null(optimizer);                                                                                        \
        assert_says(#MEMBER, VALUE);                                                                                   \
    } while (0)
    REFUSED(rmsprop, learning_rate, -1);
    REFUSED(rmsprop, alpha, 1);
    REFUSED(rmsprop, epsilon, 0);
    REFUSED(rmsprop, epsilon_mode, 3);
    REFUSED(rmsprop, initial_square, -1);
    REFUSED(rmsprop, initial_square, INFINITY);
    REFUSED(rmsprop, momentum, -1);
    REFUSED(rmsprop, momentum, NAN);
    REFUSED(rmsprop, weight_decay, INFINITY);
    REFUSED(rmsprop, centered, 2);
    REFUSED(sgd, learning_rate, NAN);
    REFUSED(sgd, momentum, -0.5);
    REFUSED(sgd, dampening, 1.5);
    REFUSED(sgd, dampening, NAN);
    REFUSED(sgd, weight_decay, -1);
    REFUSED(sgd, nesterov, -1);
    gan_rmsprop_options corrected;
    gan_rmsprop_options_init(&corrected);
    corrected.epsilon_mode = GAN_EPSILON_UNCORRECTED;
    assert_int_equal(gan_rmsprop_create(&optimizer, a, &corrected), GAN_E_ARGUMENT);
    gan_sgd_options both;
    gan_sgd_options_init(&both);
    both.nesterov = 1;
    assert_int_equal(gan_sgd_create(&optimizer, a, &both), GAN_E_ARGUMENT);
    both.momentum = 0.9;
    both.dampening = 0.1;
    assert_int_equal(gan_sgd_create(&optimizer, a, &both), GAN_E_ARGUMENT);
    assert_int_equal(gan_sgd_create(NULL, a, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_rmsprop_create(&optimizer, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_rmsprop_create(&optimizer, a, NULL), GAN_OK);
    assert_true(gan_optimizer_learning_rate(optimizer) == 1e-2);
#define REFUSED_SCHEDULE(MEMBER, VALUE)                                                                                \
    do {                                                                                                               \
        gan_schedule_options o;                                                                                        \
        gan_schedule_options_init(&o);                                                                                 \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_optimizer_set_schedule(optimizer, &o), GAN_E_ARGUMENT);                                   \
        assert_says(#MEMBER, VALUE);                                                                                   \
    } while (0)
    REFUSED_SCHEDULE(kind, 4);
    REFUSED_SCHEDULE(kind, -1);
    REFUSED_SCHEDULE(start, -1);
    REFUSED_SCHEDULE(length, 0);
    REFUSED_SCHEDULE(interval, 0);
    REFUSED_SCHEDULE(factor, -1);
    REFUSED_SCHEDULE(final_factor, INFINITY);
    REFUSED_SCHEDULE(warm_up, -1);
    assert_int_equal(gan_optimizer_set_schedule(NULL, NULL), GAN_E_ARGUMENT);
    gan_optimizer_release(optimizer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_groups),           TEST(test_refused_groups), TEST(test_accumulated_part), TEST(test_clipping),
        TEST(test_clipping_refuses), TEST(test_threads),        TEST(test_schedules),        TEST(test_refused_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
