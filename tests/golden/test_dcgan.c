/* Ten adversarial steps of three networks against PyTorch, number by number.
 *
 * In double precision a perturbation of 1e-15 grows to 1e-13 in ten steps, so everything must agree within 1e-9. In
 * single precision training is chaotic (PyTorch against itself with another number of threads is off by 3e-2 at step
 * 10): there only the first step counts, its losses within 1e-5 and its gradients within three times PyTorch's own
 * distance between f32 and f64. */
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

#include "compare.h"
#include "host.h"
#include "networks.h"

#define SEED 1511u /* also in make_dcgan.py, with the reason for this one */
#define STREAM_REAL 8
#define STREAM_LATENT 9
#define STEPS 10
#define SAMPLES 4
#define MAX_TENSORS 32

typedef struct golden_tensor {
    const char *name;
    int64_t count;
    int32_t trained;
    double norm, samples[SAMPLES];               /* after the last step */
    double gradient_norm, gradient_f32_distance; /* of step 1 */
    double gradient_samples[SAMPLES];
} golden_tensor;

#include "dcgan28.inc"
#include "dcgan64.inc"
#include "mlp.inc"

#define LENGTH(array) ((int32_t)(sizeof(array) / sizeof(array)[0]))

typedef struct golden {
    const char *name;
    int64_t batch;
    const double (*losses)[3];
    const golden_tensor *tensors[2]; /* of G, of D */
    int32_t counts[2];
    const double *f32_distance[2]; /* of all gradients of step 1 together */
} golden;

static const golden goldens[] = {
    {"dcgan28",
     8,
     dcgan28_losses,
     {dcgan28_g, dcgan28_d},
     {LENGTH(dcgan28_g), LENGTH(dcgan28_d)},
     {&dcgan28_g_f32_distance, &dcgan28_d_f32_distance}},
    {"dcgan64",
     4,
     dcgan64_losses,
     {dcgan64_g, dcgan64_d},
     {LENGTH(dcgan64_g), LENGTH(dcgan64_d)},
     {&dcgan64_g_f32_distance, &dcgan64_d_f32_distance}},
    {"mlp", 8, mlp_losses, {mlp_g, mlp_d}, {LENGTH(mlp_g), LENGTH(mlp_d)}, {&mlp_g_f32_distance, &mlp_d_f32_distance}},
};
enum { G, D };

typedef struct training {
    gan_context *context;
    gan_layer *networks[2];
    gan_optimizer *optimizers[2];
    gan_tape *tape;
    gan_tensor *reals, *latents;
    double losses[3];
    double *gradients[2][MAX_TENSORS]; /* of step 1 */
} training;

/* Values of double precision, maybe of another context's tensor, rounded if `tensor` is of single precision: what
 * .float() did in PyTorch. */
static void copy_rounded(gan_tensor *tensor, const gan_tensor *wide) {
    double *values = compare_read(wide);
    int64_t count = gan_tensor_count(wide);
    assert_int_equal(gan_tensor_count(tensor), count);
    if (gan_tensor_dtype(tensor) == GAN_F64) {
        assert_int_equal(gan_tensor_write(tensor, values, (size_t)count * sizeof(double)), GAN_OK);
    } else {
        float *narrow = malloc((size_t)count * sizeof *narrow);
        assert_non_null(narrow);
        for (int64_t i = 0; i < count; i++) narrow[i] = (float)values[i];
        assert_int_equal(gan_tensor_write(tensor, narrow, (size_t)count * sizeof *narrow), GAN_OK);
        free(narrow);
    }
    free(values);
}

static void begin(training *t, const golden *which, gan_dtype dtype) {
    const networks_case *c = networks_find(which->name);
    memset(t, 0, sizeof *t);
    t->context = host_context(GAN_THREADS_AUTO);
    assert_int_equal(gan_context_set_seed(t->context, SEED), GAN_OK);
    assert_int_equal(networks_make(&t->networks[G], &t->networks[D], t->context, c, GAN_F64), GAN_OK);
    if (dtype == GAN_F32) {
        gan_layer *narrow[2];
        assert_int_equal(networks_make(&narrow[G], &narrow[D], t->context, c, GAN_F32), GAN_OK);
        for (int side = G; side <= D; side++) {
            for (int32_t i = 0; i < gan_layer_tensor_count(narrow[side]); i++)
                copy_rounded(gan_layer_tensor(narrow[side], i), gan_layer_tensor(t->networks[side], i));
            gan_layer_release(t->networks[side]);
            t->networks[side] = narrow[side];
        }
    }
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = 2e-4;
    adam.beta1 = 0.5;
    adam.beta2 = 0.999;
    adam.epsilon = 1e-8;
    for (int side = G; side <= D; side++)
        assert_int_equal(gan_adam_create(&t->optimizers[side], t->networks[side], &adam), GAN_OK);
    assert_int_equal(gan_tape_create(&t->tape, t->context), GAN_OK);
    gan_shape image = networks_batch_shape(networks_image_shape(c), which->batch);
    gan_shape latent = networks_batch_shape(networks_latent_shape(c), which->batch);
    assert_int_equal(gan_tensor_create(&t->reals, t->context, dtype, image), GAN_OK);
    assert_int_equal(gan_tensor_create(&t->latents, t->context, dtype, latent), GAN_OK);
}

