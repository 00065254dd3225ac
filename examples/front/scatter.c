#include "front/scatter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EDGE 720
#define REALS 10000

typedef struct canvas {
    float *light; /* EDGE x EDGE x 3, of white paper */
    double extent;
} canvas;

/* A soft dot: it takes away some of the light of the other colours, less and less towards its rim. */
static void dot(const canvas *c, double x, double y, double radius, const float *colour, float strength) {
    double scale = EDGE / (2 * c->extent), at_x = (x + c->extent) * scale, at_y = (c->extent - y) * scale;
    int reach = (int)ceil(radius);
    if (!(at_x > -radius && at_x < EDGE + radius && at_y > -radius && at_y < EDGE + radius)) return;
    for (int i = -reach; i <= reach; i++)
        for (int k = -reach; k <= reach; k++) {
            int px = (int)floor(at_x) + k, py = (int)floor(at_y) + i;
            if (px < 0 || py < 0 || px >= EDGE || py >= EDGE) continue;
            double distance = hypot(px + 0.5 - at_x, py + 0.5 - at_y);
            float weight = strength * (float)fmax(0, fmin(1, radius - distance + 0.5));
            float *pixel = c->light + 3 * (py * EDGE + px);
            for (int channel = 0; channel < 3; channel++) pixel[channel] += weight * (colour[channel] - pixel[channel]);
        }
}

/* A frame and ticks at whole numbers. */
static void draw_axes(const canvas *c) {
    for (int i = 0; i < EDGE; i++)
        for (int channel = 0; channel < 3; channel++) {
            const int edges[] = {i, (EDGE - 1) * EDGE + i, i * EDGE, i * EDGE + EDGE - 1};
            for (int k = 0; k < 4; k++) c->light[3 * edges[k] + channel] = 0.75f;
        }
    for (int value = -(int)c->extent; value <= (int)c->extent; value++) {
        int at = (int)((value + c->extent) * EDGE / (2 * c->extent));
        for (int k = 1; k < 9; k++)
            for (int channel = 0; channel < 3; channel++) {
                if (at < 1 || at >= EDGE - 1) continue;
                c->light[3 * ((EDGE - 1 - k) * EDGE + at) + channel] = 0.6f;
                c->light[3 * ((EDGE - 1 - at) * EDGE + k) + channel] = 0.6f;
            }
    }
}

static gan_status draw_reals(const front *f, const canvas *c) {
    static const float grey[] = {0.55f, 0.55f, 0.55f};
    double item[2];
    gan_status status = GAN_OK;
    size_t bytes = 2 * gan_dtype_size(gan_dataset_dtype(f->dataset));
    for (int64_t i = 0; i < REALS && i < gan_dataset_count(f->dataset) && status == GAN_OK; i++) {
        status = gan_dataset_read(f->dataset, i, item, bytes, NULL);
        float single[2];
        memcpy(single, item, sizeof single);
        if (bytes == sizeof single)
            dot(c, (double)single[0], (double)single[1], 1.6, grey, 0.35f);
        else
            dot(c, item[0], item[1], 1.6, grey, 0.35f);
    }
    return status;
}

static gan_status write_picture(const front *f, const canvas *c) {
    char path[FRONT_PATH_SIZE];
    gan_tensor *picture;
    gan_status status = gan_tensor_create(&picture, f->context, GAN_U8, gan_shape_3d(3, EDGE, EDGE));
    if (status != GAN_OK) return status;
    unsigned char *bytes = gan_tensor_data(picture);
    for (int i = 0; i < EDGE * EDGE; i++)
        for (int channel = 0; channel < 3; channel++)
            bytes[channel * EDGE * EDGE + i] = (unsigned char)(255 * c->light[3 * i + channel] + 0.5f);
    status = gan_png_write(picture, front_path(f, "points.png", path));
    gan_tensor_release(picture);
    if (status == GAN_OK) printf("Points:   %s (data in grey, samples in blue)\n", path);
    return status;
}

gan_status scatter_write(const front *f, const gan_tensor *fakes, double extent) {
    static const float blue[] = {0.05f, 0.25f, 0.75f};
    canvas c = {malloc((size_t)EDGE * EDGE * 3 * sizeof(float)), extent};
    if (c.light == NULL) return GAN_E_MEMORY;
    for (int i = 0; i < EDGE * EDGE * 3; i++) c.light[i] = 1;
    draw_axes(&c);
    gan_status status = draw_reals(f, &c);
    for (int64_t i = 0; i < gan_tensor_shape(fakes).size[0]; i++)
        dot(&c, gan_tensor_item(fakes, 2 * i), gan_tensor_item(fakes, 2 * i + 1), 1.4, blue, 0.5f);
    if (status == GAN_OK) status = write_picture(f, &c);
    free(c.light);
    return status;
}
