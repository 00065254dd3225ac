/** @file
 * Differentiable operations. All are sticky (see tape.h), take f32 or f64 tensors of one type, and have derivatives
 * of every order unless a comment says otherwise. Operands may be tensors of the tape, tensors the caller made and
 * parameters of layers; a tensor that the tape has recorded is kept alive by it until reset. Results are borrowed,
 * contiguous tensors of the tape.
 *
 * Errors, on the tape: GAN_E_SHAPE (operands do not fit), GAN_E_DTYPE (not f32 or f64, or mixed), GAN_E_ARGUMENT
 * (NULL, a value out of range, a tensor of another tape or context), GAN_E_STATE (an operand's values were given
 * back), GAN_E_LIMIT, GAN_E_MEMORY. */
#ifndef GAN_OPS_H
#define GAN_OPS_H

#include <gan/tape.h>

GAN_BEGIN_DECLS

/** @name Arithmetic, elementwise
 * Two operands broadcast as in NumPy: shapes are aligned at the last axis, sizes must be equal or 1. Since 0.1.
 * @{ */
GAN_API gan_tensor *gan_add(gan_tape *tape, gan_tensor *a, gan_tensor *b); /**< a + b */
GAN_API gan_tensor *gan_sub(gan_tape *tape, gan_tensor *a, gan_tensor *b); /**< a - b */
GAN_API gan_tensor *gan_mul(gan_tape *tape, gan_tensor *a, gan_tensor *b); /**< a * b */
GAN_API gan_tensor *gan_div(gan_tape *tape, gan_tensor *a, gan_tensor *b); /**< a / b */
/** The larger, the smaller of a and b; NaN if either is. Where they are equal, each gets half of the gradient. */
GAN_API gan_tensor *gan_maximum(gan_tape *tape, gan_tensor *a, gan_tensor *b);
GAN_API gan_tensor *gan_minimum(gan_tape *tape, gan_tensor *a, gan_tensor *b);   /**< see gan_maximum */
GAN_API gan_tensor *gan_neg(gan_tape *tape, gan_tensor *x);                      /**< -x */
GAN_API gan_tensor *gan_scale(gan_tape *tape, gan_tensor *x, double factor);     /**< factor * x */
GAN_API gan_tensor *gan_add_scalar(gan_tape *tape, gan_tensor *x, double value); /**< x + value */
GAN_API gan_tensor *gan_square(gan_tape *tape, gan_tensor *x);                   /**< x * x */
GAN_API gan_tensor *gan_reciprocal(gan_tape *tape, gan_tensor *x);               /**< 1 / x */
GAN_API gan_tensor *gan_sqrt(gan_tape *tape, gan_tensor *x);  /**< square root; its derivative at 0 is infinite */
GAN_API gan_tensor *gan_rsqrt(gan_tape *tape, gan_tensor *x); /**< 1 / sqrt(x) */
GAN_API gan_tensor *gan_exp(gan_tape *tape, gan_tensor *x);   /**< e^x */
GAN_API gan_tensor *gan_log(gan_tape *tape, gan_tensor *x);   /**< natural logarithm */
GAN_API gan_tensor *gan_abs(gan_tape *tape, gan_tensor *x);   /**< |x|; derivative 0 at 0 */
/** x to a finite power; NaN where x < 0 and the exponent is not whole. x^0 is 1, and its derivative 0, for every x; at
 * x = 0 the derivative of a power below 1 is infinite. */
GAN_API gan_tensor *gan_pow(gan_tape *tape, gan_tensor *x, double exponent);
/** min(max(x, low), high), low <= high; derivative 1 where low <= x <= high, else 0. */
GAN_API gan_tensor *gan_clamp(gan_tape *tape, gan_tensor *x, double low, double high);
/** @} */

/** @name Activations. Since 0.1.
 * Elementwise, but for softmax and log_softmax.
 * @{ */
