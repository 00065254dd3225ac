/* Networks: parameter counts and names of the known ones, batch normalisation in both modes, graphs that branch, errors
 * with their position. */
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
#include "gradcheck.h"
#include "host.h"
#include "networks.h"

static host_memory memory;
static gan_context *context;
static gan_tape *tape;

static int open_tape(void **state) {
    (void)state;
    memset(&memory, 0, sizeof memory);
    context = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
    return gan_tape_create(&tape, context) == GAN_OK ? 0 : -1;
}
static int close_tape(void **state) {
    (void)state;
    gan_tape_release(tape);
    gan_context_release(context);
    return atomic_load(&memory.blocks) == 0 && atomic_load(&memory.bytes) == 0 ? 0 : -1;
}

static gan_builder *begin(gan_shape input) {
    gan_builder *b = gan_builder_begin(context, input);
    gan_builder_set_dtype(b, GAN_F64);
    return b;
}
static gan_layer *end(gan_builder *b) {
    gan_layer *layer = NULL;
    gan_status status = gan_builder_end(&layer, b);
    if (status != GAN_OK) fprintf(stderr, "%s\n", gan_context_error(context));
    assert_int_equal(status, GAN_OK);
    return layer;
}

static void known_networks(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t generator, discriminator;
    } counts[] = {{"dcgan28", 759681, 138689}, {"dcgan64", 3576704, 2765568}, {"mlp", 1510032, 533505}};
    for (int i = 0; i < 3; i++) {
        const networks_case *c = networks_find(counts[i].name);
        gan_layer *g, *d;
        assert_int_equal(networks_make(&g, &d, context, c, GAN_F32), GAN_OK);
        assert_true(gan_layer_parameter_count(g) == counts[i].generator);
        assert_true(gan_layer_parameter_count(d) == counts[i].discriminator);
        assert_true(gan_shape_equal(gan_layer_output_shape(g, 0), networks_image_shape(c)));
        assert_true(gan_shape_equal(gan_layer_output_shape(d, 0), gan_shape_1d(1)));
        assert_true(gan_shape_equal(gan_layer_input_shape(d, 0), networks_image_shape(c)));
        assert_int_equal(gan_layer_input_count(d), 1);
        assert_int_equal(gan_layer_input_shape(d, 1).rank, 0);
        assert_int_equal(gan_layer_dtype(g), GAN_F32);
        gan_layer_release(g);
        gan_layer_release(d);
    }
}

static void names(void **state) {
    (void)state;
    static const char *const expected[] = {"0.weight",       "2.weight",      "2.bias",   "2.running_mean",
                                           "2.running_var",  "4.weight",      "5.weight", "5.bias",
                                           "5.running_mean", "5.running_var", "7.weight", "7.bias"};
    static const int32_t trained[] = {1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1};
    gan_layer *g, *d;
    assert_int_equal(networks_make(&g, &d, context, networks_find("dcgan28"), GAN_F32), GAN_OK);
    assert_int_equal(gan_layer_tensor_count(g), 12);
    for (int32_t i = 0; i < 12; i++) {
        assert_string_equal(gan_layer_tensor_name(g, i), expected[i]);
        assert_int_equal(gan_layer_tensor_is_parameter(g, i), trained[i]);
        assert_ptr_equal(gan_layer_find(g, expected[i]), gan_layer_tensor(g, i));
    }
    assert_null(gan_layer_tensor(g, 12));
    assert_null(gan_layer_tensor(g, -1));
    assert_null(gan_layer_tensor_name(g, 12));
    assert_null(gan_layer_find(g, "3.weight"));
    assert_null(gan_layer_find(g, NULL));
    assert_true(
        gan_shape_equal(gan_tensor_shape(gan_layer_find(g, "4.weight")), gan_shape_4d(128, 64, 4, 4))); /* I x O */
    assert_true(
        gan_shape_equal(gan_tensor_shape(gan_layer_find(d, "2.weight")), gan_shape_4d(128, 64, 4, 4))); /* O x I */
    gan_layer_release(g);
    gan_layer_release(d);
}

