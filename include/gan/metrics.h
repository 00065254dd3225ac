/** @file
 * Metrics: how good generated samples are, as numbers. Most compare two sets of vectors, features of real and of
 * generated images, so the first step is to collect those: gan_features. docs/metrics.md says what each number means,
 * and how many samples it takes.
 *
 * A value belongs to the features it was computed from: values of different feature networks are never comparable, nor
 * are those of different numbers of samples. So a gan_score carries the name of its features and the counts, and
 * gan_score_text prints them with the value.
 *
 * All is computed in double, in fixed blocks: the same bits on any number of threads, but for gan_frechet_distance
 * where LAPACK is used (see docs/threads.md: not in deterministic mode). Long calls ask the context's `cancelled`. */
#ifndef GAN_METRICS_H
#define GAN_METRICS_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

/** @name Features
 * @{ */
typedef struct gan_features gan_features;

#define GAN_FEATURES_NAME 64 /**< most bytes of a name of features, the final 0 included */

/** Options of gan_features_create. Since 0.1. */
typedef struct gan_features_options {
    size_t struct_size;
    int32_t
        keep; /**< 1 (default): all vectors are kept, 8 * dimension bytes each; 0: only their count, mean and scatter
                   matrix, 8 * dimension^2 bytes in all, which gan_frechet_distance takes and nothing else does */
    int32_t output; /**< of gan_features_create_for_layer: which of the layer's outputs; default 0 */
    /** Makes vectors of images. `images` has up to 64 items of what gan_features_add was given, contiguous, in their
     * own type; `vectors` is to be filled, count x dimension of f64 (gan_tensor_copy, or through gan_tensor_data). Both
     * are borrowed. Called by gan_features_add on its thread; may use the context, but not the set. Returns GAN_OK or a
     * status, which the call above returns. NULL (default): what is added are vectors already. */
    gan_status (*extract)(void *user, gan_tensor *images, gan_tensor *vectors);
    void (*release)(void *user); /**< called once when the set ends; NULL (default): nothing is called */
    void *user;                  /**< passed to `extract` and `release` */
} gan_features_options;
GAN_API void gan_features_options_init_sized(gan_features_options *options, size_t size);
#define gan_features_options_init(options) gan_features_options_init_sized((options), sizeof *(options))

/** Makes an empty set of vectors.
 * @param out receives the set
 * @param context the context
 * @param name says what the features are, "lenet mnist" or "pixels", not whose: the two sets of a comparison have one
 * name. 1 to 63 bytes, copied
 * @param dimension numbers in a vector, 1 to 10^7
 * @param options may be NULL
 *
 * On failure `release` is not called. Errors: GAN_E_ARGUMENT, GAN_E_LIMIT, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_features_create(gan_features **out, gan_context *context, const char *name, int64_t dimension,
                                       const gan_features_options *options);
/** Makes a set whose vectors are a layer's outputs, flattened: images go through the layer in evaluation mode, nothing
 * is recorded, and its mode is as before afterwards. The set keeps the layer alive. Of the options `extract`, `release`
 * and `user` stay NULL. Errors: as gan_features_create; GAN_E_UNSUPPORTED (several inputs, inputs of indices, or a
 * layer that computes statistics of the batch in evaluation mode). Since 0.1. */
GAN_API gan_status gan_features_create_for_layer(gan_features **out, gan_layer *layer, const char *name,
                                                 const gan_features_options *options);
/** Ends the set; NULL allowed. Since 0.1. */
GAN_API void gan_features_release(gan_features *features);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_features_context(const gan_features *features);

/** Adds the vectors of a tensor: N x dimension, f32 or f64, or, with an extractor, N x anything (N images), from which
 * it makes N vectors. The numbers are the same however they are divided among calls. After an error the vectors before
 * the portion of 64 that failed are added: gan_features_count tells. Errors: GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_NUMERIC (a
 * number is not finite, or beyond 1e40; the message names the vector), GAN_E_STATE (the values were given back),
 * GAN_E_CANCELLED, GAN_E_MEMORY, and what the extractor says. Since 0.1. */
