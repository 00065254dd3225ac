/* The terms beside the adversarial losses against PyTorch, in double precision: values and gradients with respect to
 * every input and parameter. The cases are those of make_terms.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "golden.h"

#include "terms.inc"

#define TOLERANCE 1e-10
#define MOST 16
enum { SEED = 20141 }; /* this and the streams also in make_terms.py */
enum { X = 100, REAL = 110, FAKE = 120, LABEL = 130, VECTOR = 140, WEIGHT = 150, CODES = 200, POSTERIOR = 210 };

static gan_context *context;
static gan_tape *tape;
static gan_tensor *owned[MOST]; /* released at the end of a case */
static int32_t owned_count;

/* A context of its own for each case: its noise begins at index 0. */
static void begin(void) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.seed = SEED;
    options.threads = 1;
    assert_int_equal(gan_context_create(&context, &options), GAN_OK);
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    owned_count = 0;
}
static void end(void) {
    for (int32_t i = 0; i < owned_count; i++) gan_tensor_release(owned[i]);
    gan_tape_release(tape);
    gan_context_release(context);
}

static gan_tensor *plain(uint64_t stream, gan_shape shape, double low, double high) {
    assert_true(owned_count < MOST);
    return owned[owned_count++] = golden_uniform(context, stream, shape, low, high);
}
static gan_tensor *leaf(uint64_t stream, gan_shape shape) { return gan_watch(tape, plain(stream, shape, -1, 1)); }

typedef struct input {
    const char *name;
    gan_tensor *tensor;
} input;

