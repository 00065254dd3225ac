/* Operations where the sweep of tests/ops cannot look: errors and their messages, conventions at kinks, values that are
 * not finite, indices, random draws. */
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
#include "host.h"
#include "tape_fixture.h"

static gan_tensor *vector(int64_t count, const double *values) {
    return host_tensor(context, GAN_F64, gan_shape_1d(count), values);
}
static gan_tensor *integers(gan_shape shape, const int32_t *values) {
    gan_tensor *x;
    assert_int_equal(gan_tensor_create(&x, context, GAN_I32, shape), GAN_OK);
    for (int64_t i = 0; i < gan_tensor_count(x); i++) ((int32_t *)gan_tensor_data(x))[i] = values[i];
    return x;
}

/* On the tape, which keeps the values: the tensor itself is given up. */
static gan_tensor *watched(gan_tensor *x) {
    gan_tensor *w = gan_watch(tape, x);
    gan_tensor_release(x);
    return w;
}

/* The tape has failed with this status and a message with these words; it is reset. */
static void assert_failed(gan_tensor *result, gan_status status, const char *words) {
    assert_int_equal(gan_tensor_dtype(result), 0);
    if (gan_tape_status(tape) != status || strstr(gan_tape_error(tape), words) == NULL)
        fprintf(stderr, "status %d, expected %d with \"%s\": %s\n", (int)gan_tape_status(tape), (int)status, words,
                gan_tape_error(tape));
    assert_int_equal(gan_tape_status(tape), status);
    assert_non_null(strstr(gan_tape_error(tape), words));
    gan_tape_reset(tape);
}
#define FAILS(STATUS, WORDS, CALL) assert_failed(CALL, STATUS, WORDS)

static void assert_values(const char *name, const gan_tensor *x, const double *expected) {
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    for (int64_t i = 0; i < gan_tensor_count(x); i++) {
        double value = gan_tensor_item(x, i), want = expected[i];
        int same = (isnan(value) && isnan(want)) || value == want || fabs(value - want) <= 1e-14 * fabs(want);
        if (!same) fprintf(stderr, "%s[%d]: %.17g, expected %.17g\n", name, (int)i, value, want);
        assert_true(same);
    }
}

