#include "io/sheet.h"

#include <math.h>
#include <string.h>

#include "io/image_file.h"
#include "tensor/tensor.h"

typedef struct sheet {
    const gan_tensor *images;
    const gan_sheet_options *options;
    int64_t columns, rows;
    gani_image picture;
} sheet;

/* low..high to 0..255 as torchvision's save_image does: floor(255 v + 0.5), clamped; NaN is black */
static uint8_t shade(double value, double low, double high) {
    double v = 255 * ((value - low) / (high - low)) + 0.5;
    return v >= 255 ? 255 : v >= 1 ? (uint8_t)v : 0;
}

/* Elements are fetched by stride, so that views need no copy. */
static uint8_t element(const sheet *s, int64_t n, int64_t c, int64_t y, int64_t x) {
    const gan_tensor *t = s->images;
    int64_t offset = n * t->strides[0] + c * t->strides[1] + y * t->strides[2] + x * t->strides[3];
    switch (t->dtype) {
    case GAN_F32:
        return shade(((const float *)t->data)[offset], s->options->low, s->options->high);
    case GAN_F64:
        return shade(((const double *)t->data)[offset], s->options->low, s->options->high);
    default:
        return ((const uint8_t *)t->data)[offset];
    }
}

static void draw_image(const sheet *s, int64_t n) {
    const int64_t *size = s->images->shape.size;
    int64_t zoom = s->options->zoom, padding = s->options->padding, channels = s->picture.channels;
    int64_t top = n / s->columns * (size[2] + padding) + padding, left = n % s->columns * (size[3] + padding) + padding;
    int64_t line = s->picture.width * channels;
    for (int64_t y = 0; y < size[2]; y++) {
        uint8_t *row = s->picture.pixels + (top + y) * zoom * line + left * zoom * channels, *out = row;
        for (int64_t x = 0; x < size[3]; x++)
            for (int64_t k = 0; k < zoom; k++)
                for (int64_t c = 0; c < channels; c++) *out++ = element(s, n, c, y, x);
        for (int64_t k = 1; k < zoom; k++) memcpy(row + k * line, row, (size_t)(out - row));
    }
}

/* count cells of `size` + padding and one more padding, all times zoom; -1 if that is too much for a PNG */
static int64_t extent(int64_t count, int64_t size, const gan_sheet_options *options) {
    int64_t result;
    if (!gani_add_i64(size, options->padding, &result) || !gani_mul_i64(result, count, &result) ||
        !gani_add_i64(result, options->padding, &result) || !gani_mul_i64(result, options->zoom, &result))
        return -1;
    return result > GANI_IMAGE_PIXELS ? -1 : result;
}

gan_status gani_sheet_write(const gan_tensor *images, const char *path, const gan_sheet_options *options) {
    gan_context *context = images->context;
    int64_t count = images->shape.size[0];
    sheet s;
    memset(&s, 0, sizeof s);
    s.images = images;
    s.options = options;
    s.columns = options->columns < count ? options->columns : count;
    s.rows = (count - 1) / s.columns + 1;
    s.picture.channels = images->shape.size[1];
    s.picture.height = extent(s.rows, images->shape.size[2], options);
    s.picture.width = extent(s.columns, images->shape.size[3], options);
    int64_t pixels;
    if (s.picture.height < 0 || s.picture.width < 0 || !gani_mul_i64(s.picture.height, s.picture.width, &pixels) ||
        pixels > GANI_IMAGE_PIXELS)
        return gani_fail(context, GAN_E_LIMIT, "gan_sheet_write: '%s' would have more than 2^28 pixels", path);
    size_t bytes = (size_t)(pixels * s.picture.channels);
    s.picture.pixels = gani_alloc(context, bytes);
    if (s.picture.pixels == NULL) return gani_no_memory(context, "gan_sheet_write");
    memset(s.picture.pixels, shade(options->background, 0, 1), bytes);
    for (int64_t n = 0; n < count; n++) draw_image(&s, n);
    gan_status status = gani_png_write(context, path, &s.picture);
    gani_free(context, s.picture.pixels);
    return status;
}
