/* Initial values of one tensor by a rule: the formulas of torch.nn.init. */
#include <math.h>

#include "base/rng.h"
#include "kernel/linalg.h"
#include "nn/layer.h"

void gani_init_normal(gan_tensor *tensor, double mean, double deviation) {
    uint64_t index = gani_stream_take(tensor->context, GAN_STREAM_INIT, gani_count(tensor));
    gani_tensor_normal(tensor, tensor->context->seed, GAN_STREAM_INIT, index, mean, deviation);
}

void gani_init_uniform(gan_tensor *tensor, double low, double high) {
    uint64_t index = gani_stream_take(tensor->context, GAN_STREAM_INIT, gani_count(tensor));
    gani_tensor_uniform(tensor, tensor->context->seed, GAN_STREAM_INIT, index, low, high);
}

void gani_init_constant(gan_tensor *tensor, double value) {
    gani_kernels_for(tensor->context, tensor->dtype)->fill(gani_count(tensor), tensor->data, value);
    gani_tensor_touch(tensor);
}

/* ---- orthogonal ---- */

static gan_status orthogonal(gan_tensor *tensor, double gain) {
    gan_context *context = tensor->context;
    int64_t count = gani_count(tensor), rows = tensor->shape.size[0], columns = count / rows;
    int64_t m = rows < columns ? columns : rows, n = rows < columns ? rows : columns;
    int64_t work = gani_qr_work(m, n), other = gani_lapack_qr_work(m, n);
    if (other > work) work = other;
    size_t size;
    if (!gani_mul_size((size_t)count, 2, &size) || !gani_add_size(size, (size_t)work, &size) ||
        !gani_mul_size(size, sizeof(double), &size))
        return gani_no_memory(context, "orthogonal initialisation");
    double *a = gani_alloc(context, size), *q = a + count;
    if (a == NULL) return gani_no_memory(context, "orthogonal initialisation");
    gani_fill_normal_f64(context->seed, GAN_STREAM_INIT, gani_stream_take(context, GAN_STREAM_INIT, count), 0, count, 0,
                         1, a);
    if (!gani_use_lapack(context) || !gani_lapack_qr(m, n, a, q, q + count)) gani_qr(m, n, a, q, q + count);
    /* q is column-major: wide weights are its transpose as it lies there */
    for (int64_t i = 0; i < count; i++)
        gani_put_value(tensor, i, gain * (rows < columns ? q[i] : q[i % columns * m + i / columns]));
    gani_free(context, a);
    gani_tensor_touch(tensor);
    return GAN_OK;
}

/* ---- all ---- */

static int wants_fans(int32_t kind) {
    return kind == GAN_INIT_XAVIER_UNIFORM || kind == GAN_INIT_XAVIER_NORMAL || kind == GAN_INIT_KAIMING_UNIFORM ||
           kind == GAN_INIT_KAIMING_NORMAL;
}

gan_status gani_init_check(gan_context *context, const char *function, const gan_init_options *rule) {
    const double numbers[] = {rule->gain, rule->slope, rule->value, rule->mean, rule->deviation, rule->low, rule->high};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!isfinite(numbers[i])) return gani_fail(context, GAN_E_ARGUMENT, "%s: a parameter is not finite", function);
    if (rule->kind < GAN_INIT_CONSTANT || rule->kind > GAN_INIT_TRUNCATED_NORMAL)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: kind %ld is none of GAN_INIT_...", function, (long)rule->kind);
    if (rule->fan != GAN_FAN_IN && rule->fan != GAN_FAN_OUT)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: fan is %ld, neither GAN_FAN_IN nor GAN_FAN_OUT", function,
                         (long)rule->fan);
    if (rule->kind == GAN_INIT_NORMAL && rule->deviation < 0)
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the deviation is %g, below 0", function, rule->deviation);
    if (rule->kind == GAN_INIT_UNIFORM && (rule->low > rule->high || !isfinite(rule->high - rule->low)))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "%s: low is %g, high %g: low is above high, or their difference is not finite", function,
                         rule->low, rule->high);
    if (rule->kind != GAN_INIT_TRUNCATED_NORMAL) return GAN_OK;
    if (!(rule->deviation > 0) || !(rule->low < rule->high))
        return gani_fail(context, GAN_E_ARGUMENT, "%s: the deviation must be above 0, and low below high", function);
    if (!gani_truncation_possible(rule->mean, rule->deviation, rule->low, rule->high))
        return gani_fail(context, GAN_E_ARGUMENT,
                         "%s: low and high leave nothing of the distribution; bring them nearer to the mean", function);
    return GAN_OK;
}

gan_status gani_init_fits(const char *function, const gan_tensor *tensor, const gan_init_options *rule) {
    char text[GANI_SHAPE_TEXT];
    if (tensor->shape.rank >= 2 || (!wants_fans(rule->kind) && rule->kind != GAN_INIT_ORTHOGONAL)) return GAN_OK;
    return gani_fail(tensor->context, GAN_E_SHAPE, "%s: a tensor of shape %s has no second axis, which this rule needs",
                     function, gani_shape_text(tensor->shape, text));
}

gan_status gani_init_tensor(gan_tensor *tensor, const gan_init_options *rule) {
    if (gani_count(tensor) == 0) return GAN_OK;
    /* PyTorch's fans: the second and the first size, each times the rest (the kernel's area) */
    double fan_in = 1, fan_out = 1;
    if (wants_fans(rule->kind)) {
        double area = 1;
        for (int32_t i = 2; i < tensor->shape.rank; i++) area *= (double)tensor->shape.size[i];
        fan_in = (double)tensor->shape.size[1] * area;
        fan_out = (double)tensor->shape.size[0] * area;
    }
    double xavier = rule->gain * sqrt(2 / (fan_in + fan_out));
    double kaiming = sqrt(2 / (1 + rule->slope * rule->slope) / (rule->fan == GAN_FAN_IN ? fan_in : fan_out));
    const double root3 = 1.73205080756887729353; /* U(-root3, root3) has variance 1 */
    switch (rule->kind) {
    case GAN_INIT_CONSTANT:
        gani_init_constant(tensor, rule->value);
        break;
    case GAN_INIT_NORMAL:
        gani_init_normal(tensor, rule->mean, rule->deviation);
        break;
    case GAN_INIT_UNIFORM:
        gani_init_uniform(tensor, rule->low, rule->high);
        break;
    case GAN_INIT_XAVIER_UNIFORM:
        gani_init_uniform(tensor, -root3 * xavier, root3 * xavier);
        break;
    case GAN_INIT_XAVIER_NORMAL:
        gani_init_normal(tensor, 0, xavier);
        break;
    case GAN_INIT_KAIMING_UNIFORM:
        gani_init_uniform(tensor, -root3 * kaiming, root3 * kaiming);
        break;
    case GAN_INIT_KAIMING_NORMAL:
        gani_init_normal(tensor, 0, kaiming);
        break;
    case GAN_INIT_ORTHOGONAL:
        return orthogonal(tensor, rule->gain);
    default:
        gani_tensor_truncated_normal(tensor, tensor->context->seed, GAN_STREAM_INIT,
                                     gani_stream_take(tensor->context, GAN_STREAM_INIT, gani_count(tensor)), rule->mean,
                                     rule->deviation, rule->low, rule->high);
        break;
    }
    return GAN_OK;
}
