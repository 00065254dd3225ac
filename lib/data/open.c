/* Finds out what a path holds. */
#include <errno.h>
#include <string.h>

#include "data/dataset.h"
#include "data/names.h"

#define IMAGES "images-idx3"
#define LABELS "labels-idx1"
#define FILES_MOST 1000

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

/* ---- CIFAR ---- */

static int is_batch_name(const char *name) {
    return strncmp(name, "data_batch_", sizeof "data_batch_" - 1) == 0 && gani_name_ends(name, ".bin");
}

/* CIFAR-10's files are called ..._batch..., CIFAR-100's train.bin and test.bin. */
static gan_status open_cifar(gan_dataset **out, gan_context *context, const char *const *paths, int32_t count,
                             const gan_folder_options *options) {
    const char *slash = strrchr(paths[0], '/'), *name = slash == NULL ? paths[0] : slash + 1;
    gan_cifar_options cifar;
    memset(&cifar, 0, sizeof cifar);
    cifar.label_bytes = strcmp(name, "train.bin") == 0 || strcmp(name, "test.bin") == 0 ? 2 : 1;
    return gani_cifar_open(out, context, paths, count, &cifar, options->size, options->channels);
}

/* The data_batch files of a folder as one set; *out stays NULL if there are none. */
static gan_status open_batches(gan_dataset **out, gan_context *context, const char *folder,
                               const gan_folder_options *options) {
    gani_names list;
    gan_status status = gani_names_list(&list, context, folder, is_batch_name);
    if (status != GAN_OK) return status;
    if (list.count > FILES_MOST)
        status = gani_fail(context, GAN_E_LIMIT, "'%s' holds more than %d data_batch files", folder, FILES_MOST);
    for (size_t i = 0; i < list.count && status == GAN_OK; i++) { /* names become paths */
        char *path = gani_path_join(context, folder, list.items[i]);
        if (path == NULL) {
            status = GAN_E_MEMORY;
            break;
        }
        gani_free(context, list.items[i]);
        list.items[i] = path;
    }
    if (status == GAN_OK && list.count > 0)
        status = open_cifar(out, context, (const char *const *)list.items, (int32_t)list.count, options);
    gani_names_end(&list);
    return status;
}

/* ---- any path ---- */

static gan_status open_file(gan_dataset **out, gan_context *context, const char *path,
                            const gan_folder_options *options) {
    if (gani_name_ends(path, ".tsv")) return gani_captions_open(out, context, path, options);
    if (gani_name_ends(path, ".bin")) return open_cifar(out, context, &path, 1, options);
    return open_images(out, context, path, options);
}

/* A file of a folder, if it is there; *out stays NULL otherwise. */
static gan_status try_file(gan_dataset **out, gan_context *context, const char *folder, const char *name,
                           const gan_folder_options *options) {
    char *path = gani_path_join(context, folder, name);
    if (path == NULL) return GAN_E_MEMORY;
    int there;
    gan_status status = look_for(context, path, &there);
    if (there) status = open_file(out, context, path, options);
    gani_free(context, path);
    return status;
}

static gan_status open_folder(gan_dataset **out, gan_context *context, const char *path,
                              const gan_folder_options *options) {
    static const char mnist[2][32] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"};
    static const char cifar[3][16] = {"train.bin", "test_batch.bin", "test.bin"}; /* training files first */
    gan_status status = GAN_OK;
    for (int i = 0; i < 2 && status == GAN_OK && *out == NULL; i++)
        status = try_file(out, context, path, mnist[i], options);
    if (status == GAN_OK && *out == NULL) status = open_batches(out, context, path, options);
    for (int i = 0; i < 3 && status == GAN_OK && *out == NULL; i++)
        status = try_file(out, context, path, cifar[i], options);
    if (status != GAN_OK || *out != NULL) return status;
    return gani_folder_open(out, context, path, options);
}

gan_status gani_dataset_open(gan_dataset **out, gan_context *context, const char *path,
                             const gan_folder_options *options) {
    int is_folder;
    long long bytes;
    if (context->io->stat(path, &is_folder, &bytes) != 0)
        return gani_fail(context, GAN_E_IO, "cannot open '%s': %s", path,
                         errno == ENOENT ? "there is no such file or folder" : "it cannot be looked at");
    return is_folder ? open_folder(out, context, path, options) : open_file(out, context, path, options);
}
