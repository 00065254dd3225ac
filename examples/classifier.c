/* The judge of the other programs: a classifier after LeNet-5 (LeCun et al. 1998) with ReLU and maximum pooling. Its
 * model file has two outputs: the logits of the classes, and the features that distances between sets of images are
 * measured in, the 84 values before them. */
#include "front/front.h"

static const front_preset presets[] = {
    {"lenet", "61,706 parameters for digits", 0, 64, 1, 10, 1e-3, 0.9, 0.999, GAN_INPUT_IMAGE, 0, 0}};

static gan_status build(front *f) {
    if (f->classes < 2 || f->image.size[1] < 16)
        return front_refuse(f, "the images must have classes, and at least 16 x 16 pixels");
    f->tested = 1;
    gan_builder *b = front_begin(f, f->image);
    if (f->image.size[1] == 28) gan_add_pad2d(b, 2, 2, 2, 2, GAN_PAD_ZERO);
    gan_add_conv2d(b, 6, 5, 1, 0, NULL);
    gan_add_relu(b);
    gan_add_max_pool2d(b, 2, 2, 0);
    gan_add_conv2d(b, 16, 5, 1, 0, NULL);
    gan_add_relu(b);
    gan_add_max_pool2d(b, 2, 2, 0);
    gan_add_flatten(b);
    gan_add_linear(b, 120, NULL);
    gan_add_relu(b);
    gan_add_linear(b, 84, NULL);
    gan_add_relu(b);
    gan_builder_label(b, "penultimate");
    gan_add_linear(b, f->classes, NULL);
    gan_builder_output(b, "logits");
    gan_builder_from(b, "penultimate");
    gan_builder_output(b, "features");
    return gan_builder_end(&f->generator, b);
}

static gan_status add(front *f) {
    gan_schedule_options falling;
    gan_schedule_options_init(&falling);
    falling.kind = GAN_SCHEDULE_COSINE;
    falling.length = front_steps(f) > 0 ? front_steps(f) : 1;
    return gan_optimizer_set_schedule(f->generator_optimizer, &falling);
}

static gan_status phase_classify(front *f, gan_tape *tape) {
    gan_tensor *images = front_reals(f), *outputs[2];
    gan_layer_forward_many(tape, f->generator, &images, 1, outputs, 2);
    return front_step(f, tape, f->generator_optimizer, "loss",
                      gan_cross_entropy(tape, outputs[0], gan_run_labels(f->run), NULL));
}

static gan_status measure(front *f) {
    int64_t right = 0, count = 0;
    const char *whose;
    int32_t trained;
    gan_status status = front_count_right(f, f->model, &right, &count, &whose, &trained);
    return status == GAN_OK ? gan_run_report_value(f->run, "accuracy", (double)right / (double)count) : status;
}

static gan_status judge(front *f) {
    int64_t right = 0, count = 0;
    const char *whose = "";
    int32_t trained = 0;
    char digest[9];
    gan_status status = front_count_right(f, f->model, &right, &count, &whose, &trained);
    if (status == GAN_OK)
        front_say(f, "accuracy %.2f%% (%lld of %lld images of %s, which it was %s on)",
                  100.0 * (double)right / (double)count, (long long)right, (long long)count, whose,
                  trained ? "trained" : "not trained");
    if (status == GAN_OK)
        front_say(f, "weights %s: figures of what it judges carry this",
                  front_digest(gan_model_layer(f->model), digest));
    return status;
}

int main(int argc, char **argv) {
    static const front_program program = {.name = "classifier",
                                          .network = "classifier",
                                          .summary = "trains the classifier that judges what the others make",
                                          .presets = presets,
                                          .preset_count = sizeof presets / sizeof presets[0],
                                          .build = build,
                                          .add = add,
                                          .measure = measure,
                                          .judge = judge,
                                          .phases = {{"classify", phase_classify}}};
    return front_main(&program, argc, argv);
}