GAN_API gan_tensor *gan_relu(gan_tape *tape, gan_tensor *x);                     /**< max(x, 0); derivative 0 at 0 */
GAN_API gan_tensor *gan_leaky_relu(gan_tape *tape, gan_tensor *x, double slope); /**< x > 0 ? x : slope * x */
/** x > 0 ? x : alpha (e^x - 1), alpha finite; derivative alpha at 0. (Clevert et al. 2016) */
GAN_API gan_tensor *gan_elu(gan_tape *tape, gan_tensor *x, double alpha);
GAN_API gan_tensor *gan_tanh(gan_tape *tape, gan_tensor *x);     /**< hyperbolic tangent */
GAN_API gan_tensor *gan_sigmoid(gan_tape *tape, gan_tensor *x);  /**< 1 / (1 + e^-x) */
GAN_API gan_tensor *gan_softplus(gan_tape *tape, gan_tensor *x); /**< log(1 + e^x), without overflow */
/** e^x / sum of e^x along one axis. Nothing overflows: the largest value is subtracted first. An axis of size 0 is
 * GAN_E_SHAPE. */
GAN_API gan_tensor *gan_softmax(gan_tape *tape, gan_tensor *x, int32_t axis);
/** The logarithm of gan_softmax, finite also where that is too small for its type. */
GAN_API gan_tensor *gan_log_softmax(gan_tape *tape, gan_tensor *x, int32_t axis);
/** @} */

/** @name Reductions. Since 0.1.
 * A sum over nothing is 0; a mean, maximum or logsumexp over nothing is GAN_E_SHAPE. With keep != 0 the axes that are
 * reduced stay, with size 1.
 * @{ */
GAN_API gan_tensor *gan_sum(gan_tape *tape, gan_tensor *x);  /**< over all elements: a scalar (rank 0) */
GAN_API gan_tensor *gan_mean(gan_tape *tape, gan_tensor *x); /**< over all elements: a scalar (rank 0) */
/** Over the axes whose bit is set in `axes` (bit 0: the outermost). */
GAN_API gan_tensor *gan_sum_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep);
/** Mean over axes, chosen as in gan_sum_axes. */
GAN_API gan_tensor *gan_mean_axes(gan_tape *tape, gan_tensor *x, uint32_t axes, int32_t keep);
/** The largest value along one axis; a NaN counts as larger than any number. The gradient goes to the first of the
 * largest. */
GAN_API gan_tensor *gan_max_axis(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep);
/** log of the sum of e^x along one axis, without overflow. */
GAN_API gan_tensor *gan_logsumexp(gan_tape *tape, gan_tensor *x, int32_t axis, int32_t keep);
/** @} */

/** @name Shape. Since 0.1.
 * @{ */
/** The same elements, row-major, in other sizes of the same count. One size may be -1: it is computed. Shares the
 * values (copies only a view that is not contiguous). */
GAN_API gan_tensor *gan_reshape(gan_tape *tape, gan_tensor *x, gan_shape shape);
/** Axis i of the result is axis axes[i] of x; `axes` holds as many entries as x has axes. */
GAN_API gan_tensor *gan_permute(gan_tape *tape, gan_tensor *x, const int32_t *axes);
/** Repeats x along missing axes and axes of size 1, as NumPy's broadcast_to. */
GAN_API gan_tensor *gan_broadcast(gan_tape *tape, gan_tensor *x, gan_shape shape);
/** Indices [start, start + count) of one axis. */
GAN_API gan_tensor *gan_slice(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t start, int64_t count);

/** What stands in the elements that padding adds. Since 0.1. */
typedef int32_t gan_pad_mode;
#define GAN_PAD_ZERO 0      /**< 0 */
#define GAN_PAD_REFLECT 1   /**< the axis mirrored at its first and last element, which are not repeated: c b a b c */
#define GAN_PAD_REPLICATE 2 /**< the first and the last element */

/** x with `before` and `after` elements added at the ends of one axis. GAN_PAD_REFLECT needs an axis longer than either
 * number, GAN_PAD_REPLICATE one that is not empty: GAN_E_SHAPE. */
GAN_API gan_tensor *gan_pad(gan_tape *tape, gan_tensor *x, int32_t axis, int64_t before, int64_t after,
                            gan_pad_mode mode);
/** Joins `count` tensors (1 to 64), equal in all other sizes, along one axis. */
GAN_API gan_tensor *gan_concat(gan_tape *tape, gan_tensor *const *xs, int32_t count, int32_t axis);
/** @} */

/** @name Indices. Since 0.1.
 * `index` and `labels` are i32 tensors; an index out of range is GAN_E_ARGUMENT, with a message that says where it
 * stands. (There are no negative indices.) Nothing is differentiated with respect to them. The tape keeps them like
 * any operand: changing them before the gradient is GAN_E_STATE.
 * @{ */
