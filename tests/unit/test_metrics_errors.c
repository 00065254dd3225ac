/* What metrics refuse, and with which sentence; memory that fails at every allocation; cancelling; the same bits on any
 * number of threads. */
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

#include "compare.h"
#include "metrics_fixture.h"
#include "tensor/tensor.h"

static gan_context *context, *other;

static int open_contexts(void **state) {
    (void)state;
    context = host_context(1);
    other = host_context(1);
    return 0;
}
static int close_contexts(void **state) {
    (void)state;
    gan_context_release(context);
    gan_context_release(other);
    return 0;
}

#define OK(call) assert_int_equal(call, GAN_OK)

/* The call has failed so, with this sentence. */
static void expect(gan_status actual, gan_status status, const char *sentence) {
    if (actual != status || strcmp(gan_context_error(context), sentence) != 0)
        fail_msg("%d '%s', not %d '%s'", (int)actual, gan_context_error(context), (int)status, sentence);
}

static gan_features *make(gan_context *c, const char *name, int64_t count, int64_t dimension, int32_t keep) {
    gan_features *set;
    gan_features_options o;
    gan_features_options_init(&o);
    o.keep = keep;
    OK(gan_features_create(&set, c, name, dimension, &o));
    gan_tensor *x = metrics_normal(c, count, dimension, 0, 1, (uint64_t)count);
    OK(gan_features_add(set, x));
    gan_tensor_release(x);
    return set;
}

/* ---- sets ---- */

static gan_status never(void *user, gan_tensor *images, gan_tensor *vectors) {
    (void)user, (void)images, (void)vectors;
    return GAN_E_INTERNAL;
}

static void creating(void **state) {
    (void)state;
    gan_features *set = (gan_features *)&set;
    gan_features_options o;
    char longest[65];
    memset(longest, 'n', sizeof longest);
    longest[64] = '\0';
    assert_int_equal(gan_features_create(&set, NULL, "x", 1, NULL), GAN_E_ARGUMENT);
    assert_null(set);
    expect(gan_features_create(NULL, context, "x", 1, NULL), GAN_E_ARGUMENT,
           "gan_features_create: out or name is NULL");
    expect(gan_features_create(&set, context, NULL, 1, NULL), GAN_E_ARGUMENT,
           "gan_features_create: out or name is NULL");
    expect(gan_features_create(&set, context, "", 1, NULL), GAN_E_ARGUMENT,
           "gan_features_create: length of the name is 0; it must be in 1 to 63");
    expect(gan_features_create(&set, context, longest, 1, NULL), GAN_E_ARGUMENT,
           "gan_features_create: length of the name is 64; it must be in 1 to 63");
    expect(gan_features_create(&set, context, "x", 0, NULL), GAN_E_ARGUMENT,
           "gan_features_create: dimension is 0; it must be in 1 to 1e+07");
    expect(gan_features_create(&set, context, "x", 20000000, NULL), GAN_E_ARGUMENT,
           "gan_features_create: dimension is 2e+07; it must be in 1 to 1e+07");
    memset(&o, 0, sizeof o);
    expect(gan_features_create(&set, context, "x", 1, &o), GAN_E_ARGUMENT,
           "gan_features_create: options have struct_size 0: call the options' init function first");
    gan_features_options_init(&o);
    o.keep = 2;
    expect(gan_features_create(&set, context, "x", 1, &o), GAN_E_ARGUMENT,
           "gan_features_create: keep is 2; it must be in 0 to 1");
    o.keep = 0;
    longest[63] = '\0';
    OK(gan_features_create(&set, context, longest, 3, &o));
    gan_features_release(set);
    gan_context_options limited;
    gan_context *small;
    gan_context_options_init(&limited);
    limited.threads = 1;
    limited.memory_limit = 1 << 20;
    OK(gan_context_create(&small, &limited));
    assert_int_equal(gan_features_create(&set, small, "x", 10000000, &o), GAN_E_MEMORY);
    assert_non_null(
        strstr(gan_context_error(small), "features: out of memory for a scatter matrix of dimension 10000000"));
    gan_context_release(small);
    assert_null(set);
}

