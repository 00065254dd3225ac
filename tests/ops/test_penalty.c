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
#include "tape_fixture.h"

enum { BATCH = 4, MAX_PARAMETERS = 16 };

static int open_with_two_threads(void **state) {
    (void)state;
    return open_tape_on(2);
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

/* A critic: a network, or a formula in weights of its own. `weights` are what gradients are taken for after a forward:
 * a network's parameters, or what the formula watched. */
typedef struct critic {
    const char *name;
    gan_layer *net;
    gan_tensor *(*activation)(gan_tensor *x);
    int32_t count;
    gan_tensor *parameters[MAX_PARAMETERS], *weights[MAX_PARAMETERS];
} critic;

static critic network(const char *name, gan_layer *net) {
    critic c = {.name = name, .net = net};
    for (int32_t i = 0; i < gan_layer_tensor_count(net); i++)
        if (gan_layer_tensor_is_parameter(net, i)) {
            assert_true(c.count < MAX_PARAMETERS);
            c.weights[c.count] = c.parameters[c.count] = gan_layer_tensor(net, i);
            c.count++;
        }
    return c;
}

/* Two hidden layers of an activation: 6 -> 8 -> 4 -> 1. (What halves the units gives 6 -> 4 -> 2 -> 1.) */
static critic formula(const char *name, gan_tensor *(*activation)(gan_tensor *), int halves) {
    critic c = {.name = name, .activation = activation, .count = 5};
    int64_t first = halves ? 4 : 8, second = halves ? 2 : 4;
    const gan_shape shapes[] = {gan_shape_2d(8, 6), gan_shape_1d(8), gan_shape_2d(4, first), gan_shape_1d(4),
                                gan_shape_2d(1, second)};
    for (int32_t i = 0; i < c.count; i++)
        c.parameters[i] = host_uniform(context, GAN_F64, shapes[i], -1, 1, 20 + (uint64_t)i);
    return c;
}
static void end_critic(critic *c) {
    for (int32_t i = 0; c->net == NULL && i < c->count; i++) gan_tensor_release(c->parameters[i]);
    gan_layer_release(c->net);
}

static gan_tensor *judge(critic *c, gan_tensor *x) {
    if (c->net != NULL) return gan_layer_forward(tape, c->net, x);
    gan_tensor **w = c->weights;
    for (int32_t i = 0; i < c->count; i++) w[i] = gan_watch(tape, c->parameters[i]);
    gan_tensor *h = c->activation(gan_linear(tape, x, w[0], w[1]));
    return gan_linear(tape, c->activation(gan_linear(tape, h, w[2], w[3])), w[4], NULL);
}

enum { R1, WGAN_GP };

/* of each item's gradient */
static gan_tensor *norms(gan_tensor *g) {
    uint32_t axes = ((1u << gan_tensor_shape(g).rank) - 1u) & ~1u;
    return gan_sqrt(tape, gan_sum_axes(tape, gan_square(tape, g), axes, 0));
}

static gan_tensor *penalty_of(int kind, gan_tensor *g) {
    if (kind == R1) return gan_scale(tape, gan_sum(tape, gan_square(tape, g)), 0.5);
    return gan_mean(tape, gan_square(tape, gan_add_scalar(tape, norms(g), -1)));
}

/* D's weight gradients at x, by first-order code. */
static void weight_gradients(critic *c, gan_tensor *x, double sign, double **sums) {
    gan_tensor *gs[MAX_PARAMETERS];
    gan_tape_reset(tape);
    gan_tensor *y = judge(c, x);
    gan_gradients(tape, y, NULL, c->weights, c->count, 0, gs);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    for (int32_t i = 0; i < c->count; i++)
        for (int64_t k = 0; k < gan_tensor_count(gs[i]); k++) sums[i][k] += sign * gan_tensor_item(gs[i], k);
}

static void check_penalty(int kind, critic *c, gan_shape shape) {
    gan_tensor *x = host_uniform(context, GAN_F64, shape, -1, 1, 7), *moved, *u, *gs[MAX_PARAMETERS];
    int32_t count = c->count;
    assert_int_equal(gan_tensor_clone(&moved, x), GAN_OK);

    /* u = dP/dg, with g a plain tensor */
    gan_tape_reset(tape);
    gan_tensor *w = gan_watch(tape, x);
    gan_tensor *g = gan_watch(tape, gan_detach(tape, gan_gradient(tape, judge(c, w), w, 0)));
    assert_int_equal(gan_tensor_clone(&u, gan_gradient(tape, penalty_of(kind, g), g, 0)), GAN_OK);
    int64_t n = gan_tensor_count(u);
    double *values = compare_read(u), *base = compare_read(x), *expected[MAX_PARAMETERS],
           size = compare_norm(values, n);
    assert_true(size > 0);

    /* (8 (W(+h) - W(-h)) - (W(+2h) - W(-2h))) / 12h, along u / |u|: steps so small that no unit crosses its kink */
    const double h = 2e-4, at[4] = {1, -1, 2, -2}, factor[4] = {8, -8, -1, 1};
    for (int32_t i = 0; i < count; i++)
        expected[i] = calloc((size_t)gan_tensor_count(c->parameters[i]), sizeof(double));
    for (int k = 0; k < 4; k++) {
        double *data = gan_tensor_data(moved);
        for (int64_t i = 0; i < n; i++) data[i] = base[i] + at[k] * h * values[i] / size;
        weight_gradients(c, moved, factor[k] * size / (12 * h), expected);
    }

    gan_tape_reset(tape);
    w = gan_watch(tape, x);
    g = gan_gradient(tape, judge(c, w), w, GAN_GRAD_DIFFERENTIABLE);
    gan_gradients(tape, penalty_of(kind, g), NULL, c->weights, count, 0, gs);
    if (gan_tape_status(tape) != GAN_OK) fprintf(stderr, "%s\n", gan_tape_error(tape));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    double total = 0;
    for (int32_t i = 0; i < count; i++) total += pow(compare_norm(expected[i], gan_tensor_count(c->parameters[i])), 2);
    assert_true(total > 0);
    for (int32_t i = 0; i < count; i++) {
        double *actual = compare_read(gs[i]);
        char name[80];
        snprintf(name, sizeof name, "%s, %s, parameter %d", kind == R1 ? "R1" : "WGAN-GP", c->name, (int)i);
        assert_true(compare_values(name, actual, expected[i], gan_tensor_count(gs[i]), 1e-7, 1e-2 * sqrt(total)));
        free(actual);
        free(expected[i]);
    }
    free(values);
    free(base);
    gan_tensor_release(u);
    gan_tensor_release(x);
    gan_tensor_release(moved);
}

static void check_network(int kind, int norm) {
    critic c = network(norm ? "with normalisation" : "plain", make_net(norm));
    check_penalty(kind, &c, gan_shape_4d(BATCH, 2, 8, 8));
    end_critic(&c);
}

static void r1(void **state) {
    (void)state;
    check_network(R1, 0);
    check_network(R1, 1);
}
static void wgan_gp(void **state) {
    (void)state;
    check_network(WGAN_GP, 0);
    check_network(WGAN_GP, 1);
}

static gan_tensor *leaky_relu(gan_tensor *x) { return gan_leaky_relu(tape, x, 0.2); }
static gan_tensor *elu(gan_tensor *x) { return gan_elu(tape, x, 0.7); }
static gan_tensor *softplus(gan_tensor *x) { return gan_softplus(tape, x); }
static gan_tensor *tanh_of(gan_tensor *x) { return gan_tanh(tape, x); }
static gan_tensor *sigmoid(gan_tensor *x) { return gan_sigmoid(tape, x); }
static gan_tensor *softmax(gan_tensor *x) { return gan_softmax(tape, x, 1); }
static gan_tensor *log_softmax(gan_tensor *x) { return gan_log_softmax(tape, x, 1); }
static gan_tensor *swish(gan_tensor *x) { return gan_mul(tape, x, gan_sigmoid(tape, x)); }
/* the largest of each two units */
static gan_tensor *maxout(gan_tensor *x) {
    gan_shape s = gan_tensor_shape(x);
    return gan_max_axis(tape, gan_reshape(tape, x, gan_shape_3d(s.size[0], s.size[1] / 2, 2)), 2, 0);
}
static gan_tensor *larger_half(gan_tensor *x) {
    int64_t half = gan_tensor_shape(x).size[1] / 2;
    return gan_maximum(tape, gan_slice(tape, x, 1, 0, half), gan_square(tape, gan_slice(tape, x, 1, half, half)));
}
/* units as places of two channels: softmax(x x^T) x, item by item */
static gan_tensor *attention(gan_tensor *x) {
    gan_shape s = gan_tensor_shape(x);
    gan_tensor *places = gan_reshape(tape, x, gan_shape_3d(s.size[0], s.size[1] / 2, 2));
    gan_tensor *weights = gan_softmax(tape, gan_matmul(tape, places, places, 0, 1), 2);
    return gan_reshape(tape, gan_matmul(tape, weights, places, 0, 0), s);
}
/* a window of three units, beyond the ends mirrored */
static gan_tensor *neighbours(gan_tensor *x) {
    int64_t n = gan_tensor_shape(x).size[1];
    gan_tensor *wide = gan_pad(tape, gan_tanh(tape, x), 1, 1, 1, GAN_PAD_REFLECT);
    return gan_mul(tape, gan_slice(tape, wide, 1, 0, n), gan_slice(tape, wide, 1, 2, n));
}

static void activations(void **state) {
    (void)state;
    static const struct {
        const char *name;
        gan_tensor *(*apply)(gan_tensor *x);
        int halves;
    } all[] = {{"leaky_relu", leaky_relu, 0},   {"elu", elu, 0},
               {"softplus", softplus, 0},       {"tanh", tanh_of, 0},
               {"sigmoid", sigmoid, 0},         {"softmax", softmax, 0},
               {"log_softmax", log_softmax, 0}, {"swish", swish, 0},
               {"maxout", maxout, 1},           {"maximum", larger_half, 1},
               {"attention", attention, 0},     {"reflecting", neighbours, 0}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (int kind = R1; kind <= WGAN_GP; kind++) {
            critic c = formula(all[i].name, all[i].apply, all[i].halves);
            check_penalty(kind, &c, gan_shape_2d(BATCH, 6));
            end_critic(&c);
        }
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

/* <conv(x; w), y> = <x, convT(y; w)> with the same weight, in both precisions. */
static void convolutions_are_adjoint(void **state) {
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
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_with_two_threads, close_tape)
    const struct CMUnitTest tests[] = {TEST(r1),          TEST(wgan_gp),       TEST(activations),
                                       TEST(third_order), TEST(linear_critic), TEST(convolutions_are_adjoint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
