/* Residual blocks: the numbers of parameters of known networks, the layers they are made of, what is refused; and
 * files, sessions and failing memory for networks with conditions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "files.h"
#include "layer_fixture.h"

#define CLASSES 10

static gan_residual_options generator_block(const char *labels, const char *condition) {
    gan_residual_options o;
    gan_residual_options_init(&o);
    o.resample = GAN_RESAMPLE_UP;
    o.batch_norm = 1;
    o.labels = labels;
    o.classes = CLASSES;
    o.condition = condition;
    return o;
}

static gan_builder *begin(const layer_fixture *f, gan_shape input, int labels) {
    gan_builder *b = gan_builder_begin(f->context, input);
    if (labels) gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    return b;
}

static void assert_count(const layer_fixture *f, gan_builder *b, int64_t expected) {
    gan_layer *layer = layer_fixture_end(f, b);
    int64_t count = gan_layer_parameter_count(layer);
    if (count != expected) fail_msg("%lld parameters, not %lld", (long long)count, (long long)expected);
    gan_layer_release(layer);
}

static void norm_relu_conv(gan_builder *b, int64_t channels) {
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, channels, 3, 1, 1, NULL);
    gan_add_tanh(b);
}

/* SNGAN's networks for 32 x 32: generators of 256 maps, and of 32. */
static void sngan_generators(void **state) {
    layer_fixture *f = *state;
    static const struct {
        int64_t maps, expected;
        int labels;
    } networks[] = {{256, 4276739, 0}, {256, 4304387, 1}, {32, 126019, 0}};
    for (int i = 0; i < 3; i++) {
        gan_builder *b = begin(f, gan_shape_1d(128), networks[i].labels);
        gan_residual_options o = generator_block(networks[i].labels ? "labels" : NULL, NULL);
        gan_add_linear(b, networks[i].maps * 16, NULL);
        gan_add_reshape(b, gan_shape_3d(networks[i].maps, 4, 4));
        for (int k = 0; k < 3; k++) gan_add_residual_block(b, networks[i].maps, &o);
        assert_true(gan_shape_equal(gan_builder_shape(b), gan_shape_3d(networks[i].maps, 32, 32)));
        norm_relu_conv(b, 3);
        assert_count(f, b, networks[i].expected);
    }
}

/* Discriminators for 32 x 32: SNGAN's of several widths, whose blocks have as many hidden channels as inputs, and
 * BigGAN's, which have as many as results. With 10 classes or without. */
static void discriminators(void **state) {
    layer_fixture *f = *state;
    static const struct {
        int64_t maps, expected;
        int labels, bias;
    } networks[] = {
        {32, 66848, 0, 0}, {64, 264768, 0, 0}, {128, 1053824, 0, 0}, {128, 1055104, 1, 0}, {256, 4207361, 1, 1}};
    for (int i = 0; i < 5; i++) {
        gan_builder *b = begin(f, gan_shape_3d(3, 32, 32), networks[i].labels);
        gan_residual_options o;
        gan_weight_options head;
        gan_residual_options_init(&o);
        gan_weight_options_init(&head);
        head.bias = networks[i].bias;
        o.resample = GAN_RESAMPLE_DOWN;
        o.preactivation = 0;
        gan_add_residual_block(b, networks[i].maps, &o);
        o.preactivation = 1;
        if (!networks[i].bias) o.hidden = networks[i].maps;
        gan_add_residual_block(b, networks[i].maps, &o);
        o.resample = GAN_RESAMPLE_NONE;
        gan_add_residual_block(b, networks[i].maps, &o);
        gan_add_residual_block(b, networks[i].maps, &o);
        assert_true(gan_shape_equal(gan_builder_shape(b), gan_shape_3d(networks[i].maps, 8, 8)));
        gan_add_relu(b);
        gan_add_global_sum_pool(b);
        if (networks[i].labels)
            gan_add_projection(b, "labels", CLASSES, &head);
        else
            gan_add_linear(b, 1, &head);
        assert_count(f, b, networks[i].expected);
    }
}

