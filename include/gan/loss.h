/** @file
 * Losses. Adversarial ones have a discriminator's term and a generator's term, each to be minimised by its own
 * optimizer. All work on logits: the raw output D of the discriminator, no sigmoid, and high for reals (but for
 * VEEGAN's). A mean is over all elements of the logits, so that a discriminator may judge patches. */
#ifndef GAN_LOSS_H
#define GAN_LOSS_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_loss gan_loss;

#define GAN_GENERATOR_NON_SATURATING 1 /**< mean softplus(-s): maximise log sigmoid(s) */
#define GAN_GENERATOR_MINIMAX 2        /**< -mean softplus(s): minimise log(1 - sigmoid(s)) */

/** Options of gan_loss_bce_create. Since 0.1. */
typedef struct gan_loss_bce_options {
    size_t struct_size;
    double real_target; /**< target for real images, in [0, 1]; default 1; 0.9 is one-sided label smoothing (Salimans et
                             al. 2016, 3.4) */
    double fake_target; /**< target for fakes in the discriminator's term, in [0, 1]; default 0; above 0 is two-sided
                             smoothing */
    int32_t generator;  /**< GAN_GENERATOR_...; default non-saturating */
    int32_t reserved;
} gan_loss_bce_options;
GAN_API void gan_loss_bce_options_init_sized(gan_loss_bce_options *options, size_t size);
#define gan_loss_bce_options_init(options) gan_loss_bce_options_init_sized((options), sizeof *(options))

/** Binary cross-entropy of the logit s with target t, softplus(s) - t s (Goodfellow et al. 2014, equation 1). The
 * discriminator's term is the sum of the means over reals and over fakes. Errors: GAN_E_ARGUMENT (a target outside
 * [0, 1], an unknown generator's term). Since 0.1. */
GAN_API gan_status gan_loss_bce_create(gan_loss **out, gan_context *context, const gan_loss_bce_options *options);

/** Options of gan_loss_least_squares_create: what the discriminator shall say. The defaults are the paper's 0-1 coding
 * (eq. 9); (-1, 1, 0) minimises Pearson's chi squared divergence (eq. 8). Since 0.1. */
typedef struct gan_loss_least_squares_options {
    size_t struct_size;
    double fake_target;      /**< a: of fakes, in the discriminator's term; finite; default 0 */
    double real_target;      /**< b: of reals; finite; default 1 */
    double generator_target; /**< c: of fakes, in the generator's term; finite; default 1 */
} gan_loss_least_squares_options;
GAN_API void gan_loss_least_squares_options_init_sized(gan_loss_least_squares_options *options, size_t size);
#define gan_loss_least_squares_options_init(options)                                                                   \
    gan_loss_least_squares_options_init_sized((options), sizeof *(options))

/** Least squares (LSGAN, Mao et al. 2017, eq. 2). The discriminator's term is 1/2 mean (D(real) - b)^2 + 1/2 mean
 * (D(fake) - a)^2, the generator's 1/2 mean (D(fake) - c)^2. Errors: GAN_E_ARGUMENT (a target is not finite).
 * Since 0.1. */
GAN_API gan_status gan_loss_least_squares_create(gan_loss **out, gan_context *context,
                                                 const gan_loss_least_squares_options *options);

/** Options of gan_loss_wasserstein_create. Since 0.1. */
typedef struct gan_loss_wasserstein_options {
    size_t struct_size;
    double clip; /**< c of gan_loss_constrain, above 0; default 0.01. INFINITY: no constraint, as with a gradient
                      penalty */
} gan_loss_wasserstein_options;
GAN_API void gan_loss_wasserstein_options_init_sized(gan_loss_wasserstein_options *options, size_t size);
#define gan_loss_wasserstein_options_init(options) gan_loss_wasserstein_options_init_sized((options), sizeof *(options))

/** Wasserstein distance (WGAN, Arjovsky et al. 2017, eq. 2 and algorithm 1). The critic's term is mean D(fake) - mean
 * D(real), the generator's -mean D(fake). The negative of the critic's term, mean D(real) - mean D(fake), is the
 * estimate of the distance (times the critic's Lipschitz constant), which falls as fakes get better. The critic has to
 * be Lipschitz continuous: call gan_loss_constrain after each of its steps, or set clip to INFINITY and add a gradient
 * penalty. Errors: GAN_E_ARGUMENT (clip is not above 0). Since 0.1. */
