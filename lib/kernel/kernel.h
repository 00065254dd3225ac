/* The kernel table: every computation of the library goes through it. Kernels are pure functions on raw,
 * contiguous buffers (void * means float or double, by the table's dtype). They check nothing, allocate
 * nothing and never fail: callers have validated every size. Buffers of distinct arguments do not overlap
 * unless a comment says so. n may be 0 everywhere. */
#ifndef GANI_KERNEL_KERNEL_H
#define GANI_KERNEL_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/threads.h"

/* Families of CPUs that have kernels of their own, unless the build was told to leave them out (GAN_SIMD). */
#if defined(__x86_64__) && !defined(GANI_PLAIN)
#define GANI_HAVE_X86 1
#elif defined(__aarch64__) && !defined(GANI_PLAIN)
#define GANI_HAVE_NEON 1
#endif

/* y = f(x); p, q are the scalar parameters named beside each. In place (y == x) is allowed. */
enum {
    GANI_UNARY_AFFINE = 1, /* p * x + q */
    GANI_UNARY_SQUARE = 2,
    GANI_UNARY_EXP = 3,
    GANI_UNARY_LOG = 4,
    GANI_UNARY_SQRT = 5,
    GANI_UNARY_ABS = 6,
    GANI_UNARY_TANH = 7,
    GANI_UNARY_SIGMOID = 8,     /* stable for both signs */
    GANI_UNARY_SOFTPLUS = 9,    /* max(x, 0) + log1p(exp(-|x|)) */
    GANI_UNARY_LEAKY_RELU = 10, /* x > 0 ? x : p * x; ReLU is p = 0 (and gives +0 for x <= 0, NaN for NaN) */
    GANI_UNARY_RECIPROCAL = 11,
    GANI_UNARY_RSQRT = 12,
    GANI_UNARY_SIGN = 13,  /* -1, 0, 1; NaN for NaN */
    GANI_UNARY_CLAMP = 14, /* min(max(x, p), q); NaN for NaN */
    GANI_UNARY_ELU = 15,   /* x > 0 ? x : p * (e^x - 1), without cancellation */
    GANI_UNARY_POW = 16,   /* x^p as libm's pow: 1 for p = 0, NaN for x < 0 and a p that is not whole */
    GANI_UNARY_COUNT
};

/* y = f(a, b). In place (y == a or y == b) is allowed when that operand is not broadcast. */
enum {
    GANI_BINARY_ADD = 1,
    GANI_BINARY_SUB = 2,
    GANI_BINARY_MUL = 3,
    GANI_BINARY_DIV = 4,
    GANI_BINARY_LEAKY_RELU_GRAD = 5, /* a = x, b = g: x > 0 ? g : p * g */
    GANI_BINARY_TANH_GRAD = 6,       /* a = y, b = g: g * (1 - y * y) */
    GANI_BINARY_SIGMOID_GRAD = 7,    /* a = y, b = g: g * y * (1 - y) */
    GANI_BINARY_SIGMOID_MUL = 8,     /* a = x, b = g: g * sigmoid(x): softplus' gradient */
    GANI_BINARY_MAX = 9,
    GANI_BINARY_CLAMP_GRAD = 10, /* a = x, b = g: p <= x && x <= q ? g : 0 */
    GANI_BINARY_ELU_GRAD = 11,   /* a = x, b = g: x > 0 ? q * g : p * g * e^x; 0 for x > 0 if q = 0, whatever g */
    GANI_BINARY_MIN = 12,
    GANI_BINARY_SHARE = 13, /* a's share of the gradient of max(a, b): a < b ? 0 : a == b ? 1/2 : 1 */
    GANI_BINARY_COUNT
};

/* A 2-D convolution with cross-correlation semantics, as PyTorch's conv2d.
 *   x: N x C x H x W   w: O x C / groups x KH x KW   y: N x O x OH x OW,
 *   OH = (H + 2 * pad_h - dil_h * (KH - 1) - 1) / stride_h + 1 (floor)
 * groups divides C and O; output channels of a group see the input channels of that group only.
 * All three functions of the trio take the shape of this one convolution. H, W are not implied by OH, OW:
 * with stride 2 rows at the end of x may be covered by no window (their input gradient is 0). */
