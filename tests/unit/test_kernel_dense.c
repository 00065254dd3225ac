/* Dense products and convolutions: every implementation and element type against plain loops in double, with bounds
 * derived from the length of the sums; identical bits on 1, 2 and 3 workers; nothing touched outside the arrays. */
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

#include "base/context.h"
#include "base/pool.h"
#include "kernel/conv_gemm.h"
#include "conv_shape.h"
#include "host.h"

enum { GUARD = 64, MAX_WORKERS = 3 };

typedef struct dense {
    const char *name;
    int32_t is_f64, level;
    size_t (*gemm_scratch)(int64_t m, int64_t n, int64_t k, int32_t workers);
    void (*gemm)(gani_pool *pool, void *scratch, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a,
                 int64_t lda, const void *b, int64_t ldb, double beta, const void *bias, void *c, int64_t ldc);
    size_t (*conv_scratch[3])(const gani_conv_shape *s, int32_t workers);
    void (*forward)(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x, const void *w,
                    const void *bias, void *y);
    void (*input_grad)(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *g, const void *w,
                       const void *bias, void *dx);
    void (*weight_grad)(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x, const void *g,
                        void *dw);
    size_t (*pack_size)(const gani_conv_shape *s, int32_t transposed); /* NULL: the oracle packs nothing */
    void (*pack)(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed, const void *w,
                 void *packed);
    size_t (*packed_scratch)(const gani_conv_shape *s, int32_t transposed, const void *packed, int32_t workers);
    void (*packed)(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed, const void *packed,
                   const void *x, const void *bias, void *y);
} dense;

