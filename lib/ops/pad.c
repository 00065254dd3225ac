/* Padding of one axis: with zeros, or with values of the axis itself, which is a way of taking them. */
#include "ops/ops.h"

/* Zeros: the adjoint of slice. */
static void pad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    (void)need;
    int32_t axis = (int32_t)node->attributes.n[0];
    gradient[0] = gani_slice(tape, g, axis, node->attributes.n[1], node->inputs[0]->shape.size[axis]);
}
const gani_op gani_op_pad = {"pad", pad_rule, NULL};
static gan_tensor *pad_zero(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t before, gan_shape shape) {
    gan_tensor *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    gani_kernels_for(tape->context, y->dtype)->fill(gani_count(y), y->data, 0.0);
    gani_copy_block(x, 0, y, before, axis, x->shape);
    gani_node *node = gani_record_unread(tape, &gani_op_pad, y, &x, 1, GANI_UNREAD_ALL);
    if (node != NULL) {
        node->attributes.n[0] = axis;
        node->attributes.n[1] = before;
    }
    return gani_done(tape, y);
}

/* Which element of an axis of `size` stands at place i (less than 0: before it, from size on: behind it). */
static int64_t mirrored(int64_t i, int64_t size) { return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i; }
static int64_t nearest(int64_t i, int64_t size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }

static gan_tensor *pad_taken(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t before, int64_t total,
                             gan_pad_mode mode) {
    int64_t size = x->shape.size[axis];
    gan_tensor *index = gani_result(tape, GAN_I32, gan_shape_1d(total));
    if (gani_failed(tape)) return &tape->inert;
    int32_t *at = index->data;
    for (int64_t i = 0; i < total; i++)
        at[i] = (int32_t)(mode == GAN_PAD_REFLECT ? mirrored(i - before, size) : nearest(i - before, size));
    return gani_take(tape, x, axis, index);
}

gan_tensor *gani_pad(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t before, int64_t after, gan_pad_mode mode) {
    if (!gani_op_ready(tape, "pad", &x, 1) || !gani_axis_ready(tape, "pad", x, axis)) return &tape->inert;
    char text[GANI_SHAPE_TEXT];
    gan_shape shape = x->shape;
    int64_t size = shape.size[axis], ends;
    if (before < 0 || after < 0 || !gani_add_i64(before, after, &ends) || !gani_add_i64(size, ends, &shape.size[axis]))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "pad: %lld and %lld are not sizes", (long long)before,
                              (long long)after);
    if (mode == GAN_PAD_ZERO) return pad_zero(tape, x, axis, before, shape);
    if (mode != GAN_PAD_REFLECT && mode != GAN_PAD_REPLICATE)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "pad: there is no mode %ld", (long)mode);
    if (mode == GAN_PAD_REFLECT && (before > 0 || after > 0) && (before >= size || after >= size))
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "pad: reflecting %lld and %lld elements needs an axis longer than both; axis %d of shape "
                              "%s is not",
                              (long long)before, (long long)after, (int)axis, gani_shape_text(x->shape, text));
    if (size == 0 && ends > 0)
        return gani_tape_fail(tape, GAN_E_SHAPE, "pad: axis %d of shape %s has no element to replicate", (int)axis,
                              gani_shape_text(x->shape, text));
    if (size > INT32_MAX)
        return gani_tape_fail(tape, GAN_E_LIMIT, "pad: axis %d of shape %s is too long to be reflected or replicated",
                              (int)axis, gani_shape_text(x->shape, text));
    return pad_taken(tape, x, axis, before, shape.size[axis], mode);
}
