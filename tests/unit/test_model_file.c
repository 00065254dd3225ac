/* Model files: every kind of network comes back with the same bits; what is wrong with a file is said, and nothing is
 * changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan.h>

#include "compare.h"
#include "failing_io.h"
#include "files.h"
#include "host.h"
#include "rewrite_model.h"
#include "train/model.h"

static host_memory memory;
static gan_context *context;
static char folder[FILES_PATH], path[FILES_PATH], other_path[FILES_PATH];

static int set_up(void **state) {
    (void)state;
    memset(&memory, 0, sizeof memory);
    context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    files_join(path, files_folder(folder), "a.safetensors");
    files_join(other_path, folder, "b.safetensors");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gan_context_release(context);
    files_remove(folder);
    return atomic_load(&memory.blocks) == 0 && atomic_load(&memory.bytes) == 0 ? 0 : -1;
}

/* ---- networks with all types of layers ---- */

static gan_layer *end(gan_builder *b) {
    gan_layer *layer;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    return layer;
}

static gan_layer *make_chain(gan_dtype dtype) {
    gan_weight_options weights;
    gan_batch_norm_options norm;
    gan_weight_options_init(&weights);
    gan_batch_norm_options_init(&norm);
    weights.bias = 0;
    norm.momentum = 0.3;
    norm.epsilon = 1.0 / 3;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(5));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, 2 * 3 * 3, &weights);
    gan_add_batch_norm(b, &norm);
    gan_add_relu(b);
    gan_add_reshape(b, gan_shape_3d(2, 3, 3));
    weights.output_padding = 1;
    gan_add_conv_transpose2d(b, 4, 3, 2, 1, &weights);
    norm.affine = 0;
    gan_add_batch_norm(b, &norm);
    gan_add_leaky_relu(b, 0.1);
    gan_builder_label(b, "caf\xc3\xa9 \"middle\"");
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_sigmoid(b);
    gan_add_flatten(b);
    gan_add_linear(b, 4, NULL);
    gan_add_tanh(b);
    return end(b);
}

static gan_layer *make_branches(gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(2, 4, 4));
    gan_builder_set_dtype(b, dtype);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_builder_label(b, "trunk");
    gan_add_relu(b);
    gan_add_conv2d(b, 2, 1, 1, 0, NULL);
    gan_add_sum(b, "trunk");
    gan_add_sum(b, "input");
    gan_builder_label(b, "left");
    gan_builder_from(b, "trunk");
    gan_add_tanh(b);
    gan_add_concat(b, "left");
    gan_builder_label(b, "both");
    gan_add_flatten(b);
    gan_add_linear(b, 7, NULL);
    gan_builder_from(b, "both"); /* the last layer is not the output */
    return end(b);
}

/* Every type of layer that make_chain and make_branches do not have. */
static gan_layer *make_others(gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(4, 4, 4));
    gan_builder_set_dtype(b, dtype);
    gan_instance_norm_options instance;
    gan_instance_norm_options_init(&instance);
    gan_add_instance_norm(b, NULL);
    gan_add_softplus(b);
    instance.affine = 1;
    instance.epsilon = 1e-3;
    gan_add_instance_norm(b, &instance);
    gan_add_layer_norm(b, NULL);
    gan_layer_norm_options layer;
    gan_layer_norm_options_init(&layer);
    layer.affine = 0;
    gan_add_layer_norm(b, &layer);
    gan_add_product(b, "input");
    gan_add_pad2d(b, 1, 0, 2, 3, GAN_PAD_ZERO);
    gan_add_pad2d(b, 1, 2, 0, 1, GAN_PAD_REFLECT);
    gan_add_pad2d(b, 0, 1, 1, 0, GAN_PAD_REPLICATE);
    gan_add_elu(b, 0.7);
    gan_add_prelu(b, 1, 0.25);
    gan_add_prelu(b, gan_builder_shape(b).size[0], 0.1);
    gan_add_softmax(b);
    gan_add_log_softmax(b);
    gan_add_dropout(b, 0.1);
    gan_add_dropout2d(b, 0.2);
    gan_add_maxout(b, 2);
    gan_add_max_pool2d(b, 2, 1, 1);
    gan_masked_conv_options masked;
    gan_masked_conv_options_init(&masked);
    masked.colors = 2;
    masked.kernel_w = 5;
    gan_add_masked_conv2d(b, 3, 3, GAN_MASK_A, &masked);
    gan_pixel_lstm_options lstm;
    gan_pixel_lstm_options_init(&lstm);
    gan_add_row_lstm(b, 3, 3, &lstm);
    lstm.bias = lstm.learned_state = 0;
    lstm.colors = 2;
    gan_add_diagonal_bilstm(b, 4, &lstm);
    gan_add_upsample(b, 2, GAN_BILINEAR);
    gan_add_upsample(b, 1, GAN_BILINEAR_CORNERS);
    gan_add_avg_pool2d(b, 3, 2, 0);
    gan_add_global_avg_pool(b);
    return end(b);
}

