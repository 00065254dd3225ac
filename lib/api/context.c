/* Exported functions of gan/context.h. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/pool.h"
#include "kernel/kernel.h"

static void *default_allocate(void *user, size_t alignment, size_t size) {
    (void)user;
    void *memory = NULL;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void default_deallocate(void *user, void *memory, size_t size) {
    (void)user;
    (void)size;
    free(memory);
}

GAN_API void gan_context_options_init_sized(gan_context_options *options, size_t size, int32_t version) {
    gan_context_options defaults = {.version = version,
                                    .threads = GAN_THREADS_AUTO,
                                    .blas = GAN_BLAS_AUTO,
                                    .level = GAN_LEVEL_AUTO,
                                    .filtering = GAN_FILTERING_AUTO,
                                    .memory_limit = -1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int is_in(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

static gan_status check(const gan_context_options *o) {
    int32_t major = o->version / 1000000, minor = o->version / 1000 % 1000;
    if (major != GAN_VERSION_MAJOR || (major == 0 && minor != GAN_VERSION_MINOR)) return GAN_E_UNSUPPORTED;
    if (!is_in(o->deterministic, 0, 1) || !is_in(o->blas, GAN_BLAS_OFF, GAN_BLAS_ON)) return GAN_E_ARGUMENT;
    if (!is_in(o->level, GAN_LEVEL_AUTO, GAN_LEVEL_AVX512)) return GAN_E_ARGUMENT;
    if (o->memory_limit < -1) return GAN_E_ARGUMENT;
    if (!is_in(o->filtering, GAN_FILTERING_OFF, GAN_FILTERING_AUTO)) return GAN_E_ARGUMENT;
    return GAN_OK;
}

gan_status gani_decode_workers(gan_context *context, const char *name, int32_t threads, const gan_executor *executor,
                               gan_executor *known, int32_t *workers) {
    *known = (gan_executor){0};
    if (threads != GAN_THREADS_AUTO && !is_in(threads, 1, 256))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: %ld threads: 1 to 256 are possible", name, (long)threads);
    gan_status status = gani_options_decode(context, name, executor, known, sizeof *known);
    if (status == GAN_OK) status = gani_options_reserved(context, name, known->reserved);
    if (status != GAN_OK) return status;
    if (executor != NULL && (known->parallel_for == NULL || !is_in(known->workers, 1, 256)))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: an executor needs a parallel_for, and 1 to 256 workers", name);
    *workers = executor != NULL ? known->workers : threads == GAN_THREADS_AUTO ? gani_cpu_count() : threads;
    return GAN_OK;
}

/* The host's service structs grow like options: what this version knows is copied. */
static gan_status services(const gan_context_options *o, gan_allocator *allocator, gan_logger *logger) {
    *allocator = (gan_allocator){0};
    gan_status status = gani_options_decode(NULL, "allocator", o->allocator, allocator, sizeof *allocator);
    if (status == GAN_OK) status = gani_options_decode(NULL, "logger", o->logger, logger, sizeof *logger);
    if (status != GAN_OK) return status;
    if (o->allocator == NULL)
        *allocator = (gan_allocator){sizeof *allocator, NULL, default_allocate, default_deallocate};
    return allocator->allocate == NULL || allocator->deallocate == NULL ? GAN_E_ARGUMENT : GAN_OK;
}

