/* Memory from the host's allocator. The host's deallocate wants the size back, so a header in front of each block keeps
 * it; the header is a whole cache line because blocks are 64-byte aligned. All is counted, headers too, and kept below
 * the context's limit; a part's memory counts for the context it is a part of too. Only the thread that uses the
 * context allocates; any may free. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

#define ALIGNMENT 64

typedef struct header {
    size_t size; /* as asked of the host, header included */
} header;

static int reserve(gan_context *context, size_t size) {
    size_t used = atomic_load_explicit(&context->memory, memory_order_relaxed);
    context->refused = used > context->memory_limit || size > context->memory_limit - used ? size : 0;
    if (context->refused > 0 || (context->whole != NULL && !reserve(context->whole, size))) return 0;
    used = atomic_fetch_add_explicit(&context->memory, size, memory_order_relaxed) + size;
    if (used > atomic_load_explicit(&context->peak, memory_order_relaxed))
        atomic_store_explicit(&context->peak, used, memory_order_relaxed);
    return 1;
}

static void give_back(gan_context *context, size_t size) {
    for (; context != NULL; context = context->whole)
        atomic_fetch_sub_explicit(&context->memory, size, memory_order_relaxed);
}

void *gani_alloc(gan_context *context, size_t size) {
    size_t total;
    if (!gani_add_size(size, ALIGNMENT, &total) || !reserve(context, total)) return NULL;
    unsigned char *base = context->allocator.allocate(context->allocator.user, ALIGNMENT, total);
    if (base == NULL) {
        give_back(context, total);
        return NULL;
    }
    ((header *)(void *)base)->size = total;
    return base + ALIGNMENT;
}

void *gani_calloc(gan_context *context, size_t count, size_t size) {
    size_t total;
    if (!gani_mul_size(count, size, &total)) return NULL;
    void *block = gani_alloc(context, total);
    if (block != NULL) memset(block, 0, total);
    return block;
}

size_t gani_block_size(const void *block) {
    return ((const header *)(const void *)((const unsigned char *)block - ALIGNMENT))->size;
}

void gani_free(gan_context *context, void *block) {
    if (block == NULL) return;
    unsigned char *base = (unsigned char *)block - ALIGNMENT;
    size_t total = gani_block_size(block);
    context->allocator.deallocate(context->allocator.user, base, total);
    give_back(context, total);
}

void *gani_realloc(gan_context *context, void *block, size_t size) {
    if (block == NULL) return gani_alloc(context, size);
    void *moved = gani_alloc(context, size);
    if (moved == NULL) return NULL;
    size_t old = gani_block_size(block) - ALIGNMENT;
    memcpy(moved, block, old < size ? old : size);
    gani_free(context, block);
    return moved;
}

char *gani_strdup(gan_context *context, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = gani_alloc(context, size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

void gani_explain_memory(const gan_context *context, char *text, size_t size) {
    size_t length = strlen(text);
    if (context->refused == 0 || strstr(text, "memory_limit") != NULL) return; /* strstr: the text quotes another */
    snprintf(text + length, size - length, ": %zu bytes were wanted, and %zu of memory_limit's %zu are in use",
             context->refused, atomic_load_explicit(&context->memory, memory_order_relaxed), context->memory_limit);
}
