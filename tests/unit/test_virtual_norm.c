/* Virtual batch normalisation: exact facts, derivatives with and without those through the reference, where the
 * reference lives, and what is refused. */
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
#include "layer_fixture.h"
#include "train/model.h"

static void assert_tape(const layer_fixture *f) {
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
}

static gan_layer *virtual_norm(const layer_fixture *f, gan_dtype dtype, gan_shape item, int32_t combine) {
    gan_virtual_batch_norm_options o;
    gan_virtual_batch_norm_options_init(&o);
    assert_true(o.epsilon == 1e-5 && o.affine == 1 && o.combine == 1);
    o.combine = combine;
    gan_builder *b = gan_builder_begin(f->context, item);
    gan_builder_set_dtype(b, dtype);
    gan_add_virtual_batch_norm(b, &o);
    return layer_fixture_end(f, b);
}

static gan_tensor *through(gan_tape *tape, gan_layer *layer, gan_tensor *reference, gan_tensor *x) {
    gan_tensor *y;
    gan_layer_forward_reference(tape, layer, &reference, &x, 1, &y, 1);
    return y;
}

/* An item whose mean and mean square in each channel are the reference's is normalised as plain batch normalisation of
 * the reference would. The reference is one image, four times. */
static void like_the_reference(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = virtual_norm(f, GAN_F64, gan_shape_3d(2, 3, 3), 1);
    gan_tensor *image = host_uniform(f->context, GAN_F64, gan_shape_4d(1, 2, 3, 3), -2, 5, 3);
    gan_tensor *reference = gan_broadcast(f->tape, image, gan_shape_4d(4, 2, 3, 3));
    gan_tensor *plain =
        gan_batch_norm(f->tape, reference, gan_layer_find(layer, "0.weight"), gan_layer_find(layer, "0.bias"), 1e-5);
    gan_layer_set_reference(f->tape, layer, &reference, 1);
    gan_tensor *one = gan_layer_forward(f->tape, layer, image);
    assert_tape(f);
    assert_true(compare_tensors("set", one, gan_slice(f->tape, plain, 0, 0, 1), 1e-14));
    assert_true(compare_tensors("through", through(f->tape, layer, reference, image), one, 1e-14));
    /* with the pixels in another order too: only the two statistics count */
    static const int32_t turned[] = {0, 1, 3, 2};
    gan_tensor *other = gan_permute(f->tape, image, turned);
    assert_true(
        compare_tensors("turned", gan_layer_forward(f->tape, layer, other), gan_permute(f->tape, one, turned), 1e-14));
    gan_tensor_release(image);
    gan_layer_release(layer);
}

/* The formula with means of squares, by plain loops, for images and for vectors; the buffers. */
static void formula(void **state) {
    layer_fixture *f = *state;
    for (int variant = 0; variant < 4; variant++) {
        const int pixels = variant & 1 ? 1 : 4, combine = variant >> 1;
        enum { N = 3, M = 5, C = 2 };
        gan_layer *layer = virtual_norm(f, GAN_F64, pixels == 1 ? gan_shape_1d(C) : gan_shape_3d(C, 2, 2), combine);
        assert_int_equal(gan_layer_tensor_count(layer), 5);
        assert_true(gan_layer_parameter_count(layer) == 2 * C);
        assert_true(fabs(gan_tensor_item(gan_layer_find(layer, "0.weight"), 1) - 1) < 0.2);
        gan_shape one = pixels == 1 ? gan_shape_2d(N, C) : gan_shape_4d(N, C, 2, 2), many = one;
        many.size[0] = M;
        gan_tensor *x = host_uniform(f->context, GAN_F64, one, -1, 3, 1), *y;
        gan_tensor *reference = host_uniform(f->context, GAN_F64, many, -2, 1, 2);
        gan_layer_set_reference(f->tape, layer, &reference, 1);
        y = gan_layer_forward(f->tape, layer, x);
        assert_tape(f);
        for (int c = 0; c < C; c++) {
            double mean = 0, square = 0;
            for (int i = 0; i < M * pixels; i++) {
                double v = gan_tensor_item(reference, (i / pixels * C + c) * pixels + i % pixels);
                mean += v / (M * pixels);
                square += v * v / (M * pixels);
            }
            assert_true(
                compare_number("mean", gan_tensor_item(gan_layer_find(layer, "0.reference_mean"), c), mean, 1e-14));
            assert_true(compare_number("var", gan_tensor_item(gan_layer_find(layer, "0.reference_var"), c),
                                       square - mean * mean, 1e-14));
            for (int i = 0; i < N; i++) {
                double own = 0, own_square = 0, m = mean, s = square;
                for (int k = 0; k < pixels; k++) {
                    double v = gan_tensor_item(x, (i * C + c) * pixels + k);
                    own += v / pixels;
                    own_square += v * v / pixels;
                }
                if (combine) {
                    m = (M * mean + own) / (M + 1);
                    s = (M * square + own_square) / (M + 1);
                }
                for (int k = 0; k < pixels; k++) {
                    int at = (i * C + c) * pixels + k;
                    double expected = (gan_tensor_item(x, at) - m) / sqrt(s - m * m + 1e-5);
                    expected = expected * gan_tensor_item(gan_layer_find(layer, "0.weight"), c) +
                               gan_tensor_item(gan_layer_find(layer, "0.bias"), c);
                    assert_true(compare_number("y", gan_tensor_item(y, at), expected, 1e-13));
                }
            }
        }
        assert_true(gan_tensor_item(gan_layer_find(layer, "0.reference_count"), 0) == M);
        /* each item on its own, and no mode */
        gan_layer_set_training(layer, 0);
        gan_tensor *alone = gan_layer_forward(f->tape, layer, gan_slice(f->tape, x, 0, 1, 1));
        assert_true(compare_same_bits("alone", alone, gan_slice(f->tape, y, 0, 1, 1)));
        assert_int_equal(gani_is_one_batch(layer), 0);
        assert_true(compare_tensors("through", through(f->tape, layer, reference, x), y, 1e-14));
        gan_tensor *none = gan_layer_forward(f->tape, layer, gan_slice(f->tape, x, 0, 0, 0));
        assert_tape(f);
        assert_true(gan_tensor_shape(none).size[0] == 0);
        gan_tensor_release(x);
        gan_tensor_release(reference);
        gan_layer_release(layer);
        gan_tape_reset(f->tape);
    }
}

