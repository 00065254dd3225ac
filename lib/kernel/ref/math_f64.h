/* Double precision is how the library is proved right: libm, and stable formulas where it has none. */
#ifndef GANI_KERNEL_REF_MATH_F64_H
#define GANI_KERNEL_REF_MATH_F64_H

#include <math.h>

static inline double exp_f64(double x) { return exp(x); }

static inline double expm1_f64(double x) { return expm1(x); }

static inline double log_f64(double x) { return log(x); }

static inline double tanh_f64(double x) { return tanh(x); }

static inline double sigmoid_f64(double x) {
    double e = exp(-fabs(x)); /* never overflows */
    double y = 1.0 / (1.0 + e);
    return x >= 0.0 ? y : e * y;
}

static inline double softplus_f64(double x) {
    double positive = x > 0.0 ? x : 0.0;
    return positive + log1p(exp(-fabs(x)));
}

static inline double abs_f64(double x) { return fabs(x); }

static inline double pow_f64(double x, double exponent) { return pow(x, exponent); }

static inline double sqrt_f64(double x) { return sqrt(x); }

#endif
