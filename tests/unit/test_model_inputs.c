/* Models with several inputs, and with class labels: what is drawn for them, what is made of it, what is refused. */
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
#include "files.h"
#include "host.h"
#include "layer_fixture.h"
#include "rewrite_model.h"

#define CLASSES 3

/* z (5), labels, a one-hot code (4), noise in (0, 1): to 1 x 4 x 4. The first pixel is the label, the second the code's
 * place, so that a picture tells what it was made from. */
static gan_layer *make_generator(gan_context *context, gan_dtype dtype) {
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias = 0;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(5));
    gan_builder_set_dtype(b, dtype);
    gan_builder_input_indices(b, "label", gan_shape_0d(), CLASSES);
    gan_add_embedding(b, CLASSES, 1);
    gan_builder_label(b, "class");
    gan_builder_input(b, "code", gan_shape_1d(4));
    gan_add_linear(b, 1, &no_bias);
    gan_builder_label(b, "place");
    gan_builder_input(b, "noise", gan_shape_1d(9));
    gan_builder_from(b, "class");
    gan_add_concat(b, "place");
    gan_add_concat(b, "input");
    gan_add_concat(b, "noise");
    gan_add_reshape(b, gan_shape_3d(1, 4, 4));
    gan_layer *layer;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        for (int64_t k = 0; k < gan_tensor_count(gan_layer_tensor(layer, i)); k++) {
            void *data = gan_tensor_data(gan_layer_tensor(layer, i));
            if (dtype == GAN_F64)
                ((double *)data)[k] = (double)k;
            else
                ((float *)data)[k] = (float)k;
        }
    return layer;
}

static const int32_t kinds[] = {GAN_INPUT_NORMAL, GAN_INPUT_CLASS, GAN_INPUT_ONE_HOT, GAN_INPUT_UNIT_UNIFORM};
enum { INPUTS = sizeof kinds / sizeof kinds[0] };

static gan_model *make_model(gan_layer *layer) {
    gan_model_options options;
    gan_model *model;
    gan_model_options_init(&options);
    options.inputs = kinds;
    options.input_count = INPUTS;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_OK);
    return model;
}

static void release_all(gan_tensor **tensors) {
    for (int i = 0; i < INPUTS; i++) gan_tensor_release(tensors[i]);
}

static double at(const gan_tensor *tensor, int64_t index) {
    double value;
    float single;
    if (gan_tensor_dtype(tensor) == GAN_F64) {
        memcpy(&value, (double *)gan_tensor_data((gan_tensor *)tensor) + index, sizeof value);
        return value;
    }
    memcpy(&single, (float *)gan_tensor_data((gan_tensor *)tensor) + index, sizeof single);
    return (double)single;
}

