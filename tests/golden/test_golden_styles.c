/* The layers of ProGAN and StyleGAN against PyTorch in double precision: values and all gradients, random numbers and
 * running averages over consecutive steps, and a critic under R1 and a generator under the path length penalty that are
 * made of them. 1e-10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "golden.h"
#include "host.h"
#include "styles.inc"

#define SEED 20141
enum { INPUT = 1, WEIGHTS = 9, PARAMETER = 100, IMAGE = 20, STEPS = 5 }; /* streams, also in make_styles.py */
#define TOLERANCE 1e-10
#define MOST 16

typedef struct setting {
    gan_context *context;
    gan_tape *tape;
} setting;

static int set_up(void **state) {
    static setting s;
    s.context = host_context(1);
    gan_context_set_seed(s.context, SEED);
    GOLDEN_OPEN(goldens);
    *state = &s;
    return gan_tape_create(&s.tape, s.context) == GAN_OK ? 0 : -1;
}
static int tear_down(void **state) {
    setting *s = *state;
    gan_tape_release(s->tape);
    gan_context_release(s->context);
    return golden_close() ? 0 : -1;
}

static gan_layer *end(const setting *s, gan_builder *b) {
    gan_layer *layer;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(s->context));
    return layer;
}

static void good(const setting *s, const char *name) {
    if (gan_tape_status(s->tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(s->tape));
}

static void enter(const char *name, const char *what, const gan_tensor *tensor) {
    char key[96];
    snprintf(key, sizeof key, "%s/%s", name, what);
    assert_true(golden_check(key, tensor, TOLERANCE, 0));
}

static gan_builder *begin(const setting *s, gan_shape input) {
    gan_builder *b = gan_builder_begin(s->context, input);
    gan_builder_set_dtype(b, GAN_F64);
    return b;
}

/* ---- one layer at a time ---- */

/* The layer at a batch, its inputs and parameters numbered in order; the tape is left as it is. */
static void check(const setting *s, const char *name, gan_layer *layer, int64_t batch) {
    gan_tensor *xs[2], *targets[MOST], *gradients[MOST], *y;
    const char *names[MOST] = {"x0", "x1"};
    int32_t inputs = gan_layer_input_count(layer), count = inputs;
    for (int32_t i = 0; i < inputs; i++) {
        gan_shape item = gan_layer_input_shape(layer, i), shape = gan_shape_1d(batch);
        for (int32_t k = 0; k < item.rank; k++) shape.size[shape.rank++] = item.size[k];
        xs[i] = golden_uniform(s->context, INPUT + (uint64_t)i, shape, -1, 1);
        targets[i] = gan_watch(s->tape, xs[i]);
    }
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        if (!gan_layer_tensor_is_parameter(layer, i)) continue;
        names[count] = gan_layer_tensor_name(layer, i);
        targets[count] = gan_layer_tensor(layer, i);
        golden_fill(targets[count], PARAMETER + (uint64_t)(count - inputs), -1, 1);
        count++;
    }
    gan_layer_forward_many(s->tape, layer, targets, inputs, &y, 1);
    gan_tensor *weights = golden_uniform(s->context, WEIGHTS, gan_tensor_shape(y), -1, 1);
    gan_gradients(s->tape, y, weights, targets, count, 0, gradients);
    good(s, name);
    enter(name, "y", y);
    for (int32_t i = 0; i < count; i++) enter(name, names[i], gradients[i]);
    for (int32_t i = 0; i < inputs; i++) gan_tensor_release(xs[i]);
    gan_tensor_release(weights);
    gan_tape_reset(s->tape);
}

/* The same of a builder that one layer was added to, in both modes: what it computes must not depend on the mode. */
static void check_builder(const setting *s, const char *name, gan_builder *b, int64_t batch) {
    gan_layer *layer = end(s, b);
    for (int32_t training = 0; training < 2; training++) {
        gan_layer_set_training(layer, training);
        check(s, name, layer, batch);
    }
    gan_layer_release(layer);
}

#define MAPS gan_shape_3d(3, 5, 6)

