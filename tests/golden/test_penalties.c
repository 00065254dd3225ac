/* Gradients of gradients through networks with every activation, every normalisation and the other layers: R1,
 * WGAN-GP's penalty and the path length penalty, each against PyTorch's double backward, number by number, and against
 * central differences of first-order gradients. In double precision, where only rounding differs: 1e-9. In
 * single precision all gradients together are as near to those of double precision as three times the distance of
 * PyTorch's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"

#define SEED 20061u /* this and the following also in make_penalties.py */
enum { STREAM_WEIGHT = 16, STREAM_REAL, STREAM_FAKE, STREAM_BETWEEN, STREAM_LATENT, STREAM_IMAGE, STREAM_VECTOR };
#define BATCH 3
#define LATENT 5
#define LAMBDA 10.0
#define LENGTH 0.1 /* far from the lengths there are: their difference keeps its digits */
#define VECTORS 2
#define BLOCKS 4096u /* of random numbers kept for each tensor */
#define TOLERANCE 1e-9
#define MAX_PARAMETERS 16

typedef struct golden_tensor {
    const char *name;
    int64_t count;
    double offset, scale;           /* the parameter's values: offset + scale u, u uniform in (-1, 1) */
    double norm, products[VECTORS]; /* of the gradient: |g|, g . v */
} golden_tensor;

enum { R1, GP, PATH, KINDS };
static const char *const kinds[KINDS] = {"R1", "WGAN-GP", "path length"};

typedef struct golden {
    const char *name;
    struct {
        double value, f32_distance;
        const golden_tensor *tensors;
        int32_t count;
    } penalty[KINDS];
} golden;

#include "penalties.inc"
#define GOLDENS ((int)(sizeof goldens / sizeof goldens[0]))

/* ---- the stretches of layers that are put into a critic and into a generator: 4 x 6 x 6 -> anything ---- */

static void conv(gan_builder *b, int64_t channels) { gan_add_conv2d(b, channels, 3, 1, 1, NULL); }

#define ACTIVATION(NAME, CALL)                                                                                         \
    static void NAME(gan_builder *b) {                                                                                 \
        CALL;                                                                                                          \
        conv(b, 4);                                                                                                    \
        CALL;                                                                                                          \
    }
ACTIVATION(relu, gan_add_relu(b))
ACTIVATION(leaky_relu, gan_add_leaky_relu(b, 0.2))
ACTIVATION(elu, gan_add_elu(b, 0.7))
ACTIVATION(prelu, gan_add_prelu(b, 1, 0.25))
ACTIVATION(prelu_each, gan_add_prelu(b, 4, 0.25))
ACTIVATION(softmax, gan_add_softmax(b))
ACTIVATION(log_softmax, gan_add_log_softmax(b))
ACTIVATION(softplus, gan_add_softplus(b))
ACTIVATION(tanh_, gan_add_tanh(b))
ACTIVATION(sigmoid, gan_add_sigmoid(b))

static void add_batch_norm(gan_builder *b, int32_t affine) {
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    o.affine = o.track_running_stats = affine;
    gan_add_batch_norm(b, &o);
}
static void add_instance_norm(gan_builder *b, int32_t affine) {
    gan_instance_norm_options o;
    gan_instance_norm_options_init(&o);
    o.affine = affine;
    gan_add_instance_norm(b, &o);
}
static void add_layer_norm(gan_builder *b, int32_t affine) {
    gan_layer_norm_options o;
    gan_layer_norm_options_init(&o);
    o.affine = affine;
    gan_add_layer_norm(b, &o);
}
#define NORM(NAME, CALL, FIRST, SECOND)                                                                                \
    static void NAME(gan_builder *b) {                                                                                 \
        CALL;                                                                                                          \
        FIRST;                                                                                                         \
        conv(b, 4);                                                                                                    \
        CALL;                                                                                                          \
        SECOND;                                                                                                        \
    }
