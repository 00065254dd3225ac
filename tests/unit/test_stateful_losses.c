/* Historical averaging and path length regularisation: what can be known without another program. Numbers from PyTorch
 * are in tests/golden/test_stateful.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <gan.h>

#include "compare.h"
#include "host.h"
#include "loss/loss.h"
#include "tape_fixture.h"

static gan_layer *linear(gan_dtype dtype, int64_t inputs, int64_t outputs) {
    gan_layer *layer;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(inputs));
    gan_builder_set_dtype(b, dtype);
    gan_add_linear(b, outputs, NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

/* ---- historical averaging ---- */

/* Parameters c_t in step t: the average of 1, 2, 3 is 2, and |4 - 2|^2 for each of the parameters. */
static void check_history(gan_dtype dtype) {
    gan_layer *layer = linear(dtype, 4, 3);
    gan_loss_historical_averaging_options o;
    gan_loss *loss;
    gan_loss_historical_averaging_options_init(&o);
    assert_true(o.weight == 1);
    o.weight = 0.5;
    assert_int_equal(gan_loss_historical_averaging_create(&loss, layer, &o), GAN_OK);
    gan_tensor *weight = gan_layer_tensor(layer, 0), *bias = gan_layer_tensor(layer, 1);
    gan_tensor *term = gan_loss_historical_averaging(tape, loss), *g = gan_gradient(tape, term, weight, 0);
    assert_true(gan_tensor_item(term, 0) == 0); /* before the first update */
    for (int64_t i = 0; i < 12; i++) assert_true(gan_tensor_item(g, i) == 0);
    for (int t = 1; t <= 3; t++) {
        assert_int_equal(gan_tensor_fill(weight, t), GAN_OK);
        assert_int_equal(gan_tensor_fill(bias, t), GAN_OK);
        assert_int_equal(gan_loss_historical_averaging_update(loss), GAN_OK);
    }
    assert_int_equal(gan_tensor_fill(weight, 4), GAN_OK);
    assert_int_equal(gan_tensor_fill(bias, 4), GAN_OK);
    gan_tape_reset(tape);
    term = gan_loss_historical_averaging(tape, loss);
    double small = dtype == GAN_F64 ? 1e-14 : 1e-6;
    assert_true(compare_number("term", gan_tensor_item(term, 0), 0.5 * 15 * 4, small));
    assert_int_equal(gan_tensor_dtype(term), dtype);
    assert_int_equal(gan_tensor_shape(term).rank, 0);
    gan_layer_release(layer); /* its parameters stay with the loss */
    g = gan_gradient(tape, term, bias, GAN_GRAD_RETAIN);
    for (int64_t i = 0; i < 3; i++) assert_true(compare_number("gradient", gan_tensor_item(g, i), 2, small));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    /* an update moves what the term was made of */
    assert_int_equal(gan_loss_historical_averaging_update(loss), GAN_OK);
    gan_gradient(tape, term, bias, 0);
    assert_int_equal(gan_tape_status(tape), GAN_E_STATE);
    gan_tape_reset(tape);
    gan_loss_release(loss);
}

static void history(void **state) {
    (void)state;
    check_history(GAN_F64);
    check_history(GAN_F32);
}

/* In f32, too, the average of a million equal values is that value: a sum would have lost its digits. */
static void history_for_long(void **state) {
    (void)state;
    gan_layer *layer = linear(GAN_F32, 1, 1);
    gan_loss *loss;
    assert_int_equal(gan_loss_historical_averaging_create(&loss, layer, NULL), GAN_OK);
    assert_int_equal(gan_tensor_fill(gan_layer_tensor(layer, 0), 1.0 / 3), GAN_OK);
    for (int t = 0; t < 1 << 20; t++) gan_loss_historical_averaging_update(loss);
    double average = gan_tensor_item(loss->state[0].tensor, 0);
    assert_true(compare_number("average", average, 1.0 / 3, 1e-7));
    gan_loss_release(loss);
    gan_layer_release(layer);
}

