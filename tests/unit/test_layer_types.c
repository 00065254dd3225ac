/* Layer types without numbers of their own: each is the operation it names, with the shape, the derivatives, the single
 * precision and the refusals that belong to it. */
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

/* The layer at a batch of 3 items is `expected`, made by operations; training and evaluation alike. */
typedef gan_tensor *operation(gan_tape *tape, gan_tensor *x);

static void check_layer(layer_fixture *f, const char *name, void (*add)(gan_builder *), operation *expected,
                        gan_shape item, gan_shape output) {
    gan_builder *b = layer_fixture_begin(f, item);
    add(b);
    gan_layer *layer = layer_fixture_end(f, b);
    if (!gan_shape_equal(gan_layer_output_shape(layer, 0), output)) fail_msg("%s: the output's shape", name);
    gan_shape shape = gan_shape_1d(3);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    gan_tensor *x = host_uniform(f->context, GAN_F64, shape, -2, 2, 5), *y = gan_layer_forward(f->tape, layer, x);
    gan_tensor *z = expected(f->tape, x);
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(f->tape));
    assert_true(compare_same_bits(name, y, z));
    gan_layer_set_training(layer, 0);
    assert_true(compare_same_bits(name, gan_layer_forward(f->tape, layer, x), y));
    layer_fixture_check_layer(f, name, layer, x);
    gan_tensor *empty = gan_slice(f->tape, x, 0, 0, 0);
    y = gan_layer_forward(f->tape, layer, empty);
    assert_true(gan_tensor_shape(y).size[0] == 0 && gan_tensor_shape(y).rank == output.rank + 1);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    layer_fixture_single(f, name, add, item);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

static void add_softplus(gan_builder *b) { gan_add_softplus(b); }
static gan_tensor *softplus(gan_tape *t, gan_tensor *x) { return gan_softplus(t, x); }
static void add_elu(gan_builder *b) { gan_add_elu(b, 0.7); }
static gan_tensor *elu(gan_tape *t, gan_tensor *x) { return gan_elu(t, x, 0.7); }
static void add_softmax(gan_builder *b) { gan_add_softmax(b); }
static gan_tensor *softmax(gan_tape *t, gan_tensor *x) { return gan_softmax(t, x, 1); }
static void add_log_softmax(gan_builder *b) { gan_add_log_softmax(b); }
static gan_tensor *log_softmax(gan_tape *t, gan_tensor *x) { return gan_log_softmax(t, x, 1); }
/* 6 x 2 in pieces of 3: unit f is the largest of rows 3 f, 3 f + 1, 3 f + 2 */
static void add_maxout(gan_builder *b) { gan_add_maxout(b, 3); }
static gan_tensor *maxout(gan_tape *t, gan_tensor *x) {
    gan_tensor *units[2];
    for (int64_t f = 0; f < 2; f++) units[f] = gan_max_axis(t, gan_slice(t, x, 1, 3 * f, 3), 1, 1);
    return gan_concat(t, units, 2, 1);
}
/* slopes of 0.7, one for all or for each of 3 channels */
static void add_prelu(gan_builder *b) { gan_add_prelu(b, 1, 0.7); }
static void add_prelu_each(gan_builder *b) { gan_add_prelu(b, 3, 0.7); }
static gan_tensor *prelu(gan_tape *t, gan_tensor *x) { return gan_leaky_relu(t, x, 0.7); }

