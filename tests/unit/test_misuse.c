/* What a review found that a host could do to the library: each case once corrupted memory, crashed or gave a silent
 * zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "host.h"
#include "tape_fixture.h"

static gan_layer *linear(int64_t inputs) {
    gan_layer *layer;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(inputs));
    gan_add_linear(b, 1, NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

static void expect_failure(gan_status status) {
    assert_int_equal(gan_tape_status(tape), status);
    assert_true(gan_tape_error(tape)[0] != '\0');
    gan_tape_reset(tape);
}

/* A loss without values to look at: what a failed operation returned, after the tape was reset; labels and bytes. */
static void losses_without_a_value(void **state) {
    (void)state;
    gan_layer *layer = linear(2);
    gan_optimizer *sgd;
    assert_int_equal(gan_sgd_create(&sgd, layer, NULL), GAN_OK);
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_2d(1, 3), 0, 1, 1);
    gan_tensor *inert = gan_layer_forward(tape, layer, x); /* 3 numbers for a network of 2 */
    expect_failure(GAN_E_SHAPE);
    assert_true(gan_optimizer_step(sgd, tape, inert) < 0);
    assert_true(gan_optimizer_accumulate(sgd, tape, inert) < 0);
    gan_tape_reset(tape);
    assert_true(gan_optimizer_step(sgd, tape, gan_full(tape, GAN_I32, gan_shape_0d(), 1)) < 0);
    gan_tape_reset(tape);
    assert_int_equal(gan_optimizer_steps(sgd), 0);
    gan_tensor_release(x);
    gan_optimizer_release(sgd);
    gan_layer_release(layer);
}

/* What a layer of the application's has computed and a gradient has given back is a loss no more. */
static gan_tensor *inside;
static int32_t weight_of_one(void *user, const char *config, const gan_shape *inputs, gan_layer_slot *slots) {
    (void)user, (void)config;
    slots[0].name = "weight";
    slots[0].shape = inputs[0];
    slots[0].is_parameter = 1;
    return 1;
}
static gan_tensor *keep_a_scalar(void *user, gan_tape *on, const char *config, gan_tensor *const *tensors,
                                 gan_tensor *const *inputs, int32_t training) {
    (void)user, (void)config, (void)training;
    inside = gan_mean(on, gan_square(on, gan_mul(on, inputs[0], tensors[0])));
    return gan_mul(on, gan_mul(on, inputs[0], tensors[0]), gan_exp(on, inside));
}
static void a_loss_that_was_given_back(void **state) {
    (void)state;
    gan_layer_type type;
    gan_layer *layer;
    gan_optimizer *sgd;
    gan_layer_type_init(&type);
    type.name = "acme.keep";
    type.tensors = weight_of_one;
    type.forward = keep_a_scalar;
    assert_int_equal(gan_layer_type_register(context, &type), GAN_OK);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_registered(b, "acme.keep", NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    assert_int_equal(gan_sgd_create(&sgd, layer, NULL), GAN_OK);
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_2d(4, 3), 0, 1, 1);
    gan_tensor *loss = gan_mean(tape, gan_layer_forward(tape, layer, x));
    assert_int_equal(gan_optimizer_accumulate(sgd, tape, loss), GAN_OK);
    assert_true(gan_optimizer_accumulate(sgd, tape, inside) < 0);
    gan_tensor_release(x);
    gan_optimizer_release(sgd);
    gan_layer_release(layer);
}

