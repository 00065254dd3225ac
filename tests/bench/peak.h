/* What the machine can do at best, measured: multiply-adds in registers, and memory. */
#ifndef TESTS_BENCH_PEAK_H
#define TESTS_BENCH_PEAK_H

#include <stdint.h>

#include "base/threads.h"

/* Kernel levels as gan_context_level names them, worst first, whatever this processor has; NULL beyond the last. */
const char *peak_level(int32_t index);
/* f32 FLOP/s of independent multiply-adds on all of the pool's threads, in the registers of a level; 0 where the
 * processor lacks it. Of an unknown level: the best that there is. */
double peak_flops(gani_pool *pool, const char *level);
/* Bytes/s of a triad a = b + s c of long vectors, as STREAM counts them (McCalpin 1995): 12 an element; 0 without
 * memory. */
double peak_bandwidth(gani_pool *pool);

#endif