/* ---- path length ---- */

static gan_loss *make(double weight, double decay, int64_t interval, int64_t shrink) {
    gan_loss_path_length_options o;
    gan_loss *loss;
    gan_loss_path_length_options_init(&o);
    o.weight = weight;
    o.decay = decay;
    o.interval = interval;
    o.batch_shrink = shrink;
    assert_int_equal(gan_loss_path_length_create(&loss, context, &o), GAN_OK);
    return loss;
}

/* images = A w with A orthogonal: J^T y = A^T y, so that the lengths are those of the noise itself, whatever w is. */
static void known_lengths(void **state) {
    (void)state;
    enum { BATCH = 3, PIXELS = 4 };
    gan_loss *loss = make(2, 0.25, 4, 1);
    gan_tensor *w = host_uniform(context, GAN_F64, gan_shape_2d(BATCH, PIXELS), -1, 1, 1), *y;
    static const double turned[16] = {0, 0.6, 0.8, 0, 1, 0, 0, 0, 0, 0, 0, -1, 0, -0.8, 0.6, 0};
    gan_tensor *rotation = host_tensor(context, GAN_F64, gan_shape_2d(4, 4), turned);
    double a = 0;
    for (int step = 0; step < 4; step++) {
        gan_tape_reset(tape);
        uint64_t position = gan_context_position(context, GAN_STREAM_NOISE);
        gan_tensor *latents = gan_loss_path_length_latents(tape, loss, w);
        assert_true(compare_tensors("latents", latents, w, 0));
        gan_tensor *images = gan_reshape(tape, gan_matmul(tape, latents, rotation, 0, 0), gan_shape_4d(BATCH, 1, 2, 2));
        gan_tensor *term = gan_loss_path_length(tape, loss, images, latents);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        assert_true(gan_context_position(context, GAN_STREAM_NOISE) == position + BATCH * PIXELS / 4);
        assert_int_equal(gan_tensor_create(&y, context, GAN_F64, gan_shape_2d(BATCH, PIXELS)), GAN_OK);
        assert_int_equal(gan_tensor_fill_normal(y, 0, 1, gan_context_seed(context), GAN_STREAM_NOISE, position),
                         GAN_OK);
        double length[BATCH], mean = 0, penalty = 0;
        for (int64_t n = 0; n < BATCH; n++) {
            double sum = 0;
            for (int64_t k = 0; k < PIXELS; k++)
                sum += gan_tensor_item(y, n * PIXELS + k) * gan_tensor_item(y, n * PIXELS + k);
            length[n] = sqrt(sum) / 2; /* of 2 x 2 pixels */
            mean += length[n] / BATCH;
        }
        a += 0.25 * (mean - a);
        for (int64_t n = 0; n < BATCH; n++) penalty += (length[n] - a) * (length[n] - a) / BATCH;
        assert_true(compare_number("mean", gan_loss_path_length_mean(loss), a, 1e-14));
        assert_true(compare_number("penalty", gan_tensor_item(term, 0), 4 * 2 * penalty, 1e-13));
        gan_tensor_release(y);
    }
    gan_tensor_release(rotation);
    gan_tensor_release(w);
    gan_loss_release(loss);
}

/* The oracle for penalties, with first derivatives only: central differences of the term itself, the noise the same and
 * the running mean put back. Spec 0.5: 1e-6. */
static double value_of(gan_loss *loss, gan_layer *net, gan_tensor *w, uint64_t position, double mean) {
    gan_tape_reset(tape);
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, position), GAN_OK);
    *(double *)gan_tensor_data(loss->state[0].tensor) = mean;
    gan_tensor *latents = gan_watch(tape, w);
    gan_tensor *images =
        gan_reshape(tape, gan_tanh(tape, gan_layer_forward(tape, net, latents)), gan_shape_4d(2, 1, 2, 2));
    return gan_tensor_item(gan_loss_path_length(tape, loss, images, latents), 0);
}

