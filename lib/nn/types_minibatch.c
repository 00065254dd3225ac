/* Minibatch discrimination (Salimans et al. 2016, equations 3 to 5): how near each item is to the others of its batch.
 */
#include <math.h>

#include "nn/types.h"
#include "nn/weight.h"

enum { WEIGHT, MORE }; /* then "log_scale" and "bias", where they are wanted */

static gan_status minibatch_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                  gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (inputs[0].rank != 1)
        return gani_refuse(site, GAN_E_SHAPE, "its input has shape %s; flatten it first",
                           gani_shape_text(inputs[0], text));
    if (config->count < 1 || config->size < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld kernels of %lld dimensions: at least 1 of 1 is needed",
                           (long long)config->count, (long long)config->size);
    int64_t features;
    if (!gani_add_i64(inputs[0].size[0], config->count, &features))
        return gani_refuse(site, GAN_E_LIMIT, "%lld kernels are too many", (long long)config->count);
    *output = gan_shape_1d(features);
    return GAN_OK;
}

static int32_t minibatch_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    int32_t count = MORE;
    slots[WEIGHT] = (gani_slot){"weight", gan_shape_3d(inputs[0].size[0], config->count, config->size), 1};
    if (config->weight_norm) slots[count++] = (gani_slot){"log_scale", gan_shape_2d(config->count, config->size), 1};
    if (config->bias) slots[count++] = (gani_slot){"bias", gan_shape_1d(config->count), 1};
    return count;
}

static gan_status minibatch_reset(gani_module *module) {
    int32_t count = MORE;
    gani_init_normal(module->tensors[WEIGHT], 0, 0.05);
    if (module->config.weight_norm) gani_init_constant(module->tensors[count++], 0);
    if (module->config.bias) gani_init_constant(module->tensors[count], -1);
    return GAN_OK;
}

/* features x kernels x dimensions, each column over the features brought to the length e^log_scale */
static gan_tensor *weight_of(gan_tape *tape, const gani_module *module) {
    gan_tensor *weight = module->tensors[WEIGHT];
    if (!module->config.weight_norm) return weight;
    gan_tensor *length = gani_sqrt(tape, gani_sum_axes(tape, gani_square(tape, weight), 1u, 0));
    return gani_mul(tape, weight, gani_div(tape, gani_exp(tape, module->tensors[MORE]), length));
}

/* n x n x 1: 0 on the diagonal, else 1 */
static gan_tensor *others(gan_tape *tape, gan_dtype dtype, int64_t n) {
    gan_tensor *mask = gani_full(tape, dtype, gan_shape_3d(n, n, 1), 1);
    if (gani_failed(tape)) return mask;
    for (int64_t i = 0; i < n; i++) gani_put_value(mask, i * n + i, 0);
    return mask;
}

/* M = f T: n x dimensions x kernels. Kernels stand innermost, so that sums run over whole rows. */
static gan_tensor *products(gan_tape *tape, const gani_module *module, gan_tensor *x) {
    static const int32_t innermost[] = {0, 2, 1};
    int64_t n = x->shape.size[0], kernels = module->config.count, size = module->config.size;
    gan_tensor *weight = gani_permute(tape, weight_of(tape, module), innermost);
    gan_tensor *m =
        gani_matmul(tape, x, gani_reshape(tape, weight, gan_shape_2d(x->shape.size[1], size * kernels)), 0, 0);
    return gani_reshape(tape, m, gan_shape_3d(n, size, kernels));
}

/* n x n x kernels: sum over c of |M_ibc - M_jbc| */
static gan_tensor *distances(gan_tape *tape, const gani_module *module, gan_tensor *x) {
    int64_t n = x->shape.size[0], kernels = module->config.count, size = module->config.size;
    gan_tensor *m = products(tape, module, x);
    gan_tensor *apart = gani_sub(tape, gani_reshape(tape, m, gan_shape_4d(n, 1, size, kernels)),
                                 gani_reshape(tape, m, gan_shape_4d(1, n, size, kernels)));
    return gani_sum_axes(tape, gani_abs(tape, apart), 4u, 0);
}

/* o_ib = sum over j of exp(-distance) */
static gan_tensor *minibatch_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                     gan_tensor *const *inputs) {
    (void)pass;
    const gani_config *config = &module->config;
    gan_tensor *x = inputs[0];
    gan_tensor *near = gani_exp(tape, gani_neg(tape, distances(tape, module, x)));
    if (!config->include_self) near = gani_mul(tape, near, others(tape, x->dtype, x->shape.size[0]));
    gan_tensor *features[2] = {x, gani_sum_axes(tape, near, 2u, 0)};
    if (config->bias) features[1] = gani_add(tape, features[1], module->tensors[module->tensor_count - 1]);
    return gani_concat(tape, features, 2, 1);
}

/* ---- before training ---- */

/* M's values, and what is made of them pair by pair: the n x n x kernels of a forward pass are not needed. */
typedef struct fitting {
    int64_t n, kernels, size;
    const double *m;
    double *distance, *nearest, *near; /* kernels, n x kernels, kernels */
} fitting;

