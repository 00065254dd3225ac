/* Minibatch discrimination, conditional batch normalisation, projection heads and the layers that bring conditions to
 * where they are used: exact facts, derivatives of both orders, single precision, batches of 1 and 0, what is refused.
 */
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
#include "train/model.h"

#define CLASSES 3

static void assert_tape(const layer_fixture *f) {
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
}

static gan_tensor *labels_of(const layer_fixture *f, int32_t count, const int32_t *values) {
    gan_tensor *labels;
    assert_int_equal(gan_tensor_create(&labels, f->context, GAN_I32, gan_shape_1d(count)), GAN_OK);
    assert_int_equal(gan_tensor_write(labels, values, (size_t)count * sizeof *values), GAN_OK);
    return labels;
}

static void vary(gan_layer *layer, double low, double high) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        assert_int_equal(gan_tensor_fill_uniform(gan_layer_tensor(layer, i), low, high, 5, 99, (uint64_t)i * 1000),
                         GAN_OK);
}

/* ---- what its user sees ---- */

/* Columns stay columns beside a long name of a type, and labels given in place of z are named. */
static void summary_and_exchanged_inputs(void **state) {
    layer_fixture *f = *state;
    static const int32_t some[] = {0, 2};
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(5));
    gan_builder_input_indices(b, "label", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    gan_add_linear(b, 4, NULL);
    gan_add_conditional_batch_norm(b, "label", CLASSES, NULL);
    gan_layer *layer = layer_fixture_end(f, b);
    char text[2048];
    gan_layer_summary(layer, text, sizeof text);
    size_t ends[3] = {0};
    static const char *const begins[] = {"   0 linear ", "   1 conditional_batch_norm ", "     parameters "};
    for (int i = 0; i < 3; i++) {
        const char *line = strstr(text, begins[i]);
        assert_non_null(line);
        ends[i] = strcspn(line, "\n");
        assert_int_equal(ends[i], ends[0]); /* of the numbers */
    }
    gan_tensor *z = host_uniform(f->context, GAN_F32, gan_shape_2d(2, 5), -1, 1, 1), *labels = labels_of(f, 2, some),
               *y;
    gan_tensor *inputs[] = {labels, z};
    gan_layer_forward_many(f->tape, layer, inputs, 2, &y, 1);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_DTYPE);
    assert_non_null(strstr(gan_tape_error(f->tape), "input 'input' has type i32, the network f32"));
    gan_tape_reset(f->tape);
    gan_tensor_release(z);
    gan_tensor_release(labels);
    gan_layer_release(layer);
}

/* A modulated batch norm without running statistics looks at all items of a batch: a model does not cut it. */
static void models_of_batch_statistics_are_whole(void **state) {
    layer_fixture *f = *state;
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    o.affine = 1;
    o.track_running_stats = 0;
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(5));
    gan_add_linear(b, 4, NULL);
    gan_builder_label(b, "gain");
    gan_builder_from(b, "input");
    gan_add_linear(b, 4, NULL);
    gan_builder_label(b, "bias");
    gan_builder_from(b, "input");
    gan_add_linear(b, 4, NULL);
    gan_add_modulated_batch_norm(b, "gain", "bias", &o);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *z = host_uniform(f->context, GAN_F32, gan_shape_2d(70, 5), -1, 1, 1), *made;
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    assert_int_equal(gan_model_generate(&made, model, z), GAN_OK);
    gan_layer_set_training(layer, 0);
    assert_true(compare_same_bits("whole", made, gan_layer_forward(f->tape, layer, z)));
    assert_tape(f);
    gan_tensor_release(made);
    gan_tensor_release(z);
    gan_model_release(model);
    gan_layer_release(layer);
}

/* ---- minibatch discrimination ---- */

static gan_layer *minibatch(const layer_fixture *f, gan_dtype dtype, int32_t include_self, int32_t authors) {
    gan_minibatch_discrimination_options o;
    gan_minibatch_discrimination_options_init(&o);
    assert_true(o.include_self == 0 && o.bias == 0 && o.weight_norm == 0);
    o.include_self = include_self;
    o.bias = o.weight_norm = authors;
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(5));
    gan_builder_set_dtype(b, dtype);
    gan_add_minibatch_discrimination(b, 4, 3, &o);
    return layer_fixture_end(f, b);
}

/* With all n rows equal, o = n - 1 for every kernel, n with the item itself; so for any batch and weights of 0. A batch
 * of 1: 0 and 1. Exact, in both types and both modes. */
