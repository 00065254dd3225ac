/* A matrix over its spectral norm, as power iterations estimate it (Miyato et al. 2018). All of it is bound by memory:
 * a matrix is read where it lies, and as seldom as can be. */
#include "ops/ops.h"

/* Of one task. ELEMENTS also cuts a sum, so it must not depend on the number of threads. */
enum { ELEMENTS = 32768, COLUMNS = 1024 };

typedef struct matrix_job {
    const gani_kernels *kernels;
    int64_t rows, columns, step; /* step: rows or columns of one task */
    const char *w;
    const gan_tensor *u, *v; /* of as many values as W has rows, and columns */
    gan_tensor *product;     /* W v or W^T u */
    /* of the gradient */
    const char *g;
    char *to;
    int32_t add; /* 1: to what `to` has */
    double sigma;
    double total, *part; /* the sum of g W, and each task's part of it */
} matrix_job;

static matrix_job job_of(gan_tape *tape, const gan_tensor *w) {
    matrix_job job = {.kernels = gani_kernels_for(tape->context, w->dtype),
                      .rows = w->shape.size[0],
                      .columns = w->shape.size[1],
                      .w = w->data};
    job.step = gani_rows_within(ELEMENTS, job.columns);
    return job;
}

static int64_t part_of(const matrix_job *job, int64_t whole, int64_t index) {
    int64_t left = whole - index * job->step;
    return left < job->step ? left : job->step;
}

static void run(gan_tape *tape, matrix_job *job, int64_t whole, gani_task *task) {
    if (!gani_failed(tape)) gani_parallel(tape->context->pool, (whole + job->step - 1) / job->step, task, job);
}

/* ---- W v and W^T u ---- */

static void rows_task(void *argument, int64_t index, int32_t worker) {
    const matrix_job *job = argument;
    int64_t first = index * job->step, count = part_of(job, job->rows, index);
    size_t pitch = (size_t)job->columns * job->kernels->element;
    (void)worker;
    for (int64_t i = first; i < first + count; i++)
        gani_put_value(job->product, i, job->kernels->dot(job->columns, job->w + (size_t)i * pitch, job->v->data));
}

static void columns_task(void *argument, int64_t index, int32_t worker) {
    const matrix_job *job = argument;
    int64_t count = part_of(job, job->columns, index);
    size_t element = job->kernels->element, offset = (size_t)(index * job->step) * element;
    size_t pitch = (size_t)job->columns * element;
    char *to = (char *)job->product->data + offset;
    (void)worker;
    job->kernels->fill(count, to, 0);
    for (int64_t i = 0; i < job->rows; i++)
        job->kernels->axpy(count, gani_get_value(job->u, i), job->w + (size_t)i * pitch + offset, to);
}

gan_tensor *gani_matrix_times(gan_tape *tape, gan_tensor *w, const gan_tensor *x, int32_t transposed) {
    if (!gani_op_ready(tape, "spectral_norm", &w, 1)) return &tape->inert;
    gan_tensor *cw = gani_contiguous(tape, w);
    gan_tensor *y = gani_result(tape, w->dtype, gan_shape_2d(w->shape.size[transposed ? 1 : 0], 1));
    if (gani_failed(tape)) return &tape->inert;
    matrix_job job = job_of(tape, cw);
    job.product = y;
    if (transposed) {
        job.u = x;
        job.step = COLUMNS;
        run(tape, &job, job.columns, columns_task);
    } else {
        job.v = x;
        run(tape, &job, job.rows, rows_task);
    }
    return y;
}

/* ---- W / sigma ---- */

enum { U, V };

/* sigma = u^T W v: dL/dW = g / sigma - (sum of g W) / sigma^2 u v^T */
static void spectral_quotient_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                   gan_tensor **gradient) {
    (void)need;
    gan_tensor *w = node->inputs[0], *u = node->saved[U], *v = node->saved[V];
    gan_tensor *sigma = gani_sum(tape, gani_mul(tape, u, gani_matmul(tape, w, v, 0, 0)));
    gan_tensor *inverse = gani_reciprocal(tape, sigma), *scaled = gani_mul(tape, g, inverse);
    gan_tensor *along = gani_mul(tape, gani_sum(tape, gani_mul(tape, scaled, w)), inverse);
    gradient[0] = gani_sub(tape, scaled, gani_mul(tape, gani_matmul(tape, u, v, 0, 1), along));
}

static void total_task(void *argument, int64_t index, int32_t worker) {
    const matrix_job *job = argument;
    size_t offset = (size_t)(index * job->step * job->columns) * job->kernels->element;
    (void)worker;
    job->part[index] =
        job->kernels->dot(part_of(job, job->rows, index) * job->columns, job->g + offset, job->w + offset);
}

static void gradient_task(void *argument, int64_t index, int32_t worker) {
    const matrix_job *job = argument;
    int64_t first = index * job->step, count = part_of(job, job->rows, index);
    double along = job->total / (job->sigma * job->sigma);
    (void)worker;
    for (int64_t i = first; i < first + count; i++) {
        size_t offset = (size_t)(i * job->columns) * job->kernels->element;
        if (job->add)
            job->kernels->axpy(job->columns, 1 / job->sigma, job->g + offset, job->to + offset);
        else
            job->kernels->unary(GANI_UNARY_AFFINE, job->columns, job->g + offset, job->to + offset, 1 / job->sigma, 0);
        job->kernels->axpy(job->columns, -along * gani_get_value(job->u, i), job->v->data, job->to + offset);
    }
}

static void spectral_quotient_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                    gan_tensor **gradient) {
    (void)need;
    gan_tensor *w = gani_contiguous(tape, node->inputs[0]), *from = gani_contiguous(tape, g);
    gan_tensor *sum = gani_gradient_so_far(tape, node->inputs[0]);
    if (sum == NULL) gradient[0] = gani_result_over(tape, from, 0);
    if (gani_failed(tape)) return;
    matrix_job job = job_of(tape, w);
    int64_t tasks = (job.rows + job.step - 1) / job.step;
    job.u = node->saved[U];
    job.v = node->saved[V];
    job.sigma = node->attributes.p;
    job.g = from->data;
    job.add = sum != NULL;
    job.to = sum != NULL ? sum->data : gradient[0]->data;
    job.part = gani_scratch(tape, (size_t)(tasks + 1) * sizeof *job.part);
    if (job.part == NULL) return;
    run(tape, &job, job.rows, total_task);
    for (int64_t i = 0; i < tasks; i++) job.total += job.part[i];
    gani_scratch_end(tape, job.part);
    run(tape, &job, job.rows, gradient_task);
}

const gani_op gani_op_spectral_quotient = {"spectral_norm", spectral_quotient_rule, spectral_quotient_fused};

gan_tensor *gani_spectral_quotient(gan_tape *tape, gan_tensor *w, gan_tensor *u, gan_tensor *v, double sigma) {
    if (!gani_op_ready(tape, "spectral_norm", &w, 1)) return &tape->inert;
    gan_tensor *cw = gani_contiguous(tape, w), *y = gani_result(tape, w->dtype, w->shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_unary(tape, GANI_UNARY_AFFINE, cw, y, 1 / sigma, 0);
    gani_node *node = gani_record_unread(tape, &gani_op_spectral_quotient, y, &w, 1, GANI_UNREAD_RESULT);
    if (node != NULL) {
        node->saved[U] = u;
        node->saved[V] = v;
        node->attributes.p = sigma;
        u->recorded = v->recorded = 1;
    }
    return gani_done(tape, y);
}