static void errors(void **state) {
    (void)state;
    const double values[] = {1, 2, 3, 4, 5, 6};
    gan_tensor *x = host_tensor(context, GAN_F64, gan_shape_2d(2, 3), values);
    gan_tensor *narrow = host_tensor(context, GAN_F32, gan_shape_2d(2, 3), values);
    gan_tensor *empty = host_tensor(context, GAN_F64, gan_shape_2d(2, 0), values), *tall = NULL;
    gan_tensor *index = integers(gan_shape_2d(1, 3), (const int32_t[]){0, 1, 0});
    gan_tensor *bad = integers(gan_shape_2d(1, 3), (const int32_t[]){0, 1, 7});
    gan_tensor *below = integers(gan_shape_1d(2), (const int32_t[]){0, -1}), *deep = NULL, *bytes = NULL;
    gan_shape eight = gan_shape_0d();
    eight.rank = 8;
    for (int i = 0; i < 8; i++) eight.size[i] = 1;
    assert_int_equal(gan_tensor_create(&deep, context, GAN_I32, eight), GAN_OK);
    assert_int_equal(gan_tensor_create(&bytes, context, GAN_U8, gan_shape_1d(2)), GAN_OK);
    tall = host_tensor(context, GAN_F64, gan_shape_2d(3, 1), values);

    /* a missing operand */
    FAILS(GAN_E_ARGUMENT, "maximum", gan_maximum(tape, x, NULL));
    FAILS(GAN_E_ARGUMENT, "minimum", gan_minimum(tape, NULL, x));
    FAILS(GAN_E_ARGUMENT, "pow", gan_pow(tape, NULL, 1));
    FAILS(GAN_E_ARGUMENT, "elu", gan_elu(tape, NULL, 1));
    FAILS(GAN_E_ARGUMENT, "softmax", gan_softmax(tape, NULL, 0));
    FAILS(GAN_E_ARGUMENT, "log_softmax", gan_log_softmax(tape, NULL, 0));
    FAILS(GAN_E_ARGUMENT, "logsumexp", gan_logsumexp(tape, NULL, 0, 0));
    FAILS(GAN_E_ARGUMENT, "max_axis", gan_max_axis(tape, NULL, 0, 0));
    FAILS(GAN_E_ARGUMENT, "take: operand 2", gan_take(tape, x, 0, NULL));
    FAILS(GAN_E_ARGUMENT, "gather: operand 1", gan_gather(tape, NULL, 0, index));
    FAILS(GAN_E_ARGUMENT, "scatter_add: operand 3", gan_scatter_add(tape, x, 0, index, NULL));
    FAILS(GAN_E_ARGUMENT, "one_hot", gan_one_hot(tape, GAN_F64, NULL, 3));
    assert_int_equal(gan_tensor_dtype(gan_take(NULL, x, 0, index)), 0);
    assert_int_equal(gan_tensor_dtype(gan_bernoulli(NULL, GAN_F32, gan_shape_0d(), 1)), 0);

    /* parameters */
    FAILS(GAN_E_ARGUMENT, "pow: the exponent", gan_pow(tape, x, INFINITY));
    FAILS(GAN_E_ARGUMENT, "pow: the exponent", gan_pow(tape, x, NAN));
    FAILS(GAN_E_ARGUMENT, "elu: alpha", gan_elu(tape, x, NAN));
    FAILS(GAN_E_ARGUMENT, "bernoulli: the probability", gan_bernoulli(tape, GAN_F64, gan_shape_0d(), 1.5));
    FAILS(GAN_E_ARGUMENT, "bernoulli: the probability", gan_bernoulli(tape, GAN_F64, gan_shape_0d(), -0.5));
    FAILS(GAN_E_ARGUMENT, "bernoulli: the probability", gan_bernoulli(tape, GAN_F64, gan_shape_0d(), NAN));
    FAILS(GAN_E_DTYPE, "bernoulli", gan_bernoulli(tape, GAN_I32, gan_shape_0d(), 0.5));
    FAILS(GAN_E_SHAPE, "bernoulli", gan_bernoulli(tape, GAN_F64, gan_shape_1d(-1), 0.5));
    FAILS(GAN_E_ARGUMENT, "one_hot: 0", gan_one_hot(tape, GAN_F64, index, 0));
    FAILS(GAN_E_DTYPE, "one_hot: type", gan_one_hot(tape, GAN_I32, index, 3));
    FAILS(GAN_E_ARGUMENT, "pad: there is no mode 3", gan_pad(tape, x, 0, 1, 1, 3));
    FAILS(GAN_E_ARGUMENT, "pad: there is no mode -1", gan_pad(tape, x, 0, 1, 1, -1));

    /* types */
    FAILS(GAN_E_DTYPE, "maximum", gan_maximum(tape, x, narrow));
    FAILS(GAN_E_DTYPE, "take: operand 2", gan_take(tape, x, 0, x));
    FAILS(GAN_E_DTYPE, "take: operand 2", gan_take(tape, x, 0, bytes));
    FAILS(GAN_E_DTYPE, "take: operand 1", gan_take(tape, index, 0, index));
    FAILS(GAN_E_DTYPE, "gather: operand 2", gan_gather(tape, x, 0, x));
    FAILS(GAN_E_DTYPE, "scatter_add: operand 2", gan_scatter_add(tape, x, 0, x, x));
    FAILS(GAN_E_DTYPE, "scatter_add", gan_scatter_add(tape, x, 0, index, narrow));
    FAILS(GAN_E_DTYPE, "one_hot: operand 1", gan_one_hot(tape, GAN_F64, x, 3));

    /* axes and shapes */
    FAILS(GAN_E_SHAPE, "maximum: shapes 2x3 and 3x1", gan_maximum(tape, x, tall));
    FAILS(GAN_E_ARGUMENT, "softmax: shape 2x3 has no axis 2", gan_softmax(tape, x, 2));
    FAILS(GAN_E_ARGUMENT, "log_softmax: shape 2x3 has no axis -1", gan_log_softmax(tape, x, -1));
    FAILS(GAN_E_ARGUMENT, "logsumexp: shape 2x3 has no axis", gan_logsumexp(tape, x, 9, 0));
    FAILS(GAN_E_ARGUMENT, "max_axis: shape 2x3 has no axis", gan_max_axis(tape, x, 2, 0));
    FAILS(GAN_E_ARGUMENT, "take: shape 2x3 has no axis", gan_take(tape, x, 2, index));
    FAILS(GAN_E_ARGUMENT, "gather: shape 2x3 has no axis", gan_gather(tape, x, -1, index));
    FAILS(GAN_E_ARGUMENT, "scatter_add: shape 2x3 has no axis", gan_scatter_add(tape, x, 2, index, x));
    FAILS(GAN_E_SHAPE, "softmax: axis 1 of shape 2x0 is empty", gan_softmax(tape, empty, 1));
    FAILS(GAN_E_SHAPE, "log_softmax: axis 1 of shape 2x0 is empty", gan_log_softmax(tape, empty, 1));
    FAILS(GAN_E_SHAPE, "logsumexp: axis 1 of shape 2x0 is empty", gan_logsumexp(tape, empty, 1, 1));
    FAILS(GAN_E_SHAPE, "max_axis: axis 1 of shape 2x0 is empty", gan_max_axis(tape, empty, 1, 1));
    FAILS(GAN_E_SHAPE, "take: the result would have 9 axes", gan_take(tape, x, 0, deep));
    FAILS(GAN_E_SHAPE, "gather: the index's shape 2", gan_gather(tape, x, 0, below));
    FAILS(GAN_E_SHAPE, "gather: the index's shape 1x3", gan_gather(tape, tall, 0, index));
    FAILS(GAN_E_SHAPE, "scatter_add: the index's shape 1x3", gan_scatter_add(tape, x, 0, index, tall));
    FAILS(GAN_E_SHAPE, "scatter_add: the index's shape 1x3", gan_scatter_add(tape, tall, 0, index, x));
    FAILS(GAN_E_SHAPE, "one_hot: labels have 8 axes", gan_one_hot(tape, GAN_F64, deep, 3));
    FAILS(GAN_E_SHAPE, "pad: reflecting 0 and 3", gan_pad(tape, x, 1, 0, 3, GAN_PAD_REFLECT));
    FAILS(GAN_E_SHAPE, "axis 0 of shape 2x3", gan_pad(tape, x, 0, 2, 0, GAN_PAD_REFLECT));
    FAILS(GAN_E_SHAPE, "pad: reflecting", gan_pad(tape, empty, 1, 1, 0, GAN_PAD_REFLECT));
    FAILS(GAN_E_SHAPE, "no element to replicate", gan_pad(tape, empty, 1, 0, 1, GAN_PAD_REPLICATE));
    FAILS(GAN_E_ARGUMENT, "pad: -1 and 0 are not sizes", gan_pad(tape, x, 0, -1, 0, GAN_PAD_REPLICATE));
    FAILS(GAN_E_ARGUMENT, "are not sizes", gan_pad(tape, x, 0, INT64_MAX, 2, GAN_PAD_REPLICATE));
    FAILS(GAN_E_LIMIT, "pad: a result", gan_pad(tape, x, 0, INT64_MAX / 2, 2, GAN_PAD_REPLICATE));
    gan_shape huge = gan_shape_2d((int64_t)INT32_MAX + 1, 0); /* no memory is needed for it */
    FAILS(GAN_E_LIMIT, "pad: axis 0", gan_pad(tape, gan_full(tape, GAN_F32, huge, 0), 0, 1, 1, GAN_PAD_REFLECT));
    FAILS(GAN_E_LIMIT, "max_axis: axis 0", gan_max_axis(tape, gan_full(tape, GAN_F32, huge, 0), 0, 0));

    /* indices: where and what */
    FAILS(GAN_E_ARGUMENT, "take: index[0, 2] is 7, which is not in 0 to 1", gan_take(tape, x, 0, bad));
    FAILS(GAN_E_ARGUMENT, "take: index[1] is -1, which is not in 0 to 2", gan_take(tape, x, 1, below));
    FAILS(GAN_E_ARGUMENT, "take: index[0] is 0, but the axis is empty", gan_take(tape, empty, 1, below));
    FAILS(GAN_E_ARGUMENT, "gather: index[0, 2] is 7, which is not in 0 to 1", gan_gather(tape, x, 0, bad));
    FAILS(GAN_E_ARGUMENT, "scatter_add: index[0, 2] is 7", gan_scatter_add(tape, x, 0, bad, x));
    FAILS(GAN_E_ARGUMENT, "one_hot: label[0, 2] is 7, which is not in 0 to 6", gan_one_hot(tape, GAN_F64, bad, 7));

    /* operands of others */
    gan_context *elsewhere = host_context(1);
    gan_tensor *foreign = NULL;
    assert_int_equal(gan_tensor_create(&foreign, elsewhere, GAN_I32, gan_shape_1d(1)), GAN_OK);
    FAILS(GAN_E_ARGUMENT, "take: operand 2 belongs to another context", gan_take(tape, x, 0, foreign));
    gan_tape *other = NULL;
    assert_int_equal(gan_tape_create(&other, context), GAN_OK);
    FAILS(GAN_E_ARGUMENT, "take: operand 2 belongs to another tape", gan_take(tape, x, 0, gan_detach(other, index)));
    gan_tape_release(other);

    /* what used to be called "scale" */
    FAILS(GAN_E_DTYPE, "neg:", gan_neg(tape, index));
    FAILS(GAN_E_DTYPE, "add_scalar:", gan_add_scalar(tape, index, 1));
    FAILS(GAN_E_DTYPE, "scale:", gan_scale(tape, index, 1));

    gan_tensor *all[] = {x, narrow, empty, tall, index, bad, below, deep, bytes, foreign};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) gan_tensor_release(all[i]);
    gan_context_release(elsewhere);
}

