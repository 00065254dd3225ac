/* Forms of weights (spectral norm, spectral regularisation, weight norm, equalised) and self-attention against PyTorch
 * in double precision: five steps of an optimizer with all of the state, the calls that change weights beside it, and
 * penalties on gradients. make_weights.py says what is computed. */
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

#include "golden.h"
#include "host.h"
#include "weights.inc"

enum { STEPS = 5, BATCH = 6, MAX_PARAMETERS = 16 };
#define TOLERANCE 1e-10

/* ---- names, values ---- */

static char text[256];
static const char *at(const char *name, const char *rest) {
    snprintf(text, sizeof text, "%s/%s", name, rest);
    return text;
}
static const char *at_step(const char *name, int step, const char *mark, const char *rest) {
    snprintf(text, sizeof text, "%s/%d/%s%s", name, step, mark, rest);
    return text;
}

static uint64_t stream(const char *name) { /* also in make_weights.py */
    uint64_t h = 0;
    for (; *name != '\0'; name++) h = (31 * h + (unsigned char)*name) % ((uint64_t)1 << 30);
    return h;
}

static int ends_with(const char *name, const char *end) {
    size_t a = strlen(name), b = strlen(end);
    return a >= b && strcmp(name + a - b, end) == 0;
}
static int begins_with(const char *name, const char *start) { return strncmp(name, start, strlen(start)) == 0; }

/* Parameters and state, by their names. "2.0.weight" of a network inside is "2.0.weight" in Python too. */
static void fill(const char *name, gan_layer *layer) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const char *own = gan_layer_tensor_name(layer, i);
        gan_tensor *t = gan_layer_tensor(layer, i);
        double rows = (double)gan_tensor_shape(t).size[0], count = (double)gan_tensor_count(t), bound = 1, low = -1;
        int is_weight = ends_with(own, ".weight") || ends_with(own, ".weight_orig") ||
                        (ends_with(own, ".weight_v") && gan_layer_tensor_is_parameter(layer, i));
        if (is_weight) { /* rounded as Python's is */
            char digits[32];
            snprintf(digits, sizeof digits, "%.4f", 2 / sqrt(count / rows));
            bound = strtod(digits, NULL);
            low = -bound;
        }
        if (ends_with(own, ".weight_g")) {
            low = 0.5;
            bound = 1.5;
        }
        golden_fill(t, stream(at(name, own)), low, bound);
        if (ends_with(own, ".weight_gamma")) assert_int_equal(gan_init_constant(t, 0), GAN_OK);
    }
}

static gan_tensor *uniform(gan_context *context, const char *name, const char *rest, gan_shape shape) {
    return golden_uniform(context, stream(at(name, rest)), shape, -1, 1);
}

/* ---- forms ---- */

static gan_weight_options options_of(const char *name) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    if (begins_with(name, "sn") || begins_with(name, "projected")) o.form = GAN_WEIGHT_SPECTRAL_NORM;
    if (begins_with(name, "wn")) o.form = GAN_WEIGHT_NORM;
    if (begins_with(name, "eq")) o.form = GAN_WEIGHT_EQUALIZED;
    if (begins_with(name, "static") || begins_with(name, "dynamic")) o.form = GAN_WEIGHT_SPECTRAL_REGULARIZATION;
    if (strstr(name, "static") != NULL) o.compensation = GAN_COMPENSATION_STATIC;
    if (strstr(name, "dynamic") != NULL) o.compensation = GAN_COMPENSATION_DYNAMIC;
    if (begins_with(name, "sn3")) {
        o.power_iterations = 3;
        o.epsilon = 1e-6;
    }
    if (begins_with(name, "eqm")) {
        o.gain = 1;
        o.multiplier = 0.01;
    }
    if (strstr(name, "static3") != NULL) o.compensated = 3;
    return o;
}

/* ---- networks ---- */

static void add_tail(gan_builder *b) {
    gan_add_tanh(b);
    gan_add_flatten(b);
    gan_add_linear(b, 2, NULL);
}

