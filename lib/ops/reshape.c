/* Operations that move values without computing: each is the adjoint of another. */
#include "ops/ops.h"

#include <string.h>

#include "kernel/copy.h"

/* ---- the same values ---- */

static void identity_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)tape;
    (void)node;
    (void)need;
    gradient[0] = g;
}
const gani_op gani_op_identity = {"identity", identity_rule, NULL};
gan_tensor *gani_identity(gan_tape *tape, gan_tensor *x) {
    if (!gani_op_ready(tape, "identity", &x, 1)) return &tape->inert;
    gan_tensor *y = gani_alias(tape, gani_contiguous(tape, x), x->shape);
    gani_record_unread(tape, &gani_op_identity, y, &x, 1, GANI_UNREAD_ALL);
    return gani_done(tape, y);
}

/* Of any type: labels and images may be detached too. */
gan_tensor *gani_detach(gan_tape *tape, gan_tensor *x) {
    if (gani_failed(tape)) return &tape->inert;
    tape->operation = "detach";
    if (x->gone) return gani_tape_fail(tape, GAN_E_STATE, "detach: the tensor's values were given back");
    if (x->tape != NULL && x->tape != tape)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "detach: the tensor belongs to another tape; clone it first");
    return gani_alias(tape, gani_contiguous(tape, x), x->shape);
}

gan_tensor *gani_watch(gan_tape *tape, gan_tensor *x) {
    if (!gani_op_ready(tape, "watch", &x, 1)) return &tape->inert;
    if (x->tracked && tape->recording) return gani_identity(tape, x); /* gradients go on to what it was made of */
    gan_tensor *y = gani_alias(tape, gani_contiguous(tape, x), x->shape);
    if (!gani_failed(tape)) y->tracked = 1;
    return gani_done(tape, y);
}

static void reshape_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_reshape(tape, g, node->inputs[0]->shape);
}
const gani_op gani_op_reshape = {"reshape", reshape_rule, NULL};
gan_tensor *gani_reshape(gan_tape *tape, gan_tensor *x, gan_shape shape) {
    if (!gani_op_ready(tape, "reshape", &x, 1)) return &tape->inert;
    char from[GANI_SHAPE_TEXT], to[GANI_SHAPE_TEXT];
    int64_t known = 1;
    int32_t open = -1, bad = shape.rank < 0 || shape.rank > GAN_MAX_RANK;
    for (int32_t i = 0; i < shape.rank && !bad; i++) {
        if (shape.size[i] == -1) {
            bad = open >= 0;
            open = i;
        } else {
            bad = shape.size[i] < 0 || !gani_mul_i64(known, shape.size[i], &known);
        }
    }
    if (!bad && open >= 0) {
        bad = known == 0 || gani_count(x) % known != 0;
        if (!bad) shape.size[open] = gani_count(x) / known;
    }
    if (bad || gan_shape_count(shape) != gani_count(x))
        return gani_tape_fail(tape, GAN_E_SHAPE, "reshape: shape %s does not hold the elements of shape %s",
                              gani_shape_text(shape, to), gani_shape_text(x->shape, from));
    gan_tensor *y = gani_alias(tape, gani_contiguous(tape, x), shape);
    gani_record_unread(tape, &gani_op_reshape, y, &x, 1, GANI_UNREAD_ALL);
    return gani_done(tape, y);
}

/* ---- permute, broadcast ---- */

static void permute_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    int32_t inverse[GAN_MAX_RANK] = {0};
    for (int32_t i = 0; i < g->shape.rank; i++) inverse[node->attributes.axes[i]] = i;
    gradient[0] = gani_permute(tape, g, inverse);
}
const gani_op gani_op_permute = {"permute", permute_rule, NULL};
gan_tensor *gani_permute(gan_tape *tape, gan_tensor *x, const int32_t *axes) {
    if (!gani_op_ready(tape, "permute", &x, 1)) return &tape->inert;
    int32_t rank = x->shape.rank;
    uint32_t seen = 0;
    gan_shape shape = x->shape;
    int64_t strides[GAN_MAX_RANK];
    for (int32_t i = 0; i < rank; i++) {
        if (axes[i] < 0 || axes[i] >= rank || (seen >> axes[i] & 1))
            return gani_tape_fail(tape, GAN_E_ARGUMENT, "permute: axes are not a permutation of 0 to %d",
                                  (int)rank - 1);
        seen |= 1u << axes[i];
        shape.size[i] = x->shape.size[axes[i]];
        strides[i] = x->strides[axes[i]];
    }
    gan_tensor *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_copy_strided(gan_dtype_size(x->dtype), rank, shape.size, x->data, strides, y->data, y->strides);
    gani_node *node = gani_record_unread(tape, &gani_op_permute, y, &x, 1, GANI_UNREAD_ALL);
    if (node != NULL) memcpy(node->attributes.axes, axes, (size_t)rank * sizeof *axes);
    return gani_done(tape, y);
}