static void a_lack_of_memory_names_the_operation(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *limited = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
    gan_tape *own = NULL;
    gan_tensor *x = host_uniform(limited, GAN_F64, gan_shape_2d(300, 2000), -1, 1, 1);
    assert_int_equal(gan_tape_create(&own, limited), GAN_OK);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_int_equal(gan_tensor_dtype(gan_elu(own, x, 1)), 0);
    assert_int_equal(gan_tape_status(own), GAN_E_MEMORY);
    assert_ptr_equal(strstr(gan_tape_error(own), "elu: out of memory"), gan_tape_error(own));
    gan_tape_reset(own);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_int_equal(gan_tensor_dtype(gan_bernoulli(own, GAN_F64, gan_shape_2d(300, 2000), 0.5)), 0);
    assert_ptr_equal(strstr(gan_tape_error(own), "bernoulli: out of memory"), gan_tape_error(own));
    gan_tape_reset(own);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_int_equal(gan_tensor_dtype(gan_detach(own, x)), 0); /* checks its operand by itself */
    assert_ptr_equal(strstr(gan_tape_error(own), "detach: out of memory"), gan_tape_error(own));
    memory.fail_at = 0;
    gan_tape_release(own);
    gan_tensor_release(x);
    gan_context_release(limited);
    assert_true(atomic_load(&memory.blocks) == 0);
}

