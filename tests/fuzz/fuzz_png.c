/* PNG files, alone and as a folder of images. The first byte says what is done to the rest: bit 0: the checksums of
 * chunks are made right; bit 1: what IDAT chunks hold is compressed first; bits 2 to 4: how the folder is opened. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz.h"
#include "io/image_file.h"

#define COMPRESSED_MOST 65536

static size_t read_length(const uint8_t *p) {
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static void put_length(uint8_t *p, size_t length) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(length >> (24 - 8 * i));
}

/* Chunks of `data` go to `out`, which has room for them; returns the size. */
static size_t mend_chunks(const uint8_t *data, size_t size, uint8_t *out, int compressed) {
    size_t at = 8, used = 8;
    memcpy(out, data, 8);
    while (size - at >= 12) {
        size_t length = read_length(data + at);
        if (length > size - at - 12) length = size - at - 12;
        uint8_t *chunk = out + used;
        memcpy(chunk + 4, data + at + 4, 4);
        uLongf packed = COMPRESSED_MOST + 1024;
        if (compressed && length <= COMPRESSED_MOST && memcmp(data + at + 4, "IDAT", 4) == 0 &&
            compress2(chunk + 8, &packed, data + at + 8, (uLong)length, 1) == Z_OK) {
            at += length + 12;
            length = (size_t)packed;
        } else {
            memcpy(chunk + 8, data + at + 8, length);
            at += length + 12;
        }
        put_length(chunk, length);
        put_length(chunk + 8 + length, crc32(0, chunk + 4, (uInt)length + 4));
        used += length + 12;
        if (compressed) break; /* one such chunk, then the end */
    }
    memcpy(out + used, data + at, size - at);
    return used + size - at;
}

static void read_image(gan_context *context, const char *path) {
    gani_image image, again;
    if (fuzz_status(context, gani_png_read(&image, context, path)) != GAN_OK) return;
    size_t bytes = (size_t)(image.channels * image.height * image.width);
    fuzz_expect(image.channels >= 1 && image.channels <= 4 && bytes > 0, "an image without pixels");
    if (bytes <= ((size_t)1 << 18) && fuzz_status(context, gani_png_write(context, "again.png", &image)) == GAN_OK) {
        gan_status status = gani_png_read(&again, context, "again.png");
        fuzz_expect(status == GAN_OK || status == GAN_E_MEMORY, "an image that was written cannot be read");
        if (status == GAN_OK) {
            fuzz_expect(again.channels == image.channels && again.height == image.height &&
                            again.width == image.width && memcmp(again.pixels, image.pixels, bytes) == 0,
                        "an image changes when it is written and read");
            gani_free(context, again.pixels);
        }
    }
    gani_free(context, image.pixels);
}

static void read_folder(gan_context *context, const char *path, int how) {
    static const int64_t sizes[] = {-1, 1, 7, 32};
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = sizes[how % 4];
    options.channels = how & 4 ? 3 : -1;
    gan_dataset *dataset = NULL;
    if (fuzz_status(context, gan_folder_open(&dataset, context, path, &options)) != GAN_OK) return;
    gan_shape shape = gan_dataset_shape(dataset);
    uint8_t *pixels = malloc((size_t)gan_shape_count(shape));
    int32_t label;
    if (pixels == NULL) abort();
    for (int64_t i = 0; i < gan_dataset_count(dataset); i++)
        fuzz_expect(gan_dataset_read(dataset, i, pixels, (size_t)gan_shape_count(shape), &label) == GAN_OK,
                    "an item cannot be read");
    free(pixels);
    gan_dataset_release(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 9) return 0;
    gan_context *context = fuzz_begin();
    uint8_t how = data[0];
    data++, size--;
    if (how & 3) {
        uint8_t *mended = malloc(size + COMPRESSED_MOST + 2048);
        if (mended == NULL) abort();
        fuzz_file("folder/a.png", mended, mend_chunks(data, size, mended, how & 2));
        free(mended);
    } else {
        fuzz_file("folder/a.png", data, size);
    }
    read_image(context, "folder/a.png");
    size_t file_size;
    const unsigned char *file = fuzz_file_data("folder/a.png", &file_size);
    unsigned char *copy = malloc(file_size);
    if (copy == NULL) abort();
    memcpy(copy, file, file_size);
    fuzz_file("folder/b.png", copy, file_size);
    free(copy);
    read_folder(context, "folder", how >> 2);
    fuzz_end(context);
    return 0;
}
