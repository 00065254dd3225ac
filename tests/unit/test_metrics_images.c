/* Metrics of images: features that a layer or the application extracts, structural similarity; scores as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "comma.h"
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

/* The vectors of a set, as a tensor. */
static double *vectors_of(const gan_features *set) {
    int64_t n = gan_features_count(set), d = gan_features_dimension(set);
    double *values = malloc((size_t)(n * d) * sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++) memcpy(values + i * d, gani_vector(set, i), (size_t)d * sizeof *values);
    return values;
}

/* ---- a layer ---- */

/* Two outputs, with batch normalisation, whose mode and statistics have to stay. */
static gan_layer *make_layer(void) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(2, 9, 7));
    gan_add_conv2d(b, 3, 3, 2, 0, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_builder_output(b, "features");
    gan_add_flatten(b);
    gan_add_linear(b, 5, NULL);
    gan_builder_output(b, "logits");
    gan_layer *layer;
    OK(gan_builder_end(&layer, b));
    return layer;
}

/* What the set has are the layer's outputs in evaluation mode, flattened; the layer is as before. */
static void layers(void **state) {
    (void)state;
    gan_layer *layer = make_layer();
    gan_tensor *images = host_uniform(context, GAN_F32, gan_shape_4d(150, 2, 9, 7), -1, 1, 1), *mean, *before;
    gan_tape *tape;
    OK(gan_tape_create(&tape, context));
    gan_tensor *ys[2];
    gan_layer_forward_many(tape, layer, &images, 1, ys, 2); /* statistics that are not the first ones */
    gan_layer_set_training(layer, 0);
    gan_layer_forward_many(tape, layer, &images, 1, ys, 2);
    OK(gan_tape_status(tape));
    gan_layer_set_training(layer, 1);
    mean = gan_layer_find(layer, "1.running_mean");
    assert_non_null(mean);
    OK(gan_tensor_clone(&before, mean));
    for (int32_t output = 0; output < 2; output++) {
        gan_features *set, *pieces;
        gan_features_options o;
        gan_features_options_init(&o);
        o.output = output;
        OK(gan_features_create_for_layer(&set, layer, "test", &o));
        OK(gan_features_create_for_layer(&pieces, layer, "test", &o));
        assert_int_equal(gan_features_dimension(set), output == 0 ? 3 * 4 * 3 : 5);
        OK(gan_features_add(set, images));
        for (int64_t at = 0; at < 150; at += 50) {
            gan_tensor *part;
            OK(gan_tensor_slice(&part, images, 0, at, 50));
            OK(gan_features_add(pieces, part));
            gan_tensor_release(part);
        }
        double *expected = compare_read(ys[output]), *found = vectors_of(set), *other = vectors_of(pieces);
        int64_t count = 150 * gan_features_dimension(set);
        assert_int_equal(gan_features_count(set), 150);
        assert_true(compare_values("features", found, expected, count, 1e-6, 0));
        assert_true(compare_values("pieces", other, expected, count, 1e-6, 0) && compare_norm(found, count) > 1);
        free(expected);
        free(found);
        free(other);
        gan_features_release(set);
        gan_features_release(pieces);
    }
    assert_int_equal(gan_layer_is_training(layer), 1);
    assert_true(compare_same_bits("mean", mean, before));
    /* the set keeps the layer */
    gan_features *set;
    OK(gan_features_create_for_layer(&set, layer, "test", NULL));
    gan_tensor_release(before);
    gan_tape_release(tape);
    gan_layer_release(layer);
    OK(gan_features_add(set, images));
    gan_features_release(set);
    gan_tensor_release(images);
}

/* ---- an extractor of the application's ---- */

typedef struct extractor {
    int calls, releases;
    int64_t images, most;
    int64_t fail_at; /* this call; 0: none */
    gan_status status;
    int says;  /* fails inside of libgan, with a message */
    int blank; /* makes a NaN in the second image of a portion */
} extractor;

