/* The vector-Jacobian walk: from the differentiated tensor back to the requested ones. */
#include <stdio.h>
#include <string.h>

#include "autograd/tape.h"

static int is_target(const gan_tape *tape, const gan_tensor *tensor) { return tensor->target_pass == tape->pass; }

static int is_wanted(const gan_tape *tape, const gan_tensor *tensor) {
    return is_target(tape, tensor) ||
           (tensor->tracked && tensor->node != NULL && tensor->node->pass == tape->pass && tensor->node->wanted);
}

/* Marks the nodes that lie on a way from a target; what is not marked is never computed. */
static void mark_wanted(gan_tape *tape) {
    for (gani_node *node = tape->first_node; node != NULL; node = node->next) {
        node->pass = tape->pass;
        node->wanted = 0;
        for (int32_t i = 0; i < node->count && !node->wanted; i++) node->wanted = is_wanted(tape, node->inputs[i]);
    }
}

static gan_tensor *gradient_of(const gan_tape *tape, const gan_tensor *tensor) {
    return tensor->gradient_pass == tape->pass ? tensor->gradient : NULL;
}

static void set_gradient(const gan_tape *tape, gan_tensor *tensor, gan_tensor *gradient) {
    tensor->gradient_pass = tape->pass;
    tensor->gradient = gradient;
}

gan_tensor *gani_gradient_so_far(const gan_tape *tape, const gan_tensor *operand) {
    gan_tensor *present = gradient_of(tape, operand);
    if (present == NULL || present->tape != tape || present->gone || present->recorded || present->storage == NULL)
        return NULL;
    return atomic_load(&present->storage->references) == 1 && gani_is_contiguous(present) ? present : NULL;
}

static void accumulate(gan_tape *tape, gan_tensor *tensor, gan_tensor *gradient, int differentiable) {
    gan_tensor *present = gradient_of(tape, tensor);
    if (present == NULL) {
        set_gradient(tape, tensor, gradient);
        return;
    }
    gan_tensor *sum = tape->basis->add(tape, present, gradient);
    if (!differentiable) {
        gani_tape_drop(tape, present);
        gani_tape_drop(tape, gradient);
    }
    set_gradient(tape, tensor, sum);
}

/* Whether the rule will read operand i, with these gradients needed. */
static int reads(const gani_node *node, int32_t i, const int32_t *need) {
    if (!gani_is_read(node->unread, i)) return 0;
    int found = (node->unread & GANI_BILINEAR) == 0;
    for (int32_t k = 0; k < node->count && !found; k++) found = k != i && need[k];
    return found;
}

/* The values that the rule reads must be there, and be those of the time of recording. */
static int check_values(gan_tape *tape, const gani_node *node, const int32_t *need) {
    int gone = node->output->gone && (node->unread & GANI_UNREAD_RESULT) == 0;
    for (int32_t i = 0; i < node->count; i++) {
        gan_tensor *input = node->inputs[i];
        if (input->gone && reads(node, i, need) && !gani_tape_restore(tape, input)) gone = 1;
        if (input->storage != NULL && input->storage->version != node->versions[i]) {
            gani_fail_changed(tape, node);
            return 0;
        }
    }
    for (int i = 0; i < GANI_MAX_SAVED; i++) gone |= node->saved[i] != NULL && node->saved[i]->gone;
    if (gone)
        gani_tape_fail(tape, GAN_E_STATE,
                       "gradient: values of %s were given back by an earlier gradient; pass GAN_GRAD_RETAIN to "
                       "that one or, where an optimizer took it, make a forward pass for each loss",
                       node->op->name);
    return !gani_failed(tape);
}

/* Gradients must be tensors of their own, because each is given back on its own: aliases for those that are not fresh.
 */
static void make_own(gan_tape *tape, gan_tensor **gradient, int32_t count, int64_t before) {
    for (int32_t i = 0; i < count; i++) {
        if (gradient[i] == NULL) continue;
        int shared = gradient[i]->tape != tape || gradient[i]->sequence <= before;
        for (int32_t j = 0; j < i; j++) shared |= gradient[i] == gradient[j];
        if (shared) gradient[i] = tape->basis->identity(tape, gradient[i]);
    }
}

static void drop_temporaries(gan_tape *tape, gan_tensor **gradient, int32_t count, int64_t before) {
    for (gan_tensor *tensor = tape->last; tensor != NULL && tensor->sequence > before; tensor = tensor->previous) {
        int kept = 0;
        for (int32_t i = 0; i < count; i++) kept |= gradient[i] == tensor;
        if (!kept) gani_tape_drop(tape, tensor);
    }
}

