/* Layers of ProGAN and StyleGAN: the identities that hold of them exactly, derivatives of both orders, both precisions,
 * what is refused. Values against PyTorch are in golden/test_golden_styles.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "layer_fixture.h"

#define MAPS gan_shape_3d(3, 4, 5)

/* The layer that `add` adds: derivatives of both orders, single precision, an empty batch unless that is refused. */
static void check(const layer_fixture *f, const char *name, void (*add)(gan_builder *), gan_shape item, int empty) {
    gan_builder *b = layer_fixture_begin(f, item);
    add(b);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_shape shape = gan_shape_1d(4);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    gan_tensor *x = host_uniform(f->context, GAN_F64, shape, -2, 2, 5);
    layer_fixture_check_layer(f, name, layer, x);
    if (empty) {
        gan_tensor *y = layer_fixture_forward(f, layer, gan_slice(f->tape, x, 0, 0, 0));
        assert_true(gan_tensor_shape(y).size[0] == 0);
    }
    layer_fixture_single(f, name, add, item);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* ---- pixel norm ---- */

static void add_pixel_norm(gan_builder *b) { gan_add_pixel_norm(b, NULL); }

/* Every pixel has mean square 1. */
static void pixel_norm(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, MAPS);
    gan_add_pixel_norm(b, NULL);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 4, 5), -3, 3, 1),
               *y = layer_fixture_forward(f, layer, x);
    for (int64_t n = 0; n < 2; n++)
        for (int64_t pixel = 0; pixel < 20; pixel++) {
            double sum = 0;
            for (int64_t c = 0; c < 3; c++) sum += pow(gan_tensor_item(y, (n * 3 + c) * 20 + pixel), 2);
            assert_true(compare_number("mean square", sum / 3, 1, 1e-5));
        }
    gan_tensor_release(x);
    gan_layer_release(layer);
    check(f, "pixel_norm", add_pixel_norm, MAPS, 1);
    check(f, "pixel_norm", add_pixel_norm, gan_shape_1d(6), 1);
    b = layer_fixture_begin(f, gan_shape_0d());
    gan_add_pixel_norm(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (pixel_norm)", "scalar");
    static const double wrong[] = {0, -1, INFINITY, NAN};
    static const char *const shown[] = {"its epsilon is 0;", "is -1;", "is inf;",
                                        "nan; it must be above 0, and finite"};
    for (int i = 0; i < 4; i++) {
        gan_pixel_norm_options o;
        gan_pixel_norm_options_init(&o);
        o.epsilon = wrong[i];
        b = layer_fixture_begin(f, MAPS);
        gan_add_pixel_norm(b, &o);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (pixel_norm)", shown[i]);
    }
}

/* ---- minibatch standard deviation ---- */

static gan_layer *make_std(const layer_fixture *f, int64_t group) {
    gan_minibatch_std_options o;
    gan_minibatch_std_options_init(&o);
    o.group = group;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(2, 2, 3));
    gan_add_minibatch_std(b, &o);
    gan_layer *layer = layer_fixture_end(f, b);
    assert_true(gan_shape_equal(gan_layer_output_shape(layer, 0), gan_shape_3d(3, 2, 3)));
    return layer;
}

/* The layer at a batch: the first channels are the input, and item n has the deviation `expected[n % groups]`. */
static void check_std(const layer_fixture *f, gan_layer *layer, gan_tensor *x, int64_t groups, const double *expected) {
    gan_tensor *y = layer_fixture_forward(f, layer, x);
    for (int64_t n = 0; n < gan_tensor_shape(x).size[0]; n++)
        for (int64_t i = 0; i < 18; i++) {
            double given = gan_tensor_item(y, n * 18 + i);
            if (i < 12)
                assert_true(given == gan_tensor_item(x, n * 12 + i));
            else
                assert_true(compare_number("deviation", given, expected[n % groups], 1e-14));
        }
}

/* The deviation of group m by plain loops. */
static double deviation(const gan_tensor *x, int64_t m, int64_t groups, int64_t size) {
    int64_t members = gan_tensor_shape(x).size[0] / groups;
    double sum = 0;
    for (int64_t i = 0; i < size; i++) {
        double mean = 0, variance = 0;
        for (int64_t g = 0; g < members; g++) mean += gan_tensor_item(x, (g * groups + m) * size + i);
        mean /= (double)members;
        for (int64_t g = 0; g < members; g++)
            variance += pow(gan_tensor_item(x, (g * groups + m) * size + i) - mean, 2);
        sum += sqrt(variance / (double)members + 1e-8);
    }
    return sum / (double)size;
}

