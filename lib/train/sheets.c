/* Pictures of a run: samples, real images, curves. */
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "io/chart.h"
#include "io/sheet.h"
#include "train/run.h"

static int is_picture(gan_shape shape) {
    return shape.rank == 3 && (shape.size[0] == 1 || shape.size[0] == 3) && shape.size[1] >= 1 && shape.size[2] >= 1;
}

static gan_status write_sheet(gan_run *run, const gan_tensor *images, const char *name, double low, double high) {
    char *path = gani_run_path(run, name);
    if (path == NULL) return GAN_E_MEMORY;
    gan_sheet_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.columns = run->options.sheet_columns;
    options.padding = 2;
    options.low = low;
    options.high = high;
    options.zoom = run->options.sheet_zoom;
    gan_status status = gani_sheet_write(images, path, &options);
    gani_free(run->context, path);
    return status;
}

/* Items in a shuffled order: the first ones of a folder may all be of one class. */
static gan_status read_reals(gan_run *run, const gan_dataset *dataset, gan_tensor *images) {
    int64_t *order = gani_calloc(run->context, (size_t)dataset->count, sizeof *order);
    if (order == NULL) return gani_no_memory(run->context, GANI_REALS_NAME);
    gani_shuffle(run->options.sample_seed, GAN_STREAM_DATA, 0, dataset->count, order);
    char *items = images->data;
    gan_status status = GAN_OK;
    for (int64_t i = 0; i < images->shape.size[0] && status == GAN_OK; i++)
        status = dataset->kind->read(dataset, order[i], items + (size_t)i * gani_dataset_item_bytes(dataset), NULL);
    gani_free(run->context, order);
    return status;
}

gan_status gani_run_read_reals(gan_run *run, int64_t count, gan_tensor **images) {
    const gan_dataset *dataset = gani_loader_dataset(run->loader);
    gan_shape shape = gani_with_batch(dataset->shape, count);
    gan_status status = gani_shape_check(run->context, "reals", shape, dataset->dtype);
    if (status == GAN_OK) status = gani_tensor_new(images, run->context, dataset->dtype, shape);
    if (status != GAN_OK) return status;
    status = read_reals(run, dataset, *images);
    if (status != GAN_OK) gani_tensor_drop(*images);
    return status;
}

gan_status gani_run_reals(gan_run *run) {
    if (run->folder == NULL || run->loader == NULL || run->options.sample_interval == 0) return GAN_OK;
    const gan_dataset *dataset = gani_loader_dataset(run->loader);
    if (!is_picture(dataset->shape)) return GAN_OK;
    int64_t count = run->options.sheet_count < dataset->count ? run->options.sheet_count : dataset->count;
    gan_tensor *images;
    gan_status status = gani_run_read_reals(run, count, &images);
    if (status != GAN_OK) return status;
    gan_loader_options loader;
    gani_loader_settings(run->loader, &loader);
    status = write_sheet(run, images, GANI_REALS_NAME, loader.low, loader.high);
    gani_tensor_drop(images);
    return status;
}

/* One class a row, where the model has classes. */
static gan_status draw_fakes(gan_tensor **images, gan_run *run, gan_model *model) {
    const gan_run_options *o = &run->options;
    gan_tensor *inputs[GANI_MAX_PORTS];
    gan_status status = gani_model_draw(inputs, model, o->sheet_count, o->sample_seed);
    if (status != GAN_OK) return status;
    int64_t classes;
    int32_t which = gani_model_class_input(model, &classes);
    for (int64_t i = 0; i < o->sheet_count && which >= 0; i++)
        gani_set_class(inputs[which], i, i / o->sheet_columns % classes);
    status = gani_model_generate(images, model, inputs);
    gani_drop_all(inputs, model->layer->input_count);
    return status;
}

gan_status gani_run_fakes(gan_run *run) {
    gan_model *model = run->model;
    if (run->folder == NULL || model == NULL || run->sheet_step == run->step) return GAN_OK;
    /* a generator of points, or one that wants images, has no sheet */
    const gan_layer *layer = model->layer;
    gan_shape item = gani_point_shape(layer, layer->outputs[0].point);
    if (!is_picture(item) || gani_model_wants_images(model)) return GAN_OK;
    gan_tensor *images;
    gan_status status = gani_run_settled_model(run, INT64_MAX, &model);
    if (status == GAN_OK) status = draw_fakes(&images, run, model);
    if (status != GAN_OK) return status;
    char name[48];
    snprintf(name, sizeof name, "fakes-%06lld.png", (long long)run->step);
    status = write_sheet(run, images, name, model->low, model->high);
    gani_tensor_drop(images);
    if (status == GAN_OK) run->sheet_step = run->step;
    return status;
}

/* The loss of a critic is named after what it estimates. */
static int is_loss(const char *name) { return strncmp(name, "loss", 4) == 0 || strcmp(name, "wasserstein") == 0; }

/* Losses if there are any: other metrics live on other scales. */
static int32_t choose_curves(const gan_run *run, gan_curve curves[GANI_CHART_CURVES]) {
    int32_t count = 0;
    for (int losses = 1; losses >= 0 && count == 0; losses--) {
        for (int32_t i = 0; i < run->metric_count && count < GANI_CHART_CURVES; i++) {
            const gani_metric *metric = &run->metrics[i];
            if (metric->count == 0 || (losses && !is_loss(metric->name))) continue;
            curves[count++] = (gan_curve){metric->name, metric->x, metric->y, metric->count};
        }
    }
    return count;
}

gan_status gani_run_chart(gan_run *run) {
    gan_curve curves[GANI_CHART_CURVES];
    if (run->folder == NULL) return GAN_OK;
    int32_t count = choose_curves(run, curves);
    if (count == 0) return GAN_OK;
    char *path = gani_run_path(run, GANI_CURVES_NAME);
    if (path == NULL) return GAN_E_MEMORY;
    gan_chart_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.x_label = "step";
    options.width = 960;
    options.height = 540;
    options.smoothing = 0.9;
    gan_status status = gani_chart_write(run->context, curves, count, path, &options);
    gani_free(run->context, path);
    return status;
}
