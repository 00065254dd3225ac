/* Optimizers against PyTorch's, number by number, in double precision. The cases are those of make_optim.py. */
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

#define SEED 1511u /* of make_dcgan.py */
#define STREAM_X 8
#define STREAM_Y 9
#define STREAM_WEIGHTS 10
enum { STEPS = 8, BATCH = 6, WITHOUT_SECOND = 2, TENSORS = 6, VALUES = 41 };

typedef struct golden_case {
    const char *name;
    double losses[STEPS];
    double values[VALUES]; /* of both networks' parameters after the last step */
} golden_case;

#include "optim.inc"

enum { ADAM, RMSPROP, SGD };

typedef struct setting {
    const char *name;
    int32_t rule;
    double rate, alpha, beta1, beta2, epsilon, momentum, dampening, decay;
    int32_t centered, nesterov, grouped;
    double value, norm;
    gan_schedule_options schedule;
} setting;

#define LINEAR                                                                                                         \
    { .kind = GAN_SCHEDULE_LINEAR, .start = 2, .length = 5, .interval = 1, .final_factor = 0.1 }
#define COSINE                                                                                                         \
    { .kind = GAN_SCHEDULE_COSINE, .length = 6, .interval = 1, .final_factor = 0.25 }
#define STEP                                                                                                           \
    { .kind = GAN_SCHEDULE_STEP, .length = 1, .interval = 3, .factor = 0.5 }
#define WARM_UP                                                                                                        \
    { .kind = GAN_SCHEDULE_CONSTANT, .length = 1, .interval = 1, .warm_up = 4 }

static const setting settings[] = {
    {.name = "adam", .rule = ADAM, .rate = 1e-2, .beta1 = 0.5, .beta2 = 0.999},
    {.name = "adam, weight decay, groups", .rate = 2e-2, .beta1 = 0.9, .beta2 = 0.99, .decay = 0.1, .grouped = 1},
    {.name = "adam, norm, linear", .rate = 1e-2, .beta2 = 0.9, .epsilon = 1e-2, .norm = 0.5, .schedule = LINEAR},
    {.name = "rmsprop", .rule = RMSPROP},
    {.name = "rmsprop, weight decay", .rule = RMSPROP, .rate = 5e-3, .alpha = 0.9, .decay = 0.1},
    {.name = "rmsprop, momentum, groups", .rule = RMSPROP, .rate = 5e-3, .momentum = 0.9, .grouped = 1},
    {.name = "rmsprop, centered", .rule = RMSPROP, .rate = 5e-3, .alpha = 0.9, .centered = 1, .epsilon = 1e-4},
    {.name = "rmsprop, all",
     .rule = RMSPROP,
     .rate = 2e-3,
     .alpha = 0.95,
     .momentum = 0.5,
     .centered = 1,
     .decay = 0.05,
     .epsilon = 1e-3,
     .grouped = 1,
     .value = 0.3,
     .schedule = COSINE},
    {.name = "sgd", .rule = SGD, .rate = 0.05},
    {.name = "sgd, momentum, groups", .rule = SGD, .rate = 0.05, .momentum = 0.9, .grouped = 1},
    {.name = "sgd, dampening", .rule = SGD, .rate = 0.05, .momentum = 0.9, .dampening = 0.4},
    {.name = "sgd, nesterov, weight decay", .rule = SGD, .rate = 0.05, .momentum = 0.8, .nesterov = 1, .decay = 0.1},
    {.name = "sgd, value, norm, step",
     .rule = SGD,
     .rate = 0.1,
     .momentum = 0.9,
     .grouped = 1,
     .value = 0.2,
     .norm = 0.4,
     .schedule = STEP},
    {.name = "sgd, norm that does not clip", .rule = SGD, .rate = 0.05, .norm = 1e3},
    {.name = "sgd, warm-up", .rule = SGD, .rate = 0.1, .schedule = WARM_UP},
};

typedef struct training {
    gan_context *context;
    gan_tape *tape;
    gan_layer *a, *b;
    gan_optimizer *optimizer;
} training;

static gan_layer *make_layer(gan_context *context, int64_t inputs, int64_t hidden, int64_t outputs) {
    gan_layer *layer;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(inputs));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, hidden, NULL);
    if (outputs > 0) {
        gan_add_tanh(b);
        gan_add_linear(b, outputs, NULL);
    }
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

static gan_tensor *tensor_at(const training *t, int32_t i) {
    return i < 4 ? gan_layer_tensor(t->a, i) : gan_layer_tensor(t->b, i - 4);
}