/* enter() of make_terms.py: the value and its gradients. */
static void check(const char *name, gan_tensor *value, const input *inputs, int32_t count) {
    gan_tensor *xs[MOST], *gs[MOST];
    double total = 0;
    for (int32_t i = 0; i < count; i++) xs[i] = inputs[i].tensor;
    gan_gradients(tape, value, NULL, xs, count, 0, gs);
    if (gan_tape_status(tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(tape));
    assert_int_equal(gan_tensor_shape(value).rank, 0);
    assert_true(golden_check(name, value, TOLERANCE, 0));
    for (int32_t i = 0; i < count; i++) {
        char full[96];
        snprintf(full, sizeof full, "%s/%s", name, inputs[i].name);
        assert_true(golden_check(full, gs[i], TOLERANCE, 0));
        double *g = compare_read(gs[i]);
        total += compare_norm(g, gan_tensor_count(gs[i]));
        free(g);
    }
    assert_true(count == 0 || total > 1e-6); /* or nothing would be tested */
}

/* ---- distances and cycles ---- */

static void distances(void) {
    static const char *const names[2][3] = {{"l1", "cycle_l1", "identity_l1"}, {"l2", "cycle_l2", "identity_l2"}};
    for (int k = 0; k < 2; k++) {
        begin();
        gan_tensor *a = leaf(REAL, gan_shape_3d(3, 2, 4)), *b = leaf(FAKE, gan_shape_3d(3, 2, 4));
        check(names[k][0], k == 0 ? gan_l1_loss(tape, a, b) : gan_l2_loss(tape, a, b), (input[]){{"a", a}, {"b", b}},
              2);
        gan_loss_cycle_options o;
        gan_loss_cycle_options_init(&o);
        o.weight_b = 7;
        o.identity = 0.25;
        if (k == 1) o.distance = GAN_DISTANCE_L2;
        gan_loss *loss;
        assert_int_equal(gan_loss_cycle_create(&loss, context, &o), GAN_OK);
        gan_shape at_a = gan_shape_4d(2, 3, 4, 4), at_b = gan_shape_4d(2, 1, 5, 3);
        gan_tensor *real_a = leaf(REAL, at_a), *other_a = leaf(REAL + 1, at_a), *real_b = leaf(FAKE, at_b),
                   *other_b = leaf(FAKE + 1, at_b);
        input inputs[] = {{"real_a", real_a}, {"other_a", other_a}, {"real_b", real_b}, {"other_b", other_b}};
        check(names[k][1], gan_loss_cycle(tape, loss, real_a, other_a, real_b, other_b), inputs, 4);
        check(names[k][2], gan_loss_identity(tape, loss, real_a, other_a, real_b, other_b), inputs, 4);
        gan_loss_release(loss);
        end();
    }
}

/* ---- feature matching ---- */

static void matching(void) {
    static const double weights[2] = {0.5, 3};
    static const char *const names[3] = {"matching_l2", "matching_l2_sum", "matching_l1"};
    for (int k = 0; k < 3; k++) {
        begin();
        gan_loss_feature_matching_options o;
        gan_loss_feature_matching_options_init(&o);
        if (k == 1) o.average = 0;
        if (k == 2) {
            o.distance = GAN_DISTANCE_L1;
            o.weights = weights;
            o.weight_count = 2;
        }
        gan_loss *loss;
        assert_int_equal(gan_loss_feature_matching_create(&loss, context, &o), GAN_OK);
        gan_tensor *real[2] = {leaf(REAL, gan_shape_4d(5, 4, 3, 3)), leaf(REAL + 1, gan_shape_2d(5, 6))};
        gan_tensor *fake[2] = {leaf(FAKE, gan_shape_4d(7, 4, 3, 3)), leaf(FAKE + 1, gan_shape_2d(7, 6))};
        gan_tensor *value = gan_loss_feature_matching(tape, loss, real, fake, 2);
        gan_tensor *stopped = gan_gradient(tape, value, real[0], GAN_GRAD_RETAIN);
        double *g = compare_read(stopped);
        assert_true(compare_norm(g, gan_tensor_count(stopped)) == 0);
        free(g);
        check(names[k], value, (input[]){{"first", fake[0]}, {"second", fake[1]}}, 2);
        gan_loss_release(loss);
        end();
    }
}

/* ---- mutual information ---- */

static void one_hot(gan_tensor *codes, int64_t at, int64_t count) {
    double *data = gan_tensor_data(codes);
    gan_shape shape = gan_tensor_shape(codes);
    for (int64_t n = 0; n < shape.size[0]; n++)
        for (int64_t k = 0; k < count; k++) data[n * shape.size[1] + at + k] = k == (3 * n + 1) % count;
}

static void information(void) {
    enum { BATCH = 6, WIDTH = 15, POSTERIOR_WIDTH = 18 };
    static const char *const names[2][3] = {
        {"information_exact", "information_exact/bound", "information_exact/bounds"},
        {"information_unit", "information_unit/bound", "information_unit/bounds"}};
    for (int k = 0; k < 2; k++) {
        begin();
        gan_loss_mutual_information_options o;
        gan_loss_mutual_information_options_init(&o);
        o.categorical_weight = 1.5;
        o.continuous_weight = 0.1;
        if (k == 1) o.entropy = GAN_ENTROPY_UNIT_GAUSSIAN;
        gan_loss *loss;
        assert_int_equal(gan_loss_mutual_information_create(&loss, context, &o), GAN_OK);
        assert_int_equal(gan_loss_add_categorical(loss, 5), GAN_OK);
        assert_int_equal(gan_loss_add_gaussian(loss, 2, 0.7), GAN_OK);
        assert_int_equal(gan_loss_add_uniform(loss, 1, GAN_SIGMA_LEARNED), GAN_OK);
        assert_int_equal(gan_loss_add_gaussian(loss, 2, GAN_SIGMA_LEARNED), GAN_OK);
        assert_int_equal(gan_loss_add_categorical(loss, 3), GAN_OK);
        assert_int_equal(gan_loss_add_uniform(loss, 2, 1), GAN_OK);
        assert_int_equal(gan_loss_code_width(loss), WIDTH);
        assert_int_equal(gan_loss_posterior_width(loss), POSTERIOR_WIDTH);
        gan_tensor *drawn = plain(CODES, gan_shape_2d(BATCH, WIDTH), -1, 1);
        one_hot(drawn, 0, 5);
        one_hot(drawn, 10, 3);
        gan_tensor *codes = gan_watch(tape, drawn), *bound, *bounds;
        gan_tensor *q = gan_watch(tape, plain(POSTERIOR, gan_shape_2d(BATCH, POSTERIOR_WIDTH), -4, 4));
        gan_tensor *value = gan_loss_mutual_information(tape, loss, q, codes, &bound, &bounds);
        check(names[k][0], value, (input[]){{"posterior", q}, {"codes", codes}}, 2);
        assert_true(golden_check(names[k][1], bound, TOLERANCE, 0));
        assert_true(golden_check(names[k][2], bounds, TOLERANCE, 0));
        gan_loss_release(loss);
        end();
    }
}

/* ---- gradient penalties ---- */

/* Of images and of a second input. */
static gan_layer *make_critic(void) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(2, 5, 5));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_softplus(b);
    gan_add_flatten(b);
    gan_builder_label(b, "features");
    gan_builder_input(b, "label", gan_shape_1d(3));
    gan_builder_from(b, "features");
    gan_add_concat(b, "label");
    gan_add_linear(b, 6, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *critic = NULL;
    if (gan_builder_end(&critic, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++)
        golden_fill(gan_layer_tensor(critic, i), (uint64_t)(WEIGHT + i), -0.4, 0.4);
    return critic;
}
static const char *const critic_names[6] = {"conv.weight", "conv.bias",   "first.weight",
                                            "first.bias",  "last.weight", "last.bias"};

static gan_tensor *score(gan_layer *critic, gan_tensor *x) {
    gan_tensor *inputs[2] = {x, plain(LABEL, gan_shape_2d(4, 3), -1, 1)}, *scores;
    gan_layer_forward_many(tape, critic, inputs, 2, &scores, 1);
    return scores;
}

static void check_penalty(const char *name, gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    gan_layer *critic = make_critic();
    gan_tensor *x = gan_loss_penalty_points(tape, loss, real, fake);
    if (strcmp(name, "gradient_penalty") == 0) assert_true(golden_check("points", x, TOLERANCE, 0));
    input inputs[6];
    for (int32_t i = 0; i < 6; i++) inputs[i] = (input){critic_names[i], gan_layer_tensor(critic, i)};
    check(name, gan_loss_penalty(tape, loss, score(critic, x), x), inputs, 6);
    gan_layer_release(critic);
    gan_loss_release(loss);
    end();
}

static void penalties(void) {
    static const struct {
        const char *name;
        double weight, target;
        int32_t one_sided, normalize, where;
    } cases[] = {{"gradient_penalty", 10, 1, 0, 0, GAN_PENALTY_BETWEEN},
                 {"one_sided", 3, 0.2, 1, 0, GAN_PENALTY_BETWEEN},
                 {"target", 10, 0.05, 0, 1, GAN_PENALTY_BETWEEN},
                 {"at_reals", 10, 1, 0, 0, GAN_PENALTY_REAL},
                 {"at_fakes", 10, 0, 0, 0, GAN_PENALTY_FAKE}};
    for (int k = 0; k < 7; k++) {
        begin();
        gan_tensor *real = plain(REAL, gan_shape_4d(4, 2, 5, 5), -1, 1);
        gan_tensor *fake = plain(FAKE, gan_shape_4d(4, 2, 5, 5), -1, 1);
        gan_loss *loss;
        if (k == 5) {
            assert_int_equal(gan_loss_r1_create(&loss, context, 10), GAN_OK);
            check_penalty("r1", loss, real, NULL);
        } else if (k == 6) {
            assert_int_equal(gan_loss_r2_create(&loss, context, 1), GAN_OK);
            check_penalty("r2", loss, NULL, fake);
        } else {
            gan_loss_gradient_penalty_options o;
            gan_loss_gradient_penalty_options_init(&o);
            o.weight = cases[k].weight;
            o.target = cases[k].target;
            o.one_sided = cases[k].one_sided;
            o.normalize = cases[k].normalize;
            o.where = cases[k].where;
            /* the first: by the defaults */
            assert_int_equal(gan_loss_gradient_penalty_create(&loss, context, k == 0 ? NULL : &o), GAN_OK);
            check_penalty(cases[k].name, loss, real, fake);
        }
    }
    begin();
    gan_tensor *scores = leaf(X, gan_shape_2d(6, 1));
    check("drift", gan_drift_penalty(tape, scores, 0.001), (input[]){{"scores", scores}}, 1);
    end();
}

/* ---- orthogonality ---- */

static void orthogonal(void) {
    static const char *const names[3] = {"orthogonal_off_diagonal", "orthogonal_identity_form", "orthogonal_skipped"};
    static const char *const skip[1] = {"3"};
    for (int k = 0; k < 3; k++) {
        begin();
        gan_builder *b = gan_builder_begin(context, gan_shape_3d(3, 4, 4));
        gan_builder_set_dtype(b, GAN_F64);
        gan_add_conv2d(b, 4, 3, 1, 1, NULL);
        gan_add_batch_norm(b, NULL);
        gan_add_relu(b);
        gan_add_conv_transpose2d(b, 5, 4, 2, 1, NULL);
        gan_add_flatten(b);
        gan_add_linear(b, 7, NULL);
        gan_layer *layer;
        assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
        gan_orthogonal_options o;
        gan_orthogonal_options_init(&o);
        o.weight = 0.01;
        if (k == 1) o.form = GAN_ORTHOGONAL_IDENTITY;
        if (k == 2) {
            o.skip = skip;
            o.skip_count = 1;
        }
        input inputs[MOST];
        int32_t count = 0;
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
            if (!gan_layer_tensor_is_parameter(layer, i)) continue;
            gan_tensor *tensor = gan_layer_tensor(layer, i);
            golden_fill(tensor, (uint64_t)(WEIGHT + count), -0.4, 0.4);
            inputs[count++] = (input){gan_layer_tensor_name(layer, i), tensor};
        }
        check(names[k], gan_orthogonal_regularization(tape, layer, &o), inputs, count);
        gan_layer_release(layer);
        end();
    }
}

