/* Going on from a checkpoint: everything is checked before anything is changed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "train/run.h"

#define COUNT_MOST ((int64_t)1 << 62) /* counts go on from here: they must not overflow */

typedef struct state { /* what the JSON text of a checkpoint says */
    int64_t step, position, roll_backs;
    double seconds;    /* by the log */
    int64_t best_step; /* -1: none */
    double best_value;
    uint64_t streams[GAN_STREAM_COUNT];
    struct {
        int64_t steps;
        double learning_rate;
        int32_t accumulated, updates; /* the latter: the array's token */
    } optimizers[GANI_RUN_PARTS];     /* by part */
} state;

typedef struct resume {
    gan_run *run;
    gani_safetensors file;
    gani_json json;
    state state;
    int32_t tensors; /* of this run's state */
} resume;

static gan_status mismatch(const resume *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static gan_status mismatch(const resume *r, const char *format, ...) {
    char text[GANI_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    return gani_fail(r->run->context, GAN_E_MISMATCH, "'%s' does not belong to this run: %s", r->file.path, text);
}

/* ---- the description ---- */

static const char *kind_of(const gani_part *part) {
    return part->layer != NULL ? "layer" : part->ema != NULL ? "average" : "optimizer";
}

/* The element that describes a part: its name, or an object with its name. */
static int32_t find_part(gani_json *json, int32_t list, const char *name) {
    for (int32_t i = gani_json_first(json, list); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i)) {
        int32_t value = json->tokens[i].kind == GANI_JSON_OBJECT ? gani_json_member(json, i, "name") : i;
        if (strcmp(gani_json_text(json, value), name) == 0) return i;
    }
    return -1;
}

static gan_status check_optimizer(resume *r, int32_t part, int32_t found) {
    gani_json *json = &r->json;
    const gan_optimizer *optimizer = r->run->parts[part].optimizer;
    const char *kind = gani_json_text(json, gani_json_member(json, found, "kind"));
    r->state.optimizers[part].steps = gani_json_int(json, gani_json_member(json, found, "steps"), 0, COUNT_MOST);
    r->state.optimizers[part].learning_rate = gani_json_number(json, gani_json_member(json, found, "learning_rate"));
    r->state.optimizers[part].accumulated = gani_json_flag(json, gani_json_member(json, found, "accumulated"));
    if (r->state.optimizers[part].learning_rate < 0)
        gani_json_fail(json, GAN_E_FORMAT, found, "has a negative learning_rate");
    int32_t updates = gani_json_array(json, gani_json_member(json, found, "updates"));
    r->state.optimizers[part].updates = updates;
    for (int32_t i = gani_json_first(json, updates); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i))
        gani_json_int(json, i, 0, COUNT_MOST);
    if (json->status != GAN_OK) return json->status;
    if (strcmp(kind, optimizer->rule->kind) != 0)
        return mismatch(r, "its optimizer '%s' is %s, the run's is %s", r->run->parts[part].name, kind,
                        optimizer->rule->kind);
    if (gani_json_size(json, updates) != optimizer->count)
        return mismatch(r, "its optimizer '%s' has %d parameters, the run's has %d", r->run->parts[part].name,
                        (int)gani_json_size(json, updates), (int)optimizer->count);
    return GAN_OK;
}

/* Parts of one kind: the same names here and there. */
static gan_status check_parts(resume *r, const char *key, const char *kind) {
    gani_json *json = &r->json;
    int32_t list = gani_json_array(json, gani_json_member(json, 0, key)), count = 0;
    for (int32_t i = 0; i < r->run->part_count && json->status == GAN_OK; i++) {
        const gani_part *part = &r->run->parts[i];
        if (strcmp(kind_of(part), kind) != 0) continue;
        count++;
        int32_t found = find_part(json, list, part->name);
        if (json->status != GAN_OK) break;
        if (found < 0) return mismatch(r, "it has no %s '%s'", kind, part->name);
        if (part->optimizer == NULL) continue;
        gan_status status = check_optimizer(r, i, found);
        if (status != GAN_OK) return status;
    }
    if (json->status == GAN_OK && gani_json_size(json, list) != count)
        return mismatch(r, "it has %d %ss, the run has %d", (int)gani_json_size(json, list), kind, (int)count);
    return json->status;
}