static void initialisers(void **state) {
    (void)state;
    gan_layer *g, *d;
    assert_int_equal(networks_make(&g, &d, context, networks_find("dcgan28"), GAN_F64), GAN_OK);
    for (int side = 0; side < 2; side++) {
        gan_layer *net = side ? d : g;
        for (int32_t i = 0; i < gan_layer_tensor_count(net); i++) {
            const gan_tensor *t = gan_layer_tensor(net, i);
            const char *name = strchr(gan_layer_tensor_name(net, i), '.') + 1;
            double *values = compare_read(t), mean = 0, var = 0, n = (double)gan_tensor_count(t);
            int is_norm = gan_tensor_shape(t).rank == 1 && strcmp(name, "weight") == 0;
            for (int64_t k = 0; k < gan_tensor_count(t); k++) mean += values[k] / n;
            for (int64_t k = 0; k < gan_tensor_count(t); k++) var += pow(values[k] - mean, 2) / n;
            if (strcmp(name, "weight") == 0) {
                assert_true(fabs(mean - is_norm) < 5 * 0.02 / sqrt(n));
                assert_true(fabs(sqrt(var) / 0.02 - 1) < 5 / sqrt(2 * n));
            } else {
                assert_true(mean == (strcmp(name, "running_var") == 0) && var == 0);
            }
            free(values);
        }
    }
    /* PyTorch's default: uniform with bound 1 / sqrt(fan_in), for the bias too; of a transposed convolution fan_in = O
     * * area */
    assert_int_equal(gan_layer_init_default(g), GAN_OK);
    assert_int_equal(gan_layer_init_default(d), GAN_OK);
    static const struct {
        const char *name;
        int side;
        double fan_in;
    } bounds[] = {{"0.weight", 0, 100}, {"4.weight", 0, 64 * 16}, {"7.weight", 0, 16},
                  {"0.weight", 1, 16},  {"0.bias", 1, 16},        {"6.weight", 1, 6272}};
    for (int i = 0; i < 6; i++) {
        gan_tensor *t = gan_layer_find(bounds[i].side ? d : g, bounds[i].name);
        double *values = compare_read(t), most = 0, bound = 1 / sqrt(bounds[i].fan_in), square = 0,
               n = (double)gan_tensor_count(t);
        for (int64_t k = 0; k < gan_tensor_count(t); k++) {
            most = fmax(most, fabs(values[k]));
            square += values[k] * values[k] / n;
        }
        assert_true(most < bound && most > bound * (1 - 10 / n));
        assert_true(fabs(square - bound * bound / 3) < 5 * bound * bound * sqrt(4.0 / 45 / n));
        free(values);
    }
    assert_int_equal(gan_layer_init_default(NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_init_dcgan(NULL), GAN_E_ARGUMENT);
    /* the same seed, the same weights; each network takes its own numbers */
    gan_layer *again, *other;
    gan_context_set_seed(context, 5);
    assert_int_equal(networks_make(&again, &other, context, networks_find("dcgan28"), GAN_F32), GAN_OK);
    gan_tensor *kept;
    assert_int_equal(gan_tensor_clone(&kept, gan_layer_find(again, "4.weight")), GAN_OK);
    assert_int_equal(gan_layer_init_dcgan(again), GAN_OK);
    assert_true(gan_tensor_item(kept, 0) != gan_tensor_item(gan_layer_find(again, "4.weight"), 0));
    gan_context_set_seed(context, 5);
    assert_int_equal(gan_layer_init_dcgan(again), GAN_OK);
    assert_true(compare_same_bits("again", gan_layer_find(again, "4.weight"), kept));
    gan_tensor_release(kept);
    gan_layer_release(again);
    gan_layer_release(other);
    gan_layer_release(g);
    gan_layer_release(d);
}

/* A network is what its operations are. */
static void forward_is_composition(void **state) {
    (void)state;
    gan_builder *b = begin(gan_shape_3d(2, 5, 5));
    gan_add_conv2d(b, 3, 3, 2, 1, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 2, 4, 2, 1, NULL);
    gan_add_sigmoid(b);
    gan_add_flatten(b);
    gan_add_linear(b, 4, NULL);
    gan_add_tanh(b);
    gan_layer *net = end(b);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(3, 2, 5, 5), -1, 1, 1);
    gan_tensor *h =
        gan_relu(tape, gan_conv2d(tape, x, gan_layer_find(net, "0.weight"), gan_layer_find(net, "0.bias"), 2, 1, NULL));
    h = gan_sigmoid(tape, gan_conv_transpose2d(tape, h, gan_layer_find(net, "2.weight"), gan_layer_find(net, "2.bias"),
                                               2, 1, NULL));
    h = gan_reshape(tape, h, gan_shape_2d(3, -1));
    h = gan_tanh(tape, gan_linear(tape, h, gan_layer_find(net, "5.weight"), gan_layer_find(net, "5.bias")));
    gan_tensor *y = gan_layer_forward(tape, net, x);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(compare_same_bits("network", y, h));
    /* an empty batch */
    gan_tensor *none = host_uniform(context, GAN_F64, gan_shape_4d(0, 2, 5, 5), -1, 1, 1);
    assert_true(gan_shape_equal(gan_tensor_shape(gan_layer_forward(tape, net, none)), gan_shape_2d(0, 4)));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(none);
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* |values| reach 1 / sqrt(fan_in), and no further. */
static void check_fan_in(const gan_layer *net, const char *name, double fan_in) {
    const gan_tensor *tensor = gan_layer_find(net, name);
    double *values = compare_read(tensor), most = 0;
    for (int64_t i = 0; i < gan_tensor_count(tensor); i++) most = fmax(most, fabs(values[i]));
    assert_true(most <= 1 / sqrt(fan_in) && most > 0.8 / sqrt(fan_in));
    free(values);
}

/* Groups, dilation and windows that are not square: the layers' weights, and that they pass every option on. */
static void convolution_options(void **state) {
    (void)state;
    gan_weight_options w;
    gan_weight_options_init(&w);
    w.kernel_w = 2;
    w.stride_w = 1;
    w.padding_w = 3;
    w.dilation = 2;
    w.dilation_w = 4;
    w.groups = 3;
    gan_builder *b = begin(gan_shape_3d(6, 13, 12));
    gan_add_conv2d(b, 12, 3, 2, 1, &w);
    w.output_padding = 1;
    w.output_padding_w = 3;
    gan_add_conv_transpose2d(b, 9, 3, 2, 1, &w);
    gan_layer *net = end(b);
    assert_true(gan_shape_equal(gan_tensor_shape(gan_layer_find(net, "0.weight")), gan_shape_4d(12, 2, 3, 2)));
    assert_true(gan_shape_equal(gan_tensor_shape(gan_layer_find(net, "1.weight")), gan_shape_4d(12, 3, 3, 2)));
    check_fan_in(net, "0.weight", 2 * 3 * 2);
    check_fan_in(net, "0.bias", 2 * 3 * 2);
    check_fan_in(net, "1.weight", 3 * 3 * 2);
    gan_conv_options o;
    gan_conv_options_init(&o);
    o.stride_w = 1;
    o.padding_w = 3;
    o.dilation = 2;
    o.dilation_w = 4;
    o.groups = 3;
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(2, 6, 13, 12), -1, 1, 1);
    gan_tensor *h = gan_conv2d(tape, x, gan_layer_find(net, "0.weight"), gan_layer_find(net, "0.bias"), 2, 1, &o);
    assert_true(gan_shape_equal(gan_tensor_shape(h), gan_shape_4d(2, 12, 6, 14))); /* 13 + 2 - 5 in 2s; 12 + 6 - 5 */
    o.output_padding = 1;
    o.output_padding_w = 3;
    h = gan_conv_transpose2d(tape, h, gan_layer_find(net, "1.weight"), gan_layer_find(net, "1.bias"), 2, 1, &o);
    assert_true(gan_shape_equal(gan_tensor_shape(h), gan_shape_4d(2, 9, 14, 15)));
    gan_tensor *y = gan_layer_forward(tape, net, x);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_shape_equal(gan_layer_output_shape(net, 0), gan_shape_3d(9, 14, 15)));
    assert_true(compare_same_bits("network", y, h));
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* What a module reads without being tracked itself (a flattened input, here with two readers) is still needed by the
 * gradient of its reader's weights. */