static void equal_rows(void **state) {
    layer_fixture *f = *state;
    for (int variant = 0; variant < 8; variant++) {
        gan_dtype dtype = variant & 1 ? GAN_F32 : GAN_F64;
        int32_t self = variant >> 1 & 1;
        gan_layer *layer = minibatch(f, dtype, self, 0);
        gan_layer_set_training(layer, variant >> 2 & 1);
        for (int64_t n = 1; n <= 7; n += 2) {
            gan_tensor *row = host_uniform(f->context, dtype, gan_shape_2d(1, 5), -3, 3, (uint64_t)n);
            gan_tensor *x = gan_broadcast(f->tape, row, gan_shape_2d(n, 5));
            gan_tensor *y = gan_layer_forward(f->tape, layer, x);
            assert_tape(f);
            assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_2d(n, 9)));
            assert_true(compare_same_bits("features", gan_slice(f->tape, y, 1, 0, 5), x));
            for (int64_t i = 0; i < n; i++)
                for (int64_t k = 5; k < 9; k++) assert_true(gan_tensor_item(y, 9 * i + k) == (double)(n - 1 + self));
            gan_tensor_release(row);
            gan_tape_reset(f->tape);
        }
        gan_tensor *empty = gan_full(f->tape, dtype, gan_shape_2d(0, 5), 0);
        gan_tensor *y = gan_layer_forward(f->tape, layer, empty);
        assert_tape(f);
        assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_2d(0, 9)));
        gan_tape_reset(f->tape);
        gan_layer_release(layer);
    }
}

/* The formula by plain loops, items with themselves left out. */
static void minibatch_values(void **state) {
    layer_fixture *f = *state;
    enum { N = 4, A = 5, B = 4, C = 3 };
    gan_layer *layer = minibatch(f, GAN_F64, 0, 0);
    gan_tensor *t = gan_layer_find(layer, "0.weight");
    assert_true(gan_shape_equal(gan_tensor_shape(t), gan_shape_3d(A, B, C)));
    double *fresh = compare_read(t);
    assert_true(fabs(compare_norm(fresh, 60) - 0.05 * sqrt(60)) < 0.1); /* N(0, 0.05) */
    free(fresh);
    vary(layer, -0.5, 0.5);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(N, A), -1, 1, 7);
    gan_tensor *y = gan_layer_forward(f->tape, layer, x);
    assert_tape(f);
    double m[N][B][C] = {{{0}}};
    for (int i = 0; i < N; i++)
        for (int a = 0; a < A; a++)
            for (int k = 0; k < B * C; k++)
                m[i][k / C][k % C] += gan_tensor_item(x, i * A + a) * gan_tensor_item(t, a * B * C + k);
    for (int i = 0; i < N; i++)
        for (int b = 0; b < B; b++) {
            double sum = 0;
            for (int j = 0; j < N; j++) {
                double apart = 0;
                for (int c = 0; c < C; c++) apart += fabs(m[i][b][c] - m[j][b][c]);
                if (i != j) sum += exp(-apart);
            }
            assert_true(compare_number("o", gan_tensor_item(y, i * (A + B) + A + b), sum, 1e-14));
        }
    gan_tensor_release(x);
    gan_layer_release(layer);
}

