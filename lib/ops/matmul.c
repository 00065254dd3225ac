/* Dense products. */
#include "ops/ops.h"

#include "kernel/blas.h"

/* Measured (docs/threads.md): from AVX2 on, the built-in product is as fast as CBLAS, or nearly. At the reference level
 * a CBLAS with kernels of its own is faster on large products; it is taken when it will use as many threads as the
 * context has, so that neither crowds the other. */
static int use_blas(const gan_context *context, const gani_kernels *kernels, int64_t m, int64_t n, int64_t k) {
    if (context->deterministic || context->blas == GAN_BLAS_OFF) return 0;
    if (context->blas == GAN_BLAS_ON) return 1;
    return gani_kernel_is_reference(kernels) && (double)m * (double)n * (double)k > 1e6 &&
           gani_blas_threads() == gani_pool_workers(context->pool);
}

/* Under the conditions of CBLAS for products: not where the same bits are wanted from any machine, and only where its
 * threads are as many as the context's. */
int gani_use_lapack(const gan_context *context) {
    if (context->deterministic || context->blas == GAN_BLAS_OFF) return 0;
    return context->blas == GAN_BLAS_ON || gani_blas_threads() == gani_pool_workers(context->pool);
}

/* Products of one size on contiguous operands: c = op(a) op(b) + bias, m x n, inner size k. */
typedef struct product {
    int32_t ta, tb;
    int64_t m, n, k;
    const gani_kernels *kernels;
    void *scratch; /* of the first that needs it, for all; the caller gives it back */
} product;

static void multiply(gan_tape *tape, product *p, const void *a, const void *b, const void *bias, void *c) {
    gan_context *context = tape->context;
    const gani_kernels *kernels = p->kernels;
    int64_t m = p->m, n = p->n, k = p->k, lda = p->ta ? m : k, ldb = p->tb ? k : n;
    if (use_blas(context, kernels, m, n, k) &&
        gani_blas_gemm(kernels->element == sizeof(double), p->ta, p->tb, m, n, k, a, lda, b, ldb, c, n)) {
        for (int64_t row = 0; bias != NULL && row < m; row++)
            kernels->axpy(n, 1.0, bias, (char *)c + (size_t)(row * n) * kernels->element);
        return;
    }
    if (p->scratch == NULL)
        p->scratch = gani_scratch(tape, kernels->gemm_scratch(m, n, k, gani_pool_workers(context->pool)));
    if (p->scratch == NULL) return;
    kernels->gemm(context->pool, p->scratch, p->ta, p->tb, m, n, k, a, lda, b, ldb, 0.0, bias, c, n);
}

/* ---- matmul ---- */

/* The axes before the last two. */
static gan_shape batch_of(gan_shape shape) {
    gan_shape batch = gan_shape_0d();
    for (int32_t i = 0; i < shape.rank - 2; i++) batch.size[batch.rank++] = shape.size[i];
    return batch;
}

/* The gradient of a matrix that all of a batch are multiplied by: the sum over the batch is part of one long product.
 */
static gan_tensor *shared_gradient(gan_tape *tape, gan_tensor *a, gan_tensor *g, int32_t tb, gan_shape shape) {
    int64_t k = a->shape.size[a->shape.rank - 1], n = g->shape.size[g->shape.rank - 1];
    gan_tensor *rows = gani_reshape(tape, a, gan_shape_2d(gani_count(a) / k, k));
    gan_tensor *slopes = gani_reshape(tape, g, gan_shape_2d(gani_count(g) / n, n));
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *sum = tb ? gani_matmul(tape, slopes, rows, 1, 0) : gani_matmul(tape, rows, slopes, 1, 0);
    return gani_failed(tape) ? &tape->inert : gani_reshape(tape, sum, shape);
}

/* C = op(A) op(B): dA = g op(B)^T, dB = op(A)^T g, each transposed back where its operand was, and summed over the
 * batch axes along which the operand was repeated. */
static void matmul_rule(gan_tape *tape, gani_node *node, gan_tensor *g, const int32_t *need, gan_tensor **gradient) {
    gan_tensor *a = node->inputs[0], *b = node->inputs[1];
    int32_t ta = (int32_t)node->attributes.n[0], tb = (int32_t)node->attributes.n[1];
    if (need[0])
        gradient[0] =
            gani_sum_to(tape, ta ? gani_matmul(tape, b, g, tb, 1) : gani_matmul(tape, g, b, 0, !tb), a->shape);
    if (!need[1]) return;
    int is_shared = !ta && a->shape.rank > 2 && gani_count(b) > 0 && gani_count(a) > 0 && gani_count(g) > 0 &&
                    gan_shape_count(batch_of(b->shape)) == 1;
    if (is_shared)
        gradient[1] = shared_gradient(tape, a, g, tb, b->shape);
    else
        gradient[1] =
            gani_sum_to(tape, tb ? gani_matmul(tape, g, a, 1, ta) : gani_matmul(tape, a, g, !ta, 0), b->shape);
}
const gani_op gani_op_matmul = {"matmul", matmul_rule, NULL};

