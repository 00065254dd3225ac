/* The weights of convolutions and linear layers in the form that the kernels read: packed in panels, or transformed for
 * minimal filtering. Kernels bring weights into it at every call; a session's stay as they are. */
#include "train/session.h"

/* Transformed weights take four to six times the memory. Where so many places share them, to transform them at each
 * call is below 3% of it (CycleGAN's generator: 2.6% for 120 MB). */
#define MANY_PLACES 4096

/* The weight becomes a tensor without values; what its storage holds is the block. */
static gan_status pack(gan_tensor *weight, const gani_conv_shape *s, int32_t transposed) {
    gan_context *context = weight->context;
    gani_pool *pool = context->pool;
    const gani_kernels *kernels = gani_kernels_for(context, weight->dtype);
    size_t size = kernels->conv_pack_size(s, transposed);
    if (size == 0) return GAN_OK;
    int is_wide = size / 2 > (size_t)gani_count(weight) * kernels->element;
    if (is_wide && s->n * s->oh * s->ow >= MANY_PLACES) return GAN_OK;
    int32_t workers = gani_pool_workers(pool);
    void *scratch = gani_alloc(context, transposed ? kernels->conv_input_grad_scratch(s, workers)
                                                   : kernels->conv_forward_scratch(s, workers));
    void *block = gani_alloc(context, size);
    if (scratch != NULL && block != NULL) {
        kernels->conv_pack(pool, scratch, s, transposed, weight->data, block);
        gani_free(context, weight->storage->base);
        weight->storage->base = block;
        weight->data = NULL;
        weight->packed = block;
        block = NULL;
    }
    gani_free(context, block);
    gani_free(context, scratch);
    return weight->packed == NULL ? gani_no_memory(context, "session") : GAN_OK;
}

/* Batches that no memory can hold are refused later, by what they would need: kernels count in int64. */
static int fits(const gani_conv_shape *s) {
    int64_t inputs = s->c * s->h * s->w, outputs = s->o * s->oh * s->ow, bytes;
    return gani_mul_i64(s->n, inputs > outputs ? inputs : outputs, &bytes) && gani_mul_i64(bytes, 256, &bytes);
}

static gan_status pack_network(gan_layer *layer, int64_t batch) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->module_count && status == GAN_OK; i++) {
        gani_module *module = &layer->modules[i];
        gani_conv_shape s;
        int32_t transposed;
        /* what is tied to others they read too, each in a way of its own */
        if (gani_module_conv(layer, module, batch, &s, &transposed) && fits(&s) &&
            atomic_load(&module->tensors[0]->references) == 1)
            status = pack(module->tensors[0], &s, transposed);
    }
    return status;
}

gan_status gani_session_pack(gan_layer *layer, int64_t batch) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->inner_count && status == GAN_OK; i++)
        status = pack_network(layer->inner[i].network, batch);
    return status == GAN_OK ? pack_network(layer, batch) : status;
}
