/** @file
 * Optimizers: they own the moments of parameters and change the parameters.
 *
 * A parameter belongs to one group of the optimizer; the first group is made with the optimizer, the others with
 * gan_optimizer_add_layer. A step takes gradients, adds what was accumulated, passes them through the all-reduce
 * callback, clips them and applies the rule, in this order. */
#ifndef GAN_OPTIMIZER_H
#define GAN_OPTIMIZER_H

#include <gan/layer.h>

GAN_BEGIN_DECLS

typedef struct gan_optimizer gan_optimizer;
typedef struct gan_ema gan_ema;

/** @name Where epsilon is added: it decides how small gradients are treated, so presets name it
 * @{ */
#define GAN_EPSILON_OUTSIDE 0 /**< to the root, of Adam's bias-corrected moment: PyTorch's */
#define GAN_EPSILON_UNCORRECTED                                                                                        \
    1 /**< to the root of the moment that is not corrected; the correction is in the step's                            \
           length instead: TensorFlow 1's Adam, the paper's "epsilon hat" */
#define GAN_EPSILON_INSIDE                                                                                             \
    2 /**< under the root: openai/improved-gan's Adam (of the bias-corrected moment),                                  \
           TensorFlow's RMSProp */
/** @} */

/** Options of gan_adam_create and gan_adamw_create. Since 0.1. */
typedef struct gan_adam_options {
    size_t struct_size;
    double learning_rate; /**< >= 0; default 2e-4, DCGAN's */
    double beta1;         /**< decay of the first moment, in [0, 1); default 0.5, DCGAN's */
    double beta2;         /**< decay of the second moment, in [0, 1); default 0.999 */
    double epsilon;       /**< added to the second moment or its root, see epsilon_mode; > 0; default 1e-8 */
    double weight_decay;  /**< gan_adam_create: times the parameter, added to the gradient (L2); gan_adamw_create:
                               decoupled; >= 0; default 0 */
    const char *prefix;   /**< which parameters of the layer: see gan_group_options; NULL (default): all */
    int32_t epsilon_mode; /**< GAN_EPSILON_...; default GAN_EPSILON_OUTSIDE */
    int32_t reserved;
} gan_adam_options;
GAN_API void gan_adam_options_init_sized(gan_adam_options *options, size_t size);
#define gan_adam_options_init(options) gan_adam_options_init_sized((options), sizeof *(options))

/** Adam (Kingma, Ba 2015, algorithm 1) for the parameters of a layer; it keeps these tensors alive. With g the gradient
 * and t the updates of each parameter: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2, and the parameter
 * goes back by learning_rate times
 *  - GAN_EPSILON_OUTSIDE: M / (sqrt(V) + epsilon), with M = m / (1 - beta1^t), V = v / (1 - beta2^t);
 *  - GAN_EPSILON_UNCORRECTED: sqrt(1 - beta2^t) M / (sqrt(v) + epsilon);
 *  - GAN_EPSILON_INSIDE: M / sqrt(V + epsilon).
 *
 * Errors: GAN_E_ARGUMENT (an option out of range, or no parameter has the prefix), GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_adam_create(gan_optimizer **out, gan_layer *layer, const gan_adam_options *options);

/** AdamW (Loshchilov, Hutter 2019, arXiv 1711.05101, algorithm 2), as PyTorch has it: Adam whose weight decay does not
 * pass through the moments. Each update first multiplies the parameter by 1 - rate * weight_decay, with the rate of its
 * group after the schedule. PyTorch's default decay is 0.01; here it is 0, as everywhere. Otherwise as gan_adam_create.
 * Since 0.1. */
GAN_API gan_status gan_adamw_create(gan_optimizer **out, gan_layer *layer, const gan_adam_options *options);

