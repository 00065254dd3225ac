/* Random numbers: known answers of Philox, the published formulas, streams, permutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "base/box_muller.h"
#include "base/rng.h"
#include "compare.h"
#include "host.h"

/* Random123's kat_vectors, philox4x32-10: counter, key, result. */
static void known_answers(void **state) {
    (void)state;
    static const uint32_t vectors[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
         0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (int i = 0; i < 3; i++) {
        const uint32_t *v = vectors[i];
        uint32_t lanes[4];
        gani_philox((uint64_t)v[5] << 32 | v[4], (uint64_t)v[3] << 32 | v[2], (uint64_t)v[1] << 32 | v[0], lanes);
        assert_memory_equal(lanes, v + 6, sizeof lanes);
    }
}

/* gan/tensor.h's formulas, written a second time. */
static void formulas(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    for (int64_t count = 0; count <= 11; count++) {
        gan_tensor *u64, *u32, *n64, *n32;
        gan_shape shape = gan_shape_1d(count);
        assert_int_equal(gan_tensor_create(&u64, context, GAN_F64, shape), GAN_OK);
        assert_int_equal(gan_tensor_create(&u32, context, GAN_F32, shape), GAN_OK);
        assert_int_equal(gan_tensor_create(&n64, context, GAN_F64, shape), GAN_OK);
        assert_int_equal(gan_tensor_create(&n32, context, GAN_F32, shape), GAN_OK);
        const uint64_t seed = 0x123456789abcdefu, stream = 0x700000009u, index = 0xfffffffeu; /* crosses 2^32 */
        assert_int_equal(gan_tensor_fill_uniform(u64, -2, 3, seed, stream, index), GAN_OK);
        assert_int_equal(gan_tensor_fill_uniform(u32, -2, 3, seed, stream, index), GAN_OK);
        assert_int_equal(gan_tensor_fill_normal(n64, 1, 0.5, seed, stream, index), GAN_OK);
        assert_int_equal(gan_tensor_fill_normal(n32, 1, 0.5, seed, stream, index), GAN_OK);
        for (int64_t i = 0; i < count; i++) {
            uint32_t lanes[4];
            gani_philox(seed, stream, index + (uint64_t)i / 4, lanes);
            int k = (int)(i % 4), pair = k / 2 * 2;
            assert_true(gan_tensor_item(u64, i) == -2 + 5 * ((lanes[k] + 0.5) / 4294967296.0));
            assert_true(gan_tensor_item(u32, i) ==
                        (double)(float)(-2 + 5 * ((double)(lanes[k] >> 9) + 0.5) / 8388608.0));
            double u = (lanes[pair] + 0.5) / 4294967296.0, v = (lanes[pair + 1] + 0.5) / 4294967296.0;
            double normal = sqrt(-2 * log(u)) * (k % 2 == 0 ? cos(6.283185307179586 * v) : sin(6.283185307179586 * v));
            assert_true(compare_number("normal", gan_tensor_item(n64, i), 1 + 0.5 * normal, 1e-14));
            assert_true(compare_number("normal f32", gan_tensor_item(n32, i), 1 + 0.5 * normal, 1e-6));
        }
        gan_tensor_release(u64);
        gan_tensor_release(u32);
        gan_tensor_release(n64);
        gan_tensor_release(n32);
    }
    gan_context_release(context);
}

static void the_open_interval(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    static float u32[COUNT];
    static double u64[COUNT], n64[COUNT];
    gani_fill_uniform_f32(3, 1, 0, 0, COUNT, 0, 1, u32);
    gani_fill_uniform_f64(3, 1, 0, 0, COUNT, 0, 1, u64);
    gani_fill_normal_f64(3, 2, 0, 0, COUNT, 0, 1, n64);
    double mean = 0, square = 0, n_mean = 0, n_square = 0, n_fourth = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(u32[i] > 0 && u32[i] < 1 && u64[i] > 0 && u64[i] < 1 && isfinite(n64[i]));
        mean += u64[i] / COUNT;
        square += u64[i] * u64[i] / COUNT;
        n_mean += n64[i] / COUNT;
        n_square += n64[i] * n64[i] / COUNT;
        n_fourth += pow(n64[i], 4) / COUNT;
    }
    /* five standard errors each */
    assert_true(fabs(mean - 0.5) < 5 * sqrt(1.0 / 12 / COUNT));
    assert_true(fabs(square - 1.0 / 3) < 5 * sqrt(4.0 / 45 / COUNT));
    assert_true(fabs(n_mean) < 5 / sqrt(COUNT));
    assert_true(fabs(n_square - 1) < 5 * sqrt(2.0 / COUNT));
    assert_true(fabs(n_fourth - 3) < 5 * sqrt(96.0 / COUNT));
}

