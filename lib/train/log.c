/* log.jsonl: one object a line, appended, and cut back when a run goes back to a checkpoint. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run.h"

#define LOG_NAME "log.jsonl"
#define LOG_LIMIT ((size_t)1 << 30)

static gan_status log_error(gan_run *run, const char *what) {
    int code = errno;
    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", code);
    return gani_fail(run->context, GAN_E_IO, "cannot %s '%s/%s': %s", what, run->folder, LOG_NAME, reason);
}

/* ---- history: what the curves are drawn from ---- */

/* A function of the sequence of points alone, so that a resumed run draws the same curves. */
static gan_status remember(gan_run *run, gani_metric *metric, double x, double y) {
    if (metric->x == NULL) {
        metric->x = gani_calloc(run->context, GANI_HISTORY_POINTS, sizeof *metric->x);
        metric->y = gani_calloc(run->context, GANI_HISTORY_POINTS, sizeof *metric->y);
        if (metric->x == NULL || metric->y == NULL) {
            gani_free(run->context, metric->x);
            gani_free(run->context, metric->y);
            metric->x = metric->y = NULL;
            return gani_no_memory(run->context, "curves");
        }
    }
    if (metric->seen++ % metric->stride != 0) return GAN_OK;
    if (metric->count == GANI_HISTORY_POINTS) {
        for (int64_t i = 0; i < metric->count / 2; i++) {
            metric->x[i] = metric->x[2 * i];
            metric->y[i] = metric->y[2 * i];
        }
        metric->count /= 2;
        metric->stride *= 2;
        if ((metric->seen - 1) % metric->stride != 0) return GAN_OK;
    }
    metric->x[metric->count] = x;
    metric->y[metric->count++] = y;
    return GAN_OK;
}

static void forget(gan_run *run) {
    for (int32_t i = 0; i < run->metric_count; i++) {
        gani_free(run->context, run->metrics[i].x);
        gani_free(run->context, run->metrics[i].y);
    }
    memset(run->metrics, 0, sizeof run->metrics);
    run->metric_count = 0;
}

/* ---- appending ---- */

gan_status gani_run_log_open(gan_run *run) {
    if (run->folder == NULL || run->log_file >= 0) return GAN_OK;
    const gani_io *io = run->context->io;
    char *path = gani_run_path(run, LOG_NAME);
    if (path == NULL) return GAN_E_MEMORY;
    gan_status status = GAN_OK;
    int kind;
    run->log_file = io->open_append(path);
    if (run->log_file < 0)
        status = log_error(run, "open");
    else if (!run->log_begun && io->truncate(run->log_file, 0) != 0) /* what another run left there */
        status = log_error(run, "empty");
    else if (io->describe(run->log_file, &kind, &run->log_size) != 0)
        status = log_error(run, "open");
    gani_free(run->context, path);
    if (status != GAN_OK)
        gani_run_log_close(run);
    else
        run->log_begun = 1;
    return status;
}

void gani_run_log_close(gan_run *run) {
    if (run->log_file >= 0) run->context->io->close(run->log_file);
    run->log_file = -1;
}

gan_status gani_run_log_sync(gan_run *run) {
    if (run->log_file < 0 || run->context->io->sync(run->log_file) == 0) return GAN_OK;
    return log_error(run, "write");
}

static gan_status append(gan_run *run) {
    const gani_io *io = run->context->io;
    size_t done = 0;
    while (done < run->line.size) {
        long long written = io->write(run->log_file, run->line.data + done, run->line.size - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            if (written == 0) errno = ENOSPC;
            gan_status status = log_error(run, "write");
            if (done > 0)
                io->truncate(run->log_file, run->log_size); /* no half line, if possible; a resume cuts it otherwise */
            return status;
        }
        done += (size_t)written;
    }
    run->log_size += (long long)run->line.size;
    return GAN_OK;
}

/* Clocks are not worth seventeen digits. */
static double thousandths(double value) { return round(value * 1000) / 1000; }

