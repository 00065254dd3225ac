/* One use of one operation, for the sweep: how to call it, on which shapes, and what it must give. */
#ifndef TESTS_OPS_VARIANT_H
#define TESTS_OPS_VARIANT_H

#include <gan/ops.h>

#include "gradcheck.h"
#include "ops/ops.h"

#define VARIANT_INPUTS 3

typedef struct variant variant;
struct variant {
    const gani_op *op;         /* the registry's entry that it is a case of */
    gradcheck_function *apply; /* user: the variant */
    void (*naive)(const variant *v, const double *const *xs, const gan_shape *result, double *y); /* plain loops */
    int32_t count;
    gan_shape shapes[VARIANT_INPUTS];
    gan_shape result;    /* the shape that must come out */
    double low, high;    /* the inputs lie in (low, high) ... */
    int32_t signs;       /* ... times a random sign: keeps them off a kink at 0 */
    int32_t multilinear; /* linear in each operand: the operation on absolute values bounds its rounding */
    int64_t terms;       /* of the longest sum in the result or a gradient */
    double p, q;
    int64_t n[4];
    int32_t axes[GAN_MAX_RANK];
    gan_shape shape;
    gan_conv_options conv;
    gan_shape index_shape;
    int64_t index_limit; /* > 0: the operation takes indices below this as well */
    gan_tensor *index;   /* made by the sweep, i32 */
    double (*f1)(double x, double p, double q);
    double (*f2)(double a, double b, double p, double q);
};

/* Calls visit for every variant of every operation. */
void variants_elementwise(void (*visit)(const variant *));
void variants_reduce(void (*visit)(const variant *));
void variants_reshape(void (*visit)(const variant *));
void variants_softmax(void (*visit)(const variant *));
void variants_index(void (*visit)(const variant *));
void variants_dense(void (*visit)(const variant *));
void variants_conv(void (*visit)(const variant *));
void variants_spatial(void (*visit)(const variant *));
void variants_norm(void (*visit)(const variant *));

/* The element of `shape` at the index vector `at` of a result it was broadcast to. */
int64_t variant_broadcast_offset(gan_shape shape, gan_shape result, const int64_t *at);
/* Steps through all index vectors of a shape; 0 after the last. */
int variant_next(gan_shape shape, int64_t *at);
int64_t variant_offset(gan_shape shape, const int64_t *at);

#endif
