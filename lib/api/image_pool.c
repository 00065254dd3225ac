/* Exported functions of gan/data.h: pools of generated images. */
#include "data/image_pool.h"

#include "api/api.h"

GAN_API void gan_pool_options_init_sized(gan_pool_options *options, size_t size) {
    gan_pool_options defaults = {.capacity = 50, .dtype = GAN_F32};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_pool_create(gan_pool **out, gan_context *context, gan_shape image,
                                   const gan_pool_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_pool_create";
    if (out != NULL) *out = NULL;
    if (out == NULL || context == NULL) return gani_null(context, name, "an argument");
    gan_pool_options o;
    gan_pool_options_init(&o);
    gan_status status = gani_options_decode(context, name, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, name, o.reserved);
    if (status != GAN_OK) return status;
    if (o.capacity < 0 || o.capacity > INT32_MAX)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: capacity is %lld, not 0 to 2^31 - 1", name,
                         (long long)o.capacity);
    if (o.dtype != GAN_F32 && o.dtype != GAN_F64)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: dtype is %d, not GAN_F32 or GAN_F64", name, (int)o.dtype);
    if (image.rank < 0 || image.rank >= GAN_MAX_RANK)
        return gani_fail(context, GAN_E_SHAPE, "%s: an image has %ld axes; it can have 0 to %d", name, (long)image.rank,
                         GAN_MAX_RANK - 1);
    return gani_image_pool_create(out, context, image, &o);
}

GAN_API gan_context *gan_pool_context(const gan_pool *pool) {
    GANI_ENTER();
    return pool == NULL ? NULL : gani_image_pool_context(pool);
}

GAN_API void gan_pool_release(gan_pool *pool) {
    GANI_ENTER();
    gani_image_pool_drop(pool);
}

GAN_API gan_tensor *gan_pool_exchange(gan_tape *tape, gan_pool *pool, gan_tensor *images) {
    GANI_ENTER();
    if (!gani_operands(tape, "pool", &images, 1)) return gani_inert(tape);
    if (pool == NULL) return gani_tape_fail(tape, GAN_E_ARGUMENT, "pool: the pool is NULL");
    if (gani_image_pool_context(pool) != tape->context)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "pool: the pool belongs to another context");
    return gani_image_pool_exchange(pool, tape, images);
}

GAN_API int64_t gan_pool_count(const gan_pool *pool) {
    GANI_ENTER();
    return pool == NULL ? 0 : gani_image_pool_count(pool);
}
