/** @file
 * Layers: differentiable modules with parameters. A whole network is a layer: a builder makes one (builder.h), of the
 * parts that there are (parts.h), and init.h has initial values beside those it begins with. */
#ifndef GAN_LAYER_H
#define GAN_LAYER_H

#include <gan/ops.h>

GAN_BEGIN_DECLS

typedef struct gan_layer gan_layer;

/** One more reference; returns its argument. Since 0.1. */
GAN_API gan_layer *gan_layer_retain(gan_layer *layer);
/** Gives up a reference; NULL allowed. Since 0.1. */
GAN_API void gan_layer_release(gan_layer *layer);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_layer_context(const gan_layer *layer);

/** Applies a network with one input and one output. x: batch x input shape, of the layer's type; gives batch x output
 * shape, borrowed. Sticky on the tape: GAN_E_SHAPE, GAN_E_DTYPE, GAN_E_ARGUMENT (another number of inputs or outputs).
 * In training mode batch normalisation moves its running statistics, and forms of weights their buffers, also when a
 * later layer fails. Since 0.1. */
GAN_API gan_tensor *gan_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *x);
/** Applies a network with `count` inputs, in the order they were added, and `y_count` outputs, which are put into ys
 * (inert after an error). Since 0.1. */
GAN_API void gan_layer_forward_many(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count,
                                    gan_tensor **ys, int32_t y_count);

/** Statistics for batch normalisation: a forward pass in evaluation mode (dropout is off, power iterations rest; layers
 * that the application registered are told so), but for batch normalisation, which normalises by the batch, as in
 * training, and moves its running statistics towards the batch's by `momentum`, above 0 and at most 1, in place of its
 * own. With momentum 1/k in the k-th pass they become the means over the passes (of a network that is applied several
 * times in one pass, its last applications count more): the standing statistics of Brock et al. (2019, arXiv
 * 1809.11096), for weights other than those that the running ones were gathered with, as a moving average's (gan_ema),
 * or for truncated latent vectors. Nothing is recorded, the layer's mode stays. After an error no statistics have
 * moved. A network without running statistics stays as it is. xs: `count` inputs, as gan_layer_forward_many has them.
 * Errors: those of gan_layer_forward_many, GAN_E_ARGUMENT (momentum); the tape keeps them too. Of a generator's own
 * samples: gan_model_update_statistics. Since 0.1. */
GAN_API gan_status gan_layer_move_statistics(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count,
                                               double momentum);

/** @name Reference batches
 * What gan_add_virtual_batch_norm needs: the reference batch, drawn once, is passed through the network, and each of
 * these layers normalises it by its own statistics and keeps them as buffers. They hold for the weights of that moment:
 * after each optimizer step, and on a moving average before it is sampled, the reference is to be given again. Other
 * layers that look at the whole batch see the reference too. Sticky on the tape; errors as gan_layer_forward_many, and
 * GAN_E_STATE (no such layer in the network), GAN_E_SHAPE (an empty reference). Since 0.1.
 * @{ */
/** Passes a reference batch (`count` inputs) alone; what follows is normalised by it: gradients do not go through its
 * statistics. Cheaper than the other way where a step applies the network several times. In training mode it is a
 * forward pass like any other: running statistics and power iterations of other layers move. The batch itself is the
 * caller's: a run that resumes has to make the same one again, e.g. by gan_tensor_fill_normal with a seed. */
GAN_API void gan_layer_set_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count);
/** gan_layer_forward_many of xs, with a reference batch passed through the network beside them: the same values as
 * after gan_layer_set_reference, but gradients go through the reference's statistics as well, as in the authors'
 * program. The ys are of the xs only. */
GAN_API void gan_layer_forward_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *references,
                                         gan_tensor *const *xs, int32_t count, gan_tensor **ys, int32_t y_count);
/** @} */

/** Training mode (1, the mode after building) or evaluation mode (0). It holds when this layer is applied; when a
 * network is applied that this one is a part of, that network's mode holds in its place. Since 0.1. */
GAN_API void gan_layer_set_training(gan_layer *layer, int32_t training);
/** The mode. Since 0.1. */
GAN_API int32_t gan_layer_is_training(const gan_layer *layer);

