#include "infogan/codes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CATEGORIES = CODES_CATEGORIES, MOST_LABELS = 10, COLUMNS = 10, FACTORS = 2 };

static gan_model *reader;
static int64_t continuous;

gan_status codes_set_reader(front *f, gan_layer *trunk, gan_layer *guesser, int64_t continuous_codes) {
    gan_layer *both = NULL;
    gan_model_options options;
    gan_model_options_init(&options);
    options.input = GAN_INPUT_IMAGE;
    continuous = continuous_codes;
    gan_builder *b = front_begin(f, f->image);
    gan_add_layer(b, trunk, "trunk");
    gan_add_layer(b, guesser, "q");
    gan_status status = gan_builder_end(&both, b);
    if (status == GAN_OK) status = gan_model_create(&reader, both, &options);
    gan_layer_release(both);
    return status;
}

void codes_release(void) { gan_model_release(reader); }

/* ---- what the categories are ---- */

/* Sums for the correlation of a code with a factor. */
typedef struct sums {
    double x, y, xx, yy, xy;
} sums;

typedef struct reading {
    int64_t seen[CATEGORIES][MOST_LABELS], count;
    sums with[CODES_MOST_CONTINUOUS][FACTORS];
    int32_t factors; /* 1: slants and widths of the images are known */
} reading;

static void add_factors(reading *r, const front_seen *seen, const gan_tensor *guesses, int64_t item) {
    double factor[FACTORS]; /* slant, width */
    gan_digits_factors(seen->dataset, seen->first + item, &factor[0], &factor[1]);
    for (int64_t k = 0; k < continuous; k++)
        for (int i = 0; i < FACTORS; i++) {
            double x = gan_tensor_item(guesses, item * gan_tensor_shape(guesses).size[1] + CATEGORIES + k);
            sums *s = &r->with[k][i];
            s->x += x;
            s->y += factor[i];
            s->xx += x * x;
            s->yy += factor[i] * factor[i];
            s->xy += x * factor[i];
        }
}

static gan_status look(front *f, void *user, const front_seen *seen) {
    (void)f;
    reading *r = user;
    gan_tensor *guesses = NULL;
    if (gan_dataset_classes(seen->dataset) > MOST_LABELS) return GAN_OK; /* more than there are categories */
    gan_status status = gan_model_generate(&guesses, reader, seen->images);
    if (status != GAN_OK) return status;
    r->factors = gan_digits_factors(seen->dataset, seen->first, NULL, NULL) == GAN_OK;
    for (int64_t i = 0; i < seen->count; i++) {
        int64_t label = (int64_t)gan_tensor_item(seen->labels, i);
        if (label < 0 || label >= MOST_LABELS) continue;
        r->seen[front_largest(guesses, i, CATEGORIES)][label]++;
        r->count++;
        if (r->factors) add_factors(r, seen, guesses, i);
    }
    gan_tensor_release(guesses);
    return GAN_OK;
}

/* Most images that are right when each category is taken for another label: over categories, the best for each set of
 * labels that are given away. */
static int64_t best_assignment(int64_t seen[CATEGORIES][MOST_LABELS], int of[CATEGORIES]) {
    enum { SETS = 1 << MOST_LABELS };
    static int64_t best[CATEGORIES + 1][SETS];
    static int choice[CATEGORIES + 1][SETS];
    for (int c = CATEGORIES - 1; c >= 0; c--)
        for (int set = 0; set < SETS; set++) {
            best[c][set] = -1;
            for (int label = 0; label < MOST_LABELS; label++) {
                if (set & 1 << label) continue;
                int64_t right = seen[c][label] + best[c + 1][set | 1 << label];
                if (right <= best[c][set]) continue;
                best[c][set] = right;
                choice[c][set] = label;
            }
            if (best[c][set] < 0) best[c][set] = 0; /* no label is left */
        }
    for (int c = 0, set = 0; c < CATEGORIES; c++) {
        of[c] = choice[c][set];
        set |= 1 << of[c];
    }
    return best[0][0];
}

