/* Tensors of the caller: creation, wrapping, views, transfer, conversion, reference counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"

static host_memory memory;
static gan_context *context;

static int open_context(void **state) {
    (void)state;
    memset(&memory, 0, sizeof memory);
    context = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
    return 0;
}

static int close_context(void **state) {
    (void)state;
    gan_context_release(context);
    return atomic_load(&memory.blocks) == 0 ? 0 : -1;
}

static void creation(void **state) {
    (void)state;
    static const gan_dtype types[] = {GAN_F32, GAN_F64, GAN_I32, GAN_U8};
    for (int i = 0; i < 4; i++) {
        gan_tensor *t;
        assert_int_equal(gan_tensor_create(&t, context, types[i], gan_shape_3d(2, 3, 4)), GAN_OK);
        assert_int_equal(gan_tensor_dtype(t), types[i]);
        assert_true(gan_shape_equal(gan_tensor_shape(t), gan_shape_3d(2, 3, 4)));
        assert_int_equal(gan_tensor_count(t), 24);
        assert_true(gan_tensor_is_contiguous(t));
        assert_int_equal(gan_tensor_stride(t, 0), 12);
        assert_int_equal(gan_tensor_stride(t, 2), 1);
        assert_int_equal(gan_tensor_stride(t, 3), 0);
        for (int64_t k = 0; k < 24; k++) assert_true(gan_tensor_item(t, k) == 0);
        assert_true(isnan(gan_tensor_item(t, 24)) && isnan(gan_tensor_item(t, -1)));
        gan_tensor_release(t);
    }
    gan_tensor *t = (gan_tensor *)(uintptr_t)1;
    assert_int_equal(gan_tensor_create(&t, context, 0, gan_shape_0d()), GAN_E_DTYPE);
    assert_null(t);
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(-1)), GAN_E_SHAPE);
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(INT64_MAX)), GAN_E_LIMIT);
    assert_int_equal(gan_tensor_create(&t, context, GAN_U8, gan_shape_2d((int64_t)1 << 40, (int64_t)1 << 40)),
                     GAN_E_LIMIT);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_int_equal(gan_tensor_create(&t, context, GAN_U8, gan_shape_1d(100)), GAN_E_MEMORY);
    assert_null(t);
    memory.fail_at = 0;
    assert_int_equal(gan_tensor_create(&t, NULL, GAN_F32, gan_shape_0d()), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_create(NULL, context, GAN_F32, gan_shape_0d()), GAN_E_ARGUMENT);
    /* empty ones are tensors */
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_2d(0, 5)), GAN_OK);
    assert_int_equal(gan_tensor_count(t), 0);
    assert_true(isnan(gan_tensor_item(t, 0)));
    assert_int_equal(gan_tensor_fill(t, 1), GAN_OK);
    assert_int_equal(gan_tensor_read(t, NULL, 0), GAN_OK);
    gan_tensor_release(t);
}

