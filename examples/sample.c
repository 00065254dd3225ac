/* Draws a sheet from any model file: samples, or a walk between latent vectors. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"

typedef struct settings {
    const char *model, *out;
    int64_t count, columns, zoom;
    int64_t label; /* -1: one class a row */
    uint64_t seed;
    int interpolate;
} settings;

static const char *called; /* front_called */

static void help(void) {
    printf("%s: draws a sheet of samples from a model file\n\nUsage: %s MODEL [flags]\n\n", called, called);
    puts("  --out FILE      where the picture goes (samples.png)\n"
         "  --count N       images (64)\n"
         "  --columns N     images in a row (8)\n"
         "  --zoom N        each pixel is drawn N x N (2)\n"
         "  --seed N        seed of the latent vectors (0: those of the training run's own sheets)\n"
         "  --class N       images of one class only, of a model that has classes (one class a row)\n"
         "  --interpolate   each row walks from one latent vector to another\n"
         "  --version       the library's version\n"
         "  --help          this text");
}

static int try_help(void) {
    fprintf(stderr, "Try '%s --help'.\n", called);
    return 2;
}

static int refuse(const char *flag, const char *value) {
    fprintf(stderr, "%s: --%s: '%s' is not a whole number in range\n", called, flag, value);
    return try_help();
}

static int parse(settings *s, int argc, char **argv) {
    static const struct option table[] = {
        {"out", required_argument, NULL, 'o'},     {"count", required_argument, NULL, 'n'},
        {"columns", required_argument, NULL, 'c'}, {"zoom", required_argument, NULL, 'z'},
        {"seed", required_argument, NULL, 's'},    {"interpolate", no_argument, NULL, 'i'},
        {"class", required_argument, NULL, 'l'},   {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int code, index = 0;
    while ((code = getopt_long(argc, argv, "h", table, &index)) != -1) {
        char *end = NULL;
        errno = 0;
        unsigned long long number = 0;
        if (strchr("nczsl", code) != NULL) {
            number = strtoull(optarg, &end, 10);
            int bad = optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || errno != 0;
            unsigned long long most = code == 's' ? ULLONG_MAX : code == 'z' ? 64 : 65536;
            if (bad || number > most || (number < 1 && code != 's' && code != 'l'))
                return refuse(table[index].name, optarg);
        }
        switch (code) {
        case 'o':
            s->out = optarg;
            break;
        case 'n':
            s->count = (int64_t)number;
            break;
        case 'c':
            s->columns = (int64_t)number;
            break;
        case 'z':
            s->zoom = (int64_t)number;
            break;
        case 's':
            s->seed = number;
            break;
        case 'l':
            s->label = (int64_t)number;
            break;
        case 'i':
            s->interpolate = 1;
            break;
        case 'V':
            front_print_version(called);
            return 0;
        case 'h':
            help();
            return 0;
        default:
            return try_help();
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, optind == argc ? "%s: which model file?\n" : "%s: only one model file can be given\n", called);
        return try_help();
    }
    s->model = argv[optind];
    return -1;
}

/* The class that was asked for, or one class a row. */
static gan_status set_classes(const settings *s, gan_model *model, gan_tensor *const *inputs) {
    const int64_t classes = gan_model_classes(model);
    int32_t *labels = malloc((size_t)s->count * sizeof *labels);
    if (labels == NULL) return GAN_E_MEMORY;
    for (int64_t i = 0; i < s->count; i++) labels[i] = (int32_t)(s->label >= 0 ? s->label : i / s->columns % classes);
    gan_status status = gan_model_set_classes(model, inputs, labels, s->count);
    free(labels);
    return status;
}

int main(int argc, char **argv) {
    settings s = {.out = "samples.png", .count = 64, .columns = 8, .zoom = 2, .label = -1};
    called = front_called(argc > 0 ? argv[0] : NULL, "sample");
    int done = parse(&s, argc, argv);
    if (done >= 0) return done;

    gan_context *context = NULL;
    gan_model *model = NULL;
    gan_tensor *inputs[FRONT_MOST_INPUTS] = {NULL}, *images = NULL;
    gan_status status = gan_context_create(&context, NULL);
    if (status == GAN_OK) status = gan_model_load(&model, context, s.model);
    if (status == GAN_OK) status = gan_model_draw(inputs, model, s.count, s.seed);
    int32_t count = gan_layer_input_count(gan_model_layer(model));
    if (status == GAN_OK && s.interpolate) front_walk(model, inputs, s.count, s.columns);
    if (status == GAN_OK && s.label >= gan_model_classes(model)) {
        fprintf(stderr, "%s: --class %lld: the model has no such class\n", called, (long long)s.label);
        done = 2;
    }
    if (status == GAN_OK && done < 0 && gan_model_classes(model) > 0) status = set_classes(&s, model, inputs);
    if (status == GAN_OK && done < 0) status = gan_model_generate_many(&images, model, inputs, count);

    gan_sheet_options sheet;
    gan_sheet_options_init(&sheet);
    sheet.columns = s.columns;
    sheet.zoom = s.zoom;
    if (status == GAN_OK && done < 0) status = gan_model_sheet_write(model, images, s.out, &sheet);
    if (status == GAN_OK && done < 0)
        printf("%s: %lld images\n", s.out, (long long)s.count);
    else if (done < 0)
        fprintf(stderr, "%s: %s\n", called, gan_context_explain(context, status));
    gan_tensor_release(images);
    for (int32_t i = 0; i < FRONT_MOST_INPUTS; i++) gan_tensor_release(inputs[i]);
    gan_model_release(model);
    gan_context_release(context);
    return done > 0 ? done : status == GAN_OK ? 0 : 1;
}
