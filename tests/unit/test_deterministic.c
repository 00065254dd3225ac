/* Deterministic mode: training has the same bits on any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan.h>

#include "files.h"
#include "host.h"
#include "networks.h"

enum { STEPS = 50, BATCH = 8 };

typedef struct training {
    gan_layer *generator, *discriminator;
    gan_optimizer *optimizer_g, *optimizer_d;
    gan_loss *loss;
    gan_tensor *fake;
} training;

static gan_status phase_d(void *user, gan_run *run, gan_tape *tape) {
    training *t = user;
    gan_tensor *z = gan_normal(tape, GAN_F32, gan_shape_2d(BATCH, NETWORKS_LATENT));
    t->fake = gan_layer_forward(tape, t->generator, z);
    gan_tensor *loss =
        gan_loss_discriminator(tape, t->loss, gan_layer_forward(tape, t->discriminator, gan_run_images(run)),
                               gan_layer_forward(tape, t->discriminator, gan_detach(tape, t->fake)));
    gan_status status = gan_run_report(run, "loss_d", loss);
    return status != GAN_OK ? status : gan_optimizer_step(t->optimizer_d, tape, loss);
}

static gan_status phase_g(void *user, gan_run *run, gan_tape *tape) {
    training *t = user;
    (void)run;
    gan_tensor *loss = gan_loss_generator(tape, t->loss, gan_layer_forward(tape, t->discriminator, t->fake));
    return gan_optimizer_step(t->optimizer_g, tape, loss);
}

/* DCGAN-28: transposed convolutions, batch normalisation; RMSProp with momentum, and Adam, both with clipping. */
static void train(const char *folder, int32_t threads, int64_t steps) {
    training t;
    gan_context *context;
    gan_context_options co;
    gan_digits_options digits;
    gan_loader_options lo;
    gan_rmsprop_options rmsprop;
    gan_run_options ro;
    gan_dataset *dataset;
    gan_loader *loader;
    gan_run *run;
    memset(&t, 0, sizeof t);
    gan_context_options_init(&co);
    co.threads = threads;
    co.deterministic = 1;
    co.seed = 11;
    assert_int_equal(gan_context_create(&context, &co), GAN_OK);
    assert_int_equal(networks_make(&t.generator, &t.discriminator, context, networks_find("dcgan28"), GAN_F32), GAN_OK);
    gan_rmsprop_options_init(&rmsprop);
    rmsprop.learning_rate = 1e-4;
    rmsprop.momentum = 0.5;
    rmsprop.centered = 1;
    assert_int_equal(gan_rmsprop_create(&t.optimizer_d, t.discriminator, &rmsprop), GAN_OK);
    assert_int_equal(gan_adam_create(&t.optimizer_g, t.generator, NULL), GAN_OK);
    assert_int_equal(gan_optimizer_set_clipping(t.optimizer_d, 0.1, 0.5), GAN_OK);
    assert_int_equal(gan_optimizer_set_clipping(t.optimizer_g, 0.1, 0.5), GAN_OK);
    assert_int_equal(gan_loss_bce_create(&t.loss, context, NULL), GAN_OK);
    gan_digits_options_init(&digits);
    digits.count = 100;
    assert_int_equal(gan_digits_create(&dataset, context, &digits), GAN_OK);
    gan_loader_options_init(&lo);
    lo.batch_size = BATCH;
    lo.flip = 1;
    lo.crop_padding = 2;
    assert_int_equal(gan_loader_create(&loader, dataset, &lo), GAN_OK);
    gan_run_options_init(&ro);
    ro.folder = folder;
    ro.steps = steps;
    ro.sample_interval = 0;
    assert_int_equal(gan_run_create(&run, context, &ro), GAN_OK);
    assert_int_equal(gan_run_set_loader(run, loader), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "generator", t.generator), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "discriminator", t.discriminator), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(run, "adam", t.optimizer_g), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(run, "rmsprop", t.optimizer_d), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "d", phase_d, &t), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "g", phase_g, &t), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    gan_loader_release(loader);
    gan_dataset_release(dataset);
    gan_loss_release(t.loss);
    gan_optimizer_release(t.optimizer_g);
    gan_optimizer_release(t.optimizer_d);
    gan_layer_release(t.generator);
    gan_layer_release(t.discriminator);
    gan_context_release(context);
}

/* Weights, statistics, moments, counters: the whole checkpoint. */
static void test_threads(void **state) {
    (void)state;
    const int64_t steps = STEPS < 3 * host_stride() ? 3 : STEPS / host_stride();
    unsigned char *files[3];
    size_t sizes[3];
    for (int32_t threads = 1; threads <= 3; threads++) {
        char folder[FILES_PATH], path[FILES_PATH], name[64];
        files_folder(folder);
        train(folder, threads, steps);
        snprintf(name, sizeof name, "checkpoint-%06lld.safetensors", (long long)steps);
        files[threads - 1] = files_read(files_join(path, folder, name), &sizes[threads - 1]);
        files_remove(folder);
    }
    assert_true(sizes[0] > 1 << 20);
    for (int i = 1; i < 3; i++) {
        assert_true(sizes[i] == sizes[0]);
        if (memcmp(files[i], files[0], sizes[0]) != 0) fail_msg("%d threads give other bits than one", i + 1);
    }
    for (int i = 0; i < 3; i++) free(files[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
