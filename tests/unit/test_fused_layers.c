/* What networks do in fewer passes and with less memory than their layers one by one: a normalisation takes the (leaky)
 * ReLU behind it along, activations overwrite their input, and values are given back early. Against the same layers
 * applied one by one, whose values are seen and so kept: results, gradients, gradients of gradients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "autograd/tape.h"
#include "compare.h"
#include "layer_fixture.h"

#define MAX_LAYERS 8
#define MAX_TARGETS 16
#define TOLERANCE 1e-12 /* of gradients of gradients, which the order of additions may change */

typedef struct pair {
    gan_layer *whole, *parts[MAX_LAYERS];
    int32_t count;
} pair;

typedef struct kind {
    const char *name;
    int32_t norm, affine; /* 0: batch, 1: instance, 2: layer norm */
    double slope;         /* -1: tanh */
} kind;

static const kind kinds[] = {
    {"batch norm, ReLU", 0, 1, 0},         {"batch norm, leaky ReLU", 0, 1, 0.2},
    {"batch norm, slope 1.5", 0, 0, 1.5},  {"batch norm, slope -0.5", 0, 1, -0.5},
    {"instance norm, ReLU", 1, 0, 0},      {"instance norm with weights, leaky ReLU", 1, 1, 0.2},
    {"layer norm, leaky ReLU", 2, 1, 0.2}, {"batch norm, tanh", 0, 1, -1},
};

static void add_norm(gan_builder *b, const kind *k) {
    gan_batch_norm_options batch;
    gan_batch_norm_options_init(&batch);
    gan_instance_norm_options instance;
    gan_instance_norm_options_init(&instance);
    batch.affine = instance.affine = k->affine;
    if (k->norm == 0) gan_add_batch_norm(b, &batch);
    if (k->norm == 1) gan_add_instance_norm(b, &instance);
    if (k->norm == 2) gan_add_layer_norm(b, NULL);
}

static void add_activation(gan_builder *b, const kind *k) {
    if (k->slope == -1)
        gan_add_tanh(b);
    else if (k->slope == 0)
        gan_add_relu(b);
    else
        gan_add_leaky_relu(b, k->slope);
}

/* Layer `index` of a network that has every case: in a chain, before and behind other layers. */
static int add_layer(gan_builder *b, const kind *k, int index) {
    if (index == 0) gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    if (index == 1 || index == 6) add_norm(b, k);
    if (index == 2 || index == 7) add_activation(b, k);
    if (index == 3) gan_add_upsample(b, 2, GAN_NEAREST);
    if (index == 4) gan_add_pad2d(b, 1, 1, 1, 1, GAN_PAD_REFLECT);
    if (index == 5) gan_add_conv2d(b, 3, 3, 1, 0, NULL);
    return index < 8;
}

static void fill(gan_layer *layer, int32_t part) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        assert_int_equal(gan_tensor_fill_uniform(gan_layer_tensor(layer, i), 0.5, 1.5, (uint64_t)part + 7, 1, i),
                         GAN_OK);
}

static pair make(const layer_fixture *f, const kind *k) {
    pair p = {.count = 0};
    gan_builder *whole = layer_fixture_begin(f, gan_shape_3d(2, 3, 4));
    gan_shape shape = gan_shape_3d(2, 3, 4);
    for (int index = 0; add_layer(whole, k, index); index++) {
        gan_builder *one = layer_fixture_begin(f, shape);
        add_layer(one, k, index);
        p.parts[p.count++] = layer_fixture_end(f, one);
        shape = gan_layer_output_shape(p.parts[p.count - 1], 0);
    }
    p.whole = layer_fixture_end(f, whole);
    for (int32_t i = 0, at = 0; i < p.count; i++) {
        fill(p.parts[i], i);
        for (int32_t t = 0; t < gan_layer_tensor_count(p.parts[i]); t++)
            assert_int_equal(gan_tensor_copy(gan_layer_tensor(p.whole, at++), gan_layer_tensor(p.parts[i], t)), GAN_OK);
    }
    return p;
}

