/* InfoGAN (Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel 2016, arXiv 1606.03657): the generator is given codes
 * beside its noise, a category and some numbers, and a network Q has to read them from the image. So they come to mean
 * something: the digit, its slant, its width. Q shares all but its last layers, the trunk, with the discriminator. */
#include "front/networks.h"
#include "infogan/codes.h"

enum { CATEGORIES = CODES_CATEGORIES };

static int64_t continuous;
static double lambda = 1, continuous_lambda;
static int32_t own_layers;

static front_flag own_flags[] = {
    {"continuous", "N", "continuous codes", FRONT_INTEGER, &continuous, 0, CODES_MOST_CONTINUOUS},
    {"lambda", "X", "weight of the guesses of the category", FRONT_NUMBER, &lambda, 0, 1e6},
    {"continuous-lambda", "X", "weight of those of continuous codes", FRONT_NUMBER, &continuous_lambda, 0, 1e6},
    {"own-layers", NULL, "the guesses train Q's own layers, and not the trunk that it shares with D", FRONT_SWITCH,
     &own_layers, 0, 0}};

static const front_preset presets[] = {
    {"official", "the authors' program for MNIST: leaky ReLU 0.01, guesses of deviation 1", 28, 128, 62, 11, 1e-3, 0.5,
     0.999, GAN_INPUT_UNIFORM, 1, 0},
    {"paper", "the paper's table: leaky ReLU 0.1, Q says how sure it is of continuous codes", 28, 128, 62, 11, 1e-3,
     0.5, 0.999, GAN_INPUT_UNIFORM, 1, 0},
    {"keras", "a tutorial's: one category, D trained on reals and fakes in turn, Q with G", 28, 32, 62, 50, 2e-4, 0.5,
     0.999, GAN_INPUT_NORMAL, 0, 0},
    {"pytorch-gan", "PyTorch-GAN's infogan.py at 32 x 32: least squares, guesses in a step of their own", 32, 64, 62,
     200, 2e-4, 0.5, 0.999, GAN_INPUT_NORMAL, 0, 0}};

static void settle(front *f) {
    continuous = front_is(f, "keras") ? 0 : 2;
    continuous_lambda = front_is(f, "paper") || front_is(f, "pytorch-gan") ? 0.1 : 1;
}

/* ---- networks ---- */

/* D and Q in parts: what they share, and what each has for itself. The front end has all in one, for files. */
static gan_layer *trunk, *head, *guesser;
static gan_loss *information;
static gan_optimizer *information_optimizer; /* of pytorch-gan, whose guesses train all networks; else NULL */

/* A builder of the generator that stands at all it is given: noise, category and codes. */
static gan_builder *begin_generator(const front *f) {
    gan_builder *g = front_begin(f, gan_shape_1d(f->options.latent_dim));
    if (continuous > 0) gan_builder_input(g, "codes", gan_shape_1d(continuous));
    gan_builder_input_indices(g, "category", gan_shape_0d(), CATEGORIES);
    gan_add_one_hot(g, CATEGORIES);
    gan_builder_label(g, "one-hot");
    gan_builder_from(g, "input");
    gan_add_concat(g, "one-hot");
    if (continuous > 0) gan_add_concat(g, "codes");
    return g;
}

/* 6,652,481 of 74 inputs; 6,558,144 + 1,025 + 133,004, or 133,262 where Q says how sure it is. */
static gan_status build_official(front *f, double slope, int64_t guesses) {
    gan_builder *g = begin_generator(f);
    networks_add_infogan_generator(f, g);
    gan_status status = gan_builder_end(&f->generator, g);

    gan_builder *t = front_begin(f, f->image);
    networks_add_infogan_features(t, slope, 1);
    status = front_end(&trunk, status, t);

    gan_builder *d = front_begin(f, gan_shape_1d(1024));
    gan_add_linear(d, 1, NULL);
    status = front_end(&head, status, d);

    gan_builder *q = front_begin(f, gan_shape_1d(1024));
    gan_add_linear(q, 128, NULL);
    gan_add_batch_norm(q, NULL);
    gan_add_leaky_relu(q, slope);
    gan_add_linear(q, guesses, NULL);
    status = front_end(&guesser, status, q);

    gan_layer *const all[] = {f->generator, trunk, head, guesser};
    for (int i = 0; i < 4 && status == GAN_OK; i++) status = gan_layer_init_dcgan(all[i]);
    return status == GAN_OK ? networks_init_truncated(trunk) : status;
}