static void broadcast_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gradient[0] = gani_sum_to(tape, g, node->inputs[0]->shape);
}
const gani_op gani_op_broadcast = {"broadcast", broadcast_rule, NULL};
gan_tensor *gani_broadcast(gan_tape *tape, gan_tensor *x, gan_shape shape) {
    if (!gani_op_ready(tape, "broadcast", &x, 1)) return &tape->inert;
    gan_shape common;
    if (gan_shape_count(shape) < 0 || !gani_broadcast_shape(x->shape, shape, &common) ||
        !gan_shape_equal(common, shape)) {
        char from[GANI_SHAPE_TEXT], to[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "broadcast: shape %s cannot become %s",
                              gani_shape_text(x->shape, from), gani_shape_text(shape, to));
    }
    gan_tensor *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    int64_t strides[GAN_MAX_RANK];
    int32_t shift = shape.rank - x->shape.rank;
    for (int32_t i = 0; i < shape.rank; i++)
        strides[i] = i < shift || x->shape.size[i - shift] == 1 ? 0 : x->strides[i - shift];
    gani_copy_strided(gan_dtype_size(x->dtype), shape.rank, shape.size, x->data, strides, y->data, y->strides);
    gani_record_unread(tape, &gani_op_broadcast, y, &x, 1, GANI_UNREAD_ALL);
    return gani_done(tape, y);
}

/* ---- slice, concat ---- */

static void slice_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    int32_t axis = (int32_t)node->attributes.n[0];
    int64_t start = node->attributes.n[1], count = g->shape.size[axis];
    int64_t after = node->inputs[0]->shape.size[axis] - start - count;
    gradient[0] = gani_pad(tape, g, axis, start, after, GAN_PAD_ZERO);
}
/* Many slices of one tensor, as the steps of an LSTM take them: each adds to its own part of what there is, and only
 * the first gradient is as large as the tensor. */
static void slice_fused(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    gan_tensor *sum = gani_gradient_so_far(tape, node->inputs[0]), *part = gani_contiguous(tape, g);
    if (gani_failed(tape)) return;
    if (sum == NULL) {
        slice_rule(tape, node, g, need, gradient);
        return;
    }
    const gani_kernels *kernels = gani_kernels_for(tape->context, g->dtype);
    int32_t axis = (int32_t)node->attributes.n[0];
    int64_t outer, inner, run, step;
    gani_axis_split(g->shape, axis, &outer, &inner);
    run = g->shape.size[axis] * inner;
    step = sum->shape.size[axis] * inner;
    for (int64_t i = 0; run > 0 && i < outer; i++) {
        char *to = (char *)sum->data + (size_t)(i * step + node->attributes.n[1] * inner) * kernels->element;
        const char *from = (const char *)part->data + (size_t)(i * run) * kernels->element;
        kernels->binary(GANI_BINARY_ADD, run, to, 1, from, 1, to, 0, 0);
    }
}
const gani_op gani_op_slice = {"slice", slice_rule, slice_fused};
gan_tensor *gani_slice(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t start, int64_t count) {
    if (!gani_op_ready(tape, "slice", &x, 1) || !gani_axis_ready(tape, "slice", x, axis)) return &tape->inert;
    gan_shape shape = x->shape;
    if (start < 0 || count < 0 || start > shape.size[axis] || count > shape.size[axis] - start)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "slice: %lld elements from %lld on are not in axis %d of size %lld",
                              (long long)count, (long long)start, (int)axis, (long long)shape.size[axis]);
    shape.size[axis] = count;
    gan_tensor *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_copy_block(x, start, y, 0, axis, shape);
    gani_node *node = gani_record_unread(tape, &gani_op_slice, y, &x, 1, GANI_UNREAD_ALL);
    if (node != NULL) {
        node->attributes.n[0] = axis;
        node->attributes.n[1] = start;
    }
    return gani_done(tape, y);
}

static void concat_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    int32_t axis = (int32_t)node->attributes.n[0];
    int64_t start = 0;
    for (int32_t i = 0; i < node->count; i++) {
        int64_t count = node->inputs[i]->shape.size[axis];
        if (need[i]) gradient[i] = gani_slice(tape, g, axis, start, count);
        start += count;
    }
}
const gani_op gani_op_concat = {"concat", concat_rule, NULL};
gan_tensor *gani_concat(gan_tape *tape, gan_tensor *const *xs, int32_t count, int32_t axis) {
    if (!gani_failed(tape) && (count < 1 || count > GANI_MAX_INPUTS))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "concat: %d tensors are not in 1 to %d", (int)count,
                              GANI_MAX_INPUTS);
    if (!gani_op_ready(tape, "concat", xs, count) || !gani_axis_ready(tape, "concat", xs[0], axis)) return &tape->inert;
    gan_shape shape = xs[0]->shape;
    for (int32_t i = 1; i < count; i++) {
        gan_shape other = xs[i]->shape;
        int64_t size = other.rank == shape.rank ? other.size[axis] : -1, total;
        if (size >= 0) other.size[axis] = shape.size[axis];
        if (!gan_shape_equal(other, shape) || !gani_add_i64(shape.size[axis], size, &total)) {
            char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
            return gani_tape_fail(tape, GAN_E_SHAPE, "concat: shapes %s and %s differ outside axis %d",
                                  gani_shape_text(xs[0]->shape, a), gani_shape_text(xs[i]->shape, b), (int)axis);
        }
        shape.size[axis] = total;
    }
    gan_tensor *y = gani_result(tape, xs[0]->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    int64_t start = 0;
    for (int32_t i = 0; i < count; i++) {
        gani_copy_block(xs[i], 0, y, start, axis, xs[i]->shape);
        start += xs[i]->shape.size[axis];
    }
    gani_node *node = gani_record_unread(tape, &gani_op_concat, y, xs, count, GANI_UNREAD_ALL);
    if (node != NULL) node->attributes.n[0] = axis;
    return gani_done(tape, y);
}
