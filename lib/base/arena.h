/* Memory of a tape. Two parts: a bump allocator for the small records of a tape, and a best-fit heap for tensor data
 * whose blocks are freed one by one. Both keep their memory at reset, and the heap joins what it has into one block
 * then, so that a step that repeats allocates nothing. */
#ifndef GANI_BASE_ARENA_H
#define GANI_BASE_ARENA_H

#include <stddef.h>

struct gan_context;

typedef struct gani_bump_chunk gani_bump_chunk;
typedef struct gani_bump {
    struct gan_context *context;
    gani_bump_chunk *first, *current;
} gani_bump;
typedef struct gani_bump_mark {
    gani_bump_chunk *chunk;
    size_t used;
} gani_bump_mark;

void gani_bump_init(gani_bump *bump, struct gan_context *context);
void *gani_bump_alloc(gani_bump *bump, size_t size); /* 16-byte aligned, zeroed; NULL without memory */
gani_bump_mark gani_bump_here(const gani_bump *bump);
void gani_bump_rewind(gani_bump *bump, gani_bump_mark mark); /* the zero mark: everything */
void gani_bump_end(gani_bump *bump);

typedef struct gani_heap_chunk gani_heap_chunk;
typedef struct gani_heap_block gani_heap_block;
typedef struct gani_heap {
    struct gan_context *context;
    gani_heap_chunk *chunks;
    gani_heap_block *free_list; /* by size, then address: best fit is the first that fits */
    size_t used, peak;          /* bytes in live blocks; highest ever */
    size_t reserved;            /* bytes in chunks */
    int joined;                 /* a reset has made one chunk of several */
    int fixed;                  /* what it has is all it gets: nothing is given back for more, either */
} gani_heap;

void gani_heap_init(gani_heap *heap, struct gan_context *context);
void *gani_heap_alloc(gani_heap *heap, size_t size); /* 64-byte aligned, not zeroed; NULL without memory */
void gani_heap_free(gani_heap *heap, void *block);   /* NULL allowed */
void gani_heap_reset(gani_heap *heap); /* every block is free again; several chunks become one at the next need */
/* The same, but the memory is one chunk for `size` bytes of blocks and their headers from now on; 0 without memory. */
int gani_heap_resize(gani_heap *heap, size_t size);
void gani_heap_end(gani_heap *heap);

#endif
