/* QR: Q is orthonormal, A = Q R with R upper triangular and its diagonal not negative; LAPACK, if built in, agrees. */
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_matrices), cmocka_unit_test(special_matrices),
                                       cmocka_unit_test(lapack_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