/* Keras' normalisation, after the activation. */
static void add_keras_norm(gan_builder *b) {
    gan_batch_norm_options norm;
    gan_batch_norm_options_init(&norm);
    norm.epsilon = 1e-3;
    norm.momentum = 0.01;
    gan_add_batch_norm(b, &norm);
}

/* Its 4 x 4 convolution of stride 1 whose result has the image's size. */
static void add_keras_conv(gan_builder *b, int64_t channels) {
    gan_add_pad2d(b, 1, 2, 1, 2, GAN_PAD_ZERO);
    gan_add_conv2d(b, channels, 4, 1, 0, NULL);
}

/* Convolutions, transposed ones and G's dense layer N(0, 0.02), other dense layers Glorot's uniform distribution. */
static gan_status init_keras(gan_layer *layer, int32_t dense_too) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer) && status == GAN_OK; i++) {
        gan_tensor *tensor = gan_layer_tensor(layer, i);
        int32_t rank = gan_tensor_shape(tensor).rank;
        if (front_ends_with(gan_layer_tensor_name(layer, i), ".bias")) status = gan_init_constant(tensor, 0);
        if (rank == 4 || (rank == 2 && dense_too)) status = gan_init_normal(tensor, 0, 0.02);
        if (rank == 2 && !dense_too) status = gan_init_xavier_uniform(tensor, 1);
    }
    return status;
}

/* 3,062,849 of 72 inputs; 657,600 + 12,545 + 1,607,306. */
static gan_status build_keras(front *f, int64_t guesses) {
    gan_builder *g = begin_generator(f);
    gan_add_linear(g, 512 * 7 * 7, NULL);
    gan_add_relu(g);
    add_keras_norm(g);
    gan_add_reshape(g, gan_shape_3d(512, 7, 7));
    add_keras_conv(g, 128);
    gan_add_relu(g);
    add_keras_norm(g);
    gan_add_conv_transpose2d(g, 64, 4, 2, 1, NULL);
    gan_add_relu(g);
    add_keras_norm(g);
    gan_add_conv_transpose2d(g, f->image.size[0], 4, 2, 1, NULL);
    gan_add_tanh(g);
    gan_status status = gan_builder_end(&f->generator, g);

    gan_builder *t = front_begin(f, f->image);
    gan_add_conv2d(t, 64, 4, 2, 1, NULL);
    gan_add_leaky_relu(t, 0.1);
    gan_add_conv2d(t, 128, 4, 2, 1, NULL);
    gan_add_leaky_relu(t, 0.1);
    add_keras_norm(t);
    add_keras_conv(t, 256);
    gan_add_leaky_relu(t, 0.1);
    add_keras_norm(t);
    gan_add_flatten(t);
    status = front_end(&trunk, status, t);

    gan_builder *d = front_begin(f, gan_shape_1d(256 * 7 * 7));
    gan_add_linear(d, 1, NULL);
    status = front_end(&head, status, d);

    gan_builder *q = front_begin(f, gan_shape_1d(256 * 7 * 7));
    gan_add_linear(q, 128, NULL);
    add_keras_norm(q);
    gan_add_leaky_relu(q, 0.1);
    gan_add_linear(q, guesses, NULL);
    status = front_end(&guesser, status, q);

    gan_layer *const all[] = {f->generator, trunk, head, guesser};
    for (int i = 0; i < 4 && status == GAN_OK; i++) status = init_keras(all[i], i == 0);
    return status;
}

