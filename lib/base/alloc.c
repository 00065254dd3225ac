/* Memory from the host's allocator. The host's deallocate wants the size back, so a header in front of each block keeps
 * it; the header is a whole cache line because blocks are 64-byte aligned. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

#define ALIGNMENT 64

typedef struct header {
    size_t size; /* as asked of the host, header included */
} header;

void *gani_alloc(gan_context *context, size_t size) {
    size_t total;
    if (!gani_add_size(size, ALIGNMENT, &total)) return NULL;
    unsigned char *base = context->allocator.allocate(context->allocator.user, ALIGNMENT, total);
    if (base == NULL) return NULL;
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

void gani_free(gan_context *context, void *block) {
    if (block == NULL) return;
    unsigned char *base = (unsigned char *)block - ALIGNMENT;
    context->allocator.deallocate(context->allocator.user, base, ((header *)(void *)base)->size);
}

void *gani_realloc(gan_context *context, void *block, size_t size) {
    if (block == NULL) return gani_alloc(context, size);
    void *moved = gani_alloc(context, size);
    if (moved == NULL) return NULL;
    size_t old = ((header *)(void *)((unsigned char *)block - ALIGNMENT))->size - ALIGNMENT;
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
