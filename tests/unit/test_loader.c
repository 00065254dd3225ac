/* gan_loader: every item once an epoch, the position is the whole state, bytes become numbers, nothing is allocated
 * on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/data.h>

#include "base/rng.h"
#include "compare.h"
#include "files.h"
#include "host.h"

/* IDX files of `count` 2 x 3 images in a new folder; item i has the label i % 256 and pixels i % 256, i / 256, then
 * steps of 51. */
static void write_set(const char *folder, int count, int salt, char *images, char *labels) {
    unsigned char *data = calloc(1, (size_t)(16 + count * 6));
    const unsigned char header[16] = {0, 0, 8, 3, 0, 0, (unsigned char)(count >> 8), (unsigned char)count, 0, 0,
                                      0, 2, 0, 0, 0, 3};
    memcpy(data, header, 16);
    for (int i = 0; i < count; i++) {
        unsigned char *p = data + 16 + i * 6;
        p[0] = (unsigned char)i;
        p[1] = (unsigned char)(i >> 8);
        p[2] = (unsigned char)salt;
        p[3] = 0;
        p[4] = 128;
        p[5] = 255;
    }
    files_write(files_join(images, folder, salt ? "images2" : "images"), data, (size_t)(16 + count * 6));
    data[3] = 1;
    for (int i = 0; i < count; i++) data[8 + i] = (unsigned char)i;
    files_write(files_join(labels, folder, salt ? "labels2" : "labels"), data, (size_t)(8 + count));
    free(data);
}

static gan_dataset *make_set(gan_context *context, int count, int salt) {
    char folder[FILES_PATH], images[FILES_PATH], labels[FILES_PATH];
    files_folder(folder);
    write_set(folder, count, salt, images, labels);
    gan_dataset *set;
    assert_int_equal(gan_idx_open(&set, context, images, labels), GAN_OK);
    files_remove(folder);
    return set;
}

static gan_loader *make_loader(gan_dataset *set, int64_t batch, int32_t shuffle, gan_dtype dtype, double low,
                               double high) {
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = batch;
    options.shuffle = shuffle;
    options.dtype = dtype;
    options.low = low;
    options.high = high;
    gan_loader *loader;
    assert_int_equal(gan_loader_create(&loader, set, &options), GAN_OK);
    return loader;
}

/* Labels of the next batch. */
static void next_labels(gan_loader *loader, int32_t *labels, int64_t batch) {
    gan_tensor *images, *tensor;
    assert_int_equal(gan_loader_next(loader, &images, &tensor), GAN_OK);
    assert_int_equal(gan_tensor_read(tensor, labels, (size_t)batch * sizeof *labels), GAN_OK);
    /* images and labels belong together */
    for (int64_t i = 0; i < batch; i++)
        assert_true(compare_number("first pixel", gan_tensor_item(images, i * 6), labels[i] * 2.0 / 255 - 1, 1e-6));
}

static void epochs(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    assert_int_equal(gan_context_set_seed(context, 77), GAN_OK);
    gan_dataset *set = make_set(context, 23, 0);
    gan_loader *loader = make_loader(set, 5, 1, GAN_F32, -1, 1);
    assert_int_equal(gan_loader_batches(loader), 4);
    assert_ptr_equal(gan_loader_dataset(loader), set);
    int32_t all[12][5];
    int left_out[23] = {0}, moved = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[23] = {0};
        for (int b = 0; b < 4; b++) {
            int32_t *labels = all[epoch * 4 + b];
            assert_int_equal(gan_loader_position(loader), epoch * 4 + b);
            next_labels(loader, labels, 5);
            for (int i = 0; i < 5; i++) {
                assert_int_equal(seen[labels[i]]++, 0);
                moved += labels[i] != b * 5 + i;
                if (epoch > 0) moved += labels[i] != all[epoch * 4 - 4 + b][i];
            }
        }
        for (int i = 0; i < 23; i++) left_out[i] += !seen[i];
    }
    assert_true(moved > 60); /* of 100; chance leaves about 4 in place */
    int different = 0;
    for (int i = 0; i < 23; i++) different += left_out[i] > 0;
    assert_true(different > 3); /* not always the same three */
    /* a position is enough to continue from, in any order */
    for (int at = 11; at >= 0; at--) {
        int32_t labels[5];
        assert_int_equal(gan_loader_set_position(loader, at), GAN_OK);
        next_labels(loader, labels, 5);
        assert_memory_equal(labels, all[at], sizeof labels);
        assert_int_equal(gan_loader_position(loader), at + 1);
    }
    gan_loader *second = make_loader(set, 5, 1, GAN_F32, -1, 1);
    int32_t labels[5];
    assert_int_equal(gan_loader_next(second, NULL, NULL), GAN_OK);
    assert_int_equal(gan_loader_position(second), 1);
    next_labels(second, labels, 5);
    assert_memory_equal(labels, all[1], sizeof labels);
    /* another seed, another order, at once; then back */
    assert_int_equal(gan_context_set_seed(context, 78), GAN_OK);
    assert_int_equal(gan_loader_set_position(second, 0), GAN_OK);
    next_labels(second, labels, 5);
    assert_memory_not_equal(labels, all[0], sizeof labels);
    assert_int_equal(gan_context_set_seed(context, 77), GAN_OK);
    assert_int_equal(gan_loader_set_position(second, 0), GAN_OK);
    next_labels(second, labels, 5);
    assert_memory_equal(labels, all[0], sizeof labels);
    /* far positions */
    assert_int_equal(gan_loader_set_position(second, INT64_MAX - 1), GAN_OK);
    assert_int_equal(gan_loader_next(second, NULL, NULL), GAN_OK);
    gan_tensor *images = (gan_tensor *)set;
    assert_int_equal(gan_loader_next(second, &images, NULL), GAN_E_LIMIT);
    assert_null(images);
    gan_loader_release(second);
    gan_dataset_release(set);
    next_labels(loader, labels, 5); /* the loader keeps its set, and both the context */
    gan_context_release(context);
    next_labels(loader, labels, 5);
    gan_loader_release(loader);
}

