/* Adam against its algorithm in plain double, accumulation, the all-reduce callback, failures that change nothing,
 * averages. */
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

enum { INPUTS = 5, OUTPUTS = 3, WEIGHTS = INPUTS * OUTPUTS };

static gan_context *context;
static gan_tape *tape;
static gan_layer *layer;
static gan_tensor *weight, *bias, *x;

static int open_layer(void **state) {
    (void)state;
    context = host_context(1);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(INPUTS));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, OUTPUTS, NULL);
    if (gan_builder_end(&layer, b) != GAN_OK || gan_tape_create(&tape, context) != GAN_OK) return -1;
    weight = gan_layer_find(layer, "0.weight");
    bias = gan_layer_find(layer, "0.bias");
    x = host_uniform(context, GAN_F64, gan_shape_2d(4, INPUTS), -1, 1, 1);
    return 0;
}
static int close_layer(void **state) {
    (void)state;
    gan_tensor_release(x);
    gan_tape_release(tape);
    gan_layer_release(layer);
    gan_context_release(context);
    return 0;
}

static gan_optimizer *make(double rate, double beta1, double beta2, double epsilon, double decay) {
    gan_adam_options o;
    gan_adam_options_init(&o);
    o.learning_rate = rate;
    o.beta1 = beta1;
    o.beta2 = beta2;
    o.epsilon = epsilon;
    o.weight_decay = decay;
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, &o), GAN_OK);
    return adam;
}

/* scale * sum of squares: its gradient depends on the weights, so errors would grow */
static gan_tensor *make_loss(double scale) {
    return gan_scale(tape, gan_sum(tape, gan_square(tape, gan_layer_forward(tape, layer, x))), scale);
}

/* Kingma and Ba 2015, algorithm 1, on the gradients that the tape gives. */
static void against_the_algorithm(void **state) {
    (void)state;
    static const double settings[][5] = {
        /* rate, beta1, beta2, epsilon, decay */
        {2e-4, 0.5, 0.999, 1e-8, 0}, {1e-2, 0.9, 0.99, 1e-8, 0.1}, {1e-4, 0, 0.9, 1e-8, 0},
        {1e-3, 0.5, 0, 1e-3, 0},     {0, 0.5, 0.999, 1e-8, 0},
    };
    for (int i = 0; i < 5; i++) {
        const double *s = settings[i];
        gan_optimizer *adam = make(s[0], s[1], s[2], s[3], s[4]);
        double m[WEIGHTS] = {0}, v[WEIGHTS] = {0}, *p = compare_read(weight);
        for (int t = 1; t <= 12; t++) {
            gan_tape_reset(tape);
            gan_tensor *loss = make_loss(1), *g = gan_gradient(tape, loss, weight, GAN_GRAD_RETAIN);
            for (int k = 0; k < WEIGHTS; k++) {
                double gradient = gan_tensor_item(g, k) + s[4] * p[k];
                m[k] = s[1] * m[k] + (1 - s[1]) * gradient;
                v[k] = s[2] * v[k] + (1 - s[2]) * gradient * gradient;
                p[k] -= s[0] * (m[k] / (1 - pow(s[1], t))) / (sqrt(v[k] / (1 - pow(s[2], t))) + s[3]);
            }
            assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
            assert_true(gan_optimizer_steps(adam) == t);
            double *actual = compare_read(weight);
            assert_true(compare_values("weights", actual, p, WEIGHTS, 1e-14, 0));
            memcpy(p, actual, sizeof m);
            free(actual);
        }
        free(p);
        gan_optimizer_release(adam);
    }
}

/* With a constant gradient g every step of Adam is -lr * sign(g), up to epsilon. */
static void closed_form(void **state) {
    (void)state;
    gan_optimizer *adam = make(1e-3, 0.5, 0.999, 1e-8, 0);
    double before = gan_tensor_item(bias, 1);
    for (int t = 1; t <= 50; t++) {
        gan_tape_reset(tape);
        gan_tensor *loss = gan_scale(tape, gan_sum(tape, gan_layer_forward(tape, layer, x)), 0.25); /* d/dbias = 1 */
        assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
        assert_true(compare_number("bias", gan_tensor_item(bias, 1), before - 1e-3 * t / (1 + 1e-8), 1e-13));
    }
    gan_optimizer_release(adam);
}