static void untracked_results_that_weights_need(void **state) {
    (void)state;
    gan_builder *b = begin(gan_shape_3d(1, 2, 3));
    gan_add_flatten(b);
    gan_add_relu(b);
    gan_builder_label(b, "positive");
    gan_add_linear(b, 6, NULL);
    gan_add_sum(b, "positive");
    gan_add_tanh(b);
    gan_layer *net = end(b);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(3, 1, 2, 3), 0.5, 1, 1),
               *weight = gan_layer_find(net, "2.weight");
    gan_tensor *g = gan_gradient(tape, gan_layer_forward(tape, net, x), weight, 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_int_equal(gan_tensor_count(g), 36);
    assert_true(gan_tensor_item(g, 0) > 0);
    gan_tensor_release(x);
    gan_layer_release(net);
}

static void batch_norm_modes(void **state) {
    (void)state;
    for (int spatial = 0; spatial < 2; spatial++) {
        gan_batch_norm_options o;
        gan_batch_norm_options_init(&o);
        o.momentum = 0.25;
        gan_builder *b = begin(spatial ? gan_shape_3d(3, 2, 2) : gan_shape_1d(3));
        gan_add_batch_norm(b, &o);
        gan_layer *net = end(b);
        gan_shape shape = spatial ? gan_shape_4d(5, 3, 2, 2) : gan_shape_2d(5, 3);
        int64_t area = spatial ? 4 : 1, n = 5 * area;
        double mean[3] = {0, 0, 0}, var[3] = {1, 1, 1};
        gan_tensor *x = NULL;
        for (int round = 0; round < 3; round++) {
            gan_tensor_release(x);
            x = host_uniform(context, GAN_F64, shape, -1, 3, (uint64_t)round);
            gan_layer_forward(tape, net, x);
            for (int64_t c = 0; c < 3; c++) {
                double m = 0, v = 0;
                for (int64_t i = 0; i < n; i++)
                    m += gan_tensor_item(x, (i / area * 3 + c) * area + i % area) / (double)n;
                for (int64_t i = 0; i < n; i++)
                    v += pow(gan_tensor_item(x, (i / area * 3 + c) * area + i % area) - m, 2);
                mean[c] = 0.75 * mean[c] + 0.25 * m;
                var[c] = 0.75 * var[c] + 0.25 * v / (double)(n - 1); /* unbiased, as PyTorch */
                assert_true(
                    compare_number("mean", gan_tensor_item(gan_layer_find(net, "0.running_mean"), c), mean[c], 1e-14));
                assert_true(
                    compare_number("var", gan_tensor_item(gan_layer_find(net, "0.running_var"), c), var[c], 1e-14));
            }
        }
        /* evaluation: the running statistics, which stay; each image on its own */
        gan_layer_set_training(net, 0);
        assert_false(gan_layer_is_training(net));
        gan_tensor *y = gan_layer_forward(tape, net, x),
                   *one = gan_layer_forward(tape, net, gan_slice(tape, x, 0, 2, 1));
        for (int64_t i = 0; i < 15 * area; i++) {
            int64_t c = i / area % 3;
            assert_true(compare_number("eval", gan_tensor_item(y, i),
                                       (gan_tensor_item(x, i) - mean[c]) / sqrt(var[c] + 1e-5), 1e-13));
        }
        for (int64_t i = 0; i < 3 * area; i++)
            assert_true(gan_tensor_item(one, i) == gan_tensor_item(y, 2 * 3 * area + i));
        assert_true(gan_tensor_item(gan_layer_find(net, "0.running_mean"), 1) == mean[1] ||
                    fabs(gan_tensor_item(gan_layer_find(net, "0.running_mean"), 1) - mean[1]) < 1e-14);
        /* moving statistics behind a recorded evaluation is no error: it took copies */
        gan_tensor *w = gan_watch(tape, x), *recorded = gan_layer_forward(tape, net, w);
        gan_layer_set_training(net, 1);
        gan_layer_forward(tape, net, x);
        gan_gradient(tape, recorded, w, 0);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        /* one value a channel is too few to train on */
        gan_tensor *single = gan_slice(tape, x, 0, 0, 1);
        gan_layer_forward(tape, net, single);
        assert_int_equal(gan_tape_status(tape), spatial ? GAN_OK : GAN_E_SHAPE);
        gan_tape_reset(tape);
        gan_tensor_release(x);
        gan_layer_release(net);
    }
}

