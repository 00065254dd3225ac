/** @file
 * Optimizers: they own the moments of a layer's parameters and change the parameters. */
#ifndef GAN_OPTIMIZER_H
#define GAN_OPTIMIZER_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_optimizer gan_optimizer;
typedef struct gan_ema gan_ema;

/** Options of gan_adam_create. Since 0.1. */
typedef struct gan_adam_options {
    size_t struct_size;
    double learning_rate; /**< >= 0; default 2e-4, DCGAN's */
    double beta1;         /**< decay of the first moment, in [0, 1); default 0.5, DCGAN's */
    double beta2;         /**< decay of the second moment, in [0, 1); default 0.999 */
    double epsilon;       /**< added to the root of the bias-corrected second moment; > 0; default 1e-8 */
    double weight_decay;  /**< times the parameter, added to the gradient (L2); >= 0; default 0 */
} gan_adam_options;
GAN_API void gan_adam_options_init_sized(gan_adam_options *options, size_t size);
#define gan_adam_options_init(options) gan_adam_options_init_sized((options), sizeof *(options))

/** Adam (Kingma, Ba 2015, algorithm 1) for all parameters of a layer; it keeps these tensors alive. Errors:
 * GAN_E_ARGUMENT (an option out of range), GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_adam_create(gan_optimizer **out, gan_layer *layer, const gan_adam_options *options);

/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_optimizer_release(gan_optimizer *optimizer);

/** One update: computes the gradient of `loss` (a scalar on the tape) with respect to this optimizer's parameters and
 * nothing else, adds what gan_optimizer_accumulate gathered, and changes the parameters. A parameter that the loss does
 * not depend on stays as it is, its moments too. Neither zeroing gradients
 * nor freezing the other network is needed. Parameters and moments are unchanged unless it returns GAN_OK; in every
 * case the gradient has used up the loss (see gan_gradients). Errors: the tape's first error, whose message the
 * context then has too; GAN_E_SHAPE (the loss is not a scalar); GAN_E_ARGUMENT (the loss is not on this tape, or
 * depends on no parameter); GAN_E_NUMERIC (a gradient is not finite); GAN_E_CANCELLED (all_reduce). Since 0.1. */
GAN_API gan_status gan_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);

/** Computes the gradient as gan_optimizer_step does and only adds it up; the next step adds the sum to its own
 * gradient. Errors as gan_optimizer_step, and GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);

/** Sets a function that is called with each gradient before the update, e.g. to average it over processes: `data`
 * holds `count` elements of `dtype`, to be changed in place. A value other than 0 ends the step with
 * GAN_E_CANCELLED, parameters unchanged. NULL removes it. Since 0.1. */
GAN_API gan_status gan_optimizer_set_all_reduce(gan_optimizer *optimizer,
                                                int32_t (*all_reduce)(void *user, void *data, int64_t count,
                                                                      gan_dtype dtype),
                                                void *user);

/** The learning rate that the next step uses. Since 0.1. */
GAN_API double gan_optimizer_learning_rate(const gan_optimizer *optimizer);
/** Changes the learning rate from the next step on. Errors: GAN_E_ARGUMENT (negative or not finite). Since 0.1. */
GAN_API gan_status gan_optimizer_set_learning_rate(gan_optimizer *optimizer, double learning_rate);
/** Updates made so far. Since 0.1. */
GAN_API int64_t gan_optimizer_steps(const gan_optimizer *optimizer);

/** Exponential moving average of a layer, which it keeps alive: a copy in evaluation mode whose parameters follow
 * average = decay * average + (1 - decay) * parameter, and whose buffers are copied. decay in [0, 1), e.g. 0.999.
 * Starts as a copy. Errors: GAN_E_ARGUMENT, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_ema_create(gan_ema **out, gan_layer *layer, double decay);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_ema_release(gan_ema *ema);
/** Moves the average; call it after each step of the layer's optimizer. Since 0.1. */
GAN_API gan_status gan_ema_update(gan_ema *ema);
/** The averaged layer, borrowed: what a model is made of. Since 0.1. */
GAN_API gan_layer *gan_ema_layer(const gan_ema *ema);

GAN_END_DECLS

#endif
