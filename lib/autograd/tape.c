#include "autograd/tape.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct gani_external {
    gani_external *previous;
    gan_tensor *tensor;
    int64_t sequence;
};

struct gani_memory {
    gani_memory *previous;
    const void *key;
    const gan_tensor *sources[2];
    uint32_t versions[2];
    int32_t tracked[2]; /* a value of a frozen parameter has no gradient */
    gan_tensor *value;
    int64_t sequence;
};

/* A tensor of the tape with what is needed to end it. The tensor comes first: a gan_tensor * of a tape is a record *.
 */
typedef struct record {
    gan_tensor tensor;
    gani_storage storage;  /* its own; views use another record's */
    gani_bump_mark before; /* the records as they were before this one */
} record;

gan_status gani_tape_new(gan_tape **out, gan_context *context, const gani_basis *basis) {
    *out = NULL;
    gan_tape *tape = gani_calloc(context, 1, sizeof *tape);
    if (tape == NULL) return gani_no_memory(context, "tape");
    tape->context = gani_context_retain(context);
    tape->basis = basis;
    gani_bump_init(&tape->records, context);
    gani_heap_init(&tape->values, context);
    gani_heap_init(&tape->scratch, context);
    tape->inert.context = context;
    tape->inert.tape = tape;
    tape->recording = 1;
    *out = tape;
    return GAN_OK;
}

static void end_tensor(gan_tape *tape, gan_tensor *tensor) {
    if (tensor->storage != NULL) gani_storage_drop(tape->context, tensor->storage);
    tensor->storage = NULL;
    tensor->data = NULL;
    tensor->gone = 1;
}

void gani_tape_rewind(gan_tape *tape, int64_t sequence) {
    gani_bump_mark mark = {NULL, 0};
    while (tape->last != NULL && tape->last->sequence > sequence) {
        mark = ((record *)(void *)tape->last)->before;
        end_tensor(tape, tape->last);
        tape->last = tape->last->previous;
    }
    while (tape->last_node != NULL && tape->last_node->output->sequence > sequence)
        tape->last_node = tape->last_node->previous;
    if (tape->last_node == NULL)
        tape->first_node = NULL;
    else
        tape->last_node->next = NULL;
    while (tape->externals != NULL && tape->externals->sequence > sequence) {
        gani_tensor_drop(tape->externals->tensor);
        tape->externals = tape->externals->previous;
    }
    while (tape->memories != NULL && tape->memories->sequence > sequence) tape->memories = tape->memories->previous;
    if (tape->sequence > sequence) {
        tape->sequence = sequence;
        gani_bump_rewind(&tape->records, mark);
    }
}

void gani_tape_clear(gan_tape *tape) {
    gani_tape_rewind(tape, 0);
    gani_bump_rewind(&tape->records, (gani_bump_mark){NULL, 0});
    gani_heap_reset(&tape->values);
    gani_heap_reset(&tape->scratch);
    tape->recording = 1;
    tape->depth = 0;
    tape->operation = NULL;
    tape->status = GAN_OK;
    tape->message[0] = '\0';
}

void gani_tape_end(gan_tape *tape) {
    gan_context *context = tape->context;
    gani_tape_rewind(tape, 0); /* a reset would ask for memory, and the context may be in use on another thread */
    gani_bump_end(&tape->records);
    gani_heap_end(&tape->values);
    gani_heap_end(&tape->scratch);
    gani_free(context, tape);
    gan_context_release(context);
}

gan_tensor *gani_tape_fail(gan_tape *tape, gan_status status, const char *format, ...) {
    if (tape->status == GAN_OK) {
        tape->status = status;
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(tape->message, sizeof tape->message, format, arguments);
        va_end(arguments);
        if (length < 0) tape->message[0] = '\0';
        gani_make_printable(tape->message);
        if (status == GAN_E_MEMORY) gani_explain_memory(tape->context, tape->message, sizeof tape->message);
    }
    return &tape->inert;
}

static const char *operation(const gan_tape *tape) { return tape->operation == NULL ? "tape" : tape->operation; }

static record *new_record(gan_tape *tape) {
    gani_bump_mark before = gani_bump_here(&tape->records);
    record *fresh = gani_bump_alloc(&tape->records, sizeof *fresh);
    if (fresh == NULL) return NULL;
    fresh->before = before;
    gan_tensor *tensor = &fresh->tensor;
    tensor->tape = tape;
    tensor->previous = tape->last;
    tensor->sequence = ++tape->sequence;
    tensor->hidden = tape->depth > 0;
    tape->last = tensor;
    return fresh;
}

static void *new_values(gan_tape *tape, gan_shape shape, int64_t bytes) {
    char text[GANI_SHAPE_TEXT];
    void *values = gani_heap_alloc(&tape->values, (size_t)bytes);
    if (values == NULL)
        gani_tape_fail(tape, GAN_E_MEMORY, "%s: out of memory for a result of shape %s (%lld bytes)", operation(tape),
                       gani_shape_text(shape, text), (long long)bytes);
    return values;
}

