/* The constraint on a critic's weights: what is clipped, what is not, and that the tape notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"

static gan_loss *wasserstein(gan_context *context, double clip) {
    gan_loss *loss;
    gan_loss_wasserstein_options o;
    gan_loss_wasserstein_options_init(&o);
    assert_true(o.clip == 0.01);
    o.clip = clip;
    assert_int_equal(gan_loss_wasserstein_create(&loss, context, &o), GAN_OK);
    return loss;
}

/* A critic with a network inside that is applied twice, batch normalisation, and a weight that several threads share.
 */
static gan_layer *make_critic(gan_context *context, gan_dtype dtype) {
    gan_layer *inner, *critic;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(300));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, 300, NULL);
    assert_int_equal(gan_builder_end(&inner, b), GAN_OK);
    b = gan_builder_begin(context, gan_shape_1d(4));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, 300, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_layer(b, inner, NULL);
    gan_add_layer(b, inner, NULL);
    gan_add_linear(b, 1, NULL);
    assert_int_equal(gan_builder_end(&critic, b), GAN_OK);
    gan_layer_release(inner);
    uint64_t stream = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++)
        assert_int_equal(gan_tensor_fill_uniform(gan_layer_tensor(critic, i), -0.3, 0.5, 1, stream++, 0), GAN_OK);
    return critic;
}

/* Every parameter, and no buffer: the same bits that stood there, clipped. */
static void every_parameter(void **state) {
    (void)state;
    for (int type = 0; type < 2; type++)
        for (int32_t threads = 1; threads <= 3; threads += 2) {
            host_memory memory = {0};
            gan_context *context = host_context_with(threads, GAN_LEVEL_AUTO, 0, &memory);
            gan_layer *critic = make_critic(context, type == 0 ? GAN_F32 : GAN_F64), *before;
            gan_loss *loss = wasserstein(context, 0.1);
            assert_int_equal(gan_layer_set_trainable(critic, "0", 0), GAN_OK); /* frozen ones too */
            assert_int_equal(gan_layer_clone(&before, critic), GAN_OK);
            long long calls = atomic_load(&memory.calls);
            assert_int_equal(gan_loss_constrain(loss, critic), GAN_OK);
            assert_true(atomic_load(&memory.calls) == calls);
            int32_t parameters = 0, buffers = 0;
            double c = type == 0 ? (double)0.1f : 0.1;
            for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++) {
                gan_tensor *tensor = gan_layer_tensor(critic, i), *old = gan_layer_tensor(before, i);
                if (!gan_layer_tensor_is_parameter(critic, i)) {
                    buffers++;
                    assert_true(compare_same_bits("buffer", tensor, old));
                    continue;
                }
                parameters++;
                double *now = compare_read(tensor), *was = compare_read(old);
                int64_t clipped = 0;
                for (int64_t k = 0; k < gan_tensor_count(tensor); k++) {
                    double expected = was[k] > c ? c : was[k] < -c ? -c : was[k];
                    if (now[k] != expected) fail_msg("%s", gan_layer_tensor_name(critic, i));
                    clipped += now[k] != was[k];
                }
                assert_true(clipped > 0 || gan_tensor_count(tensor) == 1);
                free(now);
                free(was);
            }
            assert_int_equal(parameters, 8); /* 2 + 2 + 2, the one inside once, + 2 */
            assert_int_equal(buffers, 2);
            gan_loss_release(loss);
            gan_layer_release(critic);
            gan_layer_release(before);
            gan_context_release(context);
        }
}

/* Clipping is a write like the optimizer's: gradients through the old values are refused. */
static void the_tape_notices(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_layer *critic = make_critic(context, GAN_F64);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_2d(4, 4), -1, 1, 1);
    gan_tape *tape;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    for (int clips = 0; clips < 2; clips++) {
        gan_loss *loss = wasserstein(context, clips ? 0.1 : INFINITY);
        gan_tape_reset(tape);
        gan_tensor *w = gan_watch(tape, x), *y = gan_loss_generator(tape, loss, gan_layer_forward(tape, critic, w));
        assert_int_equal(gan_loss_constrain(loss, critic), GAN_OK);
        gan_gradient(tape, y, w, 0);
        assert_int_equal(gan_tape_status(tape), clips ? GAN_E_STATE : GAN_OK);
        gan_loss_release(loss);
    }
    gan_tape_release(tape);
    gan_tensor_release(x);
    gan_layer_release(critic);
    gan_context_release(context);
}

/* Without a constraint nothing is done, and what is not a number stays so. */
static void nothing_else(void **state) {
    (void)state;
    gan_context *context = host_context(1), *other = host_context(1);
    gan_layer *critic = make_critic(context, GAN_F32), *before;
    assert_int_equal(gan_layer_clone(&before, critic), GAN_OK);
    gan_loss *losses[6], *clipping = wasserstein(context, 0.1);
    assert_int_equal(gan_loss_bce_create(&losses[0], context, NULL), GAN_OK);
    assert_int_equal(gan_loss_least_squares_create(&losses[1], context, NULL), GAN_OK);
    assert_int_equal(gan_loss_hinge_create(&losses[2], context), GAN_OK);
    assert_int_equal(gan_loss_relativistic_create(&losses[3], context, NULL), GAN_OK);
    assert_int_equal(gan_loss_veegan_create(&losses[4], context, NULL), GAN_OK);
    losses[5] = wasserstein(context, INFINITY);
    for (int k = 0; k < 6; k++) {
        assert_int_equal(gan_loss_constrain(losses[k], critic), GAN_OK);
        for (int32_t i = 0; i < gan_layer_tensor_count(critic); i++)
            assert_true(compare_same_bits("untouched", gan_layer_tensor(critic, i), gan_layer_tensor(before, i)));
        gan_loss_release(losses[k]);
    }
    gan_tensor *bias = gan_layer_find(critic, "4.bias");
    assert_int_equal(gan_tensor_fill(bias, NAN), GAN_OK);
    assert_int_equal(gan_loss_constrain(clipping, critic), GAN_OK);
    assert_true(isnan(gan_tensor_item(bias, 0)));

    gan_loss *foreign = wasserstein(other, 0.1);
    assert_int_equal(gan_loss_constrain(foreign, critic), GAN_E_ARGUMENT);
    assert_non_null(
        strstr(gan_context_error(other), "gan_loss_constrain: the loss and the layer are of different contexts"));
    assert_int_equal(gan_loss_constrain(NULL, critic), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "gan_loss_constrain: an argument is NULL"));
    assert_int_equal(gan_loss_constrain(clipping, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_constrain(NULL, NULL), GAN_E_ARGUMENT);
    gan_loss_release(foreign);
    gan_loss_release(clipping);
    gan_layer_release(critic);
    gan_layer_release(before);
    gan_context_release(context);
    gan_context_release(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter),
        cmocka_unit_test(the_tape_notices),
        cmocka_unit_test(nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
