/* Generating: a session of a generator. */
#include "case.h"
#include "networks.h"

static gan_status begin(bench *b, gan_shape input, gan_status (*init)(gan_layer *layer)) {
    gan_status status = init(b->networks[0]);
    gan_session_options options;
    gan_session_options_init(&options);
    options.batch = b->batch;
    options.threads = gan_context_threads(b->context);
    if (status == GAN_OK) status = gan_session_create_for_layer(&b->session, b->networks[0], &options);
    if (status == GAN_OK) status = case_images(b, 0, input);
    gan_shape images = networks_batch_shape(gan_layer_output_shape(b->networks[0], 0), b->batch);
    return status == GAN_OK ? gan_tensor_create(&b->output, b->context, GAN_F32, images) : status;
}

gan_status generate_dcgan64_begin(bench *b) {
    const networks_case *c = networks_find("dcgan64");
    gan_shape latent = networks_latent_shape(c);
    gan_status status = networks_build(&b->networks[0], b->context, latent, GAN_F32, c->generator);
    return status == GAN_OK ? begin(b, latent, gan_layer_init_dcgan) : status;
}

gan_status generate_resnet9_begin(bench *b) {
    gan_shape image = gan_shape_3d(3, b->size, b->size);
    gan_status status = networks_build(&b->networks[0], b->context, image, GAN_F32, networks_resnet9);
    return status == GAN_OK ? begin(b, image, gan_layer_init_default) : status;
}

/* The one place that says how images are made of a trained network. */
gan_status generate_step(bench *b) {
    const void *inputs[] = {gan_tensor_const_data(b->inputs[0])};
    void *outputs[] = {gan_tensor_data(b->output)};
    return gan_session_run(b->session, b->batch, inputs, outputs);
}

void generate_count(const bench *b, work *w) { work_forward(w, b->networks[0], 1); }
