/* Truncated normal numbers, by the inverse of the distribution function. */
#include <math.h>

#include "base/rng.h"
#include "tensor/tensor.h"

/* The probability that a normal number is below x: accurate in relative terms for x <= 0. */
static double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

/* x <= 0 with normal_below(x) = p, 0 < p <= 1/2: Newton's method for the logarithm, which is concave, from a point to
 * the left (normal_below(x) <= exp(-x^2 / 2) / 2), so that every step is towards the root and none goes beyond. */
static double normal_quantile(double p) {
    double x = -sqrt(fmax(0, -2 * log(2 * p)));
    for (int i = 0; i < 64; i++) {
        double below = normal_below(x), density = 0.39894228040143267794 * exp(-0.5 * x * x);
        double step = log(p / below) * below / density;
        x += step;
        if (fabs(step) <= 1e-15 * fmax(1, fabs(x))) break;
    }
    return x;
}

/* The interval's part of the normal distribution, as two probabilities; bounds above the mean are mirrored to the tail
 * where probabilities keep their digits. */
typedef struct truncation {
    double below_low, below_high;
    int mirrored;
} truncation;

static truncation truncate_at(double mean, double deviation, double low, double high) {
    low = (low - mean) / deviation;
    high = (high - mean) / deviation;
    int mirrored = low > 0;
    if (mirrored) return (truncation){normal_below(-high), normal_below(-low), 1};
    return (truncation){normal_below(low), normal_below(high), 0};
}

int gani_truncation_possible(double mean, double deviation, double low, double high) {
    truncation part = truncate_at(mean, deviation, low, high);
    return part.below_low < part.below_high;
}

void gani_tensor_truncated_normal(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double mean,
                                  double deviation, double low, double high) {
    enum { CHUNK = 256 };
    truncation part = truncate_at(mean, deviation, low, high);
    int64_t count = gan_shape_count(tensor->shape);
    double u[CHUNK];
    for (int64_t first = 0; first < count; first += CHUNK) {
        int64_t length = count - first < CHUNK ? count - first : CHUNK;
        gani_fill_uniform_f64(seed, stream, index + (uint64_t)first / 4, 0, length, part.below_low, part.below_high, u);
        for (int64_t i = 0; i < length; i++) {
            double z = u[i] <= 0.5 ? normal_quantile(u[i]) : -normal_quantile(1 - u[i]);
            gani_put_value(tensor, first + i, fmin(fmax(mean + deviation * (part.mirrored ? -z : z), low), high));
        }
    }
    gani_tensor_touch(tensor);
}
