/* Model files of networks that are no chains: outputs, networks inside, shared and tied parameters. Files that are
 * wrong, by accident or on purpose, are refused with a sentence and in bounded time and memory. */
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
#include "rewrite_model.h"
#include "train/model.h"

#define X1(N) gan_shape_1d(N)

static char folder[FILES_PATH], path[FILES_PATH], other[FILES_PATH];

static int set_up(void **state) {
    files_join(path, files_folder(folder), "a.safetensors");
    files_join(other, folder, "b.safetensors");
    return layer_fixture_open(state);
}
static int tear_down(void **state) {
    files_remove(folder);
    return layer_fixture_close(state);
}

/* A trunk with a tie and two outputs; a middle that uses it and a leaf; a whole that uses all three, one twice, with
 * branches of its own, two outputs and a tie to a network inside. */
static gan_layer *make(const layer_fixture *f) {
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_builder_split(b);
    gan_add_linear(b, 3, NULL);
    gan_builder_next(b);
    gan_add_linear(b, 3, NULL);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_builder_output(b, "sum");
    gan_add_batch_norm(b, NULL);
    gan_builder_output(b, "normal");
    gan_layer *trunk = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tie(trunk, "0.weight", "1.weight"), GAN_OK);
    b = layer_fixture_begin(f, X1(3));
    gan_builder_input(b, "second", X1(2));
    gan_add_linear(b, 3, NULL);
    gan_builder_label(b, "h");
    gan_builder_from(b, "input");
    gan_add_layer(b, trunk, "trunk");
    gan_add_sum(b, "trunk.normal");
    gan_add_concat(b, "h");
    gan_layer *middle = layer_fixture_end(f, b);
    const char *const inputs[1] = {"two"};
    b = layer_fixture_begin(f, X1(3));
    gan_add_linear(b, 2, NULL);
    gan_builder_label(b, "two");
    gan_builder_from(b, "input");
    gan_add_layer_many(b, middle, "middle", inputs, 1);
    gan_add_linear(b, 3, NULL);
    gan_add_layer(b, trunk, NULL);
    gan_builder_output(b, "first");
    gan_add_tanh(b);
    gan_add_layer_many(b, middle, NULL, inputs, 1);
    gan_builder_output(b, "last");
    gan_add_linear(b, 3, NULL);
    gan_add_linear(b, 3, NULL);
    gan_layer *whole = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tie(whole, "7.weight", "middle.trunk.1.weight"), GAN_OK);
    gan_layer_release(trunk);
    gan_layer_release(middle);
    return whole;
}

static gan_model *save(gan_layer *layer) {
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    return model;
}

static void forward(const layer_fixture *f, gan_layer *layer, gan_tensor *x, gan_tensor **ys) {
    gan_layer_set_training(layer, 0);
    gan_layer_forward_many(f->tape, layer, &x, 1, ys, 2);
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
}