/* 836,993 of 74 inputs; 97,600 + 513 + 6,156. */
static gan_status build_pytorch_gan(front *f, int64_t guesses) {
    gan_builder *g = begin_generator(f);
    networks_add_upsampling_generator(f, g, 1);
    gan_status status = gan_builder_end(&f->generator, g);

    gan_builder *t = front_begin(f, f->image);
    networks_add_upsampling_features(t);
    status = front_end(&trunk, status, t);

    gan_builder *d = front_begin(f, gan_shape_1d(512));
    gan_add_linear(d, 1, NULL);
    status = front_end(&head, status, d);

    gan_builder *q = front_begin(f, gan_shape_1d(512));
    gan_add_linear(q, guesses, NULL);
    status = front_end(&guesser, status, q);
    if (status == GAN_OK) status = networks_init_weights(f->generator, 4);
    return status == GAN_OK ? networks_init_weights(trunk, 4) : status;
}

/* All of D and Q as one, and Q as a model of its own. */
static gan_status join(front *f) {
    gan_builder *b = front_begin(f, f->image);
    gan_add_layer(b, trunk, "trunk");
    gan_add_layer(b, head, "d");
    gan_builder_output(b, "score");
    gan_builder_from(b, "trunk");
    gan_add_layer(b, guesser, "q");
    gan_builder_output(b, "codes");
    gan_status status = gan_builder_end(&f->discriminator, b);
    return status == GAN_OK ? codes_set_reader(f, trunk, guesser, continuous) : status;
}

static gan_status make_information(front *f, double sigma) {
    gan_loss_mutual_information_options options;
    gan_loss_mutual_information_options_init(&options);
    options.categorical_weight = lambda;
    options.continuous_weight = continuous_lambda;
    options.entropy = sigma > 0 ? GAN_ENTROPY_UNIT_GAUSSIAN : GAN_ENTROPY_EXACT;
    gan_status status = gan_loss_mutual_information_create(&information, f->context, &options);
    if (status == GAN_OK) status = gan_loss_add_categorical(information, CATEGORIES);
    return status == GAN_OK && continuous > 0 ? gan_loss_add_uniform(information, continuous, sigma) : status;
}

static gan_status make_adam(gan_optimizer **out, const front *f, gan_layer *layer, const char *prefix) {
    gan_adam_options adam;
    front_adam_options(f, layer, &adam);
    adam.prefix = prefix;
    return gan_adam_create(out, layer, &adam);
}

static gan_status add_part(gan_optimizer *optimizer, gan_layer *layer, const char *prefix) {
    gan_group_options group;
    gan_group_options_init(&group);
    group.prefix = prefix;
    return gan_optimizer_add_layer(optimizer, layer, &group);
}

/* PyTorch-GAN's: a third one has all parameters. */
static gan_status make_three(front *f) {
    gan_group_options all;
    gan_group_options_init(&all);
    gan_status status = make_adam(&f->generator_optimizer, f, f->generator, NULL);
    if (status == GAN_OK) status = make_adam(&f->discriminator_optimizer, f, f->discriminator, NULL);
    if (status == GAN_OK) status = make_adam(&information_optimizer, f, f->generator, NULL);
    return status == GAN_OK ? gan_optimizer_add_layer(information_optimizer, f->discriminator, &all) : status;
}

/* Q learns with D, or in the tutorial with G. */
static gan_status make_optimizers(front *f, int32_t keras) {
    if (!keras) f->d_rate = NETWORKS_INFOGAN_D_RATE;
    gan_status status = make_adam(&f->generator_optimizer, f, f->generator, NULL);
    if (status == GAN_OK && keras) status = add_part(f->generator_optimizer, f->discriminator, "q");
    if (status == GAN_OK) status = make_adam(&f->discriminator_optimizer, f, f->discriminator, keras ? "trunk" : NULL);
    return status == GAN_OK && keras ? add_part(f->discriminator_optimizer, f->discriminator, "d") : status;
}

