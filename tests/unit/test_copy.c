/* gani_copy_strided against nested loops: random ranks, sizes, permutations, gaps, broadcasts, reversals. */
#include "support/kernel_fixture.h"

#include "kernel/copy.h"

enum { SPACE = 60000, UNTOUCHED = 0xa5 };

typedef struct copy_case {
    size_t element;
    int32_t rank;
    int64_t sizes[GANI_COPY_MAX_RANK], src[GANI_COPY_MAX_RANK], dst[GANI_COPY_MAX_RANK];
    int64_t src_start, dst_start, src_span, dst_span; /* in elements */
} copy_case;

static int64_t pick(uint64_t *state, int64_t below) { return (int64_t)next_uniform(state, 0.0, (double)below); }

/* Strides of an array with its dimensions in a random memory order, gaps and, if wanted, broadcasts and reversals. */
static void choose_strides(uint64_t *state, const copy_case *t, int64_t *strides, int broadcast, int64_t *start,
                           int64_t *span) {
    int32_t order[GANI_COPY_MAX_RANK] = {0};
    for (int32_t d = 0; d < t->rank; d++) {
        int32_t at = (int32_t)pick(state, d + 1);
        order[d] = order[at];
        order[at] = d;
    }
    if (pick(state, 3) == 0) {
        for (int32_t d = 0; d < t->rank; d++) {
            order[d] = t->rank - 1 - d; /* the natural order, so that dimensions merge */
        }
    }
    int64_t step = pick(state, 4) == 0 ? 2 : 1;
    *start = 0;
    for (int32_t j = 0; j < t->rank; j++) {
        int32_t d = order[j];
        int64_t size = t->sizes[d] > 0 ? t->sizes[d] : 1;
        strides[d] = step;
        if (broadcast && pick(state, 5) == 0) {
            strides[d] = 0;
            continue;
        }
        step *= size;
        step += pick(state, 4) == 0 ? 1 : 0;
        if (pick(state, 6) == 0) {
            *start += (size - 1) * strides[d];
            strides[d] = -strides[d];
        }
    }
    *span = step;
}

static void check_copy(const copy_case *t) {
    size_t element = t->element;
    /* Of the exact size where the case allows, for the address sanitizer. */
    unsigned char *src = malloc((size_t)t->src_span * element);
    unsigned char *dst = malloc((size_t)t->dst_span * element);
    unsigned char *want = malloc((size_t)t->dst_span * element);
    assert_true(src != NULL && dst != NULL && want != NULL);
    for (size_t i = 0; i < (size_t)t->src_span * element; i++) {
        src[i] = (unsigned char)(i * 31u + i / 251u);
    }
    memset(dst, UNTOUCHED, (size_t)t->dst_span * element);
    memset(want, UNTOUCHED, (size_t)t->dst_span * element);

    int64_t total = 1;
    for (int32_t d = 0; d < t->rank; d++) {
        total *= t->sizes[d];
    }
    for (int64_t i = 0; i < total; i++) {
        int64_t from = t->src_start;
        int64_t to = t->dst_start;
        int64_t rest = i;
        for (int32_t d = t->rank - 1; d >= 0; d--) {
            from += rest % t->sizes[d] * t->src[d];
            to += rest % t->sizes[d] * t->dst[d];
            rest /= t->sizes[d];
        }
        memcpy(want + (size_t)to * element, src + (size_t)from * element, element);
    }
    gani_copy_strided(element, t->rank, t->sizes, src + (size_t)t->src_start * element, t->src,
                      dst + (size_t)t->dst_start * element, t->dst);
    assert_memory_equal(dst, want, (size_t)t->dst_span * element);
    free(want);
    free(dst);
    free(src);
}

static void test_random(void **state) {
    (void)state;
    static const size_t elements[] = {1, 4, 8};
    uint64_t seed = 1;
    for (int round = 0; round < 6000; round++) {
        copy_case t = {.element = elements[pick(&seed, 3)], .rank = (int32_t)pick(&seed, GANI_COPY_MAX_RANK + 1)};
        int64_t total = 1;
        for (int32_t d = 0; d < t.rank; d++) {
            int64_t limit = t.rank <= 2 ? 70 : t.rank <= 4 ? 20 : 4;
            t.sizes[d] = pick(&seed, 100) == 0 ? 0 : 1 + pick(&seed, limit);
            total *= t.sizes[d] > 0 ? t.sizes[d] : 1;
            if (total > SPACE / 8) {
                total /= t.sizes[d];
                t.sizes[d] = 1;
            }
        }
        choose_strides(&seed, &t, t.src, 1, &t.src_start, &t.src_span);
        choose_strides(&seed, &t, t.dst, 0, &t.dst_start, &t.dst_span);
        check_copy(&t);
    }
}

static void test_shapes_of_the_library(void **state) {
    (void)state;
    static const copy_case cases[] = {
        /* contiguous, one memcpy */
        {4, 4, {2, 3, 4, 5}, {60, 20, 5, 1}, {60, 20, 5, 1}, 0, 0, 120, 120},
        /* matrix transposition, sizes that tiles do not divide */
        {4, 2, {37, 50}, {1, 37}, {50, 1}, 0, 0, 1850, 1850},
        {8, 2, {16, 16}, {1, 16}, {16, 1}, 0, 0, 256, 256},
        {1, 2, {33, 47}, {1, 33}, {47, 1}, 0, 0, 1551, 1551},
        /* NHWC bytes to NCHW and back */
        {1, 4, {2, 3, 8, 9}, {216, 1, 27, 3}, {216, 72, 9, 1}, 0, 0, 432, 432},
        {4, 4, {2, 8, 9, 3}, {216, 9, 1, 72}, {216, 27, 3, 1}, 0, 0, 432, 432},
        /* a bias over N x C x H x W; one value over everything */
        {4, 4, {2, 5, 3, 3}, {0, 1, 0, 0}, {45, 9, 3, 1}, 0, 0, 5, 90},
        {8, 3, {4, 5, 6}, {0, 0, 0}, {30, 6, 1}, 0, 0, 1, 120},
        /* every second column; a block into a larger array */
        {4, 2, {6, 5}, {10, 2}, {5, 1}, 0, 0, 60, 30},
        {4, 2, {6, 5}, {5, 1}, {11, 1}, 0, 3, 30, 69},
        /* reversal; rank 0; nothing */
        {8, 1, {7}, {-1}, {1}, 6, 0, 7, 7},
        {4, 0, {0}, {0}, {0}, 0, 0, 1, 1},
        {4, 2, {0, 3}, {3, 1}, {3, 1}, 0, 0, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_copy(&cases[i]);
    }
    int64_t none = 0;
    int64_t one = 1;
    gani_copy_strided(4, 1, &none, NULL, &one, NULL, &one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_shapes_of_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