static void end(training *t) {
    for (int side = G; side <= D; side++) {
        for (int32_t i = 0; i < MAX_TENSORS; i++) free(t->gradients[side][i]);
        gan_optimizer_release(t->optimizers[side]);
        gan_layer_release(t->networks[side]);
    }
    gan_tensor_release(t->reals);
    gan_tensor_release(t->latents);
    gan_tape_release(t->tape);
    gan_context_release(t->context);
}

static void draw(training *t, int step) {
    for (int k = 0; k < 2; k++) {
        gan_tensor *to = k == 0 ? t->reals : t->latents, *wide;
        uint64_t index = (uint64_t)step * (uint64_t)((gan_tensor_count(to) + 3) / 4);
        assert_int_equal(gan_tensor_create(&wide, t->context, GAN_F64, gan_tensor_shape(to)), GAN_OK);
        if (k == 0)
            assert_int_equal(gan_tensor_fill_uniform(wide, -1, 1, SEED, STREAM_REAL, index), GAN_OK);
        else
            assert_int_equal(gan_tensor_fill_normal(wide, 0, 1, SEED, STREAM_LATENT, index), GAN_OK);
        copy_rounded(to, wide);
        gan_tensor_release(wide);
    }
}

static void keep_gradients(training *t, int side, gan_tensor *loss) {
    gan_layer *layer = t->networks[side];
    gan_tensor *xs[MAX_TENSORS], *g[MAX_TENSORS];
    int32_t count = 0, places[MAX_TENSORS];
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        if (!gan_layer_tensor_is_parameter(layer, i)) continue;
        places[count] = i;
        xs[count++] = gan_layer_tensor(layer, i);
    }
    gan_gradients(t->tape, loss, NULL, xs, count, GAN_GRAD_RETAIN, g);
    for (int32_t i = 0; i < count; i++) t->gradients[side][places[i]] = compare_read(g[i]);
}

/* updated_d: NULL, or what D becomes, rounded, after its step in place of its own values. See make_dcgan.py. */
static void step(training *t, int number, gan_layer *updated_d) {
    draw(t, number);
    gan_tape_reset(t->tape);
    gan_tape *tape = t->tape;
    gan_tensor *real = gan_bce_with_logits(tape, gan_layer_forward(tape, t->networks[D], t->reals), 1);
    gan_tensor *images = gan_layer_forward(tape, t->networks[G], t->latents);
    gan_tensor *fake = gan_bce_with_logits(tape, gan_layer_forward(tape, t->networks[D], gan_detach(tape, images)), 0);
    gan_tensor *loss = gan_add(tape, real, fake);
    if (number == 0) keep_gradients(t, D, loss);
    if (gan_tape_status(tape) != GAN_OK) fprintf(stderr, "%s\n", gan_tape_error(tape));
    assert_int_equal(gan_optimizer_step(t->optimizers[D], tape, loss), GAN_OK);
    for (int32_t i = 0; updated_d != NULL && i < gan_layer_tensor_count(updated_d); i++)
        copy_rounded(gan_layer_tensor(t->networks[D], i), gan_layer_tensor(updated_d, i));
    gan_tensor *generator = gan_bce_with_logits(tape, gan_layer_forward(tape, t->networks[D], images), 1);
    if (number == 0) keep_gradients(t, G, generator);
    if (gan_tape_status(tape) != GAN_OK) fprintf(stderr, "%s\n", gan_tape_error(tape));
    assert_int_equal(gan_optimizer_step(t->optimizers[G], tape, generator), GAN_OK);
    t->losses[0] = gan_tensor_item(real, 0);
    t->losses[1] = gan_tensor_item(fake, 0);
    t->losses[2] = gan_tensor_item(generator, 0);
}

static double network_gradient_norm(const golden *which, int side) {
    double sum = 0;
    for (int32_t i = 0; i < which->counts[side]; i++) sum += pow(which->tensors[side][i].gradient_norm, 2);
    return sqrt(sum);
}

/* Norm and samples of one tensor against the golden ones. `size`: what an error is measured by, the tensor's norm or
 * that of what it is a part of. */
static void check_golden(const char *what, const double *values, int64_t count, double norm, const double *samples,
                         double size) {
    double actual = compare_norm(values, count), picked[SAMPLES];
    for (int k = 0; k < SAMPLES; k++) picked[k] = values[k * (count - 1) / (SAMPLES - 1)];
    assert_true(compare_values(what, &actual, &norm, 1, 1e-9, size));
    /* an element's share of the norm, for tensors without large elements at these places */
    assert_true(compare_values(what, picked, samples, SAMPLES, 1e-9, size / sqrt((double)count)));
}