/* Those of ProGAN and StyleGAN, with options that are not the defaults. */
static gan_layer *make_styles(gan_dtype dtype) {
    gan_pixel_norm_options pixel;
    gan_minibatch_std_options deviation;
    gan_adaptive_instance_norm_options adaptive;
    gan_noise_injection_options noise;
    gan_blur_options blur;
    gan_truncation_options truncation;
    gan_pixel_norm_options_init(&pixel);
    gan_minibatch_std_options_init(&deviation);
    gan_adaptive_instance_norm_options_init(&adaptive);
    gan_noise_injection_options_init(&noise);
    gan_blur_options_init(&blur);
    gan_truncation_options_init(&truncation);
    pixel.epsilon = adaptive.epsilon = deviation.epsilon = 1.0 / 7;
    deviation.group = GAN_WHOLE_BATCH;
    adaptive.one_plus = noise.per_channel = 0;
    blur.count = 8;
    blur.stride = 2;
    blur.before = 5;
    blur.after = 4;
    blur.taps[7] = -1.0 / 3;
    truncation.psi = -0.1;
    truncation.decay = 0.1;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(6));
    gan_builder_set_dtype(b, dtype);
    gan_add_pixel_norm(b, &pixel);
    gan_add_truncation(b, &truncation);
    gan_builder_label(b, "style");
    gan_add_constant(b, gan_shape_3d(3, 4, 5));
    gan_add_noise_injection(b, NULL);
    gan_add_adaptive_instance_norm(b, "style", &adaptive);
    gan_builder_label(b, "old");
    gan_add_noise_injection(b, &noise);
    gan_add_gaussian_noise(b, 0.3, NULL);
    gan_add_fade(b, "old");
    gan_add_upsample_conv2d(b, 2, 5, NULL);
    gan_add_blur(b, NULL);
    gan_add_conv2d_downsample(b, 3, 3, NULL);
    gan_add_blur(b, &blur);
    gan_add_minibatch_std(b, &deviation);
    return end(b);
}

/* Types of layers that are about conditions and batches, but for those that read indices. */
static gan_layer *make_conditions(gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(6));
    gan_builder_set_dtype(b, dtype);
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.momentum = 0.25;
    norm.track_running_stats = 0;
    gan_minibatch_discrimination_options minibatch;
    gan_minibatch_discrimination_options_init(&minibatch);
    gan_virtual_batch_norm_options alone;
    gan_virtual_batch_norm_options_init(&alone);
    gan_add_slice(b, 1, 3);
    gan_builder_label(b, "part");
    gan_add_replicate(b, 2, 3);
    gan_add_virtual_batch_norm(b, NULL);
    gan_add_conditional_batch_norm_vector(b, "input", NULL, NULL);
    gan_add_modulated_batch_norm(b, "part", "part", &norm);
    alone.combine = alone.affine = 0;
    alone.epsilon = 1e-3;
    gan_add_virtual_batch_norm(b, &alone);
    gan_add_concat_spatial(b, "part");
    gan_add_global_sum_pool(b);
    gan_add_minibatch_discrimination(b, 2, 3, NULL);
    minibatch.include_self = minibatch.bias = minibatch.weight_norm = 1;
    gan_add_minibatch_discrimination(b, 1, 2, &minibatch);
    gan_builder_label(b, "features");
    gan_add_tanh(b);
    gan_add_inner_product(b, "features");
    return end(b);
}

/* Class labels. */
static gan_layer *make_classes(gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(5));
    gan_builder_set_dtype(b, dtype);
    gan_builder_input_indices(b, "label", gan_shape_0d(), 3);
    gan_add_embedding(b, 4, 2);
    gan_builder_label(b, "table");
    gan_builder_from(b, "label");
    gan_add_one_hot(b, 3);
    gan_builder_label(b, "place");
    gan_builder_from(b, "input");
    gan_add_concat(b, "table");
    gan_add_concat(b, "place");
    gan_add_linear(b, 12, NULL);
    gan_add_reshape(b, gan_shape_3d(3, 2, 2));
    gan_add_conditional_batch_norm(b, "label", 3, NULL);
    return end(b);
}

static gan_layer *make_nothing(gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_2d(2, 3));
    gan_builder_set_dtype(b, dtype);
    return end(b);
}

static gan_model *make_model(gan_layer *layer, int32_t input) {
    gan_model_options options;
    gan_model *model;
    gan_model_options_init(&options);
    options.input = input;
    options.low = 0;
    options.high = 0.1;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_OK);
    return model;
}

/* Running statistics and biases other than those of a fresh network. */
static void stir(gan_layer *layer) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        assert_int_equal(gan_tensor_fill_uniform(tensor, 0.1, 1, 5, 99, (uint64_t)i * 1000), GAN_OK);
    }
}

