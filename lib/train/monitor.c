/* The health of a run: what is looked at every so many steps, and what is done when it is out of bounds. A look depends
 * on the state of the run alone, so that a resumed run sees and does the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernel/linalg.h"
#include "train/run.h"

/* ---- distances within a set ---- */

/* Mean Euclidean distance of all pairs, each image a row of `size` numbers. */
static double mean_distance(const double *rows, int64_t count, int64_t size) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < i; k++) {
            double square = 0;
            for (int64_t p = 0; p < size; p++) {
                double difference = rows[i * size + p] - rows[k * size + p];
                square += difference * difference;
            }
            sum += sqrt(square);
        }
    return 2 * sum / ((double)count * (double)(count - 1));
}

static gan_status distance_of(gan_run *run, const gan_tensor *images, double factor, double offset, double *distance) {
    int64_t count = images->shape.size[0], elements = gan_shape_count(images->shape);
    double *rows = gani_calloc(run->context, (size_t)elements, sizeof *rows);
    if (rows == NULL) return gani_no_memory(run->context, "diversity");
    for (int64_t i = 0; i < elements; i++)
        rows[i] = offset + factor * (images->dtype == GAN_U8 ? (double)((const unsigned char *)images->data)[i]
                                                             : gani_get_value(images, i));
    *distance = mean_distance(rows, count, elements / count);
    gani_free(run->context, rows);
    return GAN_OK;
}

/* Of real items, as the loader gives them; once, they are always the same. */
static gan_status measure_reals(gan_run *run, int64_t samples, double *distance) {
    gan_tensor *images;
    gan_loader_options loader;
    gani_loader_settings(run->loader, &loader);
    gan_status status = gani_run_read_reals(run, samples, &images);
    if (status != GAN_OK) return status;
    int bytes = images->dtype == GAN_U8;
    status = distance_of(run, images, bytes ? (loader.high - loader.low) / 255 : 1, bytes ? loader.low : 0, distance);
    gani_tensor_drop(images);
    return status;
}

static gan_status measure_diversity(gan_run *run, double *diversity) {
    gani_monitor *monitor = &run->monitor;
    int64_t samples = monitor->options.samples;
    const gan_dataset *data = gani_loader_dataset(run->loader);
    if (samples > data->count) samples = data->count;
    gan_status status = GAN_OK;
    if (!(monitor->real_distance >= 0)) status = measure_reals(run, samples, &monitor->real_distance);
    if (status != GAN_OK) return status;
    gan_tensor *fakes;
    double distance = 0;
    gan_model *model;
    status = gani_run_settled_model(run, GANI_LOOK_STATISTICS, &model);
    if (status == GAN_OK) status = gani_model_sample(&fakes, model, samples, run->options.sample_seed);
    if (status != GAN_OK) return status;
    status = distance_of(run, fakes, 1, 0, &distance);
    gani_tensor_drop(fakes);
    *diversity = monitor->real_distance > 0 ? distance / monitor->real_distance : NAN;
    return status;
}

/* A generator whose samples can be set beside the data. */
static int can_compare(const gan_run *run) {
    if (run->model == NULL || run->loader == NULL || gani_loader_dataset(run->loader)->count < 2) return 0;
    const gan_layer *layer = run->model->layer;
    if (gani_model_wants_images(run->model)) return 0;
    return gan_shape_equal(gani_point_shape(layer, layer->outputs[0].point), gani_loader_dataset(run->loader)->shape);
}

/* ---- spectra ---- */

static int is_weight(const gani_named *tensor) {
    gan_shape shape = tensor->tensor->shape;
    return tensor->is_parameter && shape.rank >= 2 && shape.size[0] > 1 && gan_shape_count(shape) / shape.size[0] > 1;
}

/* Mean of s_k / s_1 over the singular values of a weight as size[0] x rest. */
static gan_status mean_share(gan_run *run, const gan_tensor *w, double *share) {
    int64_t n = gani_singular_value_count(w->shape);
    double *s = gani_alloc(run->context, (size_t)n * sizeof *s), sum = 0;
    gan_status status = s == NULL ? GAN_E_MEMORY : gani_tensor_singular_values(w, s);
    for (int64_t k = 0; k < n && status == GAN_OK; k++) sum += s[0] > 0 ? s[k] / s[0] : 0;
    *share = sum / (double)n;
    gani_free(run->context, s);
    return status == GAN_OK ? status : gani_no_memory(run->context, "spectrum");
}