/* The deviation within a group, and which items are one. */
static void minibatch_std(void **state) {
    layer_fixture *f = *state;
    static const struct {
        int64_t group, batch, groups;
    } cases[] = {{4, 8, 2},
                 {4, 4, 1},
                 {4, 3, 1},
                 {4, 1, 1},
                 {2, 6, 3},
                 {1, 3, 3},
                 {GAN_WHOLE_BATCH, 14, 1},
                 {16, 14, 1},
                 {GAN_WHOLE_BATCH, 3, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gan_layer *layer = make_std(f, cases[i].group);
        gan_shape shape = gan_shape_4d(cases[i].batch, 2, 2, 3);
        gan_tensor *x = host_uniform(f->context, GAN_F64, shape, -1, 1, i);
        double expected[4];
        for (int64_t m = 0; m < cases[i].groups; m++) expected[m] = deviation(x, m, cases[i].groups, 12);
        check_std(f, layer, x, cases[i].groups, expected);
        gan_layer_set_training(layer, 0);
        check_std(f, layer, x, cases[i].groups, expected);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
    gan_layer *layer = make_std(f, 2);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 2, 2, 3), -1, 1, 7);
    double *data = gan_tensor_data(x);
    memcpy(data + 12, data, 12 * sizeof *data); /* identical images: the root of epsilon */
    check_std(f, layer, x, 1, &(double){1e-4});
    for (int i = 0; i < 12; i++) data[i] = data[12 + i] - 3; /* that differ by 3 everywhere: half of it */
    check_std(f, layer, x, 1, &(double){sqrt(2.25 + 1e-8)});
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* The tangent of the gradient of the deviations, (vc - (x - mu) sd' / sd) / (G sd), sd' = mean over g of
 * (x_g - mu) vc_g / sd, for a tangent v with group-centred form vc. */
static void minibatch_std_tangent(void **state) {
    layer_fixture *f = *state;
    enum { GROUP = 4, GROUPS = 2, SIZE = 12, COUNT = GROUP * GROUPS * SIZE };
    gan_layer *layer = make_std(f, GROUP);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(8, 2, 2, 3), -1, 1, 3);
    gan_tensor *v = host_uniform(f->context, GAN_F64, gan_shape_4d(8, 2, 2, 3), -1, 1, 4);
    gan_tensor *w = gan_watch(f->tape, x), *s = gan_slice(f->tape, layer_fixture_forward(f, layer, w), 1, 2, 1);
    gan_tensor *g = gan_gradient(f->tape, s, w, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *h = gan_gradient(f->tape, gan_mul(f->tape, g, v), w, 0);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    double expected[COUNT];
    for (int m = 0; m < GROUPS; m++)
        for (int i = 0; i < SIZE; i++) {
            double mu = 0, vm = 0, variance = 0, moved = 0;
            for (int k = 0; k < GROUP; k++) {
                mu += gan_tensor_item(x, (k * GROUPS + m) * SIZE + i) / GROUP;
                vm += gan_tensor_item(v, (k * GROUPS + m) * SIZE + i) / GROUP;
            }
            for (int k = 0; k < GROUP; k++) {
                double d = gan_tensor_item(x, (k * GROUPS + m) * SIZE + i) - mu;
                variance += d * d / GROUP;
                moved += d * (gan_tensor_item(v, (k * GROUPS + m) * SIZE + i) - vm) / GROUP;
            }
            double sd = sqrt(variance + 1e-8), ds = GROUP * 6; /* ones over the members' pixels */
            moved /= sd;
            for (int k = 0; k < GROUP; k++) {
                int at = (k * GROUPS + m) * SIZE + i;
                double d = gan_tensor_item(x, at) - mu, vc = gan_tensor_item(v, at) - vm;
                expected[at] = ds / SIZE * (vc - d * moved / sd) / (GROUP * sd);
            }
        }
    double *actual = compare_read(h);
    assert_true(compare_values("tangent", actual, expected, COUNT, 1e-12, 0));
    free(actual);
    gan_tensor_release(x);
    gan_tensor_release(v);
    gan_layer_release(layer);
}

static void add_minibatch_std(gan_builder *b) {
    gan_minibatch_std_options o;
    gan_minibatch_std_options_init(&o);
    o.group = GAN_WHOLE_BATCH;
    gan_add_minibatch_std(b, &o);
}
static void add_minibatch_pairs(gan_builder *b) {
    gan_minibatch_std_options o;
    gan_minibatch_std_options_init(&o);
    o.group = 2;
    gan_add_layer_norm(b, NULL); /* something before it */
    gan_add_minibatch_std(b, &o);
}

static void minibatch_std_errors(void **state) {
    layer_fixture *f = *state;
    check(f, "minibatch_std", add_minibatch_std, MAPS, 0);
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
    add_minibatch_pairs(b);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(4, 5), -1, 1, 3);
    layer_fixture_check_layer(f, "minibatch_std", layer, x);
    gan_tensor_release(x);
    gan_layer_release(layer);
    layer = make_std(f, 4);
    x = host_uniform(f->context, GAN_F64, gan_shape_4d(6, 2, 2, 3), -1, 1, 3);
    gan_layer_forward(f->tape, layer, x);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_SHAPE);
    assert_string_equal(gan_tape_error(f->tape), "minibatch_std: groups of 4 do not divide a batch of 6; give a batch "
                                                 "that is a multiple, or a smaller group");
    gan_tape_reset(f->tape);
    gan_layer_forward(f->tape, layer, gan_slice(f->tape, x, 0, 0, 0));
    assert_int_equal(gan_tape_status(f->tape), GAN_E_SHAPE);
    assert_non_null(strstr(gan_tape_error(f->tape), "batch of 0"));
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_layer_release(layer);
    gan_minibatch_std_options o;
    gan_minibatch_std_options_init(&o);
    assert_true(o.group == 4 && o.epsilon == 1e-8);
    o.group = -1;
    b = layer_fixture_begin(f, MAPS);
    gan_add_minibatch_std(b, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (minibatch_std)", "groups of -1: at least 1 is needed");
    o.group = 4;
    o.epsilon = 0;
    b = layer_fixture_begin(f, MAPS);
    gan_add_minibatch_std(b, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (minibatch_std)", "epsilon");
    b = layer_fixture_begin(f, gan_shape_0d());
    gan_add_minibatch_std(b, NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (minibatch_std)", "scalar");
}

/* ---- adaptive instance norm ---- */

static gan_builder *begin_styled(const layer_fixture *f, gan_shape maps, gan_shape style) {
    gan_builder *b = layer_fixture_begin(f, maps);
    gan_builder_input(b, "style", style);
    gan_builder_from(b, "input");
    return b;
}

/* Each channel has mean y_b and standard deviation |1 + y_s|. */
static void adaptive_instance_norm(void **state) {
    layer_fixture *f = *state;
    for (int32_t one_plus = 0; one_plus < 2; one_plus++) {
        gan_adaptive_instance_norm_options o;
        gan_adaptive_instance_norm_options_init(&o);
        assert_true(o.one_plus == 1 && o.epsilon == 1e-8);
        o.one_plus = one_plus;
        gan_builder *b = begin_styled(f, MAPS, gan_shape_1d(6));
        gan_add_adaptive_instance_norm(b, "style", &o);
        gan_layer *layer = layer_fixture_end(f, b);
        gan_tensor *xs[2] = {host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 4, 5), -1, 4, 1),
                             host_uniform(f->context, GAN_F64, gan_shape_2d(2, 6), -2, 2, 2)};
        gan_tensor *y = layer_fixture_apply_two(f->tape, xs, layer);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        for (int64_t n = 0; n < 2; n++)
            for (int64_t c = 0; c < 3; c++) {
                double mean = 0, variance = 0, s = gan_tensor_item(xs[1], n * 6 + c) + one_plus;
                for (int64_t i = 0; i < 20; i++) mean += gan_tensor_item(y, (n * 3 + c) * 20 + i) / 20;
                for (int64_t i = 0; i < 20; i++)
                    variance += pow(gan_tensor_item(y, (n * 3 + c) * 20 + i) - mean, 2) / 20;
                assert_true(compare_number("mean", mean, gan_tensor_item(xs[1], n * 6 + 3 + c), 1e-4));
                assert_true(compare_number("deviation", sqrt(variance), fabs(s), 1e-4));
            }
        layer_fixture_check(f, "adaptive_instance_norm", layer_fixture_apply_two, layer, xs, 2);
        gan_tensor_release(xs[0]);
        gan_tensor_release(xs[1]);
        gan_layer_release(layer);
    }
}

static void adaptive_instance_norm_errors(void **state) {
    layer_fixture *f = *state;
    static const char *const place = "layer 0 (adaptive_instance_norm)";
    gan_builder *b = begin_styled(f, MAPS, gan_shape_1d(5));
    gan_add_adaptive_instance_norm(b, "style", NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, place, "its style has shape 5; for an input of shape 3x4x5 it must");
    b = begin_styled(f, MAPS, gan_shape_2d(6, 1));
    gan_add_adaptive_instance_norm(b, "style", NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, place, "2 values a channel, 6");
    b = begin_styled(f, gan_shape_3d(3, 1, 1), gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, "style", NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, place, "several values a channel");
    b = begin_styled(f, gan_shape_1d(3), gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, "style", NULL);
    layer_fixture_refused(f, b, GAN_E_SHAPE, place, "several values a channel");
    b = begin_styled(f, MAPS, gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, "stile", NULL);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "builder", "'stile'");
    b = begin_styled(f, MAPS, gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, NULL, NULL);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "builder", "NULL");
    gan_adaptive_instance_norm_options o;
    gan_adaptive_instance_norm_options_init(&o);
    o.one_plus = 2;
    b = begin_styled(f, MAPS, gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, "style", &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "adaptive_instance_norm", "one_plus is 2");
    o.one_plus = 1;
    o.reserved = 1;
    b = begin_styled(f, MAPS, gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, "style", &o);
    layer_fixture_refused(f, b, GAN_E_UNSUPPORTED, "adaptive_instance_norm", "reserved");
    o.reserved = 0;
    o.epsilon = -1;
    b = begin_styled(f, MAPS, gan_shape_1d(6));
    gan_add_adaptive_instance_norm(b, "style", &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, place, "epsilon");
}

