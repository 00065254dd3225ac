#include "layer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

int layer_fixture_open(void **state) {
    layer_fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->context = host_context_with(1, GAN_LEVEL_AUTO, 0, &f->memory);
    *state = f;
    return gan_tape_create(&f->tape, f->context) == GAN_OK ? 0 : -1;
}

int layer_fixture_close(void **state) {
    layer_fixture *f = *state;
    gan_tape_release(f->tape);
    gan_context_release(f->context);
    int clean = atomic_load(&f->memory.blocks) == 0 && atomic_load(&f->memory.bytes) == 0;
    free(f);
    return clean ? 0 : -1;
}

gan_builder *layer_fixture_begin(const layer_fixture *f, gan_shape input) {
    gan_builder *b = gan_builder_begin(f->context, input);
    gan_builder_set_dtype(b, GAN_F64);
    return b;
}

gan_layer *layer_fixture_end(const layer_fixture *f, gan_builder *b) {
    gan_layer *layer = NULL;
    if (gan_builder_end(&layer, b) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
    return layer;
}

void layer_fixture_refused(const layer_fixture *f, gan_builder *b, gan_status status, const char *where,
                           const char *what) {
    gan_layer *layer = (gan_layer *)(uintptr_t)1;
    assert_int_equal(gan_builder_end(&layer, b), status);
    assert_null(layer);
    const char *message = gan_context_error(f->context);
    if (strstr(message, where) == NULL || strstr(message, what) == NULL) fail_msg("message: %s", message);
}

gan_tensor *layer_fixture_forward(const layer_fixture *f, gan_layer *layer, gan_tensor *x) {
    gan_tensor *y = gan_layer_forward(f->tape, layer, x);
    if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
    return y;
}

gan_tensor *layer_fixture_apply_two(gan_tape *tape, gan_tensor *const *xs, void *layer) {
    gan_tensor *y;
    gan_layer_forward_many(tape, layer, xs, 2, &y, 1);
    return y;
}

void layer_fixture_check(const layer_fixture *f, const char *name, gradcheck_function *function, void *user,
                         gan_tensor *const *xs, int32_t count) {
    char message[GRADCHECK_MESSAGE];
    assert_true(gradcheck(f->context, name, function, user, xs, count, 1e-8));
    assert_true(gradgradcheck(f->context, name, function, user, xs, count, 1e-7));
    double error = gradcheck_fused_error(f->context, function, user, xs, count, message);
    if (!(error <= 1e-12)) fail_msg("%s: the fused path is off by %g %s", name, error, message);
}

static gan_tensor *apply(gan_tape *tape, gan_tensor *const *xs, void *user) {
    return gan_layer_forward(tape, user, xs[0]);
}

void layer_fixture_check_layer(const layer_fixture *f, const char *name, gan_layer *layer, gan_tensor *x) {
    layer_fixture_check(f, name, apply, layer, &x, 1);
}

void layer_fixture_single(const layer_fixture *f, const char *name, void (*add)(gan_builder *), gan_shape item) {
    gan_shape shape = gan_shape_1d(3);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    gan_tensor *y[2] = {NULL, NULL};
    for (int type = 0; type < 2; type++) {
        gan_dtype dtype = type == 0 ? GAN_F64 : GAN_F32;
        gan_builder *b = gan_builder_begin(f->context, item);
        gan_builder_set_dtype(b, dtype);
        add(b);
        gan_layer *layer = layer_fixture_end(f, b);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
            assert_int_equal(gan_tensor_fill_uniform(gan_layer_tensor(layer, i), 0.5, 1, 5, 99, (uint64_t)i * 1000),
                             GAN_OK);
        gan_tensor *x = host_uniform(f->context, dtype, shape, -1, 1, 77), *result;
        result = gan_layer_forward(f->tape, layer, x);
        if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s: %s", name, gan_tape_error(f->tape));
        assert_int_equal(gan_tensor_dtype(result), dtype);
        assert_int_equal(gan_tensor_clone(&y[type], result), GAN_OK);
        gan_tensor_release(x);
        gan_layer_release(layer);
        gan_tape_reset(f->tape);
    }
    assert_true(compare_tensors(name, y[1], y[0], 1e-5));
    gan_tensor_release(y[0]);
    gan_tensor_release(y[1]);
}
