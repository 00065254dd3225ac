/* Times steps of known networks; what they consist of; what the machine could do. Cases use the public API only. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "case.h"
#include "report.h"

typedef enum mode { STEPS, PEAK, COUNT, LAYERS, ROOFLINE } mode;

typedef struct settings {
    const bench_case *which;
    mode mode;
    int64_t steps, warmup, threads, batch, size; /* batch, size 0: the case's own */
    int64_t blas, level, filtering, deterministic;
} settings;

static void usage(FILE *to) {
    fprintf(to,
            "Usage: gan-bench CASE [--steps N] [--warmup N] [OPTION ...]\n"
            "       gan-bench --count | --layers | --roofline CASE [OPTION ...]\n"
            "       gan-bench --peak [--threads N]\n\n"
            "Prints one line of JSON: medians of the steps' seconds and processor seconds, the number of parameters,\n"
            "the operations (gflop) that a step needs by the definition of its layers, the rate at which they are\n"
            "done, and the largest resident set.\n\n"
            "Cases (a step of training each, but for those that generate):\n");
    for (const bench_case *c = bench_cases; c->name != NULL; c++)
        fprintf(to, "  %-14s %s, batch %lld\n", c->name, c->text, (long long)c->batch);
    fprintf(
        to,
        "\nIn place of steps:\n"
        "  --count        operations that a step needs, and those it does; allocations from the fourth step on; JSON\n"
        "  --layers       each convolution and dense layer: algorithm and rate of its three passes\n"
        "  --roofline     the same: operations, bytes, and the time they need at least against the time taken\n"
        "  --peak         multiply-adds and memory of the machine on 1 to N threads, JSON\n"
        "\nOptions:\n"
        "  --steps N      steps that count (10)\n"
        "  --warmup N     steps before them (2)\n"
        "  --threads N    threads; 0: one for each processor (0)\n"
        "  --batch N      images a step (the case's)\n"
        "  --size N       height and width of the images of a CycleGAN, a multiple of 4 (the case's)\n"
        "  --blas N       0 off, 1 auto, 2 on (1)\n"
        "  --level N      kernels: -1 the best, 0 reference, 1 AVX2 or NEON, 2 AVX-512 (-1)\n"
        "  --filtering N  convolutions by minimal filtering: 0 off, 1 where faster (1)\n"
        "  --deterministic N  1: same bits for any number of threads (0)\n");
}

static int parse_number(const char *text, int64_t low, int64_t high, int64_t *value) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < low || number > high) return 0;
    *value = number;
    return 1;
}

static const bench_case *find_case(const char *name) {
    for (const bench_case *c = bench_cases; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static int parse_mode(settings *s, const char *flag) {
    static const char *const flags[] = {
        [PEAK] = "--peak", [COUNT] = "--count", [LAYERS] = "--layers", [ROOFLINE] = "--roofline"};
    for (int m = PEAK; m <= ROOFLINE; m++)
        if (strcmp(flag, flags[m]) == 0 && s->mode == STEPS) {
            s->mode = (mode)m;
            return 1;
        }
    return 0;
}

/* A flag with a number: how many arguments it took, 0 if it is none of these, -1 if the number is bad. */
static int parse_flag(settings *s, char **argument, int left) {
    const struct {
        const char *name;
        int64_t *value, low, high;
    } flags[] = {{"--steps", &s->steps, 1, 1000000},
                 {"--warmup", &s->warmup, 0, 1000000},
                 {"--threads", &s->threads, 0, 256},
                 {"--batch", &s->batch, 1, 1 << 20},
                 {"--size", &s->size, 24, 4096},
                 {"--blas", &s->blas, 0, 2},
                 {"--level", &s->level, -1, 2},
                 {"--filtering", &s->filtering, 0, 1},
                 {"--deterministic", &s->deterministic, 0, 1}};
    for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
        if (strcmp(argument[0], flags[f].name) != 0) continue;
        if (left > 1 && parse_number(argument[1], flags[f].low, flags[f].high, flags[f].value)) return 2;
        fprintf(stderr, "gan-bench: %s needs a number from %lld to %lld\n", argument[0], (long long)flags[f].low,
                (long long)flags[f].high);
        return -1;
    }
    return 0;
}

static int parse(int argc, char **argv, settings *s) {
    for (int i = 1; i < argc;) {
        int taken = parse_flag(s, argv + i, argc - i);
        if (taken < 0) return 0;
        if (taken == 0 && parse_mode(s, argv[i])) taken = 1;
        if (taken == 0 && s->which == NULL && argv[i][0] != '-') {
            s->which = find_case(argv[i]);
            if (s->which == NULL) {
                fprintf(stderr, "gan-bench: there is no case '%s'\n", argv[i]);
                return 0;
            }
            taken = 1;
        }
        if (taken == 0) {
            fprintf(stderr, "gan-bench: what is '%s'?\n", argv[i]);
            return 0;
        }
        i += taken;
    }
    const char *wrong = NULL;
    if (s->mode == PEAK)
        wrong = s->which != NULL ? "--peak has no case" : NULL;
    else if (s->which == NULL)
        wrong = "which case?";
    else if (s->size != 0 && s->which->size == 0)
        wrong = "the images of this case have one size";
    else if (s->size % 4 != 0)
        wrong = "--size must be a multiple of 4";
    if (wrong != NULL) fprintf(stderr, "gan-bench: %s\n", wrong);
    return wrong == NULL;
}

static gan_status create_context(gan_context **out, const settings *s) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = s->threads == 0 ? GAN_THREADS_AUTO : (int32_t)s->threads;
    options.blas = (int32_t)s->blas;
    options.level = (int32_t)s->level;
    options.filtering = (int32_t)s->filtering;
    options.deterministic = (int32_t)s->deterministic;
    if (s->mode == COUNT) {
        options.allocator = report_count_allocator();
        options.blas = GAN_BLAS_OFF; /* its products do not go through the kernel table */
    }
    return gan_context_create(out, &options);
}

static gan_status report(bench *b, const settings *s) {
    if (s->mode == PEAK) return report_peak(b->context);
    if (s->mode == COUNT) report_count_watch(b);
    gan_status status = case_begin(b);
    if (status != GAN_OK) return status;
    if (s->mode == COUNT) return report_count(b);
    if (s->mode == LAYERS) return report_layers(b);
    if (s->mode == ROOFLINE) return report_roofline(b);
    return report_steps(b, s->steps, s->warmup);
}

int main(int argc, char **argv) {
    settings s = {NULL, STEPS, 10, 2, 0, 0, 0, GAN_BLAS_AUTO, GAN_LEVEL_AUTO, GAN_FILTERING_AUTO, 0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            return 0;
        }
    if (!parse(argc, argv, &s)) {
        usage(stderr);
        return 2;
    }
    bench b = {.which = s.which};
    if (s.which != NULL) {
        b.batch = s.batch == 0 ? s.which->batch : s.batch;
        b.size = s.size == 0 ? s.which->size : s.size;
    }
    gan_status status = create_context(&b.context, &s);
    if (status == GAN_OK) status = report(&b, &s);
    if (status != GAN_OK) fprintf(stderr, "gan-bench: %s: %s\n", gan_status_text(status), gan_context_error(b.context));
    case_end(&b);
    return status == GAN_OK ? 0 : 1;
}
