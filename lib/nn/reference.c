/* The reference batch of virtual batch normalisation: passed through the network in front of the items that it is for,
 * or alone. */
#include "nn/layer.h"

static int has_virtual(const gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++)
        if (layer->modules[i].type == &gani_type_virtual_batch_norm) return 1;
    return 0;
}

/* 1 if the network has a use for a reference batch, and this one is none of nothing. */
static int check(gan_tape *tape, const gan_layer *layer, gan_tensor *const *references) {
    int found = has_virtual(layer);
    for (int32_t i = 0; i < layer->inner_count; i++) found |= has_virtual(layer->inner[i].network);
    if (!found)
        gani_tape_fail(tape, GAN_E_STATE,
                       "layer: a reference batch is for gan_add_virtual_batch_norm, which is not in "
                       "this network");
    else if (references[0]->shape.size[0] < 1)
        gani_tape_fail(tape, GAN_E_SHAPE, "layer: the reference batch is empty; it needs at least one item");
    return !gani_failed(tape);
}

void gani_layer_set_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    gan_tensor *ys[GANI_MAX_PORTS];
    if (!gani_layer_ready(tape, layer, xs, count) || !check(tape, layer, xs)) return;
    int32_t recording = tape->recording;
    tape->recording = 0;
    gani_layer_apply(tape, layer, xs[0]->shape.size[0], xs, ys);
    tape->recording = recording;
}

/* Numbers or indices, one batch behind the other. */
static gan_tensor *stacked(gan_tape *tape, gan_tensor *reference, gan_tensor *x) {
    gan_tensor *parts[2] = {reference, x};
    if (gani_failed(tape) || x->dtype != GAN_I32) return gani_concat(tape, parts, 2, 0);
    gan_shape shape = x->shape;
    shape.size[0] += reference->shape.size[0];
    gan_tensor *both = gani_result(tape, GAN_I32, shape);
    if (gani_failed(tape)) return both;
    gani_copy_block(reference, 0, both, 0, 0, reference->shape);
    gani_copy_block(x, 0, both, reference->shape.size[0], 0, x->shape);
    return both;
}

void gani_layer_forward_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *references,
                                  gan_tensor *const *xs, int32_t count, gan_tensor **ys) {
    gan_tensor *both[GANI_MAX_PORTS];
    if (gani_layer_ready(tape, layer, references, count) && gani_layer_ready(tape, layer, xs, count) &&
        check(tape, layer, references)) {
        int64_t reference = references[0]->shape.size[0], items = xs[0]->shape.size[0];
        for (int32_t i = 0; i < count; i++) both[i] = stacked(tape, references[i], xs[i]);
        if (!gani_failed(tape)) gani_layer_apply(tape, layer, reference, both, ys);
        for (int32_t i = 0; i < layer->output_count && !gani_failed(tape); i++)
            ys[i] = gani_slice(tape, ys[i], 0, reference, items);
    }
    for (int32_t i = 0; i < layer->output_count && gani_failed(tape); i++) ys[i] = &tape->inert;
}
