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
static void pools(void **state) {
    check_layer(*state, "global_avg_pool", add_global_avg_pool, global_avg_pool, gan_shape_3d(3, 4, 2),
                gan_shape_1d(3));
    gan_builder *b = layer_fixture_begin(*state, gan_shape_1d(5));
    gan_add_global_avg_pool(b);
    layer_fixture_refused(*state, b, GAN_E_SHAPE, "layer 0 (global_avg_pool)", "channels x height x width");
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
    const struct CMUnitTest tests[] = {TEST(activations), TEST(pools), TEST(joins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