static void label(char *text, size_t size, const golden *which, int side, const char *kind, const char *tensor) {
    snprintf(text, size, "%s %c %s of %s", which->name, "GD"[side], kind, tensor);
}

static void check_structure(const golden *which, training *t) {
    for (int side = G; side <= D; side++) {
        gan_layer *layer = t->networks[side];
        assert_int_equal(gan_layer_tensor_count(layer), which->counts[side]);
        for (int32_t i = 0; i < which->counts[side]; i++) {
            const golden_tensor *expected = &which->tensors[side][i];
            assert_string_equal(gan_layer_tensor_name(layer, i), expected->name);
            assert_int_equal(gan_layer_tensor_is_parameter(layer, i), expected->trained);
            assert_int_equal(gan_tensor_count(gan_layer_tensor(layer, i)), expected->count);
        }
    }
}

static void check_f64(const golden *which) {
    training t;
    char text[160];
    begin(&t, which, GAN_F64);
    check_structure(which, &t);
    for (int number = 0; number < STEPS; number++) {
        step(&t, number, NULL);
        snprintf(text, sizeof text, "%s losses of step %d", which->name, number + 1);
        assert_true(compare_values(text, t.losses, which->losses[number], 3, 1e-9, 0));
        if (number > 0) continue;
        for (int side = G; side <= D; side++) {
            double whole = network_gradient_norm(which, side);
            for (int32_t i = 0; i < which->counts[side]; i++) {
                const golden_tensor *expected = &which->tensors[side][i];
                if (!expected->trained) continue;
                /* a bias in front of batch normalisation has no gradient: both sides hold rounding errors */
                int nothing = expected->gradient_norm < 1e-9 * whole;
                label(text, sizeof text, which, side, "gradient", expected->name);
                check_golden(text, t.gradients[side][i], expected->count, expected->gradient_norm,
                             expected->gradient_samples, nothing ? whole : expected->gradient_norm);
            }
        }
    }
    for (int side = G; side <= D; side++) {
        for (int32_t i = 0; i < which->counts[side]; i++) {
            const golden_tensor *expected = &which->tensors[side][i];
            double *values = compare_read(gan_layer_tensor(t.networks[side], i));
            label(text, sizeof text, which, side, "value after the last step", expected->name);
            check_golden(text, values, expected->count, expected->norm, expected->samples, expected->norm);
            free(values);
        }
    }
    end(&t);
}

static void check_f32(const golden *which) {
    training wide, narrow;
    char text[160];
    begin(&wide, which, GAN_F64); /* against the golden numbers elsewhere: here it is the truth, whole tensors of it */
    begin(&narrow, which, GAN_F32);
    step(&wide, 0, NULL);
    step(&narrow, 0, wide.networks[D]);
    snprintf(text, sizeof text, "%s losses of step 1 in f32", which->name);
    assert_true(compare_values(text, narrow.losses, which->losses[0], 3, 1e-5, 0));
    for (int side = G; side <= D; side++) {
        double whole = network_gradient_norm(which, side);
        for (int32_t i = 0; i < which->counts[side]; i++) {
            const golden_tensor *expected = &which->tensors[side][i];
            if (!expected->trained) continue;
            label(text, sizeof text, which, side, "f32 gradient", expected->name);
            /* a small tensor's distance is one throw of the dice: PyTorch's may be near 0; all of the network's
             * together are not */
            double distance = fmax(expected->gradient_f32_distance, *which->f32_distance[side]);
            assert_true(compare_values(text, narrow.gradients[side][i], wide.gradients[side][i], expected->count,
                                       3 * distance, expected->gradient_norm < 1e-9 * whole ? whole : 0));
        }
    }
    end(&narrow);
    end(&wide);
}

static void dcgan28_f64(void **state) {
    (void)state;
    check_f64(&goldens[0]);
}
static void dcgan28_f32(void **state) {
    (void)state;
    check_f32(&goldens[0]);
}
static void dcgan64_f64(void **state) {
    (void)state;
    if (host_stride() > 1) skip();
    check_f64(&goldens[1]);
}
static void dcgan64_f32(void **state) {
    (void)state;
    if (host_stride() > 1) skip();
    check_f32(&goldens[1]);
}
static void mlp_f64(void **state) {
    (void)state;
    check_f64(&goldens[2]);
}
static void mlp_f32(void **state) {
    (void)state;
    check_f32(&goldens[2]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dcgan28_f64), cmocka_unit_test(dcgan28_f32), cmocka_unit_test(dcgan64_f64),
        cmocka_unit_test(dcgan64_f32), cmocka_unit_test(mlp_f64),     cmocka_unit_test(mlp_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
