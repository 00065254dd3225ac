/* Types of layers that the application defines: made, trained, saved and loaded; wrong ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "files.h"
#include "layer_fixture.h"

#define X1(N) gan_shape_1d(N)

/* ---- a function of the tape ---- */

static gan_tensor *swish(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                         gan_tensor *const *inputs, int32_t training) {
    (void)user, (void)config, (void)tensors, (void)training;
    return gan_mul(tape, inputs[0], gan_sigmoid(tape, inputs[0]));
}

/* ---- one with all callbacks: y = x_0 * scale + shift of as many channels, joined with x_1 ---- */

static gan_status affine_infer(void *user, const char *config, const gan_shape *inputs, gan_shape *output, char *reason,
                               size_t size) {
    (void)user;
    if (strstr(config, "refuse") != NULL) {
        snprintf(reason, size, "it was told to refuse");
        return GAN_E_UNSUPPORTED;
    }
    if (inputs[0].rank != 1 || inputs[1].rank != 1) return GAN_E_SHAPE;
    *output = gan_shape_1d(inputs[0].size[0] + inputs[1].size[0]);
    return GAN_OK;
}
static int32_t affine_tensors(void *user, const char *config, const gan_shape *inputs, gan_layer_slot *slots) {
    (void)user, (void)config;
    slots[0].name = "scale";
    slots[0].shape = inputs[0];
    slots[0].is_parameter = 1;
    slots[1].name = "shift";
    slots[1].shape = inputs[0];
    slots[1].is_parameter = 1;
    slots[2].name = "calls";
    slots[2].shape = gan_shape_0d();
    return 3;
}
static gan_status affine_init(void *user, const char *config, gan_tensor *const *tensors, int32_t count) {
    (void)config;
    if (*(int *)user == 99) return GAN_E_NUMERIC;
    assert_int_equal(count, 3);
    return gan_tensor_fill(tensors[0], 2);
}
static gan_tensor *affine_forward(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                                  gan_tensor *const *inputs, int32_t training) {
    (void)config;
    if (training) ++*(int *)user;
    gan_tensor *parts[2] = {gan_add(tape, gan_mul(tape, inputs[0], tensors[0]), tensors[1]), inputs[1]};
    return gan_concat(tape, parts, 2, 1);
}

static gan_layer_type swish_type(void) {
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "acme.swish";
    type.forward = swish;
    return type;
}
static gan_layer_type affine_type(int *user) {
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "acme.layers/affine-2";
    type.user = user;
    type.inputs = 2;
    type.infer = affine_infer;
    type.tensors = affine_tensors;
    type.init = affine_init;
    type.forward = affine_forward;
    return type;
}

static gan_layer *make(const layer_fixture *f, const char *config) {
    const char *const inputs[1] = {"input"};
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_add_registered(b, "acme.swish", NULL);
    gan_add_registered_many(b, "acme.layers/affine-2", config, inputs, 1);
    gan_builder_label(b, "joined");
    gan_add_linear(b, 2, NULL);
    return layer_fixture_end(f, b);
}

