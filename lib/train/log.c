/* log.jsonl: one object a line, appended, and cut back when a run goes back to a checkpoint. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/run.h"

#define LOG_LIMIT ((size_t)1 << 30)

static gan_status log_error(gan_run *run, const char *what) {
    char reason[GANI_REASON_SIZE];
    gani_io_reason(errno, reason);
    return gani_fail(run->context, GAN_E_IO, "cannot %s '%s/%s': %s", what, run->folder, GANI_LOG_NAME, reason);
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

/* All that is known of metrics, put aside while a log is read. */
typedef struct history {
    gani_metric metrics[GANI_RUN_METRICS];
    int32_t count;
    int64_t log_step;
} history;

static void put_aside(gan_run *run, history *h) {
    memcpy(h->metrics, run->metrics, sizeof h->metrics);
    h->count = run->metric_count;
    h->log_step = run->log_step;
    memset(run->metrics, 0, sizeof run->metrics);
    run->metric_count = 0;
}

void gani_metrics_end(gan_context *context, gani_metric *metrics, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        gani_free(context, metrics[i].x);
        gani_free(context, metrics[i].y);
    }
}

static void put_back(gan_run *run, const history *h) {
    gani_metrics_end(run->context, run->metrics, run->metric_count);
    memcpy(run->metrics, h->metrics, sizeof h->metrics);
    run->metric_count = h->count;
    run->log_step = h->log_step;
}

/* ---- appending ---- */

gan_status gani_run_log_open(gan_run *run) {
    if (run->folder == NULL || run->log_file >= 0) return GAN_OK;
    const gani_io *io = run->context->io;
    char *path = gani_run_path(run, GANI_LOG_NAME);
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
    int waiting = 0;
    for (int32_t i = 0; i < run->metric_count; i++) waiting |= run->metrics[i].waits;
    if (run->folder == NULL || (run->rate.steps == 0 && !waiting))
        return GAN_OK; /* no step was made: nothing to tell */
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
        if (!run->metrics[i].waits) continue;
        gani_json_key(line, run->metrics[i].name);
        gani_json_put_number(line, run->metrics[i].value);
    }
    gani_json_close(line, '}');
    gani_json_raw(line, "\n", 1);
    gan_status status = line->status != GAN_OK ? line->status : append(run);
    for (int32_t i = 0; i < run->metric_count && status == GAN_OK; i++) {
        if (!run->metrics[i].waits) continue;
        status = remember(run, &run->metrics[i], (double)run->step, run->metrics[i].value);
        run->metrics[i].waits = 0;
    }
    if (status == GAN_OK) run->log_step = run->step;
    return status;
}

/* Begins a line that tells of an event; put_course says in which course it was. */
static gani_json_out *begin_event(gan_run *run, const char *event) {
    gani_json_out *line = &run->line;
    gani_json_clear(line);
    gani_json_open(line, '{');
    gani_json_key(line, "event");
    gani_json_put_text(line, event);
    gani_json_key(line, "step");
    gani_json_put_int(line, run->step);
    return line;
}

static void put_course(gan_run *run) {
    gani_json_key(&run->line, "roll_backs");
    gani_json_put_int(&run->line, run->roll_backs);
}

static gan_status end_event(gan_run *run) {
    gani_json_out *line = &run->line;
    gani_json_close(line, '}');
    gani_json_raw(line, "\n", 1);
    return line->status != GAN_OK ? line->status : append(run);
}

gan_status gani_run_log_health(gan_run *run, const char *what, double value, double bound, const char *action) {
    if (run->folder == NULL) return GAN_OK;
    gani_json_out *line = begin_event(run, "unhealthy");
    put_course(run);
    gani_json_key(line, "what");
    gani_json_put_text(line, what);
    gani_json_key(line, "value");
    gani_json_put_number(line, value);
    gani_json_key(line, "bound");
    gani_json_put_number(line, bound);
    gani_json_key(line, "action");
    gani_json_put_text(line, action);
    return end_event(run);
}

gan_status gani_run_log_roll_back(gan_run *run, int64_t failed_step, const char *reason) {
    gani_json_out *line = begin_event(run, "roll_back");
    gani_json_key(line, "failed_step");
    gani_json_put_int(line, failed_step);
    put_course(run);
    gani_json_key(line, "learning_rate_factor");
    gani_json_put_number(line, run->options.roll_back_factor);
    gani_json_key(line, "reason");
    gani_json_put_text(line, reason);
    return end_event(run);
}

