/* Batch normalisation in training mode. */
#include "ops/ops.h"

/* x seen as N x C x S. */
static gan_shape seen_as(const gan_tensor *x) {
    int64_t s = 1;
    for (int32_t i = 2; i < x->shape.rank; i++) s *= x->shape.size[i];
    return gan_shape_3d(x->shape.size[0], x->shape.size[1], s);
}

typedef struct norm_job {
    const gani_kernels *kernels;
    gan_shape shape;
    int64_t group; /* channels of one task */
    const void *x, *g, *weight, *bias;
    void *mean, *scale, *y, *dweight, *dbias; /* scale: variance or rstd */
} norm_job;

static void run(gan_tape *tape, norm_job *job, gani_task *task) {
    /* with S = 1 channels are neighbours in memory: a task takes whole cache lines of them */
    job->group = job->shape.size[2] == 1 ? 64 : 4;
    gani_parallel(tape->context->pool, (job->shape.size[1] + job->group - 1) / job->group, task, job);
}

static int64_t group_end(const norm_job *job, int64_t index) {
    int64_t end = (index + 1) * job->group;
    return end < job->shape.size[1] ? end : job->shape.size[1];
}

static void stats_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    norm_job *job = argument;
    const int64_t *n = job->shape.size;
    job->kernels->norm_stats(n[0], n[1], n[2], index * job->group, group_end(job, index), job->x, job->mean,
                             job->scale);
}

static void apply_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    norm_job *job = argument;
    const int64_t *n = job->shape.size;
    job->kernels->norm_apply(n[0], n[1], n[2], index * job->group, group_end(job, index), job->x, job->mean, job->scale,
                             job->weight, job->bias, job->y);
}

static void backward_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    norm_job *job = argument;
    const int64_t *n = job->shape.size;
    job->kernels->norm_backward(n[0], n[1], n[2], index * job->group, group_end(job, index), job->x, job->g, job->mean,
                                job->scale, job->weight, job->y, job->dweight, job->dbias);
}

/* xhat = (x - mean x) / sqrt(var x + eps), all differentiable; y = w xhat + b. From g:
 *   db = sum g, dw = sum g xhat, dx = w rstd (g - mean g - xhat mean(g xhat)) */
static void batch_norm_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                            gan_tensor **gradient) {
    const uint32_t axes = 5u;
    gan_tensor *x = node->inputs[0];
    gan_shape shape = seen_as(x), channels = gan_shape_1d(shape.size[1]), column = gan_shape_3d(1, shape.size[1], 1);
    gan_tensor *x3 = gani_reshape(tape, x, shape), *g3 = gani_reshape(tape, g, shape);
    gan_tensor *centred = gani_sub(tape, x3, gani_mean_axes(tape, x3, axes, 1));
    gan_tensor *var = gani_mean_axes(tape, gani_square(tape, centred), axes, 1);
    gan_tensor *rstd = gani_rsqrt(tape, gani_affine(tape, var, 1, node->attributes.p));
    gan_tensor *xhat = gani_mul(tape, centred, rstd), *gx = gani_mul(tape, g3, xhat);
    if (need[0]) {
        gan_tensor *inner = gani_sub(tape, gani_sub(tape, g3, gani_mean_axes(tape, g3, axes, 1)),
                                     gani_mul(tape, xhat, gani_mean_axes(tape, gx, axes, 1)));
        gan_tensor *factor =
            node->count == 1 ? rstd : gani_mul(tape, rstd, gani_reshape(tape, node->inputs[1], column));
        gradient[0] = gani_reshape(tape, gani_mul(tape, inner, factor), x->shape);
    }
    if (node->count == 1) return;
    if (need[1]) gradient[1] = gani_reshape(tape, gani_sum_axes(tape, gx, axes, 0), channels);
    if (need[2]) gradient[2] = gani_reshape(tape, gani_sum_axes(tape, g3, axes, 0), channels);
}

static void batch_norm_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                             gan_tensor **gradient) {
    gan_tensor *x = gani_contiguous(tape, node->inputs[0]), *cg = gani_contiguous(tape, g);
    norm_job job = {.kernels = gani_kernels_for(tape->context, g->dtype),
                    .shape = seen_as(x),
                    .x = x->data,
                    .g = cg->data,
                    .mean = node->saved[0]->data,
                    .scale = node->saved[1]->data};
    if (node->count > 1) {
        gan_shape channels = node->inputs[1]->shape;
        job.weight = gani_contiguous(tape, node->inputs[1])->data;
        if (need[1]) gradient[1] = gani_result(tape, g->dtype, channels);
        if (need[2]) gradient[2] = gani_result(tape, g->dtype, channels);
    }
    if (need[0]) gradient[0] = gani_result(tape, g->dtype, x->shape);
    if (gani_failed(tape)) return;
    job.y = need[0] ? gradient[0]->data : NULL;
    job.dweight = gradient[1] == NULL ? NULL : gradient[1]->data;
    job.dbias = gradient[2] == NULL ? NULL : gradient[2]->data;
    run(tape, &job, backward_task);
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
        gani_tape_fail(tape, GAN_E_ARGUMENT, "batch_norm: epsilon must be above 0");
    }
    return !gani_failed(tape);
}

