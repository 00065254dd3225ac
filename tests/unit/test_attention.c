/* Self-attention: what holds of it exactly (Zhang et al. 2019). Against PyTorch it is in golden/test_golden_weights.c
 * and golden/test_penalties.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "files.h"
#include "layer_fixture.h"
#include "nn/types.h"

enum { C = 8, H = 4, W = 6, PLACES = H * W, BATCH = 2 };

static gan_self_attention_options with(int64_t pool) {
    gan_self_attention_options o;
    gan_self_attention_options_init(&o);
    o.pool = pool;
    return o;
}

static gan_layer *make(const layer_fixture *f, const gan_self_attention_options *o, double gamma) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(C, H, W));
    gan_add_self_attention(b, o);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *scale = gan_layer_find(layer, o == NULL || o->pool > 1 ? "0.7.gamma" : "0.5.gamma");
    assert_non_null(scale);
    assert_true(gan_tensor_item(scale, 0) == 0);
    assert_int_equal(gan_init_constant(scale, gamma), GAN_OK);
    return layer;
}

static gan_tensor *image(const layer_fixture *f) {
    return host_uniform(f->context, GAN_F64, gan_shape_4d(BATCH, C, H, W), -1, 1, 3);
}

/* gamma = 0: the identity, bit for bit; and only gamma gets a gradient. */
static void begins_as_identity(void **state) {
    const layer_fixture *f = *state;
    gan_layer *layer = make(f, NULL, 0);
    gan_tensor *x = image(f), *ps[5], *gs[5];
    gan_tensor *y = gan_layer_forward(f->tape, layer, x);
    assert_true(compare_same_bits("identity", y, x));
    assert_int_equal(gan_layer_tensor_count(layer), 5);
    for (int32_t i = 0; i < 5; i++) ps[i] = gan_layer_tensor(layer, i);
    gan_gradients(f->tape, gan_sum(f->tape, gan_square(f->tape, y)), NULL, ps, 5, 0, gs);
    for (int32_t i = 0; i < 5; i++) {
        double *g = compare_read(gs[i]);
        assert_true((compare_norm(g, gan_tensor_count(gs[i])) > 0) == (i == 4));
        free(g);
    }
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* Each row of the map sums to 1, whatever the size of the scores, and it is over the keys that they do. */
static void rows_sum_to_one(void **state) {
    const layer_fixture *f = *state;
    for (int k = 0; k < 3; k++) {
        double most = k == 0 ? 1 : k == 1 ? 30 : 1e6;
        gan_tensor *q = host_uniform(f->context, GAN_F64, gan_shape_4d(BATCH, 3, H, W), -most, most, 1);
        gan_tensor *key = host_uniform(f->context, GAN_F64, gan_shape_4d(BATCH, 3, H / 2, W / 2), -1, 1, 2);
        gan_tensor *map = gani_attention_map(f->tape, q, key);
        assert_true(gan_shape_equal(gan_tensor_shape(map), gan_shape_3d(BATCH, PLACES, PLACES / 4)));
        double *a = compare_read(map);
        for (int row = 0; row < BATCH * PLACES; row++) {
            double sum = 0;
            for (int i = 0; i < PLACES / 4; i++) sum += a[row * PLACES / 4 + i];
            assert_true(fabs(sum - 1) < 1e-14);
        }
        free(a);
        gan_tensor_release(q);
        gan_tensor_release(key);
    }
}

/* Without pooling, places in another order give the result in that order. */
static void permuted_places(void **state) {
    const layer_fixture *f = *state;
    gan_self_attention_options o = with(1);
    gan_layer *layer = make(f, &o, 0.7);
    gan_tensor *x = image(f), *other = image(f);
    const double *from = gan_tensor_const_data(x);
    double *to = gan_tensor_data(other);
    for (int i = 0; i < BATCH * C; i++)
        for (int k = 0; k < PLACES; k++) to[i * PLACES + (7 * k + 5) % PLACES] = from[i * PLACES + k];
    double *y = compare_read(gan_layer_forward(f->tape, layer, x));
    double *z = compare_read(gan_layer_forward(f->tape, layer, other)),
           *back = malloc(BATCH * C * PLACES * sizeof *back);
    assert_non_null(back);
    for (int i = 0; i < BATCH * C; i++)
        for (int k = 0; k < PLACES; k++) back[i * PLACES + k] = z[i * PLACES + (7 * k + 5) % PLACES];
    assert_true(compare_values("permuted", back, y, BATCH * C * PLACES, 1e-14, 0));
    double *kept = compare_read(x);
    assert_true(compare_rel(y, kept, BATCH * C * PLACES) > 1e-2); /* it does something */
    free(kept);
    free(back);
    free(y);
    free(z);
    gan_tensor_release(x);
    gan_tensor_release(other);
    gan_layer_release(layer);
}

/* The same values at all places: the mixed values are those of any place, so y = x + gamma v(h(x)). */
static void constant_maps(void **state) {
    const layer_fixture *f = *state;
    for (int64_t pool = 1; pool <= 2; pool++) {
        gan_self_attention_options o = with(pool);
        gan_layer *layer = make(f, &o, 0.7);
        gan_tensor *x = image(f);
        double *values = gan_tensor_data(x);
        for (int i = 0; i < BATCH * C; i++)
            for (int k = 0; k < PLACES; k++) values[i * PLACES + k] = values[i * PLACES];
        const double *h = gan_tensor_const_data(gan_layer_find(layer, pool == 1 ? "0.2.weight" : "0.3.weight"));
        const double *v = gan_tensor_const_data(gan_layer_find(layer, pool == 1 ? "0.4.weight" : "0.6.weight"));
        double *y = compare_read(gan_layer_forward(f->tape, layer, x)), mixed[C / 2];
        for (int n = 0; n < BATCH; n++) {
            for (int e = 0; e < C / 2; e++) {
                mixed[e] = 0;
                for (int c = 0; c < C; c++) mixed[e] += h[e * C + c] * values[(n * C + c) * PLACES];
            }
            for (int c = 0; c < C; c++) {
                double sum = values[(n * C + c) * PLACES];
                for (int e = 0; e < C / 2; e++) sum += 0.7 * v[c * C / 2 + e] * mixed[e];
                for (int k = 0; k < PLACES; k++) assert_true(fabs(y[(n * C + c) * PLACES + k] - sum) < 1e-14);
            }
        }
        free(y);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

/* 2 C C / 8 + 2 C C / 2 + 1, as the authors' networks have at 256 and 128 channels. */
static void parameters(void **state) {
    const layer_fixture *f = *state;
    static const int64_t channels[] = {256, 128}, counts[] = {81921, 20481};
    for (int i = 0; i < 2; i++) {
        gan_weight_options w;
        gan_weight_options_init(&w);
        w.bias = 0;
        w.form = GAN_WEIGHT_SPECTRAL_NORM;
        gan_self_attention_options o = with(2);
        o.weights = &w;
        gan_builder *b = gan_builder_begin(f->context, gan_shape_3d(channels[i], 2, 2));
        gan_add_self_attention(b, &o);
        gan_layer *layer = layer_fixture_end(f, b);
        assert_int_equal(gan_layer_parameter_count(layer), counts[i]);
        gan_layer_release(layer);
    }
}

static void derivatives(void **state) {
    const layer_fixture *f = *state;
    for (int64_t pool = 1; pool <= 2; pool++) {
        gan_self_attention_options o = with(pool);
        gan_layer *layer = make(f, &o, 0.7);
        gan_tensor *x = image(f);
        layer_fixture_check_layer(f, "self-attention", layer, x);
        gan_tensor_release(x);
        gan_layer_release(layer);
    }
}

static void add_default(gan_builder *b) { gan_add_self_attention(b, NULL); }
static void single(void **state) { layer_fixture_single(*state, "self-attention", add_default, gan_shape_3d(C, H, W)); }

/* ---- errors ---- */

static void refuse(const layer_fixture *f, const gan_self_attention_options *o, gan_shape input, gan_status status,
                   const char *what) {
    gan_builder *b = layer_fixture_begin(f, input);
    gan_add_self_attention(b, o);
    layer_fixture_refused(f, b, status, "self_attention", what);
}

static void errors(void **state) {
    const layer_fixture *f = *state;
    gan_shape maps = gan_shape_3d(C, H, W);
    gan_self_attention_options o = with(2);
    refuse(f, &o, gan_shape_1d(5), GAN_E_SHAPE, "not channels x height x width");
    o.pool = 5;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "pool 5 is not in 1 to the size of a map");
    o.pool = 0;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "pool 0 is not in 1");
    o = with(2);
    o.output = 2;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "output is 2, neither 0 nor 1");
    o.output = 0;
    o.value_channels = 3;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "3 value channels do not fit 8");
    o = with(2);
    o.key_channels = 0;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "0 key and -1 value channels");
    o = with(2);
    o.value_channels = -2;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "-1 key and -2 value channels");
    o = with(2);
    o.reserved = 1;
    refuse(f, &o, maps, GAN_E_UNSUPPORTED, "reserved");
    gan_weight_options w;
    gan_weight_options_init(&w);
    w.groups = 2;
    o = with(2);
    o.weights = &w;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "1 x 1 in one group");
    gan_weight_options_init(&w);
    w.form = GAN_WEIGHT_SPECTRAL_NORM;
    w.power_iterations = 0;
    refuse(f, &o, maps, GAN_E_ARGUMENT, "0 power iterations");
    gan_add_self_attention(NULL, NULL);
}

/* Through a model file: the same network, bit for bit. */
static void files(void **state) {
    const layer_fixture *f = *state;
    char folder[FILES_PATH], path[FILES_PATH];
    files_join(path, files_folder(folder), "attention.safetensors");
    for (int64_t pool = 1; pool <= 2; pool++) {
        const gan_self_attention_options o = with(pool);
        gan_layer *layer = make(f, &o, 0.7);
        gan_model *model = NULL, *loaded = NULL;
        assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
        assert_int_equal(gan_model_save(model, path), GAN_OK);
        if (gan_model_load(&loaded, f->context, path) != GAN_OK) fail_msg("%s", gan_context_error(f->context));
        gan_tensor *x = image(f);
        gan_tape_reset(f->tape);
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        assert_true(compare_same_bits("file", gan_layer_forward(f->tape, gan_model_layer(loaded), x), y));
        gan_tensor_release(x);
        gan_model_release(loaded);
        gan_model_release(model);
        gan_layer_release(layer);
    }
    files_remove(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, layer_fixture_open, layer_fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(begins_as_identity), TEST(rows_sum_to_one), TEST(permuted_places), TEST(constant_maps), TEST(parameters),
        TEST(derivatives),        TEST(single),          TEST(files),           TEST(errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
