/* The host's CBLAS, as an alternative to the built-in matrix product. */
#ifndef GANI_KERNEL_BLAS_H
#define GANI_KERNEL_BLAS_H

#include <stdint.h>

/* Threads that CBLAS will use for a product; 0 when that cannot be known, or when no CBLAS is built in. */
int32_t gani_blas_threads(void);

/* C (m x n, ldc) = op(A) op(B), row-major, as gani_kernels.gemm. Returns 0 without touching C when no CBLAS is built in
 * or sizes do not fit its int. */
int gani_blas_gemm(int is_f64, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, void *c, int64_t ldc);

#endif
