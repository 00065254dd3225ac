/* Kernels of two operands that broadcast as NumPy's do. */
#include "ops/ops.h"

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
    job->group = gani_rows_within(GANI_CHUNK, job->inner);
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

/* Over an operand of the result's shape, if that is allowed and one is spare. */
static gan_tensor *result_of(gan_tape *tape, gan_tensor *a, gan_tensor *b, gan_shape shape, int32_t over) {
    gan_tensor *x = a->spare && !a->recorded ? a : b;
    return over && gan_shape_equal(x->shape, shape) ? gani_result_over(tape, x, 1) : gani_result(tape, a->dtype, shape);
}

gan_tensor *gani_binary_values(gan_tape *tape, const char *name, int32_t kernel, gan_tensor *a, gan_tensor *b, double p,
                               double q, int32_t over) {
    gan_tensor *inputs[2] = {a, b};
    if (!gani_op_ready(tape, name, inputs, 2)) return &tape->inert;
    gan_shape shape;
    if (!gani_broadcast_shape(a->shape, b->shape, &shape)) {
        char ta[GANI_SHAPE_TEXT], tb[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "%s: shapes %s and %s do not broadcast", name,
                              gani_shape_text(a->shape, ta), gani_shape_text(b->shape, tb));
    }
    gan_tensor *ca = gani_contiguous(tape, a), *cb = gani_contiguous(tape, b);
    gan_tensor *y = result_of(tape, a, b, shape, over);
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
    return y;
}

static gan_tensor *binary(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *a, gan_tensor *b, double p,
                          double q, int32_t over) {
    gan_tensor *inputs[2] = {a, b};
    uint32_t unread = kernel == GANI_BINARY_ADD || kernel == GANI_BINARY_SUB ? GANI_UNREAD_ALL : GANI_UNREAD_RESULT;
    over = over && (unread == GANI_UNREAD_ALL || !gani_will_record(tape, inputs, 2));
    gan_tensor *y = gani_binary_values(tape, op->name, kernel, a, b, p, q, over);
    gani_node *node = gani_record_unread(tape, op, y, inputs, 2, unread);
    if (node != NULL) {
        node->attributes.p = p;
        node->attributes.q = q;
    }
    return gani_done(tape, y);
}

gan_tensor *gani_binary(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *a, gan_tensor *b, double p,
                        double q) {
    return binary(tape, op, kernel, a, b, p, q, 0);
}

gan_tensor *gani_binary_over(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *a, gan_tensor *b) {
    return binary(tape, op, kernel, a, b, 0, 0, 1);
}