/* Two sets of one size must not be paired for ever. */
static void independent_sets(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_dataset *a = make_set(context, 100, 0), *b = make_set(context, 100, 1);
    gan_loader *first = make_loader(a, 100, 1, GAN_F32, -1, 1), *second = make_loader(b, 100, 1, GAN_F32, -1, 1);
    int32_t x[100], y[100];
    int met = 0;
    next_labels(first, x, 100);
    next_labels(second, y, 100);
    for (int i = 0; i < 100; i++) met += x[i] == y[i];
    assert_true(met < 10);
    gan_loader_release(first);
    gan_loader_release(second);
    gan_dataset_release(a);
    gan_dataset_release(b);
    gan_context_release(context);
}

static void values(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_dataset *set = make_set(context, 300, 0);
    static const double ranges[3][2] = {{-1, 1}, {0, 1}, {-0.3, 2.7}};
    for (int k = 0; k < 6; k++) {
        double low = ranges[k % 3][0], high = ranges[k % 3][1];
        gan_loader *loader = make_loader(set, 300, 0, k < 3 ? GAN_F32 : GAN_F64, low, high);
        gan_tensor *images, *labels;
        assert_int_equal(gan_loader_next(loader, &images, &labels), GAN_OK);
        assert_int_equal(gan_tensor_dtype(images), k < 3 ? GAN_F32 : GAN_F64);
        assert_int_equal(gan_tensor_dtype(labels), GAN_I32);
        assert_true(gan_shape_equal(gan_tensor_shape(images), gan_shape_4d(300, 1, 2, 3)));
        assert_true(gan_shape_equal(gan_tensor_shape(labels), gan_shape_1d(300)));
        for (int64_t i = 0; i < 300; i++) {
            double at = gan_tensor_item(images, i * 6);
            assert_true(
                compare_number("value", at, low + (double)(i % 256) * (high - low) / 255, k < 3 ? 2e-7 : 1e-15));
            assert_true(gan_tensor_item(images, i * 6 + 3) == (k < 3 ? (double)(float)low : low));
            assert_true(gan_tensor_item(images, i * 6 + 5) == (k < 3 ? (double)(float)high : high));
            assert_int_equal((int)gan_tensor_item(labels, i), i % 256);
        }
        gan_loader_release(loader);
    }
    gan_dataset_release(set);
    gan_context_release(context);
}

static void threads_and_memory(void **state) {
    (void)state;
    gan_tensor *kept[2][3];
    gan_context *contexts[2];
    static host_memory memories[2];
    for (int k = 0; k < 2; k++) {
        host_memory *memory = &memories[k];
        gan_context *context = contexts[k] = host_context_with(k == 0 ? 1 : 4, GAN_LEVEL_AUTO, 0, memory);
        gan_dataset *set;
        assert_int_equal(gan_digits_create(&set, context, NULL), GAN_OK);
        gan_loader *loader = make_loader(set, 64, 1, GAN_F32, -1, 1);
        gan_tensor *images, *labels;
        assert_int_equal(gan_loader_next(loader, &images, &labels), GAN_OK);
        assert_int_equal(gan_tensor_clone(&kept[k][0], images), GAN_OK);
        assert_int_equal(gan_tensor_clone(&kept[k][1], labels), GAN_OK);
        /* nothing is allocated, also where an epoch ends */
        long long calls = memory->calls;
        assert_int_equal(gan_loader_set_position(loader, gan_loader_batches(loader) - 3), GAN_OK);
        for (int i = 0; i < 6; i++) assert_int_equal(gan_loader_next(loader, &images, &labels), GAN_OK);
        assert_int_equal(memory->calls, calls);
        assert_int_equal(gan_tensor_clone(&kept[k][2], images), GAN_OK);
        gan_loader_release(loader);
        gan_dataset_release(set);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(compare_same_bits("1 and 4 threads", kept[0][i], kept[1][i]));
        gan_tensor_release(kept[0][i]);
        gan_tensor_release(kept[1][i]);
    }
    for (int k = 0; k < 2; k++) {
        gan_context_release(contexts[k]);
        assert_int_equal(memories[k].blocks, 0);
    }
}

