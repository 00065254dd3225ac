/* PNG files of a folder, or of its subfolders (one class each), all decoded when the set is opened. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/resize.h"
#include "io/png_file.h"

typedef struct names {
    gan_context *context;
    char **items;
    size_t count, capacity;
    int32_t no_memory;
} names;

typedef struct folder {
    gan_dataset base;
    uint8_t *pixels;
    int32_t *labels; /* NULL: flat */
    names classes;
} folder;

/* ---- names in a folder ---- */

static void names_end(names *list) {
    for (size_t i = 0; i < list->count; i++) gani_free(list->context, list->items[i]);
    gani_free(list->context, list->items);
    list->items = NULL;
    list->count = list->capacity = 0;
}

static int add_name(void *user, const char *name) {
    names *list = user;
    if (name[0] == '.') return 0;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        char **items = gani_realloc(list->context, list->items, capacity * sizeof *items);
        if (items == NULL) return list->no_memory = 1;
        list->items = items;
        list->capacity = capacity;
    }
    char *copy = gani_strdup(list->context, name);
    if (copy == NULL) return list->no_memory = 1;
    list->items[list->count++] = copy;
    return 0;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int is_png_name(const char *name) {
    size_t length = strlen(name);
    if (length < 5) return 0;
    const char *end = name + length - 4;
    return end[0] == '.' && (end[1] | 32) == 'p' && (end[2] | 32) == 'n' && (end[3] | 32) == 'g';
}

/* "folder/name", gani_alloc'ed; NULL (and a message) without memory */
static char *join(gan_context *context, const char *path, const char *name) {
    size_t size = strlen(path) + strlen(name) + 2;
    char *joined = gani_alloc(context, size);
    if (joined == NULL)
        gani_no_memory(context, name);
    else
        snprintf(joined, size, "%s/%s", path, name);
    return joined;
}

/* Is an entry a PNG file, or a subfolder? */
static gan_status look_at(gan_context *context, const char *path, const char *name, int want_folders, int *wanted) {
    *wanted = 0;
    if (!want_folders && !is_png_name(name)) return GAN_OK;
    char *joined = join(context, path, name);
    if (joined == NULL) return GAN_E_MEMORY;
    gan_status status = GAN_OK;
    int is_folder = 0;
    long long size;
    if (context->io->stat(joined, &is_folder, &size) == 0)
        *wanted = is_folder == want_folders;
    else if (!want_folders)
        *wanted = 1;                            /* reading it will say why */
    else if (errno != ENOENT && errno != ELOOP) /* a dangling link is no class, but none may be lost to a bad disk */
        status = gani_fail(context, GAN_E_IO, "cannot look at '%s'", joined);
    gani_free(context, joined);
    return status;
}

/* Sorted entries: PNG files, or subfolders. */
static gan_status list_names(names *list, gan_context *context, const char *path, int want_folders) {
    *list = (names){context, NULL, 0, 0, 0};
    if (context->io->list(path, add_name, list) != 0) {
        names_end(list);
        return gani_fail(context, GAN_E_IO, "cannot list the folder '%s': is it there and readable?", path);
    }
    gan_status status = list->no_memory ? gani_no_memory(context, path) : GAN_OK;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        int wanted = 0;
        if (status == GAN_OK) status = look_at(context, path, list->items[i], want_folders, &wanted);
        if (wanted)
            list->items[kept++] = list->items[i];
        else
            gani_free(context, list->items[i]);
    }
    list->count = kept;
    if (status != GAN_OK)
        names_end(list);
    else if (kept > 1)
        qsort(list->items, kept, sizeof *list->items, compare_names);
    return status;
}

/* ---- images ---- */

