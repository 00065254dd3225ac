#include "app.h"

#include <stdio.h>
#include <string.h>

#include "base/context.h"

#define LATENT 8

app_setup app_tiny(const char *folder) {
    app_setup setup = {.threads = 1,
                       .level = GAN_LEVEL_AUTO,
                       .blas = GAN_BLAS_AUTO,
                       .steps = 3,
                       .interval = 2,
                       .log_interval = 1,
                       .width = 4,
                       .batch = 4,
                       .folder = folder};
    return setup;
}

/* Keeps the message of the first failure. A builder's and a tape's reach the context when they end. */
static gan_status note(app *a, gan_status status) {
    if (status == GAN_OK) return status;
    snprintf(a->message, sizeof a->message, "%s", a->context == NULL ? "" : gan_context_error(a->context));
    return status;
}

static gan_status make_generator(app *a) {
    gan_builder *b = gan_builder_begin(a->context, gan_shape_1d(LATENT));
    gan_add_linear(b, a->setup.width * 49, NULL);
    gan_add_reshape(b, gan_shape_3d(a->setup.width, 7, 7));
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, a->setup.width, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_conv_transpose2d(b, 1, 4, 2, 1, NULL);
    gan_add_tanh(b);
    return gan_builder_end(&a->generator, b);
}

