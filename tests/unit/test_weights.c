/* Forms of weights: what the papers say of them exactly, and that files, copies, averages and sessions keep them.
 * Against PyTorch they are in golden/test_golden_weights.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "files.h"
#include "kernel/linalg.h"
#include "layer_fixture.h"
#include "networks.h"
#include "nn/weight.h"
#include "session_fixture.h"
#include "train/session.h"

/* Every form, for what all must do. */
enum { FORMS = 6 };
static gan_weight_options form_at(int index) {
    switch (index) {
    case 0:
        return networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_NONE);
    case 1:
        return networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_DYNAMIC);
    case 2:
        return networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_STATIC);
    case 3:
        return networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_DYNAMIC);
    case 4:
        return networks_weight_form(GAN_WEIGHT_NORM, GAN_COMPENSATION_NONE);
    default: {
        gan_weight_options o = networks_weight_form(GAN_WEIGHT_EQUALIZED, GAN_COMPENSATION_NONE);
        o.multiplier = 0.5;
        return o;
    }
    }
}

static gan_layer *linear(const layer_fixture *f, int64_t in, int64_t out, const gan_weight_options *o) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(in));
    gan_add_linear(b, out, o);
    return layer_fixture_end(f, b);
}
static gan_layer *conv(const layer_fixture *f, int64_t in, int64_t out, const gan_weight_options *o) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(in, 5, 5));
    gan_add_conv2d(b, out, 3, 1, 1, o);
    return layer_fixture_end(f, b);
}
static gan_layer *transposed(const layer_fixture *f, int64_t in, int64_t out, const gan_weight_options *o) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(in, 5, 5));
    gan_add_conv_transpose2d(b, out, 3, 2, 1, o);
    return layer_fixture_end(f, b);
}

static gan_tensor *input_of(const layer_fixture *f, const gan_layer *layer, int64_t batch) {
    gan_shape item = gan_layer_input_shape(layer, 0), shape = gan_shape_1d(batch);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return host_uniform(f->context, gan_layer_dtype(layer), shape, -1, 1, 77);
}

static void forward(const layer_fixture *f, gan_layer *layer, int times) {
    gan_tensor *x = input_of(f, layer, 2);
    for (int i = 0; i < times; i++) {
        gan_tape_reset(f->tape);
        gan_layer_forward(f->tape, layer, x);
    }
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    gan_tensor_release(x);
}

/* The weight that the only layer of a network uses, as outputs x rest, column-major if tall, else its transpose: what
 * gani_svd takes. */
static double *used(const layer_fixture *f, const gan_layer *layer, int64_t *m, int64_t *n) {
    const gani_module *module = &layer->modules[0];
    const gani_pass pass = {.dtype = layer->dtype, .slope = GANI_NO_ACTIVATION};
    gan_tape_reset(f->tape);
    gan_tensor *w = gani_weight_of(f->tape, &pass, module).weight;
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    gan_shape shape = gan_tensor_shape(w);
    int32_t axis = gani_weight_axis(module);
    int64_t rows = shape.size[axis], columns = gan_tensor_count(w) / rows,
            inner = axis ? shape.size[2] * shape.size[3] : 1;
    double *values = compare_read(w), *out = malloc((size_t)(rows * columns) * sizeof *out);
    assert_non_null(out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            double value = axis ? values[(j / inner * rows + i) * inner + j % inner] : values[i * columns + j];
            out[rows < columns ? i * columns + j : j * rows + i] = value;
        }
    *m = rows < columns ? columns : rows;
    *n = rows < columns ? rows : columns;
    free(values);
    return out;
}

/* Singular values of the weight that is used; returns how many. */
static int64_t spectrum(const layer_fixture *f, const gan_layer *layer, double s[64]) {
    int64_t m, n;
    double *a = used(f, layer, &m, &n), v[64 * 64], *work = malloc((size_t)gani_svd_work(m, n) * sizeof *work);
    assert_true(work != NULL && n <= 64);
    gani_svd(m, n, a, s, v, work);
    free(a);
    free(work);
    return n;
}

static void fill(const layer_fixture *f, gan_layer *layer, const char *name, uint64_t salt) {
    gan_tensor *t = gan_layer_find(layer, name);
    assert_non_null(t);
    gan_tensor *values = host_uniform(f->context, gan_tensor_dtype(t), gan_tensor_shape(t), -1, 1, salt);
    assert_int_equal(gan_tensor_copy(t, values), GAN_OK);
    gan_tensor_release(values);
}

/* ---- spectral norm ---- */

typedef gan_layer *maker(const layer_fixture *f, int64_t in, int64_t out, const gan_weight_options *o);
static maker *const makers[] = {linear, conv, transposed};

/* The largest singular value of the used weight is 1 (Miyato et al. 2018): after the iterations of a fresh layer and
 * 200 forward passes to 1e-9, after 50 iterations of one pass from any u to 1e-4. */
static void sigma_is_one(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_NONE);
    double s[64];
    for (int i = 0; i < 3; i++) {
        gan_layer *layer = makers[i](f, 6, 7, &o);
        spectrum(f, layer, s);
        assert_true(fabs(s[0] - 1) < 1e-2);
        forward(f, layer, 200);
        spectrum(f, layer, s);
        assert_true(fabs(s[0] - 1) < 1e-9);
        gan_layer_release(layer);
        o.power_iterations = 50;
        layer = makers[i](f, 6, 7, &o);
        fill(f, layer, "0.weight_u", 3);
        forward(f, layer, 1);
        spectrum(f, layer, s);
        assert_true(fabs(s[0] - 1) < 1e-4);
        gan_layer_release(layer);
        o.power_iterations = 1;
    }
}

/* dW = (G - <G, W/sigma> u v^T) / sigma, u and v being those of the evaluation mode (Miyato et al. 2018, eq. 12); the
 * gradients of several passes are summed. */