gan_tensor *gani_result(gan_tape *tape, gan_dtype dtype, gan_shape shape) {
    if (gani_failed(tape)) return &tape->inert;
    char text[GANI_SHAPE_TEXT];
    int64_t count = gan_shape_count(shape), bytes;
    if (count < 0 || !gani_mul_i64(count, (int64_t)gan_dtype_size(dtype), &bytes) || bytes > INT64_MAX / 4)
        return gani_tape_fail(tape, GAN_E_LIMIT, "%s: a result of shape %s has too many elements", operation(tape),
                              gani_shape_text(shape, text));
    record *fresh = new_record(tape);
    if (fresh == NULL) return gani_tape_fail(tape, GAN_E_MEMORY, "%s: out of memory for the tape", operation(tape));
    void *values = new_values(tape, shape, bytes);
    if (values == NULL) return &tape->inert;
    atomic_init(&fresh->storage.references, 1);
    fresh->storage.base = values;
    fresh->storage.heap = &tape->values;
    gani_tensor_describe(&fresh->tensor, tape->context, dtype, shape);
    fresh->tensor.storage = &fresh->storage;
    fresh->tensor.data = values;
    return &fresh->tensor;
}

gan_tensor *gani_alias(gan_tape *tape, gan_tensor *x, gan_shape shape) {
    if (gani_failed(tape)) return &tape->inert;
    record *fresh = new_record(tape);
    if (fresh == NULL) return gani_tape_fail(tape, GAN_E_MEMORY, "%s: out of memory for a view", operation(tape));
    gani_tensor_describe(&fresh->tensor, tape->context, x->dtype, shape);
    fresh->tensor.storage = x->storage;
    if (x->storage != NULL) atomic_fetch_add(&x->storage->references, 1);
    fresh->tensor.data = x->data;
    fresh->tensor.gone = x->gone;
    return &fresh->tensor;
}

gan_tensor *gani_result_over(gan_tape *tape, gan_tensor *x, int32_t unread) {
    if (gani_failed(tape)) return &tape->inert;
    int free = x->spare && x->tape == tape && !x->recorded && (unread || !gani_will_record(tape, &x, 1));
    if (!free || x->storage == NULL || atomic_load(&x->storage->references) != 1 || !gani_is_contiguous(x))
        return gani_result(tape, x->dtype, x->shape);
    return gani_alias(tape, x, x->shape);
}

gan_tensor *gani_contiguous(gan_tape *tape, gan_tensor *x) {
    if (gani_failed(tape)) return &tape->inert;
    if (gani_is_contiguous(x)) return x;
    gan_tensor *copy = gani_result(tape, x->dtype, x->shape);
    if (!gani_failed(tape)) gani_tensor_copy_values(copy, x);
    return copy;
}

void gani_tape_drop(gan_tape *tape, gan_tensor *tensor) {
    if (tensor->tape == tape && tensor != &tape->inert && !tensor->gone) end_tensor(tape, tensor);
}

static uint32_t version_of(const gan_tensor *tensor) {
    return tensor == NULL || tensor->storage == NULL ? 0 : tensor->storage->version;
}

static int32_t is_tracked(const gan_tensor *tensor) { return tensor != NULL && tensor->tracked; }

static int is_valid(const gani_memory *m) {
    for (int i = 0; i < 2; i++)
        if (m->versions[i] != version_of(m->sources[i]) || m->tracked[i] != is_tracked(m->sources[i])) return 0;
    return !m->value->gone;
}

gan_tensor *gani_tape_recall(const gan_tape *tape, const void *key, const gan_tensor *a, const gan_tensor *b) {
    if (gani_failed(tape)) return NULL;
    for (const gani_memory *m = tape->memories; m != NULL; m = m->previous)
        if (m->key == key && m->sources[0] == a && m->sources[1] == b && is_valid(m)) return m->value;
    return NULL;
}

void gani_tape_remember(gan_tape *tape, const void *key, gan_tensor *a, gan_tensor *b, gan_tensor *value,
                        int64_t before) {
    if (gani_failed(tape)) return;
    gani_memory *memory = gani_bump_alloc(&tape->records, sizeof *memory);
    if (memory == NULL) return; /* it will be made anew */
    for (gan_tensor *t = tape->last; t != NULL && t->sequence > before; t = t->previous) t->hidden = 0;
    *memory = (gani_memory){.previous = tape->memories,
                            .key = key,
                            .sources = {a, b},
                            .versions = {version_of(a), version_of(b)},
                            .tracked = {is_tracked(a), is_tracked(b)},
                            .value = value,
                            .sequence = tape->sequence};
    tape->memories = memory;
    gani_tape_retain(tape, a); /* so that nothing else comes to their places */
    if (b != NULL) gani_tape_retain(tape, b);
}

static int is_recomputable(const gan_tensor *tensor) {
    return tensor->hidden && tensor->node != NULL && tensor->node->recompute != NULL;
}

void gani_fail_changed(gan_tape *tape, const gani_node *node) {
    gani_tape_fail(tape, GAN_E_STATE,
                   "gradient: an operand of %s was changed after it was used; compute the loss again after an "
                   "optimizer step",
                   node->op->name);
}

