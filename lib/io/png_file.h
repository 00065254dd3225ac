/* PNG files in and out. */
#ifndef GANI_IO_PNG_FILE_H
#define GANI_IO_PNG_FILE_H

#include <stdint.h>

#include "base/context.h"

#define GANI_PNG_PIXELS ((int64_t)1 << 28) /* more are refused, in and out */

/* Pixels row by row, the channels of a pixel side by side: grey, grey + alpha, RGB or RGBA. */
typedef struct gani_image {
    int64_t channels, height, width;
    uint8_t *pixels; /* gani_alloc'ed */
} gani_image;

/* Any PNG as 8 bits a channel; palettes become RGB or RGBA. */
gan_status gani_png_read(gani_image *image, gan_context *context, const char *path);
/* All sizes are at least 1. Nothing is seen under `path` before the file is complete. */
gan_status gani_png_write(gan_context *context, const char *path, const gani_image *image);

#endif
