/* QR: Q is orthonormal, A = Q R with R upper triangular and its diagonal not negative. Singular values: U and V are
 * orthonormal, A = U diag(s) V^T, the largest first; alone, by the other method, they are the same. LAPACK, if built
 * in, agrees with all. Cholesky: A = F^T F, and the rank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "compare.h"
#include "kernel/linalg.h"

static const int64_t sizes[][2] = {{1, 1}, {2, 1},   {2, 2},   {5, 3},    {8, 8},    {9, 8},
                                   {9, 9}, {40, 17}, {33, 33}, {100, 16}, {300, 64}, {130, 129}};
#define SIZES ((int)(sizeof sizes / sizeof sizes[0]))

static double *allocate(int64_t count) {
    double *block = malloc((size_t)count * sizeof *block);
    assert_non_null(block);
    return block;
}

static double dot(const double *x, const double *y, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* |Q^T Q - I| element by element, and A = Q (Q^T A) with Q^T A upper triangular and not negative on its diagonal; the
 * tolerances are for elements of a of size `scale`. */
static void assert_factor(const double *a, const double *q, int64_t m, int64_t n, double scale) {
    double allowed = 4 * 2.3e-16 * (double)(m * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double unit = dot(q + i * m, q + j * m, m), r = dot(q + i * m, a + j * m, m);
            assert_true(fabs(unit - (i == j)) <= allowed);
            if (i > j) assert_true(fabs(r) <= allowed * scale);
            if (i == j) assert_true(r >= -allowed * scale);
        }
    for (int64_t j = 0; j < n; j++) {
        double *rest = allocate(m);
        memcpy(rest, a + j * m, (size_t)m * sizeof *rest);
        for (int64_t i = 0; i <= j; i++) {
            double r = dot(q + i * m, a + j * m, m);
            for (int64_t k = 0; k < m; k++) rest[k] -= r * q[i * m + k];
        }
        for (int64_t k = 0; k < m; k++) assert_true(fabs(rest[k]) <= allowed * scale);
        free(rest);
    }
}

/* Factors of random matrices, also of ones so large or small that a square would leave the range. */
static void random_matrices(void **state) {
    (void)state;
    static const double scales[] = {1, 1e200, 1e-200};
    for (int t = 0; t < SIZES; t++)
        for (int s = 0; s < 3; s++) {
            int64_t m = sizes[t][0], n = sizes[t][1];
            double *a = allocate(m * n), *kept = allocate(m * n), *q = allocate(m * n),
                   *work = allocate(gani_qr_work(m, n));
            gani_fill_normal_f64(7, 1, (uint64_t)t * 100000, 0, m * n, 0, scales[s], a);
            memcpy(kept, a, (size_t)(m * n) * sizeof *a);
            gani_qr(m, n, a, q, work);
            assert_factor(kept, q, m, n, 10 * scales[s]);
            free(a);
            free(kept);
            free(q);
            free(work);
        }
}

/* Columns that are zero, equal, or already axes: Q stays orthonormal. */
static void special_matrices(void **state) {
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        double a[12 * 5], kept[12 * 5], q[12 * 5], *work = allocate(gani_qr_work(12, 5));
        for (int64_t i = 0; i < 12 * 5; i++)
            a[i] = kind == 0   ? 0
                   : kind == 1 ? 1
                   : kind == 2 ? -(double)(i % 12 == i / 12)
                               : (double)(i % 12 == 11 - i / 12);
        memcpy(kept, a, sizeof a);
        gani_qr(12, 5, a, q, work);
        assert_factor(kept, q, 12, 5, 10);
        if (kind == 2)
            for (int64_t i = 0; i < 12 * 5; i++) assert_true(q[i] == -(double)(i % 12 == i / 12));
        free(work);
    }
}

static void lapack_agrees(void **state) {
    (void)state;
    if (gani_lapack_qr_work(2, 1) == 0) {
        double none = 3;
        assert_int_equal(gani_lapack_qr(1, 1, &none, &none, &none), 0);
        assert_true(none == 3);
        print_message("no LAPACK is built in\n");
        return;
    }
    for (int t = 0; t < SIZES; t++) {
        int64_t m = sizes[t][0], n = sizes[t][1];
        double *a = allocate(m * n), *b = allocate(m * n), *q = allocate(m * n), *p = allocate(m * n);
        double *work = allocate(gani_qr_work(m, n)), *other = allocate(gani_lapack_qr_work(m, n));
        gani_fill_normal_f64(7, 2, (uint64_t)t * 100000, 0, m * n, 0, 1, a);
        memcpy(b, a, (size_t)(m * n) * sizeof *a);
        gani_qr(m, n, a, q, work);
        assert_int_equal(gani_lapack_qr(m, n, b, p, other), 1);
        /* square matrices come with condition numbers of thousands, which Q feels */
        assert_true(compare_abs("LAPACK", q, p, m * n, m < 2 * n ? 1e-10 : 1e-13));
        free(a);
        free(b);
        free(q);
        free(p);
        free(work);
        free(other);
    }
    assert_true(gani_lapack_qr_work(2, 3) == 0 && gani_lapack_qr_work(3, 0) == 0);
    assert_true(gani_lapack_qr_work((int64_t)1 << 31, 2) == 0 &&
                gani_lapack_qr_work((int64_t)1 << 31, (int64_t)1 << 31) == 0);
}

