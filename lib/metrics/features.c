/* Sets of vectors. */
#include "metrics/features.h"

#include <math.h>
#include <string.h>

#define LARGEST 1e40 /* so that no metric can overflow */

/* 4 MB, but 16 to 256 vectors: what a product of two blocks needs to be fast. */
#define BLOCK_VALUES (1 << 19)
static int64_t block_rows(int64_t dimension) {
    int64_t rows = BLOCK_VALUES / dimension;
    return rows < 16 ? 16 : rows > 256 ? 256 : rows;
}

gan_status gani_features_new(gan_features **out, gan_context *context, const char *name, int64_t dimension,
                             const gan_features_options *options) {
    *out = NULL;
    gan_features *features = gani_calloc(context, 1, sizeof *features);
    if (features == NULL) return gani_no_memory(context, "features");
    atomic_init(&features->references, 1);
    features->context = gani_context_retain(context);
    features->dimension = dimension;
    features->rows = block_rows(dimension);
    features->keep = options->keep;
    memcpy(features->name, name, strlen(name) + 1);
    if (!features->keep) features->moments = gani_moments_new(context, dimension, features->rows);
    if (!features->keep && features->moments == NULL) {
        gani_features_end(features);
        return gani_fail(context, GAN_E_MEMORY, "features: out of memory for a scatter matrix of dimension %lld",
                         (long long)dimension);
    }
    features->extract = options->extract;
    features->release = options->release;
    features->user = options->user;
    *out = features;
    return GAN_OK;
}

gan_status gani_features_plain(gan_features **out, gan_context *context, int64_t dimension) {
    const gan_features_options options = {.keep = 1};
    return gani_features_new(out, context, "", dimension, &options);
}

gan_features *gani_features_retain(gan_features *features) {
    atomic_fetch_add(&features->references, 1);
    return features;
}

void gani_features_end(gan_features *features) {
    if (features == NULL || atomic_fetch_sub(&features->references, 1) != 1) return;
    gan_context *context = features->context;
    for (int64_t i = 0; i < features->block_count; i++) gani_free(context, features->blocks[i]);
    gani_free(context, features->blocks);
    gani_moments_end(features->moments);
    if (features->release != NULL) features->release(features->user);
    gani_free(context, features);
    gan_context_release(context);
}

void gani_features_reset(gan_features *features) {
    features->count = 0;
    gani_moments *m = features->moments;
    if (m == NULL) return;
    memset(m->mean, 0, (size_t)m->dimension * sizeof *m->mean);
    memset(m->scatter, 0, (size_t)(m->dimension * m->dimension) * sizeof *m->scatter);
    m->count = 0;
}

/* Place for the next vector; NULL: no memory. The list of blocks grows by doubling. */
static double *next(gan_features *f) {
    gan_context *context = f->context;
    int64_t block = f->keep ? f->count / f->rows : 0;
    if (block == f->block_count) {
        if ((block & (block - 1)) == 0) {
            double **list = gani_realloc(context, f->blocks, (size_t)(block == 0 ? 1 : 2 * block) * sizeof *list);
            if (list == NULL) return NULL;
            f->blocks = list;
        }
        f->blocks[block] = gani_alloc(context, (size_t)(f->rows * f->dimension) * sizeof(double));
        if (f->blocks[block] == NULL) return NULL;
        f->block_count++;
    }
    return f->blocks[block] + f->count % f->rows * f->dimension;
}

gan_status gani_features_append(gan_features *features, const double *vector) {
    double *place = next(features);
    if (place == NULL) return gani_no_memory(features->context, "features");
    memcpy(place, vector, (size_t)features->dimension * sizeof *place);
    features->count++;
    if (!features->keep && features->count % features->rows == 0)
        gani_moments_add(features->moments, features->blocks[0], features->rows);
    return GAN_OK;
}

gan_status gani_go_on(gan_context *context, const char *function) {
    return gani_cancelled(context) ? gani_fail(context, GAN_E_CANCELLED, "%s: cancelled", function) : GAN_OK;
}

static gan_status append_all(const char *function, gan_features *features, const gan_tensor *vectors, int64_t start) {
    const double *values = vectors->data;
    int64_t count = vectors->shape.size[0], dimension = features->dimension;
    for (int64_t i = 0; i < count * dimension; i++)
        if (!(fabs(values[i]) <= LARGEST))
            return gani_fail(features->context, GAN_E_NUMERIC,
                             "%s: number %lld of vector %lld is not finite, or beyond 1e40", function,
                             (long long)(i % dimension), (long long)(start + i / dimension));
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < count && status == GAN_OK; i++)
        status = gani_features_append(features, values + i * dimension);
    return status;
}

/* The extractor's vectors of items [start, ...) of a tensor. */
static gan_status extract(gan_features *features, const gan_tensor *items, int64_t start, gan_tensor *vectors) {
    gan_context *context = features->context;
    gan_tensor *images;
    gan_status status = gani_tensor_new(&images, context, items->dtype, items->shape);
    if (status != GAN_OK) return status;
    gani_tensor_copy_values(images, items);
    const uint64_t before = context->failures;
    status = features->extract(features->user, images, vectors);
    gani_tensor_drop(images);
    if (status != GAN_OK)
        return gani_callback_failed(context, status, before, "from image %lld: the features' extract",
                                    (long long)start);
    return GAN_OK;
}

gan_status gani_features_add(const char *function, gan_features *features, const gan_tensor *tensor) {
    gan_context *context = features->context;
    gan_shape shape = tensor->shape;
    char text[GANI_SHAPE_TEXT];
    if (!gani_is_float(tensor->dtype) && features->extract == NULL)
        return gani_fail(context, GAN_E_DTYPE, "%s: the vectors are not of type f32 or f64", function);
    if (shape.rank < 1 || (features->extract == NULL && (shape.rank != 2 || shape.size[1] != features->dimension)))
        return gani_fail(context, GAN_E_SHAPE, "%s: the tensor has shape %s; this set takes N x %s", function,
                         gani_shape_text(shape, text),
                         features->extract != NULL ? "anything"
                                                   : gani_shape_text(gan_shape_1d(features->dimension), text + 80));
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < shape.size[0] && status == GAN_OK; i += GANI_FEATURES_PORTION) {
        int64_t count = shape.size[0] - i < GANI_FEATURES_PORTION ? shape.size[0] - i : GANI_FEATURES_PORTION;
        gan_tensor *vectors, items = gani_tensor_items(tensor, i, count);
        if (i > 0) status = gani_go_on(context, function);
        if (status == GAN_OK)
            status = gani_tensor_zeros(&vectors, context, GAN_F64, gan_shape_2d(count, features->dimension));
        if (status != GAN_OK) break;
        if (features->extract != NULL)
            status = extract(features, &items, i, vectors);
        else
            gani_tensor_copy_values(vectors, &items);
        if (status == GAN_OK) status = append_all(function, features, vectors, i);
        gani_tensor_drop(vectors);
    }
    return status;
}
