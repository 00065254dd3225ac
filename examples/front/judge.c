/* How good the samples are: distances between sets of features of real and of generated images. */
#include "front/front.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ON_THE_WAY 2000 /* samples of front_measure at most */
#define SEED 20141203
#define POOLED 16 /* without a classifier, features are pixels, pooled to at most so many along an edge */

void front_say(const front *f, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    puts(line);
    FILE *file = front_file(f, "quality.txt", 1);
    if (file == NULL) return; /* it has been printed */
    fprintf(file, "step %lld: %s\n", (long long)gan_run_step(f->run), line);
    fclose(file);
}

typedef struct judgement {
    front *f;
    char name[GAN_FEATURES_NAME];
    int64_t count, dimension;
    gan_features *reals, *fakes, *untrained, *logits;
    /* Of a generator that is told the class: what it is asked for, the classes of other real images, as many. Classes
     * of a set are not equally frequent, and samples of classes that were would be further from it. Else NULL. */
    int32_t *asked;
    front_votes votes; /* on the fakes */
} judgement;

/* ---- features ---- */

static int64_t pooling(const front *f) {
    int64_t pool = 1;
    while (f->image.size[1] / pool > POOLED || f->image.size[2] / pool > POOLED) pool++;
    return pool;
}

/* Mean of pool x pool pixels. */
static gan_status pool_pixels(void *user, gan_tensor *images, gan_tensor *vectors) {
    const front *f = user;
    int64_t pool = pooling(f), h = f->image.size[1], w = f->image.size[2], rows = h / pool, columns = w / pool;
    double *out = gan_tensor_data(vectors);
    for (int64_t plane = 0; plane < gan_tensor_count(images) / (h * w); plane++)
        for (int64_t y = 0; y < rows; y++)
            for (int64_t x = 0; x < columns; x++) {
                double sum = 0;
                for (int64_t i = 0; i < pool * pool; i++)
                    sum += gan_tensor_item(images, (plane * h + y * pool + i / pool) * w + x * pool + i % pool);
                *out++ = sum / (double)(pool * pool);
            }
    return GAN_OK;
}

static gan_status make_features(judgement *j, gan_features **out, int32_t output) {
    gan_features_options options;
    gan_features_options_init(&options);
    options.output = output;
    if (j->f->judge != NULL) return gan_features_create_for_layer(out, gan_model_layer(j->f->judge), j->name, &options);
    options.extract = pool_pixels;
    options.user = j->f;
    return gan_features_create(out, j->f->context, j->name, j->dimension, &options);
}

/* FNV-1a over the bytes of the numbers, the lowest first on any machine. */
const char *front_digest(const gan_layer *layer, char text[9]) {
    uint32_t hash = 2166136261u;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const gan_tensor *tensor = gan_layer_tensor(layer, i);
        for (int64_t k = 0; k < gan_tensor_count(tensor); k++) {
            const float value = (float)gan_tensor_item(tensor, k);
            uint32_t bits;
            memcpy(&bits, &value, sizeof bits);
            for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ (bits >> shift & 255)) * 16777619u;
        }
    }
    snprintf(text, 9, "%08lx", (unsigned long)hash);
    return text;
}

/* The folder's name says more than model.safetensors, and the digest which of all that lay there. */
static void name_features(judgement *j) {
    const front *f = j->f;
    if (f->judge == NULL) {
        int64_t pool = pooling(f), rows = f->image.size[1] / pool, columns = f->image.size[2] / pool;
        j->dimension = f->image.size[0] * rows * columns;
        snprintf(j->name, sizeof j->name, "pixels %lldx%lldx%lld", (long long)f->image.size[0], (long long)rows,
                 (long long)columns);
        return;
    }
    const char *path = f->options.judge, *end = strrchr(path, '/'), *begin = end;
    if (end == NULL || end == path) {
        begin = path;
        end = path + strlen(path);
    }
    while (begin > path && begin[-1] != '/') begin--;
    char digest[9];
    int length = (int)(end - begin > 50 ? 50 : end - begin);
    snprintf(j->name, sizeof j->name, "%.*s %s", length, begin, front_digest(gan_model_layer(f->judge), digest));
    j->dimension = gan_shape_count(gan_layer_output_shape(gan_model_layer(f->judge), 1));
}

