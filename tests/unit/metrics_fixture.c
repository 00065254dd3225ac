#include "metrics_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void demand(int good, const gan_context *context) {
    if (good) return;
    fprintf(stderr, "metrics fixture: %s\n", gan_context_error(context));
    abort();
}

gan_tensor *metrics_normal(gan_context *context, int64_t count, int64_t dimension, double mean, double deviation,
                           uint64_t salt) {
    gan_tensor *tensor = NULL;
    demand(gan_tensor_create(&tensor, context, GAN_F64, gan_shape_2d(count, dimension)) == GAN_OK, context);
    demand(gan_tensor_fill_normal(tensor, mean, deviation, salt, 1000, 0) == GAN_OK, context);
    return tensor;
}

gan_features *metrics_set(gan_context *context, gan_tensor *vectors, int32_t keep) {
    gan_features *set = NULL;
    gan_features_options o;
    gan_features_options_init(&o);
    o.keep = keep;
    demand(gan_features_create(&set, context, "points", gan_tensor_shape(vectors).size[1], &o) == GAN_OK, context);
    demand(gan_features_add(set, vectors) == GAN_OK, context);
    gan_tensor_release(vectors);
    return set;
}

gan_features *metrics_normal_set(gan_context *context, int64_t count, int64_t dimension, double mean, double deviation,
                                 uint64_t salt) {
    return metrics_set(context, metrics_normal(context, count, dimension, mean, deviation, salt), 1);
}

gan_score metrics_score(void) {
    gan_score score;
    gan_score_init(&score);
    return score;
}

double metrics_frechet(const gan_features *reals, const gan_features *fakes) {
    gan_score score = metrics_score();
    return gan_frechet_distance(&score, reals, fakes) == GAN_OK ? score.value : -1;
}

/* ---- all ---- */

typedef struct sample {
    gan_tensor *points[2], *images, *labels, *centres;
    gan_features *kept[2], *moments[2];
    gan_layer *network;
    gan_features *made; /* by the network */
} sample;

static gan_status add(gan_features **set, gan_context *context, gan_tensor *points, int32_t keep) {
    gan_features_options o;
    gan_features_options_init(&o);
    o.keep = keep;
    gan_status status = gan_features_create(set, context, "points", gan_tensor_shape(points).size[1], &o);
    return status != GAN_OK ? status : gan_features_add(*set, points);
}

static gan_status make_tensors(gan_context *context, sample *s) {
    static const int32_t labels[6] = {0, 2, 2, 1, 2, 0};
    static const double centres[6] = {0, 0, 1, 0, -1, 1};
    gan_status status = GAN_OK;
    for (int i = 0; i < 2 && status == GAN_OK; i++) {
        status = gan_tensor_create(&s->points[i], context, GAN_F64, gan_shape_2d(300 + 40 * i, 5));
        if (status == GAN_OK) status = gan_tensor_fill_normal(s->points[i], 0.3 * i, 1, 1 + (uint64_t)i, 1000, 0);
    }
    if (status == GAN_OK) status = gan_tensor_create(&s->images, context, GAN_F32, gan_shape_4d(5, 2, 25, 23));
    if (status == GAN_OK) status = gan_tensor_fill_uniform(s->images, -1, 1, 3, 1000, 0);
    if (status == GAN_OK) status = gan_tensor_create(&s->labels, context, GAN_I32, gan_shape_1d(6));
    if (status == GAN_OK) status = gan_tensor_write(s->labels, labels, sizeof labels);
    if (status == GAN_OK) status = gan_tensor_create(&s->centres, context, GAN_F64, gan_shape_2d(3, 2));
    return status != GAN_OK ? status : gan_tensor_write(s->centres, centres, sizeof centres);
}

static gan_status make_sets(gan_context *context, sample *s) {
    gan_status status = GAN_OK;
    for (int i = 0; i < 2 && status == GAN_OK; i++) {
        status = add(&s->kept[i], context, s->points[i], 1);
        if (status == GAN_OK) status = add(&s->moments[i], context, s->points[i], 0);
    }
    /* the network's weights are random: the same ones each time */
    if (status == GAN_OK) status = gan_context_set_seed(context, gan_context_seed(context));
    if (status != GAN_OK) return status;
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(2, 25, 23));
    gan_add_conv2d(b, 2, 5, 5, 0, NULL);
    gan_add_relu(b);
    status = gan_builder_end(&s->network, b);
    if (status == GAN_OK) status = gan_features_create_for_layer(&s->made, s->network, "convolution", NULL);
    return status != GAN_OK ? status : gan_features_add(s->made, s->images);
}

