/** @file
 * Losses. Adversarial ones have a discriminator's term and a generator's term, each to be minimised by its own
 * optimizer. All work on logits: the raw output of the discriminator, no sigmoid. */
#ifndef GAN_LOSS_H
#define GAN_LOSS_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_loss gan_loss;

#define GAN_GENERATOR_NON_SATURATING 1 /**< mean softplus(-s): maximise log sigmoid(s) */
#define GAN_GENERATOR_MINIMAX 2        /**< -mean softplus(s): minimise log(1 - sigmoid(s)) */

/** Options of gan_loss_bce_create. Since 0.1. */
typedef struct gan_loss_bce_options {
    size_t struct_size;
    double real_target; /**< target for real images, in [0, 1]; default 1; 0.9 is one-sided label smoothing (Salimans et
                             al. 2016, 3.4) */
    double fake_target; /**< target for fakes in the discriminator's term, in [0, 1]; default 0; above 0 is two-sided
                             smoothing */
    int32_t generator;  /**< GAN_GENERATOR_...; default non-saturating */
    int32_t reserved;
} gan_loss_bce_options;
GAN_API void gan_loss_bce_options_init_sized(gan_loss_bce_options *options, size_t size);
#define gan_loss_bce_options_init(options) gan_loss_bce_options_init_sized((options), sizeof *(options))

/** Binary cross-entropy of the logit s with target t, softplus(s) - t s (Goodfellow et al. 2014, equation 1). The
 * discriminator's term is the sum of the means over reals and over fakes. Errors: GAN_E_ARGUMENT (a target outside
 * [0, 1], an unknown generator's term). Since 0.1. */
GAN_API gan_status gan_loss_bce_create(gan_loss **out, gan_context *context, const gan_loss_bce_options *options);

/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_loss_release(gan_loss *loss);

/** The discriminator's term, a scalar. real, fake: logits of any shape, not empty. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_discriminator(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake);
/** The generator's term, a scalar. fake: logits of any shape, not empty. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_loss_generator(gan_tape *tape, gan_loss *loss, gan_tensor *fake);

/** Mean over all elements of softplus(s) - target * s, a scalar: binary cross-entropy of logits with one target in
 * [0, 1]. Sticky on the tape. Since 0.1. */
GAN_API gan_tensor *gan_bce_with_logits(gan_tape *tape, gan_tensor *logits, double target);

GAN_END_DECLS

#endif
