/* The packed products with AArch64's NEON, double. Compiled with fused multiplication and addition. */
#include "kernel/conv_gemm.h"

#define DENSE_NAME(function) gani_##function##_neon_f64

typedef double real;

enum { MR = 6, NR = 8 };

#include "kernel/packed/generic.inc"

#include "kernel/packed/panel.inc"
