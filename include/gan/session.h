/** @file
 * Sessions: running a finished network in fixed memory. A session is made of a model once; then it computes without
 * allocating, on a thread of its own, and as many of them as there are threads may compute at the same time.
 *
 * A session takes a snapshot. The model and its layer may be trained on, changed or released afterwards; the session
 * goes on computing what they computed in evaluation mode when it was made. Batch normalisation that directly follows a
 * linear layer or a convolution (reshapes and dropout in between do not matter) is folded into it, and CBLAS is not
 * used. So the results are not bit for bit gan_model_generate's; they differ by rounding errors: for the networks
 * tested by less than 1e-5 of the largest value in f32 and 1e-13 in f64. For one binary, processor and batch, a
 * session's results are the same bits for any number of threads, and in every session of the same model.
 *
 * Threads: making a session is a call on the model's context. From then on the session has nothing in common with it
 * but the allocator, and that only until it is made and when it is released. One session is used by one thread at a
 * time; different ones may be used at the same time, whatever they were made of, while another thread uses the model's
 * context. gan_session_release may be called from any thread.
 *
 * Types of layers that the application registered take part: their forward is called on the thread that runs the
 * session, with tensors that are the session's own, and must stand to be called for several sessions at once. What it
 * computes with must be those tensors and what it makes of them: tensors of the application's belong to another
 * context. If it draws random numbers, they are the same ones in every run. */
#ifndef GAN_SESSION_H
#define GAN_SESSION_H

#include <gan/context.h>
#include <gan/layer.h>
#include <gan/model.h>

GAN_BEGIN_DECLS

typedef struct gan_session gan_session;

/** Options of gan_session_create and its relatives. Since 0.1. */
typedef struct gan_session_options {
    size_t struct_size;
    int64_t batch;   /**< largest number of items of one run, at least 1; default 1. Memory grows with it */
    int32_t threads; /**< that one run is shared among, the calling one included: 1 to 256, or GAN_THREADS_AUTO;
                          default 1: none is started. They are the session's own */
    int32_t reserved;
    const gan_executor *executor; /**< copied; runs the work in place of threads of libgan's, also for several sessions
                                       at once if they share it; NULL (default): none. The context's is not used */
} gan_session_options;
GAN_API void gan_session_options_init_sized(gan_session_options *options, size_t size);
#define gan_session_options_init(options) gan_session_options_init_sized((options), sizeof *(options))

/** Makes a session of a model. It runs the network a few times on zeros, to find out what memory its intermediate
 * values need and to fix their places; while it is made it may take about twice of what it keeps. Errors,
 * with the message in the model's context: GAN_E_ARGUMENT, GAN_E_MEMORY, GAN_E_SYSTEM (threads cannot be started),
 * GAN_E_SHAPE (a layer refuses such a batch), GAN_E_LIMIT (no memory can hold it), and whatever a layer of a registered
 * type says. Since 0.1. */
GAN_API gan_status gan_session_create(gan_session **out, gan_model *model, const gan_session_options *options);
/** The same of any layer, of which nothing is known but its shapes. Such a session cannot draw samples. Since 0.1. */
GAN_API gan_status gan_session_create_for_layer(gan_session **out, gan_layer *layer,
                                                const gan_session_options *options);
/** Gives it back, from any thread; NULL allowed. Since 0.1. */
GAN_API void gan_session_release(gan_session *session);

/** Tells how many bytes gan_session_memory will be for a session of this model with these options. It makes that
 * session and gives it back, so it takes as long, needs as much memory meanwhile and has the same errors. Since 0.1. */
GAN_API gan_status gan_session_measure(size_t *bytes, gan_model *model, const gan_session_options *options);
/** The same for gan_session_create_for_layer. Since 0.1. */
GAN_API gan_status gan_session_measure_for_layer(size_t *bytes, gan_layer *layer, const gan_session_options *options);
/** All the memory that the session has, in bytes as asked of the allocator: weights, intermediate values, itself. It
 * stays the same until gan_session_release. (The stacks of its threads come from the system.) 0 for NULL. Since 0.1. */
GAN_API size_t gan_session_memory(const gan_session *session);

/** Its largest batch; 0 for NULL. Since 0.1. */
GAN_API int64_t gan_session_batch(const gan_session *session);
/** The network as the session computes it, borrowed, to ask for its inputs and outputs: gan_layer_input_count, _name,
 * _shape, _dtype, _limit, gan_layer_output_count, _shape, gan_layer_dtype, from any thread, when its model may be gone.
 * NULL for NULL. Since 0.1. */
GAN_API const gan_layer *gan_session_layer(const gan_session *session);

/** Computes `count` items, 0 to the session's batch. `inputs` has an entry for each input of the layer, in its order:
 * count x gan_layer_input_shape values, contiguous, of gan_layer_input_dtype. `outputs` has one for each output: room
 * for count x gan_layer_output_shape values of gan_layer_dtype, or NULL for an output that is not wanted. The memory is
 * the caller's, aligned as its type, and outputs overlap nothing. After an error the outputs' values are undefined.
 * Does not allocate. Errors: GAN_E_ARGUMENT (NULL, count out of range, an index out of range), and what layers of
 * registered types say; GAN_E_MEMORY only if one of these takes more memory than it did when the session was made.
 * Since 0.1. */
GAN_API gan_status gan_session_run(gan_session *session, int64_t count, const void *const *inputs,
                                   void *const *outputs);
/** Draws inputs `first` to `first + count - 1` of those that gan_model_draw draws for `seed`, runs the model
 * on them and writes its (first) output: count x output shape. So several threads, or several calls, can share the work
 * of one large sample. Does not allocate. Errors: as gan_session_run; GAN_E_ARGUMENT too if first is negative;
 * GAN_E_UNSUPPORTED (an input of the model is an image, or the session was made of a layer); GAN_E_SHAPE (`bytes` is
 * not exactly the size of count x output shape values of gan_layer_dtype). Since 0.1. */
GAN_API gan_status gan_session_sample(gan_session *session, int64_t first, int64_t count, uint64_t seed, void *output,
                                      size_t bytes);

/** Message of the session's last failing run or sample: one sentence; "" if none failed yet or for NULL. A call that
 * succeeds leaves it. Valid until the next call on the session. Never NULL. Since 0.1. */
GAN_API const char *gan_session_error(const gan_session *session);

GAN_END_DECLS

#endif