static void add_attention(gan_builder *b, const char *name) {
    gan_self_attention_options o;
    gan_weight_options w = options_of("sn");
    gan_self_attention_options_init(&o);
    w.bias = 0;
    if (ends_with(name, "attention_sn")) o.weights = &w;
    if (ends_with(name, "attention_paper")) {
        o.key_channels = 2;
        o.value_channels = 1;
        o.pool = 1;
    }
    if (ends_with(name, "attention_values")) {
        gan_weight_options_init(&w);
        o.weights = &w;
        o.pool = 1;
        o.output = 0;
    }
    gan_add_self_attention(b, &o);
}

static gan_layer *end(gan_context *context, gan_builder *b) {
    gan_layer *layer = NULL;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(context));
    return layer;
}

/* A linear layer of (embed(y) + 1) h(x), which is near to a projection discriminator. */
static gan_layer *make_projection(gan_context *context, const gan_weight_options *o) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(5));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, 4, o);
    gan_add_tanh(b);
    gan_builder_label(b, "h");
    gan_builder_input_indices(b, "labels", gan_shape_0d(), 7);
    gan_add_embedding_with(b, 7, 4, o);
    gan_add_product(b, "h");
    gan_add_sum(b, "h");
    gan_add_linear(b, 1, o);
    return end(context, b);
}

static gan_layer *make_trained(gan_context *context, const char *name) {
    gan_weight_options o = options_of(name);
    if (ends_with(name, "projection")) return make_projection(context, &o);
    int grouped = ends_with(name, "grouped"), attention = begins_with(name, "attention");
    gan_builder *b = gan_builder_begin(context, ends_with(name, "linear") ? gan_shape_1d(5)
                                                                          : gan_shape_3d(attention ? 2
                                                                                         : grouped ? 4
                                                                                                   : 3,
                                                                                         4, 6));
    gan_builder_set_dtype(b, GAN_F64);
    if (grouped) o.groups = 2;
    if (attention) {
        gan_add_conv2d(b, 8, 3, 1, 1, NULL);
        add_attention(b, name);
    } else if (ends_with(name, "linear")) {
        gan_add_linear(b, 4, &o);
        gan_add_tanh(b);
        gan_add_linear(b, 2, NULL);
        return end(context, b);
    } else if (grouped && strstr(name, "transposed") != NULL) {
        gan_add_conv_transpose2d(b, 6, 3, 1, 1, &o);
    } else if (grouped) {
        gan_add_conv2d(b, 6, 3, 1, 1, &o);
    } else if (ends_with(name, "transposed")) {
        gan_add_conv_transpose2d(b, 5, 4, 2, 1, &o);
    } else {
        gan_add_conv2d(b, 5, 3, 2, 1, &o);
    }
    add_tail(b);
    return end(context, b);
}

/* ---- training ---- */

typedef struct trainee {
    const char *name;
    gan_tape *tape;
    gan_layer *layer;
    gan_tensor *inputs[2], *labels[2], *target;
} trainee;

static gan_tensor *forward(const trainee *t, int which, gan_tensor *x) {
    gan_tensor *xs[2] = {x, t->labels[which]}, *y;
    gan_layer_forward_many(t->tape, t->layer, xs, gan_layer_input_count(t->layer), &y, 1);
    return y;
}

/* The network is applied twice before anything is differentiated, and moves on in between. */
static gan_tensor *loss_of(const trainee *t, gan_tensor *x) {
    gan_tensor *first = forward(t, 0, x), *second = forward(t, 1, t->inputs[1]);
    gan_tensor *squares = gan_mean(t->tape, gan_square(t->tape, gan_sub(t->tape, first, t->target)));
    return gan_add(t->tape, squares, gan_tanh(t->tape, gan_sum(t->tape, gan_mul(t->tape, second, t->target))));
}

