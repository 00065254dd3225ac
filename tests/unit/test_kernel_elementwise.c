/* unary, binary, fill, axpy, lerp: every level and type against long double. */
#include "support/kernel_fixture.h"

static const char *const unary_names[GANI_UNARY_COUNT] = {
    "",         "affine",     "square",     "exp",   "log",  "sqrt",  "abs", "tanh", "sigmoid",
    "softplus", "leaky_relu", "reciprocal", "rsqrt", "sign", "clamp", "elu", "pow"};

static long double sigmoid(long double x) { return x >= 0.0L ? 1.0L / (1.0L + expl(-x)) : expl(x) / (1.0L + expl(x)); }

static long double unary_expected(int32_t op, long double x, long double p, long double q) {
    switch (op) {
    case GANI_UNARY_AFFINE:
        return p * x + q;
    case GANI_UNARY_SQUARE:
        return x * x;
    case GANI_UNARY_EXP:
        return expl(x);
    case GANI_UNARY_LOG:
        return logl(x);
    case GANI_UNARY_SQRT:
        return sqrtl(x);
    case GANI_UNARY_ABS:
        return fabsl(x);
    case GANI_UNARY_TANH:
        return tanhl(x);
    case GANI_UNARY_SIGMOID:
        return sigmoid(x);
    case GANI_UNARY_SOFTPLUS:
        return (x > 0.0L ? x : 0.0L) + log1pl(expl(-fabsl(x)));
    case GANI_UNARY_LEAKY_RELU:
        return x > 0.0L ? x : p * x;
    case GANI_UNARY_RECIPROCAL:
        return 1.0L / x;
    case GANI_UNARY_RSQRT:
        return 1.0L / sqrtl(x);
    case GANI_UNARY_SIGN:
        return x > 0.0L ? 1.0L : x < 0.0L ? -1.0L : 0.0L;
    case GANI_UNARY_CLAMP:
        return x < p ? p : x > q ? q : x;
    case GANI_UNARY_ELU:
        return x > 0.0L ? x : p * expm1l(x);
    case GANI_UNARY_POW:
        return powl(x, p);
    default:
        return NAN;
    }
}

/* Error allowed, in units of eps: roundings of the formula, 4 for the transcendental ones. */
static long double unary_bound(const gani_kernels *k, int32_t op, long double x, long double p, long double q) {
    long double eps = (long double)epsilon_of(k);
    long double least = is_f64(k) ? 0x1p-1074L : 0x1p-149L;
    long double size = fabsl(unary_expected(op, x, p, q));
    if (op == GANI_UNARY_AFFINE) {
        size = fabsl(p * x) + fabsl(q);
    }
    return 4.0L * (eps * size + least);
}

static int takes(int32_t op, double x) {
    int positive = op == GANI_UNARY_LOG || op == GANI_UNARY_SQRT || op == GANI_UNARY_RSQRT || op == GANI_UNARY_POW;
    return !positive || x > 0.0;
}

static void test_unary_sizes(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (int32_t op = 1; op < GANI_UNARY_COUNT; op++) {
            for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) {
                int64_t n = kernel_sizes[j];
                double p = -0.25; /* exact in both types */
                double q = 1.5;
                void *x = make_uniform(k, n, 17u + (uint64_t)op, -20.0, 20.0);
                for (int64_t i = 0; i < n; i++) {
                    if (!takes(op, get(k, x, i))) {
                        set(k, x, i, -get(k, x, i) + 0.001);
                    }
                }
                void *y = make_buffer(k, n);
                k->unary(op, n, x, y, p, q);
                for (int64_t i = 0; i < n; i++) {
                    long double u = (long double)get(k, x, i);
                    check_close(k, unary_names[op], i, get(k, y, i), unary_expected(op, u, p, q),
                                unary_bound(k, op, u, p, q));
                }
                void *in_place = copy_buffer(k, x, n);
                k->unary(op, n, in_place, in_place, p, q);
                check_same_bits(k, in_place, y, n);
                /* Neither position nor alignment may matter: the tail of the loop computes what its body does. */
                for (int64_t i = 0; i < n; i += 13) {
                    char *from = (char *)x + (size_t)i * k->element;
                    void *part = make_buffer(k, n - i);
                    k->unary(op, n - i, from, part, p, q);
                    check_same_bits(k, part, (char *)y + (size_t)i * k->element, n - i);
                    free(part);
                }
                free(in_place);
                free(y);
                free(x);
            }
        }
    }
}

