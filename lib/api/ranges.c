#include "api/ranges.h"

#include <math.h>

/* NULL if all are good. */
static const gani_range *first_bad(const gani_range *ranges, int32_t count) {
    for (int32_t i = 0; i < count; i++)
        if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high)) return &ranges[i];
    return NULL;
}

static const char *sentence(const gani_range *range) {
    if (range->low == -GANI_ANY_SIZE) return "%s: %s is %g; it must be finite";
    return range->high == GANI_ANY_SIZE ? "%s: %s is %g; it must be %g or more, and finite"
                                        : "%s: %s is %g; it must be in %g to %g";
}

gan_status gani_check_ranges(gan_context *context, const char *function, const gani_range *ranges, int32_t count) {
    const gani_range *bad = first_bad(ranges, count);
    if (bad == NULL) return GAN_OK;
    return gani_fail(context, GAN_E_ARGUMENT, sentence(bad), function, bad->name, bad->value, bad->low, bad->high);
}

int gani_tape_ranges(gan_tape *tape, const char *operation, const gani_range *ranges, int32_t count) {
    const gani_range *bad = first_bad(ranges, count);
    if (bad == NULL) return 1;
    gani_tape_fail(tape, GAN_E_ARGUMENT, sentence(bad), operation, bad->name, bad->value, bad->low, bad->high);
    return 0;
}

gan_status gani_check_low_high(gan_context *context, const char *function, double low, double high, double scale) {
    if (isfinite(low) && isfinite(high) && low < high && isfinite(scale * (high - low))) return GAN_OK;
    return gani_fail(context, GAN_E_ARGUMENT, "%s: low is %g, high %g: low must be below high, and both finite",
                     function, low, high);
}
