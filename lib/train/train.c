/* The training loop. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run.h"

/* ---- one step ---- */

static gan_status run_phase(gan_run *run, const gani_run_phase *phase) {
    gan_context *context = run->context;
    const uint64_t before = context->failures;
    gan_status status = phase->function(phase->user, run, run->tape);
    if (status > 0)
        return gani_fail(context, GAN_E_ARGUMENT, "phase '%s' returned %ld, which is no status", phase->name,
                         (long)status);
    /* a status of its own has no sentence yet; an older one would mislead */
    if (status != GAN_OK && context->failures == before)
        return gani_fail(context, status, "phase '%s': %s", phase->name, gan_status_text(status));
    if (status != GAN_OK) return status;
    if (gani_failed(run->tape)) /* the phase did not look */
        return gani_fail(run->context, run->tape->status, "phase '%s': %s", phase->name, run->tape->message);
    return GAN_OK;
}

static gan_status check_metrics(gan_run *run) {
    for (int32_t i = 0; i < run->metric_count; i++)
        if (run->metrics[i].reported && !isfinite(run->metrics[i].value))
            return gani_fail(run->context, GAN_E_NUMERIC,
                             "'%s' is %s in step %lld: training has diverged; the last checkpoint is as it was",
                             run->metrics[i].name, isnan(run->metrics[i].value) ? "not a number" : "infinite",
                             (long long)run->step + 1);
    return GAN_OK;
}

static void measure(gan_run *run) {
    double now = gani_run_clock();
    gani_rate_add(&run->rate, now - run->step_ended);
    run->step_ended = now;
}

static gan_status compute_step(gan_run *run) {
    gan_status status = GAN_OK;
    gani_tape_clear(run->tape);
    for (int32_t i = 0; i < run->metric_count; i++) run->metrics[i].reported = 0;
    if (run->loader != NULL) status = gani_loader_next(run->loader, &run->images, &run->labels);
    run->broken = status == GAN_OK; /* from the first phase on, until the step is whole */
    for (int32_t i = 0; i < run->phase_count && status == GAN_OK; i++) status = run_phase(run, &run->phases[i]);
    return status != GAN_OK ? status : check_metrics(run);
}

static gan_status step(gan_run *run) {
    run->stepping = 1;
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].ema != NULL) run->parts[i].version = gani_ema_version(run->parts[i].ema);
    gan_status status = compute_step(run);
    run->stepping = 0;
    run->images = run->labels = NULL;
    run->failed_step = run->step + 1;
    if (status != GAN_OK) return status;
    run->broken = 0;
    for (int32_t i = 0; i < run->part_count; i++) {
        const gani_part *part = &run->parts[i];
        if (part->ema != NULL && gani_ema_version(part->ema) != part->version) gani_ema_update(part->ema);
    }
    run->step++;
    measure(run);
    return GAN_OK;
}

/* ---- services ---- */

static int is_due(int64_t step, int64_t interval) { return interval > 0 && step % interval == 0; }

static gan_status save_model(gan_run *run, const char *path) {
    gan_model *model;
    gan_status status = gani_run_settled_model(run, INT64_MAX, &model);
    if (status == GAN_OK && model != run->model) status = gani_run_check_layer(run, "model", model->layer);
    return status == GAN_OK ? gani_model_save(model, path) : status;
}

static gan_status write_model(gan_run *run) {
    if (run->model == NULL || run->folder == NULL || run->model_step == run->step) return GAN_OK;
    char *path = gani_run_path(run, GANI_MODEL_NAME);
    if (path == NULL) return GAN_E_MEMORY;
    gan_status status = gani_run_check_finite(run);
    if (status == GAN_OK) status = save_model(run, path);
    gani_free(run->context, path);
    if (status == GAN_OK) run->model_step = run->step;
    return status;
}

/* The model first: who finds a checkpoint of some step may expect the model of that step or a later one. But not before
 * the first checkpoint of all: a model without one would be what a finished run leaves. */
static gan_status write_checkpoint(gan_run *run) {
    if (run->options.checkpoint_interval == 0 || run->folder == NULL || run->checkpoint_step == run->step)
        return GAN_OK;
    int is_first = run->checkpoint_step < 0 && run->model_step < 0;
    gan_status status = gani_run_check_finite(run);
    if (status == GAN_OK && !is_first) status = write_model(run);
    if (status == GAN_OK) status = gani_run_log_sync(run);
    if (status == GAN_OK) status = gani_run_checkpoint(run);
    return status == GAN_OK && is_first ? write_model(run) : status;
}

