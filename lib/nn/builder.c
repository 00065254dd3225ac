/* The builder: grows a gan_layer module by module, keeping the first error with the module's position. */
#include "base/text.h"
#include "nn/builder.h"

#include <stdio.h>
#include <string.h>

/* What gan_builder_begin returns without memory, and without a context: constants, so that nothing is shared between
 * users. Functions never write to it. */
static const gan_builder inert_builder = {.status = GAN_E_MEMORY, .message = "builder: out of memory"};
static const gan_builder lost_builder = {.status = GAN_E_ARGUMENT, .message = "builder: the context is NULL"};

int gani_builder_failed(const gan_builder *builder) { return builder->status != GAN_OK; }

const gan_layer *gani_builder_layer(const gan_builder *builder) { return builder->layer; }

void gani_builder_fail(gan_builder *builder, gan_status status, const char *format, ...) {
    if (builder->status != GAN_OK) return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(builder->message, sizeof builder->message, format, arguments);
    va_end(arguments);
    if (length < 0) builder->message[0] = '\0';
    builder->status = status;
}

gani_config gani_config_default(void) {
    gani_config config;
    memset(&config, 0, sizeof config);
    config.stride = config.dilation = config.groups = 1;
    config.kernel_w = config.stride_w = config.padding_w = config.dilation_w = config.output_padding_w = -1;
    config.bias = config.affine = config.track_running_stats = 1;
    config.colors = config.learned_state = 1;
    config.momentum = 0.1;
    config.epsilon = 1e-5;
    config.power_iterations = 1;
    config.compensated = -1;
    config.weight_epsilon = 1e-12;
    config.gain = 1.41421356237309504880;
    config.multiplier = 1;
    return config;
}

gan_builder *gani_builder_begin(gan_context *context, gan_shape input, int64_t limit) {
    gan_builder *builder = context == NULL ? NULL : gani_calloc(context, 1, sizeof *builder);
    gan_layer *layer = builder == NULL ? NULL : gani_calloc(context, 1, sizeof *layer);
    if (layer == NULL) {
        if (context == NULL) return (gan_builder *)(uintptr_t)&lost_builder;
        gani_free(context, builder);
        gani_no_memory(context, "builder");
        return (gan_builder *)(uintptr_t)&inert_builder;
    }
    atomic_init(&layer->references, 1);
    layer->context = gani_context_retain(context);
    layer->dtype = GAN_F32;
    layer->training = layer->depth = 1;
    builder->layer = layer;
    gani_builder_input(builder, "input", input, limit);
    return builder;
}

void gani_builder_set_dtype(gan_builder *builder, gan_dtype dtype) {
    if (gani_builder_failed(builder)) return;
    if (!gani_is_float(dtype))
        gani_builder_fail(builder, GAN_E_DTYPE, "builder: parameters must be of type f32 or f64");
    else if (builder->layer->module_count > 0)
        gani_builder_fail(builder, GAN_E_STATE, "builder: the type must be set before the first layer");
    else
        builder->layer->dtype = dtype;
}

int gani_builder_grow(gan_builder *builder, void *array, int32_t count, int32_t *capacity, size_t size) {
    if (count < *capacity) return 1;
    void *old;
    memcpy(&old, array, sizeof old); /* an array of whatever type */
    int32_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown = gani_realloc(builder->layer->context, old, (size_t)wanted * size);
    if (grown == NULL) {
        gani_builder_fail(builder, GAN_E_MEMORY, "builder: out of memory at layer %ld",
                          (long)builder->layer->module_count);
        return 0;
    }
    memcpy(array, &grown, sizeof grown);
    *capacity = wanted;
    return 1;
}

/* ---- names and points ---- */

static int32_t input_of(const gan_layer *layer, const char *name) {
    for (int32_t i = 0; i < layer->input_count; i++)
        if (strcmp(layer->inputs[i].name, name) == 0) return -1 - i;
    return INT32_MIN;
}

/* "body.mean": the output "mean" of the network that was added as "body". */
static int32_t output_of(const gani_module *module, const char *name) {
    size_t length = strlen(module->label);
    if (!module->prefix || module->config.network == NULL) return INT32_MIN;
    if (strncmp(name, module->label, length) != 0 || name[length] != '.') return INT32_MIN;
    const gan_layer *network = module->config.network;
    for (int32_t i = 0; i < network->output_count; i++)
        if (strcmp(network->outputs[i].name, name + length + 1) == 0) return module->result + i;
    return INT32_MIN;
}

