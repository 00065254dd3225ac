/* The only file that knows CBLAS. Implementations print and end the process on bad arguments, so sizes are checked
 * before. */
#include "kernel/blas.h"

#ifdef GANI_HAVE_CBLAS

#include <cblas.h>
#include <limits.h>

/* There is no portable way to ask; these exist in one implementation each and are absent in the others, which the
 * distribution may put in place of the one that was linked. */
#ifdef __ELF__
extern int openblas_get_num_threads(void) __attribute__((weak));
extern long bli_thread_get_num_threads(void) __attribute__((weak));

int32_t gani_blas_threads(void) {
    if (openblas_get_num_threads != 0) return (int32_t)openblas_get_num_threads();
    if (bli_thread_get_num_threads != 0) {
        long threads = bli_thread_get_num_threads();
        return threads < 1 ? 1 : (int32_t)threads; /* -1: not set, which means one */
    }
    return 0;
}
#else
int32_t gani_blas_threads(void) { return 0; }
#endif

int gani_blas_gemm(int is_f64, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, void *c, int64_t ldc) {
    if (m < 1 || n < 1 || k < 1 || m > INT_MAX || n > INT_MAX || k > INT_MAX || lda > INT_MAX || ldb > INT_MAX)
        return 0;
    CBLAS_TRANSPOSE transa = ta ? CblasTrans : CblasNoTrans, transb = tb ? CblasTrans : CblasNoTrans;
    if (is_f64)
        cblas_dgemm(CblasRowMajor, transa, transb, (int)m, (int)n, (int)k, 1.0, a, (int)lda, b, (int)ldb, 0.0, c,
                    (int)ldc);
    else
        cblas_sgemm(CblasRowMajor, transa, transb, (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b, (int)ldb, 0.0f, c,
                    (int)ldc);
    return 1;
}

#else

int32_t gani_blas_threads(void) { return 0; }

int gani_blas_gemm(int is_f64, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda,
                   const void *b, int64_t ldb, void *c, int64_t ldc) {
    (void)is_f64, (void)ta, (void)tb, (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb, (void)c,
        (void)ldc;
    return 0;
}

#endif
