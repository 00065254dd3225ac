/* Instance and layer normalisation: plain formulas, derivatives of both orders, both modes, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include <gan.h>

#include "compare.h"
#include "layer_fixture.h"
#include "ops/ops.h"

/* Makes each run of `together` values have mean 0 and variance 1; then weight and bias (NULL: none), where element i
 * has number i / area % count. */
static double *formula(const gan_tensor *x, int64_t together, double epsilon, const double *weight, const double *bias,
                       int64_t area, int64_t count) {
    double *y = compare_read(x);
    for (int64_t i = 0; i < gan_tensor_count(x); i += together) {
        double mean = 0, var = 0;
        for (int64_t k = 0; k < together; k++) mean += y[i + k] / (double)together;
        for (int64_t k = 0; k < together; k++) var += pow(y[i + k] - mean, 2) / (double)together;
        for (int64_t k = 0; k < together; k++) y[i + k] = (y[i + k] - mean) / sqrt(var + epsilon);
    }
    for (int64_t i = 0; i < gan_tensor_count(x) && weight != NULL; i++)
        y[i] = y[i] * weight[i / area % count] + bias[i / area % count];
    return y;
}

static void assert_values(const char *name, const gan_tensor *y, double *expected) {
    double *actual = compare_read(y);
    assert_true(compare_abs(name, actual, expected, gan_tensor_count(y), 1e-13));
    free(actual);
    free(expected);
}

static void instance_norm_values(void **state) {
    layer_fixture *f = *state;
    for (int affine = 0; affine < 2; affine++) {
        gan_instance_norm_options o;
        gan_instance_norm_options_init(&o);
        assert_true(o.affine == 0 && o.epsilon == 1e-5);
        o.affine = affine;
        o.epsilon = affine ? 1e-3 : 1e-5;
        gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 4, 5));
        gan_add_instance_norm(b, affine ? &o : NULL);
        gan_layer *layer = layer_fixture_end(f, b);
        assert_int_equal(gan_layer_tensor_count(layer), 2 * affine);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 4, 5), -1, 4, 1);
        double *weight = NULL, *bias = NULL;
        if (affine) {
            gan_tensor *w = gan_layer_find(layer, "0.weight"), *c = gan_layer_find(layer, "0.bias");
            assert_true(gan_shape_equal(gan_tensor_shape(w), gan_shape_1d(3)));
            assert_true(gan_tensor_item(w, 2) == 1 && gan_tensor_item(c, 2) == 0);
            assert_int_equal(gan_tensor_fill_uniform(w, 0.5, 2, 1, 2, 3), GAN_OK);
            assert_int_equal(gan_tensor_fill_uniform(c, -1, 1, 1, 2, 9), GAN_OK);
            weight = compare_read(w);
            bias = compare_read(c);
        }
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        assert_values("instance norm", y, formula(x, 20, o.epsilon, weight, bias, 20, 3));
        gan_layer_set_training(layer, 0);
        assert_true(compare_same_bits("evaluation", gan_layer_forward(f->tape, layer, x), y));
        free(weight);
        free(bias);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

static void layer_norm_values(void **state) {
    layer_fixture *f = *state;
    for (int affine = 0; affine < 2; affine++) {
        gan_layer_norm_options o;
        gan_layer_norm_options_init(&o);
        assert_true(o.affine == 1 && o.epsilon == 1e-5);
        o.affine = affine;
        gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 2, 5));
        gan_add_layer_norm(b, affine ? NULL : &o);
        gan_layer *layer = layer_fixture_end(f, b);
        assert_int_equal(gan_layer_tensor_count(layer), 2 * affine);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(4, 3, 2, 5), -1, 4, 1);
        double *weight = NULL, *bias = NULL;
        if (affine) {
            gan_tensor *w = gan_layer_find(layer, "0.weight"), *c = gan_layer_find(layer, "0.bias");
            assert_true(gan_shape_equal(gan_tensor_shape(w), gan_shape_3d(3, 2, 5)));
            assert_true(gan_tensor_item(w, 29) == 1 && gan_tensor_item(c, 29) == 0);
            assert_int_equal(gan_tensor_fill_uniform(w, 0.5, 2, 1, 2, 3), GAN_OK);
            assert_int_equal(gan_tensor_fill_uniform(c, -1, 1, 1, 2, 50), GAN_OK);
            weight = compare_read(w);
            bias = compare_read(c);
        }
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        assert_values("layer norm", y, formula(x, 30, 1e-5, weight, bias, 1, 30));
        gan_layer_set_training(layer, 0);
        assert_true(compare_same_bits("evaluation", gan_layer_forward(f->tape, layer, x), y));
        free(weight);
        free(bias);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

