/* Convolutions: n[0] stride, n[1] padding, conv the other options. */
#include "host.h"
#include "variant.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t or_else(int64_t wide, int64_t high) { return wide < 0 ? high : wide; }

static gan_conv_options plain(void) {
    gan_conv_options options;
    gan_conv_options_init(&options);
    return options;
}

/* The convolution x (N C H W), w (O C/groups KH KW) -> y (N O OH OW), of which each operation sums one operand's
 * products of the two others. */
typedef struct form {
    gan_shape x, w, y;
    int64_t stride[2], padding[2], dilation[2], groups;
} form;

static form form_of(const variant *v, gan_shape x, gan_shape w, gan_shape y) {
    const gan_conv_options *o = &v->conv;
    return (form){x,
                  w,
                  y,
                  {v->n[0], or_else(o->stride_w, v->n[0])},
                  {v->n[1], or_else(o->padding_w, v->n[1])},
                  {o->dilation, or_else(o->dilation_w, o->dilation)},
                  o->groups};
}

static int64_t at(gan_shape s, int64_t a, int64_t b, int64_t c, int64_t d) {
    return ((a * s.size[1] + b) * s.size[2] + c) * s.size[3] + d;
}

/* *out += left * right for each triple of elements that meet; which of them is which is told by the one that is NULL.
 */
static void sum_terms(const form *f, const double *x, const double *w, const double *y, double *out) {
    int64_t channels = f->w.size[1], outputs = f->w.size[0] / f->groups;
    int64_t most[7] = {f->y.size[0], f->y.size[1], channels, f->y.size[2], f->y.size[3], f->w.size[2], f->w.size[3]};
    int64_t count = 1, i[7];
    for (int k = 0; k < 7; k++) count *= most[k];
    for (int64_t term = 0; term < count; term++) {
        int64_t rest = term;
        for (int k = 6; k >= 0; k--) {
            i[k] = rest % most[k];
            rest /= most[k];
        }
        int64_t h = i[3] * f->stride[0] + i[5] * f->dilation[0] - f->padding[0];
        int64_t wide = i[4] * f->stride[1] + i[6] * f->dilation[1] - f->padding[1];
        if (h < 0 || wide < 0 || h >= f->x.size[2] || wide >= f->x.size[3]) continue;
        int64_t ix = at(f->x, i[0], i[1] / outputs * channels + i[2], h, wide);
        int64_t iw = at(f->w, i[1], i[2], i[5], i[6]), iy = at(f->y, i[0], i[1], i[3], i[4]);
        if (y == NULL)
            out[iy] += x[ix] * w[iw];
        else if (x == NULL)
            out[ix] += y[iy] * w[iw];
        else
            out[iw] += x[ix] * y[iy];
    }
}

static void fill_bias(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t area = result->size[2] * result->size[3];
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = v->count > 2 ? xs[2][i / area % result->size[1]] : 0;
}

static gan_tensor *apply_conv2d(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_conv2d(tape, xs[0], xs[1], v->count > 2 ? xs[2] : NULL, v->n[0], v->n[1], &v->conv);
}
static void naive_conv2d(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    form f = form_of(v, v->shapes[0], v->shapes[1], *result);
    fill_bias(v, xs, result, y);
    sum_terms(&f, xs[0], xs[1], NULL, y);
}

/* The roles of input and output are exchanged: weight I x O of the transposed convolution is O x C of the
 * convolution. */
static gan_tensor *apply_transpose(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    return gan_conv_transpose2d(tape, xs[0], xs[1], v->count > 2 ? xs[2] : NULL, v->n[0], v->n[1], &v->conv);
}
static void naive_transpose(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    form f = form_of(v, *result, v->shapes[1], v->shapes[0]);
    fill_bias(v, xs, result, y);
    sum_terms(&f, NULL, xs[1], xs[0], y);
}

/* The weight's gradient with the seed as second operand; its value does not depend on the weight. shape: the
 * weight's. */
static gan_tensor *apply_weight_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    const variant *v = user;
    gan_tensor *w = gan_watch(tape, gan_full(tape, gan_tensor_dtype(xs[0]), v->shape, 0.5)), *g;
    gan_tensor *y = gan_conv2d(tape, xs[0], w, NULL, v->n[0], v->n[1], &v->conv);
    gan_gradients(tape, y, xs[1], &w, 1, GAN_GRAD_DIFFERENTIABLE, &g);
    return g;
}
static void naive_weight_grad(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    form f = form_of(v, v->shapes[0], *result, v->shapes[1]);
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = 0;
    sum_terms(&f, xs[0], NULL, xs[1], y);
}