/* Kinds have their distributions, each input its own numbers, and the first of many are the first of few. */
static void draws(void **state) {
    layer_fixture *f = *state;
    enum { COUNT = 3000 };
    for (int dtype = 0; dtype < 2; dtype++) {
        gan_layer *layer = make_generator(f->context, dtype ? GAN_F64 : GAN_F32);
        gan_model *model = make_model(layer);
        gan_tensor *many[INPUTS], *few[INPUTS], *other[INPUTS], *head;
        assert_int_equal(gan_model_draw(many, model, COUNT, 5), GAN_OK);
        assert_int_equal(gan_model_draw(few, model, 7, 5), GAN_OK);
        assert_int_equal(gan_model_draw(other, model, 7, 6), GAN_OK);
        for (int i = 0; i < INPUTS; i++) {
            assert_int_equal(gan_tensor_dtype(many[i]), gan_layer_input_dtype(layer, i));
            assert_int_equal(gan_tensor_slice(&head, many[i], 0, 0, 7), GAN_OK);
            assert_true(compare_same_bits(gan_layer_input_name(layer, i), head, few[i]));
            size_t size = (size_t)gan_tensor_count(few[i]) * gan_dtype_size(gan_tensor_dtype(few[i]));
            assert_memory_not_equal(gan_tensor_data(few[i]), gan_tensor_data(other[i]), size);
            gan_tensor_release(head);
        }
        const int32_t *labels = gan_tensor_data(many[1]);
        int64_t counts[CLASSES] = {0}, places[4] = {0}, together = 0;
        double sum = 0;
        for (int64_t i = 0; i < COUNT; i++) {
            assert_in_range(labels[i], 0, CLASSES - 1);
            counts[labels[i]]++;
            int64_t ones = 0;
            for (int64_t k = 0; k < 4; k++) {
                double value = at(many[2], 4 * i + k);
                assert_true(value == 0 || value == 1);
                ones += value == 1;
                places[k] += value == 1;
                together += value == 1 && k == labels[i];
            }
            assert_int_equal(ones, 1);
            for (int64_t k = 0; k < 9; k++) {
                double value = at(many[3], 9 * i + k);
                assert_true(value >= 0 && value < 1);
                sum += value;
            }
        }
        /* within 5 standard deviations of the binomial distributions, and of the mean of uniform numbers */
        for (int k = 0; k < CLASSES; k++) assert_in_range(counts[k], 1000 - 129, 1000 + 129);
        for (int k = 0; k < 4; k++) assert_in_range(places[k], 750 - 119, 750 + 119);
        assert_in_range(together, 750 - 119, 750 + 119); /* independent of the labels: a quarter */
        assert_true(sum / (9.0 * COUNT) > 0.5 - 5 * 0.00176 && sum / (9.0 * COUNT) < 0.5 + 5 * 0.00176);
        release_all(many);
        release_all(few);
        release_all(other);
        gan_model_release(model);
        gan_layer_release(layer);
    }
}

/* A sample is what generating from the drawn inputs gives; so is a session's, whatever it begins with. */
static void samples(void **state) {
    layer_fixture *f = *state;
    enum { COUNT = 70 }; /* more than are computed at once */
    for (int dtype = 0; dtype < 2; dtype++) {
        gan_layer *layer = make_generator(f->context, dtype ? GAN_F64 : GAN_F32);
        gan_model *model = make_model(layer);
        gan_tensor *inputs[INPUTS], *made, *sample, *window;
        assert_int_equal(gan_model_draw(inputs, model, COUNT, 9), GAN_OK);
        assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_OK);
        assert_int_equal(gan_model_sample(&sample, model, COUNT, 9), GAN_OK);
        assert_true(compare_same_bits("sample", made, sample));
        const int32_t *labels = gan_tensor_data(inputs[1]);
        for (int64_t i = 0; i < COUNT; i++) {
            assert_true(at(made, 16 * i) == labels[i]);
            assert_true(at(inputs[2], 4 * i + (int64_t)at(made, 16 * i + 1)) == 1);
        }
        gan_session_options options;
        gan_session_options_init(&options);
        options.batch = 9;
        gan_session *session;
        if (gan_session_create(&session, model, &options) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
        static const int64_t firsts[] = {0, 1, 2, 3, 13, 61};
        for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
            gan_tensor *out;
            assert_int_equal(gan_tensor_create(&out, f->context, gan_tensor_dtype(made), gan_shape_4d(9, 1, 4, 4)),
                             GAN_OK);
            size_t bytes = (size_t)gan_tensor_count(out) * gan_dtype_size(gan_tensor_dtype(out));
            assert_int_equal(gan_session_sample(session, firsts[i], 9, 9, gan_tensor_data(out), bytes), GAN_OK);
            assert_int_equal(gan_tensor_slice(&window, made, 0, firsts[i], 9), GAN_OK);
            assert_true(compare_same_bits("session", out, window));
            gan_tensor_release(window);
            gan_tensor_release(out);
        }
        gan_session_release(session);
        gan_tensor_release(made);
        gan_tensor_release(sample);
        release_all(inputs);
        gan_model_release(model);
        gan_layer_release(layer);
    }
}

