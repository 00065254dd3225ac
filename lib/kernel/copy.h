/* Copies between strided arrays: what reshapes, transposes, slices and broadcasts come down to. */
#ifndef GANI_KERNEL_COPY_H
#define GANI_KERNEL_COPY_H

#include <stddef.h>
#include <stdint.h>

#define GANI_COPY_MAX_RANK 8

/* dst[i0, i1, ...] = src[i0, i1, ...] for every index below sizes[0..rank). element is 1, 4 or 8 bytes, rank 0..8
 * (0: one element). Strides are in elements; those of src may be 0 (broadcast) or negative, those of dst may be
 * negative and reach no element twice. The two arrays do not overlap; with a size of 0 nothing is read. */
void gani_copy_strided(size_t element, int32_t rank, const int64_t *sizes, const void *src, const int64_t *src_strides,
                       void *dst, const int64_t *dst_strides);

#endif
