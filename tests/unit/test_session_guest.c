/* Sessions as guests: their memory is known and fixed, they do not meet on different threads, and the model may change
 * beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "layer_fixture.h"
#include "session_fixture.h"

#define X1(N) gan_shape_1d(N)
#define PICTURE (2 * 12 * 12)

/* ---- memory ---- */

static void memory_is_known(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = session_fixture_generator(f->context, GAN_F32, 1);
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    size_t last = 0, bytes, total, peak;
    for (int64_t batch = 1; batch <= 64; batch *= 8) {
        gan_session_options options = session_fixture_options(batch, 1 + (batch == 8));
        gan_session *session;
        long long before = atomic_load(&f->memory.bytes);
        assert_int_equal(gan_session_measure(&bytes, model, &options), GAN_OK);
        assert_true(bytes > last);
        assert_true(atomic_load(&f->memory.bytes) == before);
        assert_int_equal(gan_session_create(&session, model, &options), GAN_OK);
        assert_true(gan_session_memory(session) == bytes);
        assert_true(atomic_load(&f->memory.bytes) - before == (long long)bytes);
        gan_context_memory(f->context, &total, &peak);
        assert_true((long long)total == atomic_load(&f->memory.bytes) && peak >= total);
        gan_session_release(session);
        assert_true(atomic_load(&f->memory.bytes) == before);
        assert_int_equal(gan_session_measure_for_layer(&last, layer, &options), GAN_OK);
        assert_true(last < bytes); /* no place for latent vectors */
        last = bytes;
    }
    gan_model_release(model);
    gan_layer_release(layer);
}

/* What 1000 further items of 1000 values take, in units of those values. */
static double values_kept(layer_fixture *f, gan_builder *b) {
    gan_layer *layer = layer_fixture_end(f, b);
    size_t few, many;
    gan_session_options options = session_fixture_options(100, 1);
    assert_int_equal(gan_session_measure_for_layer(&few, layer, &options), GAN_OK);
    options.batch = 1100;
    assert_int_equal(gan_session_measure_for_layer(&many, layer, &options), GAN_OK);
    gan_layer_release(layer);
    return (double)(many - few) / (1000 * 1000 * sizeof(double));
}

/* Values go where earlier ones are dead, and elementwise layers work in place. */
static void memory_is_planned(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, X1(10));
    gan_add_linear(b, 1000, NULL);
    for (int i = 0; i < 10; i++) {
        gan_add_tanh(b);
        gan_add_leaky_relu(b, 0.2);
    }
    assert_true(values_kept(f, b) < 1.2);
    b = layer_fixture_begin(f, X1(10));
    gan_add_linear(b, 1000, NULL);
    gan_builder_label(b, "a");
    gan_add_elu(b, 1);
    gan_add_sum(b, "a");
    for (int i = 0; i < 10; i++) gan_add_batch_norm(b, NULL);
    assert_true(values_kept(f, b) < 2.2);
}

static void nothing_is_allocated(void **state) {
    layer_fixture *f = *state;
    gan_model *model = session_fixture_model(f->context, GAN_F32, 1);
    gan_session *session;
    gan_session_options options = session_fixture_options(9, 2);
    assert_int_equal(gan_session_create(&session, model, &options), GAN_OK);
    float *pictures = malloc(9 * PICTURE * sizeof *pictures);
    float latent[9 * SESSION_LATENT] = {0};
    const void *in[1] = {latent};
    void *out[1] = {pictures};
    long long calls = atomic_load(&f->memory.calls);
    for (int64_t count = 0; count <= 9; count++) {
        assert_int_equal(gan_session_sample(session, 3, count, 1, pictures, (size_t)count * PICTURE * sizeof *pictures),
                         GAN_OK);
        assert_int_equal(gan_session_run(session, count, in, out), GAN_OK);
    }
    assert_int_equal(gan_session_run(session, 10, in, out), GAN_E_ARGUMENT);
    assert_true(atomic_load(&f->memory.calls) == calls);
    free(pictures);
    gan_session_release(session);
    gan_model_release(model);
}

static void too_little_memory(void **state) {
    layer_fixture *f = *state;
    gan_model *model = session_fixture_model(f->context, GAN_F64, 1);
    gan_session_options options = session_fixture_options(4, 1);
    gan_session *session;
    long long before = atomic_load(&f->memory.calls), blocks = atomic_load(&f->memory.blocks), failures = 0;
    gan_status status = GAN_E_MEMORY;
    for (long long at = 1; status != GAN_OK; at++, failures++) {
        assert_true(at < 1000);
        f->memory.fail_at = atomic_load(&f->memory.calls) + at;
        status = gan_session_create(&session, model, &options);
        f->memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_null(session);
        assert_true(gan_context_error(f->context)[0] != '\0');
        assert_true(atomic_load(&f->memory.blocks) == blocks);
    }
    assert_true(failures > 10 && before > 0);
    gan_session_release(session);
    gan_model_release(model);
}

/* ---- threads ---- */

#define SHARERS 4
#define ROUNDS 20
#define EACH 5

typedef struct sharer {
    pthread_t thread;
    gan_session *session;
    int64_t first;
    gan_status status;
    float pictures[EACH * PICTURE];
} sharer;