/** Options of gan_rmsprop_create; the defaults are PyTorch's. Since 0.1. */
typedef struct gan_rmsprop_options {
    size_t struct_size;
    double learning_rate; /**< >= 0; default 1e-2. WGAN has 5e-5 */
    double alpha;         /**< decay of the mean square, in [0, 1); default 0.99 */
    double epsilon;       /**< added to the mean square or its root, see epsilon_mode; > 0; default 1e-8 */
    double momentum;      /**< >= 0; default 0 */
    double weight_decay;  /**< times the parameter, added to the gradient (L2); >= 0; default 0 */
    int32_t centered;     /**< 1: divides by the root of an estimate of the variance; default 0 */
    int32_t reserved;
    const char *prefix;    /**< which parameters of the layer: see gan_group_options; NULL (default): all */
    double initial_square; /**< what the mean square starts with; >= 0; default 0; TensorFlow's is 1 */
    int32_t epsilon_mode;  /**< GAN_EPSILON_OUTSIDE (default) or GAN_EPSILON_INSIDE */
    int32_t reserved2;
} gan_rmsprop_options;
GAN_API void gan_rmsprop_options_init_sized(gan_rmsprop_options *options, size_t size);
#define gan_rmsprop_options_init(options) gan_rmsprop_options_init_sized((options), sizeof *(options))

/** RMSProp (Tieleman, Hinton 2012, Coursera lecture 6.5; centered and with momentum: Graves 2013, arXiv 1308.0850, eq.
 * 38 to 45), as PyTorch has it: momentum gathers the divided gradients:
 * v = alpha v + (1 - alpha) g^2; d = g / (sqrt(v) + epsilon); b = momentum b + d; parameter -= learning_rate b. With
 * GAN_EPSILON_INSIDE, d = g / sqrt(v + epsilon): with alpha 0.9, epsilon 1e-10 and initial_square 1 that is
 * TensorFlow's (whose momentum gathers the steps; that is the same while the rate stays). Errors as gan_adam_create.
 * Since 0.1. */
GAN_API gan_status gan_rmsprop_create(gan_optimizer **out, gan_layer *layer, const gan_rmsprop_options *options);

/** Options of gan_sgd_create. Since 0.1. */
typedef struct gan_sgd_options {
    size_t struct_size;
    double learning_rate; /**< >= 0; default 1e-3 */
    double momentum;      /**< >= 0; default 0 */
    double dampening; /**< the buffer takes 1 - dampening of a gradient, and all of the first; at most 1; default 0 */
    double weight_decay; /**< times the parameter, added to the gradient (L2); >= 0; default 0 */
    int32_t nesterov;    /**< 1: Nesterov's momentum, which needs momentum above 0 and no dampening; default 0 */
    int32_t reserved;
    const char *prefix; /**< which parameters of the layer: see gan_group_options; NULL (default): all */
} gan_sgd_options;
GAN_API void gan_sgd_options_init_sized(gan_sgd_options *options, size_t size);
#define gan_sgd_options_init(options) gan_sgd_options_init_sized((options), sizeof *(options))

/** Gradient descent, with momentum (Polyak 1964; Nesterov's in the form of Sutskever, Martens, Dahl, Hinton 2013) as
 * PyTorch has it: b = momentum b + (1 - dampening) g; parameter -= learning_rate b, or learning_rate (g + momentum b)
 * with Nesterov's. Errors as gan_adam_create. Since 0.1. */
GAN_API gan_status gan_sgd_create(gan_optimizer **out, gan_layer *layer, const gan_sgd_options *options);

/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_optimizer_release(gan_optimizer *optimizer);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_optimizer_context(const gan_optimizer *optimizer);

/** Options of gan_optimizer_add_layer. Since 0.1. */
typedef struct gan_group_options {
    size_t struct_size;
    const char *prefix;          /**< takes the parameters whose names are this or begin with it and a dot: "3" is
                                      "3.weight" and "3.bias", not "31.weight"; NULL (default): all */
    double learning_rate_factor; /**< times the optimizer's learning rate; >= 0; default 1 */
    double weight_decay;         /**< >= 0; -1 (default): the optimizer's */
} gan_group_options;
GAN_API void gan_group_options_init_sized(gan_group_options *options, size_t size);
#define gan_group_options_init(options) gan_group_options_init_sized((options), sizeof *(options))

/** One more group: parameters of another layer, or others of the same one. To have groups within one layer, make the
 * optimizer with a prefix and add the rest. In checkpoints and messages the names of the second group begin with
 * "group2:", and so on: add them in the same order when a run resumes. The layer's tensors are kept alive. Errors:
 * GAN_E_ARGUMENT (an option out of range; no parameter has the prefix; a parameter is in a group already, by this or
 * by a shared layer), GAN_E_STATE (gradients are accumulated: make the step first; inside a step), GAN_E_MEMORY. Since
 * 0.1. */
