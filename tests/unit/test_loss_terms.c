/* Matching, information, cycles, orthogonality and augmentation: facts that are exact, derivatives, refusals. The
 * comparison with PyTorch is in golden/test_golden_terms.c. */
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

static gan_context *context;
static gan_tape *tape;

static int open_tape(void **state) {
    (void)state;
    context = host_context(1);
    return gan_tape_create(&tape, context) == GAN_OK ? 0 : -1;
}
static int close_tape(void **state) {
    (void)state;
    gan_tape_release(tape);
    gan_context_release(context);
    return 0;
}

static gan_tensor *uniform(gan_shape shape, uint64_t salt) {
    return host_uniform(context, GAN_F64, shape, -1, 1, salt);
}

/* The tape has failed so, with a message that has this in it; it starts anew. */
static void expect(gan_status status, const char *part) {
    assert_int_equal(gan_tape_status(tape), status);
    if (strstr(gan_tape_error(tape), part) == NULL) fail_msg("'%s' not in '%s'", part, gan_tape_error(tape));
    gan_tape_reset(tape);
}

/* ---- mutual information ---- */

static gan_loss *information(gan_entropy entropy) {
    gan_loss_mutual_information_options o;
    gan_loss_mutual_information_options_init(&o);
    o.entropy = entropy;
    gan_loss *loss;
    assert_int_equal(gan_loss_mutual_information_create(&loss, context, &o), GAN_OK);
    return loss;
}

/* O7: a perfect Q knows all of a code of 10 categories, log 10 nats; a uniform Q nothing. */
static void o7_categorical_bound(void **state) {
    (void)state;
    gan_loss *loss = information(GAN_ENTROPY_EXACT);
    assert_int_equal(gan_loss_add_categorical(loss, 10), GAN_OK);
    gan_tensor *codes = gan_loss_sample_codes(tape, loss, GAN_F64, 32), *bound, *bounds;
    gan_tensor *perfect = gan_scale(tape, codes, 1000), *blind = gan_full(tape, GAN_F64, gan_shape_2d(32, 10), 3);
    gan_tensor *value = gan_loss_mutual_information(tape, loss, perfect, codes, &bound, &bounds);
    assert_true(compare_number("perfect Q", gan_tensor_item(bound, 0), 2.302585092994046, 1e-15));
    assert_true(compare_number("loss", gan_tensor_item(value, 0), -2.302585092994046, 1e-15));
    assert_int_equal(gan_tensor_count(bounds), 1);
    gan_loss_mutual_information(tape, loss, blind, codes, &bound, NULL);
    assert_true(compare_number("uniform Q", gan_tensor_item(bound, 0), 0, 1e-15));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_loss_release(loss);
}

/* O8: what the authors' code reports for codes of U(-1, 1), 0.5 E[c^2] - 0.5 E[(c - m)^2], which is 1/6 at most: here
 * of codes whose mean square is exactly 1/3. With H(c) = log 2 in place of its "entropy" 1.085605, the true bound. */
static void o8_continuous_bound(void **state) {
    (void)state;
    static const double values[6] = {-1, 1, 0, 0.57735026918962576, -0.57735026918962576, 0};
    double mean_square = 0;
    for (int i = 0; i < 6; i++) mean_square += values[i] * values[i] / 6;
    for (int exact = 0; exact < 2; exact++) {
        gan_tape_reset(tape);
        gan_loss *loss = information(exact ? GAN_ENTROPY_EXACT : GAN_ENTROPY_UNIT_GAUSSIAN);
        assert_int_equal(gan_loss_add_uniform(loss, 2, 1), GAN_OK);
        gan_tensor *one = host_tensor(context, GAN_F64, gan_shape_2d(6, 1), values), *two[2] = {one, one};
        gan_tensor *codes = gan_concat(tape, two, 2, 1), *bound, *bounds;
        double scale = sqrt(1.0 / 3 / mean_square);
        codes = gan_scale(tape, codes, scale);
        gan_loss_mutual_information(tape, loss, codes, codes, &bound, &bounds); /* a perfect Q */
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        static const double cross_entropy = 0.91893853320467274, entropy = 1.0856051998713394;
        double each = exact ? log(2) - cross_entropy : entropy - cross_entropy;
        if (!exact) assert_true(compare_number("1/6", each, 1.0 / 6, 1e-14));
        assert_true(compare_number("one code", gan_tensor_item(bounds, 0), each, 1e-14));
        assert_true(compare_number("the other", gan_tensor_item(bounds, 1), each, 1e-14));
        assert_true(compare_number("both", gan_tensor_item(bound, 0), 2 * each, 1e-14));
        gan_tensor_release(one);
        gan_loss_release(loss);
    }
}

