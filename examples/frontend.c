#define _POSIX_C_SOURCE 200809L
#include "frontend.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- flags ---- */

enum { INTEGER, NUMBER, TEXT, SEED, SWITCH };

typedef struct flag {
    const char *name, *argument, *help;
    int kind;
    size_t offset;
    double low, high; /* of numbers */
} flag;

#define MEMBER(name) offsetof(front_options, name)

static const flag flags[] = {
    {"data", "PATH",
     "images: a folder of PNG or JPEG files (or of class folders), a folder\nwith MNIST's or CIFAR's files, an IDX "
     "file or a .tsv file of paths and\ncaptions; without it, built-in digits",
     TEXT, MEMBER(data), 0, 0},
    {"out", "DIR", "folder for pictures, log, checkpoints and the model", TEXT, MEMBER(out), 0, 0},
    {"resume", "PATH", "go on from a checkpoint, or from the newest one in a folder", TEXT, MEMBER(resume), 0, 0},
    {"size", "N", "edge length of the images", INTEGER, MEMBER(size), 1, 4096},
    {"epochs", "N", "times through the data", INTEGER, MEMBER(epochs), 0, 1e9},
    {"steps", "N", "training steps; overrides --epochs", INTEGER, MEMBER(steps), 0, 1e12},
    {"seconds", "N", "stop after this time if the steps are not done by then", NUMBER, MEMBER(seconds), 0, 1e9},
    {"batch-size", "N", "images a step", INTEGER, MEMBER(batch_size), 2, 65536},
    {"latent-dim", "N", "size of the latent vector", INTEGER, MEMBER(latent_dim), 1, 65536},
    {"lr", "X", "learning rate of both networks", NUMBER, MEMBER(lr), 0, 10},
    {"b1", "X", "Adam's beta1", NUMBER, MEMBER(b1), 0, 0.999999},
    {"b2", "X", "Adam's beta2", NUMBER, MEMBER(b2), 0, 0.999999},
    {"ema", "X", "decay of the generator's moving average that samples come from; 0: none", NUMBER, MEMBER(ema), 0,
     0.999999},
    {"seed", "N", "seed of weights, noise and data order", SEED, MEMBER(seed), 0, 0},
    {"threads", "N", "threads; -1: one for each processor", INTEGER, MEMBER(threads), -1, 256},
    {"sample-interval", "N", "steps between sample sheets; 0: none", INTEGER, MEMBER(sample_interval), 0, 1e12},
    {"checkpoint-interval", "N", "steps between checkpoints; 0: none", INTEGER, MEMBER(checkpoint_interval), 0, 1e12},
    {"overwrite", NULL, "begin anew in a folder that has another run", SWITCH, MEMBER(overwrite), 0, 0},
    {"deterministic", NULL, "same bits for any number of threads", SWITCH, MEMBER(deterministic), 0, 0},
};
#define FLAGS ((int)(sizeof flags / sizeof flags[0]))

static void print_default(const front_options *o, const flag *f) {
    const void *value = (const char *)o + f->offset;
    if (f->kind == INTEGER && *(const int64_t *)value >= 0) printf(" (%lld)", (long long)*(const int64_t *)value);
    if (f->kind == NUMBER) printf(" (%g)", *(const double *)value);
    if (f->kind == SEED) printf(" (%llu)", (unsigned long long)*(const uint64_t *)value);
    if (f->kind == TEXT && *(const char *const *)value != NULL) printf(" (%s)", *(const char *const *)value);
}

static void print_help(const front_end *front) {
    printf("%s: %s\n\nusage: %s [flags]\n\n", front->program->name, front->program->summary, front->program->name);
    for (int i = 0; i < FLAGS; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", flags[i].name, flags[i].argument == NULL ? "" : flags[i].argument);
        const char *text = flags[i].help, *line_end;
        printf("  %-26s", left);
        while ((line_end = strchr(text, '\n')) != NULL) {
            printf("%.*s\n  %-26s", (int)(line_end - text), text, "");
            text = line_end + 1;
        }
        printf("%s", text);
        if (strcmp(flags[i].name, "size") == 0) printf(": %s", front->program->sizes);
        print_default(&front->options, &flags[i]);
        printf("\n");
    }
    printf("  %-26sthis text\n", "--help");
}

static int refuse(const front_end *front, const char *sentence, const char *what, const char *value) {
    fprintf(stderr, "%s: ", front->program->name);
    fprintf(stderr, sentence[0] == '-' ? "--%s: '%s' is not %s\n" : "--%s: '%s' %s\n", what, value,
            sentence + (sentence[0] == '-'));
    fprintf(stderr, "Try '%s --help'.\n", front->program->name);
    return 2;
}

