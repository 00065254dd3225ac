/* InfoGAN's bound: known values, drawn codes, derivatives, refusals. The comparison with
 * PyTorch is in golden/test_golden_terms.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "gradcheck.h"
#include "host.h"
#include "tape_fixture.h"

static gan_loss *information(gan_entropy entropy) {
    gan_loss_mutual_information_options o;
    gan_loss_mutual_information_options_init(&o);
    o.entropy = entropy;
    gan_loss *loss;
    assert_int_equal(gan_loss_mutual_information_create(&loss, context, &o), GAN_OK);
    return loss;
}

/* A perfect Q knows all of a code of 10 categories, log 10 nats; a uniform Q nothing. */
static void categorical_bound(void **state) {
    (void)state;
    gan_loss *loss = information(GAN_ENTROPY_EXACT);
    assert_int_equal(gan_loss_add_categorical(loss, 10), GAN_OK);
    gan_tensor *codes = gan_loss_sample_codes(tape, loss, GAN_F64, 32), *bound, *bounds;
    gan_tensor *perfect = gan_scale(tape, codes, 1000), *blind = gan_full(tape, GAN_F64, gan_shape_2d(32, 10), 3);
    gan_tensor *value = gan_loss_mutual_information(tape, loss, perfect, codes, &bound, &bounds);
    assert_true(compare_number("perfect Q", gan_tensor_item(bound, 0), 2.302585092994046, 1e-15));
    assert_true(compare_number("loss", gan_tensor_item(value, 0), -2.302585092994046, 1e-15));
    assert_int_equal(gan_tensor_count(bounds), 1);
    gan_loss_mutual_information(tape, loss, blind, codes, &bound, NULL);
    assert_true(compare_number("uniform Q", gan_tensor_item(bound, 0), 0, 1e-15));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_loss_release(loss);
}

/* What the authors' code reports for codes of U(-1, 1), 0.5 E[c^2] - 0.5 E[(c - m)^2], which is 1/6 at most: here
 * of codes whose mean square is exactly 1/3. With H(c) = log 2 in place of its "entropy" 1.085605, the true bound. */
static void continuous_bound(void **state) {
    (void)state;
    static const double values[6] = {-1, 1, 0, 0.57735026918962576, -0.57735026918962576, 0};
    double mean_square = 0;
    for (int i = 0; i < 6; i++) mean_square += values[i] * values[i] / 6;
    for (int exact = 0; exact < 2; exact++) {
        gan_tape_reset(tape);
        gan_loss *loss = information(exact ? GAN_ENTROPY_EXACT : GAN_ENTROPY_UNIT_GAUSSIAN);
        assert_int_equal(gan_loss_add_uniform(loss, 2, 1), GAN_OK);
        gan_tensor *one = host_tensor(context, GAN_F64, gan_shape_2d(6, 1), values), *two[2] = {one, one};
        gan_tensor *codes = gan_concat(tape, two, 2, 1), *bound, *bounds;
        double scale = sqrt(1.0 / 3 / mean_square);
        codes = gan_scale(tape, codes, scale);
        gan_loss_mutual_information(tape, loss, codes, codes, &bound, &bounds); /* a perfect Q */
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        static const double cross_entropy = 0.91893853320467274, entropy = 1.0856051998713394;
        double each = exact ? log(2) - cross_entropy : entropy - cross_entropy;
        if (!exact) assert_true(compare_number("1/6", each, 1.0 / 6, 1e-14));
        assert_true(compare_number("one code", gan_tensor_item(bounds, 0), each, 1e-14));
        assert_true(compare_number("the other", gan_tensor_item(bounds, 1), each, 1e-14));
        assert_true(compare_number("both", gan_tensor_item(bound, 0), 2 * each, 1e-14));
        gan_tensor_release(one);
        gan_loss_release(loss);
    }
}

