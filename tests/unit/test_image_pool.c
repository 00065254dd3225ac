/* Pools of generated images against the procedure of the papers, on images that know their number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <gan.h>

#include "base/rng.h"
#include "compare.h"
#include "data/image_pool.h"
#include "host.h"
#include "tape_fixture.h"

enum { PIXELS = 2 * 3 * 3, MOST = 64 };

static gan_pool *make(int64_t capacity, gan_dtype dtype) {
    gan_pool_options o;
    gan_pool *pool;
    gan_pool_options_init(&o);
    o.capacity = capacity;
    o.dtype = dtype;
    assert_int_equal(gan_pool_create(&pool, context, gan_shape_3d(2, 3, 3), &o), GAN_OK);
    return pool;
}

/* Images number first, first + 1, ...: every pixel is that number. */
static gan_tensor *batch(gan_dtype dtype, int64_t count, int64_t first) {
    double values[MOST * PIXELS];
    for (int64_t i = 0; i < count * PIXELS; i++) values[i] = (double)(first + i / PIXELS);
    return host_tensor(context, dtype, gan_shape_4d(count, 2, 3, 3), values);
}

/* CycleGAN's procedure on numbers: filling; then one of two. */
typedef struct model {
    int64_t stored[MOST], count, capacity;
    uint64_t position;
} model;
static int64_t exchange(model *m, int64_t image) {
    if (m->capacity == 0) return image;
    if (m->count < m->capacity) return m->stored[m->count++] = image;
    uint32_t lanes[4];
    gani_philox(gan_context_seed(context), GAN_STREAM_POOL, m->position++, lanes);
    if (lanes[0] < UINT32_C(1) << 31) return image;
    int64_t place = (int64_t)(0x1p-32 * lanes[1] * (double)m->capacity), given = m->stored[place];
    m->stored[place] = image;
    return given;
}

static void check_procedure(int64_t capacity, int64_t size, gan_dtype dtype) {
    model m = {.capacity = capacity};
    gan_pool *pool = make(capacity, dtype);
    int64_t number = 1, old = 0, steps = 60;
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_POOL, 0), GAN_OK);
    for (int64_t step = 0; step < steps; step++, number += size) {
        gan_tape_reset(tape);
        gan_tensor *images = batch(dtype, size, number), *fake = gan_watch(tape, images);
        gan_tensor *given = gan_pool_exchange(tape, pool, fake);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        for (int64_t i = 0; i < size; i++) {
            int64_t expected = exchange(&m, number + i);
            old += expected < number;
            for (int64_t k = 0; k < PIXELS; k++)
                assert_true(gan_tensor_item(given, i * PIXELS + k) == (double)expected);
        }
        assert_true(gan_pool_count(pool) == m.count);
        gan_tensor_release(images);
    }
    assert_true(gan_context_position(context, GAN_STREAM_POOL) == m.position);
    /* a fair coin, to four deviations; of a large pool all that is exchanged comes from earlier batches */
    double tosses = (double)m.position, exchanged = (double)old;
    if (capacity >= 50) assert_true((exchanged - tosses / 2) * (exchanged - tosses / 2) < 16 * tosses / 4);
    if (capacity == 0) assert_true(old == 0 && m.position == 0);
    gan_pool_release(pool);
}

static void procedure(void **state) {
    (void)state;
    check_procedure(50, 4, GAN_F32);
    check_procedure(50, 1, GAN_F64);
    check_procedure(3, 8, GAN_F32); /* filled in the middle of a batch, which then exchanges its own */
    check_procedure(1, 2, GAN_F32);
    check_procedure(0, 4, GAN_F32);
}

/* By what comes out alone: nothing but the image or one that was given before and not come back since; as many
 * exchanges as a fair coin gives, each place as often as any other, to four deviations. Images of one pixel, their
 * numbers. */
