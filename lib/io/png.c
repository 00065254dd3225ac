/* The only file that knows libpng. Its errors come by longjmp: each setjmp stands in a function of its own that has
 * no variables to lose, and everything that must survive a jump lies in the caller's `job`. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "io/image_file.h"

typedef struct job {
    gan_context *context;
    png_structp png;
    png_infop info;
    const uint8_t *data; /* reading: the whole file */
    size_t size, position;
    gani_writer writer; /* writing */
    gani_image image;
    int32_t no_memory, too_large;
    char message[128];
} job;

static void on_error(png_structp png, png_const_charp message) {
    job *j = png_get_error_ptr(png);
    snprintf(j->message, sizeof j->message, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size) {
    job *j = png_get_mem_ptr(png);
    void *block = gani_alloc(j->context, size);
    if (block == NULL) j->no_memory = 1;
    return block;
}

static void deallocate(png_structp png, png_voidp block) {
    job *j = png_get_mem_ptr(png);
    gani_free(j->context, block);
}

static void read_bytes(png_structp png, png_bytep bytes, size_t count) {
    job *j = png_get_io_ptr(png);
    if (count > j->size - j->position) png_error(png, "the file ends too early");
    memcpy(bytes, j->data + j->position, count);
    j->position += count;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    job *j = png_get_io_ptr(png);
    if (gani_writer_write(&j->writer, bytes, count) != GAN_OK) png_error(png, "write failed");
}

static void flush_bytes(png_structp png) { (void)png; } /* gani_writer_commit syncs */

/* ---- reading ---- */

static int64_t big_endian(const uint8_t *p) {
    return (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | (int64_t)p[3];
}

/* The sizes are looked at before libpng or we allocate anything for them. */
static gan_status check_header(job *j, const char *name) {
    static const uint8_t start[16] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    static const uint8_t channels[7] = {1, 1, 3, 1, 2, 1, 4}; /* by colour type; libpng refuses 1 and 5 */
    if (j->size < 8 || memcmp(j->data, start, 8) != 0)
        return gani_fail(j->context, GAN_E_FORMAT, "'%s' is not a PNG file", name);
    if (j->size < 33 || memcmp(j->data, start, 16) != 0)
        return gani_fail(j->context, GAN_E_FORMAT, "'%s' is a damaged PNG file: no header", name);
    int64_t width = big_endian(j->data + 16), height = big_endian(j->data + 20), pixels;
    if (!gani_mul_i64(width, height, &pixels) || pixels > GANI_IMAGE_PIXELS)
        return gani_fail(j->context, GAN_E_LIMIT, "'%s' has %lld x %lld pixels: more than 2^28", name, (long long)width,
                         (long long)height);
    int64_t depth = j->data[24] == 0 ? 1 : j->data[24]; /* libpng refuses 0 */
    int64_t bytes = pixels * depth * channels[j->data[25] < 7 ? j->data[25] : 1] / 8;
    if ((uint64_t)bytes / GANI_IMAGE_RATIO > j->size)
        return gani_fail(j->context, GAN_E_FORMAT,
                         "'%s' is a damaged PNG file: its header announces more than the file can hold", name);
    return GAN_OK;
}

/* Before libpng makes room for rows: it is several times a row's size. */
static void check_affordable(job *j) {
    int colour = png_get_color_type(j->png, j->info);
    int alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(j->png, j->info, PNG_INFO_tRNS) != 0;
    int channels = (colour & PNG_COLOR_MASK_COLOR ? 3 : 1) + alpha;
    if (gani_image_affordable(j->image.width * j->image.height * channels, j->size)) return;
    j->too_large = 1;
    png_error(j->png, "too large");
}

static void read_image(job *j) {
    png_structp png = j->png;
    png_set_user_limits(png, (png_uint_32)GANI_IMAGE_PIXELS, (png_uint_32)GANI_IMAGE_PIXELS);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    /* texts, profiles and the like are skipped unread: they cannot fail then, nor cost memory */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_read_fn(png, j, read_bytes);
    png_read_info(png, j->info);
    j->image.width = png_get_image_width(png, j->info);
    j->image.height = png_get_image_height(png, j->info);
    check_affordable(j);
    png_set_expand(png); /* palette to RGB, 1 to 4 bits to 8, a transparent colour to alpha */
    png_set_scale_16(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, j->info);
    j->image.channels = png_get_channels(png, j->info);
    size_t row = png_get_rowbytes(png, j->info);
    if (png_get_bit_depth(png, j->info) != 8 || row != (size_t)(j->image.width * j->image.channels))
        png_error(png, "unknown kind of pixels");
    j->image.pixels = gani_alloc(j->context, row * (size_t)j->image.height);
    if (j->image.pixels == NULL) {
        j->no_memory = 1;
        png_error(png, "out of memory");
    }
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < j->image.height; y++) png_read_row(png, j->image.pixels + (size_t)y * row, NULL);
    png_read_end(png, NULL);
}

static int try_read(job *j) {
    if (setjmp(png_jmpbuf(j->png)) != 0) return 0;
    read_image(j);
    return 1;
}

static gan_status decode(job *j, const char *name) {
    j->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, j, on_error, on_warning, j, allocate, deallocate);
    if (j->png != NULL) j->info = png_create_info_struct(j->png);
    if (j->info == NULL) {
        png_destroy_read_struct(&j->png, NULL, NULL);
        return gani_no_memory(j->context, name);
    }
    int done = try_read(j);
    png_destroy_read_struct(&j->png, &j->info, NULL);
    if (done) return GAN_OK;
    gani_free(j->context, j->image.pixels);
    if (j->no_memory) return gani_no_memory(j->context, name);
    if (j->too_large) return gani_image_too_large(j->context, name, j->image.width, j->image.height);
    return gani_fail(j->context, GAN_E_FORMAT, "'%s' is a damaged PNG file: %s", name, j->message);
}

