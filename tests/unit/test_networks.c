/* The structure of networks: several outputs, splits and joins, networks as layers of others, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "layer_fixture.h"

#define X1(N) gan_shape_1d(N)

static gan_tensor *input_of(const layer_fixture *f, gan_shape shape) {
    return host_uniform(f->context, GAN_F64, shape, -1, 1, 1);
}

/* ---- outputs ---- */

/* The discriminator of an InfoGAN: a trunk, a score and a code. */
static gan_layer *two_heads(const layer_fixture *f) {
    gan_builder *b = layer_fixture_begin(f, X1(5));
    gan_add_linear(b, 6, NULL);
    gan_add_tanh(b);
    gan_builder_label(b, "trunk");
    gan_add_linear(b, 1, NULL);
    gan_builder_output(b, "score");
    gan_builder_from(b, "trunk");
    gan_add_linear(b, 3, NULL);
    gan_builder_output(b, "code");
    return layer_fixture_end(f, b);
}

static void outputs(void **state) {
    layer_fixture *f = *state;
    gan_layer *net = two_heads(f);
    assert_int_equal(gan_layer_output_count(net), 2);
    assert_string_equal(gan_layer_output_name(net, 0), "score");
    assert_string_equal(gan_layer_output_name(net, 1), "code");
    assert_true(gan_shape_equal(gan_layer_output_shape(net, 0), X1(1)));
    assert_true(gan_shape_equal(gan_layer_output_shape(net, 1), X1(3)));
    assert_int_equal(gan_layer_output_shape(net, 2).rank, 0);
    assert_null(gan_layer_output_name(net, 2));
    assert_null(gan_layer_output_name(net, -1));
    assert_int_equal(gan_layer_output_count(NULL), 0);
    gan_tensor *x = input_of(f, gan_shape_2d(4, 5)), *ys[3], *wx = gan_watch(f->tape, x);
    gan_layer_forward_many(f->tape, net, &wx, 1, ys, 2);
#define P(NAME) gan_layer_find(net, NAME)
    gan_tensor *trunk = gan_tanh(f->tape, gan_linear(f->tape, wx, P("0.weight"), P("0.bias")));
    assert_true(compare_same_bits("score", ys[0], gan_linear(f->tape, trunk, P("2.weight"), P("2.bias"))));
    assert_true(compare_same_bits("code", ys[1], gan_linear(f->tape, trunk, P("3.weight"), P("3.bias"))));
    /* a shared trunk: the gradient of both heads' losses together is the sum of each one's */
    gan_tensor *score = gan_mean(f->tape, gan_square(f->tape, ys[0])),
               *code = gan_sum(f->tape, gan_exp(f->tape, ys[1]));
    gan_tensor *both = gan_add(f->tape, score, code), *targets[3] = {P("0.weight"), P("0.bias"), wx};
    gan_tensor *a[3], *b[3], *sum[3];
    gan_gradients(f->tape, score, NULL, targets, 3, GAN_GRAD_RETAIN, a);
    gan_gradients(f->tape, code, NULL, targets, 3, GAN_GRAD_RETAIN, b);
    gan_gradients(f->tape, both, NULL, targets, 3, GAN_GRAD_RETAIN, sum);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    for (int i = 0; i < 3; i++) {
        double *values = compare_read(a[i]);
        assert_true(compare_norm(values, gan_tensor_count(a[i])) > 1e-3);
        free(values);
        assert_true(compare_tensors("trunk", sum[i], gan_add(f->tape, a[i], b[i]), 1e-14));
    }
    /* outputs are seen: they stay readable behind a walk */
    gan_gradient(f->tape, both, P("2.weight"), 0);
    assert_false(isnan(gan_tensor_item(ys[1], 0)));
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    /* another number of outputs, or nowhere to put them */
    for (int32_t count = 0; count <= 3; count++) {
        gan_tape_reset(f->tape);
        gan_layer_forward_many(f->tape, net, &x, 1, ys, count);
        assert_int_equal(gan_tape_status(f->tape), count == 2 ? GAN_OK : GAN_E_ARGUMENT);
        for (int32_t i = 0; i < count && count != 2; i++) assert_int_equal(gan_tensor_dtype(ys[i]), 0);
    }
    gan_tape_reset(f->tape);
    assert_int_equal(gan_tensor_dtype(gan_layer_forward(f->tape, net, x)), 0);
    assert_non_null(strstr(gan_tape_error(f->tape), "1 outputs are asked of a network of 2"));
    gan_tape_reset(f->tape);
    gan_layer_forward_many(f->tape, net, &x, 1, NULL, 2);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_ARGUMENT);
    char text[2048];
    gan_layer_summary(net, text, sizeof text);
    assert_non_null(strstr(text, "score"));
    assert_non_null(strstr(text, "code"));
    gan_tensor_release(x);
    gan_layer_release(net);
}