static gan_status write_sheets(gan_run *run) {
    gan_status status = gani_run_fakes(run);
    return status != GAN_OK ? status : gani_run_chart(run);
}

static gan_status write_best(gan_run *run) {
    gan_status status = GAN_OK;
    if (run->folder == NULL) return GAN_OK;
    char *path = run->model == NULL ? NULL : gani_run_path(run, GANI_BEST_MODEL_NAME);
    if (run->model != NULL) status = path == NULL ? GAN_E_MEMORY : save_model(run, path);
    gani_free(run->context, path);
    return status != GAN_OK || run->options.checkpoint_interval == 0 ? status : gani_run_best_checkpoint(run);
}

/* Before the regular checkpoint of a step, which holds what is the best by then. */
static gan_status keep_best(gan_run *run) {
    const gani_metric *metric = run->best_metric == NULL ? NULL : gani_run_find_metric(run, run->best_metric);
    if (metric == NULL || !metric->reported) return GAN_OK;
    int better = run->options.best_is_highest ? metric->value > run->best_value : metric->value < run->best_value;
    if (run->best_step >= 0 && !better) return GAN_OK;
    gan_status status = gani_run_check_finite(run);
    if (status != GAN_OK) return status;
    const int64_t step = run->best_step;
    const double value = run->best_value;
    run->best_step = run->step; /* the checkpoint says so, too */
    run->best_value = metric->value;
    status = write_best(run);
    run->best_pending = status != GAN_OK;
    if (status == GAN_OK) return GAN_OK;
    run->best_step = step; /* until a further call has written it */
    run->best_value = value;
    return status;
}

/* A picture that could not be written costs neither checkpoint nor model. `status`: what became of the picture. */
static gan_status save_after(gan_run *run, gan_status status, gan_status (*save)(gan_run *)) {
    if (status != GAN_OK && status != GAN_E_IO) return status;
    gan_status saved = save(run);
    return saved != GAN_OK ? saved : status;
}

static gan_status serve(gan_run *run) {
    gan_status status = is_due(run->step, run->options.log_interval) ? gani_run_log_line(run) : GAN_OK;
    if (status == GAN_OK) status = keep_best(run);
    if (status != GAN_OK) return status;
    if (is_due(run->step, run->options.sample_interval) && run->step < run->options.steps) /* the last: see finish */
        status = write_sheets(run);
    return is_due(run->step, run->options.checkpoint_interval) ? save_after(run, status, write_checkpoint) : status;
}

/* 1 if the host wants to stop. */
static int tell(gan_run *run) {
    int stop = gani_cancelled(run->context);
    if (run->progress == NULL) return stop;
    gan_progress p;
    memset(&p, 0, sizeof p);
    p.struct_size = sizeof p;
    p.step = run->step;
    p.steps = run->options.steps;
    p.epochs = gani_run_epochs(run);
    p.images_per_second = gani_run_images_per_second(run);
    p.seconds_elapsed = gani_run_clock() - run->begun;
    double rate = gani_run_steps_per_second(run);
    p.seconds_left = rate > 0 ? (double)(p.steps - p.step) / rate : 0;
    if (run->options.seconds > 0 && p.seconds_left > run->options.seconds - p.seconds_elapsed)
        p.seconds_left = fmax(run->options.seconds - p.seconds_elapsed, 0);
    for (int32_t i = 0; i < run->metric_count; i++) {
        if (!run->metrics[i].reported) continue;
        run->names[p.metric_count] = run->metrics[i].name;
        run->values[p.metric_count++] = run->metrics[i].value;
    }
    p.metric_names = run->names;
    p.metric_values = run->values;
    return run->progress(run->progress_user, &p) != 0 || stop;
}

static gan_status cancel(gan_run *run) {
    gan_status status = write_checkpoint(run);
    if (status == GAN_OK) status = gani_run_settle(run);
    if (status != GAN_OK) return status;
    return gani_fail(run->context, GAN_E_CANCELLED, "training was cancelled after step %lld", (long long)run->step);
}

/* ---- the run ---- */

static int has_optimizer(const void *owner, const void *optimizer) {
    const gan_run *run = owner;
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].optimizer == optimizer) return 1;
    return 0;
}

static gan_status make_tape(gan_run *run) {
    gan_status status = gani_tape_new(&run->tape, run->context, &gani_operations_basis);
    if (status != GAN_OK || run->folder == NULL || run->options.checkpoint_interval == 0) return status;
    run->tape->owner = run;
    run->tape->owns = has_optimizer;
    return GAN_OK;
}