/* Means of squares would lose everything here: f32 has 7 digits, and the square of the mean 8. */
static void far_from_zero(void **state) {
    layer_fixture *f = *state;
    gan_tensor *y[2];
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F64 : GAN_F32;
        gan_layer *layer = virtual_norm(f, dtype, gan_shape_3d(1, 2, 2), 1);
        gan_tensor_fill(gan_layer_find(layer, "0.weight"), 1);
        gan_tensor *x = host_uniform(f->context, dtype, gan_shape_4d(2, 1, 2, 2), 4000, 4001, 1);
        gan_tensor *reference = host_uniform(f->context, dtype, gan_shape_4d(6, 1, 2, 2), 4000, 4001, 2);
        gan_layer_set_reference(f->tape, layer, &reference, 1);
        gan_tensor *result = gan_layer_forward(f->tape, layer, x);
        assert_tape(f);
        assert_int_equal(gan_tensor_clone(&y[type], result), GAN_OK);
        gan_tape_reset(f->tape);
        gan_tensor_release(x);
        gan_tensor_release(reference);
        gan_layer_release(layer);
    }
    assert_true(compare_tensors("f32", y[1], y[0], 5e-3)); /* numbers near 4000 have steps of 2.4e-4 */
    gan_tensor_release(y[0]);
    gan_tensor_release(y[1]);
}

static gan_tensor *apply_through(gan_tape *tape, gan_tensor *const *xs, void *user) {
    return through(tape, user, xs[0], xs[1]);
}
static void derivatives(void **state) {
    layer_fixture *f = *state;
    for (int combine = 0; combine < 2; combine++) {
        gan_layer *layer = virtual_norm(f, GAN_F64, gan_shape_3d(2, 2, 2), combine);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 2, 2, 2), -1, 3, 1);
        gan_tensor *reference = host_uniform(f->context, GAN_F64, gan_shape_4d(3, 2, 2, 2), -2, 1, 2);
        gan_tensor *both[2] = {reference, x};
        layer_fixture_check(f, "virtual batch norm, through the reference", apply_through, layer, both, 2);
        gan_layer_set_reference(f->tape, layer, &reference, 1);
        layer_fixture_check_layer(f, "virtual batch norm", layer, x);
        /* after set_reference no gradient goes there; a reference that is set later does not disturb what is recorded
         */
        gan_tape_reset(f->tape);
        gan_tensor *watched = gan_watch(f->tape, reference), *at = gan_watch(f->tape, x), *weight, *g[3];
        gan_layer_set_reference(f->tape, layer, &watched, 1);
        gan_tensor *loss = gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, layer, at)));
        gan_layer_set_reference(f->tape, layer, &x, 1);
        weight = gan_layer_find(layer, "0.weight");
        gan_tensor *ask[3] = {at, weight, watched};
        gan_gradients(f->tape, loss, NULL, ask, 3, 0, g);
        assert_tape(f);
        assert_true(fabs(gan_tensor_item(g[0], 3)) > 0 && fabs(gan_tensor_item(g[1], 1)) > 0);
        for (int64_t i = 0; i < gan_tensor_count(g[2]); i++) assert_true(gan_tensor_item(g[2], i) == 0);
        gan_tape_reset(f->tape);
        gan_tensor_release(x);
        gan_tensor_release(reference);
        gan_layer_release(layer);
    }
}

