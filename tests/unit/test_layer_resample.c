/* Blur, convolutions that resample, layers that add noise, and truncated normal numbers: exact identities, both modes
 * and precisions, what is refused. Values against PyTorch are in golden/test_golden_styles.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "layer_fixture.h"
#include "session_fixture.h"

#define MAPS gan_shape_3d(3, 4, 5)

static gan_tensor *maps(const layer_fixture *f, gan_dtype dtype, int64_t batch, gan_shape item, uint64_t salt) {
    return host_uniform(f->context, dtype, gan_shape_4d(batch, item.size[0], item.size[1], item.size[2]), -1, 1, salt);
}

/* ---- blur ---- */

static void add_blur(gan_builder *b) { gan_add_blur(b, NULL); }

static double product(const gan_tensor *a, const gan_tensor *b) {
    double sum = 0;
    for (int64_t i = 0; i < gan_tensor_count(a); i++) sum += gan_tensor_item(a, i) * gan_tensor_item(b, i);
    return sum;
}

/* [1 2 1] x [1 2 1] / 16 is its own adjoint, <B x, y> = <x, B y>. */
static void blur(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_blur(b, NULL);
    gan_layer *layer = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tensor_count(layer), 0);
    gan_tensor *x = maps(f, GAN_F64, 2, MAPS, 1), *y = maps(f, GAN_F64, 2, MAPS, 2);
    gan_tensor *bx = layer_fixture_forward(f, layer, x), *by = layer_fixture_forward(f, layer, y);
    assert_true(fabs(product(bx, y)) > 1e-2);
    assert_true(compare_number("adjoint", product(bx, y), product(x, by), 1e-14));
    gan_tensor *w = gan_watch(f->tape, x), *g;
    gan_gradients(f->tape, layer_fixture_forward(f, layer, w), y, &w, 1, 0, &g);
    assert_true(compare_tensors("gradient", g, by, 1e-15));
    /* of ones: 1 inside, what is left of the taps at the edges */
    gan_tensor *ones = layer_fixture_forward(f, layer, gan_full(f->tape, GAN_F64, gan_shape_4d(1, 3, 4, 5), 1));
    assert_true(gan_tensor_item(ones, 6) == 1 && gan_tensor_item(ones, 1) == 0.75 &&
                gan_tensor_item(ones, 0) == 0.5625);
    gan_tensor_release(x);
    gan_tensor_release(y);
    gan_layer_release(layer);
    layer_fixture_single(f, "blur", add_blur, MAPS);
}

static void refuse_blur(const layer_fixture *f, const gan_blur_options *o, gan_status status, const char *what) {
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_blur(b, o);
    layer_fixture_refused(f, b, status, "blur", what);
}

