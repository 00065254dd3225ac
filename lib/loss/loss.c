/* What all losses share: their making and their end, and how their terms are put together. */
#include "loss/loss.h"

#include <stdio.h>
#include <string.h>

gan_status gani_loss_new(gan_loss **out, gan_context *context, const gani_loss_type *type, const void *options) {
    *out = NULL;
    gan_loss *loss = gani_calloc(context, 1, sizeof *loss + type->options_size);
    if (loss == NULL) return gani_no_memory(context, "loss");
    atomic_init(&loss->references, 1);
    loss->context = gani_context_retain(context);
    loss->type = type;
    if (type->options_size > 0) memcpy(loss->options, options, type->options_size);
    *out = loss;
    return GAN_OK;
}

gan_loss *gani_loss_retain(gan_loss *loss) {
    atomic_fetch_add(&loss->references, 1);
    return loss;
}

gan_status gani_loss_add_state(gan_loss *loss, const char *group, const char *name, gan_dtype dtype, gan_shape shape) {
    gan_context *context = loss->context;
    size_t count = (size_t)loss->state_count + 1, size = strlen(group) + strlen(name) + 2;
    gani_named *grown = gani_realloc(context, loss->state, count * sizeof *grown);
    if (grown == NULL) return gani_no_memory(context, "loss");
    loss->state = grown;
    gani_named *added = &grown[loss->state_count];
    added->is_parameter = 0;
    added->name = gani_alloc(context, size);
    if (added->name == NULL) return gani_no_memory(context, "loss");
    snprintf(added->name, size, "%s%s%s", group, group[0] == '\0' ? "" : ".", name);
    gan_status status = gani_tensor_zeros(&added->tensor, context, dtype, shape);
    if (status != GAN_OK)
        gani_free(context, added->name);
    else
        loss->state_count++;
    return status;
}

void gani_loss_drop(gan_loss *loss) {
    if (loss == NULL || atomic_fetch_sub(&loss->references, 1) != 1) return;
    gan_context *context = loss->context;
    if (loss->drop != NULL) loss->drop(loss);
    for (int32_t i = 0; i < loss->state_count; i++) {
        gani_free(context, loss->state[i].name);
        gani_tensor_drop(loss->state[i].tensor);
    }
    gani_free(context, loss->state);
    gani_free(context, loss);
    gan_context_release(context);
}

gan_tensor *gani_loss_discriminator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    const gani_loss_type *type = loss->type;
    if (type->discriminator != NULL) return type->discriminator(tape, loss, real, fake);
    if (type->real == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: %s has no discriminator's term", type->name);
    return gani_add(tape, type->real(tape, loss, real), type->fake(tape, loss, fake));
}

gan_tensor *gani_loss_generator(gan_tape *tape, const gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    const gani_loss_type *type = loss->type;
    if (type->generator != NULL) return type->generator(tape, loss, fake);
    if (type->generator_pair == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "loss: %s has no generator's term", type->name);
    if (real == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "loss: %s compares fakes with reals in the generator's term too; call "
                              "gan_loss_generator_pair with the logits of both",
                              type->name);
    return type->generator_pair(tape, loss, real, fake);
}

gan_tensor *gani_loss_matching(gan_tape *tape, const gan_loss *loss, gan_tensor *right, gan_tensor *wrong,
                               gan_tensor *fake) {
    const gani_loss_type *type = loss->type;
    if (type->real == NULL)
        return gani_tape_fail(
            tape, GAN_E_ARGUMENT,
            "loss: %s has no terms of reals and of fakes on their own to make a matching-aware one of; "
            "use bce, least squares, Wasserstein or hinge",
            type->name);
    gan_tensor *wrongs = gani_add(tape, type->fake(tape, loss, wrong), type->fake(tape, loss, fake));
    return gani_add(tape, type->real(tape, loss, right), gani_affine(tape, wrongs, 0.5, 0));
}
