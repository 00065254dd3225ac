/* Copies of networks. What is shared inside (tied tensors, a network used twice) is shared inside the copy. */
#include "nn/layer.h"

#include <string.h>

typedef struct copier {
    gan_context *context; /* of the copy */
    const gan_layer *source;
    gan_tensor **tensors; /* in the source's order */
    gan_layer **networks; /* in the order of the source's networks inside */
} copier;

static gan_tensor *tensor_of(const copier *c, const gan_tensor *tensor) {
    for (int32_t i = 0; i < c->source->tensor_count; i++)
        if (c->source->tensors[i].tensor == tensor) return c->tensors[i];
    return NULL;
}

static void *duplicate(gan_context *context, const void *array, int32_t count, size_t size, gan_status *status) {
    void *copy = gani_calloc(context, (size_t)count, size);
    if (copy == NULL)
        *status = gani_no_memory(context, "layer");
    else if (count > 0)
        memcpy(copy, array, (size_t)count * size);
    return copy;
}

static gan_status copy_network(copier *c, gan_layer **out, const gan_layer *layer);

/* The copy of a network inside: made when it is met first. */
static gan_status copy_inner(copier *c, gan_layer **out, const gan_layer *network) {
    int32_t i = 0;
    while (c->source->inner[i].network != network) i++;
    gan_status status = c->networks[i] != NULL ? GAN_OK : copy_network(c, &c->networks[i], network);
    if (status == GAN_OK) *out = gani_layer_retain(c->networks[i]);
    return status;
}

static gan_status copy_module(copier *c, gan_layer *copy, const gani_module *from) {
    gani_module *to = &copy->modules[copy->module_count++];
    *to = *from;
    to->config.network = NULL;
    to->config.text = NULL;
    for (int32_t k = 0; k < from->tensor_count; k++) to->tensors[k] = gan_tensor_retain(tensor_of(c, from->tensors[k]));
    if (from->config.text != NULL && (to->config.text = gani_strdup(copy->context, from->config.text)) == NULL)
        return gani_no_memory(copy->context, "layer");
    return from->config.network == NULL ? GAN_OK : copy_inner(c, &to->config.network, from->config.network);
}

static gan_status copy_network(copier *c, gan_layer **out, const gan_layer *layer) {
    gan_context *context = c->context;
    gan_layer *copy = gani_calloc(context, 1, sizeof *copy);
    if (copy == NULL) return gani_no_memory(context, "layer");
    gan_status status = GAN_OK;
    atomic_init(&copy->references, 1);
    copy->context = gani_context_retain(context);
    copy->dtype = layer->dtype;
    copy->training = layer->training;
    copy->depth = layer->depth;
    copy->steps = layer->steps;
    copy->input_count = layer->input_count;
    copy->result_count = layer->result_count;
    copy->output_count = layer->output_count;
    copy->inputs = duplicate(context, layer->inputs, layer->input_count, sizeof *copy->inputs, &status);
    copy->results = duplicate(context, layer->results, layer->result_count, sizeof *copy->results, &status);
    copy->outputs = duplicate(context, layer->outputs, layer->output_count, sizeof *copy->outputs, &status);
    copy->modules = duplicate(context, layer->modules, layer->module_count, sizeof *copy->modules, &status);
    for (int32_t i = 0; i < layer->module_count && status == GAN_OK; i++)
        status = copy_module(c, copy, &layer->modules[i]);
    if (status == GAN_OK) status = gani_layer_list_inner(copy);
    if (status == GAN_OK) status = gani_layer_name(copy);
    if (status == GAN_OK)
        *out = copy;
    else
        gani_layer_drop(copy);
    return status;
}

static gan_status copy_tensors(copier *c) {
    for (int32_t i = 0; i < c->source->tensor_count; i++) {
        const gan_tensor *from = c->source->tensors[i].tensor;
        gan_status status = gani_tensor_new(&c->tensors[i], c->context, from->dtype, from->shape);
        if (status != GAN_OK) return status;
        gani_tensor_copy_values(c->tensors[i], from);
        c->tensors[i]->tracked = from->tracked;
    }
    return GAN_OK;
}

gan_status gani_layer_clone(gan_layer **out, gan_context *context, const gan_layer *layer) {
    *out = NULL;
    copier c = {.context = context, .source = layer};
    c.tensors = gani_calloc(context, (size_t)layer->tensor_count, sizeof(gan_tensor *));
    c.networks = gani_calloc(context, (size_t)layer->inner_count, sizeof(gan_layer *));
    gan_status status = c.tensors == NULL || c.networks == NULL ? gani_no_memory(context, "layer") : copy_tensors(&c);
    if (status == GAN_OK) status = copy_network(&c, out, layer);
    for (int32_t i = 0; i < layer->tensor_count && c.tensors != NULL; i++) gani_tensor_drop(c.tensors[i]);
    for (int32_t i = 0; i < layer->inner_count && c.networks != NULL; i++) gani_layer_drop(c.networks[i]);
    gani_free(context, c.tensors);
    gani_free(context, c.networks);
    return status;
}