/* ---- constant ---- */

static void constant(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(7));
    gan_add_constant(b, MAPS);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *weight = gan_layer_find(layer, "0.weight");
    assert_true(gan_layer_parameter_count(layer) == 60 && gan_tensor_item(weight, 59) == 1);
    assert_int_equal(gan_tensor_fill_uniform(weight, -1, 1, 1, 2, 3), GAN_OK);
    for (int64_t batch = 0; batch < 3; batch++) {
        gan_tensor *x = gan_full(f->tape, GAN_F64, gan_shape_2d(batch, 7), NAN),
                   *y = layer_fixture_forward(f, layer, x);
        assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_4d(batch, 3, 4, 5)));
        for (int64_t i = 0; i < 60 * batch; i++) assert_true(gan_tensor_item(y, i) == gan_tensor_item(weight, i % 60));
        gan_tensor *g = gan_gradient(f->tape, y, weight, 0);
        assert_true(gan_tensor_item(g, 7) == (double)batch);
        gan_tape_reset(f->tape);
    }
    gan_layer_release(layer);
    static const gan_shape wrong[] = {{.rank = 2, .size = {3, 0}},
                                      {.rank = 2, .size = {3, -1}},
                                      {.rank = 8, .size = {1, 1, 1, 1, 1, 1, 1, 1}},
                                      {.rank = -1, .size = {0}}};
    for (int i = 0; i < 4; i++) {
        b = layer_fixture_begin(f, gan_shape_1d(7));
        gan_add_constant(b, wrong[i]);
        layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (constant)", "cannot have shape");
    }
}

