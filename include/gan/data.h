/** @file
 * Datasets, the loader that shuffles and batches them, and pools of generated images. A dataset is a fixed sequence of
 * items of one shape, with labels or without: images as bytes, C x H x W, from files; anything else from the
 * application's memory or from a function of it. docs/data.md is the tour. */
#ifndef GAN_DATA_H
#define GAN_DATA_H

#include <gan/tape.h>

GAN_BEGIN_DECLS

typedef struct gan_dataset gan_dataset;
typedef struct gan_loader gan_loader;
typedef struct gan_pool gan_pool;

/** Options of gan_digits_create: handwritten-like digits drawn by the library, for programs that must run without any
 * file. Ten classes in equal shares; each item has a known slant and stroke width. Item i of a seed is always the
 * same image. Since 0.1. */
typedef struct gan_digits_options {
    size_t struct_size;
    int64_t count; /**< number of items, >= 1; default 60000 */
    int64_t size;  /**< edge length in pixels: 28 (default), 32 or 64 */
    uint64_t seed; /**< default 0 */
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

/** Options of gan_cifar_open. Since 0.1. */
typedef struct gan_cifar_options {
    size_t struct_size;
    int64_t label_bytes; /**< of a record: 1 (CIFAR-10, default) or 2 (CIFAR-100: coarse, then fine label) */
    int32_t coarse;      /**< with label_bytes 2: 0 (default): the 100 fine classes; 1: the 20 coarse ones */
    int32_t reserved;
} gan_cifar_options;
GAN_API void gan_cifar_options_init_sized(gan_cifar_options *options, size_t size);
#define gan_cifar_options_init(options) gan_cifar_options_init_sized((options), sizeof *(options))
/** The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images",
 * 2009): records of label_bytes labels and 3 x 32 x 32 bytes, red, green, blue. The `count` (1 to 1000) files at
 * `paths` are read now, one after the other. Class names come from batches.meta.txt (fine_label_names.txt,
 * coarse_label_names.txt) beside the first one, if it is there; otherwise they are "0", "1", ... Errors, naming the
 * file: GAN_E_IO, GAN_E_FORMAT (not whole records, a label of no class, another number of class names), GAN_E_LIMIT (a
 * file above 2^31 bytes), GAN_E_CANCELLED. Since 0.1. */
GAN_API gan_status gan_cifar_open(gan_dataset **out, gan_context *context, const char *const *paths, int32_t count,
                                  const gan_cifar_options *options);

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
/** A folder of image files, .png, .jpg or .jpeg, in name order: PNG (grey, RGB, palette, 8 or 16 bits, with alpha: put
 * on white) and JPEG (grey or RGB; where libgan was built with libjpeg, else GAN_E_UNSUPPORTED). If it has none but
 * subfolders that do, each subfolder is a class, in name order. All are read now; memory: count * channels * size *
 * size bytes. Errors, naming the file: GAN_E_IO, GAN_E_FORMAT (no image there, a damaged one, different sizes),
 * GAN_E_LIMIT (more than 2^28 pixels in one), GAN_E_UNSUPPORTED (a JPEG in CMYK or arithmetic-coded), GAN_E_MEMORY,
 * GAN_E_CANCELLED, GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_folder_open(gan_dataset **out, gan_context *context, const char *path,
                                   const gan_folder_options *options);

/** Images with captions. `tsv` is a text file in UTF-8, one image a line: its path, a tab, and one or more captions
 * with tabs between them. Paths are relative to the file's folder and stay below it: absolute ones and ".." are
 * refused. Lines may end in CR LF; empty ones are skipped; a byte order mark at the start is, too. An image may be
 * named by several lines. Limits: 2^28 bytes, 2^24 images, 65536 bytes a line, 1000 captions an image. There are no
 * labels. The images are read as by gan_folder_open. Errors, naming the line: as there, and GAN_E_FORMAT (not UTF-8,
 * control characters, no or an empty caption, such a path). Since 0.1. */
GAN_API gan_status gan_captions_open(gan_dataset **out, gan_context *context, const char *tsv,
                                     const gan_folder_options *options);
/** Number of captions of an item, at least 1 in a dataset of gan_captions_open; 0 in others, or if there is no such
 * item. Since 0.1. */
GAN_API int64_t gan_dataset_caption_count(const gan_dataset *dataset, int64_t index);
/** Caption `k` (from 0) of an item, in UTF-8; NULL if there is none. Valid as long as the dataset. Since 0.1. */
GAN_API const char *gan_dataset_caption(const gan_dataset *dataset, int64_t index, int64_t k);

/** Opens what a path holds, by looking. A folder: MNIST's train-images-idx3-ubyte[.gz] with its labels; CIFAR's
 * data_batch_*.bin or train.bin (all training files there are), else test_batch.bin or test.bin; else image files. A
 * file: captions (.tsv), CIFAR (.bin; named train.bin or test.bin: CIFAR-100), else IDX, with the label file beside it,
 * if there is one. `size` and `channels` as in gan_folder_options, but IDX images that are smaller are padded with
 * black, centred, and larger ones refused (GAN_E_ARGUMENT). Other errors as the functions above. Since 0.1. */
GAN_API gan_status gan_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                                    const gan_folder_options *options);

