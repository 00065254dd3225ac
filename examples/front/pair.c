/* What networks and phases of the programs have in common. */
#include "front/front.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

gan_status front_refuse(front *f, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s: ", f->called);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    f->refused = 1;
    return GAN_E_ARGUMENT;
}

gan_status front_need_classes(front *f) {
    if (f->classes >= 2) return GAN_OK;
    return front_refuse(
        f, "the images have no classes: give a folder of class folders, or an IDX file with its labels beside it");
}

int front_is(const front *f, const char *preset) { return strcmp(f->preset->name, preset) == 0; }

int64_t front_steps(const front *f) {
    return f->options.steps >= 0 ? f->options.steps : f->options.epochs * gan_loader_batches(f->loader);
}

gan_builder *front_begin(const front *f, gan_shape input) {
    gan_builder *b = gan_builder_begin(f->context, input);
    gan_builder_set_dtype(b, f->dtype);
    return b;
}

gan_status front_end(gan_layer **out, gan_status status, gan_builder *b) {
    gan_status ended = gan_builder_end(out, b);
    return status == GAN_OK ? ended : status;
}

double front_lr(const front *f, const gan_layer *layer) {
    if (layer != f->discriminator) return f->options.lr;
    return f->options.d_lr > 0 ? f->options.d_lr : f->d_rate * f->options.lr;
}

void front_adam_options(const front *f, const gan_layer *layer, gan_adam_options *adam) {
    gan_adam_options_init(adam);
    adam->learning_rate = front_lr(f, layer);
    adam->beta1 = f->options.b1;
    adam->beta2 = f->options.b2;
    adam->weight_decay = f->weight_decay;
}

void front_put(gan_tensor *tensor, int64_t index, double value) {
    if (gan_tensor_dtype(tensor) == GAN_F64)
        ((double *)gan_tensor_data(tensor))[index] = value;
    else
        ((float *)gan_tensor_data(tensor))[index] = (float)value;
}

int64_t front_largest(const gan_tensor *matrix, int64_t row, int64_t columns) {
    const int64_t begin = row * gan_tensor_shape(matrix).size[1];
    int64_t best = 0;
    for (int64_t k = 1; k < columns; k++)
        if (gan_tensor_item(matrix, begin + k) > gan_tensor_item(matrix, begin + best)) best = k;
    return best;
}

int front_ends_with(const char *name, const char *end) {
    size_t length = strlen(name), most = strlen(end);
    return length >= most && strcmp(name + length - most, end) == 0;
}

const gan_weight_options *front_no_bias(void) {
    static gan_weight_options options;
    gan_weight_options_init(&options);
    options.bias = 0;
    return &options;
}

void front_add_batch_norm(gan_builder *b, double epsilon) {
    gan_batch_norm_options options;
    gan_batch_norm_options_init(&options);
    options.epsilon = epsilon;
    gan_add_batch_norm(b, &options);
}

gan_tensor *front_latents(front *f, gan_tape *tape, int64_t count) {
    gan_shape shape = gan_shape_2d(count, f->options.latent_dim);
    switch (f->preset->prior) {
    case GAN_INPUT_UNIFORM:
        return gan_uniform(tape, f->dtype, shape, -1, 1);
    case GAN_INPUT_UNIT_UNIFORM:
        return gan_uniform(tape, f->dtype, shape, 0, 1);
    default:
        return gan_normal(tape, f->dtype, shape);
    }
}

gan_tensor *front_latent(front *f, gan_tape *tape) { return front_latents(f, tape, f->options.batch_size); }

gan_tensor *front_reals(front *f) { return gan_run_images(f->run); }

gan_tensor *front_make(front *f, gan_tape *tape, int64_t count) {
    int32_t told = gan_layer_input_count(f->generator) > 1 && gan_layer_input_limit(f->generator, 1) > 0;
    gan_tensor *inputs[] = {front_latents(f, tape, count), NULL}, *images;
    if (told) inputs[1] = gan_categorical(tape, gan_full(tape, f->dtype, gan_shape_2d(count, f->classes), 0), 1);
    f->fake_labels = inputs[1];
    gan_layer_forward_many(tape, f->generator, inputs, told ? 2 : 1, &images, 1);
    return images;
}

gan_tensor *front_score(front *f, gan_tape *tape, gan_tensor *images, gan_tensor *labels) {
    gan_tensor *inputs[] = {images, labels}, *scores;
    gan_layer_forward_many(tape, f->discriminator, inputs, gan_layer_input_count(f->discriminator), &scores, 1);
    return scores;
}