/** Number of inputs. Since 0.1. */
GAN_API int32_t gan_layer_input_count(const gan_layer *layer);
/** Shape of input `index` without the batch axis; rank 0 if there is none. Since 0.1. */
GAN_API gan_shape gan_layer_input_shape(const gan_layer *layer, int32_t index);
/** Type of input `index`: the network's, or GAN_I32 for indices; 0 if there is none. Since 0.1. */
GAN_API gan_dtype gan_layer_input_dtype(const gan_layer *layer, int32_t index);
/** Its name; NULL if there is none. Valid as long as the layer. Since 0.1. */
GAN_API const char *gan_layer_input_name(const gan_layer *layer, int32_t index);
/** What the values of input `index` stay below, if it holds indices: the number of classes; else 0. Since 0.1. */
GAN_API int64_t gan_layer_input_limit(const gan_layer *layer, int32_t index);
/** Number of outputs. Since 0.1. */
GAN_API int32_t gan_layer_output_count(const gan_layer *layer);
/** Shape of output `index` without the batch axis; rank 0 if there is none. Since 0.1. */
GAN_API gan_shape gan_layer_output_shape(const gan_layer *layer, int32_t index);
/** Its name; NULL if there is none. Valid as long as the layer. Since 0.1. */
GAN_API const char *gan_layer_output_name(const gan_layer *layer, int32_t index);
/** Type of the parameters. Since 0.1. */
GAN_API gan_dtype gan_layer_dtype(const gan_layer *layer);

/** @name Parameters and buffers
 * Tensors of a layer in a fixed order, under their PyTorch names, those of networks inside included, each once.
 * Since 0.1.
 * @{ */
/** Number of scalars in all parameters together, frozen ones too. */
GAN_API int64_t gan_layer_parameter_count(const gan_layer *layer);
/** Number of tensors, parameters and buffers. */
GAN_API int32_t gan_layer_tensor_count(const gan_layer *layer);
/** Tensor `index`, borrowed; NULL if there is none. The layer's own: writing to it changes the network. */
GAN_API gan_tensor *gan_layer_tensor(const gan_layer *layer, int32_t index);
/** Its name, e.g. "0.weight"; NULL if there is none. Valid as long as the layer, or until gan_layer_tie. */
GAN_API const char *gan_layer_tensor_name(const gan_layer *layer, int32_t index);
/** 1 for a parameter, 0 for a buffer such as "1.running_mean". */
GAN_API int32_t gan_layer_tensor_is_parameter(const gan_layer *layer, int32_t index);
/** 1 for a parameter that is not frozen. */
GAN_API int32_t gan_layer_tensor_is_trainable(const gan_layer *layer, int32_t index);
/** The tensor of that name, borrowed, or NULL. A tensor that is shared has several names. */
GAN_API gan_tensor *gan_layer_find(const gan_layer *layer, const char *name);
/** Tied weights: parameter `name` becomes the tensor of parameter `owner`, of the same shape, and its own values are
 * gone; so is the tensor that gan_layer_tensor gave for it, unless it was retained. From then on the two are one tensor
 * with two names, listed, counted, optimised and stored once, under the owner's; what was tied to `name` follows. Tie
 * directly after building: once the layer is part of another, or an optimizer or an average was made of it, it is
 * GAN_E_STATE. Errors: GAN_E_ARGUMENT (no such parameter; `name` belongs to a network inside: tie there), GAN_E_SHAPE.
 * Since 0.1. */
GAN_API gan_status gan_layer_tie(gan_layer *layer, const char *name, const char *owner);
/** Freezes (0) or trains (1, as after building) the parameters whose name is `prefix` or begins with it and a dot;
 * NULL: all. A frozen parameter gets no gradient, and no optimizer changes it; buffers go on moving
 * (gan_layer_set_training). It holds wherever the parameter is shared, and is not stored in files. Errors:
 * GAN_E_ARGUMENT (no such name). Since 0.1. */
GAN_API gan_status gan_layer_set_trainable(gan_layer *layer, const char *prefix, int32_t trainable);
/** @} */

/** Deep copy: structure, parameters, buffers, mode, what is frozen. What is shared inside the network is shared inside
 * the copy; nothing is shared between the two. Since 0.1. */
GAN_API gan_status gan_layer_clone(gan_layer **out, const gan_layer *layer);

/** A table, one line a layer: position, type, output shape, number of parameters of its own (shared ones count where
 * they are first); then the total. Writes at most
 * `size` bytes with the final 0 and returns the number of bytes needed without the final 0, as snprintf does.
 * Since 0.1. */
GAN_API int64_t gan_layer_summary(const gan_layer *layer, char *buffer, size_t size);

GAN_END_DECLS

#endif
