/* Batch normalisation in training mode, with the (leaky) ReLU that follows it in most networks: neither it nor its
 * gradient then passes over memory on its own, and the values between the two are kept nowhere. */
#include "ops/ops.h"

#include <string.h>

/* x seen as N x C x S. */
static gan_shape seen_as(const gan_tensor *x) {
    int64_t s = 1;
    for (int32_t i = 2; i < x->shape.rank; i++) s *= x->shape.size[i];
    return gan_shape_3d(x->shape.size[0], x->shape.size[1], s);
}

/* How a node saw its operand. */
static gan_shape seen_by(const gani_node *node) {
    const int64_t *n = node->attributes.n;
    return gan_shape_3d(n[0], n[1], n[2]);
}

typedef struct norm_job {
    const gani_kernels *kernels;
    gan_shape shape;
    int64_t group; /* channels of one task */
    const void *x, *g, *weight, *bias;
    void *mean, *var, *rstd, *y, *dweight, *dbias;
    double epsilon, slope;
} norm_job;

#define TASK_RUN 512 /* elements that a task finds side by side, about: small maps are taken several at once */

static void run(gan_tape *tape, norm_job *job, gani_task *task) {
    int64_t s = job->shape.size[2], together = s < TASK_RUN ? TASK_RUN / s : 1;
    job->group = together < 64 ? together : 64;
    gani_parallel(tape->context->pool, (job->shape.size[1] + job->group - 1) / job->group, task, job);
}

static int64_t group_end(const norm_job *job, int64_t index) {
    int64_t end = (index + 1) * job->group;
    return end < job->shape.size[1] ? end : job->shape.size[1];
}

static char *from_channel(const norm_job *job, const void *values, int64_t channel) {
    return (char *)(uintptr_t)values + (size_t)channel * job->kernels->element;
}

static void apply_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    norm_job *job = argument;
    const int64_t *n = job->shape.size;
    job->kernels->norm_apply(n[0], n[1], n[2], index * job->group, group_end(job, index), job->x, job->mean, job->rstd,
                             job->weight, job->bias, job->slope, job->y);
}

/* rstd = 1 / sqrt(var + epsilon) of channels [first, end) */
static void set_rstd(const norm_job *job, int64_t first, int64_t end) {
    void *rstd = from_channel(job, job->rstd, first);
    job->kernels->unary(GANI_UNARY_AFFINE, end - first, from_channel(job, job->var, first), rstd, 1, job->epsilon);
    job->kernels->unary(GANI_UNARY_RSQRT, end - first, rstd, rstd, 0, 0);
}

/* A few channels from their statistics to the result, while they are in the cache. */
static void forward_task(void *argument, int64_t index, int32_t worker) {
    norm_job *job = argument;
    const int64_t *n = job->shape.size;
    job->kernels->norm_stats(n[0], n[1], n[2], index * job->group, group_end(job, index), job->x, job->mean, job->var);
    set_rstd(job, index * job->group, group_end(job, index));
    apply_task(argument, index, worker);
}

static void backward_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    norm_job *job = argument;
    const int64_t *n = job->shape.size;
    job->kernels->norm_backward(n[0], n[1], n[2], index * job->group, group_end(job, index), job->x, job->g, job->mean,
                                job->rstd, job->weight, job->bias, job->slope, job->y, job->dweight, job->dbias);
}

enum { MEAN, RSTD, WEIGHT, BIAS }; /* a node's saved values */

static gan_tensor *normalise(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_shape seen,
                             double epsilon, double slope, gan_tensor **mean, gan_tensor **var);

/* xhat = (x - mean x) / sqrt(var x + eps), all differentiable; y = w xhat + b. From g:
 *   db = sum g, dw = sum g xhat, dx = w rstd (g - mean g - xhat mean(g xhat))
 * where g is the gradient behind the activation, if there is one. */
