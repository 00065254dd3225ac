/* Losses with labels: cross-entropy and the semi-supervised discriminator. Exact facts, the ends of the number line,
 * derivatives of second order, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "layer_fixture.h"

enum { CLASSES = 3 };

static gan_loss *semi_supervised(const layer_fixture *f, double weight, int32_t generator) {
    gan_loss *loss;
    gan_loss_semi_supervised_options o;
    gan_loss_semi_supervised_options_init(&o);
    o.weight = weight;
    o.generator = generator;
    assert_int_equal(gan_loss_semi_supervised_create(&loss, f->context, CLASSES, &o), GAN_OK);
    return loss;
}

static gan_tensor *labels_of(const layer_fixture *f, gan_shape shape, const double *labels) {
    return host_tensor(f->context, GAN_I32, shape, labels);
}

static double item(const layer_fixture *f, gan_tensor *tensor, int64_t index) {
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
    return gan_tensor_item(tensor, index);
}

/* [l, 0]: the logits of K + 1 classes */
static gan_tensor *with_fake(const layer_fixture *f, gan_tensor *logits) {
    gan_tensor *both[2] = {logits, gan_scale(f->tape, gan_slice(f->tape, logits, 1, 0, 1), 0)};
    return gan_concat(f->tape, both, 2, 1);
}

/* D = Z / (Z + 1) = 1 - softmax of K + 1 logits, the last 0, at the last = sigmoid(lse(l)). The generator's terms
 * say D: non-saturating -log D, minimax log(1 - D). */
static void one_class_more(void **state) {
    const layer_fixture *f = *state;
    gan_loss *ns = semi_supervised(f, 1, GAN_GENERATOR_NON_SATURATING),
             *mm = semi_supervised(f, 1, GAN_GENERATOR_MINIMAX);
    for (uint64_t salt = 1; salt <= 5; salt++) {
        gan_tensor *l = host_uniform(f->context, GAN_F64, gan_shape_2d(1, CLASSES), -3, 3, salt);
        double z = 0;
        for (int64_t k = 0; k < CLASSES; k++) z += exp(gan_tensor_item(l, k));
        double d = exp(-item(f, gan_loss_generator(f->tape, ns, l), 0)),
               not_d = exp(item(f, gan_loss_generator(f->tape, mm, l), 0)),
               of_softmax = 1 - item(f, gan_softmax(f->tape, with_fake(f, l), 1), CLASSES),
               of_sigmoid = item(f, gan_sigmoid(f->tape, gan_logsumexp(f->tape, l, 1, 0)), 0);
        assert_true(compare_number("Z / (Z + 1)", d, z / (z + 1), 1e-14));
        assert_true(compare_number("1 / (Z + 1)", not_d, 1 / (z + 1), 1e-14));
        assert_true(compare_number("softmax", of_softmax, z / (z + 1), 1e-14));
        assert_true(compare_number("sigmoid", of_sigmoid, z / (z + 1), 1e-14));
        gan_tensor_release(l);
    }
    gan_loss_release(ns);
    gan_loss_release(mm);
}

/* architectures-a 5: the unsupervised part as it is written there, with its gradients; what fakes pay is half the
 * cross-entropy of the class K + 1. */