static void check_step(const trainee *t, gan_optimizer *optimizer, int step) {
    gan_layer *layer = t->layer;
    gan_tensor *xs[1 + MAX_PARAMETERS], *gs[1 + MAX_PARAMETERS];
    const char *names[1 + MAX_PARAMETERS];
    int32_t count = 1;
    gan_tape_reset(t->tape);
    xs[0] = gan_watch(t->tape, t->inputs[0]);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        if (!gan_layer_tensor_is_parameter(layer, i)) continue;
        names[count] = gan_layer_tensor_name(layer, i);
        xs[count++] = gan_layer_tensor(layer, i);
    }
    gan_tensor *loss = loss_of(t, xs[0]);
    gan_gradients(t->tape, loss, NULL, xs, count, GAN_GRAD_RETAIN, gs);
    if (gan_tape_status(t->tape) != GAN_OK) fail_msg("%s: %s", t->name, gan_tape_error(t->tape));
    assert_true(golden_check(at_step(t->name, step, "", "loss"), loss, TOLERANCE, 0));
    assert_true(golden_check(at_step(t->name, step, "", "dx"), gs[0], TOLERANCE, 1e-3));
    for (int32_t i = 1; i < count; i++)
        assert_true(golden_check(at_step(t->name, step, "d", names[i]), gs[i], TOLERANCE, 1e-3));
    assert_int_equal(gan_optimizer_step(optimizer, t->tape, loss), GAN_OK);
    if (begins_with(t->name, "projected")) assert_int_equal(gan_layer_compensate(t->tape, layer), GAN_OK);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        assert_true(golden_check(at_step(t->name, step, "", gan_layer_tensor_name(layer, i)),
                                 gan_layer_tensor(layer, i), TOLERANCE, 0));
}

static gan_optimizer *make_optimizer(gan_layer *layer, int is_adam) {
    gan_optimizer *optimizer = NULL;
    if (is_adam) {
        gan_adam_options o;
        gan_adam_options_init(&o);
        o.learning_rate = 0.05;
        o.beta1 = 0.5;
        o.beta2 = 0.9;
        assert_int_equal(gan_adam_create(&optimizer, layer, &o), GAN_OK);
    } else {
        gan_sgd_options o;
        gan_sgd_options_init(&o);
        o.learning_rate = 0.1;
        o.momentum = 0.9;
        assert_int_equal(gan_sgd_create(&optimizer, layer, &o), GAN_OK);
    }
    return optimizer;
}

static gan_tensor *labels_of(gan_context *context, int64_t count, int reversed) {
    static const int32_t labels[BATCH] = {0, 6, 3, 3, 1, 5};
    gan_tensor *t;
    assert_int_equal(gan_tensor_create(&t, context, GAN_I32, gan_shape_1d(count)), GAN_OK);
    for (int i = 0; i < count; i++) ((int32_t *)gan_tensor_data(t))[i] = labels[reversed ? BATCH - 1 - i : i];
    return t;
}

static void train_in(gan_context *context, const char *name, int is_adam) {
    trainee t = {.name = name, .layer = make_trained(context, name)};
    gan_shape shape = gan_layer_input_shape(t.layer, 0), items = gan_shape_1d(BATCH);
    assert_int_equal(gan_tape_create(&t.tape, context), GAN_OK);
    for (int32_t i = 0; i < shape.rank; i++) items.size[items.rank++] = shape.size[i];
    fill(name, t.layer);
    t.inputs[0] = uniform(context, name, "x0", items);
    t.inputs[1] = uniform(context, name, "x1", items);
    t.target = uniform(context, name, "target", gan_shape_2d(BATCH, gan_layer_output_shape(t.layer, 0).size[0]));
    for (int i = 0; i < 2; i++) t.labels[i] = labels_of(context, BATCH, i);
    gan_optimizer *optimizer = make_optimizer(t.layer, is_adam);
    for (int step = 0; step < STEPS; step++) check_step(&t, optimizer, step);
    gan_layer_set_training(t.layer, 0);
    gan_tape_reset(t.tape);
    assert_true(golden_check(at(name, "eval"), forward(&t, 0, t.inputs[0]), TOLERANCE, 0));
    for (int i = 0; i < 2; i++) {
        gan_tensor_release(t.inputs[i]);
        gan_tensor_release(t.labels[i]);
    }
    gan_tensor_release(t.target);
    gan_optimizer_release(optimizer);
    gan_layer_release(t.layer);
    gan_tape_release(t.tape);
    gan_context_release(context);
}

static void train(const char *name, int is_adam) { train_in(host_context(1), name, is_adam); }

