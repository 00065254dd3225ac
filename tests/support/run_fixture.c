#include "run_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/image_pool.h"
#include "digest.h"
#include "failing_io.h"
#include "loss/loss.h"

static void need(const run_fixture *f, gan_status status, const char *what) {
    if (status == GAN_OK) return;
    fprintf(stderr, "fixture: %s: %s (%s)\n", what, f->context == NULL ? "" : gan_context_error(f->context),
            gan_status_text(status));
    exit(1);
}

fixture_setup fixture_default(void) {
    fixture_setup setup = {.seed = 7, .items = 100, .batch = FIXTURE_BATCH, .hidden = 24, .threads = 1};
    gan_loader_options_init(&setup.loader);
    return setup;
}

void fixture_options(gan_run_options *options, const char *folder, int64_t steps) {
    gan_run_options_init(options);
    options->folder = folder;
    options->steps = steps;
    options->sample_interval = 10;
    options->checkpoint_interval = 10;
    options->log_interval = 1;
    options->sheet_count = 6;
    options->sheet_columns = 3;
    options->sheet_zoom = 1;
    options->sample_seed = 3;
}

static gan_status phase_d(void *user, gan_run *run, gan_tape *tape) {
    run_fixture *f = user;
    gan_tensor *real = gan_run_images(run);
    gan_tensor *z = gan_normal(tape, GAN_F32, gan_shape_2d(gan_tensor_shape(real).size[0], FIXTURE_LATENT));
    f->fake = gan_layer_forward(tape, f->generator, z);
    gan_tensor *real_score = gan_layer_forward(tape, f->discriminator, real);
    gan_tensor *fake = f->pool == NULL ? gan_detach(tape, f->fake) : gan_pool_exchange(tape, f->pool, f->fake);
    gan_tensor *fake_score = gan_layer_forward(tape, f->discriminator, fake);
    gan_tensor *loss = gan_loss_discriminator(tape, f->loss, real_score, fake_score);
    if (f->history != NULL) loss = gan_add(tape, loss, gan_loss_historical_averaging(tape, f->history));
    gan_status status = gan_run_report(run, "loss_d", loss);
    if (status == GAN_OK) status = gan_optimizer_step(f->optimizer_d, tape, loss);
    if (status == GAN_OK && f->history != NULL) status = gan_loss_historical_averaging_update(f->history);
    return status;
}

static gan_tensor *path_length(const run_fixture *f, gan_tape *tape) {
    gan_tensor *z = gan_normal(tape, GAN_F32, gan_shape_2d(8, FIXTURE_LATENT));
    z = gan_loss_path_length_latents(tape, f->path, z);
    return gan_loss_path_length(tape, f->path, gan_layer_forward(tape, f->generator, z), z);
}

static gan_status phase_g(void *user, gan_run *run, gan_tape *tape) {
    run_fixture *f = user;
    int64_t step = gan_run_step(run) + 1;
    if (step == f->fail_at) return gani_fail(f->context, GAN_E_STATE, "phase g failed on purpose");
    int odd = step == f->nan_at && gan_optimizer_learning_rate(f->optimizer_g) >= f->nan_rate;
    if (odd && f->nan_kind == FIXTURE_NAN_METRIC) return gan_run_report_value(run, "odd", NAN);
    gan_tensor *loss = gan_loss_generator(tape, f->loss, gan_layer_forward(tape, f->discriminator, f->fake));
    if (f->path != NULL && step % 4 == 0) loss = gan_add(tape, loss, path_length(f, tape));
    if (odd && f->nan_kind == FIXTURE_NAN_GRADIENT)
        return gan_optimizer_step(f->optimizer_g, tape, gan_scale(tape, loss, NAN));
    gan_status status = gan_run_report(run, "loss_g", loss);
    if (status == GAN_OK) status = gan_optimizer_step(f->optimizer_g, tape, loss);
    gan_layer *spoilt = f->nan_kind == FIXTURE_NAN_AVERAGE ? gan_ema_layer(f->ema) : f->generator;
    if (odd) ((float *)gan_tensor_data(gan_layer_tensor(spoilt, 0)))[3] = NAN;
    return status;
}