static void unsupervised_part(void **state) {
    const layer_fixture *f = *state;
    gan_tape *t = f->tape;
    gan_loss *loss = semi_supervised(f, 1, GAN_GENERATOR_MINIMAX);
    gan_tensor *real = host_uniform(f->context, GAN_F64, gan_shape_2d(5, CLASSES), -3, 3, 1),
               *fake = host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES), -3, 3, 2), *g[2];
    gan_tensor *xs[2] = {gan_watch(t, real), gan_watch(t, fake)}, *y = gan_loss_discriminator(t, loss, xs[0], xs[1]);
    gan_tensor *lse_real = gan_logsumexp(t, real, 1, 1), *lse_fake = gan_logsumexp(t, fake, 1, 1);
    double written = -0.5 * item(f, gan_mean(t, lse_real), 0) +
                     0.5 * item(f, gan_mean(t, gan_softplus(t, lse_real)), 0) +
                     0.5 * item(f, gan_mean(t, gan_softplus(t, lse_fake)), 0);
    assert_true(compare_number("as it is written", item(f, y, 0), written, 1e-14));
    gan_gradients(t, y, NULL, xs, 2, 0, g);
    gan_tensor *of_real = gan_mul(t, gan_sigmoid(t, gan_neg(t, lse_real)), gan_softmax(t, real, 1)),
               *of_fake = gan_mul(t, gan_sigmoid(t, lse_fake), gan_softmax(t, fake, 1));
    assert_true(compare_tensors("slope of reals", g[0], gan_scale(t, of_real, -0.5 / 5), 1e-14));
    assert_true(compare_tensors("slope of fakes", g[1], gan_scale(t, of_fake, 0.5 / 4), 1e-14));

    static const double last[4] = {CLASSES, CLASSES, CLASSES, CLASSES};
    gan_tensor *fakes = labels_of(f, gan_shape_1d(4), last);
    double real_part = 0.5 * item(f, gan_mean(t, gan_softplus(t, gan_neg(t, lse_real))), 0);
    assert_true(compare_number("class K + 1", item(f, y, 0) - real_part,
                               0.5 * item(f, gan_cross_entropy(t, with_fake(f, fake), fakes, NULL), 0), 1e-14));
    gan_tensor_release(fakes);
    gan_tensor_release(real);
    gan_tensor_release(fake);
    gan_loss_release(loss);
}

/* The whole is the supervised part and `weight` times the other. */
static void sum_of_parts(void **state) {
    const layer_fixture *f = *state;
    static const double known[] = {0, 2, 1, 1, 0, 2};
    gan_tensor *l = host_uniform(f->context, GAN_F64, gan_shape_2d(6, CLASSES), -3, 3, 1),
               *real = host_uniform(f->context, GAN_F64, gan_shape_2d(5, CLASSES), -3, 3, 2),
               *fake = host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES), -3, 3, 3),
               *labels = labels_of(f, gan_shape_1d(6), known);
    static const double weights[] = {0, 1, 0.25};
    for (int i = 0; i < 3; i++) {
        gan_loss *loss = semi_supervised(f, weights[i], GAN_GENERATOR_MINIMAX);
        double expected = item(f, gan_cross_entropy(f->tape, l, labels, NULL), 0) +
                          weights[i] * item(f, gan_loss_discriminator(f->tape, loss, real, fake), 0);
        assert_true(compare_number("sum", item(f, gan_loss_semi_supervised(f->tape, loss, l, labels, real, fake), 0),
                                   expected, 1e-15));
        gan_loss_release(loss);
    }
    gan_tensor_release(l);
    gan_tensor_release(real);
    gan_tensor_release(fake);
    gan_tensor_release(labels);
}

/* Equal logits cost log K; the gradient is (softmax - one-hot) / N. */
static void cross_entropy_facts(void **state) {
    const layer_fixture *f = *state;
    gan_tape *t = f->tape;
    static const double known[] = {0, 2, 1, 2};
    gan_tensor *labels = labels_of(f, gan_shape_1d(4), known),
               *l = host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES), -3, 3, 1);
    assert_true(compare_number(
        "log K", item(f, gan_cross_entropy(t, gan_full(t, GAN_F64, gan_shape_2d(4, CLASSES), 5), labels, NULL), 0),
        log(CLASSES), 1e-15));
    gan_tensor *x = gan_watch(t, l), *g = gan_gradient(t, gan_cross_entropy(t, x, labels, NULL), x, 0);
    gan_tensor *expected = gan_sub(t, gan_softmax(t, l, 1), gan_one_hot(t, GAN_F64, labels, CLASSES));
    assert_true(compare_tensors("slope", g, gan_scale(t, expected, 0.25), 1e-14));
    gan_tensor_release(labels);
    gan_tensor_release(l);
}

/* Maps are as many rows as they have pixels; ignored ones are as if they were not there; a smoothed label is a mixture
 * of labels. */
