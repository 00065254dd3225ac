/* gan_sheet_write against make_grid's layout, computed here pixel by pixel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/image.h>

#include "files.h"
#include "folder_fixture.h"
#include "host.h"

static char path[FILES_PATH];

static int set_up(void **state) {
    open_folders(state);
    files_join(path, folder, "sheet.png");
    return 0;
}

/* What torchvision does: a canvas of the padding's value; image k at row k / columns, column k % columns; each
 * behind one padding. */
static int expected_pixel(const gan_tensor *images, const gan_sheet_options *o, int64_t c, int64_t y, int64_t x) {
    gan_shape shape = gan_tensor_shape(images);
    int64_t count = shape.size[0], columns = o->columns < count ? o->columns : count;
    int64_t cell_height = shape.size[2] + o->padding, cell_width = shape.size[3] + o->padding;
    y /= o->zoom;
    x /= o->zoom;
    int64_t row = y / cell_height, column = x / cell_width, inner_y = y % cell_height - o->padding,
            inner_x = x % cell_width - o->padding;
    int64_t k = row * columns + column;
    if (inner_y < 0 || inner_x < 0 || column >= columns || k >= count) return (int)floor(255 * o->background + 0.5);
    double v = gan_tensor_item(images, ((k * shape.size[1] + c) * shape.size[2] + inner_y) * shape.size[3] + inner_x);
    if (gan_tensor_dtype(images) == GAN_U8) return (int)v;
    if (isnan(v)) return 0;
    v = (v - o->low) / (o->high - o->low);
    v = v < 0 ? 0 : v > 1 ? 1 : v;
    return (int)floor(255 * v + 0.5);
}

static void check(gan_context *context, const gan_tensor *images, const gan_sheet_options *o) {
    gan_shape shape = gan_tensor_shape(images);
    int64_t count = shape.size[0], columns = o->columns < count ? o->columns : count,
            rows = (count + columns - 1) / columns;
    int64_t height = (rows * (shape.size[2] + o->padding) + o->padding) * o->zoom;
    int64_t width = (columns * (shape.size[3] + o->padding) + o->padding) * o->zoom;
    gan_tensor *sheet;
    int status = gan_sheet_write(images, path, o);
    if (status != GAN_OK) print_error("%s\n", gan_context_error(context));
    assert_int_equal(status, GAN_OK);
    assert_int_equal(gan_png_read(&sheet, context, path), GAN_OK);
    assert_true(gan_shape_equal(gan_tensor_shape(sheet), gan_shape_3d(shape.size[1], height, width)));
    const uint8_t *pixels = gan_tensor_const_data(sheet);
    for (int64_t c = 0; c < shape.size[1]; c++)
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++)
                assert_int_equal(pixels[(c * height + y) * width + x], expected_pixel(images, o, c, y, x));
    gan_tensor_release(sheet);
}

static void layout(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    static const int64_t shapes[5][4] = {{1, 1, 3, 4}, {5, 3, 4, 2}, {8, 1, 5, 5}, {9, 3, 3, 3}, {17, 1, 2, 3}};
    static const gan_dtype types[3] = {GAN_F32, GAN_F64, GAN_U8};
    for (int s = 0; s < 5; s++)
        for (int t = 0; t < 3; t++) {
            gan_tensor *images;
            gan_shape shape = gan_shape_4d(shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3]);
            int64_t count = gan_shape_count(shape);
            assert_int_equal(gan_tensor_create(&images, context, types[t], shape), GAN_OK);
            for (int64_t i = 0; i < count; i++) {
                double v = (double)((i * 37 + s) % 101) / 40 - 1.2; /* some beyond -1 and 1 */
                if (types[t] == GAN_F32)
                    ((float *)gan_tensor_data(images))[i] = i == 3 ? NAN : i == 4 ? INFINITY : (float)v;
                if (types[t] == GAN_F64) ((double *)gan_tensor_data(images))[i] = i == 3 ? NAN : i == 4 ? -INFINITY : v;
                if (types[t] == GAN_U8) ((uint8_t *)gan_tensor_data(images))[i] = (uint8_t)(i * 37 + s);
            }
            gan_sheet_options options;
            gan_sheet_options_init(&options);
            check(context, images, &options);
            options.columns = 3;
            options.padding = 0;
            options.zoom = 3;
            options.low = 0;
            check(context, images, &options);
            options.columns = 1000000;
            options.padding = 5;
            options.zoom = 2;
            options.background = 0.5;
            check(context, images, &options);
            options.columns = 1;
            options.background = 1;
            check(context, images, &options);
            gan_tensor_release(images);
        }
    gan_context_release(context);
}

