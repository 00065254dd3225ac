/* The packed products with AArch64's NEON, float. Compiled with fused multiplication and addition. */
#include "kernel/conv_gemm.h"

#define DENSE_NAME(function) gani_##function##_neon_f32

typedef float real;

/* 24 of the 32 registers hold the tile, 4 a row of B. */
enum { MR = 6, NR = 16 };

#include "kernel/packed/generic.inc"

#include "kernel/packed/panel.inc"
