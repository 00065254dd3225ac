/* Operations as the rest of the library calls them. They mean what gan/ops.h says of gan_ in place of gani_, take
 * handles that are known to be valid, and check shapes and types. Forward and rule of each stand side by side in this
 * folder's files. */
#ifndef GANI_OPS_OPS_H
#define GANI_OPS_OPS_H

#include <gan/ops.h>

#include "autograd/tape.h"

/* elementwise.c */
gan_tensor *gani_add(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_sub(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_mul(gan_tape *tape, gan_tensor *a, gan_tensor *b);
/* The same for layers: in the place of an operand that nothing else reads, where there is one. */
gan_tensor *gani_add_over(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_mul_over(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_div(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_maximum(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_minimum(gan_tape *tape, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_affine(gan_tape *tape, gan_tensor *x, double factor, double value); /* factor * x + value */
gan_tensor *gani_neg(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_add_scalar(gan_tape *tape, gan_tensor *x, double value);
gan_tensor *gani_pow(gan_tape *tape, gan_tensor *x, double exponent);
gan_tensor *gani_square(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_reciprocal(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_sqrt(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_rsqrt(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_exp(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_log(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_abs(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_clamp(gan_tape *tape, gan_tensor *x, double low, double high);

/* activation.c */
gan_tensor *gani_leaky_relu(gan_tape *tape, gan_tensor *x, double slope); /* ReLU: slope 0 */
gan_tensor *gani_leaky_relu_grad(gan_tape *tape, gan_tensor *x, gan_tensor *g, double slope);
gan_tensor *gani_elu(gan_tape *tape, gan_tensor *x, double alpha);
gan_tensor *gani_tanh(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_sigmoid(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_softplus(gan_tape *tape, gan_tensor *x);

/* softmax.c */
gan_tensor *gani_softmax(gan_tape *tape, gan_tensor *x, int32_t axis);
gan_tensor *gani_log_softmax(gan_tape *tape, gan_tensor *x, int32_t axis);
gan_tensor *gani_logsumexp(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep);

/* reduce.c */
gan_tensor *gani_sum_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep);
gan_tensor *gani_mean_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep);
gan_tensor *gani_sum(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_mean(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_sum_to(gan_tape *tape, gan_tensor *x, gan_shape shape); /* the adjoint of broadcast */

/* reshape.c */
gan_tensor *gani_identity(gan_tape *tape, gan_tensor *x); /* shares the values; a tensor of its own */
gan_tensor *gani_detach(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_watch(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_reshape(gan_tape *tape, gan_tensor *x, gan_shape shape);
gan_tensor *gani_permute(gan_tape *tape, gan_tensor *x, const int32_t *axes);
gan_tensor *gani_broadcast(gan_tape *tape, gan_tensor *x, gan_shape shape);
gan_tensor *gani_slice(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t start, int64_t count);
gan_tensor *gani_concat(gan_tape *tape, gan_tensor *const *xs, int32_t count, int32_t axis);

/* pad.c */
gan_tensor *gani_pad(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t before, int64_t after, gan_pad_mode mode);

/* index.c */
gan_tensor *gani_take(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index);
gan_tensor *gani_gather(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index);
gan_tensor *gani_scatter_add(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index, gan_tensor *source);
gan_tensor *gani_max_axis(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep);
gan_tensor *gani_one_hot(gan_tape *tape, gan_dtype dtype, gan_tensor *labels, int64_t classes);

/* matmul.c */
gan_tensor *gani_matmul(gan_tape *tape, gan_tensor *a, gan_tensor *b, int32_t ta, int32_t tb);
gan_tensor *gani_linear(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias);
int gani_use_lapack(const gan_context *context); /* 1: factorisations are LAPACK's to compute, where there is one */

/* spectral.c; W x or W^T x, as a column, x a contiguous one; records nothing */
gan_tensor *gani_matrix_times(gan_tape *tape, gan_tensor *w, const gan_tensor *x, int32_t transposed);
/* W / sigma, where sigma is u^T W v; u and v: contiguous columns of the tape's, constant, which end with the result's
 * gradient */
gan_tensor *gani_spectral_quotient(gan_tape *tape, gan_tensor *w, gan_tensor *u, gan_tensor *v, double sigma);

/* conv.c; known: decoded options, or NULL for the defaults */
gan_tensor *gani_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                        int64_t padding, const gan_conv_options *known);
gan_tensor *gani_conv_transpose2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                                  int64_t padding, const gan_conv_options *known);

/* y = what a packed weight's kernel makes of x, of y's shape; records nothing */
gan_tensor *gani_conv_packed(gan_tape *tape, gan_tensor *x, const gan_tensor *weight, gan_tensor *bias,
                             const gani_conv_shape *s, int32_t transposed, gan_shape shape);

/* conv_shape.c */
gan_conv_options gani_conv_defaults(void);
/* A linear layer as a convolution of images of one pixel. */
gani_conv_shape gani_linear_shape(int64_t n, int64_t inputs, int64_t outputs);
/* Checks and completes a convolution. Given: kh, kw and c, h, w, o; found: the window's other members and oh, ow. If
 * transposed (the convolution's adjoint, from its output to its input), given: o, oh, ow, c; found: h, w. On failure
 * `text` says what is wrong, without a name before it. */
gan_status gani_conv_infer(gani_conv_shape *s, int32_t transposed, int64_t stride, int64_t padding,
                           const gan_conv_options *known, char text[GANI_MESSAGE_SIZE]);

/* pool.c */
gan_tensor *gani_avg_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding);
gan_tensor *gani_max_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding);
/* Checks and completes a pooling: given all but oh, ow. On failure `text` says what is wrong, without a name before it.
 */
gan_status gani_pool_infer(gani_window *s, char text[GANI_MESSAGE_SIZE]);

/* interpolate.c */
gan_tensor *gani_interpolate2d(gan_tape *tape, gan_tensor *x, int64_t height, int64_t width, gan_interpolation mode);

/* Normalisations apply the leaky ReLU of a slope of 0 or more to their result, or with this slope nothing. */
#define GANI_NO_ACTIVATION 1.0

/* batch_norm.c; mean and var (biased), of C values, are the batch's and not differentiable; both may be NULL */
gan_tensor *gani_batch_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon,
                            double slope, gan_tensor **mean, gan_tensor **var);

/* batch_norm.c; with given statistics (C values each) in place of the batch's */
gan_tensor *gani_batch_norm_fixed(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, gan_tensor *mean,
                                  gan_tensor *var, double epsilon, double slope);

/* batch_norm.c; x cut into `count` runs of neighbours, each made of mean 0 and variance 1 (biased) */
gan_tensor *gani_norm_runs(gan_tape *tape, gan_tensor *x, int64_t count, double epsilon, double slope);

/* norm.c; each item of the batch on its own, biased variance: over a channel's pixels (weight and bias of C values),
 * over all of the item (weight and bias of its shape); weight and bias both NULL: none */
gan_tensor *gani_instance_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon,
                               double slope);
gan_tensor *gani_layer_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon);

/* random.c */
gan_tensor *gani_full(gan_tape *tape, gan_dtype dtype, gan_shape shape, double value);
gan_tensor *gani_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape);
gan_tensor *gani_uniform(gan_tape *tape, gan_dtype dtype, gan_shape shape, double low, double high);
gan_tensor *gani_truncated_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape, double threshold);
gan_tensor *gani_bernoulli(gan_tape *tape, gan_dtype dtype, gan_shape shape, double p);

/* categorical.c */
gan_tensor *gani_categorical(gan_tape *tape, gan_tensor *logits, int32_t axis);

/* registry.c: every operation that can be recorded; tests go through it. Ends with NULL. */
extern const gani_op *const gani_operations[];
/* registry.c: what the gradient walk needs */
extern const gani_basis gani_operations_basis;

/* The largest kernel, stride, padding and dilation of a convolution: keeps the sizes of its working space in range. */
#define GANI_MAX_WINDOW 32768
/* The largest height or width of an image for the operations that look at it as one. */
#define GANI_MAX_MAP ((int64_t)1 << 31)

/* ---- shared by the files of this folder: support.c ---- */

/* 1 if the operation can go on: the tape has not failed and all tensors are float, of one type, of this context and not
 * given back. NULLs are skipped. Otherwise the tape has failed with a message that begins with `name`. */
int gani_op_ready(gan_tape *tape, const char *name, gan_tensor *const *inputs, int32_t count);
/* The same of an operand that holds indices, of type i32; `number`: which operand it is, for the message. */
int gani_index_ready(gan_tape *tape, const char *name, const gan_tensor *index, int32_t number);
/* 1 if the operation can go on with x as N x C x H x W, of which only N is 0. */
int gani_maps_ready(gan_tape *tape, const char *name, gan_tensor *x);
/* Writes one sentence on what is wrong, to put the operation's or layer's name before; returns status. */
gan_status gani_wrong(char text[GANI_MESSAGE_SIZE], gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 1 if x has the axis. */
int gani_axis_ready(gan_tape *tape, const char *name, const gan_tensor *x, int32_t axis);
/* The products of the sizes before and after an axis; 1 and 1 for an empty shape. */
void gani_axis_split(gan_shape shape, int32_t axis, int64_t *outer, int64_t *inner);
/* Copies x into the part of y that begins at index `to` of an axis, or the part of x that begins at `from` into y: the
 * block is of `shape`. */
void gani_copy_block(const gan_tensor *x, int64_t from, gan_tensor *y, int64_t to, int32_t axis, gan_shape shape);
/* The shape that a and b broadcast to; 0 if they do not. */
int gani_broadcast_shape(gan_shape a, gan_shape b, gan_shape *result);
/* Kernels over whole contiguous tensors, on the context's threads. */
void gani_unary(gan_tape *tape, int32_t op, const gan_tensor *x, gan_tensor *y, double p, double q);
void gani_binary_same(gan_tape *tape, int32_t op, const gan_tensor *a, const gan_tensor *b, gan_tensor *y, double p,
                      double q);
/* An operation of two operands that broadcast, with its checks: broadcast.c. _values records nothing;
 * over: it may write its result over an operand that is spare. */
gan_tensor *gani_binary(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *a, gan_tensor *b, double p,
                        double q);
gan_tensor *gani_binary_over(gan_tape *tape, const gani_op *op, int32_t kernel, gan_tensor *a, gan_tensor *b);
gan_tensor *gani_binary_values(gan_tape *tape, const char *name, int32_t kernel, gan_tensor *a, gan_tensor *b, double p,
                               double q, int32_t over);
/* y = sum over the middle axis of x seen as outer x length x inner; raw, contiguous. */
void gani_sum_middle(gan_tape *tape, gan_dtype dtype, int64_t outer, int64_t length, int64_t inner, const void *x,
                     void *y);

/* Elements of one task: large enough to hide the hand-over, small enough to balance. Part of no result: kernels are
 * elementwise, or rows are never cut. */
#define GANI_CHUNK 16384
/* How many rows of so many values fit into `most`, at least 1. */
static inline int64_t gani_rows_within(int64_t most, int64_t row) {
    return row >= most ? 1 : most / (row < 1 ? 1 : row);
}

static inline int64_t gani_count(const gan_tensor *tensor) { return gan_shape_count(tensor->shape); }

extern const gani_op gani_op_add, gani_op_sub, gani_op_mul, gani_op_div, gani_op_maximum, gani_op_minimum,
    gani_op_affine, gani_op_neg, gani_op_add_scalar, gani_op_pow, gani_op_square, gani_op_reciprocal, gani_op_sqrt,
    gani_op_rsqrt, gani_op_exp, gani_op_log, gani_op_abs, gani_op_clamp, gani_op_clamp_grad;
extern const gani_op gani_op_leaky_relu, gani_op_leaky_relu_grad, gani_op_elu, gani_op_elu_grad, gani_op_tanh,
    gani_op_sigmoid, gani_op_softplus;
extern const gani_op gani_op_softmax, gani_op_log_softmax, gani_op_logsumexp;
extern const gani_op gani_op_sum_axes;
extern const gani_op gani_op_identity, gani_op_reshape, gani_op_permute, gani_op_broadcast, gani_op_slice, gani_op_pad,
    gani_op_concat;
extern const gani_op gani_op_take, gani_op_put, gani_op_gather, gani_op_scatter;
extern const gani_op gani_op_matmul, gani_op_linear, gani_op_spectral_quotient;
extern const gani_op gani_op_avg_pool2d, gani_op_avg_pool2d_grad, gani_op_max_pool2d, gani_op_max_pool2d_grad,
    gani_op_max_pool2d_pick, gani_op_interpolate2d, gani_op_interpolate2d_grad;
extern const gani_op gani_op_conv2d, gani_op_conv_transpose2d, gani_op_conv2d_weight_grad;
extern const gani_op gani_op_batch_norm;

#endif
