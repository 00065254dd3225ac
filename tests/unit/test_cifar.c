/* gan_cifar_open, and gan_dataset_open on CIFAR's files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/data.h>

#include "base/context.h"
#include "data/cifar.h"
#include "files.h"
#include "folder_fixture.h"
#include "host.h"

#define PIXELS 3072

static uint8_t byte_of(int item, int k) { return (uint8_t)(item * 37 + k * 11 + k / 100); }

/* `count` records from item `first` on: labels are item % classes, and for two bytes item % 20 before it. */
static unsigned char *records(int first, int count, int label_bytes, int classes) {
    size_t record = (size_t)(label_bytes + PIXELS);
    unsigned char *data = malloc((size_t)count * record + 1);
    for (int i = 0; i < count; i++) {
        unsigned char *p = data + (size_t)i * record;
        if (label_bytes == 2) *p++ = (unsigned char)((first + i) % 20);
        *p++ = (unsigned char)((first + i) % classes);
        for (int k = 0; k < PIXELS; k++) p[k] = byte_of(first + i, k);
    }
    return data;
}

/* Writes such a file and gives its path. */
static const char *put(char *path, const char *name, int first, int count, int label_bytes, int classes) {
    unsigned char *data = records(first, count, label_bytes, classes);
    files_write(files_join(path, folder, name), data, (size_t)(count * (label_bytes + PIXELS)));
    free(data);
    return path;
}

static void put_text(const char *name, const char *text) {
    char path[FILES_PATH];
    files_write(files_join(path, folder, name), text, strlen(text));
}

static void check_items(gan_dataset *set, int first, int count, int classes) {
    assert_int_equal(gan_dataset_count(set), count);
    assert_int_equal(gan_dataset_classes(set), classes);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(3, 32, 32)));
    for (int i = 0; i < count; i++) {
        uint8_t pixels[PIXELS];
        int32_t label = -5;
        assert_int_equal(gan_dataset_read(set, i, pixels, sizeof pixels, &label), GAN_OK);
        assert_int_equal(label, (first + i) % classes);
        for (int k = 0; k < PIXELS; k++) assert_int_equal(pixels[k], byte_of(first + i, k));
    }
}

static void two_kinds(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    char a[FILES_PATH], b[FILES_PATH], c[FILES_PATH];
    const char *paths[2] = {put(a, "one", 0, 7, 1, 10), put(b, "two", 7, 16, 1, 10)};
    gan_dataset *set;
    assert_int_equal(gan_cifar_open(&set, context, paths, 2, NULL), GAN_OK);
    check_items(set, 0, 23, 10);
    assert_string_equal(gan_dataset_class_name(set, 9), "9");
    assert_null(gan_dataset_class_name(set, 10));
    assert_int_equal(gan_dataset_dtype(set), GAN_U8);
    assert_int_equal(gan_dataset_caption_count(set, 0), 0);
    uint64_t both = gan_dataset_fingerprint(set);
    gan_dataset_release(set);
    /* the same records in one file are the same set */
    const char *whole[1] = {put(c, "whole", 0, 23, 1, 10)};
    assert_int_equal(gan_cifar_open(&set, context, whole, 1, NULL), GAN_OK);
    assert_true(gan_dataset_fingerprint(set) == both);
    gan_dataset_release(set);
    /* CIFAR-100: fine labels, or coarse ones */
    whole[0] = put(c, "hundred", 0, 120, 2, 100);
    gan_cifar_options options;
    gan_cifar_options_init(&options);
    options.label_bytes = 2;
    assert_int_equal(gan_cifar_open(&set, context, whole, 1, &options), GAN_OK);
    check_items(set, 0, 120, 100);
    assert_string_equal(gan_dataset_class_name(set, 42), "42");
    uint64_t fine = gan_dataset_fingerprint(set);
    gan_dataset_release(set);
    options.coarse = 1;
    assert_int_equal(gan_cifar_open(&set, context, whole, 1, &options), GAN_OK);
    check_items(set, 0, 120, 20);
    assert_true(gan_dataset_fingerprint(set) != fine);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

static const char ten_names[] = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

static void names(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char path[FILES_PATH], text[2048] = "";
    const char *paths[1] = {put(path, "data_batch_1.bin", 0, 3, 1, 10)};
    gan_dataset *set;
    put_text("batches.meta.txt", ten_names);
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, NULL), GAN_OK);
    assert_string_equal(gan_dataset_class_name(set, 0), "airplane");
    assert_string_equal(gan_dataset_class_name(set, 9), "truck");
    gan_dataset_release(set);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "\xc3\xbc%d%s", i, i < 99 ? "\r\n" : "");
        strcat(text, name);
    }
    put_text("fine_label_names.txt", text);
    gan_cifar_options options;
    gan_cifar_options_init(&options);
    options.label_bytes = 2;
    paths[0] = put(path, "train.bin", 0, 3, 2, 100);
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, &options), GAN_OK);
    assert_string_equal(gan_dataset_class_name(set, 99), "\xc3\xbc"
                                                         "99");
    gan_dataset_release(set);
    options.coarse = 1; /* has no file of names */
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, &options), GAN_OK);
    assert_string_equal(gan_dataset_class_name(set, 19), "19");
    gan_dataset_release(set);
    /* bad files of names are not passed over */
    static const char *const bad[5] = {"", "airplane\nautomobile\n", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n",
                                       "a\nb\nc\nd\ne\nf\ng\nh\ni\n\xff\n", "a\nb\nc\nd\ne\nf\ng\nh\ni\n\tj\n"};
    paths[0] = put(path, "data_batch_1.bin", 0, 3, 1, 10);
    for (int k = 0; k < 5; k++) {
        put_text("batches.meta.txt", bad[k]);
        set = (gan_dataset *)context;
        assert_int_equal(gan_cifar_open(&set, context, paths, 1, NULL), GAN_E_FORMAT);
        assert_null(set);
        assert_non_null(strstr(gan_context_error(context), "batches.meta.txt"));
    }
    char *long_text = malloc(70000);
    memset(long_text, 'x', 70000);
    files_write(files_join(path, folder, "batches.meta.txt"), long_text, 70000);
    free(long_text);
    put(path, "data_batch_1.bin", 0, 3, 1, 10);
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, NULL), GAN_E_LIMIT);
    gan_context_release(context);
}