static void check_spectral_gradient(const layer_fixture *f, int in, int out, int passes) {
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_NONE);
    o.bias = 0;
    enum { BATCH = 5 };
    gan_layer *layer = linear(f, in, out, &o);
    gan_layer_set_training(layer, 0);
    gan_tensor *x = input_of(f, layer, BATCH), *w = gan_layer_find(layer, "0.weight_orig");
    gan_tensor *c = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, out), -1, 1, 5);
    gan_tape_reset(f->tape);
    gan_tensor *y = gan_layer_forward(f->tape, layer, x);
    for (int pass = 1; pass < passes; pass++) y = gan_add(f->tape, y, gan_layer_forward(f->tape, layer, x));
    gan_tensor *g = gan_gradient(f->tape, gan_sum(f->tape, gan_mul(f->tape, y, c)), w, 0);
    double *actual = compare_read(g), *expected = malloc((size_t)(out * in) * sizeof *expected), product = 0, sigma = 0;
    const double *u = gan_tensor_const_data(gan_layer_find(layer, "0.weight_u")), *xs = gan_tensor_const_data(x);
    const double *v = gan_tensor_const_data(gan_layer_find(layer, "0.weight_v")), *cs = gan_tensor_const_data(c);
    const double *ws = gan_tensor_const_data(w);
    assert_non_null(expected);
    for (int i = 0; i < out; i++)
        for (int j = 0; j < in; j++) {
            double sum = 0;
            for (int b = 0; b < BATCH; b++) sum += passes * cs[b * out + i] * xs[b * in + j];
            expected[i * in + j] = sum; /* G */
            sigma += u[i] * ws[i * in + j] * v[j];
            product += sum * ws[i * in + j];
        }
    for (int i = 0; i < out; i++)
        for (int j = 0; j < in; j++)
            expected[i * in + j] = (expected[i * in + j] - product / sigma * u[i] * v[j]) / sigma;
    assert_true(compare_values("dW", actual, expected, out * in, 1e-13, 0));
    free(actual);
    free(expected);
    gan_tensor_release(x);
    gan_tensor_release(c);
    gan_layer_release(layer);
}

static void spectral_gradient(void **state) {
    for (int passes = 1; passes <= 3; passes++) {
        check_spectral_gradient(*state, 4, 3, passes);
        check_spectral_gradient(*state, 5000, 20, passes); /* more than one task's share of rows and of columns */
        check_spectral_gradient(*state, 3, 12000, passes);
    }
}

/* v = W^T u and u = W v, made units, and the gradient, of as many numbers as keep several threads busy, which make the
 * same bits of them. */
static void spectral_threads(void **state) {
    const layer_fixture *f = *state;
    enum { IN = 9000, OUT = 30 };
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_NONE);
    double *first[3] = {NULL}, *v = malloc(IN * sizeof *v), u[OUT];
    assert_non_null(v);
    for (int32_t threads = 1; threads <= 3; threads++) {
        layer_fixture mine = *f;
        mine.context = host_context(threads);
        assert_int_equal(gan_tape_create(&mine.tape, mine.context), GAN_OK);
        gan_layer *layer = linear(&mine, IN, OUT, &o);
        fill(&mine, layer, "0.weight_orig", 8);
        fill(&mine, layer, "0.weight_u", 3);
        gan_tensor *weight = gan_layer_find(layer, "0.weight_orig"), *x = input_of(&mine, layer, 2);
        double *start = compare_read(gan_layer_find(layer, "0.weight_u")), *w = compare_read(weight), square = 0;
        gan_tensor *y = gan_square(mine.tape, gan_layer_forward(mine.tape, layer, x));
        gan_tensor *g = gan_gradient(mine.tape, gan_sum(mine.tape, y), weight, 0);
        assert_int_equal(gan_tape_status(mine.tape), GAN_OK);
        for (int j = 0; j < IN; j++) {
            v[j] = 0;
            for (int i = 0; i < OUT; i++) v[j] += w[i * IN + j] * start[i];
            square += v[j] * v[j];
        }
        for (int j = 0; j < IN; j++) v[j] /= sqrt(square);
        square = 0;
        for (int i = 0; i < OUT; i++) {
            u[i] = 0;
            for (int j = 0; j < IN; j++) u[i] += w[i * IN + j] * v[j];
            square += u[i] * u[i];
        }
        for (int i = 0; i < OUT; i++) u[i] /= sqrt(square);
        double *actual[] = {compare_read(gan_layer_find(layer, "0.weight_u")),
                            compare_read(gan_layer_find(layer, "0.weight_v")), compare_read(g)};
        static const size_t counts[] = {OUT, IN, OUT * IN};
        assert_true(compare_values("u", actual[0], u, OUT, 1e-13, 1e-14));
        assert_true(compare_values("v", actual[1], v, IN, 1e-13, 1e-14));
        for (int i = 0; i < 3; i++) {
            if (first[i] != NULL) assert_memory_equal(first[i], actual[i], counts[i] * sizeof *actual[i]);
            free(first[i]);
            first[i] = actual[i];
        }
        free(start);
        free(w);
        gan_tensor_release(x);
        gan_layer_release(layer);
        gan_tape_release(mine.tape);
        gan_context_release(mine.context);
    }
    for (int i = 0; i < 3; i++) free(first[i]);
    free(v);
}

/* |D(x) - D(y)| <= |x - y| of a linear D, on 1000 pairs; and D(x) alone is less than what a plain layer could give. */
static void lipschitz(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_NONE);
    gan_layer *layer = linear(f, 12, 9, &o);
    forward(f, layer, 300);
    gan_layer_set_training(layer, 0);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(2000, 12), -3, 3, 1);
    gan_tape_reset(f->tape);
    double *y = compare_read(gan_layer_forward(f->tape, layer, x)), *xs = compare_read(x), largest = 0;
    for (int k = 0; k < 1000; k++) {
        double a = 0, b = 0;
        for (int i = 0; i < 12; i++) a += pow(xs[24 * k + i] - xs[24 * k + 12 + i], 2);
        for (int i = 0; i < 9; i++) b += pow(y[18 * k + i] - y[18 * k + 9 + i], 2);
        assert_true(b <= a * (1 + 1e-9));
        largest = fmax(largest, b / a);
    }
    assert_true(largest > 0.5); /* it is not small either */
    free(xs);
    free(y);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* u and v stay in evaluation mode, with and without recording, and move once a pass in training mode; a pass that is
 * differentiated after another has moved them has its own. */
static void mode(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_NONE);
    gan_layer *layer = conv(f, 3, 4, &o);
    fill(f, layer, "0.weight_u", 3);
    gan_tensor *u = gan_layer_find(layer, "0.weight_u"), *w = gan_layer_find(layer, "0.weight_orig"), *kept;
    assert_int_equal(gan_tensor_clone(&kept, u), GAN_OK);
    gan_layer_set_training(layer, 0);
    forward(f, layer, 3);
    gan_tape_set_recording(f->tape, 0);
    forward(f, layer, 3);
    gan_tape_set_recording(f->tape, 1);
    assert_true(compare_same_bits("u in evaluation", u, kept));
    gan_layer_set_training(layer, 1);
    gan_tensor *x = input_of(f, layer, 2);
    gan_tape_reset(f->tape);
    gan_tensor *first = gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, layer, x)));
    double *alone = compare_read(gan_gradient(f->tape, first, w, 0)), *moved = compare_read(u);
    assert_int_equal(gan_tensor_copy(u, kept), GAN_OK);
    gan_tape_reset(f->tape);
    first = gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, layer, x)));
    double *once = compare_read(u);
    assert_true(compare_max_abs(once, moved, 4) == 0);
    gan_layer_forward(f->tape, layer, x);
    double *twice = compare_read(u), *after = compare_read(gan_gradient(f->tape, first, w, 0));
    assert_true(compare_max_abs(once, twice, 4) > 1e-6);
    assert_true(compare_max_abs(alone, after, gan_tensor_count(w)) == 0);
    free(alone);
    free(moved);
    free(once);
    free(twice);
    free(after);
    gan_tensor_release(x);
    gan_tensor_release(kept);
    gan_layer_release(layer);
}

