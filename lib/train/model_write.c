/* Writing of model files: the network's description as JSON, its tensors under PyTorch's names. */
#include <stdio.h>
#include <string.h>

#include "train/model.h"

static void put_field(gani_json_out *out, const gani_config *config, const gani_field *field) {
    const unsigned char *at = (const unsigned char *)config + field->offset;
    gani_json_key(out, field->name);
    if (field->kind == GANI_FIELD_INT) {
        int64_t value;
        memcpy(&value, at, sizeof value);
        gani_json_put_int(out, value);
    } else if (field->kind == GANI_FIELD_FLAG) {
        int32_t value;
        memcpy(&value, at, sizeof value);
        gani_json_put_flag(out, value);
    } else if (field->kind == GANI_FIELD_NUMBER) {
        double value;
        memcpy(&value, at, sizeof value);
        gani_json_put_number(out, value);
    } else {
        gan_shape value;
        memcpy(&value, at, sizeof value);
        gani_json_put_shape(out, value);
    }
}

static int same_field(const gani_config *a, const gani_config *b, const gani_field *field) {
    static const size_t sizes[] = {[GANI_FIELD_INT] = sizeof(int64_t),
                                   [GANI_FIELD_FLAG] = sizeof(int32_t),
                                   [GANI_FIELD_NUMBER] = sizeof(double),
                                   [GANI_FIELD_SHAPE] = sizeof(gan_shape)};
    return memcmp((const char *)a + field->offset, (const char *)b + field->offset, sizes[field->kind]) == 0;
}

static void put_point(gani_json_out *out, const gan_layer *layer, int32_t point) {
    char name[32];
    if (point < 0) {
        gani_json_put_text(out, layer->inputs[-1 - point].name);
        return;
    }
    const gani_module_result *result = &layer->results[point];
    if (result->index == 0)
        snprintf(name, sizeof name, "%ld", (long)result->module);
    else
        snprintf(name, sizeof name, "%ld:%ld", (long)result->module, (long)result->index);
    gani_json_put_text(out, name);
}

typedef struct place { /* a network in the whole */
    const gan_layer *whole;
    char path[GANI_TENSOR_NAME_SIZE + GANI_NAME_SIZE]; /* "" or "3.body" */
} place;

static void put_network(gani_json_out *out, const place *where, const gan_layer *layer, const int32_t *kinds);

/* Written out where it is first; named by that place from then on. */
static void put_inner(gani_json_out *out, const place *where, const gan_layer *network, const char *name) {
    place inner = {where->whole, ""};
    const gani_inner *first = where->whole->inner;
    snprintf(inner.path, sizeof inner.path, "%.159s%s%s", where->path, where->path[0] == '\0' ? "" : ".", name);
    while (first->network != network) first++;
    if (strcmp(first->path, inner.path) == 0) {
        gani_json_key(out, "network");
        put_network(out, &inner, network, NULL);
    } else {
        gani_json_key(out, "same");
        gani_json_put_text(out, first->path);
    }
}

static void put_config(gani_json_out *out, const gani_module *module) {
    gani_json_key(out, "config");
    if (module->config.registered != NULL) {
        gani_json_put_text(out, module->config.text);
        return;
    }
    gani_json_open(out, '{');
    const gani_config defaults = gani_config_default();
    for (const gani_field *field = module->type->fields; field->name != NULL; field++)
        if (!field->optional || !same_field(&module->config, &defaults, field)) put_field(out, &module->config, field);
    gani_json_close(out, '}');
}

static void put_node(gani_json_out *out, const place *where, const gan_layer *layer, int32_t index) {
    const gani_module *module = &layer->modules[index];
    char name[GANI_NAME_SIZE];
    gani_module_name(layer, index, name);
    gani_json_open(out, '{');
    gani_json_key(out, "name");
    put_point(out, layer, module->result);
    gani_json_key(out, "type");
    gani_json_put_text(out, module->type->name);
    gani_json_key(out, "inputs");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < module->input_count; i++) put_point(out, layer, module->inputs[i]);
    gani_json_close(out, ']');
    if (module->config.network != NULL)
        put_inner(out, where, module->config.network, name);
    else
        put_config(out, module);
    if (module->label[0] != '\0') {
        gani_json_key(out, module->prefix ? "prefix" : "label");
        gani_json_put_text(out, module->label);
    }
    gani_json_close(out, '}');
}

static void put_inputs(gani_json_out *out, const gan_layer *layer, const int32_t *kinds) {
    gani_json_key(out, "inputs");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < layer->input_count; i++) {
        gani_json_open(out, '{');
        gani_json_key(out, "name");
        gani_json_put_text(out, layer->inputs[i].name);
        gani_json_key(out, "shape");
        gani_json_put_shape(out, layer->inputs[i].shape);
        if (kinds != NULL) {
            gani_json_key(out, "kind");
            gani_json_put_text(out, gani_input_kinds[kinds[i]]);
        }
        if (layer->inputs[i].limit > 0) {
            gani_json_key(out, "limit");
            gani_json_put_int(out, layer->inputs[i].limit);
        }
        gani_json_close(out, '}');
    }
    gani_json_close(out, ']');
}