GAN_API gan_status gan_features_add(gan_features *features, const gan_tensor *tensor);
/** Takes all vectors out; the memory stays, for those that come. Since 0.1. */
GAN_API void gan_features_reset(gan_features *features);
/** Number of vectors; 0 for NULL. Since 0.1. */
GAN_API int64_t gan_features_count(const gan_features *features);
/** Numbers in a vector; 0 for NULL. Since 0.1. */
GAN_API int64_t gan_features_dimension(const gan_features *features);
/** Copies vectors out of a set: to save those of the reals, or to compare parts of one set.
 * @param out receives a tensor of count x dimension, f64; the caller releases it
 * @param features the set, which has kept its vectors
 * @param first the first of them, in the order in which they were added
 * @param count how many, >= 1
 *
 * Errors: GAN_E_ARGUMENT (there are not as many), GAN_E_STATE (the set keeps none), GAN_E_LIMIT, GAN_E_MEMORY. Since
 * 0.1. */
GAN_API gan_status gan_features_vectors(gan_tensor **out, const gan_features *features, int64_t first, int64_t count);
/** @} */

/** @name Scores
 * @{ */
/** What was measured. Since 0.1. */
typedef int32_t gan_metric;
#define GAN_METRIC_FRECHET 1         /**< gan_frechet_distance */
#define GAN_METRIC_KERNEL 2          /**< gan_kernel_distance */
#define GAN_METRIC_PRECISION 3       /**< gan_precision_recall */
#define GAN_METRIC_RECALL 4          /**< gan_precision_recall */
#define GAN_METRIC_DENSITY 5         /**< gan_density_coverage */
#define GAN_METRIC_COVERAGE 6        /**< gan_density_coverage */
#define GAN_METRIC_CLASSIFIER 7      /**< gan_classifier_score */
#define GAN_METRIC_PARZEN 8          /**< gan_parzen_likelihood */
#define GAN_METRIC_DIFFERENT_BINS 9  /**< gan_different_bins */
#define GAN_METRIC_BIN_DIVERGENCE 10 /**< gan_different_bins */
#define GAN_METRIC_MS_SSIM 11        /**< gan_ms_ssim, gan_ms_ssim_diversity */

/** A value with what has to be known of it. Fill with gan_score_init before it is given to a function, which sets all
 * members; a call that fails sets none. Since 0.1. */
typedef struct gan_score {
    size_t struct_size;
    gan_metric metric;
    int32_t has_seed; /**< 1: seed is that of the metric's random choices. For metrics that make none it is 0: set both,
                           if gan_score_text shall say with which seed the samples were drawn */
    double value;
    double error;   /**< standard error of `value`, or what the function says; NaN: there is none */
    int64_t reals;  /**< vectors of real samples; 0: there are none in this metric */
    int64_t fakes;  /**< vectors of generated samples; for GAN_METRIC_MS_SSIM pairs of images */
    double setting; /**< k, or the number of subsets, splits, bins or scales, or sigma; NaN: there is none */
    uint64_t seed;
    char features[GAN_FEATURES_NAME]; /**< name of the features; "pixels" for GAN_METRIC_MS_SSIM */
} gan_score;
GAN_API void gan_score_init_sized(gan_score *score, size_t size);
#define gan_score_init(score) gan_score_init_sized((score), sizeof *(score))

/** One line in UTF-8, whatever the locale: "Fréchet distance 12.31 (lenet mnist, 10000 real and 10000 generated, seed
 * 1)". Writes at most `size` bytes with the final 0 and returns the number of bytes needed without the final 0, as
 * snprintf does; -1 if the score is NULL, was not initialised or is of an unknown metric. Since 0.1. */
GAN_API int64_t gan_score_text(const gan_score *score, char *buffer, size_t size);
/** @} */

/** @name Distances of two sets
 * Errors of all that take two sets: GAN_E_ARGUMENT (a score was not initialised), GAN_E_MISMATCH (features of different
 * names), GAN_E_SHAPE (different dimensions), GAN_E_STATE (too few vectors, or they were not kept), GAN_E_CANCELLED,
 * GAN_E_MEMORY.
 * @{ */
