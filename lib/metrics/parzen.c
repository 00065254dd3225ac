/* Log likelihood under a Parzen window. */
#include <math.h>

#include "metrics/metrics.h"

#define SMALLEST -100 /* e^-100 beside a 1 that is in the sum, too, is nothing, and most terms are smaller */
#define TWO_PI 6.283185307179586476925287

/* log sum exp over the centres, for several widths at once: per point the smallest squared distance so far, and for
 * each width the sum of exp(-(distance - smallest) / (2 sigma^2)). */
typedef struct window {
    const double *sigmas;
    int64_t count;
    double *smallest, *sums;
} window;

static double factor(double sigma) { return 1 / (2 * sigma * sigma); }

static void add(void *user, int64_t row, int64_t column, int64_t count, const double *values) {
    const window *w = user;
    double smallest = column == 0 ? INFINITY : w->smallest[row], least = smallest;
    for (int64_t i = 0; i < count; i++) least = values[i] < least ? values[i] : least;
    for (int64_t k = 0; k < w->count; k++) {
        double scale = factor(w->sigmas[k]), *sum = &w->sums[row * w->count + k];
        *sum = column == 0 ? 0 : *sum * exp((least - smallest) * scale);
        for (int64_t i = 0; i < count; i++) {
            double x = (least - values[i]) * scale;
            if (x > SMALLEST) *sum += exp(x);
        }
    }
    w->smallest[row] = least;
}

gan_status gani_parzen(const char *function, double *results, const gan_features *points, const gan_features *centres,
                       const double *sigmas, int64_t count) {
    gan_context *context = points->context;
    int64_t n = points->count;
    double *memory = gani_calloc(context, (size_t)n, (size_t)(count + 2) * sizeof *memory);
    if (memory == NULL) return gani_no_memory(context, function);
    double *values = memory + n;
    window w = {sigmas, count, memory, values + n};
    gan_status status = gani_pairs(function, GANI_DISTANCES, points, centres, add, &w);
    for (int64_t k = 0; k < count && status == GAN_OK; k++) {
        double norm = log((double)centres->count) + (double)points->dimension * (log(sigmas[k]) + log(TWO_PI) / 2);
        for (int64_t i = 0; i < n; i++)
            values[i] = log(w.sums[i * count + k]) - w.smallest[i] * factor(sigmas[k]) - norm;
        gani_mean_error(values, n, results + 2 * k);
    }
    gani_free(context, memory);
    return status;
}