static void inputs_as_outputs(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(2));
    gan_builder_output(b, "same");
    gan_add_tanh(b);
    gan_builder_output(b, "bent");
    gan_layer *net = layer_fixture_end(f, b);
    gan_tensor *x = input_of(f, gan_shape_2d(3, 2)), *ys[2];
    gan_layer_forward_many(f->tape, net, &x, 1, ys, 2);
    assert_true(compare_same_bits("same", ys[0], x));
    assert_true(compare_same_bits("bent", ys[1], gan_tanh(f->tape, x)));
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* ---- splits ---- */

static void residual_blocks(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 4, 4));
    gan_builder_split(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_builder_label(b, "inner"); /* labels work inside */
    gan_builder_split(b);
    gan_add_tanh(b);
    gan_builder_next(b);
    gan_add_sigmoid(b);
    gan_builder_next(b); /* the identity */
    gan_builder_join(b, GAN_JOIN_PRODUCT);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_builder_split(b);
    gan_builder_next(b);
    gan_builder_from(b, "inner");
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_CONCAT);
    gan_layer *net = layer_fixture_end(f, b);
    assert_true(gan_shape_equal(gan_layer_output_shape(net, 0), gan_shape_3d(6, 4, 4)));
    assert_int_equal(gan_layer_tensor_count(net), 2);
    gan_tensor *x = input_of(f, gan_shape_4d(2, 2, 4, 4));
    gan_tensor *inner = gan_conv2d(f->tape, x, P("0.weight"), P("0.bias"), 1, 1, NULL);
    gan_tensor *product =
        gan_mul(f->tape, gan_mul(f->tape, gan_tanh(f->tape, inner), gan_sigmoid(f->tape, inner)), inner);
    gan_tensor *block = gan_add(f->tape, product, x), *parts[3] = {block, inner, block};
    assert_true(compare_same_bits("blocks", gan_layer_forward(f->tape, net, x), gan_concat(f->tape, parts, 3, 1)));
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    layer_fixture_check_layer(f, "blocks", net, x);
    gan_tensor_release(x);
    gan_layer_release(net);
}