/* A run's sheet has one class a row. Both kinds of classes are tried. */
static gan_status one_step(void *user, gan_run *run, gan_tape *tape) {
    (void)tape;
    (void)user;
    return gan_run_report_value(run, "loss", 0);
}

static gan_layer *make_plates(gan_context *context, int one_hot, gan_dtype dtype) {
    gan_builder *b = one_hot ? gan_builder_begin(context, gan_shape_1d(CLASSES))
                             : gan_builder_begin_indices(context, gan_shape_0d(), CLASSES);
    gan_builder_set_dtype(b, dtype);
    if (!one_hot) gan_add_one_hot(b, CLASSES);
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias = 0;
    gan_add_linear(b, 1, &no_bias);
    gan_add_reshape(b, gan_shape_3d(1, 1, 1));
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    void *weight = gan_tensor_data(gan_layer_find(layer, one_hot ? "0.weight" : "1.weight"));
    for (int i = 0; i < CLASSES; i++) /* black, grey, white */
        if (dtype == GAN_F64)
            ((double *)weight)[i] = i - 1;
        else
            ((float *)weight)[i] = (float)i - 1;
    return layer;
}

static void sheets(void **state) {
    layer_fixture *f = *state;
    for (int one_hot = 0; one_hot < 2; one_hot++) {
        char folder[FILES_PATH], picture[FILES_PATH];
        gan_layer *layer = make_plates(f->context, one_hot, GAN_F32);
        gan_model_options mo;
        gan_model_options_init(&mo);
        if (one_hot) mo.input = GAN_INPUT_ONE_HOT;
        gan_model *model;
        assert_int_equal(gan_model_create(&model, layer, &mo), GAN_OK);
        assert_int_equal(gan_model_input(model), one_hot ? GAN_INPUT_ONE_HOT : GAN_INPUT_CLASS);
        gan_run_options ro;
        gan_run_options_init(&ro);
        ro.folder = files_folder(folder);
        ro.steps = 1;
        ro.sheet_count = 8;
        ro.sheet_columns = 2;
        ro.sheet_zoom = 1;
        gan_run *run;
        assert_int_equal(gan_run_create(&run, f->context, &ro), GAN_OK);
        assert_int_equal(gan_run_add_layer(run, "layer", layer), GAN_OK);
        assert_int_equal(gan_run_add_phase(run, "d", one_step, NULL), GAN_OK);
        assert_int_equal(gan_run_set_model(run, model), GAN_OK);
        if (gan_run_train(run) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
        gan_tensor *image;
        assert_int_equal(gan_png_read(&image, f->context, files_join(picture, folder, "fakes-000001.png")), GAN_OK);
        /* images of one pixel with 2 around each: rows at 2, 5, 8, 11 */
        gan_shape shape = gan_tensor_shape(image);
        const unsigned char *pixels = gan_tensor_data(image);
        static const unsigned char expected[] = {0, 128, 255, 0};
        assert_int_equal(gan_tensor_dtype(image), GAN_U8);
        int64_t width = shape.size[shape.rank - 1];
        for (int row = 0; row < 4; row++)
            for (int column = 0; column < 2; column++)
                assert_in_range(pixels[(2 + 3 * row) * width + 2 + 3 * column],
                                expected[row] > 0 ? expected[row] - 1 : 0, expected[row]);
        gan_tensor_release(image);
        gan_run_release(run);
        gan_model_release(model);
        gan_layer_release(layer);
        files_remove(folder);
    }
}

/* Pictures are of the classes that were asked for; what else was drawn stays. */
static void asked_classes(void **state) {
    layer_fixture *f = *state;
    static const int32_t labels[] = {2, 0, 0, 1, 2};
    enum { COUNT = 5 };
    for (int dtype = 0; dtype < 2; dtype++) {
        gan_layer *layer = make_generator(f->context, dtype ? GAN_F64 : GAN_F32);
        gan_model *model = make_model(layer);
        gan_tensor *inputs[INPUTS], *as_drawn[INPUTS], *made;
        assert_int_equal(gan_model_classes(model), CLASSES);
        assert_int_equal(gan_model_draw(inputs, model, COUNT, 3), GAN_OK);
        assert_int_equal(gan_model_draw(as_drawn, model, COUNT, 3), GAN_OK);
        assert_int_equal(gan_model_set_classes(model, inputs, labels, COUNT), GAN_OK);
        for (int i = 0; i < INPUTS; i++) assert_int_equal(compare_same_bits("input", inputs[i], as_drawn[i]), i != 1);
        assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_OK);
        for (int i = 0; i < COUNT; i++) assert_true(at(made, 16 * i) == labels[i]);
        gan_tensor_release(made);
        release_all(inputs);
        release_all(as_drawn);
        gan_model_release(model);
        gan_layer_release(layer);

        gan_layer *plates = make_plates(f->context, 1, dtype ? GAN_F64 : GAN_F32);
        gan_model_options options;
        gan_model_options_init(&options);
        options.input = GAN_INPUT_ONE_HOT;
        gan_tensor *code;
        assert_int_equal(gan_model_create(&model, plates, &options), GAN_OK);
        assert_int_equal(gan_model_classes(model), CLASSES);
        assert_int_equal(gan_model_draw(&code, model, COUNT, 3), GAN_OK);
        assert_int_equal(gan_model_set_classes(model, &code, labels, COUNT), GAN_OK);
        for (int i = 0; i < COUNT * CLASSES; i++) assert_true(at(code, i) == (i % CLASSES == labels[i / CLASSES]));
        gan_tensor_release(code);
        gan_model_release(model);
        gan_layer_release(plates);
    }
}

