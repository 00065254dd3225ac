/* Arithmetic, activations and their helpers. */
#include <math.h>

#include "host.h"
#include "variant.h"

static void naive_unary(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    for (int64_t i = 0; i < gan_shape_count(*result); i++) y[i] = v->f1(xs[0][i], v->p, v->q);
}

static void naive_binary(const variant *v, const double *const *xs, const gan_shape *result, double *y) {
    int64_t at[GAN_MAX_RANK] = {0}, i = 0;
    if (gan_shape_count(*result) == 0) return;
    do {
        y[i++] = v->f2(xs[0][variant_broadcast_offset(v->shapes[0], *result, at)],
                       xs[1][variant_broadcast_offset(v->shapes[1], *result, at)], v->p, v->q);
    } while (variant_next(*result, at));
}

#define USER                                                                                                           \
    const variant *v = user;                                                                                           \
    (void)v
#define UNARY(NAME, CALL, EXPRESSION)                                                                                  \
    static gan_tensor *apply_##NAME(gan_tape *tape, gan_tensor *const *xs, void *user) {                               \
        USER;                                                                                                          \
        return CALL;                                                                                                   \
    }                                                                                                                  \
    static double value_##NAME(double x, double p, double q) {                                                         \
        (void)x, (void)p, (void)q;                                                                                     \
        return EXPRESSION;                                                                                             \
    }
#define BINARY(NAME, CALL, EXPRESSION)                                                                                 \
    static gan_tensor *apply_##NAME(gan_tape *tape, gan_tensor *const *xs, void *user) {                               \
        USER;                                                                                                          \
        return CALL;                                                                                                   \
    }                                                                                                                  \
    static double value_##NAME(double a, double b, double p, double q) {                                               \
        (void)p, (void)q;                                                                                              \
        return EXPRESSION;                                                                                             \
    }

UNARY(neg, gan_neg(tape, xs[0]), -x)
UNARY(scale, gan_scale(tape, xs[0], v->p), p *x)
UNARY(add_scalar, gan_add_scalar(tape, xs[0], v->p), x + p)
UNARY(square, gan_square(tape, xs[0]), x *x)
UNARY(reciprocal, gan_reciprocal(tape, xs[0]), 1 / x)
UNARY(sqrt, gan_sqrt(tape, xs[0]), sqrt(x))
UNARY(rsqrt, gan_rsqrt(tape, xs[0]), 1 / sqrt(x))
UNARY(exp, gan_exp(tape, xs[0]), exp(x))
UNARY(log, gan_log(tape, xs[0]), log(x))
UNARY(abs, gan_abs(tape, xs[0]), fabs(x))
UNARY(clamp, gan_clamp(tape, xs[0], v->p, v->q), fmin(fmax(x, p), q))
UNARY(relu, gan_relu(tape, xs[0]), x > 0 ? x : 0)
UNARY(leaky_relu, gan_leaky_relu(tape, xs[0], v->p), x > 0 ? x : p * x)
UNARY(tanh, gan_tanh(tape, xs[0]), tanh(x))
UNARY(sigmoid, gan_sigmoid(tape, xs[0]), 1 / (1 + exp(-x)))
UNARY(softplus, gan_softplus(tape, xs[0]), fmax(x, 0) + log1p(exp(-fabs(x))))
UNARY(elu, gan_elu(tape, xs[0], v->p), x > 0 ? x : p * expm1(x))
UNARY(pow, gan_pow(tape, xs[0], v->p), pow(x, p))
UNARY(identity, gani_identity(tape, xs[0]), x)
BINARY(add, gan_add(tape, xs[0], xs[1]), a + b)
BINARY(sub, gan_sub(tape, xs[0], xs[1]), a - b)
BINARY(mul, gan_mul(tape, xs[0], xs[1]), a *b)
BINARY(div, gan_div(tape, xs[0], xs[1]), a / b)
/* Operands of size 1 to 1.25 and 1.5 to 1.875 or 0.5 to 0.625: clear of each other, as differences need. */
BINARY(maximum, gan_maximum(tape, gan_scale(tape, xs[0], v->p), xs[1]), p *a > b ? p * a : b)
BINARY(minimum, gan_minimum(tape, gan_scale(tape, xs[0], v->p), xs[1]), p *a < b ? p * a : b)