static void accumulation(void **state) {
    (void)state;
    gan_layer *other;
    double *expected[2];
    assert_int_equal(gan_layer_clone(&other, layer), GAN_OK);
    /* two halves, accumulated, are the whole */
    gan_optimizer *adam = make(1e-2, 0.5, 0.999, 1e-8, 0);
    for (int t = 0; t < 3; t++) {
        gan_tape_reset(tape);
        assert_int_equal(gan_optimizer_step(adam, tape, make_loss(1)), GAN_OK);
    }
    expected[0] = compare_read(weight);
    expected[1] = compare_read(bias);
    gan_optimizer_release(adam);
    for (int32_t i = 0; i < 2; i++)
        assert_int_equal(gan_tensor_copy(gan_layer_tensor(layer, i), gan_layer_tensor(other, i)), GAN_OK);
    adam = make(1e-2, 0.5, 0.999, 1e-8, 0);
    for (int t = 0; t < 3; t++) {
        gan_tape_reset(tape);
        assert_int_equal(gan_optimizer_accumulate(adam, tape, make_loss(0.5)), GAN_OK);
        assert_true(gan_optimizer_steps(adam) == t);
        assert_int_equal(gan_optimizer_accumulate(adam, tape, make_loss(0.25)), GAN_OK);
        assert_int_equal(gan_optimizer_step(adam, tape, make_loss(0.25)), GAN_OK);
    }
    double *actual = compare_read(weight);
    assert_true(compare_values("weights", actual, expected[0], WEIGHTS, 1e-13, 0));
    free(actual);
    actual = compare_read(bias);
    assert_true(compare_values("bias", actual, expected[1], OUTPUTS, 1e-13, 0));
    free(actual);
    free(expected[0]);
    free(expected[1]);
    gan_optimizer_release(adam);
    gan_layer_release(other);
}

/* Two processes that average: as one with the mean of the losses. Here: doubles the gradient, or stops, or spoils
 * it. */
typedef struct reducer {
    int64_t calls, elements;
    int32_t result;
    double factor;
} reducer;
static int32_t reduce(void *user, void *data, int64_t count, gan_dtype dtype) {
    reducer *r = user;
    r->calls++;
    r->elements += count;
    assert_int_equal(dtype, GAN_F64);
    for (int64_t i = 0; i < count; i++) ((double *)data)[i] *= r->factor;
    return r->result;
}

static void all_reduce(void **state) {
    (void)state;
    reducer r = {0, 0, 0, 2};
    gan_optimizer *adam = make(1e-2, 0.5, 0.999, 1, 0); /* epsilon 1: the update depends on the gradient's size */
    assert_int_equal(gan_optimizer_set_all_reduce(adam, reduce, &r), GAN_OK);
    gan_tensor *loss = make_loss(1);
    double g = gan_tensor_item(gan_gradient(tape, loss, bias, GAN_GRAD_RETAIN), 0), before = gan_tensor_item(bias, 0);
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
    assert_true(r.calls >= 1 && r.elements == WEIGHTS + OUTPUTS);
    assert_true(compare_number("doubled", gan_tensor_item(bias, 0), before - 1e-2 * 2 * g / (fabs(2 * g) + 1), 1e-14));
    /* a host that stops, and numbers that are none: nothing changes */
    gan_tensor *kept;
    assert_int_equal(gan_tensor_clone(&kept, weight), GAN_OK);
    r.result = 1;
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, make_loss(1)), GAN_E_CANCELLED);
    assert_true(compare_same_bits("cancelled", weight, kept));
    assert_true(gan_optimizer_steps(adam) == 1);
    r.result = 0;
    r.factor = NAN;
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, make_loss(1)), GAN_E_NUMERIC);
    assert_true(compare_same_bits("not a number", weight, kept));
    assert_int_equal(gan_optimizer_set_all_reduce(adam, NULL, NULL), GAN_OK);
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, make_loss(1)), GAN_OK);
    gan_tensor_release(kept);
    gan_optimizer_release(adam);
}

