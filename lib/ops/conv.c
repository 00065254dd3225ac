/* The convolution trio. conv2d, its adjoint in x (conv_transpose2d) and its adjoint in w are contractions of one
 * trilinear form, so every derivative of one is another of them, to any order. */
#include "ops/ops.h"

typedef size_t conv_scratch(const gani_conv_shape *s, int32_t workers);
typedef void conv_kernel(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *a, const void *b,
                         const void *bias, void *result);

/* Sums over all axes but the channels: the gradient of a bias. */
static gan_tensor *channel_sum(gan_tape *tape, gan_tensor *g) { return gani_sum_axes(tape, g, 0xDu, 0); }

/* Runs one of the two kernels that take a bias, and records. */
static gan_tensor *convolve(gan_tape *tape, const gani_op *op, conv_kernel *kernel, conv_scratch *scratch_size,
                            const gani_conv_shape *s, gan_shape shape, gan_tensor *x, gan_tensor *weight,
                            gan_tensor *bias) {
    gan_tensor *inputs[3] = {x, weight, bias};
    gan_tensor *cx = gani_contiguous(tape, x), *cw = gani_contiguous(tape, weight);
    gan_tensor *cb = bias == NULL ? NULL : gani_contiguous(tape, bias), *y = gani_result(tape, x->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    void *scratch = gani_scratch(tape, scratch_size(s, gani_pool_workers(tape->context->pool)));
    if (scratch == NULL) return &tape->inert;
    kernel(tape->context->pool, scratch, s, cx->data, cw->data, cb == NULL ? NULL : cb->data, y->data);
    gani_scratch_end(tape, scratch);
    gani_node *node = gani_record(tape, op, y, inputs, bias == NULL ? 2 : 3);
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
    gan_tensor *dw = gani_result(tape, cx->dtype, gan_shape_4d(s->o, s->c, s->kh, s->kw));
    if (gani_failed(tape)) return &tape->inert;
    const gani_kernels *kernels = gani_kernels_for(tape->context, dw->dtype);
    void *scratch = gani_scratch(tape, kernels->conv_weight_grad_scratch(s, gani_pool_workers(tape->context->pool)));
    if (scratch == NULL) return &tape->inert;
    kernels->conv_weight_grad(tape->context->pool, scratch, s, cx->data, cg->data, dw->data);
    gani_scratch_end(tape, scratch);
    gani_node *node = gani_record(tape, &gani_op_conv2d_weight_grad, dw, inputs, 2);
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

#define MAX_SIZE ((int64_t)1 << 31)

/* Kernels work on padded copies of one image, cut into stride x stride phases: their sizes must stay far from overflow
 * for the working space to be computed in plain integers. What this lets through may still be more than there is
 * memory. */
static int fits(gan_tape *tape, const char *name, const gani_conv_shape *s) {
    double input =
        (double)s->c * (double)(s->h + 2 * s->pad_h + s->stride_h) * (double)(s->w + 2 * s->pad_w + s->stride_w);
    double output = (double)s->o * (double)(s->oh + s->kh + s->pad_h + s->stride_h) *
                    (double)(s->ow + s->kw + s->pad_w + s->stride_w);
    if (input <= 0x1p40 && output <= 0x1p40) return 1;
    gani_tape_fail(tape, GAN_E_LIMIT, "%s: one padded image of %lld x %lld x %lld has too many values", name,
                   (long long)s->c, (long long)(s->h + 2 * s->pad_h), (long long)(s->w + 2 * s->pad_w));
    return 0;
}

/* Ranks, channels, bias, stride and padding; channels_axis: the weight's axis that meets the input's channels. */
static int check(gan_tape *tape, const char *name, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                 int32_t channels_axis, int64_t stride, int64_t padding) {
    char sx[GANI_SHAPE_TEXT], sw[GANI_SHAPE_TEXT];
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, name, inputs, 3)) return 0;
    const int64_t *w = weight->shape.size, *in = x->shape.size;
    if (x->shape.rank != 4 || weight->shape.rank != 4) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: input %s and weight %s must both have 4 axes", name,
                       gani_shape_text(x->shape, sx), gani_shape_text(weight->shape, sw));
    } else if (in[1] != w[channels_axis]) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: input has %lld channels, weight expects %lld (input %s, weight %s)",
                       name, (long long)in[1], (long long)w[channels_axis], gani_shape_text(x->shape, sx),
                       gani_shape_text(weight->shape, sw));
    } else if (bias != NULL && !gan_shape_equal(bias->shape, gan_shape_1d(w[1 - channels_axis]))) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: bias %s does not have one value for each of the %lld output channels",
                       name, gani_shape_text(bias->shape, sx), (long long)w[1 - channels_axis]);
    } else if (w[0] < 1 || w[1] < 1 || w[2] < 1 || w[3] < 1 || in[2] < 1 || in[3] < 1) {
        gani_tape_fail(tape, GAN_E_SHAPE, "%s: only the batch may be empty (input %s, weight %s)", name,
                       gani_shape_text(x->shape, sx), gani_shape_text(weight->shape, sw));
    } else if (stride < 1 || padding < 0 || stride > GANI_MAX_WINDOW || padding > GANI_MAX_WINDOW) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: stride %lld is not in 1 to %d, or padding %lld not in 0 to %d", name,
                       (long long)stride, GANI_MAX_WINDOW, (long long)padding, GANI_MAX_WINDOW);
    } else if (w[2] > GANI_MAX_WINDOW || w[3] > GANI_MAX_WINDOW || in[2] > MAX_SIZE || in[3] > MAX_SIZE) {
        gani_tape_fail(tape, GAN_E_LIMIT, "%s: input %s or weight %s is too large", name, gani_shape_text(x->shape, sx),
                       gani_shape_text(weight->shape, sw));
    }
    return !gani_failed(tape);
}

