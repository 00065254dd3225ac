/* Metrics of distances between vectors: neighbours, Parzen windows, bins, modes; against identities and plain loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "base/rng.h"
#include "compare.h"
#include "metrics/metrics.h"
#include "metrics_fixture.h"

static gan_context *context;

static int open_context(void **state) {
    (void)state;
    context = host_context(2);
    return 0;
}
static int close_context(void **state) {
    (void)state;
    gan_context_release(context);
    return 0;
}

#define OK(call) assert_int_equal(call, GAN_OK)
#define NEAR(actual, expected, tolerance) assert_true(compare_number(#actual, actual, expected, tolerance))

static gan_features *set_of(int64_t count, int64_t dimension, const double *values) {
    return metrics_set(context, host_tensor(context, GAN_F64, gan_shape_2d(count, dimension), values), 1);
}

static double squared(const double *a, const double *b, int64_t d) {
    double sum = 0;
    for (int64_t i = 0; i < d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* ---- neighbours ---- */

typedef struct four {
    double precision, recall, density, coverage;
} four;

static four measure(const gan_features *reals, const gan_features *fakes, int64_t k) {
    gan_score a = metrics_score(), b = metrics_score(), c = metrics_score(), d = metrics_score();
    gan_neighbour_options o;
    gan_neighbour_options_init(&o);
    o.k = k;
    OK(gan_precision_recall(&a, &b, reals, fakes, &o));
    OK(gan_density_coverage(&c, &d, reals, fakes, &o));
    assert_true(a.metric == GAN_METRIC_PRECISION && b.metric == GAN_METRIC_RECALL);
    assert_true(c.metric == GAN_METRIC_DENSITY && d.metric == GAN_METRIC_COVERAGE);
    assert_true(a.setting == (double)(k < 0 ? 3 : k) && d.setting == (double)(k < 0 ? 5 : k));
    assert_true(isnan(a.error) && isnan(d.error) && a.reals == gan_features_count(reals) && c.has_seed == 0);
    return (four){a.value, b.value, c.value, d.value};
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double *plain_radii(const double *x, int64_t n, int64_t d, int64_t k) {
    double *radii = malloc((size_t)n * sizeof *radii), *line = malloc((size_t)n * sizeof *line);
    assert_true(radii != NULL && line != NULL);
    for (int64_t i = 0; i < n; i++) {
        int64_t count = 0;
        for (int64_t j = 0; j < n; j++)
            if (j != i) line[count++] = squared(x + i * d, x + j * d, d);
        qsort(line, (size_t)count, sizeof *line, ascending);
        radii[i] = line[k - 1];
    }
    free(line);
    return radii;
}

static four plain(const double *x, int64_t n, const double *y, int64_t m, int64_t d, int64_t k) {
    double *rx = plain_radii(x, n, d, k), *ry = plain_radii(y, m, d, k);
    four result = {0, 0, 0, 0};
    for (int64_t j = 0; j < m; j++) {
        int in = 0;
        for (int64_t i = 0; i < n; i++) {
            double r = squared(x + i * d, y + j * d, d);
            in |= r <= rx[i];
            result.density += (r < rx[i]) / (double)(k * m);
        }
        result.precision += in / (double)m;
    }
    for (int64_t i = 0; i < n; i++) {
        int in = 0, near = 0;
        for (int64_t j = 0; j < m; j++) {
            double r = squared(x + i * d, y + j * d, d);
            in |= r <= ry[j];
            near |= r < rx[i];
        }
        result.recall += in / (double)n;
        result.coverage += near / (double)n;
    }
    free(rx);
    free(ry);
    return result;
}

static void assert_four(four a, four b) {
    NEAR(a.precision, b.precision, 1e-12);
    NEAR(a.recall, b.recall, 1e-12);
    NEAR(a.density, b.density, 1e-12);
    NEAR(a.coverage, b.coverage, 1e-12);
}

/* By the definitions; also far from 0, where |a|^2 + |b|^2 - 2 a.b has lost all digits, and with many equal vectors. */
static void neighbours(void **state) {
    (void)state;
    enum { N = 330, M = 290, DIMENSION = 3 };
    static double x[N * DIMENSION], y[M * DIMENSION];
    for (int kind = 0; kind < 3; kind++) {
        gani_fill_normal_f64(1, 1, (uint64_t)kind * 1000, 0, N * DIMENSION, kind == 1 ? 1e5 : 0, 1e-3, x);
        gani_fill_normal_f64(2, 1, (uint64_t)kind * 1000, 0, M * DIMENSION, kind == 1 ? 1e5 : 5e-4, 8e-4, y);
        for (int i = 0; i < N * DIMENSION && kind == 2; i++) x[i] = floor(x[i] * 700);
        for (int i = 0; i < M * DIMENSION && kind == 2; i++) y[i] = floor(y[i] * 700);
        gan_features *reals = set_of(N, DIMENSION, x), *fakes = set_of(M, DIMENSION, y);
        for (int64_t k = 1; k <= 289; k = k * 2 + 1) {
            four result = measure(reals, fakes, k);
            assert_four(result, plain(x, N, y, M, DIMENSION, k));
            assert_true(k > 1 || kind == 2 || (result.precision > 0.2 && result.precision < 0.9));
        }
        four usual = measure(reals, fakes, -1), three = measure(reals, fakes, 3), five = measure(reals, fakes, 5);
        assert_true(usual.precision == three.precision && usual.recall == three.recall);
        assert_true(usual.density == five.density && usual.coverage == five.coverage);
        gan_features_release(reals);
        gan_features_release(fakes);
    }
}

/* Sets far apart: 0 four times; the same set: 1, 1, ., 1. Either score may be left out. */
static void neighbour_extremes(void **state) {
    (void)state;
    gan_features *a = metrics_normal_set(context, 70, 5, 0, 1, 1), *b = metrics_normal_set(context, 60, 5, 100, 1, 2);
    assert_four(measure(a, b, -1), (four){0, 0, 0, 0});
    four same = measure(a, a, -1);
    assert_true(same.precision == 1 && same.recall == 1 && same.coverage == 1);
    gan_score score = metrics_score();
    OK(gan_precision_recall(NULL, &score, a, a, NULL));
    assert_true(score.value == 1 && score.metric == GAN_METRIC_RECALL);
    OK(gan_density_coverage(NULL, &score, a, a, NULL));
    assert_true(score.value == 1 && score.metric == GAN_METRIC_COVERAGE);
    OK(gan_density_coverage(&score, NULL, a, a, NULL));
    assert_true(score.value == same.density && score.metric == GAN_METRIC_DENSITY);
    gan_features_release(a);
    gan_features_release(b);
}

/* Of one distribution: density 1, coverage 1 - prod (N - j) / (2 N - j), within three standard errors. */
static void neighbour_expectations(void **state) {
    (void)state;
    enum { REPEATS = 80, N = 60, K = 5 };
    double sums[2] = {0}, squares[2] = {0}, expected[2] = {1, 1};
    for (uint64_t r = 0; r < REPEATS; r++) {
        gan_features *a = metrics_normal_set(context, N, 4, 0, 1, 100 + r);
        gan_features *b = metrics_normal_set(context, N, 4, 0, 1, 500 + r);
        four result = measure(a, b, K);
        double values[2] = {result.density, result.coverage};
        for (int i = 0; i < 2; i++) {
            sums[i] += values[i] / REPEATS;
            squares[i] += values[i] * values[i] / REPEATS;
        }
        gan_features_release(a);
        gan_features_release(b);
    }
    double product = 1;
    for (int j = 1; j <= K; j++) product *= (double)(N - j) / (2 * N - j);
    expected[1] -= product;
    for (int i = 0; i < 2; i++) {
        double error = sqrt((squares[i] - sums[i] * sums[i]) / REPEATS);
        assert_true(error > 0 && error < 0.02 && fabs(sums[i] - expected[i]) < 3 * error);
    }
}

/* ---- Parzen ---- */

/* One centre at the point. By the definition otherwise, also where every term underflows. */
static void parzen(void **state) {
    (void)state;
    double zeros[784] = {0};
    gan_features *one = set_of(1, 784, zeros);
    gan_score score = metrics_score();
    OK(gan_parzen_likelihood(&score, one, one, 0.2));
    NEAR(score.value, 541.3515, 1e-7);
    assert_true(score.error == 0 && score.setting == 0.2 && score.metric == GAN_METRIC_PARZEN && score.reals == 1);
    gan_features_release(one);
    enum { N = 270, M = 300, DIMENSION = 2 };
    static double x[N * DIMENSION], y[M * DIMENSION];
    gani_fill_normal_f64(1, 1, 0, 0, N * DIMENSION, 0, 1, x);
    gani_fill_normal_f64(2, 1, 0, 0, M * DIMENSION, 0, 1, y);
    x[0] = 300; /* alone */
    gan_features *reals = set_of(N, DIMENSION, x), *fakes = set_of(M, DIMENSION, y);
    /* the outlier by itself: the nearest fake decides, and all the others count as e^-1000 and less do */
    gan_features *far = set_of(1, DIMENSION, x);
    double nearest_far = INFINITY, sum_far = 0;
    for (int j = 0; j < M; j++) nearest_far = fmin(nearest_far, squared(x, y + 2 * j, DIMENSION));
    for (int j = 0; j < M; j++) sum_far += exp((nearest_far - squared(x, y + 2 * j, DIMENSION)) / 2 / 16);
    OK(gan_parzen_likelihood(&score, far, fakes, 4));
    NEAR(score.value, log(sum_far / M) - nearest_far / 2 / 16 - log(2 * 3.14159265358979324 * 16), 1e-14);
    gan_features_release(far);
    double best = -INFINITY, chosen = 0;
    for (int s = 0; s < 10; s++) {
        double sigma = 0.1 * pow(10, s / 9.0), mean = 0, square = 0;
        for (int i = 0; i < N; i++) {
            double nearest = INFINITY, sum = 0;
            for (int j = 0; j < M; j++) nearest = fmin(nearest, squared(x + 2 * i, y + 2 * j, DIMENSION));
            for (int j = 0; j < M; j++)
                sum += exp((nearest - squared(x + 2 * i, y + 2 * j, DIMENSION)) / (2 * sigma * sigma));
            double value = log(sum / M) - nearest / (2 * sigma * sigma) - log(2 * 3.14159265358979324 * sigma * sigma);
            mean += value / N;
            square += value * value / N;
        }
        OK(gan_parzen_likelihood(&score, reals, fakes, sigma));
        NEAR(score.value, mean, 1e-12);
        NEAR(score.error, sqrt((square - mean * mean) / N), 1e-9);
        if (mean > best) {
            best = mean;
            chosen = sigma;
        }
    }
    double sigma = 0;
    OK(gan_parzen_sigma(&sigma, reals, fakes, NULL));
    NEAR(sigma, chosen, 1e-14);
    gan_parzen_options o;
    gan_parzen_options_init(&o);
    o.low = 0.01;
    o.high = 0.04;
    o.count = 3;
    OK(gan_parzen_sigma(&sigma, reals, fakes, &o)); /* all too narrow: the widest is best */
    NEAR(sigma, 0.04, 1e-15);
    gan_features_release(reals);
    gan_features_release(fakes);
}

/* ---- bins ---- */

/* Counts by hand: two bins are different; equal ones and empty ones are not; the divergence of disjoint shares is
 * log 2. */
static void compare_bins(void **state) {
    (void)state;
    static const int64_t a[5] = {100, 50, 0, 25, 25}, b[5] = {100, 20, 0, 60, 20}, c[2] = {7, 0}, d[2] = {0, 9};
    double results[2], divergence = 0;
    gani_compare_bins(5, a, b, 0.05, results);
    NEAR(results[0], 0.4, 1e-15);
    for (int i = 0; i < 5; i++) {
        double p = (double)a[i] / 200, q = (double)b[i] / 200;
        if (p > 0) divergence += 0.5 * p * log(p / (0.5 * (p + q)));
        if (q > 0) divergence += 0.5 * q * log(q / (0.5 * (p + q)));
    }
    NEAR(results[1], divergence, 1e-14);
    /* z = 0.025 / 0.0316 for the last: p = 0.429 */
    gani_compare_bins(5, a, b, 0.42, results);
    NEAR(results[0], 0.4, 1e-15);
    gani_compare_bins(5, a, b, 0.44, results);
    NEAR(results[0], 0.6, 1e-15);
    gani_compare_bins(5, a, a, 0.05, results);
    assert_true(results[0] == 0 && results[1] == 0);
    gani_compare_bins(2, c, d, 0.05, results);
    assert_true(results[0] == 1);
    NEAR(results[1], log(2), 1e-15);
    gani_compare_bins(1, c, d + 1, 0.05, results); /* all in one bin */
    assert_true(results[0] == 0 && results[1] == 0);
}

/* Well separated clusters are found; a generator that has lost half of them is seen; a perfect one differs in about as
 * many bins as chance allows. */
static void different_bins(void **state) {
    (void)state;
    enum { N = 800, CLUSTERS = 8 };
    static double x[N * 2], half[N * 2];
    gani_fill_normal_f64(1, 1, 0, 0, N * 2, 0, 0.01, x);
    memcpy(half, x, sizeof x);
    for (int i = 0; i < N; i++) {
        x[2 * i] += cos(0.7853981633974483 * (i % 8));
        x[2 * i + 1] += sin(0.7853981633974483 * (i % 8));
        half[2 * i] += cos(0.7853981633974483 * (i % 4));
        half[2 * i + 1] += sin(0.7853981633974483 * (i % 4));
    }
    gan_features *reals = set_of(N, 2, x), *fakes = set_of(N, 2, half);
    gan_bins_options o;
    gan_bins_options_init(&o);
    assert_true(o.bins == 100 && o.iterations == 100 && o.significance == 0.05);
    o.bins = CLUSTERS;
    gan_score ndb = metrics_score(), js = metrics_score();
    for (o.seed = 0; o.seed < 5; o.seed++) {
        OK(gan_different_bins(&ndb, &js, reals, fakes, &o));
        assert_true(ndb.value == 1); /* each bin has 100 reals, and 200 or 0 fakes */
        NEAR(js.value, 0.25 * log(2.0 / 3) + 0.5 * log(4.0 / 3) + 0.25 * log(2), 1e-14);
        assert_true(ndb.seed == o.seed && ndb.has_seed == 1 && ndb.setting == CLUSTERS && js.features[0] == 'p');
        OK(gan_different_bins(&ndb, &js, reals, reals, &o));
        assert_true(ndb.value == 0 && js.value == 0);
    }
    OK(gan_different_bins(NULL, &js, reals, fakes, &o));
    OK(gan_different_bins(&ndb, NULL, reals, fakes, &o));
    gan_features_release(reals);
    gan_features_release(fakes);
    double mean = 0;
    for (uint64_t r = 0; r < 10; r++) {
        reals = metrics_normal_set(context, 2000, 3, 0, 1, 10 + r);
        fakes = metrics_normal_set(context, 2000, 3, 0, 1, 30 + r);
        o.bins = 20;
        OK(gan_different_bins(&ndb, &js, reals, fakes, &o));
        mean += ndb.value / 10;
        assert_true(js.value > 0 && js.value < 0.01);
        gan_features_release(reals);
        gan_features_release(fakes);
    }
    assert_true(mean > 0.01 && mean < 0.11); /* 200 tests of 5 in 100: 0.05, with a standard deviation of 0.015 */
}

/* Every point is in the bin of the nearest centre, and centres are the means of their bins: what k-means ends with. Of
 * one point as the only fake, the divergence tells the size of its bin; bins of numbers are intervals. */
static void bins_are_those_of_k_means(void **state) {
    (void)state;
    enum { N = 60, BINS = 4 };
    double x[N];
    for (int i = 0; i < N; i++) x[i] = pow(1.08, i) + 0.01 * i * i; /* in order, and unevenly spaced */
    gan_features *reals = set_of(N, 1, x);
    gan_bins_options o;
    gan_bins_options_init(&o);
    o.bins = BINS;
    for (o.seed = 0; o.seed < 5; o.seed++) {
        int sizes[N], of[N], bins = 0;
        double means[BINS] = {0};
        for (int i = 0; i < N; i++) {
            gan_features *one = set_of(1, 1, x + i);
            gan_score js = metrics_score();
            OK(gan_different_bins(NULL, &js, reals, one, &o));
            for (sizes[i] = 1; sizes[i] <= N; sizes[i]++) {
                double p = (double)sizes[i] / N, rest = (1 - p) * log(2) / 2;
                if (fabs(p / 2 * log(2 * p / (p + 1)) + log(2 / (p + 1)) / 2 + rest - js.value) < 1e-12) break;
            }
            assert_true(sizes[i] <= N);
            gan_features_release(one);
        }
        for (int i = 0; i < N; i += sizes[i], bins++) {
            assert_true(bins < BINS && i + sizes[i] <= N);
            for (int k = i; k < i + sizes[i]; k++) {
                assert_int_equal(sizes[k], sizes[i]);
                of[k] = bins;
                means[bins] += x[k] / sizes[i];
            }
        }
        assert_int_equal(bins, BINS);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < BINS; k++) assert_true(fabs(x[i] - means[of[i]]) <= fabs(x[i] - means[k]) + 1e-12);
    }
    gan_features_release(reals);
}

