#include "gradcheck.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan/ops.h>

#include "compare.h"
#include "host.h"

#define STEP 1e-3 /* the stencil's error is about STEP^4 = 1e-12, its rounding about 1e-16 / STEP */
#define SMALL 40  /* inputs of up to this many elements are moved element by element */
#define PICKED 10 /* of larger ones, this many are */
#define DIRECTIONS 2
#define SALT 0x6772616463686bu

/* L(xs) = sum(f(xs) * v), and whatever is needed to evaluate it again and again. */
typedef struct check {
    gan_context *context;
    gan_tape *tape;
    gradcheck_function *f;
    void *user;
    gan_tensor *const *xs;
    int32_t count;
    gan_tensor *v; /* made when the result's shape is known */
} check;

static void say(char *message, const char *text) {
    if (message != NULL) snprintf(message, GRADCHECK_MESSAGE, "%s", text);
}

static gan_tensor *weighted(check *c, gan_tensor **watched) {
    for (int32_t i = 0; i < c->count; i++) watched[i] = gan_watch(c->tape, c->xs[i]);
    gan_tensor *y = c->f(c->tape, watched, c->user);
    if (gan_tape_status(c->tape) != GAN_OK) return y;
    if (c->v == NULL) c->v = host_uniform(c->context, GAN_F64, gan_tensor_shape(y), 0.5, 1.5, SALT);
    return gan_sum(c->tape, gan_mul(c->tape, y, c->v));
}

static double evaluate(check *c) {
    gan_tensor *watched[GRADCHECK_MAX_INPUTS];
    gan_tape_reset(c->tape);
    return gan_tensor_item(weighted(c, watched), 0);
}

/* dL/dt at 0 of L(x + t d) */
static double slope(check *c, int32_t input, const double *x, const double *d) {
    static const double at[4] = {1, -1, 2, -2}, weight[4] = {8, -8, -1, 1};
    int64_t n = gan_tensor_count(c->xs[input]);
    double *data = gan_tensor_data(c->xs[input]), sum = 0;
    for (int k = 0; k < 4; k++) {
        for (int64_t i = 0; i < n; i++) data[i] = x[i] + at[k] * STEP * d[i];
        sum += weight[k] * evaluate(c);
    }
    for (int64_t i = 0; i < n; i++) data[i] = x[i];
    return sum / (12 * STEP);
}