static void differences(void **state) {
    (void)state;
    gan_layer *net = linear(GAN_F64, 3, 4);
    gan_tensor *w = host_uniform(context, GAN_F64, gan_shape_2d(2, 3), -1, 1, 1), *weight = gan_layer_tensor(net, 0);
    /* decay 1e-12: the running mean, a constant for the gradient, is one for the differences as well */
    gan_loss *loss = make(2, 1e-12, 4, 2);
    const double mean = 0.7, h = 1e-5;
    gan_tensor *latents, *term;
    gan_tape_reset(tape);
    *(double *)gan_tensor_data(loss->state[0].tensor) = mean;
    latents = gan_watch(tape, w);
    gan_tensor *images =
        gan_reshape(tape, gan_tanh(tape, gan_layer_forward(tape, net, latents)), gan_shape_4d(2, 1, 2, 2));
    term = gan_loss_path_length(tape, loss, images, latents);
    double *g = compare_read(gan_gradient(tape, term, weight, 0)), slope[12];
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    for (int64_t i = 0; i < 12; i++) {
        double *values = gan_tensor_data(weight), old = values[i];
        values[i] = old + h;
        double above = value_of(loss, net, w, 0, mean);
        ((double *)gan_tensor_data(weight))[i] = old - h;
        slope[i] = (above - value_of(loss, net, w, 0, mean)) / (2 * h);
        ((double *)gan_tensor_data(weight))[i] = old;
    }
    assert_true(compare_values("gradient", g, slope, 12, 1e-6, 0));
    free(g);
    gan_tensor_release(w);
    gan_loss_release(loss);
    gan_layer_release(net);
}

/* In f32 as in f64; where J is 0 the lengths are, and nothing is infinite. */
static void narrow_and_zero(void **state) {
    (void)state;
    double values[2];
    for (int wide = 0; wide <= 1; wide++) {
        gan_dtype dtype = wide ? GAN_F64 : GAN_F32;
        gan_loss *loss = make(2, 0.01, 4, 2);
        gan_tensor *w = host_uniform(context, dtype, gan_shape_3d(4, 2, 3), -1, 1, 1);
        gan_tape_reset(tape);
        assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, 0), GAN_OK);
        gan_tensor *latents = gan_loss_path_length_latents(tape, loss, w);
        gan_tensor *images = gan_reshape(tape, gan_exp(tape, latents), gan_shape_4d(2, 1, 2, 3));
        gan_tensor *term = gan_loss_path_length(tape, loss, images, latents);
        values[wide] = gan_tensor_item(term, 0);
        assert_int_equal(gan_tensor_dtype(term), dtype);
        /* J = 0 */
        gan_tape_reset(tape);
        latents = gan_watch(tape, w);
        images = gan_reshape(tape, gan_scale(tape, gan_square(tape, latents), 0), gan_shape_4d(4, 1, 2, 3));
        term = gan_loss_path_length(tape, loss, images, latents);
        gan_tensor *g = gan_gradient(tape, term, latents, 0);
        assert_int_equal(gan_tape_status(tape), GAN_OK);
        for (int64_t i = 0; i < 24; i++) assert_true(gan_tensor_item(g, i) == 0);
        gan_tensor_release(w);
        gan_loss_release(loss);
    }
    assert_true(compare_number("f32", values[0], values[1], 1e-5));
}

/* ---- errors ---- */

static void refused(gan_status status, const char *words) {
    assert_int_equal(gan_tape_status(tape), status);
    if (strstr(gan_tape_error(tape), words) == NULL) fail_msg("'%s' does not say '%s'", gan_tape_error(tape), words);
    gan_tape_reset(tape);
}

