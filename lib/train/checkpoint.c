/* Checkpoints: the whole state of a run in one safetensors file. */
#include <stdio.h>
#include <string.h>

#include "train/run.h"

/* ---- the state as named tensors ---- */

static gan_status visit_layer(const gani_part *part, const gan_layer *layer, gani_visit_state *visit, void *user) {
    char name[GANI_STATE_NAME_SIZE];
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < layer->tensor_count && status == GAN_OK; i++) {
        snprintf(name, sizeof name, "%s.%s", part->name, layer->tensors[i].name);
        status = visit(user, name, layer->tensors[i].tensor);
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
        if (part->layer != NULL) status = visit_layer(part, part->layer, visit, user);
        if (part->ema != NULL) status = visit_layer(part, gani_ema_layer(part->ema), visit, user);
        if (part->optimizer != NULL) status = visit_optimizer(part, visit, user);
    }
    return status;
}

/* ---- the rest of the state as JSON ---- */

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
        gani_json_put_flag(out, optimizer->accumulated);
        gani_json_key(out, "updates");
        gani_json_open(out, '[');
        for (int32_t k = 0; k < optimizer->count; k++) gani_json_put_int(out, optimizer->members[k].updates);
        gani_json_close(out, ']');
        gani_json_close(out, '}');
    }
    gani_json_close(out, ']');
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
    if (run->loader != NULL) put_loader(out, run->loader);
    gani_json_key(out, "layers");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].layer != NULL) gani_json_put_text(out, run->parts[i].name);
    gani_json_close(out, ']');
    put_optimizers(out, run);
    gani_json_key(out, "averages");
    gani_json_open(out, '[');
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].ema != NULL) gani_json_put_text(out, run->parts[i].name);
    gani_json_close(out, ']');
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

/* ---- which ones there are ---- */

#define PREFIX "checkpoint-"
#define SUFFIX ".safetensors"

int64_t gani_checkpoint_step(const char *name) {
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) return -1;
    const char *digits = name + strlen(PREFIX);
    size_t count = strspn(digits, "0123456789");
    if (count < 6 || count > 18 || strcmp(digits + count, SUFFIX) != 0 || (count > 6 && digits[0] == '0')) return -1;
    int64_t step = 0;
    for (size_t i = 0; i < count; i++) step = step * 10 + (digits[i] - '0');
    return step;
}

void gani_checkpoint_name(int64_t step, char name[GANI_CHECKPOINT_NAME_SIZE]) {
    snprintf(name, GANI_CHECKPOINT_NAME_SIZE, PREFIX "%06lld" SUFFIX, (long long)step);
}

typedef struct listing {
    gan_context *context;
    int64_t *steps;
    int32_t count, capacity;
    int failed;
} listing;

static int list_entry(void *user, const char *name) {
    listing *l = user;
    int64_t step = gani_checkpoint_step(name);
    if (step < 0) return 0;
    if (l->count == l->capacity) {
        int32_t capacity = l->capacity == 0 ? 16 : l->capacity * 2;
        int64_t *steps = gani_realloc(l->context, l->steps, (size_t)capacity * sizeof *steps);
        if (steps == NULL) {
            l->failed = 1;
            return 1;
        }
        l->steps = steps;
        l->capacity = capacity;
    }
    int32_t at = l->count++;
    for (; at > 0 && l->steps[at - 1] < step; at--) l->steps[at] = l->steps[at - 1];
    l->steps[at] = step;
    return 0;
}

gan_status gani_checkpoint_list(gan_context *context, const char *folder, int64_t **steps, int32_t *count) {
    listing l = {.context = context};
    int result = context->io->list(folder, list_entry, &l);
    if (l.failed || result != 0) {
        gani_free(context, l.steps);
        return l.failed ? gani_no_memory(context, folder)
                        : gani_fail(context, GAN_E_IO, "cannot list the folder '%s'", folder);
    }
    *steps = l.steps;
    *count = l.count;
    return GAN_OK;
}

