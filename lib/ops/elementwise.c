/* Arithmetic and transcendental functions of one and two operands. */
#include "ops/ops.h"

#include <string.h>

/* ---- two operands, broadcast ---- */

typedef struct broadcast_job {
    const gani_kernels *kernels;
    int32_t op, rank; /* rank of the outer axes, the inner one excluded */
    int64_t size[GAN_MAX_RANK], step_a[GAN_MAX_RANK], step_b[GAN_MAX_RANK];
    int64_t inner, inner_a, inner_b, rows, group;
    const char *a, *b;
    char *y;
    double p, q;
} broadcast_job;

/* Steps of an operand along the result's axes: 0 where it is broadcast. */
static void broadcast_steps(gan_shape shape, gan_shape result, int64_t *steps) {
    int64_t strides[GAN_MAX_RANK];
    gani_strides(shape, strides);
    int32_t shift = result.rank - shape.rank;
    for (int32_t i = 0; i < result.rank; i++)
        steps[i] = i < shift || shape.size[i - shift] == 1 ? 0 : strides[i - shift];
}

/* Joins neighbouring axes that both operands cross in the same way, so that the inner loop is long. */
static void plan(broadcast_job *job, gan_shape a, gan_shape b, gan_shape result) {
    int64_t sa[GAN_MAX_RANK], sb[GAN_MAX_RANK];
    broadcast_steps(a, result, sa);
    broadcast_steps(b, result, sb);
    int32_t rank = 0;
    for (int32_t i = 0; i < result.rank; i++) {
        int64_t n = result.size[i];
        if (n == 1) continue;
        if (rank > 0 && job->step_a[rank - 1] == sa[i] * n && job->step_b[rank - 1] == sb[i] * n) {
            job->size[rank - 1] *= n;
            job->step_a[rank - 1] = sa[i];
            job->step_b[rank - 1] = sb[i];
        } else {
            job->size[rank] = n;
            job->step_a[rank] = sa[i];
            job->step_b[rank] = sb[i];
            rank++;
        }
    }
    if (rank == 0) {
        job->size[0] = 1;
        job->step_a[0] = job->step_b[0] = 1;
        rank = 1;
    }
    job->rank = rank - 1;
    job->inner = job->size[rank - 1];
    job->inner_a = job->step_a[rank - 1];
    job->inner_b = job->step_b[rank - 1];
    job->rows = 1;
    for (int32_t i = 0; i < job->rank; i++) job->rows *= job->size[i];
    job->group = job->inner >= 16384 ? 1 : 16384 / job->inner;
}

static void broadcast_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const broadcast_job *job = argument;
    int64_t first = index * job->group, last = first + job->group < job->rows ? first + job->group : job->rows;
    size_t element = job->kernels->element;
    for (int64_t row = first; row < last; row++) {
        int64_t rest = row, a = 0, b = 0;
        for (int32_t i = job->rank - 1; i >= 0; i--) {
            int64_t at = rest % job->size[i];
            rest /= job->size[i];
            a += at * job->step_a[i];
            b += at * job->step_b[i];
        }
        job->kernels->binary(job->op, job->inner, job->a + (size_t)a * element, (int32_t)job->inner_a,
                             job->b + (size_t)b * element, (int32_t)job->inner_b,
                             job->y + (size_t)(row * job->inner) * element, job->p, job->q);
    }
}

