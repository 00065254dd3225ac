/* Arithmetic and transcendental functions of one and two operands. */
#include "ops/ops.h"

#include <math.h>

/* ---- two operands, broadcast ---- */

static gan_tensor *back_to(gan_tape *tape, gan_tensor *gradient, const gan_tensor *input) {
    return gani_sum_to(tape, gradient, input->shape);
}

static void add_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    for (int i = 0; i < 2; i++)
        if (need[i]) gradient[i] = back_to(tape, g, node->inputs[i]);
}
const gani_op gani_op_add = {"add", add_rule, NULL};
gan_tensor *gani_add(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary(tape, &gani_op_add, GANI_BINARY_ADD, a, b, 0, 0);
}
gan_tensor *gani_add_over(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary_over(tape, &gani_op_add, GANI_BINARY_ADD, a, b);
}

static void sub_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0]) gradient[0] = back_to(tape, g, node->inputs[0]);
    if (need[1]) gradient[1] = gani_affine(tape, back_to(tape, g, node->inputs[1]), -1, 0);
}
const gani_op gani_op_sub = {"sub", sub_rule, NULL};
gan_tensor *gani_sub(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary(tape, &gani_op_sub, GANI_BINARY_SUB, a, b, 0, 0);
}

static void mul_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    for (int i = 0; i < 2; i++)
        if (need[i]) gradient[i] = back_to(tape, gani_mul(tape, g, node->inputs[1 - i]), node->inputs[i]);
}
const gani_op gani_op_mul = {"mul", mul_rule, NULL};
gan_tensor *gani_mul(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary(tape, &gani_op_mul, GANI_BINARY_MUL, a, b, 0, 0);
}
gan_tensor *gani_mul_over(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary_over(tape, &gani_op_mul, GANI_BINARY_MUL, a, b);
}

static void div_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    gan_tensor *a = node->inputs[0], *b = node->inputs[1], *share = gani_div(tape, g, b);
    if (need[0]) gradient[0] = back_to(tape, share, a);
    if (need[1]) gradient[1] = back_to(tape, gani_affine(tape, gani_mul(tape, share, gani_div(tape, a, b)), -1, 0), b);
}
const gani_op gani_op_div = {"div", div_rule, NULL};
gan_tensor *gani_div(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary(tape, &gani_op_div, GANI_BINARY_DIV, a, b, 0, 0);
}

/* Where a is the larger, the gradient is a's; equal operands share it, half and half. The shares are piecewise
 * constant, so they enter the rule as tensors that are not tracked. */
static void share_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    int32_t is_minimum = node->op == &gani_op_minimum;
    for (int i = 0; i < 2; i++) {
        if (!need[i]) continue;
        gan_tensor *first = node->inputs[is_minimum ? 1 - i : i], *second = node->inputs[is_minimum ? i : 1 - i];
        gan_tensor *share = gani_binary_values(tape, node->op->name, GANI_BINARY_SHARE, first, second, 0, 0, 0);
        gradient[i] = gani_failed(tape) ? NULL : back_to(tape, gani_mul(tape, g, share), node->inputs[i]);
    }
}
const gani_op gani_op_maximum = {"maximum", share_rule, NULL};
gan_tensor *gani_maximum(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary(tape, &gani_op_maximum, GANI_BINARY_MAX, a, b, 0, 0);
}
const gani_op gani_op_minimum = {"minimum", share_rule, NULL};
gan_tensor *gani_minimum(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return gani_binary(tape, &gani_op_minimum, GANI_BINARY_MIN, a, b, 0, 0);
}

/* ---- one operand ---- */

static gan_tensor *unary(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *x, double p, double q) {
    if (!gani_op_ready(tape, op->name, &x, 1)) return &tape->inert;
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, x->shape);
    gani_unary(tape, kernel, cx, y, p, q);
    gani_node *node = gani_record_unread(tape, op, y, &x, 1, kernel == GANI_UNARY_AFFINE ? GANI_UNREAD_ALL : 0);
    if (node != NULL) {
        node->attributes.p = p;
        node->attributes.q = q;
    }
    return gani_done(tape, y);
}

static void affine_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_affine(tape, g, node->attributes.p, 0);
}
const gani_op gani_op_affine = {"scale", affine_rule, NULL};
gan_tensor *gani_affine(gan_tape *tape, gan_tensor *x, double factor, double value) {
    return unary(tape, &gani_op_affine, GANI_UNARY_AFFINE, x, factor, value);
}

static void neg_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)node;
    (void)need;
    gradient[0] = gani_neg(tape, g);
}
const gani_op gani_op_neg = {"neg", neg_rule, NULL};
gan_tensor *gani_neg(gan_tape *tape, gan_tensor *x) { return unary(tape, &gani_op_neg, GANI_UNARY_AFFINE, x, -1, 0); }

static void add_scalar_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    (void)tape;
    (void)node;
    (void)need;
    gradient[0] = g;
}
const gani_op gani_op_add_scalar = {"add_scalar", add_scalar_rule, NULL};
gan_tensor *gani_add_scalar(gan_tape *tape, gan_tensor *x, double value) {
    return unary(tape, &gani_op_add_scalar, GANI_UNARY_AFFINE, x, 1, value);
}

