/* What functions of the application tell of their failures, and what is told to it: sentences of its own, a read that
 * failed once, networks in the wrong mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "host.h"

static gan_context *context;
static gan_layer *trained;

static int begin(void **state) {
    (void)state;
    context = host_context(1);
    return 0;
}

static int end(void **state) {
    (void)state;
    gan_context_release(context);
    return 0;
}

static gan_status read_failing(void *user, int64_t index, void *item, int32_t *label) {
    (void)index, (void)label;
    *(unsigned char *)item = 0;
    return --*(int *)user == 0 ? GAN_E_IO : GAN_OK;
}

static char told[200];
static void tell(void *user, int32_t level, const char *id, const char *text) {
    (void)user, (void)level;
    if (strcmp(id, "run.evaluation_mode") == 0) snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", text);
}

static gan_status take_step(void *user, gan_run *run, gan_tape *on) {
    (void)run;
    gan_optimizer **optimizer = user;
    gan_tensor *y = gan_layer_forward(on, trained, gan_full(on, GAN_F32, gan_shape_2d(3, 4), 1));
    return gan_optimizer_step(*optimizer, on, gan_mean(on, y));
}

/* Of two networks in evaluation mode the one that is trained is told, once for each call. */
static void trained_in_evaluation_mode(void **state) {
    (void)state;
    gan_logger logger;
    gan_logger_init(&logger);
    logger.log = tell;
    gan_context_options co;
    gan_context_options_init(&co);
    co.logger = &logger;
    co.threads = 1;
    gan_context *loud;
    gan_run *run;
    gan_run_options options;
    gan_run_options_init(&options);
    options.steps = 3;
    gan_layer *other;
    gan_optimizer *adam;
    assert_int_equal(gan_context_create(&loud, &co), GAN_OK);
    gan_builder *b = gan_builder_begin(loud, gan_shape_1d(4));
    gan_add_linear(b, 2, NULL);
    assert_int_equal(gan_builder_end(&trained, b), GAN_OK);
    assert_int_equal(gan_layer_clone(&other, trained), GAN_OK);
    gan_layer_set_training(trained, 0);
    gan_layer_set_training(other, 0);
    assert_int_equal(gan_adam_create(&adam, trained, NULL), GAN_OK);
    assert_int_equal(gan_run_create(&run, loud, &options), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "trained", trained), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "judge", other), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(run, "adam", adam), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "p", take_step, &adam), GAN_OK);
    told[0] = '\0';
    if (gan_run_train(run) != GAN_OK) fail_msg("%s", gan_context_error(loud));
    assert_non_null(strstr(told, "'trained' is trained in evaluation mode"));
    assert_null(strstr(told, "judge"));
    assert_ptr_equal(strchr(told, '\n'), told + strlen(told) - 1);
    gan_run_release(run);
    gan_optimizer_release(adam);
    gan_layer_release(other);
    gan_layer_release(trained);
    trained = NULL;
    gan_context_release(loud);
}

static gan_status do_nothing(void *user, gan_run *run, gan_tape *on) {
    (void)user, (void)run, (void)on;
    return GAN_OK;
}

/* An item that could not be read stops the run before anything of the step was done: it can go on. */
static void a_read_that_fails_once(void **state) {
    (void)state;
    int left = 7;
    gan_callback_dataset source;
    gan_callback_dataset_init(&source);
    source.shape = gan_shape_3d(1, 1, 1);
    source.count = 8;
    source.read = read_failing;
    source.user = &left;
    gan_dataset *items;
    gan_loader *loader;
    gan_loader_options batches;
    gan_loader_options_init(&batches);
    batches.batch_size = 2;
    gan_run *run;
    gan_run_options options;
    gan_run_options_init(&options);
    options.steps = 9;
    assert_int_equal(gan_callback_dataset_create(&items, context, &source), GAN_OK);
    assert_int_equal(gan_loader_create(&loader, items, &batches), GAN_OK);
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    assert_int_equal(gan_run_set_loader(run, loader), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "p", do_nothing, NULL), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_E_IO);
    assert_int_equal(gan_run_step(run), 3);
    assert_int_equal(gan_run_train(run), GAN_OK);
    assert_int_equal(gan_run_step(run), 9);
    assert_ptr_equal(gan_dataset_context(items), context);
    assert_ptr_equal(gan_loader_context(loader), context);
    assert_ptr_equal(gan_run_context(run), context);
    assert_null(gan_run_context(NULL));
    gan_run_release(run);
    gan_loader_release(loader);
    gan_dataset_release(items);
}

