/* The pool: every task once, worker numbers that never meet; and whole training steps with the same bits on any number
 * of threads. */
#define _GNU_SOURCE /* pthread_getattr_np */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gan.h>

#include "base/context.h"
#include "base/pool.h"
#include "compare.h"
#include "host.h"
#include "networks.h"

typedef struct record {
    atomic_int runs[5000];
    atomic_int busy[16]; /* tasks that run under a worker number now */
    atomic_int collisions;
    int32_t workers;
} record;

static void note(void *argument, int64_t index, int32_t worker) {
    record *r = argument;
    if (worker < 0 || worker >= r->workers || atomic_fetch_add(&r->busy[worker], 1) != 0)
        atomic_fetch_add(&r->collisions, 1);
    atomic_fetch_add(&r->runs[index], 1);
    volatile double x = 0;
    for (int i = 0; i < (int)(index % 7) * 50; i++) x = x + i;
    atomic_fetch_sub(&r->busy[worker], 1);
}

static void every_task_once(void **state) {
    (void)state;
    static const int64_t counts[] = {0, 1, 2, 3, 7, 64, 5000};
    for (int32_t workers = 1; workers <= 5; workers++) {
        gan_context *context = host_context(workers);
        assert_int_equal(gani_pool_workers(context->pool), workers);
        for (int round = 0; round < 30; round += host_stride())
            for (int c = 0; c < 7; c++) {
                static record r;
                memset(&r, 0, sizeof r);
                r.workers = workers;
                gani_parallel(context->pool, counts[c], note, &r);
                int right = 1;
                for (int64_t i = 0; i < 5000; i++) right &= atomic_load(&r.runs[i]) == (i < counts[c]);
                assert_true(right);
                assert_int_equal(atomic_load(&r.collisions), 0);
            }
        gan_context_release(context);
    }
    static record r;
    memset(&r, 0, sizeof r);
    r.workers = 1;
    gani_parallel(NULL, 5, note, &r); /* no pool: the calling thread */
    assert_int_equal(atomic_load(&r.runs[4]), 1);
    assert_int_equal(gani_pool_workers(NULL), 1);
    assert_true(gani_cpu_count() >= 1);
}

/* Workers take no signals and have stacks of one size, whatever the system's default. */
typedef struct look {
    atomic_int workers, open, small;
} look;

static void look_around(void *argument, int64_t index, int32_t worker) {
    look *l = argument;
    (void)index;
    if (worker == 0) { /* until the others are awake */
        struct timespec moment = {0, 1000000};
        if (atomic_load(&l->workers) == 0) nanosleep(&moment, NULL);
        return;
    }
    atomic_fetch_add(&l->workers, 1);
    static const int kinds[] = {SIGINT, SIGTERM, SIGALRM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE};
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!sigismember(&mask, kinds[i])) atomic_fetch_add(&l->open, 1);
#if defined(__GLIBC__) && !defined(__SANITIZE_THREAD__) /* whose threads have larger stacks */
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
    if (size < 400 << 10 || size > 600 << 10) atomic_fetch_add(&l->small, 1);
#endif
}

static void workers_are_guests(void **state) {
    (void)state;
    gan_context *context = host_context(3);
    look l = {0};
    for (int i = 0; i < 100 && atomic_load(&l.workers) == 0; i++) gani_parallel(context->pool, 64, look_around, &l);
    gan_context_release(context);
    assert_true(atomic_load(&l.workers) > 0);
    assert_int_equal(atomic_load(&l.open), 0);
    assert_int_equal(atomic_load(&l.small), 0);
}

