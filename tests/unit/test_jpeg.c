/* JPEG files in folders: kinds of pixels, damage, files that cost too much. Files are written by libjpeg itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/data.h>
#include <gan/image.h>

#include "base/context.h"
#include "files.h"
#include "host.h"
#include "io/image_file.h"

#if HAVE_JPEG

#include <jpeglib.h>

typedef struct picture {
    int width, height, channels; /* 1 grey, 3 RGB, 4 CMYK */
    int progressive, restart, arithmetic, subsampled, ycck;
} picture;

/* Smooth colours: what JPEG is made for, so that decoded pixels are near. */
static uint8_t pixel(int x, int y, int c) { return (uint8_t)(40 + 3 * x + 2 * y + 50 * c); }

static unsigned char *encode(const picture *p, size_t *size) {
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, &data, &bytes);
    encoder.image_width = (JDIMENSION)p->width;
    encoder.image_height = (JDIMENSION)p->height;
    encoder.input_components = p->channels;
    encoder.in_color_space = p->channels == 1 ? JCS_GRAYSCALE : p->channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&encoder);
    if (p->ycck) jpeg_set_colorspace(&encoder, JCS_YCCK);
    jpeg_set_quality(&encoder, 100, TRUE);
    if (p->channels == 3 && !p->subsampled) encoder.comp_info[0].h_samp_factor = encoder.comp_info[0].v_samp_factor = 1;
    if (p->progressive) jpeg_simple_progression(&encoder);
    encoder.restart_interval = (unsigned)p->restart;
    encoder.arith_code = (boolean)p->arithmetic;
    jpeg_start_compress(&encoder, TRUE);
    unsigned char *row = malloc((size_t)(p->width * p->channels));
    for (int y = 0; y < p->height; y++) {
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < p->channels; c++) row[x * p->channels + c] = pixel(x, y, c);
        JSAMPROW rows[1] = {row};
        jpeg_write_scanlines(&encoder, rows, 1);
    }
    free(row);
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    *size = bytes;
    return data;
}

static void check_pixels(const picture *p, const uint8_t *pixels, int planes, int tolerance) {
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++)
            for (int c = 0; c < p->channels; c++) {
                int got =
                    planes ? pixels[(c * p->height + y) * p->width + x] : pixels[(y * p->width + x) * p->channels + c];
                assert_true(abs(got - pixel(x, y, c)) <= tolerance);
            }
}