typedef struct gani_conv_shape {
    int64_t n, c, h, w; /* input */
    int64_t o, oh, ow;  /* output */
    int64_t kh, kw, stride_h, stride_w, pad_h, pad_w;
    int64_t dil_h, dil_w; /* >= 1: distance of neighbouring taps of the window */
    int64_t groups;       /* >= 1 */
} gani_conv_shape;

/* Pooling of maps of h x w by windows of kernel x kernel: oh = (h + 2 * padding - kernel) / stride + 1 (floor), ow
 * alike; 2 * padding <= kernel, so that no window lies outside. */
typedef struct gani_window {
    int64_t h, w, oh, ow, kernel, stride, padding;
} gani_window;

/* One axis of a resampling, y[i] = (1 - weight[i]) x[low[i]] + weight[i] x[low[i] + 1]. */
typedef struct gani_axis_map {
    int64_t in, out;
    const int64_t *low;   /* `out` values, which do not decrease */
    const double *weight; /* `out` values in [0, 1], 0 where low[i] + 1 == in; NULL: all 0 */
    const int64_t *begin; /* in + 1 values: low[i] == r for begin[r] <= i < begin[r + 1] */
} gani_axis_map;

typedef struct gani_adam_params {
    double step_size; /* lr / (1 - beta1^t) */
    double beta1, beta2;
    double inv_sqrt_bias2;        /* 1 / sqrt(1 - beta2^t) */
    double epsilon, weight_decay; /* decay is added to the gradient (L2) */
    double grad_scale;            /* the gradient is multiplied by it first */
    double root_epsilon;          /* added inside the root; 0: none */
    double keep;                  /* the parameter is multiplied by it first (decoupled decay); 1: not */
} gani_adam_params;

typedef struct gani_rmsprop_params {
    double learning_rate, alpha, epsilon, momentum;
    double weight_decay, grad_scale, root_epsilon; /* as gani_adam_params' */
} gani_rmsprop_params;

typedef struct gani_sgd_params {
    double learning_rate, momentum;
    double gradient_share; /* of the gradient in the buffer: 1 - dampening, or 1 in a parameter's first update */
    double gradient_ahead, buffer_ahead; /* the step is made of this much of each: 0 and 1; Nesterov: 1 and momentum */
    double weight_decay, grad_scale;     /* as gani_adam_params' */
} gani_sgd_params;

