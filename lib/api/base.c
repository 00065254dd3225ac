/* Exported functions of gan/base.h: pure functions, used inside the library too. */
#include <string.h>

#include <gan/base.h>
#include <gan/version.h>

#include "base/context.h"

GAN_API const char *gan_status_text(gan_status status) {
    switch (status) {
    case GAN_OK:
        return "ok";
    case GAN_E_ARGUMENT:
        return "invalid argument";
    case GAN_E_SHAPE:
        return "shapes do not fit";
    case GAN_E_DTYPE:
        return "wrong element type";
    case GAN_E_MEMORY:
        return "out of memory";
    case GAN_E_LIMIT:
        return "size above a limit";
    case GAN_E_IO:
        return "file operation failed";
    case GAN_E_FORMAT:
        return "file damaged or of another format";
    case GAN_E_UNSUPPORTED:
        return "not supported by this version";
    case GAN_E_NOT_DIFFERENTIABLE:
        return "operation has no such derivative";
    case GAN_E_STATE:
        return "call not possible in this state";
    case GAN_E_CANCELLED:
        return "cancelled";
    case GAN_E_MISMATCH:
        return "data does not belong here";
    case GAN_E_NUMERIC:
        return "not a finite number";
    case GAN_E_SYSTEM:
        return "system resource refused";
    case GAN_E_INTERNAL:
        return "internal error";
    default:
        return "unknown status";
    }
}

#define TEXT_OF(x) #x
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

GAN_API int32_t gan_version(void) { return GAN_VERSION; }

GAN_API const char *gan_version_string(void) {
    return VERSION_TEXT(GAN_VERSION_MAJOR, GAN_VERSION_MINOR, GAN_VERSION_PATCH);
}

GAN_API size_t gan_dtype_size(gan_dtype dtype) {
    switch (dtype) {
    case GAN_F32:
        return 4;
    case GAN_F64:
        return 8;
    case GAN_I32:
        return 4;
    case GAN_U8:
        return 1;
    default:
        return 0;
    }
}

static gan_shape make(int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    gan_shape shape;
    memset(&shape, 0, sizeof shape);
    shape.rank = rank;
    shape.size[0] = a;
    shape.size[1] = b;
    shape.size[2] = c;
    shape.size[3] = d;
    return shape;
}

GAN_API gan_shape gan_shape_0d(void) { return make(0, 0, 0, 0, 0); }
GAN_API gan_shape gan_shape_1d(int64_t a) { return make(1, a, 0, 0, 0); }
GAN_API gan_shape gan_shape_2d(int64_t a, int64_t b) { return make(2, a, b, 0, 0); }
GAN_API gan_shape gan_shape_3d(int64_t a, int64_t b, int64_t c) { return make(3, a, b, c, 0); }
GAN_API gan_shape gan_shape_4d(int64_t a, int64_t b, int64_t c, int64_t d) { return make(4, a, b, c, d); }

GAN_API int64_t gan_shape_count(gan_shape shape) {
    if (shape.rank < 0 || shape.rank > GAN_MAX_RANK) return -1;
    int64_t count = 1;
    int empty = 0;
    for (int32_t i = 0; i < shape.rank; i++) {
        if (shape.size[i] < 0) return -1;
        empty |= shape.size[i] == 0;
    }
    if (empty) return 0;
    for (int32_t i = 0; i < shape.rank; i++)
        if (!gani_mul_i64(count, shape.size[i], &count)) return -1;
    return count;
}

GAN_API int32_t gan_shape_equal(gan_shape a, gan_shape b) {
    if (a.rank != b.rank || a.rank < 0 || a.rank > GAN_MAX_RANK) return 0;
    for (int32_t i = 0; i < a.rank; i++)
        if (a.size[i] != b.size[i]) return 0;
    return 1;
}