/* What Q has learned is worth more than what it has not: with a learned sigma at its best, log |c - m|, and clamped. */
static void learned_sigma(void **state) {
    (void)state;
    gan_loss *loss = information(GAN_ENTROPY_EXACT);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
    gan_tensor *codes = gan_full(tape, GAN_F64, gan_shape_2d(1, 1), 0.25);
    double best = log(0.25), before = -HUGE_VAL;
    for (int k = -3; k <= 3; k++) {
        double pair[2] = {0, best + 0.1 * k};
        gan_tensor *q = host_tensor(context, GAN_F64, gan_shape_2d(1, 2), pair), *x = gan_watch(tape, q), *bound;
        gan_tensor *value = gan_loss_mutual_information(tape, loss, x, codes, &bound, NULL);
        gan_tensor *g = gan_gradient(tape, value, x, 0);
        double here = gan_tensor_item(bound, 0), sigma = exp(pair[1]);
        assert_true(k <= 0 ? here > before : here < before);
        before = here;
        /* dL/dm = (m - c) e^-2w, dL/dw = 1 - (c - m)^2 e^-2w (architectures, part A, 4) */
        assert_true(compare_number("dL/dm", gan_tensor_item(g, 0), -0.25 / (sigma * sigma), 1e-14));
        assert_true(compare_number("dL/dw", gan_tensor_item(g, 1), 1 - 0.0625 / (sigma * sigma), 1e-14));
        gan_tensor_release(q);
    }
    static const double far[2] = {0.25, -50};
    gan_tensor *q = host_tensor(context, GAN_F64, gan_shape_2d(1, 2), far), *x = gan_watch(tape, q);
    gan_tensor *value = gan_loss_mutual_information(tape, loss, x, codes, NULL, NULL);
    assert_true(compare_number("clamped", gan_tensor_item(value, 0), -0.5 - 3, 1e-14)); /* -(H - h(sigma = e^-3)) */
    assert_true(gan_tensor_item(gan_gradient(tape, value, x, 0), 1) == 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(q);
    gan_loss_release(loss);
}

/* Codes: one-hot with every category, normal, uniform; the same draws from the same place, in either type. */
static void sampled_codes(void **state) {
    (void)state;
    enum { BATCH = 6000, K = 4 };
    gan_loss *loss = information(GAN_ENTROPY_EXACT);
    assert_int_equal(gan_loss_add_categorical(loss, K), GAN_OK);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, 1), GAN_OK);
    assert_int_equal(gan_loss_add_uniform(loss, 2, GAN_SIGMA_LEARNED), GAN_OK);
    assert_int_equal(gan_loss_code_width(loss), K + 3);
    assert_int_equal(gan_loss_posterior_width(loss), K + 1 + 4);
    uint64_t start = gan_context_position(context, GAN_STREAM_NOISE);
    gan_tensor *codes = gan_loss_sample_codes(tape, loss, GAN_F64, BATCH);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_context_position(context, GAN_STREAM_NOISE) > start);
    double *values = compare_read(codes), count[K] = {0}, sum[3] = {0}, squares[3] = {0}, largest = 0;
    for (int64_t n = 0; n < BATCH; n++) {
        const double *row = values + n * (K + 3);
        double ones = 0;
        for (int k = 0; k < K; k++) {
            assert_true(row[k] == 0 || row[k] == 1);
            ones += row[k];
            count[k] += row[k];
        }
        assert_true(ones == 1);
        for (int i = 0; i < 3; i++) {
            sum[i] += row[K + i];
            squares[i] += row[K + i] * row[K + i];
        }
        largest = fmax(largest, fmax(fabs(row[K + 1]), fabs(row[K + 2])));
    }
    /* five standard deviations of each figure */
    for (int k = 0; k < K; k++) assert_true(fabs(count[k] - BATCH / 4.0) < 5 * sqrt(BATCH * 3 / 16.0));
    for (int i = 0; i < 3; i++) {
        double variance = i == 0 ? 1 : 1.0 / 3, fourth = i == 0 ? 3 : 0.2;
        assert_true(fabs(sum[i] / BATCH) < 5 * sqrt(variance / BATCH));
        assert_true(fabs(squares[i] / BATCH - variance) < 5 * sqrt((fourth - variance * variance) / BATCH));
    }
    assert_true(largest < 1 && largest > 0.99);
    free(values);
    gan_tensor *kept, *again;
    assert_int_equal(gan_tensor_clone(&kept, codes), GAN_OK);
    gan_tape_reset(tape);
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, start), GAN_OK);
    again = gan_loss_sample_codes(tape, loss, GAN_F64, BATCH);
    assert_true(compare_same_bits("codes", again, kept));
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, start), GAN_OK);
    gan_tensor *single = gan_loss_sample_codes(tape, loss, GAN_F32, BATCH);
    assert_true(compare_tensors("in f32", single, kept, 1e-6));
    assert_int_equal(gan_tensor_count(gan_loss_sample_codes(tape, loss, GAN_F32, 0)), 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(kept);
    gan_loss_release(loss);
}

