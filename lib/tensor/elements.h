/* Passes over the elements of one contiguous tensor, whose values they change in place. */
#ifndef GANI_TENSOR_ELEMENTS_H
#define GANI_TENSOR_ELEMENTS_H

#include "kernel/kernel.h"
#include "tensor/tensor.h"

/* Calls share(kernels, first, count, argument) over all elements of a tensor on the context's threads. The shares are
 * chunks of GANI_SHARE_ELEMENTS, whatever the number of threads. */
#define GANI_SHARE_ELEMENTS 32768
typedef void gani_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument);
void gani_for_elements(const gan_tensor *tensor, gani_share *share, void *argument);

/* Every value becomes the nearest in -limit to limit. */
void gani_clamp_values(gan_tensor *tensor, double limit);

#endif
