/* Shapes: counts without overflow, equality, texts, checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <gan.h>

#include "base/context.h"
#include "host.h"
#include "tensor/tensor.h"

static void counts(void **state) {
    (void)state;
    const int64_t big = (int64_t)1 << 32;
    assert_true(gan_shape_count(gan_shape_0d()) == 1);
    assert_true(gan_shape_count(gan_shape_1d(7)) == 7);
    assert_true(gan_shape_count(gan_shape_2d(2, 3)) == 6);
    assert_true(gan_shape_count(gan_shape_3d(2, 3, 4)) == 24);
    assert_true(gan_shape_count(gan_shape_4d(2, 3, 4, 5)) == 120);
    assert_true(gan_shape_count(gan_shape_2d(0, 3)) == 0);
    assert_true(gan_shape_count(gan_shape_2d(-1, 3)) == -1);
    assert_true(gan_shape_count(gan_shape_2d(-1, 0)) == -1);
    assert_true(gan_shape_count(gan_shape_2d(big, big)) == -1);
    assert_true(gan_shape_count(gan_shape_4d(big, big, big, 0)) == 0); /* nothing to count, whatever the other sizes */
    assert_true(gan_shape_count(gan_shape_1d(INT64_MAX)) == INT64_MAX);
    gan_shape bad = gan_shape_0d();
    bad.rank = GAN_MAX_RANK + 1;
    assert_true(gan_shape_count(bad) == -1);
    bad.rank = -1;
    assert_true(gan_shape_count(bad) == -1);
}

static void equality(void **state) {
    (void)state;
    gan_shape a = gan_shape_2d(2, 3), b = a;
    b.size[5] = 99; /* beyond the rank nothing counts */
    b.reserved = 1;
    assert_true(gan_shape_equal(a, b));
    assert_false(gan_shape_equal(a, gan_shape_2d(3, 2)));
    assert_false(gan_shape_equal(a, gan_shape_3d(2, 3, 1)));
    assert_true(gan_shape_equal(gan_shape_0d(), gan_shape_0d()));
    a.rank = b.rank = 100;
    assert_false(gan_shape_equal(a, b));
}

static void texts(void **state) {
    (void)state;
    char text[GANI_SHAPE_TEXT];
    assert_string_equal(gani_shape_text(gan_shape_0d(), text), "scalar");
    assert_string_equal(gani_shape_text(gan_shape_4d(64, 3, 28, 28), text), "64x3x28x28");
    assert_string_equal(gani_shape_text(gan_shape_1d(0), text), "0");
    gan_shape longest = gan_shape_0d();
    longest.rank = GAN_MAX_RANK;
    for (int i = 0; i < GAN_MAX_RANK; i++) longest.size[i] = INT64_MIN;
    assert_true(strlen(gani_shape_text(longest, text)) < GANI_SHAPE_TEXT);
    longest.rank = 9;
    assert_non_null(strstr(gani_shape_text(longest, text), "9"));
}

static void checks(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    assert_int_equal(gani_shape_check(context, "x", gan_shape_2d(0, 3), GAN_F32), GAN_OK);
    assert_int_equal(gani_shape_check(context, "x", gan_shape_2d(2, 3), 17), GAN_E_DTYPE);
    assert_int_equal(gani_shape_check(context, "x", gan_shape_2d(-2, 3), GAN_F32), GAN_E_SHAPE);
    assert_int_equal(gani_shape_check(context, "x", gan_shape_1d(INT64_MAX / 4), GAN_F64), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "x:"));
    int64_t strides[GAN_MAX_RANK];
    gani_strides(gan_shape_3d(2, 3, 4), strides);
    assert_true(strides[0] == 12 && strides[1] == 4 && strides[2] == 1);
    gan_context_release(context);
}

static void types(void **state) {
    (void)state;
    assert_true(gan_dtype_size(GAN_F32) == 4 && gan_dtype_size(GAN_F64) == 8 && gan_dtype_size(GAN_I32) == 4);
    assert_true(gan_dtype_size(GAN_U8) == 1 && gan_dtype_size(0) == 0 && gan_dtype_size(99) == 0 &&
                gan_dtype_size(-1) == 0);
    for (gan_status s = 1; s > -40; s--) assert_true(strlen(gan_status_text(s)) > 0);
    assert_string_equal(gan_status_text(GAN_E_MEMORY), "out of memory");
    assert_int_equal(gan_version(), GAN_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts), cmocka_unit_test(equality), cmocka_unit_test(texts),
        cmocka_unit_test(checks), cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
