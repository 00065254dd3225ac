/* Exported functions of gan/data.h. */
#include <math.h>

#include "api/api.h"
#include "api/ranges.h"
#include "data/dataset.h"
#include "data/loader.h"

#define COUNT_LIMIT ((int64_t)1 << 40)
#define SIZE_LIMIT 16384

GAN_API void gan_digits_options_init_sized(gan_digits_options *options, size_t size) {
    gan_digits_options defaults = {sizeof defaults, 60000, 28, 0};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_digits_create(gan_dataset **out, gan_context *context, const gan_digits_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_digits_create: out is NULL");
    gan_digits_options known;
    gan_digits_options_init(&known);
    gan_status status = gani_options_decode(context, "gan_digits_create", options, &known, sizeof known);
    if (status != GAN_OK) return status;
    if (known.count < 1 || known.count > COUNT_LIMIT)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_digits_create: count is %lld, not 1 to 2^40",
                         (long long)known.count);
    if (known.size != 28 && known.size != 32 && known.size != 64)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_digits_create: size is %lld, not 28, 32 or 64",
                         (long long)known.size);
    return gani_digits_create(out, context, &known);
}

static gan_status check_index(const gan_dataset *dataset, const char *name, int64_t index) {
    if (index >= 0 && index < dataset->count) return GAN_OK;
    return gani_fail(dataset->context, GAN_E_ARGUMENT, "%s: index %lld is outside the %lld items", name,
                     (long long)index, (long long)dataset->count);
}

GAN_API gan_status gan_digits_factors(const gan_dataset *digits, int64_t index, double *slant, double *width) {
    GANI_ENTER();
    if (digits == NULL) return GAN_E_ARGUMENT;
    int64_t place = index;
    const gan_dataset *origin = gani_dataset_origin(digits, &place);
    if (!gani_is_digits(origin))
        return gani_fail(digits->context, GAN_E_ARGUMENT,
                         "gan_digits_factors: the dataset was not made by gan_digits_create");
    gan_status status = check_index(digits, "gan_digits_factors", index);
    if (status == GAN_OK) gani_digits_factors(origin, place, slant, width);
    return status;
}

GAN_API gan_status gan_idx_open(gan_dataset **out, gan_context *context, const char *images, const char *labels) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || images == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_idx_open: out or images is NULL");
    return gani_idx_open(out, context, images, labels, -1, -1);
}

GAN_API void gan_cifar_options_init_sized(gan_cifar_options *options, size_t size) {
    gan_cifar_options defaults = {sizeof defaults, 1, 0, 0};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_cifar_open(gan_dataset **out, gan_context *context, const char *const *paths, int32_t count,
                                  const gan_cifar_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || paths == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_cifar_open: out or paths is NULL");
    if (count < 1 || count > 1000)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_cifar_open: %d files, not 1 to 1000", (int)count);
    for (int32_t i = 0; i < count; i++)
        if (paths[i] == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_cifar_open: paths[%d] is NULL", (int)i);
    gan_cifar_options known;
    gan_cifar_options_init(&known);
    gan_status status = gani_options_decode(context, "gan_cifar_open", options, &known, sizeof known);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_cifar_open", known.reserved);
    if (status != GAN_OK) return status;
    if (known.label_bytes != 1 && known.label_bytes != 2)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_cifar_open: label_bytes is %lld, not 1 or 2",
                         (long long)known.label_bytes);
    if (known.coarse != 0 && (known.coarse != 1 || known.label_bytes == 1))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_cifar_open: coarse is %d, not 0, or 1 with label_bytes 2",
                         (int)known.coarse);
    return gani_cifar_open(out, context, paths, count, &known, -1, -1);
}

GAN_API void gan_folder_options_init_sized(gan_folder_options *options, size_t size) {
    gan_folder_options defaults = {sizeof defaults, -1, -1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

typedef gan_status open_function(gan_dataset **out, gan_context *context, const char *path,
                                 const gan_folder_options *options);

static gan_status open_path(const char *name, open_function *inner, gan_dataset **out, gan_context *context,
                            const char *path, const gan_folder_options *options) {
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || path == NULL) return gani_fail(context, GAN_E_ARGUMENT, "%s: out or path is NULL", name);
    gan_folder_options known;
    gan_folder_options_init(&known);
    gan_status status = gani_options_decode(context, name, options, &known, sizeof known);
    if (status != GAN_OK) return status;
    if (known.size != -1 && (known.size < 1 || known.size > SIZE_LIMIT))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: size is %lld, not -1 or 1 to %d", name, (long long)known.size,
                         SIZE_LIMIT);
    if (known.channels != -1 && known.channels != 1 && known.channels != 3)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: channels is %lld, not -1, 1 or 3", name,
                         (long long)known.channels);
    return inner(out, context, path, &known);
}