static void classes_refused(layer_fixture *f, gan_model *model, gan_tensor *const *inputs, const int32_t *labels,
                            int64_t count, gan_status expected, const char *words) {
    gan_status status = gan_model_set_classes(model, inputs, labels, count);
    if (status != expected || strstr(gan_context_error(f->context), words) == NULL)
        fail_msg("%s: status %d, %s", words, (int)status, gan_context_error(f->context));
}

/* What is written is the caller's, whole, and row after row in memory. */
static void classes_of_a_view(void **state) {
    layer_fixture *f = *state;
    static const int32_t labels[] = {0, 1};
    gan_layer *plates = make_plates(f->context, 1, GAN_F32);
    gan_model_options options;
    gan_model_options_init(&options);
    options.input = GAN_INPUT_ONE_HOT;
    gan_model *model;
    assert_int_equal(gan_model_create(&model, plates, &options), GAN_OK);
    gan_tensor *wide, *view, *as_made;
    assert_int_equal(gan_tensor_create(&wide, f->context, GAN_F32, gan_shape_2d(2, 2 * CLASSES)), GAN_OK);
    assert_int_equal(gan_tensor_clone(&as_made, wide), GAN_OK);
    assert_int_equal(gan_tensor_slice(&view, wide, 1, 0, CLASSES), GAN_OK);
    classes_refused(f, model, &view, labels, 2, GAN_E_ARGUMENT, "is not a contiguous tensor of the caller");
    assert_true(compare_same_bits("behind the view", wide, as_made));
    gan_tape *tape;
    assert_int_equal(gan_tape_create(&tape, f->context), GAN_OK);
    gan_tensor *result = gan_full(tape, GAN_F32, gan_shape_2d(2, CLASSES), 0);
    classes_refused(f, model, &result, labels, 2, GAN_E_ARGUMENT, "is not a contiguous tensor of the caller");
    gan_tape_release(tape);
    gan_tensor_release(view);
    gan_tensor_release(wide);
    gan_tensor_release(as_made);
    gan_model_release(model);
    gan_layer_release(plates);
}

