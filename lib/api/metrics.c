/* Exported functions of gan/metrics.h: the metrics. */
#include "metrics/metrics.h"

#include <math.h>
#include <string.h>

#include "api/api.h"
#include "api/ranges.h"

/* ---- results ---- */

/* The caller's struct says its size: GAN_E_ARGUMENT if it was not initialised. NULL: it is not wanted. */
static gan_status check_result(gan_context *context, const char *function, const void *result) {
    size_t size;
    if (result == NULL) return GAN_OK;
    memcpy(&size, result, sizeof size);
    if (gani_is_struct_size(size)) return GAN_OK;
    return gani_fail(context, GAN_E_ARGUMENT, "%s: the result has struct_size %zu: call its init function first",
                     function, size);
}

/* As much as the caller's struct has room for, but for its size. */
static void put_result(void *result, const void *known, size_t known_size) {
    size_t size;
    if (result == NULL) return;
    memcpy(&size, result, sizeof size);
    if (size > known_size) size = known_size;
    memcpy((char *)result + sizeof size, (const char *)known + sizeof size, size - sizeof size);
}

/* ---- one call ---- */

/* What metrics of sets have in common. A call has one score, with an error, or two, of which either may be NULL. */
typedef struct call {
    const char *function;
    gan_score *scores[2];
    const gan_features *reals, *fakes; /* of a metric of one set: both are that one, and `one` is 1 */
    const void *options;               /* the caller's */
    void *known;                       /* defaults, then options; NULL: there are none */
    size_t known_size;
    gan_metric metric;  /* of the first score; the second has the next one */
    int32_t kept, pair; /* vectors must have been kept; there are two scores */
    int32_t least, one; /* vectors of each set */
    double results[2];  /* value and error, or two values */
    double setting;
    const uint64_t *seed; /* NULL: there is none */
} call;

static gan_status check_set(const call *c, const gan_features *set, const char *what) {
    if (set->count < c->least)
        return gani_fail(set->context, GAN_E_STATE, "%s: there are %lld vectors of %s; at least %d are needed",
                         c->function, (long long)set->count, what, (int)c->least);
    if (c->kept && !set->keep)
        return gani_fail(set->context, GAN_E_STATE, "%s: the set of %s keeps no vectors: make it with keep = 1",
                         c->function, what);
    return GAN_OK;
}

/* The sets can be compared, the scores written, the options read. */
static gan_status begin(const call *c) {
    const gan_features *reals = c->reals, *fakes = c->fakes;
    if (reals == NULL || fakes == NULL || (c->scores[0] == NULL && c->scores[1] == NULL)) {
        const gan_features *one = reals != NULL ? reals : fakes;
        return gani_null(one == NULL ? NULL : one->context, c->function, "a set, or the result");
    }
    gan_context *context = reals->context;
    if (context != fakes->context)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the sets belong to different contexts", c->function);
    if (strcmp(reals->name, fakes->name) != 0)
        return gani_fail(context, GAN_E_MISMATCH,
                         "%s: the features of the reals are '%s', those of the fakes '%s': they cannot be compared",
                         c->function, reals->name, fakes->name);
    if (reals->dimension != fakes->dimension)
        return gani_fail(context, GAN_E_SHAPE, "%s: the reals have dimension %lld, the fakes %lld", c->function,
                         (long long)reals->dimension, (long long)fakes->dimension);
    gan_status status = check_set(c, reals, "reals");
    if (status == GAN_OK) status = check_set(c, fakes, "fakes");
    for (int i = 0; i < 2 && status == GAN_OK; i++) status = check_result(context, c->function, c->scores[i]);
    if (status == GAN_OK && c->known != NULL)
        status = gani_options_decode(context, c->function, c->options, c->known, c->known_size);
    return status;
}

/* Writes the scores, if status is GAN_OK; returns status. */
static gan_status end(const call *c, gan_status status) {
    gan_score score = {.has_seed = c->seed != NULL,
                       .reals = c->one ? 0 : c->reals->count,
                       .fakes = c->fakes->count,
                       .setting = c->setting,
                       .seed = c->seed == NULL ? 0 : *c->seed};
    memcpy(score.features, c->fakes->name, sizeof score.features);
    for (int i = 0; i < 2 && status == GAN_OK; i++) {
        score.metric = c->metric + i;
        score.value = c->results[i];
        score.error = c->pair ? NAN : c->results[1];
        put_result(c->scores[i], &score, sizeof score);
    }
    return status;
}