/* One value, in the middle of a vector's width and alone. */
static double unary_one(const gani_kernels *k, int32_t op, double value, double p, double q) {
    void *x = make_buffer(k, 19);
    for (int64_t i = 0; i < 19; i++) {
        set(k, x, i, value);
    }
    k->unary(op, 19, x, x, p, q);
    for (int64_t i = 1; i < 19; i++) {
        assert_true(memcmp(x, (char *)x + (size_t)i * k->element, k->element) == 0 || isnan(get(k, x, i)));
    }
    double result = get(k, x, 18);
    free(x);
    return result;
}

static void expect(const gani_kernels *k, int32_t op, double x, double p, double q, double want) {
    double got = unary_one(k, op, x, p, q);
    check_close(k, unary_names[op], 0, got, want, 0.0L);
    assert_true(isnan(want) || !signbit(got) == !signbit(want));
}

static void test_unary_special_values(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        const double inf = INFINITY;
        for (int32_t op = 1; op < GANI_UNARY_COUNT; op++) {
            expect(k, op, NAN, 0.5, 2.0, NAN);
        }
        expect(k, GANI_UNARY_LEAKY_RELU, NAN, 0.0, 0.0, NAN);
        expect(k, GANI_UNARY_EXP, inf, 0, 0, inf);
        expect(k, GANI_UNARY_EXP, -inf, 0, 0, 0.0);
        expect(k, GANI_UNARY_EXP, 1000.0, 0, 0, inf);
        expect(k, GANI_UNARY_EXP, -1000.0, 0, 0, 0.0);
        expect(k, GANI_UNARY_EXP, -0.0, 0, 0, 1.0);
        expect(k, GANI_UNARY_LOG, 0.0, 0, 0, -inf);
        expect(k, GANI_UNARY_LOG, -0.0, 0, 0, -inf);
        expect(k, GANI_UNARY_LOG, -1.0, 0, 0, NAN);
        expect(k, GANI_UNARY_LOG, -inf, 0, 0, NAN);
        expect(k, GANI_UNARY_LOG, inf, 0, 0, inf);
        expect(k, GANI_UNARY_LOG, 1.0, 0, 0, 0.0);
        expect(k, GANI_UNARY_TANH, inf, 0, 0, 1.0);
        expect(k, GANI_UNARY_TANH, -inf, 0, 0, -1.0);
        expect(k, GANI_UNARY_TANH, -50.0, 0, 0, -1.0);
        expect(k, GANI_UNARY_TANH, -0.0, 0, 0, -0.0);
        expect(k, GANI_UNARY_TANH, 0x1p-140, 0, 0, 0x1p-140);
        expect(k, GANI_UNARY_SIGMOID, inf, 0, 0, 1.0);
        expect(k, GANI_UNARY_SIGMOID, -inf, 0, 0, 0.0);
        expect(k, GANI_UNARY_SIGMOID, 0.0, 0, 0, 0.5);
        expect(k, GANI_UNARY_SIGMOID, -0.0, 0, 0, 0.5);
        expect(k, GANI_UNARY_SOFTPLUS, inf, 0, 0, inf);
        expect(k, GANI_UNARY_SOFTPLUS, -inf, 0, 0, 0.0);
        expect(k, GANI_UNARY_SOFTPLUS, 1e6, 0, 0, 1e6);
        expect(k, GANI_UNARY_LEAKY_RELU, -0.0, 0.0, 0, 0.0);
        expect(k, GANI_UNARY_LEAKY_RELU, -3.0, 0.0, 0, 0.0);
        expect(k, GANI_UNARY_LEAKY_RELU, -inf, 0.0, 0, 0.0);
        expect(k, GANI_UNARY_LEAKY_RELU, inf, 0.0, 0, inf);
        expect(k, GANI_UNARY_LEAKY_RELU, -4.0, 0.25, 0, -1.0);
        expect(k, GANI_UNARY_SIGN, -0.0, 0, 0, 0.0);
        expect(k, GANI_UNARY_SIGN, -inf, 0, 0, -1.0);
        expect(k, GANI_UNARY_CLAMP, -inf, -1.0, 1.0, -1.0);
        expect(k, GANI_UNARY_CLAMP, inf, -1.0, 1.0, 1.0);
        expect(k, GANI_UNARY_ABS, -0.0, 0, 0, 0.0);
        expect(k, GANI_UNARY_RECIPROCAL, inf, 0, 0, 0.0);
        expect(k, GANI_UNARY_RSQRT, 4.0, 0, 0, 0.5);
        expect(k, GANI_UNARY_ELU, inf, 2.0, 0, inf);
        expect(k, GANI_UNARY_ELU, -inf, 2.0, 0, -2.0);
        expect(k, GANI_UNARY_ELU, 0.0, 2.0, 0, 0.0);
        expect(k, GANI_UNARY_ELU, 3.0, 2.0, 0, 3.0);
        expect(k, GANI_UNARY_ELU, -0x1p-30, 1.0, 0, -0x1p-30 + 0x1p-61 * is_f64(k)); /* e^x - 1 would give 0 */
        expect(k, GANI_UNARY_POW, 0.0, 0.0, 0, 1.0);
        expect(k, GANI_UNARY_POW, 0.0, -1.0, 0, inf);
        expect(k, GANI_UNARY_POW, -2.0, 3.0, 0, -8.0);
        expect(k, GANI_UNARY_POW, -2.0, 0.5, 0, NAN);
    }
}

