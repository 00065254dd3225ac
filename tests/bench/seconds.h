/* Clocks. */
#ifndef TESTS_BENCH_SECONDS_H
#define TESTS_BENCH_SECONDS_H

#include <time.h>

static inline double clock_seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static inline double wall_seconds(void) { return clock_seconds(CLOCK_MONOTONIC); }
/* Of all threads of this process together. */
static inline double processor_seconds(void) { return clock_seconds(CLOCK_PROCESS_CPUTIME_ID); }

#endif
