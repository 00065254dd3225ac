/* Minibatch discrimination sees what no discriminator of single items can: a generator that is frozen in a complete
 * collapse, a batch of copies of one real point. One by one such fakes are distributed as the data are. GAN_TEST_SEEDS
 * says how many seeds, the median of which counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <gan.h>

#include "host.h"
#include "seeds.h"

#define BATCH 64
#define STEPS 600
#define LAST 100 /* steps that count */

typedef struct detection {
    double loss, accuracy; /* of reals and fakes, means over the last steps */
} detection;

static gan_layer *make_discriminator(gan_context *context, int32_t compares) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    for (int i = 0; i < 2; i++) {
        gan_add_linear(b, 64, NULL);
        gan_add_leaky_relu(b, 0.2);
    }
    if (compares) gan_add_minibatch_discrimination(b, 16, 8, NULL);
    gan_add_linear(b, 1, NULL);
    gan_layer *discriminator;
    assert_int_equal(gan_builder_end(&discriminator, b), GAN_OK);
    return discriminator;
}

/* `count` points of the ring of 8: radius 2, deviation 0.1. */
static gan_tensor *ring(gan_tape *tape, int64_t count) {
    static const float centres[] = {2,  0, 1.41421356f,  1.41421356f,  0, 2,  -1.41421356f, 1.41421356f,
                                    -2, 0, -1.41421356f, -1.41421356f, 0, -2, 1.41421356f,  -1.41421356f};
    gan_tensor *table;
    gan_context *context = gan_tape_context(tape);
    assert_int_equal(gan_tensor_create(&table, context, GAN_F32, gan_shape_2d(8, 2)), GAN_OK);
    memcpy(gan_tensor_data(table), centres, sizeof centres);
    gan_tensor *which = gan_categorical(tape, gan_full(tape, GAN_F32, gan_shape_2d(count, 8), 0), 1);
    gan_tensor *noise = gan_scale(tape, gan_normal(tape, GAN_F32, gan_shape_2d(count, 2)), 0.1);
    gan_tensor *points = gan_add(tape, gan_take(tape, table, 0, which), noise);
    gan_tensor_release(table);
    return points;
}

/* One real point for the whole batch, and a little noise. */
static gan_tensor *collapsed(gan_tape *tape) {
    gan_tensor *noise = gan_scale(tape, gan_normal(tape, GAN_F32, gan_shape_2d(BATCH, 2)), 0.01);
    return gan_add(tape, ring(tape, 1), noise);
}

static double share_above(const gan_tensor *scores, int above) {
    int64_t right = 0;
    for (int64_t i = 0; i < BATCH; i++) right += (gan_tensor_item(scores, i) > 0) == above;
    return (double)right / BATCH;
}

static detection detect(int32_t compares, uint64_t seed) {
    gan_context *context = host_context(1);
    assert_int_equal(gan_context_set_seed(context, seed), GAN_OK);
    gan_layer *discriminator = make_discriminator(context, compares);
    gan_optimizer *optimizer;
    gan_tape *tape;
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = 1e-3;
    adam.beta1 = 0.9;
    assert_int_equal(gan_adam_create(&optimizer, discriminator, &adam), GAN_OK);
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    detection mean = {0, 0};
    for (int i = 0; i < STEPS; i++) {
        gan_tape_reset(tape);
        gan_tensor *real = gan_layer_forward(tape, discriminator, ring(tape, BATCH));
        gan_tensor *fake = gan_layer_forward(tape, discriminator, collapsed(tape));
        gan_tensor *both = gan_add(tape, gan_bce_with_logits(tape, real, 1), gan_bce_with_logits(tape, fake, 0));
        assert_int_equal(gan_optimizer_step(optimizer, tape, both), GAN_OK);
        if (i < STEPS - LAST) continue;
        mean.loss += gan_tensor_item(both, 0) / 2 / LAST;
        mean.accuracy += (share_above(real, 1) + share_above(fake, 0)) / 2 / LAST;
    }
    gan_tape_release(tape);
    gan_optimizer_release(optimizer);
    gan_layer_release(discriminator);
    gan_context_release(context);
    return mean;
}

static double median_loss(int32_t compares) {
    double losses[SEEDS_MOST];
    int seeds = seeds_count(1);
    for (int i = 0; i < seeds; i++) {
        detection found = detect(compares, (uint64_t)i);
        losses[i] = found.loss;
        print_message("%s minibatch discrimination, seed %d: loss %.4f, accuracy %.3f\n", compares ? "with" : "without",
                      i, found.loss, found.accuracy);
    }
    return seeds_median(losses, seeds);
}

static void test_items_alone_tell_nothing(void **state) {
    (void)state;
    double loss = median_loss(0);
    if (!(loss >= 0.65)) fail_msg("loss %g: below 0.65", loss);
}

static void test_batches_tell(void **state) {
    (void)state;
    double loss = median_loss(1);
    if (!(loss <= 0.05)) fail_msg("loss %g: above 0.05", loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_items_alone_tell_nothing),
                                       cmocka_unit_test(test_batches_tell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