static gan_layer *build(int kind) {
    gan_builder *b = kind == 1 ? gan_builder_begin_indices(context, gan_shape_0d(), 5)
                               : gan_builder_begin(context, gan_shape_3d(1, 2, 2));
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.track_running_stats = 0;
    if (kind == 0) gan_add_flatten(b);
    if (kind == 1) gan_add_embedding(b, 5, 2);
    if (kind == 2) gan_builder_input(b, "second", gan_shape_3d(1, 2, 2));
    if (kind == 2) gan_add_sum(b, "second");
    if (kind == 3) gan_add_batch_norm(b, &norm);
    if (kind == 4) gan_add_upsample(b, 4096, GAN_NEAREST);
    gan_layer *layer = NULL;
    OK(gan_builder_end(&layer, b));
    return layer;
}

static void creating_for_layers(void **state) {
    (void)state;
    gan_layer *layers[5];
    gan_features *set;
    gan_features_options o;
    for (int i = 0; i < 5; i++) layers[i] = build(i);
    assert_int_equal(gan_features_create_for_layer(&set, NULL, "x", NULL), GAN_E_ARGUMENT);
    expect(gan_features_create_for_layer(&set, layers[0], NULL, NULL), GAN_E_ARGUMENT,
           "gan_features_create_for_layer: out or name is NULL");
    gan_features_options_init(&o);
    o.extract = never;
    expect(gan_features_create_for_layer(&set, layers[0], "x", &o), GAN_E_ARGUMENT,
           "gan_features_create_for_layer: the layer extracts: extract, release and user stay NULL");
    for (int kind = 1; kind < 3; kind++) {
        char sentence[160];
        snprintf(sentence, sizeof sentence,
                 "gan_features_create_for_layer: the layer has %d inputs, or one of indices; one of images is needed",
                 kind);
        expect(gan_features_create_for_layer(&set, layers[kind], "x", NULL), GAN_E_UNSUPPORTED, sentence);
    }
    expect(gan_features_create_for_layer(&set, layers[3], "x", NULL), GAN_E_UNSUPPORTED,
           "gan_features_create_for_layer: in evaluation mode the layer computes statistics of the batch: the features "
           "of an image would depend on the others");
    expect(gan_features_create_for_layer(&set, layers[4], "x", NULL), GAN_E_ARGUMENT,
           "gan_features_create_for_layer: size of the output is 6.71089e+07; it must be in 1 to 1e+07");
    gan_features_options_init(&o);
    o.output = 1;
    expect(gan_features_create_for_layer(&set, layers[0], "x", &o), GAN_E_ARGUMENT,
           "gan_features_create_for_layer: output is 1; it must be in 0 to 0");
    /* what the layer does not take */
    OK(gan_features_create_for_layer(&set, layers[0], "x", NULL));
    gan_tensor *flat = metrics_normal(context, 3, 4, 0, 1, 1), *bytes;
    expect(
        gan_features_add(set, flat), GAN_E_SHAPE,
        "from image 0: the features' extract function failed: input 'input' has shape 3x4, the model expects batch x "
        "1x2x2");
    OK(gan_tensor_create(&bytes, context, GAN_U8, gan_shape_4d(3, 1, 2, 2)));
    expect(
        gan_features_add(set, bytes), GAN_E_DTYPE,
        "from image 0: the features' extract function failed: input 'input' of the model must be of type f32 or f64");
    gan_features_release(set);
    gan_tensor_release(flat);
    gan_tensor_release(bytes);
    for (int i = 0; i < 5; i++) gan_layer_release(layers[i]);
}