static void batch_norm_options(void **state) {
    (void)state;
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    o.affine = 0;
    o.track_running_stats = 0;
    gan_builder *b = begin(gan_shape_1d(3));
    gan_add_batch_norm(b, &o);
    gan_layer *net = end(b);
    assert_int_equal(gan_layer_tensor_count(net), 0);
    assert_true(gan_layer_parameter_count(net) == 0);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_2d(4, 3), -1, 1, 1),
               *train = gan_layer_forward(tape, net, x);
    gan_layer_set_training(net, 0);
    assert_true(compare_same_bits("batch statistics in both modes", gan_layer_forward(tape, net, x), train));
    gan_tensor_release(x);
    gan_layer_release(net);
    o.track_running_stats = 1;
    b = begin(gan_shape_1d(3));
    gan_add_batch_norm(b, &o);
    net = end(b);
    assert_int_equal(gan_layer_tensor_count(net), 2);
    assert_string_equal(gan_layer_tensor_name(net, 0), "0.running_mean");
    gan_layer_release(net);
}

static gan_tensor *evaluate(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_layer_forward(t, user, xs[0]);
}

static void batch_norm_evaluation_is_differentiable(void **state) {
    (void)state;
    gan_builder *b = begin(gan_shape_3d(3, 2, 2));
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_tanh(b);
    gan_layer *net = end(b);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_4d(2, 3, 2, 2), -1, 1, 1);
    gan_layer_forward(tape, net, x);
    gan_layer_set_training(net, 0);
    assert_true(gradcheck(context, "evaluation", evaluate, net, &x, 1, 1e-8));
    assert_true(gradgradcheck(context, "evaluation", evaluate, net, &x, 1, 1e-8));
    gan_tensor_release(x);
    gan_layer_release(net);
}

/* Two inputs, a trunk with two readers, a skip, both joints. */
static gan_layer *make_graph(void) {
    gan_builder *b = begin(gan_shape_3d(2, 4, 4));
    gan_builder_input(b, "code", gan_shape_3d(1, 4, 4));
    assert_true(gan_shape_equal(gan_builder_shape(b), gan_shape_3d(1, 4, 4)));
    gan_add_concat(b, "input"); /* code, then input */
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_builder_label(b, "trunk");
    gan_add_conv2d(b, 4, 3, 1, 1, NULL);
    gan_add_sum(b, "trunk");
    gan_builder_label(b, "skip");
    gan_builder_from(b, "trunk");
    gan_add_conv2d(b, 1, 1, 1, 0, NULL);
    gan_add_concat(b, "skip");
    gan_add_flatten(b);
    gan_add_linear(b, 2, NULL);
    return end(b);
}

static gan_tensor *apply_graph(gan_tape *t, gan_tensor *const *xs, void *user) {
    gan_tensor *y;
    gan_layer_forward_many(t, user, xs, 2, &y, 1);
    return y;
}