static void put_outputs(gani_json_out *out, const gan_layer *layer) {
    if (layer->output_count == 1 && strcmp(layer->outputs[0].name, "output") == 0) {
        gani_json_key(out, "output");
        put_point(out, layer, layer->outputs[0].point);
        return;
    }
    gani_json_key(out, "outputs");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < layer->output_count; i++) {
        gani_json_open(out, '{');
        gani_json_key(out, "name");
        gani_json_put_text(out, layer->outputs[i].name);
        gani_json_key(out, "node");
        put_point(out, layer, layer->outputs[i].point);
        gani_json_close(out, '}');
    }
    gani_json_close(out, ']');
}

/* Tensors of this network's own modules that are others'. */
static void put_aliases(gani_json_out *out, const gan_layer *layer) {
    gani_json_key(out, "aliases");
    gani_json_open(out, '{');
    for (int32_t i = 0; i < layer->alias_count; i++) {
        int32_t module, slot;
        if (!gani_layer_slot(layer, layer->aliases[i].name, &module, &slot)) continue;
        gani_json_key(out, layer->aliases[i].name);
        gani_json_put_text(out, layer->tensors[layer->aliases[i].tensor].name);
    }
    gani_json_close(out, '}');
}

/* The members of a network, within braces unless it is the whole. */
static void put_network(gani_json_out *out, const place *where, const gan_layer *layer, const int32_t *kinds) {
    if (layer != where->whole) gani_json_open(out, '{');
    put_inputs(out, layer, kinds);
    gani_json_key(out, "nodes");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < layer->module_count; i++) put_node(out, where, layer, i);
    gani_json_close(out, ']');
    put_outputs(out, layer);
    put_aliases(out, layer);
    if (layer != where->whole) gani_json_close(out, '}');
}

static void put_model(gani_json_out *out, const gan_model *model) {
    const gan_layer *layer = model->layer;
    place whole = {layer, ""};
    char generator[48];
    snprintf(generator, sizeof generator, "libgan %s", gan_version_string());
    gani_json_open(out, '{');
    gani_json_key(out, "schema");
    gani_json_put_int(out, GANI_MODEL_SCHEMA);
    gani_json_key(out, "generator");
    gani_json_put_text(out, generator);
    gani_json_key(out, "dtype");
    gani_json_put_text(out, layer->dtype == GAN_F64 ? "f64" : "f32");
    gani_json_key(out, "range");
    gani_json_open(out, '[');
    gani_json_put_number(out, model->low);
    gani_json_put_number(out, model->high);
    gani_json_close(out, ']');
    put_network(out, &whole, layer, model->kinds);
    gani_json_close(out, '}');
}

/* A file, or (path NULL) a function of the application that takes the bytes. */
typedef struct destination {
    const char *path;
    gani_write *write;
    void *user;
} destination;

static gan_status save_tensors(const gan_layer *layer, const destination *to, const gani_note *notes,
                               int32_t note_count) {
    gan_context *context = layer->context;
    int32_t count = layer->tensor_count, checksum = note_count > 0; /* of a bare set of weights nobody expects one */
    gani_entry *entries = gani_calloc(context, (size_t)count, sizeof *entries);
    if (entries == NULL) return gani_no_memory(context, to->path == NULL ? "model" : to->path);
    for (int32_t i = 0; i < count; i++) {
        entries[i].name = layer->tensors[i].name;
        entries[i].tensor = layer->tensors[i].tensor;
    }
    gan_status status =
        to->path != NULL
            ? gani_safetensors_write(context, to->path, entries, count, notes, note_count, checksum)
            : gani_safetensors_stream(context, to->write, to->user, entries, count, notes, note_count, checksum);
    gani_free(context, entries);
    return status;
}

gan_status gani_layer_save(const gan_layer *layer, const char *path) {
    const destination to = {path, NULL, NULL};
    return save_tensors(layer, &to, NULL, 0);
}

static gan_status save_model(const gan_model *model, const destination *to) {
    gani_json_out out;
    gani_json_begin(&out, model->context);
    put_model(&out, model);
    gan_status status = out.status;
    if (status == GAN_OK) {
        gani_note note = {GANI_MODEL_KEY, out.data};
        status = save_tensors(model->layer, to, &note, 1);
    }
    gani_json_release(&out);
    return status;
}

gan_status gani_model_save(const gan_model *model, const char *path) {
    const destination to = {path, NULL, NULL};
    return save_model(model, &to);
}

typedef struct host {
    gan_context *context;
    gani_write *write;
    void *user;
} host;

static gan_status write_to_host(void *user, const void *bytes, size_t size) {
    const host *h = user;
    uint64_t before = h->context->failures;
    gan_status status = h->write(h->user, bytes, size);
    return status == GAN_OK ? status
                            : gani_callback_failed(h->context, status, before, "gan_model_save_stream: the write");
}

gan_status gani_model_save_stream(const gan_model *model, gani_write *write, void *user) {
    host h = {model->context, write, user};
    const destination to = {NULL, write_to_host, &h};
    return save_model(model, &to);
}