static void add_minibatch(gan_builder *b) { gan_add_minibatch_discrimination(b, 3, 2, NULL); }
static void minibatch_derivatives(void **state) {
    layer_fixture *f = *state;
    for (int variant = 0; variant < 3; variant++) {
        gan_layer *layer = minibatch(f, GAN_F64, variant == 1, variant == 2);
        if (variant == 2) {
            assert_true(gan_shape_equal(gan_tensor_shape(gan_layer_find(layer, "0.log_scale")), gan_shape_2d(4, 3)));
            assert_true(gan_tensor_item(gan_layer_find(layer, "0.log_scale"), 11) == 0);
            assert_true(gan_tensor_item(gan_layer_find(layer, "0.bias"), 3) == -1);
        }
        vary(layer, -0.5, 0.5);
        gan_tensor *x =
            host_uniform(f->context, GAN_F64, gan_shape_2d(3, 5), -4, 4, 11); /* far from where |.| has a kink */
        layer_fixture_check_layer(f, "minibatch discrimination", layer, x);
        /* items depend on each other in evaluation mode too: samples must not be drawn in pieces */
        assert_true(gani_is_one_batch(layer));
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
    layer_fixture_single(f, "minibatch discrimination", add_minibatch, gan_shape_1d(6));
}

/* ---- conditional batch normalisation ---- */

typedef struct conditioned {
    gan_layer *layer;
    gan_tensor *labels;
} conditioned;

static gan_tensor *apply_labels(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const conditioned *c = user;
    gan_tensor *inputs[2] = {xs[0], c->labels}, *y;
    gan_layer_forward_many(tape, c->layer, inputs, 2, &y, 1);
    return y;
}

static gan_layer *by_class(const layer_fixture *f, gan_dtype dtype, gan_shape item, int32_t track) {
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    o.track_running_stats = track;
    gan_builder *b = gan_builder_begin(f->context, item);
    gan_builder_set_dtype(b, dtype);
    gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    gan_add_conditional_batch_norm(b, "labels", CLASSES, &o);
    return layer_fixture_end(f, b);
}

/* With fresh tables, and with rows that are all alike, it is batch normalisation; running statistics are its too. */
static void is_batch_norm(void **state) {
    layer_fixture *f = *state;
    static const int32_t values[4] = {2, 0, 0, 1};
    conditioned c = {by_class(f, GAN_F64, gan_shape_3d(2, 3, 3), 1), labels_of(f, 4, values)};
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 3, 3));
    gan_add_batch_norm(b, NULL);
    gan_layer *plain = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tensor_count(c.layer), 4);
    assert_true(gan_shape_equal(gan_tensor_shape(gan_layer_find(c.layer, "0.weight")), gan_shape_2d(CLASSES, 2)));
    assert_true(gan_layer_parameter_count(c.layer) == 2 * CLASSES * 2);
    for (int round = 0; round < 4; round++) {
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(4, 2, 3, 3), -1, 4, (uint64_t)round);
        if (round == 1) {
            const double gains[6] = {2, -3, 2, -3, 2, -3}, biases[6] = {1, 5, 1, 5, 1, 5};
            assert_int_equal(gan_tensor_write(gan_layer_find(c.layer, "0.weight"), gains, sizeof gains), GAN_OK);
            assert_int_equal(gan_tensor_write(gan_layer_find(c.layer, "0.bias"), biases, sizeof biases), GAN_OK);
            assert_int_equal(gan_tensor_write(gan_layer_find(plain, "0.weight"), gains, sizeof gains / 3), GAN_OK);
            assert_int_equal(gan_tensor_write(gan_layer_find(plain, "0.bias"), biases, sizeof biases / 3), GAN_OK);
        }
        gan_layer_set_training(c.layer, round < 3);
        gan_layer_set_training(plain, round < 3);
        gan_tensor *y = apply_labels(f->tape, &x, &c);
        assert_tape(f);
        assert_true(compare_tensors("conditional", y, gan_layer_forward(f->tape, plain, x), 1e-14));
        assert_true(compare_same_bits("mean", gan_layer_find(c.layer, "0.running_mean"),
                                      gan_layer_find(plain, "0.running_mean")));
        assert_true(compare_same_bits("variance", gan_layer_find(c.layer, "0.running_var"),
                                      gan_layer_find(plain, "0.running_var")));
        gan_tensor_release(x);
        gan_tape_reset(f->tape);
    }
    gan_tensor_release(c.labels);
    gan_layer_release(c.layer);
    gan_layer_release(plain);
}

static void conditional_derivatives(void **state) {
    layer_fixture *f = *state;
    static const int32_t values[4] = {2, 0, 0, 1};
    for (int variant = 0; variant < 3; variant++) {
        conditioned c = {by_class(f, GAN_F64, gan_shape_2d(2, 3), variant != 2), labels_of(f, 4, values)};
        vary(c.layer, 0.5, 1.5);
        gan_layer_set_training(c.layer, variant == 0);
        assert_int_equal(gani_is_one_batch(c.layer), variant == 2);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_3d(4, 2, 3), -1, 4, 3);
        layer_fixture_check(f, "conditional batch norm", apply_labels, &c, &x, 1);
        gan_tensor_release(c.labels);
        gan_tensor_release(x);
        gan_layer_release(c.layer);
    }
}

static gan_layer *by_points(const layer_fixture *f, gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(f->context, gan_shape_3d(2, 2, 2));
    gan_builder_set_dtype(b, dtype);
    gan_builder_input(b, "condition", gan_shape_1d(4));
    gan_builder_from(b, "input");
    gan_add_conditional_batch_norm_vector(b, "condition", NULL, NULL);
    return layer_fixture_end(f, b);
}

