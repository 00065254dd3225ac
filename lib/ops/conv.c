/* The convolution trio. conv2d, its adjoint in x (conv_transpose2d) and its adjoint in w are contractions of one
 * trilinear form, so every derivative of one is another of them, to any order. */
#include "ops/ops.h"

typedef size_t conv_scratch(const gani_conv_shape *s, int32_t workers);
typedef void conv_kernel(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *a, const void *b,
                         const void *bias, void *result);

/* Sums over all axes but the channels: the gradient of a bias. */
static gan_tensor *channel_sum(gan_tape *tape, gan_tensor *g) { return gani_sum_axes(tape, g, 0xDu, 0); }

gan_tensor *gani_conv_packed(gan_tape *tape, gan_tensor *x, const gan_tensor *weight, gan_tensor *bias,
                             const gani_conv_shape *s, int32_t transposed, gan_shape shape) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, weight->dtype);
    gani_pool *pool = tape->context->pool;
    gan_tensor *cx = gani_contiguous(tape, x), *cb = bias == NULL ? NULL : gani_contiguous(tape, bias);
    gan_tensor *y = gani_result(tape, weight->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    void *scratch =
        gani_scratch(tape, kernels->conv_packed_scratch(s, transposed, weight->packed, gani_pool_workers(pool)));
    if (scratch == NULL) return &tape->inert;
    kernels->conv_packed(pool, scratch, s, transposed, weight->packed, cx->data, cb == NULL ? NULL : cb->data, y->data);
    gani_scratch_end(tape, scratch);
    return y;
}

/* Runs one of the two kernels that take a bias, and records. */
static gan_tensor *convolve(gan_tape *tape, const gani_op *op, conv_kernel *kernel, conv_scratch *scratch_size,
                            const gani_conv_shape *s, gan_shape shape, gan_tensor *x, gan_tensor *weight,
                            gan_tensor *bias) {
    gan_tensor *inputs[3] = {x, weight, bias};
    if (weight->packed != NULL)
        return gani_conv_packed(tape, x, weight, bias, s, op == &gani_op_conv_transpose2d, shape);
    gan_tensor *cx = gani_contiguous(tape, x), *cw = gani_contiguous(tape, weight);
    gan_tensor *cb = bias == NULL ? NULL : gani_contiguous(tape, bias), *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    void *scratch = gani_scratch(tape, scratch_size(s, gani_pool_workers(tape->context->pool)));
    if (scratch == NULL) return &tape->inert;
    kernel(tape->context->pool, scratch, s, cx->data, cw->data, cb == NULL ? NULL : cb->data, y->data);
    gani_scratch_end(tape, scratch);
    gani_node *node = gani_record_unread(tape, op, y, inputs, bias == NULL ? 2 : 3, GANI_UNREAD_RESULT | GANI_BILINEAR);
    if (node != NULL) node->attributes.conv = *s;
    return gani_failed(tape) ? &tape->inert : y;
}

static gan_tensor *conv_forward(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                                const gani_conv_shape *s) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, x->dtype);
    if (gani_failed(tape)) return &tape->inert;
    return convolve(tape, &gani_op_conv2d, kernels->conv_forward, kernels->conv_forward_scratch, s,
                    gan_shape_4d(s->n, s->o, s->oh, s->ow), x, weight, bias);
}

static gan_tensor *conv_input_grad(gan_tape *tape, gan_tensor *g, gan_tensor *weight, gan_tensor *bias,
                                   const gani_conv_shape *s) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, weight->dtype);
    if (gani_failed(tape)) return &tape->inert;
    return convolve(tape, &gani_op_conv_transpose2d, kernels->conv_input_grad, kernels->conv_input_grad_scratch, s,
                    gan_shape_4d(s->n, s->c, s->h, s->w), g, weight, bias);
}

static gan_tensor *conv_weight_grad(gan_tape *tape, gan_tensor *x, gan_tensor *g, const gani_conv_shape *s) {
    gan_tensor *inputs[2] = {x, g}, *cx = gani_contiguous(tape, x), *cg = gani_contiguous(tape, g);
    gan_tensor *dw = gani_result(tape, cx->dtype, gan_shape_4d(s->o, s->c / s->groups, s->kh, s->kw));
    if (gani_failed(tape)) return &tape->inert;
    const gani_kernels *kernels = gani_kernels_for(tape->context, dw->dtype);
    void *scratch = gani_scratch(tape, kernels->conv_weight_grad_scratch(s, gani_pool_workers(tape->context->pool)));
    if (scratch == NULL) return &tape->inert;
    kernels->conv_weight_grad(tape->context->pool, scratch, s, cx->data, cg->data, dw->data);
    gani_scratch_end(tape, scratch);
    gani_node *node =
        gani_record_unread(tape, &gani_op_conv2d_weight_grad, dw, inputs, 2, GANI_UNREAD_RESULT | GANI_BILINEAR);
    if (node != NULL) node->attributes.conv = *s;
    return gani_failed(tape) ? &tape->inert : dw;
}