/* ---- singular values ---- */

typedef struct factors {
    double *u, *s, *v;
} factors;

/* which: 0: the library's own, 1: LAPACK's */
static factors factor(const double *a, int64_t m, int64_t n, int which) {
    factors f = {allocate(m * n), allocate(n), allocate(n * n)};
    double *work = allocate(which ? gani_lapack_svd_work(m, n) : gani_svd_work(m, n));
    memcpy(f.u, a, (size_t)(m * n) * sizeof *a);
    if (which)
        assert_int_equal(gani_lapack_svd(m, n, f.u, f.s, f.v, work), 1);
    else
        gani_svd(m, n, f.u, f.s, f.v, work);
    free(work);
    return f;
}
static void release(factors f) {
    free(f.u);
    free(f.s);
    free(f.v);
}

static void assert_svd(const double *a, factors f, int64_t m, int64_t n, double scale) {
    double allowed = 2.3e-16 * (double)(m + 40 * n);
    for (int64_t i = 0; i < n; i++) {
        assert_true(f.s[i] >= 0 && (i == 0 || f.s[i - 1] >= f.s[i]));
        for (int64_t j = 0; j < n; j++) {
            assert_true(fabs(dot(f.u + i * m, f.u + j * m, m) - (i == j)) <= allowed);
            if (f.s[i] > 0 && f.s[j] > 0) assert_true(fabs(dot(f.v + i * n, f.v + j * n, n) - (i == j)) <= allowed);
        }
    }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < m; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++) sum += f.u[k * m + i] * f.s[k] * f.v[k * n + j];
            assert_true(fabs(sum - a[j * m + i]) <= allowed * scale * 10);
        }
}

static void singular_values(void **state) {
    (void)state;
    static const double scales[] = {1, 1e200, 1e-200};
    for (int t = 0; t < SIZES; t++)
        for (int k = 0; k < 3; k++) {
            int64_t m = sizes[t][0], n = sizes[t][1];
            double *a = allocate(m * n);
            gani_fill_normal_f64(7, 3, (uint64_t)t * 100000, 0, m * n, 0, scales[k], a);
            factors f = factor(a, m, n, 0);
            assert_svd(a, f, m, n, sqrt((double)m) * scales[k]);
            release(f);
            free(a);
        }
}

/* Matrices whose singular values are known: 0; one value; 1, 1/16, 1/256 ... down to 1e-13, which a product A^T A would
 * have lost half way; several that are equal. */
static void known_singular_values(void **state) {
    (void)state;
    enum { M = 14, N = 12 };
    double a[M * N], g[M * N], h[N * N], q[M * N], p[N * N], *work = allocate(gani_qr_work(M, N));
    gani_fill_normal_f64(7, 4, 0, 0, M * N, 0, 1, g);
    gani_fill_normal_f64(7, 5, 0, 0, N * N, 0, 1, h);
    gani_qr(M, N, g, q, work);
    gani_qr(N, N, h, p, work);
    free(work);
    for (int kind = 0; kind < 4; kind++) {
        double s[N];
        for (int i = 0; i < N; i++) s[i] = kind == 0 ? 0 : kind == 1 ? i == 0 : kind == 2 ? pow(16, -i) : 1 + (i < 4);
        for (int j = 0; j < N; j++)
            for (int i = 0; i < M; i++) {
                a[j * M + i] = 0;
                for (int k = 0; k < N; k++) a[j * M + i] += q[k * M + i] * s[k] * p[k * N + j];
            }
        for (int which = 0; which < (gani_lapack_svd_work(M, N) == 0 ? 1 : 2); which++) {
            factors f = factor(a, M, N, which);
            for (int i = 0; i < N; i++) assert_true(fabs(f.s[i] - s[i]) <= 4e-15);
            if (kind > 1) assert_svd(a, f, M, N, 1);
            if (kind == 0)
                for (int i = 0; i < M * N; i++) assert_true(isfinite(f.u[i]));
            release(f);
        }
    }
}

