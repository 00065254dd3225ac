/* The kernels of RMSProp and of gradient descent, every level and type, all combinations of buffers, against long
 * double. */
#include "support/kernel_fixture.h"

enum { P, V, A, B, G, BUFFERS };

/* The two rules look alike from here: a step on buffers of which some are NULL. */
typedef struct rule_case {
    const gani_kernels *k;
    int32_t rmsprop, centered, buffered, variant;
} rule_case;

static const gani_rmsprop_params rmsprop_params[] = {
    {1e-2, 0.99, 1e-8, 0, 0, 1, 0}, {1e-3, 0.9, 1e-3, 0.9, 0.01, 0.125, 0}, {1e-2, 0.9, 0, 0.5, 0, 1, 1e-2}};
static const gani_sgd_params sgd_params[] = {
    {0.1, 0.9, 1, 0, 1, 0, 1}, {1e-2, 0.5, 0.75, 0, 1, 0.01, 0.125}, {1e-2, 0.9, 1, 1, 0.9, 0.1, 1}};

static void step(const rule_case *c, int64_t first, int64_t n, void *const buffers[BUFFERS]) {
    char *at[BUFFERS];
    for (int i = 0; i < BUFFERS; i++)
        at[i] = buffers[i] == NULL ? NULL : (char *)buffers[i] + (size_t)first * c->k->element;
    if (c->rmsprop)
        c->k->rmsprop(n, at[P], at[V], at[A], at[B], at[G], &rmsprop_params[c->variant]);
    else
        c->k->sgd(n, at[P], at[B], at[G], &sgd_params[c->variant]);
}

/* What one element becomes, and how far rounding may move its parameter. */
static void expected(const rule_case *c, const double old[BUFFERS], long double now[BUFFERS], long double *bound) {
    long double eps = (long double)epsilon_of(c->k), u = (long double)old[P], g, size, change, slack;
    if (c->rmsprop) {
        const gani_rmsprop_params *p = &rmsprop_params[c->variant];
        g = p->grad_scale * (long double)old[G] + p->weight_decay * u;
        size = fabsl(p->grad_scale * (long double)old[G]) + fabsl(p->weight_decay * u);
        now[V] = p->alpha * (long double)old[V] + (1.0L - p->alpha) * g * g;
        now[A] = p->alpha * (long double)old[A] + (1.0L - p->alpha) * g;
        long double square = c->centered ? now[V] - now[A] * now[A] : now[V];
        square += p->root_epsilon;
        long double lost = 12.0L * eps * (p->alpha * (long double)old[V] + size * size) / square;
        change = g / (sqrtl(square) + p->epsilon);
        slack = 8.0L * eps * size / sqrtl(square) + fabsl(change) * (lost + 8.0L * eps);
        now[B] = p->momentum * (long double)old[B] + change;
        if (c->buffered) {
            slack += 4.0L * eps * fabsl(p->momentum * (long double)old[B]);
            change = now[B];
        }
        change *= p->learning_rate;
        slack *= p->learning_rate;
    } else {
        const gani_sgd_params *p = &sgd_params[c->variant];
        g = p->grad_scale * (long double)old[G] + p->weight_decay * u;
        size = fabsl(p->grad_scale * (long double)old[G]) + fabsl(p->weight_decay * u);
        now[B] = p->momentum * (long double)old[B] + p->gradient_share * g;
        change = c->buffered ? p->gradient_ahead * g + p->buffer_ahead * now[B] : g;
        change *= p->learning_rate;
        slack = p->learning_rate * 12.0L * eps * (2.0L * size + fabsl((long double)old[B]));
    }
    now[P] = u - change;
    *bound = slack + 4.0L * eps * (fabsl(u) + fabsl(change));
}