gan_status front_step(front *f, gan_tape *tape, gan_optimizer *optimizer, const char *name, gan_tensor *loss) {
    gan_run_report(f->run, name, loss);
    return gan_optimizer_step(optimizer, tape, loss);
}

static gan_tensor *times(gan_tape *tape, gan_tensor *loss, double factor) {
    return factor == 1 ? loss : gan_scale(tape, loss, factor);
}

gan_tensor *front_loss_g(front *f, gan_tape *tape, gan_tensor *fake) {
    gan_tensor *loss = gan_loss_generator(tape, f->loss, front_score(f, tape, fake, f->fake_labels));
    return times(tape, loss, f->scale_g);
}

gan_tensor *front_loss_d(front *f, gan_tape *tape) {
    gan_tensor *real = front_score(f, tape, front_reals(f), gan_run_labels(f->run));
    gan_tensor *fake = front_score(f, tape, gan_detach(tape, f->fake), f->fake_labels);
    return times(tape, gan_loss_discriminator(tape, f->loss, real, fake), f->scale_d);
}

static gan_status step_d(front *f, gan_tape *tape) {
    return front_step(f, tape, f->discriminator_optimizer, "loss_d", front_loss_d(f, tape));
}

gan_status front_phase_d(front *f, gan_tape *tape) {
    f->fake = front_make(f, tape, f->options.batch_size);
    return step_d(f, tape);
}

gan_status front_phase_g(front *f, gan_tape *tape) {
    return front_step(f, tape, f->generator_optimizer, "loss_g", front_loss_g(f, tape, f->fake));
}

gan_status front_phase_g_first(front *f, gan_tape *tape) {
    gan_tensor *fake = front_make(f, tape, f->options.batch_size);
    f->fake = gan_detach(tape, fake); /* kept whole for D: the step gives back what the walk has used */
    return front_step(f, tape, f->generator_optimizer, "loss_g", front_loss_g(f, tape, fake));
}

gan_status front_phase_d_second(front *f, gan_tape *tape) { return step_d(f, tape); }

gan_status front_phase_alternate(front *f, gan_tape *tape) {
    return gan_run_step(f->run) % 2 == 0 ? front_phase_g_first(f, tape) : front_phase_d(f, tape);
}

gan_status front_fall(gan_optimizer *optimizer, int64_t start, int64_t updates) {
    gan_schedule_options linear;
    gan_schedule_options_init(&linear);
    linear.kind = GAN_SCHEDULE_LINEAR;
    linear.start = start;
    linear.length = updates > start ? updates - start : 1;
    return gan_optimizer_set_schedule(optimizer, &linear);
}

static gan_status make_sgd(gan_optimizer **out, const front *f, gan_layer *layer, double slower) {
    gan_sgd_options sgd;
    gan_sgd_options_init(&sgd);
    sgd.learning_rate = front_lr(f, layer);
    sgd.momentum = 0.5;
    gan_schedule_options falling;
    gan_schedule_options_init(&falling);
    falling.kind = GAN_SCHEDULE_STEP;
    falling.interval = 1;
    falling.factor = 1 / slower;
    falling.final_factor = sgd.learning_rate > 1e-6 ? 1e-6 / sgd.learning_rate : 1;
    gan_status status = gan_sgd_create(out, layer, &sgd);
    return status == GAN_OK ? gan_optimizer_set_schedule(*out, &falling) : status;
}

gan_status front_no_betas(front *f, const char *optimizer) {
    gan_status status = front_not_for(f, "b1", optimizer);
    return status == GAN_OK ? front_not_for(f, "b2", optimizer) : status;
}

gan_status front_make_sgd(front *f, double slower) {
    gan_status status = front_no_betas(f, "SGD");
    if (status != GAN_OK) return status;
    status = make_sgd(&f->generator_optimizer, f, f->generator, slower);
    return status == GAN_OK ? make_sgd(&f->discriminator_optimizer, f, f->discriminator, slower) : status;
}

void front_set_momentum(front *f) {
    double epochs = (double)gan_run_step(f->run) / (double)gan_loader_batches(f->loader);
    gan_optimizer *both[] = {f->generator_optimizer, f->discriminator_optimizer};
    for (int i = 0; i < 2; i++) gan_optimizer_set_momentum(both[i], 0.5 + 0.2 * fmin(epochs / 250, 1));
}
