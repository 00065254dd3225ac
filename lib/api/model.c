/* Exported functions of gan/model.h. */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "train/model.h"

GAN_API void gan_model_options_init_sized(gan_model_options *options, size_t size) {
    gan_model_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.input = GAN_INPUT_NORMAL;
    defaults.low = -1;
    defaults.high = 1;
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_model_create(gan_model **out, gan_layer *layer, const gan_model_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || layer == NULL)
        return gani_null(layer == NULL ? NULL : layer->context, "gan_model_create", "an argument");
    gan_context *context = layer->context;
    gan_model_options o;
    gan_model_options_init(&o);
    gan_status status = gani_options_decode(context, "gan_model_create", options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_model_create", o.reserved);
    if (status != GAN_OK) return status;
    if (o.input < GAN_INPUT_NORMAL || o.input > GAN_INPUT_IMAGE)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_model_create: %d is not a kind of input", (int)o.input);
    if (!isfinite(o.low) || !isfinite(o.high) || !(o.low < o.high) || !isfinite(o.high - o.low))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_model_create: low must be below high, and both finite");
    if (layer->input_count != 1)
        return gani_fail(context, GAN_E_UNSUPPORTED, "gan_model_create: the layer has %d inputs; models have one",
                         (int)layer->input_count);
    if (layer->inputs[0].limit > 0)
        return gani_fail(context, GAN_E_UNSUPPORTED, "gan_model_create: the layer's input holds indices");
    return gani_model_new(out, layer, &o);
}

GAN_API void gan_model_release(gan_model *model) {
    GANI_ENTER();
    gani_model_drop(model);
}

GAN_API gan_status gan_model_save(const gan_model *model, const char *path) {
    GANI_ENTER();
    if (model == NULL) return GAN_E_ARGUMENT;
    if (path == NULL) return gani_null(model->context, "gan_model_save", "path");
    return gani_model_save(model, path);
}

GAN_API gan_status gan_model_load(gan_model **out, gan_context *context, const char *path) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || path == NULL) return gani_null(context, "gan_model_load", "out or path");
    return gani_model_load(out, context, path);
}

GAN_API gan_layer *gan_model_layer(const gan_model *model) { return model == NULL ? NULL : model->layer; }

GAN_API int32_t gan_model_input(const gan_model *model) { return model == NULL ? 0 : model->input; }

GAN_API void gan_model_range(const gan_model *model, double *low, double *high) {
    if (low != NULL) *low = model == NULL ? 0 : model->low;
    if (high != NULL) *high = model == NULL ? 0 : model->high;
}

static gan_status check_count(const char *function, gan_tensor **out, const gan_model *model, int64_t count) {
    if (out == NULL) return gani_null(model->context, function, "out");
    if (count < 0) return gani_fail(model->context, GAN_E_ARGUMENT, "%s: count is negative", function);
    return GAN_OK;
}

GAN_API gan_status gan_model_latent(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_count("gan_model_latent", out, model, count);
    return status != GAN_OK ? status : gani_model_latent(out, model, count, seed);
}

GAN_API gan_status gan_model_generate(gan_tensor **out, gan_model *model, const gan_tensor *inputs) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || inputs == NULL) return gani_null(model->context, "gan_model_generate", "out or inputs");
    if (inputs->dtype == 0)
        return gani_fail(model->context, GAN_E_STATE,
                         "gan_model_generate: the inputs are the result of a failed operation");
    if (inputs->context != model->context)
        return gani_fail(model->context, GAN_E_ARGUMENT, "gan_model_generate: the inputs belong to another context");
    return gani_model_generate(out, model, inputs);
}

GAN_API gan_status gan_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_count("gan_model_sample", out, model, count);
    return status != GAN_OK ? status : gani_model_sample(out, model, count, seed);
}

GAN_API gan_status gan_layer_save(const gan_layer *layer, const char *path) {
    GANI_ENTER();
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (path == NULL) return gani_null(layer->context, "gan_layer_save", "path");
    return gani_layer_save(layer, path);
}

GAN_API gan_status gan_layer_load(gan_layer *layer, const char *path) {
    GANI_ENTER();
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (path == NULL) return gani_null(layer->context, "gan_layer_load", "path");
    return gani_layer_load(layer, path);
}
