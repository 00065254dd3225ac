/* IDX files under gzip: a byte of choices (bit 0: the rest is compressed first; the others as in idx_common.c), the
 * file. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "idx_common.h"

static size_t compress_file(const uint8_t *data, size_t size, uint8_t *out, size_t room) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
    deflateEnd(&stream);
    return room - stream.avail_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    gan_context *context = fuzz_begin();
    uint8_t how = fuzz_u8(&bytes);
    if (how & 1) {
        size_t room = bytes.size + bytes.size / 100 + 1024;
        uint8_t *packed = malloc(room);
        if (packed == NULL) abort();
        fuzz_file("folder/" IDX_IMAGES ".gz", packed, compress_file(bytes.data, bytes.size, packed, room));
        free(packed);
    } else {
        fuzz_file("folder/" IDX_IMAGES ".gz", bytes.data, bytes.size);
    }
    idx_read(context, "folder/" IDX_IMAGES ".gz", NULL, how);
    fuzz_end(context);
    return 0;
}
