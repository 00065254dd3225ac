/* What pooling and interpolation promise beyond their sweep: which of equal values is the largest, values that are no
 * numbers, PyTorch's numbers, sums that follow the maps and not the threads, and what they refuse. */
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
#include "host.h"
#include "tape_fixture.h"

static int open_with_three_threads(void **state) {
    (void)state;
    return open_tape_on(3);
}

static void check(const char *name, const gan_tensor *actual, const double *expected, double tolerance) {
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    double *values = compare_read(actual);
    assert_true(compare_abs(name, values, expected, gan_tensor_count(actual), tolerance));
    free(values);
}

/* The first of equal values gets the gradient; several windows add to it. */
static void equal_values(void **state) {
    (void)state;
    static const double x[12] = {1, 7, 7, 2, 7, 7, 0, 0, -3, -3, -3, -3};
    static const double y[6] = {7, 7, 7, 7, 7, 0}, g[12] = {0, 5, 1, 0, 4, 5, 6, 0, 0, 0, 0, 0};
    static const double seed[6] = {2, 3, 1, 4, 5, 6};
    gan_tensor *input = host_tensor(context, GAN_F64, gan_shape_4d(1, 1, 3, 4), x);
    gan_tensor *weights = host_tensor(context, GAN_F64, gan_shape_4d(1, 1, 2, 3), seed), *gradient;
    gan_tensor *watched = gan_watch(tape, input), *pooled = gan_max_pool2d(tape, watched, 2, 1, 0);
    check("largest", pooled, y, 0);
    gan_gradients(tape, pooled, weights, &watched, 1, 0, &gradient);
    check("gradient", gradient, g, 0);
    gan_tensor_release(input);
    gan_tensor_release(weights);
}

/* Padding is below every value; a NaN comes through, infinities are values. */
static void special_values(void **state) {
    (void)state;
    static const double x[9] = {-5, -INFINITY, -2, -4, -INFINITY, NAN, -9, -INFINITY, INFINITY};
    gan_tensor *input = host_tensor(context, GAN_F32, gan_shape_4d(1, 1, 3, 3), x);
    gan_tensor *y = gan_max_pool2d(tape, input, 2, 2, 1);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_tensor_item(y, 0) == -5 && gan_tensor_item(y, 1) == -2 && gan_tensor_item(y, 2) == -4);
    assert_true(isnan(gan_tensor_item(y, 3)));
    gan_tensor *watched = gan_watch(tape, input);
    y = gan_max_pool2d(tape, watched, 1, 1, 0);
    assert_true(gan_tensor_item(y, 1) == -INFINITY && gan_tensor_item(y, 8) == INFINITY);
    y = gan_max_pool2d(tape, gan_slice(tape, watched, 3, 1, 1), 1, 1, 0); /* nothing but -infinity */
    assert_true(gan_tensor_item(y, 0) == -INFINITY);
    gan_tensor *g = gan_gradient(tape, y, watched, 0);
    assert_true(gan_tensor_item(g, 1) == 1 && gan_tensor_item(g, 0) == 0);
    y = gan_avg_pool2d(tape, input, 2, 2, 1);
    assert_true(gan_tensor_item(y, 0) == -1.25); /* three zeros */
    /* neighbours that an interpolated pixel does not use leave no trace */
    for (int mode = GAN_NEAREST; mode <= GAN_BILINEAR_CORNERS; mode++) {
        y = gan_interpolate2d(tape, input, 3, 3, mode);
        assert_true(gan_tensor_item(y, 0) == -5 && gan_tensor_item(y, 1) == -INFINITY && isnan(gan_tensor_item(y, 5)));
        assert_true(gan_tensor_item(y, 8) == INFINITY);
    }
    gan_tensor_release(input);
}

/* torch.nn.functional.interpolate on [[1, 2, 4], [8, 16, 32]] */
static void numbers_of_pytorch(void **state) {
    (void)state;
    static const double x[6] = {1, 2, 4, 8, 16, 32};
    static const double nearest[12] = {1, 1, 2, 4, 1, 1, 2, 4, 8, 8, 16, 32};
    static const double bilinear[12] = {
        1, 1.625, 2.75, 4, 4.5, 7.312499999999999, 12.374999999999998, 17.999999999999996, 8, 13, 22, 32};
    static const double corners[12] = {1, 1.6666666666666665, 2.6666666666666665, 4, 4.5, 7.5, 12, 18,
                                       8, 13.333333333333332, 21.333333333333332, 32};
    static const double down[2] = {5.625, 15.75};
    static const double corners_down[2] = {1, 4};
    gan_tensor *input = host_tensor(context, GAN_F64, gan_shape_4d(1, 1, 2, 3), x);
    check("nearest", gan_interpolate2d(tape, input, 3, 4, GAN_NEAREST), nearest, 0);
    check("bilinear", gan_interpolate2d(tape, input, 3, 4, GAN_BILINEAR), bilinear, 1e-14);
    check("corners", gan_interpolate2d(tape, input, 3, 4, GAN_BILINEAR_CORNERS), corners, 1e-14);
    check("bilinear down", gan_interpolate2d(tape, input, 1, 2, GAN_BILINEAR), down, 1e-14);
    check("corners down", gan_interpolate2d(tape, input, 1, 2, GAN_BILINEAR_CORNERS), corners_down, 1e-14);
    gan_tensor_release(input);
    /* a product in single precision: pixel 41 of 82 is the first half's */
    gan_tensor *pair = host_tensor(context, GAN_F64, gan_shape_4d(1, 1, 1, 2), x);
    gan_tensor *wide = gan_interpolate2d(tape, pair, 1, 82, GAN_NEAREST);
    assert_true(gan_tensor_item(wide, 40) == 1 && gan_tensor_item(wide, 41) == 1 && gan_tensor_item(wide, 42) == 2);
    gan_tensor_release(pair);
}

