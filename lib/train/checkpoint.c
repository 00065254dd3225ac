/* Checkpoints: the whole state of a run in one safetensors file. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run.h"

/* ---- the state as named tensors ---- */

/* Tensors of layers, losses and pools. */
static gan_status visit_state(const gani_part *part, const gani_named *state, int32_t count, gani_visit_state *visit,
                              void *user) {
    char name[GANI_STATE_NAME_SIZE];
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < count && status == GAN_OK; i++) {
        snprintf(name, sizeof name, "%s.%s", part->name, state[i].name);
        status = visit(user, name, state[i].tensor);
    }
    return status;
}

void gani_state_sum_name(const gani_part *part, const gani_member *member, char name[GANI_STATE_NAME_SIZE]) {
    snprintf(name, GANI_STATE_NAME_SIZE, "%s.sum.%s", part->name, member->name);
}

static gan_status visit_optimizer(const gani_part *part, gani_visit_state *visit, void *user) {
    const gan_optimizer *optimizer = part->optimizer;
    char name[GANI_STATE_NAME_SIZE];
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < optimizer->count && status == GAN_OK; i++) {
        const gani_member *member = &optimizer->members[i];
        for (int32_t k = 0; k < optimizer->moment_count && status == GAN_OK; k++) {
            snprintf(name, sizeof name, "%s.%s.%s", part->name, optimizer->moments[k], member->name);
            status = visit(user, name, member->moments[k]);
        }
        if (status != GAN_OK || !member->summed) continue;
        gani_state_sum_name(part, member, name);
        status = visit(user, name, member->sum);
    }
    return status;
}

gan_status gani_run_visit(const gan_run *run, gani_visit_state *visit, void *user) {
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < run->part_count && status == GAN_OK; i++) {
        const gani_part *part = &run->parts[i];
        const gan_layer *layer = part->ema != NULL ? gani_ema_layer(part->ema) : part->layer;
        if (layer != NULL) status = visit_state(part, layer->tensors, layer->tensor_count, visit, user);
        if (part->optimizer != NULL) status = visit_optimizer(part, visit, user);
        if (part->loss != NULL) status = visit_state(part, part->loss->state, part->loss->state_count, visit, user);
        if (part->pool != NULL)
            status = visit_state(part, gani_image_pool_state(part->pool), GANI_POOL_STATE, visit, user);
    }
    return status;
}

/* ---- the rest of the state as JSON ---- */

static void put_setting(void *user, const char *name, double value) {
    gani_json_key(user, name);
    gani_json_put_number(user, value);
}

static void put_optimizers(gani_json_out *out, const gan_run *run) {
    gani_json_key(out, "optimizers");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < run->part_count; i++) {
        const gan_optimizer *optimizer = run->parts[i].optimizer;
        if (optimizer == NULL) continue;
        gani_json_open(out, '{');
        gani_json_key(out, "name");
        gani_json_put_text(out, run->parts[i].name);
        gani_json_key(out, "kind");
        gani_json_put_text(out, optimizer->rule->kind);
        gani_json_key(out, "steps");
        gani_json_put_int(out, optimizer->steps);
        gani_json_key(out, "learning_rate");
        gani_json_put_number(out, optimizer->learning_rate);
        gani_json_key(out, "accumulated");
        gani_json_put_flag(out, optimizer->accumulated > 0);
        if (optimizer->accumulated > 0) {
            gani_json_key(out, "accumulations");
            gani_json_put_int(out, optimizer->accumulated);
        }
        if (isfinite(optimizer->gradient_norm)) {
            gani_json_key(out, "gradient_norm");
            gani_json_put_number(out, optimizer->gradient_norm);
        }
        gani_json_key(out, "settings");
        gani_json_open(out, '{');
        gani_optimizer_settings(optimizer, put_setting, out);
        gani_json_close(out, '}');
        gani_json_key(out, "updates");
        gani_json_open(out, '[');
        for (int32_t k = 0; k < optimizer->count; k++) gani_json_put_int(out, optimizer->members[k].updates);
        gani_json_close(out, ']');
        gani_json_close(out, '}');
    }
    gani_json_close(out, ']');
}