/* ---- spectral regularisation ---- */

/* Differentiable: the spectrum is (1, ..., 1, s_k / s_1, ...), or the record; with one singular value it is the
 * spectral norm. */
static void regularised_spectrum(void **state) {
    const layer_fixture *f = *state;
    double s[64], raw[64];
    for (int i = 0; i < 3; i++) {
        gan_layer *plain = makers[i](f, 6, 8, NULL);
        gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_STATIC);
        int64_t n = spectrum(f, plain, raw);
        for (o.compensated = -1; o.compensated <= n; o.compensated = o.compensated < 1 ? 1 : o.compensated + n - 1) {
            int64_t count = o.compensated == -1 ? n / 2 : o.compensated;
            gan_layer *layer = makers[i](f, 6, 8, &o);
            assert_int_equal(gan_tensor_copy(gan_layer_find(layer, "0.weight_orig"), gan_layer_find(plain, "0.weight")),
                             GAN_OK);
            assert_int_equal(spectrum(f, layer, s), n);
            for (int64_t k = 0; k < n; k++) assert_true(fabs(s[k] - (k < count ? 1 : raw[k] / raw[0])) < 1e-12);
            gan_layer_release(layer);
        }
        gan_layer_release(plain);
    }
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_DYNAMIC);
    gan_layer *layer = linear(f, 6, 4, &o);
    double best[4] = {0};
    for (int step = 0; step < 6; step++) {
        fill(f, layer, "0.weight_orig", 100 + (uint64_t)step);
        forward(f, layer, 1);
        const double *gamma = gan_tensor_const_data(gan_layer_find(layer, "0.weight_gamma"));
        spectrum(f, layer, s);
        for (int k = 0; k < 4; k++) {
            assert_true(gamma[k] >= best[k] && fabs(s[k] - gamma[k]) < 1e-12);
            best[k] = gamma[k];
        }
    }
    assert_true(best[0] == 1);
    gan_layer_release(layer);
}

/* The projection of weight_orig (the authors' code). */
static void projection(void **state) {
    const layer_fixture *f = *state;
    double before[64], s[64];
    for (int i = 0; i < 3; i++) {
        gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_STATIC);
        gan_layer *layer = makers[i](f, 6, 8, &o), *raw = makers[i](f, 6, 8, NULL);
        gan_tensor *w = gan_layer_find(layer, "0.weight_orig"), *copy = gan_layer_find(raw, "0.weight");
        assert_int_equal(gan_tensor_copy(copy, w), GAN_OK);
        int64_t n = spectrum(f, raw, before);
        gan_tape_reset(f->tape);
        assert_int_equal(gan_layer_compensate(f->tape, layer), GAN_OK);
        assert_int_equal(gan_tensor_copy(copy, w), GAN_OK);
        spectrum(f, raw, s);
        for (int64_t k = 0; k < n; k++) assert_true(fabs(s[k] - (k < n / 2 ? 1 : before[k] / before[0])) < 1e-12);
        gan_layer_release(layer);
        /* one singular value: the same weight, of norm 1 */
        o.compensated = 1;
        layer = makers[i](f, 6, 8, &o);
        w = gan_layer_find(layer, "0.weight_orig");
        assert_int_equal(gan_tensor_copy(copy, w), GAN_OK);
        spectrum(f, raw, before);
        assert_int_equal(gan_layer_compensate(f->tape, layer), GAN_OK);
        gan_tensor *scaled = gan_scale(f->tape, copy, 1 / before[0]);
        assert_true(compare_tensors("one value", w, scaled, 1e-14));
        gan_layer_release(layer);
        /* dynamic: an empty record changes nothing; then no share falls below what it was */
        o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_DYNAMIC);
        layer = makers[i](f, 6, 8, &o);
        w = gan_layer_find(layer, "0.weight_orig");
        assert_int_equal(gan_tensor_copy(copy, w), GAN_OK);
        assert_int_equal(gan_layer_compensate(f->tape, layer), GAN_OK);
        assert_true(compare_same_bits("empty record", w, copy));
        double record[64];
        memcpy(record, gan_tensor_const_data(gan_layer_find(layer, "0.weight_gamma")), (size_t)n * sizeof record[0]);
        for (int step = 0; step < 5; step++) {
            fill(f, layer, "0.weight_orig", 200 + (uint64_t)step);
            assert_int_equal(gan_tensor_copy(copy, w), GAN_OK);
            spectrum(f, raw, before);
            gan_tape_reset(f->tape);
            assert_int_equal(gan_layer_compensate(f->tape, layer), GAN_OK);
            assert_int_equal(gan_tensor_copy(copy, w), GAN_OK);
            spectrum(f, raw, s);
            const double *gamma = gan_tensor_const_data(gan_layer_find(layer, "0.weight_gamma"));
            for (int64_t k = 0; k < n; k++) {
                assert_true(gamma[k] == fmax(record[k], before[k] / before[0]));
                assert_true(fabs(s[k] - gamma[k] * before[0]) < 1e-12);
                record[k] = gamma[k];
            }
        }
        gan_layer_release(layer);
        gan_layer_release(raw);
    }
}

/* Not without what it is for; a frozen weight stays; networks inside are reached. */
static void projection_reaches(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_STATIC);
    gan_layer *inner = linear(f, 5, 5, &o), *plain = linear(f, 5, 5, NULL);
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
    gan_add_layer(b, inner, "body");
    gan_add_layer(b, inner, NULL);
    gan_layer *outer = layer_fixture_end(f, b);
    gan_tensor *w = gan_layer_find(outer, "body.0.weight_orig"), *kept;
    assert_int_equal(gan_tensor_clone(&kept, w), GAN_OK);
    assert_int_equal(gan_layer_set_trainable(outer, NULL, 0), GAN_OK);
    assert_int_equal(gan_layer_compensate(f->tape, outer), GAN_OK);
    assert_true(compare_same_bits("frozen", w, kept));
    assert_int_equal(gan_layer_set_trainable(outer, NULL, 1), GAN_OK);
    assert_int_equal(gan_layer_compensate(f->tape, outer), GAN_OK);
    assert_false(gan_tensor_item(w, 0) == gan_tensor_item(kept, 0));
    assert_int_equal(gan_layer_compensate(NULL, outer), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_compensate(f->tape, plain), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "no layer has the spectral norm with a compensation"));
    gan_tape_reset(f->tape);
    assert_int_equal(gan_layer_compensate(f->tape, NULL), GAN_E_ARGUMENT);
    gan_tape_reset(f->tape);
    gan_tensor_release(kept);
    gan_layer_release(outer);
    gan_layer_release(inner);
    gan_layer_release(plain);
}