static void norms(const setting *s) {
    gan_pixel_norm_options pixel;
    gan_pixel_norm_options_init(&pixel);
    gan_builder *b = begin(s, MAPS);
    gan_add_pixel_norm(b, NULL);
    check_builder(s, "pixel_norm", b, 4);
    pixel.epsilon = 0.25;
    b = begin(s, gan_shape_1d(7));
    gan_add_pixel_norm(b, &pixel);
    check_builder(s, "pixel_norm_vector", b, 3);
    for (int32_t plain = 0; plain < 2; plain++) {
        gan_adaptive_instance_norm_options o;
        gan_adaptive_instance_norm_options_init(&o);
        if (plain) o.epsilon = 0.25;
        o.one_plus = !plain;
        b = begin(s, MAPS);
        gan_builder_input(b, "style", gan_shape_1d(6));
        gan_builder_from(b, "input");
        gan_add_adaptive_instance_norm(b, "style", plain ? &o : NULL);
        check_builder(s, plain ? "adaptive_instance_norm_plain" : "adaptive_instance_norm", b, 4);
    }
}

static void deviations(const setting *s) {
    gan_minibatch_std_options o;
    gan_minibatch_std_options_init(&o);
    gan_builder *b = begin(s, gan_shape_3d(3, 2, 3));
    gan_add_minibatch_std(b, NULL);
    check_builder(s, "minibatch_std", b, 8);
    b = begin(s, gan_shape_3d(3, 2, 3));
    gan_add_minibatch_std(b, &o);
    check_builder(s, "minibatch_std_few", b, 3);
    o.group = GAN_WHOLE_BATCH;
    b = begin(s, gan_shape_3d(3, 2, 3));
    gan_add_minibatch_std(b, &o);
    check_builder(s, "minibatch_std_all", b, 6);
    o.group = 2;
    o.epsilon = 0.125;
    b = begin(s, gan_shape_1d(5));
    gan_add_minibatch_std(b, &o);
    check_builder(s, "minibatch_std_vector", b, 6);
}

static void resampling(const setting *s) {
    static const double even[] = {1, 3, 3, 1}, plain[] = {0.5, -1, 2, 0.25, -0.75};
    gan_blur_options o;
    gan_builder *b = begin(s, MAPS);
    gan_add_blur(b, NULL);
    check_builder(s, "blur", b, 4);
    gan_blur_options_init(&o);
    o.count = 4;
    memcpy(o.taps, even, sizeof even);
    b = begin(s, MAPS);
    gan_add_blur(b, &o);
    check_builder(s, "blur_even", b, 4);
    o.stride = 2;
    o.before = o.after = 1;
    b = begin(s, MAPS);
    gan_add_blur(b, &o);
    check_builder(s, "blur_strided", b, 4);
    gan_blur_options_init(&o);
    o.count = 5;
    o.before = o.normalise = 0;
    o.after = 3;
    memcpy(o.taps, plain, sizeof plain);
    b = begin(s, MAPS);
    gan_add_blur(b, &o);
    check_builder(s, "blur_plain", b, 4);
    for (int64_t kernel = 1; kernel <= 5; kernel += 2) {
        char name[32];
        snprintf(name, sizeof name, "upsample_conv2d_%d", (int)kernel);
        b = begin(s, MAPS);
        gan_add_upsample_conv2d(b, 4, kernel, NULL);
        check_builder(s, name, b, 4);
        snprintf(name, sizeof name, "conv2d_downsample_%d", (int)kernel);
        b = begin(s, MAPS);
        gan_add_conv2d_downsample(b, 4, kernel, NULL);
        check_builder(s, name, b, 4);
    }
}

static void layers(void **state) {
    setting *s = *state;
    norms(s);
    deviations(s);
    resampling(s);
    gan_builder *b = begin(s, gan_shape_1d(2));
    gan_add_constant(b, gan_shape_3d(3, 2, 4));
    check_builder(s, "constant", b, 4);
    b = begin(s, MAPS);
    gan_builder_input(b, "old", MAPS);
    gan_builder_from(b, "input");
    gan_add_fade(b, "old");
    gan_layer *layer = end(s, b);
    assert_int_equal(gan_tensor_fill(gan_layer_find(layer, "0.alpha"), 0.3), GAN_OK);
    check(s, "fade", layer, 4);
    gan_layer_release(layer);
    b = begin(s, MAPS);
    gan_add_noise_injection(b, NULL);
    layer = end(s, b);
    gan_layer_set_training(layer, 0);
    golden_fill(gan_layer_find(layer, "0.noise"), PARAMETER + 1, -1, 1);
    check(s, "noise_fixed", layer, 4);
    gan_layer_release(layer);
}

/* ---- consecutive steps ---- */