#define COMMON(suffix, is_f64, level)                                                                                  \
#suffix, is_f64, level, gani_gemm_scratch_##suffix, gani_gemm_##suffix,                                            \
        {gani_conv_forward_scratch_##suffix, gani_conv_input_grad_scratch_##suffix,                                    \
         gani_conv_weight_grad_scratch_##suffix },                                                                     \
         gani_conv_forward_##suffix, gani_conv_input_grad_##suffix, gani_conv_weight_grad_##suffix
#define ORACLE(suffix, is_f64, level)                                                                                  \
    { COMMON(suffix, is_f64, level), NULL, NULL, NULL, NULL }
#define DENSE(suffix, is_f64, level)                                                                                   \
    {                                                                                                                  \
        COMMON(suffix, is_f64, level), gani_conv_pack_size_##suffix, gani_conv_pack_##suffix,                          \
            gani_conv_packed_scratch_##suffix, gani_conv_packed_##suffix                                               \
    }

static const dense implementations[] = {
    ORACLE(ref_f32, 0, GANI_LEVEL_REFERENCE),   ORACLE(ref_f64, 1, GANI_LEVEL_REFERENCE),
    DENSE(packed_f32, 0, GANI_LEVEL_REFERENCE), DENSE(packed_f64, 1, GANI_LEVEL_REFERENCE),
#ifdef GANI_HAVE_X86
    DENSE(avx2_f64, 1, GANI_LEVEL_AVX2),        DENSE(avx2_f32, 0, GANI_LEVEL_AVX2),
    DENSE(avx512_f32, 0, GANI_LEVEL_AVX512),
#elif defined(GANI_HAVE_NEON)
    DENSE(neon_f32, 0, GANI_LEVEL_NEON),        DENSE(neon_f64, 1, GANI_LEVEL_NEON),
#endif
};

/* ---- pools and memory ---- */

static void *allocate(size_t size) {
    void *block = malloc(size > 0 ? size : 1);
    if (block == NULL) abort();
    return block;
}

static void *host_allocate(void *user, size_t alignment, size_t size) {
    (void)user;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void host_free(void *user, void *block, size_t size) {
    (void)user, (void)size;
    free(block);
}

static gan_context context;
static gani_pool *pools[MAX_WORKERS];

static int open_pools(void **state) {
    (void)state;
    context.allocator.allocate = host_allocate;
    context.allocator.deallocate = host_free;
    context.memory_limit = SIZE_MAX;
    for (int32_t i = 0; i < MAX_WORKERS; i++)
        if (gani_pool_create(&pools[i], &context, i + 1, NULL) != GAN_OK) return -1;
    return 0;
}

static int close_pools(void **state) {
    (void)state;
    for (int32_t i = 0; i < MAX_WORKERS; i++) gani_pool_destroy(pools[i]);
    return 0;
}

/* A buffer with GUARD known bytes at either end. What lies between is all ones (NaNs) at first, so that reading it
 * before writing shows. `data` is 64-byte aligned. */
typedef struct guarded {
    unsigned char *data;
    size_t size;
} guarded;

static guarded guarded_make(size_t size) {
    size_t room = (size + 63) / 64 * 64 + 2 * GUARD;
    unsigned char *block = aligned_alloc(64, room);
    if (block == NULL) abort();
    memset(block, 0x5a, room);
    memset(block + GUARD, 0xff, size);
    return (guarded){block + GUARD, size};
}

static void guarded_end(guarded *buffer) {
    int whole = 1;
    for (size_t i = 0; i < GUARD; i++)
        whole = whole && buffer->data[buffer->size + i] == 0x5a && *(buffer->data - 1 - i) == 0x5a;
    assert_true(whole);
    free(buffer->data - GUARD);
}

/* Values that floats hold, so that both element types compute with the same. Inputs have their exact size: the address
 * sanitizer sees a read past their end. */
static double *make_values(int64_t count, uint64_t seed) {
    double *values = allocate((size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (double)(float)((double)(seed >> 11) * 0x1p-52 - 1.0);
    }
    return values;
}

static double *absolute(const double *values, int64_t count) {
    double *copy = allocate((size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++) copy[i] = fabs(values[i]);
    return copy;
}

static void fill_typed(int32_t is_f64, const double *values, int64_t count, void *to) {
    for (int64_t i = 0; i < count; i++)
        if (is_f64)
            ((double *)to)[i] = values[i];
        else
            ((float *)to)[i] = (float)values[i];
}

static size_t element(const dense *d) { return d->is_f64 ? sizeof(double) : sizeof(float); }

static void *typed(const dense *d, const double *values, int64_t count) {
    void *copy = allocate((size_t)count * element(d));
    fill_typed(d->is_f64, values, count, copy);
    return copy;
}

/* |got - want| <= 2 (length + 4) eps size, where size is the sum of the absolute values of the terms: every summation
 * order of `length` products obeys |error| <= (length + 1) eps size to first order; twice that leaves room for the
 * oracle's own error and for the bias. */
static void check(const dense *d, const char *what, const char *shape, const void *got, const double *want,
                  const double *size, int64_t count, int64_t length) {
    double eps = d->is_f64 ? DBL_EPSILON : (double)FLT_EPSILON, bound = 2.0 * (double)(length + 4) * eps;
    for (int64_t i = 0; i < count; i++) {
        double value = d->is_f64 ? ((const double *)got)[i] : (double)((const float *)got)[i];
        int close = fabs(value - want[i]) <= bound * size[i];
        if (!close)
            fprintf(stderr, "%s %s %s, [%lld]: %.17g, expected %.17g\n", d->name, what, shape, (long long)i, value,
                    want[i]);
        assert_true(close);
    }
}

/* ---- dense products ---- */

typedef struct product {
    int64_t m, n, k, lda, ldb, ldc;
    int32_t ta, tb, bias;
    double beta;
    const double *a, *b, *c, *added; /* values */
    int64_t a_count, b_count, c_count;
} product;

/* AVX-512 only widens AVX2's registers: the same bits. Takes `bits`, the results of one call at one level. */
static void same_bits(const dense *d, void *bits, size_t size) {
    static void *narrow;
    int is_wide = strcmp(d->name, "avx512_f32") == 0, is_narrow = strcmp(d->name, "avx2_f32") == 0;
    if (is_wide) assert_memory_equal(narrow, bits, size);
    if (is_wide || is_narrow) {
        free(narrow);
        narrow = is_narrow ? bits : NULL;
    }
    if (!is_narrow) free(bits);
}

static void run_product(const dense *d, const product *p, const double *want, const double *size, const char *text) {
    void *a = typed(d, p->a, p->a_count), *b = typed(d, p->b, p->b_count), *added = typed(d, p->added, p->n);
    void *first = NULL;
    for (int32_t workers = 1; workers <= MAX_WORKERS; workers++) {
        guarded out = guarded_make((size_t)p->c_count * element(d));
        guarded scratch = guarded_make(d->gemm_scratch(p->m, p->n, p->k, workers));
        if (p->beta != 0.0) fill_typed(d->is_f64, p->c, p->c_count, out.data);
        unsigned char *before = allocate(out.size);
        memcpy(before, out.data, out.size);
        d->gemm(pools[workers - 1], scratch.data, p->ta, p->tb, p->m, p->n, p->k, a, p->lda, b, p->ldb, p->beta,
                p->bias ? added : NULL, out.data, p->ldc);
        for (int64_t i = 0; i < p->m; i++) {
            size_t row = (size_t)(i * p->ldc) * element(d), used = (size_t)p->n * element(d);
            check(d, "gemm", text, out.data + row, want + i * p->ldc, size + i * p->ldc, p->n, p->k + 2);
            if (i + 1 < p->m) /* between rows nothing changes */
                assert_true(memcmp(out.data + row + used, before + row + used, (size_t)(p->ldc - p->n) * element(d)) ==
                            0);
        }
        if (first != NULL)
            assert_true(memcmp(first, out.data, out.size) == 0);
        else
            memcpy(first = allocate(out.size), out.data, out.size);
        free(before);
        guarded_end(&out);
        guarded_end(&scratch);
    }
    same_bits(d, first, (size_t)p->c_count * element(d));
    free(a), free(b), free(added);
}

static void check_product(int64_t m, int64_t n, int64_t k, int32_t variant) {
    product p = {.m = m, .n = n, .k = k, .ta = variant & 1, .tb = variant >> 1 & 1, .bias = variant >> 2 & 1};
    int64_t wide = variant >> 3 & 1 ? 3 : 0; /* leading dimensions beyond the rows */
    p.beta = variant >> 4 & 1;
    p.lda = (p.ta ? m : k) + wide, p.ldb = (p.tb ? k : n) + wide, p.ldc = n + wide;
    int64_t a_rows = p.ta ? k : m, b_rows = p.tb ? n : k;
    p.a_count = a_rows > 0 ? (a_rows - 1) * p.lda + (p.ta ? m : k) : 0;
    p.b_count = b_rows > 0 ? (b_rows - 1) * p.ldb + (p.tb ? k : n) : 0;
    p.c_count = m > 0 ? (m - 1) * p.ldc + n : 0;
    double *values[4] = {make_values(p.a_count, 1), make_values(p.b_count, 2), make_values(p.c_count, 3),
                         make_values(n, 4)};
    double *sizes[4] = {absolute(values[0], p.a_count), absolute(values[1], p.b_count), absolute(values[2], p.c_count),
                        absolute(values[3], n)};
    double *want = make_values(p.c_count, 3), *size = absolute(want, p.c_count);
    gani_gemm_ref_f64(NULL, NULL, p.ta, p.tb, m, n, k, values[0], p.lda, values[1], p.ldb, p.beta,
                      p.bias ? values[3] : NULL, want, p.ldc);
    gani_gemm_ref_f64(NULL, NULL, p.ta, p.tb, m, n, k, sizes[0], p.lda, sizes[1], p.ldb, p.beta,
                      p.bias ? sizes[3] : NULL, size, p.ldc);
    p.a = values[0], p.b = values[1], p.c = values[2], p.added = values[3];
    char text[128];
    snprintf(text, sizeof(text), "%lldx%lldx%lld variant %d", (long long)m, (long long)n, (long long)k, (int)variant);
    for (size_t i = 0; i < sizeof(implementations) / sizeof(*implementations); i++)
        if (implementations[i].level <= gani_kernel_best_level())
            run_product(&implementations[i], &p, want, size, text);
    for (int32_t i = 0; i < 4; i++) free(values[i]), free(sizes[i]);
    free(want), free(size);
}

static void test_gemm_small(void **state) {
    static const int64_t sizes[] = {0, 1, 2, 5, 6, 7, 12, 15, 16, 17, 33};
    enum { COUNT = sizeof(sizes) / sizeof(*sizes) };
    (void)state;
    for (int32_t i = 0; i < COUNT * COUNT * COUNT; i += host_stride()) {
        int64_t m = sizes[i % COUNT], n = sizes[i / COUNT % COUNT], k = sizes[i / COUNT / COUNT];
        check_product(m, n, k, i % 32);
        check_product(m, n, k, (i * 7 + 13) % 32);
    }
}

static void test_gemm_blocks(void **state) {
    static const int64_t sizes[][3] = {{64, 100, 300},  {61, 130, 257},  {1, 300, 700}, {300, 1, 513},
                                       {3, 2, 3000},    {700, 50, 270},  {50, 700, 64}, {1100, 260, 40},
                                       {129, 127, 512}, {1000, 3, 1000}, {520, 90, 600}};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (int32_t variant = 0; variant < 4; variant += host_stride())
            check_product(sizes[i][0], sizes[i][1], sizes[i][2], variant + 4 * (int32_t)((i + (size_t)variant) % 8));
}

/* ---- convolutions ---- */

enum { FORWARD, INPUT_GRAD, WEIGHT_GRAD };

typedef struct conv_case {
    gani_conv_shape s;
    int64_t count[3], length[3]; /* elements of x, w, y; terms of each product's sums */
    const double *x, *w, *g, *bias;
    double *want[3], *size[3];
    char text[200];
} conv_case;

static void conv_oracle(const gani_conv_shape *s, const double *x, const double *w, const double *g,
                        const double *bias_o, const double *bias_c, double *const out[3]) {
    gani_conv_forward_ref_f64(NULL, NULL, s, x, w, bias_o, out[FORWARD]);
    gani_conv_input_grad_ref_f64(NULL, NULL, s, g, w, bias_c, out[INPUT_GRAD]);
    gani_conv_weight_grad_ref_f64(NULL, NULL, s, x, g, out[WEIGHT_GRAD]);
}

/* By a packed weight, on 1, 2 and 3 workers and for fewer images too: `bits`, which the weight as it is has given. */
static void run_packed(const dense *d, const conv_case *t, int32_t transposed, const void *x, const void *w,
                       const void *bias, const void *bits) {
    const gani_conv_shape *s = &t->s;
    size_t size = d->pack_size(s, transposed);
    int64_t count = t->count[transposed ? 0 : 2];
    assert_int_equal(size > 0, s->groups == 1 && t->count[1] > 0 && s->n > 0);
    if (size == 0) return;
    for (int32_t workers = 1; workers <= MAX_WORKERS; workers++) {
        gani_pool *pool = pools[workers - 1];
        guarded block = guarded_make(size), making = guarded_make(d->conv_scratch[transposed](s, workers));
        d->pack(pool, making.data, s, transposed, w, block.data);
        guarded_end(&making);
        for (gani_conv_shape part = *s; part.n >= 0; part.n = part.n > 1 ? part.n / 2 : part.n - 1) {
            guarded out = guarded_make((size_t)(count / s->n * part.n) * element(d));
            guarded scratch = guarded_make(d->packed_scratch(&part, transposed, block.data, workers));
            d->packed(pool, scratch.data, &part, transposed, block.data, x, bias, out.data);
            assert_true(memcmp(bits, out.data, out.size) == 0);
            guarded_end(&out);
            guarded_end(&scratch);
        }
        guarded_end(&block);
    }
}

static void run_conv(const dense *d, const conv_case *t, int32_t which, int32_t with_bias) {
    static const char *const names[] = {"forward", "input gradient", "weight gradient"};
    static const int32_t out_of[] = {2, 0, 1};
    const gani_conv_shape *s = &t->s;
    void *x = typed(d, t->x, t->count[0]), *w = typed(d, t->w, t->count[1]), *g = typed(d, t->g, t->count[2]);
    void *bias = typed(d, t->bias, which == FORWARD ? s->o : s->c), *first = NULL;
    int64_t count = t->count[out_of[which]];
    for (int32_t workers = 1; workers <= MAX_WORKERS; workers++) {
        guarded out = guarded_make((size_t)count * element(d));
        guarded scratch = guarded_make(d->conv_scratch[which](s, workers));
        gani_pool *pool = pools[workers - 1];
        if (which == FORWARD)
            d->forward(pool, scratch.data, s, x, w, with_bias ? bias : NULL, out.data);
        else if (which == INPUT_GRAD)
            d->input_grad(pool, scratch.data, s, g, w, with_bias ? bias : NULL, out.data);
        else
            d->weight_grad(pool, scratch.data, s, x, g, out.data);
        if (first != NULL) {
            assert_true(memcmp(first, out.data, out.size) == 0);
        } else {
            memcpy(first = allocate(out.size), out.data, out.size);
            check(d, names[which], t->text, out.data, t->want[which], t->size[which], count, t->length[which]);
        }
        guarded_end(&out);
        guarded_end(&scratch);
    }
    if (which != WEIGHT_GRAD && d->pack_size != NULL)
        run_packed(d, t, which, which == FORWARD ? x : g, w, with_bias ? bias : NULL, first);
    same_bits(d, first, (size_t)count * element(d));
    free(x), free(w), free(g), free(bias);
}

static void check_conv(gani_conv_shape s) {
    /* Under a tool that is fifty times slower, only small ones. */
    if (host_stride() > 1 && s.n * s.o * s.c / s.groups * s.h * s.w * s.kh * s.kw > 300000) return;
    conv_case t = {.s = s};
    int64_t window = s.kh * s.kw, biases = s.o > s.c ? s.o : s.c;
    int32_t with_bias = (s.o + s.c + s.h) % 2 == 0;
    t.s.oh = s.oh = (s.h + 2 * s.pad_h - (s.kh - 1) * s.dil_h - 1) / s.stride_h + 1;
    t.s.ow = s.ow = (s.w + 2 * s.pad_w - (s.kw - 1) * s.dil_w - 1) / s.stride_w + 1;
    t.count[0] = s.n * s.c * s.h * s.w, t.count[1] = s.o * s.c / s.groups * window,
    t.count[2] = s.n * s.o * s.oh * s.ow;
    t.length[FORWARD] = s.c / s.groups * window, t.length[INPUT_GRAD] = s.o / s.groups * window;
    t.length[WEIGHT_GRAD] = s.n * s.oh * s.ow + 32; /* partial sums are joined */
    snprintf(
        t.text, sizeof(t.text),
        "n %lld c %lld %lldx%lld o %lld kernel %lldx%lld stride %lldx%lld pad %lldx%lld dilation %lldx%lld groups %lld",
        (long long)s.n, (long long)s.c, (long long)s.h, (long long)s.w, (long long)s.o, (long long)s.kh,
        (long long)s.kw, (long long)s.stride_h, (long long)s.stride_w, (long long)s.pad_h, (long long)s.pad_w,
        (long long)s.dil_h, (long long)s.dil_w, (long long)s.groups);
    double *x = make_values(t.count[0], 1), *w = make_values(t.count[1], 2), *g = make_values(t.count[2], 3);
    double *bias = make_values(biases, 4);
    double *ax = absolute(x, t.count[0]), *aw = absolute(w, t.count[1]), *ag = absolute(g, t.count[2]);
    double *abias = absolute(bias, biases);
    for (int32_t i = 0; i < 3; i++) {
        int64_t count = t.count[(i + 2) % 3];
        t.want[i] = make_values(count, 5), t.size[i] = make_values(count, 5);
    }
    conv_oracle(&t.s, x, w, g, with_bias ? bias : NULL, with_bias ? bias : NULL, t.want);
    conv_oracle(&t.s, ax, aw, ag, with_bias ? abias : NULL, with_bias ? abias : NULL, t.size);
    t.x = x, t.w = w, t.g = g, t.bias = bias;
    for (int32_t which = 0; which < 3; which++)
        for (size_t i = 0; i < sizeof(implementations) / sizeof(*implementations); i++)
            if (implementations[i].level <= gani_kernel_best_level())
                run_conv(&implementations[i], &t, which, with_bias);
    for (int32_t i = 0; i < 3; i++) free(t.want[i]), free(t.size[i]);
    free(x), free(w), free(g), free(bias), free(ax), free(aw), free(ag), free(abias);
}

/* n, c, h, w, o, kernel, stride, pad (square windows) */
static void check_square(int64_t n, int64_t c, int64_t h, int64_t w, int64_t o, int64_t kernel, int64_t stride,
                         int64_t pad) {
    check_conv((gani_conv_shape){.n = n,
                                 .c = c,
                                 .h = h,
                                 .w = w,
                                 .o = o,
                                 .kh = kernel,
                                 .kw = kernel,
                                 .stride_h = stride,
                                 .stride_w = stride,
                                 .pad_h = pad,
                                 .pad_w = pad,
                                 .dil_h = 1,
                                 .dil_w = 1,
                                 .groups = 1});
}

static void test_conv_networks(void **state) {
    (void)state;
    check_square(5, 3, 16, 16, 8, 4, 2, 1); /* DCGAN's layers, thinner */
    check_square(3, 24, 32, 32, 20, 4, 2, 1);
    check_square(7, 40, 8, 8, 70, 4, 2, 1);
    check_square(20, 33, 4, 4, 1, 4, 1, 0); /* down to one pixel, and from one */
    check_square(6, 50, 4, 4, 30, 4, 1, 0);
    check_square(2, 64, 16, 16, 3, 3, 1, 1);
    check_square(2, 3, 20, 24, 17, 7, 1, 3); /* CycleGAN's ends */
    check_square(1, 20, 30, 30, 3, 7, 1, 0);
    check_square(2, 10, 28, 28, 9, 5, 2, 2);
    check_square(4, 10, 14, 14, 9, 5, 2, 1);
    check_square(9, 35, 7, 7, 12, 3, 1, 1);
    check_square(2, 30, 12, 12, 50, 1, 1, 0);
    check_square(2, 12, 13, 13, 8, 1, 2, 0); /* phases without taps */
    check_square(1, 40, 65, 65, 5, 3, 1, 1); /* bands of rows */
    check_square(1, 4, 3, 700, 5, 3, 2, 1);  /* rows longer than a block */
    check_square(1, 2, 128, 256, 2, 4, 2, 1);
    check_square(2, 40, 5, 6, 500, 3, 1, 1); /* groups of channels in the weight gradient */
    check_square(40, 2, 12, 12, 7, 3, 1, 1); /* partial sums in the weight gradient */
    check_square(1, 300, 4, 4, 90, 3, 1, 1); /* few pixels: panels of A shared out */
    check_square(60, 5, 2, 2, 6, 4, 2, 1);
    check_square(3, 70, 20, 20, 1, 3, 1, 1); /* few output channels, whole vectors or not */
    check_square(2, 40, 19, 16, 2, 4, 2, 1);
    check_square(2, 150, 40, 23, 3, 3, 1, 1);
    check_square(1, 3, 70, 70, 2, 7, 1, 3);
    check_square(3, 3, 30, 30, 2, 4, 2, 1); /* and few input channels */
    check_square(2, 1, 28, 28, 40, 4, 2, 1);
}

static void test_conv_odd(void **state) {
    (void)state;
    check_square(0, 3, 8, 8, 4, 4, 2, 1); /* empty batch */
    check_square(0, 3, 4, 4, 4, 4, 1, 0);
    check_square(2, 0, 6, 6, 4, 3, 1, 1); /* no channels */
    check_square(2, 3, 6, 6, 0, 3, 1, 1);
    check_square(2, 0, 4, 4, 3, 4, 1, 0);
    check_square(2, 3, 4, 4, 0, 4, 1, 0);
    check_square(1, 1, 1, 1, 1, 1, 1, 0);
    check_square(3, 2, 1, 1, 3, 4, 1, 3); /* the window is larger than the image */
    check_square(3, 2, 3, 2, 3, 3, 1, 5); /* padding beyond the window: whole windows of zeros */
    check_square(2, 2, 9, 9, 3, 2, 5, 0); /* rows that no window covers */
    check_square(2, 3, 10, 11, 4, 3, 2, 0);
    check_square(1, 2, 6, 6, 2, 3, 4, 1);
    check_square(2, 2, 17, 9, 3, 4, 3, 2);
    check_square(2, 2, 5, 1, 3, 1, 2, 0);
    check_square(2, 2, 1, 1, 3, 1, 3000, 0); /* one window: the stride says nothing, and must cost nothing */
    check_square(2, 2, 5, 4, 3, 4, 3000, 1);
    check_conv((gani_conv_shape){.n = 2,
                                 .c = 3,
                                 .h = 9,
                                 .w = 17,
                                 .o = 5,
                                 .kh = 1,
                                 .kw = 7,
                                 .stride_h = 1,
                                 .stride_w = 2,
                                 .pad_h = 0,
                                 .pad_w = 3,
                                 .dil_h = 1,
                                 .dil_w = 1,
                                 .groups = 1});
    check_conv((gani_conv_shape){.n = 2,
                                 .c = 3,
                                 .h = 17,
                                 .w = 9,
                                 .o = 5,
                                 .kh = 5,
                                 .kw = 2,
                                 .stride_h = 3,
                                 .stride_w = 1,
                                 .pad_h = 2,
                                 .pad_w = 1,
                                 .dil_h = 1,
                                 .dil_w = 1,
                                 .groups = 1});
    check_conv((gani_conv_shape){.n = 1,
                                 .c = 300,
                                 .h = 1,
                                 .w = 40,
                                 .o = 7,
                                 .kh = 1,
                                 .kw = 3,
                                 .stride_h = 1,
                                 .stride_w = 1,
                                 .pad_h = 0,
                                 .pad_w = 1,
                                 .dil_h = 1,
                                 .dil_w = 1,
                                 .groups = 1});
}

static void test_conv_random(void **state) {
    uint64_t seed = 20240229;
    (void)state;
    for (int32_t i = 0; i < 150; i += host_stride()) {
        int64_t v[12];
        static const int64_t most[12] = {4, 9, 19, 19, 14, 6, 6, 3, 3, 4, 4, 1};
        for (int32_t j = 0; j < 12; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            v[j] = (int64_t)(seed >> 33) % most[j];
        }
        gani_conv_shape s = {.n = v[0] + 1,
                             .c = v[1] + 1,
                             .h = v[2] + 1,
                             .w = v[3] + 1,
                             .o = v[4] + 1,
                             .kh = v[5] + 1,
                             .kw = v[6] + 1,
                             .stride_h = v[7] + 1,
                             .stride_w = v[8] + 1,
                             .pad_h = v[9],
                             .pad_w = v[10],
                             .dil_h = 1,
                             .dil_w = 1,
                             .groups = 1};
        if (s.h + 2 * s.pad_h >= s.kh && s.w + 2 * s.pad_w >= s.kw) check_conv(s);
    }
}

/* n, c, h, w, o, square window, stride, pad, dilation, groups */
static void check_grouped(int64_t n, int64_t c, int64_t h, int64_t w, int64_t o, int64_t kernel, int64_t stride,
                          int64_t pad, int64_t dilation, int64_t groups) {
    check_conv((gani_conv_shape){.n = n,
                                 .c = c,
                                 .h = h,
                                 .w = w,
                                 .o = o,
                                 .kh = kernel,
                                 .kw = kernel,
                                 .stride_h = stride,
                                 .stride_w = stride,
                                 .pad_h = pad,
                                 .pad_w = pad,
                                 .dil_h = dilation,
                                 .dil_w = dilation,
                                 .groups = groups});
}

static void test_conv_dilated_and_grouped(void **state) {
    (void)state;
    check_grouped(2, 12, 16, 16, 20, 3, 1, 2, 2, 1);
    check_grouped(1, 40, 33, 33, 24, 3, 1, 4, 4, 1); /* bands of rows */
    check_grouped(3, 5, 17, 19, 9, 3, 2, 3, 3, 1);   /* dilation and stride without a common divisor, ... */
    check_grouped(3, 5, 16, 20, 9, 3, 2, 2, 2, 1);   /* ... with one: phases without taps */
    check_grouped(2, 4, 21, 22, 6, 4, 6, 5, 4, 2);   /* ... that is neither of the two */
    check_grouped(2, 4, 25, 25, 3, 3, 4, 1, 6, 1);
    check_grouped(2, 3, 12, 12, 2, 3, 1, 2, 2, 1); /* few output channels, few input channels */
    check_grouped(2, 2, 20, 30, 3, 4, 2, 3, 3, 1);
    check_grouped(2, 3, 5, 5, 4, 3, 1, 0, 2, 1);    /* one window as large as the image, not dense */
    check_grouped(2, 3, 5, 5, 4, 1, 7, 0, 9, 1);    /* one tap: the dilation says nothing */
    check_grouped(2, 3, 9, 9, 4, 3, 3000, 0, 4, 1); /* one window: nor does the stride */
    check_grouped(4, 32, 14, 14, 48, 3, 1, 1, 1, 4);
    check_grouped(4, 24, 14, 14, 48, 4, 2, 1, 1, 2);  /* fewer groups than workers take whole */
    check_grouped(3, 40, 10, 11, 40, 3, 1, 1, 1, 40); /* depthwise, */
    check_grouped(3, 16, 10, 11, 48, 3, 2, 1, 1, 16); /* with several filters a channel, */
    check_grouped(2, 48, 10, 11, 16, 3, 1, 2, 2, 16); /* dilated */
    check_grouped(20, 12, 4, 4, 8, 4, 1, 0, 1, 4);    /* a dense product a group */
    check_grouped(6, 12, 1, 1, 8, 1, 1, 0, 1, 2);
    check_grouped(0, 4, 8, 8, 4, 3, 1, 1, 2, 2); /* empty batch */
    check_grouped(0, 4, 4, 4, 4, 4, 1, 0, 1, 2);
    check_grouped(2, 0, 6, 6, 4, 3, 1, 1, 1, 2); /* no channels */
    check_grouped(2, 4, 6, 6, 0, 3, 1, 1, 1, 2);
    check_conv((gani_conv_shape){.n = 2,
                                 .c = 6,
                                 .h = 15,
                                 .w = 22,
                                 .o = 9,
                                 .kh = 3,
                                 .kw = 5,
                                 .stride_h = 2,
                                 .stride_w = 3,
                                 .pad_h = 4,
                                 .pad_w = 1,
                                 .dil_h = 3,
                                 .dil_w = 2,
                                 .groups = 3});
    check_conv((gani_conv_shape){.n = 2,
                                 .c = 6,
                                 .h = 15,
                                 .w = 22,
                                 .o = 9,
                                 .kh = 5,
                                 .kw = 2,
                                 .stride_h = 1,
                                 .stride_w = 2,
                                 .pad_h = 0,
                                 .pad_w = 3,
                                 .dil_h = 1,
                                 .dil_w = 5,
                                 .groups = 3});
}

static void test_conv_random_groups(void **state) {
    uint64_t seed = 20260229;
    (void)state;
    for (int32_t i = 0; i < 100; i += host_stride()) {
        int64_t v[14];
        static const int64_t most[14] = {3, 4, 19, 19, 5, 5, 5, 4, 4, 4, 4, 3, 3, 6};
        for (int32_t j = 0; j < 14; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            v[j] = (int64_t)(seed >> 33) % most[j];
        }
        int64_t groups = v[13] + 1;
        gani_conv_shape s = {.n = v[0] + 1,
                             .c = groups * (v[1] + 1),
                             .h = v[2] + 1,
                             .w = v[3] + 1,
                             .o = groups * (v[4] + 1),
                             .kh = v[5] + 1,
                             .kw = v[6] + 1,
                             .stride_h = v[7] + 1,
                             .stride_w = v[8] + 1,
                             .pad_h = v[9],
                             .pad_w = v[10],
                             .dil_h = v[11] + 1,
                             .dil_w = v[12] + 1,
                             .groups = groups};
        if (s.h + 2 * s.pad_h > (s.kh - 1) * s.dil_h && s.w + 2 * s.pad_w > (s.kw - 1) * s.dil_w) check_conv(s);
    }
}

/* An image's results are the same bits wherever it lies in a batch: sums that vanish are -0 everywhere, or nowhere. */
static void test_conv_batch_bits(void **state) {
    (void)state;
    enum { IMAGES = 32, MAP = 25, OUT = 9 };
    float x[IMAGES * MAP], w[OUT], y[IMAGES * OUT * MAP];
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) x[i] = 1e-30f;
    for (size_t i = 0; i < OUT; i++) w[i] = -1e-30f;
    const gani_conv_shape s = square(IMAGES, 1, 5, OUT, 1, 1, 0);
    for (size_t i = 0; i < sizeof implementations / sizeof implementations[0]; i++) {
        const dense *d = &implementations[i];
        void *scratch = NULL;
        if (d->is_f64 || d->level > gani_kernel_best_level()) continue;
        if (posix_memalign(&scratch, 64, d->conv_scratch[0](&s, 1) + 64) != 0) abort();
        d->forward(NULL, scratch, &s, x, w, NULL, y);
        for (size_t n = 1; n < IMAGES; n++) assert_memory_equal(y + n * OUT * MAP, y, OUT * MAP * sizeof *y);
        free(scratch);
    }
}

/* A session that has room for its largest batch has room for every smaller one. */
static void test_conv_packed_scratch(void **state) {
    (void)state;
    const gani_conv_shape shapes[] = {square(9, 3, 50, 256, 3, 1, 1), square(9, 256, 34, 256, 3, 1, 0),
                                      square(9, 64, 28, 128, 4, 2, 1), square(9, 16, 23, 3, 5, 1, 2)};
    for (size_t i = 0; i < sizeof implementations / sizeof implementations[0]; i++) {
        const dense *d = &implementations[i];
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0] && d->pack_size != NULL; k++)
            for (int32_t workers = 1; workers <= 16; workers *= 4) {
                gani_conv_shape s = shapes[k];
                size_t most = d->packed_scratch(&s, 0, NULL, workers);
                for (; s.n > 0; s.n--) assert_in_range(d->packed_scratch(&s, 0, NULL, workers), 1, most);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm_small),          cmocka_unit_test(test_gemm_blocks),
        cmocka_unit_test(test_conv_networks),       cmocka_unit_test(test_conv_odd),
        cmocka_unit_test(test_conv_random),         cmocka_unit_test(test_conv_dilated_and_grouped),
        cmocka_unit_test(test_conv_random_groups),  cmocka_unit_test(test_conv_batch_bits),
        cmocka_unit_test(test_conv_packed_scratch),
    };
    return cmocka_run_group_tests_name("kernel dense", tests, open_pools, close_pools);
}