/* Normal numbers against their definition, at the ends of the interval, at whole quarters of a turn, and everywhere. */
static void box_muller(void **state) {
    (void)state;
    enum { LANES = 2 * GANI_NORMAL_PAIRS, ROUNDS = 2000 };
    uint32_t lanes[LANES];
    double out[LANES], worst = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LANES; i += 4) gani_philox(1, 2, (uint64_t)(round * LANES + i), lanes + i);
        if (round == 0)
            for (uint32_t i = 0; i < LANES; i++) lanes[i] = i % 4 < 2 ? UINT32_MAX - i / 4 : i / 4;
        if (round == 1)
            for (uint32_t i = 0; i < LANES; i++) lanes[i] = (i / 4 << 28) - (i / 2 & 1);
        gani_box_muller(lanes, out);
        for (int i = 0; i < LANES; i += 2) {
            double u = (lanes[i] + 0.5) / 4294967296.0, v = (lanes[i + 1] + 0.5) / 4294967296.0;
            double radius = sqrt(-2 * log(u)), angle = 6.283185307179586 * v;
            double error[2] = {fabs(out[i] - radius * cos(angle)), fabs(out[i + 1] - radius * sin(angle))};
            assert_true(error[0] < 2e-15 * radius && error[1] < 2e-15 * radius); /* the angle is rounded to 9e-16 */
            worst = fmax(worst, fmax(error[0], error[1]) / radius);
        }
    }
    printf("largest difference to the C library's functions: %.2g of the radius\n", worst);
}

/* A fill in shares, as threads do it, is the fill in one go. */
static void shares(void **state) {
    (void)state;
    double whole[137], parts[137];
    float whole32[37], parts32[37];
    for (int cut = 0; cut <= 137; cut++) {
        gani_fill_normal_f64(1, 2, 3, 0, 137, 0, 1, whole);
        gani_fill_normal_f64(1, 2, 3, 0, cut, 0, 1, parts);
        gani_fill_normal_f64(1, 2, 3, cut, 137, 0, 1, parts);
        assert_memory_equal(whole, parts, sizeof whole);
    }
    for (int cut = 0; cut <= 37; cut++) {
        gani_fill_uniform_f32(1, 2, 3, 0, 37, -1, 1, whole32);
        gani_fill_uniform_f32(1, 2, 3, cut, 37, -1, 1, parts32);
        gani_fill_uniform_f32(1, 2, 3, 0, cut, -1, 1, parts32);
        assert_memory_equal(whole32, parts32, sizeof whole32);
    }
}