static void graphs(void **state) {
    (void)state;
    gan_layer *net = make_graph();
    gan_tensor *xs[2] = {host_uniform(context, GAN_F64, gan_shape_4d(2, 2, 4, 4), -1, 1, 1),
                         host_uniform(context, GAN_F64, gan_shape_4d(2, 1, 4, 4), -1, 1, 2)};
    assert_int_equal(gan_layer_input_count(net), 2);
    gan_tensor *joined[2] = {xs[1], xs[0]}, *y;
    gan_layer_forward_many(tape, net, xs, 2, &y, 1);
#define P(NAME) gan_layer_find(net, NAME)
    gan_tensor *trunk = gan_leaky_relu(
        tape, gan_conv2d(tape, gan_concat(tape, joined, 2, 1), P("1.weight"), P("1.bias"), 1, 1, NULL), 0.2);
    gan_tensor *skip = gan_add(tape, gan_conv2d(tape, trunk, P("3.weight"), P("3.bias"), 1, 1, NULL), trunk);
    gan_tensor *ends[2] = {gan_conv2d(tape, trunk, P("5.weight"), P("5.bias"), 1, 0, NULL), skip};
    gan_tensor *flat = gan_reshape(tape, gan_concat(tape, ends, 2, 1), gan_shape_2d(2, -1));
    gan_tensor *expected = gan_linear(tape, flat, P("8.weight"), P("8.bias"));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(compare_same_bits("graph", y, expected));
    /* the gradient of what is shared is the sum over its readers */
    gan_tensor *weight = P("1.weight");
    assert_true(
        compare_tensors("shared", gan_gradient(tape, y, weight, 0), gan_gradient(tape, expected, weight, 0), 1e-14));
    assert_true(gradcheck(context, "graph", apply_graph, net, xs, 2, 1e-8));
    assert_true(gradgradcheck(context, "graph", apply_graph, net, xs, 2, 1e-8));
    /* inputs that do not fit */
    gan_layer_forward(tape, net, xs[0]);
    assert_int_equal(gan_tape_status(tape), GAN_E_ARGUMENT);
    gan_tape_reset(tape);
    apply_graph(tape, joined, net);
    assert_int_equal(gan_tape_status(tape), GAN_E_SHAPE);
    assert_non_null(strstr(gan_tape_error(tape), "'input'"));
    assert_non_null(strstr(gan_tape_error(tape), "2x1x4x4"));
    gan_tape_reset(tape);
    gan_tensor *mixed[2] = {xs[0], gan_slice(tape, xs[1], 0, 0, 1)};
    apply_graph(tape, mixed, net);
    assert_int_equal(gan_tape_status(tape), GAN_E_SHAPE);
    gan_tape_reset(tape);
    mixed[1] = NULL;
    apply_graph(tape, mixed, net);
    assert_int_equal(gan_tape_status(tape), GAN_E_ARGUMENT);
    gan_tape_reset(tape);
    gan_tensor *narrow = host_uniform(context, GAN_F32, gan_shape_4d(2, 2, 4, 4), -1, 1, 1);
    mixed[0] = narrow;
    mixed[1] = xs[1];
    apply_graph(tape, mixed, net);
    assert_int_equal(gan_tape_status(tape), GAN_E_DTYPE);
    gan_tensor_release(narrow);
    gan_tensor_release(xs[0]);
    gan_tensor_release(xs[1]);
    gan_layer_release(net);
}

static gan_tensor *labels_of(gan_shape shape, int32_t first) {
    gan_tensor *labels;
    assert_int_equal(gan_tensor_create(&labels, context, GAN_I32, shape), GAN_OK);
    int32_t *values = gan_tensor_data(labels);
    for (int64_t i = 0; i < gan_tensor_count(labels); i++) values[i] = first + (int32_t)i;
    return labels;
}

static void index_inputs(void **state) {
    (void)state;
    gan_builder *b = begin(gan_shape_1d(2));
    gan_builder_input_indices(b, "label", gan_shape_1d(2), 10); /* not used: it must be given all the same */
    gan_builder_from(b, "input");
    gan_add_tanh(b);
    gan_layer *net = end(b);
    assert_int_equal(gan_layer_input_dtype(net, 0), GAN_F64);
    assert_int_equal(gan_layer_input_dtype(net, 1), GAN_I32);
    assert_int_equal(gan_layer_input_dtype(net, 2), 0);
    assert_int_equal(gan_layer_input_dtype(NULL, 0), 0);
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_2d(3, 2), -1, 1, 1);
    static const struct {
        int32_t first;
        gan_status status;
        const char *words;
    } cases[] = {{0, GAN_OK, ""},
                 {4, GAN_OK, ""},
                 {5, GAN_E_ARGUMENT, "'label' holds 10, which is not in 0 to 9"},
                 {-1, GAN_E_ARGUMENT, "holds -1"}};
    for (int i = 0; i < 4; i++) {
        gan_tensor *xs[2] = {x, labels_of(gan_shape_2d(3, 2), cases[i].first)};
        gan_tape_reset(tape);
        apply_graph(tape, xs, net);
        assert_int_equal(gan_tape_status(tape), cases[i].status);
        assert_non_null(strstr(gan_tape_error(tape), cases[i].words));
        gan_tensor_release(xs[1]);
    }
    /* a view: only what it shows is looked at */
    gan_tensor *all = labels_of(gan_shape_2d(3, 4), 0), *view, *xs[2] = {x, NULL};
    assert_int_equal(gan_tensor_slice(&view, all, 1, 0, 2), GAN_OK); /* 0 1, 4 5, 8 9 */
    xs[1] = view;
    gan_tape_reset(tape);
    apply_graph(tape, xs, net);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(view);
    assert_int_equal(gan_tensor_slice(&view, all, 1, 1, 2), GAN_OK); /* 1 2, 5 6, 9 10 */
    xs[1] = view;
    apply_graph(tape, xs, net);
    assert_int_equal(gan_tape_status(tape), GAN_E_ARGUMENT);
    gan_tape_reset(tape);
    xs[1] = x;
    apply_graph(tape, xs, net);
    assert_int_equal(gan_tape_status(tape), GAN_E_DTYPE);
    assert_non_null(strstr(gan_tape_error(tape), "i32"));
    gan_tensor_release(view);
    gan_tensor_release(all);
    gan_tensor_release(x);
    gan_layer_release(net);
}

