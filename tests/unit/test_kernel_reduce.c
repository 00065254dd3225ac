/* sum, dot and the batch normalisation kernels: every level and type against long double. */
#include "support/kernel_fixture.h"

static void check_sum(const gani_kernels *k, int64_t outer, int64_t length, int64_t inner) {
    void *x = make_uniform(k, outer * length * inner, 11u, -1.0, 1.5);
    void *y = make_buffer(k, outer * inner);
    k->sum(outer, length, inner, x, y);
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
            long double want = 0.0L;
            long double size = 0.0L;
            for (int64_t l = 0; l < length; l++) {
                long double u = (long double)get(k, x, (o * length + l) * inner + i);
                want += u;
                size += fabsl(u);
            }
            /* The accumulation in double, then one rounding to the type. */
            long double bound =
                (long double)length * (long double)DBL_EPSILON * size + (long double)epsilon_of(k) * fabsl(want);
            check_close(k, "sum", o * inner + i, get(k, y, o * inner + i), want, bound);
        }
    }
    free(y);
    free(x);
}

static void test_sum(void **state) {
    (void)state;
    static const int64_t inners[] = {0, 1, 2, 3, 5, 8, 31, 127, 128, 300, 511, 512, 513, 1100};
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) {
            check_sum(k, 1, kernel_sizes[j], 1);
            check_sum(k, 3, kernel_sizes[j], 1);
            check_sum(k, 2, kernel_sizes[j], 5);
            check_sum(k, 2, 3, kernel_sizes[j]);
        }
        for (size_t j = 0; j < sizeof inners / sizeof inners[0]; j++) {
            check_sum(k, 2, 65, inners[j]);
            check_sum(k, 0, 4, inners[j]);
        }
        check_sum(k, 1, 12345, 1);
        check_sum(k, 2, 8192, 1);
        check_sum(k, 1, 8192, 3);
    }
}

/* A million tenths: added one by one in float the error is 1%. */
static void test_sum_is_not_naive(void **state) {
    (void)state;
    const int64_t n = 1000000;
    FOR_EACH_TABLE(k) {
        void *x = make_buffer(k, n);
        void *y = make_buffer(k, 1);
        k->fill(n, x, 0.1);
        long double want = (long double)get(k, x, 0) * (long double)n;
        k->sum(1, n, 1, x, y);
        /* 512 additions to a partial sum, 3 to join the 8, n / 4096 to join the blocks: 760 eps at most, in double. */
        long double slack = 770.0L * (long double)DBL_EPSILON;
        check_close(k, "sum", 0, get(k, y, 0), want, ((long double)epsilon_of(k) + slack) * want);
        long double square = (long double)get(k, x, 0) * (long double)get(k, x, 0) * (long double)n;
        check_close(k, "dot", 0, k->dot(n, x, x), square, slack * square);
        free(y);
        free(x);
    }
}

static void test_dot(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) {
            int64_t n = kernel_sizes[j];
            void *a = make_uniform(k, n, 1u, -1.0, 1.0);
            void *b = make_uniform(k, n, 2u, -1.0, 1.0);
            long double want = 0.0L;
            long double size = 0.0L;
            for (int64_t i = 0; i < n; i++) {
                long double u = (long double)get(k, a, i) * (long double)get(k, b, i);
                want += u;
                size += fabsl(u);
            }
            check_close(k, "dot", 0, k->dot(n, a, b), want, (long double)(n + 1) * (long double)DBL_EPSILON * size);
            free(b);
            free(a);
        }
        assert_true(k->dot(0, NULL, NULL) == 0.0);
    }
}

/* The order of the additions does not depend on where the data lies. */
static void test_alignment(void **state) {
    (void)state;
    const int64_t n = 5000;
    FOR_EACH_TABLE(k) {
        void *x = make_uniform(k, n, 21u, -1.0, 1.0);
        char *space = malloc((size_t)n * k->element + 64);
        assert_non_null(space);
        double first = k->dot(n, x, x);
        double sums[2] = {0.0, 0.0};
        k->sum(1, n, 1, x, &sums[0]);
        for (size_t shift = k->element; shift < 64; shift += k->element) {
            memcpy(space + shift, x, (size_t)n * k->element);
            assert_true(k->dot(n, (void *)(space + shift), x) == first);
            k->sum(1, n, 1, (void *)(space + shift), &sums[1]);
            assert_true(get(k, &sums[0], 0) == get(k, &sums[1], 0));
        }
        free(space);
        free(x);
    }
}

