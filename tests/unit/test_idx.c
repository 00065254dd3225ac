/* gan_idx_open and gan_dataset_open on IDX files, plain and gzip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include <gan/data.h>

#include "files.h"
#include "folder_fixture.h"
#include "host.h"

#define COUNT 7
#define HEIGHT 3
#define WIDTH 4
#define IMAGE_BYTES (16 + COUNT * HEIGHT * WIDTH)
#define LABEL_BYTES (8 + COUNT)

static char image_path[FILES_PATH], label_path[FILES_PATH];
static unsigned char images[IMAGE_BYTES], labels[LABEL_BYTES];

static void put_u32(unsigned char *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static int set_up(void **state) {
    open_folders(state);
    files_join(image_path, folder, "images");
    files_join(label_path, folder, "labels");
    put_u32(images, 0x803);
    put_u32(images + 4, COUNT);
    put_u32(images + 8, HEIGHT);
    put_u32(images + 12, WIDTH);
    for (int i = 16; i < IMAGE_BYTES; i++) images[i] = (unsigned char)(i * 37 + 11);
    put_u32(labels, 0x801);
    put_u32(labels + 4, COUNT);
    for (int i = 0; i < COUNT; i++) labels[8 + i] = (unsigned char)(i * 3 % 5);
    files_write(image_path, images, sizeof images);
    files_write(label_path, labels, sizeof labels);
    return 0;
}

/* gzip of `data`, to be freed */
static unsigned char *pack(const unsigned char *data, size_t size, size_t *packed) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, (uLong)size) + 64;
    unsigned char *out = malloc(room);
    stream.next_in = (unsigned char *)(uintptr_t)data;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *packed = stream.total_out;
    deflateEnd(&stream);
    return out;
}

static void check_content(gan_dataset *set, int with_labels) {
    assert_int_equal(gan_dataset_count(set), COUNT);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(1, HEIGHT, WIDTH)));
    assert_int_equal(gan_dataset_classes(set), with_labels ? 5 : 0);
    for (int i = 0; i < COUNT; i++) {
        uint8_t pixels[HEIGHT * WIDTH];
        int32_t label = 99;
        assert_int_equal(gan_dataset_read(set, i, pixels, sizeof pixels, &label), GAN_OK);
        assert_memory_equal(pixels, images + 16 + i * HEIGHT * WIDTH, sizeof pixels);
        assert_int_equal(label, with_labels ? i * 3 % 5 : -1);
    }
}

