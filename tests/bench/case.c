#include "case.h"

#include "networks.h"

const bench_case bench_cases[] = {
    {"mlp", "dense layers, 28x28x1", 64, 0, pair_begin, pair_step, pair_count},
    {"dcgan28", "DCGAN, 28x28x1", 64, 0, pair_begin, pair_step, pair_count},
    {"dcgan28cpp", "DCGAN of the libtorch C++ and dlib examples, 28x28x1", 64, 0, pair_begin, pair_step, pair_count},
    {"infogan28", "InfoGAN, Q and D share a trunk, 28x28x1", 128, 0, infogan_begin, infogan_step, infogan_count},
    {"wgangp32", "WGAN with gradient penalty, 32x32x3", 64, 0, wgangp_begin, wgangp_step, wgangp_count},
    {"dcgan64", "DCGAN of PyTorch's examples, 64x64x3", 128, 0, pair_begin, pair_step, pair_count},
    {"cyclegan128", "CycleGAN with identity loss, 6 blocks, 128x128x3", 1, 128, cyclegan_begin, cyclegan_step,
     cyclegan_count},
    {"dcgan64-g", "generates with dcgan64's generator", 64, 0, generate_dcgan64_begin, generate_step, generate_count},
    {"dcgan64-g-b1", "the same, one image at a time", 1, 0, generate_dcgan64_begin, generate_step, generate_count},
    {"cyclegan256-g", "generates with CycleGAN's generator of 9 blocks, 256x256x3", 1, 256, generate_resnet9_begin,
     generate_step, generate_count},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};

gan_status case_begin(bench *b) {
    gan_status status = gan_tape_create(&b->tape, b->context);
    return status == GAN_OK ? b->which->begin(b) : status;
}

void case_end(bench *b) {
    gan_session_release(b->session);
    gan_tensor_release(b->output);
    for (int i = 0; i < CASE_INPUTS; i++) gan_tensor_release(b->inputs[i]);
    gan_loss_release(b->loss);
    for (int i = 0; i < CASE_OPTIMIZERS; i++) gan_optimizer_release(b->optimizers[i]);
    for (int i = 0; i < CASE_NETWORKS; i++) gan_layer_release(b->networks[i]);
    gan_tape_release(b->tape);
    gan_context_release(b->context);
}

int64_t case_parameters(const bench *b) {
    int64_t count = 0;
    for (int i = 0; i < CASE_NETWORKS; i++)
        if (b->networks[i] != NULL) count += gan_layer_parameter_count(b->networks[i]);
    return count;
}

gan_status case_images(bench *b, int index, gan_shape item) {
    gan_status status = gan_tensor_create(&b->inputs[index], b->context, GAN_F32, networks_batch_shape(item, b->batch));
    if (status != GAN_OK) return status;
    return gan_tensor_fill_uniform(b->inputs[index], -1, 1, 1, GAN_STREAM_USER + (uint64_t)index, 0);
}

gan_status case_adam(bench *b, int index, int first, int second, const gan_adam_options *options) {
    gan_status status = gan_adam_create(&b->optimizers[index], b->networks[first], options);
    if (status != GAN_OK || second == first) return status;
    return gan_optimizer_add_layer(b->optimizers[index], b->networks[second], NULL);
}
