/* Metrics as lib/api calls them: what gan/metrics.h says of gan_ in place of gani_. Sets are of one context, name and
 * dimension, have the vectors that are needed and keep them, and options have been checked. `function` is what messages
 * begin with. */
#ifndef GANI_METRICS_METRICS_H
#define GANI_METRICS_METRICS_H

#include "metrics/features.h"

/* results: a value, and its error or NaN, or two values, as lib/api says */
gan_status gani_frechet_distance(const char *function, double results[2], const gan_features *reals,
                                 const gan_features *fakes);

gan_status gani_kernel_distance(const char *function, double results[2], const gan_features *reals,
                                const gan_features *fakes, const gan_kernel_distance_options *options);

gan_status gani_neighbours(const char *function, double results[2], int is_density, const gan_features *reals,
                           const gan_features *fakes, int64_t k);

gan_status gani_classifier_score(const char *function, double results[2], const gan_features *logits, int64_t splits);

/* For each of `count` sigmas a value and its error: results[2 * i] and [2 * i + 1]. */
gan_status gani_parzen(const char *function, double *results, const gan_features *points, const gan_features *centres,
                       const double *sigmas, int64_t count);

/* results: the share of bins that are different, and the divergence */
gan_status gani_different_bins(const char *function, double results[2], const gan_features *reals,
                               const gan_features *fakes, const gan_bins_options *options);
/* The same of bins that are there: counts of `bins` bins each. */
void gani_compare_bins(int64_t bins, const int64_t *reals, const int64_t *fakes, double significance,
                       double results[2]);

/* histogram: room for as many as there are centres */
gan_status gani_count_modes(const char *function, gan_modes *modes, int64_t *histogram, const gan_features *points,
                            const gan_features *centres, double radius, int32_t rule);
/* Fills all but struct_size from counts by mode. least: how many points cover a mode. */
void gani_modes_of(gan_modes *modes, const int64_t *histogram, int64_t centres, int64_t points, double least);

/* step 1: images i of a and of b; 2: images 2 i and 2 i + 1, in a as in b. The shape was checked. *scales: how many,
 * -1: to be chosen. */
gan_status gani_ms_ssim(const char *function, double results[2], const gan_tensor *a, const gan_tensor *b, int32_t step,
                        double range, int64_t *scales);

int64_t gani_score_text(const gan_score *score, char *buffer, size_t size);

/* Mean of `count` values, and their standard deviation (divided by count); the mean and its standard error. */
void gani_mean_deviation(const double *values, int64_t count, double results[2]);
void gani_mean_error(const double *values, int64_t count, double results[2]);

#endif
