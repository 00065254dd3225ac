/* The context's insides: what every other folder may use of it. */
#ifndef GANI_BASE_CONTEXT_H
#define GANI_BASE_CONTEXT_H

#include <stdarg.h>
#include <stdatomic.h>

#include <gan/context.h>

#include "base/io.h"
#include "base/threads.h"

#define GANI_MESSAGE_SIZE 512

struct gan_context {
    atomic_int references;
    struct gan_context *whole; /* NULL, or the context this is a part of: see gani_context_part */
    gan_allocator allocator;
    gan_logger logger;     /* log == NULL: off */
    gan_executor executor; /* parallel_for == NULL: own pool */
    int32_t (*cancelled)(void *user);
    void *cancelled_user;
    void (*ended)(void *user);
    void *ended_user;
    gani_pool *pool;
    const struct gani_kernels *kernels[2]; /* f32, f64; set by lib/api, which alone may look from base up to kernel */
    const gani_io *io;
    size_t memory_limit;        /* SIZE_MAX: none */
    atomic_size_t memory, peak; /* bytes taken from the allocator, with headers and this struct */
    size_t refused;             /* bytes of the last allocation if the limit forbade it, else 0 */
    int32_t deterministic;
    int32_t blas;
    uint64_t seed;
    uint64_t position[GAN_STREAM_COUNT];
    uint64_t gradient_pass;            /* gradients computed so far, over all tapes */
    struct gani_attached *layer_types; /* that the application registered, newest first: lib/nn */
    gan_status failure;                /* the status that the message belongs to */
    uint64_t failures;                 /* messages so far */
    char message[GANI_MESSAGE_SIZE];
};

/* The head of a block that is given back with the context. */
typedef struct gani_attached {
    struct gani_attached *next;
} gani_attached;

gan_context *gani_context_retain(gan_context *context);

/* A context inside another, for what must not meet the rest of it: with workers of its own (an executor, or threads), a
 * message of its own, CBLAS switched off, no logger and no cancel hook. Its memory is the other's, and counts for both.
 * It retains the other, and may be used by another thread at the same time: once nothing is allocated in it any more,
 * it writes nothing of the other's. Ends as any context does. part.c */
gan_status gani_context_part(gan_context **out, gan_context *whole, int32_t workers, const gan_executor *executor);
/* For gan_context_release: gives back a part whose pool has ended. */
void gani_context_end_part(gan_context *part);

/* Records the message of a failing boundary call and returns `status`. The one place where errors are recorded: a
 * breakpoint here finds the origin of any. printf's format; the locale never shows because no floating-point conversion
 * is used. */
gan_status gani_fail(gan_context *context, gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a function of the application leaves that returned `status`: the message, if it has called libgan and that has
 * failed, that is if there were fewer `before` (context->failures); else what the status means. */
const char *gani_callback_sentence(const gan_context *context, uint64_t before, gan_status status);
/* gani_fail for such a function, named as by printf: "item 3: the dataset's read"; `status` is not GAN_OK, and maybe
 * none at all. */
gan_status gani_callback_failed(gan_context *context, gan_status status, uint64_t before, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void gani_notice(gan_context *context, int32_t level, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* 1 if the host wants to stop. */
int32_t gani_cancelled(const gan_context *context);

/* -- memory: alloc.c ------------------------------------------------------------------------------------------------
 * All memory comes from the context's allocator, 64-byte aligned. The size is kept in front of the block. */
void *gani_alloc(gan_context *context, size_t size); /* NULL if there is none; size 0 gives a valid block */
void *gani_calloc(gan_context *context, size_t count, size_t size); /* zeros; NULL on overflow too */
void *gani_realloc(gan_context *context, void *block,
                   size_t size);                   /* the old block stays on failure; NULL block: gani_alloc */
void gani_free(gan_context *context, void *block); /* NULL allowed */
size_t gani_block_size(const void *block);         /* what the host was asked for, header included */
char *gani_strdup(gan_context *context, const char *text);
/* Adds to a message of GAN_E_MEMORY that it was the limit, if it was. */
void gani_explain_memory(const gan_context *context, char *text, size_t size);
/* "out of memory" with what was wanted; returns GAN_E_MEMORY */
gan_status gani_no_memory(gan_context *context, const char *what);

/* Takes the blocks for `count` numbers from a stream and returns the index of the first. */
static inline uint64_t gani_stream_take(gan_context *context, int32_t stream, int64_t count) {
    uint64_t index = context->position[stream];
    context->position[stream] += (uint64_t)(count + 3) / 4;
    return index;
}

/* ---- checked arithmetic: 1 if the result fits ---- */
static inline int gani_mul_size(size_t a, size_t b, size_t *result) { return !__builtin_mul_overflow(a, b, result); }
static inline int gani_add_size(size_t a, size_t b, size_t *result) { return !__builtin_add_overflow(a, b, result); }
static inline int gani_mul_i64(int64_t a, int64_t b, int64_t *result) { return !__builtin_mul_overflow(a, b, result); }
static inline int gani_add_i64(int64_t a, int64_t b, int64_t *result) { return !__builtin_add_overflow(a, b, result); }

/* ---- options: options.c ---- */
/* Copies a caller's options struct over `known` (which holds defaults): the common part is taken; a tail this version
 * does not know must be zero. `known_size` is sizeof of this version's struct. Returns GAN_OK, GAN_E_ARGUMENT or
 * GAN_E_UNSUPPORTED, recorded in context (may be NULL) under `name`. */
gan_status gani_options_decode(gan_context *context, const char *name, const void *options, void *known,
                               size_t known_size);
/* Can a struct_size be that of an initialised struct? */
int gani_is_struct_size(size_t size);
/* GAN_OK if a member named `reserved` is 0, which later versions may give a meaning; else GAN_E_UNSUPPORTED. */
gan_status gani_options_reserved(gan_context *context, const char *name, int32_t reserved);
/* For the _init_sized functions: copies min(size, known_size) bytes of defaults and sets struct_size = size (zeroing
 * the rest). */
void gani_options_init(void *options, size_t size, const void *defaults, size_t known_size);

/* ---- shapes: shape.c ---- */
#define GANI_SHAPE_TEXT 160
/* "64x3x28x28", "scalar" for rank 0; returns buffer, which has GANI_SHAPE_TEXT bytes. */
const char *gani_shape_text(gan_shape shape, char *buffer);
/* GAN_OK, or GAN_E_SHAPE / GAN_E_LIMIT with a message: rank, negative sizes, overflow of count * element size. */
gan_status gani_shape_check(gan_context *context, const char *what, gan_shape shape, gan_dtype dtype);

#endif