static void cross_entropy_identities(void **state) {
    const layer_fixture *f = *state;
    gan_tape *t = f->tape;
    static const double known[] = {0, 2, 1, 2, 1, 1, 0, 0}, holes[] = {0, 7, 1, 7, 7, 1, 0, 0},
                        rest[] = {0, 1, 1, 0, 0}, kept[] = {0, 2, 5, 6, 7};
    gan_tensor *maps = host_uniform(f->context, GAN_F64, gan_shape_4d(2, CLASSES, 2, 2), -3, 3, 1);
    gan_tensor *of_maps = labels_of(f, gan_shape_3d(2, 2, 2), known), *of_rows = labels_of(f, gan_shape_1d(8), known),
               *some = labels_of(f, gan_shape_3d(2, 2, 2), holes), *of_some = labels_of(f, gan_shape_1d(5), rest),
               *which = labels_of(f, gan_shape_1d(5), kept);
    static const int32_t last[] = {0, 2, 3, 1};
    gan_tensor *rows = gan_reshape(t, gan_permute(t, maps, last), gan_shape_2d(8, CLASSES));
    gan_tensor *whole = gan_cross_entropy(t, maps, of_maps, NULL);
    assert_true(compare_tensors("maps", whole, gan_cross_entropy(t, rows, of_rows, NULL), 1e-14));
    gan_cross_entropy_options o;
    gan_cross_entropy_options_init(&o);
    o.ignore = 1;
    o.ignore_index = 7;
    assert_true(compare_tensors("ignored", gan_cross_entropy(t, maps, some, &o),
                                gan_cross_entropy(t, gan_take(t, rows, 0, which), of_some, NULL), 1e-14));
    o.ignore_index = 1; /* one that is a class: labels 2, 4 and 5 */
    static const double others[] = {0, 2, 2, 0, 0}, standing[] = {0, 1, 3, 6, 7};
    gan_tensor *of_others = labels_of(f, gan_shape_1d(5), others), *stand = labels_of(f, gan_shape_1d(5), standing);
    assert_true(compare_tensors("a class ignored", gan_cross_entropy(t, maps, of_maps, &o),
                                gan_cross_entropy(t, gan_take(t, rows, 0, stand), of_others, NULL), 1e-14));
    gan_cross_entropy_options_init(&o);
    double mixture = 0;
    for (int32_t k = 0; k < CLASSES; k++) {
        double same[8];
        for (int i = 0; i < 8; i++) same[i] = k;
        gan_tensor *all = labels_of(f, gan_shape_1d(8), same);
        mixture += item(f, gan_cross_entropy(t, rows, all, NULL), 0) / CLASSES;
        gan_tensor_release(all);
    }
    o.label_smoothing = 0.2;
    assert_true(compare_number("smooth", item(f, gan_cross_entropy(t, rows, of_rows, &o), 0),
                               0.8 * item(f, whole, 0) + 0.2 * mixture, 1e-14));
    /* smoothing together with labels that do not count: the mean is over those that do */
    gan_cross_entropy_options both = o;
    both.ignore = 1;
    both.ignore_index = 7;
    assert_true(compare_tensors("smooth, ignored", gan_cross_entropy(t, maps, some, &both),
                                gan_cross_entropy(t, gan_take(t, rows, 0, which), of_some, &o), 1e-14));
    gan_tensor *all[] = {maps, of_maps, of_rows, some, of_some, which, of_others, stand};
    for (int i = 0; i < 8; i++) gan_tensor_release(all[i]);
}

