/** @file
 * Datasets and the loader that shuffles and batches them. A dataset is a fixed sequence of u8 images C x H x W, with
 * labels or without. */
#ifndef GAN_DATA_H
#define GAN_DATA_H

#include <gan/tensor.h>

GAN_BEGIN_DECLS

typedef struct gan_dataset gan_dataset;
typedef struct gan_loader gan_loader;

/** Options of gan_digits_create: handwritten-like digits drawn by the library, for programs that must run without any
 * file. Ten classes in equal shares; each item has a known slant and stroke width. Item i of a seed is always the
 * same image. Since 0.1. */
typedef struct gan_digits_options {
    size_t struct_size;
    int64_t count;  /**< number of items, >= 1; default 60000 */
    int64_t size;   /**< edge length in pixels: 28 (default), 32 or 64 */
    uint64_t seed;  /**< default 0 */
} gan_digits_options;
GAN_API void gan_digits_options_init_sized(gan_digits_options *options, size_t size);
#define gan_digits_options_init(options) gan_digits_options_init_sized((options), sizeof *(options))
/** Makes the set; images are drawn when they are read. 1 channel, white on black. Errors: GAN_E_ARGUMENT,
 * GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_digits_create(gan_dataset **out, gan_context *context, const gan_digits_options *options);
/** How item `index` was drawn: slant in radians (positive: to the right), stroke width in pixels of a 28-pixel image.
 * Pointers may be NULL. Errors: GAN_E_ARGUMENT (not a digits set, index out of range). Since 0.1. */
GAN_API gan_status gan_digits_factors(const gan_dataset *digits, int64_t index, double *slant, double *width);

/** MNIST's format (IDX, magic 0x803: u8 images, N x H x W), plain or gzip.
 * @param out receives the set
 * @param context the context
 * @param images path of the image file
 * @param labels path of the label file (magic 0x801), or NULL: no labels
 *
 * Errors: GAN_E_IO, GAN_E_FORMAT (wrong magic, truncated, lying header, counts that differ), GAN_E_LIMIT. Since 0.1. */
GAN_API gan_status gan_idx_open(gan_dataset **out, gan_context *context, const char *images, const char *labels);

/** Options of gan_folder_open. Since 0.1. */
typedef struct gan_folder_options {
    size_t struct_size;
    int64_t size;     /**< images are resized (shorter edge to size, antialiased) and centre-cropped to size x size; -1
                           (default): taken as they are, and all must have the same size */
    int64_t channels; /**< 1: grey, 3: colour; images are converted; -1 (default): 1 if the first image is grey, else
                           3 */
} gan_folder_options;
GAN_API void gan_folder_options_init_sized(gan_folder_options *options, size_t size);
#define gan_folder_options_init(options) gan_folder_options_init_sized((options), sizeof *(options))
/** A folder of PNG files (grey, RGB, palette, 8 or 16 bits, with alpha: put on white), in name order. If it has no
 * PNG but subfolders that do, each subfolder is a class, in name order. All are read now; memory:
 * count * channels * size * size bytes. Errors, naming the file: GAN_E_IO, GAN_E_FORMAT (no PNG there, a damaged
 * one, different sizes), GAN_E_LIMIT, GAN_E_MEMORY, GAN_E_CANCELLED, GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_folder_open(gan_dataset **out, gan_context *context, const char *path,
                                   const gan_folder_options *options);

/** Opens what a path holds, by looking: a folder with MNIST's train-images-idx3-ubyte[.gz], another folder (PNG), or
 * an IDX file (with the label file beside it, if there is one). `size` as in gan_folder_options, but IDX images that
 * are smaller are padded with black, centred, and larger ones refused (GAN_E_ARGUMENT). Other errors as gan_idx_open
 * and gan_folder_open. Since 0.1. */
GAN_API gan_status gan_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                                    const gan_folder_options *options);

/** One more reference; returns its argument. Since 0.1. */
GAN_API gan_dataset *gan_dataset_retain(gan_dataset *dataset);
/** Gives up a reference; NULL allowed. Since 0.1. */
GAN_API void gan_dataset_release(gan_dataset *dataset);
/** Number of items. Since 0.1. */
GAN_API int64_t gan_dataset_count(const gan_dataset *dataset);
/** Shape of an item: C x H x W. Since 0.1. */
GAN_API gan_shape gan_dataset_shape(const gan_dataset *dataset);
/** Number of classes; 0 without labels. Since 0.1. */
GAN_API int32_t gan_dataset_classes(const gan_dataset *dataset);
/** Name of a class ("7", or the subfolder's name); NULL if there is none. Valid as long as the dataset. Since 0.1. */
GAN_API const char *gan_dataset_class_name(const gan_dataset *dataset, int32_t label);
/** Copies item `index` to `pixels` (C * H * W bytes, 0 black to 255 white); *label (`label` may be NULL) is its
 * class, or -1 without labels. Errors: GAN_E_ARGUMENT (index out of range). Since 0.1. */
GAN_API gan_status gan_dataset_read(const gan_dataset *dataset, int64_t index, uint8_t *pixels, int32_t *label);
/** A 64-bit digest of kind, sizes and contents: a run that resumes compares it. Since 0.1. */
GAN_API uint64_t gan_dataset_fingerprint(const gan_dataset *dataset);

/** Options of gan_loader_create. Since 0.1. */
typedef struct gan_loader_options {
    size_t struct_size;
    int64_t batch_size; /**< >= 1; default 64 */
    int32_t shuffle;    /**< 1 (default): a new order each epoch, from the context's seed and GAN_STREAM_DATA */
    gan_dtype dtype;    /**< GAN_F32 (default) or GAN_F64 */
    double low, high;   /**< byte 0 becomes low, 255 becomes high, linearly between; default -1 and 1 */
} gan_loader_options;
GAN_API void gan_loader_options_init_sized(gan_loader_options *options, size_t size);
#define gan_loader_options_init(options) gan_loader_options_init_sized((options), sizeof *(options))

/** Makes a loader; keeps the dataset alive. The last items of an epoch that do not fill a batch are left out (the
 * order differs each epoch). Errors: GAN_E_ARGUMENT (batch_size above the number of items, low >= high). Since 0.1. */
GAN_API gan_status gan_loader_create(gan_loader **out, gan_dataset *dataset, const gan_loader_options *options);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_loader_release(gan_loader *loader);
/** Fills the loader's batch with the next items, beginning a new epoch where one ends. *images:
 * batch_size x C x H x W; *labels: batch_size (i32; -1 without labels). Both are borrowed, and overwritten by the
 * next call; either pointer may be NULL. Errors: GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_loader_next(gan_loader *loader, gan_tensor **images, gan_tensor **labels);
/** Batches in one epoch. Since 0.1. */
GAN_API int64_t gan_loader_batches(const gan_loader *loader);
/** Number of batches given out since the start: the whole state of a loader. Since 0.1. */
GAN_API int64_t gan_loader_position(const gan_loader *loader);
/** Moves to a position, in batches. Errors: GAN_E_ARGUMENT (negative). Since 0.1. */
GAN_API gan_status gan_loader_set_position(gan_loader *loader, int64_t position);
/** The dataset, borrowed. Since 0.1. */
GAN_API gan_dataset *gan_loader_dataset(const gan_loader *loader);

GAN_END_DECLS

#endif