static void an_input_as_output(void **state) {
    (void)state;
    gan_layer *net = end(begin(gan_shape_1d(3)));
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_2d(2, 3), -1, 1, 1), *y = gan_layer_forward(tape, net, x);
    assert_true(compare_same_bits("identity", y, x));
    assert_true(gan_shape_equal(gan_layer_output_shape(net, 0), gan_shape_1d(3)));
    gan_tensor_release(x);
    gan_layer_release(net);
}

static void clones(void **state) {
    (void)state;
    gan_layer *net = make_graph(), *copy = NULL;
    gan_layer_set_training(net, 0);
    uint64_t position = gan_context_position(context, GAN_STREAM_INIT);
    assert_int_equal(gan_layer_clone(&copy, net), GAN_OK);
    assert_true(gan_context_position(context, GAN_STREAM_INIT) == position);
    assert_false(gan_layer_is_training(copy));
    assert_int_equal(gan_layer_tensor_count(copy), gan_layer_tensor_count(net));
    for (int32_t i = 0; i < gan_layer_tensor_count(net); i++) {
        assert_string_equal(gan_layer_tensor_name(copy, i), gan_layer_tensor_name(net, i));
        assert_true(compare_same_bits("clone", gan_layer_tensor(copy, i), gan_layer_tensor(net, i)));
        assert_ptr_not_equal(gan_layer_tensor(copy, i), gan_layer_tensor(net, i));
    }
    gan_tensor *xs[2] = {host_uniform(context, GAN_F64, gan_shape_4d(2, 2, 4, 4), -1, 1, 1),
                         host_uniform(context, GAN_F64, gan_shape_4d(2, 1, 4, 4), -1, 1, 2)};
    assert_true(compare_same_bits("output", apply_graph(tape, xs, copy), apply_graph(tape, xs, net)));
    assert_int_equal(gan_tensor_fill(gan_layer_tensor(net, 0), 7), GAN_OK);
    assert_true(gan_tensor_item(gan_layer_tensor(copy, 0), 0) != 7);
    assert_ptr_equal(gan_layer_retain(copy), copy);
    gan_layer_release(copy);
    gan_layer_release(copy);
    copy = net;
    assert_int_equal(gan_layer_clone(&copy, NULL), GAN_E_ARGUMENT);
    assert_null(copy);
    assert_int_equal(gan_layer_clone(NULL, net), GAN_E_ARGUMENT);
    gan_tensor_release(xs[0]);
    gan_tensor_release(xs[1]);
    gan_layer_release(net);
    gan_layer_release(NULL);
}

static void summaries(void **state) {
    (void)state;
    gan_layer *net = make_graph();
    char text[4096], cut[64], one[1];
    int64_t needed = gan_layer_summary(net, text, sizeof text);
    assert_true(needed == (int64_t)strlen(text));
    int lines = 0;
    for (const char *p = text; *p != '\0'; p++) lines += *p == '\n';
    assert_true(lines >= 9 + 1);
    assert_non_null(strstr(text, "conv2d"));
    assert_non_null(strstr(text, "4x4x4"));
    char total[32];
    snprintf(total, sizeof total, "%lld", (long long)gan_layer_parameter_count(net));
    assert_non_null(strstr(text, total));
    memset(cut, 'x', sizeof cut);
    assert_true(gan_layer_summary(net, cut, 20) == needed);
    assert_int_equal(strlen(cut), 19);
    assert_memory_equal(cut, text, 19);
    assert_int_equal(cut[20], 'x');
    assert_true(gan_layer_summary(net, one, 1) == needed);
    assert_int_equal(one[0], '\0');
    assert_true(gan_layer_summary(net, NULL, 0) == needed);
    assert_true(gan_layer_summary(NULL, text, sizeof text) == 0);
    gan_layer_release(net);
}

/* Ends a builder that must have failed: the status, and what the message must contain. */
static void assert_refused(gan_builder *b, gan_status status, const char *where, const char *what) {
    gan_layer *layer = (gan_layer *)(uintptr_t)1;
    assert_int_equal(gan_builder_shape(b).rank, 0);
    assert_int_equal(gan_builder_end(&layer, b), status);
    assert_null(layer);
    if (strstr(gan_context_error(context), where) == NULL || strstr(gan_context_error(context), what) == NULL)
        fprintf(stderr, "message: %s\n", gan_context_error(context));
    assert_non_null(strstr(gan_context_error(context), where));
    assert_non_null(strstr(gan_context_error(context), what));
}

