/* Items of data sets, shown to whoever counts something on them; and what networks that classify are tested on. */
#include "front/front.h"

/* ---- showing ---- */

static gan_status put_rows(gan_tensor *all, int64_t first, const gan_tensor *rows) {
    gan_tensor *part = NULL;
    gan_status status = gan_tensor_slice(&part, all, 0, first, gan_tensor_shape(rows).size[0]);
    if (status == GAN_OK) status = gan_tensor_copy(part, rows);
    gan_tensor_release(part);
    return status;
}

/* seen->count items of a loader, some batches of it. */
static gan_status gather(front *f, gan_loader *loader, front_seen *seen) {
    gan_status status = GAN_OK;
    for (int64_t done = 0; done < seen->count && status == GAN_OK;) {
        gan_tensor *images, *labels;
        status = gan_loader_next(loader, &images, &labels);
        if (status != GAN_OK) return status;
        gan_shape shape = gan_tensor_shape(images);
        const int64_t batch = shape.size[0];
        shape.size[0] = seen->count;
        if (done == 0) status = gan_tensor_create(&seen->images, f->context, gan_tensor_dtype(images), shape);
        if (done == 0 && status == GAN_OK)
            status = gan_tensor_create(&seen->labels, f->context, GAN_I32, gan_shape_1d(seen->count));
        if (status == GAN_OK) status = put_rows(seen->images, done, images);
        if (status == GAN_OK) status = put_rows(seen->labels, done, labels);
        done += batch;
    }
    return status;
}

gan_status front_show(front *f, gan_dataset *data, const gan_loader_options *how, int64_t first, int64_t count,
                      front_looker *look, void *user) {
    gan_loader *loader = NULL;
    gan_loader_options l = *how;
    /* An epoch ends with its last whole batch, and a place in it is one between batches: these have to fit. */
    while (count % l.batch_size != 0 || first % l.batch_size != 0) l.batch_size--;
    const int64_t most = how->batch_size / l.batch_size * l.batch_size;
    gan_status status = gan_loader_create(&loader, data, &l);
    if (status == GAN_OK) status = gan_loader_set_position(loader, first / l.batch_size);
    for (int64_t done = 0; done < count && status == GAN_OK; done += most) {
        front_seen seen = {.dataset = data, .first = first + done, .count = count - done < most ? count - done : most};
        status = gather(f, loader, &seen);
        if (status == GAN_OK) status = look(f, user, &seen);
        gan_tensor_release(seen.images);
        gan_tensor_release(seen.labels);
    }
    gan_loader_release(loader);
    return status;
}

/* ---- what is tested on ---- */

gan_status front_open_test(const front *f, gan_dataset **out) {
    gan_folder_options folder;
    gan_folder_options_init(&folder);
    folder.size = f->options.size;
    return gan_dataset_open(out, f->context, f->options.test, &folder);
}

static gan_status open_digits(const front *f, gan_dataset **out) {
    gan_digits_options d;
    gan_digits_options_init(&d);
    d.count = 10000;
    d.size = f->options.size;
    d.seed = 1;
    return gan_digits_create(out, f->context, &d);
}

static gan_status open_judged(front *f, gan_dataset **out, const char **whose, int32_t *trained) {
    *trained = 0;
    if (f->options.test != NULL) {
        *whose = f->options.test;
        return front_open_test(f, out);
    }
    if (f->preset->own_data == FRONT_OWN && f->program->open_test != NULL) {
        *whose = "others of their kind";
        return f->program->open_test(f, out);
    }
    if (f->options.data == NULL && f->preset->own_data == FRONT_IMAGES) {
        *whose = "other built-in digits";
        return open_digits(f, out);
    }
    *whose = f->options.data != NULL ? f->options.data : "the built-in set";
    *trained = 1;
    *out = gan_dataset_retain(f->dataset);
    return GAN_OK;
}

gan_status front_look(front *f, front_looker *look, void *user, const char **whose, int32_t *trained) {
    gan_dataset *data = NULL;
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = 100;
    l.shuffle = 0;
    l.dtype = f->dtype;
    l.low = f->low;
    l.high = f->high;
    gan_status status = open_judged(f, &data, whose, trained);
    if (status == GAN_OK) status = front_show(f, data, &l, 0, gan_dataset_count(data), look, user);
    gan_dataset_release(data);
    return status;
}

typedef struct tally {
    gan_model *model;
    int64_t right, count;
} tally;

static gan_status count_batch(front *f, void *user, const front_seen *seen) {
    (void)f;
    tally *t = user;
    gan_tensor *logits = NULL;
    gan_status status = gan_model_generate(&logits, t->model, seen->images);
    if (status != GAN_OK) return status;
    const int64_t classes = gan_tensor_shape(logits).size[1];
    for (int64_t i = 0; i < seen->count; i++)
        t->right += front_largest(logits, i, classes) == (int64_t)gan_tensor_item(seen->labels, i);
    t->count += seen->count;
    gan_tensor_release(logits);
    return GAN_OK;
}

gan_status front_count_right(front *f, gan_model *model, int64_t *right, int64_t *count, const char **whose,
                             int32_t *trained) {
    tally t = {.model = model};
    gan_status status = front_look(f, count_batch, &t, whose, trained);
    *right = t.right;
    *count = t.count;
    return status;
}
