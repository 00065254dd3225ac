#include "small_run.h"

#include <string.h>

#include "digest.h"

static gan_status phase_d(void *user, gan_run *run, gan_tape *tape) {
    small_run *r = user;
    gan_tensor *real = gan_run_images(run);
    r->fake = gan_layer_forward(tape, r->generator, gan_normal(tape, GAN_F32, gan_shape_2d(2, 2)));
    gan_tensor *real_score = gan_layer_forward(tape, r->discriminator, real);
    gan_tensor *fake_score = gan_layer_forward(tape, r->discriminator, gan_detach(tape, r->fake));
    gan_tensor *loss = gan_loss_discriminator(tape, r->loss, real_score, fake_score);
    gan_status status = r->sheets ? gan_run_report(run, "loss_d", loss) : GAN_OK;
    return status != GAN_OK ? status : gan_optimizer_step(r->adam_d, tape, loss);
}

static gan_status phase_g(void *user, gan_run *run, gan_tape *tape) {
    small_run *r = user;
    (void)run;
    gan_tensor *loss = gan_loss_generator(tape, r->loss, gan_layer_forward(tape, r->discriminator, r->fake));
    return gan_optimizer_step(r->adam_g, tape, loss);
}

static gan_status make_networks(small_run *r) {
    gan_builder *b = gan_builder_begin(r->context, gan_shape_1d(2));
    gan_add_linear(b, 4, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_reshape(b, gan_shape_3d(1, 2, 2));
    gan_status status = gan_builder_end(&r->generator, b);
    b = gan_builder_begin(r->context, gan_shape_3d(1, 2, 2));
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    gan_status other = gan_builder_end(&r->discriminator, b);
    return status != GAN_OK ? status : other;
}

static gan_status make_data(small_run *r) {
    static const uint8_t images[] = {0, 0, 8, 3, 0,   0,  0,  4,  0,  0,   0,  2,  0, 0,   0,   2,
                                     0, 9, 8, 7, 255, 25, 35, 45, 90, 100, 80, 70, 0, 255, 128, 64};
    fuzz_file("images", images, sizeof images);
    gan_status status = gan_idx_open(&r->dataset, r->context, "images", NULL);
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = 2;
    return status != GAN_OK ? status : gan_loader_create(&r->loader, r->dataset, &options);
}

static gan_status make_parts(small_run *r) {
    gan_status status = make_networks(r);
    if (status == GAN_OK) status = make_data(r);
    if (status == GAN_OK) status = gan_adam_create(&r->adam_d, r->discriminator, NULL);
    if (status == GAN_OK) status = gan_adam_create(&r->adam_g, r->generator, NULL);
    if (status == GAN_OK) status = gan_ema_create(&r->average, r->generator, 0.9);
    if (status == GAN_OK) status = gan_loss_bce_create(&r->loss, r->context, NULL);
    return status != GAN_OK ? status : gan_model_create(&r->model, gan_ema_layer(r->average), NULL);
}

static gan_status assemble(small_run *r) {
    gan_run_options options;
    gan_run_options_init(&options);
    options.folder = "run";
    options.steps = SMALL_RUN_STEPS;
    options.sample_interval = r->sheets ? 2 : 0;
    options.checkpoint_interval = 2;
    options.log_interval = 1;
    options.overwrite = 1;
    options.sheet_count = 2;
    options.overwrite = 1;
    options.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    options.best_metric = "loss_d";
    gan_status status = gan_run_create(&r->run, r->context, &options);
    if (status == GAN_OK) status = gan_run_set_loader(r->run, r->loader);
    if (status == GAN_OK) status = gan_run_add_layer(r->run, "generator", r->generator);
    if (status == GAN_OK) status = gan_run_add_layer(r->run, "discriminator", r->discriminator);
    if (status == GAN_OK) status = gan_run_add_optimizer(r->run, "adam_d", r->adam_d);
    if (status == GAN_OK) status = gan_run_add_optimizer(r->run, "adam_g", r->adam_g);
    if (status == GAN_OK) status = gan_run_add_ema(r->run, "average", r->average);
    if (status == GAN_OK) status = gan_run_add_phase(r->run, "d", phase_d, r);
    if (status == GAN_OK) status = gan_run_add_phase(r->run, "g", phase_g, r);
    return status != GAN_OK ? status : gan_run_set_model(r->run, r->model);
}

void small_run_begin(small_run *r, int sheets) {
    memset(r, 0, sizeof *r);
    r->sheets = sheets;
    r->context = fuzz_begin();
    gan_status status = make_parts(r);
    if (status == GAN_OK) status = assemble(r);
    fuzz_expect(status == GAN_OK, "the small run cannot be made");
}

void small_run_end(small_run *r) {
    gan_run_release(r->run);
    gan_layer_release(r->generator);
    gan_layer_release(r->discriminator);
    gan_optimizer_release(r->adam_d);
    gan_optimizer_release(r->adam_g);
    gan_ema_release(r->average);
    gan_loss_release(r->loss);
    gan_dataset_release(r->dataset);
    gan_loader_release(r->loader);
    gan_model_release(r->model);
    fuzz_end(r->context);
}

uint64_t small_run_digest(const small_run *r) {
    uint64_t hash = digest_layer(GANI_HASH_START, r->generator);
    hash = digest_layer(hash, r->discriminator);
    hash = digest_layer(hash, gan_ema_layer(r->average));
    int64_t numbers[4] = {gan_optimizer_steps(r->adam_d), gan_optimizer_steps(r->adam_g),
                          gan_loader_position(r->loader), gan_run_step(r->run)};
    return digest_positions(gani_hash(hash, numbers, sizeof numbers), r->context);
}
