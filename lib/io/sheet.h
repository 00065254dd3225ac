/* Many small images as one. */
#ifndef GANI_IO_SHEET_H
#define GANI_IO_SHEET_H

#include <gan/image.h>

/* The images are N x C x H x W with N, H, W >= 1 and C = 1 or 3, not inert; the options have been checked. */
gan_status gani_sheet_write(const gan_tensor *images, const char *path, const gan_sheet_options *options);

#endif
