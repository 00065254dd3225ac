/** @file
 * Pictures: PNG files, sheets of samples, curves. Files are written under a temporary name and renamed: never half a
 * file. */
#ifndef GAN_IMAGE_H
#define GAN_IMAGE_H

#include <gan/tensor.h>

GAN_BEGIN_DECLS

/** Reads a PNG (any kind) as u8, C x H x W with C = 1, 2, 3 or 4 (grey, grey + alpha, RGB, RGBA); 16-bit samples are
 * rounded to 8. Images above 2^28 pixels are refused (GAN_E_LIMIT) before anything is allocated. Errors: GAN_E_IO,
 * GAN_E_FORMAT. Since 0.1. */
GAN_API gan_status gan_png_read(gan_tensor **out, gan_context *context, const char *path);
/** Writes a u8 tensor C x H x W, C = 1 to 4 as in gan_png_read, as PNG. Errors: GAN_E_DTYPE, GAN_E_SHAPE,
 * GAN_E_LIMIT, GAN_E_IO, GAN_E_STATE (a tape's tensor whose values were given back). Since 0.1. */
GAN_API gan_status gan_png_write(const gan_tensor *image, const char *path);

/** Options of gan_sheet_write. Since 0.1. */
typedef struct gan_sheet_options {
    size_t struct_size;
    int64_t columns;   /**< images in a row, >= 1; default 8 */
    int64_t padding;   /**< pixels between and around images, >= 0; default 2 */
    double low, high;  /**< values shown as black and white; default -1 and 1; values outside are clamped, NaN is shown
                            as black */
    double background; /**< grey of the padding, 0 (black, default) to 1 (white) */
    int64_t zoom;      /**< each pixel is drawn zoom x zoom, 1 (default) to 64 */
} gan_sheet_options;
GAN_API void gan_sheet_options_init_sized(gan_sheet_options *options, size_t size);
#define gan_sheet_options_init(options) gan_sheet_options_init_sized((options), sizeof *(options))
/** Draws images N x C x H x W (f32, f64 or u8; C = 1 or 3; low and high are not used for u8) as one PNG, row by row,
 * laid out as torchvision's make_grid: min(columns, N) columns, cells of (H + padding) x (W + padding) and one more
 * padding at the start. Rounding: floor(255 v + 0.5). Errors: as gan_png_write; GAN_E_ARGUMENT (an option out of
 * range). Since 0.1. */
GAN_API gan_status gan_sheet_write(const gan_tensor *images, const char *path, const gan_sheet_options *options);

/** One curve of a chart. Since 0.1. */
typedef struct gan_curve {
    const char *name;     /**< for the legend, ASCII */
    const double *x;      /**< count values, ascending */
    const double *y;      /**< count values; a NaN interrupts the line */
    int64_t count;
} gan_curve;

/** Options of gan_chart_write. Since 0.1. */
typedef struct gan_chart_options {
    size_t struct_size;
    const char *title;  /**< ASCII; NULL: none */
    const char *x_label; /**< under the x axis, ASCII; NULL: none */
    int64_t width, height; /**< pixels, 200 to 8192; default 960 x 540 */
    double smoothing;   /**< weight of the past in an exponential average drawn over the pale raw curve, in [0, 1);
                             default 0: raw only */
} gan_chart_options;
GAN_API void gan_chart_options_init_sized(gan_chart_options *options, size_t size);
#define gan_chart_options_init(options) gan_chart_options_init_sized((options), sizeof *(options))
/** Draws curves with axes, round tick values and a legend as PNG. The scale leaves out the outermost 1% of values if
 * they dwarf the rest. `count` curves, 1 to 8. Errors: GAN_E_ARGUMENT (an option out of range; x not finite or not
 * ascending), GAN_E_IO. Since 0.1. */
GAN_API gan_status gan_chart_write(gan_context *context, const gan_curve *curves, int32_t count, const char *path,
                                   const gan_chart_options *options);

GAN_END_DECLS

#endif
