/** @file
 * Initial values of parameters: rules for a whole network, and for one tensor. */
#ifndef GAN_INIT_H
#define GAN_INIT_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

/** Which size of a weight an initialiser keeps the variance by, as PyTorch defines them by the weight's shape: the
 * second or the first size, times the sizes after these (the kernel's area). A transposed convolution's weight is
 * I x O x KH x KW, so its fan in is O KH KW, in PyTorch as here. Since 0.1. */
typedef int32_t gan_fan;
#define GAN_FAN_IN 0  /**< keeps the variance of values on their way forward */
#define GAN_FAN_OUT 1 /**< keeps the variance of gradients on their way back */

/** @name Rules of initialisation
 * What gan_layer_init applies, by the same formulas as the gan_init_ function of that name. Since 0.1.
 * @{ */
#define GAN_INIT_CONSTANT 0         /**< value */
#define GAN_INIT_NORMAL 1           /**< mean, deviation */
#define GAN_INIT_UNIFORM 2          /**< low, high */
#define GAN_INIT_XAVIER_UNIFORM 3   /**< gain */
#define GAN_INIT_XAVIER_NORMAL 4    /**< gain */
#define GAN_INIT_KAIMING_UNIFORM 5  /**< slope, fan */
#define GAN_INIT_KAIMING_NORMAL 6   /**< slope, fan */
#define GAN_INIT_ORTHOGONAL 7       /**< gain */
#define GAN_INIT_TRUNCATED_NORMAL 8 /**< mean, deviation, low, high */
/** @} */

/** One rule for all weights of a network. Since 0.1. */
typedef struct gan_init_options {
    size_t struct_size;
    int32_t kind;     /**< GAN_INIT_..., default GAN_INIT_NORMAL */
    gan_fan fan;      /**< default GAN_FAN_IN */
    double gain;      /**< default 1 */
    double slope;     /**< default 0: that of ReLU */
    double value;     /**< default 0 */
    double mean;      /**< default 0 */
    double deviation; /**< default 0.02 */
    double low, high; /**< default -0.04 and 0.04 */
} gan_init_options;
GAN_API void gan_init_options_init_sized(gan_init_options *options, size_t size);
#define gan_init_options_init(options) gan_init_options_init_sized((options), sizeof *(options))

/** @name Initialisers
 * Random numbers come from GAN_STREAM_INIT of the context, tensor after tensor: the same seed and the same order of
 * calls give the same weights. gan_init_: any contiguous f32 or f64 tensor of the caller's or a layer's, else
 * GAN_E_ARGUMENT; parameters that are not finite: GAN_E_ARGUMENT. Formulas are those of torch.nn.init, and "rank 2"
 * stands for GAN_E_SHAPE below it. Since 0.1.
 * @{ */
/** PyTorch's default: weights and biases U(-1/sqrt(fan_in), 1/sqrt(fan_in)), where fan_in is the weight's second size
 * times the kernel's area (for transposed convolutions too, as PyTorch has it); normalisations: weight 1, bias 0,
 * running mean 0, running variance 1. */
GAN_API gan_status gan_layer_init_default(gan_layer *layer);
/** DCGAN's (Radford et al. 2015, section 4): convolution, transposed convolution and linear weights N(0, 0.02), their
 * biases 0; batch normalisation weights N(1, 0.02), biases 0. Other layers as gan_layer_init_default. The second number
 * is a standard deviation. */
GAN_API gan_status gan_layer_init_dcgan(gan_layer *layer);
/** All convolution, transposed convolution, linear and embedding weights by one rule (of other forms than plain: what
 * is stored, see GAN_WEIGHT_...), their biases 0; other layers as gan_layer_init_default. Errors: GAN_E_ARGUMENT,
 * GAN_E_UNSUPPORTED (options), with nothing changed; GAN_E_MEMORY (orthogonal), with the weights up to there changed.
 */
GAN_API gan_status gan_layer_init(gan_layer *layer, const gan_init_options *options);
/** Data-dependent initialisation of weight normalised layers (Salimans and Kingma 2016, section 3) and of minibatch
 * discrimination (the program of Salimans et al. 2016): runs the batch through the network, and on the way sets
 * weight_g and the bias of each linear layer and convolution of the form GAN_WEIGHT_NORM, one after the other, such
 * that over this batch each of its outputs has mean 0 and variance 1 (without a bias: variance 1). weight_v stays. A
 * minibatch discrimination gets, for each kernel, a log_scale (without weight norm: a weight) such that half the mean
 * distance of an item to its nearest other one is 1, and a bias, if it has one, such that its new features have mean 0.
 * The parameters of all other layers stay as they are. The layer's mode holds: in training mode noise and dropout are
 * on, and running statistics and power iterations move as in any forward pass. A weight that is used in several places
 * is fitted to the first. xs: `count` inputs, as gan_layer_forward_many has them. Nothing is recorded; the tape's
 * tensors from before stay. It works on a copy of the network: after an error no tensor is changed. Errors: those of
 * gan_layer_forward_many, GAN_E_ARGUMENT (there is no such layer, an output does not vary over the batch, or its items
 * are alike); the tape keeps them too. Since 0.1. */
GAN_API gan_status gan_layer_init_from_data(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count);
/** One tensor: this value. */
GAN_API gan_status gan_init_constant(gan_tensor *tensor, double value);
/** One tensor: normal with this mean and standard deviation, which is not below 0. */
GAN_API gan_status gan_init_normal(gan_tensor *tensor, double mean, double deviation);
/** One tensor: uniform in (low, high), low <= high. */
GAN_API gan_status gan_init_uniform(gan_tensor *tensor, double low, double high);
/** One tensor: normal, but only values from low to high; by the inverse of the distribution function, one random number
 * an element. deviation > 0, low < high, and the interval must hold some of the distribution: GAN_E_ARGUMENT. */
GAN_API gan_status gan_init_truncated_normal(gan_tensor *tensor, double mean, double deviation, double low,
                                             double high);
/** Rank 2: U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16). */
GAN_API gan_status gan_init_xavier_uniform(gan_tensor *tensor, double gain);
/** Rank 2: N(0, s) with s = gain sqrt(2 / (fan_in + fan_out)). */
GAN_API gan_status gan_init_xavier_normal(gan_tensor *tensor, double gain);
/** Rank 2: U(-a, a) with a = sqrt(3) s, s as gan_init_kaiming_normal. */
GAN_API gan_status gan_init_kaiming_uniform(gan_tensor *tensor, double slope, gan_fan fan);
/** Rank 2: N(0, s) with s = sqrt(2 / (1 + slope^2) / fan), for a leaky ReLU of this slope: 0 for ReLU, 1 for none (He
 * et al. 2015, eq. 10 and 15). */
GAN_API gan_status gan_init_kaiming_normal(gan_tensor *tensor, double slope, gan_fan fan);
/** Rank 2: gain times a random matrix with orthonormal rows or columns, whichever are fewer, the first axis being rows
 * and all others together columns (Saxe et al. 2013); uniformly distributed among such matrices. By QR in double;
 * takes working space of two copies in double. GAN_E_MEMORY leaves the tensor as it was. With LAPACK built in, bits
 * can depend on it, unless the context is deterministic. */
GAN_API gan_status gan_init_orthogonal(gan_tensor *tensor, double gain);
/** @} */

GAN_END_DECLS

#endif
