/* Training processes that are killed at random moments, some of them in the middle of a write, and go on from what they
 * left: the last checkpoint has the same bytes as that of a run that nobody killed.
 *
 * 100 kills with GAN_TEST_FULL=1 in the environment, 20 without. The moments come from a seed: an
 * operation on files (before it, after it, or with half of a write done), a phase of a step, a time. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <gan.h>

#include "base/rng.h"
#include "failing_io.h"
#include "files.h"
#include "run_fixture.h"

enum { STEPS = 24, TRIALS = 100, SEED = 20261121 };
enum { BEFORE, AFTER, HALF, IN_PHASE, AT_TIME, KINDS };
static const char *const kinds[] = {"before operation", "after operation", "in the middle of operation", "in step",
                                    "after microseconds"};

/* ---- the file operations of a process that is going to die ---- */

static long long operations, die_at; /* 0: it does not */
static int die_how;

static int now(void) {
    operations++;
    if (operations == die_at && die_how == BEFORE) raise(SIGKILL);
    return operations == die_at;
}
static void then(int dies) {
    if (dies) raise(SIGKILL);
}

static int io_create(const char *path) {
    int dies = now(), file = gani_io_system.create(path);
    then(dies);
    return file;
}
static int io_open_append(const char *path) {
    int dies = now(), file = gani_io_system.open_append(path);
    then(dies);
    return file;
}
static long long io_write(int file, const void *buffer, size_t size) {
    int dies = now();
    long long written = gani_io_system.write(file, buffer, dies && die_how == HALF ? size / 2 : size);
    then(dies);
    return written;
}
static int io_truncate(int file, long long size) {
    int dies = now(), result = gani_io_system.truncate(file, size);
    then(dies);
    return result;
}
static int io_close(int file) {
    int dies = now(), result = gani_io_system.close(file);
    then(dies);
    return result;
}
static int io_rename(const char *from, const char *to) {
    int dies = now(), result = gani_io_system.rename(from, to);
    then(dies);
    return result;
}
static int io_remove(const char *path) {
    int dies = now(), result = gani_io_system.remove(path);
    then(dies);
    return result;
}

static gani_io mortal_io(void) {
    gani_io io = quick_io();
    io.create = io_create;
    io.open_append = io_open_append;
    io.write = io_write;
    io.truncate = io_truncate;
    io.close = io_close;
    io.rename = io_rename;
    io.remove = io_remove;
    return io;
}

/* ---- a run ---- */

static int64_t die_in_step; /* 0: in none */

static gan_status mortal_phase(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    (void)tape;
    int64_t step = gan_run_step(run) + 1;
    if (step == die_in_step) raise(SIGKILL);
    return step % 5 == 0 ? gan_run_report_value(run, "quality", (double)((step * 7) % 11)) : GAN_OK;
}

/* With everything that has a state: two rules, clipping, a schedule, an average, losses that remember, a pool, a best,
 * and a NaN that makes it go back once. */
static void begin(run_fixture *f, const char *folder, int32_t threads) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    gan_schedule_options schedule;
    setup.rmsprop = 2;
    setup.stateful = 1;
    setup.threads = threads;
    fixture_options(&options, folder, STEPS);
    options.checkpoint_interval = 3;
    options.checkpoint_keep = 1;
    options.sample_interval = 12;
    options.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    options.best_metric = "quality";
    options.overwrite = 1; /* killed before its first checkpoint, it begins anew */
    fixture_begin(f, &setup, &options);
    assert_int_equal(gan_run_add_phase(f->run, "mortal", mortal_phase, NULL), GAN_OK);
    assert_int_equal(gan_optimizer_set_clipping(f->optimizer_d, 0.2, 0.5), GAN_OK);
    gan_schedule_options_init(&schedule);
    schedule.kind = GAN_SCHEDULE_COSINE;
    schedule.length = 30;
    assert_int_equal(gan_optimizer_set_schedule(f->optimizer_d, &schedule), GAN_OK);
    f->nan_at = 14;
    f->nan_rate = 1.5e-4;
}

/* Goes on from what is there, or begins. */
static gan_status go_on(run_fixture *f, const char *folder) {
    gan_status status = gan_run_resume(f->run, folder);
    if (status != GAN_OK && strstr(gan_context_error(f->context), "there is no checkpoint") == NULL) return status;
    return gan_run_train(f->run);
}