GAN_API gan_status gan_folder_open(gan_dataset **out, gan_context *context, const char *path,
                                   const gan_folder_options *options) {
    GANI_ENTER();
    return open_path("gan_folder_open", gani_folder_open, out, context, path, options);
}

GAN_API gan_status gan_captions_open(gan_dataset **out, gan_context *context, const char *tsv,
                                     const gan_folder_options *options) {
    GANI_ENTER();
    return open_path("gan_captions_open", gani_captions_open, out, context, tsv, options);
}

GAN_API int64_t gan_dataset_caption_count(const gan_dataset *dataset, int64_t index) {
    GANI_ENTER();
    return dataset == NULL || index < 0 || index >= dataset->count ? 0 : gani_dataset_caption_count(dataset, index);
}

GAN_API const char *gan_dataset_caption(const gan_dataset *dataset, int64_t index, int64_t k) {
    GANI_ENTER();
    return k < 0 || k >= gan_dataset_caption_count(dataset, index) ? NULL : gani_dataset_caption(dataset, index, k);
}

GAN_API gan_status gan_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                                    const gan_folder_options *options) {
    GANI_ENTER();
    return open_path("gan_dataset_open", gani_dataset_open, out, context, path, options);
}

GAN_API void gan_memory_dataset_init_sized(gan_memory_dataset *description, size_t size) {
    gan_memory_dataset defaults = {sizeof defaults, GAN_U8, -1, {0, 0, {0}}, 0, NULL, NULL, NULL, 1, 0, NULL, NULL};
    gani_options_init(description, size, &defaults, sizeof defaults);
}

/* Names for classes 0 to classes - 1; `texts` NULL: none. */
static gan_status check_class_names(gan_context *context, const char *function, const char *const *texts,
                                    int32_t classes) {
    if (texts == NULL) return GAN_OK;
    if (classes < 1) return gani_fail(context, GAN_E_ARGUMENT, "%s: class_names need a number of classes", function);
    for (int32_t i = 0; i < classes; i++)
        if (texts[i] == NULL)
            return gani_fail(context, GAN_E_ARGUMENT, "%s: class_names[%d] is NULL", function, (int)i);
    return GAN_OK;
}

