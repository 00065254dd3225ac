/* Reading of model files: what describes the whole, and the tensors. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/model_reader.h"
#include "train/run.h"

/* ---- loading tensors by name: all are checked before the first is changed ---- */

/* Names in a file: behind "prefix." where there is one. */
typedef struct finder {
    const gani_safetensors *file;
    const char *prefix; /* "": none */
    char *name;         /* room for the longest one */
} finder;

/* What PyTorch's parametrizations call what its older functions, and libgan, call so. Both of its norms have a
 * weight_v. */
static const struct {
    const char *ours, *theirs;
} parametrized[] = {{".weight_orig", ".parametrizations.weight.original"},
                    {".weight_u", ".parametrizations.weight.0._u"},
                    {".weight_v", ".parametrizations.weight.0._v"},
                    {".weight_g", ".parametrizations.weight.original0"},
                    {".weight_v", ".parametrizations.weight.original1"}};
enum { PARAMETRIZED = sizeof parametrized / sizeof parametrized[0], LONGEST = 40 };

/* "prefix.name" with the last `cut` characters replaced; NULL: the file has no such tensor. */
static const char *find(const finder *f, const char *name, size_t cut, const char *end) {
    size_t at = strlen(f->prefix), kept = strlen(name) - cut;
    memcpy(f->name, f->prefix, at);
    if (at > 0) f->name[at++] = '.';
    memcpy(f->name + at, name, kept);
    strcpy(f->name + at + kept, end);
    return gani_safetensors_find(f->file, f->name) == NULL ? NULL : f->name;
}

static const char *find_any(const finder *f, const char *name) {
    const char *found = find(f, name, 0, "");
    size_t length = strlen(name);
    for (int i = 0; i < PARAMETRIZED && found == NULL; i++) {
        size_t cut = strlen(parametrized[i].ours);
        if (length > cut && strcmp(name + length - cut, parametrized[i].ours) == 0)
            found = find(f, name, cut, parametrized[i].theirs);
    }
    return found;
}

/* A shared tensor may have been stored under another of its names: PyTorch's tools keep one of them. */
static const char *stored_name(const gan_layer *layer, int32_t index, const finder *f) {
    const char *name = layer->tensors[index].name, *found = find_any(f, name);
    for (int32_t i = 0; i < layer->alias_count && found == NULL; i++)
        if (layer->aliases[i].tensor == index) found = find_any(f, layer->aliases[i].name);
    if (found != NULL) return found;
    find(f, name, 0, "");
    return f->name;
}

static gan_status begin_finder(finder *f, const gani_safetensors *file, const char *prefix) {
    *f = (finder){file, prefix, NULL};
    f->name = gani_alloc(file->context, strlen(prefix) + 1 + GANI_TENSOR_NAME_SIZE + LONGEST);
    return f->name == NULL ? gani_no_memory(file->context, file->path) : GAN_OK;
}

static gan_status load_tensors(gan_layer *layer, const gani_safetensors *file, const char *prefix) {
    finder f;
    gan_status status = begin_finder(&f, file, prefix);
    for (int32_t i = 0; i < layer->tensor_count && status == GAN_OK; i++)
        status = gani_safetensors_check(file, stored_name(layer, i, &f), layer->tensors[i].tensor, 1);
    for (int32_t i = 0; i < layer->tensor_count && status == GAN_OK; i++)
        gani_safetensors_load(file, stored_name(layer, i, &f), layer->tensors[i].tensor);
    gani_free(file->context, f.name);
    return status;
}

static int is_checkpoint(const gani_safetensors *file) {
    return gani_safetensors_note(file, GANI_CHECKPOINT_KEY) != NULL;
}

gan_status gani_layer_load(gan_layer *layer, const char *path, const char *prefix) {
    gani_safetensors file;
    gan_status status = gani_safetensors_read(&file, layer->context, path, GANI_SAFETENSORS_FILE);
    if (status == GAN_OK) status = load_tensors(layer, &file, prefix);
    if (status == GAN_E_MISMATCH && prefix[0] == '\0' && is_checkpoint(&file))
        status =
            gani_fail(layer->context, status,
                      "'%s' is a checkpoint of a run: gan_layer_load_prefixed reads one of its networks, by the name "
                      "that it has in the run",
                      path);
    gani_safetensors_end(&file);
    return status;
}

/* ---- the description ---- */

typedef struct head {
    int32_t kinds[GANI_MAX_PORTS];
    double low, high;
} head;

static void read_kind(gani_json *json, int32_t input, int32_t *kind) {
    int32_t value = gani_json_member(json, input, "kind");
    const char *text = gani_json_text(json, value);
    for (*kind = 1; gani_input_kinds[*kind] != NULL; ++*kind)
        if (strcmp(gani_input_kinds[*kind], text) == 0) return;
    gani_json_fail(json, GAN_E_UNSUPPORTED, value, "is \"%.60s\", a kind that libgan %s does not know", text,
                   gan_version_string());
}

