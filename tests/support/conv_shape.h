/* Shapes of convolutions, for tests of kernels. */
#ifndef TESTS_SUPPORT_CONV_SHAPE_H
#define TESTS_SUPPORT_CONV_SHAPE_H

#include "kernel/kernel.h"

/* Square images and kernels, no dilation, one group. */
static inline gani_conv_shape square(int64_t n, int64_t c, int64_t h, int64_t o, int64_t kernel, int64_t stride,
                                     int64_t padding) {
    int64_t oh = (h + 2 * padding - kernel) / stride + 1;
    return (gani_conv_shape){.n = n,
                             .c = c,
                             .h = h,
                             .w = h,
                             .o = o,
                             .oh = oh,
                             .ow = oh,
                             .kh = kernel,
                             .kw = kernel,
                             .stride_h = stride,
                             .stride_w = stride,
                             .pad_h = padding,
                             .pad_w = padding,
                             .dil_h = 1,
                             .dil_w = 1,
                             .groups = 1};
}

#endif
