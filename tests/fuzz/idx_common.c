#include "idx_common.h"

#include <stdlib.h>

static void read_items(gan_context *context, gan_dataset *dataset) {
    int64_t count = gan_dataset_count(dataset), item = gan_shape_count(gan_dataset_shape(dataset));
    fuzz_expect(count > 0 && item > 0, "a dataset without items");
    if (item > (1 << 20)) return;
    uint8_t *pixels = malloc((size_t)item);
    if (pixels == NULL) abort();
    for (int64_t i = 0; i < count && i < 3; i++) {
        int32_t label;
        int64_t index = i == 2 ? count - 1 : i;
        fuzz_expect(gan_dataset_read(dataset, index, pixels, (size_t)item, &label) == GAN_OK, "an item cannot be read");
        fuzz_expect(label >= -1 && label < gan_dataset_classes(dataset) + (label < 0), "a label without a class");
        if (label >= 0) fuzz_expect(gan_dataset_class_name(dataset, label) != NULL, "a class without a name");
    }
    free(pixels);
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = count < 4 ? count : 4;
    gan_loader *loader = NULL;
    if (count * item < (1 << 16) && fuzz_status(context, gan_loader_create(&loader, dataset, &options)) == GAN_OK)
        fuzz_expect(gan_loader_next(loader, NULL, NULL) == GAN_OK, "no batch");
    gan_loader_release(loader);
}

void idx_read(gan_context *context, const char *images, const char *labels, uint8_t how) {
    gan_dataset *dataset = NULL;
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = how & 4 ? 32 : -1;
    options.channels = how & 8 ? 3 : -1;
    gan_status status = how & 2 ? gan_dataset_open(&dataset, context, how & 16 ? "folder" : images, &options)
                                : gan_idx_open(&dataset, context, images, labels);
    fuzz_expect((fuzz_status(context, status) == GAN_OK) == (dataset != NULL), "a status and its result disagree");
    if (dataset != NULL) read_items(context, dataset);
    gan_dataset_release(dataset);
}
