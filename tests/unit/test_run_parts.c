/* What a run holds of its parts: optimizers it does not know, averages of networks that wait, and one network taken out
 * of a checkpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <gan.h>

#include "compare.h"
#include "files.h"
#include "host.h"

enum { STEPS = 7, TURN = 3 };

static gan_context *context;
static char folder[FILES_PATH];
static gan_layer *layer;
static gan_optimizer *optimizer;
static gan_ema *of_run, *of_phase;
static gan_tape *own;

static int set_up(void **state) {
    (void)state;
    context = host_context(1);
    files_folder(folder);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(4));
    gan_add_linear(b, 3, NULL);
    gan_add_batch_norm(b, NULL);
    if (gan_builder_end(&layer, b) != GAN_OK || gan_sgd_create(&optimizer, layer, NULL) != GAN_OK) return -1;
    return gan_tape_create(&own, context) == GAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    gan_tape_release(own);
    gan_ema_release(of_run);
    gan_ema_release(of_phase);
    of_run = of_phase = NULL;
    gan_optimizer_release(optimizer);
    gan_layer_release(layer);
    gan_context_release(context);
    files_remove(folder);
    return 0;
}

static gan_status update(gan_tape *tape) {
    gan_tensor *y = gan_layer_forward(tape, layer, gan_normal(tape, GAN_F32, gan_shape_2d(5, 4)));
    return gan_optimizer_step(optimizer, tape, gan_mean(tape, gan_square(tape, y)));
}

static gan_run *make_run(const char *where, int64_t interval, gan_phase *phase) {
    gan_run_options options;
    gan_run *run;
    gan_run_options_init(&options);
    options.folder = where;
    options.steps = STEPS;
    options.checkpoint_interval = interval;
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "net", layer), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "p", phase, NULL), GAN_OK);
    return run;
}

static gan_status each_step(void *user, gan_run *run, gan_tape *tape) {
    (void)user, (void)run;
    return update(tape);
}

static gan_status for_the_moment(void *user, gan_run *run, gan_tape *tape) {
    (void)user, (void)run, (void)tape;
    gan_status status = update(own);
    gan_tape_reset(own);
    return status;
}

/* Checkpoints would not hold its moments: a resumed run would be another one. */
static void an_optimizer_that_the_run_does_not_know(void **state) {
    (void)state;
    char other[FILES_PATH];
    gan_run *run = make_run(folder, 5, each_step);
    assert_int_equal(gan_run_train(run), GAN_E_STATE);
    assert_non_null(strstr(gan_context_error(context), "gan_run_add_optimizer"));
    assert_int_equal(gan_optimizer_steps(optimizer), 0);
    gan_run_release(run);
    run = make_run(files_join(other, folder, "known"), 5, each_step);
    assert_int_equal(gan_run_add_optimizer(run, "adam", optimizer), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    run = make_run(NULL, 5, each_step); /* no files, nothing that could be missing */
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    run = make_run(files_join(other, folder, "without"), 0, each_step);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    run = make_run(files_join(other, folder, "moment"), 5, for_the_moment);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    assert_int_equal(gan_optimizer_steps(optimizer), 4 * STEPS);
}

static gan_status each_third_step(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    /* the network is used in every step, its statistics move, but its parameters wait */
    gan_layer_forward(tape, layer, gan_normal(tape, GAN_F32, gan_shape_2d(5, 4)));
    if ((gan_run_step(run) + 1) % TURN != 0) return GAN_OK;
    gan_status status = update(tape);
    return status == GAN_OK ? gan_ema_update(of_phase) : status;
}

/* n_critic: a generator that is updated in every third step has an average of its updates, not of the steps. */
static void an_average_waits_with_its_network(void **state) {
    (void)state;
    assert_int_equal(gan_ema_create(&of_run, layer, 0.5), GAN_OK);
    assert_int_equal(gan_ema_create(&of_phase, layer, 0.5), GAN_OK);
    gan_run *run = make_run(folder, 5, each_third_step);
    assert_int_equal(gan_run_add_optimizer(run, "sgd", optimizer), GAN_OK);
    assert_int_equal(gan_run_add_ema(run, "average", of_run), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    assert_int_equal(gan_optimizer_steps(optimizer), STEPS / TURN);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "0.weight" : "1.bias";
        gan_tensor *a = gan_layer_find(gan_ema_layer(of_run), name), *b = gan_layer_find(gan_ema_layer(of_phase), name);
        assert_true(compare_tensors(name, a, b, 0));
        assert_false(gan_tensor_item(a, 0) == gan_tensor_item(gan_layer_find(layer, name), 0));
    }
    gan_run_release(run);
}

static void a_network_out_of_a_checkpoint(void **state) {
    (void)state;
    char path[FILES_PATH];
    gan_layer *copy, *other;
    gan_model *model;
    gan_run *run = make_run(folder, 5, each_step);
    assert_int_equal(gan_ema_create(&of_run, layer, 0.5), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(run, "sgd", optimizer), GAN_OK);
    assert_int_equal(gan_run_add_ema(run, "average", of_run), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    files_join(path, folder, "checkpoint-000007.safetensors");
    assert_int_equal(gan_layer_clone(&copy, layer), GAN_OK);
    assert_int_equal(gan_layer_clone(&other, layer), GAN_OK);
    assert_int_equal(gan_layer_init_default(copy), GAN_OK);
    assert_int_equal(gan_layer_load_prefixed(copy, path, "net"), GAN_OK);
    assert_true(compare_tensors("net", gan_layer_find(copy, "0.weight"), gan_layer_find(layer, "0.weight"), 0));
    assert_true(
        compare_tensors("net", gan_layer_find(copy, "1.running_var"), gan_layer_find(layer, "1.running_var"), 0));
    assert_int_equal(gan_layer_load_prefixed(copy, path, "average"), GAN_OK);
    const gan_tensor *average = gan_layer_find(gan_ema_layer(of_run), "0.weight");
    assert_true(compare_tensors("average", gan_layer_find(copy, "0.weight"), average, 0));
    /* what is no network of it changes nothing */
    assert_int_equal(gan_layer_load_prefixed(other, path, "ne"), GAN_E_MISMATCH);
    assert_non_null(strstr(gan_context_error(context), "'ne.0.weight'"));
    assert_int_equal(gan_layer_load_prefixed(other, path, ""), GAN_E_MISMATCH);
    assert_int_equal(gan_layer_load(other, path), GAN_E_MISMATCH);
    assert_non_null(strstr(gan_context_error(context), "gan_layer_load_prefixed"));
    assert_int_equal(gan_model_load(&model, context, path), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "gan_run_resume"));
    assert_true(compare_tensors("kept", gan_layer_find(other, "0.weight"), gan_layer_find(layer, "0.weight"), 0));
    assert_int_equal(gan_layer_load_prefixed(other, path, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_load_prefixed(NULL, path, "net"), GAN_E_ARGUMENT);
    gan_layer_release(copy);
    gan_layer_release(other);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(an_optimizer_that_the_run_does_not_know),
                                       TEST(an_average_waits_with_its_network), TEST(a_network_out_of_a_checkpoint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
