#include "veegan/stacks.h"

#include <stdlib.h>

enum { COUNT = 128000, JUDGED = 26000, TRIPLES = 1000 };

/* ---- data ---- */

typedef struct stacks {
    gan_dataset *digits;
    size_t bytes; /* of a digit */
    int64_t (*of)[3];
} stacks;

static gan_status read_stack(void *user, int64_t index, void *item, int32_t *label) {
    const stacks *s = user;
    (void)label;
    for (int i = 0; i < 3; i++) {
        gan_status status =
            gan_dataset_read(s->digits, s->of[index][i], (char *)item + (size_t)i * s->bytes, s->bytes, NULL);
        if (status != GAN_OK) return status;
    }
    return GAN_OK;
}

static void release_stacks(void *user) {
    stacks *s = user;
    gan_dataset_release(s->digits);
    free(s->of);
    free(s);
}

/* Which digits: any, of the seed alone. */
static gan_status choose(const front *f, stacks *s) {
    gan_tensor *numbers = NULL;
    gan_status status = gan_tensor_create(&numbers, f->context, GAN_F64, gan_shape_2d(COUNT, 3));
    if (status == GAN_OK) status = gan_tensor_fill_uniform(numbers, 0, 1, f->options.seed, FRONT_STREAM_STACKS, 0);
    const double count = (double)gan_dataset_count(s->digits);
    for (int64_t i = 0; i < COUNT && status == GAN_OK; i++)
        for (int64_t k = 0; k < 3; k++) s->of[i][k] = (int64_t)(count * gan_tensor_item(numbers, 3 * i + k));
    gan_tensor_release(numbers);
    return status;
}

gan_status stacks_open(front *f, gan_dataset **out) {
    stacks *s = calloc(1, sizeof *s);
    if (s == NULL) return GAN_E_MEMORY;
    s->of = malloc(COUNT * sizeof *s->of);
    gan_status status = s->of == NULL ? GAN_E_MEMORY : front_open_images(f, &s->digits);
    gan_callback_dataset description;
    gan_callback_dataset_init(&description);
    if (status == GAN_OK) {
        gan_shape shape = gan_dataset_shape(s->digits);
        s->bytes = (size_t)gan_shape_count(shape);
        if (shape.size[0] != 1) status = front_refuse(f, "--data: stacks are made of images with one channel");
        shape.size[0] = 3;
        description.shape = shape;
    }
    if (status == GAN_OK) status = choose(f, s);
    if (status == GAN_OK) {
        description.count = COUNT;
        description.read = read_stack;
        description.release = release_stacks;
        description.user = s;
        description.fingerprint = gan_dataset_fingerprint(s->digits) + f->options.seed;
        status = gan_callback_dataset_create(out, f->context, &description);
    }
    if (status != GAN_OK) release_stacks(s);
    return status;
}

/* ---- judging ---- */

/* The triple of each stack: 100 a + 10 b + c. */
static gan_status classify(const front *f, const gan_tensor *made, int32_t *labels) {
    const gan_shape shape = gan_tensor_shape(made);
    const int64_t count = shape.size[0], pixels = shape.size[2] * shape.size[3];
    gan_tensor *single = NULL, *logits = NULL;
    gan_status status =
        gan_tensor_create(&single, f->context, GAN_F32, gan_shape_4d(3 * count, 1, shape.size[2], shape.size[3]));
    for (int64_t i = 0; i < 3 * count * pixels && status == GAN_OK; i++)
        ((float *)gan_tensor_data(single))[i] = (float)front_to_judge(f, gan_tensor_item(made, i));
    if (status == GAN_OK) status = gan_model_generate(&logits, f->judge, single);
    for (int64_t i = 0; i < count && status == GAN_OK; i++) {
        labels[i] = 0;
        for (int64_t k = 0; k < 3; k++) {
            labels[i] = 10 * labels[i] + (int32_t)front_largest(logits, 3 * i + k, 10);
        }
    }
    gan_tensor_release(logits);
    gan_tensor_release(single);
    return status;
}

/* The next stacks: samples, or real ones if there is a loader. */
static gan_status take(front *f, gan_loader *loader, int64_t done, gan_tensor **out) {
    if (loader == NULL) return gan_model_sample(out, f->model, FRONT_PORTION, 1 + (uint64_t)done);
    gan_tensor *batch;
    gan_status status = gan_loader_next(loader, &batch, NULL);
    return status == GAN_OK ? gan_tensor_slice(out, batch, 0, 0, FRONT_PORTION) : status;
}

static gan_status count_triples(front *f, gan_loader *loader, const char *whose) {
    gan_tensor *labels = NULL, *part = NULL;
    gan_modes modes;
    gan_modes_init(&modes);
    gan_status status = gan_tensor_create(&labels, f->context, GAN_I32, gan_shape_1d(JUDGED));
    for (int64_t done = 0; done < JUDGED && status == GAN_OK; done += FRONT_PORTION) {
        status = take(f, loader, done, &part);
        if (status == GAN_OK) status = classify(f, part, (int32_t *)gan_tensor_data(labels) + done);
        gan_tensor_release(part);
        part = NULL;
    }
    if (status == GAN_OK) status = gan_count_classes(&modes, NULL, labels, TRIPLES);
    if (status == GAN_OK)
        front_say(f, "%lld of %d triples of digits, KL to uniform %.4f nats (%d %s, seen by %s)",
                  (long long)modes.modes, TRIPLES, modes.divergence, JUDGED, whose, f->options.judge);
    gan_tensor_release(labels);
    return status;
}

gan_status stacks_judge(front *f) {
    if (f->options.judge_count == 0) return GAN_OK;
    gan_loader *loader = NULL;
    gan_status status = count_triples(f, NULL, "samples, seeds from 1");
    if (status == GAN_OK) status = front_make_loader(f, f->dataset, FRONT_PORTION, &loader);
    if (status == GAN_OK) status = count_triples(f, loader, "real stacks");
    gan_loader_release(loader);
    return status;
}