static double uniform(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

/* Distance of the gradient g of one input from differences, as a share of the gradient's size. */
static double input_error(check *c, int32_t input, const double *g, double floor) {
    int64_t n = gan_tensor_count(c->xs[input]), moved = n <= SMALL ? n : PICKED, along = n <= SMALL ? 0 : DIRECTIONS;
    double *x = compare_read(c->xs[input]), *d = calloc((size_t)n + 1, sizeof *d);
    double *actual = calloc((size_t)(moved + along) + 1, sizeof *actual),
           *expected = calloc((size_t)(moved + along) + 1, sizeof *expected);
    if (d == NULL || actual == NULL || expected == NULL) abort();
    uint64_t state = SALT + (uint64_t)input;
    for (int64_t k = 0; k < moved; k++) {
        int64_t i = n <= SMALL ? k : (int64_t)(uniform(&state) * (double)n);
        d[i] = 1;
        actual[k] = g[i];
        expected[k] = slope(c, input, x, d);
        d[i] = 0;
    }
    for (int64_t k = moved; k < moved + along; k++) {
        for (int64_t i = 0; i < n; i++) {
            d[i] = (2 * uniform(&state) - 1) /
                   sqrt((double)n); /* of size 1, so that the stencil stays as exact as for one element */
            actual[k] += g[i] * d[i];
        }
        expected[k] = slope(c, input, x, d);
    }
    double size = compare_norm(expected, moved + along), distance = 0;
    for (int64_t k = 0; k < moved + along; k++) actual[k] -= expected[k];
    distance = compare_norm(actual, moved + along);
    free(x);
    free(d);
    free(actual);
    free(expected);
    return distance / (size > floor ? size : floor);
}

static int check_begin(check *c, gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs,
                       int32_t count, char *message) {
    *c = (check){context, NULL, f, user, xs, count, NULL};
    say(message, "");
    if (count > GRADCHECK_MAX_INPUTS || gan_tape_create(&c->tape, context) != GAN_OK) {
        say(message, "no tape");
        return 0;
    }
    return 1;
}

static void check_end(check *c) {
    gan_tape_release(c->tape);
    gan_tensor_release(c->v);
}

double gradcheck_error(gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs, int32_t count,
                       char *message) {
    check c;
    if (!check_begin(&c, context, f, user, xs, count, message)) return INFINITY;
    gan_tensor *watched[GRADCHECK_MAX_INPUTS], *g[GRADCHECK_MAX_INPUTS];
    gan_tensor *loss = weighted(&c, watched);
    gan_gradients(c.tape, loss, NULL, watched, count, 0, g);
    double error = 0;
    if (gan_tape_status(c.tape) != GAN_OK) {
        say(message, gan_tape_error(c.tape));
        error = INFINITY;
    }
    double *values[GRADCHECK_MAX_INPUTS] = {NULL}, total = 0;
    for (int32_t i = 0; i < count && error == 0; i++) {
        values[i] = compare_read(g[i]);
        double norm = compare_norm(values[i], gan_tensor_count(g[i]));
        total += norm * norm;
    }
    /* A gradient that is truly 0 is measured against the others. */
    for (int32_t i = 0; i < count && isfinite(error); i++) {
        double e = input_error(&c, i, values[i], 1e-3 * (1 + sqrt(total)));
        if (!(e <= error)) error = isnan(e) ? INFINITY : e;
    }
    if (gan_tape_status(c.tape) != GAN_OK) {
        say(message, gan_tape_error(c.tape));
        error = INFINITY;
    }
    for (int32_t i = 0; i < count; i++) free(values[i]);
    check_end(&c);
    return error;
}

typedef struct second {
    gradcheck_function *f;
    void *user;
    int32_t count;
    gan_tensor *u[GRADCHECK_MAX_INPUTS];
} second;

/* The gradients of f(xs) with seed v, weighted and summed. */
static gan_tensor *gradient_of(gan_tape *tape, gan_tensor *const *xs, void *user) {
    second *s = user;
    gan_tensor *g[GRADCHECK_MAX_INPUTS];
    gan_gradients(tape, s->f(tape, xs, s->user), xs[s->count], xs, s->count, GAN_GRAD_DIFFERENTIABLE, g);
    gan_tensor *sum = NULL;
    for (int32_t i = 0; i < s->count; i++) {
        gan_tensor *term = gan_sum(tape, gan_mul(tape, g[i], s->u[i]));
        sum = sum == NULL ? term : gan_add(tape, sum, term);
    }
    return sum;
}

double gradgradcheck_error(gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs,
                           int32_t count, char *message) {
    check c;
    if (!check_begin(&c, context, f, user, xs, count, message) || count + 1 > GRADCHECK_MAX_INPUTS) return INFINITY;
    gan_tensor *all[GRADCHECK_MAX_INPUTS], *watched[GRADCHECK_MAX_INPUTS];
    second s = {f, user, count, {NULL}};
    (void)weighted(&c, watched); /* the seed's shape */
    double error = INFINITY;
    if (gan_tape_status(c.tape) != GAN_OK) {
        say(message, gan_tape_error(c.tape));
    } else {
        for (int32_t i = 0; i < count; i++) {
            all[i] = xs[i];
            s.u[i] = host_uniform(context, GAN_F64, gan_tensor_shape(xs[i]), -1, 1, SALT + 100 + (uint64_t)i);
        }
        all[count] = host_uniform(context, GAN_F64, gan_tensor_shape(c.v), -1, 1, SALT + 99);
        error = gradcheck_error(context, gradient_of, &s, all, count + 1, message);
        for (int32_t i = 0; i < count; i++) gan_tensor_release(s.u[i]);
        gan_tensor_release(all[count]);
    }
    check_end(&c);
    return error;
}

double gradcheck_fused_error(gan_context *context, gradcheck_function *f, void *user, gan_tensor *const *xs,
                             int32_t count, char *message) {
    check c;
    if (!check_begin(&c, context, f, user, xs, count, message)) return INFINITY;
    gan_tensor *watched[GRADCHECK_MAX_INPUTS], *fused[GRADCHECK_MAX_INPUTS], *composed[GRADCHECK_MAX_INPUTS];
    gan_tensor *loss = weighted(&c, watched);
    gan_gradients(c.tape, loss, NULL, watched, count, GAN_GRAD_RETAIN, fused);
    gan_gradients(c.tape, loss, NULL, watched, count, GAN_GRAD_DIFFERENTIABLE, composed);
    double error = 0, total = 0;
    if (gan_tape_status(c.tape) != GAN_OK) {
        say(message, gan_tape_error(c.tape));
        error = INFINITY;
    }
    double *a[GRADCHECK_MAX_INPUTS] = {NULL}, *b[GRADCHECK_MAX_INPUTS] = {NULL};
    for (int32_t i = 0; i < count && error == 0; i++) {
        a[i] = compare_read(fused[i]);
        b[i] = compare_read(composed[i]);
        total += pow(compare_norm(b[i], gan_tensor_count(composed[i])), 2);
    }
    for (int32_t i = 0; i < count && isfinite(error); i++) {
        int64_t n = gan_tensor_count(composed[i]);
        double size = compare_norm(b[i], n), floor = 1e-3 * sqrt(total);
        for (int64_t k = 0; k < n; k++) a[i][k] -= b[i][k];
        double distance = compare_norm(a[i], n), e = distance == 0 ? 0 : distance / (size > floor ? size : floor);
        if (!(e <= error)) error = isnan(e) ? INFINITY : e;
    }
    for (int32_t i = 0; i < count; i++) {
        free(a[i]);
        free(b[i]);
    }
    check_end(&c);
    return error;
}

static int judge(const char *name, const char *what, double error, double tolerance, const char *message) {
    if (error <= tolerance) return 1;
    fprintf(stderr, "%s: %s is off by %.3g, allowed %.3g%s%s\n", name, what, error, tolerance,
            message[0] != '\0' ? ": " : "", message);
    return 0;
}

int gradcheck(gan_context *context, const char *name, gradcheck_function *f, void *user, gan_tensor *const *xs,
              int32_t count, double tolerance) {
    char message[GRADCHECK_MESSAGE];
    double error = gradcheck_error(context, f, user, xs, count, message);
    return judge(name, "the gradient", error, tolerance, message);
}

int gradgradcheck(gan_context *context, const char *name, gradcheck_function *f, void *user, gan_tensor *const *xs,
                  int32_t count, double tolerance) {
    char message[GRADCHECK_MESSAGE];
    double error = gradgradcheck_error(context, f, user, xs, count, message);
    return judge(name, "the gradient of the gradient", error, tolerance, message);
}
