/* Images with captions, listed in a text file; all decoded when the set is opened, each once: many sets have a line for
 * each caption. */
#include <string.h>

#include "base/io.h"
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
    int32_t *place; /* of a line's image among the images */
} captioned;

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const captioned *set = (const captioned *)dataset;
    size_t bytes = gani_dataset_item_bytes(dataset);
    if (label != NULL) *label = -1;
    if (item != NULL) memcpy(item, set->images.pixels + (size_t)set->place[index] * bytes, bytes);
    return GAN_OK;
}

static void destroy(gan_dataset *dataset) {
    captioned *set = (captioned *)dataset;
    gani_free(dataset->context, set->images.pixels);
    gani_captions_end(&set->captions);
    gani_free(dataset->context, set->place);
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

/* For each line the first one that names the same image. gani_alloc'ed; NULL without memory. */
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

/* A captions file may come from anywhere, with its folder: no part of a path below that folder may lead out of it. */
static gan_status refuse_links(gan_context *context, char *path, size_t folder) {
    gan_status status = GAN_OK;
    for (size_t end = folder; status == GAN_OK && path[end] != '\0';) {
        int is_link = 0;
        end += strspn(path + end, "/");
        end += strcspn(path + end, "/");
        const char after = path[end];
        path[end] = '\0';
        status = gani_file_is_link(context, path, &is_link);
        if (status == GAN_OK && is_link)
            status =
                gani_fail(context, GAN_E_FORMAT,
                          "'%s' is a symbolic link: a captions file may name pictures below its folder only", path);
        path[end] = after;
    }
    return status;
}

typedef gan_status image_step(captioned *set, char *path, size_t folder, const gan_folder_options *options);

static gan_status expect_image(captioned *set, char *path, size_t folder, const gan_folder_options *options) {
    (void)options;
    gan_status status = refuse_links(set->base.context, path, folder);
    return status == GAN_OK ? gani_images_expect(&set->images, path) : status;
}

static gan_status add_image(captioned *set, char *path, size_t folder, const gan_folder_options *options) {
    (void)folder;
    return gani_images_add(&set->images, path, options);
}

/* A step for each line that names an image first. */
static gan_status each_image(captioned *set, const int32_t *first, const char *tsv, const gan_folder_options *options,
                             image_step *step) {
    gan_context *context = set->base.context;
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < set->captions.count && status == GAN_OK; i++) {
        if (first[i] != i) continue;
        const char *name = set->captions.text + set->captions.lines[i].path;
        char *path = gani_path_beside(context, tsv, name);
        if (path == NULL) return GAN_E_MEMORY;
        status = step(set, path, strlen(path) - strlen(name), options);
        gani_free(context, path);
        if (status != GAN_OK) status = name_line(context, status, tsv, set->captions.lines[i].number);
    }
    return status;
}

static gan_status add_images(captioned *set, const char *tsv, const gan_folder_options *options) {
    int32_t *first = set->place = find_first(&set->captions);
    if (first == NULL) return gani_no_memory(set->base.context, tsv);
    gan_status status = each_image(set, first, tsv, options, expect_image);
    if (status == GAN_OK) status = each_image(set, first, tsv, options, add_image);
    int32_t images = 0; /* a first line comes before the others of its image, so its place is known then */
    for (int64_t i = 0; i < set->captions.count; i++) set->place[i] = first[i] == i ? images++ : set->place[first[i]];
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
    set->base.count = set->captions.count;
    set->base.shape = set->images.shape;
    uint64_t hash = gani_hash(gani_dataset_hash(&set->base), set->images.pixels,
                              (uint64_t)set->images.count * gani_dataset_item_bytes(&set->base));
    if (set->images.count < set->base.count)
        hash = gani_hash_numbers(hash, set->place, sizeof *set->place, set->base.count);
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