static void exchanges(void **state) {
    (void)state;
    enum { CAPACITY = 20, BATCH = 64, STEPS = 400 };
    static char is_stored[BATCH * STEPS + 1];
    double places[CAPACITY] = {0}, full = BATCH * STEPS - CAPACITY, exchanged = 0;
    gan_pool_options o;
    gan_pool *pool;
    gan_pool_options_init(&o);
    o.capacity = CAPACITY;
    assert_int_equal(gan_pool_create(&pool, context, gan_shape_1d(1), &o), GAN_OK);
    float *stored = gan_tensor_data(gani_image_pool_state(pool)[0].tensor), before[CAPACITY];
    gan_tensor *images;
    assert_int_equal(gan_tensor_create(&images, context, GAN_F32, gan_shape_2d(1, 1)), GAN_OK);
    for (int image = 1; image <= BATCH * STEPS; image++) {
        int changed = 0;
        memcpy(before, stored, sizeof before);
        *(float *)gan_tensor_data(images) = (float)image;
        gan_tape_reset(tape);
        int given = (int)gan_tensor_item(gan_pool_exchange(tape, pool, images), 0);
        for (int i = 0; i < CAPACITY; i++) {
            if (stored[i] == before[i]) continue;
            assert_true(stored[i] == (float)image && (int)before[i] == (image > CAPACITY ? given : 0));
            if (image > CAPACITY) places[i]++;
            changed++;
        }
        is_stored[image] = (char)(changed == 1);
        assert_true(changed <= 1 && (image > CAPACITY || changed == 1));
        if (given == image) {
            assert_true(image <= CAPACITY || changed == 0);
            continue;
        }
        assert_true(image > CAPACITY && given < image && is_stored[given] && changed == 1);
        is_stored[given] = 0;
        exchanged++;
    }
    assert_true(pow(exchanged - full / 2, 2) < 16 * full / 4);
    for (int i = 0; i < CAPACITY; i++) {
        double mean = exchanged / CAPACITY;
        assert_true(pow(places[i] - mean, 2) < 16 * mean * (1 - 1.0 / CAPACITY));
    }
    gan_tensor_release(images);
    gan_pool_release(pool);
}

/* No gradient passes, whatever happens to an image; a view is taken by its values; an empty batch changes nothing. */
static void what_goes_in(void **state) {
    (void)state;
    gan_pool *pool = make(2, GAN_F32), *none = make(0, GAN_F32);
    gan_tensor *images = batch(GAN_F32, 4, 1), *fake = gan_watch(tape, images), *turned, *empty = batch(GAN_F32, 0, 0);
    gan_tensor *given = gan_pool_exchange(tape, pool, fake);
    gan_gradient(tape, gan_sum(tape, gan_add(tape, given, gan_pool_exchange(tape, none, fake))), fake, 0);
    assert_int_equal(gan_tape_status(tape), GAN_E_ARGUMENT); /* depends on nothing tracked */
    gan_tape_reset(tape);
    static const int32_t axes[4] = {0, 1, 3, 2};
    double values[4 * PIXELS];
    for (int i = 0; i < 4 * PIXELS; i++) values[i] = i;
    gan_tensor *plain = host_tensor(context, GAN_F32, gan_shape_4d(4, 2, 3, 3), values);
    assert_int_equal(gan_tensor_permute(&turned, plain, axes), GAN_OK);
    gan_pool *fresh = make(4, GAN_F32);
    given = gan_pool_exchange(tape, fresh, turned);
    assert_true(compare_tensors("a view", given, turned, 0));
    assert_true(compare_tensors("stored", gani_image_pool_state(fresh)[0].tensor, turned, 0));
    given = gan_pool_exchange(tape, fresh, empty);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_tensor_count(given) == 0);
    assert_true(gan_pool_count(fresh) == 4);
    gan_tensor_release(empty);
    gan_tensor_release(plain);
    gan_tensor_release(turned);
    gan_tensor_release(images);
    gan_pool_release(fresh);
    gan_pool_release(pool);
    gan_pool_release(none);
    gan_pool_release(NULL);
}

static void refused(gan_pool *pool, gan_tensor *images, gan_status status, const char *words) {
    gan_tape_reset(tape);
    gan_tensor *given = gan_pool_exchange(tape, pool, images);
    assert_int_equal(gan_tensor_dtype(given), 0);
    assert_int_equal(gan_tape_status(tape), status);
    if (strstr(gan_tape_error(tape), words) == NULL) fail_msg("'%s' does not say '%s'", gan_tape_error(tape), words);
}

