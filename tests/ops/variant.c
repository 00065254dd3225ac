#include "variant.h"

int variant_next(gan_shape shape, int64_t *at) {
    for (int32_t i = shape.rank - 1; i >= 0; i--) {
        if (++at[i] < shape.size[i]) return 1;
        at[i] = 0;
    }
    return 0;
}

int64_t variant_offset(gan_shape shape, const int64_t *at) {
    int64_t offset = 0;
    for (int32_t i = 0; i < shape.rank; i++) offset = offset * shape.size[i] + at[i];
    return offset;
}

int64_t variant_broadcast_offset(gan_shape shape, gan_shape result, const int64_t *at) {
    int64_t offset = 0;
    for (int32_t i = 0; i < shape.rank; i++)
        offset = offset * shape.size[i] + (shape.size[i] == 1 ? 0 : at[i + result.rank - shape.rank]);
    return offset;
}
