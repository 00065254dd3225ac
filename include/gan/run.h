/** @file
 * A training run: phases, in order, each step; and the services around them: progress, log, sample sheets, loss
 * curves, checkpoints, resume.
 *
 * The run's folder: log.jsonl (one object a logged step), reals.png, fakes-NNNNNN.png (fixed latent vectors; where the
 * model has labels, one class a row), loss.png (metrics named "loss..." and "wasserstein"), model.safetensors,
 * checkpoint-NNNNNN.safetensors; with a best_metric best-model.safetensors and best-checkpoint.safetensors. */
#ifndef GAN_RUN_H
#define GAN_RUN_H

#include <gan/data.h>
#include <gan/image.h>
#include <gan/loss.h>
#include <gan/model.h>
#include <gan/optimizer.h>

GAN_BEGIN_DECLS

typedef struct gan_run gan_run;

/** What a progress callback is told. The run fills it; fields are only ever appended. Since 0.1. */
typedef struct gan_progress {
    size_t struct_size;
    int64_t step;             /**< steps done */
    int64_t steps;            /**< steps in all */
    double epochs;            /**< epochs done, with fraction; 0 without a loader */
    double images_per_second; /**< recent rate; 0 without a loader */
    double seconds_elapsed;   /**< since gan_run_train was called */
    double seconds_left;      /**< estimate from the recent rate */
    int32_t metric_count;     /**< metrics reported in this step */
    int32_t reserved;
    const char *const *metric_names; /**< metric_count names; valid during the call */
    const double *metric_values;     /**< metric_count values; valid during the call */
} gan_progress;

#define GAN_DIVERGENCE_STOP 0      /**< gan_run_train ends with GAN_E_NUMERIC */
#define GAN_DIVERGENCE_ROLL_BACK 1 /**< the run goes back to a checkpoint and on from there */

/** Options of gan_run_create. Since 0.1. */
typedef struct gan_run_options {
    size_t struct_size;
    const char *folder;          /**< where files go; made if missing; NULL (default): no files */
    int64_t steps;               /**< steps in all, >= 0; default 1000 */
    int64_t sample_interval;     /**< a sheet every so many steps and at the end; 0: none; default 250 */
    int64_t checkpoint_interval; /**< a checkpoint every so many steps, at the end and on cancel; 0: none at all;
                                      default 500 */
    int64_t checkpoint_keep;     /**< newest checkpoints kept, >= 1; default 2 */
    int64_t log_interval;        /**< a line of log.jsonl every so many steps, >= 1; default 10. It has each metric
                                      that was reported since the line before, as it was last */
    int64_t sheet_count;         /**< images on a sheet, 1 to 65536; default 64 */
    int64_t sheet_columns;       /**< images in a row, 1 to 65536; default 8 */
    int64_t sheet_zoom;          /**< each pixel is drawn zoom x zoom, 1 to 64; default 2 */
    uint64_t sample_seed;        /**< seed of the fixed latent vectors; default 0 */
    double seconds;              /**< end early, with all files written, when this much time has passed in
                                      gan_run_train; 0: no limit (default) */
    int32_t overwrite;           /**< what gan_run_train does in a folder that has checkpoints, or a log and a model,
                                      of another run, if this run was not resumed: 0 (default): GAN_E_STATE, nothing is
                                      changed; 1: it begins anew there. A log alone is what a run that was killed before
                                      its first checkpoint leaves: it is begun anew, if this run has checkpoints */
    int32_t on_divergence;       /**< GAN_DIVERGENCE_...: what happens when a metric, a gradient or, looked at before a
                                      checkpoint is written, a parameter is not finite; default GAN_DIVERGENCE_STOP */
    int64_t roll_backs;          /**< most roll-backs of the run, 1 to 1000, then it stops; default 3 */
    double roll_back_factor;     /**< learning rates are multiplied by it at each roll-back; above 0, at most 1; default
                                      0.5 */
    const char *best_metric;     /**< name of a metric: each time that it is reported and better than ever before, the
                                      step's checkpoint and model are kept as the best; so report it when it was
                                      measured, not in every step. NULL (default): none */
    int32_t best_is_highest;     /**< 1: higher is better; default 0: lower is better */
    int32_t reserved;
    int64_t statistics_count; /**< where the model has an average of the run in it: sheets, the model's file and,
                                   when gan_run_train returns, the average have batch normalisation with the
                                   statistics of so many samples (gan_model_update_statistics, seed
                                   sample_seed + 1), looks of the monitor of 256 at most; 2 to 1048576; 0: what
                                   gan_ema_update copied; default 4096, fewer do where the normalised maps are
                                   large. Inside phases and callbacks, in checkpoints, and where the model is given
                                   images, the average has the copies */
} gan_run_options;
GAN_API void gan_run_options_init_sized(gan_run_options *options, size_t size);
#define gan_run_options_init(options) gan_run_options_init_sized((options), sizeof *(options))

