/* Likelihoods of pixels: exact values, probabilities that add up to 1, limits, types, refusals; and draws by logits.
 * Gradients: tests/golden/test_golden_pixel.c. */
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

static gan_tensor *filled(const layer_fixture *f, gan_dtype dtype, gan_shape shape, double value) {
    gan_tensor *t;
    assert_int_equal(gan_tensor_create(&t, f->context, dtype, shape), GAN_OK);
    assert_int_equal(gan_tensor_fill(t, value), GAN_OK);
    return t;
}

static double item(const layer_fixture *f, gan_tensor *t) {
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
    return gan_tensor_item(t, 0);
}

/* Equal logits: 8 bits for 256 levels, whatever they are; ln 2 nats for a binary pixel. */
static void uniform(void **state) {
    layer_fixture *f = *state;
    gan_tape *t = f->tape;
    static const double logits[] = {0, 3.5, -1e4, 1e4};
    for (int i = 0; i < 4; i++)
        for (int type = 0; type < 2; type++) {
            gan_dtype dtype = type ? GAN_F32 : GAN_F64;
            gan_tensor *v = filled(f, dtype, gan_shape_4d(2, 768, 3, 2), logits[i]);
            gan_tensor *x = filled(f, GAN_U8, gan_shape_4d(2, 3, 3, 2), 200);
            assert_true(compare_number("bits", item(f, gan_nll_categorical(t, v, x, GAN_BITS_PER_DIM)), 8,
                                       type ? 1e-4 : 1e-13));
            assert_true(compare_number("nats", item(f, gan_nll_categorical(t, v, x, GAN_NATS_PER_IMAGE)),
                                       18 * 8 * log(2), type ? 1e-4 : 1e-13));
            gan_tensor_release(v);
            gan_tensor_release(x);
        }
    gan_tensor *s = filled(f, GAN_F64, gan_shape_4d(5, 1, 3, 2), 0),
               *x = filled(f, GAN_U8, gan_shape_4d(5, 1, 3, 2), 1);
    assert_true(compare_number("nats", item(f, gan_nll_bernoulli(t, s, x, GAN_NATS_PER_IMAGE)), 6 * log(2), 1e-15));
    assert_true(compare_number("bits", item(f, gan_nll_bernoulli(t, s, x, GAN_BITS_PER_DIM)), 1, 1e-15));
    gan_tensor_release(s);
    gan_tensor_release(x);
}

/* Log scales are clamped to -7 to 7, on both sides. */
static void clamped_scales(void **state) {
    layer_fixture *f = *state;
    gan_tensor *x = filled(f, GAN_U8, gan_shape_4d(1, 1, 1, 1), 100);
    for (int side = -1; side <= 1; side += 2) {
        double values[3] = {0}, scales[] = {7, 9, 6};
        for (int i = 0; i < 3; i++) {
            double parameters[3] = {0, 0.3, side * scales[i]}; /* weight, mean, log scale */
            gan_tensor *p = host_tensor(f->context, GAN_F64, gan_shape_4d(1, 3, 1, 1), parameters);
            values[i] = item(f, gan_nll_logistic_mixture(f->tape, p, x, 1, GAN_BITS_PER_DIM));
            gan_tensor_release(p);
        }
        assert_true(values[0] == values[1] && values[0] != values[2]);
    }
    gan_tensor_release(x);
}

/* Layout: the levels of a colour stand together. */
static void layout(void **state) {
    layer_fixture *f = *state;
    gan_tensor *v = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 6, 1, 2), -2, 2, 3), *x;
    static const double images[8] = {0, 2, 1, 1, 2, 0, 0, 1}; /* 2 x 2 colours x 1 x 2 */
    x = host_tensor(f->context, GAN_I32, gan_shape_4d(2, 2, 1, 2), images);
    double expected = 0;
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 2; c++)
            for (int w = 0; w < 2; w++) {
                double total = 0;
                for (int k = 0; k < 3; k++) total += exp(gan_tensor_item(v, n * 12 + (c * 3 + k) * 2 + w));
                int level = (int)images[n * 4 + c * 2 + w];
                expected += log(total) - gan_tensor_item(v, n * 12 + (c * 3 + level) * 2 + w);
            }
    double nats = item(f, gan_nll_categorical(f->tape, v, x, GAN_NATS_PER_IMAGE));
    double bits = item(f, gan_nll_categorical(f->tape, v, x, GAN_BITS_PER_DIM));
    assert_true(compare_number("nats", nats, expected / 2, 1e-14));
    assert_true(compare_number("bits", bits, expected / 2 / (4 * log(2)), 1e-14));
    gan_tensor_release(v);
    gan_tensor_release(x);
}

