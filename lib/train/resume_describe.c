/* What the JSON text of a checkpoint says, checked against the run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/numbers.h"
#include "train/resume.h"

gan_status gani_resume_mismatch(const gani_resume *r, const char *format, ...) {
    char text[GANI_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    return gani_fail(r->run->context, GAN_E_MISMATCH, "'%s' does not belong to this run: %s", r->file.path, text);
}

/* ---- parts ---- */

/* The element that describes a part: its name, or an object with its name. */
static int32_t find_part(gani_json *json, int32_t list, const char *name) {
    for (int32_t i = gani_json_first(json, list); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i)) {
        int32_t value = json->tokens[i].kind == GANI_JSON_OBJECT ? gani_json_member(json, i, "name") : i;
        if (strcmp(gani_json_text(json, value), name) == 0) return i;
    }
    return -1;
}

static gan_status check_optimizer(gani_resume *r, int32_t part, int32_t found) {
    gani_json *json = &r->json;
    const gan_optimizer *optimizer = r->run->parts[part].optimizer;
    const char *kind = gani_json_text(json, gani_json_member(json, found, "kind"));
    r->state.optimizers[part].steps = gani_json_int(json, gani_json_member(json, found, "steps"), 0, GANI_COUNT_MOST);
    r->state.optimizers[part].learning_rate = gani_json_number(json, gani_json_member(json, found, "learning_rate"));
    r->state.optimizers[part].accumulated = gani_json_flag(json, gani_json_member(json, found, "accumulated"));
    int32_t accumulations = gani_json_find(json, found, "accumulations");
    if (accumulations >= 0)
        r->state.optimizers[part].accumulated = gani_json_int(json, accumulations, 1, GANI_COUNT_MOST);
    if (r->state.optimizers[part].learning_rate < 0)
        gani_json_fail(json, GAN_E_FORMAT, found, "has a negative learning_rate");
    int32_t norm = gani_json_find(json, found, "gradient_norm");
    r->state.optimizers[part].gradient_norm = norm < 0 ? NAN : gani_json_number(json, norm);
    if (r->state.optimizers[part].gradient_norm < 0)
        gani_json_fail(json, GAN_E_FORMAT, found, "has a negative gradient_norm");
    r->state.optimizers[part].settings = gani_json_object(json, gani_json_member(json, found, "settings"));
    int32_t updates = gani_json_array(json, gani_json_member(json, found, "updates"));
    r->state.optimizers[part].updates = updates;
    for (int32_t i = gani_json_first(json, updates); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i))
        gani_json_int(json, i, 0, GANI_COUNT_MOST);
    if (json->status != GAN_OK) return json->status;
    if (strcmp(kind, optimizer->rule->kind) != 0)
        return gani_resume_mismatch(r, "its optimizer '%s' is %s, the run's is %s", r->run->parts[part].name, kind,
                                    optimizer->rule->kind);
    if (gani_json_size(json, updates) != optimizer->count)
        return gani_resume_mismatch(r, "its optimizer '%s' has %d parameters, the run's has %d",
                                    r->run->parts[part].name, (int)gani_json_size(json, updates),
                                    (int)optimizer->count);
    return GAN_OK;
}

static gan_status check_loss(gani_resume *r, int32_t part, int32_t found) {
    gani_json *json = &r->json;
    const char *kind = gani_json_text(json, gani_json_member(json, found, "kind"));
    const char *here = r->run->parts[part].loss->type->name;
    if (json->status == GAN_OK && strcmp(kind, here) != 0)
        return gani_resume_mismatch(r, "its loss '%s' is %s, the run's is %s", r->run->parts[part].name, kind, here);
    return json->status;
}

/* A list of parts; those of losses and pools are left out where there are none. */
static int32_t find_list(gani_json *json, const char *key, int optional) {
    int32_t list = optional ? gani_json_find(json, 0, key) : gani_json_member(json, 0, key);
    return list < 0 ? -1 : gani_json_array(json, list);
}

/* Parts of one kind: the same names here and there. */
static gan_status check_parts(gani_resume *r, const char *key, const char *kind, int optional) {
    gani_json *json = &r->json;
    int32_t list = find_list(json, key, optional), count = 0;
    for (int32_t i = 0; i < r->run->part_count && json->status == GAN_OK; i++) {
        const gani_part *part = &r->run->parts[i];
        if (strcmp(gani_part_kind(part), kind) != 0) continue;
        count++;
        int32_t found = list < 0 ? -1 : find_part(json, list, part->name);
        if (json->status != GAN_OK) break;
        if (found < 0) return gani_resume_mismatch(r, "it has no %s '%s'", kind, part->name);
        gan_status status = GAN_OK;
        if (part->optimizer != NULL) status = check_optimizer(r, i, found);
        if (part->loss != NULL) status = check_loss(r, i, found);
        if (status != GAN_OK) return status;
    }
    if (json->status == GAN_OK && list >= 0 && gani_json_size(json, list) != count)
        return gani_resume_mismatch(r, "it has %d %s, the run has %d", (int)gani_json_size(json, list), key,
                                    (int)count);
    return json->status;
}

