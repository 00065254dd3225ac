/** @file
 * Building a network, which is a layer then. The layers to add are in parts.h.
 *
 * A builder reads like a paper's table, one line a layer; input sizes are inferred. It is sticky: the first error
 * stays, with the layer's position, and gan_builder_end reports it. A network has at most 8192 layers.
 * @code
 * gan_builder *b = gan_builder_begin(context, gan_shape_1d(100));
 * gan_add_linear(b, 784, NULL);
 * gan_add_tanh(b);
 * status = gan_builder_end(&generator, b);
 * @endcode
 * Graphs that are not chains: gan_builder_split, _next and _join write residual blocks and other branches;
 * gan_builder_label names the current point, gan_builder_from goes back to one, gan_add_sum and gan_add_concat join it
 * with a named one; gan_builder_input adds an input, gan_builder_output an output; gan_add_layer puts a finished
 * network in as one layer, and shares its parameters. docs/networks.md shows them at work. */
#ifndef GAN_BUILDER_H
#define GAN_BUILDER_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_builder gan_builder;

/** @name Builder
 * @{ */
/** Starts a network of f32 parameters with one input of the given shape, *without* the batch axis: rank 0 to 7, no
 * size below 1. Never NULL: without memory the result is an inert builder. It is the caller's, who ends it with
 * gan_builder_end, even after an error. Since 0.1. */
GAN_API gan_builder *gan_builder_begin(gan_context *context, gan_shape input);
/** Starts a network whose first input holds indices, as gan_builder_input_indices has them. Since 0.1. */
GAN_API gan_builder *gan_builder_begin_indices(gan_context *context, gan_shape input, int64_t limit);
/** Type of all parameters, GAN_F32 (default) or GAN_F64; before the first layer. Since 0.1. */
GAN_API void gan_builder_set_dtype(gan_builder *builder, gan_dtype dtype);
/** One more input, its shape without the batch axis; the current point becomes this input. Inputs are passed to
 * gan_layer_forward_many in the order they were added. The first input is named "input". Since 0.1. */
GAN_API void gan_builder_input(gan_builder *builder, const char *name, gan_shape shape);
/** One more input, of indices: i32 values from 0 to limit - 1, such as class labels; 1 <= limit <= 2^31. What takes
 * indices is gan_add_embedding, gan_add_one_hot and what has labels. A forward pass checks the values: GAN_E_ARGUMENT,
 * naming the first that is out of range. Since 0.1. */
GAN_API void gan_builder_input_indices(gan_builder *builder, const char *name, gan_shape shape, int64_t limit);
/** The current point becomes an output of the network. Outputs come in the order in which they are named; a network in
 * which none is named has one, "output": the point at the end. Names are unique among outputs; a point is one output at
 * most. Since 0.1. */
GAN_API void gan_builder_output(gan_builder *builder, const char *name);
/** Names the current point (the result of the last layer). Names have 1 to 63 bytes of UTF-8 that can be printed, and
 * are unique within a network; those of inputs and of networks inside are no numbers. Since 0.1. */
GAN_API void gan_builder_label(gan_builder *builder, const char *name);
/** Makes a named point or input the current one: the next layer follows it. Since 0.1. */
GAN_API void gan_builder_from(gan_builder *builder, const char *name);
/** Shape at the current point, without the batch axis; rank 0 after an error. Since 0.1. */
GAN_API gan_shape gan_builder_shape(const gan_builder *builder);
/** @name Branches
 * gan_builder_split remembers the current point, gan_builder_next ends a branch there and goes back to it for another,
 * gan_builder_join ends the last branch and joins all, in their order. A residual block:
 * @code
 * gan_builder *b = gan_builder_begin(context, gan_shape_3d(64, 16, 16));
 * gan_builder_split(b);
 * gan_add_conv2d(b, 64, 3, 1, 1, NULL);
 * gan_add_relu(b);
 * gan_add_conv2d(b, 64, 3, 1, 1, NULL);
 * gan_builder_next(b);                      // nothing follows: the identity
 * gan_builder_join(b, GAN_JOIN_SUM);
 * status = gan_builder_end(&generator, b);
 * @endcode
 * 2 to 16 branches; splits inside branches, at most 16 deep. Errors: GAN_E_STATE (next or join without a split, a join
 * of one branch, a split that is open at the end), GAN_E_SHAPE (branches that do not fit), GAN_E_LIMIT. Since 0.1.
 * @{ */
typedef int32_t gan_join;
#define GAN_JOIN_SUM 0     /**< elementwise sum of equal shapes */
#define GAN_JOIN_CONCAT 1  /**< along the first axis (channels) */
#define GAN_JOIN_PRODUCT 2 /**< elementwise product of equal shapes */
GAN_API void gan_builder_split(gan_builder *builder);
GAN_API void gan_builder_next(gan_builder *builder);
GAN_API void gan_builder_join(gan_builder *builder, gan_join join);
/** @} */
/** Ends the network. An input that nothing reads is allowed: it must be given all the same. Initialises parameters as
 * PyTorch does by default (gan_layer_init_default), but not those of networks inside. Consumes the builder in every
 * case; on failure *out is NULL and the status is the builder's first error, of any gan_builder_ or gan_add_ call:
 * GAN_E_SHAPE, GAN_E_ARGUMENT, GAN_E_DTYPE, GAN_E_STATE, GAN_E_LIMIT, GAN_E_UNSUPPORTED (options), GAN_E_MEMORY. The
 * context's message names the layer's position. Since 0.1. */