static int32_t progress(void *user, const gan_progress *p) {
    run_fixture *f = user;
    f->calls++;
    f->last = *p;
    return f->cancel_at != 0 && p->step >= f->cancel_at;
}

/* With fresh noise in evaluation, so that sheets draw from the stream of the training. */
static void make_style_networks(run_fixture *f) {
    gan_noise_injection_options fresh;
    gan_noise_injection_options_init(&fresh);
    fresh.evaluation = GAN_NOISE_FRESH;
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(FIXTURE_LATENT));
    gan_add_pixel_norm(b, NULL);
    gan_add_linear(b, 8, NULL);
    gan_add_truncation(b, NULL);
    gan_builder_label(b, "style");
    gan_add_constant(b, gan_shape_3d(4, 7, 7));
    gan_add_noise_injection(b, &fresh);
    gan_add_adaptive_instance_norm(b, "style", NULL);
    gan_add_upsample_conv2d(b, 4, 3, NULL);
    gan_builder_label(b, "old");
    gan_add_blur(b, NULL);
    gan_add_noise_injection(b, NULL);
    gan_add_fade(b, "old");
    gan_add_upsample_conv2d(b, 1, 3, NULL);
    gan_add_tanh(b);
    need(f, gan_builder_end(&f->generator, b), "generator");
    b = gan_builder_begin(f->context, gan_shape_3d(1, 28, 28));
    gan_add_gaussian_noise(b, 0.1, NULL);
    gan_add_conv2d_downsample(b, 4, 3, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_minibatch_std(b, NULL);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    need(f, gan_builder_end(&f->discriminator, b), "discriminator");
}

