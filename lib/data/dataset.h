/* What all kinds of datasets have in common. A kind's own struct begins with a gan_dataset. */
#ifndef GANI_DATA_DATASET_H
#define GANI_DATA_DATASET_H

#include <stdatomic.h>

#include <gan/data.h>

#include "base/context.h"

typedef struct gani_dataset_kind {
    const char *name;
    /* Item and label; either pointer may be NULL. The index is valid. Unless the kind is serial it cannot fail, and may
     * run on several threads at once: whatever can go wrong with data goes wrong when it is opened. */
    gan_status (*read)(const gan_dataset *dataset, int64_t index, void *item, int32_t *label);
    const char *(*class_name)(const gan_dataset *dataset, int32_t label); /* label is in [0, classes) */
    void (*destroy)(gan_dataset *dataset); /* what the kind allocated, not the dataset itself; NULL: nothing */
    int32_t drawn;  /* 1: reading computes rather than copies, so that a few items are already worth several threads */
    int32_t serial; /* 1: reading calls the application: on the calling thread only, never with item NULL, may fail */
} gani_dataset_kind;

struct gan_dataset {
    atomic_int references;
    gan_context *context;
    const gani_dataset_kind *kind;
    int64_t count;
    gan_dtype dtype; /* of an item: u8, f32 or f64 */
    gan_shape shape; /* of an item: rank 1 to 7, no size is 0 */
    int32_t classes;
    uint64_t fingerprint;
};

/* A zeroed struct of `size` bytes whose first member is a gan_dataset with one reference and items of type u8; NULL
 * (and a message) without memory. */
void *gani_dataset_new(gan_context *context, const gani_dataset_kind *kind, size_t size);
void gani_dataset_drop(gan_dataset *dataset); /* NULL allowed */
/* Looks at dtype, shape and count, which come from outside: GAN_E_ARGUMENT, GAN_E_SHAPE, GAN_E_DTYPE, or GAN_E_LIMIT if
 * all items together could not be addressed. */
gan_status gani_dataset_check(gan_context *context, const char *name, gan_dtype dtype, gan_shape shape, int64_t count);
/* Starts a fingerprint: kind, type, count and shape. */
uint64_t gani_dataset_hash(const gan_dataset *dataset);
/* Goes on with numbers, as little-endian bytes: the same digest on every machine. */
uint64_t gani_hash_numbers(uint64_t hash, const void *numbers, size_t number_bytes, int64_t count);

/* Elements and bytes of one item. */
static inline size_t gani_dataset_item_count(const gan_dataset *dataset) {
    return (size_t)gan_shape_count(dataset->shape);
}
static inline size_t gani_dataset_item_bytes(const gan_dataset *dataset) {
    return gani_dataset_item_count(dataset) * gan_dtype_size(dataset->dtype);
}

/* -- digits.c: the options have been checked */
gan_status gani_digits_create(gan_dataset **out, gan_context *context, const gan_digits_options *options);
int gani_is_digits(const gan_dataset *dataset);
void gani_digits_factors(const gan_dataset *dataset, int64_t index, double *slant, double *width);

/* -- idx.c: `size` -1 or the edge to pad to, `channels` -1, 1 or 3 (grey repeated); labels may be NULL */
gan_status gani_idx_open(gan_dataset **out, gan_context *context, const char *images, const char *labels, int64_t size,
                         int64_t channels);

/* -- memory.c, callback.c: the descriptions have been checked, all but the labels' values */
gan_status gani_memory_dataset_create(gan_dataset **out, gan_context *context, const gan_memory_dataset *description);
gan_status gani_callback_dataset_create(gan_dataset **out, gan_context *context,
                                        const gan_callback_dataset *description);

/* -- cifar.c: at least one path; `size` -1 or the edge to resize to, `channels` -1, 1 (grey) or 3 */
gan_status gani_cifar_open(gan_dataset **out, gan_context *context, const char *const *paths, int32_t count,
                           const gan_cifar_options *options, int64_t size, int64_t channels);

/* -- captioned.c: the options have been checked, the index is valid, and k if there are captions */
gan_status gani_captions_open(gan_dataset **out, gan_context *context, const char *tsv,
                              const gan_folder_options *options);
int64_t gani_dataset_caption_count(const gan_dataset *dataset, int64_t index); /* 0: not a set with captions */
const char *gani_dataset_caption(const gan_dataset *dataset, int64_t index, int64_t k);

/* -- slice.c: the range has been checked */
gan_status gani_dataset_slice(gan_dataset **out, gan_dataset *dataset, int64_t first, int64_t count);
/* Where an item comes from: the dataset that a slice is of, and the item's index there; else both as they are. */
const gan_dataset *gani_dataset_origin(const gan_dataset *dataset, int64_t *index);

/* -- folder.c, open.c: the options have been checked */
gan_status gani_folder_open(gan_dataset **out, gan_context *context, const char *path,
                            const gan_folder_options *options);
gan_status gani_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                             const gan_folder_options *options);

#endif