static double correlation(const sums *s, int64_t count) {
    double n = (double)count, cov = s->xy - s->x * s->y / n;
    double vx = s->xx - s->x * s->x / n, vy = s->yy - s->y * s->y / n;
    return vx > 0 && vy > 0 ? cov / sqrt(vx * vy) : 0;
}

static gan_status say(front *f) {
    reading r = {.count = 0};
    const char *whose = "";
    int32_t trained = 0;
    gan_status status = front_look(f, look, &r, &whose, &trained);
    if (status != GAN_OK) return status;
    if (r.count == 0) return GAN_OK; /* no labels */
    int of[CATEGORIES];
    int64_t right = best_assignment(r.seen, of);
    char text[64] = "";
    for (int c = 0; c < CATEGORIES; c++) snprintf(text + strlen(text), sizeof text - strlen(text), " %d", of[c]);
    front_say(f, "categories 0 to %d taken for%s: %.2f%% wrong (%lld of %lld images of %s%s)", CATEGORIES - 1, text,
              100.0 * (double)(r.count - right) / (double)r.count, (long long)(r.count - right), (long long)r.count,
              whose, trained ? ", which it was trained on" : "");
    for (int64_t k = 0; k < continuous && r.factors; k++)
        front_say(f, "code %lld: correlation %.3f with the slant, %.3f with the stroke's width (%lld digits)",
                  (long long)k + 1, correlation(&r.with[k][0], r.count), correlation(&r.with[k][1], r.count),
                  (long long)r.count);
    return GAN_OK;
}

/* ---- pictures ---- */

/* Inputs of a sheet: noise as of the first item everywhere, a category a row, code `which` from -2 to 2 in each. */
static gan_status set_sweep(const front *f, gan_tensor **inputs, int64_t which) {
    int32_t rows[CATEGORIES * COLUMNS];
    for (int i = 0; i < CATEGORIES * COLUMNS; i++) rows[i] = i / COLUMNS;
    for (int64_t i = 0; i < CATEGORIES * COLUMNS; i++) {
        for (int64_t k = 0; k < f->options.latent_dim; k++)
            front_put(inputs[0], i * f->options.latent_dim + k, gan_tensor_item(inputs[0], k));
        for (int64_t k = 0; k < continuous; k++)
            front_put(inputs[1], i * continuous + k, k == which ? -2 + 4.0 * (double)(i % COLUMNS) / (COLUMNS - 1) : 0);
    }
    return gan_model_set_classes(f->model, inputs, rows, CATEGORIES * COLUMNS);
}

static gan_status draw_sweep(front *f, int64_t which) {
    gan_tensor *inputs[3] = {NULL}, *images = NULL;
    char path[FRONT_PATH_SIZE], name[FRONT_NAME_SIZE];
    gan_sheet_options sheet;
    gan_sheet_options_init(&sheet);
    sheet.columns = COLUMNS;
    sheet.zoom = 2;
    snprintf(name, sizeof name, "code-%lld.png", (long long)which + 1);
    gan_status status = gan_model_draw(inputs, f->model, CATEGORIES * COLUMNS, 0);
    if (status == GAN_OK) status = set_sweep(f, inputs, which);
    if (status == GAN_OK) status = gan_model_generate_many(&images, f->model, inputs, 3);
    if (status == GAN_OK) status = gan_model_sheet_write(f->model, images, front_path(f, name, path), &sheet);
    gan_tensor_release(images);
    for (int i = 0; i < 3; i++) gan_tensor_release(inputs[i]);
    return status;
}

gan_status codes_judge(front *f) {
    gan_status status = f->options.judge_count > 0 && (f->classes > 0 || f->options.test != NULL) ? say(f) : GAN_OK;
    for (int64_t k = 0; k < continuous && status == GAN_OK; k++) status = draw_sweep(f, k);
    return status;
}
