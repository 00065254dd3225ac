/* What fuzz_idx and fuzz_idx_gz do with the two files once they are there. */
#ifndef TESTS_FUZZ_IDX_COMMON_H
#define TESTS_FUZZ_IDX_COMMON_H

#include "fuzz.h"

#define IDX_IMAGES "train-images-idx3-ubyte"
#define IDX_LABELS "train-labels-idx1-ubyte"

/* Opens the file `images`, or what gan_dataset_open finds in its place; reads a few items, and a batch. */
void idx_read(gan_context *context, const char *images, const char *labels, uint8_t how);

#endif