static void errors_name_the_layer(void **state) {
    (void)state;
    gan_builder *b = begin(gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, 4, 4, 2, 1, NULL);
    gan_add_relu(b);
    gan_add_linear(b, 5, NULL);           /* not flattened */
    gan_add_conv2d(b, 4, 99, 1, 0, NULL); /* would be wrong too: the first error counts */
    assert_refused(b, GAN_E_SHAPE, "layer 2", "4x4x4");
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, 4, 9, 1, 0, NULL);
    assert_refused(b, GAN_E_SHAPE, "layer 0", "conv2d");
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_relu(b);
    gan_add_conv2d(b, 4, 3, 0, 0, NULL);
    assert_refused(b, GAN_E_ARGUMENT, "layer 1", "stride");
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, -4, 3, 1, 0, NULL);
    assert_refused(b, GAN_E_ARGUMENT, "layer 0", "channels");
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_reshape(b, gan_shape_1d(191));
    assert_refused(b, GAN_E_SHAPE, "layer 0", "3x8x8");
    b = begin(gan_shape_1d(8));
    gan_add_linear(b, 0, NULL);
    assert_refused(b, GAN_E_ARGUMENT, "layer 0", "linear");
    b = begin(gan_shape_1d(8));
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, NULL);
    assert_refused(b, GAN_E_SHAPE, "layer 0", "8");
    b = begin(gan_shape_1d(8));
    gan_add_leaky_relu(b, INFINITY);
    assert_refused(b, GAN_E_ARGUMENT, "layer 0", "its slope is inf; it must be finite");
    b = begin(gan_shape_1d(8));
    gan_add_sum(b, "nowhere");
    assert_refused(b, GAN_E_ARGUMENT, "layer 0", "nowhere");
    b = begin(gan_shape_1d(8));
    gan_add_linear(b, 4, NULL);
    gan_add_sum(b, "input");
    assert_refused(b, GAN_E_SHAPE, "layer 1", "sum");
    b = gan_builder_begin_indices(context, gan_shape_1d(8), 10);
    gan_add_relu(b);
    assert_refused(b, GAN_E_DTYPE, "layer 0 (relu)", "indices");
    b = gan_builder_begin_indices(context, gan_shape_1d(8), 0);
    assert_refused(b, GAN_E_ARGUMENT, "limit", "at least 1");
    b = begin(gan_shape_1d(8));
    gan_builder_input_indices(b, "label", gan_shape_0d(), ((int64_t)1 << 31) + 1);
    assert_refused(b, GAN_E_ARGUMENT, "'label'", "2147483648");
    b = begin(gan_shape_1d(8));
    gan_builder_input(b, "input", gan_shape_1d(3));
    assert_refused(b, GAN_E_ARGUMENT, "'input'", "taken");
    b = begin(gan_shape_1d(8));
    gan_add_relu(b);
    gan_builder_label(b, "");
    assert_refused(b, GAN_E_ARGUMENT, "name", "1 to");
    b = begin(gan_shape_1d(8));
    gan_builder_label(b, NULL);
    assert_refused(b, GAN_E_ARGUMENT, "name", "NULL");
    b = begin(gan_shape_1d(0));
    assert_refused(b, GAN_E_SHAPE, "'input'", "0");
    b = gan_builder_begin(context, gan_shape_1d(3));
    gan_builder_set_dtype(b, GAN_I32);
    assert_refused(b, GAN_E_DTYPE, "f32", "f64");
    b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_relu(b);
    gan_builder_set_dtype(b, GAN_F64);
    assert_refused(b, GAN_E_STATE, "type", "first layer");
    b = begin(gan_shape_1d(1000000));
    gan_add_linear(b, (int64_t)1 << 50, NULL);
    assert_refused(b, GAN_E_LIMIT, "layer 0", "weight");
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.output_padding = 1;
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, 3, 3, 2, 1, &o);
    assert_refused(b, GAN_E_ARGUMENT, "conv2d", "output_padding");
    const struct {
        size_t member;
        int64_t value;
        const char *word;
    } wrong[] = {{offsetof(gan_weight_options, groups), 2, "groups"},
                 {offsetof(gan_weight_options, groups), 0, "groups"},
                 {offsetof(gan_weight_options, kernel_w), 0, "kernel"},
                 {offsetof(gan_weight_options, stride_w), 0, "stride"},
                 {offsetof(gan_weight_options, padding_w), -2, "padding"},
                 {offsetof(gan_weight_options, dilation), 0, "dilation"},
                 {offsetof(gan_weight_options, dilation_w), 40000, "dilation"},
                 {offsetof(gan_weight_options, output_padding_w), 3, "output_padding"}};
    for (size_t i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++) {
        size_t k = i / 2;
        gan_weight_options_init(&o);
        memcpy((char *)&o + wrong[k].member, &wrong[k].value, sizeof(int64_t));
        b = begin(gan_shape_3d(3, 8, 8));
        if (i % 2 == 0)
            gan_add_conv2d(b, 3, 3, 2, 1, &o);
        else
            gan_add_conv_transpose2d(b, 3, 3, 2, 1, &o);
        assert_refused(b, GAN_E_ARGUMENT, i % 2 == 0 ? "conv2d" : "conv_transpose2d", wrong[k].word);
        b = begin(gan_shape_1d(8));
        gan_add_linear(b, 3, &o);
        assert_refused(b, GAN_E_ARGUMENT, "linear", "convolutions only");
    }
    gan_weight_options_init(&o);
    o.reserved = 1;
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, 3, 3, 2, 1, &o);
    assert_refused(b, GAN_E_UNSUPPORTED, "conv2d", "reserved");
    gan_instance_norm_options in;
    gan_instance_norm_options_init(&in);
    in.reserved = 1;
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_instance_norm(b, &in);
    assert_refused(b, GAN_E_UNSUPPORTED, "instance_norm", "reserved");
    gan_layer_norm_options ln;
    gan_layer_norm_options_init(&ln);
    ln.reserved = 1;
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_layer_norm(b, &ln);
    assert_refused(b, GAN_E_UNSUPPORTED, "layer_norm", "reserved");
    memset(&o, 0, sizeof o);
    b = begin(gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, 3, 3, 2, 1, &o); /* never initialised */
    assert_refused(b, GAN_E_ARGUMENT, "conv2d", "init");
    gan_batch_norm_options n;
    gan_batch_norm_options_init(&n);
    n.epsilon = 0;
    b = begin(gan_shape_1d(8));
    gan_add_batch_norm(b, &n);
    assert_refused(b, GAN_E_ARGUMENT, "layer 0", "epsilon");
}