static void adding(void **state) {
    (void)state;
    gan_features *set = make(context, "x", 3, 2, 1);
    gan_tensor *scalar, *one, *three, *whole, *foreign = metrics_normal(other, 1, 2, 0, 1, 1);
    OK(gan_tensor_create(&scalar, context, GAN_F32, gan_shape_0d()));
    OK(gan_tensor_create(&one, context, GAN_F32, gan_shape_1d(2)));
    OK(gan_tensor_create(&three, context, GAN_F64, gan_shape_2d(2, 3)));
    OK(gan_tensor_create(&whole, context, GAN_I32, gan_shape_2d(1, 2)));
    assert_int_equal(gan_features_add(NULL, one), GAN_E_ARGUMENT);
    expect(gan_features_add(set, NULL), GAN_E_ARGUMENT, "gan_features_add: the tensor is NULL");
    expect(gan_features_add(set, foreign), GAN_E_ARGUMENT, "gan_features_add: the tensor belongs to another context");
    expect(gan_features_add(set, whole), GAN_E_DTYPE, "gan_features_add: the vectors are not of type f32 or f64");
    expect(gan_features_add(set, scalar), GAN_E_SHAPE,
           "gan_features_add: the tensor has shape scalar; this set takes N x 2");
    expect(gan_features_add(set, one), GAN_E_SHAPE, "gan_features_add: the tensor has shape 2; this set takes N x 2");
    expect(gan_features_add(set, three), GAN_E_SHAPE,
           "gan_features_add: the tensor has shape 2x3; this set takes N x 2");
    gan_tape *tape;
    OK(gan_tape_create(&tape, context));
    gan_tensor *y = gan_square(tape, three);
    y->gone = 1;
    expect(gan_features_add(set, y), GAN_E_STATE, "gan_features_add: the tensor's values were given back");
    y->gone = 0;
    y = gan_add(tape, three, whole);
    expect(gan_features_add(set, y), GAN_E_ARGUMENT,
           "gan_features_add: the tensor is the inert result of a failed tape");
    gan_tape_release(tape);
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1.1e40};
    for (int i = 0; i < 4; i++) {
        gan_tensor *x = metrics_normal(context, 100, 2, 0, 1, 1);
        ((double *)gan_tensor_data(x))[2 * 70 + 1] = bad[i];
        expect(gan_features_add(set, x), GAN_E_NUMERIC,
               "gan_features_add: number 1 of vector 70 is not finite, or beyond 1e40");
        assert_int_equal(gan_features_count(set), 3 + 64 * (i + 1)); /* the first portion */
        gan_tensor_release(x);
    }
    gan_features_options o;
    gan_features_options_init(&o);
    o.extract = never;
    gan_features *extracted;
    OK(gan_features_create(&extracted, context, "x", 2, &o));
    expect(gan_features_add(extracted, scalar), GAN_E_SHAPE,
           "gan_features_add: the tensor has shape scalar; this set takes N x anything");
    gan_features_release(extracted);
    gan_features_release(set);
    gan_tensor *all[] = {scalar, one, three, whole, foreign};
    for (int i = 0; i < 5; i++) gan_tensor_release(all[i]);
}

static void taking(void **state) {
    (void)state;
    gan_features *set = make(context, "x", 3, 2, 1), *moments = make(context, "x", 3, 2, 0);
    gan_tensor *out = (gan_tensor *)&out;
    assert_int_equal(gan_features_vectors(&out, NULL, 0, 1), GAN_E_ARGUMENT);
    assert_null(out);
    expect(gan_features_vectors(NULL, set, 0, 1), GAN_E_ARGUMENT, "gan_features_vectors: out is NULL");
    expect(gan_features_vectors(&out, moments, 0, 1), GAN_E_STATE,
           "gan_features_vectors: the set keeps no vectors: make it with keep = 1");
    static const int64_t wrong[][2] = {{0, 0},        {0, -1}, {-1, 1}, {0, 4}, {3, 1}, {INT64_MAX, INT64_MAX},
                                       {1, INT64_MAX}};
    for (int i = 0; i < 7; i++) {
        char sentence[160];
        snprintf(sentence, sizeof sentence,
                 "gan_features_vectors: %lld vectors from %lld on are asked for, and the set has 3",
                 (long long)wrong[i][1], (long long)wrong[i][0]);
        expect(gan_features_vectors(&out, set, wrong[i][0], wrong[i][1]), GAN_E_ARGUMENT, sentence);
        assert_null(out);
    }
    gan_features_release(set);
    gan_features_release(moments);
}

/* ---- metrics of sets ---- */

