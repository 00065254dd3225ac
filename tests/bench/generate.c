/* Generating: a generator alone, in evaluation mode. */
#include "case.h"
#include "networks.h"

static gan_status begin(bench *b, gan_shape input, gan_status (*init)(gan_layer *layer)) {
    gan_status status = init(b->networks[0]);
    gan_layer_set_training(b->networks[0], 0);
    return status == GAN_OK ? case_images(b, 0, input) : status;
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
    gan_tape_reset(b->tape);
    gan_tape_set_recording(b->tape, 0);
    gan_layer_forward(b->tape, b->networks[0], b->inputs[0]);
    return gan_tape_status(b->tape);
}

void generate_count(const bench *b, work *w) { work_forward(w, b->networks[0], 1); }