/* Each channel by its own slope, whose gradient is the sum of the negative values. */
static void slopes_of_channels(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_2d(2, 2));
    gan_add_prelu(b, 2, 0.25);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    gan_tensor *slopes = gan_layer_find(layer, "0.weight");
    assert_true(gan_tensor_item(slopes, 0) == 0.25);
    const double values[] = {-1, 2, 3, -4, -5, -6, 0, 8}, made[] = {-0.5, 2, 3, -40, -2.5, -3, 0, 8};
    const double of_slopes[] = {-1 - 5 - 6, -4}, of_x[] = {0.5, 1, 1, 10, 0.5, 0.5, 10, 1};
    ((double *)gan_tensor_data(slopes))[0] = 0.5;
    ((double *)gan_tensor_data(slopes))[1] = 10;
    gan_tensor *x = host_tensor(f->context, GAN_F64, gan_shape_3d(2, 2, 2), values), *gradients[2];
    gan_tensor *watched = gan_watch(f->tape, x), *y = gan_layer_forward(f->tape, layer, watched);
    gan_gradients(f->tape, y, NULL, (gan_tensor *[]){slopes, watched}, 2, 0, gradients);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    for (int i = 0; i < 8; i++) {
        assert_true(gan_tensor_item(y, i) == made[i]);
        assert_true(gan_tensor_item(gradients[1], i) == of_x[i]);
    }
    for (int i = 0; i < 2; i++) assert_true(gan_tensor_item(gradients[0], i) == of_slopes[i]);
    const double infinite[] = {INFINITY, -INFINITY, 1, 1};
    gan_tensor *ends = host_tensor(f->context, GAN_F64, gan_shape_3d(1, 2, 2), infinite);
    y = gan_layer_forward(f->tape, layer, ends);
    for (int i = 0; i < 4; i++) assert_true(gan_tensor_item(y, i) == infinite[i]);
    gan_tensor_release(ends);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

static void activations(void **state) {
    check_layer(*state, "elu", add_elu, elu, gan_shape_2d(3, 2), gan_shape_2d(3, 2));
    check_layer(*state, "softmax", add_softmax, softmax, gan_shape_2d(3, 2), gan_shape_2d(3, 2));
    check_layer(*state, "log_softmax", add_log_softmax, log_softmax, gan_shape_1d(5), gan_shape_1d(5));
    check_layer(*state, "maxout", add_maxout, maxout, gan_shape_2d(6, 2), gan_shape_2d(2, 2));
    check_layer(*state, "prelu", add_prelu, prelu, gan_shape_2d(3, 2), gan_shape_2d(3, 2));
    check_layer(*state, "prelu", add_prelu_each, prelu, gan_shape_3d(3, 2, 2), gan_shape_3d(3, 2, 2));
    gan_builder *b = layer_fixture_begin(*state, gan_shape_2d(3, 2));
    gan_add_prelu(b, 2, 0.25);
    layer_fixture_refused(*state, b, GAN_E_ARGUMENT, "layer 0 (prelu)",
                          "it has 2 slopes; for an input of shape 3x2 it can have 1, or one for each channel");
    b = layer_fixture_begin(*state, gan_shape_0d());
    gan_add_prelu(b, 1, NAN);
    layer_fixture_refused(*state, b, GAN_E_ARGUMENT, "layer 0 (prelu)", "its slope is nan; it must be finite");
    b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_elu(b, -INFINITY);
    layer_fixture_refused(*state, b, GAN_E_ARGUMENT, "layer 0 (elu)", "its alpha is -inf; it must be finite");
    b = layer_fixture_begin(*state, gan_shape_0d());
    gan_add_softmax(b);
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 0 (softmax)", "scalar");
    b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_maxout(b, 2);
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 0 (maxout)", "no multiple of 2");
    b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_maxout(b, 0);
    layer_fixture_refused(*state, b, GAN_E_ARGUMENT, "layer 0 (maxout)", "0 pieces");
    check_layer(*state, "softplus", add_softplus, softplus, gan_shape_2d(3, 2), gan_shape_2d(3, 2));
}