/** What gan_memory_dataset_create makes a dataset of. Fill with gan_memory_dataset_init, then set shape, count and
 * items. Since 0.1. */
typedef struct gan_memory_dataset {
    size_t struct_size;
    gan_dtype dtype;   /**< of the items: GAN_U8 (default; the loader scales bytes), or GAN_F32 or GAN_F64 (the loader
                            passes numbers through) */
    int32_t classes;   /**< labels are 0 to classes - 1; -1 (default): one more than the largest label. Not used without
                            labels */
    gan_shape shape;   /**< of one item: rank 1 to 7, sizes >= 1. Images are C x H x W, points have rank 1 */
    int64_t count;     /**< number of items, >= 1 */
    const void *items; /**< count items, one after the other, row-major */
    const int32_t *labels;          /**< count labels; NULL (default): none */
    const char *const *class_names; /**< `classes` texts, copied; NULL (default): none. Needs `classes` >= 1 */
    int32_t copy; /**< 1 (default): items and labels are copied; 0: they stay the caller's, must not change as long as
                       the dataset lives, and items must be aligned for their type */
    int32_t reserved;
    void (*release)(void *user); /**< with copy 0: called once when the dataset ends, by the thread that releases it
                                    last; NULL (default): nothing is called */
    void *user;                  /**< passed to `release` */
} gan_memory_dataset;
GAN_API void gan_memory_dataset_init_sized(gan_memory_dataset *description, size_t size);
#define gan_memory_dataset_init(description) gan_memory_dataset_init_sized((description), sizeof *(description))
/** Makes a dataset of items in memory. Their fingerprint is of all contents. On failure `release` is not called: the
 * memory stays the caller's. Errors: GAN_E_ARGUMENT (items NULL or not aligned, count, a label out of range,
 * class_names without classes, release with copy 1), GAN_E_DTYPE, GAN_E_SHAPE, GAN_E_LIMIT. Since 0.1. */
GAN_API gan_status gan_memory_dataset_create(gan_dataset **out, gan_context *context,
                                             const gan_memory_dataset *description);

/** What gan_callback_dataset_create makes a dataset of. Fill with gan_callback_dataset_init, then set shape, count and
 * read. Since 0.1. */
typedef struct gan_callback_dataset {
    size_t struct_size;
    gan_dtype dtype; /**< of the items: GAN_U8 (default), GAN_F32 or GAN_F64, as in gan_memory_dataset */
    int32_t classes; /**< labels are 0 to classes - 1; 0 (default): there are none */
    gan_shape shape; /**< of one item: rank 1 to 7, sizes >= 1 */
    int64_t count;   /**< number of items, >= 1 */
    /** Writes item `index` (0 to count - 1) to `item`, and, if there are classes, its class to *label. Must give the
     * same item each time: training that resumes depends on it. Called by gan_dataset_read, gan_loader_next and
     * gan_run_train, on the thread that called them, one item at a time. It may use the context (gan_png_read, say),
     * but neither read from the loader or dataset it is called for nor change the seed. Returns GAN_OK or a status,
     * which the call above returns. */
    gan_status (*read)(void *user, int64_t index, void *item, int32_t *label);
    void (*release)(void *user); /**< called once when the dataset ends, by the thread that releases it last; NULL
                                      (default): nothing is called */
    void *user;                  /**< passed to `read` and `release` */
    uint64_t fingerprint; /**< stands for the contents in gan_dataset_fingerprint: a digest of them, their version ...
                             With the default, 0 for every set, only kind, type, count and shape tell sets apart */
    const char *const *class_names; /**< `classes` texts, copied; NULL (default): none */
} gan_callback_dataset;
GAN_API void gan_callback_dataset_init_sized(gan_callback_dataset *description, size_t size);
#define gan_callback_dataset_init(description) gan_callback_dataset_init_sized((description), sizeof *(description))
/** Makes a dataset whose items a function gives: for data that do not fit into memory, or that are computed. On failure
 * `release` is not called. Errors: GAN_E_ARGUMENT (read NULL, count, classes, class_names without classes),
 * GAN_E_DTYPE, GAN_E_SHAPE, GAN_E_LIMIT. Since 0.1. */