/** @name What a run does about bad health
 * @{ */
#define GAN_HEALTH_WARN 0      /**< tells the logger ("run.unhealthy") and log.jsonl, and goes on */
#define GAN_HEALTH_LOWER 1     /**< and multiplies all learning rates by lower_factor */
#define GAN_HEALTH_ROLL_BACK 2 /**< and goes back to a checkpoint, as after a divergence: see gan_run_train */
/** @} */

/** Options of gan_run_set_monitor. Since 0.1. */
typedef struct gan_monitor_options {
    size_t struct_size;
    int64_t interval;     /**< a look every so many steps, >= 1; default 100 */
    int64_t samples;      /**< of `diversity`, 2 to 4096; default 64 */
    double diversity;     /**< least mean distance of the model's samples for the sheet's seed, divided by that
                               of as many real items; 0: not looked at; default 0.3. Reported as "diversity" */
    double gradient_norm; /**< most that the largest norm of an optimizer's last gradient may be; INFINITY: not
                               looked at; default 100. Reported as "gradient_norm" */
    double saturation;    /**< least value of `discriminator_loss` in the step of the look: below it, D is
                               right about everything and G learns nothing; -INFINITY: any; default 0.01 */
    const char *discriminator_loss; /**< name of a metric; NULL: none; default "loss_d". Not for Wasserstein critics,
                                         whose loss is below 0 */
    gan_layer *spectrum_of;         /**< of each weight of this network: the mean of its singular values divided by the
                                         largest, reported as "spectrum", the mean over weights; NULL (default): none
                                         but what a phase may report under this name in the step of the look.
                                         Takes seconds for weights with hundreds of outputs */
    double spectrum;                /**< least value of "spectrum", whoever reports it; default 0 */
    double lower_factor;            /**< of GAN_HEALTH_LOWER; above 0, at most 1; default 0.5 */
    int32_t policy;                 /**< GAN_HEALTH_...; default GAN_HEALTH_WARN */
    int32_t reserved;
} gan_monitor_options;
GAN_API void gan_monitor_options_init_sized(gan_monitor_options *options, size_t size);
#define gan_monitor_options_init(options) gan_monitor_options_init_sized((options), sizeof *(options))

/** One phase of a step ("d", "g"): computes a loss on the tape and updates with an optimizer. `user` is what
 * gan_run_add_phase was given. The tape is reset between steps, not between phases, so a later phase may use what an
 * earlier one made. A negative status ends gan_run_train with it, a positive one with GAN_E_ARGUMENT. Since 0.1. */
typedef gan_status gan_phase(void *user, gan_run *run, gan_tape *tape);

/** Makes a run. Errors: GAN_E_ARGUMENT (an option out of range; GAN_DIVERGENCE_ROLL_BACK without a folder or without
 * checkpoints), GAN_E_IO (the folder cannot be made). Since 0.1. */
