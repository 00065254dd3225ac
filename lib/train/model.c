/* A model: a network with the description of its input and of its values. */
#include "train/model.h"

#include <string.h>

#include "nn/types.h"

#define BATCH 64 /* images at once: bounds the memory of a large sample */

gan_status gani_model_new(gan_model **out, gan_layer *layer, const int32_t *kinds, double low, double high) {
    *out = NULL;
    gan_context *context = layer->context;
    gan_model *model = gani_calloc(context, 1, sizeof *model);
    if (model == NULL) return gani_no_memory(context, "model");
    atomic_init(&model->references, 1);
    model->context = gani_context_retain(context);
    model->layer = gani_layer_retain(layer);
    memcpy(model->kinds, kinds, (size_t)layer->input_count * sizeof *kinds);
    model->low = low;
    model->high = high;
    *out = model;
    return GAN_OK;
}

gan_model *gani_model_retain(gan_model *model) {
    atomic_fetch_add(&model->references, 1);
    return model;
}

void gani_model_drop(gan_model *model) {
    if (model == NULL || atomic_fetch_sub(&model->references, 1) != 1) return;
    gan_context *context = model->context;
    gani_layer_drop(model->layer);
    gani_free(context, model);
    gan_context_release(context);
}

/* Some layers look at the whole batch in evaluation too: then it must not be cut. */
static int ties_batch(const gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        const gani_module_type *type = module->type;
        int compares = type == &gani_type_minibatch_discrimination || type == &gani_type_minibatch_std;
        if (compares || (gani_is_batch_norm(type) && !module->config.track_running_stats)) return 1;
    }
    return 0;
}
int gani_is_one_batch(const gan_layer *layer) {
    int found = ties_batch(layer);
    for (int32_t i = 0; i < layer->inner_count; i++) found |= ties_batch(layer->inner[i].network);
    return found;
}

typedef struct generation {
    gan_tape *tape;
    gan_layer *layer;
    gan_tensor *const *inputs;
    int32_t output;
    gan_tensor *result;
    double statistics; /* > 0: there is no result, the layer's statistics are moved by so much */
} generation;

/* Items [start, start + count). */
static gan_status run_batch(const generation *g, int64_t start, int64_t count) {
    gan_tape *tape = g->tape;
    gan_tensor *xs[GANI_MAX_PORTS], *ys[GANI_MAX_PORTS];
    gani_tape_clear(tape);
    tape->recording = 0;
    for (int32_t i = 0; i < g->layer->input_count; i++) {
        xs[i] = gani_result(tape, gani_input_dtype(g->layer, i), gani_with_batch(g->layer->inputs[i].shape, count));
        if (gani_failed(tape)) break;
        gan_tensor part = gani_tensor_items(g->inputs[i], start, count);
        gani_tensor_copy_values(xs[i], &part);
    }
    if (!gani_failed(tape) && g->statistics > 0)
        gani_layer_move_statistics(tape, g->layer, xs, g->layer->input_count, g->statistics);
    else if (!gani_failed(tape))
        gani_layer_forward(tape, g->layer, xs, g->layer->input_count, ys);
    if (gani_failed(tape)) return gani_fail(tape->context, tape->status, "%s", tape->message);
    if (g->statistics > 0) return GAN_OK;
    gan_tensor place = gani_tensor_items(g->result, start, count);
    gani_tensor_copy_values(&place, ys[g->output]);
    return GAN_OK;
}

gan_status gani_model_check_input(const gan_layer *layer, int32_t index, const gan_tensor *x) {
    gan_context *context = layer->context;
    const gani_input *input = &layer->inputs[index];
    char given[GANI_SHAPE_TEXT], expected[GANI_SHAPE_TEXT];
    if (x->gone)
        return gani_fail(context, GAN_E_STATE, "input '%s' of the model has ended: clone it earlier", input->name);
    if (input->limit > 0 ? x->dtype != GAN_I32 : !gani_is_float(x->dtype))
        return gani_fail(context, GAN_E_DTYPE, "input '%s' of the model must be of type %s", input->name,
                         input->limit > 0 ? "i32" : "f32 or f64");
    int64_t batch = x->shape.rank < 1 ? 0 : x->shape.size[0];
    if (!gan_shape_equal(x->shape, gani_with_batch(input->shape, batch)))
        return gani_fail(context, GAN_E_SHAPE, "input '%s' has shape %s, the model expects batch x %s", input->name,
                         gani_shape_text(x->shape, given), gani_shape_text(input->shape, expected));
    return GAN_OK;
}

