#include "data/cifar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "data/images.h"

#define FILE_LIMIT ((size_t)1 << 31)
#define NAMES_LIMIT ((size_t)1 << 16)

/* The content of one file. */
typedef struct part {
    int64_t records;
    uint8_t *data;
} part;

typedef struct cifar {
    gan_dataset base;
    gani_cifar_layout layout;
    part *parts;
    int32_t part_count;
    uint8_t *fitted; /* all images in the shape that was asked for; NULL: as they are in the files */
    gani_names names;
} cifar;

gani_cifar_layout gani_cifar_layout_of(const gan_cifar_options *options) {
    if (options->label_bytes == 1) return (gani_cifar_layout){1, 0, 10};
    return options->coarse ? (gani_cifar_layout){2, 0, 20} : (gani_cifar_layout){2, 1, 100};
}

static size_t record_bytes(const gani_cifar_layout *layout) { return layout->label_bytes + GANI_CIFAR_PIXELS; }

gan_status gani_cifar_check(gan_context *context, const char *name, const uint8_t *data, size_t size,
                            const gani_cifar_layout *layout, int64_t *records) {
    size_t record = record_bytes(layout);
    if (size == 0 || size % record != 0)
        return gani_fail(context, GAN_E_FORMAT,
                         "'%s' is not a CIFAR-%d file: its %zu bytes are not whole records of %zu bytes", name,
                         layout->label_bytes == 1 ? 10 : 100, size, record);
    *records = (int64_t)(size / record);
    for (int64_t i = 0; i < *records; i++) {
        unsigned label = data[(size_t)i * record + layout->label_at];
        if (label >= (unsigned)layout->classes)
            return gani_fail(context, GAN_E_FORMAT,
                             "'%s' is not a CIFAR-%d file: record %lld has the label %u, not 0 to %d", name,
                             layout->label_bytes == 1 ? 10 : 100, (long long)i, label, (int)layout->classes - 1);
    }
    return GAN_OK;
}

gan_status gani_cifar_names(gani_names *names, gan_context *context, const char *name, const char *text, size_t size,
                            int32_t classes) {
    for (size_t begin = 0; begin < size;) {
        const char *feed = memchr(text + begin, '\n', size - begin);
        size_t next = feed == NULL ? size : (size_t)(feed - text), end = next;
        if (end > begin && text[end - 1] == '\r') end--;
        if (!gani_is_printable(text + begin, end - begin))
            return gani_fail(context, GAN_E_FORMAT, "'%s' is not a text of class names in UTF-8", name);
        if (end > begin && !gani_names_add(names, text + begin, end - begin)) return gani_no_memory(context, name);
        begin = next + 1;
    }
    if (names->count == (size_t)classes) return GAN_OK;
    return gani_fail(context, GAN_E_FORMAT, "'%s' has %zu class names, not %d", name, names->count, (int)classes);
}

/* ---- the dataset ---- */

/* The label and, as in the file, the pixels of an item. */
static const uint8_t *find(const cifar *set, int64_t index, int32_t *label) {
    const part *p = set->parts;
    for (; index >= p->records; p++) index -= p->records;
    const uint8_t *record = p->data + (size_t)index * record_bytes(&set->layout);
    *label = record[set->layout.label_at];
    return record + set->layout.label_bytes;
}

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const cifar *set = (const cifar *)dataset;
    size_t bytes = gani_dataset_item_bytes(dataset);
    int32_t own;
    const uint8_t *pixels = find(set, index, &own);
    if (label != NULL) *label = own;
    if (item != NULL) memcpy(item, set->fitted == NULL ? pixels : set->fitted + (size_t)index * bytes, bytes);
    return GAN_OK;
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    return ((const cifar *)dataset)->names.items[label];
}

static void destroy(gan_dataset *dataset) {
    cifar *set = (cifar *)dataset;
    for (int32_t i = 0; i < set->part_count; i++) gani_free(dataset->context, set->parts[i].data);
    gani_free(dataset->context, set->parts);
    gani_free(dataset->context, set->fitted);
    gani_names_end(&set->names);
}

static const gani_dataset_kind kind = {"cifar", read_item, class_name, destroy, 0, 0};