/** Fréchet distance of the normal distributions of the same mean and covariance (Heusel et al. 2017, eq. 6; FID, where
 * the features are Inception-v3's): |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2), S with N - 1. At least 2 vectors
 * in each set; biased upwards by about a constant / N, so compare at equal N only. tr (S1 S2)^(1/2) is the sum of the
 * singular values of F1^T F2 for any F with S = F F^T: always real. F is the centred vectors themselves where they were
 * kept and are fewer than the dimension, else a pivoted Cholesky factor. Memory: up to about 32 * dimension^2 bytes;
 * time grows with the cube. Since 0.1. */
GAN_API gan_status gan_frechet_distance(gan_score *score, const gan_features *reals, const gan_features *fakes);

/** Options of gan_kernel_distance. Since 0.1. */
typedef struct gan_kernel_distance_options {
    size_t struct_size;
    int64_t subsets;     /**< >= 1; default 100 */
    int64_t subset_size; /**< vectors of each set in a subset, >= 2; default 1000 */
    uint64_t seed;       /**< of the choice of subsets; default 0 */
} gan_kernel_distance_options;
GAN_API void gan_kernel_distance_options_init_sized(gan_kernel_distance_options *options, size_t size);
#define gan_kernel_distance_options_init(options) gan_kernel_distance_options_init_sized((options), sizeof *(options))

/** Squared maximum mean discrepancy with the kernel (a.b / dimension + 1)^3 (Binkowski et al. 2018, section 3; KID,
 * where the features are Inception-v3's): the mean of the unbiased estimates on random subsets. It may be below 0.
 * gan_score_text prints it times 1000. `error` is the standard error over subsets, which is too small where they
 * overlap much, and NaN where both sets have no more than subset_size vectors: all subsets are the same then. Subset s
 * has the first subset_size vectors of a permutation of each set: the Fisher-Yates shuffle by GAN_STREAM_METRICS of the
 * seed from block s * 2^33 on for the reals, 2^32 later for the fakes. Errors: GAN_E_ARGUMENT too (a set has fewer than
 * subset_size vectors). Since 0.1. */
GAN_API gan_status gan_kernel_distance(gan_score *score, const gan_features *reals, const gan_features *fakes,
                                       const gan_kernel_distance_options *options);

/** Options of gan_precision_recall and gan_density_coverage. Since 0.1. */
typedef struct gan_neighbour_options {
    size_t struct_size;
    int64_t k; /**< which nearest neighbour, below the number of vectors of either set; -1 (default): 3 for precision
                  and recall, 5 for density and coverage */
} gan_neighbour_options;
GAN_API void gan_neighbour_options_init_sized(gan_neighbour_options *options, size_t size);
#define gan_neighbour_options_init(options) gan_neighbour_options_init_sized((options), sizeof *(options))

/** Improved precision and recall (Kynkäänniemi et al. 2019, eq. 1 and 2): the share of fakes within the k-th
 * neighbour's distance of some real, and the share of reals within that of some fake. Either score may be NULL. Time
 * grows with (reals + fakes)^2 * dimension, memory with k * the larger set. Errors: GAN_E_ARGUMENT too (k). Since 0.1.
 */
GAN_API gan_status gan_precision_recall(gan_score *precision, gan_score *recall, const gan_features *reals,
                                        const gan_features *fakes, const gan_neighbour_options *options);
/** Density and coverage (Naeem et al. 2020, eq. 4 and 5): for each fake the number of reals within whose k-th
 * neighbour's distance it lies, summed, / (k fakes); and the share of reals that have a fake within that distance. For
 * equal distributions 1 and 1 - prod over j = 1 to k of (N - j) / (2 N - j), about 1 - 2^-k. Otherwise as
 * gan_precision_recall. Since 0.1. */
GAN_API gan_status gan_density_coverage(gan_score *density, gan_score *coverage, const gan_features *reals,
                                        const gan_features *fakes, const gan_neighbour_options *options);

/** Options of gan_different_bins. Since 0.1. */
typedef struct gan_bins_options {
    size_t struct_size;
    int64_t bins;        /**< K, 2 to the number of reals; default 100. 500 to 1000 reals a bin are advised */
    int64_t iterations;  /**< most of k-means, >= 1; it ends when no vector changes its bin; default 100 */
    uint64_t seed;       /**< of the first centres; default 0 */
    double significance; /**< of the test, in (0, 1); default 0.05 */
} gan_bins_options;
GAN_API void gan_bins_options_init_sized(gan_bins_options *options, size_t size);
#define gan_bins_options_init(options) gan_bins_options_init_sized((options), sizeof *(options))