static void assert_same_layers(const gan_layer *a, const gan_layer *b) {
    char text_a[4096], text_b[4096];
    assert_int_equal(gan_layer_summary(a, text_a, sizeof text_a), gan_layer_summary(b, text_b, sizeof text_b));
    assert_string_equal(text_a, text_b);
    assert_int_equal(a->outputs[0].point, b->outputs[0].point);
    assert_int_equal(gan_layer_tensor_count(a), gan_layer_tensor_count(b));
    for (int32_t i = 0; i < gan_layer_tensor_count(a); i++) {
        assert_string_equal(gan_layer_tensor_name(a, i), gan_layer_tensor_name(b, i));
        assert_int_equal(gan_layer_tensor_is_parameter(a, i), gan_layer_tensor_is_parameter(b, i));
        assert_true(compare_same_bits(gan_layer_tensor_name(a, i), gan_layer_tensor(a, i), gan_layer_tensor(b, i)));
    }
    for (int32_t i = 0; i < a->module_count; i++) {
        assert_string_equal(a->modules[i].label, b->modules[i].label);
        assert_memory_equal(&a->modules[i].config, &b->modules[i].config, sizeof a->modules[i].config);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    gan_layer *(*const makers[])(gan_dtype) = {make_chain,  make_branches,   make_nothing, make_others,
                                               make_styles, make_conditions, make_classes};
    enum { MAKERS = sizeof makers / sizeof makers[0] };
    for (int i = 0; i < 2 * MAKERS; i++) {
        gan_layer *layer = makers[i % MAKERS](i < MAKERS ? GAN_F32 : GAN_F64);
        stir(layer);
        gan_model *model = make_model(layer, i % MAKERS == 1 ? GAN_INPUT_IMAGE : GAN_INPUT_UNIFORM), *back;
        assert_int_equal(gan_model_save(model, path), GAN_OK);
        uint64_t position = gan_context_position(context, GAN_STREAM_INIT);
        if (gan_model_load(&back, context, path) != GAN_OK) fail_msg("%s", gan_context_error(context));
        assert_true(gan_context_position(context, GAN_STREAM_INIT) == position);
        assert_same_layers(layer, gan_model_layer(back));
        assert_int_equal(gan_layer_dtype(gan_model_layer(back)), i < MAKERS ? GAN_F32 : GAN_F64);
        assert_int_equal(gan_layer_is_training(gan_model_layer(back)), 0);
        for (int32_t k = 0; k < gan_layer_input_count(layer); k++)
            assert_int_equal(gan_model_input_kind(back, k), gan_model_input_kind(model, k));
        double low, high;
        gan_model_range(back, &low, &high);
        assert_true(low == 0 && high == 0.1);
        if (i % MAKERS != 1) {
            gan_tensor *a, *b;
            assert_int_equal(gan_model_sample(&a, model, 5, 3), GAN_OK);
            assert_int_equal(gan_model_sample(&b, back, 5, 3), GAN_OK);
            assert_true(compare_same_bits("sample", a, b));
            gan_tensor_release(a);
            gan_tensor_release(b);
        }
        /* and the same bytes when written again */
        size_t size_a, size_b;
        assert_int_equal(gan_model_save(back, other_path), GAN_OK);
        unsigned char *x = files_read(path, &size_a), *y = files_read(other_path, &size_b);
        assert_int_equal(size_a, size_b);
        assert_memory_equal(x, y, size_a);
        free(x);
        free(y);
        gan_model_release(model);
        gan_model_release(back);
        gan_layer_release(layer);
    }
}

static void test_weights_of_embeddings(void **state) {
    (void)state;
    gan_layer *layers[2];
    for (int i = 0; i < 2; i++) {
        gan_builder *b = gan_builder_begin_indices(context, gan_shape_1d(3), 10);
        gan_add_embedding(b, 10, 4);
        gan_add_flatten(b);
        gan_add_linear(b, 2, NULL);
        layers[i] = end(b);
    }
    assert_int_equal(gan_layer_save(layers[0], path), GAN_OK);
    assert_int_equal(gan_layer_load(layers[1], path), GAN_OK);
    assert_int_equal(gan_layer_tensor_count(layers[0]), 3);
    assert_same_layers(layers[0], layers[1]);
    for (int i = 0; i < 2; i++) gan_layer_release(layers[i]);
}

/* Every type there is has been through test_round_trip, but for self-attention's, which test_attention.c has. */
static void test_round_trip_has_all_types(void **state) {
    (void)state;
    gan_layer *layers[] = {make_chain(GAN_F32),  make_branches(GAN_F32),   make_others(GAN_F32),
                           make_styles(GAN_F32), make_conditions(GAN_F32), make_classes(GAN_F32)};
    enum { COUNT = sizeof layers / sizeof layers[0] };
    const gani_module_type *const elsewhere[] = {&gani_type_attention, &gani_type_scale};
    enum { ELSEWHERE = sizeof elsewhere / sizeof elsewhere[0] };
    for (const gani_module_type *const *type = gani_module_types; *type != NULL; type++) {
        int found = 0;
        for (int i = 0; i < ELSEWHERE; i++) found |= *type == elsewhere[i];
        for (int i = 0; i < COUNT; i++)
            for (int32_t k = 0; k < layers[i]->module_count; k++) found |= layers[i]->modules[k].type == *type;
        if (!found) fail_msg("no network here has a layer of type %s", (*type)->name);
    }
    for (int i = 0; i < COUNT; i++) gan_layer_release(layers[i]);
}

/* 1 if the text between two places has a name, in the quotes of code. */
static int names(const char *from, const char *to, const char *name) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", name);
    const char *found = strstr(from, quoted);
    return found != NULL && found < to;
}

/* The line of a table that is about a type, up to *end; NULL if there is none. */
static const char *line_about(const char *text, const char *type, const char **end) {
    for (const char *line = text; (*end = strchr(line, '\n')) != NULL; line = *end + 1) {
        const char *second = strncmp(line, "| ", 2) == 0 ? strstr(line + 2, " | ") : NULL;
        if (second != NULL && second < *end && names(line, second, type)) return line;
    }
    return NULL;
}

/* The document that a reader of files goes by names every type and every member of its config. */
static void test_types_are_documented(void **state) {
    (void)state;
    size_t size;
    unsigned char *bytes = files_read(GAN_TEST_DIR "/../docs/file-formats.md", &size);
    char *text = calloc(size + 1, 1);
    memcpy(text, bytes, size);
    const char *forms = strstr(text, "\n| `form` |"); /* the members of a weight's form stand in a table of their own */
    assert_non_null(forms);
    for (const gani_module_type *const *type = gani_module_types; *type != NULL; type++) {
        const char *end, *line = line_about(text, (*type)->name, &end);
        if (line == NULL) fail_msg("docs/file-formats.md has no line about %s", (*type)->name);
        int formed = 0;
        for (const gani_field *field = (*type)->fields; field->name != NULL; field++) {
            formed |= strcmp(field->name, "form") == 0;
            if (!names(line, end, field->name) && !(formed && names(forms, text + size, field->name)))
                fail_msg("docs/file-formats.md says nothing of the member '%s' of %s", field->name, (*type)->name);
        }
        const char *mark = strstr(line, "[*form*]");
        if (formed && (mark == NULL || mark > end)) fail_msg("docs/file-formats.md: %s has a form", (*type)->name);
    }
    free(text);
    free(bytes);
}

