/* Handwritten-like digits: pen strokes with random control points, slant, width, proportions and place. An item is a
 * pure function of (seed, index); it is drawn whenever it is read, which takes about as long as inflating it would. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/digit_shapes.h"
#include "io/stroke.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* the same image on every machine: see stroke.c */
#endif

#define PARTS 4
#define MAX_SIZE 64
#define STREAM                                                                                                         \
    0x64696769747331ull /* "digits1": to be changed with any change of the images; the fingerprint contains it */
#define BLOCKS 32       /* random blocks set aside for an item */

#define SLANT_LIMIT 0.35 /* radians */
#define WIDTH_LOW 1.6    /* pixels of a 28-pixel image */
#define WIDTH_HIGH 3.6

typedef struct digits {
    gan_dataset base;
    uint64_t seed;
} digits;

typedef struct dice {
    uint64_t seed, index;
    uint32_t lanes[4];
    int32_t used;
} dice;

static uint32_t roll(dice *d) {
    if (d->used == 4) {
        gani_philox(d->seed, STREAM, d->index++, d->lanes);
        d->used = 0;
    }
    return d->lanes[d->used++];
}

static double between(dice *d, double low, double high) { return low + (high - low) * ((roll(d) + 0.5) * 0x1p-32); }

/* About normal with the given deviation, at most 2.45 of them: the sum of two uniform numbers. */
static double wobble(dice *d, double deviation) {
    uint32_t bits = roll(d);
    double sum = (double)(bits & 0xffff) + (double)(bits >> 16) - 65535.0;
    return deviation * 2.4494897 / 65536.0 * sum;
}

/* tan by its series, for |a| < 0.5: the C library's differs between machines in the last bit */
static double small_tan(double a) {
    double s = a * a;
    return a * (1 + s * (1.0 / 3 + s * (2.0 / 15 + s * (17.0 / 315 + s * (62.0 / 2835)))));
}

static dice start_item(const digits *set, int64_t index, double *slant, double *width) {
    dice d = {set->seed, (uint64_t)index * BLOCKS, {0, 0, 0, 0}, 4};
    *slant = between(&d, -SLANT_LIMIT, SLANT_LIMIT);
    *width = between(&d, WIDTH_LOW, WIDTH_HIGH);
    return d;
}

/* The strokes in pixels of a 28-pixel image. */
static int32_t write_digit(dice *d, int32_t digit, double slant, double width, gani_segment *segments) {
    int32_t count;
    const gani_pen_point *shape = gani_digit_shape(digit, roll(d) >> 8, &count);
    double x[GANI_DIGIT_POINTS], y[GANI_DIGIT_POINTS];
    uint8_t kind[GANI_DIGIT_POINTS];
    double stretch = between(d, 0.80, 1.22), bend = wobble(d, 0.06), top = wobble(d, 0.10), lean = wobble(d, 0.05);
    double shear = small_tan(slant);
    double low_x = 1e9, high_x = -1e9, low_y = 1e9, high_y = -1e9;
    for (int32_t i = 0; i < count; i++) {
        double u = shape[i].x * 0.01 + wobble(d, 0.040) - 0.33, v = shape[i].y * 0.01 + wobble(d, 0.034) - 0.5;
        u = stretch * u * (1 - top * v) + bend * (4 * v * v - 0.5); /* wider above or below; bowed */
        v += lean * u;                                              /* the line it is written on climbs or falls */
        x[i] = u - shear * v;
        y[i] = v;
        kind[i] = shape[i].kind;
    }
    int32_t made = gani_stroke_flatten(x, y, kind, count, PARTS, GANI_CURVE_HAND, segments);
    for (int32_t i = 0; i < made; i++) {
        const gani_segment *s = &segments[i];
        low_x = fmin(low_x, fmin(s->x0, s->x1));
        high_x = fmax(high_x, fmax(s->x0, s->x1));
        low_y = fmin(low_y, fmin(s->y0, s->y1));
        high_y = fmax(high_y, fmax(s->y0, s->y1));
    }
    /* ink fits a box of about 20 pixels, as in MNIST, whatever the pen's width */
    double height = between(d, 18.0, 21.0) - width, breadth = 20.5 - width;
    double scale = fmin(height / (high_y - low_y), breadth / fmax(high_x - low_x, 0.01));
    double move_x = 14 - 0.5 * scale * (low_x + high_x) + between(d, -1.5, 1.5);
    double move_y = 14 - 0.5 * scale * (low_y + high_y) + between(d, -1.5, 1.5);
    for (int32_t i = 0; i < made; i++) {
        gani_segment *s = &segments[i];
        *s = (gani_segment){scale * s->x0 + move_x, scale * s->y0 + move_y, scale * s->x1 + move_x,
                            scale * s->y1 + move_y};
    }
    return made;
}