static void wrong_classes(void **state) {
    layer_fixture *f = *state;
    static const int32_t fine[] = {0, 1, 2, 0}, high[] = {0, 1, 3, 0}, low[] = {0, 1, 2, -1};
    gan_layer *layer = make_generator(f->context, GAN_F32), *tanh_only;
    gan_model *model = make_model(layer), *without;
    gan_tensor *inputs[INPUTS], *as_drawn, *numbers;
    assert_int_equal(gan_model_draw(inputs, model, 4, 1), GAN_OK);
    assert_int_equal(gan_tensor_clone(&as_drawn, inputs[1]), GAN_OK);
    assert_int_equal(gan_model_set_classes(NULL, inputs, fine, 4), GAN_E_ARGUMENT);
    classes_refused(f, model, NULL, fine, 4, GAN_E_ARGUMENT, "inputs or labels");
    classes_refused(f, model, inputs, NULL, 4, GAN_E_ARGUMENT, "inputs or labels");
    classes_refused(f, model, inputs, fine, -1, GAN_E_ARGUMENT, "count is negative");
    classes_refused(f, model, inputs, fine, 3, GAN_E_SHAPE, "3 labels are given, input 'label' has 4 items");
    classes_refused(f, model, inputs, high, 4, GAN_E_ARGUMENT, "label 2 is 3, the model has classes 0 to 2");
    classes_refused(f, model, inputs, low, 4, GAN_E_ARGUMENT, "label 3 is -1, the model has classes 0 to 2");
    assert_true(compare_same_bits("labels", inputs[1], as_drawn));
    gan_tensor_release(inputs[1]);
    inputs[1] = NULL;
    classes_refused(f, model, inputs, fine, 4, GAN_E_ARGUMENT, "input 'label' is NULL");
    assert_int_equal(gan_tensor_create(&numbers, f->context, GAN_F32, gan_shape_1d(4)), GAN_OK);
    inputs[1] = numbers;
    classes_refused(f, model, inputs, fine, 4, GAN_E_DTYPE, "input 'label' of the model must be of type i32");
    release_all(inputs);

    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(2));
    gan_add_tanh(b);
    assert_int_equal(gan_builder_end(&tanh_only, b), GAN_OK);
    assert_int_equal(gan_model_create(&without, tanh_only, NULL), GAN_OK);
    assert_int_equal(gan_model_classes(without), 0);
    assert_int_equal(gan_model_classes(NULL), 0);
    assert_int_equal(gan_model_draw(inputs, without, 4, 1), GAN_OK);
    classes_refused(f, without, inputs, fine, 4, GAN_E_UNSUPPORTED, "the model has no classes");
    gan_tensor_release(inputs[0]);
    gan_tensor_release(as_drawn);
    gan_model_release(without);
    gan_layer_release(tanh_only);
    gan_model_release(model);
    gan_layer_release(layer);
}

/* A model from 0 to 1: its black is black on its sheets, whatever the options say. */
static void sheets_of_its_range(void **state) {
    layer_fixture *f = *state;
    char folder[FILES_PATH], path[FILES_PATH];
    files_join(path, files_folder(folder), "sheet.png");
    gan_layer *layer = make_plates(f->context, 1, GAN_F32);
    gan_model_options options;
    gan_model_options_init(&options);
    options.input = GAN_INPUT_ONE_HOT;
    options.low = 0;
    options.high = 2;
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_OK);
    static const float values[] = {0, 1, 2};
    gan_tensor *images, *picture;
    assert_int_equal(gan_tensor_create(&images, f->context, GAN_F32, gan_shape_4d(3, 1, 1, 1)), GAN_OK);
    assert_int_equal(gan_tensor_write(images, values, sizeof values), GAN_OK);
    gan_sheet_options sheet;
    gan_sheet_options_init(&sheet);
    sheet.padding = 0;
    sheet.low = -50;
    assert_int_equal(gan_model_sheet_write(model, images, path, &sheet), GAN_OK);
    assert_int_equal(gan_png_read(&picture, f->context, path), GAN_OK);
    const unsigned char *pixels = gan_tensor_const_data(picture);
    assert_true(pixels[0] == 0 && pixels[1] == 128 && pixels[2] == 255);
    assert_int_equal(gan_model_sheet_write(model, images, path, NULL), GAN_OK);
    assert_int_equal(gan_model_sheet_write(NULL, images, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_sheet_write(model, NULL, path, NULL), GAN_E_ARGUMENT);
    gan_tensor_release(picture);
    gan_tensor_release(images);
    gan_model_release(model);
    gan_layer_release(layer);
    files_remove(folder);
}

