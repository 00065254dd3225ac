/* Items in memory: the library's copy, or the application's own. */
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/names.h"

typedef struct memory_set {
    gan_dataset base;
    const uint8_t *items;
    const int32_t *labels; /* NULL: none */
    void *owned_items, *owned_labels;
    gani_names names;
    void (*release)(void *user);
    void *user;
} memory_set;

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const memory_set *set = (const memory_set *)dataset;
    size_t bytes = gani_dataset_item_bytes(dataset);
    if (label != NULL) *label = set->labels == NULL ? -1 : set->labels[index];
    if (item != NULL) memcpy(item, set->items + (size_t)index * bytes, bytes);
    return GAN_OK;
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    const memory_set *set = (const memory_set *)dataset;
    return set->names.count == 0 ? NULL : set->names.items[label];
}

static void destroy(gan_dataset *dataset) {
    memory_set *set = (memory_set *)dataset;
    gani_free(dataset->context, set->owned_items);
    gani_free(dataset->context, set->owned_labels);
    gani_names_end(&set->names);
    if (set->release != NULL) set->release(set->user);
}

static const gani_dataset_kind kind = {"memory", read_item, class_name, destroy, 0, 0};

/* How many classes there are; every label must be of one. */
static gan_status count_classes(memory_set *set, const gan_memory_dataset *d) {
    int64_t limit = d->classes == -1 ? INT32_MAX : d->classes, highest = -1;
    for (int64_t i = 0; i < d->count; i++) {
        if (d->labels[i] < 0 || d->labels[i] >= limit)
            return gani_fail(set->base.context, GAN_E_ARGUMENT,
                             "gan_memory_dataset_create: label %ld of item %lld is not 0 to %lld", (long)d->labels[i],
                             (long long)i, (long long)limit - 1);
        highest = d->labels[i] > highest ? d->labels[i] : highest;
    }
    set->base.classes = (int32_t)(d->classes == -1 ? highest + 1 : d->classes);
    return GAN_OK;
}

static gan_status copy_items(memory_set *set, const gan_memory_dataset *d) {
    gan_context *context = set->base.context;
    /* the caller's arrays are there, so their sizes can be told */
    size_t bytes = (size_t)d->count * gani_dataset_item_bytes(&set->base);
    size_t label_bytes = (size_t)d->count * sizeof *d->labels;
    set->items = set->owned_items = gani_alloc(context, bytes);
    if (d->labels != NULL) set->labels = set->owned_labels = gani_alloc(context, label_bytes);
    if (set->items == NULL || (d->labels != NULL && set->labels == NULL))
        return gani_no_memory(context, "gan_memory_dataset_create");
    memcpy(set->owned_items, d->items, bytes);
    if (d->labels != NULL) memcpy(set->owned_labels, d->labels, label_bytes);
    return GAN_OK;
}

gan_status gani_memory_dataset_create(gan_dataset **out, gan_context *context, const gan_memory_dataset *description) {
    memory_set *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    gani_names_begin(&set->names, context);
    set->base.count = description->count;
    set->base.dtype = description->dtype;
    set->base.shape = description->shape;
    set->items = description->items;
    set->labels = description->labels;
    gan_status status = description->labels != NULL ? count_classes(set, description) : GAN_OK;
    if (status == GAN_OK) status = gani_names_copy(&set->names, description->class_names, set->base.classes);
    if (status == GAN_OK && description->copy) status = copy_items(set, description);
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base); /* `release` is not set yet: the memory stays the caller's */
        return status;
    }
    set->release = description->release;
    set->user = description->user;
    int64_t elements = set->base.count * (int64_t)gani_dataset_item_count(&set->base);
    uint64_t hash =
        gani_hash_numbers(gani_dataset_hash(&set->base), set->items, gan_dtype_size(set->base.dtype), elements);
    if (set->labels != NULL) hash = gani_hash_numbers(hash, set->labels, sizeof *set->labels, set->base.count);
    set->base.fingerprint = hash;
    *out = &set->base;
    return GAN_OK;
}
