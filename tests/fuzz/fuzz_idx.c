/* IDX files: a byte of choices (bit 0: with labels; the others as in idx_common.c), the size of the labels, the labels,
 * the images. */
#include "idx_common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    gan_context *context = fuzz_begin();
    uint8_t how = fuzz_u8(&bytes);
    size_t labels = how & 1 ? fuzz_u8(&bytes) : 0;
    if (labels > bytes.size) labels = bytes.size;
    if (how & 1) fuzz_file("folder/" IDX_LABELS, bytes.data, labels);
    fuzz_file("folder/" IDX_IMAGES, bytes.data + labels, bytes.size - labels);
    idx_read(context, "folder/" IDX_IMAGES, how & 1 ? "folder/" IDX_LABELS : NULL, how);
    fuzz_end(context);
    return 0;
}