static void splits_refused(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_builder_next(b);
    layer_fixture_refused(f, b, GAN_E_STATE, "layer 0", "next without a split");
    b = layer_fixture_begin(f, X1(3));
    gan_add_tanh(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    layer_fixture_refused(f, b, GAN_E_STATE, "layer 1", "join without a split");
    b = layer_fixture_begin(f, X1(3));
    gan_builder_split(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    layer_fixture_refused(f, b, GAN_E_STATE, "layer 0", "one branch");
    b = layer_fixture_begin(f, X1(3));
    gan_add_tanh(b);
    gan_builder_split(b);
    gan_add_tanh(b);
    gan_builder_next(b);
    layer_fixture_refused(f, b, GAN_E_STATE, "before layer 1", "not joined");
    b = layer_fixture_begin(f, X1(3));
    gan_builder_split(b);
    gan_add_linear(b, 2, NULL);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 1 (sum)", "shapes 2 and 3");
    b = layer_fixture_begin(f, X1(3));
    gan_builder_split(b);
    gan_builder_next(b);
    gan_builder_join(b, 3);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0", "3 is no way to join");
    b = layer_fixture_begin(f, X1(3));
    for (int i = 0; i < 16; i++) gan_builder_split(b);
    gan_builder_split(b);
    layer_fixture_refused(f, b, GAN_E_LIMIT, "layer 0", "16 deep");
    b = layer_fixture_begin(f, X1(3));
    gan_builder_split(b);
    for (int i = 0; i < 15; i++) gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_CONCAT); /* 16 branches are possible */
    assert_true(gan_shape_equal(gan_builder_shape(b), X1(48)));
    gan_builder_split(b);
    for (int i = 0; i < 17; i++) gan_builder_next(b);
    layer_fixture_refused(f, b, GAN_E_LIMIT, "layer 1", "16 branches");
    gan_builder_split(NULL);
    gan_builder_next(NULL);
    gan_builder_join(NULL, 0);
    gan_builder_output(NULL, "x");
}

/* ---- networks inside ---- */

static gan_layer *small(const layer_fixture *f, int64_t inputs, int64_t outputs) {
    gan_builder *b = layer_fixture_begin(f, X1(inputs));
    gan_add_linear(b, outputs, NULL);
    gan_add_tanh(b);
    return layer_fixture_end(f, b);
}

static void networks_inside(void **state) {
    layer_fixture *f = *state;
    gan_layer *body = two_heads(f), *first = small(f, 4, 5);
    gan_builder *b = layer_fixture_begin(f, X1(4));
    gan_add_layer(b, first, NULL);
    gan_add_layer(b, body, "body");
    assert_true(gan_shape_equal(gan_builder_shape(b), X1(1)));
    gan_add_concat(b, "body.code");
    gan_builder_from(b, "body"); /* its first output */
    gan_add_concat(b, "body.score");
    gan_add_linear(b, 2, NULL);
    gan_layer *net = layer_fixture_end(f, b);
    static const char *const names[] = {"0.0.weight",  "0.0.bias",      "body.0.weight", "body.0.bias", "body.2.weight",
                                        "body.2.bias", "body.3.weight", "body.3.bias",   "4.weight",    "4.bias"};
    assert_int_equal(gan_layer_tensor_count(net), 10);
    for (int32_t i = 0; i < 10; i++) {
        assert_string_equal(gan_layer_tensor_name(net, i), names[i]);
        assert_ptr_equal(gan_layer_find(net, names[i]), gan_layer_tensor(net, i));
    }
    assert_ptr_equal(P("body.3.weight"), gan_layer_find(body, "3.weight")); /* shared */
    assert_true(gan_layer_parameter_count(net) ==
                gan_layer_parameter_count(first) + gan_layer_parameter_count(body) + 6);
    gan_tensor *x = input_of(f, gan_shape_2d(3, 4)), *ys[2], *h = gan_layer_forward(f->tape, first, x);
    gan_layer_forward_many(f->tape, body, &h, 1, ys, 2);
    gan_tensor *twice[2] = {ys[0], ys[0]};
    h = gan_linear(f->tape, gan_concat(f->tape, twice, 2, 1), P("4.weight"), P("4.bias"));
    assert_true(compare_same_bits("inside", gan_layer_forward(f->tape, net, x), h));
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    layer_fixture_check_layer(f, "inside", net, x);
    char text[4096];
    int64_t needed = gan_layer_summary(net, text, sizeof text);
    assert_true(needed == (int64_t)strlen(text));
    assert_non_null(strstr(text, "body network"));
    assert_non_null(strstr(text, "body.3 linear"));
    /* the networks outlive their makers' handles */
    gan_layer_release(body);
    gan_layer_release(first);
    gan_layer_forward(f->tape, net, x);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* Several inputs, indices among them. */
static void inputs_of_networks_inside(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_builder_input(b, "more", X1(2));
    gan_builder_input_indices(b, "label", gan_shape_0d(), 10);
    gan_builder_from(b, "more");
    gan_add_concat(b, "input");
    gan_layer *inner = layer_fixture_end(f, b);
    const char *const names[2] = {"wide", "class"};
    b = layer_fixture_begin(f, X1(3));
    gan_builder_input_indices(b, "class", gan_shape_0d(), 8); /* fewer are allowed */
    gan_builder_input(b, "wide", X1(2));
    gan_builder_from(b, "input");
    gan_add_layer_many(b, inner, "joint", names, 2);
    gan_layer *net = layer_fixture_end(f, b);
    gan_tensor *label;
    assert_int_equal(gan_tensor_create(&label, f->context, GAN_I32, X1(4)), GAN_OK);
    assert_int_equal(gan_tensor_fill(label, 7), GAN_OK);
    gan_tensor *xs[3] = {input_of(f, gan_shape_2d(4, 3)), label, input_of(f, gan_shape_2d(4, 2))}, *y;
    gan_tensor *swapped[2] = {xs[2], xs[0]};
    gan_layer_forward_many(f->tape, net, xs, 3, &y, 1);
    assert_true(compare_same_bits("inputs", y, gan_concat(f->tape, swapped, 2, 1)));
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    const char *const wrong[2] = {"wide", "input"};
    b = layer_fixture_begin(f, X1(3));
    gan_builder_input(b, "wide", X1(2));
    gan_builder_from(b, "input");
    gan_add_layer_many(b, inner, NULL, wrong, 2);
    layer_fixture_refused(f, b, GAN_E_DTYPE, "layer 0 (network)", "'label' takes indices");
    b = layer_fixture_begin(f, X1(3));
    gan_builder_input_indices(b, "class", gan_shape_0d(), 11);
    gan_builder_input(b, "wide", X1(2));
    gan_builder_from(b, "input");
    gan_add_layer_many(b, inner, NULL, names, 2);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (network)", "indices below 10, and is given 11");
    b = layer_fixture_begin(f, X1(3));
    gan_add_layer_many(b, inner, NULL, NULL, 2);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "names", "NULL");
    b = layer_fixture_begin(f, X1(3));
    gan_add_layer_many(b, inner, NULL, names, 16);
    layer_fixture_refused(f, b, GAN_E_LIMIT, "16", "0 to 15");
    for (int i = 0; i < 3; i++) gan_tensor_release(xs[i]);
    gan_layer_release(inner);
    gan_layer_release(net);
}

/* The mode of the network that is applied holds for all of it. */
static void modes(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(2));
    gan_add_batch_norm(b, NULL);
    gan_layer *inner = layer_fixture_end(f, b);
    b = layer_fixture_begin(f, X1(2));
    gan_add_layer(b, inner, NULL);
    gan_layer *middle = layer_fixture_end(f, b);
    b = layer_fixture_begin(f, X1(2));
    gan_add_layer(b, middle, NULL);
    gan_layer *net = layer_fixture_end(f, b);
    gan_tensor *x = input_of(f, gan_shape_2d(5, 2)), *mean = P("0.0.0.running_mean");
    assert_ptr_equal(mean, gan_layer_find(inner, "0.running_mean"));
    for (int training = 0; training < 2; training++) {
        gan_layer_set_training(net, training);
        gan_layer_set_training(inner, !training);
        gan_layer_set_training(middle, !training);
        double before = gan_tensor_item(mean, 0);
        gan_layer_forward(f->tape, net, x);
        assert_int_equal(gan_tensor_item(mean, 0) != before, training);
        assert_int_equal(gan_layer_is_training(inner), !training); /* its own mode stays its own */
        before = gan_tensor_item(mean, 0);
        gan_layer_forward(f->tape, inner, x);
        assert_int_equal(gan_tensor_item(mean, 0) != before, !training);
    }
    gan_tensor_release(x);
    gan_layer_release(inner);
    gan_layer_release(middle);
    gan_layer_release(net);
}

