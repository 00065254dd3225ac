/* The images that networks which classify are tested on. */
#include "front/front.h"

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
    gan_loader *loader = NULL;
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.shuffle = 0;
    l.dtype = f->dtype;
    l.low = f->low;
    l.high = f->high;
    gan_status status = open_judged(f, &data, whose, trained);
    if (status != GAN_OK) return status;
    int64_t count = gan_dataset_count(data);
    for (l.batch_size = 100; count % l.batch_size != 0;) l.batch_size--;
    status = gan_loader_create(&loader, data, &l);
    for (int64_t i = 0; i < count && status == GAN_OK; i += l.batch_size) {
        front_seen seen = {.dataset = data, .first = i, .count = l.batch_size};
        status = gan_loader_next(loader, &seen.images, &seen.labels);
        if (status == GAN_OK) status = look(f, user, &seen);
    }
    gan_loader_release(loader);
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