/* What Q has learned is worth more than what it has not: with a learned sigma at its best, log |c - m|, and clamped. */
static void learned_sigma(void **state) {
    (void)state;
    gan_loss *loss = information(GAN_ENTROPY_EXACT);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
    gan_tensor *codes = gan_full(tape, GAN_F64, gan_shape_2d(1, 1), 0.25);
    double best = log(0.25), before = -HUGE_VAL;
    for (int k = -3; k <= 3; k++) {
        double pair[2] = {0, best + 0.1 * k};
        gan_tensor *q = host_tensor(context, GAN_F64, gan_shape_2d(1, 2), pair), *x = gan_watch(tape, q), *bound;
        gan_tensor *value = gan_loss_mutual_information(tape, loss, x, codes, &bound, NULL);
        gan_tensor *g = gan_gradient(tape, value, x, 0);
        double here = gan_tensor_item(bound, 0), sigma = exp(pair[1]);
        assert_true(k <= 0 ? here > before : here < before);
        before = here;
        /* dL/dm = (m - c) e^-2w, dL/dw = 1 - (c - m)^2 e^-2w (architectures, part A, 4) */
        assert_true(compare_number("dL/dm", gan_tensor_item(g, 0), -0.25 / (sigma * sigma), 1e-14));
        assert_true(compare_number("dL/dw", gan_tensor_item(g, 1), 1 - 0.0625 / (sigma * sigma), 1e-14));
        gan_tensor_release(q);
    }
    static const double far[2] = {0.25, -50};
    gan_tensor *q = host_tensor(context, GAN_F64, gan_shape_2d(1, 2), far), *x = gan_watch(tape, q);
    gan_tensor *value = gan_loss_mutual_information(tape, loss, x, codes, NULL, NULL);
    assert_true(compare_number("clamped", gan_tensor_item(value, 0), -0.5 - 3, 1e-14)); /* -(H - h(sigma = e^-3)) */
    assert_true(gan_tensor_item(gan_gradient(tape, value, x, 0), 1) == 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(q);
    gan_loss_release(loss);
}

/* Codes: one-hot with every category, normal, uniform; the same draws from the same place, in either type. */
static void sampled_codes(void **state) {
    (void)state;
    enum { BATCH = 6000, K = 4 };
    gan_loss *loss = information(GAN_ENTROPY_EXACT);
    assert_int_equal(gan_loss_add_categorical(loss, K), GAN_OK);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, 1), GAN_OK);
    assert_int_equal(gan_loss_add_uniform(loss, 2, GAN_SIGMA_LEARNED), GAN_OK);
    assert_int_equal(gan_loss_code_width(loss), K + 3);
    assert_int_equal(gan_loss_posterior_width(loss), K + 1 + 4);
    uint64_t start = gan_context_position(context, GAN_STREAM_NOISE);
    gan_tensor *codes = gan_loss_sample_codes(tape, loss, GAN_F64, BATCH);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_context_position(context, GAN_STREAM_NOISE) > start);
    double *values = compare_read(codes), count[K] = {0}, sum[3] = {0}, squares[3] = {0}, largest = 0;
    for (int64_t n = 0; n < BATCH; n++) {
        const double *row = values + n * (K + 3);
        double ones = 0;
        for (int k = 0; k < K; k++) {
            assert_true(row[k] == 0 || row[k] == 1);
            ones += row[k];
            count[k] += row[k];
        }
        assert_true(ones == 1);
        for (int i = 0; i < 3; i++) {
            sum[i] += row[K + i];
            squares[i] += row[K + i] * row[K + i];
        }
        largest = fmax(largest, fmax(fabs(row[K + 1]), fabs(row[K + 2])));
    }
    /* five standard deviations of each figure */
    for (int k = 0; k < K; k++) assert_true(fabs(count[k] - BATCH / 4.0) < 5 * sqrt(BATCH * 3 / 16.0));
    for (int i = 0; i < 3; i++) {
        double variance = i == 0 ? 1 : 1.0 / 3, fourth = i == 0 ? 3 : 0.2;
        assert_true(fabs(sum[i] / BATCH) < 5 * sqrt(variance / BATCH));
        assert_true(fabs(squares[i] / BATCH - variance) < 5 * sqrt((fourth - variance * variance) / BATCH));
    }
    assert_true(largest < 1 && largest > 0.99);
    free(values);
    gan_tensor *kept, *again;
    assert_int_equal(gan_tensor_clone(&kept, codes), GAN_OK);
    gan_tape_reset(tape);
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, start), GAN_OK);
    again = gan_loss_sample_codes(tape, loss, GAN_F64, BATCH);
    assert_true(compare_same_bits("codes", again, kept));
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, start), GAN_OK);
    gan_tensor *single = gan_loss_sample_codes(tape, loss, GAN_F32, BATCH);
    assert_true(compare_tensors("in f32", single, kept, 1e-6));
    assert_int_equal(gan_tensor_count(gan_loss_sample_codes(tape, loss, GAN_F32, 0)), 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(kept);
    gan_loss_release(loss);
}

static gan_tensor *information_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_mutual_information(t, user, xs[0], xs[1], NULL, NULL);
}

static void derivatives(void **state) {
    (void)state;
    gan_tensor *codes = uniform(gan_shape_2d(3, 5), 0);
    gan_loss *loss = information(GAN_ENTROPY_UNIT_GAUSSIAN);
    assert_int_equal(gan_loss_add_categorical(loss, 3), GAN_OK);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
    assert_int_equal(gan_loss_add_uniform(loss, 1, 0.5), GAN_OK);
    gan_tensor *both[2] = {uniform(gan_shape_2d(3, 6), 8), codes};
    assert_true(gradcheck(context, "information", information_of, loss, both, 2, 1e-9));
    assert_true(gradgradcheck(context, "information", information_of, loss, both, 2, 1e-8));
    gan_loss_release(loss);
    gan_tensor_release(both[0]);
    gan_tensor_release(codes);
}

