/* Exported functions of gan/tensor.h. */
#include <math.h>
#include <string.h>

#include "api/api.h"

GAN_API gan_status gan_tensor_create(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || context == NULL) return gani_null(context, "gan_tensor_create", "an argument");
    gan_status status = gani_shape_check(context, "gan_tensor_create", shape, dtype);
    return status != GAN_OK ? status : gani_tensor_zeros(out, context, dtype, shape);
}

GAN_API gan_status gan_tensor_wrap(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape, void *data,
                                   void (*done)(void *user), void *user) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || context == NULL) return gani_null(context, "gan_tensor_wrap", "an argument");
    gan_status status = gani_shape_check(context, "gan_tensor_wrap", shape, dtype);
    if (status != GAN_OK) return status;
    if (data == NULL && gan_shape_count(shape) > 0) return gani_null(context, "gan_tensor_wrap", "data");
    if ((uintptr_t)data % gan_dtype_size(dtype) != 0)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_tensor_wrap: data is not aligned for its type");
    return gani_tensor_wrap(out, context, dtype, shape, data, done, user);
}

int gani_readable(const char *function, const gan_tensor *tensor, gan_status *status) {
    if (tensor == NULL || tensor->dtype == 0)
        *status = gani_fail(tensor == NULL ? NULL : tensor->context, GAN_E_ARGUMENT, "%s: the tensor is %s", function,
                            tensor == NULL ? "NULL" : "the inert result of a failed tape");
    else if (tensor->gone)
        *status = gani_fail(tensor->context, GAN_E_STATE, "%s: the tensor's values were given back", function);
    else
        return 1;
    return 0;
}

/* The same for tensors of the caller, which alone may be written and viewed. */
static int writable(const char *function, const gan_tensor *tensor, gan_status *status) {
    if (!gani_readable(function, tensor, status)) return 0;
    if (tensor->tape == NULL) return 1;
    *status = gani_fail(tensor->context, GAN_E_STATE, "%s: the tensor belongs to a tape; clone it first", function);
    return 0;
}

GAN_API gan_status gan_tensor_clone(gan_tensor **out, const gan_tensor *tensor) {
    GANI_ENTER();
    gan_status status;
    if (out != NULL) *out = NULL;
    if (!gani_readable("gan_tensor_clone", tensor, &status)) return status;
    if (out == NULL) return gani_null(tensor->context, "gan_tensor_clone", "out");
    status = gani_tensor_new(out, tensor->context, tensor->dtype, tensor->shape);
    if (status == GAN_OK) gani_tensor_copy_values(*out, tensor);
    return status;
}

GAN_API gan_status gan_tensor_reshape(gan_tensor **out, gan_tensor *tensor, gan_shape shape) {
    GANI_ENTER();
    gan_status status;
    char from[GANI_SHAPE_TEXT], to[GANI_SHAPE_TEXT];
    if (out != NULL) *out = NULL;
    if (!writable("gan_tensor_reshape", tensor, &status)) return status;
    if (out == NULL) return gani_null(tensor->context, "gan_tensor_reshape", "out");
    status = gani_shape_check(tensor->context, "gan_tensor_reshape", shape, tensor->dtype);
    if (status != GAN_OK) return status;
    if (gan_shape_count(shape) != gani_count(tensor))
        return gani_fail(tensor->context, GAN_E_SHAPE,
                         "gan_tensor_reshape: shape %s does not hold the elements of shape %s",
                         gani_shape_text(shape, to), gani_shape_text(tensor->shape, from));
    if (!gani_is_contiguous(tensor))
        return gani_fail(tensor->context, GAN_E_ARGUMENT,
                         "gan_tensor_reshape: the tensor is not contiguous; clone it first");
    status = gani_tensor_share(out, tensor);
    if (status == GAN_OK) gani_tensor_describe(*out, tensor->context, tensor->dtype, shape);
    return status;
}

