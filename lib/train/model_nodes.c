/* Reading of networks from a model's description. It is checked against the tensors that are really in the file before
 * anything of the sizes it speaks of is allocated. */
#include <stdio.h>
#include <string.h>

#include "train/model_reader.h"

typedef struct level { /* one network */
    gani_model_reader *r;
    gan_builder *builder;
    const char *path; /* "", or where it stands in the whole: "3" or "3.body" */
    int32_t depth;
} level;

static gan_status read_network(gani_model_reader *r, gan_layer **out, int32_t object, const char *path, int32_t depth);

/* ---- points ---- */

/* A number without leading zeros, below `limit`; -1 if it is none. Stops at a character that is no digit. */
static int32_t read_number(const char **text, int32_t limit) {
    const char *first = *text;
    int64_t number = 0;
    for (; **text >= '0' && **text <= '9' && *text - first < 9; ++*text) number = number * 10 + (**text - '0');
    size_t length = (size_t)(*text - first);
    return length == 0 || (first[0] == '0' && length > 1) || number >= limit ? -1 : (int32_t)number;
}

/* The point of a name, which must be an input ("input"), an earlier node ("3") or an output of one ("3:1"). */
static int32_t read_point(level *l, int32_t value) {
    gani_json *json = &l->r->json;
    const gan_layer *layer = gani_builder_layer(l->builder);
    const char *name = gani_json_text(json, value), *text = name;
    if (json->status != GAN_OK) return -1;
    for (int32_t i = 0; i < layer->input_count; i++)
        if (strcmp(name, layer->inputs[i].name) == 0) return -1 - i;
    int32_t node = read_number(&text, layer->module_count), output = 0;
    if (node >= 0 && *text == ':') {
        const gan_layer *network = layer->modules[node].config.network;
        text++;
        output = read_number(&text, network == NULL ? 1 : network->output_count);
    }
    if (node >= 0 && output >= 0 && *text == '\0') return layer->modules[node].result + output;
    gani_json_fail(json, GAN_E_FORMAT, value, "is \"%.60s\", which is neither an input nor an earlier node", name);
    return -1;
}

/* ---- configurations ---- */