/* With as many bins as points, and with points that are all equal. */
static void bins_of_few(void **state) {
    (void)state;
    double x[6] = {1, 2, 4, 8, 16, 32}, equal[6] = {3, 3, 3, 3, 3, 3};
    gan_features *a = set_of(6, 1, x), *b = set_of(6, 1, equal);
    gan_bins_options o;
    gan_bins_options_init(&o);
    o.bins = 6;
    gan_score ndb = metrics_score(), js = metrics_score();
    OK(gan_different_bins(&ndb, &js, a, a, &o));
    assert_true(ndb.value == 0 && js.value == 0);
    OK(gan_different_bins(&ndb, &js, b, b, &o));
    assert_true(ndb.value == 0 && js.value == 0);
    OK(gan_different_bins(&ndb, &js, a, b, &o)); /* all fakes in one bin of six */
    NEAR(js.value, 0.5 * (5.0 / 6 * log(2) + 1.0 / 6 * log(2.0 / 7)) + 0.5 * log(2 * 6.0 / 7), 1e-12);
    gan_features_release(a);
    gan_features_release(b);
}

/* ---- modes ---- */

static gan_tensor *ring(int64_t count, double radius, double deviation, int64_t first, uint64_t salt, int points) {
    double *values = malloc((size_t)count * 2 * sizeof *values);
    assert_non_null(values);
    gani_fill_normal_f64(salt, 1, 0, 0, count * 2, 0, points ? deviation : 0, values);
    for (int64_t i = 0; i < count; i++) {
        double angle = 2 * 3.14159265358979324 * (double)(i % first) / 8;
        values[2 * i] += radius * cos(angle);
        values[2 * i + 1] += radius * sin(angle);
    }
    gan_tensor *tensor = host_tensor(context, GAN_F64, gan_shape_2d(count, 2), values);
    free(values);
    return tensor;
}
static gan_tensor *grid(int64_t count, double deviation, int points) {
    double *values = malloc((size_t)count * 2 * sizeof *values);
    assert_non_null(values);
    gani_fill_normal_f64(5, 1, 0, 0, count * 2, 0, points ? deviation : 0, values);
    for (int64_t i = 0; i < count; i++) {
        values[2 * i] += (double)(i % 5) * 2 - 4;
        values[2 * i + 1] += (double)(i / 5 % 5) * 2 - 4;
    }
    gan_tensor *tensor = host_tensor(context, GAN_F64, gan_shape_2d(count, 2), values);
    free(values);
    return tensor;
}