static gan_tensor *apply(gan_tape *tape, const pair *p, int fused, gan_tensor *x) {
    if (fused) return gan_layer_forward(tape, p->whole, x);
    for (int32_t i = 0; i < p->count; i++) x = gan_layer_forward(tape, p->parts[i], x);
    return x;
}

/* x and the parameters, in order */
static int32_t targets(const pair *p, int fused, gan_tensor *x, gan_tensor **out) {
    int32_t count = 0;
    out[count++] = x;
    for (int32_t i = 0; i < (fused ? 1 : p->count); i++) {
        gan_layer *layer = fused ? p->whole : p->parts[i];
        for (int32_t t = 0; t < gan_layer_tensor_count(layer); t++)
            if (gan_layer_tensor_is_parameter(layer, t)) out[count++] = gan_layer_tensor(layer, t);
    }
    return count;
}

/* order 0: the result; 1: gradients of its squares' mean; 2: gradients of the squares' mean of the gradient in x */
static int32_t compute(gan_tape *tape, const pair *p, int fused, int order, gan_tensor *input, gan_tensor **out) {
    gan_tensor *x = gan_watch(tape, input), *y = apply(tape, p, fused, x), *xs[MAX_TARGETS];
    if (order == 0) {
        out[0] = y;
        return 1;
    }
    gan_tensor *loss = gan_mean(tape, gan_square(tape, y));
    if (order == 2) loss = gan_mean(tape, gan_square(tape, gan_gradient(tape, loss, x, GAN_GRAD_DIFFERENTIABLE)));
    int32_t count = targets(p, fused, x, xs);
    gan_gradients(tape, loss, NULL, xs, count, 0, out);
    return count;
}

static void same_as_one_by_one(void **state) {
    layer_fixture *f = *state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        pair p = make(f, &kinds[i]);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(3, 2, 3, 4), -1, 1, 1);
        for (int training = 1; training >= 0; training--) {
            gan_layer_set_training(p.whole, training);
            for (int32_t k = 0; k < p.count; k++) gan_layer_set_training(p.parts[k], training);
            for (int order = 0; order <= 2; order++) {
                gan_tensor *fused[MAX_TARGETS], *plain[MAX_TARGETS];
                gan_tape_reset(f->tape);
                int32_t count = compute(f->tape, &p, 1, order, x, fused);
                assert_int_equal(compute(f->tape, &p, 0, order, x, plain), count);
                if (gan_tape_status(f->tape) != GAN_OK) fprintf(stderr, "%s\n", gan_tape_error(f->tape));
                assert_int_equal(gan_tape_status(f->tape), GAN_OK);
                for (int32_t k = 0; k < count; k++) {
                    char name[100];
                    snprintf(name, sizeof name, "%s, training %d, order %d, %d", kinds[i].name, training, order,
                             (int)k);
                    double *expected = compare_read(plain[k]), *actual = compare_read(fused[k]);
                    assert_true(compare_abs(name, actual, expected, gan_tensor_count(plain[k]), TOLERANCE));
                    free(expected);
                    free(actual);
                }
            }
        }
        gan_tape_reset(f->tape);
        gan_tensor_release(x);
        gan_layer_release(p.whole);
        for (int32_t k = 0; k < p.count; k++) gan_layer_release(p.parts[k]);
    }
}

/* A norm that only upsampling reads for a rule may have to come back after a view of it, or what was written over it,
 * has gone: gradients are the same as when nothing is given back. */
