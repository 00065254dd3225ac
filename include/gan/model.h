/** @file
 * Models: a layer with the description of its input and of its values. What a model file holds, and all an
 * application needs to run a generator it did not build. The format is described in docs/file-formats.md. */
#ifndef GAN_MODEL_H
#define GAN_MODEL_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_model gan_model;

#define GAN_INPUT_NORMAL 1  /**< latent vector, independent N(0, 1) */
#define GAN_INPUT_UNIFORM 2 /**< latent vector, independent U(-1, 1) */
#define GAN_INPUT_IMAGE 3   /**< an image in the model's value range */

/** Options of gan_model_create. Since 0.1. */
typedef struct gan_model_options {
    size_t struct_size;
    int32_t input;     /**< GAN_INPUT_... of the layer's (only) input; default GAN_INPUT_NORMAL */
    int32_t reserved;
    double low, high;  /**< values of the output that mean black and white, low < high; default -1 and 1 */
} gan_model_options;
GAN_API void gan_model_options_init_sized(gan_model_options *options, size_t size);
#define gan_model_options_init(options) gan_model_options_init_sized((options), sizeof *(options))

/** Makes a model of a layer with one input, which it keeps alive and shares. Errors: GAN_E_ARGUMENT,
 * GAN_E_UNSUPPORTED (several inputs). Since 0.1. */
GAN_API gan_status gan_model_create(gan_model **out, gan_layer *layer, const gan_model_options *options);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_model_release(gan_model *model);

/** Writes the model as one safetensors file: temporary name, fsync, rename, fsync of the folder. On failure an
 * existing file of that name is as before (only when nothing but the last of these, the fsync of the folder, failed is
 * it the complete new one). Errors: GAN_E_IO, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_model_save(const gan_model *model, const char *path);
/** Reads a model file, in evaluation mode. Tensors that the model does not need are ignored. Errors: GAN_E_IO,
 * GAN_E_FORMAT, GAN_E_UNSUPPORTED (a newer schema or an unknown layer type, named), GAN_E_MISMATCH (a tensor is
 * missing or has another shape or type, named). Since 0.1. */
GAN_API gan_status gan_model_load(gan_model **out, gan_context *context, const char *path);

/** The layer, borrowed: shared with whoever made the model of it. Since 0.1. */
GAN_API gan_layer *gan_model_layer(const gan_model *model);
/** Kind of its input, GAN_INPUT_.... Since 0.1. */
GAN_API int32_t gan_model_input(const gan_model *model);
/** Values of the output that mean black and white; either pointer may be NULL. Since 0.1. */
GAN_API void gan_model_range(const gan_model *model, double *low, double *high);

/** Draws `count` (>= 0) latent vectors: count x input shape, of the layer's type. The same seed gives the same
 * vectors, and the first of many are the first of few. The context's seed and streams have no part in it. Errors:
 * GAN_E_UNSUPPORTED (the input is an image). Since 0.1. */
GAN_API gan_status gan_model_latent(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);
/** Runs the layer in evaluation mode on inputs of batch x input shape (f32 or f64, converted), nothing recorded, in
 * portions that bound the memory; gives batch x output shape, a tensor of the caller's own. The layer's mode is as
 * before afterwards. Errors: GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_CANCELLED, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_model_generate(gan_tensor **out, gan_model *model, const gan_tensor *inputs);
/** gan_model_latent and gan_model_generate in one: count x output shape, with the errors of both. Since 0.1. */
GAN_API gan_status gan_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);

/** Writes a layer's tensors as one safetensors file, under the names that PyTorch's load_state_dict expects; safe as
 * gan_model_save. Errors: GAN_E_IO, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_layer_save(const gan_layer *layer, const char *path);
/** Reads all of a layer's tensors, parameters and buffers, by name from a safetensors file; others in the file are
 * ignored; nothing is changed on failure. f32 and f64 are converted into each other. Errors: as gan_model_load.
 * Since 0.1. */
GAN_API gan_status gan_layer_load(gan_layer *layer, const char *path);

GAN_END_DECLS

#endif
