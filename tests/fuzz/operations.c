/* One operation, chosen by bytes, with attributes that are hostile now and then. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define COST_MOST 4e6 /* multiplications: a convolution may ask for more work than a fuzzer has time for */

gan_tensor *fuzz_pick(fuzz_bytes *bytes, const fuzz_tensors *tensors) {
    uint8_t choice = fuzz_u8(bytes);
    return tensors->count == 0 ? NULL : tensors->list[choice % tensors->count];
}

void fuzz_keep(fuzz_bytes *bytes, fuzz_tensors *tensors, gan_tensor *tensor) {
    if (tensor == NULL) return;
    int place = tensors->count < FUZZ_TENSORS ? tensors->count++ : fuzz_u8(bytes) % FUZZ_TENSORS;
    tensors->list[place] = tensor;
}

typedef gan_tensor *unary(gan_tape *, gan_tensor *);
typedef gan_tensor *binary(gan_tape *, gan_tensor *, gan_tensor *);
typedef gan_tensor *scalar(gan_tape *, gan_tensor *, double);

static unary *const unaries[] = {gan_neg, gan_square, gan_reciprocal, gan_sqrt, gan_rsqrt,   gan_exp,
                                 gan_log, gan_abs,    gan_relu,       gan_tanh, gan_sigmoid, gan_softplus,
                                 gan_sum, gan_mean,   gan_detach,     gan_watch};
static binary *const binaries[] = {gan_add, gan_sub, gan_mul, gan_div, gan_maximum, gan_minimum};
static scalar *const scalars[] = {gan_scale, gan_add_scalar, gan_leaky_relu, gan_bce_with_logits, gan_elu, gan_pow};
#define ANY(table, bytes) table[fuzz_u8(bytes) % (sizeof(table) / sizeof(table)[0])]

/* Output positions times the area of the kernel, were it computed. */
static int is_slow(const gan_tensor *x, const gan_tensor *weight, double stride, double padding,
                   const gan_conv_options *options, int transposed) {
    gan_shape in = gan_tensor_shape(x), w = gan_tensor_shape(weight);
    double wide = options->padding_w > 0 ? (double)options->padding_w : 0;
    double widest = options->stride_w > 0 ? (double)options->stride_w : 0;
    if (in.rank != 4 || w.rank != 4 || stride < 1 || padding < 0) return 0;
    double cost = (double)in.size[0] * (double)gan_tensor_count(weight),
           padded = (double)in.size[0] * (double)in.size[1];
    for (int axis = 2; axis < 4; axis++) {
        double size = (double)in.size[axis], kernel = (double)w.size[axis];
        double dilation = (double)(options->dilation > options->dilation_w ? options->dilation : options->dilation_w);
        if (axis == 3 && widest > 0) stride = widest;
        if (axis == 3 && wide > 0) padding = wide;
        if (dilation > 1 && dilation < 40000) kernel = (kernel - 1) * dilation + 1;
        double out = transposed ? (size - 1) * stride + kernel : (size + 2 * padding - kernel) / stride + 1;
        cost *= transposed ? size : out > 0 ? out : 0;
        padded *= transposed ? out + size * stride + 2 * padding : size + 2 * padding + stride;
    }
    double most = transposed ? padded * (double)w.size[1] : cost / ((double)w.size[2] * (double)w.size[3] + 1);
    return (cost > COST_MOST || padded > COST_MOST) && most < 4 * (double)FUZZ_MEMORY;
}