static void refused_options(void **state) {
    (void)state;
    gan_loss *loss = (gan_loss *)(uintptr_t)1;
#define REFUSED(STATUS, MEMBER, VALUE)                                                                                 \
    do {                                                                                                               \
        gan_loss_mutual_information_options o;                                                                         \
        gan_loss_mutual_information_options_init(&o);                                                                  \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_mutual_information_create(&loss, context, &o), STATUS);                              \
        assert_null(loss);                                                                                             \
    } while (0)
    REFUSED(GAN_E_ARGUMENT, categorical_weight, -1);
    REFUSED(GAN_E_ARGUMENT, continuous_weight, INFINITY);
    REFUSED(GAN_E_ARGUMENT, log_sigma_low, 3);
    REFUSED(GAN_E_ARGUMENT, log_sigma_high, NAN);
    REFUSED(GAN_E_ARGUMENT, log_sigma_high, INFINITY);
    REFUSED(GAN_E_ARGUMENT, entropy, 2);
    REFUSED(GAN_E_UNSUPPORTED, reserved, 1);
    assert_int_equal(gan_loss_mutual_information_create(&loss, NULL, NULL), GAN_E_ARGUMENT);
}

static void refused_codes(void **state) {
    (void)state;
    gan_loss *loss = information(GAN_ENTROPY_EXACT), *bce;
    assert_int_equal(gan_loss_bce_create(&bce, context, NULL), GAN_OK);
    gan_tensor *q = uniform(gan_shape_2d(4, 3), 1), *codes = uniform(gan_shape_2d(4, 3), 2),
               *more = uniform(gan_shape_2d(5, 3), 3), *empty = uniform(gan_shape_2d(0, 3), 4), *bound = NULL,
               *bounds = NULL;
    gan_loss_mutual_information(tape, loss, q, codes, &bound, &bounds);
    assert_true(gan_tensor_dtype(bound) == 0 && gan_tensor_dtype(bounds) == 0);
    expect(GAN_E_ARGUMENT, "the loss has no codes");
    gan_loss_sample_codes(tape, loss, GAN_F32, 4);
    expect(GAN_E_ARGUMENT, "the loss has no codes");
    static const int64_t few[3] = {0, 1, -5};
    for (int i = 0; i < 3; i++) assert_int_equal(gan_loss_add_categorical(loss, few[i]), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "2 or more"));
    assert_int_equal(gan_loss_add_gaussian(loss, 0, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, -2), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "GAN_SIGMA_LEARNED"));
    assert_int_equal(gan_loss_add_uniform(loss, 1, NAN), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_uniform(loss, INT64_MAX, 1), GAN_E_LIMIT);
    assert_int_equal(gan_loss_add_uniform(NULL, 1, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_categorical(bce, 3), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_code_width(loss), 0);
    assert_int_equal(gan_loss_code_width(bce), 0);
    assert_int_equal(gan_loss_posterior_width(NULL), 0);
    assert_int_equal(gan_loss_add_categorical(loss, 3), GAN_OK);
    gan_loss_mutual_information(tape, loss, q, codes, NULL, NULL);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_loss_mutual_information(tape, loss, q, more, NULL, NULL);
    expect(GAN_E_SHAPE, "Q's output is of shape 4x3; the codes of the loss need 5 x 3");
    gan_loss_mutual_information(tape, loss, empty, empty, NULL, NULL);
    expect(GAN_E_SHAPE, "no elements");
    gan_loss_mutual_information(tape, bce, q, codes, NULL, NULL);
    expect(GAN_E_ARGUMENT, "mutual information loss is needed");
    gan_loss_mutual_information(tape, loss, NULL, codes, NULL, NULL);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_loss_sample_codes(tape, loss, GAN_I32, 4);
    expect(GAN_E_DTYPE, "f32 or f64");
    gan_loss_sample_codes(tape, loss, GAN_F32, -1);
    expect(GAN_E_SHAPE, "-1 x 3");
    assert_int_equal(gan_loss_add_gaussian(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
    gan_loss_mutual_information(tape, loss, q, q, NULL, NULL);
    expect(GAN_E_SHAPE, "codes are of shape 4x3; the codes of the loss need 4 x 4");
    for (int i = 2; i < 64; i++) assert_int_equal(gan_loss_add_uniform(loss, 1, 1), GAN_OK);
    assert_int_equal(gan_loss_add_uniform(loss, 1, 1), GAN_E_LIMIT);
    /* as many as there can be */
    gan_tensor *drawn = gan_loss_sample_codes(tape, loss, GAN_F64, 2),
               *posterior = gan_full(tape, GAN_F64, gan_shape_2d(2, gan_loss_posterior_width(loss)), 0);
    gan_loss_mutual_information(tape, loss, posterior, drawn, &bound, &bounds);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_int_equal(gan_tensor_count(bounds), 64);
    gan_tensor_release(q);
    gan_tensor_release(codes);
    gan_tensor_release(more);
    gan_tensor_release(empty);
    gan_loss_release(loss);
    gan_loss_release(bce);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(categorical_bound), TEST(continuous_bound), TEST(learned_sigma), TEST(sampled_codes),
        TEST(derivatives),       TEST(refused_options),  TEST(refused_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
