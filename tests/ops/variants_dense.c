/* Matrix products, convolutions, batch normalisation. */
#include <math.h>

#include "host.h"
#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static variant make(const gani_op *op, gradcheck_function *apply,
                    void (*naive)(const variant *, const double *const *, const gan_shape *, double *), int32_t count) {
    variant v = {0};
    v.op = op;
    v.apply = apply;
    v.naive = naive;
    v.count = count;
    v.high = 1;
    v.signs = 1;
    v.multilinear = 1;
    v.terms = 1;
    return v;
}

/* ---- products: n[0], n[1] transpose flags ---- */

static gan_tensor *apply_matmul(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_matmul(tape, xs[0], xs[1], (int32_t)v->n[0], (int32_t)v->n[1]);
}
static void naive_matmul(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t m = result->size[0], n = result->size[1], k = v->shapes[0].size[!v->n[0]];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += xs[0][v->n[0] ? l * m + i : i * k + l] * xs[1][v->n[1] ? j * k + l : l * n + j];
            y[i * n + j] = sum;
        }
}

static gan_tensor *apply_linear(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_linear(tape, xs[0], xs[1], v->count > 2 ? xs[2] : NULL);
}
static void naive_linear(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t rows = result->size[0], out = result->size[1], in = v->shapes[0].size[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < out; o++) {
            double sum = v->count > 2 ? xs[2][o] : 0;
            for (int64_t i = 0; i < in; i++) sum += xs[0][r * in + i] * xs[1][o * in + i];
            y[r * out + o] = sum;
        }
}

void variants_dense(void (*visit)(const variant *)) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 7}, {1, 9, 4}, {8, 1, 3},   {17, 19, 23},
                                       {0, 3, 2}, {3, 0, 2}, {2, 3, 0}, {33, 65, 40}};
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        for (int flags = 0; flags < 4; flags++) {
            variant v = make(&gani_op_matmul, apply_matmul, naive_matmul, 2);
            v.n[0] = flags & 1;
            v.n[1] = flags >> 1;
            v.shapes[0] = v.n[0] ? gan_shape_2d(k, m) : gan_shape_2d(m, k);
            v.shapes[1] = v.n[1] ? gan_shape_2d(n, k) : gan_shape_2d(k, n);
            v.result = gan_shape_2d(m, n);
            v.terms = larger(larger(m, n), larger(k, 1));
            visit(&v);
        }
        for (int32_t count = 2; count <= 3; count++) {
            variant v = make(&gani_op_linear, apply_linear, naive_linear, count);
            v.shapes[0] = gan_shape_2d(m, k);
            v.shapes[1] = gan_shape_2d(n, k);
            v.shapes[2] = gan_shape_1d(n);
            v.result = gan_shape_2d(m, n);
            v.terms = larger(larger(m, n), larger(k, 1));
            visit(&v);
        }
    }
}

/* ---- convolutions: n[0] stride, n[1] padding, n[2] output padding ---- */

/* Calls visit for each triple of elements that meet in the convolution x (N C H W), w (O C KH KW), y (N O OH OW). */
#define FOR_EACH_TERM(X, W, Y, STRIDE, PADDING)                                                                        \
    for (int64_t in_ = 0; in_ < (X).size[0]; in_++)                                                                    \
        for (int64_t io = 0; io < (W).size[0]; io++)                                                                   \
            for (int64_t ic = 0; ic < (W).size[1]; ic++)                                                               \
                for (int64_t oh = 0; oh < (Y).size[2]; oh++)                                                           \
                    for (int64_t ow = 0; ow < (Y).size[3]; ow++)                                                       \
                        for (int64_t kh = 0; kh < (W).size[2]; kh++)                                                   \
                            for (int64_t kw = 0; kw < (W).size[3]; kw++)                                               \
                                if (inside((X), oh * (STRIDE) + kh - (PADDING), ow * (STRIDE) + kw - (PADDING)))

static int inside(gan_shape x, int64_t h, int64_t w) { return h >= 0 && w >= 0 && h < x.size[2] && w < x.size[3]; }
static int64_t at(gan_shape s, int64_t a, int64_t b, int64_t c, int64_t d) {
    return ((a * s.size[1] + b) * s.size[2] + c) * s.size[3] + d;
}
#define X_AT(X) at((X), in_, ic, oh * stride + kh - padding, ow * stride + kw - padding)
#define W_AT(W) at((W), io, ic, kh, kw)
#define Y_AT(Y) at((Y), in_, io, oh, ow)