/* f->distance: of items i and j, by kernel. */
static void compare(const fitting *f, int64_t i, int64_t j) {
    const double *a = f->m + i * f->size * f->kernels, *b = f->m + j * f->size * f->kernels;
    for (int64_t k = 0; k < f->kernels; k++) f->distance[k] = 0;
    for (int64_t c = 0; c < f->size; c++, a += f->kernels, b += f->kernels)
        for (int64_t k = 0; k < f->kernels; k++) f->distance[k] += fabs(a[k] - b[k]);
}

/* f->near: half the mean distance to the nearest other item. */
static void find_near(const fitting *f) {
    for (int64_t i = 0; i < f->n * f->kernels; i++) f->nearest[i] = INFINITY;
    for (int64_t i = 0; i < f->n; i++)
        for (int64_t j = i + 1; j < f->n; j++) {
            compare(f, i, j);
            double *of_i = f->nearest + i * f->kernels, *of_j = f->nearest + j * f->kernels;
            for (int64_t k = 0; k < f->kernels; k++) {
                of_i[k] = fmin(of_i[k], f->distance[k]);
                of_j[k] = fmin(of_j[k], f->distance[k]);
            }
        }
    for (int64_t k = 0; k < f->kernels; k++) {
        double sum = 0;
        for (int64_t i = 0; i < f->n; i++) sum += f->nearest[i * f->kernels + k];
        f->near[k] = 0.5 * sum / (double)f->n;
    }
}

/* Divides all distances of a kernel. */
static void divide(const gani_module *module, int64_t kernel, double divisor) {
    const gani_config *config = &module->config;
    if (config->weight_norm) {
        gan_tensor *scale = module->tensors[MORE];
        for (int64_t i = kernel * config->size; i < (kernel + 1) * config->size; i++)
            gani_put_value(scale, i, gani_get_value(scale, i) - log(divisor));
        return;
    }
    gan_tensor *weight = module->tensors[WEIGHT];
    for (int64_t feature = 0; feature < weight->shape.size[0]; feature++)
        for (int64_t c = 0; c < config->size; c++) {
            int64_t at = (feature * config->count + kernel) * config->size + c;
            gani_put_value(weight, at, gani_get_value(weight, at) / divisor);
        }
}

/* The bias such that each new feature is 0 on average, once distances are divided by f->near. */
static void centre(const fitting *f, const gani_module *module) {
    gan_tensor *bias = module->tensors[module->tensor_count - 1];
    double *sum = f->nearest; /* no longer needed */
    for (int64_t k = 0; k < f->kernels; k++) sum[k] = 0;
    for (int64_t i = 0; i < f->n; i++)
        for (int64_t j = i + 1; j < f->n; j++) {
            compare(f, i, j);
            for (int64_t k = 0; k < f->kernels; k++) sum[k] += exp(-f->distance[k] / f->near[k]);
        }
    for (int64_t k = 0; k < f->kernels; k++)
        gani_put_value(bias, k, -(2 * sum[k] / (double)f->n + (module->config.include_self ? 1 : 0)));
    gani_tensor_touch(bias);
}

static void fit(gan_tape *tape, fitting *f, const gani_module *module) {
    find_near(f);
    for (int64_t k = 0; k < f->kernels; k++) {
        if (f->near[k] > 0 && isfinite(f->near[k])) continue;
        gani_tape_fail(tape, GAN_E_ARGUMENT,
                       "init_from_data: the items' mean distance to the nearest other one is %g in kernel %lld of a "
                       "minibatch discrimination; give a batch of several different items",
                       2 * f->near[k], (long long)k);
        return;
    }
    for (int64_t k = 0; k < f->kernels; k++) divide(module, k, f->near[k]);
    gani_tensor_touch(module->tensors[module->config.weight_norm ? MORE : WEIGHT]);
    if (module->config.bias) centre(f, module);
}

void gani_minibatch_fit(gan_tape *tape, gani_data_init *init, const gani_module *module, gan_tensor *const *inputs) {
    if (module->type != &gani_type_minibatch_discrimination || gani_failed(tape)) return;
    gan_tensor *weight = module->tensors[WEIGHT];
    for (int32_t i = 0; i < init->count; i++)
        if (init->seen[i] == weight) return;
    init->seen[init->count++] = weight;
    const gan_tensor *m = products(tape, module, inputs[0]);
    if (gani_failed(tape)) return;
    fitting f = {m->shape.size[0], module->config.count, module->config.size, NULL, NULL, NULL, NULL};
    size_t count = (size_t)(gani_count(m) + (f.n + 2) * f.kernels);
    double *values = gani_scratch(tape, count * sizeof *values);
    if (values == NULL) return;
    for (int64_t i = 0; i < gani_count(m); i++) values[i] = gani_get_value(m, i);
    f.m = values;
    f.distance = values + gani_count(m);
    f.near = f.distance + f.kernels;
    f.nearest = f.near + f.kernels;
    fit(tape, &f, module);
    gani_scratch_end(tape, values);
}

static const gani_field minibatch_fields[] = {FIELD_INT(count),         FIELD_INT(size),         FIELD_FLAG(bias),
                                              FIELD_FLAG(include_self), FIELD_FLAG(weight_norm), FIELD_END};
const gani_module_type gani_type_minibatch_discrimination = {
    "minibatch_discrimination", GANI_ONE_INPUT, minibatch_fields, minibatch_infer, minibatch_slots,
    minibatch_forward,          minibatch_reset};
