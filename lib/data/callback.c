/* Items that a function of the application reads or makes. */
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/names.h"

typedef struct callback_set {
    gan_dataset base;
    gan_status (*read)(void *user, int64_t index, void *item, int32_t *label);
    void (*release)(void *user);
    void *user;
    gani_names names;
} callback_set;

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const callback_set *set = (const callback_set *)dataset;
    gan_context *context = dataset->context;
    const uint64_t before = context->failures;
    int32_t known = -1;
    gan_status status = set->read(set->user, index, item, &known);
    if (status != GAN_OK)
        return gani_callback_failed(context, status, before, "item %lld: the dataset's read", (long long)index);
    if (dataset->classes == 0)
        known = -1;
    else if (known < 0 || known >= dataset->classes)
        return gani_fail(context, GAN_E_ARGUMENT, "item %lld: the dataset's read function gave label %ld, not 0 to %ld",
                         (long long)index, (long)known, (long)dataset->classes - 1);
    if (label != NULL) *label = known;
    return GAN_OK;
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    const callback_set *set = (const callback_set *)dataset;
    return set->names.count == 0 ? NULL : set->names.items[label];
}

static void destroy(gan_dataset *dataset) {
    callback_set *set = (callback_set *)dataset;
    gani_names_end(&set->names);
    if (set->release != NULL) set->release(set->user);
}

static const gani_dataset_kind kind = {"callback", read_item, class_name, destroy, 0, 1};

gan_status gani_callback_dataset_create(gan_dataset **out, gan_context *context,
                                        const gan_callback_dataset *description) {
    callback_set *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    gani_names_begin(&set->names, context);
    set->base.count = description->count;
    set->base.dtype = description->dtype;
    set->base.shape = description->shape;
    set->base.classes = description->classes;
    gan_status status = gani_names_copy(&set->names, description->class_names, description->classes);
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base);
        return status;
    }
    set->read = description->read;
    set->release = description->release;
    set->user = description->user;
    set->base.fingerprint =
        gani_hash_numbers(gani_dataset_hash(&set->base), &description->fingerprint, sizeof description->fingerprint, 1);
    *out = &set->base;
    return GAN_OK;
}