/* ---- sampling ---- */

static void test_latent(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        gan_layer *layer = make_nothing(i < 2 ? GAN_F32 : GAN_F64);
        gan_model *model = make_model(layer, i % 2 ? GAN_INPUT_UNIFORM : GAN_INPUT_NORMAL);
        gan_tensor *few, *many, *head, *expected;
        assert_int_equal(gan_model_latent(&few, model, 3, 11), GAN_OK);
        assert_int_equal(gan_model_latent(&many, model, 100, 11), GAN_OK);
        assert_true(gan_shape_equal(gan_tensor_shape(many), gan_shape_3d(100, 2, 3)));
        assert_int_equal(gan_tensor_slice(&head, many, 0, 0, 3), GAN_OK);
        assert_true(compare_same_bits("latent", head, few));
        assert_int_equal(gan_tensor_create(&expected, context, gan_layer_dtype(layer), gan_shape_3d(100, 2, 3)),
                         GAN_OK);
        if (i % 2)
            assert_int_equal(gan_tensor_fill_uniform(expected, -1, 1, 11, GAN_STREAM_SAMPLE, 0), GAN_OK);
        else
            assert_int_equal(gan_tensor_fill_normal(expected, 0, 1, 11, GAN_STREAM_SAMPLE, 0), GAN_OK);
        assert_true(compare_same_bits("latent", many, expected));
        gan_tensor_release(few);
        gan_tensor_release(many);
        gan_tensor_release(head);
        gan_tensor_release(expected);
        gan_model_release(model);
        gan_layer_release(layer);
    }
}

