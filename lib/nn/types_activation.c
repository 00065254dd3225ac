/* Activations. */
#include <math.h>

#include "nn/types.h"

static gan_status leaky_relu_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                   gan_shape *output) {
    if (!isfinite(config->slope)) return gani_refuse(site, GAN_E_ARGUMENT, "its slope is not a finite number");
    *output = inputs[0];
    return GAN_OK;
}
static gan_tensor *relu_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_leaky_relu(tape, inputs[0], 0);
}
static gan_tensor *leaky_relu_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                      gan_tensor *const *inputs) {
    (void)pass;
    return gani_leaky_relu(tape, inputs[0], module->config.slope);
}
static gan_tensor *tanh_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_tanh(tape, inputs[0]);
}
static gan_tensor *sigmoid_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                   gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_sigmoid(tape, inputs[0]);
}
static gan_tensor *softplus_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                    gan_tensor *const *inputs) {
    (void)pass;
    (void)module;
    return gani_softplus(tape, inputs[0]);
}
static const gani_field leaky_relu_fields[] = {FIELD_NUMBER(slope), FIELD_END};
const gani_module_type gani_type_relu = {"relu", 1, gani_no_fields, gani_same_infer, NULL, relu_forward, NULL};
const gani_module_type gani_type_leaky_relu = {"leaky_relu",       1,   leaky_relu_fields, leaky_relu_infer, NULL,
                                               leaky_relu_forward, NULL};
const gani_module_type gani_type_tanh = {"tanh", 1, gani_no_fields, gani_same_infer, NULL, tanh_forward, NULL};
const gani_module_type gani_type_sigmoid = {"sigmoid", 1, gani_no_fields, gani_same_infer, NULL, sigmoid_forward, NULL};
const gani_module_type gani_type_softplus = {"softplus",       1,   gani_no_fields, gani_same_infer, NULL,
                                             softplus_forward, NULL};
