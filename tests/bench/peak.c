#include "peak.h"

#include <stdlib.h>
#include <string.h>

#include "seconds.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Attempts; the fastest counts, for others may use the machine too. */
enum { BURSTS = 30, TRIADS = 8 };
enum { ITERATIONS = 1 << 20, CHAINS = 12 };
enum { VECTOR = 1 << 24 }; /* floats: 64 MiB, beyond the caches */

/* ---- multiply-adds: as many independent chains as hide their latency ---- */

/* clang-format off */
#define EACH(DO, FMA)                                                                                                  \
    DO(FMA, 0) DO(FMA, 1) DO(FMA, 2) DO(FMA, 3) DO(FMA, 4) DO(FMA, 5)                                                  \
    DO(FMA, 6) DO(FMA, 7) DO(FMA, 8) DO(FMA, 9) DO(FMA, 10) DO(FMA, 11)
#define DECLARE(FMA, i) x##i = half * (float)(i),
#define STEP(FMA, i) x##i = FMA(x##i, half, one);
#define PLUS(FMA, i) + x##i
#define LOOP(NAME, VECTOR_TYPE, FMA)                                                                                   \
    static float NAME(void) {                                                                                          \
        const VECTOR_TYPE zero = {0}, half = zero + 0.5f, one = zero + 1.0f;                                           \
        VECTOR_TYPE EACH(DECLARE, FMA) sum;                                                                            \
        for (int i = 0; i < ITERATIONS; i++) {                                                                         \
            EACH(STEP, FMA)                                                                                            \
        }                                                                                                              \
        sum = zero EACH(PLUS, FMA);                                                                                    \
        return sum[0];                                                                                                 \
    }

typedef float plain_vector __attribute__((vector_size(16)));
#define MULTIPLY_ADD(x, y, z) ((x) * (y) + (z))
LOOP(plain, plain_vector, MULTIPLY_ADD)
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) LOOP(avx2, __m256, _mm256_fmadd_ps)
__attribute__((target("avx512f"))) LOOP(avx512, __m512, _mm512_fmadd_ps)
#endif

static int plain_here(void) { return 1; }
#if defined(__x86_64__)
static int avx2_here(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int avx512_here(void) { return __builtin_cpu_supports("avx512f") != 0; }
#endif
/* clang-format on */

static const struct level {
    const char *name;
    int lanes;
    float (*loop)(void);
    int (*here)(void);
} levels[] = {
    {"reference", 4, plain, plain_here},
#if defined(__x86_64__)
    {"avx2", 8, avx2, avx2_here},
    {"avx512", 16, avx512, avx512_here},
#endif
};
enum { LEVELS = sizeof levels / sizeof levels[0] };

const char *peak_level(int32_t index) { return index < LEVELS ? levels[index].name : NULL; }

typedef struct burst {
    float (*loop)(void);
    float sums[256]; /* looked at by nobody, but the compiler cannot know */
} burst;

static void burst_task(void *argument, int64_t index, int32_t worker) {
    burst *b = argument;
    (void)index;
    b->sums[worker] = b->loop();
}

double peak_flops(gani_pool *pool, const char *level) {
    const struct level *l = NULL;
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(levels[i].name, level) == 0) {
            if (!levels[i].here()) return 0;
            l = &levels[i];
            break;
        }
        if (levels[i].here()) l = &levels[i];
    }
    burst b = {.loop = l->loop};
    int32_t threads = gani_pool_workers(pool);
    double best = 0;
    for (int i = 0; i < BURSTS; i++) {
        double start = wall_seconds();
        gani_parallel(pool, threads, burst_task, &b);
        double rate = 2.0 * CHAINS * ITERATIONS * l->lanes * threads / (wall_seconds() - start);
        if (rate > best) best = rate;
    }
    return best;
}

/* ---- memory ---- */

typedef struct triad {
    float *a, *b, *c;
    int64_t share;
} triad;

static void triad_fill(void *argument, int64_t index, int32_t worker) {
    const triad *t = argument;
    (void)worker;
    for (int64_t i = index * t->share; i < (index + 1) * t->share; i++) t->a[i] = 0, t->b[i] = 1, t->c[i] = 2;
}

static void triad_task(void *argument, int64_t index, int32_t worker) {
    const triad *t = argument;
    float *restrict a = t->a + index * t->share;
    const float *b = t->b + index * t->share, *c = t->c + index * t->share;
    (void)worker;
    for (int64_t i = 0; i < t->share; i++) a[i] = b[i] + 3 * c[i];
}

double peak_bandwidth(gani_pool *pool) {
    int32_t threads = gani_pool_workers(pool);
    triad t = {.share = VECTOR / threads};
    t.a = malloc(sizeof(float) * VECTOR), t.b = malloc(sizeof(float) * VECTOR), t.c = malloc(sizeof(float) * VECTOR);
    double best = 0;
    if (t.a != NULL && t.b != NULL && t.c != NULL) {
        gani_parallel(pool, threads, triad_fill, &t);
        for (int i = 0; i < TRIADS; i++) {
            double start = wall_seconds();
            gani_parallel(pool, threads, triad_task, &t);
            double rate = 3.0 * sizeof(float) * (double)(t.share * threads) / (wall_seconds() - start);
            if (rate > best) best = rate;
        }
    }
    free(t.a), free(t.b), free(t.c);
    return best;
}
