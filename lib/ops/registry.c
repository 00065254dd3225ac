/* Every operation that can be recorded. A test goes through this list and fails for one that it has no case for. */
#include "ops/ops.h"

const gani_op *const gani_operations[] = {
    &gani_op_add,       &gani_op_sub,        &gani_op_mul,
    &gani_op_div,       &gani_op_affine,     &gani_op_square,
    &gani_op_reciprocal, &gani_op_sqrt,      &gani_op_rsqrt,
    &gani_op_exp,       &gani_op_log,        &gani_op_abs,
    &gani_op_clamp,     &gani_op_clamp_grad, &gani_op_leaky_relu,
    &gani_op_leaky_relu_grad, &gani_op_tanh, &gani_op_sigmoid,
    &gani_op_softplus,  &gani_op_sum_axes,   &gani_op_identity,
    &gani_op_reshape,   &gani_op_permute,    &gani_op_broadcast,
    &gani_op_slice,     &gani_op_pad,        &gani_op_concat,
    &gani_op_matmul,    &gani_op_linear,     &gani_op_conv2d,
    &gani_op_conv_transpose2d, &gani_op_conv2d_weight_grad, &gani_op_batch_norm,
    NULL,
};

const gani_basis gani_operations_basis = {gani_add, gani_identity, gani_full};
