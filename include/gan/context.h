/** @file
 * The context: allocator, threads, random seed, messages. Everything else is made from one. */
#ifndef GAN_CONTEXT_H
#define GAN_CONTEXT_H

#include <gan/base.h>
#include <gan/version.h>

GAN_BEGIN_DECLS

typedef struct gan_context gan_context;

/** @name Services of the host
 * Structs that are filled with their `_init` macro (zeros), then with functions; contexts and sessions copy them. Their
 * `user` pointers, and that of `cancelled`, must stay valid until the context has ended: it ends with the last object
 * made from it, and says so by `ended`.
 * @{ */
/** Memory functions of the host. They are called from the thread that uses the context, and from any thread that
 * releases an object of it; never from worker threads. `allocate` returns `size` bytes at a multiple of `alignment`
 * (a power of two, at most 64), or NULL. `deallocate` gets the size that was asked for and never NULL. Since 0.1. */
typedef struct gan_allocator {
    size_t struct_size;
    void *user;
    void *(*allocate)(void *user, size_t alignment, size_t size);
    void (*deallocate)(void *user, void *memory, size_t size);
} gan_allocator;
GAN_API void gan_allocator_init_sized(gan_allocator *allocator, size_t size);
#define gan_allocator_init(allocator) gan_allocator_init_sized((allocator), sizeof *(allocator))

#define GAN_LOG_ERROR 1   /**< a call has failed that has no other place for its message: gan_context_create */
#define GAN_LOG_WARNING 2 /**< something is not as it should be, and was mended or passed over */
#define GAN_LOG_INFO 3    /**< what a person may want to know */

/** Receives messages. Without a logger there are none: libgan never prints. Since 0.1. */
typedef struct gan_logger {
    size_t struct_size;
    void *user;
    /** level is GAN_LOG_...; id is short and stable ("checkpoint.saved"); text is one sentence. */
    void (*log)(void *user, int32_t level, const char *id, const char *text);
} gan_logger;
GAN_API void gan_logger_init_sized(gan_logger *logger, size_t size);
#define gan_logger_init(logger) gan_logger_init_sized((logger), sizeof *(logger))

/** Runs libgan's parallel work on the host's own threads. Tasks do not start tasks. Since 0.1. */
typedef struct gan_executor {
    size_t struct_size;
    void *user;
    /** Must call task(argument, i, worker) once for every i in [0, count) and return when all have returned. `worker`
     * is in [0, workers); two calls that run at the same time have different worker numbers. */
    void (*parallel_for)(void *user, int64_t count, void (*task)(void *argument, int64_t index, int32_t worker),
                         void *argument);
    int32_t workers; /**< 1 to 256 */
    int32_t reserved;
} gan_executor;
GAN_API void gan_executor_init_sized(gan_executor *executor, size_t size);
#define gan_executor_init(executor) gan_executor_init_sized((executor), sizeof *(executor))

/** @} */

#define GAN_THREADS_AUTO (-1) /**< one thread for each processor the process may run on */

#define GAN_BLAS_OFF 0  /**< the built-in matrix product for everything */
#define GAN_BLAS_AUTO 1 /**< CBLAS where it is the better choice: see docs/threads.md */
#define GAN_BLAS_ON 2   /**< CBLAS for every dense product; the built-in one where libgan was built without CBLAS */

#define GAN_LEVEL_AUTO (-1)   /**< the best kernels this processor can run */
#define GAN_LEVEL_REFERENCE 0 /**< the kernels in plain C, for any processor */
#define GAN_LEVEL_AVX2 1      /**< x86-64 with AVX2 and FMA */
#define GAN_LEVEL_NEON 1      /**< AArch64 */
#define GAN_LEVEL_AVX512 2    /**< x86-64 with AVX-512F too: twice as fast where products dominate, the same bits */

#define GAN_FILTERING_OFF 0 /**< every convolution multiplies as its definition says */
/** f32 convolutions of 3x3 and 4x4 kernels by minimal filtering (Winograd 1980) where that is expected to be faster: up
 * to four times fewer multiplications, for rounding errors of up to 1e-5 of a result's largest value, about ten times
 * those of the definition. See docs/performance.md. */
#define GAN_FILTERING_AUTO 1

/** Options of gan_context_create. Fill with gan_context_options_init. Since 0.1. */
typedef struct gan_context_options {
    size_t struct_size;
    int32_t version;       /**< GAN_VERSION of the caller's headers; set by the init macro */
    int32_t threads;       /**< worker threads, the calling one included: 1 to 256, or GAN_THREADS_AUTO (default).
                                1 = none is started */
    uint64_t seed;         /**< seed of all random streams; default 0 */
    int32_t deterministic; /**< 1: same bits for any number of threads (CBLAS is not used, whatever `blas` says);
                                default 0 */
    int32_t blas;          /**< GAN_BLAS_...; default GAN_BLAS_AUTO */
    int32_t level;         /**< highest kernel level to use, GAN_LEVEL_...; a lower one is taken where the processor
                                lacks it; default GAN_LEVEL_AUTO */
    int32_t filtering;     /**< GAN_FILTERING_...; default GAN_FILTERING_AUTO */
    const gan_allocator *allocator; /**< copied; NULL (default): the C library's */
    const gan_logger *logger;       /**< copied; NULL (default): no messages */
    const gan_executor *executor;   /**< copied, `threads` is ignored then; NULL (default): a pool of the context's
                                         own */
    /** Asked between the steps of long calls (training steps, images read from a folder, batches generated, blocks of a
     * metric), on the calling thread; a value other than 0 makes the call end with GAN_E_CANCELLED. NULL (default):
     * never. */
    int32_t (*cancelled)(void *user);
    void *cancelled_user; /**< passed to `cancelled` */
    int64_t memory_limit; /**< bytes that the context and all that is made from it may have allocated at any time; what
                               would go beyond fails with GAN_E_MEMORY; -1 (default): no limit */
    /** Called once, when nothing of the context is left and its services will not be called again, with
     * `ended_user`, from the thread that released the last object; not by a gan_context_create that fails. It must not
     * call libgan. NULL (default): nothing is called. */
    void (*ended)(void *user);
    void *ended_user;
} gan_context_options;

