/* A run as small as one can be: networks of a few weights, four images of 2 x 2 pixels. */
#ifndef TESTS_FUZZ_SMALL_RUN_H
#define TESTS_FUZZ_SMALL_RUN_H

#include "fuzz.h"

#define SMALL_RUN_CHECKPOINT "run/checkpoint-000002.safetensors"
#define SMALL_RUN_STEPS 4

typedef struct small_run {
    gan_context *context;
    gan_layer *generator, *discriminator;
    gan_optimizer *adam_d, *adam_g;
    gan_ema *average;
    gan_loss *loss;
    gan_dataset *dataset;
    gan_loader *loader;
    gan_model *model;
    gan_run *run;
    gan_tensor *fake;
    int sheets;
} small_run;

void small_run_begin(small_run *r, int sheets); /* sheets: 1 draws pictures and curves, which takes long */
void small_run_end(small_run *r);
uint64_t small_run_digest(const small_run *r); /* of weights, averages, counts and positions */

#endif
