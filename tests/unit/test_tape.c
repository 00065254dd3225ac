/* The tape's contract: sticky errors, what gradients are of, what is kept and given back, stale values, steps that
 * allocate nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"

typedef struct fixture {
    gan_context *context;
    gan_tape *tape;
    gan_tensor *a, *b; /* 2 x 3 */
} fixture;

static int open_fixture(void **state) {
    static fixture f;
    f.context = host_context(1);
    f.a = host_uniform(f.context, GAN_F64, gan_shape_2d(2, 3), 0.5, 2, 1);
    f.b = host_uniform(f.context, GAN_F64, gan_shape_2d(2, 3), 0.5, 2, 2);
    *state = &f;
    return gan_tape_create(&f.tape, f.context) == GAN_OK ? 0 : -1;
}

static int close_fixture(void **state) {
    fixture *f = *state;
    gan_tape_release(f->tape);
    gan_tensor_release(f->a);
    gan_tensor_release(f->b);
    gan_context_release(f->context);
    return 0;
}

static void assert_inert(const gan_tensor *tensor) {
    assert_non_null(tensor);
    assert_int_equal(gan_tensor_dtype(tensor), 0);
    assert_int_equal(gan_tensor_shape(tensor).rank, 0);
    assert_int_equal(gan_tensor_count(tensor), 0);
    assert_null(gan_tensor_const_data(tensor));
    assert_true(isnan(gan_tensor_item(tensor, 0)));
}

static void the_first_error_stays(void **state) {
    fixture *f = *state;
    gan_tensor *x = gan_watch(f->tape, f->a);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    assert_string_equal(gan_tape_error(f->tape), "");
    assert_inert(gan_reshape(f->tape, x, gan_shape_1d(7)));
    assert_int_equal(gan_tape_status(f->tape), GAN_E_SHAPE);
    char first[512];
    snprintf(first, sizeof first, "%s", gan_tape_error(f->tape));
    assert_non_null(strstr(first, "reshape"));
    assert_non_null(strstr(first, "2x3"));
    assert_non_null(strstr(first, "7"));
    /* nothing that follows changes it, whatever is wrong with it */
    assert_inert(gan_add(f->tape, x, NULL));
    assert_inert(gan_matmul(f->tape, x, x, 0, 0));
    assert_inert(gan_mul(f->tape, gan_exp(f->tape, x), x));
    assert_inert(gan_layer_forward(f->tape, NULL, x));
    assert_inert(gan_gradient(f->tape, x, x, 0));
    assert_int_equal(gan_tape_status(f->tape), GAN_E_SHAPE);
    assert_string_equal(gan_tape_error(f->tape), first);
    /* what was there before is still there */
    assert_true(gan_tensor_item(x, 5) == gan_tensor_item(f->a, 5));
    gan_tape_reset(f->tape);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    assert_string_equal(gan_tape_error(f->tape), "");
    assert_int_equal(gan_tensor_count(gan_exp(f->tape, f->a)), 6);
}

static void inert_tensors_are_harmless(void **state) {
    fixture *f = *state;
    gan_tensor *inert = gan_reshape(f->tape, f->a, gan_shape_1d(7)), *out = NULL;
    assert_ptr_equal(gan_tensor_retain(inert), inert);
    gan_tensor_release(inert);
    gan_tensor_release(inert);
    assert_true(gan_tensor_clone(&out, inert) < 0);
    assert_null(out);
    assert_true(gan_tensor_copy(f->a, inert) < 0);
    assert_true(gan_tensor_fill(inert, 1) < 0);
    gan_tape_reset(f->tape);
    /* ... and on a tape that has not failed they are an error, not a value */
    assert_inert(gan_exp(f->tape, inert));
    assert_int_equal(gan_tape_status(f->tape), GAN_E_ARGUMENT);
}

