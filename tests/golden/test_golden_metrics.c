/* Metrics against NumPy and SciPy. The cases are those of make_metrics.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <gan.h>

#include "golden.h"
#include "host.h"
#include "metrics/metrics.h"

#include "metrics.inc"

#define TOLERANCE 1e-10
enum { REAL = 300, FAKE = 310, LOGITS = 320, IMAGES = 330, MORE = 340 }; /* also in make_metrics.py */

static gan_context *context;

#define OK(call) assert_int_equal(call, GAN_OK)

static void check(const char *name, double a, double b, double c, int64_t count) {
    double values[3] = {a, b, c};
    gan_tensor *tensor = host_tensor(context, GAN_F64, gan_shape_1d(count), values);
    assert_true(golden_check(name, tensor, TOLERANCE, 0));
    gan_tensor_release(tensor);
}

static gan_features *set(uint64_t stream, int64_t n, int64_t d, double low, double high, int32_t keep) {
    gan_features *features;
    gan_features_options o;
    gan_features_options_init(&o);
    o.keep = keep;
    gan_tensor *x = golden_uniform(context, stream, gan_shape_2d(n, d), low, high);
    OK(gan_features_create(&features, context, "uniform", d, &o));
    OK(gan_features_add(features, x));
    gan_tensor_release(x);
    return features;
}

static gan_score fresh(void) {
    gan_score score;
    gan_score_init(&score);
    return score;
}

static void frechet(const char *name, int64_t n, int64_t m, int64_t d) {
    for (int32_t keep = 0; keep < 4; keep++) {
        gan_features *reals = set(REAL, n, d, -1, 1, keep & 1), *fakes = set(FAKE, m, d, -1.2, 1.5, keep >> 1);
        gan_score score = fresh();
        OK(gan_frechet_distance(&score, reals, fakes));
        check(name, score.value, 0, 0, 1);
        gan_features_release(reals);
        gan_features_release(fakes);
    }
}

static void frechets(void) {
    frechet("frechet_small", 60, 50, 12);
    frechet("frechet_lenet", 300, 280, 84);
    frechet("frechet_few", 8, 7, 12);
    frechet("frechet_mixed", 8, 40, 12);
}

static void kernels(void) {
    gan_features *reals = set(REAL, 60, 12, -1, 1, 1), *fakes = set(FAKE, 50, 12, -1.2, 1.5, 1);
    gan_features *first = set(REAL, 50, 12, -1, 1, 1);
    gan_kernel_distance_options o;
    gan_score score = fresh();
    gan_kernel_distance_options_init(&o);
    o.subsets = 1;
    o.subset_size = 50;
    OK(gan_kernel_distance(&score, first, fakes, &o));
    check("kernel_all", score.value, 0, 0, 1);
    o.subsets = 4;
    o.subset_size = 20;
    o.seed = 5;
    OK(gan_kernel_distance(&score, reals, fakes, &o));
    check("kernel_subsets", score.value, score.error, 0, 2);
    gan_features_release(reals);
    gan_features_release(fakes);
    gan_features_release(first);
}

static void neighbours(void) {
    gan_features *reals = set(REAL, 60, 4, -1, 1, 1), *fakes = set(FAKE, 50, 4, -0.7, 0.9, 1);
    gan_neighbour_options o;
    gan_score a = fresh(), b = fresh();
    gan_neighbour_options_init(&o);
    o.k = 3;
    OK(gan_precision_recall(&a, &b, reals, fakes, NULL));
    check("precision_recall_3", a.value, b.value, 0, 2);
    OK(gan_density_coverage(&a, &b, reals, fakes, &o));
    check("density_coverage_3", a.value, b.value, 0, 2);
    o.k = 5;
    OK(gan_precision_recall(&a, &b, reals, fakes, &o));
    check("precision_recall_5", a.value, b.value, 0, 2);
    OK(gan_density_coverage(&a, &b, reals, fakes, NULL));
    check("density_coverage_5", a.value, b.value, 0, 2);
    gan_features_release(reals);
    gan_features_release(fakes);
}

static void others(void) {
    gan_features *logits = set(LOGITS, 53, 10, -4, 4, 1);
    gan_score score = fresh();
    OK(gan_classifier_score(&score, logits, NULL));
    check("classifier", score.value, score.error, 0, 2);
    gan_features_release(logits);
    gan_features *reals = set(REAL, 60, 12, -1, 1, 1), *fakes = set(FAKE, 50, 12, -1, 1, 1);
    double sigma;
    OK(gan_parzen_likelihood(&score, reals, fakes, 0.3));
    check("parzen", score.value, score.error, 0, 2);
    OK(gan_parzen_sigma(&sigma, reals, fakes, NULL));
    check("parzen_sigma", sigma, 0, 0, 1);
    gan_features_release(reals);
    gan_features_release(fakes);
    static const int64_t n[6] = {30, 5, 0, 44, 12, 9}, m[6] = {12, 8, 0, 61, 1, 40};
    double results[2];
    gani_compare_bins(6, n, m, 0.05, results);
    check("bins", results[0], results[1], 0, 2);
}

/* b = 0.7 a + 0.3 more */
static gan_tensor *mixed(const gan_tensor *a) {
    gan_tensor *more = golden_uniform(context, MORE, gan_tensor_shape(a), -1, 1);
    double *values = gan_tensor_data(more);
    const double *as = gan_tensor_const_data(a);
    for (int64_t i = 0; i < gan_tensor_count(a); i++) values[i] = 0.7 * as[i] + 0.3 * values[i];
    return more;
}

static void images(void) {
    static const struct {
        const char *name;
        int64_t channels, height, width, scales;
    } cases[] = {{"ms_ssim_28", 1, 28, 28, -1},
                 {"ms_ssim_odd", 3, 47, 53, -1},
                 {"ms_ssim_forced", 1, 28, 28, 5},
                 {"ms_ssim_tiny", 2, 7, 9, -1}};
    gan_ms_ssim_options o;
    gan_score score = fresh();
    gan_ms_ssim_options_init(&o);
    for (int i = 0; i < 4; i++) {
        gan_shape shape = gan_shape_4d(4, cases[i].channels, cases[i].height, cases[i].width);
        gan_tensor *a = golden_uniform(context, IMAGES, shape, -1, 1), *b = mixed(a);
        o.scales = cases[i].scales;
        OK(gan_ms_ssim(&score, a, b, &o));
        check(cases[i].name, score.value, score.error, score.setting, 3);
        if (i == 0) {
            gan_tensor *pairs;
            OK(gan_tensor_create(&pairs, context, GAN_F64, shape));
            const gan_tensor *from[4] = {a, b, b, a};
            for (int64_t k = 0; k < 4; k++) {
                gan_tensor target = gani_tensor_items(pairs, k, 1), source = gani_tensor_items(from[k], k / 2, 1);
                gani_tensor_copy_values(&target, &source);
            }
            OK(gan_ms_ssim_diversity(&score, pairs, NULL));
            check("diversity", score.value, score.error, score.setting, 3);
            gan_tensor_release(pairs);
        }
        gan_tensor_release(a);
        gan_tensor_release(b);
    }
}

static void all(void **state) {
    (void)state;
    context = host_context(2);
    GOLDEN_OPEN(goldens);
    frechets();
    kernels();
    neighbours();
    others();
    images();
    assert_true(golden_close());
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
