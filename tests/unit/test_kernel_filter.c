/* Minimal filtering against plain loops in double, each tile size on every shape it can do: the largest error relative
 * to the largest value stays below 5e-6 for F(2) and F(3) and 1e-5 for F(4), also with the weights and images of a
 * network in training; the same bits for any number of workers; what it cannot do goes the direct way. */
#include "kernel_fixture.h"

#include <gan/context.h>

#include "base/context.h"
#include "conv_shape.h"
#include "host.h"
#include "kernel/conv_gemm.h"
#include "kernel/filter/filter.h"

#if defined(GANI_HAVE_X86) || defined(GANI_HAVE_NEON)

/* The levels that have it: their results are the same bits. */
static const struct {
    int32_t level;
    gani_filter_run *run;
} levels[] = {
#ifdef GANI_HAVE_X86
    {GANI_LEVEL_AVX2, gani_filter_run_avx2},
    {GANI_LEVEL_AVX512, gani_filter_run_avx512},
#else
    {GANI_LEVEL_NEON, gani_filter_run_neon},
#endif
};
enum { LEVELS = sizeof levels / sizeof *levels };

#define MAX_WORKERS 3
static gan_context *contexts[MAX_WORKERS];

static int open_contexts(void **state) {
    (void)state;
    for (int32_t i = 0; i < MAX_WORKERS; i++) contexts[i] = host_context(i + 1);
    return 0;
}
static int close_contexts(void **state) {
    (void)state;
    for (int32_t i = 0; i < MAX_WORKERS; i++) gan_context_release(contexts[i]);
    return 0;
}

static float *make(int64_t count, uint64_t seed, double low, double high) {
    float *values = malloc((size_t)count * sizeof *values);
    if (values == NULL) abort();
    for (int64_t i = 0; i < count; i++) values[i] = (float)next_uniform(&seed, low, high);
    return values;
}
static double *widen(const float *values, int64_t count) {
    double *wide = malloc((size_t)count * sizeof *wide);
    if (wide == NULL) abort();
    for (int64_t i = 0; i < count; i++) wide[i] = (double)values[i];
    return wide;
}

static double relative_error(const float *got, const double *want, int64_t count) {
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double difference = fabs((double)got[i] - want[i]);
        assert_false(isnan(difference));
        worst = fmax(worst, difference);
        largest = fmax(largest, fabs(want[i]));
    }
    return worst / largest;
}

/* Runs one of the trio with every number of workers, at every level, in scratch of exact size full of NaN. */
static void run(const gani_filter_plan *plans, const gani_conv_shape *s, int32_t what, const float *a, const float *b,
                const float *bias, float *result, int64_t count) {
    float *again = make(count, 1, 0, 1), *to = result;
    for (int32_t level = 0; level < LEVELS && levels[level].level <= gani_kernel_best_level(); level++)
        for (int32_t i = 0; i < MAX_WORKERS; i++) {
            size_t size = gani_filter_scratch(&plans[i], i + 1);
            void *scratch = NULL;
            if (posix_memalign(&scratch, 64, size) != 0) abort();
            memset(scratch, 0xff, size);
            memset(to, 0xff, (size_t)count * sizeof *to);
            levels[level].run(contexts[i]->pool, scratch, &plans[i], s, what, a, b, bias, to);
            if (to == again) assert_memory_equal(result, again, (size_t)count * sizeof *again);
            to = again;
            free(scratch);
        }
    free(again);
}

static double worst[5]; /* of F(2), F(3), F(4), at their numbers */

/* `low`, `high`: of the images and gradients; all-positive ones, as after a ReLU, cancel in the transforms
 * and not in the sums */