/* ---- flips and crops ---- */

#define EDGE_H 6
#define EDGE_W 8

static const uint8_t *make_pictures(void) {
    static uint8_t pictures[40][3][EDGE_H][EDGE_W];
    for (int i = 0; i < 40; i++)
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < EDGE_H; y++)
                for (int x = 0; x < EDGE_W; x++) pictures[i][c][y][x] = (uint8_t)(1 + i + 40 * c + 7 * y + 11 * x);
    return &pictures[0][0][0][0];
}

static gan_dataset *make_picture_set(gan_context *context, gan_dtype dtype) {
    static double numbers[40 * 3 * EDGE_H * EDGE_W];
    const uint8_t *bytes = make_pictures();
    for (int i = 0; i < 40 * 3 * EDGE_H * EDGE_W; i++) numbers[i] = bytes[i] * 2.0 / 255 - 1;
    gan_memory_dataset d;
    gan_memory_dataset_init(&d);
    d.dtype = dtype;
    d.shape = gan_shape_3d(3, EDGE_H, EDGE_W);
    d.count = 40;
    d.items = dtype == GAN_U8 ? (const void *)bytes : numbers;
    gan_dataset *set;
    assert_int_equal(gan_memory_dataset_create(&set, context, &d), GAN_OK);
    return set;
}

static gan_loader *make_augmented(gan_dataset *set, gan_dtype dtype, int64_t batch, int32_t flip, int64_t padding) {
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = batch;
    options.dtype = dtype;
    options.flip = flip;
    options.crop_padding = padding;
    gan_loader *loader;
    assert_int_equal(gan_loader_create(&loader, set, &options), GAN_OK);
    return loader;
}

/* The formulas of data.h, by hand. */
static void check_item(const gan_tensor *images, int64_t at, uint64_t seed, uint64_t fingerprint, int64_t epoch,
                       int64_t index, int flip, int64_t padding, int seen[3]) {
    const uint8_t(*picture)[EDGE_H][EDGE_W] = (const uint8_t(*)[EDGE_H][EDGE_W])make_pictures() + index * 3;
    uint32_t lanes[4];
    gani_philox(seed, 4 + (((uint64_t)epoch + 1) << 32), fingerprint + (uint64_t)index, lanes);
    int mirrored = flip && lanes[0] >= 0x80000000u;
    int64_t down = (int64_t)((double)lanes[1] * (double)(2 * padding + 1) / 0x1p32) - padding;
    int64_t right = (int64_t)((double)lanes[2] * (double)(2 * padding + 1) / 0x1p32) - padding;
    seen[0] += mirrored;
    seen[1] += down < 0;
    seen[2] += right > 0;
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < EDGE_H; y++)
            for (int64_t x = 0; x < EDGE_W; x++) {
                int64_t from_y = y + down, from_x = (mirrored ? EDGE_W - 1 - x : x) + right;
                int inside = from_y >= 0 && from_y < EDGE_H && from_x >= 0 && from_x < EDGE_W;
                double expected = inside ? picture[c][from_y][from_x] * 2.0 / 255 - 1 : -1;
                double got = gan_tensor_item(images, ((at * 3 + c) * EDGE_H + y) * EDGE_W + x);
                assert_true(compare_number("pixel", got, expected, 2e-7));
            }
}

static void flips_and_crops(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    assert_int_equal(gan_context_set_seed(context, 31), GAN_OK);
    static const gan_dtype types[3] = {GAN_U8, GAN_F32, GAN_F64};
    for (int k = 0; k < 12; k++) {
        gan_dtype from = types[k % 3];
        if (from == GAN_F32) continue; /* the numbers above are doubles */
        int flip = k / 3 % 2;
        int64_t padding = k < 6 ? 0 : k < 9 ? 2 : EDGE_H - 1;
        gan_dataset *set = make_picture_set(context, from);
        gan_loader *loader = make_augmented(set, k % 2 ? GAN_F32 : GAN_F64, 10, flip, padding);
        int seen[3] = {0, 0, 0};
        for (int step = 0; step < 8; step++) {
            gan_tensor *images;
            assert_int_equal(gan_loader_next(loader, &images, NULL), GAN_OK);
            for (int64_t i = 0; i < 10; i++)
                check_item(images, i, 31, gan_dataset_fingerprint(set), step / 4, gan_loader_index(loader, i), flip,
                           padding, seen);
        }
        /* 80 items; both sides of every coin come up */
        assert_true(flip ? seen[0] > 20 && seen[0] < 60 : seen[0] == 0);
        for (int i = 1; i < 3; i++) assert_true(padding > 0 ? seen[i] > 12 && seen[i] < 60 : seen[i] == 0);
        gan_loader_release(loader);
        gan_dataset_release(set);
    }
    gan_context_release(context);
}

