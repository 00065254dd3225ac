/* What remembers something from step to step, against PyTorch in double precision, six steps each: rules of optimizers
 * that test_optim.c has not, accumulated gradients, historical averaging, path length regularisation; and pools of
 * images. The cases are those of make_stateful.py. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan.h>

#include "compare.h"
#include "data/image_pool.h"
#include "golden.h"
#include "host.h"
#include "loss/loss.h"
#include "stateful.inc"
#include "tape_fixture.h"

enum { STEPS = 6, BATCH = 4, POOL_STEPS = 30, SEED = 20141 }; /* also in the script */
enum { STREAM_WEIGHTS = 1000, STREAM_INPUTS = 2000 };
#define NEAR 1e-10

static int set_up(void **state) {
    if (open_tape(state) != 0) return -1;
    return gan_context_set_seed(context, SEED) == GAN_OK ? 0 : -1;
}

static gan_builder *begin(gan_shape input) {
    gan_builder *b = gan_builder_begin(context, input);
    gan_builder_set_dtype(b, GAN_F64);
    return b;
}
static gan_layer *end(gan_builder *b) {
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}
static gan_layer *linear(int64_t inputs, int64_t outputs) {
    gan_builder *b = begin(gan_shape_1d(inputs));
    gan_add_linear(b, outputs, NULL);
    return end(b);
}

static gan_layer *small(void) {
    gan_builder *b = begin(gan_shape_1d(5));
    gan_add_linear(b, 3, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 2, NULL);
    return end(b);
}

/* From parameter number `first` on; returns the number behind. */
static int32_t fill(gan_layer *layer, int32_t first) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        if (gan_layer_tensor_is_parameter(layer, i))
            golden_fill(gan_layer_tensor(layer, i), (uint64_t)(STREAM_WEIGHTS + first++), -0.6, 0.6);
    return first;
}

static gan_tensor *inputs(int step, int number, gan_shape shape) {
    return golden_uniform(context, (uint64_t)(STREAM_INPUTS + 10 * step + number), shape, -1, 1);
}

static gan_tensor *forward(gan_layer *layer, int step) {
    gan_tensor *x = inputs(step, 0, gan_shape_2d(BATCH, 5));
    gan_tensor *y = gan_layer_forward(tape, layer, x);
    gan_tensor_release(x);
    return y;
}

static void check(const char *prefix, int step, const char *name, const gan_tensor *tensor, double floor) {
    char key[128];
    snprintf(key, sizeof key, "%s/%d/%s", prefix, step, name);
    assert_true(golden_check(key, tensor, NEAR, floor));
}

/* ---- optimizers ---- */

static gan_optimizer *make_adam(gan_layer *layer, int decoupled, double rate, double beta1, double beta2,
                                double epsilon, int32_t mode) {
    gan_adam_options o;
    gan_optimizer *optimizer = NULL;
    gan_adam_options_init(&o);
    o.learning_rate = rate;
    o.beta1 = beta1;
    o.beta2 = beta2;
    o.epsilon = epsilon;
    o.epsilon_mode = mode;
    if (decoupled) o.weight_decay = 0.1;
    if (decoupled == 2) o.prefix = "0";
    assert_int_equal((decoupled ? gan_adamw_create : gan_adam_create)(&optimizer, layer, &o), GAN_OK);
    if (decoupled != 2) return optimizer;
    gan_group_options group;
    gan_group_options_init(&group);
    group.prefix = "2";
    group.learning_rate_factor = 2;
    group.weight_decay = 0.3;
    assert_int_equal(gan_optimizer_add_layer(optimizer, layer, &group), GAN_OK);
    return optimizer;
}

static gan_optimizer *make_rmsprop(gan_layer *layer, double alpha, double momentum, double epsilon, int32_t centered) {
    gan_rmsprop_options o;
    gan_optimizer *optimizer = NULL;
    gan_rmsprop_options_init(&o);
    o.learning_rate = 1e-2;
    o.alpha = alpha;
    o.momentum = momentum;
    o.epsilon = epsilon;
    o.centered = centered;
    o.initial_square = 1;
    o.epsilon_mode = GAN_EPSILON_INSIDE;
    assert_int_equal(gan_rmsprop_create(&optimizer, layer, &o), GAN_OK);
    return optimizer;
}