gan_status gani_png_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data,
                           size_t size) {
    job j;
    memset(image, 0, sizeof *image);
    memset(&j, 0, sizeof j);
    j.context = context;
    j.data = data;
    j.size = size;
    gan_status status = check_header(&j, name);
    if (status == GAN_OK) status = decode(&j, name);
    if (status == GAN_OK) *image = j.image;
    return status;
}

/* ---- writing ---- */

static void write_image(job *j) {
    static const int colour_types[5] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                        PNG_COLOR_TYPE_RGB_ALPHA};
    png_structp png = j->png;
    png_set_user_limits(png, (png_uint_32)GANI_IMAGE_PIXELS, (png_uint_32)GANI_IMAGE_PIXELS);
    png_set_write_fn(png, j, write_bytes, flush_bytes);
    png_set_IHDR(png, j->info, (png_uint_32)j->image.width, (png_uint_32)j->image.height, 8,
                 colour_types[j->image.channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, j->info);
    size_t row = (size_t)(j->image.width * j->image.channels);
    for (int64_t y = 0; y < j->image.height; y++) png_write_row(png, j->image.pixels + (size_t)y * row);
    png_write_end(png, j->info);
}

static int try_write(job *j) {
    if (setjmp(png_jmpbuf(j->png)) != 0) return 0;
    write_image(j);
    return 1;
}

static gan_status encode(job *j, const char *path) {
    j->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, j, on_error, on_warning, j, allocate, deallocate);
    if (j->png != NULL) j->info = png_create_info_struct(j->png);
    if (j->info == NULL) {
        png_destroy_write_struct(&j->png, NULL);
        return gani_no_memory(j->context, path);
    }
    int done = try_write(j);
    png_destroy_write_struct(&j->png, &j->info);
    if (done) return GAN_OK;
    if (j->writer.status != GAN_OK) return j->writer.status; /* has left its message */
    if (j->no_memory) return gani_no_memory(j->context, path);
    return gani_fail(j->context, GAN_E_INTERNAL, "cannot encode '%s': %s", path, j->message);
}

gan_status gani_png_write(gan_context *context, const char *path, const gani_image *image) {
    int64_t pixels;
    if (!gani_mul_i64(image->width, image->height, &pixels) || pixels > GANI_IMAGE_PIXELS)
        return gani_fail(context, GAN_E_LIMIT, "cannot write '%s': %lld x %lld pixels are more than 2^28", path,
                         (long long)image->width, (long long)image->height);
    job j;
    memset(&j, 0, sizeof j);
    j.context = context;
    j.image = *image;
    gan_status status = gani_writer_begin(&j.writer, context, path);
    if (status != GAN_OK) return status;
    status = encode(&j, path);
    if (status != GAN_OK) {
        gani_writer_discard(&j.writer);
        return status;
    }
    return gani_writer_commit(&j.writer);
}