static char whole[FILES_PATH], killed[FILES_PATH];
static long long whole_operations;
static double whole_microseconds;

static double microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void make_reference(void) {
    run_fixture f;
    double begun = microseconds();
    begin(&f, whole, 1);
    operations = die_at = 0;
    f.io = mortal_io();
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    whole_operations = operations;
    whole_microseconds = microseconds() - begun;
}

static void compare_file(const char *name, const char *moment) {
    char a[FILES_PATH], b[FILES_PATH];
    size_t size_a, size_b;
    unsigned char *x = files_read(files_join(a, whole, name), &size_a),
                  *y = files_read(files_join(b, killed, name), &size_b);
    if (size_a != size_b || memcmp(x, y, size_a) != 0) fail_msg("killed %s: %s differs", moment, name);
    free(x);
    free(y);
}

/* Every step once and in order; the roll-back once. */
static void check_log(const char *moment) {
    char path[FILES_PATH], start[32];
    size_t size;
    char *text = (char *)files_read(files_join(path, killed, "log.jsonl"), &size), *at = text;
    text[size] = '\0';
    for (int step = 1; step <= STEPS; step++) {
        if (step == 13) {
            if (strncmp(at, "{\"event\":\"roll_back\",\"step\":12,", 31) != 0)
                fail_msg("killed %s: the log has '%.40s'", moment, at);
            at = strchr(at, '\n') + 1;
        }
        snprintf(start, sizeof start, "{\"step\":%d,", step);
        if (strncmp(at, start, strlen(start)) != 0) fail_msg("killed %s: the log has '%.40s'", moment, at);
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(*at, 0);
    free(text);
}

/* ---- the kills ---- */

/* 1 if the process died of it; it may also have been done by then. */
static int kill_once(uint64_t number, char moment[96]) {
    uint32_t lanes[4];
    gani_philox(SEED, 0, number, lanes);
    int kind = (int)(lanes[0] % KINDS);
    long long at = kind == IN_PHASE  ? 1 + (long long)(lanes[1] % STEPS)
                   : kind == AT_TIME ? (long long)(lanes[1] * 0x1p-32 * whole_microseconds)
                                     : 1 + (long long)(lanes[1] % (uint64_t)whole_operations);
    snprintf(moment, 96, "%s %lld (kill %llu)", kinds[kind], at, (unsigned long long)number);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_fixture f;
        begin(&f, killed, 1 + (int32_t)(lanes[2] % 3));
        f.io = mortal_io();
        operations = 0;
        die_at = kind <= HALF ? at : 0;
        die_how = kind;
        die_in_step = kind == IN_PHASE ? at : 0;
        _exit(go_on(&f, killed) == GAN_OK ? 0 : 1);
    }
    if (kind == AT_TIME) {
        struct timespec pause = {at / 1000000, at % 1000000 * 1000};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return 1;
    }
    assert_int_equal(WEXITSTATUS(status), 0); /* done before that moment came: there is less to do after a resume */
    return 0;
}

static void test_kill(void **state) {
    (void)state;
    static const char *const same[] = {"checkpoint-000024.safetensors", "best-checkpoint.safetensors",
                                       "best-model.safetensors", "model.safetensors", "fakes-000024.png"};
    const char *full = getenv("GAN_TEST_FULL");
    uint64_t stride = full != NULL && strcmp(full, "1") == 0 ? 1 : 5 * (uint64_t)host_stride(), number = 0;
    int kills = 0, wanted = TRIALS / (int)stride;
    files_folder(whole);
    make_reference();
    while (kills < wanted) {
        char moment[96];
        files_folder(killed);
        do kills += kill_once(number, moment); /* every third process that goes on is killed again */
        while (number++ % 3 == 0 && kills < wanted);
        run_fixture f;
        begin(&f, killed, 1);
        gan_status status = go_on(&f, killed);
        if (status != GAN_OK) fail_msg("killed %s: %s", moment, gan_context_error(f.context));
        fixture_end(&f);
        for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) compare_file(same[i], moment);
        check_log(moment);
        assert_int_equal(files_count(killed), files_count(whole)); /* no half file is left */
        files_remove(killed);
        if (number > 4 * TRIALS) fail_msg("only %d of %d processes died in time", kills, wanted);
    }
    files_remove(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