gan_tensor *gani_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                        int64_t padding) {
    if (!check(tape, "conv2d", x, weight, bias, 1, stride, padding)) return &tape->inert;
    const int64_t *in = x->shape.size, *w = weight->shape.size;
    gani_conv_shape s = {in[0], in[1], in[2], in[3], w[0], 0, 0, w[2], w[3], stride, stride, padding, padding};
    int64_t room_h = s.h + 2 * padding - s.kh, room_w = s.w + 2 * padding - s.kw;
    if (room_h < 0 || room_w < 0)
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "conv2d: a kernel of %lldx%lld does not fit an input of %lldx%lld with padding %lld",
                              (long long)s.kh, (long long)s.kw, (long long)s.h, (long long)s.w, (long long)padding);
    s.oh = room_h / stride + 1;
    s.ow = room_w / stride + 1;
    return !fits(tape, "conv2d", &s) ? &tape->inert : conv_forward(tape, x, weight, bias, &s);
}

gan_tensor *gani_conv_transpose2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                                  int64_t padding, int64_t output_padding) {
    if (!check(tape, "conv_transpose2d", x, weight, bias, 0, stride, padding)) return &tape->inert;
    if (output_padding < 0 || output_padding >= stride)
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "conv_transpose2d: output_padding %lld must be at least 0 and below the stride %lld",
                              (long long)output_padding, (long long)stride);
    const int64_t *in = x->shape.size, *w = weight->shape.size;
    gani_conv_shape s = {in[0], w[1], 0, 0, in[1], in[2], in[3], w[2], w[3], stride, stride, padding, padding};
    s.h = (s.oh - 1) * stride - 2 * padding + s.kh + output_padding;
    s.w = (s.ow - 1) * stride - 2 * padding + s.kw + output_padding;
    if (s.h < 1 || s.w < 1)
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "conv_transpose2d: padding %lld leaves nothing of an output of %lldx%lld",
                              (long long)padding, (long long)(s.h + 2 * padding), (long long)(s.w + 2 * padding));
    return !fits(tape, "conv_transpose2d", &s) ? &tape->inert : conv_input_grad(tape, x, weight, bias, &s);
}