static gan_status make_discriminator(app *a) {
    gan_builder *b = gan_builder_begin(a->context, gan_shape_3d(1, 28, 28));
    gan_weight_options weights;
    gan_weight_options_init(&weights);
    weights.form = GAN_WEIGHT_SPECTRAL_NORM;
    weights.compensation = GAN_COMPENSATION_DYNAMIC;
    gan_add_conv2d(b, a->setup.width, 4, 2, 1, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv2d(b, a->setup.width, 4, 2, 1, &weights);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    return gan_builder_end(&a->discriminator, b);
}

/* The mean over the batch of (|dD/dx| - 1)^2, at points between real and fake images. */
static gan_tensor *penalty(app *a, gan_tape *tape, gan_tensor *real, gan_tensor *fake) {
    gan_tensor *mix = gan_uniform(tape, GAN_F32, gan_shape_4d(a->setup.batch, 1, 1, 1), 0, 1);
    gan_tensor *between = gan_add(tape, fake, gan_mul(tape, mix, gan_sub(tape, real, fake)));
    gan_tensor *x = gan_watch(tape, between);
    gan_tensor *g = gan_gradient(tape, gan_layer_forward(tape, a->discriminator, x), x, GAN_GRAD_DIFFERENTIABLE);
    gan_tensor *norm = gan_sqrt(tape, gan_add_scalar(tape, gan_sum_axes(tape, gan_square(tape, g), 14, 0), 1e-12));
    return gan_mean(tape, gan_square(tape, gan_add_scalar(tape, norm, -1)));
}

static gan_status phase_d(void *user, gan_run *run, gan_tape *tape) {
    app *a = user;
    gan_tensor *real = gan_run_images(run);
    a->fake = gan_layer_forward(tape, a->generator, gan_normal(tape, GAN_F32, gan_shape_2d(a->setup.batch, LATENT)));
    gan_tensor *fake = gan_pool_exchange(tape, a->pool, a->fake);
    gan_tensor *real_score = gan_layer_forward(tape, a->discriminator, real);
    gan_tensor *fake_score = gan_layer_forward(tape, a->discriminator, fake);
    gan_tensor *loss =
        gan_add(tape, gan_loss_discriminator(tape, a->loss, real_score, fake_score), penalty(a, tape, real, fake));
    loss = gan_add(tape, loss, gan_loss_historical_averaging(tape, a->history));
    gan_status status = gan_run_report(run, "loss_d", loss);
    if (status == GAN_OK) status = gan_optimizer_step(a->adam_d, tape, loss);
    if (status == GAN_OK) status = gan_layer_compensate(tape, a->discriminator);
    return status != GAN_OK ? status : gan_loss_historical_averaging_update(a->history);
}

static gan_tensor *path_length(app *a, gan_tape *tape) {
    gan_tensor *z = gan_normal(tape, GAN_F32, gan_shape_2d(a->setup.batch, LATENT));
    z = gan_loss_path_length_latents(tape, a->path, z);
    return gan_loss_path_length(tape, a->path, gan_layer_forward(tape, a->generator, z), z);
}

static gan_status phase_g(void *user, gan_run *run, gan_tape *tape) {
    app *a = user;
    gan_tensor *loss = gan_loss_generator(tape, a->loss, gan_layer_forward(tape, a->discriminator, a->fake));
    loss = gan_add(tape, loss, path_length(a, tape));
    gan_status status = gan_run_report(run, "loss_g", loss);
    return status != GAN_OK ? status : gan_optimizer_step(a->adam_g, tape, loss);
}

static gan_status make_context(app *a) {
    a->stage = "context";
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = a->setup.threads;
    options.level = a->setup.level;
    options.blas = a->setup.blas;
    options.seed = 5;
    options.allocator = a->setup.allocator;
    options.executor = a->setup.executor;
    gan_status status = gan_context_create(&a->context, &options);
    if (status == GAN_OK && a->setup.io != NULL) a->context->io = a->setup.io;
    return status;
}

static gan_status make_data(app *a) {
    a->stage = "dataset";
    gan_digits_options digits;
    gan_digits_options_init(&digits);
    digits.count = 6 * a->setup.batch + 1;
    gan_status status = gan_digits_create(&a->dataset, a->context, &digits);
    if (status != GAN_OK) return status;
    a->stage = "loader";
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = a->setup.batch;
    options.flip = 1;
    options.crop_padding = 2;
    return gan_loader_create(&a->loader, a->dataset, &options);
}

static gan_status make_parts(app *a) {
    a->stage = "networks";
    gan_status status = make_generator(a);
    if (status == GAN_OK) status = make_discriminator(a);
    a->stage = "optimizers";
    if (status == GAN_OK) status = gan_adam_create(&a->adam_d, a->discriminator, NULL);
    if (status == GAN_OK) status = gan_adam_create(&a->adam_g, a->generator, NULL);
    a->stage = "losses, pool, average and model";
    gan_pool_options pool;
    gan_pool_options_init(&pool);
    pool.capacity = a->setup.batch + 1; /* full in the second step */
    if (status == GAN_OK) status = gan_loss_bce_create(&a->loss, a->context, NULL);
    if (status == GAN_OK) status = gan_loss_historical_averaging_create(&a->history, a->discriminator, NULL);
    if (status == GAN_OK) status = gan_loss_path_length_create(&a->path, a->context, NULL);
    if (status == GAN_OK) status = gan_pool_create(&a->pool, a->context, gan_shape_3d(1, 28, 28), &pool);
    if (status == GAN_OK) status = gan_ema_create(&a->average, a->generator, 0.9);
    if (status == GAN_OK) status = gan_model_create(&a->model, gan_ema_layer(a->average), NULL);
    return status;
}

static gan_status make_run(app *a) {
    a->stage = "run";
    gan_run_options options;
    gan_run_options_init(&options);
    options.folder = a->setup.folder;
    options.steps = a->setup.steps;
    options.sample_interval = a->setup.interval;
    options.checkpoint_interval = a->setup.interval;
    options.checkpoint_keep = 1;
    options.log_interval = a->setup.log_interval;
    options.sheet_count = 4;
    options.sheet_columns = 2;
    options.sheet_zoom = 1;
    gan_status status = gan_run_create(&a->run, a->context, &options);
    if (status == GAN_OK) status = gan_run_set_loader(a->run, a->loader);
    if (status == GAN_OK) status = gan_run_add_layer(a->run, "generator", a->generator);
    if (status == GAN_OK) status = gan_run_add_layer(a->run, "discriminator", a->discriminator);
    if (status == GAN_OK) status = gan_run_add_optimizer(a->run, "adam_d", a->adam_d);
    if (status == GAN_OK) status = gan_run_add_optimizer(a->run, "adam_g", a->adam_g);
    if (status == GAN_OK) status = gan_run_add_ema(a->run, "average", a->average);
    if (status == GAN_OK) status = gan_run_add_loss(a->run, "history", a->history);
    if (status == GAN_OK) status = gan_run_add_loss(a->run, "path", a->path);
    if (status == GAN_OK) status = gan_run_add_pool(a->run, "pool", a->pool);
    if (status == GAN_OK) status = gan_run_add_phase(a->run, "d", phase_d, a);
    if (status == GAN_OK) status = gan_run_add_phase(a->run, "g", phase_g, a);
    if (status == GAN_OK) status = gan_run_set_model(a->run, a->model);
    if (status == GAN_OK) status = gan_run_set_progress(a->run, a->progress, a->user);
    return status;
}

gan_status app_begin(app *a, const app_setup *setup) {
    a->setup = *setup;
    gan_status status = make_context(a);
    if (status == GAN_OK) status = make_data(a);
    if (status == GAN_OK) status = make_parts(a);
    if (status == GAN_OK) status = make_run(a);
    return note(a, status);
}

gan_status app_train(app *a) {
    a->stage = "training";
    return note(a, gan_run_train(a->run));
}

gan_status app_resume(app *a) {
    a->stage = "resuming";
    gan_status status = gan_run_resume(a->run, a->setup.folder);
    return status == GAN_OK ? app_train(a) : note(a, status);
}

static const char *join(const app *a, const char *name, char path[512]) {
    snprintf(path, 512, "%s/%s", a->setup.folder, name);
    return path;
}

/* The same pictures again. */
static gan_status sample_in_session(app *a, gan_model *model, gan_tensor *images) {
    gan_session *session = NULL;
    gan_session_options options;
    gan_session_options_init(&options);
    options.batch = 4;
    a->stage = "session";
    gan_status status = gan_session_create(&session, model, &options);
    if (status == GAN_OK)
        status = gan_session_sample(session, 0, 4, 1, gan_tensor_data(images),
                                    (size_t)gan_tensor_count(images) * sizeof(float));
    gan_session_release(session);
    return status;
}

static gan_status sample(app *a, gan_model *model) {
    char path[512];
    gan_tensor *images = NULL, *sheet = NULL;
    a->stage = "sampling";
    gan_status status = gan_model_sample(&images, model, 4, 1);
    if (status == GAN_OK) status = sample_in_session(a, model, images);
    gan_sheet_options options;
    gan_sheet_options_init(&options);
    options.columns = 2;
    a->stage = "PNG";
    if (status == GAN_OK) status = gan_sheet_write(images, join(a, "sheet.png", path), &options);
    if (status == GAN_OK) status = gan_png_read(&sheet, a->context, path);
    gan_tensor_release(images);
    gan_tensor_release(sheet);
    return status;
}

gan_status app_files(app *a) {
    char path[512];
    gan_model *loaded = NULL;
    a->stage = "saving";
    gan_status status = gan_model_save(a->model, join(a, "saved.safetensors", path));
    a->stage = "loading";
    if (status == GAN_OK) status = gan_model_load(&loaded, a->context, path);
    if (status == GAN_OK) status = sample(a, loaded);
    gan_model_release(loaded);
    if (status == GAN_OK) {
        a->stage = "saving a layer";
        status = gan_layer_save(a->discriminator, join(a, "layer.safetensors", path));
    }
    a->stage = status == GAN_OK ? "loading a layer" : a->stage;
    if (status == GAN_OK) status = gan_layer_load(a->discriminator, path);
    return note(a, status);
}

void app_end(app *a) {
    gan_context_release(a->context);
    gan_run_release(a->run);
    gan_loader_release(a->loader);
    gan_dataset_release(a->dataset);
    gan_optimizer_release(a->adam_d);
    gan_optimizer_release(a->adam_g);
    gan_model_release(a->model);
    gan_ema_release(a->average);
    gan_loss_release(a->loss);
    gan_loss_release(a->history);
    gan_loss_release(a->path);
    gan_pool_release(a->pool);
    gan_layer_release(a->generator);
    gan_layer_release(a->discriminator);
    a->context = NULL;
}

gan_status app_all(const app_setup *setup, char *message) {
    app a = {0};
    gan_status status = app_begin(&a, setup);
    if (status == GAN_OK) status = app_train(&a);
    if (status == GAN_OK) status = app_files(&a);
    if (message != NULL) memcpy(message, a.message, sizeof a.message);
    app_end(&a);
    return status;
}