static void check_shape(gani_conv_shape s, double low, double high) {
    s.dil_h = s.dil_w = s.groups = 1;
    s.stride_w = s.stride_h, s.pad_w = s.pad_h, s.kw = s.kh;
    s.oh = (s.h + 2 * s.pad_h - s.kh) / s.stride_h + 1, s.ow = (s.w + 2 * s.pad_w - s.kw) / s.stride_w + 1;
    int64_t nx = s.n * s.c * s.h * s.w, nw = s.o * s.c * s.kh * s.kw, ny = s.n * s.o * s.oh * s.ow;
    float *x = make(nx, 1, low, high), *w = make(nw, 2, -1, 1), *g = make(ny, 3, low, high);
    float *bias_o = make(s.o, 4, -1, 1), *bias_c = make(s.c, 5, -1, 1);
    double *wx = widen(x, nx), *ww = widen(w, nw), *wg = widen(g, ny), *wo = widen(bias_o, s.o),
           *wc = widen(bias_c, s.c);
    const int64_t counts[3] = {ny, nx, nw};
    double *want[3];
    for (int32_t what = 0; what < 3; what++) want[what] = widen(what == 0 ? g : what == 1 ? x : w, counts[what]);
    gani_conv_forward_ref_f64(NULL, NULL, &s, wx, ww, wo, want[GANI_FILTER_FORWARD]);
    gani_conv_input_grad_ref_f64(NULL, NULL, &s, wg, ww, wc, want[GANI_FILTER_INPUT]);
    gani_conv_weight_grad_ref_f64(NULL, NULL, &s, wx, wg, want[GANI_FILTER_WEIGHT]);
    for (int32_t what = 0; what < 3; what++)
        for (int64_t out = 2; out <= 4; out++) {
            if (out == 3 && s.kh / s.stride_h == 3) continue;
            gani_filter_plan plans[MAX_WORKERS];
            for (int32_t i = 0; i < MAX_WORKERS; i++)
                assert_true(gani_filter_plan_make(&plans[i], &s, what, i + 1, out));
            assert_int_equal(plans[0].out, out);
            const double bound = out < 4 ? 5e-6 : 1e-5;
            float *result = make(counts[what], 1, 0, 1), *by_outputs = make(counts[what], 1, 0, 1);
            const float *a = what == GANI_FILTER_INPUT ? g : x, *b = what == GANI_FILTER_WEIGHT ? g : w;
            const float *bias = what == GANI_FILTER_FORWARD ? bias_o : what == GANI_FILTER_INPUT ? bias_c : NULL;
            run(plans, &s, what, a, b, bias, result, counts[what]);
            /* the other order of the same work */
            for (int32_t i = 0; i < MAX_WORKERS; i++) {
                plans[i].by_outputs = !plans[i].by_outputs;
                gani_filter_plan_lay_out(&plans[i], &s, what, i + 1);
            }
            run(plans, &s, what, a, b, bias, by_outputs, counts[what]);
            if (what != GANI_FILTER_WEIGHT || s.n * plans[0].tile_rows * plans[0].tile_cols <= GANI_FILTER_FEW_TILES)
                assert_memory_equal(result, by_outputs, (size_t)counts[what] * sizeof *result);
            assert_true(relative_error(by_outputs, want[what], counts[what]) <= bound);
            double error = relative_error(result, want[what], counts[what]);
            if (!(error <= bound))
                fail_msg(
                    "%lldx%lldx%lldx%lld, %lld filters of %lld, stride %lld, padding %lld: %s, F(%lld): error %.2e",
                    (long long)s.n, (long long)s.c, (long long)s.h, (long long)s.w, (long long)s.o, (long long)s.kh,
                    (long long)s.stride_h, (long long)s.pad_h,
                    what == 0   ? "forward"
                    : what == 1 ? "input gradient"
                                : "weight gradient",
                    (long long)out, error);
            worst[out] = fmax(worst[out], error);
            free(result), free(by_outputs);
        }
    for (int32_t what = 0; what < 3; what++) free(want[what]);
    free(x), free(w), free(g), free(bias_o), free(bias_c), free(wx), free(ww), free(wg), free(wo), free(wc);
}

static void say_errors(void) {
    fprintf(stderr, "largest error relative to the largest value: F(2) %.2e, F(3) %.2e, F(4) %.2e\n", worst[2],
            worst[3], worst[4]);
}

/* n, c, h, w, o, kernel, stride, padding */
#define SHAPE(n_, c_, h_, w_, o_, k_, s_, p_)                                                                          \
    (gani_conv_shape) { .n = n_, .c = c_, .h = h_, .w = w_, .o = o_, .kh = k_, .stride_h = s_, .pad_h = p_ }