static void failures_change_nothing(void **state) {
    (void)state;
    gan_optimizer *adam = make(1e-2, 0.5, 0.999, 1e-8, 0);
    gan_tensor *kept;
    assert_int_equal(gan_tensor_clone(&kept, weight), GAN_OK);
    /* a failed tape: its status and message */
    gan_tensor *loss = gan_reshape(tape, make_loss(1), gan_shape_1d(7));
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_E_SHAPE);
    assert_non_null(strstr(gan_context_error(context), "reshape"));
    assert_int_equal(gan_optimizer_accumulate(adam, tape, loss), GAN_E_SHAPE);
    /* a loss that is not one number, or depends on nothing */
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_layer_forward(tape, layer, x)), GAN_E_SHAPE);
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_sum(tape, x)), GAN_E_ARGUMENT);
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_scale(tape, make_loss(1), INFINITY)), GAN_E_NUMERIC);
    assert_int_equal(gan_optimizer_step(NULL, tape, loss), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_step(adam, NULL, loss), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_accumulate(adam, tape, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_step(adam, tape, NULL), GAN_E_STATE);
    assert_non_null(strstr(gan_context_error(context), "no gradient was accumulated"));
    assert_true(compare_same_bits("weights", weight, kept));
    assert_true(gan_optimizer_steps(adam) == 0);
    assert_true(gan_optimizer_steps(NULL) == 0);
    gan_tensor_release(kept);
    gan_optimizer_release(adam);
    gan_optimizer_release(NULL);
}

static void settings(void **state) {
    (void)state;
    gan_adam_options o;
    gan_optimizer *adam = NULL;
#define REFUSED(MEMBER, VALUE)                                                                                         \
    do {                                                                                                               \
        gan_adam_options_init(&o);                                                                                     \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_adam_create(&adam, layer, &o), GAN_E_ARGUMENT);                                           \
        assert_null(adam);                                                                                             \
        char said[64];                                                                                                 \
        snprintf(said, sizeof said, "%s is %g", #MEMBER, (double)(VALUE));                                             \
        if (strstr(gan_context_error(context), said) == NULL)                                                          \
            fail_msg("'%s' does not say '%s'", gan_context_error(context), said);                                      \
    } while (0)
    REFUSED(learning_rate, -1);
    REFUSED(learning_rate, INFINITY);
    REFUSED(beta1, 1);
    REFUSED(beta1, -0.1);
    REFUSED(beta2, 1);
    REFUSED(beta2, NAN);
    REFUSED(epsilon, 0);
    REFUSED(epsilon_mode, -1);
    REFUSED(epsilon_mode, 3);
    REFUSED(weight_decay, -1);
    gan_adam_options_init(&o);
    o.weight_decay = -1;
    assert_int_equal(gan_adamw_create(&adam, layer, &o), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "gan_adamw_create: "));
    o.weight_decay = 0;
    o.reserved = 1;
    assert_int_equal(gan_adam_create(&adam, layer, &o), GAN_E_UNSUPPORTED);
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    assert_true(gan_optimizer_learning_rate(adam) == 2e-4);
    assert_int_equal(gan_optimizer_set_learning_rate(adam, 0.5), GAN_OK);
    assert_int_equal(gan_optimizer_set_learning_rate(adam, NAN), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_set_learning_rate(adam, -1), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "learning_rate is -1; it must be 0 or more, and finite"));
    assert_true(gan_optimizer_learning_rate(adam) == 0.5);
    gan_optimizer_release(adam);
}