static void refused(layer_fixture *f, gan_layer *layer, const int32_t *list, int32_t count, const char *words) {
    gan_model *model;
    gan_model_options options;
    gan_model_options_init(&options);
    options.inputs = list;
    options.input_count = count;
    gan_status status = gan_model_create(&model, layer, &options);
    if (status != GAN_E_ARGUMENT || strstr(gan_context_error(f->context), words) == NULL)
        fail_msg("%s: status %d, %s", words, (int)status, gan_context_error(f->context));
    assert_null(model);
}

static void wrong_kinds(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_generator(f->context, GAN_F32);
    int32_t list[INPUTS];
    refused(f, layer, kinds, 3, "kinds of 3 inputs are given, the layer has 4");
    memcpy(list, kinds, sizeof list);
    list[1] = GAN_INPUT_NORMAL;
    refused(f, layer, list, INPUTS, "input 'label': 1 is not what indices can be");
    list[1] = 0;
    refused(f, layer, list, INPUTS, "input 'label': 0 is not a kind of input");
    memcpy(list, kinds, sizeof list);
    list[0] = GAN_INPUT_CLASS;
    refused(f, layer, list, INPUTS, "input 'input': 5 (classes) is for inputs of indices");
    gan_builder *b = gan_builder_begin(f->context, gan_shape_2d(2, 2));
    gan_layer *plane;
    gan_add_tanh(b);
    assert_int_equal(gan_builder_end(&plane, b), GAN_OK);
    list[0] = GAN_INPUT_ONE_HOT;
    refused(f, plane, list, 1, "input 'input': 6 (one-hot) is for vectors");
    gan_layer_release(plane);
    gan_layer_release(layer);
}

static void wrong_inputs(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_generator(f->context, GAN_F32);
    gan_model *model = make_model(layer);
    gan_tensor *inputs[INPUTS], *made, *kept, *three, *numbers;
    assert_int_equal(gan_model_draw(inputs, model, 4, 1), GAN_OK);
    assert_int_equal(gan_model_draw(NULL, model, 4, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_draw(inputs, NULL, 4, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_model_generate(&made, model, inputs[0]), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "1 inputs are given, the model has 4"));
    kept = inputs[1];
    inputs[1] = NULL;
    assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "input 'label' is NULL"));
    assert_int_equal(gan_tensor_create(&numbers, f->context, GAN_F32, gan_shape_1d(4)), GAN_OK);
    inputs[1] = numbers;
    assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_E_DTYPE);
    assert_non_null(strstr(gan_context_error(f->context), "input 'label' of the model must be of type i32"));
    assert_int_equal(gan_tensor_slice(&three, kept, 0, 0, 3), GAN_OK);
    inputs[1] = three;
    assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "input 'label' has 3 items, input 'input' 4"));
    inputs[1] = kept;
    ((int32_t *)gan_tensor_data(kept))[3] = CLASSES;
    assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_E_ARGUMENT);
    assert_null(made);
    ((int32_t *)gan_tensor_data(kept))[3] = CLASSES - 1;
    assert_int_equal(gan_model_generate_many(&made, model, inputs, INPUTS), GAN_OK);
    assert_int_equal(gan_layer_is_training(layer), 1);
    gan_tensor_release(made);
    gan_tensor_release(numbers);
    gan_tensor_release(three);
    release_all(inputs);
    memset(inputs, 0xab, sizeof inputs);
    assert_int_equal(gan_model_draw(inputs, model, -1, 1), GAN_E_ARGUMENT);
    for (int i = 0; i < INPUTS; i++) assert_null(inputs[i]);
    assert_int_equal(gan_model_draw(inputs, model, INT64_MAX, 1), GAN_E_LIMIT);
    for (int i = 0; i < INPUTS; i++) assert_null(inputs[i]);
    gan_model_release(model);
    gan_layer_release(layer);
}

