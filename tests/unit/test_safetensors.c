/* The safetensors format: what is written is read by another reader too; files that lie are refused. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "compare.h"
#include "files.h"
#include "host.h"
#include "io/safetensors.h"

static host_memory memory;
static gan_context *context;
static char folder[FILES_PATH], path[FILES_PATH];

static int set_up(void **state) {
    (void)state;
    context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    files_join(path, files_folder(folder), "a.safetensors");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gan_context_release(context);
    files_remove(folder);
    return atomic_load(&memory.blocks) == 0 && atomic_load(&memory.bytes) == 0 ? 0 : -1;
}

/* A file of this header and so many bytes of data (0, 1, 2 ...). */
static gan_status read_file(const char *header, size_t data) {
    size_t length = strlen(header);
    unsigned char *bytes = malloc(8 + length + data);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data; i++) bytes[8 + length + i] = (unsigned char)i;
    files_write(path, bytes, 8 + length + data);
    free(bytes);
    gani_safetensors file;
    gan_status status = gani_safetensors_read(&file, context, path, 1000000);
    gani_safetensors_end(&file);
    return status;
}

/* A file that is large and says nothing takes no memory: zeros that most disks need not hold. */
static void test_large_and_empty(void **state) {
    (void)state;
    static const char *const headers[] = {"", "\1\0\0\0\0\0\0\0x", "\2\0\0\0\0\0\0\0{}"};
    static const size_t sizes[] = {0, 9, 10};
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 1;
    options.memory_limit = 1 << 22;
    gan_context *small;
    assert_int_equal(gan_context_create(&small, &options), GAN_OK);
    for (int i = 0; i < 3; i++) {
        files_write(path, headers[i], sizes[i]);
        assert_int_equal(truncate(path, (off_t)1 << 26), 0);
        gani_safetensors file;
        gan_status status = gani_safetensors_read(&file, small, path, SIZE_MAX / 2);
        if (status != GAN_E_FORMAT) fail_msg("header %d: %s", i, gan_context_error(small));
        gani_safetensors_end(&file);
    }
    gan_context_release(small);
}

static void test_headers(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        gan_status status;
    } cases[] = {
        {"{}", 0, GAN_OK},
        {"{}     ", 0, GAN_OK},
        {"{\"__metadata__\":{\"a\":\"b\"}}", 0, GAN_OK},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24, GAN_OK},
        {"{\"a\":{\"shape\":[],\"data_offsets\":[0,8],\"dtype\":\"F64\"}}", 8, GAN_OK},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]},\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_"
         "offsets\":[0,4]}}",
         7, GAN_OK},
        {"{\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],"
         "\"data_offsets\":[0,1]}}",
         1, GAN_OK},
        {"{\"e\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807,0],\"data_offsets\":[0,0]}}", 0,
         GAN_OK},
        {"{\"h\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, GAN_OK},
        {"{\"h\":{\"dtype\":\"F4_NEW\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, GAN_OK},
        {"{\"r\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1, GAN_OK},
        /* not JSON, or not of this form */
        {"", 0, GAN_E_FORMAT},
        {" {}", 0, GAN_E_FORMAT},
        {"[]", 0, GAN_E_FORMAT},
        {"{\"a\":1}", 0, GAN_E_FORMAT},
        {"{\"a\":{}}", 0, GAN_E_FORMAT},
        {"{\"__metadata__\":{\"a\":1}}", 0, GAN_E_FORMAT},
        {"{\"__metadata__\":[]}", 0, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1.0],\"data_offsets\":[0,1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[\"0\",\"1\"]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,1]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[1,2]}}",
         2, GAN_E_FORMAT},
        /* sizes that lie */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,7]}}", 7, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9223372036854775807,9223372036854775807]}}", 1,
         GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,18446744073709551617]}}", 1, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[9223372036854775807,9223372036854775807],\"data_offsets\":[0,8]}}", 8,
         GAN_E_FORMAT},
        {"{\"h\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,3]}}", 3, GAN_E_FORMAT},
        /* overlaps and gaps */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
         "offsets\":[1,3]}}",
         3, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_"
         "offsets\":[0,2]}}",
         2, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_"
         "offsets\":[2,3]}}",
         3, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, GAN_E_FORMAT},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2, GAN_E_FORMAT},
        {"{}", 1, GAN_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gan_status status = read_file(cases[i].header, cases[i].data);
        if (status != cases[i].status)
            fail_msg("%s with %zu bytes: status %d, %s", cases[i].header, cases[i].data, (int)status,
                     gan_context_error(context));
    }
}

