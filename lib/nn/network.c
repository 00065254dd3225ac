/* A network as one layer of another. Its forward pass is layer.c's: the same walk, one level deeper. */
#include "nn/layer.h"

static gan_status infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    const gan_layer *network = config->network;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (network->dtype != site->dtype)
        return gani_refuse(site, GAN_E_DTYPE, "it is of type %s, the network around it of %s",
                           network->dtype == GAN_F64 ? "f64" : "f32", site->dtype == GAN_F64 ? "f64" : "f32");
    if (site->count != network->input_count)
        return gani_refuse(site, GAN_E_ARGUMENT, "it has %d inputs, and is given %d", (int)network->input_count,
                           (int)site->count);
    for (int32_t i = 0; i < site->count; i++) {
        const gani_input *input = &network->inputs[i];
        if ((site->limits[i] > 0) != (input->limit > 0))
            return gani_refuse(site, GAN_E_DTYPE, "its input '%s' takes %s, and is given %s", input->name,
                               input->limit > 0 ? "indices (i32)" : "numbers",
                               input->limit > 0 ? "numbers" : "indices (i32)");
        if (site->limits[i] > input->limit)
            return gani_refuse(site, GAN_E_ARGUMENT, "its input '%s' takes indices below %lld, and is given %lld",
                               input->name, (long long)input->limit, (long long)site->limits[i]);
        if (!gan_shape_equal(inputs[i], input->shape))
            return gani_refuse(site, GAN_E_SHAPE, "its input '%s' has shape %s, and is given %s", input->name,
                               gani_shape_text(input->shape, a), gani_shape_text(inputs[i], b));
    }
    *output = gani_point_shape(network, network->outputs[0].point);
    return GAN_OK;
}

const gani_module_type gani_type_network = {"network", GANI_OWN_INPUTS, NULL, infer, NULL, NULL, NULL};