GAN_API gan_status gan_tensor_slice(gan_tensor **out, gan_tensor *tensor, int32_t axis, int64_t start, int64_t count) {
    GANI_ENTER();
    gan_status status;
    char text[GANI_SHAPE_TEXT];
    if (out != NULL) *out = NULL;
    if (!writable("gan_tensor_slice", tensor, &status)) return status;
    if (out == NULL) return gani_null(tensor->context, "gan_tensor_slice", "out");
    if (axis < 0 || axis >= tensor->shape.rank)
        return gani_fail(tensor->context, GAN_E_ARGUMENT, "gan_tensor_slice: shape %s has no axis %ld",
                         gani_shape_text(tensor->shape, text), (long)axis);
    if (start < 0 || count < 0 || start > tensor->shape.size[axis] || count > tensor->shape.size[axis] - start)
        return gani_fail(tensor->context, GAN_E_ARGUMENT,
                         "gan_tensor_slice: %lld elements from %lld on are not in axis %ld of shape %s",
                         (long long)count, (long long)start, (long)axis, gani_shape_text(tensor->shape, text));
    status = gani_tensor_share(out, tensor);
    if (status != GAN_OK) return status;
    (*out)->shape.size[axis] = count;
    if (gani_count(*out) > 0)
        (*out)->data = (char *)tensor->data + (size_t)(start * tensor->strides[axis]) * gan_dtype_size(tensor->dtype);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_permute(gan_tensor **out, gan_tensor *tensor, const int32_t *axes) {
    GANI_ENTER();
    gan_status status;
    if (out != NULL) *out = NULL;
    if (!writable("gan_tensor_permute", tensor, &status)) return status;
    if (out == NULL || (axes == NULL && tensor->shape.rank > 0))
        return gani_null(tensor->context, "gan_tensor_permute", "an argument");
    uint32_t seen = 0;
    for (int32_t i = 0; i < tensor->shape.rank; i++) {
        if (axes[i] < 0 || axes[i] >= tensor->shape.rank || (seen >> axes[i] & 1))
            return gani_fail(tensor->context, GAN_E_ARGUMENT,
                             "gan_tensor_permute: axes are not a permutation of 0 to %ld",
                             (long)tensor->shape.rank - 1);
        seen |= 1u << axes[i];
    }
    status = gani_tensor_share(out, tensor);
    if (status != GAN_OK) return status;
    for (int32_t i = 0; i < tensor->shape.rank; i++) {
        (*out)->shape.size[i] = tensor->shape.size[axes[i]];
        (*out)->strides[i] = tensor->strides[axes[i]];
    }
    return GAN_OK;
}

GAN_API gan_tensor *gan_tensor_retain(gan_tensor *tensor) {
    if (tensor != NULL && tensor->tape == NULL) atomic_fetch_add(&tensor->references, 1);
    return tensor;
}

GAN_API void gan_tensor_release(gan_tensor *tensor) {
    GANI_ENTER();
    gani_tensor_drop(tensor);
}

GAN_API gan_context *gan_tensor_context(const gan_tensor *tensor) { return tensor == NULL ? NULL : tensor->context; }

GAN_API gan_dtype gan_tensor_dtype(const gan_tensor *tensor) { return tensor == NULL ? 0 : tensor->dtype; }
GAN_API gan_shape gan_tensor_shape(const gan_tensor *tensor) { return tensor == NULL ? gan_shape_0d() : tensor->shape; }
GAN_API int64_t gan_tensor_count(const gan_tensor *tensor) {
    return tensor == NULL || tensor->dtype == 0 ? 0 : gani_count(tensor);
}
GAN_API int32_t gan_tensor_is_contiguous(const gan_tensor *tensor) {
    return tensor == NULL ? 0 : gani_is_contiguous(tensor);
}
GAN_API int64_t gan_tensor_stride(const gan_tensor *tensor, int32_t axis) {
    return tensor == NULL || axis < 0 || axis >= tensor->shape.rank ? 0 : tensor->strides[axis];
}

GAN_API void *gan_tensor_data(gan_tensor *tensor) {
    if (tensor == NULL) return NULL;
    /* the caller may write through it: what was recorded with the old values is stale then */
    if (tensor->tape == NULL && tensor->dtype != 0) gani_tensor_touch(tensor);
    return gani_count(tensor) == 0 ? NULL : tensor->data;
}
GAN_API const void *gan_tensor_const_data(const gan_tensor *tensor) {
    return tensor == NULL || gani_count(tensor) == 0 ? NULL : tensor->data;
}

GAN_API double gan_tensor_item(const gan_tensor *tensor, int64_t index) {
    GANI_ENTER();
    gan_status status;
    if (!gani_readable("gan_tensor_item", tensor, &status) || index < 0 || index >= gani_count(tensor)) return NAN;
    int64_t offset = 0;
    for (int32_t i = tensor->shape.rank - 1; i >= 0; i--) {
        offset += index % tensor->shape.size[i] * tensor->strides[i];
        index /= tensor->shape.size[i];
    }
    switch (tensor->dtype) {
    case GAN_F32:
        return ((const float *)tensor->data)[offset];
    case GAN_F64:
        return ((const double *)tensor->data)[offset];
    case GAN_I32:
        return ((const int32_t *)tensor->data)[offset];
    default:
        return ((const uint8_t *)tensor->data)[offset];
    }
}

/* Copies between a tensor and contiguous memory of its own type, through a tensor that describes that memory. */
static gan_status transfer(const char *function, const gan_tensor *tensor, const void *memory, size_t bytes,
                           gan_tensor *flat) {
    size_t expected = (size_t)gani_count(tensor) * gan_dtype_size(tensor->dtype);
    if (bytes != expected)
        return gani_fail(tensor->context, GAN_E_SHAPE, "%s: %zu bytes were given for a tensor of %zu", function, bytes,
                         expected);
    if (memory == NULL && bytes > 0) return gani_null(tensor->context, function, "the memory");
    memset(flat, 0, sizeof *flat);
    gani_tensor_describe(flat, tensor->context, tensor->dtype, tensor->shape);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_read(const gan_tensor *tensor, void *destination, size_t bytes) {
    GANI_ENTER();
    gan_status status;
    gan_tensor flat;
    if (!gani_readable("gan_tensor_read", tensor, &status)) return status;
    status = transfer("gan_tensor_read", tensor, destination, bytes, &flat);
    if (status != GAN_OK) return status;
    flat.data = destination;
    gani_tensor_copy_values(&flat, tensor);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_write(gan_tensor *tensor, const void *source, size_t bytes) {
    GANI_ENTER();
    gan_status status;
    gan_tensor flat;
    if (!writable("gan_tensor_write", tensor, &status)) return status;
    status = transfer("gan_tensor_write", tensor, source, bytes, &flat);
    if (status != GAN_OK) return status;
    flat.data = (void *)(uintptr_t)source;
    gani_tensor_copy_values(tensor, &flat);
    gani_tensor_touch(tensor);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_copy(gan_tensor *destination, const gan_tensor *source) {
    GANI_ENTER();
    gan_status status;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (!writable("gan_tensor_copy", destination, &status) || !gani_readable("gan_tensor_copy", source, &status))
        return status;
    if (destination->context != source->context)
        return gani_fail(destination->context, GAN_E_ARGUMENT,
                         "gan_tensor_copy: the source belongs to another context");
    if (!gan_shape_equal(destination->shape, source->shape))
        return gani_fail(destination->context, GAN_E_SHAPE,
                         "gan_tensor_copy: shape %s cannot take the values of shape %s",
                         gani_shape_text(destination->shape, a), gani_shape_text(source->shape, b));
    if (destination->storage == source->storage) { /* views of one tensor may overlap */
        gan_tensor *copy;
        gan_status made = gan_tensor_clone(&copy, source);
        if (made != GAN_OK) return made;
        gani_tensor_copy_values(destination, copy);
        gani_tensor_drop(copy);
    } else {
        gani_tensor_copy_values(destination, source);
    }
    gani_tensor_touch(destination);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_fill(gan_tensor *tensor, double value) {
    GANI_ENTER();
    gan_status status;
    if (!writable("gan_tensor_fill", tensor, &status)) return status;
    gan_tensor one;
    memset(&one, 0, sizeof one);
    gani_tensor_describe(&one, tensor->context, GAN_F64, tensor->shape);
    memset(one.strides, 0, sizeof one.strides); /* one value, broadcast */
    one.data = &value;
    float narrow = (float)value;
    if (tensor->dtype == GAN_F32) {
        one.dtype = GAN_F32;
        one.data = &narrow;
    }
    gani_tensor_copy_values(tensor, &one);
    gani_tensor_touch(tensor);
    return GAN_OK;
}

/* 1 if a tensor can be filled with random numbers: a contiguous one of the caller, f32 or f64. */
static int fillable(const char *function, const gan_tensor *tensor, double a, double b, gan_status *status) {
    if (!writable(function, tensor, status)) return 0;
    if (!gani_is_float(tensor->dtype))
        *status = gani_fail(tensor->context, GAN_E_DTYPE, "%s: the tensor is not of type f32 or f64", function);
    else if (!gani_is_contiguous(tensor))
        *status = gani_fail(tensor->context, GAN_E_ARGUMENT, "%s: the tensor is not contiguous", function);
    else if (!isfinite(a) || !isfinite(b))
        *status =
            gani_fail(tensor->context, GAN_E_ARGUMENT, "%s: the distribution's parameters are not finite", function);
    else
        return 1;
    return 0;
}

GAN_API gan_status gan_tensor_fill_normal(gan_tensor *tensor, double mean, double deviation, uint64_t seed,
                                          uint64_t stream, uint64_t index) {
    GANI_ENTER();
    gan_status status;
    if (!fillable("gan_tensor_fill_normal", tensor, mean, deviation, &status)) return status;
    gani_tensor_normal(tensor, seed, stream, index, mean, deviation);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_fill_uniform(gan_tensor *tensor, double low, double high, uint64_t seed, uint64_t stream,
                                           uint64_t index) {
    GANI_ENTER();
    gan_status status;
    if (!fillable("gan_tensor_fill_uniform", tensor, low, high, &status)) return status;
    if (low > high || !isfinite(high - low))
        return gani_fail(
            tensor->context, GAN_E_ARGUMENT,
            "gan_tensor_fill_uniform: low is %g, high %g: low is above high, or their difference is not finite", low,
            high);
    gani_tensor_uniform(tensor, seed, stream, index, low, high);
    return GAN_OK;
}

GAN_API gan_status gan_tensor_singular_values(const gan_tensor *tensor, double *values, int64_t count) {
    GANI_ENTER();
    if (tensor == NULL) return GAN_E_ARGUMENT;
    const char *const function = "gan_tensor_singular_values";
    gan_context *context = tensor->context;
    char shape[GANI_SHAPE_TEXT];
    if (values == NULL) return gani_null(context, function, "values");
    if (!gani_is_float(tensor->dtype))
        return gani_fail(context, GAN_E_DTYPE, "%s: the tensor is not of type f32 or f64", function);
    if (tensor->gone) return gani_fail(context, GAN_E_STATE, "%s: the tensor's values were given back", function);
    if (tensor->shape.rank < 2 || count != gani_singular_value_count(tensor->shape))
        return gani_fail(context, GAN_E_SHAPE, "%s: %lld values of a tensor of shape %s, which has %lld", function,
                         (long long)count, gani_shape_text(tensor->shape, shape),
                         tensor->shape.rank < 2 ? 0LL : (long long)gani_singular_value_count(tensor->shape));
    for (int64_t i = 0; i < gan_shape_count(tensor->shape); i++)
        if (!isfinite(gan_tensor_item(tensor, i)))
            return gani_fail(context, GAN_E_ARGUMENT, "%s: element %lld is not finite", function, (long long)i);
    gan_status status = gani_tensor_singular_values(tensor, values);
    return status == GAN_OK ? status : gani_no_memory(context, function);
}