static void batch_norm_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    const uint32_t axes = 5u;
    gan_tensor *x = node->inputs[0], *weight = node->count == 1 ? NULL : node->inputs[1];
    gan_shape shape = seen_by(node), channels = gan_shape_1d(shape.size[1]), column = gan_shape_3d(1, shape.size[1], 1);
    if (node->attributes.q != GANI_NO_ACTIVATION) {
        gan_tensor *z = normalise(tape, x, weight, weight == NULL ? NULL : node->inputs[2], shape, node->attributes.p,
                                  GANI_NO_ACTIVATION, NULL, NULL);
        g = gani_leaky_relu_grad(tape, z, g, node->attributes.q);
    }
    gan_tensor *x3 = gani_reshape(tape, x, shape), *g3 = gani_reshape(tape, g, shape);
    gan_tensor *centred = gani_sub(tape, x3, gani_mean_axes(tape, x3, axes, 1));
    gan_tensor *var = gani_mean_axes(tape, gani_square(tape, centred), axes, 1);
    gan_tensor *rstd = gani_rsqrt(tape, gani_affine(tape, var, 1, node->attributes.p));
    gan_tensor *xhat = gani_mul(tape, centred, rstd), *gx = gani_mul(tape, g3, xhat);
    if (need[0]) {
        gan_tensor *inner = gani_sub(tape, gani_sub(tape, g3, gani_mean_axes(tape, g3, axes, 1)),
                                     gani_mul(tape, xhat, gani_mean_axes(tape, gx, axes, 1)));
        gan_tensor *factor = weight == NULL ? rstd : gani_mul(tape, rstd, gani_reshape(tape, weight, column));
        gradient[0] = gani_reshape(tape, gani_mul(tape, inner, factor), x->shape);
    }
    if (weight == NULL) return;
    if (need[1]) gradient[1] = gani_reshape(tape, gani_sum_axes(tape, gx, axes, 0), channels);
    if (need[2]) gradient[2] = gani_reshape(tape, gani_sum_axes(tape, g3, axes, 0), channels);
}

static const void *data_or_null(const gan_tensor *tensor) { return tensor == NULL ? NULL : tensor->data; }

/* What forward left behind. */
static norm_job job_of(gan_tape *tape, const gani_node *node) {
    norm_job job = {.kernels = gani_kernels_for(tape->context, node->output->dtype),
                    .shape = seen_by(node),
                    .x = gani_contiguous(tape, node->inputs[0])->data,
                    .mean = node->saved[MEAN]->data,
                    .rstd = node->saved[RSTD]->data,
                    .weight = data_or_null(node->saved[WEIGHT]),
                    .bias = data_or_null(node->saved[BIAS]),
                    .slope = node->attributes.q};
    return job;
}

static void batch_norm_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                             gan_tensor **gradient) {
    norm_job job = job_of(tape, node);
    job.g = gani_contiguous(tape, g)->data;
    if (node->count > 1) {
        if (need[1]) gradient[1] = gani_result(tape, g->dtype, node->inputs[1]->shape);
        if (need[2]) gradient[2] = gani_result(tape, g->dtype, node->inputs[2]->shape);
    }
    if (need[0]) gradient[0] = gani_result_over(tape, g, 0);
    if (gani_failed(tape)) return;
    job.y = need[0] ? gradient[0]->data : NULL;
    job.dweight = gradient[1] == NULL ? NULL : gradient[1]->data;
    job.dbias = gradient[2] == NULL ? NULL : gradient[2]->data;
    run(tape, &job, backward_task);
}

static void batch_norm_recompute(gan_tape *tape, gani_node *node, gan_tensor *y) {
    norm_job job = job_of(tape, node);
    job.y = y->data;
    if (!gani_failed(tape)) run(tape, &job, apply_task);
}

const gani_op gani_op_batch_norm = {"batch_norm", batch_norm_rule, batch_norm_fused};

static int check(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon) {
    gan_tensor *inputs[3] = {x, weight, bias};
    char text[GANI_SHAPE_TEXT], other[GANI_SHAPE_TEXT];
    if (!gani_op_ready(tape, "batch_norm", inputs, 3)) return 0;
    if (x->shape.rank < 2) {
        gani_tape_fail(tape, GAN_E_SHAPE, "batch_norm: input %s has no channel axis", gani_shape_text(x->shape, text));
        return 0;
    }
    gan_shape shape = gan_shape_3d(0, 0, 0);
    if (gani_count(x) > 0) shape = seen_as(x);
    if (shape.size[0] * shape.size[2] < 2) {
        gani_tape_fail(tape, GAN_E_SHAPE,
                       "batch_norm: input %s has fewer than 2 values a channel; use a larger batch or evaluation mode",
                       gani_shape_text(x->shape, text));
    } else if ((weight == NULL) != (bias == NULL)) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "batch_norm: weight and bias must both be given, or neither");
    } else if (weight != NULL && (!gan_shape_equal(weight->shape, gan_shape_1d(shape.size[1])) ||
                                  !gan_shape_equal(bias->shape, weight->shape))) {
        gani_tape_fail(tape, GAN_E_SHAPE, "batch_norm: input %s has %lld channels, weight has shape %s",
                       gani_shape_text(x->shape, text), (long long)shape.size[1],
                       gani_shape_text(weight->shape, other));
    } else if (!(epsilon > 0)) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "batch_norm: epsilon is %g; it must be above 0", epsilon);
    }
    return !gani_failed(tape);
}

/* NULL for NULL. A copy: parameters may have moved on when the result is computed once more. */
static gan_tensor *copy_of(gan_tape *tape, gan_tensor *parameter) {
    if (parameter == NULL) return NULL;
    gan_tensor *copy = gani_result(tape, parameter->dtype, parameter->shape);
    if (!gani_failed(tape)) gani_tensor_copy_values(copy, parameter);
    return copy;
}

