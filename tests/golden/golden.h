/* Tensors against the books that golden.py writes: results of PyTorch in double precision. A test includes its .inc,
 * which defines `goldens`, and opens it; every entry must be compared before the book is closed. */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include <stdint.h>

#include <gan/parts.h>

typedef struct golden_entry {
    const char *name; /* "least_squares/discriminator" */
    int64_t count;
    double norm, products[2];
} golden_entry;

/* One book is open at a time. */
void golden_open(const golden_entry *entries, int32_t count);
#define GOLDEN_OPEN(entries) golden_open(entries, (int32_t)(sizeof(entries) / sizeof(entries)[0]))
/* 1 if every entry was compared; else the names of the others are printed. */
int golden_close(void);

/* 1 if the tensor is the one of that name in the book: its size; its norm and its products within `tolerance` of what
 * they can be at most. floor: 0, or the norm of what the tensor is a part of, for those that are 0 in truth. */
int golden_check(const char *name, const gan_tensor *tensor, double tolerance, double floor);

/* uniform() of golden.py: an f64 tensor of the caller's. */
gan_tensor *golden_uniform(gan_context *context, uint64_t stream, gan_shape shape, double low, double high);
/* The same numbers into an f64 tensor that is there, such as a layer's parameter. */
void golden_fill(gan_tensor *tensor, uint64_t stream, double low, double high);

#endif