static gan_status make_rule(training *t, const setting *s) {
    const char *prefix = s->grouped ? "0" : NULL;
    if (s->rule == ADAM) {
        gan_adam_options o;
        gan_adam_options_init(&o);
        o.learning_rate = s->rate;
        o.beta1 = s->beta1;
        o.beta2 = s->beta2;
        o.weight_decay = s->decay;
        if (s->epsilon > 0) o.epsilon = s->epsilon;
        o.prefix = prefix;
        return gan_adam_create(&t->optimizer, t->a, &o);
    }
    if (s->rule == RMSPROP) {
        gan_rmsprop_options o;
        gan_rmsprop_options_init(&o);
        if (s->rate > 0) o.learning_rate = s->rate;
        if (s->alpha > 0) o.alpha = s->alpha;
        if (s->epsilon > 0) o.epsilon = s->epsilon;
        o.momentum = s->momentum;
        o.centered = s->centered;
        o.weight_decay = s->decay;
        o.prefix = prefix;
        return gan_rmsprop_create(&t->optimizer, t->a, &o);
    }
    gan_sgd_options o;
    gan_sgd_options_init(&o);
    o.learning_rate = s->rate;
    o.momentum = s->momentum;
    o.dampening = s->dampening;
    o.nesterov = s->nesterov;
    o.weight_decay = s->decay;
    o.prefix = prefix;
    return gan_sgd_create(&t->optimizer, t->a, &o);
}

static void make_optimizer(training *t, const setting *s) {
    gan_group_options group;
    gan_group_options_init(&group);
    assert_int_equal(make_rule(t, s), GAN_OK);
    if (s->grouped) {
        group.prefix = "2";
        group.learning_rate_factor = 0.5;
        group.weight_decay = 0.02;
        assert_int_equal(gan_optimizer_add_layer(t->optimizer, t->a, &group), GAN_OK);
        gan_group_options_init(&group);
        group.learning_rate_factor = 2;
    }
    assert_int_equal(gan_optimizer_add_layer(t->optimizer, t->b, &group), GAN_OK);
    double value = s->value > 0 ? s->value : (double)INFINITY, norm = s->norm > 0 ? s->norm : (double)INFINITY;
    assert_int_equal(gan_optimizer_set_clipping(t->optimizer, value, norm), GAN_OK);
    if (s->schedule.interval > 0) {
        gan_schedule_options schedule = s->schedule;
        schedule.struct_size = sizeof schedule;
        assert_int_equal(gan_optimizer_set_schedule(t->optimizer, &schedule), GAN_OK);
    }
}

static gan_tensor *term(training *t, gan_layer *layer, int64_t inputs, uint64_t stream, int step) {
    gan_tensor *x = host_uniform(t->context, GAN_F64, gan_shape_2d(BATCH, inputs), -1, 1, 1);
    assert_int_equal(gan_tensor_fill_uniform(x, -1, 1, SEED, stream, 8 * (uint64_t)step), GAN_OK);
    gan_tensor *sum = gan_sum(t->tape, gan_square(t->tape, gan_layer_forward(t->tape, layer, x)));
    gan_tensor_release(x);
    return sum;
}

static void check(const setting *s, const golden_case *golden) {
    training t = {.context = host_context(GAN_THREADS_AUTO)};
    assert_string_equal(s->name, golden->name);
    assert_int_equal(gan_tape_create(&t.tape, t.context), GAN_OK);
    t.a = make_layer(t.context, 5, 3, 2);
    t.b = make_layer(t.context, 4, 3, 0);
    for (int32_t i = 0; i < TENSORS; i++)
        assert_int_equal(gan_tensor_fill_uniform(tensor_at(&t, i), -0.8, 0.8, SEED, STREAM_WEIGHTS, 16 * (uint64_t)i),
                         GAN_OK);
    make_optimizer(&t, s);
    for (int step = 0; step < STEPS; step++) {
        gan_tape_reset(t.tape);
        gan_tensor *loss = term(&t, t.a, 5, STREAM_X, step);
        if (step >= WITHOUT_SECOND) loss = gan_add(t.tape, loss, term(&t, t.b, 4, STREAM_Y, step));
        double value = gan_tensor_item(loss, 0);
        assert_int_equal(gan_optimizer_step(t.optimizer, t.tape, loss), GAN_OK);
        assert_true(compare_values(s->name, &value, &golden->losses[step], 1, 1e-12, 0));
    }
    int64_t at = 0;
    for (int32_t i = 0; i < TENSORS; i++) {
        int64_t count = gan_tensor_count(tensor_at(&t, i));
        double *values = compare_read(tensor_at(&t, i));
        assert_true(compare_values(s->name, values, golden->values + at, count, 1e-12, 0));
        free(values);
        at += count;
    }
    assert_int_equal(at, VALUES);
    gan_optimizer_release(t.optimizer);
    gan_layer_release(t.a);
    gan_layer_release(t.b);
    gan_tape_release(t.tape);
    gan_context_release(t.context);
}

static void against_torch(void **state) {
    (void)state;
    size_t count = sizeof settings / sizeof settings[0];
    assert_int_equal(sizeof goldens / sizeof goldens[0], count);
    for (size_t i = 0; i < count; i++) check(&settings[i], &goldens[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_torch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
