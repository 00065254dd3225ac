/* The projection of weights with a spectral compensation, where test_weights.c does not look: weights that are one, and
 * singular values that are small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "compare.h"
#include "layer_fixture.h"

static gan_weight_options compensated(gan_compensation compensation) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.form = GAN_WEIGHT_SPECTRAL_NORM;
    o.compensation = compensation;
    return o;
}

/* A weight that two layers share is projected once: a second time it would be divided by its norm again, and a record
 * would be that of another weight. */
static void tied_weights_once(void **state) {
    const layer_fixture *f = *state;
    static const gan_compensation both[] = {GAN_COMPENSATION_STATIC, GAN_COMPENSATION_DYNAMIC};
    for (int i = 0; i < 2; i++) {
        gan_weight_options o = compensated(both[i]);
        gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
        gan_add_linear(b, 5, &o);
        gan_layer *one = layer_fixture_end(f, b);
        b = layer_fixture_begin(f, gan_shape_1d(5));
        gan_add_linear(b, 5, &o);
        gan_add_linear(b, 5, &o);
        gan_layer *two = layer_fixture_end(f, b);
        assert_int_equal(gan_layer_tie(two, "1.weight_orig", "0.weight_orig"), GAN_OK);
        gan_tensor *w = gan_layer_find(one, "0.weight_orig"), *tied = gan_layer_find(two, "0.weight_orig");
        for (int step = 0; step < 3; step++) {
            assert_int_equal(gan_tensor_fill_uniform(w, -1, 1, 5, 99, (uint64_t)step * 1000), GAN_OK);
            assert_int_equal(gan_tensor_copy(tied, w), GAN_OK);
            gan_tape_reset(f->tape);
            assert_int_equal(gan_layer_compensate(f->tape, one), GAN_OK);
            assert_int_equal(gan_layer_compensate(f->tape, two), GAN_OK);
            assert_true(compare_same_bits("tied", tied, w));
        }
        gan_layer_release(one);
        gan_layer_release(two);
    }
}

/* Only what is nothing beside the largest is left alone: a thousandth is lifted. */
static void small_values_are_lifted(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = compensated(GAN_COMPENSATION_STATIC);
    o.compensated = 3;
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(3));
    gan_add_linear(b, 3, &o);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *w = gan_layer_find(layer, "0.weight_orig");
    static const double diagonal[] = {2, 0, 0, 0, 2e-3, 0, 0, 0, 2e-12};
    assert_int_equal(gan_tensor_write(w, diagonal, sizeof diagonal), GAN_OK);
    assert_int_equal(gan_layer_compensate(f->tape, layer), GAN_OK);
    assert_true(fabs(gan_tensor_item(w, 0) - 1) < 1e-14 && fabs(gan_tensor_item(w, 4) - 1) < 1e-12);
    assert_true(fabs(gan_tensor_item(w, 8)) < 1e-11);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(tied_weights_once), TEST(small_values_are_lifted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