/* What is there to be tested on? */
static gan_status check_test(front *f) {
    gan_dataset *test = NULL;
    gan_status status = front_open_test(f, &test);
    if (status == GAN_OK && !gan_shape_equal(gan_dataset_shape(test), f->image))
        status =
            front_refuse(f, "--test: the images of '%s' have another size or other channels than those of the data",
                         f->options.test);
    if (status == GAN_OK && f->tested && gan_dataset_classes(test) != f->classes)
        status = front_refuse(f, "--test: '%s' has %ld classes, not the %lld of the data", f->options.test,
                              (long)gan_dataset_classes(test), (long long)f->classes);
    gan_dataset_release(test);
    return status;
}

gan_status front_open_judge(front *f) {
    gan_status status = f->options.test == NULL ? GAN_OK : check_test(f);
    if (status != GAN_OK || f->options.judge == NULL) return status;
    status = gan_model_load(&f->judge, f->context, f->options.judge);
    if (status != GAN_OK) return status;
    const gan_layer *layer = gan_model_layer(f->judge);
    if (gan_shape_equal(gan_layer_input_shape(layer, 0), f->judged) && gan_layer_output_count(layer) == 2 &&
        gan_shape_count(gan_layer_output_shape(layer, 0)) <= FRONT_MOST_CLASSES &&
        (f->judged_classes == 0 || gan_shape_count(gan_layer_output_shape(layer, 0)) == f->judged_classes))
        return GAN_OK;
    return front_refuse(f, "--judge: '%s' is no model of the classifier program for %lldx%lldx%lld", f->options.judge,
                        (long long)f->judged.size[0], (long long)f->judged.size[1], (long long)f->judged.size[2]);
}

/* ---- images ---- */

double front_to_judge(const front *f, double value) {
    double factor = 2 / (f->high - f->low), offset = -1 - f->low * factor;
    return value * factor + offset;
}

static void to_judges_range(const front *f, gan_tensor *images) {
    for (int64_t i = 0; i < gan_tensor_count(images); i++)
        front_put(images, i, front_to_judge(f, gan_tensor_item(images, i)));
}

static gan_status add_seen(front *f, void *user, const front_seen *seen) {
    (void)f;
    judgement *j = user;
    if (seen->first < j->count) return gan_features_add(j->reals, seen->images);
    for (int64_t i = 0; i < seen->count; i++)
        j->asked[seen->first - j->count + i] = (int32_t)gan_tensor_item(seen->labels, i);
    return GAN_OK;
}

/* All of one epoch, in its random order: the images that are compared are none of those whose classes are asked for. */
static gan_status add_reals(judgement *j) {
    const front *f = j->f;
    if (f->classes > 0 && !f->own_classes && gan_model_classes(f->model) == f->classes) {
        j->asked = malloc((size_t)j->count * sizeof *j->asked);
        if (j->asked == NULL) return GAN_E_MEMORY;
    }
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = FRONT_PORTION;
    gan_status status = front_show(j->f, f->dataset, &l, 0, j->count, add_seen, j);
    if (status == GAN_OK && j->asked != NULL)
        status = front_show(j->f, f->dataset, &l, j->count, j->count, add_seen, j);
    return status;
}

void front_count_votes(front_votes *votes, const gan_tensor *logits, const gan_tensor *labels) {
    int64_t classes = gan_tensor_shape(logits).size[1];
    for (int64_t i = 0; i < gan_tensor_shape(logits).size[0]; i++) {
        int64_t best = front_largest(logits, i, classes);
        double sum = 0;
        for (int64_t k = 0; k < classes; k++)
            sum += exp(gan_tensor_item(logits, i * classes + k) - gan_tensor_item(logits, i * classes + best));
        votes->count++;
        votes->seen[best]++;
        votes->confidence += 1 / sum;
        if (labels == NULL) continue;
        votes->asked_right += best == (int64_t)gan_tensor_item(labels, i);
        votes->asked++;
    }
}

int64_t front_rarest(const front_votes *votes, int64_t classes, double *share) {
    int64_t least = 0;
    for (int64_t k = 1; k < classes; k++)
        if (votes->seen[k] < votes->seen[least]) least = k;
    *share = 100.0 * (double)votes->seen[least] / (double)votes->count;
    return least;
}

