/* What all kinds of datasets have in common. A kind's own struct begins with a gan_dataset. */
#ifndef GANI_DATA_DATASET_H
#define GANI_DATA_DATASET_H

#include <stdatomic.h>

#include <gan/data.h>

#include "base/context.h"

typedef struct gani_dataset_kind {
    const char *name;
    /* Pixels and label of an item; either pointer may be NULL. The index is valid. Cannot fail, and may run on
     * several threads at once: whatever can go wrong with data goes wrong when it is opened. */
    void (*read)(const gan_dataset *dataset, int64_t index, uint8_t *pixels, int32_t *label);
    const char *(*class_name)(const gan_dataset *dataset, int32_t label); /* label is in [0, classes) */
    void (*destroy)(gan_dataset *dataset); /* what the kind allocated, not the dataset itself; NULL: nothing */
    int32_t drawn; /* 1: reading computes rather than copies, so that a few items are already worth several threads */
} gani_dataset_kind;

struct gan_dataset {
    atomic_int references;
    gan_context *context;
    const gani_dataset_kind *kind;
    int64_t count;
    gan_shape shape;
    int32_t classes;
    uint64_t fingerprint;
};

/* A zeroed struct of `size` bytes whose first member is a gan_dataset with one reference; NULL (and a message)
 * without memory. */
void *gani_dataset_new(gan_context *context, const gani_dataset_kind *kind, size_t size);
void gani_dataset_drop(gan_dataset *dataset); /* NULL allowed */
/* Starts a fingerprint: kind, count and shape. */
uint64_t gani_dataset_hash(const gan_dataset *dataset);

/* Bytes of one item. */
static inline size_t gani_dataset_item_bytes(const gan_dataset *dataset) {
    return (size_t)(dataset->shape.size[0] * dataset->shape.size[1] * dataset->shape.size[2]);
}

/* -- digits.c: the options have been checked */
gan_status gani_digits_create(gan_dataset **out, gan_context *context, const gan_digits_options *options);
int gani_is_digits(const gan_dataset *dataset);
void gani_digits_factors(const gan_dataset *dataset, int64_t index, double *slant, double *width);

/* -- idx.c: `size` -1 or the edge to pad to, `channels` -1, 1 or 3 (grey repeated); labels may be NULL */
gan_status gani_idx_open(gan_dataset **out, gan_context *context, const char *images, const char *labels, int64_t size,
                         int64_t channels);

/* -- folder.c, open.c: the options have been checked */
gan_status gani_folder_open(gan_dataset **out, gan_context *context, const char *path,
                            const gan_folder_options *options);
gan_status gani_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                             const gan_folder_options *options);

#endif
