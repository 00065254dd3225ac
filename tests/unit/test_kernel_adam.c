/* The optimizer's kernel, every level and type, several steps against long double. */
#include "support/kernel_fixture.h"

static void check_adam(const gani_kernels *k, int64_t n, double decay, double scale, double inside, double keep) {
    const double beta1 = 0.5;
    const double beta2 = 0.999;
    const double rate = 2e-4;
    long double eps = (long double)epsilon_of(k);
    void *p = make_uniform(k, n, 61u, -1.0, 1.0);
    void *m = make_uniform(k, n, 62u, -0.1, 0.1);
    void *v = make_uniform(k, n, 63u, 0.0, 0.01);

    for (int step = 1; step <= 3; step++) {
        void *g = make_uniform(k, n, 70u + (uint64_t)step, -1.0, 1.0);
        void *old_p = copy_buffer(k, p, n);
        void *old_m = copy_buffer(k, m, n);
        void *old_v = copy_buffer(k, v, n);
        gani_adam_params params = {.step_size = rate / (1.0 - pow(beta1, step)),
                                   .beta1 = beta1,
                                   .beta2 = beta2,
                                   .inv_sqrt_bias2 = 1.0 / sqrt(1.0 - pow(beta2, step)),
                                   .epsilon = 1e-8,
                                   .weight_decay = decay,
                                   .grad_scale = scale,
                                   .root_epsilon = inside,
                                   .keep = keep};
        k->adam(n, p, m, v, g, &params);
        for (int64_t i = 0; i < n; i++) {
            long double u = (long double)get(k, old_p, i);
            long double gradient = (long double)scale * (long double)get(k, g, i) + (long double)decay * u;
            long double size = fabsl((long double)scale * (long double)get(k, g, i)) + fabsl((long double)decay * u);
            long double first = beta1 * (long double)get(k, old_m, i) + (1.0L - beta1) * gradient;
            long double size_1 = beta1 * fabsl((long double)get(k, old_m, i)) + (1.0L - beta1) * size;
            long double second = beta2 * (long double)get(k, old_v, i) + (1.0L - beta2) * gradient * gradient;
            long double size_2 = beta2 * (long double)get(k, old_v, i) + (1.0L - beta2) * size * size;
            long double radicand = second + (long double)inside;
            long double root = sqrtl(radicand) * (long double)params.inv_sqrt_bias2 + 1e-8L;
            long double delta = (long double)params.step_size * first / root;
            /* Roundings of the moments, carried through the quotient; half of second's relative error by the root. */
            long double relative = 8.0L * eps * (size_1 / root) * (long double)params.step_size +
                                   fabsl(delta) * (8.0L * eps * (size_2 + (long double)inside) / radicand + 8.0L * eps);
            check_close(k, "adam m", i, get(k, m, i), first, 6.0L * eps * size_1);
            check_close(k, "adam v", i, get(k, v, i), second, 8.0L * eps * size_2);
            check_close(k, "adam p", i, get(k, p, i), (long double)keep * u - delta, relative + 3.0L * eps * fabsl(u));
        }
        free(old_v);
        free(old_m);
        free(old_p);
        free(g);
    }
    free(v);
    free(m);
    free(p);
}

static void test_adam(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) {
            check_adam(k, kernel_sizes[j], 0.0, 1.0, 0, 1);
            check_adam(k, kernel_sizes[j], 0.01, 0.125, 0, 1);
            check_adam(k, kernel_sizes[j], 0.0, 1.0, 1e-3, 0.98);
        }
    }
}

/* beta1 = 0 (WGAN-GP) leaves no trace of the old moment; zero gradients and moments leave the parameter alone. */
static void test_adam_edges(void **state) {
    (void)state;
    const int64_t n = 19;
    FOR_EACH_TABLE(k) {
        void *p = make_uniform(k, n, 81u, -1.0, 1.0);
        void *old = copy_buffer(k, p, n);
        void *m = make_uniform(k, n, 82u, -1.0, 1.0);
        void *v = make_buffer(k, n);
        void *g = make_buffer(k, n);
        gani_adam_params params = {
            .step_size = 1e-3, .beta2 = 0.9, .inv_sqrt_bias2 = 1.0, .epsilon = 1e-8, .grad_scale = 1.0, .keep = 1.0};
        k->fill(n, v, 0.0);
        k->fill(n, g, 0.0);
        k->adam(n, p, m, v, g, &params);
        check_same_bits(k, p, old, n);
        for (int64_t i = 0; i < n; i++) {
            assert_true(get(k, m, i) == 0.0);
            assert_true(get(k, v, i) == 0.0);
        }
        free(g);
        free(v);
        free(m);
        free(old);
        free(p);
    }
}

/* Which element stands in a vector and which in the tail makes no difference: what a thread's share starts with is
 * free. */
static void test_adam_split(void **state) {
    (void)state;
    const int64_t n = 101;
    FOR_EACH_TABLE(k) {
        gani_adam_params params = {1e-3, 0.5, 0.999, 30.0, 1e-8, 0.01, 0.5, 1e-4, 0.99};
        void *g = make_uniform(k, n, 91u, -1.0, 1.0);
        void *p = make_uniform(k, n, 92u, -1.0, 1.0);
        void *m = make_uniform(k, n, 93u, -1.0, 1.0);
        void *v = make_uniform(k, n, 94u, 0.0, 1.0);
        void *p2 = copy_buffer(k, p, n);
        void *m2 = copy_buffer(k, m, n);
        void *v2 = copy_buffer(k, v, n);
        k->adam(n, p, m, v, g, &params);
        for (int64_t i = 0; i < n; i += 7) {
            size_t at = (size_t)i * k->element;
            k->adam(n - i < 7 ? n - i : 7, (char *)p2 + at, (char *)m2 + at, (char *)v2 + at, (char *)g + at, &params);
        }
        check_same_bits(k, p, p2, n);
        check_same_bits(k, m, m2, n);
        check_same_bits(k, v, v2, n);
        free(v2);
        free(m2);
        free(p2);
        free(v);
        free(m);
        free(p);
        free(g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_adam_edges),
        cmocka_unit_test(test_adam_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
