/** @file
 * Tensors: dense arrays of up to 8 axes, row-major unless they are views. */
#ifndef GAN_TENSOR_H
#define GAN_TENSOR_H

#include <gan/context.h>

GAN_BEGIN_DECLS

typedef struct gan_tensor gan_tensor;

/** Makes a tensor of zeros, contiguous. Errors: GAN_E_DTYPE, GAN_E_SHAPE, GAN_E_LIMIT, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_tensor_create(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape);

/** Makes a tensor over memory of the caller: contiguous, row-major, aligned for the element type. It is never freed
 * by libgan; when the last reference ends, `done(user)` is called once, if given, by the thread that releases it. On
 * failure `done` is not called. Errors: GAN_E_ARGUMENT (NULL or not aligned), GAN_E_DTYPE, GAN_E_SHAPE, GAN_E_LIMIT,
 * GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_tensor_wrap(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape, void *data,
                                   void (*done)(void *user), void *user);

/** Makes a contiguous deep copy: a tensor of the caller's own. The way to keep a tape's tensor beyond gan_tape_reset.
 * Errors: GAN_E_ARGUMENT (the inert result of a failed tape), GAN_E_STATE (the values were given back),
 * GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_tensor_clone(gan_tensor **out, const gan_tensor *tensor);

/** @name Views: share the elements of the tensor they are made of
 * A tensor that belongs to a tape cannot be viewed (GAN_E_STATE): use the operations of ops.h, or clone it first.
 * @{ */
/** The same elements with other sizes of the same count. Errors: GAN_E_SHAPE; GAN_E_ARGUMENT (the tensor is not
 * contiguous: clone it first). Since 0.1. */
GAN_API gan_status gan_tensor_reshape(gan_tensor **out, gan_tensor *tensor, gan_shape shape);
/** Indices [start, start + count) of one axis; the others stay whole. Errors: GAN_E_ARGUMENT (no such axis or
 * indices). Since 0.1. */
GAN_API gan_status gan_tensor_slice(gan_tensor **out, gan_tensor *tensor, int32_t axis, int64_t start, int64_t count);
/** Axis i of the view is axis axes[i] of the tensor; `axes` holds as many entries as the tensor has axes. Errors:
 * GAN_E_ARGUMENT (not a permutation). Since 0.1. */
GAN_API gan_status gan_tensor_permute(gan_tensor **out, gan_tensor *tensor, const int32_t *axes);
/** @} */

/** One more reference; returns its argument. Does nothing to a tape's tensor, which ends with gan_tape_reset all the
 * same: gan_tensor_clone keeps its values. Since 0.1. */
GAN_API gan_tensor *gan_tensor_retain(gan_tensor *tensor);
/** Gives up a reference; NULL allowed; does nothing to a tape's tensor. Since 0.1. */
GAN_API void gan_tensor_release(gan_tensor *tensor);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_tensor_context(const gan_tensor *tensor);

/** Element type; 0 for NULL and for the inert tensor of a failed tape. Since 0.1. */
GAN_API gan_dtype gan_tensor_dtype(const gan_tensor *tensor);
/** Sizes; rank 0 for NULL and for the inert tensor of a failed tape. Since 0.1. */
GAN_API gan_shape gan_tensor_shape(const gan_tensor *tensor);
/** Number of elements; 0 for NULL and for the inert tensor of a failed tape. Since 0.1. */
GAN_API int64_t gan_tensor_count(const gan_tensor *tensor);
/** 1 if the elements lie in row-major order without gaps. Since 0.1. */
GAN_API int32_t gan_tensor_is_contiguous(const gan_tensor *tensor);
/** Distance of neighbours along an axis, in elements; 0 if there is no such axis. Since 0.1. */
GAN_API int64_t gan_tensor_stride(const gan_tensor *tensor, int32_t axis);

/** The first element; NULL if there is none or the tensor is inert. Elements follow gan_tensor_stride. Writing
 * through the pointer is allowed for tensors the caller made: the call counts as a change of the values (see
 * GAN_E_STATE at gan_gradients). A tape's tensor must not be written to: its gradients would be those of other values,
 * and nothing would say so. To read, use gan_tensor_const_data. Since 0.1. */
GAN_API void *gan_tensor_data(gan_tensor *tensor);
/** The first element, to read. Since 0.1. */
GAN_API const void *gan_tensor_const_data(const gan_tensor *tensor);

/** Element `index` in row-major order, as a double; NaN if there is none. For scalars such as losses: index 0.
 * Since 0.1. */
GAN_API double gan_tensor_item(const gan_tensor *tensor, int64_t index);

/** Copies all elements out, row-major, in the tensor's own type; `bytes` must be exactly their size. Errors:
 * GAN_E_SHAPE (another size); GAN_E_STATE (the values were given back); GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_tensor_read(const gan_tensor *tensor, void *destination, size_t bytes);
/** Copies all elements in, row-major, in the tensor's own type. Errors as gan_tensor_read; GAN_E_STATE for a tape's
 * tensor. Since 0.1. */
GAN_API gan_status gan_tensor_write(gan_tensor *tensor, const void *source, size_t bytes);
/** Copies between tensors of the same shape, converting the element type (to integers: rounded to nearest, clamped;
 * NaN gives 0). Errors: GAN_E_SHAPE; GAN_E_STATE (the destination is a tape's tensor, or the source's values were
 * given back). Since 0.1. */
GAN_API gan_status gan_tensor_copy(gan_tensor *destination, const gan_tensor *source);
/** Sets all elements to one value, converted as by gan_tensor_copy. Errors: GAN_E_STATE for a tape's tensor.
 * Since 0.1. */
GAN_API gan_status gan_tensor_fill(gan_tensor *tensor, double value);

/** Fills with normal numbers from block `index` onwards of a stream of `seed` (see "Random streams" in context.h):
 * the same arguments give the same numbers on any number of threads. f32 and f64, contiguous. Errors: GAN_E_DTYPE,
 * GAN_E_STATE (a tape's tensor), GAN_E_ARGUMENT. Element 4b + k comes from block index + b: Box-Muller in double on
 * u = (lane + 0.5) / 2^32, lanes (0, 1) giving k = 0 (cos), 1 (sin), lanes (2, 3) giving k = 2, 3. Since 0.1. */
GAN_API gan_status gan_tensor_fill_normal(gan_tensor *tensor, double mean, double deviation, uint64_t seed,
                                          uint64_t stream, uint64_t index);
/** Fills with uniform numbers in (low, high), low <= high, otherwise as gan_tensor_fill_normal; element 4b + k is lane
 * k of block index + b, u = (lane + 0.5) / 2^32 (f64) or ((lane >> 9) + 0.5) / 2^23 (f32). Since 0.1. */
GAN_API gan_status gan_tensor_fill_uniform(gan_tensor *tensor, double low, double high, uint64_t seed, uint64_t stream,
                                           uint64_t index);
/** The singular values of a tensor's values as a matrix of size[0] rows, in row-major order (a convolution's weight as
 * outputs x rest): s_1 >= s_2 ... >= 0, each to within a few eps(f64) of s_1. count: min(rows, columns), how many there
 * are and there is room for. By Householder's bidiagonalisation (Golub, Kahan 1965). Errors: GAN_E_DTYPE (not f32 or
 * f64); GAN_E_SHAPE (fewer than two axes; another count); GAN_E_ARGUMENT (an element is not finite); GAN_E_MEMORY.
 * Since 0.1. */
GAN_API gan_status gan_tensor_singular_values(const gan_tensor *tensor, double *values, int64_t count);

GAN_END_DECLS

#endif