static void windows_beyond_reason(void **state) {
    (void)state;
    const int64_t huge = (int64_t)1 << 31;
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_4d(1, 1, 1, 1), 0, 1, 1);
    gan_conv2d(tape, x, x, NULL, huge, huge, NULL);
    expect_failure(GAN_E_ARGUMENT);
    gan_conv2d(tape, x, x, NULL, 1, huge - 1, NULL);
    expect_failure(GAN_E_ARGUMENT);
    gan_conv_transpose2d(tape, x, x, NULL, huge, 0, NULL);
    expect_failure(GAN_E_ARGUMENT);
    /* each size in range, and all together beyond any memory */
    gan_conv_options far;
    gan_conv_options_init(&far);
    far.dilation = 32768;
    gan_tensor *window = host_uniform(context, GAN_F32, gan_shape_4d(1, 1, 60, 60), 0, 1, 1);
    gan_conv_transpose2d(tape, x, window, NULL, 1, 0, &far);
    expect_failure(GAN_E_LIMIT);
    gan_conv2d(tape, x, window, NULL, 1, 32768, &far);
    expect_failure(GAN_E_SHAPE);
    gan_tensor_release(window);
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(1, 1, 1));
    gan_add_conv2d(b, 1, 1, huge, huge, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_E_ARGUMENT);
    /* an output that no tensor can have, and a negative one made of it */
    b = gan_builder_begin(context, gan_shape_3d(1, huge - 1, huge - 1));
    gan_add_conv_transpose2d(b, 8, 1, 2, 0, NULL);
    gan_add_reshape(b, gan_shape_2d(-1, 5));
    assert_int_equal(gan_builder_end(&layer, b), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "layer 0"));
    gan_tensor_release(x);
}

static void gradients_for_what_is_not_tracked(void **state) {
    (void)state;
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_2d(2, 3), 0, 1, 1), *bytes;
    assert_int_equal(gan_tensor_create(&bytes, context, GAN_U8, gan_shape_1d(3)), GAN_OK);
    gan_tensor *y = gan_square(tape, gan_watch(tape, x));
    gan_gradient(tape, y, bytes, 0);
    expect_failure(GAN_E_DTYPE);
    y = gan_square(tape, gan_watch(tape, x));
    gan_gradient(tape, y, x, 0); /* meant: the result of gan_watch */
    expect_failure(GAN_E_ARGUMENT);
    gan_tape *other;
    assert_int_equal(gan_tape_create(&other, context), GAN_OK);
    gan_tensor *elsewhere = gan_watch(other, x);
    y = gan_square(tape, gan_watch(tape, x));
    gan_gradient(tape, y, elsewhere, 0);
    expect_failure(GAN_E_ARGUMENT);
    gan_detach(tape, elsewhere);
    expect_failure(GAN_E_ARGUMENT);
    gan_tape_release(other);
    gan_tensor_release(bytes);
    gan_tensor_release(x);
}

/* Watching what is tracked already does not cut it off. */
static void watching_twice(void **state) {
    (void)state;
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_1d(3), 0, 1, 1), *w = gan_watch(tape, x);
    gan_tensor *middle = gan_watch(tape, gan_scale(tape, w, 3));
    gan_tensor *y = gan_sum(tape, gan_scale(tape, middle, 2)), *xs[2] = {w, middle}, *g[2];
    gan_gradients(tape, y, NULL, xs, 2, 0, g);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_tensor_item(g[0], 1) == 6 && gan_tensor_item(g[1], 1) == 2);
    gan_tensor_release(x);
}

static void batch_norm_differentiated_twice(void **state) {
    (void)state;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_batch_norm(b, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_2d(4, 3), 0, 1, 1);
    gan_tensor *y = gan_layer_forward(tape, layer, x), *weight = gan_layer_find(layer, "0.weight");
    gan_gradient(tape, y, weight, 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_gradient(tape, y, weight, 0);
    expect_failure(GAN_E_STATE);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

static void a_loss_of_another_network(void **state) {
    (void)state;
    gan_layer *mine = linear(2), *other = linear(2);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, mine, NULL), GAN_OK);
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_2d(4, 2), 0, 1, 1);
    gan_tensor *loss = gan_sum(tape, gan_layer_forward(tape, other, x));
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_E_ARGUMENT);
    assert_true(gan_optimizer_steps(adam) == 0);
    gan_tensor_release(x);
    gan_optimizer_release(adam);
    gan_layer_release(mine);
    gan_layer_release(other);
}