static void train(const char *name, gan_layer *layer, gan_optimizer *optimizer) {
    for (int step = 0; step < STEPS; step++) {
        gan_tape_reset(tape);
        gan_tensor *loss = gan_sum(tape, gan_square(tape, forward(layer, step)));
        assert_int_equal(gan_optimizer_step(optimizer, tape, loss), GAN_OK);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
            check(name, step, gan_layer_tensor_name(layer, i), gan_layer_tensor(layer, i), 0);
    }
    gan_optimizer_release(optimizer);
}

static void optimizers(void **state) {
    (void)state;
    gan_layer *layer = small();
#define RULE(NAME, OPTIMIZER)                                                                                          \
    fill(layer, 0);                                                                                                    \
    train(NAME, layer, OPTIMIZER)
    RULE("adamw", make_adam(layer, 1, 2e-2, 0.5, 0.999, 1e-8, GAN_EPSILON_OUTSIDE));
    RULE("adamw_groups", make_adam(layer, 2, 2e-2, 0.9, 0.99, 1e-2, GAN_EPSILON_OUTSIDE));
    RULE("adam_uncorrected", make_adam(layer, 0, 2e-2, 0.5, 0.99, 0.1, GAN_EPSILON_UNCORRECTED));
    RULE("adam_inside", make_adam(layer, 0, 2e-2, 0.9, 0.99, 0.1, GAN_EPSILON_INSIDE));
    RULE("rmsprop_tensorflow", make_rmsprop(layer, 0.9, 0, 1e-10, 0));
    RULE("rmsprop_tensorflow_all", make_rmsprop(layer, 0.8, 0.5, 1e-2, 1));
    gan_layer_release(layer);
}

/* ---- accumulated gradients ---- */

typedef struct seen { /* what the optimizer has before it clips, parameter after parameter */
    const char *name;
    gan_layer *layer;
    int step;
    int32_t next;
} seen;

static int32_t see(void *user, void *data, int64_t count, gan_dtype dtype) {
    seen *s = user;
    char name[64];
    assert_int_equal(dtype, GAN_F64);
    while (!gan_layer_tensor_is_parameter(s->layer, s->next)) s->next++;
    gan_tensor *gradient = host_tensor(context, GAN_F64, gan_shape_1d(count), data);
    snprintf(name, sizeof name, "gradient/%s", gan_layer_tensor_name(s->layer, s->next++));
    /* that of a bias before batch normalisation is 0 */
    check(s->name, s->step, name, gradient, strcmp(name, "gradient/0.bias") == 0 ? 1e-2 : 0);
    gan_tensor_release(gradient);
    return 0;
}

static void accumulate(const char *name, gan_layer *layer, gan_optimizer *optimizer, int parts, int averaging,
                       double norm) {
    seen s = {.name = name, .layer = layer};
    fill(layer, 0);
    assert_int_equal(gan_optimizer_set_averaging(optimizer, averaging), GAN_OK);
    assert_int_equal(gan_optimizer_set_clipping(optimizer, (double)INFINITY, norm), GAN_OK);
    assert_int_equal(gan_optimizer_set_all_reduce(optimizer, see, &s), GAN_OK);
    for (s.step = 0; s.step < STEPS; s.step++) {
        gan_tensor *x = inputs(s.step, 0, gan_shape_2d(parts * BATCH, 5));
        s.next = 0;
        for (int i = 0; i < parts; i++) {
            gan_tape_reset(tape);
            gan_tensor *y = gan_layer_forward(tape, layer, gan_slice(tape, x, 0, i * BATCH, BATCH));
            gan_tensor *loss = gan_mean(tape, gan_square(tape, y));
            assert_int_equal(i + 1 < parts ? gan_optimizer_accumulate(optimizer, tape, loss)
                                           : gan_optimizer_step(optimizer, tape, loss),
                             GAN_OK);
        }
        gan_tensor_release(x);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
            check(name, s.step, gan_layer_tensor_name(layer, i), gan_layer_tensor(layer, i), 0);
    }
    gan_optimizer_release(optimizer);
    gan_layer_release(layer);
}