static void plain_and_packed(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    gan_dataset *set, *packed_set;
    assert_int_equal(gan_idx_open(&set, context, image_path, NULL), GAN_OK);
    check_content(set, 0);
    assert_null(gan_dataset_class_name(set, 0));
    uint64_t bare = gan_dataset_fingerprint(set);
    gan_dataset_release(set);
    assert_int_equal(gan_idx_open(&set, context, image_path, label_path), GAN_OK);
    check_content(set, 1);
    assert_string_equal(gan_dataset_class_name(set, 4), "4");
    assert_null(gan_dataset_class_name(set, 5));
    assert_null(gan_dataset_class_name(set, -1));
    uint8_t pixels[HEIGHT * WIDTH];
    assert_int_equal(gan_dataset_read(set, COUNT, pixels, sizeof pixels, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_read(set, -1, pixels, sizeof pixels, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_read(set, 0, NULL, sizeof pixels, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_read(set, 0, pixels, sizeof pixels - 1, NULL), GAN_E_SHAPE);
    assert_int_not_equal(gan_dataset_fingerprint(set), bare);
    /* gzip under the same names: known by its first bytes */
    size_t size;
    unsigned char *packed = pack(images, sizeof images, &size);
    files_write(image_path, packed, size);
    free(packed);
    packed = pack(labels, sizeof labels, &size);
    files_write(label_path, packed, size);
    free(packed);
    assert_int_equal(gan_idx_open(&packed_set, context, image_path, label_path), GAN_OK);
    check_content(packed_set, 1);
    assert_true(gan_dataset_fingerprint(packed_set) == gan_dataset_fingerprint(set));
    assert_ptr_equal(gan_dataset_retain(packed_set), packed_set);
    gan_dataset_release(packed_set);
    check_content(packed_set, 1);
    gan_dataset_release(packed_set);
    /* two gzip members, one after the other */
    size_t first, second;
    unsigned char *a = pack(images, 30, &first), *b = pack(images + 30, sizeof images - 30, &second), both[400];
    assert_true(first + second <= sizeof both);
    memcpy(both, a, first);
    memcpy(both + first, b, second);
    free(a);
    free(b);
    files_write(image_path, both, first + second);
    assert_int_equal(gan_idx_open(&packed_set, context, image_path, NULL), GAN_OK);
    check_content(packed_set, 0);
    gan_dataset_release(packed_set);
    /* one changed pixel is another set */
    images[20] ^= 1;
    files_write(image_path, images, sizeof images);
    assert_int_equal(gan_idx_open(&packed_set, context, image_path, NULL), GAN_OK);
    assert_true(gan_dataset_fingerprint(packed_set) != bare);
    gan_context_release(context); /* the sets keep it */
    gan_dataset_release(packed_set);
    gan_dataset_release(set);
    assert_int_equal(memory.blocks, 0);
    assert_int_equal(memory.bytes, 0);
}

static int try_images(gan_context *context, const unsigned char *data, size_t size) {
    gan_dataset *set = (gan_dataset *)&size;
    files_write(image_path, data, size);
    int status = gan_idx_open(&set, context, image_path, NULL);
    if (status == GAN_OK)
        gan_dataset_release(set);
    else
        assert_null(set);
    return status;
}

static void damaged(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    gan_dataset *set;
    long long idle = memory.blocks;
    unsigned char bytes[IMAGE_BYTES + 1];
    memcpy(bytes, images, sizeof images);
    bytes[IMAGE_BYTES] = 0;
    for (size_t cut = 0; cut < IMAGE_BYTES; cut++) assert_int_equal(try_images(context, bytes, cut), GAN_E_FORMAT);
    assert_int_equal(try_images(context, bytes, IMAGE_BYTES + 1), GAN_E_FORMAT); /* a byte too many */
    assert_int_equal(try_images(context, labels, sizeof labels), GAN_E_FORMAT);  /* labels for images */
    assert_non_null(strstr(gan_context_error(context), "0x801"));
    static const uint32_t lies[6][3] = {{COUNT + 1, HEIGHT, WIDTH}, {COUNT, HEIGHT, WIDTH + 1},
                                        {0, HEIGHT, WIDTH},         {COUNT, 0, WIDTH},
                                        {COUNT, HEIGHT, 0},         {COUNT - 1, HEIGHT, WIDTH}};
    for (int k = 0; k < 6; k++) {
        for (int i = 0; i < 3; i++) put_u32(bytes + 4 + 4 * i, lies[k][i]);
        assert_int_equal(try_images(context, bytes, IMAGE_BYTES), GAN_E_FORMAT);
        size_t size;
        unsigned char *packed = pack(bytes, IMAGE_BYTES, &size);
        assert_int_equal(try_images(context, packed, size), GAN_E_FORMAT);
        free(packed);
    }
    put_u32(bytes + 4, 0xffffffffu);
    put_u32(bytes + 8, 0xffffffffu);
    put_u32(bytes + 12, 0xffffffffu);
    assert_int_equal(try_images(context, bytes, IMAGE_BYTES), GAN_E_LIMIT);
    size_t size;
    unsigned char *packed = pack(bytes, IMAGE_BYTES, &size);
    assert_int_equal(try_images(context, packed, size), GAN_E_LIMIT);
    free(packed);
    /* 2^30 bytes announced by a gzip file of 100: refused before they are allocated */
    put_u32(bytes + 4, 1 << 20);
    put_u32(bytes + 8, 32);
    put_u32(bytes + 12, 32);
    packed = pack(bytes, IMAGE_BYTES, &size);
    assert_int_equal(try_images(context, packed, size), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "announces more"));
    free(packed);
    /* gzip: cut anywhere, any byte of the data or the checksum changed, bytes behind */
    packed = pack(images, sizeof images, &size);
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(try_images(context, packed, cut), GAN_E_FORMAT);
    for (size_t at = 10; at < size; at++) {
        packed[at] ^= 0x10;
        int status = try_images(context, packed, size);
        assert_true(status == GAN_E_FORMAT || status == GAN_E_LIMIT);
        packed[at] ^= 0x10;
    }
    unsigned char *longer = malloc(size + 1);
    memcpy(longer, packed, size);
    longer[size] = 0;
    assert_int_equal(try_images(context, longer, size + 1), GAN_E_FORMAT);
    free(longer);
    free(packed);
    /* counts that differ */
    files_write(image_path, images, sizeof images);
    put_u32(labels + 4, COUNT - 1);
    files_write(label_path, labels, sizeof labels - 1);
    assert_int_equal(gan_idx_open(&set, context, image_path, label_path), GAN_E_FORMAT);
    assert_null(set);
    assert_int_equal(gan_idx_open(&set, context, image_path, "/nonexistent/labels"), GAN_E_IO);
    assert_int_equal(gan_idx_open(&set, context, "/nonexistent/images", NULL), GAN_E_IO);
    assert_int_equal(gan_idx_open(&set, context, folder, NULL), GAN_E_IO);
    assert_int_equal(gan_idx_open(&set, context, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_idx_open(NULL, context, image_path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_idx_open(&set, NULL, image_path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(memory.blocks, idle);
    gan_context_release(context);
}

typedef struct peak {
    size_t live, most;
} peak;

static void *count_peak(void *user, size_t alignment, size_t size) {
    peak *p = user;
    p->live += size;
    if (p->live > p->most) p->most = p->live;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void give_back(void *user, void *memory, size_t size) {
    ((peak *)user)->live -= size;
    free(memory);
}

/* A gzip file is never unpacked further than its header says, however much there is in it. */
static void bombs(void **state) {
    (void)state;
    peak seen = {0, 0};
    gan_allocator allocator = {sizeof allocator, &seen, count_peak, give_back};
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 1;
    options.allocator = &allocator;
    gan_context *context;
    assert_int_equal(gan_context_create(&context, &options), GAN_OK);
    const size_t content = (size_t)64 << 20;
    unsigned char *zeros = calloc(1, content), *packed;
    size_t size;
    for (int k = 0; k < 3; k++) {
        /* an honest header and a bomb behind it; a bomb of joined files; one that announces its own size times 16 */
        memcpy(zeros, images, 16);
        if (k == 2) put_u32(zeros + 4, 1 << 26);
        packed = pack(zeros, k == 1 ? 16 + COUNT * HEIGHT * WIDTH : content, &size);
        if (k == 1) {
            memset(zeros, 0, 16);
            size_t first = size, second;
            unsigned char *rest = pack(zeros, content, &second);
            packed = realloc(packed, first + second);
            memcpy(packed + first, rest, second);
            size = first + second;
            free(rest);
        }
        assert_true(size < 100000);
        seen.most = seen.live;
        size_t before = seen.live;
        assert_int_equal(try_images(context, packed, size), GAN_E_FORMAT);
        assert_non_null(strstr(gan_context_error(context), k == 2 ? "announces more" : "bytes follow"));
        assert_true(seen.most - before < 300000); /* the file, zlib's window and tables */
        free(packed);
    }
    free(zeros);
    gan_context_release(context);
    assert_int_equal(seen.live, 0);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    size_t size;
    unsigned char *packed = pack(images, sizeof images, &size);
    files_write(image_path, packed, size);
    free(packed);
    gan_dataset *set = NULL;
    long long idle = memory.blocks;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_idx_open(&set, context, image_path, label_path);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
        assert_true(k < 100);
    }
    check_content(set, 1);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

static void found_by_looking(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_dataset *set;
    char path[FILES_PATH], own[FILES_PATH];
    /* an IDX file, and its labels if they are named so */
    assert_int_equal(gan_dataset_open(&set, context, image_path, NULL), GAN_OK);
    check_content(set, 0);
    gan_dataset_release(set);
    files_make_folder(files_join(own, folder, "images-idx3"));
    size_t size;
    unsigned char *packed = pack(images, sizeof images, &size);
    files_write(files_join(path, own, "train-images-idx3-ubyte.gz"), packed, size);
    free(packed);
    files_write(files_join(path, own, "train-labels-idx1-ubyte"), labels, sizeof labels);
    assert_int_equal(gan_dataset_open(&set, context, own, NULL), GAN_OK);
    check_content(set, 1);
    gan_dataset_release(set);
    assert_int_equal(gan_dataset_open(&set, context, files_join(path, own, "train-images-idx3-ubyte.gz"), NULL),
                     GAN_OK);
    check_content(set, 1);
    gan_dataset_release(set);
    /* padded with black, centred; repeated for colour */
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = 7;
    options.channels = 3;
    assert_int_equal(gan_dataset_open(&set, context, own, &options), GAN_OK);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(3, 7, 7)));
    uint8_t pixels[3 * 7 * 7];
    assert_int_equal(gan_dataset_read(set, 2, pixels, sizeof pixels, NULL), GAN_OK);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 7; x++) {
                int inside = y >= 2 && y < 5 && x >= 1 && x < 5;
                int expected = inside ? images[16 + (2 * HEIGHT + y - 2) * WIDTH + x - 1] : 0;
                assert_int_equal(pixels[(c * 7 + y) * 7 + x], expected);
            }
    gan_dataset_release(set);
    options.size = 3;
    assert_int_equal(gan_dataset_open(&set, context, own, &options), GAN_E_ARGUMENT);
    assert_null(set);
    options.size = 0;
    assert_int_equal(gan_dataset_open(&set, context, own, &options), GAN_E_ARGUMENT);
    options.size = -1;
    options.channels = 2;
    assert_int_equal(gan_dataset_open(&set, context, own, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_open(&set, context, "/nonexistent/path", NULL), GAN_E_IO);
    files_write(image_path, "text", 4);
    assert_int_equal(gan_dataset_open(&set, context, image_path, NULL), GAN_E_FORMAT);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_and_packed, set_up, close_folders),
        cmocka_unit_test_setup_teardown(damaged, set_up, close_folders),
        cmocka_unit_test_setup_teardown(bombs, set_up, close_folders),
        cmocka_unit_test_setup_teardown(no_memory, set_up, close_folders),
        cmocka_unit_test_setup_teardown(found_by_looking, set_up, close_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
