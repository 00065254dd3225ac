/* gan_chart_write: the curves are where they should be, the axes carry round numbers, stray values do not flatten
 * the rest. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/image.h>

#include "compare.h"
#include "files.h"
#include "host.h"
#include "io/canvas.h"
#include "io/chart_scale.h"

#define WIDTH 960
#define HEIGHT 540
#define POINTS 400
#define LEGEND_END 80 /* rows above hold title and legend; no plot of these tests begins there */
static const int blue[3] = {0x00, 0x72, 0xb2}, red[3] = {0xd5, 0x5e, 0x00};

static char folder[FILES_PATH], path[FILES_PATH];
static gan_context *context;
static host_memory memory;
static uint8_t *picture; /* planes */
static double xs[POINTS], ys[POINTS], others[POINTS];

static int set_up(void **state) {
    (void)state;
    files_folder(folder);
    files_join(path, folder, "chart.png");
    memset(&memory, 0, sizeof memory);
    context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    picture = malloc(3 * WIDTH * HEIGHT);
    for (int i = 0; i < POINTS; i++) {
        xs[i] = i;
        ys[i] = 0;
        others[i] = 0;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(picture);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
    files_remove(folder);
    return 0;
}

static void draw(int32_t curves, double smoothing) {
    const gan_curve both[2] = {{"first", xs, ys, POINTS}, {"second", xs, others, POINTS}};
    gan_chart_options options;
    gan_chart_options_init(&options);
    options.title = "Title";
    options.x_label = "step";
    options.smoothing = smoothing;
    gan_tensor *image;
    assert_int_equal(gan_chart_write(context, both, curves, path, &options), GAN_OK);
    assert_int_equal(gan_png_read(&image, context, path), GAN_OK);
    assert_true(gan_shape_equal(gan_tensor_shape(image), gan_shape_3d(3, HEIGHT, WIDTH)));
    assert_int_equal(gan_tensor_read(image, picture, 3 * WIDTH * HEIGHT), GAN_OK);
    gan_tensor_release(image);
}

static int is_colour(int x, int y, const int *colour, int tolerance) {
    for (int c = 0; c < 3; c++)
        if (abs(picture[(c * HEIGHT + y) * WIDTH + x] - colour[c]) > tolerance) return 0;
    return 1;
}

/* Mean row of the pixels of a colour in column x; -1 if there are none. */
static double row_of(int x, const int *colour) {
    double sum = 0;
    int count = 0;
    for (int y = LEGEND_END; y < HEIGHT; y++)
        if (is_colour(x, y, colour, 24)) {
            sum += y;
            count++;
        }
    return count == 0 ? -1 : sum / count;
}

/* First and last column of a colour. */
static void extent(const int *colour, int *first, int *last) {
    *first = *last = -1;
    for (int x = 0; x < WIDTH; x++)
        if (row_of(x, colour) >= 0) {
            if (*first < 0) *first = x;
            *last = x;
        }
}

static void straight_lines(void **state) {
    (void)state;
    for (int i = 0; i < POINTS; i++) {
        ys[i] = 3 + 2.0 * i / (POINTS - 1); /* rises from 3 to 5 */
        others[i] = 4;
    }
    draw(2, 0);
    int first, last, other_first, other_last;
    extent(blue, &first, &last);
    extent(red, &other_first, &other_last);
    assert_true(last - first > 800 && last < WIDTH - 20 && first > 20);
    assert_true(abs(first - other_first) <= 2 && abs(last - other_last) <= 2);
    double level = row_of(first + 20, red), low = row_of(first + 2, blue), high = row_of(last - 6, blue);
    for (int x = first + 5; x < last - 10; x++) {
        if (abs(x - (first + last) / 2) < 30) continue; /* where they cross */
        assert_true(fabs(row_of(x, red) - level) <= 0.6);
        double share = (double)(x - first) / (last - first);
        assert_true(fabs(row_of(x, blue) - (low + share * (high - low))) < 6);
    }
    assert_true(low - high > 300);                   /* the plot is used */
    assert_true(fabs((low + high) / 2 - level) < 6); /* 4 is in the middle of 3 and 5 */
    /* the legend shows both colours above the plot */
    int found_blue = 0, found_red = 0;
    for (int y = 0; y < LEGEND_END; y++)
        for (int x = 0; x < WIDTH; x++) {
            found_blue += is_colour(x, y, blue, 8);
            found_red += is_colour(x, y, red, 8);
        }
    assert_true(found_blue > 20 && found_red > 20);
}

static void gaps_and_dots(void **state) {
    (void)state;
    for (int i = 0; i < POINTS; i++) ys[i] = i >= 100 && i < 300 ? NAN : 1;
    ys[200] = 1;
    ys[150] = INFINITY;
    for (int i = 0; i < POINTS; i++) others[i] = 2;
    draw(2, 0);
    int first, last;
    extent(red, &first, &last);
    double per_point = (double)(last - first) / (POINTS - 1);
    for (int i = 2; i < POINTS - 2; i++) {
        int x = (int)(first + per_point * i + 0.5);
        if (abs(i - 99) < 4 || abs(i - 300) < 4 || abs(i - 200) < 4) continue;
        assert_int_equal(row_of(x, blue) >= 0, i < 100 || i >= 300);
    }
    assert_true(row_of((int)(first + per_point * 200 + 0.5), blue) >= 0);
}

static void stray_values(void **state) {
    (void)state;
    double rows[2];
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < POINTS; i++) ys[i] = sin(i * 0.05);
        if (k == 1) ys[10] = 1e6, ys[11] = -1e9, ys[12] = 1e300;
        draw(1, 0);
        int first, last;
        extent(blue, &first, &last);
        double top = HEIGHT, bottom = 0;
        for (int x = first + 60; x < last - 5; x++) { /* past the stray values */
            top = fmin(top, row_of(x, blue));
            bottom = fmax(bottom, row_of(x, blue));
        }
        rows[k] = bottom - top;
    }
    assert_true(rows[0] > 300);
    assert_true(rows[1] > 0.9 * rows[0]);
    /* more than 1% of large values are part of the picture */
    for (int i = 0; i < POINTS; i++) ys[i] = i % 20 == 0 ? 100 : sin(i * 0.05);
    draw(1, 0);
    int below = 0;
    for (int x = 100; x < 900; x++) below += row_of(x, blue) > HEIGHT * 0.7;
    assert_true(below > 400);
}