static void null_arguments(void **state) {
    fixture *f = *state;
    gan_tensor *x = f->a;
    gan_tape *t = f->tape;
    const int32_t axes[] = {1, 0};
#define REFUSED(CALL)                                                                                                  \
    do {                                                                                                               \
        assert_inert(CALL);                                                                                            \
        assert_int_equal(gan_tape_status(t), GAN_E_ARGUMENT);                                                          \
        assert_true(strlen(gan_tape_error(t)) > 0);                                                                    \
        gan_tape_reset(t);                                                                                             \
    } while (0)
    REFUSED(gan_add(t, NULL, x));
    REFUSED(gan_sub(t, x, NULL));
    REFUSED(gan_mul(t, NULL, NULL));
    REFUSED(gan_div(t, x, NULL));
    REFUSED(gan_neg(t, NULL));
    REFUSED(gan_scale(t, NULL, 1));
    REFUSED(gan_add_scalar(t, NULL, 1));
    REFUSED(gan_square(t, NULL));
    REFUSED(gan_reciprocal(t, NULL));
    REFUSED(gan_sqrt(t, NULL));
    REFUSED(gan_rsqrt(t, NULL));
    REFUSED(gan_exp(t, NULL));
    REFUSED(gan_log(t, NULL));
    REFUSED(gan_abs(t, NULL));
    REFUSED(gan_clamp(t, NULL, 0, 1));
    REFUSED(gan_relu(t, NULL));
    REFUSED(gan_leaky_relu(t, NULL, 0.2));
    REFUSED(gan_tanh(t, NULL));
    REFUSED(gan_sigmoid(t, NULL));
    REFUSED(gan_softplus(t, NULL));
    REFUSED(gan_sum(t, NULL));
    REFUSED(gan_mean(t, NULL));
    REFUSED(gan_sum_axes(t, NULL, 1, 0));
    REFUSED(gan_mean_axes(t, NULL, 1, 0));
    REFUSED(gan_reshape(t, NULL, gan_shape_0d()));
    REFUSED(gan_permute(t, NULL, axes));
    REFUSED(gan_permute(t, x, NULL));
    REFUSED(gan_broadcast(t, NULL, gan_shape_0d()));
    REFUSED(gan_slice(t, NULL, 0, 0, 1));
    REFUSED(gan_pad(t, NULL, 0, 0, 1, GAN_PAD_ZERO));
    REFUSED(gan_concat(t, NULL, 1, 0));
    REFUSED(gan_concat(t, &x, 0, 0));
    REFUSED(gan_concat(t, &x, -1, 0));
    REFUSED(gan_matmul(t, NULL, x, 0, 0));
    REFUSED(gan_linear(t, x, NULL, NULL));
    REFUSED(gan_conv2d(t, NULL, x, NULL, 1, 0, NULL));
    REFUSED(gan_conv_transpose2d(t, x, NULL, NULL, 1, 0, NULL));
    REFUSED(gan_batch_norm(t, NULL, NULL, NULL, 1e-5));
    REFUSED(gan_batch_norm(t, x, x, NULL, 1e-5));
    REFUSED(gan_watch(t, NULL));
    REFUSED(gan_detach(t, NULL));
    REFUSED(gan_gradient(t, NULL, x, 0));
    REFUSED(gan_gradient(t, gan_exp(t, gan_watch(t, x)), NULL, 0));
    REFUSED(gan_layer_forward(t, NULL, x));
    REFUSED(gan_loss_generator(t, NULL, x));
    REFUSED(gan_bce_with_logits(t, NULL, 1));
    /* without a tape there is nothing that could keep an error */
    assert_inert(gan_add(NULL, x, x));
    assert_inert(gan_watch(NULL, x));
    assert_inert(gan_gradient(NULL, x, x, 0));
    assert_inert(gan_full(NULL, GAN_F32, gan_shape_0d(), 0));
    assert_int_equal(gan_tape_status(NULL), GAN_E_ARGUMENT);
    assert_string_equal(gan_tape_error(NULL), "");
    gan_tape_release(NULL);
    gan_tape_reset(NULL);
    gan_tape *none = (gan_tape *)&axes;
    assert_int_equal(gan_tape_create(&none, NULL), GAN_E_ARGUMENT);
    assert_null(none);
    assert_int_equal(gan_tape_create(NULL, f->context), GAN_E_ARGUMENT);
}

static void operands_that_do_not_fit(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *x = f->a, *narrow = host_uniform(f->context, GAN_F32, gan_shape_2d(2, 3), 0, 1, 3), *labels;
    gan_tensor *image = host_uniform(f->context, GAN_F64, gan_shape_4d(1, 2, 4, 4), 0, 1, 3);
    gan_tensor *weight = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 2, 3, 3), 0, 1, 3);
    gan_tensor *empty = host_uniform(f->context, GAN_F64, gan_shape_2d(0, 3), 0, 1, 3);
    assert_int_equal(gan_tensor_create(&labels, f->context, GAN_I32, gan_shape_2d(2, 3)), GAN_OK);
    const int32_t twice[] = {0, 0}, beyond[] = {0, 2};
    gan_shape negative = gan_shape_2d(-2, 3), two_open = gan_shape_2d(-1, -1), deep = gan_shape_0d();
    deep.rank = GAN_MAX_RANK + 1;
    gan_conv_options o;
