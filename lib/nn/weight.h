/* From the tensors that a layer stores to the weight that its operation uses: itself, or one of the forms of
 * gan/parts.h. For linear layers, convolutions and embeddings. Of a module's tensors the first is what is stored of the
 * weight ("weight", "weight_orig", "weight_v"), the second the bias, if it has one; what the form needs follows. */
#ifndef GANI_NN_WEIGHT_H
#define GANI_NN_WEIGHT_H

#include "nn/layer.h"

/* 1 for the types that have such a weight. */
int gani_has_weight(const gani_module *module);
/* 1 if the tensor is what is stored of such a weight, in the network or in one inside. */
int gani_is_weight(const gan_layer *layer, const gan_tensor *tensor);
const char *gani_weight_form(const gani_module *module); /* "spectral norm", for people; NULL: plain */
/* A form's options make sense for a weight of this shape, whose axis `axis` is that of the outputs. */
gan_status gani_weight_check(gani_site *site, const gani_config *config, gan_shape weight, int32_t axis);
int32_t gani_weight_slots(const gani_config *config, gan_shape weight, int32_t axis, int32_t has_bias, gani_slot *out);

/* What the operation takes. In training mode power iterations and records move on. */
typedef struct gani_weight {
    gan_tensor *weight, *bias; /* bias: NULL if there is none */
} gani_weight;
gani_weight gani_weight_formed(gan_tape *tape, const gani_pass *pass, const gani_module *module);
/* Plain ones are the stored tensors: no copy, nothing on the tape. */
static inline gani_weight gani_weight_of(gan_tape *tape, const gani_pass *pass, const gani_module *module) {
    if (module->config.form != GAN_WEIGHT_PLAIN) return gani_weight_formed(tape, pass, module);
    return (gani_weight){module->tensors[0], module->tensors[1]};
}
/* After the operation: gives back what no rule will read. Returns the operation's result. */
static inline gan_tensor *gani_weight_used(gan_tape *tape, gani_weight w, gan_tensor *result) {
    if (w.weight->tape == tape && !w.weight->recorded) gani_tape_drop(tape, w.weight);
    return result;
}

/* PyTorch's default values: of the stored weight and the bias, and of what goes with them. */
gan_status gani_weight_reset(gani_module *module);
/* The stored weight by a rule, the bias 0. An equalised one stays N(0, 1), whatever the rule. */
gan_status gani_weight_init(gani_module *module, const gan_init_options *rule);
/* Fits g and the bias of a weight normalised module to its result y, so that the next one has mean 0 and variance 1:
 * 1 if they were changed. Modules of other forms, and those whose g is in the list already, are left as they are. */
typedef struct gani_data_init {
    gan_tensor **seen; /* room for all tensors of the network */
    int32_t count;
} gani_data_init;
int gani_weight_fit(gan_tape *tape, gani_data_init *init, const gani_module *module, const gan_tensor *y);
/* types_minibatch.c, likewise, but before the pass: scales and centres what a minibatch discrimination will make of
 * these inputs. */
void gani_minibatch_fit(gan_tape *tape, gani_data_init *init, const gani_module *module, gan_tensor *const *inputs);
/* Makes the module plain: with the weight that it has in evaluation mode. Its tensors are new ones. */
gan_status gani_weight_bake(gani_module *module);

int32_t gani_weight_axis(const gani_module *module);       /* of the outputs */
gan_tensor *gani_weight_record(const gani_module *module); /* "weight_gamma", or NULL */

/* ---- singular values of the stored weight: spectrum.c ---- */

int64_t gani_weight_rank(gan_shape weight, int32_t axis); /* as a matrix, outputs x rest: its smaller size */
/* (W + dW) / s[0] with u_k and v_k constant (Liu et al. 2019); w: the stored weight as outputs x rest. In training mode
 * the record moves on. */
gan_tensor *gani_spectrum_weight(gan_tape *tape, const gani_pass *pass, const gani_module *module, gan_tensor *w);

#endif