static gan_tensor *apply(gan_tape *t, gan_tensor *x, int which) {
    if (which == 0) return gan_avg_pool2d(t, x, 3, 2, 1);
    if (which == 1) return gan_max_pool2d(t, x, 3, 2, 1);
    return gan_interpolate2d(t, x, 47, 20, which - 2);
}

/* A batch that is shared out among threads, against its items one at a time on one thread. */
static void same_bits_on_any_threads(void **state) {
    (void)state;
    gan_context *one = host_context(1);
    gan_tape *other;
    assert_int_equal(gan_tape_create(&other, one), GAN_OK);
    gan_shape shape = gan_shape_4d(20, 21, 30, 31);
    gan_tensor *x = host_uniform(context, GAN_F32, shape, -1, 1, 1), *z = host_uniform(one, GAN_F32, shape, -1, 1, 1);
    for (int which = 0; which < 5; which++) {
        gan_tensor *w = gan_watch(tape, x), *y = apply(tape, w, which);
        gan_tensor *g = gan_gradient(tape, gan_sum(tape, gan_square(tape, y)), w, 0);
        for (int64_t i = 0; i < 20; i += 3) {
            gan_tensor *item = gan_watch(other, gan_slice(other, z, 0, i, 1)), *single = apply(other, item, which);
            gan_tensor *slope = gan_gradient(other, gan_sum(other, gan_square(other, single)), item, 0);
            assert_int_equal(gan_tape_status(tape), GAN_OK);
            assert_int_equal(gan_tape_status(other), GAN_OK);
            assert_true(compare_same_bits("result", gan_slice(tape, y, 0, i, 1), single));
            assert_true(compare_same_bits("gradient", gan_slice(tape, g, 0, i, 1), slope));
        }
    }
    gan_tensor_release(x);
    gan_tensor_release(z);
    gan_tape_release(other);
    gan_context_release(one);
}

/* A penalty on the gradient of a network with both, then its own step: the places outlive the first walk. */
static void gradients_after_gradients(void **state) {
    (void)state;
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(2, 1, 6, 6), -1, 1, 1);
    gan_tensor *w = gan_watch(tape, x);
    gan_tensor *y = gan_max_pool2d(tape, gan_interpolate2d(tape, gan_square(tape, w), 9, 9, GAN_BILINEAR), 3, 2, 1);
    gan_tensor *loss = gan_sum(tape, gan_square(tape, y));
    gan_tensor *g = gan_gradient(tape, loss, w, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *second = gan_gradient(tape, gan_add(tape, gan_sum(tape, gan_square(tape, g)), loss), w, 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_shape_equal(gan_tensor_shape(second), gan_tensor_shape(x)));
    gan_tensor_release(x);
}

static void refused(gan_status status, const gan_tensor *result, const char *words) {
    assert_int_equal(gan_tensor_dtype(result), 0);
    assert_int_equal(gan_tape_status(tape), status);
    if (strstr(gan_tape_error(tape), words) == NULL) fail_msg("%s", gan_tape_error(tape));
    gan_tape_reset(tape);
}