static void found_by_looking(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char path[FILES_PATH];
    gan_dataset *set;
    put(path, "test.bin", 50, 2, 2, 100);
    assert_int_equal(gan_dataset_open(&set, context, folder, NULL), GAN_OK);
    check_items(set, 50, 2, 100);
    gan_dataset_release(set);
    put(path, "test_batch.bin", 40, 2, 1, 10);
    assert_int_equal(gan_dataset_open(&set, context, folder, NULL), GAN_OK);
    check_items(set, 40, 2, 10);
    gan_dataset_release(set);
    put(path, "train.bin", 30, 3, 2, 100); /* training files before test files */
    assert_int_equal(gan_dataset_open(&set, context, folder, NULL), GAN_OK);
    check_items(set, 30, 3, 100);
    gan_dataset_release(set);
    put(path, "data_batch_1.bin", 0, 4, 1, 10);
    put(path, "data_batch_2.bin", 4, 3, 1, 10);
    assert_int_equal(gan_dataset_open(&set, context, folder, NULL), GAN_OK);
    check_items(set, 0, 7, 10);
    gan_dataset_release(set);
    assert_int_equal(gan_dataset_open(&set, context, path, NULL), GAN_OK); /* one file */
    check_items(set, 4, 3, 10);
    gan_dataset_release(set);
    assert_int_equal(gan_dataset_open(&set, context, files_join(path, folder, "train.bin"), NULL), GAN_OK);
    check_items(set, 30, 3, 100);
    gan_dataset_release(set);
    /* other sizes and grey */
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.channels = 1;
    assert_int_equal(gan_dataset_open(&set, context, folder, &options), GAN_OK);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(1, 32, 32)));
    uint8_t grey[64 * 64];
    int32_t label;
    assert_int_equal(gan_dataset_read(set, 6, grey, 1024, &label), GAN_OK);
    assert_int_equal(label, 6);
    for (int k = 0; k < 1024; k++) {
        double luma = .299 * byte_of(6, k) + .587 * byte_of(6, 1024 + k) + .114 * byte_of(6, 2048 + k);
        assert_true(grey[k] > luma - 1 && grey[k] < luma + 1);
    }
    gan_dataset_release(set);
    options.channels = 3;
    options.size = 16;
    assert_int_equal(gan_dataset_open(&set, context, folder, &options), GAN_OK);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(3, 16, 16)));
    gan_dataset_release(set);
    /* one colour stays that colour at any size */
    unsigned char *data = records(0, 2, 1, 10);
    for (int c = 0; c < 3; c++) memset(data + PIXELS + 2 + c * 1024, 60 * c + 9, 1024);
    files_write(files_join(path, folder, "data_batch_2.bin"), data, 2 * (PIXELS + 1));
    free(data);
    options.size = 64;
    assert_int_equal(gan_dataset_open(&set, context, path, &options), GAN_OK);
    uint8_t large[3 * 64 * 64];
    assert_int_equal(gan_dataset_read(set, 1, large, sizeof large, NULL), GAN_OK);
    for (int k = 0; k < 3 * 64 * 64; k++) assert_int_equal(large[k], k / 4096 * 60 + 9);
    gan_dataset_release(set);
    gan_context_release(context);
}

static int32_t stop(void *user) {
    (void)user;
    return 1;
}