NORM(batch_norm, add_batch_norm(b, 1), gan_add_tanh(b), gan_add_softplus(b))
NORM(batch_norm_plain, add_batch_norm(b, 0), gan_add_tanh(b), gan_add_softplus(b))
NORM(instance_norm, add_instance_norm(b, 0), gan_add_tanh(b), gan_add_softplus(b))
NORM(instance_norm_affine, add_instance_norm(b, 1), gan_add_tanh(b), gan_add_softplus(b))
NORM(layer_norm, add_layer_norm(b, 1), gan_add_tanh(b), gan_add_softplus(b))
NORM(layer_norm_plain, add_layer_norm(b, 0), gan_add_tanh(b), gan_add_softplus(b))
NORM(batch_norm_relu, add_batch_norm(b, 1), gan_add_relu(b), gan_add_relu(b))
NORM(instance_norm_leaky_relu, add_instance_norm(b, 0), gan_add_leaky_relu(b, 0.2), gan_add_leaky_relu(b, 0.2))
NORM(layer_norm_leaky_relu, add_layer_norm(b, 1), gan_add_leaky_relu(b, 0.2), gan_add_leaky_relu(b, 0.2))

static void global_avg_pool(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_global_avg_pool(b);
    gan_add_linear(b, 5, NULL);
    gan_add_tanh(b);
}
static void maxout(gan_builder *b) {
    gan_add_maxout(b, 2);
    conv(b, 6);
    gan_add_maxout(b, 3);
}
static void padded(gan_builder *b, gan_pad_mode mode) {
    gan_add_tanh(b);
    gan_add_pad2d(b, 1, 2, 3, 0, mode);
    gan_add_conv2d(b, 5, 3, 2, 0, NULL);
    gan_add_tanh(b);
}
static void zero_pad(gan_builder *b) { padded(b, GAN_PAD_ZERO); }
static void reflect_pad(gan_builder *b) { padded(b, GAN_PAD_REFLECT); }
static void replicate_pad(gan_builder *b) { padded(b, GAN_PAD_REPLICATE); }
static void avg_pool(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_avg_pool2d(b, 2, 2, 0);
    conv(b, 4);
    gan_add_tanh(b);
    gan_add_avg_pool2d(b, 3, 2, 1);
}
static void max_pool(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_max_pool2d(b, 2, 2, 0);
    conv(b, 4);
    gan_add_tanh(b);
    gan_add_max_pool2d(b, 3, 2, 1);
}
static void upsample(gan_builder *b, gan_interpolation mode) {
    gan_add_tanh(b);
    gan_add_upsample(b, 2, mode);
    gan_add_conv2d(b, 4, 4, 2, 1, NULL);
    gan_add_tanh(b);
}
static void nearest(gan_builder *b) { upsample(b, GAN_NEAREST); }
static void bilinear(gan_builder *b) { upsample(b, GAN_BILINEAR); }
static void bilinear_corners(gan_builder *b) { upsample(b, GAN_BILINEAR_CORNERS); }
static void sum(gan_builder *b) {
    gan_add_tanh(b);
    gan_builder_label(b, "skip");
    conv(b, 4);
    gan_add_tanh(b);
    conv(b, 4);
    gan_add_sum(b, "skip");
    gan_add_softplus(b);
}
static void product(gan_builder *b) {
    gan_add_tanh(b);
    gan_builder_label(b, "skip");
    conv(b, 4);
    gan_add_sigmoid(b);
    gan_add_product(b, "skip");
    conv(b, 4);
    gan_add_tanh(b);
}
static void concat(gan_builder *b) {
    gan_add_tanh(b);
    gan_builder_label(b, "skip");
    conv(b, 3);
    gan_add_tanh(b);
    gan_add_concat(b, "skip");
    conv(b, 4);
    gan_add_tanh(b);
}
static void strided(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_conv2d(b, 6, 4, 2, 1, NULL);
    gan_add_tanh(b);
}
static void dilated(gan_builder *b) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.dilation = 2;
    gan_add_tanh(b);
    gan_add_conv2d(b, 5, 3, 1, 2, &o);
    gan_add_tanh(b);
}
static void grouped(gan_builder *b) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    gan_add_tanh(b);
    for (o.groups = 2; o.groups <= 8; o.groups *= 4) {
        gan_add_conv2d(b, 8, 3, 1, 1, &o);
        gan_add_tanh(b);
    }
}
static void rectangular(gan_builder *b) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.groups = o.kernel_w = o.dilation_w = 2;
    o.stride_w = 1;
    o.padding_w = 0;
    gan_add_tanh(b);
    gan_add_conv2d(b, 6, 3, 2, 1, &o);
    gan_add_tanh(b);
}
static void transposed(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, NULL);
    gan_add_tanh(b);
}
static void transposed_grouped(gan_builder *b) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.groups = o.dilation = 2;
    o.output_padding = 1;
    gan_add_tanh(b);
    gan_add_conv_transpose2d(b, 6, 3, 2, 1, &o);
    gan_add_tanh(b);
}
static void self_attention(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_self_attention(b, NULL);
    conv(b, 4);
    gan_add_softplus(b);
}

