/* Exported functions of gan/model.h. */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "api/ranges.h"
#include "train/model.h"

GAN_API void gan_model_options_init_sized(gan_model_options *options, size_t size) {
    gan_model_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.input = GAN_INPUT_NORMAL;
    defaults.low = -1;
    defaults.high = 1;
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status take_kinds(int32_t *kinds, const gan_layer *layer, const gan_model_options *o) {
    if (o->inputs == NULL ? o->input_count != 0 : o->input_count != layer->input_count)
        return gani_fail(layer->context, GAN_E_ARGUMENT,
                         "gan_model_create: kinds of %d inputs are given, the layer has %d", (int)o->input_count,
                         (int)layer->input_count);
    for (int32_t i = 0; i < layer->input_count; i++) {
        const gani_input *input = &layer->inputs[i];
        kinds[i] = o->inputs != NULL ? o->inputs[i] : input->limit > 0 ? GAN_INPUT_CLASS : o->input;
        const char *trouble = gani_input_trouble(input, kinds[i]);
        if (trouble != NULL)
            return gani_fail(layer->context, GAN_E_ARGUMENT, "gan_model_create: input '%s': %d %s", input->name,
                             (int)kinds[i], trouble);
    }
    return GAN_OK;
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
    if (status != GAN_OK) return status;
    status = gani_check_low_high(context, "gan_model_create", o.low, o.high, 1);
    if (status != GAN_OK) return status;
    int32_t kinds[GANI_MAX_PORTS];
    status = take_kinds(kinds, layer, &o);
    return status != GAN_OK ? status : gani_model_new(out, layer, kinds, o.low, o.high);
}

GAN_API gan_model *gan_model_retain(gan_model *model) {
    GANI_ENTER();
    return model == NULL ? NULL : gani_model_retain(model);
}

GAN_API gan_context *gan_model_context(const gan_model *model) { return model == NULL ? NULL : model->context; }

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

GAN_API gan_status gan_model_save_stream(const gan_model *model,
                                         gan_status (*write)(void *user, const void *bytes, size_t size), void *user) {
    GANI_ENTER();
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_context *context = model->context;
    if (write == NULL) return gani_null(context, "gan_model_save_stream", "write");
    gan_model *kept = gani_model_retain((gan_model *)(uintptr_t)model); /* the function may release it */
    gan_status status = gani_model_save_stream(kept, write, user);
    gani_model_drop(kept);
    return status;
}

GAN_API gan_status gan_model_load_memory(gan_model **out, gan_context *context, const void *bytes, size_t size) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || bytes == NULL) return gani_null(context, "gan_model_load_memory", "out or bytes");
    return gani_model_load_memory(out, context, bytes, size);
}

GAN_API gan_layer *gan_model_layer(const gan_model *model) { return model == NULL ? NULL : model->layer; }

GAN_API int32_t gan_model_input(const gan_model *model) { return model == NULL ? 0 : model->kinds[0]; }

GAN_API int32_t gan_model_input_kind(const gan_model *model, int32_t index) {
    return model == NULL || index < 0 || index >= model->layer->input_count ? 0 : model->kinds[index];
}

GAN_API void gan_model_range(const gan_model *model, double *low, double *high) {
    if (low != NULL) *low = model == NULL ? 0 : model->low;
    if (high != NULL) *high = model == NULL ? 0 : model->high;
}

static gan_status check_count(const char *function, void *out, const gan_model *model, int64_t count) {
    if (out == NULL) return gani_null(model->context, function, "out");
    if (count < 0) return gani_fail(model->context, GAN_E_ARGUMENT, "%s: count is negative", function);
    return GAN_OK;
}

GAN_API gan_status gan_model_latent(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_count("gan_model_latent", out, model, count);
    return status != GAN_OK ? status : gani_model_latent(out, model, 0, count, seed);
}

GAN_API gan_status gan_model_draw(gan_tensor **outs, gan_model *model, int64_t count, uint64_t seed) {
    GANI_ENTER();
    if (model == NULL) return GAN_E_ARGUMENT;
    for (int32_t i = 0; i < model->layer->input_count && outs != NULL; i++) outs[i] = NULL;
    gan_status status = check_count("gan_model_draw", outs, model, count);
    return status != GAN_OK ? status : gani_model_draw(outs, model, count, seed);
}

GAN_API int64_t gan_model_classes(const gan_model *model) {
    GANI_ENTER();
    int64_t classes = 0;
    if (model != NULL) gani_model_class_input(model, &classes);
    return classes;
}

static gan_status check_given(const char *function, const gan_model *model, int32_t index, const gan_tensor *input) {
    gan_context *context = model->context;
    const char *name = model->layer->inputs[index].name;
    if (input == NULL) return gani_fail(context, GAN_E_ARGUMENT, "%s: input '%s' is NULL", function, name);
    if (input->dtype == 0)
        return gani_fail(context, GAN_E_STATE, "%s: input '%s' is the result of a failed operation", function, name);
    if (input->context != context)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: input '%s' belongs to another context", function, name);
    return GAN_OK;
}