static gan_layer *normalised(void) {
    gan_builder *b = begin(gan_shape_1d(5));
    gan_add_linear(b, 3, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_tanh(b);
    gan_add_linear(b, 2, NULL);
    return end(b);
}

static void accumulated(void **state) {
    (void)state;
    gan_layer *layer = small();
    const double none = (double)INFINITY;
    accumulate("mean_adam", layer, make_adam(layer, 0, 2e-2, 0.9, 0.99, 1, GAN_EPSILON_OUTSIDE), 3, 1, none);
    layer = small();
    accumulate("mean_rmsprop", layer, make_rmsprop(layer, 0.9, 0.5, 1e-2, 0), 4, 1, none);
    layer = small();
    accumulate("sum_adam", layer, make_adam(layer, 0, 2e-2, 0.9, 0.99, 1, GAN_EPSILON_OUTSIDE), 3, 0, none);
    layer = small();
    accumulate("sum_clipped", layer, make_rmsprop(layer, 0.9, 0.5, 1e-2, 0), 2, 0, 0.1);
    layer = normalised();
    accumulate("mean_normalised", layer, make_adam(layer, 0, 2e-2, 0.9, 0.99, 1, GAN_EPSILON_OUTSIDE), 3, 1, 0.05);
}

/* ---- historical averaging ---- */

static gan_optimizer *make_sgd(gan_layer *layer, double rate) {
    gan_sgd_options o;
    gan_optimizer *optimizer;
    gan_sgd_options_init(&o);
    o.learning_rate = rate;
    assert_int_equal(gan_sgd_create(&optimizer, layer, &o), GAN_OK);
    return optimizer;
}

static void history(void **state) {
    (void)state;
    gan_layer *layer = small();
    fill(layer, 0);
    gan_optimizer *sgd = make_sgd(layer, 0.1);
    gan_loss_historical_averaging_options o;
    gan_loss *loss;
    gan_loss_historical_averaging_options_init(&o);
    o.weight = 0.3;
    assert_int_equal(gan_loss_historical_averaging_create(&loss, layer, &o), GAN_OK);
    assert_int_equal(gan_loss_historical_averaging_update(loss), GAN_OK);
    for (int step = 0; step < STEPS; step++) {
        gan_tape_reset(tape);
        gan_tensor *term = gan_loss_historical_averaging(tape, loss);
        check("history", step, "term", term, 0);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
            char name[64];
            snprintf(name, sizeof name, "gradient/%s", gan_layer_tensor_name(layer, i));
            check("history", step, name, gan_gradient(tape, term, gan_layer_tensor(layer, i), GAN_GRAD_RETAIN), 0);
        }
        gan_tensor *cost = gan_add(tape, gan_sum(tape, gan_square(tape, forward(layer, step))), term);
        assert_int_equal(gan_optimizer_step(sgd, tape, cost), GAN_OK);
        assert_int_equal(gan_loss_historical_averaging_update(loss), GAN_OK);
    }
    assert_int_equal(loss->state_count, gan_layer_tensor_count(layer) + 1);
    for (int32_t i = 0; i < loss->state_count - 1; i++) {
        char name[64];
        snprintf(name, sizeof name, "history/%.7s/%s", loss->state[i].name, loss->state[i].name + 8);
        assert_true(golden_check(name, loss->state[i].tensor, NEAR, 0));
    }
    assert_string_equal(loss->state[4].name, "updates");
    assert_true(gan_tensor_item(loss->state[4].tensor, 0) == STEPS + 1);
    gan_loss_release(loss);
    gan_optimizer_release(sgd);
    gan_layer_release(layer);
}