static void pixel_norm(gan_builder *b) {
    gan_add_pixel_norm(b, NULL);
    gan_add_tanh(b);
    conv(b, 4);
    gan_add_pixel_norm(b, NULL);
    gan_add_softplus(b);
}
static void minibatch_std(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_minibatch_std(b, NULL);
    conv(b, 4);
    gan_add_tanh(b);
}
static void adaptive_instance_norm(gan_builder *b) {
    gan_add_tanh(b);
    gan_builder_label(b, "maps");
    gan_add_global_avg_pool(b);
    gan_add_linear(b, 8, NULL);
    gan_builder_label(b, "style");
    gan_builder_from(b, "maps");
    gan_add_adaptive_instance_norm(b, "style", NULL);
    gan_add_softplus(b);
}
static void blur(gan_builder *b) {
    gan_blur_options o;
    gan_blur_options_init(&o);
    gan_add_tanh(b);
    gan_add_blur(b, NULL);
    gan_add_tanh(b);
    o.stride = 2;
    o.before = o.after = 2;
    gan_add_blur(b, &o);
    gan_add_tanh(b);
}
static void upsample_conv2d(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_upsample_conv2d(b, 3, 3, NULL);
    gan_add_tanh(b);
}
static void conv2d_downsample(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_conv2d_downsample(b, 6, 3, NULL);
    gan_add_tanh(b);
}
static void masked(gan_builder *b) {
    gan_masked_conv_options o;
    gan_masked_conv_options_init(&o);
    gan_add_tanh(b);
    gan_add_masked_conv2d(b, 5, 3, GAN_MASK_A, &o);
    gan_add_tanh(b);
    o.colors = 3;
    gan_add_masked_conv2d(b, 6, 3, GAN_MASK_B, &o);
    gan_add_tanh(b);
}
static void row_lstm(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_row_lstm(b, 3, 3, NULL);
    gan_add_tanh(b);
}
static void diagonal_bilstm(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_diagonal_bilstm(b, 3, NULL);
    gan_add_tanh(b);
}

