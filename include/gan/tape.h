/** @file
 * The tape records a computation so that it can be differentiated, to any order.
 *
 * Operations (ops.h, gan_layer_forward, losses) take a tape first and return a *borrowed* tensor that lives until
 * gan_tape_reset or gan_tape_rewind. They are *sticky*: when one fails (shapes that do not fit, no memory), the tape
 * keeps that first error, and every later operation on it does nothing and returns an inert tensor, never NULL. So
 * formulas nest without checks, and one look at gan_tape_status at the end tells. An inert tensor has no elements,
 * rank 0 and type 0.
 *
 * A tape records an operation when one of its operands is *tracked*: a trainable parameter of a layer, the result of
 * gan_watch, or computed from such. */
#ifndef GAN_TAPE_H
#define GAN_TAPE_H

#include <gan/tensor.h>

GAN_BEGIN_DECLS

typedef struct gan_tape gan_tape;

/** Makes an empty tape. Errors: GAN_E_ARGUMENT, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_tape_create(gan_tape **out, gan_context *context);
/** Ends the tape and every tensor on it. NULL allowed. Since 0.1. */
GAN_API void gan_tape_release(gan_tape *tape);
/** Ends every tensor on the tape, clears its error and switches recording on. Keeps the memory: a step that repeats
 * allocates nothing. From inside a call that uses the tape (forward of a gan_layer_type, an all-reduce callback) it
 * does not reset the tape but makes it fail with GAN_E_STATE. Since 0.1. */
GAN_API void gan_tape_reset(gan_tape *tape);

/** The present end of the tape: a point to rewind to. Since 0.1. */
GAN_API int64_t gan_tape_mark(const gan_tape *tape);
/** Ends every tensor made since the mark; an error stays. Marks taken after this one become invalid. Errors:
 * GAN_E_ARGUMENT (not a mark of this tape), GAN_E_STATE (from inside a call that uses the tape, to a mark from before
 * it). Since 0.1. */
GAN_API gan_status gan_tape_rewind(gan_tape *tape, int64_t mark);

/** The first error since the last reset, or GAN_OK. Its message is gan_tape_error(); the context does not have it.
 * Since 0.1. */
GAN_API gan_status gan_tape_status(const gan_tape *tape);
/** One sentence with the operation and the shapes, or "". Valid until the next reset. Since 0.1. */
GAN_API const char *gan_tape_error(const gan_tape *tape);

/** Makes the tape fail with a status and a sentence of the application's, from a formula or the forward of a registered
 * type, unless it has failed already; returns the inert tensor, to be returned in turn. A status that is not negative
 * counts as GAN_E_ARGUMENT; text NULL: the status' own. Since 0.1. */
GAN_API gan_tensor *gan_tape_fail(gan_tape *tape, gan_status status, const char *text);

/** The context it was made from. Since 0.1. */
GAN_API gan_context *gan_tape_context(const gan_tape *tape);

/** Bytes of the tape's tensors and working space at their highest since it was made. Since 0.1. */
GAN_API size_t gan_tape_peak_bytes(const gan_tape *tape);

/** Switches recording: with 0, operations compute but cannot be differentiated, and need less memory. Returns what it
 * was. On after creation and reset. Since 0.1. */
GAN_API int32_t gan_tape_set_recording(gan_tape *tape, int32_t on);

/** The same values as `tensor`, tracked: gradients with respect to the result can be asked for. Values are shared,
 * not copied (but those of a view that is not contiguous are). It is the result that is differentiated for, not
 * `tensor`. If `tensor` is tracked already, gradients go on through the result to what it was made of. Since 0.1. */
GAN_API gan_tensor *gan_watch(gan_tape *tape, gan_tensor *tensor);
/** The same values, shared as by gan_watch, not tracked: gradients stop here. Since 0.1. */
GAN_API gan_tensor *gan_detach(gan_tape *tape, gan_tensor *tensor);

/** The gradient is recorded too, and can be differentiated again (gradient penalties). Costs memory; off by default. */
#define GAN_GRAD_DIFFERENTIABLE 1
/** Keep the intermediate values, so that the same part of the tape can be differentiated once more. Implied by
 * GAN_GRAD_DIFFERENTIABLE. */
#define GAN_GRAD_RETAIN 2

/** Gradients of sum(y * seed) with respect to `count` tensors.
 *
 * Without GAN_GRAD_RETAIN, intermediate values inside layers and losses are given back as soon as they have been
 * used; tensors that the caller has seen stay readable. Only what lies between y and the xs is computed.
 * @param tape the tape that y is on
 * @param y the tensor to differentiate
 * @param seed dL/dy, of y's shape; NULL means ones
 * @param xs tracked tensors or parameters; one that y does not depend on has gradient 0
 * @param count number of xs
 * @param flags GAN_GRAD_... or 0
 * @param out receives `count` borrowed tensors, each of the shape of its x; inert ones on failure
 *
 * Errors (on the tape): GAN_E_ARGUMENT (y is not tracked), GAN_E_NOT_DIFFERENTIABLE (naming the operation),
 * GAN_E_STATE (values were given back by an earlier gradient, or a parameter has been changed since it was used).
 * Since 0.1. */
GAN_API void gan_gradients(gan_tape *tape, gan_tensor *y, gan_tensor *seed, gan_tensor *const *xs, int32_t count,
                           int32_t flags, gan_tensor **out);

/** The gradient of sum(y) with respect to one tensor. Since 0.1. */
GAN_API gan_tensor *gan_gradient(gan_tape *tape, gan_tensor *y, gan_tensor *x, int32_t flags);

GAN_END_DECLS

#endif
