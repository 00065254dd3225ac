/** @file
 * The parts of networks: the layers that a builder adds (builder.h), and the forms that their weights can have.
 * docs/parts.md has them in tables. */
#ifndef GAN_PARTS_H
#define GAN_PARTS_H

#include <gan/builder.h>

GAN_BEGIN_DECLS

/** @name Forms of a weight
 * How the weight W that a layer uses is made of what it stores. Every form works for linear layers, convolutions,
 * transposed convolutions and embeddings. The matrix of a weight is outputs x rest: axis 0 of a weight against all
 * others, of a transposed convolution axis 1, of an embedding count x size. Names and shapes of what is stored are
 * those of torch.nn.utils (of spectral_norm and weight_norm there; what torch.nn.utils.parametrizations calls
 * otherwise is found when a file is read). What is called a buffer is no parameter: it is not trained and not counted,
 * but saved, resumed, cloned and copied to averages. Sessions compute W once. Since 0.1.
 * @{ */
typedef int32_t gan_weight_form;
#define GAN_WEIGHT_PLAIN 0 /**< W = "weight" */
/** Spectral norm (Miyato et al. 2018, eq. 8 and algorithm 1): W = "weight_orig" / sigma with sigma = u^T weight_orig v,
 * the largest singular value of the matrix; gradients pass through sigma, with u and v constant. Buffers "weight_u",
 * "weight_v". Each forward pass in training mode does power_iterations times v = unit(W^T u), u = unit(W v) before:
 * once more for each time that a network is applied in a step, as PyTorch does. In evaluation mode u and v stay as they
 * are. Initialisers begin with a random u and 15 iterations. A matrix of zeros gives NaN. */
#define GAN_WEIGHT_SPECTRAL_NORM 1
/** Spectral regularisation (Liu et al. 2019), differentiable: W = (W_orig + sum over k of d_k u_k v_k^T) / sigma_1, d_k
 * = g_k sigma_1 - sigma_k for those singular values that `compensation` names, with u_k, v_k and g_k constant; from the
 * whole singular value decomposition of "weight_orig", in each forward pass. Values below 1e-10 sigma_1 are left alone.
 * (What the authors' code does is GAN_WEIGHT_SPECTRAL_NORM with a compensation, and gan_layer_compensate.) */
#define GAN_WEIGHT_SPECTRAL_REGULARIZATION 2
/** Weight normalisation (Salimans and Kingma 2016, eq. 2): W = "weight_g" "weight_v" / |weight_v|, the norm for each
 * output. Initialisers act on weight_v and set weight_g to its norm: W is weight_v then. See gan_layer_init_from_data.
 * A transposed convolution must have 1 group. */
#define GAN_WEIGHT_NORM 3
/** Equalised learning rate (Karras et al. 2018, section 4.1): W = multiplier gain / sqrt(fan_in) "weight", and the bias
 * is multiplied by `multiplier`. fan_in: the products that an output is a sum of; of an embedding 1. All initialisers
 * make weight N(0, 1 / multiplier) and the bias 0. */
#define GAN_WEIGHT_EQUALIZED 4
/** @} */

/** Which singular values of a weight are lifted, k from 1 on, and to what share g_k of the largest. Since 0.1. */
typedef int32_t gan_compensation;
#define GAN_COMPENSATION_NONE 0
#define GAN_COMPENSATION_STATIC 1 /**< the first `compensated`, to 1 */
/** All, to the largest that sigma_k / sigma_1 was so far: buffer "weight_gamma", which moves in training mode
 * (or with gan_layer_compensate). */
#define GAN_COMPENSATION_DYNAMIC 2

/** Options of linear, convolution and transposed convolution layers and of embeddings. From output_padding to
 * output_padding_w they are for convolutions only; the functions that add those take kernel, stride and padding along
 * the height. Since 0.1. */
typedef struct gan_weight_options {
    size_t struct_size;
    int32_t bias; /**< 1 (default): with bias; embeddings have none, whatever it says */
    int32_t reserved;
    int64_t output_padding;   /**< transposed convolution only: rows added at the end, as in gan_conv_options */
    int64_t kernel_w;         /**< kernel's width; -1 (default): as wide as high */
    int64_t stride_w;         /**< stride along the width; -1 (default): as along the height */
    int64_t padding_w;        /**< padding left and right; -1 (default): as above and below */
    int64_t dilation;         /**< distance of neighbouring taps of the kernel, 1 (default) to 32768 */
    int64_t dilation_w;       /**< the same along the width; -1 (default): as along the height */
    int64_t groups;           /**< 1 (default) or more: divides both channel counts, see gan_conv_options */
    int64_t output_padding_w; /**< columns added at the end; -1 (default): as rows */
    gan_weight_form form;     /**< GAN_WEIGHT_..., default GAN_WEIGHT_PLAIN */
    /** GAN_COMPENSATION_..., default none; for the spectral norm (gan_layer_compensate) and spectral regularisation */
    gan_compensation compensation;
    int64_t power_iterations; /**< of the spectral norm, 1 (default) to 1000 */
    int64_t compensated;      /**< static: so many singular values, 1 to all; -1 (default): half of them, at least 1 */
    double epsilon;           /**< unit(x) = x / max(|x|, epsilon); > 0, default 1e-12 */
    double gain;              /**< of an equalised weight; > 0, default sqrt 2 */
    double multiplier;        /**< of an equalised weight and its bias; > 0, default 1 */
} gan_weight_options;
GAN_API void gan_weight_options_init_sized(gan_weight_options *options, size_t size);
#define gan_weight_options_init(options) gan_weight_options_init_sized((options), sizeof *(options))