/* A small BigGAN, z of 4 parts of 20, without its attention of 5121 parameters: 302 788 and 270 530 with it. */
#define ATTENTION 5121
static void add_small_biggan(gan_builder *b, int outputs) {
    static const char *const names[] = {"c1", "c2", "c3"}, *const ends[] = {"b1", "b2", "b3"};
    gan_builder_from(b, "labels");
    gan_add_embedding(b, CLASSES, 32);
    gan_builder_label(b, "shared");
    for (int i = 0; i < 3; i++) {
        gan_builder_from(b, "input");
        gan_add_slice(b, 20 * (i + 1), 20);
        gan_add_concat(b, "shared");
        gan_builder_label(b, names[i]);
    }
    gan_builder_from(b, "input");
    gan_add_slice(b, 0, 20);
    gan_add_linear(b, 64 * 16, NULL);
    gan_add_reshape(b, gan_shape_3d(64, 4, 4));
    for (int i = 0; i < 3; i++) {
        gan_residual_options o = generator_block(NULL, names[i]);
        gan_add_residual_block(b, 64, &o);
        if (outputs) gan_builder_output(b, ends[i]);
    }
    norm_relu_conv(b, 3);
}
static void small_biggan(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = begin(f, gan_shape_1d(80), 1);
    add_small_biggan(b, 0);
    assert_count(f, b, 302788 - ATTENTION);
    gan_residual_options o;
    gan_residual_options_init(&o);
    b = begin(f, gan_shape_3d(3, 32, 32), 1);
    o.resample = GAN_RESAMPLE_DOWN;
    o.preactivation = 0;
    gan_add_residual_block(b, 64, &o);
    o.preactivation = 1;
    gan_add_residual_block(b, 64, &o);
    gan_add_residual_block(b, 64, NULL);
    gan_add_residual_block(b, 64, NULL);
    gan_add_relu(b);
    gan_add_global_sum_pool(b);
    gan_add_projection(b, "labels", CLASSES, NULL);
    assert_count(f, b, 270530 - ATTENTION);
}

/* SAGAN's tables: a block has 2 x classes x (in + out); all five of ch = 64 and 1000 classes together 9.85 million. One
 * of them, and the block of CycleGAN's: three of 256 are what its generators of 9 and 6 differ by. */
static void other_counts(void **state) {
    layer_fixture *f = *state;
    gan_residual_options o = generator_block("labels", NULL);
    gan_builder *b = gan_builder_begin(f->context, gan_shape_3d(128, 4, 4));
    gan_builder_input_indices(b, "labels", gan_shape_0d(), 1000);
    gan_builder_from(b, "input");
    o.classes = 1000;
    gan_add_residual_block(b, 64, &o);
    const int64_t convolutions = 9 * 128 * 64 + 64 + 9 * 64 * 64 + 64 + 128 * 64 + 64;
    assert_count(f, b, convolutions + 2 * 1000 * (128 + 64));
    b = begin(f, gan_shape_3d(256, 4, 4), 0);
    gan_add_cyclegan_block(b, 0, NULL);
    assert_count(f, b, (11378179 - 7837699) / 3);
    /* a small generator for 28 x 28: ngf 16, two blocks */
    gan_weight_options odd;
    gan_weight_options_init(&odd);
    odd.output_padding = 1;
    b = begin(f, gan_shape_3d(1, 28, 28), 0);
    gan_add_pad2d(b, 3, 3, 3, 3, GAN_PAD_REFLECT);
    gan_add_conv2d(b, 16, 7, 1, 0, NULL);
    gan_add_conv2d(b, 32, 3, 2, 1, NULL);
    gan_add_conv2d(b, 64, 3, 2, 1, NULL);
    gan_add_cyclegan_block(b, 0, NULL);
    gan_add_cyclegan_block(b, 0.5, NULL);
    gan_add_conv_transpose2d(b, 32, 3, 2, 1, &odd);
    gan_add_conv_transpose2d(b, 16, 3, 2, 1, &odd);
    gan_add_pad2d(b, 3, 3, 3, 3, GAN_PAD_REFLECT);
    gan_add_conv2d(b, 1, 7, 1, 0, NULL);
    assert_true(gan_shape_equal(gan_builder_shape(b), gan_shape_3d(1, 28, 28)));
    assert_count(f, b, 195521);
}

