/* Kernel distance: the squared maximum mean discrepancy with a cubic kernel. */
#include "base/rng.h"
#include "metrics/metrics.h"

#include <math.h>

typedef struct sums {
    double scale; /* 1 / dimension */
    int skip;     /* 1: the diagonal is left out */
    double *rows; /* a sum for each row */
} sums;

static void add(void *user, int64_t row, int64_t column, int64_t count, const double *values) {
    const sums *s = user;
    for (int64_t i = 0; i < count; i++) {
        double k = values[i] * s->scale + 1;
        if (!s->skip || column + i != row) s->rows[row] += k * k * k;
    }
}

/* The sum of the kernel over all pairs. */
static gan_status kernel_sum(const char *function, double *sum, const gan_features *a, const gan_features *b,
                             double *rows) {
    sums s = {1 / (double)a->dimension, a == b, rows};
    for (int64_t i = 0; i < a->count; i++) rows[i] = 0;
    gan_status status = gani_pairs(function, GANI_PRODUCTS, a, b, add, &s);
    *sum = 0;
    for (int64_t i = 0; i < a->count; i++) *sum += rows[i];
    return status;
}

static gan_status choose(gan_features *chosen, const gan_features *set, int64_t size, uint64_t seed, uint64_t index,
                         int64_t *order) {
    gan_status status = GAN_OK;
    gani_shuffle(seed, GAN_STREAM_METRICS, index, set->count, order);
    gani_features_reset(chosen);
    for (int64_t i = 0; i < size && status == GAN_OK; i++)
        status = gani_features_append(chosen, gani_vector(set, order[i]));
    return status;
}

typedef struct space {
    gan_features *x, *y;
    int64_t *order;
    double *values, *rows;
} space;

static gan_status estimate(const char *function, double *value, const space *s) {
    double xx, yy, xy, m = (double)s->x->count;
    gan_status status = kernel_sum(function, &xx, s->x, s->x, s->rows);
    if (status == GAN_OK) status = kernel_sum(function, &yy, s->y, s->y, s->rows);
    if (status == GAN_OK) status = kernel_sum(function, &xy, s->x, s->y, s->rows);
    if (status == GAN_OK) *value = (xx + yy) / (m * (m - 1)) - 2 / (m * m) * xy;
    return status;
}

gan_status gani_kernel_distance(const char *function, double results[2], const gan_features *reals,
                                const gan_features *fakes, const gan_kernel_distance_options *options) {
    gan_context *context = reals->context;
    int64_t size = options->subset_size, most = reals->count > fakes->count ? reals->count : fakes->count;
    space s = {0};
    gan_status status = gani_features_plain(&s.x, context, reals->dimension);
    if (status == GAN_OK) status = gani_features_plain(&s.y, context, reals->dimension);
    s.order = gani_alloc(context, (size_t)most * sizeof *s.order);
    s.values = gani_alloc(context, (size_t)options->subsets * sizeof *s.values);
    s.rows = gani_alloc(context, (size_t)size * sizeof *s.rows);
    if (status == GAN_OK && (s.order == NULL || s.values == NULL || s.rows == NULL))
        status = gani_no_memory(context, function);
    for (int64_t i = 0; i < options->subsets && status == GAN_OK; i++) {
        uint64_t index = (uint64_t)i << 33;
        status = choose(s.x, reals, size, options->seed, index, s.order);
        if (status == GAN_OK) status = choose(s.y, fakes, size, options->seed, index + (UINT64_C(1) << 32), s.order);
        if (status == GAN_OK) status = estimate(function, &s.values[i], &s);
    }
    if (status == GAN_OK) gani_mean_error(s.values, options->subsets, results);
    if (size == most) results[1] = NAN; /* all subsets are the same */
    gani_features_end(s.x);
    gani_features_end(s.y);
    gani_free(context, s.order);
    gani_free(context, s.values);
    gani_free(context, s.rows);
    return status;
}
