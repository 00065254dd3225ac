/* errno and the floating-point environment: calls leave them as they were and compute in the default one. */
#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <gan.h>

#include "base/context.h"
#include "host.h"
#include "kernel/environment.h"
#include "strange.h"

#define SIZE 4000

/* A third is rounded differently upwards and downwards, and 1e-310 is subnormal: f64 shows what the environment is. */
static int is_default(void) {
    volatile double one = 1, three = 3, tiny = 1e-308, quarter = 0.01;
    return one / three == 1.0 / 3.0 && -one / three == -1.0 / 3.0 && tiny * quarter > 0 && fegetround() == FE_TONEAREST;
}

static void test_guard(void **state) {
    (void)state;
    strange_settings(FE_UPWARD);
    int outside = is_default();
    strange_image before = strange_now();
    gani_environment saved = gani_enter();
    int inside = is_default();
    volatile double zero = 0, one = 1;
    volatile double infinite = one / zero; /* would raise a flag, or trap */
    errno = 1;
    gani_leave(&saved);
    strange_image after = strange_now();
    strange_end();
    assert_int_equal(outside, 0);
    assert_int_equal(inside, 1);
    assert_true(isinf(infinite));
    assert_true(strange_same(&before, &after));
}

typedef struct seen {
    int32_t good[200];
    atomic_int workers; /* tasks that were not this thread's */
} seen;

static void look(void *argument, int64_t index, int32_t worker) {
    seen *s = argument;
    struct timespec moment = {0, 1000000};
    s->good[index] = is_default();
    if (worker > 0) atomic_fetch_add(&s->workers, 1);
    if (worker == 0 && atomic_load(&s->workers) == 0) nanosleep(&moment, NULL); /* until the others are awake */
    errno = 17;
}

/* An executor whose thread has settings of its own. */
typedef struct job {
    int64_t count;
    void (*task)(void *argument, int64_t index, int32_t worker);
    void *argument;
    int32_t kept;
} job;
static void *run_job(void *argument) {
    job *j = argument;
    strange_settings(FE_DOWNWARD);
    strange_image before = strange_now();
    for (int64_t i = 0; i < j->count; i++) j->task(j->argument, i, 1);
    strange_image after = strange_now();
    j->kept = strange_same(&before, &after);
    return NULL;
}
static void parallel_for(void *user, int64_t count, void (*task)(void *argument, int64_t index, int32_t worker),
                         void *argument) {
    job *j = user;
    *j = (job){count, task, argument, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_job, j) == 0) pthread_join(thread, NULL);
}

static void check_parallel(const gan_executor *executor) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 3;
    options.executor = executor;
    strange_settings(FE_UPWARD);
    gan_context *context = NULL;
    gan_status status = gan_context_create(&context, &options);
    strange_end();
    assert_int_equal(status, GAN_OK);
    seen s = {.good = {0}};
    int32_t count = 0;
    gani_parallel(context->pool, 200, look, &s);
    for (int i = 0; i < 200; i++) count += s.good[i];
    assert_true(atomic_load(&s.workers) > 0);
    assert_int_equal(count, 200);
    gan_context_release(context);
}

static void test_workers(void **state) {
    (void)state;
    check_parallel(NULL);
}

static void test_executor(void **state) {
    (void)state;
    job j = {0};
    gan_executor executor = {sizeof executor, &j, parallel_for, 2, 0};
    check_parallel(&executor);
    assert_int_equal(j.kept, 1);
}

/* One value of everything that computes: an operation, its gradient, random numbers, an error and a release. */
static void compute(double *out) {
    gan_context *context = host_context(1);
    gan_tape *tape = NULL;
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_1d(SIZE), -1, 1, 4);
    gan_status status = gan_tape_create(&tape, context);
    gan_tensor *w = gan_watch(tape, x);
    gan_tensor *y = gan_sum(tape, gan_exp(tape, gan_tanh(tape, gan_div(tape, w, gan_add_scalar(tape, w, 3)))));
    gan_tensor *g = gan_gradient(tape, y, w, 0);
    out[0] = status == GAN_OK ? gan_tensor_item(y, 0) : NAN;
    out[1] = gan_tensor_item(g, 7);
    out[2] = gan_tensor_item(gan_mean(tape, gan_normal(tape, GAN_F64, gan_shape_1d(SIZE))), 0);
    out[3] = gan_tensor_item(gan_scale(tape, gan_full(tape, GAN_F64, gan_shape_1d(1), 1e-300), 1e-10), 0);
    gan_add(tape, x, NULL);
    gan_tape_release(tape);
    gan_tensor_release(x);
    gan_context_release(context);
}

static void test_calls(void **state) {
    (void)state;
    double plain[4], strange[4];
    compute(plain);
    assert_true(plain[3] > 0);
    const int rounding[3] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (int i = 0; i < 3; i++) {
        strange_settings(rounding[i]);
        strange_image before = strange_now();
        compute(strange);
        strange_image after = strange_now();
        strange_end();
        assert_true(strange_same(&before, &after));
        assert_memory_equal(plain, strange, sizeof plain);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard),
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_executor),
        cmocka_unit_test(test_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