static void blur_errors(void **state) {
    layer_fixture *f = *state;
    gan_blur_options defaults, o;
    gan_blur_options_init(&defaults);
    for (int64_t count = 0; count <= 9; count += 9) {
        o = defaults;
        o.count = count;
        refuse_blur(f, &o, GAN_E_ARGUMENT, "taps are not 1 to 8");
    }
    o = defaults;
    o.taps[1] = -2;
    refuse_blur(f, &o, GAN_E_ARGUMENT, "the taps add up to 0 and cannot be normalised; set normalise to 0");
    o.taps[1] = o.taps[2] = 1e308; /* finite, but not their sum */
    refuse_blur(f, &o, GAN_E_ARGUMENT, "the taps add up to inf and cannot be normalised; set normalise to 0");
    o.taps[1] = INFINITY;
    o.normalise = 0;
    refuse_blur(f, &o, GAN_E_ARGUMENT, "tap 1 is inf; it must be finite");
    o.taps[1] = NAN;
    refuse_blur(f, &o, GAN_E_ARGUMENT, "nan; it must be finite");
    o = defaults;
    o.normalise = 2;
    refuse_blur(f, &o, GAN_E_ARGUMENT, "normalise is 2");
    o = defaults;
    o.reserved = 1;
    refuse_blur(f, &o, GAN_E_UNSUPPORTED, "reserved");
    o = defaults;
    o.before = -2;
    refuse_blur(f, &o, GAN_E_ARGUMENT, "margins of -2 and 1 are not in 0 to 32768");
    o = defaults;
    o.stride = 0;
    refuse_blur(f, &o, GAN_E_ARGUMENT, "stride");
    o = defaults;
    o.count = 8;
    o.before = o.after = 0;
    refuse_blur(f, &o, GAN_E_SHAPE, "a window of 8x8 does not fit");
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
    gan_add_blur(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (blur)", "not channels x height x width");
}

/* ---- convolutions that resample ---- */

static gan_layer *make_fused(const layer_fixture *f, gan_dtype dtype, gan_shape item, int64_t kernel, int up,
                             const gan_weight_options *o) {
    gan_builder *b = gan_builder_begin(f->context, item);
    gan_builder_set_dtype(b, dtype);
    if (up)
        gan_add_upsample_conv2d(b, 4, kernel, o);
    else
        gan_add_conv2d_downsample(b, 4, kernel, o);
    return layer_fixture_end(f, b);
}

static gan_layer *make_two(const layer_fixture *f, gan_dtype dtype, gan_shape item, int64_t kernel, int up,
                           const gan_weight_options *o) {
    gan_builder *b = gan_builder_begin(f->context, item);
    gan_builder_set_dtype(b, dtype);
    if (up) gan_add_upsample(b, 2, GAN_NEAREST);
    gan_add_conv2d(b, 4, kernel, 1, kernel / 2, o);
    if (!up) gan_add_avg_pool2d(b, 2, 2, 0);
    return layer_fixture_end(f, b);
}

/* The fused form is the other one, at the edges and for odd sizes too; so are its gradients. The two have the same
 * weights, equalised ones too: their fan in is that of the k x k kernel. */
static void fused(void **state) {
    layer_fixture *f = *state;
    static const gan_shape items[] = {
        {.rank = 3, .size = {3, 4, 6}}, {.rank = 3, .size = {2, 5, 7}}, {.rank = 3, .size = {1, 2, 3}}};
    for (int i = 0; i < 3 * 3 * 2 * 2 * 2; i++) {
        gan_shape item = items[i % 3];
        int64_t kernel = 1 + 2 * (i / 3 % 3);
        int up = i / 9 % 2;
        gan_dtype dtype = i / 18 % 2 == 0 ? GAN_F64 : GAN_F32;
        gan_weight_options o;
        gan_weight_options_init(&o);
        if (i / 36) o.form = GAN_WEIGHT_EQUALIZED;
        double tolerance = dtype == GAN_F64 ? 1e-14 : 1e-6;
        char name[48];
        snprintf(name, sizeof name, "%s %dx%d, kernel %d", up ? "up" : "down", (int)item.size[1], (int)item.size[2],
                 (int)kernel);
        gan_layer *layers[2] = {make_fused(f, dtype, item, kernel, up, &o), make_two(f, dtype, item, kernel, up, &o)};
        gan_shape given = gan_layer_output_shape(layers[0], 0);
        assert_true(gan_shape_equal(given, gan_layer_output_shape(layers[1], 0)));
        gan_tensor *x = maps(f, dtype, 2, item, 3), *v = maps(f, dtype, 2, given, 4), *y[2], *g[2][3];
        for (int k = 0; k < 2; k++) {
            gan_tensor *targets[3] = {gan_watch(f->tape, x),
                                      gan_layer_tensor(layers[k], gan_layer_tensor_count(layers[k]) - 2),
                                      gan_layer_tensor(layers[k], gan_layer_tensor_count(layers[k]) - 1)};
            for (int j = 1; j < 3; j++)
                assert_int_equal(gan_tensor_fill_uniform(targets[j], -1, 1, 1, 2, (uint64_t)j << 32), GAN_OK);
            y[k] = layer_fixture_forward(f, layers[k], targets[0]);
            gan_gradients(f->tape, y[k], v, targets, 3, 0, g[k]);
        }
        assert_true(compare_tensors(name, y[0], y[1], tolerance));
        for (int j = 0; j < 3; j++) assert_true(compare_tensors(name, g[0][j], g[1][j], tolerance));
        gan_tape_reset(f->tape);
        if (dtype == GAN_F64) layer_fixture_check_layer(f, name, layers[0], x);
        gan_tensor_release(x);
        gan_tensor_release(v);
        gan_layer_release(layers[0]);
        gan_layer_release(layers[1]);
    }
}

static void refuse_fused(const layer_fixture *f, int up, gan_shape item, int64_t channels, int64_t kernel,
                         const gan_weight_options *o, gan_status status, const char *what) {
    gan_builder *b = layer_fixture_begin(f, item);
    if (up)
        gan_add_upsample_conv2d(b, channels, kernel, o);
    else
        gan_add_conv2d_downsample(b, channels, kernel, o);
    layer_fixture_refused(f, b, status, up ? "upsample_conv2d" : "conv2d_downsample", what);
}

static void fused_errors(void **state) {
    layer_fixture *f = *state;
    for (int up = 0; up < 2; up++) {
        gan_weight_options o;
        gan_weight_options_init(&o);
        refuse_fused(f, up, MAPS, 4, 2, NULL, GAN_E_ARGUMENT, "a kernel of 2 is not one of 1, 3, 5");
        refuse_fused(f, up, MAPS, 4, -1, NULL, GAN_E_ARGUMENT, "a kernel of -1");
        refuse_fused(f, up, MAPS, 4, 17, NULL, GAN_E_ARGUMENT, "a kernel of 17");
        refuse_fused(f, up, MAPS, 0, 3, NULL, GAN_E_ARGUMENT, "0 channels");
        refuse_fused(f, up, gan_shape_1d(4), 4, 3, NULL, GAN_E_SHAPE, "not channels x height x width");
        o.groups = 3;
        refuse_fused(f, up, MAPS, 3, 3, &o, GAN_E_ARGUMENT, "groups are for gan_add_conv2d");
        gan_weight_options_init(&o);
        o.output_padding = 1;
        refuse_fused(f, up, MAPS, 3, 3, &o, GAN_E_ARGUMENT, "output_padding");
        gan_weight_options_init(&o);
        o.bias = 0;
        gan_builder *b = layer_fixture_begin(f, MAPS);
        if (up)
            gan_add_upsample_conv2d(b, 4, 3, &o);
        else
            gan_add_conv2d_downsample(b, 4, 3, &o);
        gan_layer *layer = layer_fixture_end(f, b);
        assert_true(gan_layer_parameter_count(layer) == 4 * 3 * 9);
        assert_int_equal(gan_layer_init_dcgan(layer), GAN_OK); /* it has a weight like the others */
        double *w = compare_read(gan_layer_tensor(layer, 0));
        assert_true(compare_norm(w, 108) < 0.02 * sqrt(108) * 1.5);
        free(w);
        gan_layer_release(layer);
    }
    refuse_fused(f, 0, gan_shape_3d(3, 1, 4), 4, 3, NULL, GAN_E_SHAPE, "does not fit");
}

/* ---- noise ---- */

static void noise_injection(void **state) {
    layer_fixture *f = *state;
    for (int mode = GAN_NOISE_NONE; mode <= GAN_NOISE_FIXED; mode++) {
        gan_noise_injection_options o;
        gan_noise_injection_options_init(&o);
        assert_true(o.evaluation == GAN_NOISE_FIXED && o.per_channel == 1);
        o.evaluation = mode;
        gan_builder *b = layer_fixture_begin(f, MAPS);
        gan_add_noise_injection(b, &o);
        gan_layer *layer = layer_fixture_end(f, b);
        assert_int_equal(gan_layer_tensor_count(layer), mode == GAN_NOISE_FIXED ? 2 : 1);
        gan_tensor *x = maps(f, GAN_F64, 2, MAPS, 3), *weight = gan_layer_find(layer, "0.weight");
        /* weights 0, as they begin, make the result independent of the noise */
        for (int i = 0; i < 2; i++) assert_true(compare_tensors("weights 0", layer_fixture_forward(f, layer, x), x, 0));
        static const double weights[] = {1, -2, 0.5};
        assert_int_equal(gan_tensor_write(weight, weights, sizeof weights), GAN_OK);
        for (int training = 0; training < 2; training++) {
            gan_layer_set_training(layer, training);
            uint64_t position = gan_context_position(f->context, GAN_STREAM_NOISE);
            int fresh = training || mode == GAN_NOISE_FRESH;
            gan_tensor *y = layer_fixture_forward(f, layer, x), *other = layer_fixture_forward(f, layer, x);
            int64_t taken = (int64_t)(gan_context_position(f->context, GAN_STREAM_NOISE) - position);
            assert_true(taken == (fresh ? 2 * 10 : 0)); /* 2 x 20 numbers a pass */
            double *n = calloc(40, sizeof *n), apart = 0, again = 0;
            for (int64_t i = 0; i < 40; i++) {
                int64_t at = i / 20 * 60 + i % 20;
                n[i] = gan_tensor_item(y, at) - gan_tensor_item(x, at);
                apart += fabs(n[i] - n[i % 20]);
                again += fabs(gan_tensor_item(other, at) - gan_tensor_item(y, at));
                for (int64_t c = 1; c < 3; c++) { /* one image for all channels */
                    double d = gan_tensor_item(y, at + 20 * c) - gan_tensor_item(x, at + 20 * c);
                    assert_true(compare_number("channel", d, weights[c] * n[i], 1e-14));
                }
            }
            assert_true((apart > 1) == fresh && (again > 1) == fresh);
            assert_true(compare_norm(n, 40) > 1 || (!training && mode == GAN_NOISE_NONE && compare_norm(n, 40) == 0));
            free(n);
        }
        gan_layer_set_training(layer, 0);
        if (mode != GAN_NOISE_FRESH) layer_fixture_check_layer(f, "noise", layer, x);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
    gan_noise_injection_options o;
    gan_noise_injection_options_init(&o);
    o.evaluation = 3;
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_noise_injection(b, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (noise_injection)", "evaluation 3 is none of");
    o.evaluation = 0;
    o.per_channel = -1;
    b = layer_fixture_begin(f, MAPS);
    gan_add_noise_injection(b, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "noise_injection", "per_channel is -1");
    b = layer_fixture_begin(f, gan_shape_1d(5));
    gan_add_noise_injection(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (noise_injection)", "not channels x height x width");
}

static void gaussian_noise(void **state) {
    layer_fixture *f = *state;
    enum { N = 20000 };
    for (int type = 0; type < 2; type++) {
        gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(N / 4));
        gan_builder_set_dtype(b, type == 0 ? GAN_F64 : GAN_F32);
        gan_add_gaussian_noise(b, 0.3, NULL);
        gan_layer *layer = layer_fixture_end(f, b);
        gan_tensor *x = host_uniform(f->context, type == 0 ? GAN_F64 : GAN_F32, gan_shape_2d(4, N / 4), -1, 1, 5);
        gan_tensor *y = layer_fixture_forward(f, layer, x);
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < N; i++) {
            double d = gan_tensor_item(y, i) - gan_tensor_item(x, i);
            sum += d;
            squares += d * d;
        }
        assert_true(fabs(sum / N) < 4 * 0.3 / sqrt(N) && fabs(squares / N - 0.09) < 4 * 0.09 * sqrt(2.0 / N));
        gan_layer_set_training(layer, 0);
        uint64_t position = gan_context_position(f->context, GAN_STREAM_NOISE);
        assert_true(compare_same_bits("evaluation", layer_fixture_forward(f, layer, x), x));
        assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == position);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
    static const double wrong[] = {-1, INFINITY, NAN};
    static const char *const shown[] = {"its deviation is -1; it must be 0 or more, and finite", "is inf;", "nan;"};
    for (int i = 0; i < 3; i++) {
        gan_builder *b = layer_fixture_begin(f, MAPS);
        gan_add_gaussian_noise(b, wrong[i], NULL);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (gaussian_noise)", shown[i]);
    }
    gan_gaussian_noise_options o;
    gan_gaussian_noise_options_init(&o);
    o.evaluation = GAN_NOISE_FIXED;
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_gaussian_noise(b, 1, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (gaussian_noise)", "evaluation 2 is neither");
    gan_gaussian_noise_options_init(&o);
    o.reserved = 1;
    b = layer_fixture_begin(f, MAPS);
    gan_add_gaussian_noise(b, 1, &o);
    layer_fixture_refused(f, b, GAN_E_UNSUPPORTED, "gaussian_noise", "reserved");
}

/* ---- truncated normal numbers ---- */

/* Bounds, the variance 1 - 2 t phi(t) / (2 Phi(t) - 1), the same draws in both types. */
static void truncated_normal(void **state) {
    layer_fixture *f = *state;
    enum { N = 20000 };
    static const double thresholds[] = {0.04, 0.5, 2, 40};
    for (int i = 0; i < 4; i++) {
        double t = thresholds[i], inside = erf(t / sqrt(2));
        double variance = 1 - 2 * t * exp(-t * t / 2) / sqrt(2 * acos(-1)) / inside, squares = 0, sum = 0, most = 0;
        assert_int_equal(gan_context_set_position(f->context, GAN_STREAM_NOISE, 3), GAN_OK);
        gan_tensor *z = gan_truncated_normal(f->tape, GAN_F64, gan_shape_2d(4, N / 4), t);
        assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == 3 + N / 4);
        for (int64_t k = 0; k < N; k++) {
            sum += gan_tensor_item(z, k);
            squares += pow(gan_tensor_item(z, k), 2);
            most = fmax(most, fabs(gan_tensor_item(z, k)));
        }
        assert_true(most <= t && (t > 3 || most > 0.99 * t));
        assert_true(fabs(sum / N) < 4 * sqrt(variance / N) &&
                    fabs(squares / N - variance) < 4 * variance * sqrt(2.0 / N));
        assert_int_equal(gan_context_set_position(f->context, GAN_STREAM_NOISE, 3), GAN_OK);
        gan_tensor *single = gan_truncated_normal(f->tape, GAN_F32, gan_shape_2d(4, N / 4), t);
        assert_true(compare_tensors("f32", single, z, 1e-7));
        gan_tape_reset(f->tape);
    }
    static const double wrong[] = {0, -1, NAN, INFINITY, 1e-300};
    for (int i = 0; i < 5; i++) {
        gan_truncated_normal(f->tape, GAN_F64, gan_shape_1d(3), wrong[i]);
        assert_int_equal(gan_tape_status(f->tape), GAN_E_ARGUMENT);
        assert_non_null(strstr(gan_tape_error(f->tape), "truncated_normal: a threshold of"));
        gan_tape_reset(f->tape);
    }
    gan_truncated_normal(f->tape, GAN_I32, gan_shape_1d(3), 1);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_DTYPE);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_tensor_dtype(gan_truncated_normal(NULL, GAN_F64, gan_shape_1d(3), 1)), 0);
}

