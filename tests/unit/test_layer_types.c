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
static void activations(void **state) {
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
    const struct CMUnitTest tests[] = {TEST(activations), TEST(pools), TEST(upsampling), TEST(joins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
