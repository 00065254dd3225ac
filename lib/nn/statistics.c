/* Running statistics that are not what training left, but those of given batches: "standing statistics" of BigGAN
 * (Brock et al. 2019). An average of weights needs them: a copy of the network's would not fit its other weights. */
#include <string.h>

#include "nn/types.h"

static int keeps_statistics(const gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++)
        if (gani_is_batch_norm(layer->modules[i].type) && layer->modules[i].config.track_running_stats) return 1;
    return 0;
}
int gani_layer_has_statistics(const gan_layer *layer) {
    int found = keeps_statistics(layer);
    for (int32_t i = 0; i < layer->inner_count; i++) found |= keeps_statistics(layer->inner[i].network);
    return found;
}

size_t gani_layer_move_buffers(const gan_layer *layer, char *kept, int back) {
    size_t at = 0;
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        gan_tensor *tensor = layer->tensors[i].tensor;
        size_t size = (size_t)gani_count(tensor) * gan_dtype_size(tensor->dtype);
        if (layer->tensors[i].is_parameter || size == 0) continue;
        if (kept != NULL) memcpy(back ? tensor->data : kept + at, back ? kept + at : tensor->data, size);
        if (back) gani_tensor_touch(tensor);
        at += size;
    }
    return at;
}

/* A pass that fails half-way has moved some: they go back. */
void gani_layer_move_statistics(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count,
                                double momentum) {
    if (!gani_layer_ready(tape, layer, xs, count) || !gani_layer_has_statistics(layer)) return;
    char *kept = gani_scratch(tape, gani_layer_move_buffers(layer, NULL, 0));
    if (kept == NULL) return;
    gani_layer_move_buffers(layer, kept, 0);
    const gani_pass pass = {.dtype = layer->dtype, .slope = GANI_NO_ACTIVATION, .statistics = momentum};
    gan_tensor *ys[GANI_MAX_PORTS];
    int32_t recording = tape->recording;
    tape->recording = 0;
    gani_layer_pass(tape, &pass, layer, xs, ys);
    tape->recording = recording;
    if (gani_failed(tape)) gani_layer_move_buffers(layer, kept, 1);
    for (int32_t i = 0; i < layer->output_count && !gani_failed(tape); i++) gani_tape_drop(tape, ys[i]);
    gani_scratch_end(tape, kept);
}
