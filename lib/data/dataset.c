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

uint64_t gani_dataset_hash(const gan_dataset *dataset) {
    /* numbers as little-endian bytes: the same digest on every machine */
    uint64_t numbers[4] = {(uint64_t)dataset->count, (uint64_t)dataset->shape.size[0], (uint64_t)dataset->shape.size[1],
                           (uint64_t)dataset->shape.size[2]};
    unsigned char bytes[32];
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)(numbers[i / 8] >> (i % 8 * 8));
    uint64_t hash = gani_hash(GANI_HASH_START, dataset->kind->name, strlen(dataset->kind->name));
    return gani_hash(hash, bytes, sizeof bytes);
}
