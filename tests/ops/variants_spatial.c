/* Pooling and interpolation. n: kernel, stride, padding, or height, width, mode; shape: the maps' where only gradients
 * are operands. */
#include <math.h>

#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static variant make(const gani_op *op, gradcheck_function *apply,
                    void (*naive)(const variant *, const double *const *, const gan_shape *, double *)) {
    variant v = {0};
    v.op = op;
    v.apply = apply;
    v.naive = naive;
    v.count = 1;
    v.high = 1;
    v.signs = 1;
    v.multilinear = 1;
    return v;
}

/* The gradient of f at `x` with operand 0 as seed, itself differentiable. */
static gan_tensor *adjoint(gan_tape *tape, gradcheck_function *f, gan_tensor *x, gan_tensor *seed, const variant *v) {
    gan_tensor *watched = gan_watch(tape, x), *y = f(tape, &watched, (void *)(uintptr_t)v), *g;
    gan_gradients(tape, y, seed, &watched, 1, GAN_GRAD_DIFFERENTIABLE, &g);
    return g;
}
static gan_tensor *half(gan_tape *tape, gan_tensor *like, gan_shape shape) {
    return gan_full(tape, gan_tensor_dtype(like), shape, 0.5);
}

/* ---- pooling ---- */

static gan_tensor *apply_avg(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_avg_pool2d(tape, xs[0], v->n[0], v->n[1], v->n[2]);
}
static gan_tensor *apply_avg_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return adjoint(tape, apply_avg, half(tape, xs[0], v->shape), xs[0], v);
}
static gan_tensor *apply_max(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_max_pool2d(tape, xs[0], v->n[0], v->n[1], v->n[2]);
}
/* Operand 1 is what was pooled: it decides the places only. */
static gan_tensor *apply_max_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    return adjoint(tape, apply_max, xs[1], xs[0], user);
}
static gan_tensor *apply_max_pick(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    gan_tensor *seed = gan_watch(tape, half(tape, xs[0], v->shape)), *picked;
    gan_tensor *scattered = adjoint(tape, apply_max, xs[1], seed, v);
    gan_gradients(tape, scattered, xs[0], &seed, 1, GAN_GRAD_DIFFERENTIABLE, &picked);
    return picked;
}

/* Calls each(x's place, y's place) for the elements of x in the windows of y; first: 1 for a window's first. */
typedef void window_element(const double *const *xs, int64_t x, int64_t y, int first, void *out);
static void each_window(const variant *v, gan_shape large, gan_shape small, const double *const *xs,
                        window_element *each, void *out) {
    int64_t h = large.size[2], w = large.size[3], oh = small.size[2], ow = small.size[3];
    for (int64_t m = 0; m < large.size[0] * large.size[1]; m++)
        for (int64_t i = 0; i < oh * ow; i++) {
            int first = 1;
            for (int64_t k = 0; k < v->n[0] * v->n[0]; k++) {
                int64_t r = i / ow * v->n[1] - v->n[2] + k / v->n[0], c = i % ow * v->n[1] - v->n[2] + k % v->n[0];
                if (r < 0 || c < 0 || r >= h || c >= w) continue;
                each(xs, (m * h + r) * w + c, m * oh * ow + i, first, out);
                first = 0;
            }
        }
}
static void add_to_y(const double *const *xs, int64_t x, int64_t y, int first, void *out) {
    double *sums = out;
    sums[y] = (first ? 0 : sums[y]) + xs[0][x];
}
static void add_to_x(const double *const *xs, int64_t x, int64_t y, int first, void *out) {
    (void)first;
    ((double *)out)[x] += xs[0][y];
}
static void naive_avg(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    each_window(v, v->shapes[0], *result, xs, add_to_y, y);
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] /= (double)(v->n[0] * v->n[0]);
}
static void naive_avg_grad(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    each_window(v, *result, v->shapes[0], xs, add_to_x, y);
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] /= (double)(v->n[0] * v->n[0]);
}

/* The place of the largest so far, for each y. */
static void find_largest(const double *const *xs, int64_t x, int64_t y, int first, void *out) {
    int64_t *places = out;
    if (first || xs[0][x] > xs[0][places[y]]) places[y] = x;
}
static void largest_places(const variant *v, const double *x, gan_shape large, gan_shape small, int64_t *places) {
    each_window(v, large, small, &x, find_largest, places);
}
enum { MOST_PLACES = 1000 };
static void naive_max(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t places[MOST_PLACES];
    largest_places(v, xs[0], v->shapes[0], *result, places);
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = xs[0][places[i]];
}
static void naive_max_grad(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t places[MOST_PLACES];
    largest_places(v, xs[1], *result, v->shapes[0], places);
    for (int64_t i = 0; i < gan_shape_count(v->shapes[0]); i++) y[places[i]] += xs[0][i];
}
static void naive_max_pick(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t places[MOST_PLACES];
    largest_places(v, xs[1], v->shapes[0], *result, places);
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = xs[0][places[i]];
}

