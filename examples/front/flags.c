/* Flags: those of all programs and a program's own, over the settings of a preset. */
#define _POSIX_C_SOURCE 200809L
#include "front/front.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 48
_Static_assert(MOST <= 64, "front.given has a bit for each");

typedef struct flags {
    front_flag list[MOST];
    int count;
} flags;

static flags all_flags(front *f) {
    front_options *o = &f->options;
    const front_flag common[] = {
        {"data", "PATH",
         "images: a folder of PNG or JPEG files (or of class folders), a folder\nwith MNIST's or CIFAR's files, an IDX "
         "file or a .tsv file of paths and\ncaptions; without it, built-in digits",
         FRONT_TEXT, &o->data, 0, 0},
        {"out", "DIR", "folder for pictures, log, checkpoints and the model", FRONT_TEXT, &o->out, 0, 0},
        {"resume", "PATH", "go on from a checkpoint, or from the newest one in a folder", FRONT_TEXT, &o->resume, 0, 0},
        {"size", "N", "edge length of the images", FRONT_INTEGER, &o->size, 1, 4096},
        {"flip", NULL, "train on images and their mirror images, left to right, each half of the time", FRONT_SWITCH,
         &o->flip, 0, 0},
        {"epochs", "N", "times through the data; where learning rates fall, they fall until then", FRONT_INTEGER,
         &o->epochs, 0, 1e9},
        {"steps", "N", "training steps; overrides --epochs", FRONT_INTEGER, &o->steps, 0, 1e12},
        {"seconds", "N", "stop after this time if the steps are not done by then", FRONT_NUMBER, &o->seconds, 0, 1e9},
        {"batch-size", "N", "images a step", FRONT_INTEGER, &o->batch_size, 2, 65536},
        {"latent-dim", "N", "size of the latent vector", FRONT_INTEGER, &o->latent_dim, 1, 65536},
        {"lr", "X", "learning rate of both networks", FRONT_NUMBER, &o->lr, 0, 10},
        {"d-lr", "X", "learning rate of the discriminator; 0: --lr, or a part of it that the preset says", FRONT_NUMBER,
         &o->d_lr, 0, 10},
        {"b1", "X", "Adam's beta1", FRONT_NUMBER, &o->b1, 0, 0.999999},
        {"b2", "X", "Adam's beta2", FRONT_NUMBER, &o->b2, 0, 0.999999},
        {"ema", "X", "decay of the generator's moving average that samples come from; 0: none", FRONT_NUMBER, &o->ema,
         0, 0.999999},
        {"seed", "N", "seed of weights, noise and data order", FRONT_SEED, &o->seed, 0, 0},
        {"threads", "N", "threads; -1: one for each processor", FRONT_INTEGER, &o->threads, -1, 256},
        {"sample-interval", "N", "steps between sample sheets; 0: none", FRONT_INTEGER, &o->sample_interval, 0, 1e12},
        {"checkpoint-interval", "N", "steps between checkpoints; 0: none", FRONT_INTEGER, &o->checkpoint_interval, 0,
         1e12},
        {"log-interval", "N", "steps between lines of log.jsonl", FRONT_INTEGER, &o->log_interval, 1, 1e12},
        {"judge", "FILE",
         "the classifier's model, which judges samples at the end; without it,\nplain pixels are compared", FRONT_TEXT,
         &o->judge, 0, 0},
        {"test", "PATH",
         "images that are not trained on, for the figures at the end:\nhow likely they are under a Parzen window of "
         "samples",
         FRONT_TEXT, &o->test, 0, 0},
        {"hold-out", "N",
         "items at the end of the data that are not trained on; the Parzen window's\nwidth is then chosen by these",
         FRONT_INTEGER, &o->hold_out, 0, 1e12},
        {"judge-count", "N", "images that are judged; 0: none", FRONT_INTEGER, &o->judge_count, 0, 1e7},
        {"judge-interval", "N", "steps between judgements on the way, which are logged; 0: none", FRONT_INTEGER,
         &o->judge_interval, 0, 1e12},
        {"health", "warn|lower|roll-back",
         "what is done when training looks unwell: a warning, lower\nlearning rates, or "
         "back to a checkpoint",
         FRONT_CHOICE, &o->health, 0, 0},
        {"overwrite", NULL, "begin anew in a folder that has another run", FRONT_SWITCH, &o->overwrite, 0, 0},
        {"deterministic", NULL, "same bits for any number of threads", FRONT_SWITCH, &o->deterministic, 0, 0},
        {"no-filtering", NULL, "convolutions by their definition: slower, and a digit more exact", FRONT_SWITCH,
         &o->no_filtering, 0, 0},
        {"f64", NULL, "compute in double precision, for comparisons", FRONT_SWITCH, &o->f64, 0, 0},
        {"describe", NULL, "print the networks, and train nothing", FRONT_SWITCH, &o->describe, 0, 0},
    };
    flags result = {.count = 0};
    for (int i = 0; i < f->program->flag_count; i++) result.list[result.count++] = f->program->flags[i];
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) result.list[result.count++] = common[i];
    return result;
}

