/* Initialisers: moments, bounds and distribution of every rule, orthogonality, the order of the random numbers, what is
 * refused. Seeds are fixed, so the bounds of 4 standard deviations hold or not for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "layer_fixture.h"

#define SIGMAS 4

static gan_tensor *make(const layer_fixture *f, gan_dtype dtype, gan_shape shape) {
    gan_tensor *tensor;
    assert_int_equal(gan_tensor_create(&tensor, f->context, dtype, shape), GAN_OK);
    return tensor;
}

/* Mean and variance are what they should be, within 4 of their standard deviations; kurtosis is E (x - mean)^4 / var^2.
 */
static void assert_moments(const char *name, const gan_tensor *tensor, double mean, double variance, double kurtosis) {
    double *x = compare_read(tensor), m = 0, v = 0;
    int64_t n = gan_tensor_count(tensor);
    for (int64_t i = 0; i < n; i++) m += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) v += pow(x[i] - mean, 2) / (double)n;
    double mean_error = fabs(m - mean) / sqrt(variance / (double)n);
    double variance_error = fabs(v - variance) / (variance * sqrt((kurtosis - 1) / (double)n));
    if (mean_error > SIGMAS || variance_error > SIGMAS)
        fail_msg("%s: the mean is off by %g, the variance by %g standard deviations", name, mean_error, variance_error);
    free(x);
}
#define NORMAL_KURTOSIS 3.0
#define UNIFORM_KURTOSIS 1.8

static double largest(const gan_tensor *tensor) {
    double *x = compare_read(tensor), most = 0;
    for (int64_t i = 0; i < gan_tensor_count(tensor); i++) most = fmax(most, fabs(x[i]));
    free(x);
    return most;
}

/* A uniform distribution's bound a: no element beyond, and of n elements one within 20 / n of it. */
static void assert_uniform(const char *name, const gan_tensor *tensor, double a) {
    assert_moments(name, tensor, 0, a * a / 3, UNIFORM_KURTOSIS);
    double most = largest(tensor), n = (double)gan_tensor_count(tensor);
    assert_true(most < a * (1 + 1e-6) && most > a * (1 - 20 / n));
}

/* linear 40 x 30 x ..., convolution O x I x KH x KW: fan in 6 * 12 = 72, fan out 50 * 12 = 600 */
static void xavier_and_kaiming(void **state) {
    layer_fixture *f = *state;
    static const struct {
        int64_t shape[4];
        int32_t rank;
        double fan_in, fan_out;
    } cases[] = {{{150, 40, 0, 0}, 2, 40, 150}, {{50, 6, 3, 4}, 4, 72, 600}, {{30, 20, 11, 0}, 3, 220, 330}};
    for (int i = 0; i < 6; i++) {
        double fan_in = cases[i % 3].fan_in, fan_out = cases[i % 3].fan_out;
        gan_tensor *t = make(f, i < 3 ? GAN_F64 : GAN_F32, host_shape(cases[i % 3].rank, cases[i % 3].shape));
        assert_int_equal(gan_init_xavier_uniform(t, 1.5), GAN_OK);
        assert_uniform("xavier_uniform", t, 1.5 * sqrt(6 / (fan_in + fan_out)));
        assert_int_equal(gan_init_xavier_normal(t, 0.5), GAN_OK);
        assert_moments("xavier_normal", t, 0, 0.25 * 2 / (fan_in + fan_out), NORMAL_KURTOSIS);
        for (int way = 0; way < 2; way++) {
            double fan = way == 0 ? fan_in : fan_out;
            gan_fan which = way == 0 ? GAN_FAN_IN : GAN_FAN_OUT;
            assert_int_equal(gan_init_kaiming_uniform(t, 0.2, which), GAN_OK);
            assert_uniform("kaiming_uniform", t, sqrt(3 * 2 / 1.04 / fan));
            assert_int_equal(gan_init_kaiming_normal(t, 0, which), GAN_OK);
            assert_moments("kaiming_normal", t, 0, 2 / fan, NORMAL_KURTOSIS);
        }
        gan_tensor_release(t);
    }
}

