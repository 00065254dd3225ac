/* The reference dense products and convolutions, in both element types from one source. */
#include "kernel/conv_gemm.h"

#define REF_NAME(name) gani_##name##_ref_f32
#define real float
#include "kernel/ref/conv_gemm_ref.inc"
#undef REF_NAME
#undef real

#define REF_NAME(name) gani_##name##_ref_f64
#define real double
#include "kernel/ref/conv_gemm_ref.inc"