GAN_API gan_status gan_builder_end(gan_layer **out, gan_builder *builder);
/** @} */

/** @name Networks inside networks
 * The layer stays the caller's, and is kept alive. Its parameters are shared: added twice to one network, both places
 * use the same (tied weights); added to two networks, they train the same parameters (as CoGAN's do). The mode of the
 * network that is applied holds for all inside. At most 16 deep.
 *
 * With a name, its tensors are called "NAME.0.weight" and its outputs are points: "NAME" the first, "NAME.OUTPUT" each;
 * the name has no dot. Without (NULL), its tensors are called "3.0.weight" after its position. A tensor that is in
 * several places is listed once, under the name of its first place; gan_layer_find knows the others too.
 * Errors (the builder's): GAN_E_ARGUMENT (of another context; another number of inputs), GAN_E_SHAPE, GAN_E_DTYPE,
 * GAN_E_LIMIT. Since 0.1.
 * @{ */
/** A network of one input follows the current point. */
GAN_API void gan_add_layer(gan_builder *builder, gan_layer *layer, const char *name);
/** A network of several: the first input is the current point, the further `count` are named points or inputs. */
GAN_API void gan_add_layer_many(gan_builder *builder, gan_layer *layer, const char *name, const char *const *inputs,
                                int32_t count);
/** @} */

/** @name Types of the application's own
 * A type is a name and callbacks, registered with a context. gan_add_registered makes layers of it, model files hold
 * them, and a program that has registered the type loads them; elsewhere loading fails, naming it. The simplest type is
 * a function of the tape: name and forward, nothing else.
 * @{ */
#define GAN_LAYER_TENSORS 8 /**< most tensors of one layer */
/** A tensor that a layer of a registered type wants. Since 0.1. */
typedef struct gan_layer_slot {
    const char *name; /**< "weight": 1 to 31 letters, digits, underscores; must outlive the call of the callback */
    gan_shape shape;
    int32_t is_parameter; /**< 1: trained, 0: a buffer */
    int32_t reserved;
} gan_layer_slot;
/** A type of layers. Callbacks get `user`, and `config`, the text that gan_add_registered was given; they run on the
 * thread of the call that needs them and must not throw. Shapes are without the batch axis. Since 0.1. */
typedef struct gan_layer_type {
    size_t struct_size;
    const char *name;     /**< with at least one dot, so that it never meets a type of libgan's: "acme.swish". Copied */
    void *user;           /**< must live as long as the context, which layers keep alive */
    int32_t inputs;       /**< 1 (default) to 16 */
    int32_t index_inputs; /**< bit i: input i takes indices (i32); 0 (default): none does */
    /** Gives the shape of the result, or refuses (a negative status, and a sentence of at most `size` bytes in
     * `reason`). NULL: the result has the first input's shape. */
    gan_status (*infer)(void *user, const char *config, const gan_shape *inputs, gan_shape *output, char *reason,
                        size_t size);
    /** Names the tensors the layer wants, which are f32 or f64 as the network is; returns how many. The same answer for
     * the same inputs each time. NULL: none. */
    int32_t (*tensors)(void *user, const char *config, const gan_shape *inputs,
                       gan_layer_slot tensors[GAN_LAYER_TENSORS]);
    /** Sets the initial values, which are 0 before; gan_context_fail says what is wrong. NULL: they stay 0. */
    gan_status (*init)(void *user, const char *config, gan_tensor *const *tensors, int32_t count);
    /** Computes the result, batch x output shape, by operations on the tape: their derivatives are the layer's. The
     * tensors are those of `tensors`, in order. gan_tape_fail says what is wrong; NULL makes the tape fail too. */
    gan_tensor *(*forward)(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                           gan_tensor *const *inputs, int32_t training);
} gan_layer_type;
GAN_API void gan_layer_type_init_sized(gan_layer_type *type, size_t size);
#define gan_layer_type_init(type) gan_layer_type_init_sized((type), sizeof *(type))
/** Makes a type known to a context, for as long as it lives. Errors: GAN_E_ARGUMENT (name, inputs, forward is NULL),
 * GAN_E_STATE (the name is registered), GAN_E_UNSUPPORTED (a newer struct). Since 0.1. */
GAN_API gan_status gan_layer_type_register(gan_context *context, const gan_layer_type *type);
/** Adds a layer of a registered type. config: a JSON object, copied as it is; NULL: "{}". Errors (the builder's):
 * GAN_E_UNSUPPORTED (not registered), GAN_E_ARGUMENT (config is no JSON object), and what its infer says. Since 0.1. */
GAN_API void gan_add_registered(gan_builder *builder, const char *type, const char *config);
/** One of several inputs: the current point and `count` named ones. Since 0.1. */
GAN_API void gan_add_registered_many(gan_builder *builder, const char *type, const char *config,
                                     const char *const *inputs, int32_t count);
/** @} */

GAN_END_DECLS

#endif
