/* gan_folder_open: which files, in which order, and what becomes of their pixels. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <gan/data.h>

#include "base/context.h"
#include "data/resize.h"
#include "files.h"
#include "folder_fixture.h"
#include "host.h"

static void put_folder(const char *name) {
    char path[FILES_PATH];
    files_make_folder(files_join(path, folder, name));
}

static int first_pixel(gan_dataset *set, int64_t index, int32_t *label) {
    uint8_t pixels[4096];
    size_t bytes = (size_t)gan_shape_count(gan_dataset_shape(set));
    assert_true(bytes <= sizeof pixels);
    assert_int_equal(gan_dataset_read(set, index, pixels, bytes, label), GAN_OK);
    return pixels[0];
}

static void flat(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    char path[FILES_PATH];
    put_grey("b.png", 5, 4, 2);
    put_grey("B.PNG", 5, 4, 1);
    put_grey("a10.png", 5, 4, 30);
    put_grey("a2.png", 5, 4, 40);
    put_grey("\xc3\xa9.png", 5, 4, 50);
    put_grey(".hidden.png", 5, 4, 99);
    files_write(files_join(path, folder, "notes.txt"), "x", 1);
    files_write(files_join(path, folder, "png"), "x", 1);
    files_write(files_join(path, folder, "apng"), "x", 1);
    put_folder("folder.png");
    put_folder("sub");
    put_grey("sub/c.png", 9, 9, 77);
    gan_dataset *set;
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_OK);
    assert_int_equal(gan_dataset_count(set), 5);
    assert_int_equal(gan_dataset_classes(set), 0);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(1, 4, 5)));
    static const int order[5] = {1, 30, 40, 2, 50};
    for (int i = 0; i < 5; i++) {
        int32_t label = 7;
        assert_int_equal(first_pixel(set, i, &label), order[i]);
        assert_int_equal(label, -1);
    }
    uint64_t fingerprint = gan_dataset_fingerprint(set);
    gan_dataset_release(set);
    assert_int_equal(gan_dataset_open(&set, context, folder, NULL), GAN_OK);
    assert_true(gan_dataset_fingerprint(set) == fingerprint);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
    assert_int_equal(memory.bytes, 0);
}

static void classes(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_dataset *set;
    put_folder("pants");
    put_folder("a shirt");
    put_folder("empty");
    put_folder(".cache");
    put_grey(".cache/x.png", 3, 3, 1);
    put_grey("pants/1.png", 3, 3, 10);
    put_grey("pants/2.png", 3, 3, 20);
    put_grey("a shirt/9.png", 3, 3, 90);
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_OK);
    assert_int_equal(gan_dataset_count(set), 3);
    assert_int_equal(gan_dataset_classes(set), 2);
    assert_string_equal(gan_dataset_class_name(set, 0), "a shirt");
    assert_string_equal(gan_dataset_class_name(set, 1), "pants");
    static const int values[3] = {90, 10, 20}, expected[3] = {0, 1, 1};
    for (int i = 0; i < 3; i++) {
        int32_t label;
        assert_int_equal(first_pixel(set, i, &label), values[i]);
        assert_int_equal(label, expected[i]);
    }
    uint64_t fingerprint = gan_dataset_fingerprint(set);
    gan_dataset_release(set);
    /* the same pictures in the same order, but one of the other class: another set */
    char from[FILES_PATH], to[FILES_PATH];
    assert_int_equal(rename(files_join(from, folder, "pants/1.png"), files_join(to, folder, "a shirt/z.png")), 0);
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(first_pixel(set, i, NULL), values[i]);
    assert_true(gan_dataset_fingerprint(set) != fingerprint);
    gan_dataset_release(set);
    gan_context_release(context);
}