/* ---- help ---- */

static void print_default(const front_flag *flag) {
    switch (flag->kind) {
    case FRONT_INTEGER:
        if (*(int64_t *)flag->value >= 0) printf(" (%lld)", (long long)*(int64_t *)flag->value);
        break;
    case FRONT_NUMBER:
        printf(" (%g)", *(double *)flag->value);
        break;
    case FRONT_SEED:
        printf(" (%llu)", (unsigned long long)*(uint64_t *)flag->value);
        break;
    case FRONT_TEXT:
        if (*(const char **)flag->value != NULL) printf(" (%s)", *(const char **)flag->value);
        break;
    default:
        break;
    }
}

static void print_text(const char *text) {
    const char *line_end;
    while ((line_end = strchr(text, '\n')) != NULL) {
        printf("%.*s\n  %-26s", (int)(line_end - text), text, "");
        text = line_end + 1;
    }
    printf("%s", text);
}

/* The choice's place in "one|two|three". */
static const char *choice_at(const front_flag *flag, int32_t index, int *length) {
    const char *at = flag->argument;
    for (; index > 0 && at != NULL; index--) at = strchr(at, '|') == NULL ? NULL : strchr(at, '|') + 1;
    *length = at == NULL ? 0 : (int)strcspn(at, "|");
    return at;
}

static void print_help(front *f) {
    const front_program *program = f->program;
    flags list = all_flags(f);
    printf("%s: %s\n\nUsage: %s [flags]\n\n  --preset NAME             networks and settings:\n", f->called,
           program->summary, f->called);
    for (int i = 0; i < program->preset_count; i++)
        printf("  %-26s%s: %s%s\n", "", program->presets[i].name, program->presets[i].summary,
               &program->presets[i] == f->preset ? " (chosen)" : "");
    for (int i = 0; i < list.count; i++) {
        const front_flag *flag = &list.list[i];
        char left[64];
        snprintf(left, sizeof left, "--%s %s", flag->name,
                 flag->argument == NULL       ? ""
                 : flag->kind == FRONT_CHOICE ? "NAME"
                                              : flag->argument);
        printf("  %-26s", left);
        print_text(flag->help);
        if (flag->kind == FRONT_CHOICE) {
            int length;
            const char *chosen = choice_at(flag, *(int32_t *)flag->value, &length);
            printf(": %s (%.*s)", flag->argument, length, chosen);
        }
        print_default(flag);
        printf("\n");
    }
    printf("  %-26sthe library's version\n", "--version");
    printf("  %-26sthis text\n", "--help");
}

/* An exit status: whether all of it has come out. */
static int printed(const front *f) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    fprintf(stderr, "%s: cannot print: %s\n", f->called, strerror(errno));
    return 1;
}

const char *front_called(const char *path, const char *otherwise) {
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return name == NULL || name[0] == '\0' ? otherwise : name;
}

void front_print_version(const char *called) { printf("%s (libgan) %s\n", called, gan_version_string()); }

/* ---- values ---- */

static int refuse(const front *f, const char *flag, const char *value, const char *sentence) {
    fprintf(stderr, "%s: --%s: '%s' %s\nTry '%s --help'.\n", f->called, flag, value, sentence, f->called);
    return 2;
}

static int take_choice(const front *f, const front_flag *flag, const char *text) {
    int length;
    const char *choice;
    for (int32_t i = 0; (choice = choice_at(flag, i, &length)) != NULL; i++)
        if (strlen(text) == (size_t)length && strncmp(choice, text, (size_t)length) == 0) {
            *(int32_t *)flag->value = i;
            return 0;
        }
    char sentence[256];
    snprintf(sentence, sizeof sentence, "is not one of %s", flag->argument);
    return refuse(f, flag->name, text, sentence);
}