static void kinds_of_pixels(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    static const picture pictures[] = {
        {17, 11, 1, 0, 0, 0, 0, 0}, {17, 11, 3, 0, 0, 0, 0, 0}, {16, 16, 3, 1, 0, 0, 0, 0}, {21, 19, 3, 0, 1, 0, 0, 0},
        {21, 19, 3, 1, 2, 0, 1, 0}, {1, 1, 1, 0, 0, 0, 0, 0},   {1, 1, 3, 0, 0, 0, 1, 0},
    };
    for (size_t k = 0; k < sizeof pictures / sizeof pictures[0]; k++) {
        const picture *p = &pictures[k];
        size_t size;
        unsigned char *data = encode(p, &size);
        gani_image image;
        assert_int_equal(gani_image_decode(&image, context, "test", data, size), GAN_OK);
        assert_int_equal(image.channels, p->channels);
        assert_int_equal(image.height, p->height);
        assert_int_equal(image.width, p->width);
        check_pixels(p, image.pixels, 0, p->subsampled ? 6 : 2);
        gani_free(context, image.pixels);
        free(data);
    }
    static const picture refused[] = {
        {9, 9, 4, 0, 0, 0, 0, 0},
        {9, 9, 4, 0, 0, 0, 0, 1},
#if defined(C_ARITH_CODING_SUPPORTED)
        {9, 9, 3, 0, 0, 1, 0, 0},
#endif
    };
    for (size_t k = 0; k < sizeof refused / sizeof refused[0]; k++) {
        size_t size;
        unsigned char *data = encode(&refused[k], &size);
        gani_image image;
        assert_int_equal(gani_image_decode(&image, context, "test", data, size), GAN_E_UNSUPPORTED);
        assert_null(image.pixels);
        assert_non_null(strstr(gan_context_error(context), refused[k].arithmetic ? "arithmetic" : "CMYK"));
        free(data);
    }
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

static void damaged(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    gani_image image;
    for (int progressive = 0; progressive < 2; progressive++) {
        picture p = {24, 20, 3, progressive, 2, 0, 1, 0};
        size_t size;
        unsigned char *data = encode(&p, &size);
        for (size_t cut = 0; cut < size; cut++) {
            unsigned char *part = malloc(cut + 1); /* its own block: a read past the end is seen by the sanitizer */
            memcpy(part, data, cut);
            int status = gani_jpeg_decode(&image, context, "test", part, cut);
            /* without the last two bytes, the end marker, all pixels are there; libjpeg asks for it all the same */
            assert_int_equal(status, GAN_E_FORMAT);
            assert_null(image.pixels);
            free(part);
        }
        for (size_t at = 0; at < size; at++)
            for (int bit = 0; bit < 8; bit += 7) {
                data[at] ^= (unsigned char)(1 << bit);
                int status = gani_image_decode(&image, context, "test", data, size);
                assert_true(status == GAN_OK || status == GAN_E_FORMAT || status == GAN_E_UNSUPPORTED ||
                            status == GAN_E_LIMIT);
                if (status == GAN_OK) gani_free(context, image.pixels); /* no checksum: other pixels are pixels */
                data[at] ^= (unsigned char)(1 << bit);
            }
        assert_int_equal(memory.blocks, idle);
        free(data);
    }
    assert_int_equal(gani_jpeg_decode(&image, context, "x", (const uint8_t *)"\x89PNG and so on", 16), GAN_E_FORMAT);
    gan_context_release(context);
}

/* Damage that libjpeg only warns of: it would go on with grey. */
static void silent_damage(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    gani_image image;
    for (int progressive = 0; progressive < 2; progressive++) {
        picture p = {24, 20, 3, progressive, 0, 0, 0, 0};
        size_t size;
        unsigned char *data = encode(&p, &size);
        size_t middle = size - size / 16; /* within the codes of a scan; then the end marker */
        unsigned char saved[2] = {data[middle], data[middle + 1]};
        data[middle] = 0xff;
        data[middle + 1] = 0xd9;
        assert_int_equal(gani_jpeg_decode(&image, context, "test", data, middle + 2), GAN_E_FORMAT);
        assert_null(image.pixels);
        assert_int_equal(memory.blocks, idle);
        data[middle] = saved[0];
        data[middle + 1] = saved[1];
        /* a version of the container that libjpeg does not know says nothing about the pixels */
        assert_memory_equal(data + 6, "JFIF", 5);
        data[11] = 9;
        assert_int_equal(gani_jpeg_decode(&image, context, "test", data, size), GAN_OK);
        check_pixels(&p, image.pixels, 0, 2);
        gani_free(context, image.pixels);
        free(data);
    }
    gan_context_release(context);
}

/* Where the frame header (SOF) begins. */
static size_t find_frame(const unsigned char *data, size_t size) {
    for (size_t at = 2; at + 9 < size;) {
        assert_int_equal(data[at], 0xff);
        if (data[at + 1] >= 0xc0 && data[at + 1] <= 0xc2) return at;
        at += 2 + (size_t)(data[at + 2] << 8 | data[at + 3]);
    }
    return 0;
}

/* Sizes that a file announces and cannot hold are refused before memory is taken for them. */
static void announced_too_large(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    for (int progressive = 0; progressive < 2; progressive++) {
        picture p = {24, 20, 3, progressive, 0, 0, 0, 0};
        size_t size;
        unsigned char *data = encode(&p, &size);
        size_t frame = find_frame(data, size);
        assert_true(frame > 0);
        static const int sizes[3][2] = {{65535, 65535}, {65500, 4100}, {16384, 16384}};
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < 2; i++) {
                data[frame + 5 + 2 * i] = (unsigned char)(sizes[k][i] >> 8);
                data[frame + 6 + 2 * i] = (unsigned char)sizes[k][i];
            }
            gani_image image;
            static const char *const words[3] = {"65500", "2^28", "announces more"};
            long long calls = memory.calls;
            assert_int_equal(gani_image_decode(&image, context, "test", data, size),
                             k < 2 ? GAN_E_LIMIT : GAN_E_FORMAT);
            assert_int_equal(memory.calls, calls + 1); /* the decoder's own record */
            assert_non_null(strstr(gan_context_error(context), words[k]));
        }
        free(data);
    }
    gan_context_release(context);
}