GAN_API gan_status gan_memory_dataset_create(gan_dataset **out, gan_context *context,
                                             const gan_memory_dataset *description) {
    GANI_ENTER();
    static const char name[] = "gan_memory_dataset_create";
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || description == NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: out or description is NULL", name);
    gan_memory_dataset known;
    gan_memory_dataset_init(&known);
    gan_status status = gani_options_decode(context, name, description, &known, sizeof known);
    if (status == GAN_OK) status = gani_options_reserved(context, name, known.reserved);
    if (status == GAN_OK) status = gani_dataset_check(context, name, known.dtype, known.shape, known.count);
    if (status != GAN_OK) return status;
    if (known.items == NULL) return gani_fail(context, GAN_E_ARGUMENT, "%s: items is NULL", name);
    if (known.copy != 0 && known.copy != 1)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: copy is %d, not 0 or 1", name, (int)known.copy);
    if (known.copy && known.release != NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: release has a meaning with copy 0 only", name);
    if (!known.copy && (uintptr_t)known.items % gan_dtype_size(known.dtype) != 0)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: items are not aligned for their type", name);
    if (known.classes < -1 || (known.classes == 0 && known.labels != NULL))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: classes is %d, not -1 or at least 1", name, (int)known.classes);
    if (known.class_names != NULL && known.labels == NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: class_names need labels", name);
    status = check_class_names(context, name, known.class_names, known.classes);
    return status == GAN_OK ? gani_memory_dataset_create(out, context, &known) : status;
}

GAN_API void gan_callback_dataset_init_sized(gan_callback_dataset *description, size_t size) {
    gan_callback_dataset defaults = {sizeof defaults, GAN_U8, 0, {0, 0, {0}}, 0, NULL, NULL, NULL, 0, NULL};
    gani_options_init(description, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_callback_dataset_create(gan_dataset **out, gan_context *context,
                                               const gan_callback_dataset *description) {
    GANI_ENTER();
    static const char name[] = "gan_callback_dataset_create";
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || description == NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: out or description is NULL", name);
    gan_callback_dataset known;
    gan_callback_dataset_init(&known);
    gan_status status = gani_options_decode(context, name, description, &known, sizeof known);
    if (status == GAN_OK) status = gani_dataset_check(context, name, known.dtype, known.shape, known.count);
    if (status != GAN_OK) return status;
    if (known.read == NULL) return gani_fail(context, GAN_E_ARGUMENT, "%s: read is NULL", name);
    if (known.classes < 0)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: classes is %d: it cannot be negative", name, (int)known.classes);
    status = check_class_names(context, name, known.class_names, known.classes);
    return status == GAN_OK ? gani_callback_dataset_create(out, context, &known) : status;
}

GAN_API gan_status gan_dataset_slice(gan_dataset **out, gan_dataset *dataset, int64_t first, int64_t count) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (dataset == NULL) return GAN_E_ARGUMENT;
    if (out == NULL) return gani_fail(dataset->context, GAN_E_ARGUMENT, "gan_dataset_slice: out is NULL");
    if (first < 0 || count < 1 || first > dataset->count - count)
        return gani_fail(dataset->context, GAN_E_ARGUMENT,
                         "gan_dataset_slice: %lld items from %lld on are not in the %lld items", (long long)count,
                         (long long)first, (long long)dataset->count);
    return gani_dataset_slice(out, dataset, first, count);
}

GAN_API gan_dataset *gan_dataset_retain(gan_dataset *dataset) {
    if (dataset != NULL) atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
    return dataset;
}

GAN_API gan_context *gan_dataset_context(const gan_dataset *dataset) {
    return dataset == NULL ? NULL : dataset->context;
}

GAN_API void gan_dataset_release(gan_dataset *dataset) {
    GANI_ENTER();
    gani_dataset_drop(dataset);
}

GAN_API int64_t gan_dataset_count(const gan_dataset *dataset) { return dataset == NULL ? 0 : dataset->count; }

GAN_API gan_shape gan_dataset_shape(const gan_dataset *dataset) {
    return dataset == NULL ? gan_shape_0d() : dataset->shape;
}

GAN_API gan_dtype gan_dataset_dtype(const gan_dataset *dataset) { return dataset == NULL ? 0 : dataset->dtype; }

GAN_API int32_t gan_dataset_classes(const gan_dataset *dataset) { return dataset == NULL ? 0 : dataset->classes; }

GAN_API const char *gan_dataset_class_name(const gan_dataset *dataset, int32_t label) {
    GANI_ENTER();
    if (dataset == NULL || label < 0 || label >= dataset->classes) return NULL;
    return dataset->kind->class_name(dataset, label);
}

GAN_API gan_status gan_dataset_read(const gan_dataset *dataset, int64_t index, void *item, size_t bytes,
                                    int32_t *label) {
    GANI_ENTER();
    if (dataset == NULL) return GAN_E_ARGUMENT;
    if (item == NULL) return gani_fail(dataset->context, GAN_E_ARGUMENT, "gan_dataset_read: item is NULL");
    gan_status status = check_index(dataset, "gan_dataset_read", index);
    if (status != GAN_OK) return status;
    if (bytes != gani_dataset_item_bytes(dataset))
        return gani_fail(dataset->context, GAN_E_SHAPE, "gan_dataset_read: an item has %zu bytes, not %zu",
                         gani_dataset_item_bytes(dataset), bytes);
    gan_dataset *kept = gan_dataset_retain((gan_dataset *)(uintptr_t)dataset); /* its function may release it */
    status = dataset->kind->read(dataset, index, item, label);
    gani_dataset_drop(kept);
    return status;
}

GAN_API uint64_t gan_dataset_fingerprint(const gan_dataset *dataset) {
    return dataset == NULL ? 0 : dataset->fingerprint;
}

GAN_API void gan_loader_options_init_sized(gan_loader_options *options, size_t size) {
    gan_loader_options defaults = {sizeof defaults, 64, 1, GAN_F32, -1, 1, 0, 0, 0};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status check_augmentation(const gan_dataset *dataset, const gan_loader_options *options) {
    char text[GANI_SHAPE_TEXT];
    if (options->flip != 0 && options->flip != 1)
        return gani_fail(dataset->context, GAN_E_ARGUMENT, "gan_loader_create: flip is %d, not 0 or 1",
                         (int)options->flip);
    if (options->flip == 0 && options->crop_padding == 0) return GAN_OK;
    const int64_t *size = dataset->shape.size;
    if (dataset->shape.rank != 3)
        return gani_fail(dataset->context, GAN_E_SHAPE,
                         "gan_loader_create: flip and crop_padding are for images C x H x W; an item is %s",
                         gani_shape_text(dataset->shape, text));
    int64_t edge = size[1] < size[2] ? size[1] : size[2];
    if (options->crop_padding < 0 || options->crop_padding >= edge)
        return gani_fail(dataset->context, GAN_E_ARGUMENT,
                         "gan_loader_create: crop_padding is %lld, not 0 to %lld: a crop must show some of the image",
                         (long long)options->crop_padding, (long long)edge - 1);
    return GAN_OK;
}

GAN_API gan_status gan_loader_create(gan_loader **out, gan_dataset *dataset, const gan_loader_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (dataset == NULL) return GAN_E_ARGUMENT;
    gan_context *context = dataset->context;
    if (out == NULL) return gani_fail(context, GAN_E_ARGUMENT, "gan_loader_create: out is NULL");
    gan_loader_options known;
    gan_loader_options_init(&known);
    gan_status status = gani_options_decode(context, "gan_loader_create", options, &known, sizeof known);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_loader_create", known.reserved);
    if (status != GAN_OK) return status;
    if (known.batch_size < 1 || known.batch_size > dataset->count)
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_loader_create: batch_size is %lld, not 1 to the dataset's %lld items",
                         (long long)known.batch_size, (long long)dataset->count);
    if (known.shuffle != 0 && known.shuffle != 1)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_loader_create: shuffle is %d, not 0 or 1", (int)known.shuffle);
    if (known.dtype != GAN_F32 && known.dtype != GAN_F64)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_loader_create: dtype is %d, not GAN_F32 or GAN_F64",
                         (int)known.dtype);
    status = gani_check_low_high(context, "gan_loader_create", known.low, known.high, 255);
    if (status != GAN_OK) return status;
    status = check_augmentation(dataset, &known);
    if (status != GAN_OK) return status;
    return gani_loader_create(out, dataset, &known);
}

GAN_API gan_context *gan_loader_context(const gan_loader *loader) {
    GANI_ENTER();
    return loader == NULL ? NULL : gani_loader_context(loader);
}

GAN_API void gan_loader_release(gan_loader *loader) {
    GANI_ENTER();
    gani_loader_drop(loader);
}

GAN_API gan_status gan_loader_next(gan_loader *loader, gan_tensor **images, gan_tensor **labels) {
    GANI_ENTER();
    if (images != NULL) *images = NULL;
    if (labels != NULL) *labels = NULL;
    if (loader == NULL) return GAN_E_ARGUMENT;
    gani_loader_retain(loader); /* the function of a callback dataset may release it */
    gan_status status = gani_loader_next(loader, images, labels);
    gani_loader_drop(loader);
    return status;
}

GAN_API int64_t gan_loader_batches(const gan_loader *loader) {
    return loader == NULL ? 0 : gani_loader_batches(loader);
}

GAN_API int64_t gan_loader_position(const gan_loader *loader) {
    return loader == NULL ? 0 : gani_loader_position(loader);
}

GAN_API gan_status gan_loader_set_position(gan_loader *loader, int64_t position) {
    GANI_ENTER();
    if (loader == NULL) return GAN_E_ARGUMENT;
    if (position < 0)
        return gani_fail(gani_loader_context(loader), GAN_E_ARGUMENT,
                         "gan_loader_set_position: position is %lld: it cannot be negative", (long long)position);
    gani_loader_set_position(loader, position);
    return GAN_OK;
}

GAN_API int64_t gan_loader_index(const gan_loader *loader, int64_t item) {
    GANI_ENTER();
    return loader == NULL || item < 0 || item >= gani_loader_batch_size(loader) ? -1 : gani_loader_index(loader, item);
}

GAN_API gan_dataset *gan_loader_dataset(const gan_loader *loader) {
    return loader == NULL ? NULL : gani_loader_dataset(loader);
}