static void pixels(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char path[FILES_PATH];
    gan_dataset *set;
    gan_folder_options options;
    gan_folder_options_init(&options);
    const uint8_t grey[2] = {0, 200}, rgba[8] = {255, 0, 0, 255, 10, 20, 30, 51}, grey_alpha[4] = {100, 0, 60, 255};
    const uint8_t deep[12] = {0xff, 0xff, 0, 0, 0x80, 0x80, 0x12, 0x12, 0x34, 0x34, 0x56, 0x56};
    files_write_png(files_join(path, folder, "1.png"),
                    &(files_png){.width = 2, .height = 1, .depth = 8, .colour = 0, .rows = grey});
    files_write_png(files_join(path, folder, "2.png"),
                    &(files_png){.width = 2, .height = 1, .depth = 8, .colour = 6, .rows = rgba});
    files_write_png(files_join(path, folder, "3.png"),
                    &(files_png){.width = 2, .height = 1, .depth = 8, .colour = 4, .rows = grey_alpha});
    files_write_png(files_join(path, folder, "4.png"),
                    &(files_png){.width = 2, .height = 1, .depth = 16, .colour = 2, .rows = deep});
    /* the first is grey: all become grey. 76 = luma of red; alpha 51 of 255 = 1/5 of (10, 20, 30) on white: 206,
     * 208, 210 */
    static const uint8_t as_grey[4][2] = {{0, 200}, {76, 208}, {255, 60}, {91, 0}};
    static const uint8_t as_colour[4][6] = {{0, 200, 0, 200, 0, 200},
                                            {255, 206, 0, 208, 0, 210},
                                            {255, 60, 255, 60, 255, 60},
                                            {255, 0x12, 0, 0x34, 128, 0x56}};
    for (int colour = 0; colour < 2; colour++) {
        options.channels = colour ? 3 : -1;
        assert_int_equal(gan_folder_open(&set, context, folder, &options), GAN_OK);
        assert_int_equal(gan_dataset_shape(set).size[0], colour ? 3 : 1);
        for (int i = 0; i < 4; i++) {
            uint8_t got[6];
            assert_int_equal(gan_dataset_read(set, i, got, colour ? 6 : 2, NULL), GAN_OK);
            if (colour)
                assert_memory_equal(got, as_colour[i], 6);
            else if (i < 3)
                assert_memory_equal(got, as_grey[i], 2);
            else {
                assert_true(abs(got[0] - 91) <= 1); /* .299 * 255 + .114 * 128 */
                assert_true(abs(got[1] - 46) <= 1);
            }
        }
        gan_dataset_release(set);
    }
    /* the first in colour: all become so */
    files_write_png(files_join(path, folder, "0.png"),
                    &(files_png){.width = 2, .height = 1, .depth = 8, .colour = 6, .rows = rgba});
    options.channels = -1;
    assert_int_equal(gan_folder_open(&set, context, folder, &options), GAN_OK);
    assert_int_equal(gan_dataset_shape(set).size[0], 3);
    gan_dataset_release(set);
    gan_context_release(context);
}

/* The definition: each output pixel is the mean of the inputs under a triangle as wide as the scale, first along x,
 * then along y. */
static double triangle(const uint8_t *line, int64_t step, int64_t in, int64_t out, int64_t index,
                       const double *values) {
    double scale = (double)in / (double)out, width = scale > 1 ? scale : 1, centre = ((double)index + 0.5) * scale,
           sum = 0, weights = 0;
    for (int64_t k = 0; k < in; k++) {
        double d = fabs((double)k + 0.5 - centre) / width;
        if (d >= 1) continue;
        sum += (1 - d) * (values != NULL ? values[k] : line[k * step]);
        weights += 1 - d;
    }
    return sum / weights;
}

static void check_resize(gan_context *context, int64_t height, int64_t width, int64_t channels, int64_t size) {
    uint8_t *source = malloc((size_t)(height * width * channels)), *planes = malloc((size_t)(channels * size * size));
    for (int64_t i = 0; i < height * width * channels; i++) source[i] = (uint8_t)(i * i * 31 + i * 7 + (i / 13) * 55);
    assert_int_equal(gani_resize_crop(context, "test", source, height, width, channels, size, planes), GAN_OK);
    int64_t shorter = height < width ? height : width;
    int64_t full_height = height == shorter ? size : size * height / shorter,
            full_width = width == shorter ? size : size * width / shorter;
    int64_t top = (int64_t)nearbyint((double)(full_height - size) / 2),
            left = (int64_t)nearbyint((double)(full_width - size) / 2);
    double *column = malloc((size_t)height * sizeof *column);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t x = 0; x < size; x++) {
            for (int64_t y = 0; y < height; y++)
                column[y] = triangle(source + y * width * channels + c, channels, width, full_width, left + x, NULL);
            for (int64_t y = 0; y < size; y++) {
                double expected = triangle(NULL, 0, height, full_height, top + y, column);
                assert_true(fabs(expected - planes[(c * size + y) * size + x]) <= 1.01); /* two roundings */
            }
        }
    free(column);
    free(source);
    free(planes);
}

static void resizing(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    static const int64_t cases[][4] = {{8, 8, 1, 4},  {9, 13, 3, 4}, {13, 9, 3, 4}, {64, 48, 1, 7},
                                       {5, 7, 3, 11}, {1, 1, 1, 6},  {1, 40, 1, 3}, {100, 3, 1, 2},
                                       {7, 8, 1, 7},  {6, 9, 1, 6},  {6, 11, 1, 6}, {32, 32, 3, 31}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        check_resize(context, cases[k][0], cases[k][1], cases[k][2], cases[k][3]);
    /* one value stays that value, whatever the scale */
    uint8_t source[50 * 37], planes[21 * 21];
    for (int value = 0; value < 256; value += 51) {
        memset(source, value, sizeof source);
        assert_int_equal(gani_resize_crop(context, "test", source, 50, 37, 1, 21, planes), GAN_OK);
        for (int i = 0; i < 21 * 21; i++) assert_int_equal(planes[i], value);
    }
    put_grey("a.png", 20, 30, 33);
    put_grey("b.png", 8, 8, 44);
    put_grey("c.png", 9, 3, 55);
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = 8;
    gan_dataset *set;
    assert_int_equal(gan_folder_open(&set, context, folder, &options), GAN_OK);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(1, 8, 8)));
    for (int i = 0; i < 3; i++) assert_int_equal(first_pixel(set, i, NULL), 33 + 11 * i);
    gan_dataset_release(set);
    gan_context_release(context);
}