static void training(void **state) {
    (void)state;
    static const char *const forms[] = {"sn", "sn3", "wn", "eq", "eqm", "static", "dynamic"};
    static const char *const layers[] = {"linear", "conv", "transposed"};
    static const char *const grouped[] = {"sn_grouped", "sn_transposed_grouped", "eq_transposed_grouped",
                                          "dynamic_transposed_grouped"};
    char name[64];
    int k = 0; /* every other one by Adam */
    for (int f = 0; f < 7; f++)
        for (int l = 0; l < 3; l++) {
            snprintf(name, sizeof name, "%s_%s", forms[f], layers[l]);
            train(name, k++ % 2);
        }
    train("static3_conv", k % 2);
    for (int i = 0; i < 4; i++) train(grouped[i], i % 2);
    train("sn_projection", 1);
    train("wn_projection", 1);
    train("dynamic_projection", 1);
}

static void attention(void **state) {
    (void)state;
    static const char *const names[] = {"attention", "attention_paper", "attention_values", "attention_sn"};
    for (int i = 0; i < 4; i++) train(names[i], i % 2);
}

/* ---- calls that change weights ---- */

/* By the library's own decomposition, which a deterministic context has, and by LAPACK's, if there is one. */
static void projection(void **state) {
    (void)state;
    static const char *const names[] = {"projected_static_linear",      "projected_static_conv",
                                        "projected_static3_transposed", "projected_dynamic_linear",
                                        "projected_dynamic_conv",       "projected_dynamic_transposed"};
    for (int own = 0; own < 2; own++)
        for (int i = 0; i < 6; i++) train_in(host_context_with(1, GAN_LEVEL_AUTO, own, NULL), names[i], i % 2);
}

static void fit(const char *name, int training) {
    gan_context *context = host_context(1);
    gan_weight_options o = options_of("wn"), bare = o, grouped = o;
    bare.bias = 0;
    grouped.groups = 2;
    gan_tape *tape;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(3, 4, 6));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_conv2d(b, 5, 3, 2, 1, &o);
    gan_add_relu(b);
    gan_add_conv2d(b, 4, 3, 1, 1, &bare);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv_transpose2d(b, 6, 4, 2, 1, &o);
    gan_add_tanh(b);
    gan_add_conv2d(b, 4, 3, 2, 1, NULL);
    gan_add_conv2d(b, 6, 3, 2, 1, &grouped);
    gan_add_flatten(b);
    gan_add_linear(b, 3, &o);
    gan_layer *layer = end(context, b);
    fill(name, layer);
    double *variance = gan_tensor_data(gan_layer_find(layer, "3.running_var"));
    for (int i = 0; i < 4; i++) variance[i] = fabs(variance[i]);
    gan_layer_set_training(layer, training);
    gan_tensor *x = uniform(context, name, "x0", gan_shape_4d(BATCH, 3, 4, 6));
    gan_tensor *other = uniform(context, name, "x1", gan_shape_4d(BATCH, 3, 4, 6));
    if (gan_layer_init_from_data(tape, layer, &x, 1) != GAN_OK) fail_msg("%s", gan_context_error(context));
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        assert_true(golden_check(at(name, gan_layer_tensor_name(layer, i)), gan_layer_tensor(layer, i), TOLERANCE, 0));
    assert_true(golden_check(at(name, "y"), gan_layer_forward(tape, layer, other), TOLERANCE, 0));
    gan_tensor_release(x);
    gan_tensor_release(other);
    gan_layer_release(layer);
    gan_tape_release(tape);
    gan_context_release(context);
}

static void by_data(void **state) {
    (void)state;
    fit("fitted_training", 1);
    fit("fitted_evaluation", 0);
}

/* ---- penalties ---- */

static gan_layer *make_penalised(gan_context *context, const char *name) {
    const char *form = strchr(name, '_') + 1;
    gan_weight_options o = options_of(form);
    if (ends_with(name, "projection")) return make_projection(context, &o);
    gan_builder *b = gan_builder_begin(context, begins_with(name, "path") ? gan_shape_1d(5) : gan_shape_3d(2, 6, 6));
    gan_builder_set_dtype(b, GAN_F64);
    if (begins_with(name, "path")) {
        gan_add_linear(b, 36, &o);
        gan_add_tanh(b);
        gan_add_reshape(b, gan_shape_3d(4, 3, 3));
        gan_add_conv_transpose2d(b, 2, 4, 2, 1, &o);
        gan_add_tanh(b);
    } else if (begins_with(form, "attention")) {
        gan_add_conv2d(b, 8, 3, 1, 1, NULL);
        add_attention(b, name);
        gan_add_softplus(b);
        gan_add_flatten(b);
        gan_add_linear(b, 1, NULL);
    } else {
        gan_add_conv2d(b, 4, 3, 1, 1, &o);
        gan_add_tanh(b);
        gan_add_conv2d(b, 5, 4, 2, 1, &o);
        gan_add_softplus(b);
        gan_add_flatten(b);
        gan_add_linear(b, 1, &o);
    }
    return end(context, b);
}