GAN_API gan_status gan_optimizer_add_layer(gan_optimizer *optimizer, gan_layer *layer,
                                           const gan_group_options *options);

/** One update: computes the gradient of `loss` (a scalar on the tape) with respect to this optimizer's parameters and
 * nothing else, adds what gan_optimizer_accumulate gathered, and changes the parameters. A parameter that the loss
 * does not depend on stays as it is, its moments too. Neither zeroing gradients nor freezing the other network is
 * needed. Parameters and moments are unchanged unless it returns GAN_OK; once the gradient was computed, the loss is
 * used up, also where the step then fails (see gan_gradients). Errors: the tape's first error, whose message the
 * context then has too; GAN_E_SHAPE (the loss is not a scalar); GAN_E_ARGUMENT (the loss is not on this
 * tape; or it depends on no parameter, which is then the tape's error, too); GAN_E_NUMERIC (the loss, a gradient, or
 * the schedule's learning rate is not finite); GAN_E_STATE (see gan_run_add_optimizer); GAN_E_CANCELLED (all_reduce).
 * `loss` NULL: the update is by what was accumulated alone, so that two networks can be updated from one state of both:
 * accumulate for each, by a loss with a forward pass of its own, then step each; GAN_E_STATE if that is nothing. Since
 * 0.1. */
GAN_API gan_status gan_optimizer_step(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);

/** Computes the gradient as gan_optimizer_step does and only adds it up; the next step adds the sum to its own
 * gradient. Errors as gan_optimizer_step, and GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_optimizer_accumulate(gan_optimizer *optimizer, gan_tape *tape, gan_tensor *loss);

/** What a step makes of accumulated gradients. on 0, as in the beginning: their sum. 1: their mean, its own counted, so
 * that m - 1 calls of gan_optimizer_accumulate and a step, each with the mean loss of a batch of n items, are one step
 * with the mean loss of m n items; not where items of a batch see each other (batch normalisation). A step without
 * accumulated gradients is the same either way. Errors: GAN_E_ARGUMENT (not 0 or 1). Since 0.1. */
GAN_API gan_status gan_optimizer_set_averaging(gan_optimizer *optimizer, int32_t on);

/** Sets a function that is called with each gradient before it is clipped, e.g. to average it over processes, which
 * then clip alike: `data` holds `count` elements of `dtype`, to be changed in place. A value other than 0 ends the
 * step with GAN_E_CANCELLED, parameters unchanged. It may not use this optimizer for another step: GAN_E_STATE. NULL
 * removes it. Since 0.1. */
GAN_API gan_status gan_optimizer_set_all_reduce(gan_optimizer *optimizer,
                                                int32_t (*all_reduce)(void *user, void *data, int64_t count,
                                                                      gan_dtype dtype),
                                                void *user);

/** Euclidean norm of all gradients together in the last gan_optimizer_step or gan_optimizer_accumulate, after the
 * all-reduce callback and before clipping; NaN before the first. A resumed run has it from its checkpoint. Since 0.1.
 */
GAN_API double gan_optimizer_gradient_norm(const gan_optimizer *optimizer);

/** Clips gradients from the next step on: first each element to [-max_value, max_value], then, if the Euclidean norm
 * of all gradients of all groups together is above max_norm, all of them by the factor max_norm / (norm + 1e-6), as
 * PyTorch's clip_grad_value_ and clip_grad_norm_ do. The sum counts what was accumulated and follows the all-reduce
 * callback; its order does not depend on the number of threads. INFINITY: off, as in the beginning. A gradient that
 * is not finite is an error with clipping, too. Errors: GAN_E_ARGUMENT (not above 0). Since 0.1. */
GAN_API gan_status gan_optimizer_set_clipping(gan_optimizer *optimizer, double max_value, double max_norm);

#define GAN_SCHEDULE_CONSTANT 0 /**< 1 */
#define GAN_SCHEDULE_LINEAR 1   /**< 1 up to `start`, then linearly to final_factor in `length` steps (CycleGAN) */
#define GAN_SCHEDULE_STEP 2     /**< times `factor` every `interval` steps after `start`, but not below final_factor */
#define GAN_SCHEDULE_COSINE                                                                                            \
    3 /**< 1 up to `start`, then half a cosine to final_factor in `length` steps                                       \
           (Loshchilov, Hutter 2017, without restarts) */

