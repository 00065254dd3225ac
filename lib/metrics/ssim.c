/* Multi-scale structural similarity. */
#include <math.h>

#include "metrics/metrics.h"

#define TAPS 11
#define SIGMA 1.5
#define SCALES 5
#define ROUND 64 /* pairs between two looks at the cancel hook */

/* Weighted means in a window of two images, of their squares and of their product. */
enum { A, B, AA, BB, AB, MEANS };

typedef struct comparison {
    const gan_tensor *a, *b;
    int64_t step, scales;
    double c1, c2;
    double *memory; /* of each worker: one channel of two images, and MEANS for each place of one */
    int64_t share;
    int64_t start; /* of this round */
    double *values;
} comparison;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* sums[0] += luminance times contrast and structure, sums[1] += the latter alone: means over all windows. x holds both
 * images, one after the other. */
static void compare(const comparison *c, const double *x, int64_t h, int64_t w, double *means, double sums[2]) {
    int64_t size = least(TAPS, least(h, w)), wide = w - size + 1, high = h - size + 1;
    double taps[TAPS], total = 0, all = 0, most = 0, *m = means;
    for (int64_t t = 0; t < size; t++) {
        double at = ((double)t - (double)(size - 1) / 2) / (SIGMA * (double)size / TAPS);
        total += taps[t] = exp(-at * at / 2);
    }
    for (int64_t t = 0; t < size; t++) taps[t] /= total;
    for (int64_t i = 0; i < h; i++) /* along rows first, then along columns */
        for (int64_t j = 0; j < wide; j++, m += MEANS) {
            for (int k = 0; k < MEANS; k++) m[k] = 0;
            for (int64_t t = 0; t < size; t++) {
                double a = x[i * w + j + t], b = x[(h + i) * w + j + t], f = taps[t];
                m[A] += f * a;
                m[B] += f * b;
                m[AA] += f * a * a;
                m[BB] += f * b * b;
                m[AB] += f * a * b;
            }
        }
    for (int64_t i = 0; i < high * wide; i++) {
        double v[MEANS] = {0};
        for (int64_t t = 0; t < size; t++)
            for (int k = 0; k < MEANS; k++) v[k] += taps[t] * means[(i + t * wide) * MEANS + k];
        double product = v[A] * v[B], squares = v[A] * v[A] + v[B] * v[B];
        double structure = (2 * (v[AB] - product) + c->c2) / (v[AA] + v[BB] - squares + c->c2);
        all += structure * ((2 * product + c->c1) / (squares + c->c1));
        most += structure;
    }
    sums[0] += all / (double)(high * wide);
    sums[1] += most / (double)(high * wide);
}

/* y = means of 2 x 2; the last row or column of an odd number counts twice. y may be where x is, or before. */
static void halve(const double *x, int64_t h, int64_t w, double *y) {
    for (int64_t i = 0; i < h; i += 2)
        for (int64_t j = 0; j < w; j += 2) {
            const double *top = x + i * w, *low = x + least(i + 1, h - 1) * w;
            int64_t right = least(j + 1, w - 1);
            *y++ = (top[j] + top[right] + low[j] + low[right]) / 4;
        }
}

/* One channel of one image. */
static void load(const gan_tensor *images, int64_t image, int64_t channel, double *plane) {
    gan_tensor source = gani_tensor_items(images, image, 1), target;
    source.shape.size[1] = 1;
    source.data = (char *)source.data + channel * images->strides[1] * (int64_t)gan_dtype_size(images->dtype);
    gani_tensor_describe(&target, NULL, GAN_F64, source.shape);
    target.data = plane;
    gani_tensor_copy_values(&target, &source);
}

static void work(void *argument, int64_t index, int32_t worker) {
    static const double weights[SCALES] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    const comparison *c = argument;
    const int64_t *size = c->a->shape.size;
    int64_t pair = c->start + index;
    double *x = c->memory + worker * c->share, *means = x + 2 * size[2] * size[3];
    double sums[SCALES][2] = {{0}}, value = 1, total = 0;
    for (int64_t channel = 0; channel < size[1]; channel++) {
        int64_t h = size[2], w = size[3];
        load(c->a, c->step * pair, channel, x);
        load(c->b, c->step * pair + c->step - 1, channel, x + h * w);
        for (int64_t s = 0; s < c->scales; s++) {
            compare(c, x, h, w, means, sums[s]);
            int64_t high = (h + 1) / 2, wide = (w + 1) / 2;
            halve(x, h, w, x);
            halve(x + h * w, h, w, x + high * wide);
            h = high;
            w = wide;
        }
    }
    for (int64_t s = 0; s < c->scales; s++) total += weights[s];
    for (int64_t s = 0; s < c->scales; s++) {
        double mean = sums[s][s + 1 < c->scales] / (double)size[1];
        value *= pow(mean < 0 ? 0 : mean, weights[s] / total); /* NaN stays */
    }
    c->values[pair] = value;
}

gan_status gani_ms_ssim(const char *function, double results[2], const gan_tensor *a, const gan_tensor *b, int32_t step,
                        double range, int64_t *scales) {
    gan_context *context = a->context;
    const int64_t *size = a->shape.size;
    int64_t pairs = size[0] / step, edge = least(size[2], size[3]);
    if (*scales < 0)
        for (*scales = 1; *scales < SCALES && (edge = (edge + 1) / 2) >= TAPS;) ++*scales;
    comparison c = {a, b, step, *scales, 0.0001 * range * range, 0.0009 * range * range, .start = 0};
    c.share = (2 + MEANS) * size[2] * size[3];
    c.memory = gani_calloc(context, (size_t)gani_pool_workers(context->pool), (size_t)c.share * sizeof(double));
    c.values = gani_alloc(context, (size_t)pairs * sizeof(double));
    gan_status status = c.memory == NULL || c.values == NULL ? gani_no_memory(context, function) : GAN_OK;
    for (; c.start < pairs && status == GAN_OK; c.start += ROUND) {
        gani_parallel(context->pool, least(ROUND, pairs - c.start), work, &c);
        status = gani_go_on(context, function);
    }
    for (int64_t i = 0; i < pairs && status == GAN_OK; i++)
        if (!isfinite(c.values[i]))
            status = gani_fail(context, GAN_E_NUMERIC, "%s: an image of pair %lld has a value that is not finite",
                               function, (long long)i);
    if (status == GAN_OK) gani_mean_error(c.values, pairs, results);
    gani_free(context, c.memory);
    gani_free(context, c.values);
    return status;
}
