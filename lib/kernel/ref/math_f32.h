/* Single-precision exp, expm1, log, tanh, sigmoid and softplus without branches, table or call, so that the loops of
 * elementwise.inc vectorise at every level. At most 4 ulp on the whole range, denormal results included; infinities
 * and NaN behave as in libm. They neither use nor need FMA, so that a level's vector width cannot change a bit.
 * The polynomials of exp and tanh are Cephes' (S. Moshier), that of atanh is a Chebyshev fit (error 4e-10). */
#ifndef GANI_KERNEL_REF_MATH_F32_H
#define GANI_KERNEL_REF_MATH_F32_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float f32_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float copy_sign_f32(float magnitude, float sign) {
    return f32_of_bits(bits_of_f32(magnitude) | (bits_of_f32(sign) & 0x80000000u));
}

static inline float exp_f32(float x) {
    /* Beyond these the result is inf or 0; NaN fails both comparisons and stays. */
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    /* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
    float shifted = x * 1.44269504f + 12582912.0f;
    float k = shifted - 12582912.0f;
    float r = (x - k * 0.693359375f) - k * -2.12194440e-4f; /* the first product is exact */
    float y = 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = (y * (r * r) + r) + 1.0f;
    /* 2^k does not fit one float when the result is denormal or near overflow: two halves, only the last product
     * rounds. k + 256 is positive, so that the shift is of an unsigned number. */
    uint32_t biased = bits_of_f32(shifted) - (0x4b400000u - 256u);
    uint32_t half = biased >> 1;
    return (y * f32_of_bits((half - 1u) << 23)) * f32_of_bits((biased - half - 1u) << 23);
}

/* e^x - 1 for x <= 0 (what it gives for x > 0 is of no use): 2^k (e^r - 1) + (2^k - 1), where nothing cancels. */
static inline float expm1_f32(float x) {
    x = x > 0.0f ? 0.0f : x;
    x = x < -30.0f ? -30.0f : x; /* -1 from -17.4 on; NaN stays */
    float shifted = x * 1.44269504f + 12582912.0f;
    float k = shifted - 12582912.0f;
    float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * (r * r) + r;
    float scale = f32_of_bits((bits_of_f32(shifted) - (0x4b400000u - 127u)) << 23);
    return scale * y + (scale - 1.0f);
}

/* 2 atanh(w / 2) for |w| <= 2 / 3 */
static inline float atanh_series_f32(float w) {
    float z = w * w;
    float y = 1.13400045e-4f;
    y = y * z + 4.239565586e-4f;
    y = y * z + 2.233777968e-3f;
    y = y * z + 1.249990823e-2f;
    y = y * z + 8.333333415e-2f;
    return w + w * (z * y);
}

static inline float log_f32(float x) {
    /* Denormals are scaled by 2^23 first. */
    float scaled = x < FLT_MIN ? x * 8388608.0f : x;
    float offset = x < FLT_MIN ? 150.0f : 127.0f;
    /* x = 2^e * m, m in [sqrt(1/2), sqrt(2)), so that e is 0 around 1, where cancellation would hurt. */
    uint32_t bits = bits_of_f32(scaled);
    uint32_t exponent = (bits + (0x3f800000u - 0x3f3504f3u)) >> 23;
    float e = (float)(int32_t)exponent - offset;
    float f = f32_of_bits(bits - ((exponent - 127u) << 23)) - 1.0f;
    float y = atanh_series_f32((f + f) / (2.0f + f));
    y = (y + e * -2.12194440e-4f) + e * 0.693359375f;
    float special = x == 0.0f ? -INFINITY : NAN;
    y = x <= FLT_MAX ? y : x;
    return x > 0.0f ? y : special;
}

static inline float tanh_f32(float x) {
    float a = fabsf(x);
    float z = a * a;
    float y = -5.70498872745e-3f;
    y = y * z + 2.06390887954e-2f;
    y = y * z - 5.37397155531e-2f;
    y = y * z + 1.33314422036e-1f;
    y = y * z - 3.33332819422e-1f;
    float near_zero = y * z * a + a;
    float far = 1.0f - 2.0f / (exp_f32(a + a) + 1.0f);
    return copy_sign_f32(a < 0.625f ? near_zero : far, x);
}

static inline float sigmoid_f32(float x) {
    float e = exp_f32(-fabsf(x));
    float y = 1.0f / (1.0f + e);
    return x >= 0.0f ? y : e * y;
}

static inline float softplus_f32(float x) {
    float e = exp_f32(-fabsf(x));
    float positive = x > 0.0f ? x : 0.0f;
    return positive + atanh_series_f32((e + e) / (2.0f + e)); /* log1p(e) = 2 atanh(e / (2 + e)) */
}

static inline float abs_f32(float x) { return fabsf(x); }

static inline float pow_f32(float x, float exponent) { return powf(x, exponent); }

static inline float sqrt_f32(float x) { return sqrtf(x); }

#endif