/* The helpers that only gradients use: reached through the gradient of what they belong to, with the seed as second
 * operand. */
static gan_tensor *seeded(gan_tape *tape, gan_tensor *y, gan_tensor *x, gan_tensor *seed) {
    gan_tensor *g;
    gan_gradients(tape, y, seed, &x, 1, GAN_GRAD_DIFFERENTIABLE, &g);
    return g;
}
static gan_tensor *apply_leaky_relu_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    USER;
    gan_tensor *x = gan_watch(tape, xs[0]);
    return seeded(tape, gan_leaky_relu(tape, x, v->p), x, xs[1]);
}
static double value_leaky_relu_grad(double a, double b, double p, double q) {
    (void)q;
    return a > 0 ? b : p * b;
}
static gan_tensor *apply_clamp_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    USER;
    gan_tensor *x = gan_watch(tape, xs[0]);
    return seeded(tape, gan_clamp(tape, x, v->p, v->q), x, xs[1]);
}
static double value_clamp_grad(double a, double b, double p, double q) { return a >= p && a <= q ? b : 0; }

/* The second derivative of ELU: what its gradient becomes when it is differentiated. */
static gan_tensor *apply_elu_curvature(gan_tape *tape, gan_tensor *const *xs, void *user) {
    USER;
    gan_tensor *x = gan_watch(tape, xs[0]);
    return seeded(tape, seeded(tape, gan_elu(tape, x, v->p), x, xs[1]), x, NULL);
}
static double value_elu_curvature(double a, double b, double p, double q) {
    (void)q;
    return a > 0 ? 0 : p * exp(a) * b;
}
static gan_tensor *apply_elu_grad(gan_tape *tape, gan_tensor *const *xs, void *user) {
    USER;
    gan_tensor *x = gan_watch(tape, xs[0]);
    return seeded(tape, gan_elu(tape, x, v->p), x, xs[1]);
}
static double value_elu_grad(double a, double b, double p, double q) {
    (void)q;
    return a > 0 ? b : p * exp(a) * b;
}

typedef struct entry {
    const gani_op *op;
    gradcheck_function *apply;
    double (*f1)(double, double, double);
    double (*f2)(double, double, double, double);
    double low, high;
    int32_t signs, multilinear;
    double p, q;
} entry;

