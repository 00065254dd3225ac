/* Going on from a checkpoint: everything is checked before anything is changed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "train/resume.h"

/* ---- the tensors ---- */

static gan_status check_tensor(void *user, const char *name, gan_tensor *tensor) {
    gani_resume *r = user;
    r->tensors++;
    return gani_safetensors_check(&r->file, name, tensor, 0);
}

static gan_status is_other(void *user, const char *name, gan_tensor *tensor) {
    (void)tensor;
    return strcmp(user, name) == 0 ? GAN_E_MISMATCH : GAN_OK; /* ends the visit */
}

/* Is there a sum of this parameter? */
static int has_sum(const gani_resume *r, int32_t part, int32_t member, char name[GANI_STATE_NAME_SIZE]) {
    const gani_part *p = &r->run->parts[part];
    gani_state_sum_name(p, &p->optimizer->members[member], name);
    return r->state.optimizers[part].accumulated > 0 && gani_safetensors_find(&r->file, name) != NULL;
}

static gan_status check_sums(gani_resume *r) {
    for (int32_t i = 0; i < r->run->part_count; i++) {
        gan_optimizer *optimizer = r->run->parts[i].optimizer;
        if (optimizer == NULL || r->state.optimizers[i].accumulated == 0) continue;
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
    const gani_resume *r = user;
    for (int32_t i = 0; i < r->run->part_count; i++) {
        const gan_optimizer *optimizer = r->run->parts[i].optimizer;
        for (int32_t k = 0; optimizer != NULL && k < optimizer->count; k++)
            if (optimizer->members[k].sum == tensor) return GAN_OK;
    }
    return check_tensor(user, name, tensor);
}

static gan_status check_tensors(gani_resume *r) {
    gan_status status = gani_run_visit(r->run, check_state_tensor, r);
    if (status == GAN_OK) status = check_sums(r);
    if (status != GAN_OK || r->tensors == r->file.count) return status;
    for (int32_t i = 0; i < r->file.count; i++) {
        char name[GANI_STATE_NAME_SIZE];
        snprintf(name, sizeof name, "%s", r->file.tensors[i].name);
        if (strstr(name, ".sum.") == NULL && gani_run_visit(r->run, is_other, name) == GAN_OK)
            return gani_resume_mismatch(r, "it has a tensor '%s', which this run has not", name);
    }
    return gani_resume_mismatch(r, "it has %d tensors, this run's state has %d", (int)r->file.count, (int)r->tensors);
}

static gan_status load_tensor(void *user, const char *name, gan_tensor *tensor) {
    gani_safetensors_load(user, name, tensor);
    return GAN_OK;
}

static void apply_optimizer(gani_resume *r, int32_t part) {
    gan_optimizer *optimizer = r->run->parts[part].optimizer;
    optimizer->learning_rate = r->state.optimizers[part].learning_rate;
    optimizer->gradient_norm = r->state.optimizers[part].gradient_norm;
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

/* There is room: what the log alone knows gives way, but not what waits, which comes first. The last line of a run that
 * has ended is written after the checkpoint that it may have had in that step. */
static void apply_waiting(gani_resume *r) {
    gan_run *run = r->run;
    for (int32_t i = 0; i < run->metric_count; i++)
        run->metrics[i].reported = run->metrics[i].waits = run->metrics[i].own = 0;
    if (r->state.waiting < 0 || run->log_step == r->state.step) return;
    for (int known = 1; known >= 0; known--)
        for (int32_t key = gani_json_first(&r->json, r->state.waiting); key >= 0; key = gani_json_next(&r->json, key)) {
            const char *name = r->json.text + r->json.tokens[key].start;
            if ((gani_run_find_metric(run, name) != NULL) == known)
                gani_run_restore_metric(run, name, gani_json_number(&r->json, key + 1));
        }
}

/* Cannot fail. */
static void apply(gani_resume *r) {
    gan_run *run = r->run;
    for (int32_t i = 0; i < run->part_count; i++)
        if (run->parts[i].optimizer != NULL) apply_optimizer(r, i);
    gani_run_unsettle(run);
    gani_run_visit(run, load_tensor, &r->file);
    if (run->loader != NULL) {
        gani_loader_set_position(run->loader, r->state.position);
        gani_loader_set_course(run->loader, r->state.roll_backs);
    }
    run->roll_backs = r->state.roll_backs;
    run->best_step = r->state.best_step;
    run->best_value = r->state.best_value;
    run->best_pending = 0;
    apply_waiting(r);
    memcpy(run->context->position, r->state.streams, sizeof r->state.streams);
    run->step = r->state.step;
    run->earlier_seconds = r->state.seconds;
    run->sheet_step = run->checkpoint_step = run->model_step = -1;
    run->broken = 0;
}

/* ---- finding the file ---- */

static gan_status open_file(gani_resume *r, const char *path) {
    gan_status status = gani_safetensors_read(&r->file, r->run->context, path, GANI_SAFETENSORS_FILE);
    if (status != GAN_OK) return status;
    status = gani_safetensors_verify(&r->file, 1);
    if (status != GAN_OK) gani_safetensors_end(&r->file);
    return status;
}

/* The newest that verifies; damaged ones are passed over, with a warning. */
static gan_status open_newest(gani_resume *r, const char *folder) {
    gan_context *context = r->run->context;
    int64_t *steps;
    int32_t count;
    gan_status status = gani_checkpoint_list(context, folder, &steps, &count);
    if (status != GAN_OK) return status;
    if (count == 0) status = gani_fail(context, GAN_E_IO, "there is no checkpoint in '%s'", folder);
    for (int32_t i = 0; i < count; i++) {
        char name[GANI_CHECKPOINT_NAME_SIZE];
        gani_checkpoint_name(steps[i], name);
        char *path = gani_path_join(context, folder, name);
        status = path == NULL ? GAN_E_MEMORY : open_file(r, path);
        gani_free(context, path);
        if (status != GAN_E_FORMAT) break;
        gani_notice(context, GAN_LOG_WARNING, "checkpoint.damaged", "%s", context->message);
    }
    gani_free(context, steps);
    return status;
}

static gan_status open_checkpoint(gani_resume *r, const char *path) {
    gan_context *context = r->run->context;
    int is_folder;
    long long size;
    if (context->io->stat(path, &is_folder, &size) != 0) {
        char reason[GANI_REASON_SIZE];
        gani_io_reason(errno, reason);
        return gani_fail(context, GAN_E_IO, "cannot open '%s': %s", path, reason);
    }
    return is_folder ? open_newest(r, path) : open_file(r, path);
}

gan_status gani_run_load(gan_run *run, const char *path, int64_t roll_backs) {
    gani_resume *r = gani_calloc(run->context, 1, sizeof *r);
    if (r == NULL) return gani_no_memory(run->context, path);
    r->run = run;
    gan_status status = open_checkpoint(r, path);
    if (status == GAN_OK) {
        status = gani_resume_describe(r);
        if (status == GAN_OK) status = check_tensors(r);
        if (roll_backs < r->state.roll_backs) roll_backs = r->state.roll_backs;
        int own = gani_run_owns(run, r->file.path);
        if (status == GAN_OK && !own) status = gani_run_may_claim(run);
        if (status == GAN_OK) /* the last thing that can fail; another run's log goes as a whole */
            status = gani_run_log_cut(run, own ? r->state.step : -1, roll_backs, &r->state.seconds);
        if (status == GAN_OK) {
            if (!own) gani_run_claim(run);
            gani_resume_tell_settings(r);
            apply(r);
        }
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