/** The elements of one axis that are named by `index`, as numpy.take: y[.., i, ..] = x[.., index[i], ..]. The axis is
 * replaced by the axes of `index`, which may have any shape, and at most 8 axes come out. A table of embeddings, looked
 * up: gan_take(tape, table, 0, words). */
GAN_API gan_tensor *gan_take(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index);
/** An element of one axis for each index, as torch.gather: along axis 0 of a matrix y[i][j] = x[index[i][j]][j]. The
 * index has as many axes as x and, along the others, at most their sizes; the result has its shape. */
GAN_API gan_tensor *gan_gather(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index);
/** x with elements of `source` added where the index says, as torch.scatter_add: along axis 0 of a matrix
 * y[index[i][j]][j] += source[i][j]. Sizes of the index are at most those of source, and those of x along the other
 * axes. What goes to one element is summed in the order of the axis, on any number of threads. */
GAN_API gan_tensor *gan_scatter_add(gan_tape *tape, gan_tensor *x, int32_t axis, gan_tensor *index, gan_tensor *source);
/** 1 at the place of each label and 0 elsewhere: of the labels' shape (up to 7 axes) with an axis of `classes` (1 or
 * more) sizes behind it. dtype: f32 or f64. */
GAN_API gan_tensor *gan_one_hot(gan_tape *tape, gan_dtype dtype, gan_tensor *labels, int64_t classes);
/** @} */

/** Matrix product op(a) op(b), where op transposes the last two axes if the flag is not 0; op(a): .. x M x K, op(b):
 * .. x K x N, of rank 2 or more. The axes before these broadcast, as in numpy.matmul: one product for each of their
 * elements. Since 0.1. */
GAN_API gan_tensor *gan_matmul(gan_tape *tape, gan_tensor *a, gan_tensor *b, int32_t transpose_a, int32_t transpose_b);
/** x W^T + bias: x: N x I, weight: O x I, bias: O or NULL; gives N x O. Since 0.1. */
GAN_API gan_tensor *gan_linear(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias);

/** Options of gan_conv2d and gan_conv_transpose2d. All sizes are in pixels. Since 0.1. */
typedef struct gan_conv_options {
    size_t struct_size;
    int64_t stride_w;         /**< stride along the width; -1 (default): as along the height */
    int64_t padding_w;        /**< padding left and right; -1 (default): as above and below */
    int64_t dilation;         /**< distance of neighbouring taps of the kernel, 1 (default) to 32768 */
    int64_t dilation_w;       /**< the same along the width; -1 (default): as along the height */
    int64_t groups;           /**< 1 (default) or more, divides I and O: the channels fall in so many groups of
                                   neighbours, each convolved by itself. groups = I: a depthwise convolution */
    int64_t output_padding;   /**< transposed convolution only: rows added at the end, 0 (default) to the larger of
                                   stride and dilation, less 1 */
    int64_t output_padding_w; /**< the same for columns; -1 (default): as for rows */
} gan_conv_options;
GAN_API void gan_conv_options_init_sized(gan_conv_options *options, size_t size);
#define gan_conv_options_init(options) gan_conv_options_init_sized((options), sizeof *(options))

/** 2-D cross-correlation, as PyTorch's conv2d.
 * x: N x I x H x W; weight: O x I / groups x KH x KW; bias: O, or NULL. stride 1 to 32768, padding 0 to 32768 (zeros on
 * each side); options: NULL for the defaults. Gives N x O x OH x OW with
 * OH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1, OW alike. Only N may be 0. Since 0.1. */
GAN_API gan_tensor *gan_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, int64_t stride,
                               int64_t padding, const gan_conv_options *options);
/** 2-D transposed convolution, the adjoint of gan_conv2d in x, as PyTorch's conv_transpose2d.
 * x: N x I x H x W; weight: I x O / groups x KH x KW; bias: O, or NULL. Gives N x O x OH x OW with
 * OH = (H - 1) stride - 2 padding + dilation (KH - 1) + 1 + output_padding, OW alike. Ranges as for gan_conv2d. Only N
 * may be 0. Since 0.1. */
GAN_API gan_tensor *gan_conv_transpose2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                                         int64_t stride, int64_t padding, const gan_conv_options *options);

