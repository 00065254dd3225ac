/* Sessions. A session is a small world of its own: a part of the model's context, with a copy of the layer, a tape that
 * records nothing, and workers. What makes it fixed is the part's memory limit: it is set to what there is, once a run
 * of the largest batch has shown that this is enough. */
#include "train/session.h"

#include <string.h>

#define LEAST ((size_t)1 << 16) /* bytes that matter little */

gan_session *gani_session_retain(gan_session *session) {
    atomic_fetch_add(&session->references, 1);
    return session;
}

void gani_session_end(gan_session *session) {
    if (session == NULL || atomic_fetch_sub(&session->references, 1) != 1) return;
    gan_context *context = session->context;
    for (int32_t i = 0; session->layer != NULL && session->inputs != NULL && i < session->layer->input_count; i++)
        gani_tensor_drop(session->inputs[i]);
    gani_free(context, session->inputs);
    if (session->tape != NULL) gani_tape_end(session->tape);
    gani_layer_drop(session->layer);
    gani_free(context, session);
    gan_context_release(context);
}

/* ---- running ---- */

static size_t item_size(gan_shape item, gan_dtype dtype) {
    return (size_t)gan_shape_count(item) * gan_dtype_size(dtype);
}

/* Drawn, in the tape's memory. */
static const void *draw(const gan_session *session, const gani_session_job *job, int32_t index, int64_t start,
                        int64_t count) {
    const gan_layer *layer = session->layer;
    const gani_draw what = {layer, index, session->kinds[index], job->seed};
    gan_tensor *values = gani_result(session->tape, gani_input_dtype(layer, index),
                                     gan_shape_1d(3 + count * gan_shape_count(layer->inputs[index].shape)));
    return gani_failed(session->tape) ? NULL : gani_draw_input(&what, job->first + start, count, values->data);
}

static void point_at(gan_tensor *window, const void *data, int64_t count) {
    window->data = (void *)(uintptr_t)data; /* operations only read their operands */
    window->shape.size[0] = count;
}

static void copy_out(gan_tensor *y, void *memory) {
    gan_tensor window;
    memset(&window, 0, sizeof window);
    gani_tensor_describe(&window, y->context, y->dtype, y->shape);
    window.data = memory;
    gani_tensor_copy_values(&window, y);
}

/* Items [start, start + count) of the job. */
static gan_status run(gan_session *session, const gani_session_job *job, int64_t start, int64_t count) {
    const gan_layer *layer = session->layer;
    gan_tape *tape = session->tape;
    gani_tape_clear(tape);
    tape->recording = 0;
    memset(session->context->position, 0, sizeof session->context->position);
    for (int32_t i = 0; i < layer->input_count; i++) {
        size_t offset = (size_t)start * item_size(layer->inputs[i].shape, gani_input_dtype(layer, i));
        point_at(session->inputs[i],
                 job->inputs == NULL ? draw(session, job, i, start, count) : (const char *)job->inputs[i] + offset,
                 count);
        if (gani_failed(tape)) return tape->status;
    }
    gan_tensor *ys[GANI_MAX_PORTS];
    gani_layer_forward(tape, session->layer, session->inputs, layer->input_count, ys);
    if (gani_failed(tape)) return tape->status;
    for (int32_t i = 0; i < layer->output_count && job->outputs != NULL; i++)
        if (job->outputs[i] != NULL)
            copy_out(ys[i],
                     (char *)job->outputs[i] +
                         (size_t)start * item_size(gani_point_shape(layer, layer->outputs[i].point), layer->dtype));
    return GAN_OK;
}

/* Fewer items than the largest batch may need more memory than it: a kernel may choose another way, and a layer of the
 * application's may do what it likes. Halves need less in the end. */
static gan_status run_in_parts(gan_session *session, const gani_session_job *job, int64_t start, int64_t count) {
    gan_status status = run(session, job, start, count);
    if (status != GAN_E_MEMORY || count == 1 || session->is_one_batch) return status;
    status = run_in_parts(session, job, start, count / 2);
    return status != GAN_OK ? status : run_in_parts(session, job, start + count / 2, count - count / 2);
}

gan_status gani_session_run(gan_session *session, const gani_session_job *job, int64_t count) {
    gan_status status = run_in_parts(session, job, 0, count);
    if (status == GAN_E_MEMORY)
        return gani_fail(session->context, status,
                         "the network takes more memory for these inputs than when the session was made");
    return status == GAN_OK ? GAN_OK : gani_fail(session->context, status, "%s", session->tape->message);
}

/* ---- making ---- */

static gan_status add_inputs(gan_session *session) {
    const gan_layer *layer = session->layer;
    session->inputs = gani_calloc(session->context, (size_t)layer->input_count, sizeof *session->inputs);
    if (session->inputs == NULL) return GAN_E_MEMORY;
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->input_count && status == GAN_OK; i++) {
        gan_shape shape = gani_with_batch(layer->inputs[i].shape, session->batch);
        status = gani_shape_check(session->context, "session", shape, gani_input_dtype(layer, i));
        if (status == GAN_OK)
            status = gani_tensor_wrap(&session->inputs[i], session->context, gani_input_dtype(layer, i), shape, NULL,
                                      NULL, NULL);
    }
    return status;
}

