/* Minibatch discrimination, virtual and conditional batch normalisation, projection heads, conditions of images and
 * residual blocks against PyTorch in double precision: results, all gradients and buffers over steps of gradient
 * descent, in training and in evaluation mode, within 1e-10; and gradients of a penalty on the slope at the input,
 * which are derivatives of the second order, within 1e-9. */
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
#include "golden.h"
#include "host.h"

#include "conditional.inc"

/* this and the following also in make_conditional.py */
enum { BATCH = 4, CLASSES = 3, CONDITION = 6, REFERENCE = 5, STEPS = 5 };
enum { STREAM_WEIGHT = 100, STREAM_X = 1000, STREAM_CONDITION = 1100, STREAM_SEED = 1200, STREAM_REFERENCE = 1300 };
#define RATE 0.05
#define TOLERANCE 1e-10
#define SECOND 1e-9
#define MAX_PARAMETERS 40

enum { LABELS = 1, VECTOR = 2, SET_REFERENCE = 4, THROUGH_REFERENCE = 8 };

/* ---- networks ---- */

static void minibatch_with(gan_builder *b, int32_t include_self, int32_t authors) {
    gan_minibatch_discrimination_options o;
    gan_minibatch_discrimination_options_init(&o);
    o.include_self = include_self;
    o.weight_norm = o.bias = authors;
    gan_add_linear(b, 7, NULL);
    gan_add_tanh(b);
    gan_add_minibatch_discrimination(b, 4, 3, &o);
    gan_add_linear(b, 2, NULL);
}
static void minibatch(gan_builder *b) { minibatch_with(b, 0, 0); }
static void minibatch_self(gan_builder *b) { minibatch_with(b, 1, 0); }
static void minibatch_authors(gan_builder *b) { minibatch_with(b, 0, 1); }

static void virtual_with(gan_builder *b, int32_t combine) {
    gan_virtual_batch_norm_options o;
    gan_virtual_batch_norm_options_init(&o);
    o.combine = combine;
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_virtual_batch_norm(b, &o);
    gan_add_tanh(b);
    gan_add_conv2d(b, 3, 3, 2, 1, NULL);
    gan_add_virtual_batch_norm(b, &o);
    gan_add_tanh(b);
}
static void virtual_combined(gan_builder *b) { virtual_with(b, 1); }
static void virtual_alone(gan_builder *b) { virtual_with(b, 0); }
static void virtual_vector(gan_builder *b) {
    gan_add_linear(b, 4, NULL);
    gan_add_virtual_batch_norm(b, NULL);
    gan_add_tanh(b);
}