/* Singular values of 0 have no vectors: such weights stay finite, and what there is is lifted. */
static void deficient(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_STATIC);
    o.compensated = 4;
    gan_layer *layer = linear(f, 4, 4, &o);
    gan_tensor *w = gan_layer_find(layer, "0.weight_orig");
    double s[64];
    for (int i = 0; i < 16; i++) ((double *)gan_tensor_data(w))[i] = i == 0 ? 2 : i == 5 ? 0.5 : 0;
    spectrum(f, layer, s);
    assert_true(fabs(s[0] - 1) < 1e-14 && fabs(s[1] - 1) < 1e-14 && s[2] < 1e-14 && s[3] < 1e-14);
    gan_layer_release(layer);
}

/* ---- equalised learning rate ---- */

/* With c = multiplier gain / sqrt(fan_in): the layer is a plain one of c w and multiplier b, its gradients are those
 * times c and multiplier. */
static void equalised(void **state) {
    const layer_fixture *f = *state;
    static const double fans[] = {6, 6 * 9, 6 * 9};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++) {
            gan_weight_options o = networks_weight_form(GAN_WEIGHT_EQUALIZED, GAN_COMPENSATION_NONE);
            if (k == 1) o.multiplier = 0.01;
            if (k == 1) o.gain = 1;
            double c = o.multiplier * o.gain / sqrt(fans[i]);
            gan_layer *layer = makers[i](f, 6, 4, &o), *plain = makers[i](f, 6, 4, NULL);
            gan_tensor *w = gan_layer_find(layer, "0.weight"), *bias = gan_layer_find(layer, "0.bias");
            double *stored = compare_read(w), n = (double)gan_tensor_count(w), norm = compare_norm(stored, (int64_t)n);
            assert_true(fabs(norm / sqrt(n) * o.multiplier - 1) < 0.5); /* N(0, 1 / multiplier) */
            assert_true(gan_tensor_item(bias, 0) == 0);
            fill(f, layer, "0.bias", 4);
            gan_tape_reset(f->tape);
            gan_tensor *pw = gan_layer_find(plain, "0.weight"), *pb = gan_layer_find(plain, "0.bias");
            assert_int_equal(gan_tensor_copy(pw, gan_scale(f->tape, w, c)), GAN_OK);
            assert_int_equal(gan_tensor_copy(pb, gan_scale(f->tape, bias, o.multiplier)), GAN_OK);
            gan_tensor *x = input_of(f, layer, 3), *ps[4] = {w, bias, pw, pb}, *gs[4];
            gan_tensor *y = gan_layer_forward(f->tape, layer, x), *z = gan_layer_forward(f->tape, plain, x);
            assert_true(compare_tensors("equalised", y, z, 1e-14));
            gan_tensor *loss =
                gan_add(f->tape, gan_sum(f->tape, gan_square(f->tape, y)), gan_sum(f->tape, gan_square(f->tape, z)));
            gan_gradients(f->tape, loss, NULL, ps, 4, 0, gs);
            assert_true(compare_tensors("dw", gs[0], gan_scale(f->tape, gs[2], c), 1e-13));
            assert_true(compare_tensors("db", gs[1], gan_scale(f->tape, gs[3], o.multiplier), 1e-13));
            free(stored);
            gan_tensor_release(x);
            gan_layer_release(layer);
            gan_layer_release(plain);
        }
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_EQUALIZED, GAN_COMPENSATION_NONE);
    gan_builder *b = gan_builder_begin_indices(f->context, gan_shape_0d(), 5);
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_embedding_with(b, 5, 3, &o);
    gan_layer *table = layer_fixture_end(f, b);
    gan_tensor *label;
    assert_int_equal(gan_tensor_create(&label, f->context, GAN_I32, gan_shape_1d(1)), GAN_OK);
    ((int32_t *)gan_tensor_data(label))[0] = 4;
    gan_tensor *row = gan_layer_forward(f->tape, table, label);
    assert_true(fabs(gan_tensor_item(row, 1) - sqrt(2) * gan_tensor_item(gan_layer_find(table, "0.weight"), 13)) <
                1e-15);
    gan_tensor_release(label);
    gan_layer_release(table);
}

/* ---- weight norm ---- */

/* Behind the call every pre-activation has mean 0 and variance 1 over the batch, layer after layer; weight_v is as it
 * was. */
static void by_data(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_NORM, GAN_COMPENSATION_NONE), bare = o;
    bare.bias = 0;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 4, 4));
    gan_add_conv2d(b, 5, 3, 1, 1, &o);
    gan_builder_output(b, "a");
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 4, 4, 2, 1, &o);
    gan_builder_output(b, "b");
    gan_add_relu(b);
    gan_add_flatten(b);
    gan_add_linear(b, 6, &bare);
    gan_builder_output(b, "c");
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *x = input_of(f, layer, 16), *v = gan_layer_find(layer, "0.weight_v"), *kept, *ys[3];
    assert_int_equal(gan_tensor_clone(&kept, v), GAN_OK);
    fill(f, layer, "2.bias", 9);
    gan_tensor *before = gan_scale(f->tape, x, 2);
    assert_int_equal(gan_layer_init_from_data(f->tape, layer, &x, 1), GAN_OK);
    assert_true(compare_same_bits("v", v, kept));
    assert_true(gan_tensor_item(before, 0) == 2 * gan_tensor_item(x, 0)); /* what was on the tape is still there */
    gan_layer_forward_many(f->tape, layer, &x, 1, ys, 3);
    for (int i = 0; i < 3; i++) {
        gan_shape shape = gan_tensor_shape(ys[i]);
        double *y = compare_read(ys[i]);
        int64_t channels = shape.size[1], places = gan_tensor_count(ys[i]) / channels / 16;
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0, squares = 0;
            for (int64_t k = 0; k < 16 * places; k++) sum += y[(k / places * channels + c) * places + k % places];
            double mean = sum / (double)(16 * places);
            for (int64_t k = 0; k < 16 * places; k++)
                squares += pow(y[(k / places * channels + c) * places + k % places] - mean, 2);
            assert_true(i == 2 || fabs(mean) < 1e-14);
            assert_true(fabs(squares / (double)(16 * places) - 1) < 1e-13);
        }
        free(y);
    }
    /* an output that does not vary; a network without such layers; NULLs */
    gan_tensor *same = host_uniform(f->context, GAN_F64, gan_shape_4d(1, 3, 4, 4), 0, 0, 1);
    gan_tape_reset(f->tape);
    for (int i = 0; i < 48; i++) ((double *)gan_tensor_data(same))[i] = 0;
    assert_int_equal(gan_layer_init_from_data(f->tape, layer, &same, 1), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "has variance 0 over this batch"));
    gan_layer *plain = conv(f, 3, 3, NULL);
    gan_tensor *image = input_of(f, plain, 1);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_layer_init_from_data(f->tape, plain, &image, 1), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "no layer is fitted to data"));
    gan_tape_reset(f->tape);
    assert_int_equal(gan_layer_init_from_data(f->tape, plain, &x, 1), GAN_E_SHAPE);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_layer_init_from_data(f->tape, plain, NULL, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_init_from_data(NULL, plain, &x, 1), GAN_E_ARGUMENT);
    gan_tape_reset(f->tape);
    gan_tensor_release(image);
    gan_tensor_release(same);
    gan_tensor_release(x);
    gan_tensor_release(kept);
    gan_layer_release(layer);
    gan_layer_release(plain);
}