static void read_field(gani_model_reader *r, gani_config *config, const gani_field *field, int32_t value) {
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
static gani_config read_config(gani_model_reader *r, const gani_module_type *type, int32_t object) {
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

static const gani_module_type *read_type(gani_model_reader *r, int32_t node, gani_config *config) {
    int32_t value = gani_json_member(&r->json, node, "type");
    const char *name = gani_json_text(&r->json, value);
    if (r->json.status != GAN_OK) return NULL;
    const gani_module_type *type = gani_module_type_find(name);
    if (strcmp(name, gani_type_network.name) == 0) return &gani_type_network;
    if (type == NULL) config->registered = gani_registered_find(r->json.context, name);
    if (config->registered != NULL) type = &config->registered->type;
    if (type == NULL)
        gani_json_fail(&r->json, GAN_E_UNSUPPORTED, value,
                       "is \"%.60s\", a type of layer that libgan %s does not know%s", name, gan_version_string(),
                       strchr(name, '.') == NULL ? "" : "; register it with gan_layer_type_register");
    return type;
}

/* ---- networks inside ---- */

static gan_layer *find_network(const gani_model_reader *r, const char *path) {
    for (int32_t i = 0; i < r->network_count; i++)
        if (strcmp(r->networks[i].path, path) == 0) return r->networks[i].layer;
    return NULL;
}

/* Takes the reference to the layer, also when it fails. */
static gan_status keep_network(gani_model_reader *r, const char *path, gan_layer *layer) {
    if (r->network_count == r->network_capacity) {
        int32_t capacity = r->network_capacity == 0 ? 8 : 2 * r->network_capacity;
        gani_read_network *networks = gani_realloc(r->json.context, r->networks, (size_t)capacity * sizeof *networks);
        if (networks == NULL) {
            gani_layer_drop(layer);
            return gani_no_memory(r->json.context, r->file->path);
        }
        r->networks = networks;
        r->network_capacity = capacity;
    }
    gani_read_network *kept = &r->networks[r->network_count++];
    snprintf(kept->path, sizeof kept->path, "%s", path);
    kept->layer = layer;
    return GAN_OK;
}

/* The network of a node: written out where it is met first, named by that place from then on. Borrowed. */
static gan_status read_inner(level *l, int32_t node, const char *name, gan_layer **out) {
    gani_model_reader *r = l->r;
    gani_json *json = &r->json;
    char path[GANI_TENSOR_NAME_SIZE];
    int32_t same = gani_json_find(json, node, "same");
    if (same >= 0) {
        const char *text = gani_json_text(json, same);
        *out = json->status == GAN_OK ? find_network(r, text) : NULL;
        if (*out == NULL) gani_json_fail(json, GAN_E_FORMAT, same, "is \"%.60s\", where no network ended before", text);
        return json->status;
    }
    int32_t object = gani_json_object(json, gani_json_member(json, node, "network"));
    int length = snprintf(path, sizeof path, "%s%s%s", l->path, l->path[0] == '\0' ? "" : ".", name);
    if (l->depth == GANI_MAX_NESTING)
        gani_json_fail(json, GAN_E_LIMIT, node, "has networks inside networks, more than %d deep", GANI_MAX_NESTING);
    if (length < 0 || (size_t)length >= sizeof path)
        gani_json_fail(json, GAN_E_LIMIT, node, "has a name that is too long");
    if (json->status != GAN_OK) return json->status;
    gan_status status = read_network(r, out, object, path, l->depth + 1);
    return status != GAN_OK ? status : keep_network(r, path, *out);
}

/* ---- nodes ---- */

static int is_alias(const gani_json *json, int32_t aliases, const char *name) {
    return gani_json_find(json, aliases, name) >= 0;
}

/* The tensors that a node wants are in the file, with these shapes. */
static gan_status check_slots(const level *l, const gani_module_type *type, const gani_config *config,
                              const gan_shape *inputs, int32_t aliases) {
    gani_slot slots[GANI_MAX_MODULE_TENSORS];
    int32_t count = type->slots == NULL ? 0 : type->slots(config, inputs, slots);
    for (int32_t i = 0; i < count; i++) {
        char own[48], name[2 * GANI_TENSOR_NAME_SIZE];
        snprintf(own, sizeof own, "%ld.%.32s", (long)gani_builder_layer(l->builder)->module_count, slots[i].name);
        if (is_alias(&l->r->json, aliases, own)) continue; /* another's, and checked there */
        snprintf(name, sizeof name, "%s%s%s", l->path, l->path[0] == '\0' ? "" : ".", own);
        gan_tensor expected;
        memset(&expected, 0, sizeof expected);
        expected.dtype = l->r->dtype;
        expected.shape = slots[i].shape;
        gan_status status = gani_safetensors_check(l->r->file, name, &expected, 1);
        if (status != GAN_OK) return status;
    }
    return GAN_OK;
}

/* The points that a node reads, with what is known of them. */
static void read_node_inputs(level *l, int32_t node, gani_site *site, int32_t *points, gan_shape *shapes) {
    gani_json *json = &l->r->json;
    const gan_layer *layer = gani_builder_layer(l->builder);
    int32_t list = gani_json_array(json, gani_json_member(json, node, "inputs")), count = 0;
    site->count = gani_json_size(json, list);
    site->dtype = l->r->dtype;
    if (json->status == GAN_OK && site->count > GANI_MAX_MODULE_INPUTS)
        gani_json_fail(json, GAN_E_FORMAT, list, "names more than %d points", GANI_MAX_MODULE_INPUTS);
    for (int32_t i = gani_json_first(json, list); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i)) {
        points[count] = read_point(l, i);
        shapes[count] = gani_point_shape(layer, points[count]);
        site->limits[count] = gani_point_limit(layer, points[count]);
        count++;
    }
}

/* What the type needs to know: fields, a text, or a network. */
static gan_status read_node_config(level *l, int32_t node, const gani_module_type *type, const char *name,
                                   gani_config *config) {
    gani_json *json = &l->r->json;
    if (type == &gani_type_network) return read_inner(l, node, name, &config->network);
    if (config->registered != NULL) {
        config->text = (char *)(uintptr_t)gani_json_text(json, gani_json_member(json, node, "config"));
        return json->status;
    }
    *config = read_config(l->r, type, gani_json_object(json, gani_json_member(json, node, "config")));
    return json->status;
}

static gan_status read_node(level *l, int32_t node, int32_t aliases) {
    gani_json *json = &l->r->json;
    char place[16];
    snprintf(place, sizeof place, "%ld", (long)gani_builder_layer(l->builder)->module_count);
    int32_t name = gani_json_member(json, node, "name");
    if (strcmp(gani_json_text(json, name), place) != 0)
        gani_json_fail(json, GAN_E_FORMAT, name, "is not \"%s\", the node's place", place);
    gani_config config = gani_config_default();
    const gani_module_type *type = read_type(l->r, node, &config);
    if (type == NULL) return json->status;
    int32_t points[GANI_MAX_MODULE_INPUTS], given = gani_json_find(json, node, "prefix");
    gan_shape inputs[GANI_MAX_MODULE_INPUTS], output;
    gani_site site = {0};
    const char *prefix = given < 0 ? NULL : gani_json_text(json, given);
    if (prefix != NULL && type != &gani_type_network) gani_json_fail(json, GAN_E_FORMAT, given, "is for networks only");
    read_node_inputs(l, node, &site, points, inputs);
    if (json->status != GAN_OK) return json->status;
    gan_status status = read_node_config(l, node, type, prefix == NULL ? place : prefix, &config);
    if (status != GAN_OK) return status;
    status = gani_infer(&site, type, &config, inputs, &output);
    if (status != GAN_OK) {
        gani_json_fail(json, GAN_E_FORMAT, node, "(%s) cannot be: %.300s", type->name, site.message);
        return json->status;
    }
    if (gan_shape_count(output) < 1) {
        gani_json_fail(json, GAN_E_FORMAT, node, "(%s) has a result too large for any memory", type->name);
        return json->status;
    }
    status = check_slots(l, type, &config, inputs, aliases);
    if (status != GAN_OK) return status;
    gani_builder_add(l->builder, type, &config, points, site.count, prefix);
    int32_t label = gani_json_find(json, node, "label");
    if (label >= 0) gani_builder_label(l->builder, gani_json_text(json, label));
    return json->status;
}

/* ---- the network ---- */

static void begin(level *l, int32_t object) {
    gani_json *json = &l->r->json;
    int32_t list = gani_json_array(json, gani_json_member(json, object, "inputs"));
    for (int32_t i = gani_json_first(json, list); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i)) {
        int32_t name = gani_json_member(json, i, "name"), size = gani_json_member(json, i, "shape");
        int32_t limited = gani_json_find(json, i, "limit");
        const char *text = gani_json_text(json, name);
        gan_shape shape = gani_json_shape(json, size);
        int64_t limit = limited < 0 ? 0 : gani_json_int(json, limited, 1, (int64_t)INT32_MAX + 1);
        if (json->status == GAN_OK && gan_shape_count(shape) < 1)
            gani_json_fail(json, GAN_E_FORMAT, size, "is empty or too large");
        if (l->builder == NULL && strcmp(text, "input") != 0)
            gani_json_fail(json, GAN_E_UNSUPPORTED, name, "is not \"input\"");
        if (json->status != GAN_OK) return;
        if (l->builder == NULL)
            l->builder = gani_builder_begin(json->context, shape, limit);
        else
            gani_builder_input(l->builder, text, shape, limit);
    }
    if (l->builder == NULL) gani_json_fail(json, GAN_E_FORMAT, list, "is empty");
    if (l->builder != NULL) gani_builder_set_dtype(l->builder, l->r->dtype);
}

