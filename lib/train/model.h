/* Models, and the files that hold them. */
#ifndef GANI_TRAIN_MODEL_H
#define GANI_TRAIN_MODEL_H

#include <gan/model.h>

#include "io/safetensors.h"
#include "nn/layer.h"

struct gan_model {
    atomic_int references;
    gan_context *context;
    gan_layer *layer;
    int32_t input; /* GAN_INPUT_... */
    double low, high;
};

/* The layer has one input; the options have been checked. */
gan_status gani_model_new(gan_model **out, gan_layer *layer, const gan_model_options *options);
gan_model *gani_model_retain(gan_model *model);
void gani_model_drop(gan_model *model);

/* count >= 0 */
gan_status gani_model_latent(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);
gan_status gani_model_generate(gan_tensor **out, gan_model *model, const gan_tensor *inputs);
gan_status gani_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);

/* One output of a layer with one input, of numbers, in evaluation mode, in portions. */
gan_status gani_layer_evaluate(gan_tensor **out, gan_layer *layer, int32_t output, const gan_tensor *inputs);

/* Fills a contiguous tensor. Element i of all there are is a function of (seed, i), so the first vectors of many are
 * the first of few; the tensor's first is element 4 * block. */
void gani_draw_latent(gan_tensor *latent, int32_t input, uint64_t seed, uint64_t block);
/* 1 if the items of a batch depend on each other in evaluation mode: statistics of the batch. */
int gani_is_one_batch(const gan_layer *layer);

/* model_file.c */
gan_status gani_model_save(const gan_model *model, const char *path);
gan_status gani_layer_save(const gan_layer *layer, const char *path);
/* model_read.c */
gan_status gani_model_load(gan_model **out, gan_context *context, const char *path);
gan_status gani_layer_load(gan_layer *layer, const char *path);

/* What both sides of the file format agree on. */
#define GANI_MODEL_KEY "gan.model"
#define GANI_MODEL_SCHEMA 1
extern const char *const gani_input_kinds[]; /* by GAN_INPUT_...; ends with NULL */

#endif