/* A condition of 0 is plain normalisation: gain 1 + 0, bias 0. */
static void vector_condition(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = by_points(f, GAN_F64);
    assert_true(gan_layer_parameter_count(layer) == 2 * 4 * 2);
    assert_string_equal(gan_layer_tensor_name(layer, 0), "0.weight");
    assert_string_equal(gan_layer_tensor_name(layer, 1), "1.weight");
    assert_non_null(gan_layer_find(layer, "2.running_var"));
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(3, 2, 2, 2), -1, 4, 3);
    gan_tensor *condition = host_uniform(f->context, GAN_F64, gan_shape_2d(3, 4), -1, 1, 4), *xs[2] = {x, condition};
    layer_fixture_check(f, "conditional batch norm by a vector", layer_fixture_apply_two, layer, xs, 2);
    gan_layer_set_training(layer, 0);
    layer_fixture_check(f, "in evaluation", layer_fixture_apply_two, layer, xs, 2);
    gan_layer_set_training(layer, 1);
    xs[1] = gan_full(f->tape, GAN_F64, gan_shape_2d(3, 4), 0);
    assert_true(compare_tensors("condition 0", layer_fixture_apply_two(f->tape, xs, layer),
                                gan_batch_norm(f->tape, x, NULL, NULL, 1e-5), 1e-15));
    gan_weight_options o;
    gan_weight_options_init(&o);
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(2));
    gan_builder_input(b, "condition", gan_shape_1d(4));
    gan_builder_from(b, "input");
    gan_add_conditional_batch_norm_vector(b, "condition", &o, NULL);
    gan_layer *biased = layer_fixture_end(f, b);
    assert_true(gan_layer_parameter_count(biased) == 2 * (4 * 2 + 2)); /* options given: as they are */
    gan_layer_release(biased);
    gan_tensor_release(x);
    gan_tensor_release(condition);
    gan_layer_release(layer);
}

/* Batches of 1: images have statistics of their own, vectors have none but the running ones. */
static void batch_of_one(void **state) {
    layer_fixture *f = *state;
    static const int32_t value = 1;
    gan_tensor *labels = labels_of(f, 1, &value);
    for (int vector = 0; vector < 2; vector++) {
        conditioned c = {by_class(f, GAN_F64, vector ? gan_shape_1d(2) : gan_shape_3d(2, 2, 2), 1), labels};
        gan_tensor *x =
            host_uniform(f->context, GAN_F64, vector ? gan_shape_2d(1, 2) : gan_shape_4d(1, 2, 2, 2), 0, 1, 1);
        for (int training = 0; training < 2; training++) {
            gan_layer_set_training(c.layer, training);
            apply_labels(f->tape, &x, &c);
            assert_int_equal(gan_tape_status(f->tape), vector && training ? GAN_E_SHAPE : GAN_OK);
            if (vector && training) assert_non_null(strstr(gan_tape_error(f->tape), "larger batch or evaluation mode"));
            gan_tape_reset(f->tape);
        }
        gan_tensor_release(x);
        gan_layer_release(c.layer);
    }
    gan_tensor_release(labels);
}

/* ---- heads and conditions ---- */

static void projection_values(void **state) {
    layer_fixture *f = *state;
    static const int32_t values[2] = {2, 0};
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(4));
    gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    gan_add_projection(b, "labels", CLASSES, NULL);
    conditioned c = {layer_fixture_end(f, b), labels_of(f, 2, values)};
    assert_true(gan_layer_parameter_count(c.layer) == 4 + 1 + CLASSES * 4);
    gan_tensor *w = gan_layer_find(c.layer, "0.weight"), *v = gan_layer_find(c.layer, "1.weight");
    vary(c.layer, -1, 1);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(2, 4), -1, 4, 3);
    gan_tensor *y = apply_labels(f->tape, &x, &c);
    assert_tape(f);
    assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_2d(2, 1)));
    for (int64_t i = 0; i < 2; i++) {
        double sum = gan_tensor_item(gan_layer_find(c.layer, "0.bias"), 0);
        for (int64_t k = 0; k < 4; k++)
            sum += gan_tensor_item(x, 4 * i + k) * (gan_tensor_item(w, k) + gan_tensor_item(v, 4 * values[i] + k));
        assert_true(compare_number("score", gan_tensor_item(y, i), sum, 1e-14));
    }
    layer_fixture_check(f, "projection", apply_labels, &c, &x, 1);
    gan_tensor_release(x);
    gan_tensor_release(c.labels);
    gan_layer_release(c.layer);
}

