#include "report.h"

#include <math.h>
#include <stdio.h>

#include "base/context.h"
#include "layer_time.h"
#include "peak.h"

static const char *const directions[] = {
    [WORK_FORWARD] = "forward", [WORK_INPUT_GRAD] = "input", [WORK_WEIGHT_GRAD] = "weight"};

enum { NAME = 64 };

/* "conv 64x32x32 -> 128x16x16, 4/2" (kernel/stride) */
static void describe(const work_layer *layer, char name[NAME]) {
    const gani_conv_shape *s = &layer->shape;
    if (layer->kind == WORK_DENSE)
        snprintf(name, NAME, "dense %lld -> %lld", (long long)s->c, (long long)s->o);
    else if (layer->kind == WORK_CONV)
        snprintf(name, NAME, "conv %lldx%lldx%lld -> %lldx%lldx%lld %lld/%lld", (long long)s->c, (long long)s->h,
                 (long long)s->w, (long long)s->o, (long long)s->oh, (long long)s->ow, (long long)s->kh,
                 (long long)s->stride_h);
    else
        snprintf(name, NAME, "convT %lldx%lldx%lld -> %lldx%lldx%lld %lld/%lld", (long long)s->o, (long long)s->oh,
                 (long long)s->ow, (long long)s->c, (long long)s->h, (long long)s->w, (long long)s->kh,
                 (long long)s->stride_h);
}

/* One direction of one layer. */
typedef struct line {
    char name[NAME];
    const char *direction, *algorithm;
    int64_t times; /* a step */
    double flop, bytes, seconds;
} line;

typedef struct machine {
    double flops, bandwidth;
} machine;

static double compute_seconds(const line *l, const machine *m) { return l->flop / m->flops; }
static double move_seconds(const line *l, const machine *m) { return l->bytes / m->bandwidth; }
static double bound_seconds(const line *l, const machine *m) { return fmax(compute_seconds(l, m), move_seconds(l, m)); }

static void print_rate(const line *l, const machine *m) {
    double rate = l->flop / l->seconds;
    printf("%-36s %-8s %5lld  %-9s %9.1f %7.0f\n", l->name, l->direction, (long long)l->times, l->algorithm,
           1e-9 * rate, 100 * rate / m->flops);
}

static void print_bound(const line *l, const machine *m) {
    double bound = bound_seconds(l, m);
    printf("%-36s %-8s %5lld %9.4f %9.3f %8.1f  %-6s %9.3f %9.3f %7.0f\n", l->name, l->direction, (long long)l->times,
           1e-9 * l->flop, 1e-6 * l->bytes, l->flop / l->bytes,
           compute_seconds(l, m) > move_seconds(l, m) ? "fma" : "memory", 1e3 * bound, 1e3 * l->seconds,
           100 * bound / l->seconds);
}

/* A line for each direction that a step needs, and the sum over the step. */
static gan_status each(bench *b, const machine *m, void (*print)(const line *l, const machine *m)) {
    work w = {.batch = b->batch};
    b->which->count(b, &w);
    double bound = 0, taken = 0;
    for (int32_t i = 0; i < w.count; i++)
        for (int d = 0; d < WORK_DIRECTIONS; d++) {
            const work_layer *layer = &w.layers[i];
            if (layer->times[d] == 0) continue;
            line l = {.direction = directions[d],
                      .algorithm = layer_algorithm(b->context, layer, d),
                      .times = layer->times[d],
                      .flop = work_layer_flop(layer),
                      .bytes = layer_bytes(layer),
                      .seconds = layer_seconds(b->context, layer, d)};
            if (l.seconds < 0) return GAN_E_MEMORY;
            describe(layer, l.name);
            print(&l, m);
            taken += (double)l.times * l.seconds;
            bound += (double)l.times * bound_seconds(&l, m);
        }
    double rate = work_flop(&w) / taken;
    printf("all of a step: %.4g GFLOP in %.4g ms, %.1f GFLOP/s, %.0f %% of the peak; bound %.4g ms\n",
           1e-9 * work_flop(&w), 1e3 * taken, 1e-9 * rate, 100 * rate / m->flops, 1e3 * bound);
    return GAN_OK;
}

static gan_status measure(bench *b, machine *m) {
    m->flops = peak_flops(b->context->pool, gan_context_level(b->context));
    m->bandwidth = peak_bandwidth(b->context->pool);
    if (m->bandwidth <= 0) return GAN_E_MEMORY;
    printf("%s, batch %lld, %d threads, %s: FMA peak %.1f GFLOP/s, memory %.1f GB/s\n", b->which->name,
           (long long)b->batch, (int)gan_context_threads(b->context), gan_context_level(b->context), 1e-9 * m->flops,
           1e-9 * m->bandwidth);
    return GAN_OK;
}

gan_status report_layers(bench *b) {
    machine m;
    gan_status status = measure(b, &m);
    if (status != GAN_OK) return status;
    printf("%-36s %-8s %5s  %-9s %9s %7s\n", "layer", "pass", "times", "algorithm", "GFLOP/s", "% peak");
    return each(b, &m, print_rate);
}

gan_status report_roofline(bench *b) {
    machine m;
    gan_status status = measure(b, &m);
    if (status != GAN_OK) return status;
    printf("%-36s %-8s %5s %9s %9s %8s  %-6s %9s %9s %7s\n", "layer", "pass", "times", "GFLOP", "MB", "FLOP/B", "bound",
           "bound ms", "taken ms", "% bound");
    return each(b, &m, print_bound);
}
