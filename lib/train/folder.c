/* A run's folder: which checkpoints there are, which of them stay, whose it is. */
#include <stdio.h>
#include <string.h>

#include "base/sort.h"
#include "train/run.h"

/* ---- which ones there are ---- */

#define PREFIX "checkpoint-"
#define SUFFIX ".safetensors"
#define DIGITS "0123456789"

int64_t gani_checkpoint_step(const char *name) {
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) return -1;
    const char *digits = name + strlen(PREFIX);
    size_t count = strspn(digits, DIGITS);
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
    l->steps[l->count++] = step;
    return 0;
}

static int is_later(const void *user, int32_t a, int32_t b) {
    const int64_t *steps = user;
    return steps[a] > steps[b];
}

/* The newest first. */
static int sort_steps(listing *l) {
    if (l->count == 0) return 1;
    int32_t *order = gani_alloc(l->context, (size_t)l->count * sizeof *order);
    int64_t *sorted = gani_alloc(l->context, (size_t)l->count * sizeof *sorted);
    int enough = order != NULL && sorted != NULL;
    for (int32_t i = 0; enough && i < l->count; i++) order[i] = i;
    if (enough) gani_sort(order, l->count, is_later, l->steps);
    for (int32_t i = 0; enough && i < l->count; i++) sorted[i] = l->steps[order[i]];
    gani_free(l->context, order);
    gani_free(l->context, enough ? l->steps : sorted);
    if (enough) l->steps = sorted;
    return enough;
}

gan_status gani_checkpoint_list(gan_context *context, const char *folder, int64_t **steps, int32_t *count) {
    listing l = {.context = context};
    int result = context->io->list(folder, list_entry, &l);
    if (!l.failed && result == 0) l.failed = !sort_steps(&l);
    if (l.failed || result != 0) {
        gani_free(context, l.steps);
        return l.failed ? gani_no_memory(context, folder)
                        : gani_fail(context, GAN_E_IO, "cannot list the folder '%s'", folder);
    }
    *steps = l.steps;
    *count = l.count;
    return GAN_OK;
}

/* A file that runs write; sheets are fakes-NNNNNN.png. */
static int is_ours(const char *name) {
    static const char *const ours[] = {GANI_MODEL_NAME, GANI_BEST_MODEL_NAME, GANI_BEST_CHECKPOINT_NAME,
                                       GANI_REALS_NAME, GANI_CURVES_NAME};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(name, ours[i]) == 0) return 1;
    size_t digits = strncmp(name, "fakes-", 6) == 0 ? strspn(name + 6, DIGITS) : 0;
    return (digits >= 6 && strcmp(name + 6 + digits, ".png") == 0) || gani_checkpoint_step(name) >= 0;
}

/* "reals.png.4711-0.tmp": what a process that was killed left of a file of ours (base/io.c). */
static int is_leftover(const char *name) {
    char whole[GANI_CHECKPOINT_NAME_SIZE + 64];
    size_t length = strlen(name);
    if (length >= sizeof whole || length < 4 || strcmp(name + length - 4, ".tmp") != 0) return 0;
    memcpy(whole, name, length - 4);
    whole[length - 4] = '\0';
    char *dot = strrchr(whole, '.');
    if (dot == NULL) return 0;
    size_t process = strspn(dot + 1, DIGITS);
    const char *attempt = dot + 1 + process + 1;
    if (process == 0 || attempt[-1] != '-' || attempt[0] == '\0' || attempt[strspn(attempt, DIGITS)] != '\0') return 0;
    *dot = '\0';
    return is_ours(whole);
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

gan_status gani_run_remove_old(gan_run *run) {
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

/* ---- whose it is ---- */

/* The next component of a path that means something; its length is *size, 0 at the end. */
static const char *component(const char *at, size_t *size) {
    for (;;) {
        at += strspn(at, "/");
        *size = strcspn(at, "/");
        if (*size != 1 || at[0] != '.') return at;
        at++;
    }
}

int gani_run_owns(const gan_run *run, const char *path) {
    if (run->folder == NULL) return 1; /* no files, no strangers */
    const char *folder = run->folder;
    if ((folder[0] == '/') != (path[0] == '/')) return 0;
    for (;;) {
        size_t a, b;
        folder = component(folder, &a);
        path = component(path, &b);
        if (a == 0) { /* one component is left: the file's name */
            size_t after;
            component(path + b, &after);
            return b > 0 && after == 0;
        }
        if (a != b || memcmp(folder, path, a) != 0) return 0;
        folder += a;
        path += b;
    }
}

static gan_status holds(gan_run *run, const char *name, int *is_there) {
    int is_folder;
    long long size = 0;
    char *path = gani_run_path(run, name);
    if (path == NULL) return GAN_E_MEMORY;
    *is_there = run->context->io->stat(path, &is_folder, &size) == 0 && size > 0;
    gani_free(run->context, path);
    return GAN_OK;
}

gan_status gani_run_may_claim(gan_run *run) {
    if (run->folder == NULL) return GAN_OK;
    int64_t *steps;
    int32_t count;
    gan_status status = gani_checkpoint_list(run->context, run->folder, &steps, &count);
    if (status != GAN_OK) return status;
    gani_free(run->context, steps);
    static const char *const fruits[] = {GANI_MODEL_NAME, GANI_BEST_MODEL_NAME, GANI_BEST_CHECKPOINT_NAME};
    int logged = 0, bore = run->options.checkpoint_interval == 0;
    status = holds(run, GANI_LOG_NAME, &logged);
    for (size_t i = 0; i < sizeof fruits / sizeof fruits[0] && status == GAN_OK && !bore; i++)
        status = holds(run, fruits[i], &bore);
    if (status != GAN_OK) return status;
    /* a run that was killed before its first checkpoint has left nothing to go on with but its first lines */
    int is_begun = count > 0 || (logged && bore);
    if (is_begun && !run->options.overwrite)
        return gani_fail(run->context, GAN_E_STATE,
                         "the folder '%s' holds another run: go on with it (resume, with the folder named as "
                         "here), take another folder, or allow its log and checkpoints to be overwritten (overwrite)",
                         run->folder);
    return GAN_OK;
}

void gani_run_claim(gan_run *run) {
    static const char *const best[] = {GANI_BEST_MODEL_NAME, GANI_BEST_CHECKPOINT_NAME};
    for (size_t i = 0; i < sizeof best / sizeof best[0] && run->folder != NULL; i++) {
        char *path = gani_run_path(run, best[i]);
        if (path != NULL) run->context->io->remove(path); /* most often there is none */
        gani_free(run->context, path);
    }
}