/* PyTorch's derivatives where there is a choice. */
static void conventions(void **state) {
    (void)state;
    gan_tensor *a = watched(vector(4, (const double[]){1, 2, 3, NAN}));
    gan_tensor *b = watched(vector(4, (const double[]){1, 3, 2, 0})), *g[2], *ab[2] = {a, b};
    gan_gradients(tape, gan_maximum(tape, a, b), NULL, ab, 2, 0, g);
    assert_values("maximum, first", g[0], (const double[]){0.5, 0, 1, 1});
    assert_values("maximum, second", g[1], (const double[]){0.5, 1, 0, 1});
    gan_gradients(tape, gan_minimum(tape, a, b), NULL, ab, 2, 0, g);
    assert_values("minimum, first", g[0], (const double[]){0.5, 1, 0, 1});
    assert_values("minimum, second", g[1], (const double[]){0.5, 0, 1, 1});
    assert_values("with itself", gan_gradient(tape, gan_maximum(tape, a, a), a, 0), (const double[]){1, 1, 1, 2});

    gan_tensor *x = watched(vector(2, (const double[]){0, -0.0}));
    assert_values("elu", gan_gradient(tape, gan_elu(tape, x, 0.25), x, 0), (const double[]){0.25, 0.25});

    static const struct {
        double exponent, value, first, second;
    } powers[] = {{0, 1, 0, 0}, {1, 0, 1, 0}, {2, 0, 0, 2}, {3, 0, 0, 0}, {0.5, 0, INFINITY, -INFINITY}};
    for (int i = 0; i < 5; i++) {
        gan_tensor *zero = watched(vector(1, (const double[]){0})), *y = gan_pow(tape, zero, powers[i].exponent);
        gan_tensor *first = gan_gradient(tape, y, zero, GAN_GRAD_DIFFERENTIABLE);
        assert_values("power of 0", y, &powers[i].value);
        assert_values("its derivative", first, &powers[i].first);
        if (powers[i].exponent > 0) /* that of x^0 no longer depends on x */
            assert_values("its second derivative", gan_gradient(tape, first, zero, 0), &powers[i].second);
    }
    gan_tensor *steep = watched(vector(2, (const double[]){INFINITY, NAN}));
    gan_gradients(tape, gan_pow(tape, x, 0), steep, &x, 1, 0, g);
    assert_values("x^0 under a gradient that is not finite", g[0], (const double[]){0, 0});

    gan_tensor *ties = watched(vector(5, (const double[]){1, 4, 2, 4, 4}));
    gan_tensor *most = gan_max_axis(tape, ties, 0, 0);
    assert_values("largest", most, (const double[]){4});
    assert_values("first of the largest", gan_gradient(tape, most, ties, 0), (const double[]){0, 1, 0, 0, 0});
    gan_tensor *odd = watched(vector(4, (const double[]){1, NAN, INFINITY, NAN}));
    most = gan_max_axis(tape, odd, 0, 0);
    assert_values("NaN is largest", most, (const double[]){NAN});
    assert_values("the first NaN", gan_gradient(tape, most, odd, 0), (const double[]){0, 1, 0, 0});
}