/* A network that has another inside, with labels beside its numbers. */
static gan_layer *nested(const layer_fixture *f) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(3));
    gan_add_linear(b, 3, NULL);
    gan_add_virtual_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_layer *inner = layer_fixture_end(f, b);
    b = layer_fixture_begin(f, gan_shape_1d(3));
    gan_builder_input_indices(b, "labels", gan_shape_0d(), 2);
    gan_add_embedding(b, 2, 3);
    gan_add_product(b, "input");
    gan_add_layer(b, inner, "body");
    gan_builder_output(b, "first");
    gan_add_linear(b, 2, NULL);
    gan_add_virtual_batch_norm(b, NULL);
    gan_builder_output(b, "second");
    gan_layer *layer = layer_fixture_end(f, b);
    gan_layer_release(inner);
    return layer;
}

static gan_tensor *labels_of(const layer_fixture *f, int32_t count) {
    gan_tensor *labels;
    assert_int_equal(gan_tensor_create(&labels, f->context, GAN_I32, gan_shape_1d(count)), GAN_OK);
    int32_t *values = gan_tensor_data(labels);
    for (int32_t i = 0; i < count; i++) values[i] = i % 2;
    return labels;
}

/* Several inputs and outputs, networks inside, clones and averages, which have the buffers; the steady state. */
static void whole_networks(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = nested(f), *clone;
    gan_ema *average;
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    assert_int_equal(gan_ema_create(&average, layer, 0.5), GAN_OK);
    gan_tensor *reference[2] = {host_uniform(f->context, GAN_F64, gan_shape_2d(5, 3), -1, 1, 1), labels_of(f, 5)};
    gan_tensor *xs[2] = {host_uniform(f->context, GAN_F64, gan_shape_2d(3, 3), -1, 1, 2), labels_of(f, 3)};
    gan_tensor *ys[2], *zs[2];
    long long calls = 0;
    for (int step = 0; step < 6; step++) {
        gan_tape_reset(f->tape);
        if (step == 4) calls = atomic_load(&f->memory.calls);
        gan_layer_forward_reference(f->tape, layer, reference, xs, 2, ys, 2);
        gan_layer_set_reference(f->tape, layer, reference, 2);
        gan_layer_forward_many(f->tape, layer, xs, 2, zs, 2);
        for (int i = 0; i < 2; i++) assert_true(compare_tensors("both ways", zs[i], ys[i], 1e-13));
        assert_true(gan_shape_equal(gan_tensor_shape(ys[0]), gan_shape_2d(3, 3)));
        gan_tensor *loss = gan_sum(f->tape, gan_square(f->tape, ys[1]));
        assert_int_equal(gan_optimizer_step(adam, f->tape, loss), GAN_OK);
        gan_ema_update(average);
    }
    assert_true(atomic_load(&f->memory.calls) == calls);
    assert_true(compare_same_bits("average", gan_layer_find(gan_ema_layer(average), "body.1.reference_var"),
                                  gan_layer_find(layer, "body.1.reference_var")));
    assert_int_equal(gan_layer_clone(&clone, layer), GAN_OK);
    gan_layer_forward_many(f->tape, layer, xs, 2, ys, 2);
    gan_layer_forward_many(f->tape, clone, xs, 2, zs, 2);
    assert_tape(f);
    for (int i = 0; i < 2; i++) assert_true(compare_same_bits("clone", zs[i], ys[i]));
    gan_tape_reset(f->tape);
    for (int i = 0; i < 2; i++) {
        gan_tensor_release(xs[i]);
        gan_tensor_release(reference[i]);
    }
    gan_optimizer_release(adam);
    gan_ema_release(average);
    gan_layer_release(clone);
    gan_layer_release(layer);
}

static void assert_failed(layer_fixture *f, gan_status status, const char *what) {
    assert_int_equal(gan_tape_status(f->tape), status);
    if (strstr(gan_tape_error(f->tape), what) == NULL) fail_msg("message: %s", gan_tape_error(f->tape));
    gan_tape_reset(f->tape);
}

