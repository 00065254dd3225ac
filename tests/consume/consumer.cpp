// The same as consumer.c in C++17: handles in unique_ptrs, errors as exceptions.
#include <gan.h>

#include <iostream>
#include <memory>
#include <stdexcept>

namespace {

template <typename T, void (*release)(T *)> struct releaser {
    void operator()(T *handle) const { release(handle); }
};
template <typename T, void (*release)(T *)> using handle = std::unique_ptr<T, releaser<T, release>>;

using context_handle = handle<gan_context, gan_context_release>;
using layer_handle = handle<gan_layer, gan_layer_release>;
using optimizer_handle = handle<gan_optimizer, gan_optimizer_release>;
using tape_handle = handle<gan_tape, gan_tape_release>;

void check(const gan_context *context, gan_status status) {
    if (status != GAN_OK) throw std::runtime_error(context ? gan_context_error(context) : gan_status_text(status));
}

double train() {
    gan_context *raw_context = nullptr;
    check(nullptr, gan_context_create(&raw_context, nullptr));
    const context_handle context(raw_context);

    gan_builder *builder = gan_builder_begin(context.get(), gan_shape_1d(3));
    gan_add_linear(builder, 8, nullptr);
    gan_add_leaky_relu(builder, 0.2);
    gan_add_linear(builder, 1, nullptr);
    gan_layer *raw_layer = nullptr;
    check(context.get(), gan_builder_end(&raw_layer, builder));
    const layer_handle layer(raw_layer);

    gan_adam_options options;
    gan_adam_options_init(&options);
    options.learning_rate = 0.01;
    gan_optimizer *raw_optimizer = nullptr;
    check(context.get(), gan_adam_create(&raw_optimizer, layer.get(), &options));
    const optimizer_handle optimizer(raw_optimizer);

    gan_tape *raw_tape = nullptr;
    check(context.get(), gan_tape_create(&raw_tape, context.get()));
    const tape_handle tape(raw_tape);

    double first = 0, last = 0;
    for (int step = 0; step < 2; step++) {
        gan_tape_reset(tape.get());
        gan_tensor *x = gan_full(tape.get(), GAN_F32, gan_shape_2d(4, 3), 0.5);
        gan_tensor *loss = gan_bce_with_logits(tape.get(), gan_layer_forward(tape.get(), layer.get(), x), 1.0);
        check(context.get(), gan_optimizer_step(optimizer.get(), tape.get(), loss));
        last = gan_tensor_item(loss, 0);
        if (step == 0) first = last;
    }
    return first - last;
}

} // namespace

int main() {
    try {
        if (!(train() > 0)) throw std::runtime_error("the loss did not fall");
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    std::cout << "OK " << gan_version_string() << '\n';
    return 0;
}