static gan_status read_parts(cifar *set, const char *const *paths, int32_t count) {
    gan_context *context = set->base.context;
    set->parts = gani_calloc(context, (size_t)count, sizeof *set->parts);
    if (set->parts == NULL) return gani_no_memory(context, paths[0]);
    for (int32_t i = 0; i < count; i++) {
        if (gani_cancelled(context)) return gani_fail(context, GAN_E_CANCELLED, "reading '%s': cancelled", paths[i]);
        part *p = &set->parts[i];
        unsigned char *data;
        size_t size;
        gan_status status = gani_file_read_all(context, paths[i], FILE_LIMIT, &data, &size);
        if (status != GAN_OK) return status;
        p->data = data;
        set->part_count++;
        status = gani_cifar_check(context, paths[i], data, size, &set->layout, &p->records);
        if (status != GAN_OK) return status;
        set->base.count += p->records;
    }
    return GAN_OK;
}

/* Names from the file that lies beside the data; digits if there is none. */
static gan_status read_names(cifar *set, const char *path) {
    gan_context *context = set->base.context;
    int32_t classes = set->layout.classes;
    const char *file = classes == 10   ? "batches.meta.txt"
                       : classes == 20 ? "coarse_label_names.txt"
                                       : "fine_label_names.txt";
    char *beside = gani_path_beside(context, path, file);
    if (beside == NULL) return GAN_E_MEMORY;
    int is_folder;
    long long bytes;
    unsigned char *text = NULL;
    size_t size;
    gan_status status = GAN_OK;
    if (context->io->stat(beside, &is_folder, &bytes) == 0) {
        status = gani_file_read_all(context, beside, NAMES_LIMIT, &text, &size);
        if (status == GAN_OK)
            status = gani_cifar_names(&set->names, context, beside, (const char *)text, size, classes);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        status = gani_fail(context, GAN_E_IO, "cannot look at '%s'", beside);
    } else {
        for (int32_t i = 0; i < classes && status == GAN_OK; i++) {
            char digits[12];
            int length = snprintf(digits, sizeof digits, "%d", (int)i);
            if (!gani_names_add(&set->names, digits, (size_t)length)) status = gani_no_memory(context, path);
        }
    }
    gani_free(context, text);
    gani_free(context, beside);
    return status;
}

/* All images grey, or of another size. */
static gan_status fit(cifar *set, const char *what) {
    gan_context *context = set->base.context;
    const int64_t *shape = set->base.shape.size;
    size_t item = gani_dataset_item_bytes(&set->base), bytes;
    if (!gani_mul_size(item, (size_t)set->base.count, &bytes) || bytes > (size_t)PTRDIFF_MAX)
        return gani_fail(context, GAN_E_LIMIT, "the images of '%s' do not fit into memory at this size", what);
    set->fitted = gani_alloc(context, bytes);
    gani_image image = {3, GANI_CIFAR_EDGE, GANI_CIFAR_EDGE, gani_alloc(context, GANI_CIFAR_PIXELS)};
    gan_status status = set->fitted == NULL || image.pixels == NULL ? gani_no_memory(context, what) : GAN_OK;
    const size_t plane = GANI_CIFAR_PIXELS / 3;
    for (int64_t i = 0; i < set->base.count && status == GAN_OK; i++) {
        int32_t label;
        const uint8_t *planes = find(set, i, &label);
        for (size_t k = 0; k < plane; k++)
            for (size_t c = 0; c < 3; c++) image.pixels[3 * k + c] = planes[c * plane + k];
        image.channels = 3;
        status = gani_image_fit(context, what, &image, shape[0], shape[1], shape[2], set->fitted + (size_t)i * item);
    }
    gani_free(context, image.pixels);
    return status;
}

static uint64_t hash_parts(const cifar *set, uint64_t hash) {
    const size_t record = record_bytes(&set->layout);
    for (int32_t i = 0; i < set->part_count; i++)
        hash = gani_hash(hash, set->parts[i].data, (uint64_t)set->parts[i].records * record);
    return gani_hash_numbers(hash, &set->layout.classes, sizeof set->layout.classes, 1);
}

gan_status gani_cifar_open(gan_dataset **out, gan_context *context, const char *const *paths, int32_t count,
                           const gan_cifar_options *options, int64_t size, int64_t channels) {
    cifar *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    gani_names_begin(&set->names, context);
    set->layout = gani_cifar_layout_of(options);
    set->base.classes = set->layout.classes;
    int64_t edge = size == -1 ? GANI_CIFAR_EDGE : size;
    set->base.shape = gan_shape_3d(channels == 1 ? 1 : 3, edge, edge);
    gan_status status = read_parts(set, paths, count);
    if (status == GAN_OK) status = read_names(set, paths[0]);
    if (status == GAN_OK && (edge != GANI_CIFAR_EDGE || channels == 1)) status = fit(set, paths[0]);
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base);
        return status;
    }
    set->base.fingerprint = hash_parts(set, gani_dataset_hash(&set->base));
    *out = &set->base;
    return GAN_OK;
}
