/* Adam (Kingma, Ba 2015, algorithm 1). */
#include <math.h>
#include <string.h>

#include "optim/optimizer.h"

gan_optimizer *gani_optimizer_retain(gan_optimizer *optimizer) {
    atomic_fetch_add(&optimizer->references, 1);
    return optimizer;
}

void gani_optimizer_drop(gan_optimizer *optimizer) {
    if (optimizer == NULL || atomic_fetch_sub(&optimizer->references, 1) != 1) return;
    gan_context *context = optimizer->context;
    for (int32_t i = 0; i < optimizer->count; i++) {
        gani_free(context, optimizer->moments[i].name);
        gani_tensor_drop(optimizer->moments[i].parameter);
        gani_tensor_drop(optimizer->moments[i].m);
        gani_tensor_drop(optimizer->moments[i].v);
        gani_tensor_drop(optimizer->moments[i].sum);
    }
    gani_free(context, optimizer->moments);
    gani_free(context, optimizer->parameters);
    gani_free(context, optimizer->gradients);
    gani_free(context, optimizer);
    gan_context_release(context);
}

static gan_status add_parameter(gan_optimizer *optimizer, const gani_named *named) {
    gani_moment *moment = &optimizer->moments[optimizer->count];
    gan_tensor *parameter = named->tensor;
    moment->name = gani_strdup(optimizer->context, named->name);
    if (moment->name == NULL) return gani_no_memory(optimizer->context, "adam");
    moment->parameter = optimizer->parameters[optimizer->count++] = gan_tensor_retain(parameter);
    gan_status status = gani_tensor_zeros(&moment->m, optimizer->context, parameter->dtype, parameter->shape);
    return status != GAN_OK ? status
                            : gani_tensor_zeros(&moment->v, optimizer->context, parameter->dtype, parameter->shape);
}

gan_status gani_adam_create(gan_optimizer **out, gan_context *context, const gani_named *tensors, int32_t count,
                            const gan_adam_options *options) {
    *out = NULL;
    gan_optimizer *optimizer = gani_calloc(context, 1, sizeof *optimizer);
    if (optimizer == NULL) return gani_no_memory(context, "adam");
    atomic_init(&optimizer->references, 1);
    optimizer->context = gani_context_retain(context);
    optimizer->options = *options;
    size_t room = (size_t)count;
    optimizer->moments = gani_calloc(context, room, sizeof *optimizer->moments);
    optimizer->parameters = gani_calloc(context, room, sizeof *optimizer->parameters);
    optimizer->gradients = gani_calloc(context, room, sizeof *optimizer->gradients);
    gan_status status = GAN_OK;
    if (optimizer->moments == NULL || optimizer->parameters == NULL || optimizer->gradients == NULL)
        status = gani_no_memory(context, "adam");
    for (int32_t i = 0; i < count && status == GAN_OK; i++)
        if (tensors[i].is_parameter) status = add_parameter(optimizer, &tensors[i]);
    if (status == GAN_OK)
        *out = optimizer;
    else
        gani_optimizer_drop(optimizer);
    return status;
}

int32_t gani_optimizer_state_count(const gan_optimizer *optimizer) { return optimizer->count; }

void gani_optimizer_state(const gan_optimizer *optimizer, int32_t index, const char **name, gan_tensor **m,
                          gan_tensor **v) {
    *name = optimizer->moments[index].name;
    *m = optimizer->moments[index].m;
    *v = optimizer->moments[index].v;
}

int64_t gani_optimizer_steps(const gan_optimizer *optimizer) { return optimizer->steps; }
void gani_optimizer_set_steps(gan_optimizer *optimizer, int64_t steps) { optimizer->steps = steps; }

/* ---- gradients ---- */

static gan_status tape_status(gan_optimizer *optimizer, const gan_tape *tape) {
    return tape->status == GAN_OK ? GAN_OK : gani_fail(optimizer->context, tape->status, "%s", tape->message);
}

/* The gradient of the loss for every parameter, into optimizer->gradients; NULL where the loss does not depend on it.
 */
static gan_status differentiate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    for (int32_t i = 0; i < optimizer->count; i++) optimizer->gradients[i] = NULL;
    if (tape->status == GAN_OK && gani_count(loss) != 1) {
        char text[GANI_SHAPE_TEXT];
        return gani_fail(optimizer->context, GAN_E_SHAPE, "optimizer: the loss has shape %s; it must be one number",
                         gani_shape_text(loss->shape, text));
    }
    gani_gradients(tape, loss, NULL, optimizer->parameters, optimizer->count, GANI_GRAD_EXISTING, optimizer->gradients);
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

