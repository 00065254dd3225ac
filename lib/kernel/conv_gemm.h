/* Dense products and convolutions, as the kernel table (kernel.h) describes them: one set of functions for each
 * implementation and element type, named gani_<function>_<implementation>_<f32|f64>.
 *   ref     plain loops, one accumulator in double an element: the oracle. Needs no scratch.
 *   packed  cache-blocked C, for every CPU
 *   avx2    the same blocking around AVX2 and FMA micro-kernels; only in builds for x86-64
 *   neon    the same blocking in portable C with larger tiles and fused multiplication and addition; AArch64
 *   avx512  avx2 with wider micro-kernels, the same bits; float only
 *   filtered_avx2, filtered_avx512  minimal filtering where it is faster, else directly: convolutions only
 *           (filter/filter.h) */
#ifndef GANI_KERNEL_CONV_GEMM_H
#define GANI_KERNEL_CONV_GEMM_H

#include "kernel/kernel.h"

#define GANI_DECLARE_GEMM(suffix)                                                                                      \
    size_t gani_gemm_scratch_##suffix(int64_t m, int64_t n, int64_t k, int32_t workers);                               \
    void gani_gemm_##suffix(gani_pool *pool, void *scratch, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k,   \
                            const void *a, int64_t lda, const void *b, int64_t ldb, double beta, const void *bias,     \
                            void *c, int64_t ldc)
#define GANI_DECLARE_CONV(suffix)                                                                                      \
    size_t gani_conv_forward_scratch_##suffix(const gani_conv_shape *s, int32_t workers);                              \
    void gani_conv_forward_##suffix(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x,           \
                                    const void *w, const void *bias, void *y);                                         \
    size_t gani_conv_input_grad_scratch_##suffix(const gani_conv_shape *s, int32_t workers);                           \
    void gani_conv_input_grad_##suffix(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *g,        \
                                       const void *w, const void *bias, void *dx);                                     \
    size_t gani_conv_weight_grad_scratch_##suffix(const gani_conv_shape *s, int32_t workers);                          \
    void gani_conv_weight_grad_##suffix(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x,       \
                                        const void *g, void *dw)
#define GANI_DECLARE_PACKED(suffix)                                                                                    \
    size_t gani_conv_pack_size_##suffix(const gani_conv_shape *s, int32_t transposed);                                 \
    void gani_conv_pack_##suffix(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed,         \
                                 const void *w, void *packed);                                                         \
    size_t gani_conv_packed_scratch_##suffix(const gani_conv_shape *s, int32_t transposed, const void *packed,         \
                                             int32_t workers);                                                         \
    void gani_conv_packed_##suffix(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed,       \
                                   const void *packed, const void *x, const void *bias, void *y)
#define GANI_DECLARE_CONVS(suffix)                                                                                     \
    GANI_DECLARE_CONV(suffix);                                                                                         \
    GANI_DECLARE_PACKED(suffix)
#define GANI_DECLARE_DENSE(suffix)                                                                                     \
    GANI_DECLARE_GEMM(suffix);                                                                                         \
    GANI_DECLARE_CONVS(suffix)

/* What a packed block begins with; after so many bytes comes what the weights have become. */
typedef struct gani_packed {
    int64_t tiles; /* of minimal filtering, 2 to 4; 0: multiplied directly */
} gani_packed;
enum { GANI_PACKED_HEAD = 64 };

GANI_DECLARE_GEMM(ref_f32);
GANI_DECLARE_GEMM(ref_f64);
GANI_DECLARE_CONV(ref_f32);
GANI_DECLARE_CONV(ref_f64);
GANI_DECLARE_DENSE(packed_f32);
GANI_DECLARE_DENSE(packed_f64);
#ifdef GANI_HAVE_X86
GANI_DECLARE_DENSE(avx2_f32);
GANI_DECLARE_DENSE(avx2_f64);
GANI_DECLARE_DENSE(avx512_f32);
GANI_DECLARE_CONVS(filtered_avx2_f32);
GANI_DECLARE_CONVS(filtered_avx512_f32);
#elif defined(GANI_HAVE_NEON)
GANI_DECLARE_DENSE(neon_f32);
GANI_DECLARE_DENSE(neon_f64);
GANI_DECLARE_CONVS(filtered_neon_f32);
#endif

#endif