/* Forms of weights reach every layer of a block and both parts of a head, those of a condition too. */
static void spectral_norm_everywhere(void **state) {
    layer_fixture *f = *state;
    static const int32_t values[2] = {2, 0};
    gan_weight_options weight;
    gan_weight_options_init(&weight);
    weight.form = GAN_WEIGHT_SPECTRAL_NORM;
    gan_residual_options o;
    gan_residual_options_init(&o);
    o.resample = GAN_RESAMPLE_DOWN;
    o.batch_norm = 1;
    o.condition = "class";
    o.weight = o.condition_weight = &weight;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 4, 4));
    gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    gan_add_one_hot(b, CLASSES);
    gan_builder_label(b, "class");
    gan_builder_from(b, "input");
    gan_add_residual_block(b, 3, &o);
    gan_add_global_sum_pool(b);
    gan_builder_output(b, "features");
    gan_add_projection(b, "labels", CLASSES, &weight);
    gan_builder_output(b, "score");
    gan_layer *layer = layer_fixture_end(f, b);
    int32_t raw = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const char *dot = strchr(gan_layer_tensor_name(layer, i), '.');
        assert_true(strcmp(dot, ".weight") != 0);
        raw += strcmp(dot, ".weight_orig") == 0;
    }
    assert_int_equal(raw, 4 + 3 + 2); /* maps of the condition, convolutions, w and V */
    gan_tensor *labels = labels_of(f, 2, values), *ys[2];
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 2, 4, 4), -1, 1, 3), *xs[2] = {x, labels};
    for (int i = 0; i < 50; i++) { /* until the power iterations have found the norms */
        gan_tape_reset(f->tape);
        gan_layer_forward_many(f->tape, layer, xs, 2, ys, 2);
    }
    assert_tape(f);
    char name[32];
    gan_tensor *w = NULL, *v = NULL, *bias = NULL;
    for (int i = 0; i < 40; i++) { /* the last two: w, which is 1 x 3, and V */
        snprintf(name, sizeof name, "%d.weight_orig", i);
        gan_tensor *found = gan_layer_find(layer, name);
        if (found != NULL && gan_shape_equal(gan_tensor_shape(found), gan_shape_2d(1, 3))) {
            w = found;
            snprintf(name, sizeof name, "%d.bias", i);
            bias = gan_layer_find(layer, name);
            snprintf(name, sizeof name, "%d.weight_orig", i + 1);
            v = gan_layer_find(layer, name);
        }
    }
    assert_true(w != NULL && v != NULL && bias != NULL);
    double *one = compare_read(w), *table = compare_read(v), largest = 0, u[3] = {1, 0.9, 0.8};
    for (int k = 0; k < 1000; k++) { /* the largest singular value of V, by its Gram matrix */
        double next[3] = {0};
        for (int c = 0; c < CLASSES; c++)
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++) next[i] += table[3 * c + i] * table[3 * c + j] * u[j];
        double size = compare_norm(next, 3);
        largest = sqrt(size);
        for (int i = 0; i < 3; i++) u[i] = next[i] / size;
    }
    for (int64_t i = 0; i < 2; i++) {
        double sum = gan_tensor_item(bias, 0);
        for (int64_t k = 0; k < 3; k++)
            sum += gan_tensor_item(ys[0], 3 * i + k) *
                   (one[k] / compare_norm(one, 3) + table[3 * values[i] + k] / largest);
        assert_true(compare_number("score", gan_tensor_item(ys[1], i), sum, 1e-9));
    }
    free(one);
    free(table);
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_tensor_release(labels);
    gan_layer_release(layer);
}

/* Features of the image, and a score of image, text and class: swapping the text changes the score of every item, but
 * not the features. Every pixel of the conditions' channels holds the condition, in order. */