static void largest_of_many_rows(void **state) { /* more than one task takes */
    (void)state;
    enum { ROWS = 9001, LENGTH = 5 };
    static double expected[ROWS];
    gan_tensor *x = watched(host_uniform(context, GAN_F64, gan_shape_2d(ROWS, LENGTH), -1, 1, 6));
    for (int64_t i = 0; i < ROWS; i++) {
        expected[i] = gan_tensor_item(x, i * LENGTH);
        for (int64_t l = 1; l < LENGTH; l++) expected[i] = fmax(expected[i], gan_tensor_item(x, i * LENGTH + l));
    }
    assert_values("largest of each row", gan_max_axis(tape, x, 1, 0), expected);
}

static void softmax_of_extremes(void **state) {
    (void)state;
    for (int columns = 0; columns < 2; columns++) { /* the lines as rows, and as columns beside a harmless one */
        const double inf = INFINITY, far[] = {1000, 999, -1000, -inf}, none[] = {-inf, -inf, -inf, -inf},
                     all[] = {1, inf, 3, 2}, nan[] = {0, NAN, 1, 2}, e = exp(-1), lse = 1000 + log1p(e);
        const struct {
            const double *x;
            double lse, soft[4], log_soft[4];
        } cases[] = {
            {far, lse, {1 / (1 + e), e / (1 + e), 0, 0}, {1000 - lse, 999 - lse, -1000 - lse, -inf}},
            {none, -inf, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
            {all, inf, {0, NAN, 0, 0}, {-inf, NAN, -inf, -inf}},
            {nan, NAN, {NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}},
        };
        for (int i = 0; i < 4; i++) {
            double beside[8];
            for (int k = 0; k < 4; k++) {
                beside[2 * k] = cases[i].x[k];
                beside[2 * k + 1] = k;
            }
            gan_tensor *x = columns ? host_tensor(context, GAN_F64, gan_shape_2d(4, 2), beside) : vector(4, cases[i].x);
            gan_tensor *y[3] = {gan_softmax(tape, x, 0), gan_log_softmax(tape, x, 0), gan_logsumexp(tape, x, 0, 1)};
            if (columns)
                for (int k = 0; k < 3; k++) y[k] = gan_slice(tape, y[k], 1, 0, 1);
            assert_values("logsumexp", y[2], &cases[i].lse);
            if (cases[i].x == all) { /* inf - inf */
                assert_true(isnan(gan_tensor_item(y[0], 1)) && isnan(gan_tensor_item(y[1], 1)));
            } else {
                for (int k = 0; k < 4; k++) {
                    double soft = gan_tensor_item(y[0], k);
                    assert_true(isnan(cases[i].soft[k]) ? isnan(soft)
                                                        : compare_number("softmax", soft, cases[i].soft[k], 1e-15));
                    double value = gan_tensor_item(y[1], k), want = cases[i].log_soft[k];
                    assert_true(value == want || fabs(value - want) < 1e-12 || (isnan(value) && isnan(want)));
                }
            }
            gan_tensor_release(x);
        }
        assert_int_equal(gan_tape_status(tape), GAN_OK);
    }
    /* a logarithm that single precision could not take: softmax itself is 0 there */
    const double apart[] = {0, -200};
    gan_tensor *x = host_tensor(context, GAN_F32, gan_shape_1d(2), apart);
    assert_true(gan_tensor_item(gan_softmax(tape, x, 0), 1) == 0);
    assert_true(gan_tensor_item(gan_log_softmax(tape, x, 0), 1) == -200);
    gan_tensor_release(x);
}

static void known_indices(void **state) {
    (void)state;
    const double values[] = {1, 2, 3, 4, 5, 6};
    gan_tensor *x = host_tensor(context, GAN_F64, gan_shape_2d(3, 2), values);
    gan_tensor *index = integers(gan_shape_2d(2, 2), (const int32_t[]){2, 0, 2, 1});
    gan_tensor *taken = gan_take(tape, x, 0, index);
    assert_true(gan_shape_equal(gan_tensor_shape(taken), gan_shape_3d(2, 2, 2)));
    assert_values("take", taken, (const double[]){5, 6, 1, 2, 5, 6, 3, 4});
    assert_values("gather", gan_gather(tape, x, 0, index), (const double[]){5, 2, 5, 4});
    gan_tensor *source = host_tensor(context, GAN_F64, gan_shape_2d(2, 2), (const double[]){10, 20, 30, 40});
    assert_values("scatter_add", gan_scatter_add(tape, x, 0, index, source), (const double[]){1, 22, 3, 44, 45, 6});
    assert_values("one_hot", gan_one_hot(tape, GAN_F32, index, 3),
                  (const double[]){0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0});
    assert_true(gan_shape_equal(gan_tensor_shape(gan_one_hot(tape, GAN_F64, index, 3)), gan_shape_3d(2, 2, 3)));
    gan_tensor *none = integers(gan_shape_1d(0), NULL);
    assert_int_equal(gan_tensor_count(gan_one_hot(tape, GAN_F64, none, 4)), 0);
    gan_tensor *line = vector(3, values);
    assert_values("reflect", gan_pad(tape, line, 0, 2, 2, GAN_PAD_REFLECT), (const double[]){3, 2, 1, 2, 3, 2, 1});
    assert_values("replicate", gan_pad(tape, line, 0, 1, 2, GAN_PAD_REPLICATE), (const double[]){1, 1, 2, 3, 3, 3});
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor *all[] = {x, index, source, none, line};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) gan_tensor_release(all[i]);
}

