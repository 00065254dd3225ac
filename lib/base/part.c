/* Contexts inside contexts. */
#include "base/context.h"
#include "base/pool.h"

gan_status gani_context_part(gan_context **out, gan_context *whole, int32_t workers, const gan_executor *executor) {
    *out = NULL;
    gan_context *part = gani_calloc(whole, 1, sizeof *part);
    if (part == NULL) return GAN_E_MEMORY;
    atomic_init(&part->references, 1);
    part->whole = whole;
    part->allocator = whole->allocator;
    part->kernels[0] = whole->kernels[0];
    part->kernels[1] = whole->kernels[1];
    part->io = whole->io;
    part->memory_limit = SIZE_MAX;
    atomic_init(&part->memory, gani_block_size(part));
    atomic_init(&part->peak, gani_block_size(part));
    part->deterministic = 1;
    part->blas = GAN_BLAS_OFF;
    part->seed = whole->seed;
    gan_status status = gani_pool_create(&part->pool, part, workers, executor);
    if (status != GAN_OK) {
        gani_free(whole, part);
        return status;
    }
    gani_context_retain(whole);
    *out = part;
    return GAN_OK;
}

void gani_context_end_part(gan_context *part) {
    gan_context *whole = part->whole;
    gani_free(whole, part);
    gan_context_release(whole);
}
