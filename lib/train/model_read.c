/* Reading of model files. The description is checked against the tensors that are really in the file before anything of
 * the sizes it speaks of is allocated. */
#include <stdio.h>
#include <string.h>

#include "train/model.h"

/* ---- loading tensors by name: all are checked before the first is changed ---- */

static gan_status load_tensors(gan_layer *layer, const gani_safetensors *file) {
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        gan_status status = gani_safetensors_check(file, layer->tensors[i].name, layer->tensors[i].tensor, 1);
        if (status != GAN_OK) return status;
    }
    for (int32_t i = 0; i < layer->tensor_count; i++)
        gani_safetensors_load(file, layer->tensors[i].name, layer->tensors[i].tensor);
    return GAN_OK;
}

gan_status gani_layer_load(gan_layer *layer, const char *path) {
    gani_safetensors file;
    gan_status status = gani_safetensors_read(&file, layer->context, path, GANI_SAFETENSORS_FILE);
    if (status == GAN_OK) status = load_tensors(layer, &file);
    gani_safetensors_end(&file);
    return status;
}

/* ---- the description ---- */

typedef struct reader {
    const gani_safetensors *file;
    gani_json json;
    gan_builder *builder;
    gan_dtype dtype;
    gan_shape input;
    char input_name[GANI_NAME_SIZE];
    int32_t input_kind;
    double low, high;
    gan_shape *shapes; /* of the nodes' results */
    int32_t nodes;
} reader;

/* The point of a name, which must be the input or an earlier node. */
static int32_t read_point(reader *r, int32_t value) {
    const char *name = gani_json_text(&r->json, value);
    if (r->json.status != GAN_OK) return -1;
    if (strcmp(name, r->input_name) == 0) return -1;
    int64_t index = 0;
    size_t length = strlen(name);
    int number = length >= 1 && length <= 9 && (name[0] != '0' || length == 1);
    for (const char *c = name; *c != '\0' && number; c++) {
        number = *c >= '0' && *c <= '9';
        index = index * 10 + (*c - '0');
    }
    if (number && index < r->nodes) return (int32_t)index;
    gani_json_fail(&r->json, GAN_E_FORMAT, value, "is \"%.60s\", which is neither the input nor an earlier node", name);
    return -1;
}

static void read_field(reader *r, gani_config *config, const gani_field *field, int32_t value) {
    unsigned char *at = (unsigned char *)config + field->offset;
    if (field->kind == GANI_FIELD_INT) {
        int64_t number = gani_json_int(&r->json, value, INT64_MIN, INT64_MAX);
        memcpy(at, &number, sizeof number);
    } else if (field->kind == GANI_FIELD_FLAG) {
        int32_t flag = gani_json_flag(&r->json, value);
        memcpy(at, &flag, sizeof flag);
    } else if (field->kind == GANI_FIELD_NUMBER) {
        double number = gani_json_number(&r->json, value);
        memcpy(at, &number, sizeof number);
    } else {
        gan_shape shape = gani_json_shape(&r->json, value);
        memcpy(at, &shape, sizeof shape);
    }
}

/* Every field must be there unless it is optional, and none may be unknown: it could change what the layer computes. */
static gani_config read_config(reader *r, const gani_module_type *type, int32_t object) {
    gani_config config = gani_config_default();
    for (const gani_field *field = type->fields; field->name != NULL; field++)
        if (!field->optional || gani_json_find(&r->json, object, field->name) >= 0)
            read_field(r, &config, field, gani_json_member(&r->json, object, field->name));
    for (int32_t key = gani_json_first(&r->json, object); key >= 0; key = gani_json_next(&r->json, key)) {
        const char *name = r->json.text + r->json.tokens[key].start;
        const gani_field *field = type->fields;
        while (field->name != NULL && strcmp(field->name, name) != 0) field++;
        if (field->name == NULL)
            gani_json_fail(&r->json, GAN_E_UNSUPPORTED, key,
                           "is not known to libgan %s: a newer libgan wrote this file", gan_version_string());
    }
    return config;
}

static const gani_module_type *read_type(reader *r, int32_t node) {
    int32_t value = gani_json_member(&r->json, node, "type");
    const char *name = gani_json_text(&r->json, value);
    if (r->json.status != GAN_OK) return NULL;
    const gani_module_type *type = gani_module_type_find(name);
    if (type == NULL)
        gani_json_fail(&r->json, GAN_E_UNSUPPORTED, value, "is \"%.60s\", a type of layer that libgan %s does not know",
                       name, gan_version_string());
    return type;
}

