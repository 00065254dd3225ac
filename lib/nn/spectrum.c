/* Spectral regularisation (Liu et al. 2019, "Spectral regularization for combating mode collapse in GANs"): the small
 * singular values of a weight, which fall together when modes collapse, are lifted again. */
#include <string.h>

#include "kernel/linalg.h"
#include "nn/weight.h"

#define SMALLEST 1e-10 /* of the largest: below it u and v mean nothing, and a value is left alone */

int64_t gani_weight_rank(gan_shape weight, int32_t axis) {
    int64_t rows = weight.size[axis], columns = gan_shape_count(weight) / rows;
    return rows < columns ? rows : columns;
}

typedef struct spectrum { /* W = left diag(s) right^T */
    int64_t rows, columns, rank;
    double *left, *right; /* column after column */
    double *s, *change;   /* change[k] is to be added to s[k] */
} spectrum;

/* In doubles; 0: more than there can be. */
static size_t memory_of(int64_t m, int64_t n) {
    size_t size = 0, product;
    int64_t work = gani_svd_work(m, n), other = gani_lapack_svd_work(m, n);
    if (!gani_mul_size((size_t)m + (size_t)n, (size_t)n, &product) || !gani_add_size(product, 2 * (size_t)n, &size) ||
        !gani_add_size(size, (size_t)(work > other ? work : other), &size) || !gani_mul_size(size, 8, &product))
        return 0;
    return product;
}

static void *spectrum_memory(gan_tape *tape, const gani_module *module) {
    int64_t count = gani_count(module->tensors[0]);
    int64_t rank = gani_weight_rank(module->tensors[0]->shape, gani_weight_axis(module));
    size_t size = memory_of(count / rank, rank);
    tape->operation = "spectrum";
    return gani_scratch(tape, size == 0 ? SIZE_MAX / 2 : size);
}

/* Element (i, j) of the weight as outputs x rest is at (j / inner rows + i) inner + j % inner. */
static int64_t place(const gani_module *module, const spectrum *f, int64_t i, int64_t j) {
    const int64_t *size = module->tensors[0]->shape.size;
    int64_t inner = gani_weight_axis(module) == 0 ? f->columns : size[2] * size[3];
    return (j / inner * f->rows + i) * inner + j % inner;
}

static spectrum find(const gani_module *module, void *memory) {
    const gan_tensor *w = module->tensors[0];
    int64_t rows = w->shape.size[gani_weight_axis(module)], columns = gani_count(w) / rows;
    int64_t rank = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    double *tall = memory, *small = tall + length * rank, *s = small + rank * rank, *work = s + 2 * rank;
    spectrum f = {rows, columns, rank, rows < columns ? small : tall, rows < columns ? tall : small, s, s + rank};
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            tall[rows < columns ? i * columns + j : j * rows + i] = gani_get_value(w, place(module, &f, i, j));
    if (!gani_use_lapack(w->context) || !gani_lapack_svd(length, rank, tall, s, small, work))
        gani_svd(length, rank, tall, s, small, work);
    return f;
}

static int64_t compensated(const gani_config *config, int64_t rank) {
    if (config->compensation == GAN_COMPENSATION_DYNAMIC) return rank;
    if (config->compensated > 0) return config->compensated;
    return rank / 2 > 0 ? rank / 2 : 1;
}

/* What s[k] / s[0] is lifted to: 1, or the largest that it has been. */
static double lifted(const gan_tensor *record, const spectrum *f, int64_t k) {
    double now = f->s[0] > 0 ? f->s[k] / f->s[0] : 0, best = record == NULL ? 1 : gani_get_value(record, k);
    return best > now ? best : now;
}
static int is_lifted(const spectrum *f, int64_t k) { return k > 0 && f->s[k] > SMALLEST * f->s[0]; }

static void move_record(gan_tensor *record, const spectrum *f) {
    if (record == NULL) return;
    for (int64_t k = 0; k < f->rank; k++) gani_put_value(record, k, lifted(record, f, k));
    gani_tensor_touch(record);
}

/* ---- differentiable, in each forward pass ---- */

/* Rows: `count` columns of a factor, or numbers. */
static gan_tensor *constant(gan_tape *tape, gan_dtype dtype, gan_shape shape, const double *values) {
    gan_tensor *tensor = gani_result(tape, dtype, shape);
    for (int64_t i = 0; !gani_failed(tape) && i < gani_count(tensor); i++) gani_put_value(tensor, i, values[i]);
    return tensor;
}

