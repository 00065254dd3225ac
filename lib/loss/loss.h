/* Losses: a type is a table of terms, each a formula of operations. One file a family; loss.c has what all share. */
#ifndef GANI_LOSS_LOSS_H
#define GANI_LOSS_LOSS_H

#include <gan/loss.h>

#include "ops/ops.h"

typedef struct gani_loss_type {
    const char *name;    /* "bce": in messages */
    size_t options_size; /* of what gani_loss_options gives */
    /* Adversarial losses; NULL: it has no such term. */
    gan_tensor *(*discriminator)(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake);
    gan_tensor *(*generator)(gan_tape *tape, const gan_loss *loss, gan_tensor *fake);
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

/* bce.c */
extern const gani_loss_type gani_loss_bce;
gan_tensor *gani_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target);

#endif