static const struct {
    const char *name;
    void (*add)(gan_builder *b);
} stretches[] = {
    {"relu", relu},
    {"leaky_relu", leaky_relu},
    {"elu", elu},
    {"prelu", prelu},
    {"prelu_each", prelu_each},
    {"softmax", softmax},
    {"log_softmax", log_softmax},
    {"maxout", maxout},
    {"softplus", softplus},
    {"tanh", tanh_},
    {"sigmoid", sigmoid},
    {"batch_norm", batch_norm},
    {"batch_norm_plain", batch_norm_plain},
    {"instance_norm", instance_norm},
    {"instance_norm_affine", instance_norm_affine},
    {"layer_norm", layer_norm},
    {"layer_norm_plain", layer_norm_plain},
    {"batch_norm_relu", batch_norm_relu},
    {"instance_norm_leaky_relu", instance_norm_leaky_relu},
    {"layer_norm_leaky_relu", layer_norm_leaky_relu},
    {"global_avg_pool", global_avg_pool},
    {"avg_pool", avg_pool},
    {"max_pool", max_pool},
    {"nearest", nearest},
    {"bilinear", bilinear},
    {"bilinear_corners", bilinear_corners},
    {"zero_pad", zero_pad},
    {"reflect_pad", reflect_pad},
    {"replicate_pad", replicate_pad},
    {"sum", sum},
    {"product", product},
    {"concat", concat},
    {"strided", strided},
    {"dilated", dilated},
    {"grouped", grouped},
    {"rectangular", rectangular},
    {"transposed", transposed},
    {"transposed_grouped", transposed_grouped},
    {"pixel_norm", pixel_norm},
    {"minibatch_std", minibatch_std},
    {"adaptive_instance_norm", adaptive_instance_norm},
    {"blur", blur},
    {"upsample_conv2d", upsample_conv2d},
    {"conv2d_downsample", conv2d_downsample},
    {"self_attention", self_attention},
    {"masked", masked},
    {"row_lstm", row_lstm},
    {"diagonal_bilstm", diagonal_bilstm},
};
#define STRETCHES ((int)(sizeof stretches / sizeof stretches[0]))

/* ---- networks and penalties ---- */

typedef struct setting {
    gan_context *context;
    gan_tape *tape;
    gan_layer *layer;
    int kind;
    gan_tensor *x, *weights; /* where the slope is taken; of the outputs (NULL: ones) */
    gan_tensor *ps[MAX_PARAMETERS];
    int32_t count;
} setting;

static gan_tensor *uniform(gan_context *context, gan_shape shape, double low, double high, uint64_t stream,
                           uint64_t index) {
    gan_tensor *t;
    assert_int_equal(gan_tensor_create(&t, context, GAN_F64, shape), GAN_OK);
    assert_int_equal(gan_tensor_fill_uniform(t, low, high, SEED, stream, index), GAN_OK);
    return t;
}

static gan_layer *make_layer(gan_context *context, gan_dtype dtype, int kind, void (*add)(gan_builder *b)) {
    gan_builder *b = gan_builder_begin(context, kind == PATH ? gan_shape_1d(LATENT) : gan_shape_3d(2, 6, 6));
    gan_builder_set_dtype(b, dtype);
    if (kind == PATH) {
        gan_add_linear(b, 4 * 6 * 6, NULL);
        gan_add_reshape(b, gan_shape_3d(4, 6, 6));
    } else {
        conv(b, 4);
    }
    add(b);
    gan_add_flatten(b);
    gan_add_linear(b, kind == PATH ? 18 : 1, NULL);
    if (kind == PATH) {
        gan_add_reshape(b, gan_shape_3d(2, 3, 3));
        gan_add_tanh(b);
    }
    gan_layer *layer = NULL;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    return layer;
}