static gan_status measure_spectrum(gan_run *run, double *spectrum) {
    const gan_layer *layer = run->monitor.layer;
    int32_t count = 0;
    double sum = 0, share = 0;
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->tensor_count && status == GAN_OK; i++) {
        if (!is_weight(&layer->tensors[i])) continue;
        status = mean_share(run, layer->tensors[i].tensor, &share);
        sum += share;
        count++;
    }
    *spectrum = count > 0 ? sum / count : NAN;
    return status;
}

/* ---- a look ---- */

static const char *act(gan_run *run) {
    const gan_monitor_options *o = &run->monitor.options;
    if (o->policy == GAN_HEALTH_ROLL_BACK) return "goes back to a checkpoint";
    if (o->policy != GAN_HEALTH_LOWER) return "goes on";
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].optimizer != NULL) run->parts[i].optimizer->learning_rate *= o->lower_factor;
    return "goes on with lower learning rates";
}

/* Something is out of bounds. */
static gan_status complain(gan_run *run, const char *what, double value, const char *than, double bound) {
    const char *action = act(run);
    char reason[256];
    snprintf(reason, sizeof reason, "%s is %.4g, %s than %.4g, after step %lld", what, value, than, bound,
             (long long)run->step);
    gani_notice(run->context, GAN_LOG_WARNING, "run.unhealthy", "%s: the run %s", reason, action);
    gan_status status = gani_run_log_health(run, what, value, bound, action);
    if (status != GAN_OK || run->monitor.options.policy != GAN_HEALTH_ROLL_BACK) return status;
    run->broken = 1;
    run->failed_step = run->step;
    return gani_fail(run->context, GAN_E_NUMERIC, "%s", reason);
}

/* One figure: reported like any metric, and held against its bound. `*done`: the policy acts once a look. */
static gan_status judge(gan_run *run, const char *what, double value, double low, double high, int *done) {
    if (isnan(value)) return GAN_OK;
    gan_status status = gani_run_put_metric(run, what, value);
    if (status != GAN_OK || *done || (value >= low && value <= high)) return status;
    *done = 1;
    return value < low ? complain(run, what, value, "less", low) : complain(run, what, value, "more", high);
}

/* In this step, by a phase. */
static double reported(const gan_run *run, const char *name) {
    const gani_metric *metric = name == NULL ? NULL : gani_run_find_metric(run, name);
    return metric != NULL && metric->reported ? metric->value : NAN;
}

static double largest_gradient(const gan_run *run) {
    double largest = NAN;
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].optimizer != NULL) largest = fmax(largest, run->parts[i].optimizer->gradient_norm);
    return largest;
}

gan_status gani_run_look(gan_run *run) {
    const gani_monitor *monitor = &run->monitor;
    const gan_monitor_options *o = &monitor->options;
    if (!monitor->on || run->step % o->interval != 0) return GAN_OK;
    int done = 0;
    double loss = reported(run, monitor->loss), diversity = NAN, spectrum = reported(run, "spectrum");
    gan_status status = GAN_OK;
    if (loss < o->saturation) { /* the metric is there already */
        done = 1;
        status = complain(run, monitor->loss, loss, "less", o->saturation);
    }
    if (status == GAN_OK && isfinite(o->gradient_norm))
        status = judge(run, "gradient_norm", largest_gradient(run), 0, o->gradient_norm, &done);
    if (status == GAN_OK && o->diversity > 0 && can_compare(run)) status = measure_diversity(run, &diversity);
    if (status == GAN_OK) status = judge(run, "diversity", diversity, o->diversity, INFINITY, &done);
    if (status == GAN_OK && monitor->layer != NULL) status = measure_spectrum(run, &spectrum);
    return status != GAN_OK ? status : judge(run, "spectrum", spectrum, o->spectrum, INFINITY, &done);
}

gan_status gani_run_set_monitor(gan_run *run, const gan_monitor_options *options) {
    gani_monitor *monitor = &run->monitor;
    char *loss = NULL;
    if (options->discriminator_loss != NULL) {
        loss = gani_strdup(run->context, options->discriminator_loss);
        if (loss == NULL) return gani_no_memory(run->context, "monitor");
    }
    gan_layer *layer = options->spectrum_of == NULL ? NULL : gani_layer_retain(options->spectrum_of);
    gani_run_end_monitor(run);
    *monitor = (gani_monitor){.on = 1, .options = *options, .loss = loss, .layer = layer, .real_distance = -1};
    monitor->options.discriminator_loss = NULL;
    monitor->options.spectrum_of = NULL;
    return GAN_OK;
}

void gani_run_end_monitor(gan_run *run) {
    gani_free(run->context, run->monitor.loss);
    gani_layer_drop(run->monitor.layer);
    memset(&run->monitor, 0, sizeof run->monitor);
}
