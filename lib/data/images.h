/* Image files decoded into one block of memory, all of one shape. */
#ifndef GANI_DATA_IMAGES_H
#define GANI_DATA_IMAGES_H

#include <gan/data.h>

#include "io/image_file.h"

typedef struct gani_images {
    gan_context *context;
    uint8_t *pixels; /* gani_alloc'ed; NULL before the first image */
    int64_t count;
    gan_shape shape; /* C x H x W: what options and first image make it */
    int64_t files;   /* that are expected */
    size_t bytes;    /* of them all */
} gani_images;

/* Takes a file by its name: .png, .jpg, .jpeg. JPEG also where it cannot be decoded: better refused than left out. */
int gani_is_image_name(const char *name);
/* Counts a file that will be added: before the first one is. */
gan_status gani_images_expect(gani_images *images, const char *path);
/* Decodes one file into the next place; the first one takes the memory for all that are expected: together they may
 * have as much as a single file of their size (io/image_file.h). The options have been checked. */
gan_status gani_images_add(gani_images *images, const char *path, const gan_folder_options *options);

/* Gives an image `channels` channels (1 or 3; alpha is put on white), makes it height x width (anything but its own
 * size must be square: resized and cropped), and writes it as planes. May exchange image->pixels. `what` names it in
 * messages. */
gan_status gani_image_fit(gan_context *context, const char *what, gani_image *image, int64_t channels, int64_t height,
                          int64_t width, uint8_t *planes);

#endif
