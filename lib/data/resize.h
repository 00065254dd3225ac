/* Resampling with a triangle filter, widened when shrinking, so that nothing aliases. */
#ifndef GANI_DATA_RESIZE_H
#define GANI_DATA_RESIZE_H

#include <stdint.h>

#include "base/context.h"

/* Scales `source` (height x width x channels, channels side by side) so that its shorter edge becomes `size`, cuts
 * the size x size centre out, and writes it as planes (channels x size x size). The arithmetic is that of Pillow's
 * bilinear resize, the geometry torchvision's Resize + CenterCrop. `what` names the image in messages. */
gan_status gani_resize_crop(gan_context *context, const char *what, const uint8_t *source, int64_t height,
                            int64_t width, int64_t channels, int64_t size, uint8_t *planes);

#endif