static void smoothing(void **state) {
    (void)state;
    for (int i = 0; i < POINTS; i++) ys[i] = i % 2 ? 1 : -1;
    draw(1, 0.98);
    int first, last;
    extent(blue, &first, &last);
    double middle = row_of(last - 100, blue);
    for (int x = (first + last) / 2; x < last - 8; x++) assert_true(fabs(row_of(x, blue) - middle) < 8);
    /* the average begins at the first value, not at 0 */
    for (int i = 0; i < POINTS; i++) {
        ys[i] = 5;
        others[i] = 10.0 * i / POINTS; /* makes 5 the middle */
    }
    draw(2, 0.98);
    extent(blue, &first, &last);
    double level = row_of(last - 20, blue);
    for (int x = first + 4; x < last - 8; x++)
        if (row_of(x, red) < 0 || fabs(row_of(x, red) - level) > 12) assert_true(fabs(row_of(x, blue) - level) < 2);
    for (int i = 0; i < POINTS; i++) ys[i] = i % 2 ? 1 : -1;
    draw(1, 0.98);
    int pale = 0; /* 28% blue on white, over the whole height */
    static const int pale_blue[3] = {0xff - 0xff * 28 / 100, 0xff - (0xff - 0x72) * 28 / 100,
                                     0xff - (0xff - 0xb2) * 28 / 100};
    for (int y = (int)middle + 60; y < (int)middle + 120; y++)
        for (int x = 200; x < 800; x++) pale += is_colour(x, y, pale_blue, 30);
    assert_true(pale > 10000);
}

