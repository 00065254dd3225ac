/* Adversarial losses beside binary cross-entropy (which has test_loss.c): exact facts that need no training, the ends
 * of the number line, derivatives of second order, and what is refused. */
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
#include "gradcheck.h"
#include "host.h"
#include "tape_fixture.h"

enum {
    BCE,
    LEAST_SQUARES,
    WASSERSTEIN,
    HINGE,
    VEEGAN,
    PLAIN,
    RELATIVISTIC_BCE = PLAIN,
    RELATIVISTIC_LS,
    RELATIVISTIC_H,
    LOSSES
};
static gan_loss *losses[LOSSES]; /* with default options; PLAIN are not relativistic */

static gan_loss *least_squares(double a, double b, double c) {
    gan_loss *loss;
    gan_loss_least_squares_options o;
    gan_loss_least_squares_options_init(&o);
    o.fake_target = a;
    o.real_target = b;
    o.generator_target = c;
    assert_int_equal(gan_loss_least_squares_create(&loss, context, &o), GAN_OK);
    return loss;
}

static int open_losses(void **state) {
    if (open_tape(state) != 0) return -1;
    assert_int_equal(gan_loss_bce_create(&losses[BCE], context, NULL), GAN_OK);
    assert_int_equal(gan_loss_least_squares_create(&losses[LEAST_SQUARES], context, NULL), GAN_OK);
    assert_int_equal(gan_loss_wasserstein_create(&losses[WASSERSTEIN], context, NULL), GAN_OK);
    assert_int_equal(gan_loss_hinge_create(&losses[HINGE], context), GAN_OK);
    assert_int_equal(gan_loss_veegan_create(&losses[VEEGAN], context, NULL), GAN_OK);
    for (int32_t base = GAN_RELATIVISTIC_BCE; base <= GAN_RELATIVISTIC_HINGE; base++) {
        gan_loss_relativistic_options o;
        gan_loss_relativistic_options_init(&o);
        o.base = base;
        assert_int_equal(gan_loss_relativistic_create(&losses[PLAIN + base - GAN_RELATIVISTIC_BCE], context, &o),
                         GAN_OK);
    }
    return 0;
}
static int close_losses(void **state) {
    for (int i = 0; i < LOSSES; i++) gan_loss_release(losses[i]);
    return close_tape(state);
}

static gan_tensor *row(gan_dtype dtype, const double *values, int64_t count) {
    return host_tensor(context, dtype, gan_shape_2d(count, 1), values);
}
static gan_tensor *number(double value) { return row(GAN_F64, &value, 1); }

/* Value, slope and curvature at one point of a discrete space with densities p (data) and q (model), where the
 * discriminator says s: p times the loss of a real + q times that of a fake. */
