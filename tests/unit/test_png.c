/* gan_png_read and gan_png_write: every kind of pixels, every kind of damage. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include <gan/image.h>

#include "base/context.h"
#include "base/rng.h"
#include "files.h"
#include "folder_fixture.h"
#include "host.h"

static void fill(uint8_t *bytes, size_t count, uint64_t salt) {
    uint32_t lanes[4];
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0) gani_philox(salt, 99, i / 4, lanes);
        bytes[i] = (uint8_t)(lanes[i % 4] >> 13);
    }
}

static void check_image(gan_context *context, const char *path, int64_t channels, int64_t height, int64_t width,
                        const uint8_t *planes) {
    gan_tensor *image;
    int status = gan_png_read(&image, context, path);
    if (status != GAN_OK) print_error("%s\n", gan_context_error(context));
    assert_int_equal(status, GAN_OK);
    assert_int_equal(gan_tensor_dtype(image), GAN_U8);
    assert_true(gan_shape_equal(gan_tensor_shape(image), gan_shape_3d(channels, height, width)));
    assert_memory_equal(gan_tensor_const_data(image), planes, (size_t)(channels * height * width));
    gan_tensor_release(image);
}

static void round_trip(void **state) {
    (void)state;
    static const int64_t sizes[3][2] = {{1, 1}, {7, 5}, {33, 130}};
    gan_context *context = host_context(1);
    char path[FILES_PATH];
    files_join(path, folder, "round.png");
    for (int64_t channels = 1; channels <= 4; channels++)
        for (int k = 0; k < 3; k++) {
            gan_tensor *image, *view;
            gan_shape shape = gan_shape_3d(channels, sizes[k][0], sizes[k][1]);
            size_t count = (size_t)gan_shape_count(shape);
            assert_int_equal(gan_tensor_create(&image, context, GAN_U8, shape), GAN_OK);
            fill(gan_tensor_data(image), count, (uint64_t)(channels * 10 + k));
            assert_int_equal(gan_png_write(image, path), GAN_OK);
            check_image(context, path, channels, sizes[k][0], sizes[k][1], gan_tensor_const_data(image));
            /* a view with rows and columns exchanged, over the file that is there */
            const int32_t axes[3] = {0, 2, 1};
            assert_int_equal(gan_tensor_permute(&view, image, axes), GAN_OK);
            assert_int_equal(gan_png_write(view, path), GAN_OK);
            uint8_t *turned = malloc(count);
            assert_int_equal(gan_tensor_read(view, turned, count), GAN_OK);
            check_image(context, path, channels, sizes[k][1], sizes[k][0], turned);
            free(turned);
            gan_tensor_release(view);
            gan_tensor_release(image);
        }
    assert_int_equal(files_count(folder), 1);
    gan_context_release(context);
}

