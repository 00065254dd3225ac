/* Every operation of the registry, on shapes that are odd, broadcast, of size 1, empty and strided:
 *  - the result against plain loops;
 *  - gradient and gradient of the gradient against central differences;
 *  - the fused gradient of first order against the one made of operations;
 *  - the gradients when all has been given back that no rule reads or that can be computed once more;
 *  - views that are not contiguous give the same bits as copies of them, views of indices too;
 *  - single precision, at every kernel level, against double within a bound that follows from the length of the sums.
 * An operation without a case fails the last test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "host.h"
#include "variant.h"

#define TOLERANCE 1e-6 /* of differences; what they reach is about 1e-9 */
#define FUSED 1e-12
#define MAX_OPERATIONS 64

static gan_context *best, *plain; /* kernel levels */
static int visited[MAX_OPERATIONS], failures;

static int open_contexts(void **state) {
    (void)state;
    best = host_context(2);
    plain = host_context_with(1, GAN_LEVEL_REFERENCE, 0, NULL);
    return 0;
}

static int close_contexts(void **state) {
    (void)state;
    gan_context_release(best);
    gan_context_release(plain);
    return 0;
}

/* A name for messages: operation, operand shapes, parameters. */
static const char *describe(const variant *v, char *text, size_t size) {
    int used = snprintf(text, size, "%s", v->op->name);
    for (int32_t i = 0; i < v->count; i++) {
        char shape[GANI_SHAPE_TEXT];
        used += snprintf(text + used, size - (size_t)used, " %s", gani_shape_text(v->shapes[i], shape));
    }
    used += snprintf(text + used, size - (size_t)used, " (n %lld %lld %lld, p %g, q %g)", (long long)v->n[0],
                     (long long)v->n[1], (long long)v->n[2], v->p, v->q);
    if (v->index_limit > 0) {
        char shape[GANI_SHAPE_TEXT];
        used += snprintf(text + used, size - (size_t)used, " index %s", gani_shape_text(v->index_shape, shape));
    }
    if (v->conv.struct_size > 0)
        snprintf(text + used, size - (size_t)used, " stride_w %lld, padding_w %lld, dilation %lld x %lld, groups %lld",
                 (long long)v->conv.stride_w, (long long)v->conv.padding_w, (long long)v->conv.dilation,
                 (long long)v->conv.dilation_w, (long long)v->conv.groups);
    return text;
}

/* All checks of a variant are made, so that one run shows every defect of an operation; assertions come at the end of a
 * family. */
static void expect(int good, const char *name, const char *what) {
    if (good) return;
    fprintf(stderr, "FAILED: %s: %s\n", name, what);
    failures++;
}

static gan_tensor *make_input(gan_context *context, gan_dtype dtype, const variant *v, int32_t i, int absolute) {
    gan_tensor *x = host_uniform(context, dtype, v->shapes[i], v->low, v->high, 1 + (uint64_t)i);
    if (!v->signs || absolute) return x;
    double *values = compare_read(x);
    uint64_t state = 77 + (uint64_t)i;
    for (int64_t k = 0; k < gan_tensor_count(x); k++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (state >> 63) values[k] = -values[k];
    }
    gan_tensor_release(x);
    x = host_tensor(context, dtype, v->shapes[i], values);
    free(values);
    return x;
}

static void make_inputs(gan_context *context, gan_dtype dtype, const variant *v, int absolute, gan_tensor **xs) {
    for (int32_t i = 0; i < v->count; i++) xs[i] = make_input(context, dtype, v, i, absolute);
}

/* The variant with indices of a context: all over the range, some of them more than once. */
static variant with_index(gan_context *context, const variant *v) {
    variant known = *v;
    if (v->index_limit == 0) return known;
    assert_int_equal(gan_tensor_create(&known.index, context, GAN_I32, v->index_shape), GAN_OK);
    int32_t *at = gan_tensor_data(known.index);
    uint64_t state = 5;
    for (int64_t i = 0; i < gan_tensor_count(known.index); i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        at[i] = (int32_t)((state >> 33) % (uint64_t)v->index_limit);
    }
    return known;
}

static void drop_inputs(const variant *v, gan_tensor **xs) {
    for (int32_t i = 0; i < v->count; i++) gan_tensor_release(xs[i]);
}

/* Result and gradients, for a seed of known values. */
typedef struct outcome {
    gan_shape shape;
    double *y, *g[VARIANT_INPUTS];
    int64_t counts[VARIANT_INPUTS];
    int failed;
} outcome;

static void drop_outcome(outcome *o) {
    free(o->y);
    for (int i = 0; i < VARIANT_INPUTS; i++) free(o->g[i]);
}

