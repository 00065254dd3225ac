/* Picture files: PNG in and out, JPEG in. */
#ifndef GANI_IO_IMAGE_FILE_H
#define GANI_IO_IMAGE_FILE_H

#include <stdint.h>

#include "base/context.h"

#define GANI_IMAGE_PIXELS ((int64_t)1 << 28) /* more are refused, in and out */

/* A file's pixels may take this much memory, or GANI_IMAGE_RATIO times the file's size where that is more: real
 * pictures of that size are less monotonous, and a small file must not cost gigabytes. */
#define GANI_IMAGE_FREE ((int64_t)1 << 26)
#define GANI_IMAGE_RATIO 1032 /* deflate cannot pack more bytes than this into one */
static inline int gani_image_affordable(int64_t bytes, size_t file) {
    return bytes <= GANI_IMAGE_FREE || (uint64_t)bytes / GANI_IMAGE_RATIO <= file;
}
gan_status gani_image_too_large(gan_context *context, const char *name, int64_t width, int64_t height); /* the error */

/* Pixels row by row, the channels of a pixel side by side: grey, grey + alpha, RGB or RGBA. */
typedef struct gani_image {
    int64_t channels, height, width;
    uint8_t *pixels; /* gani_alloc'ed */
} gani_image;

/* A PNG or JPEG file, told apart by its first bytes. */
gan_status gani_image_read(gani_image *image, gan_context *context, const char *path);
gan_status gani_png_read(gani_image *image, gan_context *context, const char *path);

/* The same from memory; `name` is for messages. What the header announces is compared with `size` before memory is
 * taken for it. Any PNG becomes 8 bits a channel, palettes become RGB or RGBA. JPEG: grey or RGB; GAN_E_UNSUPPORTED for
 * other colours, for arithmetic coding, and for all of them where libgan was built without libjpeg. */
gan_status gani_image_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data,
                             size_t size);
gan_status gani_png_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data, size_t size);
gan_status gani_jpeg_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data,
                            size_t size);
int gani_is_jpeg(const uint8_t *data, size_t size); /* by the first bytes */

/* All sizes are at least 1. Nothing is seen under `path` before the file is complete. */
gan_status gani_png_write(gan_context *context, const char *path, const gani_image *image);

#endif