static void round_trip(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make(f);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        gan_tensor_fill_uniform(gan_layer_tensor(layer, i), 0.1, 1, 5, 99, (uint64_t)i * 1000);
    gan_model *model = save(layer), *back;
    if (gan_model_load(&back, f->context, path) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    gan_layer *copy = gan_model_layer(back);
    assert_int_equal(gan_layer_tensor_count(copy), gan_layer_tensor_count(layer));
    assert_true(gan_layer_parameter_count(copy) == gan_layer_parameter_count(layer));
    assert_int_equal(copy->alias_count, layer->alias_count);
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        assert_string_equal(gan_layer_tensor_name(copy, i), gan_layer_tensor_name(layer, i));
        assert_true(compare_same_bits("tensor", gan_layer_tensor(copy, i), gan_layer_tensor(layer, i)));
    }
    assert_true(layer->alias_count >= 10);
    for (int32_t i = 0; i < layer->alias_count; i++) {
        const char *alias = layer->aliases[i].name, *owner = layer->tensors[layer->aliases[i].tensor].name;
        assert_non_null(gan_layer_find(copy, alias));
        assert_ptr_equal(gan_layer_find(copy, alias), gan_layer_find(copy, owner));
    }
    assert_ptr_equal(gan_layer_find(copy, "7.weight"), gan_layer_find(copy, "3.0.weight"));
    assert_string_equal(gan_layer_output_name(copy, 0), "first");
    assert_string_equal(gan_layer_output_name(copy, 1), "last");
    char a[4096], b[4096];
    gan_layer_summary(layer, a, sizeof a);
    gan_layer_summary(copy, b, sizeof b);
    assert_string_equal(a, b);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(4, 3), -1, 1, 1), *ys[2], *zs[2], *ws[2];
    forward(f, layer, x, ys);
    forward(f, copy, x, zs);
    gan_layer *clone;
    assert_int_equal(gan_layer_clone(&clone, copy), GAN_OK);
    forward(f, clone, x, ws);
    for (int i = 0; i < 2; i++) {
        assert_true(compare_same_bits("loaded", zs[i], ys[i]));
        assert_true(compare_same_bits("cloned", ws[i], ys[i]));
    }
    /* the first output is what a model gives */
    gan_tensor *given;
    assert_int_equal(gan_model_generate(&given, back, x), GAN_OK);
    assert_true(compare_tensors("generated", given, ys[0], 1e-14)); /* nothing is recorded: other kernels */
    gan_tensor_release(given);
    assert_int_equal(gan_model_save(back, other), GAN_OK);
    size_t sizes[2];
    unsigned char *bytes[2] = {files_read(path, &sizes[0]), files_read(other, &sizes[1])};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
    /* every allocation of loading may fail */
    gan_model_release(back);
    for (long long n = 1;; n++) {
        long long blocks = atomic_load(&f->memory.blocks);
        f->memory.fail_at = atomic_load(&f->memory.calls) + n;
        gan_status status = gan_model_load(&back, f->context, path);
        f->memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_int_equal(atomic_load(&f->memory.blocks), blocks);
    }
    gan_model_release(back);
    gan_layer_release(clone);
    gan_tensor_release(x);
    gan_model_release(model);
    gan_layer_release(layer);
}

