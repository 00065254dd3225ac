/* What all losses share: their making and their end. */
#include "loss/loss.h"

#include <string.h>

gan_status gani_loss_new(gan_loss **out, gan_context *context, const gani_loss_type *type, const void *options) {
    *out = NULL;
    gan_loss *loss = gani_calloc(context, 1, sizeof *loss + type->options_size);
    if (loss == NULL) return gani_no_memory(context, "loss");
    atomic_init(&loss->references, 1);
    loss->context = gani_context_retain(context);
    loss->type = type;
    memcpy(loss->options, options, type->options_size);
    *out = loss;
    return GAN_OK;
}

void gani_loss_drop(gan_loss *loss) {
    if (loss == NULL || atomic_fetch_sub(&loss->references, 1) != 1) return;
    gan_context *context = loss->context;
    gani_free(context, loss);
    gan_context_release(context);
}
