/* Operations that follow indices. Two pairs of adjoints, linear in the values: take and put (one list of indices for a
 * whole axis), gather and scatter (an index for each element). Indices are an operand like any other, kept alive and
 * watched for changes by the tape, but nothing is differentiated with respect to them. */
#include "ops/ops.h"

#include <stdio.h>
#include <string.h>

/* "1, 2": where element `at` of a shape stands */
static const char *position_text(gan_shape shape, int64_t at, char text[GANI_SHAPE_TEXT]) {
    int64_t index[GAN_MAX_RANK] = {0};
    size_t used = 0;
    for (int32_t i = shape.rank - 1; i >= 0; i--) {
        index[i] = at % shape.size[i];
        at /= shape.size[i];
    }
    text[0] = '\0';
    for (int32_t i = 0; i < shape.rank && used < GANI_SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, GANI_SHAPE_TEXT - used, "%s%lld", i > 0 ? ", " : "", (long long)index[i]);
    return text;
}

/* The indices as a contiguous tensor, after a look at each of them; NULL if the tape has failed. `word` is what the
 * message calls them. */
static gan_tensor *checked(gan_tape *tape, const char *name, const char *word, gan_tensor *index, int64_t limit) {
    gan_tensor *list = gani_contiguous(tape, index);
    if (gani_failed(tape)) return NULL;
    const int32_t *at = list->data;
    int64_t count = gani_count(list);
    for (int64_t i = 0; i < count; i++) {
        if (at[i] >= 0 && at[i] < limit) continue;
        char text[GANI_SHAPE_TEXT];
        position_text(index->shape, i, text);
        if (limit > 0)
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: %s[%s] is %ld, which is not in 0 to %lld", name, word, text,
                           (long)at[i], (long long)limit - 1);
        else
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: %s[%s] is %ld, but the axis is empty", name, word, text,
                           (long)at[i]);
        return NULL;
    }
    return list;
}

/* ---- kernels over the outer axes ---- */

typedef void index_kernel(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index,
                          const void *from, void *to);

typedef struct index_job {
    index_kernel *kernel;
    int64_t outer, size, inner, count, group;
    int64_t index_step;        /* indices from one outer element to the next: 0 if they share them */
    size_t from_step, to_step; /* bytes, likewise */
    const int32_t *index;
    const char *from;
    char *to;
} index_job;

static void index_task(void *argument, int64_t task, int32_t worker) {
    (void)worker;
    const index_job *job = argument;
    int64_t first = task * job->group, left = job->outer - first;
    job->kernel(left < job->group ? left : job->group, job->size, job->inner, job->count,
                job->index + first * job->index_step, job->from + (size_t)first * job->from_step,
                job->to + (size_t)first * job->to_step);
}

enum { TAKE, PUT, GATHER, SCATTER };

/* y = kernel(x) along an axis of the shape `whole`, the shape of x for take and gather and that of y for the others. */
static void follow(gan_tape *tape, int how, gan_shape whole, int32_t axis, const gan_tensor *index, const gan_tensor *x,
                   gan_tensor *y) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, y->dtype);
    int adjoint = how == PUT || how == SCATTER, own = how == GATHER || how == SCATTER;
    if (adjoint) kernels->fill(gani_count(y), y->data, 0.0);
    if (gani_count(x) == 0 || gani_count(y) == 0) return;
    index_job job = {0};
    index_kernel *const choices[] = {kernels->take, kernels->put, kernels->gather, kernels->scatter};
    job.kernel = choices[how];
    gani_axis_split(whole, axis, &job.outer, &job.inner);
    job.size = whole.size[axis];
    job.count = own ? index->shape.size[axis] : gani_count(index);
    size_t whole_step = (size_t)(job.size * job.inner) * kernels->element,
           part_step = (size_t)(job.count * job.inner) * kernels->element;
    job.index_step = own ? job.count * job.inner : 0;
    job.from_step = adjoint ? part_step : whole_step;
    job.to_step = adjoint ? whole_step : part_step;
    job.index = index->data;
    job.from = x->data;
    job.to = y->data;
    job.group = gani_rows_within(GANI_CHUNK, job.count * job.inner);
    gani_parallel(tape->context->pool, (job.outer + job.group - 1) / job.group, index_task, &job);
}

/* The operation itself; everything has been checked but the indices. */
static gan_tensor *indexed(gan_tape *tape, const gani_op *op, int how, gan_tensor *x, int32_t axis, gan_tensor *index,
                           gan_shape whole, gan_shape result) {
    gan_tensor *list = checked(tape, op->name, "index", index, whole.size[axis]);
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, result), *inputs[2] = {x, index};
    if (gani_failed(tape)) return &tape->inert;
    follow(tape, how, whole, axis, list, cx, y);
    gani_node *node = gani_record_unread(tape, op, y, inputs, 2, GANI_UNREAD_RESULT | 1u);
    if (node != NULL) node->attributes.n[0] = axis;
    return gani_done(tape, y);
}

