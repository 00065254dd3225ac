/* Sets of vectors, and what all metrics make of them: their moments, and products or distances of all pairs. */
#ifndef GANI_METRICS_FEATURES_H
#define GANI_METRICS_FEATURES_H

#include <gan/metrics.h>

#include "kernel/kernel.h"
#include "tensor/tensor.h"

#define GANI_FEATURES_PORTION 64 /* items given to the extractor at once */

/* Vectors lie in blocks of `rows`, so that a set grows without copies, and moments are taken block by block, so that
 * they do not depend on how the vectors came. */
struct gan_features {
    gan_context *context;
    atomic_int references; /* the owner's, and one while its extractor is called */
    int64_t dimension, count;
    int64_t rows; /* of a block: a function of the dimension alone */
    int32_t keep;
    gan_status (*extract)(void *user, gan_tensor *images, gan_tensor *vectors); /* NULL: there is none */
    void (*release)(void *user);
    void *user;
    double **blocks; /* those allocated; without `keep` one at most, which is filled again and again */
    int64_t block_count;
    struct gani_moments *moments; /* without `keep`: of all blocks that were full */
    char name[GAN_FEATURES_NAME];
};

/* options->extract and so on are taken as they are; options->output has no meaning here. */
gan_status gani_features_new(gan_features **out, gan_context *context, const char *name, int64_t dimension,
                             const gan_features_options *options);
/* A set of vectors of the library's own. */
gan_status gani_features_plain(gan_features **out, gan_context *context, int64_t dimension);
gan_features *gani_features_retain(gan_features *features);
void gani_features_end(gan_features *features); /* a reference */
void gani_features_reset(gan_features *features);
/* The tensor's values can be read; messages begin with `function`. */
gan_status gani_features_add(const char *function, gan_features *features, const gan_tensor *tensor);
/* One vector, finite. */
gan_status gani_features_append(gan_features *features, const double *vector);

static inline double *gani_vector(const gan_features *features, int64_t index) {
    return features->blocks[index / features->rows] + index % features->rows * features->dimension;
}

/* GAN_OK, or GAN_E_CANCELLED if the host wants to stop. */
gan_status gani_go_on(gan_context *context, const char *function);

/* The threads to share so many operations; NULL: none, they are not worth waking another one. */
static inline gani_pool *gani_pool_for(const gan_context *context, int64_t operations) {
    return operations < 1 << 18 ? NULL : context->pool;
}

/* ---- moments: moments.c ---- */

typedef struct gani_moments {
    gan_context *context;
    int64_t dimension, rows, count;
    double *scatter; /* dimension x dimension: sum of (x - mean) (x - mean)^T */
    double *mean, *delta, *centred;
    void *scratch;
} gani_moments;
gani_moments *gani_moments_new(gan_context *context, int64_t dimension, int64_t rows); /* NULL: no memory */
void gani_moments_end(gani_moments *moments);
/* `count` (1 to rows) vectors more: by the merging of means and scatter matrices of Chan, Golub, LeVeque 1979 */
void gani_moments_add(gani_moments *moments, const double *block, int64_t count);
/* Of all vectors of a set; NULL: no memory. */
gani_moments *gani_moments_of(const gan_features *features);

/* ---- pairs: pairs.c ---- */

enum { GANI_PRODUCTS, GANI_DISTANCES };
/* Columns [column, column + count) of a row of the matrix: values[i] = a.b, or |a - b|^2, of a = vector `row` of the
 * one set and b = vector column + i of the other. A row's columns come in order; rows come on any thread. */
typedef void gani_visit(void *user, int64_t row, int64_t column, int64_t count, const double *values);
/* All of the matrix, tile by tile. */
gan_status gani_pairs(const char *function, int kind, const gan_features *rows, const gan_features *columns,
                      gani_visit *visit, void *user);
/* For each point the nearest centre (the first of several) and, if wanted, its squared distance. */
gan_status gani_nearest(const char *function, const gan_features *points, const gan_features *centres, int64_t *index,
                        double *distance);

#endif