static void check_case(const rule_case *c, int64_t n) {
    void *buffers[BUFFERS] = {make_uniform(c->k, n, 11u, -1.0, 1.0), NULL, NULL, NULL, NULL};
    if (c->rmsprop) buffers[V] = make_uniform(c->k, n, 12u, 0.3, 0.5);
    if (c->rmsprop && c->centered) buffers[A] = make_uniform(c->k, n, 13u, -0.1, 0.1);
    if (c->buffered) buffers[B] = make_uniform(c->k, n, 14u, -0.5, 0.5);
    for (uint64_t t = 0; t < 3; t++) {
        buffers[G] = make_uniform(c->k, n, 20u + t, -1.0, 1.0);
        void *before[BUFFERS], *split[BUFFERS];
        for (int i = 0; i < BUFFERS; i++) {
            before[i] = buffers[i] == NULL ? NULL : copy_buffer(c->k, buffers[i], n);
            split[i] = buffers[i] == NULL ? NULL : copy_buffer(c->k, buffers[i], n);
        }
        step(c, 0, n, buffers);
        for (int64_t i = 0; i < n; i++) {
            double old[BUFFERS] = {0};
            long double now[BUFFERS] = {0}, bound, eps = (long double)epsilon_of(c->k);
            for (int b = 0; b < BUFFERS; b++)
                if (before[b] != NULL) old[b] = get(c->k, before[b], i);
            expected(c, old, now, &bound);
            check_close(c->k, "parameter", i, get(c->k, buffers[P], i), now[P], bound);
            if (buffers[V] != NULL) check_close(c->k, "square", i, get(c->k, buffers[V], i), now[V], 20.0L * eps);
            if (buffers[A] != NULL) check_close(c->k, "mean", i, get(c->k, buffers[A], i), now[A], 20.0L * eps);
            if (buffers[B] != NULL) check_close(c->k, "buffer", i, get(c->k, buffers[B], i), now[B], 80.0L * eps);
        }
        /* what a thread's share starts with is free */
        for (int64_t i = 0; i < n; i += 7) step(c, i, n - i < 7 ? n - i : 7, split);
        for (int i = 0; i < BUFFERS; i++) {
            if (buffers[i] != NULL) check_same_bits(c->k, buffers[i], split[i], n);
            free(before[i]);
            free(split[i]);
        }
        free(buffers[G]);
        buffers[G] = NULL;
    }
    for (int i = 0; i < BUFFERS; i++) free(buffers[i]);
}

static void test_rmsprop(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (int32_t i = 0; i < 12; i++) {
            rule_case c = {k, 1, i & 1, i >> 1 & 1, i >> 2};
            for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) check_case(&c, kernel_sizes[j]);
        }
    }
}

static void test_sgd(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (int32_t i = 0; i < 6; i++) {
            rule_case c = {k, 0, 0, i & 1, i >> 1};
            for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) check_case(&c, kernel_sizes[j]);
        }
    }
}

/* A constant gradient has no variance: what rounding leaves of it must not become the root of a negative number. */
static void test_centered_edge(void **state) {
    (void)state;
    const gani_rmsprop_params params = {1e-2, 0.5, 1e-8, 0, 0, 1, 0};
    FOR_EACH_TABLE(k) {
        for (int32_t j = 1; j <= 40; j++) {
            const int64_t n = 9;
            void *p = make_buffer(k, n), *v = make_buffer(k, n), *a = make_buffer(k, n), *g = make_buffer(k, n);
            k->fill(n, p, 0);
            k->fill(n, v, 0);
            k->fill(n, a, 0);
            k->fill(n, g, 0.1 * j);
            for (int t = 0; t < 80; t++) k->rmsprop(n, p, v, a, NULL, g, &params);
            for (int64_t i = 0; i < n; i++) assert_true(isfinite(get(k, p, i)));
            set(k, g, 0, (double)NAN);
            k->rmsprop(n, p, v, a, NULL, g, &params);
            assert_true(isnan(get(k, p, 0)));
            free(p);
            free(v);
            free(a);
            free(g);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rmsprop),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_centered_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