static void begin(setting *s, gan_context *context, const golden *which, int kind, void (*add)(gan_builder *b)) {
    memset(s, 0, sizeof *s);
    s->context = context;
    s->kind = kind;
    assert_int_equal(gan_tape_create(&s->tape, s->context), GAN_OK);
    s->layer = make_layer(s->context, GAN_F64, kind, add);
    const golden_tensor *golden_tensors = which->penalty[kind].tensors;
    for (int32_t i = 0; i < gan_layer_tensor_count(s->layer); i++) {
        if (!gan_layer_tensor_is_parameter(s->layer, i)) continue;
        const golden_tensor *expected = &golden_tensors[s->count];
        gan_tensor *tensor = gan_layer_tensor(s->layer, i);
        assert_true(s->count < MAX_PARAMETERS && s->count < which->penalty[kind].count);
        assert_string_equal(gan_layer_tensor_name(s->layer, i), expected->name);
        assert_true(gan_tensor_count(tensor) == expected->count);
        assert_int_equal(gan_tensor_fill_uniform(tensor, expected->offset - expected->scale,
                                                 expected->offset + expected->scale, SEED, STREAM_WEIGHT,
                                                 (uint64_t)s->count * BLOCKS),
                         GAN_OK);
        s->ps[s->count++] = tensor;
    }
    assert_int_equal(s->count, which->penalty[kind].count);
    if (kind == PATH) {
        s->x = uniform(s->context, gan_shape_2d(BATCH, LATENT), -1, 1, STREAM_LATENT, 0);
        s->weights = uniform(s->context, gan_shape_4d(BATCH, 2, 3, 3), -1.0 / 3, 1.0 / 3, STREAM_IMAGE, 0);
        return;
    }
    s->x = uniform(s->context, gan_shape_4d(BATCH, 2, 6, 6), -1, 1, STREAM_REAL, 0);
    if (kind == R1) return;
    gan_tensor *fake = uniform(s->context, gan_shape_4d(BATCH, 2, 6, 6), -1, 1, STREAM_FAKE, 0);
    gan_tensor *t = uniform(s->context, gan_shape_4d(BATCH, 1, 1, 1), 0, 1, STREAM_BETWEEN, 0), *between;
    between = gan_add(s->tape, s->x, gan_mul(s->tape, t, gan_sub(s->tape, fake, s->x)));
    gan_tensor *kept;
    assert_int_equal(gan_tensor_clone(&kept, between), GAN_OK);
    gan_tape_reset(s->tape);
    gan_tensor_release(fake);
    gan_tensor_release(t);
    gan_tensor_release(s->x);
    s->x = kept;
}

static void end(setting *s) {
    gan_tensor_release(s->x);
    gan_tensor_release(s->weights);
    gan_layer_release(s->layer);
    gan_tape_release(s->tape);
}

static gan_tensor *rounded(gan_context *context, const gan_tensor *wide) {
    gan_tensor *narrow;
    assert_int_equal(gan_tensor_create(&narrow, context, GAN_F32, gan_tensor_shape(wide)), GAN_OK);
    assert_int_equal(gan_tensor_copy(narrow, wide), GAN_OK);
    return narrow;
}

/* The same in single precision, everything rounded. */
static void begin_rounded(setting *n, const setting *s, void (*add)(gan_builder *b)) {
    memset(n, 0, sizeof *n);
    n->context = s->context;
    n->kind = s->kind;
    assert_int_equal(gan_tape_create(&n->tape, n->context), GAN_OK);
    n->layer = make_layer(n->context, GAN_F32, n->kind, add);
    for (int32_t i = 0; i < gan_layer_tensor_count(n->layer); i++) {
        gan_tensor *tensor = gan_layer_tensor(n->layer, i);
        if (!gan_layer_tensor_is_parameter(n->layer, i)) continue;
        assert_int_equal(gan_tensor_copy(tensor, s->ps[n->count]), GAN_OK);
        n->ps[n->count++] = tensor;
    }
    n->x = rounded(n->context, s->x);
    if (s->weights != NULL) n->weights = rounded(n->context, s->weights);
}

/* The sum of the (weighted) outputs, whose slope at x the penalty is about. */
static gan_tensor *outputs(const setting *s, gan_tensor *x) {
    gan_tensor *y = gan_layer_forward(s->tape, s->layer, x);
    return gan_sum(s->tape, s->weights == NULL ? y : gan_mul(s->tape, y, s->weights));
}

static gan_tensor *penalty_of(const setting *s, gan_tensor *g) {
    uint32_t axes = s->kind == PATH ? 2u : 0xEu;
    gan_tensor *squares = gan_sum_axes(s->tape, gan_square(s->tape, g), axes, 0);
    if (s->kind == R1) return gan_scale(s->tape, gan_mean(s->tape, squares), 0.5);
    gan_tensor *excess = gan_add_scalar(s->tape, gan_sqrt(s->tape, squares), s->kind == GP ? -1 : -LENGTH);
    return gan_scale(s->tape, gan_mean(s->tape, gan_square(s->tape, excess)), s->kind == GP ? LAMBDA : 1);
}

