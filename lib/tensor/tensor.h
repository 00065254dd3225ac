/* A tensor's insides. Two kinds share the struct: tensors of the caller (reference counted, tape == NULL) and tensors
 * of a tape (borrowed by everybody, ended by the tape). Both point into a storage, which views share. */
#ifndef GANI_TENSOR_TENSOR_H
#define GANI_TENSOR_TENSOR_H

#include <gan/tensor.h>

#include "base/context.h"

typedef struct gani_storage {
    atomic_int references;    /* tensors that share it */
    uint32_t version;         /* one more for each change of the values: stale gradients are found by it */
    void *base;               /* what is given back: gani_free, the tape's heap, or nothing for wrapped memory */
    void (*done)(void *user); /* wrapped memory */
    void *done_user;
    int32_t wrapped;
    struct gani_heap *heap; /* not NULL: base is a block of this tape heap, and the storage a record of the tape */
} gani_storage;

struct gani_node;

struct gan_tensor {
    atomic_int references; /* the caller's tensors only */
    gan_context *context;
    gan_dtype dtype; /* 0: the inert tensor of a failed tape */
    gan_shape shape;
    int64_t strides[GAN_MAX_RANK];
    void *data; /* first element; NULL when empty, inert, or given back */
    gani_storage *storage;
    const void *packed; /* not NULL: a convolution's or linear layer's weight in the kernels' form (conv_pack) and no
                           other, data being NULL: see train/session_pack.c */

    /* the rest is the tape's bookkeeping */
    struct gan_tape *tape;       /* NULL: the caller's tensor */
    struct gan_tensor *previous; /* on the tape, in order of creation */
    int64_t sequence;            /* position on the tape */
    struct gani_node *node;      /* what computed it; NULL: a leaf */
    int32_t tracked;             /* takes part in gradients */
    int32_t recorded; /* a rule may want the values: that of the operation that made it or of one that read it */
    int32_t spare;    /* nothing reads it after the operation that is being done: see gani_result_over */
    int32_t hidden;   /* made inside a layer: nobody else has seen it, so it may be given back early */
    int32_t gone;     /* values were given back */
    struct gan_tensor *gradient; /* during gani_gradients, if gradient_pass is the present one */
    uint64_t gradient_pass, target_pass;
};

/* Row-major strides of a shape. */
void gani_strides(gan_shape shape, int64_t *strides);
int32_t gani_is_contiguous(const gan_tensor *tensor);
/* Fills the fields of a fresh tensor that describe its elements. */
void gani_tensor_describe(gan_tensor *tensor, gan_context *context, gan_dtype dtype, gan_shape shape);

/* Tensors of the caller. Shapes have been checked. gani_tensor_new does not clear. */
gan_status gani_tensor_new(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape);
gan_status gani_tensor_zeros(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape);
gan_status gani_tensor_wrap(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape shape, void *data,
                            void (*done)(void *user), void *user);
/* A second tensor over the same storage, to be given another shape, strides and data pointer. */
gan_status gani_tensor_share(gan_tensor **out, gan_tensor *tensor);
void gani_tensor_drop(gan_tensor *tensor);
/* One reference to a storage less; the last one gives the memory back. */
void gani_storage_drop(gan_context *context, gani_storage *storage);

/* The values were changed. */
static inline void gani_tensor_touch(gan_tensor *tensor) {
    if (tensor->storage != NULL) tensor->storage->version++;
}

/* Element `index` of a contiguous f32 or f64 tensor. */
static inline double gani_get_value(const gan_tensor *tensor, int64_t index) {
    return tensor->dtype == GAN_F64 ? ((const double *)tensor->data)[index] : ((const float *)tensor->data)[index];
}
static inline void gani_put_value(gan_tensor *tensor, int64_t index, double value) {
    if (tensor->dtype == GAN_F64)
        ((double *)tensor->data)[index] = value;
    else
        ((float *)tensor->data)[index] = (float)value;
}

/* As a matrix of size[0] rows: how many singular values it has, and these, the largest first, or GAN_E_MEMORY without
 * a message. */
int64_t gani_singular_value_count(gan_shape shape);
gan_status gani_tensor_singular_values(const gan_tensor *tensor, double *values);

/* Random numbers into a contiguous f32 or f64 tensor, from block `index` of a stream on: as gan_tensor_fill_normal and
 * gan_tensor_fill_uniform. */
void gani_tensor_normal(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double mean,
                        double deviation);
void gani_tensor_uniform(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double low, double high);
/* 1 with probability p, else 0; as many blocks as the others take. */
void gani_tensor_bernoulli(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double p);

/* Normal numbers from low to high only, one number of the stream an element: truncated.c. deviation > 0, low < high. */
void gani_tensor_truncated_normal(gan_tensor *tensor, uint64_t seed, uint64_t stream, uint64_t index, double mean,
                                  double deviation, double low, double high);
/* 1 if the interval holds some of the distribution. */
int gani_truncation_possible(double mean, double deviation, double low, double high);

/* Copies values in row-major order between tensors of one shape, converting the type; strides may be any. */
void gani_tensor_copy_values(gan_tensor *destination, const gan_tensor *source);

/* Items [start, start + count) along the first axis, without the bookkeeping of a view: the source may be a tape's. For
 * gani_tensor_copy_values only. */
gan_tensor gani_tensor_items(const gan_tensor *tensor, int64_t start, int64_t count);

/* One tensor of a named list: the parameters and buffers of a network. */
typedef struct gani_named {
    char *name; /* "3.weight" */
    gan_tensor *tensor;
    int32_t is_parameter;
} gani_named;

/* "0" is the beginning of "0.weight", not of "01.weight"; NULL of every name. tensor.c */
int gani_name_begins(const char *name, const char *prefix);

static inline int32_t gani_is_float(gan_dtype dtype) { return dtype == GAN_F32 || dtype == GAN_F64; }
static inline const struct gani_kernels *gani_kernels_for(const gan_context *context, gan_dtype dtype) {
    return context->kernels[dtype == GAN_F64];
}

#endif
