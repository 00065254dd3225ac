/* What the tests of metrics share: a context, samples, sets, all metrics one after the other. */
#ifndef TESTS_UNIT_METRICS_FIXTURE_H
#define TESTS_UNIT_METRICS_FIXTURE_H

#include <gan.h>

#include "host.h"

/* f64 normal numbers, a new sequence for each salt. */
gan_tensor *metrics_normal(gan_context *context, int64_t count, int64_t dimension, double mean, double deviation,
                           uint64_t salt);
/* A set with the vectors of a tensor, which is released; keep: as in gan_features_options. */
gan_features *metrics_set(gan_context *context, gan_tensor *vectors, int32_t keep);
gan_features *metrics_normal_set(gan_context *context, int64_t count, int64_t dimension, double mean, double deviation,
                                 uint64_t salt);

/* A fresh score, and the value that the metric has put into it. */
gan_score metrics_score(void);
double metrics_frechet(const gan_features *reals, const gan_features *fakes);

/* Every metric once, on small sets that it makes: all values into `values` (METRICS_VALUES). Ends with the first
 * status that is not GAN_OK. */
#define METRICS_VALUES 25
gan_status metrics_all(gan_context *context, double values[METRICS_VALUES]);

#endif