/* ---- what they are made of ---- */

static const char *summary_of(const gan_layer *layer, char text[8192]) {
    gan_layer_summary(layer, text, 8192);
    return text;
}

static void up_by_hand(gan_builder *b) {
    gan_builder_split(b);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_upsample(b, 2, GAN_NEAREST);
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_builder_next(b);
    gan_add_upsample(b, 2, GAN_NEAREST);
    gan_add_conv2d(b, 2, 1, 1, 0, NULL);
    gan_builder_join(b, GAN_JOIN_SUM);
}
static void up_block(gan_builder *b) {
    gan_residual_options o = generator_block(NULL, NULL);
    o.hidden = 4;
    gan_add_residual_block(b, 2, &o);
}
static void down_by_hand(gan_builder *b) {
    gan_builder_split(b);
    gan_add_relu(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_avg_pool2d(b, 2, 2, 0);
    gan_builder_next(b);
    gan_add_conv2d(b, 2, 1, 1, 0, NULL);
    gan_add_avg_pool2d(b, 2, 2, 0);
    gan_builder_join(b, GAN_JOIN_SUM);
}
static void down_block(gan_builder *b) {
    gan_residual_options o;
    gan_residual_options_init(&o);
    o.resample = GAN_RESAMPLE_DOWN;
    gan_add_residual_block(b, 2, &o);
}
static void first_by_hand(gan_builder *b) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.bias = 0;
    gan_builder_split(b);
    gan_add_conv2d(b, 2, 3, 1, 1, &o);
    gan_add_relu(b);
    gan_add_conv2d(b, 2, 3, 1, 1, &o);
    gan_add_avg_pool2d(b, 2, 2, 0);
    gan_builder_next(b);
    gan_add_avg_pool2d(b, 2, 2, 0);
    gan_add_conv2d(b, 2, 1, 1, 0, &o);
    gan_builder_join(b, GAN_JOIN_SUM);
}
static void first_block(gan_builder *b) {
    gan_residual_options o;
    gan_weight_options weight;
    gan_weight_options_init(&weight);
    gan_residual_options_init(&o);
    weight.bias = 0;
    o.weight = &weight;
    o.preactivation = 0;
    o.resample = GAN_RESAMPLE_DOWN;
    gan_add_residual_block(b, 2, &o);
}
static void same_by_hand(gan_builder *b) {
    gan_builder_split(b);
    gan_add_relu(b);
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_builder_split(b);
    gan_add_relu(b);
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_relu(b);
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_builder_next(b);
    gan_add_conv2d(b, 3, 1, 1, 0, NULL);
    gan_builder_join(b, GAN_JOIN_SUM);
}
static void same_block(gan_builder *b) {
    gan_residual_options o;
    gan_residual_options_init(&o);
    assert_true(o.resample == GAN_RESAMPLE_NONE && o.shortcut == GAN_SHORTCUT_AUTO && o.batch_norm == 0);
    assert_true(o.preactivation == 1 && o.hidden == -1 && o.labels == NULL && o.condition == NULL && o.weight == NULL);
    o.shortcut = GAN_SHORTCUT_IDENTITY;
    gan_add_residual_block(b, 3, &o);
    o.shortcut = GAN_SHORTCUT_CONV;
    gan_add_residual_block(b, 3, &o);
}
static void cycle_by_hand(gan_builder *b) {
    gan_builder_split(b);
    gan_add_pad2d(b, 1, 1, 1, 1, GAN_PAD_REFLECT);
    gan_add_conv2d(b, 3, 3, 1, 0, NULL);
    gan_add_instance_norm(b, NULL);
    gan_add_relu(b);
    gan_add_dropout(b, 0.5);
    gan_add_pad2d(b, 1, 1, 1, 1, GAN_PAD_REFLECT);
    gan_add_conv2d(b, 3, 3, 1, 0, NULL);
    gan_add_instance_norm(b, NULL);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
}
static void cycle_block(gan_builder *b) { gan_add_cyclegan_block(b, 0.5, NULL); }