/* Everything has been checked. */
static gan_tensor *normalise(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_shape seen,
                             double epsilon, double slope, gan_tensor **mean, gan_tensor **var) {
    gan_tensor *inputs[3] = {x, weight, bias}, *cx = gani_contiguous(tape, x);
    gan_shape channels = gan_shape_1d(seen.size[1]);
    gan_tensor *v = gani_result(tape, x->dtype, channels), *y = gani_result(tape, x->dtype, x->shape);
    gan_tensor *saved[] = {[MEAN] = gani_result(tape, x->dtype, channels),
                           [RSTD] = gani_result(tape, x->dtype, channels),
                           [WEIGHT] = copy_of(tape, weight),
                           [BIAS] = copy_of(tape, bias)};
    if (gani_failed(tape)) return &tape->inert;
    norm_job job = {.kernels = gani_kernels_for(tape->context, x->dtype),
                    .shape = seen,
                    .x = cx->data,
                    .mean = saved[MEAN]->data,
                    .var = v->data,
                    .rstd = saved[RSTD]->data,
                    .weight = data_or_null(saved[WEIGHT]),
                    .bias = data_or_null(saved[BIAS]),
                    .y = y->data,
                    .epsilon = epsilon,
                    .slope = slope};
    run(tape, &job, forward_task);
    gani_node *node =
        gani_record_unread(tape, &gani_op_batch_norm, y, inputs, weight == NULL ? 1 : 3, GANI_UNREAD_RESULT);
    if (node != NULL) {
        memcpy(node->saved, saved, sizeof saved);
        memcpy(node->attributes.n, seen.size, 3 * sizeof seen.size[0]);
        node->attributes.p = epsilon;
        node->attributes.q = slope;
    }
    gani_recompute_with(node, batch_norm_recompute);
    if (mean != NULL) *mean = saved[MEAN];
    if (var != NULL) *var = v;
    return gani_done(tape, y);
}

gan_tensor *gani_batch_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon,
                            double slope, gan_tensor **mean, gan_tensor **var) {
    if (!check(tape, x, weight, bias, epsilon)) return &tape->inert;
    return normalise(tape, x, weight, bias, seen_as(x), epsilon, slope, mean, var);
}

gan_tensor *gani_norm_runs(gan_tape *tape, gan_tensor *x, int64_t count, double epsilon, double slope) {
    if (gani_failed(tape)) return &tape->inert;
    gan_shape seen = gan_shape_3d(1, count, gani_count(x) / count);
    return normalise(tape, x, NULL, NULL, seen, epsilon, slope, NULL, NULL);
}

/* One pass of a kernel when no gradient can ask for it. */
static gan_tensor *apply_fixed(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_tensor *mean,
                               gan_tensor *var, double epsilon, double slope) {
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, x->shape);
    gan_tensor *rstd = gani_result(tape, x->dtype, var->shape);
    if (gani_failed(tape)) return &tape->inert;
    norm_job job = {.kernels = gani_kernels_for(tape->context, x->dtype),
                    .shape = seen_as(x),
                    .x = cx->data,
                    .mean = mean->data,
                    .var = var->data,
                    .rstd = rstd->data,
                    .y = y->data,
                    .epsilon = epsilon,
                    .slope = slope};
    if (weight != NULL) {
        job.weight = weight->data;
        job.bias = bias->data;
    }
    set_rstd(&job, 0, gani_count(var));
    if (gani_count(x) > 0) run(tape, &job, apply_task);
    gani_tape_drop(tape, rstd);
    return y;
}

gan_tensor *gani_batch_norm_fixed(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_tensor *mean,
                                  gan_tensor *var, double epsilon, double slope) {
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, "batch_norm", inputs, 3)) return &tape->inert;
    if (gani_count(x) == 0 || !gani_will_record(tape, inputs, weight == NULL ? 1 : 3))
        return apply_fixed(tape, x, weight, bias, mean, var, epsilon, slope);
    gan_shape column = x->shape;
    for (int32_t i = 0; i < column.rank; i++)
        if (i != 1) column.size[i] = 1;
    /* copies: the statistics may move on while the tape still holds this computation */
    gan_tensor *scale = gani_rsqrt(tape, gani_affine(tape, var, 1, epsilon));
    if (weight != NULL) scale = gani_mul(tape, scale, weight);
    gan_tensor *shift = gani_affine(tape, gani_mul(tape, scale, gani_affine(tape, mean, 1, 0)), -1, 0);
    if (bias != NULL) shift = gani_add(tape, shift, bias);
    gan_tensor *scaled = gani_mul(tape, x, gani_reshape(tape, scale, column));
    gan_tensor *y = gani_add(tape, scaled, gani_reshape(tape, shift, column));
    return slope == GANI_NO_ACTIVATION ? y : gani_leaky_relu(tape, y, slope);
}
