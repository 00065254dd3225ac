/** @file
 * Models: a layer with the description of its inputs and of its values. What a model file holds, and all an
 * application needs to run a generator it did not build: a latent vector may be drawn for each input, a class label for
 * those of indices. The format is described in docs/file-formats.md. */
#ifndef GAN_MODEL_H
#define GAN_MODEL_H

#include <gan/image.h>
#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_model gan_model;

/** @name Kinds of inputs
 * @{ */
#define GAN_INPUT_NORMAL 1       /**< latent vector, independent N(0, 1) */
#define GAN_INPUT_UNIFORM 2      /**< latent vector, independent U(-1, 1) */
#define GAN_INPUT_IMAGE 3        /**< an image in the model's value range: given, never drawn */
#define GAN_INPUT_UNIT_UNIFORM 4 /**< latent vector, independent U(0, 1) */
#define GAN_INPUT_CLASS                                                                                                \
    5                       /**< class labels: an input of indices (gan_builder_input_indices), each equally           \
                                 likely */
#define GAN_INPUT_ONE_HOT 6 /**< a vector of numbers with a single 1, its place equally likely; else 0 */
/** @} */

/** Options of gan_model_create. Since 0.1. */
typedef struct gan_model_options {
    size_t struct_size;
    int32_t input;         /**< GAN_INPUT_... of each of the layer's inputs of numbers; default GAN_INPUT_NORMAL. Those
                                of indices are GAN_INPUT_CLASS */
    int32_t input_count;   /**< entries of `inputs`: as many as the layer has inputs; default 0 */
    double low, high;      /**< values of the output that mean black and white, low < high; default -1 and 1 */
    const int32_t *inputs; /**< GAN_INPUT_... of each input, in place of `input`; NULL (default): none */
} gan_model_options;
GAN_API void gan_model_options_init_sized(gan_model_options *options, size_t size);
#define gan_model_options_init(options) gan_model_options_init_sized((options), sizeof *(options))

/** Makes a model of a layer, which it keeps alive and shares. Errors: GAN_E_ARGUMENT (a kind that does not fit its
 * input: classes are indices, a one-hot vector has one axis). Since 0.1. */
GAN_API gan_status gan_model_create(gan_model **out, gan_layer *layer, const gan_model_options *options);
/** One more reference; returns its argument. Since 0.1. */
GAN_API gan_model *gan_model_retain(gan_model *model);
/** Gives up a reference; NULL allowed. Since 0.1. */
GAN_API void gan_model_release(gan_model *model);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_model_context(const gan_model *model);

/** Writes the model as one safetensors file: temporary name, fsync, rename, fsync of the folder. On failure an
 * existing file of that name is as before (only when nothing but the last of these, the fsync of the folder, failed is
 * it the complete new one). Errors: GAN_E_IO, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_model_save(const gan_model *model, const char *path);
/** Gives the bytes of such a file to `write`, in order and in parts, instead: for resources, archives, databases. What
 * it returns other than GAN_OK ends the call, with that status and its sentence (gan_context_fail) or a general one;
 * GAN_E_ARGUMENT if it is above 0. Errors: those, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_model_save_stream(const gan_model *model,
                                         gan_status (*write)(void *user, const void *bytes, size_t size), void *user);
/** Reads a model file, in evaluation mode: gan_layer_set_training before it is trained on. Tensors that the model does
 * not need are ignored. Errors: GAN_E_IO, GAN_E_FORMAT, GAN_E_UNSUPPORTED (a newer schema or an unknown layer type,
 * named), GAN_E_MISMATCH (a tensor is missing or has another shape or type, named). Since 0.1. */
GAN_API gan_status gan_model_load(gan_model **out, gan_context *context, const char *path);

/** Reads a model from the bytes of such a file. They are not needed afterwards. Errors: as gan_model_load, but for
 * GAN_E_IO. Since 0.1. */
GAN_API gan_status gan_model_load_memory(gan_model **out, gan_context *context, const void *bytes, size_t size);

/** The layer, borrowed: shared with whoever made the model of it. Since 0.1. */
GAN_API gan_layer *gan_model_layer(const gan_model *model);
/** Kind of its first input, GAN_INPUT_.... Since 0.1. */
GAN_API int32_t gan_model_input(const gan_model *model);
/** Kind of input `index`; 0 if there is none. What else there is to know of it: gan_layer_input_count, _name, _shape,
 * _dtype and _limit of the layer. Since 0.1. */
GAN_API int32_t gan_model_input_kind(const gan_model *model, int32_t index);
/** Values of the output that mean black and white; either pointer may be NULL. Since 0.1. */
GAN_API void gan_model_range(const gan_model *model, double *low, double *high);

