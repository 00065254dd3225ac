/* A host for the tests: contexts with an allocator that counts, and tensors with known values. Failures here end the
 * program: they are not what is tested. */
#ifndef TESTS_SUPPORT_HOST_H
#define TESTS_SUPPORT_HOST_H

#include <stdatomic.h>
#include <stdint.h>

#include <gan/context.h>
#include <gan/tensor.h>

/* What the allocator hook saw. */
typedef struct host_memory {
    atomic_llong calls;  /* of allocate, those that failed included */
    atomic_llong blocks; /* live */
    atomic_llong bytes;  /* live, by the sizes that deallocate is told: wrong sizes show as an imbalance */
    long long fail_at;   /* this call (from 1) and all later ones fail; 0: none */
    int once;            /* 1: only that call fails */
} host_memory;

/* An allocator that counts into `memory`, which starts as zeros. */
gan_allocator host_allocator(host_memory *memory);

/* A context with the library's defaults but for the threads. */
gan_context *host_context(int32_t threads);
/* With an allocator that counts and a kernel level. */
gan_context *host_context_with(int32_t threads, int32_t level, int32_t deterministic, host_memory *memory);

/* A tensor of uniform numbers in (low, high), a new sequence for each `salt`. f32 and f64 tensors of one salt hold the
 * same values, which floats can represent. */
gan_tensor *host_uniform(gan_context *context, gan_dtype dtype, gan_shape shape, double low, double high,
                         uint64_t salt);
/* A tensor with these values, row-major. */
gan_tensor *host_tensor(gan_context *context, gan_dtype dtype, gan_shape shape, const double *values);

/* Long sweeps take every host_stride()-th case: 1, or what GAN_TEST_STRIDE in the environment says, for tools under
 * which a program runs fifty times slower. */
int32_t host_stride(void);

/* Sweeps over failures take every coarse-th site (of those that host_stride leaves), with GAN_TEST_FULL=1 in the
 * environment every one. */
long long host_sweep_step(long long coarse);

gan_shape host_shape(int32_t rank, const int64_t *sizes);

#endif