/* The point of that name; INT32_MIN if there is none. */
static int32_t find(const gan_layer *layer, const char *name) {
    int32_t point = input_of(layer, name);
    for (int32_t i = 0; i < layer->module_count && point == INT32_MIN; i++)
        if (strcmp(layer->modules[i].label, name) == 0) point = layer->modules[i].result;
    for (int32_t i = 0; i < layer->module_count && point == INT32_MIN; i++) point = output_of(&layer->modules[i], name);
    return point;
}

int gani_builder_check_form(gan_builder *builder, const char *name) {
    if (gani_builder_failed(builder)) return 0;
    size_t size = strlen(name);
    if (size == 0 || size >= GANI_NAME_SIZE)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: a name must have 1 to %d characters", GANI_NAME_SIZE - 1);
    else if (!gani_is_printable(name, size))
        gani_builder_fail(builder, GAN_E_ARGUMENT,
                          "builder: a name is not UTF-8 or has characters that cannot be printed");
    return !gani_builder_failed(builder);
}

static int check_name(gan_builder *builder, const char *name) {
    if (!gani_builder_check_form(builder, name)) return 0;
    if (find(builder->layer, name) != INT32_MIN)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the name '%s' is taken", name);
    return !gani_builder_failed(builder);
}

int gani_builder_has(const gan_builder *builder, const char *name) { return find(builder->layer, name) != INT32_MIN; }

static int is_below(const char *name, const char *above, size_t length) {
    return strncmp(name, above, length) == 0 && name[length] == '.';
}

int gani_builder_has_below(const gan_builder *builder, const char *name) {
    const gan_layer *layer = builder->layer;
    size_t length = strlen(name);
    for (int32_t i = 0; i < layer->input_count; i++)
        if (is_below(layer->inputs[i].name, name, length)) return 1;
    for (int32_t i = 0; i < layer->module_count; i++)
        if (is_below(layer->modules[i].label, name, length)) return 1;
    return 0;
}

/* Model files and tensors know layers by their number: inputs and networks must not look like one. */
int gani_builder_check_new(gan_builder *builder, const char *name) {
    if (check_name(builder, name) && name[strspn(name, "0123456789")] == '\0')
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the name '%s' is a number, which only layers have", name);
    return !gani_builder_failed(builder);
}

void gani_builder_input(gan_builder *builder, const char *name, gan_shape shape, int64_t limit) {
    if (!gani_builder_check_new(builder, name)) return;
    gan_layer *layer = builder->layer;
    char text[GANI_SHAPE_TEXT];
    if (shape.rank < 0 || shape.rank >= GAN_MAX_RANK || gan_shape_count(shape) < 1) {
        gani_builder_fail(builder, GAN_E_SHAPE, "builder: input '%s' cannot have shape %s", name,
                          gani_shape_text(shape, text));
        return;
    }
    if (limit < 0 || limit > (int64_t)INT32_MAX + 1) {
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: input '%s': a limit of %lld is not in 1 to 2147483648",
                          name, (long long)limit);
        return;
    }
    if (layer->input_count == GANI_MAX_PORTS) {
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: more than %d inputs", GANI_MAX_PORTS);
        return;
    }
    /* they are few, and grow one by one */
    gani_input *inputs = gani_realloc(layer->context, layer->inputs, (size_t)(layer->input_count + 1) * sizeof *inputs);
    if (inputs == NULL) {
        gani_builder_fail(builder, GAN_E_MEMORY, "builder: out of memory");
        return;
    }
    layer->inputs = inputs;
    strcpy(inputs[layer->input_count].name, name);
    inputs[layer->input_count].shape = shape;
    inputs[layer->input_count].limit = limit;
    builder->current = -1 - layer->input_count++;
}

void gani_builder_output(gan_builder *builder, const char *name) {
    if (!gani_builder_check_form(builder, name)) return;
    gan_layer *layer = builder->layer;
    for (int32_t i = 0; i < layer->output_count; i++) {
        if (strcmp(layer->outputs[i].name, name) == 0)
            gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is an output '%s' already", name);
        else if (layer->outputs[i].point == builder->current)
            gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: output '%s' would be the same point as output '%s'",
                              name, layer->outputs[i].name);
    }
    if (layer->output_count == GANI_MAX_PORTS)
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: more than %d outputs", GANI_MAX_PORTS);
    if (gani_point_limit(layer, builder->current) > 0)
        gani_builder_fail(builder, GAN_E_DTYPE, "builder: output '%s' would be an input of indices", name);
    if (gani_builder_failed(builder)) return;
    gani_output *outputs =
        gani_realloc(layer->context, layer->outputs, (size_t)(layer->output_count + 1) * sizeof *outputs);
    if (outputs == NULL) {
        gani_builder_fail(builder, GAN_E_MEMORY, "builder: out of memory");
        return;
    }
    layer->outputs = outputs;
    strcpy(outputs[layer->output_count].name, name);
    outputs[layer->output_count++].point = builder->current;
}