/** The projection of spectral regularisation as its authors' code has it (Liu et al. 2019): of each layer with a
 * GAN_WEIGHT_SPECTRAL_NORM and a compensation, networks inside included, the singular values of weight_orig are
 * replaced. Static: by sigma_k / sigma_1, the first `compensated` by 1. Dynamic: by gamma_k sigma_1, with gamma_k the
 * largest of sigma_k / sigma_1 so far; the first call only notes these. Call it after an optimizer step, every few
 * steps; the tape lends working space. u, v and the optimizer's moments stay as they are, and frozen weights do.
 * Errors: GAN_E_ARGUMENT (no such layer), GAN_E_MEMORY (those before are done), what the tape failed of before; the
 * tape keeps them too. Since 0.1. */
GAN_API gan_status gan_layer_compensate(gan_tape *tape, gan_layer *layer);

/** @name Layers to add
 * Shapes are given without the batch axis. Parameters are named as in PyTorch's Sequential: the layer's position, a
 * dot, and the name below, e.g. "3.weight". Kernel, stride and padding are in pixels, the same for both axes unless
 * the options tell the width's; 1 (padding: 0) to 32768. Since 0.1.
 * @{ */
/** I -> outputs. "weight" outputs x I, "bias" outputs. The input must have rank 1. */
GAN_API void gan_add_linear(gan_builder *builder, int64_t outputs, const gan_weight_options *options);
/** I x H x W -> channels x OH x OW, sizes as gan_conv2d. "weight" channels x I / groups x kernel x kernel_w, "bias"
 * channels. */
GAN_API void gan_add_conv2d(gan_builder *builder, int64_t channels, int64_t kernel, int64_t stride, int64_t padding,
                            const gan_weight_options *options);
/** I x H x W -> channels x OH x OW, sizes as gan_conv_transpose2d. "weight" I x channels / groups x kernel x
 * kernel_w, "bias" channels. */
GAN_API void gan_add_conv_transpose2d(gan_builder *builder, int64_t channels, int64_t kernel, int64_t stride,
                                      int64_t padding, const gan_weight_options *options);

/** Options of batch normalisation. Since 0.1. */
typedef struct gan_batch_norm_options {
    size_t struct_size;
    double momentum;             /**< running = (1 - momentum) running + momentum batch; in [0, 1], default 0.1 */
    double epsilon;              /**< added to the variance; > 0, default 1e-5 */
    int32_t affine;              /**< 1 (default): with weight and bias */
    int32_t track_running_stats; /**< 1 (default); 0: batch statistics in evaluation too */
} gan_batch_norm_options;
GAN_API void gan_batch_norm_options_init_sized(gan_batch_norm_options *options, size_t size);
#define gan_batch_norm_options_init(options) gan_batch_norm_options_init_sized((options), sizeof *(options))
/** C or C x H x W, kept. "weight", "bias", "running_mean", "running_var": C each. In training mode: batch statistics,
 * and each forward moves the running ones (with the unbiased variance, as PyTorch does); in evaluation mode: running
 * statistics. */
GAN_API void gan_add_batch_norm(gan_builder *builder, const gan_batch_norm_options *options);

/** Options of instance normalisation. Since 0.1. */
typedef struct gan_instance_norm_options {
    size_t struct_size;
    double epsilon; /**< added to the variance; > 0, default 1e-5 */
    int32_t affine; /**< 0 (default); 1: with weight and bias */
    int32_t reserved;
} gan_instance_norm_options;
GAN_API void gan_instance_norm_options_init_sized(gan_instance_norm_options *options, size_t size);
#define gan_instance_norm_options_init(options) gan_instance_norm_options_init_sized((options), sizeof *(options))
/** C x H x W (or C x L), kept: (x - mean) / sqrt(variance + epsilon) over the H x W values of each item and channel,
 * with the biased variance, in both modes (Ulyanov et al. 2016; PyTorch's InstanceNorm2d, which has no running
 * statistics either unless asked). With affine: "weight", "bias": C each. More than one value a channel is needed, else
 * GAN_E_SHAPE. */
GAN_API void gan_add_instance_norm(gan_builder *builder, const gan_instance_norm_options *options);

/** Options of layer normalisation. Since 0.1. */
typedef struct gan_layer_norm_options {
    size_t struct_size;
    double epsilon; /**< added to the variance; > 0, default 1e-5 */
    int32_t affine; /**< 1 (default): with weight and bias */
    int32_t reserved;
} gan_layer_norm_options;
GAN_API void gan_layer_norm_options_init_sized(gan_layer_norm_options *options, size_t size);
#define gan_layer_norm_options_init(options) gan_layer_norm_options_init_sized((options), sizeof *(options))
/** Any shape, kept: the same over all values of each item (Ba et al. 2016; PyTorch's LayerNorm of the whole input
 * shape). "weight", "bias": the input's shape each. More than one value is needed, else GAN_E_SHAPE. */