static void files(void **state) {
    layer_fixture *f = *state;
    char folder[FILES_PATH], path[FILES_PATH], other[FILES_PATH];
    files_join(path, files_folder(folder), "a.safetensors");
    files_join(other, folder, "b.safetensors");
    gan_layer *layer = make_generator(f->context, GAN_F32);
    gan_model *model = make_model(layer), *back;
    gan_tensor *a, *b;
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    if (gan_model_load(&back, f->context, path) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    for (int i = 0; i < INPUTS; i++) {
        assert_int_equal(gan_model_input_kind(back, i), kinds[i]);
        assert_string_equal(gan_layer_input_name(gan_model_layer(back), i), gan_layer_input_name(layer, i));
        assert_int_equal(gan_layer_input_limit(gan_model_layer(back), i), i == 1 ? CLASSES : 0);
    }
    assert_int_equal(gan_model_input_kind(back, INPUTS), 0);
    assert_null(gan_layer_input_name(layer, INPUTS));
    assert_int_equal(gan_layer_input_limit(layer, -1), 0);
    assert_int_equal(gan_model_sample(&a, model, 20, 3), GAN_OK);
    assert_int_equal(gan_model_sample(&b, back, 20, 3), GAN_OK);
    assert_true(compare_same_bits("loaded", a, b));
    gan_tensor_release(a);
    gan_tensor_release(b);
    gan_model_release(back);
    static const struct {
        const char *from, *to;
        gan_status status;
        const char *words;
    } cases[] = {
        {"\"kind\":\"class\"", "\"kind\":\"normal\"", GAN_E_FORMAT, "kind is not what indices can be"},
        {"\"kind\":\"unit-uniform\"", "\"kind\":\"class\"", GAN_E_FORMAT, "kind (classes) is for inputs of indices"},
        {"\"kind\":\"one-hot\"", "\"kind\":\"two-hot\"", GAN_E_UNSUPPORTED, "kind is \"two-hot\""},
        {"\"kind\":\"one-hot\"", "\"kind\":6", GAN_E_FORMAT, "kind"},
        {"\"kind\":\"one-hot\"", "\"was\":\"one-hot\"", GAN_E_FORMAT, "kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rewrite_model(f->context, path, other, cases[i].from, cases[i].to, NULL, NULL);
        gan_status status = gan_model_load(&back, f->context, other);
        if (status != cases[i].status || strstr(gan_context_error(f->context), cases[i].words) == NULL)
            fail_msg("%s: status %d, %s", cases[i].to, (int)status, gan_context_error(f->context));
        assert_null(back);
    }
    gan_model_release(model);
    gan_layer_release(layer);
    files_remove(folder);
}

static void without_memory(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_generator(f->context, GAN_F32);
    gan_model *model = make_model(layer);
    gan_tensor *made;
    long long blocks = atomic_load(&f->memory.blocks);
    gan_status status = GAN_E_MEMORY;
    long long n = 1;
    for (; status != GAN_OK; n++) {
        f->memory.fail_at = atomic_load(&f->memory.calls) + n;
        status = gan_model_sample(&made, model, 70, 1);
        f->memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_null(made);
        assert_int_equal(atomic_load(&f->memory.blocks), blocks);
    }
    assert_true(n > 5); /* a tensor for each input, and one for the result, at least */
    gan_tensor_release(made);
    gan_model_release(model);
    gan_layer_release(layer);
}

int main(void) {
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {CASE(draws),
                                       CASE(samples),
                                       CASE(sheets),
                                       CASE(asked_classes),
                                       CASE(sheets_of_its_range),
                                       CASE(classes_of_a_view),
                                       CASE(wrong_classes),
                                       CASE(wrong_kinds),
                                       CASE(wrong_inputs),
                                       CASE(files),
                                       CASE(without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