/* Indices are kept and watched like every operand, and have no derivative. */
static void indices_on_the_tape(void **state) {
    (void)state;
    gan_tensor *x = vector(3, (const double[]){1, 2, 3});
    gan_tensor *index = integers(gan_shape_1d(2), (const int32_t[]){2, 2}), *w = gan_watch(tape, x);
    gan_tensor *y = gan_take(tape, w, 0, index), *z = gan_gather(tape, w, 0, index);
    gan_tensor_release(index); /* the tape has its own hold on it */
    assert_values("take", gan_gradient(tape, y, w, 0), (const double[]){0, 0, 2});
    assert_values("gather", gan_gradient(tape, z, w, 0), (const double[]){0, 0, 2});
    gan_tape_reset(tape);

    index = integers(gan_shape_1d(2), (const int32_t[]){2, 2});
    for (int how = 0; how < 3; how++) {
        w = gan_watch(tape, x);
        y = how == 0   ? gan_take(tape, w, 0, index)
            : how == 1 ? gan_gather(tape, w, 0, index)
                       : gan_scatter_add(tape, x, 0, index, gan_slice(tape, w, 0, 0, 2));
        ((int32_t *)gan_tensor_data(index))[0] = 1;
        FAILS(GAN_E_STATE, "was changed after it was used", gan_gradient(tape, y, w, 0));
        ((int32_t *)gan_tensor_data(index))[0] = 2;
    }
    FAILS(GAN_E_DTYPE, "watch", gan_watch(tape, index));
    w = gan_watch(tape, x);
    FAILS(GAN_E_DTYPE, "gradient", gan_gradient(tape, gan_take(tape, w, 0, index), index, 0));
    /* what is made of labels and chance alone is not tracked */
    w = gan_watch(tape, x);
    FAILS(GAN_E_ARGUMENT, "not depend", gan_gradient(tape, gan_one_hot(tape, GAN_F64, index, 3), w, 0));
    w = gan_watch(tape, x);
    FAILS(GAN_E_ARGUMENT, "not depend", gan_gradient(tape, gan_bernoulli(tape, GAN_F64, gan_shape_1d(3), 0.5), w, 0));
    gan_tensor_release(index);
    gan_tensor_release(x);
}

