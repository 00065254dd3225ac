/* CIFAR files and class names. A byte of choices: bit 0: two label bytes; bit 1: coarse ones; bit 2: whole records are
 * made of what is there; bit 3: names; bits 4 and 5: fitted into another shape. Then the size of the names, the names,
 * the records. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define PIXELS 3072
#define RECORDS 2

/* Labels and a few pixels for each record: whole ones would be mostly the same to a fuzzer. */
static void put_records(fuzz_bytes bytes, size_t label_bytes) {
    static uint8_t file[RECORDS * (2 + PIXELS)];
    memset(file, 0, sizeof file);
    size_t record = label_bytes + PIXELS;
    for (size_t i = 0; i < RECORDS; i++)
        for (size_t k = 0; k < 16; k++) file[i * record + k] = fuzz_u8(&bytes);
    fuzz_file("folder/train.bin", file, RECORDS * record);
}

static void read_items(gan_dataset *dataset) {
    size_t item = (size_t)gan_shape_count(gan_dataset_shape(dataset));
    uint8_t *pixels = malloc(item);
    if (pixels == NULL) abort();
    for (int64_t i = 0; i < gan_dataset_count(dataset); i++) {
        int32_t label;
        fuzz_expect(gan_dataset_read(dataset, i, pixels, item, &label) == GAN_OK, "an item cannot be read");
        fuzz_expect(gan_dataset_class_name(dataset, label) != NULL, "a class without a name");
    }
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    gan_context *context = fuzz_begin();
    uint8_t how = fuzz_u8(&bytes);
    size_t names = fuzz_u8(&bytes) * (size_t)4;
    if (names > bytes.size) names = bytes.size;
    gan_cifar_options options;
    gan_cifar_options_init(&options);
    options.label_bytes = how & 1 ? 2 : 1;
    options.coarse = (how & 3) == 3;
    if (how & 8) {
        fuzz_file("folder/batches.meta.txt", bytes.data, names);
        fuzz_file("folder/fine_label_names.txt", bytes.data, names);
        fuzz_file("folder/coarse_label_names.txt", bytes.data, names);
        bytes.data += names;
        bytes.size -= names;
    }
    if (how & 4)
        put_records(bytes, how & 1 ? 2 : 1);
    else
        fuzz_file("folder/train.bin", bytes.data, bytes.size);
    gan_dataset *dataset = NULL;
    gan_folder_options shape;
    gan_folder_options_init(&shape);
    if (how & 32) shape.size = 9;
    if (how & 64) shape.channels = 1;
    const char *paths[] = {"folder/train.bin", "folder/train.bin"};
    gan_status status = how & 16 ? gan_dataset_open(&dataset, context, "folder", &shape)
                                 : gan_cifar_open(&dataset, context, paths, 1 + (how >> 7), &options);
    if (fuzz_status(context, status) == GAN_OK) read_items(dataset);
    gan_dataset_release(dataset);
    fuzz_end(context);
    return 0;
}
