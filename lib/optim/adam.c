/* Adam (Kingma, Ba 2015, algorithm 1). */
#include <math.h>

#include "optim/optimizer.h"

static int32_t moments(const gani_optimizer_config *config, const char *names[GANI_MAX_MOMENTS]) {
    (void)config;
    names[0] = "exp_avg";
    names[1] = "exp_avg_sq";
    return 2;
}

typedef struct adam_pass {
    gani_adam_params params;
    char *p, *m, *v;
    const char *g;
} adam_pass;
static void share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const adam_pass *pass = argument;
    size_t offset = (size_t)first * kernels->element;
    kernels->adam(count, pass->p + offset, pass->m + offset, pass->v + offset, pass->g + offset, &pass->params);
}

static void update(const gan_optimizer *optimizer, const gani_update *u) {
    const gani_optimizer_config *c = &optimizer->config;
    double t = (double)u->member->updates;
    adam_pass pass = {.params = {.step_size = u->learning_rate / (1 - pow(c->beta1, t)),
                                 .beta1 = c->beta1,
                                 .beta2 = c->beta2,
                                 .inv_sqrt_bias2 = 1 / sqrt(1 - pow(c->beta2, t)),
                                 .epsilon = c->epsilon,
                                 .weight_decay = u->weight_decay,
                                 .grad_scale = u->grad_scale},
                      .p = u->member->parameter->data,
                      .m = u->member->moments[0]->data,
                      .v = u->member->moments[1]->data,
                      .g = u->gradient->data};
    gani_for_elements(u->member->parameter, share, &pass);
}

static const gani_setting settings[] = {GANI_SETTING(beta1), GANI_SETTING(beta2), GANI_SETTING(epsilon), {NULL, 0}};

const gani_optimizer_rule gani_optimizer_adam = {"adam", settings, moments, update};