/* Thousands of additions to each of a few elements: the order must not depend on threads. */
static void sums_are_the_same_on_all_threads(void **state) {
    (void)state;
    enum { ROWS = 6, COUNT = 5000, WIDTH = 40 };
    double *sums[2][2];
    for (int threads = 1; threads <= 4; threads += 3) {
        gan_context *c = host_context(threads);
        gan_tape *own = NULL;
        assert_int_equal(gan_tape_create(&own, c), GAN_OK);
        gan_tensor *g = host_uniform(c, GAN_F32, gan_shape_2d(ROWS, COUNT), -1, 1, 3), *list, *each;
        gan_tensor *wide = host_uniform(c, GAN_F32, gan_shape_2d(WIDTH, COUNT), -1, 1, 4);
        assert_int_equal(gan_tensor_create(&list, c, GAN_I32, gan_shape_1d(COUNT)), GAN_OK);
        assert_int_equal(gan_tensor_create(&each, c, GAN_I32, gan_shape_2d(WIDTH, COUNT)), GAN_OK);
        for (int i = 0; i < COUNT; i++) ((int32_t *)gan_tensor_data(list))[i] = i * i % 3;
        for (int i = 0; i < WIDTH * COUNT; i++) ((int32_t *)gan_tensor_data(each))[i] = i * 7 % 3;
        gan_tensor *table = gan_watch(own, gan_full(own, GAN_F32, gan_shape_2d(ROWS, 3), 0)), *d;
        gan_gradients(own, gan_take(own, table, 1, list), g, &table, 1, 0, &d);
        gan_tensor *s = gan_scatter_add(own, gan_full(own, GAN_F32, gan_shape_2d(WIDTH, 3), 0), 1, each, wide);
        assert_int_equal(gan_tape_status(own), GAN_OK);
        sums[threads > 1][0] = compare_read(d);
        sums[threads > 1][1] = compare_read(s);
        gan_tensor *all[] = {g, wide, list, each};
        for (int i = 0; i < 4; i++) gan_tensor_release(all[i]);
        gan_tape_release(own);
        gan_context_release(c);
    }
    assert_memory_equal(sums[0][0], sums[1][0], ROWS * 3 * sizeof(double));
    assert_memory_equal(sums[0][1], sums[1][1], WIDTH * 3 * sizeof(double));
    for (int i = 0; i < 4; i++) free(sums[i / 2][i % 2]);
}