static void by_hand(void **state) {
    layer_fixture *f = *state;
    static const struct {
        void (*hand)(gan_builder *), (*block)(gan_builder *);
    } pairs[] = {{up_by_hand, up_block},
                 {down_by_hand, down_block},
                 {first_by_hand, first_block},
                 {same_by_hand, same_block},
                 {cycle_by_hand, cycle_block}};
    for (int i = 0; i < 5; i++) {
        char texts[2][8192];
        gan_layer *layers[2];
        gan_tensor *ys[2], *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 4, 4), -1, 1, 5);
        for (int k = 0; k < 2; k++) {
            gan_builder *b = layer_fixture_begin(f, gan_shape_3d(3, 4, 4));
            (k == 0 ? pairs[i].hand : pairs[i].block)(b);
            layers[k] = layer_fixture_end(f, b);
            for (int32_t t = 0; t < gan_layer_tensor_count(layers[k]); t++)
                gan_tensor_fill_uniform(gan_layer_tensor(layers[k], t), 0.1, 1, 5, 99, (uint64_t)t * 1000);
            gan_layer_set_training(layers[k], 0); /* without dropout */
            ys[k] = gan_layer_forward(f->tape, layers[k], x);
            assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        }
        assert_string_equal(summary_of(layers[1], texts[1]), summary_of(layers[0], texts[0]));
        assert_true(compare_same_bits("block", ys[1], ys[0]));
        gan_layer_release(layers[0]);
        gan_layer_release(layers[1]);
        gan_tensor_release(x);
        gan_tape_reset(f->tape);
    }
}

/* ---- refused ---- */

#define BAD(INPUT, STATUS, WHERE, WHAT)                                                                                \
    do {                                                                                                               \
        gan_builder *b = begin(f, INPUT, 1);                                                                           \
        gan_add_residual_block(b, 3, &o);                                                                              \
        layer_fixture_refused(f, b, STATUS, WHERE, WHAT);                                                              \
        gan_residual_options_init(&o);                                                                                 \
    } while (0)