static int take_number(const front *f, const front_flag *flag, const char *text) {
    char *end = NULL, sentence[96];
    int whole = flag->kind == FRONT_INTEGER;
    errno = 0;
    double value = whole ? (double)strtoll(text, &end, 10) : strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0)
        return refuse(f, flag->name, text, whole ? "is not a whole number" : "is not a number");
    snprintf(sentence, sizeof sentence, "must be in %g to %g", flag->low, flag->high);
    if (!(value >= flag->low && value <= flag->high)) return refuse(f, flag->name, text, sentence);
    if (whole)
        *(int64_t *)flag->value = (int64_t)value;
    else
        *(double *)flag->value = value;
    return 0;
}

/* 0 if the flag's text was taken */
static int take(const front *f, const front_flag *flag, const char *text) {
    switch (flag->kind) {
    case FRONT_SWITCH:
        *(int32_t *)flag->value = 1;
        return 0;
    case FRONT_TEXT:
        if (text[0] == '\0') return refuse(f, flag->name, text, "is not a path");
        *(const char **)flag->value = text;
        return 0;
    case FRONT_CHOICE:
        return take_choice(f, flag, text);
    case FRONT_SEED: {
        char *end = NULL;
        errno = 0;
        unsigned long long value = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
            return refuse(f, flag->name, text, "is not a whole number of 0 or more");
        *(uint64_t *)flag->value = value;
        return 0;
    }
    default:
        return take_number(f, flag, text);
    }
}

int front_given(front *f, const char *name) {
    flags list = all_flags(f);
    int at = 0;
    while (at < list.count && strcmp(list.list[at].name, name) != 0) at++;
    if (at == list.count) abort(); /* a program has misspelt it */
    return (int)(f->given >> at & 1);
}

gan_status front_not_for(front *f, const char *flag, const char *what) {
    return front_given(f, flag) ? front_refuse(f, "--%s is not for %s", flag, what) : GAN_OK;
}

/* The preset comes first, wherever it stands: flags change what it says. */
static int take_preset(front *f, int argc, char **argv) {
    const front_program *program = f->program;
    f->preset = &program->presets[0];
    const char *name = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--preset") == 0 && i + 1 < argc) name = argv[i + 1];
        if (strncmp(argv[i], "--preset=", 9) == 0) name = argv[i] + 9;
    }
    for (int i = 0; name != NULL && i < program->preset_count; i++)
        if (strcmp(name, program->presets[i].name) == 0) {
            f->preset = &program->presets[i];
            name = NULL;
        }
    if (name != NULL) {
        fprintf(stderr, "%s: --preset: '%s' is not one of", f->called, name);
        for (int i = 0; i < program->preset_count; i++)
            fprintf(stderr, "%s %s", i > 0 ? "," : "", program->presets[i].name);
        fprintf(stderr, "\nTry '%s --help'.\n", f->called);
        return 2;
    }
    front_options *o = &f->options;
    o->size = f->preset->size > 0 ? f->preset->size : 28;
    o->batch_size = f->preset->batch_size;
    o->latent_dim = f->preset->latent_dim;
    o->epochs = f->preset->epochs;
    o->lr = f->preset->lr;
    o->b1 = f->preset->b1;
    o->b2 = f->preset->b2;
    if (program->settle != NULL) program->settle(f);
    return -1;
}