static int recorded(const gan_tape *tape, const gani_op *op) {
    for (const gani_node *node = tape->first_node; node != NULL; node = node->next)
        if (node->op == op) return 1;
    return 0;
}

/* watched: how many of the operands are watched; the others are passed as they are. */
static outcome compute(gan_context *context, const variant *v, gan_tensor *const *xs, int32_t watched,
                       const char *name) {
    outcome o;
    memset(&o, 0, sizeof o);
    gan_tape *tape;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    gan_tensor *operands[VARIANT_INPUTS] = {NULL}, *g[VARIANT_INPUTS] = {NULL};
    for (int32_t i = 0; i < v->count; i++) operands[i] = i < watched ? gan_watch(tape, xs[i]) : xs[i];
    gan_tensor *y = v->apply(tape, operands, (void *)(uintptr_t)v);
    o.shape = gan_tensor_shape(y);
    gan_tensor *seed = host_uniform(context, gan_tensor_dtype(xs[0]), o.shape, 0.5, 1.5, 99);
    if (watched > 0) {
        expect(gan_tape_status(tape) != GAN_OK || recorded(tape, v->op), name, "the operation was not recorded");
        gan_gradients(tape, y, seed, operands, watched, 0, g);
    }
    if (gan_tape_status(tape) != GAN_OK) {
        expect(0, name, gan_tape_error(tape));
        o.failed = 1;
    } else {
        o.y = compare_read(y);
        for (int32_t i = 0; i < watched; i++) {
            o.g[i] = compare_read(g[i]);
            o.counts[i] = gan_tensor_count(g[i]);
        }
    }
    gan_tensor_release(seed);
    gan_tape_release(tape);
    return o;
}

static double largest(const double *values, int64_t count) {
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(values[i]) <= most)) most = fabs(values[i]);
    return most;
}

/* What an error of one rounding is relative to: the largest value, or for sums of products, that of the same sums
 * without cancellation. */
typedef struct magnitude {
    double y, g[VARIANT_INPUTS];
} magnitude;

static magnitude magnitudes(const variant *v, const outcome *o, const char *name) {
    magnitude m = {1, {1, 1, 1}};
    outcome absolute = {.y = NULL};
    const outcome *from = o;
    if (v->multilinear) {
        gan_tensor *xs[VARIANT_INPUTS];
        make_inputs(best, GAN_F64, v, 1, xs);
        absolute = compute(best, v, xs, v->count, name);
        drop_inputs(v, xs);
        from = &absolute;
    }
    if (!from->failed) {
        m.y = fmax(1, largest(from->y, gan_shape_count(from->shape)));
        for (int32_t i = 0; i < v->count; i++) m.g[i] = fmax(1, largest(from->g[i], from->counts[i]));
    }
    drop_outcome(&absolute);
    return m;
}

/* A sum of n products, each rounded, is off by at most n + 1 roundings of the sum of magnitudes; a few more for
 * functions. */
static double bound(const variant *v, double epsilon, double size) {
    return 8 * ((double)v->terms + 4) * epsilon * size;
}

static void check_close(const variant *v, const char *name, const char *what, const outcome *actual,
                        const outcome *expected, const magnitude *m, double epsilon) {
    if (actual->failed || expected->failed) return;
    char text[400];
    snprintf(text, sizeof text, "%s, %s, result", name, what);
    expect(compare_abs(text, actual->y, expected->y, gan_shape_count(expected->shape), bound(v, epsilon, m->y)), name,
           what);
    for (int32_t i = 0; i < v->count; i++) {
        if (actual->g[i] == NULL || expected->g[i] == NULL) continue;
        snprintf(text, sizeof text, "%s, %s, gradient of operand %d", name, what, (int)i + 1);
        expect(compare_abs(text, actual->g[i], expected->g[i], expected->counts[i], bound(v, epsilon, m->g[i])), name,
               what);
    }
}

static void check_naive(const variant *v, const char *name, const outcome *o, gan_tensor *const *xs,
                        const magnitude *m) {
    if (o->failed) return;
    double *values[VARIANT_INPUTS] = {NULL};
    int64_t count = gan_shape_count(o->shape);
    outcome expected = {.shape = o->shape, .y = calloc((size_t)count + 1, sizeof(double))};
    for (int32_t i = 0; i < v->count; i++) values[i] = compare_read(xs[i]);
    v->naive(v, (const double *const *)values, &o->shape, expected.y);
    check_close(v, name, "against plain loops", o, &expected, m, DBL_EPSILON);
    for (int32_t i = 0; i < v->count; i++) free(values[i]);
    drop_outcome(&expected);
}

/* The gradients of operands that are kept nowhere else, behind a result that is read once more if it can be computed
 * once more. */