/* Without decay, AdamW is Adam; with it, a parameter whose gradient is 0 shrinks by 1 - rate * decay. */
static void decoupled_decay(void **state) {
    (void)state;
    gan_adam_options o;
    gan_optimizer *adam;
    gan_layer *other;
    assert_int_equal(gan_layer_clone(&other, layer), GAN_OK);
    gan_tensor *other_weight = gan_layer_find(other, "0.weight");
    gan_adam_options_init(&o);
    o.learning_rate = 0.125;
    assert_int_equal(gan_adam_create(&adam, layer, &o), GAN_OK);
    assert_int_equal(gan_optimizer_step(adam, tape, make_loss(1)), GAN_OK);
    gan_optimizer_release(adam);
    assert_int_equal(gan_adamw_create(&adam, other, &o), GAN_OK);
    gan_tape_reset(tape);
    gan_tensor *loss = gan_sum(tape, gan_square(tape, gan_layer_forward(tape, other, x)));
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
    assert_true(compare_same_bits("no decay", other_weight, weight));
    gan_optimizer_release(adam);
    o.weight_decay = 0.5;
    assert_int_equal(gan_adamw_create(&adam, layer, &o), GAN_OK);
    double *before = compare_read(weight);
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_scale(tape, make_loss(1), 0)), GAN_OK);
    for (int k = 0; k < WEIGHTS; k++) assert_true(gan_tensor_item(weight, k) == (1 - 0.125 * 0.5) * before[k]);
    free(before);
    gan_optimizer_release(adam);
    gan_layer_release(other);
}

/* The decay is times the rate that the step has: of the schedule and of the group. */
static void decoupled_decay_of_a_group(void **state) {
    (void)state;
    gan_adam_options o;
    gan_group_options group;
    gan_schedule_options half;
    gan_optimizer *adam;
    gan_adam_options_init(&o);
    o.learning_rate = 0.125;
    o.weight_decay = 0.5;
    o.prefix = "0.bias";
    gan_group_options_init(&group);
    group.prefix = "0.weight";
    group.learning_rate_factor = 4;
    gan_schedule_options_init(&half); /* the first update has half the rate */
    half.warm_up = 1;
    assert_int_equal(gan_adamw_create(&adam, layer, &o), GAN_OK);
    assert_int_equal(gan_optimizer_add_layer(adam, layer, &group), GAN_OK);
    assert_int_equal(gan_optimizer_set_schedule(adam, &half), GAN_OK);
    double rate = gan_optimizer_learning_rate(adam), *before = compare_read(weight);
    assert_true(rate == 0.0625);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_scale(tape, make_loss(1), 0)), GAN_OK);
    for (int k = 0; k < WEIGHTS; k++) assert_true(gan_tensor_item(weight, k) == (1 - 4 * rate * 0.5) * before[k]);
    free(before);
    gan_optimizer_release(adam);
}

/* Every rule and place of epsilon in f32 against itself in f64, on gradients that both have exactly. */
typedef struct rule_case {
    int32_t rule, mode; /* rule: 0 Adam, 1 AdamW, 2 RMSProp */
    double epsilon, decay, initial;
} rule_case;

static gan_optimizer *make_case(const rule_case *c, gan_layer *of) {
    gan_optimizer *optimizer = NULL;
    if (c->rule < 2) {
        gan_adam_options o;
        gan_adam_options_init(&o);
        o.learning_rate = 1e-2;
        o.epsilon = c->epsilon;
        o.epsilon_mode = c->mode;
        o.weight_decay = c->decay;
        assert_int_equal((c->rule == 0 ? gan_adam_create : gan_adamw_create)(&optimizer, of, &o), GAN_OK);
    } else {
        gan_rmsprop_options o;
        gan_rmsprop_options_init(&o);
        o.alpha = 0.9;
        o.epsilon = c->epsilon;
        o.epsilon_mode = c->mode;
        o.weight_decay = c->decay;
        o.initial_square = c->initial;
        assert_int_equal(gan_rmsprop_create(&optimizer, of, &o), GAN_OK);
    }
    return optimizer;
}

