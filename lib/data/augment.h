/* What the loader does with an item on its way into a batch: a window, a mirror, numbers. */
#ifndef GANI_DATA_AUGMENT_H
#define GANI_DATA_AUGMENT_H

#include <gan/data.h>

/* Which part of the padded item is taken. Zeros: the item as it is. */
typedef struct gani_window {
    int64_t down, right; /* how far the window lies from the item's own place; negative: up, left */
    int32_t mirrored;    /* left and right exchanged after that */
} gani_window;

/* The window of an item in an epoch: a function of its arguments. */
gani_window gani_window_draw(uint64_t seed, uint64_t fingerprint, int64_t epoch, int64_t index, int32_t flip,
                             int64_t padding);

/* What elements become. */
typedef struct gani_element_map {
    gan_dtype from, to; /* u8, f32 or f64; f32 or f64 */
    double low;         /* what lies outside the item becomes this */
    union {
        float f32[256];
        double f64[256];
    } table; /* what bytes become */
} gani_element_map;

/* Bytes become low to high; numbers stay what they are. */
void gani_element_map_set(gani_element_map *map, gan_dtype from, gan_dtype to, double low, double high);

/* Converts planes x height x width elements seen through a window. */
void gani_window_apply(const gani_element_map *map, const gani_window *window, int64_t planes, int64_t height,
                       int64_t width, const void *item, void *out);

#endif