static void plain_rules(void **state) {
    layer_fixture *f = *state;
    for (int type = 0; type < 2; type++) {
        gan_tensor *t = make(f, type == 0 ? GAN_F64 : GAN_F32, gan_shape_1d(5003));
        assert_int_equal(gan_init_normal(t, 3, 0.5), GAN_OK);
        assert_moments("normal", t, 3, 0.25, NORMAL_KURTOSIS);
        assert_int_equal(gan_init_uniform(t, -2, 2), GAN_OK);
        assert_uniform("uniform", t, 2);
        assert_int_equal(gan_init_constant(t, -0.75), GAN_OK);
        for (int64_t i = 0; i < 5003; i++) assert_true(gan_tensor_item(t, i) == -0.75);
        assert_int_equal(gan_init_normal(t, 1, 0), GAN_OK);
        assert_true(gan_tensor_item(t, 77) == 1);
        gan_tensor_release(t);
    }
}

static double density(double x) { return exp(-0.5 * x * x) / sqrt(2 * 3.14159265358979323846); }
/* of the smaller tail: accurate where the interval lies far out */
static double mass(double a, double b) {
    return a > 0 ? 0.5 * (erfc(a / sqrt(2.0)) - erfc(b / sqrt(2.0)))
                 : 0.5 * (erfc(-b / sqrt(2.0)) - erfc(-a / sqrt(2.0)));
}

/* Moments of the truncated distribution by their formulas, bounds, and the distribution function: Kolmogorov's distance
 * of n numbers is below 2 / sqrt(n) but once in 1500. */
static void truncated(void **state) {
    layer_fixture *f = *state;
    static const double bounds[][2] = {{-2, 2}, {-1, 3}, {0.5, 1.5}, {-6, -4}, {4, 6}, {-0.1, 0.1}, {20, 21}, {-9, 9}};
    enum { N = 6007 };
    for (int i = 0; i < 16; i++) {
        double a = bounds[i % 8][0], b = bounds[i % 8][1], z = mass(a, b);
        double mean = (density(a) - density(b)) / z;
        double variance = 1 + (a * density(a) - b * density(b)) / z - mean * mean;
        gan_tensor *t = make(f, i < 8 ? GAN_F64 : GAN_F32, gan_shape_1d(N));
        assert_int_equal(gan_init_truncated_normal(t, 10, 0.5, 10 + 0.5 * a, 10 + 0.5 * b), GAN_OK);
        /* kurtosis 9 is that of the exponential distribution, which a tail resembles; the formula for the variance
         * cancels far out: there the distribution function must do */
        if (fabs(a) < 10) assert_moments("truncated", t, 10 + 0.5 * mean, 0.25 * variance, 9);
        double *x = compare_read(t), worst = 0;
        for (int64_t k = 0; k < N; k++) assert_true(x[k] >= 10 + 0.5 * a && x[k] <= 10 + 0.5 * b);
        for (int step = 1; step < 100; step++) {
            double at = a + (b - a) * step / 100, below = 0;
            for (int64_t k = 0; k < N; k++) below += (x[k] - 10) / 0.5 <= at ? 1.0 / N : 0;
            worst = fmax(worst, fabs(below - mass(a, at) / z));
        }
        if (!(worst < 2 / sqrt(N))) fail_msg("bounds %d: the distribution is off by %g", i % 8, worst);
        free(x);
        gan_tensor_release(t);
    }
}

/* Q^T Q = gain^2 I for whichever of rows and columns are fewer. */
static double orthogonality(const gan_tensor *t, double gain) {
    double *x = compare_read(t), worst = 0;
    int64_t rows = gan_tensor_shape(t).size[0], columns = gan_tensor_count(t) / rows;
    int64_t few = rows < columns ? rows : columns, many = rows < columns ? columns : rows;
    int64_t step = rows < columns ? 1 : columns, next = rows < columns ? columns : 1;
    for (int64_t i = 0; i < few; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = 0; k < many; k++) sum += x[i * next + k * step] * x[j * next + k * step];
            worst = fmax(worst, fabs(sum - (i == j ? gain * gain : 0)));
        }
    free(x);
    return worst;
}

