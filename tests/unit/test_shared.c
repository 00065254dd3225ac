/* Parameters that are one tensor under several names: ties, a network used twice, networks with a part in common; and
 * parameters that are frozen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "files.h"
#include "layer_fixture.h"

#define X1(N) gan_shape_1d(N)
#define P(NET, NAME) gan_layer_find(NET, NAME)

static gan_tensor *input_of(const layer_fixture *f, gan_shape shape) {
    return host_uniform(f->context, GAN_F64, shape, -1, 1, 1);
}

static gan_layer *linear(const layer_fixture *f, int64_t inputs, int64_t outputs) {
    gan_builder *b = layer_fixture_begin(f, X1(inputs));
    gan_add_linear(b, outputs, NULL);
    return layer_fixture_end(f, b);
}

/* An autoencoder whose square weights are one. */
static gan_layer *tied_autoencoder(const layer_fixture *f) {
    gan_builder *b = layer_fixture_begin(f, X1(4));
    gan_add_linear(b, 4, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 4, NULL);
    gan_layer *net = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tensor_count(net), 4);
    assert_true(gan_layer_parameter_count(net) == 40);
    assert_int_equal(gan_layer_tie(net, "2.weight", "0.weight"), GAN_OK);
    return net;
}

static void assert_tied(const gan_layer *net) {
    assert_non_null(P(net, "0.weight"));
    assert_ptr_equal(P(net, "2.weight"), P(net, "0.weight"));
    assert_int_equal(gan_layer_tensor_count(net), 3);
    assert_true(gan_layer_parameter_count(net) == 24);
    static const char *const names[] = {"0.weight", "0.bias", "2.bias"};
    for (int32_t i = 0; i < 3; i++) assert_string_equal(gan_layer_tensor_name(net, i), names[i]);
    char text[1024];
    gan_layer_summary(net, text, sizeof text);
    assert_non_null(strstr(text, "          24\n"));
}

static gan_tensor *loss_of(gan_tape *tape, gan_layer *net, gan_tensor *x) {
    return gan_mean(tape, gan_square(tape, gan_sub(tape, gan_layer_forward(tape, net, x), x)));
}

