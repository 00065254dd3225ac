/* DCGAN (Radford, Metz, Chintala 2015, arXiv 1511.06434): strided convolutions, batch normalisation in both networks,
 * ReLU in the generator with a tanh output, leaky ReLU in the discriminator; weights N(0, 0.02), Adam 2e-4 with beta1
 * 0.5; non-saturating loss. */
#include "frontend.h"

typedef struct dcgan {
    gan_layer *generator, *discriminator;
    gan_optimizer *generator_adam, *discriminator_adam;
    gan_loss *loss;
    gan_ema *ema;
    gan_model *model;
    int64_t latent_dim;
    gan_tensor *fake; /* made in phase d, used again in phase g */
} dcgan;

/* 28x28, by the paper's rules: 759,681 + 138,689 parameters with one channel and a latent vector of 100. */
static gan_status build_28(dcgan *m, gan_context *context, gan_shape image) {
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias = 0;

    gan_builder *g = gan_builder_begin(context, gan_shape_1d(m->latent_dim));
    gan_add_linear(g, 128 * 7 * 7, &no_bias);
    gan_add_reshape(g, gan_shape_3d(128, 7, 7));
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, 64, 4, 2, 1, &no_bias);
    gan_add_batch_norm(g, NULL);
    gan_add_relu(g);
    gan_add_conv_transpose2d(g, image.size[0], 4, 2, 1, NULL);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&m->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = gan_builder_begin(context, image);
    gan_add_conv2d(d, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_conv2d(d, 128, 4, 2, 1, &no_bias);
    gan_add_batch_norm(d, NULL);
    gan_add_leaky_relu(d, 0.2);
    gan_add_flatten(d);
    gan_add_linear(d, 1, NULL);
    return gan_builder_end(&m->discriminator, d);
}

/* 64x64, the paper's: 3,576,704 + 2,765,568 parameters with three channels. */
static gan_status build_64(dcgan *m, gan_context *context, gan_shape image) {
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias = 0;

    gan_builder *g = gan_builder_begin(context, gan_shape_1d(m->latent_dim));
    gan_add_reshape(g, gan_shape_3d(m->latent_dim, 1, 1));
    for (int64_t channels = 512, first = 1; channels >= 64; channels /= 2, first = 0) {
        gan_add_conv_transpose2d(g, channels, 4, first ? 1 : 2, first ? 0 : 1, &no_bias);
        gan_add_batch_norm(g, NULL);
        gan_add_relu(g);
    }
    gan_add_conv_transpose2d(g, image.size[0], 4, 2, 1, &no_bias);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&m->generator, g);
    if (status != GAN_OK) return status;

    gan_builder *d = gan_builder_begin(context, image);
    gan_add_conv2d(d, 64, 4, 2, 1, &no_bias);
    gan_add_leaky_relu(d, 0.2);
    for (int64_t channels = 128; channels <= 512; channels *= 2) {
        gan_add_conv2d(d, channels, 4, 2, 1, &no_bias);
        gan_add_batch_norm(d, NULL);
        gan_add_leaky_relu(d, 0.2);
    }
    gan_add_conv2d(d, 1, 4, 1, 0, &no_bias);
    gan_add_flatten(d);
    return gan_builder_end(&m->discriminator, d);
}

/* One step of D on a batch of reals and a batch of fakes, which pass through it separately. */
static gan_status phase_d(void *user, gan_run *run, gan_tape *tape) {
    dcgan *m = user;
    gan_tensor *real = gan_run_images(run);
    gan_tensor *z = gan_normal(tape, GAN_F32, gan_shape_2d(gan_tensor_shape(real).size[0], m->latent_dim));
    m->fake = gan_layer_forward(tape, m->generator, z);
    gan_tensor *loss = gan_loss_discriminator(tape, m->loss, gan_layer_forward(tape, m->discriminator, real),
                                              gan_layer_forward(tape, m->discriminator, gan_detach(tape, m->fake)));
    gan_run_report(run, "loss_d", loss);
    return gan_optimizer_step(m->discriminator_adam, tape, loss);
}

