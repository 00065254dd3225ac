/* Minimal filtering with AArch64's NEON, float: C that the compiler turns into pairs of its vectors. Compiled with
 * fused multiplication and addition. */
#include <string.h>

#include "kernel/conv_gemm.h"
#include "kernel/filter/filter.h"

typedef float vec __attribute__((vector_size(32)));
typedef float quad __attribute__((vector_size(16)));

static inline vec load(const float *from) {
    vec value;
    memcpy(&value, from, sizeof value);
    return value;
}
static inline void store(float *to, vec value) { memcpy(to, &value, sizeof value); }
static inline void stream(float *to, vec value) { store(to, value); }
static inline void stream_end(void) {}
static inline vec load_some(const float *from, int64_t count) {
    vec value = {0};
    memcpy(&value, from, (size_t)count * sizeof *from);
    return value;
}
static inline void store_some(float *to, vec value, int64_t count) { memcpy(to, &value, (size_t)count * sizeof *to); }

static inline void transpose_8x8(vec row[8]) {
    vec column[8];
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) column[i][j] = row[j][i];
    memcpy(row, column, sizeof column);
}

/* C (6 x 16) (+)= A B: A's element (i, k) at a + i * row + k * column; one of both is 1 where this is inlined. */
static inline __attribute__((always_inline)) void product(int64_t count, const float *a, int64_t row, int64_t column,
                                                          const float *b, float *c, int64_t c_pitch, int accumulate) {
    quad sum[6][4];
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) sum[i][j] = (quad){0};
    for (int64_t k = 0; k < count; k++, a += column, b += 16) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            quad right;
            memcpy(&right, b + j * 4, sizeof right);
#pragma GCC unroll 6
            for (int i = 0; i < 6; i++) sum[i][j] += a[i * row] * right;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            float *to = c + i * c_pitch + j * 4;
            quad before, now = sum[i][j];
            if (accumulate) {
                memcpy(&before, to, sizeof before);
                now += before;
            }
            memcpy(to, &now, sizeof now);
        }
}

#include "kernel/filter/filter.inc"

#define NEON_RUN(function) gani_##function##_neon
#define NEON_FILTERED(function) gani_##function##_filtered_neon_f32
#define NEON_DIRECT(function) gani_##function##_neon_f32
FILTER_ENTRIES(NEON_RUN, NEON_FILTERED, NEON_DIRECT, &own_products)