static void networks_refused(void **state) {
    layer_fixture *f = *state;
    gan_layer *inner = small(f, 4, 3);
    gan_builder *b = layer_fixture_begin(f, X1(5));
    gan_add_tanh(b);
    gan_add_layer(b, inner, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 1 (network)", "shape 4, and is given 5");
    b = gan_builder_begin(f->context, X1(4));
    gan_add_layer(b, inner, NULL);
    layer_fixture_refused(f, b, GAN_E_DTYPE, "layer 0 (network)", "of type f64, the network around it of f32");
    b = layer_fixture_begin(f, X1(4));
    gan_add_layer(b, NULL, NULL);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer to add", "NULL");
    gan_context *other = host_context(1);
    b = gan_builder_begin(other, X1(4));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_layer(b, inner, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(other), "another context"));
    gan_context_release(other);
    static const struct {
        const char *name, *words;
    } names[] = {{"a.b", "dot"},  {"3", "number"},       {"input", "taken"},
                 {"", "1 to 63"}, {"bell\a", "printed"}, {"\xff", "UTF-8"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        b = layer_fixture_begin(f, X1(4));
        gan_add_layer(b, inner, names[i].name);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "builder", names[i].words);
    }
    b = layer_fixture_begin(f, X1(4));
    gan_add_tanh(b);
    gan_builder_label(b, "part.output"); /* what an output of a network "part" would be called */
    gan_add_layer(b, inner, "part");
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "'part.output'", "taken");
    b = layer_fixture_begin(f, X1(4));
    gan_add_layer(b, inner, "part");
    gan_builder_label(b, "other");
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "named", "'part'");
    b = layer_fixture_begin(f, X1(4));
    gan_builder_input(b, "12", X1(2));
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "'12'", "number");
    b = layer_fixture_begin(f, X1(4));
    gan_builder_output(b, "a");
    gan_builder_output(b, "b");
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "'b'", "same point as output 'a'");
    b = layer_fixture_begin(f, X1(4));
    gan_builder_output(b, "a");
    gan_add_tanh(b);
    gan_builder_output(b, "a");
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "output 'a'", "already");
    b = gan_builder_begin_indices(f->context, X1(4), 3);
    layer_fixture_refused(f, b, GAN_E_DTYPE, "'output'", "indices");
    b = layer_fixture_begin(f, X1(4));
    for (int i = 0; i < 65; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        gan_builder_input(b, name, X1(1));
    }
    layer_fixture_refused(f, b, GAN_E_LIMIT, "more than", "64 inputs");
    gan_layer_release(inner);
}