static double *train_case(const rule_case *c, gan_dtype dtype) {
    gan_layer *net;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(INPUTS));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, OUTPUTS, NULL);
    assert_int_equal(gan_builder_end(&net, b), GAN_OK);
    gan_tensor *w = gan_layer_find(net, "0.weight");
    for (int64_t i = 0; i < WEIGHTS; i++) /* floats can represent them */
        if (dtype == GAN_F32)
            ((float *)gan_tensor_data(w))[i] = (float)(i - 7) / 8;
        else
            ((double *)gan_tensor_data(w))[i] = (double)(i - 7) / 8;
    gan_optimizer *optimizer = make_case(c, net);
    for (uint64_t t = 1; t <= 6; t++) {
        gan_tape_reset(tape);
        gan_tensor *item = host_uniform(context, dtype, gan_shape_2d(1, INPUTS), -1, 1, 7 + t);
        gan_tensor *loss = gan_sum(tape, gan_layer_forward(tape, net, item)); /* d/dweight: the item */
        assert_int_equal(gan_optimizer_step(optimizer, tape, loss), GAN_OK);
        gan_tensor_release(item);
    }
    double *values = compare_read(w);
    gan_optimizer_release(optimizer);
    gan_layer_release(net);
    return values;
}

static void narrow(void **state) {
    (void)state;
    static const rule_case cases[] = {
        {0, GAN_EPSILON_OUTSIDE, 1e-8, 0, 0},     {0, GAN_EPSILON_UNCORRECTED, 1e-2, 0.1, 0},
        {0, GAN_EPSILON_INSIDE, 1e-2, 0, 0},      {1, GAN_EPSILON_OUTSIDE, 1e-8, 0.1, 0},
        {1, GAN_EPSILON_UNCORRECTED, 1e-2, 1, 0}, {1, GAN_EPSILON_INSIDE, 1e-2, 0.1, 0},
        {2, GAN_EPSILON_OUTSIDE, 1e-2, 0, 0},     {2, GAN_EPSILON_INSIDE, 1e-2, 0.1, 1},
    };
    double *before = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double *wide = train_case(&cases[i], GAN_F64), *single = train_case(&cases[i], GAN_F32);
        /* six updates: each rounds the parameter, at most 2 in size, twice, and its change of 0.03 at most a few dozen
         * times */
        assert_true(compare_abs("f32", single, wide, WEIGHTS, 6 * (2 * 2 + 50 * 0.03) * 0x1p-24));
        if (before != NULL) assert_true(compare_max_abs(wide, before, WEIGHTS) > 1e-4); /* the cases differ */
        free(before);
        free(single);
        before = wide;
    }
    free(before);
}

/* The mean of accumulated gradients: equal parts of a batch are the batch, whatever the rule makes of a gradient's
 * size. */