static gan_status check(const call *c, const gani_range *ranges, int32_t count) {
    return gani_check_ranges(c->reals->context, c->function, ranges, count);
}

static double fewer(const call *c) {
    return (double)(c->reals->count < c->fakes->count ? c->reals->count : c->fakes->count);
}

/* ---- two sets ---- */

GAN_API gan_status gan_frechet_distance(gan_score *score, const gan_features *reals, const gan_features *fakes) {
    GANI_ENTER();
    call c = {"gan_frechet_distance", {score}, reals, fakes, .metric = GAN_METRIC_FRECHET, .least = 2, .setting = NAN};
    gan_status status = begin(&c);
    return status != GAN_OK ? status : end(&c, gani_frechet_distance(c.function, c.results, reals, fakes));
}

static const gan_kernel_distance_options kernel_defaults = {.subsets = 100, .subset_size = 1000};
GAN_API void gan_kernel_distance_options_init_sized(gan_kernel_distance_options *options, size_t size) {
    gani_options_init(options, size, &kernel_defaults, sizeof kernel_defaults);
}

GAN_API gan_status gan_kernel_distance(gan_score *score, const gan_features *reals, const gan_features *fakes,
                                       const gan_kernel_distance_options *options) {
    GANI_ENTER();
    gan_kernel_distance_options o = kernel_defaults;
    call c = {"gan_kernel_distance", {score},   reals,     fakes, options, &o, sizeof o,
              GAN_METRIC_KERNEL,     .kept = 1, .least = 2};
    gan_status status = begin(&c);
    if (status != GAN_OK) return status;
    const gani_range ranges[] = {{"subsets", (double)o.subsets, 1, 1e9},
                                 {"subset_size", (double)o.subset_size, 2, fewer(&c)}};
    c.setting = (double)o.subsets;
    c.seed = &o.seed;
    status = check(&c, ranges, 2);
    return status != GAN_OK ? status : end(&c, gani_kernel_distance(c.function, c.results, reals, fakes, &o));
}

static const gan_neighbour_options neighbour_defaults = {.k = -1};
GAN_API void gan_neighbour_options_init_sized(gan_neighbour_options *options, size_t size) {
    gani_options_init(options, size, &neighbour_defaults, sizeof neighbour_defaults);
}

static gan_status neighbours(call c) {
    gan_neighbour_options o = neighbour_defaults;
    c.known = &o;
    c.known_size = sizeof o;
    c.kept = c.pair = 1;
    c.least = 2;
    gan_status status = begin(&c);
    if (status != GAN_OK) return status;
    int is_density = c.metric == GAN_METRIC_DENSITY;
    if (o.k == -1) o.k = is_density ? 5 : 3;
    const gani_range range = {"k", (double)o.k, 1, fewer(&c) - 1};
    c.setting = range.value;
    status = check(&c, &range, 1);
    return status != GAN_OK ? status
                            : end(&c, gani_neighbours(c.function, c.results, is_density, c.reals, c.fakes, o.k));
}

GAN_API gan_status gan_precision_recall(gan_score *precision, gan_score *recall, const gan_features *reals,
                                        const gan_features *fakes, const gan_neighbour_options *options) {
    GANI_ENTER();
    return neighbours(
        (call){"gan_precision_recall", {precision, recall}, reals, fakes, options, .metric = GAN_METRIC_PRECISION});
}

GAN_API gan_status gan_density_coverage(gan_score *density, gan_score *coverage, const gan_features *reals,
                                        const gan_features *fakes, const gan_neighbour_options *options) {
    GANI_ENTER();
    return neighbours(
        (call){"gan_density_coverage", {density, coverage}, reals, fakes, options, .metric = GAN_METRIC_DENSITY});
}

