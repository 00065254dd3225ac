/* Activations. Each has a rule in operations, and a fused gradient of one pass for first order. */
#include "ops/ops.h"

#include <math.h>

/* unread: what the rules do without, the operand or the result */
static gan_tensor *forward(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *x, double p,
                           uint32_t unread) {
    if (!gani_op_ready(tape, op->name, &x, 1)) return &tape->inert;
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result_over(tape, x, !gani_is_read(unread, 0));
    gani_unary(tape, kernel, cx, y, p, 0);
    gani_node *node = gani_record_unread(tape, op, y, &x, 1, unread);
    if (node != NULL) node->attributes.p = p;
    return gani_done(tape, y);
}

/* One pass of kernel(value, g): value is what the derivative is computed from. */
static gan_tensor *fused_gradient(gan_tape *tape, int32_t kernel, gan_tensor *value, gan_tensor *g, double p) {
    gan_tensor *a = gani_contiguous(tape, value), *b = gani_contiguous(tape, g), *y = gani_result_over(tape, g, 0);
    gani_binary_same(tape, kernel, a, b, y, p, 0);
    return gani_done(tape, y);
}

/* leaky_relu_grad(x, g) = x > 0 ? g : slope * g: linear in g, flat in x; its own adjoint in g. */
gan_tensor *gani_leaky_relu_grad(gan_tape *tape, gan_tensor *x, gan_tensor *g, double slope) {
    gan_tensor *inputs[2] = {x, g}, *y = fused_gradient(tape, GANI_BINARY_LEAKY_RELU_GRAD, x, g, slope);
    gani_node *node = gani_record_unread(tape, &gani_op_leaky_relu_grad, y, inputs, 2, GANI_UNREAD_RESULT | 1u << 1);
    if (node != NULL) node->attributes.p = slope;
    return gani_done(tape, y);
}
static void leaky_relu_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                 gan_tensor **gradient) {
    if (need[1]) gradient[1] = gani_leaky_relu_grad(tape, node->inputs[0], g, node->attributes.p);
}
const gani_op gani_op_leaky_relu_grad = {"leaky_relu_grad", leaky_relu_grad_rule, NULL};

/* Unless the slope is negative, the result is above 0 where x is: x itself is not needed. */
static void leaky_relu_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    (void)need;
    gan_tensor *value = gani_is_read(node->unread, 0) ? node->inputs[0] : node->output;
    gradient[0] = gani_leaky_relu_grad(tape, value, g, node->attributes.p);
}
const gani_op gani_op_leaky_relu = {"leaky_relu", leaky_relu_rule, NULL};
gan_tensor *gani_leaky_relu(gan_tape *tape, gan_tensor *x, double slope) {
    return forward(tape, &gani_op_leaky_relu, GANI_UNARY_LEAKY_RELU, x, slope, slope >= 0 ? 1u : GANI_UNREAD_RESULT);
}

/* elu_grad(x, g) = x > 0 ? q g : alpha g e^x: linear in g, and in x its own derivative with q = 0. With q = 1 it is the
 * gradient of ELU. */
static gan_tensor *elu_grad(gan_tape *tape, gan_tensor *x, gan_tensor *g, double alpha, double q) {
    return gani_binary(tape, &gani_op_elu_grad, GANI_BINARY_ELU_GRAD, x, g, alpha, q);
}
static void elu_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    gan_tensor *x = node->inputs[0];
    double alpha = node->attributes.p, q = node->attributes.q;
    if (need[0]) gradient[0] = elu_grad(tape, x, gani_mul(tape, g, node->inputs[1]), alpha, 0);
    if (need[1]) gradient[1] = elu_grad(tape, x, g, alpha, q);
}
const gani_op gani_op_elu_grad = {"elu_grad", elu_grad_rule, NULL};

static void elu_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = elu_grad(tape, node->inputs[0], g, node->attributes.p, 1);
}
const gani_op gani_op_elu = {"elu", elu_rule, NULL};
gan_tensor *gani_elu(gan_tape *tape, gan_tensor *x, double alpha) {
    if (!gani_failed(tape) && !isfinite(alpha))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "elu: alpha %g is not finite", alpha);
    return forward(tape, &gani_op_elu, GANI_UNARY_ELU, x, alpha, GANI_UNREAD_RESULT);
}

/* y = tanh x: dy/dx = 1 - y^2 */
static void tanh_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_affine(tape, gani_square(tape, node->output), -1, 1));
}
static void tanh_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = fused_gradient(tape, GANI_BINARY_TANH_GRAD, node->output, g, 0);
}
const gani_op gani_op_tanh = {"tanh", tanh_rule, tanh_fused};
gan_tensor *gani_tanh(gan_tape *tape, gan_tensor *x) { return forward(tape, &gani_op_tanh, GANI_UNARY_TANH, x, 0, 1u); }

/* y = sigmoid x: dy/dx = y (1 - y) */
static void sigmoid_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gan_tensor *slope = gani_mul(tape, node->output, gani_affine(tape, node->output, -1, 1));
    gradient[0] = gani_mul(tape, g, slope);
}
static void sigmoid_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = fused_gradient(tape, GANI_BINARY_SIGMOID_GRAD, node->output, g, 0);
}
const gani_op gani_op_sigmoid = {"sigmoid", sigmoid_rule, sigmoid_fused};
gan_tensor *gani_sigmoid(gan_tape *tape, gan_tensor *x) {
    return forward(tape, &gani_op_sigmoid, GANI_UNARY_SIGMOID, x, 0, 1u);
}

/* softplus' = sigmoid */
static void softplus_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_mul(tape, g, gani_sigmoid(tape, node->inputs[0]));
}
static void softplus_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = fused_gradient(tape, GANI_BINARY_SIGMOID_MUL, node->inputs[0], g, 0);
}
const gani_op gani_op_softplus = {"softplus", softplus_rule, softplus_fused};
gan_tensor *gani_softplus(gan_tape *tape, gan_tensor *x) {
    return forward(tape, &gani_op_softplus, GANI_UNARY_SOFTPLUS, x, 0, GANI_UNREAD_RESULT);
}
