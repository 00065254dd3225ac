/* Products and distances of all pairs of vectors of two sets, one tile after the other. */
#include <math.h>
#include <string.h>

#include "metrics/features.h"

/* |a|^2 + |b|^2 - 2 a.b loses digits where a and b are near each other; below this share of |a|^2 + |b|^2 it is
 * computed again from the differences. */
#define NEAR 1e-4

typedef struct tile {
    const gan_features *rows, *columns;
    const gani_kernels *kernels;
    int kind;
    gani_visit *visit;
    void *user;
    int64_t row, column, width; /* where it begins; of this tile */
    double *values;             /* row after row, columns->rows apart */
    double *row_square, *column_square;
} tile;

static void squares(const gani_kernels *k, const gan_features *set, int64_t start, int64_t count, double *square) {
    for (int64_t i = 0; i < count; i++) {
        const double *x = gani_vector(set, start + i);
        square[i] = k->dot(set->dimension, x, x);
    }
}

static double distance(int64_t n, const double *a, const double *b) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static void work(void *argument, int64_t index, int32_t worker) {
    (void)worker;
    tile *t = argument;
    double *values = t->values + index * t->columns->rows;
    for (int64_t i = 0; i < t->width && t->kind == GANI_DISTANCES; i++) {
        double both = t->row_square[index] + t->column_square[i], d = both - 2 * values[i];
        if (!(d >= NEAR * both))
            d = distance(t->rows->dimension, gani_vector(t->rows, t->row + index),
                         gani_vector(t->columns, t->column + i));
        values[i] = d;
    }
    t->visit(t->user, t->row + index, t->column, t->width, values);
}

static int64_t extent(const gan_features *set, int64_t start) {
    return set->count - start < set->rows ? set->count - start : set->rows;
}

gan_status gani_pairs(const char *function, int kind, const gan_features *rows, const gan_features *columns,
                      gani_visit *visit, void *user) {
    gan_context *context = rows->context;
    const gani_kernels *k = gani_kernels_for(context, GAN_F64);
    int64_t d = rows->dimension, wide = columns->rows;
    size_t values = (size_t)(rows->rows * wide);
    double *memory = gani_alloc(context, (values + (size_t)(rows->rows + wide)) * sizeof *memory);
    void *scratch = gani_alloc(context, k->gemm_scratch(rows->rows, wide, d, gani_pool_workers(context->pool)));
    gan_status status = memory == NULL || scratch == NULL ? gani_no_memory(context, function) : GAN_OK;
    if (status == GAN_OK) {
        tile t = {rows, columns, k, kind, visit, user, 0, 0, 0, memory, memory + values, memory + values + rows->rows};
        for (; t.row < rows->count && status == GAN_OK; t.row += rows->rows) {
            int64_t height = extent(rows, t.row);
            squares(k, rows, t.row, height, t.row_square);
            for (t.column = 0; t.column < columns->count; t.column += wide) {
                t.width = extent(columns, t.column);
                squares(k, columns, t.column, t.width, t.column_square);
                gani_pool *pool = gani_pool_for(context, height * t.width * (d + 16));
                k->gemm(pool, scratch, 0, 1, height, t.width, d, gani_vector(rows, t.row), d,
                        gani_vector(columns, t.column), d, 0, NULL, t.values, wide);
                gani_parallel(pool, height, work, &t);
            }
            status = gani_go_on(context, function);
        }
    }
    gani_free(context, memory);
    gani_free(context, scratch);
    return status;
}

/* ---- nearest centres ---- */

typedef struct nearest {
    int64_t *index;
    double *distance;
} nearest;

static void look(void *user, int64_t row, int64_t column, int64_t count, const double *values) {
    nearest *n = user;
    for (int64_t i = 0; i < count; i++)
        if ((column == 0 && i == 0) || values[i] < n->distance[row]) {
            n->distance[row] = values[i];
            n->index[row] = column + i;
        }
}

gan_status gani_nearest(const char *function, const gan_features *points, const gan_features *centres, int64_t *index,
                        double *distance) {
    nearest n = {index, distance};
    return gani_pairs(function, GANI_DISTANCES, points, centres, look, &n);
}
