/* A picture to draw on with anti-aliased strokes. What is drawn in one colour is first collected as coverage and
 * then painted at once, so that overlapping strokes of a pale line do not show. */
#ifndef GANI_IO_CANVAS_H
#define GANI_IO_CANVAS_H

#include <stdint.h>

#include "base/context.h"
#include "io/stroke.h"

typedef struct gani_area {
    int64_t left, top, right, bottom; /* right and bottom are outside */
} gani_area;

typedef struct gani_canvas {
    gan_context *context;
    int64_t width, height;
    uint8_t *pixels;   /* RGB */
    uint8_t *coverage; /* of what is being collected; all 0 after painting */
    gani_area clip;    /* strokes leave no mark outside */
    gani_area touched;
} gani_canvas;

gan_status gani_canvas_begin(gani_canvas *canvas, gan_context *context, int64_t width, int64_t height, uint32_t colour);
void gani_canvas_end(gani_canvas *canvas);
/* Collects a round-ended stroke. Points may lie anywhere, also far outside. */
void gani_canvas_stroke(gani_canvas *canvas, gani_segment segment, double radius);
/* Paints what was collected in a colour 0xRRGGBB, opacity 0 to 1, and starts afresh. */
void gani_canvas_paint(gani_canvas *canvas, uint32_t colour, double opacity);
/* Fills whole pixels at once, within the clip. */
void gani_canvas_fill(gani_canvas *canvas, gani_area area, uint32_t colour);

/* -- letters: font.c. Sizes are the height of a capital in pixels; y is the base line; weight is the pen's width. */
double gani_text_width(const char *text, double size);
void gani_text_draw(gani_canvas *canvas, double x, double y, double size, double weight, uint32_t colour,
                    const char *text);

#endif