/* Parameters that a loss does not touch stay as they are, weight decay or not. */
static void a_loss_of_some_parameters(void **state) {
    (void)state;
    gan_layer *layer = linear(2);
    gan_adam_options o;
    gan_adam_options_init(&o);
    o.weight_decay = 0.5;
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, &o), GAN_OK);
    gan_tensor *weight = gan_layer_find(layer, "0.weight"), *bias = gan_layer_find(layer, "0.bias");
    double w = gan_tensor_item(weight, 0), b = gan_tensor_item(bias, 0);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_sum(tape, gan_square(tape, bias))), GAN_OK);
    assert_true(gan_tensor_item(weight, 0) == w);
    assert_true(gan_tensor_item(bias, 0) != b);
    gan_optimizer_release(adam);
    gan_layer_release(layer);
}

static void a_bad_gradient_is_not_gathered(void **state) {
    (void)state;
    gan_layer *layer = linear(1);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    gan_tensor *good = host_uniform(context, GAN_F32, gan_shape_2d(2, 1), 1, 2, 1), *bad;
    assert_int_equal(gan_tensor_clone(&bad, good), GAN_OK);
    assert_int_equal(gan_tensor_fill(bad, NAN), GAN_OK);
    gan_tensor *loss = gan_sum(tape, gan_layer_forward(tape, layer, bad));
    assert_int_equal(gan_optimizer_accumulate(adam, tape, loss), GAN_E_NUMERIC);
    loss = gan_sum(tape, gan_layer_forward(tape, layer, good));
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
    gan_tensor_release(bad);
    gan_tensor_release(good);
    gan_optimizer_release(adam);
    gan_layer_release(layer);
}

static void *seen[4];
static int32_t seen_count;
static int32_t remember(void *user, void *data, int64_t count, gan_dtype dtype) {
    (void)user, (void)count, (void)dtype;
    if (seen_count < 4) seen[seen_count++] = data;
    return 0;
}

/* Two parameters that enter a loss alike have equal gradients, not the same one. */
static void gradients_are_apart(void **state) {
    (void)state;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(1));
    gan_add_linear(b, 2, NULL);
    gan_add_linear(b, 2, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    assert_int_equal(gan_optimizer_set_all_reduce(adam, remember, NULL), GAN_OK);
    gan_tensor *sum = gan_add(tape, gan_layer_find(layer, "0.bias"), gan_layer_find(layer, "1.bias"));
    seen_count = 0;
    assert_int_equal(gan_optimizer_step(adam, tape, gan_sum(tape, sum)), GAN_OK);
    assert_int_equal(seen_count, 2);
    assert_ptr_not_equal(seen[0], seen[1]);
    gan_optimizer_release(adam);
    gan_layer_release(layer);
}

static void copies_between_views(void **state) {
    (void)state;
    gan_tensor *x, *from, *to;
    assert_int_equal(gan_tensor_create(&x, context, GAN_I32, gan_shape_1d(100)), GAN_OK);
    for (int32_t i = 0; i < 100; i++) ((int32_t *)gan_tensor_data(x))[i] = i;
    assert_int_equal(gan_tensor_slice(&from, x, 0, 0, 99), GAN_OK);
    assert_int_equal(gan_tensor_slice(&to, x, 0, 1, 99), GAN_OK);
    assert_int_equal(gan_tensor_copy(to, from), GAN_OK);
    for (int32_t i = 1; i < 100; i++) assert_true(gan_tensor_item(x, i) == i - 1);
    gan_tensor_release(to);
    gan_tensor_release(from);
    gan_tensor_release(x);
}

static void empty_and_enormous(void **state) {
    (void)state;
    const int64_t large = (int64_t)1 << 40;
    gan_tensor *x;
    assert_int_equal(gan_tensor_create(&x, context, GAN_F32, gan_shape_3d(0, large, large)), GAN_OK);
    assert_true(gan_tensor_is_contiguous(x) == 1);
    assert_null(gan_tensor_data(x));
    assert_int_equal(gan_tensor_count(gan_square(tape, x)), 0);
    assert_int_equal(gan_tensor_count(gan_mean_axes(tape, x, 6, 0)), 0);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_mean_axes(tape, x, 1, 0);
    expect_failure(GAN_E_SHAPE);
    gan_batch_norm(tape, x, NULL, NULL, 1e-5);
    expect_failure(GAN_E_SHAPE);
    gan_tensor_release(x);
}