/* Vectors are unique but for a sign where values lie apart. */
static void lapack_svd_agrees(void **state) {
    (void)state;
    if (gani_lapack_svd_work(2, 1) == 0) {
        double none = 3;
        assert_int_equal(gani_lapack_svd(1, 1, &none, &none, &none, &none), 0);
        assert_true(none == 3);
        print_message("no LAPACK is built in\n");
        return;
    }
    for (int t = 0; t < SIZES; t++) {
        int64_t m = sizes[t][0], n = sizes[t][1];
        double *a = allocate(m * n);
        gani_fill_normal_f64(7, 6, (uint64_t)t * 100000, 0, m * n, 0, 1, a);
        factors f = factor(a, m, n, 0), g = factor(a, m, n, 1);
        assert_svd(a, g, m, n, sqrt((double)m));
        assert_true(compare_abs("singular values", f.s, g.s, n, 1e-13 * f.s[0]));
        for (int64_t k = 0; k < n; k++) {
            double gap = f.s[0];
            if (k > 0) gap = fmin(gap, f.s[k - 1] - f.s[k]);
            if (k + 1 < n) gap = fmin(gap, f.s[k] - f.s[k + 1]);
            assert_true(fabs(fabs(dot(f.u + k * m, g.u + k * m, m)) - 1) <= 1e-12 * f.s[0] / gap);
            assert_true(fabs(fabs(dot(f.v + k * n, g.v + k * n, n)) - 1) <= 1e-12 * f.s[0] / gap);
        }
        release(f);
        release(g);
        free(a);
    }
    assert_true(gani_lapack_svd_work(2, 3) == 0 && gani_lapack_svd_work(3, 0) == 0);
    assert_true(gani_lapack_svd_work((int64_t)1 << 31, 2) == 0 && gani_lapack_svd_work(40000, 40000) == 0);
}

/* ---- singular values alone ---- */

static double *values_alone(const double *a, int64_t m, int64_t n, int which) {
    int64_t size = which ? gani_lapack_singular_values_work(m, n) : gani_singular_values_work(m, n);
    double *copy = allocate(m * n), *s = allocate(n), *work = allocate(size);
    memcpy(copy, a, (size_t)(m * n) * sizeof *a);
    if (which)
        assert_int_equal(gani_lapack_singular_values(m, n, copy, s, work), 1);
    else
        gani_singular_values(m, n, copy, s, work);
    free(copy);
    free(work);
    return s;
}

/* Those of Jacobi's method, to a few eps of the largest; kind 1: rank 2 and less; 2: far from 1; 3: they fall by 16
 * from column to column. */
static void values_alone_agree(void **state) {
    (void)state;
    for (int t = 0; t < SIZES; t++)
        for (int kind = 0; kind < 4; kind++) {
            int64_t m = sizes[t][0], n = sizes[t][1];
            double *a = allocate(m * n);
            gani_fill_normal_f64(7, 8, (uint64_t)t * 100000, 0, m * n, 0, kind == 2 ? 1e180 : 1, a);
            for (int64_t i = 0; i < m * n && kind == 1; i++)
                a[i] = a[i % m] * (double)(i / m % 3) + a[i / m * m] * (i % m == 1);
            for (int64_t i = 0; i < m * n && kind == 3; i++) a[i] *= pow(16, (double)-(i / m));
            factors f = factor(a, m, n, 0);
            for (int which = 0; which < (gani_lapack_singular_values_work(m, n) == 0 ? 1 : 2); which++) {
                double *s = values_alone(a, m, n, which);
                for (int64_t i = 0; i < n; i++) assert_true(s[i] >= 0 && (i == 0 || s[i - 1] >= s[i]));
                assert_true(compare_abs("values", s, f.s, n, 2.3e-16 * (double)(m + 10 * n) * f.s[0]));
                free(s);
            }
            release(f);
            free(a);
        }
    double none[2] = {0, 0}, s = 1, work[7];
    gani_singular_values(2, 1, none, &s, work);
    assert_true(s == 0);
    assert_true(gani_lapack_singular_values_work(2, 3) == 0);
}

/* Of a 3 x 3 matrix, a known factor; of Gram matrices of all ranks, the matrix again. */
static void cholesky(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 40; n += 13)
        for (int64_t rank = 0; rank <= n; rank += n < 20 ? 1 : 7) {
            double *g = allocate(n * (rank + 1)), *a = allocate(n * n), *f = allocate(n * n), *work = allocate(n),
                   most = 0;
            gani_fill_normal_f64(3, 9, (uint64_t)(n * 1000 + rank), 0, n * (rank + 1), 0, 1e3, g);
            for (int64_t i = 0; i < n * n; i++) {
                a[i] = 0;
                for (int64_t k = 0; k < rank; k++) a[i] += g[k * n + i / n] * g[k * n + i % n];
                most = fmax(most, a[i]);
            }
            assert_int_equal(gani_cholesky(n, a, f, work), rank);
            for (int64_t i = 0; i < n * n; i++) {
                double sum = 0;
                for (int64_t k = 0; k < rank; k++) sum += f[k * n + i / n] * f[k * n + i % n];
                assert_true(fabs(sum - a[i]) <= 1e-14 * (double)n * most);
            }
            free(g);
            free(a);
            free(f);
            free(work);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_matrices),       cmocka_unit_test(special_matrices),
                                       cmocka_unit_test(lapack_agrees),         cmocka_unit_test(singular_values),
                                       cmocka_unit_test(known_singular_values), cmocka_unit_test(lapack_svd_agrees),
                                       cmocka_unit_test(values_alone_agree),    cmocka_unit_test(cholesky)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