/* ---- path length ---- */

enum { MOST_LAYERS = 5 };

/* A mapping network and a generator; PyTorch names a tensor after `prefix`. */
typedef struct networks {
    const char *name;
    gan_layer *layers[MOST_LAYERS]; /* the first is the mapping */
    const char *prefixes[MOST_LAYERS];
    int32_t count;
    gan_tensor *(*images)(struct networks *n, gan_tensor *w);
} networks;

static gan_tensor *flat_images(networks *n, gan_tensor *w) { return gan_layer_forward(tape, n->layers[1], w); }

static void make_flat(networks *n) {
    gan_builder *b = begin(gan_shape_1d(5));
    gan_add_linear(b, 5, NULL);
    gan_add_tanh(b);
    n->layers[0] = end(b);
    b = begin(gan_shape_1d(5));
    gan_add_linear(b, 36, NULL);
    gan_add_reshape(b, gan_shape_3d(4, 3, 3));
    gan_add_tanh(b);
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_softplus(b);
    n->layers[1] = end(b);
}

static gan_tensor *layered_images(networks *n, gan_tensor *w) {
    gan_tensor *of[3];
    int64_t batch = gan_tensor_shape(w).size[0];
    gan_layer *const layers[3] = {n->layers[1], n->layers[2], n->layers[4]};
    for (int32_t i = 0; i < 3; i++)
        of[i] =
            gan_layer_forward(tape, layers[i], gan_reshape(tape, gan_slice(tape, w, 1, i, 1), gan_shape_2d(batch, 5)));
    gan_tensor *h = gan_tanh(tape, gan_reshape(tape, of[0], gan_shape_4d(batch, 4, 3, 3)));
    h = gan_mul(tape, h, gan_reshape(tape, of[1], gan_shape_4d(batch, 4, 1, 1)));
    h = gan_layer_forward(tape, n->layers[3], h);
    return gan_softplus(tape, gan_add(tape, h, gan_reshape(tape, of[2], gan_shape_4d(batch, 2, 1, 1))));
}

static void make_layered(networks *n) {
    gan_builder *b = begin(gan_shape_1d(5));
    gan_add_linear(b, 15, NULL);
    gan_add_tanh(b);
    gan_add_reshape(b, gan_shape_2d(3, 5));
    n->layers[0] = end(b);
    n->layers[1] = linear(5, 36);
    n->layers[2] = linear(5, 4);
    b = begin(gan_shape_3d(4, 3, 3));
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    n->layers[3] = end(b);
    n->layers[4] = linear(5, 2);
}

/* "network.map.weight" of a layer of one module, whose tensor is "0.weight" here. */
static void check_gradient(const networks *n, int step, int32_t layer, int32_t tensor, gan_tensor *penalty,
                           double norm) {
    char name[96];
    const char *own = gan_layer_tensor_name(n->layers[layer], tensor), *prefix = n->prefixes[layer];
    snprintf(name, sizeof name, "%s%s", prefix, prefix[strlen(prefix) - 1] == '*' ? own + 2 : own);
    char *star = strchr(name, '*');
    if (star != NULL) memmove(star, star + 1, strlen(star));
    gan_tensor *x = gan_layer_tensor(n->layers[layer], tensor);
    check(n->name, step, name, gan_gradient(tape, penalty, x, GAN_GRAD_RETAIN), norm);
}

