/* Bad arguments of sessions are refused, with a message that is the context's while there is no session, and then the
 * session's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "layer_fixture.h"
#include "session_fixture.h"

#define PICTURE (2 * 12 * 12)

static void refused(layer_fixture *f, gan_model *model, gan_session_options options, gan_status status,
                    const char *what) {
    gan_session *session = (gan_session *)(uintptr_t)1;
    assert_int_equal(gan_session_create(&session, model, &options), status);
    assert_null(session);
    if (strstr(gan_context_error(f->context), what) == NULL) fail_msg("message: %s", gan_context_error(f->context));
    size_t bytes = 1;
    assert_int_equal(gan_session_measure(&bytes, model, &options), status);
    assert_true(bytes == 0);
}

static void bad_options(void **state) {
    layer_fixture *f = *state;
    gan_model *model = session_fixture_model(f->context, GAN_F32, 1);
    refused(f, model, session_fixture_options(0, 1), GAN_E_ARGUMENT, "batch of 0");
    refused(f, model, session_fixture_options(1, 0), GAN_E_ARGUMENT, "0 threads");
    refused(f, model, session_fixture_options(INT64_MAX, 1), GAN_E_LIMIT, "session");
    gan_session_options options = session_fixture_options(1, 1);
    options.reserved = 1;
    refused(f, model, options, GAN_E_UNSUPPORTED, "reserved");
    gan_executor none = {sizeof none, NULL, NULL, 1, 0};
    options = session_fixture_options(1, 1);
    options.executor = &none;
    refused(f, model, options, GAN_E_ARGUMENT, "executor");
    gan_session *session;
    assert_int_equal(gan_session_create(NULL, model, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_create(&session, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_create_for_layer(&session, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_measure(NULL, model, NULL), GAN_E_ARGUMENT);
    gan_session_release(NULL);
    assert_true(gan_session_memory(NULL) == 0);
    assert_string_equal(gan_session_error(NULL), "");
    gan_model_release(model);
}

static void bad_runs(void **state) {
    layer_fixture *f = *state;
    gan_model *model = session_fixture_model(f->context, GAN_F32, 1);
    gan_session *session = session_fixture_session(model, 2), *other = session_fixture_session(model, 2);
    static float memory[2 * PICTURE];
    const void *in[1] = {memory}, *no_in[1] = {NULL};
    void *out[1] = {memory};
    assert_string_equal(gan_session_error(session), "");
    assert_int_equal(gan_session_run(session, 3, in, out), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_session_error(session), "3 items: the session was made for 0 to 2"));
    assert_string_equal(gan_session_error(other), ""); /* each has its own */
    assert_string_equal(gan_context_error(f->context), "");
    assert_int_equal(gan_session_run(session, -1, in, out), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_run(session, 1, NULL, out), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_run(session, 1, in, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_run(session, 1, no_in, out), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_session_error(session), "input 0, 'input', is NULL"));
    assert_int_equal(gan_session_run(NULL, 1, in, out), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_sample(NULL, 0, 1, 1, memory, sizeof memory), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_sample(session, 0, 1, 1, NULL, sizeof memory), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_sample(session, -1, 1, 1, memory, sizeof memory), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_sample(session, INT64_MAX - 1, 2, 1, memory, sizeof memory), GAN_E_ARGUMENT);
    assert_int_equal(gan_session_sample(session, INT64_MAX / SESSION_LATENT - 2, 2, 1, memory, sizeof memory), GAN_OK);
    assert_int_equal(gan_session_sample(session, 0, 1, 1, memory, sizeof memory), GAN_E_SHAPE);
    assert_non_null(strstr(gan_session_error(session), "1 items of type f32 take"));
    assert_int_equal(gan_session_sample(session, 0, 2, 1, memory, sizeof memory - 1), GAN_E_SHAPE);
    assert_int_equal(gan_session_sample(session, 0, 0, 1, memory, 0), GAN_OK);
    assert_int_equal(gan_session_batch(session), 2);
    assert_int_equal(gan_session_batch(NULL), 0);
    assert_null(gan_session_layer(NULL));
    const gan_layer *here = gan_session_layer(session), *there = gan_model_layer(model);
    assert_int_equal(gan_layer_dtype(here), gan_layer_dtype(there));
    assert_true(gan_shape_equal(gan_layer_input_shape(here, 0), gan_layer_input_shape(there, 0)));
    assert_true(gan_shape_equal(gan_layer_output_shape(here, 0), gan_layer_output_shape(there, 0)));
    gan_session_release(session);
    gan_session_release(other);
    other = session_fixture_layer_session(gan_model_layer(model), 2);
    assert_int_equal(gan_session_sample(other, 0, 2, 1, memory, sizeof memory), GAN_E_UNSUPPORTED);
    gan_session_release(other);
    gan_model_release(model);
}

int main(void) {
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {CASE(bad_options), CASE(bad_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
