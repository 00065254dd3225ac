/* One step: gradients, what happens to them on their way, the update. */
#include <math.h>
#include <string.h>

#include "optim/optimizer.h"

static gan_status tape_status(gan_optimizer *optimizer, const gan_tape *tape) {
    return tape->status == GAN_OK ? GAN_OK : gani_fail(optimizer->context, tape->status, "%s", tape->message);
}

/* The gradient of the loss for every parameter, into optimizer->gradients; NULL where the loss does not depend on it,
 * and everywhere if there is no loss. */
static gan_status differentiate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    for (int32_t i = 0; i < optimizer->count; i++) optimizer->gradients[i] = NULL;
    if (loss == NULL && optimizer->accumulated == 0 && tape->status == GAN_OK)
        return gani_fail(optimizer->context, GAN_E_STATE,
                         "optimizer: there is no loss, and no gradient was accumulated before");
    if (loss == NULL) return tape_status(optimizer, tape);
    if (tape->status == GAN_OK && gani_count(loss) != 1) {
        char text[GANI_SHAPE_TEXT];
        return gani_fail(optimizer->context, GAN_E_SHAPE, "optimizer: the loss has shape %s; it must be one number",
                         gani_shape_text(loss->shape, text));
    }
    int has_value = gani_is_float(loss->dtype) && loss->data != NULL; /* it may have been given back */
    if (tape->status == GAN_OK && has_value && !isfinite(gani_get_value(loss, 0)))
        return gani_fail(optimizer->context, GAN_E_NUMERIC, "optimizer: the loss is %s",
                         isnan(gani_get_value(loss, 0)) ? "not a number" : "infinite");
    gani_gradients(tape, loss, NULL, optimizer->parameters, optimizer->count,
                   GANI_GRAD_EXISTING | GANI_GRAD_OF_OPTIMIZER, optimizer->gradients);
    gan_status status = tape_status(optimizer, tape);
    for (int32_t i = 0; i < optimizer->count && status != GAN_OK; i++) optimizer->gradients[i] = NULL;
    return status;
}

/* Nobody reads the gradients after the step: their memory is free for the next phase. */
static gan_status give_back(gan_optimizer *optimizer, gan_tape *tape, gan_status status) {
    for (int32_t i = 0; i < optimizer->count; i++)
        if (optimizer->gradients[i] != NULL) gani_tape_drop(tape, optimizer->gradients[i]);
    return status;
}

typedef struct sum_pass {
    char *sum;
    const char *gradient;
} sum_pass;
static void sum_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const sum_pass *pass = argument;
    size_t offset = (size_t)first * kernels->element;
    kernels->axpy(count, 1.0, pass->gradient + offset, pass->sum + offset);
}
static void add_to(gan_tensor *sum, const gan_tensor *gradient) {
    sum_pass pass = {sum->data, gradient->data};
    gani_for_elements(sum, sum_share, &pass);
}

typedef struct scale_pass {
    double factor;
    char *gradient;
} scale_pass;
static void scale_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const scale_pass *pass = argument;
    char *g = pass->gradient + (size_t)first * kernels->element;
    kernels->unary(GANI_UNARY_AFFINE, count, g, g, pass->factor, 0);
}

/* To the step's own gradients, which are nobody else's. losses: those that are in them, 0 or 1. */
static void add_accumulated(const gan_optimizer *optimizer, int32_t losses) {
    for (int32_t i = 0; i < optimizer->count; i++) {
        gan_tensor *g = optimizer->gradients[i];
        if (g == NULL) continue;
        if (optimizer->members[i].summed) add_to(g, optimizer->members[i].sum);
        if (!optimizer->averaging) continue;
        scale_pass pass = {1 / ((double)optimizer->accumulated + losses), g->data};
        gani_for_elements(g, scale_share, &pass);
    }
}

gan_status gani_optimizer_make_sums(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count; i++) {
        gani_member *member = &optimizer->members[i];
        if (member->sum != NULL) continue;
        gan_status status =
            gani_tensor_zeros(&member->sum, optimizer->context, member->parameter->dtype, member->parameter->shape);
        if (status != GAN_OK) return status;
    }
    return GAN_OK;
}

void gani_optimizer_clear_sums(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count; i++) {
        gan_tensor *sum = optimizer->members[i].sum;
        if (sum != NULL) memset(sum->data, 0, (size_t)gani_count(sum) * gan_dtype_size(sum->dtype));
        optimizer->members[i].summed = 0;
    }
    optimizer->accumulated = 0;
}