/* The tensors that a node wants are in the file, with these shapes. */
static gan_status check_slots(const reader *r, const gani_module_type *type, const gani_config *config,
                              const gan_shape *inputs) {
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    int32_t count = type->slots == NULL ? 0 : type->slots(config, inputs, slots);
    for (int32_t i = 0; i < count; i++) {
        char name[48];
        snprintf(name, sizeof name, "%ld.%.30s", (long)r->nodes, slots[i].name);
        gan_tensor wanted;
        memset(&wanted, 0, sizeof wanted);
        wanted.dtype = r->dtype;
        wanted.shape = slots[i].shape;
        gan_status status = gani_safetensors_check(r->file, name, &wanted, 1);
        if (status != GAN_OK) return status;
    }
    return GAN_OK;
}

static gan_status read_node(reader *r, int32_t node) {
    gani_json *json = &r->json;
    char expected[16];
    snprintf(expected, sizeof expected, "%ld", (long)r->nodes);
    int32_t name = gani_json_member(json, node, "name");
    if (strcmp(gani_json_text(json, name), expected) != 0)
        gani_json_fail(json, GAN_E_FORMAT, name, "is not \"%s\", the node's place", expected);
    const gani_module_type *type = read_type(r, node);
    if (type == NULL) return json->status;
    int32_t list = gani_json_array(json, gani_json_member(json, node, "inputs"));
    gani_site site = {.count = gani_json_size(json, list)};
    if (json->status == GAN_OK && site.count > GANI_MAX_MODULE_INPUTS)
        gani_json_fail(json, GAN_E_FORMAT, list, "names more than %d points", GANI_MAX_MODULE_INPUTS);
    int32_t points[GANI_MAX_MODULE_INPUTS], count = 0;
    gan_shape inputs[GANI_MAX_MODULE_INPUTS];
    for (int32_t i = gani_json_first(json, list); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i)) {
        points[count] = read_point(r, i);
        inputs[count] = points[count] < 0 ? r->input : r->shapes[points[count]];
        count++;
    }
    int32_t object = gani_json_object(json, gani_json_member(json, node, "config"));
    gani_config config = read_config(r, type, object);
    if (json->status != GAN_OK) return json->status;
    gan_shape *output = &r->shapes[r->nodes];
    gan_status status = gani_infer(&site, type, &config, inputs, output);
    if (status != GAN_OK) {
        gani_json_fail(json, GAN_E_FORMAT, node, "(%s) cannot be: %.300s", type->name, site.message);
        return json->status;
    }
    if (gan_shape_count(*output) < 1) {
        gani_json_fail(json, GAN_E_FORMAT, node, "(%s) has a result too large for any memory", type->name);
        return json->status;
    }
    status = check_slots(r, type, &config, inputs);
    if (status != GAN_OK) return status;
    gani_builder_add(r->builder, type, &config, points, count);
    r->nodes++;
    int32_t label = gani_json_find(json, node, "label");
    if (label >= 0) gani_builder_label(r->builder, gani_json_text(json, label));
    return json->status;
}

static void read_inputs(reader *r) {
    gani_json *json = &r->json;
    int32_t list = gani_json_array(json, gani_json_member(json, 0, "inputs"));
    if (json->status == GAN_OK && gani_json_size(json, list) != 1) {
        gani_json_fail(json, GAN_E_UNSUPPORTED, list, "does not name one input: this libgan runs models with one only");
        return;
    }
    int32_t input = gani_json_first(json, list);
    int32_t name = gani_json_member(json, input, "name"), shape = gani_json_member(json, input, "shape");
    if (strcmp(gani_json_text(json, name), "input") != 0)
        gani_json_fail(json, GAN_E_UNSUPPORTED, name, "is not \"input\"");
    snprintf(r->input_name, sizeof r->input_name, "input");
    r->input = gani_json_shape(json, shape);
    if (json->status == GAN_OK && gan_shape_count(r->input) < 1)
        gani_json_fail(json, GAN_E_FORMAT, shape, "is empty or too large");
    int32_t kind = gani_json_member(json, input, "kind");
    const char *text = gani_json_text(json, kind);
    for (r->input_kind = 1; gani_input_kinds[r->input_kind] != NULL; r->input_kind++)
        if (strcmp(gani_input_kinds[r->input_kind], text) == 0) return;
    gani_json_fail(json, GAN_E_UNSUPPORTED, kind, "is \"%.60s\", a kind that libgan %s does not know", text,
                   gan_version_string());
}

static void read_range(reader *r) {
    gani_json *json = &r->json;
    int32_t range = gani_json_array(json, gani_json_member(json, 0, "range"));
    int32_t first = gani_json_first(json, range);
    if (json->status == GAN_OK && gani_json_size(json, range) != 2)
        gani_json_fail(json, GAN_E_FORMAT, range, "is not a pair");
    r->low = gani_json_number(json, first);
    r->high = gani_json_number(json, gani_json_next(json, first));
    if (json->status == GAN_OK && !(r->low < r->high)) gani_json_fail(json, GAN_E_FORMAT, range, "is empty");
}

