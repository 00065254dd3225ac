/** @file
 * What every other header needs: export macros, status codes, element types, shapes.
 *
 * Conventions that hold in the whole library:
 *  - *Ownership.* A handle delivered through a function's first parameter (`gan_model **out`) is owned: give it back
 *    with its `_release` function. All other handles are borrowed, whether they are returned or written through a later
 *    parameter (the batch of gan_loader_next, the gradients of gan_gradients): they live as long as what they came
 *    from. Two exceptions: gan_builder_begin, and what a `_retain` function returns (but for a tape's tensor, which
 *    stays the tape's). Release functions take NULL and may be called in any order; an object keeps alive what it
 *    needs. On failure an out-parameter is set to NULL.
 *  - *Errors.* Boundary functions return a gan_status; the sentence that explains a failure is
 *    gan_context_error(), and gan_context_explain() finds one for any status. Operations on a gan_tape and functions
 *    that add to a gan_builder do not return a status: they are sticky, see tape.h and builder.h. Nothing is changed by
 *    a call that fails, unless its comment says so. Every function that takes a handle may fail with GAN_E_ARGUMENT (a
 *    handle is NULL or of another context), every one that makes something with GAN_E_MEMORY; comments name the other
 *    errors.
 *  - *Options.* A last `const gan_..._options *` may be NULL: defaults. Otherwise fill it with its `_init` macro first,
 *    then change what you want. 0 never means "default". Members named `reserved` stay 0.
 *  - *Threads.* A context and everything made from it may be used by one thread at a time, and may move between
 *    threads. Contexts are independent of each other. Retain, release and the functions of this
 *    header are safe from any thread. Sessions (session.h) run beside their context.
 *  - *Settings.* Every call leaves errno and the floating-point environment as found, and computes in the default one:
 *    round to nearest, no traps, subnormal numbers kept. Callbacks are called in that one, too.
 *  - *Callbacks.* Functions that the library calls return: they must not be left by an exception or longjmp, which
 *    would leave the objects around them half-way. In C++ catch what is thrown, and return a negative status. */
#ifndef GAN_BASE_H
#define GAN_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(GAN_STATIC)
#define GAN_API
#elif defined(_WIN32)
#if defined(GAN_BUILD)
#define GAN_API __declspec(dllexport)
#else
#define GAN_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define GAN_API __attribute__((visibility("default")))
#else
#define GAN_API
#endif

#ifdef __cplusplus
#define GAN_BEGIN_DECLS extern "C" {
#define GAN_END_DECLS }
#else
#define GAN_BEGIN_DECLS
#define GAN_END_DECLS
#endif

GAN_BEGIN_DECLS

/** 0 or a negative code. New codes may be added: treat any negative value as failure. Since 0.1. */
typedef int32_t gan_status;

#define GAN_OK 0
#define GAN_E_ARGUMENT (-1)           /**< NULL, a handle of another context, a value out of range */
#define GAN_E_SHAPE (-2)              /**< ranks or sizes do not fit together, or are negative */
#define GAN_E_DTYPE (-3)              /**< element type unknown or not accepted here */
#define GAN_E_MEMORY (-4)             /**< the allocator returned NULL */
#define GAN_E_LIMIT (-5)              /**< a size overflows or is above a documented limit */
#define GAN_E_IO (-6)                 /**< the operating system refused a file operation */
#define GAN_E_FORMAT (-7)             /**< a file is not what it should be, or is damaged */
#define GAN_E_UNSUPPORTED (-8)        /**< valid, but this version or build does not know it */
#define GAN_E_NOT_DIFFERENTIABLE (-9) /**< an operation has no derivative of the order asked for */
#define GAN_E_STATE (-10)             /**< the call does not make sense now (wrong order of calls) */
#define GAN_E_CANCELLED (-11)         /**< a callback asked to stop */
#define GAN_E_MISMATCH (-12)          /**< what is loaded does not belong to what it is loaded into */
#define GAN_E_NUMERIC (-13)           /**< NaN or infinity where a number is needed */
#define GAN_E_SYSTEM (-14)            /**< the operating system refused a thread or another resource */
#define GAN_E_INTERNAL (-15)          /**< a defect of libgan: please report it */

/** A short English text for a status, e.g. "out of memory". Never NULL; static memory. Since 0.1. */
GAN_API const char *gan_status_text(gan_status status);

/** The version of the library in use, as GAN_VERSION counts it. Since 0.1. */
GAN_API int32_t gan_version(void);

/** The version of the library in use, as text ("0.1.0"). Static memory. Since 0.1. */
GAN_API const char *gan_version_string(void);

/** Element types, GAN_F32 and so on. f32 and f64 compute; i32 and u8 hold indices, labels and images. Since 0.1. */
typedef int32_t gan_dtype;

#define GAN_F32 1 /**< float, 4 bytes */
#define GAN_F64 2 /**< double, 8 bytes */
#define GAN_I32 3 /**< int32_t, 4 bytes */
#define GAN_U8 4  /**< uint8_t, 1 byte */

/** Bytes of one element; 0 for an unknown type. Since 0.1. */
GAN_API size_t gan_dtype_size(gan_dtype dtype);

#define GAN_MAX_RANK 8 /**< most axes a tensor can have */

/** Sizes of a tensor's axes, outermost first; images are N x C x H x W. Passed by value; only the first `rank`
 * entries count. A size of 0 is legal: an empty tensor. Since 0.1. */
typedef struct gan_shape {
    int32_t rank; /**< 0 (a scalar) to GAN_MAX_RANK */
    int32_t reserved;
    int64_t size[GAN_MAX_RANK]; /**< elements along each axis */
} gan_shape;

/** @name Shapes of rank 0 (a scalar) to 4, sizes from the outermost axis inwards. Since 0.1.
 * Sizes are not checked here: the function that is given the shape does.
 * @{ */
GAN_API gan_shape gan_shape_0d(void);
GAN_API gan_shape gan_shape_1d(int64_t a);
GAN_API gan_shape gan_shape_2d(int64_t a, int64_t b);
GAN_API gan_shape gan_shape_3d(int64_t a, int64_t b, int64_t c);
GAN_API gan_shape gan_shape_4d(int64_t a, int64_t b, int64_t c, int64_t d);
/** @} */

/** Number of elements: the product of the sizes, 1 for rank 0; -1 if a size is negative, the rank is out of
 * range or the product overflows. Since 0.1. */
GAN_API int64_t gan_shape_count(gan_shape shape);

/** 1 if both are valid and have equal rank and sizes, else 0. Since 0.1. */
GAN_API int32_t gan_shape_equal(gan_shape a, gan_shape b);

GAN_END_DECLS

#endif