/* However the inputs are cut, the outputs are the same; running statistics and mode stay. */
static void test_generate(void **state) {
    (void)state;
    gan_layer *layer = make_chain(GAN_F32), *copy;
    stir(layer);
    assert_int_equal(gan_layer_clone(&copy, layer), GAN_OK);
    gan_model *model = make_model(layer, GAN_INPUT_NORMAL);
    gan_tensor *all, *inputs;
    assert_int_equal(gan_model_latent(&inputs, model, 150, 1), GAN_OK);
    assert_int_equal(gan_model_generate(&all, model, inputs), GAN_OK);
    for (int64_t i = 0; i < 150; i += 37) {
        gan_tensor *one, *part, *expected;
        assert_int_equal(gan_tensor_slice(&part, inputs, 0, i, 2), GAN_OK);
        assert_int_equal(gan_model_generate(&one, model, part), GAN_OK);
        assert_int_equal(gan_tensor_slice(&expected, all, 0, i, 2), GAN_OK);
        assert_true(compare_same_bits("generate", one, expected));
        gan_tensor_release(one);
        gan_tensor_release(part);
        gan_tensor_release(expected);
    }
    assert_int_equal(gan_layer_is_training(layer), 1);
    assert_same_layers(layer, copy);
    gan_tensor_release(all);
    gan_tensor_release(inputs);
    assert_int_equal(gan_model_sample(&all, model, 0, 1), GAN_OK);
    assert_true(gan_shape_equal(gan_tensor_shape(all), gan_shape_2d(0, 4)));
    gan_tensor_release(all);
    assert_int_equal(gan_tensor_create(&inputs, context, GAN_F32, gan_shape_2d(3, 6)), GAN_OK);
    assert_int_equal(gan_model_generate(&all, model, inputs), GAN_E_SHAPE);
    assert_null(all);
    gan_tensor_release(inputs);
    assert_int_equal(gan_tensor_create(&inputs, context, GAN_I32, gan_shape_2d(3, 5)), GAN_OK);
    assert_int_equal(gan_model_generate(&all, model, inputs), GAN_E_DTYPE);
    gan_tensor_release(inputs);
    assert_int_equal(gan_model_sample(&all, model, -1, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_sample(&all, model, INT64_MAX, 1), GAN_E_LIMIT);
    gan_model_release(model);
    model = make_model(layer, GAN_INPUT_IMAGE);
    assert_int_equal(gan_model_sample(&all, model, 1, 1), GAN_E_UNSUPPORTED);
    gan_model_release(model);
    gan_layer_release(layer);
    gan_layer_release(copy);
}

/* Layers that compare a batch's items see all of it, however large it is. */
static void test_generate_together(void **state) {
    (void)state;
    enum { COUNT = 150 };
    gan_minibatch_std_options whole;
    gan_minibatch_std_options_init(&whole);
    whole.group = GAN_WHOLE_BATCH;
    for (int which = 0; which < 2; which++) {
        gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
        if (which == 0)
            gan_add_minibatch_std(b, &whole);
        else
            gan_add_minibatch_discrimination(b, 2, 2, NULL);
        gan_layer *layer = end(b);
        gan_model *model = make_model(layer, GAN_INPUT_NORMAL);
        gan_features *features;
        gan_tensor *inputs, *generated;
        gan_tape *tape;
        assert_int_equal(gan_model_latent(&inputs, model, COUNT, 1), GAN_OK);
        assert_int_equal(gan_model_generate(&generated, model, inputs), GAN_OK);
        assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
        gan_tensor *forward = gan_layer_forward(tape, layer, inputs);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        assert_true(compare_same_bits("together", generated, forward));
        assert_int_equal(gan_features_create_for_layer(&features, layer, "x", NULL), GAN_E_UNSUPPORTED);
        gan_tape_release(tape);
        gan_tensor_release(generated);
        gan_tensor_release(inputs);
        gan_model_release(model);
        gan_layer_release(layer);
    }
}

/* ---- files that are wrong ---- */

static void test_wrong_descriptions(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        gan_status status;
        const char *words;
    } cases[] = {
        {"\"schema\":1", "\"schema\":2", GAN_E_UNSUPPORTED, "a newer libgan wrote this file"},
        {"\"schema\":1", "\"schema\":0", GAN_E_FORMAT, "gan.model.schema"},
        {"\"schema\":1,", "", GAN_E_FORMAT, "no member \"schema\""},
        {"\"type\":\"leaky_relu\"", "\"type\":\"swish\"", GAN_E_UNSUPPORTED, "gan.model.nodes[6].type is \"swish\""},
        {"\"type\":\"leaky_relu\"", "\"type\":\"\\u001b[31m\"", GAN_E_UNSUPPORTED, "is \"?[31m\""},
        {"\"slope\":0.1", "\"slope\":0.1,\"curve\":2", GAN_E_UNSUPPORTED,
         "gan.model.nodes[6].config.curve is not known"},
        {"\"slope\":0.1", "", GAN_E_FORMAT, "nodes[6].config has no member \"slope\""},
        {"\"slope\":0.1", "\"slope\":\"0.1\"", GAN_E_FORMAT, "nodes[6].config.slope is not a number"},
        {"\"bias\":false", "\"bias\":0", GAN_E_FORMAT, "is not true or false"},
        {"\"bias\":false", "\"bias\":true", GAN_E_MISMATCH, "no tensor '0.bias'"},
        {"\"outputs\":18", "\"outputs\":18.0", GAN_E_FORMAT, "is not an integer"},
        {"\"outputs\":18", "\"outputs\":-18", GAN_E_FORMAT, "nodes[0] (linear) cannot be"},
        {"\"outputs\":18", "\"outputs\":9000000000000000000", GAN_E_MISMATCH, "'0.weight'"},
        {"\"outputs\":18", "\"outputs\":17", GAN_E_MISMATCH, "'0.weight' has shape 18x5, 17x5 is expected"},
        {"\"shape\":[2,3,3]", "\"shape\":[2,3,4]", GAN_E_FORMAT, "(reshape) cannot be"},
        {"\"shape\":[2,3,3]", "\"shape\":[2,-3,-3]", GAN_E_FORMAT, "is not an integer from 0"},
        {"\"shape\":[5]", "\"shape\":[0]", GAN_E_FORMAT, "is empty"},
        {"\"shape\":[5]", "\"shape\":[9223372036854775807,9]", GAN_E_FORMAT, "is empty or too large"},
        {"\"stride\":2", "\"stride\":2147483648", GAN_E_FORMAT, "nodes[4]"},
        {"\"name\":\"1\"", "\"name\":\"2\"", GAN_E_FORMAT, "nodes[1].name is not \"1\""},
        {"\"inputs\":[\"0\"]", "\"inputs\":[\"1\"]", GAN_E_FORMAT, "neither an input nor an earlier node"},
        {"\"inputs\":[\"0\"]", "\"inputs\":[\"00\"]", GAN_E_FORMAT, "neither an input nor an earlier node"},
        {"\"inputs\":[\"0\"]", "\"inputs\":[\"99999999999\"]", GAN_E_FORMAT, "neither an input nor an earlier node"},
        {"\"inputs\":[\"0\"]", "\"inputs\":[]", GAN_E_FORMAT, "nodes[1] (batch_norm) cannot be: it has 0 inputs"},
        {"\"inputs\":[\"0\"]", "\"inputs\":[\"0\",\"0\",\"0\"]", GAN_E_FORMAT, "it has 3 inputs"},
        {"\"output\":\"11\"", "\"output\":\"12\"", GAN_E_FORMAT, "gan.model.output"},
        {"\"kind\":\"normal\"", "\"kind\":\"words\"", GAN_E_UNSUPPORTED, "kind is \"words\""},
        {"\"range\":[0,0.1]", "\"range\":[1,0]", GAN_E_FORMAT, "range is empty"},
        {"\"range\":[0,0.1]", "\"range\":[-1e308,1e308]", GAN_E_FORMAT, "range is wider"},
        {"\"range\":[0,0.1]", "\"range\":[0]", GAN_E_FORMAT, "range is not a pair"},
        {"\"dtype\":\"f32\"", "\"dtype\":\"f16\"", GAN_E_UNSUPPORTED, "dtype"},
        {"\"aliases\":{}", "\"aliases\":{\"a\":\"b\"}", GAN_E_FORMAT, "no tensor 'a' to tie"},
        {"\"aliases\":{}", "\"aliases\":{\"1.weight\":\"1.running_mean\"}", GAN_E_FORMAT,
         "'1.running_mean' is not trained"},
        {"\"aliases\":{}", "\"aliases\":{\"1.running_mean\":\"1.weight\"}", GAN_E_FORMAT,
         "'1.running_mean' is not trained"},
        {"\"label\":\"caf\xc3\xa9",
         "\"label\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", GAN_E_FORMAT,
         "1 to 63 characters"},
        {"\"label\":\"caf\xc3\xa9 ", "\"label\":\"input\",\"was\":\"", GAN_E_FORMAT, "input"},
    };
    gan_layer *layer = make_chain(GAN_F32);
    gan_model *model = make_model(layer, GAN_INPUT_NORMAL), *back;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rewrite_model(context, path, other_path, cases[i].from, cases[i].to, NULL, NULL);
        gan_status status = gan_model_load(&back, context, other_path);
        if (status != cases[i].status || strstr(gan_context_error(context), cases[i].words) == NULL)
            fail_msg("%s: status %d, %s", cases[i].to, (int)status, gan_context_error(context));
        assert_null(back);
    }
    gan_model_release(model);
    gan_layer_release(layer);
}