GAN_API gan_status gan_loss_wasserstein_create(gan_loss **out, gan_context *context,
                                               const gan_loss_wasserstein_options *options);

/** Hinge (Lim, Ye 2017, Geometric GAN; as in Miyato et al. 2018, eq. 16 and 17). The discriminator's term is mean
 * max(0, 1 - D(real)) + mean max(0, 1 + D(fake)), the generator's -mean D(fake). Where a margin is met exactly (D(real)
 * = 1, D(fake) = -1) the derivative is 0. Since 0.1. */
GAN_API gan_status gan_loss_hinge_create(gan_loss **out, gan_context *context);

#define GAN_RELATIVISTIC_BCE 1           /**< mean softplus(-u) + mean softplus(v) */
#define GAN_RELATIVISTIC_LEAST_SQUARES 2 /**< mean (u - 1)^2 + mean (v + 1)^2 */
#define GAN_RELATIVISTIC_HINGE 3         /**< mean max(0, 1 - u) + mean max(0, 1 + v) */

/** Options of gan_loss_relativistic_create. Since 0.1. */
typedef struct gan_loss_relativistic_options {
    size_t struct_size;
    int32_t base; /**< GAN_RELATIVISTIC_...; default GAN_RELATIVISTIC_BCE */
    int32_t reserved;
} gan_loss_relativistic_options;
GAN_API void gan_loss_relativistic_options_init_sized(gan_loss_relativistic_options *options, size_t size);
#define gan_loss_relativistic_options_init(options)                                                                    \
    gan_loss_relativistic_options_init_sized((options), sizeof *(options))

/** Relativistic average losses (Jolicoeur-Martineau 2018, "The relativistic discriminator", section 4 and appendix:
 * RaSGAN, RaLSGAN, RaHingeGAN): by how much reals look more real than the average fake. In the discriminator's term
 * u = D(real) - mean D(fake) and v = D(fake) - mean D(real); in the generator's u = D(fake) - mean D(real) and v =
 * D(real) - mean D(fake). The means are differentiated too. The generator's term needs the logits of reals: take
 * gan_loss_generator_pair, gan_loss_generator is an error. Errors: GAN_E_ARGUMENT (unknown base). Since 0.1. */
GAN_API gan_status gan_loss_relativistic_create(gan_loss **out, gan_context *context,
                                                const gan_loss_relativistic_options *options);

/** Options of gan_loss_veegan_create. Since 0.1. */
typedef struct gan_loss_veegan_options {
    size_t struct_size;
    double reconstruction_factor; /**< of gan_loss_veegan_reconstruction, finite, at least 0; default 1, as in algorithm
                                       1; 0.5 makes it the negative logarithm of a unit Gaussian, but for a constant */
} gan_loss_veegan_options;
GAN_API void gan_loss_veegan_options_init_sized(gan_loss_veegan_options *options, size_t size);
#define gan_loss_veegan_options_init(options) gan_loss_veegan_options_init_sized((options), sizeof *(options))

/** VEEGAN (Srivastava et al. 2017, eq. 6 and algorithm 1): the discriminator judges pairs of a latent vector and an
 * image. *Its sign is the other way round than in the other losses: D > 0 means a generated pair*, since D estimates
 * the logarithm of how much likelier a generated pair is than a real one. Arguments keep their places all the same:
 *
 * - `real` is the logit of the real pair, a data item x with its reconstructed latent vector plus noise, D(F(x) + e,
 * x), e ~ N(0, 1) (the caller adds e: the sample of the reconstructor's Gaussian);
 * - `fake` is the logit of the generated pair, a drawn latent vector with its image, D(z, G(z)).
 *
 * The discriminator's term is mean softplus(-fake) + mean softplus(real); the generator's is mean fake, to which
 * gan_loss_veegan_reconstruction is added. The reconstructor F has the latter alone. Errors: GAN_E_ARGUMENT (the factor
 * is negative or not finite). Since 0.1. */
GAN_API gan_status gan_loss_veegan_create(gan_loss **out, gan_context *context, const gan_loss_veegan_options *options);

/** Options of gan_loss_semi_supervised_create. Since 0.1. */
typedef struct gan_loss_semi_supervised_options {
    size_t struct_size;
    double weight;     /**< of the unsupervised part, finite, at least 0; default 1 */
    int32_t generator; /**< GAN_GENERATOR_..., of lse(l); default GAN_GENERATOR_MINIMAX, as in the paper's code */
    int32_t reserved;
} gan_loss_semi_supervised_options;
GAN_API void gan_loss_semi_supervised_options_init_sized(gan_loss_semi_supervised_options *options, size_t size);
#define gan_loss_semi_supervised_options_init(options)                                                                 \
    gan_loss_semi_supervised_options_init_sized((options), sizeof *(options))