static void penalise(const char *name) {
    gan_context *context = host_context(1);
    trainee t = {.name = name, .layer = make_penalised(context, name)};
    int path = begins_with(name, "path");
    gan_shape shape = gan_layer_input_shape(t.layer, 0).rank == 1 ? gan_shape_2d(3, 5) : gan_shape_4d(3, 2, 6, 6);
    gan_tensor *ps[MAX_PARAMETERS], *gs[MAX_PARAMETERS];
    const char *names[MAX_PARAMETERS];
    int32_t count = 0;
    assert_int_equal(gan_tape_create(&t.tape, context), GAN_OK);
    fill(name, t.layer);
    t.inputs[0] = uniform(context, name, "x", shape);
    t.labels[0] = labels_of(context, 3, 0);
    for (int32_t i = 0; i < gan_layer_tensor_count(t.layer); i++) {
        if (!gan_layer_tensor_is_parameter(t.layer, i)) continue;
        names[count] = gan_layer_tensor_name(t.layer, i);
        ps[count++] = gan_layer_tensor(t.layer, i);
    }
    gan_tensor *x = gan_watch(t.tape, t.inputs[0]), *y = forward(&t, 0, x), *weights = NULL;
    if (path) {
        weights = uniform(context, name, "y", gan_tensor_shape(y));
        y = gan_mul(t.tape, y, weights);
    }
    gan_tensor *g = gan_gradient(t.tape, gan_sum(t.tape, y), x, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *squares = gan_sum_axes(t.tape, gan_square(t.tape, g), shape.rank == 2 ? 2u : 0xEu, 0), *penalty;
    if (begins_with(name, "r1")) {
        penalty = gan_scale(t.tape, gan_mean(t.tape, squares), 0.5);
    } else {
        penalty = gan_add_scalar(t.tape, gan_sqrt(t.tape, squares), path ? -0.1 : -1);
        penalty = gan_scale(t.tape, gan_mean(t.tape, gan_square(t.tape, penalty)), path ? 1 : 10);
    }
    gan_gradients(t.tape, penalty, NULL, ps, count, 0, gs);
    if (gan_tape_status(t.tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(t.tape));
    assert_true(golden_check(at(name, "penalty"), penalty, TOLERANCE, 0));
    for (int32_t i = 0; i < count; i++) {
        char own[96];
        snprintf(own, sizeof own, "d%s", names[i]);
        assert_true(golden_check(at(name, own), gs[i], TOLERANCE, 1e-2));
    }
    gan_tensor_release(t.inputs[0]);
    gan_tensor_release(t.labels[0]);
    gan_tensor_release(weights);
    gan_layer_release(t.layer);
    gan_tape_release(t.tape);
    gan_context_release(context);
}

static void penalties(void **state) {
    (void)state;
    static const char *const forms[] = {"sn", "wn", "eq", "static", "dynamic"}, *const kinds[] = {"r1", "gp", "path"};
    char name[64];
    for (int k = 0; k < 3; k++) {
        for (int f = 0; f < 5; f++) {
            snprintf(name, sizeof name, "%s_%s", kinds[k], forms[f]);
            penalise(name);
        }
        snprintf(name, sizeof name, "%s_attention", kinds[k]);
        if (k < 2) penalise(name);
        snprintf(name, sizeof name, "%s_attention_sn", kinds[k]);
        if (k < 2) penalise(name);
    }
    penalise("gp_sn_projection");
}

static int open_book(void **state) {
    (void)state;
    GOLDEN_OPEN(goldens);
    return 0;
}
static int close_book(void **state) {
    (void)state;
    return !golden_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(training), cmocka_unit_test(attention),
                                       cmocka_unit_test(projection), cmocka_unit_test(by_data),
                                       cmocka_unit_test(penalties)};
    return cmocka_run_group_tests(tests, open_book, close_book);
}