/* Runs `count` zeros; draws them instead where the session can, for that takes memory too. */
static gan_status try_run(gan_session *session, const void *const *zeros, int64_t count) {
    const gani_session_job job = {.inputs = session->draws ? NULL : zeros};
    return run(session, &job, 0, count);
}

/* The same with no more memory than there is. */
static gan_status try_fixed(gan_session *session, const void *const *zeros, int64_t count) {
    gan_context *context = session->context;
    context->memory_limit = atomic_load(&context->memory);
    gan_status status = try_run(session, zeros, count);
    if (status != GAN_OK) context->memory_limit = SIZE_MAX;
    return status;
}

/* A first run finds out how much is in use at most; then as little more as its places take. Parts of one item
 * are what runs fall back to. */
static gan_status fix_memory(gan_session *session, const void *const *zeros) {
    gani_heap *heap = &session->tape->values;
    gan_status status = try_run(session, zeros, session->batch);
    /* one item may be computed in another way, with more working space */
    if (status == GAN_OK && !session->is_one_batch) status = try_run(session, zeros, 1);
    if (status != GAN_OK) return status;
    size_t size = heap->peak;
    do {
        size += heap->peak / 32 + LEAST / 64;
        gani_tape_clear(session->tape);
        if (!gani_heap_resize(heap, size))
            return gani_fail(session->context, GAN_E_MEMORY, "session: out of memory for %zu bytes of values", size);
        status = try_fixed(session, zeros, session->batch);
        if (status == GAN_OK && !session->is_one_batch) status = try_fixed(session, zeros, 1);
    } while (status == GAN_E_MEMORY && size < 2 * heap->peak + LEAST);
    return status;
}

static gan_status make(gan_session *session, const gan_layer *layer) {
    gan_context *context = session->context;
    gan_status status = gani_layer_clone(&session->layer, context, layer);
    if (status != GAN_OK) return status;
    session->layer->training = 0;
    session->is_one_batch = gani_is_one_batch(session->layer);
    status = gani_session_fold(session->layer);
    if (status == GAN_OK) status = add_inputs(session);
    if (status == GAN_OK) status = gani_session_pack(session->layer, session->batch);
    if (status == GAN_OK) status = gani_tape_new(&session->tape, context, &gani_operations_basis);
    if (status != GAN_OK) return status;
    size_t largest = 0;
    for (int32_t i = 0; i < layer->input_count; i++) {
        size_t size = (size_t)session->batch * item_size(layer->inputs[i].shape, gani_input_dtype(layer, i));
        if (size > largest) largest = size;
    }
    const void *zeros[GANI_MAX_PORTS];
    void *zero = gani_calloc(context, 1, largest);
    if (zero == NULL) return gani_no_memory(context, "session");
    for (int32_t i = 0; i < layer->input_count; i++) zeros[i] = zero;
    status = fix_memory(session, zeros);
    gani_free(context, zero);
    if (status == GAN_OK) {
        context->memory_limit = atomic_load(&context->memory);
        session->tape->values.fixed = 1;
    } else if (gani_failed(session->tape)) {
        gani_fail(context, status, "%s", session->tape->message);
    }
    return status;
}

static void take_kinds(gan_session *session, const gan_layer *layer, const int32_t *kinds) {
    if (kinds == NULL) return;
    session->draws = 1;
    for (int32_t i = 0; i < layer->input_count; i++) {
        session->kinds[i] = kinds[i];
        if (kinds[i] == GAN_INPUT_IMAGE) session->draws = 0;
    }
}

gan_status gani_session_new(gan_session **out, const gan_layer *layer, const int32_t *kinds,
                            const gani_session_settings *settings) {
    *out = NULL;
    gan_context *context;
    gan_status status = gani_context_part(&context, layer->context, settings->workers, settings->executor);
    if (status == GAN_E_SYSTEM) return gani_fail(layer->context, status, "session: threads cannot be started");
    if (status != GAN_OK) return gani_no_memory(layer->context, "session");
    gan_session *session = gani_calloc(context, 1, sizeof *session);
    if (session == NULL) {
        gan_context_release(context);
        return gani_no_memory(layer->context, "session");
    }
    session->context = context;
    atomic_init(&session->references, 1);
    session->batch = settings->batch;
    take_kinds(session, layer, kinds);
    status = make(session, layer);
    if (status == GAN_OK) {
        *out = session;
        return GAN_OK;
    }
    gani_fail(layer->context, status, "%s", context->message[0] == '\0' ? "session: out of memory" : context->message);
    gani_session_end(session);
    return status;
}
