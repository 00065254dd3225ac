/* Facts about losses and networks that are known beforehand and need a network to be seen: what a trained critic says
 * of two distributions, and what a patch discriminator sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "layer_fixture.h"

#include <gan.h>

/* (log 4 - loss) / 2 of a critic trained on binary cross-entropy estimates the Jensen-Shannon divergence: log 2 for
 * distributions that do not meet, however far apart they are, so that it says nothing about the distance (Arjovsky et
 * al. 2017, section 2); near 0 for one that is the other. Points of N(0, 0.1^2) and of N(shift, 0.1^2), in the plane.
 */
static double js_estimate(const layer_fixture *f, double shift) {
    enum { BATCH = 256, STEPS = 400 };
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(2));
    gan_add_linear(b, 32, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 1, NULL);
    gan_layer *critic = layer_fixture_end(f, b);
    gan_adam_options options;
    gan_adam_options_init(&options);
    options.learning_rate = 1e-2;
    gan_optimizer *adam = NULL;
    gan_loss *bce = NULL;
    assert_int_equal(gan_adam_create(&adam, critic, &options), GAN_OK);
    assert_int_equal(gan_loss_bce_create(&bce, f->context, NULL), GAN_OK);
    double last = 0;
    for (int i = 0; i <= STEPS; i++) {
        gan_tape_reset(f->tape);
        const gan_shape shape = gan_shape_2d(BATCH, 2);
        gan_tensor *real = gan_scale(f->tape, gan_normal(f->tape, GAN_F32, shape), 0.1);
        gan_tensor *fake = gan_add_scalar(f->tape, gan_scale(f->tape, gan_normal(f->tape, GAN_F32, shape), 0.1), shift);
        gan_tensor *loss = gan_loss_discriminator(f->tape, bce, gan_layer_forward(f->tape, critic, real),
                                                  gan_layer_forward(f->tape, critic, fake));
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        last = gan_tensor_item(loss, 0);
        assert_int_equal(gan_optimizer_step(adam, f->tape, loss), GAN_OK);
    }
    gan_loss_release(bce);
    gan_optimizer_release(adam);
    gan_layer_release(critic);
    return (log(4) - last) / 2;
}
static void jensen_shannon_saturates(void **state) {
    const layer_fixture *f = *state;
    const double shifts[] = {1, 2, 4, 8};
    for (int i = 0; i < 4; i++) assert_true(compare_number("JS", js_estimate(f, shifts[i]), log(2), 2e-3));
    assert_true(fabs(js_estimate(f, 0)) < 0.02);
}

/* A unit of the 70 x 70 PatchGAN (Isola et al. 2017, section 6.1.2) depends on 70 x 70 pixels and no others. Without
 * its normalisations, which see the whole image. With positive weights nothing cancels. */
static void patch_of_a_unit(void **state) {
    const layer_fixture *f = *state;
    enum { SIZE = 160, UNIT = 8 };
    static const int64_t strides[] = {2, 2, 2, 1, 1};
    gan_builder *b = gan_builder_begin(f->context, gan_shape_3d(1, SIZE, SIZE));
    gan_builder_set_dtype(b, GAN_F64);
    for (int i = 0; i < 5; i++) {
        gan_add_conv2d(b, i == 4 ? 1 : 2, 4, strides[i], 1, NULL);
        if (i < 4) gan_add_leaky_relu(b, 0.2);
    }
    gan_layer *net = layer_fixture_end(f, b);
    for (int32_t i = 0; i < gan_layer_tensor_count(net); i++)
        assert_int_equal(gan_init_uniform(gan_layer_tensor(net, i), 0.1, 0.2), GAN_OK);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(1, 1, SIZE, SIZE), 0, 1, 3);
    gan_tensor *w = gan_watch(f->tape, x), *y = gan_layer_forward(f->tape, net, w);
    gan_tensor *unit = gan_slice(f->tape, gan_slice(f->tape, y, 2, UNIT, 1), 3, UNIT, 1);
    gan_tensor *g = gan_gradient(f->tape, unit, w, 0);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    const double before = gan_tensor_item(unit, 0);
    double *slope = compare_read(g), *pixels = gan_tensor_data(x);
    int64_t count = 0, top = SIZE, bottom = -1, left = SIZE, right = -1;
    for (int64_t i = 0; i < SIZE; i++)
        for (int64_t j = 0; j < SIZE; j++) {
            if (slope[i * SIZE + j] == 0) {
                pixels[i * SIZE + j] += 100; /* none of these may matter */
                continue;
            }
            count++;
            top = i < top ? i : top, bottom = i > bottom ? i : bottom;
            left = j < left ? j : left, right = j > right ? j : right;
        }
    assert_int_equal(count, 70 * 70);
    assert_int_equal(bottom - top + 1, 70);
    assert_int_equal(right - left + 1, 70);
    gan_tape_reset(f->tape);
    y = gan_layer_forward(f->tape, net, x);
    unit = gan_slice(f->tape, gan_slice(f->tape, y, 2, UNIT, 1), 3, UNIT, 1);
    assert_true(gan_tensor_item(unit, 0) == before);
    free(slope);
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_layer_release(net);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(jensen_shannon_saturates), TEST(patch_of_a_unit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