static gan_status build(front *f) {
    const int32_t keras = front_is(f, "keras"), paper = front_is(f, "paper"), pytorch_gan = front_is(f, "pytorch-gan");
    f->own_classes = 1;
    f->uniform = "codes";
    if (!keras && !pytorch_gan)
        f->watched = "adversarial"; /* its loss_d has the guesses in it, and may be less than 0 */
    if (own_layers && (keras || pytorch_gan))
        return front_refuse(f, "--own-layers is for the presets official and paper: the others train by the guesses "
                               "in ways of their own");
    gan_status status = make_information(f, paper ? GAN_SIGMA_LEARNED : 1);
    if (status != GAN_OK) return status;
    int64_t guesses = gan_loss_posterior_width(information);
    status = keras         ? build_keras(f, guesses)
             : pytorch_gan ? build_pytorch_gan(f, guesses)
                           : build_official(f, paper ? 0.1 : 0.01, guesses);
    if (status == GAN_OK) status = join(f);
    if (status == GAN_OK) status = pytorch_gan ? make_three(f) : make_optimizers(f, keras);
    if (pytorch_gan && status == GAN_OK) {
        f->scale_g = 2;
        return gan_loss_least_squares_create(&f->loss, f->context, NULL);
    }
    return status == GAN_OK ? gan_loss_bce_create(&f->loss, f->context, NULL) : status;
}

/* ---- training ---- */

/* Images and the codes that they are made from. */
typedef struct fakes {
    gan_tensor *images, *codes;
} fakes;

static fakes make_fakes(front *f, gan_tape *tape, int64_t count) {
    gan_tensor *even = gan_full(tape, f->dtype, gan_shape_2d(count, CATEGORIES), 0);
    gan_tensor *inputs[3], *parts[2] = {NULL, NULL};
    gan_tensor *category = gan_categorical(tape, even, 1);
    parts[0] = gan_one_hot(tape, f->dtype, category, CATEGORIES);
    if (continuous > 0) parts[1] = gan_uniform(tape, f->dtype, gan_shape_2d(count, continuous), -1, 1);
    int32_t given = 0;
    inputs[given++] = front_latents(f, tape, count);
    if (continuous > 0) inputs[given++] = parts[1];
    inputs[given++] = category;
    fakes made;
    gan_layer_forward_many(tape, f->generator, inputs, given, &made.images, 1);
    made.codes = continuous > 0 ? gan_concat(tape, parts, 2, 1) : parts[0];
    return made;
}

static gan_tensor *guesses_loss(gan_tape *tape, gan_tensor *features, gan_tensor *codes, gan_tensor **bounds) {
    return gan_loss_mutual_information(tape, information, gan_layer_forward(tape, guesser, features), codes, NULL,
                                       bounds);
}

static gan_tensor *score_of(gan_tape *tape, gan_tensor *images) {
    return gan_layer_forward(tape, head, gan_layer_forward(tape, trunk, images));
}

/* The tutorial's: a step on reals, then one on as many fakes. */
static gan_status step_in_turn(front *f, gan_tape *tape) {
    gan_tensor *score = score_of(tape, front_reals(f));
    gan_tensor *real = gan_bce_with_logits(tape, score, 1);
    gan_status status = gan_optimizer_step(f->discriminator_optimizer, tape, real);
    if (status != GAN_OK) return status;
    fakes made = make_fakes(f, tape, f->options.batch_size);
    score = score_of(tape, gan_detach(tape, made.images));
    gan_tensor *fake = gan_bce_with_logits(tape, score, 0);
    status = gan_optimizer_step(f->discriminator_optimizer, tape, fake);
    if (status != GAN_OK) return status;
    return gan_run_report_value(f->run, "loss_d", gan_tensor_item(real, 0) + gan_tensor_item(fake, 0));
}

