/* What sessions compute: what the layer computes in evaluation mode, whatever its graph and its types of layers, with
 * normalisations folded wherever they can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "layer_fixture.h"
#include "session_fixture.h"
#include "train/session.h"

#define X1(N) gan_shape_1d(N)
#define MAPS gan_shape_3d(4, 6, 5)
#define BATCH 3
#define CLOSE(DTYPE) ((DTYPE) == GAN_F64 ? 1e-13 : 1e-5)

/* ---- chains, one after the other; `folds`: how many normalisations a session folds ---- */

static gan_weight_options with(int32_t bias, int64_t groups) {
    gan_weight_options options;
    gan_weight_options_init(&options);
    options.bias = bias;
    options.groups = groups;
    return options;
}
static gan_batch_norm_options norm_with(int32_t affine, int32_t track) {
    gan_batch_norm_options options;
    gan_batch_norm_options_init(&options);
    options.affine = affine;
    options.track_running_stats = track;
    return options;
}

static void conv_chain(gan_builder *b) {
    gan_weight_options bare = with(0, 1), grouped = with(1, 2);
    gan_batch_norm_options plain = norm_with(0, 1);
    gan_add_conv2d(b, 6, 3, 1, 1, &bare);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv2d(b, 4, 3, 1, 1, &grouped);
    gan_add_batch_norm(b, &plain);
    gan_add_batch_norm(b, NULL);
    gan_add_elu(b, 1);
}
static void transpose_chain(gan_builder *b) {
    gan_weight_options bare = with(0, 2), grouped = with(1, 2);
    gan_add_conv_transpose2d(b, 6, 4, 2, 1, &grouped);
    gan_add_dropout(b, 0.5);
    gan_add_batch_norm(b, NULL);
    gan_add_sigmoid(b);
    gan_add_conv_transpose2d(b, 4, 3, 1, 1, &bare);
    gan_add_batch_norm(b, NULL);
    gan_add_softplus(b);
}
/* A channel of the normalisation is two of the convolution's; then twelve values of the linear layer; then one. */
static void reshaped_chain(gan_builder *b) {
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_reshape(b, gan_shape_3d(2, 12, 5));
    gan_add_batch_norm(b, NULL);
    gan_add_flatten(b);
    gan_add_linear(b, 24, NULL);
    gan_add_reshape(b, gan_shape_3d(2, 3, 4));
    gan_add_batch_norm(b, NULL);
    gan_add_flatten(b);
    gan_add_linear(b, 5, NULL);
    gan_add_batch_norm(b, NULL);
}
/* First of all; behind an activation; where a channel is split among several; behind what another layer reads too. */
static void unfolded(gan_builder *b) {
    gan_add_batch_norm(b, NULL);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_tanh(b);
    gan_add_batch_norm(b, NULL);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_reshape(b, gan_shape_3d(4, 3, 5));
    gan_add_batch_norm(b, NULL);
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_builder_label(b, "read_twice");
    gan_add_batch_norm(b, NULL);
    gan_add_sum(b, "read_twice");
}
/* Values that are read again must not be written over by the layer that reads them first. */
static void skips(gan_builder *b) {
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_builder_label(b, "a");
    gan_add_leaky_relu(b, 0.2);
    gan_builder_label(b, "b");
    gan_add_tanh(b);
    gan_add_sum(b, "a");
    gan_add_flatten(b);
    gan_add_reshape(b, MAPS);
    gan_add_sigmoid(b);
    gan_add_product(b, "b");
    gan_add_sum(b, "b");
}
static void other_types(gan_builder *b) {
    gan_add_instance_norm(b, NULL);
    gan_add_pad2d(b, 1, 1, 2, 2, GAN_PAD_REFLECT);
    gan_add_upsample(b, 2, GAN_BILINEAR);
    gan_add_max_pool2d(b, 2, 2, 0);
    gan_add_avg_pool2d(b, 2, 1, 0);
    gan_add_softmax(b);
    gan_add_maxout(b, 2);
    gan_add_layer_norm(b, NULL);
    gan_add_relu(b);
    gan_add_global_avg_pool(b);
    gan_add_log_softmax(b);
}

static int32_t left_over(gan_layer *layer) {
    int32_t count = 0;
    gan_session *session = session_fixture_layer_session(layer, 2);
    for (int32_t i = 0; i < session->layer->module_count; i++)
        count += session->layer->modules[i].type == &gani_type_batch_norm;
    gan_session_release(session);
    return count;
}

