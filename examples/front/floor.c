/* What the best of generators would have: how far real images are from other real ones. A few odd images decide about a
 * single choice of two sets, so it is the mean over many. */
#include "front/front.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEED 20141203
#define CHOICES 100
#define MOST_DIMENSIONS 128 /* more take long: */
#define FEW_CHOICES 10
#define MOST_IMAGES 100000

typedef struct choice {
    int64_t images, count, dimension, *order;
    gan_tensor *vectors; /* of all images */
    gan_tensor *portion, *chance;
    gan_features *seen, *sides[2]; /* the first `count` of the order are one side, those behind them the other */
} choice;

/* ---- all images ---- */

static gan_status add_seen(front *f, void *user, const front_seen *seen) {
    (void)f;
    choice *c = user;
    gan_tensor *part = NULL, *rows = NULL;
    gan_features_reset(c->seen);
    gan_status status = gan_features_add(c->seen, seen->images);
    if (status == GAN_OK) status = gan_features_vectors(&part, c->seen, 0, seen->count);
    if (status == GAN_OK) status = gan_tensor_slice(&rows, c->vectors, 0, seen->first, seen->count);
    if (status == GAN_OK) status = gan_tensor_copy(rows, part);
    gan_tensor_release(part);
    gan_tensor_release(rows);
    return status;
}

/* Of very many the first of an epoch. Where they are all, they do not hang on the run's seed. */
static gan_status look_at_all(front *f, choice *c) {
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = FRONT_PORTION;
    l.shuffle = c->images < gan_dataset_count(f->dataset);
    return front_show(f, f->dataset, &l, 0, c->images, add_seen, c);
}

static gan_status begin(front *f, choice *c) {
    gan_features_options moments;
    gan_features_options_init(&moments);
    moments.keep = 0;
    c->images = gan_dataset_count(f->dataset);
    if (c->images > MOST_IMAGES) c->images = 2 * c->count > MOST_IMAGES ? 2 * c->count : MOST_IMAGES;
    c->dimension = gan_features_dimension(c->seen);
    c->order = malloc((size_t)c->images * sizeof *c->order);
    gan_status status = c->order == NULL ? GAN_E_MEMORY : GAN_OK;
    for (int side = 0; side < 2 && status == GAN_OK; side++)
        status = gan_features_create(&c->sides[side], f->context, "real images", c->dimension, &moments);
    if (status == GAN_OK)
        status = gan_tensor_create(&c->portion, f->context, GAN_F64, gan_shape_2d(FRONT_PORTION, c->dimension));
    if (status == GAN_OK) status = gan_tensor_create(&c->chance, f->context, GAN_F64, gan_shape_1d(c->images));
    if (status == GAN_OK)
        status = gan_tensor_create(&c->vectors, f->context, GAN_F64, gan_shape_2d(c->images, c->dimension));
    return status == GAN_OK ? look_at_all(f, c) : status;
}

static void end(choice *c) {
    free(c->order);
    gan_tensor_release(c->vectors);
    gan_tensor_release(c->portion);
    gan_tensor_release(c->chance);
    for (int side = 0; side < 2; side++) gan_features_release(c->sides[side]);
}

/* ---- one choice ---- */

static void shuffle(choice *c) {
    for (int64_t i = 0; i < c->images; i++) c->order[i] = i;
    for (int64_t i = c->images - 1; i > 0; i--) {
        int64_t k = (int64_t)(gan_tensor_item(c->chance, i) * (double)(i + 1)), kept = c->order[i];
        c->order[i] = c->order[k];
        c->order[k] = kept;
    }
}

static gan_status fill_side(const choice *c, int side) {
    gan_status status = GAN_OK;
    const double *vectors = gan_tensor_const_data(c->vectors);
    gan_features_reset(c->sides[side]);
    for (int64_t done = 0; done < c->count && status == GAN_OK; done += FRONT_PORTION) {
        int64_t some = c->count - done < FRONT_PORTION ? c->count - done : FRONT_PORTION;
        gan_tensor *rows = NULL;
        status = gan_tensor_slice(&rows, c->portion, 0, 0, some);
        for (int64_t i = 0; i < some && status == GAN_OK; i++)
            memcpy((double *)gan_tensor_data(rows) + i * c->dimension,
                   vectors + c->order[side * c->count + done + i] * c->dimension,
                   (size_t)c->dimension * sizeof *vectors);
        if (status == GAN_OK) status = gan_features_add(c->sides[side], rows);
        gan_tensor_release(rows);
    }
    return status;
}

static gan_status measure(choice *c, int number, double *distance) {
    gan_score score;
    gan_score_init(&score);
    gan_status status = gan_tensor_fill_uniform(c->chance, 0, 1, SEED, FRONT_STREAM_CHOICES, (uint64_t)number << 32);
    if (status == GAN_OK) shuffle(c);
    for (int side = 0; side < 2 && status == GAN_OK; side++) status = fill_side(c, side);
    if (status == GAN_OK) status = gan_frechet_distance(&score, c->sides[0], c->sides[1]);
    *distance = score.value;
    return status;
}

gan_status front_measure_floor(front *f, gan_features *features, int64_t count, front_floor *out) {
    choice c = {.count = count, .seen = features};
    double sum = 0, squares = 0, distance;
    gan_status status = begin(f, &c);
    const int choices = c.dimension > MOST_DIMENSIONS ? FEW_CHOICES : CHOICES;
    for (int i = 0; i < choices && status == GAN_OK; i++) {
        status = measure(&c, i, &distance);
        sum += distance;
        squares += distance * distance;
    }
    end(&c);
    *out = (front_floor){.mean = sum / choices,
                         .deviation = sqrt(fmax(squares - sum * sum / choices, 0) / (choices - 1)),
                         .images = c.images,
                         .choices = choices};
    return status;
}
