/* The host's CBLAS, as an alternative to the built-in matrix product. */
#ifndef GANI_KERNEL_GEMM_H
#define GANI_KERNEL_GEMM_H

#include <stdint.h>

/* C (m x n, ldc) = op(A) op(B), row-major, as gani_kernels.gemm. Returns 0 without touching C when CBLAS is not built in, when sizes do not fit its
 * int, or, unless `always`, when the built-in product is the better choice for these sizes. */
int gani_blas_gemm(int always, int is_f64, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, void *c, int64_t ldc);

#endif
