/* The tape's memory: a bump allocator for records and a heap whose blocks are freed one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "host.h"

static host_memory memory;
static gan_context *context;

static int open_context(void **state) {
    (void)state;
    memset(&memory, 0, sizeof memory);
    context = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
    return 0;
}

static int close_context(void **state) {
    (void)state;
    gan_context_release(context);
    return atomic_load(&memory.blocks) == 0 && atomic_load(&memory.bytes) == 0 ? 0 : -1;
}

static void bump_memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    gani_bump bump;
    gani_bump_init(&bump, context);
    for (int round = 0; round < 3; round++) {
        unsigned char *last = NULL;
        for (size_t size = 0; size < 400; size++) {
            unsigned char *p = gani_bump_alloc(&bump, size);
            assert_non_null(p);
            assert_true((uintptr_t)p % 16 == 0);
            for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
            memset(p, 0xee, size);
            if (last != NULL && size > 1) assert_true(p != last);
            last = p;
        }
        unsigned char *large = gani_bump_alloc(&bump, 1000000); /* more than a chunk */
        assert_non_null(large);
        assert_true(large[0] == 0 && large[999999] == 0);
        memset(large, 0xee, 1000000);
        gani_bump_rewind(&bump, (gani_bump_mark){NULL, 0});
    }
    assert_null(gani_bump_alloc(&bump, SIZE_MAX));
    gani_bump_end(&bump);
}

static void bump_repeats_without_the_allocator(void **state) {
    (void)state;
    gani_bump bump;
    gani_bump_init(&bump, context);
    long long calls = 0;
    for (int round = 0; round < 20; round++) {
        if (round == 1) calls = atomic_load(&memory.calls);
        gani_bump_rewind(&bump, (gani_bump_mark){NULL, 0});
        for (int i = 0; i < 1000; i++) assert_non_null(gani_bump_alloc(&bump, 300));
    }
    assert_true(atomic_load(&memory.calls) == calls);
    /* back to a mark: what came before it is untouched, what comes after reuses its place */
    gani_bump_rewind(&bump, (gani_bump_mark){NULL, 0});
    unsigned char *before = gani_bump_alloc(&bump, 64);
    memset(before, 0x11, 64);
    gani_bump_mark mark = gani_bump_here(&bump);
    void *first = gani_bump_alloc(&bump, 100);
    for (int i = 0; i < 1000; i++) assert_non_null(gani_bump_alloc(&bump, 300));
    gani_bump_rewind(&bump, mark);
    assert_ptr_equal(gani_bump_alloc(&bump, 100), first);
    for (int i = 0; i < 64; i++) assert_int_equal(before[i], 0x11);
    gani_bump_end(&bump);
}

/* A random sequence of allocations and frees: no two live blocks overlap, contents survive. */
static void heap_blocks_do_not_overlap(void **state) {
    (void)state;
    enum { SLOTS = 64 };
    gani_heap heap;
    gani_heap_init(&heap, context);
    unsigned char *blocks[SLOTS] = {NULL};
    size_t sizes[SLOTS] = {0};
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t slot = (size_t)(seed >> 58);
        if (blocks[slot] != NULL) {
            for (size_t k = 0; k < sizes[slot]; k += 61) assert_int_equal(blocks[slot][k], (int)slot);
            gani_heap_free(&heap, blocks[slot]);
            blocks[slot] = NULL;
        } else {
            sizes[slot] = (size_t)(seed >> 20 & 0x3fff) * (seed >> 40 & 7);
            blocks[slot] = gani_heap_alloc(&heap, sizes[slot]);
            assert_non_null(blocks[slot]);
            assert_true((uintptr_t)blocks[slot] % 64 == 0);
            memset(blocks[slot], (int)slot, sizes[slot]);
        }
    }
    for (int i = 0; i < SLOTS; i++) gani_heap_free(&heap, blocks[i]);
    assert_true(heap.used == 0);
    gani_heap_end(&heap);
}

