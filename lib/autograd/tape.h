/* The tape's insides: what operations use to make their results and to record themselves. */
#ifndef GANI_AUTOGRAD_TAPE_H
#define GANI_AUTOGRAD_TAPE_H

#include <gan/tape.h>

#include "base/arena.h"
#include "kernel/kernel.h"
#include "tensor/tensor.h"

typedef struct gani_node gani_node;

#define GANI_MAX_SAVED 4
#define GANI_MAX_INPUTS 64 /* of one operation; only concat comes near it */

/* Fills gradient[i] for every input i with need[i] != 0, from the gradient g of the result, by calling operations; a
 * NULL that was needed means zero. */
typedef void gani_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient);

typedef void gani_recompute(gan_tape *tape, gani_node *node, gan_tensor *y);

/* An operation. `rule` is written in operations that have rules themselves: gradients of any order follow from it.
 * `fused` computes the same with kernels and is used when the gradient need not be differentiable. No rule at all: the
 * operation stops gradients with an error. */
typedef struct gani_op {
    const char *name;
    gani_rule *rule, *fused;
} gani_op;

/* Parameters of an operation, as it needs them. */
typedef struct gani_attributes {
    double p, q;
    int64_t n[4];
    gani_conv_shape conv;
    gani_window window;
    int32_t axes[GAN_MAX_RANK];
} gani_attributes;

struct gani_node {
    const gani_op *op;
    gani_node *previous, *next;
    int32_t count; /* inputs */
    gan_tensor **inputs;
    uint32_t *versions; /* of the inputs' storages when it was recorded */
    gan_tensor *output;
    gan_tensor *saved[GANI_MAX_SAVED]; /* values the rule wants again */
    uint32_t unread;                   /* which values the rules do without: see gani_record_unread */
    gani_recompute *recompute;         /* NULL, or computes the result once more, the same bits, into `y` */
    int32_t recompute_depth;           /* so many nodes behind it are computed once more as well, at most */
    gani_attributes attributes;
    uint64_t pass;  /* the gradient pass for which `wanted` holds */
    int32_t wanted; /* lies between a target and the differentiated tensor */
};

/* The operations that the gradient walk itself calls: the folder of operations stands above this one. */
typedef struct gani_basis {
    gan_tensor *(*add)(gan_tape *tape, gan_tensor *a, gan_tensor *b);
    gan_tensor *(*identity)(gan_tape *tape, gan_tensor *x);
    gan_tensor *(*full)(gan_tape *tape, gan_dtype dtype, gan_shape shape, double value);
} gani_basis;

typedef struct gani_external gani_external; /* a tensor of the caller's that the tape keeps alive */
typedef struct gani_memory gani_memory;     /* a value that may be asked for again */

struct gan_tape {
    gan_context *context;
    const gani_basis *basis;
    gani_bump records;
    gani_heap values, scratch; /* apart: working space would leave gaps among values that stay */
    gan_tensor inert;          /* what failed operations return */
    gan_tensor *last;          /* newest tensor */
    gani_node *first_node, *last_node;
    gani_external *externals;
    gani_memory *memories;
    const char *operation; /* the one that checked its operands last: whom a lack of memory stops */
    int64_t sequence;
    uint64_t pass;
    int32_t recording;
    int32_t depth; /* > 0 inside a layer: results are hidden */
    int32_t holds; /* > 0 while a function of the application runs inside a call that goes on using the tape */
    int64_t held;  /* what was there when the innermost of these began: it must not be ended */
    int (*owns)(const void *owner, const void *optimizer); /* NULL: any optimizer may make a step of a loss on it */
    const void *owner;
    gan_status status;
    char message[GANI_MESSAGE_SIZE];
};

/* ---- for operations ---- */