/* rstd = 1 / sqrt(var + epsilon), a value a channel */
static void set_rstd(const gani_kernels *kernels, const gan_tensor *var, double epsilon, gan_tensor *rstd) {
    kernels->unary(GANI_UNARY_AFFINE, gani_count(var), var->data, rstd->data, 1, epsilon);
    kernels->unary(GANI_UNARY_RSQRT, gani_count(var), rstd->data, rstd->data, 0, 0);
}

gan_tensor *gani_batch_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon,
                            gan_tensor **mean, gan_tensor **var) {
    if (!check(tape, x, weight, bias, epsilon)) return &tape->inert;
    gan_tensor *inputs[3] = {x, weight, bias}, *cx = gani_contiguous(tape, x);
    gan_shape shape = seen_as(x), channels = gan_shape_1d(shape.size[1]);
    const gani_kernels *kernels = gani_kernels_for(tape->context, x->dtype);
    gan_tensor *m = gani_result(tape, x->dtype, channels), *v = gani_result(tape, x->dtype, channels);
    gan_tensor *rstd = gani_result(tape, x->dtype, channels), *y = gani_result(tape, x->dtype, x->shape);
    if (gani_failed(tape)) return &tape->inert;
    norm_job job = {.kernels = kernels, .shape = shape, .x = cx->data, .mean = m->data, .scale = v->data};
    run(tape, &job, stats_task);
    set_rstd(kernels, v, epsilon, rstd);
    job.scale = rstd->data;
    job.y = y->data;
    if (weight != NULL) {
        job.weight = gani_contiguous(tape, weight)->data;
        job.bias = gani_contiguous(tape, bias)->data;
    }
    if (gani_failed(tape)) return &tape->inert;
    run(tape, &job, apply_task);
    gani_node *node = gani_record(tape, &gani_op_batch_norm, y, inputs, weight == NULL ? 1 : 3);
    if (node != NULL) {
        node->saved[0] = m;
        node->saved[1] = rstd;
        node->attributes.p = epsilon;
    }
    if (mean != NULL) *mean = m;
    if (var != NULL) *var = v;
    return gani_failed(tape) ? &tape->inert : y;
}

/* One pass of a kernel when no gradient can ask for it. */
static gan_tensor *apply_fixed(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_tensor *mean,
                               gan_tensor *var, double epsilon) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, x->dtype);
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, x->shape);
    gan_tensor *rstd = gani_result(tape, x->dtype, var->shape);
    if (gani_failed(tape)) return &tape->inert;
    set_rstd(kernels, var, epsilon, rstd);
    norm_job job = {
        .kernels = kernels, .shape = seen_as(x), .x = cx->data, .mean = mean->data, .scale = rstd->data, .y = y->data};
    if (weight != NULL) {
        job.weight = weight->data;
        job.bias = bias->data;
    }
    run(tape, &job, apply_task);
    gani_tape_drop(tape, rstd);
    return y;
}

gan_tensor *gani_batch_norm_fixed(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_tensor *mean,
                                  gan_tensor *var, double epsilon) {
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, "batch_norm", inputs, 3)) return &tape->inert;
    if (gani_count(x) == 0 || !gani_will_record(tape, inputs, weight == NULL ? 1 : 3))
        return apply_fixed(tape, x, weight, bias, mean, var, epsilon);
    gan_shape column = x->shape;
    for (int32_t i = 0; i < column.rank; i++)
        if (i != 1) column.size[i] = 1;
    /* copies: the statistics may move on while the tape still holds this computation */
    gan_tensor *scale = gani_rsqrt(tape, gani_affine(tape, var, 1, epsilon));
    if (weight != NULL) scale = gani_mul(tape, scale, weight);
    gan_tensor *shift = gani_affine(tape, gani_mul(tape, scale, gani_affine(tape, mean, 1, 0)), -1, 0);
    if (bias != NULL) shift = gani_add(tape, shift, bias);
    gan_tensor *scaled = gani_mul(tape, x, gani_reshape(tape, scale, column));
    return gani_add(tape, scaled, gani_reshape(tape, shift, column));
}
