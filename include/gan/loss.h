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
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_loss_context(const gan_loss *loss);

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
 * l along axis 1. logits: N x K, or N x K x H x W (any axes behind the second); labels: i32, N or N x H x W, each below
 * K. With `ignore`, the mean is over those that count. The labels are copied. Sticky on the tape: GAN_E_SHAPE (shapes
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
/** @} */

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
 * then for each colour K means m and K log s, which are taken as the nearer end where they are not in -7 to 7. C = 3
 * with 10 K channels has K coefficients more for each colour, a, b, c, which move means by earlier colours: green's by
 * tanh(a) red, blue's by tanh(b) red + tanh(c) green. K = mixtures, 1 or more: 1 is a discretised logistic. */
GAN_API gan_tensor *gan_nll_logistic_mixture(gan_tape *tape, gan_tensor *parameters, gan_tensor *images,
                                             int64_t mixtures, gan_likelihood_unit unit);
/** @} */

/** How two tensors are compared. Since 0.1. */
typedef int32_t gan_distance;
#define GAN_DISTANCE_L1 1 /**< |a - b| */
#define GAN_DISTANCE_L2 2 /**< (a - b)^2 */

/** Mean over all elements of |a - b|, a scalar; derivative 0 where a = b. a, b: one shape, not empty. Sticky on the
 * tape. Since 0.1. */
GAN_API gan_tensor *gan_l1_loss(gan_tape *tape, gan_tensor *a, gan_tensor *b);
/** Mean over all elements of (a - b)^2, a scalar. a, b: one shape, not empty. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_l2_loss(gan_tape *tape, gan_tensor *a, gan_tensor *b);

/** @name Gradient penalties
 * Terms of the critic's loss that hold down its slope g = dD/dx, one vector for each item of the batch. Two calls with
 * the critic between them, so that it can have whatever other inputs it wants:
 * @code
 * gan_tensor *points = gan_loss_penalty_points(tape, loss, real, fake);
 * gan_tensor *scores = gan_layer_forward(tape, discriminator, points);
 * loss_d = gan_add(tape, loss_d, gan_loss_penalty(tape, loss, scores, points));
 * @endcode
 * With R1 these are the scores of the reals and serve the adversarial loss as well. Lazy regularisation (Karras et al.
 * 2020, StyleGAN 2, appendix B) applies the term in every k-th step, times k:
 * @code
 * if (gan_run_step(run) % 16 == 0) {
 *     gan_tensor *points = gan_loss_penalty_points(tape, loss, real, NULL);
 *     gan_tensor *term = gan_loss_penalty(tape, loss, gan_layer_forward(tape, discriminator, points), points);
 *     loss_d = gan_add(tape, loss_d, gan_scale(tape, term, 16));
 * }
 * @endcode
 * Adam then runs with its rate times c and its betas to the power of c, c = k / (k + 1). Batch normalisation ties the
 * items of a batch together: a critic under these penalties should do without it.
 * @{ */
typedef int32_t gan_penalty_where;
#define GAN_PENALTY_BETWEEN 0 /**< real + t (fake - real), one t ~ U(0, 1) for each item of the batch */
#define GAN_PENALTY_REAL 1    /**< at reals */
#define GAN_PENALTY_FAKE 2    /**< at fakes */

/** Options of gan_loss_gradient_penalty_create. Since 0.1. */
typedef struct gan_loss_gradient_penalty_options {
    size_t struct_size;
    double weight;           /**< 0 or more, default 10 */
    double target;           /**< the norm that g should have, 0 or more, default 1 */
    int32_t one_sided;       /**< 0 (default); 1: only norms above the target are penalised, max(0, |g| - target)^2
                                  (Petzka et al. 2018) */
    int32_t normalize;       /**< 0 (default); 1: the weight is divided by target^2 (ProGAN's code), target >= 1e-100 */
    gan_penalty_where where; /**< default GAN_PENALTY_BETWEEN */
    int32_t reserved;
} gan_loss_gradient_penalty_options;
GAN_API void gan_loss_gradient_penalty_options_init_sized(gan_loss_gradient_penalty_options *options, size_t size);
#define gan_loss_gradient_penalty_options_init(options)                                                                \
    gan_loss_gradient_penalty_options_init_sized((options), sizeof *(options))

/** weight * mean (|g| - target)^2 (Gulrajani et al. 2017, equation 3). The norm is over all axes but the batch, without
 * an epsilon: where it is below 1e-12 it counts as 0, and its derivative is 0. Errors: GAN_E_ARGUMENT (a weight or
 * target that is negative or not finite, a flag that is neither 0 nor 1, normalize with target 0, an unknown place).
 * Since 0.1. */
GAN_API gan_status gan_loss_gradient_penalty_create(gan_loss **out, gan_context *context,
                                                    const gan_loss_gradient_penalty_options *options);
/** R1, gamma / 2 * mean |g|^2 at reals (Mescheder et al. 2018, equation 9). gamma: 0 or more; StyleGAN's is 10. Errors:
 * GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_loss_r1_create(gan_loss **out, gan_context *context, double gamma);
/** R2, the same at fakes (there, equation 10). Since 0.1. */
GAN_API gan_status gan_loss_r2_create(gan_loss **out, gan_context *context, double gamma);
/** The points at which the penalty looks at the critic's slope, tracked, and not connected with what real and fake were
 * made of. real, fake: one shape, batch first; the one that `where` does not name may be NULL. The t of
 * GAN_PENALTY_BETWEEN come from GAN_STREAM_NOISE of the context, which moves. Sticky on the tape: GAN_E_ARGUMENT (not a
 * penalty), GAN_E_SHAPE. Since 0.1. */
GAN_API gan_tensor *gan_loss_penalty_points(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake);
/** The penalty, a scalar with derivatives with respect to all that the scores are made of. scores: what the critic
 * makes of x, of any shape; all scores of an item (patches) are summed. x: what gan_loss_penalty_points gave, or
 * another tracked tensor, batch first, not empty. Sticky on the tape: GAN_E_ARGUMENT (not a penalty; x is not tracked,
 * or the scores do not depend on it), GAN_E_SHAPE. Since 0.1. */
GAN_API gan_tensor *gan_loss_penalty(gan_tape *tape, gan_loss *loss, gan_tensor *scores, gan_tensor *x);
/** weight * mean scores^2, a scalar: keeps a Wasserstein critic's scores of reals from drifting away (ProGAN, Karras et
 * al. 2018, appendix A.1: weight 0.001). scores: any shape, not empty; weight: finite, 0 or more. Sticky on the tape.
 * Since 0.1. */
GAN_API gan_tensor *gan_drift_penalty(gan_tape *tape, gan_tensor *scores, double weight);
/** @} */

/** @name Orthogonal regularisation
 * @{ */
typedef int32_t gan_orthogonal_form;
#define GAN_ORTHOGONAL_OFF_DIAGONAL 0 /**< |W W^T * (1 - I)|_F^2, elementwise: angles only (BigGAN) */
#define GAN_ORTHOGONAL_IDENTITY 1     /**< |W W^T - I|_F^2: lengths too (Brock et al. 2017) */

/** Options of gan_orthogonal_regularization. Since 0.1. */
typedef struct gan_orthogonal_options {
    size_t struct_size;
    double weight;            /**< beta, 0 or more, default 1e-4 */
    gan_orthogonal_form form; /**< default GAN_ORTHOGONAL_OFF_DIAGONAL */
    int32_t skip_count;       /**< default 0 */
    const char *const *skip;  /**< skip_count names: parameters that are called so, or whose names begin so with a dot
                                   behind it, are left out; read during the call */
} gan_orthogonal_options;
GAN_API void gan_orthogonal_options_init_sized(gan_orthogonal_options *options, size_t size);
#define gan_orthogonal_options_init(options) gan_orthogonal_options_init_sized((options), sizeof *(options))

/** weight * the sum of one of the forms over the weights of a layer, a scalar (Brock et al. 2019, section 3.1): over
 * the trainable weights of linear layers, convolutions and embeddings (what is stored of them, see GAN_WEIGHT_...),
 * each as the matrix W of its first size x all others, as in gan_init_orthogonal. The gradient is 4 weight (W W^T * (1
 * - I)) W; the authors' code adds half of it: give half the weight to follow that. Sticky on the tape: GAN_E_ARGUMENT
 * (a weight that is negative or not finite, an unknown form, a name in `skip` that no parameter has, no weight left),
 * GAN_E_UNSUPPORTED. Since 0.1. */
GAN_API gan_tensor *gan_orthogonal_regularization(gan_tape *tape, const gan_layer *layer,
                                                  const gan_orthogonal_options *options);
/** @} */

/** @name Feature matching
 * @{ */
#define GAN_FEATURES 64 /**< most feature maps of one term */
/** Options of gan_loss_feature_matching_create. Since 0.1. */
typedef struct gan_loss_feature_matching_options {
    size_t struct_size;
    gan_distance distance; /**< default GAN_DISTANCE_L2; GAN_DISTANCE_L1 is that of the authors' code for CIFAR-10 */
    int32_t average; /**< 1 (default): the mean over a map's features, as in the authors' code and DiscoGAN; 0: the
                          sum, as in the paper's equation */
    const double *weights; /**< weight_count weights of the maps, finite, copied; NULL (default): all 1 */
    int64_t weight_count;  /**< default 0; with weights 1 to GAN_FEATURES, and as many maps must be given */
} gan_loss_feature_matching_options;
GAN_API void gan_loss_feature_matching_options_init_sized(gan_loss_feature_matching_options *options, size_t size);
#define gan_loss_feature_matching_options_init(options)                                                                \
    gan_loss_feature_matching_options_init_sized((options), sizeof *(options))

/** The generator's loss of Salimans et al. 2016, section 3.1: | mean f(real) - mean f(fake) |^2, the means over the
 * batch alone. Errors: GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_loss_feature_matching_create(gan_loss **out, gan_context *context,
                                                    const gan_loss_feature_matching_options *options);
/** The term, a scalar: summed over `count` (1 to GAN_FEATURES) maps, outputs of whatever layers of the discriminator.
 * real[i] and fake[i]: batch first, not empty, equal in all other sizes. No gradient goes to the reals. Sticky on the
 * tape: GAN_E_ARGUMENT (not a feature matching loss, count), GAN_E_SHAPE; the message names the map. Since 0.1. */
GAN_API gan_tensor *gan_loss_feature_matching(gan_tape *tape, gan_loss *loss, gan_tensor *const *real,
                                              gan_tensor *const *fake, int32_t count);
/** @} */

/** @name Mutual information
 * InfoGAN (Chen et al. 2016, equation 5): a network Q reads from the generator's image the codes c that it was made
 * from, and both are trained to raise L_I = E log Q(c | x) + H(c), a lower bound of the mutual information. Codes are
 * added in the order in which they stand side by side, in the codes (batch x gan_loss_code_width) and in what Q gives
 * (batch x gan_loss_posterior_width):
 * @code
 * gan_loss *info = NULL;
 * status = gan_loss_mutual_information_create(&info, context, NULL);
 * status = gan_loss_add_categorical(info, 10);             // codes: one-hot of 10; Q: 10 logits
 * status = gan_loss_add_uniform(info, 2, 1);               // codes: 2 numbers; Q: 2 means
 * gan_tensor *codes = gan_loss_sample_codes(tape, info, GAN_F32, 64), *inputs[2] = {z, codes}, *bound;
 * fake = gan_layer_forward(tape, generator, gan_concat(tape, inputs, 2, 1));
 * gan_tensor *q = gan_layer_forward(tape, discriminator, fake); // stands for Q: 64 x 12
 * loss_g = gan_add(tape, loss_g, gan_loss_mutual_information(tape, info, q, codes, &bound, NULL));
 * @endcode
 * @{ */
typedef int32_t gan_entropy;
#define GAN_ENTROPY_EXACT 0         /**< H(c) of what the codes are drawn from: the result is a lower bound */
#define GAN_ENTROPY_UNIT_GAUSSIAN 1 /**< of continuous codes -mean log N(c; 0, 1), as in the authors' code */

/** Options of gan_loss_mutual_information_create. Since 0.1. */
typedef struct gan_loss_mutual_information_options {
    size_t struct_size;
    double categorical_weight; /**< 0 or more, default 1 */
    double continuous_weight;  /**< 0 or more, default 1 */
    double log_sigma_low;      /**< what a learned log sigma is clamped to, -100 to 100, default -3 */
    double log_sigma_high;     /**< default 2; low <= high */
    gan_entropy entropy;       /**< default GAN_ENTROPY_EXACT; shifts the loss by a constant, no more */
    int32_t reserved;
} gan_loss_mutual_information_options;
GAN_API void gan_loss_mutual_information_options_init_sized(gan_loss_mutual_information_options *options, size_t size);
#define gan_loss_mutual_information_options_init(options)                                                              \
    gan_loss_mutual_information_options_init_sized((options), sizeof *(options))

/** A loss without codes: they are added before it is used. Errors: GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_loss_mutual_information_create(gan_loss **out, gan_context *context,
                                                      const gan_loss_mutual_information_options *options);
#define GAN_SIGMA_LEARNED (-1.0) /**< Q gives the logarithm of the standard deviation of each code */
/** One code of `count` equally likely categories, 2 or more: codes are one-hot, Q gives `count` logits. Errors:
 * GAN_E_ARGUMENT (not a mutual information loss, count), GAN_E_LIMIT (more than 64 calls, a width beyond 2^24). Since
 * 0.1. */
GAN_API gan_status gan_loss_add_categorical(gan_loss *loss, int64_t count);
/** `count` codes, 1 or more, drawn from N(0, 1). sigma: the standard deviation of Q's Gaussian, above 0 and the same
 * for all: Q gives `count` means; or GAN_SIGMA_LEARNED: Q gives `count` means, then `count` log sigmas. Errors as
 * above. Since 0.1. */
GAN_API gan_status gan_loss_add_gaussian(gan_loss *loss, int64_t count, double sigma);
/** The same of codes that are drawn from U(-1, 1). Since 0.1. */
GAN_API gan_status gan_loss_add_uniform(gan_loss *loss, int64_t count, double sigma);
/** How many numbers the codes of one item are; 0 if it is not a mutual information loss. Since 0.1. */
GAN_API int64_t gan_loss_code_width(const gan_loss *loss);
/** How many numbers Q gives for one item; 0 if it is not a mutual information loss. Since 0.1. */
GAN_API int64_t gan_loss_posterior_width(const gan_loss *loss);
/** Codes for a batch, batch x code width, not tracked; f32 or f64. They come from GAN_STREAM_NOISE of the context,
 * which moves. Sticky on the tape: GAN_E_ARGUMENT (not a mutual information loss, no codes), GAN_E_SHAPE (a negative
 * batch), GAN_E_LIMIT, GAN_E_DTYPE. Since 0.1. */
GAN_API gan_tensor *gan_loss_sample_codes(gan_tape *tape, gan_loss *loss, gan_dtype dtype, int64_t batch);
/** The loss, a scalar: each code's bound times -weight, summed. posterior: what Q makes of the images; codes: those
 * that the images were made from. Reported, where not NULL, and without a gradient: `bound`, the sum of the codes'
 * bounds in nats, a scalar; `bounds`, one for each categorical code and for each of the continuous ones, in order.
 * Sticky on the tape: GAN_E_ARGUMENT (not a mutual information loss, no codes), GAN_E_SHAPE, GAN_E_DTYPE. Since 0.1. */
GAN_API gan_tensor *gan_loss_mutual_information(gan_tape *tape, gan_loss *loss, gan_tensor *posterior,
                                                gan_tensor *codes, gan_tensor **bound, gan_tensor **bounds);
/** @} */

/** @name Cycle consistency
 * Two domains a and b, one translator each way (CycleGAN, Zhu et al. 2017; DiscoGAN, Kim et al. 2017).
 * @{ */
/** Options of gan_loss_cycle_create. Since 0.1. */
typedef struct gan_loss_cycle_options {
    size_t struct_size;
    double weight_a;       /**< 0 or more, default 10 */
    double weight_b;       /**< 0 or more, default 10 */
    double identity;       /**< of the identity term relative to these, 0 or more, default 0.5 */
    gan_distance distance; /**< default GAN_DISTANCE_L1 (CycleGAN); DiscoGAN has GAN_DISTANCE_L2 and weights of 1 */
    int32_t reserved;
} gan_loss_cycle_options;
GAN_API void gan_loss_cycle_options_init_sized(gan_loss_cycle_options *options, size_t size);
#define gan_loss_cycle_options_init(options) gan_loss_cycle_options_init_sized((options), sizeof *(options))

/** Errors: GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_loss_cycle_create(gan_loss **out, gan_context *context, const gan_loss_cycle_options *options);
/** weight_a d(rec_a, real_a) + weight_b d(rec_b, real_b), a scalar (CycleGAN, equation 2), d the mean over all
 * elements: rec_a is what comes back of real_a through b, rec_b of real_b through a. Each pair has one shape and is not
 * empty. Sticky on the tape: GAN_E_ARGUMENT (not a cycle loss), GAN_E_SHAPE. Since 0.1. */
GAN_API gan_tensor *gan_loss_cycle(gan_tape *tape, gan_loss *loss, gan_tensor *real_a, gan_tensor *rec_a,
                                   gan_tensor *real_b, gan_tensor *rec_b);
/** identity (weight_a d(same_a, real_a) + weight_b d(same_b, real_b)), a scalar (there, section 5.2): same_a is what
 * the translator to a makes of real_a, same_b what that to b makes of real_b. Errors as above. Since 0.1. */
GAN_API gan_tensor *gan_loss_identity(gan_tape *tape, gan_loss *loss, gan_tensor *real_a, gan_tensor *same_a,
                                      gan_tensor *real_b, gan_tensor *same_b);
/** @} */

/** @name Differentiable augmentation
 * @{ */
/** Options of gan_diff_augment. Since 0.1. */
typedef struct gan_diff_augment_options {
    size_t struct_size;
    int32_t color;       /**< 1 (default): brightness, saturation, contrast, in this order */
    int32_t translation; /**< 1 (default) */
    int32_t cutout;      /**< 1 (default) */
    int32_t reserved;
    double brightness; /**< x + U(-brightness, brightness), default 0.5 */
    double saturation; /**< differences to the mean over the channels of each pixel, times U(1 - saturation, 1 +
                            saturation); default 1 */
    double contrast;   /**< differences to the mean over the image, times U(1 - contrast, 1 + contrast); default 0.5 */
    double shift;      /**< moved by a whole number of pixels, up to shift times the height and width, rounded; 0 to 1,
                            default 1/8; zeros come in */
    double cut; /**< a rectangle of cut times the height and width, rounded, at a random centre becomes 0; 0 to 1,
                     default 1/2 */
} gan_diff_augment_options;
GAN_API void gan_diff_augment_options_init_sized(gan_diff_augment_options *options, size_t size);
#define gan_diff_augment_options_init(options) gan_diff_augment_options_init_sized((options), sizeof *(options))

/** DiffAugment (Zhao et al. 2020): a random change of each image, through which gradients go. Whatever the
 * discriminator sees is augmented, reals and fakes, in its own step and in the generator's. x: N x C x H x W; the
 * result has its shape. Draws are anew for each image and call; seven numbers for each image come from GAN_STREAM_NOISE
 * of the context, whatever the options, and they are the same in f32 and f64. Values are not kept in a range. Sticky on
 * the tape: GAN_E_ARGUMENT (options), GAN_E_SHAPE, GAN_E_LIMIT, GAN_E_UNSUPPORTED. Since 0.1. */
GAN_API gan_tensor *gan_diff_augment(gan_tape *tape, gan_tensor *x, const gan_diff_augment_options *options);
/** @} */

GAN_END_DECLS

#endif