/* 1 if the two networks hold the same bits. */
static int same_state(const gan_layer *layer, const gan_layer *other) {
    int same = 1;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        same &=
            compare_same_bits(gan_layer_tensor_name(layer, i), gan_layer_tensor(layer, i), gan_layer_tensor(other, i));
    return same;
}

/* Half the mean distance to the nearest other item, of one kernel of a minibatch discrimination of x: 9 items of 5
 * features, with T as it stands in the layer, or by its log_scale and lengths. */
static double nearness(const gan_tensor *x, gan_layer *layer, int64_t kernel) {
    enum { ITEMS = 9, FEATURES = 5, KERNELS = 4, SIZE = 3 };
    const gan_tensor *weight = gan_layer_find(layer, "0.weight"), *scale = gan_layer_find(layer, "0.log_scale");
    double m[ITEMS][SIZE] = {{0}}, sum = 0;
    for (int64_t c = 0; c < SIZE; c++) {
        double length = 0, factor = 1;
        for (int64_t a = 0; a < FEATURES; a++)
            length += pow(gan_tensor_item(weight, (a * KERNELS + kernel) * SIZE + c), 2);
        if (scale != NULL) factor = exp(gan_tensor_item(scale, kernel * SIZE + c)) / sqrt(length);
        for (int64_t i = 0; i < ITEMS; i++)
            for (int64_t a = 0; a < FEATURES; a++)
                m[i][c] += factor * gan_tensor_item(x, i * FEATURES + a) *
                           gan_tensor_item(weight, (a * KERNELS + kernel) * SIZE + c);
    }
    for (int64_t i = 0; i < ITEMS; i++) {
        double nearest = INFINITY;
        for (int64_t j = 0; j < ITEMS; j++)
            if (j != i)
                nearest = fmin(nearest, fabs(m[i][0] - m[j][0]) + fabs(m[i][1] - m[j][1]) + fabs(m[i][2] - m[j][2]));
        sum += nearest;
    }
    return 0.5 * sum / ITEMS;
}

static void minibatch_by_data(void **state) {
    layer_fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        gan_minibatch_discrimination_options o;
        gan_minibatch_discrimination_options_init(&o);
        o.weight_norm = i % 2;
        o.bias = i / 2;
        o.include_self = i == 3;
        gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
        gan_add_minibatch_discrimination(b, 4, 3, &o);
        gan_layer *layer = layer_fixture_end(f, b);
        gan_tensor *x = input_of(f, layer, 9);
        assert_int_equal(gan_layer_init_from_data(f->tape, layer, &x, 1), GAN_OK);
        for (int64_t kernel = 0; kernel < 4; kernel++) assert_true(fabs(nearness(x, layer, kernel) - 1) < 1e-12);
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        for (int64_t k = 0; k < 4 && o.bias; k++) {
            double sum = 0;
            for (int64_t item = 0; item < 9; item++) sum += gan_tensor_item(y, item * 9 + 5 + k);
            assert_true(fabs(sum) < 1e-12);
        }
        /* items that are alike, and one that has no others */
        gan_tensor *same = gan_full(f->tape, GAN_F64, gan_shape_2d(3, 5), 1);
        assert_int_equal(gan_layer_init_from_data(f->tape, layer, &same, 1), GAN_E_ARGUMENT);
        assert_non_null(strstr(gan_context_error(f->context), "the nearest other one is 0 in kernel 0"));
        gan_tape_reset(f->tape);
        gan_tensor *one = gan_full(f->tape, GAN_F64, gan_shape_2d(1, 5), 1);
        assert_int_equal(gan_layer_init_from_data(f->tape, layer, &one, 1), GAN_E_ARGUMENT);
        gan_tape_reset(f->tape);
        assert_true(fabs(nearness(x, layer, 3) - 1) < 1e-12); /* nothing has changed */
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

/* All or nothing: whatever fails behind the first fitted layer, no tensor has changed; gradients of what was there
 * before are as good as they were. */
static void by_data_fails(void **state) {
    layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_NORM, GAN_COMPENSATION_NONE);
    for (int dead = 0; dead < 2; dead++) {
        gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 16, 16));
        gan_add_conv2d(b, 8, 3, 1, 1, &o);
        gan_add_batch_norm(b, NULL);
        gan_add_dropout(b, dead);
        gan_add_conv2d(b, 24, 3, 1, 1, &o); /* its values do not fit into the memory that is there for the first's */
        gan_layer *layer = layer_fixture_end(f, b), *before;
        gan_tensor *x = input_of(f, layer, 32), *g = gan_layer_find(layer, "0.weight_g");
        assert_int_equal(gan_layer_clone(&before, layer), GAN_OK);
        if (dead) {
            gan_tape_reset(f->tape);
            gan_tensor *y = gan_sum(f->tape, gan_square(f->tape, g));
            assert_int_equal(gan_layer_init_from_data(f->tape, layer, &x, 1), GAN_E_ARGUMENT);
            assert_non_null(strstr(gan_context_error(f->context), "output 0 of a layer of 24 has variance"));
            assert_true(same_state(layer, before) && gan_tensor_item(y, 0) > 0);
        }
        int failures = 0;
        gan_status status = dead ? GAN_OK : GAN_E_MEMORY;
        for (long long site = 1; status == GAN_E_MEMORY; site++) {
            gan_tape *tape;
            assert_int_equal(gan_tape_create(&tape, f->context), GAN_OK);
            f->memory.fail_at = atomic_load(&f->memory.calls) + site;
            status = gan_layer_init_from_data(tape, layer, &x, 1);
            f->memory.fail_at = 0;
            assert_true(status == GAN_OK || same_state(layer, before));
            failures += status != GAN_OK;
            gan_tape_release(tape);
        }
        assert_int_equal(status, GAN_OK);
        assert_true(dead || failures > 20);
        gan_tensor_release(x);
        gan_layer_release(before);
        gan_layer_release(layer);
    }
}