static void fill_bias(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t area = result->size[2] * result->size[3];
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = v->count > 2 ? xs[2][i / area % result->size[1]] : 0;
}

static gan_tensor *apply_conv2d(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_conv2d(tape, xs[0], xs[1], v->count > 2 ? xs[2] : NULL, v->n[0], v->n[1]);
}
static void naive_conv2d(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t stride = v->n[0], padding = v->n[1];
    fill_bias(v, xs, result, y);
    FOR_EACH_TERM(v->shapes[0], v->shapes[1], *result, stride, padding)
    y[Y_AT(*result)] += xs[0][X_AT(v->shapes[0])] * xs[1][W_AT(v->shapes[1])];
}

/* The roles of input and output are exchanged: weight I x O of the transposed convolution is O x C of the
 * convolution. */
static gan_tensor *apply_transpose(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_conv_transpose2d(tape, xs[0], xs[1], v->count > 2 ? xs[2] : NULL, v->n[0], v->n[1], v->n[2]);
}
static void naive_transpose(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t stride = v->n[0], padding = v->n[1];
    fill_bias(v, xs, result, y);
    FOR_EACH_TERM(*result, v->shapes[1], v->shapes[0], stride, padding)
    y[X_AT(*result)] += xs[0][Y_AT(v->shapes[0])] * xs[1][W_AT(v->shapes[1])];
}

/* The weight's gradient with the seed as second operand; its value does not depend on the weight. shape: the
 * weight's. */
static gan_tensor *apply_weight_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    gan_tensor *w = gan_watch(tape, gan_full(tape, gan_tensor_dtype(xs[0]), v->shape, 0.5)), *g;
    gan_gradients(tape, gan_conv2d(tape, xs[0], w, NULL, v->n[0], v->n[1]), xs[1], &w, 1, GAN_GRAD_DIFFERENTIABLE, &g);
    return g;
}
static void naive_weight_grad(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t stride = v->n[0], padding = v->n[1];
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = 0;
    FOR_EACH_TERM(v->shapes[0], *result, v->shapes[1], stride, padding)
    y[W_AT(*result)] += xs[0][X_AT(v->shapes[0])] * xs[1][Y_AT(v->shapes[1])];
}

static void visit_conv(void (*visit)(const variant *), gan_shape x, gan_shape w, int64_t stride, int64_t padding) {
    int64_t room_h = x.size[2] + 2 * padding - w.size[2], room_w = x.size[3] + 2 * padding - w.size[3];
    if (room_h < 0 || room_w < 0) return;
    gan_shape y = gan_shape_4d(x.size[0], w.size[0], room_h / stride + 1, room_w / stride + 1);
    int64_t area = w.size[2] * w.size[3];
    int64_t terms = larger(larger(w.size[0], w.size[1]) * area,
                           larger(1, y.size[0] * larger(y.size[2] * y.size[3], x.size[2] * x.size[3])));
    variant v = make(&gani_op_conv2d, apply_conv2d, naive_conv2d, stride == 2 ? 2 : 3);
    v.terms = terms;
    v.n[0] = stride;
    v.n[1] = padding;
    v.shapes[0] = x;
    v.shapes[1] = w;
    v.shapes[2] = gan_shape_1d(w.size[0]);
    v.result = y;
    visit(&v);
    variant g = v;
    g.op = &gani_op_conv2d_weight_grad;
    g.apply = apply_weight_grad;
    g.naive = naive_weight_grad;
    g.count = 2;
    g.shapes[1] = y;
    g.result = g.shape = w;
    visit(&g);
}

static void visit_transpose(void (*visit)(const variant *), gan_shape x, gan_shape w, int64_t stride, int64_t padding) {
    for (int64_t extra = 0; extra < stride; extra++) {
        int64_t h = (x.size[2] - 1) * stride - 2 * padding + w.size[2] + extra,
                wide = (x.size[3] - 1) * stride - 2 * padding + w.size[3] + extra;
        if (h < 1 || wide < 1) continue;
        variant v = make(&gani_op_conv_transpose2d, apply_transpose, naive_transpose, extra == 0 ? 3 : 2);
        v.n[0] = stride;
        v.n[1] = padding;
        v.n[2] = extra;
        v.shapes[0] = x;
        v.shapes[1] = w;
        v.shapes[2] = gan_shape_1d(w.size[1]);
        v.result = gan_shape_4d(x.size[0], w.size[1], h, wide);
        v.terms = larger(larger(w.size[0], w.size[1]) * w.size[2] * w.size[3], larger(1, x.size[0] * h * wide));
        visit(&v);
    }
}