/** Semi-supervised learning (Improved GAN, Salimans et al. 2016, section 5): the discriminator is a classifier of
 * `classes` (2 or more) logits l, along axis 1, for which "fake" is one class more, whose logit stays 0. With lse(l) =
 * log sum e^l the probability of real is sigmoid(lse(l)) = Z / (Z + 1), Z = sum e^l.
 *
 * - gan_loss_discriminator is the unsupervised part, 1/2 mean softplus(-lse(real)) + 1/2 mean softplus(lse(fake)),
 * which equals 1/2 (-mean lse(real) + mean softplus(lse(real)) + mean softplus(lse(fake))); `real` are the logits of
 *   unlabelled data.
 * - gan_cross_entropy is the supervised part.
 * - gan_loss_semi_supervised is the sum of both.
 * - gan_loss_generator is -mean softplus(lse(fake)), or mean softplus(-lse(fake)) if non-saturating. (With feature
 *   matching the generator has another loss, and this one is not called.)
 *
 * Errors: GAN_E_ARGUMENT (classes, an option out of range). Since 0.1. */
GAN_API gan_status gan_loss_semi_supervised_create(gan_loss **out, gan_context *context, int64_t classes,
                                                   const gan_loss_semi_supervised_options *options);

/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_loss_release(gan_loss *loss);

/** The discriminator's term, a scalar. real, fake: logits of any shape, not empty. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_discriminator(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake);
/** The generator's term, a scalar. fake: logits of any shape, not empty. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_generator(gan_tape *tape, gan_loss *loss, gan_tensor *fake);
/** The generator's term of losses that compare fakes with reals (relativistic ones), a scalar; of others, which do not
 * look at the values of `real`, what gan_loss_generator gives. real, fake: logits of any shape, not empty. Sticky on
 * the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_generator_pair(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake);

/** The term of a discriminator that also learns which text belongs to which image (GAN-CLS, Reed et al. 2016, algorithm
 * 1), a scalar. right: logits of real images with their texts; wrong: of real images with texts of others; fake: of
 * generated images with the texts they were made from. It is real(right) + 1/2 (fake(wrong) + fake(fake)), where real
 * and fake are the two means that make up gan_loss_discriminator; the generator's term stays what it is. Of binary
 * cross-entropy, least squares, Wasserstein and hinge losses; others are GAN_E_ARGUMENT. Logits of any shape, not
 * empty. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_matching_discriminator(gan_tape *tape, gan_loss *loss, gan_tensor *right,
                                                    gan_tensor *wrong, gan_tensor *fake);

/** The constraint that a loss puts on the weights of its discriminator, to be called after each step of its optimizer.
 * Wasserstein: every parameter of the layer (weights, biases, those of normalisations and of networks inside, frozen
 * ones too) is clipped to [-c, c], c rounded to the layer's type; buffers stay. As after a step, gradients through the
 * values that were there before are GAN_E_STATE. Losses without a constraint: nothing is done. Errors: GAN_E_ARGUMENT
 * (NULL, the two are of different contexts). Since 0.1. */
GAN_API gan_status gan_loss_constrain(gan_loss *loss, gan_layer *discriminator);

/** VEEGAN's reconstruction term, a scalar: factor * mean over the batch of |z - reconstructed|^2, summed over all axes
 * but the first. z: the latent vectors the images were made from; reconstructed: F(G(z)), of the same shape, not empty.
 * Sticky on the tape: GAN_E_SHAPE, GAN_E_ARGUMENT (another loss). Since 0.1. */
GAN_API gan_tensor *gan_loss_veegan_reconstruction(gan_tape *tape, gan_loss *loss, gan_tensor *z,
                                                   gan_tensor *reconstructed);

/** The semi-supervised discriminator's term, a scalar: gan_cross_entropy of labelled data + weight *
 * gan_loss_discriminator of unlabelled data and fakes. labelled, unlabelled, fake: logits, `classes` of them along axis
 * 1; labels: i32, as gan_cross_entropy takes them. Sticky on the tape: GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_ARGUMENT
 * (another loss, a label out of range). Since 0.1. */
