/* Matrix products, batch normalisation. */
#include <math.h>

#include "host.h"
#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static variant make(const gani_op *op, gradcheck_function *apply,
                    void (*naive)(const variant *, const double *const *, const gan_shape *, double *), int32_t count) {
    variant v = {0};
    v.op = op;
    v.apply = apply;
    v.naive = naive;
    v.count = count;
    v.high = 1;
    v.signs = 1;
    v.multilinear = 1;
    v.terms = 1;
    return v;
}

/* ---- products: n[0], n[1] transpose flags ---- */

/* Where the matrix of an operand begins for the place `at` in the result's leading axes. */
static int64_t matrix_of(gan_shape shape, gan_shape result, const int64_t *at) {
    int64_t offset = 0;
    for (int32_t i = 0; i < shape.rank - 2; i++)
        offset = offset * shape.size[i] + (shape.size[i] == 1 ? 0 : at[i + result.rank - shape.rank]);
    return offset * shape.size[shape.rank - 2] * shape.size[shape.rank - 1];
}

static gan_tensor *apply_matmul(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_matmul(tape, xs[0], xs[1], (int32_t)v->n[0], (int32_t)v->n[1]);
}
static void naive_matmul(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int32_t rank = result->rank, rank_a = v->shapes[0].rank;
    int64_t m = result->size[rank - 2], n = result->size[rank - 1], at[GAN_MAX_RANK] = {0}, e = 0;
    int64_t k = v->shapes[0].size[rank_a - 1 - v->n[0]];
    if (gan_shape_count(*result) == 0) return;
    do {
        const double *a = xs[0] + matrix_of(v->shapes[0], *result, at),
                     *b = xs[1] + matrix_of(v->shapes[1], *result, at);
        int64_t i = at[rank - 2], j = at[rank - 1];
        double sum = 0;
        for (int64_t l = 0; l < k; l++) sum += a[v->n[0] ? l * m + i : i * k + l] * b[v->n[1] ? j * k + l : l * n + j];
        y[e++] = sum;
    } while (variant_next(*result, at));
}

static gan_tensor *apply_linear(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_linear(tape, xs[0], xs[1], v->count > 2 ? xs[2] : NULL);
}
static void naive_linear(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t rows = result->size[0], out = result->size[1], in = v->shapes[0].size[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < out; o++) {
            double sum = v->count > 2 ? xs[2][o] : 0;
            for (int64_t i = 0; i < in; i++) sum += xs[0][r * in + i] * xs[1][o * in + i];
            y[r * out + o] = sum;
        }
}

/* Leading axes, with 3 x 4 times 4 x 2 or one of these sizes 0 behind them. */
static void visit_batches(void (*visit)(const variant *)) {
    static const int64_t leading[][3][4] = {
        {{1, 5}, {1, 5}, {1, 5}}, /* rank, sizes: of a, of b, of the result */
        {{1, 5}, {0}, {1, 5}},    /* one matrix for all */
        {{0}, {1, 5}, {1, 5}},
        {{1, 1}, {1, 4}, {1, 4}},
        {{2, 3, 2}, {2, 1, 1}, {2, 3, 2}},
        {{2, 3, 1}, {2, 1, 2}, {2, 3, 2}},
        {{2, 2, 3}, {1, 3}, {2, 2, 3}},
        {{1, 3}, {3, 2, 1, 1}, {3, 2, 1, 3}},
        {{1, 0}, {1, 1}, {1, 0}},
        {{1, 0}, {0}, {1, 0}},
        {{1, 1}, {1, 1}, {1, 1}},
        {{3, 2, 1, 2}, {3, 2, 3, 1}, {3, 2, 3, 2}},
    };
    static const int64_t sizes[][3] = {{3, 2, 4}, {3, 2, 0}, {0, 2, 4}, {1, 1, 1}};
    for (size_t s = 0; s < LENGTH(sizes); s++)
        for (size_t i = 0; i < LENGTH(leading); i++)
            for (int flags = 0; flags < 4; flags++) {
                int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
                variant v = make(&gani_op_matmul, apply_matmul, naive_matmul, 2);
                v.n[0] = flags & 1;
                v.n[1] = flags >> 1;
                gan_shape *shapes[] = {&v.shapes[0], &v.shapes[1], &v.result};
                const int64_t rows[] = {v.n[0] ? k : m, v.n[1] ? n : k, m},
                              columns[] = {v.n[0] ? m : k, v.n[1] ? k : n, n};
                for (int j = 0; j < 3; j++) {
                    *shapes[j] = host_shape((int32_t)leading[i][j][0], &leading[i][j][1]);
                    shapes[j]->size[shapes[j]->rank++] = rows[j];
                    shapes[j]->size[shapes[j]->rank++] = columns[j];
                }
                v.terms = 6 * larger(larger(m, n), larger(k, 1)); /* 6: of the largest batch, summed in gradients */
                visit(&v);
            }
}

/* ---- spectral quotient ---- */

static double side(int32_t which, int64_t i) {
    return which == 0 ? 0.3 + 0.1 * (double)(i % 7) : 0.8 - 0.2 * (double)(i % 3);
}

static gan_tensor *side_of(gan_tape *tape, gan_tensor *w, int32_t which) {
    gan_tensor *x = gani_result(tape, w->dtype, gan_shape_2d(w->shape.size[which], 1));
    for (int64_t i = 0; i < gani_count(x); i++) gani_put_value(x, i, side(which, i));
    return x;
}

