/* A history of generated images (Shrivastava et al. 2017, 2.3; CycleGAN's ImagePool). */
#include "data/image_pool.h"

#include <string.h>

#include "base/rng.h"

enum { IMAGES, COUNT };

struct gan_pool {
    atomic_int references;
    gan_context *context;
    int64_t capacity;
    char names[GANI_POOL_STATE][8];
    gani_named state[GANI_POOL_STATE];
};

gan_status gani_image_pool_create(gan_pool **out, gan_context *context, gan_shape image,
                                  const gan_pool_options *options) {
    static const char *const names[GANI_POOL_STATE] = {[IMAGES] = "images", [COUNT] = "count"};
    gan_shape shape = {.rank = image.rank + 1, .size = {options->capacity}};
    *out = NULL;
    memcpy(shape.size + 1, image.size, (size_t)image.rank * sizeof image.size[0]);
    gan_status status = gani_shape_check(context, "gan_pool_create", shape, options->dtype);
    if (status != GAN_OK) return status;
    gan_pool *pool = gani_calloc(context, 1, sizeof *pool);
    if (pool == NULL) return gani_no_memory(context, "pool");
    atomic_init(&pool->references, 1);
    pool->context = gani_context_retain(context);
    pool->capacity = options->capacity;
    for (int32_t i = 0; i < GANI_POOL_STATE; i++) pool->state[i].name = strcpy(pool->names[i], names[i]);
    status = gani_tensor_zeros(&pool->state[IMAGES].tensor, context, options->dtype, shape);
    if (status == GAN_OK) status = gani_tensor_zeros(&pool->state[COUNT].tensor, context, GAN_I32, gan_shape_0d());
    if (status != GAN_OK)
        gani_image_pool_drop(pool);
    else
        *out = pool;
    return status;
}

gan_pool *gani_image_pool_retain(gan_pool *pool) {
    atomic_fetch_add(&pool->references, 1);
    return pool;
}

void gani_image_pool_drop(gan_pool *pool) {
    if (pool == NULL || atomic_fetch_sub(&pool->references, 1) != 1) return;
    gan_context *context = pool->context;
    for (int i = 0; i < GANI_POOL_STATE; i++) gani_tensor_drop(pool->state[i].tensor);
    gani_free(context, pool);
    gan_context_release(context);
}

gan_context *gani_image_pool_context(const gan_pool *pool) { return pool->context; }
const gani_named *gani_image_pool_state(const gan_pool *pool) { return pool->state; }

/* A checkpoint comes from anywhere: the number that it held is not believed. */
int64_t gani_image_pool_count(const gan_pool *pool) {
    int64_t count = *(const int32_t *)pool->state[COUNT].tensor->data;
    if (count < 0) return 0;
    return count > pool->capacity ? pool->capacity : count;
}

static int check(gan_tape *tape, const gan_pool *pool, const gan_tensor *images) {
    const gan_tensor *stored = pool->state[IMAGES].tensor;
    char text[2][GANI_SHAPE_TEXT];
    gan_shape expected = stored->shape;
    if (images->shape.rank > 0) expected.size[0] = images->shape.size[0];
    if (!gan_shape_equal(images->shape, expected)) {
        gan_shape image = stored->shape;
        image.rank--;
        memmove(image.size, image.size + 1, (size_t)image.rank * sizeof image.size[0]);
        gani_tape_fail(tape, GAN_E_SHAPE, "pool: the images have shape %s, but each must be %s: the pool's image",
                       gani_shape_text(images->shape, text[0]), gani_shape_text(image, text[1]));
    } else if (images->dtype != stored->dtype) {
        gani_tape_fail(tape, GAN_E_DTYPE, "pool: the images are not of the type that the pool was made for");
    }
    return !gani_failed(tape);
}

/* The place of the stored image that the next one is exchanged with; -1: it passes through. */
static int64_t draw(const gan_pool *pool) {
    gan_context *context = pool->context;
    uint32_t lanes[4];
    gani_philox(context->seed, GAN_STREAM_POOL, context->position[GAN_STREAM_POOL]++, lanes);
    return lanes[0] >> 31 == 0 ? -1 : (int64_t)(((uint64_t)lanes[1] * (uint64_t)pool->capacity) >> 32);
}

gan_tensor *gani_image_pool_exchange(gan_pool *pool, gan_tape *tape, gan_tensor *images) {
    if (!check(tape, pool, images)) return &tape->inert;
    if (pool->capacity == 0) return gani_detach(tape, images);
    tape->operation = "pool";
    gan_tensor *from = gani_contiguous(tape, images), *result = gani_result(tape, images->dtype, images->shape);
    if (gani_failed(tape)) return &tape->inert;
    int64_t batch = images->shape.size[0], count = gani_image_pool_count(pool);
    size_t size = batch == 0 ? 0 : (size_t)gani_count(images) / (size_t)batch * gan_dtype_size(images->dtype);
    char *stored = pool->state[IMAGES].tensor->data;
    for (int64_t i = 0; i < batch && size > 0; i++) {
        const char *image = (const char *)from->data + (size_t)i * size;
        char *out = (char *)result->data + (size_t)i * size;
        const int filling = count < pool->capacity;
        int64_t place = filling ? count++ : draw(pool);
        char *kept = stored + (size_t)(place < 0 ? 0 : place) * size;
        memcpy(out, place < 0 || filling ? image : kept, size);
        if (place >= 0) memcpy(kept, image, size);
    }
    *(int32_t *)pool->state[COUNT].tensor->data = (int32_t)count;
    return result;
}