static void add_global_avg_pool(gan_builder *b) { gan_add_global_avg_pool(b); }
static gan_tensor *global_avg_pool(gan_tape *t, gan_tensor *x) {
    return gan_scale(t, gan_sum_axes(t, x, 0xCu, 0), 1.0 / 8);
}
static void add_avg_pool2d(gan_builder *b) { gan_add_avg_pool2d(b, 3, 2, 1); }
static gan_tensor *avg_pool2d(gan_tape *t, gan_tensor *x) { return gan_avg_pool2d(t, x, 3, 2, 1); }
static void add_max_pool2d(gan_builder *b) { gan_add_max_pool2d(b, 2, 1, 0); }
static gan_tensor *max_pool2d(gan_tape *t, gan_tensor *x) { return gan_max_pool2d(t, x, 2, 1, 0); }
static void pools(void **state) {
    check_layer(*state, "avg_pool2d", add_avg_pool2d, avg_pool2d, gan_shape_3d(2, 5, 4), gan_shape_3d(2, 3, 2));
    check_layer(*state, "max_pool2d", add_max_pool2d, max_pool2d, gan_shape_3d(2, 4, 3), gan_shape_3d(2, 3, 2));
    static const struct {
        int64_t kernel, stride, padding;
        const char *what;
    } wrong[] = {
        {0, 1, 0, "kernel"}, {2, 0, 0, "stride"}, {2, 1, 2, "padding"}, {2, 1, -1, "padding"}, {9, 1, 0, "4x4"}};
    for (int i = 0; i < 10; i++) {
        gan_builder *bad = layer_fixture_begin(*state, i == 9 ? gan_shape_2d(4, 4) : gan_shape_3d(1, 4, 4));
        if (i < 5)
            gan_add_avg_pool2d(bad, wrong[i].kernel, wrong[i].stride, wrong[i].padding);
        else
            gan_add_max_pool2d(bad, wrong[i - 5].kernel, wrong[i - 5].stride, wrong[i - 5].padding);
        layer_fixture_refused(*state, bad, i % 5 == 4 ? GAN_E_SHAPE : GAN_E_ARGUMENT,
                              i < 5 ? "layer 0 (avg_pool2d)" : "layer 0 (max_pool2d)", wrong[i % 5].what);
    }
    check_layer(*state, "global_avg_pool", add_global_avg_pool, global_avg_pool, gan_shape_3d(3, 4, 2),
                gan_shape_1d(3));
    gan_builder *b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_global_avg_pool(b);
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 0 (global_avg_pool)", "channels x height x width");
}

static void add_nearest(gan_builder *b) { gan_add_upsample(b, 2, GAN_NEAREST); }
static gan_tensor *nearest(gan_tape *t, gan_tensor *x) { return gan_interpolate2d(t, x, 4, 6, GAN_NEAREST); }
static void add_bilinear(gan_builder *b) { gan_add_upsample(b, 3, GAN_BILINEAR); }
static gan_tensor *bilinear(gan_tape *t, gan_tensor *x) { return gan_interpolate2d(t, x, 6, 9, GAN_BILINEAR); }
static void add_corners(gan_builder *b) { gan_add_upsample(b, 2, GAN_BILINEAR_CORNERS); }
static gan_tensor *corners(gan_tape *t, gan_tensor *x) { return gan_interpolate2d(t, x, 4, 6, GAN_BILINEAR_CORNERS); }
static void upsampling(void **state) {
    check_layer(*state, "nearest", add_nearest, nearest, gan_shape_3d(2, 2, 3), gan_shape_3d(2, 4, 6));
    check_layer(*state, "bilinear", add_bilinear, bilinear, gan_shape_3d(1, 2, 3), gan_shape_3d(1, 6, 9));
    check_layer(*state, "corners", add_corners, corners, gan_shape_3d(2, 2, 3), gan_shape_3d(2, 4, 6));
    static const struct {
        int64_t height, factor;
        int32_t mode;
        gan_status status;
        const char *what;
    } wrong[] = {{4, 0, GAN_NEAREST, GAN_E_ARGUMENT, "factor of 0"},
                 {4, 32769, GAN_NEAREST, GAN_E_ARGUMENT, "factor of 32769"},
                 {4, 2, 3, GAN_E_ARGUMENT, "mode 3"},
                 {4, 2, -1, GAN_E_ARGUMENT, "mode -1"},
                 {(int64_t)1 << 40, 2, GAN_NEAREST, GAN_E_LIMIT, "too large"}};
    for (int i = 0; i < 5; i++) {
        gan_builder *b = layer_fixture_begin(*state, gan_shape_3d(1, wrong[i].height, 1));
        gan_add_upsample(b, wrong[i].factor, wrong[i].mode);
        layer_fixture_refused(*state, b, wrong[i].status, "layer 0 (upsample)", wrong[i].what);
    }
    gan_builder *b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_upsample(b, 2, GAN_NEAREST);
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 0 (upsample)", "channels x height x width");
}

