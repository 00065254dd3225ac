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
    max_align_t options[]; /* options_size bytes */
};

/* loss.c. The options, which were checked, are copied. */
gan_status gani_loss_new(gan_loss **out, gan_context *context, const gani_loss_type *type, const void *options);
void gani_loss_drop(gan_loss *loss);
static inline const void *gani_loss_options(const gan_loss *loss) { return loss->options; }
/* The three ways in which the terms are asked for; the tape fails where there is no such term. */
gan_tensor *gani_loss_discriminator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake);
gan_tensor *gani_loss_generator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake); /* or NULL */
gan_tensor *gani_loss_matching(gan_tape *tape, const gan_loss *loss, gan_tensor *right, gan_tensor *wrong,
                               gan_tensor *fake);

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

#endif