GAN_API gan_tensor *gan_loss_semi_supervised(gan_tape *tape, gan_loss *loss, gan_tensor *labelled, gan_tensor *labels,
                                             gan_tensor *unlabelled, gan_tensor *fake);

/** Mean over all elements of softplus(s) - target * s, a scalar: binary cross-entropy of logits with one target in
 * [0, 1]. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target);

/** Options of gan_cross_entropy. Since 0.1. */
typedef struct gan_cross_entropy_options {
    size_t struct_size;
    double label_smoothing; /**< e in [0, 1]: the target is 1 - e for the label plus e / K for each of the K classes
                                 (Szegedy et al. 2016, section 7); default 0 */
    int32_t ignore;         /**< 1: labels that are ignore_index do not count; default 0 */
    int32_t ignore_index;   /**< any number, e.g. 255; default -100. Read if `ignore` is 1 */
} gan_cross_entropy_options;
GAN_API void gan_cross_entropy_options_init_sized(gan_cross_entropy_options *options, size_t size);
#define gan_cross_entropy_options_init(options) gan_cross_entropy_options_init_sized((options), sizeof *(options))

/** Mean over all labels of log(sum of e^l over the classes) - l_label, a scalar: cross-entropy of the softmax of logits
 * l along axis 1. logits: N x K, or N x K x H x W (any axes behind the second); labels: i32, N or N x H x W, in 0 to K
 * -
 * 1. With `ignore`, the mean is over those that count. The labels are copied. Sticky on the tape: GAN_E_SHAPE (shapes
 * do not fit, nothing to take the mean of), GAN_E_DTYPE, GAN_E_ARGUMENT (a label or an option out of range). Since 0.1.
 */
GAN_API gan_tensor *gan_cross_entropy(gan_tape *tape, gan_tensor *logits, gan_tensor *labels,
                                      const gan_cross_entropy_options *options);
/** @name Losses with a state
 * What these remember from step to step is part of a run's checkpoints once they are added to it with gan_run_add_loss.
 * A run does not know which losses its phases use: one with a state that was not added starts anew when the run
 * resumes.
 * @{ */

/** Options of gan_loss_historical_averaging_create. Since 0.1. */
typedef struct gan_loss_historical_averaging_options {
    size_t struct_size;
    double weight; /**< times the distance; >= 0; default 1: the paper does not say */
} gan_loss_historical_averaging_options;
GAN_API void gan_loss_historical_averaging_options_init_sized(gan_loss_historical_averaging_options *options,
                                                              size_t size);
#define gan_loss_historical_averaging_options_init(options)                                                            \
    gan_loss_historical_averaging_options_init_sized((options), sizeof *(options))

/** Historical averaging (Salimans et al. 2016, arXiv 1606.03498, 3.2): weight |theta - 1/t sum_i theta[i]|^2, theta all
 * parameters of a layer, theta[i] what they were at update i of t. It keeps the parameters alive and has an average of
 * each, in its type. Errors: GAN_E_ARGUMENT (weight), GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_loss_historical_averaging_create(gan_loss **out, gan_layer *layer,
                                                        const gan_loss_historical_averaging_options *options);
/** The term, a scalar for the cost of the network's own player. The average counts as a constant: the gradient is
 * 2 weight (theta - average). 0, with a gradient of 0, before the first update. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_historical_averaging(gan_tape *tape, gan_loss *loss);
/** Takes the parameters as they are into the average. Call it after each step of their optimizer, and once before the
 * first if the initial values are to count. Terms that are on a tape can no longer be differentiated then. Errors:
 * GAN_E_ARGUMENT (NULL, or another kind of loss). Since 0.1. */
GAN_API gan_status gan_loss_historical_averaging_update(gan_loss *loss);

/** Options of gan_loss_path_length_create; the defaults are StyleGAN2's. Since 0.1. */
typedef struct gan_loss_path_length_options {
    size_t struct_size;
    double weight;        /**< times the penalty; >= 0; default 2 */
    double decay;         /**< how much of the way to the newest mean length the running mean goes, above 0 and at most
                               1; default 0.01 */
    int64_t interval;     /**< times the penalty, too: the term is used in every so-many-th step of the generator only;
                               >= 1; default 4 */
    int64_t batch_shrink; /**< gan_loss_path_length_latents takes one in so many; >= 1; default 2 */
} gan_loss_path_length_options;
GAN_API void gan_loss_path_length_options_init_sized(gan_loss_path_length_options *options, size_t size);
#define gan_loss_path_length_options_init(options) gan_loss_path_length_options_init_sized((options), sizeof *(options))

