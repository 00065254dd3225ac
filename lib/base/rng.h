/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): random numbers as a pure function of (seed, stream, block index). */
#ifndef GANI_BASE_RNG_H
#define GANI_BASE_RNG_H

#include <stdint.h>

/* One block of four 32-bit lanes. key = seed (low, high word), counter = index (low, high), stream (low, high). */
void gani_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t lanes[4]);

/* Fills elements [begin, end) of a sequence whose element 4b + k comes from block index + b; `out` is element 0's
 * place. The formulas are in gan/tensor.h. */
void gani_fill_uniform_f32(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double low,
                           double high, float *out);
void gani_fill_uniform_f64(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double low,
                           double high, double *out);
/* 1 with probability p, to 2^-32, else 0: the same draws for both types. */
void gani_fill_bernoulli_f32(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double p,
                             float *out);
void gani_fill_bernoulli_f64(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double p,
                             double *out);
void gani_fill_normal_f32(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double mean,
                          double deviation, float *out);
void gani_fill_normal_f64(uint64_t seed, uint64_t stream, uint64_t index, int64_t begin, int64_t end, double mean,
                          double deviation, double *out);

/* A pseudo-random permutation of [0, count), a function of its arguments (Fisher-Yates on the stream; 64-bit draws by
 * rejection). */
void gani_shuffle(uint64_t seed, uint64_t stream, uint64_t index, int64_t count, int64_t *order);

/* FNV-1a, continued from `hash`; start with GANI_HASH_START. */
#define GANI_HASH_START 14695981039346656037ull
uint64_t gani_hash(uint64_t hash, const void *data, uint64_t size);

#endif
