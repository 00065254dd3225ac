#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/context.h"

/* ---- bump ---- */

#define BUMP_CHUNK 65536

struct gani_bump_chunk {
    gani_bump_chunk *next;
    size_t size, used;
};

void gani_bump_init(gani_bump *bump, gan_context *context) {
    bump->context = context;
    bump->first = bump->current = NULL;
}

static unsigned char *bump_bytes(gani_bump_chunk *chunk) { return (unsigned char *)chunk + 64; }

void *gani_bump_alloc(gani_bump *bump, size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + 15) & ~(size_t)15;
    gani_bump_chunk *chunk = bump->current;
    while (chunk != NULL && chunk->size - chunk->used < size && chunk->next != NULL) {
        chunk = chunk->next;
        chunk->used = 0;
    }
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t bytes = size > BUMP_CHUNK ? size : BUMP_CHUNK;
        gani_bump_chunk *fresh = gani_alloc(bump->context, bytes + 64);
        if (fresh == NULL) return NULL;
        fresh->next = NULL;
        fresh->size = bytes;
        fresh->used = 0;
        if (chunk == NULL)
            bump->first = fresh;
        else
            chunk->next = fresh;
        chunk = fresh;
    }
    bump->current = chunk;
    void *result = bump_bytes(chunk) + chunk->used;
    chunk->used += size;
    memset(result, 0, size);
    return result;
}

gani_bump_mark gani_bump_here(const gani_bump *bump) {
    gani_bump_mark mark = {bump->current, bump->current == NULL ? 0 : bump->current->used};
    return mark;
}

void gani_bump_rewind(gani_bump *bump, gani_bump_mark mark) {
    bump->current = mark.chunk == NULL ? bump->first : mark.chunk;
    if (bump->current != NULL) bump->current->used = mark.chunk == NULL ? 0 : mark.used;
}

void gani_bump_end(gani_bump *bump) {
    while (bump->first != NULL) {
        gani_bump_chunk *next = bump->first->next;
        gani_free(bump->context, bump->first);
        bump->first = next;
    }
    bump->current = NULL;
}

/* ---- heap
 * ------------------------------------------------------------------------------------------------------------ A chunk
 * is a row of blocks; neighbours know each other, so a freed block joins free neighbours. Block headers take one cache
 * line each, in front of the data. Placement depends only on the sequence of calls since the last reset. */

#define LINE 64
#define HEAP_CHUNK ((size_t)1 << 20)
/* A heap that has got this large doubles: few chunks leave few gaps, what is not touched costs nothing, and glibc takes
 * chunks of more than 32 MB back as soon as they are freed. */
#define HEAP_LARGE ((size_t)33 << 20)

struct gani_heap_block {
    gani_heap_block *before, *after;           /* neighbours in the chunk */
    gani_heap_block *free_before, *free_after; /* in the free list */
    size_t size;                               /* of the data, a multiple of LINE */
    int free;
};

struct gani_heap_chunk {
    gani_heap_chunk *next;
    size_t size; /* of all blocks with their headers */
};

void gani_heap_init(gani_heap *heap, gan_context *context) {
    memset(heap, 0, sizeof *heap);
    heap->context = context;
}

static void unlink_free(gani_heap *heap, gani_heap_block *block) {
    if (block->free_before != NULL)
        block->free_before->free_after = block->free_after;
    else
        heap->free_list = block->free_after;
    if (block->free_after != NULL) block->free_after->free_before = block->free_before;
    block->free = 0;
}

static void link_free(gani_heap *heap, gani_heap_block *block) {
    gani_heap_block *before = NULL, *after = heap->free_list;
    while (after != NULL && (after->size < block->size || (after->size == block->size && after < block))) {
        before = after;
        after = after->free_after;
    }
    block->free = 1;
    block->free_before = before;
    block->free_after = after;
    if (before != NULL)
        before->free_after = block;
    else
        heap->free_list = block;
    if (after != NULL) after->free_before = block;
}

static gani_heap_block *whole_chunk(gani_heap_chunk *chunk) {
    gani_heap_block *block = (gani_heap_block *)(void *)((unsigned char *)chunk + LINE);
    memset(block, 0, sizeof *block);
    block->size = chunk->size - LINE;
    return block;
}

