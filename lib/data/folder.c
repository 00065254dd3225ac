/* PNG and JPEG files of a folder, or of its subfolders (one class each), all decoded when the set is opened. */
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/images.h"
#include "data/names.h"

typedef struct folder {
    gan_dataset base;
    gani_images images;
    int32_t *labels; /* NULL: flat */
    gani_names classes;
} folder;

/* Adds the files of a folder; without options, only tells that they will come. */
static gan_status each_file(folder *set, const char *path, const gani_names *list, const gan_folder_options *options) {
    gan_status status = GAN_OK;
    for (size_t i = 0; i < list->count && status == GAN_OK; i++) {
        char *joined = gani_path_join(set->base.context, path, list->items[i]);
        if (joined == NULL) return GAN_E_MEMORY;
        status =
            options == NULL ? gani_images_expect(&set->images, joined) : gani_images_add(&set->images, joined, options);
        gani_free(set->base.context, joined);
    }
    return status;
}

/* ---- subfolders as classes ---- */

/* Finds the subfolders that hold images and counts those, since the memory for all is taken at once. */
static gan_status count_classes(folder *set, const char *path) {
    gan_context *context = set->base.context;
    gani_names *classes = &set->classes;
    gan_status status = gani_names_list(classes, context, path, NULL);
    size_t kept = 0;
    for (size_t i = 0; i < classes->count; i++) {
        size_t found = 0;
        if (status == GAN_OK) {
            gani_names list;
            char *joined = gani_path_join(context, path, classes->items[i]);
            status = joined == NULL ? GAN_E_MEMORY : gani_names_list(&list, context, joined, gani_is_image_name);
            if (status == GAN_OK) {
                found = list.count;
                status = each_file(set, joined, &list, NULL);
                gani_names_end(&list);
            }
            gani_free(context, joined);
        }
        if (found > 0)
            classes->items[kept++] = classes->items[i];
        else
            gani_free(context, classes->items[i]);
    }
    classes->count = kept;
    if (status == GAN_OK && kept == 0)
        return gani_fail(context, GAN_E_FORMAT, "'%s' holds no PNG or JPEG files, nor do its subfolders", path);
    return status;
}

static gan_status add_class(folder *set, const char *path, int32_t label, const gan_folder_options *options) {
    gan_context *context = set->base.context;
    gani_names list;
    gan_status status = gani_names_list(&list, context, path, gani_is_image_name);
    if (status != GAN_OK) return status;
    int64_t from = set->images.count;
    if ((int64_t)list.count > set->images.files - from)
        status = gani_fail(context, GAN_E_IO, "'%s' has changed while it was being read", path);
    else
        status = each_file(set, path, &list, options);
    for (int64_t i = from; i < set->images.count; i++) set->labels[i] = label;
    gani_names_end(&list);
    return status;
}

static gan_status add_classes(folder *set, const char *path, const gan_folder_options *options) {
    gan_context *context = set->base.context;
    gan_status status = count_classes(set, path);
    if (status != GAN_OK) return status;
    set->labels = gani_calloc(context, (size_t)set->images.files, sizeof *set->labels);
    if (set->labels == NULL) return gani_no_memory(context, path);
    for (size_t i = 0; i < set->classes.count && status == GAN_OK; i++) {
        char *joined = gani_path_join(context, path, set->classes.items[i]);
        status = joined == NULL ? GAN_E_MEMORY : add_class(set, joined, (int32_t)i, options);
        gani_free(context, joined);
    }
    set->base.classes = (int32_t)set->classes.count;
    if (status == GAN_OK && set->images.count == 0)
        return gani_fail(context, GAN_E_IO, "'%s' has changed while it was being read", path);
    return status;
}

/* ---- the dataset ---- */

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const folder *set = (const folder *)dataset;
    size_t bytes = gani_dataset_item_bytes(dataset);
    if (label != NULL) *label = set->labels == NULL ? -1 : set->labels[index];
    if (item != NULL) memcpy(item, set->images.pixels + (size_t)index * bytes, bytes);
    return GAN_OK;
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    return ((const folder *)dataset)->classes.items[label];
}

static void destroy(gan_dataset *dataset) {
    folder *set = (folder *)dataset;
    gani_free(dataset->context, set->images.pixels);
    gani_free(dataset->context, set->labels);
    gani_names_end(&set->classes);
}

static const gani_dataset_kind kind = {"folder", read_item, class_name, destroy, 0, 0};

gan_status gani_folder_open(gan_dataset **out, gan_context *context, const char *path,
                            const gan_folder_options *options) {
    folder *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    set->images.context = context;
    gani_names list;
    gan_status status = gani_names_list(&list, context, path, gani_is_image_name);
    if (status == GAN_OK) {
        if (list.count == 0) {
            status = add_classes(set, path, options);
        } else {
            status = each_file(set, path, &list, NULL);
            if (status == GAN_OK) status = each_file(set, path, &list, options);
        }
        gani_names_end(&list);
    }
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base);
        return status;
    }
    set->base.count = set->images.count;
    set->base.shape = set->images.shape;
    uint64_t hash = gani_hash(gani_dataset_hash(&set->base), set->images.pixels,
                              (uint64_t)set->base.count * gani_dataset_item_bytes(&set->base));
    if (set->labels != NULL) hash = gani_hash_numbers(hash, set->labels, sizeof *set->labels, set->base.count);
    set->base.fingerprint = hash;
    *out = &set->base;
    return GAN_OK;
}