/* The mean of each image, and its first pixel. */
static gan_status extract(void *user, gan_tensor *images, gan_tensor *vectors) {
    extractor *e = user;
    gan_shape shape = gan_tensor_shape(images);
    int64_t n = shape.size[0], pixels = gan_tensor_count(images) / n;
    double *v = gan_tensor_data(vectors);
    assert_true(gan_tensor_is_contiguous(images) && gan_tensor_dtype(images) == GAN_U8);
    assert_true(gan_tensor_dtype(vectors) == GAN_F64 && gan_tensor_count(vectors) == 2 * n && n <= 64);
    for (int64_t i = 0; i < n; i++) {
        v[2 * i] = 0;
        for (int64_t k = 0; k < pixels; k++) v[2 * i] += gan_tensor_item(images, i * pixels + k) / (double)pixels;
        v[2 * i + 1] = gan_tensor_item(images, i * pixels);
    }
    if (e->blank) v[3] = NAN;
    e->images += n;
    if (++e->calls != e->fail_at) return GAN_OK;
    if (e->says) {
        gan_tensor *none;
        return gan_tensor_create(&none, context, GAN_F32, gan_shape_1d(-1));
    }
    return e->status;
}
static void ended(void *user) { ((extractor *)user)->releases++; }

static void extractors(void **state) {
    (void)state;
    extractor e = {.status = GAN_E_IO};
    gan_features_options o;
    gan_features *set;
    gan_features_options_init(&o);
    o.extract = extract;
    o.release = ended;
    o.user = &e;
    OK(gan_features_create(&set, context, "means", 2, &o));
    gan_tensor *wide = host_uniform(context, GAN_F64, gan_shape_4d(130, 3, 4, 5), 0, 255, 2), *images;
    OK(gan_tensor_create(&images, context, GAN_U8, gan_shape_4d(130, 3, 4, 5)));
    OK(gan_tensor_copy(images, wide));
    OK(gan_features_add(set, images));
    assert_true(e.calls == 3 && e.images == 130 && gan_features_count(set) == 130);
    double *values = compare_read(images), *found = vectors_of(set);
    for (int i = 0; i < 130; i++) {
        double mean = 0;
        for (int k = 0; k < 60; k++) mean += values[i * 60 + k] / 60;
        NEAR(found[2 * i], mean, 1e-12);
        assert_true(found[2 * i + 1] == values[i * 60]);
    }
    free(values);
    free(found);
    /* the second portion fails: the first one is in the set */
    e.fail_at = 5;
    assert_int_equal(gan_features_add(set, images), GAN_E_IO);
    assert_string_equal(gan_context_error(context),
                        "from image 64: the features' extract function failed: file operation failed");
    assert_int_equal(gan_features_count(set), 194);
    e.fail_at = e.calls + 1;
    e.status = 7;
    assert_int_equal(gan_features_add(set, images), GAN_E_ARGUMENT);
    assert_string_equal(gan_context_error(context),
                        "from image 0: the features' extract function returned 7, which is no status");
    e.fail_at = e.calls + 1;
    e.says = 1;
    assert_int_equal(gan_features_add(set, images), GAN_E_SHAPE);
    assert_non_null(strstr(gan_context_error(context), "failed: gan_tensor_create: shape -1 has a negative size"));
    e.blank = 1;
    assert_int_equal(gan_features_add(set, images), GAN_E_NUMERIC);
    assert_string_equal(gan_context_error(context),
                        "gan_features_add: number 1 of vector 1 is not finite, or beyond 1e40");
    assert_int_equal(gan_features_count(set), 194);
    assert_int_equal(e.releases, 0);
    gan_features_release(set);
    assert_int_equal(e.releases, 1);
    gan_tensor_release(wide);
    gan_tensor_release(images);
}

/* ---- structural similarity ---- */

