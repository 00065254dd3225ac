/* Masked convolutions, PixelRNN's LSTMs and likelihoods of pixels against PyTorch: small networks through five steps of
 * gradient descent with momentum; results, losses, the gradients of the input and of every parameter in each step, and
 * the parameters in the end. The networks are those of make_pixel.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "golden.h"
#include "host.h"
#include "networks.h"

#include "pixel.inc"

enum { BATCH = 3, HEIGHT = 5, WIDTH = 4, STEPS = 5, LEVELS = 4, MIXTURES = 2 }; /* also in make_pixel.py */
enum { STREAM_INPUT = 1, STREAM_IMAGE = 2, STREAM_CASE = 1000, MAX_PARAMETERS = 16 };
#define TOLERANCE 1e-10

/* ---- the networks ---- */

static void masked_grey(gan_builder *b) {
    gan_masked_conv_options o;
    gan_masked_conv_options_init(&o);
    o.kernel_w = 3;
    o.bias = 0;
    networks_masked_conv(b, 6, 7, GAN_MASK_A, 1);
    gan_add_tanh(b);
    networks_masked_conv(b, 5, 3, GAN_MASK_B, 1);
    gan_add_tanh(b);
    gan_add_masked_conv2d(b, 1, 1, GAN_MASK_B, &o);
}
static void masked_rgb(gan_builder *b) {
    networks_masked_conv(b, 7, 3, GAN_MASK_A, 3);
    gan_add_tanh(b);
    networks_masked_conv(b, 8, 3, GAN_MASK_B, 3);
    gan_add_tanh(b);
    networks_masked_conv(b, 3 * LEVELS, 1, GAN_MASK_B, 3);
}

/* What all recurrent networks have around their one block. kernel 0: diagonals. */
static void recurrent(gan_builder *b, int64_t width, int64_t h, int64_t kernel, int64_t colors, int32_t whole,
                      int64_t outputs) {
    gan_pixel_lstm_options o;
    gan_pixel_lstm_options_init(&o);
    o.colors = colors;
    o.bias = o.learned_state = whole;
    networks_masked_conv(b, width, 3, GAN_MASK_A, colors);
    gan_builder_split(b);
    if (kernel > 0)
        gan_add_row_lstm(b, h, kernel, &o);
    else
        gan_add_diagonal_bilstm(b, h, &o);
    networks_masked_conv(b, width, 1, GAN_MASK_B, colors);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_add_relu(b);
    networks_masked_conv(b, outputs, 1, GAN_MASK_B, colors);
}
static void row(gan_builder *b) { recurrent(b, 4, 3, 3, 1, 1, 1); }
static void row_rgb(gan_builder *b) { recurrent(b, 6, 4, 5, 3, 0, 3 * LEVELS); }
static void diagonal(gan_builder *b) { recurrent(b, 4, 3, 0, 1, 1, 3); }
static void diagonal_rgb(gan_builder *b) { recurrent(b, 6, 3, 0, 3, 0, 10 * MIXTURES); }

/* ---- the images and the losses ---- */

/* floor(levels u) - offset, from 0 to `highest`, as u8 or i32 */
static gan_tensor *images(gan_context *context, int64_t colors, double levels, double offset, double highest,
                          gan_dtype dtype) {
    gan_tensor *u = golden_uniform(context, STREAM_IMAGE, gan_shape_4d(BATCH, colors, HEIGHT, WIDTH), 0, 1), *x;
    double *values = gan_tensor_data(u);
    for (int64_t i = 0; i < gan_tensor_count(u); i++)
        values[i] = fmin(fmax(floor(values[i] * levels) - offset, 0), highest);
    assert_int_equal(gan_tensor_create(&x, context, dtype, gan_tensor_shape(u)), GAN_OK);
    assert_int_equal(gan_tensor_copy(x, u), GAN_OK);
    gan_tensor_release(u);
    return x;
}

