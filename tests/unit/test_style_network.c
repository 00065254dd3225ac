/* A small StyleGAN as a whole, by what must hold exactly (Karras et al. 2019): truncation at its ends and below a
 * cutoff, style mixing at its ends, noise of no weight, the rate of an equalised layer. The layers one by one are in
 * test_layer_styles.c and test_layer_resample.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "layer_fixture.h"

enum { LATENT = 6, CHANNELS = 4, LAYERS = 4, CUTOFF = 2, BATCH = 3 };

static gan_weight_options equalised(double multiplier) {
    gan_weight_options o;
    gan_weight_options_init(&o);
    o.form = GAN_WEIGHT_EQUALIZED;
    o.multiplier = multiplier;
    return o;
}

static const char *text(const char *format, int number) {
    static char room[32];
    snprintf(room, sizeof room, format, number);
    return room;
}

/* The current point is the intermediate latent vector. */
static void add_mapping(gan_builder *b) {
    gan_weight_options slow = equalised(0.5);
    gan_add_pixel_norm(b, NULL);
    for (int i = 0; i < 2; i++) {
        gan_add_linear(b, LATENT, &slow);
        gan_add_leaky_relu(b, 0.2);
    }
}

/* Layer i reads the point names[i]; the image after CUTOFF layers is an output too. */
static void add_synthesis(gan_builder *b, const char *const *names) {
    gan_weight_options plain = equalised(1);
    for (int i = 0; i < LAYERS; i++) {
        gan_builder_from(b, names[i]);
        gan_add_linear(b, 2 * CHANNELS, &plain);
        gan_builder_label(b, text("style%d", i));
    }
    gan_add_constant(b, gan_shape_3d(CHANNELS, 3, 3));
    for (int i = 0; i < LAYERS; i++) {
        if (i % 2 == 1) gan_add_conv2d(b, CHANNELS, 3, 1, 1, &plain);
        if (i == 2) gan_add_upsample_conv2d(b, CHANNELS, 3, &plain);
        gan_add_noise_injection(b, NULL);
        gan_add_leaky_relu(b, 0.2);
        gan_add_adaptive_instance_norm(b, text("style%d", i), NULL);
        if (i == CUTOFF - 1) gan_builder_output(b, "below");
    }
    gan_add_conv2d(b, 3, 1, 1, 0, &plain);
    gan_builder_output(b, "image");
}

/* Of the tensors whose names end so: all of one value, if it is not NULL, else random ones. */
static void set_all(gan_layer *layer, const char *end, const double *value, uint64_t salt) {
    int32_t found = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const char *name = gan_layer_tensor_name(layer, i);
        gan_tensor *t = gan_layer_tensor(layer, i);
        if (strlen(name) < strlen(end) || strcmp(name + strlen(name) - strlen(end), end) != 0) continue;
        if (value != NULL)
            assert_int_equal(gan_tensor_fill(t, *value), GAN_OK);
        else
            assert_int_equal(gan_tensor_fill_normal(t, 0, 1, salt, (uint64_t)i, 0), GAN_OK);
        found++;
    }
    assert_true(found > 0);
}

/* cutoff: how many layers read the point behind the truncation; -1: there is none. Noise has weights. */
static gan_layer *make_generator(const layer_fixture *f, int cutoff) {
    const char *names[LAYERS];
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(LATENT));
    add_mapping(b);
    gan_builder_label(b, "w");
    if (cutoff >= 0) {
        gan_add_truncation(b, NULL);
        gan_builder_label(b, "truncated");
    }
    for (int i = 0; i < LAYERS; i++) names[i] = i < cutoff ? "truncated" : "w";
    add_synthesis(b, names);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_layer_set_training(layer, 0);
    return layer;
}

