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
    double low, high;
    int32_t kinds[GANI_MAX_PORTS]; /* GAN_INPUT_..., of each input */
};

/* One kind for each input; everything has been checked. */
gan_status gani_model_new(gan_model **out, gan_layer *layer, const int32_t *kinds, double low, double high);
gan_model *gani_model_retain(gan_model *model);
void gani_model_drop(gan_model *model);

/* As many inputs as the layer has, none of another context or of a failed operation. */
gan_status gani_model_generate(gan_tensor **out, gan_model *model, gan_tensor *const *inputs);
/* count >= 0 */
gan_status gani_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);
/* count >= 2; may_cancel 0: what a run does when it was cancelled */
gan_status gani_model_update_statistics(gan_model *model, int64_t count, uint64_t seed, int may_cancel);

/* inputs.c. What is wrong with this kind for this input, a part of a sentence; NULL: nothing. */
const char *gani_input_trouble(const gani_input *input, int32_t kind);
typedef struct gani_draw {
    const gan_layer *layer;
    int32_t index, kind; /* of the input; not GAN_INPUT_IMAGE */
    uint64_t seed;
} gani_draw;
/* Draws items [first, first + count) of all there are into `room`, which is for three elements more, and gives where
 * the first of them begins: at the beginning if `first` is 0. */
const void *gani_draw_input(const gani_draw *draw, int64_t first, int64_t count, void *room);
/* count >= 0 */
gan_status gani_model_latent(gan_tensor **out, gan_model *model, int32_t index, int64_t count, uint64_t seed);
gan_status gani_model_draw(gan_tensor **outs, gan_model *model, int64_t count, uint64_t seed);
/* Items [first, first + count) of them. */
gan_status gani_model_draw_some(gan_tensor **outs, gan_model *model, int64_t first, int64_t count, uint64_t seed);
int gani_model_wants_images(const gan_model *model); /* it cannot be drawn for, then */
void gani_drop_all(gan_tensor **tensors, int32_t count);
/* The first input that says which class an item is of, by one label or a one-hot vector; -1 and 0 classes if none. */
int32_t gani_model_class_input(const gan_model *model, int64_t *classes);
/* An item of what was drawn for that input becomes of this class. */
void gani_set_class(gan_tensor *drawn, int64_t item, int64_t class);

/* Can x be this input, of any number of items? */
gan_status gani_model_check_input(const gan_layer *layer, int32_t index, const gan_tensor *x);
/* One output of a layer in evaluation mode, in portions; inputs as gani_model_generate has them. */
gan_status gani_layer_evaluate(gan_tensor **out, gan_layer *layer, int32_t output, gan_tensor *const *inputs);
/* 1 if the items of a batch depend on each other in evaluation mode: statistics of the batch. */
int gani_is_one_batch(const gan_layer *layer);

/* model_write.c */
gan_status gani_model_save(const gan_model *model, const char *path);
gan_status gani_model_save_stream(const gan_model *model, gani_write *write, void *user);
gan_status gani_layer_save(const gan_layer *layer, const char *path);
/* model_read.c */
gan_status gani_model_load(gan_model **out, gan_context *context, const char *path);
gan_status gani_model_load_memory(gan_model **out, gan_context *context, const void *bytes, size_t size);
gan_status gani_layer_load(gan_layer *layer, const char *path, const char *prefix); /* "": none */

/* What both sides of the file format agree on. */
#define GANI_MODEL_KEY "gan.model"
#define GANI_MODEL_SCHEMA 1
extern const char *const gani_input_kinds[]; /* by GAN_INPUT_...; ends with NULL */

#endif
