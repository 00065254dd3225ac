/* Critics trained to the end on two clouds in the plane, a distance apart: what each loss makes of the distance.
 * Calibration marks of the Wasserstein critics; GAN_TEST_SEEDS says how many seeds, the median of which counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"
#include "seeds.h"

#define BATCH 256
#define DEVIATION 0.1

enum { PENALTY, CLIPPING, CROSS_ENTROPY };

typedef struct trained {
    double estimate;  /* of the distance, or of the Jensen-Shannon divergence: mean over the last 100 steps */
    double parameter; /* the largest */
} trained;

static gan_layer *make_critic(gan_context *context) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    for (int i = 0; i < 2; i++) {
        gan_add_linear(b, 64, NULL);
        gan_add_leaky_relu(b, 0.2);
    }
    gan_add_linear(b, 1, NULL);
    gan_layer *critic;
    assert_int_equal(gan_builder_end(&critic, b), GAN_OK);
    gan_init_options he;
    gan_init_options_init(&he);
    he.kind = GAN_INIT_KAIMING_NORMAL;
    assert_int_equal(gan_layer_init(critic, &he), GAN_OK);
    return critic;
}

/* N(0, 0.01 I). */
static gan_tensor *cloud(gan_tape *tape) {
    return gan_scale(tape, gan_normal(tape, GAN_F32, gan_shape_2d(BATCH, 2)), DEVIATION);
}

static double largest(const gan_layer *layer) {
    double most = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        for (int64_t k = 0; k < gan_tensor_count(tensor); k++) most = fmax(most, fabs(gan_tensor_item(tensor, k)));
    }
    return most;
}

static trained train(int kind, double distance, double clip, uint64_t seed) {
    enum { STEPS = 1500 };
    trained result = {0, 0};
    gan_context *context = host_context(1);
    assert_int_equal(gan_context_set_seed(context, seed), GAN_OK);
    gan_layer *critic = make_critic(context);
    gan_optimizer *optimizer;
    gan_loss *loss, *penalty = NULL;
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = 1e-3;
    adam.beta1 = 0;
    adam.beta2 = 0.9;
    gan_rmsprop_options rmsprop;
    gan_rmsprop_options_init(&rmsprop);
    rmsprop.learning_rate = 1e-3;
    gan_loss_wasserstein_options wasserstein;
    gan_loss_wasserstein_options_init(&wasserstein);
    wasserstein.clip = kind == CLIPPING ? clip : INFINITY;
    assert_int_equal(kind == CLIPPING ? gan_rmsprop_create(&optimizer, critic, &rmsprop)
                                      : gan_adam_create(&optimizer, critic, &adam),
                     GAN_OK);
    assert_int_equal(kind == CROSS_ENTROPY ? gan_loss_bce_create(&loss, context, NULL)
                                           : gan_loss_wasserstein_create(&loss, context, &wasserstein),
                     GAN_OK);
    if (kind == PENALTY) assert_int_equal(gan_loss_gradient_penalty_create(&penalty, context, NULL), GAN_OK);
    gan_tape *tape;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    const double moved[] = {distance, 0};
    gan_tensor *place = host_tensor(context, GAN_F32, gan_shape_1d(2), moved);
    for (int step = 0; step < STEPS; step++) {
        gan_tape_reset(tape);
        gan_tensor *real = gan_add(tape, cloud(tape), place), *fake = cloud(tape);
        gan_tensor *value = gan_loss_discriminator(tape, loss, gan_layer_forward(tape, critic, real),
                                                   gan_layer_forward(tape, critic, fake));
        gan_tensor *total = value;
        if (kind == PENALTY) {
            gan_tensor *x = gan_loss_penalty_points(tape, penalty, real, fake);
            total = gan_add(tape, value, gan_loss_penalty(tape, penalty, gan_layer_forward(tape, critic, x), x));
        }
        if (gan_tape_status(tape) != GAN_OK) fail_msg("%s", gan_tape_error(tape));
        double now = gan_tensor_item(value, 0);
        if (step >= STEPS - 100) result.estimate += (kind == CROSS_ENTROPY ? (log(4) - now) / 2 : -now) / 100;
        assert_int_equal(gan_optimizer_step(optimizer, tape, total), GAN_OK);
        if (kind != CLIPPING) continue;
        assert_int_equal(gan_loss_constrain(loss, critic), GAN_OK);
        assert_true(largest(critic) <= (double)(float)clip); /* after every step */
    }
    gan_tape_release(tape);
    gan_tensor_release(place);
    gan_loss_release(penalty);
    gan_loss_release(loss);
    gan_optimizer_release(optimizer);
    gan_layer_release(critic);
    gan_context_release(context);
    return result;
}

static double median(int kind, double distance, double clip) {
    double estimates[SEEDS_MOST];
    int seeds = seeds_count(1);
    for (int i = 0; i < seeds; i++) estimates[i] = train(kind, distance, clip, (uint64_t)i).estimate;
    return seeds_median(estimates, seeds);
}

/* With a penalty of weight 10 the critic's slope is 1 + d / 20, and the estimate d (1 + d / 20), within 2%. */
static void penalty_calibrates(void **state) {
    (void)state;
    static const double distances[] = {0.5, 1, 2, 4, 8};
    for (int i = 0; i < 5; i++) {
        double d = distances[i], estimate = median(PENALTY, d, 0);
        print_message("gradient penalty, distance %g: %.4f, in theory %.4f\n", d, estimate, d * (1 + d / 20));
        assert_true(fabs(estimate / (d * (1 + d / 20)) - 1) <= 0.02);
    }
    double none = median(PENALTY, 0, 0);
    print_message("gradient penalty, distance 0: %.5f\n", none);
    assert_true(fabs(none) <= 0.01);
}

/* Clipping gives no distance, but what grows with it. */
static void clipping_is_monotone(void **state) {
    (void)state;
    static const double distances[] = {0.5, 1, 2, 4, 8};
    double estimates[5];
    for (int i = 0; i < 5; i++) {
        estimates[i] = median(CLIPPING, distances[i], 0.05);
        print_message("clipping, distance %g: %.4f\n", distances[i], estimates[i]);
        if (i > 0) assert_true(estimates[i] > estimates[i - 1]);
    }
    assert_true(estimates[4] / estimates[3] >= 1.5 && estimates[4] / estimates[3] <= 2.2);
}

/* Cross-entropy says log 2 of any two that do not meet. */
static void cross_entropy_saturates(void **state) {
    (void)state;
    static const double distances[] = {1, 2, 4, 8};
    for (int i = 0; i < 4; i++) {
        double estimate = median(CROSS_ENTROPY, distances[i], 0);
        print_message("cross-entropy, distance %g: %.5f\n", distances[i], estimate);
        assert_true(fabs(estimate - log(2)) <= 0.002);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(penalty_calibrates), cmocka_unit_test(clipping_is_monotone),
                                       cmocka_unit_test(cross_entropy_saturates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