static void check_given_back(const variant *v, const char *name, const outcome *expected, gan_tensor *const *xs,
                             const magnitude *m) {
    static const int32_t flags[] = {0, GAN_GRAD_DIFFERENTIABLE};
    for (int path = 0; path < 2 && !expected->failed; path++) {
        gan_tape *tape;
        assert_int_equal(gan_tape_create(&tape, best), GAN_OK);
        gan_tensor *watched[VARIANT_INPUTS] = {NULL}, *operands[VARIANT_INPUTS] = {NULL}, *g[VARIANT_INPUTS] = {NULL};
        for (int32_t i = 0; i < v->count; i++) operands[i] = gani_identity(tape, watched[i] = gan_watch(tape, xs[i]));
        gan_tensor *y = v->apply(tape, operands, (void *)(uintptr_t)v), *z;
        outcome o = {.shape = gan_tensor_shape(y), .y = compare_read(y)};
        y->hidden = 1;
        if (y->node != NULL && y->node->recompute != NULL)
            z = gan_mul(tape, y, gan_full(tape, GAN_F64, o.shape, 1));
        else
            z = gani_identity(tape, y);
        for (gan_tensor *t = tape->last; t != NULL; t = t->previous)
            if (t != z && t->node != NULL && (!t->recorded || gani_can_recompute(t))) gani_tape_drop(tape, t);
        gan_tensor *seed = host_uniform(best, GAN_F64, o.shape, 0.5, 1.5, 99);
        gan_gradients(tape, z, seed, watched, v->count, flags[path], g);
        expect(gan_tape_status(tape) == GAN_OK, name, gan_tape_error(tape));
        for (int32_t i = 0; i < v->count && gan_tape_status(tape) == GAN_OK; i++) o.g[i] = compare_read(g[i]);
        check_close(v, name, "values given back", &o, expected, m, DBL_EPSILON);
        drop_outcome(&o);
        gan_tensor_release(seed);
        gan_tape_release(tape);
    }
}

/* The same values as a view: 0: axes reversed in memory; 1 and 2: part of a larger tensor, along the last and the first
 * axis. */
static gan_tensor *make_view(gan_tensor *x, int how, gan_tensor **base) {
    gan_shape shape = gan_tensor_shape(x), whole = shape;
    gan_tensor *view = NULL;
    int32_t order[GAN_MAX_RANK], axis = how == 1 ? shape.rank - 1 : 0;
    if (how == 0) {
        for (int32_t i = 0; i < shape.rank; i++) {
            order[i] = shape.rank - 1 - i;
            whole.size[i] = shape.size[shape.rank - 1 - i];
        }
    } else {
        whole.size[axis] += 3;
    }
    if (gan_tensor_dtype(x) == GAN_I32) { /* around the view: indices that are refused */
        assert_int_equal(gan_tensor_create(base, best, GAN_I32, whole), GAN_OK);
        int32_t *at = gan_tensor_data(*base);
        for (int64_t i = 0; i < gan_tensor_count(*base); i++) at[i] = -1;
    } else {
        *base = host_uniform(best, gan_tensor_dtype(x), whole, 5, 6, 3);
    }
    if (how == 0)
        assert_int_equal(gan_tensor_permute(&view, *base, order), GAN_OK);
    else
        assert_int_equal(gan_tensor_slice(&view, *base, axis, 1, shape.size[axis]), GAN_OK);
    assert_int_equal(gan_tensor_copy(view, x), GAN_OK);
    return view;
}

static int same_bits(const outcome *a, const outcome *b, int gradients) {
    int64_t count = gan_shape_count(a->shape);
    if (a->failed || b->failed || !gan_shape_equal(a->shape, b->shape)) return 0;
    if (memcmp(a->y, b->y, (size_t)count * sizeof(double)) != 0) return 0;
    return !gradients || memcmp(a->g[0], b->g[0], (size_t)a->counts[0] * sizeof(double)) == 0;
}

static void check_views(const variant *v, const char *name, const outcome *expected, gan_tensor *const *xs) {
    for (int how = 0; how < 3; how++) {
        gan_tensor *views[VARIANT_INPUTS], *bases[VARIANT_INPUTS];
        int32_t possible = 1;
        for (int32_t i = 0; i < v->count; i++) possible &= gan_tensor_shape(xs[i]).rank > 0;
        if (!possible) return;
        for (int32_t i = 0; i < v->count; i++) views[i] = make_view(xs[i], how, &bases[i]);
        variant seen = *v;
        gan_tensor *index_base = NULL;
        if (v->index != NULL && v->index_shape.rank > 0) seen.index = make_view(v->index, how, &index_base);
        outcome o = compute(best, &seen, views, 0, name);
        expect(same_bits(&o, expected, 0), name, "views give another result");
        drop_outcome(&o);
        o = compute(best, &seen, views, 1, name); /* the others stay views, and enter the gradient as such */
        expect(same_bits(&o, expected, 1), name, "views give another gradient");
        drop_outcome(&o);
        for (int32_t i = 0; i < v->count; i++) {
            gan_tensor_release(views[i]);
            gan_tensor_release(bases[i]);
        }
        if (index_base != NULL) gan_tensor_release(seen.index);
        gan_tensor_release(index_base);
    }
}

