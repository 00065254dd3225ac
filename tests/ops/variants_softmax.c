/* Softmax and its relatives, and the largest value, along each axis: n[0] axis, n[1] keep. */
#include <math.h>
#include <stdlib.h>

#include "host.h"
#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static gan_tensor *apply_softmax(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_softmax(tape, xs[0], (int32_t)v->n[0]);
}
static gan_tensor *apply_log_softmax(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_log_softmax(tape, xs[0], (int32_t)v->n[0]);
}
static gan_tensor *apply_logsumexp(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_logsumexp(tape, xs[0], (int32_t)v->n[0], (int32_t)v->n[1]);
}
/* Added to the elements of a line: 7 apart, so that no two are within reach of each other, the largest in the middle.
 */
static double ramp(int64_t place, int64_t length) { return 7.0 * (double)((place + length / 2) % length); }
static gan_tensor *apply_max_axis(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    gan_shape shape = gan_shape_1d(v->shapes[0].size[v->n[0]]);
    double *values = malloc((size_t)shape.size[0] * sizeof *values);
    if (values == NULL) abort();
    for (int64_t k = 0; k < shape.size[0]; k++) values[k] = ramp(k, shape.size[0]);
    while (shape.rank < v->shapes[0].rank - v->n[0]) shape.size[shape.rank++] = 1;
    gan_tensor *added = host_tensor(tape->context, gan_tensor_dtype(xs[0]), shape, values);
    gan_tensor *y = gan_max_axis(tape, gan_add(tape, xs[0], added), (int32_t)v->n[0], (int32_t)v->n[1]);
    gan_tensor_release(added); /* the tape keeps it if it has to */
    free(values);
    return y;
}

/* The values of the line that the index vector `at` of x lies on. */
typedef struct line {
    double sum, most; /* of exponentials; inputs are small */
} line;
static line line_of(const variant *v, const double *x, const int64_t *at) {
    int64_t along[GAN_MAX_RANK];
    line l = {0, -INFINITY};
    for (int32_t i = 0; i < GAN_MAX_RANK; i++) along[i] = at[i];
    for (int64_t k = 0; k < v->shapes[0].size[v->n[0]]; k++) {
        along[v->n[0]] = k;
        double value = x[variant_offset(v->shapes[0], along)];
        l.sum += exp(value);
        l.most = fmax(l.most, value + ramp(k, v->shapes[0].size[v->n[0]]));
    }
    return l;
}

static void naive_softmax(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        double value = exp(xs[0][i]) / line_of(v, xs[0], at).sum;
        y[i++] = v->op == &gani_op_log_softmax ? log(value) : value;
    } while (variant_next(*result, at));
}

static void naive_reduced(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    gan_shape kept = v->shapes[0];
    kept.size[v->n[0]] = 1;
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        line l = line_of(v, xs[0], at);
        y[i++] = v->op == &gani_op_logsumexp ? log(l.sum) : l.most;
    } while (variant_next(kept, at));
}

void variants_softmax(void (*visit)(const variant *)) {
    static const int64_t sizes[][5] = {{1, 1},          {1, 7},       {2, 3, 5},   {3, 3, 1, 4},
                                       {4, 2, 3, 4, 5}, {3, 2, 0, 3}, {2, 3, 260}, {2, 300, 3},
                                       {3, 2, 3, 131},  {2, 5000, 3}, {1, 4097}};
    static const struct {
        const gani_op *op;
        gradcheck_function *apply;
        void (*naive)(const variant *, const double *const *, const gan_shape *, double *);
        int reduces;
    } entries[] = {
        {&gani_op_softmax, apply_softmax, naive_softmax, 0},
        {&gani_op_log_softmax, apply_log_softmax, naive_softmax, 0},
        {&gani_op_logsumexp, apply_logsumexp, naive_reduced, 1},
        {&gani_op_gather, apply_max_axis, naive_reduced, 1},
    };
    for (size_t e = 0; e < LENGTH(entries); e++)
        for (size_t s = 0; s < LENGTH(sizes); s++)
            for (int64_t axis = 0; axis < sizes[s][0]; axis++)
                for (int64_t keep = 0; keep <= entries[e].reduces; keep++) {
                    variant v = {0};
                    v.op = entries[e].op;
                    v.apply = entries[e].apply;
                    v.naive = entries[e].naive;
                    v.count = 1;
                    v.shapes[0] = host_shape((int32_t)sizes[s][0], &sizes[s][1]);
                    v.high = 3;
                    v.signs = 1;
                    v.n[0] = axis;
                    v.n[1] = keep;
                    v.terms = v.shapes[0].size[axis];
                    if (v.terms == 0) continue; /* an error: tests/unit/test_ops.c */
                    if (entries[e].apply == apply_max_axis && v.terms > 1000) continue; /* beyond a fine difference */
                    for (int32_t i = 0; i < v.shapes[0].rank; i++)
                        if (i != axis || keep || !entries[e].reduces)
                            v.result.size[v.result.rank++] = i == axis && entries[e].reduces ? 1 : v.shapes[0].size[i];
                    visit(&v);
                }
}