GAN_API void gan_add_layer_norm(gan_builder *builder, const gan_layer_norm_options *options);
GAN_API void gan_add_relu(gan_builder *builder);                     /**< gan_relu; any shape, kept */
GAN_API void gan_add_leaky_relu(gan_builder *builder, double slope); /**< gan_leaky_relu; any shape, kept */
GAN_API void gan_add_tanh(gan_builder *builder);                     /**< gan_tanh; any shape, kept */
GAN_API void gan_add_sigmoid(gan_builder *builder);                  /**< gan_sigmoid; any shape, kept */
GAN_API void gan_add_softplus(gan_builder *builder);                 /**< gan_softplus; any shape, kept */
GAN_API void gan_add_elu(gan_builder *builder, double alpha);        /**< gan_elu; any shape, kept */
/** max(x, 0) + a min(x, 0) with a learned slope a (He et al. 2015, arXiv 1502.01852, eq. 1; PyTorch's PReLU); any
 * shape, kept. count: 1 for all values, or as many as there are channels (the first axis), one for each. "weight":
 * count, `slope` at first, which is finite: 0.25 in the paper. At 0 the derivative is a. Errors: GAN_E_ARGUMENT. Since
 * 0.1. */
GAN_API void gan_add_prelu(gan_builder *builder, int64_t count, double slope);
/** gan_softmax over the first axis (channels), for each pixel; any shape of rank 1 or more, kept. */
GAN_API void gan_add_softmax(gan_builder *builder);
/** gan_log_softmax over the first axis (channels), for each pixel; any shape of rank 1 or more, kept. */
GAN_API void gan_add_log_softmax(gan_builder *builder);
/** F pieces x ... -> F x ...: along the first axis, unit f is the largest of inputs f pieces to f pieces + pieces - 1,
 * for each pixel (Goodfellow et al. 2013). pieces >= 1 divides the input's first size. */
GAN_API void gan_add_maxout(gan_builder *builder, int64_t pieces);
/** Any shape, kept. In training mode each value becomes 0 with probability p, in [0, 1], and x / (1 - p) otherwise
 * (Srivastava et al. 2014), by random numbers of GAN_STREAM_NOISE; in evaluation mode x. */
GAN_API void gan_add_dropout(gan_builder *builder, double p);
/** The same of whole channels: one random number for each item and first index (Tompson et al. 2015; PyTorch's
 * Dropout2d), since neighbouring pixels would tell what a single one had. */
GAN_API void gan_add_dropout2d(gan_builder *builder, double p);
/** Indices of shape S -> S x size: row i of a table for index i. "weight" count x size, N(0, 1) by default. The current
 * point must be an input of indices (gan_builder_begin_indices, gan_builder_input_indices) with a limit of at most
 * count. */
GAN_API void gan_add_embedding(gan_builder *builder, int64_t count, int64_t size);
/** The same with options, of which `form` and what belongs to it count. */
GAN_API void gan_add_embedding_with(gan_builder *builder, int64_t count, int64_t size,
                                    const gan_weight_options *options);

/** Options of self-attention. Since 0.1. */
typedef struct gan_self_attention_options {
    size_t struct_size;
    /** of the convolutions of 1 x 1, whose kernel, stride, padding, dilation and groups are as by default; NULL
     * (default): plain ones without bias. The paper's have a spectral norm and no bias. Read during the call only. */
    const gan_weight_options *weights;
    int64_t key_channels;   /**< of queries and keys; -1 (default): C / 8, at least 1 */
    int64_t value_channels; /**< -1 (default): C / 2, at least 1; without `output` C */
    int64_t pool;           /**< keys and values are maxima of pool x pool places; 2 (default); 1: all places */
    int32_t output;         /**< 1 (default): with the convolution v; 0: the mixed values are o, value_channels is C */
    int32_t reserved;
} gan_self_attention_options;
GAN_API void gan_self_attention_options_init_sized(gan_self_attention_options *options, size_t size);
#define gan_self_attention_options_init(options) gan_self_attention_options_init_sized((options), sizeof *(options))
/** C x H x W, kept: self-attention (Zhang et al. 2019, eq. 1 to 3), y = x + gamma o. With the places of a map in a row,
 * query = f(x), key = pool(g(x)), value = pool(h(x)), which are convolutions of 1 x 1, and A = softmax(query^T key)
 * over the keys, o = v(value A^T), another convolution of 1 x 1. A takes H W x H W / pool^2 numbers an item. The
 * default is the authors' code (keys and values pooled by 2, values of C / 2 channels); the paper's formula is pool 1,
 * value_channels C / 8. It is a network inside: its tensors are "0.weight" (f), "1.weight" (g), "N.weight" (h),
 * "M.weight" (v) behind the layer's position, with N = 3 and M = 6 where it pools and N = 2 and M = 4 where it does
 * not, and "gamma" of the part behind v, which is 0 at first: y is x then. Errors: GAN_E_SHAPE (no map), GAN_E_ARGUMENT
 * (options). */
GAN_API void gan_add_self_attention(gan_builder *builder, const gan_self_attention_options *options);
/** C x H x W -> C x (top + H + bottom) x (left + W + right): more pixels at the edges, as gan_pad; PyTorch's ZeroPad2d,
 * ReflectionPad2d and ReplicationPad2d, in their order of arguments. Each 0 to 32768; reflected ones below the size. */
GAN_API void gan_add_pad2d(gan_builder *builder, int64_t left, int64_t right, int64_t top, int64_t bottom,
                           gan_pad_mode mode);
