/* Bins by k-means, and the test whether two samples fill them alike. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "metrics/metrics.h"

typedef struct clusters {
    const gan_features *points;
    gan_features *centres, *one; /* one: the newest centre alone, while they are chosen */
    int64_t *index, *before;     /* of each point: its bin, and its bin one iteration ago */
    double *distance, *nearest;  /* of each point */
    int64_t *counts;             /* of each bin */
} clusters;

/* A point with a probability that grows with its squared distance to the nearest centre (Arthur, Vassilvitskii 2007);
 * the first, or where all distances are 0, any. u: a random number in (0, 1). */
static int64_t draw(const clusters *c, double u, int is_first) {
    int64_t n = c->points->count, i = 0;
    double total = 0, sum = 0;
    for (int64_t k = 0; k < n && !is_first; k++) total += c->nearest[k];
    if (!(total > 0)) return (int64_t)(u * (double)n);
    while (i < n - 1 && (sum += c->nearest[i]) <= u * total) i++;
    return i;
}

static gan_status begin(const char *function, const clusters *c, const gan_bins_options *options) {
    gan_status status = GAN_OK;
    for (int64_t k = 0; k < options->bins && status == GAN_OK; k++) {
        double u;
        gani_fill_uniform_f64(options->seed, GAN_STREAM_METRICS, (uint64_t)k, 0, 1, 0, 1, &u);
        const double *point = gani_vector(c->points, draw(c, u, k == 0));
        gani_features_reset(c->one);
        status = gani_features_append(c->one, point);
        if (status == GAN_OK) status = gani_features_append(c->centres, point);
        if (status == GAN_OK) status = gani_nearest(function, c->points, c->one, c->index, c->distance);
        for (int64_t i = 0; i < c->points->count && status == GAN_OK; i++)
            if (k == 0 || c->distance[i] < c->nearest[i]) c->nearest[i] = c->distance[i];
    }
    return status;
}

static void count(const clusters *c, int64_t points) {
    memset(c->counts, 0, (size_t)c->centres->count * sizeof *c->counts);
    for (int64_t i = 0; i < points; i++) c->counts[c->index[i]]++;
}

/* Centres become the means of their points; those without points stay. */
static void move(const clusters *c) {
    const gani_kernels *k = gani_kernels_for(c->points->context, GAN_F64);
    int64_t d = c->points->dimension;
    count(c, c->points->count);
    for (int64_t i = 0; i < c->centres->count; i++)
        if (c->counts[i] > 0) memset(gani_vector(c->centres, i), 0, (size_t)d * sizeof(double));
    for (int64_t i = 0; i < c->points->count; i++)
        k->axpy(d, 1 / (double)c->counts[c->index[i]], gani_vector(c->points, i), gani_vector(c->centres, c->index[i]));
}

static gan_status make_clusters(const char *function, const clusters *c, const gan_bins_options *options) {
    size_t size = (size_t)c->points->count * sizeof *c->index;
    gan_status status = begin(function, c, options);
    for (int64_t i = 0; status == GAN_OK; i++) {
        memcpy(c->before, c->index, size);
        status = gani_nearest(function, c->points, c->centres, c->index, c->distance);
        if (i == options->iterations || (i > 0 && memcmp(c->before, c->index, size) == 0)) break;
        if (status == GAN_OK) move(c);
    }
    return status;
}

static double part_of_divergence(double p, double q) { return p > 0 ? p / 2 * log(2 * p / (p + q)) : 0; }

void gani_compare_bins(int64_t bins, const int64_t *reals, const int64_t *fakes, double significance,
                       double results[2]) {
    double n = 0, m = 0, divergence = 0;
    int64_t different = 0;
    for (int64_t i = 0; i < bins; i++) {
        n += (double)reals[i];
        m += (double)fakes[i];
    }
    for (int64_t i = 0; i < bins; i++) {
        double p = (double)reals[i] / n, q = (double)fakes[i] / m;
        double pooled = (double)(reals[i] + fakes[i]) / (n + m), se = sqrt(pooled * (1 - pooled) * (1 / n + 1 / m));
        different += erfc(fabs(p - q) / se / sqrt(2)) < significance; /* NaN in an empty bin: not different */
        divergence += part_of_divergence(p, q) + part_of_divergence(q, p);
    }
    results[0] = (double)different / (double)bins;
    results[1] = divergence;
}

gan_status gani_different_bins(const char *function, double results[2], const gan_features *reals,
                               const gan_features *fakes, const gan_bins_options *options) {
    gan_context *context = reals->context;
    size_t bins = (size_t)options->bins, n = (size_t)(reals->count > fakes->count ? reals->count : fakes->count);
    clusters c = {.points = reals};
    int64_t *all = gani_alloc(context, (2 * n + 2 * bins) * sizeof *all);
    double *distances = gani_alloc(context, 2 * n * sizeof *distances);
    gan_status status = all == NULL || distances == NULL ? gani_no_memory(context, function) : GAN_OK;
    if (status == GAN_OK) status = gani_features_plain(&c.centres, context, reals->dimension);
    if (status == GAN_OK) status = gani_features_plain(&c.one, context, reals->dimension);
    if (status == GAN_OK) {
        int64_t *counts = all + 2 * n;
        c.index = all;
        c.before = all + n;
        c.counts = counts;
        c.distance = distances;
        c.nearest = distances + n;
        status = make_clusters(function, &c, options);
        if (status == GAN_OK) {
            count(&c, reals->count);
            c.counts += bins;
            status = gani_nearest(function, fakes, c.centres, c.index, c.distance);
        }
        if (status == GAN_OK) {
            count(&c, fakes->count);
            gani_compare_bins(options->bins, counts, c.counts, options->significance, results);
        }
    }
    gani_features_end(c.centres);
    gani_features_end(c.one);
    gani_free(context, all);
    gani_free(context, distances);
    return status;
}
