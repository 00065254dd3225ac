#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(void *user, size_t alignment, size_t size) {
    host_memory *memory = user;
    long long call = atomic_fetch_add(&memory->calls, 1) + 1;
    if (memory->fail_at != 0 && (memory->once ? call == memory->fail_at : call >= memory->fail_at)) return NULL;
    size_t room = (size + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, room > 0 ? room : alignment);
    if (block != NULL) {
        atomic_fetch_add(&memory->blocks, 1);
        atomic_fetch_add(&memory->bytes, (long long)size);
    }
    return block;
}

static void deallocate(void *user, void *block, size_t size) {
    host_memory *memory = user;
    atomic_fetch_sub(&memory->blocks, 1);
    atomic_fetch_sub(&memory->bytes, (long long)size);
    free(block);
}

gan_allocator host_allocator(host_memory *memory) {
    gan_allocator allocator = {sizeof allocator, memory, allocate, deallocate};
    return allocator;
}

static void demand(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "test host: %s failed\n", what);
    abort();
}

gan_context *host_context_with(int32_t threads, int32_t level, int32_t deterministic, host_memory *memory) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = threads;
    options.level = level;
    options.deterministic = deterministic;
    gan_allocator allocator;
    if (memory != NULL) {
        allocator = host_allocator(memory);
        options.allocator = &allocator;
    }
    gan_context *context = NULL;
    demand(gan_context_create(&context, &options) == GAN_OK, "gan_context_create");
    return context;
}

gan_context *host_context(int32_t threads) { return host_context_with(threads, GAN_LEVEL_AUTO, 0, NULL); }

gan_tensor *host_uniform(gan_context *context, gan_dtype dtype, gan_shape shape, double low, double high,
                         uint64_t salt) {
    gan_tensor *narrow = NULL, *result = NULL;
    demand(gan_tensor_create(&narrow, context, GAN_F32, shape) == GAN_OK, "gan_tensor_create");
    demand(gan_tensor_fill_uniform(narrow, low, high, salt, 1000, 0) == GAN_OK, "gan_tensor_fill_uniform");
    demand(gan_tensor_create(&result, context, dtype, shape) == GAN_OK, "gan_tensor_create");
    demand(gan_tensor_copy(result, narrow) == GAN_OK, "gan_tensor_copy");
    gan_tensor_release(narrow);
    return result;
}

gan_tensor *host_tensor(gan_context *context, gan_dtype dtype, gan_shape shape, const double *values) {
    gan_tensor *wide = NULL, *result = NULL;
    demand(gan_tensor_create(&wide, context, GAN_F64, shape) == GAN_OK, "gan_tensor_create");
    demand(gan_tensor_write(wide, values, (size_t)gan_shape_count(shape) * sizeof *values) == GAN_OK,
           "gan_tensor_write");
    demand(gan_tensor_create(&result, context, dtype, shape) == GAN_OK, "gan_tensor_create");
    demand(gan_tensor_copy(result, wide) == GAN_OK, "gan_tensor_copy");
    gan_tensor_release(wide);
    return result;
}

gan_shape host_shape(int32_t rank, const int64_t *sizes) {
    gan_shape shape = gan_shape_0d();
    shape.rank = rank;
    for (int32_t i = 0; i < rank; i++) shape.size[i] = sizes[i];
    return shape;
}

int32_t host_stride(void) {
    const char *text = getenv("GAN_TEST_STRIDE");
    int stride = text == NULL ? 1 : atoi(text);
    return stride < 1 ? 1 : stride;
}

long long host_sweep_step(long long coarse) {
    const char *full = getenv("GAN_TEST_FULL");
    return (full != NULL && strcmp(full, "1") == 0 ? 1 : coarse) * host_stride();
}