static void refusals(void **state) {
    (void)state;
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(2, 3, 5, 6), 0, 1, 1), *bytes;
    gan_tensor *flat = host_uniform(context, GAN_F64, gan_shape_2d(3, 4), 0, 1, 1);
    gan_tensor *none = host_uniform(context, GAN_F64, gan_shape_4d(2, 0, 5, 6), 0, 1, 1);
    gan_tensor *vast = host_uniform(context, GAN_F64, gan_shape_4d(0, 1, 65536, 65536), 0, 1, 1);
    gan_tensor *long_one = host_uniform(context, GAN_F64, gan_shape_4d(0, 1, 1, ((int64_t)1 << 31) + 1), 0, 1, 1);
    assert_int_equal(gan_tensor_create(&bytes, context, GAN_U8, gan_shape_4d(1, 1, 2, 2)), GAN_OK);
    gan_tensor *(*const pools[])(gan_tape *, gan_tensor *, int64_t, int64_t, int64_t) = {gan_avg_pool2d,
                                                                                         gan_max_pool2d};
    for (int i = 0; i < 2; i++) {
        refused(GAN_E_ARGUMENT, pools[i](tape, NULL, 2, 2, 0), i == 0 ? "avg_pool2d" : "max_pool2d");
        refused(GAN_E_DTYPE, pools[i](tape, bytes, 2, 2, 0), "f32");
        refused(GAN_E_SHAPE, pools[i](tape, flat, 2, 2, 0), "3x4");
        refused(GAN_E_SHAPE, pools[i](tape, none, 2, 2, 0), "2x0x5x6");
        refused(GAN_E_ARGUMENT, pools[i](tape, x, 0, 2, 0), "kernel");
        refused(GAN_E_ARGUMENT, pools[i](tape, x, 32769, 2, 0), "kernel");
        refused(GAN_E_ARGUMENT, pools[i](tape, x, 2, 0, 0), "stride");
        refused(GAN_E_ARGUMENT, pools[i](tape, x, 2, INT64_MAX, 0), "stride");
        refused(GAN_E_ARGUMENT, pools[i](tape, x, 2, 2, -1), "padding");
        refused(GAN_E_ARGUMENT, pools[i](tape, x, 3, 2, 2), "half the kernel");
        refused(GAN_E_SHAPE, pools[i](tape, x, 6, 2, 0), "5x6");
        refused(GAN_E_LIMIT, pools[i](tape, long_one, 1, 1, 0), "too large");
    }
    refused(GAN_E_LIMIT, gan_max_pool2d(tape, vast, 2, 2, 0), "too many values");
    assert_int_equal(gan_tensor_count(gan_avg_pool2d(tape, vast, 2, 2, 0)), 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    refused(GAN_E_ARGUMENT, gan_interpolate2d(tape, NULL, 2, 2, GAN_NEAREST), "interpolate2d");
    refused(GAN_E_DTYPE, gan_interpolate2d(tape, bytes, 2, 2, GAN_NEAREST), "f32");
    refused(GAN_E_SHAPE, gan_interpolate2d(tape, flat, 2, 2, GAN_NEAREST), "3x4");
    refused(GAN_E_SHAPE, gan_interpolate2d(tape, none, 2, 2, GAN_NEAREST), "2x0x5x6");
    refused(GAN_E_ARGUMENT, gan_interpolate2d(tape, x, 0, 2, GAN_NEAREST), "0x2");
    refused(GAN_E_ARGUMENT, gan_interpolate2d(tape, x, 2, -1, GAN_NEAREST), "2x-1");
    refused(GAN_E_ARGUMENT, gan_interpolate2d(tape, x, 2, 2, 3), "mode");
    refused(GAN_E_ARGUMENT, gan_interpolate2d(tape, x, 2, 2, -1), "mode");
    refused(GAN_E_LIMIT, gan_interpolate2d(tape, x, INT64_MAX, 2, GAN_BILINEAR), "too large");
    refused(GAN_E_LIMIT, gan_interpolate2d(tape, long_one, 2, 2, GAN_BILINEAR), "too large");
    gan_tensor *all[] = {x, bytes, flat, none, vast, long_one};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gan_tensor_release(all[i]);
}

/* Each allocation fails in turn: the tape says so, and nothing is lost. */
static void without_memory(void **state) {
    (void)state;
    for (long long fail_at = 0, done = 0; !done; fail_at++) {
        host_memory memory = {.fail_at = 0};
        gan_context *small = host_context_with(1, 0, 0, &memory);
        gan_tape *t;
        gan_tensor *x = host_uniform(small, GAN_F64, gan_shape_4d(2, 3, 40, 40), -1, 1, 1);
        assert_int_equal(gan_tape_create(&t, small), GAN_OK);
        memory.fail_at = memory.calls + 1 + fail_at;
        gan_tensor *w = gan_watch(t, x), *g;
        gan_tensor *y = gan_max_pool2d(t, gan_interpolate2d(t, w, 90, 90, GAN_BILINEAR), 3, 2, 1);
        g = gan_gradient(t, gan_sum(t, gan_avg_pool2d(t, y, 2, 2, 0)), w, 0);
        done = gan_tape_status(t) == GAN_OK;
        assert_true(done || gan_tape_status(t) == GAN_E_MEMORY);
        assert_int_equal(gan_tensor_dtype(g), done ? GAN_F64 : 0);
        memory.fail_at = 0;
        gan_tensor_release(x);
        gan_tape_release(t);
        gan_context_release(small);
        assert_true(memory.blocks == 0 && memory.bytes == 0);
    }
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_with_three_threads, close_tape)
    const struct CMUnitTest tests[] = {TEST(equal_values),
                                       TEST(special_values),
                                       TEST(numbers_of_pytorch),
                                       TEST(same_bits_on_any_threads),
                                       TEST(gradients_after_gradients),
                                       TEST(refusals),
                                       TEST(without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