/* The same bits on any number of threads, and from any position; another epoch or seed is another choice. */
static void augmented_anywhere(void **state) {
    (void)state;
    gan_tensor *kept[2][8];
    gan_context *contexts[2];
    for (int k = 0; k < 2; k++) {
        gan_context *context = contexts[k] = host_context(k == 0 ? 1 : 4);
        gan_digits_options d;
        gan_digits_options_init(&d);
        d.count = 128;
        gan_dataset *set;
        assert_int_equal(gan_digits_create(&set, context, &d), GAN_OK);
        gan_loader *loader = make_augmented(set, GAN_F32, 32, 1, 3);
        gan_tensor *images;
        for (int step = 0; step < 8; step++) { /* backwards on four threads: the position is the whole state */
            int at = k == 0 ? step : 7 - step;
            assert_int_equal(gan_loader_set_position(loader, at), GAN_OK);
            assert_int_equal(gan_loader_next(loader, &images, NULL), GAN_OK);
            assert_int_equal(gan_tensor_clone(&kept[k][at], images), GAN_OK);
        }
        if (k == 0) {
            assert_int_equal(gan_context_set_seed(context, 5), GAN_OK);
            assert_int_equal(gan_loader_set_position(loader, 0), GAN_OK);
            assert_int_equal(gan_loader_next(loader, &images, NULL), GAN_OK);
            assert_memory_not_equal(gan_tensor_const_data(images), gan_tensor_const_data(kept[0][0]), 32 * 784 * 4);
        }
        gan_loader_release(loader);
        gan_dataset_release(set);
    }
    for (int i = 0; i < 8; i++) {
        assert_true(compare_same_bits("1 and 4 threads", kept[0][i], kept[1][i]));
        gan_tensor_release(kept[0][i]);
        gan_tensor_release(kept[1][i]);
    }
    for (int k = 0; k < 2; k++) gan_context_release(contexts[k]);
}

static void refusals(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(2, GAN_LEVEL_REFERENCE, 1, &memory);
    gan_dataset *set = make_set(context, 10, 0);
    gan_loader *loader = NULL;
    gan_loader_options options;
    for (int k = 0; k < 14; k++) {
        gan_loader_options_init(&options);
        options.batch_size = 10;
        if (k == 0) options.batch_size = 11;
        if (k == 1) options.batch_size = 0;
        if (k == 2) options.batch_size = -3;
        if (k == 3) options.shuffle = 2;
        if (k == 4) options.dtype = GAN_U8;
        if (k == 5) options.low = 1;
        if (k == 6) options.high = -2;
        if (k == 7) options.high = strtod("nan", NULL);
        if (k == 8) options.low = -strtod("inf", NULL);
        if (k == 9) options.flip = 2;
        if (k == 10) options.flip = -1;
        if (k == 11) options.crop_padding = -1;
        if (k == 12) options.crop_padding = 2; /* images are 2 x 3 */
        if (k == 13) options.crop_padding = INT64_MAX;
        loader = (gan_loader *)set;
        assert_int_equal(gan_loader_create(&loader, set, &options), GAN_E_ARGUMENT);
        assert_null(loader);
    }
    gan_loader_options_init(&options);
    options.batch_size = 4;
    assert_int_equal(gan_loader_create(NULL, set, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_loader_create(&loader, NULL, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_loader_next(NULL, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loader_set_position(NULL, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_loader_batches(NULL), 0);
    long long idle = memory.blocks;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_loader_create(&loader, set, &options);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
        assert_true(k < 50);
    }
    assert_int_equal(gan_loader_set_position(loader, -1), GAN_E_ARGUMENT);
    assert_int_equal(gan_loader_position(loader), 0);
    gan_loader_release(loader);
    gan_loader_release(NULL);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
    assert_int_equal(memory.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs),          cmocka_unit_test(independent_sets),
        cmocka_unit_test(values),          cmocka_unit_test(threads_and_memory),
        cmocka_unit_test(flips_and_crops), cmocka_unit_test(augmented_anywhere),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