static void at_point(gan_loss *loss, double p, double q, double s, double *slope, double *curvature) {
    gan_tape_reset(tape);
    gan_tensor *logit = number(s), *zero = number(0), *x = gan_watch(tape, logit);
    /* with the other operand fixed, its term is a constant */
    gan_tensor *of_real = gan_loss_discriminator(tape, loss, x, zero),
               *of_fake = gan_loss_discriminator(tape, loss, zero, x);
    gan_tensor *sum = gan_add(tape, gan_scale(tape, of_real, p), gan_scale(tape, of_fake, q)),
               *first = gan_gradient(tape, sum, x, GAN_GRAD_DIFFERENTIABLE), *second = gan_gradient(tape, first, x, 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    *slope = gan_tensor_item(first, 0);
    *curvature = gan_tensor_item(second, 0);
    gan_tensor_release(logit);
    gan_tensor_release(zero);
}

static const double densities[][2] = {{0.5, 0.5}, {0.2, 0.7}, {1, 0.25}, {0.1, 0.8}};
enum { POINTS = 4 };

/* The best discriminator of least squares is (b p + a q) / (p + q). */
static void best_of_least_squares(void **state) {
    (void)state;
    static const double targets[][2] = {{0, 1}, {-1, 1}, {0.25, -3}};
    for (int t = 0; t < 3; t++) {
        double a = targets[t][0], b = targets[t][1], slope, curvature;
        gan_loss *loss = least_squares(a, b, 0);
        for (int d = 0; d < POINTS; d++) {
            double p = densities[d][0], q = densities[d][1], best = (b * p + a * q) / (p + q);
            if (t == 0 && d == 0) assert_true(best == 0.5); /* p = q, targets 0 and 1 */
            at_point(loss, p, q, best, &slope, &curvature);
            assert_true(compare_number("slope at the best", slope, 0, 1e-15));
            assert_true(compare_number("curvature", curvature, p + q, 1e-15));
        }
        gan_loss_release(loss);
    }
}

/* Mao et al. 2017, eq. 8: with b - c = 1 and b - a = 2, twice the generator's objective (its loss at data and at fakes)
 * under the best discriminator is Pearson's chi squared divergence of p + q and 2 q. */
static void pearson_divergence(void **state) {
    (void)state;
    gan_loss *loss = least_squares(-1, 1, 0);
    double objective = 0, divergence = 0;
    for (int d = 0; d < POINTS; d++) {
        double p = densities[d][0], q = densities[d][1];
        gan_tensor *best = number((p - q) / (p + q));
        objective += (p + q) * gan_tensor_item(gan_loss_generator(tape, loss, best), 0);
        divergence += (2 * q - (p + q)) * (2 * q - (p + q)) / (p + q);
        gan_tensor_release(best);
    }
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(compare_number("chi squared", 2 * objective, divergence, 1e-14));
    gan_loss_release(loss);
}

/* VEEGAN's discriminator is best at log(q / p): above 0 where generated pairs are likelier. */
static void veegan_estimates_the_log_ratio(void **state) {
    (void)state;
    for (int d = 0; d < POINTS; d++) {
        double p = densities[d][0], q = densities[d][1], slope, curvature;
        at_point(losses[VEEGAN], p, q, log(q / p), &slope, &curvature);
        assert_true(compare_number("slope at the best", slope, 0, 1e-15));
        assert_true(compare_number("curvature", curvature, p * q / (p + q), 1e-15));
    }
}

/* architectures-a 6: deep on the real side, least squares still pull where cross-entropy has nothing left. */
static void generators_deep_on_the_real_side(void **state) {
    (void)state;
    static const double expected[] = {
        [BCE] = -0.0066928509242848554, [LEAST_SQUARES] = 4, [WASSERSTEIN] = -1, [HINGE] = -1, [VEEGAN] = 1};
    for (int i = 0; i < PLAIN; i++) {
        double far[2] = {5, 5};
        gan_tensor *logits = row(GAN_F64, far, 2), *x = gan_watch(tape, logits);
        gan_tensor *g = gan_gradient(tape, gan_loss_generator(tape, losses[i], x), x, 0);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        for (int64_t k = 0; k < 2; k++)
            assert_true(compare_number("slope", gan_tensor_item(g, k), expected[i] / 2, 1e-14));
        gan_tensor_release(logits);
    }
}

/* architectures-b 0.4: where a margin is met exactly the derivative is 0. */
static void hinge_at_the_kink(void **state) {
    (void)state;
    for (int type = 0; type < 2; type++) {
        static const double r[] = {1, 0.5, 2, -1}, f[] = {-1, 1, -2, 3}, dr[] = {0, -0.25, 0, -0.25},
                            df[] = {0, 0.25, 0, 0.25};
        gan_tape_reset(tape);
        gan_tensor *real = row(type == 0 ? GAN_F32 : GAN_F64, r, 4), *fake = row(type == 0 ? GAN_F32 : GAN_F64, f, 4);
        gan_tensor *xs[2] = {gan_watch(tape, real), gan_watch(tape, fake)}, *g[2];
        gan_tensor *y = gan_loss_discriminator(tape, losses[HINGE], xs[0], xs[1]);
        gan_gradients(tape, y, NULL, xs, 2, 0, g);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        assert_true(gan_tensor_item(y, 0) == (0.5 + 2) / 4 + (2 + 4) / 4.0);
        for (int64_t i = 0; i < 4; i++)
            assert_true(gan_tensor_item(g[0], i) == dr[i] && gan_tensor_item(g[1], i) == df[i]);
        gan_tensor_release(real);
        gan_tensor_release(fake);
    }
}

static double plus(double x) { return x > 0 ? x : 0; }
static double step(double x) { return x > 0; }
/* What a term is far from 0, and its slope: of reals (0), of fakes (1) in the discriminator's, of fakes in the
 * generator's (2). */
static double limit(int loss, int side, double s, double *slope) {
    double sign = side == 1 ? 1 : -1;
    switch (loss) {
    case LEAST_SQUARES:
        *slope = side == 1 ? s : s - 1;
        return 0.5 * *slope * *slope;
    case WASSERSTEIN:
        *slope = sign;
        return sign * s;
    case HINGE:
        *slope = side == 2 ? -1 : sign * step(1 + sign * s);
        return side == 2 ? -s : plus(1 + sign * s);
    case VEEGAN:
        if (side == 2) return *slope = 1, s;
        *slope = -sign * step(-sign * s);
        return plus(-sign * s);
    default: /* BCE */
        *slope = sign * step(sign * s);
        return plus(sign * s);
    }
}

static gan_tensor *term_of(int loss, int side, gan_tensor *x, gan_tensor *other) {
    return side == 2   ? gan_loss_generator(tape, losses[loss], x)
           : side == 0 ? gan_loss_discriminator(tape, losses[loss], x, other)
                       : gan_loss_discriminator(tape, losses[loss], other, x);
}

/* architectures-b 11, 3: at logits of +-1e4 losses are finite and have the right limits and gradients. */
static void extreme_logits(void **state) {
    (void)state;
    static const double far[] = {-1e4, -100, 100, 1e4}, none[] = {0};
    for (int type = 0; type < 2; type++)
        for (int loss = 0; loss < PLAIN; loss++)
            for (int side = 0; side < 3; side++) {
                gan_dtype dtype = type == 0 ? GAN_F32 : GAN_F64;
                gan_tape_reset(tape);
                gan_tensor *s = row(dtype, far, 4), *zero = row(dtype, none, 1), *x = gan_watch(tape, s);
                gan_tensor *y = term_of(loss, side, x, zero), *g = gan_gradient(tape, y, x, GAN_GRAD_DIFFERENTIABLE),
                           *at_0 = side == 2 ? NULL : term_of(loss, side, gan_scale(tape, zero, 1), zero);
                double expected = 0, other = 0, slope;
                if (side != 2) { /* what the fixed operand adds: the term at (0, 0) less this side's share */
                    double share[] = {
                        [BCE] = log(2), [LEAST_SQUARES] = side == 0 ? 0.5 : 0, [HINGE] = 1, [VEEGAN] = log(2)};
                    other = gan_tensor_item(at_0, 0) - share[loss];
                }
                for (int64_t i = 0; i < 4; i++) {
                    expected += limit(loss, side, far[i], &slope) / 4;
                    assert_true(compare_number("slope", gan_tensor_item(g, i), slope / 4, 1e-6));
                }
                assert_true(compare_number("loss", gan_tensor_item(y, 0), expected + other, 1e-6));
                if (loss != WASSERSTEIN && (loss < HINGE || side != 2)) { /* else the slope is a constant */
                    gan_tensor *again = gan_gradient(tape, gan_sum(tape, gan_square(tape, g)), x, 0);
                    for (int64_t i = 0; i < 4; i++) assert_true(isfinite(gan_tensor_item(again, i)));
                }
                assert_int_equal(gan_tape_status(tape), GAN_OK);
                gan_tensor_release(s);
                gan_tensor_release(zero);
            }
}

/* The same of relativistic losses: reals far above fakes, and far below them. */
static void extreme_differences(void **state) {
    (void)state;
    static const double high[] = {1e4, 1e4}, low[] = {-1e4, -1e4};
    /* of the discriminator: its value, and its slope for a real; they go to u = 2e4 and v = -2e4, or the other way */
    static const double met[3][2] = {{0, 0}, {2 * 19999.0 * 19999.0, 2 * 19999.0}, {0, 0}},
                        missed[3][2] = {{4e4, -1}, {2 * 20001.0 * 20001.0, -2 * 20001.0}, {40002, -1}};
    for (int type = 0; type < 2; type++)
        for (int base = 0; base < 3; base++)
            for (int way = 0; way < 4; way++) { /* bit 0: reals are low; bit 1: the generator's term */
                gan_dtype dtype = type == 0 ? GAN_F32 : GAN_F64;
                gan_tape_reset(tape);
                gan_tensor *up = row(dtype, high, 2), *down = row(dtype, low, 2);
                gan_tensor *xs[2] = {gan_watch(tape, way & 1 ? down : up), gan_watch(tape, way & 1 ? up : down)}, *g[2];
                gan_loss *loss = losses[PLAIN + base];
                gan_tensor *y = way & 2 ? gan_loss_generator_pair(tape, loss, xs[0], xs[1])
                                        : gan_loss_discriminator(tape, loss, xs[0], xs[1]);
                gan_gradients(tape, y, NULL, xs, 2, 0, g);
                assert_int_equal(gan_tape_status(tape), GAN_OK);
                const double *expected = (way & 1) == (way >> 1) ? met[base] : missed[base];
                double sign = way & 2 ? -1 : 1;
                assert_true(compare_number("loss", gan_tensor_item(y, 0), expected[0], 1e-6));
                for (int64_t i = 0; i < 2; i++) {
                    assert_true(compare_number("slope of reals", gan_tensor_item(g[0], i), sign * expected[1], 1e-6));
                    assert_true(compare_number("slope of fakes", gan_tensor_item(g[1], i), -sign * expected[1], 1e-6));
                }
                gan_tensor_release(up);
                gan_tensor_release(down);
            }
}

/* Only differences count: the same number added to all logits changes nothing, and equal logits give the value of a
 * tie. */
static void relativistic_identities(void **state) {
    (void)state;
    static const double tie[] = {2 * 0.69314718055994531, 2, 2};
    gan_tensor *real = host_uniform(context, GAN_F64, gan_shape_2d(5, 1), -2, 2, 1),
               *fake = host_uniform(context, GAN_F64, gan_shape_4d(3, 1, 2, 2), -2, 2, 2);
    double point = 0.75;
    gan_tensor *one = row(GAN_F64, &point, 1);
    for (int i = 0; i < 3; i++) {
        gan_loss *loss = losses[PLAIN + i];
        gan_tensor *up = gan_add_scalar(tape, real, 7), *fake_up = gan_add_scalar(tape, fake, 7);
        assert_true(compare_tensors("discriminator", gan_loss_discriminator(tape, loss, up, fake_up),
                                    gan_loss_discriminator(tape, loss, real, fake), 1e-14));
        assert_true(compare_tensors("generator", gan_loss_generator_pair(tape, loss, up, fake_up),
                                    gan_loss_generator_pair(tape, loss, real, fake), 1e-14));
        assert_true(
            compare_number("tie", gan_tensor_item(gan_loss_discriminator(tape, loss, one, one), 0), tie[i], 1e-15));
        assert_true(
            compare_number("tie", gan_tensor_item(gan_loss_generator_pair(tape, loss, one, one), 0), tie[i], 1e-15));
    }
    gan_tensor_release(real);
    gan_tensor_release(fake);
    gan_tensor_release(one);
}

/* Losses whose generator looks at fakes alone take the pair all the same, whatever the reals are. */
static void the_pair_of_others(void **state) {
    (void)state;
    gan_tensor *real = host_uniform(context, GAN_F64, gan_shape_2d(5, 1), -2, 2, 1),
               *fake = host_uniform(context, GAN_F64, gan_shape_2d(4, 1), -2, 2, 2), *bad;
    assert_int_equal(gan_tensor_clone(&bad, real), GAN_OK);
    assert_int_equal(gan_tensor_fill(bad, NAN), GAN_OK);
    for (int i = 0; i < PLAIN; i++) {
        gan_tensor *alone = gan_loss_generator(tape, losses[i], fake);
        assert_true(compare_same_bits("pair", gan_loss_generator_pair(tape, losses[i], real, fake), alone));
        assert_true(compare_same_bits("pair", gan_loss_generator_pair(tape, losses[i], bad, fake), alone));
    }
    gan_tensor_release(real);
    gan_tensor_release(bad);
    gan_tensor_release(fake);
}

/* architectures-b 6.9: equal logits 0 give 2 log 2; and with the fakes in place of the wrong pairs, the term is the
 * discriminator's. */
static void matching_identities(void **state) {
    (void)state;
    static const double zeros[4] = {0};
    gan_tensor *zero = row(GAN_F64, zeros, 4), *real = host_uniform(context, GAN_F64, gan_shape_2d(5, 1), -2, 2, 1),
               *fake = host_uniform(context, GAN_F64, gan_shape_2d(4, 1), -2, 2, 2);
    assert_true(compare_number("2 log 2",
                               gan_tensor_item(gan_loss_matching_discriminator(tape, losses[BCE], zero, zero, zero), 0),
                               1.3862943611198906, 1e-15));
    for (int i = BCE; i <= HINGE; i++)
        assert_true(compare_tensors("no wrong pairs",
                                    gan_loss_matching_discriminator(tape, losses[i], real, fake, fake),
                                    gan_loss_discriminator(tape, losses[i], real, fake), 1e-15));
    gan_tensor_release(zero);
    gan_tensor_release(real);
    gan_tensor_release(fake);
}

/* architectures-b 8.8: a step of the discriminator raises the logits of generated pairs and lowers those of real ones;
 * the generator's lowers them; z reconstructed exactly costs nothing. 8.9: the distance is a sum over z's axes. */
static void veegan_signs(void **state) {
    (void)state;
    gan_tensor *real = host_uniform(context, GAN_F64, gan_shape_2d(5, 1), -2, 2, 1),
               *fake = host_uniform(context, GAN_F64, gan_shape_2d(4, 1), -2, 2, 2),
               *z = host_uniform(context, GAN_F64, gan_shape_3d(3, 4, 2), -2, 2, 3), *g[2];
    gan_tensor *xs[2] = {gan_watch(tape, real), gan_watch(tape, fake)};
    gan_gradients(tape, gan_loss_discriminator(tape, losses[VEEGAN], xs[0], xs[1]), NULL, xs, 2, 0, g);
    for (int64_t i = 0; i < 5; i++) assert_true(gan_tensor_item(g[0], i) > 0);
    for (int64_t i = 0; i < 4; i++) assert_true(gan_tensor_item(g[1], i) < 0);
    gan_tensor *of_generator = gan_gradient(tape, gan_loss_generator(tape, losses[VEEGAN], xs[1]), xs[1], 0);
    for (int64_t i = 0; i < 4; i++) assert_true(gan_tensor_item(of_generator, i) == 0.25);
    gan_tensor *w = gan_watch(tape, z), *none = gan_loss_veegan_reconstruction(tape, losses[VEEGAN], z, w);
    assert_true(gan_tensor_item(none, 0) == 0);
    gan_tensor *slope = gan_gradient(tape, none, w, 0);
    for (int64_t i = 0; i < 24; i++) assert_true(gan_tensor_item(slope, i) == 0);
    gan_tensor *off = gan_add_scalar(tape, z, 0.5);
    assert_true(compare_number("a sum of 8 squares",
                               gan_tensor_item(gan_loss_veegan_reconstruction(tape, losses[VEEGAN], z, off), 0), 2,
                               1e-14));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_tensor_release(real);
    gan_tensor_release(fake);
    gan_tensor_release(z);
}

static gan_layer *dense(int64_t inputs, int64_t outputs) {
    gan_layer *layer = NULL;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(inputs));
    gan_builder_set_dtype(b, GAN_F64);
    gan_add_linear(b, outputs, NULL);
    gan_add_tanh(b);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

/* Algorithm 1: with the term d of the reconstruction removed, what is left of the objective of G and F has a gradient
 * of exactly 0 for F, and the same one for G as before; with d alone F has the gradient of the whole. */
static void veegan_reconstructor(void **state) {
    (void)state;
    enum { LATENT = 3, ITEM = 4, BATCH = 5 };
    gan_layer *g = dense(LATENT, ITEM), *f = dense(ITEM, LATENT), *d = dense(LATENT + ITEM, 1);
    gan_tensor *z = host_uniform(context, GAN_F64, gan_shape_2d(BATCH, LATENT), -1, 1, 1);
    gan_tensor *ps[4] = {gan_layer_tensor(f, 0), gan_layer_tensor(f, 1), gan_layer_tensor(g, 0),
                         gan_layer_tensor(g, 1)};
    double *gradients[3][4];
    for (int which = 0; which < 3; which++) { /* without d, d alone, both */
        gan_loss_veegan_options o;
        gan_loss *loss;
        gan_loss_veegan_options_init(&o);
        o.reconstruction_factor = which > 0;
        assert_int_equal(gan_loss_veegan_create(&loss, context, &o), GAN_OK);
        gan_tape_reset(tape);
        gan_tensor *x = gan_layer_forward(tape, g, z), *pair[2] = {z, x}, *gs[4];
        gan_tensor *term = gan_loss_veegan_reconstruction(tape, loss, z, gan_layer_forward(tape, f, x));
        gan_tensor *judged = gan_loss_generator(tape, loss, gan_layer_forward(tape, d, gan_concat(tape, pair, 2, 1)));
        gan_gradients(tape, which == 1 ? term : gan_add(tape, judged, term), NULL, ps, 4, 0, gs);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        for (int i = 0; i < 4; i++) gradients[which][i] = compare_read(gs[i]);
        gan_loss_release(loss);
    }
    for (int i = 0; i < 4; i++) {
        int64_t count = gan_tensor_count(ps[i]);
        double *none = calloc((size_t)count, sizeof *none);
        assert_non_null(none);
        assert_int_equal(compare_max_abs(gradients[0][i], none, count) == 0, i < 2);
        assert_true(compare_max_abs(gradients[1][i], none, count) > 1e-3);
        if (i < 2) assert_true(compare_max_abs(gradients[1][i], gradients[2][i], count) == 0);
        for (int64_t k = 0; k < count; k++) gradients[0][i][k] += gradients[1][i][k];
        assert_true(compare_values("the two add up", gradients[2][i], gradients[0][i], count, 1e-14, 0));
        for (int which = 0; which < 3; which++) free(gradients[which][i]);
        free(none);
    }
    gan_tensor_release(z);
    gan_layer_release(g);
    gan_layer_release(f);
    gan_layer_release(d);
}

static gan_tensor *discriminator_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_discriminator(t, user, xs[0], xs[1]);
}
static gan_tensor *pair_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_generator_pair(t, user, xs[0], xs[1]);
}
static gan_tensor *generator_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_generator(t, user, xs[0]);
}
static gan_tensor *matching_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_matching_discriminator(t, user, xs[0], xs[1], xs[2]);
}
static gan_tensor *reconstruction_of(gan_tape *t, gan_tensor *const *xs, void *user) {
    return gan_loss_veegan_reconstruction(t, user, xs[0], xs[1]);
}

