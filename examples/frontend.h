/* What the example programs share: flags, progress line, run folder. Each program adds its networks, losses and phases.
 */
#ifndef FRONTEND_H
#define FRONTEND_H

#include <gan.h>

typedef struct front_options {
    const char *data;   /* NULL: the built-in digits */
    const char *out;    /* run folder */
    const char *resume; /* checkpoint or folder; NULL: start anew */
    int64_t steps;      /* -1: by epochs */
    int64_t epochs, batch_size, latent_dim, size, sample_interval, checkpoint_interval, threads;
    double seconds; /* 0: no limit */
    double lr, b1, b2, ema;
    uint64_t seed;
    int32_t deterministic, overwrite;
} front_options;

typedef struct front_program {
    const char *name;    /* "dcgan" */
    const char *summary; /* one sentence */
    const char *sizes;   /* "28, 64": image sizes that it has networks for */
    int32_t (*has_size)(int64_t size);
} front_program;

/* Everything a program needs around its networks. */
typedef struct front_end {
    front_options options;
    const front_program *program;
    gan_context *context;
    gan_dataset *dataset;
    gan_loader *loader;
    gan_run *run;
    gan_shape image; /* C x H x W */
    double last_print;
} front_end;

/* Reads the flags over the defaults in front->options. Returns -1 to go on, else the exit status of the program (after
 * --help or a refusal). */
int front_parse(front_end *front, const front_program *program, int argc, char **argv);

/* Makes the context; then, after the program has made its networks from front->image, the run. */
gan_status front_open(front_end *front);
gan_status front_start(front_end *front);

/* Trains (or resumes and trains) and says where things are. `status` is what happened before; errors are printed.
 * Releases everything in front. Returns the exit status of the program. */
int front_finish(front_end *front, gan_status status);

/* Prints a layer's table under a title. */
void front_print_layer(const char *title, const gan_layer *layer);

#endif
