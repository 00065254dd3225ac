/* Gradients of gradients through whole networks: penalties on the discriminator's input gradient, against an oracle
 * that needs first-order code only. With u = dP/dg held fixed (g = dD/dx), the weight gradient of a penalty P(g) is the
 * directional derivative of D's weight gradient along u: a central difference in x. And: transposed convolution is the
 * adjoint of convolution. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "gradcheck.h"
#include "host.h"

enum { BATCH = 4, MAX_PARAMETERS = 16 };

static gan_context *context;
static gan_tape *tape;

static int open_tape(void **state) {
    (void)state;
    context = host_context(2);
    return gan_tape_create(&tape, context) == GAN_OK ? 0 : -1;
}
static int close_tape(void **state) {
    (void)state;
    gan_tape_release(tape);
    gan_context_release(context);
    return 0;
}

/* norm: batch normalisation and tanh in the net as well. */
static gan_layer *make_net(int norm) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(2, 8, 8));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_conv2d(b, 5, 4, 2, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv2d(b, 6, 3, 2, 1, NULL);
    if (norm) gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    if (norm) gan_add_conv_transpose2d(b, 4, 4, 2, 1, NULL);
    if (norm) gan_add_tanh(b);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *net = NULL;
    assert_int_equal(gan_builder_end(&net, b), GAN_OK);
    return net;
}

static int32_t parameters(gan_layer *net, gan_tensor **out) {
    int32_t count = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(net); i++)
        if (gan_layer_tensor_is_parameter(net, i)) out[count++] = gan_layer_tensor(net, i);
    assert_true(count <= MAX_PARAMETERS);
    return count;
}

enum { R1, WGAN_GP };

static gan_tensor *norms(gan_tensor *g) { return gan_sqrt(tape, gan_sum_axes(tape, gan_square(tape, g), 0xEu, 0)); }

static gan_tensor *penalty_of(int kind, gan_tensor *g) {
    if (kind == R1) return gan_scale(tape, gan_sum(tape, gan_square(tape, g)), 0.5);
    return gan_mean(tape, gan_square(tape, gan_add_scalar(tape, norms(g), -1)));
}

/* D's weight gradients at x, by first-order code. */
static void weight_gradients(gan_layer *net, gan_tensor *x, double sign, double **sums) {
    gan_tensor *ps[MAX_PARAMETERS], *gs[MAX_PARAMETERS];
    int32_t count = parameters(net, ps);
    gan_tape_reset(tape);
    gan_gradients(tape, gan_layer_forward(tape, net, x), NULL, ps, count, 0, gs);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    for (int32_t i = 0; i < count; i++)
        for (int64_t k = 0; k < gan_tensor_count(gs[i]); k++) sums[i][k] += sign * gan_tensor_item(gs[i], k);
}

static void check_penalty(int kind, int norm) {
    gan_layer *net = make_net(norm);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(BATCH, 2, 8, 8), -1, 1, 7), *moved, *u;
    gan_tensor *ps[MAX_PARAMETERS], *gs[MAX_PARAMETERS];
    int32_t count = parameters(net, ps);
    assert_int_equal(gan_tensor_clone(&moved, x), GAN_OK);

    /* u = dP/dg, with g a plain tensor */
    gan_tape_reset(tape);
    gan_tensor *w = gan_watch(tape, x);
    gan_tensor *g = gan_watch(tape, gan_detach(tape, gan_gradient(tape, gan_layer_forward(tape, net, w), w, 0)));
    assert_int_equal(gan_tensor_clone(&u, gan_gradient(tape, penalty_of(kind, g), g, 0)), GAN_OK);
    int64_t n = gan_tensor_count(u);
    double *values = compare_read(u), *base = compare_read(x), *expected[MAX_PARAMETERS],
           size = compare_norm(values, n);
    assert_true(size > 0);

    /* (8 (W(+h) - W(-h)) - (W(+2h) - W(-2h))) / 12h, along u / |u|: steps so small that no unit crosses its kink */
    const double h = 2e-4, at[4] = {1, -1, 2, -2}, factor[4] = {8, -8, -1, 1};
    for (int32_t i = 0; i < count; i++) expected[i] = calloc((size_t)gan_tensor_count(ps[i]), sizeof(double));
    for (int k = 0; k < 4; k++) {
        double *data = gan_tensor_data(moved);
        for (int64_t i = 0; i < n; i++) data[i] = base[i] + at[k] * h * values[i] / size;
        weight_gradients(net, moved, factor[k] * size / (12 * h), expected);
    }

    gan_tape_reset(tape);
    w = gan_watch(tape, x);
    g = gan_gradient(tape, gan_layer_forward(tape, net, w), w, GAN_GRAD_DIFFERENTIABLE);
    gan_gradients(tape, penalty_of(kind, g), NULL, ps, count, 0, gs);
    if (gan_tape_status(tape) != GAN_OK) fprintf(stderr, "%s\n", gan_tape_error(tape));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    double total = 0;
    for (int32_t i = 0; i < count; i++) total += pow(compare_norm(expected[i], gan_tensor_count(ps[i])), 2);
    for (int32_t i = 0; i < count; i++) {
        double *actual = compare_read(gs[i]);
        char name[80];
        snprintf(name, sizeof name, "%s, %s, parameter %d", kind == R1 ? "R1" : "WGAN-GP",
                 norm ? "with normalisation" : "plain", (int)i);
        assert_true(compare_values(name, actual, expected[i], gan_tensor_count(ps[i]), 1e-7, 1e-2 * sqrt(total)));
        free(actual);
        free(expected[i]);
    }
    free(values);
    free(base);
    gan_tensor_release(u);
    gan_tensor_release(x);
    gan_tensor_release(moved);
    gan_layer_release(net);
}

