/* Softmax and its relatives along one axis. */
#include "ops/ops.h"

typedef void softmax_kernel(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x,
                            void *y);
typedef void softmax_grad_kernel(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *y,
                                 const void *g, void *dx);

typedef struct softmax_job {
    const gani_kernels *kernels;
    softmax_kernel *forward; /* either this or the other */
    softmax_grad_kernel *backward;
    int64_t outer, length, inner, group;
    size_t x_step, y_step; /* bytes from one outer element to the next */
    const char *x, *g;
    char *y;
} softmax_job;

static void softmax_task(void *argument, int64_t task, int32_t worker) {
    (void)worker;
    const softmax_job *job = argument;
    int64_t first = task * job->group, left = job->outer - first, outer = left < job->group ? left : job->group;
    size_t x = (size_t)first * job->x_step, y = (size_t)first * job->y_step;
    if (job->forward != NULL)
        job->forward(job->kernels, outer, job->length, job->inner, job->x + x, job->y + y);
    else
        job->backward(job->kernels, outer, job->length, job->inner, job->x + x, job->g + x, job->y + y);
}

/* x: of the shape that is worked along; y: that shape too, or one value for each line. */
static void run(gan_tape *tape, softmax_job job, const gan_tensor *x, const gan_tensor *g, gan_tensor *y,
                int32_t axis) {
    if (gani_failed(tape) || gani_count(x) == 0) return;
    job.kernels = gani_kernels_for(tape->context, x->dtype);
    size_t element = job.kernels->element;
    gani_axis_split(x->shape, axis, &job.outer, &job.inner);
    job.length = x->shape.size[axis];
    int64_t row = job.length * job.inner;
    job.x_step = (size_t)row * element;
    job.y_step = gani_count(y) == gani_count(x) ? job.x_step : (size_t)job.inner * element;
    job.group = row >= 4096 ? 1 : 4096 / row;
    job.x = x->data;
    job.g = g == NULL ? NULL : g->data;
    job.y = y->data;
    gani_parallel(tape->context->pool, (job.outer + job.group - 1) / job.group, softmax_task, &job);
}

static int ready(gan_tape *tape, const char *name, gan_tensor *x, int32_t axis) {
    if (!gani_op_ready(tape, name, &x, 1) || !gani_axis_ready(tape, name, x, axis)) return 0;
    char text[GANI_SHAPE_TEXT];
    if (x->shape.size[axis] == 0)
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: axis %d of shape %s is empty", name, (int)axis,
                       gani_shape_text(x->shape, text));
    return !gani_failed(tape);
}

static gan_tensor *forward(gan_tape *tape, const gani_op *op, softmax_kernel *kernel, gan_tensor *x, int32_t axis,
                           gan_shape shape) {
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, shape);
    run(tape, (softmax_job){.forward = kernel}, cx, NULL, y, axis);
    gani_node *node = gani_record(tape, op, y, &x, 1);
    if (node != NULL) node->attributes.n[0] = axis;
    return gani_done(tape, y);
}

static gan_tensor *fused_gradient(gan_tape *tape, softmax_grad_kernel *kernel, const gani_node *node, gan_tensor *g) {
    gan_tensor *cg = gani_contiguous(tape, g), *dx = gani_result(tape, g->dtype, g->shape);
    run(tape, (softmax_job){.backward = kernel}, node->output, cg, dx, (int32_t)node->attributes.n[0]);
    return gani_done(tape, dx);
}

/* y = softmax x: dL/dx = y (g - sum of g y) */
static void softmax_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gan_tensor *y = node->output, *sum = gani_sum_axes(tape, gani_mul(tape, g, y), 1u << node->attributes.n[0], 1);
    gradient[0] = gani_mul(tape, y, gani_sub(tape, g, sum));
}
static void softmax_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = fused_gradient(tape, gani_kernels_for(tape->context, g->dtype)->softmax_grad, node, g);
}
const gani_op gani_op_softmax = {"softmax", softmax_rule, softmax_fused};
gan_tensor *gani_softmax(gan_tape *tape, gan_tensor *x, int32_t axis) {
    if (!ready(tape, "softmax", x, axis)) return &tape->inert;
    return forward(tape, &gani_op_softmax, gani_kernels_for(tape->context, x->dtype)->softmax, x, axis, x->shape);
}

/* y = log softmax x: dL/dx = g - e^y sum of g */
static void log_softmax_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                             gan_tensor **gradient) {
    (void)need;
    gan_tensor *sum = gani_sum_axes(tape, g, 1u << node->attributes.n[0], 1);
    gradient[0] = gani_sub(tape, g, gani_mul(tape, gani_exp(tape, node->output), sum));
}
static void log_softmax_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                              gan_tensor **gradient) {
    (void)need;
    gradient[0] = fused_gradient(tape, gani_kernels_for(tape->context, g->dtype)->log_softmax_grad, node, g);
}
const gani_op gani_op_log_softmax = {"log_softmax", log_softmax_rule, log_softmax_fused};
gan_tensor *gani_log_softmax(gan_tape *tape, gan_tensor *x, int32_t axis) {
    if (!ready(tape, "log_softmax", x, axis)) return &tape->inert;
    return forward(tape, &gani_op_log_softmax, gani_kernels_for(tape->context, x->dtype)->log_softmax, x, axis,
                   x->shape);
}

/* dL/dx = g softmax x */
static void logsumexp_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gan_tensor *x = node->inputs[0];
    int32_t axis = (int32_t)node->attributes.n[0];
    gan_shape kept = x->shape;
    kept.size[axis] = 1;
    gradient[0] = gani_mul(tape, gani_softmax(tape, x, axis), gani_reshape(tape, g, kept));
}
const gani_op gani_op_logsumexp = {"logsumexp", logsumexp_rule, NULL};
gan_tensor *gani_logsumexp(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep) {
    if (!ready(tape, "logsumexp", x, axis)) return &tape->inert;
    gan_shape shape = gan_shape_0d();
    for (int32_t i = 0; i < x->shape.rank; i++) {
        if (i != axis)
            shape.size[shape.rank++] = x->shape.size[i];
        else if (keep)
            shape.size[shape.rank++] = 1;
    }
    return forward(tape, &gani_op_logsumexp, gani_kernels_for(tape->context, x->dtype)->logsumexp, x, axis, shape);
}