/** Path length regularisation (Karras et al. 2020, StyleGAN2, arXiv 1912.04958, section 3.2, equation 4), a term of the
 * generator: interval weight mean_n (|J_n^T y_n| - a)^2, J_n the Jacobian of image n with respect to its latents w_n,
 * y_n normal numbers over the root of the image's pixels, and a the running mean of the lengths, from 0, which counts
 * as a constant. Errors: GAN_E_ARGUMENT (an option out of range), GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_loss_path_length_create(gan_loss **out, gan_context *context,
                                               const gan_loss_path_length_options *options);
/** First call: the first n / batch_shrink of n latents w (at least one), tracked as by gan_watch; the images are then
 * made of what it returns. w: n x D, or n x L x D for one latent a layer. gan_watch does as well where the batch is not
 * to be shrunk. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_path_length_latents(gan_tape *tape, gan_loss *loss, gan_tensor *w);
/** Second call: the term, a scalar; moves the running mean and draws from GAN_STREAM_NOISE. images: n x C x H x W (or
 * n x C), computed from the tracked w. The length is the root of the sum over D, with n x L x D of the mean over L of
 * these sums. Errors: GAN_E_ARGUMENT (w is not tracked, or the images do not depend on it), GAN_E_SHAPE, all on the
 * tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_path_length(gan_tape *tape, gan_loss *loss, gan_tensor *images, gan_tensor *w);
/** The running mean of the lengths; 0 for NULL and for another kind of loss. Since 0.1. */
GAN_API double gan_loss_path_length_mean(const gan_loss *loss);
/** @name Likelihoods of pixels
 * -log p(x) of images x, summed over the pixels and colours of an image, and the mean over the batch: a scalar. What
 * pixel networks are trained by, and what is reported of them (van den Oord, Kalchbrenner, Kavukcuoglu 2016, section
 * 5.1). The images are known: no gradient goes to them. Errors, on the tape: GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_ARGUMENT
 * (a pixel outside the range, an unknown unit). Since 0.1.
 * @{ */
typedef int32_t gan_likelihood_unit;
#define GAN_NATS_PER_IMAGE 1 /**< the sum over an image, by natural logarithms: minimise it */
#define GAN_BITS_PER_DIM 2   /**< nats per image / (pixels x colours x ln 2): that many bits a colour of a pixel */

/** Softmax over levels (section 2.2), logsumexp(v) - v[x]. images: N x C x H x W of levels 0 to L - 1, u8 or i32;
 * logits: N x C L x H x W, the L levels of the first colour, then those of the second, which is how
 * gan_add_masked_conv2d splits channels into colours. Logits that are all equal give log2(L) bits: 8 for 256. */
GAN_API gan_tensor *gan_nll_categorical(gan_tape *tape, gan_tensor *logits, gan_tensor *images,
                                        gan_likelihood_unit unit);
/** Bernoulli, softplus(s) - x s. logits: N x ..., images: of the same shape, values in 0 to 1 (binary images have 0 and
 * 1), of any type. Logits of 0 give ln 2 nats a pixel. */
GAN_API gan_tensor *gan_nll_bernoulli(gan_tape *tape, gan_tensor *logits, gan_tensor *images, gan_likelihood_unit unit);
/** Mixture of K discretised logistics (Salimans et al. 2017, PixelCNN++, sections 2.1 and 2.2). images: N x C x H x W
 * of levels 0 to 255, u8 or i32, taken as x = 2 level / 255 - 1. A level's probability is sum over k of pi_k times the
 * product over colours of sigmoid((x + 1/255 - m) / s) - sigmoid((x - 1/255 - m) / s); the first level goes on to
 * -infinity, the last to infinity, so that all 256 add up to 1. parameters: N x K (1 + 2 C) x H x W: K logits of pi,
 * then for each colour K means m and K log s, which are taken as -7 where they are lower. C = 3 with 10 K channels has
 * K coefficients more for each colour, a, b, c, which move means by earlier colours: green's by tanh(a) red, blue's by
 * tanh(b) red + tanh(c) green. K = mixtures, 1 or more: 1 is a discretised logistic. */
GAN_API gan_tensor *gan_nll_logistic_mixture(gan_tape *tape, gan_tensor *parameters, gan_tensor *images,
                                             int64_t mixtures, gan_likelihood_unit unit);
/** @} */

GAN_END_DECLS

#endif
