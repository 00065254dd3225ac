/* What the operations share: checks, broadcasting, spreading kernels over threads. */
#include "ops/ops.h"

#include <stdio.h>

#include "kernel/copy.h"

/* The checks that hold for operands of any type. */
static int usable(gan_tape *tape, const char *name, const gan_tensor *x, int32_t number) {
    if (x->dtype == 0)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %d is the inert result of a failed tape", name, (int)number);
    else if (x->context != tape->context)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %d belongs to another context", name, (int)number);
    else if (x->tape != NULL && x->tape != tape)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %d belongs to another tape; clone it first", name,
                       (int)number);
    else if (x->gone)
        gani_tape_fail(tape, GAN_E_STATE, "%s: operand %d has ended: its values were given back", name, (int)number);
    return !gani_failed(tape);
}

int gani_op_ready(gan_tape *tape, const char *name, gan_tensor *const *inputs, int32_t count) {
    if (gani_failed(tape)) return 0;
    tape->operation = name;
    gan_dtype dtype = 0;
    for (int32_t i = 0; i < count; i++) {
        const gan_tensor *x = inputs[i];
        if (x == NULL) continue;
        if (!usable(tape, name, x, i + 1)) return 0;
        if (!gani_is_float(x->dtype))
            gani_tape_fail(tape, GAN_E_DTYPE, "%s: operand %d is not of type f32 or f64", name, (int)i + 1);
        else if (dtype != 0 && x->dtype != dtype)
            gani_tape_fail(tape, GAN_E_DTYPE, "%s: operands are of different types (f32 and f64)", name);
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

int gani_index_ready(gan_tape *tape, const char *name, const gan_tensor *index, int32_t number) {
    if (gani_failed(tape)) return 0;
    tape->operation = name;
    if (!usable(tape, name, index, number)) return 0;
    if (index->dtype != GAN_I32)
        gani_tape_fail(tape, GAN_E_DTYPE, "%s: operand %d holds indices and is not of type i32", name, (int)number);
    return !gani_failed(tape);
}

int gani_axis_ready(gan_tape *tape, const char *name, const gan_tensor *x, int32_t axis) {
    char text[GANI_SHAPE_TEXT];
    if (axis >= 0 && axis < x->shape.rank) return 1;
    gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: shape %s has no axis %d", name, gani_shape_text(x->shape, text),
                   (int)axis);
    return 0;
}

void gani_axis_split(gan_shape shape, int32_t axis, int64_t *outer, int64_t *inner) {
    *outer = *inner = 1;
    if (gan_shape_count(shape) == 0) return; /* the other sizes may be beyond any product */
    for (int32_t i = 0; i < axis; i++) *outer *= shape.size[i];
    for (int32_t i = axis + 1; i < shape.rank; i++) *inner *= shape.size[i];
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

void gani_copy_block(const gan_tensor *x, int64_t from, gan_tensor *y, int64_t to, int32_t axis, gan_shape shape) {
    size_t element = gan_dtype_size(x->dtype);
    if (gan_shape_count(shape) == 0) return;
    gani_copy_strided(element, shape.rank, shape.size,
                      (const char *)x->data + (size_t)(from * x->strides[axis]) * element, x->strides,
                      (char *)y->data + (size_t)(to * y->strides[axis]) * element, y->strides);
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
    int64_t left = job->count - index * GANI_CHUNK;
    return left < GANI_CHUNK ? left : GANI_CHUNK;
}

static void unary_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const elementwise_job *job = argument;
    size_t offset = (size_t)(index * GANI_CHUNK) * job->kernels->element;
    job->kernels->unary(job->op, chunk_length(job, index), job->a + offset, job->y + offset, job->p, job->q);
}

static void binary_task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const elementwise_job *job = argument;
    size_t offset = (size_t)(index * GANI_CHUNK) * job->kernels->element;
    job->kernels->binary(job->op, chunk_length(job, index), job->a + offset, 1, job->b + offset, 1, job->y + offset,
                         job->p, job->q);
}

void gani_unary(gan_tape *tape, int32_t op, const gan_tensor *x, gan_tensor *y, double p, double q) {
    if (gani_failed(tape)) return;
    int64_t count = gani_count(x);
    elementwise_job job = {gani_kernels_for(tape->context, x->dtype), op, count, x->data, NULL, y->data, p, q};
    gani_parallel(tape->context->pool, (count + GANI_CHUNK - 1) / GANI_CHUNK, unary_task, &job);
}

void gani_binary_same(gan_tape *tape, int32_t op, const gan_tensor *a, const gan_tensor *b, gan_tensor *y, double p,
                      double q) {
    if (gani_failed(tape)) return;
    int64_t count = gani_count(y);
    elementwise_job job = {gani_kernels_for(tape->context, y->dtype), op, count, a->data, b->data, y->data, p, q};
    gani_parallel(tape->context->pool, (count + GANI_CHUNK - 1) / GANI_CHUNK, binary_task, &job);
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
    int64_t group = gani_rows_within(GANI_CHUNK, length * inner);
    sum_job job = {kernels, outer, length, inner, group, x, y};
    gani_parallel(pool, (outer + group - 1) / group, sum_groups_task, &job);
}