static void averaging(void **state) {
    (void)state;
    gan_layer *other;
    assert_int_equal(gan_layer_clone(&other, layer), GAN_OK);
    gan_optimizer *whole = make(1e-2, 0.5, 0.999, 1, 0), *parts = NULL; /* epsilon 1: the size counts */
    gan_adam_options o;
    gan_adam_options_init(&o);
    o.learning_rate = 1e-2;
    o.epsilon = 1;
    assert_int_equal(gan_adam_create(&parts, other, &o), GAN_OK);
    assert_int_equal(gan_optimizer_set_averaging(parts, 2), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_set_averaging(NULL, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_set_averaging(parts, 1), GAN_OK);
    for (uint64_t t = 0; t < 5; t++) {
        gan_tensor *batch = host_uniform(context, GAN_F64, gan_shape_2d(12, INPUTS), -1, 1, 20 + t);
        gan_tape_reset(tape);
        gan_tensor *loss = gan_mean(tape, gan_square(tape, gan_layer_forward(tape, layer, batch)));
        assert_int_equal(gan_optimizer_step(whole, tape, loss), GAN_OK);
        int32_t m = t == 4 ? 1 : 1 << t % 3; /* 1, 2, 4, 1, 1 parts */
        for (int32_t i = 0; i < m; i++) {
            gan_tape_reset(tape);
            gan_tensor *part = gan_slice(tape, batch, 0, i * 12 / m, 12 / m);
            loss = gan_mean(tape, gan_square(tape, gan_layer_forward(tape, other, part)));
            /* at odd times the last one is accumulated as well, and the step has no loss of its own */
            assert_int_equal(i < m - 1 || t % 2 == 1 ? gan_optimizer_accumulate(parts, tape, loss)
                                                     : gan_optimizer_step(parts, tape, loss),
                             GAN_OK);
        }
        if (t % 2 == 1) assert_int_equal(gan_optimizer_step(parts, tape, NULL), GAN_OK);
        for (int32_t i = 0; i < 2; i++)
            assert_true(compare_tensors("parts", gan_layer_tensor(other, i), gan_layer_tensor(layer, i), 1e-14));
        gan_tensor_release(batch);
    }
    gan_optimizer_release(whole);
    gan_optimizer_release(parts);
    gan_layer_release(other);
}

/* Two networks, each other's opponents, updated from one state of both: what steps on clones of it give. */
static void simultaneous(void **state) {
    (void)state;
    gan_layer *g, *kept[2], *networks[2];
    assert_int_equal(gan_layer_clone(&g, layer), GAN_OK);
    assert_int_equal(gan_tensor_fill(gan_layer_tensor(g, 0), 0.25), GAN_OK);
    networks[0] = layer;
    networks[1] = g;
    gan_optimizer *optimizers[2], *apart[2];
    gan_adam_options o;
    gan_adam_options_init(&o);
    o.learning_rate = 1e-2;
    gan_tape_reset(tape);
    for (int i = 0; i < 2; i++) assert_int_equal(gan_layer_clone(&kept[i], networks[i]), GAN_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gan_adam_create(&optimizers[i], networks[i], &o), GAN_OK);
        gan_tensor *loss =
            gan_mean(tape, gan_mul(tape, gan_layer_forward(tape, layer, x), gan_layer_forward(tape, g, x)));
        assert_int_equal(gan_optimizer_accumulate(optimizers[i], tape, loss), GAN_OK);
    }
    for (int i = 0; i < 2; i++) assert_int_equal(gan_optimizer_step(optimizers[i], tape, NULL), GAN_OK);
    for (int i = 0; i < 2; i++) {
        gan_layer *one, *two;
        assert_int_equal(gan_layer_clone(&one, kept[0]), GAN_OK);
        assert_int_equal(gan_layer_clone(&two, kept[1]), GAN_OK);
        assert_int_equal(gan_adam_create(&apart[i], i == 0 ? one : two, &o), GAN_OK);
        gan_tape_reset(tape);
        gan_tensor *loss =
            gan_mean(tape, gan_mul(tape, gan_layer_forward(tape, one, x), gan_layer_forward(tape, two, x)));
        assert_int_equal(gan_optimizer_step(apart[i], tape, loss), GAN_OK);
        for (int32_t k = 0; k < 2; k++)
            assert_true(compare_tensors("simultaneous", gan_layer_tensor(networks[i], k),
                                        gan_layer_tensor(i == 0 ? one : two, k), 1e-15));
        gan_layer_release(one);
        gan_layer_release(two);
    }
    for (int i = 0; i < 2; i++) {
        gan_optimizer_release(optimizers[i]);
        gan_optimizer_release(apart[i]);
        gan_layer_release(kept[i]);
    }
    gan_layer_release(g);
}

