#include "data/images.h"

#include <string.h>

#include "base/io.h"
#include "data/names.h"
#include "data/resize.h"

int gani_is_image_name(const char *name) {
    return gani_name_ends(name, ".png") || gani_name_ends(name, ".jpg") || gani_name_ends(name, ".jpeg");
}

/* In place: alpha put on white, and 1 or 3 channels. */
static void to_channels(gani_image *image, int64_t channels) {
    int64_t has = image->channels, alpha = has == 2 || has == 4, colours = has - alpha;
    int64_t count = image->height * image->width;
    const uint8_t *in = image->pixels;
    uint8_t *out = image->pixels;
    if (has == channels) return;
    for (int64_t n = 0; n < count; n++) {
        /* grey to colour grows: go from the end then */
        int64_t i = channels > has ? count - 1 - n : n;
        uint8_t pixel[3];
        unsigned opacity = alpha ? in[i * has + colours] : 255;
        for (int64_t c = 0; c < 3; c++) {
            unsigned value = in[i * has + (colours == 3 ? c : 0)];
            pixel[c] = (uint8_t)((value * opacity + 255 * (255 - opacity) + 127) / 255);
        }
        if (channels == 3)
            memcpy(out + i * 3, pixel, 3);
        else if (colours == 1)
            out[i] = pixel[0];
        else /* luma of ITU-R BT.601 */
            out[i] = (uint8_t)((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
    }
    image->channels = channels;
}

static gan_status grow_to_channels(gan_context *context, const char *what, gani_image *image, int64_t channels) {
    if (image->channels < channels) {
        uint8_t *larger = gani_realloc(context, image->pixels, (size_t)(image->height * image->width * channels));
        if (larger == NULL) return gani_no_memory(context, what);
        image->pixels = larger;
    }
    to_channels(image, channels);
    return GAN_OK;
}

gan_status gani_image_fit(gan_context *context, const char *what, gani_image *image, int64_t channels, int64_t height,
                          int64_t width, uint8_t *planes) {
    gan_status status = grow_to_channels(context, what, image, channels);
    if (status != GAN_OK) return status;
    if (image->height != height || image->width != width)
        return gani_resize_crop(context, what, image->pixels, image->height, image->width, channels, width, planes);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < height * width; i++) planes[c * height * width + i] = image->pixels[i * channels + c];
    return GAN_OK;
}

gan_status gani_images_expect(gani_images *images, const char *path) {
    size_t bytes;
    gan_status status = gani_file_size(images->context, path, &bytes);
    if (status != GAN_OK) return status;
    images->files++;
    images->bytes = bytes < SIZE_MAX - images->bytes ? images->bytes + bytes : SIZE_MAX;
    return GAN_OK;
}

static gan_status allocate(gani_images *images, const char *path, const gani_image *first,
                           const gan_folder_options *options) {
    gan_context *context = images->context;
    int64_t channels = options->channels == -1 ? (first->channels <= 2 ? 1 : 3) : options->channels;
    int64_t height = options->size == -1 ? first->height : options->size,
            width = options->size == -1 ? first->width : options->size;
    images->shape = gan_shape_3d(channels, height, width);
    size_t bytes;
    if (!gani_mul_size((size_t)gan_shape_count(images->shape), (size_t)images->files, &bytes) ||
        bytes > (size_t)PTRDIFF_MAX)
        return gani_fail(context, GAN_E_LIMIT, "the %lld images beginning with '%s' do not fit into memory",
                         (long long)images->files, path);
    /* a size that the application has asked for is its own affair */
    if (options->size == -1 && !gani_image_affordable((int64_t)bytes, images->bytes))
        return gani_fail(context, GAN_E_LIMIT,
                         "the %lld images beginning with '%s' would take %lld MB: more than %lld MB, and than %d times "
                         "their files",
                         (long long)images->files, path, (long long)(bytes >> 20), (long long)(GANI_IMAGE_FREE >> 20),
                         GANI_IMAGE_RATIO);
    images->pixels = gani_alloc(context, bytes);
    return images->pixels == NULL ? gani_no_memory(context, path) : GAN_OK;
}

gan_status gani_images_add(gani_images *images, const char *path, const gan_folder_options *options) {
    gan_context *context = images->context;
    if (gani_cancelled(context)) return gani_fail(context, GAN_E_CANCELLED, "reading '%s': cancelled", path);
    gani_image image;
    gan_status status = gani_image_read(&image, context, path);
    if (status != GAN_OK) return status;
    if (images->pixels == NULL) status = allocate(images, path, &image, options);
    const int64_t *size = images->shape.size;
    if (status == GAN_OK && options->size == -1 && (image.height != size[1] || image.width != size[2]))
        status =
            gani_fail(context, GAN_E_FORMAT,
                      "'%s' has %lld x %lld pixels, the images before it %lld x %lld: set the option size to "
                      "resize all",
                      path, (long long)image.width, (long long)image.height, (long long)size[2], (long long)size[1]);
    if (status == GAN_OK) {
        size_t place = (size_t)images->count * (size_t)gan_shape_count(images->shape);
        status = gani_image_fit(context, path, &image, size[0], size[1], size[2], images->pixels + place);
    }
    gani_free(context, image.pixels);
    if (status == GAN_OK) images->count++;
    return status;
}