/* The single-precision functions over the whole range of float, against double: 4 ulp of the result. */
static void test_unary_f32_range(void **state) {
    (void)state;
    enum { CHUNK = 4096 };
    static const int32_t ops[] = {GANI_UNARY_EXP,     GANI_UNARY_LOG,      GANI_UNARY_TANH,
                                  GANI_UNARY_SIGMOID, GANI_UNARY_SOFTPLUS, GANI_UNARY_ELU};
    FOR_EACH_TABLE(k) {
        if (is_f64(k)) {
            continue;
        }
        float x[CHUNK];
        float y[CHUNK];
        uint64_t bits = 0;
        while (bits <= UINT32_MAX) {
            int64_t n = 0;
            for (; n < CHUNK && bits <= UINT32_MAX; bits += 32749) {
                uint32_t low = (uint32_t)bits;
                memcpy(&x[n], &low, sizeof low);
                n += !isnan(x[n]);
            }
            for (size_t j = 0; j < sizeof ops / sizeof ops[0]; j++) {
                k->unary(ops[j], n, x, y, 1.0, 0.0);
                for (int64_t i = 0; i < n; i++) {
                    long double want = unary_expected(ops[j], (long double)x[i], 1.0L, 0.0L);
                    if (isnan(want) || isinf(want) || fabsl(want) > (long double)FLT_MAX) {
                        check_close(k, unary_names[ops[j]], i, (double)y[i], (long double)(float)want, 0.0L);
                        continue;
                    }
                    int exponent;
                    (void)frexpl(want, &exponent);
                    long double ulp = ldexpl(1.0L, exponent < -125 ? -149 : exponent - 24);
                    check_close(k, unary_names[ops[j]], i, (double)y[i], want, 4.0L * ulp);
                }
            }
        }
    }
}

static const char *const binary_names[GANI_BINARY_COUNT] = {
    "",    "add",        "sub",      "mul", "div",  "leaky_relu_grad", "tanh_grad", "sigmoid_grad", "sigmoid_mul",
    "max", "clamp_grad", "elu_grad", "min", "share"};

/* The expected value; size receives the sum of the magnitudes that were rounded on the way. */
static long double binary_expected(int32_t op, long double a, long double b, long double p, long double q,
                                   long double *size) {
    long double y;
    *size = 0.0L;
    switch (op) {
    case GANI_BINARY_ADD:
        y = a + b;
        break;
    case GANI_BINARY_SUB:
        y = a - b;
        break;
    case GANI_BINARY_MUL:
        y = a * b;
        break;
    case GANI_BINARY_DIV:
        y = a / b;
        break;
    case GANI_BINARY_LEAKY_RELU_GRAD:
        y = a > 0.0L ? b : p * b;
        break;
    case GANI_BINARY_TANH_GRAD:
        y = b * (1.0L - a * a);
        *size = fabsl(b) * (1.0L + a * a);
        break;
    case GANI_BINARY_SIGMOID_GRAD:
        y = b * a * (1.0L - a);
        *size = fabsl(b * a) * (1.0L + fabsl(a));
        break;
    case GANI_BINARY_SIGMOID_MUL:
        y = b * sigmoid(a);
        break;
    case GANI_BINARY_MAX:
        y = a > b ? a : b;
        break;
    case GANI_BINARY_CLAMP_GRAD:
        y = p <= a && a <= q ? b : 0.0L;
        break;
    case GANI_BINARY_ELU_GRAD:
        y = a > 0.0L ? q * b : p * b * expl(a);
        break;
    case GANI_BINARY_MIN:
        y = a < b ? a : b;
        break;
    case GANI_BINARY_SHARE:
        y = a < b ? 0.0L : a == b ? 0.5L : 1.0L;
        break;
    default:
        y = NAN;
        break;
    }
    *size += fabsl(y);
    return y;
}