static void wrong_descriptions(void **state) {
    layer_fixture *f = *state;
    static const struct {
        const char *from, *to;
        gan_status status;
        const char *words;
    } cases[] = {
        {"\"prefix\":\"middle\"", "\"prefix\":\"two\"", GAN_E_MISMATCH, "'two."},
        {"\"prefix\":\"middle\"", "\"prefix\":\"7\"", GAN_E_MISMATCH, "'7."},
        {"\"prefix\":\"middle\"", "\"prefix\":7", GAN_E_FORMAT, "not a string"},
        {"\"type\":\"tanh\"", "\"prefix\":\"x\",\"type\":\"tanh\"", GAN_E_FORMAT, "for networks only"},
        {"\"same\":\"middle.trunk\"", "\"same\":\"middle\"", GAN_E_FORMAT, "(network) cannot be: it has 2 inputs"},
        {"\"same\":\"middle.trunk\"", "\"same\":\"3\"", GAN_E_FORMAT, "where no network ended before"},
        {"\"same\":\"middle.trunk\"", "\"same\":\"\"", GAN_E_FORMAT, "where no network ended before"},
        {"\"same\":\"middle.trunk\"", "\"some\":\"\"", GAN_E_FORMAT, "no member \"network\""},
        {"\"network\":{", "\"network\":[],\"was\":{", GAN_E_FORMAT, "not an object"},
        /* the trunk's own: 0.weight is 1.weight's */
        {"\"0.weight\":\"1.weight\"", "\"0.weight\":\"1.bias\"", GAN_E_FORMAT, "'0.weight' of shape 3x3 cannot be"},
        {"\"0.weight\":\"1.weight\"", "\"0.weight\":\"9.weight\"", GAN_E_FORMAT, "no tensor '9.weight'"},
        {"\"0.weight\":\"1.weight\"", "\"0.weight\":\"0.weight\"", GAN_E_FORMAT, "no tensor '0.weight' of its own"},
        {"\"0.weight\":\"1.weight\"", "\"0.weight\":\"1.weight\",\"1.weight\":\"0.weight\"", GAN_E_FORMAT,
         "of its own"},
        {"\"0.weight\":\"1.weight\"", "\"0.weight\":\"1.weight\",\"0.weight\":\"1.weight\"", GAN_E_FORMAT, "0.weight"},
        {"\"0.weight\":\"1.weight\"", "\"0.weight\":7", GAN_E_FORMAT, "not a string"},
        {"\"0.weight\":\"1.weight\"", "", GAN_E_MISMATCH, "no tensor 'middle.trunk.0.weight'"},
        {"\"0.weight\":\"1.weight\"", "\"2.weight\":\"1.weight\"", GAN_E_MISMATCH, "'middle.trunk.0.weight'"},
        {"\"7.weight\":\"middle.trunk.1.weight\"", "\"7.weight\":\"middle.trunk.0.weight\"", GAN_E_FORMAT,
         "of its own"},
        {"\"7.weight\":\"middle.trunk.1.weight\"", "\"7.weight\":\"middle.1.weight\"", GAN_E_FORMAT, "no tensor"},
        {"\"7.weight\":\"middle.trunk.1.weight\"", "\"middle.0.weight\":\"2.weight\"", GAN_E_MISMATCH, "'7.weight'"},
        {"{\"name\":\"first\",\"node\":\"3\"}", "{\"name\":\"last\",\"node\":\"3\"}", GAN_E_FORMAT, "'last'"},
        {"{\"name\":\"first\",\"node\":\"3\"}", "{\"name\":\"first\",\"node\":\"3:2\"}", GAN_E_FORMAT, "is \"3:2\""},
        {"{\"name\":\"first\",\"node\":\"3\"}", "{\"name\":\"first\",\"node\":\"0:1\"}", GAN_E_FORMAT, "is \"0:1\""},
        {"{\"name\":\"first\",\"node\":\"3\"}", "{\"name\":\"first\",\"node\":\"3:\"}", GAN_E_FORMAT, "is \"3:\""},
        {"{\"name\":\"first\",\"node\":\"3\"}", "{\"name\":\"\",\"node\":\"3\"}", GAN_E_FORMAT, "1 to 63"},
        {"{\"name\":\"first\",\"node\":\"3\"}", "{\"name\":\"first\",\"node\":\"5\"}", GAN_E_FORMAT, "same point"},
        {"\"outputs\":[{\"name\":\"first\"", "\"outputs\":[],\"was\":[{\"name\":\"first\"", GAN_E_FORMAT,
         "outputs is empty"},
        {"{\"name\":\"second\",\"shape\":[2]}", "{\"name\":\"second\",\"shape\":[2],\"limit\":3}", GAN_E_FORMAT,
         "(linear) cannot be: its input holds indices"},
        {"{\"name\":\"second\",\"shape\":[2]}", "{\"name\":\"second\",\"shape\":[2],\"limit\":0}", GAN_E_FORMAT,
         "limit"},
        {"{\"name\":\"second\",\"shape\":[2]}", "{\"name\":\"3\",\"shape\":[2]}", GAN_E_FORMAT, "number"},
        {"\"inputs\":[{\"name\":\"input\",\"shape\":[3]},{", "\"inputs\":[],\"was\":[{", GAN_E_FORMAT,
         "inputs is empty"},
        {"\"kind\":\"normal\"", "\"kind\":\"normal\",\"limit\":3", GAN_E_FORMAT, "indices"},
    };
    gan_layer *layer = make(f);
    gan_model *model = save(layer), *back;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long long blocks = atomic_load(&f->memory.blocks);
        rewrite_model(f->context, path, other, cases[i].from, cases[i].to, NULL, NULL);
        gan_status status = gan_model_load(&back, f->context, other);
        if (status != cases[i].status || strstr(gan_context_error(f->context), cases[i].words) == NULL)
            fail_msg("%s: status %d, %s", cases[i].to, (int)status, gan_context_error(f->context));
        assert_null(back);
        assert_int_equal(atomic_load(&f->memory.blocks), blocks);
    }
    /* an owner that is not in the file; what only an alias's name promises is not looked for */
    rewrite_model(f->context, path, other, NULL, NULL, "middle.trunk.1.weight", "7.weight");
    assert_int_equal(gan_model_load(&back, f->context, other), GAN_E_MISMATCH);
    assert_non_null(strstr(gan_context_error(f->context), "'middle.trunk.1.weight'"));
    gan_model_release(model);
    gan_layer_release(layer);
}