/** C x H x W -> C x factor H x factor W: gan_interpolate2d, PyTorch's Upsample. factor 1 to 32768. */
GAN_API void gan_add_upsample(gan_builder *builder, int64_t factor, gan_interpolation mode);
/** C x H x W -> C x OH x OW: gan_avg_pool2d, with its sizes and limits. */
GAN_API void gan_add_avg_pool2d(gan_builder *builder, int64_t kernel, int64_t stride, int64_t padding);
/** C x H x W -> C x OH x OW: gan_max_pool2d, with its sizes and limits. */
GAN_API void gan_add_max_pool2d(gan_builder *builder, int64_t kernel, int64_t stride, int64_t padding);
/** C x H x W -> C: the mean of each channel. */
GAN_API void gan_add_global_avg_pool(gan_builder *builder);
/** Other sizes, same count; the batch axis stays. */
GAN_API void gan_add_reshape(gan_builder *builder, gan_shape shape);
/** All axes but the batch into one. */
GAN_API void gan_add_flatten(gan_builder *builder);
/** The current point plus a named one (or an input) of the same shape, elementwise. */
GAN_API void gan_add_sum(gan_builder *builder, const char *name);
/** The current point times a named one (or an input) of the same shape, elementwise. */
GAN_API void gan_add_product(gan_builder *builder, const char *name);
/** The current point and a named one, joined along the first axis (channels). */
GAN_API void gan_add_concat(gan_builder *builder, const char *name);
/** @} */

/** @name Layers of ProGAN and StyleGAN
 * Karras et al. 2018 (arXiv 1710.10196) and 2019 (arXiv 1812.04948), and what others of their kind use. Differentiable
 * to every order, as all layers. Names of tensors as above. Errors are the builder's: GAN_E_SHAPE (an input that does
 * not fit), GAN_E_ARGUMENT (an option out of range, a name that is not there), GAN_E_UNSUPPORTED (options). Since 0.1.
 * @{ */
/** Options of pixel normalisation. Since 0.1. */
typedef struct gan_pixel_norm_options {
    size_t struct_size;
    double epsilon; /**< added to the mean of squares; > 0, default 1e-8 */
} gan_pixel_norm_options;
GAN_API void gan_pixel_norm_options_init_sized(gan_pixel_norm_options *options, size_t size);
#define gan_pixel_norm_options_init(options) gan_pixel_norm_options_init_sized((options), sizeof *(options))
/** C or C x H x W, kept: x / sqrt(mean over channels of x^2 + epsilon), for each pixel (ProGAN, section 4.2). */
GAN_API void gan_add_pixel_norm(gan_builder *builder, const gan_pixel_norm_options *options);

#define GAN_WHOLE_BATCH 0 /**< a group of all items there are */
/** Options of the minibatch standard deviation. Since 0.1. */
typedef struct gan_minibatch_std_options {
    size_t struct_size;
    int64_t group;  /**< items a group, 1 or more, default 4, the batch if that is smaller; or GAN_WHOLE_BATCH */
    double epsilon; /**< added to the variance; > 0, default 1e-8 */
} gan_minibatch_std_options;
GAN_API void gan_minibatch_std_options_init_sized(gan_minibatch_std_options *options, size_t size);
#define gan_minibatch_std_options_init(options) gan_minibatch_std_options_init_sized((options), sizeof *(options))
/** C or C x H x W -> C + 1 or C + 1 x H x W (ProGAN, section 3): for each group of G items of the batch the standard
 * deviation sqrt(variance + epsilon) over the group (biased) of each value, and the mean of these: one number, which
 * becomes one more channel of all items of the group. With B items there are M = B / G groups, and group m has items m,
 * M + m, 2 M + m ... G is the smaller of `group` and B. A forward pass with a batch that is no multiple of G, or empty,
 * fails: GAN_E_SHAPE. The same in both modes. */
GAN_API void gan_add_minibatch_std(gan_builder *builder, const gan_minibatch_std_options *options);

/** Options of adaptive instance normalisation. Since 0.1. */
typedef struct gan_adaptive_instance_norm_options {
    size_t struct_size;
    double epsilon; /**< added to the variance; > 0, default 1e-8 */
    int32_t
        one_plus; /**< 1 (default): the scale is 1 + s, as the authors' program has it; 0: s, as the paper's eq. 8 */
    int32_t reserved;
} gan_adaptive_instance_norm_options;
GAN_API void gan_adaptive_instance_norm_options_init_sized(gan_adaptive_instance_norm_options *options, size_t size);
#define gan_adaptive_instance_norm_options_init(options)                                                               \
    gan_adaptive_instance_norm_options_init_sized((options), sizeof *(options))
/** C x H x W, kept (StyleGAN, eq. 8; Huang and Belongie 2017): (1 + s) (x - mean) / sqrt(variance + epsilon) + t, mean
 * and variance (biased) over the H x W values of each item and channel, more than one. `style` names a point of 2 C
 * values, s for each channel and then t for each channel: usually gan_add_linear of an intermediate latent vector
 * (bias 0 where the scale is 1 + s; 1 for s and 0 for t where it is s). A layer of StyleGAN's:
 * @code
 * gan_builder *b = gan_builder_begin(context, gan_shape_1d(512));
 * gan_add_linear(b, 2 * 64, NULL);
 * gan_builder_label(b, "style");
 * gan_add_constant(b, gan_shape_3d(64, 4, 4));
 * gan_add_adaptive_instance_norm(b, "style", NULL);
 * status = gan_builder_end(&generator, b);
 * @endcode */
GAN_API void gan_add_adaptive_instance_norm(gan_builder *builder, const char *style,
                                            const gan_adaptive_instance_norm_options *options);