/** Options of gan_optimizer_set_schedule: what the learning rate is multiplied by, as a function of the updates made
 * so far (gan_optimizer_steps), so a resumed run needs no state of it. Since 0.1. */
typedef struct gan_schedule_options {
    size_t struct_size;
    int32_t kind; /**< GAN_SCHEDULE_...; default GAN_SCHEDULE_CONSTANT */
    int32_t reserved;
    int64_t start;       /**< updates before the rate begins to change; >= 0; default 0 */
    int64_t length;      /**< linear, cosine: updates that the change takes; >= 1; default 1000 */
    int64_t interval;    /**< step: updates between two changes; >= 1; default 1000 */
    double factor;       /**< step: >= 0; default 0.1 */
    double final_factor; /**< linear, cosine, step: >= 0; default 0 */
    int64_t warm_up;     /**< update number k of the first warm_up ones has k / (warm_up + 1) of the rate that it would
                              have; 0 (default): none */
} gan_schedule_options;
GAN_API void gan_schedule_options_init_sized(gan_schedule_options *options, size_t size);
#define gan_schedule_options_init(options) gan_schedule_options_init_sized((options), sizeof *(options))
/** Sets the schedule; NULL options: constant. Errors: GAN_E_ARGUMENT (an option out of range). Since 0.1. */
GAN_API gan_status gan_optimizer_set_schedule(gan_optimizer *optimizer, const gan_schedule_options *options);

/** The learning rate that the next step uses, the schedule applied; groups multiply it by their factor. Since 0.1. */
GAN_API double gan_optimizer_learning_rate(const gan_optimizer *optimizer);
/** Changes the learning rate that the schedule multiplies, from the next step on. Errors: GAN_E_ARGUMENT (negative or
 * not finite). Since 0.1. */
GAN_API gan_status gan_optimizer_set_learning_rate(gan_optimizer *optimizer, double learning_rate);
/** Sets the momentum of an optimizer that was made with one above 0, SGD or RMSProp; > 0. Errors: GAN_E_ARGUMENT,
 * GAN_E_UNSUPPORTED (it has none). Since 0.1. */
GAN_API gan_status gan_optimizer_set_momentum(gan_optimizer *optimizer, double momentum);
/** Updates made so far. Since 0.1. */
GAN_API int64_t gan_optimizer_steps(const gan_optimizer *optimizer);

/** Exponential moving average of a layer, which it keeps alive: a copy in evaluation mode whose parameters follow
 * average = decay * average + (1 - decay) * parameter, and whose buffers are copied. decay in [0, 1), e.g. 0.999.
 * Starts as a copy. Copied running statistics of batch normalisation are those of other weights, and samples can be
 * much worse for it: gan_model_update_statistics gives it its own before it is sampled or saved, and a run does so for
 * its model. Errors: GAN_E_ARGUMENT, GAN_E_MEMORY. Since 0.1. */
GAN_API gan_status gan_ema_create(gan_ema **out, gan_layer *layer, double decay);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_ema_release(gan_ema *ema);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_ema_context(const gan_ema *ema);
/** Moves the average; call it after each step of the layer's optimizer. Since 0.1. */
GAN_API gan_status gan_ema_update(gan_ema *ema);
/** Another decay from the next update on, in [0, 1). It is no part of checkpoints: a phase that changes it computes it
 * from the step. Errors: GAN_E_ARGUMENT. Since 0.1. */
GAN_API gan_status gan_ema_set_decay(gan_ema *ema, double decay);
/** The decay with which an average forgets half of what it holds in `half_life` images, at `batch` images an update:
 * 0.5^(batch / half_life) (Karras et al. 2018, with 10000 images). With ramp_up > 0 the half-life is ramp_up *
 * images_seen at most, so that the first networks are forgotten soon (Karras et al. 2020, arXiv 2006.06676, with 0.05);
 * 0: no ramp. 0 for a half-life of 0 and for arguments that make no sense. Since 0.1. */
GAN_API double gan_ema_decay_of_half_life(double half_life, double ramp_up, int64_t images_seen, int64_t batch);
/** The averaged layer, borrowed: what a model is made of. Since 0.1. */
GAN_API gan_layer *gan_ema_layer(const gan_ema *ema);

GAN_END_DECLS

#endif
