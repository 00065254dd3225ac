/* Improved GAN (Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen 2016, arXiv 1606.03498): a discriminator that is a
 * classifier as well and learns from a few labels; and each of the paper's techniques, by a flag. With logits l of the
 * classes and 0 for "fake", an image is real with probability Z / (Z + 1), Z = sum e^l: its score as a discriminator's
 * is log Z. */
#include "front/scatter.h"
#include "improved_gan/improved.h"

#include <math.h>

enum { BY_PRESET, FEATURE_MATCHING, ADVERSARIAL };

static improved_parts parts;
static int64_t labels = -1;
static double unlabelled_weight = 1, historical_weight, real_target = 1, average = -1;
static int32_t generator_loss, labels_only;
static uint64_t label_seed;

static front_flag own_flags[] = {
    {"labels", "N", "items whose label is told, as many of each class; -1: the preset's", FRONT_INTEGER, &labels, -1,
     1e9},
    {"label-seed", "N", "which items these are", FRONT_SEED, &label_seed, 0, 0},
    {"labels-only", NULL, "D learns from these alone, for comparison", FRONT_SWITCH, &labels_only, 0, 0},
    {"unlabelled-weight", "X", "weight of D's loss on all items and on fakes", FRONT_NUMBER, &unlabelled_weight, 0,
     1e6},
    {"generator-loss", "preset|feature-matching|adversarial", "what the generator minimises", FRONT_CHOICE,
     &generator_loss, 0, 0},
    {"minibatch-discrimination", NULL, "D compares the items of a batch", FRONT_SWITCH, &parts.minibatch_discrimination,
     0, 0},
    {"virtual-batch-norm", NULL, "G normalises by a batch that was drawn once", FRONT_SWITCH, &parts.virtual_batch_norm,
     0, 0},
    {"historical", "X", "weight of the distance to the mean of all past parameters", FRONT_NUMBER, &historical_weight,
     0, 1e6},
    {"real-target", "X", "what D should say of real items; 0.9: one-sided label smoothing", FRONT_NUMBER, &real_target,
     0.5, 1},
    {"d-ema", "X", "decay of D's moving average, which is tested too; 0: none; -1: the preset's", FRONT_NUMBER,
     &average, -1, 0.999999}};

static const front_preset presets[] = {
    {"mnist", "the authors' dense networks for 28 x 28, 100 labels, feature matching", 28, 100, 100, 300, 3e-3, 0.5,
     0.999, GAN_INPUT_UNIT_UNIFORM, 1, 0},
    {"cifar", "the authors' convolutional networks for 32 x 32, 4,000 labels, feature matching", 32, 100, 100, 1200,
     3e-4, 0.5, 0.999, GAN_INPUT_UNIT_UNIFORM, 0, 0},
    {"two-moons", "points of two half circles, 10 labels, feature matching", 0, 100, 8, 300, 3e-3, 0.5, 0.999,
     GAN_INPUT_NORMAL, 0, FRONT_OWN},
    {"dcgan", "DCGAN at 28 x 28, no labels, adversarial: to try the techniques on", 28, 128, 100, 20, 2e-4, 0.5, 0.999,
     GAN_INPUT_NORMAL, 0, 0}};

static gan_loss *matching, *history_g, *history_d;
static gan_ema *averaged_d;
static gan_tensor *reference;
static gan_model *classifier, *averaged_classifier;

/* ---- what it is made of ---- */

static gan_status open_moons(front *f, gan_dataset **out) { return improved_open_moons(f, out, 2000, f->options.seed); }

static gan_status open_other_moons(front *f, gan_dataset **out) {
    return improved_open_moons(f, out, 5000, f->options.seed + 1000000);
}

static int64_t labels_of_preset(const front *f) {
    if (front_is(f, "dcgan")) return 0;
    return front_is(f, "cifar") ? 4000 : front_is(f, "two-moons") ? 10 : 100;
}

