#define _POSIX_C_SOURCE 200809L
/* The pool: workers sleep on a condition variable after a short spin, take indices from an atomic counter and block all
 * signals (they belong to the host's threads). Signal mask and floating-point environment are those of the thread that
 * starts them, which is inside gan_context_create and computes in the default environment. */
#include "base/threads.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/context.h"
#include "base/pause.h"
#include "base/pool.h"

/* Of a worker. Kernels need some 30 KiB. The system's default may be much less (128 KiB with musl, or what RLIMIT_STACK
 * says) and usually is much more than programs with many contexts can spare. */
#define STACK_SIZE ((size_t)512 << 10)

/* Looks at the other threads' progress before sleeping, in groups that give the processor to whoever wants it in
 * between: that is a system call, which alone would see the next kernel late. Long enough to bridge the gap between two
 * kernels of one step (some ten microseconds), short enough not to burn a core: a tenth to a fifth of a millisecond in
 * all. */
#define LOOKS 32
#define GROUPS 100

typedef struct worker {
    gani_pool *pool;
    int32_t number;
    pthread_t thread;
} worker;

/* What different threads write lies so many bytes apart at least: processors hand memory over in lines of 64 or 128. */
#define LINE 128

struct gani_pool {
    gan_context *context;
    gan_executor executor;
    int32_t workers, started;
    worker *worker;
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    char before_door[LINE];
    /* Odd while there is work, two more each time. A worker counts itself in before it looks at the door, and the
     * caller shuts the door before it looks whether anybody is in: whoever comes late, because the processor was given
     * to somebody else, is not waited for. In the one order of all threads that sequentially consistent atomics have,
     * it cannot be that the worker finds the door open and the caller finds nobody in. */
    atomic_uint door;
    atomic_int stop;
    int64_t count;
    gani_task *task;
    void *argument;
    char before_next[LINE];
    atomic_size_t next; /* not of 64 bits everywhere: 32-bit processors may lack such atomics */
    char before_inside[LINE];
    atomic_int inside, sleepers; /* workers */
    atomic_int asleep;           /* 1: the caller, until nobody is inside */
    char behind[LINE];
};

/* Between look `i` and the next. */
static void wait_a_little(int i) {
    if (i % LOOKS == LOOKS - 1)
        sched_yield();
    else
        gani_pause();
}

/* 1 if there is work, and other than that which a worker has seen. */
static int is_open(gani_pool *pool, unsigned seen) {
    unsigned door = atomic_load(&pool->door);
    return door % 2 == 1 && door != seen;
}

/* 1 as soon as there is work or the end has come; 0 if neither is for a while. */
static int spin_for_start(gani_pool *pool, unsigned seen) {
    for (int i = 0; i < GROUPS * LOOKS; i++) {
        if (is_open(pool, seen) || atomic_load(&pool->stop)) return 1;
        wait_a_little(i);
    }
    return 0;
}

/* 1 as soon as no worker is inside; 0 if one is for a while. */
static int spin_for_end(gani_pool *pool) {
    for (int i = 0; i < GROUPS * LOOKS; i++) {
        if (atomic_load(&pool->inside) == 0) return 1;
        wait_a_little(i);
    }
    return 0;
}

static void work(gani_pool *pool, int32_t number) {
    for (;;) {
        size_t index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= (uint64_t)pool->count) return;
        pool->task(pool->argument, (int64_t)index, number);
    }
}