static void read_aliases(level *l, int32_t aliases) {
    gani_json *json = &l->r->json;
    for (int32_t i = gani_json_first(json, aliases); i >= 0 && !gani_builder_failed(l->builder);
         i = gani_json_next(json, i)) {
        const char *owner = gani_json_text(json, i + 1);
        if (json->status != GAN_OK) return;
        gani_builder_tie(l->builder, json->text + json->tokens[i].start, owner);
    }
}

static void read_outputs(level *l, int32_t object) {
    gani_json *json = &l->r->json;
    int32_t list = gani_json_find(json, object, "outputs");
    if (list < 0) {
        int32_t point = read_point(l, gani_json_member(json, object, "output"));
        if (json->status == GAN_OK) gani_builder_set_point(l->builder, point);
        return;
    }
    if (gani_json_first(json, gani_json_array(json, list)) < 0) gani_json_fail(json, GAN_E_FORMAT, list, "is empty");
    for (int32_t i = gani_json_first(json, list); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i)) {
        int32_t point = read_point(l, gani_json_member(json, i, "node"));
        const char *name = gani_json_text(json, gani_json_member(json, i, "name"));
        if (json->status != GAN_OK || gani_builder_failed(l->builder)) return;
        gani_builder_set_point(l->builder, point);
        gani_builder_output(l->builder, name);
    }
}

