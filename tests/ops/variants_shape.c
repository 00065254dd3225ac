/* Reductions and movements. */
#include "host.h"
#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static variant make(const gani_op *op, gradcheck_function *apply,
                    void (*naive)(const variant *, const double *const *, const gan_shape *, double *)) {
    variant v = {0};
    v.op = op;
    v.apply = apply;
    v.naive = naive;
    v.count = 1;
    v.high = 2;
    v.signs = 1;
    v.multilinear = 1;
    v.terms = 1;
    return v;
}

/* ---- reductions: n[0] axes, n[1] keep, n[2] mean ---- */

static gan_tensor *apply_reduce(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    uint32_t axes = (uint32_t)v->n[0];
    return v->n[2] ? gan_mean_axes(tape, xs[0], axes, (int32_t)v->n[1])
                   : gan_sum_axes(tape, xs[0], axes, (int32_t)v->n[1]);
}

static gan_tensor *apply_reduce_all(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return v->n[2] ? gan_mean(tape, xs[0]) : gan_sum(tape, xs[0]);
}

static void naive_reduce(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    gan_shape x = v->shapes[0], kept = x;
    int64_t at[GAN_MAX_RANK] = {0}, i = 0, share = 1;
    for (int32_t k = 0; k < x.rank; k++)
        if (v->n[0] >> k & 1) {
            kept.size[k] = 1;
            share *= x.size[k];
        }
    for (int64_t k = 0; k < gan_shape_count(*result); k++) y[k] = 0;
    if (gan_shape_count(x) == 0) return;
    do {
        y[variant_broadcast_offset(kept, x, at)] += xs[0][i++] / (v->n[2] ? (double)share : 1);
    } while (variant_next(x, at));
}

void variants_reduce(void (*visit)(const variant *)) {
    static const int64_t sizes[][5] = {{0},          {1, 1}, {1, 7},    {2, 3, 5}, {3, 3, 1, 4}, {4, 2, 3, 4, 5},
                                       {3, 2, 0, 3}, {1, 0}, {1, 70001}};
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        gan_shape shape = host_shape((int32_t)sizes[s][0], &sizes[s][1]);
        int64_t masks = (int64_t)1 << shape.rank;
        for (int64_t mode = 0; mode < masks * 4; mode++) {
            variant v = make(&gani_op_sum_axes, apply_reduce, naive_reduce);
            v.shapes[0] = shape;
            v.n[0] = mode % masks;
            v.n[1] = mode / masks % 2;
            v.n[2] = mode / masks / 2;
            v.terms = gan_shape_count(shape) > 0 ? gan_shape_count(shape) : 1;
            for (int32_t i = 0; i < shape.rank; i++)
                if (!(v.n[0] >> i & 1) || v.n[1]) v.result.size[v.result.rank++] = v.n[0] >> i & 1 ? 1 : shape.size[i];
            if (v.n[2] && gan_shape_count(shape) == 0) continue; /* an error: tests/unit/test_tape.c */
            visit(&v);
            if (v.n[0] != masks - 1 || v.n[1]) continue;
            v.apply = apply_reduce_all;
            v.result = gan_shape_0d();
            visit(&v);
        }
    }
}

/* ---- movements ---- */

static gan_tensor *apply_reshape(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_reshape(tape, xs[0], v->shape);
}
static void naive_copy(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    (void)v;
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = xs[0][i];
}

static gan_tensor *apply_permute(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_permute(tape, xs[0], v->axes);
}
static void naive_permute(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, from[GAN_MAX_RANK], i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        for (int32_t k = 0; k < result->rank; k++) from[v->axes[k]] = at[k];
        y[i++] = xs[0][variant_offset(v->shapes[0], from)];
    } while (variant_next(*result, at));
}

static gan_tensor *apply_broadcast(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_broadcast(tape, xs[0], v->shape);
}
static void naive_broadcast(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do y[i++] = xs[0][variant_broadcast_offset(v->shapes[0], *result, at)];
    while (variant_next(*result, at));
}