/* ---- a whole generator ---- */

static gan_layer *make_generator(const layer_fixture *f) {
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(6));
    gan_add_pixel_norm(b, NULL);
    gan_add_linear(b, 6, NULL);
    gan_add_truncation(b, NULL);
    gan_builder_label(b, "w");
    gan_add_linear(b, 8, NULL);
    gan_builder_label(b, "style0");
    gan_builder_from(b, "w");
    gan_add_linear(b, 6, NULL);
    gan_builder_label(b, "style1");
    gan_add_constant(b, gan_shape_3d(4, 4, 4));
    gan_add_noise_injection(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_adaptive_instance_norm(b, "style0", NULL);
    gan_add_upsample_conv2d(b, 3, 3, NULL);
    gan_add_blur(b, NULL);
    gan_builder_label(b, "old");
    gan_add_noise_injection(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_adaptive_instance_norm(b, "style1", NULL);
    gan_add_fade(b, "old");
    gan_add_conv2d_downsample(b, 2, 3, NULL);
    gan_layer *layer;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    return layer;
}

/* A session gives what the layer gives in evaluation mode, for any number of items. */
static void session(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_generator(f);
    session_fixture_fill(layer);
    gan_tensor *z = host_uniform(f->context, GAN_F32, gan_shape_2d(5, 6), -1, 1, 1);
    session_fixture_compare("styles", layer, &z, 1e-5);
    gan_tensor_release(z);
    gan_layer_release(layer);
}

/* After the first steps, training allocates nothing. */
static void steady(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_generator(f);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    long long settled = 0;
    for (int step = 0; step < 12; step++) {
        gan_tape_reset(f->tape);
        assert_int_equal(gan_tensor_fill(gan_layer_find(layer, "14.alpha"), step / 12.0), GAN_OK);
        gan_tensor *y = layer_fixture_forward(f, layer, gan_truncated_normal(f->tape, GAN_F32, gan_shape_2d(8, 6), 2));
        assert_int_equal(gan_optimizer_step(adam, f->tape, gan_mean(f->tape, gan_square(f->tape, y))), GAN_OK);
        if (step == 5) settled = atomic_load(&f->memory.calls);
    }
    assert_true(atomic_load(&f->memory.calls) == settled);
    gan_optimizer_release(adam);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(blur),           TEST(blur_errors),      TEST(fused),   TEST(fused_errors), TEST(noise_injection),
        TEST(gaussian_noise), TEST(truncated_normal), TEST(session), TEST(steady)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