/* ---- cutting back ---- */

typedef struct log_line {
    int64_t step;       /* -1: this is not a line of a log */
    int64_t roll_backs; /* of a line that tells of one; 0 otherwise */
    double seconds;     /* -1: it does not say */
} log_line;

/* Takes the values of a line up to the step `limit` into the curves. */
static gan_status take_line(gan_run *run, const char *text, size_t size, int64_t limit, log_line *line) {
    *line = (log_line){-1, 0, -1};
    gani_json json;
    gan_status status = gani_json_parse(&json, run->context, GANI_LOG_NAME, "line", text, size);
    if (status == GAN_E_MEMORY) return status;
    if (status != GAN_OK) return GAN_OK;
    int is_event = gani_json_find(&json, 0, "event") >= 0, seconds = gani_json_find(&json, 0, "seconds");
    int64_t step = gani_json_int(&json, gani_json_member(&json, 0, "step"), 0, INT64_MAX), roll_backs = 0;
    if (is_event) roll_backs = gani_json_int(&json, gani_json_member(&json, 0, "roll_backs"), 0, INT64_MAX);
    double took = seconds < 0 ? -1 : gani_json_number(&json, seconds);
    status = GAN_OK;
    if (json.status == GAN_OK) *line = (log_line){step, roll_backs, took};
    int wanted = json.status == GAN_OK && !is_event && step <= limit;
    for (int32_t key = gani_json_first(&json, 0); key >= 0 && wanted && status == GAN_OK;
         key = gani_json_next(&json, key)) {
        const char *name = json.text + json.tokens[key].start;
        if (!gani_run_is_metric(name) || json.tokens[key + 1].kind != GANI_JSON_NUMBER) continue;
        double value = gani_json_number(&json, key + 1);
        gani_metric *metric = json.status == GAN_OK ? gani_run_metric(run, name) : NULL;
        if (metric != NULL) status = remember(run, metric, (double)step, value);
    }
    gani_json_end(&json);
    return status;
}

/* *keep: bytes up to the end of the last whole line of a step up to `step`, in the course that had `roll_backs`. */
static gan_status find_cut(gan_run *run, const char *text, size_t size, int64_t step, int64_t roll_backs, size_t *keep,
                           double *seconds) {
    size_t at = 0;
    *keep = 0;
    run->log_step = -1;
    while (at < size) {
        const char *end = memchr(text + at, '\n', size - at);
        if (end == NULL) return GAN_OK; /* a line that a crash cut off */
        size_t next = (size_t)(end - text) + 1;
        log_line line;
        gan_status status = take_line(run, text + at, next - at - 1, step, &line);
        if (status != GAN_OK) return status;
        if (line.step > step || line.roll_backs > roll_backs) return GAN_OK;
        if (line.step >= 0) *keep = next;
        if (line.step >= 0 && line.seconds >= 0) {
            run->log_step = line.step;
            *seconds = line.seconds;
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

gan_status gani_run_log_cut(gan_run *run, int64_t step, int64_t roll_backs, double *seconds) {
    *seconds = 0;
    if (run->folder == NULL) return GAN_OK;
    gani_run_log_close(run);
    char *path = gani_run_path(run, GANI_LOG_NAME);
    if (path == NULL) return GAN_E_MEMORY;
    int is_folder;
    long long there;
    unsigned char *text = NULL;
    size_t size = 0, keep = 0;
    gan_status status = GAN_OK;
    history before;
    put_aside(run, &before);
    if (run->context->io->stat(path, &is_folder, &there) == 0 || errno != ENOENT) {
        status = gani_file_read_all(run->context, path, LOG_LIMIT, &text, &size);
        if (status == GAN_OK) status = find_cut(run, (const char *)text, size, step, roll_backs, &keep, seconds);
        if (status == GAN_OK && keep < size) status = cut(run, path, (long long)keep);
    }
    gani_free(run->context, text);
    gani_free(run->context, path);
    if (status != GAN_OK) {
        put_back(run, &before);
        return status;
    }
    gani_metrics_end(run->context, before.metrics, before.count);
    run->log_begun = 1;
    return GAN_OK;
}