static void check_binary(const gani_kernels *k, int32_t op, int64_t n, int32_t step_a, int32_t step_b, double p) {
    double q = 1.0;
    void *a = make_uniform(k, step_a != 0 ? n : 1, 3u, -3.0, 3.0);
    void *b = make_uniform(k, step_b != 0 ? n : 1, 5u, -2.0, 2.0);
    void *y = make_buffer(k, n);
    k->binary(op, n, a, step_a, b, step_b, y, p, q);
    for (int64_t i = 0; i < n; i++) {
        long double size;
        long double want =
            binary_expected(op, (long double)get(k, a, step_a * i), (long double)get(k, b, step_b * i), p, q, &size);
        check_close(k, binary_names[op], i, get(k, y, i), want, 5.0L * (long double)epsilon_of(k) * size);
    }
    if (step_a != 0) {
        void *in_place = copy_buffer(k, a, n);
        k->binary(op, n, in_place, 1, b, step_b, in_place, p, q);
        check_same_bits(k, in_place, y, n);
        free(in_place);
    }
    if (step_b != 0) {
        void *in_place = copy_buffer(k, b, n);
        k->binary(op, n, a, step_a, in_place, 1, in_place, p, q);
        check_same_bits(k, in_place, y, n);
        free(in_place);
    }
    if (step_a != 0 && step_b != 0) {
        /* All three the same buffer. */
        void *square = make_buffer(k, n);
        k->binary(op, n, a, 1, a, 1, square, p, q);
        k->binary(op, n, a, 1, a, 1, a, p, q);
        check_same_bits(k, square, a, n);
        free(square);
    }
    free(y);
    free(b);
    free(a);
}

static void test_binary(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        for (int32_t op = 1; op < GANI_BINARY_COUNT; op++) {
            for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) {
                for (int32_t steps = 0; steps < 4; steps++) {
                    check_binary(k, op, kernel_sizes[j], steps / 2, steps % 2, -0.5);
                    check_binary(k, op, kernel_sizes[j], steps / 2, steps % 2, 0.0);
                }
            }
        }
    }
}

static double binary_one(const gani_kernels *k, int32_t op, double a, double b, double p, double q) {
    double u[17];
    double w[17];
    for (int64_t i = 0; i < 17; i++) {
        set(k, u, i, a);
        set(k, w, i, b);
    }
    k->binary(op, 17, u, 1, w, 1, u, p, q);
    double first = get(k, u, 0);
    double last = get(k, u, 16);
    assert_true(first == last || (isnan(first) && isnan(last)));
    return last;
}

static void test_binary_special_values(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        assert_true(isnan(binary_one(k, GANI_BINARY_MAX, NAN, 1.0, 0, 0)));
        assert_true(isnan(binary_one(k, GANI_BINARY_MAX, 1.0, NAN, 0, 0)));
        assert_true(binary_one(k, GANI_BINARY_MAX, -INFINITY, 1.0, 0, 0) == 1.0);
        assert_true(binary_one(k, GANI_BINARY_LEAKY_RELU_GRAD, -1.0, INFINITY, 0.0, 0) == 0.0);
        assert_true(binary_one(k, GANI_BINARY_LEAKY_RELU_GRAD, 0.0, 8.0, 0.25, 0) == 2.0);
        assert_true(binary_one(k, GANI_BINARY_CLAMP_GRAD, 1.0, 3.0, -1.0, 1.0) == 3.0);
        assert_true(binary_one(k, GANI_BINARY_CLAMP_GRAD, -1.0, 3.0, -1.0, 1.0) == 3.0);
        assert_true(isnan(binary_one(k, GANI_BINARY_MIN, NAN, 1.0, 0, 0)));
        assert_true(isnan(binary_one(k, GANI_BINARY_MIN, 1.0, NAN, 0, 0)));
        assert_true(binary_one(k, GANI_BINARY_MIN, INFINITY, 1.0, 0, 0) == 1.0);
        assert_true(binary_one(k, GANI_BINARY_SHARE, 2.0, 2.0, 0, 0) == 0.5);
        assert_true(binary_one(k, GANI_BINARY_SHARE, NAN, 2.0, 0, 0) == 1.0);
        assert_true(binary_one(k, GANI_BINARY_ELU_GRAD, 1.0, INFINITY, 0.5, 0) == 0.0);
        assert_true(binary_one(k, GANI_BINARY_ELU_GRAD, 1.0, 3.0, 0.5, 1.0) == 3.0);
        assert_true(binary_one(k, GANI_BINARY_ELU_GRAD, 0.0, 3.0, 0.5, 1.0) == 1.5);
        assert_true(binary_one(k, GANI_BINARY_CLAMP_GRAD, 1.5, 3.0, -INFINITY, 1.0) == 0.0);
        assert_true(binary_one(k, GANI_BINARY_CLAMP_GRAD, NAN, 3.0, -1.0, 1.0) == 0.0);
        assert_true(binary_one(k, GANI_BINARY_SIGMOID_MUL, -INFINITY, 3.0, 0, 0) == 0.0);
        assert_true(isinf(binary_one(k, GANI_BINARY_DIV, 1.0, 0.0, 0, 0)));
        k->binary(GANI_BINARY_ADD, 0, NULL, 0, NULL, 1, NULL, 0.0, 0.0);
    }
}