static void streams(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_tensor *a, *b;
    assert_int_equal(gan_tensor_create(&a, context, GAN_F64, gan_shape_1d(9)), GAN_OK);
    assert_int_equal(gan_tensor_create(&b, context, GAN_F64, gan_shape_1d(9)), GAN_OK);
    assert_int_equal(gan_context_set_seed(context, 7), GAN_OK);
    assert_int_equal(gan_init_normal(a, 0, 1), GAN_OK);
    assert_true(gan_context_position(context, GAN_STREAM_INIT) == 3);
    assert_int_equal(gan_init_normal(b, 0, 1), GAN_OK);
    assert_true(gan_context_position(context, GAN_STREAM_INIT) == 6);
    assert_true(gan_tensor_item(a, 0) != gan_tensor_item(b, 0));
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_INIT, 0), GAN_OK);
    assert_int_equal(gan_init_normal(b, 0, 1), GAN_OK);
    assert_true(compare_same_bits("again", b, a));
    assert_true(gan_context_position(context, GAN_STREAM_NOISE) == 0);
    assert_int_equal(gan_context_set_seed(context, 8), GAN_OK);
    assert_true(gan_context_seed(context) == 8);
    assert_true(gan_context_position(context, GAN_STREAM_INIT) == 0);
    assert_int_equal(gan_init_normal(b, 0, 1), GAN_OK);
    assert_true(gan_tensor_item(a, 0) != gan_tensor_item(b, 0));
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_COUNT, 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_context_set_position(context, -1, 0), GAN_E_ARGUMENT);
    assert_true(gan_context_position(context, -1) == 0);
    assert_int_equal(gan_init_normal(NULL, 0, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_init_uniform(a, 0, NAN), GAN_E_ARGUMENT);
    assert_true(gan_tensor_fill_normal(a, 0, INFINITY, 1, 1, 1) == GAN_E_ARGUMENT);
    gan_tensor_release(a);
    gan_tensor_release(b);
    gan_context_release(context);
}

static void permutations(void **state) {
    (void)state;
    int64_t order[1000], again[1000];
    int seen[1000];
    for (int64_t count = 0; count <= 1000; count = count * 3 + 1) {
        gani_shuffle(5, GAN_STREAM_DATA, 100, count, order);
        gani_shuffle(5, GAN_STREAM_DATA, 100, count, again);
        assert_memory_equal(order, again, (size_t)count * sizeof *order);
        memset(seen, 0, sizeof seen);
        for (int64_t i = 0; i < count; i++) {
            assert_true(order[i] >= 0 && order[i] < count);
            assert_int_equal(seen[order[i]]++, 0);
        }
    }
    gani_shuffle(5, GAN_STREAM_DATA, 101, 364, again);
    gani_shuffle(5, GAN_STREAM_DATA, 100, 364, order);
    assert_true(memcmp(order, again, 364 * sizeof *order) != 0);
    /* all 6 orders of 3 are equally likely: chi-square with 5 degrees of freedom, 20.5 is the 0.1% point */
    int64_t counts[27] = {0}, three[3];
    for (uint64_t i = 0; i < 6000; i++) {
        gani_shuffle(9, GAN_STREAM_DATA, 10 * i, 3, three);
        counts[three[0] * 9 + three[1] * 3 + three[2]]++;
    }
    double chi = 0;
    int kinds = 0;
    for (int i = 0; i < 27; i++) {
        if (counts[i] == 0) continue;
        chi += pow((double)counts[i] - 1000, 2) / 1000;
        kinds++;
    }
    assert_int_equal(kinds, 6);
    assert_true(chi < 20.5);
}

/* FNV-1a's published test values. */
static void hashes(void **state) {
    (void)state;
    assert_true(gani_hash(GANI_HASH_START, "", 0) == 0xcbf29ce484222325u);
    assert_true(gani_hash(GANI_HASH_START, "a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(gani_hash(GANI_HASH_START, "foobar", 6) == 0x85944171f73967e8u);
    assert_true(gani_hash(gani_hash(GANI_HASH_START, "foo", 3), "bar", 3) == 0x85944171f73967e8u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers), cmocka_unit_test(formulas), cmocka_unit_test(the_open_interval),
        cmocka_unit_test(box_muller),    cmocka_unit_test(shares),   cmocka_unit_test(streams),
        cmocka_unit_test(permutations),  cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
