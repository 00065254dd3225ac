/* A pool of worker threads, one to a context. Nothing here is public. */
#ifndef GANI_BASE_THREADS_H
#define GANI_BASE_THREADS_H

#include <stdint.h>

typedef struct gani_pool gani_pool;

/* One unit of work. `index` is in [0, count); `worker` in [0, gani_pool_workers) and no two
 * tasks with the same worker number run at once, so it can select a scratch buffer. */
typedef void gani_task(void *arg, int64_t index, int32_t worker);

/* Runs task(arg, i, worker) for every i in [0, count) and returns when all are done. Which worker
 * takes which index is not fixed: results must not depend on it. Not reentrant: a task calls
 * gani_parallel without a pool only. With one worker everything runs on the calling thread. `pool` may be NULL: one
 * worker. */
void gani_parallel(gani_pool *pool, int64_t count, gani_task *task, void *arg);

/* Number of workers, the calling thread included; at least 1. */
int32_t gani_pool_workers(const gani_pool *pool);

#endif