static void put_losses(gani_json_out *out, const gan_run *run) {
    gani_json_key(out, "losses");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < run->part_count; i++) {
        if (run->parts[i].loss == NULL) continue;
        gani_json_open(out, '{');
        gani_json_key(out, "name");
        gani_json_put_text(out, run->parts[i].name);
        gani_json_key(out, "kind");
        gani_json_put_text(out, run->parts[i].loss->type->name);
        gani_json_close(out, '}');
    }
    gani_json_close(out, ']');
}

/* Parts that are known by their names alone. */
static void put_names(gani_json_out *out, const gan_run *run, const char *key, const char *kind) {
    gani_json_key(out, key);
    gani_json_open(out, '[');
    for (int32_t i = 0; i < run->part_count; i++)
        if (strcmp(gani_part_kind(&run->parts[i]), kind) == 0) gani_json_put_text(out, run->parts[i].name);
    gani_json_close(out, ']');
}

static int has_kind(const gan_run *run, const char *kind) {
    for (int32_t i = 0; i < run->part_count; i++)
        if (strcmp(gani_part_kind(&run->parts[i]), kind) == 0) return 1;
    return 0;
}

static void put_best(gani_json_out *out, const gan_run *run) {
    gani_json_key(out, "best");
    gani_json_open(out, '{');
    gani_json_key(out, "metric");
    gani_json_put_text(out, run->best_metric);
    gani_json_key(out, "highest");
    gani_json_put_flag(out, run->options.best_is_highest);
    gani_json_key(out, "value");
    gani_json_put_number(out, run->best_value);
    gani_json_key(out, "step");
    gani_json_put_int(out, run->best_step);
    gani_json_close(out, '}');
}

/* A figure of the monitor may be infinite: the line has it as null, and no checkpoint needs it. */
static int waits(const gani_metric *metric) { return metric->waits && isfinite(metric->value); }

/* Of a checkpoint between two lines of the log: what the next one will have. */
static void put_waiting(gani_json_out *out, const gan_run *run) {
    int32_t count = 0;
    for (int32_t i = 0; i < run->metric_count; i++) count += waits(&run->metrics[i]);
    if (count == 0) return;
    gani_json_key(out, "waiting");
    gani_json_open(out, '{');
    for (int32_t i = 0; i < run->metric_count; i++) {
        if (!waits(&run->metrics[i])) continue;
        gani_json_key(out, run->metrics[i].name);
        gani_json_put_number(out, run->metrics[i].value);
    }
    gani_json_close(out, '}');
}

static void put_loader(gani_json_out *out, const gan_loader *loader) {
    gan_loader_options o;
    gani_loader_settings(loader, &o);
    gani_json_key(out, "loader");
    gani_json_open(out, '{');
    gani_json_key(out, "position");
    gani_json_put_int(out, gani_loader_position(loader));
    gani_json_key(out, "batch_size");
    gani_json_put_int(out, gani_loader_batch_size(loader));
    gani_json_key(out, "count");
    gani_json_put_int(out, gani_loader_dataset(loader)->count);
    gani_json_key(out, "fingerprint");
    gani_json_put_u64(out, gani_loader_dataset(loader)->fingerprint);
    gani_json_key(out, "shuffle");
    gani_json_put_flag(out, o.shuffle);
    gani_json_key(out, "dtype");
    gani_json_put_text(out, o.dtype == GAN_F64 ? "f64" : "f32");
    gani_json_key(out, "range");
    gani_json_open(out, '[');
    gani_json_put_number(out, o.low);
    gani_json_put_number(out, o.high);
    gani_json_close(out, ']');
    gani_json_key(out, "flip");
    gani_json_put_flag(out, o.flip);
    gani_json_key(out, "crop_padding");
    gani_json_put_int(out, o.crop_padding);
    gani_json_close(out, '}');
}

