// Using libgan from C++17: an installed library, found by pkg-config. Trains a small GAN on the built-in digits, saves
// the generator, loads it again and draws samples.
//
//   g++ -std=c++17 cpp_app.cpp -o cpp_app $(pkg-config --cflags --libs libgan)
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <gan.h>

namespace {

// Every owned handle is given back by its release function: one deleter serves all.
template <auto Release> struct Releaser {
    template <class T> void operator()(T *handle) const { Release(handle); }
};
template <class T, auto Release> using Handle = std::unique_ptr<T, Releaser<Release>>;

using Context = Handle<gan_context, gan_context_release>;
using Tape = Handle<gan_tape, gan_tape_release>;
using Layer = Handle<gan_layer, gan_layer_release>;
using Loss = Handle<gan_loss, gan_loss_release>;
using Optimizer = Handle<gan_optimizer, gan_optimizer_release>;
using Dataset = Handle<gan_dataset, gan_dataset_release>;
using Loader = Handle<gan_loader, gan_loader_release>;
using Model = Handle<gan_model, gan_model_release>;
using Tensor = Handle<gan_tensor, gan_tensor_release>;

void check(gan_context *context, gan_status status) {
    if (status == GAN_OK) return;
    throw std::runtime_error(gan_context_explain(context, status));
}

// make<Layer>(context, gan_builder_end, builder): calls a creating function and owns what it gives.
template <class H, class F, class... Args> H make(gan_context *context, F create, Args... args) {
    typename H::pointer raw = nullptr;
    check(context, create(&raw, args...));
    return H(raw);
}

Layer generator(gan_context *context) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(32));
    gan_add_linear(b, 256, nullptr);
    gan_add_batch_norm(b, nullptr);
    gan_add_relu(b);
    gan_add_linear(b, 28 * 28, nullptr);
    gan_add_tanh(b);
    gan_add_reshape(b, gan_shape_3d(1, 28, 28));
    return make<Layer>(context, gan_builder_end, b);
}

Layer discriminator(gan_context *context) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(1, 28, 28));
    gan_add_flatten(b);
    gan_add_linear(b, 256, nullptr);
    gan_add_leaky_relu(b, 0.2);
    gan_add_linear(b, 1, nullptr);
    return make<Layer>(context, gan_builder_end, b);
}

void train(gan_context *context, gan_layer *g, gan_layer *d, int steps) {
    const auto data = make<Dataset>(context, gan_digits_create, context, nullptr);
    const auto loader = make<Loader>(context, gan_loader_create, data.get(), nullptr);
    const auto loss = make<Loss>(context, gan_loss_bce_create, context, nullptr);
    const auto adam_g = make<Optimizer>(context, gan_adam_create, g, nullptr),
               adam_d = make<Optimizer>(context, gan_adam_create, d, nullptr);
    const auto tape = make<Tape>(context, gan_tape_create, context);
    for (int step = 1; step <= steps; step++) {
        gan_tensor *real = nullptr;
        check(context, gan_loader_next(loader.get(), &real, nullptr));
        gan_tape *t = tape.get();
        gan_tensor *fake = gan_layer_forward(t, g, gan_normal(t, GAN_F32, gan_shape_2d(64, 32)));
        gan_tensor *loss_d = gan_loss_discriminator(t, loss.get(), gan_layer_forward(t, d, real),
                                                    gan_layer_forward(t, d, gan_detach(t, fake)));
        check(context, gan_optimizer_step(adam_d.get(), t, loss_d));
        gan_tensor *loss_g = gan_loss_generator(t, loss.get(), gan_layer_forward(t, d, fake));
        check(context, gan_optimizer_step(adam_g.get(), t, loss_g));
        if (step % 100 == 0)
            std::printf("step %d: d %.3f, g %.3f\n", step, gan_tensor_item(loss_d, 0), gan_tensor_item(loss_g, 0));
        gan_tape_reset(t);
    }
}

} // namespace

int main(int argc, char **argv) try {
    const int steps = argc > 1 ? std::atoi(argv[1]) : 500;
    const auto context = make<Context>(nullptr, gan_context_create, nullptr);
    const auto g = generator(context.get()), d = discriminator(context.get());
    train(context.get(), g.get(), d.get(), steps);
    check(context.get(),
          gan_model_save(make<Model>(context.get(), gan_model_create, g.get(), nullptr).get(), "cpp_app.safetensors"));

    const auto model = make<Model>(context.get(), gan_model_load, context.get(), "cpp_app.safetensors");
    const auto images = make<Tensor>(context.get(), gan_model_sample, model.get(), 64, 1);
    check(context.get(), gan_model_sheet_write(model.get(), images.get(), "cpp_app.png", nullptr));
    std::puts("cpp_app.safetensors, cpp_app.png");
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "cpp_app: %s\n", error.what());
    return 1;
}