GAN_API gan_status gan_run_create(gan_run **out, gan_context *context, const gan_run_options *options);
/** Gives up the caller's reference; NULL allowed. Since 0.1. */
GAN_API void gan_run_release(gan_run *run);
/** The context that it was made from, borrowed; NULL for NULL. Since 0.1. */
GAN_API gan_context *gan_run_context(const gan_run *run);

/** @name What a run is made of
 * Add before training starts. Names are short and unique ("generator"): 1 to 63 letters, digits, _ and -; they
 * prefix tensor names in checkpoints. What is added is kept alive. At most 32 layers, optimizers, averages, losses and
 * pools, and 16 phases. Errors: GAN_E_ARGUMENT (a bad or taken name), GAN_E_STATE (the run is training), GAN_E_LIMIT.
 * Since 0.1.
 * @{ */
/** Where each step's batch comes from; its position is part of a checkpoint. */
GAN_API gan_status gan_run_set_loader(gan_run *run, gan_loader *loader);
/** A network whose parameters and buffers are part of a checkpoint. */
GAN_API gan_status gan_run_add_layer(gan_run *run, const char *name, gan_layer *layer);
/** An optimizer whose moments and step count are part of a checkpoint. If a run writes checkpoints, an optimizer that
 * steps on its tape and was not added is GAN_E_STATE there. */
GAN_API gan_status gan_run_add_optimizer(gan_run *run, const char *name, gan_optimizer *optimizer);
/** An average; the run calls gan_ema_update after each step in which a phase changed a parameter of its layer: with an
 * n_critic of 5 after every fifth, so that the decay is that of the generator's updates. */
GAN_API gan_status gan_run_add_ema(gan_run *run, const char *name, gan_ema *ema);
/** A loss whose state, if it has one (see gan/loss.h), is part of a checkpoint. */
GAN_API gan_status gan_run_add_loss(gan_run *run, const char *name, gan_loss *loss);
/** A pool whose images are part of a checkpoint. */
GAN_API gan_status gan_run_add_pool(gan_run *run, const char *name, gan_pool *pool);
/** A phase of each step; phases run in the order they were added. */
GAN_API gan_status gan_run_add_phase(gan_run *run, const char *name, gan_phase *phase, void *user);
/** The model that sheets are drawn from and that model.safetensors holds: of the generator, or of its average. */
GAN_API gan_status gan_run_set_model(gan_run *run, gan_model *model);
/** Watches the run's health: signs of collapse (diversity below 0.3 of the data's; a spectrum that falls: Liu et al.
 * 2019) and of failure (gradients above 100, a discriminator's loss near 0). All figures are metrics; of a look the
 * first one that is out of bounds is told to the logger and to log.jsonl, with what is done about it. Diversity needs
 * a model and a loader whose items have the shape of its output. NULL options: the defaults. Errors: GAN_E_ARGUMENT
 * (an option out of range; GAN_HEALTH_ROLL_BACK without GAN_DIVERGENCE_ROLL_BACK), GAN_E_STATE (the run is training).
 */
GAN_API gan_status gan_run_set_monitor(gan_run *run, const gan_monitor_options *options);
/** Called after every step; a value other than 0 cancels: a checkpoint is written and gan_run_train returns
 * GAN_E_CANCELLED. May be changed while the run trains. */
GAN_API gan_status gan_run_set_progress(gan_run *run, int32_t (*progress)(void *user, const gan_progress *progress),
                                        void *user);
/** @} */

/** Continues from a checkpoint: `path` is a file, or a folder whose newest checkpoint that verifies is taken. Call
 * after everything was added and before gan_run_train. log.jsonl is cut back to the checkpoint's step. Errors:
 * GAN_E_IO (none there: a program that goes on if it can calls gan_run_train then, which refuses a folder with
 * checkpoints that cannot be read), GAN_E_FORMAT, GAN_E_UNSUPPORTED (written by a newer libgan), GAN_E_MISMATCH (other
 * networks, optimizers or data, a loader with other options, or a context with another seed; the message names what
 * differs), GAN_E_STATE
 * (training; a part is missing: see gan_run_train; the checkpoint is from another folder and the run's own folder
 * holds another run, see `overwrite`). Settings of optimizers that differ are told to the logger ("resume.setting").
 * Since 0.1. */
