/* Singular values of the discriminator's convolutions, and their pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/spectral.h"

/* A convolution's weight as a matrix: outputs x rest. */
static int64_t rank_of(const gan_tensor *weight) {
    int64_t rows = gan_tensor_shape(weight).size[0], columns = gan_tensor_count(weight) / rows;
    return rows < columns ? rows : columns;
}

/* s[k] = s_(k+1) / s_1 for 0 <= k < rank. */
static gan_status relative_singular_values(const gan_tensor *weight, double *s) {
    int64_t n = rank_of(weight);
    gan_status status = gan_tensor_singular_values(weight, s, n);
    double largest = status == GAN_OK ? s[0] : 0;
    for (int64_t k = 0; k < n; k++) s[k] = largest > 0 ? s[k] / largest : 0;
    return status;
}

/* ---- pictures ---- */

enum { CURVES = 8 };

typedef struct picture {
    gan_curve curves[CURVES];
    char names[CURVES][64];
    int32_t count;
} picture;

/* s belongs to the picture from now on. */
static void keep(picture *p, const char *name, const gan_tensor *weight, double *s) {
    gan_shape shape = gan_tensor_shape(weight);
    int64_t rank = rank_of(weight);
    double *x = shape.size[2] > 1 && p->count < CURVES ? calloc((size_t)rank, sizeof *x) : NULL;
    if (x == NULL) {
        free(s);
        return;
    }
    for (int64_t k = 0; k < rank; k++) x[k] = (double)(k + 1) / (double)rank;
    snprintf(p->names[p->count], sizeof p->names[0], "layer %d: %lldx%lldx%lldx%lld", atoi(name),
             (long long)shape.size[0], (long long)shape.size[1], (long long)shape.size[2], (long long)shape.size[3]);
    p->curves[p->count] = (gan_curve){p->names[p->count], x, s, rank};
    p->count++;
}

static void clear(picture *p) {
    for (int32_t i = 0; i < p->count; i++) {
        free((void *)p->curves[i].x);
        free((void *)p->curves[i].y);
    }
}

/* This step's value is not logged yet. */
static gan_status draw_history(const front *f, double now) {
    gan_curve before = {"spectrum", NULL, NULL, 0};
    if (gan_run_curve(f->run, "spectrum", &before) != GAN_OK) before.count = 0;
    int64_t count = before.count;
    double *x = malloc((size_t)(2 * (count + 1)) * sizeof *x), *y = x + count + 1;
    if (x == NULL) return GAN_E_MEMORY;
    if (count > 0) memcpy(x, before.x, (size_t)count * sizeof *x);
    if (count > 0) memcpy(y, before.y, (size_t)count * sizeof *y);
    x[count] = (double)gan_run_step(f->run) + 1;
    y[count] = now;
    const gan_curve all = {"spectrum", x, y, count + 1};
    gan_status status = front_chart(f, "spectrum-history.png",
                                    "Singular value at half the rank, mean of D's convolutions", "step", &all, 1);
    free(x);
    return status;
}

gan_status spectrum_measure(front *f) {
    picture p = {.count = 0};
    double sum = 0;
    int64_t convolutions = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(f->discriminator); i++) {
        const gan_tensor *weight = gan_layer_tensor(f->discriminator, i);
        int64_t rank = gan_tensor_shape(weight).rank == 4 ? rank_of(weight) : 0;
        if (rank < 2 || !gan_layer_tensor_is_parameter(f->discriminator, i)) continue;
        double *s = calloc((size_t)rank, sizeof *s);
        gan_status status = s == NULL ? GAN_E_MEMORY : relative_singular_values(weight, s);
        if (status != GAN_OK) {
            free(s);
            clear(&p);
            return status;
        }
        sum += s[rank / 2 - 1];
        convolutions++;
        keep(&p, gan_layer_tensor_name(f->discriminator, i), weight, s);
    }
    double mean = sum / (double)convolutions;
    char title[96];
    snprintf(title, sizeof title, "Singular values of D's convolutions after step %lld, divided by the largest",
             (long long)gan_run_step(f->run) + 1);
    gan_status status = gan_run_report_value(f->run, "spectrum", mean);
    if (status == GAN_OK && p.count > 0)
        status = front_chart(f, "spectrum.png", title, "place in the order / rank", p.curves, p.count);
    clear(&p);
    return status == GAN_OK ? draw_history(f, mean) : status;
}