static void check(const char *name, gradcheck_function *f, gan_loss *loss, gan_tensor *const *xs, int32_t count) {
    assert_true(gradcheck(context, name, f, loss, xs, count, 1e-9));
    assert_true(gradgradcheck(context, name, f, loss, xs, count, 1e-9));
    assert_true(gradcheck_fused_error(context, f, loss, xs, count, NULL) <= 1e-13);
}

static void derivatives(void **state) {
    (void)state;
    static const char *const names[LOSSES] = {"bce",    "least squares", "Wasserstein", "hinge",
                                              "VEEGAN", "RaSGAN",        "RaLSGAN",     "RaHingeGAN"};
    gan_tensor *xs[3] = {host_uniform(context, GAN_F64, gan_shape_2d(5, 1), -3, 3, 1),
                         host_uniform(context, GAN_F64, gan_shape_3d(2, 3, 2), -3, 3, 2),
                         host_uniform(context, GAN_F64, gan_shape_2d(4, 1), -3, 3, 3)};
    gan_tensor *zs[2] = {host_uniform(context, GAN_F64, gan_shape_2d(4, 3), -1, 1, 4),
                         host_uniform(context, GAN_F64, gan_shape_2d(4, 3), -1, 1, 5)};
    for (int i = 0; i < LOSSES; i++) {
        check(names[i], discriminator_of, losses[i], xs, 2);
        if (i < PLAIN) check(names[i], generator_of, losses[i], xs + 1, 1);
        if (i >= PLAIN) check(names[i], pair_of, losses[i], xs, 2);
        if (i <= HINGE) check(names[i], matching_of, losses[i], xs, 3);
    }
    check("reconstruction", reconstruction_of, losses[VEEGAN], zs, 2);
    for (int i = 0; i < 3; i++) gan_tensor_release(xs[i]);
    for (int i = 0; i < 2; i++) gan_tensor_release(zs[i]);
}

