/* InfoGAN (Chen et al. 2016): D and Q are heads of one trunk T. [T, D] learn from D's loss, [G, Q] from G's and the
 * codes that Q guesses. */
#include "case.h"
#include "networks.h"

enum { G, T, D, Q };
enum { STEP_G, STEP_D };

static gan_status learn_with(bench *b, int index, int first, int second, double rate) {
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = rate;
    return case_adam(b, index, first, second, &adam);
}

/* Codes of U(-1, 1) under a Gaussian of variance 1: half the squared error of each, so that a weight of 0.1 gives the
 * 0.1 of the mean squared error of two codes that torch_peer.py has. */
static gan_status make_codes(bench *b) {
    gan_loss_mutual_information_options options;
    gan_loss_mutual_information_options_init(&options);
    options.continuous_weight = 0.1;
    gan_status status = gan_loss_mutual_information_create(&b->loss, b->context, &options);
    if (status == GAN_OK) status = gan_loss_add_categorical(b->loss, NETWORKS_INFOGAN_CLASSES);
    return status == GAN_OK ? gan_loss_add_uniform(b->loss, NETWORKS_INFOGAN_CODES, 1) : status;
}

gan_status infogan_begin(bench *b) {
    gan_shape image = gan_shape_3d(1, 28, 28), features = gan_shape_1d(1024);
    const struct {
        gan_shape input;
        void (*add)(gan_builder *builder);
    } parts[] = {[G] = {gan_shape_1d(NETWORKS_INFOGAN_LATENT), networks_infogan_generator},
                 [T] = {image, networks_infogan_trunk},
                 [D] = {features, networks_infogan_score},
                 [Q] = {features, networks_infogan_code}};
    gan_status status = GAN_OK;
    for (int i = G; i <= Q && status == GAN_OK; i++)
        status = networks_build(&b->networks[i], b->context, parts[i].input, GAN_F32, parts[i].add);
    if (status == GAN_OK) status = learn_with(b, STEP_G, G, Q, 1e-3);
    if (status == GAN_OK) status = learn_with(b, STEP_D, T, D, 2e-4);
    if (status == GAN_OK) status = make_codes(b);
    return status == GAN_OK ? case_images(b, 0, image) : status;
}

static gan_tensor *adversarial(bench *b, gan_tensor *features, double target) {
    return gan_bce_with_logits(b->tape, gan_layer_forward(b->tape, b->networks[D], features), target);
}

static gan_tensor *information(bench *b, gan_tensor *features, gan_tensor *codes) {
    gan_tensor *guess = gan_layer_forward(b->tape, b->networks[Q], features);
    return gan_loss_mutual_information(b->tape, b->loss, guess, codes, NULL, NULL);
}

gan_status infogan_step(bench *b) {
    gan_tape *tape = b->tape;
    gan_layer *trunk = b->networks[T];
    gan_tape_reset(tape);
    gan_tensor *parts[] = {gan_normal(tape, GAN_F32, gan_shape_2d(b->batch, NETWORKS_INFOGAN_NOISE)),
                           gan_loss_sample_codes(tape, b->loss, GAN_F32, b->batch)};
    gan_tensor *images = gan_layer_forward(tape, b->networks[G], gan_concat(tape, parts, 2, 1));
    gan_tensor *real = adversarial(b, gan_layer_forward(tape, trunk, b->inputs[0]), 1);
    gan_tensor *fake = adversarial(b, gan_layer_forward(tape, trunk, gan_detach(tape, images)), 0);
    gan_status status = gan_optimizer_step(b->optimizers[STEP_D], tape, gan_add(tape, real, fake));
    if (status != GAN_OK) return status;
    gan_tensor *features = gan_layer_forward(tape, trunk, images);
    gan_tensor *loss = gan_add(tape, adversarial(b, features, 1), information(b, features, parts[1]));
    return gan_optimizer_step(b->optimizers[STEP_G], tape, loss);
}

void infogan_count(const bench *b, work *w) {
    work_train(w, b->networks[T], 2);
    work_train(w, b->networks[D], 2);
    work_first_inputs(w, b->networks[D], 2);
    work_train(w, b->networks[G], 1);
    work_through(w, b->networks[T], 1);
    work_through(w, b->networks[D], 1);
    work_train(w, b->networks[Q], 1);
    work_first_inputs(w, b->networks[Q], 1);
}
