/* Sets of features and the distances of two: identities, and plain loops. The comparison with SciPy is in
 * golden/test_golden_metrics.c. */
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
#include "kernel/linalg.h"
#include "metrics/metrics.h"
#include "metrics_fixture.h"

static gan_context *context;

static int open_context(void **state) {
    (void)state;
    context = host_context(1);
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

/* ---- sets ---- */

/* The same vectors at once and in pieces, kept and not: the same bits of all moments. Means and covariances are those
 * of two passes in plain loops, however far from 0 the numbers lie. */
static void moments(void **state) {
    (void)state;
    static const int64_t counts[] = {2, 255, 256, 257, 700};
    for (int c = 0; c < 5; c++)
        for (int64_t d = 1; d <= 7; d += 3) {
            int64_t n = counts[c];
            gan_tensor *x = metrics_normal(context, n, d, 1e6, 1, 17);
            double *values = compare_read(x), mean[7] = {0}, scatter[49] = {0};
            for (int64_t i = 0; i < n * d; i++) mean[i % d] += (values[i] - 1e6) / (double)n;
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < d; j++)
                    for (int64_t k = 0; k < d; k++)
                        scatter[j * d + k] += (values[i * d + j] - 1e6 - mean[j]) * (values[i * d + k] - 1e6 - mean[k]);
            for (int64_t j = 0; j < d; j++) mean[j] += 1e6;
            gani_moments *first = NULL;
            for (int kind = 0; kind < 4; kind++) {
                gan_features_options o;
                gan_features *set;
                gan_features_options_init(&o);
                o.keep = kind % 2;
                OK(gan_features_create(&set, context, "x", d, &o));
                for (int64_t at = 0, size; at < n; at += size) {
                    gan_tensor *part;
                    size = kind < 2 ? n : at % 97 + 1;
                    if (size > n - at) size = n - at;
                    OK(gan_tensor_slice(&part, x, 0, at, size));
                    OK(gan_features_add(set, part));
                    gan_tensor_release(part);
                }
                assert_int_equal(gan_features_count(set), n);
                gani_moments *m = gani_moments_of(set);
                assert_non_null(m);
                assert_true(compare_abs("mean", m->mean, mean, d, 2e-9));
                assert_true(compare_values("scatter", m->scatter, scatter, d * d, 1e-9, 0));
                if (first != NULL) {
                    assert_memory_equal(m->mean, first->mean, (size_t)d * sizeof(double));
                    assert_memory_equal(m->scatter, first->scatter, (size_t)(d * d) * sizeof(double));
                    gani_moments_end(m);
                } else {
                    first = m;
                }
                gan_features_release(set);
            }
            gani_moments_end(first);
            free(values);
            gan_tensor_release(x);
        }
}

/* Emptied, a set is as new; it takes f32, views and results of a tape; it tells what it has. */
static void sets(void **state) {
    (void)state;
    for (int32_t keep = 0; keep < 2; keep++) {
        gan_features *a = metrics_set(context, metrics_normal(context, 300, 3, 5, 2, 1), keep);
        gan_features *b = metrics_set(context, metrics_normal(context, 300, 3, 0, 1, 2), keep);
        double expected = metrics_frechet(a, b);
        gan_features_reset(a);
        assert_int_equal(gan_features_count(a), 0);
        gan_tensor *x = metrics_normal(context, 300, 3, 5, 2, 1);
        OK(gan_features_add(a, x));
        gan_tensor_release(x);
        assert_true(metrics_frechet(a, b) == expected && expected > 50);
        gan_features_release(a);
        gan_features_release(b);
    }
    gan_features *a, *b;
    OK(gan_features_create(&a, context, "x", 4, NULL));
    OK(gan_features_create(&b, context, "x", 4, NULL));
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_2d(4, 90), -1, 1, 5), *turned, *same;
    OK(gan_tensor_permute(&turned, x, (const int32_t[]){1, 0}));
    OK(gan_tensor_clone(&same, turned));
    gan_tape *tape;
    OK(gan_tape_create(&tape, context));
    OK(gan_features_add(a, turned));
    OK(gan_features_add(b, gan_scale(tape, same, 1)));
    assert_true(metrics_frechet(a, b) < 1e-12);
    assert_true(gan_features_dimension(a) == 4 && gan_features_count(a) == 90);
    assert_true(gan_features_dimension(NULL) == 0 && gan_features_count(NULL) == 0);
    gan_features_reset(NULL);
    gan_features_release(NULL);
    gan_tensor *none;
    OK(gan_tensor_create(&none, context, GAN_F64, gan_shape_2d(0, 4)));
    OK(gan_features_add(a, none));
    assert_int_equal(gan_features_count(a), 90);
    gan_tensor_release(none);
    gan_tensor_release(x);
    gan_tensor_release(turned);
    gan_tensor_release(same);
    gan_tape_release(tape);
    gan_features_release(a);
    gan_features_release(b);
}