GAN_API gan_status gan_callback_dataset_create(gan_dataset **out, gan_context *context,
                                               const gan_callback_dataset *description);

/** Makes a dataset of items first to first + count - 1 of another one, which it keeps alive: to train on some and keep
 * others back, say. Nothing is copied; captions and the factors of digits are those of the items. Its fingerprint is of
 * the whole and of the place. Errors: GAN_E_ARGUMENT (these items are not all there; count < 1). Since 0.1. */
GAN_API gan_status gan_dataset_slice(gan_dataset **out, gan_dataset *dataset, int64_t first, int64_t count);

/** One more reference; returns its argument. Since 0.1. */
GAN_API gan_dataset *gan_dataset_retain(gan_dataset *dataset);
/** Gives up a reference; NULL allowed. Since 0.1. */
GAN_API void gan_dataset_release(gan_dataset *dataset);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_dataset_context(const gan_dataset *dataset);
/** Number of items. Since 0.1. */
GAN_API int64_t gan_dataset_count(const gan_dataset *dataset);
/** Shape of an item: C x H x W for images. Since 0.1. */
GAN_API gan_shape gan_dataset_shape(const gan_dataset *dataset);
/** Element type of an item: GAN_U8 for everything from files, GAN_F32 or GAN_F64 where the application said so; 0 for
 * NULL. Since 0.1. */
GAN_API gan_dtype gan_dataset_dtype(const gan_dataset *dataset);
/** Number of classes; 0 without labels. Since 0.1. */
GAN_API int32_t gan_dataset_classes(const gan_dataset *dataset);
/** Name of a class ("7", or the subfolder's name as the file system has it, whatever bytes these are); NULL if there is
 * none. Valid as long as the dataset. Since 0.1. */
GAN_API const char *gan_dataset_class_name(const gan_dataset *dataset, int32_t label);
/** Copies item `index` to `item`, row-major, in the dataset's own type (bytes: 0 black to 255 white); `bytes` must be
 * exactly its size. *label (`label` may be NULL) is its class, or -1 without labels. Errors: GAN_E_ARGUMENT (index out
 * of range), GAN_E_SHAPE (another size), and whatever the function of a callback dataset returns. Since 0.1. */
GAN_API gan_status gan_dataset_read(const gan_dataset *dataset, int64_t index, void *item, size_t bytes,
                                    int32_t *label);
/** A 64-bit digest of kind, type, sizes and contents: a run that resumes compares it. (Of a callback dataset's contents
 * only what gan_callback_dataset.fingerprint says.) Since 0.1. */
GAN_API uint64_t gan_dataset_fingerprint(const gan_dataset *dataset);

/** Options of gan_loader_create. Since 0.1. */
typedef struct gan_loader_options {
    size_t struct_size;
    int64_t batch_size;   /**< >= 1; default 64 */
    int32_t shuffle;      /**< 1 (default): a new order each epoch, from the context's seed and GAN_STREAM_DATA */
    gan_dtype dtype;      /**< of the batches: GAN_F32 (default) or GAN_F64 */
    double low, high;     /**< byte 0 becomes low, 255 becomes high, linearly between; default -1 and 1. Items that are
                               numbers already (gan_dataset_dtype) are passed through; low and high then only say what
                               is black and white in padding and pictures */
    int64_t crop_padding; /**< each image gets so many black pixels (low) on every side and is then cropped to its old
                             size at a random place; 0 (default) to less than its shorter edge; images C x H x W only */
    int32_t flip; /**< 1: each image is mirrored left-right with probability 1/2; default 0; images only. The window
                       of crop_padding is taken before that */
    int32_t reserved;
} gan_loader_options;
GAN_API void gan_loader_options_init_sized(gan_loader_options *options, size_t size);
#define gan_loader_options_init(options) gan_loader_options_init_sized((options), sizeof *(options))