static gan_status check(front *f) {
    if (labels < 0) labels = labels_of_preset(f);
    if (labels > 0 && f->classes < 2)
        return front_refuse(f,
                            "the items have no classes: give a folder of class folders, or an IDX file with its labels "
                            "beside it; or --preset dcgan, which needs none");
    if (labels > 0 && labels % f->classes != 0)
        return front_refuse(f, "--labels must be a multiple of the number of classes");
    if (labels_only && labels == 0) return front_refuse(f, "--labels-only needs --labels");
    f->tested = labels > 0;
    if (parts.virtual_batch_norm && f->options.ema > 0)
        return front_refuse(f, "--ema is not for --virtual-batch-norm: the average would need statistics of its own");
    if (average > 0 && front_is(f, "dcgan"))
        return front_refuse(f,
                            "--d-ema is not for --preset dcgan: the average of its D would need statistics of its own");
    parts.classes = labels > 0 ? f->classes : 1;
    if (average < 0) average = front_is(f, "mnist") || front_is(f, "cifar") ? 0.9999 : 0;
    if (generator_loss == BY_PRESET) generator_loss = front_is(f, "dcgan") ? ADVERSARIAL : FEATURE_MATCHING;
    return GAN_OK;
}

static gan_status build_networks(front *f) {
    if (front_is(f, "mnist")) return improved_mnist(f, &parts);
    if (front_is(f, "cifar")) return improved_cifar(f, &parts);
    return front_is(f, "two-moons") ? improved_two_moons(f, &parts) : improved_dcgan(f, &parts);
}

/* The authors' has epsilon under the root. */
static gan_status make_adam(const front *f, gan_optimizer **out, gan_layer *layer) {
    gan_adam_options adam;
    front_adam_options(f, layer, &adam);
    if (!front_is(f, "dcgan")) adam.epsilon_mode = GAN_EPSILON_INSIDE;
    gan_status status = gan_adam_create(out, layer, &adam);
    if (status != GAN_OK || !front_is(f, "cifar")) return status;
    /* theirs falls once an epoch, as min(3 - epoch / 400, 1) */
    gan_schedule_options falling;
    gan_schedule_options_init(&falling);
    falling.kind = GAN_SCHEDULE_LINEAR;
    falling.start = 800 * gan_loader_batches(f->loader);
    falling.length = 400 * gan_loader_batches(f->loader);
    return gan_optimizer_set_schedule(*out, &falling);
}

static gan_status make_losses(front *f) {
    gan_loss_bce_options bce;
    gan_loss_feature_matching_options fm;
    gan_loss_historical_averaging_options history;
    gan_loss_bce_options_init(&bce);
    gan_loss_feature_matching_options_init(&fm);
    gan_loss_historical_averaging_options_init(&history);
    bce.real_target = real_target;
    if (!front_is(f, "dcgan")) bce.generator = GAN_GENERATOR_MINIMAX;
    if (front_is(f, "cifar")) fm.distance = GAN_DISTANCE_L1;
    history.weight = historical_weight;
    gan_status status = gan_loss_bce_create(&f->loss, f->context, &bce);
    if (status == GAN_OK) status = gan_loss_feature_matching_create(&matching, f->context, &fm);
    if (status != GAN_OK || historical_weight == 0) return status;
    status = gan_loss_historical_averaging_create(&history_g, f->generator, &history);
    return status == GAN_OK ? gan_loss_historical_averaging_create(&history_d, f->discriminator, &history) : status;
}

static gan_status make_classifier(front *f) {
    gan_model_options image;
    gan_model_options_init(&image);
    image.input = GAN_INPUT_IMAGE;
    image.low = f->low;
    image.high = f->high;
    gan_status status = gan_model_create(&classifier, f->discriminator, &image);
    if (status != GAN_OK || average == 0) return status;
    status = gan_ema_create(&averaged_d, f->discriminator, average);
    return status == GAN_OK ? gan_model_create(&averaged_classifier, gan_ema_layer(averaged_d), &image) : status;
}

/* The batch that virtual batch normalisation refers to: latent vectors of the seed alone. */
static gan_status make_reference(front *f) {
    gan_shape shape = gan_shape_2d(f->options.batch_size, f->options.latent_dim);
    gan_status status = gan_tensor_create(&reference, f->context, f->dtype, shape);
    if (status != GAN_OK) return status;
    if (f->preset->prior == GAN_INPUT_NORMAL)
        return gan_tensor_fill_normal(reference, 0, 1, f->options.seed, FRONT_STREAM_REFERENCE, 0);
    return gan_tensor_fill_uniform(reference, 0, 1, f->options.seed, FRONT_STREAM_REFERENCE, 0);
}