/* Far logits: finite, the right limit, the right gradient. */
static void far(void **state) {
    layer_fixture *f = *state;
    for (int sign = -1; sign <= 1; sign += 2)
        for (int value = 0; value <= 1; value++) {
            gan_tensor *s = filled(f, GAN_F64, gan_shape_2d(1, 1), 1e4 * sign);
            gan_tensor *x = filled(f, GAN_F64, gan_shape_2d(1, 1), value), *w = gan_watch(f->tape, s);
            gan_tensor *loss = gan_nll_bernoulli(f->tape, w, x, GAN_NATS_PER_IMAGE);
            int wrong = (sign > 0) != value;
            assert_true(item(f, loss) == (wrong ? 1e4 : 0));
            assert_true(item(f, gan_gradient(f->tape, loss, w, 0)) == (wrong ? sign : 0));
            gan_tensor_release(s);
            gan_tensor_release(x);
        }
    static const double logits[2] = {1e4, -1e4};
    for (int level = 0; level < 2; level++) {
        gan_tensor *v = host_tensor(f->context, GAN_F64, gan_shape_4d(1, 2, 1, 1), logits);
        gan_tensor *x = filled(f, GAN_U8, gan_shape_4d(1, 1, 1, 1), level), *w = gan_watch(f->tape, v);
        gan_tensor *loss = gan_nll_categorical(f->tape, w, x, GAN_NATS_PER_IMAGE);
        assert_true(item(f, loss) == 2e4 * level);
        gan_tensor *g = gan_gradient(f->tape, loss, w, 0);
        assert_true(item(f, g) == level && gan_tensor_item(g, 1) == -level);
        gan_tensor_release(v);
        gan_tensor_release(x);
    }
}

/* Probabilities of all 256 levels of a pixel, whatever the parameters: of one mixture of three, of scales that are
 * tiny, large and below the least, of means in and outside the range; in single precision too. */
static void logistic(void **state) {
    static const double cases[][9] = {{0, 0, 0, 0.1, -0.5, 0.9, -2, -1, 0},
                                      {1, -1, 0.5, 3, -3, 0, 1, 2, 4},
                                      {0, 0, 0, 0, 0.5, -0.5, -7, -6, -5},
                                      {0, 5, 0, 0.99, 1, -1, -9, -8, -3},
                                      {-2, 0, 2, 0.0039, 2, 1, -6.5, 7, -20}};
    layer_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int type = 0; type < 2; type++) {
            double total = 0;
            for (int level = 0; level < 256; level++) {
                gan_tensor *p = host_tensor(f->context, type ? GAN_F32 : GAN_F64, gan_shape_4d(1, 9, 1, 1), cases[i]);
                gan_tensor *x = filled(f, level % 2 ? GAN_U8 : GAN_I32, gan_shape_4d(1, 1, 1, 1), level);
                gan_tensor *w = gan_watch(f->tape, p);
                gan_tensor *loss = gan_nll_logistic_mixture(f->tape, w, x, 3, GAN_NATS_PER_IMAGE);
                total += exp(-item(f, loss));
                gan_tensor *g = gan_gradient(f->tape, loss, w, 0);
                for (int k = 0; k < 9; k++) assert_true(isfinite(gan_tensor_item(g, k)));
                gan_tensor_release(p);
                gan_tensor_release(x);
                gan_tape_reset(f->tape);
            }
            assert_true(compare_abs("all levels", &total, &(double){1}, 1, type ? 1e-4 : 1e-12));
        }
}

/* Coupled colours add up to 1 as well: of a pixel whose red and green are given, blue's levels given these; and without
 * coupling (7 channels a mixture) the coefficients' channels are not there. */
static void coupled(void **state) {
    layer_fixture *f = *state;
    for (int channels = 7; channels <= 10; channels += 3) {
        double total = 0, joint[2];
        for (int level = 0; level < 256; level++) {
            double values[3] = {40, 200, level};
            gan_tensor *p = host_uniform(f->context, GAN_F64, gan_shape_4d(1, channels, 1, 1), -1, 1, 9);
            gan_tensor *x = host_tensor(f->context, GAN_U8, gan_shape_4d(1, 3, 1, 1), values);
            total += exp(-item(f, gan_nll_logistic_mixture(f->tape, p, x, 1, GAN_NATS_PER_IMAGE)));
            gan_tensor_release(p);
            gan_tensor_release(x);
            gan_tape_reset(f->tape);
        }
        /* what is left is p(red) p(green | red), by the formula */
        gan_tensor *p = host_uniform(f->context, GAN_F64, gan_shape_4d(1, channels, 1, 1), -1, 1, 9);
        int64_t of = channels == 10 ? 3 : 2; /* parameters of a colour, behind the weight */
        double red = 40 * 2.0 / 255 - 1, green = 200 * 2.0 / 255 - 1;
        for (int c = 0; c < 2; c++) {
            double x = c ? green : red, mean = gan_tensor_item(p, 1 + of * c),
                   scale = exp(gan_tensor_item(p, 2 + of * c));
            if (c == 1 && channels == 10) mean += tanh(gan_tensor_item(p, 3)) * red;
            joint[c] = 1 / (1 + exp(-(x + 1.0 / 255 - mean) / scale)) - 1 / (1 + exp(-(x - 1.0 / 255 - mean) / scale));
        }
        assert_true(compare_number("the other colours", total / (joint[0] * joint[1]), 1, 1e-11));
        gan_tensor_release(p);
    }
}

