/* Virtual batch normalisation (Salimans et al. 2016, 3.4): by the statistics of a reference batch, into which those of
 * the item itself can be mixed. The reference's mean and variance are buffers; a pass that has the reference batch in
 * front of its items (nn/reference.c) sets them. */
#include <math.h>

#include "nn/types.h"

enum { WEIGHT, BIAS, PARAMETERS };
enum { MEAN, VAR, COUNT, BUFFERS };

static gan_tensor *buffer(const gani_module *module, int32_t which) {
    return module->tensors[which + (module->config.affine ? PARAMETERS : 0)];
}

static gan_status virtual_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                gan_shape *output) {
    *output = inputs[0];
    return gani_batch_norm_check(site, config, inputs[0]);
}

static int32_t virtual_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    gan_shape channels = gan_shape_1d(inputs[0].size[0]);
    int32_t first = config->affine ? PARAMETERS : 0;
    slots[WEIGHT] = (gani_slot){"weight", channels, 1};
    slots[BIAS] = (gani_slot){"bias", channels, 1};
    slots[first + MEAN] = (gani_slot){"reference_mean", channels, 0};
    slots[first + VAR] = (gani_slot){"reference_var", channels, 0};
    slots[first + COUNT] = (gani_slot){"reference_count", gan_shape_1d(1), 0};
    return first + BUFFERS;
}

static gan_status virtual_reset(gani_module *module) {
    for (int32_t i = 0; i < module->tensor_count; i++) gani_init_constant(module->tensors[i], 0);
    if (module->config.affine) gani_init_normal(module->tensors[WEIGHT], 1, 0.02);
    return GAN_OK;
}

/* (x - mean) / sqrt(var + epsilon) * weight + bias; mean and var broadcast over x */
static gan_tensor *normalised(gan_tape *tape, const gani_module *module, gan_tensor *x, gan_tensor *mean,
                              gan_tensor *var) {
    if (gani_failed(tape)) return &tape->inert;
    gan_shape column = gani_channel_column(x, 1);
    gan_tensor *scale = gani_rsqrt(tape, gani_add_scalar(tape, var, module->config.epsilon));
    if (module->config.affine) scale = gani_mul(tape, scale, gani_reshape(tape, module->tensors[WEIGHT], column));
    gan_tensor *y = gani_mul(tape, gani_sub(tape, x, mean), scale);
    return module->config.affine ? gani_add(tape, y, gani_reshape(tape, module->tensors[BIAS], column)) : y;
}

/* Items by the reference's statistics (1 x channels x 1 ..) of `count` items. With mean m, mean square s and n = count,
 * (n m_ref + m_x) / (n + 1) and (n s_ref + s_x) / (n + 1) are mixed; the variance of the mixture, written so that
 * nothing cancels: (n v_ref + v_x) / (n + 1) + n (m_x - m_ref)^2 / (n + 1)^2. */
static gan_tensor *items(gan_tape *tape, const gani_module *module, gan_tensor *x, gan_tensor *mean, gan_tensor *var,
                         double count) {
    if (!module->config.combine) return normalised(tape, module, x, mean, var);
    const double own = 1 / (count + 1), old = count * own;
    uint32_t pixels = ((1u << x->shape.rank) - 1u) & ~3u;
    gan_tensor *own_mean = x, *mixed = gani_affine(tape, var, old, 0);
    if (pixels != 0) {
        own_mean = gani_mean_axes(tape, x, pixels, 1);
        gan_tensor *own_var = gani_mean_axes(tape, gani_square(tape, gani_sub(tape, x, own_mean)), pixels, 1);
        mixed = gani_add(tape, mixed, gani_affine(tape, own_var, own, 0));
    }
    gan_tensor *apart = gani_sub(tape, own_mean, mean);
    mixed = gani_add(tape, mixed, gani_affine(tape, gani_square(tape, apart), own * old, 0));
    return normalised(tape, module, x, gani_add(tape, mean, gani_affine(tape, apart, own, 0)), mixed);
}

static void set_buffer(const gani_module *module, int32_t which, const gan_tensor *value) {
    gan_tensor *target = buffer(module, which);
    const gani_kernels *kernels = gani_kernels_for(target->context, target->dtype);
    kernels->unary(GANI_UNARY_AFFINE, gani_count(target), value->data, target->data, 1, 0);
    gani_tensor_touch(target);
}

/* The first items are the reference batch, normalised by itself; the others by what it gives. */
static gan_tensor *with_reference(gan_tape *tape, const gani_module *module, gan_tensor *x, int64_t reference) {
    int64_t count = x->shape.size[0] - reference;
    uint32_t axes = ((1u << x->shape.rank) - 1u) & ~2u;
    gan_tensor *first = count == 0 ? x : gani_slice(tape, x, 0, 0, reference);
    gan_tensor *mean = gani_mean_axes(tape, first, axes, 1);
    gan_tensor *var = gani_mean_axes(tape, gani_square(tape, gani_sub(tape, first, mean)), axes, 1);
    if (gani_failed(tape)) return &tape->inert;
    set_buffer(module, MEAN, mean);
    set_buffer(module, VAR, var);
    gani_init_constant(buffer(module, COUNT), (double)reference);
    gani_tensor_touch(buffer(module, COUNT));
    gan_tensor *parts[2] = {normalised(tape, module, first, mean, var), NULL};
    if (count == 0) return parts[0];
    parts[1] = items(tape, module, gani_slice(tape, x, 0, reference, count), mean, var, (double)reference);
    return gani_concat(tape, parts, 2, 0);
}

static gan_tensor *virtual_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    if (pass->reference > 0) return with_reference(tape, module, inputs[0], pass->reference);
    double count = gani_get_value(buffer(module, COUNT), 0);
    if (!(count > 0) || !isfinite(count))
        return gani_tape_fail(tape, GAN_E_STATE,
                              "virtual_batch_norm: it has no reference batch yet; give one to gan_layer_set_reference");
    gan_shape column = gani_channel_column(inputs[0], 1);
    /* copies: the buffers may move on while the tape still holds this computation */
    gan_tensor *mean = gani_reshape(tape, gani_affine(tape, buffer(module, MEAN), 1, 0), column);
    gan_tensor *var = gani_reshape(tape, gani_affine(tape, buffer(module, VAR), 1, 0), column);
    return items(tape, module, inputs[0], mean, var, count);
}

static const gani_field virtual_fields[] = {FIELD_NUMBER(epsilon), FIELD_FLAG(affine), FIELD_FLAG(combine), FIELD_END};
const gani_module_type gani_type_virtual_batch_norm = {
    "virtual_batch_norm", GANI_ONE_INPUT, virtual_fields, virtual_infer, virtual_slots, virtual_forward, virtual_reset};
