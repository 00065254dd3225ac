/* Orthogonal regularisation of one weight: how far its rows are from orthogonal, or from orthonormal. */
#include "loss/terms.h"

/* The identity matrix: it is subtracted, or masks, element by element, so that what is nearly 0 keeps its digits. */
static gan_tensor *identity_matrix(gan_tape *tape, gan_dtype dtype, int64_t size) {
    gan_tensor *places = gani_result(tape, GAN_I32, gan_shape_1d(size));
    if (gani_failed(tape)) return &tape->inert;
    int32_t *place = places->data;
    for (int64_t i = 0; i < size; i++) place[i] = (int32_t)i;
    gan_tensor *matrix = gani_one_hot(tape, dtype, places, size);
    gani_tape_drop(tape, places);
    return matrix;
}

gan_tensor *gani_orthogonal_penalty(gan_tape *tape, gan_tensor *weight, gan_orthogonal_form form) {
    int64_t rows = weight->shape.size[0];
    if (rows > INT32_MAX)
        return gani_tape_fail(tape, GAN_E_LIMIT, "orthogonal: a weight has %lld rows; 2147483647 are the most",
                              (long long)rows);
    gan_tensor *matrix = gani_reshape(tape, weight, gan_shape_2d(rows, -1));
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *gram = gani_matmul(tape, matrix, matrix, 0, 1), *eye = identity_matrix(tape, weight->dtype, rows);
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *rest = form == GAN_ORTHOGONAL_IDENTITY ? gani_sub(tape, gram, eye)
                                                       : gani_mul(tape, gram, gani_affine(tape, eye, -1, 1));
    return gani_sum(tape, gani_square(tape, rest));
}
