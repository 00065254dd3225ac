/* A run and what it is made of. */
#include "train/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *gani_run_path(gan_run *run, const char *name) { return gani_path_join(run->context, run->folder, name); }

/* The folder and those above it that are missing. */
static gan_status make_folder(gan_context *context, char *folder) {
    const gani_io *io = context->io;
    int is_folder = 0;
    long long size;
    for (char *c = folder + 1; *c != '\0'; c++) {
        if (*c != '/') continue;
        gan_status status = GAN_OK;
        *c = '\0'; /* failing to make it is told by the last one */
        if (io->stat(folder, &is_folder, &size) != 0 && io->make_folder(folder) == 0)
            status = gani_sync_parent(context, folder);
        *c = '/';
        if (status != GAN_OK) return status;
    }
    if (io->make_folder(folder) == 0) return gani_sync_parent(context, folder);
    int code = errno;
    if (code == EEXIST && io->stat(folder, &is_folder, &size) == 0 && is_folder) return GAN_OK;
    char reason[GANI_REASON_SIZE] = "a file of that name is in the way";
    if (code != EEXIST) gani_io_reason(code, reason);
    return gani_fail(context, GAN_E_IO, "cannot make the folder '%s': %s", folder, reason);
}

static gan_status set_folder(gan_run *run, const char *folder) {
    if (folder == NULL) return GAN_OK;
    run->folder = gani_strdup(run->context, folder);
    if (run->folder == NULL) return gani_no_memory(run->context, "run");
    size_t length = strlen(run->folder);
    while (length > 1 && run->folder[length - 1] == '/') run->folder[--length] = '\0';
    return make_folder(run->context, run->folder);
}

gan_status gani_run_create(gan_run **out, gan_context *context, const gan_run_options *options) {
    *out = NULL;
    gan_run *run = gani_calloc(context, 1, sizeof *run);
    if (run == NULL) return gani_no_memory(context, "run");
    atomic_init(&run->references, 1);
    run->context = gani_context_retain(context);
    run->options = *options;
    run->options.folder = run->options.best_metric = NULL;
    run->log_file = -1;
    run->best_step = -1;
    run->sheet_step = run->log_step = run->checkpoint_step = run->model_step = -1;
    gani_json_begin(&run->line, context);
    gan_status status = GAN_OK;
    if (options->best_metric != NULL) {
        run->best_metric = gani_strdup(context, options->best_metric);
        if (run->best_metric == NULL) status = gani_no_memory(context, "run");
    }
    if (status == GAN_OK) status = set_folder(run, options->folder);
    if (status != GAN_OK)
        gani_run_drop(run);
    else
        *out = run;
    return status;
}

void gani_run_drop(gan_run *run) {
    if (run == NULL || atomic_fetch_sub(&run->references, 1) != 1) return;
    gan_context *context = run->context;
    gani_run_log_close(run);
    for (int32_t i = 0; i < run->part_count; i++) {
        gani_layer_drop(run->parts[i].layer);
        gani_optimizer_drop(run->parts[i].optimizer);
        gani_ema_drop(run->parts[i].ema);
        gani_loss_drop(run->parts[i].loss);
        gani_image_pool_drop(run->parts[i].pool);
    }
    gani_metrics_end(context, run->metrics, run->metric_count);
    if (run->tape != NULL) gani_tape_end(run->tape);
    gani_loader_drop(run->loader);
    gani_run_end_settled(run);
    gani_model_drop(run->model);
    gani_json_release(&run->line);
    gani_run_end_monitor(run);
    gani_free(context, run->folder);
    gani_free(context, run->best_metric);
    gani_free(context, run);
    gan_context_release(context);
}

/* ---- parts ---- */

