/* Layers and weights with a state of their own: ten steps, and six, a new program, and four more, end in the same bytes
 * of a checkpoint. (Random numbers, averages and buffers that are set by hand, losses that remember and pools:
 * test_checkpoint.c.) */
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
#include "files.h"
#include "host.h"
#include "networks.h"

enum { BATCH = 6, LATENT = 5, CLASSES = 10 };

typedef struct training {
    gan_context *context;
    gan_layer *generator, *discriminator;
    gan_optimizer *optimizer_g, *optimizer_d;
    gan_loss *loss;
    gan_tensor *reference, *reference_labels; /* of a generator with virtual batch norm, else NULL */
    gan_tensor *fake;
    int compensates; /* the discriminator is projected behind each step */
} training;

static void need(const training *t, gan_status status) {
    if (status != GAN_OK) fail_msg("%s", gan_context_error(t->context));
}

/* ---- networks ---- */

/* Virtual batch norm, and batch norm by label and by a vector. */
static void make_conditional(training *t) {
    gan_builder *b = gan_builder_begin(t->context, gan_shape_1d(LATENT));
    gan_builder_input_indices(b, "label", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    gan_add_linear(b, 3 * 7 * 7, NULL);
    gan_add_reshape(b, gan_shape_3d(3, 7, 7));
    gan_add_virtual_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, NULL);
    gan_add_conditional_batch_norm(b, "label", CLASSES, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, NULL);
    gan_add_conditional_batch_norm_vector(b, "input", NULL, NULL);
    gan_add_conv2d(b, 1, 3, 1, 1, NULL);
    gan_add_tanh(b);
    need(t, gan_builder_end(&t->generator, b));
    need(t, gan_tensor_create(&t->reference, t->context, GAN_F32, gan_shape_2d(BATCH, LATENT)));
    need(t, gan_tensor_fill_normal(t->reference, 0, 1, 3, 0, 0)); /* the same in each program */
    need(t, gan_tensor_create(&t->reference_labels, t->context, GAN_I32, gan_shape_1d(BATCH)));
    for (int i = 0; i < BATCH; i++) ((int32_t *)gan_tensor_data(t->reference_labels))[i] = i;
}