/* clamp_grad(x, g) = low <= x <= high ? g : 0 is linear in g and flat in x: its own adjoint in g. */
static gan_tensor *clamp_grad(gan_tape *tape, gan_tensor *x, gan_tensor *g, double low, double high) {
    return gani_binary(tape, &gani_op_clamp_grad, GANI_BINARY_CLAMP_GRAD, x, g, low, high);
}
static void clamp_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    if (need[1]) gradient[1] = clamp_grad(tape, node->inputs[0], g, node->attributes.p, node->attributes.q);
}
const gani_op gani_op_clamp_grad = {"clamp_grad", clamp_grad_rule, NULL};

/* y = x^p: dy/dx = p x^(p - 1). The derivative of x^0 is 0, whatever g is; the formula would give 0 * inf at 0. */
static void pow_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    double p = node->attributes.p;
    gan_tensor *x = node->inputs[0];
    gradient[0] = p == 0 ? clamp_grad(tape, x, g, 1, 0) /* between 1 and 0 lies no x */
                         : gani_mul(tape, g, gani_affine(tape, gani_pow(tape, x, p - 1), p, 0));
}
const gani_op gani_op_pow = {"pow", pow_rule, NULL};
gan_tensor *gani_pow(gan_tape *tape, gan_tensor *x, double exponent) {
    if (!gani_failed(tape) && !isfinite(exponent))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "pow: the exponent %g is not finite", exponent);
    return unary(tape, &gani_op_pow, GANI_UNARY_POW, x, exponent, 0);
}

static void square_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_affine(tape, node->inputs[0], 2, 0));
}
const gani_op gani_op_square = {"square", square_rule, NULL};
gan_tensor *gani_square(gan_tape *tape, gan_tensor *x) {
    return unary(tape, &gani_op_square, GANI_UNARY_SQUARE, x, 0, 0);
}

/* y = 1 / x: dy/dx = -y^2 */
static void reciprocal_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_affine(tape, gani_square(tape, node->output), -1, 0));
}
const gani_op gani_op_reciprocal = {"reciprocal", reciprocal_rule, NULL};
gan_tensor *gani_reciprocal(gan_tape *tape, gan_tensor *x) {
    return unary(tape, &gani_op_reciprocal, GANI_UNARY_RECIPROCAL, x, 0, 0);
}

/* y = sqrt(x): dy/dx = 1 / (2 y) */
static void sqrt_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_div(tape, gani_affine(tape, g, 0.5, 0), node->output);
}
const gani_op gani_op_sqrt = {"sqrt", sqrt_rule, NULL};
gan_tensor *gani_sqrt(gan_tape *tape, gan_tensor *x) { return unary(tape, &gani_op_sqrt, GANI_UNARY_SQRT, x, 0, 0); }

/* y = x^(-1/2): dy/dx = -y^3 / 2 */
static void rsqrt_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gan_tensor *cube = gani_mul(tape, gani_square(tape, node->output), node->output);
    gradient[0] = gani_mul(tape, g, gani_affine(tape, cube, -0.5, 0));
}
const gani_op gani_op_rsqrt = {"rsqrt", rsqrt_rule, NULL};
gan_tensor *gani_rsqrt(gan_tape *tape, gan_tensor *x) { return unary(tape, &gani_op_rsqrt, GANI_UNARY_RSQRT, x, 0, 0); }

static void exp_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, node->output);
}
const gani_op gani_op_exp = {"exp", exp_rule, NULL};
gan_tensor *gani_exp(gan_tape *tape, gan_tensor *x) { return unary(tape, &gani_op_exp, GANI_UNARY_EXP, x, 0, 0); }

static void log_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_div(tape, g, node->inputs[0]);
}
const gani_op gani_op_log = {"log", log_rule, NULL};
gan_tensor *gani_log(gan_tape *tape, gan_tensor *x) { return unary(tape, &gani_op_log, GANI_UNARY_LOG, x, 0, 0); }

/* The sign is piecewise constant, so it enters the rule as a tensor that is not tracked. */
static void abs_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gan_tensor *x = gani_contiguous(tape, node->inputs[0]), *sign = gani_result(tape, x->dtype, x->shape);
    gani_unary(tape, GANI_UNARY_SIGN, x, sign, 0, 0);
    gradient[0] = gani_mul(tape, g, sign);
}
const gani_op gani_op_abs = {"abs", abs_rule, NULL};
gan_tensor *gani_abs(gan_tape *tape, gan_tensor *x) { return unary(tape, &gani_op_abs, GANI_UNARY_ABS, x, 0, 0); }

static void clamp_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = clamp_grad(tape, node->inputs[0], g, node->attributes.p, node->attributes.q);
}
const gani_op gani_op_clamp = {"clamp", clamp_rule, NULL};
gan_tensor *gani_clamp(gan_tape *tape, gan_tensor *x, double low, double high) {
    if (!gani_failed(tape) && !(low <= high))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "clamp: the lower bound, %g, is above the upper one, %g", low,
                              high);
    return unary(tape, &gani_op_clamp, GANI_UNARY_CLAMP, x, low, high);
}
