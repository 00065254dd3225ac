/* Exported functions of gan/metrics.h: sets of vectors, and scores. */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "api/ranges.h"
#include "metrics/metrics.h"
#include "train/model.h"

#define MAX_DIMENSION 10000000

static const gan_features_options features_defaults = {.keep = 1};
GAN_API void gan_features_options_init_sized(gan_features_options *options, size_t size) {
    gani_options_init(options, size, &features_defaults, sizeof features_defaults);
}

/* *o are the options. */
static gan_status begin(gan_features **out, gan_context *context, const char *function, const char *name,
                        const gan_features_options *options, gan_features_options *o) {
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL || name == NULL) return gani_null(context, function, "out or name");
    *o = features_defaults;
    gan_status status = gani_options_decode(context, function, options, o, sizeof *o);
    const gani_range ranges[] = {{"keep", o->keep, 0, 1},
                                 {"length of the name", (double)strlen(name), 1, GAN_FEATURES_NAME - 1}};
    return status != GAN_OK ? status : gani_check_ranges(context, function, ranges, 2);
}

GAN_API gan_status gan_features_create(gan_features **out, gan_context *context, const char *name, int64_t dimension,
                                       const gan_features_options *options) {
    GANI_ENTER();
    static const char function[] = "gan_features_create";
    gan_features_options o;
    gan_status status = begin(out, context, function, name, options, &o);
    const gani_range range = {"dimension", (double)dimension, 1, MAX_DIMENSION};
    if (status == GAN_OK) status = gani_check_ranges(context, function, &range, 1);
    return status != GAN_OK ? status : gani_features_new(out, context, name, dimension, &o);
}

/* ---- of a layer ---- */

typedef struct extractor {
    gan_layer *layer;
    int32_t output;
} extractor;

static gan_status extract(void *user, gan_tensor *images, gan_tensor *vectors) {
    const extractor *e = user;
    gan_tensor *y;
    gan_status status = gani_layer_evaluate(&y, e->layer, e->output, &images);
    if (status != GAN_OK) return status;
    gani_tensor_describe(y, y->context, y->dtype, vectors->shape);
    gani_tensor_copy_values(vectors, y);
    gani_tensor_drop(y);
    return GAN_OK;
}

static void end_extractor(void *user) {
    extractor *e = user;
    gan_context *context = e->layer->context;
    gani_layer_drop(e->layer);
    gani_free(context, e);
}

GAN_API gan_status gan_features_create_for_layer(gan_features **out, gan_layer *layer, const char *name,
                                                 const gan_features_options *options) {
    GANI_ENTER();
    static const char function[] = "gan_features_create_for_layer";
    gan_features_options o;
    gan_context *context = layer == NULL ? NULL : layer->context;
    gan_status status = begin(out, context, function, name, options, &o);
    if (status != GAN_OK) return status;
    if (o.extract != NULL || o.release != NULL || o.user != NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the layer extracts: extract, release and user stay NULL",
                         function);
    if (layer->input_count != 1 || layer->inputs[0].limit > 0)
        return gani_fail(context, GAN_E_UNSUPPORTED,
                         "%s: the layer has %d inputs, or one of indices; one of images is needed", function,
                         (int)layer->input_count);
    if (gani_is_one_batch(layer))
        return gani_fail(context, GAN_E_UNSUPPORTED,
                         "%s: in evaluation mode the layer computes statistics of the batch: the features of an image "
                         "would depend on the others",
                         function);
    const gani_range output = {"output", o.output, 0, layer->output_count - 1};
    status = gani_check_ranges(context, function, &output, 1);
    if (status != GAN_OK) return status;
    const gani_range range = {"size of the output",
                              (double)gan_shape_count(gani_point_shape(layer, layer->outputs[o.output].point)), 1,
                              MAX_DIMENSION};
    status = gani_check_ranges(context, function, &range, 1);
    if (status != GAN_OK) return status;
    extractor *e = gani_alloc(context, sizeof *e);
    if (e == NULL) return gani_no_memory(context, function);
    *e = (extractor){gani_layer_retain(layer), o.output};
    o.extract = extract;
    o.release = end_extractor;
    o.user = e;
    status = gani_features_new(out, context, name, (int64_t)range.value, &o);
    if (status != GAN_OK) end_extractor(e);
    return status;
}

/* ---- the set ---- */

GAN_API gan_context *gan_features_context(const gan_features *features) {
    return features == NULL ? NULL : features->context;
}

GAN_API void gan_features_release(gan_features *features) {
    GANI_ENTER();
    gani_features_end(features);
}

GAN_API gan_status gan_features_add(gan_features *features, const gan_tensor *tensor) {
    GANI_ENTER();
    static const char function[] = "gan_features_add";
    gan_status status;
    if (features == NULL) return GAN_E_ARGUMENT;
    if (tensor == NULL) return gani_null(features->context, function, "the tensor");
    if (!gani_readable(function, tensor, &status)) return status;
    if (tensor->context != features->context)
        return gani_fail(features->context, GAN_E_ARGUMENT, "%s: the tensor belongs to another context", function);
    gani_features_retain(features); /* its extractor may release it */
    status = gani_features_add(function, features, tensor);
    gani_features_end(features);
    return status;
}

GAN_API void gan_features_reset(gan_features *features) {
    GANI_ENTER();
    if (features != NULL) gani_features_reset(features);
}

GAN_API int64_t gan_features_count(const gan_features *features) { return features == NULL ? 0 : features->count; }

GAN_API int64_t gan_features_dimension(const gan_features *features) {
    return features == NULL ? 0 : features->dimension;
}

GAN_API gan_status gan_features_vectors(gan_tensor **out, const gan_features *features, int64_t first, int64_t count) {
    GANI_ENTER();
    static const char function[] = "gan_features_vectors";
    if (out != NULL) *out = NULL;
    if (features == NULL || out == NULL)
        return gani_null(features == NULL ? NULL : features->context, function, features == NULL ? "the set" : "out");
    gan_context *context = features->context;
    if (!features->keep)
        return gani_fail(context, GAN_E_STATE, "%s: the set keeps no vectors: make it with keep = 1", function);
    if (first < 0 || count < 1 || count > features->count || first > features->count - count)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: %lld vectors from %lld on are asked for, and the set has %lld",
                         function, (long long)count, (long long)first, (long long)features->count);
    const gan_shape shape = gan_shape_2d(count, features->dimension);
    gan_status status = gani_shape_check(context, function, shape, GAN_F64);
    if (status == GAN_OK) status = gani_tensor_new(out, context, GAN_F64, shape);
    for (int64_t i = 0; i < count && status == GAN_OK; i++)
        memcpy((double *)(*out)->data + i * features->dimension, gani_vector(features, first + i),
               (size_t)features->dimension * sizeof(double));
    return status;
}

/* ---- scores ---- */

static const gan_score score_defaults = {.value = NAN, .error = NAN, .setting = NAN};
GAN_API void gan_score_init_sized(gan_score *score, size_t size) {
    gani_options_init(score, size, &score_defaults, sizeof score_defaults);
}

GAN_API int64_t gan_score_text(const gan_score *score, char *buffer, size_t size) {
    GANI_ENTER();
    gan_score known = score_defaults;
    if (score == NULL || gani_options_decode(NULL, "", score, &known, sizeof known) != GAN_OK) return -1;
    return gani_score_text(&known, buffer, buffer == NULL ? 0 : size);
}