static void tied_gradients(void **state) {
    layer_fixture *f = *state;
    gan_layer *net = tied_autoencoder(f);
    assert_tied(net);
    gan_tensor *x = input_of(f, gan_shape_2d(6, 4)), *w = P(net, "0.weight");
    /* the sum of what two copies of the weight would get */
    gan_tensor *a = gan_watch(f->tape, w), *b = gan_watch(f->tape, w), *targets[2] = {a, b}, *parts[2];
    gan_tensor *h = gan_tanh(f->tape, gan_linear(f->tape, x, a, P(net, "0.bias")));
    h = gan_sub(f->tape, gan_linear(f->tape, h, b, P(net, "2.bias")), x);
    gan_gradients(f->tape, gan_mean(f->tape, gan_square(f->tape, h)), NULL, targets, 2, 0, parts);
    gan_tensor *g = gan_gradient(f->tape, loss_of(f->tape, net, x), w, 0);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    assert_true(compare_tensors("tied", g, gan_add(f->tape, parts[0], parts[1]), 1e-14));
    layer_fixture_check_layer(f, "tied", net, x);
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* Adam on the tied network against Adam written out on the one matrix. */
static void tied_training(void **state) {
    layer_fixture *f = *state;
    gan_layer *net = tied_autoencoder(f);
    gan_optimizer *adam;
    gan_ema *ema;
    gan_tensor *x = input_of(f, gan_shape_2d(6, 4)), *w = P(net, "0.weight");
    gan_adam_options o;
    gan_adam_options_init(&o);
    o.learning_rate = 0.01;
    o.beta1 = 0;
    assert_int_equal(gan_adam_create(&adam, net, &o), GAN_OK);
    assert_int_equal(gan_ema_create(&ema, net, 0.5), GAN_OK);
    assert_tied(gan_ema_layer(ema));
    double average = gan_tensor_item(w, 0), v = 0, first = 0, last = 0;
    for (int step = 1; step <= 60; step++) {
        gan_tape_reset(f->tape);
        double before = gan_tensor_item(w, 0);
        gan_tensor *loss = loss_of(f->tape, net, x);
        double g = gan_tensor_item(gan_gradient(f->tape, loss, w, GAN_GRAD_RETAIN), 0);
        last = gan_tensor_item(loss, 0);
        if (step == 1) first = last;
        assert_int_equal(gan_optimizer_step(adam, f->tape, loss), GAN_OK);
        v = 0.999 * v + 0.001 * g * g;
        /* one moment, one update a step: not two */
        double unbiased = v / (1 - pow(0.999, step));
        assert_true(compare_number("step", gan_tensor_item(w, 0), before - 0.01 * g / (sqrt(unbiased) + 1e-8), 1e-12));
        assert_int_equal(gan_ema_update(ema), GAN_OK);
        average = 0.5 * average + 0.5 * gan_tensor_item(w, 0);
        assert_true(compare_number("average", gan_tensor_item(P(gan_ema_layer(ema), "2.weight"), 0), average, 1e-13));
    }
    assert_true(last < 0.7 * first);
    assert_tied(net);
    assert_tied(gan_ema_layer(ema));
    gan_ema_release(ema);
    gan_optimizer_release(adam);
    gan_tensor_release(x);
    gan_layer_release(net);
}

static void tied_copies_and_files(void **state) {
    layer_fixture *f = *state;
    char folder[FILES_PATH], path[FILES_PATH];
    files_join(path, files_folder(folder), "a.safetensors");
    gan_layer *net = tied_autoencoder(f), *copy;
    assert_int_equal(gan_layer_clone(&copy, net), GAN_OK);
    assert_tied(copy);
    assert_ptr_not_equal(P(copy, "2.weight"), P(net, "2.weight"));
    assert_true(compare_same_bits("clone", P(copy, "2.weight"), P(net, "2.weight")));
    assert_int_equal(gan_tensor_fill(P(copy, "2.weight"), 3), GAN_OK);
    assert_true(gan_tensor_item(P(copy, "0.weight"), 5) == 3);
    /* the file has the owner only; both names have its values behind a load */
    assert_int_equal(gan_layer_save(net, path), GAN_OK);
    assert_int_equal(gan_layer_load(copy, path), GAN_OK);
    assert_tied(copy);
    assert_true(compare_same_bits("loaded", P(copy, "2.weight"), P(net, "0.weight")));
    gan_model *model, *back;
    assert_int_equal(gan_model_create(&model, net, NULL), GAN_OK);
    assert_int_equal(gan_model_save(model, path), GAN_OK);
    if (gan_model_load(&back, f->context, path) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    assert_tied(gan_model_layer(back));
    assert_true(compare_same_bits("model", P(gan_model_layer(back), "2.weight"), P(net, "0.weight")));
    gan_tensor *a, *b;
    assert_int_equal(gan_model_sample(&a, model, 3, 1), GAN_OK);
    assert_int_equal(gan_model_sample(&b, back, 3, 1), GAN_OK);
    assert_true(compare_same_bits("samples", a, b));
    gan_tensor_release(a);
    gan_tensor_release(b);
    gan_model_release(back);
    gan_model_release(model);
    /* another program keeps one of the names, not always the owner's: a network whose first weight is the alias */
    gan_builder *builder = layer_fixture_begin(f, X1(4));
    gan_add_linear(builder, 4, NULL);
    gan_add_tanh(builder);
    gan_add_linear(builder, 4, NULL);
    gan_layer *other = layer_fixture_end(f, builder);
    assert_int_equal(gan_layer_tie(other, "0.weight", "2.weight"), GAN_OK);
    assert_int_equal(gan_layer_tensor_count(other), 3);
    assert_string_equal(gan_layer_tensor_name(other, 1), "2.weight");
    assert_int_equal(gan_layer_load(other, path), GAN_OK);
    assert_true(compare_same_bits("by its other name", P(other, "0.weight"), P(net, "0.weight")));
    gan_layer_release(other);
    gan_layer_release(copy);
    gan_layer_release(net);
    files_remove(folder);
}

/* The state of a run holds a tied tensor once, and brings it back. */
static gan_status train_step(void *user, gan_run *run, gan_tape *tape) {
    void **parts = user; /* network, optimizer, input */
    gan_tensor *loss = loss_of(tape, parts[0], parts[2]);
    gan_run_report(run, "loss", loss);
    return gan_optimizer_step(parts[1], tape, loss);
}

static void tied_checkpoints(void **state) {
    layer_fixture *f = *state;
    char folder[FILES_PATH];
    files_folder(folder);
    gan_tensor *x = input_of(f, gan_shape_2d(6, 4)), *kept = NULL;
    for (int part = 0; part < 2; part++) { /* 6 steps; then 3, and 3 more of a run that resumes */
        gan_context_set_seed(f->context, 5);
        for (int session = 0; session < 2; session++) {
            gan_layer *net = tied_autoencoder(f);
            gan_optimizer *adam;
            gan_ema *ema;
            gan_run *run;
            gan_run_options o;
            gan_run_options_init(&o);
            o.folder = folder;
            o.steps = part == 0 || session == 1 ? 6 : 3;
            assert_int_equal(gan_adam_create(&adam, net, NULL), GAN_OK);
            assert_int_equal(gan_ema_create(&ema, net, 0.9), GAN_OK);
            void *user[3] = {net, adam, x};
            assert_int_equal(gan_run_create(&run, f->context, &o), GAN_OK);
            assert_int_equal(gan_run_add_layer(run, "net", net), GAN_OK);
            assert_int_equal(gan_run_add_optimizer(run, "adam", adam), GAN_OK);
            assert_int_equal(gan_run_add_ema(run, "ema", ema), GAN_OK);
            assert_int_equal(gan_run_add_phase(run, "all", train_step, user), GAN_OK);
            if (part == 1 && session == 1 && gan_run_resume(run, folder) != GAN_OK)
                fail_msg("%s", gan_context_error(f->context));
            if (gan_run_train(run) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
            assert_tied(net);
            if (part == 0 && session == 0) assert_int_equal(gan_tensor_clone(&kept, P(net, "2.weight")), GAN_OK);
            if (part == 1 && session == 1) assert_true(compare_same_bits("resumed", P(net, "2.weight"), kept));
            gan_run_release(run);
            gan_ema_release(ema);
            gan_optimizer_release(adam);
            gan_layer_release(net);
            if (part == 0) session = 1; /* once is enough */
            if (part == 0) files_remove(folder), files_make_folder(folder);
        }
    }
    gan_tensor_release(kept);
    gan_tensor_release(x);
    files_remove(folder);
}

/* Chains of ties end at one tensor; names and aliases follow. */
static void ties_of_ties(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(3));
    for (int i = 0; i < 4; i++) gan_add_linear(b, 3, NULL);
    gan_layer *net = layer_fixture_end(f, b), *copy;
    assert_int_equal(gan_layer_tie(net, "1.weight", "0.weight"), GAN_OK);
    assert_int_equal(gan_layer_tie(net, "0.weight", "1.weight"), GAN_OK); /* are one already */
    assert_int_equal(gan_layer_tie(net, "2.bias", "1.bias"), GAN_OK);
    assert_int_equal(gan_layer_tie(net, "0.weight", "3.weight"), GAN_OK); /* 1 follows */
    assert_ptr_equal(P(net, "0.weight"), P(net, "3.weight"));
    assert_ptr_equal(P(net, "1.weight"), P(net, "3.weight"));
    assert_ptr_not_equal(P(net, "2.weight"), P(net, "3.weight"));
    assert_int_equal(gan_layer_tie(net, "1.weight", "2.weight"), GAN_OK); /* leaves for another */
    assert_ptr_equal(P(net, "1.weight"), P(net, "2.weight"));
    assert_ptr_equal(P(net, "0.weight"), P(net, "3.weight"));
    static const char *const names[] = {"0.bias", "1.bias", "2.weight", "3.weight", "3.bias"};
    assert_int_equal(gan_layer_tensor_count(net), 5);
    for (int32_t i = 0; i < 5; i++) assert_string_equal(gan_layer_tensor_name(net, i), names[i]);
    assert_ptr_equal(P(net, "2.bias"), P(net, "1.bias"));
    assert_int_equal(gan_layer_clone(&copy, net), GAN_OK);
    for (int32_t i = 0; i < 5; i++) assert_string_equal(gan_layer_tensor_name(copy, i), names[i]);
    assert_ptr_equal(P(copy, "1.weight"), P(copy, "2.weight"));
    assert_ptr_equal(P(copy, "0.weight"), P(copy, "3.weight"));
    assert_ptr_equal(P(copy, "2.bias"), P(copy, "1.bias"));
    gan_layer_release(copy);
    gan_layer_release(net);
}

static void ties_refused(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_add_linear(b, 3, NULL);
    gan_add_batch_norm(b, NULL);
    gan_layer *inner = layer_fixture_end(f, b);
    b = layer_fixture_begin(f, X1(3));
    gan_add_layer(b, inner, NULL);
    gan_add_linear(b, 3, NULL);
    gan_add_linear(b, 2, NULL);
    gan_layer *net = layer_fixture_end(f, b);
    static const struct {
        const char *name, *owner;
        gan_status status;
        const char *words;
    } cases[] = {
        {"9.weight", "1.weight", GAN_E_ARGUMENT, "no parameter '9.weight'"},
        {"1.weight", "9.weight", GAN_E_ARGUMENT, "no parameter '9.weight'"},
        {"1.weight", "2.weight", GAN_E_SHAPE, "'1.weight' has shape 3x3, '2.weight' 2x3"},
        {"0.0.weight", "1.weight", GAN_E_ARGUMENT, "a network inside has the parameter"},
        {"1.bias", "0.1.running_mean", GAN_E_ARGUMENT, "'0.1.running_mean' is not trained"},
        {"1.weight", "0.0.weight", GAN_OK, ""}, /* to one inside: allowed */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(gan_layer_tie(net, cases[i].name, cases[i].owner), cases[i].status);
        if (cases[i].status != GAN_OK && strstr(gan_context_error(f->context), cases[i].words) == NULL)
            fail_msg("%s", gan_context_error(f->context));
    }
    assert_ptr_equal(P(net, "1.weight"), P(inner, "0.weight"));
    /* what others rely on stays */
    assert_int_equal(gan_layer_tie(inner, "0.bias", "1.bias"), GAN_E_STATE);
    gan_layer *one = linear(f, 3, 3);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, one, NULL), GAN_OK);
    assert_int_equal(gan_layer_tie(one, "0.bias", "0.bias"), GAN_E_STATE);
    gan_optimizer_release(adam);
    gan_ema *ema;
    assert_int_equal(gan_ema_create(&ema, inner, 0.5), GAN_OK);
    assert_int_equal(gan_layer_tie(gan_ema_layer(ema), "0.bias", "0.bias"), GAN_E_STATE);
    gan_ema_release(ema);
    assert_int_equal(gan_layer_tie(NULL, "a", "b"), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_tie(net, NULL, "b"), GAN_E_ARGUMENT);
    gan_layer_release(one);
    gan_layer_release(inner);
    gan_layer_release(net);
}