static const char *yes(int32_t flag) { return flag ? "yes" : "no"; }

static gan_status check_loader_settings(gani_resume *r, int32_t object) {
    gani_json *json = &r->json;
    gan_loader_options o;
    gani_loader_settings(r->run->loader, &o);
    const char *here = o.dtype == GAN_F64 ? "f64" : "f32";
    int32_t shuffle = gani_json_flag(json, gani_json_member(json, object, "shuffle"));
    const char *dtype = gani_json_text(json, gani_json_member(json, object, "dtype"));
    int32_t range = gani_json_array(json, gani_json_member(json, object, "range"));
    double low = gani_json_number(json, gani_json_first(json, range));
    double high = gani_json_number(json, gani_json_next(json, gani_json_first(json, range)));
    int32_t flip = gani_json_flag(json, gani_json_member(json, object, "flip"));
    int64_t padding = gani_json_int(json, gani_json_member(json, object, "crop_padding"), 0, INT64_MAX);
    if (json->status != GAN_OK) return json->status;
    if (shuffle != o.shuffle)
        return gani_resume_mismatch(r, "its loader's shuffle is %s, this run's %s", yes(shuffle), yes(o.shuffle));
    if (strcmp(dtype, here) != 0)
        return gani_resume_mismatch(r, "its loader's dtype is %s, this run's %s", dtype, here);
    if (low != o.low || high != o.high) {
        char text[4][GANI_NUMBER_SIZE];
        const double values[4] = {low, high, o.low, o.high};
        for (int i = 0; i < 4; i++) gani_number_format(values[i], text[i]);
        return gani_resume_mismatch(r, "its loader's range is %s to %s, this run's %s to %s", text[0], text[1], text[2],
                                    text[3]);
    }
    if (flip != o.flip)
        return gani_resume_mismatch(r, "its loader's flip is %s, this run's %s", yes(flip), yes(o.flip));
    if (padding != o.crop_padding)
        return gani_resume_mismatch(r, "its loader's crop_padding is %lld, this run's %lld", (long long)padding,
                                    (long long)o.crop_padding);
    return GAN_OK;
}

static gan_status check_loader(gani_resume *r) {
    gani_json *json = &r->json;
    const gan_loader *loader = r->run->loader;
    int32_t object = gani_json_find(json, 0, "loader");
    if (object < 0 || loader == NULL) {
        if (object < 0 && loader == NULL) return GAN_OK;
        return gani_resume_mismatch(r, loader == NULL ? "it was written with a loader, which this run has not"
                                                      : "it was written without a loader");
    }
    const gan_dataset *dataset = gani_loader_dataset(loader);
    r->state.position = gani_json_int(json, gani_json_member(json, object, "position"), 0, GANI_COUNT_MOST);
    int64_t batch = gani_json_int(json, gani_json_member(json, object, "batch_size"), 1, INT64_MAX);
    int64_t count = gani_json_int(json, gani_json_member(json, object, "count"), 1, INT64_MAX);
    uint64_t fingerprint = gani_json_u64(json, gani_json_member(json, object, "fingerprint"));
    if (json->status != GAN_OK) return json->status;
    if (count != dataset->count)
        return gani_resume_mismatch(r, "its data had %lld items, this run's have %lld", (long long)count,
                                    (long long)dataset->count);
    if (fingerprint != dataset->fingerprint) return gani_resume_mismatch(r, "it was trained on other data");
    if (batch != gani_loader_batch_size(loader))
        return gani_resume_mismatch(r, "its batch size is %lld, this run's %lld", (long long)batch,
                                    (long long)gani_loader_batch_size(loader));
    return check_loader_settings(r, object);
}

static gan_status check_seed(gani_resume *r) {
    gani_json *json = &r->json;
    uint64_t seed = gani_json_u64(json, gani_json_member(json, 0, "seed"));
    int32_t streams = gani_json_array(json, gani_json_member(json, 0, "streams")), count = 0;
    if (json->status == GAN_OK && gani_json_size(json, streams) != GAN_STREAM_COUNT)
        gani_json_fail(json, GAN_E_FORMAT, streams, "does not have %d numbers", GAN_STREAM_COUNT);
    for (int32_t i = gani_json_first(json, streams); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i))
        r->state.streams[count++] = gani_json_u64(json, i);
    if (json->status != GAN_OK) return json->status;
    if (seed != r->run->context->seed)
        return gani_resume_mismatch(r, "its seed is %llu, this run's %llu", (unsigned long long)seed,
                                    (unsigned long long)r->run->context->seed);
    return GAN_OK;
}

