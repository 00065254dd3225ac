/* DiffAugment: what each change may do, derivatives, refusals. The comparison with
 * PyTorch is in golden/test_golden_terms.c. */
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
#include "gradcheck.h"
#include "host.h"
#include "tape_fixture.h"

static gan_diff_augment_options only(int color, int translation, int cutout) {
    gan_diff_augment_options o;
    gan_diff_augment_options_init(&o);
    o.color = color;
    o.translation = translation;
    o.cutout = cutout;
    return o;
}

/* Images of ones, moved and cut: what is left is a rectangle less a rectangle, of sizes within what was asked for; all
 * shifts and all corners of holes come up. */
static void moves_and_holes(void **state) {
    (void)state;
    enum { N = 400, H = 16, W = 24 };
    gan_diff_augment_options moved = only(0, 1, 0), cut = only(0, 0, 1);
    gan_tensor *ones = gan_full(tape, GAN_F32, gan_shape_4d(N, 2, H, W), 1);
    gan_tensor *a = gan_diff_augment(tape, ones, &moved), *b = gan_diff_augment(tape, ones, &cut);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    int seen[2 * H + 1] = {0}, seen_hole[2 * H + 1] = {0};
    for (int64_t n = 0; n < N; n++) {
        int64_t rows = 0, columns = 0, top = -1, hole_rows = 0, hole_columns = 0, hole_top = -1;
        for (int64_t i = 0; i < H; i++) {
            double in_row = 0, hole_in_row = 0;
            for (int64_t j = 0; j < W; j++) {
                double value = gan_tensor_item(a, (n * 2 * H + i) * W + j),
                       kept = gan_tensor_item(b, (n * 2 * H + i) * W + j);
                assert_true((value == 0 || value == 1) && (kept == 0 || kept == 1));
                assert_true(value == gan_tensor_item(a, (n * 2 * H + H + i) * W + j)); /* every channel alike */
                assert_true(kept == gan_tensor_item(b, (n * 2 * H + H + i) * W + j));
                in_row += value;
                hole_in_row += 1 - kept;
            }
            if (in_row > 0) {
                if (top < 0) top = i;
                rows++;
                columns = (int64_t)in_row;
            }
            if (hole_in_row > 0) {
                if (hole_top < 0) hole_top = i;
                hole_rows++;
                assert_true(hole_columns == 0 || hole_columns == (int64_t)hole_in_row);
                hole_columns = (int64_t)hole_in_row;
            }
        }
        assert_true(rows >= H - 2 && columns >= W - 3); /* an eighth of the size */
        assert_true(hole_rows >= 4 && hole_rows <= 8 && hole_columns >= 6 &&
                    hole_columns <= 12); /* half of it at most */
        seen[H - rows + (top > 0 ? 0 : 2)]++;
        seen_hole[hole_rows]++;
    }
    assert_true(seen[0] + seen[2] > 0 && seen[1] > 0 && seen[3] > 0 && seen[4] > 0);
    for (int64_t k = 4; k <= 8; k++) assert_true(seen_hole[k] > 0);
}