static void put_state(gani_json_out *out, const gan_run *run) {
    char generator[48];
    snprintf(generator, sizeof generator, "libgan %s", gan_version_string());
    gani_json_open(out, '{');
    gani_json_key(out, "schema");
    gani_json_put_int(out, GANI_CHECKPOINT_SCHEMA);
    gani_json_key(out, "generator");
    gani_json_put_text(out, generator);
    gani_json_key(out, "step");
    gani_json_put_int(out, run->step);
    gani_json_key(out, "seed");
    gani_json_put_u64(out, run->context->seed);
    gani_json_key(out, "streams");
    gani_json_open(out, '[');
    for (int i = 0; i < GAN_STREAM_COUNT; i++) gani_json_put_u64(out, run->context->position[i]);
    gani_json_close(out, ']');
    gani_json_key(out, "roll_backs");
    gani_json_put_int(out, run->roll_backs);
    if (run->best_step >= 0) put_best(out, run);
    put_waiting(out, run);
    if (run->loader != NULL) put_loader(out, run->loader);
    put_names(out, run, "layers", "layer");
    put_optimizers(out, run);
    put_names(out, run, "averages", "average");
    if (has_kind(run, "loss")) put_losses(out, run);
    if (has_kind(run, "pool")) put_names(out, run, "pools", "pool");
    gani_json_close(out, '}');
}

/* ---- the file ---- */

typedef struct collection {
    gan_context *context;
    gani_entry *entries; /* NULL: only counts */
    char *names;
    int32_t count;
    size_t name_bytes;
} collection;

static gan_status collect(void *user, const char *name, gan_tensor *tensor) {
    collection *c = user;
    size_t size = strlen(name) + 1;
    if (size == GANI_STATE_NAME_SIZE)
        return gani_fail(c->context, GAN_E_LIMIT, "the name '%s' is too long for a checkpoint", name);
    if (c->entries != NULL) {
        c->entries[c->count].name = memcpy(c->names + c->name_bytes, name, size);
        c->entries[c->count].tensor = tensor;
    }
    c->count++;
    c->name_bytes += size;
    return GAN_OK;
}

static gan_status write_file(gan_run *run, const char *path, const char *state) {
    gan_context *context = run->context;
    collection c = {.context = context};
    gan_status status = gani_run_visit(run, collect, &c);
    if (status != GAN_OK) return status;
    gani_entry *entries = gani_calloc(context, (size_t)c.count, sizeof *entries);
    char *names = gani_alloc(context, c.name_bytes);
    if (entries == NULL || names == NULL) {
        status = gani_no_memory(context, path);
    } else {
        gani_note note = {GANI_CHECKPOINT_KEY, state};
        c = (collection){.context = context, .entries = entries, .names = names};
        status = gani_run_visit(run, collect, &c);
        if (status == GAN_OK) status = gani_safetensors_write(context, path, entries, c.count, &note, 1, 1);
    }
    gani_free(context, names);
    gani_free(context, entries);
    return status;
}

static gan_status write_as(gan_run *run, const char *name) {
    char *path = gani_run_path(run, name);
    if (path == NULL) return GAN_E_MEMORY;
    gani_json_out state;
    gani_json_begin(&state, run->context);
    put_state(&state, run);
    gan_status status = state.status != GAN_OK ? state.status : write_file(run, path, state.data);
    gani_json_release(&state);
    if (status == GAN_OK)
        gani_notice(run->context, GAN_LOG_INFO, "checkpoint.saved", "step %lld is saved in '%s'", (long long)run->step,
                    path);
    gani_free(run->context, path);
    return status;
}

gan_status gani_run_checkpoint(gan_run *run) {
    char name[GANI_CHECKPOINT_NAME_SIZE];
    gani_checkpoint_name(run->step, name);
    gan_status status = write_as(run, name);
    if (status != GAN_OK) return status;
    run->checkpoint_step = run->step;
    return gani_run_remove_old(run);
}

gan_status gani_run_best_checkpoint(gan_run *run) { return write_as(run, GANI_BEST_CHECKPOINT_NAME); }