/* ---- take and put ---- */

static gan_tensor *put(gan_tape *tape, gan_tensor *g, int32_t axis, gan_tensor *index, gan_shape shape) {
    return indexed(tape, &gani_op_put, PUT, g, axis, index, shape, shape);
}
static void put_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0]) gradient[0] = gani_take(tape, g, (int32_t)node->attributes.n[0], node->inputs[1]);
}
const gani_op gani_op_put = {"put", put_rule, NULL};

static void take_recompute(gan_tape *tape, gani_node *node, gan_tensor *y) {
    gan_tensor *x = gani_contiguous(tape, node->inputs[0]), *index = gani_contiguous(tape, node->inputs[1]);
    if (!gani_failed(tape)) follow(tape, TAKE, x->shape, (int32_t)node->attributes.n[0], index, x, y);
}

static void take_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0]) gradient[0] = put(tape, g, (int32_t)node->attributes.n[0], node->inputs[1], node->inputs[0]->shape);
}
const gani_op gani_op_take = {"take", take_rule, NULL};

gan_tensor *gani_take(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index) {
    if (!gani_op_ready(tape, "take", &x, 1) || !gani_index_ready(tape, "take", index, 2) ||
        !gani_axis_ready(tape, "take", x, axis))
        return &tape->inert;
    gan_shape shape = gan_shape_0d();
    if (x->shape.rank - 1 + index->shape.rank > GAN_MAX_RANK)
        return gani_tape_fail(tape, GAN_E_SHAPE, "take: the result would have %d axes; %d are the most",
                              (int)(x->shape.rank - 1 + index->shape.rank), GAN_MAX_RANK);
    for (int32_t i = 0; i < axis; i++) shape.size[shape.rank++] = x->shape.size[i];
    for (int32_t i = 0; i < index->shape.rank; i++) shape.size[shape.rank++] = index->shape.size[i];
    for (int32_t i = axis + 1; i < x->shape.rank; i++) shape.size[shape.rank++] = x->shape.size[i];
    gan_tensor *y = indexed(tape, &gani_op_take, TAKE, x, axis, index, x->shape, shape);
    if (index->hidden) gani_recompute_with(y->node, take_recompute); /* else the caller may change it */
    return y;
}

/* ---- gather and scatter: outside the axis, the indices' shape is that of the values ---- */

static gan_tensor *scatter(gan_tape *tape, gan_tensor *g, int32_t axis, gan_tensor *index, gan_shape shape) {
    return indexed(tape, &gani_op_scatter, SCATTER, g, axis, index, shape, shape);
}
static void scatter_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0]) gradient[0] = gani_gather(tape, g, (int32_t)node->attributes.n[0], node->inputs[1]);
}
const gani_op gani_op_scatter = {"scatter_add", scatter_rule, NULL};

static void gather_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0])
        gradient[0] = scatter(tape, g, (int32_t)node->attributes.n[0], node->inputs[1], node->inputs[0]->shape);
}
const gani_op gani_op_gather = {"gather", gather_rule, NULL};

/* 1 if the indices' sizes are at most those of x, but along `except`. */
static int fits(gan_tape *tape, const char *name, const gan_tensor *index, const gan_tensor *x, int32_t except) {
    int good = index->shape.rank == x->shape.rank;
    for (int32_t i = 0; good && i < x->shape.rank; i++) good = i == except || index->shape.size[i] <= x->shape.size[i];
    if (!good) {
        char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: the index's shape %s does not fit into %s", name,
                       gani_shape_text(index->shape, a), gani_shape_text(x->shape, b));
    }
    return good;
}

/* The part of x that indices of a smaller shape reach. */
static gan_tensor *reached(gan_tape *tape, gan_tensor *x, const gan_tensor *index, int32_t except) {
    for (int32_t i = 0; i < index->shape.rank; i++)
        if (i != except && x->shape.size[i] != index->shape.size[i] && !gani_failed(tape))
            x = gani_slice(tape, x, i, 0, index->shape.size[i]);
    return x;
}

gan_tensor *gani_gather(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index) {
    if (!gani_op_ready(tape, "gather", &x, 1) || !gani_index_ready(tape, "gather", index, 2) ||
        !gani_axis_ready(tape, "gather", x, axis) || !fits(tape, "gather", index, x, axis))
        return &tape->inert;
    x = reached(tape, x, index, axis);
    if (gani_failed(tape)) return &tape->inert;
    return indexed(tape, &gani_op_gather, GATHER, x, axis, index, x->shape, index->shape);
}