static gan_tensor *bernoulli_images(gan_context *c) { return images(c, 1, 2, 0, 1, GAN_F64); }
static gan_tensor *bernoulli(gan_tape *t, gan_tensor *y, gan_tensor *x) {
    return gan_nll_bernoulli(t, y, x, GAN_NATS_PER_IMAGE);
}
static gan_tensor *categorical_images(gan_context *c) { return images(c, 3, LEVELS, 0, LEVELS - 1, GAN_I32); }
static gan_tensor *categorical(gan_tape *t, gan_tensor *y, gan_tensor *x) {
    return gan_nll_categorical(t, y, x, GAN_BITS_PER_DIM);
}
static gan_tensor *single_images(gan_context *c) { return images(c, 1, 300, 20, 255, GAN_I32); }
static gan_tensor *single(gan_tape *t, gan_tensor *y, gan_tensor *x) {
    return gan_nll_logistic_mixture(t, y, x, 1, GAN_NATS_PER_IMAGE);
}
static gan_tensor *mixture_images(gan_context *c) { return images(c, 3, 300, 20, 255, GAN_U8); }
static gan_tensor *mixture(gan_tape *t, gan_tensor *y, gan_tensor *x) {
    return gan_nll_logistic_mixture(t, y, x, MIXTURES, GAN_NATS_PER_IMAGE);
}

static const struct {
    const char *name;
    void (*add)(gan_builder *b);
    int64_t colors;
    gan_tensor *(*images)(gan_context *context);
    gan_tensor *(*loss)(gan_tape *tape, gan_tensor *result, gan_tensor *images);
} cases[] = {
    {"masked_grey", masked_grey, 1, bernoulli_images, bernoulli},
    {"masked_rgb", masked_rgb, 3, categorical_images, categorical},
    {"row", row, 1, bernoulli_images, bernoulli},
    {"row_rgb", row_rgb, 3, categorical_images, categorical},
    {"diagonal", diagonal, 1, single_images, single},
    {"diagonal_rgb", diagonal_rgb, 3, mixture_images, mixture},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* ---- the steps ---- */

static int check(const char *name, const char *step, const char *what, const gan_tensor *tensor) {
    char entry[128];
    snprintf(entry, sizeof entry, "%s/%s/%s", name, step, what);
    return golden_check(entry, tensor, TOLERANCE, 1e-3);
}

static void check_case(int which) {
    const char *name = cases[which].name;
    int64_t colors = cases[which].colors;
    gan_context *context = host_context(1);
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(colors, HEIGHT, WIDTH));
    gan_builder_set_dtype(b, GAN_F64);
    cases[which].add(b);
    gan_layer *layer = NULL;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    gan_tensor *targets[MAX_PARAMETERS + 1], *gradients[MAX_PARAMETERS + 1];
    int32_t count = gan_layer_tensor_count(layer), good = 1;
    assert_true(count <= MAX_PARAMETERS);
    for (int32_t i = 0; i < count; i++) {
        targets[i + 1] = gan_layer_tensor(layer, i);
        golden_fill(targets[i + 1], (uint64_t)(STREAM_CASE * (which + 1) + i), -0.6, 0.6);
    }
    gan_tensor *x = golden_uniform(context, STREAM_INPUT, gan_shape_4d(BATCH, colors, HEIGHT, WIDTH), -1, 1);
    gan_tensor *known = cases[which].images(context);
    gan_tape *tape = NULL;
    gan_optimizer *sgd = NULL;
    gan_sgd_options options;
    gan_sgd_options_init(&options);
    options.learning_rate = 0.05;
    options.momentum = 0.9;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    assert_int_equal(gan_sgd_create(&sgd, layer, &options), GAN_OK);
    for (int step = 0; step < STEPS; step++) {
        char number[12];
        snprintf(number, sizeof number, "%d", step);
        gan_tape_reset(tape);
        targets[0] = gan_watch(tape, x);
        gan_tensor *result = gan_layer_forward(tape, layer, targets[0]);
        gan_tensor *loss = cases[which].loss(tape, result, known);
        gan_gradients(tape, loss, NULL, targets, count + 1, GAN_GRAD_RETAIN, gradients);
        if (gan_tape_status(tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(tape));
        good &= check(name, number, "result", result);
        good &= check(name, number, "loss", loss);
        good &= check(name, number, "input", gradients[0]);
        for (int32_t i = 0; i < count; i++)
            good &= check(name, number, gan_layer_tensor_name(layer, i), gradients[i + 1]);
        assert_int_equal(gan_optimizer_step(sgd, tape, loss), GAN_OK);
    }
    for (int32_t i = 0; i < count; i++) good &= check(name, "end", gan_layer_tensor_name(layer, i), targets[i + 1]);
    assert_true(good);
    gan_optimizer_release(sgd);
    gan_tape_release(tape);
    gan_tensor_release(x);
    gan_tensor_release(known);
    gan_layer_release(layer);
    gan_context_release(context);
}

static void five_steps(void **state) {
    (void)state;
    GOLDEN_OPEN(goldens);
    for (int which = 0; which < CASES; which++) check_case(which);
    assert_true(golden_close());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(five_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