static void report_bounds(front *f, gan_tape *tape, gan_tensor *bounds) {
    gan_run_report(f->run, "category", gan_sum(tape, gan_slice(tape, bounds, 0, 0, 1)));
    if (continuous > 0) gan_run_report(f->run, "continuous", gan_sum(tape, gan_slice(tape, bounds, 0, 1, continuous)));
}

/* PyTorch-GAN's: G, then D on the same fakes, neither with guesses, then all networks by the guesses of others. */
static gan_status step_three(front *f, gan_tape *tape) {
    fakes made = make_fakes(f, tape, f->options.batch_size);
    gan_tensor *images = gan_detach(tape, made.images), *bounds;
    gan_tensor *loss = gan_loss_generator(tape, f->loss, score_of(tape, made.images));
    gan_status status = front_step(f, tape, f->generator_optimizer, "loss_g", gan_scale(tape, loss, f->scale_g));
    if (status != GAN_OK) return status;
    gan_tensor *real = score_of(tape, front_reals(f)), *fake = score_of(tape, images);
    loss = gan_loss_discriminator(tape, f->loss, real, fake);
    status = front_step(f, tape, f->discriminator_optimizer, "loss_d", loss);
    if (status != GAN_OK) return status;
    made = make_fakes(f, tape, f->options.batch_size);
    loss = guesses_loss(tape, gan_layer_forward(tape, trunk, made.images), made.codes, &bounds);
    report_bounds(f, tape, bounds);
    return gan_optimizer_step(information_optimizer, tape, loss);
}

static gan_status phase_d(front *f, gan_tape *tape) {
    if (front_is(f, "pytorch-gan")) return step_three(f, tape);
    if (front_is(f, "keras")) return step_in_turn(f, tape);
    fakes made = make_fakes(f, tape, f->options.batch_size);
    gan_tensor *real = score_of(tape, front_reals(f));
    gan_tensor *features = gan_layer_forward(tape, trunk, gan_detach(tape, made.images));
    gan_tensor *loss = gan_loss_discriminator(tape, f->loss, real, gan_layer_forward(tape, head, features));
    gan_run_report(f->run, "adversarial", loss);
    if (own_layers) features = gan_detach(tape, features);
    loss = gan_add(tape, loss, guesses_loss(tape, features, made.codes, NULL));
    return front_step(f, tape, f->discriminator_optimizer, "loss_d", loss);
}

static gan_status phase_g(front *f, gan_tape *tape) {
    if (front_is(f, "pytorch-gan")) return GAN_OK;
    /* the tutorial's: as many as D has seen of both kinds */
    fakes made = make_fakes(f, tape, (front_is(f, "keras") ? 2 : 1) * f->options.batch_size);
    gan_tensor *features = gan_layer_forward(tape, trunk, made.images), *bounds;
    gan_tensor *loss = gan_loss_generator(tape, f->loss, gan_layer_forward(tape, head, features));
    loss = gan_add(tape, loss, guesses_loss(tape, features, made.codes, &bounds));
    report_bounds(f, tape, bounds);
    return front_step(f, tape, f->generator_optimizer, "loss_g", loss);
}

static gan_status add(front *f) {
    if (information_optimizer == NULL) return GAN_OK;
    return gan_run_add_optimizer(f->run, "information_optimizer", information_optimizer);
}

/* ---- the end ---- */

static gan_status judge(front *f) {
    gan_status status = front_judge(f);
    return status == GAN_OK ? codes_judge(f) : status;
}

static void release(front *f) {
    (void)f;
    gan_loss_release(information);
    gan_optimizer_release(information_optimizer);
    gan_layer_release(trunk);
    gan_layer_release(head);
    gan_layer_release(guesser);
    codes_release();
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "infogan",
                                          .summary = "trains a GAN whose codes come to mean something",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .flags = own_flags,
                                          .flag_count = sizeof own_flags / sizeof own_flags[0],
                                          .settle = settle,
                                          .build = build,
                                          .phases = {{"d", phase_d}, {"g", phase_g}},
                                          .add = add,
                                          .judge = judge,
                                          .release = release};
    return front_main(&program, argc, argv);
}
