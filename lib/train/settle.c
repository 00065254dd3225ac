/* Statistics of their own for averages that are sampled: a network's running statistics do not fit its average. */
#include <string.h>

#include "train/run.h"

static int is_averaged(const gan_run *run, const gan_tensor *tensor) {
    for (int32_t i = 0; i < run->part_count; i++) {
        const gan_ema *ema = run->parts[i].ema;
        if (ema != NULL && gani_layer_index_of(gani_ema_layer(ema), tensor) >= 0) return 1;
    }
    return 0;
}

/* Before the first step an average is still the network, whose statistics fit. */
static int64_t items_for(const gan_run *run, int64_t most) {
    const gan_layer *layer = run->model->layer;
    int averaged = 0;
    if (run->step == 0 || !gani_layer_has_statistics(layer) || gani_model_wants_images(run->model)) return 0;
    for (int32_t i = 0; i < layer->tensor_count && !averaged; i++)
        averaged = is_averaged(run, layer->tensors[i].tensor);
    if (!averaged) return 0;
    return run->options.statistics_count < most ? run->options.statistics_count : most;
}

/* Another one whenever a value has changed. */
static uint64_t version_of(const gan_layer *layer) {
    uint64_t sum = 0;
    for (int32_t i = 0; i < layer->tensor_count; i++)
        if (layer->tensors[i].tensor->storage != NULL) sum += (uint64_t)layer->tensors[i].tensor->storage->version;
    return sum;
}

static gan_status make_copy(gan_run *run) {
    const gan_model *model = run->model;
    gan_layer *copy;
    gan_status status = gani_layer_clone(&copy, run->context, model->layer);
    if (status != GAN_OK) return status;
    status = gani_model_new(&run->settled.model, copy, model->kinds, model->low, model->high);
    gani_layer_drop(copy);
    return status;
}

/* The random numbers of training are those that they are without it. */
static gan_status measure(gan_run *run, int64_t items) {
    gan_layer *copy = run->settled.model->layer;
    uint64_t position[GAN_STREAM_COUNT];
    for (int32_t i = 0; i < copy->tensor_count; i++)
        gani_tensor_copy_values(copy->tensors[i].tensor, run->model->layer->tensors[i].tensor);
    memcpy(position, run->context->position, sizeof position);
    gan_status status = gani_model_update_statistics(run->settled.model, items, run->options.sample_seed + 1, 0);
    memcpy(run->context->position, position, sizeof position);
    return status;
}

gan_status gani_run_settled_model(gan_run *run, int64_t most, gan_model **model) {
    gani_settled *settled = &run->settled;
    int64_t items = run->model == NULL ? 0 : items_for(run, most);
    *model = run->model;
    if (items == 0 || settled->kept != NULL) return GAN_OK; /* the latter: it has them itself */
    uint64_t version = version_of(run->model->layer);
    gan_status status = settled->model == NULL ? make_copy(run) : GAN_OK;
    if (status == GAN_OK && (settled->items != items || settled->version != version)) {
        settled->items = 0;
        status = measure(run, items);
        if (status == GAN_OK) settled->items = items;
        settled->version = version;
    }
    if (status == GAN_OK) *model = settled->model;
    return status;
}

gan_status gani_run_settle(gan_run *run) {
    gan_model *model;
    gan_status status = gani_run_settled_model(run, INT64_MAX, &model);
    if (status != GAN_OK || model == run->model) return status;
    const gan_layer *layer = run->model->layer;
    char *kept = gani_alloc(run->context, gani_layer_move_buffers(layer, NULL, 0));
    if (kept == NULL) return gani_no_memory(run->context, "statistics");
    gani_layer_move_buffers(layer, kept, 0);
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        const gani_named *named = &layer->tensors[i];
        if (named->is_parameter || !is_averaged(run, named->tensor)) continue;
        gani_tensor_copy_values(named->tensor, model->layer->tensors[i].tensor);
        gani_tensor_touch(named->tensor);
    }
    run->settled.kept = kept;
    run->settled.kept_version = version_of(layer);
    return GAN_OK;
}

void gani_run_unsettle(gan_run *run) {
    gani_settled *settled = &run->settled;
    if (settled->kept == NULL) return;
    const gan_layer *layer = run->model->layer;
    if (version_of(layer) == settled->kept_version) gani_layer_move_buffers(layer, settled->kept, 1);
    gani_free(run->context, settled->kept);
    settled->kept = NULL;
}

void gani_run_end_settled(gan_run *run) {
    gani_free(run->context, run->settled.kept);
    gani_model_drop(run->settled.model);
    memset(&run->settled, 0, sizeof run->settled);
}