static void steps(const setting *s, const char *name, gan_builder *b, int64_t batch, int32_t training) {
    gan_layer *layer = end(s, b);
    gan_layer_set_training(layer, training);
    assert_int_equal(gan_context_set_position(s->context, GAN_STREAM_NOISE, 0), GAN_OK);
    for (int step = 0; step < STEPS; step++) {
        char key[48];
        snprintf(key, sizeof key, "%s_%d", name, step);
        check(s, key, layer, batch);
    }
    gan_layer_release(layer);
}

static void noise(void **state) {
    setting *s = *state;
    gan_noise_injection_options o;
    gan_noise_injection_options_init(&o);
    gan_builder *b = begin(s, MAPS);
    gan_add_noise_injection(b, NULL);
    steps(s, "noise", b, 4, 1);
    o.evaluation = GAN_NOISE_FRESH;
    b = begin(s, MAPS);
    gan_add_noise_injection(b, &o);
    steps(s, "noise", b, 4, 0);
    o.per_channel = 0;
    b = begin(s, gan_shape_3d(2, 3, 3));
    gan_add_noise_injection(b, &o);
    steps(s, "noise_one", b, 3, 1);
    gan_gaussian_noise_options g;
    gan_gaussian_noise_options_init(&g);
    b = begin(s, gan_shape_1d(7));
    gan_add_gaussian_noise(b, 0.3, NULL);
    steps(s, "gaussian_noise", b, 4, 1);
    g.evaluation = GAN_NOISE_FRESH;
    b = begin(s, gan_shape_1d(7));
    gan_add_gaussian_noise(b, 0.3, &g);
    steps(s, "gaussian_noise", b, 4, 0);
}

static void truncation(void **state) {
    setting *s = *state;
    gan_truncation_options o;
    gan_truncation_options_init(&o);
    assert_true(o.psi == 0.7 && o.decay == 0.995);
    o.decay = 0.9;
    gan_builder *b = begin(s, gan_shape_1d(7));
    gan_add_truncation(b, &o);
    gan_layer *layer = end(s, b);
    for (int step = 0; step < STEPS; step++) {
        char key[32];
        gan_tensor *w = golden_uniform(s->context, IMAGE + (uint64_t)step, gan_shape_2d(4, 7), -1, 2);
        gan_layer_forward(s->tape, layer, w);
        good(s, "truncation");
        snprintf(key, sizeof key, "truncation_%d", step);
        enter(key, "average", gan_layer_find(layer, "0.average"));
        gan_tensor_release(w);
        gan_tape_reset(s->tape);
    }
    gan_layer_set_training(layer, 0);
    check(s, "truncation_0.7", layer, 4);
    assert_int_equal(gan_tensor_fill(gan_layer_find(layer, "0.psi"), -0.5), GAN_OK);
    check(s, "truncation_-0.5", layer, 4);
    gan_layer_release(layer);
}

/* ---- under second-order terms ---- */

/* Parameters in the order of make_styles.py. */
static void take(gan_layer *layer, const char *const *names, int32_t count, gan_tensor **parameters) {
    for (int32_t i = 0; i < count; i++) {
        parameters[i] = gan_layer_find(layer, names[i]);
        assert_non_null(parameters[i]);
        golden_fill(parameters[i], PARAMETER + (uint64_t)i, -0.5, 0.5);
    }
}