static const entry unary[] = {
    {&gani_op_neg, apply_neg, value_neg, NULL, 0, 2, 1, 1, 0, 0},
    {&gani_op_affine, apply_scale, value_scale, NULL, 0, 2, 1, 1, -1.75, 0},
    {&gani_op_affine, apply_scale, value_scale, NULL, 0, 2, 1, 1, 0, 0},
    {&gani_op_add_scalar, apply_add_scalar, value_add_scalar, NULL, 0, 2, 1, 0, 0.625, 0},
    {&gani_op_square, apply_square, value_square, NULL, 0, 2, 1, 0, 0, 0},
    {&gani_op_reciprocal, apply_reciprocal, value_reciprocal, NULL, 0.5, 2, 1, 0, 0, 0},
    {&gani_op_sqrt, apply_sqrt, value_sqrt, NULL, 0.5, 2, 0, 0, 0, 0},
    {&gani_op_rsqrt, apply_rsqrt, value_rsqrt, NULL, 0.5, 2, 0, 0, 0, 0},
    {&gani_op_exp, apply_exp, value_exp, NULL, 0, 2, 1, 0, 0, 0},
    {&gani_op_log, apply_log, value_log, NULL, 0.5, 3, 0, 0, 0, 0},
    {&gani_op_abs, apply_abs, value_abs, NULL, 0.1, 2, 1, 0, 0, 0},
    /* magnitudes of 0.1 to 0.4 and bounds of 0.05 and 0.45: no input is within reach of a bound; then bounds that
     * cut */
    {&gani_op_clamp, apply_clamp, value_clamp, NULL, 0.1, 0.4, 1, 0, -0.05, 0.45},
    {&gani_op_clamp, apply_clamp, value_clamp, NULL, 0.1, 0.4, 1, 0, -0.45, 0.05},
    {&gani_op_leaky_relu, apply_relu, value_relu, NULL, 0.1, 2, 1, 0, 0, 0},
    {&gani_op_leaky_relu, apply_leaky_relu, value_leaky_relu, NULL, 0.1, 2, 1, 0, 0.2, 0},
    {&gani_op_leaky_relu, apply_leaky_relu, value_leaky_relu, NULL, 0.1, 2, 1, 0, -0.5, 0},
    {&gani_op_tanh, apply_tanh, value_tanh, NULL, 0, 2, 1, 0, 0, 0},
    {&gani_op_sigmoid, apply_sigmoid, value_sigmoid, NULL, 0, 4, 1, 0, 0, 0},
    {&gani_op_softplus, apply_softplus, value_softplus, NULL, 0, 4, 1, 0, 0, 0},
    {&gani_op_elu, apply_elu, value_elu, NULL, 0.1, 3, 1, 0, 1, 0},
    {&gani_op_elu, apply_elu, value_elu, NULL, 0.1, 3, 1, 0, 0.3, 0},
    {&gani_op_elu, apply_elu, value_elu, NULL, 0.1, 3, 1, 0, -2, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 1, 0, 0, 0}, /* whole powers, of both signs */
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 1, 0, 1, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 1, 0, 2, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 1, 0, 3, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 1, 0, -2, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 0, 0, 0.5, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 0, 0, -1.5, 0},
    {&gani_op_pow, apply_pow, value_pow, NULL, 0.5, 2, 0, 0, 2.75, 0},
    {&gani_op_identity, apply_identity, value_identity, NULL, 0, 2, 1, 1, 0, 0},
};

static const entry binary[] = {
    {&gani_op_add, apply_add, NULL, value_add, 0, 2, 1, 1, 0, 0},
    {&gani_op_sub, apply_sub, NULL, value_sub, 0, 2, 1, 0, 0, 0},
    {&gani_op_mul, apply_mul, NULL, value_mul, 0, 2, 1, 1, 0, 0},
    {&gani_op_div, apply_div, NULL, value_div, 0.5, 2, 1, 0, 0, 0},
    {&gani_op_maximum, apply_maximum, NULL, value_maximum, 1, 1.25, 1, 0, 1.5, 0},
    {&gani_op_maximum, apply_maximum, NULL, value_maximum, 1, 1.25, 1, 0, 0.5, 0},
    {&gani_op_minimum, apply_minimum, NULL, value_minimum, 1, 1.25, 1, 0, 1.5, 0},
    {&gani_op_minimum, apply_minimum, NULL, value_minimum, 1, 1.25, 1, 0, 0.5, 0},
};

static const entry seeded_pairs[] = {
    {&gani_op_leaky_relu_grad, apply_leaky_relu_grad, NULL, value_leaky_relu_grad, 0.1, 2, 1, 0, 0.2, 0},
    {&gani_op_leaky_relu_grad, apply_leaky_relu_grad, NULL, value_leaky_relu_grad, 0.1, 2, 1, 0, 0, 0},
    {&gani_op_elu_grad, apply_elu_grad, NULL, value_elu_grad, 0.1, 2, 1, 0, 1, 0},
    {&gani_op_elu_grad, apply_elu_grad, NULL, value_elu_grad, 0.1, 2, 1, 0, 0.4, 0},
    {&gani_op_elu_grad, apply_elu_curvature, NULL, value_elu_curvature, 0.1, 2, 1, 0, 0.4, 0},
    {&gani_op_clamp_grad, apply_clamp_grad, NULL, value_clamp_grad, 0.1, 0.4, 1, 0, -0.05, 0.45},
};

