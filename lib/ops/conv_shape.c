/* Sizes of convolutions: what the operations and the layers check in common. */
#include "ops/ops.h"

gan_conv_options gani_conv_defaults(void) {
    gan_conv_options defaults = {sizeof defaults, -1, -1, 1, -1, 1, 0, -1};
    return defaults;
}

gani_conv_shape gani_linear_shape(int64_t n, int64_t inputs, int64_t outputs) {
    gani_conv_shape s = {.n = n, .c = inputs, .o = outputs, .groups = 1};
    s.h = s.w = s.oh = s.ow = s.kh = s.kw = s.stride_h = s.stride_w = s.dil_h = s.dil_w = 1;
    return s;
}

static int64_t or_else(int64_t wide, int64_t high) { return wide == -1 ? high : wide; }

/* Kernel, stride, padding and dilation lie in 1 (0: padding) to GANI_MAX_WINDOW. */
static gan_status check_window(const gani_conv_shape *s, char text[GANI_MESSAGE_SIZE]) {
    const struct {
        const char *name;
        int64_t h, w, low;
    } sizes[] = {{"kernel", s->kh, s->kw, 1},
                 {"stride", s->stride_h, s->stride_w, 1},
                 {"padding", s->pad_h, s->pad_w, 0},
                 {"dilation", s->dil_h, s->dil_w, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].h < sizes[i].low || sizes[i].w < sizes[i].low || sizes[i].h > GANI_MAX_WINDOW ||
            sizes[i].w > GANI_MAX_WINDOW)
            return gani_wrong(text, GAN_E_ARGUMENT, "a %s of %lldx%lld is not in %lld to %d", sizes[i].name,
                              (long long)sizes[i].h, (long long)sizes[i].w, (long long)sizes[i].low, GANI_MAX_WINDOW);
    return GAN_OK;
}

/* Kernels work on padded copies of one image, cut into stride x stride phases: their sizes must stay far from overflow
 * for the working space to be computed in plain integers. What this lets through may still be more than there is
 * memory. */
static gan_status check_room(const gani_conv_shape *s, int64_t reach_h, int64_t reach_w, char text[GANI_MESSAGE_SIZE]) {
    double input =
        (double)s->c * (double)(s->h + 2 * s->pad_h + s->stride_h) * (double)(s->w + 2 * s->pad_w + s->stride_w);
    double output = (double)s->o * (double)(s->oh + reach_h + s->pad_h + s->stride_h) *
                    (double)(s->ow + reach_w + s->pad_w + s->stride_w);
    if (input <= 0x1p40 && output <= 0x1p40) return GAN_OK;
    return gani_wrong(text, GAN_E_LIMIT, "one padded image of %lldx%lldx%lld has too many values", (long long)s->c,
                      (long long)(s->h + 2 * s->pad_h), (long long)(s->w + 2 * s->pad_w));
}

gan_status gani_conv_infer(gani_conv_shape *s, int32_t transposed, int64_t stride, int64_t padding,
                           const gan_conv_options *known, char text[GANI_MESSAGE_SIZE]) {
    const gan_conv_options o = known == NULL ? gani_conv_defaults() : *known;
    int64_t extra_h = o.output_padding, extra_w = or_else(o.output_padding_w, o.output_padding);
    s->stride_h = stride;
    s->stride_w = or_else(o.stride_w, stride);
    s->pad_h = padding;
    s->pad_w = or_else(o.padding_w, padding);
    s->dil_h = o.dilation;
    s->dil_w = or_else(o.dilation_w, o.dilation);
    s->groups = o.groups;
    gan_status status = check_window(s, text);
    if (status != GAN_OK) return status;
    if (s->groups < 1 || s->c % s->groups != 0 || s->o % s->groups != 0)
        return gani_wrong(
            text, GAN_E_ARGUMENT, "groups %lld does not divide the %lld input and the %lld output channels",
            (long long)s->groups, (long long)(transposed ? s->o : s->c), (long long)(transposed ? s->c : s->o));
    if (!transposed && (extra_h != 0 || extra_w != 0))
        return gani_wrong(text, GAN_E_ARGUMENT, "output_padding is for transposed convolutions only");
    int64_t in_h = transposed ? s->oh : s->h, in_w = transposed ? s->ow : s->w;
    if (in_h > GANI_MAX_MAP || in_w > GANI_MAX_MAP)
        return gani_wrong(text, GAN_E_LIMIT, "an input of %lldx%lld is too large", (long long)in_h, (long long)in_w);
    int64_t reach_h = (s->kh - 1) * s->dil_h + 1, reach_w = (s->kw - 1) * s->dil_w + 1;
    if (transposed) {
        if (extra_h < 0 || extra_w < 0 || (extra_h >= s->stride_h && extra_h >= s->dil_h) ||
            (extra_w >= s->stride_w && extra_w >= s->dil_w))
            return gani_wrong(text, GAN_E_ARGUMENT,
                              "an output_padding of %lldx%lld must be at least 0 and below the stride or the dilation",
                              (long long)extra_h, (long long)extra_w);
        s->h = (s->oh - 1) * s->stride_h - 2 * s->pad_h + reach_h + extra_h;
        s->w = (s->ow - 1) * s->stride_w - 2 * s->pad_w + reach_w + extra_w;
        if (s->h < 1 || s->w < 1)
            return gani_wrong(text, GAN_E_SHAPE, "a padding of %lldx%lld leaves nothing of an output of %lldx%lld",
                              (long long)s->pad_h, (long long)s->pad_w, (long long)(s->h + 2 * s->pad_h),
                              (long long)(s->w + 2 * s->pad_w));
    } else {
        int64_t room_h = s->h + 2 * s->pad_h - reach_h, room_w = s->w + 2 * s->pad_w - reach_w;
        if (room_h < 0 || room_w < 0)
            return gani_wrong(text, GAN_E_SHAPE,
                              "a window of %lldx%lld does not fit an input of %lldx%lld with padding %lldx%lld",
                              (long long)reach_h, (long long)reach_w, (long long)s->h, (long long)s->w,
                              (long long)s->pad_h, (long long)s->pad_w);
        s->oh = room_h / s->stride_h + 1;
        s->ow = room_w / s->stride_w + 1;
    }
    return check_room(s, reach_h, reach_w, text);
}