static void walk_node(gan_tape *tape, gani_node *node, gan_tensor *g, int differentiable) {
    int32_t need[GANI_MAX_INPUTS];
    gan_tensor *gradient[GANI_MAX_INPUTS] = {NULL};
    for (int32_t i = 0; i < node->count; i++) need[i] = is_wanted(tape, node->inputs[i]);
    if (!check_values(tape, node, need)) return;
    gani_rule *rule = differentiable || node->op->fused == NULL ? node->op->rule : node->op->fused;
    if (rule == NULL) {
        gani_tape_fail(tape, GAN_E_NOT_DIFFERENTIABLE, "gradient: %s has no %sderivative", node->op->name,
                       differentiable && node->op->fused != NULL ? "differentiable " : "");
        return;
    }
    int64_t before = tape->sequence;
    rule(tape, node, g, need, gradient);
    make_own(tape, gradient, node->count, before);
    if (gani_failed(tape)) return;
    if (!differentiable) drop_temporaries(tape, gradient, node->count, before);
    for (int32_t i = 0; i < node->count; i++) {
        if (!need[i] || gradient[i] == NULL) continue;
        if (!gan_shape_equal(gradient[i]->shape, node->inputs[i]->shape)) {
            gani_tape_fail(tape, GAN_E_INTERNAL, "gradient: the rule of %s gave another shape", node->op->name);
            return;
        }
        accumulate(tape, node->inputs[i], gradient[i], differentiable);
    }
}

static void give_back(gan_tape *tape, gani_node *node) {
    if (node->output->hidden && !is_target(tape, node->output)) gani_tape_drop(tape, node->output);
    for (int i = 0; i < GANI_MAX_SAVED; i++)
        if (node->saved[i] != NULL && node->saved[i]->hidden) gani_tape_drop(tape, node->saved[i]);
}

static void walk(gan_tape *tape, gani_node *from, int32_t flags) {
    int differentiable = (flags & GAN_GRAD_DIFFERENTIABLE) != 0;
    for (gani_node *node = from; node != NULL && !gani_failed(tape); node = node->previous) {
        gan_tensor *g = gradient_of(tape, node->output);
        if (!node->wanted || g == NULL) continue;
        g->spare = !differentiable && !is_target(tape, node->output); /* the rule is its last reader */
        walk_node(tape, node, g, differentiable);
        if (differentiable) continue;
        if (!is_target(tape, node->output)) gani_tape_drop(tape, g);
        if (!(flags & GAN_GRAD_RETAIN)) give_back(tape, node);
    }
}

void gani_gradients(gan_tape *tape, gan_tensor *y, gan_tensor *seed, gan_tensor *const *xs, int32_t count,
                    int32_t flags, gan_tensor **out) {
    for (int32_t i = 0; i < count; i++) out[i] = &tape->inert;
    if (gani_failed(tape)) return;
    /* numbered by the context: parameters are marked too, and may be on several of its tapes */
    tape->pass = ++tape->context->gradient_pass;
    /* of parameters, frozen ones are left out */
    for (int32_t i = 0; i < count; i++)
        if (xs[i]->tracked || !(flags & GANI_GRAD_EXISTING)) xs[i]->target_pass = tape->pass;
    int32_t recording = tape->recording, depth = tape->depth++;
    mark_wanted(tape);
    if (!is_wanted(tape, y) && (!y->tracked || (flags & GANI_GRAD_EXISTING))) {
        gani_tape_fail(
            tape, GAN_E_ARGUMENT,
            flags & GANI_GRAD_OF_OPTIMIZER
                ? "optimizer: the loss depends on no parameter of it: was something on the way detached, or made "
                  "while recording was off?"
                : "gradient: the tensor to differentiate does not depend on anything tracked");
    } else {
        gani_node *from = y->node;
        tape->recording = (flags & GAN_GRAD_DIFFERENTIABLE) != 0;
        gan_tensor *g =
            seed == NULL ? tape->basis->full(tape, y->dtype, y->shape, 1.0) : tape->basis->identity(tape, seed);
        set_gradient(tape, y, g);
        walk(tape, from, flags);
    }
    for (int32_t i = 0; i < count && !gani_failed(tape); i++) {
        gan_tensor *gradient = gradient_of(tape, xs[i]);
        if (gradient == NULL && (flags & GANI_GRAD_EXISTING)) {
            out[i] = NULL;
            continue;
        }
        if (gradient == NULL)
            set_gradient(tape, xs[i], gradient = tape->basis->full(tape, xs[i]->dtype, xs[i]->shape, 0.0));
        gradient->hidden = 0;
        out[i] = gradient;
    }
    if (gani_failed(tape))
        for (int32_t i = 0; i < count; i++) out[i] = &tape->inert;
    tape->recording = recording;
    tape->depth = depth;
}
