#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "seconds.h"

/* The largest resident set so far, in millions of bytes. */
static double resident_mb(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
    return 1e-6 * (double)usage.ru_maxrss;
#else
    return 1e-6 * 1024 * (double)usage.ru_maxrss;
#endif
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return 0.5 * (values[(count - 1) / 2] + values[count / 2]);
}

static gan_status run(bench *b, int64_t steps, int64_t warmup, double *wall, double *processor) {
    for (int64_t i = -warmup; i < steps; i++) {
        double began = wall_seconds(), used = processor_seconds();
        gan_status status = b->which->step(b);
        if (status != GAN_OK) return status;
        if (i < 0) continue;
        wall[i] = wall_seconds() - began;
        processor[i] = processor_seconds() - used;
    }
    return GAN_OK;
}

gan_status report_steps(bench *b, int64_t steps, int64_t warmup) {
    double *times = malloc(2 * (size_t)steps * sizeof *times);
    if (times == NULL) return GAN_E_MEMORY;
    gan_status status = run(b, steps, warmup, times, times + steps);
    if (status == GAN_OK) {
        work w = {.batch = b->batch};
        b->which->count(b, &w);
        double gflop = 1e-9 * work_flop(&w), wall = median(times, steps), processor = median(times + steps, steps);
        printf("{\"case\": \"%s\", \"batch\": %lld, \"threads\": %d, \"level\": \"%s\", \"s_per_step\": %.5f, "
               "\"images_per_s\": %.2f, \"parameters\": %lld, \"gflop\": %.6g, \"gflop_per_s\": %.2f, "
               "\"cpu_s_per_step\": %.5f, \"rss_mb\": %.1f}\n",
               b->which->name, (long long)b->batch, (int)gan_context_threads(b->context), gan_context_level(b->context),
               wall, (double)b->batch / wall, (long long)case_parameters(b), gflop, gflop / wall, processor,
               resident_mb());
    }
    free(times);
    return status;
}