/* Members named reserved are for later versions: what an earlier one does not know, it refuses. */
static void reserved_members(void **state) {
    (void)state;
    gan_loss *loss;
    gan_loss_bce_options bce;
    gan_loss_bce_options_init(&bce);
    bce.reserved = 1;
    assert_int_equal(gan_loss_bce_create(&loss, context, &bce), GAN_E_UNSUPPORTED);
    assert_null(loss);
    assert_non_null(strstr(gan_context_error(context), "gan_loss_bce_create: a reserved option"));
    gan_layer *layer = linear(1);
    gan_optimizer *optimizer;
    gan_rmsprop_options rmsprop;
    gan_rmsprop_options_init(&rmsprop);
    rmsprop.reserved = 1;
    assert_int_equal(gan_rmsprop_create(&optimizer, layer, &rmsprop), GAN_E_UNSUPPORTED);
    gan_sgd_options sgd;
    gan_sgd_options_init(&sgd);
    sgd.reserved = 1;
    assert_int_equal(gan_sgd_create(&optimizer, layer, &sgd), GAN_E_UNSUPPORTED);
    assert_int_equal(gan_sgd_create(&optimizer, layer, NULL), GAN_OK);
    gan_schedule_options schedule;
    gan_schedule_options_init(&schedule);
    schedule.reserved = 1;
    assert_int_equal(gan_optimizer_set_schedule(optimizer, &schedule), GAN_E_UNSUPPORTED);
    gan_optimizer_release(optimizer);
    gan_layer_release(layer);
    gan_run *run;
    gan_run_options options_of_run;
    gan_run_options_init(&options_of_run);
    options_of_run.reserved = 1;
    assert_int_equal(gan_run_create(&run, context, &options_of_run), GAN_E_UNSUPPORTED);
    gan_dataset *digits, *other;
    assert_int_equal(gan_digits_create(&digits, context, NULL), GAN_OK);
    gan_loader *loader;
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.reserved = 1;
    assert_int_equal(gan_loader_create(&loader, digits, &options), GAN_E_UNSUPPORTED);
    gan_dataset_release(digits);
    const char *const paths[1] = {"none"};
    gan_cifar_options cifar;
    gan_cifar_options_init(&cifar);
    cifar.reserved = 1;
    assert_int_equal(gan_cifar_open(&other, context, paths, 1, &cifar), GAN_E_UNSUPPORTED);
    float item = 0;
    gan_memory_dataset memory;
    gan_memory_dataset_init(&memory);
    memory.dtype = GAN_F32;
    memory.shape = gan_shape_1d(1);
    memory.count = 1;
    memory.items = &item;
    memory.reserved = 1;
    assert_int_equal(gan_memory_dataset_create(&other, context, &memory), GAN_E_UNSUPPORTED);
}

static void builders_without_a_context(void **state) {
    (void)state;
    gan_builder *b = gan_builder_begin(NULL, gan_shape_1d(1));
    assert_non_null(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_E_ARGUMENT);
    assert_null(layer);
    /* until its end a builder keeps its error to itself */
    b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_conv2d(b, 1, 3, 1, 1, NULL);
    assert_string_equal(gan_context_error(context), "");
    assert_int_equal(gan_builder_end(&layer, b), GAN_E_SHAPE);
    assert_non_null(strstr(gan_context_error(context), "layer 0 (conv2d)"));
}

/* softplus(s) - s is 0 from s = 15 on in single precision; softplus(-s) is not. */
/* Searching for names takes time with the square of their number. */
static void networks_beyond_reason(void **state) {
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        gan_layer *layer;
        gan_builder *b = gan_builder_begin(context, gan_shape_1d(1));
        for (int i = 0; i < 8192 + extra; i++) gan_add_relu(b);
        assert_int_equal(gan_builder_end(&layer, b), extra ? GAN_E_LIMIT : GAN_OK);
        gan_layer_release(layer);
    }
    assert_non_null(strstr(gan_context_error(context), "8192 layers"));
}