/* What came to nothing relies on nothing. */
static void ties_after_failures(void **state) {
    layer_fixture *f = *state;
    gan_layer *net = linear(f, 3, 3), *other = linear(f, 3, 3), *outer;
    gan_optimizer *adam;
    gan_adam_options options;
    gan_adam_options_init(&options);
    options.prefix = "7";
    assert_int_equal(gan_adam_create(&adam, net, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_adam_create(&adam, other, NULL), GAN_OK);
    gan_group_options group;
    gan_group_options_init(&group);
    group.prefix = "7";
    assert_int_equal(gan_optimizer_add_layer(adam, net, &group), GAN_E_ARGUMENT);
    gan_builder *b = layer_fixture_begin(f, X1(5));
    gan_add_layer(b, net, NULL);
    assert_int_equal(gan_builder_end(&outer, b), GAN_E_SHAPE);
    assert_int_equal(gan_layer_tie(net, "0.bias", "0.bias"), GAN_OK);
    gan_optimizer_release(adam);
    gan_layer_release(other);
    gan_layer_release(net);
}

/* ---- a network used twice, and in two ---- */

static void used_twice(void **state) {
    layer_fixture *f = *state;
    gan_layer *body = linear(f, 3, 3), *copy;
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_add_layer(b, body, "a");
    gan_add_tanh(b);
    gan_add_layer(b, body, "b");
    gan_layer *net = layer_fixture_end(f, b);
    assert_int_equal(gan_layer_tensor_count(net), 2);
    assert_true(gan_layer_parameter_count(net) == 12);
    assert_string_equal(gan_layer_tensor_name(net, 0), "a.0.weight");
    assert_ptr_equal(P(net, "b.0.weight"), P(net, "a.0.weight"));
    gan_tensor *x = input_of(f, gan_shape_2d(4, 3));
    layer_fixture_check_layer(f, "twice", net, x);
    assert_int_equal(gan_layer_clone(&copy, net), GAN_OK);
    assert_int_equal(gan_layer_tensor_count(copy), 2);
    assert_ptr_equal(P(copy, "b.0.weight"), P(copy, "a.0.weight"));
    assert_ptr_not_equal(P(copy, "a.0.weight"), P(net, "a.0.weight"));
    assert_true(compare_same_bits("clone", gan_layer_forward(f->tape, copy, x), gan_layer_forward(f->tape, net, x)));
    char text[1024], other[1024];
    gan_layer_summary(net, text, sizeof text);
    gan_layer_summary(copy, other, sizeof other);
    assert_string_equal(text, other);
    assert_non_null(strstr(text, "as a\n"));
    /* initialised once each time: the same numbers as the network alone */
    gan_tensor *kept;
    gan_context_set_seed(f->context, 3);
    assert_int_equal(gan_layer_init_default(net), GAN_OK);
    assert_int_equal(gan_tensor_clone(&kept, P(net, "b.0.weight")), GAN_OK);
    gan_context_set_seed(f->context, 3);
    assert_int_equal(gan_layer_init_default(body), GAN_OK);
    assert_true(compare_same_bits("init", kept, P(net, "b.0.weight")));
    /* building around a network does not touch it */
    b = layer_fixture_begin(f, X1(3));
    gan_add_layer(b, body, NULL);
    gan_layer *around = layer_fixture_end(f, b);
    assert_true(compare_same_bits("around", kept, P(around, "0.0.weight")));
    gan_tensor_release(kept);
    gan_layer_release(around);
    gan_tensor_release(x);
    gan_layer_release(body);
    gan_layer_release(copy);
    gan_layer_release(net);
}

/* Coupled generators (Liu, Tuzel 2016): the first layers are common, the last each one's own. */
static void coupled_networks(void **state) {
    layer_fixture *f = *state;
    gan_layer *common = linear(f, 3, 4), *nets[2];
    for (int i = 0; i < 2; i++) {
        gan_builder *b = layer_fixture_begin(f, X1(3));
        gan_add_layer(b, common, "common");
        gan_add_tanh(b);
        gan_add_linear(b, 2, NULL);
        nets[i] = layer_fixture_end(f, b);
    }
    gan_tensor *shared = P(common, "0.weight"), *x = input_of(f, gan_shape_2d(5, 3));
    assert_ptr_equal(P(nets[0], "common.0.weight"), shared);
    assert_ptr_equal(P(nets[1], "common.0.weight"), shared);
    gan_tensor *ys[2], *gs[2];
    for (int i = 0; i < 2; i++) ys[i] = gan_mean(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, nets[i], x)));
    for (int i = 0; i < 2; i++) gs[i] = gan_gradient(f->tape, ys[i], shared, GAN_GRAD_RETAIN);
    gan_tensor *loss = gan_add(f->tape, ys[0], ys[1]), *sum = gan_gradient(f->tape, loss, shared, GAN_GRAD_RETAIN);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    assert_true(compare_tensors("coupled", sum, gan_add(f->tape, gs[0], gs[1]), 1e-14));
    assert_true(fabs(gan_tensor_item(gs[0], 0) - gan_tensor_item(gs[1], 0)) > 1e-6);
    /* one optimizer of both: the shared part in one group, once */
    gan_optimizer *sgd;
    gan_sgd_options o;
    gan_sgd_options_init(&o);
    o.learning_rate = 0.1;
    assert_int_equal(gan_sgd_create(&sgd, nets[0], &o), GAN_OK);
    assert_int_equal(gan_optimizer_add_layer(sgd, nets[1], NULL), GAN_E_ARGUMENT); /* it is there already */
    gan_group_options own;
    gan_group_options_init(&own);
    own.prefix = "2";
    assert_int_equal(gan_optimizer_add_layer(sgd, nets[1], &own), GAN_OK);
    double before = gan_tensor_item(shared, 1), g = gan_tensor_item(sum, 1);
    assert_int_equal(gan_optimizer_step(sgd, f->tape, loss), GAN_OK);
    assert_true(compare_number("step", gan_tensor_item(shared, 1), before - 0.1 * g, 1e-14));
    gan_optimizer_release(sgd);
    for (int i = 0; i < 2; i++) assert_ptr_equal(P(nets[i], "common.0.weight"), shared); /* after a step as before */
    /* what is each network's own alone makes a difference */
    gan_tensor *outs[2];
    gan_tape_reset(f->tape);
    for (int equal = 0; equal < 2; equal++) {
        for (int i = 0; i < 2; i++) outs[i] = gan_layer_forward(f->tape, nets[i], x);
        assert_int_equal(compare_same_bits("twins", outs[0], outs[1]), equal);
        assert_int_equal(gan_tensor_copy(P(nets[1], "2.weight"), P(nets[0], "2.weight")), GAN_OK);
        assert_int_equal(gan_tensor_copy(P(nets[1], "2.bias"), P(nets[0], "2.bias")), GAN_OK);
    }
    gan_tensor_release(x);
    gan_layer_release(common);
    gan_layer_release(nets[0]);
    gan_layer_release(nets[1]);
}