static const gan_bins_options bins_defaults = {.bins = 100, .iterations = 100, .significance = 0.05};
GAN_API void gan_bins_options_init_sized(gan_bins_options *options, size_t size) {
    gani_options_init(options, size, &bins_defaults, sizeof bins_defaults);
}

GAN_API gan_status gan_different_bins(gan_score *different, gan_score *divergence, const gan_features *reals,
                                      const gan_features *fakes, const gan_bins_options *options) {
    GANI_ENTER();
    gan_bins_options o = bins_defaults;
    call c = {"gan_different_bins",
              {different, divergence},
              reals,
              fakes,
              options,
              &o,
              sizeof o,
              GAN_METRIC_DIFFERENT_BINS,
              .kept = 1,
              .pair = 1,
              .least = 1};
    gan_status status = begin(&c);
    if (status != GAN_OK) return status;
    const gani_range ranges[] = {{"bins", (double)o.bins, 2, (double)reals->count},
                                 {"iterations", (double)o.iterations, 1, 1e9},
                                 {"significance", o.significance, 1e-300, 1 - 1e-16}};
    c.setting = ranges[0].value;
    c.seed = &o.seed;
    status = check(&c, ranges, 3);
    return status != GAN_OK ? status : end(&c, gani_different_bins(c.function, c.results, reals, fakes, &o));
}

#define LEAST 1e-100 /* of sigmas and the like, and most */
#define MOST 1e100

GAN_API gan_status gan_parzen_likelihood(gan_score *score, const gan_features *reals, const gan_features *fakes,
                                         double sigma) {
    GANI_ENTER();
    call c = {"gan_parzen_likelihood",     {score},   reals,      fakes,
              .metric = GAN_METRIC_PARZEN, .kept = 1, .least = 1, .setting = sigma};
    const gani_range range = {"sigma", sigma, LEAST, MOST};
    gan_status status = begin(&c);
    if (status == GAN_OK) status = check(&c, &range, 1);
    return status != GAN_OK ? status : end(&c, gani_parzen(c.function, c.results, reals, fakes, &sigma, 1));
}

static const gan_parzen_options parzen_defaults = {.low = 0.1, .high = 1, .count = 10};
GAN_API void gan_parzen_options_init_sized(gan_parzen_options *options, size_t size) {
    gani_options_init(options, size, &parzen_defaults, sizeof parzen_defaults);
}

#define MOST_SIGMAS 100

GAN_API gan_status gan_parzen_sigma(double *sigma, const gan_features *validation, const gan_features *fakes,
                                    const gan_parzen_options *options) {
    GANI_ENTER();
    gan_parzen_options o = parzen_defaults;
    gan_score unused = {.struct_size = sizeof unused};
    call c = {"gan_parzen_sigma", {sigma == NULL ? NULL : &unused}, validation, fakes, options, &o, sizeof o, .kept = 1,
              .least = 1};
    gan_status status = begin(&c);
    if (status != GAN_OK) return status;
    const gani_range ranges[] = {
        {"low", o.low, LEAST, MOST}, {"high", o.high, o.low, MOST}, {"count", (double)o.count, 2, MOST_SIGMAS}};
    status = check(&c, ranges, 3);
    if (status != GAN_OK) return status;
    double sigmas[MOST_SIGMAS], results[2 * MOST_SIGMAS];
    for (int64_t i = 0; i < o.count; i++) sigmas[i] = o.low * pow(o.high / o.low, (double)i / (double)(o.count - 1));
    status = gani_parzen(c.function, results, validation, fakes, sigmas, o.count);
    if (status != GAN_OK) return status;
    int64_t best = 0;
    for (int64_t i = 1; i < o.count; i++)
        if (results[2 * i] > results[2 * best]) best = i;
    *sigma = sigmas[best];
    return GAN_OK;
}

/* ---- one set ---- */

static const gan_classifier_score_options classifier_defaults = {.splits = 10};
GAN_API void gan_classifier_score_options_init_sized(gan_classifier_score_options *options, size_t size) {
    gani_options_init(options, size, &classifier_defaults, sizeof classifier_defaults);
}

