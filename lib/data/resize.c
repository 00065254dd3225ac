#include "data/resize.h"

#include <math.h>

#define BITS 22 /* fraction of a filter weight: 8 bits of pixel and the sign leave this of 32 */

/* One direction: for each of `size` output positions, where its inputs begin, how many they are, and their weights. */
typedef struct filter {
    int64_t size, most;
    int64_t *begin, *count;
    int32_t *weights; /* size x most */
} filter;

static void filter_end(gan_context *context, filter *f) {
    gani_free(context, f->begin);
    gani_free(context, f->count);
    gani_free(context, f->weights);
}

/* Output positions [first, first + size) of a line of `in` pixels stretched to `out`. */
static gan_status filter_begin(filter *f, gan_context *context, const char *what, int64_t in, int64_t out,
                               int64_t first, int64_t size) {
    double scale = (double)in / (double)out, support = scale > 1 ? scale : 1, inverse = 1 / support;
    size_t cells;
    *f = (filter){size, (int64_t)ceil(support) * 2 + 1, NULL, NULL, NULL};
    if (!gani_mul_size((size_t)size, (size_t)f->most, &cells) || !gani_mul_size(cells, sizeof *f->weights, &cells))
        return gani_fail(context, GAN_E_LIMIT, "'%s' is too large to be resized", what);
    f->begin = gani_calloc(context, (size_t)size, sizeof *f->begin);
    f->count = gani_calloc(context, (size_t)size, sizeof *f->count);
    f->weights = gani_alloc(context, cells);
    if (f->begin == NULL || f->count == NULL || f->weights == NULL) {
        filter_end(context, f);
        return gani_no_memory(context, what);
    }
    for (int64_t i = 0; i < size; i++) {
        double centre = ((double)(first + i) + 0.5) * scale, sum = 0;
        int64_t low = (int64_t)(centre - support + 0.5), high = (int64_t)(centre + support + 0.5);
        low = centre - support + 0.5 < 0 ? 0 : low;
        high = high > in ? in : high;
        for (int pass = 0; pass < 2; pass++) { /* the sum first, then weights that add up to 1 */
            for (int64_t k = low; k < high; k++) {
                double distance = fabs(((double)k - centre + 0.5) * inverse), weight = distance < 1 ? 1 - distance : 0;
                if (pass == 0)
                    sum += weight;
                else
                    f->weights[i * f->most + k - low] = (int32_t)(0.5 + weight / sum * (1 << BITS));
            }
        }
        f->begin[i] = low;
        f->count[i] = high - low;
    }
    return GAN_OK;
}

/* sum of weight x pixel over pixels `step` bytes apart, rounded */
static uint8_t weigh(const uint8_t *pixels, int64_t step, const int32_t *weights, int64_t count) {
    int64_t sum = 1 << (BITS - 1);
    for (int64_t k = 0; k < count; k++) sum += (int64_t)weights[k] * pixels[k * step];
    sum >>= BITS;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

static void apply(const filter *across, const filter *down, const uint8_t *source, int64_t width, int64_t channels,
                  uint8_t *between, uint8_t *planes) {
    int64_t size = across->size, top = down->begin[0], bottom = down->begin[size - 1] + down->count[size - 1];
    for (int64_t y = top; y < bottom; y++)
        for (int64_t x = 0; x < size; x++)
            for (int64_t c = 0; c < channels; c++)
                between[((y - top) * size + x) * channels + c] =
                    weigh(source + (y * width + across->begin[x]) * channels + c, channels,
                          across->weights + x * across->most, across->count[x]);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t y = 0; y < size; y++)
            for (int64_t x = 0; x < size; x++)
                planes[(c * size + y) * size + x] =
                    weigh(between + ((down->begin[y] - top) * size + x) * channels + c, size * channels,
                          down->weights + y * down->most, down->count[y]);
}

/* round((whole - part) / 2), halves to even, as Python rounds */
static int64_t crop_start(int64_t whole, int64_t part) {
    int64_t spare = whole - part, half = spare / 2;
    return spare % 2 == 1 && half % 2 == 1 ? half + 1 : half;
}

gan_status gani_resize_crop(gan_context *context, const char *what, const uint8_t *source, int64_t height,
                            int64_t width, int64_t channels, int64_t size, uint8_t *planes) {
    int64_t shorter = height < width ? height : width; /* sizes are at most 2^28 x 2^14: no overflow */
    int64_t out_height = height == shorter ? size : size * height / shorter;
    int64_t out_width = width == shorter ? size : size * width / shorter;
    filter across, down;
    gan_status status = filter_begin(&across, context, what, width, out_width, crop_start(out_width, size), size);
    if (status != GAN_OK) return status;
    status = filter_begin(&down, context, what, height, out_height, crop_start(out_height, size), size);
    if (status != GAN_OK) {
        filter_end(context, &across);
        return status;
    }
    /* only the rows and columns that end in the crop are ever computed, so a very long image costs no more than a
     * square one */
    int64_t rows = down.begin[size - 1] + down.count[size - 1] - down.begin[0];
    uint8_t *between = gani_alloc(context, (size_t)(rows * size * channels));
    if (between == NULL)
        status = gani_no_memory(context, what);
    else
        apply(&across, &down, source, width, channels, between, planes);
    gani_free(context, between);
    filter_end(context, &across);
    filter_end(context, &down);
    return status;
}
