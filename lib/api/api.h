/* Shared by the exported functions: how they begin, and checks of handles. */
#ifndef GANI_API_API_H
#define GANI_API_API_H

#include <gan.h>

#include "kernel/environment.h"
#include "nn/layer.h"

/* The head of every exported function that does more than read a member: until it returns, by whichever way, it
 * computes in the default floating-point environment; then errno and the environment are as the caller left them.
 * tests/abi looks for it. */
#define GANI_ENTER() const gani_environment gani_entered __attribute__((cleanup(gani_leave), unused)) = gani_enter()

/* What functions return that must return a tensor and have no tape: constant, and of no use. */
gan_tensor *gani_inert_tensor(void);

/* 1 if the tape and all operands can be used; otherwise the tape has failed (if there is one). */
int gani_operands(gan_tape *tape, const char *name, gan_tensor *const *inputs, int32_t count);

/* The tape's inert tensor, or gani_inert_tensor() without one. */
static inline gan_tensor *gani_inert(gan_tape *tape) { return tape == NULL ? gani_inert_tensor() : &tape->inert; }

/* A tensor that the caller made (of any type), not a tape's; NULL and inert ones are refused. */
static inline int gani_is_plain(const gan_tensor *tensor) {
    return tensor != NULL && tensor->tape == NULL && tensor->dtype != 0;
}

/* 1 if the values of a tensor (which may be NULL) can be read; otherwise *status says why not. */
int gani_readable(const char *function, const gan_tensor *tensor, gan_status *status);

/* What `threads` and `executor` in options of that name mean: how many workers, and a copy of the executor (without a
 * parallel_for if there is none). */
gan_status gani_decode_workers(gan_context *context, const char *name, int32_t threads, const gan_executor *executor,
                               gan_executor *known, int32_t *workers);

/* 1 if the tape and the layer can be used; 1 if the layer can be applied to these inputs: otherwise the tape has
 * failed. */
int gani_layer_usable(gan_tape *tape, const gan_layer *layer);
int gani_layer_appliable(gan_tape *tape, const gan_layer *layer, gan_tensor *const *xs, int32_t count);

/* For what cannot be seen in a result: the tape's failure is the caller's to know. */
static inline gan_status gani_tape_outcome(gan_tape *tape) {
    return gani_failed(tape) ? gani_fail(tape->context, tape->status, "%s", tape->message) : GAN_OK;
}

/* What is wrong with options that gani_options_decode refused without a context at hand. */
const char *gani_options_trouble(gan_status status);
/* Decodes options of an operation that has no handle, on a tape that has not failed: 1, or the tape has. */
int gani_tape_decode(gan_tape *tape, const char *name, const void *options, void *known, size_t size);

/* What functions that make a loss begin with: *out is NULL, `known` (which holds the defaults) has the options. */
gan_status gani_loss_begin(gan_loss **out, gan_context *context, const char *function, const void *options, void *known,
                           size_t size);
/* 1 if the tape and the loss can be used; otherwise the tape has failed (if there is one). */
int gani_loss_usable(gan_tape *tape, const gan_loss *loss);

/* 1 if the builder can take a name. */
int gani_builder_named(gan_builder *builder, const char *name);

/* Decodes options of the layer `name` without a context at hand: 1, or the builder has failed (or is NULL). */
int gani_builder_decode(gan_builder *builder, const char *name, const void *options, void *known, size_t size);
/* 1 if a reserved member is 0; otherwise the builder has failed. */
int gani_builder_reserved(gan_builder *builder, const char *name, int32_t reserved);
/* The builder fails if the value is neither 0 nor 1. */
void gani_builder_flag(gan_builder *builder, const char *type, const char *name, int32_t value);
/* The builder fails if the shape is no image's. */
void gani_builder_image(gan_builder *builder, const char *type, gan_shape shape);
/* Puts a module after the current point; after that and a named one. config NULL: the defaults. */
void gani_builder_append(gan_builder *builder, const gani_module_type *type, const gani_config *config);
void gani_builder_append_joint(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                               const char *name);

/* 1 if options of a weight say something of the window or of groups. */
int gani_has_window(const gan_weight_options *o);

/* A handle argument is NULL. */
static inline gan_status gani_null(gan_context *context, const char *function, const char *what) {
    return gani_fail(context, GAN_E_ARGUMENT, "%s: %s is NULL", function, what);
}

#endif