gan_status gani_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    gan_status status = gani_optimizer_make_sums(optimizer);
    if (status != GAN_OK) return status; /* the list of gradients is from some time before */
    status = differentiate(optimizer, tape, loss);
    if (status == GAN_OK) status = gani_optimizer_check_finite(optimizer);
    if (status != GAN_OK) return give_back(optimizer, tape, status);
    for (int32_t i = 0; i < optimizer->count; i++) {
        if (optimizer->gradients[i] == NULL) continue;
        add_to(optimizer->members[i].sum, optimizer->gradients[i]);
        optimizer->members[i].summed = 1;
    }
    optimizer->accumulated++;
    return give_back(optimizer, tape, GAN_OK);
}

/* What is changed in place below must be nobody else's: two parameters that enter a loss alike share their gradient. */
static gan_status make_own(gan_optimizer *optimizer, gan_tape *tape) {
    if (optimizer->accumulated == 0 && optimizer->all_reduce == NULL && !isfinite(optimizer->max_value))
        return GAN_OK; /* nothing will be changed */
    for (int32_t i = 0; i < optimizer->count; i++) {
        gan_tensor *g = optimizer->gradients[i], *own;
        /* one that was frozen after it was accumulated stays */
        if (g == NULL && (!optimizer->members[i].summed || !optimizer->parameters[i]->tracked)) continue;
        if (g != NULL && atomic_load(&g->storage->references) == 1) continue;
        if (g == NULL) {
            const gan_tensor *parameter = optimizer->parameters[i];
            own = gani_full(tape, parameter->dtype, parameter->shape, 0);
        } else {
            own = gani_result(tape, g->dtype, g->shape);
            if (!gani_failed(tape)) gani_tensor_copy_values(own, g);
        }
        if (gani_failed(tape)) return tape_status(optimizer, tape);
        if (g != NULL) gani_tape_drop(tape, g); /* the last of those that shared it needs no copy */
        optimizer->gradients[i] = own;
    }
    return GAN_OK;
}

static gan_status all_reduce_all(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count && optimizer->all_reduce != NULL; i++) {
        gan_tensor *g = optimizer->gradients[i];
        if (g == NULL) continue;
        if (optimizer->all_reduce(optimizer->all_reduce_user, g->data, gani_count(g), g->dtype) != 0)
            return gani_fail(optimizer->context, GAN_E_CANCELLED, "optimizer: the all-reduce callback failed for %s",
                             optimizer->members[i].name);
    }
    return GAN_OK;
}

static gan_status all_reduce(gan_optimizer *optimizer, gan_tape *tape) {
    int64_t held = gani_tape_hold(tape);
    optimizer->reducing = 1;
    gan_status status = all_reduce_all(optimizer);
    optimizer->reducing = 0;
    gani_tape_unhold(tape, held);
    return status;
}

static double scheduled_rate(const gan_optimizer *optimizer) {
    return optimizer->learning_rate * gani_schedule_factor(&optimizer->schedule, optimizer->steps);
}

/* A schedule may grow without bound: a factor above 1 does in the end. */
static gan_status check_rate(const gan_optimizer *optimizer) {
    double rate = scheduled_rate(optimizer);
    for (int32_t i = 0; i < optimizer->group_count; i++)
        if (!isfinite(rate * optimizer->groups[i].rate_factor))
            return gani_fail(optimizer->context, GAN_E_NUMERIC,
                             "optimizer: the schedule's learning rate after %lld updates is not finite",
                             (long long)optimizer->steps);
    return GAN_OK;
}

static void update(gan_optimizer *optimizer, double grad_scale) {
    double rate = scheduled_rate(optimizer);
    optimizer->steps++;
    for (int32_t i = 0; i < optimizer->count; i++) {
        gani_member *member = &optimizer->members[i];
        const gani_group *group = &optimizer->groups[member->group];
        if (optimizer->gradients[i] == NULL) continue; /* the loss does not depend on it: it stays, moments too */
        member->updates++;
        gani_update u = {member, optimizer->gradients[i], rate * group->rate_factor, group->weight_decay, grad_scale};
        optimizer->rule->update(optimizer, &u);
        gani_tensor_touch(member->parameter);
    }
}

gan_status gani_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    gan_status status = differentiate(optimizer, tape, loss);
    if (status == GAN_OK) status = make_own(optimizer, tape);
    if (status == GAN_OK && optimizer->accumulated > 0) add_accumulated(optimizer, loss != NULL);
    if (status == GAN_OK) status = all_reduce(optimizer, tape);
    if (status == GAN_OK) status = gani_optimizer_check_finite(optimizer);
    if (status == GAN_OK) status = check_rate(optimizer);
    if (status == GAN_OK) {
        update(optimizer, gani_optimizer_clip(optimizer));
        if (optimizer->accumulated > 0) gani_optimizer_clear_sums(optimizer);
    }
    return give_back(optimizer, tape, status);
}
