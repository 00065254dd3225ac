/* CycleGAN (Zhu et al. 2017): both generators on the adversarial, cycle and identity losses, then both discriminators.
 */
#include "case.h"
#include "networks.h"

enum { TO_X, TO_Y, D_X, D_Y };
enum { G, D };

gan_status cyclegan_begin(bench *b) {
    gan_shape image = gan_shape_3d(3, b->size, b->size);
    gan_status status = GAN_OK;
    for (int i = TO_X; i <= D_Y && status == GAN_OK; i++)
        status =
            networks_build(&b->networks[i], b->context, image, GAN_F32, i < D_X ? networks_resnet6 : networks_patchgan);
    if (status == GAN_OK) status = case_adam(b, G, TO_X, TO_Y, NULL);
    if (status == GAN_OK) status = case_adam(b, D, D_X, D_Y, NULL);
    for (int i = 0; i < 2 && status == GAN_OK; i++) status = case_images(b, i, image);
    return status;
}

/* mean (scores - target)^2 */
static gan_tensor *least_squares(gan_tape *tape, gan_tensor *scores, double target) {
    return gan_mean(tape, gan_square(tape, gan_add_scalar(tape, scores, -target)));
}

static gan_tensor *l1(gan_tape *tape, gan_tensor *a, gan_tensor *b, double weight) {
    return gan_scale(tape, gan_mean(tape, gan_abs(tape, gan_sub(tape, a, b))), weight);
}

static gan_tensor *score(bench *b, int d, gan_tensor *images, double target) {
    return least_squares(b->tape, gan_layer_forward(b->tape, b->networks[d], images), target);
}

/* Of the generator that makes `fake` of `other`'s domain: fool its discriminator, come back, leave what is right. */
static gan_tensor *generator_loss(bench *b, int to, gan_tensor *fake, gan_tensor *own, gan_tensor *other) {
    gan_tape *tape = b->tape;
    gan_layer *forth = b->networks[to], *back = b->networks[TO_X + TO_Y - to];
    gan_tensor *loss = score(b, to == TO_X ? D_X : D_Y, fake, 1);
    loss = gan_add(tape, loss, l1(tape, gan_layer_forward(tape, back, fake), other, 10));
    return gan_add(tape, loss, l1(tape, gan_layer_forward(tape, forth, own), own, 5));
}

static gan_tensor *discriminator_loss(bench *b, int d, gan_tensor *real, gan_tensor *fake) {
    gan_tensor *sum = gan_add(b->tape, score(b, d, real, 1), score(b, d, gan_detach(b->tape, fake), 0));
    return gan_scale(b->tape, sum, 0.5);
}

gan_status cyclegan_step(bench *b) {
    gan_tape *tape = b->tape;
    gan_tensor *x = b->inputs[0], *y = b->inputs[1];
    gan_tape_reset(tape);
    gan_tensor *fake_x = gan_layer_forward(tape, b->networks[TO_X], y);
    gan_tensor *fake_y = gan_layer_forward(tape, b->networks[TO_Y], x);
    gan_tensor *loss = gan_add(tape, generator_loss(b, TO_X, fake_x, x, y), generator_loss(b, TO_Y, fake_y, y, x));
    gan_status status = gan_optimizer_step(b->optimizers[G], tape, loss);
    if (status != GAN_OK) return status;
    loss = gan_add(tape, discriminator_loss(b, D_X, x, fake_x), discriminator_loss(b, D_Y, y, fake_y));
    return gan_optimizer_step(b->optimizers[D], tape, loss);
}

void cyclegan_count(const bench *b, work *w) {
    for (int side = 0; side < 2; side++) {
        const gan_layer *g = b->networks[TO_X + side], *d = b->networks[D_X + side];
        work_train(w, g, 3);        /* forth, back, identity */
        work_first_inputs(w, g, 1); /* on the way back the gradient goes on to the other generator */
        work_through(w, d, 1);
        work_train(w, d, 2);
    }
}