/* Squared distance to the nearest stroke, for the pixels near one segment. */
static void stamp(float *distance, int32_t size, const gani_segment *s, float reach) {
    float ax = (float)s->x0, ay = (float)s->y0, dx = (float)(s->x1 - s->x0), dy = (float)(s->y1 - s->y0);
    float length2 = dx * dx + dy * dy, inverse = length2 > 0 ? 1 / length2 : 0;
    float left = fminf(ax, ax + dx) - reach, right = fmaxf(ax, ax + dx) + reach;
    float top = fminf(ay, ay + dy) - reach, bottom = fmaxf(ay, ay + dy) + reach;
    int32_t x0 = left < 0.5f ? 0 : (int32_t)(left - 0.5f), x1 = right > (float)size ? size : (int32_t)(right + 0.5f);
    int32_t y0 = top < 0.5f ? 0 : (int32_t)(top - 0.5f), y1 = bottom > (float)size ? size : (int32_t)(bottom + 0.5f);
    for (int32_t y = y0; y < y1; y++) {
        float *row = distance + y * size;
        float py = (float)y + 0.5f - ay;
        for (int32_t x = x0; x < x1; x++) {
            float px = (float)x + 0.5f - ax;
            float t = (px * dx + py * dy) * inverse;
            t = t < 0 ? 0 : t;
            t = t > 1 ? 1 : t;
            float ex = px - t * dx, ey = py - t * dy;
            float d = ex * ex + ey * ey;
            row[x] = d < row[x] ? d : row[x];
        }
    }
}

static void draw(const gani_segment *segments, int32_t count, int32_t size, float radius, uint8_t *pixels) {
    float distance[MAX_SIZE * MAX_SIZE];
    float reach = radius + 0.6f; /* the edge is 1.2 pixels wide: a little softer than a box filter's, like ink */
    float far = reach * reach;
    for (int32_t i = 0; i < size * size; i++) distance[i] = far;
    for (int32_t i = 0; i < count; i++) stamp(distance, size, &segments[i], reach);
    for (int32_t i = 0; i < size * size; i++) {
        if (!(distance[i] < far)) {
            pixels[i] = 0;
            continue;
        }
        float cover = (reach - sqrtf(distance[i])) * (1 / 1.2f);
        pixels[i] = (uint8_t)(255 * (cover > 1 ? 1 : cover) + 0.5f);
    }
}

static int32_t class_of(int64_t index) { return (int32_t)(index % 10); }

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const digits *set = (const digits *)dataset;
    if (label != NULL) *label = class_of(index);
    if (item == NULL) return GAN_OK;
    gani_segment segments[GANI_DIGIT_POINTS * PARTS];
    double slant, width;
    dice d = start_item(set, index, &slant, &width);
    int32_t made = write_digit(&d, class_of(index), slant, width, segments);
    int32_t size = (int32_t)dataset->shape.size[1];
    double zoom = size / 28.0;
    for (int32_t i = 0; i < made; i++) {
        gani_segment *s = &segments[i];
        *s = (gani_segment){zoom * s->x0, zoom * s->y0, zoom * s->x1, zoom * s->y1};
    }
    draw(segments, made, size, (float)(0.5 * zoom * width), item);
    return GAN_OK;
}

/* "0" to "9", two bytes apart */
static const char *class_name(const gan_dataset *dataset, int32_t label) {
    (void)dataset;
    return &"0\0001\0002\0003\0004\0005\0006\0007\0008\0009"[2 * label];
}

static const gani_dataset_kind kind = {"digits", read_item, class_name, NULL, 1, 0};

gan_status gani_digits_create(gan_dataset **out, gan_context *context, const gan_digits_options *options) {
    digits *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    set->base.count = options->count;
    set->base.shape = gan_shape_3d(1, options->size, options->size);
    set->base.classes = 10;
    set->seed = options->seed;
    unsigned char key[16];
    for (int i = 0; i < 16; i++) key[i] = (unsigned char)((i < 8 ? set->seed : STREAM) >> (i % 8 * 8));
    set->base.fingerprint = gani_hash(gani_dataset_hash(&set->base), key, sizeof key);
    *out = &set->base;
    return GAN_OK;
}

int gani_is_digits(const gan_dataset *dataset) { return dataset->kind == &kind; }

void gani_digits_factors(const gan_dataset *dataset, int64_t index, double *slant, double *width) {
    double a, b;
    start_item((const digits *)dataset, index, &a, &b);
    if (slant != NULL) *slant = a;
    if (width != NULL) *width = b;
}