/* ---- Fréchet ---- */

/* y = (x - at) scale Q + move; Q NULL: none */
static gan_tensor *changed(const gan_tensor *x, double at, const double *scale, const double *q, const double *move) {
    int64_t n = gan_tensor_shape(x).size[0], d = gan_tensor_shape(x).size[1];
    double *values = compare_read(x), *result = calloc((size_t)(n * d), sizeof *result);
    assert_non_null(result);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) {
            double v = (values[i * d + j] - at) * (scale == NULL ? 1 : scale[j]);
            for (int64_t k = 0; k < d; k++) result[i * d + k] += v * (q == NULL ? j == k : q[j * d + k]);
            if (move != NULL) result[i * d + j] += move[j];
        }
    gan_tensor *y = host_tensor(context, GAN_F64, gan_shape_2d(n, d), result);
    free(values);
    free(result);
    return y;
}

enum { D = 9 };
static const double shift[D] = {1, -2, 0.5, 0, 3, 0, 0, 0.25, -1}; /* |shift|^2 = 15.3125 */

/* keep: bits 0 and 1: of the two sets */
static double distance(const gan_tensor *x, const gan_tensor *y, int keep) {
    gan_tensor *a, *b;
    OK(gan_tensor_clone(&a, x));
    OK(gan_tensor_clone(&b, y));
    gan_features *reals = metrics_set(context, a, keep & 1), *fakes = metrics_set(context, b, keep >> 1);
    double value = metrics_frechet(reals, fakes);
    gan_features_release(reals);
    gan_features_release(fakes);
    return value;
}

/* Equal sets, moved ones and scaled ones: known distances, for more and for fewer vectors than the dimension, kept or
 * not; the distance is the same in both directions and in turned axes. */
static void frechet(void **state) {
    (void)state;
    static const int64_t counts[] = {2, 5, 9, 10, 400};
    double first = 0;
    double q[D * D], g[D * D], *work = malloc((size_t)gani_qr_work(D, D) * sizeof *work);
    assert_non_null(work);
    gani_fill_normal_f64(7, 4, 0, 0, D * D, 0, 1, g);
    gani_qr(D, D, g, q, work);
    free(work);
    for (int c = 0; c < 5; c++)
        for (int keep = 0; keep < 4; keep++) {
            int64_t n = counts[c];
            gan_tensor *x = metrics_normal(context, n, D, 2, 1, 3), *other = metrics_normal(context, n + 3, D, 1, 2, 4);
            double twice[D], trace = 0, expected = 0, *v = compare_read(x), mean[D] = {0};
            for (int j = 0; j < D; j++) twice[j] = 2;
            for (int64_t i = 0; i < n * D; i++) mean[i % D] += v[i] / (double)n;
            for (int64_t i = 0; i < n * D; i++) trace += (v[i] - mean[i % D]) * (v[i] - mean[i % D]) / (double)(n - 1);
            free(v);
            assert_true(distance(x, x, keep) < 1e-12 * trace);
            gan_tensor *moved = changed(x, 0, NULL, NULL, shift), *scaled = changed(x, 0, twice, NULL, NULL);
            NEAR(distance(x, moved, keep), 15.3125, 1e-12);
            for (int j = 0; j < D; j++) expected += mean[j] * mean[j];
            NEAR(distance(x, scaled, keep), expected + trace, 1e-12);
            double there = distance(x, other, keep);
            NEAR(distance(other, x, keep), there, 1e-12);
            gan_tensor *x_turned = changed(x, 5, NULL, q, NULL), *other_turned = changed(other, 5, NULL, q, NULL);
            NEAR(distance(x_turned, other_turned, keep), there, 1e-11);
            if (keep == 0) first = there;
            NEAR(there, first, 1e-12);
            gan_tensor_release(x);
            gan_tensor_release(other);
            gan_tensor_release(moved);
            gan_tensor_release(scaled);
            gan_tensor_release(x_turned);
            gan_tensor_release(other_turned);
        }
}

