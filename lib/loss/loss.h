/* Losses: a type is a table of terms, each a formula of operations. One file a family; loss.c has what all share. */
#ifndef GANI_LOSS_LOSS_H
#define GANI_LOSS_LOSS_H

#include <gan/loss.h>

#include "ops/ops.h"

typedef gan_tensor *gani_loss_term(gan_tape *tape, const gan_loss *loss, gan_tensor *logits);
typedef gan_tensor *gani_loss_pair(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake);

typedef struct gani_loss_type {
    const char *name;    /* "bce": in messages */
    size_t options_size; /* of what gani_loss_options gives */
    /* Adversarial losses; NULL: it has no such term. */
    gani_loss_term *real, *fake;    /* means of which the discriminator's term is the sum ... */
    gani_loss_pair *discriminator;  /* ... or that term, where it is not such a sum */
    gani_loss_term *generator;      /* of fakes alone ... */
    gani_loss_pair *generator_pair; /* ... or of reals and fakes */
    /* The discriminator's parameters lie within +- this; NULL: anywhere. */
    double (*clip)(const gan_loss *loss);
} gani_loss_type;

struct gan_loss {
    atomic_int references;
    gan_context *context;
    const gani_loss_type *type;
    gani_named *state; /* what changes from step to step: part of a run's checkpoints. gani_loss_add_state */
    int32_t state_count;
    void (*drop)(gan_loss *loss); /* gives back what the options hold; NULL: nothing */
    max_align_t options[];        /* options_size bytes */
};

/* loss.c. The options, which were checked, are copied. */
gan_status gani_loss_new(gan_loss **out, gan_context *context, const gani_loss_type *type, const void *options);
gan_loss *gani_loss_retain(gan_loss *loss);
void gani_loss_drop(gan_loss *loss);
static inline const void *gani_loss_options(const gan_loss *loss) { return loss->options; }
/* The three ways in which the terms are asked for; the tape fails where there is no such term. */
gan_tensor *gani_loss_discriminator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake);
gan_tensor *gani_loss_generator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake); /* or NULL */
gan_tensor *gani_loss_matching(gan_tape *tape, const gan_loss *loss, gan_tensor *right, gan_tensor *wrong,
                               gan_tensor *fake);

/* One more tensor of its state: zeros, under "group.name" or, with an empty group, its name alone. The last of
 * loss->state then. Names are checkpoints', after that of the loss. */
gan_status gani_loss_add_state(gan_loss *loss, const char *group, const char *name, gan_dtype dtype, gan_shape shape);

/* history.c; the parameters of the list, which are retained */
extern const gani_loss_type gani_loss_history;
gan_status gani_history_create(gan_loss **out, gan_context *context, const gani_named *tensors, int32_t count,
                               const gan_loss_historical_averaging_options *options);
gan_tensor *gani_history(gan_tape *tape, const gan_loss *loss);
void gani_history_update(gan_loss *loss);

/* path_length.c */
extern const gani_loss_type gani_loss_path_length;
gan_status gani_path_length_create(gan_loss **out, gan_context *context, const gan_loss_path_length_options *options);
gan_tensor *gani_path_length_latents(gan_tape *tape, const gan_loss *loss, gan_tensor *w);
gan_tensor *gani_path_length(gan_tape *tape, gan_loss *loss, gan_tensor *images, gan_tensor *w);
double gani_path_length_mean(const gan_loss *loss);

/* bce.c */
extern const gani_loss_type gani_loss_bce;
gan_tensor *gani_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target);

/* least_squares.c */
extern const gani_loss_type gani_loss_least_squares;
gan_tensor *gani_mean_square(gan_tape *tape, gan_tensor *logits, double target, double factor);

/* hinge.c */
extern const gani_loss_type gani_loss_hinge;
gan_tensor *gani_mean_hinge(gan_tape *tape, gan_tensor *logits, double sign); /* mean max(0, 1 + sign x) */

/* wasserstein.c */
extern const gani_loss_type gani_loss_wasserstein;
/* Every parameter in the list is clipped to [-clip, clip]. */
void gani_clip_parameters(const gani_named *tensors, int32_t count, double clip);

/* relativistic.c, veegan.c */
extern const gani_loss_type gani_loss_relativistic, gani_loss_veegan;
gan_tensor *gani_veegan_reconstruction(gan_tape *tape, const gan_loss *loss, gan_tensor *z, gan_tensor *reconstructed);

/* cross_entropy.c. The options have been checked. */
gan_cross_entropy_options gani_cross_entropy_defaults(void);
gan_tensor *gani_cross_entropy(gan_tape *tape, gan_tensor *logits, gan_tensor *labels,
                               const gan_cross_entropy_options *options);

/* semi_supervised.c */
typedef struct gani_classifier {
    int64_t classes;
    gan_loss_semi_supervised_options options;
} gani_classifier;
extern const gani_loss_type gani_loss_semi_supervised;
gan_tensor *gani_semi_supervised(gan_tape *tape, const gan_loss *loss, gan_tensor *labelled, gan_tensor *labels,
                                 gan_tensor *unlabelled, gan_tensor *fake);

/* likelihood.c; the unit is one that there is */
gan_tensor *gani_nll_categorical(gan_tape *tape, gan_tensor *logits, gan_tensor *images, gan_likelihood_unit unit);
gan_tensor *gani_nll_bernoulli(gan_tape *tape, gan_tensor *logits, gan_tensor *images, gan_likelihood_unit unit);
gan_tensor *gani_nll_logistic_mixture(gan_tape *tape, gan_tensor *parameters, gan_tensor *images, int64_t mixtures,
                                      gan_likelihood_unit unit);

/* 1 if the loss, which is usable, is of that type; otherwise the tape has failed. */
static inline int gani_loss_is(gan_tape *tape, const gan_loss *loss, const gani_loss_type *type) {
    if (loss->type == type) return 1;
    gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: this is a %s loss; a %s loss is needed here", loss->type->name,
                   type->name);
    return 0;
}

#endif