static void make_plain(training *t) {
    gan_builder *b = gan_builder_begin(t->context, gan_shape_1d(LATENT));
    gan_builder_input_indices(b, "label", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    gan_add_linear(b, 784, NULL);
    gan_add_tanh(b);
    gan_add_reshape(b, gan_shape_3d(1, 28, 28));
    need(t, gan_builder_end(&t->generator, b));
}

static void make_discriminator(training *t, const gan_weight_options *o) {
    gan_builder *b = gan_builder_begin(t->context, gan_shape_3d(1, 28, 28));
    gan_builder_input_indices(b, "label", gan_shape_0d(), CLASSES);
    gan_builder_from(b, "input");
    gan_add_conv2d(b, 3, 4, 2, 1, o);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv2d(b, 4, 4, 2, 1, o);
    gan_add_leaky_relu(b, 0.2);
    gan_add_global_sum_pool(b);
    gan_add_projection(b, "label", CLASSES, o);
    need(t, gan_builder_end(&t->discriminator, b));
}

/* ---- training ---- */

static gan_tensor *apply(gan_tape *tape, gan_layer *layer, gan_tensor *x, gan_tensor *labels) {
    gan_tensor *xs[2] = {x, labels}, *y;
    gan_layer_forward_many(tape, layer, xs, 2, &y, 1);
    return y;
}

static gan_status phase_d(void *user, gan_run *run, gan_tape *tape) {
    training *t = user;
    gan_tensor *reference[2] = {t->reference, t->reference_labels}, *labels = gan_run_labels(run);
    int64_t step = gan_run_step(run);
    if (t->reference != NULL && (step == 0 || step % 2 == 1)) /* in the others what is kept of it counts */
        gan_layer_set_reference(tape, t->generator, reference, 2);
    t->fake = apply(tape, t->generator, gan_normal(tape, GAN_F32, gan_shape_2d(BATCH, LATENT)), labels);
    gan_tensor *real = apply(tape, t->discriminator, gan_run_images(run), labels);
    gan_tensor *fake = apply(tape, t->discriminator, gan_detach(tape, t->fake), labels);
    gan_tensor *loss = gan_loss_discriminator(tape, t->loss, real, fake);
    gan_status status = gan_run_report(run, "loss_d", loss);
    if (status == GAN_OK) status = gan_optimizer_step(t->optimizer_d, tape, loss);
    return status == GAN_OK && t->compensates ? gan_layer_compensate(tape, t->discriminator) : status;
}

static gan_status phase_g(void *user, gan_run *run, gan_tape *tape) {
    training *t = user;
    gan_tensor *score = apply(tape, t->discriminator, t->fake, gan_run_labels(run));
    return gan_optimizer_step(t->optimizer_g, tape, gan_loss_generator(tape, t->loss, score));
}

/* By one batch of images; a program that resumes does it too, by others. */
static void fit(const training *t, int resumes) {
    gan_tape *tape;
    gan_tensor *images =
        host_uniform(t->context, GAN_F32, gan_shape_4d(BATCH, 1, 28, 28), -1, 1, 4 + (uint64_t)resumes);
    gan_tensor *xs[2] = {images, NULL};
    need(t, gan_tape_create(&tape, t->context));
    need(t, gan_tensor_create(&xs[1], t->context, GAN_I32, gan_shape_1d(BATCH)));
    need(t, gan_tensor_fill(xs[1], 3));
    need(t, gan_layer_init_from_data(tape, t->discriminator, xs, 2));
    gan_tape_release(tape);
    gan_tensor_release(xs[1]);
    gan_tensor_release(images);
}

enum { CONDITIONAL, WEIGHT_NORM, PROJECTED, REGULARISED, KINDS };
static const char *const states[KINDS] = {"2.reference_mean", "0.weight_g", "0.weight_u", "0.weight_gamma"};

static void make_networks(training *t, int kind, int resumes) {
    static const gan_weight_form forms[KINDS] = {GAN_WEIGHT_SPECTRAL_NORM, GAN_WEIGHT_NORM, GAN_WEIGHT_SPECTRAL_NORM,
                                                 GAN_WEIGHT_SPECTRAL_REGULARIZATION};
    gan_weight_options o =
        networks_weight_form(forms[kind], kind < PROJECTED ? GAN_COMPENSATION_NONE : GAN_COMPENSATION_DYNAMIC);
    if (kind == CONDITIONAL)
        make_conditional(t);
    else
        make_plain(t);
    make_discriminator(t, &o);
    t->compensates = kind == PROJECTED;
    if (kind == WEIGHT_NORM) fit(t, resumes);
}

/* What is kept, of one layer. */
static gan_tensor *state_of(const training *t, int kind) {
    gan_tensor *state = gan_layer_find(kind == CONDITIONAL ? t->generator : t->discriminator, states[kind]);
    assert_non_null(state);
    return state;
}

static void train(const char *folder, int kind, int64_t steps, int resumes) {
    training t = {.context = host_context_with(2, GAN_LEVEL_AUTO, 1, NULL)};
    gan_digits_options digits;
    gan_loader_options lo;
    gan_run_options ro;
    gan_dataset *dataset;
    gan_loader *loader;
    gan_run *run;
    make_networks(&t, kind, resumes);
    need(&t, gan_adam_create(&t.optimizer_d, t.discriminator, NULL));
    need(&t, gan_adam_create(&t.optimizer_g, t.generator, NULL));
    need(&t, gan_loss_hinge_create(&t.loss, t.context));
    gan_digits_options_init(&digits);
    digits.count = 40;
    need(&t, gan_digits_create(&dataset, t.context, &digits));
    gan_loader_options_init(&lo);
    lo.batch_size = BATCH;
    need(&t, gan_loader_create(&loader, dataset, &lo));
    gan_run_options_init(&ro);
    ro.folder = folder;
    ro.steps = steps;
    ro.sample_interval = 0;
    need(&t, gan_run_create(&run, t.context, &ro));
    need(&t, gan_run_set_loader(run, loader));
    need(&t, gan_run_add_layer(run, "generator", t.generator));
    need(&t, gan_run_add_layer(run, "discriminator", t.discriminator));
    need(&t, gan_run_add_optimizer(run, "g", t.optimizer_g));
    need(&t, gan_run_add_optimizer(run, "d", t.optimizer_d));
    need(&t, gan_run_add_phase(run, "d", phase_d, &t));
    need(&t, gan_run_add_phase(run, "g", phase_g, &t));
    if (resumes) need(&t, gan_run_resume(run, folder));
    double *before = compare_read(state_of(&t, kind));
    need(&t, gan_run_train(run));
    double *after = compare_read(state_of(&t, kind));
    /* or its being kept would show nothing */
    assert_true(resumes || compare_max_abs(before, after, gan_tensor_count(state_of(&t, kind))) > 0);
    free(before);
    free(after);
    gan_run_release(run);
    gan_loader_release(loader);
    gan_dataset_release(dataset);
    gan_loss_release(t.loss);
    gan_optimizer_release(t.optimizer_g);
    gan_optimizer_release(t.optimizer_d);
    gan_tensor_release(t.reference);
    gan_tensor_release(t.reference_labels);
    gan_layer_release(t.generator);
    gan_layer_release(t.discriminator);
    gan_context_release(t.context);
}

static void check(int kind) {
    char whole[FILES_PATH], parts[FILES_PATH], path[FILES_PATH];
    size_t sizes[2];
    files_folder(whole);
    files_folder(parts);
    train(whole, kind, 10, 0);
    train(parts, kind, 6, 0); /* the next step reads what this one kept of the reference batch */
    train(parts, kind, 10, 1);
    unsigned char *a = files_read(files_join(path, whole, "checkpoint-000010.safetensors"), &sizes[0]);
    unsigned char *b = files_read(files_join(path, parts, "checkpoint-000010.safetensors"), &sizes[1]);
    assert_true(sizes[0] > 1000 && sizes[0] == sizes[1]);
    if (memcmp(a, b, sizes[0]) != 0) fail_msg("a run that was resumed ends in other bytes");
    free(a);
    free(b);
    files_remove(whole);
    files_remove(parts);
}

static void conditional_and_virtual_norm(void **state) {
    (void)state;
    check(CONDITIONAL);
}
static void weight_norm_by_data(void **state) {
    (void)state;
    check(WEIGHT_NORM);
}
static void spectral_norm_and_record(void **state) {
    (void)state;
    check(PROJECTED);
}
static void regularised_record(void **state) {
    (void)state;
    check(REGULARISED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditional_and_virtual_norm), cmocka_unit_test(weight_norm_by_data),
        cmocka_unit_test(spectral_norm_and_record), cmocka_unit_test(regularised_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