/* Two steps of SGD with another momentum for the second: b = m b + g, p -= rate b, by hand. */
static void changing_momentum(void **state) {
    (void)state;
    gan_sgd_options o;
    gan_sgd_options_init(&o);
    o.learning_rate = 0.1;
    o.momentum = 0.5;
    gan_optimizer *sgd;
    assert_int_equal(gan_sgd_create(&sgd, layer, &o), GAN_OK);
    double before = gan_tensor_item(bias, 1);
    for (int t = 0; t < 2; t++) {
        gan_tape_reset(tape);
        gan_tensor *loss = gan_scale(tape, gan_sum(tape, gan_layer_forward(tape, layer, x)), 0.25); /* d/dbias = 1 */
        assert_int_equal(gan_optimizer_step(sgd, tape, loss), GAN_OK);
        assert_int_equal(gan_optimizer_set_momentum(sgd, 0.7), GAN_OK);
    }
    assert_true(compare_number("bias", gan_tensor_item(bias, 1), before - 0.1 * (1 + 1.7), 1e-14));
    assert_int_equal(gan_optimizer_set_momentum(sgd, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_set_momentum(sgd, INFINITY), GAN_E_ARGUMENT);
    assert_int_equal(gan_optimizer_set_momentum(NULL, 0.5), GAN_E_ARGUMENT);
    gan_optimizer_release(sgd);
    o.momentum = 0;
    assert_int_equal(gan_sgd_create(&sgd, layer, &o), GAN_OK);
    assert_int_equal(gan_optimizer_set_momentum(sgd, 0.5), GAN_E_UNSUPPORTED);
    gan_optimizer_release(sgd);
}

/* Two time scales (Heusel et al. 2017): two optimizers with rates of their own, or one with two groups. */
static void two_rates(void **state) {
    (void)state;
    gan_layer *d = layer, *g, *d2, *g2;
    gan_optimizer *adam_d, *adam_g, *both;
    gan_adam_options o;
    gan_group_options group;
    assert_int_equal(gan_layer_clone(&g, layer), GAN_OK);
    assert_int_equal(gan_tensor_fill(gan_layer_tensor(g, 0), 0.25), GAN_OK);
    assert_int_equal(gan_layer_clone(&d2, d), GAN_OK);
    assert_int_equal(gan_layer_clone(&g2, g), GAN_OK);
    gan_adam_options_init(&o);
    o.learning_rate = 4e-4;
    assert_int_equal(gan_adam_create(&adam_d, d, &o), GAN_OK);
    o.learning_rate = 1e-4;
    assert_int_equal(gan_adam_create(&adam_g, g, &o), GAN_OK);
    assert_int_equal(gan_adam_create(&both, g2, &o), GAN_OK);
    gan_group_options_init(&group);
    group.learning_rate_factor = 4;
    assert_int_equal(gan_optimizer_add_layer(both, d2, &group), GAN_OK);
    double first = gan_tensor_item(weight, 0);
    for (int t = 0; t < 5; t++) {
        gan_tape_reset(tape);
        gan_tensor *loss_d = gan_sum(tape, gan_square(tape, gan_layer_forward(tape, d, x)));
        gan_tensor *loss_g = gan_sum(tape, gan_square(tape, gan_layer_forward(tape, g, x)));
        gan_tensor *loss = gan_add(tape, gan_sum(tape, gan_square(tape, gan_layer_forward(tape, d2, x))),
                                   gan_sum(tape, gan_square(tape, gan_layer_forward(tape, g2, x))));
        assert_int_equal(gan_optimizer_step(adam_d, tape, loss_d), GAN_OK);
        assert_int_equal(gan_optimizer_step(adam_g, tape, loss_g), GAN_OK);
        assert_int_equal(gan_optimizer_step(both, tape, loss), GAN_OK);
        /* Adam's first step is its rate */
        if (t == 0) assert_true(compare_number("rate", fabs(gan_tensor_item(weight, 0) - first), 4e-4, 1e-9));
    }
    for (int32_t i = 0; i < 2; i++) {
        assert_true(compare_same_bits("d", gan_layer_tensor(d2, i), gan_layer_tensor(d, i)));
        assert_true(compare_same_bits("g", gan_layer_tensor(g2, i), gan_layer_tensor(g, i)));
    }
    gan_optimizer_release(adam_d);
    gan_optimizer_release(adam_g);
    gan_optimizer_release(both);
    gan_layer_release(g);
    gan_layer_release(d2);
    gan_layer_release(g2);
}

/* Running statistics belong to the network as it is now: an average of variances would not be that of the averaged
 * weights either. */
static void buffers_of_averages(void **state) {
    (void)state;
    gan_layer *net;
    gan_ema *ema;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(INPUTS));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, OUTPUTS, NULL);
    gan_add_batch_norm(b, NULL);
    assert_int_equal(gan_builder_end(&net, b), GAN_OK);
    assert_int_equal(gan_ema_create(&ema, net, 0.75), GAN_OK);
    gan_layer_forward(tape, net, x);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    static const char *const names[] = {"1.running_mean", "1.running_var"};
    for (int i = 0; i < 2; i++)
        assert_false(
            compare_same_bits(NULL, gan_layer_find(gan_ema_layer(ema), names[i]), gan_layer_find(net, names[i])));
    assert_int_equal(gan_ema_update(ema), GAN_OK);
    for (int i = 0; i < 2; i++)
        assert_true(
            compare_same_bits(names[i], gan_layer_find(gan_ema_layer(ema), names[i]), gan_layer_find(net, names[i])));
    gan_ema_release(ema);
    gan_layer_release(net);
}

