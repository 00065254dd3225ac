#include "kernel/copy.h"

#include <string.h>

/* Side of the square tiles of a transposition: 16 rows of 4 bytes are 16 cache lines on either side. */
#define TILE 16

typedef struct dimension {
    int64_t size, src, dst; /* strides in elements */
} dimension;

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

/* Elements travel by memcpy of a constant size, one instruction, so that any type may lie behind the pointers. */
#define DEFINE_COPY(bits)                                                                                              \
    static void copy_line_##bits(int64_t n, const char *src, int64_t src_stride, char *dst, int64_t dst_stride) {      \
        const int64_t size = bits / 8;                                                                                 \
        if (src_stride == 0 && dst_stride == 1) {                                                                      \
            uint##bits##_t value;                                                                                      \
            memcpy(&value, src, sizeof value);                                                                         \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                memcpy(dst + i * size, &value, sizeof value);                                                          \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        if (dst_stride == 1) {                                                                                         \
            for (int64_t i = 0; i < n; i++) {                                                                          \
                memcpy(dst + i * size, src + i * src_stride * size, bits / 8);                                         \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            memcpy(dst + i * dst_stride * size, src + i * src_stride * size, bits / 8);                                \
        }                                                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    static void copy_tiles_##bits(const dimension *rows, const dimension *columns, const char *src, char *dst) {       \
        const int64_t size = bits / 8;                                                                                 \
        for (int64_t r0 = 0; r0 < rows->size; r0 += TILE) {                                                            \
            int64_t r1 = rows->size - r0 < TILE ? rows->size : r0 + TILE;                                              \
            for (int64_t c0 = 0; c0 < columns->size; c0 += TILE) {                                                     \
                int64_t width = columns->size - c0 < TILE ? columns->size - c0 : TILE;                                 \
                for (int64_t r = r0; r < r1; r++) {                                                                    \
                    copy_line_##bits(width, src + (r * rows->src + c0 * columns->src) * size, columns->src,            \
                                     dst + (r * rows->dst + c0 * columns->dst) * size, columns->dst);                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_COPY(8)
DEFINE_COPY(32)
DEFINE_COPY(64)

#undef DEFINE_COPY

static void copy_line(size_t element, const dimension *line, const char *src, char *dst) {
    if (line->src == 1 && line->dst == 1) {
        memcpy(dst, src, (size_t)line->size * element);
    } else if (element == 4) {
        copy_line_32(line->size, src, line->src, dst, line->dst);
    } else if (element == 8) {
        copy_line_64(line->size, src, line->src, dst, line->dst);
    } else {
        copy_line_8(line->size, src, line->src, dst, line->dst);
    }
}

static void copy_plane(size_t element, const dimension *rows, const dimension *columns, const char *src, char *dst) {
    if (magnitude(columns->src) <= magnitude(rows->src)) {
        /* No transposition: line by line. */
        int64_t src_step = rows->src * (int64_t)element;
        int64_t dst_step = rows->dst * (int64_t)element;
        for (int64_t r = 0; r < rows->size; r++) {
            copy_line(element, columns, src + r * src_step, dst + r * dst_step);
        }
    } else if (element == 4) {
        copy_tiles_32(rows, columns, src, dst);
    } else if (element == 8) {
        copy_tiles_64(rows, columns, src, dst);
    } else {
        copy_tiles_8(rows, columns, src, dst);
    }
}

/* The dimensions in the order of dst's memory (the order of a copy is free), those of size 1 left out and those that
 * run on from each other, in src as in dst, made one. Returns their number, or -1 when there is nothing to copy. */
static int32_t simplify(int32_t rank, const int64_t *sizes, const int64_t *src_strides, const int64_t *dst_strides,
                        dimension *dims) {
    int32_t count = 0;
    for (int32_t d = 0; d < rank; d++) {
        if (sizes[d] <= 0) {
            return -1;
        }
        if (sizes[d] == 1) {
            continue;
        }
        dimension added = {sizes[d], src_strides[d], dst_strides[d]};
        int32_t at = count++;
        for (; at > 0 && magnitude(dims[at - 1].dst) < magnitude(added.dst); at--) {
            dims[at] = dims[at - 1];
        }
        dims[at] = added;
    }
    int32_t merged = 0;
    for (int32_t d = 0; d < count; d++) {
        dimension *outer = merged > 0 ? &dims[merged - 1] : NULL;
        dimension inner = dims[d];
        if (outer != NULL && outer->src == inner.src * inner.size && outer->dst == inner.dst * inner.size) {
            inner.size *= outer->size;
            *outer = inner;
        } else {
            dims[merged++] = inner;
        }
    }
    return merged;
}

/* Brings the dimension that is densest in src next to the innermost one, if that one is not dense itself: the two
 * make a transposition, done in tiles. */
static void pair_transposed(int32_t rank, dimension *dims) {
    int32_t best = rank - 1;
    for (int32_t d = rank - 2; d >= 0; d--) {
        if (dims[d].src != 0 && magnitude(dims[d].src) < magnitude(dims[best].src)) {
            best = d;
        }
    }
    if (best == rank - 1) {
        return;
    }
    dimension rows = dims[best];
    for (int32_t d = best; d < rank - 2; d++) {
        dims[d] = dims[d + 1];
    }
    dims[rank - 2] = rows;
}

void gani_copy_strided(size_t element, int32_t rank, const int64_t *sizes, const void *src, const int64_t *src_strides,
                       void *dst, const int64_t *dst_strides) {
    dimension dims[GANI_COPY_MAX_RANK];
    int32_t count = simplify(rank, sizes, src_strides, dst_strides, dims);
    if (count < 0) {
        return;
    }
    /* Two inner dimensions at least, so that there is one way through the rest. */
    dimension single = {1, 0, 0};
    dimension *rows = &single;
    dimension *columns = &single;
    if (count >= 2) {
        pair_transposed(count, dims);
        rows = &dims[count - 2];
    }
    if (count >= 1) {
        columns = &dims[count - 1];
    }
    int32_t outer = count > 2 ? count - 2 : 0;
    const char *from = src;
    char *to = dst;
    int64_t index[GANI_COPY_MAX_RANK] = {0};

    for (;;) {
        copy_plane(element, rows, columns, from, to);
        int32_t d = outer - 1;
        for (; d >= 0; d--) {
            int64_t src_step = dims[d].src * (int64_t)element;
            int64_t dst_step = dims[d].dst * (int64_t)element;
            if (++index[d] < dims[d].size) {
                from += src_step;
                to += dst_step;
                break;
            }
            index[d] = 0;
            from -= (dims[d].size - 1) * src_step;
            to -= (dims[d].size - 1) * dst_step;
        }
        if (d < 0) {
            return;
        }
    }
}
