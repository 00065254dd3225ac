/* What gan-bench prints. */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H

#include "case.h"

/* Times steps after some that do not count; one line of JSON. */
gan_status report_steps(bench *b, int64_t steps, int64_t warmup);
/* Puts counting functions into the kernel table; before the case begins, for what it makes may copy the table. */
void report_count_watch(bench *b);
/* A step, after those that find the size of its memory: the operations it needs, those asked of the kernel table, and
 * what was asked of the allocator, which the context must have been made with; one line of JSON. */
gan_status report_count(bench *b);
const gan_allocator *report_count_allocator(void);
/* The peaks of every kernel level on 1 to as many threads as the context has; lines of JSON. */
gan_status report_peak(const gan_context *widest);
/* The case's layers: algorithm and rate of each direction. */
gan_status report_layers(bench *b);
/* The case's layers: operations, bytes, and the time that these need at least, against the time taken. */
gan_status report_roofline(bench *b);

#endif
