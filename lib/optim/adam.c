/* Adam (Kingma, Ba 2015, algorithm 1), and with decoupled weight decay AdamW (Loshchilov, Hutter 2019, algorithm 2). */
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

/* One kernel does all three places of epsilon. With r = sqrt(1 - beta2^t), r m / (sqrt(v) + epsilon) is Adam's with a
 * step r times as long and no correction of v; and sqrt(v / r^2 + epsilon) = sqrt(v + r^2 epsilon) / r. */
static void place_epsilon(const gani_optimizer_config *config, double correction, gani_adam_params *params) {
    params->inv_sqrt_bias2 = 1 / sqrt(correction);
    params->epsilon = config->epsilon;
    if (config->epsilon_mode == GAN_EPSILON_UNCORRECTED) {
        params->step_size *= sqrt(correction);
        params->inv_sqrt_bias2 = 1;
    } else if (config->epsilon_mode == GAN_EPSILON_INSIDE) {
        params->root_epsilon = config->epsilon * correction;
        params->epsilon = 0;
    }
}

static void step(const gan_optimizer *optimizer, const gani_update *u, int decoupled) {
    const gani_optimizer_config *c = &optimizer->config;
    double t = (double)u->member->updates;
    adam_pass pass = {.params = {.step_size = u->learning_rate / (1 - pow(c->beta1, t)),
                                 .beta1 = c->beta1,
                                 .beta2 = c->beta2,
                                 .weight_decay = decoupled ? 0 : u->weight_decay,
                                 .keep = decoupled ? 1 - u->learning_rate * u->weight_decay : 1,
                                 .grad_scale = u->grad_scale},
                      .p = u->member->parameter->data,
                      .m = u->member->moments[0]->data,
                      .v = u->member->moments[1]->data,
                      .g = u->gradient->data};
    place_epsilon(c, 1 - pow(c->beta2, t), &pass.params);
    gani_for_elements(u->member->parameter, share, &pass);
}

static void adam(const gan_optimizer *optimizer, const gani_update *u) { step(optimizer, u, 0); }
static void adamw(const gan_optimizer *optimizer, const gani_update *u) { step(optimizer, u, 1); }

static const gani_setting settings[] = {
    GANI_SETTING(beta1), GANI_SETTING(beta2), GANI_SETTING(epsilon), GANI_SETTING(epsilon_mode), {NULL, 0}};

const gani_optimizer_rule gani_optimizer_adam = {"adam", settings, moments, adam};
const gani_optimizer_rule gani_optimizer_adamw = {"adamw", settings, moments, adamw};