/* ---- augmentation ---- */

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

/* ---- derivatives, of first and second order ---- */

static gan_tensor *cycle_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_add(t, gan_loss_cycle(t, user, xs[0], xs[1], xs[2], xs[3]),
                   gan_loss_identity(t, user, xs[0], xs[1], xs[2], xs[3]));
}
static gan_tensor *information_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_mutual_information(t, user, xs[0], xs[1], NULL, NULL);
}
typedef struct matched {
    gan_loss *loss;
    gan_tensor *real;
} matched;
static gan_tensor *matching_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    matched *m = user;
    gan_tensor *real[1] = {m->real}, *fake[1] = {xs[0]};
    return gan_loss_feature_matching(t, m->loss, real, fake, 1);
}
/* The same draws each time: the noise is put back. */
static gan_tensor *augment_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    (void)user;
    if (gan_context_set_position(gan_tape_context(t), GAN_STREAM_NOISE, 3) != GAN_OK) return NULL;
    return gan_square(t, gan_diff_augment(t, xs[0], NULL));
}

static void derivatives(void **state) {
    (void)state;
    gan_loss_cycle_options o;
    gan_loss_cycle_options_init(&o);
    gan_tensor *xs[4];
    for (uint64_t i = 0; i < 4; i++) xs[i] = uniform(gan_shape_2d(3, 5), i);
    gan_loss *loss;
    for (o.distance = GAN_DISTANCE_L1; o.distance <= GAN_DISTANCE_L2; o.distance++) {
        assert_int_equal(gan_loss_cycle_create(&loss, context, &o), GAN_OK);
        assert_true(gradcheck(context, "cycle", cycle_of, loss, xs, 4, 1e-9));
        assert_true(gradgradcheck(context, "cycle", cycle_of, loss, xs, 4, 1e-9));
        gan_loss_release(loss);
    }
    assert_int_equal(gan_loss_feature_matching_create(&loss, context, NULL), GAN_OK);
    matched m = {loss, xs[1]};
    assert_true(gradcheck(context, "feature matching", matching_of, &m, xs, 1, 1e-9));
    assert_true(gradgradcheck(context, "feature matching", matching_of, &m, xs, 1, 1e-9));
    gan_loss_release(loss);
    loss = information(GAN_ENTROPY_UNIT_GAUSSIAN);
    assert_int_equal(gan_loss_add_categorical(loss, 3), GAN_OK);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
    assert_int_equal(gan_loss_add_uniform(loss, 1, 0.5), GAN_OK);
    gan_tensor *both[2] = {uniform(gan_shape_2d(3, 6), 8), xs[0]};
    assert_true(gradcheck(context, "information", information_of, loss, both, 2, 1e-9));
    assert_true(gradgradcheck(context, "information", information_of, loss, both, 2, 1e-8));
    gan_loss_release(loss);
    gan_tensor *images = uniform(gan_shape_4d(2, 3, 6, 5), 9);
    assert_true(gradcheck(context, "augmentation", augment_of, NULL, &images, 1, 1e-9));
    assert_true(gradgradcheck(context, "augmentation", augment_of, NULL, &images, 1, 1e-9));
    gan_tensor_release(images);
    gan_tensor_release(both[0]);
    for (int i = 0; i < 4; i++) gan_tensor_release(xs[i]);
}