/* Black, white and the middle of the default range, and halves that round up. */
static void rounding(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    const double values[6] = {-1, 1, 0, -1 + 1.001 / 255, -1 + 0.999 / 255, 2};
    const uint8_t expected[6] = {0, 255, 128, 1, 0, 255};
    gan_tensor *images = host_tensor(context, GAN_F64, gan_shape_4d(1, 1, 1, 6), values), *sheet;
    gan_sheet_options options;
    gan_sheet_options_init(&options);
    options.padding = 0;
    assert_int_equal(gan_sheet_write(images, path, &options), GAN_OK);
    assert_int_equal(gan_png_read(&sheet, context, path), GAN_OK);
    assert_memory_equal(gan_tensor_const_data(sheet), expected, 6);
    gan_tensor_release(sheet);
    gan_tensor_release(images);
    gan_context_release(context);
}

static void views(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_tensor *images = host_uniform(context, GAN_F32, gan_shape_4d(4, 5, 3, 6), -1, 1, 1), *turned, *part;
    const int32_t axes[4] = {1, 2, 0, 3};
    assert_int_equal(gan_tensor_permute(&turned, images, axes), GAN_OK); /* 5 x 3 x 4 x 6 */
    assert_int_equal(gan_tensor_slice(&part, turned, 3, 1, 4), GAN_OK);
    gan_sheet_options options;
    gan_sheet_options_init(&options);
    check(context, part, &options);
    gan_tensor_release(images);
    gan_tensor_release(turned);
    gan_tensor_release(part);
    gan_context_release(context);
}

static void refusals(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    gan_tensor *images;
    gan_sheet_options options;
    assert_int_equal(gan_tensor_create(&images, context, GAN_F32, gan_shape_4d(4, 3, 8, 8)), GAN_OK);
    for (int k = 0; k < 10; k++) {
        gan_sheet_options_init(&options);
        if (k == 0) options.columns = 0;
        if (k == 1) options.padding = -1;
        if (k == 2) options.zoom = 0;
        if (k == 3) options.zoom = 65;
        if (k == 4) options.low = 1;
        if (k == 5) options.high = NAN;
        if (k == 6) options.high = INFINITY;
        if (k == 7) options.background = 1.1;
        if (k == 8) options.background = NAN;
        if (k == 9) options.struct_size = 0;
        assert_int_equal(gan_sheet_write(images, path, &options), GAN_E_ARGUMENT);
    }
    gan_sheet_options_init(&options);
    options.padding = 10000;
    assert_int_equal(gan_sheet_write(images, path, &options), GAN_E_LIMIT);
    options.padding = INT64_MAX;
    assert_int_equal(gan_sheet_write(images, path, &options), GAN_E_LIMIT);
    assert_int_equal(gan_sheet_write(images, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_sheet_write(NULL, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_sheet_write(images, "/nonexistent/folder/x.png", NULL), GAN_E_IO);
    long long idle = memory.blocks;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_sheet_write(images, path, NULL);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        assert_int_equal(memory.blocks, idle);
        assert_int_equal(files_count(folder), status == GAN_OK);
        assert_true(k < 50);
    }
    files_remove(path);
    gan_tensor_release(images);
    static const int64_t bad[4][4] = {{0, 3, 4, 4}, {2, 2, 4, 4}, {2, 3, 0, 4}, {2, 3, 4, 0}};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(gan_tensor_create(&images, context, GAN_F32, host_shape(4, bad[k])), GAN_OK);
        assert_int_equal(gan_sheet_write(images, path, NULL), GAN_E_SHAPE);
        gan_tensor_release(images);
    }
    assert_int_equal(gan_tensor_create(&images, context, GAN_F32, gan_shape_3d(3, 4, 4)), GAN_OK);
    assert_int_equal(gan_sheet_write(images, path, NULL), GAN_E_SHAPE);
    gan_tensor_release(images);
    assert_int_equal(gan_tensor_create(&images, context, GAN_I32, gan_shape_4d(1, 3, 4, 4)), GAN_OK);
    assert_int_equal(gan_sheet_write(images, path, NULL), GAN_E_DTYPE);
    gan_tensor_release(images);
    assert_int_equal(files_count(folder), 0);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(layout, set_up, close_folders),
        cmocka_unit_test_setup_teardown(rounding, set_up, close_folders),
        cmocka_unit_test_setup_teardown(views, set_up, close_folders),
        cmocka_unit_test_setup_teardown(refusals, set_up, close_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
