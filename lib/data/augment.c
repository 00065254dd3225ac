#include "data/augment.h"

#include "base/rng.h"

/* floor(lane * count / 2^32): each of a few values is equally likely to within 2^-32 */
static int64_t choose(uint32_t lane, int64_t count) { return (int64_t)(((uint64_t)lane * (uint64_t)count) >> 32); }

gani_window gani_window_draw(uint64_t seed, uint64_t fingerprint, int64_t epoch, int64_t index, int32_t flip,
                             int64_t padding) {
    uint32_t lanes[4];
    gani_philox(seed, GAN_STREAM_AUGMENT + (((uint64_t)epoch + 1) << 32), fingerprint + (uint64_t)index, lanes);
    gani_window window = {0, 0, 0};
    if (flip) window.mirrored = (int32_t)(lanes[0] >> 31);
    window.down = choose(lanes[1], 2 * padding + 1) - padding;
    window.right = choose(lanes[2], 2 * padding + 1) - padding;
    return window;
}

void gani_element_map_set(gani_element_map *map, gan_dtype from, gan_dtype to, double low, double high) {
    map->from = from;
    map->to = to;
    map->low = low;
    for (int i = 0; i < 256; i++) {
        double value = i == 255 ? high : low + i * (high - low) / 255;
        if (to == GAN_F64)
            map->table.f64[i] = value;
        else
            map->table.f32[i] = (float)value;
    }
}

/* One body for all pairs of types: VALUE makes an element of `in[k]`. */
#define DEFINE_APPLY(NAME, IN, OUT, VALUE)                                                                             \
    static void NAME(const gani_element_map *map, const gani_window *window, int64_t planes, int64_t height,           \
                     int64_t width, const IN *item, OUT *out) {                                                        \
        OUT outside = (OUT)map->low;                                                                                   \
        int64_t begin = window->right < 0 ? -window->right : 0;                                                        \
        int64_t end = window->right > 0 ? width - window->right : width;                                               \
        int64_t step = window->mirrored ? -1 : 1;                                                                      \
        for (int64_t plane = 0; plane < planes; plane++)                                                               \
            for (int64_t y = 0; y < height; y++, out += width) {                                                       \
                int64_t from = y + window->down;                                                                       \
                int64_t inside = from >= 0 && from < height;                                                           \
                const IN *in = item + (plane * height + (inside ? from : 0)) * width;                                  \
                OUT *at = window->mirrored ? out + width - 1 : out;                                                    \
                int64_t first = inside ? begin : width, last = inside ? end : width;                                   \
                for (int64_t x = 0; x < first; x++, at += step) *at = outside;                                         \
                for (int64_t k = first + window->right; k < last + window->right; k++, at += step) *at = VALUE;        \
                for (int64_t x = last; x < width; x++, at += step) *at = outside;                                      \
            }                                                                                                          \
    }

DEFINE_APPLY(apply_u8_f32, uint8_t, float, map->table.f32[in[k]])
DEFINE_APPLY(apply_u8_f64, uint8_t, double, map->table.f64[in[k]])
DEFINE_APPLY(apply_f32_f32, float, float, in[k])
DEFINE_APPLY(apply_f32_f64, float, double, (double)in[k])
DEFINE_APPLY(apply_f64_f32, double, float, (float)in[k])
DEFINE_APPLY(apply_f64_f64, double, double, in[k])

void gani_window_apply(const gani_element_map *map, const gani_window *window, int64_t planes, int64_t height,
                       int64_t width, const void *item, void *out) {
    int wide = map->to == GAN_F64;
    if (map->from == GAN_U8 && !wide) apply_u8_f32(map, window, planes, height, width, item, out);
    if (map->from == GAN_U8 && wide) apply_u8_f64(map, window, planes, height, width, item, out);
    if (map->from == GAN_F32 && !wide) apply_f32_f32(map, window, planes, height, width, item, out);
    if (map->from == GAN_F32 && wide) apply_f32_f64(map, window, planes, height, width, item, out);
    if (map->from == GAN_F64 && !wide) apply_f64_f32(map, window, planes, height, width, item, out);
    if (map->from == GAN_F64 && wide) apply_f64_f64(map, window, planes, height, width, item, out);
}