/** Which random numbers a layer adds. Since 0.1. */
typedef int32_t gan_noise_mode;
#define GAN_NOISE_NONE 0  /**< none: the input is the result */
#define GAN_NOISE_FRESH 1 /**< new ones in each forward pass, from GAN_STREAM_NOISE */
#define GAN_NOISE_FIXED 2 /**< those of a buffer */
/** Options of noise injection. Since 0.1. */
typedef struct gan_noise_injection_options {
    size_t struct_size;
    /** In evaluation mode; default GAN_NOISE_FIXED. In training mode noise is fresh. With fresh noise in evaluation an
     * image depends on more than its latent vector, and pictures of a run move the stream that its training draws from;
     * a session draws the same noise in each of its calls. */
    gan_noise_mode evaluation;
    int32_t per_channel; /**< 1 (default): a weight for each channel (StyleGAN); 0: one for all (StyleGAN 2) */
} gan_noise_injection_options;
GAN_API void gan_noise_injection_options_init_sized(gan_noise_injection_options *options, size_t size);
#define gan_noise_injection_options_init(options) gan_noise_injection_options_init_sized((options), sizeof *(options))
/** C x H x W, kept (StyleGAN, section 2): x + weight noise, where noise is one image of normal numbers an item, the
 * same for all its channels. "weight" C or 1, 0 at first. With GAN_NOISE_FIXED in evaluation: "noise" H x W, a buffer,
 * one image for all items, drawn from N(0, 1) with the initial weights. */
GAN_API void gan_add_noise_injection(gan_builder *builder, const gan_noise_injection_options *options);

/** Options of Gaussian noise. Since 0.1. */
typedef struct gan_gaussian_noise_options {
    size_t struct_size;
    gan_noise_mode evaluation; /**< in evaluation mode: GAN_NOISE_NONE (default) or GAN_NOISE_FRESH */
    int32_t reserved;
} gan_gaussian_noise_options;
GAN_API void gan_gaussian_noise_options_init_sized(gan_gaussian_noise_options *options, size_t size);
#define gan_gaussian_noise_options_init(options) gan_gaussian_noise_options_init_sized((options), sizeof *(options))
/** Any shape, kept: x + deviation n in training mode, n normal and independent for each value (Salimans et al. 2016,
 * whose discriminators begin each layer with it); in evaluation mode x, unless the options say otherwise. deviation >=
 * 0. */
GAN_API void gan_add_gaussian_noise(gan_builder *builder, double deviation, const gan_gaussian_noise_options *options);

/** Options of a blur. Since 0.1. */
typedef struct gan_blur_options {
    size_t struct_size;
    int64_t count;     /**< of taps, 1 to 8, default 3 */
    int64_t stride;    /**< in pixels, 1 (default) to 32768 */
    int64_t before;    /**< zeros above and to the left, 0 to 32768; -1 (default): count / 2, rounded down */
    int64_t after;     /**< zeros below and to the right; -1 (default): (count - 1) / 2, rounded down */
    int32_t normalise; /**< 1 (default): the taps are divided by their sum, which is not 0; 0: they are as they are */
    int32_t reserved;
    double taps[8]; /**< the first `count` of them; default 1, 2, 1 */
} gan_blur_options;
GAN_API void gan_blur_options_init_sized(gan_blur_options *options, size_t size);
#define gan_blur_options_init(options) gan_blur_options_init_sized((options), sizeof *(options))
/** C x H x W -> C x OH x OW: each channel convolved (not mirrored) with the outer product of the taps with themselves,
 * zeros around: by default the [1 2 1] x [1 2 1] / 16 of StyleGAN, which keeps the size and is its own adjoint.
 * OH = floor((H + before + after - count) / stride) + 1, OW alike. */
GAN_API void gan_add_blur(gan_builder *builder, const gan_blur_options *options);
/** I x H x W -> channels x 2 H x 2 W: gan_add_upsample(2, GAN_NEAREST) and gan_add_conv2d with this kernel (1, 3, 5 ...
 * 15), stride 1 and padding kernel / 2, with 4 of 9 of their products, up to rounding: the kernel is added up with
 * itself shifted by a pixel, and a transposed convolution of stride 2 applies it. "weight" channels x I x kernel x
 * kernel as gan_add_conv2d's, "bias" channels; of the options, those about windows and groups must have their defaults.
 */
GAN_API void gan_add_upsample_conv2d(gan_builder *builder, int64_t channels, int64_t kernel,
                                     const gan_weight_options *options);
/** I x H x W -> channels x floor(H / 2) x floor(W / 2), H and W at least 2: gan_add_conv2d with this kernel, stride 1
 * and padding kernel / 2, and gan_add_avg_pool2d(2, 2, 0), in one convolution of stride 2, otherwise as
 * gan_add_upsample_conv2d. */
GAN_API void gan_add_conv2d_downsample(gan_builder *builder, int64_t channels, int64_t kernel,
                                       const gan_weight_options *options);
/** Any shape -> shape: a learned constant (StyleGAN's 512 x 4 x 4), for each item; of the input only the size of the
 * batch counts. "weight" of that shape, 1 at first. shape: rank 0 to 7, no size below 1. */
GAN_API void gan_add_constant(gan_builder *builder, gan_shape shape);

/** Options of the truncation trick. Since 0.1. */
typedef struct gan_truncation_options {
    size_t struct_size;
    double psi;   /**< what the buffer "psi" begins with; finite, default 0.7 */
    double decay; /**< average = decay average + (1 - decay) batch mean; in [0, 1], default 0.995 */
} gan_truncation_options;
GAN_API void gan_truncation_options_init_sized(gan_truncation_options *options, size_t size);
#define gan_truncation_options_init(options) gan_truncation_options_init_sized((options), sizeof *(options))
/** Any shape, kept: the truncation trick in W (StyleGAN, appendix B). In training mode the result is x, and each
 * forward pass moves the buffer "average", 0 at first, towards the batch's mean of x; in evaluation mode it is psi x +
 * (1 - psi) average: exactly x for psi = 1, the same for all items for psi = 0. psi is the buffer "psi", a scalar that
 * may be changed at any time (gan_tensor_fill(gan_layer_find(layer, "8.psi"), 0.5)) and goes with the model. Layers
 * above a cutoff read the point before this layer, under a label of its own. */