gan_tensor *gani_scatter_add(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index, gan_tensor *source) {
    gan_tensor *values[3] = {x, NULL, source};
    if (!gani_op_ready(tape, "scatter_add", values, 3) || !gani_index_ready(tape, "scatter_add", index, 2) ||
        !gani_axis_ready(tape, "scatter_add", x, axis) || !fits(tape, "scatter_add", index, x, axis) ||
        !fits(tape, "scatter_add", index, source, -1))
        return &tape->inert;
    gan_shape part = index->shape;
    part.size[axis] = x->shape.size[axis];
    source = reached(tape, source, index, -1);
    gan_tensor *sums = gani_failed(tape) ? &tape->inert : scatter(tape, source, axis, index, part);
    for (int32_t i = 0; i < part.rank && !gani_failed(tape); i++)
        if (part.size[i] != x->shape.size[i])
            sums = gani_pad(tape, sums, i, 0, x->shape.size[i] - part.size[i], GAN_PAD_ZERO);
    return gani_failed(tape) ? &tape->inert : gani_add(tape, x, sums);
}

/* ---- the largest along an axis: gathered from where it is ---- */

typedef struct argmax_job {
    const gani_kernels *kernels;
    int64_t outer, length, inner, group;
    const char *x;
    int32_t *index;
} argmax_job;

static void argmax_task(void *argument, int64_t task, int32_t worker) {
    (void)worker;
    const argmax_job *job = argument;
    int64_t first = task * job->group, left = job->outer - first;
    job->kernels->argmax(left < job->group ? left : job->group, job->length, job->inner,
                         job->x + (size_t)(first * job->length * job->inner) * job->kernels->element,
                         job->index + first * job->inner);
}

gan_tensor *gani_max_axis(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep) {
    if (!gani_op_ready(tape, "max_axis", &x, 1) || !gani_axis_ready(tape, "max_axis", x, axis)) return &tape->inert;
    char text[GANI_SHAPE_TEXT];
    gan_shape kept = x->shape, dropped = gan_shape_0d();
    int64_t length = kept.size[axis];
    if (length == 0)
        return gani_tape_fail(tape, GAN_E_SHAPE, "max_axis: axis %d of shape %s is empty", (int)axis,
                              gani_shape_text(x->shape, text));
    if (length > INT32_MAX)
        return gani_tape_fail(tape, GAN_E_LIMIT, "max_axis: axis %d of shape %s is too long", (int)axis,
                              gani_shape_text(x->shape, text));
    kept.size[axis] = 1;
    gan_tensor *cx = gani_contiguous(tape, x), *index = gani_result(tape, GAN_I32, kept);
    if (gani_failed(tape)) return &tape->inert;
    if (gani_count(x) > 0) {
        argmax_job job = {gani_kernels_for(tape->context, x->dtype), 0, length, 0, 0, cx->data, index->data};
        gani_axis_split(x->shape, axis, &job.outer, &job.inner);
        job.group = gani_rows_within(GANI_CHUNK, length * job.inner);
        gani_parallel(tape->context->pool, (job.outer + job.group - 1) / job.group, argmax_task, &job);
    }
    gan_tensor *y = gani_gather(tape, x, axis, index);
    if (keep) return y;
    for (int32_t i = 0; i < kept.rank; i++)
        if (i != axis) dropped.size[dropped.rank++] = kept.size[i];
    return gani_failed(tape) ? &tape->inert : gani_reshape(tape, y, dropped);
}

/* ---- one_hot ---- */

gan_tensor *gani_one_hot(gan_tape *tape, gan_dtype dtype, gan_tensor *labels, int64_t classes) {
    if (!gani_index_ready(tape, "one_hot", labels, 1)) return &tape->inert;
    if (classes < 1)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "one_hot: %lld is not a number of classes", (long long)classes);
    gan_shape shape = labels->shape;
    if (shape.rank == GAN_MAX_RANK)
        return gani_tape_fail(tape, GAN_E_SHAPE, "one_hot: labels have %d axes; %d are the most", (int)shape.rank,
                              GAN_MAX_RANK - 1);
    shape.size[shape.rank++] = classes;
    gan_tensor *list = checked(tape, "one_hot", "label", labels, classes);
    gan_tensor *y = gani_result(tape, dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_kernels_for(tape->context, dtype)->fill(gani_count(y), y->data, 0.0);
    const int32_t *at = list->data;
    int64_t count = gani_count(list);
    for (int64_t i = 0; i < count; i++) gani_put_value(y, i * classes + at[i], 1);
    return y;
}