/* Colours: a grey image has no saturation to change, one of one value no contrast; brightness moves all alike. */
static void colors(void **state) {
    (void)state;
    gan_tensor *image = uniform(gan_shape_4d(6, 3, 5, 4), 1);
    gan_diff_augment_options o = only(1, 0, 0);
    o.saturation = o.contrast = 0;
    gan_tensor *y = gan_diff_augment(tape, image, &o);
    double previous = 0;
    for (int64_t n = 0; n < 6; n++) {
        double moved = gan_tensor_item(y, 60 * n) - gan_tensor_item(image, 60 * n);
        assert_true(fabs(moved) < 0.5 && moved != previous);
        previous = moved;
        for (int64_t i = 0; i < 60; i++)
            assert_true(compare_number(
                "brightness", gan_tensor_item(y, 60 * n + i) - gan_tensor_item(image, 60 * n + i), moved, 1e-14));
    }
    gan_diff_augment_options_init(&o);
    o.translation = o.cutout = 0;
    o.brightness = o.contrast = 0;
    y = gan_diff_augment(tape, image, &o);
    assert_true(compare_tensors("saturation keeps the mean over the channels", gan_mean_axes(tape, y, 2, 0),
                                gan_mean_axes(tape, image, 2, 0), 1e-14));
    o.saturation = 0;
    o.contrast = 0.5;
    y = gan_diff_augment(tape, image, &o);
    assert_true(compare_tensors("contrast keeps the mean", gan_mean_axes(tape, y, 14, 0),
                                gan_mean_axes(tape, image, 14, 0), 1e-13));
    /* nothing asked for: the image itself, and yet as many numbers were drawn */
    uint64_t before = gan_context_position(context, GAN_STREAM_NOISE);
    o = only(0, 0, 0);
    y = gan_diff_augment(tape, image, &o);
    assert_true(compare_same_bits("nothing", y, image) && y != image);
    o = only(1, 0, 0);
    o.brightness = o.saturation = o.contrast = 0;
    assert_true(compare_same_bits("nothing", gan_diff_augment(tape, image, &o), image));
    assert_int_equal(gan_context_position(context, GAN_STREAM_NOISE) - before, 2 * ((6 * 7 + 3) / 4));
    gan_tensor *none = uniform(gan_shape_4d(0, 3, 5, 4), 1);
    assert_int_equal(gan_tensor_count(gan_diff_augment(tape, none, NULL)), 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(none);
    gan_tensor_release(image);
}

/* The same change in single precision: draws do not depend on the type. */
static void augmented_in_single(void **state) {
    (void)state;
    gan_tensor *wide = host_uniform(context, GAN_F64, gan_shape_4d(5, 3, 9, 8), -1, 1, 7),
               *narrow = host_uniform(context, GAN_F32, gan_shape_4d(5, 3, 9, 8), -1, 1, 7);
    uint64_t start = gan_context_position(context, GAN_STREAM_NOISE);
    gan_tensor *a = gan_diff_augment(tape, wide, NULL);
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, start), GAN_OK);
    gan_tensor *b = gan_diff_augment(tape, narrow, NULL);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(compare_tensors("f32", b, a, 1e-6));
    gan_tensor_release(wide);
    gan_tensor_release(narrow);
}

/* The same draws each time: the noise is put back. */
static gan_tensor *augment_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    (void)user;
    if (gan_context_set_position(gan_tape_context(t), GAN_STREAM_NOISE, 3) != GAN_OK) return NULL;
    return gan_square(t, gan_diff_augment(t, xs[0], NULL));
}

static void derivatives(void **state) {
    (void)state;
    gan_tensor *images = uniform(gan_shape_4d(2, 3, 6, 5), 9);
    assert_true(gradcheck(context, "augmentation", augment_of, NULL, &images, 1, 1e-9));
    assert_true(gradgradcheck(context, "augmentation", augment_of, NULL, &images, 1, 1e-9));
    gan_tensor_release(images);
}

static void refusals(void **state) {
    (void)state;
    gan_tensor *image = uniform(gan_shape_4d(2, 3, 4, 4), 1), *row = uniform(gan_shape_2d(2, 3), 2);
#define AUGMENT(MEMBER, VALUE, STATUS, TEXT)                                                                           \
    do {                                                                                                               \
        gan_diff_augment_options o_;                                                                                   \
        gan_diff_augment_options_init(&o_);                                                                            \
        o_.MEMBER = (VALUE);                                                                                           \
        gan_diff_augment(tape, image, &o_);                                                                            \
        expect(STATUS, TEXT);                                                                                          \
    } while (0)
    AUGMENT(color, 2, GAN_E_ARGUMENT, "color is 2");
    AUGMENT(translation, -1, GAN_E_ARGUMENT, "translation is -1");
    AUGMENT(cutout, 7, GAN_E_ARGUMENT, "cutout is 7");
    AUGMENT(brightness, -1, GAN_E_ARGUMENT, "brightness is -1");
    AUGMENT(saturation, NAN, GAN_E_ARGUMENT, "saturation");
    AUGMENT(contrast, INFINITY, GAN_E_ARGUMENT, "contrast");
    AUGMENT(shift, 1.5, GAN_E_ARGUMENT, "shift is 1.5");
    AUGMENT(cut, -0.1, GAN_E_ARGUMENT, "cut is -0.1; it must be in 0 to 1");
    AUGMENT(reserved, 1, GAN_E_UNSUPPORTED, "option is set");
    AUGMENT(struct_size, 3, GAN_E_ARGUMENT, "init function");
    uint64_t before = gan_context_position(context, GAN_STREAM_NOISE);
    gan_diff_augment(tape, row, NULL);
    expect(GAN_E_SHAPE, "N x C x H x W");
    gan_diff_augment(tape, NULL, NULL);
    expect(GAN_E_ARGUMENT, "NULL");
    assert_true(gan_context_position(context, GAN_STREAM_NOISE) == before); /* nothing was drawn */
    gan_tensor_release(image);
    gan_tensor_release(row);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(moves_and_holes), TEST(colors), TEST(augmented_in_single), TEST(derivatives), TEST(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
