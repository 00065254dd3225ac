/* Adversarial losses: a type is a table of terms. */
#ifndef GANI_LOSS_LOSS_H
#define GANI_LOSS_LOSS_H

#include <gan/loss.h>

#include "ops/ops.h"

typedef struct gani_loss_type {
    const char *name;
    gan_tensor *(*discriminator)(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake);
    gan_tensor *(*generator)(gan_tape *tape, const gan_loss *loss, gan_tensor *fake);
} gani_loss_type;

struct gan_loss {
    atomic_int references;
    gan_context *context;
    const gani_loss_type *type;
    gan_loss_bce_options bce;
};

gan_status gani_loss_bce_create(gan_loss **out, gan_context *context, const gan_loss_bce_options *options);
void gani_loss_drop(gan_loss *loss);
gan_tensor *gani_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target);

#endif