/* ---- refusals ---- */

#define REFUSED(KIND, MEMBER, VALUE, STATUS, TEXT)                                                                     \
    do {                                                                                                               \
        gan_loss_##KIND##_options o;                                                                                   \
        gan_loss *loss = (gan_loss *)(uintptr_t)1;                                                                     \
        gan_loss_##KIND##_options_init(&o);                                                                            \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_##KIND##_create(&loss, context, &o), STATUS);                                        \
        assert_null(loss);                                                                                             \
        if (strstr(gan_context_error(context), TEXT) == NULL) fail_msg("message: %s", gan_context_error(context));     \
    } while (0)

#define REFUSED_NULL(KIND)                                                                                             \
    do {                                                                                                               \
        gan_loss *loss = (gan_loss *)(uintptr_t)1;                                                                     \
        assert_int_equal(gan_loss_##KIND##_create(&loss, NULL, NULL), GAN_E_ARGUMENT);                                 \
        assert_null(loss);                                                                                             \
        assert_int_equal(gan_loss_##KIND##_create(NULL, context, NULL), GAN_E_ARGUMENT);                               \
    } while (0)

static void refused_options(void **state) {
    (void)state;
    REFUSED(least_squares, fake_target, NAN, GAN_E_ARGUMENT, "nan; it must be finite");
    REFUSED(least_squares, real_target, INFINITY, GAN_E_ARGUMENT, "real_target is inf; it must be finite");
    REFUSED(least_squares, generator_target, -INFINITY, GAN_E_ARGUMENT,
            "gan_loss_least_squares_create: generator_target is -inf; it must be finite");
    REFUSED(bce, real_target, 1.5, GAN_E_ARGUMENT, "gan_loss_bce_create: real_target is 1.5; it must be in 0 to 1");
    REFUSED(bce, fake_target, -0.1, GAN_E_ARGUMENT, "fake_target is -0.1; it must be in 0 to 1");
    REFUSED(bce, fake_target, NAN, GAN_E_ARGUMENT, "nan; it must be in 0 to 1");
    REFUSED(least_squares, struct_size, 0, GAN_E_ARGUMENT, "call the options' init function");
    REFUSED(wasserstein, clip, 0, GAN_E_ARGUMENT, "clip 0 is not above 0; INFINITY leaves weights as they are");
    REFUSED(wasserstein, clip, -0.01, GAN_E_ARGUMENT, "clip -0.01 is not above 0");
    REFUSED(wasserstein, clip, NAN, GAN_E_ARGUMENT, "is not above 0");
    REFUSED(relativistic, base, 0, GAN_E_ARGUMENT, "unknown base 0; take GAN_RELATIVISTIC_BCE");
    REFUSED(relativistic, base, 4, GAN_E_ARGUMENT, "unknown base 4");
    REFUSED(relativistic, reserved, 1, GAN_E_UNSUPPORTED, "a reserved option is set");
    REFUSED(veegan, reconstruction_factor, -1, GAN_E_ARGUMENT, "factor -1 is not a finite number of 0 or more");
    REFUSED(veegan, reconstruction_factor, INFINITY, GAN_E_ARGUMENT, "is not a finite number");
    REFUSED(veegan, reconstruction_factor, NAN, GAN_E_ARGUMENT, "is not a finite number");
    REFUSED_NULL(least_squares);
    REFUSED_NULL(wasserstein);
    REFUSED_NULL(relativistic);
    REFUSED_NULL(veegan);
    gan_loss *loss = (gan_loss *)(uintptr_t)1;
    assert_int_equal(gan_loss_hinge_create(&loss, NULL), GAN_E_ARGUMENT);
    assert_null(loss);
    assert_int_equal(gan_loss_hinge_create(NULL, context), GAN_E_ARGUMENT);
}

static void refused_terms(void **state) {
    (void)state;
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_2d(4, 1), 0, 1, 1),
               *empty = host_uniform(context, GAN_F64, gan_shape_2d(0, 1), 0, 1, 1),
               *wide = host_uniform(context, GAN_F64, gan_shape_2d(4, 3), 0, 1, 1),
               *scalar = host_uniform(context, GAN_F64, gan_shape_0d(), 0, 1, 1),
               *single = host_uniform(context, GAN_F32, gan_shape_2d(4, 1), 0, 1, 1);
    for (int i = 0; i < 3; i++) {
        gan_loss_generator(tape, losses[PLAIN + i], x);
        expect(GAN_E_ARGUMENT, "relativistic compares fakes with reals in the generator's term too; call "
                               "gan_loss_generator_pair with the logits of both");
        gan_loss_matching_discriminator(tape, losses[PLAIN + i], x, x, x);
        expect(GAN_E_ARGUMENT, "relativistic has no terms of reals and of fakes on their own");
    }
    gan_loss_matching_discriminator(tape, losses[VEEGAN], x, x, x);
    expect(GAN_E_ARGUMENT,
           "veegan has no terms of reals and of fakes on their own to make a matching-aware one of; use bce");
    gan_loss_veegan_reconstruction(tape, losses[HINGE], x, x);
    expect(GAN_E_ARGUMENT, "loss: this is a hinge loss; a veegan loss is needed here");
    gan_loss_veegan_reconstruction(tape, losses[VEEGAN], x, wide); /* which would broadcast */
    expect(GAN_E_SHAPE, "veegan: z has shape 4x1, its reconstruction 4x3");
    gan_loss_veegan_reconstruction(tape, losses[VEEGAN], empty, empty);
    expect(GAN_E_SHAPE, "veegan: z of shape 0x1 is no batch of latent vectors");
    gan_loss_veegan_reconstruction(tape, losses[VEEGAN], scalar, scalar);
    expect(GAN_E_SHAPE, "is no batch of latent vectors");
    for (int i = 0; i < LOSSES; i++) { /* a mean over nothing, operands of two types, no operand */
        gan_loss_discriminator(tape, losses[i], x, empty);
        expect(GAN_E_SHAPE, "");
        gan_loss_generator_pair(tape, losses[i], x, empty);
        expect(GAN_E_SHAPE, "");
        gan_loss_discriminator(tape, losses[i], x, single);
        expect(GAN_E_DTYPE, "");
        gan_loss_discriminator(tape, losses[i], NULL, x);
        expect(GAN_E_ARGUMENT, "operand 1 is NULL");
        gan_loss_generator_pair(tape, losses[i], NULL, x);
        expect(GAN_E_ARGUMENT, "operand 1 is NULL");
        gan_loss_matching_discriminator(tape, losses[i], x, x, NULL);
        expect(GAN_E_ARGUMENT, "operand 3 is NULL");
    }
    gan_loss_generator_pair(tape, NULL, x, x);
    expect(GAN_E_ARGUMENT, "the loss is NULL");
    gan_loss_matching_discriminator(NULL, losses[BCE], x, x, x); /* no tape: nothing to tell, nothing happens */
    gan_context *other = host_context(1);
    gan_loss *foreign;
    assert_int_equal(gan_loss_hinge_create(&foreign, other), GAN_OK);
    gan_loss_matching_discriminator(tape, foreign, x, x, x);
    expect(GAN_E_ARGUMENT, "belongs to another context");
    gan_loss_veegan_reconstruction(tape, foreign, x, x);
    expect(GAN_E_ARGUMENT, "belongs to another context");
    gan_loss_release(foreign);
    gan_context_release(other);
    gan_tensor_release(x);
    gan_tensor_release(empty);
    gan_tensor_release(wide);
    gan_tensor_release(scalar);
    gan_tensor_release(single);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_losses, close_losses)
    const struct CMUnitTest tests[] = {
        TEST(best_of_least_squares),
        TEST(pearson_divergence),
        TEST(veegan_estimates_the_log_ratio),
        TEST(generators_deep_on_the_real_side),
        TEST(hinge_at_the_kink),
        TEST(extreme_logits),
        TEST(extreme_differences),
        TEST(relativistic_identities),
        TEST(the_pair_of_others),
        TEST(matching_identities),
        TEST(veegan_signs),
        TEST(veegan_reconstructor),
        TEST(derivatives),
        TEST(refused_options),
        TEST(refused_terms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