/* 0 if the flag's text was taken */
static int take(front_end *front, const flag *f, const char *text) {
    void *member = (char *)&front->options + f->offset;
    char *end = NULL, range[96];
    errno = 0;
    if (f->kind == SWITCH) {
        *(int32_t *)member = 1;
        return 0;
    }
    if (f->kind == TEXT) {
        if (text[0] == '\0') return refuse(front, "-a path", f->name, text);
        *(const char **)member = text;
        return 0;
    }
    if (f->kind == SEED) {
        unsigned long long value = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
            return refuse(front, "-a whole number of 0 or more", f->name, text);
        *(uint64_t *)member = value;
        return 0;
    }
    double value = f->kind == INTEGER ? (double)strtoll(text, &end, 10) : strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0)
        return refuse(front, f->kind == INTEGER ? "-a whole number" : "-a number", f->name, text);
    snprintf(range, sizeof range, "must be in %g to %g", f->low, f->high);
    if (!(value >= f->low && value <= f->high)) return refuse(front, range, f->name, text);
    if (f->kind == INTEGER)
        *(int64_t *)member = (int64_t)value;
    else
        *(double *)member = value;
    return 0;
}

int front_parse(front_end *front, const front_program *program, int argc, char **argv) {
    struct option table[FLAGS + 2];
    memset(table, 0, sizeof table);
    front->program = program;
    for (int i = 0; i < FLAGS; i++)
        table[i] =
            (struct option){flags[i].name, flags[i].kind == SWITCH ? no_argument : required_argument, NULL, i + 1};
    table[FLAGS] = (struct option){"help", no_argument, NULL, FLAGS + 1};
    int code;
    while ((code = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (code == FLAGS + 1 || code == 'h') {
            print_help(front);
            return 0;
        }
        if (code == '?') { /* getopt has said what */
            fprintf(stderr, "Try '%s --help'.\n", program->name);
            return 2;
        }
        int refused = take(front, &flags[code - 1], optarg);
        if (refused != 0) return refused;
    }
    if (optind < argc) {
        fprintf(stderr, "%s: '%s' is not a flag; images are given with --data PATH\nTry '%s --help'.\n", program->name,
                argv[optind], program->name);
        return 2;
    }
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)front->options.size);
    if (!program->has_size(front->options.size)) {
        fprintf(stderr, "%s: --size %s: there are networks for %s\n", program->name, text, program->sizes);
        return 2;
    }
    if (front->options.threads == 0) return refuse(front, "must be -1 or in 1 to 256", "threads", "0");
    return -1;
}

/* ---- progress ---- */