/* Sets the first error and returns the inert tensor. */
gan_tensor *gani_tape_fail(gan_tape *tape, gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline int gani_failed(const gan_tape *tape) { return tape->status != GAN_OK; }

/* A fresh result, values not set. The inert tensor if there is no memory or the shape overflows. */
gan_tensor *gani_result(gan_tape *tape, gan_dtype dtype, gan_shape shape);
/* What an elementwise operation writes its result to: in x's own memory if x is contiguous and nothing wants its values
 * any more, else a fresh result. unread: no rule of the operation that is being done reads x. */
gan_tensor *gani_result_over(gan_tape *tape, gan_tensor *x, int32_t unread);
/* A fresh tensor that shares x's values, with another shape of the same count; x is contiguous. */
gan_tensor *gani_alias(gan_tape *tape, gan_tensor *x, gan_shape shape);
/* x itself if its values are contiguous, else a copy that is not recorded (only for use as kernel input). */
gan_tensor *gani_contiguous(gan_tape *tape, gan_tensor *x);
/* Gives back the values of a tape's tensor that nothing will read again. */
void gani_tape_drop(gan_tape *tape, gan_tensor *tensor);

/* Finds a value again that was made of the caller's tensors a and b (may be NULL) alone, as long as they are as they
 * were, values and tracking, and it has not been given back: the weight of a network that is applied several times.
 * NULL: make it. */
gan_tensor *gani_tape_recall(const gan_tape *tape, const void *key, const gan_tensor *a, const gan_tensor *b);
/* The value, and what was made on the way to it after `before`, will not be given back by a gradient. */
void gani_tape_remember(gan_tape *tape, const void *key, gan_tensor *a, gan_tensor *b, gan_tensor *value,
                        int64_t before);

/* Lets a node compute its result once more from its first operand and what it has saved, where that operand is kept for
 * some rule or can itself be computed once more (a few such nodes in a row at most). node may be NULL. */
void gani_recompute_with(gani_node *node, gani_recompute *recompute);
/* 1 if the values can be given back although a rule will read them: they will be computed once more. */
int32_t gani_can_recompute(const gan_tensor *tensor);
/* Brings values back that were given back; 0 if that cannot be done or fails. */
int32_t gani_tape_restore(gan_tape *tape, gan_tensor *tensor);

/* The tape fails because an operand is not what it was when the node was recorded. */
void gani_fail_changed(gan_tape *tape, const gani_node *node);

/* Scratch for one kernel call; NULL means failure (the tape has failed then). */
void *gani_scratch(gan_tape *tape, size_t size);
void gani_scratch_end(gan_tape *tape, void *scratch);

/* Records that `op` made `output` of `inputs`, if gradients can come to want it. Returns the node, or NULL if nothing
 * was recorded: saved values and attributes are set by the caller on a node only. */
gani_node *gani_record(gan_tape *tape, const gani_op *op, gan_tensor *output, gan_tensor *const *inputs, int32_t count);
/* The same where the rules do without some of the values, which can then be given back before them. unread: bit i:
 * operand i; GANI_UNREAD_RESULT; GANI_BILINEAR: an operand is read for the gradients of the others only. */
#define GANI_UNREAD_RESULT (1u << 31)
#define GANI_BILINEAR (1u << 30)
#define GANI_UNREAD_ALL UINT32_MAX
gani_node *gani_record_unread(gan_tape *tape, const gani_op *op, gan_tensor *output, gan_tensor *const *inputs,
                              int32_t count, uint32_t unread);
static inline int32_t gani_is_read(uint32_t unread, int32_t input) { return input >= 30 || (unread >> input & 1) == 0; }
/* 1 if the operation about to be done on these inputs will be recorded. */
int32_t gani_will_record(const gan_tape *tape, gan_tensor *const *inputs, int32_t count);

/* For fused paths: the gradient that the present walk has gathered for an operand so far, if it may be added to in
 * place (contiguous, nobody else's); else NULL. What adds there returns no gradient of that operand. */
gan_tensor *gani_gradient_so_far(const gan_tape *tape, const gan_tensor *operand);

/* What an operation returns: its result, or the inert tensor if something failed on the way. */
static inline gan_tensor *gani_done(gan_tape *tape, gan_tensor *y) { return gani_failed(tape) ? &tape->inert : y; }

/* Results made between enter and leave are hidden, except the one passed to leave. */
static inline void gani_layer_enter(gan_tape *tape) { tape->depth++; }
static inline gan_tensor *gani_layer_leave(gan_tape *tape, gan_tensor *result) {
    if (--tape->depth == 0 && result->dtype != 0) result->hidden = 0;
    return result;
}

/* Around a function of the application: it may rewind to marks of its own, but not take away what its caller needs.
 * Returns what gani_tape_unhold takes. */
static inline int64_t gani_tape_hold(gan_tape *tape) {
    int64_t before = tape->held;
    tape->holds++;
    tape->held = tape->sequence;
    return before;
}
static inline void gani_tape_unhold(gan_tape *tape, int64_t before) {
    tape->holds--;
    tape->held = before;
}

/* ---- for api and layers ---- */

gan_status gani_tape_new(gan_tape **out, gan_context *context, const gani_basis *basis);
void gani_tape_end(gan_tape *tape);
void gani_tape_clear(gan_tape *tape); /* gan_tape_reset */
void gani_tape_rewind(gan_tape *tape, int64_t sequence);
void gani_tape_retain(gan_tape *tape, gan_tensor *tensor); /* keeps a caller's tensor until reset */

/* A flag beside the public ones: NULL where y does not depend on an x, and an error if it depends on none. */
#define GANI_GRAD_EXISTING 0x100
#define GANI_GRAD_OF_OPTIMIZER 0x200 /* for messages: the xs are an optimizer's parameters */
void gani_gradients(gan_tape *tape, gan_tensor *y, gan_tensor *seed, gan_tensor *const *xs, int32_t count,
                    int32_t flags, gan_tensor **out);

#endif
