/* Exported functions of gan/context.h. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/ranges.h"
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

GAN_API void gan_allocator_init_sized(gan_allocator *allocator, size_t size) {
    const gan_allocator none = {0};
    gani_options_init(allocator, size, &none, sizeof none);
}

GAN_API void gan_logger_init_sized(gan_logger *logger, size_t size) {
    const gan_logger none = {0};
    gani_options_init(logger, size, &none, sizeof none);
}

GAN_API void gan_executor_init_sized(gan_executor *executor, size_t size) {
    const gan_executor none = {0};
    gani_options_init(executor, size, &none, sizeof none);
}

static int is_in(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }

static gan_status check(gan_context *aside, const gan_context_options *o) {
    int32_t major = o->version / 1000000, minor = o->version / 1000 % 1000;
    if (major != GAN_VERSION_MAJOR || (major == 0 && minor != GAN_VERSION_MINOR))
        return gani_fail(aside, GAN_E_UNSUPPORTED,
                         "context: the program was built with headers of libgan %d.%d, this is %s", (int)major,
                         (int)minor, gan_version_string());
    const gani_range ranges[] = {{"deterministic", o->deterministic, 0, 1},
                                 {"blas", o->blas, GAN_BLAS_OFF, GAN_BLAS_ON},
                                 {"level", o->level, GAN_LEVEL_AUTO, GAN_LEVEL_AVX512},
                                 {"memory_limit", (double)o->memory_limit, -1, (double)INT64_MAX},
                                 {"filtering", o->filtering, GAN_FILTERING_OFF, GAN_FILTERING_AUTO}};
    return gani_check_ranges(aside, "context", ranges, sizeof ranges / sizeof ranges[0]);
}

gan_status gani_decode_workers(gan_context *context, const char *name, int32_t threads, const gan_executor *executor,
                               gan_executor *known, int32_t *workers) {
    *known = (gan_executor){0};
    if (executor == NULL && threads != GAN_THREADS_AUTO && !is_in(threads, 1, 256))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: %ld threads: 1 to 256 are possible", name, (long)threads);
    gan_status status = gani_options_decode(context, name, executor, known, sizeof *known);
    if (status == GAN_OK) status = gani_options_reserved(context, name, known->reserved);
    if (status != GAN_OK) return status;
    if (executor != NULL && (known->parallel_for == NULL || !is_in(known->workers, 1, 256)))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: an executor needs a parallel_for, and 1 to 256 workers", name);
    *workers = executor != NULL ? known->workers : threads == GAN_THREADS_AUTO ? gani_cpu_count() : threads;
    return GAN_OK;
}

/* The host's service structs grow like options: what this version knows is copied. The logger comes first: it is told
 * what is wrong with the rest. */
static gan_status services(gan_context *aside, const gan_context_options *o, gan_allocator *allocator) {
    *allocator = (gan_allocator){0};
    gan_status status = gani_options_decode(aside, "logger", o->logger, &aside->logger, sizeof aside->logger);
    if (status != GAN_OK) aside->logger.log = NULL;
    if (status == GAN_OK) status = gani_options_decode(aside, "allocator", o->allocator, allocator, sizeof *allocator);
    if (status != GAN_OK) return status;
    if (o->allocator == NULL)
        *allocator = (gan_allocator){sizeof *allocator, NULL, default_allocate, default_deallocate};
    if (allocator->allocate != NULL && allocator->deallocate != NULL) return GAN_OK;
    return gani_fail(aside, GAN_E_ARGUMENT, "allocator: allocate or deallocate is NULL");
}

static gan_context *make(const gan_context_options *o, const gan_context *aside, const gan_allocator *allocator) {
    size_t limit = o->memory_limit == -1 || (uint64_t)o->memory_limit > SIZE_MAX ? SIZE_MAX : (size_t)o->memory_limit;
    if (limit < sizeof(gan_context)) return NULL;
    gan_context *context = allocator->allocate(allocator->user, 64, sizeof *context);
    if (context == NULL) return NULL;
    memset(context, 0, sizeof *context);
    atomic_init(&context->references, 1);
    context->allocator = *allocator;
    context->logger = aside->logger;
    context->executor = aside->executor;
    context->cancelled = o->cancelled;
    context->cancelled_user = o->cancelled_user;
    context->io = &gani_io_system;
    context->seed = o->seed;
    context->memory_limit = limit;
    atomic_init(&context->memory, sizeof *context);
    atomic_init(&context->peak, sizeof *context);
    context->deterministic = o->deterministic;
    context->blas = o->blas;
    int32_t level = o->level == GAN_LEVEL_AUTO ? gani_kernel_best_level() : o->level;
    context->kernels[0] =
        o->filtering == GAN_FILTERING_OFF ? gani_kernel_table(level, 0) : gani_kernel_table_filtered(level);
    context->kernels[1] = gani_kernel_table(level, 1);
    return context;
}

/* `aside` holds the services, and the message until there is a context. */
static gan_status create(gan_context **out, gan_context *aside, const gan_context_options *options) {
    gan_context_options o;
    gan_context_options_init(&o);
    gan_status status = gani_options_decode(aside, "context", options, &o, sizeof o);
    gan_allocator allocator;
    int32_t workers;
    if (status == GAN_OK) status = services(aside, &o, &allocator);
    if (status == GAN_OK) status = check(aside, &o);
    if (status == GAN_OK)
        status = gani_decode_workers(aside, "context", o.threads, o.executor, &aside->executor, &workers);
    if (status != GAN_OK) return status;
    gan_context *context = make(&o, aside, &allocator);
    if (context == NULL) return gani_fail(aside, GAN_E_MEMORY, "context: out of memory");
    status = gani_pool_create(&context->pool, context, workers, o.executor == NULL ? NULL : &context->executor);
    if (status != GAN_OK) {
        gani_fail(aside, status, "context: %s", gan_context_explain(context, status));
        allocator.deallocate(allocator.user, context, sizeof *context);
        return status;
    }
    context->ended = o.ended;
    context->ended_user = o.ended_user;
    *out = context;
    return GAN_OK;
}

GAN_API gan_status gan_context_create(gan_context **out, const gan_context_options *options) {
    GANI_ENTER();
    if (out == NULL) return GAN_E_ARGUMENT;
    *out = NULL;
    gan_context aside = {0};
    gan_status status = create(out, &aside, options);
    if (status != GAN_OK) gani_notice(&aside, GAN_LOG_ERROR, "context.refused", "%s", aside.message);
    return status;
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
    void (*ended)(void *user) = context->ended;
    void *ended_user = context->ended_user;
    allocator.deallocate(allocator.user, context, sizeof *context);
    if (ended != NULL) ended(ended_user);
}

GAN_API const char *gan_context_error(const gan_context *context) { return context == NULL ? "" : context->message; }

GAN_API gan_status gan_context_fail(gan_context *context, gan_status status, const char *text) {
    GANI_ENTER();
    return gani_fail(context, status, "%s", text == NULL ? gan_status_text(status) : text);
}

GAN_API const char *gan_context_explain(const gan_context *context, gan_status status) {
    GANI_ENTER();
    return context != NULL && context->failure == status && status != GAN_OK ? context->message
                                                                             : gan_status_text(status);
}

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