/* Before the network, so that a kind of later versions is named before anything else can go wrong. */
static void read_kinds(gani_json *json, head *h) {
    int32_t list = gani_json_array(json, gani_json_member(json, 0, "inputs")), count = 0;
    for (int32_t input = gani_json_first(json, list); input >= 0 && json->status == GAN_OK;
         input = gani_json_next(json, input)) {
        if (count == GANI_MAX_PORTS)
            gani_json_fail(json, GAN_E_LIMIT, list, "names more than %d inputs", GANI_MAX_PORTS);
        else
            read_kind(json, input, &h->kinds[count++]);
    }
}

/* Of the inputs that the network really has. */
static gan_status check_kinds(gani_json *json, const head *h, const gan_layer *layer) {
    int32_t input = gani_json_first(json, gani_json_member(json, 0, "inputs"));
    for (int32_t i = 0; i < layer->input_count; i++, input = gani_json_next(json, input)) {
        const char *trouble = gani_input_trouble(&layer->inputs[i], h->kinds[i]);
        if (trouble != NULL) gani_json_fail(json, GAN_E_FORMAT, gani_json_member(json, input, "kind"), "%s", trouble);
    }
    return json->status;
}

static void read_range(gani_json *json, head *h) {
    int32_t range = gani_json_array(json, gani_json_member(json, 0, "range"));
    int32_t first = gani_json_first(json, range);
    if (json->status == GAN_OK && gani_json_size(json, range) != 2)
        gani_json_fail(json, GAN_E_FORMAT, range, "is not a pair");
    h->low = gani_json_number(json, first);
    h->high = gani_json_number(json, gani_json_next(json, first));
    if (json->status == GAN_OK && !(h->low < h->high)) gani_json_fail(json, GAN_E_FORMAT, range, "is empty");
    if (json->status == GAN_OK && !isfinite(h->high - h->low))
        gani_json_fail(json, GAN_E_FORMAT, range, "is wider than numbers are");
}

/* What belongs to the whole. The schema comes first: everything else may mean something else in another. */
static gan_status read_head(gani_model_reader *r, head *h) {
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
    read_kinds(json, h);
    read_range(json, h);
    return json->status;
}

static gan_status build(gan_model **out, gani_model_reader *r, const head *h, gan_layer *layer) {
    layer->training = 0;
    gan_status status = check_kinds(&r->json, h, layer);
    if (status == GAN_OK) status = load_tensors(layer, r->file, "");
    return status != GAN_OK ? status : gani_model_new(out, layer, h->kinds, h->low, h->high);
}

static gan_status read_model(gan_model **out, gani_model_reader *r, const char *text) {
    gan_context *context = r->file->context;
    head h = {0};
    gan_layer *layer = NULL;
    gan_status status = gani_json_parse(&r->json, context, r->file->path, GANI_MODEL_KEY, text, strlen(text));
    if (status == GAN_OK) status = read_head(r, &h);
    if (status == GAN_OK) status = gani_model_read_network(r, &layer, 0);
    if (status == GAN_OK) status = build(out, r, &h, layer);
    gani_layer_drop(layer);
    for (int32_t i = 0; i < r->network_count; i++) gani_layer_drop(r->networks[i].layer);
    gani_free(context, r->networks);
    gani_json_end(&r->json);
    return status;
}

/* Ends the file. */
static gan_status load(gan_model **out, gani_safetensors *file) {
    gani_model_reader r;
    memset(&r, 0, sizeof r);
    r.file = file;
    const char *text = gani_safetensors_note(file, GANI_MODEL_KEY);
    gan_status status = gani_safetensors_verify(file, 0);
    if (status == GAN_OK && text != NULL)
        status = read_model(out, &r, text);
    else if (status == GAN_OK && is_checkpoint(file))
        status = gani_fail(file->context, GAN_E_FORMAT,
                           "'%s' is a checkpoint of a run, not a model: gan_run_resume goes on with it, and "
                           "gan_layer_load_prefixed reads one of its networks",
                           file->path);
    else if (status == GAN_OK)
        status = gani_fail(file->context, GAN_E_FORMAT,
                           "'%s' holds tensors but no description of a model (%s): load it with gan_layer_load",
                           file->path, GANI_MODEL_KEY);
    gani_safetensors_end(file);
    return status;
}

gan_status gani_model_load(gan_model **out, gan_context *context, const char *path) {
    *out = NULL;
    gani_safetensors file;
    gan_status status = gani_safetensors_read(&file, context, path, GANI_SAFETENSORS_FILE);
    return status == GAN_OK ? load(out, &file) : status;
}

gan_status gani_model_load_memory(gan_model **out, gan_context *context, const void *bytes, size_t size) {
    *out = NULL;
    gani_safetensors file;
    gan_status status = gani_safetensors_read_memory(&file, context, bytes, size);
    return status == GAN_OK ? load(out, &file) : status;
}