static void conv2d_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    const gani_conv_shape *s = &node->attributes.conv;
    if (need[0]) gradient[0] = conv_input_grad(tape, g, node->inputs[1], NULL, s);
    if (need[1]) gradient[1] = conv_weight_grad(tape, node->inputs[0], g, s);
    if (node->count > 2 && need[2]) gradient[2] = channel_sum(tape, g);
}
const gani_op gani_op_conv2d = {"conv2d", conv2d_rule, NULL};

/* y = adjoint(x; w): the cotangent g has the shape of the convolution's input, x that of its output. */
static void conv_transpose2d_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                  gan_tensor **gradient) {
    const gani_conv_shape *s = &node->attributes.conv;
    if (need[0]) gradient[0] = conv_forward(tape, g, node->inputs[1], NULL, s);
    if (need[1]) gradient[1] = conv_weight_grad(tape, g, node->inputs[0], s);
    if (node->count > 2 && need[2]) gradient[2] = channel_sum(tape, g);
}
const gani_op gani_op_conv_transpose2d = {"conv_transpose2d", conv_transpose2d_rule, NULL};

/* dw = form(x, y): the cotangent g has the weight's shape. */
static void conv2d_weight_grad_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need,
                                    gan_tensor **gradient) {
    const gani_conv_shape *s = &node->attributes.conv;
    if (need[0]) gradient[0] = conv_input_grad(tape, node->inputs[1], g, NULL, s);
    if (need[1]) gradient[1] = conv_forward(tape, node->inputs[0], g, NULL, s);
}
const gani_op gani_op_conv2d_weight_grad = {"conv2d_weight_grad", conv2d_weight_grad_rule, NULL};

/* ---- shapes ---- */

/* Ranks, channels and bias; fills in the sizes that the operands give. */
static int check(gan_tape *tape, const char *name, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                 int32_t transposed, int64_t groups, gani_conv_shape *s) {
    char sx[GANI_SHAPE_TEXT], sw[GANI_SHAPE_TEXT];
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, name, inputs, 3)) return 0;
    const int64_t *w = weight->shape.size, *in = x->shape.size;
    if (x->shape.rank != 4 || weight->shape.rank != 4) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: input %s and weight %s must both have 4 axes", name,
                       gani_shape_text(x->shape, sx), gani_shape_text(weight->shape, sw));
        return 0;
    }
    if (w[0] < 1 || w[1] < 1 || w[2] < 1 || w[3] < 1 || in[1] < 1 || in[2] < 1 || in[3] < 1) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: only the batch may be empty (input %s, weight %s)", name,
                       gani_shape_text(x->shape, sx), gani_shape_text(weight->shape, sw));
        return 0;
    }
    if (groups < 1 || in[1] % groups != 0 || w[0] % groups != 0) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: groups %lld does not divide the channels (input %s, weight %s)", name,
                       (long long)groups, gani_shape_text(x->shape, sx), gani_shape_text(weight->shape, sw));
        return 0;
    }
    int64_t expected = transposed ? w[0] : w[1] * groups, outputs = transposed ? w[1] * groups : w[0];
    if (in[1] != expected) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: input has %lld channels, weight expects %lld (input %s, weight %s)",
                       name, (long long)in[1], (long long)expected, gani_shape_text(x->shape, sx),
                       gani_shape_text(weight->shape, sw));
    } else if (bias != NULL && !gan_shape_equal(bias->shape, gan_shape_1d(outputs))) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: bias %s does not have one value for each of the %lld output channels",
                       name, gani_shape_text(bias->shape, sx), (long long)outputs);
    }
    *s = (gani_conv_shape){.n = in[0], .kh = w[2], .kw = w[3]};
    if (transposed) {
        s->c = outputs;
        s->o = in[1];
        s->oh = in[2];
        s->ow = in[3];
    } else {
        s->c = in[1];
        s->h = in[2];
        s->w = in[3];
        s->o = outputs;
    }
    return !gani_failed(tape);
}

static int prepare(gan_tape *tape, const char *name, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                   int32_t transposed, int64_t stride, int64_t padding, const gan_conv_options *known,
                   gani_conv_shape *s) {
    char text[GANI_MESSAGE_SIZE];
    if (!check(tape, name, x, weight, bias, transposed, known == NULL ? 1 : known->groups, s)) return 0;
    gan_status status = gani_conv_infer(s, transposed, stride, padding, known, text);
    if (status != GAN_OK) gani_tape_fail(tape, status, "%s: %s", name, text);
    return status == GAN_OK;
}

gan_tensor *gani_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                        int64_t padding, const gan_conv_options *known) {
    gani_conv_shape s;
    return prepare(tape, "conv2d", x, weight, bias, 0, stride, padding, known, &s)
               ? conv_forward(tape, x, weight, bias, &s)
               : &tape->inert;
}

gan_tensor *gani_conv_transpose2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                                  int64_t padding, const gan_conv_options *known) {
    gani_conv_shape s;
    return prepare(tape, "conv_transpose2d", x, weight, bias, 1, stride, padding, known, &s)
               ? conv_input_grad(tape, x, weight, bias, &s)
               : &tape->inert;
}
