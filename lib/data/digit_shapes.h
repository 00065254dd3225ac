/* How a hand writes the ten digits: the points its pen passes, in hundredths of the height, y downwards. */
#ifndef GANI_DATA_DIGIT_SHAPES_H
#define GANI_DATA_DIGIT_SHAPES_H

#include <stdint.h>

#define GANI_DIGIT_POINTS 18 /* at most, in one shape */

typedef struct gani_pen_point {
    int8_t x, y;
    uint8_t kind; /* GANI_PEN_... */
} gani_pen_point;

/* The shape that writer `choice` (any number) uses for a digit 0..9. */
const gani_pen_point *gani_digit_shape(int32_t digit, uint32_t choice, int32_t *count);

#endif
