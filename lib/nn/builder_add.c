/* Adding one module: its place, its tensors, its results. */
#include "nn/builder.h"

#include <stdio.h>
#include <string.h>

static gan_status check_size(gani_site *site, const char *what, gan_shape shape) {
    char text[GANI_SHAPE_TEXT];
    gan_status status = gani_shape_check(NULL, what, shape, site->dtype);
    if (status == GAN_OK) return GAN_OK;
    return gani_refuse(site, status, "%s cannot have shape %s", what, gani_shape_text(shape, text));
}

/* ---- ties ---- */

void gani_builder_tie(gan_builder *builder, const char *name, const char *owner) {
    if (gani_builder_failed(builder)) return;
    gan_context *context = builder->layer->context;
    if (builder->tie_count == GANI_MAX_NAMES) {
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: more than %d ties", GANI_MAX_NAMES);
        return;
    }
    if (!gani_builder_grow(builder, &builder->ties, builder->tie_count, &builder->tie_capacity, sizeof *builder->ties))
        return;
    gani_tie *tie = &builder->ties[builder->tie_count++];
    *tie = (gani_tie){gani_strdup(context, name), gani_strdup(context, owner), -1, -1};
    if (tie->name == NULL || tie->owner == NULL) gani_builder_fail(builder, GAN_E_MEMORY, "builder: out of memory");
}

/* 1 if the tensor of that name will be another's. */
static int is_tied(gan_builder *builder, const char *module, const char *slot, int32_t index) {
    char name[2 * GANI_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", module, slot);
    for (int32_t i = 0; i < builder->tie_count; i++) {
        gani_tie *tie = &builder->ties[i];
        if (strcmp(tie->name, name) != 0) continue;
        tie->module = builder->layer->module_count;
        tie->slot = index;
        return 1;
    }
    return 0;
}

/* ---- the module ---- */

static gan_status make_tensors(gani_site *site, gan_builder *builder, gani_module *module, const gan_shape *inputs) {
    gan_context *context = builder->layer->context;
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    char name[GANI_NAME_SIZE];
    int32_t count = module->type->slots == NULL ? 0 : module->type->slots(&module->config, inputs, slots);
    gani_module_name(builder->layer, builder->layer->module_count, name);
    for (int32_t i = 0; i < count; i++) {
        gan_status status = check_size(site, slots[i].name, slots[i].shape);
        if (status != GAN_OK) return status;
        if (is_tied(builder, name, slots[i].name, i)) {
            module->tied |= 1u << i;
        } else {
            status = gani_tensor_zeros(&module->tensors[i], context, site->dtype, slots[i].shape);
            if (status != GAN_OK) return gani_refuse(site, status, "out of memory");
            module->tensors[i]->tracked = slots[i].is_parameter;
        }
        module->tensor_count = i + 1;
    }
    return GAN_OK;
}

/* What the config refers to becomes the module's own. */
static gan_status take_config(gani_site *site, gan_context *context, gani_module *module, const gani_config *config) {
    module->config = *config;
    module->config.text = NULL;
    if (config->network != NULL) gani_layer_retain(config->network);
    if (config->text != NULL && (module->config.text = gani_strdup(context, config->text)) == NULL)
        return gani_refuse(site, GAN_E_MEMORY, "out of memory");
    return GAN_OK;
}

static gan_status count_steps(gani_site *site, gan_layer *layer, const gan_layer *network) {
    int32_t steps = network == NULL ? 1 : network->steps + 1;
    if (network != NULL && network->depth >= layer->depth) layer->depth = network->depth + 1;
    if (layer->depth > GANI_MAX_NESTING)
        return gani_refuse(site, GAN_E_LIMIT, "networks inside networks, more than %d deep", GANI_MAX_NESTING);
    if (layer->steps > GANI_MAX_MODULES - steps)
        return gani_refuse(site, GAN_E_LIMIT, "a network of more than %d layers, those of networks inside counted",
                           GANI_MAX_MODULES);
    layer->steps += steps;
    return GAN_OK;
}

/* A prefix stands before a dot in names of tensors and of points. */
static int check_prefix(gan_builder *builder, const gani_config *config, const char *prefix) {
    if (!gani_builder_check_new(builder, prefix)) return 0;
    if (strchr(prefix, '.') != NULL)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the name '%s' of a layer has a dot", prefix);
    /* no other prefix is this one: only an input or a label can be called "prefix.output" */
    int taken = config->network != NULL && gani_builder_has_below(builder, prefix);
    for (int32_t i = 0; taken && i < config->network->output_count; i++) {
        char name[2 * GANI_NAME_SIZE];
        snprintf(name, sizeof name, "%s.%s", prefix, config->network->outputs[i].name);
        if (gani_builder_has(builder, name))
            gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the name '%s' is taken", name);
    }
    return !gani_builder_failed(builder);
}

static int add_results(gan_builder *builder, int32_t count) {
    gan_layer *layer = builder->layer;
    for (int32_t i = 0; i < count; i++) {
        if (!gani_builder_grow(builder, &layer->results, layer->result_count, &builder->result_capacity,
                               sizeof *layer->results))
            return 0;
        layer->results[layer->result_count++] =
            (gani_module_result){.module = layer->module_count, .index = i, .last_reader = layer->module_count};
    }
    return 1;
}

void gani_builder_add(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                      const int32_t *points, int32_t count, const char *prefix) {
    if (gani_builder_failed(builder) || (prefix != NULL && !check_prefix(builder, config, prefix))) return;
    gan_layer *layer = builder->layer;
    if (!gani_builder_grow(builder, &layer->modules, layer->module_count, &builder->module_capacity,
                           sizeof *layer->modules))
        return;
    int32_t position = layer->module_count, result = layer->result_count;
    gani_module *module = &layer->modules[position];
    gan_shape inputs[GANI_MAX_MODULE_INPUTS];
    gani_site site = {.count = count, .dtype = layer->dtype};
    memset(module, 0, sizeof *module);
    module->type = type;
    module->result = result;
    module->prefix = prefix != NULL;
    if (prefix != NULL) strcpy(module->label, prefix);
    for (int32_t i = 0; i < count && i < GANI_MAX_MODULE_INPUTS; i++) {
        module->inputs[module->input_count++] = points[i];
        inputs[i] = gani_point_shape(layer, points[i]);
        site.limits[i] = gani_point_limit(layer, points[i]);
    }
    gan_status status = take_config(&site, layer->context, module, config);
    if (status == GAN_OK) status = count_steps(&site, layer, config->network);
    if (status == GAN_OK) status = gani_infer(&site, type, config, inputs, &module->output);
    if (status == GAN_OK) status = check_size(&site, "its output", module->output);
    if (status == GAN_OK) status = make_tensors(&site, builder, module, inputs);
    int added = status == GAN_OK && add_results(builder, config->network == NULL ? 1 : config->network->output_count);
    /* counted even when it failed half-way: dropping the layer then gives back what it has */
    layer->module_count++;
    if (added) builder->current = result;
    if (status != GAN_OK)
        gani_builder_fail(builder, status, "builder: layer %ld (%s): %s", (long)position, type->name, site.message);
}
