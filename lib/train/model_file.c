/* Writing of model files: the network's description as JSON, its tensors under PyTorch's names. */
#include <stdio.h>
#include <string.h>

#include "train/model.h"

const char *const gani_input_kinds[] = {"", "normal", "uniform", "image", NULL};

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
    char name[16];
    if (point < 0) {
        gani_json_put_text(out, layer->inputs[-1 - point].name);
        return;
    }
    snprintf(name, sizeof name, "%ld", (long)point);
    gani_json_put_text(out, name);
}

static void put_node(gani_json_out *out, const gan_layer *layer, int32_t index) {
    const gani_module *module = &layer->modules[index];
    gani_json_open(out, '{');
    gani_json_key(out, "name");
    put_point(out, layer, index);
    gani_json_key(out, "type");
    gani_json_put_text(out, module->type->name);
    gani_json_key(out, "inputs");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < module->input_count; i++) put_point(out, layer, module->inputs[i]);
    gani_json_close(out, ']');
    gani_json_key(out, "config");
    gani_json_open(out, '{');
    const gani_config defaults = gani_config_default();
    for (const gani_field *field = module->type->fields; field->name != NULL; field++)
        if (!field->optional || !same_field(&module->config, &defaults, field)) put_field(out, &module->config, field);
    gani_json_close(out, '}');
    if (module->label[0] != '\0') {
        gani_json_key(out, "label");
        gani_json_put_text(out, module->label);
    }
    gani_json_close(out, '}');
}

static void put_model(gani_json_out *out, const gan_model *model) {
    const gan_layer *layer = model->layer;
    char generator[48];
    snprintf(generator, sizeof generator, "libgan %s", gan_version_string());
    gani_json_open(out, '{');
    gani_json_key(out, "schema");
    gani_json_put_int(out, GANI_MODEL_SCHEMA);
    gani_json_key(out, "generator");
    gani_json_put_text(out, generator);
    gani_json_key(out, "dtype");
    gani_json_put_text(out, layer->dtype == GAN_F64 ? "f64" : "f32");
    gani_json_key(out, "inputs");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < layer->input_count; i++) {
        gani_json_open(out, '{');
        gani_json_key(out, "name");
        gani_json_put_text(out, layer->inputs[i].name);
        gani_json_key(out, "shape");
        gani_json_put_shape(out, layer->inputs[i].shape);
        gani_json_key(out, "kind");
        gani_json_put_text(out, gani_input_kinds[model->input]);
        gani_json_close(out, '}');
    }
    gani_json_close(out, ']');
    gani_json_key(out, "range");
    gani_json_open(out, '[');
    gani_json_put_number(out, model->low);
    gani_json_put_number(out, model->high);
    gani_json_close(out, ']');
    gani_json_key(out, "nodes");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < layer->module_count; i++) put_node(out, layer, i);
    gani_json_close(out, ']');
    gani_json_key(out, "output");
    put_point(out, layer, layer->output);
    gani_json_key(out, "aliases");
    gani_json_open(out, '{');
    gani_json_close(out, '}');
    gani_json_close(out, '}');
}

/* Nodes are known by their number; an input of such a name would be taken for one. */
static gan_status check_input_names(const gan_layer *layer) {
    for (int32_t i = 0; i < layer->input_count; i++) {
        const char *name = layer->inputs[i].name;
        if (name[0] != '\0' && name[strspn(name, "0123456789")] == '\0')
            return gani_fail(layer->context, GAN_E_UNSUPPORTED,
                             "input '%s' has a number for a name, which model files keep for layers", name);
    }
    return GAN_OK;
}

static gan_status save_tensors(const gan_layer *layer, const char *path, const gani_note *notes, int32_t note_count) {
    gan_context *context = layer->context;
    gani_entry *entries = gani_calloc(context, (size_t)layer->tensor_count, sizeof *entries);
    if (entries == NULL) return gani_no_memory(context, path);
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        entries[i].name = layer->tensors[i].name;
        entries[i].tensor = layer->tensors[i].tensor;
    }
    gan_status status = gani_safetensors_write(context, path, entries, layer->tensor_count, notes, note_count, 0);
    gani_free(context, entries);
    return status;
}

gan_status gani_layer_save(const gan_layer *layer, const char *path) { return save_tensors(layer, path, NULL, 0); }

gan_status gani_model_save(const gan_model *model, const char *path) {
    gan_status status = check_input_names(model->layer);
    if (status != GAN_OK) return status;
    gani_json_out out;
    gani_json_begin(&out, model->context);
    put_model(&out, model);
    status = out.status;
    if (status == GAN_OK) {
        gani_note note = {GANI_MODEL_KEY, out.data};
        status = save_tensors(model->layer, path, &note, 1);
    }
    gani_json_release(&out);
    return status;
}
