#include "base/rng.h"

#include "base/box_muller.h"

static inline void one_round(uint32_t *c0, uint32_t *c1, uint32_t *c2, uint32_t *c3, uint32_t k0, uint32_t k1) {
    uint64_t a = (uint64_t)0xD2511F53u * *c0, b = (uint64_t)0xCD9E8D57u * *c2;
    *c0 = (uint32_t)(b >> 32) ^ *c1 ^ k0;
    *c1 = (uint32_t)b;
    *c2 = (uint32_t)(a >> 32) ^ *c3 ^ k1;
    *c3 = (uint32_t)a;
}

enum { ROUNDS = 10 };
static const uint32_t weyl[2] = {0x9E3779B9u, 0xBB67AE85u}; /* the key's increments from round to round */

void gani_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t lanes[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    for (int round = 0; round < ROUNDS; round++, k0 += weyl[0], k1 += weyl[1])
        one_round(&c[0], &c[1], &c[2], &c[3], k0, k1);
    for (int i = 0; i < 4; i++) lanes[i] = c[i];
}

/* The same for a number of blocks from `index` on, side by side: compilers make vector instructions of it. */
enum { BLOCKS = GANI_NORMAL_PAIRS / 2 };
static void philox_blocks(uint64_t seed, uint64_t stream, uint64_t index, uint32_t lanes[4 * BLOCKS]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32), c[4][BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        c[0][i] = (uint32_t)(index + (uint64_t)i);
        c[1][i] = (uint32_t)((index + (uint64_t)i) >> 32);
        c[2][i] = (uint32_t)stream;
        c[3][i] = (uint32_t)(stream >> 32);
    }
    for (int round = 0; round < ROUNDS; round++, k0 += weyl[0], k1 += weyl[1])
        for (int i = 0; i < BLOCKS; i++) one_round(&c[0][i], &c[1][i], &c[2][i], &c[3][i], k0, k1);
    for (int i = 0; i < 4 * BLOCKS; i++) lanes[i] = c[i % 4][i / 4];
}

/* One body for both types: TYPE is the element, EXPRESSION gives it from `lane`. */
#define DEFINE_UNIFORM(NAME, TYPE, EXPRESSION)                                                                         \
    void NAME(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double low, double high,     \
              TYPE *out) {                                                                                             \
        uint32_t lanes[4];                                                                                             \
        for (int64_t i = begin; i < end; i++) {                                                                        \
            if (i == begin || (i & 3) == 0) gani_philox(seed, stream, index + (uint64_t)(i >> 2), lanes);              \
            uint32_t lane = lanes[i & 3];                                                                              \
            out[i] = (TYPE)(low + (high - low) * (EXPRESSION));                                                        \
        }                                                                                                              \
    }
DEFINE_UNIFORM(gani_fill_uniform_f32, float, ((double)(lane >> 9) + 0.5) * 0x1p-23)
DEFINE_UNIFORM(gani_fill_uniform_f64, double, ((double)lane + 0.5) * 0x1p-32)

/* The same draws for both types. */
#define DEFINE_BERNOULLI(NAME, TYPE)                                                                                   \
    void NAME(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double p, TYPE *out) {       \
        uint32_t lanes[4];                                                                                             \
        for (int64_t i = begin; i < end; i++) {                                                                        \
            if (i == begin || (i & 3) == 0) gani_philox(seed, stream, index + (uint64_t)(i >> 2), lanes);              \
            out[i] = ((double)lanes[i & 3] + 0.5) * 0x1p-32 < p ? (TYPE)1 : (TYPE)0;                                   \
        }                                                                                                              \
    }
DEFINE_BERNOULLI(gani_fill_bernoulli_f32, float)
DEFINE_BERNOULLI(gani_fill_bernoulli_f64, double)

#define DEFINE_NORMAL(NAME, TYPE)                                                                                      \
    void NAME(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double mean,                 \
              double deviation, TYPE *out) {                                                                           \
        uint32_t lanes[4 * BLOCKS];                                                                                    \
        double values[4 * BLOCKS];                                                                                     \
        for (int64_t i = begin; i < end;) {                                                                            \
            int64_t first = i & ~(int64_t)3, after = first + 4 * BLOCKS < end ? first + 4 * BLOCKS : end;              \
            philox_blocks(seed, stream, index + (uint64_t)(first >> 2), lanes);                                        \
            gani_box_muller(lanes, values);                                                                            \
            for (; i < after; i++) out[i] = (TYPE)(mean + deviation * values[i - first]);                              \
        }                                                                                                              \
    }
DEFINE_NORMAL(gani_fill_normal_f32, float)
DEFINE_NORMAL(gani_fill_normal_f64, double)

typedef struct draws {
    uint64_t seed, stream, index;
    uint32_t lanes[4];
    int used;
} draws;

static uint64_t draw64(draws *d) {
    if (d->used == 4) {
        gani_philox(d->seed, d->stream, d->index++, d->lanes);
        d->used = 0;
    }
    uint64_t value = (uint64_t)d->lanes[d->used] | (uint64_t)d->lanes[d->used + 1] << 32;
    d->used += 2;
    return value;
}

void gani_shuffle(uint64_t seed, uint64_t stream, uint64_t index, int64_t count, int64_t *order) {
    draws d = {seed, stream, index, {0, 0, 0, 0}, 4};
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        uint64_t range = (uint64_t)i + 1, limit = UINT64_MAX - UINT64_MAX % range, value;
        do value = draw64(&d);
        while (value >= limit); /* rejection: every order is equally likely */
        int64_t j = (int64_t)(value % range), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

uint64_t gani_hash(uint64_t hash, const void *data, uint64_t size) {
    const unsigned char *bytes = data;
    for (uint64_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 1099511628211ull;
    return hash;
}
