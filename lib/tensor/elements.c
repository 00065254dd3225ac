#include "tensor/elements.h"

#include "base/threads.h"

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
    job j = {gani_kernels_for(tensor->context, tensor->dtype), gan_shape_count(tensor->shape), share, argument};
    gani_parallel(tensor->context->pool, (j.count + GANI_SHARE_ELEMENTS - 1) / GANI_SHARE_ELEMENTS, task, &j);
}

typedef struct clamp_pass {
    double limit;
    char *values;
} clamp_pass;

static void clamp_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const clamp_pass *pass = argument;
    char *values = pass->values + (size_t)first * kernels->element;
    kernels->unary(GANI_UNARY_CLAMP, count, values, values, -pass->limit, pass->limit);
}

void gani_clamp_values(gan_tensor *tensor, double limit) {
    clamp_pass pass = {limit, tensor->data};
    gani_for_elements(tensor, clamp_share, &pass);
    gani_tensor_touch(tensor);
}