static gan_status check_labels(const gan_model *model, const int32_t *labels, int64_t count, int64_t classes) {
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return gani_fail(model->context, GAN_E_ARGUMENT,
                             "gan_model_set_classes: label %lld is %d, the model has classes 0 to %lld", (long long)i,
                             (int)labels[i], (long long)(classes - 1));
    return GAN_OK;
}

GAN_API gan_status gan_model_set_classes(gan_model *model, gan_tensor *const *inputs, const int32_t *labels,
                                         int64_t count) {
    GANI_ENTER();
    if (model == NULL) return GAN_E_ARGUMENT;
    if (inputs == NULL || labels == NULL) return gani_null(model->context, "gan_model_set_classes", "inputs or labels");
    if (count < 0) return gani_fail(model->context, GAN_E_ARGUMENT, "gan_model_set_classes: count is negative");
    int64_t classes;
    int32_t which = gani_model_class_input(model, &classes);
    if (which < 0)
        return gani_fail(model->context, GAN_E_UNSUPPORTED, "gan_model_set_classes: the model has no classes");
    gan_status status = check_given("gan_model_set_classes", model, which, inputs[which]);
    if (status == GAN_OK) status = gani_model_check_input(model->layer, which, inputs[which]);
    if (status == GAN_OK && !(gani_is_plain(inputs[which]) && gani_is_contiguous(inputs[which])))
        status = gani_fail(model->context, GAN_E_ARGUMENT,
                           "gan_model_set_classes: input '%s' is not a contiguous tensor of the caller",
                           model->layer->inputs[which].name);
    if (status == GAN_OK && inputs[which]->shape.size[0] != count)
        status = gani_fail(model->context, GAN_E_SHAPE,
                           "gan_model_set_classes: %lld labels are given, input '%s' has %lld items", (long long)count,
                           model->layer->inputs[which].name, (long long)inputs[which]->shape.size[0]);
    if (status == GAN_OK) status = check_labels(model, labels, count, classes);
    for (int64_t i = 0; i < count && status == GAN_OK; i++) gani_set_class(inputs[which], i, labels[i]);
    return status;
}

static gan_status generate(const char *function, gan_tensor **out, gan_model *model, gan_tensor *const *inputs,
                           int32_t count) {
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_context *context = model->context;
    const gan_layer *layer = model->layer;
    if (out == NULL || inputs == NULL || (count > 0 && inputs[0] == NULL))
        return gani_null(context, function, "out or inputs");
    if (count != layer->input_count)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: %d inputs are given, the model has %d", function, (int)count,
                         (int)layer->input_count);
    for (int32_t i = 0; i < count; i++) {
        gan_status given = check_given(function, model, i, inputs[i]);
        if (given != GAN_OK) return given;
    }
    gani_model_retain(model); /* a layer of the application's may release it */
    gan_status status = gani_model_generate(out, model, inputs);
    gani_model_drop(model);
    return status;
}

GAN_API gan_status gan_model_generate(gan_tensor **out, gan_model *model, const gan_tensor *inputs) {
    GANI_ENTER();
    gan_tensor *only = (gan_tensor *)(uintptr_t)inputs; /* it is only read */
    return generate("gan_model_generate", out, model, &only, 1);
}

GAN_API gan_status gan_model_generate_many(gan_tensor **out, gan_model *model, gan_tensor *const *inputs,
                                           int32_t count) {
    GANI_ENTER();
    return generate("gan_model_generate_many", out, model, inputs, count);
}

GAN_API gan_status gan_model_sample(gan_tensor **out, gan_model *model, int64_t count, uint64_t seed) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_count("gan_model_sample", out, model, count);
    if (status != GAN_OK) return status;
    gani_model_retain(model);
    status = gani_model_sample(out, model, count, seed);
    gani_model_drop(model);
    return status;
}

GAN_API gan_status gan_model_update_statistics(gan_model *model, int64_t count, uint64_t seed) {
    GANI_ENTER();
    if (model == NULL) return GAN_E_ARGUMENT;
    if (count < 2)
        return gani_fail(model->context, GAN_E_ARGUMENT,
                         "gan_model_update_statistics: count is %lld; statistics need 2 items", (long long)count);
    gani_model_retain(model); /* a layer of the application's may release it */
    gan_status status = gani_model_update_statistics(model, count, seed, 1);
    gani_model_drop(model);
    return status;
}

GAN_API gan_status gan_model_sheet_write(const gan_model *model, const gan_tensor *images, const char *path,
                                         const gan_sheet_options *options) {
    GANI_ENTER();
    if (model == NULL) return GAN_E_ARGUMENT;
    gan_sheet_options o;
    gan_sheet_options_init(&o);
    gan_status status = gani_options_decode(model->context, "gan_sheet_write", options, &o, sizeof o);
    if (status != GAN_OK) return status;
    o.low = model->low;
    o.high = model->high;
    return gan_sheet_write(images, path, &o);
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
    return gani_layer_load(layer, path, "");
}

GAN_API gan_status gan_layer_load_prefixed(gan_layer *layer, const char *path, const char *prefix) {
    GANI_ENTER();
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (path == NULL || prefix == NULL) return gani_null(layer->context, "gan_layer_load_prefixed", "path or prefix");
    return gani_layer_load(layer, path, prefix);
}