/* In place: alpha put on white, and 1 or 3 channels. */
static void to_channels(gani_image *image, int64_t channels) {
    int64_t has = image->channels, alpha = has == 2 || has == 4, colours = has - alpha;
    int64_t count = image->height * image->width;
    const uint8_t *in = image->pixels;
    uint8_t *out = image->pixels;
    if (has == channels) return;
    for (int64_t n = 0; n < count; n++) {
        /* grey to colour grows: go from the end then */
        int64_t i = channels > has ? count - 1 - n : n;
        uint8_t pixel[3];
        unsigned opacity = alpha ? in[i * has + colours] : 255;
        for (int64_t c = 0; c < 3; c++) {
            unsigned value = in[i * has + (colours == 3 ? c : 0)];
            pixel[c] = (uint8_t)((value * opacity + 255 * (255 - opacity) + 127) / 255);
        }
        if (channels == 3)
            memcpy(out + i * 3, pixel, 3);
        else if (colours == 1)
            out[i] = pixel[0];
        else /* luma of ITU-R BT.601 */
            out[i] = (uint8_t)((pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16);
    }
    image->channels = channels;
}

static gan_status grow_to_channels(gan_context *context, const char *path, gani_image *image, int64_t channels) {
    if (image->channels < channels) {
        uint8_t *larger = gani_realloc(context, image->pixels, (size_t)(image->height * image->width * channels));
        if (larger == NULL) return gani_no_memory(context, path);
        image->pixels = larger;
    }
    to_channels(image, channels);
    return GAN_OK;
}

static gan_status allocate(folder *set, const char *path, int64_t files, const gani_image *first,
                           const gan_folder_options *options) {
    gan_context *context = set->base.context;
    int64_t channels = options->channels == -1 ? (first->channels <= 2 ? 1 : 3) : options->channels;
    int64_t height = options->size == -1 ? first->height : options->size,
            width = options->size == -1 ? first->width : options->size;
    set->base.shape = gan_shape_3d(channels, height, width);
    size_t bytes;
    if (!gani_mul_size(gani_dataset_item_bytes(&set->base), (size_t)files, &bytes) || bytes > (size_t)PTRDIFF_MAX)
        return gani_fail(context, GAN_E_LIMIT, "the images of '%s' do not fit into memory", path);
    set->pixels = gani_alloc(context, bytes);
    return set->pixels == NULL ? gani_no_memory(context, path) : GAN_OK;
}

/* Decodes one file into the next place; the first one decides what the others must be. */
static gan_status add_image(folder *set, const char *path, int64_t files, const gan_folder_options *options) {
    gan_context *context = set->base.context;
    gani_image image;
    gan_status status = gani_png_read(&image, context, path);
    if (status != GAN_OK) return status;
    if (set->pixels == NULL) status = allocate(set, path, files, &image, options);
    int64_t channels = set->base.shape.size[0], height = set->base.shape.size[1], width = set->base.shape.size[2];
    if (status == GAN_OK && options->size == -1 && (image.height != height || image.width != width))
        status = gani_fail(
            context, GAN_E_FORMAT,
            "'%s' has %lld x %lld pixels, the images before it %lld x %lld: set the option size to resize all", path,
            (long long)image.width, (long long)image.height, (long long)width, (long long)height);
    if (status == GAN_OK) status = grow_to_channels(context, path, &image, channels);
    if (status == GAN_OK) {
        uint8_t *place = set->pixels + (size_t)set->base.count * gani_dataset_item_bytes(&set->base);
        if (image.height == height && image.width == width) {
            for (int64_t c = 0; c < channels; c++)
                for (int64_t i = 0; i < height * width; i++)
                    place[c * height * width + i] = image.pixels[i * channels + c];
        } else {
            status = gani_resize_crop(context, path, image.pixels, image.height, image.width, channels, options->size,
                                      place);
        }
    }
    gani_free(context, image.pixels);
    if (status == GAN_OK) set->base.count++;
    return status;
}

static gan_status add_files(folder *set, const char *path, const names *list, int64_t files,
                            const gan_folder_options *options) {
    gan_status status = GAN_OK;
    for (size_t i = 0; i < list->count && status == GAN_OK; i++) {
        if (gani_cancelled(set->base.context))
            return gani_fail(set->base.context, GAN_E_CANCELLED, "reading '%s': cancelled", path);
        char *joined = join(set->base.context, path, list->items[i]);
        status = joined == NULL ? GAN_E_MEMORY : add_image(set, joined, files, options);
        gani_free(set->base.context, joined);
    }
    return status;
}

/* ---- subfolders as classes ---- */

/* Finds the subfolders that hold images and counts those, since the memory for all is taken at once. */
static gan_status count_classes(folder *set, const char *path, int64_t *files) {
    gan_context *context = set->base.context;
    names *classes = &set->classes;
    gan_status status = list_names(classes, context, path, 1);
    size_t kept = 0;
    for (size_t i = 0; i < classes->count; i++) {
        size_t found = 0;
        if (status == GAN_OK) {
            names list;
            char *joined = join(context, path, classes->items[i]);
            status = joined == NULL ? GAN_E_MEMORY : list_names(&list, context, joined, 0);
            gani_free(context, joined);
            if (status == GAN_OK) {
                found = list.count;
                names_end(&list);
            }
        }
        if (found > 0)
            classes->items[kept++] = classes->items[i];
        else
            gani_free(context, classes->items[i]);
        *files += (int64_t)found;
    }
    classes->count = kept;
    if (status == GAN_OK && kept == 0)
        return gani_fail(context, GAN_E_FORMAT, "'%s' holds no PNG files, nor do its subfolders", path);
    return status;
}

static gan_status add_class(folder *set, const char *path, int32_t label, int64_t files,
                            const gan_folder_options *options) {
    gan_context *context = set->base.context;
    names list;
    gan_status status = list_names(&list, context, path, 0);
    if (status != GAN_OK) return status;
    int64_t from = set->base.count;
    if ((int64_t)list.count > files - from)
        status = gani_fail(context, GAN_E_IO, "'%s' has changed while it was being read", path);
    else
        status = add_files(set, path, &list, files, options);
    for (int64_t i = from; i < set->base.count; i++) set->labels[i] = label;
    names_end(&list);
    return status;
}

static gan_status add_classes(folder *set, const char *path, const gan_folder_options *options) {
    gan_context *context = set->base.context;
    int64_t files = 0;
    gan_status status = count_classes(set, path, &files);
    if (status != GAN_OK) return status;
    set->labels = gani_calloc(context, (size_t)files, sizeof *set->labels);
    if (set->labels == NULL) return gani_no_memory(context, path);
    for (size_t i = 0; i < set->classes.count && status == GAN_OK; i++) {
        char *joined = join(context, path, set->classes.items[i]);
        status = joined == NULL ? GAN_E_MEMORY : add_class(set, joined, (int32_t)i, files, options);
        gani_free(context, joined);
    }
    set->base.classes = (int32_t)set->classes.count;
    if (status == GAN_OK && set->base.count == 0)
        return gani_fail(context, GAN_E_IO, "'%s' has changed while it was being read", path);
    return status;
}

/* ---- the dataset ---- */

static void read_item(const gan_dataset *dataset, int64_t index, uint8_t *pixels, int32_t *label) {
    const folder *set = (const folder *)dataset;
    size_t bytes = gani_dataset_item_bytes(dataset);
    if (label != NULL) *label = set->labels == NULL ? -1 : set->labels[index];
    if (pixels != NULL) memcpy(pixels, set->pixels + (size_t)index * bytes, bytes);
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    return ((const folder *)dataset)->classes.items[label];
}

static void destroy(gan_dataset *dataset) {
    folder *set = (folder *)dataset;
    gani_free(dataset->context, set->pixels);
    gani_free(dataset->context, set->labels);
    if (set->classes.context != NULL) names_end(&set->classes);
}

static const gani_dataset_kind kind = {"folder", read_item, class_name, destroy, 0};

gan_status gani_folder_open(gan_dataset **out, gan_context *context, const char *path,
                            const gan_folder_options *options) {
    folder *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    names list;
    gan_status status = list_names(&list, context, path, 0);
    if (status == GAN_OK) {
        if (list.count > 0)
            status = add_files(set, path, &list, (int64_t)list.count, options);
        else
            status = add_classes(set, path, options);
        names_end(&list);
    }
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base);
        return status;
    }
    uint64_t hash = gani_hash(gani_dataset_hash(&set->base), set->pixels,
                              (uint64_t)set->base.count * gani_dataset_item_bytes(&set->base));
    for (int64_t i = 0; set->labels != NULL && i < set->base.count; i++) {
        unsigned char label[4];
        for (int k = 0; k < 4; k++) label[k] = (unsigned char)((uint32_t)set->labels[i] >> (8 * k));
        hash = gani_hash(hash, label, sizeof label);
    }
    set->base.fingerprint = hash;
    *out = &set->base;
    return GAN_OK;
}