/* architectures-b 11, 3: logits of +-1e4. */
static void extreme_logits(void **state) {
    const layer_fixture *f = *state;
    gan_tape *t = f->tape;
    static const double known[] = {0, 0, 2},
                        far[] = {1e4, -1e4, 0, -1e4, 1e4, -1e4, 1e4, -1e4, 1e4} /* right, wrong, a tie */,
                        ce = (0 + 2e4 + 0.69314718055994531) / 3, ce_slope[] = {0, 0, 0, -1, 1, 0, 0.5, 0, -0.5};
    static const double high[] = {1e4, -1e4, 0, 1e4, 1e4, -1e4}, low[] = {-1e4, -2e4, -1e4, -1e4, -1e4, -1e4};
    gan_loss *mm = semi_supervised(f, 1, GAN_GENERATOR_MINIMAX),
             *ns = semi_supervised(f, 1, GAN_GENERATOR_NON_SATURATING);
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F32 : GAN_F64;
        gan_tape_reset(t);
        gan_tensor *l = host_tensor(f->context, dtype, gan_shape_2d(3, CLASSES), far),
                   *labels = labels_of(f, gan_shape_1d(3), known),
                   *up = host_tensor(f->context, dtype, gan_shape_2d(2, CLASSES), high),
                   *down = host_tensor(f->context, dtype, gan_shape_2d(2, CLASSES), low);
        gan_tensor *x = gan_watch(t, l), *y = gan_cross_entropy(t, x, labels, NULL), *g = gan_gradient(t, y, x, 0);
        assert_true(compare_number("cross-entropy", item(f, y, 0), ce, 1e-6));
        for (int64_t i = 0; i < 9; i++) assert_true(compare_number("slope", item(f, g, i), ce_slope[i] / 3, 1e-6));

        gan_tensor *xs[2] = {gan_watch(t, up), gan_watch(t, down)}, *gs[2];
        y = gan_loss_discriminator(t, mm, xs[0], xs[1]); /* right: no loss, no slope */
        gan_gradients(t, y, NULL, xs, 2, 0, gs);
        assert_true(compare_number("right", item(f, y, 0), 0, 1e-6));
        for (int64_t i = 0; i < 6; i++)
            assert_true(compare_number("slope", fabs(item(f, gs[0], i)) + fabs(item(f, gs[1], i)), 0, 1e-6));
        y = gan_loss_discriminator(t, mm, xs[1], xs[0]); /* wrong: 1/2 (1e4 + 1e4), and softmax / 2 N */
        gan_gradients(t, y, NULL, xs, 2, 0, gs);
        static const double of_up[] = {0.25, 0, 0, 0.125, 0.125, 0},
                            of_down[] = {-0.125, 0, -0.125, -0.25 / 3, -0.25 / 3, -0.25 / 3};
        assert_true(compare_number("wrong", item(f, y, 0), 1e4, 1e-4));
        for (int64_t i = 0; i < 6; i++) {
            assert_true(compare_number("slope", item(f, gs[0], i), of_up[i], 1e-6));
            assert_true(compare_number("slope", item(f, gs[1], i), of_down[i], 1e-6));
        }
        assert_true(compare_number("minimax", item(f, gan_loss_generator(t, mm, up), 0), -1e4, 1e-4));
        assert_true(compare_number("minimax", item(f, gan_loss_generator(t, mm, down), 0), 0, 1e-6));
        assert_true(compare_number("non-saturating", item(f, gan_loss_generator(t, ns, up), 0), 0, 1e-6));
        assert_true(compare_number("non-saturating", item(f, gan_loss_generator(t, ns, down), 0), 1e4, 1e-3));
        gan_tensor *all[] = {l, labels, up, down};
        for (int i = 0; i < 4; i++) gan_tensor_release(all[i]);
    }
    gan_loss_release(mm);
    gan_loss_release(ns);
}

/* ---- derivatives ---- */

typedef struct semi_case {
    gan_loss *loss;
    gan_tensor *labels;
    gan_cross_entropy_options options;
} semi_case;

static gan_tensor *cross_entropy_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    const semi_case *c = user;
    return gan_cross_entropy(t, xs[0], c->labels, &c->options);
}
static gan_tensor *semi_supervised_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    const semi_case *c = user;
    return gan_loss_semi_supervised(t, c->loss, xs[0], c->labels, xs[1], xs[2]);
}
static gan_tensor *generator_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    const semi_case *c = user;
    return gan_loss_generator(t, c->loss, xs[0]);
}