/* ---- DiffAugment ---- */

static void augmentation(void) {
    static const struct {
        const char *name;
        int32_t color, translation, cutout;
        double shift, cut;
        int64_t height, width;
    } cases[] = {{"color", 1, 0, 0, 0.125, 0.5, 8, 6},
                 {"translation", 0, 1, 0, 0.125, 0.5, 17, 12},
                 {"cutout", 0, 0, 1, 0.125, 0.5, 8, 6},
                 {"color_translation_cutout", 1, 1, 1, 0.3, 0.35, 9, 11}};
    for (int k = 0; k < 4; k++) {
        begin();
        gan_diff_augment_options o;
        gan_diff_augment_options_init(&o);
        o.color = cases[k].color;
        o.translation = cases[k].translation;
        o.cutout = cases[k].cutout;
        o.shift = cases[k].shift;
        o.cut = cases[k].cut;
        gan_shape shape = gan_shape_4d(5, 3, cases[k].height, cases[k].width);
        gan_tensor *x = leaf(X, shape), *y = gan_diff_augment(tape, x, &o);
        char name[64], result[80];
        snprintf(name, sizeof name, "augment_%s", cases[k].name);
        snprintf(result, sizeof result, "%s/result", name);
        assert_true(golden_check(result, y, TOLERANCE, 0));
        check(name, gan_sum(tape, gan_mul(tape, y, plain(VECTOR, shape, -1, 1))), (input[]){{"x", x}}, 1);
        end();
    }
}

/* A critic that sees augmented images, under R1: second derivatives go through the augmentation. */
static void augmented_r1(void) {
    begin();
    gan_diff_augment_options o;
    gan_diff_augment_options_init(&o);
    o.shift = 0.25;
    gan_loss *loss;
    assert_int_equal(gan_loss_r1_create(&loss, context, 10), GAN_OK);
    gan_layer *critic = make_critic();
    gan_tensor *x = leaf(X, gan_shape_4d(4, 2, 5, 5));
    input inputs[7] = {{"x", x}};
    for (int32_t i = 0; i < 6; i++) inputs[i + 1] = (input){critic_names[i], gan_layer_tensor(critic, i)};
    check("augment_r1", gan_loss_penalty(tape, loss, score(critic, gan_diff_augment(tape, x, &o)), x), inputs, 7);
    gan_layer_release(critic);
    gan_loss_release(loss);
    end();
}

static void goldens_of_terms(void **state) {
    (void)state;
    GOLDEN_OPEN(goldens);
    distances();
    matching();
    information();
    penalties();
    orthogonal();
    augmentation();
    augmented_r1();
    assert_true(golden_close());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(goldens_of_terms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