static void add_zero_pad(gan_builder *b) { gan_add_pad2d(b, 1, 2, 3, 0, GAN_PAD_ZERO); }
static gan_tensor *pad(gan_tape *t, gan_tensor *x, gan_pad_mode mode) {
    int64_t top = mode == GAN_PAD_ZERO ? 3 : 1;
    return gan_pad(t, gan_pad(t, x, 3, 1, 2, mode), 2, top, 0, mode);
}
static gan_tensor *zero_pad(gan_tape *t, gan_tensor *x) { return pad(t, x, GAN_PAD_ZERO); }
static void add_reflect_pad(gan_builder *b) { gan_add_pad2d(b, 1, 2, 1, 0, GAN_PAD_REFLECT); }
static gan_tensor *reflect_pad(gan_tape *t, gan_tensor *x) { return pad(t, x, GAN_PAD_REFLECT); }
static void add_replicate_pad(gan_builder *b) { gan_add_pad2d(b, 1, 2, 1, 0, GAN_PAD_REPLICATE); }
static gan_tensor *replicate_pad(gan_tape *t, gan_tensor *x) { return pad(t, x, GAN_PAD_REPLICATE); }
static void padding(void **state) {
    check_layer(*state, "zero pad", add_zero_pad, zero_pad, gan_shape_3d(2, 2, 3), gan_shape_3d(2, 5, 6));
    check_layer(*state, "reflect", add_reflect_pad, reflect_pad, gan_shape_3d(2, 2, 3), gan_shape_3d(2, 3, 6));
    check_layer(*state, "replicate", add_replicate_pad, replicate_pad, gan_shape_3d(2, 2, 3), gan_shape_3d(2, 3, 6));
    static const struct {
        int64_t left, bottom;
        int32_t mode;
        gan_status status;
        const char *what;
    } wrong[] = {{-1, 0, GAN_PAD_ZERO, GAN_E_ARGUMENT, "padding of -1"},
                 {0, 32769, GAN_PAD_ZERO, GAN_E_ARGUMENT, "padding of 32769"},
                 {0, 0, 3, GAN_E_ARGUMENT, "mode 3"},
                 {0, 0, -1, GAN_E_ARGUMENT, "mode -1"},
                 {3, 0, GAN_PAD_REFLECT, GAN_E_SHAPE, "by 2 at most"},
                 {0, 2, GAN_PAD_REFLECT, GAN_E_SHAPE, "by 1 at most"}};
    for (int i = 0; i < 6; i++) {
        gan_builder *b = layer_fixture_begin(*state, gan_shape_3d(1, 2, 3));
        gan_add_pad2d(b, wrong[i].left, 0, 0, wrong[i].bottom, wrong[i].mode);
        layer_fixture_refused(*state, b, wrong[i].status, "layer 0 (pad2d)", wrong[i].what);
    }
    gan_builder *b = layer_fixture_begin(*state, gan_shape_2d(5, 5));
    gan_add_pad2d(b, 1, 1, 1, 1, GAN_PAD_ZERO);
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 0 (pad2d)", "channels x height x width");
}