static void orthogonal(void **state) {
    (void)state;
    static const struct {
        int64_t shape[4];
        int32_t rank;
    } cases[] = {{{20, 50, 0, 0}, 2}, {{50, 20, 0, 0}, 2}, {{33, 33, 0, 0}, 2}, {{1, 7, 0, 0}, 2}, {{7, 1, 0, 0}, 2},
                 {{16, 3, 4, 4}, 4},  {{64, 3, 3, 3}, 4},  {{9, 3, 3, 0}, 3},   {{1, 1, 1, 1}, 4}};
    /* with LAPACK (where it is built in) and without */
    for (int with = 0; with < 2; with++) {
        gan_context_options o;
        gan_context_options_init(&o);
        o.threads = 1;
        o.blas = with ? GAN_BLAS_ON : GAN_BLAS_OFF;
        gan_context *context;
        assert_int_equal(gan_context_create(&context, &o), GAN_OK);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            gan_tensor *wide, *narrow;
            gan_shape shape = host_shape(cases[i].rank, cases[i].shape);
            assert_int_equal(gan_tensor_create(&wide, context, GAN_F64, shape), GAN_OK);
            assert_int_equal(gan_tensor_create(&narrow, context, GAN_F32, shape), GAN_OK);
            assert_int_equal(gan_init_orthogonal(wide, 1.25), GAN_OK);
            double worst = orthogonality(wide, 1.25);
            if (worst > 1e-12) fail_msg("case %d: off by %g", (int)i, worst);
            /* the same numbers in single precision */
            assert_int_equal(gan_context_set_position(context, GAN_STREAM_INIT, 0), GAN_OK);
            assert_int_equal(gan_init_orthogonal(wide, 1.25), GAN_OK);
            uint64_t after = gan_context_position(context, GAN_STREAM_INIT);
            assert_true(after == (uint64_t)(gan_tensor_count(wide) + 3) / 4);
            assert_int_equal(gan_context_set_position(context, GAN_STREAM_INIT, 0), GAN_OK);
            assert_int_equal(gan_init_orthogonal(narrow, 1.25), GAN_OK);
            assert_true(compare_tensors("f32", narrow, wide, 1e-7));
            gan_tensor_release(wide);
            gan_tensor_release(narrow);
        }
        gan_context_release(context);
    }
}

/* Uniform among orthogonal matrices: without the correction of signs, Householder's Q of a 2 x 2 matrix has a first
 * element that is never positive. Elements have mean 0 and, for a 3 x 3 matrix, variance 1 / 3; the determinant is 1 as
 * often as -1, and the trace has mean 0 and variance 1. */
static void orthogonal_is_uniform(void **state) {
    layer_fixture *f = *state;
    enum { N = 2000 };
    gan_tensor *t = make(f, GAN_F64, gan_shape_2d(3, 3));
    double mean[9] = {0}, square[9] = {0}, positive = 0, trace = 0, trace2 = 0;
    for (int round = 0; round < N; round++) {
        double q[9];
        assert_int_equal(gan_init_orthogonal(t, 1), GAN_OK);
        for (int i = 0; i < 9; i++) {
            q[i] = gan_tensor_item(t, i);
            mean[i] += q[i] / N;
            square[i] += q[i] * q[i] / N;
        }
        positive += q[0] * (q[4] * q[8] - q[5] * q[7]) - q[1] * (q[3] * q[8] - q[5] * q[6]) +
                        q[2] * (q[3] * q[7] - q[4] * q[6]) >
                    0;
        trace += (q[0] + q[4] + q[8]) / N;
        trace2 += pow(q[0] + q[4] + q[8], 2) / N;
    }
    for (int i = 0; i < 9; i++) {
        assert_true(fabs(mean[i]) < SIGMAS * sqrt(1.0 / 3 / N));
        assert_true(fabs(square[i] - 1.0 / 3) < SIGMAS * sqrt(4.0 / 45 / N)); /* of x^2, x uniform in (-1, 1) */
    }
    assert_true(fabs(positive - N / 2.0) < SIGMAS * sqrt(N / 4.0));
    assert_true(fabs(trace) < SIGMAS * sqrt(1.0 / N));
    assert_true(fabs(trace2 - 1) < SIGMAS * sqrt(2.0 / N));
    gan_tensor_release(t);
}

