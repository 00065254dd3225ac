/* Shuffling and batching. */
#ifndef GANI_DATA_LOADER_H
#define GANI_DATA_LOADER_H

#include "data/dataset.h"

/* The options have been checked. */
gan_status gani_loader_create(gan_loader **out, gan_dataset *dataset, const gan_loader_options *options);
gan_loader *gani_loader_retain(gan_loader *loader);
void gani_loader_drop(gan_loader *loader); /* NULL allowed */
gan_context *gani_loader_context(const gan_loader *loader);
gan_status gani_loader_next(gan_loader *loader, gan_tensor **images, gan_tensor **labels);
int64_t gani_loader_batches(const gan_loader *loader);
int64_t gani_loader_batch_size(const gan_loader *loader);
int64_t gani_loader_position(const gan_loader *loader);
void gani_loader_set_position(gan_loader *loader, int64_t position); /* position >= 0 */
int64_t gani_loader_index(const gan_loader *loader, int64_t item);   /* of the last batch; -1: there was none */
void gani_loader_settings(const gan_loader *loader, gan_loader_options *options); /* what it was made with */
/* Another order of each epoch for each course; 0 in the beginning. Part of the state, beside the position. */
void gani_loader_set_course(gan_loader *loader, int64_t course);
gan_dataset *gani_loader_dataset(const gan_loader *loader);

#endif
