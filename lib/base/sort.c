#include "base/sort.h"

/* Heapsort. */
static void sift(int32_t *order, int32_t root, int32_t count, gani_is_before *before, const void *user) {
    for (;;) {
        int32_t child = 2 * root + 1;
        if (child >= count) return;
        if (child + 1 < count && before(user, order[child], order[child + 1])) child++;
        if (!before(user, order[root], order[child])) return;
        int32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
        root = child;
    }
}

void gani_sort(int32_t *order, int32_t count, gani_is_before *before, const void *user) {
    for (int32_t i = count / 2; i-- > 0;) sift(order, i, count, before, user);
    for (int32_t i = count; i-- > 1;) {
        int32_t swap = order[0];
        order[0] = order[i];
        order[i] = swap;
        sift(order, 0, i, before, user);
    }
}
