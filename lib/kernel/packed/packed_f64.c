/* The packed products in portable C, double. */
#include "kernel/conv_gemm.h"

#define DENSE_NAME(function) gani_##function##_packed_f64

typedef double real;

enum { MR = 4, NR = 4 };

#include "kernel/packed/generic.inc"

#include "kernel/packed/panel.inc"
