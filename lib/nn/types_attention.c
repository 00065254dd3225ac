/* The parts of self-attention that are no convolutions: the mixing of values, and the number that it begins with. */
#include "nn/types.h"

/* ---- attention ---- */

static gan_status attention_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                  gan_shape *output) {
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT], c[GANI_SHAPE_TEXT];
    (void)config;
    const gan_shape *query = &inputs[0], *key = &inputs[1], *value = &inputs[2];
    if (site->count != 3)
        return gani_refuse(site, GAN_E_ARGUMENT, "it has %d inputs, not 3: query, key and value", (int)site->count);
    int fits = query->rank == 3 && key->rank == 3 && value->rank == 3 && query->size[0] == key->size[0] &&
               key->size[1] == value->size[1] && key->size[2] == value->size[2];
    if (!fits)
        return gani_refuse(site, GAN_E_SHAPE,
                           "queries %s, keys %s and values %s: maps are needed, of as many channels for queries and "
                           "keys, and of one size for keys and values",
                           gani_shape_text(*query, a), gani_shape_text(*key, b), gani_shape_text(*value, c));
    *output = gan_shape_3d(value->size[0], query->size[1], query->size[2]);
    return GAN_OK;
}

/* N x C x H x W as N x C x places */
static gan_tensor *flat(gan_tape *tape, gan_tensor *x) {
    if (gani_failed(tape)) return x;
    const int64_t *size = x->shape.size;
    return gani_reshape(tape, x, gan_shape_3d(size[0], size[1], size[2] * size[3]));
}

gan_tensor *gani_attention_map(gan_tape *tape, gan_tensor *query, gan_tensor *key) {
    return gani_softmax(tape, gani_matmul(tape, flat(tape, query), flat(tape, key), 1, 0), 2);
}

static gan_tensor *attention_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                     gan_tensor *const *inputs) {
    (void)pass;
    gan_tensor *map = gani_attention_map(tape, inputs[0], inputs[1]);
    gan_tensor *mixed = gani_matmul(tape, flat(tape, inputs[2]), map, 0, 1);
    if (!gani_failed(tape) && !map->recorded) gani_tape_drop(tape, map);
    return gani_reshape(tape, mixed, gani_with_batch(module->output, inputs[0]->shape.size[0]));
}
const gani_module_type gani_type_attention = {
    "attention", GANI_MANY_INPUTS, gani_no_fields, attention_infer, NULL, attention_forward, NULL};

/* ---- scale: gamma x ---- */

static int32_t scale_slots(const gani_config *config, const gan_shape *inputs, gani_slot *slots) {
    (void)config;
    (void)inputs;
    slots[0] = (gani_slot){"gamma", gan_shape_1d(1), 1};
    return 1;
}
static gan_tensor *scale_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                 gan_tensor *const *inputs) {
    (void)pass;
    return gani_mul(tape, inputs[0], module->tensors[0]);
}
static gan_status scale_reset(gani_module *module) {
    gani_init_constant(module->tensors[0], 0);
    return GAN_OK;
}
const gani_module_type gani_type_scale = {"scale",     GANI_ONE_INPUT, gani_no_fields, gani_same_infer,
                                          scale_slots, scale_forward,  scale_reset};