/* s_k = u_k^T W v_k; dW = sum over k of (kept_k s_1 - s_k) u_k v_k^T */
static gan_tensor *compensate(gan_tape *tape, gan_tensor *w, const spectrum *f, int64_t count,
                              const gan_tensor *record) {
    gan_dtype dtype = w->dtype;
    gan_shape line = gan_shape_2d(count, 1);
    gan_tensor *u = constant(tape, dtype, gan_shape_2d(count, f->rows), f->left);
    gan_tensor *v = constant(tape, dtype, gan_shape_2d(count, f->columns), f->right);
    for (int64_t k = 0; k < count; k++) f->change[k] = is_lifted(f, k) ? lifted(record, f, k) : 0;
    gan_tensor *kept = constant(tape, dtype, line, f->change);
    for (int64_t k = 0; k < count; k++) f->change[k] = is_lifted(f, k);
    gan_tensor *is_kept = constant(tape, dtype, line, f->change);
    gan_tensor *s = gani_sum_axes(tape, gani_mul(tape, u, gani_matmul(tape, v, w, 0, 1)), 2u, 1);
    gan_tensor *largest = gani_slice(tape, s, 0, 0, 1);
    gan_tensor *delta = gani_sub(tape, gani_mul(tape, kept, largest), gani_mul(tape, is_kept, s));
    gan_tensor *dw = gani_matmul(tape, gani_mul(tape, u, delta), v, 1, 0);
    return gani_mul(tape, gani_add(tape, w, dw), gani_reciprocal(tape, largest));
}

gan_tensor *gani_spectrum_weight(gan_tape *tape, const gani_pass *pass, const gani_module *module, gan_tensor *w) {
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *record = gani_weight_record(module);
    void *memory = spectrum_memory(tape, module);
    if (memory == NULL) return &tape->inert;
    spectrum f = find(module, memory);
    w = compensate(tape, w, &f, compensated(&module->config, f.rank), record);
    if (pass->training) move_record(record, &f);
    gani_scratch_end(tape, memory);
    return w;
}

/* ---- the projection ---- */

/* W := (W + sum over k of change[k] u_k v_k^T) / divisor */
static void change_weight(gan_tape *tape, gan_tensor *w, const gani_module *module, const spectrum *f, int64_t count,
                          double divisor) {
    const gani_kernels *kernels = gani_kernels_for(tape->context, GAN_F64);
    gani_pool *pool = tape->context->pool;
    double *sum = gani_scratch(tape, (size_t)gani_count(w) * sizeof *sum);
    void *space = gani_scratch(tape, kernels->gemm_scratch(f->rows, f->columns, count, gani_pool_workers(pool)));
    if (space != NULL) {
        for (int64_t k = 0; k < count; k++)
            kernels->unary(GANI_UNARY_AFFINE, f->rows, f->left + k * f->rows, f->left + k * f->rows, f->change[k], 0);
        kernels->gemm(pool, space, 1, 0, f->rows, f->columns, count, f->left, f->rows, f->right, f->columns, 0, NULL,
                      sum, f->columns);
        for (int64_t i = 0; i < f->rows; i++)
            for (int64_t j = 0; j < f->columns; j++) {
                int64_t at = place(module, f, i, j);
                gani_put_value(w, at, (gani_get_value(w, at) + sum[i * f->columns + j]) / divisor);
            }
        gani_tensor_touch(w);
        gani_scratch_end(tape, space);
    }
    if (sum != NULL) gani_scratch_end(tape, sum);
}

static void project(gan_tape *tape, const gani_module *module) {
    gan_tensor *record = gani_weight_record(module);
    void *memory = spectrum_memory(tape, module);
    if (memory == NULL) return;
    spectrum f = find(module, memory);
    int64_t count = compensated(&module->config, f.rank);
    int is_first = record != NULL && !(gani_get_value(record, 0) > 0);
    move_record(record, &f);
    for (int64_t k = 0; k < count; k++) f.change[k] = is_lifted(&f, k) ? lifted(record, &f, k) * f.s[0] - f.s[k] : 0;
    if (!is_first && f.s[0] > 0)
        change_weight(tape, module->tensors[0], module, &f, count, record == NULL ? f.s[0] : 1);
    gani_scratch_end(tape, memory);
}

static int has_projection(const gani_module *module) {
    return gani_has_weight(module) && module->config.form == GAN_WEIGHT_SPECTRAL_NORM &&
           module->config.compensation != GAN_COMPENSATION_NONE;
}

static int32_t project_own(gan_tape *tape, const gan_layer *layer) {
    int32_t found = 0;
    for (int32_t i = 0; i < layer->module_count && !gani_failed(tape); i++) {
        const gani_module *module = &layer->modules[i];
        if (!has_projection(module)) continue;
        found++;
        /* a weight that is another's is that one's to project; a frozen one stays as it is */
        if (!(module->tied & 1) && module->tensors[0]->tracked) project(tape, module);
    }
    return found;
}

void gani_layer_compensate(gan_tape *tape, const gan_layer *layer) {
    int32_t found = project_own(tape, layer);
    for (int32_t i = 0; i < layer->inner_count && !gani_failed(tape); i++)
        found += project_own(tape, layer->inner[i].network);
    if (found == 0)
        gani_tape_fail(tape, GAN_E_ARGUMENT,
                       "layer_compensate: no layer has the spectral norm with a compensation: set both in its "
                       "gan_weight_options");
}