static void *share(void *argument) {
    sharer *s = argument;
    const void *in[1] = {s->pictures};
    for (int i = 0; i < ROUNDS && s->status == GAN_OK; i++) {
        s->status = gan_session_sample(s->session, s->first, EACH, 3, s->pictures, sizeof s->pictures);
        void *out[1] = {s->pictures};
        if (gan_session_run(s->session, EACH + 1, in, out) != GAN_E_ARGUMENT) s->status = GAN_E_STATE;
    }
    gan_session_release(s->session);
    return NULL;
}

/* A step of a training that goes on beside the sessions, on the model's context. */
static void train(const layer_fixture *f, gan_layer *layer) {
    gan_tensor *z = host_uniform(f->context, GAN_F32, gan_shape_2d(8, SESSION_LATENT), -1, 1, 1);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    for (int i = 0; i < ROUNDS; i++) {
        gan_tape_reset(f->tape);
        gan_tensor *loss = gan_mean(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, layer, z)));
        assert_int_equal(gan_optimizer_step(adam, f->tape, loss), GAN_OK);
        gan_tensor *none;
        assert_int_equal(gan_tensor_reshape(&none, z, X1(7)), GAN_E_SHAPE); /* leaves a message */
    }
    gan_optimizer_release(adam);
    gan_tensor_release(z);
}

/* Four threads draw the pictures that one draws, while a fifth trains the model they were made of. */
static void threads_share_a_model(void **state) {
    layer_fixture *f = *state;
    static sharer sharers[SHARERS];
    static float expected[SHARERS * EACH * PICTURE];
    gan_layer *layer = session_fixture_generator(f->context, GAN_F32, 1);
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    gan_session *one = session_fixture_session(model, EACH);
    for (int i = 0; i < SHARERS; i++)
        assert_int_equal(gan_session_sample(one, i * EACH, EACH, 3, expected + i * EACH * PICTURE,
                                            EACH * PICTURE * sizeof *expected),
                         GAN_OK);
    gan_session_release(one);
    for (int i = 0; i < SHARERS; i++) {
        gan_session_options options = session_fixture_options(EACH, 1 + i % 2); /* two of them with a worker */
        sharers[i].first = i * EACH;
        sharers[i].status = GAN_OK;
        assert_int_equal(gan_session_create(&sharers[i].session, model, &options), GAN_OK);
    }
    for (int i = 0; i < SHARERS; i++) assert_int_equal(pthread_create(&sharers[i].thread, NULL, share, &sharers[i]), 0);
    train(f, layer);
    for (int i = 0; i < SHARERS; i++) assert_int_equal(pthread_join(sharers[i].thread, NULL), 0);
    for (int i = 0; i < SHARERS; i++) {
        assert_int_equal(sharers[i].status, GAN_OK);
        assert_memory_equal(sharers[i].pictures, expected + i * EACH * PICTURE, sizeof sharers[i].pictures);
    }
    gan_model_release(model);
    gan_layer_release(layer);
}

static void backwards(void *user, int64_t count, void (*task)(void *argument, int64_t index, int32_t worker),
                      void *argument) {
    ++*(int *)user;
    for (int64_t i = count - 1; i >= 0; i--) task(argument, i, (int32_t)(i % 3));
}

#define MANY 40 /* enough that there is work to share */

static void executor(void **state) {
    layer_fixture *f = *state;
    int calls = 0;
    gan_executor three = {sizeof three, &calls, backwards, 3, 0};
    gan_model *model = session_fixture_model(f->context, GAN_F32, 1);
    gan_session_options options = session_fixture_options(MANY, 1);
    static float a[MANY * PICTURE], b[MANY * PICTURE];
    gan_session *alone = session_fixture_session(model, MANY), *lent;
    options.executor = &three;
    assert_int_equal(gan_session_create(&lent, model, &options), GAN_OK);
    assert_int_equal(gan_session_sample(alone, 0, MANY, 1, a, sizeof a), GAN_OK);
    calls = 0;
    assert_int_equal(gan_session_sample(lent, 0, MANY, 1, b, sizeof b), GAN_OK);
    assert_true(calls > 0);
    assert_memory_equal(a, b, sizeof a);
    gan_session_release(alone);
    gan_session_release(lent);
    gan_model_release(model);
}

/* A session needs nobody: not the model, not the layer, not the context's handle. */
static void outlives_everything(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
    gan_model *model = session_fixture_model(context, GAN_F32, 1);
    gan_session *session = session_fixture_session(model, 1);
    float before[PICTURE], after[PICTURE];
    assert_int_equal(gan_session_sample(session, 0, 1, 1, before, sizeof before), GAN_OK);
    assert_int_equal(gan_tensor_fill(gan_layer_find(gan_model_layer(model), "0.weight"), 7), GAN_OK);
    gan_model_release(model);
    gan_context_release(context);
    assert_int_equal(gan_session_sample(session, 0, 1, 1, after, sizeof after), GAN_OK);
    assert_memory_equal(before, after, sizeof before);
    gan_session_release(session);
    assert_true(atomic_load(&memory.blocks) == 0 && atomic_load(&memory.bytes) == 0);
}

int main(void) {
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(memory_is_known),       CASE(memory_is_planned), CASE(nothing_is_allocated), CASE(too_little_memory),
        CASE(threads_share_a_model), CASE(executor),          CASE(outlives_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
