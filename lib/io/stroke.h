/* Pen strokes: smooth curves through given points, as short straight segments. Digits and the charts' letters are
 * made of them. */
#ifndef GANI_IO_STROKE_H
#define GANI_IO_STROKE_H

#include <stdint.h>

#define GANI_PEN_SMOOTH 0 /* the curve passes through without a kink */
#define GANI_PEN_CORNER 1 /* it may turn sharply here */
#define GANI_PEN_START 2  /* the pen is put down here: a new stroke */

typedef struct gani_segment {
    double x0, y0, x1, y1;
} gani_segment;

#define GANI_CURVE_HAND 0 /* Catmull-Rom: a relaxed line through closely set points */
#define GANI_CURVE_TYPE 1 /* type design: points are the extremes of the curves, where tangents are level or upright   \
                           */

/* Flattens strokes, each piece between two points into `parts` segments; a stroke of one point gives one segment of
 * length 0. A stroke whose last point equals its first is closed smoothly. Returns the number of segments, at most
 * count * parts. */
int32_t gani_stroke_flatten(const double *x, const double *y, const uint8_t *kind, int32_t count, int32_t parts,
                            int32_t style, gani_segment *segments);

#endif