/* ---- orthogonality ---- */

static gan_layer *linear(int64_t inputs, int64_t outputs, gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(inputs));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, outputs, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

/* 0 of orthonormal rows, in both forms; of rows that are orthogonal and twice as long, |4 - 1|^2 each in the second
 * form alone. The gradient is 4 weight (W W^T * (1 - I)) W (architectures, part B, 4.5). */
static void orthogonal_rows(void **state) {
    (void)state;
    gan_layer *layer = linear(6, 3, GAN_F64);
    gan_tensor *w = gan_layer_find(layer, "0.weight");
    gan_orthogonal_options o;
    gan_orthogonal_options_init(&o);
    o.weight = 1;
    for (int scaled = 0; scaled < 2; scaled++) {
        assert_int_equal(gan_init_orthogonal(w, scaled ? 2 : 1), GAN_OK);
        gan_tape_reset(tape);
        o.form = GAN_ORTHOGONAL_OFF_DIAGONAL;
        assert_true(compare_abs("angles", &(double){gan_tensor_item(gan_orthogonal_regularization(tape, layer, &o), 0)},
                                &(double){0}, 1, 1e-28));
        o.form = GAN_ORTHOGONAL_IDENTITY;
        assert_true(compare_number("lengths", gan_tensor_item(gan_orthogonal_regularization(tape, layer, &o), 0),
                                   scaled ? 27 : 0, 1e-13));
    }
    assert_int_equal(gan_tensor_fill_uniform(w, -1, 1, 1, 1, 0), GAN_OK);
    gan_tape_reset(tape);
    o.form = GAN_ORTHOGONAL_OFF_DIAGONAL;
    o.weight = 0.25;
    gan_tensor *g = gan_gradient(tape, gan_orthogonal_regularization(tape, layer, &o), w, 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    double expected[18] = {0};
    for (int64_t i = 0; i < 3; i++)
        for (int64_t k = 0; k < 3; k++) {
            double product = 0;
            for (int64_t j = 0; j < 6; j++) product += gan_tensor_item(w, 6 * i + j) * gan_tensor_item(w, 6 * k + j);
            for (int64_t j = 0; j < 6 && i != k; j++) expected[6 * i + j] += product * gan_tensor_item(w, 6 * k + j);
        }
    for (int64_t i = 0; i < 18; i++) assert_true(compare_number("gradient", gan_tensor_item(g, i), expected[i], 1e-14));
    gan_layer_release(layer);
}

/* A frozen weight is left out; one that is shared counts once; the term follows the layer's type. */
static void orthogonal_weights(void **state) {
    (void)state;
    gan_layer *part = linear(4, 4, GAN_F32);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(4));
    gan_add_layer(b, part, "shared");
    gan_add_layer(b, part, "again");
    gan_add_linear(b, 2, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    gan_tensor *whole = gan_orthogonal_regularization(tape, layer, NULL),
               *alone = gan_orthogonal_regularization(tape, part, NULL);
    assert_int_equal(gan_tensor_dtype(whole), GAN_F32);
    assert_int_equal(gan_layer_set_trainable(layer, "shared", 0), GAN_OK);
    gan_tensor *rest = gan_orthogonal_regularization(tape, layer, NULL);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(
        compare_number("parts", gan_tensor_item(whole, 0), gan_tensor_item(alone, 0) + gan_tensor_item(rest, 0), 1e-6));
    assert_true(gan_tensor_item(alone, 0) > 0 && gan_tensor_item(rest, 0) > 0);
    gan_orthogonal_regularization(tape, part, NULL);
    expect(GAN_E_ARGUMENT, "no trainable parameter of rank 2");
    gan_layer_release(layer);
    gan_layer_release(part);
}

/* ---- refusals ---- */

static void refused_options(void **state) {
    (void)state;
    gan_loss *loss = (gan_loss *)(uintptr_t)1;
    static const double weights[2] = {1, NAN};
#define REFUSED(KIND, STATUS, MEMBER, VALUE)                                                                           \
    do {                                                                                                               \
        gan_loss_##KIND##_options o;                                                                                   \
        gan_loss_##KIND##_options_init(&o);                                                                            \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_##KIND##_create(&loss, context, &o), STATUS);                                        \
        assert_null(loss);                                                                                             \
    } while (0)
    REFUSED(feature_matching, GAN_E_ARGUMENT, distance, 0);
    REFUSED(feature_matching, GAN_E_ARGUMENT, distance, 3);
    REFUSED(feature_matching, GAN_E_ARGUMENT, average, 2);
    REFUSED(feature_matching, GAN_E_ARGUMENT, weights, weights); /* and no count */
    REFUSED(feature_matching, GAN_E_ARGUMENT, weight_count, 1);  /* and no weights */
    REFUSED(feature_matching, GAN_E_ARGUMENT, struct_size, 1);
    REFUSED(mutual_information, GAN_E_ARGUMENT, categorical_weight, -1);
    REFUSED(mutual_information, GAN_E_ARGUMENT, continuous_weight, INFINITY);
    REFUSED(mutual_information, GAN_E_ARGUMENT, log_sigma_low, 3);
    REFUSED(mutual_information, GAN_E_ARGUMENT, log_sigma_high, NAN);
    REFUSED(mutual_information, GAN_E_ARGUMENT, log_sigma_high, INFINITY);
    REFUSED(mutual_information, GAN_E_ARGUMENT, entropy, 2);
    REFUSED(mutual_information, GAN_E_UNSUPPORTED, reserved, 1);
    REFUSED(cycle, GAN_E_ARGUMENT, weight_a, -1);
    REFUSED(cycle, GAN_E_ARGUMENT, weight_b, NAN);
    REFUSED(cycle, GAN_E_ARGUMENT, identity, -0.5);
    REFUSED(cycle, GAN_E_ARGUMENT, distance, 0);
    REFUSED(cycle, GAN_E_UNSUPPORTED, reserved, 1);
    gan_loss_feature_matching_options o;
    gan_loss_feature_matching_options_init(&o);
    o.weights = weights;
    o.weight_count = 2;
    assert_int_equal(gan_loss_feature_matching_create(&loss, context, &o), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "weight 2"));
    o.weight_count = GAN_FEATURES + 1;
    assert_int_equal(gan_loss_feature_matching_create(&loss, context, &o), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_feature_matching_create(NULL, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_mutual_information_create(&loss, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_cycle_create(NULL, context, NULL), GAN_E_ARGUMENT);
}

static void refused_codes(void **state) {
    (void)state;
    gan_loss *loss = information(GAN_ENTROPY_EXACT), *bce;
    assert_int_equal(gan_loss_bce_create(&bce, context, NULL), GAN_OK);
    gan_tensor *q = uniform(gan_shape_2d(4, 3), 1), *codes = uniform(gan_shape_2d(4, 3), 2),
               *more = uniform(gan_shape_2d(5, 3), 3), *empty = uniform(gan_shape_2d(0, 3), 4), *bound = NULL,
               *bounds = NULL;
    gan_loss_mutual_information(tape, loss, q, codes, &bound, &bounds);
    assert_true(gan_tensor_dtype(bound) == 0 && gan_tensor_dtype(bounds) == 0);
    expect(GAN_E_ARGUMENT, "the loss has no codes");
    gan_loss_sample_codes(tape, loss, GAN_F32, 4);
    expect(GAN_E_ARGUMENT, "the loss has no codes");
    static const int64_t few[3] = {0, 1, -5};
    for (int i = 0; i < 3; i++) assert_int_equal(gan_loss_add_categorical(loss, few[i]), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "2 or more"));
    assert_int_equal(gan_loss_add_gaussian(loss, 0, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_gaussian(loss, 1, -2), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "GAN_SIGMA_LEARNED"));
    assert_int_equal(gan_loss_add_uniform(loss, 1, NAN), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_uniform(loss, INT64_MAX, 1), GAN_E_LIMIT);
    assert_int_equal(gan_loss_add_uniform(NULL, 1, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_add_categorical(bce, 3), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_code_width(loss), 0);
    assert_int_equal(gan_loss_code_width(bce), 0);
    assert_int_equal(gan_loss_posterior_width(NULL), 0);
    assert_int_equal(gan_loss_add_categorical(loss, 3), GAN_OK);
    gan_loss_mutual_information(tape, loss, q, codes, NULL, NULL);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_loss_mutual_information(tape, loss, q, more, NULL, NULL);
    expect(GAN_E_SHAPE, "Q's output is of shape 4x3; the codes of the loss need 5 x 3");
    gan_loss_mutual_information(tape, loss, empty, empty, NULL, NULL);
    expect(GAN_E_SHAPE, "no elements");
    gan_loss_mutual_information(tape, bce, q, codes, NULL, NULL);
    expect(GAN_E_ARGUMENT, "mutual information loss is needed");
    gan_loss_mutual_information(tape, loss, NULL, codes, NULL, NULL);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_loss_sample_codes(tape, loss, GAN_I32, 4);
    expect(GAN_E_DTYPE, "f32 or f64");
    gan_loss_sample_codes(tape, loss, GAN_F32, -1);
    expect(GAN_E_SHAPE, "-1 x 3");
    assert_int_equal(gan_loss_add_gaussian(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
    gan_loss_mutual_information(tape, loss, q, q, NULL, NULL);
    expect(GAN_E_SHAPE, "codes are of shape 4x3; the codes of the loss need 4 x 4");
    for (int i = 2; i < 64; i++) assert_int_equal(gan_loss_add_uniform(loss, 1, 1), GAN_OK);
    assert_int_equal(gan_loss_add_uniform(loss, 1, 1), GAN_E_LIMIT);
    /* as many as there can be */
    gan_tensor *drawn = gan_loss_sample_codes(tape, loss, GAN_F64, 2),
               *posterior = gan_full(tape, GAN_F64, gan_shape_2d(2, gan_loss_posterior_width(loss)), 0);
    gan_loss_mutual_information(tape, loss, posterior, drawn, &bound, &bounds);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_int_equal(gan_tensor_count(bounds), 64);
    gan_tensor_release(q);
    gan_tensor_release(codes);
    gan_tensor_release(more);
    gan_tensor_release(empty);
    gan_loss_release(loss);
    gan_loss_release(bce);
}

static void refused_tensors(void **state) {
    (void)state;
    gan_loss *matching, *cycle;
    gan_loss_feature_matching_options o;
    gan_loss_feature_matching_options_init(&o);
    o.weights = (double[]){1, 2};
    o.weight_count = 2;
    assert_int_equal(gan_loss_feature_matching_create(&matching, context, &o), GAN_OK);
    assert_int_equal(gan_loss_cycle_create(&cycle, context, NULL), GAN_OK);
    gan_tensor *a = uniform(gan_shape_2d(4, 3), 1), *b = uniform(gan_shape_2d(4, 2), 2),
               *single = uniform(gan_shape_0d(), 3);
    gan_tensor *first[2] = {a, a}, *second[2] = {a, b}, *holes[2] = {a, NULL}, *numbers[2] = {a, single};
    gan_loss_feature_matching(tape, matching, first, second, 2);
    expect(GAN_E_SHAPE, "map 2 has shape 4x3 for reals and 4x2 for fakes");
    gan_loss_feature_matching(tape, matching, numbers, numbers, 2);
    expect(GAN_E_SHAPE, "map 2");
    gan_loss_feature_matching(tape, matching, first, holes, 2);
    expect(GAN_E_ARGUMENT, "fakes: operand 2 is NULL");
    gan_loss_feature_matching(tape, matching, first, first, 1);
    expect(GAN_E_ARGUMENT, "1 feature maps for 2 weights");
    gan_loss_feature_matching(tape, matching, first, first, 0);
    expect(GAN_E_ARGUMENT, "0 feature maps");
    gan_loss_feature_matching(tape, matching, NULL, first, 2);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_loss_feature_matching(tape, cycle, first, first, 2);
    expect(GAN_E_ARGUMENT, "feature matching loss is needed");
    gan_loss_cycle(tape, matching, a, a, a, a);
    expect(GAN_E_ARGUMENT, "cycle loss is needed");
    gan_loss_cycle(tape, cycle, a, b, a, a);
    expect(GAN_E_SHAPE, "cycle: tensors of shapes 4x2 and 4x3");
    gan_loss_identity(tape, cycle, a, a, a, b);
    expect(GAN_E_SHAPE, "identity: tensors of shapes 4x2 and 4x3");
    gan_loss_identity(tape, cycle, a, NULL, a, a);
    expect(GAN_E_ARGUMENT, "operand 2 is NULL");
    gan_l1_loss(tape, a, b);
    expect(GAN_E_SHAPE, "l1_loss");
    gan_l2_loss(tape, a, NULL);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_tensor_release(a);
    gan_tensor_release(b);
    gan_tensor_release(single);
    gan_loss_release(matching);
    gan_loss_release(cycle);
}

static void refused_regularisers(void **state) {
    (void)state;
    gan_layer *layer = linear(3, 2, GAN_F64);
    gan_tensor *image = uniform(gan_shape_4d(2, 3, 4, 4), 1), *row = uniform(gan_shape_2d(2, 3), 2);
#define ORTHOGONAL(MEMBER, VALUE, TEXT)                                                                                \
    do {                                                                                                               \
        gan_orthogonal_options o;                                                                                      \
        gan_orthogonal_options_init(&o);                                                                               \
        o.MEMBER = (VALUE);                                                                                            \
        gan_orthogonal_regularization(tape, layer, &o);                                                                \
        expect(GAN_E_ARGUMENT, TEXT);                                                                                  \
    } while (0)
    ORTHOGONAL(weight, -1, "-1");
    ORTHOGONAL(weight, NAN, "finite");
    ORTHOGONAL(form, 2, "unknown form 2");
    ORTHOGONAL(skip_count, -1, "-1");
    ORTHOGONAL(skip_count, 1, "no list");
    ORTHOGONAL(struct_size, 0, "init function");
    gan_orthogonal_options o;
    gan_orthogonal_options_init(&o);
    static const char *const names[] = {"0", "shared", NULL};
    o.skip = names;
    o.skip_count = 1;
    gan_orthogonal_regularization(tape, layer, &o);
    expect(GAN_E_ARGUMENT, "not skipped");
    o.skip_count = 2;
    gan_orthogonal_regularization(tape, layer, &o);
    expect(GAN_E_ARGUMENT, "'shared'");
    o.skip = names + 2;
    o.skip_count = 1;
    gan_orthogonal_regularization(tape, layer, &o);
    expect(GAN_E_ARGUMENT, "NULL");
    gan_orthogonal_regularization(tape, NULL, NULL);
    expect(GAN_E_ARGUMENT, "NULL");
#define AUGMENT(MEMBER, VALUE, STATUS, TEXT)                                                                           \
    do {                                                                                                               \
        gan_diff_augment_options o_;                                                                                   \
        gan_diff_augment_options_init(&o_);                                                                            \
        o_.MEMBER = (VALUE);                                                                                           \
        gan_diff_augment(tape, image, &o_);                                                                            \
        expect(STATUS, TEXT);                                                                                          \
    } while (0)
    AUGMENT(color, 2, GAN_E_ARGUMENT, "color is 2");
    AUGMENT(translation, -1, GAN_E_ARGUMENT, "translation -1");
    AUGMENT(cutout, 7, GAN_E_ARGUMENT, "cutout 7");
    AUGMENT(brightness, -1, GAN_E_ARGUMENT, "brightness is -1");
    AUGMENT(saturation, NAN, GAN_E_ARGUMENT, "saturation");
    AUGMENT(contrast, INFINITY, GAN_E_ARGUMENT, "contrast");
    AUGMENT(shift, 1.5, GAN_E_ARGUMENT, "shift is 1.5");
    AUGMENT(cut, -0.1, GAN_E_ARGUMENT, "cut -0.1");
    AUGMENT(reserved, 1, GAN_E_UNSUPPORTED, "reserved");
    AUGMENT(struct_size, 3, GAN_E_ARGUMENT, "init function");
    uint64_t before = gan_context_position(context, GAN_STREAM_NOISE);
    gan_diff_augment(tape, row, NULL);
    expect(GAN_E_SHAPE, "N x C x H x W");
    gan_diff_augment(tape, NULL, NULL);
    expect(GAN_E_ARGUMENT, "NULL");
    assert_true(gan_context_position(context, GAN_STREAM_NOISE) == before); /* nothing was drawn */
    gan_tensor_release(image);
    gan_tensor_release(row);
    gan_layer_release(layer);
}

/* ---- no memory: every allocation fails in turn, and nothing crashes ---- */

/* All terms on one tape: the first that finds no memory leaves its error there, the others do nothing. */
static gan_status all_terms(gan_context *c) {
    gan_tape *t = NULL;
    gan_layer *layer = NULL;
    gan_loss *r1 = NULL, *penalty = NULL, *matching = NULL, *info = NULL, *cycle = NULL;
    gan_status status = gan_tape_create(&t, c);
    gan_builder *b = gan_builder_begin(c, gan_shape_3d(2, 4, 4));
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_tanh(b);
    gan_status made = gan_builder_end(&layer, b);
    if (status == GAN_OK) status = made;
    if (status == GAN_OK) status = gan_loss_r1_create(&r1, c, 10);
    if (status == GAN_OK) status = gan_loss_gradient_penalty_create(&penalty, c, NULL);
    if (status == GAN_OK) status = gan_loss_feature_matching_create(&matching, c, NULL);
    if (status == GAN_OK) status = gan_loss_mutual_information_create(&info, c, NULL);
    if (status == GAN_OK) status = gan_loss_add_categorical(info, 3);
    if (status == GAN_OK) status = gan_loss_add_gaussian(info, 1, GAN_SIGMA_LEARNED);
    if (status == GAN_OK) status = gan_loss_cycle_create(&cycle, c, NULL);
    if (status == GAN_OK) {
        gan_tensor *real = gan_normal(t, GAN_F32, gan_shape_4d(3, 2, 4, 4)), *fake = gan_diff_augment(t, real, NULL),
                   *bound, *bounds;
        gan_tensor *x = gan_loss_penalty_points(t, penalty, real, fake);
        gan_tensor *sum = gan_loss_penalty(t, penalty, gan_layer_forward(t, layer, x), x);
        x = gan_loss_penalty_points(t, r1, real, NULL);
        gan_tensor *scores = gan_layer_forward(t, layer, x);
        sum = gan_add(t, sum, gan_loss_penalty(t, r1, scores, x));
        sum = gan_add(t, sum, gan_drift_penalty(t, scores, 1));
        sum = gan_add(t, sum, gan_orthogonal_regularization(t, layer, NULL));
        sum = gan_add(t, sum, gan_loss_feature_matching(t, matching, &scores, &scores, 1));
        gan_tensor *codes = gan_loss_sample_codes(t, info, GAN_F32, 3), *q = gan_normal(t, GAN_F32, gan_shape_2d(3, 5));
        sum = gan_add(t, sum, gan_loss_mutual_information(t, info, q, codes, &bound, &bounds));
        sum = gan_add(t, sum, gan_loss_cycle(t, cycle, real, fake, real, fake));
        sum = gan_add(t, sum, gan_loss_identity(t, cycle, real, fake, real, fake));
        gan_gradient(t, sum, gan_layer_find(layer, "0.weight"), 0);
        status = gan_tape_status(t);
    }
    gan_loss *losses[] = {r1, penalty, matching, info, cycle};
    for (int i = 0; i < 5; i++) gan_loss_release(losses[i]);
    gan_layer_release(layer);
    gan_tape_release(t);
    return status;
}

static void no_memory(void **state) {
    (void)state;
    for (long long fail_at = 1;; fail_at++) {
        host_memory memory = {0};
        gan_context *counted = host_context_with(1, GAN_LEVEL_REFERENCE, 0, &memory);
        memory.fail_at = memory.calls + fail_at;
        gan_status status = all_terms(counted);
        int reached = memory.calls >= memory.fail_at;
        memory.fail_at = 0;
        gan_context_release(counted);
        assert_int_equal(memory.blocks, 0);
        assert_int_equal(memory.bytes, 0);
        assert_int_equal(status, reached ? GAN_E_MEMORY : GAN_OK);
        if (!reached) {
            assert_true(fail_at > 20);
            return;
        }
    }
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(o7_categorical_bound), TEST(o8_continuous_bound),  TEST(learned_sigma),
        TEST(sampled_codes),        TEST(moves_and_holes),      TEST(colors),
        TEST(augmented_in_single),  TEST(derivatives),          TEST(orthogonal_rows),
        TEST(orthogonal_weights),   TEST(refused_options),      TEST(refused_codes),
        TEST(refused_tensors),      TEST(refused_regularisers), TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