/* a sum of squares overflows long after a gradient has become useless, so it is as good a test as looking at each */
static gan_status check_finite(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count; i++) {
        const gan_tensor *g = optimizer->gradients[i];
        if (g == NULL || isfinite(gani_kernels_for(g->context, g->dtype)->dot(gani_count(g), g->data, g->data)))
            continue;
        return gani_fail(optimizer->context, GAN_E_NUMERIC, "optimizer: the gradient of %s is not finite",
                         optimizer->moments[i].name);
    }
    return GAN_OK;
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

static gan_status make_sums(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count; i++) {
        gani_moment *moment = &optimizer->moments[i];
        if (moment->sum != NULL) continue;
        gan_status status = gani_tensor_zeros(&moment->sum, optimizer->context, moment->m->dtype, moment->m->shape);
        if (status != GAN_OK) return status;
    }
    return GAN_OK;
}

static void clear_sums(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count; i++) {
        gan_tensor *sum = optimizer->moments[i].sum;
        if (sum != NULL) memset(sum->data, 0, (size_t)gani_count(sum) * gan_dtype_size(sum->dtype));
    }
    optimizer->accumulated = 0;
}

gan_status gani_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    gan_status status = make_sums(optimizer);
    if (status == GAN_OK) status = differentiate(optimizer, tape, loss);
    if (status == GAN_OK) status = check_finite(optimizer);
    if (status != GAN_OK) return give_back(optimizer, tape, status);
    for (int32_t i = 0; i < optimizer->count; i++)
        if (optimizer->gradients[i] != NULL) add_to(optimizer->moments[i].sum, optimizer->gradients[i]);
    optimizer->accumulated = 1;
    return give_back(optimizer, tape, GAN_OK);
}

/* What is changed in place below must be nobody else's: two parameters that enter a loss alike share their gradient. */
static gan_status make_own(gan_optimizer *optimizer, gan_tape *tape) {
    if (!optimizer->accumulated && optimizer->all_reduce == NULL) return GAN_OK; /* nothing will be changed */
    for (int32_t i = 0; i < optimizer->count; i++) {
        gan_tensor *g = optimizer->gradients[i], *own;
        if (g == NULL && !optimizer->accumulated) continue;
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

static gan_status all_reduce(gan_optimizer *optimizer) {
    for (int32_t i = 0; i < optimizer->count && optimizer->all_reduce != NULL; i++) {
        gan_tensor *g = optimizer->gradients[i];
        if (g == NULL) continue;
        if (optimizer->all_reduce(optimizer->all_reduce_user, g->data, gani_count(g), g->dtype) != 0)
            return gani_fail(optimizer->context, GAN_E_CANCELLED, "optimizer: the all-reduce callback failed for %s",
                             optimizer->moments[i].name);
    }
    return GAN_OK;
}

/* ---- the update ---- */

typedef struct adam_pass {
    gani_adam_params params;
    char *p, *m, *v;
    const char *g;
} adam_pass;
static void adam_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const adam_pass *pass = argument;
    size_t offset = (size_t)first * kernels->element;
    kernels->adam(count, pass->p + offset, pass->m + offset, pass->v + offset, pass->g + offset, &pass->params);
}

static void update(gan_optimizer *optimizer) {
    const gan_adam_options *o = &optimizer->options;
    double t = (double)++optimizer->steps;
    gani_adam_params params = {.step_size = o->learning_rate / (1 - pow(o->beta1, t)),
                               .beta1 = o->beta1,
                               .beta2 = o->beta2,
                               .inv_sqrt_bias2 = 1 / sqrt(1 - pow(o->beta2, t)),
                               .epsilon = o->epsilon,
                               .weight_decay = o->weight_decay,
                               .grad_scale = 1};
    for (int32_t i = 0; i < optimizer->count; i++) {
        gani_moment *moment = &optimizer->moments[i];
        if (optimizer->gradients[i] == NULL) continue; /* the loss does not depend on it: it stays, moments too */
        adam_pass pass = {params, moment->parameter->data, moment->m->data, moment->v->data,
                          optimizer->gradients[i]->data};
        gani_for_elements(moment->parameter, adam_share, &pass);
        gani_tensor_touch(moment->parameter);
    }
}

gan_status gani_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss) {
    gan_status status = differentiate(optimizer, tape, loss);
    if (status == GAN_OK) status = make_own(optimizer, tape);
    for (int32_t i = 0; i < optimizer->count && status == GAN_OK && optimizer->accumulated; i++)
        add_to(optimizer->gradients[i], optimizer->moments[i].sum);
    if (status == GAN_OK) status = all_reduce(optimizer);
    if (status == GAN_OK) status = check_finite(optimizer);
    if (status == GAN_OK) {
        update(optimizer);
        if (optimizer->accumulated) clear_sums(optimizer);
    }
    return give_back(optimizer, tape, status);
}