/* ---- truncation ---- */

static void set(gan_layer *layer, const char *name, double value) {
    assert_non_null(gan_layer_find(layer, name));
    assert_int_equal(gan_tensor_fill(gan_layer_find(layer, name), value), GAN_OK);
}

/* psi = 0 gives the same for every latent vector, psi = 1 is no truncation. */
static void truncation(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
    gan_add_truncation(b, NULL);
    gan_layer *layer = layer_fixture_end(f, b), *copy;
    assert_true(gan_layer_parameter_count(layer) == 0 && gan_layer_tensor_count(layer) == 2);
    assert_true(gan_tensor_item(gan_layer_find(layer, "0.psi"), 0) == 0.7);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(3, 5), -1, 2, 3);
    gan_tensor *average = gan_layer_find(layer, "0.average");
    double expected[5] = {0};
    for (int step = 0; step < 3; step++) {
        assert_true(compare_same_bits("training", layer_fixture_forward(f, layer, x), x));
        for (int64_t i = 0; i < 5; i++) {
            double mean = 0;
            for (int64_t n = 0; n < 3; n++) mean += gan_tensor_item(x, n * 5 + i) / 3;
            expected[i] = 0.995 * expected[i] + 0.005 * mean;
            assert_true(compare_number("average", gan_tensor_item(average, i), expected[i], 1e-15));
        }
    }
    layer_fixture_forward(f, layer, gan_slice(f->tape, x, 0, 0, 0)); /* an empty batch has no mean */
    assert_true(compare_number("average", gan_tensor_item(average, 4), expected[4], 1e-15));
    gan_layer_set_training(layer, 0);
    assert_int_equal(gan_layer_clone(&copy, layer), GAN_OK);
    for (int i = 0; i < 2; i++) {
        gan_layer *tested = i == 0 ? layer : copy;
        gan_tensor *y = layer_fixture_forward(f, tested, x);
        for (int64_t k = 0; k < 15; k++)
            assert_true(compare_number("psi 0.7", gan_tensor_item(y, k),
                                       expected[k % 5] + 0.7 * (gan_tensor_item(x, k) - expected[k % 5]), 1e-14));
        layer_fixture_check_layer(f, "truncation", tested, x);
        set(tested, "0.psi", 1);
        y = layer_fixture_forward(f, tested, x);
        for (int64_t k = 0; k < 15; k++) assert_true(gan_tensor_item(y, k) == gan_tensor_item(x, k));
        set(tested, "0.psi", 0);
        y = layer_fixture_forward(f, tested, x);
        for (int64_t k = 0; k < 15; k++) assert_true(gan_tensor_item(y, k) == gan_tensor_item(average, k % 5));
    }
    assert_true(compare_number("average", gan_tensor_item(average, 4), expected[4], 1e-15)); /* evaluation leaves it */
    gan_layer_set_training(layer, 1);
    assert_int_equal(gan_layer_init_default(layer), GAN_OK);
    assert_true(gan_tensor_item(average, 2) == 0 && gan_tensor_item(gan_layer_find(layer, "0.psi"), 0) == 0.7);
    gan_tensor_release(x);
    gan_layer_release(layer);
    gan_layer_release(copy);
}

