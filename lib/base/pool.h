/* Making and ending a pool: the context's business alone. Others see base/threads.h. */
#ifndef GANI_BASE_POOL_H
#define GANI_BASE_POOL_H

#include <gan/context.h>

#include "base/threads.h"

/* A pool of `workers` threads, the caller's included; with an executor, no threads are made and its parallel_for is
 * used. Returns GAN_OK, GAN_E_MEMORY or GAN_E_SYSTEM. */
gan_status gani_pool_create(gani_pool **out, gan_context *context, int32_t workers, const gan_executor *executor);
void gani_pool_destroy(gani_pool *pool); /* NULL allowed */

/* Processors this process may run on; at least 1. */
int32_t gani_cpu_count(void);

#endif