static void check_chain(const layer_fixture *f, const char *name, void (*add)(gan_builder *), int32_t unfolded_norms) {
    for (gan_dtype dtype = GAN_F32; dtype <= GAN_F64; dtype++) {
        gan_layer *layer;
        gan_builder *b = gan_builder_begin(f->context, MAPS);
        gan_builder_set_dtype(b, dtype);
        add(b);
        if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
        session_fixture_fill(layer);
        gan_tensor *x = host_uniform(f->context, dtype, gan_shape_4d(BATCH, 4, 6, 5), -1, 1, 3);
        session_fixture_compare(name, layer, &x, CLOSE(dtype));
        assert_int_equal(left_over(layer), unfolded_norms);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

static void chains(void **state) {
    assert_int_equal(GAN_F64, GAN_F32 + 1);
    check_chain(*state, "convolutions", conv_chain, 0);
    check_chain(*state, "transposed convolutions", transpose_chain, 0);
    check_chain(*state, "reshapes in between", reshaped_chain, 0);
    check_chain(*state, "nothing to fold", unfolded, 4);
    check_chain(*state, "skips", skips, 0);
    check_chain(*state, "other types", other_types, 0);
}

/* ---- graphs ---- */

/* Image and label in; a picture, a number and the label's vector out; a network inside that is used twice. */
static gan_layer *graph(const layer_fixture *f) {
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_layer *block = layer_fixture_end(f, b);
    b = layer_fixture_begin(f, MAPS);
    gan_builder_input_indices(b, "label", gan_shape_0d(), 10);
    gan_builder_from(b, "input");
    gan_builder_split(b);
    gan_add_layer(b, block, "block");
    gan_add_layer(b, block, NULL);
    gan_builder_next(b);
    gan_add_conv2d(b, 4, 1, 1, 0, NULL);
    gan_add_batch_norm(b, NULL);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_builder_output(b, "picture");
    gan_add_global_avg_pool(b);
    gan_builder_label(b, "features");
    gan_builder_from(b, "label");
    gan_add_embedding(b, 10, 4);
    gan_builder_output(b, "vector");
    gan_add_product(b, "features");
    gan_add_concat(b, "features");
    gan_add_linear(b, 4, NULL);
    gan_builder_output(b, "number");
    gan_layer *layer = layer_fixture_end(f, b);
    gan_layer_release(block);
    session_fixture_fill(layer);
    return layer;
}

static void graphs(void **state) {
    const layer_fixture *f = *state;
    gan_layer *layer = graph(f);
    assert_int_equal(gan_layer_output_count(layer), 3);
    const int32_t labels[BATCH] = {9, 0, 4};
    gan_tensor *xs[2] = {host_uniform(f->context, GAN_F64, gan_shape_4d(BATCH, 4, 6, 5), -1, 1, 3), NULL};
    assert_int_equal(gan_tensor_create(&xs[1], f->context, GAN_I32, X1(BATCH)), GAN_OK);
    assert_int_equal(gan_tensor_write(xs[1], labels, sizeof labels), GAN_OK);
    session_fixture_compare("graph", layer, xs, CLOSE(GAN_F64));
    gan_session *session = session_fixture_layer_session(layer, 1);
    const int32_t wrong = 10;
    const void *in[2] = {gan_tensor_data(xs[0]), &wrong};
    double number[4];
    void *out[3] = {NULL, NULL, number}; /* not all are wanted */
    assert_int_equal(gan_session_run(session, 1, in, out), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_session_error(session), "'label' holds 10"));
    in[1] = labels;
    assert_int_equal(gan_session_run(session, 1, in, out), GAN_OK);
    gan_session_release(session);
    for (int32_t i = 0; i < 2; i++) gan_tensor_release(xs[i]);
    gan_layer_release(layer);
}

/* Folding must not change a weight that another layer has too. */
static void tied(void **state) {
    const layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(4));
    gan_add_linear(b, 4, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 4, NULL);
    gan_layer *layer = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tie(layer, "3.weight", "0.weight"), GAN_OK);
    session_fixture_fill(layer);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, 4), -1, 1, 3);
    session_fixture_compare("tied", layer, &x, CLOSE(GAN_F64));
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* Statistics of the batch: it stays one. */
static void batch_statistics(void **state) {
    const layer_fixture *f = *state;
    gan_batch_norm_options options = norm_with(1, 0);
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_batch_norm(b, &options);
    gan_layer *layer = layer_fixture_end(f, b);
    session_fixture_fill(layer);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(BATCH, 4, 6, 5), -1, 1, 3);
    session_fixture_compare("statistics of the batch", layer, &x, CLOSE(GAN_F64));
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* ---- samples ---- */

#define PICTURE (2 * 12 * 12)

/* What gan_model_sample gives, in one piece or in several, also where vectors begin inside a block of random numbers;
 * the same bits where nothing is folded. */
static void samples(void **state) {
    const layer_fixture *f = *state;
    for (int32_t norm = 0; norm <= 1; norm++) {
        gan_model *model = session_fixture_model(f->context, GAN_F64, norm);
        gan_session *session = session_fixture_session(model, 7);
        gan_tensor *expected;
        double pictures[7 * PICTURE];
        assert_int_equal(gan_model_sample(&expected, model, 7, 5), GAN_OK);
        const double *e = gan_tensor_const_data(expected);
        assert_int_equal(gan_session_sample(session, 0, 7, 5, pictures, sizeof pictures), GAN_OK);
        assert_true(compare_abs("sample", pictures, e, 7 * PICTURE, norm ? 1e-13 : 0));
        memset(pictures, 0, sizeof pictures);
        for (int64_t i = 0; i < 7; i += 3)
            assert_int_equal(gan_session_sample(session, i, i < 6 ? 3 : 1, 5, pictures + i * PICTURE,
                                                (i < 6 ? 3 : 1) * PICTURE * sizeof *pictures),
                             GAN_OK);
        assert_true(compare_abs("parts", pictures, e, 7 * PICTURE, norm ? 1e-13 : 0));
        gan_session_release(session);
        gan_model_release(model);
        gan_tensor_release(expected);
    }
}