GAN_API gan_status gan_context_create(gan_context **out, const gan_context_options *options) {
    GANI_ENTER();
    if (out == NULL) return GAN_E_ARGUMENT;
    *out = NULL;
    gan_context_options o;
    gan_context_options_init(&o);
    gan_status status = gani_options_decode(NULL, "context", options, &o, sizeof o);
    if (status == GAN_OK) status = check(&o);
    gan_allocator allocator;
    gan_logger logger = {0};
    gan_executor executor;
    int32_t workers;
    if (status == GAN_OK) status = services(&o, &allocator, &logger);
    if (status == GAN_OK) status = gani_decode_workers(NULL, "context", o.threads, o.executor, &executor, &workers);
    if (status != GAN_OK) return status;

    size_t limit = o.memory_limit == -1 || (uint64_t)o.memory_limit > SIZE_MAX ? SIZE_MAX : (size_t)o.memory_limit;
    if (limit < sizeof(gan_context)) return GAN_E_MEMORY;
    gan_context *context = allocator.allocate(allocator.user, 64, sizeof *context);
    if (context == NULL) return GAN_E_MEMORY;
    memset(context, 0, sizeof *context);
    atomic_init(&context->references, 1);
    context->allocator = allocator;
    context->logger = logger;
    context->executor = executor;
    context->cancelled = o.cancelled;
    context->cancelled_user = o.cancelled_user;
    context->io = &gani_io_system;
    context->seed = o.seed;
    context->memory_limit = limit;
    atomic_init(&context->memory, sizeof *context);
    atomic_init(&context->peak, sizeof *context);
    context->deterministic = o.deterministic;
    context->blas = o.blas;
    int32_t level = o.level == GAN_LEVEL_AUTO ? gani_kernel_best_level() : o.level;
    context->kernels[0] =
        o.filtering == GAN_FILTERING_OFF ? gani_kernel_table(level, 0) : gani_kernel_table_filtered(level);
    context->kernels[1] = gani_kernel_table(level, 1);
    status = gani_pool_create(&context->pool, context, workers, o.executor == NULL ? NULL : &context->executor);
    if (status != GAN_OK) {
        allocator.deallocate(allocator.user, context, sizeof *context);
        return status;
    }
    *out = context;
    return GAN_OK;
}

gan_context *gani_context_retain(gan_context *context) {
    atomic_fetch_add(&context->references, 1);
    return context;
}

GAN_API gan_context *gan_context_retain(gan_context *context) {
    GANI_ENTER();
    return context == NULL ? NULL : gani_context_retain(context);
}

GAN_API void gan_context_release(gan_context *context) {
    GANI_ENTER();
    if (context == NULL || atomic_fetch_sub(&context->references, 1) != 1) return;
    gani_pool_destroy(context->pool);
    if (context->whole != NULL) {
        gani_context_end_part(context);
        return;
    }
    while (context->layer_types != NULL) {
        gani_attached *block = context->layer_types;
        context->layer_types = block->next;
        gani_free(context, block);
    }
    gan_allocator allocator = context->allocator;
    allocator.deallocate(allocator.user, context, sizeof *context);
}

GAN_API const char *gan_context_error(const gan_context *context) { return context == NULL ? "" : context->message; }

GAN_API void gan_context_memory(const gan_context *context, size_t *current, size_t *peak) {
    if (current != NULL) *current = context == NULL ? 0 : atomic_load_explicit(&context->memory, memory_order_relaxed);
    if (peak != NULL) *peak = context == NULL ? 0 : atomic_load_explicit(&context->peak, memory_order_relaxed);
}

GAN_API int32_t gan_context_threads(const gan_context *context) {
    return context == NULL ? 0 : gani_pool_workers(context->pool);
}

GAN_API const char *gan_context_level(const gan_context *context) {
    return context == NULL ? "" : context->kernels[0]->name;
}

GAN_API uint64_t gan_context_seed(const gan_context *context) { return context == NULL ? 0 : context->seed; }

GAN_API gan_status gan_context_set_seed(gan_context *context, uint64_t seed) {
    if (context == NULL) return GAN_E_ARGUMENT;
    context->seed = seed;
    memset(context->position, 0, sizeof context->position);
    return GAN_OK;
}

GAN_API uint64_t gan_context_position(const gan_context *context, int32_t stream) {
    return context == NULL || !is_in(stream, 0, GAN_STREAM_COUNT - 1) ? 0 : context->position[stream];
}

GAN_API gan_status gan_context_set_position(gan_context *context, int32_t stream, uint64_t position) {
    GANI_ENTER();
    if (context == NULL) return GAN_E_ARGUMENT;
    if (!is_in(stream, 0, GAN_STREAM_COUNT - 1))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_context_set_position: stream %ld is not in 0 to %d",
                         (long)stream, GAN_STREAM_COUNT - 1);
    context->position[stream] = position;
    return GAN_OK;
}