static void refused(void **state) {
    layer_fixture *f = *state;
    const gan_shape image = gan_shape_3d(3, 4, 4), vector = gan_shape_1d(3);
    gan_residual_options o;
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    gan_residual_options_init(&o);
    BAD(vector, GAN_E_SHAPE, "residual_block", "not channels x height x width");
    o.resample = 3;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "resample 3");
    o.shortcut = -2;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "shortcut -2");
    o.hidden = 0;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "0 hidden channels");
    o.batch_norm = 2;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "batch_norm is 2");
    o.preactivation = -1;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "preactivation is -1");
    o.labels = "labels";
    BAD(image, GAN_E_ARGUMENT, "residual_block", "batch_norm is 0");
    o.labels = o.condition = "labels";
    o.batch_norm = 1;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "both set");
    o.batch_norm = 1;
    o.labels = "labels"; /* classes is 0 */
    BAD(image, GAN_E_ARGUMENT, "conditional_batch_norm", "0 classes");
    o.batch_norm = 1;
    o.condition = "nobody";
    BAD(image, GAN_E_ARGUMENT, "builder", "'nobody'");
    o.shortcut = GAN_SHORTCUT_IDENTITY;
    BAD(gan_shape_3d(2, 4, 4), GAN_E_ARGUMENT, "residual_block", "the 2 channels");
    o.shortcut = GAN_SHORTCUT_IDENTITY;
    o.resample = GAN_RESAMPLE_UP;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "keeps the resolution");
    o.resample = GAN_RESAMPLE_DOWN;
    BAD(gan_shape_3d(3, 1, 1), GAN_E_SHAPE, "layer 4 (avg_pool2d)", "1x1");
    norm.epsilon = -1;
    o.norm = &norm;
    o.batch_norm = 1;
    BAD(image, GAN_E_ARGUMENT, "layer 0 (batch_norm)", "epsilon");
    o.struct_size = 3;
    BAD(image, GAN_E_ARGUMENT, "residual_block", "not initialised");

    gan_builder *b = begin(f, vector, 0);
    gan_add_cyclegan_block(b, 0, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "cyclegan_block", "not channels x height x width");
    b = begin(f, image, 0);
    gan_add_cyclegan_block(b, 2, NULL);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "dropout", "p");
    b = begin(f, gan_shape_3d(3, 1, 4), 0);
    gan_add_cyclegan_block(b, 0, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (pad2d)", "reflected");
    gan_add_residual_block(NULL, 3, NULL);
    gan_add_cyclegan_block(NULL, 0, NULL);
}

/* ---- networks with conditions ---- */

static gan_tensor *labels_of(const layer_fixture *f, int32_t count, int32_t first) {
    gan_tensor *labels;
    assert_int_equal(gan_tensor_create(&labels, f->context, GAN_I32, gan_shape_1d(count)), GAN_OK);
    int32_t *values = gan_tensor_data(labels);
    for (int32_t i = 0; i < count; i++) values[i] = (first + 3 * i) % CLASSES;
    return labels;
}

/* Changing part k of z alters the blocks from k on, and none before. */
static void parts_of_z(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = begin(f, gan_shape_1d(80), 1);
    add_small_biggan(b, 1);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *z = host_uniform(f->context, GAN_F32, gan_shape_2d(2, 80), -1, 1, 1), *labels = labels_of(f, 2, 1);
    gan_tensor *xs[2] = {z, labels}, *before[3], *after[3], *changed;
    for (int32_t part = 0; part < 4; part++) {
        gan_tape_reset(f->tape);
        gan_layer_forward_many(f->tape, layer, xs, 2, before, 3);
        assert_int_equal(gan_tensor_clone(&changed, z), GAN_OK);
        for (int i = 0; i < 20; i++) ((float *)gan_tensor_data(changed))[20 * part + i] += 0.5F;
        gan_tensor *ys[2] = {changed, labels};
        gan_layer_forward_many(f->tape, layer, ys, 2, after, 3);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        for (int32_t block = 1; block <= 3; block++) {
            size_t size = (size_t)gan_tensor_count(before[block - 1]) * sizeof(float);
            int same =
                memcmp(gan_tensor_const_data(before[block - 1]), gan_tensor_const_data(after[block - 1]), size) == 0;
            assert_int_equal(same, block < part);
        }
        gan_tensor_release(changed);
    }
    gan_tape_reset(f->tape);
    gan_tensor_release(z);
    gan_tensor_release(labels);
    gan_layer_release(layer);
}