static gan_status add_portion(judgement *j, gan_model *model, gan_features *features, gan_features *logits,
                              int64_t first, int64_t count) {
    gan_tensor *inputs[FRONT_MOST_INPUTS] = {NULL}, *images = NULL, *seen = NULL;
    int32_t input_count = gan_layer_input_count(gan_model_layer(model));
    gan_status status = gan_model_draw(inputs, model, count, SEED + (uint64_t)(first / FRONT_PORTION));
    if (status == GAN_OK && j->asked != NULL) status = gan_model_set_classes(model, inputs, j->asked + first, count);
    if (status == GAN_OK) status = gan_model_generate_many(&images, model, inputs, input_count);
    if (status == GAN_OK) to_judges_range(j->f, images);
    if (status == GAN_OK) status = gan_features_add(features, images);
    if (status == GAN_OK && logits != NULL) {
        status = gan_features_add(logits, images);
        if (status == GAN_OK) status = gan_model_generate(&seen, j->f->judge, images);
        const gan_tensor *labels = NULL;
        for (int32_t i = 0; i < input_count; i++)
            if (gan_model_input_kind(model, i) == GAN_INPUT_CLASS && !j->f->own_classes) labels = inputs[i];
        if (status == GAN_OK) front_count_votes(&j->votes, seen, labels);
    }
    gan_tensor_release(seen);
    gan_tensor_release(images);
    for (int32_t i = 0; i < input_count; i++) gan_tensor_release(inputs[i]);
    return status;
}

static gan_status add_fakes(judgement *j, gan_model *model, gan_features *features, gan_features *logits) {
    gan_status status = GAN_OK;
    for (int64_t done = 0; done < j->count && status == GAN_OK; done += FRONT_PORTION) {
        int64_t some = j->count - done < FRONT_PORTION ? j->count - done : FRONT_PORTION;
        status = add_portion(j, model, features, logits, done, some);
    }
    return status;
}

static gan_status add_untrained(judgement *j) {
    const front *f = j->f;
    gan_model *model;
    gan_status status = front_make_model(f, f->untrained, &model);
    if (status == GAN_OK) status = add_fakes(j, model, j->untrained, NULL);
    gan_model_release(model);
    return status;
}

/* ---- figures ---- */

static void say_score(const judgement *j, gan_score *score) {
    char text[256];
    if (!score->has_seed) { /* of the samples */
        score->has_seed = 1;
        score->seed = SEED;
    }
    if (gan_score_text(score, text, sizeof text) > 0) front_say(j->f, "%s", text);
}

static gan_status say_frechet(judgement *j) {
    gan_score score, begin;
    gan_features *seen = NULL;
    front_floor floor_of;
    gan_score_init(&score);
    gan_score_init(&begin);
    gan_status status = gan_frechet_distance(&score, j->reals, j->fakes);
    if (status == GAN_OK) status = gan_frechet_distance(&begin, j->reals, j->untrained);
    if (status == GAN_OK) status = make_features(j, &seen, 1);
    if (status == GAN_OK) status = front_measure_floor(j->f, seen, j->count, &floor_of);
    gan_features_release(seen);
    if (status != GAN_OK) return status;
    say_score(j, &score);
    front_say(j->f,
              "  %.4g of real images to other real ones (mean of %d choices among %lld, deviation %.2g), %.4g times "
              "that; %.4g before training; quality %.4f (%s, %lld real and %lld generated, seed %d)",
              floor_of.mean, floor_of.choices, (long long)floor_of.images, floor_of.deviation,
              score.value / floor_of.mean, begin.value, (begin.value - score.value) / (begin.value - floor_of.mean),
              j->name, (long long)j->count, (long long)j->count, SEED);
    return GAN_OK;
}

static gan_status say_classes(judgement *j) {
    gan_score score;
    gan_score_init(&score);
    gan_status status = gan_classifier_score(&score, j->logits, NULL);
    if (status != GAN_OK) return status;
    say_score(j, &score);
    const front_votes *votes = &j->votes;
    double share;
    int64_t least = front_rarest(votes, gan_features_dimension(j->logits), &share);
    front_say(j->f, "rarest class %lld with %.2f%% of the samples; mean confidence %.4f (%s, %lld generated, seed %d)",
              (long long)least, share, votes->confidence / (double)votes->count, j->name, (long long)votes->count,
              SEED);
    if (votes->asked > 0)
        front_say(j->f, "%.2f%% are of the class that was asked for (%lld of %lld; %s, seed %d)",
                  100.0 * (double)votes->asked_right / (double)votes->asked, (long long)votes->asked_right,
                  (long long)votes->asked, j->name, SEED);
    return GAN_OK;
}