static gan_tensor *instance(gan_tape *tape, gan_tensor *const *xs, void *user) {
    return gani_instance_norm(tape, xs[0], user == NULL ? NULL : xs[1], user == NULL ? NULL : xs[2], 1e-2,
                              GANI_NO_ACTIVATION);
}
static gan_tensor *layerwise(gan_tape *tape, gan_tensor *const *xs, void *user) {
    return gani_layer_norm(tape, xs[0], user == NULL ? NULL : xs[1], user == NULL ? NULL : xs[2], 1e-2);
}
static void derivatives(void **state) {
    layer_fixture *f = *state;
    for (int kind = 0; kind < 2; kind++) {
        gan_shape shape = kind == 0 ? gan_shape_4d(2, 2, 2, 3) : gan_shape_3d(3, 2, 3);
        gan_shape affine = kind == 0 ? gan_shape_1d(2) : gan_shape_2d(2, 3);
        gan_tensor *xs[3] = {host_uniform(f->context, GAN_F64, shape, -1, 1, 1),
                             host_uniform(f->context, GAN_F64, affine, 0.5, 1.5, 2),
                             host_uniform(f->context, GAN_F64, affine, -1, 1, 3)};
        gradcheck_function *function = kind == 0 ? instance : layerwise;
        layer_fixture_check(f, kind == 0 ? "instance norm" : "layer norm", function, NULL, xs, 1);
        layer_fixture_check(f, kind == 0 ? "instance norm, affine" : "layer norm, affine", function, f, xs, 3);
        for (int i = 0; i < 3; i++) gan_tensor_release(xs[i]);
    }
}

static void add_instance_norm(gan_builder *b) {
    gan_instance_norm_options o;
    gan_instance_norm_options_init(&o);
    o.affine = 1;
    gan_add_instance_norm(b, &o);
}
static void add_layer_norm(gan_builder *b) { gan_add_layer_norm(b, NULL); }
static void single_precision(void **state) {
    layer_fixture_single(*state, "instance norm", add_instance_norm, gan_shape_3d(5, 9, 7));
    layer_fixture_single(*state, "layer norm", add_layer_norm, gan_shape_3d(5, 9, 7));
}

/* Normalising items one by one: no item changes another, and a batch without items gives one. */
static void items_are_separate(void **state) {
    layer_fixture *f = *state;
    for (int kind = 0; kind < 2; kind++) {
        gan_builder *b = layer_fixture_begin(f, gan_shape_2d(3, 7));
        if (kind == 0)
            gan_add_instance_norm(b, NULL);
        else
            gan_add_layer_norm(b, NULL);
        gan_layer *layer = layer_fixture_end(f, b);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_3d(4, 3, 7), -1, 1, 1);
        gan_tensor *one = gan_layer_forward(f->tape, layer, gan_slice(f->tape, x, 0, 2, 1));
        gan_tensor *all = gan_layer_forward(f->tape, layer, x);
        assert_true(compare_same_bits("one of four", one, gan_slice(f->tape, all, 0, 2, 1)));
        gan_tensor *none = gan_watch(f->tape, gan_slice(f->tape, x, 0, 0, 0));
        gan_tensor *y = gan_layer_forward(f->tape, layer, none);
        assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_3d(0, 3, 7)));
        gan_gradient(f->tape, gan_sum(f->tape, y), none, 0);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

static void refused(void **state) {
    layer_fixture *f = *state;
    gan_instance_norm_options instance_options;
    gan_layer_norm_options layer_options;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 1, 1));
    gan_add_instance_norm(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (instance_norm)", "one value a channel");
    b = layer_fixture_begin(f, gan_shape_1d(3));
    gan_add_instance_norm(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (instance_norm)", "channels x height x width");
    b = layer_fixture_begin(f, gan_shape_2d(1, 1));
    gan_add_layer_norm(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (layer_norm)", "one value");
    static const double epsilons[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 8; i++) {
        b = layer_fixture_begin(f, gan_shape_3d(3, 2, 2));
        gan_instance_norm_options_init(&instance_options);
        gan_layer_norm_options_init(&layer_options);
        instance_options.epsilon = layer_options.epsilon = epsilons[i % 4];
        if (i < 4)
            gan_add_instance_norm(b, &instance_options);
        else
            gan_add_layer_norm(b, &layer_options);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0", "epsilon");
    }
    b = layer_fixture_begin(f, gan_shape_3d(3, 2, 2));
    gan_instance_norm_options_init(&instance_options);
    instance_options.affine = 2;
    gan_add_instance_norm(b, &instance_options);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "instance_norm", "affine is 2");
    b = layer_fixture_begin(f, gan_shape_3d(3, 2, 2));
    gan_layer_norm_options_init(&layer_options);
    layer_options.struct_size = 0;
    gan_add_layer_norm(b, &layer_options);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer_norm", "init function");
    gan_add_instance_norm(NULL, NULL);
    gan_add_layer_norm(NULL, NULL);
}

/* What a builder cannot have caught: the operations themselves. */
static void refused_on_the_tape(void **state) {
    layer_fixture *f = *state;
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 2, 2), -1, 1, 1);
    gan_tensor *three = host_uniform(f->context, GAN_F64, gan_shape_1d(3), -1, 1, 1);
    gan_tensor *narrow = gan_slice(f->tape, gan_slice(f->tape, x, 2, 0, 1), 3, 0, 1);
    gani_instance_norm(f->tape, narrow, NULL, NULL, 1e-5, GANI_NO_ACTIVATION);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_SHAPE);
    gan_tape_reset(f->tape);
    gani_instance_norm(f->tape, x, three, NULL, 1e-5, GANI_NO_ACTIVATION);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_ARGUMENT);
    gan_tape_reset(f->tape);
    gani_layer_norm(f->tape, x, three, three, 1e-5);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_SHAPE);
    gan_tape_reset(f->tape);
    gani_layer_norm(f->tape, x, NULL, NULL, 0);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_ARGUMENT);
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_tensor_release(three);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(instance_norm_values), TEST(layer_norm_values), TEST(derivatives),         TEST(single_precision),
        TEST(items_are_separate),   TEST(refused),           TEST(refused_on_the_tape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