/* More than 64 MB, and than the file could be worth. */
static void too_monotonous(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    picture p = {24, 20, 3, 0, 0, 0, 0, 0};
    size_t size;
    unsigned char *data = encode(&p, &size), *padded = calloc(70000, 1);
    memcpy(padded, data, size);
    size_t frame = find_frame(data, size);
    static const unsigned char sizes[4] = {4000 >> 8, 4000 & 0xff, 6000 >> 8, 6000 & 0xff};
    memcpy(padded + frame + 5, sizes, 4);
    gani_image image;
    assert_int_equal(gani_image_decode(&image, context, "test", padded, 24000), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "6000 x 4000 pixels of one colour"));
    assert_int_equal(gani_image_decode(&image, context, "test", padded, 70000), GAN_E_FORMAT); /* it might, but ends */
    free(padded);
    free(data);
    gan_context_release(context);
}

/* A progressive file that repeats a scan again and again. */
static void too_many_scans(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    picture p = {8, 8, 1, 0, 0, 0, 0, 0};
    size_t size, at = 2, used = 2;
    unsigned char *data = encode(&p, &size);
    size_t frame = find_frame(data, size);
    data[frame + 1] = 0xc2; /* the same tables, as a progressive frame */
    for (at = frame; data[at + 1] != 0xda;) at += 2 + (size_t)(data[at + 2] << 8 | data[at + 3]);
    unsigned char *many = malloc(size + 300 * 16);
    memcpy(many, data, used = at);
    for (int k = 0; k < 300; k++) {
        /* DC of the only component, all bits; then a code for "no difference": zeros, to be a short code in any table
         */
        static const unsigned char scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x00, 0x00};
        memcpy(many + used, scan, sizeof scan);
        used += sizeof scan;
    }
    many[used++] = 0xff;
    many[used++] = 0xd9;
    gani_image image;
    int status = gani_jpeg_decode(&image, context, "test", many, used);
    assert_int_equal(status, GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "scans"));
    free(many);
    free(data);
    gan_context_release(context);
}

static void in_folders(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char folder[FILES_PATH], path[FILES_PATH];
    files_folder(folder);
    picture p = {20, 14, 3, 0, 0, 0, 0, 0};
    size_t size;
    unsigned char *data = encode(&p, &size);
    files_write(files_join(path, folder, "a.jpg"), data, size);
    files_write(files_join(path, folder, "b.JPEG"), data, size);
    files_write(files_join(path, folder, "c.png"), data, size); /* known by what is in it */
    files_write(files_join(path, folder, "d.jpe"), data, size); /* not taken */
    gan_dataset *set;
    assert_int_equal(gan_dataset_open(&set, context, folder, NULL), GAN_OK);
    assert_int_equal(gan_dataset_count(set), 3);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(3, 14, 20)));
    uint8_t pixels[3 * 14 * 20];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(gan_dataset_read(set, i, pixels, sizeof pixels, NULL), GAN_OK);
        check_pixels(&p, pixels, 1, 2);
    }
    gan_dataset_release(set);
    gan_tensor *image;
    assert_int_equal(gan_png_read(&image, context, files_join(path, folder, "a.jpg")), GAN_E_FORMAT);
    files_write(path, data, size / 2);
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "a.jpg"));
    assert_non_null(strstr(gan_context_error(context), "ends too early"));
    free(data);
    files_remove(folder);
    gan_context_release(context);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    picture p = {24, 20, 3, 1, 0, 0, 0, 0};
    size_t size;
    unsigned char *data = encode(&p, &size);
    gani_image image;
    int status = GAN_E_MEMORY, failures = 0;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gani_jpeg_decode(&image, context, "test", data, size);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
        failures += status != GAN_OK;
        assert_true(k < 10);
    }
    assert_int_equal(failures, 2);
    gani_free(context, image.pixels);
    free(data);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_pixels),     cmocka_unit_test(damaged),        cmocka_unit_test(silent_damage),
        cmocka_unit_test(announced_too_large), cmocka_unit_test(too_monotonous), cmocka_unit_test(too_many_scans),
        cmocka_unit_test(in_folders),          cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Built without libjpeg: such files are refused, by name, not left out. */
static void refused(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char folder[FILES_PATH], path[FILES_PATH];
    files_folder(folder);
    files_write(files_join(path, folder, "a.jpg"), "\xff\xd8\xff\xe0", 4);
    gan_dataset *set = (gan_dataset *)context;
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_UNSUPPORTED);
    assert_null(set);
    assert_non_null(strstr(gan_context_error(context), "a.jpg"));
    assert_non_null(strstr(gan_context_error(context), "without libjpeg"));
    files_write(path, "text", 4);
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_FORMAT);
    gani_image image;
    assert_int_equal(gani_jpeg_decode(&image, context, "x", (const uint8_t *)"text", 4), GAN_E_FORMAT);
    files_remove(folder);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
