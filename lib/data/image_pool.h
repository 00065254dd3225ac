/* Pools of generated images: gan_pool. (gani_pool is that of threads.) */
#ifndef GANI_DATA_IMAGE_POOL_H
#define GANI_DATA_IMAGE_POOL_H

#include <gan/data.h>

#include "ops/ops.h"

/* The options and the shape have been checked. */
gan_status gani_image_pool_create(gan_pool **out, gan_context *context, gan_shape image,
                                  const gan_pool_options *options);
gan_pool *gani_image_pool_retain(gan_pool *pool);
void gani_image_pool_drop(gan_pool *pool); /* NULL allowed */
gan_context *gani_image_pool_context(const gan_pool *pool);
gan_tensor *gani_image_pool_exchange(gan_pool *pool, gan_tape *tape, gan_tensor *images);
int64_t gani_image_pool_count(const gan_pool *pool);
/* Its state as tensors, for checkpoints: capacity x image, and how many there are. */
#define GANI_POOL_STATE 2
const gani_named *gani_image_pool_state(const gan_pool *pool);

#endif