static void make_networks(run_fixture *f, const fixture_setup *setup) {
    if (setup->styles) {
        make_style_networks(f);
        return;
    }
    gan_builder *b = gan_builder_begin(f->context, gan_shape_1d(FIXTURE_LATENT));
    gan_add_linear(b, setup->hidden, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_linear(b, 784, NULL);
    gan_add_tanh(b);
    gan_add_reshape(b, gan_shape_3d(1, 28, 28));
    need(f, gan_builder_end(&f->generator, b), "generator");
    b = gan_builder_begin(f->context, gan_shape_3d(1, 28, 28));
    gan_add_flatten(b);
    gan_add_linear(b, setup->hidden, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 1, NULL);
    need(f, gan_builder_end(&f->discriminator, b), "discriminator");
}

static void make_optimizer(run_fixture *f, const fixture_setup *setup) {
    if (setup->rmsprop == 0) {
        need(f, gan_adam_create(&f->optimizer_d, f->discriminator, NULL), "adam");
        return;
    }
    gan_rmsprop_options options;
    gan_rmsprop_options_init(&options);
    options.learning_rate = 1e-4;
    if (setup->rmsprop == 2) {
        options.centered = 1;
        options.momentum = 0.5;
        options.prefix = "1";
    }
    need(f, gan_rmsprop_create(&f->optimizer_d, f->discriminator, &options), "rmsprop");
    gan_group_options group;
    gan_group_options_init(&group);
    group.prefix = "3";
    if (setup->rmsprop == 2) need(f, gan_optimizer_add_layer(f->optimizer_d, f->discriminator, &group), "group");
}

static void make_stateful(run_fixture *f, const fixture_setup *setup) {
    const char *const names[2][2] = {{"history", "path"}, {"path", "history"}};
    const char *const *name = names[setup->stateful == 3];
    gan_pool_options pool;
    gan_pool_options_init(&pool);
    pool.capacity = setup->stateful == 2 ? 41 : 40; /* two and a half batches: full in the third step */
    need(f, gan_loss_historical_averaging_create(&f->history, f->discriminator, NULL), "history");
    need(f, gan_loss_path_length_create(&f->path, f->context, NULL), "path length");
    need(f, gan_pool_create(&f->pool, f->context, gan_shape_3d(1, 28, 28), &pool), "pool");
    need(f, gan_run_add_loss(f->run, name[0], f->history), "add");
    need(f, gan_run_add_loss(f->run, name[1], f->path), "add");
    need(f, gan_run_add_pool(f->run, "pool", f->pool), "add");
}

void fixture_begin(run_fixture *f, const fixture_setup *setup, const gan_run_options *options) {
    memset(f, 0, sizeof *f);
    gan_context_options context;
    gan_context_options_init(&context);
    context.threads = setup->threads;
    context.seed = setup->seed;
    context.deterministic = 1;
    gan_allocator allocator;
    if (setup->memory != NULL) {
        allocator = host_allocator(setup->memory);
        context.allocator = &allocator;
    }
    need(f, gan_context_create(&f->context, &context), "context");
    f->io = quick_io();
    f->context->io = &f->io;
    make_networks(f, setup);
    make_optimizer(f, setup);
    need(f, gan_adam_create(&f->optimizer_g, f->generator, NULL), "adam");
    need(f, gan_ema_create(&f->ema, f->generator, 0.9), "ema");
    need(f, gan_loss_bce_create(&f->loss, f->context, NULL), "loss");
    gan_digits_options digits;
    gan_digits_options_init(&digits);
    digits.count = setup->items;
    digits.seed = setup->items_seed;
    need(f, gan_digits_create(&f->dataset, f->context, &digits), "digits");
    gan_loader_options loader = setup->loader;
    loader.batch_size = setup->batch;
    need(f, gan_loader_create(&f->loader, f->dataset, &loader), "loader");
    need(f, gan_model_create(&f->model, gan_ema_layer(f->ema), NULL), "model");
    need(f, gan_run_create(&f->run, f->context, options), "run");
    need(f, gan_run_set_loader(f->run, f->loader), "set_loader");
    need(f, gan_run_add_layer(f->run, "generator", f->generator), "add");
    need(f, gan_run_add_layer(f->run, "discriminator", f->discriminator), "add");
    if (setup->extra_layer) need(f, gan_run_add_layer(f->run, "extra", f->discriminator), "add");
    need(f, gan_run_add_optimizer(f->run, "adam_d", f->optimizer_d), "add");
    need(f, gan_run_add_optimizer(f->run, "adam_g", f->optimizer_g), "add");
    need(f, gan_run_add_ema(f->run, "average", f->ema), "add");
    if (setup->stateful) make_stateful(f, setup);
    need(f, gan_run_add_phase(f->run, "d", phase_d, f), "add");
    need(f, gan_run_add_phase(f->run, "g", phase_g, f), "add");
    need(f, gan_run_set_model(f->run, f->model), "set_model");
    need(f, gan_run_set_progress(f->run, progress, f), "set_progress");
}

void fixture_end(run_fixture *f) {
    /* the context first: what is made from it keeps it alive */
    gan_context_release(f->context);
    gan_layer_release(f->generator);
    gan_layer_release(f->discriminator);
    gan_optimizer_release(f->optimizer_d);
    gan_optimizer_release(f->optimizer_g);
    gan_loss_release(f->loss);
    gan_loss_release(f->history);
    gan_loss_release(f->path);
    gan_pool_release(f->pool);
    gan_dataset_release(f->dataset);
    gan_loader_release(f->loader);
    gan_model_release(f->model);
    gan_run_release(f->run);
    gan_ema_release(f->ema);
    memset(f, 0, sizeof *f);
}

static uint64_t hash_state(uint64_t hash, const gani_named *state, int32_t count) {
    for (int32_t i = 0; i < count; i++)
        hash = gani_hash(hash, gan_tensor_const_data(state[i].tensor),
                         (uint64_t)gan_tensor_count(state[i].tensor) * gan_dtype_size(state[i].tensor->dtype));
    return hash;
}

uint64_t fixture_digest(const run_fixture *f) {
    uint64_t hash = digest_layer(GANI_HASH_START, f->generator);
    hash = digest_layer(hash, f->discriminator);
    hash = digest_layer(hash, gan_ema_layer(f->ema));
    if (f->history != NULL) hash = hash_state(hash, f->history->state, f->history->state_count);
    if (f->path != NULL) hash = hash_state(hash, f->path->state, f->path->state_count);
    if (f->pool != NULL) hash = hash_state(hash, gani_image_pool_state(f->pool), GANI_POOL_STATE);
    int64_t numbers[4] = {gan_optimizer_steps(f->optimizer_d), gan_optimizer_steps(f->optimizer_g),
                          gan_loader_position(f->loader), gan_run_step(f->run)};
    return digest_positions(gani_hash(hash, numbers, sizeof numbers), f->context);
}