static void heap_memory_comes_back(void **state) {
    (void)state;
    gani_heap heap;
    gani_heap_init(&heap, context);
    /* freed neighbours join, in any order: the whole is there again */
    for (int order = 0; order < 4; order++) {
        void *p[4];
        for (int i = 0; i < 4; i++) p[i] = gani_heap_alloc(&heap, 200000);
        size_t reserved = heap.reserved;
        for (int i = 0; i < 4; i++) gani_heap_free(&heap, p[(i * (order % 2 ? 3 : 1) + order) % 4]);
        void *whole = gani_heap_alloc(&heap, 800000);
        assert_non_null(whole);
        assert_true(heap.reserved == reserved);
        gani_heap_free(&heap, whole);
    }
    gani_heap_free(&heap, NULL);
    assert_null(gani_heap_alloc(&heap, SIZE_MAX));
    assert_null(gani_heap_alloc(&heap, SIZE_MAX - 100));
    assert_true(heap.peak >= 800000);
    gani_heap_end(&heap);
}

/* After the first reset the chunks are one, after that nothing is asked for. */
static void heap_settles(void **state) {
    (void)state;
    gani_heap heap;
    gani_heap_init(&heap, context);
    long long calls = 0;
    const void *place = NULL;
    for (int round = 0; round < 10; round++) {
        if (round == 2) calls = atomic_load(&memory.calls);
        gani_heap_reset(&heap);
        void *first = gani_heap_alloc(&heap, 3000000);
        for (int i = 0; i < 10; i++) assert_non_null(gani_heap_alloc(&heap, 700000));
        if (round >= 2) assert_ptr_equal(first, place); /* placement depends on the sequence of calls only */
        place = first;
    }
    assert_true(atomic_load(&memory.calls) == calls);
    gani_heap_end(&heap);
}

static void without_memory(void **state) {
    (void)state;
    gani_heap heap;
    gani_bump bump;
    gani_heap_init(&heap, context);
    gani_bump_init(&bump, context);
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_null(gani_heap_alloc(&heap, 100));
    assert_null(gani_bump_alloc(&bump, 100));
    memory.fail_at = 0;
    assert_non_null(gani_heap_alloc(&heap, 100));
    assert_non_null(gani_bump_alloc(&bump, 100));
    /* reset joins two chunks: the old ones are given back first, and without memory for one it goes on when there is
     * some */
    assert_non_null(gani_heap_alloc(&heap, 5000000));
    memory.fail_at = atomic_load(&memory.calls) + 1;
    gani_heap_reset(&heap);
    assert_null(gani_heap_alloc(&heap, 100));
    memory.fail_at = 0;
    assert_non_null(gani_heap_alloc(&heap, 100));
    gani_heap_end(&heap);
    gani_bump_end(&bump);
}

static void heap_of_a_given_size(void **state) {
    (void)state;
    gani_heap heap;
    gani_heap_init(&heap, context);
    assert_non_null(gani_heap_alloc(&heap, 3000000));
    long long bytes = atomic_load(&memory.bytes);
    for (size_t size = 1; size < 5000; size += 777) {
        assert_true(gani_heap_resize(&heap, size));
        assert_true(heap.used == 0 && heap.reserved >= size && heap.reserved < size + 64);
        long long calls = atomic_load(&memory.calls);
        assert_true(atomic_load(&memory.bytes) < bytes);
        if (size > 1000) assert_non_null(gani_heap_alloc(&heap, 640));
        gani_heap_reset(&heap);
        assert_true(atomic_load(&memory.calls) == calls);
    }
    memory.fail_at = atomic_load(&memory.calls) + 1;
    assert_false(gani_heap_resize(&heap, 1000000));
    memory.fail_at = 0;
    assert_non_null(gani_heap_alloc(&heap, 1000)); /* it goes on as an empty one */
    gani_heap_end(&heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bump_memory_is_zeroed_and_aligned),
        cmocka_unit_test(bump_repeats_without_the_allocator),
        cmocka_unit_test(heap_blocks_do_not_overlap),
        cmocka_unit_test(heap_memory_comes_back),
        cmocka_unit_test(heap_settles),
        cmocka_unit_test(heap_of_a_given_size),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