static gan_tensor *convolution(gan_tape *tape, fuzz_bytes *bytes, const fuzz_tensors *tensors) {
    gan_tensor *x = fuzz_pick(bytes, tensors), *w = fuzz_pick(bytes, tensors);
    uint8_t choice = fuzz_u8(bytes);
    gan_tensor *bias = choice & 1 ? fuzz_pick(bytes, tensors) : NULL;
    int64_t stride = fuzz_int(bytes), padding = fuzz_int(bytes);
    gan_conv_options options;
    gan_conv_options_init(&options);
    int64_t *words[] = {&options.stride_w, &options.padding_w,      &options.dilation,        &options.dilation_w,
                        &options.groups,   &options.output_padding, &options.output_padding_w};
    for (int edits = choice & 4 ? 1 + choice / 64 : 0; edits > 0; edits--) {
        uint8_t which = fuzz_u8(bytes);
        *words[which % (sizeof words / sizeof words[0])] = fuzz_int(bytes);
    }
    int transposed = (choice & 2) != 0;
    if (is_slow(x, w, (double)stride, (double)padding, &options, transposed)) return NULL;
    return transposed ? gan_conv_transpose2d(tape, x, w, bias, stride, padding, &options)
                      : gan_conv2d(tape, x, w, bias, stride, padding, &options);
}

static gan_tensor *matrices(gan_tape *tape, fuzz_bytes *bytes, const fuzz_tensors *tensors) {
    gan_tensor *a = fuzz_pick(bytes, tensors), *b = fuzz_pick(bytes, tensors);
    uint8_t choice = fuzz_u8(bytes);
    double most = (double)gan_tensor_count(a) * (double)gan_tensor_count(b);
    if (most > COST_MOST) return NULL;
    if (choice & 4) return gan_linear(tape, a, b, choice & 8 ? fuzz_pick(bytes, tensors) : NULL);
    return gan_matmul(tape, a, b, choice & 1, choice & 2);
}

static gan_tensor *maps(gan_tape *tape, fuzz_bytes *bytes, gan_tensor *x) {
    uint8_t choice = fuzz_u8(bytes);
    int64_t a = fuzz_int(bytes), b = fuzz_int(bytes);
    double size = (double)a, other = (double)b;
    gan_shape in = gan_tensor_shape(x);
    if (choice % 4 >= 2) {
        if (in.rank == 4 && (double)in.size[0] * (double)in.size[1] * size * other > COST_MOST) return NULL;
        return gan_interpolate2d(tape, x, a, b, (gan_interpolation)fuzz_int(bytes));
    }
    if (other >= 1 && (double)gan_tensor_count(x) * size * size / (other * other) > COST_MOST) return NULL;
    return choice % 4 == 0 ? gan_avg_pool2d(tape, x, a, b, fuzz_int(bytes))
                           : gan_max_pool2d(tape, x, a, b, fuzz_int(bytes));
}

static gan_tensor *shapes(gan_tape *tape, fuzz_bytes *bytes, const fuzz_tensors *tensors) {
    gan_tensor *x = fuzz_pick(bytes, tensors), *xs[66];
    int32_t axes[GAN_MAX_RANK], count, axis;
    int64_t first;
    switch (fuzz_u8(bytes) % 7) {
    case 0:
        return gan_reshape(tape, x, fuzz_shape(bytes, 1));
    case 1:
        for (int i = 0; i < GAN_MAX_RANK; i++) axes[i] = (int32_t)fuzz_int(bytes);
        return gan_permute(tape, x, axes);
    case 2:
        return gan_broadcast(tape, x, fuzz_shape(bytes, 1));
    case 3:
        axis = (int32_t)fuzz_int(bytes), first = fuzz_int(bytes);
        return gan_slice(tape, x, axis, first, fuzz_int(bytes));
    case 4:
        axis = (int32_t)fuzz_int(bytes), first = fuzz_int(bytes);
        count = (int32_t)fuzz_u8(bytes) % 4; /* 3: no mode */
        return gan_pad(tape, x, axis, first, fuzz_int(bytes), count);
    case 5:
        return maps(tape, bytes, x);
    default:
        count = (int32_t)fuzz_int(bytes);
        for (int32_t i = 0; i < 66; i++) xs[i] = i < 4 ? fuzz_pick(bytes, tensors) : x;
        axis = (int32_t)fuzz_int(bytes);
        return gan_concat(tape, xs, count > 66 ? 66 : count, axis);
    }
}

