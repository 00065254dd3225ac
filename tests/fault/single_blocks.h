/* In place of base/arena.c, for the one program that includes it: every record and every block of values of a tape is
 * an allocation of its own, so that each can fail. (The linker takes no object from the library whose symbols are there
 * already.) Sessions cannot be made with it: they plan on one block. */
#ifndef TESTS_FAULT_SINGLE_BLOCKS_H
#define TESTS_FAULT_SINGLE_BLOCKS_H

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/context.h"

#define SINGLE_HEADER 64 /* keeps what is behind it aligned */

struct gani_bump_chunk {
    gani_bump_chunk *next;
};

void gani_bump_init(gani_bump *bump, gan_context *context) {
    bump->context = context;
    bump->first = bump->current = NULL;
}

void *gani_bump_alloc(gani_bump *bump, size_t size) {
    gani_bump_chunk *chunk = size > SIZE_MAX / 2 ? NULL : gani_alloc(bump->context, size + SINGLE_HEADER);
    if (chunk == NULL) return NULL;
    chunk->next = bump->first;
    bump->first = chunk;
    return memset((char *)chunk + SINGLE_HEADER, 0, size);
}

gani_bump_mark gani_bump_here(const gani_bump *bump) { return (gani_bump_mark){bump->first, 0}; }

void gani_bump_rewind(gani_bump *bump, gani_bump_mark mark) {
    while (bump->first != mark.chunk) {
        gani_bump_chunk *next = bump->first->next;
        gani_free(bump->context, bump->first);
        bump->first = next;
    }
}

void gani_bump_end(gani_bump *bump) { gani_bump_rewind(bump, (gani_bump_mark){NULL, 0}); }

struct gani_heap_chunk {
    gani_heap_chunk *next, *before;
    size_t size;
};

void gani_heap_init(gani_heap *heap, gan_context *context) {
    memset(heap, 0, sizeof *heap);
    heap->context = context;
}

void *gani_heap_alloc(gani_heap *heap, size_t size) {
    gani_heap_chunk *chunk = size > SIZE_MAX / 4 ? NULL : gani_alloc(heap->context, size + SINGLE_HEADER);
    if (chunk == NULL) return NULL;
    *chunk = (gani_heap_chunk){heap->chunks, NULL, size};
    if (chunk->next != NULL) chunk->next->before = chunk;
    heap->chunks = chunk;
    heap->used += size;
    if (heap->used > heap->peak) heap->peak = heap->used;
    return (char *)chunk + SINGLE_HEADER;
}

void gani_heap_free(gani_heap *heap, void *block) {
    if (block == NULL) return;
    gani_heap_chunk *chunk = (gani_heap_chunk *)(void *)((char *)block - SINGLE_HEADER);
    heap->used -= chunk->size;
    if (chunk->next != NULL) chunk->next->before = chunk->before;
    if (chunk->before != NULL)
        chunk->before->next = chunk->next;
    else
        heap->chunks = chunk->next;
    gani_free(heap->context, chunk);
}

void gani_heap_reset(gani_heap *heap) {
    while (heap->chunks != NULL) gani_heap_free(heap, (char *)heap->chunks + SINGLE_HEADER);
}

int gani_heap_resize(gani_heap *heap, size_t size) {
    (void)heap;
    return size == 0;
}

void gani_heap_end(gani_heap *heap) { gani_heap_reset(heap); }

#endif
