/* Negative controls: a rule broken on purpose is found by the checks that the sweep relies on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <gan/ops.h>

#include "compare.h"
#include "gradcheck.h"
#include "host.h"
#include "ops/ops.h"

/* y = x^2 under a rule of choice */
static gan_tensor *square_with(gan_tape *tape, const gani_op *op, gan_tensor *x) {
    gan_tensor *y = gani_result(tape, GAN_F64, x->shape);
    gani_unary(tape, GANI_UNARY_SQUARE, x, y, 0, 0);
    gani_record(tape, op, y, &x, 1);
    return y;
}

static void right_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_affine(tape, node->inputs[0], 2, 0));
}
static void wrong_factor(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_affine(tape, node->inputs[0], 2.001, 0));
}
/* Right to first order; the dependence on x is cut: the silent zero of second order. */
static void detached_operand(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                             gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_affine(tape, gani_detach(tape, node->inputs[0]), 2, 0));
}
/* Right to first order; the dependence on g is cut. */
static void detached_seed(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, gani_detach(tape, g), gani_affine(tape, node->inputs[0], 2, 0));
}
static void forgotten(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)tape;
    (void)node;
    (void)g;
    (void)need;
    (void)gradient;
}
static void wrong_shape(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)node;
    (void)need;
    gradient[0] = gani_sum(tape, g);
}

static const gani_op right = {"right", right_rule, right_rule};
static const gani_op wrong_first = {"wrong_first", wrong_factor, NULL};
static const gani_op wrong_fused = {"wrong_fused", right_rule, wrong_factor};
static const gani_op wrong_second = {"wrong_second", detached_operand, NULL};
static const gani_op wrong_seed = {"wrong_seed", detached_seed, NULL};
static const gani_op missing = {"missing", forgotten, NULL};
static const gani_op misshapen = {"misshapen", wrong_shape, NULL};
static const gani_op no_rule = {"no_rule", NULL, NULL};
static const gani_op fused_only = {"fused_only", NULL, right_rule};

static gan_tensor *apply(gan_tape *tape, gan_tensor *const *xs, void *user) {
    return square_with(tape, *(const gani_op *const *)user, xs[0]);
}

typedef struct errors {
    double first, second, fused;
    char message[GRADCHECK_MESSAGE];
} errors;

static errors measure(const gani_op *op, int64_t count) {
    gan_context *context = host_context(1);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_1d(count), 0.5, 2, 1);
    errors e;
    e.second = gradgradcheck_error(context, apply, &op, &x, 1, e.message);
    e.fused = gradcheck_fused_error(context, apply, &op, &x, 1, NULL);
    e.first = gradcheck_error(context, apply, &op, &x, 1, NULL);
    gan_tensor_release(x);
    gan_context_release(context);
    return e;
}

/* 7: element by element; 1000: some elements and random directions */
static const int64_t counts[] = {7, 1000};

static void a_right_rule_passes(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        errors e = measure(&right, counts[i]);
        assert_true(e.first < 1e-9);
        assert_true(e.second < 1e-9);
        assert_true(e.fused == 0);
    }
}

static void wrong_rules_are_found(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(measure(&wrong_first, counts[i]).first > 1e-4);
        assert_true(measure(&wrong_fused, counts[i]).fused > 1e-4);
        assert_true(measure(&wrong_fused, counts[i]).first > 1e-4); /* gradients of first order take the fused path */
        assert_true(measure(&wrong_second, counts[i]).first < 1e-9);
        assert_true(measure(&wrong_second, counts[i]).second > 1e-2);
        assert_true(measure(&wrong_seed, counts[i]).second > 1e-2);
        assert_true(measure(&missing, counts[i]).first > 1e-2);
    }
}

static void missing_rules_fail_by_name(void **state) {
    (void)state;
    assert_true(isinf(measure(&no_rule, 5).first));
    errors e = measure(&fused_only, 5);
    assert_true(e.first < 1e-9);
    assert_true(isinf(e.second));
    assert_non_null(strstr(e.message, "fused_only"));
    assert_true(isinf(measure(&misshapen, 5).first));
}

static void comparisons_can_fail(void **state) {
    (void)state;
    const double a[] = {1, 2, 3}, b[] = {1, 2, 3 + 1e-9}, bad[] = {1, 2, NAN}, zero[] = {0, 0, 0};
    assert_true(compare_rel(a, a, 3) == 0);
    assert_true(fabs(compare_rel(b, a, 3) - 1e-9 / sqrt(14)) < 1e-14);
    assert_true(fabs(compare_max_abs(b, a, 3) - 1e-9) < 1e-14);
    assert_true(isinf(compare_rel(a, zero, 3)));
    assert_true(compare_values("equal", a, a, 3, 0, 0));
    assert_false(compare_values("a negative control: this message is expected", b, a, 3, 1e-10, 0));
    assert_false(compare_values("a negative control: this message is expected", bad, a, 3, 1e9, 0));
    assert_false(compare_values("a negative control: this message is expected", a, bad, 3, 1e9, 0));
    assert_false(compare_abs("a negative control: this message is expected", b, a, 3, 1e-10));
    assert_false(compare_abs("a negative control: this message is expected", bad, a, 3, 1e9));
    assert_false(compare_number("a negative control: this message is expected", NAN, 1, 1e9));
    assert_false(compare_number("a negative control: this message is expected", 1 + 1e-9, 1, 1e-10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_rule_passes),
        cmocka_unit_test(wrong_rules_are_found),
        cmocka_unit_test(missing_rules_fail_by_name),
        cmocka_unit_test(comparisons_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