static gan_modes count_modes(gan_tensor *points, gan_tensor *centres, double deviation, int32_t rule) {
    gan_modes modes;
    gan_modes_options o;
    gan_modes_init(&modes);
    gan_modes_options_init(&o);
    o.rule = rule;
    OK(gan_count_modes(&modes, NULL, points, centres, deviation, &o));
    gan_tensor_release(points);
    gan_tensor_release(centres);
    return modes;
}

/* Samples of the mixtures themselves: all modes, 98.889 % of high quality within three standard errors. */
static void true_mixtures(void **state) {
    (void)state;
    enum { N = 10000 };
    double expected = 1 - exp(-4.5), error = sqrt(expected * (1 - expected) / N);
    gan_modes modes[3] = {count_modes(ring(N, 2, 0.1, 8, 1, 1), ring(8, 2, 0, 8, 0, 0), 0.1, GAN_MODES_FAIR_SHARE),
                          count_modes(ring(N, 1, 0.01, 8, 2, 1), ring(8, 1, 0, 8, 0, 0), 0.01, GAN_MODES_ANY),
                          count_modes(grid(N, 0.05, 1), grid(25, 0, 0), 0.05, GAN_MODES_FAIR_SHARE)};
    for (int i = 0; i < 3; i++) {
        assert_true(modes[i].modes == modes[i].centres && modes[i].centres == (i < 2 ? 8 : 25));
        assert_true(modes[i].points == N && modes[i].share == (double)modes[i].high_quality / N);
        assert_true(fabs(modes[i].share - expected) < 3 * error);
        assert_true(modes[i].divergence >= 0 && modes[i].divergence < 1e-3);
        assert_true(modes[i].reverse_divergence >= 0 && modes[i].reverse_divergence < 1e-3);
    }
}