static void derivatives(void **state) {
    const layer_fixture *f = *state;
    static const double known[] = {0, 2, 1, 9, 1, 9, 2, 0};
    semi_case c = {NULL, NULL, {0}};
    gan_cross_entropy_options_init(&c.options);
    gan_tensor *maps = host_uniform(f->context, GAN_F64, gan_shape_4d(2, CLASSES, 2, 2), -2, 2, 1);
    gan_tensor *xs[3] = {host_uniform(f->context, GAN_F64, gan_shape_2d(3, CLASSES), -2, 2, 2),
                         host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES), -2, 2, 3),
                         host_uniform(f->context, GAN_F64, gan_shape_2d(2, CLASSES), -2, 2, 4)};
    c.options.ignore = 1;
    c.options.ignore_index = 9;
    c.labels = labels_of(f, gan_shape_3d(2, 2, 2), known);
    layer_fixture_check(f, "cross-entropy", cross_entropy_of, &c, &maps, 1);
    c.options.label_smoothing = 0.25;
    layer_fixture_check(f, "smooth cross-entropy", cross_entropy_of, &c, &maps, 1);
    gan_tensor_release(c.labels);
    c.labels = labels_of(f, gan_shape_1d(3), known);
    for (int32_t kind = GAN_GENERATOR_NON_SATURATING; kind <= GAN_GENERATOR_MINIMAX; kind++) {
        c.loss = semi_supervised(f, 0.5, kind);
        layer_fixture_check(f, "semi-supervised", semi_supervised_of, &c, xs, 3);
        layer_fixture_check(f, "generator", generator_of, &c, xs, 1);
        gan_loss_release(c.loss);
    }
    gan_tensor_release(c.labels);
    gan_tensor_release(maps);
    for (int i = 0; i < 3; i++) gan_tensor_release(xs[i]);
}

/* Labels may be changed once the loss is there, as a loader changes those of its batch; and steps that repeat the same
 * shapes allocate nothing. */
static void labels_are_copied(void **state) {
    layer_fixture *f = *state;
    static const double known[] = {0, 2, 1, 9};
    gan_tensor *l = host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES), -3, 3, 1),
               *labels = labels_of(f, gan_shape_1d(4), known);
    gan_cross_entropy_options o;
    gan_cross_entropy_options_init(&o);
    o.ignore = 1;
    o.ignore_index = 9;
    double before[4 * CLASSES];
    long long calls = 0;
    for (int step = 0; step < 4; step++) {
        gan_tape_reset(f->tape);
        int32_t *at = gan_tensor_data(labels);
        for (int i = 0; i < 4; i++) at[i] = (int32_t)known[i];
        gan_tensor *x = gan_watch(f->tape, l), *y = gan_cross_entropy(f->tape, x, labels, &o);
        at = gan_tensor_data(labels);
        for (int i = 0; i < 4; i++) at[i] = 1;
        gan_tensor *g = gan_gradient(f->tape, y, x, 0);
        for (int64_t i = 0; i < 4 * CLASSES; i++) {
            double value = item(f, g, i);
            if (step > 0) assert_true(value == before[i]);
            before[i] = value;
        }
        if (step >= 2) assert_true(atomic_load(&f->memory.calls) == calls);
        calls = atomic_load(&f->memory.calls);
    }
    for (int64_t k = 0; k < CLASSES; k++) assert_true(before[3 * CLASSES + k] == 0); /* the ignored one */
    gan_tensor_release(l);
    gan_tensor_release(labels);
}

/* ---- refusals ---- */

static void expect(const layer_fixture *f, gan_status status, const char *text) {
    assert_int_equal(gan_tape_status(f->tape), status);
    if (strstr(gan_tape_error(f->tape), text) == NULL) fail_msg("message: %s", gan_tape_error(f->tape));
    gan_tape_reset(f->tape);
}