static void errors(void **state) {
    (void)state;
    gan_pool_options o;
    gan_pool *pool = (gan_pool *)(uintptr_t)1;
    const gan_shape image = gan_shape_3d(2, 3, 3);
#define REFUSED(MEMBER, VALUE, STATUS, WORDS)                                                                          \
    do {                                                                                                               \
        gan_pool_options_init(&o);                                                                                     \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_pool_create(&pool, context, image, &o), STATUS);                                          \
        assert_null(pool);                                                                                             \
        assert_non_null(strstr(gan_context_error(context), WORDS));                                                    \
    } while (0)
    REFUSED(capacity, -1, GAN_E_ARGUMENT, "capacity is -1, not 0 to 2^31 - 1");
    REFUSED(capacity, INT64_C(1) << 31, GAN_E_ARGUMENT, "capacity");
    REFUSED(dtype, GAN_U8, GAN_E_ARGUMENT, "not GAN_F32 or GAN_F64");
    REFUSED(reserved, 1, GAN_E_UNSUPPORTED, "reserved");
    assert_int_equal(gan_pool_create(NULL, context, image, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_pool_create(&pool, NULL, image, NULL), GAN_E_ARGUMENT);
    gan_shape deep = {.rank = GAN_MAX_RANK, .size = {1, 1, 1, 1, 1, 1, 1, 1}};
    assert_int_equal(gan_pool_create(&pool, context, deep, NULL), GAN_E_SHAPE);
    assert_int_equal(gan_pool_create(&pool, context, gan_shape_2d(3, -1), NULL), GAN_E_SHAPE);
    assert_int_equal(gan_pool_create(&pool, context, gan_shape_2d(INT64_C(1) << 31, INT64_C(1) << 31), NULL),
                     GAN_E_LIMIT);
    pool = make(2, GAN_F32);
    gan_tensor *wide = batch(GAN_F64, 1, 1), *item = host_tensor(context, GAN_F32, image, (double[PIXELS]){0});
    gan_tensor *large = host_uniform(context, GAN_F32, gan_shape_4d(1, 2, 3, 4), 0, 1, 1);
    refused(pool, wide, GAN_E_DTYPE, "pool: ");
    refused(pool, item, GAN_E_SHAPE, "pool: the images have shape 2x3x3, but each must be 2x3x3");
    refused(pool, large, GAN_E_SHAPE, "pool: the images have shape 1x2x3x4, but each must be 2x3x3");
    refused(NULL, large, GAN_E_ARGUMENT, "the pool is NULL");
    gan_context *other = host_context(1);
    gan_pool *foreign;
    assert_int_equal(gan_pool_create(&foreign, other, image, NULL), GAN_OK);
    gan_tensor *good = batch(GAN_F32, 1, 1);
    refused(foreign, good, GAN_E_ARGUMENT, "another context");
    assert_true(gan_pool_count(pool) == 0 && gan_pool_count(NULL) == 0);
    assert_true(gan_context_position(context, GAN_STREAM_POOL) == 0);
    gan_context_release(other);
    gan_pool_release(foreign);
    gan_tensor_release(good);
    gan_tensor_release(wide);
    gan_tensor_release(item);
    gan_tensor_release(large);
    gan_pool_release(pool);
}

/* A number of images that no pool can have, as a made-up checkpoint may say. */
static void a_lying_count(void **state) {
    (void)state;
    static const int32_t lies[] = {-5, 3, INT32_MAX, INT32_MIN};
    gan_tensor *images = batch(GAN_F32, 8, 1);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        gan_pool *pool = make(2, GAN_F32);
        *(int32_t *)gan_tensor_data(gani_image_pool_state(pool)[1].tensor) = lies[i];
        gan_tape_reset(tape);
        gan_pool_exchange(tape, pool, images);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        assert_true(gan_pool_count(pool) == 2);
        gan_pool_release(pool);
    }
    gan_tensor_release(images);
}

/* Two pools of one context share the stream and keep apart. */
static void two_pools(void **state) {
    (void)state;
    gan_pool *a = make(2, GAN_F32), *b = make(2, GAN_F32);
    gan_tensor *of_a = batch(GAN_F32, 8, 1), *of_b = batch(GAN_F32, 8, 101);
    for (int step = 0; step < 10; step++) {
        gan_tape_reset(tape);
        gan_tensor *x = gan_pool_exchange(tape, a, of_a), *y = gan_pool_exchange(tape, b, of_b);
        for (int64_t i = 0; i < 8 * PIXELS; i++)
            assert_true(gan_tensor_item(x, i) <= 8 && gan_tensor_item(y, i) >= 101);
    }
    assert_true(gan_context_position(context, GAN_STREAM_POOL) == 2 * (10 * 8 - 2));
    gan_tensor_release(of_a);
    gan_tensor_release(of_b);
    gan_pool_release(a);
    gan_pool_release(b);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {TEST(procedure), TEST(exchanges),     TEST(what_goes_in),
                                       TEST(errors),    TEST(a_lying_count), TEST(two_pools)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