/* Chunks in which nothing lives and which were too small make room for a larger one. */
static void release_free_chunks(gani_heap *heap) {
    gani_heap_chunk **link = &heap->chunks;
    while (*link != NULL) {
        gani_heap_chunk *chunk = *link;
        gani_heap_block *first = (gani_heap_block *)(void *)((unsigned char *)chunk + LINE);
        if (!first->free || first->after != NULL) {
            link = &chunk->next;
            continue;
        }
        unlink_free(heap, first);
        *link = chunk->next;
        heap->reserved -= chunk->size;
        gani_free(heap->context, chunk);
    }
}

static int add_chunk(gani_heap *heap, size_t size) {
    if (heap->fixed) return 0;
    release_free_chunks(heap);
    gani_heap_chunk *chunk = gani_alloc(heap->context, size + LINE);
    if (chunk == NULL) return 0;
    chunk->next = heap->chunks;
    chunk->size = size;
    heap->chunks = chunk;
    heap->reserved += size;
    link_free(heap, whole_chunk(chunk));
    return 1;
}

static gani_heap_block *best_fit(gani_heap *heap, size_t size) {
    gani_heap_block *block = heap->free_list;
    while (block != NULL && block->size < size) block = block->free_after;
    return block;
}

void *gani_heap_alloc(gani_heap *heap, size_t size) {
    if (size > SIZE_MAX / 4) return NULL;
    size = size == 0 ? LINE : (size + LINE - 1) & ~(size_t)(LINE - 1);
    gani_heap_block *block = best_fit(heap, size);
    if (block == NULL) {
        size_t need = size + LINE, least = heap->reserved < HEAP_LARGE ? HEAP_CHUNK : heap->reserved;
        if (!add_chunk(heap, need > least ? need : least) && (need >= least || !add_chunk(heap, need))) return NULL;
        block = best_fit(heap, size);
    }
    unlink_free(heap, block);
    if (block->size >= size + 2 * LINE) { /* the rest can hold a header and a line */
        gani_heap_block *rest = (gani_heap_block *)(void *)((unsigned char *)block + LINE + size);
        memset(rest, 0, sizeof *rest);
        rest->size = block->size - size - LINE;
        rest->before = block;
        rest->after = block->after;
        if (rest->after != NULL) rest->after->before = rest;
        block->after = rest;
        block->size = size;
        link_free(heap, rest);
    }
    heap->used += block->size;
    if (heap->used > heap->peak) heap->peak = heap->used;
    return (unsigned char *)block + LINE;
}

void gani_heap_free(gani_heap *heap, void *data) {
    if (data == NULL) return;
    gani_heap_block *block = (gani_heap_block *)(void *)((unsigned char *)data - LINE);
    heap->used -= block->size;
    gani_heap_block *after = block->after, *before = block->before;
    if (after != NULL && after->free) {
        unlink_free(heap, after);
        block->size += LINE + after->size;
        block->after = after->after;
        if (block->after != NULL) block->after->before = block;
    }
    if (before != NULL && before->free) {
        unlink_free(heap, before);
        before->size += LINE + block->size;
        before->after = block->after;
        if (before->after != NULL) before->after->before = before;
        block = before;
    }
    link_free(heap, block);
}

static void release_chunks(gani_heap *heap) {
    while (heap->chunks != NULL) {
        gani_heap_chunk *next = heap->chunks->next;
        gani_free(heap->context, heap->chunks);
        heap->chunks = next;
    }
    heap->free_list = NULL;
    heap->reserved = 0;
}

/* What the next round will need at once: after a heap has doubled, an eighth for gaps; if that has not been enough,
 * everything. */
static size_t joined_size(const gani_heap *heap) {
    size_t likely = (heap->peak + heap->peak / 8 + LINE - 1) & ~(size_t)(LINE - 1);
    return heap->joined || likely < HEAP_LARGE || likely > heap->reserved ? heap->reserved : likely;
}

void gani_heap_reset(gani_heap *heap) {
    heap->used = 0;
    if (heap->chunks == NULL) return;
    if (heap->chunks->next != NULL) {
        size_t size = joined_size(heap);
        release_chunks(heap);
        heap->joined = 1;
        (void)add_chunk(heap, size); /* without memory now, chunks are added again as they are needed */
        return;
    }
    heap->free_list = NULL;
    link_free(heap, whole_chunk(heap->chunks));
}

int gani_heap_resize(gani_heap *heap, size_t size) {
    release_chunks(heap);
    heap->used = 0;
    return add_chunk(heap, (size + LINE - 1) & ~(size_t)(LINE - 1));
}

void gani_heap_end(gani_heap *heap) {
    release_chunks(heap);
    heap->used = 0;
}