/* n: axis, start, count */
static gan_tensor *apply_slice(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_slice(tape, xs[0], (int32_t)v->n[0], v->n[1], v->n[2]);
}
static void naive_slice(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        at[v->n[0]] += v->n[1];
        y[i++] = xs[0][variant_offset(v->shapes[0], at)];
        at[v->n[0]] -= v->n[1];
    } while (variant_next(*result, at));
}

/* n: axis, before, after, mode */
static gan_tensor *apply_pad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_pad(tape, xs[0], (int32_t)v->n[0], v->n[1], v->n[2], (gan_pad_mode)v->n[3]);
}
static void naive_pad(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        int64_t whole = at[v->n[0]], size = v->shapes[0].size[v->n[0]], k = whole - v->n[1];
        int inside = k >= 0 && k < size;
        while (v->n[3] == GAN_PAD_REFLECT && !(k >= 0 && k < size)) k = k < 0 ? -k : 2 * size - 2 - k;
        if (v->n[3] == GAN_PAD_REPLICATE) k = k < 0 ? 0 : k < size ? k : size - 1;
        at[v->n[0]] = k;
        y[i++] = inside || v->n[3] != GAN_PAD_ZERO ? xs[0][variant_offset(v->shapes[0], at)] : 0;
        at[v->n[0]] = whole;
    } while (variant_next(*result, at));
}

static gan_tensor *apply_concat(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_concat(tape, xs, v->count, (int32_t)v->n[0]);
}
static void naive_concat(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        int64_t whole = at[v->n[0]];
        int32_t k = 0;
        while (at[v->n[0]] >= v->shapes[k].size[v->n[0]]) at[v->n[0]] -= v->shapes[k++].size[v->n[0]];
        y[i++] = xs[k][variant_offset(v->shapes[k], at)];
        at[v->n[0]] = whole;
    } while (variant_next(*result, at));
}

typedef struct movement {
    int64_t from[5], to[5];
} movement;

static void visit_movements(void (*visit)(const variant *), variant v, const movement *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        v.shapes[0] = host_shape((int32_t)list[i].from[0], &list[i].from[1]);
        v.shape = host_shape((int32_t)list[i].to[0], &list[i].to[1]);
        v.result = v.shape;
        for (int32_t k = 0; k < v.shape.rank; k++) /* an open size, here always the second of two */
            if (v.shape.size[k] == -1) v.result.size[k] = gan_shape_count(v.shapes[0]) / v.shape.size[0];
        int64_t terms = gan_shape_count(v.result);
        v.terms = terms > 0 ? terms : 1;
        visit(&v);
    }
}