/* One value for every parameter after the other: networks that differ in what has none are alike. */
static void fill(gan_layer *layer) {
    uint64_t number = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        gan_tensor *t = gan_layer_tensor(layer, i);
        const char *name = gan_layer_tensor_name(layer, i);
        if (!gan_layer_tensor_is_parameter(layer, i) && strstr(name, ".noise") == NULL) continue;
        assert_int_equal(gan_tensor_fill_normal(t, 0, 1, 11, ++number, 0), GAN_OK);
    }
}

typedef struct images {
    gan_tensor *below, *image;
} images;
static images apply(const layer_fixture *f, gan_layer *layer, gan_tensor *const *xs) {
    gan_tensor *ys[2];
    gan_layer_forward_many(f->tape, layer, xs, gan_layer_input_count(layer), ys, 2);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    return (images){ys[0], ys[1]};
}

/* 1 if all items of the batch are the same. */
static int are_alike(const gan_tensor *x) {
    int alike = 1;
    double *values = compare_read(x);
    int64_t count = gan_tensor_count(x) / BATCH;
    for (int64_t i = 0; i < 2 * count; i++) alike &= values[i] == values[i + count];
    free(values);
    return alike;
}

static int differ(gan_tensor *a, gan_tensor *b) {
    double *x = compare_read(a), *y = compare_read(b), distance = compare_max_abs(x, y, gan_tensor_count(a));
    free(x);
    free(y);
    return distance > 1e-3;
}

/* psi = 1 is no truncation, psi = 0 the same image for every latent vector (noise is fixed); below a cutoff alone, what
 * is made there is the same, and the image is not. */
static void truncation(void **state) {
    const layer_fixture *f = *state;
    gan_layer *none = make_generator(f, -1), *all = make_generator(f, LAYERS), *some = make_generator(f, CUTOFF);
    gan_layer *const both[2] = {all, some};
    gan_tensor *z = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, LATENT), -2, 2, 3);
    const double ends[2] = {1, 0};
    fill(none);
    images plain = apply(f, none, &z);
    assert_true(differ(gan_slice(f->tape, plain.image, 0, 0, 1), gan_slice(f->tape, plain.image, 0, 1, 1)));
    for (int i = 0; i < 2; i++) {
        fill(both[i]);
        set_all(both[i], ".average", NULL, 5);
        set_all(both[i], ".psi", &ends[0], 0);
        images whole = apply(f, both[i], &z);
        assert_true(compare_same_bits("psi 1", whole.image, plain.image));
        set_all(both[i], ".psi", &ends[1], 0);
        images cut = apply(f, both[i], &z);
        assert_true(are_alike(cut.below) && differ(cut.below, plain.below));
        assert_int_equal(are_alike(cut.image), i == 0);
    }
    gan_tensor_release(z);
    gan_layer_release(none);
    gan_layer_release(all);
    gan_layer_release(some);
}

/* Without a weight no noise is seen; with one it is. */
static void noise(void **state) {
    const layer_fixture *f = *state;
    gan_layer *layer = make_generator(f, -1);
    gan_tensor *z = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, LATENT), -2, 2, 3);
    for (int weighs = 0; weighs < 2; weighs++) {
        fill(layer);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer) && !weighs; i++) {
            char name[64]; /* of the weight beside the noise */
            snprintf(name, sizeof name, "%.40s", gan_layer_tensor_name(layer, i));
            char *end = strstr(name, ".noise");
            if (end == NULL) continue;
            memcpy(end, ".weight", sizeof ".weight");
            assert_int_equal(gan_tensor_fill(gan_layer_find(layer, name), 0), GAN_OK);
        }
        images before = apply(f, layer, &z);
        set_all(layer, ".noise", NULL, 99);
        images after = apply(f, layer, &z);
        assert_true(weighs ? differ(before.image, after.image)
                           : compare_same_bits("no weight", before.image, after.image));
    }
    gan_tensor_release(z);
    gan_layer_release(layer);
}

/* Layers below the crossover read w of one latent vector, the others that of another: with a crossover at the number of
 * layers that is no mixing, at 0 it is the other image, in between it is neither, and the layers below see nothing of
 * the other. */