static void kinds_of_pixels(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char path[FILES_PATH];
    files_join(path, folder, "kind.png");

    /* 1 bit: 10 pixels in two bytes */
    const uint8_t bits[4] = {0xa5, 0x40, 0x0f, 0x80};
    const uint8_t from_bits[20] = {255, 0, 255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255, 0};
    files_write_png(path, &(files_png){.width = 10, .height = 2, .depth = 1, .colour = 0, .rows = bits});
    check_image(context, path, 1, 2, 10, from_bits);
    /* 4 bits are multiplied by 17 */
    const uint8_t nibbles[2] = {0x0f, 0x37}, from_nibbles[4] = {0, 255, 51, 119};
    files_write_png(path, &(files_png){.width = 4, .height = 1, .depth = 4, .colour = 0, .rows = nibbles});
    check_image(context, path, 1, 1, 4, from_nibbles);
    /* palette, with and without alpha */
    const uint8_t palette[9] = {10, 20, 30, 40, 50, 60, 70, 80, 90}, indices[4] = {2, 0, 1, 2}, alphas[2] = {0, 128};
    const uint8_t rgb[12] = {70, 10, 40, 70, 80, 20, 50, 80, 90, 30, 60, 90};
    const uint8_t rgba[16] = {70, 10, 40, 70, 80, 20, 50, 80, 90, 30, 60, 90, 255, 0, 128, 255};
    files_png indexed = {
        .width = 2, .height = 2, .depth = 8, .colour = 3, .palette = palette, .palette_size = 9, .rows = indices};
    files_write_png(path, &indexed);
    check_image(context, path, 3, 2, 2, rgb);
    indexed.transparency = alphas;
    indexed.transparency_size = 2;
    files_write_png(path, &indexed);
    check_image(context, path, 4, 2, 2, rgba);
    /* one grey is transparent */
    const uint8_t greys[3] = {5, 6, 7}, key[2] = {0, 6}, with_alpha[6] = {5, 6, 7, 255, 0, 255};
    files_write_png(path, &(files_png){.width = 3,
                                       .height = 1,
                                       .depth = 8,
                                       .colour = 0,
                                       .transparency = key,
                                       .transparency_size = 2,
                                       .rows = greys});
    check_image(context, path, 2, 1, 3, with_alpha);
    /* 16 bits are rounded, not cut: 0x00ff / 257 = 0.99, 0x7fff / 257 = 127.5-, 0x8080 = 128 */
    const uint8_t deep[8] = {0x00, 0xff, 0x7f, 0xff, 0x80, 0x80, 0xff, 0x7f}, rounded[4] = {1, 127, 128, 255};
    files_write_png(path, &(files_png){.width = 4, .height = 1, .depth = 16, .colour = 0, .rows = deep});
    check_image(context, path, 1, 1, 4, rounded);
    /* interlaced, of all sizes that leave passes empty */
    for (int height = 1; height <= 9; height++)
        for (int width = 1; width <= 9; width++) {
            uint8_t rows[9 * 9 * 3], planes[9 * 9 * 3];
            fill(rows, sizeof rows, (uint64_t)(height * 16 + width));
            for (int c = 0; c < 3; c++)
                for (int i = 0; i < height * width; i++) planes[c * height * width + i] = rows[i * 3 + c];
            files_write_png(
                path,
                &(files_png){.width = width, .height = height, .depth = 8, .colour = 2, .interlaced = 1, .rows = rows});
            check_image(context, path, 3, height, width, planes);
        }
    gan_context_release(context);
}

static int read_bytes(gan_context *context, const unsigned char *data, size_t size) {
    char path[FILES_PATH];
    gan_tensor *image = (gan_tensor *)&path;
    files_write(files_join(path, folder, "bad.png"), data, size);
    int status = gan_png_read(&image, context, path);
    if (status == GAN_OK)
        gan_tensor_release(image);
    else
        assert_null(image);
    return status;
}

static void damaged_files(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    uint8_t rows[6 * 5 * 3];
    fill(rows, sizeof rows, 5);
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        size_t size;
        files_png png = {.width = 6, .height = 5, .depth = 8, .colour = 2, .interlaced = interlaced, .rows = rows};
        unsigned char *data = files_png_bytes(&png, &size);
        assert_int_equal(read_bytes(context, data, size), GAN_OK);
        for (size_t cut = 0; cut < size; cut++) assert_int_equal(read_bytes(context, data, cut), GAN_E_FORMAT);
        for (size_t at = 0; at < size; at++)
            for (int bit = 0; bit < 8; bit += 7) {
                data[at] ^= (unsigned char)(1 << bit);
                int status = read_bytes(context, data, size);
                assert_true(status == GAN_E_FORMAT || status == GAN_E_LIMIT);
                data[at] ^= (unsigned char)(1 << bit);
            }
        assert_int_equal(memory.blocks, idle);
        free(data);
    }
    assert_int_equal(read_bytes(context, (const unsigned char *)"GIF89a, and then some more bytes than 33", 40),
                     GAN_E_FORMAT);
    char path[FILES_PATH];
    gan_tensor *image;
    assert_int_equal(gan_png_read(&image, context, files_join(path, folder, "missing.png")), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(context), "missing.png"));
    assert_int_equal(gan_png_read(&image, context, folder), GAN_E_IO);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

typedef struct largest {
    size_t size;
} largest;