static void check_f32(const variant *v, const char *name, const outcome *expected, const magnitude *m) {
    gan_context *contexts[] = {plain, best};
    for (int i = 0; i < 2; i++) {
        gan_tensor *xs[VARIANT_INPUTS];
        variant known = with_index(contexts[i], v);
        make_inputs(contexts[i], GAN_F32, v, 0, xs);
        outcome o = compute(contexts[i], &known, xs, v->count, name);
        check_close(v, name, i == 0 ? "f32, reference kernels" : "f32, best kernels", &o, expected, m, FLT_EPSILON);
        drop_outcome(&o);
        drop_inputs(v, xs);
        gan_tensor_release(known.index);
    }
}

static void check_variant(const variant *given) {
    variant known = with_index(best, given), plain_known = with_index(plain, given);
    const variant *v = &known;
    char name[300], message[GRADCHECK_MESSAGE];
    describe(v, name, sizeof name);
    gan_tensor *xs[VARIANT_INPUTS], *plain_xs[VARIANT_INPUTS];
    void *user = (void *)(uintptr_t)v;
    make_inputs(best, GAN_F64, v, 0, xs);
    outcome o = compute(best, v, xs, v->count, name);
    magnitude m = magnitudes(v, &o, name);
    int fits = o.failed || gan_shape_equal(o.shape, v->result);
    expect(fits, name, "the result has another shape");
    if (fits) check_naive(v, name, &o, xs, &m);
    make_inputs(plain, GAN_F64, v, 0, plain_xs);
    outcome reference = compute(plain, &plain_known, plain_xs, v->count, name);
    check_close(v, name, "reference kernels", &reference, &o, &m, DBL_EPSILON);
    expect(gradcheck(best, name, v->apply, user, xs, v->count, TOLERANCE), name, "gradient");
    expect(gradgradcheck(best, name, v->apply, user, xs, v->count, TOLERANCE), name, "second gradient");
    double fused = gradcheck_fused_error(best, v->apply, user, xs, v->count, message);
    if (!(fused <= FUSED)) fprintf(stderr, "%s: the fused gradient is off by %g %s\n", name, fused, message);
    expect(fused <= FUSED, name, "fused gradient");
    check_given_back(v, name, &o, xs, &m);
    check_views(v, name, &o, xs);
    check_f32(v, name, &o, &m);
    drop_outcome(&o);
    drop_outcome(&reference);
    drop_inputs(v, xs);
    drop_inputs(v, plain_xs);
    gan_tensor_release(known.index);
    gan_tensor_release(plain_known.index);
    for (int i = 0; gani_operations[i] != NULL && i < MAX_OPERATIONS; i++)
        if (gani_operations[i] == v->op) visited[i]++;
}

static void sweep(void (*family)(void (*visit)(const variant *))) {
    failures = 0;
    family(check_variant);
    assert_int_equal(failures, 0);
}

static void elementwise(void **state) {
    (void)state;
    sweep(variants_elementwise);
}
static void reductions(void **state) {
    (void)state;
    sweep(variants_reduce);
}
static void movements(void **state) {
    (void)state;
    sweep(variants_reshape);
}
static void softmaxes(void **state) {
    (void)state;
    sweep(variants_softmax);
}
static void indices(void **state) {
    (void)state;
    sweep(variants_index);
}
static void products(void **state) {
    (void)state;
    sweep(variants_dense);
}
static void convolutions(void **state) {
    (void)state;
    sweep(variants_conv);
}
static void pooling_and_interpolation(void **state) {
    (void)state;
    sweep(variants_spatial);
}
static void normalisation(void **state) {
    (void)state;
    sweep(variants_norm);
}

static void every_operation_has_a_case(void **state) {
    (void)state;
    int missing = 0;
    for (int i = 0; gani_operations[i] != NULL; i++) {
        assert_true(i < MAX_OPERATIONS);
        if (visited[i] > 0) continue;
        fprintf(stderr, "the operation %s has no case in this sweep\n", gani_operations[i]->name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise),   cmocka_unit_test(reductions),
        cmocka_unit_test(movements),     cmocka_unit_test(softmaxes),
        cmocka_unit_test(indices),       cmocka_unit_test(products),
        cmocka_unit_test(convolutions),  cmocka_unit_test(pooling_and_interpolation),
        cmocka_unit_test(normalisation), cmocka_unit_test(every_operation_has_a_case),
    };
    return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}