static gan_status refer(front *f, gan_tape *tape) {
    gan_layer_set_reference(tape, f->generator, &reference, 1);
    return gan_tape_status(tape);
}

static gan_status refer_first(front *f) {
    gan_tape *tape = NULL;
    gan_status status = make_reference(f);
    if (status == GAN_OK) status = gan_tape_create(&tape, f->context);
    if (status == GAN_OK) status = refer(f, tape);
    gan_tape_release(tape);
    return status;
}

static gan_status build(front *f) {
    gan_status status = check(f);
    if (status == GAN_OK) status = build_networks(f);
    if (status == GAN_OK && parts.virtual_batch_norm) status = refer_first(f);
    if (status == GAN_OK) status = improved_init_from_data(f);
    if (status == GAN_OK) status = make_adam(f, &f->generator_optimizer, f->generator);
    if (status == GAN_OK) status = make_adam(f, &f->discriminator_optimizer, f->discriminator);
    if (status == GAN_OK) status = make_losses(f);
    if (status == GAN_OK && labels > 0) status = make_classifier(f);
    return status == GAN_OK && labels > 0 ? improved_choose_labelled(f, labels / f->classes, label_seed) : status;
}

static gan_status add(front *f) {
    gan_status status = GAN_OK;
    if (averaged_d != NULL) status = gan_run_add_ema(f->run, "discriminator_ema", averaged_d);
    if (status == GAN_OK && history_g != NULL) status = gan_run_add_loss(f->run, "generator_history", history_g);
    return status == GAN_OK && history_d != NULL ? gan_run_add_loss(f->run, "discriminator_history", history_d)
                                                 : status;
}

/* ---- training ---- */

/* What D says: logits, and the features that are matched. */
typedef struct answer {
    gan_tensor *logits, *features;
} answer;

static answer ask(front *f, gan_tape *tape, gan_tensor *x) {
    gan_tensor *ys[2];
    gan_layer_forward_many(tape, f->discriminator, &x, 1, ys, 2);
    return (answer){ys[0], ys[1]};
}

/* log Z, the score of a discriminator. */
static gan_tensor *score(gan_tape *tape, answer of) { return gan_logsumexp(tape, of.logits, 1, 0); }

/* The average follows each step of its own network. */
static gan_status step(front *f, gan_tape *tape, gan_optimizer *optimizer, const char *name, gan_tensor *loss,
                       gan_loss *history) {
    if (history != NULL) loss = gan_add(tape, loss, gan_loss_historical_averaging(tape, history));
    gan_status status = front_step(f, tape, optimizer, name, loss);
    return status == GAN_OK && history != NULL ? gan_loss_historical_averaging_update(history) : status;
}

/* The authors' average begins at 0: it is theirs, divided by the weight that it has got so far. */
static void set_average(const front *f) {
    double weight = 1 - average;
    gan_ema_set_decay(averaged_d, 1 - weight / (1 - pow(average, (double)gan_run_step(f->run) + 1)));
}

/* D is asked about labelled items, then others, then fakes: noise is drawn in this order. */
static gan_status phase_d(front *f, gan_tape *tape) {
    if (averaged_d != NULL) set_average(f);
    gan_tensor *items, *told, *loss = NULL, *fake = NULL;
    if (!labels_only) fake = gan_detach(tape, gan_layer_forward(tape, f->generator, front_latent(f, tape)));
    if (labels > 0) {
        gan_status status = improved_labelled(f, &items, &told);
        if (status != GAN_OK) return status;
        loss = gan_cross_entropy(tape, ask(f, tape, items).logits, told, NULL);
        gan_run_report(f->run, "loss_labelled", loss);
    }
    if (!labels_only) {
        gan_tensor *real_score = score(tape, ask(f, tape, front_reals(f)));
        gan_tensor *fake_score = score(tape, ask(f, tape, fake));
        gan_tensor *others = gan_loss_discriminator(tape, f->loss, real_score, fake_score);
        /* the paper's has half the sum beside the loss on labels */
        others = gan_scale(tape, others, labels > 0 ? 0.5 * unlabelled_weight : 1);
        loss = loss == NULL ? others : gan_add(tape, loss, others);
    }
    return step(f, tape, f->discriminator_optimizer, "loss_d", loss, history_d);
}