GAN_API gan_status gan_classifier_score(gan_score *score, const gan_features *logits,
                                        const gan_classifier_score_options *options) {
    GANI_ENTER();
    gan_classifier_score_options o = classifier_defaults;
    call c = {"gan_classifier_score", {score},   logits,     logits,  options, &o, sizeof o,
              GAN_METRIC_CLASSIFIER,  .kept = 1, .least = 1, .one = 1};
    gan_status status = begin(&c);
    if (status != GAN_OK) return status;
    const gani_range range = {"splits", (double)o.splits, 1, (double)logits->count};
    c.setting = range.value;
    status = check(&c, &range, 1);
    return status != GAN_OK ? status : end(&c, gani_classifier_score(c.function, c.results, logits, o.splits));
}

GAN_API void gan_modes_init_sized(gan_modes *modes, size_t size) {
    static const gan_modes defaults = {.share = NAN, .divergence = NAN, .reverse_divergence = NAN};
    gani_options_init(modes, size, &defaults, sizeof defaults);
}

static const gan_modes_options modes_defaults = {.radius = 3, .rule = GAN_MODES_FAIR_SHARE};
GAN_API void gan_modes_options_init_sized(gan_modes_options *options, size_t size) {
    gani_options_init(options, size, &modes_defaults, sizeof modes_defaults);
}

/* The counts were made in memory of the library's own. */
static void put_modes(gan_modes *modes, const gan_modes *known, int64_t *histogram, const int64_t *counts) {
    put_result(modes, known, sizeof *known);
    if (histogram != NULL) memcpy(histogram, counts, (size_t)known->centres * sizeof *counts);
}

GAN_API gan_status gan_count_modes(gan_modes *modes, int64_t *histogram, const gan_tensor *points,
                                   const gan_tensor *centres, double deviation, const gan_modes_options *options) {
    GANI_ENTER();
    static const char function[] = "gan_count_modes";
    gan_modes_options o = modes_defaults;
    gan_modes known;
    gan_features *p = NULL, *c = NULL;
    int64_t *counts = NULL;
    gan_status status;
    if (!gani_readable(function, points, &status) || !gani_readable(function, centres, &status)) return status;
    gan_context *context = points->context;
    if (modes == NULL) return gani_null(context, function, "modes");
    if (context != centres->context)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the centres belong to another context", function);
    status = check_result(context, function, modes);
    if (status == GAN_OK) status = gani_options_decode(context, function, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, function, o.reserved);
    const gani_range ranges[] = {{"deviation", deviation, LEAST, MOST},
                                 {"radius", o.radius, LEAST, MOST},
                                 {"rule", o.rule, GAN_MODES_FAIR_SHARE, GAN_MODES_ANY}};
    if (status == GAN_OK) status = gani_check_ranges(context, function, ranges, 3);
    if (status != GAN_OK) return status;
    const int64_t *size = centres->shape.size;
    if (centres->shape.rank != 2 || size[0] < 1 || size[1] < 1 || points->shape.rank != 2 || points->shape.size[0] < 1)
        return gani_fail(context, GAN_E_SHAPE, "%s: points are N x d and centres K x d, with at least one of each",
                         function);
    status = gani_features_plain(&p, context, size[1]);
    if (status == GAN_OK) status = gani_features_plain(&c, context, size[1]);
    if (status == GAN_OK) status = gani_features_add(function, p, points);
    if (status == GAN_OK) status = gani_features_add(function, c, centres);
    if (status == GAN_OK && (counts = gani_calloc(context, (size_t)size[0], sizeof *counts)) == NULL)
        status = gani_no_memory(context, function);
    if (status == GAN_OK) status = gani_count_modes(function, &known, counts, p, c, o.radius * deviation, o.rule);
    if (status == GAN_OK) put_modes(modes, &known, histogram, counts);
    gani_features_end(p);
    gani_features_end(c);
    gani_free(context, counts);
    return status;
}