static double ms_ssim(const gan_tensor *a, const gan_tensor *b, double low, double high, int64_t scales,
                      int64_t expected_scales) {
    gan_score score = metrics_score();
    gan_ms_ssim_options o;
    gan_ms_ssim_options_init(&o);
    assert_true(o.low == -1 && o.high == 1 && o.scales == -1);
    o.low = low;
    o.high = high;
    o.scales = scales;
    if (b == NULL)
        OK(gan_ms_ssim_diversity(&score, a, &o));
    else
        OK(gan_ms_ssim(&score, a, b, &o));
    assert_true(score.setting == (double)expected_scales && score.metric == GAN_METRIC_MS_SSIM && score.reals == 0);
    assert_true(score.fakes == gan_tensor_shape(a).size[0] / (b == NULL ? 2 : 1) && score.error >= 0);
    assert_string_equal(score.features, "pixels");
    return score.value;
}

/* Equal images: exactly 1; as many scales as the edges allow. */
static void similar(void **state) {
    (void)state;
    static const int64_t edges[][3] = {{1, 1, 1},   {5, 40, 1},  {11, 11, 1}, {20, 20, 1}, {21, 64, 2},  {28, 28, 2},
                                       {32, 32, 2}, {41, 41, 3}, {64, 90, 3}, {81, 81, 4}, {161, 170, 5}};
    for (int i = 0; i < 11; i++) {
        gan_tensor *a = host_uniform(context, GAN_F32, gan_shape_4d(2, 2, edges[i][0], edges[i][1]), -1, 1, 1);
        gan_tensor *b = host_uniform(context, GAN_F32, gan_shape_4d(2, 2, edges[i][0], edges[i][1]), -1, 1, 2);
        assert_true(ms_ssim(a, a, -1, 1, -1, edges[i][2]) == 1);
        assert_true(ms_ssim(a, a, -1, 1, 5, 5) == 1);
        double there = ms_ssim(a, b, -1, 1, -1, edges[i][2]), back = ms_ssim(b, a, -1, 1, -1, edges[i][2]);
        NEAR(there, back, 1e-14);
        assert_true(i < 2 || (there >= 0 && there < 0.2));
        gan_tensor_release(a);
        gan_tensor_release(b);
    }
}

/* One scale by the definition, with the window as a square. */
static double plain_ssim(const double *x, const double *y, int64_t h, int64_t w, double range) {
    int64_t size = h < w ? h : w;
    if (size > 11) size = 11;
    double window[121], total = 0, sigma = 1.5 * (double)size / 11, sum = 0;
    double c1 = 0.01 * range * 0.01 * range, c2 = 0.03 * range * 0.03 * range;
    for (int64_t i = 0; i < size * size; i++) {
        double u = (double)(i / size) - (double)(size - 1) / 2, v = (double)(i % size) - (double)(size - 1) / 2;
        total += window[i] = exp(-(u * u + v * v) / (2 * sigma * sigma));
    }
    for (int64_t i = 0; i + size <= h; i++)
        for (int64_t j = 0; j + size <= w; j++) {
            double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int64_t k = 0; k < size * size; k++) {
                    double f = window[k] / total, p = x[(i + k / size) * w + j + k % size],
                           q = y[(i + k / size) * w + j + k % size];
                    if (pass == 0) {
                        a += f * p;
                        b += f * q;
                    } else {
                        aa += f * (p - a) * (p - a);
                        bb += f * (q - b) * (q - b);
                        ab += f * (p - a) * (q - b);
                    }
                }
            sum += (2 * a * b + c1) * (2 * ab + c2) / ((a * a + b * b + c1) * (aa + bb + c2));
        }
    return sum / (double)((h - size + 1) * (w - size + 1));
}

