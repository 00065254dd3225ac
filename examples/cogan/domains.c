#include "cogan/domains.h"

#include <stdlib.h>

enum { ROWS = 4, COLUMNS = 12 };

/* ---- the rule ---- */

static double at_or_0(const double *plane, gan_shape shape, int64_t y, int64_t x) {
    return y < 0 || x < 0 || y >= shape.size[1] || x >= shape.size[2] ? 0 : plane[y * shape.size[2] + x];
}

/* What a 3 x 3 dilation adds to a pixel. */
static double edge(const double *plane, gan_shape shape, int64_t y, int64_t x) {
    double most = 0;
    for (int64_t i = -1; i <= 1; i++)
        for (int64_t k = -1; k <= 1; k++) {
            double value = at_or_0(plane, shape, y + i, x + k);
            if (value > most) most = value;
        }
    return most - plane[y * shape.size[2] + x];
}

/* An image of the first domain, pixels in 0 to 1, as one of the second. */
static void change(int32_t task, const double *in, double *out, gan_shape shape) {
    const int64_t pixels = shape.size[1] * shape.size[2];
    for (int64_t i = 0; i < gan_shape_count(shape); i++)
        out[i] = task == DOMAINS_NEGATIVE
                     ? 1 - in[i]
                     : edge(in + i / pixels * pixels, shape, i % pixels / shape.size[2], i % shape.size[2]);
}

/* ---- data ---- */

static gan_dataset *images_of_both;

typedef struct domain {
    gan_dataset *images;
    gan_shape shape;
    int64_t first;
    int32_t changed, task;
    double *before, *after;
} domain;

static gan_status read_item(void *user, int64_t index, void *item, int32_t *label) {
    domain *d = user;
    (void)label;
    const int64_t count = gan_shape_count(d->shape);
    unsigned char *bytes = item;
    gan_status status = gan_dataset_read(d->images, d->first + index, bytes, (size_t)count, NULL);
    if (status != GAN_OK || !d->changed) return status;
    for (int64_t i = 0; i < count; i++) d->before[i] = bytes[i] / 255.0;
    change(d->task, d->before, d->after, d->shape);
    for (int64_t i = 0; i < count; i++) bytes[i] = (unsigned char)(255 * d->after[i] + 0.5);
    return GAN_OK;
}

static void release_domain(void *user) {
    domain *d = user;
    gan_dataset_release(d->images);
    free(d->before);
    free(d->after);
    free(d);
}

gan_status domains_open(front *f, gan_dataset **out, int which, int32_t task) {
    domain *d = calloc(1, sizeof *d);
    if (d == NULL) return GAN_E_MEMORY;
    gan_status status = images_of_both == NULL ? front_open_images(f, &images_of_both) : GAN_OK;
    d->images = gan_dataset_retain(images_of_both);
    gan_callback_dataset description;
    gan_callback_dataset_init(&description);
    if (status == GAN_OK && gan_dataset_count(d->images) < 2)
        status = front_refuse(f, "--data: two domains need two images at least");
    if (status == GAN_OK) {
        d->shape = gan_dataset_shape(d->images);
        d->first = which * (gan_dataset_count(d->images) / 2);
        d->changed = which;
        d->task = task;
        d->before = malloc((size_t)gan_shape_count(d->shape) * sizeof *d->before);
        d->after = malloc((size_t)gan_shape_count(d->shape) * sizeof *d->after);
        if (d->before == NULL || d->after == NULL) status = GAN_E_MEMORY;
        description.count = gan_dataset_count(d->images) / 2;
        description.shape = d->shape;
        description.read = read_item;
        description.release = release_domain;
        description.user = d;
        description.fingerprint = gan_dataset_fingerprint(d->images) + (uint64_t)(2 * task + which);
    }
    if (status == GAN_OK) status = gan_callback_dataset_create(out, f->context, &description);
    if (status != GAN_OK) release_domain(d);
    return status;
}

static gan_loader *of_second;

gan_status domains_second(front *f, int32_t task, gan_tensor **images) {
    gan_status status = GAN_OK;
    if (of_second == NULL) {
        gan_dataset *second = NULL;
        status = domains_open(f, &second, 1, task);
        if (status == GAN_OK) status = front_make_loader(f, second, f->options.batch_size, &of_second);
        gan_dataset_release(second);
    }
    return status == GAN_OK ? front_next(f, of_second, 0, images, NULL) : status;
}

/* ---- pairs ---- */

static gan_model *generators[2];