/* Fields that a file leaves out where they have their defaults. */
static void test_optional_fields(void **state) {
    (void)state;
    gan_weight_options weights;
    gan_weight_options_init(&weights);
    weights.kernel_w = 2;
    weights.stride_w = 1;
    weights.padding_w = 3;
    weights.dilation = 2;
    weights.dilation_w = 4;
    weights.groups = 3;
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(6, 13, 12));
    gan_add_conv2d(b, 12, 3, 2, 1, &weights);
    weights.output_padding_w = 1;
    gan_add_conv_transpose2d(b, 3, 3, 2, 1, &weights);
    gan_layer *layer = end(b), *plain = make_chain(GAN_F32);
    gan_model *model = make_model(layer, GAN_INPUT_IMAGE), *back;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    if (gan_model_load(&back, context, path) != GAN_OK) fail_msg("%s", gan_context_error(context));
    assert_same_layers(layer, gan_model_layer(back));
    assert_int_equal(gan_model_layer(back)->modules[1].config.output_padding_w, 1);
    gan_model_release(back);
    static const struct {
        const char *from, *to;
        gan_status status;
        const char *words;
    } cases[] = {
        {"\"groups\":3", "\"groups\":4", GAN_E_FORMAT, "nodes[0] (conv2d) cannot be"},
        {"\"groups\":3", "\"groups\":0", GAN_E_FORMAT, "nodes[0] (conv2d) cannot be"},
        {",\"groups\":3", "", GAN_E_MISMATCH, "'0.weight' has shape 12x2x3x2, 12x6x3x2 is expected"},
        {"\"dilation\":2", "\"dilation\":\"2\"", GAN_E_FORMAT, "dilation is not a number"},
        {"\"kernel_w\":2", "\"kernel_w\":-5", GAN_E_FORMAT, "kernel"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rewrite_model(context, path, other_path, cases[i].from, cases[i].to, NULL, NULL);
        gan_status status = gan_model_load(&back, context, other_path);
        if (status != cases[i].status || strstr(gan_context_error(context), cases[i].words) == NULL)
            fail_msg("%s: status %d, %s", cases[i].to, (int)status, gan_context_error(context));
        assert_null(back);
    }
    gan_model_release(model);
    model = make_model(plain, GAN_INPUT_NORMAL);
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    size_t size;
    char *text = (char *)files_read(path, &size);
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\0') text[i] = ' ';
    text[size - 1] = '\0';
    assert_non_null(strstr(text, "conv2d"));
    assert_null(strstr(text, "groups"));
    assert_null(strstr(text, "dilation"));
    free(text);
    gan_model_release(model);
    gan_layer_release(layer);
    gan_layer_release(plain);
}

static void test_other_tensors(void **state) {
    (void)state;
    gan_layer *layer = make_chain(GAN_F32), *wide = make_chain(GAN_F64), *wrong = make_branches(GAN_F32), *before;
    gan_model *model = make_model(layer, GAN_INPUT_NORMAL), *back;
    stir(layer);
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    /* foreign ones do not matter */
    rewrite_model(context, path, other_path, NULL, NULL, NULL, "optimizer.state");
    assert_int_equal(gan_model_load(&back, context, other_path), GAN_OK);
    assert_same_layers(layer, gan_model_layer(back));
    gan_model_release(back);
    /* f32 and f64 are converted */
    rewrite_model(context, path, other_path, "\"dtype\":\"f32\"", "\"dtype\":\"f64\"", NULL, NULL);
    assert_int_equal(gan_model_load(&back, context, other_path), GAN_OK);
    assert_int_equal(gan_layer_dtype(gan_model_layer(back)), GAN_F64);
    assert_true(compare_tensors("wide", gan_layer_find(gan_model_layer(back), "0.weight"),
                                gan_layer_find(layer, "0.weight"), 0));
    gan_model_release(back);
    assert_int_equal(gan_layer_load(wide, path), GAN_OK);
    assert_true(compare_tensors("wide", gan_layer_find(wide, "7.bias"), gan_layer_find(layer, "7.bias"), 0));
    /* missing and other ones do, and then nothing is changed */
    rewrite_model(context, path, other_path, NULL, NULL, "10.bias", NULL);
    assert_int_equal(gan_model_load(&back, context, other_path), GAN_E_MISMATCH);
    assert_non_null(strstr(gan_context_error(context), "'10.bias'"));
    assert_int_equal(gan_layer_clone(&before, wrong), GAN_OK);
    assert_int_equal(gan_layer_load(wrong, path), GAN_E_MISMATCH);
    assert_same_layers(before, wrong);
    gan_layer_release(before);
    stir(wide);
    assert_int_equal(gan_layer_init_default(wide), GAN_OK);
    assert_int_equal(gan_layer_clone(&before, wide), GAN_OK);
    assert_int_equal(gan_layer_load(wide, other_path), GAN_E_MISMATCH); /* only the last but one is missing */
    assert_same_layers(before, wide);
    gan_layer_release(before);
    /* a file of a layer is not one of a model */
    assert_int_equal(gan_layer_save(layer, other_path), GAN_OK);
    assert_int_equal(gan_model_load(&back, context, other_path), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "gan_layer_load"));
    assert_int_equal(gan_layer_init_default(layer), GAN_OK);
    assert_int_equal(gan_layer_load(layer, other_path), GAN_OK);
    assert_true(compare_tensors("again", gan_layer_find(wide, "0.weight"), gan_layer_find(wide, "0.weight"), 0));
    gan_model_release(model);
    gan_layer_release(layer);
    gan_layer_release(wide);
    gan_layer_release(wrong);
}

/* ---- disks and memory that fail ---- */

