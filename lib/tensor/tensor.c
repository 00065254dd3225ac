#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "kernel/copy.h"

void gani_strides(gan_shape shape, int64_t *strides) {
    int empty = gan_shape_count(shape) == 0; /* its other sizes may be beyond any product */
    int64_t step = 1;
    for (int32_t i = shape.rank - 1; i >= 0; i--) {
        strides[i] = step;
        if (!empty) step *= shape.size[i];
    }
}

int32_t gani_is_contiguous(const gan_tensor *tensor) {
    int64_t step = 1;
    if (gan_shape_count(tensor->shape) == 0) return 1;
    for (int32_t i = tensor->shape.rank - 1; i >= 0; i--) {
        if (tensor->shape.size[i] != 1 && tensor->strides[i] != step) return 0;
        step *= tensor->shape.size[i];
    }
    return 1;
}

void gani_tensor_describe(gan_tensor *tensor, gan_context *context, gan_dtype dtype, gan_shape shape) {
    tensor->context = context;
    tensor->dtype = dtype;
    tensor->shape = shape;
    tensor->shape.reserved = 0;
    for (int32_t i = shape.rank; i < GAN_MAX_RANK; i++) tensor->shape.size[i] = 0;
    gani_strides(shape, tensor->strides);
}

/* A tensor with a storage that holds nothing yet. */
static gan_tensor *allocate(gan_context *context, gan_dtype dtype, gan_shape shape) {
    gan_tensor *tensor = gani_calloc(context, 1, sizeof *tensor);
    gani_storage *storage = gani_calloc(context, 1, sizeof *storage);
    if (tensor == NULL || storage == NULL) {
        gani_free(context, tensor);
        gani_free(context, storage);
        return NULL;
    }
    gani_tensor_describe(tensor, context, dtype, shape);
    atomic_init(&tensor->references, 1);
    atomic_init(&storage->references, 1);
    tensor->storage = storage;
    gani_context_retain(context);
    return tensor;
}

gan_status gani_tensor_new(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape) {
    *out = NULL;
    gan_tensor *tensor = allocate(context, dtype, shape);
    if (tensor == NULL) return gani_no_memory(context, "tensor");
    size_t bytes = (size_t)gan_shape_count(shape) * gan_dtype_size(dtype);
    tensor->storage->base = gani_alloc(context, bytes);
    if (tensor->storage->base == NULL) {
        char text[GANI_SHAPE_TEXT];
        gani_tensor_drop(tensor);
        return gani_fail(context, GAN_E_MEMORY, "out of memory for a tensor of shape %s (%zu bytes)",
                         gani_shape_text(shape, text), bytes);
    }
    tensor->data = tensor->storage->base;
    *out = tensor;
    return GAN_OK;
}

gan_status gani_tensor_zeros(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape) {
    gan_status status = gani_tensor_new(out, context, dtype, shape);
    if (status == GAN_OK) memset((*out)->data, 0, (size_t)gan_shape_count(shape) * gan_dtype_size(dtype));
    return status;
}

gan_status gani_tensor_wrap(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape, void *data,
                            void (*done)(void *user), void *user) {
    *out = NULL;
    gan_tensor *tensor = allocate(context, dtype, shape);
    if (tensor == NULL) return gani_no_memory(context, "tensor");
    tensor->storage->wrapped = 1;
    tensor->storage->done = done;
    tensor->storage->done_user = user;
    tensor->data = data;
    *out = tensor;
    return GAN_OK;
}

gan_status gani_tensor_share(gan_tensor **out, gan_tensor *tensor) {
    *out = NULL;
    gan_tensor *view = gani_calloc(tensor->context, 1, sizeof *view);
    if (view == NULL) return gani_no_memory(tensor->context, "view");
    gani_tensor_describe(view, tensor->context, tensor->dtype, tensor->shape);
    memcpy(view->strides, tensor->strides, sizeof view->strides);
    atomic_init(&view->references, 1);
    view->data = tensor->data;
    view->tracked = tensor->tracked;
    view->storage = tensor->storage;
    atomic_fetch_add(&view->storage->references, 1);
    gani_context_retain(tensor->context);
    *out = view;
    return GAN_OK;
}

void gani_storage_drop(gan_context *context, gani_storage *storage) {
    if (atomic_fetch_sub(&storage->references, 1) != 1) return;
    if (storage->heap != NULL) {
        gani_heap_free(storage->heap, storage->base);
        return;
    }
    if (!storage->wrapped)
        gani_free(context, storage->base);
    else if (storage->done != NULL)
        storage->done(storage->done_user);
    gani_free(context, storage);
}