gan_status domains_set_generators(front *f, gan_layer *shared, gan_layer *const own[2]) {
    gan_status status = GAN_OK;
    for (int d = 0; d < 2 && status == GAN_OK; d++) {
        gan_layer *both = NULL;
        gan_builder *b = front_begin(f, gan_shape_1d(f->options.latent_dim));
        gan_add_layer(b, shared, "shared");
        gan_add_layer(b, own[d], "own");
        status = gan_builder_end(&both, b);
        if (status == GAN_OK) status = front_make_model(f, both, &generators[d]);
        gan_layer_release(both);
    }
    return status;
}

void domains_release(void) {
    for (int d = 0; d < 2; d++) gan_model_release(generators[d]);
    gan_loader_release(of_second);
    gan_dataset_release(images_of_both);
}

/* A pixel in 0 to 1. */
static double unit(const front *f, const gan_tensor *images, int64_t index) {
    return (gan_tensor_item(images, index) - f->low) / (f->high - f->low);
}

static gan_status make_pairs(gan_tensor *pairs[2], int64_t count, uint64_t seed) {
    gan_status status = GAN_OK;
    for (int d = 0; d < 2 && status == GAN_OK; d++) status = gan_model_sample(&pairs[d], generators[d], count, seed);
    return status;
}

double domains_agreement(const front *f, gan_tensor *const pairs[2], int32_t task, int64_t shift, double *before,
                         double *after) {
    const gan_shape batch = gan_tensor_shape(pairs[0]);
    const gan_shape shape = gan_shape_3d(batch.size[1], batch.size[2], batch.size[3]);
    const int64_t count = batch.size[0], pixels = gan_shape_count(shape);
    int64_t equal = 0;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < pixels; k++) before[k] = unit(f, pairs[0], i * pixels + k);
        change(task, before, after, shape);
        for (int64_t k = 0; k < pixels; k++)
            equal += (after[k] > 0.5) == (unit(f, pairs[1], (i + shift) % count * pixels + k) > 0.5);
    }
    return (double)equal / (double)(count * pixels);
}

static gan_status say_agreement(front *f, int32_t task) {
    const size_t bytes = (size_t)gan_shape_count(f->image) * sizeof(double);
    double *before = malloc(bytes), *after = malloc(bytes), own = 0, others = 0;
    gan_status status = before == NULL || after == NULL ? GAN_E_MEMORY : GAN_OK;
    const int64_t count = f->options.judge_count;
    for (int64_t done = 0; done < count && status == GAN_OK; done += FRONT_PORTION) {
        gan_tensor *pairs[2] = {NULL, NULL};
        const int64_t some = count - done < FRONT_PORTION ? count - done : FRONT_PORTION;
        status = make_pairs(pairs, some, 1 + (uint64_t)done);
        if (status == GAN_OK) own += domains_agreement(f, pairs, task, 0, before, after) * (double)some;
        if (status == GAN_OK) others += domains_agreement(f, pairs, task, 1, before, after) * (double)some;
        for (int d = 0; d < 2; d++) gan_tensor_release(pairs[d]);
    }
    if (status == GAN_OK)
        front_say(f, "pixels of pairs agree: %.4f; of images that are no pair: %.4f (%lld pairs, seeds from 1)",
                  own / (double)count, others / (double)count, (long long)count);
    free(before);
    free(after);
    return status;
}

/* A row of the first domain above one of the second, and so on. */
static gan_status draw_pairs(front *f) {
    gan_tensor *pairs[2] = {NULL, NULL}, *all = NULL;
    char path[FRONT_PATH_SIZE];
    gan_sheet_options sheet;
    gan_sheet_options_init(&sheet);
    sheet.columns = COLUMNS;
    sheet.zoom = 2;
    sheet.low = f->low;
    sheet.high = f->high;
    gan_status status = make_pairs(pairs, ROWS * COLUMNS, 0);
    const int64_t row = gan_shape_count(f->image) * COLUMNS;
    if (status == GAN_OK) {
        gan_shape shape = gan_tensor_shape(pairs[0]);
        shape.size[0] *= 2;
        status = gan_tensor_create(&all, f->context, f->dtype, shape);
    }
    for (int64_t i = 0; i < 2 * ROWS * row && status == GAN_OK; i++) {
        front_put(all, i, gan_tensor_item(pairs[i / row % 2], i / (2 * row) * row + i % row));
    }
    if (status == GAN_OK) status = gan_sheet_write(all, front_path(f, "pairs.png", path), &sheet);
    gan_tensor_release(all);
    for (int d = 0; d < 2; d++) gan_tensor_release(pairs[d]);
    return status;
}

gan_status domains_judge(front *f, int32_t task) {
    gan_status status = f->options.judge_count > 0 ? say_agreement(f, task) : GAN_OK;
    return status == GAN_OK ? draw_pairs(f) : status;
}
