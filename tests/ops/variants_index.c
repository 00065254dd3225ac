/* Operations that follow indices: n[0] axis. The sweep makes the indices. */
#include "host.h"
#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static gan_tensor *apply_take(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_take(tape, xs[0], (int32_t)v->n[0], v->index);
}
static void naive_take(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, from[GAN_MAX_RANK] = {0}, i = 0;
    int32_t axis = (int32_t)v->n[0], added = v->index_shape.rank;
    if (gan_shape_count(*result) == 0) return;
    do {
        for (int32_t k = 0; k < axis; k++) from[k] = at[k];
        from[axis] = (int64_t)gan_tensor_item(v->index, variant_offset(v->index_shape, at + axis));
        for (int32_t k = axis + 1; k < v->shapes[0].rank; k++) from[k] = at[k - 1 + added];
        y[i++] = xs[0][variant_offset(v->shapes[0], from)];
    } while (variant_next(*result, at));
}

/* put is what the gradient of take calls: the operand is the seed of a table of shape v->shape. */
static gan_tensor *apply_put(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    gan_tensor *table = gan_watch(tape, gan_full(tape, gan_tensor_dtype(xs[0]), v->shape, 1)), *g;
    gan_gradients(tape, gan_take(tape, table, (int32_t)v->n[0], v->index), xs[0], &table, 1, GAN_GRAD_DIFFERENTIABLE,
                  &g);
    return g;
}
static void naive_put(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, to[GAN_MAX_RANK] = {0}, i = 0;
    int32_t axis = (int32_t)v->n[0], added = v->index_shape.rank;
    for (int64_t k = 0; k < gan_shape_count(*result); k++) y[k] = 0;
    if (gan_shape_count(v->shapes[0]) == 0) return;
    do {
        for (int32_t k = 0; k < axis; k++) to[k] = at[k];
        to[axis] = (int64_t)gan_tensor_item(v->index, variant_offset(v->index_shape, at + axis));
        for (int32_t k = axis + 1; k < result->rank; k++) to[k] = at[k - 1 + added];
        y[variant_offset(*result, to)] += xs[0][i++];
    } while (variant_next(v->shapes[0], at));
}

static gan_tensor *apply_gather(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_gather(tape, xs[0], (int32_t)v->n[0], v->index);
}
static void naive_gather(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        int64_t here = at[v->n[0]];
        at[v->n[0]] = (int64_t)gan_tensor_item(v->index, i);
        y[i++] = xs[0][variant_offset(v->shapes[0], at)];
        at[v->n[0]] = here;
    } while (variant_next(*result, at));
}

/* The source comes first: what is recorded as scatter_add is its part. */
static gan_tensor *apply_scatter_add(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_scatter_add(tape, xs[1], (int32_t)v->n[0], v->index, xs[0]);
}
static void naive_scatter_add(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    for (int64_t k = 0; k < gan_shape_count(*result); k++) y[k] = xs[1][k];
    if (gan_shape_count(v->index_shape) == 0) return;
    do {
        double value = xs[0][variant_offset(v->shapes[0], at)];
        int64_t here = at[v->n[0]];
        at[v->n[0]] = (int64_t)gan_tensor_item(v->index, i++);
        y[variant_offset(*result, at)] += value;
        at[v->n[0]] = here;
    } while (variant_next(v->index_shape, at));
}

static variant make(const gani_op *op, gradcheck_function *apply,
                    void (*naive)(const variant *, const double *const *, const gan_shape *, double *), int32_t count) {
    variant v = {0};
    v.op = op;
    v.apply = apply;
    v.naive = naive;
    v.count = count;
    v.high = 2;
    v.signs = 1;
    v.multilinear = 1;
    return v;
}

