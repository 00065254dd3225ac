/* Finds out what a path holds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

#define IMAGES "images-idx3"
#define LABELS "labels-idx1"

/* Is there such a file? That it cannot be found out is an error: labels must not be lost to a bad disk. */
static gan_status look_for(gan_context *context, const char *path, int *found) {
    int is_folder = 0;
    long long size;
    *found = context->io->stat(path, &is_folder, &size) == 0;
    if (!*found && errno != ENOENT && errno != ENOTDIR)
        return gani_fail(context, GAN_E_IO, "cannot look at '%s'", path);
    *found = *found && !is_folder;
    return GAN_OK;
}

/* The label file that belongs to an image file named as MNIST's: beside it, packed or not. *found is gani_alloc'ed,
 * or NULL if there is none. */
static gan_status find_labels(char **found, gan_context *context, const char *images) {
    *found = NULL;
    const char *slash = strrchr(images, '/'), *mark = strstr(slash == NULL ? images : slash, IMAGES);
    if (mark == NULL) return GAN_OK;
    size_t length = strlen(images);
    char *labels = gani_alloc(context, length + sizeof ".gz");
    if (labels == NULL) return gani_no_memory(context, images);
    memcpy(labels, images, length + 1);
    memcpy(labels + (mark - images), LABELS, sizeof LABELS - 1);
    int packed = length > 3 && strcmp(labels + length - 3, ".gz") == 0;
    gan_status status = GAN_OK;
    for (int attempt = 0; attempt < 2 && status == GAN_OK; attempt++) {
        int there;
        status = look_for(context, labels, &there);
        if (there) {
            *found = labels;
            return GAN_OK;
        }
        if (packed)
            labels[length - 3] = '\0';
        else
            memcpy(labels + length, ".gz", sizeof ".gz");
    }
    gani_free(context, labels);
    return status;
}

static gan_status open_images(gan_dataset **out, gan_context *context, const char *path,
                              const gan_folder_options *options) {
    char *labels;
    gan_status status = find_labels(&labels, context, path);
    if (status != GAN_OK) return status;
    status = gani_idx_open(out, context, path, labels, options->size, options->channels);
    gani_free(context, labels);
    return status;
}

gan_status gani_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                             const gan_folder_options *options) {
    static const char names[2][32] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"};
    int is_folder;
    long long bytes;
    if (context->io->stat(path, &is_folder, &bytes) != 0)
        return gani_fail(context, GAN_E_IO, "cannot open '%s': %s", path,
                         errno == ENOENT ? "there is no such file or folder" : "it cannot be looked at");
    if (!is_folder) return open_images(out, context, path, options);
    size_t size = strlen(path) + sizeof names[0] + 1;
    char *images = gani_alloc(context, size);
    if (images == NULL) return gani_no_memory(context, path);
    gan_status status = GAN_OK;
    int there = 0;
    for (int i = 0; i < 2 && status == GAN_OK && !there; i++) {
        snprintf(images, size, "%s/%s", path, names[i]);
        status = look_for(context, images, &there);
    }
    if (there) status = open_images(out, context, images, options);
    gani_free(context, images);
    if (status != GAN_OK || there) return status;
    return gani_folder_open(out, context, path, options);
}