static const char *yes(int32_t flag) { return flag ? "yes" : "no"; }

static gan_status check_loader_settings(resume *r, int32_t object) {
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
        return mismatch(r, "its loader's shuffle is %s, this run's %s", yes(shuffle), yes(o.shuffle));
    if (strcmp(dtype, here) != 0) return mismatch(r, "its loader's dtype is %s, this run's %s", dtype, here);
    if (low != o.low || high != o.high) {
        char text[4][GANI_NUMBER_SIZE];
        const double values[4] = {low, high, o.low, o.high};
        for (int i = 0; i < 4; i++) gani_number_format(values[i], text[i]);
        return mismatch(r, "its loader's range is %s to %s, this run's %s to %s", text[0], text[1], text[2], text[3]);
    }
    if (flip != o.flip) return mismatch(r, "its loader's flip is %s, this run's %s", yes(flip), yes(o.flip));
    if (padding != o.crop_padding)
        return mismatch(r, "its loader's crop_padding is %lld, this run's %lld", (long long)padding,
                        (long long)o.crop_padding);
    return GAN_OK;
}

static gan_status check_loader(resume *r) {
    gani_json *json = &r->json;
    const gan_loader *loader = r->run->loader;
    int32_t object = gani_json_find(json, 0, "loader");
    if (object < 0 || loader == NULL) {
        if (object < 0 && loader == NULL) return GAN_OK;
        return mismatch(r, loader == NULL ? "it was written with a loader, which this run has not"
                                          : "it was written without a loader");
    }
    const gan_dataset *dataset = gani_loader_dataset(loader);
    r->state.position = gani_json_int(json, gani_json_member(json, object, "position"), 0, COUNT_MOST);
    int64_t batch = gani_json_int(json, gani_json_member(json, object, "batch_size"), 1, INT64_MAX);
    int64_t count = gani_json_int(json, gani_json_member(json, object, "count"), 1, INT64_MAX);
    uint64_t fingerprint = gani_json_u64(json, gani_json_member(json, object, "fingerprint"));
    if (json->status != GAN_OK) return json->status;
    if (count != dataset->count)
        return mismatch(r, "its data had %lld items, this run's have %lld", (long long)count,
                        (long long)dataset->count);
    if (fingerprint != dataset->fingerprint) return mismatch(r, "it was trained on other data");
    if (batch != gani_loader_batch_size(loader))
        return mismatch(r, "its batch size is %lld, this run's %lld", (long long)batch,
                        (long long)gani_loader_batch_size(loader));
    return check_loader_settings(r, object);
}

static gan_status check_seed(resume *r) {
    gani_json *json = &r->json;
    uint64_t seed = gani_json_u64(json, gani_json_member(json, 0, "seed"));
    int32_t streams = gani_json_array(json, gani_json_member(json, 0, "streams")), count = 0;
    if (json->status == GAN_OK && gani_json_size(json, streams) != GAN_STREAM_COUNT)
        gani_json_fail(json, GAN_E_FORMAT, streams, "does not have %d numbers", GAN_STREAM_COUNT);
    for (int32_t i = gani_json_first(json, streams); i >= 0 && json->status == GAN_OK; i = gani_json_next(json, i))
        r->state.streams[count++] = gani_json_u64(json, i);
    if (json->status != GAN_OK) return json->status;
    if (seed != r->run->context->seed)
        return mismatch(r, "its seed is %llu, this run's %llu", (unsigned long long)seed,
                        (unsigned long long)r->run->context->seed);
    return GAN_OK;
}