static gan_layer *make_network(const layer_fixture *f, gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(f->context, gan_shape_3d(3, 8, 8));
    gan_builder_set_dtype(b, dtype);
    gan_add_conv2d(b, 24, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_layer_norm(b, NULL);
    gan_add_conv_transpose2d(b, 12, 4, 2, 1, NULL);
    gan_add_flatten(b);
    gan_add_linear(b, 4, NULL);
    return layer_fixture_end(f, b);
}

/* Each weight gets what the function for one tensor gives it, in order; biases 0; normalisations as they begin. */
static void networks(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_network(f, GAN_F64);
    for (int32_t kind = GAN_INIT_CONSTANT; kind <= GAN_INIT_TRUNCATED_NORMAL; kind++) {
        gan_init_options o;
        gan_init_options_init(&o);
        assert_true(o.kind == GAN_INIT_NORMAL && o.fan == GAN_FAN_IN && o.gain == 1 && o.slope == 0 && o.value == 0);
        assert_true(o.mean == 0 && o.deviation == 0.02 && o.low == -0.04 && o.high == 0.04);
        o.kind = kind;
        o.fan = GAN_FAN_OUT;
        o.gain = 1.5;
        o.slope = 0.2;
        o.value = 0.25;
        o.mean = 0.01;
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
            assert_int_equal(gan_tensor_fill(gan_layer_tensor(layer, i), 7), GAN_OK);
        assert_int_equal(gan_context_set_position(f->context, GAN_STREAM_INIT, 0), GAN_OK);
        assert_int_equal(gan_layer_init(layer, &o), GAN_OK);
        uint64_t after = gan_context_position(f->context, GAN_STREAM_INIT);
        assert_int_equal(gan_context_set_position(f->context, GAN_STREAM_INIT, 0), GAN_OK);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
            const char *name = gan_layer_tensor_name(layer, i);
            gan_tensor *actual = gan_layer_tensor(layer, i);
            gan_tensor *expected = make(f, GAN_F64, gan_tensor_shape(actual));
            int is_norm = name[0] == '1' || name[0] == '2';
            gan_status status;
            if (strstr(name, "weight") == NULL || is_norm)
                status = gan_init_constant(expected, strstr(name, "weight") || strstr(name, "running_var"));
            else if (kind == GAN_INIT_CONSTANT)
                status = gan_init_constant(expected, 0.25);
            else if (kind == GAN_INIT_NORMAL)
                status = gan_init_normal(expected, 0.01, 0.02);
            else if (kind == GAN_INIT_UNIFORM)
                status = gan_init_uniform(expected, -0.04, 0.04);
            else if (kind == GAN_INIT_XAVIER_UNIFORM)
                status = gan_init_xavier_uniform(expected, 1.5);
            else if (kind == GAN_INIT_XAVIER_NORMAL)
                status = gan_init_xavier_normal(expected, 1.5);
            else if (kind == GAN_INIT_KAIMING_UNIFORM)
                status = gan_init_kaiming_uniform(expected, 0.2, GAN_FAN_OUT);
            else if (kind == GAN_INIT_KAIMING_NORMAL)
                status = gan_init_kaiming_normal(expected, 0.2, GAN_FAN_OUT);
            else if (kind == GAN_INIT_ORTHOGONAL)
                status = gan_init_orthogonal(expected, 1.5);
            else
                status = gan_init_truncated_normal(expected, 0.01, 0.02, -0.04, 0.04);
            assert_int_equal(status, GAN_OK);
            assert_true(compare_same_bits(name, actual, expected));
            gan_tensor_release(expected);
        }
        assert_true(gan_context_position(f->context, GAN_STREAM_INIT) == after);
    }
    gan_layer_release(layer);
}

/* DCGAN's rule leaves other normalisations alone. */
static void dcgan(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = make_network(f, GAN_F32);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        assert_int_equal(gan_tensor_fill(gan_layer_tensor(layer, i), 7), GAN_OK);
    assert_int_equal(gan_layer_init_dcgan(layer), GAN_OK);
    assert_moments("conv", gan_layer_find(layer, "0.weight"), 0, 4e-4, NORMAL_KURTOSIS);
    assert_moments("batch norm", gan_layer_find(layer, "1.weight"), 1, 4e-4, NORMAL_KURTOSIS);
    assert_true(gan_tensor_item(gan_layer_find(layer, "0.bias"), 3) == 0);
    assert_true(gan_tensor_item(gan_layer_find(layer, "1.running_var"), 3) == 1);
    gan_tensor *weight = gan_layer_find(layer, "2.weight"), *bias = gan_layer_find(layer, "2.bias");
    for (int64_t i = 0; i < gan_tensor_count(weight); i++)
        assert_true(gan_tensor_item(weight, i) == 1 && gan_tensor_item(bias, i) == 0);
    gan_layer_release(layer);
}

static void assert_message(const layer_fixture *f, gan_status actual, gan_status status, const char *what) {
    assert_int_equal(actual, status);
    if (strstr(gan_context_error(f->context), what) == NULL) fail_msg("message: %s", gan_context_error(f->context));
}

