/* What keeps a run from losing its way: checks that everything is numbers, and in checkpoints; the way back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run.h"

/* ---- numbers only ---- */

gan_status gani_run_check_layer(gan_run *run, const char *name, const gan_layer *layer) {
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        const gan_tensor *tensor = layer->tensors[i].tensor;
        if (tensor->dtype != GAN_F32 && tensor->dtype != GAN_F64) continue;
        const gani_kernels *kernels = gani_kernels_for(run->context, tensor->dtype);
        if (isfinite(kernels->dot(gan_shape_count(tensor->shape), tensor->data, tensor->data))) continue;
        run->broken = 1;
        run->failed_step = run->step;
        return gani_fail(run->context, GAN_E_NUMERIC,
                         "'%s.%s' is not finite after step %lld: training has diverged; the last checkpoint is as it "
                         "was",
                         name, layer->tensors[i].name, (long long)run->step);
    }
    return GAN_OK;
}

gan_status gani_run_check_finite(gan_run *run) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < run->part_count && status == GAN_OK; i++) {
        const gani_part *part = &run->parts[i];
        if (part->layer != NULL) status = gani_run_check_layer(run, part->name, part->layer);
        if (part->ema != NULL) status = gani_run_check_layer(run, part->name, gani_ema_layer(part->ema));
    }
    return status;
}

/* ---- everything in checkpoints ---- */

static int is_state(const gan_run *run, const gan_tensor *tensor) {
    for (int32_t i = 0; i < run->part_count; i++) {
        const gani_part *part = &run->parts[i];
        if (part->layer != NULL && gani_layer_index_of(part->layer, tensor) >= 0) return 1;
        if (part->ema != NULL && gani_layer_index_of(gani_ema_layer(part->ema), tensor) >= 0) return 1;
    }
    return 0;
}

gan_status gani_run_check_parts(gan_run *run) {
    for (int32_t i = 0; i < run->part_count; i++) {
        const gan_optimizer *optimizer = run->parts[i].optimizer;
        for (int32_t k = 0; optimizer != NULL && k < optimizer->count; k++)
            if (!is_state(run, optimizer->parameters[k]))
                return gani_fail(run->context, GAN_E_STATE,
                                 "run: '%s' of the optimizer '%s' is in no layer of the run, so checkpoints would not "
                                 "hold it: gan_run_add_layer",
                                 optimizer->members[k].name, run->parts[i].name);
    }
    const gan_layer *layer = run->model == NULL ? NULL : run->model->layer;
    for (int32_t i = 0; layer != NULL && i < layer->tensor_count; i++)
        if (!is_state(run, layer->tensors[i].tensor))
            return gani_fail(run->context, GAN_E_STATE,
                             "run: '%s' of the model is in no layer and no average of the run, so checkpoints would "
                             "not hold it: gan_run_add_layer or gan_run_add_ema",
                             layer->tensors[i].name);
    return GAN_OK;
}

/* ---- back ---- */

/* The newest checkpoint that a run may go back to; damaged ones are passed over. */
static gan_status load_last(gan_run *run) {
    int64_t *steps;
    int32_t count;
    gan_status status = gani_checkpoint_list(run->context, run->folder, &steps, &count);
    if (status != GAN_OK) return status;
    status = gani_fail(run->context, GAN_E_NUMERIC, "there is no checkpoint in '%s' to go back to", run->folder);
    for (int32_t i = 0; i < count; i++) {
        char name[GANI_CHECKPOINT_NAME_SIZE];
        if (steps[i] > run->step || steps[i] % run->options.checkpoint_interval != 0) continue;
        gani_checkpoint_name(steps[i], name);
        char *path = gani_run_path(run, name);
        status = path == NULL ? GAN_E_MEMORY : gani_run_load(run, path, run->roll_backs);
        gani_free(run->context, path);
        if (status != GAN_E_FORMAT) break;
        gani_notice(run->context, GAN_LOG_WARNING, "checkpoint.damaged", "%s", run->context->message);
    }
    gani_free(run->context, steps);
    return status;
}

/* Makes the course from here on another one, by the number of roll-backs alone: what the checkpoint has, changed
 * `more` times. */
static void change_course(gan_run *run, int64_t more) {
    for (int32_t i = 0; i < run->part_count; i++)
        for (int64_t k = 0; run->parts[i].optimizer != NULL && k < more; k++)
            run->parts[i].optimizer->learning_rate *= run->options.roll_back_factor;
    for (int i = 0; i < GAN_STREAM_COUNT; i++) {
        if (i == GAN_STREAM_INIT || i == GAN_STREAM_DATA || i == GAN_STREAM_SAMPLE) continue;
        run->context->position[i] += (uint64_t)more << 48; /* no run gets there otherwise */
    }
    if (run->loader != NULL) gani_loader_set_course(run->loader, run->roll_backs);
}

gan_status gani_run_roll_back(gan_run *run) {
    char reason[GANI_MESSAGE_SIZE];
    snprintf(reason, sizeof reason, "%s", run->context->message);
    const int64_t roll_backs = run->roll_backs + 1, best_step = run->best_step;
    const double seconds = run->earlier_seconds, best_value = run->best_value;
    if (roll_backs > run->options.roll_backs)
        return gani_fail(run->context, GAN_E_NUMERIC, "%s (after %lld roll-backs)", reason, (long long)run->roll_backs);
    gani_tape_clear(run->tape);
    gan_status status = load_last(run);
    if (status != GAN_OK) {
        run->broken = 1;
        return status;
    }
    int64_t more = roll_backs - run->roll_backs;
    run->roll_backs = roll_backs;
    run->earlier_seconds = seconds;
    run->best_step = best_step; /* its files are there */
    run->best_value = best_value;
    change_course(run, more);
    gani_notice(run->context, GAN_LOG_WARNING, "run.rolled_back", "%s; roll-back %lld of at most %lld, to step %lld",
                reason, (long long)roll_backs, (long long)run->options.roll_backs, (long long)run->step);
    status = gani_run_log_open(run);
    return status != GAN_OK ? status : gani_run_log_roll_back(run, run->failed_step, reason);
}
