/* The builder: grows a gan_layer module by module, keeping the first error with the module's position. */
#include <stdio.h>
#include <string.h>

#include "nn/layer.h"

struct gan_builder {
    gan_layer *layer; /* NULL: inert, there was no memory */
    int32_t capacity, current;
    gan_status status;
    char message[GANI_MESSAGE_SIZE];
};

/* What gan_builder_begin returns without memory, and without a context: constants, so that nothing is shared between
 * users. Functions never write to it. */
static const gan_builder inert_builder = {NULL, 0, 0, GAN_E_MEMORY, "builder: out of memory"};

static const gan_builder lost_builder = {NULL, 0, 0, GAN_E_ARGUMENT, "builder: the context is NULL"};

static int is_inert(const gan_builder *builder) { return builder->layer == NULL; }

int gani_builder_failed(const gan_builder *builder) { return builder->status != GAN_OK; }

void gani_builder_fail(gan_builder *builder, gan_status status, const char *format, ...) {
    if (is_inert(builder) || builder->status != GAN_OK) return;
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
    config.momentum = 0.1;
    config.epsilon = 1e-5;
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
    layer->training = 1;
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

/* The point of that name; INT32_MIN if there is none. */
static int32_t find(const gan_layer *layer, const char *name) {
    for (int32_t i = 0; i < layer->input_count; i++)
        if (strcmp(layer->inputs[i].name, name) == 0) return -1 - i;
    for (int32_t i = 0; i < layer->module_count; i++)
        if (strcmp(layer->modules[i].label, name) == 0) return i;
    return INT32_MIN;
}

static int check_name(gan_builder *builder, const char *name) {
    if (gani_builder_failed(builder)) return 0;
    if (name[0] == '\0' || strlen(name) >= GANI_NAME_SIZE)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: a name must have 1 to %d characters", GANI_NAME_SIZE - 1);
    else if (find(builder->layer, name) != INT32_MIN)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the name '%s' is taken", name);
    return !gani_builder_failed(builder);
}

void gani_builder_input(gan_builder *builder, const char *name, gan_shape shape, int64_t limit) {
    if (!check_name(builder, name)) return;
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

void gani_builder_label(gan_builder *builder, const char *name) {
    if (!check_name(builder, name)) return;
    if (builder->current < 0)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: '%s' would name an input, which is named '%s' already",
                          name, builder->layer->inputs[-1 - builder->current].name);
    else if (builder->layer->modules[builder->current].label[0] != '\0')
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: this point is named '%s' already",
                          builder->layer->modules[builder->current].label);
    else
        strcpy(builder->layer->modules[builder->current].label, name);
}

int32_t gani_builder_find(gan_builder *builder, const char *name) {
    if (gani_builder_failed(builder)) return -1;
    int32_t point = find(builder->layer, name);
    if (point != INT32_MIN) return point;
    gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: layer %ld: there is no point named '%s'",
                      (long)builder->layer->module_count, name);
    return -1;
}

int32_t gani_builder_point(const gan_builder *builder) { return builder->current; }

void gani_builder_from(gan_builder *builder, const char *name) {
    gani_builder_set_point(builder, gani_builder_find(builder, name));
}

void gani_builder_set_point(gan_builder *builder, int32_t point) {
    if (gani_builder_failed(builder)) return;
    if (point >= builder->layer->module_count || point < -builder->layer->input_count)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is no point %ld", (long)point);
    else
        builder->current = point;
}

static gan_shape point_shape(const gan_layer *layer, int32_t point) {
    return point < 0 ? layer->inputs[-1 - point].shape : layer->modules[point].output;
}

gan_shape gani_builder_shape(const gan_builder *builder) {
    return gani_builder_failed(builder) ? gan_shape_0d() : point_shape(builder->layer, builder->current);
}

static gan_status check_size(gani_site *site, const char *what, gan_shape shape, gan_dtype dtype) {
    char text[GANI_SHAPE_TEXT];
    gan_status status = gani_shape_check(NULL, what, shape, dtype);
    return status == GAN_OK ? GAN_OK
                            : gani_refuse(site, status, "%s cannot have shape %s", what, gani_shape_text(shape, text));
}

static gan_status make_tensors(gani_site *site, gan_layer *layer, gani_module *module, const gan_shape *inputs) {
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    int32_t count = module->type->slots == NULL ? 0 : module->type->slots(&module->config, inputs, slots);
    for (int32_t i = 0; i < count; i++) {
        gan_status status = check_size(site, slots[i].name, slots[i].shape, layer->dtype);
        if (status != GAN_OK) return status;
        status = gani_tensor_zeros(&module->tensors[i], layer->context, layer->dtype, slots[i].shape);
        if (status != GAN_OK) return gani_refuse(site, status, "out of memory");
        module->tensors[i]->tracked = slots[i].is_parameter;
        module->tensor_count = i + 1;
    }
    return GAN_OK;
}