static void *count_largest(void *user, size_t alignment, size_t size) {
    largest *l = user;
    if (size > l->size) l->size = size;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void give_back(void *user, void *memory, size_t size) {
    (void)user;
    (void)size;
    free(memory);
}

static gan_context *counting(largest *seen) {
    gan_allocator allocator = {sizeof allocator, seen, count_largest, give_back};
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 1;
    options.allocator = &allocator;
    gan_context *context;
    assert_int_equal(gan_context_create(&context, &options), GAN_OK);
    return context;
}

static void too_large(void **state) {
    (void)state;
    largest seen = {0};
    gan_context *context = counting(&seen);
    static const int sizes[3][2] = {{16385, 16384}, {0x7fffffff, 1}, {65536, 65536}};
    for (int k = 0; k < 3; k++) {
        uint8_t rows[1] = {0};
        size_t size;
        files_png png = {.width = 1, .height = 1, .depth = 8, .colour = 0, .rows = rows};
        unsigned char *data = files_png_bytes(&png, &size);
        for (int i = 0; i < 4; i++) {
            data[16 + i] = (unsigned char)(sizes[k][0] >> (24 - 8 * i));
            data[20 + i] = (unsigned char)(sizes[k][1] >> (24 - 8 * i));
        }
        seen.size = 0;
        assert_int_equal(read_bytes(context, data, size), GAN_E_LIMIT);
        assert_true(seen.size < 4096);
        free(data);
    }
    /* within the limit, but more than deflate can pack into such a file: any kind of pixels */
    static const uint8_t kinds[6][2] = {{8, 0}, {1, 0}, {16, 2}, {8, 3}, {16, 6}, {16, 4}};
    for (int k = 0; k < 6; k++) {
        uint8_t rows[8] = {0}, palette[3] = {0};
        size_t size;
        files_png png = {.width = 1, .height = 1, .depth = kinds[k][0], .colour = kinds[k][1], .rows = rows};
        if (kinds[k][1] == 3) {
            png.palette = palette;
            png.palette_size = sizeof palette;
        }
        unsigned char *data = files_png_bytes(&png, &size);
        data[18] = data[22] = 0x40; /* 16384 x 16384 */
        data[19] = data[23] = 0;
        seen.size = 0;
        assert_int_equal(read_bytes(context, data, size), GAN_E_FORMAT);
        assert_non_null(strstr(gan_context_error(context), "announces more"));
        assert_true(seen.size < 4096);
        data[24] = 0; /* bits */
        data[25] = 0xff;
        assert_int_equal(read_bytes(context, data, size), GAN_E_FORMAT);
        free(data);
    }
    /* libpng makes room for a row of 64-bit pixels, twice: a wide one must not get so far */
    {
        static const uint8_t palette[6] = {0}, alpha[1] = {0};
        size_t size, packed = 40000;
        uint8_t *stream = calloc(packed, 1);
        unsigned char *data = files_png_bytes(&(files_png){.width = 1 << 28,
                                                           .height = 1,
                                                           .depth = 1,
                                                           .colour = 3,
                                                           .interlaced = 1,
                                                           .palette = palette,
                                                           .palette_size = sizeof palette,
                                                           .transparency = alpha,
                                                           .transparency_size = sizeof alpha,
                                                           .stream = stream,
                                                           .stream_size = packed},
                                              &size);
        seen.size = 0;
        assert_int_equal(read_bytes(context, data, size), GAN_E_LIMIT);
        assert_true(seen.size < 100000);
        free(data);
        free(stream);
    }
    /* nothing but a header */
    static const uint8_t stub[20] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0x7f, 0xff};
    seen.size = 0;
    assert_int_equal(read_bytes(context, stub, sizeof stub), GAN_E_FORMAT);
    assert_true(seen.size < 4096);
    gan_context_release(context);
}

/* A bit a pixel, all of one colour of a palette: what is in the file may be, but it grows 24 times more. */
static void too_monotonous(void **state) {
    (void)state;
    static const int edges[2] = {5000, 4000}; /* of the latter, 48 MB, nobody asks for the size of the file */
    largest seen = {0};
    gan_context *context = counting(&seen);
    for (int k = 0; k < 2; k++) {
        static const unsigned char palette[3] = {1, 2, 3};
        unsigned long plain = (unsigned long)edges[k] * (1 + (unsigned long)edges[k] / 8),
                      packed = compressBound(plain);
        unsigned char *rows = calloc(plain, 1), *stream = malloc(packed);
        assert_int_equal(compress2(stream, &packed, rows, plain, 9), Z_OK);
        size_t size;
        unsigned char *file = files_png_bytes(&(files_png){.width = edges[k],
                                                           .height = edges[k],
                                                           .depth = 1,
                                                           .colour = 3,
                                                           .palette = palette,
                                                           .palette_size = sizeof palette,
                                                           .stream = stream,
                                                           .stream_size = packed},
                                              &size);
        assert_true(size < 4000);
        seen.size = 0;
        assert_int_equal(read_bytes(context, file, size), k == 0 ? GAN_E_LIMIT : GAN_OK);
        if (k == 0) {
            assert_non_null(strstr(gan_context_error(context), "5000 x 5000 pixels of one colour"));
            assert_true(seen.size < 100000);
        }
        free(rows);
        free(stream);
        free(file);
    }
    gan_context_release(context);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    uint8_t rows[40 * 30 * 4];
    fill(rows, sizeof rows, 8);
    char path[FILES_PATH], out[FILES_PATH];
    files_write_png(files_join(path, folder, "m.png"),
                    &(files_png){.width = 40, .height = 30, .depth = 8, .colour = 6, .rows = rows});
    files_join(out, folder, "n.png");
    gan_tensor *image = NULL;
    long long idle = memory.blocks;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_png_read(&image, context, path);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
        assert_true(k < 100);
    }
    idle = memory.blocks;
    status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_png_write(image, out);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        assert_int_equal(memory.blocks, idle);
        assert_int_equal(files_exist(out), status == GAN_OK);
        assert_true(k < 100);
    }
    gan_tensor_release(image);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
    assert_int_equal(memory.bytes, 0);
}