static void bernoulli(void **state) {
    (void)state;
    const int64_t n = 100000;
    const double ps[] = {0, 0.1, 0.5, 0.999, 1};
    for (int i = 0; i < 5; i++) {
        gan_tensor *x = gan_bernoulli(tape, GAN_F32, gan_shape_2d(n / 10, 10), ps[i]);
        double ones = 0, deviation = sqrt((double)n * ps[i] * (1 - ps[i]));
        for (int64_t k = 0; k < n; k++) {
            assert_true(gan_tensor_item(x, k) == 0 || gan_tensor_item(x, k) == 1);
            ones += gan_tensor_item(x, k);
        }
        assert_true(fabs(ones - (double)n * ps[i]) <= 5 * deviation);
    }
    /* the same draws in both types, other draws each time, the same again from the same seed */
    double *drawn[4];
    for (int i = 0; i < 3; i++) {
        gan_context *c = host_context(1);
        gan_tape *own = NULL;
        assert_int_equal(gan_tape_create(&own, c), GAN_OK);
        if (i == 2) (void)gan_normal(own, GAN_F32, gan_shape_1d(4)); /* moves the stream */
        drawn[i] = compare_read(gan_bernoulli(own, i == 1 ? GAN_F64 : GAN_F32, gan_shape_1d(1000), 0.3));
        if (i == 0) drawn[3] = compare_read(gan_bernoulli(own, GAN_F32, gan_shape_1d(1000), 0.3));
        gan_tape_release(own);
        gan_context_release(c);
    }
    assert_memory_equal(drawn[0], drawn[1], 1000 * sizeof(double));
    assert_memory_not_equal(drawn[0], drawn[3], 1000 * sizeof(double));
    assert_memory_equal(drawn[0] + 4, drawn[2], 996 * sizeof(double)); /* one block further */
    for (int i = 0; i < 4; i++) free(drawn[i]);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(errors),
        TEST(a_lack_of_memory_names_the_operation),
        TEST(conventions),
        TEST(largest_of_many_rows),
        TEST(softmax_of_extremes),
        TEST(known_indices),
        TEST(indices_on_the_tape),
        TEST(sums_are_the_same_on_all_threads),
        TEST(bernoulli),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