/* The best of another metric is of no use to this run. */
static void take_best(resume *r) {
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

static gan_status check_description(resume *r) {
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
    r->state.step = gani_json_int(json, gani_json_member(json, 0, "step"), 0, COUNT_MOST);
    r->state.roll_backs = gani_json_int(json, gani_json_member(json, 0, "roll_backs"), 0, 1000);
    take_best(r);
    if (json->status != GAN_OK) return json->status;
    status = check_parts(r, "layers", "layer");
    if (status == GAN_OK) status = check_parts(r, "optimizers", "optimizer");
    if (status == GAN_OK) status = check_parts(r, "averages", "average");
    if (status == GAN_OK) status = check_loader(r);
    return status != GAN_OK ? status : check_seed(r);
}

/* ---- the tensors ---- */

static gan_status check_tensor(void *user, const char *name, gan_tensor *tensor) {
    resume *r = user;
    r->tensors++;
    return gani_safetensors_check(&r->file, name, tensor, 0);
}

static gan_status is_other(void *user, const char *name, gan_tensor *tensor) {
    (void)tensor;
    return strcmp(user, name) == 0 ? GAN_E_MISMATCH : GAN_OK; /* ends the visit */
}

/* Is there a sum of this parameter? */
static int has_sum(const resume *r, int32_t part, int32_t member, char name[GANI_STATE_NAME_SIZE]) {
    const gani_part *p = &r->run->parts[part];
    gani_state_sum_name(p, &p->optimizer->members[member], name);
    return r->state.optimizers[part].accumulated && gani_safetensors_find(&r->file, name) != NULL;
}

static gan_status check_sums(resume *r) {
    for (int32_t i = 0; i < r->run->part_count; i++) {
        gan_optimizer *optimizer = r->run->parts[i].optimizer;
        if (optimizer == NULL || !r->state.optimizers[i].accumulated) continue;
        gan_status status = gani_optimizer_make_sums(optimizer); /* zeros: as good as none */
        for (int32_t k = 0; k < optimizer->count && status == GAN_OK; k++) {
            char name[GANI_STATE_NAME_SIZE];
            if (has_sum(r, i, k, name)) status = check_tensor(r, name, optimizer->members[k].sum);
        }
        if (status != GAN_OK) return status;
    }
    return GAN_OK;
}

/* Sums of the run as it is are not asked for: what counts is what the checkpoint has. */
static gan_status check_state_tensor(void *user, const char *name, gan_tensor *tensor) {
    const resume *r = user;
    for (int32_t i = 0; i < r->run->part_count; i++) {
        const gan_optimizer *optimizer = r->run->parts[i].optimizer;
        for (int32_t k = 0; optimizer != NULL && k < optimizer->count; k++)
            if (optimizer->members[k].sum == tensor) return GAN_OK;
    }
    return check_tensor(user, name, tensor);
}

static gan_status check_tensors(resume *r) {
    gan_status status = gani_run_visit(r->run, check_state_tensor, r);
    if (status == GAN_OK) status = check_sums(r);
    if (status != GAN_OK || r->tensors == r->file.count) return status;
    for (int32_t i = 0; i < r->file.count; i++) {
        char name[GANI_STATE_NAME_SIZE];
        snprintf(name, sizeof name, "%s", r->file.tensors[i].name);
        if (strstr(name, ".sum.") == NULL && gani_run_visit(r->run, is_other, name) == GAN_OK)
            return mismatch(r, "it has a tensor '%s', which this run has not", name);
    }
    return mismatch(r, "it has %d tensors, this run's state has %d", (int)r->file.count, (int)r->tensors);
}

static gan_status load_tensor(void *user, const char *name, gan_tensor *tensor) {
    gani_safetensors_load(user, name, tensor);
    return GAN_OK;
}

static void apply_optimizer(resume *r, int32_t part) {
    gan_optimizer *optimizer = r->run->parts[part].optimizer;
    optimizer->learning_rate = r->state.optimizers[part].learning_rate;
    optimizer->steps = r->state.optimizers[part].steps;
    gani_optimizer_clear_sums(optimizer);
    optimizer->accumulated = r->state.optimizers[part].accumulated;
    int32_t updates = gani_json_first(&r->json, r->state.optimizers[part].updates);
    for (int32_t i = 0; i < optimizer->count; i++, updates = gani_json_next(&r->json, updates)) {
        char name[GANI_STATE_NAME_SIZE];
        optimizer->members[i].summed = has_sum(r, part, i, name);
        optimizer->members[i].updates = gani_json_int(&r->json, updates, 0, INT64_MAX);
    }
}

/* Cannot fail. */
static void apply(resume *r) {
    gan_run *run = r->run;
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].optimizer != NULL) apply_optimizer(r, i);
    gani_run_visit(run, load_tensor, &r->file);
    if (run->loader != NULL) {
        gani_loader_set_position(run->loader, r->state.position);
        gani_loader_set_course(run->loader, r->state.roll_backs);
    }
    run->roll_backs = r->state.roll_backs;
    run->best_step = r->state.best_step;
    run->best_value = r->state.best_value;
    memcpy(run->context->position, r->state.streams, sizeof r->state.streams);
    run->step = r->state.step;
    run->earlier_seconds = r->state.seconds;
    run->sheet_step = run->checkpoint_step = run->model_step = -1;
    run->broken = 0;
}