/* Counts by hand: the two rules, the two divergences, no points of high quality at all. */
static void mode_rules(void **state) {
    (void)state;
    double points[40][2], centres[4] = {0, 0, 10, 0}, f = 38.0 / 39, g = 1.0 / 39;
    for (int i = 0; i < 40; i++) {
        points[i][0] = i < 38 ? 0 : 10;
        points[i][1] = i == 39 ? 3.01 : 3; /* just outside of three standard deviations, and on the edge */
    }
    gan_tensor *x = host_tensor(context, GAN_F64, gan_shape_2d(40, 2), points[0]);
    gan_tensor *c = host_tensor(context, GAN_F32, gan_shape_2d(2, 2), centres);
    gan_modes modes;
    gan_modes_options o;
    int64_t histogram[2] = {-1, -1};
    gan_modes_init(&modes);
    gan_modes_options_init(&o);
    assert_true(o.radius == 3 && o.rule == GAN_MODES_FAIR_SHARE);
    OK(gan_count_modes(&modes, histogram, x, c, 1, NULL));
    assert_true(histogram[0] == 38 && histogram[1] == 1);
    assert_true(modes.modes == 1 && modes.centres == 2 && modes.high_quality == 39 && modes.points == 40);
    NEAR(modes.share, 39.0 / 40, 1e-15);
    NEAR(modes.divergence, f * log(2 * f) + g * log(2 * g), 1e-14);
    NEAR(modes.reverse_divergence, -0.5 * (log(2 * f) + log(2 * g)), 1e-14);
    o.rule = GAN_MODES_ANY;
    OK(gan_count_modes(&modes, NULL, x, c, 1, &o));
    assert_int_equal(modes.modes, 2);
    o.radius = 3.02;
    OK(gan_count_modes(&modes, histogram, x, c, 1, &o));
    assert_true(histogram[1] == 2 && modes.share == 1);
    o.radius = 2.9;
    OK(gan_count_modes(&modes, histogram, x, c, 1, &o));
    assert_true(modes.modes == 0 && modes.high_quality == 0 && modes.share == 0 && histogram[0] == 0);
    assert_true(isnan(modes.divergence) && isnan(modes.reverse_divergence));
    gan_tensor_release(x);
    gan_tensor_release(c);
    /* n / (5 K) is met exactly: 4 of 40 points at 2 centres */
    for (int i = 0; i < 40; i++) points[i][0] = i < 36 ? 0 : 10;
    for (int i = 0; i < 40; i++) points[i][1] = 0;
    for (int met = 1; met >= 0; met--) {
        if (!met) points[39][0] = 0;
        x = host_tensor(context, GAN_F64, gan_shape_2d(40, 2), points[0]);
        c = host_tensor(context, GAN_F64, gan_shape_2d(2, 2), centres);
        assert_int_equal(count_modes(x, c, 1, GAN_MODES_FAIR_SHARE).modes, 1 + met);
    }
}