static void truncation_errors(void **state) {
    layer_fixture *f = *state;
    static const double psis[] = {NAN, INFINITY, 0, 0, 0}, decays[] = {0.5, 0.5, -0.1, 1.1, NAN};
    static const char *const shown[] = {"nan; it must be finite", "its psi is inf;",
                                        "its decay is -0.1; it must be in 0 to 1", "its decay is 1.1;", "nan;"};
    for (int i = 0; i < 5; i++) {
        gan_truncation_options o;
        gan_truncation_options_init(&o);
        o.psi = psis[i];
        o.decay = decays[i];
        gan_builder *b = layer_fixture_begin(f, gan_shape_1d(5));
        gan_add_truncation(b, &o);
        layer_fixture_refused(f, b, GAN_E_ARGUMENT, "layer 0 (truncation)", shown[i]);
    }
}

/* ---- fade ---- */

/* At the ends the result is exactly one of the two. alpha may change between passes, not between a pass and its
 * gradient. */
static void fade(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = begin_styled(f, MAPS, MAPS);
    gan_add_fade(b, "style");
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *alpha = gan_layer_find(layer, "0.alpha");
    assert_true(gan_tensor_item(alpha, 0) == 1 && gan_layer_parameter_count(layer) == 0);
    gan_tensor *xs[2] = {host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 4, 5), -1, 1, 1),
                         host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 4, 5), -1, 1, 2)};
    for (int which = 0; which < 2; which++) {
        set(layer, "0.alpha", 1 - which);
        gan_tensor *y = layer_fixture_apply_two(f->tape, xs, layer);
        for (int64_t i = 0; i < 120; i++) assert_true(gan_tensor_item(y, i) == gan_tensor_item(xs[which], i));
    }
    double quarter = 0.25;
    assert_int_equal(gan_tensor_write(alpha, &quarter, sizeof quarter), GAN_OK);
    layer_fixture_check(f, "fade", layer_fixture_apply_two, layer, xs, 2);
    gan_tensor *watched[2] = {gan_watch(f->tape, xs[0]), xs[1]}, *y = layer_fixture_apply_two(f->tape, watched, layer);
    set(layer, "0.alpha", 0.5);
    gan_gradient(f->tape, y, watched[0], 0);
    assert_int_equal(gan_tape_status(f->tape), GAN_E_STATE);
    gan_tape_reset(f->tape);
    gan_tensor_release(xs[0]);
    gan_tensor_release(xs[1]);
    gan_layer_release(layer);
    b = begin_styled(f, MAPS, gan_shape_3d(3, 4, 4));
    gan_add_fade(b, "style");
    layer_fixture_refused(f, b, GAN_E_SHAPE, "layer 0 (fade)", "shapes 3x4x5 and 3x4x4; they must be equal");
    b = layer_fixture_begin(f, MAPS);
    gan_add_fade(b, "old");
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "builder", "'old'");
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(pixel_norm),
                                       TEST(minibatch_std),
                                       TEST(minibatch_std_tangent),
                                       TEST(minibatch_std_errors),
                                       TEST(adaptive_instance_norm),
                                       TEST(adaptive_instance_norm_errors),
                                       TEST(constant),
                                       TEST(truncation),
                                       TEST(truncation_errors),
                                       TEST(fade)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