static volatile sig_atomic_t interrupted;
static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_clock(char *out, size_t size, double seconds) {
    long long s = (long long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%lld:%02lld", s / 60, s % 60);
}

static int32_t on_progress(void *user, const gan_progress *p) {
    front_end *front = user;
    int terminal = isatty(STDOUT_FILENO), last = p->step == p->steps;
    double t = now();
    if (!last && t - front->last_print < (terminal ? 0.2 : 5.0)) return interrupted;
    front->last_print = t;
    char left[32];
    print_clock(left, sizeof left, p->seconds_left);
    printf("%sstep %lld/%lld  epoch %.2f  %.0f images/s", terminal ? "\r\033[K" : "", (long long)p->step,
           (long long)p->steps, p->epochs, p->images_per_second);
    for (int32_t i = 0; i < p->metric_count; i++) printf("  %s %.3f", p->metric_names[i], p->metric_values[i]);
    printf("  %s left", left);
    if (!terminal || last) printf("\n");
    fflush(stdout);
    return interrupted;
}

/* ---- the run ---- */

gan_status front_open(front_end *front) {
    front_options *o = &front->options;
    gan_context_options co;
    gan_context_options_init(&co);
    co.seed = o->seed;
    co.threads = (int32_t)o->threads;
    co.deterministic = o->deterministic;
    gan_status status = gan_context_create(&front->context, &co);
    if (status == GAN_OK && o->data == NULL) {
        gan_digits_options d;
        gan_digits_options_init(&d);
        d.size = o->size;
        status = gan_digits_create(&front->dataset, front->context, &d);
    } else if (status == GAN_OK) {
        gan_folder_options f;
        gan_folder_options_init(&f);
        f.size = o->size;
        status = gan_dataset_open(&front->dataset, front->context, o->data, &f);
    }
    if (status == GAN_OK) {
        gan_loader_options l;
        gan_loader_options_init(&l);
        l.batch_size = o->batch_size;
        status = gan_loader_create(&front->loader, front->dataset, &l);
    }
    if (status == GAN_OK) front->image = gan_dataset_shape(front->dataset);
    return status;
}

static void write_json_text(FILE *file, const char *text) {
    if (text == NULL) {
        fputs("null", file);
        return;
    }
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", (unsigned)c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

/* options.json: what this run was started with. */
static void write_options(const front_end *front) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/options.json", front->options.out) >= sizeof path) return;
    FILE *file = fopen(path, "w");
    if (file == NULL) return; /* the run reports an unwritable folder better */
    fprintf(file, "{\n  \"program\": \"%s\",\n  \"libgan\": \"%s\"", front->program->name, gan_version_string());
    for (int i = 0; i < FLAGS; i++) {
        const void *value = (const char *)&front->options + flags[i].offset;
        fprintf(file, ",\n  \"%s\": ", flags[i].name);
        switch (flags[i].kind) {
        case INTEGER:
            fprintf(file, "%lld", (long long)*(const int64_t *)value);
            break;
        case NUMBER:
            fprintf(file, "%.17g", *(const double *)value);
            break;
        case SEED:
            fprintf(file, "%llu", (unsigned long long)*(const uint64_t *)value);
            break;
        case SWITCH:
            fprintf(file, "%s", *(const int32_t *)value ? "true" : "false");
            break;
        default:
            write_json_text(file, *(const char *const *)value);
        }
    }
    fprintf(file, "\n}\n");
    fclose(file);
}

gan_status front_start(front_end *front) {
    const front_options *o = &front->options;
    gan_run_options ro;
    gan_run_options_init(&ro);
    ro.folder = o->out;
    ro.steps = o->steps >= 0 ? o->steps : o->epochs * gan_loader_batches(front->loader);
    ro.sample_interval = o->sample_interval;
    ro.checkpoint_interval = o->checkpoint_interval;
    ro.sheet_zoom = o->size <= 32 ? 2 : 1;
    ro.seconds = o->seconds;
    ro.overwrite = o->overwrite;
    gan_status status = gan_run_create(&front->run, front->context, &ro);
    if (status == GAN_OK) status = gan_run_set_loader(front->run, front->loader);
    if (status == GAN_OK) status = gan_run_set_progress(front->run, on_progress, front);
    return status;
}

/* The library would refuse, too, but in the words of its interface, and after options.json was written. */
static int is_used(const front_options *o) {
    char path[4096];
    if (o->resume != NULL || o->overwrite) return 0;
    snprintf(path, sizeof path, "%s/log.jsonl", o->out);
    struct stat entry;
    return stat(path, &entry) == 0 && entry.st_size > 0;
}

static gan_status train(front_end *front) {
    const front_options *o = &front->options;
    gan_status status = o->resume == NULL ? GAN_OK : gan_run_resume(front->run, o->resume);
    if (status != GAN_OK) return status;
    write_options(front);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND; /* a second interrupt ends the program at once */
    sigaction(SIGINT, &action, NULL);
    printf("%lld images of %lldx%lldx%lld from %s; %ld threads (%s)\n", (long long)gan_dataset_count(front->dataset),
           (long long)front->image.size[0], (long long)front->image.size[1], (long long)front->image.size[2],
           o->data == NULL ? "the built-in digits" : o->data, (long)gan_context_threads(front->context),
           gan_context_level(front->context));
    fflush(stdout);
    return gan_run_train(front->run);
}

int front_finish(front_end *front, gan_status status) {
    const front_options *o = &front->options;
    int used = status == GAN_OK && is_used(o);
    if (used) status = GAN_E_STATE;
    if (status == GAN_OK) status = train(front);
    if (used) {
        fprintf(stderr,
                "%s: there is a run in %s already. To go on with it: --resume %s. To begin anew there: --overwrite. To "
                "keep it: another folder, --out.\n",
                front->program->name, o->out, o->out);
    } else if (status == GAN_OK) {
        printf("Pictures: %s/fakes-*.png (samples), %s/reals.png (data), %s/loss.png\nModel:    %s/model.safetensors\n",
               o->out, o->out, o->out, o->out);
    } else if (status == GAN_E_CANCELLED) {
        printf("\nStopped. To go on: repeat the command with --resume %s\n", o->out);
    } else {
        const char *message = gan_context_error(front->context);
        fprintf(stderr, "%s: %s\n", front->program->name, message[0] != '\0' ? message : gan_status_text(status));
    }
    gan_run_release(front->run);
    gan_loader_release(front->loader);
    gan_dataset_release(front->dataset);
    gan_context_release(front->context);
    return status == GAN_OK ? 0 : status == GAN_E_CANCELLED ? 130 : 1;
}

void front_print_layer(const char *title, const gan_layer *layer) {
    char table[8192];
    gan_layer_summary(layer, table, sizeof table);
    printf("%s\n%s\n", title, table);
}
