/* The only file that knows libjpeg. Its errors come by longjmp: setjmp stands in a function of its own that has no
 * variables to lose, and everything that must survive a jump lies in the caller's `job`. Its memory for decoding does
 * not come from the context's allocator (libjpeg has no hook for that), the pixels do. */
#include <stdio.h>
#include <string.h>

#include "io/image_file.h"

int gani_is_jpeg(const uint8_t *data, size_t size) {
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

#if GANI_HAVE_JPEG

#include <jpeglib.h>
#include <setjmp.h>

#include <jerror.h>

/* A code takes at least one bit for each block of 8 x 8 samples. Of the components, one is not reduced in width and one
 * is not reduced in height, each by at most 4 the other way: they have a block for every 128 pixels, so a byte is worth
 * 1024 pixels at most. */
#define PIXELS_MOST 1024
#define DECODER_MEMORY (1L << 30) /* for the coefficients of progressive images, 2 bytes each */
#define SCANS_MOST 100            /* of a progressive image; ten are usual */

typedef struct job {
    gan_context *context;
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    gani_image image;
    gan_status status; /* of a failure */
    char message[JMSG_LENGTH_MAX + 64];
} job;

static void leave(job *j, gan_status status, const char *message) {
    j->status = status;
    snprintf(j->message, sizeof j->message, "%s", message);
    longjmp(j->jump, 1);
}

static void on_error(j_common_ptr common) {
    char message[JMSG_LENGTH_MAX];
    common->err->format_message(common, message);
    gan_status status = GAN_E_FORMAT;
    if (common->err->msg_code == JERR_OUT_OF_MEMORY) status = GAN_E_MEMORY;
    if (common->err->msg_code == JERR_IMAGE_TOO_BIG || common->err->msg_code == JERR_NO_BACKING_STORE)
        status = GAN_E_LIMIT;
    leave(common->client_data, status, message);
}

/* libjpeg goes on after damage, with grey where pixels are lost: nothing to train on. Two warnings are about headers
 * whose meaning is clear all the same. */
static void on_message(j_common_ptr common, int level) {
    int code = common->err->msg_code;
    if (level < 0 && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM) on_error(common);
}

static void no_output(j_common_ptr common) { (void)common; }

/* Each scan of a progressive image goes over all of it: a small file must not cost hours. */
static void on_progress(j_common_ptr common) {
    job *j = common->client_data;
    if (j->decoder.input_scan_number > SCANS_MOST) leave(j, GAN_E_LIMIT, "more than 100 scans");
}

static void begin_source(j_decompress_ptr decoder) { (void)decoder; }

static boolean no_more(j_decompress_ptr decoder) {
    leave(decoder->client_data, GAN_E_FORMAT, "the file ends too early");
    return FALSE;
}

static void skip_bytes(j_decompress_ptr decoder, long count) {
    struct jpeg_source_mgr *source = decoder->src;
    if (count <= 0) return;
    if ((unsigned long)count > source->bytes_in_buffer) no_more(decoder);
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
}

static gan_status check_header(job *j, size_t size, const char *name) {
    const struct jpeg_decompress_struct *d = &j->decoder;
    int64_t pixels = (int64_t)d->image_width * (int64_t)d->image_height; /* at most 2^32 */
    if (pixels > GANI_IMAGE_PIXELS)
        return gani_fail(j->context, GAN_E_LIMIT, "'%s' has %ld x %ld pixels: more than 2^28", name,
                         (long)d->image_width, (long)d->image_height);
    if ((uint64_t)pixels / PIXELS_MOST > size)
        return gani_fail(j->context, GAN_E_FORMAT,
                         "'%s' is a damaged JPEG file: its header announces more than the file can hold", name);
    if (!gani_image_affordable(pixels * (d->num_components == 1 ? 1 : 3), size))
        return gani_image_too_large(j->context, name, d->image_width, d->image_height);
    if (d->arith_code)
        return gani_fail(j->context, GAN_E_UNSUPPORTED, "'%s' is an arithmetic-coded JPEG file: convert it", name);
    if (d->jpeg_color_space != JCS_GRAYSCALE && d->jpeg_color_space != JCS_YCbCr && d->jpeg_color_space != JCS_RGB)
        return gani_fail(j->context, GAN_E_UNSUPPORTED,
                         "'%s' is a JPEG file in CMYK or unknown colours: convert it to RGB", name);
    return GAN_OK;
}

static void read_header(job *j, const uint8_t *data, size_t size) {
    jpeg_create_decompress(&j->decoder);
    j->decoder.client_data = j;
    j->decoder.mem->max_memory_to_use = DECODER_MEMORY;
    j->source.next_input_byte = data;
    j->source.bytes_in_buffer = size;
    j->source.init_source = begin_source;
    j->source.fill_input_buffer = no_more;
    j->source.skip_input_data = skip_bytes;
    j->source.resync_to_restart = jpeg_resync_to_restart;
    j->source.term_source = begin_source;
    j->decoder.src = &j->source;
    j->progress.progress_monitor = on_progress;
    j->decoder.progress = &j->progress;
    jpeg_read_header(&j->decoder, TRUE);
}

static void read_pixels(job *j) {
    struct jpeg_decompress_struct *d = &j->decoder;
    d->out_color_space = d->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    d->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(d);
    j->image.width = d->output_width;
    j->image.height = d->output_height;
    j->image.channels = d->output_components;
    size_t row = (size_t)(j->image.width * j->image.channels);
    j->image.pixels = gani_alloc(j->context, row * (size_t)j->image.height);
    if (j->image.pixels == NULL) leave(j, GAN_E_MEMORY, "");
    while (d->output_scanline < d->output_height) {
        JSAMPROW at = j->image.pixels + d->output_scanline * row;
        jpeg_read_scanlines(d, &at, 1);
    }
    jpeg_finish_decompress(d);
}

static int try_header(job *j, const uint8_t *data, size_t size) {
    if (setjmp(j->jump) != 0) return 0;
    read_header(j, data, size);
    return 1;
}

static int try_pixels(job *j) {
    if (setjmp(j->jump) != 0) return 0;
    read_pixels(j);
    return 1;
}

static gan_status failed(job *j, const char *name) {
    if (j->status == GAN_E_MEMORY) return gani_no_memory(j->context, name);
    if (j->status == GAN_E_LIMIT)
        return gani_fail(j->context, GAN_E_LIMIT, "'%s' is too large a JPEG file: %s", name, j->message);
    return gani_fail(j->context, j->status, "'%s' is a damaged JPEG file: %s", name, j->message);
}

gan_status gani_jpeg_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data,
                            size_t size) {
    *image = (gani_image){0, 0, 0, NULL};
    if (!gani_is_jpeg(data, size)) return gani_fail(context, GAN_E_FORMAT, "'%s' is not a JPEG file", name);
    job *j = gani_calloc(context, 1, sizeof *j);
    if (j == NULL) return gani_no_memory(context, name);
    j->context = context;
    j->decoder.err = jpeg_std_error(&j->errors);
    j->decoder.client_data = j; /* for errors before jpeg_create_decompress keeps it */
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = no_output;
    gan_status status = GAN_OK;
    if (!try_header(j, data, size)) status = failed(j, name);
    if (status == GAN_OK) status = check_header(j, size, name);
    if (status == GAN_OK && !try_pixels(j)) status = failed(j, name);
    jpeg_destroy_decompress(&j->decoder); /* cannot fail, and harmless where nothing was made */
    if (status == GAN_OK)
        *image = j->image;
    else
        gani_free(context, j->image.pixels);
    gani_free(context, j);
    return status;
}

#else

gan_status gani_jpeg_decode(gani_image *image, gan_context *context, const char *name, const uint8_t *data,
                            size_t size) {
    *image = (gani_image){0, 0, 0, NULL};
    if (!gani_is_jpeg(data, size)) return gani_fail(context, GAN_E_FORMAT, "'%s' is not a JPEG file", name);
    return gani_fail(context, GAN_E_UNSUPPORTED, "'%s' is a JPEG file, and this libgan was built without libjpeg",
                     name);
}

#endif