/** Makes a loader; keeps the dataset alive. The last items of an epoch that do not fill a batch are left out (the
 * order differs each epoch). Flips and crops are a function of the context's seed, the dataset's fingerprint, the epoch
 * and the item: the same on any number of threads and after resuming. With Philox's lanes 0 to 3 of block (fingerprint
 * + item) in the stream GAN_STREAM_AUGMENT + (epoch + 1) * 2^32, an item is mirrored if lane 0 >= 2^31, and its window
 * lies floor(lane 1 (2 p + 1) / 2^32) - p pixels below and floor(lane 2 (2 p + 1) / 2^32) - p pixels right of its own
 * place. Errors: GAN_E_ARGUMENT (batch_size above the number of items, low >= high, crop_padding out of range),
 * GAN_E_SHAPE (flip or crop_padding for items that are not C x H x W), GAN_E_LIMIT. Since 0.1. */
GAN_API gan_status gan_loader_create(gan_loader **out, gan_dataset *dataset, const gan_loader_options *options);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_loader_release(gan_loader *loader);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_loader_context(const gan_loader *loader);
/** Fills the loader's batch with the next items, beginning a new epoch where one ends. *images: batch_size x the shape
 * of an item; *labels: batch_size (i32; -1 without labels). Both are borrowed, and overwritten by the next call; either
 * pointer may be NULL. Errors: GAN_E_ARGUMENT; what the function of a callback dataset returns (the position is
 * unchanged then, the contents of the batch are undefined). Since 0.1. */
GAN_API gan_status gan_loader_next(gan_loader *loader, gan_tensor **images, gan_tensor **labels);
/** Index in the dataset of item `item` of the batch that gan_loader_next filled last: the way to its captions, say. -1
 * if there is no such item or no batch yet. Since 0.1. */
GAN_API int64_t gan_loader_index(const gan_loader *loader, int64_t item);
/** Batches in one epoch. Since 0.1. */
GAN_API int64_t gan_loader_batches(const gan_loader *loader);
/** Number of batches given out since the start: the whole state of a loader. Since 0.1. */
GAN_API int64_t gan_loader_position(const gan_loader *loader);
/** Moves to a position, in batches. Errors: GAN_E_ARGUMENT (negative). Since 0.1. */
GAN_API gan_status gan_loader_set_position(gan_loader *loader, int64_t position);
/** The dataset, borrowed. Since 0.1. */
GAN_API gan_dataset *gan_loader_dataset(const gan_loader *loader);

/** Options of gan_pool_create. Since 0.1. */
typedef struct gan_pool_options {
    size_t struct_size;
    int64_t capacity; /**< images kept, 0 to 2^31 - 1; 0: none, everything passes through; default 50, CycleGAN's */
    gan_dtype dtype;  /**< of the images, GAN_F32 or GAN_F64; default GAN_F32 */
    int32_t reserved;
} gan_pool_options;
GAN_API void gan_pool_options_init_sized(gan_pool_options *options, size_t size);
#define gan_pool_options_init(options) gan_pool_options_init_sized((options), sizeof *(options))

/** A history of generated images for the discriminator (Shrivastava et al. 2017, arXiv 1612.07828, 2.3; as in CycleGAN,
 * Zhu et al. 2017, section 4): the discriminator also sees what the generator made earlier. One pool a domain. `image`
 * is the shape of one image, C x H x W or any other; all memory, capacity images, is taken here. Part of a run's
 * checkpoints once it is added with gan_run_add_pool. Errors: GAN_E_ARGUMENT (capacity, dtype), GAN_E_SHAPE,
 * GAN_E_LIMIT, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_pool_create(gan_pool **out, gan_context *context, gan_shape image,
                                   const gan_pool_options *options);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_pool_release(gan_pool *pool);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_pool_context(const gan_pool *pool);
/** The batch that the discriminator is to see in place of `images` (N x the pool's image shape): one after the other,
 * each is stored and passed through until the pool is full; from then on, with probability 1/2, it takes the place of a
 * stored one, which is given out instead, and otherwise passes through. The result is on the tape and not tracked:
 * gradients stop here. Draws, for each image that finds the pool full, one block of GAN_STREAM_POOL: it is exchanged if
 * lane 0 >= 2^31, with number floor(lane 1 * capacity / 2^32). Errors, on the tape: GAN_E_SHAPE, GAN_E_DTYPE,
 * GAN_E_MEMORY; the pool is unchanged then. Since 0.1. */
GAN_API gan_tensor *gan_pool_exchange(gan_tape *tape, gan_pool *pool, gan_tensor *images);
/** Images stored by now: at most the capacity; 0 for NULL. Since 0.1. */
GAN_API int64_t gan_pool_count(const gan_pool *pool);

GAN_END_DECLS

#endif