static gan_layer *make_branching(const layer_fixture *f, int view) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 4, 4));
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_builder_label(b, "norm");
    gan_add_upsample(b, 2, GAN_NEAREST);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_builder_output(b, "first");
    gan_builder_from(b, "norm");
    gan_add_upsample(b, 2, GAN_NEAREST);
    gan_builder_label(b, "larger");
    gan_builder_from(b, "norm");
    if (view) {
        gan_add_flatten(b);
        gan_add_linear(b, 5, NULL);
    } else {
        gan_add_tanh(b);
        gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    }
    gan_builder_output(b, "second");
    gan_builder_from(b, "larger");
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_builder_output(b, "third");
    return layer_fixture_end(f, b);
}

static int32_t branching_gradients(gan_tape *tape, gan_layer *layer, gan_tensor *x, int32_t flags, gan_tensor **out) {
    gan_tensor *ys[3], *xs[MAX_TARGETS];
    gan_tape_reset(tape);
    gan_layer_forward_many(tape, layer, &x, 1, ys, 3);
    gan_tensor *loss = gan_mean(tape, gan_square(tape, ys[0]));
    for (int i = 1; i < 3; i++) loss = gan_add(tape, loss, gan_mean(tape, gan_square(tape, ys[i])));
    int32_t count = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        if (gan_layer_tensor_is_parameter(layer, i)) xs[count++] = gan_layer_tensor(layer, i);
    gan_gradients(tape, loss, NULL, xs, count, flags, out);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    return count;
}

static void shared_and_brought_back(void **state) {
    layer_fixture *f = *state;
    for (int view = 0; view <= 1; view++) {
        gan_layer *layer = make_branching(f, view);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(4, 3, 4, 4), -1, 1, 1), *gradients[MAX_TARGETS];
        double *expected[MAX_TARGETS];
        int32_t count = branching_gradients(f->tape, layer, x, GAN_GRAD_RETAIN, gradients);
        for (int32_t i = 0; i < count; i++) expected[i] = compare_read(gradients[i]);
        for (int pass = 0; pass < 2; pass++) {
            branching_gradients(f->tape, layer, x, 0, gradients);
            for (int32_t i = 0; i < count; i++) {
                double *actual = compare_read(gradients[i]);
                assert_true(compare_abs("gradient", actual, expected[i], gan_tensor_count(gradients[i]), TOLERANCE));
                free(actual);
            }
        }
        for (int32_t i = 0; i < count; i++) free(expected[i]);
        gan_tape_reset(f->tape);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

/* A network keeps what its backward pass cannot do without: the convolutions' results, of which the last one's memory
 * holds its activation. */
static void little_is_kept(void **state) {
    layer_fixture *f = *state;
    const kind *k = &kinds[1];
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 16, 16));
    gan_add_conv2d(b, 8, 3, 1, 1, NULL);
    add_norm(b, k);
    add_activation(b, k);
    gan_add_conv2d(b, 8, 3, 1, 1, NULL);
    gan_add_tanh(b);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(4, 2, 16, 16), -1, 1, 1);
    size_t map = 4 * 8 * 16 * 16 * sizeof(double), before = f->tape->values.used;
    gan_tensor *y = gan_layer_forward(f->tape, layer, x);
    assert_true(f->tape->values.used - before < 2 * map + map / 8);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    assert_int_equal(gan_optimizer_step(adam, f->tape, gan_mean(f->tape, y)), GAN_OK);
    /* with y, which has been seen, two gradients, and the norm's result once more */
    assert_true(f->tape->values.peak < 5 * map + map / 4);
    gan_optimizer_release(adam);
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* A result that two layers read is left alone until both have: the norm's by the ReLU, the convolution's by tanh. */
static void branches(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 4, 4));
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_builder_split(b);
    gan_add_tanh(b);
    gan_builder_next(b);
    gan_add_batch_norm(b, NULL);
    gan_builder_split(b);
    gan_add_leaky_relu(b, 0.2);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_layer *layer = layer_fixture_end(f, b);
    fill(layer, 1);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 2, 4, 4), -1, 1, 1);
    layer_fixture_check_layer(f, "branches", layer, x);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(same_as_one_by_one), TEST(shared_and_brought_back), TEST(little_is_kept),
                                       TEST(branches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