static void test_fill_axpy_lerp(void **state) {
    (void)state;
    FOR_EACH_TABLE(k) {
        long double eps = (long double)epsilon_of(k);
        for (size_t j = 0; j < KERNEL_SIZE_COUNT; j++) {
            int64_t n = kernel_sizes[j];
            void *x = make_uniform(k, n, 7u, -1.0, 1.0);
            void *y = make_uniform(k, n, 9u, -1.0, 1.0);
            void *sum = copy_buffer(k, y, n);
            void *average = copy_buffer(k, y, n);
            k->axpy(n, 0.3, x, sum);
            k->lerp(n, 0.3, x, average);
            for (int64_t i = 0; i < n; i++) {
                long double u = (long double)get(k, x, i);
                long double v = (long double)get(k, y, i);
                check_close(k, "axpy", i, get(k, sum, i), v + 0.3L * u, 3.0L * eps * (fabsl(u) + fabsl(v)));
                check_close(k, "lerp", i, get(k, average, i), v + 0.3L * (u - v), 3.0L * eps * (fabsl(u) + fabsl(v)));
            }
            k->lerp(n, 0.0, x, y);
            k->axpy(n, 0.0, x, y);
            k->fill(n, x, -2.5);
            for (int64_t i = 0; i < n; i++) {
                assert_true(get(k, x, i) == -2.5);
            }
            free(average);
            free(sum);
            free(y);
            free(x);
        }
    }
}

static void test_tables(void **state) {
    (void)state;
    int32_t best = gani_kernel_best_level();
    assert_true(best >= GANI_LEVEL_REFERENCE && best <= GANI_LEVEL_AVX512);
    assert_ptr_equal(gani_kernel_table(1000, 0), gani_kernel_table(best, 0));
    assert_ptr_equal(gani_kernel_table(-1, 1), gani_kernel_table(GANI_LEVEL_REFERENCE, 1));
    assert_string_equal(gani_kernel_table(GANI_LEVEL_REFERENCE, 0)->name, "reference");
    FOR_EACH_TABLE(k) {
        assert_int_equal(k->element, table_index % 2 != 0 ? sizeof(double) : sizeof(float));
        assert_true(k->unary && k->binary && k->fill && k->axpy && k->lerp && k->sum && k->dot && k->norm_stats);
        assert_true(k->norm_apply && k->norm_backward && k->adam && k->rmsprop && k->sgd && k->gemm_scratch && k->gemm);
        assert_true(k->conv_forward_scratch && k->conv_forward && k->conv_input_grad_scratch && k->conv_input_grad);
        assert_true(k->conv_weight_grad_scratch && k->conv_weight_grad);
    }
}

int main(void) {
    /* valgrind computes long double in 64 bits: no measure for f64 there */
    volatile long double one = 1, next = one + LDBL_EPSILON;
    if (next == one) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_unary_sizes),
        cmocka_unit_test(test_unary_special_values),
        cmocka_unit_test(test_unary_f32_range),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_binary_special_values),
        cmocka_unit_test(test_fill_axpy_lerp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