static void options(void **state) {
    (void)state;
    gan_layer *layer = linear(GAN_F64, 4, 3), *bare;
    gan_loss_historical_averaging_options h;
    gan_loss_path_length_options o;
    gan_loss *loss = (gan_loss *)(uintptr_t)1;
    gan_loss_historical_averaging_options_init(&h);
    for (int i = 0; i < 3; i++) {
        h.weight = i == 0 ? -1 : i == 1 ? (double)NAN : (double)INFINITY;
        assert_int_equal(gan_loss_historical_averaging_create(&loss, layer, &h), GAN_E_ARGUMENT);
        assert_null(loss);
        assert_non_null(strstr(gan_context_error(context), i == 0   ? "weight is -1; it must be 0 or more, and finite"
                                                           : i == 1 ? "nan; it"
                                                                    : "weight is inf;"));
    }
    assert_int_equal(gan_loss_historical_averaging_create(NULL, layer, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_historical_averaging_create(&loss, NULL, NULL), GAN_E_ARGUMENT);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    gan_add_tanh(b);
    assert_int_equal(gan_builder_end(&bare, b), GAN_OK);
    assert_int_equal(gan_loss_historical_averaging_create(&loss, bare, NULL), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "no parameters"));
#define REFUSED(MEMBER, VALUE, WORDS)                                                                                  \
    do {                                                                                                               \
        gan_loss_path_length_options_init(&o);                                                                         \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(gan_loss_path_length_create(&loss, context, &o), GAN_E_ARGUMENT);                             \
        assert_null(loss);                                                                                             \
        assert_non_null(strstr(gan_context_error(context), WORDS));                                                    \
    } while (0)
    REFUSED(weight, -1, "gan_loss_path_length_create: weight is -1; it must be 0 or more");
    REFUSED(decay, 0, "decay is 0; it must be above 0 and at most 1");
    REFUSED(decay, 1.5, "decay is 1.5;");
    REFUSED(decay, NAN, "nan; it must");
    REFUSED(interval, 0, "interval is 0 and batch_shrink 2; both must be 1 or more");
    REFUSED(batch_shrink, 0, "interval is 4 and batch_shrink 0");
    assert_int_equal(gan_loss_path_length_create(NULL, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_path_length_create(&loss, NULL, NULL), GAN_E_ARGUMENT);
    gan_layer_release(bare);
    gan_layer_release(layer);
}

static void misuse(void **state) {
    (void)state;
    gan_layer *layer = linear(GAN_F64, 4, 3);
    gan_loss *history, *path = make(2, 0.01, 4, 2), *bce;
    assert_int_equal(gan_loss_historical_averaging_create(&history, layer, NULL), GAN_OK);
    assert_int_equal(gan_loss_bce_create(&bce, context, NULL), GAN_OK);
    gan_tensor *w = host_uniform(context, GAN_F64, gan_shape_2d(4, 3), -1, 1, 1);
    gan_tensor *narrow = host_uniform(context, GAN_F32, gan_shape_2d(4, 3), -1, 1, 1);
    gan_tensor *flat = host_uniform(context, GAN_F64, gan_shape_1d(4), -1, 1, 1);
    gan_tensor *none = host_uniform(context, GAN_F64, gan_shape_2d(0, 3), -1, 1, 1);
    gan_loss_historical_averaging(tape, path);
    refused(GAN_E_ARGUMENT, "this is a path_length loss; a historical_averaging loss is needed here");
    gan_loss_path_length_latents(tape, history, w);
    refused(GAN_E_ARGUMENT, "this is a historical_averaging loss; a path_length loss is needed here");
    gan_loss_historical_averaging(tape, NULL);
    refused(GAN_E_ARGUMENT, "loss: the loss is NULL");
    gan_loss_generator(tape, path, w);
    refused(GAN_E_ARGUMENT, "loss: path_length has no generator's term");
    assert_int_equal(gan_loss_historical_averaging_update(NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_loss_historical_averaging_update(bce), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(context), "bce has no history"));
    assert_true(gan_loss_path_length_mean(NULL) == 0 && gan_loss_path_length_mean(bce) == 0);

    gan_loss_path_length_latents(tape, path, flat);
    refused(GAN_E_SHAPE, "w has shape 4; it must be N x D, or N x L x D");
    gan_loss_path_length_latents(tape, path, none);
    refused(GAN_E_SHAPE, "not empty");
    gan_tensor *x = gan_watch(tape, w);
    gan_loss_path_length(tape, path, gan_slice(tape, x, 0, 0, 2), x);
    refused(GAN_E_SHAPE, "images of shape 2x3 are not those of w, of shape 4x3");
    x = gan_watch(tape, w);
    gan_loss_path_length(tape, path, gan_square(tape, x), w);
    refused(GAN_E_ARGUMENT, "path_length: w is not tracked");
    x = gan_watch(tape, w);
    gan_loss_path_length(tape, path, gan_square(tape, w), x);
    refused(GAN_E_ARGUMENT, "path_length: the images are not tracked");
    x = gan_watch(tape, w);
    gan_loss_path_length(tape, path, gan_square(tape, gan_watch(tape, w)), x);
    refused(GAN_E_ARGUMENT, "does not depend on anything tracked");
    x = gan_watch(tape, narrow);
    gan_loss_path_length(tape, path, gan_watch(tape, w), x);
    refused(GAN_E_DTYPE, "not of one type");
    /* none of these moved the mean; nor does what is no number */
    assert_true(gan_loss_path_length_mean(path) == 0);
    x = gan_watch(tape, w);
    gan_tensor *term = gan_loss_path_length(tape, path, gan_scale(tape, gan_square(tape, x), NAN), x);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(isnan(gan_tensor_item(term, 0)));
    assert_true(gan_loss_path_length_mean(path) == 0);
    /* one latent: half of it is still one */
    gan_tape_reset(tape);
    gan_tensor *one = host_uniform(context, GAN_F64, gan_shape_2d(1, 3), -1, 1, 1);
    assert_true(gan_tensor_shape(gan_loss_path_length_latents(tape, path, one)).size[0] == 1);
    gan_tensor_release(one);
    gan_tensor_release(none);
    gan_tensor_release(flat);
    gan_tensor_release(narrow);
    gan_tensor_release(w);
    gan_loss_release(path);
    gan_loss_release(history);
    gan_loss_release(bce);
    gan_layer_release(layer);
}

/* Making them fails at every allocation, and gives back what there was. */
static void without_memory(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        gan_status status = GAN_E_MEMORY;
        int failures = 0;
        for (; status != GAN_OK; failures++) {
            host_memory memory;
            memset(&memory, 0, sizeof memory);
            gan_context *own = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
            gan_layer *layer;
            gan_builder *b = gan_builder_begin(own, gan_shape_1d(4));
            gan_add_linear(b, 3, NULL);
            assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
            gan_loss *loss = NULL;
            gan_pool *pool = NULL;
            memory.fail_at = atomic_load(&memory.calls) + 1 + failures;
            if (kind == 0) status = gan_loss_historical_averaging_create(&loss, layer, NULL);
            if (kind == 1) status = gan_loss_path_length_create(&loss, own, NULL);
            if (kind == 2) status = gan_pool_create(&pool, own, gan_shape_3d(1, 4, 4), NULL);
            memory.fail_at = 0;
            assert_true(status == GAN_OK || status == GAN_E_MEMORY);
            assert_true((loss != NULL || pool != NULL) == (status == GAN_OK));
            gan_loss_release(loss);
            gan_pool_release(pool);
            gan_layer_release(layer);
            gan_context_release(own);
            assert_true(atomic_load(&memory.blocks) == 0);
        }
        assert_true(failures >= 4);
    }
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {TEST(history),     TEST(history_for_long), TEST(known_lengths),
                                       TEST(differences), TEST(narrow_and_zero),  TEST(options),
                                       TEST(misuse),      TEST(without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
