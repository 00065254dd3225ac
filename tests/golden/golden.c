#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "host.h"

enum { SEED = 20141, MOST = 4096 }; /* SEED and the streams also in golden.py */
#define STREAM_PRODUCTS (UINT64_C(1) << 32)

static const golden_entry *book;
static int32_t size;
static char seen[MOST];

static void demand(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "golden: %s\n", what);
    abort();
}

void golden_open(const golden_entry *entries, int32_t count) {
    demand(count <= MOST, "the book is too long");
    book = entries;
    size = count;
    memset(seen, 0, sizeof seen);
}

int golden_close(void) {
    int good = 1;
    for (int32_t i = 0; i < size; i++)
        if (!seen[i]) {
            fprintf(stderr, "golden: '%s' was not compared\n", book[i].name);
            good = 0;
        }
    return good;
}

gan_tensor *golden_uniform(gan_context *context, uint64_t stream, gan_shape shape, double low, double high) {
    gan_tensor *tensor = NULL;
    demand(gan_tensor_create(&tensor, context, GAN_F64, shape) == GAN_OK, "gan_tensor_create failed");
    golden_fill(tensor, stream, low, high);
    return tensor;
}

void golden_fill(gan_tensor *tensor, uint64_t stream, double low, double high) {
    demand(gan_tensor_dtype(tensor) == GAN_F64, "goldens are of f64");
    demand(gan_tensor_fill_uniform(tensor, low, high, SEED, stream, 0) == GAN_OK, "gan_tensor_fill_uniform failed");
}

/* |actual - expected| against what the size of the tensor allows. */
static int near(const char *name, const char *what, double actual, double expected, double room) {
    if (fabs(actual - expected) <= room) return 1;
    fprintf(stderr, "%s: %s is %.17g, not %.17g; the distance may be %.3g, and is %.3g\n", name, what, actual, expected,
            room, fabs(actual - expected));
    return 0;
}

int golden_check(const char *name, const gan_tensor *tensor, double tolerance, double floor) {
    int32_t at = 0;
    while (at < size && strcmp(book[at].name, name) != 0) at++;
    if (at == size) {
        fprintf(stderr, "golden: the book has no '%s'\n", name);
        return 0;
    }
    seen[at] = 1;
    const golden_entry *entry = &book[at];
    int64_t count = gan_tensor_count(tensor);
    if (gan_tensor_dtype(tensor) != GAN_F64 || count != entry->count) {
        fprintf(stderr, "%s: a tensor of %lld elements of type %d, not of %lld of f64\n", name, (long long)count,
                (int)gan_tensor_dtype(tensor), (long long)entry->count);
        return 0;
    }
    double *values = compare_read(tensor), room = tolerance * fmax(entry->norm, floor);
    int good = near(name, "the norm", compare_norm(values, count), entry->norm, room);
    for (int k = 0; k < 2; k++) {
        /* of the shape too: Python's numbers and these are in the same order */
        double *vector = malloc((size_t)(count > 0 ? count : 1) * sizeof *vector), product = 0;
        demand(vector != NULL, "no memory");
        gan_context *context = host_context(1);
        gan_tensor *drawn = golden_uniform(context, STREAM_PRODUCTS + (uint64_t)k, gan_shape_1d(count), -1, 1);
        demand(gan_tensor_read(drawn, vector, (size_t)count * sizeof *vector) == GAN_OK, "gan_tensor_read failed");
        for (int64_t i = 0; i < count; i++) product += values[i] * vector[i];
        good &= near(name, "a product", product, entry->products[k], room * fmax(1, compare_norm(vector, count)));
        gan_tensor_release(drawn);
        gan_context_release(context);
        free(vector);
    }
    free(values);
    return good;
}