static gan_tensor *along_axis(gan_tape *tape, fuzz_bytes *bytes, const fuzz_tensors *tensors) {
    uint8_t choice = fuzz_u8(bytes);
    gan_tensor *x = fuzz_pick(bytes, tensors), *index = fuzz_pick(bytes, tensors);
    int32_t axis = (int32_t)fuzz_int(bytes), keep = choice > 127;
    switch (choice % 8) {
    case 0:
        return gan_softmax(tape, x, axis);
    case 1:
        return gan_log_softmax(tape, x, axis);
    case 2:
        return gan_logsumexp(tape, x, axis, keep);
    case 3:
        return gan_max_axis(tape, x, axis, keep);
    case 4:
        return gan_take(tape, x, axis, index);
    case 5:
        return gan_gather(tape, x, axis, index);
    case 6:
        return gan_scatter_add(tape, x, axis, index, fuzz_pick(bytes, tensors));
    default:
        return gan_one_hot(tape, keep ? GAN_F64 : GAN_F32, index, fuzz_int(bytes));
    }
}

static gan_tensor *without_operands(gan_tape *tape, fuzz_bytes *bytes) {
    uint8_t choice = fuzz_u8(bytes);
    gan_dtype dtype = choice & 4 ? (gan_dtype)fuzz_int(bytes) : choice & 8 ? GAN_F64 : GAN_F32;
    gan_shape shape = fuzz_shape(bytes, choice > 128);
    double low = fuzz_number(bytes);
    switch (choice % 5) {
    case 0:
        return gan_normal(tape, dtype, shape);
    case 1:
        return gan_uniform(tape, dtype, shape, low, fuzz_number(bytes));
    case 2:
        return gan_bernoulli(tape, dtype, shape, low);
    default:
        return gan_full(tape, dtype, shape, low);
    }
}

gan_tensor *fuzz_operation(gan_tape *tape, fuzz_bytes *bytes, const fuzz_tensors *tensors) {
    uint8_t choice = fuzz_u8(bytes);
    gan_tensor *x = NULL, *y = NULL, *z = NULL;
    uint32_t axes;
    double low;
    switch (choice % 14) {
    case 0:
    case 1:
        return ANY(unaries, bytes)(tape, fuzz_pick(bytes, tensors));
    case 2:
    case 3:
        x = fuzz_pick(bytes, tensors), y = fuzz_pick(bytes, tensors);
        return ANY(binaries, bytes)(tape, x, y);
    case 4:
        x = fuzz_pick(bytes, tensors);
        return ANY(scalars, bytes)(tape, x, fuzz_number(bytes));
    case 5:
        x = fuzz_pick(bytes, tensors), low = fuzz_number(bytes);
        return gan_clamp(tape, x, low, fuzz_number(bytes));
    case 6:
        x = fuzz_pick(bytes, tensors), axes = (uint32_t)fuzz_int(bytes), choice = fuzz_u8(bytes);
        return choice & 2 ? gan_sum_axes(tape, x, axes, choice & 1) : gan_mean_axes(tape, x, axes, choice & 1);
    case 7:
        return shapes(tape, bytes, tensors);
    case 8:
        return convolution(tape, bytes, tensors);
    case 9:
        return matrices(tape, bytes, tensors);
    case 10:
        x = fuzz_pick(bytes, tensors), y = fuzz_pick(bytes, tensors), z = fuzz_pick(bytes, tensors);
        choice = fuzz_u8(bytes);
        return gan_batch_norm(tape, x, choice & 1 ? y : NULL, choice & 1 ? z : NULL,
                              choice & 2 ? fuzz_number(bytes) : 1e-5);
    case 11:
    case 12:
        return along_axis(tape, bytes, tensors);
    default:
        return without_operands(tape, bytes);
    }
}