static variant make(const entry *e, int32_t count) {
    variant v = {0};
    v.op = e->op;
    v.apply = e->apply;
    v.naive = count == 1 ? naive_unary : naive_binary;
    v.count = count;
    v.low = e->low;
    v.high = e->high;
    v.signs = e->signs;
    v.multilinear = e->multilinear;
    v.p = e->p;
    v.q = e->q;
    v.f1 = e->f1;
    v.f2 = e->f2;
    v.terms = 1;
    return v;
}

/* NumPy's rule, written once more. */
static gan_shape common_shape(gan_shape a, gan_shape b) {
    gan_shape result = gan_shape_0d();
    result.rank = a.rank > b.rank ? a.rank : b.rank;
    for (int32_t i = 1; i <= result.rank; i++) {
        int64_t m = i <= a.rank ? a.size[a.rank - i] : 1, n = i <= b.rank ? b.size[b.rank - i] : 1;
        result.size[result.rank - i] = m == 1 ? n : m;
    }
    return result;
}

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

void variants_elementwise(void (*visit)(const variant *)) {
    static const int64_t sizes[][5] = {
        /* rank, sizes */
        {0},    {1, 1},       {1, 5},     {3, 3, 1, 4}, {4, 2, 3, 1, 5},
        {1, 0}, {3, 2, 0, 3}, {2, 7, 13}, {1, 16387}, /* more than one task */
    };
    static const int64_t pairs[][2][5] = {
        {{1, 5}, {1, 5}},
        {{3, 3, 1, 4}, {2, 2, 1}},
        {{0}, {2, 2, 3}},
        {{2, 2, 3}, {0}},
        {{0}, {0}},
        {{3, 2, 3, 4}, {1, 4}},
        {{2, 4, 1}, {2, 1, 5}},
        {{4, 2, 3, 1, 2}, {3, 3, 1, 1}},
        {{1, 1}, {1, 0}},
        {{2, 2, 0}, {2, 1, 1}},
        {{4, 2, 3, 4, 5}, {4, 1, 3, 1, 1}}, /* a bias over channels */
        {{2, 130, 127}, {2, 130, 1}},       /* more than one task, broadcast */
    };
    for (size_t e = 0; e < LENGTH(unary); e++)
        for (size_t s = 0; s < LENGTH(sizes); s++) {
            variant v = make(&unary[e], 1);
            v.result = v.shapes[0] = host_shape((int32_t)sizes[s][0], &sizes[s][1]);
            visit(&v);
        }
    for (size_t e = 0; e < LENGTH(binary); e++)
        for (size_t s = 0; s < LENGTH(pairs); s++) {
            variant v = make(&binary[e], 2);
            for (int k = 0; k < 2; k++) v.shapes[k] = host_shape((int32_t)pairs[s][k][0], &pairs[s][k][1]);
            v.result = common_shape(v.shapes[0], v.shapes[1]);
            int64_t a = gan_shape_count(v.shapes[0]), b = gan_shape_count(v.shapes[1]);
            v.terms = a > b ? a : b; /* of a broadcast operand's gradient */
            visit(&v);
        }
    for (size_t e = 0; e < LENGTH(seeded_pairs); e++)
        for (size_t s = 0; s < LENGTH(sizes); s++) {
            variant v = make(&seeded_pairs[e], 2);
            v.result = v.shapes[0] = v.shapes[1] = host_shape((int32_t)sizes[s][0], &sizes[s][1]);
            visit(&v);
        }
}