static gan_status phase_g(front *f, gan_tape *tape) {
    if (labels_only) return GAN_OK;
    gan_tensor *z = front_latent(f, tape), *fake, *loss, *items;
    if (parts.virtual_batch_norm)
        gan_layer_forward_reference(tape, f->generator, &reference, &z, 1, &fake, 1);
    else
        fake = gan_layer_forward(tape, f->generator, z);
    if (generator_loss == FEATURE_MATCHING) {
        gan_status status = improved_other_reals(f, &items);
        if (status != GAN_OK) return status;
        gan_tensor *of_reals = ask(f, tape, items).features, *of_fakes = ask(f, tape, fake).features;
        loss = gan_loss_feature_matching(tape, matching, &of_reals, &of_fakes, 1);
    } else {
        loss = gan_loss_generator(tape, f->loss, score(tape, ask(f, tape, fake)));
    }
    gan_status status = step(f, tape, f->generator_optimizer, "loss_g", loss, history_g);
    return status == GAN_OK && parts.virtual_batch_norm ? refer(f, tape) : status;
}

/* ---- how well it classifies ---- */

static gan_status say_errors(front *f, gan_model *model, const char *what) {
    int64_t right = 0, count = 0;
    const char *whose = "";
    int32_t trained = 0;
    gan_status status = front_count_right(f, model, &right, &count, &whose, &trained);
    if (status == GAN_OK)
        front_say(f, "%s: error %.2f%% (%lld of %lld items of %s%s; %lld labels)", what,
                  100 * (double)(count - right) / (double)count, (long long)(count - right), (long long)count, whose,
                  trained ? ", whose items it has seen" : "", (long long)labels);
    return status;
}

static gan_status report_errors(front *f, gan_model *model, const char *name) {
    int64_t right = 0, count = 0;
    const char *whose = "";
    int32_t trained = 0;
    gan_status status = front_count_right(f, model, &right, &count, &whose, &trained);
    if (status != GAN_OK) return status;
    return gan_run_report_value(f->run, name, (double)(count - right) / (double)count);
}

static gan_status measure(front *f) {
    if (classifier == NULL) return f->image.rank == 3 ? front_measure(f) : GAN_OK;
    gan_status status = report_errors(f, classifier, "error");
    if (status != GAN_OK || averaged_classifier == NULL) return status;
    return report_errors(f, averaged_classifier, "error_of_average");
}

static gan_status draw_points(front *f) {
    gan_tensor *made = NULL;
    gan_status status = gan_model_sample(&made, f->model, 2000, 1);
    if (status == GAN_OK) status = scatter_write(f, made, 2.5);
    gan_tensor_release(made);
    return status;
}

static gan_status judge(front *f) {
    gan_status status = GAN_OK;
    char path[FRONT_PATH_SIZE];
    if (classifier != NULL) status = say_errors(f, classifier, "classifier");
    if (status == GAN_OK && averaged_classifier != NULL)
        status = say_errors(f, averaged_classifier, "its moving average");
    if (status == GAN_OK && classifier != NULL)
        status = gan_model_save(classifier, front_path(f, "classifier.safetensors", path));
    if (status != GAN_OK || labels_only) return status;
    return front_is(f, "two-moons") ? draw_points(f) : front_judge(f);
}

static void release(front *f) {
    (void)f;
    gan_model_release(classifier);
    gan_model_release(averaged_classifier);
    gan_ema_release(averaged_d);
    gan_loss_release(matching);
    gan_loss_release(history_g);
    gan_loss_release(history_d);
    gan_tensor_release(reference);
    improved_release();
}

int main(int argc, char **argv) {
    static const front_program program = {
        .name = "improved_gan",
        .summary = "trains a discriminator that classifies after a few labels, and tries the paper's techniques",
        .presets = presets,
        .preset_count = sizeof presets / sizeof presets[0],
        .flags = own_flags,
        .flag_count = sizeof own_flags / sizeof own_flags[0],
        .open = open_moons,
        .open_test = open_other_moons,
        .build = build,
        .add = add,
        .phases = {{"d", phase_d}, {"g", phase_g}},
        .measure = measure,
        .judge = judge,
        .release = release};
    return front_main(&program, argc, argv);
}