static void averages(void **state) {
    (void)state;
    gan_ema *ema = NULL;
    assert_int_equal(gan_ema_create(&ema, layer, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_ema_create(&ema, layer, -0.1), GAN_E_ARGUMENT);
    assert_int_equal(gan_ema_create(&ema, layer, 0.75), GAN_OK);
    gan_layer *averaged = gan_ema_layer(ema);
    assert_false(gan_layer_is_training(averaged));
    assert_true(gan_layer_is_training(layer));
    gan_tensor *average = gan_layer_find(averaged, "0.weight");
    assert_true(compare_same_bits("starts as a copy", average, weight));
    double *expected = compare_read(weight);
    for (int t = 0; t < 5; t++) {
        assert_int_equal(gan_tensor_fill(weight, t), GAN_OK);
        assert_int_equal(gan_ema_update(ema), GAN_OK);
        for (int k = 0; k < WEIGHTS; k++) expected[k] = 0.75 * expected[k] + 0.25 * t;
        double *actual = compare_read(average);
        assert_true(compare_values("average", actual, expected, WEIGHTS, 1e-14, 0));
        free(actual);
    }
    assert_int_equal(gan_ema_set_decay(ema, 1), GAN_E_ARGUMENT);
    assert_non_null(
        strstr(gan_context_error(context), "gan_ema_set_decay: decay is 1; it must be at least 0 and below"));
    assert_int_equal(gan_ema_set_decay(ema, NAN), GAN_E_ARGUMENT);
    assert_int_equal(gan_ema_set_decay(NULL, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_ema_set_decay(ema, 0), GAN_OK);
    assert_int_equal(gan_ema_update(ema), GAN_OK);
    assert_true(compare_same_bits("a decay of 0 copies", average, weight));
    free(expected);
    gan_ema_release(ema);
    gan_ema_release(NULL);
}

/* Spec: b = 0.5^(B / half life), a half-life of 0.05 images seen at most. */
static void half_life(void **state) {
    (void)state;
    double b = gan_ema_decay_of_half_life(10000, 0, 0, 32);
    assert_true(compare_number("half of it in a half-life", pow(b, 10000.0 / 32), 0.5, 1e-12));
    assert_true(gan_ema_decay_of_half_life(10000, 0.05, 200000, 32) == b);
    assert_true(gan_ema_decay_of_half_life(10000, 0.05, 1000000, 32) == b);
    assert_true(compare_number("ramp", gan_ema_decay_of_half_life(10000, 0.05, 640, 32), 0.5, 1e-15));
    assert_true(gan_ema_decay_of_half_life(10000, 0.05, 0, 32) == 0);
    assert_true(gan_ema_decay_of_half_life(INFINITY, 0, 0, 32) == 0);
    assert_true(gan_ema_decay_of_half_life(-1, 0, 0, 32) == 0);
    assert_true(gan_ema_decay_of_half_life(NAN, 0.05, 10, 32) == 0);
    assert_true(gan_ema_decay_of_half_life(10, 0, 0, 0) == 0);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_layer, close_layer)
    const struct CMUnitTest tests[] = {
        TEST(against_the_algorithm),
        TEST(closed_form),
        TEST(accumulation),
        TEST(all_reduce),
        TEST(failures_change_nothing),
        TEST(settings),
        TEST(averages),
        TEST(decoupled_decay),
        TEST(decoupled_decay_of_a_group),
        TEST(buffers_of_averages),
        TEST(narrow),
        TEST(averaging),
        TEST(simultaneous),
        TEST(changing_momentum),
        TEST(two_rates),
        TEST(half_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
