/* Learning-rate schedules: functions of the number of steps alone. */
#include <math.h>

#include "optim/optimizer.h"

/* 0 up to `start`, 1 from start + length on. */
static double progress(const gan_schedule_options *s, int64_t steps) {
    if (steps <= s->start) return 0;
    return steps - s->start >= s->length ? 1 : (double)(steps - s->start) / (double)s->length;
}

static double change(const gan_schedule_options *s, int64_t steps) {
    switch (s->kind) {
    case GAN_SCHEDULE_LINEAR:
        return 1 + (s->final_factor - 1) * progress(s, steps);
    case GAN_SCHEDULE_STEP:
        return steps < s->start ? 1 : fmax(pow(s->factor, (double)((steps - s->start) / s->interval)), s->final_factor);
    case GAN_SCHEDULE_COSINE:
        return s->final_factor + (1 - s->final_factor) * (1 + cos(3.14159265358979323846 * progress(s, steps))) / 2;
    default:
        return 1;
    }
}

double gani_schedule_factor(const gan_schedule_options *schedule, int64_t steps) {
    double factor = change(schedule, steps);
    if (steps < schedule->warm_up) factor *= (double)(steps + 1) / ((double)schedule->warm_up + 1);
    return factor;
}