static void check_path_length(networks *n, const gan_loss_path_length_options *options) {
    gan_loss *loss;
    gan_optimizer *sgd = make_sgd(n->layers[0], 0.05);
    int32_t filled = 0;
    for (int32_t i = 0; i < n->count; i++) {
        filled = fill(n->layers[i], filled);
        if (i > 0) assert_int_equal(gan_optimizer_add_layer(sgd, n->layers[i], NULL), GAN_OK);
    }
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_NOISE, 0), GAN_OK);
    assert_int_equal(gan_loss_path_length_create(&loss, context, options), GAN_OK);
    for (int step = 0; step < STEPS; step++) {
        gan_tape_reset(tape);
        gan_tensor *w = gan_loss_path_length_latents(tape, loss, forward(n->layers[0], step));
        assert_true(gan_tensor_shape(w).size[0] == BATCH / options->batch_shrink);
        gan_tensor *images = n->images(n, w);
        gan_tensor *penalty = gan_loss_path_length(tape, loss, images, w);
        check(n->name, step, "penalty", penalty, 0);
        double a = gan_loss_path_length_mean(loss);
        gan_tensor *mean = host_tensor(context, GAN_F64, gan_shape_1d(1), &a);
        check(n->name, step, "mean", mean, 0);
        gan_tensor_release(mean);
        gan_tensor *of_w = gan_gradient(tape, penalty, w, GAN_GRAD_RETAIN);
        double *values = compare_read(of_w), norm = compare_norm(values, gan_tensor_count(of_w));
        free(values);
        check(n->name, step, "w", of_w, 0);
        for (int32_t i = 0; i < n->count; i++)
            for (int32_t k = 0; k < gan_layer_tensor_count(n->layers[i]); k++)
                check_gradient(n, step, i, k, penalty, norm);
        gan_tensor *cost = gan_add(tape, penalty, gan_mean(tape, gan_square(tape, images)));
        assert_int_equal(gan_optimizer_step(sgd, tape, cost), GAN_OK);
    }
    gan_loss_release(loss);
    gan_optimizer_release(sgd);
    for (int32_t i = 0; i < n->count; i++) gan_layer_release(n->layers[i]);
}

static void path_length(void **state) {
    (void)state;
    gan_loss_path_length_options o;
    networks flat = {.name = "flat", .prefixes = {"mapping.", "network.body."}, .count = 2, .images = flat_images};
    networks layered = {
        .name = "layered",
        .prefixes = {"mapping.", "network.map.*", "network.scale.*", "network.conv.*", "network.addend.*"},
        .count = 5,
        .images = layered_images};
    make_flat(&flat);
    gan_loss_path_length_options_init(&o); /* StyleGAN2's */
    check_path_length(&flat, &o);
    make_layered(&layered);
    o.weight = 0.5;
    o.decay = 0.3;
    o.interval = o.batch_shrink = 1;
    check_path_length(&layered, &o);
}

/* ---- the pool of images ---- */

static void check_pool(const char *name, int64_t capacity, int64_t batch) {
    gan_pool_options o;
    gan_pool *pool;
    char key[32];
    gan_pool_options_init(&o);
    o.capacity = capacity;
    o.dtype = GAN_F64;
    assert_int_equal(gan_pool_create(&pool, context, gan_shape_3d(2, 3, 3), &o), GAN_OK);
    assert_int_equal(gan_context_set_position(context, GAN_STREAM_POOL, 0), GAN_OK);
    for (int step = 0; step < POOL_STEPS; step++) {
        gan_tensor *images = inputs(step, 1, gan_shape_4d(batch, 2, 3, 3));
        gan_tape_reset(tape);
        check(name, step, "given", gan_pool_exchange(tape, pool, images), 0);
        gan_tensor_release(images);
    }
    snprintf(key, sizeof key, "%s/images", name);
    assert_true(golden_check(key, gani_image_pool_state(pool)[0].tensor, NEAR, 0));
    gan_pool_release(pool);
}

static void pools(void **state) {
    (void)state;
    check_pool("pool50", 50, 4);
    check_pool("pool5", 5, 3);
}

static int open_book(void **state) {
    (void)state;
    GOLDEN_OPEN(goldens);
    return 0;
}
static int close_book(void **state) {
    (void)state;
    return golden_close() ? 0 : -1;
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, close_tape)
    const struct CMUnitTest tests[] = {TEST(optimizers), TEST(accumulated), TEST(history), TEST(path_length),
                                       TEST(pools)};
    return cmocka_run_group_tests(tests, open_book, close_book);
}