/** Number of statistically different bins (NDB, Richardson, Weiss 2018, section 3), as a share of K: bins are the
 * clusters of the reals by k-means (begun by k-means++), and a bin is different if the shares of reals and of fakes in
 * it are, by a two-proportion z-test. `significance` is to be expected of a perfect generator. `divergence`: the
 * Jensen-Shannon divergence of the shares, in nats. Either score may be NULL. Errors: GAN_E_ARGUMENT too (bins).
 * Since 0.1. */
GAN_API gan_status gan_different_bins(gan_score *different, gan_score *divergence, const gan_features *reals,
                                      const gan_features *fakes, const gan_bins_options *options);

/** Log likelihood of reals under a Parzen window of the fakes (Goodfellow et al. 2014, section 5), in nats:
 * log mean over fakes y of exp(-|x - y|^2 / (2 sigma^2)) - dimension / 2 log(2 pi sigma^2), its mean over the reals x
 * and the standard error. Depends on the scale of the vectors: pixels are usually in [0, 1]. Misleading in high
 * dimension. Errors: GAN_E_ARGUMENT too (sigma outside 1e-100 to 1e100). Since 0.1. */
GAN_API gan_status gan_parzen_likelihood(gan_score *score, const gan_features *reals, const gan_features *fakes,
                                         double sigma);

/** Options of gan_parzen_sigma. Since 0.1. */
typedef struct gan_parzen_options {
    size_t struct_size;
    double low, high; /**< the smallest and the largest, in 1e-100 to 1e100; default 0.1 and 1 */
    int64_t count;    /**< how many, evenly spaced in the logarithm, 2 to 100; default 10 */
} gan_parzen_options;
GAN_API void gan_parzen_options_init_sized(gan_parzen_options *options, size_t size);
#define gan_parzen_options_init(options) gan_parzen_options_init_sized((options), sizeof *(options))

/** Chooses sigma for gan_parzen_likelihood: the one under which the validation vectors, reals that are not used again,
 * are most likely. Since 0.1. */
GAN_API gan_status gan_parzen_sigma(double *sigma, const gan_features *validation, const gan_features *fakes,
                                    const gan_parzen_options *options);
/** @} */

/** @name One set
 * @{ */
/** Options of gan_classifier_score. Since 0.1. */
typedef struct gan_classifier_score_options {
    size_t struct_size;
    int64_t splits; /**< 1 to the number of vectors; default 10 */
} gan_classifier_score_options;
GAN_API void gan_classifier_score_options_init_sized(gan_classifier_score_options *options, size_t size);
#define gan_classifier_score_options_init(options) gan_classifier_score_options_init_sized((options), sizeof *(options))

/** exp of the mean over fakes of KL(p(y | x) || p(y)) (Salimans et al. 2016, section 4; the Inception score, where the
 * classifier is Inception-v3): 1 to the number of classes. The vectors are a classifier's logits, kept. The mean over
 * `splits` runs of consecutive vectors, and as `error` the standard deviation (divided by `splits`) over them. Errors
 * as of two sets. Since 0.1. */
GAN_API gan_status gan_classifier_score(gan_score *score, const gan_features *logits,
                                        const gan_classifier_score_options *options);

#define GAN_MODES_FAIR_SHARE 0 /**< a mode is covered by points / (5 centres) high-quality points or more */
#define GAN_MODES_ANY 1        /**< by one: VEEGAN's rule */

/** How a sample spreads over modes or classes. Fill with gan_modes_init first, as a gan_score. Since 0.1. */
typedef struct gan_modes {
    size_t struct_size;
    int64_t points;            /**< N */
    int64_t centres;           /**< K modes or classes that there are */
    int64_t modes;             /**< how many of them are covered */
    int64_t high_quality;      /**< points that count: near enough to their mode; all in gan_count_classes */
    double share;              /**< high_quality / points */
    double divergence;         /**< KL(f || uniform) = sum f_k log(K f_k) in nats, f the shares of the high-quality
                                    points: 0 is perfect, log K all in one; NaN if there are none */
    double reverse_divergence; /**< KL(uniform || f), INFINITY if a mode has none; NaN as above */
} gan_modes;
GAN_API void gan_modes_init_sized(gan_modes *modes, size_t size);
#define gan_modes_init(modes) gan_modes_init_sized((modes), sizeof *(modes))