typedef struct norm_case {
    int64_t n, c, s;
} norm_case;

static const norm_case norm_cases[] = {{1, 1, 1},    {5, 1, 1},    {7, 3, 1},  {4, 513, 1}, {3, 1100, 1}, {2, 70, 4},
                                       {3, 5, 7},    {2, 130, 9},  {4, 3, 15}, {3, 70, 16}, {2, 4, 17},   {5, 2, 33},
                                       {2, 3, 1000}, {1, 2, 1025}, {3, 0, 4},  {2, 3, 2},   {1, 9, 600}};

static void check_stats(const gani_kernels *k, const norm_case *t, double offset) {
    int64_t count = t->n * t->s;
    void *x = make_uniform(k, count * t->c, 31u, offset - 1.5, offset + 1.5);
    void *mean = make_buffer(k, t->c);
    void *var = make_buffer(k, t->c);
    k->norm_stats(t->n, t->c, t->s, 0, t->c, x, mean, var);
    for (int64_t c = 0; c < t->c; c++) {
        long double sum = 0.0L;
        long double squares = 0.0L;
        long double most = 0.0L;
        for (int64_t i = 0; i < count; i++) {
            long double u = (long double)get(k, x, ((i / t->s) * t->c + c) * t->s + i % t->s);
            sum += u;
            most = fabsl(u) > most ? fabsl(u) : most;
        }
        sum /= (long double)count;
        for (int64_t i = 0; i < count; i++) {
            long double d = (long double)get(k, x, ((i / t->s) * t->c + c) * t->s + i % t->s) - sum;
            squares += d * d;
        }
        squares /= (long double)count;
        long double slack = (long double)(count + 8) * (long double)DBL_EPSILON;
        long double eps = (long double)epsilon_of(k);
        check_close(k, "mean", c, get(k, mean, c), sum, eps * fabsl(sum) + slack * most);
        check_close(k, "var", c, get(k, var, c), squares,
                    eps * squares + slack * (squares + most * sqrtl(squares) + slack * most * most));
    }
    /* Any split of the channels gives the same bits. */
    void *mean_2 = make_buffer(k, t->c);
    void *var_2 = make_buffer(k, t->c);
    for (int64_t c = 0; c < t->c; c += 3) {
        k->norm_stats(t->n, t->c, t->s, c, c + 3 < t->c ? c + 3 : t->c, x, mean_2, var_2);
    }
    check_same_bits(k, mean, mean_2, t->c);
    check_same_bits(k, var, var_2, t->c);
    free(var_2);
    free(mean_2);
    free(var);
    free(mean);
    free(x);
}

static void test_norm_stats(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < sizeof norm_cases / sizeof norm_cases[0]; j++) {
            check_stats(k, &norm_cases[j], 0.25);
            check_stats(k, &norm_cases[j], 1000.0); /* the mean is large beside the deviation: nothing may cancel */
        }
    }
}

static long double leaky(long double slope, long double z) { return z > 0.0L ? z : slope * z; }

static void check_apply(const gani_kernels *k, const norm_case *t, int with_weight, int with_bias, double slope) {
    int64_t total = t->n * t->c * t->s;
    void *x = make_uniform(k, total, 41u, -1.0, 3.0);
    void *mean = make_uniform(k, t->c, 42u, 0.0, 2.0);
    void *rstd = make_uniform(k, t->c, 43u, 0.5, 2.0);
    void *weight = make_uniform(k, t->c, 44u, -2.0, 2.0);
    void *bias = make_uniform(k, t->c, 45u, -2.0, 2.0);
    void *y = make_buffer(k, total);
    int64_t middle = t->c / 3;
    k->norm_apply(t->n, t->c, t->s, middle, t->c, x, mean, rstd, with_weight ? weight : NULL, with_bias ? bias : NULL,
                  slope, y);
    k->norm_apply(t->n, t->c, t->s, 0, middle, x, mean, rstd, with_weight ? weight : NULL, with_bias ? bias : NULL,
                  slope, y);
    for (int64_t i = 0; i < total; i++) {
        int64_t c = i / t->s % t->c;
        long double factor = (long double)get(k, rstd, c) * (with_weight ? (long double)get(k, weight, c) : 1.0L);
        long double scaled = ((long double)get(k, x, i) - (long double)get(k, mean, c)) * factor;
        long double constant = with_bias ? (long double)get(k, bias, c) : 0.0L;
        check_close(k, "norm_apply", i, get(k, y, i), leaky((long double)slope, scaled + constant),
                    4.0L * (long double)epsilon_of(k) * (fabsl(scaled) + fabsl(constant)));
    }
    free(y);
    free(bias);
    free(weight);
    free(rstd);
    free(mean);
    free(x);
}

