/* A model: a network with the description of its input and of its values. */
#include "train/model.h"

#include <string.h>

#define BATCH 64 /* images at once: bounds the memory of a large sample */

gan_status gani_model_new(gan_model **out, gan_layer *layer, const gan_model_options *options) {
    *out = NULL;
    gan_context *context = layer->context;
    gan_model *model = gani_calloc(context, 1, sizeof *model);
    if (model == NULL) return gani_no_memory(context, "model");
    atomic_init(&model->references, 1);
    model->context = gani_context_retain(context);
    model->layer = gani_layer_retain(layer);
    model->input = options->input;
    model->low = options->low;
    model->high = options->high;
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

static gan_status new_batch(gan_tensor **out, gan_context *context, gan_dtype dtype, gan_shape item, int64_t batch) {
    gan_shape shape = gani_with_batch(item, batch);
    gan_status status = gani_shape_check(context, "batch", shape, dtype);
    return status != GAN_OK ? status : gani_tensor_new(out, context, dtype, shape);
}

void gani_draw_latent(gan_tensor *latent, int32_t input, uint64_t seed, uint64_t block) {
    if (input == GAN_INPUT_NORMAL)
        gani_tensor_normal(latent, seed, GAN_STREAM_SAMPLE, block, 0, 1);
    else
        gani_tensor_uniform(latent, seed, GAN_STREAM_SAMPLE, block, -1, 1);
}

gan_status gani_model_latent(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    *out = NULL;
    const gan_layer *layer = model->layer;
    if (model->input == GAN_INPUT_IMAGE)
        return gani_fail(model->context, GAN_E_UNSUPPORTED,
                         "the model's input is an image: there are no latent vectors to draw");
    gan_tensor *latent;
    gan_status status = new_batch(&latent, model->context, layer->dtype, layer->inputs[0].shape, count);
    if (status != GAN_OK) return status;
    gani_draw_latent(latent, model->input, seed, 0);
    *out = latent;
    return GAN_OK;
}

/* Batch statistics in evaluation tie a batch's images together: then it must not be cut. */
static int ties_batch(const gan_layer *layer) {
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        const gani_module_type *type = module->type;
        int is_norm = type == &gani_type_batch_norm || type == &gani_type_conditional_batch_norm ||
                      type == &gani_type_modulated_batch_norm;
        if (is_norm ? !module->config.track_running_stats : type == &gani_type_minibatch_discrimination) return 1;
    }
    return 0;
}
int gani_is_one_batch(const gan_layer *layer) {
    int found = ties_batch(layer);
    for (int32_t i = 0; i < layer->inner_count; i++) found |= ties_batch(layer->inner[i].network);
    return found;
}

static gan_status run_batch(gan_tape *tape, gan_layer *layer, int32_t output, const gan_tensor *inputs, int64_t start,
                            int64_t count, gan_tensor *out) {
    gan_tensor *ys[GANI_MAX_PORTS];
    gani_tape_clear(tape);
    tape->recording = 0;
    gan_tensor *x = gani_result(tape, layer->dtype, gani_with_batch(layer->inputs[0].shape, count));
    if (gani_failed(tape)) return gani_fail(tape->context, tape->status, "%s", tape->message);
    gan_tensor part = gani_tensor_items(inputs, start, count);
    gani_tensor_copy_values(x, &part);
    gani_layer_forward(tape, layer, &x, 1, ys);
    if (gani_failed(tape)) return gani_fail(tape->context, tape->status, "%s", tape->message);
    gan_tensor place = gani_tensor_items(out, start, count);
    gani_tensor_copy_values(&place, ys[output]);
    return GAN_OK;
}

gan_status gani_layer_evaluate(gan_tensor **out, gan_layer *layer, int32_t output, const gan_tensor *inputs) {
    *out = NULL;
    gan_context *context = layer->context;
    char given[GANI_SHAPE_TEXT], expected[GANI_SHAPE_TEXT];
    if (inputs->gone) return gani_fail(context, GAN_E_STATE, "the inputs of the model have ended: clone them earlier");
    if (!gani_is_float(inputs->dtype))
        return gani_fail(context, GAN_E_DTYPE, "the inputs of a model must be of type f32 or f64");
    int64_t count = inputs->shape.rank < 1 ? 0 : inputs->shape.size[0];
    if (!gan_shape_equal(inputs->shape, gani_with_batch(layer->inputs[0].shape, count)))
        return gani_fail(context, GAN_E_SHAPE, "the inputs have shape %s, the model expects batch x %s",
                         gani_shape_text(inputs->shape, given), gani_shape_text(layer->inputs[0].shape, expected));
    gan_shape item = gani_point_shape(layer, layer->outputs[output].point);
    gan_tensor *result;
    gan_tape *tape;
    gan_status status = new_batch(&result, context, layer->dtype, item, count);
    if (status != GAN_OK) return status;
    status = gani_tape_new(&tape, context, &gani_operations_basis);
    if (status != GAN_OK) {
        gani_tensor_drop(result);
        return status;
    }
    int32_t training = layer->training;
    layer->training = 0;
    int64_t batch = gani_is_one_batch(layer) ? count : BATCH;
    for (int64_t i = 0; i < count && status == GAN_OK; i += batch) {
        if (i > 0 && gani_cancelled(context))
            status = gani_fail(context, GAN_E_CANCELLED, "generating was cancelled");
        else
            status = run_batch(tape, layer, output, inputs, i, count - i < batch ? count - i : batch, result);
    }
    layer->training = training;
    gani_tape_end(tape);
    if (status != GAN_OK)
        gani_tensor_drop(result);
    else
        *out = result;
    return status;
}

gan_status gani_model_generate(gan_tensor **out, gan_model *model, const gan_tensor *inputs) {
    return gani_layer_evaluate(out, model->layer, 0, inputs); /* of several outputs the first counts */
}

gan_status gani_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    *out = NULL;
    gan_tensor *latent;
    gan_status status = gani_model_latent(&latent, model, count, seed);
    if (status != GAN_OK) return status;
    status = gani_model_generate(out, model, latent);
    gani_tensor_drop(latent);
    return status;
}