static void refused(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = virtual_norm(f, GAN_F64, gan_shape_1d(2), 1), *none;
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(2));
    gan_add_tanh(b);
    none = layer_fixture_end(f, b);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(3, 2), -1, 1, 1), *y;
    gan_tensor *wide = host_uniform(f->context, GAN_F64, gan_shape_2d(3, 4), -1, 1, 1);
    gan_layer_forward(f->tape, layer, x);
    assert_failed(f, GAN_E_STATE, "gan_layer_set_reference");
    gan_layer_set_reference(f->tape, none, &x, 1);
    assert_failed(f, GAN_E_STATE, "gan_add_virtual_batch_norm");
    gan_layer_set_reference(f->tape, layer, &wide, 1);
    assert_failed(f, GAN_E_SHAPE, "expects batch x");
    gan_layer_set_reference(f->tape, layer, &x, 2);
    assert_failed(f, GAN_E_ARGUMENT, "2 inputs were given to a network of 1");
    gan_layer_set_reference(f->tape, layer, NULL, 1);
    assert_failed(f, GAN_E_ARGUMENT, "xs is NULL");
    gan_layer_set_reference(f->tape, NULL, &x, 1);
    assert_failed(f, GAN_E_ARGUMENT, "the layer is NULL");
    gan_layer_set_reference(NULL, layer, &x, 1);
    y = gan_slice(f->tape, x, 0, 0, 0);
    gan_layer_set_reference(f->tape, layer, &y, 1);
    assert_failed(f, GAN_E_SHAPE, "the reference batch is empty");
    gan_layer_forward_reference(f->tape, layer, &wide, &x, 1, &y, 1);
    assert_failed(f, GAN_E_SHAPE, "expects batch x");
    gan_layer_forward_reference(f->tape, layer, &x, &wide, 1, &y, 1);
    assert_failed(f, GAN_E_SHAPE, "expects batch x");
    gan_layer_forward_reference(f->tape, layer, NULL, &x, 1, &y, 1);
    assert_failed(f, GAN_E_ARGUMENT, "xs is NULL");
    gan_layer_forward_reference(f->tape, layer, &x, &x, 1, NULL, 1);
    assert_failed(f, GAN_E_ARGUMENT, "ys is NULL");
    gan_layer_forward_reference(f->tape, layer, &x, &x, 1, &y, 0);
    assert_failed(f, GAN_E_ARGUMENT, "0 outputs are asked");
    gan_layer_forward_reference(NULL, layer, &x, &x, 1, &y, 1);
    assert_non_null(y);
    /* a reference of one vector, and a batch of nothing, are defined */
    gan_tensor *one = gan_slice(f->tape, x, 0, 0, 1), *empty = gan_slice(f->tape, x, 0, 0, 0);
    gan_layer_forward_reference(f->tape, layer, &one, &empty, 1, &y, 1);
    assert_tape(f);
    assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_2d(0, 2)));
    y = gan_layer_forward(f->tape, layer, one); /* it is its own reference: the variance is 0 */
    assert_tape(f);
    for (int i = 0; i < 2; i++) assert_true(fabs(gan_tensor_item(y, i)) < 1e-12);
    gan_tape_reset(f->tape);

    gan_virtual_batch_norm_options o;
    gan_virtual_batch_norm_options_init(&o);
    for (int i = 0; i < 4; i++) {
        static const char *const what[] = {"affine is 2", "combine is -1", "epsilon", "without channels"};
        o.affine = i == 0 ? 2 : 1;
        o.combine = i == 1 ? -1 : 1;
        o.epsilon = i == 2 ? NAN : 1e-5;
        b = layer_fixture_begin(f, i == 3 ? gan_shape_0d() : gan_shape_1d(2));
        gan_add_virtual_batch_norm(b, &o);
        layer_fixture_refused(f, b, i == 3 ? GAN_E_SHAPE : GAN_E_ARGUMENT, "virtual_batch_norm", what[i]);
    }
    /* without weight and bias: the buffers alone */
    gan_virtual_batch_norm_options_init(&o);
    o.affine = 0;
    b = layer_fixture_begin(f, gan_shape_1d(2));
    gan_add_virtual_batch_norm(b, &o);
    gan_layer *plain = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tensor_count(plain), 3);
    gan_layer_set_reference(f->tape, plain, &x, 1);
    assert_tape(f);
    layer_fixture_check_layer(f, "without weight", plain, x);
    gan_layer_release(plain);
    gan_tensor_release(x);
    gan_tensor_release(wide);
    gan_layer_release(none);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(like_the_reference), TEST(formula),        TEST(far_from_zero),
                                       TEST(derivatives),        TEST(whole_networks), TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
