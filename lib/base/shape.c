#include <stdio.h>
#include <string.h>

#include "base/context.h"

const char *gani_shape_text(gan_shape shape, char *buffer) {
    if (shape.rank == 0) return strcpy(buffer, "scalar");
    if (shape.rank < 0 || shape.rank > GAN_MAX_RANK) {
        snprintf(buffer, GANI_SHAPE_TEXT, "rank %ld", (long)shape.rank);
        return buffer;
    }
    size_t used = 0;
    for (int32_t i = 0; i < shape.rank; i++) {
        int length = snprintf(buffer + used, GANI_SHAPE_TEXT - used, "%s%lld", i ? "x" : "", (long long)shape.size[i]);
        used += length > 0 ? (size_t)length : 0;
        if (used >= GANI_SHAPE_TEXT) break;
    }
    return buffer;
}

gan_status gani_shape_check(gan_context *context, const char *what, gan_shape shape, gan_dtype dtype) {
    char text[GANI_SHAPE_TEXT];
    size_t element = gan_dtype_size(dtype);
    if (element == 0) return gani_fail(context, GAN_E_DTYPE, "%s: unknown element type %ld", what, (long)dtype);
    if (shape.rank < 0 || shape.rank > GAN_MAX_RANK)
        return gani_fail(context, GAN_E_SHAPE, "%s: rank %ld is not in 0 to %d", what, (long)shape.rank, GAN_MAX_RANK);
    for (int32_t i = 0; i < shape.rank; i++)
        if (shape.size[i] < 0)
            return gani_fail(context, GAN_E_SHAPE, "%s: shape %s has a negative size", what,
                             gani_shape_text(shape, text));
    int64_t count = gan_shape_count(shape), bytes;
    if (count < 0 || !gani_mul_i64(count, (int64_t)element, &bytes) || bytes > INT64_MAX / 4)
        return gani_fail(context, GAN_E_LIMIT, "%s: shape %s has too many elements", what,
                         gani_shape_text(shape, text));
    return GAN_OK;
}
