/* Exported functions of gan/tape.h. */
#include "api/api.h"

/* Marks the constant inert tensor as a tape's, so that retain and release leave it alone. */
static const char no_tape = 0;
static const gan_tensor inert_tensor = {.tape = (gan_tape *)(uintptr_t)&no_tape};

gan_tensor *gani_inert_tensor(void) { return (gan_tensor *)(uintptr_t)&inert_tensor; }

int gani_operands(gan_tape *tape, const char *name, gan_tensor *const *inputs, int32_t count) {
    if (tape == NULL || gani_failed(tape)) return 0;
    for (int32_t i = 0; i < count; i++) {
        if (inputs[i] == NULL)
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %ld is NULL", name, (long)i + 1);
        else if (inputs[i]->dtype == 0)
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %ld is the inert result of a failed tape", name,
                           (long)i + 1);
        else if (inputs[i]->context != tape->context)
            gani_tape_fail(tape, GAN_E_ARGUMENT, "%s: operand %ld belongs to another context", name, (long)i + 1);
    }
    return !gani_failed(tape);
}

const char *gani_options_trouble(gan_status status) {
    return status == GAN_E_UNSUPPORTED ? "an option is set that this version of libgan does not know"
                                       : "the options were not initialised: call their init function first";
}

int gani_tape_decode(gan_tape *tape, const char *name, const void *options, void *known, size_t size) {
    gan_status status = gani_options_decode(NULL, name, options, known, size);
    if (status != GAN_OK) gani_tape_fail(tape, status, "%s: %s", name, gani_options_trouble(status));
    return status == GAN_OK;
}

GAN_API gan_status gan_tape_create(gan_tape **out, gan_context *context) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (out == NULL || context == NULL) return gani_null(context, "gan_tape_create", "an argument");
    return gani_tape_new(out, context, &gani_operations_basis);
}

GAN_API void gan_tape_release(gan_tape *tape) {
    GANI_ENTER();
    if (tape != NULL) gani_tape_end(tape);
}

GAN_API void gan_tape_reset(gan_tape *tape) {
    GANI_ENTER();
    if (tape == NULL) return;
    if (tape->holds > 0)
        gani_tape_fail(tape, GAN_E_STATE, "gan_tape_reset: called inside a call that uses the tape");
    else
        gani_tape_clear(tape);
}

GAN_API int64_t gan_tape_mark(const gan_tape *tape) { return tape == NULL ? 0 : tape->sequence; }

GAN_API gan_status gan_tape_rewind(gan_tape *tape, int64_t mark) {
    GANI_ENTER();
    if (tape == NULL) return GAN_E_ARGUMENT;
    if (mark < 0 || mark > tape->sequence)
        return gani_fail(tape->context, GAN_E_ARGUMENT, "gan_tape_rewind: the mark is not one of this tape's");
    if (tape->holds > 0 && mark < tape->held)
        return gani_fail(tape->context, GAN_E_STATE,
                         "gan_tape_rewind: the mark is from before the call inside which this happens");
    gani_tape_rewind(tape, mark);
    return GAN_OK;
}

GAN_API gan_status gan_tape_status(const gan_tape *tape) { return tape == NULL ? GAN_E_ARGUMENT : tape->status; }
GAN_API const char *gan_tape_error(const gan_tape *tape) { return tape == NULL ? "" : tape->message; }
GAN_API gan_tensor *gan_tape_fail(gan_tape *tape, gan_status status, const char *text) {
    GANI_ENTER();
    if (tape == NULL) return gani_inert_tensor();
    if (status >= 0) status = GAN_E_ARGUMENT;
    return gani_tape_fail(tape, status, "%s", text == NULL ? gan_status_text(status) : text);
}
GAN_API gan_context *gan_tape_context(const gan_tape *tape) { return tape == NULL ? NULL : tape->context; }
GAN_API size_t gan_tape_peak_bytes(const gan_tape *tape) { return tape == NULL ? 0 : tape->values.peak; }

GAN_API int32_t gan_tape_set_recording(gan_tape *tape, int32_t on) {
    if (tape == NULL) return 0;
    int32_t before = tape->recording;
    tape->recording = on != 0;
    return before;
}

GAN_API gan_tensor *gan_watch(gan_tape *tape, gan_tensor *tensor) {
    GANI_ENTER();
    return gani_operands(tape, "watch", &tensor, 1) ? gani_watch(tape, tensor) : gani_inert(tape);
}

GAN_API gan_tensor *gan_detach(gan_tape *tape, gan_tensor *tensor) {
    GANI_ENTER();
    return gani_operands(tape, "detach", &tensor, 1) ? gani_detach(tape, tensor) : gani_inert(tape);
}

GAN_API void gan_gradients(gan_tape *tape, gan_tensor *y, gan_tensor *seed, gan_tensor *const *xs, int32_t count,
                           int32_t flags, gan_tensor **out) {
    GANI_ENTER();
    for (int32_t i = 0; out != NULL && i < count; i++) out[i] = gani_inert(tape);
    if (!gani_operands(tape, "gradient", &y, 1)) return;
    if (count < 0 || (count > 0 && (xs == NULL || out == NULL))) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "gradient: %s", count < 0 ? "count is less than 0" : "xs or out is NULL");
        return;
    }
    if (!gani_operands(tape, "gradient", xs, count)) return;
    for (int32_t i = 0; i < count; i++) {
        if (!gani_op_ready(tape, "gradient", &xs[i], 1)) return;
        if (xs[i]->tracked) continue;
        /* never a silent zero */
        gani_tape_fail(tape, GAN_E_ARGUMENT,
                       "gradient: tensor %ld to differentiate for is not tracked; use the result of gan_watch",
                       (long)i + 1);
        return;
    }
    if (y->tape != tape) {
        gani_tape_fail(tape, GAN_E_ARGUMENT, "gradient: the tensor to differentiate is not on this tape");
        return;
    }
    if ((flags & ~(GAN_GRAD_DIFFERENTIABLE | GAN_GRAD_RETAIN)) != 0) {
        gani_tape_fail(tape, GAN_E_UNSUPPORTED, "gradient: unknown flags %#lx", (unsigned long)(uint32_t)flags);
        return;
    }
    if (seed != NULL) {
        gan_tensor *both[2] = {y, seed};
        char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
        if (!gani_operands(tape, "gradient", &seed, 1) || !gani_op_ready(tape, "gradient", both, 2)) return;
        if (!gan_shape_equal(seed->shape, y->shape)) {
            gani_tape_fail(tape, GAN_E_SHAPE, "gradient: the seed has shape %s, the tensor to differentiate %s",
                           gani_shape_text(seed->shape, a), gani_shape_text(y->shape, b));
            return;
        }
    }
    gani_gradients(tape, y, seed, xs, count, flags, out);
}

GAN_API gan_tensor *gan_gradient(gan_tape *tape, gan_tensor *y, gan_tensor *x, int32_t flags) {
    GANI_ENTER();
    gan_tensor *result = NULL;
    gan_gradients(tape, y, NULL, &x, 1, flags, &result);
    return result;
}