static void small_losses_are_not_zero(void **state) {
    (void)state;
    gan_tensor *s;
    assert_int_equal(gan_tensor_create(&s, context, GAN_F32, gan_shape_1d(1)), GAN_OK);
    assert_int_equal(gan_tensor_fill(s, 20), GAN_OK);
    gan_tensor *w = gan_watch(tape, s), *loss = gan_bce_with_logits(tape, w, 1);
    double expected = log1p(exp(-20.0)), slope = -1 / (1 + exp(20.0));
    assert_true(fabs(gan_tensor_item(loss, 0) / expected - 1) < 1e-5);
    assert_true(fabs(gan_tensor_item(gan_gradient(tape, loss, w, 0), 0) / slope - 1) < 1e-5);
    gan_tensor_release(s);
}

static void more_inputs_than_there_are(void **state) {
    (void)state;
    gan_layer *layer = linear(2);
    gan_tensor *x = gan_normal(tape, GAN_F32, gan_shape_2d(2, 2)), *y;
    gan_layer_forward_many(tape, layer, &x, INT32_MAX, &y, 1); /* only one was ever there to be read */
    expect_failure(GAN_E_ARGUMENT);
    gan_layer_forward_many(tape, layer, &x, -1, &y, 1);
    expect_failure(GAN_E_ARGUMENT);
    gan_layer_release(layer);
}

static void flags_of_two(void **state) {
    (void)state;
    gan_layer *layer;
    for (int i = 0; i < 3; i++) {
        gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
        gan_weight_options weight;
        gan_weight_options_init(&weight);
        gan_batch_norm_options norm;
        gan_batch_norm_options_init(&norm);
        *(i == 0 ? &weight.bias : i == 1 ? &norm.affine : &norm.track_running_stats) = 2;
        if (i == 0)
            gan_add_linear(b, 2, &weight);
        else
            gan_add_batch_norm(b, &norm);
        assert_int_equal(gan_builder_end(&layer, b), GAN_E_ARGUMENT);
        assert_non_null(strstr(gan_context_error(context), "is 2, neither 0 nor 1"));
    }
}

static void intervals_that_are_none(void **state) {
    (void)state;
    static const double bounds[][2] = {{1, -1}, {-1.7e308, 1.7e308}, {NAN, 1}, {0, INFINITY}};
    gan_tensor *x = host_uniform(context, GAN_F64, gan_shape_1d(2), 0, 1, 1);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        const double low = bounds[i][0], high = bounds[i][1];
        assert_int_equal(gan_init_uniform(x, low, high), GAN_E_ARGUMENT);
        assert_int_equal(gan_tensor_fill_uniform(x, low, high, 0, 8, 0), GAN_E_ARGUMENT);
        gan_uniform(tape, GAN_F64, gan_shape_1d(2), low, high);
        expect_failure(GAN_E_ARGUMENT);
    }
    assert_int_equal(gan_init_uniform(x, 2, 2), GAN_OK);
    assert_true(gan_tensor_item(x, 1) == 2);
    gan_tensor_release(x);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_tape, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(windows_beyond_reason),
        TEST(losses_without_a_value),
        TEST(a_loss_that_was_given_back),
        TEST(gradients_for_what_is_not_tracked),
        TEST(watching_twice),
        TEST(batch_norm_differentiated_twice),
        TEST(a_loss_of_another_network),
        TEST(a_loss_of_some_parameters),
        TEST(a_bad_gradient_is_not_gathered),
        TEST(gradients_are_apart),
        TEST(copies_between_views),
        TEST(empty_and_enormous),
        TEST(reserved_members),
        TEST(builders_without_a_context),
        TEST(networks_beyond_reason),
        TEST(small_losses_are_not_zero),
        TEST(more_inputs_than_there_are),
        TEST(flags_of_two),
        TEST(intervals_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