/* "loss.png.4711-0.tmp": what a process that was killed left of a file of ours. */
static int is_leftover(const char *name) {
    static const char *const ours[] = {PREFIX, "model.safetensors.", "best-", "fakes-", "reals.png.", "loss.png."};
    size_t length = strlen(name);
    if (length < 4 || strcmp(name + length - 4, ".tmp") != 0) return 0;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strncmp(name, ours[i], strlen(ours[i])) == 0) return 1;
    return 0;
}

static int remove_leftover(void *user, const char *name) {
    gan_run *run = user;
    char *path = is_leftover(name) ? gani_run_path(run, name) : NULL;
    if (path != NULL) run->context->io->remove(path);
    gani_free(run->context, path);
    return 0;
}

void gani_run_tidy(gan_run *run) {
    if (run->folder != NULL) run->context->io->list(run->folder, remove_leftover, run);
}

/* Is it one that a run goes back to? Those that a cancelled run left are not: an uninterrupted one has none there. */
static int is_regular(const gan_run *run, int64_t step) {
    return run->options.on_divergence == GAN_DIVERGENCE_ROLL_BACK && step % run->options.checkpoint_interval == 0;
}

/* Keeps the newest up to the present step. Later ones are of a course that this run has left by going back. */
static gan_status remove_old(gan_run *run) {
    int64_t *steps;
    int32_t count, kept = 0, regular = 0;
    gan_status status = gani_checkpoint_list(run->context, run->folder, &steps, &count);
    if (status != GAN_OK) return status;
    for (int32_t i = 0; i < count && status == GAN_OK; i++) {
        if (steps[i] <= run->step) {
            int wanted = kept++ < run->options.checkpoint_keep;
            if (is_regular(run, steps[i]) && regular++ == 0) wanted = 1;
            if (wanted) continue;
        }
        char name[GANI_CHECKPOINT_NAME_SIZE];
        gani_checkpoint_name(steps[i], name);
        char *path = gani_run_path(run, name);
        if (path == NULL) {
            status = GAN_E_MEMORY;
        } else if (run->context->io->remove(path) != 0) {
            gani_notice(run->context, GAN_LOG_WARNING, "checkpoint.kept",
                        "the old checkpoint '%s' could not be removed", path);
        }
        gani_free(run->context, path);
    }
    gani_free(run->context, steps);
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
    return remove_old(run);
}

gan_status gani_run_best_checkpoint(gan_run *run) { return write_as(run, "best-checkpoint.safetensors"); }

/* ---- the folder ---- */

gan_status gani_run_claim(gan_run *run) {
    static const char *const best[] = {"best-model.safetensors", "best-checkpoint.safetensors"};
    if (run->folder == NULL) return GAN_OK;
    int64_t *steps;
    int32_t count;
    gan_status status = gani_checkpoint_list(run->context, run->folder, &steps, &count);
    if (status != GAN_OK) return status;
    gani_free(run->context, steps);
    char *log = gani_run_path(run, GANI_LOG_NAME);
    if (log == NULL) return GAN_E_MEMORY;
    int is_folder, logged;
    long long size = 0;
    logged = run->context->io->stat(log, &is_folder, &size) == 0 && size > 0;
    gani_free(run->context, log);
    if ((logged || count > 0) && !run->options.overwrite)
        return gani_fail(run->context, GAN_E_STATE,
                         "the folder '%s' holds another run: go on with it (gan_run_resume), take another folder, or "
                         "allow its log and checkpoints to be overwritten (overwrite)",
                         run->folder);
    for (size_t i = 0; i < sizeof best / sizeof best[0]; i++) {
        char *path = gani_run_path(run, best[i]);
        if (path == NULL) return GAN_E_MEMORY;
        run->context->io->remove(path); /* most often there is none */
        gani_free(run->context, path);
    }
    return GAN_OK;
}