/* A DCGAN for tools that compute a hundred times slower (valgrind emulates each lane of a fused multiply-add). */
static void small_generator(gan_builder *b) {
    gan_add_linear(b, 7 * 7 * 16, NULL);
    gan_add_reshape(b, gan_shape_3d(16, 7, 7));
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 8, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 1, 4, 2, 1, NULL);
    gan_add_tanh(b);
}
static void small_discriminator(gan_builder *b) {
    gan_add_conv2d(b, 8, 4, 2, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv2d(b, 16, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
}
static const networks_case small = {"small", 1, 28, 0, small_generator, small_discriminator, 1};
static int is_slow(void) { return host_stride() > 1; }
static const networks_case *network(const char *name) { return is_slow() ? &small : networks_find(name); }

/* All weights after some adversarial steps. */
typedef struct trained {
    double *values;
    int64_t count;
} trained;

static trained train(const networks_case *c, int32_t threads, int32_t deterministic, int64_t batch, int steps) {
    gan_context *context = host_context_with(threads, GAN_LEVEL_AUTO, deterministic, NULL);
    gan_layer *nets[2];
    gan_optimizer *adams[2];
    gan_tape *tape;
    (void)gan_context_set_seed(context, 11);
    trained result = {NULL, 0};
    if (networks_make(&nets[0], &nets[1], context, c, GAN_F32) != GAN_OK || gan_tape_create(&tape, context) != GAN_OK)
        abort();
    for (int i = 0; i < 2; i++)
        if (gan_adam_create(&adams[i], nets[i], NULL) != GAN_OK) abort();
    gan_tensor *real = host_uniform(context, GAN_F32, networks_batch_shape(networks_image_shape(c), batch), -1, 1, 3);
    gan_status status = GAN_OK;
    for (int i = 0; i < steps; i++) {
        gan_tape_reset(tape);
        gan_tensor *z = gan_normal(tape, GAN_F32, networks_batch_shape(networks_latent_shape(c), batch));
        gan_tensor *fake = gan_layer_forward(tape, nets[0], z);
        gan_tensor *d = gan_add(tape, gan_bce_with_logits(tape, gan_layer_forward(tape, nets[1], real), 1),
                                gan_bce_with_logits(tape, gan_layer_forward(tape, nets[1], gan_detach(tape, fake)), 0));
        if (status == GAN_OK) status = gan_optimizer_step(adams[1], tape, d);
        gan_tensor *g = gan_bce_with_logits(tape, gan_layer_forward(tape, nets[1], fake), 1);
        if (status == GAN_OK) status = gan_optimizer_step(adams[0], tape, g);
    }
    if (status == GAN_OK) {
        for (int n = 0; n < 2; n++)
            for (int32_t i = 0; i < gan_layer_tensor_count(nets[n]); i++)
                result.count += gan_tensor_count(gan_layer_tensor(nets[n], i));
        result.values = malloc((size_t)result.count * sizeof(double));
        int64_t at = 0;
        for (int n = 0; n < 2 && result.values != NULL; n++)
            for (int32_t i = 0; i < gan_layer_tensor_count(nets[n]); i++) {
                const gan_tensor *t = gan_layer_tensor(nets[n], i);
                const float *values = gan_tensor_const_data(t);
                for (int64_t k = 0; k < gan_tensor_count(t); k++) result.values[at++] = values[k];
            }
    }
    gan_tensor_release(real);
    gan_tape_release(tape);
    for (int i = 0; i < 2; i++) {
        gan_optimizer_release(adams[i]);
        gan_layer_release(nets[i]);
    }
    gan_context_release(context);
    return result;
}

static void same_bits_on_any_number_of_threads(void **state) {
    (void)state;
    static const char *const cases[] = {"mlp", "dcgan28"};
    int64_t batch = is_slow() ? 6 : 12;
    int steps = is_slow() ? 2 : 4;
    for (int i = 0; i < (is_slow() ? 1 : 2); i++) {
        const networks_case *c = network(cases[i]);
        trained one = train(c, 1, 1, batch, steps);
        assert_non_null(one.values);
        for (int32_t threads = 2; threads <= 3; threads++) {
            trained more = train(c, threads, 1, batch, steps);
            assert_non_null(more.values);
            assert_true(more.count == one.count);
            assert_true(memcmp(more.values, one.values, (size_t)one.count * sizeof(double)) == 0);
            free(more.values);
        }
        free(one.values);
    }
}

/* Not deterministic: still the same bits for the same number of threads, and numbers that agree otherwise. */
static void repeats_without_the_option(void **state) {
    (void)state;
    const networks_case *n = network("mlp");
    trained a = train(n, 2, 0, 12, 1), b = train(n, 2, 0, 12, 1), c = train(n, 1, 1, 12, 1);
    assert_true(a.values != NULL && b.values != NULL && c.values != NULL);
    assert_true(memcmp(a.values, b.values, (size_t)a.count * sizeof(double)) == 0);
    /* Adam's first step is the sign of the gradient: where that is rounding, weights differ by up to two steps of
     * 2e-4 */
    assert_true(compare_abs("weights", a.values, c.values, a.count, 4.1e-4));
    free(a.values);
    free(b.values);
    free(c.values);
}

/* Contexts do not see each other: two host threads train at the same time what one trains alone. */
static void *train_alone(void *argument) {
    trained *result = argument;
    *result = train(network("dcgan28"), 2, 1, 6, 2);
    return NULL;
}

static void contexts_side_by_side(void **state) {
    (void)state;
    trained results[3];
    pthread_t threads[2];
    train_alone(&results[2]);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, train_alone, &results[i]), 0);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 3; i++) assert_non_null(results[i].values);
    for (int i = 0; i < 2; i++) {
        assert_true(memcmp(results[i].values, results[2].values, (size_t)results[2].count * sizeof(double)) == 0);
        free(results[i].values);
    }
    free(results[2].values);
}

