/* Classifier score: how sure a classifier is of each image, and how different of all. */
#include <math.h>
#include <string.h>

#include "metrics/metrics.h"

void gani_mean_deviation(const double *values, int64_t count, double results[2]) {
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) mean += values[i] / (double)count;
    for (int64_t i = 0; i < count; i++) sum += (values[i] - mean) * (values[i] - mean);
    results[0] = mean;
    results[1] = sqrt(sum / (double)count);
}

void gani_mean_error(const double *values, int64_t count, double results[2]) {
    gani_mean_deviation(values, count, results);
    results[1] /= sqrt((double)count);
}

static double times_log(double p) { return p > 0 ? p * log(p) : 0; }

/* exp of the mean of sum p log p, minus the same sum of the mean p. */
static double score_of(const gan_features *logits, int64_t start, int64_t count, double *mean, double *line) {
    const gani_kernels *k = gani_kernels_for(logits->context, GAN_F64);
    int64_t classes = logits->dimension;
    double sum = 0;
    memset(mean, 0, (size_t)classes * sizeof *mean);
    for (int64_t i = start; i < start + count; i++) {
        k->log_softmax(k, 1, classes, 1, gani_vector(logits, i), line);
        for (int64_t j = 0; j < classes; j++) {
            double p = exp(line[j]);
            if (p > 0) sum += p * line[j] / (double)count;
            mean[j] += p / (double)count;
        }
    }
    for (int64_t j = 0; j < classes; j++) sum -= times_log(mean[j]);
    return exp(sum);
}

gan_status gani_classifier_score(const char *function, double results[2], const gan_features *logits, int64_t splits) {
    gan_context *context = logits->context;
    int64_t classes = logits->dimension;
    double *mean = gani_alloc(context, (size_t)(2 * classes + splits) * sizeof *mean), *scores = mean + 2 * classes;
    if (mean == NULL) return gani_no_memory(context, function);
    gan_status status = GAN_OK;
    for (int64_t s = 0; s < splits && status == GAN_OK; s++) {
        int64_t start = s * logits->count / splits, end = (s + 1) * logits->count / splits;
        scores[s] = score_of(logits, start, end - start, mean, mean + classes);
        status = gani_go_on(context, function);
    }
    if (status == GAN_OK) gani_mean_deviation(scores, splits, results);
    gani_free(context, mean);
    return status;
}