static gani_module *next_module(gan_builder *builder) {
    gan_layer *layer = builder->layer;
    if (layer->module_count == builder->capacity) {
        int32_t capacity = builder->capacity == 0 ? 16 : 2 * builder->capacity;
        gani_module *modules = gani_realloc(layer->context, layer->modules, (size_t)capacity * sizeof *modules);
        if (modules == NULL) return NULL;
        layer->modules = modules;
        builder->capacity = capacity;
    }
    gani_module *module = &layer->modules[layer->module_count];
    memset(module, 0, sizeof *module);
    return module;
}

void gani_builder_add(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                      const int32_t *points, int32_t count) {
    if (gani_builder_failed(builder)) return;
    gan_layer *layer = builder->layer;
    long position = layer->module_count;
    if (position == GANI_MAX_MODULES) {
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: more than %d layers", GANI_MAX_MODULES);
        return;
    }
    gani_module *module = next_module(builder);
    if (module == NULL) {
        gani_builder_fail(builder, GAN_E_MEMORY, "builder: out of memory at layer %ld (%s)", position, type->name);
        return;
    }
    gan_shape inputs[GANI_MAX_MODULE_INPUTS];
    gani_site site = {.count = count};
    module->type = type;
    module->config = *config;
    for (int32_t i = 0; i < count && i < GANI_MAX_MODULE_INPUTS; i++) {
        module->inputs[module->input_count++] = points[i];
        inputs[i] = point_shape(layer, points[i]);
        site.limits[i] = points[i] < 0 ? layer->inputs[-1 - points[i]].limit : 0;
    }
    gan_status status = gani_infer(&site, type, config, inputs, &module->output);
    if (status == GAN_OK) status = check_size(&site, "its output", module->output, layer->dtype);
    if (status == GAN_OK) status = make_tensors(&site, layer, module, inputs);
    /* counted even when it failed half-way: dropping the layer then gives back its tensors */
    layer->module_count++;
    builder->current = (int32_t)position;
    if (status != GAN_OK)
        gani_builder_fail(builder, status, "builder: layer %ld (%s): %s", position, type->name, site.message);
}

/* The named list of all tensors, and who reads what last. */
static gan_status finish(gan_layer *layer, int32_t output) {
    int32_t count = 0;
    layer->output = output;
    for (int32_t i = 0; i < layer->module_count; i++) {
        count += layer->modules[i].tensor_count;
        layer->modules[i].last_reader = i;
        for (int32_t k = 0; k < layer->modules[i].input_count; k++)
            if (layer->modules[i].inputs[k] >= 0) layer->modules[layer->modules[i].inputs[k]].last_reader = i;
    }
    if (output >= 0) layer->modules[output].last_reader = layer->module_count;
    if (count == 0) return GAN_OK;
    layer->tensors = gani_calloc(layer->context, (size_t)count, sizeof *layer->tensors);
    if (layer->tensors == NULL) return gani_no_memory(layer->context, "layer");
    for (int32_t i = 0; i < layer->module_count; i++) {
        gani_module *module = &layer->modules[i];
        gani_slot slots[GANI_MAX_MODULE_TENSORS];
        gan_shape inputs[GANI_MAX_MODULE_INPUTS];
        for (int32_t k = 0; k < module->input_count; k++) inputs[k] = point_shape(layer, module->inputs[k]);
        if (module->tensor_count > 0) module->type->slots(&module->config, inputs, slots);
        for (int32_t k = 0; k < module->tensor_count; k++) {
            gani_named *named = &layer->tensors[layer->tensor_count];
            size_t size = strlen(slots[k].name) + 16;
            named->name = gani_alloc(layer->context, size);
            if (named->name == NULL) return gani_no_memory(layer->context, "layer");
            snprintf(named->name, size, "%ld.%s", (long)i, slots[k].name);
            named->tensor = module->tensors[k];
            named->is_parameter = slots[k].is_parameter;
            layer->tensor_count++;
        }
    }
    return GAN_OK;
}

gan_status gani_builder_end(gan_layer **out, gan_builder *builder) {
    if (out != NULL) *out = NULL;
    if (is_inert(builder)) return builder->status;
    gan_layer *layer = builder->layer;
    gan_context *context = gani_context_retain(layer->context);
    if (out == NULL) gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: there is nowhere to put the layer");
    gan_status status = builder->status;
    if (status != GAN_OK) {
        gani_fail(context, status, "%s", builder->message);
    } else {
        status = finish(layer, builder->current);
        if (status == GAN_OK) status = gani_layer_init_default(layer);
    }
    gani_free(context, builder);
    if (status == GAN_OK)
        *out = layer;
    else
        gani_layer_drop(layer);
    gan_context_release(context);
    return status;
}