/* Covariances that commute: sum (sqrt a - sqrt b)^2 over their eigenvalues, also where some are 0. */
static void frechet_diagonal(void **state) {
    (void)state;
    static const double a[D] = {4, 1, 0, 9, 0.25, 1e-6, 0, 100, 2}, b[D] = {1, 1, 0, 4, 1, 1e-2, 3, 81, 0};
    double expected = 0, roots[2][D], axes[2 * D * D] = {0};
    double q[D * D], g[D * D], *work = malloc((size_t)gani_qr_work(D, D) * sizeof *work);
    assert_non_null(work);
    gani_fill_normal_f64(7, 5, 0, 0, D * D, 0, 1, g);
    gani_qr(D, D, g, q, work);
    free(work);
    for (int j = 0; j < D; j++) {
        roots[0][j] = sqrt(a[j]);
        roots[1][j] = sqrt(b[j]);
        expected += (roots[0][j] - roots[1][j]) * (roots[0][j] - roots[1][j]);
        axes[2 * j * D + j] = sqrt((2 * D - 1) / 2.0); /* covariance I */
        axes[(2 * j + 1) * D + j] = -axes[2 * j * D + j];
    }
    gan_tensor *x = host_tensor(context, GAN_F64, gan_shape_2d(2 * D, D), axes);
    for (int turned = 0; turned < 2; turned++)
        for (int keep = 0; keep < 4; keep++) {
            gan_tensor *s = changed(x, 0, roots[0], turned ? q : NULL, NULL);
            gan_tensor *t = changed(x, 0, roots[1], turned ? q : NULL, NULL);
            NEAR(distance(s, t, keep), expected, 1e-12);
            gan_tensor_release(s);
            gan_tensor_release(t);
        }
    gan_tensor_release(x);
}

/* Vectors come out as they went in, in their order, over the ends of blocks (256 vectors of 3). */
static void vectors(void **state) {
    (void)state;
    gan_tensor *x = metrics_normal(context, 600, 3, 5, 2, 1), *part;
    double *values = compare_read(x);
    gan_features *set = metrics_set(context, x, 1);
    static const int64_t parts[][2] = {{0, 600}, {0, 1}, {599, 1}, {250, 300}};
    for (int i = 0; i < 4; i++) {
        const int64_t first = parts[i][0], count = parts[i][1];
        OK(gan_features_vectors(&part, set, first, count));
        assert_true(gan_shape_equal(gan_tensor_shape(part), gan_shape_2d(count, 3)) &&
                    gan_tensor_dtype(part) == GAN_F64);
        assert_memory_equal(gan_tensor_const_data(part), values + 3 * first, (size_t)(3 * count) * sizeof(double));
        gan_tensor_release(part);
    }
    gan_features_release(set);
    free(values);
}

/* ---- kernel ---- */

static double kernel(const double *a, const double *b, int64_t d) {
    double sum = 0;
    for (int64_t i = 0; i < d; i++) sum += a[i] * b[i];
    return pow(sum / (double)d + 1, 3);
}

/* Of the vectors that `order` names. */
static double plain_kernel_distance(const double *x, const double *y, const int64_t *xs, const int64_t *ys, int64_t m,
                                    int64_t d) {
    double same = 0, cross = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) {
            if (i != j) same += kernel(x + xs[i] * d, x + xs[j] * d, d) + kernel(y + ys[i] * d, y + ys[j] * d, d);
            cross += kernel(x + xs[i] * d, y + ys[j] * d, d);
        }
    return same / (double)(m * (m - 1)) - 2 * cross / (double)(m * m);
}

/* Subsets as the header says, and the estimate on each by its definition. */
static void kernel_distance(void **state) {
    (void)state;
    enum { N = 320, M = 300, DIMENSION = 4, SUBSETS = 3, SIZE = 280 };
    gan_tensor *x = metrics_normal(context, N, DIMENSION, 0, 1, 1),
               *y = metrics_normal(context, M, DIMENSION, 0.2, 1, 2);
    double *xs = compare_read(x), *ys = compare_read(y), mean = 0, square = 0;
    gan_features *reals = metrics_set(context, x, 1), *fakes = metrics_set(context, y, 1);
    for (uint64_t s = 0; s < SUBSETS; s++) {
        int64_t a[N], b[M];
        gani_shuffle(9, GAN_STREAM_METRICS, s << 33, N, a);
        gani_shuffle(9, GAN_STREAM_METRICS, (s << 33) + (UINT64_C(1) << 32), M, b);
        double value = plain_kernel_distance(xs, ys, a, b, SIZE, DIMENSION);
        mean += value / SUBSETS;
        square += value * value / SUBSETS;
    }
    gan_kernel_distance_options o;
    gan_kernel_distance_options_init(&o);
    assert_true(o.subsets == 100 && o.subset_size == 1000 && o.seed == 0);
    o.subsets = SUBSETS;
    o.subset_size = SIZE;
    o.seed = 9;
    gan_score score = metrics_score();
    OK(gan_kernel_distance(&score, reals, fakes, &o));
    NEAR(score.value, mean, 1e-12);
    NEAR(score.error, sqrt((square - mean * mean) / SUBSETS), 1e-9);
    assert_true(score.metric == GAN_METRIC_KERNEL && score.has_seed == 1 && score.seed == 9 &&
                score.setting == SUBSETS);
    assert_true(score.reals == N && score.fakes == M);
    assert_string_equal(score.features, "points");
    gan_features_release(reals);
    gan_features_release(fakes);
    free(xs);
    free(ys);
}