/** Fills options with defaults; called by the macro below, which passes the caller's size and version. Since 0.1. */
GAN_API void gan_context_options_init_sized(gan_context_options *options, size_t size, int32_t version);
#define gan_context_options_init(options) gan_context_options_init_sized((options), sizeof *(options), GAN_VERSION)

/** Makes a context. Errors: GAN_E_ARGUMENT (bad option values), GAN_E_UNSUPPORTED (headers of another major or,
 * before 1.0, minor version; unknown option set), GAN_E_MEMORY, GAN_E_SYSTEM (threads cannot be started). Nothing
 * exists yet that could hold a message: a logger in the options is told ("context.refused", GAN_LOG_ERROR). Since 0.1.
 */
GAN_API gan_status gan_context_create(gan_context **out, const gan_context_options *options);

/** One more reference; returns its argument. Since 0.1. */
GAN_API gan_context *gan_context_retain(gan_context *context);
/** Gives up a reference. The context ends when the last object made from it is released. NULL is allowed.
 * Since 0.1. */
GAN_API void gan_context_release(gan_context *context);

/** Message of the last boundary call that failed: one sentence naming what and where; "" if none failed yet or
 * `context` is NULL. A call that succeeds leaves it. Valid until the next call on the context. Never NULL.
 * Since 0.1. */
GAN_API const char *gan_context_error(const gan_context *context);

/** Leaves a sentence of the application's, from a function that libgan calls (a phase, the `read` of a dataset, the
 * `extract` of features, the `init` of a registered type, the `write` of gan_model_save_stream), which returns
 * `status`; and gives that status back. text NULL: the status' own. Does nothing for a NULL context. Since 0.1. */
GAN_API gan_status gan_context_fail(gan_context *context, gan_status status, const char *text);

/** What to tell a person of a call that returned `status`: the message, if the last failing call on the context ended
 * with that status, else gan_status_text(status), a general sentence. A call that is given no handle but NULL knows no
 * context to leave a message in: what is told is then that of an older failure, if it ended with GAN_E_ARGUMENT too. A
 * NULL context is allowed. Valid as gan_context_error. Never NULL. Since 0.1. */
GAN_API const char *gan_context_explain(const gan_context *context, gan_status status);

/** Bytes that the context and all that was made from it hold now, and the most they ever held: what the allocator was
 * asked for, so headers and alignment of libgan's own are in it, but not the stacks of threads, which the system
 * provides, and what a CBLAS allocates. Either pointer may be NULL; for a NULL context both are 0. May be called from
 * any thread, also during a call on the context. Since 0.1. */
GAN_API void gan_context_memory(const gan_context *context, size_t *current, size_t *peak);

/** Number of workers that computations use, the calling thread included; 0 for NULL. Since 0.1. */
GAN_API int32_t gan_context_threads(const gan_context *context);

/** Name of the kernel level in use ("reference", "avx2", "avx512", "neon"). Static memory. Since 0.1. */
GAN_API const char *gan_context_level(const gan_context *context);

/** @name Random streams
 * Random numbers are counter-based: Philox4x32-10 (Salmon et al. 2011), key = seed, counter = (block index, stream). A
 * stream's position is the number of 128-bit blocks it has given out, so seed and positions are the whole state.
 * @{ */
#define GAN_STREAM_INIT 0    /**< initial weights */
#define GAN_STREAM_NOISE 1   /**< operations and layers on a tape: latent vectors, noise, dropout */
#define GAN_STREAM_DATA 2    /**< shuffling: keyed by the loader's position, does not move */
#define GAN_STREAM_SAMPLE 3  /**< gan_model_latent, gan_model_sample: keyed by their own seed, does not move */
#define GAN_STREAM_AUGMENT 4 /**< mirrored and cropped items: keyed by the loader's position, does not move */
#define GAN_STREAM_POOL 5    /**< gan_pool_exchange: which images are exchanged */
#define GAN_STREAM_METRICS 6 /**< subsets and bins of metrics: keyed by their own seed, does not move */
#define GAN_STREAM_USER 8    /**< 8 to 15 are the application's; 7 is kept for libgan */
#define GAN_STREAM_COUNT 16

/** The seed in use. Since 0.1. */
GAN_API uint64_t gan_context_seed(const gan_context *context);
/** Sets the seed and puts every stream back to position 0. Since 0.1. */
GAN_API gan_status gan_context_set_seed(gan_context *context, uint64_t seed);
/** Position of a stream, in blocks; 0 for an unknown stream. Since 0.1. */
GAN_API uint64_t gan_context_position(const gan_context *context, int32_t stream);
/** Moves a stream. Errors: GAN_E_ARGUMENT (unknown stream). Since 0.1. */
GAN_API gan_status gan_context_set_position(gan_context *context, int32_t stream, uint64_t position);
/** @} */

GAN_END_DECLS

#endif