GAN_API gan_status gan_count_classes(gan_modes *modes, int64_t *histogram, const gan_tensor *labels, int64_t classes) {
    GANI_ENTER();
    static const char function[] = "gan_count_classes";
    gan_modes known;
    gan_status status;
    if (!gani_readable(function, labels, &status)) return status;
    gan_context *context = labels->context;
    const gani_range range = {"classes", (double)classes, 1, 1e7};
    if (modes == NULL) return gani_null(context, function, "modes");
    status = check_result(context, function, modes);
    if (status == GAN_OK) status = gani_check_ranges(context, function, &range, 1);
    if (status != GAN_OK) return status;
    int64_t n = gani_count(labels);
    if (labels->dtype != GAN_I32)
        return gani_fail(context, GAN_E_DTYPE, "%s: the labels are not of type i32", function);
    if (n < 1) return gani_fail(context, GAN_E_SHAPE, "%s: there are no labels", function);
    int64_t *counts = gani_calloc(context, (size_t)classes, sizeof *counts);
    if (counts == NULL) return gani_no_memory(context, function);
    for (int64_t i = 0; i < n && status == GAN_OK; i++) {
        double label = gan_tensor_item(labels, i);
        if (label < 0 || label >= (double)classes)
            status = gani_fail(context, GAN_E_ARGUMENT, "%s: label %lld is %d, not 0 to %lld", function, (long long)i,
                               (int)label, (long long)classes - 1);
        else
            counts[(int64_t)label]++;
    }
    if (status == GAN_OK) {
        gani_modes_of(&known, counts, classes, n, 1);
        put_modes(modes, &known, histogram, counts);
    }
    gani_free(context, counts);
    return status;
}

/* ---- pictures ---- */

static const gan_ms_ssim_options ms_ssim_defaults = {.low = -1, .high = 1, .scales = -1};
GAN_API void gan_ms_ssim_options_init_sized(gan_ms_ssim_options *options, size_t size) {
    gani_options_init(options, size, &ms_ssim_defaults, sizeof ms_ssim_defaults);
}

/* step 1: images i of a and of b; 2: images 2 i and 2 i + 1, in a as in b. */
static gan_status similarity(const char *function, gan_score *score, const gan_tensor *a, const gan_tensor *b,
                             int32_t step, const gan_ms_ssim_options *options) {
    gan_status status;
    if (!gani_readable(function, a, &status) || !gani_readable(function, b, &status)) return status;
    gan_context *context = a->context;
    gan_ms_ssim_options o = ms_ssim_defaults;
    const gan_features pixels = {.context = context, .count = a->shape.size[0] / step, .name = "pixels"};
    call c = {function, {score}, &pixels, &pixels, options, &o, sizeof o, GAN_METRIC_MS_SSIM, .one = 1};
    char text[GANI_SHAPE_TEXT], other[GANI_SHAPE_TEXT];
    status = begin(&c);
    if (status != GAN_OK) return status;
    const gani_range ranges[] = {{"scales", (double)o.scales, o.scales == -1 ? -1 : 1, 5},
                                 {"high - low", o.high - o.low, LEAST, MOST}};
    status = check(&c, ranges, 2);
    if (status != GAN_OK) return status;
    if (context != b->context)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the images belong to different contexts", function);
    if (a->dtype == GAN_I32 || b->dtype == GAN_I32)
        return gani_fail(context, GAN_E_DTYPE, "%s: the images are of type i32", function);
    if (a->shape.rank != 4 || !gan_shape_equal(a->shape, b->shape) || gani_count(a) == 0 || pixels.count < 1)
        return gani_fail(context, GAN_E_SHAPE,
                         "%s: the images are %s and %s, not of one shape N x C x H x W with a pair in it", function,
                         gani_shape_text(a->shape, text), gani_shape_text(b->shape, other));
    status = gani_ms_ssim(function, c.results, a, b, step, o.high - o.low, &o.scales);
    c.setting = (double)o.scales;
    return end(&c, status);
}

GAN_API gan_status gan_ms_ssim(gan_score *score, const gan_tensor *a, const gan_tensor *b,
                               const gan_ms_ssim_options *options) {
    GANI_ENTER();
    return similarity("gan_ms_ssim", score, a, b, 1, options);
}

GAN_API gan_status gan_ms_ssim_diversity(gan_score *score, const gan_tensor *images,
                                         const gan_ms_ssim_options *options) {
    GANI_ENTER();
    return similarity("gan_ms_ssim_diversity", score, images, images, 2, options);
}