/* All sorts of input that must give a picture. */
static void odd_input(void **state) {
    (void)state;
    gan_chart_options options;
    gan_chart_options_init(&options);
    gan_curve curve = {NULL, NULL, NULL, 0};
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_OK);
    static double x[4] = {5, 5, 5, 5}, y[4] = {1e308, -1e308, NAN, 0};
    curve = (gan_curve){"", x, y, 4};
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_OK);
    x[3] = 1e308;
    x[0] = -1e308;
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_OK);
    y[0] = y[1] = y[3] = 1e-320;
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_OK);
    y[0] = y[1] = y[2] = y[3] = NAN;
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_OK);
    y[0] = 123456789;
    y[1] = 123456789.0000001;
    char *text = malloc(5000);
    memset(text, 'W', 4999);
    text[4999] = 0;
    text[7] = '\xff';
    options.title = options.x_label = curve.name = text;
    gan_curve eight[8];
    for (int i = 0; i < 8; i++) eight[i] = curve;
    static const int sizes[4][2] = {{200, 200}, {200, 8192}, {3000, 200}, {1234, 777}};
    for (int k = 0; k < 4; k++) {
        options.width = sizes[k][0];
        options.height = sizes[k][1];
        options.smoothing = k * 0.3;
        assert_int_equal(gan_chart_write(context, eight, 8, path, &options), GAN_OK);
        gan_tensor *image;
        assert_int_equal(gan_png_read(&image, context, path), GAN_OK);
        assert_true(gan_shape_equal(gan_tensor_shape(image), gan_shape_3d(3, sizes[k][1], sizes[k][0])));
        gan_tensor_release(image);
    }
    free(text);
}

static void check_labels(double low, double high, const char *const *expected, int count) {
    gani_scale scale;
    gani_scale_set(&scale, low, high, 0, 5);
    assert_int_equal(scale.last - scale.first + 1, count);
    for (int i = 0; i < count; i++) {
        char text[GANI_TICK_TEXT];
        gani_scale_label(&scale, scale.first + i, text);
        assert_string_equal(text, expected[i]);
    }
}

static void round_ticks(void **state) {
    (void)state;
    check_labels(0, 1, (const char *const[]){"0", "0.2", "0.4", "0.6", "0.8", "1.0"}, 6);
    check_labels(-1.3, 1.1, (const char *const[]){"-1.0", "-0.5", "0", "0.5", "1.0"}, 5);
    check_labels(0, 25000, (const char *const[]){"0", "5k", "10k", "15k", "20k", "25k"}, 6);
    check_labels(0, 5000, (const char *const[]){"0", "1000", "2000", "3000", "4000", "5000"}, 6);
    check_labels(0, 2.5e6, (const char *const[]){"0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M"}, 6);
    check_labels(1e-5, 5e-5, (const char *const[]){"1e-5", "2e-5", "3e-5", "4e-5", "5e-5"}, 5);
    check_labels(0.011, 0.029, (const char *const[]){"0.015", "0.020", "0.025"}, 3);
    check_labels(-3e13, 3e13, (const char *const[]){"-2e13", "0", "2e13"}, 3);
    /* every range gives at least two ticks inside it, with steps of 1, 2 or 5 times a power of ten */
    for (int i = 0; i < 20000; i++) {
        double size = pow(10, i % 41 - 20), low = size * sin(i * 1.7), high = low + size * (0.001 + fabs(cos(i * 0.9)));
        gani_scale scale;
        gani_scale_set(&scale, low, high, 0.05 * (i % 2), 2 + i % 9);
        assert_true(scale.first < scale.last && scale.last - scale.first <= 30);
        assert_true(scale.digit == 1 || scale.digit == 2 || scale.digit == 5);
        assert_true((double)scale.first * scale.step >= scale.low - 1e-6 * size);
        assert_true((double)scale.last * scale.step <= scale.high + 1e-6 * size);
        assert_true(compare_number("step", scale.step / (scale.digit * pow(10, scale.exponent)), 1, 1e-12));
        for (int64_t k = scale.first; k <= scale.last; k++) { /* labels say what the tick is */
            char text[GANI_TICK_TEXT], number[GANI_TICK_TEXT];
            gani_scale_label(&scale, k, text);
            snprintf(number, sizeof number, "%s", text);
            char *suffix = strpbrk(number, "kMG");
            double factor = suffix == NULL ? 1 : *suffix == 'k' ? 1e3 : *suffix == 'M' ? 1e6 : 1e9;
            if (suffix != NULL) *suffix = 0;
            double value = strtod(number, NULL) * factor;
            assert_true(fabs(value - (double)k * scale.step) <= 1e-9 * fabs(value));
        }
    }
}