static variant make(const gani_op *op, gradcheck_function *apply,
                    void (*naive)(const variant *, const double *const *, const gan_shape *, double *), int32_t count,
                    int64_t stride, int64_t padding, const gan_conv_options *options) {
    variant v = {0};
    v.op = op;
    v.apply = apply;
    v.naive = naive;
    v.count = count;
    v.high = 1;
    v.signs = 1;
    v.multilinear = 1;
    v.n[0] = stride;
    v.n[1] = padding;
    v.conv = *options;
    return v;
}

static void visit_conv(void (*visit)(const variant *), gan_shape x, gan_shape w, int64_t stride, int64_t padding,
                       const gan_conv_options *options) {
    variant v = make(&gani_op_conv2d, apply_conv2d, naive_conv2d, stride == 2 ? 2 : 3, stride, padding, options);
    form f = form_of(&v, x, w, x);
    int64_t room_h = x.size[2] + 2 * f.padding[0] - f.dilation[0] * (w.size[2] - 1) - 1;
    int64_t room_w = x.size[3] + 2 * f.padding[1] - f.dilation[1] * (w.size[3] - 1) - 1;
    if (room_h < 0 || room_w < 0) return;
    gan_shape y = gan_shape_4d(x.size[0], w.size[0], room_h / f.stride[0] + 1, room_w / f.stride[1] + 1);
    v.terms = larger(larger(w.size[0], w.size[1]) * w.size[2] * w.size[3],
                     larger(1, y.size[0] * larger(y.size[2] * y.size[3], x.size[2] * x.size[3])));
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

static void visit_transpose(void (*visit)(const variant *), gan_shape x, gan_shape w, int64_t stride, int64_t padding,
                            const gan_conv_options *options) {
    variant v = make(&gani_op_conv_transpose2d, apply_transpose, naive_transpose, options->output_padding == 0 ? 3 : 2,
                     stride, padding, options);
    form f = form_of(&v, x, w, x);
    int64_t extra = options->output_padding, size[2];
    for (int k = 0; k < 2; k++)
        size[k] = (x.size[2 + k] - 1) * f.stride[k] - 2 * f.padding[k] + f.dilation[k] * (w.size[2 + k] - 1) + 1 +
                  (k == 0 ? extra : or_else(options->output_padding_w, extra));
    if (size[0] < 1 || size[1] < 1) return;
    int64_t channels = w.size[1] * options->groups;
    v.shapes[0] = x;
    v.shapes[1] = w;
    v.shapes[2] = gan_shape_1d(channels);
    v.result = gan_shape_4d(x.size[0], channels, size[0], size[1]);
    v.terms = larger(larger(w.size[0], w.size[1]) * w.size[2] * w.size[3], larger(1, x.size[0] * size[0] * size[1]));
    visit(&v);
}

/* Groups, dilation, and windows that are not square. */
static void visit_options(void (*visit)(const variant *)) {
    /* groups, stride, stride_w, padding, padding_w, dilation, dilation_w, kernel, kernel_w, output padding, .._w */
    static const int64_t cases[][11] = {
        {1, 1, -1, 2, -1, 2, -1, 3, 3, 0, -1}, /* dilation alone */
        {1, 1, -1, 3, -1, 3, -1, 3, 3, 0, -1},
        {1, 2, -1, 2, -1, 2, -1, 3, 3, 1, -1}, /* ... that leaves phases without taps, */
        {1, 2, -1, 3, -1, 3, -1, 2, 3, 1, 0},  /* ... or not */
        {1, 3, -1, 1, -1, 2, -1, 2, 2, 2, -1},
        {2, 1, -1, 1, -1, 1, -1, 3, 3, 0, -1}, /* groups alone */
        {4, 1, -1, 1, -1, 1, -1, 3, 3, 0, -1}, /* depthwise */
        {2, 2, -1, 1, -1, 1, -1, 4, 4, 1, -1},
        {4, 2, -1, 0, -1, 2, -1, 3, 2, 0, 1},
        {2, 1, -1, 2, -1, 3, -1, 2, 3, 2, 1}, /* output padding beyond the stride */
        {1, 1, 2, 0, 1, 1, 1, 2, 3, 0, 1},    /* each size of its own */
        {2, 2, 1, 1, 2, 1, 2, 3, 2, 1, 0},
        {4, 3, 2, 2, 0, 2, 3, 1, 2, 1, 2},
        {1, 5, 4, 0, 0, 1, 1, 2, 1, 3, 0}, /* strides beyond the kernel: what no window covers */
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const int64_t *c = cases[i];
        gan_conv_options o = plain();
        o.groups = c[0];
        o.stride_w = c[2];
        o.padding_w = c[4];
        o.dilation = c[5];
        o.dilation_w = c[6];
        visit_conv(visit, gan_shape_4d(2, 4, 7, 8), gan_shape_4d(8, 4 / c[0], c[7], c[8]), c[1], c[3], &o);
        o.output_padding = c[9];
        o.output_padding_w = c[10];
        visit_transpose(visit, gan_shape_4d(2, 4, 3, 4), gan_shape_4d(4, 2, c[7], c[8]), c[1], c[3], &o);
    }
    gan_conv_options o = plain();
    o.groups = 2;
    visit_conv(visit, gan_shape_4d(0, 4, 4, 4), gan_shape_4d(2, 2, 3, 3), 1, 1, &o); /* an empty batch */
    visit_transpose(visit, gan_shape_4d(0, 4, 4, 4), gan_shape_4d(4, 1, 4, 4), 2, 1, &o);
    visit_conv(visit, gan_shape_4d(3, 6, 4, 4), gan_shape_4d(4, 3, 4, 4), 1, 0, &o); /* a dense product a group */
    visit_transpose(visit, gan_shape_4d(3, 6, 1, 1), gan_shape_4d(6, 2, 4, 4), 1, 0, &o);
    visit_conv(visit, gan_shape_4d(2, 34, 6, 7), gan_shape_4d(38, 17, 3, 3), 1, 1, &o); /* more than a register tile */
}

void variants_conv(void (*visit)(const variant *)) {
    static const int64_t kernels[][2] = {{1, 1}, {3, 3}, {4, 4}, {5, 5}, {2, 3}};
    gan_conv_options o = plain();
    for (size_t k = 0; k < LENGTH(kernels); k++)
        for (int64_t stride = 1; stride <= 3; stride++)
            for (int64_t padding = 0; padding <= 2; padding++) {
                /* 7 x 6 with a stride of 2 or 3: rows and columns that no window covers */
                visit_conv(visit, gan_shape_4d(2, 3, 7, 6), gan_shape_4d(2, 3, kernels[k][0], kernels[k][1]), stride,
                           padding, &o);
                for (gan_conv_options t = o; t.output_padding < stride; t.output_padding++)
                    visit_transpose(visit, gan_shape_4d(2, 3, 3, 4), gan_shape_4d(3, 2, kernels[k][0], kernels[k][1]),
                                    stride, padding, &t);
            }
    visit_conv(visit, gan_shape_4d(0, 3, 4, 4), gan_shape_4d(2, 3, 3, 3), 1, 1, &o); /* an empty batch */
    visit_transpose(visit, gan_shape_4d(0, 3, 4, 4), gan_shape_4d(3, 2, 4, 4), 2, 1, &o);
    visit_conv(visit, gan_shape_4d(1, 1, 1, 1), gan_shape_4d(1, 1, 1, 1), 1, 0, &o);
    /* more than a register tile of everything */
    visit_conv(visit, gan_shape_4d(3, 17, 8, 8), gan_shape_4d(19, 17, 4, 4), 2, 1, &o);
    visit_transpose(visit, gan_shape_4d(3, 17, 4, 4), gan_shape_4d(17, 19, 4, 4), 2, 1, &o);
    visit_conv(visit, gan_shape_4d(2, 9, 10, 18), gan_shape_4d(8, 9, 3, 3), 1, 1, &o);
    /* a generator's first layer, a discriminator's last */
    visit_transpose(visit, gan_shape_4d(2, 100, 1, 1), gan_shape_4d(100, 8, 4, 4), 1, 0, &o);
    visit_conv(visit, gan_shape_4d(2, 8, 4, 4), gan_shape_4d(1, 8, 4, 4), 1, 0, &o);
    visit_options(visit);
}