static void nothing(void **state) {
    (void)state;
    assert_int_equal(gan_tensor_dtype(NULL), 0);
    assert_int_equal(gan_tensor_shape(NULL).rank, 0);
    assert_int_equal(gan_tensor_count(NULL), 0);
    assert_null(gan_tensor_data(NULL));
    assert_null(gan_tensor_const_data(NULL));
    assert_true(isnan(gan_tensor_item(NULL, 0)));
    assert_null(gan_tensor_retain(NULL));
    gan_tensor_release(NULL);
    gan_tensor *t = (gan_tensor *)(uintptr_t)1;
    assert_int_equal(gan_tensor_clone(&t, NULL), GAN_E_ARGUMENT);
    assert_null(t);
    assert_int_equal(gan_tensor_reshape(&t, NULL, gan_shape_0d()), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_slice(&t, NULL, 0, 0, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_permute(&t, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_fill(NULL, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_copy(NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_read(NULL, NULL, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_write(NULL, NULL, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_fill_normal(NULL, 0, 1, 0, 0, 0), GAN_E_ARGUMENT);
}

static int done_calls;
static void done(void *user) {
    assert_ptr_equal(user, &done_calls);
    done_calls++;
}

static void wrapped_memory(void **state) {
    (void)state;
    double values[6] = {1, 2, 3, 4, 5, 6};
    gan_tensor *t, *view;
    done_calls = 0;
    assert_int_equal(gan_tensor_wrap(&t, context, GAN_F64, gan_shape_2d(2, 3), values, done, &done_calls), GAN_OK);
    assert_ptr_equal(gan_tensor_data(t), values);
    assert_int_equal(gan_tensor_slice(&view, t, 1, 1, 2), GAN_OK);
    assert_int_equal(gan_tensor_fill(view, 9), GAN_OK);
    assert_true(values[0] == 1 && values[1] == 9 && values[2] == 9 && values[3] == 4 && values[5] == 9);
    gan_tensor_release(t);
    assert_int_equal(done_calls, 0); /* the view still uses it */
    gan_tensor_release(view);
    assert_int_equal(done_calls, 1);
    /* failures do not call it */
    assert_int_equal(gan_tensor_wrap(&t, context, GAN_F64, gan_shape_1d(-3), values, done, &done_calls), GAN_E_SHAPE);
    assert_int_equal(gan_tensor_wrap(&t, context, GAN_F64, gan_shape_1d(3), NULL, done, &done_calls), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_wrap(&t, context, GAN_F64, gan_shape_1d(3), (char *)values + 4, done, &done_calls),
                     GAN_E_ARGUMENT);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_int_equal(gan_tensor_wrap(&t, context, GAN_F64, gan_shape_1d(3), values, done, &done_calls), GAN_E_MEMORY);
    memory.fail_at = 0;
    assert_int_equal(done_calls, 1);
    assert_int_equal(gan_tensor_wrap(&t, context, GAN_F64, gan_shape_1d(0), NULL, NULL, NULL), GAN_OK);
    gan_tensor_release(t);
}

static void views(void **state) {
    (void)state;
    gan_tensor *t, *swapped, *part, *flat, *copy;
    const int32_t order[] = {2, 0, 1}, repeated[] = {0, 0, 1}, beyond[] = {0, 1, 3};
    double values[24], out[24];
    for (int i = 0; i < 24; i++) values[i] = i;
    assert_int_equal(gan_tensor_create(&t, context, GAN_F64, gan_shape_3d(2, 3, 4)), GAN_OK);
    assert_int_equal(gan_tensor_write(t, values, sizeof values), GAN_OK);
    assert_int_equal(gan_tensor_permute(&swapped, t, order), GAN_OK);
    assert_true(gan_shape_equal(gan_tensor_shape(swapped), gan_shape_3d(4, 2, 3)));
    assert_false(gan_tensor_is_contiguous(swapped));
    for (int64_t a = 0; a < 4; a++)
        for (int64_t b = 0; b < 2; b++)
            for (int64_t c = 0; c < 3; c++)
                assert_true(gan_tensor_item(swapped, (a * 2 + b) * 3 + c) == (double)((b * 3 + c) * 4 + a));
    assert_int_equal(gan_tensor_read(swapped, out, sizeof out), GAN_OK);
    assert_true(out[1] == 4 && out[6] == 1);
    assert_int_equal(gan_tensor_slice(&part, swapped, 0, 1, 2), GAN_OK); /* a view of a view */
    assert_true(gan_tensor_item(part, 0) == 1 && gan_tensor_item(part, 6) == 2);
    assert_int_equal(gan_tensor_reshape(&flat, swapped, gan_shape_1d(24)), GAN_E_ARGUMENT); /* not contiguous */
    assert_int_equal(gan_tensor_clone(&copy, part), GAN_OK);
    assert_true(gan_tensor_is_contiguous(copy));
    assert_true(compare_same_bits("clone", copy, part));
    assert_int_equal(gan_tensor_reshape(&flat, copy, gan_shape_2d(6, 2)), GAN_OK);
    assert_int_equal(gan_tensor_fill(flat, -1), GAN_OK);
    assert_true(gan_tensor_item(copy, 11) == -1 && gan_tensor_item(t, 1) == 1);
    assert_int_equal(gan_tensor_write(part, gan_tensor_const_data(copy), 12 * sizeof(double)),
                     GAN_OK); /* through the strides */
    assert_true(gan_tensor_item(t, 0) == 0 && gan_tensor_item(t, 1) == -1 && gan_tensor_item(t, 2) == -1 &&
                gan_tensor_item(t, 3) == 3);
    gan_tensor_release(flat);
    assert_int_equal(gan_tensor_reshape(&flat, t, gan_shape_1d(23)), GAN_E_SHAPE);
    assert_null(flat);
    assert_int_equal(gan_tensor_permute(&flat, t, repeated), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_permute(&flat, t, beyond), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_slice(&flat, t, 3, 0, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_slice(&flat, t, 0, 1, INT64_MAX), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_slice(&flat, t, 0, 2, 0), GAN_OK);
    assert_int_equal(gan_tensor_count(flat), 0);
    gan_tensor_release(flat);
    gan_tensor_release(t); /* views keep the elements alive */
    assert_true(gan_tensor_item(swapped, 0) == 0);
    gan_tensor_release(swapped);
    gan_tensor_release(part);
    gan_tensor_release(copy);
}

static void transfer(void **state) {
    (void)state;
    gan_tensor *t;
    float out[4] = {0};
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(4)), GAN_OK);
    assert_int_equal(gan_tensor_read(t, out, 15), GAN_E_SHAPE);
    assert_int_equal(gan_tensor_write(t, out, 17), GAN_E_SHAPE);
    assert_int_equal(gan_tensor_read(t, NULL, 16), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_read(t, out, 16), GAN_OK);
    gan_tensor *other;
    assert_int_equal(gan_tensor_create(&other, context, GAN_F32, gan_shape_2d(2, 2)), GAN_OK);
    assert_int_equal(gan_tensor_copy(t, other), GAN_E_SHAPE);
    gan_tensor_release(other);
    gan_context *elsewhere = host_context(1);
    assert_int_equal(gan_tensor_create(&other, elsewhere, GAN_F32, gan_shape_1d(4)), GAN_OK);
    assert_int_equal(gan_tensor_copy(t, other), GAN_E_ARGUMENT);
    gan_tensor_release(other);
    gan_context_release(elsewhere);
    gan_tensor_release(t);
}

static void conversion(void **state) {
    (void)state;
    static const double values[] = {0,  0.5,   1.5,    -0.5,     2.4999,    254.6, 255.5,        300,
                                    -3, 1e300, -1e300, INFINITY, -INFINITY, NAN,   2147483647.4, -2147483648.6};
    static const double bytes[] = {0, 1, 2, 0, 2, 255, 255, 255, 0, 255, 0, 255, 0, 0, 255, 0};
    static const double ints[] = {0,
                                  1,
                                  2,
                                  -1,
                                  2,
                                  255,
                                  256,
                                  300,
                                  -3,
                                  2147483647,
                                  -2147483648.0,
                                  2147483647,
                                  -2147483648.0,
                                  0,
                                  2147483647,
                                  -2147483648.0};
    const int64_t count = 16;
    gan_tensor *from = host_tensor(context, GAN_F64, gan_shape_1d(count), values), *u8, *i32, *f32;
    assert_int_equal(gan_tensor_create(&u8, context, GAN_U8, gan_shape_1d(count)), GAN_OK);
    assert_int_equal(gan_tensor_create(&i32, context, GAN_I32, gan_shape_1d(count)), GAN_OK);
    assert_int_equal(gan_tensor_create(&f32, context, GAN_F32, gan_shape_1d(count)), GAN_OK);
    assert_int_equal(gan_tensor_copy(u8, from), GAN_OK);
    assert_int_equal(gan_tensor_copy(i32, from), GAN_OK);
    assert_int_equal(gan_tensor_copy(f32, from), GAN_OK);
    for (int64_t i = 0; i < count; i++) {
        /* halves may go either way: "rounded to nearest" */
        assert_true(fabs(gan_tensor_item(u8, i) - bytes[i]) <= (fabs(values[i] - trunc(values[i])) == 0.5 ? 1 : 0));
        assert_true(fabs(gan_tensor_item(i32, i) - ints[i]) <= (fabs(values[i] - trunc(values[i])) == 0.5 ? 1 : 0));
        assert_true(isnan(values[i]) ? isnan(gan_tensor_item(f32, i))
                                     : gan_tensor_item(f32, i) == (double)(float)values[i]);
    }
    assert_int_equal(gan_tensor_fill(u8, 7.6), GAN_OK);
    assert_true(gan_tensor_item(u8, 3) == 8);
    assert_int_equal(gan_tensor_fill(i32, NAN), GAN_OK);
    assert_true(gan_tensor_item(i32, 3) == 0);
    assert_int_equal(gan_tensor_fill_normal(i32, 0, 1, 0, 0, 0), GAN_E_DTYPE);
    gan_tensor_release(from);
    gan_tensor_release(u8);
    gan_tensor_release(i32);
    gan_tensor_release(f32);
}

static void references(void **state) {
    (void)state;
    gan_tensor *t;
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(4)), GAN_OK);
    long long blocks = atomic_load(&memory.blocks);
    assert_ptr_equal(gan_tensor_retain(t), t);
    gan_tensor_release(t);
    assert_true(atomic_load(&memory.blocks) == blocks);
    gan_tensor_release(t);
    assert_true(atomic_load(&memory.blocks) < blocks);
}

/* Rows of a plane's rotation times known singular values: 3, 2 and 1e-9, which a product with the transpose would lose.
 */
static void singular(void **state) {
    (void)state;
    const double c = 0.6, n = 0.8; /* cosine and sine */
    const double matrix[15] = {3 * c, 0, 2 * n, 0, 0, 3 * n, 0, -2 * c, 0, 0, 0, 0, 0, 1e-9, 0};
    static const int32_t turned[] = {1, 0};
    static const double expected[] = {3, 2, 1e-9};
    gan_tensor *wide, *tall, *narrow, *cube, *empty, *whole;
    double s[3] = {0};
    assert_int_equal(gan_tensor_create(&wide, context, GAN_F64, gan_shape_2d(3, 5)), GAN_OK);
    assert_int_equal(gan_tensor_write(wide, matrix, sizeof matrix), GAN_OK);
    assert_int_equal(gan_tensor_permute(&tall, wide, turned), GAN_OK);
    assert_int_equal(gan_tensor_create(&narrow, context, GAN_F32, gan_shape_2d(3, 5)), GAN_OK);
    assert_int_equal(gan_tensor_copy(narrow, wide), GAN_OK);
    assert_int_equal(gan_tensor_reshape(&cube, wide, gan_shape_3d(3, 5, 1)), GAN_OK);
    assert_int_equal(gan_tensor_singular_values(wide, s, 3), GAN_OK);
    assert_true(compare_abs("wide", s, expected, 3, 1e-14));
    assert_int_equal(gan_tensor_singular_values(tall, s, 3), GAN_OK);
    assert_true(compare_abs("tall, not contiguous", s, expected, 3, 1e-14));
    assert_int_equal(gan_tensor_singular_values(narrow, s, 3), GAN_OK);
    assert_true(compare_abs("f32", s, expected, 3, 1e-6));
    assert_int_equal(gan_tensor_singular_values(cube, s, 3), GAN_OK);
    assert_true(compare_abs("three axes", s, expected, 3, 1e-14));
    assert_int_equal(gan_tensor_create(&empty, context, GAN_F64, gan_shape_2d(0, 5)), GAN_OK);
    assert_int_equal(gan_tensor_singular_values(empty, s, 0), GAN_OK);

    assert_int_equal(gan_tensor_singular_values(NULL, s, 3), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_singular_values(wide, NULL, 3), GAN_E_ARGUMENT);
    assert_int_equal(gan_tensor_singular_values(wide, s, 5), GAN_E_SHAPE);
    assert_non_null(strstr(gan_context_error(context), "5 values of a tensor of shape"));
    assert_int_equal(gan_tensor_create(&whole, context, GAN_I32, gan_shape_2d(2, 2)), GAN_OK);
    assert_int_equal(gan_tensor_singular_values(whole, s, 2), GAN_E_DTYPE);
    gan_tensor_release(whole);
    assert_int_equal(gan_tensor_reshape(&whole, wide, gan_shape_1d(15)), GAN_OK);
    assert_int_equal(gan_tensor_singular_values(whole, s, 1), GAN_E_SHAPE);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_int_equal(gan_tensor_singular_values(wide, s, 3), GAN_E_MEMORY);
    memory.fail_at = 0;
    ((double *)gan_tensor_data(wide))[7] = INFINITY;
    assert_int_equal(gan_tensor_singular_values(wide, s, 3), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "element 7 is not finite"));
    gan_tensor *all[] = {wide, tall, narrow, cube, empty, whole};
    for (int i = 0; i < 6; i++) gan_tensor_release(all[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation),   cmocka_unit_test(nothing),  cmocka_unit_test(wrapped_memory),
        cmocka_unit_test(views),      cmocka_unit_test(transfer), cmocka_unit_test(conversion),
        cmocka_unit_test(references), cmocka_unit_test(singular),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
