/* Types of layers that the application registered, in sessions: whatever they do, memory stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "compare.h"
#include "layer_fixture.h"
#include "session_fixture.h"

#define VALUES 100
#define BATCH 4

typedef struct habits {
    int64_t hungry_at;   /* batch for which it takes more memory than for any other; 0: every one; -1: none */
    gan_tensor *foreign; /* not NULL: it multiplies by this */
    int32_t noisy;
} habits;

static gan_tensor *swish(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                         gan_tensor *const *inputs, int32_t training) {
    (void)config, (void)tensors;
    const habits *h = user;
    gan_tensor *x = inputs[0];
    gan_shape shape = gan_tensor_shape(x);
    assert_int_equal(training, 0);
    if (h->hungry_at == 0 || h->hungry_at == shape.size[0])
        for (int i = 0; i < 10; i++) gan_full(tape, GAN_F64, gan_shape_2d(4, VALUES), i);
    if (h->foreign != NULL) return gan_mul(tape, x, h->foreign);
    if (h->noisy) return gan_add(tape, x, gan_normal(tape, GAN_F64, shape));
    return gan_mul(tape, x, gan_sigmoid(tape, x));
}

static gan_layer *layer_of(const layer_fixture *f, habits *h) {
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "test.swish";
    type.user = h;
    type.forward = swish;
    assert_int_equal(gan_layer_type_register(f->context, &type), GAN_OK);
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(VALUES));
    gan_add_linear(b, VALUES, NULL);
    gan_add_registered(b, "test.swish", NULL);
    gan_add_tanh(b);
    gan_layer *layer = layer_fixture_end(f, b);
    session_fixture_fill(layer);
    gan_layer_set_training(layer, 0);
    return layer;
}

static void takes_part(void **state) {
    const layer_fixture *f = *state;
    habits h = {-1, NULL, 0};
    gan_layer *layer = layer_of(f, &h);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, VALUES), -1, 1, 2);
    session_fixture_compare("registered", layer, &x, 1e-13);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* For three items more than for four: they are run in parts. For one too: nothing is left to try. */
static void hungry(void **state) {
    layer_fixture *f = *state;
    habits h = {-1, NULL, 0};
    gan_layer *layer = layer_of(f, &h);
    gan_session *session = session_fixture_layer_session(layer, BATCH);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, VALUES), -1, 1, 2);
    double four[BATCH * VALUES], three[BATCH * VALUES];
    const void *in[1] = {gan_tensor_const_data(x)};
    void *out[1] = {four};
    long long calls = atomic_load(&f->memory.calls);
    assert_int_equal(gan_session_run(session, 4, in, out), GAN_OK);
    h.hungry_at = 3;
    out[0] = three;
    assert_int_equal(gan_session_run(session, 3, in, out), GAN_OK);
    assert_true(compare_abs("three of four", three, four, 3 * VALUES, 1e-14));
    h.hungry_at = 0;
    assert_int_equal(gan_session_run(session, 3, in, out), GAN_E_MEMORY);
    assert_non_null(strstr(gan_session_error(session), "more memory"));
    h.hungry_at = -1;
    assert_int_equal(gan_session_run(session, 3, in, out), GAN_OK);
    assert_true(atomic_load(&f->memory.calls) == calls);
    gan_session_release(session);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* A run is a function of its inputs. */
static void noisy(void **state) {
    const layer_fixture *f = *state;
    habits h = {-1, NULL, 1};
    gan_layer *layer = layer_of(f, &h);
    gan_session *a = session_fixture_layer_session(layer, 1), *b = session_fixture_layer_session(layer, 1);
    double zeros[VALUES] = {0}, first[VALUES], second[VALUES];
    const void *in[1] = {zeros};
    void *out[1] = {first};
    uint64_t position = gan_context_position(f->context, GAN_STREAM_NOISE);
    assert_int_equal(gan_session_run(a, 1, in, out), GAN_OK);
    out[0] = second;
    assert_int_equal(gan_session_run(a, 1, in, out), GAN_OK);
    assert_memory_equal(first, second, sizeof first);
    assert_int_equal(gan_session_run(b, 1, in, out), GAN_OK);
    assert_memory_equal(first, second, sizeof first);
    assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == position);
    gan_session_release(a);
    gan_session_release(b);
    gan_layer_release(layer);
}

static void foreign_tensor(void **state) {
    const layer_fixture *f = *state;
    habits h = {-1, host_uniform(f->context, GAN_F64, gan_shape_1d(VALUES), -1, 1, 2), 0};
    gan_layer *layer = layer_of(f, &h);
    gan_session *session;
    assert_int_equal(gan_session_create_for_layer(&session, layer, NULL), GAN_E_ARGUMENT);
    assert_null(session);
    assert_non_null(strstr(gan_context_error(f->context), "belongs to another context"));
    gan_tensor_release(h.foreign);
    gan_layer_release(layer);
}

int main(void) {
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {CASE(takes_part), CASE(hungry), CASE(noisy), CASE(foreign_tensor)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