static void test_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {
        0, 1, 3, 1000, 100000001, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63};
    gani_safetensors file;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        for (int k = 0; k < 8; k++) bytes[k] = (unsigned char)(lengths[i] >> (8 * k));
        files_write(path, bytes, sizeof bytes);
        assert_int_equal(gani_safetensors_read(&file, context, path, 1000), GAN_E_FORMAT);
        gani_safetensors_end(&file);
    }
    for (size_t n = 0; n < 8; n++) {
        files_write(path, "\2\0\0\0\0\0\0\0", n);
        assert_int_equal(gani_safetensors_read(&file, context, path, 1000), GAN_E_FORMAT);
    }
    files_write(path, "\2\0\0\0\0\0\0\0{}", 10);
    assert_int_equal(gani_safetensors_read(&file, context, path, 9), GAN_E_LIMIT);
    assert_int_equal(gani_safetensors_read(&file, context, folder, 1000), GAN_E_IO);
    files_remove(path);
    assert_int_equal(gani_safetensors_read(&file, context, path, 1000), GAN_E_IO);
}

/* Tensors of all types with known values: element i is i + 1, or the item's name says what. */
static void write_all(int32_t checksum) {
    gan_tensor *a, *b, *c, *d, *e, *f;
    const double six[6] = {1, -2, 3.5, 4, 5, 1e-30}, two[2] = {0.1, -1e300}, three[3] = {-2147483648.0, 0, 2147483647},
                 five[5] = {0, 1, 2, 254, 255}, one = 42;
    a = host_tensor(context, GAN_F32, gan_shape_2d(2, 3), six);
    b = host_tensor(context, GAN_F64, gan_shape_1d(2), two);
    c = host_tensor(context, GAN_I32, gan_shape_1d(3), three);
    d = host_tensor(context, GAN_U8, gan_shape_1d(5), five);
    e = host_tensor(context, GAN_F32, gan_shape_0d(), &one);
    assert_int_equal(gan_tensor_create(&f, context, GAN_F32, gan_shape_2d(0, 4)), GAN_OK);
    const gani_entry entries[] = {{"0.weight", a}, {"double", b}, {"u\"8\xc3\xa9", d},
                                  {"int", c},      {"scalar", e}, {"empty", f}};
    const gani_note notes[] = {{"key", "{\"json\":\"in json\"}\n"}, {"format", "pt"}};
    assert_int_equal(gani_safetensors_write(context, path, entries, 6, notes, 2, checksum), GAN_OK);
    gan_tensor_release(a);
    gan_tensor_release(b);
    gan_tensor_release(c);
    gan_tensor_release(d);
    gan_tensor_release(e);
    gan_tensor_release(f);
}