static void mixing(void **state) {
    const layer_fixture *f = *state;
    const char *const names[LAYERS] = {"input", "w1", "w2", "w3"};
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(LATENT));
    add_mapping(b);
    gan_layer *mapping = layer_fixture_end(f, b);
    b = layer_fixture_begin(f, gan_shape_1d(LATENT));
    for (int i = 1; i < LAYERS; i++) gan_builder_input(b, names[i], gan_shape_1d(LATENT));
    add_synthesis(b, names);
    gan_layer *synthesis = layer_fixture_end(f, b), *whole = make_generator(f, -1);
    gan_layer_set_training(synthesis, 0);
    fill(whole);
    /* the same parameters, in the same order */
    int32_t mapped = gan_layer_tensor_count(mapping);
    for (int32_t i = 0; i < gan_layer_tensor_count(whole); i++) {
        gan_tensor *to = i < mapped ? gan_layer_tensor(mapping, i) : gan_layer_tensor(synthesis, i - mapped);
        assert_int_equal(gan_tensor_copy(to, gan_layer_tensor(whole, i)), GAN_OK);
    }
    gan_tensor *z[2], *w[2], *xs[LAYERS];
    images own[2];
    for (int i = 0; i < 2; i++) {
        z[i] = host_uniform(f->context, GAN_F64, gan_shape_2d(BATCH, LATENT), -2, 2, 3 + (uint64_t)i);
        w[i] = gan_layer_forward(f->tape, mapping, z[i]);
        own[i] = apply(f, whole, &z[i]);
    }
    for (int crossover = 0; crossover <= LAYERS; crossover++) {
        for (int i = 0; i < LAYERS; i++) xs[i] = w[i >= crossover];
        images mixed = apply(f, synthesis, xs);
        if (crossover == 0 || crossover == LAYERS)
            assert_true(compare_same_bits("no mixing", mixed.image, own[crossover == 0].image));
        else
            assert_true(differ(mixed.image, own[0].image) && differ(mixed.image, own[1].image));
        if (crossover >= CUTOFF) assert_true(compare_same_bits("below", mixed.below, own[0].below));
    }
    for (int i = 0; i < 2; i++) gan_tensor_release(z[i]);
    gan_layer_release(mapping);
    gan_layer_release(synthesis);
    gan_layer_release(whole);
}

/* One step of plain descent at rate r moves the weight that a layer uses by r (c m)^2 times the gradient with respect
 * to that weight, c m = multiplier gain / sqrt(fan_in). */
static void rate(void **state) {
    const layer_fixture *f = *state;
    gan_weight_options o = equalised(0.01);
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(LATENT));
    o.bias = 0;
    gan_add_linear(b, CHANNELS, &o);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_sgd_options sgd;
    gan_optimizer *optimizer;
    gan_sgd_options_init(&sgd);
    sgd.learning_rate = 0.5;
    assert_int_equal(gan_sgd_create(&optimizer, layer, &sgd), GAN_OK);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_2d(1, LATENT), -1, 1, 3);
    double *before = compare_read(gan_layer_forward(f->tape, layer, x)), square = 0;
    for (int i = 0; i < LATENT; i++) square += gan_tensor_item(x, i) * gan_tensor_item(x, i);
    /* of the sum of y the gradient with respect to the weight is x in each row */
    gan_tensor *loss = gan_sum(f->tape, gan_layer_forward(f->tape, layer, x));
    assert_int_equal(gan_optimizer_step(optimizer, f->tape, loss), GAN_OK);
    double *after = compare_read(gan_layer_forward(f->tape, layer, x));
    for (int i = 0; i < CHANNELS; i++)
        assert_true(compare_number("step", after[i] - before[i], -0.5 * (1e-4 * 2 / LATENT) * square, 1e-15));
    free(before);
    free(after);
    gan_tensor_release(x);
    gan_optimizer_release(optimizer);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(truncation), TEST(noise), TEST(mixing), TEST(rate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