/* A network used twice is fitted where it is first. */
static void by_data_once(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_NORM, GAN_COMPENSATION_NONE);
    gan_layer *inner = linear(f, 4, 4, &o);
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(4));
    gan_add_layer(b, inner, NULL);
    gan_builder_output(b, "first");
    gan_add_layer(b, inner, NULL);
    gan_builder_output(b, "second");
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *x = input_of(f, layer, 32), *ys[2];
    assert_int_equal(gan_layer_init_from_data(f->tape, layer, &x, 1), GAN_OK);
    gan_layer_forward_many(f->tape, layer, &x, 1, ys, 2);
    gan_tensor *mean = gan_mean(f->tape, gan_square(f->tape, ys[0]));
    assert_true(fabs(gan_tensor_item(mean, 0) - 1) < 1e-13);
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_layer_release(layer);
    gan_layer_release(inner);
}

/* ---- initialisers ---- */

static void initialisers(void **state) {
    const layer_fixture *f = *state;
    gan_init_options rule;
    gan_init_options_init(&rule);
    rule.kind = GAN_INIT_CONSTANT;
    rule.value = 0.5;
    gan_weight_options o = networks_weight_form(GAN_WEIGHT_NORM, GAN_COMPENSATION_NONE);
    gan_layer *layer = linear(f, 4, 3, &o);
    int64_t m, n;
    double *w = used(f, layer, &m, &n), *v = compare_read(gan_layer_find(layer, "0.weight_v"));
    for (int64_t i = 0; i < 12; i++) assert_true(fabs(w[i] - v[i]) < 1e-15 && fabs(v[i]) < 0.5 && v[i] != 0);
    free(w);
    free(v);
    assert_int_equal(gan_layer_init(layer, &rule), GAN_OK);
    assert_true(gan_tensor_item(gan_layer_find(layer, "0.weight_v"), 11) == 0.5);
    assert_true(gan_tensor_item(gan_layer_find(layer, "0.weight_g"), 2) == 1); /* |(1/2, 1/2, 1/2, 1/2)| */
    assert_true(gan_tensor_item(gan_layer_find(layer, "0.bias"), 2) == 0);
    gan_layer_release(layer);
    o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_DYNAMIC);
    layer = linear(f, 4, 3, &o);
    fill(f, layer, "0.weight_gamma", 1);
    assert_int_equal(gan_layer_init(layer, &rule), GAN_OK);
    gan_tensor *gamma = gan_layer_find(layer, "0.weight_gamma");
    assert_true(gan_tensor_item(gan_layer_find(layer, "0.weight_orig"), 0) == 0.5 && gan_tensor_item(gamma, 1) == 0);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(fabs(gan_tensor_item(gan_layer_find(layer, "0.weight_v"), i)) - 0.5) < 1e-15);
    gan_layer_release(layer);
    o = networks_weight_form(GAN_WEIGHT_EQUALIZED, GAN_COMPENSATION_NONE);
    layer = linear(f, 4, 3, &o);
    assert_int_equal(gan_layer_init(layer, &rule), GAN_OK);
    gan_tensor *weight = gan_layer_find(layer, "0.weight");
    assert_false(gan_tensor_item(weight, 0) == gan_tensor_item(weight, 1));
    assert_int_equal(gan_layer_init_dcgan(layer), GAN_OK);
    assert_true(compare_norm(gan_tensor_const_data(weight), 12) > 1);
    gan_layer_release(layer);
}

/* ---- options ---- */

static void refuse(const layer_fixture *f, const gan_weight_options *o, maker *make, const char *what) {
    gan_builder *b = layer_fixture_begin(f, make == linear ? gan_shape_1d(4) : gan_shape_3d(4, 5, 5));
    if (make == linear) gan_add_linear(b, 3, o);
    if (make == conv) gan_add_conv2d(b, 6, 3, 1, 1, o);
    if (make == transposed) gan_add_conv_transpose2d(b, 6, 3, 1, 1, o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0", what);
}

static void options(void **state) {
    const layer_fixture *f = *state;
    const gan_weight_options sn = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, 0),
                             plain = networks_weight_form(GAN_WEIGHT_PLAIN, 0);
    const gan_weight_options eq = networks_weight_form(GAN_WEIGHT_EQUALIZED, 0);
    gan_weight_options o = networks_weight_form(5, 0);
    refuse(f, &o, linear, "form 5 is none of GAN_WEIGHT_");
    o = networks_weight_form(-1, 0);
    refuse(f, &o, linear, "form -1 is none of GAN_WEIGHT_");
    o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, 3);
    refuse(f, &o, conv, "compensation 3 is none of");
    o = sn;
    o.power_iterations = 0;
    refuse(f, &o, linear, "0 power iterations: 1 to 1000");
    o.power_iterations = 1001;
    refuse(f, &o, linear, "1001 power iterations: 1 to 1000");
    o = sn;
    o.epsilon = 0;
    refuse(f, &o, linear, "its epsilon is 0; it must be above 0, and finite");
    o.epsilon = NAN;
    refuse(f, &o, linear, "nan; it must be above 0, and finite");
    o = eq;
    o.gain = INFINITY;
    refuse(f, &o, linear, "gain inf");
    o.gain = 0;
    refuse(f, &o, linear, "gain 0");
    o = eq;
    o.multiplier = -1;
    refuse(f, &o, linear, "multiplier -1");
    o = plain;
    o.power_iterations = 2;
    refuse(f, &o, conv, "power_iterations is for the spectral norm");
    o = eq;
    o.epsilon = 1e-3;
    refuse(f, &o, conv, "epsilon is for the spectral norm");
    o = sn;
    o.gain = 1;
    refuse(f, &o, transposed, "gain and multiplier are for equalised weights");
    o = networks_weight_form(GAN_WEIGHT_NORM, GAN_COMPENSATION_STATIC);
    refuse(f, &o, conv, "a compensation is for the spectral norm and spectral regularisation");
    o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_DYNAMIC);
    o.compensated = 2;
    refuse(f, &o, conv, "compensated is for the static compensation");
    o = networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, 0);
    refuse(f, &o, conv, "spectral regularisation needs a compensation");
    o = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_STATIC);
    o.compensated = 4;
    refuse(f, &o, linear, "4 singular values cannot be compensated: its weight has 3");
    o.compensated = 0;
    refuse(f, &o, linear, "0 singular values cannot be compensated");
    o = networks_weight_form(GAN_WEIGHT_NORM, 0);
    o.groups = 2;
    refuse(f, &o, transposed, "use 1 group");
    gan_layer *layer = conv(f, 4, 6, &o); /* of a convolution it is fine */
    gan_layer_release(layer);
    gan_builder *b = gan_builder_begin_indices(f->context, gan_shape_0d(), 5);
    gan_add_embedding_with(b, 5, 3, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "embedding", "groups are for convolutions only");
}