/* One name for every metric of two sets. */
static gan_status call(int which, gan_score *score, const gan_features *reals, const gan_features *fakes) {
    double sigma;
    gan_kernel_distance_options o;
    gan_kernel_distance_options_init(&o);
    o.subset_size = 4;
    gan_bins_options bins;
    gan_bins_options_init(&bins);
    bins.bins = 2;
    switch (which) {
    case 0:
        return gan_frechet_distance(score, reals, fakes);
    case 1:
        return gan_kernel_distance(score, reals, fakes, &o);
    case 2:
        return gan_precision_recall(score, NULL, reals, fakes, NULL);
    case 3:
        return gan_density_coverage(NULL, score, reals, fakes, NULL);
    case 4:
        return gan_different_bins(score, NULL, reals, fakes, &bins);
    case 5:
        return gan_parzen_likelihood(score, reals, fakes, 1);
    case 6:
        return gan_parzen_sigma(score == NULL ? NULL : &sigma, reals, fakes, NULL);
    default:
        return gan_classifier_score(score, reals, NULL);
    }
}
static const char *const names[8] = {"gan_frechet_distance", "gan_kernel_distance", "gan_precision_recall",
                                     "gan_density_coverage", "gan_different_bins",  "gan_parzen_likelihood",
                                     "gan_parzen_sigma",     "gan_classifier_score"};

static void expect_named(int which, gan_status actual, gan_status status, const char *rest) {
    char sentence[256];
    snprintf(sentence, sizeof sentence, "%s: %s", names[which], rest);
    expect(actual, status, sentence);
}

static void comparing(void **state) {
    (void)state;
    gan_features *a = make(context, "lenet", 12, 3, 1), *b = make(context, "vgg", 12, 3, 1),
                 *c = make(context, "lenet", 12, 4, 1), *d = make(context, "lenet", 12, 3, 0),
                 *e = make(other, "lenet", 12, 3, 1), *none = make(context, "lenet", 0, 3, 1),
                 *one = make(context, "lenet", 1, 3, 1);
    for (int i = 0; i < 8; i++) {
        gan_score score = metrics_score(), before = score;
        int two = i < 7, least = i < 4 ? 2 : 1;
        char sentence[128];
        expect_named(i, call(i, NULL, a, a), GAN_E_ARGUMENT, "a set, or the result is NULL");
        if (two) expect_named(i, call(i, &score, a, NULL), GAN_E_ARGUMENT, "a set, or the result is NULL");
        if (two) expect_named(i, call(i, &score, NULL, a), GAN_E_ARGUMENT, "a set, or the result is NULL");
        assert_int_equal(call(i, &score, NULL, NULL), GAN_E_ARGUMENT);
        if (two) expect_named(i, call(i, &score, a, e), GAN_E_ARGUMENT, "the sets belong to different contexts");
        if (two)
            expect_named(i, call(i, &score, a, b), GAN_E_MISMATCH,
                         "the features of the reals are 'lenet', those of the fakes 'vgg': they cannot be compared");
        if (two) expect_named(i, call(i, &score, a, c), GAN_E_SHAPE, "the reals have dimension 3, the fakes 4");
        snprintf(sentence, sizeof sentence, "there are 0 vectors of reals; at least %d are needed", least);
        expect_named(i, call(i, &score, none, a), GAN_E_STATE, sentence);
        snprintf(sentence, sizeof sentence, "there are %d vectors of fakes; at least %d are needed", least - 1, least);
        if (two) expect_named(i, call(i, &score, a, least == 2 ? one : none), GAN_E_STATE, sentence);
        if (i > 0)
            expect_named(i, call(i, &score, d, a), GAN_E_STATE,
                         "the set of reals keeps no vectors: make it with keep = 1");
        if (two && i > 0)
            expect_named(i, call(i, &score, a, d), GAN_E_STATE,
                         "the set of fakes keeps no vectors: make it with keep = 1");
        assert_memory_equal(&score, &before, sizeof score);
        OK(call(i, &score, a, i == 0 ? d : a));
        if (i == 6) continue;
        memset(&score, 0, sizeof score);
        expect_named(i, call(i, &score, a, a), GAN_E_ARGUMENT,
                     "the result has struct_size 0: call its init function first");
    }
    gan_features *all[] = {a, b, c, d, e, none, one};
    for (int i = 0; i < 7; i++) gan_features_release(all[i]);
}

