/* Some items of another dataset, one after the other. */
#include "base/rng.h"
#include "data/dataset.h"

typedef struct slice_set {
    gan_dataset base;
    gani_dataset_kind kind; /* as serial, or as costly, as the items' own */
    gan_dataset *origin;    /* no slice itself */
    int64_t first;
} slice_set;

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const slice_set *set = (const slice_set *)dataset;
    return set->origin->kind->read(set->origin, set->first + index, item, label);
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    const gan_dataset *origin = ((const slice_set *)dataset)->origin;
    return origin->kind->class_name(origin, label);
}

static void destroy(gan_dataset *dataset) { gani_dataset_drop(((slice_set *)dataset)->origin); }

const gan_dataset *gani_dataset_origin(const gan_dataset *dataset, int64_t *index) {
    if (dataset->kind->read != read_item) return dataset;
    const slice_set *set = (const slice_set *)dataset;
    *index += set->first;
    return set->origin;
}

gan_status gani_dataset_slice(gan_dataset **out, gan_dataset *dataset, int64_t first, int64_t count) {
    static const gani_dataset_kind named = {"slice", read_item, class_name, destroy, 0, 0};
    slice_set *set = gani_dataset_new(dataset->context, &named, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    gan_dataset *origin = (gan_dataset *)(uintptr_t)gani_dataset_origin(dataset, &first);
    set->kind = named;
    set->kind.drawn = origin->kind->drawn;
    set->kind.serial = origin->kind->serial;
    set->base.kind = &set->kind;
    set->base.count = count;
    set->base.dtype = origin->dtype;
    set->base.shape = origin->shape;
    set->base.classes = origin->classes;
    set->origin = gan_dataset_retain(origin);
    set->first = first;
    const uint64_t whole[2] = {origin->fingerprint, (uint64_t)first};
    set->base.fingerprint = gani_hash_numbers(gani_dataset_hash(&set->base), whole, 8, 2);
    *out = &set->base;
    return GAN_OK;
}