static void sleep_until_open(gani_pool *pool, unsigned seen) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!is_open(pool, seen) && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    worker *self = argument;
    gani_pool *pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        if (!spin_for_start(pool, seen)) sleep_until_open(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        atomic_fetch_add(&pool->inside, 1);
        seen = atomic_load(&pool->door);
        if (seen % 2 == 1) work(pool, self->number);
        if (atomic_fetch_sub(&pool->inside, 1) == 1 && atomic_load(&pool->asleep)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

static void wake_all(gani_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

typedef struct lent {
    gani_task *task;
    void *argument;
} lent;

/* A task on a thread of the host's, whose settings are for the host to choose. */
static void run_lent(void *argument, int64_t index, int32_t number) {
    const lent *work = argument;
    int error = errno;
    fenv_t before;
    fegetenv(&before);
    fesetenv(FE_DFL_ENV);
    work->task(work->argument, index, number);
    fesetenv(&before);
    errno = error;
}

void gani_parallel(gani_pool *pool, int64_t count, gani_task *task, void *argument) {
    if (count <= 0) return;
    /* SIZE_MAX / 2: workers count on behind the last index, and must not come back to the first */
    if (pool == NULL || pool->workers == 1 || count == 1 || (uint64_t)count > SIZE_MAX / 2) {
        for (int64_t i = 0; i < count; i++) task(argument, i, 0);
        return;
    }
    if (pool->executor.parallel_for != NULL) {
        lent work = {task, argument};
        pool->executor.parallel_for(pool->executor.user, count, run_lent, &work);
        return;
    }
    pool->task = task;
    pool->argument = argument;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_fetch_add(&pool->door, 1);
    if (atomic_load(&pool->sleepers) > 0) wake_all(pool);
    work(pool, 0);
    atomic_fetch_add(&pool->door, 1);
    if (!spin_for_end(pool)) {
        pthread_mutex_lock(&pool->mutex);
        atomic_store(&pool->asleep, 1);
        while (atomic_load(&pool->inside) > 0) pthread_cond_wait(&pool->done, &pool->mutex);
        atomic_store(&pool->asleep, 0);
        pthread_mutex_unlock(&pool->mutex);
    }
}

int32_t gani_pool_workers(const gani_pool *pool) { return pool == NULL ? 1 : pool->workers; }

void gani_pool_destroy(gani_pool *pool) {
    if (pool == NULL) return;
    if (pool->started > 0) {
        atomic_store(&pool->stop, 1);
        wake_all(pool);
        for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->worker[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    gani_free(pool->context, pool->worker);
    gani_free(pool->context, pool);
}

static int start(worker *self) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return 0;
    int known = pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0;
    int result = known ? pthread_create(&self->thread, &attributes, worker_main, self) : EINVAL;
    /* too small for a program with much thread-local storage, or not a multiple of its pages */
    if (result == EINVAL) result = pthread_create(&self->thread, NULL, worker_main, self);
    pthread_attr_destroy(&attributes);
    return result == 0;
}

static gan_status start_workers(gani_pool *pool) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return GAN_E_SYSTEM; /* inherited by the workers */
    gan_status status = GAN_OK;
    for (int32_t i = 0; i + 1 < pool->workers && status == GAN_OK; i++) {
        pool->worker[i] = (worker){pool, i + 1, pool->worker[i].thread};
        if (start(&pool->worker[i]))
            pool->started++;
        else
            status = GAN_E_SYSTEM;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

gan_status gani_pool_create(gani_pool **out, gan_context *context, int32_t workers, const gan_executor *executor) {
    *out = NULL;
    gani_pool *pool = gani_calloc(context, 1, sizeof *pool);
    if (pool == NULL) return GAN_E_MEMORY;
    pool->context = context;
    pool->workers = workers;
    if (executor != NULL) pool->executor = *executor;
    int mutex = pthread_mutex_init(&pool->mutex, NULL), wake = pthread_cond_init(&pool->wake, NULL),
        done = pthread_cond_init(&pool->done, NULL);
    if (mutex != 0 || wake != 0 || done != 0) { /* only on exotic systems, which may leave some of the three to leak */
        gani_free(context, pool);
        return GAN_E_SYSTEM;
    }
    gan_status status = GAN_OK;
    if (workers > 1 && executor == NULL) {
        pool->worker = gani_calloc(context, (size_t)(workers - 1), sizeof *pool->worker);
        status = pool->worker == NULL ? GAN_E_MEMORY : start_workers(pool);
    }
    if (status != GAN_OK)
        gani_pool_destroy(pool);
    else
        *out = pool;
    return status;
}