/* Nesting is bounded, and so is what little files can unfold into. */
static void limits(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = layer_fixture_end(f, layer_fixture_begin(f, X1(2)));
    for (int depth = 2; depth <= 16; depth++) {
        gan_builder *b = layer_fixture_begin(f, X1(2));
        gan_add_layer(b, layer, NULL);
        gan_layer_release(layer);
        layer = layer_fixture_end(f, b);
    }
    gan_tensor *x = input_of(f, gan_shape_2d(3, 2));
    assert_true(compare_same_bits("deep", gan_layer_forward(f->tape, layer, x), x));
    gan_builder *b = layer_fixture_begin(f, X1(2));
    gan_add_layer(b, layer, NULL);
    layer_fixture_refused(f, b, GAN_E_LIMIT, "layer 0 (network)", "16 deep");
    gan_layer_release(layer);
    /* doubling: 2^13 layers are reached by 13 networks */
    b = layer_fixture_begin(f, X1(2));
    gan_add_tanh(b);
    layer = layer_fixture_end(f, b);
    gan_status status = GAN_OK;
    int rounds = 0;
    for (; status == GAN_OK; rounds++) {
        gan_layer *next = NULL;
        b = layer_fixture_begin(f, X1(2));
        gan_add_layer(b, layer, NULL);
        gan_add_layer(b, layer, NULL);
        status = gan_builder_end(&next, b);
        gan_layer_release(layer);
        layer = next;
    }
    assert_int_equal(status, GAN_E_LIMIT);
    assert_in_range(rounds, 11, 13);
    assert_non_null(strstr(gan_context_error(f->context), "8192"));
    /* long names */
    char name[64];
    memset(name, 'n', 63);
    name[63] = '\0';
    layer = small(f, 2, 2);
    for (rounds = 0, status = GAN_OK; status == GAN_OK; rounds++) {
        gan_layer *next = NULL;
        b = layer_fixture_begin(f, X1(2));
        gan_add_layer(b, layer, name);
        status = gan_builder_end(&next, b);
        gan_layer_release(layer);
        layer = next;
    }
    assert_int_equal(status, GAN_E_LIMIT);
    assert_int_equal(rounds, 3);
    gan_tensor_release(x);
}

static void every_allocation_may_fail(void **state) {
    layer_fixture *f = *state;
    gan_layer *inner = two_heads(f), *layer = NULL, *copy = NULL;
    for (long long fail_at = 1;; fail_at++) {
        f->memory.fail_at = atomic_load(&f->memory.calls) + fail_at;
        gan_builder *b = gan_builder_begin(f->context, X1(5));
        gan_builder_set_dtype(b, GAN_F64);
        gan_add_layer(b, inner, "a");
        gan_builder_split(b);
        gan_add_tanh(b);
        gan_builder_next(b);
        gan_builder_join(b, GAN_JOIN_SUM);
        gan_builder_output(b, "one");
        gan_builder_from(b, "input");
        gan_add_layer(b, inner, NULL);
        gan_builder_output(b, "two");
        gan_status status = gan_builder_end(&layer, b);
        f->memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_null(layer);
    }
    for (long long fail_at = 1;; fail_at++) {
        f->memory.fail_at = atomic_load(&f->memory.calls) + fail_at;
        gan_status status = gan_layer_clone(&copy, layer);
        f->memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_null(copy);
    }
    gan_layer_release(copy);
    gan_layer_release(layer);
    gan_layer_release(inner);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(outputs),         TEST(inputs_as_outputs),         TEST(residual_blocks), TEST(splits_refused),
        TEST(networks_inside), TEST(inputs_of_networks_inside), TEST(modes),           TEST(networks_refused),
        TEST(limits),          TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