static gan_tensor *fail_forward(void *user, gan_tape *on, const char *config, gan_tensor *const *tensors,
                                gan_tensor *const *inputs, int32_t training) {
    (void)config, (void)tensors, (void)inputs, (void)training;
    return gan_tape_fail(on, GAN_E_LIMIT, user);
}
static gan_status fail_init(void *user, const char *config, gan_tensor *const *tensors, int32_t count) {
    (void)config, (void)count;
    return gan_context_fail(gan_tensor_context(tensors[0]), GAN_E_IO, user);
}
static int32_t want_one(void *user, const char *config, const gan_shape *inputs,
                        gan_layer_slot tensors[GAN_LAYER_TENSORS]) {
    (void)user, (void)config, (void)inputs;
    tensors[0] = (gan_layer_slot){"gain", gan_shape_1d(1), 1, 0};
    return 1;
}

/* Functions of the application say in a sentence of their own why they fail. */
static void sentences_of_the_applications(void **state) {
    (void)state;
    static char words[] = "the table of gains is empty";
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "acme.failing";
    type.user = words;
    type.forward = fail_forward;
    assert_int_equal(gan_layer_type_register(context, &type), GAN_OK);
    type.name = "acme.uninitialised";
    type.tensors = want_one;
    type.init = fail_init;
    assert_int_equal(gan_layer_type_register(context, &type), GAN_OK);
    gan_layer *layer;
    gan_builder *b;
    for (int i = 0; i < 2; i++) { /* the second time too */
        b = gan_builder_begin(context, gan_shape_1d(3));
        gan_add_registered(b, "acme.uninitialised", NULL);
        assert_int_equal(gan_builder_end(&layer, b), GAN_E_IO);
        const char *told_of = gan_context_error(context);
        assert_non_null(strstr(told_of, "the initial values of acme.uninitialised: the table of gains"));
    }
    b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_registered(b, "acme.failing", NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    gan_tape *own;
    assert_int_equal(gan_tape_create(&own, context), GAN_OK);
    gan_tensor *y = gan_layer_forward(own, layer, gan_full(own, GAN_F32, gan_shape_2d(2, 3), 0));
    assert_int_equal(gan_tensor_dtype(y), 0);
    assert_int_equal(gan_tape_status(own), GAN_E_LIMIT);
    assert_non_null(strstr(gan_tape_error(own), words));
    assert_int_equal(gan_tensor_dtype(gan_tape_fail(own, GAN_E_IO, "a later one")), 0);
    assert_int_equal(gan_tape_status(own), GAN_E_LIMIT); /* the first stays */
    gan_tape_reset(own);
    gan_tape_fail(own, 3, NULL);
    assert_int_equal(gan_tape_status(own), GAN_E_ARGUMENT);
    assert_string_equal(gan_tape_error(own), gan_status_text(GAN_E_ARGUMENT));
    assert_int_equal(gan_tensor_dtype(gan_tape_fail(NULL, GAN_E_IO, NULL)), 0);
    assert_int_equal(gan_context_fail(NULL, GAN_E_IO, "nobody"), GAN_E_IO);
    gan_tape_release(own);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
    const struct CMUnitTest tests[] = {TEST(sentences_of_the_applications), TEST(a_read_that_fails_once),
                                       TEST(trained_in_evaluation_mode)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