GAN_API void gan_add_truncation(gan_builder *builder, const gan_truncation_options *options);
/** The current point, fading in over a named one (or an input) of the same shape (ProGAN, figure 2): alpha current +
 * (1 - alpha) named, exactly the one or the other for alpha = 1 and 0. alpha is the buffer "alpha", a scalar, 1 at
 * first, for the application to change between two steps: gan_tensor_fill(gan_layer_find(layer, "12.alpha"), 0.25). No
 * gradient goes to it. */
GAN_API void gan_add_fade(gan_builder *builder, const char *name);
/** @} */

/** @name Conditions, and the batch as a whole
 * Differentiable to every order, as all layers. Names of tensors as above. Errors are the builder's: GAN_E_SHAPE (an
 * input that does not fit), GAN_E_DTYPE (indices for numbers, or numbers for indices), GAN_E_ARGUMENT (a size out of
 * range, a name that is not there), GAN_E_UNSUPPORTED (options). `labels` names an input of indices of rank 0, one
 * label an item (gan_builder_input_indices). Since 0.1.
 * @{ */
/** Options of minibatch discrimination. Since 0.1. */
typedef struct gan_minibatch_discrimination_options {
    size_t struct_size;
    int32_t include_self; /**< 0 (default): an item is not compared with itself, as in the authors' program; 1: the sum
                               of the paper's eq. 5, which is larger by 1 */
    int32_t bias;         /**< 0 (default); 1: the authors' bias, added to the new features, -1 at first */
    int32_t weight_norm;  /**< 0 (default): T = weight; 1: the authors' T = weight e^log_scale / |weight|, the length
                               taken over the A features for each kernel and dimension */
    int32_t reserved;
} gan_minibatch_discrimination_options;
GAN_API void gan_minibatch_discrimination_options_init_sized(gan_minibatch_discrimination_options *options,
                                                             size_t size);
#define gan_minibatch_discrimination_options_init(options)                                                             \
    gan_minibatch_discrimination_options_init_sized((options), sizeof *(options))
/** A -> A + kernels: the input, and behind it o_ib = sum over j of exp(-sum over c of |M_ibc - M_jbc|), where M_i = f_i
 * T and j are the other items of the batch (Salimans et al. 2016, arXiv 1606.03498, eq. 3 to 5). The authors have 100
 * kernels of 5 dimensions. "weight" A x kernels x dimensions (T of most PyTorch programs), N(0, 0.05) at first;
 * "log_scale" kernels x dimensions, 0; "bias" kernels, -1. The same in both modes. A batch of 1 has no others: its new
 * features are 0, or 1 with include_self. Time and memory grow with B^2 kernels dimensions for a batch of B; give real
 * and generated items in batches of their own, and score with batches as large as in training. */
GAN_API void gan_add_minibatch_discrimination(gan_builder *builder, int64_t kernels, int64_t dimensions,
                                              const gan_minibatch_discrimination_options *options);

/** Options of virtual batch normalisation. Since 0.1. */
typedef struct gan_virtual_batch_norm_options {
    size_t struct_size;
    double epsilon;  /**< added to the variance; > 0, default 1e-5 */
    int32_t affine;  /**< 1 (default): with weight and bias */
    int32_t combine; /**< 1 (default): the item's own statistics are mixed in; 0: the reference's alone */
} gan_virtual_batch_norm_options;
GAN_API void gan_virtual_batch_norm_options_init_sized(gan_virtual_batch_norm_options *options, size_t size);
#define gan_virtual_batch_norm_options_init(options)                                                                   \
    gan_virtual_batch_norm_options_init_sized((options), sizeof *(options))
/** C or C x H x W, kept: (x - m) / sqrt(s - m^2 + epsilon) * weight + bias for each item (Salimans et al. 2016, section
 * 3.4). With mean and mean square m_ref, s_ref of a channel over a reference batch of n items, and m_x, s_x over the
 * pixels of the item alone: m = (n m_ref + m_x) / (n + 1), s = (n s_ref + s_x) / (n + 1); with combine 0: m_ref and
 * s_ref. No item depends on the others of its batch, which may be of 1. "weight", N(1, 0.02) at first, "bias", 0:
 * C each; "reference_mean", "reference_var" (s_ref - m_ref^2): C each, "reference_count" (n): 1, buffers, which
 * gan_layer_set_reference or gan_layer_forward_reference sets. Before that a forward pass fails: GAN_E_STATE. The same
 * in both modes. */
GAN_API void gan_add_virtual_batch_norm(gan_builder *builder, const gan_virtual_batch_norm_options *options);

/** C or C x H x W, kept: batch normalisation whose gain and bias are rows of tables, by the label of each item
 * (Dumoulin et al. 2017; Miyato, Koyama 2018; SAGAN). "weight" classes x C, 1 at first, "bias" classes x C, 0;
 * "running_mean", "running_var": C each, which are moved and used as those of gan_add_batch_norm (SAGAN: momentum
 * 0.001). The labels' limit is at most classes. affine must be 1. In training mode a batch of 1 needs pixels, else
 * GAN_E_SHAPE. */
GAN_API void gan_add_conditional_batch_norm(gan_builder *builder, const char *labels, int64_t classes,
                                            const gan_batch_norm_options *options);