static void test_failing_save(void **state) {
    (void)state;
    gan_layer *layer = make_chain(GAN_F32);
    gan_model *model = make_model(layer, GAN_INPUT_NORMAL);
    size_t size, now;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    unsigned char *before = files_read(path, &size);
    stir(layer);
    assert_int_equal(gan_model_save(model, other_path), GAN_OK);
    unsigned char *after = files_read(other_path, &now);
    assert_int_equal(now, size);
    for (int stays = 0; stays <= 1; stays++) {
        int failures = 0;
        for (long long n = 1;; n++) {
            failing_io io = {.fail_at = n, .stays = stays, .error = ENOSPC};
            files_remove(folder); /* with what could not be removed last time */
            files_make_folder(folder);
            files_write(path, before, size);
            failing_io_set(context, &io);
            gan_status status = gan_model_save(model, path);
            failing_io_reset(context);
            if (status != GAN_OK && io.failed == NULL) fail_msg("operation %lld: %s", n, gan_context_error(context));
            unsigned char *found = files_read(path, &now);
            assert_int_equal(now, size);
            /* once renamed, the new file is there, whole, even if the folder could not be synced */
            int renamed = status == GAN_OK || strcmp(io.failed, "sync_folder") == 0;
            assert_memory_equal(found, renamed ? after : before, size);
            free(found);
            if (status == GAN_OK) break;
            failures++;
            assert_int_equal(status, GAN_E_IO);
            assert_non_null(strstr(gan_context_error(context), "No space left"));
            if (!stays) assert_int_equal(files_count(folder), 1); /* no temporary file */
        }
        assert_true(failures >= 5);
    }
    free(before);
    free(after);
    gan_model_release(model);
    gan_layer_release(layer);
}

static void test_failing_load(void **state) {
    (void)state;
    gan_layer *layer = make_branches(GAN_F32);
    gan_model *model = make_model(layer, GAN_INPUT_IMAGE), *back;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    for (long long n = 1;; n++) {
        failing_io io = {.fail_at = n, .error = EIO};
        failing_io_set(context, &io);
        gan_status status = gan_model_load(&back, context, path);
        failing_io_reset(context);
        if (io.failed == NULL) break;
        if (status == GAN_OK) { /* closing a file that was read */
            assert_string_equal(io.failed, "close");
            gan_model_release(back);
            continue;
        }
        assert_int_equal(status, GAN_E_IO);
        assert_null(back);
    }
    gan_model_release(back);
    gan_model_release(model);
    gan_layer_release(layer);
}

static void test_without_memory(void **state) {
    (void)state;
    gan_layer *layer = make_chain(GAN_F32);
    gan_model *model = make_model(layer, GAN_INPUT_NORMAL), *back;
    gan_tensor *images;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    for (int what = 0; what < 3; what++) {
        long long blocks = atomic_load(&memory.blocks);
        gan_status status = GAN_E_MEMORY;
        for (long long n = 1; status != GAN_OK; n++) {
            memory.fail_at = atomic_load(&memory.calls) + n;
            status = what == 0   ? gan_model_save(model, other_path)
                     : what == 1 ? gan_model_load(&back, context, path)
                                 : gan_model_sample(&images, model, 70, 1);
            memory.fail_at = 0;
            if (status != GAN_OK) {
                assert_int_equal(status, GAN_E_MEMORY);
                assert_int_equal(atomic_load(&memory.blocks), blocks);
                assert_int_equal(files_exist(other_path), what > 0);
                assert_int_equal(gan_layer_is_training(layer), 1);
            }
        }
        if (what == 1) gan_model_release(back);
        if (what == 2) gan_tensor_release(images);
    }
    gan_model_release(model);
    gan_layer_release(layer);
}

static void test_arguments(void **state) {
    (void)state;
    gan_layer *layer = make_nothing(GAN_F32), *two;
    gan_model *model;
    gan_model_options options;
    gan_model_options_init(&options);
    assert_int_equal(gan_model_create(&model, NULL, NULL), GAN_E_ARGUMENT);
    assert_null(model);
    options.input = 7;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_E_ARGUMENT);
    gan_model_options_init(&options);
    options.low = options.high;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_E_ARGUMENT);
    gan_model_options_init(&options);
    options.input_count = 1; /* without a list */
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "kinds of 1 inputs are given"));
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    gan_builder_input(b, "more", gan_shape_1d(2));
    gan_add_sum(b, "input");
    two = end(b);
    assert_int_equal(gan_layer_save(two, path), GAN_OK); /* a layer without tensors, too */
    assert_int_equal(gan_layer_load(two, path), GAN_OK);
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    assert_int_equal(gan_model_save(model, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_save(NULL, path), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_save(model, folder), GAN_E_IO);
    assert_int_equal(gan_model_save(model, "/no/such/folder/a"), GAN_E_IO);
    assert_null(gan_model_layer(NULL));
    gan_model_release(model);
    gan_model_release(NULL);
    gan_layer_release(layer);
    gan_layer_release(two);
}

typedef struct collected {
    unsigned char *data;
    size_t size, room;
    int calls, fail_at;
    gan_status failure;
    const char *sentence; /* about it; NULL: none */
} collected;
static gan_status collect(void *user, const void *more, size_t size) {
    collected *b = user;
    if (++b->calls == b->fail_at)
        return b->sentence == NULL ? b->failure : gan_context_fail(context, b->failure, b->sentence);
    if (b->size + size > b->room) fail_msg("more than %zu bytes", b->room);
    memcpy(b->data + b->size, more, size);
    b->size += size;
    return GAN_OK;
}

