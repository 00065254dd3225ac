/* Masked convolutions. The weight is whole, as a parameter; of what the mask removes, rows and columns are cut off and
 * the rest is multiplied by 0 whenever the weight is applied. */
#include "nn/pixel.h"
#include "nn/types.h"

/* ---- the mask ---- */

/* Which colour channel i of `count` belongs to: runs of neighbours, as even as can be. */
static int64_t color_of(int64_t i, int64_t count, int64_t colors) { return i * colors / count; }

gan_status gani_mask_check(gani_site *site, const gani_mask *mask, int64_t inputs) {
    if (mask->type != GAN_MASK_A && mask->type != GAN_MASK_B)
        return gani_refuse(site, GAN_E_ARGUMENT, "there is no mask %lld; it is GAN_MASK_A or GAN_MASK_B",
                           (long long)mask->type);
    int64_t fewest = inputs < mask->period ? inputs : mask->period;
    if (mask->colors < 1 || mask->colors > fewest)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld colors: 1 to %lld are possible with %lld and %lld channels",
                           (long long)mask->colors, (long long)fewest, (long long)inputs, (long long)mask->period);
    return GAN_OK;
}

/* The last row of the taps is the kernel's centre row. With one colour all channels have the same mask. */
static gan_tensor *mask_values(gan_tape *tape, gan_tensor *taps, const gani_mask *mask, int64_t center) {
    const int64_t *size = taps->shape.size;
    int64_t outputs = mask->colors == 1 ? 1 : size[0], inputs = mask->colors == 1 ? 1 : size[1];
    gan_tensor *values = gani_result(tape, taps->dtype, gan_shape_4d(outputs, inputs, size[2], size[3]));
    if (gani_failed(tape)) return &tape->inert;
    gani_kernels_for(tape->context, values->dtype)->fill(gani_count(values), values->data, 1.0);
    for (int64_t o = 0; o < outputs; o++) {
        int64_t to = color_of(o % mask->period, mask->period, mask->colors);
        for (int64_t i = 0; i < inputs; i++) {
            int64_t from = color_of(i, inputs, mask->colors), row = (o * inputs + i + 1) * size[2] - 1;
            int hidden = mask->type == GAN_MASK_A ? from >= to : from > to;
            for (int64_t k = hidden ? center : center + 1; k < size[3]; k++)
                gani_put_value(values, row * size[3] + k, 0);
        }
    }
    return values;
}

gan_tensor *gani_masked_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                               const gani_mask *mask) {
    int64_t kh = weight->shape.size[2], kw = weight->shape.size[3], above = kh / 2, left = kw / 2;
    gan_conv_options options = gani_conv_defaults();
    gan_tensor *taps = weight;
    if (kh > 1) { /* no row below the centre */
        taps = gani_slice(tape, taps, 2, 0, above + 1);
        x = gani_pad(tape, x, 2, above, 0, GAN_PAD_ZERO);
        options.padding_w = left;
    } else if (kw > 1) { /* nor a column to the right, where there is one row only */
        taps = gani_slice(tape, taps, 3, 0, left + 1);
        x = gani_pad(tape, x, 3, left, 0, GAN_PAD_ZERO);
    }
    if ((kh > 1 && kw > 1) || mask->colors > 1 || mask->type == GAN_MASK_A)
        taps = gani_mul(tape, taps, mask_values(tape, taps, mask, left));
    return gani_conv2d(tape, x, taps, bias, 1, 0, &options);
}

/* ---- the layer ---- */

static int64_t kernel_w(const gani_config *config) {
    return config->kernel_w == -1 ? config->kernel : config->kernel_w;
}
static gani_mask mask_of(const gani_config *config) {
    return (gani_mask){config->mask, config->colors, config->outputs};
}

static gan_status infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    int64_t kh = config->kernel, kw = kernel_w(config);
    gan_status status = gani_check_image(site, inputs[0]);
    if (status != GAN_OK) return status;
    if (config->outputs < 1)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld channels: at least 1 is needed", (long long)config->outputs);
    if (kh < 1 || kh > GANI_MAX_WINDOW || kh % 2 == 0 || kw < 1 || kw > GANI_MAX_WINDOW || kw % 2 == 0)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "a kernel of %lld x %lld: both must be odd, so that there is a centre, and 1 to %d",
                           (long long)kh, (long long)kw, GANI_MAX_WINDOW - 1);
    gani_mask mask = mask_of(config);
    status = gani_mask_check(site, &mask, inputs[0].size[0]);
    if (status != GAN_OK) return status;
    if (mask.type == GAN_MASK_A && mask.colors == 1 && kh == 1 && kw == 1)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "mask A leaves nothing of a kernel of 1 x 1; give a larger kernel or mask B");
    *output = gan_shape_3d(config->outputs, inputs[0].size[1], inputs[0].size[2]);
    gani_conv_shape s = {.kh = kh, .kw = kw, .c = inputs[0].size[0], .h = output->size[1], .w = output->size[2]};
    gan_conv_options options = gani_conv_defaults();
    s.o = config->outputs;
    options.padding_w = kw / 2;
    return gani_conv_infer(&s, 0, 1, kh / 2, &options, site->message);
}

static int32_t slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    gan_shape weight = gan_shape_4d(config->outputs, inputs[0].size[0], config->kernel, kernel_w(config));
    out[0] = (gani_slot){"weight", weight, 1};
    out[1] = (gani_slot){"bias", gan_shape_1d(config->outputs), 1};
    return config->bias ? 2 : 1;
}

static gan_tensor *forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                           gan_tensor *const *inputs) {
    (void)pass;
    gani_mask mask = mask_of(&module->config);
    return gani_masked_conv2d(tape, inputs[0], module->tensors[0], module->tensors[1], &mask);
}

static const gani_field fields[] = {FIELD_INT(outputs), FIELD_INT(kernel), FIELD_INT_OPTIONAL(kernel_w),
                                    FIELD_INT(mask),    FIELD_INT(colors), FIELD_FLAG(bias),
                                    FIELD_END};
const gani_module_type gani_type_masked_conv2d = {"masked_conv2d", 1, fields, infer, slots, forward, gani_weight_reset};
