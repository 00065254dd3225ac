/* Names of kernels in the *.inc files, which are compiled for REAL = float and double, DTYPE = f32 and f64, and for one
 * or more IMPL. */
#ifndef GANI_KERNEL_REF_NAMES_H
#define GANI_KERNEL_REF_NAMES_H

#define JOIN_3(a, b, c) a##_##b##_##c
#define JOIN_2(a, b) a##_##b
#define KERNEL_NAME(name, impl, dtype) JOIN_3(gani_##name, impl, dtype)
#define LOCAL_NAME(name, dtype) JOIN_2(name, dtype)
#define KERNEL(name) KERNEL_NAME(name, IMPL, DTYPE) /* an exported kernel */
#define LOCAL(name) LOCAL_NAME(name, DTYPE)         /* a file-static function or one of math_*.h */

#endif
