/* Small dense linear algebra, in double. */
#ifndef GANI_KERNEL_LINALG_H
#define GANI_KERNEL_LINALG_H

#include <stdint.h>

/* Q of A = Q R, where A is m x n, m >= n >= 1, Q^T Q = I and R is upper triangular with a diagonal that is not
 * negative: that makes Q unique where A has full rank, and distributed uniformly (Haar) where A's elements are
 * independent normal numbers (Mezzadri 2007, "How to generate random matrices from the classical compact groups"). a
 * and q are column-major: column j begins at j * m. a is overwritten. work: gani_qr_work(m, n) doubles. */
int64_t gani_qr_work(int64_t m, int64_t n);
void gani_qr(int64_t m, int64_t n, double *a, double *q, double *work);

/* The same by the host's LAPACK, work being gani_lapack_qr_work(m, n) doubles. That is 0 if no LAPACK is built in or
 * the sizes do not fit its int; then gani_lapack_qr returns 0 and touches nothing. */
int64_t gani_lapack_qr_work(int64_t m, int64_t n);
int gani_lapack_qr(int64_t m, int64_t n, double *a, double *q, double *work);

/* A = U diag(s) V^T, where A is m x n, m >= n >= 1, finite, and s[0] >= ... >= s[n - 1] >= 0. a becomes U, of the same
 * size, U^T U = I; v is n x n, V^T V = I but for columns to singular values of exactly 0, which may be 0. Both are
 * column-major. work: gani_svd_work(m, n) doubles. */
int64_t gani_svd_work(int64_t m, int64_t n);
void gani_svd(int64_t m, int64_t n, double *a, double *s, double *v, double *work);

/* The same by the host's LAPACK, as gani_lapack_qr; when it gives 0, a is as it was. */
int64_t gani_lapack_svd_work(int64_t m, int64_t n);
int gani_lapack_svd(int64_t m, int64_t n, double *a, double *s, double *v, double *work);

/* The n singular values of such a matrix alone, the largest first, each to within a few eps of the largest; a is
 * overwritten. A tenth of the time of gani_svd for n of hundreds. work: gani_singular_values_work(m, n) doubles. */
int64_t gani_singular_values_work(int64_t m, int64_t n);
void gani_singular_values(int64_t m, int64_t n, double *a, double *s, double *work);

/* The same by the host's LAPACK, as gani_lapack_svd. */
int64_t gani_lapack_singular_values_work(int64_t m, int64_t n);
int gani_lapack_singular_values(int64_t m, int64_t n, double *a, double *s, double *work);

/* A = F^T F, where A is n x n, symmetric and positive semidefinite to within rounding errors: the rows of F, n values
 * each, one after the other, by Cholesky's method with pivots; returns how many there are, the rank. f: room for n x n;
 * a stays. diagonal: n doubles of work. */
int64_t gani_cholesky(int64_t n, const double *a, double *f, double *diagonal);

#endif