static gan_tensor *apply_spectral(gan_tape *tape, gan_tensor *const *xs, void *user) {
    gan_tensor *u = side_of(tape, xs[0], 0), *v = side_of(tape, xs[0], 1);
    double by_rows = 0, by_columns = 0;
    gan_tensor *wv = gani_matrix_times(tape, xs[0], v, 0), *wu = gani_matrix_times(tape, xs[0], u, 1);
    (void)user;
    for (int64_t i = 0; i < gani_count(u); i++) by_rows += gani_get_value(wv, i) * side(0, i);
    for (int64_t j = 0; j < gani_count(v); j++) by_columns += gani_get_value(wu, j) * side(1, j);
    return gani_spectral_quotient(tape, xs[0], u, v, (by_rows + by_columns) / 2);
}
static void naive_spectral(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t rows = result->size[0], columns = result->size[1];
    double sigma = 0;
    (void)v;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) sigma += side(0, i) * xs[0][i * columns + j] * side(1, j);
    for (int64_t i = 0; i < rows * columns; i++) y[i] = xs[0][i] / sigma;
}

static void visit_spectral(void (*visit)(const variant *)) {
    static const int64_t sizes[][2] = {{1, 2}, {3, 5}, {7, 1}, {1, 9}, {17, 23}};
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        variant v = make(&gani_op_spectral_quotient, apply_spectral, naive_spectral, 1);
        v.shapes[0] = v.result = gan_shape_2d(sizes[s][0], sizes[s][1]);
        v.low = 0.5;
        v.signs = v.multilinear = 0; /* sigma is far from 0 */
        v.terms = sizes[s][0] * sizes[s][1];
        visit(&v);
    }
}

void variants_dense(void (*visit)(const variant *)) {
    visit_batches(visit);
    visit_spectral(visit);
    static const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {1, 9, 4}, {8, 1, 3},   {17, 19, 23},
                                       {0, 3, 2}, {3, 0, 2}, {2, 3, 0}, {33, 65, 40}};
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        for (int flags = 0; flags < 4; flags++) {
            variant v = make(&gani_op_matmul, apply_matmul, naive_matmul, 2);
            v.n[0] = flags & 1;
            v.n[1] = flags >> 1;
            v.shapes[0] = v.n[0] ? gan_shape_2d(k, m) : gan_shape_2d(m, k);
            v.shapes[1] = v.n[1] ? gan_shape_2d(n, k) : gan_shape_2d(k, n);
            v.result = gan_shape_2d(m, n);
            v.terms = larger(larger(m, n), larger(k, 1));
            visit(&v);
        }
        for (int32_t count = 2; count <= 3; count++) {
            variant v = make(&gani_op_linear, apply_linear, naive_linear, count);
            v.shapes[0] = gan_shape_2d(m, k);
            v.shapes[1] = gan_shape_2d(n, k);
            v.shapes[2] = gan_shape_1d(n);
            v.result = gan_shape_2d(m, n);
            v.terms = larger(larger(m, n), larger(k, 1));
            visit(&v);
        }
    }
}

/* ---- batch normalisation: p epsilon, q the slope of its leaky ReLU ---- */

static gan_tensor *apply_norm(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    gan_tensor *weight = v->count == 1 ? NULL : xs[1], *bias = v->count == 1 ? NULL : xs[2];
    return v->q == GANI_NO_ACTIVATION ? gan_batch_norm(tape, xs[0], weight, bias, v->p)
                                      : gani_batch_norm(tape, xs[0], weight, bias, v->p, v->q, NULL, NULL);
}
static void naive_norm(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t n = result->size[0], c = result->size[1], s = 1;
    for (int32_t i = 2; i < result->rank; i++) s *= result->size[i];
    for (int64_t k = 0; k < c; k++) {
        double mean = 0, var = 0;
        for (int64_t i = 0; i < n * s; i++) mean += xs[0][(i / s * c + k) * s + i % s];
        mean /= (double)(n * s);
        for (int64_t i = 0; i < n * s; i++) var += pow(xs[0][(i / s * c + k) * s + i % s] - mean, 2);
        var /= (double)(n * s);
        for (int64_t i = 0; i < n * s; i++) {
            double hat = (xs[0][(i / s * c + k) * s + i % s] - mean) / sqrt(var + v->p);
            double z = v->count == 1 ? hat : hat * xs[1][k] + xs[2][k];
            y[(i / s * c + k) * s + i % s] = z > 0 ? z : v->q * z;
        }
    }
}

void variants_norm(void (*visit)(const variant *)) {
    static const int64_t sizes[][5] = {{2, 5, 3},  {4, 2, 3, 3, 2}, {3, 4, 1, 3}, {4, 1, 2, 2, 3},
                                       {2, 3, 70}, {4, 3, 5, 4, 4}, {3, 2, 3, 1}};
    static const double slopes[] = {GANI_NO_ACTIVATION, 0.2, 0};
    for (size_t s = 0; s < LENGTH(sizes) * LENGTH(slopes); s++)
        for (int32_t count = 1; count <= 3; count += 2) {
            variant v = make(&gani_op_batch_norm, apply_norm, naive_norm, count);
            const int64_t *size = sizes[s % LENGTH(sizes)];
            v.q = slopes[s / LENGTH(sizes)];
            v.result = v.shapes[0] = host_shape((int32_t)size[0], &size[1]);
            v.shapes[1] = v.shapes[2] = gan_shape_1d(size[2]);
            v.low = 0.2;
            v.high = 2;
            v.multilinear = 0;
            v.p = s % LENGTH(sizes) % 2 ? 1e-5 : 0.25;
            v.terms = gan_shape_count(v.shapes[0]) / size[2];
            visit(&v);
        }
}
