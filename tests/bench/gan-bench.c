/* Times one adversarial training step of a known network, through the public API only. One line of JSON, the same as
 * torch_peer.py's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gan.h>

#include "networks.h"

typedef struct settings {
    const networks_case *which;
    int64_t steps, warmup, threads, batch, blas, level, filtering; /* batch 0: the case's own */
} settings;

static void usage(FILE *to) {
    fprintf(to, "Usage: gan-bench CASE [--steps N] [--warmup N] [--threads N] [--batch N] [--blas N] [--level N]\n"
                "                      [--filtering N]\n"
                "Times a training step (D on reals and on fakes, one step of Adam; G, one step of Adam) and prints the "
                "median.\n\n"
                "Cases:\n");
    for (const networks_case *c = networks_cases; c->name != NULL; c++)
        fprintf(to, "  %-11s %s, batch %lld\n", c->name, c->text, (long long)c->batch);
    fprintf(to, "\nOptions:\n"
                "  --steps N    steps that count (10)\n"
                "  --warmup N   steps before them (2)\n"
                "  --threads N  threads; 0: one for each processor (0)\n"
                "  --batch N    images a step (the case's)\n"
                "  --blas N     0 off, 1 auto, 2 on (1)\n"
                "  --level N    kernels: -1 the best, 0 reference (-1)\n"
                "  --filtering N  convolutions by minimal filtering: 0 off, 1 where faster (1)\n");
}

static int parse_number(const char *text, int64_t low, int64_t high, int64_t *value) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < low || number > high) return 0;
    *value = number;
    return 1;
}

static int parse(int argc, char **argv, settings *s) {
    const struct {
        const char *name;
        int64_t *value, low, high;
    } flags[] = {{"--steps", &s->steps, 1, 1000000},  {"--warmup", &s->warmup, 0, 1000000},
                 {"--threads", &s->threads, 0, 256},  {"--batch", &s->batch, 1, 1 << 20},
                 {"--blas", &s->blas, 0, 2},          {"--level", &s->level, -1, 1},
                 {"--filtering", &s->filtering, 0, 1}};
    for (int i = 1; i < argc; i++) {
        int known = 0;
        for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
            if (strcmp(argv[i], flags[f].name) != 0) continue;
            known = 1;
            if (i + 1 == argc || !parse_number(argv[i + 1], flags[f].low, flags[f].high, flags[f].value)) {
                fprintf(stderr, "gan-bench: %s needs a number from %lld to %lld\n", argv[i], (long long)flags[f].low,
                        (long long)flags[f].high);
                return 0;
            }
            i++;
            break;
        }
        if (known) continue;
        if (s->which == NULL && argv[i][0] != '-') {
            s->which = networks_find(argv[i]);
            if (s->which != NULL) continue;
            fprintf(stderr, "gan-bench: there is no case '%s'\n", argv[i]);
        } else {
            fprintf(stderr, "gan-bench: what is '%s'?\n", argv[i]);
        }
        return 0;
    }
    if (s->which == NULL) fprintf(stderr, "gan-bench: which case?\n");
    return s->which != NULL;
}

enum { G, D };

typedef struct bench {
    gan_context *context;
    gan_layer *networks[2];
    gan_optimizer *adams[2];
    gan_tape *tape;
    gan_tensor *reals;
} bench;

static gan_status begin(bench *b, const settings *s) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = s->threads == 0 ? GAN_THREADS_AUTO : (int32_t)s->threads;
    options.blas = (int32_t)s->blas;
    options.level = (int32_t)s->level;
    options.filtering = (int32_t)s->filtering;
    gan_status status = gan_context_create(&b->context, &options);
    if (status == GAN_OK) status = networks_make(&b->networks[G], &b->networks[D], b->context, s->which, GAN_F32);
    for (int side = G; side <= D && status == GAN_OK; side++)
        status = gan_adam_create(&b->adams[side], b->networks[side], NULL);
    if (status == GAN_OK) status = gan_tape_create(&b->tape, b->context);
    gan_shape shape = networks_batch_shape(networks_image_shape(s->which), s->batch);
    if (status == GAN_OK) status = gan_tensor_create(&b->reals, b->context, GAN_F32, shape);
    return status == GAN_OK ? gan_tensor_fill_uniform(b->reals, -1, 1, 1, GAN_STREAM_USER, 0) : status;
}

static void end(bench *b) {
    gan_tensor_release(b->reals);
    gan_tape_release(b->tape);
    for (int side = G; side <= D; side++) {
        gan_optimizer_release(b->adams[side]);
        gan_layer_release(b->networks[side]);
    }
    gan_context_release(b->context);
}

static gan_status step(bench *b, gan_shape latent) {
    gan_tape *tape = b->tape;
    gan_tape_reset(tape);
    gan_tensor *real = gan_bce_with_logits(tape, gan_layer_forward(tape, b->networks[D], b->reals), 1);
    gan_tensor *images = gan_layer_forward(tape, b->networks[G], gan_normal(tape, GAN_F32, latent));
    gan_tensor *fake = gan_bce_with_logits(tape, gan_layer_forward(tape, b->networks[D], gan_detach(tape, images)), 0);
    gan_status status = gan_optimizer_step(b->adams[D], tape, gan_add(tape, real, fake));
    if (status != GAN_OK) return status;
    return gan_optimizer_step(b->adams[G], tape,
                              gan_bce_with_logits(tape, gan_layer_forward(tape, b->networks[D], images), 1));
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static gan_status run(bench *b, const settings *s, double *times) {
    gan_shape latent = networks_batch_shape(networks_latent_shape(s->which), s->batch);
    for (int64_t i = 0; i < s->warmup + s->steps; i++) {
        double start = now();
        gan_status status = step(b, latent);
        if (status != GAN_OK) return status;
        if (i >= s->warmup) times[i - s->warmup] = now() - start;
    }
    return GAN_OK;
}

int main(int argc, char **argv) {
    settings s = {NULL, 10, 2, 0, 0, GAN_BLAS_AUTO, GAN_LEVEL_AUTO, GAN_FILTERING_AUTO};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            return 0;
        }
    if (!parse(argc, argv, &s)) {
        usage(stderr);
        return 2;
    }
    if (s.batch == 0) s.batch = s.which->batch;
    bench b = {0};
    double *times = malloc((size_t)s.steps * sizeof *times);
    gan_status status = times == NULL ? GAN_E_MEMORY : begin(&b, &s);
    if (status == GAN_OK) status = run(&b, &s, times);
    if (status == GAN_OK) {
        qsort(times, (size_t)s.steps, sizeof *times, compare);
        double median = 0.5 * (times[(s.steps - 1) / 2] + times[s.steps / 2]);
        printf("{\"case\": \"%s\", \"batch\": %lld, \"threads\": %d, \"s_per_step\": %.5f, \"images_per_s\": %.2f}\n",
               s.which->name, (long long)s.batch, (int)gan_context_threads(b.context), median,
               (double)s.batch / median);
    } else {
        fprintf(stderr, "gan-bench: %s: %s\n", gan_status_text(status), gan_context_error(b.context));
    }
    end(&b);
    free(times);
    return status == GAN_OK ? 0 : 1;
}