#define FAILS(STATUS, CALL)                                                                                            \
    do {                                                                                                               \
        assert_inert(CALL);                                                                                            \
        assert_int_equal(gan_tape_status(t), (STATUS));                                                                \
        gan_tape_reset(t);                                                                                             \
    } while (0)
    FAILS(GAN_E_DTYPE, gan_add(t, x, narrow));
    FAILS(GAN_E_DTYPE, gan_exp(t, labels));
    FAILS(GAN_E_SHAPE, gan_add(t, x, image));
    gan_clamp(t, x, 1, 0.5);
    assert_non_null(strstr(gan_tape_error(t), "clamp: the lower bound, 1, is above the upper one, 0.5"));
    FAILS(GAN_E_ARGUMENT, gan_clamp(t, x, 1, 0));
    gan_batch_norm(t, x, NULL, NULL, -2);
    assert_non_null(strstr(gan_tape_error(t), "batch_norm: epsilon is -2; it must be above 0"));
    FAILS(GAN_E_ARGUMENT, gan_batch_norm(t, x, NULL, NULL, 0));
    gan_bce_with_logits(t, x, 1.5);
    assert_non_null(strstr(gan_tape_error(t), "bce_with_logits: target is 1.5; it must be in 0 to 1"));
    FAILS(GAN_E_ARGUMENT, gan_bce_with_logits(t, x, -0.5));
    FAILS(GAN_E_ARGUMENT, gan_clamp(t, x, NAN, 0));
    FAILS(GAN_E_SHAPE, gan_mean(t, empty));
    FAILS(GAN_E_SHAPE, gan_mean_axes(t, empty, 1, 0));
    FAILS(GAN_E_ARGUMENT, gan_sum_axes(t, x, 4, 0));
    FAILS(GAN_E_SHAPE, gan_reshape(t, x, negative));
    FAILS(GAN_E_SHAPE, gan_reshape(t, x, two_open));
    FAILS(GAN_E_SHAPE, gan_reshape(t, x, deep));
    FAILS(GAN_E_ARGUMENT, gan_permute(t, x, twice));
    FAILS(GAN_E_ARGUMENT, gan_permute(t, x, beyond));
    FAILS(GAN_E_SHAPE, gan_broadcast(t, x, gan_shape_2d(2, 4)));
    FAILS(GAN_E_SHAPE, gan_broadcast(t, x, gan_shape_1d(3)));
    FAILS(GAN_E_ARGUMENT, gan_slice(t, x, 2, 0, 1));
    FAILS(GAN_E_ARGUMENT, gan_slice(t, x, 1, 2, 2));
    FAILS(GAN_E_ARGUMENT, gan_slice(t, x, 1, INT64_MAX, 2));
    FAILS(GAN_E_ARGUMENT, gan_slice(t, x, 1, -1, 2));
    FAILS(GAN_E_ARGUMENT, gan_pad(t, x, 0, -1, 0, GAN_PAD_ZERO));
    FAILS(GAN_E_ARGUMENT, gan_pad(t, x, -1, 0, 0, GAN_PAD_ZERO));
    FAILS(GAN_E_SHAPE, gan_matmul(t, x, x, 0, 0));
    FAILS(GAN_E_SHAPE, gan_matmul(t, image, x, 0, 0));
    FAILS(GAN_E_SHAPE, gan_matmul(t, image, gan_full(t, GAN_F64, gan_shape_3d(3, 4, 4), 1), 0, 0)); /* 2 and 3 */
    FAILS(GAN_E_SHAPE, gan_matmul(t, x, gan_full(t, GAN_F64, gan_shape_1d(3), 1), 0, 0));
    FAILS(GAN_E_SHAPE, gan_linear(t, x, x, x));
    FAILS(GAN_E_SHAPE, gan_conv2d(t, x, weight, NULL, 1, 0, NULL));
    FAILS(GAN_E_SHAPE, gan_conv2d(t, image, gan_slice(t, weight, 1, 0, 1), NULL, 1, 0, NULL)); /* channels */
    FAILS(GAN_E_SHAPE, gan_conv2d(t, image, weight, x, 1, 0, NULL));                           /* bias */
    FAILS(GAN_E_SHAPE,
          gan_conv2d(t, gan_slice(t, image, 2, 0, 2), weight, NULL, 1, 0, NULL)); /* smaller than the kernel */
    FAILS(GAN_E_ARGUMENT, gan_conv2d(t, image, weight, NULL, 0, 0, NULL));
    FAILS(GAN_E_ARGUMENT, gan_conv2d(t, image, weight, NULL, 1, -1, NULL));
    /* one option wrong at a time; the message names it */