/* Rows of the table; the gradient of a row is the sum of those of its readers. */
static void embedding(void **state) {
    layer_fixture *f = *state;
    static const double numbers[] = {3, 0, 3, 4, 1, 3};
    gan_tensor *index = host_tensor(f->context, GAN_I32, gan_shape_2d(3, 2), numbers);
    for (int type = 0; type < 2; type++) {
        gan_builder *b = gan_builder_begin_indices(f->context, gan_shape_1d(2), 5);
        gan_builder_set_dtype(b, type == 0 ? GAN_F64 : GAN_F32);
        gan_add_embedding(b, 6, 4);
        gan_layer *layer = layer_fixture_end(f, b);
        gan_tensor *weight = gan_layer_find(layer, "0.weight");
        assert_true(gan_shape_equal(gan_layer_output_shape(layer, 0), gan_shape_2d(2, 4)));
        assert_true(gan_shape_equal(gan_tensor_shape(weight), gan_shape_2d(6, 4)));
        gan_tensor *y = gan_layer_forward(f->tape, layer, index);
        for (int64_t i = 0; i < 6; i++)
            for (int64_t k = 0; k < 4; k++)
                assert_true(gan_tensor_item(y, 4 * i + k) == gan_tensor_item(weight, 4 * (int64_t)numbers[i] + k));
        gan_tensor *g = gan_gradient(f->tape, gan_sum(f->tape, gan_square(f->tape, y)), weight, 0);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        static const double readers[] = {1, 1, 0, 3, 1, 0};
        for (int64_t i = 0; i < 24; i++)
            assert_true(compare_number("rows", gan_tensor_item(g, i), 2 * readers[i / 4] * gan_tensor_item(weight, i),
                                       type == 0 ? 1e-14 : 1e-6));
        gan_tape_reset(f->tape);
        gan_layer_release(layer);
    }
    /* N(0, 1) by default */
    gan_builder *b = gan_builder_begin_indices(f->context, gan_shape_1d(2), 5);
    gan_add_embedding(b, 100, 50);
    gan_layer *layer = layer_fixture_end(f, b);
    double *values = compare_read(gan_layer_find(layer, "0.weight")), mean = 0, var = 0;
    for (int64_t i = 0; i < 5000; i++) mean += values[i] / 5000;
    for (int64_t i = 0; i < 5000; i++) var += values[i] * values[i] / 5000;
    assert_true(fabs(mean) < 4 / sqrt(5000) && fabs(var - 1) < 4 * sqrt(2.0 / 5000));
    free(values);
    gan_layer_release(layer);
    gan_tensor_release(index);
    b = gan_builder_begin_indices(f->context, gan_shape_1d(2), 7);
    gan_add_embedding(b, 6, 4);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (embedding)", "6 rows");
    b = gan_builder_begin_indices(f->context, gan_shape_1d(2), 5);
    gan_add_embedding(b, 0, 4);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (embedding)", "0 x 4");
    b = layer_fixture_begin(f, gan_shape_1d(2));
    gan_add_embedding(b, 6, 4);
    layer_fixture_refused(f, b, GAN_E_DTYPE, "layer 0 (embedding)", "indices");
}

/* Each value is 0 or x / (1 - p); how many are 0, what gradients see, and that the same position of the stream gives
 * the same mask. */