static void test_round_trip(void **state) {
    (void)state;
    gani_safetensors file;
    write_all(1);
    assert_int_equal(gani_safetensors_read(&file, context, path, 10000), GAN_OK);
    assert_int_equal(file.header_size % 8, 0);
    assert_int_equal(file.count, 6);
    assert_string_equal(file.tensors[2].name, "u\"8\xc3\xa9");
    assert_int_equal(gani_safetensors_verify(&file, 1), GAN_OK);
    assert_string_equal(gani_safetensors_note(&file, "key"), "{\"json\":\"in json\"}\n");
    assert_string_equal(gani_safetensors_note(&file, "format"), "pt");
    assert_null(gani_safetensors_note(&file, "none"));
    assert_null(gani_safetensors_find(&file, "none"));
    static const struct {
        const char *name;
        gan_dtype stored, wanted;
        int64_t count;
        int32_t convert;
        gan_status status;
        double last;
    } cases[] = {
        {"double", GAN_F64, GAN_F64, 2, 0, GAN_OK, -1e300},    {"double", GAN_F64, GAN_F32, 2, 0, GAN_E_MISMATCH, 0},
        {"double", GAN_F64, GAN_F32, 2, 1, GAN_OK, -INFINITY}, {"double", GAN_F64, GAN_F64, 3, 1, GAN_E_MISMATCH, 0},
        {"int", GAN_I32, GAN_I32, 3, 0, GAN_OK, 2147483647},   {"int", GAN_I32, GAN_F32, 3, 1, GAN_E_MISMATCH, 0},
        {"u\"8\xc3\xa9", GAN_U8, GAN_U8, 5, 0, GAN_OK, 255},   {"nothing", 0, GAN_F32, 1, 1, GAN_E_MISMATCH, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gan_tensor *tensor;
        assert_int_equal(gan_tensor_create(&tensor, context, cases[i].wanted, gan_shape_1d(cases[i].count)), GAN_OK);
        gan_status status = gani_safetensors_check(&file, cases[i].name, tensor, cases[i].convert);
        assert_int_equal(status, cases[i].status);
        if (status == GAN_OK) {
            gani_safetensors_load(&file, cases[i].name, tensor);
            assert_true(gan_tensor_item(tensor, cases[i].count - 1) == cases[i].last);
        } else {
            assert_non_null(strstr(gan_context_error(context), cases[i].name));
        }
        gan_tensor_release(tensor);
    }
    const double six[6] = {1, -2, 3.5, 4, 5, 1e-30};
    gan_tensor *wide, *expected = host_tensor(context, GAN_F32, gan_shape_2d(2, 3), six);
    assert_int_equal(gan_tensor_create(&wide, context, GAN_F64, gan_shape_2d(2, 3)), GAN_OK);
    gani_safetensors_load(&file, "0.weight", wide);
    assert_true(compare_tensors("converted", wide, expected, 0));
    gan_tensor_release(wide);
    gan_tensor_release(expected);
    gani_safetensors_end(&file);
    write_all(0);
    assert_int_equal(gani_safetensors_read(&file, context, path, 10000), GAN_OK);
    assert_int_equal(gani_safetensors_verify(&file, 1), GAN_E_FORMAT);
    gani_safetensors_end(&file);
}

static void test_every_cut(void **state) {
    (void)state;
    size_t size;
    write_all(1);
    unsigned char *data = files_read(path, &size);
    for (size_t n = 0; n < size; n++) {
        gani_safetensors file;
        files_write(path, data, n);
        assert_int_equal(gani_safetensors_read(&file, context, path, 10000), GAN_E_FORMAT);
        gani_safetensors_end(&file);
    }
    free(data);
}

/* Random changes: read or refused, never a fault; and the checksum sees all of them. */
static void test_changes(void **state) {
    (void)state;
    size_t size;
    write_all(1);
    unsigned char *data = files_read(path, &size);
    uint64_t random = 1234567;
    for (int round = 0; round < 3000; round++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        size_t at = (size_t)(random >> 33) % size;
        unsigned char old = data[at];
        data[at] ^= (unsigned char)(1u << (random >> 20 & 7));
        files_write(path, data, size);
        data[at] = old;
        gani_safetensors file;
        gan_status status = gani_safetensors_read(&file, context, path, 10000);
        if (status == GAN_OK) status = gani_safetensors_verify(&file, 1);
        gani_safetensors_end(&file);
        assert_int_equal(status, GAN_E_FORMAT);
    }
    /* that a changed file may go without a checksum is no advice where one is required */
    data[size - 1] ^= 1;
    files_write(path, data, size);
    gani_safetensors file;
    assert_int_equal(gani_safetensors_read(&file, context, path, 10000), GAN_OK);
    for (int32_t required = 0; required < 2; required++) {
        assert_int_equal(gani_safetensors_verify(&file, required), GAN_E_FORMAT);
        assert_non_null(strstr(gan_context_error(context), "its checksum is wrong"));
        assert_true((strstr(gan_context_error(context), "removes gan.checksum") == NULL) == required);
    }
    gani_safetensors_end(&file);
    free(data);
}

static void test_without_memory(void **state) {
    (void)state;
    write_all(1);
    gan_status status = GAN_E_MEMORY;
    for (long long n = 1; status != GAN_OK; n++) {
        gani_safetensors file;
        memory.fail_at = atomic_load(&memory.calls) + n;
        status = gani_safetensors_read(&file, context, path, 10000);
        memory.fail_at = 0;
        gani_safetensors_end(&file);
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
    }
}

/* A reader that shares nothing with ours. It leaves with 77 if there is no Python. */
static void test_python(void **state) {
    (void)state;
    char command[3 * FILES_PATH];
    write_all(1);
    snprintf(command, sizeof command,
             "command -v python3 >/dev/null || exit 77; exec python3 '%s/unit/read_safetensors.py' '%s'", GAN_TEST_DIR,
             path);
    int status = system(command);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),   cmocka_unit_test(test_lengths),         cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_cut), cmocka_unit_test(test_changes),         cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_python),    cmocka_unit_test(test_large_and_empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
