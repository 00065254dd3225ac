#include "improved_gan/improved.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- two moons ---- */

gan_status improved_open_moons(front *f, gan_dataset **out, int64_t count, uint64_t seed) {
    gan_tensor *points = NULL;
    int32_t *labels = malloc((size_t)count * sizeof *labels);
    gan_status status = labels == NULL ? GAN_E_MEMORY : GAN_OK;
    if (status == GAN_OK) status = gan_tensor_create(&points, f->context, f->dtype, gan_shape_2d(count, 2));
    if (status == GAN_OK) status = gan_tensor_fill_normal(points, 0, 0.1, seed, FRONT_STREAM_POINTS, 0);
    const int64_t half = (count + 1) / 2;
    for (int64_t i = 0; i < count && status == GAN_OK; i++) {
        double t = 3.14159265358979323846 * (double)(i / 2) / (double)(half > 1 ? half - 1 : 1);
        const double centre[2] = {i % 2 == 0 ? cos(t) : 1 - cos(t), i % 2 == 0 ? sin(t) : 0.5 - sin(t)};
        labels[i] = (int32_t)(i % 2);
        for (int64_t k = 0; k < 2; k++) /* rounded as the mixtures are */
            front_put(points, 2 * i + k, (float)(centre[k] + gan_tensor_item(points, 2 * i + k)));
    }
    gan_memory_dataset description;
    gan_memory_dataset_init(&description);
    description.count = count;
    description.shape = gan_shape_1d(2);
    description.dtype = f->dtype;
    description.items = points == NULL ? NULL : gan_tensor_data(points);
    description.labels = labels;
    description.classes = 2;
    if (status == GAN_OK) status = gan_memory_dataset_create(out, f->context, &description);
    gan_tensor_release(points);
    free(labels);
    return status;
}

/* ---- the labelled, and another order of all ---- */

static gan_loader *of_labelled, *of_others;

/* An item that may be chosen, and the random number that decides. */
typedef struct candidate {
    double key;
    int64_t item;
    int32_t label;
} candidate;

static int by_key(const void *a, const void *b) {
    double x = ((const candidate *)a)->key, y = ((const candidate *)b)->key;
    return x < y ? -1 : x > y;
}

/* All items in a random order. */
static gan_status shuffle(const front *f, candidate *all, void *item, size_t bytes, uint64_t seed) {
    const int64_t count = gan_dataset_count(f->dataset);
    gan_tensor *keys = NULL;
    gan_status status = gan_tensor_create(&keys, f->context, GAN_F64, gan_shape_1d(count));
    if (status == GAN_OK) status = gan_tensor_fill_uniform(keys, 0, 1, seed, FRONT_STREAM_LABELLED, 0);
    for (int64_t i = 0; i < count && status == GAN_OK; i++) {
        all[i].key = gan_tensor_item(keys, i);
        all[i].item = i;
        status = gan_dataset_read(f->dataset, i, item, bytes, &all[i].label);
    }
    gan_tensor_release(keys);
    if (status == GAN_OK) qsort(all, (size_t)count, sizeof *all, by_key);
    return status;
}

/* The first of each class, repeated until a batch is full. */
static gan_status gather(front *f, const candidate *all, char *item, size_t bytes, int64_t per_class) {
    const int64_t count = gan_dataset_count(f->dataset), chosen = per_class * f->classes;
    const int64_t times = (f->options.batch_size + chosen - 1) / chosen;
    int64_t *of_class = calloc((size_t)f->classes, sizeof *of_class), found = 0;
    int32_t *labels = malloc((size_t)(times * chosen) * sizeof *labels);
    char *items = malloc((size_t)(times * chosen) * bytes);
    gan_dataset *labelled = NULL;
    gan_status status = of_class == NULL || labels == NULL || items == NULL ? GAN_E_MEMORY : GAN_OK;
    for (int64_t i = 0; i < count && found < chosen && status == GAN_OK; i++) {
        if (of_class[all[i].label] == per_class) continue;
        of_class[all[i].label]++;
        status = gan_dataset_read(f->dataset, all[i].item, item, bytes, NULL);
        memcpy(items + (size_t)found * bytes, item, bytes);
        labels[found++] = all[i].label;
    }
    if (status == GAN_OK && found < chosen)
        status = front_refuse(f, "--labels: there are classes with fewer than %lld items", (long long)per_class);
    for (int64_t i = chosen; i < times * chosen && status == GAN_OK; i++) {
        memcpy(items + (size_t)i * bytes, items + (size_t)(i - chosen) * bytes, bytes);
        labels[i] = labels[i - chosen];
    }
    gan_memory_dataset description;
    gan_memory_dataset_init(&description);
    description.count = times * chosen;
    description.shape = f->image;
    description.dtype = gan_dataset_dtype(f->dataset);
    description.items = items;
    description.labels = labels;
    description.classes = (int32_t)f->classes;
    if (status == GAN_OK) status = gan_memory_dataset_create(&labelled, f->context, &description);
    if (status == GAN_OK) status = front_make_loader(f, labelled, f->options.batch_size, &of_labelled);
    gan_dataset_release(labelled);
    free(items);
    free(labels);
    free(of_class);
    return status;
}

gan_status improved_choose_labelled(front *f, int64_t per_class, uint64_t seed) {
    if (per_class > gan_dataset_count(f->dataset) / f->classes)
        return front_refuse(f, "--labels: there are %lld items of %lld classes, not %lld of each",
                            (long long)gan_dataset_count(f->dataset), (long long)f->classes, (long long)per_class);
    const size_t bytes = (size_t)gan_shape_count(f->image) * gan_dtype_size(gan_dataset_dtype(f->dataset));
    candidate *all = malloc((size_t)gan_dataset_count(f->dataset) * sizeof *all);
    char *item = malloc(bytes);
    gan_status status = all == NULL || item == NULL ? GAN_E_MEMORY : shuffle(f, all, item, bytes, seed);
    if (status == GAN_OK) status = gather(f, all, item, bytes, per_class);
    free(item);
    free(all);
    return status;
}

gan_status improved_labelled(front *f, gan_tensor **items, gan_tensor **labels) {
    return front_next(f, of_labelled, 0, items, labels);
}

gan_status improved_other_reals(front *f, gan_tensor **items) {
    enum { EPOCHS_AHEAD = 1 << 20 }; /* the order of an epoch that front_reals never gets to */
    gan_status status =
        of_others == NULL ? front_make_loader(f, f->dataset, f->options.batch_size, &of_others) : GAN_OK;
    return status == GAN_OK ? front_next(f, of_others, EPOCHS_AHEAD, items, NULL) : status;
}

void improved_release(void) {
    gan_loader_release(of_labelled);
    gan_loader_release(of_others);
}