static gan_status check_name(const gan_run *run, const char *what, const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(name);
    if (length == 0 || length >= GANI_NAME_SIZE || strspn(name, allowed) != length)
        return gani_fail(run->context, GAN_E_ARGUMENT,
                         "run: '%.80s' cannot name a %s: names have 1 to %d letters, digits, _ and -", name, what,
                         GANI_NAME_SIZE - 1);
    if (run->training) return gani_fail(run->context, GAN_E_STATE, "run: '%s' cannot be added while training", name);
    return GAN_OK;
}

const char *gani_part_kind(const gani_part *part) {
    if (part->layer != NULL) return "layer";
    if (part->optimizer != NULL) return "optimizer";
    if (part->ema != NULL) return "average";
    return part->loss != NULL ? "loss" : "pool";
}

gan_status gani_run_add_part(gan_run *run, const char *name, const gani_part *part) {
    gan_status status = check_name(run, gani_part_kind(part), name);
    if (status != GAN_OK) return status;
    for (int32_t i = 0; i < run->part_count; i++)
        if (strcmp(run->parts[i].name, name) == 0)
            return gani_fail(run->context, GAN_E_ARGUMENT,
                             "run: there is a '%s' already; layers, optimizers, averages, losses and pools have "
                             "different names",
                             name);
    if (run->part_count == GANI_RUN_PARTS)
        return gani_fail(run->context, GAN_E_LIMIT, "run: '%s' is one too many: a run has at most %d parts", name,
                         GANI_RUN_PARTS);
    gani_part *added = &run->parts[run->part_count++];
    *added = *part;
    strcpy(added->name, name);
    if (part->layer != NULL) gani_layer_retain(part->layer);
    if (part->optimizer != NULL) gani_optimizer_retain(part->optimizer);
    if (part->ema != NULL) gani_ema_retain(part->ema);
    if (part->loss != NULL) gani_loss_retain(part->loss);
    if (part->pool != NULL) gani_image_pool_retain(part->pool);
    return GAN_OK;
}

gan_status gani_run_add_phase(gan_run *run, const char *name, gan_phase *phase, void *user) {
    gan_status status = check_name(run, "phase", name);
    if (status != GAN_OK) return status;
    for (int32_t i = 0; i < run->phase_count; i++)
        if (strcmp(run->phases[i].name, name) == 0)
            return gani_fail(run->context, GAN_E_ARGUMENT, "run: there is a phase '%s' already", name);
    if (run->phase_count == GANI_RUN_PHASES)
        return gani_fail(run->context, GAN_E_LIMIT, "run: phase '%s' is one too many: a run has at most %d", name,
                         GANI_RUN_PHASES);
    gani_run_phase *added = &run->phases[run->phase_count++];
    strcpy(added->name, name);
    added->function = phase;
    added->user = user;
    return GAN_OK;
}

/* ---- metrics ---- */

const gani_metric *gani_run_find_metric(const gan_run *run, const char *name) {
    for (int32_t i = 0; i < run->metric_count; i++)
        if (strcmp(run->metrics[i].name, name) == 0) return &run->metrics[i];
    return NULL;
}

gani_metric *gani_run_metric(gan_run *run, const char *name) {
    const gani_metric *known = gani_run_find_metric(run, name);
    if (known != NULL) return &run->metrics[known - run->metrics];
    if (run->metric_count == GANI_RUN_METRICS || strlen(name) >= GANI_NAME_SIZE) return NULL;
    gani_metric *metric = &run->metrics[run->metric_count++];
    strcpy(metric->name, name);
    metric->stride = 1;
    return metric;
}

/* What the log says by itself. */
static const char *const taken[] = {"step", "epoch", "seconds", "images_per_second", "event"};
#define TAKEN (sizeof taken / sizeof taken[0])

int gani_run_is_metric(const char *name) {
    size_t length = strlen(name);
    int plain = length > 0 && length < GANI_NAME_SIZE;
    for (const char *c = name; *c != '\0' && plain; c++) plain = *c > ' ' && *c < 0x7f && *c != '"' && *c != '\\';
    for (size_t i = 0; i < TAKEN; i++) plain = plain && strcmp(name, taken[i]) != 0;
    return plain;
}

