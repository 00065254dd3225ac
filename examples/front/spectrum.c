/* Singular values of the discriminator's convolutions, and their pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/spectral.h"

/* ---- eigenvalues of a symmetric matrix ---- */

/* Householder's reflections leave the diagonal d and e beside it: e[i] is at (i, i + 1). a: n x n, used up; v: n. */
static void reduce(int64_t n, double *a, double *d, double *e, double *v) {
    for (int64_t k = 0; k < n; k++) {
        int64_t m = n - k - 1; /* what is left below: rows and columns k + 1 ... */
        double *column = a + k * n + k + 1, length = 0;
        d[k] = a[k * n + k];
        for (int64_t i = 0; i < m; i++) length += column[i] * column[i];
        length = sqrt(length);
        if (m == 0) break;
        e[k] = m == 1 || length == 0 ? column[0] : column[0] > 0 ? -length : length;
        if (m == 1 || length == 0) continue;
        column[0] -= e[k]; /* now the mirror's normal, whose square is 2 `half` */
        double half = length * fabs(column[0]), along = 0;
        for (int64_t i = 0; i < m; i++) {
            const double *row = a + (k + 1 + i) * n + k + 1;
            v[i] = 0;
            for (int64_t j = 0; j < m; j++) v[i] += row[j] * column[j];
            v[i] /= half;
            along += v[i] * column[i];
        }
        for (int64_t i = 0; i < m; i++) v[i] -= along / (2 * half) * column[i];
        for (int64_t i = 0; i < m; i++) {
            double *row = a + (k + 1 + i) * n + k + 1;
            for (int64_t j = 0; j < m; j++) row[j] -= v[i] * column[j] + column[i] * v[j];
        }
    }
}

/* How many eigenvalues are below x: signs of the leading minors (Sturm). */
static int64_t count_below(int64_t n, const double *d, const double *e, double x) {
    int64_t count = 0;
    double q = 1;
    for (int64_t i = 0; i < n; i++) {
        q = d[i] - x - (i > 0 ? e[i - 1] * e[i - 1] / q : 0);
        if (q == 0) q = 1e-300;
        count += q < 0;
    }
    return count;
}

/* ---- singular values ---- */

/* A convolution's weight as a matrix: outputs x rest. */
static int64_t rank_of(const gan_tensor *weight) {
    int64_t rows = gan_tensor_shape(weight).size[0], columns = gan_tensor_count(weight) / rows;
    return rows < columns ? rows : columns;
}

/* s[k] = s_(k+1) / s_1 for 0 <= k < rank; 0: no memory. They are the roots of the eigenvalues of W W^T or W^T W,
 * whichever is smaller, and so exact to 1e-7, which is enough for a picture. */
static int singular_values(const gan_tensor *weight, double *s) {
    int64_t count = gan_tensor_count(weight), rows = gan_tensor_shape(weight).size[0], n = rank_of(weight);
    int64_t length = count / n, inner = count / rows;
    double *t = calloc((size_t)(count + n * n + 3 * n), sizeof *t); /* length x n */
    if (t == NULL) return 0;
    double *gram = t + count, *d = gram + n * n, *e = d + n, *v = e + n;
    for (int64_t i = 0; i < count; i++) t[n == rows ? i % inner * n + i / inner : i] = gan_tensor_item(weight, i);
    double high = 0;
    for (int64_t k = 0; k < length; k++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) gram[i * n + j] += t[k * n + i] * t[k * n + j];
    for (int64_t i = 0; i < n; i++) high += gram[i * n + i]; /* the sum of all, which are not negative */
    reduce(n, gram, d, e, v);
    for (int64_t k = 0; k < n; k++) {
        double low = 0, above = k == 0 ? high : s[k - 1];
        for (int step = 0; step < 60; step++) {
            double middle = 0.5 * (low + above);
            if (count_below(n, d, e, middle) > n - 1 - k)
                above = middle;
            else
                low = middle;
        }
        s[k] = above;
    }
    double largest = s[0];
    for (int64_t k = 0; k < n; k++) s[k] = largest > 0 ? sqrt(s[k] / largest) : 0;
    free(t);
    return 1;
}

/* ---- pictures ---- */

enum { CURVES = 8 };

typedef struct picture {
    gan_curve curves[CURVES];
    char names[CURVES][64];
    int32_t count;
} picture;

static int path_of(char path[4096], const front *f, const char *name) {
    return (size_t)snprintf(path, 4096, "%s/%s", f->options.out, name) < 4096;
}

static gan_status draw(const front *f, const picture *p, const char *file, const char *title, const char *x_label) {
    char path[4096];
    gan_chart_options options;
    gan_chart_options_init(&options);
    options.title = title;
    options.x_label = x_label;
    return p->count > 0 && path_of(path, f, file) ? gan_chart_write(f->context, p->curves, p->count, path, &options)
                                                  : GAN_OK;
}

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

/* The course so far is in the log, which is whole after a resumption as well; this step's line is not written yet. */
static gan_status draw_history(const front *f, double now) {
    char path[4096], line[4096];
    double *x = NULL, *y = NULL;
    int64_t count = 0, room = 0;
    FILE *log = path_of(path, f, "log.jsonl") ? fopen(path, "r") : NULL;
    for (int more = 1; more;) {
        more = log != NULL && fgets(line, sizeof line, log) != NULL;
        const char *step = more ? strstr(line, "\"step\":") : NULL,
                   *value = more ? strstr(line, "\"spectrum\":") : NULL;
        if (more && (step == NULL || value == NULL)) continue;
        if (count == room) {
            room = 2 * room + 64;
            double *wider_x = realloc(x, (size_t)room * sizeof *x), *wider_y;
            if (wider_x != NULL) x = wider_x;
            wider_y = wider_x == NULL ? NULL : realloc(y, (size_t)room * sizeof *y);
            if (wider_y == NULL) break;
            y = wider_y;
        }
        x[count] = more ? strtod(step + strlen("\"step\":"), NULL) : (double)gan_run_step(f->run) + 1;
        y[count++] = more ? strtod(value + strlen("\"spectrum\":"), NULL) : now;
    }
    if (log != NULL) fclose(log);
    picture p = {.curves = {{"spectrum", x, y, count}}, .count = 1};
    gan_status status =
        draw(f, &p, "spectrum-history.png", "Singular value at half the rank, mean of D's convolutions", "step");
    clear(&p);
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
        if (s == NULL || !singular_values(weight, s)) {
            free(s);
            clear(&p);
            return GAN_E_MEMORY;
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
    if (status == GAN_OK) status = draw(f, &p, "spectrum.png", title, "place in the order / rank");
    clear(&p);
    return status == GAN_OK ? draw_history(f, mean) : status;
}
