/* Sums over axes. Means are sums, scaled. */
#include "ops/ops.h"

#include <string.h>

static gan_shape reduced_shape(gan_shape shape, uint32_t axes, int32_t keep) {
    gan_shape result = gan_shape_0d();
    for (int32_t i = 0; i < shape.rank; i++) {
        if (!(axes >> i & 1))
            result.size[result.rank++] = shape.size[i];
        else if (keep)
            result.size[result.rank++] = 1;
    }
    return result;
}

/* Sums x over each run of neighbouring axes in turn, the innermost run first, into y. */
static void sum_runs(gan_tape *tape, const gan_tensor *x, uint32_t axes, gan_tensor *y) {
    int64_t sizes[GAN_MAX_RANK];
    int32_t summed[GAN_MAX_RANK], runs = 0, left = 0;
    for (int32_t i = 0; i < x->shape.rank; i++) {
        int32_t sum = (int32_t)(axes >> i & 1);
        if (x->shape.size[i] == 1) continue;
        if (runs > 0 && summed[runs - 1] == sum) {
            sizes[runs - 1] *= x->shape.size[i];
        } else {
            sizes[runs] = x->shape.size[i];
            summed[runs++] = sum;
            left += sum;
        }
    }
    size_t element = gan_dtype_size(x->dtype);
    if (left == 0) {
        memcpy(y->data, x->data, (size_t)gani_count(x) * element);
        return;
    }
    const void *from = x->data;
    void *scratch = NULL;
    for (int32_t r = runs - 1; r >= 0; r--) {
        if (!summed[r]) continue;
        int64_t outer = 1, inner = 1;
        for (int32_t i = 0; i < r; i++) outer *= sizes[i];
        for (int32_t i = r + 1; i < runs; i++) inner *= sizes[i];
        void *to = --left == 0 ? y->data : gani_scratch(tape, (size_t)(outer * inner) * element);
        if (to == NULL) break;
        gani_sum_middle(tape, x->dtype, outer, sizes[r], inner, from, to);
        sizes[r] = 1;
        if (scratch != NULL) gani_scratch_end(tape, scratch);
        scratch = left == 0 ? NULL : to;
        from = to;
    }
    if (scratch != NULL) gani_scratch_end(tape, scratch);
}

static void sum_axes_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    gan_shape shape = node->inputs[0]->shape, kept = reduced_shape(shape, (uint32_t)node->attributes.n[0], 1);
    gradient[0] = gani_broadcast(tape, gani_reshape(tape, g, kept), shape);
}
const gani_op gani_op_sum_axes = {"sum", sum_axes_rule, NULL};

gan_tensor *gani_sum_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep) {
    if (!gani_op_ready(tape, "sum", &x, 1)) return &tape->inert;
    if (axes >> x->shape.rank != 0) {
        char text[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "sum: the axes mask %#lx names an axis that shape %s does not have",
                              (unsigned long)axes, gani_shape_text(x->shape, text));
    }
    gan_tensor *cx = gani_contiguous(tape, x), *y = gani_result(tape, x->dtype, reduced_shape(x->shape, axes, keep));
    if (gani_failed(tape)) return &tape->inert;
    if (gani_count(x) == 0)
        gani_kernels_for(tape->context, y->dtype)->fill(gani_count(y), y->data, 0.0);
    else
        sum_runs(tape, cx, axes, y);
    gani_node *node = gani_record_unread(tape, &gani_op_sum_axes, y, &x, 1, GANI_UNREAD_ALL);
    if (node != NULL) node->attributes.n[0] = axes;
    return gani_failed(tape) ? &tape->inert : y;
}

gan_tensor *gani_mean_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep) {
    if (!gani_op_ready(tape, "mean", &x, 1)) return &tape->inert;
    int64_t count = 1;
    gan_shape averaged = gan_shape_0d();
    for (int32_t i = 0; i < x->shape.rank; i++)
        if (axes >> i & 1) averaged.size[averaged.rank++] = x->shape.size[i];
    count = gan_shape_count(averaged); /* -1: beyond any number, which only happens when there is nothing to average */
    if (count == 0) {
        char text[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "mean: no elements to average in shape %s",
                              gani_shape_text(x->shape, text));
    }
    return gani_affine(tape, gani_sum_axes(tape, x, axes, keep), 1.0 / (double)count, 0);
}

static uint32_t all_axes(const gan_tensor *x) { return (1u << x->shape.rank) - 1u; }

gan_tensor *gani_sum(gan_tape *tape, gan_tensor *x) { return gani_sum_axes(tape, x, all_axes(x), 0); }
gan_tensor *gani_mean(gan_tape *tape, gan_tensor *x) { return gani_mean_axes(tape, x, all_axes(x), 0); }

gan_tensor *gani_sum_to(gan_tape *tape, gan_tensor *x, gan_shape shape) {
    if (gani_failed(tape) || gan_shape_equal(x->shape, shape)) return x;
    int32_t shift = x->shape.rank - shape.rank;
    uint32_t axes = 0;
    for (int32_t i = 0; i < x->shape.rank; i++)
        if (i < shift || (shape.size[i - shift] == 1 && x->shape.size[i] != 1)) axes |= 1u << i;
    return gani_reshape(tape, gani_sum_axes(tape, x, axes, 1), shape);
}