/* Every letter leaves ink within its own place. */
static void letters(void **state) {
    (void)state;
    gani_canvas canvas;
    assert_int_equal(gani_canvas_begin(&canvas, context, 80, 80, 0xffffff), GAN_OK);
    uint8_t *seen[95];
    for (int c = 32; c < 127; c++) {
        char text[2] = {(char)c, 0};
        gani_canvas_fill(&canvas, canvas.clip, 0xffffff);
        gani_text_draw(&canvas, 20, 50, 28, 2, 0, text);
        int ink = 0;
        double width = gani_text_width(text, 28);
        for (int y = 0; y < 80; y++)
            for (int x = 0; x < 80; x++) {
                if (canvas.pixels[(y * 80 + x) * 3] > 128) continue;
                ink++;
                assert_true(x >= 18 && x <= 20 + width + 1);
                assert_true(y >= 50 - 28 - 2 && y <= 50 + 28 * 4 / 14 + 2);
            }
        assert_true(c == ' ' ? ink == 0 : ink >= 4);
        seen[c - 32] = malloc(80 * 80 * 3);
        memcpy(seen[c - 32], canvas.pixels, 80 * 80 * 3);
        for (int other = 32; other < c; other++) /* I, l and | may look alike */
            if (strchr("Il|", c) == NULL) assert_memory_not_equal(seen[other - 32], seen[c - 32], 80 * 80 * 3);
    }
    for (int i = 0; i < 95; i++) free(seen[i]);
    gani_canvas_end(&canvas);
}

static void refusals(void **state) {
    (void)state;
    gan_curve curve = {"a", xs, ys, POINTS};
    gan_chart_options options;
    assert_int_equal(gan_chart_write(NULL, &curve, 1, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_chart_write(context, NULL, 1, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_chart_write(context, &curve, 0, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_chart_write(context, &curve, 9, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_chart_write(context, &curve, 1, NULL, NULL), GAN_E_ARGUMENT);
    for (int k = 0; k < 6; k++) {
        gan_chart_options_init(&options);
        if (k == 0) options.width = 199;
        if (k == 1) options.height = 8193;
        if (k == 2) options.smoothing = 1;
        if (k == 3) options.smoothing = -0.1;
        if (k == 4) options.smoothing = NAN;
        if (k == 5) options.struct_size = 3;
        assert_int_equal(gan_chart_write(context, &curve, 1, path, &options), GAN_E_ARGUMENT);
    }
    xs[7] = 3;
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_E_ARGUMENT);
    xs[7] = NAN;
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_E_ARGUMENT);
    xs[7] = 7;
    curve.count = -1;
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_E_ARGUMENT);
    curve = (gan_curve){"a", NULL, ys, 3};
    assert_int_equal(gan_chart_write(context, &curve, 1, path, NULL), GAN_E_ARGUMENT);
    curve = (gan_curve){"a", xs, ys, POINTS};
    assert_int_equal(gan_chart_write(context, &curve, 1, "/nonexistent/folder/x.png", NULL), GAN_E_IO);
    assert_int_equal(files_count(folder), 0);
    long long idle = memory.blocks;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_chart_write(context, &curve, 1, path, NULL);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        assert_int_equal(memory.blocks, idle);
        assert_int_equal(files_count(folder), status == GAN_OK);
        assert_true(k < 50);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(straight_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gaps_and_dots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stray_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(smoothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(round_ticks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(letters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