gan_status gani_run_log_line(gan_run *run) {
    if (run->folder == NULL || run->rate_steps == 0) return GAN_OK; /* no step was made: nothing to tell */
    gani_json_out *line = &run->line;
    gani_json_clear(line);
    gani_json_open(line, '{');
    gani_json_key(line, "step");
    gani_json_put_int(line, run->step);
    gani_json_key(line, "epoch");
    gani_json_put_number(line, gani_run_epochs(run));
    gani_json_key(line, "seconds");
    gani_json_put_number(line, thousandths(gani_run_seconds(run)));
    gani_json_key(line, "images_per_second");
    gani_json_put_number(line, thousandths(gani_run_images_per_second(run)));
    for (int32_t i = 0; i < run->metric_count; i++) {
        if (!run->metrics[i].reported) continue;
        gani_json_key(line, run->metrics[i].name);
        gani_json_put_number(line, run->metrics[i].value);
    }
    gani_json_close(line, '}');
    gani_json_raw(line, "\n", 1);
    gan_status status = line->status != GAN_OK ? line->status : append(run);
    for (int32_t i = 0; i < run->metric_count && status == GAN_OK; i++)
        if (run->metrics[i].reported)
            status = remember(run, &run->metrics[i], (double)run->step, run->metrics[i].value);
    if (status == GAN_OK) run->log_step = run->step;
    return status;
}

/* ---- cutting back ---- */

static int is_service(const char *name) {
    return strcmp(name, "step") == 0 || strcmp(name, "epoch") == 0 || strcmp(name, "seconds") == 0 ||
           strcmp(name, "images_per_second") == 0;
}

/* Takes a line's values into the curves. *step: its step; -1 if it is not a line of a log. */
static gan_status take_line(gan_run *run, const char *text, size_t size, int64_t limit, int64_t *step) {
    *step = -1;
    gani_json json;
    gan_status status = gani_json_parse(&json, run->context, LOG_NAME, "line", text, size);
    if (status == GAN_E_MEMORY) return status;
    if (status != GAN_OK) return GAN_OK;
    int64_t found = gani_json_int(&json, gani_json_member(&json, 0, "step"), 0, INT64_MAX);
    status = GAN_OK;
    if (json.status == GAN_OK) *step = found;
    for (int32_t key = gani_json_first(&json, 0); key >= 0 && *step >= 0 && *step <= limit && status == GAN_OK;
         key = gani_json_next(&json, key)) {
        const char *name = json.text + json.tokens[key].start;
        if (is_service(name) || json.tokens[key + 1].kind != GANI_JSON_NUMBER) continue;
        double value = gani_json_number(&json, key + 1);
        gani_metric *metric = json.status == GAN_OK ? gani_run_metric(run, name) : NULL;
        if (metric != NULL) status = remember(run, metric, (double)*step, value);
    }
    gani_json_end(&json);
    return status;
}

/* *keep: bytes up to the end of the last whole line of a step up to `step`. */
static gan_status find_cut(gan_run *run, const char *text, size_t size, int64_t step, size_t *keep) {
    size_t at = 0;
    *keep = 0;
    run->log_step = -1;
    while (at < size) {
        const char *end = memchr(text + at, '\n', size - at);
        if (end == NULL) return GAN_OK; /* a line that a crash cut off */
        size_t next = (size_t)(end - text) + 1;
        int64_t line_step;
        gan_status status = take_line(run, text + at, next - at - 1, step, &line_step);
        if (status != GAN_OK) return status;
        if (line_step > step) return GAN_OK;
        if (line_step >= 0) {
            run->log_step = line_step;
            *keep = next;
        }
        at = next;
    }
    return GAN_OK;
}

static gan_status cut(gan_run *run, const char *path, long long size) {
    const gani_io *io = run->context->io;
    int file = io->open_append(path);
    if (file < 0) return log_error(run, "open");
    gan_status status = io->truncate(file, size) == 0 && io->sync(file) == 0 ? GAN_OK : log_error(run, "cut back");
    io->close(file);
    return status;
}

gan_status gani_run_log_cut(gan_run *run, int64_t step) {
    if (run->folder == NULL) return GAN_OK;
    gani_run_log_close(run);
    char *path = gani_run_path(run, LOG_NAME);
    if (path == NULL) return GAN_E_MEMORY;
    int is_folder;
    long long there;
    unsigned char *text = NULL;
    size_t size = 0, keep = 0;
    gan_status status = GAN_OK;
    forget(run);
    if (run->context->io->stat(path, &is_folder, &there) == 0 || errno != ENOENT) {
        status = gani_file_read_all(run->context, path, LOG_LIMIT, &text, &size);
        if (status == GAN_OK) status = find_cut(run, (const char *)text, size, step, &keep);
        if (status == GAN_OK && keep < size) status = cut(run, path, (long long)keep);
    }
    gani_free(run->context, text);
    gani_free(run->context, path);
    if (status == GAN_OK) run->log_begun = 1;
    return status;
}
