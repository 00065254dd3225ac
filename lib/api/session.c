/* Exported functions of gan/session.h. */
#include <string.h>

#include "api/api.h"
#include "train/session.h"

GAN_API void gan_session_options_init_sized(gan_session_options *options, size_t size) {
    gan_session_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.batch = 1;
    defaults.threads = 1;
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status create(const char *function, gan_session **out, const gan_layer *layer, const int32_t *kinds,
                         const gan_session_options *options) {
    gan_context *context = layer->context;
    gan_session_options o;
    gan_session_options_init(&o);
    gan_status status = gani_options_decode(context, function, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, function, o.reserved);
    if (status != GAN_OK) return status;
    if (o.batch < 1)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: a batch of %lld: at least 1 is needed", function,
                         (long long)o.batch);
    gan_executor executor;
    int32_t workers;
    status = gani_decode_workers(context, function, o.threads, o.executor, &executor, &workers);
    if (status != GAN_OK) return status;
    gani_session_settings settings = {o.batch, workers, o.executor == NULL ? NULL : &executor};
    return gani_session_new(out, layer, kinds, &settings);
}

static gan_status measure(const char *function, size_t *bytes, const gan_layer *layer, const int32_t *kinds,
                          const gan_session_options *options) {
    gan_session *session;
    gan_status status = create(function, &session, layer, kinds, options);
    if (status != GAN_OK) return status;
    *bytes = gan_session_memory(session);
    gani_session_end(session);
    return GAN_OK;
}

GAN_API gan_status gan_session_create(gan_session **out, gan_model *model, const gan_session_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (model == NULL) return GAN_E_ARGUMENT;
    if (out == NULL) return gani_null(model->context, "gan_session_create", "out");
    return create("gan_session_create", out, model->layer, model->kinds, options);
}

GAN_API gan_status gan_session_create_for_layer(gan_session **out, gan_layer *layer,
                                                const gan_session_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (out == NULL) return gani_null(layer->context, "gan_session_create_for_layer", "out");
    return create("gan_session_create_for_layer", out, layer, NULL, options);
}

GAN_API void gan_session_release(gan_session *session) {
    GANI_ENTER();
    gani_session_end(session);
}

GAN_API gan_status gan_session_measure(size_t *bytes, gan_model *model, const gan_session_options *options) {
    GANI_ENTER();
    if (bytes != NULL) *bytes = 0;
    if (model == NULL) return GAN_E_ARGUMENT;
    if (bytes == NULL) return gani_null(model->context, "gan_session_measure", "bytes");
    return measure("gan_session_measure", bytes, model->layer, model->kinds, options);
}

GAN_API gan_status gan_session_measure_for_layer(size_t *bytes, gan_layer *layer, const gan_session_options *options) {
    GANI_ENTER();
    if (bytes != NULL) *bytes = 0;
    if (layer == NULL) return GAN_E_ARGUMENT;
    if (bytes == NULL) return gani_null(layer->context, "gan_session_measure_for_layer", "bytes");
    return measure("gan_session_measure_for_layer", bytes, layer, NULL, options);
}

GAN_API size_t gan_session_memory(const gan_session *session) {
    return session == NULL ? 0 : atomic_load_explicit(&session->context->memory, memory_order_relaxed);
}

GAN_API int64_t gan_session_batch(const gan_session *session) { return session == NULL ? 0 : session->batch; }

GAN_API const gan_layer *gan_session_layer(const gan_session *session) {
    return session == NULL ? NULL : session->layer;
}

static gan_status check_count(const char *function, const gan_session *session, int64_t count) {
    if (count >= 0 && count <= session->batch) return GAN_OK;
    return gani_fail(session->context, GAN_E_ARGUMENT, "%s: %lld items: the session was made for 0 to %lld", function,
                     (long long)count, (long long)session->batch);
}

/* A layer of the application's may release the session. */
static gan_status run(gan_session *session, const gani_session_job *job, int64_t count) {
    if (count == 0) return GAN_OK;
    gani_session_retain(session);
    gan_status status = gani_session_run(session, job, count);
    gani_session_end(session);
    return status;
}

GAN_API gan_status gan_session_run(gan_session *session, int64_t count, const void *const *inputs,
                                   void *const *outputs) {
    GANI_ENTER();
    if (session == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_count("gan_session_run", session, count);
    if (status != GAN_OK) return status;
    if (inputs == NULL || outputs == NULL) return gani_null(session->context, "gan_session_run", "inputs or outputs");
    for (int32_t i = 0; i < session->layer->input_count && count > 0; i++)
        if (inputs[i] == NULL)
            return gani_fail(session->context, GAN_E_ARGUMENT, "gan_session_run: input %d, '%s', is NULL", (int)i,
                             session->layer->inputs[i].name);
    gani_session_job job = {.inputs = inputs, .outputs = outputs};
    return run(session, &job, count);
}

static int can_draw(const gan_layer *layer, int64_t first, int64_t count) {
    int64_t end, elements;
    if (first < 0 || !gani_add_i64(first, count, &end)) return 0;
    for (int32_t i = 0; i < layer->input_count; i++)
        if (!gani_mul_i64(end, gan_shape_count(layer->inputs[i].shape), &elements)) return 0;
    return 1;
}

GAN_API gan_status gan_session_sample(gan_session *session, int64_t first, int64_t count, uint64_t seed, void *output,
                                      size_t bytes) {
    GANI_ENTER();
    if (session == NULL) return GAN_E_ARGUMENT;
    gan_context *context = session->context;
    if (!session->draws)
        return gani_fail(context, GAN_E_UNSUPPORTED,
                         "gan_session_sample: %s: there are no latent vectors to draw; use gan_session_run",
                         session->kinds[0] == 0 ? "the session was made of a layer" : "the model's input is an image");
    gan_status status = check_count("gan_session_sample", session, count);
    if (status != GAN_OK) return status;
    if (!can_draw(session->layer, first, count))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_session_sample: there is no vector %lld", (long long)first);
    if (output == NULL) return gani_null(context, "gan_session_sample", "output");
    const gani_output *made = &session->layer->outputs[0];
    size_t size = (size_t)(count * gan_shape_count(gani_point_shape(session->layer, made->point))) *
                  gan_dtype_size(session->layer->dtype);
    if (bytes != size)
        return gani_fail(context, GAN_E_SHAPE,
                         "gan_session_sample: there is room for %zu bytes; %lld items of type %s take %zu", bytes,
                         (long long)count, session->layer->dtype == GAN_F64 ? "f64" : "f32", size);
    void *outputs[GANI_MAX_PORTS] = {output}; /* the others are not wanted */
    gani_session_job job = {.seed = seed, .first = first, .outputs = outputs};
    return run(session, &job, count);
}

GAN_API const char *gan_session_error(const gan_session *session) {
    return session == NULL ? "" : session->context->message;
}