static gan_tensor *binary(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *a, gan_tensor *b, double p,
                          double q) {
    gan_tensor *inputs[2] = {a, b};
    if (!gani_op_ready(tape, op->name, inputs, 2)) return &tape->inert;
    gan_shape shape;
    if (!gani_broadcast_shape(a->shape, b->shape, &shape)) {
        char ta[GANI_SHAPE_TEXT], tb[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "%s: shapes %s and %s do not broadcast", op->name,
                              gani_shape_text(a->shape, ta), gani_shape_text(b->shape, tb));
    }
    gan_tensor *ca = gani_contiguous(tape, a), *cb = gani_contiguous(tape, b), *y = gani_result(tape, a->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    int64_t count = gani_count(y);
    if (gani_count(a) == count && gani_count(b) == count) {
        gani_binary_same(tape, kernel, ca, cb, y, p, q);
    } else if (count > 0) {
        broadcast_job job = {0};
        job.kernels = gani_kernels_for(tape->context, y->dtype);
        job.op = kernel;
        job.a = ca->data;
        job.b = cb->data;
        job.y = y->data;
        job.p = p;
        job.q = q;
        plan(&job, a->shape, b->shape, shape);
        gani_parallel(tape->context->pool, (job.rows + job.group - 1) / job.group, broadcast_task, &job);
    }
    gani_node *node = gani_record(tape, op, y, inputs, 2);
    if (node != NULL) {
        node->attributes.p = p;
        node->attributes.q = q;
    }
    return gani_done(tape, y);
}

static gan_tensor *back_to(gan_tape *tape, gan_tensor *gradient, const gan_tensor *input) {
    return gani_sum_to(tape, gradient, input->shape);
}

static void add_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    for (int i = 0; i < 2; i++)
        if (need[i]) gradient[i] = back_to(tape, g, node->inputs[i]);
}
const gani_op gani_op_add = {"add", add_rule, NULL};
gan_tensor *gani_add(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return binary(tape, &gani_op_add, GANI_BINARY_ADD, a, b, 0, 0);
}

static void sub_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0]) gradient[0] = back_to(tape, g, node->inputs[0]);
    if (need[1]) gradient[1] = gani_affine(tape, back_to(tape, g, node->inputs[1]), -1, 0);
}
const gani_op gani_op_sub = {"sub", sub_rule, NULL};
gan_tensor *gani_sub(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return binary(tape, &gani_op_sub, GANI_BINARY_SUB, a, b, 0, 0);
}

static void mul_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    for (int i = 0; i < 2; i++)
        if (need[i]) gradient[i] = back_to(tape, gani_mul(tape, g, node->inputs[1 - i]), node->inputs[i]);
}
const gani_op gani_op_mul = {"mul", mul_rule, NULL};
gan_tensor *gani_mul(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return binary(tape, &gani_op_mul, GANI_BINARY_MUL, a, b, 0, 0);
}

static void div_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    gan_tensor *a = node->inputs[0], *b = node->inputs[1], *share = gani_div(tape, g, b);
    if (need[0]) gradient[0] = back_to(tape, share, a);
    if (need[1]) gradient[1] = back_to(tape, gani_affine(tape, gani_mul(tape, share, gani_div(tape, a, b)), -1, 0), b);
}
const gani_op gani_op_div = {"div", div_rule, NULL};
gan_tensor *gani_div(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    return binary(tape, &gani_op_div, GANI_BINARY_DIV, a, b, 0, 0);
}

/* ---- one operand ---- */

static gan_tensor *unary(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *x, double p, double q) {
    if (!gani_op_ready(tape, op->name, &x, 1)) return &tape->inert;
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, x->shape);
    gani_unary(tape, kernel, cx, y, p, q);
    gani_node *node = gani_record(tape, op, y, &x, 1);
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

/* clamp_grad(x, g) is linear in g and flat in x: its own adjoint in g. */
static gan_tensor *clamp_grad(gan_tape *tape, gan_tensor *x, gan_tensor *g, double low, double high) {
    return binary(tape, &gani_op_clamp_grad, GANI_BINARY_CLAMP_GRAD, x, g, low, high);
}
static void clamp_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    if (need[1]) gradient[1] = clamp_grad(tape, node->inputs[0], g, node->attributes.p, node->attributes.q);
}
const gani_op gani_op_clamp_grad = {"clamp_grad", clamp_grad_rule, NULL};
static void clamp_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = clamp_grad(tape, node->inputs[0], g, node->attributes.p, node->attributes.q);
}
const gani_op gani_op_clamp = {"clamp", clamp_rule, NULL};
gan_tensor *gani_clamp(gan_tape *tape, gan_tensor *x, double low, double high) {
    if (!gani_failed(tape) && !(low <= high))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "clamp: the lower bound is not below the upper one");
    return unary(tape, &gani_op_clamp, GANI_UNARY_CLAMP, x, low, high);
}
