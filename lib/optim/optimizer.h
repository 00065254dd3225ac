/* Optimizers, as the rest of the library uses them: over a list of named tensors, whoever they belong to. */
#ifndef GANI_OPTIM_OPTIMIZER_H
#define GANI_OPTIM_OPTIMIZER_H

#include <gan/optimizer.h>

#include "ops/ops.h"

/* One parameter with what the optimizer keeps of it. */
typedef struct gani_moment {
    char *name;            /* owned copy */
    gan_tensor *parameter; /* retained */
    gan_tensor *m, *v;     /* first and second moment: owned */
    gan_tensor *sum;       /* accumulated gradient: owned; NULL until accumulation is used */
} gani_moment;

struct gan_optimizer {
    atomic_int references;
    gan_context *context;
    gan_adam_options options;
    int64_t steps;
    int32_t count;
    int32_t accumulated; /* the sums hold something */
    gani_moment *moments;
    gan_tensor **parameters, **gradients; /* `count` each: working space of a step */
    int32_t (*all_reduce)(void *user, void *data, int64_t count, gan_dtype dtype);
    void *all_reduce_user;
};

/* For the parameters of the list, which are kept alive; buffers in it are skipped. */
gan_status gani_adam_create(gan_optimizer **out, gan_context *context, const gani_named *tensors, int32_t count,
                            const gan_adam_options *options);
gan_optimizer *gani_optimizer_retain(gan_optimizer *optimizer);
void gani_optimizer_drop(gan_optimizer *optimizer);
gan_status gani_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);
gan_status gani_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);

/* The state that a checkpoint holds. */
int32_t gani_optimizer_state_count(const gan_optimizer *optimizer);
void gani_optimizer_state(const gan_optimizer *optimizer, int32_t index, const char **name, gan_tensor **m,
                          gan_tensor **v);
int64_t gani_optimizer_steps(const gan_optimizer *optimizer);
void gani_optimizer_set_steps(gan_optimizer *optimizer, int64_t steps);

/* Calls share(kernels, first, count, argument) over all elements of a tensor on the context's threads. */
typedef void gani_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument);
void gani_for_elements(const gan_tensor *tensor, gani_share *share, void *argument);

#endif