/* Where an operand's matrix for element `index` of the batch begins, in matrices. */
static int64_t matrix_at(gan_shape own, gan_shape batch, int64_t index) {
    int64_t at = 0, step = 1;
    for (int32_t i = batch.rank - 1, k = own.rank - 1; k >= 0; i--, k--) {
        if (own.size[k] != 1) at += index % batch.size[i] * step;
        step *= own.size[k];
        index /= batch.size[i];
    }
    return at;
}

gan_tensor *gani_matmul(gan_tape *tape, gan_tensor *a, gan_tensor *b, int32_t ta, int32_t tb) {
    gan_tensor *inputs[2] = {a, b};
    if (!gani_op_ready(tape, "matmul", inputs, 2)) return &tape->inert;
    ta = ta != 0;
    tb = tb != 0;
    int32_t ra = a->shape.rank, rb = b->shape.rank, good = ra >= 2 && rb >= 2;
    gan_shape batch_a = batch_of(a->shape), batch_b = batch_of(b->shape), batch, shape;
    good = good && a->shape.size[ra - 1 - ta] == b->shape.size[rb - 2 + tb] &&
           gani_broadcast_shape(batch_a, batch_b, &batch);
    if (!good) {
        char sa[GANI_SHAPE_TEXT], sb[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "matmul: shapes %s%s and %s%s do not fit",
                              gani_shape_text(a->shape, sa), ta ? " (transposed)" : "", gani_shape_text(b->shape, sb),
                              tb ? " (transposed)" : "");
    }
    const gani_kernels *kernels = gani_kernels_for(tape->context, a->dtype);
    product p = {ta,      tb,  a->shape.size[ra - 2 + ta], b->shape.size[rb - 1 - tb], a->shape.size[ra - 1 - ta],
                 kernels, NULL};
    shape = batch;
    shape.size[shape.rank++] = p.m;
    shape.size[shape.rank++] = p.n;
    gan_tensor *ca = gani_contiguous(tape, a), *cb = gani_contiguous(tape, b), *c = gani_result(tape, a->dtype, shape);
    if (gani_failed(tape)) return &tape->inert;
    int64_t count = gani_count(c) == 0 ? 0 : gan_shape_count(batch);
    /* in size_t: matrices of an empty batch may have any size */
    size_t m = (size_t)p.m, n = (size_t)p.n, k = (size_t)p.k, a_step = m * k, b_step = k * n, c_step = m * n;
    if (!ta && gan_shape_count(batch_b) == 1 && count > 0) { /* one matrix for all: their rows make one product */
        p.m *= count;
        count = 1;
    }
    for (int64_t i = 0; i < count && !gani_failed(tape); i++)
        multiply(tape, &p, (const char *)ca->data + (size_t)matrix_at(batch_a, batch, i) * a_step * kernels->element,
                 (const char *)cb->data + (size_t)matrix_at(batch_b, batch, i) * b_step * kernels->element, NULL,
                 (char *)c->data + (size_t)i * c_step * kernels->element);
    if (p.scratch != NULL) gani_scratch_end(tape, p.scratch);
    gani_node *node = gani_record_unread(tape, &gani_op_matmul, c, inputs, 2, GANI_UNREAD_RESULT | GANI_BILINEAR);
    if (node != NULL) {
        node->attributes.n[0] = ta;
        node->attributes.n[1] = tb;
    }
    return gani_done(tape, c);
}

/* ---- linear ---- */

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
    if (weight->packed != NULL) {
        gani_conv_shape s = gani_linear_shape(n, in, out);
        return gani_conv_packed(tape, x, weight, bias, &s, 0, gan_shape_2d(n, out));
    }
    gan_tensor *cx = gani_contiguous(tape, x), *cw = gani_contiguous(tape, weight);
    gan_tensor *cb = bias == NULL ? NULL : gani_contiguous(tape, bias);
    gan_tensor *y = gani_result(tape, x->dtype, gan_shape_2d(n, out));
    if (gani_failed(tape)) return &tape->inert;
    product p = {0, 1, n, out, in, gani_kernels_for(tape->context, y->dtype), NULL};
    multiply(tape, &p, cx->data, cw->data, cb == NULL ? NULL : cb->data, y->data);
    if (p.scratch != NULL) gani_scratch_end(tape, p.scratch);
    gani_record_unread(tape, &gani_op_linear, y, inputs, bias == NULL ? 2 : 3, GANI_UNREAD_RESULT | GANI_BILINEAR);
    return gani_done(tape, y);
}