static void made_and_used(void **state) {
    layer_fixture *f = *state;
    int calls = 0;
    gan_layer_type simple = swish_type(), full = affine_type(&calls);
    assert_int_equal(gan_layer_type_register(f->context, &simple), GAN_OK);
    assert_int_equal(gan_layer_type_register(f->context, &full), GAN_OK);
    gan_layer *net = make(f, "{ \"kind\": [1, 2] }"), *copy;
    assert_int_equal(gan_layer_tensor_count(net), 5);
    assert_string_equal(gan_layer_tensor_name(net, 0), "1.scale");
    assert_int_equal(gan_layer_tensor_is_parameter(net, 1), 1);
    assert_int_equal(gan_layer_tensor_is_parameter(net, 2), 0);
    assert_true(gan_tensor_item(gan_layer_find(net, "1.scale"), 2) == 2);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(4, 3), -1, 1, 1);
    gan_tensor *h = gan_mul(f->tape, x, gan_sigmoid(f->tape, x)), *parts[2] = {gan_scale(f->tape, h, 2), x};
    h = gan_linear(f->tape, gan_concat(f->tape, parts, 2, 1), gan_layer_find(net, "2.weight"),
                   gan_layer_find(net, "2.bias"));
    assert_true(compare_tensors("registered", gan_layer_forward(f->tape, net, x), h, 1e-15));
    assert_int_equal(calls, 1);
    gan_layer_set_training(net, 0);
    gan_layer_forward(f->tape, net, x);
    assert_int_equal(calls, 1);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    layer_fixture_check_layer(f, "registered", net, x);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, net, NULL), GAN_OK);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_optimizer_step(adam, f->tape, gan_sum(f->tape, gan_layer_forward(f->tape, net, x))), GAN_OK);
    assert_true(gan_tensor_item(gan_layer_find(net, "1.shift"), 0) != 0);
    gan_optimizer_release(adam);
    assert_int_equal(gan_layer_clone(&copy, net), GAN_OK);
    gan_tape_reset(f->tape);
    assert_true(compare_same_bits("clone", gan_layer_forward(f->tape, copy, x), gan_layer_forward(f->tape, net, x)));
    /* saved and loaded, with the text as it was; elsewhere the file is refused, and the type named */
    char folder[FILES_PATH], path[FILES_PATH], other[FILES_PATH];
    files_join(path, files_folder(folder), "a.safetensors");
    files_join(other, folder, "b.safetensors");
    gan_model *model, *back;
    assert_int_equal(gan_model_create(&model, net, NULL), GAN_OK);
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    if (gan_model_load(&back, f->context, path) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    assert_true(compare_same_bits("loaded", gan_layer_forward(f->tape, gan_model_layer(back), x),
                                  gan_layer_forward(f->tape, net, x)));
    assert_int_equal(gan_model_save(back, other), GAN_OK);
    size_t sizes[2];
    unsigned char *a = files_read(path, &sizes[0]), *b = files_read(other, &sizes[1]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(a, b, sizes[0]);
    free(a);
    free(b);
    gan_model_release(back);
    gan_context *stranger = host_context(1);
    assert_int_equal(gan_model_load(&back, stranger, path), GAN_E_UNSUPPORTED);
    assert_null(back);
    assert_non_null(strstr(gan_context_error(stranger), "nodes[0].type is \"acme.swish\""));
    assert_non_null(strstr(gan_context_error(stranger), "gan_layer_type_register"));
    gan_context_release(stranger);
    files_remove(folder);
    gan_model_release(model);
    gan_layer_release(copy);
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* ---- callbacks that do not do what they should ---- */

enum { NO_RESULT, OTHER_SHAPE, OTHER_TYPE, OTHER_TAPE, ITS_INPUT, A_PARAMETER, FAILS, STOPS_RECORDING };
typedef struct bad_case {
    int kind, tensors;
    gan_tape *other;
} bad_case;

static gan_tensor *bad_forward(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                               gan_tensor *const *inputs, int32_t training) {
    (void)config, (void)training;
    const bad_case *bad = user;
    gan_shape shape = gan_tensor_shape(inputs[0]);
    switch (bad->kind) {
    case NO_RESULT:
        return NULL;
    case OTHER_SHAPE:
        return gan_sum(tape, inputs[0]);
    case OTHER_TYPE:
        return gan_full(tape, GAN_F32, shape, 1);
    case OTHER_TAPE:
        return gan_full(bad->other, GAN_F64, shape, 1);
    case ITS_INPUT:
        return inputs[0];
    case A_PARAMETER:
        return tensors[0];
    case FAILS:
        return gan_matmul(tape, inputs[0], inputs[0], 0, 0);
    default:
        gan_tape_set_recording(tape, 0);
        return gan_tanh(tape, inputs[0]);
    }
}
static int32_t bad_tensors(void *user, const char *config, const gan_shape *inputs, gan_layer_slot *slots) {
    (void)config, (void)inputs;
    const bad_case *bad = user;
    static const char *const names[] = {"weight", "a.b", "", NULL, "weight"};
    slots[0].name = names[bad->tensors > 4 ? 0 : bad->tensors];
    slots[0].shape = bad->tensors == 4 ? gan_shape_1d(-1) : gan_shape_2d(2, 3);
    slots[0].is_parameter = bad->tensors == 7 ? 2 : 1;
    if (bad->tensors == 5) return 9;
    if (bad->tensors == 6) return -1;
    return 1;
}

static void bad_results(void **state) {
    layer_fixture *f = *state;
    static const struct {
        gan_status status;
        const char *words;
    } expected[] = {{GAN_E_ARGUMENT, "gave no result"},
                    {GAN_E_SHAPE, "a result of shape scalar in place of 2x3"},
                    {GAN_E_DTYPE, "another type"},
                    {GAN_E_ARGUMENT, "another tape"},
                    {GAN_OK, ""},
                    {GAN_OK, ""},
                    {GAN_E_SHAPE, "matmul"},
                    {GAN_OK, ""}};
    bad_case bad = {0};
    assert_int_equal(gan_tape_create(&bad.other, f->context), GAN_OK);
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "acme.bad";
    type.user = &bad;
    type.tensors = bad_tensors;
    type.forward = bad_forward;
    assert_int_equal(gan_layer_type_register(f->context, &type), GAN_OK);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(2, 3), -1, 1, 1);
    for (bad.kind = NO_RESULT; bad.kind <= STOPS_RECORDING; bad.kind++) {
        gan_builder *b = layer_fixture_begin(f, X1(3));
        gan_add_tanh(b);
        gan_add_registered(b, "acme.bad", "{}");
        gan_add_tanh(b); /* what the type read has been given back by now: its result must not have */
        gan_layer *net = layer_fixture_end(f, b);
        gan_tape_reset(f->tape);
        gan_tensor *y = gan_layer_forward(f->tape, net, x);
        assert_int_equal(gan_tape_status(f->tape), expected[bad.kind].status);
        assert_non_null(strstr(gan_tape_error(f->tape), expected[bad.kind].words));
        if (bad.kind == ITS_INPUT) assert_true(compare_same_bits("input", y, gan_tanh(f->tape, gan_tanh(f->tape, x))));
        if (bad.kind == A_PARAMETER) {
            assert_true(gan_tensor_item(y, 5) == 0);
            gan_tensor *g = gan_gradient(f->tape, gan_sum(f->tape, y), gan_layer_tensor(net, 0), 0);
            assert_true(gan_tensor_item(g, 0) == 1);
            assert_int_equal(gan_tensor_count(gan_layer_tensor(net, 0)), 6); /* still there */
        }
        if (bad.kind == STOPS_RECORDING) assert_int_equal(gan_tape_set_recording(f->tape, 1), 1);
        gan_layer_release(net);
    }
    bad.kind = ITS_INPUT;
    for (bad.tensors = 1; bad.tensors <= 7; bad.tensors++) {
        gan_builder *b = layer_fixture_begin(f, X1(3));
        gan_add_registered(b, "acme.bad", NULL);
        layer_fixture_refused(f, b, bad.tensors == 4 ? GAN_E_SHAPE : GAN_E_ARGUMENT, "layer 0 (acme.bad)",
                              "its type wants");
    }
    gan_tensor_release(x);
    gan_tape_release(bad.other);
}

static void refused(void **state) {
    layer_fixture *f = *state;
    int calls = 0;
    gan_layer_type simple = swish_type(), full = affine_type(&calls), wrong;
    assert_int_equal(gan_layer_type_register(f->context, &simple), GAN_OK);
    assert_int_equal(gan_layer_type_register(f->context, &full), GAN_OK);
    assert_int_equal(gan_layer_type_register(f->context, &simple), GAN_E_STATE);
    static const char *const names[] = {
        "swish", "", "a b.c", "acme.\xc3\xa9", "a234567890123456789012345678901234567890123456789012345678901.34",
        NULL};
    for (int i = 0; i < 6; i++) {
        wrong = simple;
        wrong.name = names[i];
        assert_int_equal(gan_layer_type_register(f->context, &wrong), GAN_E_ARGUMENT);
    }
    wrong = simple;
    wrong.name = "acme.other";
    wrong.forward = NULL;
    assert_int_equal(gan_layer_type_register(f->context, &wrong), GAN_E_ARGUMENT);
    wrong.forward = swish;
    wrong.inputs = 0;
    assert_int_equal(gan_layer_type_register(f->context, &wrong), GAN_E_ARGUMENT);
    wrong.inputs = 17;
    assert_int_equal(gan_layer_type_register(f->context, &wrong), GAN_E_ARGUMENT);
    wrong.inputs = 1;
    wrong.index_inputs = 2;
    assert_int_equal(gan_layer_type_register(f->context, &wrong), GAN_E_ARGUMENT);
    memset(&wrong, 0, sizeof wrong);
    assert_int_equal(gan_layer_type_register(f->context, &wrong), GAN_E_ARGUMENT); /* not initialised */
    assert_int_equal(gan_layer_type_register(f->context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_type_register(NULL, &simple), GAN_E_ARGUMENT);
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_add_registered(b, "acme.unknown", NULL);
    layer_fixture_refused(f, b, GAN_E_UNSUPPORTED, "'acme.unknown'", "not registered");
    static const char *const configs[] = {"", "[1]", "{", "{}x", "{\"a\":01}", "null"};
    for (int i = 0; i < 6; i++) {
        b = layer_fixture_begin(f, X1(3));
        gan_add_registered(b, "acme.swish", configs[i]);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (acme.swish)", "JSON object");
    }
    const char *const inputs[1] = {"input"};
    b = layer_fixture_begin(f, X1(3));
    gan_add_registered_many(b, "acme.layers/affine-2", "{\"refuse\":1}", inputs, 1);
    layer_fixture_refused(f, b, GAN_E_UNSUPPORTED, "layer 0", "told to refuse");
    b = layer_fixture_begin(f, gan_shape_2d(3, 3));
    gan_add_registered_many(b, "acme.layers/affine-2", NULL, inputs, 1);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0", "its type refuses its inputs");
    b = layer_fixture_begin(f, X1(3));
    gan_add_registered(b, "acme.layers/affine-2", NULL);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0", "it has 2 inputs, and is given 1");
    b = gan_builder_begin_indices(f->context, X1(3), 4);
    gan_add_registered(b, "acme.swish", NULL);
    layer_fixture_refused(f, b, GAN_E_DTYPE, "layer 0", "input 1 takes numbers");
    calls = 99;
    b = layer_fixture_begin(f, X1(3));
    gan_add_registered_many(b, "acme.layers/affine-2", NULL, inputs, 1);
    layer_fixture_refused(f, b, GAN_E_NUMERIC, "initial values", "acme.layers/affine-2");
    gan_add_registered(NULL, "acme.swish", NULL);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(made_and_used), TEST(bad_results), TEST(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
