/* A third of a training step of dense networks with noise on their layers went to the logarithms, sines and cosines of
 * the system's library, one at a time. These are loops without branches over arrays of a known length, which compilers
 * turn into vector instructions. */
#include "base/box_muller.h"

#include <math.h>
#include <string.h>

enum { N = GANI_NORMAL_PAIRS };

static inline double of_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* (lane + 1/2) / 2^32, exactly. The conversion of a signed number is an instruction, of an unsigned one it is not. */
static inline double unit(uint32_t lane) { return ((double)(int32_t)(lane ^ 0x80000000u) + 2147483648.5) * 0x1p-32; }

/* 2 ln u for 0 < u < 1: u = 2^e m with m from sqrt 1/2 to sqrt 2, and ln m = 2 artanh((m - 1) / (m + 1)) by its series,
 * whose next term is below 2^-62 of the first. */
static inline double log_squared(double u) {
    uint64_t bits = bits_of(u);
    double e = of_bits(bits >> 52 | 0x4330000000000000u) - (0x1p52 + 1023); /* the exponent, as a double's last bits */
    double m = of_bits((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    double above = m > 1.4142135623730951 ? 1.0 : 0.0;
    m *= 1.0 - 0.5 * above;
    e += above;
    double s = (m - 1) / (m + 1), x = s * s;
    double series = 1.0 / 23;
    series = series * x + 1.0 / 21;
    series = series * x + 1.0 / 19;
    series = series * x + 1.0 / 17;
    series = series * x + 1.0 / 15;
    series = series * x + 1.0 / 13;
    series = series * x + 1.0 / 11;
    series = series * x + 1.0 / 9;
    series = series * x + 1.0 / 7;
    series = series * x + 1.0 / 5;
    series = series * x + 1.0 / 3;
    return 2 * (e * 0.6931471805599453 + (2 * s + 2 * s * x * series));
}

/* cos and sin of 2 pi v for 0 < v < 1: by their series at the distance from the nearest quarter of a turn, and
 * exchanged and negated as that quarter says. */
static inline void turn(double v, double *cosine, double *sine) {
    double shifted = 4 * v + 0x1.8p52; /* rounds to a whole number of quarters, whose last bits they are */
    uint64_t quarter = bits_of(shifted);
    double a = 6.283185307179586 * (v - 0.25 * (shifted - 0x1.8p52)), x = a * a;
    double s = -1.0 / 121645100408832000.0; /* 19! */
    s = s * x + 1.0 / 355687428096000.0;
    s = s * x - 1.0 / 1307674368000.0;
    s = s * x + 1.0 / 6227020800.0;
    s = s * x - 1.0 / 39916800.0;
    s = s * x + 1.0 / 362880.0;
    s = s * x - 1.0 / 5040.0;
    s = s * x + 1.0 / 120.0;
    s = s * x - 1.0 / 6.0;
    s = a + a * x * s;
    double c = 1.0 / 2432902008176640000.0; /* 20! */
    c = c * x - 1.0 / 6402373705728000.0;
    c = c * x + 1.0 / 20922789888000.0;
    c = c * x - 1.0 / 87178291200.0;
    c = c * x + 1.0 / 479001600.0;
    c = c * x - 1.0 / 3628800.0;
    c = c * x + 1.0 / 40320.0;
    c = c * x - 1.0 / 720.0;
    c = c * x + 1.0 / 24.0;
    c = 1 + x * (c * x - 0.5);
    uint64_t odd = 0 - (quarter & 1), sb = bits_of(s), cb = bits_of(c);
    *cosine = of_bits(((cb & ~odd) | (sb & odd)) ^ (quarter + 1) << 62 >> 63 << 63);
    *sine = of_bits(((sb & ~odd) | (cb & odd)) ^ quarter << 62 >> 63 << 63);
}

void gani_box_muller(const uint32_t lanes[2 * N], double out[2 * N]) {
    double u[N], v[N], cosine[N], sine[N];
    for (int i = 0; i < N; i++) u[i] = unit(lanes[2 * i]);
    for (int i = 0; i < N; i++) v[i] = unit(lanes[2 * i + 1]);
    for (int i = 0; i < N; i++) u[i] = sqrt(-log_squared(u[i]));
    for (int i = 0; i < N; i++) turn(v[i], &cosine[i], &sine[i]);
    for (int i = 0; i < N; i++) {
        out[2 * i] = u[i] * cosine[i];
        out[2 * i + 1] = u[i] * sine[i];
    }
}