static void visit_pool(void (*visit)(const variant *), gan_shape x, int64_t kernel, int64_t stride, int64_t padding) {
    gan_shape y = x;
    for (int k = 2; k < 4; k++) y.size[k] = (x.size[k] + 2 * padding - kernel) / stride + 1;
    variant v = make(&gani_op_avg_pool2d, apply_avg, naive_avg);
    v.n[0] = kernel;
    v.n[1] = stride;
    v.n[2] = padding;
    v.terms = kernel * kernel;
    v.shapes[0] = x;
    v.result = y;
    visit(&v);
    variant g = v;
    g.op = &gani_op_avg_pool2d_grad;
    g.apply = apply_avg_grad;
    g.naive = naive_avg_grad;
    g.shapes[0] = y;
    g.result = g.shape = x;
    visit(&g);
    v.op = &gani_op_max_pool2d;
    v.apply = apply_max;
    v.naive = naive_max;
    v.high = 100; /* no two so near that differences could exchange them */
    v.multilinear = 0;
    visit(&v);
    g = v;
    g.op = &gani_op_max_pool2d_grad;
    g.apply = apply_max_grad;
    g.naive = naive_max_grad;
    g.count = 2;
    g.shapes[0] = y;
    g.shapes[1] = x;
    g.result = x;
    visit(&g);
    v.op = &gani_op_max_pool2d_pick;
    v.apply = apply_max_pick;
    v.naive = naive_max_pick;
    v.count = 2;
    v.shapes[1] = x;
    v.shape = y;
    visit(&v);
}

/* ---- interpolation ---- */

static gan_tensor *apply_interpolate(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_interpolate2d(tape, xs[0], v->n[0], v->n[1], (gan_interpolation)v->n[2]);
}
static gan_tensor *apply_interpolate_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return adjoint(tape, apply_interpolate, half(tape, xs[0], v->shape), xs[0], v);
}

/* What input `at` of an axis gives to output i: a tent around the output's position, which stays within the axis. */
static double share(int64_t mode, int64_t in, int64_t out, int64_t i, int64_t at) {
    if (mode == GAN_NEAREST) return i * in / out == at ? 1 : 0;
    double position = mode == GAN_BILINEAR ? ((double)i + 0.5) * (double)in / (double)out - 0.5
                      : out == 1           ? 0
                                           : (double)(i * (in - 1)) / (double)(out - 1);
    position = fmin(fmax(position, 0), (double)(in - 1));
    return fmax(0, 1 - fabs(position - (double)at));
}
static void sum_shares(const variant *v, gan_shape in, gan_shape out, int back, const double *from, double *to) {
    int64_t h = in.size[2], w = in.size[3], oh = out.size[2], ow = out.size[3];
    for (int64_t m = 0; m < in.size[0] * in.size[1]; m++)
        for (int64_t o = 0; o < oh * ow; o++)
            for (int64_t i = 0; i < h * w; i++) {
                double weight = share(v->n[2], h, oh, o / ow, i / w) * share(v->n[2], w, ow, o % ow, i % w);
                if (back)
                    to[m * h * w + i] += weight * from[m * oh * ow + o];
                else
                    to[m * oh * ow + o] += weight * from[m * h * w + i];
            }
}
static void naive_interpolate(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    sum_shares(v, v->shapes[0], *result, 0, xs[0], y);
}
static void naive_interpolate_grad(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    sum_shares(v, *result, v->shapes[0], 1, xs[0], y);
}

static void visit_interpolate(void (*visit)(const variant *), gan_shape x, int64_t height, int64_t width) {
    for (int64_t mode = GAN_NEAREST; mode <= GAN_BILINEAR_CORNERS; mode++) {
        variant v = make(&gani_op_interpolate2d, apply_interpolate, naive_interpolate);
        v.n[0] = height;
        v.n[1] = width;
        v.n[2] = mode;
        v.terms = larger(4, height * width);
        v.shapes[0] = x;
        v.result = gan_shape_4d(x.size[0], x.size[1], height, width);
        visit(&v);
        v.op = &gani_op_interpolate2d_grad;
        v.apply = apply_interpolate_grad;
        v.naive = naive_interpolate_grad;
        v.shapes[0] = v.result;
        v.result = v.shape = x;
        visit(&v);
    }
}

void variants_spatial(void (*visit)(const variant *)) {
    static const int64_t pools[][5] = {
        {4, 6, 2, 2, 0}, {7, 5, 3, 2, 1}, {5, 5, 5, 1, 2}, {9, 6, 2, 3, 1}, /* stride beyond the kernel */
        {4, 4, 4, 4, 0}, {1, 1, 1, 1, 0}, {6, 7, 3, 1, 0}, {12, 5, 3, 5, 1}, {3, 2, 4, 1, 2}};
    for (size_t i = 0; i < LENGTH(pools); i++)
        visit_pool(visit, gan_shape_4d(2, 3, pools[i][0], pools[i][1]), pools[i][2], pools[i][3], pools[i][4]);
    visit_pool(visit, gan_shape_4d(0, 3, 4, 4), 2, 2, 0);
    visit_pool(visit, gan_shape_4d(3, 17, 5, 4), 2, 2, 1); /* more than one map a task */

    static const int64_t sizes[][4] = {{3, 4, 6, 8},  {3, 4, 3, 4}, {4, 6, 2, 3}, {5, 7, 3, 2},
                                       {2, 3, 5, 7},  {1, 1, 4, 3}, {6, 5, 1, 1}, {4, 3, 9, 2},
                                       {1, 5, 7, 11}, {2, 1, 3, 4}, {8, 8, 7, 9}};
    for (size_t i = 0; i < LENGTH(sizes); i++)
        visit_interpolate(visit, gan_shape_4d(2, 3, sizes[i][0], sizes[i][1]), sizes[i][2], sizes[i][3]);
    visit_interpolate(visit, gan_shape_4d(0, 3, 4, 4), 8, 8);
    visit_interpolate(visit, gan_shape_4d(1, 1, 2, 3), 130, 140); /* a map larger than a task */
}