/* ---- hostile texts, each larger than what a person would write ---- */

static gan_status load_text(const layer_fixture *f, const char *text) {
    gan_model *model;
    gani_note note = {GANI_MODEL_KEY, text};
    assert_int_equal(gani_safetensors_write(f->context, path, NULL, 0, &note, 1, 0), GAN_OK);
    gan_status status = gan_model_load(&model, f->context, path);
    gan_model_release(model);
    return status;
}

#define HEAD "{\"schema\":1,\"dtype\":\"f32\",\"range\":[0,1],"
#define INPUTS "\"inputs\":[{\"name\":\"input\",\"shape\":[2],\"kind\":\"normal\"}],"
#define TAIL "\"output\":\"0\",\"aliases\":{}}"

static void nested_texts(void **state) {
    layer_fixture *f = *state;
    for (int depth = 14; depth <= 40; depth++) {
        char *text = malloc(1 << 16), *at = text;
        at += sprintf(at, HEAD INPUTS);
        for (int i = 1; i < depth; i++)
            at += sprintf(
                at, "\"nodes\":[{\"name\":\"0\",\"type\":\"network\",\"inputs\":[\"input\"],\"network\":{" INPUTS);
        at += sprintf(at, "\"nodes\":[{\"name\":\"0\",\"type\":\"tanh\",\"inputs\":[\"input\"],\"config\":{}}]," TAIL);
        for (int i = 1; i < depth; i++) at += sprintf(at, "}]," TAIL);
        gan_status status = load_text(f, text);
        /* beyond about twenty it is not even JSON that we would read */
        if (status != (depth <= 16 ? GAN_OK : depth <= 20 ? GAN_E_LIMIT : status) || (depth > 16 && status == GAN_OK))
            fail_msg("%d: %d %s", depth, (int)status, gan_context_error(f->context));
        free(text);
    }
}

/* Each level uses the one below twice: sixteen levels would be 65536 layers. */
static void doubled_texts(void **state) {
    layer_fixture *f = *state;
    char *text = malloc(1 << 20), *at = text, place[64] = "0";
    at += sprintf(at, HEAD INPUTS);
    for (int i = 1; i < 15; i++)
        at +=
            sprintf(at, "\"nodes\":[{\"name\":\"0\",\"type\":\"network\",\"inputs\":[\"input\"],\"network\":{" INPUTS);
    at += sprintf(at, "\"nodes\":[{\"name\":\"0\",\"type\":\"tanh\",\"inputs\":[\"input\"],\"config\":{}}]," TAIL);
    for (int i = 1; i < 14; i++) strcat(place, ".0");
    for (int i = 1; i < 15; i++) {
        at += sprintf(at, "},{\"name\":\"1\",\"type\":\"network\",\"inputs\":[\"0\"],\"same\":\"%s\"}]," TAIL, place);
        place[strlen(place) - 2 * (strlen(place) > 1)] = '\0';
    }
    assert_int_equal(load_text(f, text), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(f->context), "8192"));
    free(text);
}

/* As many ties as names are allowed cost seconds at most; more are refused. */
static void tied_texts(void **state) {
    layer_fixture *f = *state;
    for (int count = 1000; count <= 20000; count += 19000) {
        char *text = malloc(1 << 20), *at = text;
        at += sprintf(at, HEAD INPUTS "\"nodes\":[],\"output\":\"input\",\"aliases\":{");
        for (int i = 0; i < count; i++) at += sprintf(at, "%s\"%d.weight\":\"0.bias\"", i == 0 ? "" : ",", i);
        sprintf(at, "}}");
        assert_int_equal(load_text(f, text), count < 16384 ? GAN_E_FORMAT : GAN_E_LIMIT);
        free(text);
    }
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(round_trip), TEST(wrong_descriptions), TEST(nested_texts),
                                       TEST(doubled_texts), TEST(tied_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