void gani_tensor_drop(gan_tensor *tensor) {
    if (tensor == NULL || tensor->tape != NULL) return;
    if (atomic_fetch_sub(&tensor->references, 1) != 1) return;
    gan_context *context = tensor->context;
    gani_storage_drop(context, tensor->storage);
    gani_free(context, tensor);
    gan_context_release(context);
}

static double load(gan_dtype dtype, const void *data, int64_t index) {
    switch (dtype) {
    case GAN_F32:
        return ((const float *)data)[index];
    case GAN_F64:
        return ((const double *)data)[index];
    case GAN_I32:
        return ((const int32_t *)data)[index];
    default:
        return ((const uint8_t *)data)[index];
    }
}

/* Adding 0.5 and flooring would be wrong beyond 2^52 and at 0.49999999999999994; rint depends on the host's rounding
 * mode. */
static double clamp_round(double value, double low, double high) {
    if (isnan(value)) return 0;
    if (value <= low) return low;
    if (value >= high) return high;
    return round(value);
}

static void store(gan_dtype dtype, void *data, int64_t index, double value) {
    switch (dtype) {
    case GAN_F32:
        ((float *)data)[index] = (float)value;
        break;
    case GAN_F64:
        ((double *)data)[index] = value;
        break;
    case GAN_I32:
        ((int32_t *)data)[index] = (int32_t)clamp_round(value, INT32_MIN, INT32_MAX);
        break;
    default:
        ((uint8_t *)data)[index] = (uint8_t)clamp_round(value, 0, 255);
        break;
    }
}

void gani_tensor_copy_values(gan_tensor *destination, const gan_tensor *source) {
    int64_t count = gan_shape_count(source->shape);
    if (count == 0) return;
    if (destination->dtype == source->dtype) {
        gani_copy_strided(gan_dtype_size(source->dtype), source->shape.rank, source->shape.size, source->data,
                          source->strides, destination->data, destination->strides);
        return;
    }
    int64_t index[GAN_MAX_RANK] = {0}, from = 0, to = 0;
    for (int64_t i = 0; i < count; i++) {
        store(destination->dtype, destination->data, to, load(source->dtype, source->data, from));
        for (int32_t axis = source->shape.rank - 1; axis >= 0; axis--) {
            from += source->strides[axis];
            to += destination->strides[axis];
            if (++index[axis] < source->shape.size[axis]) break;
            from -= source->strides[axis] * source->shape.size[axis];
            to -= destination->strides[axis] * source->shape.size[axis];
            index[axis] = 0;
        }
    }
}

gan_tensor gani_tensor_items(const gan_tensor *tensor, int64_t start, int64_t count) {
    gan_tensor items;
    memset(&items, 0, sizeof items);
    items.dtype = tensor->dtype;
    items.shape = tensor->shape;
    items.shape.size[0] = count;
    memcpy(items.strides, tensor->strides, sizeof items.strides);
    items.data = (unsigned char *)tensor->data + start * tensor->strides[0] * (int64_t)gan_dtype_size(tensor->dtype);
    return items;
}

void gani_tensor_normal(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double mean,
                        double deviation) {
    int64_t count = gan_shape_count(tensor->shape);
    if (tensor->dtype == GAN_F64)
        gani_fill_normal_f64(seed, stream, index, 0, count, mean, deviation, tensor->data);
    else
        gani_fill_normal_f32(seed, stream, index, 0, count, mean, deviation, tensor->data);
    gani_tensor_touch(tensor);
}

void gani_tensor_uniform(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double low, double high) {
    int64_t count = gan_shape_count(tensor->shape);
    if (tensor->dtype == GAN_F64)
        gani_fill_uniform_f64(seed, stream, index, 0, count, low, high, tensor->data);
    else
        gani_fill_uniform_f32(seed, stream, index, 0, count, low, high, tensor->data);
    gani_tensor_touch(tensor);
}

void gani_tensor_bernoulli(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double p) {
    int64_t count = gan_shape_count(tensor->shape);
    if (tensor->dtype == GAN_F64)
        gani_fill_bernoulli_f64(seed, stream, index, 0, count, p, tensor->data);
    else
        gani_fill_bernoulli_f32(seed, stream, index, 0, count, p, tensor->data);
    gani_tensor_touch(tensor);
}

int gani_name_begins(const char *name, const char *prefix) {
    size_t length = prefix == NULL ? 0 : strlen(prefix);
    return prefix == NULL || (strncmp(name, prefix, length) == 0 && (name[length] == '.' || name[length] == '\0'));
}
