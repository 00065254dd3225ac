#include "session_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "nn/layer.h"

static void fill(gan_tensor *tensor, double low, double high, uint64_t salt) {
    assert_int_equal(gan_tensor_fill_uniform(tensor, low, high, 17, salt, 0), GAN_OK);
}

void session_fixture_fill(gan_layer *layer) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const char *name = gan_layer_tensor_name(layer, i);
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        if (strstr(name, "running_var") != NULL)
            fill(tensor, 0.5, 1.5, (uint64_t)i);
        else if (strstr(name, "running_mean") != NULL)
            fill(tensor, -1, 1, (uint64_t)i);
        else
            fill(tensor, -0.5, 0.5, (uint64_t)i);
    }
}

gan_layer *session_fixture_generator(gan_context *context, gan_dtype dtype, int32_t norm) {
    gan_layer *layer;
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias = 0;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(SESSION_LATENT));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, 8 * 3 * 3, &no_bias);
    gan_add_reshape(b, gan_shape_3d(8, 3, 3));
    if (norm) gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 6, 4, 2, 1, &no_bias);
    if (norm) gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 2, 4, 2, 1, NULL);
    gan_add_tanh(b);
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    session_fixture_fill(layer);
    return layer;
}

gan_model *session_fixture_model(gan_context *context, gan_dtype dtype, int32_t norm) {
    gan_model *model;
    gan_layer *layer = session_fixture_generator(context, dtype, norm);
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    gan_layer_release(layer);
    return model;
}

gan_session_options session_fixture_options(int64_t batch, int32_t threads) {
    gan_session_options options;
    gan_session_options_init(&options);
    options.batch = batch;
    options.threads = threads;
    return options;
}

gan_session *session_fixture_session(gan_model *model, int64_t batch) {
    gan_session *session;
    gan_session_options options = session_fixture_options(batch, 1);
    assert_int_equal(gan_session_create(&session, model, &options), GAN_OK);
    return session;
}

gan_session *session_fixture_layer_session(gan_layer *layer, int64_t batch) {
    gan_session *session;
    gan_session_options options = session_fixture_options(batch, 1);
    assert_int_equal(gan_session_create_for_layer(&session, layer, &options), GAN_OK);
    return session;
}

/* ---- comparing ---- */

#define PORTS 4

static gan_tensor *tensor_like(const gan_tensor *tensor, int64_t count, const void *data) {
    gan_tensor *other;
    gan_shape shape = gan_tensor_shape(tensor);
    shape.size[0] = count;
    assert_int_equal(
        gan_tensor_wrap(&other, tensor->context, gan_tensor_dtype(tensor), shape, (void *)(uintptr_t)data, NULL, NULL),
        GAN_OK);
    return other;
}

static void compare_one(const char *name, const gan_tensor *expected, int64_t count, const void *data,
                        double tolerance) {
    gan_tensor *actual = tensor_like(expected, count, data);
    double *a = compare_read(actual), *e = compare_read(expected), largest = 0;
    int64_t values = gan_shape_count(gan_tensor_shape(actual));
    for (int64_t i = 0; i < values; i++) largest = fmax(largest, fabs(e[i]));
    assert_true(largest > 0);
    assert_true(compare_abs(name, a, e, values, tolerance * largest));
    free(a);
    free(e);
    gan_tensor_release(actual);
}

void session_fixture_compare(const char *name, gan_layer *layer, gan_tensor *const *inputs, double tolerance) {
    int32_t count = gan_layer_input_count(layer), outputs = gan_layer_output_count(layer);
    int64_t batch = gan_tensor_shape(inputs[0]).size[0];
    const void *in[PORTS];
    void *out[PORTS];
    gan_tensor *ys[PORTS];
    gan_tape *tape;
    gan_session *session = session_fixture_layer_session(layer, batch);
    assert_int_equal(gan_tape_create(&tape, layer->context), GAN_OK);
    for (int32_t i = 0; i < count; i++) in[i] = gan_tensor_data(inputs[i]);
    for (int64_t n = batch; n >= 1; n--) {
        gan_tensor *parts[PORTS];
        for (int32_t i = 0; i < count; i++) parts[i] = tensor_like(inputs[i], n, in[i]);
        gan_layer_set_training(layer, 0);
        gan_layer_forward_many(tape, layer, parts, count, ys, outputs);
        gan_layer_set_training(layer, 1);
        if (gan_tape_status(tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(tape));
        for (int32_t i = 0; i < outputs; i++)
            out[i] = malloc(8 * (size_t)(gan_shape_count(gan_tensor_shape(ys[i])) + 1));
        if (gan_session_run(session, n, in, out) != GAN_OK) fail_msg("%s: %s", name, gan_session_error(session));
        for (int32_t i = 0; i < outputs; i++) {
            compare_one(name, ys[i], n, out[i], tolerance);
            free(out[i]);
        }
        gan_tape_reset(tape);
        for (int32_t i = 0; i < count; i++) gan_tensor_release(parts[i]);
    }
    gan_session_release(session);
    gan_tape_release(tape);
}
