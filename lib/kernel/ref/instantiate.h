/* Compiles the kernels of the *.inc files. The including file defines IMPL (ref, avx2), REAL (float, double) and DTYPE
 * (f32, f64): the functions are gani_<kernel>_<IMPL>_<DTYPE>, declared in elementwise.h. Included once by a source
 * file; what differs between levels is the compiler's flags, and so the instructions, for that file.
 *
 * Results do not depend on those: no contraction (-ffp-contract=off), and every reduction spells out its partial
 * sums. -fno-math-errno -fno-trapping-math are needed for speed, not for correctness: without the first the square
 * roots do not vectorise (adam: 8 times slower), without the second gcc leaves the selections of exp, tanh, sigmoid,
 * leaky ReLU as branches (7 times slower). */
#if !defined(IMPL) || !defined(REAL) || !defined(DTYPE)
#error "define IMPL, REAL and DTYPE before including this file"
#endif

#include <string.h>

#include "kernel/elementwise.h"
#include "kernel/ref/math_f32.h"
#include "kernel/ref/math_f64.h"
#include "kernel/ref/names.h"

/* A loop whose iterations are independent even though its buffers may be the same one (in-place use): a promise
 * that `restrict` cannot make. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* the loops that call libm cannot take the hint */
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

/* Partial sums of a reduction: the element at position i of a run goes to partial sum i % LANES. 8 measured better
 * than 16: the two sets of norm_backward then stay in registers, and maps of 4 x 4 have less to join. */
#define LANES 8

#include "kernel/ref/elementwise.inc"
#include "kernel/ref/reduce.inc"
#include "kernel/ref/norm.inc"
#include "kernel/ref/adam.inc"
#include "kernel/ref/rmsprop.inc"
#include "kernel/ref/sgd.inc"
#include "kernel/ref/spatial.inc"