#define OPTION_FAILS(STATUS, MEMBER, VALUE, WORD, CALL)                                                                \
    do {                                                                                                               \
        gan_conv_options_init(&o);                                                                                     \
        o.MEMBER = (VALUE);                                                                                            \
        assert_inert(CALL);                                                                                            \
        assert_int_equal(gan_tape_status(t), (STATUS));                                                                \
        assert_non_null(strstr(gan_tape_error(t), WORD));                                                              \
        gan_tape_reset(t);                                                                                             \
    } while (0)
    OPTION_FAILS(GAN_E_ARGUMENT, output_padding, 2, "output_padding",
                 gan_conv_transpose2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, output_padding, -1, "output_padding",
                 gan_conv_transpose2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, output_padding_w, 2, "output_padding",
                 gan_conv_transpose2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, output_padding, 1, "transposed", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, output_padding_w, 1, "transposed", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, stride_w, 0, "stride", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, stride_w, -2, "stride", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, padding_w, 32769, "padding", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, dilation, 0, "dilation", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, dilation_w, INT64_MAX, "dilation", gan_conv2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, dilation, 32769, "dilation", gan_conv_transpose2d(t, image, weight, NULL, 2, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, groups, 0, "groups", gan_conv2d(t, image, weight, NULL, 1, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, groups, 3, "groups", gan_conv2d(t, image, weight, NULL, 1, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, groups, INT64_MIN, "groups", gan_conv_transpose2d(t, image, weight, NULL, 1, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, groups, INT64_MAX, "groups", gan_conv_transpose2d(t, image, weight, NULL, 1, 0, &o));
    OPTION_FAILS(GAN_E_SHAPE, groups, 2, "channels", gan_conv2d(t, image, weight, NULL, 1, 0, &o)); /* weight: 2 x 1 */
    OPTION_FAILS(GAN_E_SHAPE, dilation, 2, "5x5", gan_conv2d(t, image, weight, NULL, 1, 0, &o));    /* beyond 4 x 4 */
    OPTION_FAILS(GAN_E_ARGUMENT, struct_size, 0, "init", gan_conv2d(t, image, weight, NULL, 1, 0, &o));
    OPTION_FAILS(GAN_E_ARGUMENT, struct_size, 7, "init", gan_conv_transpose2d(t, image, weight, NULL, 1, 0, &o));
#undef OPTION_FAILS
    struct {
        gan_conv_options known;
        int64_t later;
    } newer;
    gan_conv_options_init_sized(&newer.known, sizeof newer);
    FAILS(GAN_E_UNSUPPORTED, (newer.later = 1, gan_conv2d(t, image, weight, NULL, 1, 0, &newer.known)));
    FAILS(GAN_E_SHAPE, gan_conv_transpose2d(t, image, weight, NULL, 1, 9, NULL));
    FAILS(GAN_E_SHAPE, gan_batch_norm(t, gan_slice(t, x, 0, 0, 1), NULL, NULL, 1e-5));
    FAILS(GAN_E_ARGUMENT, gan_batch_norm(t, x, NULL, NULL, 0));
    FAILS(GAN_E_SHAPE, gan_full(t, GAN_F64, negative, 0));
    FAILS(GAN_E_DTYPE, gan_full(t, GAN_I32, gan_shape_0d(), 0));
    FAILS(GAN_E_DTYPE, gan_normal(t, 77, gan_shape_0d()));
    FAILS(GAN_E_LIMIT, gan_full(t, GAN_F64, gan_shape_2d((int64_t)1 << 31, (int64_t)1 << 31), 0));
    FAILS(GAN_E_LIMIT, gan_broadcast(t, gan_full(t, GAN_F64, gan_shape_0d(), 0), gan_shape_1d((int64_t)1 << 62)));

    gan_context *elsewhere = host_context(1);
    gan_tape *other;
    assert_int_equal(gan_tape_create(&other, elsewhere), GAN_OK);
    assert_inert(gan_exp(other, x));
    assert_int_equal(gan_tape_status(other), GAN_E_ARGUMENT);
    gan_tape_release(other);
    gan_context_release(elsewhere);
    assert_int_equal(gan_tape_create(&other, f->context), GAN_OK);
    FAILS(GAN_E_ARGUMENT, gan_exp(t, gan_exp(other, x)));
    gan_tape_release(other);
    gan_tensor_release(narrow);
    gan_tensor_release(labels);
    gan_tensor_release(image);
    gan_tensor_release(weight);
    gan_tensor_release(empty);
}

static void what_gradients_are_of(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *a = gan_watch(t, f->a), *b = gan_watch(t, f->b), *g[3];
    /* d sum(a * a * b): several uses add up */
    gan_tensor *y = gan_mul(t, gan_mul(t, a, a), b), *unrelated = gan_watch(t, f->b);
    gan_tensor *xs[3] = {a, unrelated, y};
    gan_gradients(t, y, NULL, xs, 3, 0, g);
    for (int64_t i = 0; i < 6; i++) {
        double va = gan_tensor_item(f->a, i), vb = gan_tensor_item(f->b, i);
        assert_true(compare_number("a", gan_tensor_item(g[0], i), 2 * va * vb, 1e-15));
        assert_true(gan_tensor_item(g[1], i) == 0);
        assert_true(gan_tensor_item(g[2], i) == 1);
    }
    /* with a seed; the same tensor twice */
    gan_tensor *z = gan_exp(t, b), *same[2] = {b, b};
    gan_gradients(t, z, a, same, 2, 0, g);
    for (int64_t i = 0; i < 6; i++) {
        double expected = exp(gan_tensor_item(f->b, i)) * gan_tensor_item(f->a, i);
        assert_true(compare_number("seeded", gan_tensor_item(g[0], i), expected, 1e-14));
        assert_true(compare_number("twice", gan_tensor_item(g[1], i), expected, 1e-14));
    }
    assert_int_equal(gan_tape_status(t), GAN_OK);
    /* detach stops, and the values are shared */
    gan_tensor *stopped = gan_mul(t, gan_detach(t, gan_square(t, a)), a);
    gan_tensor *d = gan_gradient(t, stopped, a, 0);
    for (int64_t i = 0; i < 6; i++)
        assert_true(compare_number("detach", gan_tensor_item(d, i), pow(gan_tensor_item(f->a, i), 2), 1e-15));
    /* nothing to differentiate */
    gan_tensor *plain = gan_exp(t, f->a);
    assert_inert(gan_gradient(t, plain, a, 0));
    assert_int_equal(gan_tape_status(t), GAN_E_ARGUMENT);
    gan_tape_reset(t);
    a = gan_watch(t, f->a);
    assert_inert(gan_gradient(t, f->a, a, 0)); /* not on the tape */
    assert_int_equal(gan_tape_status(t), GAN_E_ARGUMENT);
    gan_tape_reset(t);
    a = gan_watch(t, f->a);
    assert_inert(gan_gradient(t, gan_exp(t, a), a, 64));
    assert_int_equal(gan_tape_status(t), GAN_E_UNSUPPORTED);
    gan_tape_reset(t);
    a = gan_watch(t, f->a);
    gan_gradients(t, gan_exp(t, a), gan_sum(t, a), &a, 1, 0, g); /* a seed of another shape */
    assert_inert(g[0]);
    assert_int_equal(gan_tape_status(t), GAN_E_SHAPE);
}

static void gradients_of_gradients(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *a = gan_watch(t, f->a);
    gan_tensor *first = gan_gradient(t, gan_mul(t, gan_square(t, a), gan_square(t, a)), a, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *second = gan_gradient(t, first, a, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *third = gan_gradient(t, second, a, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *fourth = gan_gradient(t, third, a, 0);
    assert_int_equal(gan_tape_status(t), GAN_OK);
    for (int64_t i = 0; i < 6; i++) {
        double x = gan_tensor_item(f->a, i);
        assert_true(compare_number("first", gan_tensor_item(first, i), 4 * x * x * x, 1e-14));
        assert_true(compare_number("second", gan_tensor_item(second, i), 12 * x * x, 1e-14));
        assert_true(compare_number("third", gan_tensor_item(third, i), 24 * x, 1e-14));
        assert_true(compare_number("fourth", gan_tensor_item(fourth, i), 24, 1e-14));
    }
    /* a gradient that is not differentiable is a constant */
    gan_tape_reset(t);
    a = gan_watch(t, f->a);
    gan_tensor *constant = gan_gradient(t, gan_square(t, a), a, 0);
    assert_inert(gan_gradient(t, constant, a, 0));
    assert_int_equal(gan_tape_status(t), GAN_E_ARGUMENT);
}

static gan_layer *make_net(gan_context *context, gan_dtype dtype) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(2, 6, 6));
    gan_builder_set_dtype(b, dtype);
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv2d(b, 4, 4, 2, 1, NULL);
    gan_add_tanh(b);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *layer = NULL;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

static void what_a_gradient_gives_back(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_layer *net = make_net(f->context, GAN_F64);
    gan_tensor *image = host_uniform(f->context, GAN_F64, gan_shape_4d(3, 2, 6, 6), -1, 1, 5);
    gan_tensor *weight = gan_layer_find(net, "0.weight"), *first, *second;
    /* with RETAIN twice, and the same numbers */
    gan_tensor *loss = gan_sum(t, gan_layer_forward(t, net, image));
    first = gan_gradient(t, loss, weight, GAN_GRAD_RETAIN);
    second = gan_gradient(t, loss, weight, GAN_GRAD_RETAIN);
    assert_int_equal(gan_tape_status(t), GAN_OK);
    assert_true(compare_same_bits("retained", second, first));
    gan_tensor *kept;
    assert_int_equal(gan_tensor_clone(&kept, first), GAN_OK);
    /* without, the second time fails and says what to do; what the caller has seen stays */
    gan_tape_reset(t);
    gan_tensor *output = gan_layer_forward(t, net, image);
    loss = gan_sum(t, output);
    first = gan_gradient(t, loss, weight, 0);
    assert_int_equal(gan_tape_status(t), GAN_OK);
    assert_true(compare_same_bits("given back", first, kept));
    assert_true(!isnan(gan_tensor_item(output, 2)));
    assert_true(!isnan(gan_tensor_item(loss, 0)));
    assert_inert(gan_gradient(t, loss, weight, 0));
    assert_int_equal(gan_tape_status(t), GAN_E_STATE);
    assert_non_null(strstr(gan_tape_error(t), "GAN_GRAD_RETAIN"));
    /* operations outside layers keep their values */
    gan_tape_reset(t);
    gan_tensor *a = gan_watch(t, f->a), *y = gan_exp(t, gan_square(t, a));
    first = gan_gradient(t, y, a, 0);
    second = gan_gradient(t, y, a, 0);
    assert_int_equal(gan_tape_status(t), GAN_OK);
    assert_true(compare_same_bits("outside a layer", second, first));
    gan_tensor_release(kept);
    gan_tensor_release(image);
    gan_layer_release(net);
}

static void only_what_is_asked_for(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    /* The gradient for the input of a large linear layer must not compute the weight's: seen by the memory it takes. */
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(2, 1000), -1, 1, 1);
    gan_tensor *w = host_uniform(f->context, GAN_F64, gan_shape_2d(1000, 1000), -1, 1, 2);
    gan_tensor *wx = gan_watch(t, x), *ww = gan_watch(t, w), *y = gan_linear(t, wx, ww, NULL);
    size_t before = gan_tape_peak_bytes(t);
    gan_gradient(t, y, wx, GAN_GRAD_RETAIN);
    assert_true(gan_tape_peak_bytes(t) - before < 1000 * 1000 * sizeof(double) / 2);
    gan_gradient(t, y, ww, GAN_GRAD_RETAIN);
    assert_true(gan_tape_peak_bytes(t) - before >= 1000 * 1000 * sizeof(double));
    assert_int_equal(gan_tape_status(t), GAN_OK);
    gan_tensor_release(x);
    gan_tensor_release(w);
}

static void changed_values_are_found(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    for (int how = 0; how < 4; how++) {
        gan_tape_reset(t);
        gan_tensor *a = gan_watch(t, f->a), *y = gan_mul(t, a, f->b);
        double value = gan_tensor_item(f->b, 0);
        switch (how) {
        case 0:
            assert_int_equal(gan_tensor_fill(f->b, 3), GAN_OK);
            break;
        case 1:
            assert_int_equal(gan_tensor_copy(f->b, f->a), GAN_OK);
            break;
        case 2:
            assert_int_equal(gan_tensor_write(f->b, gan_tensor_const_data(f->a), 6 * sizeof(double)), GAN_OK);
            break;
        default:
            ((double *)gan_tensor_data(f->b))[0] = value + 1;
            break; /* whoever asks for the pointer may write */
        }
        assert_inert(gan_gradient(t, y, a, 0));
        assert_int_equal(gan_tape_status(t), GAN_E_STATE);
        assert_non_null(strstr(gan_tape_error(t), "mul"));
    }
    /* an optimizer's step */
    gan_tape_reset(t);
    gan_layer *net = make_net(f->context, GAN_F64);
    gan_tensor *image = host_uniform(f->context, GAN_F64, gan_shape_4d(3, 2, 6, 6), -1, 1, 5);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, net, NULL), GAN_OK);
    gan_tensor *one = gan_sum(t, gan_layer_forward(t, net, image)), *two = gan_sum(t, gan_layer_forward(t, net, image));
    assert_int_equal(gan_optimizer_step(adam, t, one), GAN_OK);
    assert_int_equal(gan_optimizer_step(adam, t, two), GAN_E_STATE);
    assert_int_equal(gan_tape_status(t), GAN_E_STATE);
    assert_int_equal(gan_optimizer_steps(adam), 1);
    assert_non_null(strstr(gan_context_error(f->context), "changed after it was used"));
    gan_optimizer_release(adam);
    gan_layer_release(net);
    gan_tensor_release(image);
}

static void recording_can_be_switched_off(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *a = gan_watch(t, f->a);
    assert_int_equal(gan_tape_set_recording(t, 0), 1);
    gan_tensor *y = gan_exp(t, a);
    assert_int_equal(gan_tape_set_recording(t, 1), 0);
    assert_true(compare_number("value", gan_tensor_item(y, 0), exp(gan_tensor_item(f->a, 0)), 1e-15));
    gan_tensor *z = gan_mul(t, y, a);
    gan_tensor *g = gan_gradient(t, z, a, 0);
    assert_true(compare_number("y is a constant", gan_tensor_item(g, 0), gan_tensor_item(y, 0), 1e-15));
    gan_tape_set_recording(t, 0);
    gan_tape_reset(t);
    assert_int_equal(gan_tape_set_recording(t, 1), 1); /* on after reset */
}

static void mark_and_rewind(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *a = gan_watch(t, f->a), *base = gan_exp(t, a);
    int64_t mark = gan_tape_mark(t);
    gan_tensor *expected = NULL;
    for (int round = 0; round < 5; round++) {
        gan_tensor *y = gan_mul(t, gan_tanh(t, base), f->b), *g = gan_gradient(t, y, a, 0);
        assert_int_equal(gan_tape_status(t), GAN_OK);
        if (expected == NULL)
            assert_int_equal(gan_tensor_clone(&expected, g), GAN_OK);
        else
            assert_true(compare_same_bits("after rewind", g, expected));
        assert_int_equal(gan_tape_rewind(t, mark), GAN_OK);
        assert_int_equal(gan_tape_mark(t), mark);
        assert_true(gan_tensor_item(base, 1) == exp(gan_tensor_item(f->a, 1)) ||
                    fabs(gan_tensor_item(base, 1) - exp(gan_tensor_item(f->a, 1))) < 1e-14);
    }
    /* the same memory again and again */
    size_t peak = gan_tape_peak_bytes(t);
    for (int round = 0; round < 50; round++) {
        gan_gradient(t, gan_mul(t, gan_tanh(t, base), f->b), a, 0);
        assert_int_equal(gan_tape_rewind(t, mark), GAN_OK);
    }
    assert_int_equal(gan_tape_peak_bytes(t), peak);
    assert_int_equal(gan_tape_rewind(t, mark + 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_tape_rewind(t, -1), GAN_E_ARGUMENT);
    assert_int_equal(gan_tape_rewind(NULL, 0), GAN_E_ARGUMENT);
    /* an error stays */
    gan_reshape(t, a, gan_shape_1d(7));
    assert_int_equal(gan_tape_rewind(t, mark), GAN_OK);
    assert_int_equal(gan_tape_status(t), GAN_E_SHAPE);
    gan_tensor_release(expected);
}

static void a_tape_keeps_what_it_uses(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    gan_tensor *own = host_uniform(f->context, GAN_F64, gan_shape_2d(2, 3), 1, 2, 9), *copy;
    assert_int_equal(gan_tensor_clone(&copy, own), GAN_OK);
    gan_tensor *a = gan_watch(t, f->a), *y = gan_mul(t, a, own);
    gan_tensor_release(own); /* the tape still needs it */
    gan_tensor *g = gan_gradient(t, y, a, 0);
    assert_true(compare_same_bits("gradient", g, copy));
    gan_tensor_release(copy);
    /* releasing a tape's tensor does nothing; a clone outlives the tape */
    gan_tensor_release(g);
    assert_int_equal(gan_tensor_clone(&copy, g), GAN_OK);
    gan_tape_reset(t);
    assert_int_equal(gan_tensor_count(copy), 6);
    gan_tensor_release(copy);
    gan_tensor *view;
    gan_tensor *on_tape = gan_exp(t, f->a);
    assert_int_equal(gan_tensor_reshape(&view, on_tape, gan_shape_1d(6)), GAN_E_STATE);
    assert_null(view);
    assert_int_equal(gan_tensor_fill(on_tape, 0), GAN_E_STATE);
}

static void step(gan_tape *tape, gan_layer *net, gan_optimizer *adam, gan_tensor *image, int penalty) {
    gan_tape_reset(tape);
    gan_tensor *x = gan_watch(tape, image), *score = gan_layer_forward(tape, net, x);
    gan_tensor *loss = gan_bce_with_logits(tape, score, 1);
    if (penalty) {
        gan_tensor *g = gan_gradient(tape, gan_sum(tape, score), x, GAN_GRAD_DIFFERENTIABLE);
        loss = gan_add(tape, loss, gan_scale(tape, gan_sum(tape, gan_square(tape, g)), 0.1));
    }
    gan_add(tape, loss, gan_sum(tape, gan_normal(tape, GAN_F32, gan_shape_1d(100))));
    assert_int_equal(gan_optimizer_step(adam, tape, loss), GAN_OK);
}

static void a_steady_step_allocates_nothing(void **state) {
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        host_memory memory = {0};
        gan_context *context = host_context_with(threads, GAN_LEVEL_AUTO, 0, &memory);
        gan_layer *net = make_net(context, GAN_F32);
        gan_optimizer *adam;
        gan_tape *tape;
        assert_int_equal(gan_adam_create(&adam, net, NULL), GAN_OK);
        assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
        gan_tensor *image = host_uniform(context, GAN_F32, gan_shape_4d(64, 2, 6, 6), -1, 1, 5);
        for (int penalty = 0; penalty < 2; penalty++) {
            for (int i = 0; i < 3; i++) step(tape, net, adam, image, penalty);
            long long calls = atomic_load(&memory.calls);
            for (int i = 0; i < 100; i++) step(tape, net, adam, image, penalty);
            assert_true(atomic_load(&memory.calls) == calls);
        }
        gan_tensor_release(image);
        gan_optimizer_release(adam);
        gan_layer_release(net);
        gan_tape_release(tape);
        gan_context_release(context);
        assert_true(atomic_load(&memory.blocks) == 0);
        assert_true(atomic_load(&memory.bytes) == 0);
    }
}

static void without_memory_the_tape_fails_cleanly(void **state) {
    (void)state;
    for (long long fail_at = 1;; fail_at++) {
        host_memory memory = {0};
        gan_context *context = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
        gan_tape *tape;
        gan_tensor *image = host_uniform(context, GAN_F32, gan_shape_2d(8, 40000), -1, 1, 5);
        assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
        memory.fail_at = atomic_load(&memory.calls) + fail_at;
        gan_tensor *x = gan_watch(tape, image), *y = gan_sum(tape, gan_tanh(tape, gan_square(tape, x)));
        gan_tensor *g = gan_gradient(tape, y, x, GAN_GRAD_DIFFERENTIABLE);
        gan_status status = gan_tape_status(tape);
        if (status != GAN_OK) {
            assert_int_equal(status, GAN_E_MEMORY);
            assert_inert(g);
            /* with memory again it works again */
            memory.fail_at = 0;
            gan_tape_reset(tape);
            x = gan_watch(tape, image);
            g = gan_gradient(tape, gan_sum(tape, gan_tanh(tape, gan_square(tape, x))), x, GAN_GRAD_DIFFERENTIABLE);
            assert_int_equal(gan_tape_status(tape), GAN_OK);
        }
        assert_int_equal(gan_tensor_count(g), 8 * 40000);
        gan_tensor_release(image);
        gan_tape_release(tape);
        gan_context_release(context);
        assert_true(atomic_load(&memory.blocks) == 0);
        if (status == GAN_OK) {
            assert_true(fail_at > 3);
            break;
        }
    }
}

static void random_tensors(void **state) {
    fixture *f = *state;
    gan_tape *t = f->tape;
    assert_int_equal(gan_context_set_seed(f->context, 42), GAN_OK);
    gan_tensor *z = gan_normal(t, GAN_F64, gan_shape_2d(3, 7)), *u = gan_uniform(t, GAN_F32, gan_shape_1d(5), -1, 3),
               *expected;
    assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == 6 + 2);
    assert_int_equal(gan_tensor_create(&expected, f->context, GAN_F64, gan_shape_2d(3, 7)), GAN_OK);
    assert_int_equal(gan_tensor_fill_normal(expected, 0, 1, 42, GAN_STREAM_NOISE, 0), GAN_OK);
    assert_true(compare_same_bits("normal", z, expected));
    gan_tensor_release(expected);
    assert_int_equal(gan_tensor_create(&expected, f->context, GAN_F32, gan_shape_1d(5)), GAN_OK);
    assert_int_equal(gan_tensor_fill_uniform(expected, -1, 3, 42, GAN_STREAM_NOISE, 6), GAN_OK);
    assert_true(compare_same_bits("uniform", u, expected));
    gan_tensor_release(expected);
    assert_int_equal(gan_tensor_count(gan_normal(t, GAN_F32, gan_shape_1d(0))), 0);
    assert_true(gan_context_position(f->context, GAN_STREAM_NOISE) == 8);
    gan_tensor *seven = gan_full(t, GAN_F32, gan_shape_0d(), 7);
    assert_true(gan_tensor_item(seven, 0) == 7);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(the_first_error_stays),
        TEST(inert_tensors_are_harmless),
        TEST(null_arguments),
        TEST(operands_that_do_not_fit),
        TEST(what_gradients_are_of),
        TEST(gradients_of_gradients),
        TEST(what_a_gradient_gives_back),
        TEST(only_what_is_asked_for),
        TEST(changed_values_are_found),
        TEST(recording_can_be_switched_off),
        TEST(mark_and_rewind),
        TEST(a_tape_keeps_what_it_uses),
        TEST(random_tensors),
        cmocka_unit_test(a_steady_step_allocates_nothing),
        cmocka_unit_test(without_memory_the_tape_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