/* Of bytes, of floats, of doubles, of views: the same; of pairs in one tensor, and one left over. */
static void similarity(void **state) {
    (void)state;
    enum { N = 5, C = 3, H = 14, W = 12 };
    gan_tensor *wide = host_uniform(context, GAN_F64, gan_shape_4d(N, C, H, W), 60, 190, 3), *bytes, *floats, *doubles;
    gan_shape shape = gan_shape_4d(N, C, H, W);
    OK(gan_tensor_create(&bytes, context, GAN_U8, shape));
    OK(gan_tensor_create(&floats, context, GAN_F32, shape));
    OK(gan_tensor_create(&doubles, context, GAN_F64, shape));
    OK(gan_tensor_copy(bytes, wide));
    OK(gan_tensor_copy(floats, bytes));
    OK(gan_tensor_copy(doubles, bytes));
    double *x = compare_read(bytes), expected = 0;
    for (int i = 0; i < 2 * C; i++) {
        const double *a = x + (i / C * 2 * C + i % C) * H * W;
        expected += plain_ssim(a, a + C * H * W, H, W, 255) / (2 * C);
    }
    NEAR(ms_ssim(bytes, NULL, 0, 255, 1, 1), expected, 1e-13);
    assert_true(expected > 0.01);
    double value = ms_ssim(bytes, NULL, 0, 255, 2, 2);
    assert_true(ms_ssim(floats, NULL, 0, 255, 2, 2) == value && ms_ssim(doubles, NULL, 0, 255, 2, 2) == value);
    NEAR(ms_ssim(doubles, NULL, -100, 155, 2, 2), value, 1e-15);
    gan_tensor *even, *odd, *turned, *flat;
    OK(gan_tensor_reshape(&flat, doubles, gan_shape_4d(1, N * C, H, W)));
    OK(gan_tensor_slice(&even, doubles, 0, 0, 1));
    OK(gan_tensor_slice(&odd, doubles, 0, 1, 1));
    double first = ms_ssim(even, odd, 0, 255, 2, 2);
    gan_tensor_release(even);
    gan_tensor_release(odd);
    OK(gan_tensor_slice(&even, doubles, 0, 2, 1));
    OK(gan_tensor_slice(&odd, doubles, 0, 3, 1));
    double second = ms_ssim(even, odd, 0, 255, 2, 2);
    NEAR((first + second) / 2, value, 1e-14);
    OK(gan_tensor_permute(&turned, doubles, (const int32_t[]){0, 1, 3, 2}));
    NEAR(ms_ssim(turned, NULL, 0, 255, 2, 2), value, 1e-13); /* the windows are symmetric */
    gan_score score = metrics_score();
    gan_ms_ssim_options o;
    gan_ms_ssim_options_init(&o);
    o.low = 0;
    o.high = 255;
    o.scales = 2;
    OK(gan_ms_ssim_diversity(&score, doubles, &o));
    NEAR(score.error, fabs(first - second) / 2 / sqrt(2), 1e-13);
    free(x);
    gan_tensor *all[] = {wide, bytes, floats, doubles, even, odd, turned, flat};
    for (int i = 0; i < 8; i++) gan_tensor_release(all[i]);
}

/* ---- text ---- */

static void assert_text(const gan_score *score, const char *expected) {
    char buffer[256], small[8];
    int64_t length = (int64_t)strlen(expected);
    assert_int_equal(gan_score_text(score, buffer, sizeof buffer), length);
    assert_string_equal(buffer, expected);
    assert_int_equal(gan_score_text(score, NULL, 0), length);
    assert_int_equal(gan_score_text(score, NULL, 100), length);
    assert_int_equal(gan_score_text(score, small, sizeof small), length);
    assert_memory_equal(small, expected, 7);
    assert_int_equal(small[7], 0);
}