static gan_tensor *loss_of_bernoulli(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_nll_bernoulli(t, xs[0], user, GAN_BITS_PER_DIM);
}
static gan_tensor *loss_of_categorical(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_nll_categorical(t, xs[0], user, GAN_BITS_PER_DIM);
}
static gan_tensor *loss_of_mixture(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_nll_logistic_mixture(t, xs[0], user, 1, GAN_NATS_PER_IMAGE);
}
static void derivatives(void **state) {
    layer_fixture *f = *state;
    gan_tensor *p = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 10, 1, 2), -1, 1, 9);
    gan_tensor *v = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 6, 1, 2), -1, 1, 9);
    gan_tensor *s = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 1, 2), -1, 1, 9);
    gan_tensor *ones = filled(f, GAN_U8, gan_shape_4d(2, 3, 1, 2), 1);
    gan_tensor *half = filled(f, GAN_F64, gan_shape_4d(2, 3, 1, 2), 0.4);
    layer_fixture_check(f, "bernoulli", loss_of_bernoulli, half, &s, 1);
    layer_fixture_check(f, "categorical", loss_of_categorical, ones, &v, 1);
    layer_fixture_check(f, "mixture", loss_of_mixture, ones, &p, 1);
    gan_tensor *all[] = {p, v, s, ones, half};
    for (int i = 0; i < 5; i++) gan_tensor_release(all[i]);
}

/* ---- refusals ---- */

static void refused(const layer_fixture *f, gan_status status, const char *what) {
    assert_int_equal(gan_tape_status(f->tape), status);
    if (strstr(gan_tape_error(f->tape), what) == NULL) fail_msg("message: %s", gan_tape_error(f->tape));
    gan_tape_reset(f->tape);
}

static void refusals(void **state) {
    layer_fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *v = filled(f, GAN_F64, gan_shape_4d(2, 6, 2, 2), 0),
               *bytes = filled(f, GAN_U8, gan_shape_4d(2, 3, 2, 2), 1);
    gan_tensor *wrong = filled(f, GAN_I32, gan_shape_4d(2, 3, 2, 2), 7),
               *flat = filled(f, GAN_F64, gan_shape_2d(2, 6), 0);
    gan_tensor *four = filled(f, GAN_U8, gan_shape_4d(2, 4, 2, 2), 1),
               *few = filled(f, GAN_U8, gan_shape_4d(1, 3, 2, 2), 1);
    gan_tensor *real = filled(f, GAN_F64, gan_shape_4d(2, 3, 2, 2), -1),
               *s = filled(f, GAN_F64, gan_shape_4d(2, 3, 2, 2), 0);
    gan_tensor *none = filled(f, GAN_F64, gan_shape_4d(0, 3, 2, 2), 0),
               *high = filled(f, GAN_I32, gan_shape_4d(2, 3, 2, 2), 256);
    gan_nll_categorical(t, v, bytes, 0);
    refused(f, GAN_E_ARGUMENT, "no unit 0");
    gan_nll_categorical(t, v, NULL, GAN_BITS_PER_DIM);
    refused(f, GAN_E_ARGUMENT, "operand 2 is NULL");
    gan_nll_categorical(t, v, wrong, GAN_BITS_PER_DIM);
    refused(f, GAN_E_ARGUMENT, "pixel 0 of 24 is 7; give images with values from 0 to 1");
    gan_nll_categorical(t, v, real, GAN_BITS_PER_DIM);
    refused(f, GAN_E_DTYPE, "u8 or i32");
    gan_nll_categorical(t, v, four, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "6 channels are not 2 or more levels for each of 4 colours");
    gan_nll_categorical(t, v, few, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "do not have the pixels");
    gan_nll_categorical(t, flat, bytes, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "4 axes");
    gan_nll_bernoulli(t, s, real, GAN_BITS_PER_DIM);
    refused(f, GAN_E_ARGUMENT, "is -1; give images with values from 0 to 1");
    gan_nll_bernoulli(t, v, bytes, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "for images of shape");
    gan_nll_bernoulli(t, none, none, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "no pixels");
    gan_nll_bernoulli(t, bytes, bytes, GAN_BITS_PER_DIM);
    refused(f, GAN_E_DTYPE, "nll_bernoulli");
    gan_nll_logistic_mixture(t, v, bytes, 1, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "6 channels are not 7 for each of 1 mixtures of 3 colours, nor 10");
    gan_nll_logistic_mixture(t, v, bytes, 0, GAN_BITS_PER_DIM);
    refused(f, GAN_E_SHAPE, "of 0 mixtures");
    gan_tensor *ten = filled(f, GAN_F64, gan_shape_4d(2, 10, 2, 2), 0);
    gan_nll_logistic_mixture(t, ten, high, 1, GAN_BITS_PER_DIM);
    refused(f, GAN_E_ARGUMENT, "is 256; give images with values from 0 to 255");
    gan_tensor *all[] = {v, bytes, wrong, flat, four, few, real, s, none, high, ten};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) gan_tensor_release(all[i]);
}