static void r1(void **state) {
    setting *s = *state;
    static const char *const names[] = {"0.weight", "0.bias", "3.weight", "3.bias",
                                        "6.weight", "6.bias", "9.weight", "9.bias"};
    gan_tensor *parameters[8], *gradients[8];
    gan_builder *b = begin(s, gan_shape_3d(2, 6, 6));
    gan_add_conv2d(b, 4, 1, 1, 0, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_blur(b, NULL);
    gan_add_conv2d_downsample(b, 5, 3, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_minibatch_std(b, NULL);
    gan_add_conv2d(b, 6, 3, 1, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *critic = end(s, b);
    take(critic, names, 8, parameters);
    gan_tensor *real = golden_uniform(s->context, IMAGE, gan_shape_4d(8, 2, 6, 6), -1, 1);
    gan_tensor *x = gan_watch(s->tape, real), *y = gan_layer_forward(s->tape, critic, x);
    gan_tensor *slope = gan_gradient(s->tape, y, x, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *penalty =
        gan_scale(s->tape, gan_mean(s->tape, gan_sum_axes(s->tape, gan_square(s->tape, slope), 0xE, 0)), 5);
    gan_tensor *loss = gan_add(s->tape, penalty, gan_mean(s->tape, gan_softplus(s->tape, gan_neg(s->tape, y))));
    gan_gradients(s->tape, loss, NULL, parameters, 8, 0, gradients);
    good(s, "critic");
    enter("critic", "y", y);
    enter("critic", "r1", penalty);
    for (int i = 0; i < 8; i++) enter("critic", names[i], gradients[i]);
    gan_tensor_release(real);
    gan_layer_release(critic);
    gan_tape_reset(s->tape);
}

static void add_epilogue(gan_builder *b, const char *w, const char *style, int64_t channels) {
    gan_builder_label(b, w[0] == 'i' ? "maps0" : "maps1");
    gan_builder_from(b, w);
    gan_add_pixel_norm(b, NULL);
    gan_add_linear(b, 2 * channels, NULL);
    gan_builder_label(b, style);
    gan_builder_from(b, w[0] == 'i' ? "maps0" : "maps1");
    gan_add_noise_injection(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_adaptive_instance_norm(b, style, NULL);
}

static void path_length(void **state) {
    setting *s = *state;
    static const char *const names[] = {"0.weight",  "3.weight", "2.weight", "2.bias",    "6.weight", "6.bias",
                                        "10.weight", "9.weight", "9.bias",   "13.weight", "13.bias"};
    static const char *const keys[] = {"constant.weight", "noise0.weight", "style0.weight", "style0.bias",
                                       "up.weight",       "up.bias",       "noise1.weight", "style1.weight",
                                       "style1.bias",     "rgb.weight",    "rgb.bias"};
    gan_tensor *parameters[11], *gradients[11], *w[2], *watched[2], *slopes[2], *image;
    gan_builder *b = begin(s, gan_shape_1d(5));
    gan_builder_input(b, "w1", gan_shape_1d(5));
    gan_builder_from(b, "input");
    gan_add_constant(b, gan_shape_3d(4, 4, 4));
    add_epilogue(b, "input", "style0", 4);
    gan_add_upsample_conv2d(b, 3, 3, NULL);
    gan_add_blur(b, NULL);
    add_epilogue(b, "w1", "style1", 3);
    gan_add_conv2d(b, 2, 1, 1, 0, NULL);
    gan_layer *generator = end(s, b);
    take(generator, names, 11, parameters);
    for (int i = 0; i < 2; i++) {
        w[i] = golden_uniform(s->context, INPUT + (uint64_t)i, gan_shape_2d(3, 5), -1, 1);
        watched[i] = gan_watch(s->tape, w[i]);
    }
    assert_int_equal(gan_context_set_position(s->context, GAN_STREAM_NOISE, 0), GAN_OK);
    gan_layer_forward_many(s->tape, generator, watched, 2, &image, 1);
    gan_tensor *weights = golden_uniform(s->context, WEIGHTS, gan_shape_4d(3, 2, 8, 8), -1.0 / 8, 1.0 / 8);
    gan_gradients(s->tape, image, weights, watched, 2, GAN_GRAD_DIFFERENTIABLE, slopes);
    gan_tensor *squares = gan_add(s->tape, gan_sum_axes(s->tape, gan_square(s->tape, slopes[0]), 2, 0),
                                  gan_sum_axes(s->tape, gan_square(s->tape, slopes[1]), 2, 0));
    gan_tensor *length = gan_sqrt(s->tape, gan_scale(s->tape, squares, 0.5));
    gan_tensor *penalty = gan_mean(s->tape, gan_square(s->tape, gan_add_scalar(s->tape, length, -0.1)));
    gan_tensor *loss = gan_add(s->tape, penalty, gan_mean(s->tape, gan_square(s->tape, image)));
    gan_gradients(s->tape, loss, NULL, parameters, 11, 0, gradients);
    good(s, "generator");
    enter("generator", "image", image);
    enter("generator", "length", length);
    enter("generator", "penalty", penalty);
    for (int i = 0; i < 11; i++) enter("generator", keys[i], gradients[i]);
    for (int i = 0; i < 2; i++) gan_tensor_release(w[i]);
    gan_tensor_release(weights);
    gan_layer_release(generator);
    gan_tape_reset(s->tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers), cmocka_unit_test(noise), cmocka_unit_test(truncation),
                                       cmocka_unit_test(r1), cmocka_unit_test(path_length)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
