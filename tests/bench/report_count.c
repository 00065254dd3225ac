#include "report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"

/* After so many steps none allocates any more. */
enum { FIRST_STEPS = 3 };

/* ---- an allocator that counts ---- */

static int64_t allocations;

static void *allocate(void *user, size_t alignment, size_t size) {
    (void)user;
    allocations++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void deallocate(void *user, void *memory, size_t size) {
    (void)user, (void)size;
    free(memory);
}

const gan_allocator *report_count_allocator(void) {
    static const gan_allocator counting = {sizeof counting, NULL, allocate, deallocate};
    return &counting;
}

/* ---- a kernel table that counts multiply-adds and passes on; only the calling thread comes here ---- */

static const gani_kernels *passed_to;
static double done;

static void count(const gani_conv_shape *s) {
    done += 2 * (double)(s->n * s->o) * (double)(s->oh * s->ow) * (double)(s->c / s->groups * s->kh * s->kw);
}

static void gemm(gani_pool *pool, void *scratch, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void *a,
                 int64_t lda, const void *b, int64_t ldb, double beta, const void *bias, void *c, int64_t ldc) {
    done += 2 * (double)m * (double)n * (double)k;
    passed_to->gemm(pool, scratch, ta, tb, m, n, k, a, lda, b, ldb, beta, bias, c, ldc);
}

static void conv_forward(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x, const void *w,
                         const void *bias, void *y) {
    count(s);
    passed_to->conv_forward(pool, scratch, s, x, w, bias, y);
}

static void conv_input_grad(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *g, const void *w,
                            const void *bias, void *dx) {
    count(s);
    passed_to->conv_input_grad(pool, scratch, s, g, w, bias, dx);
}

static void conv_weight_grad(gani_pool *pool, void *scratch, const gani_conv_shape *s, const void *x, const void *g,
                             void *dw) {
    count(s);
    passed_to->conv_weight_grad(pool, scratch, s, x, g, dw);
}

static void conv_packed(gani_pool *pool, void *scratch, const gani_conv_shape *s, int32_t transposed,
                        const void *packed, const void *x, const void *bias, void *y) {
    count(s);
    passed_to->conv_packed(pool, scratch, s, transposed, packed, x, bias, y);
}

void report_count_watch(bench *b) {
    static gani_kernels counting;
    passed_to = b->context->kernels[0];
    counting = *passed_to;
    counting.gemm = gemm;
    counting.conv_forward = conv_forward;
    counting.conv_input_grad = conv_input_grad;
    counting.conv_weight_grad = conv_weight_grad;
    counting.conv_packed = conv_packed;
    b->context->kernels[0] = &counting;
}

gan_status report_count(bench *b) {
    gan_status status = GAN_OK;
    for (int i = 0; i <= FIRST_STEPS && status == GAN_OK; i++) {
        done = 0, allocations = 0;
        status = b->which->step(b);
    }
    if (status != GAN_OK) return status;
    work w = {.batch = b->batch};
    b->which->count(b, &w);
    printf("{\"case\": \"%s\", \"batch\": %lld, \"parameters\": %lld, \"gflop\": %.6g, \"gflop_done\": %.6g, "
           "\"allocations\": %lld}\n",
           b->which->name, (long long)b->batch, (long long)case_parameters(b), 1e-9 * work_flop(&w), 1e-9 * done,
           (long long)allocations);
    return GAN_OK;
}