static void conditions_of_images(void **state) {
    layer_fixture *f = *state;
    static const int32_t values[2] = {2, 0};
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 3, 2));
    gan_builder_input(b, "text", gan_shape_1d(2));
    gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    gan_add_one_hot(b, CLASSES);
    gan_builder_label(b, "class");
    gan_builder_from(b, "input");
    gan_add_tanh(b);
    gan_builder_output(b, "features");
    gan_add_concat_spatial(b, "text");
    gan_add_concat_spatial(b, "class");
    gan_builder_output(b, "joined");
    gan_add_conv2d(b, 1, 1, 1, 0, NULL);
    gan_add_global_sum_pool(b);
    gan_builder_output(b, "score");
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *labels = labels_of(f, 2, values), *ys[3], *zs[3];
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 2, 3, 2), -1, 1, 3);
    gan_tensor *text = host_uniform(f->context, GAN_F64, gan_shape_2d(2, 2), -1, 1, 4), *xs[3] = {x, text, labels};
    gan_layer_forward_many(f->tape, layer, xs, 3, ys, 3);
    assert_tape(f);
    assert_true(gan_shape_equal(gan_tensor_shape(ys[1]), gan_shape_4d(2, 2 + 2 + CLASSES, 3, 2)));
    for (int64_t i = 0; i < 2; i++)
        for (int64_t pixel = 0; pixel < 6; pixel++)
            for (int64_t c = 0; c < 7; c++) {
                double expected = c < 2   ? gan_tensor_item(ys[0], (2 * i + c) * 6 + pixel)
                                  : c < 4 ? gan_tensor_item(text, 2 * i + c - 2)
                                          : c - 4 == values[i];
                assert_true(gan_tensor_item(ys[1], (7 * i + c) * 6 + pixel) == expected);
            }
    gan_tensor *halves[2] = {gan_slice(f->tape, text, 0, 1, 1), gan_slice(f->tape, text, 0, 0, 1)};
    xs[1] = gan_concat(f->tape, halves, 2, 0);
    gan_layer_forward_many(f->tape, layer, xs, 3, zs, 3);
    assert_tape(f);
    assert_true(compare_same_bits("features", zs[0], ys[0]));
    for (int64_t i = 0; i < 2; i++) assert_true(gan_tensor_item(zs[2], i) != gan_tensor_item(ys[2], i));
    gan_tensor_release(x);
    gan_tensor_release(text);
    gan_tensor_release(labels);
    gan_layer_release(layer);
}

static void add_replicate(gan_builder *b) { gan_add_replicate(b, 2, 3); }
static void add_slice(gan_builder *b) { gan_add_slice(b, 1, 2); }
static void add_sum_pool(gan_builder *b) { gan_add_global_sum_pool(b); }
static void add_inner_product(gan_builder *b) {
    gan_builder_label(b, "x");
    gan_add_tanh(b);
    gan_add_inner_product(b, "input");
}
static void add_first(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_inner_product(b, "input");
}
static gan_tensor *replicate(gan_tape *t, gan_tensor *x) {
    return gan_broadcast(t, gan_reshape(t, x, gan_shape_4d(3, 4, 1, 1)), gan_shape_4d(3, 4, 2, 3));
}
static gan_tensor *slice(gan_tape *t, gan_tensor *x) { return gan_slice(t, x, 1, 1, 2); }
static gan_tensor *sum_pool(gan_tape *t, gan_tensor *x) { return gan_sum_axes(t, x, 0xCu, 0); }
static gan_tensor *inner_product(gan_tape *t, gan_tensor *x) {
    return gan_sum_axes(t, gan_mul(t, gan_tanh(t, x), x), 2u, 1);
}

/* Each is the operation it names, in both modes, with its derivatives and in single precision. */
static void plain_layers(void **state) {
    layer_fixture *f = *state;
    static const struct {
        const char *name;
        void (*add)(gan_builder *);
        gan_tensor *(*expected)(gan_tape *, gan_tensor *);
        gan_shape item;
    } layers[] = {{"replicate", add_replicate, replicate, {1, 0, {4}}},
                  {"slice", add_slice, slice, {2, 0, {4, 2}}},
                  {"global_sum_pool", add_sum_pool, sum_pool, {3, 0, {2, 3, 2}}},
                  {"inner_product", add_first, inner_product, {1, 0, {4}}}};
    for (int i = 0; i < 4; i++) {
        gan_builder *b = layer_fixture_begin(f, layers[i].item);
        layers[i].add(b);
        gan_layer *layer = layer_fixture_end(f, b);
        gan_shape shape = gan_shape_1d(3);
        for (int32_t k = 0; k < layers[i].item.rank; k++) shape.size[shape.rank++] = layers[i].item.size[k];
        gan_tensor *x = host_uniform(f->context, GAN_F64, shape, -2, 2, 5), *y = gan_layer_forward(f->tape, layer, x);
        assert_tape(f);
        assert_true(compare_same_bits(layers[i].name, y, layers[i].expected(f->tape, x)));
        gan_layer_set_training(layer, 0);
        assert_true(compare_same_bits(layers[i].name, gan_layer_forward(f->tape, layer, x), y));
        layer_fixture_check_layer(f, layers[i].name, layer, x);
        y = gan_layer_forward(f->tape, layer, gan_slice(f->tape, x, 0, 0, 0));
        assert_tape(f);
        assert_true(gan_tensor_shape(y).size[0] == 0);
        layer_fixture_single(f, layers[i].name, layers[i].add, layers[i].item);
        gan_tensor_release(x);
        gan_layer_release(layer);
        gan_tape_reset(f->tape);
    }
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(2));
    add_inner_product(b); /* an input has its name already */
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "'x'", "named 'input' already");
}

