/* Images with captions, listed in a text file; all decoded when the set is opened. */
#include <string.h>

#include "base/rng.h"
#include "base/sort.h"
#include "data/captions.h"
#include "data/dataset.h"
#include "data/images.h"
#include "data/names.h"

typedef struct captioned {
    gan_dataset base;
    gani_images images;
    gani_captions captions;
} captioned;

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const captioned *set = (const captioned *)dataset;
    size_t bytes = gani_dataset_item_bytes(dataset);
    if (label != NULL) *label = -1;
    if (item != NULL) memcpy(item, set->images.pixels + (size_t)index * bytes, bytes);
    return GAN_OK;
}

static void destroy(gan_dataset *dataset) {
    captioned *set = (captioned *)dataset;
    gani_free(dataset->context, set->images.pixels);
    gani_captions_end(&set->captions);
}

static const gani_dataset_kind kind = {"captions", read_item, NULL, destroy, 0, 0};

/* What is wrong with an image, and which line named it. */
static gan_status name_line(gan_context *context, gan_status status, const char *tsv, int64_t number) {
    char reason[GANI_MESSAGE_SIZE];
    memcpy(reason, context->message, sizeof reason);
    return gani_fail(context, status, "'%s', line %lld: %s", tsv, (long long)number, reason);
}

static int path_is_before(const void *user, int32_t a, int32_t b) {
    const gani_captions *captions = user;
    int order = strcmp(captions->text + captions->lines[a].path, captions->text + captions->lines[b].path);
    return order != 0 ? order < 0 : a < b;
}

/* For each line the first one that names the same image, which is decoded once: many sets have a line for each caption.
 * gani_alloc'ed; NULL without memory. */
static int32_t *find_first(const gani_captions *captions) {
    const size_t count = (size_t)captions->count;
    int32_t *order = gani_alloc(captions->context, count * sizeof *order);
    int32_t *first = gani_alloc(captions->context, count * sizeof *first);
    for (size_t i = 0; i < count && order != NULL; i++) order[i] = (int32_t)i;
    if (order != NULL) gani_sort(order, (int32_t)count, path_is_before, captions);
    for (size_t i = 0; i < count && order != NULL && first != NULL; i++) {
        const char *path = captions->text + captions->lines[order[i]].path;
        int same = i > 0 && strcmp(path, captions->text + captions->lines[order[i - 1]].path) == 0;
        first[order[i]] = same ? first[order[i - 1]] : order[i];
    }
    if (order == NULL) {
        gani_free(captions->context, first);
        first = NULL;
    }
    gani_free(captions->context, order);
    return first;
}

static gan_status add_images(captioned *set, const char *tsv, const gan_folder_options *options) {
    gan_context *context = set->base.context;
    int32_t *first = find_first(&set->captions);
    gan_status status = first == NULL ? gani_no_memory(context, tsv) : GAN_OK;
    for (int64_t i = 0; i < set->captions.count && status == GAN_OK; i++) {
        if (first[i] < i) {
            gani_images_repeat(&set->images, first[i]);
            continue;
        }
        char *path = gani_path_beside(context, tsv, set->captions.text + set->captions.lines[i].path);
        status = path == NULL ? GAN_E_MEMORY : gani_images_add(&set->images, path, set->captions.count, options);
        gani_free(context, path);
        if (status != GAN_OK) status = name_line(context, status, tsv, set->captions.lines[i].number);
    }
    gani_free(context, first);
    return status;
}

static gan_status load(captioned *set, const char *tsv, const gan_folder_options *options) {
    gan_context *context = set->base.context;
    unsigned char *text;
    size_t size;
    gan_status status = gani_file_read_all(context, tsv, GANI_CAPTIONS_FILE, &text, &size);
    if (status != GAN_OK) return status;
    status = gani_captions_parse(&set->captions, context, tsv, (const char *)text, size);
    gani_free(context, text);
    return status == GAN_OK ? add_images(set, tsv, options) : status;
}

/* Captions with the zeros between them: "a b" is not "a" and "b". */
static uint64_t hash_captions(const gani_captions *captions, uint64_t hash) {
    for (int64_t i = 0; i < captions->count; i++) {
        hash = gani_hash_numbers(hash, &captions->lines[i].count, 8, 1);
        for (int64_t k = 0; k < captions->lines[i].count; k++) {
            const char *text = gani_caption(captions, i, k);
            hash = gani_hash(hash, text, strlen(text) + 1);
        }
    }
    return hash;
}

gan_status gani_captions_open(gan_dataset **out, gan_context *context, const char *tsv,
                              const gan_folder_options *options) {
    captioned *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    set->images.context = context;
    gan_status status = load(set, tsv, options);
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base);
        return status;
    }
    set->base.count = set->images.count;
    set->base.shape = set->images.shape;
    uint64_t hash = gani_hash(gani_dataset_hash(&set->base), set->images.pixels,
                              (uint64_t)set->base.count * gani_dataset_item_bytes(&set->base));
    set->base.fingerprint = hash_captions(&set->captions, hash);
    *out = &set->base;
    return GAN_OK;
}

int64_t gani_dataset_caption_count(const gan_dataset *dataset, int64_t index) {
    dataset = gani_dataset_origin(dataset, &index);
    if (dataset->kind != &kind) return 0;
    return ((const captioned *)dataset)->captions.lines[index].count;
}

const char *gani_dataset_caption(const gan_dataset *dataset, int64_t index, int64_t k) {
    dataset = gani_dataset_origin(dataset, &index);
    return gani_caption(&((const captioned *)dataset)->captions, index, k);
}