/** The same with gains and biases that are points of the network, of C values each: (1 + gain) (x - mean) /
 * sqrt(variance + epsilon) + bias. No parameters; "running_mean", "running_var". */
GAN_API void gan_add_modulated_batch_norm(gan_builder *builder, const char *gain, const char *bias,
                                          const gan_batch_norm_options *options);
/** The same with gain = A c and bias = B c of a vector c, the point named `condition` (BigGAN, Brock et al. 2019: a
 * class embedding joined with a part of z). Adds three layers: gan_add_linear for A, for B, then
 * gan_add_modulated_batch_norm. weight: options of the two, NULL: without bias, as BigGAN's. */
GAN_API void gan_add_conditional_batch_norm_vector(gan_builder *builder, const char *condition,
                                                   const gan_weight_options *weight,
                                                   const gan_batch_norm_options *options);

/** Indices of shape S -> S x classes: 1 at the index, 0 elsewhere. The current point must be an input of indices with a
 * limit of at most classes. */
GAN_API void gan_add_one_hot(gan_builder *builder, int64_t classes);
/** C -> C x height x width: each value at every pixel. */
GAN_API void gan_add_replicate(gan_builder *builder, int64_t height, int64_t width);
/** C x H x W -> (C + V) x H x W: behind the channels a named vector of V values, each at every pixel (text to image,
 * Reed et al. 2016). Adds two layers: gan_add_replicate, and a concat. */
GAN_API void gan_add_concat_spatial(gan_builder *builder, const char *name);
/** N x ... -> count x ...: elements [start, start + count) of the first axis, such as a part of z. */
GAN_API void gan_add_slice(gan_builder *builder, int64_t start, int64_t count);
/** The current point and a named one of the same shape -> 1: the sum of their products. */
GAN_API void gan_add_inner_product(gan_builder *builder, const char *name);
/** C x H x W -> C: the sum of each channel. */
GAN_API void gan_add_global_sum_pool(gan_builder *builder);
/** A -> 1: the projection discriminator's head (Miyato, Koyama 2018, arXiv 1802.05637, eq. 4): w . f + b + <V_y, f> of
 * features f and label y. Adds four layers, p being the position of the first: gan_add_linear ("p.weight" is w,
 * "p.bias" b; linear.weight and linear.bias of BigGAN's PyTorch program), gan_add_embedding_with ("p+1.weight", classes
 * x A, is V; embed.weight), gan_add_inner_product, and a sum. weight: options of the linear layer and of the embedding,
 * such as a spectral norm (SAGAN and BigGAN have one on both). */
GAN_API void gan_add_projection(gan_builder *builder, const char *labels, int64_t classes,
                                const gan_weight_options *weight);
/** @} */

/** @name Residual blocks
 * They add layers that could be added one by one: parameters are named by the positions of these. Since 0.1.
 * @{ */
/** What a block does to the resolution. Since 0.1. */
typedef int32_t gan_resample;
#define GAN_RESAMPLE_NONE 0 /**< keeps it */
#define GAN_RESAMPLE_UP 1   /**< doubles it: nearest neighbours */
#define GAN_RESAMPLE_DOWN 2 /**< halves it: means of 2 x 2 pixels */
/** What joins a block's input and result. Since 0.1. */
typedef int32_t gan_shortcut;
#define GAN_SHORTCUT_AUTO (-1)  /**< the input itself where channels and resolution stay, else a convolution */
#define GAN_SHORTCUT_IDENTITY 0 /**< the input itself */
#define GAN_SHORTCUT_CONV 1     /**< a convolution of kernel 1 */
/** Options of a residual block. Its pointers are read in the call only. Since 0.1. */
typedef struct gan_residual_options {
    size_t struct_size;
    gan_resample resample; /**< default GAN_RESAMPLE_NONE */
    gan_shortcut shortcut; /**< default GAN_SHORTCUT_AUTO */
    int32_t batch_norm;    /**< 0 (default): none, as in discriminators; 1: in front of each ReLU */
    int32_t preactivation; /**< 1 (default); 0: without the first normalisation and ReLU, as the first block of a
                                discriminator, which is given an image */
    int64_t hidden;        /**< channels between the convolutions; -1 (default): as many as the result has. (SNGAN's
                                discriminators: as many as the input) */
    const char *labels;    /**< NULL (default), or the normalisation is gan_add_conditional_batch_norm of these */
    int64_t classes;       /**< of the labels */
    const char *condition; /**< NULL (default), or it is gan_add_conditional_batch_norm_vector of this */
    const gan_weight_options *weight;           /**< of the convolutions; its window stays at the defaults */
    const gan_weight_options *condition_weight; /**< of the linear layers of a condition; NULL: without bias */
    const gan_batch_norm_options *norm;         /**< of the normalisation */
} gan_residual_options;
GAN_API void gan_residual_options_init_sized(gan_residual_options *options, size_t size);
#define gan_residual_options_init(options) gan_residual_options_init_sized((options), sizeof *(options))
/** C x H x W -> channels x H' x W': the blocks of SNGAN, SAGAN and BigGAN (Miyato et al. 2018; Zhang et al. 2019; Brock
 * et al. 2019, appendix B). The layers, in this order: [norm, ReLU], [upsample], conv 3, [norm], ReLU, conv 3, [avg
 * pool]; then the shortcut: [upsample, conv 1], [conv 1, avg pool] (avg pool, conv 1 without preactivation), [conv 1]
 * or nothing; then their sum. A generator's block has GAN_RESAMPLE_UP and batch_norm 1, a discriminator's
 * GAN_RESAMPLE_DOWN. Errors: those of the layers, GAN_E_ARGUMENT (options that exclude each other). */