static void visit_takes(void (*visit)(const variant *)) {
    /* rank, sizes; axis; rank of the indices, sizes */
    static const struct {
        int64_t x[5];
        int64_t axis;
        int64_t index[5];
    } cases[] = {
        {{1, 5}, 0, {1, 3}},        {{1, 1}, 0, {1, 1}},    {{1, 5}, 0, {0}},          {{2, 4, 3}, 0, {1, 6}},
        {{2, 4, 3}, 1, {2, 2, 3}},  {{3, 2, 3, 5}, 1, {0}}, {{3, 2, 3, 5}, 1, {1, 7}}, {{3, 2, 3, 1}, 0, {3, 2, 1, 2}},
        {{2, 4, 0}, 0, {1, 3}},     {{2, 4, 3}, 0, {1, 0}}, {{2, 0, 3}, 1, {1, 2}},    {{4, 1, 3, 2, 2}, 1, {1, 5}},
        {{2, 700, 60}, 1, {1, 50}}, /* more than one task */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        variant v = make(&gani_op_take, apply_take, naive_take, 1);
        v.shapes[0] = v.shape = host_shape((int32_t)cases[i].x[0], &cases[i].x[1]);
        v.n[0] = cases[i].axis;
        v.index_shape = host_shape((int32_t)cases[i].index[0], &cases[i].index[1]);
        v.index_limit = v.shape.size[v.n[0]];
        for (int32_t k = 0; k < v.n[0]; k++) v.result.size[v.result.rank++] = v.shape.size[k];
        for (int32_t k = 0; k < v.index_shape.rank; k++) v.result.size[v.result.rank++] = v.index_shape.size[k];
        for (int32_t k = (int32_t)v.n[0] + 1; k < v.shape.rank; k++) v.result.size[v.result.rank++] = v.shape.size[k];
        v.terms = 1 + gan_shape_count(v.index_shape); /* all may name one element */
        visit(&v);
        variant p = make(&gani_op_put, apply_put, naive_put, 1);
        p.shape = p.result = v.shape;
        p.shapes[0] = v.result;
        p.n[0] = v.n[0];
        p.index_shape = v.index_shape;
        p.index_limit = v.index_limit;
        p.terms = v.terms;
        visit(&p);
    }
}

void variants_index(void (*visit)(const variant *)) {
    visit_takes(visit);
    /* x, axis, index, source */
    static const struct {
        int64_t x[5];
        int64_t axis;
        int64_t index[5], source[5];
    } cases[] = {
        {{1, 5}, 0, {1, 3}, {1, 3}},
        {{1, 1}, 0, {1, 4}, {1, 4}},
        {{2, 4, 3}, 0, {2, 6, 3}, {2, 6, 3}},
        {{2, 4, 3}, 1, {2, 4, 2}, {2, 4, 2}},
        {{2, 4, 3}, 0, {2, 2, 2}, {2, 3, 4}}, /* smaller than both */
        {{3, 2, 3, 5}, 1, {3, 2, 7, 5}, {3, 2, 7, 5}},
        {{3, 2, 3, 5}, 1, {3, 1, 2, 4}, {3, 2, 2, 5}},
        {{3, 2, 3, 5}, 2, {3, 2, 3, 1}, {3, 2, 3, 1}},
        {{2, 4, 0}, 0, {2, 3, 0}, {2, 3, 0}},
        {{2, 4, 3}, 0, {2, 0, 3}, {2, 0, 3}},
        {{2, 4, 3}, 1, {2, 0, 2}, {2, 1, 2}},
        {{2, 300, 70}, 1, {2, 300, 90}, {2, 300, 90}}, /* more than one task */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        variant v = make(&gani_op_gather, apply_gather, naive_gather, 1);
        v.shapes[0] = host_shape((int32_t)cases[i].x[0], &cases[i].x[1]);
        v.n[0] = cases[i].axis;
        v.result = v.index_shape = host_shape((int32_t)cases[i].index[0], &cases[i].index[1]);
        v.index_limit = v.shapes[0].size[v.n[0]];
        v.terms = 1 + v.index_shape.size[v.n[0]];
        visit(&v);
        v.op = &gani_op_scatter;
        v.apply = apply_scatter_add;
        v.naive = naive_scatter_add;
        v.count = 2;
        v.result = v.shapes[0];
        v.shapes[1] = v.shapes[0];
        v.shapes[0] = host_shape((int32_t)cases[i].source[0], &cases[i].source[1]);
        visit(&v);
    }
}