static void by_class(gan_builder *b) {
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    o.momentum = 0.3;
    o.epsilon = 1e-3;
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_conditional_batch_norm(b, "labels", CLASSES, &o);
    gan_add_tanh(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
}
static void by_vector(gan_builder *b) {
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_conditional_batch_norm_vector(b, "condition", NULL, NULL);
    gan_add_tanh(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
}

static void projection(gan_builder *b) {
    gan_add_conv2d(b, 5, 3, 1, 1, NULL);
    gan_add_tanh(b);
    gan_add_global_sum_pool(b);
    gan_add_projection(b, "labels", CLASSES, NULL);
}
static void text(gan_builder *b) {
    gan_builder_from(b, "condition");
    gan_add_linear(b, 3, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_builder_label(b, "text");
    gan_builder_from(b, "labels");
    gan_add_one_hot(b, CLASSES);
    gan_builder_label(b, "class");
    gan_builder_from(b, "input");
    gan_add_conv2d(b, 4, 4, 2, 1, NULL);
    gan_add_tanh(b);
    gan_add_concat_spatial(b, "text");
    gan_add_concat_spatial(b, "class");
    gan_add_conv2d(b, 3, 1, 1, 0, NULL);
}

static void cycle(gan_builder *b) { gan_add_cyclegan_block(b, 0, NULL); }

static void up(gan_builder *b, int64_t channels, const char *labels, const char *condition) {
    gan_residual_options o;
    gan_residual_options_init(&o);
    o.resample = GAN_RESAMPLE_UP;
    o.batch_norm = 1;
    o.labels = labels;
    o.classes = CLASSES;
    o.condition = condition;
    gan_add_residual_block(b, channels, &o);
}
static void up_plain(gan_builder *b) { up(b, 2, NULL, NULL); }
static void up_class(gan_builder *b) { up(b, 2, "labels", NULL); }

static void discriminator(gan_builder *b) {
    gan_residual_options o;
    gan_residual_options_init(&o);
    o.resample = GAN_RESAMPLE_DOWN;
    o.preactivation = 0;
    gan_add_residual_block(b, 3, &o);
    o.preactivation = 1;
    o.hidden = 3;
    gan_add_residual_block(b, 4, &o);
    gan_add_residual_block(b, 4, NULL);
    gan_add_relu(b);
    gan_add_global_sum_pool(b);
    gan_add_projection(b, "labels", CLASSES, NULL);
}

static void big(gan_builder *b) {
    gan_builder_from(b, "labels");
    gan_add_embedding(b, CLASSES, 3);
    gan_builder_label(b, "shared");
    for (int64_t part = 1; part <= 2; part++) {
        gan_builder_from(b, "input");
        gan_add_slice(b, 2 * part, 2);
        gan_add_concat(b, "shared");
        gan_builder_label(b, part == 1 ? "first" : "second");
    }
    gan_builder_from(b, "input");
    gan_add_slice(b, 0, 2);
    gan_add_linear(b, 4 * 2 * 2, NULL);
    gan_add_reshape(b, gan_shape_3d(4, 2, 2));
    up(b, 3, NULL, "first");
    up(b, 3, NULL, "second");
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_tanh(b);
}

static const struct golden_case {
    const char *name;
    void (*add)(gan_builder *b);
    gan_shape item;
    int32_t takes;
} cases[] = {
    {"minibatch", minibatch, {1, 0, {5}}, 0},
    {"minibatch_self", minibatch_self, {1, 0, {5}}, 0},
    {"minibatch_authors", minibatch_authors, {1, 0, {5}}, 0},
    {"virtual", virtual_combined, {3, 0, {2, 4, 4}}, SET_REFERENCE},
    {"virtual_through", virtual_combined, {3, 0, {2, 4, 4}}, THROUGH_REFERENCE},
    {"virtual_alone", virtual_alone, {3, 0, {2, 4, 4}}, SET_REFERENCE},
    {"virtual_vector", virtual_vector, {1, 0, {6}}, THROUGH_REFERENCE},
    {"by_class", by_class, {3, 0, {2, 4, 4}}, LABELS},
    {"by_vector", by_vector, {3, 0, {2, 4, 4}}, VECTOR},
    {"projection", projection, {3, 0, {2, 4, 4}}, LABELS},
    {"text", text, {3, 0, {2, 4, 4}}, LABELS | VECTOR},
    {"cycle", cycle, {3, 0, {3, 4, 5}}, 0},
    {"up_plain", up_plain, {3, 0, {3, 3, 2}}, 0},
    {"up_class", up_class, {3, 0, {3, 3, 2}}, LABELS},
    {"discriminator", discriminator, {3, 0, {2, 8, 8}}, LABELS},
    {"big", big, {1, 0, {6}}, LABELS},
};
#define CASES ((int)(sizeof cases / sizeof cases[0]))

/* ---- steps ---- */

typedef struct trial {
    const struct golden_case *which;
    gan_context *context;
    gan_tape *tape;
    gan_layer *layer;
    gan_tensor *parameters[MAX_PARAMETERS];
    const char *names[MAX_PARAMETERS];
    int32_t count, has_buffers;
} trial;

static gan_shape batch_of(gan_shape item, int64_t count) {
    gan_shape shape = gan_shape_1d(count);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return shape;
}

static void begin(trial *t, const struct golden_case *which) {
    memset(t, 0, sizeof *t);
    t->which = which;
    t->context = host_context(1);
    assert_int_equal(gan_tape_create(&t->tape, t->context), GAN_OK);
    gan_builder *b = gan_builder_begin(t->context, which->item);
    gan_builder_set_dtype(b, GAN_F64);
    if (which->takes & LABELS) gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    if (which->takes & VECTOR) gan_builder_input(b, "condition", gan_shape_1d(CONDITION));
    gan_builder_from(b, "input");
    which->add(b);
    if (gan_builder_end(&t->layer, b) != GAN_OK) fail_msg("%s: %s", which->name, gan_context_error(t->context));
    for (int32_t i = 0; i < gan_layer_tensor_count(t->layer); i++) {
        if (!gan_layer_tensor_is_parameter(t->layer, i)) {
            t->has_buffers = 1;
            continue;
        }
        assert_true(t->count < MAX_PARAMETERS);
        t->names[t->count] = gan_layer_tensor_name(t->layer, i);
        t->parameters[t->count] = gan_layer_tensor(t->layer, i);
        golden_fill(t->parameters[t->count], (uint64_t)(STREAM_WEIGHT + t->count), -0.6, 0.6);
        t->count++;
    }
}

static void end(trial *t) {
    gan_layer_release(t->layer);
    gan_tape_release(t->tape);
    gan_context_release(t->context);
}

static gan_tensor *labels_of(gan_context *context, int step) {
    int32_t values[BATCH];
    gan_tensor *labels;
    for (int i = 0; i < BATCH; i++) values[i] = (3 * i + i / 2 + step) % CLASSES;
    assert_int_equal(gan_tensor_create(&labels, context, GAN_I32, gan_shape_1d(BATCH)), GAN_OK);
    assert_int_equal(gan_tensor_write(labels, values, sizeof values), GAN_OK);
    return labels;
}

static const char *title(const trial *t, int step, const char *what, const char *name) {
    static char text_[128];
    snprintf(text_, sizeof text_, "%s/%d%s/%s", t->which->name, step, what, name);
    return text_;
}

/* What a gradient that is truly 0 is measured by: a biased convolution before a normalisation has one. */
static double floor_of(gan_tensor *const *gs, int32_t count) {
    double total = 0;
    for (int32_t i = 0; i < count; i++) {
        double *values = compare_read(gs[i]);
        total += pow(compare_norm(values, gan_tensor_count(gs[i])), 2);
        free(values);
    }
    return 1e-3 * sqrt(total);
}

static void check_buffers(const trial *t, int step) {
    for (int32_t i = 0; i < gan_layer_tensor_count(t->layer); i++)
        if (!gan_layer_tensor_is_parameter(t->layer, i))
            assert_true(golden_check(title(t, step, "", gan_layer_tensor_name(t->layer, i)),
                                     gan_layer_tensor(t->layer, i), TOLERANCE, 0));
}

static void check_penalty(const trial *t, gan_tensor *slope) {
    gan_tensor *gs[MAX_PARAMETERS], *penalty = gan_scale(t->tape, gan_sum(t->tape, gan_square(t->tape, slope)), 0.5);
    gan_tensor *parameters[MAX_PARAMETERS];
    memcpy(parameters, t->parameters, sizeof parameters);
    gan_gradients(t->tape, penalty, NULL, parameters, t->count, 0, gs);
    if (gan_tape_status(t->tape) != GAN_OK) fail_msg("%s: %s", t->which->name, gan_tape_error(t->tape));
    double floor = floor_of(gs, t->count);
    char name[96];
    assert_true(golden_check(title(t, 0, "", "penalty"), penalty, SECOND, 0));
    for (int32_t i = 0; i < t->count; i++) {
        snprintf(name, sizeof name, "%s", t->names[i]);
        assert_true(golden_check(title(t, 0, "/penalty", name), gs[i], SECOND, floor));
    }
}

static gan_tensor *forward(const trial *t, gan_tensor *x, gan_tensor *const *others, int32_t count) {
    gan_tensor *xs[3] = {x, others[0], others[1]}, *y, *reference = NULL;
    if (t->which->takes & (SET_REFERENCE | THROUGH_REFERENCE))
        reference = golden_uniform(t->context, STREAM_REFERENCE, batch_of(t->which->item, REFERENCE), -1.5, 1.5);
    if (t->which->takes & THROUGH_REFERENCE) {
        gan_layer_forward_reference(t->tape, t->layer, &reference, xs, 1, &y, 1);
    } else {
        if (reference != NULL) gan_layer_set_reference(t->tape, t->layer, &reference, 1);
        gan_layer_forward_many(t->tape, t->layer, xs, count, &y, 1);
    }
    gan_tensor_release(reference); /* the tape keeps it */
    return y;
}

static void take_step(trial *t, int step, int training) {
    int32_t takes = t->which->takes, more = 0, own = 1;
    gan_tensor *x = golden_uniform(t->context, (uint64_t)(STREAM_X + step), batch_of(t->which->item, BATCH), -1.5, 1.5);
    gan_tensor *labels = NULL, *condition = NULL, *others[2] = {NULL, NULL};
    gan_tensor *wanted[MAX_PARAMETERS + 2], *gs[MAX_PARAMETERS + 2];
    gan_tape_reset(t->tape);
    gan_layer_set_training(t->layer, training);
    wanted[0] = gan_watch(t->tape, x);
    if (takes & LABELS) others[more++] = labels = labels_of(t->context, step);
    if (takes & VECTOR) {
        condition =
            golden_uniform(t->context, (uint64_t)(STREAM_CONDITION + step), gan_shape_2d(BATCH, CONDITION), -1, 1);
        others[more++] = wanted[own++] = gan_watch(t->tape, condition);
    }
    for (int32_t i = 0; i < t->count; i++) wanted[own + i] = t->parameters[i];
    gan_tensor *y = forward(t, wanted[0], others, 1 + more);
    if (gan_tape_status(t->tape) != GAN_OK) fail_msg("%s: %s", t->which->name, gan_tape_error(t->tape));
    gan_tensor *seed = golden_uniform(t->context, (uint64_t)(STREAM_SEED + step), gan_tensor_shape(y), -1, 1);
    gan_tensor *loss = gan_sum(t->tape, gan_mul(t->tape, y, seed));
    assert_true(golden_check(title(t, step, "", "y"), y, TOLERANCE, 0));
    check_buffers(t, step);
    if (step == 0) {
        gan_tensor *slope = gan_gradient(t->tape, loss, wanted[0], GAN_GRAD_DIFFERENTIABLE);
        check_penalty(t, slope);
        /* and the same first derivatives by the other way */
        assert_true(golden_check(title(t, step, "", "x"), slope, TOLERANCE, 0));
        gan_tape_reset(t->tape);
        wanted[0] = gan_watch(t->tape, x);
        if (takes & VECTOR) others[more - 1] = wanted[1] = gan_watch(t->tape, condition);
        for (int32_t i = 0; i < gan_layer_tensor_count(t->layer); i++) /* a second pass must not move them further */
            if (strstr(gan_layer_tensor_name(t->layer, i), "running_") != NULL)
                gan_tensor_fill(gan_layer_tensor(t->layer, i),
                                strstr(gan_layer_tensor_name(t->layer, i), "running_var") != NULL);
        y = forward(t, wanted[0], others, 1 + more);
        loss = gan_sum(t->tape, gan_mul(t->tape, y, seed));
    }
    gan_gradients(t->tape, loss, NULL, wanted, own + t->count, 0, gs);
    if (gan_tape_status(t->tape) != GAN_OK) fail_msg("%s: %s", t->which->name, gan_tape_error(t->tape));
    double floor = floor_of(gs + own, t->count);
    for (int32_t i = 0; i < own + t->count; i++) {
        const char *name = i == 0 ? "x" : i < own ? "condition" : t->names[i - own];
        assert_true(golden_check(title(t, step, "", name), gs[i], TOLERANCE, floor));
    }
    for (int32_t i = 0; i < t->count; i++) {
        double *g = compare_read(gs[own + i]), *p = gan_tensor_data(t->parameters[i]);
        for (int64_t k = 0; k < gan_tensor_count(t->parameters[i]); k++) p[k] -= RATE * g[k];
        free(g);
    }
    gan_tape_reset(t->tape);
    gan_tensor_release(x);
    gan_tensor_release(labels);
    gan_tensor_release(condition);
    gan_tensor_release(seed);
}

static void golden(void **state) {
    (void)state;
    GOLDEN_OPEN(goldens);
    for (int i = 0; i < CASES; i++) {
        trial t;
        begin(&t, &cases[i]);
        int steps = t.has_buffers ? STEPS : 1;
        for (int step = 0; step <= steps; step++) take_step(&t, step, step < steps);
        end(&t);
    }
    assert_true(golden_close());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