void variants_conv(void (*visit)(const variant *)) {
    static const int64_t kernels[][2] = {{1, 1}, {3, 3}, {4, 4}, {5, 5}, {2, 3}};
    for (size_t k = 0; k < LENGTH(kernels); k++)
        for (int64_t stride = 1; stride <= 3; stride++)
            for (int64_t padding = 0; padding <= 2; padding++) {
                /* 7 x 6 with a stride of 2 or 3: rows and columns that no window covers */
                visit_conv(visit, gan_shape_4d(2, 3, 7, 6), gan_shape_4d(2, 3, kernels[k][0], kernels[k][1]), stride,
                           padding);
                visit_transpose(visit, gan_shape_4d(2, 3, 3, 4), gan_shape_4d(3, 2, kernels[k][0], kernels[k][1]),
                                stride, padding);
            }
    visit_conv(visit, gan_shape_4d(0, 3, 4, 4), gan_shape_4d(2, 3, 3, 3), 1, 1); /* an empty batch */
    visit_transpose(visit, gan_shape_4d(0, 3, 4, 4), gan_shape_4d(3, 2, 4, 4), 2, 1);
    visit_conv(visit, gan_shape_4d(1, 1, 1, 1), gan_shape_4d(1, 1, 1, 1), 1, 0);
    /* more than a register tile of everything */
    visit_conv(visit, gan_shape_4d(3, 17, 8, 8), gan_shape_4d(19, 17, 4, 4), 2, 1);
    visit_transpose(visit, gan_shape_4d(3, 17, 4, 4), gan_shape_4d(17, 19, 4, 4), 2, 1);
    visit_conv(visit, gan_shape_4d(2, 9, 10, 18), gan_shape_4d(8, 9, 3, 3), 1, 1);
    /* a generator's first layer, a discriminator's last */
    visit_transpose(visit, gan_shape_4d(2, 100, 1, 1), gan_shape_4d(100, 8, 4, 4), 1, 0);
    visit_conv(visit, gan_shape_4d(2, 8, 4, 4), gan_shape_4d(1, 8, 4, 4), 1, 0);
}

/* ---- batch normalisation: p epsilon ---- */

static gan_tensor *apply_norm(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return v->count == 1 ? gan_batch_norm(tape, xs[0], NULL, NULL, v->p)
                         : gan_batch_norm(tape, xs[0], xs[1], xs[2], v->p);
}
static void naive_norm(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t n = result->size[0], c = result->size[1], s = 1;
    for (int32_t i = 2; i < result->rank; i++) s *= result->size[i];
    for (int64_t k = 0; k < c; k++) {
        double mean = 0, var = 0;
        for (int64_t i = 0; i < n * s; i++) mean += xs[0][(i / s * c + k) * s + i % s];
        mean /= (double)(n * s);
        for (int64_t i = 0; i < n * s; i++) var += pow(xs[0][(i / s * c + k) * s + i % s] - mean, 2);
        var /= (double)(n * s);
        for (int64_t i = 0; i < n * s; i++) {
            double hat = (xs[0][(i / s * c + k) * s + i % s] - mean) / sqrt(var + v->p);
            y[(i / s * c + k) * s + i % s] = v->count == 1 ? hat : hat * xs[1][k] + xs[2][k];
        }
    }
}

void variants_norm(void (*visit)(const variant *)) {
    static const int64_t sizes[][5] = {{2, 5, 3},  {4, 2, 3, 3, 2}, {3, 4, 1, 3}, {4, 1, 2, 2, 3},
                                       {2, 3, 70}, {4, 3, 5, 4, 4}, {3, 2, 3, 1}};
    for (size_t s = 0; s < LENGTH(sizes); s++)
        for (int32_t count = 1; count <= 3; count += 2) {
            variant v = make(&gani_op_batch_norm, apply_norm, naive_norm, count);
            v.result = v.shapes[0] = host_shape((int32_t)sizes[s][0], &sizes[s][1]);
            v.shapes[1] = v.shapes[2] = gan_shape_1d(sizes[s][2]);
            v.low = 0.2;
            v.high = 2;
            v.multilinear = 0;
            v.p = s % 2 ? 1e-5 : 0.25;
            v.terms = gan_shape_count(v.shapes[0]) / sizes[s][2];
            visit(&v);
        }
}
