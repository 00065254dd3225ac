/* Precision and recall, density and coverage: balls around vectors that reach to their k-th neighbours. */
#include <math.h>

#include "metrics/metrics.h"

/* For each row the k smallest distances to others of its set, as a heap with the largest on top. */
typedef struct smallest {
    int64_t k;
    double *heaps;
} smallest;

static void keep(double *heap, int64_t k, double value) {
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < k; at = child) {
        if (child + 1 < k && heap[child + 1] > heap[child]) child++;
        if (!(heap[child] > value)) break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

static void collect(void *user, int64_t row, int64_t column, int64_t count, const double *values) {
    const smallest *s = user;
    double *heap = s->heaps + row * s->k;
    for (int64_t i = 0; i < count; i++)
        if (values[i] < heap[0] && column + i != row) keep(heap, s->k, values[i]);
}

/* Squared distances to the k-th neighbours, in place of the heaps. */
static gan_status radii(const char *function, const gan_features *set, int64_t k, double *heaps) {
    smallest s = {k, heaps};
    for (int64_t i = 0; i < set->count * k; i++) heaps[i] = INFINITY;
    gan_status status = gani_pairs(function, GANI_DISTANCES, set, set, collect, &s);
    for (int64_t i = 0; i < set->count; i++) heaps[i] = heaps[i * k];
    return status;
}

/* For each row, in how many balls of columns it lies. */
typedef struct inside {
    const double *radii;
    int of_row; /* 1: the balls are the row's */
    int open;   /* 1: without their surfaces */
    int64_t *counts;
} inside;

static void count_inside(void *user, int64_t row, int64_t column, int64_t count, const double *values) {
    const inside *s = user;
    for (int64_t i = 0; i < count; i++) {
        double radius = s->radii[s->of_row ? row : column + i];
        s->counts[row] += s->open ? values[i] < radius : values[i] <= radius;
    }
}

/* sum: of the counts; share: of the rows whose count is not 0 */
static gan_status count_all(const char *function, const gan_features *rows, const gan_features *columns, inside *s,
                            double *sum, double *share) {
    for (int64_t i = 0; i < rows->count; i++) s->counts[i] = 0;
    gan_status status = gani_pairs(function, GANI_DISTANCES, rows, columns, count_inside, s);
    int64_t all = 0, some = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        all += s->counts[i];
        some += s->counts[i] > 0;
    }
    *sum = (double)all;
    *share = (double)some / (double)rows->count;
    return status;
}

gan_status gani_neighbours(const char *function, double results[2], int is_density, const gan_features *reals,
                           const gan_features *fakes, int64_t k) {
    gan_context *context = reals->context;
    int64_t most = reals->count > fakes->count ? reals->count : fakes->count;
    double *heaps = gani_calloc(context, (size_t)most, (size_t)k * sizeof *heaps), sum, share;
    inside s = {heaps, 0, is_density, gani_alloc(context, (size_t)most * sizeof *s.counts)};
    gan_status status = heaps == NULL || s.counts == NULL ? gani_no_memory(context, function) : GAN_OK;
    if (status == GAN_OK) status = radii(function, reals, k, heaps);
    if (status == GAN_OK) status = count_all(function, fakes, reals, &s, &sum, &share);
    if (status == GAN_OK) {
        results[0] = is_density ? sum / ((double)k * (double)fakes->count) : share;
        s.of_row = is_density;
        if (!is_density) status = radii(function, fakes, k, heaps);
    }
    if (status == GAN_OK) status = count_all(function, reals, fakes, &s, &sum, &results[1]);
    gani_free(context, heaps);
    gani_free(context, s.counts);
    return status;
}