/* The penalty and its gradients by derivatives of the second order; the latter on the tape. */
static double second_order(const setting *s, gan_tensor **gs) {
    gan_tape_reset(s->tape);
    gan_tensor *x = gan_watch(s->tape, s->x);
    gan_tensor *penalty = penalty_of(s, gan_gradient(s->tape, outputs(s, x), x, GAN_GRAD_DIFFERENTIABLE));
    gan_gradients(s->tape, penalty, NULL, s->ps, s->count, 0, gs);
    if (gan_tape_status(s->tape) != GAN_OK) fail_msg("%s", gan_tape_error(s->tape));
    return gan_tensor_item(penalty, 0);
}

static double dot(const double *a, const double *b, int64_t n) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += a[i] * b[i];
    return total;
}

/* A gradient that is truly 0 is measured against all of them together. */
static void check_golden(const setting *s, const golden *which, const char *title, gan_tensor **gs) {
    const golden_tensor *expected = which->penalty[s->kind].tensors;
    double total = 0;
    for (int32_t i = 0; i < s->count; i++) total += expected[i].norm * expected[i].norm;
    total = sqrt(total);
    assert_true(total > 1e-3); /* or nothing would be tested */
    for (int32_t i = 0; i < s->count; i++) {
        char name[192];
        double *g = compare_read(gs[i]);
        double size = expected[i].norm > TOLERANCE * total ? expected[i].norm : total;
        snprintf(name, sizeof name, "%s, gradient of %s", title, expected[i].name);
        assert_true(
            compare_abs(name, &(double){compare_norm(g, expected[i].count)}, &expected[i].norm, 1, TOLERANCE * size));
        for (int k = 0; k < VECTORS; k++) {
            gan_tensor *vector = uniform(s->context, gan_tensor_shape(gs[i]), -1, 1, STREAM_VECTOR,
                                         (uint64_t)(VECTORS * i + k) * BLOCKS);
            double product = dot(g, gan_tensor_const_data(vector), expected[i].count);
            assert_true(compare_abs(name, &product, &expected[i].products[k], 1, TOLERANCE * size));
            gan_tensor_release(vector);
        }
        free(g);
    }
}

/* With g, the slope at x, held fixed and u = dP/dg, dP/dw is the derivative along u of the outputs' gradient with
 * respect to w: (8 (W(+h) - W(-h)) - (W(+2h) - W(-2h))) / 12h along u / |u|, by first-order code alone. The steps are
 * so small that no unit crosses a kink. */