static void every_shape(void **state) {
    (void)state;
    if (gani_kernel_best_level() < levels[0].level) skip();
    static const int64_t kernels[][2] = {{2, 1}, {3, 1}, {4, 2}, {6, 2}}; /* size, stride */
    static const int64_t sizes[][2] = {{6, 6}, {7, 9}, {8, 8}, {13, 6}, {16, 19}};
    for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++)
        for (size_t i = host_stride() > 1 ? k + 1 : 0; i < sizeof sizes / sizeof sizes[0]; i += (size_t)host_stride())
            for (int64_t padding = 0; padding < kernels[k][0]; padding++) {
                check_shape(SHAPE(3, 16, sizes[i][0], sizes[i][1], 24, kernels[k][0], kernels[k][1], padding), -1, 1);
                check_shape(SHAPE(1, 40, sizes[i][0], sizes[i][1], 16, kernels[k][0], kernels[k][1], padding), 0, 1);
            }
    say_errors();
    if (host_stride() > 1) return;
    /* several chunks of tiles, several blocks of K, outputs shared by workers */
    check_shape(SHAPE(9, 32, 32, 32, 64, 4, 2, 1), -1, 1);
    check_shape(SHAPE(40, 64, 8, 8, 136, 4, 2, 1), 0, 1);
    check_shape(SHAPE(2, 136, 30, 30, 128, 3, 1, 1), -1, 1);
    check_shape(SHAPE(1, 16, 6, 300, 16, 3, 1, 1), -1, 1);
    /* long sums over the tiles of a batch */
    check_shape(SHAPE(64, 16, 16, 16, 16, 3, 1, 1), 0.5, 1);
    check_shape(SHAPE(9, 256, 8, 8, 256, 3, 1, 1), -1, 1); /* weights past the caches */
    check_shape(SHAPE(64, 16, 16, 16, 16, 4, 2, 1), 0.5, 1);
    check_shape(SHAPE(64, 32, 7, 7, 48, 4, 2, 1), 0.5, 1); /* maps of 3 */
    say_errors();
}

/* Weights that were transformed beforehand: what the table's functions make of them as they are, to the bit, for any
 * number of workers; fewer images one by one as in the largest batch, whatever would be chosen for them alone. */
static void check_packed(const gani_kernels *k, const gani_conv_shape *s, int32_t transposed, int64_t tiles) {
    int64_t nx = s->n * s->c * s->h * s->w, ny = s->n * s->o * s->oh * s->ow, nw = s->o * s->c * s->kh * s->kw;
    int64_t in = transposed ? ny : nx, out = transposed ? nx : ny;
    float *x = make(in, 1, -1, 1), *w = make(nw, 2, -1, 1), *bias = make(s->c + s->o, 3, -1, 1);
    float *want = make(out, 4, 0, 1), *y = make(out, 5, 0, 1);
    size_t size = k->conv_pack_size(s, transposed);
    assert_true(size > 0);
    for (int32_t i = 0; i < MAX_WORKERS; i++) {
        gani_pool *pool = contexts[i]->pool;
        void *scratch = NULL, *block = NULL;
        size_t room = (transposed ? k->conv_input_grad_scratch : k->conv_forward_scratch)(s, i + 1);
        if (posix_memalign(&scratch, 64, room) != 0 || posix_memalign(&block, 64, size) != 0) abort();
        (transposed ? k->conv_input_grad : k->conv_forward)(pool, scratch, s, x, w, bias, want);
        memset(block, 0xff, size);
        memset(scratch, 0xff, room);
        k->conv_pack(pool, scratch, s, transposed, w, block);
        free(scratch);
        assert_int_equal(((const gani_packed *)block)->tiles, tiles);
        for (gani_conv_shape part = *s; part.n >= 0; part.n -= host_stride()) {
            room = k->conv_packed_scratch(&part, transposed, block, i + 1);
            if (posix_memalign(&scratch, 64, room) != 0) abort();
            memset(scratch, 0xff, room);
            memset(y, 0xff, (size_t)out * sizeof *y);
            k->conv_packed(pool, scratch, &part, transposed, block, x, bias, y);
            assert_memory_equal(y, want, (size_t)(out / s->n * part.n) * sizeof *y);
            free(scratch);
        }
        free(block);
    }
    free(x), free(w), free(bias), free(want), free(y);
}

