#include "io/chart_scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DWARFS 3.0    /* times the range of the rest */
#define EXTREME 1e290 /* larger values would overflow on the way */

void gani_scale_range(const double *sorted, int64_t count, double *low, double *high) {
    *low = 0;
    *high = 1;
    if (count == 0) return;
    int64_t first = 0, last = count - 1;
    double median = sorted[count / 2];
    for (int64_t spare = count / 100; spare > 0; spare--) {
        if (sorted[last] - median > median - sorted[first])
            last--;
        else
            first++;
    }
    int whole = sorted[count - 1] - sorted[0] <= DWARFS * (sorted[last] - sorted[first]);
    *low = whole ? sorted[0] : sorted[first];
    *high = whole ? sorted[count - 1] : sorted[last];
}

static int32_t order_of(double value) { return (int32_t)floor(log10(value)); }

/* The smallest of 1, 2, 5 times a power of ten that is at least `wanted`. */
static void choose_step(gani_scale *scale, double wanted) {
    scale->exponent = order_of(wanted);
    double power = pow(10, scale->exponent), ratio = wanted / power * (1 - 1e-9);
    scale->digit = ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10;
    if (scale->digit == 10) {
        scale->digit = 1;
        scale->exponent++;
        power = pow(10, scale->exponent);
    }
    scale->step = scale->digit * power;
}

static void choose_unit(gani_scale *scale) {
    static const char suffixes[4][2] = {"", "k", "M", "G"};
    double largest = fmax(fabs((double)scale->first), fabs((double)scale->last)) * scale->step;
    int32_t order = largest > 0 ? order_of(largest * (1 + 1e-9)) : 0;
    if (order >= 12 || order < -3) {
        scale->unit = order;
        snprintf(scale->suffix, sizeof scale->suffix, "e%d", (int)order);
        return;
    }
    int32_t group = largest < 9999.5 ? 0 : order / 3;
    scale->unit = 3 * group;
    memcpy(scale->suffix, suffixes[group], 2);
}

void gani_scale_set(gani_scale *scale, double low, double high, double margin, int32_t ticks) {
    memset(scale, 0, sizeof *scale);
    low = fmin(fmax(low, -EXTREME), EXTREME);
    high = fmin(fmax(high, -EXTREME), EXTREME);
    /* a range too small for its numbers (or none at all) is widened: labels have 15 digits at most */
    double size = fmax(fabs(low), fabs(high));
    if (high - low <= 1e-9 * size || high - low < 1e-290) {
        double half = size > 1e-280 ? 0.1 * size : 1;
        low -= half;
        high += half;
    }
    double spare = margin * (high - low);
    scale->low = low - spare;
    scale->high = high + spare;
    do { /* one tick alone says nothing */
        choose_step(scale, (scale->high - scale->low) / ticks++);
        scale->first = (int64_t)ceil(scale->low / scale->step - 1e-9);
        scale->last = (int64_t)floor(scale->high / scale->step + 1e-9);
    } while (scale->first >= scale->last);
    choose_unit(scale);
}

void gani_scale_label(const gani_scale *scale, int64_t k, char *text) {
    int64_t number = k * scale->digit, magnitude = number < 0 ? -number : number;
    int32_t places = scale->unit - scale->exponent; /* behind the point */
    if (number == 0) scale = NULL;
    for (; places < 0; places++) magnitude *= 10;
    int64_t whole = magnitude, part = 0, power = 1;
    if (places > 17) places = 17;
    for (int32_t i = 0; i < places; i++) power *= 10;
    whole = magnitude / power;
    part = magnitude % power;
    const char *sign = number < 0 ? "-" : "", *suffix = scale == NULL ? "" : scale->suffix;
    if (places > 0 && number != 0)
        snprintf(text, GANI_TICK_TEXT, "%s%lld.%0*lld%s", sign, (long long)whole, (int)places, (long long)part, suffix);
    else
        snprintf(text, GANI_TICK_TEXT, "%s%lld%s", sign, (long long)whole, suffix);
}