static void uniform_inputs(void **state) {
    const layer_fixture *f = *state;
    gan_model_options options;
    gan_model_options_init(&options);
    options.input = GAN_INPUT_UNIFORM;
    gan_layer *layer = session_fixture_generator(f->context, GAN_F32, 0);
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_OK);
    gan_session *session = session_fixture_session(model, 4);
    gan_tensor *expected;
    float pictures[4 * PICTURE];
    assert_int_equal(gan_model_sample(&expected, model, 4, 5), GAN_OK);
    assert_int_equal(gan_session_sample(session, 0, 4, 5, pictures, sizeof pictures), GAN_OK);
    assert_memory_equal(pictures, gan_tensor_const_data(expected), sizeof pictures);
    gan_tensor_release(expected);
    gan_session_release(session);
    gan_model_release(model);
    gan_layer_release(layer);
}

/* ---- packed weights ---- */

static int32_t packed_count(const gan_session *session) {
    int32_t count = 0;
    const gan_layer *layer = session->layer;
    for (int32_t i = 0; i < layer->module_count; i++)
        for (int32_t k = 0; k < layer->modules[i].tensor_count; k++)
            count += layer->modules[i].tensors[k]->packed != NULL;
    return count;
}

/* Large enough for minimal filtering, and for one item to be computed directly when it is alone. */
static void large(gan_builder *b) {
    gan_weight_options grouped = with(1, 4);
    gan_add_linear(b, 64 * 4 * 4, NULL);
    gan_add_reshape(b, gan_shape_3d(64, 4, 4));
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 64, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 64, 3, 1, 1, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 32, 3, 1, 1, &grouped);
    gan_add_conv2d(b, 3, 1, 1, 0, NULL);
}

/* All but the grouped one; an item of a session is the same bits whatever is computed along with it. */
static void packed(void **state) {
    const layer_fixture *f = *state;
    enum { ITEMS = 12, SIZE = 3 * 8 * 8, INPUT = 20 };
    for (gan_dtype dtype = GAN_F32; dtype <= GAN_F64; dtype++) {
        gan_layer *layer;
        gan_builder *b = gan_builder_begin(f->context, X1(INPUT));
        gan_builder_set_dtype(b, dtype);
        large(b);
        if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
        session_fixture_fill(layer);
        gan_tensor *x = host_uniform(f->context, dtype, gan_shape_2d(ITEMS, INPUT), -1, 1, 3);
        session_fixture_compare("packed", layer, &x, CLOSE(dtype));
        gan_session *session = session_fixture_layer_session(layer, ITEMS);
        assert_int_equal(packed_count(session), 4);
        size_t item = SIZE * gan_dtype_size(dtype), input = INPUT * gan_dtype_size(dtype), memory;
        char *all = malloc(ITEMS * item), *one = malloc(item);
        const void *in[1] = {gan_tensor_data(x)};
        void *out[1] = {all};
        assert_int_equal(gan_session_run(session, ITEMS, in, out), GAN_OK);
        out[0] = one;
        for (size_t i = 0; i < ITEMS; i++) {
            in[0] = (const char *)gan_tensor_data(x) + i * input;
            assert_int_equal(gan_session_run(session, 1, in, out), GAN_OK);
            assert_memory_equal(one, all + i * item, item);
        }
        gan_session_options options = session_fixture_options(ITEMS, 1);
        assert_int_equal(gan_session_measure_for_layer(&memory, layer, &options), GAN_OK);
        assert_int_equal(memory, gan_session_memory(session));
        free(all), free(one);
        gan_session_release(session);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

/* A weight that somebody else reads stays as it is. */
static void tied_is_not_packed(void **state) {
    const layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(4));
    gan_add_linear(b, 4, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 4, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 4, NULL);
    gan_layer *layer = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tie(layer, "2.weight", "0.weight"), GAN_OK);
    session_fixture_fill(layer);
    gan_session *session = session_fixture_layer_session(layer, BATCH);
    assert_int_equal(packed_count(session), 1);
    gan_session_release(session);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, 4), -1, 1, 3);
    session_fixture_compare("tied", layer, &x, CLOSE(GAN_F64));
    gan_tensor_release(x);
    gan_layer_release(layer);
}

int main(void) {
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {CASE(chains),  CASE(graphs),         CASE(tied),   CASE(batch_statistics),
                                       CASE(samples), CASE(uniform_inputs), CASE(packed), CASE(tied_is_not_packed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
