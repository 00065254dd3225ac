/* JPEG files, alone and as a folder of images. The first byte says how the folder is opened. Without libjpeg all are
 * refused. */
#include "fuzz.h"
#include "io/image_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    gan_context *context = fuzz_begin();
    uint8_t how = fuzz_u8(&bytes);
    gani_image image;
    gan_status status = gani_jpeg_decode(&image, context, "file", bytes.data, bytes.size);
    if (fuzz_status(context, status) == GAN_OK) {
        fuzz_expect(image.channels == 1 || image.channels == 3, "an image that is neither grey nor colour");
        gani_free(context, image.pixels);
    }
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = how & 1 ? 5 : -1;
    options.channels = how & 2 ? 3 : how & 4 ? 1 : -1;
    fuzz_file("folder/class/a.jpg", bytes.data, bytes.size);
    gan_dataset *dataset = NULL;
    fuzz_status(context, gan_folder_open(&dataset, context, "folder", &options));
    gan_dataset_release(dataset);
    fuzz_end(context);
    return 0;
}