gan_status gani_run_report(gan_run *run, const char *name, double value) {
    if (!run->stepping)
        return gani_fail(run->context, GAN_E_STATE, "gan_run_report: '%.80s' is reported outside a phase", name);
    if (!gani_run_is_metric(name))
        return gani_fail(run->context, GAN_E_ARGUMENT,
                         "gan_run_report: '%.80s' cannot name a metric: 1 to %d ASCII characters without spaces and "
                         "quotes, not %s, %s, %s, %s or %s",
                         name, GANI_NAME_SIZE - 1, taken[0], taken[1], taken[2], taken[3], taken[4]);
    return gani_run_put_metric(run, name, value);
}

/* What is only in the log of a resumed run gives way to what the run reports; last what its next line would have. */
static gani_metric *replace_metric(gan_run *run, const char *name) {
    int32_t found = -1;
    for (int32_t i = 0; i < run->metric_count; i++)
        if (!run->metrics[i].own && (found < 0 || run->metrics[i].waits <= run->metrics[found].waits)) found = i;
    if (found < 0) return NULL;
    gani_metrics_end(run->context, run->metrics + found, 1);
    memmove(run->metrics + found, run->metrics + found + 1,
            (size_t)(run->metric_count - 1 - found) * sizeof *run->metrics);
    memset(run->metrics + --run->metric_count, 0, sizeof *run->metrics);
    return gani_run_metric(run, name);
}

static gani_metric *find_or_replace(gan_run *run, const char *name) {
    gani_metric *metric = gani_run_metric(run, name);
    return metric != NULL ? metric : replace_metric(run, name);
}

void gani_run_restore_metric(gan_run *run, const char *name, double value) {
    gani_metric *metric = find_or_replace(run, name);
    if (metric == NULL) return;
    metric->value = value;
    metric->waits = 1;
}

gan_status gani_run_put_metric(gan_run *run, const char *name, double value) {
    gani_metric *metric = find_or_replace(run, name);
    if (metric == NULL)
        return gani_fail(run->context, GAN_E_LIMIT, "run: '%s' is one metric too many: a run has at most %d", name,
                         GANI_RUN_METRICS);
    metric->value = value;
    metric->reported = metric->waits = metric->own = 1;
    return GAN_OK;
}

/* ---- time ---- */

double gani_run_clock(void) {
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (double)now.tv_sec + 1e-9 * (double)now.tv_nsec : 0;
}

double gani_run_seconds(const gan_run *run) {
    return run->earlier_seconds + (run->training ? gani_run_clock() - run->begun : 0);
}

double gani_run_epochs(const gan_run *run) {
    return run->loader == NULL ? 0
                               : (double)gani_loader_position(run->loader) / (double)gani_loader_batches(run->loader);
}

#define RATE_SECONDS 10.0 /* the recent rate forgets with this time constant */
#define PAUSE_STEPS 10.0  /* what takes longer than so many steps and RATE_SECONDS was no step: somebody slept */

/* A pause would drown the steps around it for minutes, so it is passed over; but two in a row are how things are now.
 */
void gani_rate_add(gani_rate *rate, double seconds) {
    int slow = rate->steps > 0 && seconds > RATE_SECONDS && seconds * rate->steps > PAUSE_STEPS * rate->seconds;
    if (slow && !rate->paused) {
        rate->paused = 1;
        return;
    }
    double keep = slow ? 0 : exp(-seconds / RATE_SECONDS);
    rate->steps = rate->steps * keep + 1;
    rate->seconds = rate->seconds * keep + seconds;
    rate->paused = 0;
}

double gani_run_steps_per_second(const gan_run *run) {
    return run->rate.seconds > 0 ? run->rate.steps / run->rate.seconds : 0;
}

double gani_run_images_per_second(const gan_run *run) {
    return run->loader == NULL ? 0 : gani_run_steps_per_second(run) * (double)gani_loader_batch_size(run->loader);
}