/* One network of every type of layer there is for conditions. */
static gan_status build_all(gan_layer **out, const layer_fixture *f, gan_dtype dtype) {
    gan_minibatch_discrimination_options minibatch;
    gan_minibatch_discrimination_options_init(&minibatch);
    minibatch.include_self = minibatch.bias = minibatch.weight_norm = 1;
    gan_virtual_batch_norm_options alone;
    gan_virtual_batch_norm_options_init(&alone);
    alone.combine = alone.affine = 0;
    alone.epsilon = 1e-3;
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.momentum = 0.25;
    gan_residual_options by_class = generator_block("labels", NULL), by_vector = generator_block(NULL, "condition");
    by_class.norm = &norm;
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(6));
    gan_builder_set_dtype(b, dtype);
    gan_builder_input_indices(b, "labels", gan_shape_0d(), CLASSES);
    gan_add_one_hot(b, CLASSES);
    gan_builder_label(b, "class");
    gan_builder_from(b, "input");
    gan_add_slice(b, 4, 2);
    gan_add_concat(b, "class");
    gan_builder_label(b, "condition");
    gan_builder_from(b, "input");
    gan_add_slice(b, 0, 4);
    gan_add_replicate(b, 2, 2);
    gan_add_virtual_batch_norm(b, NULL);
    gan_add_residual_block(b, 3, &by_class);
    gan_add_virtual_batch_norm(b, &alone);
    gan_add_residual_block(b, 3, &by_vector);
    gan_add_cyclegan_block(b, 0, NULL);
    gan_add_concat_spatial(b, "condition");
    gan_add_global_sum_pool(b);
    gan_add_tanh(b);
    gan_add_minibatch_discrimination(b, 2, 3, &minibatch);
    gan_add_projection(b, "labels", CLASSES, NULL);
    return gan_builder_end(out, b);
}

static char folder[FILES_PATH], path[FILES_PATH];

/* Weights and buffers in a file and in a clone. (Model files have one input: those of the types that read no indices
 * are tested in test_model_file.c.) */
static void files_and_clones(void **state) {
    layer_fixture *f = *state;
    files_join(path, files_folder(folder), "a.safetensors");
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F64 : GAN_F32;
        gan_layer *layers[3];
        for (int i = 0; i < 2; i++)
            if (build_all(&layers[i], f, dtype) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
        gan_tensor *xs[2] = {host_uniform(f->context, dtype, gan_shape_2d(3, 6), -1, 1, 1), labels_of(f, 3, 1)}, *ys[3];
        gan_tensor *reference[2] = {host_uniform(f->context, dtype, gan_shape_2d(5, 6), -1, 1, 2), labels_of(f, 5, 2)};
        for (int i = 0; i < 2; i++) /* running statistics that are not those of the beginning */
            gan_layer_forward_reference(f->tape, layers[0], reference, xs, 2, ys, 1);
        if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
        assert_int_equal(gan_layer_save(layers[0], path), GAN_OK);
        assert_int_equal(gan_layer_load(layers[1], path), GAN_OK);
        assert_int_equal(gan_layer_clone(&layers[2], layers[0]), GAN_OK);
        for (int k = 1; k < 3; k++)
            for (int32_t i = 0; i < gan_layer_tensor_count(layers[0]); i++)
                assert_true(compare_same_bits(gan_layer_tensor_name(layers[0], i), gan_layer_tensor(layers[k], i),
                                              gan_layer_tensor(layers[0], i)));
        for (int training = 0; training < 2; training++) {
            for (int i = 0; i < 3; i++) {
                gan_layer_set_training(layers[i], training);
                gan_layer_forward_many(f->tape, layers[i], xs, 2, &ys[i], 1);
            }
            assert_int_equal(gan_tape_status(f->tape), GAN_OK);
            assert_true(compare_same_bits("loaded", ys[1], ys[0]));
            assert_true(compare_same_bits("cloned", ys[2], ys[0]));
        }
        gan_tape_reset(f->tape);
        for (int i = 0; i < 2; i++) {
            gan_tensor_release(xs[i]);
            gan_tensor_release(reference[i]);
        }
        for (int i = 0; i < 3; i++) gan_layer_release(layers[i]);
    }
    files_remove(folder);
}

/* The same numbers in both types, and in a session, whose batch is not cut: minibatch discrimination compares its
 * items. */
