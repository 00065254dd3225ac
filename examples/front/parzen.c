/* The likelihood of test images under a Parzen window of samples, by the protocol of Goodfellow et al. 2014: pixels in
 * [0, 1]; 10,000 samples; sigma, one of ten from 0.1 to 1, is the best for the first 1,000 of the images held out, or,
 * if none are, of the training data. */
#include "front/front.h"

#define SAMPLES 10000
#define VALIDATION 1000
#define SEED 20140610

typedef struct windows {
    gan_features *samples, *reals, *validation, *test;
} windows;

/* Images of values low to high, as vectors. */
static gan_status add(const front *f, gan_features *set, gan_tensor *images, double low, double high) {
    gan_tensor *wide = NULL, *flat = NULL;
    gan_shape shape = gan_tensor_shape(images);
    gan_status status = gan_tensor_create(&wide, f->context, GAN_F64, shape);
    if (status == GAN_OK) status = gan_tensor_copy(wide, images);
    if (status != GAN_OK) return status;
    double *values = gan_tensor_data(wide);
    for (int64_t i = 0; i < gan_shape_count(shape); i++) values[i] = (values[i] - low) / (high - low);
    status = gan_tensor_reshape(&flat, wide, gan_shape_2d(shape.size[0], gan_shape_count(shape) / shape.size[0]));
    if (status == GAN_OK) status = gan_features_add(set, flat);
    gan_tensor_release(flat);
    gan_tensor_release(wide);
    return status;
}

static gan_status add_samples(front *f, gan_features *set) {
    gan_status status = GAN_OK;
    for (int64_t done = 0; done < SAMPLES && status == GAN_OK; done += FRONT_PORTION) {
        gan_tensor *images = NULL;
        status = gan_model_sample(&images, f->model, FRONT_PORTION, SEED + (uint64_t)(done / FRONT_PORTION));
        if (status == GAN_OK) status = add(f, set, images, f->low, f->high);
        gan_tensor_release(images);
    }
    return status;
}

static gan_status add_seen(front *f, void *user, const front_seen *seen) { return add(f, user, seen->images, 0, 1); }

/* `count` images of a data set, from `first` on, in its order. */
static gan_status add_images(gan_features *set, front *f, gan_dataset *data, int64_t first, int64_t count) {
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = FRONT_PORTION;
    l.shuffle = 0;
    l.low = 0;
    l.dtype = f->dtype;
    return front_show(f, data, &l, first, count, add_seen, set);
}

static gan_status say(const front *f, const windows *w, const gan_features *centres, const char *whose) {
    gan_score score;
    gan_score_init(&score);
    double sigma = 0;
    gan_status status = gan_parzen_sigma(&sigma, w->validation, centres, NULL);
    if (status == GAN_OK) status = gan_parzen_likelihood(&score, w->test, centres, sigma);
    if (status == GAN_OK)
        front_say(
            f,
            "Parzen log likelihood %.1f +- %.1f nats of %lld images of %s, under %lld %s, sigma %.3f (by %lld images "
            "%s; pixels in [0, 1], seed %d)",
            score.value, score.error, (long long)gan_features_count(w->test), f->options.test,
            (long long)gan_features_count(centres), whose, sigma, (long long)gan_features_count(w->validation),
            f->held_out != NULL ? "held out" : "of the training data", SEED);
    return status;
}

gan_status front_say_parzen(front *f) {
    windows w = {NULL, NULL, NULL, NULL};
    gan_features **const sets[] = {&w.samples, &w.reals, &w.validation, &w.test};
    gan_dataset *test = NULL;
    int64_t pixels = gan_shape_count(f->image), count = gan_dataset_count(f->dataset);
    int64_t validation = count > 2 * VALIDATION ? VALIDATION : count / 2, first = validation;
    gan_dataset *chosen_by = f->dataset;
    if (f->held_out != NULL) {
        chosen_by = f->held_out;
        validation = gan_dataset_count(chosen_by) < VALIDATION ? gan_dataset_count(chosen_by) : VALIDATION;
        first = 0;
    }
    int64_t reals = count - first < SAMPLES ? count - first : SAMPLES;
    gan_status status = front_open_test(f, &test);
    for (int i = 0; i < 4 && status == GAN_OK; i++)
        status = gan_features_create(sets[i], f->context, "pixels in [0, 1]", pixels, NULL);
    if (status == GAN_OK) status = add_samples(f, w.samples);
    if (status == GAN_OK) status = add_images(w.validation, f, chosen_by, 0, validation);
    if (status == GAN_OK) status = add_images(w.reals, f, f->dataset, first, reals);
    if (status == GAN_OK) status = add_images(w.test, f, test, 0, gan_dataset_count(test));
    if (status == GAN_OK) status = say(f, &w, w.samples, "samples");
    if (status == GAN_OK) status = say(f, &w, w.reals, "real images instead");
    for (int i = 0; i < 4; i++) gan_features_release(*sets[i]);
    gan_dataset_release(test);
    return status;
}