/* The bytes of a file and those that are given to a function are the same, and a model is read from either. */
static void test_memory(void **state) {
    (void)state;
    gan_layer *layer = make_chain(GAN_F32);
    stir(layer);
    gan_model *model = make_model(layer, GAN_INPUT_UNIFORM), *back;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    size_t size;
    unsigned char *file = files_read(path, &size);
    collected b = {malloc(size), 0, size, 0, 0, GAN_OK, NULL};
    assert_int_equal(gan_model_save_stream(model, collect, &b), GAN_OK);
    assert_int_equal(b.size, size);
    assert_memory_equal(b.data, file, size);
    if (gan_model_load_memory(&back, context, b.data, size) != GAN_OK) fail_msg("%s", gan_context_error(context));
    assert_same_layers(layer, gan_model_layer(back));
    gan_model_release(back);

    int calls = b.calls;
    for (int i = 1; i <= calls; i++) {
        b = (collected){b.data, 0, size, 0, i, GAN_E_LIMIT, NULL};
        assert_int_equal(gan_model_save_stream(model, collect, &b), GAN_E_LIMIT);
        assert_int_equal(b.calls, i); /* and is left alone then */
        assert_non_null(strstr(gan_context_error(context), "gan_model_save_stream: the write function failed"));
    }
    b = (collected){b.data, 0, size, 0, 1, GAN_E_IO, "the archive is closed"};
    assert_int_equal(gan_model_save_stream(model, collect, &b), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(context), "write function failed: the archive is closed"));
    b = (collected){b.data, 0, size, 0, 1, 7, NULL};
    assert_int_equal(gan_model_save_stream(model, collect, &b), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "7, which is no status"));
    for (size_t less = 0; less < size; less += less < 300 ? 7 : 1001) {
        assert_int_equal(gan_model_load_memory(&back, context, file, less), GAN_E_FORMAT);
        assert_null(back);
    }
    assert_non_null(strstr(gan_context_error(context), "'memory'"));
    /* one bit of the tensors, in the file as well */
    file[size - 5] ^= 4;
    assert_int_equal(gan_model_load_memory(&back, context, file, size), GAN_E_FORMAT);
    files_write(path, file, size);
    assert_int_equal(gan_model_load(&back, context, path), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "is damaged: its checksum is wrong"));
    assert_int_equal(gan_layer_load(layer, path), GAN_OK); /* weights are taken from anywhere */
    assert_int_equal(gan_model_load_memory(&back, context, NULL, 9), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_load_memory(NULL, context, file, size), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_load_memory(&back, NULL, file, size), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_save_stream(model, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_save_stream(NULL, collect, &b), GAN_E_ARGUMENT);
    free(b.data);
    free(file);
    gan_model_release(model);
    gan_layer_release(layer);
}

/* A file with these tensors of floats: 1, 2, 3 ... through all of them. */
static void write_floats(const char *header, size_t count) {
    size_t length = strlen(header);
    unsigned char *bytes = calloc(1, 8 + length + 4 * count);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < count; i++) {
        float value = 1 + (float)i;
        uint32_t bits;
        memcpy(&bits, &value, 4);
        for (int k = 0; k < 4; k++) bytes[8 + length + 4 * i + (size_t)k] = (unsigned char)(bits >> (8 * k));
    }
    files_write(path, bytes, 8 + length + 4 * count);
    free(bytes);
}

static double item_of(const gan_layer *layer, const char *name, int64_t index) {
    return gan_tensor_item(gan_layer_find(layer, name), index);
}

/* Names as torch.nn.utils.parametrizations gives them. */
static void test_parametrized(void **state) {
    (void)state;
    gan_weight_options options;
    gan_layer *spectral, *norm;
    gan_weight_options_init(&options);
    options.form = GAN_WEIGHT_SPECTRAL_NORM;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_linear(b, 2, &options);
    spectral = end(b);
    options.form = GAN_WEIGHT_NORM;
    b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_linear(b, 2, &options);
    norm = end(b);
    write_floats("{\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                 "\"0.parametrizations.weight.0._u\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
                 "\"0.parametrizations.weight.0._v\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[16,28]},"
                 "\"0.parametrizations.weight.original\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[28,52]}}",
                 13);
    assert_int_equal(gan_layer_load(spectral, path), GAN_OK);
    assert_true(item_of(spectral, "0.bias", 0) == 1 && item_of(spectral, "0.weight_u", 1) == 4);
    assert_true(item_of(spectral, "0.weight_v", 2) == 7 && item_of(spectral, "0.weight_orig", 5) == 13);
    assert_int_equal(gan_layer_load(norm, path), GAN_E_MISMATCH); /* the other norm's */
    assert_non_null(strstr(gan_context_error(context), "0._v"));
    write_floats(
        "{\"m.0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"m.0.parametrizations.weight.original0\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]},"
        "\"m.0.parametrizations.weight.original1\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]}}",
        10);
    assert_int_equal(gan_layer_load_prefixed(norm, path, "m"), GAN_OK);
    assert_true(item_of(norm, "0.weight_g", 1) == 4 && item_of(norm, "0.weight_v", 0) == 5);
    assert_int_equal(gan_layer_load_prefixed(spectral, path, "m"), GAN_E_MISMATCH);
    gan_layer_release(spectral);
    gan_layer_release(norm);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_round_trip_has_all_types),
        TEST(test_types_are_documented),
        TEST(test_weights_of_embeddings),
        TEST(test_latent),
        TEST(test_generate),
        TEST(test_generate_together),
        TEST(test_wrong_descriptions),
        TEST(test_optional_fields),
        TEST(test_other_tensors),
        TEST(test_parametrized),
        TEST(test_failing_save),
        TEST(test_failing_load),
        TEST(test_without_memory),
        TEST(test_arguments),
        TEST(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
