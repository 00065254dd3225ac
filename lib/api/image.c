/* Exported functions of gan/image.h. */
#include <math.h>

#include "api/api.h"
#include "api/ranges.h"
#include "io/chart.h"
#include "io/image_file.h"
#include "io/sheet.h"

GAN_API gan_status gan_png_read(gan_tensor **out, gan_context *context, const char *path) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || path == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_png_read: out or path is NULL");
    gani_image image;
    gan_status status = gani_png_read(&image, context, path);
    if (status != GAN_OK) return status;
    gan_tensor *tensor;
    status = gani_tensor_new(&tensor, context, GAN_U8, gan_shape_3d(image.channels, image.height, image.width));
    if (status == GAN_OK) {
        uint8_t *planes = tensor->data;
        int64_t pixels = image.height * image.width;
        for (int64_t c = 0; c < image.channels; c++)
            for (int64_t i = 0; i < pixels; i++) planes[c * pixels + i] = image.pixels[i * image.channels + c];
        *out = tensor;
    }
    gani_free(context, image.pixels);
    return status;
}

GAN_API gan_status gan_png_write(const gan_tensor *image, const char *path) {
    GANI_ENTER();
    if (image == NULL) return GAN_E_ARGUMENT;
    gan_context *context = image->context;
    char shape[GANI_SHAPE_TEXT];
    if (path == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_png_write: path is NULL");
    gan_status status;
    if (!gani_readable("gan_png_write", image, &status)) return status;
    if (image->dtype != GAN_U8) return gani_fail(context, GAN_E_DTYPE, "gan_png_write: the image is not of type u8");
    const int64_t *size = image->shape.size;
    if (image->shape.rank != 3 || size[0] < 1 || size[0] > 4 || size[1] < 1 || size[2] < 1)
        return gani_fail(context, GAN_E_SHAPE, "gan_png_write: the image is %s, not C x H x W with C = 1 to 4",
                         gani_shape_text(image->shape, shape));
    gani_image picture = {size[0], size[1], size[2], NULL};
    picture.pixels = gani_alloc(context, (size_t)gan_shape_count(image->shape));
    if (picture.pixels == NULL) return gani_no_memory(context, "gan_png_write");
    const uint8_t *values = image->data;
    uint8_t *pixel = picture.pixels;
    for (int64_t y = 0; y < size[1]; y++)
        for (int64_t x = 0; x < size[2]; x++)
            for (int64_t c = 0; c < size[0]; c++)
                *pixel++ = values[c * image->strides[0] + y * image->strides[1] + x * image->strides[2]];
    status = gani_png_write(context, path, &picture);
    gani_free(context, picture.pixels);
    return status;
}

GAN_API void gan_sheet_options_init_sized(gan_sheet_options *options, size_t size) {
    gan_sheet_options defaults = {sizeof defaults, 8, 2, -1, 1, 0, 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status check_sheet_options(gan_context *context, const gan_sheet_options *options) {
    if (options->columns < 1)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_sheet_write: columns is %lld: at least 1 is needed",
                         (long long)options->columns);
    if (options->padding < 0)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_sheet_write: padding is %lld: it cannot be negative",
                         (long long)options->padding);
    if (options->zoom < 1 || options->zoom > 64)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_sheet_write: zoom is %lld, not 1 to 64",
                         (long long)options->zoom);
    if (!(options->background >= 0 && options->background <= 1))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_sheet_write: background is %g, not 0 to 1", options->background);
    return gani_check_low_high(context, "gan_sheet_write", options->low, options->high, 1);
}

GAN_API gan_status gan_sheet_write(const gan_tensor *images, const char *path, const gan_sheet_options *options) {
    GANI_ENTER();
    if (images == NULL) return GAN_E_ARGUMENT;
    gan_context *context = images->context;
    if (path == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_sheet_write: path is NULL");
    gan_sheet_options known;
    gan_sheet_options_init(&known);
    gan_status status = gani_options_decode(context, "gan_sheet_write", options, &known, sizeof known);
    if (status == GAN_OK) status = check_sheet_options(context, &known);
    if (status != GAN_OK || !gani_readable("gan_sheet_write", images, &status)) return status;
    if (images->dtype != GAN_F32 && images->dtype != GAN_F64 && images->dtype != GAN_U8)
        return gani_fail(context, GAN_E_DTYPE, "gan_sheet_write: the images are not of type f32, f64 or u8");
    const int64_t *size = images->shape.size;
    char shape[GANI_SHAPE_TEXT];
    if (images->shape.rank == 4 && size[0] == 0)
        return gani_fail(context, GAN_E_SHAPE, "gan_sheet_write: there are no images: they are %s",
                         gani_shape_text(images->shape, shape));
    if (images->shape.rank != 4 || (size[1] != 1 && size[1] != 3) || size[2] < 1 || size[3] < 1)
        return gani_fail(context, GAN_E_SHAPE, "gan_sheet_write: the images are %s, not N x C x H x W with C = 1 or 3",
                         gani_shape_text(images->shape, shape));
    return gani_sheet_write(images, path, &known);
}

GAN_API void gan_chart_options_init_sized(gan_chart_options *options, size_t size) {
    gan_chart_options defaults = {sizeof defaults, NULL, NULL, 960, 540, 0};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status check_curve(gan_context *context, const gan_curve *curve, int32_t number) {
    if (curve->count < 0 || (curve->count > 0 && (curve->x == NULL || curve->y == NULL)))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_chart_write: curve %d has no values or a negative count",
                         (int)number);
    for (int64_t i = 0; i < curve->count; i++)
        if (!isfinite(curve->x[i]) || (i > 0 && curve->x[i] < curve->x[i - 1]))
            return gani_fail(context, GAN_E_ARGUMENT,
                             "gan_chart_write: x of curve %d is not finite and ascending at index %lld", (int)number,
                             (long long)i);
    return GAN_OK;
}

GAN_API gan_status gan_chart_write(gan_context *context, const gan_curve *curves, int32_t count, const char *path,
                                   const gan_chart_options *options) {
    GANI_ENTER();
    if (context == NULL) return GAN_E_ARGUMENT;
    if (curves == NULL || path == NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_chart_write: curves or path is NULL");
    if (count < 1 || count > GANI_CHART_CURVES)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_chart_write: %d curves, not 1 to %d", (int)count,
                         GANI_CHART_CURVES);
    gan_chart_options known;
    gan_chart_options_init(&known);
    gan_status status = gani_options_decode(context, "gan_chart_write", options, &known, sizeof known);
    if (status != GAN_OK) return status;
    if (known.width < 200 || known.width > 8192 || known.height < 200 || known.height > 8192)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_chart_write: %lld x %lld pixels, not 200 to 8192",
                         (long long)known.width, (long long)known.height);
    if (!(known.smoothing >= 0 && known.smoothing < 1))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_chart_write: smoothing is %g; it must be at least 0 and below 1",
                         known.smoothing);
    for (int32_t i = 0; i < count && status == GAN_OK; i++) status = check_curve(context, &curves[i], i);
    return status == GAN_OK ? gani_chart_write(context, curves, count, path, &known) : status;
}