void variants_reshape(void (*visit)(const variant *)) {
    static const movement reshapes[] = {
        {{2, 2, 6}, {3, 3, 1, 4}}, {{0}, {3, 1, 1, 1}},           {{1, 1}, {0}},
        {{2, 0, 3}, {1, 0}},       {{4, 2, 3, 1, 5}, {2, 2, -1}}, {{1, 7}, {1, 7}},
    };
    static const movement broadcasts[] = {
        {{0}, {2, 2, 3}}, {{1, 4}, {3, 2, 3, 4}}, {{3, 2, 1, 3}, {4, 5, 2, 4, 3}}, {{2, 3, 1}, {2, 3, 4}},
        {{1, 1}, {1, 0}}, {{2, 2, 3}, {2, 2, 3}}, {{2, 1, 3}, {3, 0, 2, 3}},
    };
    static const int32_t orders[][5] = {{0},          {1, 0},       {2, 1, 0},       {2, 0, 1},
                                        {3, 2, 0, 1}, {3, 0, 2, 1}, {4, 0, 2, 3, 1}, {4, 3, 1, 0, 2}};
    static const int64_t lengths[] = {2, 3, 1, 5};
    visit_movements(visit, make(&gani_op_reshape, apply_reshape, naive_copy), reshapes, LENGTH(reshapes));
    visit_movements(visit, make(&gani_op_broadcast, apply_broadcast, naive_broadcast), broadcasts, LENGTH(broadcasts));
    for (size_t i = 0; i < LENGTH(orders); i++)
        for (int empty = 0; empty < 2; empty++) {
            variant v = make(&gani_op_permute, apply_permute, naive_permute);
            v.shapes[0] = host_shape(orders[i][0], lengths);
            if (empty && orders[i][0] > 0) v.shapes[0].size[0] = 0;
            v.result = v.shapes[0];
            for (int32_t k = 0; k < orders[i][0]; k++) {
                v.axes[k] = orders[i][k + 1];
                v.result.size[k] = v.shapes[0].size[v.axes[k]];
            }
            visit(&v);
        }
    static const int64_t cuts[][3] = {{0, 0, 3}, {0, 1, 1}, {0, 2, 1}, {0, 3, 0},
                                      {1, 0, 1}, {2, 1, 3}, {2, 0, 0}, {2, 4, 1}};
    for (size_t i = 0; i < LENGTH(cuts); i++) {
        variant v = make(&gani_op_slice, apply_slice, naive_slice);
        v.result = v.shapes[0] = gan_shape_3d(3, 1, 5);
        for (int k = 0; k < 3; k++) v.n[k] = cuts[i][k];
        v.result.size[v.n[0]] = v.n[2];
        visit(&v);
    }
    static const int64_t ends[][3] = {{0, 0, 0}, {0, 1, 0}, {1, 0, 2}, {2, 2, 3}};
    for (size_t i = 0; i < LENGTH(ends); i++)
        for (int64_t rows = 0; rows <= 2; rows++) {
            variant v = make(&gani_op_pad, apply_pad, naive_pad);
            v.result = v.shapes[0] = gan_shape_3d(rows, 1, 5);
            for (int k = 0; k < 3; k++) v.n[k] = ends[i][k];
            v.result.size[v.n[0]] += v.n[1] + v.n[2];
            visit(&v);
        }
    static const int64_t modes[][4] = {
        {0, 0, 0, GAN_PAD_REFLECT},   {0, 3, 2, GAN_PAD_REFLECT},   {1, 0, 1, GAN_PAD_REFLECT},
        {2, 4, 4, GAN_PAD_REFLECT},   {2, 1, 0, GAN_PAD_REFLECT},   {0, 5, 9, GAN_PAD_REPLICATE},
        {2, 1, 0, GAN_PAD_REPLICATE}, {1, 0, 3, GAN_PAD_REPLICATE},
    };
    for (size_t i = 0; i < LENGTH(modes); i++)
        for (int empty = 0; empty < 2; empty++) {
            variant v = make(&gani_op_take, apply_pad, naive_pad);
            v.shapes[0] = gan_shape_3d(4, 2, 5);
            for (int k = 0; k < 4; k++) v.n[k] = modes[i][k];
            if (empty) v.shapes[0].size[(v.n[0] + 1) % 3] = 0;
            v.result = v.shapes[0];
            v.result.size[v.n[0]] += v.n[1] + v.n[2];
            v.terms = 1 + v.n[1] + v.n[2];
            visit(&v);
        }
    static const int64_t single[][2] = {{0, 0}, {2, 3}};
    for (size_t i = 0; i < LENGTH(single); i++) { /* one element: nothing to mirror, enough to repeat */
        variant v = make(&gani_op_take, apply_pad, naive_pad);
        v.shapes[0] = gan_shape_1d(1);
        v.n[1] = single[i][0];
        v.n[2] = single[i][1];
        v.n[3] = i == 0 ? GAN_PAD_REFLECT : GAN_PAD_REPLICATE;
        v.result = gan_shape_1d(1 + v.n[1] + v.n[2]);
        v.terms = 1 + v.n[1] + v.n[2];
        visit(&v);
    }
    for (int64_t axis = 0; axis < 3; axis++)
        for (int32_t count = 1; count <= 3; count++) {
            variant v = make(&gani_op_concat, apply_concat, naive_concat);
            static const int64_t widths[] = {2, 0, 3};
            v.count = count;
            v.n[0] = axis;
            v.result = gan_shape_3d(3, 2, 1);
            v.result.size[axis] = 0;
            for (int32_t k = 0; k < count; k++) {
                v.result.size[axis] += widths[k];
                v.shapes[k] = gan_shape_3d(3, 2, 1);
                v.shapes[k].size[axis] = widths[k];
            }
            visit(&v);
        }
}
