#include "base/rng.h"

#include <math.h>

void gani_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t lanes[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    lanes[0] = c0;
    lanes[1] = c1;
    lanes[2] = c2;
    lanes[3] = c3;
}

static void normal_block(const uint32_t lanes[4], double out[4]) {
    for (int pair = 0; pair < 2; pair++) {
        double u = (lanes[2 * pair] + 0.5) * 0x1p-32, v = (lanes[2 * pair + 1] + 0.5) * 0x1p-32;
        double radius = sqrt(-2.0 * log(u)), angle = 6.283185307179586476925287 * v;
        out[2 * pair] = radius * cos(angle);
        out[2 * pair + 1] = radius * sin(angle);
    }
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
        uint32_t lanes[4];                                                                                             \
        double block[4];                                                                                               \
        for (int64_t i = begin; i < end; i++) {                                                                        \
            if (i == begin || (i & 3) == 0) {                                                                          \
                gani_philox(seed, stream, index + (uint64_t)(i >> 2), lanes);                                          \
                normal_block(lanes, block);                                                                            \
            }                                                                                                          \
            out[i] = (TYPE)(mean + deviation * block[i & 3]);                                                          \
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