static int32_t countdown(void *user) { return --*(int *)user < 0; }

static void refusals(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    char path[FILES_PATH];
    gan_dataset *set = (gan_dataset *)context;
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_FORMAT); /* empty */
    assert_null(set);
    put_folder("sub");
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_FORMAT);
    assert_int_equal(gan_folder_open(&set, context, files_join(path, folder, "missing"), NULL), GAN_E_IO);
    put_grey("a.png", 3, 4, 0);
    assert_int_equal(gan_folder_open(&set, context, files_join(path, folder, "a.png"), NULL),
                     GAN_E_IO); /* not a folder */
    put_grey("b.png", 5, 4, 0);
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "b.png"));
    assert_non_null(strstr(gan_context_error(context), "5 x 4"));
    assert_non_null(strstr(gan_context_error(context), "3 x 4"));
    files_write(files_join(path, folder, "b.png"), "damaged", 7);
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "b.png"));
    files_remove(path);
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = 16385;
    assert_int_equal(gan_folder_open(&set, context, folder, &options), GAN_E_ARGUMENT);
    options.size = -2;
    assert_int_equal(gan_folder_open(&set, context, folder, &options), GAN_E_ARGUMENT);
    options.size = -1;
    options.channels = 4;
    assert_int_equal(gan_folder_open(&set, context, folder, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_folder_open(&set, context, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_folder_open(NULL, context, folder, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_folder_open(&set, NULL, folder, NULL), GAN_E_ARGUMENT);
    if (geteuid() != 0) { /* root may read everything */
        files_join(path, folder, "sub");
        assert_int_equal(chmod(path, 0), 0);
        assert_int_equal(gan_folder_open(&set, context, path, NULL), GAN_E_IO);
    }
    assert_int_equal(memory.blocks, idle);
    gan_context_release(context);

    int calls = 3;
    gan_context_options context_options;
    gan_context_options_init(&context_options);
    context_options.threads = 1;
    context_options.cancelled = countdown;
    context_options.cancelled_user = &calls;
    assert_int_equal(gan_context_create(&context, &context_options), GAN_OK);
    for (int i = 0; i < 6; i++) {
        char name[8] = "0.png";
        name[0] = (char)('0' + i);
        put_grey(name, 3, 4, i);
    }
    assert_int_equal(gan_folder_open(&set, context, folder, NULL), GAN_E_CANCELLED);
    assert_null(set);
    gan_context_release(context);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    put_folder("x");
    put_folder("y");
    put_grey("x/1.png", 6, 6, 1);
    put_grey("y/1.png", 7, 6, 2);
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = 5;
    options.channels = 3;
    long long idle = memory.blocks;
    gan_dataset *set = NULL;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_folder_open(&set, context, folder, &options);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
        assert_true(k < 400);
    }
    assert_int_equal(gan_dataset_count(set), 2);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

static int fuse; /* the operation that fails; all others work */

static int burn(void) {
    if (--fuse != 0) return 0;
    errno = EIO;
    return 1;
}

static int broken_stat(const char *path, int *is_folder, long long *size) {
    return burn() ? -1 : gani_io_system.stat(path, is_folder, size);
}

static int broken_open(const char *path) { return burn() ? -1 : gani_io_system.open_read(path); }

static long long broken_read(int file, void *buffer, size_t size) {
    return burn() ? -1 : gani_io_system.read(file, buffer, size);
}

static int broken_list(const char *path, int (*entry)(void *user, const char *name), void *user) {
    return burn() ? -1 : gani_io_system.list(path, entry, user);
}

/* One failing operation anywhere is an error, or does not matter: never a set with something missing. */
static void bad_disk(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    put_folder("x");
    put_folder("y");
    put_grey("x/1.png", 6, 6, 1);
    put_grey("x/2.png", 6, 6, 3);
    put_grey("y/1.png", 6, 6, 2);
    gani_io broken = gani_io_system;
    broken.stat = broken_stat;
    broken.open_read = broken_open;
    broken.read = broken_read;
    broken.list = broken_list;
    context->io = &broken;
    long long idle = memory.blocks;
    int failures = 0;
    fuse = 0;
    for (int k = 1; fuse <= 0; k++) {
        gan_dataset *set;
        fuse = k;
        int status = gan_dataset_open(&set, context, folder, NULL);
        if (status == GAN_OK) {
            assert_int_equal(gan_dataset_count(set), 3);
            assert_int_equal(gan_dataset_classes(set), 2);
            gan_dataset_release(set);
        } else {
            assert_int_equal(status, GAN_E_IO);
            assert_null(set);
            failures++;
        }
        assert_int_equal(memory.blocks, idle);
    }
    assert_true(failures > 12);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flat, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(classes, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(pixels, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(resizing, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(refusals, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(no_memory, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(bad_disk, open_folders, close_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
