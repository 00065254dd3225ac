/* Dense products. */
#include "ops/ops.h"

#include "kernel/gemm.h"

/* Measured (docs/threads.md): from AVX2 on, the built-in product is as fast as CBLAS, or nearly. At the reference level
 * a CBLAS with kernels of its own is faster on large products; it is taken when it will use as many threads as the
 * context has, so that neither crowds the other. */
static int use_blas(const gan_context *context, const gani_kernels *kernels, int64_t m, int64_t n, int64_t k) {
    if (context->deterministic || context->blas == GAN_BLAS_OFF) return 0;
    if (context->blas == GAN_BLAS_ON) return 1;
    int is_reference = kernels == gani_kernel_table(GAN_LEVEL_REFERENCE, kernels->element == sizeof(double));
    return is_reference && (double)m * (double)n * (double)k > 1e6 &&
           gani_blas_threads() == gani_pool_workers(context->pool);
}

/* c = op(a) op(b) + bias on contiguous operands; m x n, inner size k. */
static void product(gan_tape *tape, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const gan_tensor *a,
                    const gan_tensor *b, const gan_tensor *bias, gan_tensor *c) {
    gan_context *context = tape->context;
    const gani_kernels *kernels = gani_kernels_for(context, c->dtype);
    int64_t lda = ta ? m : k, ldb = tb ? k : n;
    if (use_blas(context, kernels, m, n, k) &&
        gani_blas_gemm(c->dtype == GAN_F64, ta, tb, m, n, k, a->data, lda, b->data, ldb, c->data, n)) {
        for (int64_t row = 0; bias != NULL && row < m; row++)
            kernels->axpy(n, 1.0, bias->data, (char *)c->data + (size_t)(row * n) * kernels->element);
        return;
    }
    int32_t workers = gani_pool_workers(context->pool);
    void *scratch = gani_scratch(tape, kernels->gemm_scratch(m, n, k, workers));
    if (scratch == NULL) return;
    kernels->gemm(context->pool, scratch, ta, tb, m, n, k, a->data, lda, b->data, ldb, 0.0,
                  bias == NULL ? NULL : bias->data, c->data, n);
    gani_scratch_end(tape, scratch);
}

/* C = op(A) op(B): dA = g op(B)^T, dB = op(A)^T g, each transposed back where its operand was. */
static void matmul_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    gan_tensor *a = node->inputs[0], *b = node->inputs[1];
    int32_t ta = (int32_t)node->attributes.n[0], tb = (int32_t)node->attributes.n[1];
    if (need[0]) gradient[0] = ta ? gani_matmul(tape, b, g, tb, 1) : gani_matmul(tape, g, b, 0, !tb);
    if (need[1]) gradient[1] = tb ? gani_matmul(tape, g, a, 1, ta) : gani_matmul(tape, a, g, !ta, 0);
}
const gani_op gani_op_matmul = {"matmul", matmul_rule, NULL};

gan_tensor *gani_matmul(gan_tape *tape, gan_tensor *a, gan_tensor *b, int32_t ta, int32_t tb) {
    gan_tensor *inputs[2] = {a, b};
    if (!gani_op_ready(tape, "matmul", inputs, 2)) return &tape->inert;
    ta = ta != 0;
    tb = tb != 0;
    if (a->shape.rank != 2 || b->shape.rank != 2 || a->shape.size[!ta] != b->shape.size[tb]) {
        char sa[GANI_SHAPE_TEXT], sb[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "matmul: shapes %s%s and %s%s do not fit",
                              gani_shape_text(a->shape, sa), ta ? " (transposed)" : "", gani_shape_text(b->shape, sb),
                              tb ? " (transposed)" : "");
    }
    int64_t m = a->shape.size[ta], k = a->shape.size[!ta], n = b->shape.size[!tb];
    gan_tensor *ca = gani_contiguous(tape, a), *cb = gani_contiguous(tape, b);
    gan_tensor *c = gani_result(tape, a->dtype, gan_shape_2d(m, n));
    if (gani_failed(tape)) return &tape->inert;
    product(tape, ta, tb, m, n, k, ca, cb, NULL, c);
    gani_node *node = gani_record(tape, &gani_op_matmul, c, inputs, 2);
    if (node != NULL) {
        node->attributes.n[0] = ta;
        node->attributes.n[1] = tb;
    }
    return gani_failed(tape) ? &tape->inert : c;
}

static void linear_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    if (need[0]) gradient[0] = gani_matmul(tape, g, node->inputs[1], 0, 0);
    if (need[1]) gradient[1] = gani_matmul(tape, g, node->inputs[0], 1, 0);
    if (node->count > 2 && need[2]) gradient[2] = gani_sum_axes(tape, g, 1u, 0);
}
const gani_op gani_op_linear = {"linear", linear_rule, NULL};

gan_tensor *gani_linear(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias) {
    gan_tensor *inputs[3] = {x, weight, bias};
    if (!gani_op_ready(tape, "linear", inputs, 3)) return &tape->inert;
    char sx[GANI_SHAPE_TEXT], sw[GANI_SHAPE_TEXT];
    if (x->shape.rank != 2 || weight->shape.rank != 2 || x->shape.size[1] != weight->shape.size[1])
        return gani_tape_fail(tape, GAN_E_SHAPE, "linear: input %s does not fit weight %s (outputs x inputs)",
                              gani_shape_text(x->shape, sx), gani_shape_text(weight->shape, sw));
    int64_t n = x->shape.size[0], in = x->shape.size[1], out = weight->shape.size[0];
    if (bias != NULL && !gan_shape_equal(bias->shape, gan_shape_1d(out)))
        return gani_tape_fail(tape, GAN_E_SHAPE, "linear: bias %s does not fit weight %s",
                              gani_shape_text(bias->shape, sx), gani_shape_text(weight->shape, sw));
    gan_tensor *cx = gani_contiguous(tape, x), *cw = gani_contiguous(tape, weight);
    gan_tensor *cb = bias == NULL ? NULL : gani_contiguous(tape, bias);
    gan_tensor *y = gani_result(tape, x->dtype, gan_shape_2d(n, out));
    if (gani_failed(tape)) return &tape->inert;
    product(tape, 0, 1, n, out, in, cx, cw, cb, y);
    gani_record(tape, &gani_op_linear, y, inputs, bias == NULL ? 2 : 3);
    return gani_failed(tape) ? &tape->inert : y;
}