static void inert_builders(void **state) {
    (void)state;
    gan_layer *layer = (gan_layer *)(uintptr_t)1;
    memory.fail_at = atomic_load(&memory.calls) + 1;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    memory.fail_at = 0;
    assert_non_null(b);
    gan_builder_set_dtype(b, GAN_F64);
    gan_builder_input(b, "more", gan_shape_1d(2));
    gan_add_linear(b, 3, NULL);
    gan_builder_label(b, "x");
    gan_builder_from(b, "x");
    gan_add_sum(b, "x");
    assert_int_equal(gan_builder_shape(b).rank, 0);
    assert_int_equal(gan_builder_end(&layer, b), GAN_E_MEMORY);
    assert_null(layer);
    b = gan_builder_begin(NULL, gan_shape_1d(3));
    assert_non_null(b);
    gan_add_relu(b);
    assert_true(gan_builder_end(&layer, b) < 0);
    assert_int_equal(gan_builder_end(&layer, NULL), GAN_E_ARGUMENT);
    gan_add_relu(NULL);
    gan_add_linear(NULL, 3, NULL);
    gan_add_concat(NULL, "x");
    gan_builder_label(NULL, "x");
    b = begin(gan_shape_1d(3));
    assert_int_equal(gan_builder_end(NULL, b), GAN_E_ARGUMENT); /* consumed all the same */
    /* every allocation of building may fail */
    for (long long fail_at = 1;; fail_at++) {
        memory.fail_at = atomic_load(&memory.calls) + fail_at;
        b = gan_builder_begin(context, gan_shape_3d(1, 4, 4));
        gan_builder_input(b, "code", gan_shape_1d(16));
        gan_builder_from(b, "input");
        gan_add_conv2d(b, 2, 3, 1, 1, NULL);
        gan_add_batch_norm(b, NULL);
        gan_add_flatten(b);
        gan_add_concat(b, "code");
        gan_add_linear(b, 1, NULL);
        gan_status status = gan_builder_end(&layer, b);
        memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_null(layer);
    }
    gan_layer_release(layer);
}

static void nothing(void **state) {
    (void)state;
    assert_true(gan_layer_parameter_count(NULL) == 0);
    assert_int_equal(gan_layer_tensor_count(NULL), 0);
    assert_null(gan_layer_tensor(NULL, 0));
    assert_null(gan_layer_tensor_name(NULL, 0));
    assert_int_equal(gan_layer_input_count(NULL), 0);
    assert_int_equal(gan_layer_output_shape(NULL, 0).rank, 0);
    assert_int_equal(gan_layer_dtype(NULL), 0);
    assert_null(gan_layer_retain(NULL));
    gan_layer_set_training(NULL, 1);
    assert_int_equal(gan_layer_is_training(NULL), 0);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(known_networks),
        TEST(names),
        TEST(initialisers),
        TEST(forward_is_composition),
        TEST(convolution_options),
        TEST(untracked_results_that_weights_need),
        TEST(batch_norm_modes),
        TEST(batch_norm_options),
        TEST(batch_norm_evaluation_is_differentiable),
        TEST(graphs),
        TEST(index_inputs),
        TEST(an_input_as_output),
        TEST(clones),
        TEST(summaries),
        TEST(errors_name_the_layer),
        TEST(inert_builders),
        TEST(nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
