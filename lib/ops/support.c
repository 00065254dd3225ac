/* What the operations share: checks, broadcasting, spreading kernels over threads. */
#include "ops/ops.h"

#include <stdio.h>
#include <string.h>

/* Elements of one task: large enough to hide the hand-over, small enough to balance. Part of no result: kernels are
 * elementwise. */
#define CHUNK 16384

int gani_op_ready(gan_tape *tape, const char *name, gan_tensor *const *inputs, int32_t count) {
    if (gani_failed(tape)) return 0;
    gan_dtype dtype = 0;
    for (int32_t i = 0; i < count; i++) {
        const gan_tensor *x = inputs[i];
        if (x == NULL) continue;
        if (x->dtype == 0) {
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %d is the inert result of a failed tape", name,
                           (int)i + 1);
        } else if (x->context != tape->context) {
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %d belongs to another context", name, (int)i + 1);
        } else if (x->tape != NULL && x->tape != tape) {
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %d belongs to another tape; clone it first", name,
                           (int)i + 1);
        } else if (x->gone) {
            gani_tape_fail(tape, GAN_E_STATE, "%s: operand %d has ended: its values were given back", name, (int)i + 1);
        } else if (!gani_is_float(x->dtype)) {
            gani_tape_fail(tape, GAN_E_DTYPE, "%s: operand %d is not of type f32 or f64", name, (int)i + 1);
        } else if (dtype != 0 && x->dtype != dtype) {
            gani_tape_fail(tape, GAN_E_DTYPE, "%s: operands are of different types (f32 and f64)", name);
        }
        if (gani_failed(tape)) return 0;
        dtype = x->dtype;
    }
    return 1;
}

int gani_maps_ready(gan_tape *tape, const char *name, gan_tensor *x) {
    char text[GANI_SHAPE_TEXT];
    if (!gani_op_ready(tape, name, &x, 1)) return 0;
    const int64_t *size = x->shape.size;
    if (x->shape.rank != 4)
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: input %s must have 4 axes, N x C x H x W", name,
                       gani_shape_text(x->shape, text));
    else if (size[1] < 1 || size[2] < 1 || size[3] < 1)
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: only the batch may be empty (input %s)", name,
                       gani_shape_text(x->shape, text));
    return !gani_failed(tape);
}

gan_status gani_wrong(char text[GANI_MESSAGE_SIZE], gan_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, GANI_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return status;
}

int gani_broadcast_shape(gan_shape a, gan_shape b, gan_shape *result) {
    if (a.rank < b.rank) {
        gan_shape t = a;
        a = b;
        b = t;
    }
    int32_t shift = a.rank - b.rank;
    for (int32_t i = 0; i < b.rank; i++) {
        int64_t m = a.size[i + shift], n = b.size[i];
        if (m != n && m != 1 && n != 1) return 0;
        if (m == 1) a.size[i + shift] = n;
    }
    *result = a;
    return 1;
}

typedef struct elementwise_job {
    const gani_kernels *kernels;
    int32_t op;
    int64_t count;
    const char *a, *b;
    char *y;
    double p, q;
} elementwise_job;

static int64_t chunk_length(const elementwise_job *job, int64_t index) {
    int64_t left = job->count - index * CHUNK;
    return left < CHUNK ? left : CHUNK;
}

static void unary_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const elementwise_job *job = argument;
    size_t offset = (size_t)(index * CHUNK) * job->kernels->element;
    job->kernels->unary(job->op, chunk_length(job, index), job->a + offset, job->y + offset, job->p, job->q);
}

static void binary_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const elementwise_job *job = argument;
    size_t offset = (size_t)(index * CHUNK) * job->kernels->element;
    job->kernels->binary(job->op, chunk_length(job, index), job->a + offset, 1, job->b + offset, 1, job->y + offset,
                         job->p, job->q);
}

void gani_unary(gan_tape *tape, int32_t op, const gan_tensor *x, gan_tensor *y, double p, double q) {
    if (gani_failed(tape)) return;
    int64_t count = gani_count(x);
    elementwise_job job = {gani_kernels_for(tape->context, x->dtype), op, count, x->data, NULL, y->data, p, q};
    gani_parallel(tape->context->pool, (count + CHUNK - 1) / CHUNK, unary_task, &job);
}

void gani_binary_same(gan_tape *tape, int32_t op, const gan_tensor *a, const gan_tensor *b, gan_tensor *y, double p,
                      double q) {
    if (gani_failed(tape)) return;
    int64_t count = gani_count(y);
    elementwise_job job = {gani_kernels_for(tape->context, y->dtype), op, count, a->data, b->data, y->data, p, q};
    gani_parallel(tape->context->pool, (count + CHUNK - 1) / CHUNK, binary_task, &job);
}

/* A long sum with nothing around it is cut into pieces of fixed length, whatever the number of threads: same bits. */
#define SUM_PIECE 65536

typedef struct sum_job {
    const gani_kernels *kernels;
    int64_t outer, length, inner, group;
    const char *x;
    char *y;
} sum_job;

static void sum_groups_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const sum_job *job = argument;
    int64_t first = index * job->group, count = job->outer - first < job->group ? job->outer - first : job->group;
    size_t element = job->kernels->element;
    job->kernels->sum(count, job->length, job->inner, job->x + (size_t)(first * job->length * job->inner) * element,
                      job->y + (size_t)(first * job->inner) * element);
}

static void sum_pieces_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const sum_job *job = argument;
    int64_t first = index * SUM_PIECE, count = job->length - first < SUM_PIECE ? job->length - first : SUM_PIECE;
    size_t element = job->kernels->element;
    job->kernels->sum(1, count, 1, job->x + (size_t)first * element, job->y + (size_t)index * element);
}

void gani_sum_middle(gan_tape *tape, gan_dtype dtype, int64_t outer, int64_t length, int64_t inner, const void *x,
                     void *y) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, dtype);
    gani_pool *pool = tape->context->pool;
    if (outer == 1 && inner == 1 && length > SUM_PIECE) {
        int64_t pieces = (length + SUM_PIECE - 1) / SUM_PIECE;
        char *partial = gani_scratch(tape, (size_t)pieces * kernels->element);
        if (partial == NULL) return;
        sum_job job = {kernels, 1, length, 1, 0, x, partial};
        gani_parallel(pool, pieces, sum_pieces_task, &job);
        kernels->sum(1, pieces, 1, partial, y);
        gani_scratch_end(tape, partial);
        return;
    }
    int64_t row = length * inner, group = row >= CHUNK ? 1 : CHUNK / (row < 1 ? 1 : row);
    sum_job job = {kernels, outer, length, inner, group, x, y};
    gani_parallel(pool, (outer + group - 1) / group, sum_groups_task, &job);
}