/* Options out of range, on sets of 12 and of 9 vectors. */
static void options(void **state) {
    (void)state;
    gan_features *a = make(context, "x", 12, 3, 1), *b = make(context, "x", 9, 3, 1);
    gan_score s = metrics_score(), t = metrics_score();
    gan_kernel_distance_options kernel;
    gan_kernel_distance_options_init(&kernel);
    expect(gan_kernel_distance(&s, a, b, &kernel), GAN_E_ARGUMENT,
           "gan_kernel_distance: subset_size is 1000; it must be in 2 to 9");
    kernel.subset_size = 1;
    expect(gan_kernel_distance(&s, a, b, &kernel), GAN_E_ARGUMENT,
           "gan_kernel_distance: subset_size is 1; it must be in 2 to 9");
    kernel.subset_size = 9;
    kernel.subsets = 0;
    expect(gan_kernel_distance(&s, a, b, &kernel), GAN_E_ARGUMENT,
           "gan_kernel_distance: subsets is 0; it must be in 1 to 1e+09");
    gan_neighbour_options neighbours;
    gan_neighbour_options_init(&neighbours);
    for (int k = 0; k < 10; k += 9) {
        char sentence[128];
        neighbours.k = k;
        snprintf(sentence, sizeof sentence, "gan_precision_recall: k is %d; it must be in 1 to 8", k);
        expect(gan_precision_recall(&s, &t, a, b, &neighbours), GAN_E_ARGUMENT, sentence);
        snprintf(sentence, sizeof sentence, "gan_density_coverage: k is %d; it must be in 1 to 8", k);
        expect(gan_density_coverage(&s, &t, b, a, &neighbours), GAN_E_ARGUMENT, sentence);
    }
    memset(&t, 0, sizeof t);
    expect(gan_precision_recall(&s, &t, a, b, NULL), GAN_E_ARGUMENT,
           "gan_precision_recall: the result has struct_size 0: call its init function first");
    gan_bins_options bins;
    gan_bins_options_init(&bins);
    expect(gan_different_bins(&s, NULL, a, b, &bins), GAN_E_ARGUMENT,
           "gan_different_bins: bins is 100; it must be in 2 to 12");
    bins.bins = 1;
    expect(gan_different_bins(&s, NULL, a, b, &bins), GAN_E_ARGUMENT,
           "gan_different_bins: bins is 1; it must be in 2 to 12");
    bins.bins = 12;
    OK(gan_different_bins(&s, NULL, a, b, &bins));
    bins.iterations = 0;
    expect(gan_different_bins(&s, NULL, a, b, &bins), GAN_E_ARGUMENT,
           "gan_different_bins: iterations is 0; it must be in 1 to 1e+09");
    bins.iterations = 1;
    bins.significance = 1;
    expect(gan_different_bins(&s, NULL, a, b, &bins), GAN_E_ARGUMENT,
           "gan_different_bins: significance is 1; it must be in 1e-300 to 1");
    bins.significance = NAN;
    assert_int_equal(gan_different_bins(&s, NULL, a, b, &bins), GAN_E_ARGUMENT);
    expect(gan_parzen_likelihood(&s, a, b, 0), GAN_E_ARGUMENT,
           "gan_parzen_likelihood: sigma is 0; it must be in 1e-100 to 1e+100");
    gan_parzen_options parzen;
    double sigma = 5;
    gan_parzen_options_init(&parzen);
    parzen.low = 2;
    expect(gan_parzen_sigma(&sigma, a, b, &parzen), GAN_E_ARGUMENT,
           "gan_parzen_sigma: high is 1; it must be in 2 to 1e+100");
    parzen.low = 0;
    expect(gan_parzen_sigma(&sigma, a, b, &parzen), GAN_E_ARGUMENT,
           "gan_parzen_sigma: low is 0; it must be in 1e-100 to 1e+100");
    gan_parzen_options_init(&parzen);
    for (int64_t count = 1; count < 102; count += 100) {
        char sentence[128];
        parzen.count = count;
        snprintf(sentence, sizeof sentence, "gan_parzen_sigma: count is %d; it must be in 2 to 100", (int)count);
        expect(gan_parzen_sigma(&sigma, a, b, &parzen), GAN_E_ARGUMENT, sentence);
    }
    assert_true(sigma == 5);
    gan_classifier_score_options classifier;
    gan_classifier_score_options_init(&classifier);
    expect(gan_classifier_score(&s, b, &classifier), GAN_E_ARGUMENT,
           "gan_classifier_score: splits is 10; it must be in 1 to 9");
    memset(&classifier, 0, sizeof classifier);
    expect(gan_classifier_score(&s, b, &classifier), GAN_E_ARGUMENT,
           "gan_classifier_score: options have struct_size 0: call the options' init function first");
    gan_features_release(a);
    gan_features_release(b);
}