/* More centres than a tile has columns, each point at one of them; of two equal centres the first counts. */
static void many_centres(void **state) {
    (void)state;
    enum { K = 700 };
    static double x[K], y[K];
    for (int i = 0; i < K; i++) {
        x[i] = i % 600;
        y[i] = i;
    }
    gan_tensor *points = host_tensor(context, GAN_F64, gan_shape_2d(K, 1), y);
    gan_tensor *centres = host_tensor(context, GAN_F64, gan_shape_2d(K, 1), x);
    gan_modes modes;
    int64_t histogram[K];
    gan_modes_init(&modes);
    OK(gan_count_modes(&modes, histogram, points, centres, 0.1, NULL));
    for (int i = 0; i < K; i++) assert_int_equal(histogram[i], i < 600);
    assert_true(modes.modes == 600 && modes.high_quality == 600);
    gan_tensor_release(points);
    gan_tensor_release(centres);
}

/* A generator that has collapsed: one mode, log 8. */
static void collapsed(void **state) {
    (void)state;
    gan_modes modes = count_modes(ring(100, 2, 0.001, 1, 3, 1), ring(8, 2, 0, 8, 0, 0), 0.1, GAN_MODES_ANY);
    assert_true(modes.modes == 1 && modes.share == 1 && isinf(modes.reverse_divergence));
    NEAR(modes.divergence, log(8), 1e-14);
}