static void r1(void **state) {
    (void)state;
    check_penalty(R1, 0);
    check_penalty(R1, 1);
}
static void wgan_gp(void **state) {
    (void)state;
    check_penalty(WGAN_GP, 0);
    check_penalty(WGAN_GP, 1);
}

/* The penalty as a function of the image, to second order: three derivatives in all. */
static gan_tensor *penalty_function(gan_tape *t, gan_tensor *const *xs, void *user) {
    gan_tensor *x = xs[0], *g;
    gan_gradients(t, gan_layer_forward(t, user, x), NULL, &x, 1, GAN_GRAD_DIFFERENTIABLE, &g);
    return gan_sum(t, gan_square(t, g));
}
static void third_order(void **state) {
    (void)state;
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(1, 4, 4));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_tanh(b);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    gan_add_sigmoid(b);
    gan_layer *net = NULL;
    assert_int_equal(gan_builder_end(&net, b), GAN_OK);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(2, 1, 4, 4), -1, 1, 7);
    assert_true(gradcheck(context, "penalty", penalty_function, net, &x, 1, 1e-7));
    assert_true(gradgradcheck(context, "penalty", penalty_function, net, &x, 1, 1e-7));
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* WGAN-GP on a linear critic: everything is known. D(x) = a x: g = a, P = (|a| - 1)^2, dP/da = 2 (|a| - 1) a / |a|. */
static void linear_critic(void **state) {
    (void)state;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(6));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, 1, NULL);
    gan_layer *net = NULL;
    assert_int_equal(gan_builder_end(&net, b), GAN_OK);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_2d(3, 6), -1, 1, 7),
               *weight = gan_layer_find(net, "0.weight");
    gan_tensor *w = gan_watch(tape, x),
               *g = gan_gradient(tape, gan_layer_forward(tape, net, w), w, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *norm = gan_sqrt(tape, gan_sum_axes(tape, gan_square(tape, g), 2u, 0));
    gan_tensor *penalty = gan_mean(tape, gan_square(tape, gan_add_scalar(tape, norm, -1))),
               *ps[2] = {weight, gan_layer_find(net, "0.bias")}, *gs[2];
    gan_gradients(tape, penalty, NULL, ps, 2, 0, gs);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    double *a = compare_read(weight), size = compare_norm(a, 6);
    for (int64_t i = 0; i < 6; i++)
        assert_true(compare_number("slope", gan_tensor_item(gs[0], i), 2 * (size - 1) * a[i] / size, 1e-13));
    assert_true(gan_tensor_item(gs[1], 0) == 0); /* the bias does not matter to the slope */
    free(a);
    gan_tensor_release(x);
    gan_layer_release(net);
}

static double inner(const gan_tensor *a, const gan_tensor *b, double *size) {
    double sum = 0;
    *size = 0;
    for (int64_t i = 0; i < gan_tensor_count(a); i++) {
        double term = gan_tensor_item(a, i) * gan_tensor_item(b, i);
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* O13: <conv(x; w), y> = <x, convT(y; w)> with the same weight, in both precisions. */
static void o13_adjoint(void **state) {
    (void)state;
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F64 : GAN_F32;
        double epsilon = type == 0 ? DBL_EPSILON : (double)FLT_EPSILON;
        for (int64_t kernel = 1; kernel <= 5; kernel++)
            for (int64_t stride = 1; stride <= 3; stride++)
                for (int64_t padding = 0; padding <= kernel / 2; padding++)
                    for (int64_t size = 7; size <= 9; size++) {
                        gan_tape_reset(tape);
                        gan_tensor *x = host_uniform(context, dtype, gan_shape_4d(2, 3, size, size), -1, 1, 1);
                        gan_tensor *w = host_uniform(context, dtype, gan_shape_4d(4, 3, kernel, kernel), -1, 1, 2);
                        gan_tensor *cx = gan_conv2d(tape, x, w, NULL, stride, padding, NULL);
                        gan_tensor *y = host_uniform(context, dtype, gan_tensor_shape(cx), -1, 1, 3);
                        gan_conv_options o;
                        gan_conv_options_init(&o);
                        o.output_padding = (size + 2 * padding - kernel) % stride; /* rows that no window covers */
                        gan_tensor *cy = gan_conv_transpose2d(tape, y, w, NULL, stride, padding, &o);
                        assert_int_equal(gan_tape_status(tape), GAN_OK);
                        assert_true(gan_shape_equal(gan_tensor_shape(cy), gan_tensor_shape(x)));
                        double left_size, right_size, left = inner(cx, y, &left_size),
                                                      right = inner(x, cy, &right_size);
                        assert_true(fabs(left - right) <= 16 * epsilon * (left_size + right_size));
                        gan_tensor_release(x);
                        gan_tensor_release(y);
                        gan_tensor_release(w);
                    }
    }
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {TEST(r1), TEST(wgan_gp), TEST(third_order), TEST(linear_critic),
                                       TEST(o13_adjoint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