static void refused(void **state) {
    const layer_fixture *f = *state;
    gan_tape *t = f->tape;
    static const double good[] = {0, 2, 1, 2}, bad[] = {0, 2, 3, 1}, negative[] = {0, 2, -100, 1};
    gan_tensor *l = host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES), -3, 3, 1),
               *maps = host_uniform(f->context, GAN_F64, gan_shape_4d(4, CLASSES, 1, 2), -3, 3, 1),
               *line = host_uniform(f->context, GAN_F64, gan_shape_1d(4), -3, 3, 1),
               *empty = host_uniform(f->context, GAN_F64, gan_shape_2d(0, CLASSES), -3, 3, 1),
               *wide = host_uniform(f->context, GAN_F64, gan_shape_2d(4, CLASSES + 1), -3, 3, 1),
               *labels = labels_of(f, gan_shape_1d(4), good), *short_labels = labels_of(f, gan_shape_1d(3), good),
               *no_labels = labels_of(f, gan_shape_1d(0), good), *too_large = labels_of(f, gan_shape_1d(4), bad),
               *below = labels_of(f, gan_shape_1d(4), negative);
    gan_cross_entropy_options o;
    gan_cross_entropy(t, l, too_large, NULL);
    expect(f, GAN_E_ARGUMENT, "cross_entropy: label 2 is 3, which is not in 0 to 2");
    gan_cross_entropy(t, l, below, NULL); /* -100 means nothing unless it is said to */
    expect(f, GAN_E_ARGUMENT, "cross_entropy: label 2 is -100, which is not in 0 to 2");
    gan_cross_entropy(t, l, short_labels, NULL);
    expect(f, GAN_E_SHAPE,
           "cross_entropy: labels of shape 3 do not fit logits of shape 4x3, which have the classes along axis 1");
    gan_cross_entropy(t, maps, labels, NULL);
    expect(f, GAN_E_SHAPE, "labels of shape 4 do not fit logits of shape 4x3x1x2");
    gan_cross_entropy(t, line, labels, NULL);
    expect(f, GAN_E_SHAPE, "do not fit logits of shape 4,");
    gan_cross_entropy(t, empty, no_labels, NULL);
    expect(f, GAN_E_SHAPE, "cross_entropy: there is no label to take the mean of");
    gan_cross_entropy(t, l, l, NULL);
    expect(f, GAN_E_DTYPE, "cross_entropy: operand 2 holds indices and is not of type i32");
    gan_cross_entropy(t, labels, labels, NULL);
    expect(f, GAN_E_DTYPE, "cross_entropy: operand 1 is not of type f32 or f64");
    gan_cross_entropy(t, l, NULL, NULL);
    expect(f, GAN_E_ARGUMENT, "cross_entropy: operand 2 is NULL");
    gan_cross_entropy_options_init(&o);
    o.ignore = 1;
    static const double same[] = {-100, -100, -100, -100};
    gan_tensor *all_ignored = labels_of(f, gan_shape_1d(4), same);
    gan_cross_entropy(t, l, all_ignored, &o);
    expect(f, GAN_E_SHAPE, "there is no label to take the mean of; all are ignored");