static void text(void **state) {
    (void)state;
    for (int comma = 0; comma < 2; comma++) {
        if (comma && !comma_begin()) continue;
        gan_score s = metrics_score();
        s.metric = GAN_METRIC_FRECHET;
        s.value = 12.31;
        s.reals = s.fakes = 10000;
        strcpy(s.features, "lenet mnist");
        s.has_seed = 1;
        s.seed = 1;
        assert_text(&s, "Fr\303\251chet distance 12.31 (lenet mnist, 10000 real and 10000 generated, seed 1)");
        s.has_seed = 0;
        s.value = 0;
        assert_text(&s, "Fr\303\251chet distance 0 (lenet mnist, 10000 real and 10000 generated)");
        s.metric = GAN_METRIC_KERNEL;
        s.value = -0.000123456789;
        s.error = 2e-05;
        s.setting = 100;
        s.has_seed = 1;
        s.seed = UINT64_MAX;
        s.fakes = 9999;
        assert_text(&s, "kernel distance x 1000 -0.12346 +- 0.02 (lenet mnist, 10000 real and 9999 generated, "
                        "100 subsets, seed 18446744073709551615)");
        static const char *const names[] = {"precision 0.5 (p, 7 real and 8 generated, k = 3)",
                                            "recall 0.5 (p, 7 real and 8 generated, k = 3)",
                                            "density 0.5 (p, 7 real and 8 generated, k = 3)",
                                            "coverage 0.5 (p, 7 real and 8 generated, k = 3)",
                                            "classifier score 0.5 (p, 7 real and 8 generated, 3 splits)",
                                            "Parzen log likelihood 0.5 (p, 7 real and 8 generated, sigma = 3)",
                                            "different bins 0.5 (p, 7 real and 8 generated, 3 bins)",
                                            "Jensen-Shannon divergence of bins 0.5 (p, 7 real and 8 generated, 3 bins)",
                                            "MS-SSIM 0.5 (p, 7 real and 8 pairs, 3 scales)"};
        for (int m = 0; m < 9; m++) {
            s = metrics_score();
            s.metric = GAN_METRIC_PRECISION + m;
            s.value = 0.5;
            s.reals = 7;
            s.fakes = 8;
            s.setting = 3;
            s.features[0] = 'p';
            assert_text(&s, names[m]);
        }
        s.metric = GAN_METRIC_CLASSIFIER;
        s.reals = 0;
        s.setting = NAN;
        memset(s.features, 'x', sizeof s.features); /* without its end */
        char expected[128];
        snprintf(expected, sizeof expected, "classifier score 0.5 (%.63s, 8 generated)", s.features);
        assert_text(&s, expected);
        if (comma) comma_end();
    }
    gan_score s = metrics_score();
    assert_true(isnan(s.value) && isnan(s.error) && isnan(s.setting) && s.struct_size == sizeof s);
    assert_int_equal(gan_score_text(NULL, NULL, 0), -1);
    assert_int_equal(gan_score_text(&s, NULL, 0), -1); /* nothing was measured */
    s.metric = 12;
    assert_int_equal(gan_score_text(&s, NULL, 0), -1);
    memset(&s, 0, sizeof s);
    s.metric = 1;
    assert_int_equal(gan_score_text(&s, NULL, 0), -1);
}

/* Programs of an older and of a newer version: only what they have room for is written, the rest of theirs stays 0. */
static void sizes(void **state) {
    (void)state;
    struct {
        gan_score score;
        unsigned char rest[16];
    } longer;
    gan_features *a = metrics_normal_set(context, 20, 2, 0, 1, 1), *b = metrics_normal_set(context, 20, 2, 1, 1, 2);
    gan_score whole = metrics_score();
    OK(gan_frechet_distance(&whole, a, b));
    memset(&longer, 0x55, sizeof longer);
    gan_score_init_sized(&longer.score, sizeof longer);
    assert_true(longer.score.struct_size == sizeof longer && longer.rest[0] == 0 && longer.rest[15] == 0);
    OK(gan_frechet_distance(&longer.score, a, b));
    assert_true(longer.score.struct_size == sizeof longer && longer.rest[0] == 0 && longer.rest[15] == 0);
    assert_true(longer.score.value == whole.value && strcmp(longer.score.features, "points") == 0);
    assert_true(gan_score_text(&longer.score, NULL, 0) > 10);
    memset(&longer, 0x55, sizeof longer);
    gan_score_init_sized(&longer.score, 24);
    OK(gan_frechet_distance(&longer.score, a, b));
    assert_true(longer.score.struct_size == 24 && longer.score.value == whole.value);
    assert_int_equal(((unsigned char *)&longer)[24], 0x55);
    gan_features_release(a);
    gan_features_release(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers),     cmocka_unit_test(extractors), cmocka_unit_test(similar),
        cmocka_unit_test(similarity), cmocka_unit_test(text),       cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