GAN_API gan_status gan_run_resume(gan_run *run, const char *path);

/** Trains until options.steps steps are done in all, or options.seconds have passed. Ends with a sheet, a checkpoint
 * and the model file, which is also written with each checkpoint before; a sheet or chart that cannot be written keeps
 * neither from being written, and is told then. Errors: what a phase returned, or the error that it left on the tape;
 * GAN_E_NUMERIC (a reported metric or a parameter is not finite); GAN_E_STATE (no phase; training already; an earlier
 * step failed half-way: call gan_run_resume first; another run's files are in the folder, see `overwrite`; a tensor of
 * the model or of an optimizer is in no layer or average of the run, so that checkpoints would not hold it); GAN_E_IO;
 * GAN_E_CANCELLED (a checkpoint was written; call again to go on. From inside a phase it is an error like others: the
 * step is half-way). When a step fails, networks are left as its finished phases made them. A network that is trained
 * in evaluation mode (a loaded model's is) is told to the logger ("run.evaluation_mode").
 *
 * With GAN_DIVERGENCE_ROLL_BACK a GAN_E_NUMERIC, of a phase as well, does not end the run but takes it back to the
 * newest checkpoint of a step that is a multiple of checkpoint_interval (a first one is written at step 0). It goes on
 * with lower learning rates, other random numbers and another order of the data, so as not to meet the same numbers
 * again; the number of roll-backs is part of the state and decides which, so a run with roll-backs is as reproducible
 * and resumable as any. Each is told to the logger ("run.rolled_back") and to log.jsonl. Since 0.1. */
GAN_API gan_status gan_run_train(gan_run *run);

/** What a metric was in the logged steps so far, those before a resumption with them: x is the step, from 1, y the
 * value. Of a long run it is every second, fourth ... one: at most 4096 points. The arrays are borrowed and stay until
 * the run's next step, gan_run_resume, or its end. Errors: GAN_E_ARGUMENT (none was logged). Since 0.1. */
GAN_API gan_status gan_run_curve(const gan_run *run, const char *name, gan_curve *curve);

/** @name For phases
 * @{ */
/** The step's batch of images from the loader, borrowed; the same for all phases of a step. NULL without a loader and
 * outside a step. Since 0.1. */
GAN_API gan_tensor *gan_run_images(gan_run *run);
/** Its labels (i32), borrowed; NULL as gan_run_images. Since 0.1. */
GAN_API gan_tensor *gan_run_labels(gan_run *run);
/** Steps done before this one. Since 0.1. */
GAN_API int64_t gan_run_step(const gan_run *run);
/** Names a scalar of this step ("loss_d") for the log, the curves and the progress callback; the next line of the log
 * has it, unless a later step reports another value before. A value from a failed
 * tape is ignored. Names have 1 to 63 ASCII characters, without spaces, quotes and backslashes, and are none of those
 * that the log has by itself: "step", "epoch", "seconds", "images_per_second", "event". Errors: GAN_E_SHAPE (not one
 * number), GAN_E_ARGUMENT (the name), GAN_E_LIMIT (more than 16 names, what the monitor reports among them),
 * GAN_E_STATE (outside a phase; the value was given back). Since 0.1. */
GAN_API gan_status gan_run_report(gan_run *run, const char *name, const gan_tensor *value);
/** gan_run_report for a plain number. Since 0.1. */
GAN_API gan_status gan_run_report_value(gan_run *run, const char *name, double value);
/** @} */

GAN_END_DECLS

#endif
