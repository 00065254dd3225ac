/* RMSProp (Tieleman, Hinton 2012, lecture 6.5; centered and with momentum: Graves 2013, arXiv 1308.0850). */
#include "optim/optimizer.h"

static int32_t moments(const gani_optimizer_config *config, const char *names[GANI_MAX_MOMENTS]) {
    int32_t count = 0;
    names[count++] = "square_avg";
    if (config->centered != 0) names[count++] = "grad_avg";
    if (config->momentum > 0) names[count++] = "momentum_buffer";
    return count;
}

typedef struct rmsprop_pass {
    gani_rmsprop_params params;
    char *p, *v, *a, *b; /* a, b: NULL where there are none */
    const char *g;
} rmsprop_pass;
static void share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const rmsprop_pass *pass = argument;
    size_t offset = (size_t)first * kernels->element;
    kernels->rmsprop(count, pass->p + offset, pass->v + offset, pass->a == NULL ? NULL : pass->a + offset,
                     pass->b == NULL ? NULL : pass->b + offset, pass->g + offset, &pass->params);
}

static void update(const gan_optimizer *optimizer, const gani_update *u) {
    const gani_optimizer_config *c = &optimizer->config;
    const gani_member *member = u->member;
    const int inside = c->epsilon_mode == GAN_EPSILON_INSIDE;
    rmsprop_pass pass = {.params = {.learning_rate = u->learning_rate,
                                    .alpha = c->alpha,
                                    .epsilon = inside ? 0 : c->epsilon,
                                    .root_epsilon = inside ? c->epsilon : 0,
                                    .momentum = c->momentum,
                                    .weight_decay = u->weight_decay,
                                    .grad_scale = u->grad_scale},
                         .p = member->parameter->data,
                         .v = member->moments[0]->data,
                         .g = u->gradient->data};
    if (c->centered != 0) pass.a = member->moments[1]->data;
    if (c->momentum > 0) pass.b = member->moments[optimizer->moment_count - 1]->data;
    gani_for_elements(member->parameter, share, &pass);
}

static const gani_setting settings[] = {GANI_SETTING(alpha),
                                        GANI_SETTING(epsilon),
                                        GANI_SETTING(momentum),
                                        GANI_SETTING(centered),
                                        GANI_SETTING(epsilon_mode),
                                        GANI_SETTING(initial_square),
                                        {NULL, 0}};

const gani_optimizer_rule gani_optimizer_rmsprop = {"rmsprop", settings, moments, update};