/* The best of another metric is of no use to this run. */
static void take_best(gani_resume *r) {
    gani_json *json = &r->json;
    const gan_run *run = r->run;
    int32_t best = gani_json_find(json, 0, "best");
    r->state.best_step = -1;
    if (best < 0) return;
    const char *metric = gani_json_text(json, gani_json_member(json, best, "metric"));
    int32_t highest = gani_json_flag(json, gani_json_member(json, best, "highest"));
    double value = gani_json_number(json, gani_json_member(json, best, "value"));
    int64_t step = gani_json_int(json, gani_json_member(json, best, "step"), 0, INT64_MAX);
    if (run->best_metric == NULL || strcmp(run->best_metric, metric) != 0 || run->options.best_is_highest != highest)
        return;
    r->state.best_step = step;
    r->state.best_value = value;
}

static void check_waiting(gani_resume *r) {
    gani_json *json = &r->json;
    int32_t waiting = gani_json_find(json, 0, "waiting"), count = 0;
    r->state.waiting = waiting;
    if (waiting < 0) return;
    gani_json_object(json, waiting);
    for (int32_t key = gani_json_first(json, waiting); key >= 0 && json->status == GAN_OK;
         key = gani_json_next(json, key)) {
        if (!gani_run_is_metric(json->text + json->tokens[key].start) || ++count > GANI_RUN_METRICS)
            gani_json_fail(json, GAN_E_FORMAT, waiting, "does not name at most %d metrics", GANI_RUN_METRICS);
        gani_json_number(json, key + 1);
    }
}

gan_status gani_resume_describe(gani_resume *r) {
    gan_context *context = r->run->context;
    gani_json *json = &r->json;
    const char *text = gani_safetensors_note(&r->file, GANI_CHECKPOINT_KEY);
    if (text == NULL)
        return gani_fail(context, GAN_E_FORMAT, "'%s' is not a checkpoint: it has no %s", r->file.path,
                         GANI_CHECKPOINT_KEY);
    gan_status status = gani_json_parse(json, context, r->file.path, GANI_CHECKPOINT_KEY, text, strlen(text));
    if (status != GAN_OK) return status;
    int32_t schema = gani_json_member(json, 0, "schema");
    if (gani_json_int(json, schema, 1, INT64_MAX) > GANI_CHECKPOINT_SCHEMA)
        gani_json_fail(json, GAN_E_UNSUPPORTED, schema, "is newer than libgan %s knows: a newer libgan wrote this file",
                       gan_version_string());
    r->state.step = gani_json_int(json, gani_json_member(json, 0, "step"), 0, GANI_STEP_MOST);
    r->state.roll_backs = gani_json_int(json, gani_json_member(json, 0, "roll_backs"), 0, 1000);
    take_best(r);
    check_waiting(r);
    if (json->status != GAN_OK) return json->status;
    status = check_parts(r, "layers", "layer", 0);
    if (status == GAN_OK) status = check_parts(r, "optimizers", "optimizer", 0);
    if (status == GAN_OK) status = check_parts(r, "averages", "average", 0);
    if (status == GAN_OK) status = check_parts(r, "losses", "loss", 1);
    if (status == GAN_OK) status = check_parts(r, "pools", "pool", 1);
    if (status == GAN_OK) status = check_loader(r);
    return status != GAN_OK ? status : check_seed(r);
}

/* ---- settings ---- */

typedef struct settings_visit {
    const gani_resume *r;
    int32_t part;
} settings_visit;

static void tell_setting(void *user, const char *name, double value) {
    const settings_visit *v = user;
    const gani_json *json = &v->r->json;
    int32_t found = gani_json_find(json, v->r->state.optimizers[v->part].settings, name);
    double there = (double)INFINITY; /* null: JSON has no infinity */
    if (found >= 0 && json->tokens[found].kind == GANI_JSON_NUMBER)
        gani_number_parse(json->text + json->tokens[found].start,
                          (size_t)(json->tokens[found].end - json->tokens[found].start), &there);
    if (found >= 0 && there == value) return;
    char now[GANI_NUMBER_SIZE] = "infinity", then[GANI_NUMBER_SIZE] = "infinity";
    if (isfinite(value)) gani_number_format(value, now);
    if (found < 0)
        snprintf(then, sizeof then, "not there");
    else if (isfinite(there))
        gani_number_format(there, then);
    gani_notice(v->r->run->context, GAN_LOG_WARNING, "resume.setting",
                "the optimizer '%s' has %s %s, in the checkpoint it was %s", v->r->run->parts[v->part].name, name, now,
                then);
}

void gani_resume_tell_settings(gani_resume *r) {
    for (int32_t i = 0; i < r->run->part_count; i++) {
        settings_visit v = {r, i};
        if (r->run->parts[i].optimizer != NULL) gani_optimizer_settings(r->run->parts[i].optimizer, tell_setting, &v);
    }
}
