/* A tiny GAN with everything a run can have, for the tests of runs and checkpoints. Failures here end the program. */
#ifndef TESTS_SUPPORT_RUN_FIXTURE_H
#define TESTS_SUPPORT_RUN_FIXTURE_H

#include <gan.h>

#include "base/context.h"
#include "host.h"

#define FIXTURE_LATENT 8
#define FIXTURE_BATCH 16

enum {
    FIXTURE_NAN_METRIC,    /* phase g reports it as "odd" */
    FIXTURE_NAN_GRADIENT,  /* of phase g's loss */
    FIXTURE_NAN_PARAMETER, /* phase g writes it into the generator */
    FIXTURE_NAN_AVERAGE    /* phase g writes it into the generator's average */
};

typedef struct run_fixture {
    gani_io io; /* of the context: the system's without syncing */
    gan_context *context;
    gan_layer *generator, *discriminator;
    gan_optimizer *optimizer_d, *optimizer_g;
    gan_ema *ema;
    gan_loss *loss;
    gan_loss *history, *path; /* with a setup of `stateful`: historical averaging of D, path length of G */
    gan_pool *pool;
    gan_dataset *dataset;
    gan_loader *loader;
    gan_model *model;
    gan_run *run;
    gan_tensor *fake;  /* made by phase d, used by phase g */
    int64_t cancel_at; /* progress asks to stop after this step; 0: never */
    int64_t nan_at;    /* something is not a number in this step; 0: never */
    int32_t nan_kind;  /* what: FIXTURE_NAN_... */
    double nan_rate;   /* but only while G's learning rate is at least this */
    int64_t fail_at;   /* phase g fails in this step; 0: never */
    int64_t calls;     /* of progress */
    gan_progress last; /* what progress was told last; pointers are not valid */
} run_fixture;

typedef struct fixture_setup {
    uint64_t seed;
    int64_t items, batch;
    uint64_t items_seed; /* of the digits; 0 */
    int64_t hidden;      /* width of both networks */
    int32_t extra_layer; /* one more layer, "extra", in the run */
    int32_t threads;     /* of the context, which is deterministic; 1 */
    int32_t stateful;    /* 1: losses with a state and a pool; 2: a larger pool; 3: the losses change names */
    int32_t rmsprop;     /* D's optimizer: 0: Adam; 1: RMSProp; 2: centered, with momentum, a group for each layer */
    int32_t styles;      /* 1: networks of layers that draw numbers, keep averages and fade in */
    gan_loader_options loader;
    host_memory *memory;
} fixture_setup;
fixture_setup fixture_default(void);

void fixture_options(gan_run_options *options, const char *folder, int64_t steps);
/* Makes all of it; `options` as for gan_run_create. */
void fixture_begin(run_fixture *fixture, const fixture_setup *setup, const gan_run_options *options);
void fixture_end(run_fixture *fixture);

/* All that training changes, as one number: weights, buffers, averages, step counts, stream and loader positions. */
uint64_t fixture_digest(const run_fixture *fixture);

#endif