static gan_status begin(gan_run *run) {
    if (run->phase_count == 0) return gani_fail(run->context, GAN_E_STATE, "gan_run_train: the run has no phase");
    if (run->broken)
        return gani_fail(run->context, GAN_E_STATE,
                         "gan_run_train: an earlier step failed half-way: continue from a checkpoint");
    gani_run_unsettle(run);
    gan_status status = gani_run_check_parts(run);
    if (status == GAN_OK && run->tape == NULL) status = make_tape(run);
    int is_new = !run->log_begun;
    if (status == GAN_OK && is_new) status = gani_run_may_claim(run);
    if (status == GAN_OK) status = gani_run_log_open(run);
    if (status == GAN_OK && is_new) gani_run_claim(run);
    if (status == GAN_OK) gani_run_tidy(run);
    if (status == GAN_OK && run->best_pending) status = keep_best(run);
    if (status == GAN_OK && run->step == 0 && run->options.on_divergence == GAN_DIVERGENCE_ROLL_BACK)
        status = write_checkpoint(run); /* something to go back to */
    if (status == GAN_OK) status = gani_run_reals(run);
    if (status == GAN_OK && run->step == 0 && run->sheet_step < 0 && run->options.sample_interval > 0)
        status = gani_run_fakes(run);
    return status;
}

static int time_is_up(const gan_run *run) {
    return run->options.seconds > 0 && gani_run_clock() - run->begun >= run->options.seconds;
}

static int is_trained(const gan_run *run, const gan_layer *layer) {
    for (int32_t i = 0; i < run->part_count; i++) {
        const gan_optimizer *optimizer = run->parts[i].optimizer;
        for (int32_t k = 0; optimizer != NULL && k < optimizer->count; k++)
            if (gani_layer_index_of(layer, optimizer->members[k].parameter) >= 0) return 1;
    }
    return 0;
}

/* Whoever trains a loaded model on forgets this easily, and nothing else would show it. */
static void tell_modes(const gan_run *run) {
    for (int32_t i = 0; i < run->part_count; i++) {
        const gan_layer *layer = run->parts[i].layer;
        if (layer != NULL && !layer->training && is_trained(run, layer))
            gani_notice(run->context, GAN_LOG_WARNING, "run.evaluation_mode",
                        "'%s' is trained in evaluation mode: running statistics do not move, dropout is off; "
                        "gan_layer_set_training changes it",
                        run->parts[i].name);
    }
}

static gan_status loop(gan_run *run) {
    const int64_t first = run->step;
    while (run->step < run->options.steps && !time_is_up(run)) {
        gan_status status = step(run);
        if (status == GAN_OK) status = gani_run_look(run);
        if (status == GAN_E_CANCELLED && !run->broken)
            return cancel(run); /* while a batch was read or samples were made */
        if (status != GAN_OK) return status;
        if (run->step == first + 1) tell_modes(run); /* phases may have set them */
        status = serve(run);
        if (status == GAN_E_CANCELLED) return cancel(run); /* while a large sheet was made; the step is whole */
        if (status != GAN_OK) return status;
        if (tell(run)) return cancel(run);
    }
    return GAN_OK;
}

static gan_status save_last(gan_run *run) {
    gan_status status = write_checkpoint(run);
    if (status == GAN_OK) status = write_model(run);
    return status != GAN_OK ? status : gani_run_settle(run);
}

static gan_status finish(gan_run *run) {
    gan_status status = run->log_step == run->step ? GAN_OK : gani_run_log_line(run);
    if (status != GAN_OK) return status;
    if (run->options.sample_interval > 0) status = gani_run_fakes(run);
    if (status == GAN_E_CANCELLED) return cancel(run);
    if (status == GAN_OK) status = gani_run_chart(run);
    return save_after(run, status, save_last);
}

static gan_status train(gan_run *run) {
    for (;;) {
        gan_status status = loop(run);
        if (status == GAN_OK) status = finish(run);
        if (status != GAN_E_NUMERIC || run->options.on_divergence == GAN_DIVERGENCE_STOP) return status;
        status = gani_run_roll_back(run);
        if (status != GAN_OK) return status;
        run->step_ended = gani_run_clock();
    }
}

gan_status gani_run_train(gan_run *run) {
    if (run->training) return gani_fail(run->context, GAN_E_STATE, "gan_run_train: the run is training already");
    run->training = 1;
    run->begun = gani_run_clock();
    memset(&run->rate, 0, sizeof run->rate);
    gan_status status = begin(run);
    run->step_ended = gani_run_clock();
    if (status == GAN_OK) status = train(run);
    if (run->tape != NULL) gani_tape_clear(run->tape);
    gani_run_log_close(run);
    run->earlier_seconds = gani_run_seconds(run);
    run->training = 0;
    return status;
}