GAN_API void gan_add_residual_block(gan_builder *builder, int64_t channels, const gan_residual_options *options);
/** C x H x W, kept, H and W at least 2: the block of CycleGAN's generators (Zhu et al. 2017, appendix 7.2; R256):
 * reflected pad 1, conv 3, instance norm, ReLU, [dropout], reflected pad 1, conv 3, instance norm, and the sum with the
 * input, with no ReLU behind. dropout: 0 (no such layer) to 1; the authors' programs offer 0.5. weight: options of the
 * convolutions. */
GAN_API void gan_add_cyclegan_block(gan_builder *builder, double dropout, const gan_weight_options *weight);
/** @} */

/** @name Layers of PixelCNN and PixelRNN (van den Oord, Kalchbrenner, Kavukcuoglu 2016)
 * They keep an image's pixels in order, row by row from the top and each row from the left, and let a pixel depend on
 * earlier ones only, to the last bit of every result; docs/networks.md has the blocks that the paper makes of them.
 * With options `colors` = 3 the colours of a pixel are in order too, red, green, blue: the channels before and behind a
 * layer are split into so many runs of neighbours (channel i of C is of colour floor(i colors / C)), and a channel sees
 * of its own pixel only what the mask says. Since 0.1.
 * @{ */
typedef int32_t gan_mask;
#define GAN_MASK_A 1 /**< of its own pixel, a colour sees those before it: the first layer's */
#define GAN_MASK_B 2 /**< of its own pixel, a colour sees those before it and itself: all others' */

/** Options of masked convolutions. Since 0.1. */
typedef struct gan_masked_conv_options {
    size_t struct_size;
    int32_t bias; /**< 1 (default): with bias */
    int32_t reserved;
    int64_t colors;   /**< 1 (default), or 3 for RGB; at most the channels before and behind the layer */
    int64_t kernel_w; /**< kernel's width; -1 (default): as wide as high */
} gan_masked_conv_options;
GAN_API void gan_masked_conv_options_init_sized(gan_masked_conv_options *options, size_t size);
#define gan_masked_conv_options_init(options) gan_masked_conv_options_init_sized((options), sizeof *(options))
/** I x H x W -> channels x H x W: a convolution of stride 1 with zeros around the image, whose kernel (odd: it has a
 * centre) sees the rows above, in its row the pixels to the left, and of the pixel itself what the mask allows (section
 * 3.4). "weight" channels x I x kernel x kernel_w, "bias" channels. The weight is whole; what the mask hides is never
 * read, and its gradient is 0. Errors: GAN_E_ARGUMENT (an even kernel, an unknown mask, colors; mask A with a kernel of
 * 1 x 1 and one colour, which sees nothing), GAN_E_SHAPE. */
GAN_API void gan_add_masked_conv2d(gan_builder *builder, int64_t channels, int64_t kernel, gan_mask mask,
                                   const gan_masked_conv_options *options);

/** Options of gan_add_row_lstm and gan_add_diagonal_bilstm. Since 0.1. */
typedef struct gan_pixel_lstm_options {
    size_t struct_size;
    int32_t bias;          /**< 1 (default): with bias */
    int32_t learned_state; /**< 1 (default): the state before the first step is a parameter, 0 at first; 0: zeros */
    int64_t colors;        /**< 1 (default), or 3 for RGB; at most the channels before and behind the layer */
} gan_pixel_lstm_options;
GAN_API void gan_pixel_lstm_options_init_sized(gan_pixel_lstm_options *options, size_t size);
#define gan_pixel_lstm_options_init(options) gan_pixel_lstm_options_init_sized((options), sizeof *(options))
/** I x H x W -> h x H x W, h = channels, by rows from the top (section 3.1 and equation 3): a row's gates are
 * [o, f, i, g] = K_ss * h + K_is * x + bias with the h of the row above, and then
 * c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c). K_is, "weight_ih" 4h x I x 1 x kernel, has mask B and
 * is applied to all rows at once; K_ss is "weight_hh" 4h x h x 1 x kernel; "bias" 4h; "h0", "c0" h x W, the same for
 * every item. Rows of weights: the h of gate o, then those of f, i and g.
 * Weights and bias begin as a convolution's. A pixel sees a triangle above it. At most
 * 4096 rows. Errors: GAN_E_ARGUMENT (an even kernel, colors), GAN_E_SHAPE, GAN_E_LIMIT. */
GAN_API void gan_add_row_lstm(gan_builder *builder, int64_t channels, int64_t kernel,
                              const gan_pixel_lstm_options *options);
/** I x H x W -> h x H x W, h = channels, by diagonals from both sides (section 3.2): a pixel's gates have the h of the
 * pixel above and of that beside it, by a kernel of 2 x 1 on the map whose row r is moved right by r. The sum of a walk
 * from the left, and of one from the right a row lower. A pixel sees all that is before it. "weight_ih" 8h x I x 1 x 1
 * (mask B), "weight_hh" 8h x h x 2 x 1 (the pixel above, the one beside), "bias" 8h: 4h for the walk from the left,
 * ordered as in gan_add_row_lstm, then 4h for that from the right; "h0", "c0" 2 x h x H. H + W is at most 4097. Errors
 * as there. */
GAN_API void gan_add_diagonal_bilstm(gan_builder *builder, int64_t channels, const gan_pixel_lstm_options *options);
/** @} */

GAN_END_DECLS

#endif
