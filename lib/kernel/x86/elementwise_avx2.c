/* The AVX2 + FMA level: the reference's sources, compiled with that instruction set. */
#if defined(__x86_64__)
#if !defined(__AVX2__)
#error "compile with -mavx2 -mfma"
#endif
#define IMPL avx2
/* double is for proofs: it gets fast products, and the reference's elementwise kernels */
#define REAL float
#define DTYPE f32
#include "kernel/ref/instantiate.h"
#else
#include "kernel/elementwise.h"
#endif
