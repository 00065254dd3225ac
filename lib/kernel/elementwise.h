/* Declarations of the kernels that are not products: gani_<kernel>_ref_<f32|f64> and gani_<kernel>_avx2_f32. Their
 * contract is the kernel table's (kernel.h). */
#ifndef GANI_KERNEL_ELEMENTWISE_H
#define GANI_KERNEL_ELEMENTWISE_H

#include "kernel/kernel.h"

#define GANI_DECLARE_ELEMENTWISE(suffix)                                                                               \
    void gani_unary_##suffix(int32_t op, int64_t n, const void *x, void *y, double p, double q);                       \
    void gani_binary_##suffix(int32_t op, int64_t n, const void *a, int32_t step_a, const void *b, int32_t step_b,     \
                              void *y, double p, double q);                                                            \
    void gani_fill_##suffix(int64_t n, void *y, double value);                                                         \
    void gani_axpy_##suffix(int64_t n, double alpha, const void *x, void *y);                                          \
    void gani_lerp_##suffix(int64_t n, double weight, const void *x, void *y);                                         \
    void gani_sum_##suffix(int64_t outer, int64_t length, int64_t inner, const void *x, void *y);                      \
    double gani_dot_##suffix(int64_t n, const void *a, const void *b);                                                 \
    void gani_norm_stats_##suffix(int64_t n, int64_t c, int64_t s, int64_t c0, int64_t c1, const void *x, void *mean,  \
                                  void *var);                                                                          \
    void gani_norm_apply_##suffix(int64_t n, int64_t c, int64_t s, int64_t c0, int64_t c1, const void *x,              \
                                  const void *mean, const void *rstd, const void *weight, const void *bias,            \
                                  double slope, void *y);                                                              \
    void gani_norm_backward_##suffix(int64_t n, int64_t c, int64_t s, int64_t c0, int64_t c1, const void *x,           \
                                     const void *g, const void *mean, const void *rstd, const void *weight,            \
                                     const void *bias, double slope, void *dx, void *dweight, void *dbias);            \
    void gani_adam_##suffix(int64_t n, void *p, void *m, void *v, const void *g, const gani_adam_params *params);      \
    void gani_rmsprop_##suffix(int64_t n, void *p, void *v, void *a, void *b, const void *g,                           \
                               const gani_rmsprop_params *params);                                                     \
    void gani_sgd_##suffix(int64_t n, void *p, void *b, const void *g, const gani_sgd_params *params);                 \
    void gani_avg_pool_##suffix(const gani_window *s, int64_t maps, const void *x, void *y);                           \
    void gani_avg_pool_grad_##suffix(const gani_window *s, int64_t maps, const void *g, void *dx);                     \
    void gani_max_pool_##suffix(const gani_window *s, int64_t maps, const void *x, void *y, int32_t *index);           \
    void gani_max_pool_scatter_##suffix(const gani_window *s, int64_t maps, const int32_t *index, const void *g,       \
                                        void *dx);                                                                     \
    void gani_max_pool_gather_##suffix(const gani_window *s, int64_t maps, const int32_t *index, const void *x,        \
                                       void *y);                                                                       \
    void gani_resample_##suffix(const gani_axis_map *rows, const gani_axis_map *columns, int64_t maps, const void *x,  \
                                void *y, double *line);                                                                \
    void gani_resample_grad_##suffix(const gani_axis_map *rows, const gani_axis_map *columns, int64_t maps,            \
                                     const void *g, void *dx, double *line)

GANI_DECLARE_ELEMENTWISE(ref_f32);
GANI_DECLARE_ELEMENTWISE(ref_f64);
#ifdef GANI_HAVE_X86
GANI_DECLARE_ELEMENTWISE(avx2_f32);
#endif

#undef GANI_DECLARE_ELEMENTWISE

typedef void gani_unary_kernel(int32_t op, int64_t n, const void *x, void *y, double p, double q);

/* Those that exist once for all levels (ref/once.c). elu_grad is a part of `binary`. */
#define GANI_DECLARE_ONCE(suffix)                                                                                      \
    void gani_elu_grad_##suffix(gani_unary_kernel *unary, int64_t n, const void *a, int32_t step_a, const void *b,     \
                                int32_t step_b, void *y, double p, double q);                                          \
    void gani_softmax_##suffix(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x,     \
                               void *y);                                                                               \
    void gani_log_softmax_##suffix(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x, \
                                   void *y);                                                                           \
    void gani_logsumexp_##suffix(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x,   \
                                 void *y);                                                                             \
    void gani_softmax_grad_##suffix(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner,               \
                                    const void *y, const void *g, void *dx);                                           \
    void gani_log_softmax_grad_##suffix(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner,           \
                                        const void *y, const void *g, void *dx);                                       \
    void gani_argmax_##suffix(int64_t outer, int64_t length, int64_t inner, const void *x, int32_t *index);            \
    void gani_take_##suffix(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index,           \
                            const void *x, void *y);                                                                   \
    void gani_put_##suffix(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index,            \
                           const void *g, void *y);                                                                    \
    void gani_gather_##suffix(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index,         \
                              const void *x, void *y);                                                                 \
    void gani_scatter_##suffix(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index,        \
                               const void *g, void *y)

GANI_DECLARE_ONCE(once_f32);
GANI_DECLARE_ONCE(once_f64);

#undef GANI_DECLARE_ONCE

#endif