/** Mean of windows, as PyTorch's avg_pool2d: positions in the padding count as zeros, the divisor is always kernel^2.
 * x: N x C x H x W; kernel and stride 1 to 32768, padding 0 to kernel / 2, in pixels. Gives N x C x OH x OW with
 * OH = floor((H + 2 padding - kernel) / stride) + 1, OW alike. Only N may be 0. Since 0.1. */
GAN_API gan_tensor *gan_avg_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding);
/** Largest value of windows, as PyTorch's max_pool2d: positions in the padding are never the largest. A window with a
 * NaN gives NaN. The gradient goes to the first of several largest, in rows from the top. Sizes as for
 * gan_avg_pool2d, and H W below 2^31. Since 0.1. */
GAN_API gan_tensor *gan_max_pool2d(gan_tape *tape, gan_tensor *x, int64_t kernel, int64_t stride, int64_t padding);

/** How gan_interpolate2d finds a pixel of the result. Since 0.1. */
typedef int32_t gan_interpolation;
#define GAN_NEAREST 0          /**< the pixel at floor(i H / OH), the product in single precision as PyTorch's */
#define GAN_BILINEAR 1         /**< between the four nearest; images share their outer edges (align_corners = False) */
#define GAN_BILINEAR_CORNERS 2 /**< the same; centres of the corner pixels coincide (align_corners = True) */

/** Resamples images to another size, as PyTorch's F.interpolate with size = (height, width) and without antialiasing.
 * x: N x C x H x W; height, width 1 to 2^31; gives N x C x height x width. Only N may be 0. Since 0.1. */
GAN_API gan_tensor *gan_interpolate2d(gan_tape *tape, gan_tensor *x, int64_t height, int64_t width,
                                      gan_interpolation mode);

/** Normalisation of a batch by its own statistics (Ioffe, Szegedy 2015, algorithm 1): per channel c,
 * (x - mean) / sqrt(variance + epsilon) * weight + bias with the biased variance.
 * x: N x C or N x C x ...; weight, bias: C each, or both NULL; epsilon > 0. At least two values a channel, else
 * GAN_E_SHAPE. gan_add_batch_norm (parts.h) adds running statistics. Since 0.1. */
GAN_API gan_tensor *gan_batch_norm(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias, double epsilon);

/** @name Random tensors (f32, f64): no gradient; take numbers from GAN_STREAM_NOISE of the tape's context, and move
 * it. Since 0.1.
 * @{ */
/** Normal, mean 0, standard deviation 1. */
GAN_API gan_tensor *gan_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape);
/** Uniform in (low, high), low <= high. */
GAN_API gan_tensor *gan_uniform(gan_tape *tape, gan_dtype dtype, gan_shape shape, double low, double high);
/** Normal, mean 0 and standard deviation 1 before the truncation, but only values from -threshold to threshold, 0 <
 * threshold: latent vectors for BigGAN's truncation trick (Brock et al. 2019, section 3.1), which draws values beyond
 * the threshold again; by the inverse of the distribution function, one random number an element. The same draws in f32
 * and f64. */
GAN_API gan_tensor *gan_truncated_normal(gan_tape *tape, gan_dtype dtype, gan_shape shape, double threshold);
/** 1 with probability p, 0 to 1, else 0. The same draws in f32 and f64; p counts to 2^-32. */
GAN_API gan_tensor *gan_bernoulli(gan_tape *tape, gan_dtype dtype, gan_shape shape, double p);
/** Draws from distributions: along the axis stand logits (f32, f64), and each such line gives one index, i32, with
 * probability softmax(logits). Its shape is that of the logits without the axis. A logit of -infinity is never drawn.
 * One number of the stream a draw, to 2^-32, the same in f32 and f64. For several draws from one distribution,
 * gan_broadcast it first; for one of two by a logit, put it beside a 0. GAN_E_ARGUMENT: a logit is NaN or +infinity, or
 * all are -infinity. Since 0.1. */
GAN_API gan_tensor *gan_categorical(gan_tape *tape, gan_tensor *logits, int32_t axis);
/** @} */

/** A tensor (f32, f64) with all elements `value`; it has no gradient. Since 0.1. */
GAN_API gan_tensor *gan_full(gan_tape *tape, gan_dtype dtype, gan_shape shape, double value);

GAN_END_DECLS

#endif