/** Draws the first input of `count` (>= 0) items: count x input shape, of the layer's type, or i32 for class labels.
 * The same seed gives the same vectors, and the first of many are the first of few. The context's seed and streams have
 * no part in it. Errors: GAN_E_UNSUPPORTED (the input is an image). Since 0.1. */
GAN_API gan_status gan_model_latent(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);
/** Draws all inputs of `count` items, as gan_model_latent: `outs` has room for as many tensors as the layer has inputs,
 * each of the caller's own afterwards, or all NULL after an error (untouched if the model is NULL). Each input has
 * random numbers of its own. Errors: as gan_model_latent, of any input. Since 0.1. */
GAN_API gan_status gan_model_draw(gan_tensor **outs, gan_model *model, int64_t count, uint64_t seed);
/** How many classes its samples can be asked of: those of its first input that is one class label an item
 * (GAN_INPUT_CLASS) or a one-hot vector (GAN_INPUT_ONE_HOT); 0 if it has none. Since 0.1. */
GAN_API int64_t gan_model_classes(const gan_model *model);
/** Asks for classes: item i of that input, in all the model's inputs of `count` (>= 0) items as gan_model_draw gave
 * them, becomes of class labels[i], 0 to gan_model_classes - 1; all else stays, and on failure everything does. Errors:
 * GAN_E_UNSUPPORTED (the model has no classes), GAN_E_ARGUMENT (a label out of range, with its place; the input is
 * NULL, on a tape or not contiguous), GAN_E_SHAPE (another number of items) and those of gan_model_generate_many.
 * Since 0.1. */
GAN_API gan_status gan_model_set_classes(gan_model *model, gan_tensor *const *inputs, const int32_t *labels,
                                         int64_t count);
/** Runs the layer in evaluation mode on inputs of batch x input shape (f32 or f64, converted), nothing recorded, in
 * portions that bound the memory; gives batch x output shape of the (first) output, a tensor of the caller's own. The
 * layer's mode is as before afterwards. Errors: GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_CANCELLED, GAN_E_MEMORY,
 * GAN_E_ARGUMENT (the model has several inputs). Since 0.1. */
GAN_API gan_status gan_model_generate(gan_tensor **out, gan_model *model, const gan_tensor *inputs);
/** The same of a model with `count` inputs, each batch x its shape, in the layer's order; those of indices are i32.
 * Errors: as gan_model_generate; GAN_E_ARGUMENT (another number of inputs, another batch than the first's, an index out
 * of range). Since 0.1. */
GAN_API gan_status gan_model_generate_many(gan_tensor **out, gan_model *model, gan_tensor *const *inputs,
                                           int32_t count);
/** gan_model_draw and gan_model_generate_many in one: count x output shape, with the errors of both. Since 0.1. */
GAN_API gan_status gan_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed);
/** Replaces the running statistics of the layer's batch normalisation by those of `count` (>= 2) samples, of inputs as
 * gan_model_draw draws them, in batches of 64 at most (see gan_layer_move_statistics). A moving average of weights
 * needs that before it is sampled or saved; a run sees to it (gan_run_options.statistics_count). The kinds of the
 * inputs should be what the network was trained with. A model without batch normalisation stays as it is. After an
 * error nothing is changed. Errors: GAN_E_ARGUMENT (count), GAN_E_UNSUPPORTED (an input is an image), GAN_E_CANCELLED,
 * and those of gan_model_generate. Since 0.1. */
GAN_API gan_status gan_model_update_statistics(gan_model *model, int64_t count, uint64_t seed);
/** gan_sheet_write of images that the model made: with its black and white in place of the options' `low` and `high`.
 * Errors: as gan_sheet_write. Since 0.1. */
GAN_API gan_status gan_model_sheet_write(const gan_model *model, const gan_tensor *images, const char *path,
                                         const gan_sheet_options *options);

/** Writes a layer's tensors as one safetensors file, under the names that PyTorch's load_state_dict expects; safe as
 * gan_model_save. Errors: GAN_E_IO, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_layer_save(const gan_layer *layer, const char *path);
/** Reads all of a layer's tensors, parameters and buffers, by name from a safetensors file; others in the file are
 * ignored; nothing is changed on failure. f32 and f64 are converted into each other. What PyTorch's parametrizations
 * (torch.nn.utils.parametrizations.spectral_norm, weight_norm) name otherwise is found too. Errors: as gan_model_load.
 * Since 0.1. */
GAN_API gan_status gan_layer_load(gan_layer *layer, const char *path);
/** The same for a network whose tensors are named "prefix.NAME" in the file: one of a checkpoint, by the name that
 * gan_run_add_layer or gan_run_add_ema gave it, or a submodule of another program's. "": gan_layer_load. Errors: as
 * gan_model_load. Since 0.1. */
GAN_API gan_status gan_layer_load_prefixed(gan_layer *layer, const char *path, const char *prefix);

GAN_END_DECLS

#endif
