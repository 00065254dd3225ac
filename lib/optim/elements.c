/* Spreads one pass over a tensor's elements over the context's threads. */
#include "optim/optimizer.h"

typedef struct job {
    const gani_kernels *kernels;
    int64_t count;
    gani_share *share;
    void *argument;
} job;

static void task(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    const job *j = argument;
    int64_t first = index * GANI_SHARE_ELEMENTS, left = j->count - first;
    j->share(j->kernels, first, left < GANI_SHARE_ELEMENTS ? left : GANI_SHARE_ELEMENTS, j->argument);
}

void gani_for_elements(const gan_tensor *tensor, gani_share *share, void *argument) {
    job j = {gani_kernels_for(tensor->context, tensor->dtype), gani_count(tensor), share, argument};
    gani_parallel(tensor->context->pool, (j.count + GANI_SHARE_ELEMENTS - 1) / GANI_SHARE_ELEMENTS, task, &j);
}