static gan_status measure(gan_context *context, const sample *s, double *v) {
    gan_score a = metrics_score(), b = metrics_score();
    gan_modes modes;
    gan_tensor *plane = NULL, *vectors = NULL;
    int64_t histogram[3];
    gan_kernel_distance_options kernel;
    gan_bins_options bins;
    gan_modes_init(&modes);
    gan_kernel_distance_options_init(&kernel);
    gan_bins_options_init(&bins);
    kernel.subsets = 3;
    kernel.subset_size = 270;
    bins.bins = 6;
    double *const begin = v;
    gan_status status = gan_frechet_distance(&a, s->kept[0], s->kept[1]);
    *v++ = a.value;
    if (status == GAN_OK) status = gan_frechet_distance(&a, s->moments[0], s->moments[1]);
    *v++ = a.value;
    if (status == GAN_OK) status = gan_frechet_distance(&a, s->made, s->made); /* fewer vectors than the dimension */
    *v++ = a.value;
    if (status == GAN_OK) status = gan_kernel_distance(&a, s->kept[0], s->kept[1], &kernel);
    *v++ = a.value;
    *v++ = a.error;
    if (status == GAN_OK) status = gan_precision_recall(&a, &b, s->kept[0], s->kept[1], NULL);
    *v++ = a.value;
    *v++ = b.value;
    if (status == GAN_OK) status = gan_density_coverage(&a, &b, s->kept[0], s->kept[1], NULL);
    *v++ = a.value;
    *v++ = b.value;
    if (status == GAN_OK) status = gan_different_bins(&a, &b, s->kept[0], s->kept[1], &bins);
    *v++ = a.value;
    *v++ = b.value;
    if (status == GAN_OK) status = gan_parzen_likelihood(&a, s->kept[0], s->kept[1], 0.5);
    *v++ = a.value;
    *v++ = a.error;
    *v = 0;
    if (status == GAN_OK) status = gan_parzen_sigma(v, s->kept[0], s->kept[1], NULL);
    v++;
    if (status == GAN_OK) status = gan_classifier_score(&a, s->kept[0], NULL);
    *v++ = a.value;
    *v++ = a.error;
    if (status == GAN_OK) status = gan_features_vectors(&vectors, s->kept[0], 1, 1);
    if (status == GAN_OK) *v = gan_tensor_item(vectors, 0);
    v++;
    gan_tensor_release(vectors);
    if (status == GAN_OK) status = gan_tensor_slice(&plane, s->points[0], 1, 0, 2);
    if (status == GAN_OK) status = gan_count_modes(&modes, histogram, plane, s->centres, 0.4, NULL);
    *v++ = modes.share;
    *v++ = modes.divergence;
    if (status == GAN_OK) status = gan_count_classes(&modes, histogram, s->labels, 3);
    *v++ = modes.reverse_divergence;
    if (status == GAN_OK) status = gan_ms_ssim(&a, s->images, s->images, NULL);
    *v++ = a.value;
    if (status == GAN_OK) status = gan_ms_ssim_diversity(&a, s->images, NULL);
    *v++ = a.value;
    gan_tensor_release(plane);
    if (v - begin > METRICS_VALUES) demand(0, context);
    return status;
}

gan_status metrics_all(gan_context *context, double values[METRICS_VALUES]) {
    sample s;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < METRICS_VALUES; i++) values[i] = 0;
    gan_status status = make_tensors(context, &s);
    if (status == GAN_OK) status = make_sets(context, &s);
    if (status == GAN_OK) status = measure(context, &s, values);
    for (int i = 0; i < 2; i++) {
        gan_tensor_release(s.points[i]);
        gan_features_release(s.kept[i]);
        gan_features_release(s.moments[i]);
    }
    gan_features_release(s.made);
    gan_layer_release(s.network);
    gan_tensor_release(s.images);
    gan_tensor_release(s.labels);
    gan_tensor_release(s.centres);
    return status;
}