static void check_oracle(const setting *s, const char *title, gan_tensor **gs) {
    static const double h = 1e-5, at[4] = {1, -1, 2, -2}, factor[4] = {8, -8, -1, 1};
    double *actual[MAX_PARAMETERS], *expected[MAX_PARAMETERS], total = 0;
    for (int32_t i = 0; i < s->count; i++) actual[i] = compare_read(gs[i]);
    gan_tape_reset(s->tape);
    gan_tensor *x = gan_watch(s->tape, s->x);
    gan_tensor *g = gan_watch(s->tape, gan_detach(s->tape, gan_gradient(s->tape, outputs(s, x), x, 0)));
    gan_tensor *slope = gan_gradient(s->tape, penalty_of(s, g), g, 0), *moved;
    assert_int_equal(gan_tape_status(s->tape), GAN_OK);
    double *u = compare_read(slope), *base = compare_read(s->x);
    int64_t n = gan_tensor_count(s->x);
    double size = compare_norm(u, n);
    assert_true(size > 0);
    assert_int_equal(gan_tensor_clone(&moved, s->x), GAN_OK);
    for (int32_t i = 0; i < s->count; i++) {
        expected[i] = calloc((size_t)gan_tensor_count(s->ps[i]), sizeof(double));
        assert_non_null(expected[i]);
    }
    for (int k = 0; k < 4; k++) {
        double *data = gan_tensor_data(moved);
        for (int64_t i = 0; i < n; i++) data[i] = base[i] + at[k] * h * u[i] / size;
        gan_tensor *first[MAX_PARAMETERS];
        gan_tape_reset(s->tape);
        gan_gradients(s->tape, outputs(s, moved), NULL, s->ps, s->count, 0, first);
        assert_int_equal(gan_tape_status(s->tape), GAN_OK);
        for (int32_t i = 0; i < s->count; i++)
            for (int64_t j = 0; j < gan_tensor_count(s->ps[i]); j++)
                expected[i][j] += factor[k] * size / (12 * h) * gan_tensor_item(first[i], j);
    }
    for (int32_t i = 0; i < s->count; i++) total += pow(compare_norm(expected[i], gan_tensor_count(s->ps[i])), 2);
    for (int32_t i = 0; i < s->count; i++) {
        char name[192];
        snprintf(name, sizeof name, "%s, parameter %d against differences", title, (int)i);
        assert_true(compare_values(name, actual[i], expected[i], gan_tensor_count(s->ps[i]), 1e-7, 1e-2 * sqrt(total)));
        free(actual[i]);
        free(expected[i]);
    }
    free(u);
    free(base);
    gan_tensor_release(moved);
}

static void check_single(const setting *s, const golden *which, const char *title, gan_tensor **gs,
                         void (*add)(gan_builder *b)) {
    setting n;
    gan_tensor *single[MAX_PARAMETERS];
    begin_rounded(&n, s, add);
    second_order(&n, single);
    double distance = 0, size = 0, allowed = 3 * which->penalty[s->kind].f32_distance;
    for (int32_t i = 0; i < s->count; i++)
        for (int64_t k = 0; k < gan_tensor_count(gs[i]); k++) {
            distance += pow(gan_tensor_item(single[i], k) - gan_tensor_item(gs[i], k), 2);
            size += pow(gan_tensor_item(gs[i], k), 2);
        }
    distance = sqrt(distance / size);
    if (!(distance <= allowed)) fail_msg("%s, f32: off by %g, allowed %g", title, distance, allowed);
    end(&n);
}

static void check_kind(int kind) {
    for (int i = 0; i < GOLDENS; i++) {
        int k = 0;
        while (k < STRETCHES && strcmp(stretches[k].name, goldens[i].name) != 0) k++;
        if (k == STRETCHES) fail_msg("%s has numbers, but no network here", goldens[i].name);
        char title[96];
        snprintf(title, sizeof title, "%s, %s", goldens[i].name, kinds[kind]);
        setting s;
        gan_context *context = host_context(1);
        begin(&s, context, &goldens[i], kind, stretches[k].add);
        gan_tensor *gs[MAX_PARAMETERS];
        double value = second_order(&s, gs), expected = goldens[i].penalty[kind].value;
        assert_true(compare_abs(title, &value, &expected, 1, TOLERANCE * expected));
        check_golden(&s, &goldens[i], title, gs);
        check_single(&s, &goldens[i], title, gs, stretches[k].add);
        check_oracle(&s, title, gs);
        end(&s);
        gan_context_release(context);
    }
}
static void r1(void **state) {
    (void)state;
    check_kind(R1);
}
static void gradient_penalty(void **state) {
    (void)state;
    check_kind(GP);
}
static void path_length(void **state) {
    (void)state;
    check_kind(PATH);
}

/* No network without numbers. */
static void complete(void **state) {
    (void)state;
    assert_int_equal(GOLDENS, STRETCHES);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(complete), cmocka_unit_test(r1),
                                       cmocka_unit_test(gradient_penalty), cmocka_unit_test(path_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
