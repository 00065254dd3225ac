/* The only file that knows CBLAS. Implementations print and end the process on bad arguments, so sizes are checked before. */
#include "kernel/gemm.h"

#ifdef GANI_HAVE_CBLAS

#include <cblas.h>
#include <limits.h>

/* Measured (docs/threads.md): in float the built-in product is as fast as the best CBLAS, and it uses the context's threads; in double it is not
 * vectorised by hand, and large products gain from CBLAS. */
static int better(int is_f64, int64_t m, int64_t n, int64_t k) { return is_f64 && (double)m * (double)n * (double)k > 1e6; }

int gani_blas_gemm(int always, int is_f64, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, void *c, int64_t ldc) {
    if (m < 1 || n < 1 || k < 1 || m > INT_MAX || n > INT_MAX || k > INT_MAX || lda > INT_MAX || ldb > INT_MAX) return 0;
    if (!always && !better(is_f64, m, n, k)) return 0;
    CBLAS_TRANSPOSE transa = ta ? CblasTrans : CblasNoTrans, transb = tb ? CblasTrans : CblasNoTrans;
    if (is_f64)
        cblas_dgemm(CblasRowMajor, transa, transb, (int)m, (int)n, (int)k, 1.0, a, (int)lda, b, (int)ldb, 0.0, c, (int)ldc);
    else
        cblas_sgemm(CblasRowMajor, transa, transb, (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b, (int)ldb, 0.0f, c, (int)ldc);
    return 1;
}

#else

int gani_blas_gemm(int always, int is_f64, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, void *c, int64_t ldc) {
    (void)always, (void)is_f64, (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb, (void)c, (void)ldc;
    return 0;
}

#endif
