/* Means and scatter matrices. */
#include <string.h>

#include "metrics/features.h"

gani_moments *gani_moments_new(gan_context *context, int64_t dimension, int64_t rows) {
    const gani_kernels *kernels = gani_kernels_for(context, GAN_F64);
    int32_t workers = gani_pool_workers(context->pool);
    gani_moments *m = gani_calloc(context, 1, sizeof *m);
    if (m == NULL) return NULL;
    m->context = context;
    m->dimension = dimension;
    m->rows = rows;
    size_t line = (size_t)dimension * sizeof(double),
           scratch = kernels->gemm_scratch(dimension, dimension, rows, workers);
    if ((m->scatter = gani_calloc(context, (size_t)dimension, line)) == NULL ||
        (m->mean = gani_calloc(context, (size_t)(rows + 2), line)) == NULL ||
        (m->scratch = gani_alloc(context, scratch)) == NULL) {
        gani_moments_end(m);
        return NULL;
    }
    m->delta = m->mean + dimension;
    m->centred = m->delta + dimension;
    return m;
}

void gani_moments_end(gani_moments *m) {
    if (m == NULL) return;
    gani_free(m->context, m->scatter);
    gani_free(m->context, m->mean);
    gani_free(m->context, m->scratch);
    gani_free(m->context, m);
}

/* With n vectors before and `count` now, d = the difference of the means: mean += d count / (n + count), scatter +=
 * that of the block + d d^T n count / (n + count). */
void gani_moments_add(gani_moments *m, const double *block, int64_t count) {
    const gani_kernels *k = gani_kernels_for(m->context, GAN_F64);
    int64_t d = m->dimension;
    double total = (double)(m->count + count), share = (double)count / total;
    k->sum(1, count, d, block, m->delta);
    k->unary(GANI_UNARY_AFFINE, d, m->delta, m->delta, 1 / (double)count, 0);
    for (int64_t i = 0; i < count; i++)
        k->binary(GANI_BINARY_SUB, d, block + i * d, 1, m->delta, 1, m->centred + i * d, 0, 0);
    k->gemm(gani_pool_for(m->context, count * d * d), m->scratch, 1, 0, d, d, count, m->centred, d, m->centred, d, 1,
            NULL, m->scatter, d);
    k->axpy(d, -1, m->mean, m->delta);
    k->axpy(d, share, m->delta, m->mean);
    for (int64_t i = 0; i < d; i++) k->axpy(d, (double)m->count * share * m->delta[i], m->delta, m->scatter + i * d);
    m->count += count;
}

gani_moments *gani_moments_of(const gan_features *features) {
    gani_moments *m = gani_moments_new(features->context, features->dimension, features->rows);
    if (m == NULL) return NULL;
    int64_t rows = features->rows, d = features->dimension;
    const gani_moments *before = features->moments;
    if (before != NULL) {
        memcpy(m->scatter, before->scatter, (size_t)(d * d) * sizeof *m->scatter);
        memcpy(m->mean, before->mean, (size_t)d * sizeof *m->mean);
        m->count = before->count;
    }
    for (int64_t i = m->count; i < features->count; i += rows)
        gani_moments_add(m, features->keep ? gani_vector(features, i) : features->blocks[0],
                         features->count - i < rows ? features->count - i : rows);
    return m;
}
