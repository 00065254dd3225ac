#include "kernel/conv_gemm.h"
#include "kernel/elementwise.h"

#ifdef GANI_HAVE_X86
#include <cpuid.h>
#endif

/* One row of the table: kernels that all levels share, elementwise kernels of one implementation, products of another,
 * convolutions of a third. */
#define TABLE(label, type, once, elementwise, dense, conv)                                                             \
    {                                                                                                                  \
        .name = label, .element = sizeof(type), .unary = gani_unary_##elementwise,                                     \
        .binary = gani_binary_##elementwise, .fill = gani_fill_##elementwise, .axpy = gani_axpy_##elementwise,         \
        .lerp = gani_lerp_##elementwise, .sum = gani_sum_##elementwise, .dot = gani_dot_##elementwise,                 \
        .argmax = gani_argmax_##once, .softmax = gani_softmax_##once, .log_softmax = gani_log_softmax_##once,          \
        .logsumexp = gani_logsumexp_##once, .softmax_grad = gani_softmax_grad_##once,                                  \
        .log_softmax_grad = gani_log_softmax_grad_##once, .take = gani_take_##once, .put = gani_put_##once,            \
        .gather = gani_gather_##once, .scatter = gani_scatter_##once, .norm_stats = gani_norm_stats_##elementwise,     \
        .norm_apply = gani_norm_apply_##elementwise, .norm_backward = gani_norm_backward_##elementwise,                \
        .adam = gani_adam_##elementwise, .rmsprop = gani_rmsprop_##elementwise, .sgd = gani_sgd_##elementwise,         \
        .avg_pool = gani_avg_pool_##elementwise, .avg_pool_grad = gani_avg_pool_grad_##elementwise,                    \
        .max_pool = gani_max_pool_##elementwise, .max_pool_scatter = gani_max_pool_scatter_##elementwise,              \
        .max_pool_gather = gani_max_pool_gather_##elementwise, .resample = gani_resample_##elementwise,                \
        .resample_grad = gani_resample_grad_##elementwise, .gemm_scratch = gani_gemm_scratch_##dense,                  \
        .gemm = gani_gemm_##dense, .conv_forward_scratch = gani_conv_forward_scratch_##conv,                           \
        .conv_forward = gani_conv_forward_##conv, .conv_input_grad_scratch = gani_conv_input_grad_scratch_##conv,      \
        .conv_input_grad = gani_conv_input_grad_##conv,                                                                \
        .conv_weight_grad_scratch = gani_conv_weight_grad_scratch_##conv,                                              \
        .conv_weight_grad = gani_conv_weight_grad_##conv, .conv_pack_size = gani_conv_pack_size_##conv,                \
        .conv_pack = gani_conv_pack_##conv, .conv_packed_scratch = gani_conv_packed_scratch_##conv,                    \
        .conv_packed = gani_conv_packed_##conv,                                                                        \
    }

/* By level, then float, double. Products at the reference level are the blocked ones in plain C: the plain loops
 * (gani_gemm_ref_*) are the tests' oracle and too slow to train with. */
static const gani_kernels tables[][2] = {
    [GANI_LEVEL_REFERENCE] = {TABLE("reference", float, once_f32, ref_f32, packed_f32, packed_f32),
                              TABLE("reference", double, once_f64, ref_f64, packed_f64, packed_f64)},
#ifdef GANI_HAVE_X86
    [GANI_LEVEL_AVX2] = {TABLE("avx2", float, once_f32, avx2_f32, avx2_f32, avx2_f32),
                         TABLE("avx2", double, once_f64, ref_f64, avx2_f64, avx2_f64)},
    [GANI_LEVEL_AVX512] = {TABLE("avx512", float, once_f32, avx2_f32, avx512_f32, avx512_f32),
                           TABLE("avx512", double, once_f64, ref_f64, avx2_f64, avx2_f64)},
#elif defined(GANI_HAVE_NEON)
    [GANI_LEVEL_NEON] = {TABLE("neon", float, once_f32, ref_f32, neon_f32, neon_f32),
                         TABLE("neon", double, once_f64, ref_f64, neon_f64, neon_f64)},
#endif
};

static const gani_kernels filtered[] = {
#ifdef GANI_HAVE_X86
    [GANI_LEVEL_AVX2] = TABLE("avx2", float, once_f32, avx2_f32, avx2_f32, filtered_avx2_f32),
    [GANI_LEVEL_AVX512] = TABLE("avx512", float, once_f32, avx2_f32, avx512_f32, filtered_avx512_f32),
#elif defined(GANI_HAVE_NEON)
    [GANI_LEVEL_NEON] = TABLE("neon", float, once_f32, ref_f32, neon_f32, filtered_neon_f32),
#endif
    [GANI_LEVEL_REFERENCE] = {0}, /* has none */
};

/* The compiler's __builtin_cpu_supports would bring libgcc's writable cache of the answer into the library. */
int32_t gani_kernel_best_level(void) {
#ifdef GANI_HAVE_X86
    const unsigned fma_osxsave_avx = (1u << 12) | (1u << 27) | (1u << 28);
    const unsigned avx2 = 1u << 5, avx512f = 1u << 16;
    const unsigned sse_avx_state = 6u, avx512_state = 0xe6u;
    unsigned a, b, c, d;
    if (__get_cpuid_count(1, 0, &a, &b, &c, &d) == 0 || (c & fma_osxsave_avx) != fma_osxsave_avx) {
        return GANI_LEVEL_REFERENCE;
    }
    /* The system must also save the registers at a task switch. */
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & sse_avx_state) != sse_avx_state) {
        return GANI_LEVEL_REFERENCE;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & avx2) != 0) {
        return (b & avx512f) != 0 && (low & avx512_state) == avx512_state ? GANI_LEVEL_AVX512 : GANI_LEVEL_AVX2;
    }
#endif
#ifdef GANI_HAVE_NEON
    return GANI_LEVEL_NEON; /* every one has it */
#else
    return GANI_LEVEL_REFERENCE;
#endif
}

static int32_t capped(int32_t level) {
    int32_t best = gani_kernel_best_level();
    return level < GANI_LEVEL_REFERENCE ? GANI_LEVEL_REFERENCE : level > best ? best : level;
}

const gani_kernels *gani_kernel_table(int32_t level, int32_t is_f64) { return &tables[capped(level)][is_f64 != 0]; }

int gani_kernel_is_reference(const gani_kernels *kernels) {
    return kernels == &tables[GANI_LEVEL_REFERENCE][0] || kernels == &tables[GANI_LEVEL_REFERENCE][1];
}

const gani_kernels *gani_kernel_table_filtered(int32_t level) {
    level = capped(level);
    return level == GANI_LEVEL_REFERENCE ? &tables[level][0] : &filtered[level];
}