static void packed_weights(void **state) {
    (void)state;
    if (gani_kernel_best_level() < levels[0].level) skip();
    for (int32_t i = 0; i < LEVELS && levels[i].level <= gani_kernel_best_level(); i++) {
        const gani_kernels *k = gani_kernel_table_filtered(levels[i].level);
        for (int32_t transposed = 0; transposed <= 1; transposed++) {
            gani_conv_shape few = square(3, 128, 30, 64, 4, 2, 1), many = square(7, 64, 16, 136, 3, 1, 1),
                            small = square(2, 64, 4, 64, 4, 2, 1), weighty = square(40, 216, 8, 216, 4, 2, 1);
            check_packed(k, &many, transposed, 4);
            check_packed(k, &few, transposed, 3);
            check_packed(k, &small, transposed, 0);
            check_packed(k, &weighty, transposed, 4); /* goes by outputs where it is not packed */
            if (host_stride() > 1) continue;
            gani_conv_shape large = square(8, 256, 16, 256, 3, 1, 1); /* weights past the caches */
            check_packed(k, &large, transposed, 4);
        }
    }
}

/* What bits depend on is the same for any number of workers. */
static void check_workers(const gani_conv_shape *s, int32_t what) {
    gani_filter_plan one, many;
    int made = gani_filter_plan_make(&one, s, what, 1, 0);
    static const int32_t workers[] = {2, 3, 8, 256};
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        assert_int_equal(gani_filter_plan_make(&many, s, what, workers[i], 0), made);
        if (made) assert_int_equal(many.out, one.out);
    }
}

/* A session that has room for its largest batch has room for every smaller one. */
static void check_packed_scratch(gani_conv_shape s, int32_t transposed) {
    if (gani_kernel_best_level() < levels[0].level) return;
    const gani_kernels *k = gani_kernel_table_filtered(levels[0].level);
    gani_filter_plan plan;
    assert_true(gani_filter_plan_make(&plan, &s, transposed, 1, 0));
    const gani_packed head = {plan.out};
    for (int32_t workers = 1; workers <= 8; workers *= 2) {
        size_t most = k->conv_packed_scratch(&s, transposed, &head, workers);
        for (gani_conv_shape part = s; part.n > 0; part.n--) {
            size_t size = k->conv_packed_scratch(&part, transposed, &head, workers);
            assert_in_range(size, 1, most);
        }
    }
}

/* Workers take chunks in turn: none has much more to multiply than its share. */
static void chunks_are_shared_evenly(void **state) {
    (void)state;
    const gani_conv_shape s = square(64, 64, 14, 128, 4, 2, 1);
    for (int32_t what = GANI_FILTER_FORWARD; what <= GANI_FILTER_INPUT; what++) {
        gani_filter_plan plan;
        int64_t groups[2] = {0, 0};
        assert_true(gani_filter_plan_make(&plan, &s, what, 2, 0));
        for (int64_t first = 0; first < plan.rows; first += plan.chunk_rows) {
            int64_t rows = first + plan.chunk_rows < plan.rows ? plan.chunk_rows : plan.rows - first;
            groups[first / plan.chunk_rows % 2] += (rows * plan.tile_cols + GANI_FILTER_ROWS - 1) / GANI_FILTER_ROWS;
        }
        int64_t most = groups[0] > groups[1] ? groups[0] : groups[1];
        assert_true((double)most <= 1.05 * (double)(groups[0] + groups[1]) / 2);
    }
}

