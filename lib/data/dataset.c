#include "data/dataset.h"

#include <string.h>

#include "base/rng.h"

void *gani_dataset_new(gan_context *context, const gani_dataset_kind *kind, size_t size) {
    gan_dataset *dataset = gani_calloc(context, 1, size);
    if (dataset == NULL) {
        gani_no_memory(context, kind->name);
        return NULL;
    }
    atomic_init(&dataset->references, 1);
    dataset->context = gani_context_retain(context);
    dataset->kind = kind;
    dataset->dtype = GAN_U8;
    return dataset;
}

void gani_dataset_drop(gan_dataset *dataset) {
    if (dataset == NULL) return;
    if (atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) != 1) return;
    gan_context *context = dataset->context;
    if (dataset->kind->destroy != NULL) dataset->kind->destroy(dataset);
    gani_free(context, dataset);
    gan_context_release(context);
}

gan_status gani_dataset_check(gan_context *context, const char *name, gan_dtype dtype, gan_shape shape, int64_t count) {
    char text[GANI_SHAPE_TEXT];
    if (dtype != GAN_U8 && dtype != GAN_F32 && dtype != GAN_F64)
        return gani_fail(context, GAN_E_DTYPE, "%s: dtype is %d, not GAN_U8, GAN_F32 or GAN_F64", name, (int)dtype);
    if (count < 1)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: count is %lld, not at least 1", name, (long long)count);
    if (shape.rank < 1 || shape.rank > GAN_MAX_RANK - 1)
        return gani_fail(context, GAN_E_SHAPE, "%s: the rank of an item is %d, not 1 to %d", name, (int)shape.rank,
                         GAN_MAX_RANK - 1);
    gan_shape all = {shape.rank + 1, 0, {count}};
    for (int32_t i = 0; i < shape.rank; i++) {
        if (shape.size[i] < 1)
            return gani_fail(context, GAN_E_SHAPE, "%s: size %lld of an item's axis %d is not at least 1", name,
                             (long long)shape.size[i], (int)i);
        all.size[i + 1] = shape.size[i];
    }
    int64_t elements = gan_shape_count(all);
    if (elements < 0 || (uint64_t)elements > (size_t)PTRDIFF_MAX / gan_dtype_size(dtype))
        return gani_fail(context, GAN_E_LIMIT, "%s: %lld items of %s cannot be addressed", name, (long long)count,
                         gani_shape_text(shape, text));
    return GAN_OK;
}

uint64_t gani_hash_numbers(uint64_t hash, const void *numbers, size_t number_bytes, int64_t count) {
    const unsigned char *at = numbers;
    for (int64_t i = 0; i < count; i++, at += number_bytes) {
        uint64_t bits = 0;
        uint32_t half;
        if (number_bytes == 8) {
            memcpy(&bits, at, 8);
        } else if (number_bytes == 4) {
            memcpy(&half, at, 4);
            bits = half;
        } else {
            bits = at[0];
        }
        unsigned char bytes[8];
        for (size_t k = 0; k < number_bytes; k++) bytes[k] = (unsigned char)(bits >> (8 * k));
        hash = gani_hash(hash, bytes, number_bytes);
    }
    return hash;
}

uint64_t gani_dataset_hash(const gan_dataset *dataset) {
    uint64_t hash = gani_hash(GANI_HASH_START, dataset->kind->name, strlen(dataset->kind->name));
    if (dataset->dtype != GAN_U8) hash = gani_hash(hash, dataset->dtype == GAN_F32 ? "f32" : "f64", 3);
    hash = gani_hash_numbers(hash, &dataset->count, 8, 1);
    return gani_hash_numbers(hash, dataset->shape.size, 8, dataset->shape.rank);
}