/* One step of G: the same fakes through the D that has just been updated. */
static gan_status phase_g(void *user, gan_run *run, gan_tape *tape) {
    dcgan *m = user;
    gan_tensor *loss = gan_loss_generator(tape, m->loss, gan_layer_forward(tape, m->discriminator, m->fake));
    gan_run_report(run, "loss_g", loss);
    return gan_optimizer_step(m->generator_adam, tape, loss);
}

static gan_status build(dcgan *m, front_end *front) {
    const front_options *o = &front->options;
    m->latent_dim = o->latent_dim;
    gan_status status = (o->size == 28 ? build_28 : build_64)(m, front->context, front->image);
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = o->lr;
    adam.beta1 = o->b1;
    adam.beta2 = o->b2;
    if (status == GAN_OK) status = gan_layer_init_dcgan(m->generator);
    if (status == GAN_OK) status = gan_layer_init_dcgan(m->discriminator);
    if (status == GAN_OK) status = gan_adam_create(&m->generator_adam, m->generator, &adam);
    if (status == GAN_OK) status = gan_adam_create(&m->discriminator_adam, m->discriminator, &adam);
    if (status == GAN_OK) status = gan_loss_bce_create(&m->loss, front->context, NULL);
    if (status == GAN_OK && o->ema > 0) status = gan_ema_create(&m->ema, m->generator, o->ema);
    if (status == GAN_OK)
        status = gan_model_create(&m->model, m->ema != NULL ? gan_ema_layer(m->ema) : m->generator, NULL);
    return status;
}

static gan_status add(dcgan *m, gan_run *run) {
    gan_status status = gan_run_add_layer(run, "generator", m->generator);
    if (status == GAN_OK) status = gan_run_add_layer(run, "discriminator", m->discriminator);
    if (status == GAN_OK) status = gan_run_add_optimizer(run, "generator_adam", m->generator_adam);
    if (status == GAN_OK) status = gan_run_add_optimizer(run, "discriminator_adam", m->discriminator_adam);
    if (status == GAN_OK && m->ema != NULL) status = gan_run_add_ema(run, "generator_ema", m->ema);
    if (status == GAN_OK) status = gan_run_add_phase(run, "d", phase_d, m);
    if (status == GAN_OK) status = gan_run_add_phase(run, "g", phase_g, m);
    if (status == GAN_OK) status = gan_run_set_model(run, m->model);
    return status;
}

static int32_t has_size(int64_t size) { return size == 28 || size == 64; }

int main(int argc, char **argv) {
    static const front_program program = {"dcgan", "trains a DCGAN on images and draws what it learns", "28 or 64",
                                          has_size};
    front_end front = {.options = {.out = "runs/dcgan",
                                   .steps = -1,
                                   .epochs = 5,
                                   .batch_size = 64,
                                   .latent_dim = 100,
                                   .size = 28,
                                   .sample_interval = 100,
                                   .checkpoint_interval = 500,
                                   .threads = -1,
                                   .lr = 2e-4,
                                   .b1 = 0.5,
                                   .b2 = 0.999}};
    int done = front_parse(&front, &program, argc, argv);
    if (done >= 0) return done;

    dcgan m = {0};
    gan_status status = front_open(&front);
    if (status == GAN_OK) status = build(&m, &front);
    if (status == GAN_OK) status = front_start(&front);
    if (status == GAN_OK) status = add(&m, front.run);
    if (status == GAN_OK) {
        front_print_layer("generator", m.generator);
        front_print_layer("discriminator", m.discriminator);
    }
    done = front_finish(&front, status);
    gan_model_release(m.model);
    gan_ema_release(m.ema);
    gan_loss_release(m.loss);
    gan_optimizer_release(m.generator_adam);
    gan_optimizer_release(m.discriminator_adam);
    gan_layer_release(m.generator);
    gan_layer_release(m.discriminator);
    return done;
}