static int writes_left;

static long long failing_write(int file, const void *buffer, size_t size) {
    if (writes_left-- > 0) return gani_io_system.write(file, buffer, size);
    errno = ENOSPC;
    return -1;
}

static int failing_sync(int file) {
    (void)file;
    errno = EIO;
    return -1;
}

static int failing_rename(const char *from, const char *to) {
    (void)from;
    (void)to;
    errno = EACCES;
    return -1;
}

static void failing_disk(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char own[FILES_PATH], path[FILES_PATH];
    files_make_folder(files_join(own, folder, "disk"));
    files_write(files_join(path, own, "x.png"), "old", 3);
    gan_tensor *image;
    assert_int_equal(gan_tensor_create(&image, context, GAN_U8, gan_shape_3d(1, 8, 8)), GAN_OK);
    gani_io broken = gani_io_system;
    context->io = &broken;
    broken.write = failing_write;
    for (int k = 0; k < 5; k++) {
        writes_left = k;
        assert_int_equal(gan_png_write(image, path), GAN_E_IO);
        assert_int_equal(files_count(own), 1);
    }
    broken = gani_io_system;
    broken.sync = failing_sync;
    assert_int_equal(gan_png_write(image, path), GAN_E_IO);
    broken = gani_io_system;
    broken.rename = failing_rename;
    assert_int_equal(gan_png_write(image, path), GAN_E_IO);
    assert_int_equal(files_count(own), 1);
    size_t size;
    unsigned char *kept = files_read(path, &size);
    assert_int_equal(size, 3);
    free(kept);
    context->io = &gani_io_system;
    assert_int_equal(gan_png_write(image, files_join(path, folder, "no/such/folder.png")), GAN_E_IO);
    assert_int_equal(gan_png_write(image, own), GAN_E_IO); /* a folder is in the way */
    gan_tensor_release(image);
    gan_context_release(context);
}

static void arguments(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_tensor *image = (gan_tensor *)context;
    char path[FILES_PATH];
    files_join(path, folder, "arguments.png");
    assert_int_equal(gan_png_read(NULL, context, "x"), GAN_E_ARGUMENT);
    assert_int_equal(gan_png_read(&image, NULL, "x"), GAN_E_ARGUMENT);
    assert_null(image);
    assert_int_equal(gan_png_read(&image, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_png_write(NULL, path), GAN_E_ARGUMENT);
    static const int64_t bad[5][4] = {{3, 0, 4, 4}, {3, 5, 4, 4}, {3, 1, 0, 4}, {2, 4, 4, 0}, {4, 1, 1, 4}};
    for (int k = 0; k < 5; k++) {
        gan_shape shape = gan_shape_4d(bad[k][1], bad[k][2], bad[k][3], 4);
        shape.rank = (int32_t)bad[k][0];
        assert_int_equal(gan_tensor_create(&image, context, GAN_U8, shape), GAN_OK);
        assert_int_equal(gan_png_write(image, path), GAN_E_SHAPE);
        gan_tensor_release(image);
    }
    assert_int_equal(gan_tensor_create(&image, context, GAN_F32, gan_shape_3d(1, 2, 2)), GAN_OK);
    assert_int_equal(gan_png_write(image, path), GAN_E_DTYPE);
    assert_int_equal(gan_png_write(image, NULL), GAN_E_ARGUMENT);
    gan_tensor_release(image);
    assert_false(files_exist(path));
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(kinds_of_pixels, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(damaged_files, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(too_large, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(too_monotonous, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(no_memory, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(failing_disk, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(arguments, open_folders, close_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
