/* Types of layers that the application defines: callbacks, checked, in the form of the library's own types. */
#include "io/json.h"
#include "nn/types.h"

#include <string.h>

const gani_registered *gani_registered_find(const gan_context *context, const char *name) {
    for (const gani_attached *block = context->layer_types; block != NULL; block = block->next) {
        const gani_registered *registered = (const gani_registered *)(const void *)block;
        if (strcmp(registered->name, name) == 0) return registered;
    }
    return NULL;
}

/* ---- what networks call ---- */

static int32_t wanted(const gani_config *config, const gan_shape *inputs, gan_layer_slot *tensors) {
    const gan_layer_type *user = &config->registered->user;
    memset(tensors, 0, GAN_LAYER_TENSORS * sizeof *tensors);
    return user->tensors == NULL ? 0 : user->tensors(user->user, config->text, inputs, tensors);
}

static int is_word(const char *text, size_t limit, const char *more) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = 0;
    while (text[length] != '\0' && (strchr(letters, text[length]) != NULL || strchr(more, text[length]) != NULL))
        length++;
    return length > 0 && length < limit && text[length] == '\0';
}

static int is_object(const char *text) {
    int32_t tokens;
    size_t at, size = strlen(text);
    return text[strspn(text, " \t\r\n")] == '{' && gani_json_scan(text, size, &tokens, &at);
}

static gan_status check_tensors(gani_site *site, const gani_config *config, const gan_shape *inputs) {
    gan_layer_slot tensors[GAN_LAYER_TENSORS];
    int32_t count = wanted(config, inputs, tensors);
    if (count < 0 || count > GAN_LAYER_TENSORS)
        return gani_refuse(site, GAN_E_ARGUMENT, "its type wants %ld tensors, 0 to %d are possible", (long)count,
                           GAN_LAYER_TENSORS);
    for (int32_t i = 0; i < count; i++) {
        if (tensors[i].name == NULL || !is_word(tensors[i].name, 32, ""))
            return gani_refuse(site, GAN_E_ARGUMENT,
                               "its type wants a tensor whose name is not 1 to 31 letters, "
                               "digits and underscores");
        for (int32_t k = 0; k < i; k++)
            if (strcmp(tensors[i].name, tensors[k].name) == 0)
                return gani_refuse(site, GAN_E_ARGUMENT, "its type wants two tensors '%s'", tensors[i].name);
        if (tensors[i].is_parameter != 0 && tensors[i].is_parameter != 1)
            return gani_refuse(site, GAN_E_ARGUMENT,
                               "its type wants a tensor '%s' whose is_parameter is %ld, not 0 or 1", tensors[i].name,
                               (long)tensors[i].is_parameter);
        if (tensors[i].reserved != 0)
            return gani_refuse(site, GAN_E_UNSUPPORTED, "its type sets a member of a tensor that is reserved");
        if (gani_shape_check(NULL, "", tensors[i].shape, site->dtype) != GAN_OK)
            return gani_refuse(site, GAN_E_SHAPE, "its type wants a tensor '%s' of an impossible shape",
                               tensors[i].name);
    }
    return GAN_OK;
}

static gan_status infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    const gan_layer_type *user = &config->registered->user;
    if (site->count != user->inputs)
        return gani_refuse(site, GAN_E_ARGUMENT, "it has %d inputs, and is given %d", (int)user->inputs,
                           (int)site->count);
    for (int32_t i = 0; i < site->count; i++)
        if ((site->limits[i] > 0) != (int)((uint32_t)user->index_inputs >> i & 1))
            return gani_refuse(site, GAN_E_DTYPE, "its input %d takes %s", (int)i + 1,
                               site->limits[i] > 0 ? "numbers, and is given indices (i32)"
                                                   : "indices (i32), and is given numbers");
    if (!is_object(config->text)) return gani_refuse(site, GAN_E_ARGUMENT, "its config is not a JSON object");
    *output = inputs[0];
    if (user->infer != NULL) {
        char reason[GANI_MESSAGE_SIZE / 2] = "its type refuses its inputs";
        gan_status status = user->infer(user->user, config->text, inputs, output, reason, sizeof reason);
        reason[sizeof reason - 1] = '\0';
        if (status != GAN_OK) return gani_refuse(site, status < 0 ? status : GAN_E_ARGUMENT, "%s", reason);
    }
    if (output->rank < 0 || output->rank >= GAN_MAX_RANK || gan_shape_count(*output) < 1)
        return gani_refuse(site, GAN_E_SHAPE, "its type gives an impossible shape");
    return check_tensors(site, config, inputs);
}