static gan_status say_neighbours(judgement *j) {
    gan_score first, second;
    gan_score_init(&first);
    gan_score_init(&second);
    gan_status status = gan_precision_recall(&first, &second, j->reals, j->fakes, NULL);
    if (status != GAN_OK) return status;
    say_score(j, &first);
    say_score(j, &second);
    status = gan_density_coverage(&first, &second, j->reals, j->fakes, NULL);
    if (status != GAN_OK) return status;
    say_score(j, &first);
    say_score(j, &second);
    gan_kernel_distance_options kd;
    gan_kernel_distance_options_init(&kd);
    if (kd.subset_size > j->count / 2) kd.subset_size = j->count / 2; /* larger ones are nearly the same */
    status = gan_kernel_distance(&first, j->reals, j->fakes, &kd);
    if (status == GAN_OK) say_score(j, &first);
    return status;
}

static gan_status judge_all(judgement *j) {
    name_features(j);
    gan_status status = make_features(j, &j->reals, 1);
    if (status == GAN_OK) status = make_features(j, &j->fakes, 1);
    if (status == GAN_OK) status = make_features(j, &j->untrained, 1);
    if (status == GAN_OK && j->f->judge != NULL) status = make_features(j, &j->logits, 0);
    if (status == GAN_OK) status = add_reals(j);
    if (status == GAN_OK) status = add_fakes(j, j->f->model, j->fakes, j->logits);
    if (status == GAN_OK) status = add_untrained(j);
    if (status == GAN_OK) status = say_frechet(j);
    if (status == GAN_OK && j->f->judge != NULL) status = say_classes(j);
    if (status == GAN_OK && j->f->judge != NULL) status = say_neighbours(j);
    return status;
}

static int64_t count_to_judge(const front *f) {
    int64_t most = gan_dataset_count(f->dataset) / 2;
    return f->options.judge_count < most ? f->options.judge_count : most;
}

static gan_status judge_samples(front *f) {
    judgement j = {.f = f, .count = count_to_judge(f)};
    if (j.count < 10) {
        front_say(f, "Too few images to judge: --judge-count and half of the data must be 10 or more");
        return GAN_OK;
    }
    gan_status status = judge_all(&j);
    gan_features_release(j.reals);
    gan_features_release(j.fakes);
    gan_features_release(j.untrained);
    gan_features_release(j.logits);
    free(j.asked);
    return status;
}

gan_status front_judge(front *f) {
    if (f->options.judge_count == 0) return GAN_OK;
    gan_status status = judge_samples(f);
    return status == GAN_OK && f->options.test != NULL ? front_say_parzen(f) : status;
}

/* ---- on the way ---- */

static gan_status begin_measure(front *f) {
    judgement *j = calloc(1, sizeof *j);
    if (j == NULL) return GAN_E_MEMORY;
    f->measured = j;
    j->f = f;
    j->count = count_to_judge(f) < ON_THE_WAY ? count_to_judge(f) : ON_THE_WAY;
    name_features(j);
    gan_status status = make_features(j, &j->reals, 1);
    return status == GAN_OK ? add_reals(j) : status;
}

gan_status front_measure(front *f) {
    if (count_to_judge(f) < 10) return GAN_OK;
    gan_score score;
    gan_score_init(&score);
    gan_status status = f->measured == NULL ? begin_measure(f) : GAN_OK;
    if (status != GAN_OK) return status;
    judgement *j = f->measured;
    status = make_features(j, &j->fakes, 1);
    /* inside a step the run does not see to that */
    if (status == GAN_OK && f->ema != NULL) status = gan_model_update_statistics(f->model, j->count, SEED - 1);
    if (status == GAN_OK) status = add_fakes(j, f->model, j->fakes, NULL);
    if (status == GAN_OK) status = gan_frechet_distance(&score, j->reals, j->fakes);
    gan_features_release(j->fakes);
    j->fakes = NULL;
    if (status == GAN_OK) status = gan_run_report_value(f->run, "frechet", score.value);
    return status == GAN_OK ? front_draw_quality(f) : status;
}

void front_end_measure(front *f) {
    if (f->measured != NULL) {
        gan_features_release(f->measured->reals);
        free(f->measured->asked);
    }
    free(f->measured);
}