typedef struct gani_kernels {
    const char *name; /* "reference", "avx2", ... */
    size_t element;   /* sizeof(float) or sizeof(double) */

    /* ---- elementwise, one thread's share ---- */
    void (*unary)(int32_t op, int64_t n, const void *x, void *y, double p, double q);
    /* step_a, step_b: 1 for a contiguous operand, 0 for one value used for all n */
    void (*binary)(int32_t op, int64_t n, const void *a, int32_t step_a, const void *b, int32_t step_b, void *y,
                   double p, double q);
    void (*fill)(int64_t n, void *y, double value);
    void (*axpy)(int64_t n, double alpha, const void *x, void *y);  /* y += alpha * x */
    void (*lerp)(int64_t n, double weight, const void *x, void *y); /* y += weight * (x - y): averages */

    /* -- reductions, one thread's share --------------------------------------------------------------
     * y[o, i] = sum over l of x[o, l, i]. Accumulates in double (or in float blocks of bounded length
     * joined in double); the order is fixed, whatever the alignment. */
    void (*sum)(int64_t outer, int64_t length, int64_t inner, const void *x, void *y);
    double (*dot)(int64_t n, const void *a, const void *b); /* accumulates in double as above */
    /* index[o, i] = the first l at which x[o, l, i] is largest, a NaN counting as larger than any number; length >= 1
     */
    void (*argmax)(int64_t outer, int64_t length, int64_t inner, const void *x, int32_t *index);

    /* -- softmax along the middle axis of outer x length x inner, length >= 1, one thread's share --------
     * The largest value is subtracted first; sums accumulate in double. k: the table itself. */
    void (*softmax)(const struct gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x, void *y);
    void (*log_softmax)(const struct gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x,
                        void *y);
    void (*logsumexp)(const struct gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *x,
                      void *y); /* y: outer x inner */
    /* From the result y and g = dL/dy: dx = y * (g - sum g * y); dx = g - e^y * sum g. */
    void (*softmax_grad)(const struct gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *y,
                         const void *g, void *dx);
    void (*log_softmax_grad)(const struct gani_kernels *k, int64_t outer, int64_t length, int64_t inner, const void *y,
                             const void *g, void *dx);

    /* -- indices, one thread's share --------------------------------------------------------------------
     * x: outer x size x inner; the indices have been checked: all in [0, size). Additions to one element are made in
     * the order of j: the same bits whatever the threads. */
    /* y[o, j, i] = x[o, index[j], i], index: count values; put is its adjoint: y[o, index[j], i] += g[o, j, i] */
    void (*take)(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index, const void *x,
                 void *y);
    void (*put)(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index, const void *g,
                void *y);
    /* y[o, j, i] = x[o, index[o, j, i], i]; scatter is its adjoint: y[o, index[o, j, i], i] += g[o, j, i] */
    void (*gather)(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index, const void *x,
                   void *y);
    void (*scatter)(int64_t outer, int64_t size, int64_t inner, int64_t count, const int32_t *index, const void *g,
                    void *y);

    /* -- batch normalisation over N x C x S, one channel range [c0, c1) --------------------------------
     * mean[c], var[c] (biased) are of the table's type; two passes over the data (mean first, then squared
     * deviations): no cancellation. */
    void (*norm_stats)(int64_t n, int64_t c, int64_t s, int64_t c0, int64_t c1, const void *x, void *mean, void *var);
    /* y = f(z), z = (x - mean) * rstd * weight + bias; weight and bias may be NULL (1 and 0). f is the leaky ReLU of
     * `slope`: that of unary, or with slope 1, nothing. */
    void (*norm_apply)(int64_t n, int64_t c, int64_t s, int64_t c0, int64_t c1, const void *x, const void *mean,
                       const void *rstd, const void *weight, const void *bias, double slope, void *y);
    /* training-mode gradients, from dL/dy: with g = dL/dy * f'(z), which is computed again from x, xhat = (x - mean) *
     * rstd and count = n * s
     *   dbias = sum g, dweight = sum g * xhat, dx = weight * rstd * (g - dbias / count - xhat * dweight / count).
     * dx, dweight, dbias may be NULL when not wanted; dx may be g's own memory. */
    void (*norm_backward)(int64_t n, int64_t c, int64_t s, int64_t c0, int64_t c1, const void *x, const void *g,
                          const void *mean, const void *rstd, const void *weight, const void *bias, double slope,
                          void *dx, void *dweight, void *dbias);

    /* -- optimizers, one thread's share ---------------------------------------------------------------
     * g' = grad_scale * g + weight_decay * p; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2;
     * p = keep * p - step_size * m / (sqrt(v + root_epsilon) * inv_sqrt_bias2 + epsilon) */
    void (*adam)(int64_t n, void *p, void *m, void *v, const void *g, const gani_adam_params *params);
    /* g' as above; v = alpha v + (1 - alpha) g'^2; a = alpha a + (1 - alpha) g' and s = v - a^2, or s = v where a is
     * NULL; d = g' / (sqrt(s + root_epsilon) + epsilon); b = momentum b + d and d = b, unless b is NULL; p -=
     * learning_rate * d */
    void (*rmsprop)(int64_t n, void *p, void *v, void *a, void *b, const void *g, const gani_rmsprop_params *params);
    /* g' as above; b = momentum b + gradient_share g' and g' = gradient_ahead g' + buffer_ahead b, unless b is NULL;
     * p -= learning_rate * g' */
    void (*sgd)(int64_t n, void *p, void *b, const void *g, const gani_sgd_params *params);

    /* -- pooling and resampling, one thread's share: `maps` maps one after the other -------------------
     * y = the mean of each window, in which positions outside count as zeros, and its adjoint */
    void (*avg_pool)(const gani_window *s, int64_t maps, const void *x, void *y);
    void (*avg_pool_grad)(const gani_window *s, int64_t maps, const void *g, void *dx);
    /* y = the largest value of each window, the first of several; NaN if one is among them. index (NULL: not wanted):
     * its place in the map, h * w <= INT32_MAX. */
    void (*max_pool)(const gani_window *s, int64_t maps, const void *x, void *y, int32_t *index);
    void (*max_pool_scatter)(const gani_window *s, int64_t maps, const int32_t *index, const void *g, void *dx);
    void (*max_pool_gather)(const gani_window *s, int64_t maps, const int32_t *index, const void *x, void *y);
    /* Along both axes, either both with weights or neither, and its adjoint. line: scratch for columns->in values, the
     * adjoint's for columns->out. */
    void (*resample)(const gani_axis_map *rows, const gani_axis_map *columns, int64_t maps, const void *x, void *y,
                     double *line);
    void (*resample_grad)(const gani_axis_map *rows, const gani_axis_map *columns, int64_t maps, const void *g,
                          void *dx, double *line);

    /* -- dense and convolution: parallel inside, results do not depend on the number of workers --------
     * scratch: *_scratch bytes for the same sizes and workers, 64-byte aligned; workers is
     * gani_pool_workers(pool). beta is 0 (C is only written) or 1 (added to C). */

    /* C (m x n, leading dimension ldc) = op(A) op(B) + beta C, row-major; op(A) is m x k: ta = 0: A is m x k with
     * row stride lda; ta = 1: A is stored k x m. The same for B (k x n). bias: NULL or n values added to each row. */
    size_t (*gemm_scratch)(int64_t m, int64_t n, int64_t k, int32_t workers);
    void (*gemm)(gani_pool *pool, void *scratch, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a,
                 int64_t lda, const void *b, int64_t ldb, double beta, const void *bias, void *c, int64_t ldc);

    /* y = conv(x, w) + bias (bias: NULL or O values) */
    size_t (*conv_forward_scratch)(const gani_conv_shape *s, int32_t workers);
    void (*conv_forward)(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x, const void *w,
                         const void *bias, void *y);
    /* dx = adjoint of conv in x, applied to g (shape of y): overwrites dx. This is also the forward of a transposed
     * convolution, so it takes an optional bias of C values, added to every element of that channel of dx. */
    size_t (*conv_input_grad_scratch)(const gani_conv_shape *s, int32_t workers);
    void (*conv_input_grad)(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *g, const void *w,
                            const void *bias, void *dx);
    /* dw = adjoint of conv in w: overwrites dw */
    size_t (*conv_weight_grad_scratch)(const gani_conv_shape *s, int32_t workers);
    void (*conv_weight_grad)(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x, const void *g,
                             void *dw);

    /* -- the same by weights that stay as they are: packed once, read by every call -----------------------
     * transposed: 0: conv_forward; 1: conv_input_grad. s is the shape of the largest batch: calls may have fewer
     * images, each of which is computed as in the largest, to the bit. A dense layer is a convolution of images of one
     * pixel. packed: conv_pack_size bytes, 64-byte aligned, that hold all that calls need of w; where that is 0, these
     * weights cannot be packed. */
    size_t (*conv_pack_size)(const gani_conv_shape *s, int32_t transposed);
    /* scratch: as for conv_forward or conv_input_grad */
    void (*conv_pack)(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed, const void *w,
                      void *packed);
    size_t (*conv_packed_scratch)(const gani_conv_shape *s, int32_t transposed, const void *packed, int32_t workers);
    void (*conv_packed)(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed,
                        const void *packed, const void *x, const void *bias, void *y);
} gani_kernels;

/* CPU levels, in ascending order within a family of CPUs. A table of a level is complete: what has no faster form is
 * the reference's. */
enum { GANI_LEVEL_REFERENCE = 0, GANI_LEVEL_AVX2 = 1, GANI_LEVEL_NEON = 1, GANI_LEVEL_AVX512 = 2 };

/* Best level that this build and this CPU have (cpuid, no cached state). */
int32_t gani_kernel_best_level(void);

/* The table for a level (capped to gani_kernel_best_level()) and element type: is_f64 0 or 1. Constant data. */
const gani_kernels *gani_kernel_table(int32_t level, int32_t is_f64);
/* Is this a table of the reference level? Asks no CPU: cpuid takes tens of microseconds in a virtual machine. */
int gani_kernel_is_reference(const gani_kernels *kernels);
/* The f32 table of a level with minimal filtering, where the level has it. */
const gani_kernels *gani_kernel_table_filtered(int32_t level);

#endif
