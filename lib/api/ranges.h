/* Options that are numbers in a range: one check and one sentence for all. Flags and enumerations are such too. */
#ifndef GANI_API_RANGES_H
#define GANI_API_RANGES_H

#include "autograd/tape.h"

#define GANI_ANY_SIZE                                                                                                  \
    1.7976931348623157e308 /* as `high`: any finite number from `low` on; with -GANI_ANY_SIZE as `low`: any */

typedef struct gani_range {
    const char *name; /* of the option */
    double value, low, high;
} gani_range;

/* GAN_OK if every value is in its range, the ends included; else GAN_E_ARGUMENT, and the context has the sentence about
 * the first that is not. */
gan_status gani_check_ranges(gan_context *context, const char *function, const gani_range *ranges, int32_t count);
/* The same for a tape, which fails; 1 if they are. */
int gani_tape_ranges(gan_tape *tape, const char *operation, const gani_range *ranges, int32_t count);
/* Options `low` and `high`, the values that mean black and white: low below high, both finite, and so is
 * `scale` times their difference. */
gan_status gani_check_low_high(gan_context *context, const char *function, double low, double high, double scale);

#endif
