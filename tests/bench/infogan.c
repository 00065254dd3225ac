/* InfoGAN (Chen et al. 2016): D and Q are heads of one trunk T. [T, D] learn from D's loss, [G, Q] from G's and the
 * codes that Q guesses. */
#include "case.h"
#include "networks.h"

enum { G, T, D, Q };
enum { STEP_G, STEP_D };
enum { NOISE = NETWORKS_INFOGAN_NOISE, CLASSES = NETWORKS_INFOGAN_CLASSES, CODES = NETWORKS_INFOGAN_CODES };

static gan_status learn_with(bench *b, int index, int first, int second, double rate) {
    gan_adam_options adam;
    gan_adam_options_init(&adam);
    adam.learning_rate = rate;
    return case_adam(b, index, first, second, &adam);
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
    if (status == GAN_OK) status = case_images(b, 0, image);
    return status == GAN_OK ? gan_tensor_create(&b->inputs[1], b->context, GAN_I32, gan_shape_1d(b->batch)) : status;
}

/* Random whole numbers: the library has none, so they are drawn here. */
static void draw_classes(gan_tensor *classes) {
    static uint32_t state = 1;
    int32_t *values = gan_tensor_data(classes);
    for (int64_t i = 0; i < gan_tensor_count(classes); i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (int32_t)((state >> 16) % CLASSES);
    }
}

static gan_tensor *adversarial(bench *b, gan_tensor *features, double target) {
    return gan_bce_with_logits(b->tape, gan_layer_forward(b->tape, b->networks[D], features), target);
}

/* -log of the probability that Q gives the class, and the squared error of the codes. */
static gan_tensor *information(bench *b, gan_tensor *features, gan_tensor *class, gan_tensor *code) {
    gan_tape *tape = b->tape;
    gan_tensor *guess = gan_layer_forward(tape, b->networks[Q], features);
    gan_tensor *logs = gan_log_softmax(tape, gan_slice(tape, guess, 1, 0, CLASSES), 1);
    gan_tensor *likely = gan_mean(tape, gan_sum_axes(tape, gan_mul(tape, class, logs), 2u, 0));
    gan_tensor *off = gan_sub(tape, gan_slice(tape, guess, 1, CLASSES, CODES), code);
    return gan_sub(tape, gan_scale(tape, gan_mean(tape, gan_square(tape, off)), 0.1), likely);
}

gan_status infogan_step(bench *b) {
    gan_tape *tape = b->tape;
    gan_layer *trunk = b->networks[T];
    gan_tape_reset(tape);
    draw_classes(b->inputs[1]);
    gan_tensor *parts[] = {gan_normal(tape, GAN_F32, gan_shape_2d(b->batch, NOISE)),
                           gan_one_hot(tape, GAN_F32, b->inputs[1], CLASSES),
                           gan_uniform(tape, GAN_F32, gan_shape_2d(b->batch, CODES), -1, 1)};
    gan_tensor *images = gan_layer_forward(tape, b->networks[G], gan_concat(tape, parts, 3, 1));
    gan_tensor *real = adversarial(b, gan_layer_forward(tape, trunk, b->inputs[0]), 1);
    gan_tensor *fake = adversarial(b, gan_layer_forward(tape, trunk, gan_detach(tape, images)), 0);
    gan_status status = gan_optimizer_step(b->optimizers[STEP_D], tape, gan_add(tape, real, fake));
    if (status != GAN_OK) return status;
    gan_tensor *features = gan_layer_forward(tape, trunk, images);
    gan_tensor *loss = gan_add(tape, adversarial(b, features, 1), information(b, features, parts[1], parts[2]));
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