/* Unbiased: within three standard errors of 0 for one distribution, far from it for two. */
static void kernel_distance_unbiased(void **state) {
    (void)state;
    enum { REPEATS = 60, N = 50 };
    for (int moved = 0; moved < 2; moved++) {
        double mean = 0, square = 0;
        for (uint64_t r = 0; r < REPEATS; r++) {
            gan_features *a = metrics_normal_set(context, N, 6, 0, 1, 1000 + r);
            gan_features *b = metrics_normal_set(context, N, 6, moved, 1, 2000 + r);
            gan_kernel_distance_options o;
            gan_kernel_distance_options_init(&o);
            o.subsets = 1;
            o.subset_size = N;
            gan_score score = metrics_score();
            OK(gan_kernel_distance(&score, a, b, &o));
            assert_true(isnan(score.error)); /* the subset is all there is */
            mean += score.value / REPEATS;
            square += score.value * score.value / REPEATS;
            gan_features_release(a);
            gan_features_release(b);
        }
        double error = sqrt((square - mean * mean) / REPEATS);
        assert_true(moved ? mean > 20 * error : fabs(mean) < 3 * error);
    }
}

/* ---- classifier score ---- */

static void classifier_score(void **state) {
    (void)state;
    enum { N = 40, K = 8 };
    double same[N * K], sharp[N * K], random[N * K], parts[10];
    gani_fill_normal_f64(1, 2, 3, 0, N * K, 0, 2, random);
    for (int i = 0; i < N * K; i++) {
        same[i] = i % K;
        sharp[i] = i % K == i / K % K ? 1000 : -1000;
    }
    gan_features *set = set_of(N, K, same);
    gan_score score = metrics_score();
    OK(gan_classifier_score(&score, set, NULL));
    NEAR(score.value, 1, 1e-13);
    NEAR(score.error, 0, 1e-13);
    assert_true(score.reals == 0 && score.fakes == N && score.setting == 10 && score.has_seed == 0);
    gan_features_release(set);
    set = set_of(N, K, sharp);
    gan_classifier_score_options o;
    gan_classifier_score_options_init(&o);
    o.splits = N / K;
    OK(gan_classifier_score(&score, set, &o));
    NEAR(score.value, K, 1e-13);
    o.splits = 1;
    OK(gan_classifier_score(&score, set, &o));
    NEAR(score.value, K, 1e-13);
    gan_features_release(set);
    /* splits that do not divide the count */
    set = set_of(N, K, random);
    o.splits = 7;
    double mean = 0, square = 0;
    for (int s = 0; s < 7; s++) {
        int start = s * N / 7, end = (s + 1) * N / 7;
        double marginal[K] = {0}, sum = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int i = start; i < end; i++) {
                double total = 0;
                for (int j = 0; j < K; j++) total += exp(random[i * K + j]);
                for (int j = 0; j < K; j++) {
                    double p = exp(random[i * K + j]) / total;
                    if (pass == 0)
                        marginal[j] += p / (end - start);
                    else
                        sum += p * (log(p) - log(marginal[j])) / (end - start);
                }
            }
        parts[s] = exp(sum);
        mean += parts[s] / 7;
        square += parts[s] * parts[s] / 7;
    }
    OK(gan_classifier_score(&score, set, &o));
    NEAR(score.value, mean, 1e-12);
    NEAR(score.error, sqrt(square - mean * mean), 1e-9);
    gan_features_release(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(sets),
        cmocka_unit_test(frechet),
        cmocka_unit_test(frechet_diagonal),
        cmocka_unit_test(vectors),
        cmocka_unit_test(kernel_distance),
        cmocka_unit_test(kernel_distance_unbiased),
        cmocka_unit_test(classifier_score),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