/* ---- copies, files, averages, sessions ---- */

/* All types that have a weight, in one form; embeddings with `labels`. */
static gan_layer *make_chain(const layer_fixture *f, const gan_weight_options *o, gan_dtype dtype, int labels) {
    gan_weight_options grouped = *o;
    if (o->form != GAN_WEIGHT_NORM) grouped.groups = 2;
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(5));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, 4 * 3 * 3, o);
    gan_add_reshape(b, gan_shape_3d(4, 3, 3));
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 6, 4, 2, 1, &grouped);
    gan_add_batch_norm(b, NULL);
    gan_add_tanh(b);
    gan_self_attention_options attention;
    gan_self_attention_options_init(&attention);
    attention.weights = o;
    gan_add_self_attention(b, &attention);
    gan_add_conv2d(b, 3, 3, 1, 1, o);
    gan_add_batch_norm(b, NULL);
    gan_add_flatten(b);
    gan_builder_label(b, "images");
    if (labels) {
        gan_builder_input_indices(b, "label", gan_shape_0d(), 7);
        gan_add_embedding_with(b, 7, 3 * 6 * 6, o);
        gan_add_product(b, "images");
    }
    gan_layer *layer = NULL;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    return layer;
}

typedef struct batch {
    gan_tensor *xs[2];
} batch;
static batch make_batch(const layer_fixture *f, gan_dtype dtype) {
    batch b;
    b.xs[0] = host_uniform(f->context, dtype, gan_shape_2d(4, 5), -1, 1, 11);
    assert_int_equal(gan_tensor_create(&b.xs[1], f->context, GAN_I32, gan_shape_1d(4)), GAN_OK);
    for (int i = 0; i < 4; i++) ((int32_t *)gan_tensor_data(b.xs[1]))[i] = (3 * i + 1) % 7;
    return b;
}
static void release_batch(batch b) {
    gan_tensor_release(b.xs[0]);
    gan_tensor_release(b.xs[1]);
}
static gan_tensor *apply(const layer_fixture *f, gan_layer *layer, const batch *b) {
    gan_tensor *y;
    gan_layer_forward_many(f->tape, layer, b->xs, gan_layer_input_count(layer), &y, 1);
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
    return y;
}

static gan_layer *make_used(const layer_fixture *f, int form, gan_dtype dtype, int labels, const batch *b) {
    gan_weight_options o = form_at(form);
    gan_layer *layer = make_chain(f, &o, dtype, labels);
    gan_tensor *gamma = gan_layer_find(layer, "7.7.gamma");
    assert_non_null(gamma);
    assert_int_equal(gan_init_constant(gamma, 0.3), GAN_OK);
    gan_optimizer *adam = NULL;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    for (int step = 0; step < 3; step++) {
        gan_tape_reset(f->tape);
        gan_tensor *loss = gan_mean(f->tape, gan_square(f->tape, apply(f, layer, b)));
        assert_int_equal(gan_optimizer_step(adam, f->tape, loss), GAN_OK);
        if (form == 1) assert_int_equal(gan_layer_compensate(f->tape, layer), GAN_OK);
    }
    gan_optimizer_release(adam);
    return layer;
}

/* A clone and a file have the same bits, in evaluation and in the training step after; the average has the buffers. */
static void copies(void **state) {
    const layer_fixture *f = *state;
    char folder[FILES_PATH], path[FILES_PATH];
    files_join(path, files_folder(folder), "a.safetensors");
    for (int form = 0; form < FORMS; form++)
        for (int wide = 0; wide < 2; wide++) {
            batch b = make_batch(f, wide ? GAN_F64 : GAN_F32);
            gan_layer *layer = make_used(f, form, wide ? GAN_F64 : GAN_F32, 0, &b), *clone = NULL;
            gan_model *model = NULL, *loaded = NULL;
            gan_ema *average = NULL;
            assert_int_equal(gan_layer_clone(&clone, layer), GAN_OK);
            assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
            assert_int_equal(gan_model_save(model, path), GAN_OK);
            if (gan_model_load(&loaded, f->context, path) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
            assert_int_equal(gan_ema_create(&average, layer, 0.5), GAN_OK);
            gan_layer *read = gan_model_layer(loaded);
            assert_int_equal(gan_layer_parameter_count(read), gan_layer_parameter_count(layer));
            for (int training = 0; training < 2; training++) {
                gan_layer_set_training(layer, training);
                gan_layer_set_training(clone, training);
                gan_layer_set_training(read, training);
                gan_tape_reset(f->tape);
                gan_tensor *y = apply(f, layer, &b), *z = apply(f, clone, &b), *w = apply(f, read, &b);
                assert_true(compare_same_bits("clone", z, y));
                assert_true(compare_same_bits("file", w, y));
            }
            gan_ema_update(average);
            for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
                gan_tensor *t = gan_layer_tensor(layer, i);
                assert_true(compare_same_bits("clone's state", gan_layer_tensor(clone, i), t));
                assert_true(compare_same_bits("file's state", gan_layer_tensor(read, i), t));
                if (!gan_layer_tensor_is_parameter(layer, i))
                    assert_true(compare_same_bits("buffer", gan_layer_tensor(gan_ema_layer(average), i), t));
            }
            gan_ema_release(average);
            gan_model_release(loaded);
            gan_model_release(model);
            gan_layer_release(clone);
            gan_layer_release(layer);
            release_batch(b);
        }
    files_remove(folder);
}

