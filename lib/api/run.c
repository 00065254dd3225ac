/* Exported functions of gan/run.h. */
#include <math.h>
#include <string.h>

#include "api/api.h"
#include "train/run.h"

#define SHEET_LIMIT 65536
#define STATISTICS_LIMIT 1048576

GAN_API void gan_run_options_init_sized(gan_run_options *options, size_t size) {
    gan_run_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.steps = 1000;
    defaults.sample_interval = 250;
    defaults.checkpoint_interval = 500;
    defaults.checkpoint_keep = 2;
    defaults.log_interval = 10;
    defaults.sheet_count = 64;
    defaults.sheet_columns = 8;
    defaults.sheet_zoom = 2;
    defaults.roll_backs = 3;
    defaults.roll_back_factor = 0.5;
    defaults.statistics_count = 4096;
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status check_range(gan_context *context, const char *name, int64_t value, int64_t low, int64_t high) {
    if (value >= low && value <= high) return GAN_OK;
    return gani_fail(context, GAN_E_ARGUMENT, "gan_run_create: %s is %lld, not %lld to %lld", name, (long long)value,
                     (long long)low, (long long)high);
}

static gan_status check_guard(gan_context *context, const gan_run_options *o) {
    gan_status status = check_range(context, "overwrite", o->overwrite, 0, 1);
    if (status == GAN_OK)
        status = check_range(context, "on_divergence", o->on_divergence, GAN_DIVERGENCE_STOP, GAN_DIVERGENCE_ROLL_BACK);
    if (status == GAN_OK) status = check_range(context, "roll_backs", o->roll_backs, 1, 1000);
    if (status == GAN_OK) status = check_range(context, "best_is_highest", o->best_is_highest, 0, 1);
    if (status == GAN_OK) status = gani_options_reserved(context, "gan_run_create", o->reserved);
    if (status != GAN_OK) return status;
    if (!(o->roll_back_factor > 0 && o->roll_back_factor <= 1))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_run_create: roll_back_factor is %g; it must be above 0 and at most 1",
                         o->roll_back_factor);
    if (o->on_divergence == GAN_DIVERGENCE_ROLL_BACK && (o->folder == NULL || o->checkpoint_interval == 0))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_run_create: a run that rolls back goes back to checkpoints: it needs a folder and a "
                         "checkpoint_interval above 0");
    return GAN_OK;
}

static gan_status check_options(gan_context *context, const gan_run_options *o) {
    const int64_t most = GANI_STEP_MOST;
    gan_status status = check_range(context, "steps", o->steps, 0, most);
    if (status == GAN_OK) status = check_range(context, "sample_interval", o->sample_interval, 0, most);
    if (status == GAN_OK) status = check_range(context, "checkpoint_interval", o->checkpoint_interval, 0, most);
    if (status == GAN_OK) status = check_range(context, "checkpoint_keep", o->checkpoint_keep, 1, INT64_MAX);
    if (status == GAN_OK) status = check_range(context, "log_interval", o->log_interval, 1, most);
    if (status == GAN_OK) status = check_range(context, "sheet_count", o->sheet_count, 1, SHEET_LIMIT);
    if (status == GAN_OK) status = check_range(context, "sheet_columns", o->sheet_columns, 1, SHEET_LIMIT);
    if (status == GAN_OK) status = check_range(context, "sheet_zoom", o->sheet_zoom, 1, 64);
    if (status == GAN_OK && o->statistics_count != 0)
        status = check_range(context, "statistics_count", o->statistics_count, 2, STATISTICS_LIMIT);
    if (status != GAN_OK) return status;
    if (!(o->seconds >= 0) || !isfinite(o->seconds))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_run_create: seconds is %g; it must be 0 or more, and finite",
                         o->seconds);
    status = check_guard(context, o);
    if (status != GAN_OK) return status;
    if (o->best_metric != NULL && !gani_run_is_metric(o->best_metric))
        return gani_fail(context, GAN_E_ARGUMENT, "gan_run_create: best_metric '%.80s' cannot be a metric's name",
                         o->best_metric);
    if (o->folder != NULL && o->folder[0] == '\0')
        return gani_fail(context, GAN_E_ARGUMENT, "gan_run_create: folder is empty; NULL means no files");
    return GAN_OK;
}

GAN_API gan_status gan_run_create(gan_run **out, gan_context *context, const gan_run_options *options) {
    GANI_ENTER();
    if (out != NULL) *out = NULL;
    if (context == NULL) return GAN_E_ARGUMENT;
    if (out == NULL) return gani_null(context, "gan_run_create", "out");
    gan_run_options o;
    gan_run_options_init(&o);
    gan_status status = gani_options_decode(context, "gan_run_create", options, &o, sizeof o);
    if (status == GAN_OK) status = check_options(context, &o);
    return status != GAN_OK ? status : gani_run_create(out, context, &o);
}

