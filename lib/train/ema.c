/* Exponential moving average of a layer's parameters. */
#include "train/ema.h"

#include "tensor/elements.h"

gan_ema *gani_ema_retain(gan_ema *ema) {
    atomic_fetch_add(&ema->references, 1);
    return ema;
}

void gani_ema_drop(gan_ema *ema) {
    if (ema == NULL || atomic_fetch_sub(&ema->references, 1) != 1) return;
    gan_context *context = gani_context_retain(ema->source->context);
    gani_layer_drop(ema->source);
    gani_layer_drop(ema->average);
    gani_free(context, ema);
    gan_context_release(context);
}

gan_status gani_ema_create(gan_ema **out, gan_layer *layer, double decay) {
    *out = NULL;
    gan_ema *ema = gani_calloc(layer->context, 1, sizeof *ema);
    if (ema == NULL) return gani_no_memory(layer->context, "ema");
    gan_status status = gani_layer_clone(&ema->average, layer->context, layer);
    if (status != GAN_OK) {
        gani_free(layer->context, ema);
        return status;
    }
    atomic_init(&ema->references, 1);
    ema->source = gani_layer_retain(layer);
    layer->sealed = ema->average->sealed = 1; /* the two lists of tensors stay alike */
    ema->average->training = 0;
    ema->decay = decay;
    *out = ema;
    return GAN_OK;
}

typedef struct lerp_pass {
    double weight;
    const char *from;
    char *to;
} lerp_pass;
static void lerp_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const lerp_pass *pass = argument;
    size_t offset = (size_t)first * kernels->element;
    kernels->lerp(count, pass->weight, pass->from + offset, pass->to + offset);
}

void gani_ema_update(gan_ema *ema) {
    for (int32_t i = 0; i < ema->source->tensor_count; i++) {
        const gani_named *from = &ema->source->tensors[i];
        gan_tensor *to = ema->average->tensors[i].tensor;
        if (from->is_parameter) {
            lerp_pass pass = {1 - ema->decay, from->tensor->data, to->data};
            gani_for_elements(to, lerp_share, &pass);
        } else {
            gani_tensor_copy_values(to, from->tensor);
        }
        gani_tensor_touch(to);
    }
}

uint64_t gani_ema_version(const gan_ema *ema) {
    uint64_t sum = 0;
    for (int32_t i = 0; i < ema->source->tensor_count; i++) {
        const gani_named *named = &ema->source->tensors[i];
        if (named->is_parameter && named->tensor->storage != NULL) sum += (uint64_t)named->tensor->storage->version;
    }
    return sum;
}

gan_layer *gani_ema_layer(const gan_ema *ema) { return ema->average; }