/** Options of gan_count_modes. Since 0.1. */
typedef struct gan_modes_options {
    size_t struct_size;
    double radius; /**< a point is of high quality within so many standard deviations of its nearest centre, > 0;
                        default 3 */
    int32_t rule;  /**< GAN_MODES_...; default GAN_MODES_FAIR_SHARE */
    int32_t reserved;
} gan_modes_options;
GAN_API void gan_modes_options_init_sized(gan_modes_options *options, size_t size);
#define gan_modes_options_init(options) gan_modes_options_init_sized((options), sizeof *(options))

/** Modes of a mixture of normal distributions that points cover, as for rings and grids (Srivastava et al. 2017,
 * section 4.1). Samples of the mixture itself are of high quality with probability 1 - e^-4.5 = 0.98889 in the plane.
 * @param modes receives the result
 * @param histogram NULL, or receives K counts of high-quality points, by their nearest centre
 * @param points N x d, f32 or f64, N >= 1
 * @param centres K x d, f32 or f64, K >= 1
 * @param deviation standard deviation of each mode, > 0
 * @param options may be NULL
 *
 * Errors: GAN_E_ARGUMENT, GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_NUMERIC, GAN_E_CANCELLED, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_count_modes(gan_modes *modes, int64_t *histogram, const gan_tensor *points,
                                   const gan_tensor *centres, double deviation, const gan_modes_options *options);
/** Classes that labels cover: how a classifier's answers for generated images spread over K classes. For stacked MNIST
 * the label is 100 a + 10 b + c, and K 1000. A class is covered by one label.
 * @param modes receives the result
 * @param histogram NULL, or receives K counts
 * @param labels N of type i32, N >= 1, of any shape
 * @param classes K, 1 to 10^7; labels are 0 to K - 1
 *
 * Errors: GAN_E_ARGUMENT (a label out of range), GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_count_classes(gan_modes *modes, int64_t *histogram, const gan_tensor *labels, int64_t classes);
/** @} */

/** @name Pictures
 * @{ */
/** Options of gan_ms_ssim and gan_ms_ssim_diversity. Since 0.1. */
typedef struct gan_ms_ssim_options {
    size_t struct_size;
    double low, high; /**< values that mean black and white, low < high; default -1 and 1 */
    int64_t scales;   /**< 1 to 5; -1 (default): as many of 5 as leave 11 pixels along the shorter edge, at least 1 */
} gan_ms_ssim_options;
GAN_API void gan_ms_ssim_options_init_sized(gan_ms_ssim_options *options, size_t size);
#define gan_ms_ssim_options_init(options) gan_ms_ssim_options_init_sized((options), sizeof *(options))

/** Multi-scale structural similarity (Wang et al. 2003) of images a and b of each pair, and its mean over the pairs: 1
 * for equal images. a and b: N x C x H x W, of one shape, N >= 1, f32, f64 or u8 (then low and high must be set).
 * Windows of 11 x 11, Gaussian with sigma 1.5, both smaller where the image is; 5 scales by means of 2 x 2, with
 * weights .0448 .2856 .3001 .2363 .1333. Images with an edge below 161 have fewer scales, as many as leave the smallest
 * 11 pixels, odd edges halved upwards, and the weights that are left are divided by their sum: `setting` tells how
 * many. Errors: GAN_E_ARGUMENT, GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_NUMERIC, GAN_E_STATE, GAN_E_CANCELLED, GAN_E_MEMORY.
 * Since 0.1. */
GAN_API gan_status gan_ms_ssim(gan_score *score, const gan_tensor *a, const gan_tensor *b,
                               const gan_ms_ssim_options *options);
/** The same of images 2 i and 2 i + 1 of one tensor: how alike generated images are (Odena et al. 2017, section 4.2). A
 * higher value than that of real images, at the same number of scales, means collapse. Since 0.1. */
GAN_API gan_status gan_ms_ssim_diversity(gan_score *score, const gan_tensor *images,
                                         const gan_ms_ssim_options *options);
/** @} */

GAN_END_DECLS

#endif