/* What the plan refuses, and that the table's functions then do the direct path's work to the bit. */
static void the_rest_goes_the_direct_way(void **state) {
    (void)state;
    gani_filter_plan plan;
    gani_conv_shape good = {.n = 8,
                            .c = 64,
                            .h = 16,
                            .w = 16,
                            .o = 64,
                            .oh = 8,
                            .ow = 8,
                            .kh = 4,
                            .kw = 4,
                            .stride_h = 2,
                            .stride_w = 2,
                            .pad_h = 1,
                            .pad_w = 1,
                            .dil_h = 1,
                            .dil_w = 1,
                            .groups = 1};
    assert_true(gani_filter_plan_make(&plan, &good, GANI_FILTER_FORWARD, 1, 4));
    /* the number of workers decides nothing that bits depend on */
    gani_conv_shape large = good;
    large.c = large.o = 512, large.n = 128;
    for (int32_t what = 0; what < 3; what++) check_workers(&large, what);
    /* about as much scratch as there may be */
    for (int64_t n = 60; n <= 320; n += 20)
        for (int64_t o = 512; o <= 640; o += 8)
            for (int32_t what = 0; what < 3; what++) {
                gani_conv_shape wide = square(n, 1024, n < 100 ? 14 : 8, o, 4, 2, 1);
                check_workers(&wide, what);
            }
    check_packed_scratch(square(83, 64, 14, 5120, 4, 2, 1), 1);
    check_packed_scratch(square(83, 2560, 14, 64, 4, 2, 1), 0);
    check_packed_scratch(square(80, 256, 14, 512, 4, 2, 1), 1);
    check_packed_scratch(square(80, 256, 14, 512, 4, 2, 1), 0);
    gani_conv_shape bad[8];
    for (int i = 0; i < 8; i++) bad[i] = good;
    bad[0].groups = 2, bad[1].dil_h = 2, bad[2].stride_w = 1, bad[3].kw = 3, bad[4].c = 3, bad[5].o = 12, bad[6].n = 0;
    bad[7].kh = bad[7].kw = 5;
    for (int i = 0; i < 8; i++)
        for (int32_t what = 0; what < 3; what++) assert_false(gani_filter_plan_make(&plan, &bad[i], what, 1, 4));
    if (gani_kernel_best_level() < levels[0].level) skip();

    const gani_kernels *direct = gani_kernel_table(levels[0].level, 0),
                       *filtered = gani_kernel_table_filtered(levels[0].level);
    assert_ptr_not_equal(direct->conv_forward, filtered->conv_forward);
    gani_conv_shape s = {.n = 2,
                         .c = 3,
                         .h = 16,
                         .w = 16,
                         .o = 64,
                         .oh = 8,
                         .ow = 8,
                         .kh = 4,
                         .kw = 4,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_h = 1,
                         .pad_w = 1,
                         .dil_h = 1,
                         .dil_w = 1,
                         .groups = 1};
    int64_t nx = s.n * s.c * 256, nw = s.o * s.c * 16, ny = s.n * s.o * 64;
    float *x = make(nx, 1, -1, 1), *w = make(nw, 2, -1, 1), *y = make(ny, 3, 0, 1), *z = make(ny, 4, 0, 1);
    size_t size = direct->conv_forward_scratch(&s, 1);
    assert_int_equal(filtered->conv_forward_scratch(&s, 1), size);
    void *scratch = NULL;
    if (posix_memalign(&scratch, 64, size) != 0) abort();
    direct->conv_forward(NULL, scratch, &s, x, w, NULL, y);
    filtered->conv_forward(NULL, scratch, &s, x, w, NULL, z);
    assert_memory_equal(y, z, (size_t)ny * sizeof *y);
    free(x), free(w), free(y), free(z), free(scratch);
}

/* The reference level has no minimal filtering, and a context can be told to do without. */
static void can_be_switched_off(void **state) {
    (void)state;
    assert_ptr_equal(gani_kernel_table_filtered(GANI_LEVEL_REFERENCE), gani_kernel_table(GANI_LEVEL_REFERENCE, 0));
    for (int32_t filtering = GAN_FILTERING_OFF; filtering <= GAN_FILTERING_AUTO; filtering++) {
        gan_context_options options;
        gan_context_options_init(&options);
        options.filtering = filtering;
        gan_context *context = NULL;
        assert_int_equal(gan_context_create(&context, &options), GAN_OK);
        assert_ptr_equal(context->kernels[0], filtering == GAN_FILTERING_AUTO
                                                  ? gani_kernel_table_filtered(gani_kernel_best_level())
                                                  : gani_kernel_table(gani_kernel_best_level(), 0));
        gan_context_release(context);
    }
    gan_context_options options;
    gan_context_options_init(&options);
    options.filtering = 2;
    gan_context *context = NULL;
    assert_int_equal(gan_context_create(&context, &options), GAN_E_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape),
        cmocka_unit_test(packed_weights),
        cmocka_unit_test(chunks_are_shared_evenly),
        cmocka_unit_test(the_rest_goes_the_direct_way),
        cmocka_unit_test(can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}

#else

int main(void) { return 77; }

#endif