static gan_status read_parts(level *l, int32_t object) {
    gani_json *json = &l->r->json;
    begin(l, object);
    int32_t aliases = gani_json_object(json, gani_json_member(json, object, "aliases"));
    int32_t nodes = gani_json_array(json, gani_json_member(json, object, "nodes"));
    int32_t count = gani_json_size(json, nodes);
    if (json->status == GAN_OK && count > GANI_MAX_MODULES)
        gani_json_fail(json, GAN_E_LIMIT, nodes, "has %d layers, more than %d", (int)count, GANI_MAX_MODULES);
    if (json->status != GAN_OK) return json->status;
    read_aliases(l, aliases);
    gan_status status = json->status;
    for (int32_t i = gani_json_first(json, nodes); i >= 0 && status == GAN_OK && !gani_builder_failed(l->builder);
         i = gani_json_next(json, i))
        status = read_node(l, i, aliases);
    if (status != GAN_OK || gani_builder_failed(l->builder)) return status;
    read_outputs(l, object);
    return json->status;
}

static gan_status read_network(gani_model_reader *r, gan_layer **out, int32_t object, const char *path, int32_t depth) {
    gan_context *context = r->json.context;
    level l = {r, NULL, path, depth};
    *out = NULL;
    gan_status status = read_parts(&l, object);
    if (l.builder == NULL) return status;
    char message[GANI_MESSAGE_SIZE];
    memcpy(message, context->message, sizeof message);
    gan_status built = gani_builder_end(out, l.builder, 0); /* tells what the builder has */
    if (status == GAN_OK && built == GAN_E_MEMORY) return gani_no_memory(context, r->file->path);
    if (status == GAN_OK && built != GAN_OK)
        return gani_fail(context, built == GAN_E_LIMIT ? GAN_E_LIMIT : GAN_E_FORMAT, "'%.150s': %.300s", r->file->path,
                         context->message);
    if (status == GAN_OK) return GAN_OK;
    gani_layer_drop(*out);
    *out = NULL;
    return gani_fail(context, status, "%s", message);
}

gan_status gani_model_read_network(gani_model_reader *r, gan_layer **out, int32_t object) {
    return read_network(r, out, object, "", 1);
}