static void test_norm_apply(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < sizeof norm_cases / sizeof norm_cases[0]; j++) {
            for (int combination = 0; combination < 4; combination++) {
                for (int s = 0; s < 3; s++) {
                    check_apply(k, &norm_cases[j], combination / 2, combination % 2, s == 0 ? 1.0 : s == 1 ? 0.0 : 0.2);
                }
            }
        }
    }
}

static void check_backward(const gani_kernels *k, const norm_case *t, int with_weight) {
    int64_t count = t->n * t->s;
    int64_t total = count * t->c;
    long double eps = (long double)epsilon_of(k);
    long double slack = (long double)(count + 8) * (long double)DBL_EPSILON;
    void *x = make_uniform(k, total, 51u, -1.0, 3.0);
    void *g = make_uniform(k, total, 52u, -1.0, 1.2);
    void *mean = make_uniform(k, t->c, 53u, 0.8, 1.2);
    void *rstd = make_uniform(k, t->c, 54u, 0.5, 2.0);
    void *weights = make_uniform(k, t->c, 55u, -2.0, 2.0);
    void *weight = with_weight ? weights : NULL;
    void *dx = make_buffer(k, total);
    void *dw = make_buffer(k, t->c);
    void *db = make_buffer(k, t->c);
    int64_t middle = t->c / 2;
    k->norm_backward(t->n, t->c, t->s, middle, t->c, x, g, mean, rstd, weight, NULL, 1.0, dx, dw, db);
    k->norm_backward(t->n, t->c, t->s, 0, middle, x, g, mean, rstd, weight, NULL, 1.0, dx, dw, db);

    for (int64_t c = 0; c < t->c; c++) {
        long double m = (long double)get(k, mean, c);
        long double r = (long double)get(k, rstd, c);
        long double w = with_weight ? (long double)get(k, weights, c) : 1.0L;
        long double sum_g = 0.0L, size_g = 0.0L, sum_gx = 0.0L, size_gx = 0.0L;
        for (int64_t i = 0; i < count; i++) {
            int64_t at = ((i / t->s) * t->c + c) * t->s + i % t->s;
            long double slope = (long double)get(k, g, at);
            long double product = slope * ((long double)get(k, x, at) - m) * r;
            sum_g += slope;
            size_g += fabsl(slope);
            sum_gx += product;
            size_gx += fabsl(product);
        }
        check_close(k, "dbias", c, get(k, db, c), sum_g, eps * fabsl(sum_g) + slack * size_g);
        check_close(k, "dweight", c, get(k, dw, c), sum_gx, eps * fabsl(sum_gx) + slack * size_gx);
        long double level = sum_g / (long double)count;
        long double tilt = sum_gx / (long double)count;
        for (int64_t i = 0; i < count; i++) {
            int64_t at = ((i / t->s) * t->c + c) * t->s + i % t->s;
            long double xhat = ((long double)get(k, x, at) - m) * r;
            long double slope = (long double)get(k, g, at);
            long double want = w * r * (slope - level - xhat * tilt);
            long double size = fabsl(w * r) * (fabsl(slope) + fabsl(level) + fabsl(xhat * tilt));
            long double sums = fabsl(w * r) * slack * (size_g + fabsl(xhat) * size_gx) / (long double)count;
            check_close(k, "dx", at, get(k, dx, at), want, 6.0L * eps * size + sums);
        }
    }

    /* What is not wanted is not computed, and does not change the rest. */
    void *only = make_buffer(k, total);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, g, mean, rstd, weight, NULL, 1.0, only, NULL, NULL);
    check_same_bits(k, only, dx, total);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, g, mean, rstd, weight, NULL, 1.0, NULL, only, NULL);
    check_same_bits(k, only, dw, t->c);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, g, mean, rstd, weight, NULL, 1.0, NULL, NULL, only);
    check_same_bits(k, only, db, t->c);
    memcpy(only, g, (size_t)total * k->element);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, only, mean, rstd, weight, NULL, 1.0, only, NULL, NULL);
    check_same_bits(k, only, dx, total);
    free(only);
    free(db);
    free(dw);
    free(dx);
    free(weights);
    free(rstd);
    free(mean);
    free(g);
    free(x);
}

