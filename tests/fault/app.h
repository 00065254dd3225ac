/* A whole application on tiny networks, for the tests that make its life hard: a DCGAN with batch norm, gradient
 * penalty, historical averaging, a pool of images, path length, Adam and an average on built-in digits; training with
 * log, sheets and checkpoints; saving, loading, resuming, sampling, a session. Nothing here asserts: every failure
 * comes back as a status, with the message. */
#ifndef TESTS_FAULT_APP_H
#define TESTS_FAULT_APP_H

#include <gan.h>

#include "base/io.h"

#define APP_MESSAGE 512

typedef struct app_setup {
    int32_t threads, level, blas;
    int64_t steps, interval; /* interval: of sheets and checkpoints */
    int64_t log_interval;
    int64_t width, batch;           /* channels of the networks' middle */
    const char *folder;             /* NULL: no files */
    const gan_allocator *allocator; /* NULL: the default one */
    const gan_executor *executor;   /* NULL: a pool */
    const gani_io *io;              /* NULL: the system's */
} app_setup;
app_setup app_tiny(const char *folder);

typedef struct app {
    app_setup setup;
    gan_context *context;
    gan_dataset *dataset;
    gan_loader *loader;
    gan_layer *generator, *discriminator;
    gan_optimizer *adam_d, *adam_g;
    gan_loss *loss, *history, *path;
    gan_pool *pool;
    gan_ema *average;
    gan_model *model;
    gan_run *run;
    gan_tensor *fake;
    int32_t (*progress)(void *user, const gan_progress *progress); /* NULL: none; set before app_begin */
    void *user;
    const char *stage;         /* what was last begun */
    char message[APP_MESSAGE]; /* of what failed */
} app;

/* Each goes on where the one before ended. After a failure app_end is all that is left to do, or the same call again.
 */
gan_status app_begin(app *a, const app_setup *setup); /* `a` is zeroed but for progress and user */
gan_status app_train(app *a);
gan_status app_resume(app *a); /* instead of the beginning of app_train */
gan_status app_files(app *a);  /* save, load, compare, sample, PNG; `a` has a folder */
void app_end(app *a);

/* begin, train, files, end */
gan_status app_all(const app_setup *setup, char *message);

#endif
