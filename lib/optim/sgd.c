/* Gradient descent with momentum (Polyak 1964; Nesterov's in the form of Sutskever, Martens, Dahl, Hinton 2013). */
#include "optim/optimizer.h"

static int32_t moments(const gani_optimizer_config *config, const char *names[GANI_MAX_MOMENTS]) {
    if (config->momentum <= 0) return 0;
    names[0] = "momentum_buffer";
    return 1;
}

typedef struct sgd_pass {
    gani_sgd_params params;
    char *p, *b; /* b: NULL without momentum */
    const char *g;
} sgd_pass;
static void share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const sgd_pass *pass = argument;
    size_t offset = (size_t)first * kernels->element;
    kernels->sgd(count, pass->p + offset, pass->b == NULL ? NULL : pass->b + offset, pass->g + offset, &pass->params);
}

static void update(const gan_optimizer *optimizer, const gani_update *u) {
    const gani_optimizer_config *c = &optimizer->config;
    const gani_member *member = u->member;
    sgd_pass pass = {.params = {.learning_rate = u->learning_rate,
                                .momentum = c->momentum,
                                .gradient_share = member->updates == 1 ? 1 : 1 - c->dampening,
                                .gradient_ahead = c->nesterov,
                                .buffer_ahead = c->nesterov != 0 ? c->momentum : 1,
                                .weight_decay = u->weight_decay,
                                .grad_scale = u->grad_scale},
                     .p = member->parameter->data,
                     .g = u->gradient->data};
    if (c->momentum > 0) pass.b = member->moments[0]->data;
    gani_for_elements(member->parameter, share, &pass);
}

static const gani_setting settings[] = {
    GANI_SETTING(momentum), GANI_SETTING(dampening), GANI_SETTING(nesterov), {NULL, 0}};

const gani_optimizer_rule gani_optimizer_sgd = {"sgd", settings, moments, update};
