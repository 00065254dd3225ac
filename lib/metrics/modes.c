/* How points spread over modes. */
#include <math.h>
#include <string.h>

#include "metrics/metrics.h"

void gani_modes_of(gan_modes *modes, const int64_t *histogram, int64_t centres, int64_t points, double least) {
    double forward = 0, backward = 0, k = (double)centres;
    modes->points = points;
    modes->centres = centres;
    modes->modes = modes->high_quality = 0;
    for (int64_t i = 0; i < centres; i++) {
        modes->modes += (double)histogram[i] >= least;
        modes->high_quality += histogram[i];
    }
    for (int64_t i = 0; i < centres; i++) {
        double f = (double)histogram[i] / (double)modes->high_quality;
        if (f > 0) forward += f * log(k * f);
        backward -= log(k * f) / k;
    }
    modes->share = (double)modes->high_quality / (double)points;
    modes->divergence = modes->high_quality > 0 ? forward : NAN;
    modes->reverse_divergence = modes->high_quality > 0 ? backward : NAN;
}

gan_status gani_count_modes(const char *function, gan_modes *modes, int64_t *histogram, const gan_features *points,
                            const gan_features *centres, double radius, int32_t rule) {
    gan_context *context = points->context;
    int64_t n = points->count, k = centres->count;
    int64_t *index = gani_alloc(context, (size_t)n * sizeof *index);
    double *distance = gani_alloc(context, (size_t)n * sizeof *distance);
    gan_status status = index == NULL || distance == NULL ? gani_no_memory(context, function) : GAN_OK;
    if (status == GAN_OK) status = gani_nearest(function, points, centres, index, distance);
    if (status == GAN_OK) {
        memset(histogram, 0, (size_t)k * sizeof *histogram);
        for (int64_t i = 0; i < n; i++) histogram[index[i]] += sqrt(distance[i]) <= radius;
        gani_modes_of(modes, histogram, k, n, rule == GAN_MODES_ANY ? 1 : (double)n / (5 * (double)k));
    }
    gani_free(context, index);
    gani_free(context, distance);
    return status;
}