static int32_t slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    gan_layer_slot tensors[GAN_LAYER_TENSORS];
    int32_t count = wanted(config, inputs, tensors);
    if (count > GAN_LAYER_TENSORS) count = GAN_LAYER_TENSORS; /* it was fewer when it was checked */
    for (int32_t i = 0; i < count; i++)
        out[i] =
            (gani_slot){tensors[i].name == NULL ? "" : tensors[i].name, tensors[i].shape, tensors[i].is_parameter != 0};
    return count;
}

static gan_tensor *forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                           gan_tensor *const *inputs) {
    const gan_layer_type *user = &module->config.registered->user;
    const char *name = module->type->name;
    gan_shape expected = gan_shape_1d(inputs[0]->shape.rank > 0 ? inputs[0]->shape.size[0] : 0);
    for (int32_t i = 0; i < module->output.rank; i++) expected.size[expected.rank++] = module->output.size[i];
    int32_t recording = tape->recording, depth = tape->depth;
    int64_t before = tape->sequence, held = gani_tape_hold(tape);
    gan_tensor *y = user->forward(user->user, tape, module->config.text, module->tensors, inputs, pass->training);
    gani_tape_unhold(tape, held);
    tape->recording = recording; /* whatever it did with them */
    tape->depth = depth;
    if (gani_failed(tape)) return &tape->inert;
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (y == NULL || y->dtype == 0) return gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %s gave no result", name);
    if (y->context != tape->context || (y->tape != NULL && y->tape != tape))
        return gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: %s gave a tensor of another %s", name,
                              y->context != tape->context ? "context" : "tape");
    if (y->gone) return gani_tape_fail(tape, GAN_E_STATE, "layer: %s gave a tensor that has ended", name);
    if (!gan_shape_equal(y->shape, expected))
        return gani_tape_fail(tape, GAN_E_SHAPE, "layer: %s gave a result of shape %s in place of %s", name,
                              gani_shape_text(y->shape, a), gani_shape_text(expected, b));
    if (y->dtype != pass->dtype)
        return gani_tape_fail(tape, GAN_E_DTYPE, "layer: %s gave a result of another type than the network's", name);
    /* a parameter, or a tensor of the application's, may be given back only by those who own it */
    return y->tape == NULL || y->sequence <= before ? gani_identity(tape, y) : y;
}

static gan_status reset(gani_module *module) {
    const gan_layer_type *user = &module->config.registered->user;
    if (user->init == NULL || module->tensor_count == 0) return GAN_OK;
    gan_context *context = module->tensors[0]->context;
    const uint64_t before = context->failures;
    gan_status status = user->init(user->user, module->config.text, module->tensors, module->tensor_count);
    for (int32_t i = 0; i < module->tensor_count; i++) gani_tensor_touch(module->tensors[i]);
    if (status == GAN_OK) return GAN_OK;
    return gani_fail(context, status < 0 ? status : GAN_E_ARGUMENT, "layer: the initial values of %s: %s",
                     module->type->name, gani_callback_sentence(context, before, status));
}

/* ---- registering ---- */

gan_status gani_layer_type_register(gan_context *context, const gan_layer_type *type) {
    if (type->name == NULL || !is_word(type->name, GANI_NAME_SIZE, ".-/") || strchr(type->name, '.') == NULL)
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_layer_type_register: a name has 1 to %d letters, digits, '_', '-', '/' and at least one "
                         "'.', as in \"acme.swish\"",
                         GANI_NAME_SIZE - 1);
    if (type->forward == NULL)
        return gani_fail(context, GAN_E_ARGUMENT, "gan_layer_type_register: %s: forward is NULL", type->name);
    if (type->inputs < 1 || type->inputs > GANI_MAX_MODULE_INPUTS || (uint32_t)type->index_inputs >> type->inputs != 0)
        return gani_fail(context, GAN_E_ARGUMENT,
                         "gan_layer_type_register: %s: inputs is not in 1 to %d, or index_inputs has bits beyond them",
                         type->name, GANI_MAX_MODULE_INPUTS);
    if (gani_registered_find(context, type->name) != NULL)
        return gani_fail(context, GAN_E_STATE, "gan_layer_type_register: '%s' is registered already", type->name);
    gani_registered *registered = gani_calloc(context, 1, sizeof *registered);
    if (registered == NULL) return gani_no_memory(context, "gan_layer_type_register");
    strcpy(registered->name, type->name);
    registered->user = *type;
    registered->user.name = registered->name;
    registered->type =
        (gani_module_type){registered->name, GANI_OWN_INPUTS, gani_no_fields, infer, slots, forward, reset};
    registered->attached.next = context->layer_types;
    context->layer_types = &registered->attached;
    return GAN_OK;
}