static void classes(void **state) {
    (void)state;
    double labels[12] = {0, 3, 3, 1, 0, 3, 0, 0, 1, 3, 3, 0};
    gan_tensor *x = host_tensor(context, GAN_I32, gan_shape_2d(3, 4), labels), *turned;
    gan_modes modes;
    int64_t histogram[5];
    gan_modes_init(&modes);
    OK(gan_tensor_permute(&turned, x, (const int32_t[]){1, 0}));
    OK(gan_count_classes(&modes, histogram, turned, 5));
    assert_true(histogram[0] == 5 && histogram[1] == 2 && histogram[2] == 0 && histogram[3] == 5 && histogram[4] == 0);
    assert_true(modes.modes == 3 && modes.centres == 5 && modes.points == 12 && modes.high_quality == 12);
    NEAR(modes.divergence, 2 * 5.0 / 12 * log(25.0 / 12) + 2.0 / 12 * log(10.0 / 12), 1e-14);
    assert_true(isinf(modes.reverse_divergence) && modes.share == 1);
    OK(gan_count_classes(&modes, NULL, x, 4));
    assert_int_equal(modes.modes, 3);
    gan_tensor_release(x);
    gan_tensor_release(turned);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours),
        cmocka_unit_test(neighbour_extremes),
        cmocka_unit_test(neighbour_expectations),
        cmocka_unit_test(parzen),
        cmocka_unit_test(compare_bins),
        cmocka_unit_test(different_bins),
        cmocka_unit_test(bins_are_those_of_k_means),
        cmocka_unit_test(bins_of_few),
        cmocka_unit_test(true_mixtures),
        cmocka_unit_test(mode_rules),
        cmocka_unit_test(many_centres),
        cmocka_unit_test(collapsed),
        cmocka_unit_test(classes),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
