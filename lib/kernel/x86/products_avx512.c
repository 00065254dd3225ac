/* See products_avx512.h. Compiled with -mavx512f. */
#include "kernel/x86/products_avx512.h"

#include <immintrin.h>

/* Rows go in groups of 6, the AVX2 level's. Four groups fill 24 of the 32 registers with sums; elements of A are
 * broadcast by the multiplication itself. */
enum { GROUP = 6, GROUPS = 4, COLUMNS = 16 };

/* Of filtering, 2^LINES cache lines of a row of A are fetched ahead, a block of K. The first multiplications of a call
 * fetch the next B, the second ones the next A. */
enum { LINES = 3 };

/* Where A's and C's elements lie: from one group to the next, from row to row, and for A from column to column. */
typedef struct steps {
    int64_t group, row, column, c_group, c_row;
} steps;

/* C (groups * 6 x 16) (+)= A B. `groups` and what is 1 in `s` are constants where this is inlined. A block of K is
 * summed from zero and then added to C, as at the other levels. */
static inline __attribute__((always_inline)) void product(int groups, int64_t count, const float *a, const float *b,
                                                          float *c, steps s, int accumulate, gani_ahead ahead,
                                                          int32_t lines) {
    const int64_t line = ((int64_t)1 << lines) - 1;
    const float *from[GROUPS] = {a, a + s.group, a + 2 * s.group, a + 3 * s.group};
    __m512 sum[GROUPS][GROUP];
#pragma GCC unroll 4
    for (int g = 0; g < groups; g++)
#pragma GCC unroll 6
        for (int i = 0; i < GROUP; i++) sum[g][i] = _mm512_setzero_ps();
    for (int64_t k = 0; k < count; k++, b += COLUMNS) {
        __m512 right = _mm512_loadu_ps(b);
        if (ahead.from != NULL)
            _mm_prefetch((const char *)ahead.from + (k >> lines) * ahead.pitch + (k & line) * GANI_LINE, _MM_HINT_T0);
#pragma GCC unroll 4
        for (int g = 0; g < groups; g++) {
#pragma GCC unroll 6
            for (int i = 0; i < GROUP; i++)
                sum[g][i] = _mm512_fmadd_ps(_mm512_set1_ps(from[g][i * s.row]), right, sum[g][i]);
            from[g] += s.column;
        }
    }
#pragma GCC unroll 4
    for (int g = 0; g < groups; g++)
#pragma GCC unroll 6
        for (int i = 0; i < GROUP; i++) {
            float *to = c + g * s.c_group + i * s.c_row;
            if (accumulate) sum[g][i] = _mm512_add_ps(_mm512_loadu_ps(to), sum[g][i]);
            _mm512_storeu_ps(to, sum[g][i]);
        }
}

static inline __attribute__((always_inline)) void choose(int64_t groups, int64_t count, const float *a, const float *b,
                                                         float *c, steps s, int accumulate, gani_ahead ahead,
                                                         int32_t lines) {
    if (groups == 4)
        product(4, count, a, b, c, s, accumulate, ahead, lines);
    else if (groups == 3)
        product(3, count, a, b, c, s, accumulate, ahead, lines);
    else if (groups == 2)
        product(2, count, a, b, c, s, accumulate, ahead, lines);
    else
        product(1, count, a, b, c, s, accumulate, ahead, lines);
}

/* All groups, up to four at a time, as evenly as they go: fewer than two leave the multipliers waiting. `first` is
 * fetched by the first of them, `second` in parts by so many of the next; lines: of both, a constant where it can be.
 */
static inline __attribute__((always_inline)) void products(int64_t groups, int64_t count, const float *a,
                                                           const float *b, float *c, steps s, int accumulate,
                                                           gani_ahead first, gani_ahead second, int64_t seconds,
                                                           int32_t lines) {
    for (int64_t rounds = (groups + GROUPS - 1) / GROUPS; rounds > 0; rounds--) {
        int64_t now = (groups + rounds - 1) / rounds;
        if (first.from != NULL) {
            choose(now, count, a, b, c, s, accumulate, first, lines);
            first.from = NULL;
        } else if (second.from != NULL && seconds-- > 0) {
            choose(now, count, a, b, c, s, accumulate, second, lines);
            second.from = (const char *)second.from + (count >> lines) * second.pitch;
        } else {
            choose(now, count, a, b, c, s, accumulate, gani_nothing_ahead, lines);
        }
        a += now * s.group;
        c += now * s.c_group;
        groups -= now;
    }
}

void gani_sweep_avx512(int64_t rows, int64_t kc, const float *a, const float *b, float *c, int64_t c_pitch,
                       int accumulate, gani_ahead ahead) {
    products(gani_ceil_div(rows, GROUP), kc, a, b, c, (steps){GROUP * kc, 1, GROUP, GROUP * c_pitch, c_pitch},
             accumulate, ahead, gani_nothing_ahead, 0, ahead.lines);
}

void gani_filter_rows_avx512(int64_t rows, int64_t count, const float *a, int64_t a_pitch, const float *b, float *c,
                             int64_t c_pitch, int accumulate, gani_filter_ahead ahead) {
    gani_ahead next_b = {ahead.b, GANI_LINE << LINES, LINES},
               next_a = {ahead.a, a_pitch * (int64_t)sizeof(float), LINES};
    products(rows / GROUP, count, a, b, c, (steps){GROUP * a_pitch, a_pitch, 1, GROUP * c_pitch, c_pitch}, accumulate,
             next_b, next_a, ((ahead.a_rows << LINES) + count - 1) / count, LINES);
}

void gani_filter_columns_avx512(int64_t rows, int64_t count, const float *a, int64_t a_pitch, const float *b, float *c,
                                int64_t c_pitch, int accumulate, gani_filter_ahead ahead) {
    (void)ahead;
    products(rows / GROUP, count, a, b, c, (steps){GROUP, 1, a_pitch, GROUP * c_pitch, c_pitch}, accumulate,
             gani_nothing_ahead, gani_nothing_ahead, 0, 0);
}
