/* Sorting without memory of its own, in n log n steps whatever a hostile file holds: qsort promises neither. */
#ifndef GANI_BASE_SORT_H
#define GANI_BASE_SORT_H

#include <stdint.h>

/* Does item a come before item b? */
typedef int gani_is_before(const void *user, int32_t a, int32_t b);
/* Puts the `count` items named in `order` into their order; equal ones in any. */
void gani_sort(int32_t *order, int32_t count, gani_is_before *before, const void *user);

#endif