#define MAX_RECOMPUTE_DEPTH 8 /* gani_tape_restore calls itself */

void gani_recompute_with(gani_node *node, gani_recompute *recompute) {
    if (node == NULL) return;
    gan_tensor *x = node->inputs[0];
    int32_t again = is_recomputable(x), depth = again ? x->node->recompute_depth + 1 : 0;
    if ((!again && !x->recorded) || depth > MAX_RECOMPUTE_DEPTH) return;
    x->recorded = 1; /* neither overwritten nor dropped while a view shares it: it may have to come back */
    node->recompute = recompute;
    node->recompute_depth = depth;
}

int32_t gani_can_recompute(const gan_tensor *tensor) {
    return is_recomputable(tensor) && tensor->storage != NULL &&
           atomic_load(&tensor->storage->references) == 1; /* while a view shares them, nothing would be gained */
}

int32_t gani_tape_restore(gan_tape *tape, gan_tensor *tensor) {
    gani_node *node = tensor->node;
    if (gani_failed(tape) || node == NULL || node->recompute == NULL) return 0;
    gan_tensor *x = node->inputs[0];
    if (x->gone && !gani_tape_restore(tape, x)) return 0;
    if (x->storage != NULL && x->storage->version != node->versions[0]) {
        gani_fail_changed(tape, node);
        return 0;
    }
    for (int32_t i = 0; i < GANI_MAX_SAVED; i++)
        if (node->saved[i] != NULL && node->saved[i]->gone) return 0;
    gani_storage *storage = &((record *)(void *)tensor)->storage; /* its own, and unused: nothing was given back
                                                                   * while a view shared it */
    void *values =
        new_values(tape, tensor->shape, gan_shape_count(tensor->shape) * (int64_t)gan_dtype_size(tensor->dtype));
    if (values == NULL) return 0;
    atomic_store(&storage->references, 1);
    storage->base = values;
    tensor->storage = storage;
    tensor->data = values;
    tensor->gone = 0;
    node->recompute(tape, node, tensor);
    return !gani_failed(tape);
}

void *gani_scratch(gan_tape *tape, size_t size) {
    if (gani_failed(tape)) return NULL;
    void *scratch = gani_heap_alloc(&tape->scratch, size);
    if (scratch == NULL)
        gani_tape_fail(tape, GAN_E_MEMORY, "%s: out of memory for %zu bytes of working space", operation(tape), size);
    return scratch;
}

void gani_scratch_end(gan_tape *tape, void *scratch) { gani_heap_free(&tape->scratch, scratch); }

void gani_tape_retain(gan_tape *tape, gan_tensor *tensor) {
    if (tensor->tape != NULL || gani_failed(tape)) return;
    gani_external *entry = gani_bump_alloc(&tape->records, sizeof *entry);
    if (entry == NULL) {
        gani_tape_fail(tape, GAN_E_MEMORY, "out of memory for the tape");
        return;
    }
    entry->previous = tape->externals;
    entry->tensor = gan_tensor_retain(tensor);
    entry->sequence = tape->sequence;
    tape->externals = entry;
}

int32_t gani_will_record(const gan_tape *tape, gan_tensor *const *inputs, int32_t count) {
    if (!tape->recording || gani_failed(tape)) return 0;
    for (int32_t i = 0; i < count; i++)
        if (inputs[i]->tracked) return 1;
    return 0;
}

gani_node *gani_record(gan_tape *tape, const gani_op *op, gan_tensor *output, gan_tensor *const *inputs,
                       int32_t count) {
    return gani_record_unread(tape, op, output, inputs, count, 0);
}

gani_node *gani_record_unread(gan_tape *tape, const gani_op *op, gan_tensor *output, gan_tensor *const *inputs,
                              int32_t count, uint32_t unread) {
    if (!gani_will_record(tape, inputs, count)) return NULL;
    size_t pointers = (size_t)count * sizeof(gan_tensor *);
    gani_node *node = gani_bump_alloc(&tape->records, sizeof *node + pointers + (size_t)count * sizeof(uint32_t));
    if (node == NULL) {
        gani_tape_fail(tape, GAN_E_MEMORY, "out of memory for the tape");
        return NULL;
    }
    node->op = op;
    node->count = count;
    node->unread = unread;
    node->inputs = (gan_tensor **)(void *)(node + 1);
    node->versions = (uint32_t *)(void *)((unsigned char *)(node + 1) + pointers);
    for (int32_t i = 0; i < count; i++) {
        node->inputs[i] = inputs[i];
        node->versions[i] = version_of(inputs[i]);
        inputs[i]->recorded |= gani_is_read(unread, i);
        gani_tape_retain(tape, inputs[i]);
    }
    if (gani_failed(tape)) return NULL;
    node->output = output;
    node->previous = tape->last_node;
    if (tape->last_node != NULL)
        tape->last_node->next = node;
    else
        tape->first_node = node;
    tape->last_node = node;
    output->node = node;
    output->tracked = 1;
    output->recorded |= (unread & GANI_UNREAD_RESULT) == 0;
    return node;
}