/* With an activation: the same bits as its kernels before and behind those of the norm alone. */
static void check_activated(const gani_kernels *k, const norm_case *t, int with_weight, double slope) {
    int64_t total = t->n * t->c * t->s;
    void *x = make_uniform(k, total, 61u, -1.0, 3.0);
    void *g = make_uniform(k, total, 62u, -1.0, 1.2);
    void *mean = make_uniform(k, t->c, 63u, 0.8, 1.2);
    void *rstd = make_uniform(k, t->c, 64u, 0.5, 2.0);
    void *weights = make_uniform(k, t->c, 65u, -2.0, 2.0);
    void *biases = make_uniform(k, t->c, 66u, -1.0, 1.0);
    const void *weight = with_weight ? weights : NULL;
    const void *bias = with_weight ? biases : NULL;
    void *results[2][5]; /* plain and fused: y, dL/dz, dx, dweight, dbias */
    for (int i = 0; i < 10; i++) {
        results[i / 5][i % 5] = make_buffer(k, i % 5 < 3 ? total : t->c);
    }
    void **plain = results[0];
    void **fused = results[1];
    k->norm_apply(t->n, t->c, t->s, 0, t->c, x, mean, rstd, weight, bias, 1.0, plain[0]);
    k->binary(GANI_BINARY_LEAKY_RELU_GRAD, total, plain[0], 1, g, 1, plain[1], slope, 0.0);
    k->unary(GANI_UNARY_LEAKY_RELU, total, plain[0], plain[0], slope, 0.0);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, plain[1], mean, rstd, weight, bias, 1.0, plain[2], plain[3],
                     plain[4]);
    k->norm_apply(t->n, t->c, t->s, 0, t->c, x, mean, rstd, weight, bias, slope, fused[0]);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, g, mean, rstd, weight, bias, slope, fused[2], fused[3], fused[4]);
    check_same_bits(k, fused[0], plain[0], total);
    check_same_bits(k, fused[2], plain[2], total);
    check_same_bits(k, fused[3], plain[3], t->c);
    check_same_bits(k, fused[4], plain[4], t->c);
    k->norm_backward(t->n, t->c, t->s, 0, t->c, x, g, mean, rstd, weight, bias, slope, g, NULL, NULL);
    check_same_bits(k, g, plain[2], total);
    for (int i = 0; i < 10; i++) {
        free(results[i / 5][i % 5]);
    }
    free(biases);
    free(weights);
    free(rstd);
    free(mean);
    free(g);
    free(x);
}

static void test_norm_activated(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < sizeof norm_cases / sizeof norm_cases[0]; j++) {
            for (int combination = 0; combination < 4; combination++) {
                check_activated(k, &norm_cases[j], combination / 2, combination % 2 == 0 ? 0.0 : 0.2);
            }
        }
    }
}

static void test_norm_backward(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (size_t j = 0; j < sizeof norm_cases / sizeof norm_cases[0]; j++) {
            check_backward(k, &norm_cases[j], 0);
            check_backward(k, &norm_cases[j], 1);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),           cmocka_unit_test(test_sum_is_not_naive),
        cmocka_unit_test(test_dot),           cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_norm_stats),    cmocka_unit_test(test_norm_apply),
        cmocka_unit_test(test_norm_backward), cmocka_unit_test(test_norm_activated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