static void types_and_sessions(void **state) {
    layer_fixture *f = *state;
    gan_layer *layers[2];
    gan_tensor *ys[2];
    float scores[3];
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F64 : GAN_F32;
        assert_int_equal(build_all(&layers[type], f, dtype), GAN_OK);
        for (int32_t i = 0; i < gan_layer_tensor_count(layers[type]); i++)
            gan_tensor_fill_uniform(gan_layer_tensor(layers[type], i), 0.2, 0.5, 5, 99, (uint64_t)i * 1000);
        gan_tensor *xs[2] = {host_uniform(f->context, dtype, gan_shape_2d(3, 6), -1, 1, 1), labels_of(f, 3, 1)}, *y;
        gan_layer_set_reference(f->tape, layers[type], xs, 2);
        gan_layer_set_training(layers[type], 0);
        gan_layer_forward_many(f->tape, layers[type], xs, 2, &y, 1);
        if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
        assert_int_equal(gan_tensor_clone(&ys[type], y), GAN_OK);
        if (type == 1) {
            gan_session *session;
            gan_session_options options;
            gan_session_options_init(&options);
            options.batch = 3;
            const void *inputs[2] = {gan_tensor_const_data(xs[0]), gan_tensor_const_data(xs[1])};
            void *outputs[1] = {scores};
            if (gan_session_create_for_layer(&session, layers[1], &options) != GAN_OK)
                fail_msg("%s", gan_context_error(f->context));
            if (gan_session_run(session, 3, inputs, outputs) != GAN_OK) fail_msg("%s", gan_session_error(session));
            gan_session_release(session);
        }
        gan_tape_reset(f->tape);
        gan_tensor_release(xs[0]);
        gan_tensor_release(xs[1]);
    }
    assert_true(compare_tensors("f32", ys[1], ys[0], 1e-5));
    double expected[3], actual[3];
    for (int i = 0; i < 3; i++) {
        expected[i] = gan_tensor_item(ys[0], i);
        actual[i] = scores[i];
    }
    assert_true(compare_values("session", actual, expected, 3, 1e-5, 0));
    for (int type = 0; type < 2; type++) {
        gan_tensor_release(ys[type]);
        gan_layer_release(layers[type]);
    }
}

/* Every allocation of the builder, and of a step through all of it, fails in turn. */
static void failing_memory(void **state) {
    layer_fixture *f = *state;
    gan_tensor *xs[2] = {host_uniform(f->context, GAN_F64, gan_shape_2d(3, 6), -1, 1, 1), labels_of(f, 3, 1)};
    gan_status status = GAN_E_MEMORY;
    for (long long n = 1; status != GAN_OK; n++) {
        long long blocks = atomic_load(&f->memory.blocks);
        gan_layer *layer = NULL;
        gan_tape *tape = NULL;
        f->memory.fail_at = atomic_load(&f->memory.calls) + n;
        status = build_all(&layer, f, GAN_F64);
        if (status == GAN_OK) status = gan_tape_create(&tape, f->context);
        if (status == GAN_OK) {
            gan_tensor *x[2] = {gan_watch(tape, xs[0]), xs[1]}, *y;
            gan_layer_set_reference(tape, layer, xs, 2);
            gan_layer_forward_reference(tape, layer, xs, x, 2, &y, 1);
            gan_gradient(tape, gan_sum(tape, y), x[0], 0);
            status = gan_tape_status(tape);
        }
        f->memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        gan_tape_release(tape);
        gan_layer_release(layer);
        assert_true(atomic_load(&f->memory.blocks) == blocks);
    }
    gan_tensor_release(xs[0]);
    gan_tensor_release(xs[1]);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(sngan_generators), TEST(discriminators),   TEST(small_biggan),
                                       TEST(other_counts),     TEST(by_hand),          TEST(refused),
                                       TEST(parts_of_z),       TEST(files_and_clones), TEST(types_and_sessions),
                                       TEST(failing_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