/* A context may move between threads, and objects may be released from any. */
static void *use_and_release(void *argument) {
    gan_tensor *x = argument;
    (void)gan_tensor_fill(x, 2);
    gan_tensor_release(x);
    return NULL;
}

static void objects_move_between_threads(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(2, GAN_LEVEL_AUTO, 0, &memory);
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_1d(100000), 0, 1, 1);
    gan_context_release(context); /* the tensor is the last that keeps it; its pool ends on the other thread */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, use_and_release, x), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&memory.blocks) == 0);
}

/* A step of a small problem; each begins on a thread of its own, after the one before has ended. */
typedef struct journey {
    gan_context *context;
    gan_tape *tape;
    gan_layer *net;
    gan_optimizer *adam;
    gan_status status;
} journey;

static void *travel(void *argument) {
    journey *j = argument;
    gan_tape_reset(j->tape);
    gan_tensor *z = gan_normal(j->tape, GAN_F32, gan_shape_2d(64, 64));
    gan_tensor *loss = gan_mean(j->tape, gan_square(j->tape, gan_layer_forward(j->tape, j->net, z)));
    if (j->status == GAN_OK) j->status = gan_optimizer_step(j->adam, j->tape, loss);
    return NULL;
}

static void *arrive(void *argument) {
    journey *j = argument;
    gan_context_release(j->context);
    gan_optimizer_release(j->adam);
    gan_tape_release(j->tape);
    return NULL;
}

static void on_another(void *(*function)(void *argument), void *argument, int really) {
    pthread_t thread;
    if (!really) {
        function(argument);
        return;
    }
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static double go(int really) {
    host_memory memory = {0};
    journey j = {.context = host_context_with(3, GAN_LEVEL_AUTO, 1, &memory)};
    gan_builder *b = gan_builder_begin(j.context, gan_shape_1d(64));
    gan_add_linear(b, 256, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 64, NULL);
    assert_int_equal(gan_builder_end(&j.net, b), GAN_OK);
    assert_int_equal(gan_tape_create(&j.tape, j.context), GAN_OK);
    assert_int_equal(gan_adam_create(&j.adam, j.net, NULL), GAN_OK);
    for (int i = 0; i < 3; i++) on_another(travel, &j, really);
    assert_int_equal(j.status, GAN_OK);
    on_another(arrive, &j, really);
    double value = gan_tensor_item(gan_layer_tensor(j.net, 0), 5);
    gan_layer_release(j.net);
    assert_true(atomic_load(&memory.blocks) == 0);
    return value;
}

static void a_context_travels(void **state) {
    (void)state;
    double here = go(0), elsewhere = go(1);
    assert_memory_equal(&here, &elsewhere, sizeof here);
}

/* While one thread computes, another gives up what it holds of the same context and asks for its memory. */
#define HELD 200
typedef struct holder {
    gan_context *context;
    gan_tensor *held[HELD];
    atomic_int begun;
} holder;

static void *give_up(void *argument) {
    holder *h = argument;
    while (!atomic_load(&h->begun)) continue;
    for (int i = 0; i < HELD; i++) {
        size_t current, peak;
        gan_context_memory(h->context, &current, &peak);
        gan_tensor_release(gan_tensor_retain(h->held[i]));
        gan_tensor_release(h->held[i]);
    }
    gan_context_release(h->context);
    return NULL;
}

static void released_while_computing(void **state) {
    (void)state;
    host_memory memory = {0};
    holder h = {.context = host_context_with(2, GAN_LEVEL_AUTO, 0, &memory)};
    gan_tape *tape = NULL;
    gan_tensor *x = host_uniform(h.context, GAN_F32, gan_shape_1d(20000), 0, 1, 1);
    for (int i = 0; i < HELD; i++)
        assert_int_equal(gan_tensor_create(&h.held[i], h.context, GAN_F32, gan_shape_1d(10)), GAN_OK);
    assert_int_equal(gan_tape_create(&tape, h.context), GAN_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, give_up, &h), 0);
    atomic_store(&h.begun, 1);
    for (int i = 0; i < 50; i++) {
        gan_tensor *mine = NULL;
        gan_tape_reset(tape);
        gan_sum(tape, gan_tanh(tape, x));
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        assert_int_equal(gan_tensor_clone(&mine, x), GAN_OK);
        gan_tensor_release(mine);
    }
    gan_tape_release(tape);
    gan_tensor_release(x);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(atomic_load(&memory.blocks) == 0);
    assert_true(atomic_load(&memory.bytes) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_once),
        cmocka_unit_test(workers_are_guests),
        cmocka_unit_test(same_bits_on_any_number_of_threads),
        cmocka_unit_test(repeats_without_the_option),
        cmocka_unit_test(contexts_side_by_side),
        cmocka_unit_test(objects_move_between_threads),
        cmocka_unit_test(a_context_travels),
        cmocka_unit_test(released_while_computing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