static void refusals(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    char path[FILES_PATH], second[FILES_PATH];
    const char *paths[2] = {put(path, "data_batch_1.bin", 0, 5, 1, 10), files_join(second, folder, "missing")};
    gan_dataset *set = (gan_dataset *)context;
    assert_int_equal(gan_cifar_open(&set, context, paths, 2, NULL), GAN_E_IO);
    assert_null(set);
    assert_int_equal(gan_cifar_open(&set, context, paths, 0, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_cifar_open(&set, context, paths, 1001, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_cifar_open(&set, context, NULL, 1, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_cifar_open(&set, NULL, paths, 1, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_cifar_open(NULL, context, paths, 1, NULL), GAN_E_ARGUMENT);
    paths[1] = NULL;
    assert_int_equal(gan_cifar_open(&set, context, paths, 2, NULL), GAN_E_ARGUMENT);
    gan_cifar_options options;
    for (int k = 0; k < 5; k++) {
        gan_cifar_options_init(&options);
        if (k == 0) options.label_bytes = 0;
        if (k == 1) options.label_bytes = 3;
        if (k == 2) options.coarse = 1;
        if (k == 3) options.label_bytes = 2, options.coarse = 2;
        if (k == 4) options.struct_size = 0;
        assert_int_equal(gan_cifar_open(&set, context, paths, 1, &options), GAN_E_ARGUMENT);
    }
    /* the wrong kind, by its size */
    options.label_bytes = 2;
    options.coarse = 0;
    options.struct_size = sizeof options;
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, &options), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "CIFAR-100"));
    unsigned char *data = records(0, 5, 1, 10);
    gani_cifar_layout layout = {1, 0, 10};
    int64_t count;
    for (size_t size = 0; size <= 5 * 3073; size++) {
        int status = gani_cifar_check(context, "test", data, size, &layout, &count);
        assert_int_equal(status, size > 0 && size % 3073 == 0 ? GAN_OK : GAN_E_FORMAT);
    }
    data[3 * 3073] = 10; /* no such class */
    files_write(path, data, 5 * 3073);
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "record 3"));
    files_write(path, data, 0);
    assert_int_equal(gan_dataset_open(&set, context, path, NULL), GAN_E_FORMAT);
    free(data);
    assert_int_equal(memory.blocks, idle);
    gan_context_release(context);

    gan_context_options context_options;
    gan_context_options_init(&context_options);
    context_options.threads = 1;
    context_options.cancelled = stop;
    assert_int_equal(gan_context_create(&context, &context_options), GAN_OK);
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, NULL), GAN_E_CANCELLED);
    gan_context_release(context);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    char path[FILES_PATH];
    put(path, "data_batch_1.bin", 0, 2, 1, 10);
    put(path, "data_batch_2.bin", 2, 2, 1, 10);
    for (int with_names = 0; with_names < 2; with_names++) {
        if (with_names) put_text("batches.meta.txt", ten_names);
        gan_folder_options options;
        gan_folder_options_init(&options);
        options.size = 8;
        gan_dataset *set = NULL;
        int status = GAN_E_MEMORY;
        for (long long k = 1; status != GAN_OK; k++) {
            memory.fail_at = memory.calls + k;
            status = gan_dataset_open(&set, context, folder, &options);
            memory.fail_at = 0;
            assert_true(status == GAN_OK || status == GAN_E_MEMORY);
            if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
            assert_true(k < 200);
        }
        assert_string_equal(gan_dataset_class_name(set, 3), with_names ? "cat" : "3");
        gan_dataset_release(set);
    }
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

static int broken_stat(const char *path, int *is_folder, long long *size) {
    if (strstr(path, "batches.meta") == NULL) return gani_io_system.stat(path, is_folder, size);
    errno = EIO;
    return -1;
}

/* That the names cannot be looked for is no reason to do without them. */
static void bad_disk(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char path[FILES_PATH];
    const char *paths[1] = {put(path, "data_batch_1.bin", 0, 2, 1, 10)};
    gani_io broken = gani_io_system;
    broken.stat = broken_stat;
    context->io = &broken;
    gan_dataset *set;
    assert_int_equal(gan_cifar_open(&set, context, paths, 1, NULL), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(context), "batches.meta.txt"));
    gan_context_release(context);
}

/* The real thing, where it is: $GAN_TEST_DATA/cifar10-subset. */
static void real_data(void **state) {
    (void)state;
    const char *data = getenv("GAN_TEST_DATA");
    char path[FILES_PATH];
    if (data == NULL || !files_exist(files_join(path, data, "cifar10-subset"))) skip();
    gan_context *context = host_context(1);
    gan_dataset *set;
    assert_int_equal(gan_dataset_open(&set, context, path, NULL), GAN_OK);
    assert_int_equal(gan_dataset_classes(set), 10);
    assert_string_equal(gan_dataset_class_name(set, 3), "cat");
    int64_t seen[10] = {0}, count = gan_dataset_count(set);
    for (int64_t i = 0; i < count; i++) {
        uint8_t pixels[PIXELS];
        int32_t label;
        assert_int_equal(gan_dataset_read(set, i, pixels, sizeof pixels, &label), GAN_OK);
        seen[label]++;
    }
    for (int i = 0; i < 10; i++) assert_int_equal(seen[i], count / 10);
    gan_dataset_release(set);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_kinds, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(names, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(found_by_looking, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(refusals, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(no_memory, open_folders, close_folders),
        cmocka_unit_test_setup_teardown(bad_disk, open_folders, close_folders),
        cmocka_unit_test(real_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
