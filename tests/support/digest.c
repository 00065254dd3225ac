#include "digest.h"

uint64_t digest_layer(uint64_t hash, const gan_layer *layer) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const gan_tensor *tensor = gan_layer_tensor(layer, i);
        hash = gani_hash(hash, gan_tensor_const_data(tensor),
                         (uint64_t)gan_tensor_count(tensor) * gan_dtype_size(gan_tensor_dtype(tensor)));
    }
    return hash;
}

uint64_t digest_positions(uint64_t hash, const gan_context *context) {
    for (int32_t i = 0; i < GAN_STREAM_COUNT; i++) {
        uint64_t position = gan_context_position(context, i);
        hash = gani_hash(hash, &position, sizeof position);
    }
    return hash;
}
