/* The packed products in portable C, float. */
#include "kernel/conv_gemm.h"

#define DENSE_NAME(function) gani_##function##_packed_f32

typedef float real;

enum { MR = 4, NR = 8 };

#include "kernel/packed/generic.inc"

#include "kernel/packed/panel.inc"