int front_parse(front *f, int argc, char **argv) {
    int done = take_preset(f, argc, argv);
    if (done >= 0) return done;
    flags list = all_flags(f);
    enum { HELP = MOST + 1, VERSION, PRESET };
    struct option table[MOST + 4];
    memset(table, 0, sizeof table);
    for (int i = 0; i < list.count; i++)
        table[i] = (struct option){list.list[i].name,
                                   list.list[i].kind == FRONT_SWITCH ? no_argument : required_argument, NULL, i + 1};
    table[list.count] = (struct option){"help", no_argument, NULL, HELP};
    table[list.count + 1] = (struct option){"version", no_argument, NULL, VERSION};
    table[list.count + 2] = (struct option){"preset", required_argument, NULL, PRESET};
    int code;
    while ((code = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (code == HELP || code == 'h') {
            print_help(f);
            return printed(f);
        }
        if (code == VERSION) {
            front_print_version(f->called);
            return printed(f);
        }
        if (code == '?') { /* getopt has said what */
            fprintf(stderr, "Try '%s --help'.\n", f->called);
            return 2;
        }
        int refused = code == PRESET ? 0 : take(f, &list.list[code - 1], optarg);
        if (refused != 0) return refused;
        if (code != PRESET) f->given |= (uint64_t)1 << (code - 1);
    }
    char text[32];
    if (optind < argc) {
        fprintf(stderr, "%s: '%s' is not a flag; images are given with --data PATH\nTry '%s --help'.\n", f->called,
                argv[optind], f->called);
        return 2;
    }
    if (strlen(f->options.out) > FRONT_PATH_SIZE - 1 - FRONT_NAME_SIZE)
        return refuse(f, "out", f->options.out, "is too long a path");
    snprintf(text, sizeof text, "%lld", (long long)f->options.size);
    if (f->preset->size > 0 && f->options.size != f->preset->size) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "must be %lld with --preset %s", (long long)f->preset->size,
                 f->preset->name);
        return refuse(f, "size", text, sentence);
    }
    if (f->options.data != NULL && f->preset->own_data == FRONT_OWN) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "is not for preset %s, which has data of its own", f->preset->name);
        return refuse(f, "data", f->options.data, sentence);
    }
    if (f->options.hold_out > 0 && f->preset->own_data == FRONT_MADE) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "is not for preset %s, which makes its data of all images",
                 f->preset->name);
        snprintf(text, sizeof text, "%lld", (long long)f->options.hold_out);
        return refuse(f, "hold-out", text, sentence);
    }
    if (f->options.judge_interval % f->options.log_interval != 0) { /* a line has the last value only */
        char sentence[128];
        snprintf(sentence, sizeof sentence, "must be a multiple of the log's interval, which is %lld",
                 (long long)f->options.log_interval);
        snprintf(text, sizeof text, "%lld", (long long)f->options.judge_interval);
        return refuse(f, "judge-interval", text, sentence);
    }
    if (f->options.health == GAN_HEALTH_ROLL_BACK && f->options.checkpoint_interval == 0)
        return refuse(f, "health", "roll-back", "needs checkpoints: --checkpoint-interval must be 1 or more");
    if (f->options.threads == 0) return refuse(f, "threads", "0", "must be -1 or in 1 to 256");
    return -1;
}

/* ---- options.json ---- */

static void write_text(FILE *file, const char *text) {
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

static void write_value(FILE *file, const front_flag *flag) {
    int length;
    const char *choice;
    switch (flag->kind) {
    case FRONT_INTEGER:
        fprintf(file, "%lld", (long long)*(int64_t *)flag->value);
        break;
    case FRONT_NUMBER:
        fprintf(file, "%.17g", *(double *)flag->value);
        break;
    case FRONT_SEED:
        fprintf(file, "%llu", (unsigned long long)*(uint64_t *)flag->value);
        break;
    case FRONT_SWITCH:
        fprintf(file, "%s", *(int32_t *)flag->value ? "true" : "false");
        break;
    case FRONT_CHOICE:
        choice = choice_at(flag, *(int32_t *)flag->value, &length);
        fprintf(file, "\"%.*s\"", length, choice);
        break;
    default:
        write_text(file, *(const char **)flag->value);
    }
}

const char *front_path(const front *f, const char *name, char path[FRONT_PATH_SIZE]) {
    snprintf(path, FRONT_PATH_SIZE, "%s/%s", f->options.out, name);
    return path;
}

FILE *front_file(const front *f, const char *name, int append) {
    char path[FRONT_PATH_SIZE];
    front_path(f, name, path);
    /* not blocking: where somebody has put a pipe under the name, nobody may ever read it */
    int file =
        open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    struct stat info;
    int regular = file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    FILE *stream = regular ? fdopen(file, append ? "a" : "w") : NULL;
    if (stream == NULL && file >= 0) close(file);
    return stream;
}

void front_write_options(const front *f) {
    FILE *file = front_file(f, "options.json", 0);
    if (file == NULL) return; /* the run reports an unwritable folder better */
    front copy = *f;          /* flags point into it */
    flags list = all_flags(&copy);
    fprintf(file, "{\n  \"program\": \"%s\",\n  \"libgan\": \"%s\",\n  \"preset\": \"%s\"", f->program->name,
            gan_version_string(), f->preset->name);
    for (int i = 0; i < list.count; i++) {
        if (list.list[i].value == &copy.options.describe) continue;
        fprintf(file, ",\n  \"%s\": ", list.list[i].name);
        write_value(file, &list.list[i]);
    }
    fprintf(file, "\n}\n");
    fclose(file);
}