static void dropout(void **state) {
    layer_fixture *f = *state;
    enum { N = 4000 };
    for (int type = 0; type < 2; type++) {
        static const double ps[] = {0, 0.25, 0.5, 0.9, 1};
        gan_dtype dtype = type == 0 ? GAN_F64 : GAN_F32;
        gan_tensor *x = host_uniform(f->context, dtype, gan_shape_2d(4, N / 4), 1, 2, 5);
        for (int i = 0; i < 5; i++) {
            gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(N / 4));
            gan_builder_set_dtype(b, dtype);
            gan_add_dropout(b, ps[i]);
            gan_layer *layer = layer_fixture_end(f, b);
            assert_int_equal(gan_context_set_position(f->context, GAN_STREAM_NOISE, 0), GAN_OK);
            gan_tensor *w = gan_watch(f->tape, x), *y = gan_layer_forward(f->tape, layer, w);
            gan_tensor *g = gan_gradient(f->tape, gan_sum(f->tape, y), w, 0);
            assert_int_equal(gan_tape_status(f->tape), GAN_OK);
            int64_t zeros = 0;
            for (int64_t k = 0; k < N; k++) {
                double kept = gan_tensor_item(y, k) == 0 ? 0 : 1 / (1 - ps[i]);
                zeros += kept == 0;
                assert_true(compare_number("kept", gan_tensor_item(y, k), gan_tensor_item(x, k) * kept, 1e-6));
                assert_true(compare_number("gradient", gan_tensor_item(g, k), kept, 1e-6));
            }
            assert_true(fabs((double)zeros - N * ps[i]) <= 4 * sqrt(N * ps[i] * (1 - ps[i])));
            gan_tensor *other = gan_layer_forward(f->tape, layer, x);
            int64_t changed = 0;
            for (int64_t k = 0; k < N; k++) changed += gan_tensor_item(other, k) != gan_tensor_item(y, k);
            assert_true((changed > 0) == (ps[i] > 0 && ps[i] < 1));
            assert_int_equal(gan_context_set_position(f->context, GAN_STREAM_NOISE, 0), GAN_OK);
            assert_true(compare_same_bits("the same mask", gan_layer_forward(f->tape, layer, x), y));
            /* evaluation: x itself, and no random number is taken */
            uint64_t position = gan_context_position(f->context, GAN_STREAM_NOISE);
            gan_layer_set_training(layer, 0);
            assert_true(compare_same_bits("evaluation", gan_layer_forward(f->tape, layer, x), x));
            assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == position);
            gan_tape_reset(f->tape);
            gan_layer_release(layer);
        }
        gan_tensor_release(x);
    }
    /* whole channels, each with its own number */
    gan_tensor *maps = host_uniform(f->context, GAN_F64, gan_shape_4d(40, 50, 2, 3), 1, 2, 5);
    gan_builder *whole = layer_fixture_begin(f, gan_shape_3d(50, 2, 3));
    gan_add_dropout2d(whole, 0.25);
    gan_layer *channels = layer_fixture_end(f, whole);
    gan_tensor *y = gan_layer_forward(f->tape, channels, maps);
    int64_t dropped = 0;
    for (int64_t i = 0; i < 2000; i++) {
        double kept = gan_tensor_item(y, 6 * i) == 0 ? 0 : 4.0 / 3;
        dropped += kept == 0;
        for (int64_t k = 0; k < 6; k++)
            assert_true(
                compare_number("kept", gan_tensor_item(y, 6 * i + k), gan_tensor_item(maps, 6 * i + k) * kept, 1e-12));
    }
    assert_in_range(dropped, 500 - 78, 500 + 78); /* 4 standard deviations */
    gan_tensor_release(maps);
    gan_layer_release(channels);
    gan_tape_reset(f->tape);
    static const double wrong[] = {-0.1, 1.1, NAN};
    static const char *const shown[] = {"its p is -0.1; it must be in 0 to 1", "its p is 1.1;", "nan;"};
    for (int i = 0; i < 3; i++) {
        gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
        gan_add_dropout(b, wrong[i]);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (dropout)", shown[i]);
    }
}

static void add_product(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_product(b, "input");
}
static gan_tensor *product(gan_tape *t, gan_tensor *x) { return gan_mul(t, gan_tanh(t, x), x); }
static void joins(void **state) {
    check_layer(*state, "product", add_product, product, gan_shape_2d(3, 2), gan_shape_2d(3, 2));
    gan_builder *b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_linear(b, 4, NULL);
    gan_add_product(b, "input");
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 1 (product)", "must be equal");
    b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_product(b, NULL);
    layer_fixture_refused(*state, b, GAN_E_ARGUMENT, "builder", "NULL");
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(activations), TEST(slopes_of_channels), TEST(pools),   TEST(upsampling),
                                       TEST(padding),     TEST(embedding),          TEST(dropout), TEST(joins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