/* What stands before the nodes. The schema comes first: everything else may mean something else in another. */
static gan_status read_head(reader *r) {
    gani_json *json = &r->json;
    int32_t schema = gani_json_member(json, 0, "schema");
    int64_t number = gani_json_int(json, schema, 1, INT64_MAX);
    if (number > GANI_MODEL_SCHEMA)
        gani_json_fail(json, GAN_E_UNSUPPORTED, schema,
                       "is %lld, libgan %s knows up to %d: a newer libgan wrote this file", (long long)number,
                       gan_version_string(), GANI_MODEL_SCHEMA);
    int32_t dtype = gani_json_member(json, 0, "dtype");
    const char *text = gani_json_text(json, dtype);
    r->dtype = strcmp(text, "f64") == 0 ? GAN_F64 : GAN_F32;
    if (r->dtype == GAN_F32 && strcmp(text, "f32") != 0)
        gani_json_fail(json, GAN_E_UNSUPPORTED, dtype, "is not \"f32\" or \"f64\"");
    read_inputs(r);
    read_range(r);
    int32_t aliases = gani_json_object(json, gani_json_member(json, 0, "aliases"));
    if (gani_json_first(json, aliases) >= 0)
        gani_json_fail(json, GAN_E_UNSUPPORTED, aliases, "is not empty: this libgan knows no tied weights");
    return json->status;
}

static gan_status read_nodes(reader *r) {
    gani_json *json = &r->json;
    gan_status status = read_head(r);
    if (status != GAN_OK) return status;
    int32_t nodes = gani_json_array(json, gani_json_member(json, 0, "nodes")), count = gani_json_size(json, nodes);
    if (json->status == GAN_OK && count > GANI_MAX_MODULES)
        gani_json_fail(json, GAN_E_LIMIT, nodes, "has %d layers, more than %d", (int)count, GANI_MAX_MODULES);
    if (json->status != GAN_OK) return json->status;
    r->shapes = gani_calloc(json->context, (size_t)count, sizeof *r->shapes);
    if (r->shapes == NULL) return gani_no_memory(json->context, r->file->path);
    r->builder = gani_builder_begin(json->context, r->input, 0);
    gani_builder_set_dtype(r->builder, r->dtype);
    for (int32_t i = gani_json_first(json, nodes); i >= 0 && status == GAN_OK && !gani_builder_failed(r->builder);
         i = gani_json_next(json, i))
        status = read_node(r, i);
    if (status != GAN_OK || gani_builder_failed(r->builder))
        return status; /* gani_builder_end tells what the builder has */
    int32_t output = read_point(r, gani_json_member(json, 0, "output"));
    if (json->status == GAN_OK) gani_builder_set_point(r->builder, output);
    return json->status;
}

static gan_status build(gan_model **out, const reader *r, gan_layer *layer) {
    layer->training = 0;
    gan_status status = load_tensors(layer, r->file);
    if (status != GAN_OK) return status;
    gan_model_options options;
    memset(&options, 0, sizeof options);
    options.input = r->input_kind;
    options.low = r->low;
    options.high = r->high;
    return gani_model_new(out, layer, &options);
}

static gan_status read_model(gan_model **out, reader *r, const char *text) {
    gan_context *context = r->file->context;
    gan_status status = gani_json_parse(&r->json, context, r->file->path, GANI_MODEL_KEY, text, strlen(text));
    if (status == GAN_OK) status = read_nodes(r);
    gan_layer *layer = NULL;
    if (r->builder != NULL) {
        uint64_t position =
            context->position[GAN_STREAM_INIT]; /* loading is no reason for later networks to start differently */
        char message[GANI_MESSAGE_SIZE];
        memcpy(message, context->message, sizeof message);
        gan_status built = gani_builder_end(&layer, r->builder);
        context->position[GAN_STREAM_INIT] = position;
        if (status != GAN_OK)
            gani_fail(context, status, "%s", message);
        else if (built == GAN_E_MEMORY)
            status = gani_no_memory(context, r->file->path);
        else if (built != GAN_OK)
            status = gani_fail(context, GAN_E_FORMAT, "'%.150s': %.300s", r->file->path, context->message);
    }
    if (status == GAN_OK) status = build(out, r, layer);
    gani_layer_drop(layer);
    gani_free(context, r->shapes);
    gani_json_end(&r->json);
    return status;
}

gan_status gani_model_load(gan_model **out, gan_context *context, const char *path) {
    *out = NULL;
    gani_safetensors file;
    gan_status status = gani_safetensors_read(&file, context, path, GANI_SAFETENSORS_FILE);
    if (status != GAN_OK) return status;
    reader r;
    memset(&r, 0, sizeof r);
    r.file = &file;
    const char *text = gani_safetensors_note(&file, GANI_MODEL_KEY);
    status = text == NULL
                 ? gani_fail(context, GAN_E_FORMAT,
                             "'%s' holds tensors but no description of a model (%s): load it with gan_layer_load", path,
                             GANI_MODEL_KEY)
                 : read_model(out, &r, text);
    gani_safetensors_end(&file);
    return status;
}
