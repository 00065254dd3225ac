#include "io/image_file.h"

#include "base/io.h"

#define FILE_LIMIT ((size_t)1 << 31)

gan_status gani_image_too_large(gan_context *context, const char *name, int64_t width, int64_t height) {
    return gani_fail(context, GAN_E_LIMIT,
                     "'%s' has %lld x %lld pixels of one colour or nearly so: more than %lld MB, and than %d times the "
                     "file",
                     name, (long long)width, (long long)height, (long long)(GANI_IMAGE_FREE >> 20), GANI_IMAGE_RATIO);
}

typedef gan_status decoder(gani_image *image, gan_context *context, const char *name, const uint8_t *data, size_t size);

static gan_status read_with(decoder *decode, gani_image *image, gan_context *context, const char *path) {
    unsigned char *data;
    size_t size;
    *image = (gani_image){0, 0, 0, NULL};
    gan_status status = gani_file_read_all(context, path, FILE_LIMIT, &data, &size);
    if (status != GAN_OK) return status;
    status = decode(image, context, path, data, size);
    gani_free(context, data);
    return status;
}

gan_status gani_image_read(gani_image *image, gan_context *context, const char *path) {
    return read_with(gani_image_decode, image, context, path);
}

gan_status gani_png_read(gani_image *image, gan_context *context, const char *path) {
    return read_with(gani_png_decode, image, context, path);
}

gan_status gani_image_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data,
                             size_t size) {
    decoder *decode = gani_is_jpeg(data, size) ? gani_jpeg_decode : gani_png_decode;
    return decode(image, context, name, data, size);
}