/* ---- modes, images ---- */

static void counting(void **state) {
    (void)state;
    gan_tensor *x = metrics_normal(context, 5, 2, 0, 1, 1), *c = metrics_normal(context, 3, 2, 0, 1, 2),
               *wide = metrics_normal(context, 3, 3, 0, 1, 2), *none = metrics_normal(context, 0, 2, 0, 1, 2),
               *foreign = metrics_normal(other, 3, 2, 0, 1, 2), *labels, *empty;
    gan_modes m, zero;
    gan_modes_init(&m);
    memset(&zero, 0, sizeof zero);
    assert_int_equal(gan_count_modes(&m, NULL, NULL, c, 1, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_count_modes(&m, NULL, x, NULL, 1, NULL), GAN_E_ARGUMENT);
    expect(gan_count_modes(NULL, NULL, x, c, 1, NULL), GAN_E_ARGUMENT, "gan_count_modes: modes is NULL");
    expect(gan_count_modes(&m, NULL, x, foreign, 1, NULL), GAN_E_ARGUMENT,
           "gan_count_modes: the centres belong to another context");
    expect(gan_count_modes(&zero, NULL, x, c, 1, NULL), GAN_E_ARGUMENT,
           "gan_count_modes: the result has struct_size 0: call its init function first");
    expect(gan_count_modes(&m, NULL, x, c, 0, NULL), GAN_E_ARGUMENT,
           "gan_count_modes: deviation is 0; it must be in 1e-100 to 1e+100");
    gan_modes_options o;
    gan_modes_options_init(&o);
    o.radius = -1;
    expect(gan_count_modes(&m, NULL, x, c, 1, &o), GAN_E_ARGUMENT,
           "gan_count_modes: radius is -1; it must be in 1e-100 to 1e+100");
    gan_modes_options_init(&o);
    o.rule = 2;
    expect(gan_count_modes(&m, NULL, x, c, 1, &o), GAN_E_ARGUMENT, "gan_count_modes: rule is 2; it must be in 0 to 1");
    gan_modes_options_init(&o);
    o.reserved = 1;
    assert_int_equal(gan_count_modes(&m, NULL, x, c, 1, &o), GAN_E_UNSUPPORTED);
    expect(gan_count_modes(&m, NULL, none, c, 1, NULL), GAN_E_SHAPE,
           "gan_count_modes: points are N x d and centres K x d, with at least one of each");
    expect(gan_count_modes(&m, NULL, x, none, 1, NULL), GAN_E_SHAPE,
           "gan_count_modes: points are N x d and centres K x d, with at least one of each");
    expect(gan_count_modes(&m, NULL, x, wide, 1, NULL), GAN_E_SHAPE,
           "gan_count_modes: the tensor has shape 5x2; this set takes N x 3");
    ((double *)gan_tensor_data(c))[5] = NAN;
    expect(gan_count_modes(&m, NULL, x, c, 1, NULL), GAN_E_NUMERIC,
           "gan_count_modes: number 1 of vector 2 is not finite, or beyond 1e40");
    double values[3] = {0, 4, -1};
    labels = host_tensor(context, GAN_I32, gan_shape_1d(3), values);
    OK(gan_tensor_create(&empty, context, GAN_I32, gan_shape_1d(0)));
    assert_int_equal(gan_count_classes(&m, NULL, NULL, 3), GAN_E_ARGUMENT);
    expect(gan_count_classes(NULL, NULL, labels, 3), GAN_E_ARGUMENT, "gan_count_classes: modes is NULL");
    expect(gan_count_classes(&zero, NULL, labels, 3), GAN_E_ARGUMENT,
           "gan_count_classes: the result has struct_size 0: call its init function first");
    expect(gan_count_classes(&m, NULL, labels, 0), GAN_E_ARGUMENT,
           "gan_count_classes: classes is 0; it must be in 1 to 1e+07");
    expect(gan_count_classes(&m, NULL, labels, 4), GAN_E_ARGUMENT, "gan_count_classes: label 1 is 4, not 0 to 3");
    expect(gan_count_classes(&m, NULL, labels, 5), GAN_E_ARGUMENT, "gan_count_classes: label 2 is -1, not 0 to 4");
    expect(gan_count_classes(&m, NULL, x, 5), GAN_E_DTYPE, "gan_count_classes: the labels are not of type i32");
    expect(gan_count_classes(&m, NULL, empty, 5), GAN_E_SHAPE, "gan_count_classes: there are no labels");
    gan_tensor *all[] = {x, c, wide, none, foreign, labels, empty};
    for (int i = 0; i < 7; i++) gan_tensor_release(all[i]);
}

static void pictures(void **state) {
    (void)state;
    gan_tensor *a = host_uniform(context, GAN_F32, gan_shape_4d(2, 1, 12, 12), -1, 1, 1),
               *b = host_uniform(context, GAN_F32, gan_shape_4d(2, 1, 12, 13), -1, 1, 1),
               *flat = host_uniform(context, GAN_F32, gan_shape_2d(2, 12), -1, 1, 1),
               *foreign = host_uniform(other, GAN_F32, gan_shape_4d(2, 1, 12, 12), -1, 1, 1), *one, *whole, *scalar;
    OK(gan_tensor_slice(&one, a, 0, 0, 1));
    OK(gan_tensor_create(&whole, context, GAN_I32, gan_shape_4d(2, 1, 12, 12)));
    OK(gan_tensor_create(&scalar, context, GAN_F32, gan_shape_0d()));
    gan_score s = metrics_score(), zero;
    memset(&zero, 0, sizeof zero);
    assert_int_equal(gan_ms_ssim(&s, NULL, a, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_ms_ssim_diversity(&s, NULL, NULL), GAN_E_ARGUMENT);
    expect(gan_ms_ssim(NULL, a, a, NULL), GAN_E_ARGUMENT, "gan_ms_ssim: a set, or the result is NULL");
    expect(gan_ms_ssim(&zero, a, a, NULL), GAN_E_ARGUMENT,
           "gan_ms_ssim: the result has struct_size 0: call its init function first");
    expect(gan_ms_ssim(&s, a, foreign, NULL), GAN_E_ARGUMENT, "gan_ms_ssim: the images belong to different contexts");
    expect(gan_ms_ssim(&s, a, whole, NULL), GAN_E_DTYPE, "gan_ms_ssim: the images are of type i32");
    expect(gan_ms_ssim(&s, a, b, NULL), GAN_E_SHAPE,
           "gan_ms_ssim: the images are 2x1x12x12 and 2x1x12x13, not of one shape N x C x H x W with a pair in it");
    expect(gan_ms_ssim(&s, flat, flat, NULL), GAN_E_SHAPE,
           "gan_ms_ssim: the images are 2x12 and 2x12, not of one shape N x C x H x W with a pair in it");
    assert_int_equal(gan_ms_ssim(&s, scalar, scalar, NULL), GAN_E_SHAPE);
    expect(gan_ms_ssim_diversity(&s, one, NULL), GAN_E_SHAPE,
           "gan_ms_ssim_diversity: the images are 1x1x12x12 and 1x1x12x12, not of one shape N x C x H x W with a pair "
           "in it");
    gan_ms_ssim_options o;
    gan_ms_ssim_options_init(&o);
    for (int64_t scales = 0; scales < 7; scales += 6) {
        char sentence[128];
        o.scales = scales;
        snprintf(sentence, sizeof sentence, "gan_ms_ssim: scales is %d; it must be in 1 to 5", (int)scales);
        expect(gan_ms_ssim(&s, a, a, &o), GAN_E_ARGUMENT, sentence);
    }
    gan_ms_ssim_options_init(&o);
    o.high = -1;
    expect(gan_ms_ssim(&s, a, a, &o), GAN_E_ARGUMENT, "gan_ms_ssim: high - low is 0; it must be in 1e-100 to 1e+100");
    o.high = INFINITY;
    assert_int_equal(gan_ms_ssim(&s, a, a, &o), GAN_E_ARGUMENT);
    ((float *)gan_tensor_data(a))[200] = NAN;
    expect(gan_ms_ssim(&s, a, a, NULL), GAN_E_NUMERIC,
           "gan_ms_ssim: an image of pair 1 has a value that is not finite");
    gan_tensor *all[] = {a, b, flat, foreign, one, whole, scalar};
    for (int i = 0; i < 7; i++) gan_tensor_release(all[i]);
}

/* ---- memory ---- */

/* Every allocation of a program that computes all metrics fails, it and all later ones, or it alone: GAN_E_MEMORY with
 * a sentence, and nothing is kept. */
static void failing_memory(void **state) {
    (void)state;
    double expected[METRICS_VALUES], values[METRICS_VALUES];
    for (int once = 0; once < 2; once++) {
        host_memory memory = {.once = once};
        gan_context *host = host_context_with(1, GAN_LEVEL_AUTO, 1, &memory);
        OK(metrics_all(host, expected));
        long long before = memory.calls, blocks = memory.blocks, bytes = memory.bytes;
        OK(metrics_all(host, values));
        long long count = memory.calls - before;
        int succeeded = 0;
        assert_true(memory.blocks == blocks && memory.bytes == bytes && count > 50);
        for (long long i = 1; i <= count; i++) {
            memory.fail_at = memory.calls + i;
            gan_status status = metrics_all(host, values);
            memory.fail_at = 0;
            if (once && status == GAN_OK) { /* a tape of the layer's goes on with what it has */
                assert_memory_equal(values, expected, sizeof values);
                succeeded++;
                continue;
            }
            if (status != GAN_E_MEMORY) fail_msg("allocation %lld of %lld: %d", i, count, (int)status);
            if (strstr(gan_context_error(host), "out of memory") == NULL)
                fail_msg("allocation %lld: '%s'", i, gan_context_error(host));
            assert_true(memory.blocks == blocks && memory.bytes == bytes);
        }
        assert_true(succeeded <= 2);
        OK(metrics_all(host, values));
        assert_memory_equal(values, expected, sizeof values);
        gan_context_release(host);
        assert_true(memory.blocks == 0 && memory.bytes == 0);
    }
}

/* ---- cancelling ---- */

static int64_t looks, stop_at;
static int32_t cancelled(void *user) {
    (void)user;
    return ++looks == stop_at;
}

static void cancelling(void **state) {
    (void)state;
    gan_context_options o;
    gan_context *host;
    double expected[METRICS_VALUES], values[METRICS_VALUES];
    gan_context_options_init(&o);
    o.threads = 1;
    o.cancelled = cancelled;
    OK(gan_context_create(&host, &o));
    looks = stop_at = 0;
    OK(metrics_all(host, expected));
    int64_t count = looks;
    assert_true(count > 40);
    for (stop_at = 1; stop_at <= count; stop_at++) {
        looks = 0;
        assert_int_equal(metrics_all(host, values), GAN_E_CANCELLED);
        assert_non_null(strstr(gan_context_error(host), ": cancelled"));
    }
    stop_at = 0;
    OK(metrics_all(host, values));
    assert_memory_equal(values, expected, sizeof values);
    gan_context_release(host);
}

/* ---- threads ---- */

static void threads(void **state) {
    (void)state;
    double expected[METRICS_VALUES], values[METRICS_VALUES], norm = 0;
    for (int32_t count = 1; count <= 3; count++) {
        gan_context *host = host_context_with(count, GAN_LEVEL_AUTO, 1, NULL);
        OK(metrics_all(host, count == 1 ? expected : values));
        if (count > 1) assert_memory_equal(values, expected, sizeof values);
        gan_context_release(host);
    }
    for (int i = 0; i < METRICS_VALUES; i++) norm += isfinite(expected[i]) && expected[i] != 0;
    assert_true(norm > 15); /* or nothing was measured */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating),       cmocka_unit_test(creating_for_layers),
        cmocka_unit_test(adding),         cmocka_unit_test(taking),
        cmocka_unit_test(comparing),      cmocka_unit_test(options),
        cmocka_unit_test(counting),       cmocka_unit_test(pictures),
        cmocka_unit_test(failing_memory), cmocka_unit_test(cancelling),
        cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}
