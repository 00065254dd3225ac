/* Captions: a text of lines, with two images that they may name. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void put_image(gan_context *context, const char *path) {
    uint8_t pixels[4] = {1, 2, 3, 4};
    gan_tensor *image = NULL;
    fuzz_expect(gan_tensor_wrap(&image, context, GAN_U8, gan_shape_3d(1, 2, 2), pixels, NULL, NULL) == GAN_OK, "image");
    fuzz_expect(gan_png_write(image, path) == GAN_OK, "png");
    gan_tensor_release(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gan_context *context = fuzz_begin();
    put_image(context, "folder/a.png");
    put_image(context, "folder/b/c.png");
    put_image(context, "outside.png");
    fuzz_file("folder/captions.tsv", data, size);
    gan_dataset *dataset = NULL;
    if (fuzz_status(context, gan_captions_open(&dataset, context, "folder/captions.tsv", NULL)) == GAN_OK) {
        size_t bytes = 0;
        for (int64_t i = 0; i < gan_dataset_count(dataset); i++) {
            int64_t count = gan_dataset_caption_count(dataset, i);
            fuzz_expect(count >= 1, "an image without captions");
            for (int64_t k = 0; k < count; k++) {
                const char *caption = gan_dataset_caption(dataset, i, k);
                fuzz_expect(caption != NULL && caption[0] != '\0', "an empty caption");
                bytes += strlen(caption);
            }
            fuzz_expect(gan_dataset_caption(dataset, i, count) == NULL, "a caption too many");
        }
        fuzz_expect(bytes < size, "captions that are not in the file");
    }
    gan_dataset_release(dataset);
    fuzz_end(context);
    return 0;
}