GAN_API gan_context *gan_run_context(const gan_run *run) { return run == NULL ? NULL : run->context; }

GAN_API void gan_run_release(gan_run *run) {
    GANI_ENTER();
    gani_run_drop(run);
}

/* A handle to be added: there, and of the run's context. */
static gan_status check_part(const char *function, const gan_run *run, const char *name, const void *part,
                             const gan_context *context) {
    if (name == NULL || part == NULL)
        return gani_null(run->context, function, name == NULL ? "the name" : "what is to be added");
    if (context != run->context)
        return gani_fail(run->context, GAN_E_ARGUMENT, "%s: '%.80s' belongs to another context", function, name);
    return GAN_OK;
}

GAN_API gan_status gan_run_set_loader(gan_run *run, gan_loader *loader) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status =
        check_part("gan_run_set_loader", run, "loader", loader, loader == NULL ? NULL : gani_loader_context(loader));
    if (status != GAN_OK) return status;
    if (run->training) return gani_fail(run->context, GAN_E_STATE, "gan_run_set_loader: the run is training");
    gani_loader_retain(loader);
    gani_loader_drop(run->loader);
    run->loader = loader;
    return GAN_OK;
}

GAN_API gan_status gan_run_add_layer(gan_run *run, const char *name, gan_layer *layer) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_part("gan_run_add_layer", run, name, layer, layer == NULL ? NULL : layer->context);
    return status != GAN_OK ? status : gani_run_add_part(run, name, &(gani_part){.layer = layer});
}

GAN_API gan_status gan_run_add_optimizer(gan_run *run, const char *name, gan_optimizer *optimizer) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status =
        check_part("gan_run_add_optimizer", run, name, optimizer, optimizer == NULL ? NULL : optimizer->context);
    return status != GAN_OK ? status : gani_run_add_part(run, name, &(gani_part){.optimizer = optimizer});
}

GAN_API gan_status gan_run_add_ema(gan_run *run, const char *name, gan_ema *ema) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status =
        check_part("gan_run_add_ema", run, name, ema, ema == NULL ? NULL : gani_ema_layer(ema)->context);
    return status != GAN_OK ? status : gani_run_add_part(run, name, &(gani_part){.ema = ema});
}

GAN_API gan_status gan_run_add_loss(gan_run *run, const char *name, gan_loss *loss) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_part("gan_run_add_loss", run, name, loss, loss == NULL ? NULL : loss->context);
    return status != GAN_OK ? status : gani_run_add_part(run, name, &(gani_part){.loss = loss});
}

GAN_API gan_status gan_run_add_pool(gan_run *run, const char *name, gan_pool *pool) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status =
        check_part("gan_run_add_pool", run, name, pool, pool == NULL ? NULL : gani_image_pool_context(pool));
    return status != GAN_OK ? status : gani_run_add_part(run, name, &(gani_part){.pool = pool});
}

GAN_API gan_status gan_run_add_phase(gan_run *run, const char *name, gan_phase *phase, void *user) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    if (name == NULL || phase == NULL)
        return gani_null(run->context, "gan_run_add_phase", name == NULL ? "the name" : "the phase");
    return gani_run_add_phase(run, name, phase, user);
}

GAN_API gan_status gan_run_set_model(gan_run *run, gan_model *model) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_status status = check_part("gan_run_set_model", run, "model", model, model == NULL ? NULL : model->context);
    if (status != GAN_OK) return status;
    if (run->training) return gani_fail(run->context, GAN_E_STATE, "gan_run_set_model: the run is training");
    gani_model_retain(model);
    gani_run_unsettle(run);
    gani_run_end_settled(run);
    gani_model_drop(run->model);
    run->model = model;
    return GAN_OK;
}