void gani_builder_label(gan_builder *builder, const char *name) {
    if (!check_name(builder, name)) return;
    gan_layer *layer = builder->layer;
    if (builder->current < 0) {
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: '%s' would name an input, which is named '%s' already",
                          name, layer->inputs[-1 - builder->current].name);
        return;
    }
    const gani_module_result *result = &layer->results[builder->current];
    gani_module *module = &layer->modules[result->module];
    if (result->index > 0)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: '%s' would name an output of a network, which has a name",
                          name);
    else if (module->label[0] != '\0')
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: this point is named '%s' already", module->label);
    else
        strcpy(module->label, name);
}

int32_t gani_builder_find(gan_builder *builder, const char *name) {
    if (gani_builder_failed(builder)) return -1;
    int32_t point = find(builder->layer, name);
    if (point != INT32_MIN) return point;
    gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: layer %ld: there is no point named '%.200s'",
                      (long)builder->layer->module_count, name);
    return -1;
}

int32_t gani_builder_point(const gan_builder *builder) { return builder->current; }

void gani_builder_from(gan_builder *builder, const char *name) {
    gani_builder_set_point(builder, gani_builder_find(builder, name));
}

void gani_builder_set_point(gan_builder *builder, int32_t point) {
    if (gani_builder_failed(builder)) return;
    if (point >= builder->layer->result_count || point < -builder->layer->input_count)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is no point %ld", (long)point);
    else
        builder->current = point;
}

gan_shape gani_builder_shape(const gan_builder *builder) {
    return gani_builder_failed(builder) ? gan_shape_0d() : gani_point_shape(builder->layer, builder->current);
}

/* ---- splits ---- */

void gani_builder_split(gan_builder *builder) {
    if (gani_builder_failed(builder)) return;
    if (builder->split_count == GANI_MAX_NESTING) {
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: layer %ld: splits inside splits, more than %d deep",
                          (long)builder->layer->module_count, GANI_MAX_NESTING);
        return;
    }
    builder->splits[builder->split_count++] =
        (gani_split){.start = builder->current, .position = builder->layer->module_count};
}

/* The innermost split, with room for one more branch; NULL and failed if there is none. */
static gani_split *open_split(gan_builder *builder, const char *what) {
    if (gani_builder_failed(builder)) return NULL;
    gani_split *split = builder->split_count == 0 ? NULL : &builder->splits[builder->split_count - 1];
    if (split == NULL)
        gani_builder_fail(builder, GAN_E_STATE, "builder: layer %ld: %s without a split",
                          (long)builder->layer->module_count, what);
    else if (split->count == GANI_MAX_MODULE_INPUTS)
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: layer %ld: a split into more than %d branches",
                          (long)builder->layer->module_count, GANI_MAX_MODULE_INPUTS);
    return gani_builder_failed(builder) ? NULL : split;
}

void gani_builder_next(gan_builder *builder) {
    gani_split *split = open_split(builder, "next");
    if (split == NULL) return;
    split->ends[split->count++] = builder->current;
    builder->current = split->start;
}

void gani_builder_join(gan_builder *builder, gan_join join) {
    static const gani_module_type *const types[] = {&gani_type_sum, &gani_type_concat, &gani_type_product};
    gani_split *split = open_split(builder, "join");
    if (split == NULL) return;
    if (join < GAN_JOIN_SUM || join > GAN_JOIN_PRODUCT) {
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: layer %ld: %ld is no way to join",
                          (long)builder->layer->module_count, (long)join);
        return;
    }
    if (split->count == 0) {
        gani_builder_fail(builder, GAN_E_STATE, "builder: layer %ld: a join of one branch; next begins another",
                          (long)builder->layer->module_count);
        return;
    }
    split->ends[split->count++] = builder->current;
    builder->split_count--;
    gani_config config = gani_config_default();
    gani_builder_add(builder, types[join], &config, split->ends, split->count, NULL);
}
