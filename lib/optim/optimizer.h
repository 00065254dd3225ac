/* Optimizers, as the rest of the library uses them: over lists of named tensors, whoever they belong to. One core does
 * what all have in common (groups, gradients, clipping, schedule); a rule is what one of them makes of a gradient. */
#ifndef GANI_OPTIM_OPTIMIZER_H
#define GANI_OPTIM_OPTIMIZER_H

#include <gan/optimizer.h>

#include "ops/ops.h"
#include "tensor/elements.h"

#define GANI_MAX_MOMENTS 3

/* One parameter with what the optimizer keeps of it. */
typedef struct gani_member {
    char *name;                            /* owned; unique in the optimizer */
    gan_tensor *parameter;                 /* retained */
    gan_tensor *moments[GANI_MAX_MOMENTS]; /* of the optimizer's `moments` names: owned */
    gan_tensor *sum;                       /* accumulated gradient: owned; NULL until accumulation is used */
    int64_t updates;                       /* of this parameter: below the optimizer's steps if losses passed it by */
    int32_t group;
    int32_t summed; /* the sum holds something */
} gani_member;

typedef struct gani_group {
    double rate_factor, weight_decay;
} gani_group;

/* What a rule is told about one update of one parameter. */
typedef struct gani_update {
    gani_member *member;        /* its `updates` counts this one already */
    const gan_tensor *gradient; /* before scaling */
    double learning_rate, weight_decay, grad_scale;
} gani_update;

/* What an optimizer was made with. Every rule uses the fields that its `settings` name. */
typedef struct gani_optimizer_config {
    double alpha, beta1, beta2, epsilon, momentum, dampening;
    double centered, nesterov; /* 0 or 1: numbers like the others */
    double epsilon_mode;       /* GAN_EPSILON_... */
    double initial_square;     /* what all elements of the first moment start with */
} gani_optimizer_config;

typedef struct gani_setting {
    const char *name; /* NULL: the end */
    size_t offset;    /* in gani_optimizer_config */
} gani_setting;
#define GANI_SETTING(name)                                                                                             \
    { #name, offsetof(gani_optimizer_config, name) }

typedef struct gani_optimizer_rule {
    const char *kind; /* "adam": in checkpoints and messages */
    const gani_setting *settings;
    /* Names of the tensors it keeps for each parameter, PyTorch's; returns how many. */
    int32_t (*moments)(const gani_optimizer_config *config, const char *names[GANI_MAX_MOMENTS]);
    void (*update)(const gan_optimizer *optimizer, const gani_update *update);
} gani_optimizer_rule;
extern const gani_optimizer_rule gani_optimizer_adam, gani_optimizer_adamw, gani_optimizer_rmsprop, gani_optimizer_sgd;

struct gan_optimizer {
    atomic_int references;
    gan_context *context;
    const gani_optimizer_rule *rule;
    gani_optimizer_config config;
    double learning_rate; /* before schedule and groups */
    double max_value, max_norm;
    double gradient_norm; /* of the last gradient, before clipping; NaN: there was none */
    gan_schedule_options schedule;
    int64_t steps;
    int32_t count, group_count, moment_count;
    int64_t accumulated; /* losses whose gradients the sums hold */
    int32_t averaging;   /* the step takes the mean over these and its own, not the sum */
    int32_t reducing;    /* the all-reduce callback runs: members and gradients must stay */
    const char *moments[GANI_MAX_MOMENTS];
    gani_member *members;
    gani_group *groups;
    gan_tensor **parameters, **gradients; /* `count` each: working space of a step */
    double *squares;                      /* the same: a number for each share of the largest parameter */
    int32_t (*all_reduce)(void *user, void *data, int64_t count, gan_dtype dtype);
    void *all_reduce_user;
};

/* optimizer.c. Without members; the first group is added next. */
gan_status gani_optimizer_create(gan_optimizer **out, gan_context *context, const gani_optimizer_rule *rule,
                                 const gani_optimizer_config *config, double learning_rate);
/* The parameters of the list whose names fit the prefix (NULL: all), as one more group; buffers are skipped. */
gan_status gani_optimizer_add_group(gan_optimizer *optimizer, const gani_named *tensors, int32_t count,
                                    const char *prefix, const gani_group *group);
gan_optimizer *gani_optimizer_retain(gan_optimizer *optimizer);
void gani_optimizer_drop(gan_optimizer *optimizer);

/* settings.c: everything that decides what a step does with a gradient, by name ("beta1", "group2.weight_decay",
 * "schedule.kind"), but for the learning rate, which is state. */
typedef void gani_visit_setting(void *user, const char *name, double value);
void gani_optimizer_settings(const gan_optimizer *optimizer, gani_visit_setting *visit, void *user);

/* step.c */
gan_status gani_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);
gan_status gani_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);
/* Zeros where there are sums: what was accumulated is forgotten. */
void gani_optimizer_clear_sums(gan_optimizer *optimizer);
/* The sums exist. */
gan_status gani_optimizer_make_sums(gan_optimizer *optimizer);

/* clip.c */
gan_status gani_optimizer_check_finite(gan_optimizer *optimizer);
/* Clips values in place, and gives the factor that clips the norm. Gradients have been checked to be finite. */
double gani_optimizer_clip(gan_optimizer *optimizer);

/* schedule.c: what the learning rate is multiplied by after so many steps */
double gani_schedule_factor(const gan_schedule_options *schedule, int64_t steps);

#endif
