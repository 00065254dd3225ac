/* Times one direction of one layer, as the context computes it. */
#ifndef TESTS_BENCH_LAYER_TIME_H
#define TESTS_BENCH_LAYER_TIME_H

#include <gan.h>

#include "work.h"

/* "F(2)", "F(3)", "F(4)": minimal filtering with tiles of that size; "direct"; "product" of a dense layer. */
const char *layer_algorithm(const gan_context *context, const work_layer *layer, int direction);
/* Seconds of the fastest of several runs; negative without memory. */
double layer_seconds(gan_context *context, const work_layer *layer, int direction);
/* Bytes of what is read and what is written, each once. */
double layer_bytes(const work_layer *layer);

#endif
