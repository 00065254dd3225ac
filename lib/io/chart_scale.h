/* Axes: what range to show, and round numbers along it. */
#ifndef GANI_IO_CHART_SCALE_H
#define GANI_IO_CHART_SCALE_H

#include <stdint.h>

typedef struct gani_scale {
    double low, high;    /* shown, low < high, both finite */
    int64_t first, last; /* ticks are at k * step for k = first..last */
    double step;         /* digit * 10^exponent */
    int32_t digit, exponent;
    int32_t unit;   /* labels are in units of 10^unit ... */
    char suffix[8]; /* ... shown so: "k", "e-05" */
} gani_scale;

/* The range of sorted values; the outermost 1% are left out if they dwarf the rest. */
void gani_scale_range(const double *sorted, int64_t count, double *low, double *high);
/* Chooses about `ticks` ticks. low <= high, finite. `margin` is added at both ends, as a share of the range. */
void gani_scale_set(gani_scale *scale, double low, double high, double margin, int32_t ticks);

#define GANI_TICK_TEXT 48
/* Label of tick k, without the locale's help. */
void gani_scale_label(const gani_scale *scale, int64_t k, char *text);

#endif
