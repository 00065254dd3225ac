/* Matching, cycles, orthogonality: facts that are exact, derivatives, refusals; all terms without memory. The
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
#include "tape_fixture.h"

/* ---- derivatives, of first and second order ---- */

static gan_tensor *cycle_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_add(t, gan_loss_cycle(t, user, xs[0], xs[1], xs[2], xs[3]),
                   gan_loss_identity(t, user, xs[0], xs[1], xs[2], xs[3]));
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
    expect(GAN_E_ARGUMENT, "no trainable weight of a linear layer");
    gan_layer_release(layer);
    gan_layer_release(part);
}

/* What is a parameter of rank 2 or more and no weight does not count: here the gains of weight normalisation, O x 1,
 * and a learned constant. */
static void orthogonal_weights_only(void **state) {
    (void)state;
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.form = GAN_WEIGHT_NORM;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, 4, &o);
    gan_builder_output(b, "a");
    gan_add_constant(b, gan_shape_3d(2, 2, 2));
    gan_builder_output(b, "b");
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    assert_int_equal(gan_tensor_shape(gan_layer_find(layer, "0.weight_g")).rank, 2);
    gan_tensor *whole = gan_orthogonal_regularization(tape, layer, NULL);
    double *v = compare_read(gan_layer_find(layer, "0.weight_v")), sum = 0;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++) {
            double product = 0;
            for (int j = 0; j < 3; j++) product += v[3 * i + j] * v[3 * k + j];
            if (i != k) sum += product * product;
        }
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(compare_number("rows of weight_v alone", gan_tensor_item(whole, 0), 1e-4 * sum, 1e-14));
    free(v);
    gan_layer_release(layer);
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
    assert_int_equal(gan_loss_cycle_create(NULL, context, NULL), GAN_E_ARGUMENT);
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

static void refused_weights(void **state) {
    (void)state;
    gan_layer *layer = linear(3, 2, GAN_F64);
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
    ORTHOGONAL(form, 2, "form is 2");
    ORTHOGONAL(skip_count, -1, "-1");
    ORTHOGONAL(skip_count, 1, "skip_count is 1; it must be in 0 to 0");
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
        TEST(derivatives),     TEST(orthogonal_rows), TEST(orthogonal_weights), TEST(orthogonal_weights_only),
        TEST(refused_options), TEST(refused_tensors), TEST(refused_weights),    TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