#define OPTION(MEMBER, VALUE, STATUS, TEXT)                                                                            \
    do {                                                                                                               \
        gan_cross_entropy_options_init(&o);                                                                            \
        o.MEMBER = (VALUE);                                                                                            \
        gan_cross_entropy(t, l, labels, &o);                                                                           \
        expect(f, STATUS, TEXT);                                                                                       \
    } while (0)
    OPTION(label_smoothing, -0.1, GAN_E_ARGUMENT, "cross_entropy: label_smoothing -0.1 is not in 0 to 1");
    OPTION(label_smoothing, 1.5, GAN_E_ARGUMENT, "label_smoothing 1.5 is not in 0 to 1");
    OPTION(label_smoothing, NAN, GAN_E_ARGUMENT, "is not in 0 to 1");
    OPTION(ignore, 2, GAN_E_ARGUMENT, "cross_entropy: ignore is 2, neither 0 nor 1");
    OPTION(struct_size, 0, GAN_E_ARGUMENT, "call their init function first");
    struct {
        gan_cross_entropy_options o;
        int64_t later;
    } newer;
    gan_cross_entropy_options_init_sized(&newer.o, sizeof newer);
    newer.later = 1;
    gan_cross_entropy(t, l, labels, &newer.o);
    expect(f, GAN_E_UNSUPPORTED, "this version of libgan does not know");

    gan_loss *loss = semi_supervised(f, 1, GAN_GENERATOR_MINIMAX), *hinge;
    assert_int_equal(gan_loss_hinge_create(&hinge, f->context), GAN_OK);
    gan_loss_discriminator(t, loss, l, wide);
    expect(f, GAN_E_SHAPE, "semi_supervised: logits of shape 4x4 do not have 3 classes along axis 1");
    gan_loss_generator(t, loss, line);
    expect(f, GAN_E_SHAPE, "semi_supervised: logits of shape 4 do not have 3 classes along axis 1");
    gan_loss_semi_supervised(t, loss, wide, labels, l, l);
    expect(f, GAN_E_SHAPE, "semi_supervised: logits of shape 4x4 do not have 3 classes");
    gan_loss_semi_supervised(t, loss, l, too_large, l, l);
    expect(f, GAN_E_ARGUMENT, "cross_entropy: label 2 is 3");
    gan_loss_semi_supervised(t, loss, l, labels, l, empty);
    expect(f, GAN_E_SHAPE, "");
    gan_loss_semi_supervised(t, loss, l, labels, NULL, l);
    expect(f, GAN_E_ARGUMENT, "semi_supervised: operand 3 is NULL");
    gan_loss_semi_supervised(t, hinge, l, labels, l, l);
    expect(f, GAN_E_ARGUMENT, "loss: this is a hinge loss; a semi_supervised loss is needed here");
    gan_loss_matching_discriminator(t, loss, l, l, l);
    expect(f, GAN_E_ARGUMENT, "semi_supervised has no terms of reals and of fakes on their own");
    gan_loss_release(loss);
    gan_loss_release(hinge);
    gan_tensor *all[] = {l, maps, line, empty, wide, labels, short_labels, no_labels, too_large, below, all_ignored};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) gan_tensor_release(all[i]);
}

static void refused_options(void **state) {
    const layer_fixture *f = *state;
    gan_loss_semi_supervised_options o;
    gan_loss *loss;
#define REFUSED(CLASSES_, MEMBER, VALUE, STATUS, TEXT)                                                                 \
    do {                                                                                                               \
        loss = (gan_loss *)(uintptr_t)1;                                                                               \
        gan_loss_semi_supervised_options_init(&o);                                                                     \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_semi_supervised_create(&loss, f->context, CLASSES_, &o), STATUS);                    \
        assert_null(loss);                                                                                             \
        if (strstr(gan_context_error(f->context), TEXT) == NULL) fail_msg("%s", gan_context_error(f->context));        \
    } while (0)
    REFUSED(1, weight, 1, GAN_E_ARGUMENT, "1 classes; 2 are the fewest");
    REFUSED(-5, weight, 1, GAN_E_ARGUMENT, "-5 classes; 2 are the fewest");
    REFUSED(2, weight, -1, GAN_E_ARGUMENT, "weight -1 is not a finite number of 0 or more");
    REFUSED(2, weight, INFINITY, GAN_E_ARGUMENT, "is not a finite number of 0 or more");
    REFUSED(2, weight, NAN, GAN_E_ARGUMENT, "is not a finite number of 0 or more");
    REFUSED(2, generator, 0, GAN_E_ARGUMENT, "unknown generator term 0");
    REFUSED(2, reserved, 1, GAN_E_UNSUPPORTED, "a reserved option is set");
    REFUSED(2, struct_size, 0, GAN_E_ARGUMENT, "call the options' init function first");
    assert_int_equal(gan_loss_semi_supervised_create(&loss, NULL, 2, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_semi_supervised_create(NULL, f->context, 2, NULL), GAN_E_ARGUMENT);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(one_class_more),      TEST(unsupervised_part),        TEST(sum_of_parts),
        TEST(cross_entropy_facts), TEST(cross_entropy_identities), TEST(extreme_logits),
        TEST(derivatives),         TEST(labels_are_copied),        TEST(refused),
        TEST(refused_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
