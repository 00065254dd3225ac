/* One step of the original game: D on reals and on fakes, one step of Adam; G, one step of Adam. */
#include "case.h"
#include "networks.h"

enum { G, D };

gan_status pair_begin(bench *b) {
    const networks_case *c = networks_find(b->which->name);
    gan_status status = networks_make(&b->networks[G], &b->networks[D], b->context, c, GAN_F32);
    for (int side = G; side <= D && status == GAN_OK; side++) status = case_adam(b, side, side, side, NULL);
    return status == GAN_OK ? case_images(b, 0, networks_image_shape(c)) : status;
}

gan_status pair_step(bench *b) {
    gan_tape *tape = b->tape;
    gan_layer *g = b->networks[G], *d = b->networks[D];
    gan_tape_reset(tape);
    gan_tensor *z = gan_normal(tape, GAN_F32, networks_batch_shape(gan_layer_input_shape(g, 0), b->batch));
    gan_tensor *real = gan_bce_with_logits(tape, gan_layer_forward(tape, d, b->inputs[0]), 1);
    gan_tensor *images = gan_layer_forward(tape, g, z);
    gan_tensor *fake = gan_bce_with_logits(tape, gan_layer_forward(tape, d, gan_detach(tape, images)), 0);
    gan_status status = gan_optimizer_step(b->optimizers[D], tape, gan_add(tape, real, fake));
    if (status != GAN_OK) return status;
    gan_tensor *loss = gan_bce_with_logits(tape, gan_layer_forward(tape, d, images), 1);
    return gan_optimizer_step(b->optimizers[G], tape, loss);
}

void pair_count(const bench *b, work *w) {
    work_train(w, b->networks[D], 2);
    work_train(w, b->networks[G], 1);
    work_through(w, b->networks[D], 1);
}
