/* Exported functions of gan/layer.h: initial values. */
#include <math.h>

#include "api/api.h"

GAN_API gan_status gan_layer_init_default(gan_layer *layer) {
    return layer == NULL ? GAN_E_ARGUMENT : gani_layer_init_default(layer);
}
GAN_API gan_status gan_layer_init_dcgan(gan_layer *layer) {
    return layer == NULL ? GAN_E_ARGUMENT : gani_layer_init_dcgan(layer);
}

static gan_status check_init(const char *function, const gan_tensor *tensor, double a, double b) {
    if (!gani_is_plain(tensor) || !gani_is_float(tensor->dtype) || !gani_is_contiguous(tensor))
        return gani_fail(tensor == NULL ? NULL : tensor->context, GAN_E_ARGUMENT,
                         "%s: not a contiguous f32 or f64 tensor of the caller", function);
    if (!isfinite(a) || !isfinite(b))
        return gani_fail(tensor->context, GAN_E_ARGUMENT, "%s: a parameter is not finite", function);
    return GAN_OK;
}
GAN_API gan_status gan_init_normal(gan_tensor *tensor, double mean, double deviation) {
    gan_status status = check_init("gan_init_normal", tensor, mean, deviation);
    if (status == GAN_OK && deviation < 0)
        return gani_fail(tensor->context, GAN_E_ARGUMENT, "gan_init_normal: the deviation is below 0");
    if (status == GAN_OK) gani_init_normal(tensor, mean, deviation);
    return status;
}
GAN_API gan_status gan_init_uniform(gan_tensor *tensor, double low, double high) {
    gan_status status = check_init("gan_init_uniform", tensor, low, high);
    if (status == GAN_OK) gani_init_uniform(tensor, low, high);
    return status;
}
