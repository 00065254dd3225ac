/* What every consumer of the installed library builds: a tiny network, two training steps. */
#include <gan.h>
#include <stdio.h>

static int failed(gan_context *context, const char *what) {
    fprintf(stderr, "%s: %s\n", what, context ? gan_context_error(context) : "no context");
    return 1;
}

int main(void) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 1;
    options.seed = 7;

    gan_context *context = NULL;
    if (gan_context_create(&context, &options) != GAN_OK) return failed(context, "gan_context_create");

    gan_layer *network = NULL;
    gan_builder *builder = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_linear(builder, 8, NULL);
    gan_add_tanh(builder);
    gan_add_linear(builder, 1, NULL);
    if (gan_builder_end(&network, builder) != GAN_OK) return failed(context, "gan_builder_end");

    gan_optimizer *optimizer = NULL;
    gan_tape *tape = NULL;
    if (gan_adam_create(&optimizer, network, NULL) != GAN_OK) return failed(context, "gan_adam_create");
    if (gan_tape_create(&tape, context) != GAN_OK) return failed(context, "gan_tape_create");

    double before = 0, after = 0;
    for (int step = 0; step < 2; step++) {
        gan_tape_reset(tape);
        gan_tensor *x = gan_full(tape, GAN_F32, gan_shape_2d(4, 3), 0.5);
        gan_tensor *loss = gan_bce_with_logits(tape, gan_layer_forward(tape, network, x), 1.0);
        if (gan_optimizer_step(optimizer, tape, loss) != GAN_OK) return failed(context, "gan_optimizer_step");
        if (step == 0) before = gan_tensor_item(loss, 0);
        after = gan_tensor_item(loss, 0);
    }
    int learned = after < before;

    gan_tape_release(tape);
    gan_optimizer_release(optimizer);
    gan_layer_release(network);
    gan_context_release(context);
    if (!learned) {
        fprintf(stderr, "the loss did not fall: %g, then %g\n", before, after);
        return 1;
    }
    printf("OK %s\n", gan_version_string());
    return 0;
}