static gan_status check_inputs(const gan_layer *layer, gan_tensor *const *inputs) {
    for (int32_t i = 0; i < layer->input_count; i++) {
        gan_status status = gani_model_check_input(layer, i, inputs[i]);
        if (status != GAN_OK) return status;
        if (inputs[i]->shape.size[0] != inputs[0]->shape.size[0])
            return gani_fail(layer->context, GAN_E_ARGUMENT, "input '%s' has %lld items, input '%s' %lld",
                             layer->inputs[i].name, (long long)inputs[i]->shape.size[0], layer->inputs[0].name,
                             (long long)inputs[0]->shape.size[0]);
    }
    return GAN_OK;
}

static gan_status run_batches(const generation *g, int64_t count) {
    int64_t batch = gani_is_one_batch(g->layer) ? count : BATCH;
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < count && status == GAN_OK; i += batch) {
        if (i > 0 && gani_cancelled(g->layer->context))
            status = gani_fail(g->layer->context, GAN_E_CANCELLED, "generating was cancelled");
        else
            status = run_batch(g, i, count - i < batch ? count - i : batch);
    }
    return status;
}

gan_status gani_layer_evaluate(gan_tensor **out, gan_layer *layer, int32_t output, gan_tensor *const *inputs) {
    *out = NULL;
    gan_context *context = layer->context;
    generation g = {.layer = layer, .inputs = inputs, .output = output};
    gan_status status = check_inputs(layer, inputs);
    if (status != GAN_OK) return status;
    int64_t count = inputs[0]->shape.size[0];
    gan_shape shape = gani_with_batch(gani_point_shape(layer, layer->outputs[output].point), count);
    status = gani_shape_check(context, "batch", shape, layer->dtype);
    if (status == GAN_OK) status = gani_tensor_new(&g.result, context, layer->dtype, shape);
    if (status != GAN_OK) return status;
    status = gani_tape_new(&g.tape, context, &gani_operations_basis);
    if (status == GAN_OK) {
        int32_t training = layer->training;
        layer->training = 0;
        status = run_batches(&g, count);
        layer->training = training;
        gani_tape_end(g.tape);
    }
    if (status != GAN_OK)
        gani_tensor_drop(g.result);
    else
        *out = g.result;
    return status;
}

/* One pass, of `some` items from `first` on. */
static gan_status move_statistics(generation *g, gan_model *model, int64_t first, int64_t some, uint64_t seed) {
    gan_tensor *inputs[GANI_MAX_PORTS];
    gan_status status = gani_model_draw_some(inputs, model, first, some, seed);
    if (status != GAN_OK) return status;
    g->inputs = inputs;
    status = run_batch(g, 0, some);
    gani_drop_all(inputs, model->layer->input_count);
    return status;
}

/* Passes of equal size, as far as that can be, of BATCH items at most. */
static gan_status move_by_all(gan_model *model, int64_t count, uint64_t seed, int may_cancel) {
    generation g = {.layer = model->layer};
    int64_t passes = (count - 1) / BATCH + 1, first = 0;
    gan_status status = gani_tape_new(&g.tape, model->context, &gani_operations_basis);
    if (status != GAN_OK) return status;
    for (int64_t k = 0; k < passes && status == GAN_OK; k++) {
        int64_t some = count / passes + (k < count % passes);
        g.statistics = 1 / (double)(k + 1);
        if (may_cancel && k > 0 && gani_cancelled(model->context))
            status = gani_fail(model->context, GAN_E_CANCELLED, "gathering statistics was cancelled");
        else
            status = move_statistics(&g, model, first, some, seed);
        first += some;
    }
    gani_tape_end(g.tape);
    return status;
}

gan_status gani_model_update_statistics(gan_model *model, int64_t count, uint64_t seed, int may_cancel) {
    if (!gani_layer_has_statistics(model->layer)) return GAN_OK;
    char *kept = gani_alloc(model->context, gani_layer_move_buffers(model->layer, NULL, 0));
    if (kept == NULL) return gani_no_memory(model->context, "statistics");
    gani_layer_move_buffers(model->layer, kept, 0);
    gan_status status = move_by_all(model, count, seed, may_cancel);
    if (status != GAN_OK) gani_layer_move_buffers(model->layer, kept, 1);
    gani_free(model->context, kept);
    return status;
}

gan_status gani_model_generate(gan_tensor **out, gan_model *model, gan_tensor *const *inputs) {
    return gani_layer_evaluate(out, model->layer, 0, inputs); /* of several outputs the first counts */
}

gan_status gani_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    *out = NULL;
    gan_tensor *inputs[GANI_MAX_PORTS];
    gan_status status = gani_model_draw(inputs, model, count, seed);
    if (status != GAN_OK) return status;
    status = gani_model_generate(out, model, inputs);
    gani_drop_all(inputs, model->layer->input_count);
    return status;
}