GAN_API void gan_monitor_options_init_sized(gan_monitor_options *options, size_t size) {
    gan_monitor_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.interval = 100;
    defaults.samples = 64;
    defaults.diversity = 0.3;
    defaults.gradient_norm = 100;
    defaults.saturation = 0.01;
    defaults.discriminator_loss = "loss_d";
    defaults.lower_factor = 0.5;
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static gan_status check_monitor(const gan_run *run, const gan_monitor_options *o) {
    const char *trouble = o->interval < 1                                     ? "interval is below 1"
                          : o->samples < 2 || o->samples > 4096               ? "samples is not 2 to 4096"
                          : !(o->diversity >= 0) || !isfinite(o->diversity)   ? "diversity is not 0 or more"
                          : !(o->gradient_norm > 0)                           ? "gradient_norm is not above 0"
                          : isnan(o->saturation) || o->saturation == INFINITY ? "saturation is no number"
                          : !(o->spectrum >= 0 && o->spectrum <= 1)           ? "spectrum is not in 0 to 1"
                          : !(o->lower_factor > 0 && o->lower_factor <= 1) ? "lower_factor is not above 0 and at most 1"
                          : o->policy < 0 || o->policy > GAN_HEALTH_ROLL_BACK ? "policy is not one of GAN_HEALTH_..."
                          : o->discriminator_loss != NULL && !gani_run_is_metric(o->discriminator_loss)
                              ? "discriminator_loss cannot be a metric's name"
                          : o->spectrum_of != NULL && o->spectrum_of->context != run->context
                              ? "spectrum_of belongs to another context"
                          : o->policy == GAN_HEALTH_ROLL_BACK && run->options.on_divergence != GAN_DIVERGENCE_ROLL_BACK
                              ? "a run that goes back must have been made with GAN_DIVERGENCE_ROLL_BACK"
                              : NULL;
    if (trouble == NULL) return GAN_OK;
    return gani_fail(run->context, GAN_E_ARGUMENT, "gan_run_set_monitor: %s", trouble);
}

GAN_API gan_status gan_run_set_monitor(gan_run *run, const gan_monitor_options *options) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    gan_monitor_options o;
    gan_monitor_options_init(&o);
    gan_status status = gani_options_decode(run->context, "gan_run_set_monitor", options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(run->context, "gan_run_set_monitor", o.reserved);
    if (status == GAN_OK) status = check_monitor(run, &o);
    if (status == GAN_OK && run->training)
        status = gani_fail(run->context, GAN_E_STATE, "gan_run_set_monitor: the run is training");
    return status != GAN_OK ? status : gani_run_set_monitor(run, &o);
}

GAN_API gan_status gan_run_set_progress(gan_run *run, int32_t (*progress)(void *user, const gan_progress *progress),
                                        void *user) {
    if (run == NULL) return GAN_E_ARGUMENT;
    run->progress = progress;
    run->progress_user = user;
    return GAN_OK;
}

GAN_API gan_status gan_run_resume(gan_run *run, const char *path) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    if (path == NULL) return gani_null(run->context, "gan_run_resume", "path");
    atomic_fetch_add(&run->references, 1); /* the logger must not release it, but might */
    gan_status status = gani_run_resume(run, path);
    gani_run_drop(run);
    return status;
}

/* A phase or a callback may release the run that calls it. */
GAN_API gan_status gan_run_train(gan_run *run) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    atomic_fetch_add(&run->references, 1);
    gan_status status = gani_run_train(run);
    gani_run_drop(run);
    return status;
}

GAN_API gan_tensor *gan_run_images(gan_run *run) { return run == NULL ? NULL : run->images; }
GAN_API gan_tensor *gan_run_labels(gan_run *run) { return run == NULL ? NULL : run->labels; }
GAN_API int64_t gan_run_step(const gan_run *run) { return run == NULL ? 0 : run->step; }

GAN_API gan_status gan_run_report(gan_run *run, const char *name, const gan_tensor *value) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    if (name == NULL || value == NULL)
        return gani_null(run->context, "gan_run_report", name == NULL ? "the name" : "the value");
    if (value->dtype == 0) return GAN_OK; /* of a failed tape, which tells by itself */
    if (value->context != run->context)
        return gani_fail(run->context, GAN_E_ARGUMENT, "gan_run_report: '%.80s' belongs to another context", name);
    char shape[GANI_SHAPE_TEXT];
    if (gan_shape_count(value->shape) != 1)
        return gani_fail(run->context, GAN_E_SHAPE, "gan_run_report: '%.80s' has shape %s; it must be one number", name,
                         gani_shape_text(value->shape, shape));
    if (value->gone)
        return gani_fail(run->context, GAN_E_STATE, "gan_run_report: the values of '%.80s' were given back", name);
    return gani_run_report(run, name, gan_tensor_item(value, 0));
}

GAN_API gan_status gan_run_report_value(gan_run *run, const char *name, double value) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    if (name == NULL) return gani_null(run->context, "gan_run_report_value", "the name");
    return gani_run_report(run, name, value);
}

GAN_API gan_status gan_run_curve(const gan_run *run, const char *name, gan_curve *curve) {
    GANI_ENTER();
    if (run == NULL) return GAN_E_ARGUMENT;
    if (name == NULL || curve == NULL)
        return gani_null(run->context, "gan_run_curve", name == NULL ? "the name" : "curve");
    const gani_metric *metric = gani_run_find_metric(run, name);
    if (metric == NULL || metric->count == 0)
        return gani_fail(run->context, GAN_E_ARGUMENT, "gan_run_curve: no value of '%.80s' has been logged", name);
    *curve = (gan_curve){metric->name, metric->x, metric->y, metric->count};
    return GAN_OK;
}