/* ---- draws ---- */

static void draws(void **state) {
    enum { TIMES = 20000 };
    static const double logits[5] = {0.5, -1, -INFINITY, 2, 0};
    layer_fixture *f = *state;
    double total = 0, *kept = NULL;
    for (int k = 0; k < 5; k++) total += exp(logits[k]);
    for (int type = 0; type < 3; type++) { /* f64 twice, by classes first and last; f32 draws what f64 does */
        gan_dtype dtype = type == 2 ? GAN_F32 : GAN_F64;
        int first = type == 0;
        gan_tensor *one = host_tensor(f->context, dtype, first ? gan_shape_2d(5, 1) : gan_shape_2d(1, 5), logits);
        gan_context_set_position(f->context, GAN_STREAM_NOISE, 1000);
        gan_tensor *many = gan_broadcast(f->tape, one, first ? gan_shape_2d(5, TIMES) : gan_shape_2d(TIMES, 5));
        gan_tensor *drawn = gan_categorical(f->tape, many, !first);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        assert_int_equal(gan_tensor_dtype(drawn), GAN_I32);
        assert_true(gan_shape_equal(gan_tensor_shape(drawn), gan_shape_1d(TIMES)));
        assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == 1000 + TIMES / 4);
        double *values = compare_read(drawn), times[5] = {0};
        for (int i = 0; i < TIMES; i++) times[(int)values[i]]++;
        for (int k = 0; k < 5; k++) {
            double p = exp(logits[k]) / total;
            if (fabs(times[k] - p * TIMES) > 4 * sqrt(p * (1 - p) * TIMES)) fail_msg("class %d: %g times", k, times[k]);
        }
        if (kept != NULL) assert_memory_equal(values, kept, TIMES * sizeof *values);
        free(kept);
        kept = values;
        gan_tensor_release(one);
        gan_tape_reset(f->tape);
    }
    free(kept);
    /* the middle axis; certain classes are found whatever their size */
    gan_tensor *x = filled(f, GAN_F64, gan_shape_3d(2, 3, 2), -1e300);
    static const int certain[4] = {2, 0, 1, 2};
    for (int i = 0; i < 4; i++) ((double *)gan_tensor_data(x))[i / 2 * 6 + certain[i] * 2 + i % 2] = i % 2 ? 1e300 : -3;
    gan_tensor *drawn = gan_categorical(f->tape, x, 1);
    assert_true(gan_shape_equal(gan_tensor_shape(drawn), gan_shape_2d(2, 2)));
    for (int i = 0; i < 4; i++) assert_int_equal(gan_tensor_item(drawn, i), certain[i]);
    gan_tensor_release(x);
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        x = filled(f, GAN_F64, gan_shape_2d(3, 2), i < 2 ? 0 : -INFINITY);
        ((double *)gan_tensor_data(x))[3] = bad[i];
        gan_tensor *none = gan_categorical(f->tape, x, 1);
        assert_int_equal(gan_tensor_dtype(none), 0);
        refused(f, GAN_E_ARGUMENT, i < 2 ? "draw 1 of 3" : "draw 0 of 3");
        gan_tensor_release(x);
    }
    x = filled(f, GAN_F64, gan_shape_2d(3, 0), 0);
    gan_categorical(f->tape, x, 1);
    refused(f, GAN_E_SHAPE, "must have 1 to");
    gan_categorical(f->tape, x, 2);
    refused(f, GAN_E_ARGUMENT, "no axis 2");
    gan_tensor *nothing = gan_categorical(f->tape, gan_reshape(f->tape, x, gan_shape_2d(0, 3)), 1);
    assert_true(gan_tensor_count(nothing) == 0 && gan_tape_status(f->tape) == GAN_OK);
    assert_int_equal(gan_tensor_dtype(gan_categorical(NULL, x, 0)), 0);
    gan_tensor_release(x);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(uniform), TEST(clamped_scales), TEST(layout),   TEST(far),  TEST(logistic),
                                       TEST(coupled), TEST(derivatives),    TEST(refusals), TEST(draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