/* ---- frozen parameters ---- */

static void frozen_parameters(void **state) {
    layer_fixture *f = *state;
    gan_layer *common = linear(f, 3, 4), *copy;
    gan_builder *b = layer_fixture_begin(f, X1(3));
    gan_add_layer(b, common, "common");
    gan_add_batch_norm(b, NULL);
    gan_add_linear(b, 2, NULL);
    gan_layer *net = layer_fixture_end(f, b);
    gan_tensor *x = input_of(f, gan_shape_2d(5, 3)), *kept, *w = P(net, "common.0.weight"),
               *moving = P(net, "2.weight");
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, net, NULL), GAN_OK);
    int64_t count = gan_layer_parameter_count(net);
    /* moments before it is frozen, and something accumulated: neither may move it later */
    for (int i = 0; i < 3; i++)
        assert_int_equal(gan_optimizer_step(adam, f->tape,
                                            gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, net, x)))),
                         GAN_OK);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_optimizer_accumulate(
                         adam, f->tape, gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, net, x)))),
                     GAN_OK);
    assert_int_equal(gan_layer_set_trainable(net, "common", 0), GAN_OK);
    assert_int_equal(gan_layer_tensor_is_trainable(net, 0), 0);
    assert_int_equal(gan_layer_tensor_is_parameter(net, 0), 1);
    assert_int_equal(gan_layer_tensor_is_trainable(net, 2), 1);
    assert_int_equal(gan_layer_tensor_is_trainable(net, 4), 0); /* running_mean */
    assert_int_equal(gan_layer_tensor_is_trainable(net, -1), 0);
    assert_int_equal(gan_layer_tensor_is_trainable(common, 0), 0); /* wherever it is shared */
    assert_true(gan_layer_parameter_count(net) == count);
    assert_int_equal(gan_tensor_clone(&kept, w), GAN_OK);
    for (int i = 0; i < 3; i++) {
        gan_tape_reset(f->tape);
        double before = gan_tensor_item(moving, 0);
        assert_int_equal(gan_optimizer_step(adam, f->tape,
                                            gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, net, x)))),
                         GAN_OK);
        assert_true(compare_same_bits("frozen", w, kept));
        assert_true(gan_tensor_item(moving, 0) != before);
    }
    assert_int_equal(gan_layer_clone(&copy, net), GAN_OK);
    assert_int_equal(gan_layer_tensor_is_trainable(copy, 0), 0);
    gan_layer_release(copy);
    /* behind one that is trained: its operation is recorded, and it gets no gradient all the same */
    assert_int_equal(gan_layer_set_trainable(net, "2", 0), GAN_OK);
    gan_tensor_release(kept);
    assert_int_equal(gan_tensor_clone(&kept, moving), GAN_OK);
    gan_tape_reset(f->tape);
    gan_tensor *y = gan_layer_forward(f->tape, net, x);
    assert_int_equal(gan_optimizer_step(adam, f->tape, gan_sum(f->tape, gan_square(f->tape, y))), GAN_OK);
    assert_true(compare_same_bits("frozen behind", moving, kept));
    gan_tensor_release(kept);
    assert_int_equal(gan_tensor_clone(&kept, w), GAN_OK);
    /* all, nothing left to train, and back */
    assert_int_equal(gan_layer_set_trainable(net, NULL, 0), GAN_OK);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_optimizer_step(adam, f->tape, gan_sum(f->tape, gan_layer_forward(f->tape, net, x))),
                     GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_set_trainable(net, "common.0.weight", 1), GAN_OK);
    gan_tape_reset(f->tape);
    assert_int_equal(
        gan_optimizer_step(adam, f->tape, gan_sum(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, net, x)))),
        GAN_OK);
    assert_true(gan_tensor_item(w, 0) != gan_tensor_item(kept, 0));
    static const char *const none[] = {"comm", "common.", "3", "common.0.weights", ""};
    for (int i = 0; i < 5; i++) assert_int_equal(gan_layer_set_trainable(net, none[i], 0), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_set_trainable(net, NULL, 2), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_set_trainable(NULL, NULL, 1), GAN_E_ARGUMENT);
    gan_optimizer_release(adam);
    gan_tensor_release(kept);
    gan_tensor_release(x);
    gan_layer_release(common);
    gan_layer_release(net);
}

/* By an alias's name, too. */
static void frozen_aliases(void **state) {
    layer_fixture *f = *state;
    gan_layer *net = tied_autoencoder(f);
    assert_int_equal(gan_layer_set_trainable(net, "2", 0), GAN_OK);
    assert_int_equal(gan_layer_tensor_is_trainable(net, 0), 0);
    assert_int_equal(gan_layer_tensor_is_trainable(net, 1), 1);
    assert_int_equal(gan_layer_tensor_is_trainable(net, 2), 0);
    gan_layer_release(net);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(tied_gradients),   TEST(tied_training),     TEST(tied_copies_and_files), TEST(tied_checkpoints),
        TEST(ties_of_ties),     TEST(ties_refused),      TEST(ties_after_failures),   TEST(used_twice),
        TEST(coupled_networks), TEST(frozen_parameters), TEST(frozen_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