/* ---- refused ---- */

enum { NUMBERS = 1, PIXELS = 2, INDICES = 4 };

static void begin_bad(const layer_fixture *f, gan_builder **b, int32_t current) {
    *b = layer_fixture_begin(f, current == PIXELS ? gan_shape_3d(2, 4, 4) : gan_shape_1d(3));
    gan_builder_input_indices(*b, "labels", gan_shape_0d(), CLASSES);
    gan_builder_input_indices(*b, "many", gan_shape_1d(2), CLASSES);
    gan_builder_input(*b, "vector", gan_shape_1d(5));
    gan_builder_from(*b, current == INDICES ? "labels" : "input");
}

#define BAD(CURRENT, CALL, STATUS, WHERE, WHAT)                                                                        \
    do {                                                                                                               \
        gan_builder *b;                                                                                                \
        begin_bad(f, &b, CURRENT);                                                                                     \
        CALL;                                                                                                          \
        layer_fixture_refused(f, b, STATUS, WHERE, WHAT);                                                              \
    } while (0)

static void refused(void **state) {
    layer_fixture *f = *state;
    gan_minibatch_discrimination_options m;
    gan_minibatch_discrimination_options_init(&m);
    static const char mbd[] = "minibatch_discrimination";
    BAD(PIXELS, gan_add_minibatch_discrimination(b, 2, 2, NULL), GAN_E_SHAPE, mbd, "flatten it first");
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, 0, 2, NULL), GAN_E_ARGUMENT, mbd, "0 kernels of 2");
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, 2, -1, NULL), GAN_E_ARGUMENT, mbd, "of -1 dimensions");
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, INT64_MAX, 1, NULL), GAN_E_LIMIT, mbd, "too many");
    BAD(INDICES, gan_add_minibatch_discrimination(b, 2, 2, NULL), GAN_E_DTYPE, mbd, "takes numbers");
    m.include_self = 2;
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, 2, 2, &m), GAN_E_ARGUMENT, mbd, "include_self is 2");
    m.include_self = 0;
    m.weight_norm = -1;
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, 2, 2, &m), GAN_E_ARGUMENT, mbd, "weight_norm is -1");
    m.weight_norm = 0;
    m.reserved = 1;
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, 2, 2, &m), GAN_E_UNSUPPORTED, mbd, "reserved");
    m.struct_size = 0;
    BAD(NUMBERS, gan_add_minibatch_discrimination(b, 2, 2, &m), GAN_E_ARGUMENT, mbd, "not initialised");

    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    static const char cbn[] = "conditional_batch_norm";
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "vector", 3, NULL), GAN_E_DTYPE, cbn, "must be an input of indices");
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "many", 3, NULL), GAN_E_SHAPE, cbn, "one label an item");
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "labels", 2, NULL), GAN_E_ARGUMENT, cbn, "go up to 2, which 2");
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "labels", 0, NULL), GAN_E_ARGUMENT, cbn, "0 classes");
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "label", 3, NULL), GAN_E_ARGUMENT, "builder", "'label'");
    BAD(PIXELS, gan_add_conditional_batch_norm(b, NULL, 3, NULL), GAN_E_ARGUMENT, "builder", "a name is NULL");
    BAD(INDICES, gan_add_conditional_batch_norm(b, "labels", 3, NULL), GAN_E_DTYPE, cbn, "takes numbers");
    o.affine = 0;
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "labels", 3, &o), GAN_E_ARGUMENT, cbn, "affine is 0");
    o.affine = 1;
    o.momentum = 2;
    BAD(PIXELS, gan_add_conditional_batch_norm(b, "labels", 3, &o), GAN_E_ARGUMENT, cbn,
        "its momentum is 2; it must be in 0 to 1");
    o.momentum = 0.1;
    o.epsilon = 0;
    BAD(PIXELS, gan_add_modulated_batch_norm(b, "vector", "vector", &o), GAN_E_ARGUMENT, "modulated",
        "its epsilon is 0; it must be above 0, and finite");
    o.epsilon = 1;
    BAD(PIXELS, gan_add_modulated_batch_norm(b, "vector", "vector", &o), GAN_E_SHAPE, "modulated", "one a channel");
    BAD(PIXELS, gan_add_modulated_batch_norm(b, "labels", "vector", &o), GAN_E_DTYPE, "modulated", "takes numbers");
    BAD(PIXELS, gan_add_modulated_batch_norm(b, "vector", NULL, &o), GAN_E_ARGUMENT, "builder", "a name is NULL");
    BAD(PIXELS, gan_add_conditional_batch_norm_vector(b, "labels", NULL, &o), GAN_E_DTYPE, "linear", "takes numbers");
    BAD(PIXELS, gan_add_conditional_batch_norm_vector(b, "no", NULL, &o), GAN_E_ARGUMENT, "builder", "'no'");

    BAD(NUMBERS, gan_add_one_hot(b, 3), GAN_E_DTYPE, "one_hot", "takes indices");
    BAD(INDICES, gan_add_one_hot(b, 2), GAN_E_ARGUMENT, "one_hot", "2 classes are too few");
    BAD(INDICES, gan_add_one_hot(b, 0), GAN_E_ARGUMENT, "one_hot", "0 classes");
    BAD(PIXELS, gan_add_replicate(b, 2, 2), GAN_E_SHAPE, "replicate", "no vector");
    BAD(NUMBERS, gan_add_replicate(b, 2, 0), GAN_E_ARGUMENT, "replicate", "2 x 0 pixels");
    BAD(NUMBERS, gan_add_concat_spatial(b, "vector"), GAN_E_SHAPE, "concat_spatial", "not channels");
    BAD(PIXELS, gan_add_concat_spatial(b, "input"), GAN_E_SHAPE, "replicate", "no vector");
    BAD(PIXELS, gan_add_concat_spatial(b, "labels"), GAN_E_DTYPE, "replicate", "takes numbers");
    BAD(NUMBERS, gan_add_slice(b, 2, 2), GAN_E_SHAPE, "slice", "no 2 elements from 2 on");
    BAD(NUMBERS, gan_add_slice(b, -1, 2), GAN_E_SHAPE, "slice", "from -1 on");
    BAD(NUMBERS, gan_add_slice(b, 0, 0), GAN_E_SHAPE, "slice", "no 0 elements");
    BAD(NUMBERS, gan_add_slice(b, INT64_MAX, INT64_MAX), GAN_E_SHAPE, "slice", "elements from");
    BAD(NUMBERS, gan_add_inner_product(b, "vector"), GAN_E_SHAPE, "inner_product", "must be equal");
    BAD(NUMBERS, gan_add_global_sum_pool(b), GAN_E_SHAPE, "global_sum_pool", "not channels");
    BAD(PIXELS, gan_add_projection(b, "labels", 3, NULL), GAN_E_SHAPE, "linear", "flatten it first");
    BAD(NUMBERS, gan_add_projection(b, "labels", 2, NULL), GAN_E_ARGUMENT, "embedding", "too few");
    BAD(NUMBERS, gan_add_projection(b, "vector", 3, NULL), GAN_E_DTYPE, "embedding", "takes indices");
    BAD(NUMBERS, gan_add_projection(b, "many", 3, NULL), GAN_E_SHAPE, "inner_product", "must be equal");
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(summary_and_exchanged_inputs),
                                       TEST(models_of_batch_statistics_are_whole),
                                       TEST(equal_rows),
                                       TEST(minibatch_values),
                                       TEST(minibatch_derivatives),
                                       TEST(is_batch_norm),
                                       TEST(conditional_derivatives),
                                       TEST(vector_condition),
                                       TEST(batch_of_one),
                                       TEST(projection_values),
                                       TEST(spectral_norm_everywhere),
                                       TEST(conditions_of_images),
                                       TEST(plain_layers),
                                       TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