/* A session gives what the layer gives in evaluation mode, and its weights are plain, batch norm folded. */
static void sessions(void **state) {
    const layer_fixture *f = *state;
    for (int form = 0; form < FORMS; form++)
        for (int wide = 0; wide < 2; wide++) {
            batch b = make_batch(f, wide ? GAN_F64 : GAN_F32);
            gan_layer *layer = make_used(f, form, wide ? GAN_F64 : GAN_F32, 1, &b);
            gan_tape_reset(f->tape);
            session_fixture_compare("session", layer, b.xs, wide ? 1e-13 : 2e-5);
            gan_session *session = session_fixture_layer_session(layer, 4);
            for (int32_t i = 0; i < session->layer->module_count; i++) {
                const gani_module *module = &session->layer->modules[i];
                assert_int_equal(module->config.form, GAN_WEIGHT_PLAIN);
                if (strcmp(module->type->name, "batch_norm") == 0) assert_int_equal(module->tensor_count, 0);
            }
            gan_session_release(session);
            gan_layer_release(layer);
            release_batch(b);
        }
}

/* The tables name the form, and count what is trained: u, v and the record are not. */
static void summary(void **state) {
    const layer_fixture *f = *state;
    static const int64_t counts[FORMS] = {15, 15, 15, 15, 18, 15};
    static const char *const names[FORMS] = {"spectral norm",           "spectral norm", "spectral regularisation",
                                             "spectral regularisation", "weight norm",   "equalised"};
    for (int i = 0; i < FORMS; i++) {
        gan_weight_options o = form_at(i);
        gan_layer *layer = linear(f, 4, 3, &o);
        char text[512];
        assert_true(gan_layer_summary(layer, text, sizeof text) < (int64_t)sizeof text);
        assert_non_null(strstr(text, names[i]));
        assert_int_equal(gan_layer_parameter_count(layer), counts[i]);
        gan_layer_release(layer);
    }
}

/* ---- several passes on one tape ---- */

static gan_tensor *summed(gan_tape *tape, gan_layer *layer, gan_tensor *x) {
    return gan_sum(tape, gan_square(tape, gan_layer_forward(tape, layer, x)));
}

/* A weight that is a function of what is stored is made once for all passes: whatever happens between them, values and
 * gradients are those of passes on their own. */
static void passes_share(void **state) {
    const layer_fixture *f = *state;
    for (int form = 4; form < FORMS; form++) {
        gan_weight_options o = form_at(form);
        gan_layer *layer = linear(f, 5, 4, &o);
        gan_tensor *x[2] = {input_of(f, layer, 2), input_of(f, layer, 3)}, *stored = gan_layer_tensor(layer, 0);
        double *alone[2], *now;
        for (int i = 0; i < 2; i++) {
            gan_tape_reset(f->tape);
            alone[i] = compare_read(gan_gradient(f->tape, summed(f->tape, layer, x[i]), stored, 0));
        }
        gan_tape_reset(f->tape);
        /* no gradients: nothing is kept for those that follow */
        gan_tape_set_recording(f->tape, 0);
        summed(f->tape, layer, x[0]);
        gan_tape_set_recording(f->tape, 1);
        int64_t mark = gan_tape_mark(f->tape);
        gan_tensor *losses[2];
        for (int round = 0; round < 2; round++) { /* the second one after a rewind */
            const gani_pass pass = {.dtype = layer->dtype, .slope = GANI_NO_ACTIVATION};
            for (int i = 0; i < 2; i++) losses[i] = summed(f->tape, layer, x[i]);
            int64_t before = f->tape->sequence;
            gani_weight w = gani_weight_of(f->tape, &pass, &layer->modules[0]);
            assert_true(w.weight != stored && w.weight->tracked && f->tape->sequence == before); /* nothing was made */
            now = compare_read(gan_gradient(f->tape, gan_add(f->tape, losses[0], losses[1]), stored, GAN_GRAD_RETAIN));
            for (int k = 0; k < 20; k++) assert_true(fabs(now[k] - alone[0][k] - alone[1][k]) < 1e-14);
            free(now);
            for (int i = 0; i < 2; i++) { /* one does not use up what the other needs */
                now = compare_read(gan_gradient(f->tape, losses[i], stored, 0));
                for (int k = 0; k < 20; k++) assert_true(fabs(now[k] - alone[i][k]) < 1e-14);
                free(now);
            }
            assert_int_equal(gan_tape_rewind(f->tape, mark), GAN_OK);
        }
        /* what was made while parameters were frozen has no gradient */
        for (int part = 0; part < 2; part++) {
            gan_tape_reset(f->tape);
            assert_int_equal(gan_layer_set_trainable(layer, part ? gan_layer_tensor_name(layer, 0) : NULL, 0), GAN_OK);
            gan_tensor *watched = gan_watch(f->tape, x[0]);
            summed(f->tape, layer, watched);
            assert_int_equal(gan_layer_set_trainable(layer, NULL, 1), GAN_OK);
            gan_tensor *loss = summed(f->tape, layer, watched);
            now = compare_read(gan_gradient(f->tape, loss, stored, 0));
            for (int k = 0; k < 20; k++) assert_true(fabs(now[k] - alone[0][k]) < 1e-14);
            free(now);
        }
        gan_tape_reset(f->tape);
        /* another weight since: it is made anew */
        gan_tensor *old = summed(f->tape, layer, x[0]);
        fill(f, layer, gan_layer_tensor_name(layer, 0), 5);
        gan_tensor *fresh = summed(f->tape, layer, x[0]);
        now = compare_read(gan_gradient(f->tape, fresh, stored, 0));
        double value = gan_tensor_item(fresh, 0);
        assert_true(fabs(value - gan_tensor_item(old, 0)) > 1e-3);
        gan_tape_reset(f->tape);
        fresh = summed(f->tape, layer, x[0]);
        assert_true(gan_tensor_item(fresh, 0) == value);
        double *again = compare_read(gan_gradient(f->tape, fresh, stored, 0));
        assert_memory_equal(now, again, 20 * sizeof *now);
        free(now);
        free(again);
        for (int i = 0; i < 2; i++) {
            free(alone[i]);
            gan_tensor_release(x[i]);
        }
        gan_tape_reset(f->tape);
        gan_layer_release(layer);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, layer_fixture_open, layer_fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(sigma_is_one),
                                       TEST(spectral_gradient),
                                       TEST(spectral_threads),
                                       TEST(lipschitz),
                                       TEST(mode),
                                       TEST(regularised_spectrum),
                                       TEST(projection),
                                       TEST(projection_reaches),
                                       TEST(deficient),
                                       TEST(equalised),
                                       TEST(by_data),
                                       TEST(by_data_fails),
                                       TEST(by_data_once),
                                       TEST(minibatch_by_data),
                                       TEST(passes_share),
                                       TEST(initialisers),
                                       TEST(options),
                                       TEST(copies),
                                       TEST(sessions),
                                       TEST(summary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
