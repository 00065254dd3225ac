/* Fréchet distance of normal distributions. */
#include <math.h>

#include "kernel/linalg.h"
#include "metrics/metrics.h"
#include "ops/ops.h"

/* A set's covariance as F^T F: `rank` rows of F. */
typedef struct factor {
    double *rows, *mean, trace;
    int64_t rank;
} factor;

static void end_factor(gan_context *context, factor *f) {
    gani_free(context, f->rows);
    gani_free(context, f->mean);
}

/* F is the centred vectors / sqrt(N - 1): N x dimension, and no covariance matrix is made. */
static int factor_of_vectors(factor *f, const gan_features *set) {
    gan_context *context = set->context;
    const gani_kernels *k = gani_kernels_for(context, GAN_F64);
    int64_t n = set->count, d = set->dimension;
    f->rank = n;
    f->rows = gani_alloc(context, (size_t)(n * d) * sizeof(double));
    f->mean = gani_calloc(context, (size_t)d, sizeof(double));
    if (f->rows == NULL || f->mean == NULL) return 0;
    for (int64_t i = 0; i < n; i++) k->axpy(d, 1 / (double)n, gani_vector(set, i), f->mean);
    for (int64_t i = 0; i < n; i++) {
        double *row = f->rows + i * d;
        k->binary(GANI_BINARY_SUB, d, gani_vector(set, i), 1, f->mean, 1, row, 0, 0);
        k->unary(GANI_UNARY_AFFINE, d, row, row, 1 / sqrt((double)(n - 1)), 0);
    }
    f->trace = k->dot(n * d, f->rows, f->rows);
    return 1;
}

static int factor_of_moments(factor *f, const gan_features *set) {
    gan_context *context = set->context;
    const gani_kernels *k = gani_kernels_for(context, GAN_F64);
    int64_t d = set->dimension;
    gani_moments *m = gani_moments_of(set);
    if (m != NULL) {
        f->mean = gani_alloc(context, (size_t)d * sizeof(double));
        f->rows = gani_alloc(context, (size_t)(d * d) * sizeof(double));
    }
    int good = m != NULL && f->mean != NULL && f->rows != NULL;
    if (good) {
        k->unary(GANI_UNARY_AFFINE, d * d, m->scatter, m->scatter, 1 / (double)(set->count - 1), 0);
        for (int64_t i = 0; i < d; i++) {
            f->trace += m->scatter[i * d + i];
            f->mean[i] = m->mean[i];
        }
        f->rank = gani_cholesky(d, m->scatter, f->rows, m->delta);
    }
    gani_moments_end(m);
    return good;
}

static int make_factor(factor *f, const gan_features *set) {
    return set->keep && set->count < set->dimension ? factor_of_vectors(f, set) : factor_of_moments(f, set);
}

/* The sum of the singular values of F G^T, where G has not more rows than F; -1: no memory. Row-major G F^T is
 * column-major F G^T. */
static double nuclear_norm(gan_context *context, int64_t d, const factor *f, const factor *g) {
    const gani_kernels *k = gani_kernels_for(context, GAN_F64);
    int64_t m = f->rank, n = g->rank;
    if (n == 0) return 0;
    int64_t work = gani_singular_values_work(m, n), other = gani_lapack_singular_values_work(m, n);
    if (other > work) work = other;
    double *a = gani_alloc(context, (size_t)(m * n + n + work) * sizeof *a), *s = a + m * n, sum = -1;
    void *scratch = gani_alloc(context, k->gemm_scratch(n, m, d, gani_pool_workers(context->pool)));
    if (a != NULL && scratch != NULL) {
        k->gemm(context->pool, scratch, 0, 1, n, m, d, g->rows, d, f->rows, d, 0, NULL, a, m);
        if (!gani_use_lapack(context) || !gani_lapack_singular_values(m, n, a, s, s + n))
            gani_singular_values(m, n, a, s, s + n);
        sum = 0;
        for (int64_t i = n - 1; i >= 0; i--) sum += s[i];
    }
    gani_free(context, a);
    gani_free(context, scratch);
    return sum;
}

gan_status gani_frechet_distance(const char *function, double results[2], const gan_features *reals,
                                 const gan_features *fakes) {
    gan_context *context = reals->context;
    factor r = {0}, f = {0};
    double root = -1;
    gan_status status = make_factor(&r, reals) ? gani_go_on(context, function) : GAN_E_MEMORY;
    if (status == GAN_OK) status = make_factor(&f, fakes) ? gani_go_on(context, function) : GAN_E_MEMORY;
    if (status == GAN_OK) {
        root = nuclear_norm(context, reals->dimension, r.rank < f.rank ? &f : &r, r.rank < f.rank ? &r : &f);
        if (root < 0) status = GAN_E_MEMORY;
    }
    if (status == GAN_OK) {
        double sum = 0;
        for (int64_t i = 0; i < reals->dimension; i++) sum += (r.mean[i] - f.mean[i]) * (r.mean[i] - f.mean[i]);
        results[0] = fmax(sum + r.trace + f.trace - 2 * root, 0);
        results[1] = NAN;
    }
    end_factor(context, &r);
    end_factor(context, &f);
    return status == GAN_E_MEMORY ? gani_no_memory(context, function) : status;
}