static void refused(void **state) {
    layer_fixture *f = *state;
    gan_tensor *line = make(f, GAN_F64, gan_shape_1d(6)), *t = make(f, GAN_F64, gan_shape_2d(3, 2)), *turned;
    gan_tensor *whole = make(f, GAN_I32, gan_shape_2d(3, 2));
    static const int32_t order[2] = {1, 0};
    assert_int_equal(gan_tensor_fill(t, 7), GAN_OK);
    assert_int_equal(gan_tensor_permute(&turned, t, order), GAN_OK);
    assert_message(f, gan_init_orthogonal(line, 1), GAN_E_SHAPE, "gan_init_orthogonal: a tensor of shape 6");
    assert_message(f, gan_init_xavier_uniform(line, 1), GAN_E_SHAPE, "second axis");
    assert_message(f, gan_init_xavier_normal(line, 1), GAN_E_SHAPE, "second axis");
    assert_message(f, gan_init_kaiming_uniform(line, 0, GAN_FAN_IN), GAN_E_SHAPE, "second axis");
    assert_message(f, gan_init_kaiming_normal(line, 0, GAN_FAN_IN), GAN_E_SHAPE, "second axis");
    assert_message(f, gan_init_kaiming_normal(t, 0, 2), GAN_E_ARGUMENT, "fan");
    assert_message(f, gan_init_constant(t, NAN), GAN_E_ARGUMENT, "finite");
    assert_message(f, gan_init_orthogonal(t, INFINITY), GAN_E_ARGUMENT, "finite");
    assert_message(f, gan_init_normal(t, 0, -1), GAN_E_ARGUMENT, "deviation");
    assert_message(f, gan_init_truncated_normal(t, 0, 0, -1, 1), GAN_E_ARGUMENT, "deviation");
    assert_message(f, gan_init_truncated_normal(t, 0, 1, 1, 1), GAN_E_ARGUMENT, "low");
    assert_message(f, gan_init_truncated_normal(t, 0, 1, 40, 41), GAN_E_ARGUMENT, "nearer");
    assert_message(f, gan_init_truncated_normal(t, 0, 1, -41, -40), GAN_E_ARGUMENT, "nearer");
    assert_message(f, gan_init_constant(whole, 1), GAN_E_ARGUMENT, "f32 or f64");
    assert_message(f, gan_init_orthogonal(turned, 1), GAN_E_ARGUMENT, "contiguous");
    assert_int_equal(gan_init_orthogonal(NULL, 1), GAN_E_ARGUMENT);
    for (int64_t i = 0; i < 6; i++) assert_true(gan_tensor_item(t, i) == 7);
    assert_true(gan_context_position(f->context, GAN_STREAM_INIT) == 0);

    gan_layer *layer = make_network(f, GAN_F32);
    gan_init_options o;
    gan_init_options_init(&o);
    o.kind = 9;
    assert_message(f, gan_layer_init(layer, &o), GAN_E_ARGUMENT, "kind 9");
    o.kind = -1;
    assert_message(f, gan_layer_init(layer, &o), GAN_E_ARGUMENT, "kind -1");
    gan_init_options_init(&o);
    o.high = NAN;
    assert_message(f, gan_layer_init(layer, &o), GAN_E_ARGUMENT, "finite");
    o.struct_size = 0;
    assert_int_equal(gan_layer_init(layer, &o), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_init(NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_init(layer, NULL), GAN_OK);
    gan_layer_release(layer);
    gan_tensor_release(turned);
    gan_tensor_release(whole);
    gan_tensor_release(line);
    gan_tensor_release(t);
}

/* Nothing to do, and nothing to divide by. */
static void empty(void **state) {
    layer_fixture *f = *state;
    gan_tensor *t = make(f, GAN_F64, gan_shape_2d(0, 5));
    assert_int_equal(gan_init_orthogonal(t, 1), GAN_OK);
    assert_int_equal(gan_init_xavier_uniform(t, 1), GAN_OK);
    assert_int_equal(gan_init_truncated_normal(t, 0, 1, -1, 1), GAN_OK);
    assert_true(gan_context_position(f->context, GAN_STREAM_INIT) == 0);
    gan_tensor_release(t);
}

static void without_memory(void **state) {
    layer_fixture *f = *state;
    gan_tensor *t = make(f, GAN_F64, gan_shape_2d(3, 2));
    assert_int_equal(gan_tensor_fill(t, 7), GAN_OK);
    f->memory.fail_at = atomic_load(&f->memory.calls) + 1;
    assert_message(f, gan_init_orthogonal(t, 1), GAN_E_MEMORY, "orthogonal");
    f->memory.fail_at = 0;
    assert_true(gan_tensor_item(t, 0) == 7 && gan_context_position(f->context, GAN_STREAM_INIT) == 0);
    gan_tensor_release(t);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(xavier_and_kaiming), TEST(plain_rules), TEST(truncated), TEST(orthogonal), TEST(orthogonal_is_uniform),
        TEST(networks),           TEST(dcgan),       TEST(refused),   TEST(empty),      TEST(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
