/* The drawn digits: pure functions of seed and index, true to their factors, and told apart by a simple classifier. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/data.h>

#include "files.h"
#include "host.h"

static gan_dataset *make(gan_context *context, int64_t count, int64_t size, uint64_t seed) {
    gan_digits_options options;
    gan_digits_options_init(&options);
    options.count = count;
    options.size = size;
    options.seed = seed;
    gan_dataset *set;
    assert_int_equal(gan_digits_create(&set, context, &options), GAN_OK);
    return set;
}

static void contract(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    gan_dataset *set, *same, *other;
    assert_int_equal(gan_digits_create(&set, context, NULL), GAN_OK);
    assert_int_equal(gan_dataset_count(set), 60000);
    assert_int_equal(gan_dataset_classes(set), 10);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(1, 28, 28)));
    for (int32_t i = 0; i < 10; i++) {
        char name[2] = {(char)('0' + i), 0};
        assert_string_equal(gan_dataset_class_name(set, i), name);
    }
    assert_null(gan_dataset_class_name(set, 10));
    gan_dataset_release(set);
    set = make(context, 1000, 28, 5);
    same = make(context, 2000, 28, 5);
    other = make(context, 1000, 28, 6);
    assert_true(gan_dataset_fingerprint(set) != gan_dataset_fingerprint(other));
    assert_true(gan_dataset_fingerprint(set) != gan_dataset_fingerprint(same)); /* another count */
    int shares[10] = {0}, differ = 0;
    for (int64_t i = 999; i >= 0; i--) {
        uint8_t a[784], b[784], c[784];
        int32_t label, again;
        assert_int_equal(gan_dataset_read(set, i, a, sizeof a, &label), GAN_OK);
        assert_int_equal(gan_dataset_read(same, i, b, sizeof b, &again), GAN_OK);
        assert_int_equal(gan_dataset_read(other, i, c, sizeof c, NULL), GAN_OK);
        assert_memory_equal(a, b, sizeof a);
        assert_int_equal(label, again);
        differ += memcmp(a, c, sizeof a) != 0;
        assert_in_range(label, 0, 9);
        shares[label]++;
        double slant, width;
        assert_int_equal(gan_digits_factors(set, i, &slant, &width), GAN_OK);
        assert_true(fabs(slant) <= 0.35 && width >= 1.6 && width <= 3.6);
    }
    assert_int_equal(differ, 1000);
    for (int i = 0; i < 10; i++) assert_int_equal(shares[i], 100);
    /* refusals */
    double slant;
    assert_int_equal(gan_digits_factors(set, 0, &slant, NULL), GAN_OK);
    assert_int_equal(gan_digits_factors(set, 0, NULL, NULL), GAN_OK);
    assert_int_equal(gan_digits_factors(set, 1000, &slant, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_digits_factors(set, -1, &slant, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_digits_factors(NULL, 0, &slant, NULL), GAN_E_ARGUMENT);
    gan_dataset_release(set);
    gan_dataset_release(same);
    gan_dataset_release(other);
    gan_dataset_release(NULL);
    gan_digits_options options;
    static const int64_t bad[4][2] = {{0, 28}, {-5, 28}, {10, 29}, {10, -1}};
    for (int k = 0; k < 4; k++) {
        gan_digits_options_init(&options);
        options.count = bad[k][0];
        options.size = bad[k][1];
        set = (gan_dataset *)&options;
        assert_int_equal(gan_digits_create(&set, context, &options), GAN_E_ARGUMENT);
        assert_null(set);
    }
    memset(&options, 0, sizeof options);
    assert_int_equal(gan_digits_create(&set, context, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_digits_create(NULL, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_digits_create(&set, NULL, NULL), GAN_E_ARGUMENT);
    memory.fail_at = memory.calls + 1;
    assert_int_equal(gan_digits_create(&set, context, NULL), GAN_E_MEMORY);
    memory.fail_at = 0;
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* Ink and slant as a reader measures them: area, and the shear that makes the second moments upright. */
static double ink_of(const uint8_t *pixels, int64_t size, double *slant) {
    double ink = 0, mx = 0, my = 0, xy = 0, yy = 0;
    for (int64_t i = 0; i < size * size; i++) {
        double v = pixels[i] / 255.0, x = (double)(i % size), y = (double)(i / size);
        ink += v;
        mx += v * x;
        my += v * y;
        xy += v * x * y;
        yy += v * y * y;
    }
    mx /= ink;
    my /= ink;
    *slant = atan(-(xy / ink - mx * my) / (yy / ink - my * my));
    return ink;
}

static double correlation(const double *a, const double *b, int count) {
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < count; i++) {
        ma += a[i] / count;
        mb += b[i] / count;
    }
    for (int i = 0; i < count; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

/* The factors are what is seen, in every class, and nothing is cut off at the edge. */
static void factors(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    for (int64_t size = 28; size <= 32; size += 4) {
        enum { COUNT = 4000, SHARE = COUNT / 10 };
        gan_dataset *set = make(context, COUNT, size, 3);
        static double slants[10][SHARE], seen_slants[10][SHARE], widths[10][SHARE], inks[10][SHARE];
        for (int i = 0; i < COUNT; i++) {
            uint8_t pixels[1024];
            int32_t label;
            assert_int_equal(gan_dataset_read(set, i, pixels, (size_t)(size * size), &label), GAN_OK);
            assert_int_equal(gan_digits_factors(set, i, &slants[label][i / 10], &widths[label][i / 10]), GAN_OK);
            inks[label][i / 10] = ink_of(pixels, size, &seen_slants[label][i / 10]);
            for (int64_t k = 0; k < size; k++) {
                assert_int_equal(pixels[k], 0);
                assert_int_equal(pixels[(size - 1) * size + k], 0);
                assert_int_equal(pixels[k * size], 0);
                assert_int_equal(pixels[k * size + size - 1], 0);
            }
        }
        for (int c = 0; c < 10; c++) {
            double by_slant = correlation(slants[c], seen_slants[c], SHARE),
                   by_width = correlation(widths[c], inks[c], SHARE);
            print_message("digit %d: correlation of slant %.3f, of width %.3f\n", c, by_slant, by_width);
            assert_true(by_slant > 0.7);
            assert_true(by_width > 0.7); /* ink is also length: a 1 with serifs has half as much again */
        }
        gan_dataset_release(set);
    }
    gan_context_release(context);
}

/* Nearest neighbour among 2000 items of another seed: recognisable, and so varied that no item is a copy. */
static void recognisable(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    enum { KNOWN = 2000, ASKED = 500 };
    gan_dataset *known = make(context, KNOWN, 28, 1), *asked = make(context, ASKED, 28, 2);
    uint8_t *items = malloc(KNOWN * 784);
    for (int i = 0; i < KNOWN; i++) assert_int_equal(gan_dataset_read(known, i, items + i * 784, 784, NULL), GAN_OK);
    int right = 0;
    for (int i = 0; i < ASKED; i++) {
        uint8_t pixels[784];
        int32_t label;
        long long best = -1;
        int guess = 0;
        assert_int_equal(gan_dataset_read(asked, i, pixels, sizeof pixels, &label), GAN_OK);
        for (int k = 0; k < KNOWN; k++) {
            long long distance = 0;
            for (int p = 0; p < 784; p++)
                distance += (pixels[p] - items[k * 784 + p]) * (pixels[p] - items[k * 784 + p]);
            if (best < 0 || distance < best) {
                best = distance;
                guess = k % 10;
            }
        }
        assert_true(best > 100000);
        right += guess == label;
    }
    print_message("nearest neighbour: %d of %d\n", right, ASKED);
    assert_true(right >= ASKED * 92 / 100);
    free(items);
    gan_dataset_release(known);
    gan_dataset_release(asked);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(contract), cmocka_unit_test(factors),
                                       cmocka_unit_test(recognisable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