/* ---- finding the file ---- */

static gan_status open_file(resume *r, const char *path) {
    gan_status status = gani_safetensors_read(&r->file, r->run->context, path, GANI_SAFETENSORS_FILE);
    if (status != GAN_OK) return status;
    status = gani_safetensors_verify(&r->file);
    if (status != GAN_OK) gani_safetensors_end(&r->file);
    return status;
}

/* The newest that verifies; damaged ones are passed over, with a warning. */
static gan_status open_newest(resume *r, const char *folder) {
    gan_context *context = r->run->context;
    int64_t *steps;
    int32_t count;
    gan_status status = gani_checkpoint_list(context, folder, &steps, &count);
    if (status != GAN_OK) return status;
    if (count == 0) status = gani_fail(context, GAN_E_IO, "there is no checkpoint in '%s'", folder);
    size_t size = strlen(folder) + 64;
    char *path = gani_alloc(context, size);
    if (path == NULL) status = gani_no_memory(context, folder);
    for (int32_t i = 0; i < count && path != NULL; i++) {
        snprintf(path, size, "%s/checkpoint-%06lld.safetensors", folder, (long long)steps[i]);
        status = open_file(r, path);
        if (status != GAN_E_FORMAT) break;
        gani_notice(context, GAN_LOG_WARNING, "checkpoint.damaged", "%s", context->message);
    }
    gani_free(context, path);
    gani_free(context, steps);
    return status;
}

static gan_status open_checkpoint(resume *r, const char *path) {
    gan_context *context = r->run->context;
    int is_folder;
    long long size;
    if (context->io->stat(path, &is_folder, &size) != 0) {
        int code = errno;
        char reason[128];
        if (strerror_r(code, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", code);
        return gani_fail(context, GAN_E_IO, "cannot open '%s': %s", path, reason);
    }
    return is_folder ? open_newest(r, path) : open_file(r, path);
}

gan_status gani_run_load(gan_run *run, const char *path, int64_t roll_backs) {
    resume *r = gani_calloc(run->context, 1, sizeof *r);
    if (r == NULL) return gani_no_memory(run->context, path);
    r->run = run;
    gan_status status = open_checkpoint(r, path);
    if (status == GAN_OK) {
        status = check_description(r);
        if (status == GAN_OK) status = check_tensors(r);
        if (roll_backs < r->state.roll_backs) roll_backs = r->state.roll_backs;
        if (status == GAN_OK) /* the last thing that can fail */
            status = gani_run_log_cut(run, r->state.step, roll_backs, &r->state.seconds);
        if (status == GAN_OK) apply(r);
        gani_json_end(&r->json);
        gani_safetensors_end(&r->file);
    }
    gani_free(run->context, r);
    return status;
}

gan_status gani_run_resume(gan_run *run, const char *path) {
    if (run->training) return gani_fail(run->context, GAN_E_STATE, "gan_run_resume: the run is training");
    gan_status status = gani_run_check_parts(run);
    return status != GAN_OK ? status : gani_run_load(run, path, 0);
}
