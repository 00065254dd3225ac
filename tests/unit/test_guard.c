/* Runs that diverge and go back, what was best, folders that are in use, parts that were forgotten. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#include <gan.h>

#include "compare.h"
#include "files.h"
#include "folder_fixture.h"
#include "host.h"
#include "run_fixture.h"
#include "train/run.h"

#define STEPS 40

static int count_words(const char *text, const char *words) {
    int count = 0;
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words)) count++;
    return count;
}

/* ---- going back ---- */

typedef struct trouble { /* the setting of a run that meets NaN */
    int64_t at;
    int32_t kind;
    double while_rate; /* of G: 2e-4 in the beginning, halved by each roll-back */
    double factor;
} trouble;
static const trouble once = {14, FIXTURE_NAN_METRIC, 1.5e-4, 0.5}, twice = {14, FIXTURE_NAN_GRADIENT, 0.8e-4, 0.5},
                     at_checkpoint = {20, FIXTURE_NAN_PARAMETER, 1.5e-4, 0.5},
                     always = {14, FIXTURE_NAN_METRIC, 0, 0.5};

static void begin(run_fixture *f, const char *where, const trouble *t) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, where, STEPS);
    options.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    options.roll_back_factor = t->factor;
    fixture_begin(f, &setup, &options);
    f->nan_at = t->at;
    f->nan_kind = t->kind;
    f->nan_rate = t->while_rate;
}

static uint64_t train(const char *where, const trouble *t) {
    run_fixture f;
    begin(&f, where, t);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(gan_run_step(f.run), STEPS);
    uint64_t digest = fixture_digest(&f);
    fixture_end(&f);
    return digest;
}

static void check_event(const char *where, int events, const char *line) {
    char *log = files_read_log(where);
    assert_int_equal(count_words(log, "\"event\""), events);
    if (strstr(log, line) == NULL) fail_msg("no '%s' in %s", line, log);
    for (int step = 1; step <= STEPS; step++) { /* every step once */
        char start[32];
        snprintf(start, sizeof start, "{\"step\":%d,", step);
        assert_int_equal(count_words(log, start), 1);
    }
    free(log);
}

static void test_roll_back(void **state) {
    (void)state;
    static const trouble none = {0, FIXTURE_NAN_METRIC, 0, 0.5};
    uint64_t plain = train(other, &none), one = train(folder, &once);
    assert_true(plain != one);
    check_event(
        folder, 1,
        "\n{\"event\":\"roll_back\",\"step\":10,\"failed_step\":14,\"roll_backs\":1,\"learning_rate_factor\":0.5,"
        "\"reason\":\"'odd' is not a number in step 14");
    files_remove(folder);
    files_folder(folder);
    assert_true(train(folder, &twice) != one);
    check_event(
        folder, 2,
        "\n{\"event\":\"roll_back\",\"step\":10,\"failed_step\":14,\"roll_backs\":2,\"learning_rate_factor\":0.5,"
        "\"reason\":\"optimizer: the loss is not a number");
    files_remove(folder);
    files_folder(folder);
    train(folder, &at_checkpoint);
    check_event(
        folder, 1,
        "\n{\"event\":\"roll_back\",\"step\":10,\"failed_step\":20,\"roll_backs\":1,\"learning_rate_factor\":0.5,"
        "\"reason\":\"'generator.0.weight' is not finite after step 20");
}

/* With the same learning rates, random numbers and the order of the data change all the same. */
static void test_another_course(void **state) {
    (void)state;
    static const trouble first = {3, FIXTURE_NAN_METRIC, 0, 1};
    float pixels[2][784];
    for (int rolled = 0; rolled <= 1; rolled++) {
        gan_tensor *images = NULL;
        run_fixture f;
        begin(&f, rolled ? folder : other, &first);
        f.cancel_at = 1;
        if (!rolled) f.nan_at = 0;
        if (rolled) f.cancel_at = 0;
        assert_int_equal(gan_run_train(f.run), rolled ? GAN_E_NUMERIC : GAN_E_CANCELLED);
        assert_int_equal(gan_optimizer_learning_rate(f.optimizer_g) == 2e-4, 1);
        /* three times back to step 0, and two steps from there */
        assert_true(gan_context_position(f.context, GAN_STREAM_NOISE) >> 48 == (rolled ? 3u : 0u));
        assert_int_equal(gan_loader_set_position(f.loader, 0), GAN_OK);
        assert_int_equal(gan_loader_next(f.loader, &images, NULL), GAN_OK);
        memcpy(pixels[rolled], gan_tensor_const_data(images), sizeof pixels[rolled]);
        fixture_end(&f);
    }
    assert_memory_not_equal(pixels[0], pixels[1], sizeof pixels[0]);
}

static void test_roll_backs_end(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, folder, &always);
    assert_int_equal(gan_run_train(f.run), GAN_E_NUMERIC);
    assert_non_null(strstr(gan_context_error(f.context), "'odd' is not a number in step 14"));
    assert_non_null(strstr(gan_context_error(f.context), "(after 3 roll-backs)"));
    assert_true(compare_number("rate", gan_optimizer_learning_rate(f.optimizer_g), 2e-4 / 8, 1e-15));
    assert_int_equal(gan_run_train(f.run), GAN_E_STATE);
    fixture_end(&f);
    char *log = files_read_log(folder);
    assert_int_equal(count_words(log, "\"event\":\"roll_back\""), 3);
    assert_int_equal(count_words(log, "{\"step\":13,"), 1);
    free(log);
}

/* Killed and cancelled before, during and after the course that is left: the same bits as if never. */
static int64_t die_at;
static int32_t die(void *user, const gan_progress *p) {
    (void)user;
    if (p->step == die_at) raise(SIGKILL);
    return 0;
}

static void interrupt(const trouble *t, int64_t at, int kills) {
    run_fixture f;
    if (kills) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            begin(&f, folder, t);
            die_at = at;
            gan_run_set_progress(f.run, die, NULL);
            gan_run_train(f.run);
            _exit(1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    } else {
        begin(&f, folder, t);
        f.cancel_at = at;
        assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
        fixture_end(&f);
    }
    begin(&f, folder, t);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
}

static void test_interrupted(void **state) {
    (void)state;
    static const trouble *const troubles[] = {&once, &twice, &at_checkpoint};
    for (size_t t = 0; t < 3; t++) {
        files_remove(other);
        files_folder(other);
        train(other, troubles[t]);
        for (int64_t at = 8; at <= 26; at += 3 * host_sweep_step(3)) {
            for (int kills = 0; kills <= 1; kills++) {
                files_remove(folder);
                files_folder(folder);
                interrupt(troubles[t], at, kills);
                assert_same("checkpoint-000040.safetensors");
                assert_same("model.safetensors");
                check_event(folder, troubles[t] == &twice ? 2 : 1, "\"roll_backs\":1");
            }
        }
    }
}

static void write_junk(const char *where, const char *name) {
    char path[FILES_PATH];
    files_write(files_join(path, where, name), "spoilt", 6);
}

static int is_there(const char *name) {
    char path[FILES_PATH];
    return files_exist(files_join(path, folder, name));
}

static const char *const from_10_at_14 = "\n{\"event\":\"roll_back\",\"step\":10,\"failed_step\":14,";

/* The newest checkpoint is damaged: the one before is as good. */
static void test_damaged_newest(void **state) {
    (void)state;
    static const trouble late = {24, FIXTURE_NAN_METRIC, 1.5e-4, 0.5};
    run_fixture f;
    begin(&f, folder, &late);
    f.run->options.checkpoint_keep = 3; /* that of the cancelled run is none to go back to */
    f.cancel_at = 22;
    assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
    write_junk(folder, "checkpoint-000020.safetensors");
    f.cancel_at = 0;
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    check_event(folder, 1, "\n{\"event\":\"roll_back\",\"step\":10,\"failed_step\":24,");
}

static int (*remove_any)(const char *path);
static int keep_90(const char *path) { return strstr(path, "checkpoint-000090") != NULL ? -1 : remove_any(path); }

/* What another run left there and nobody can remove is newer, and not of this run. */
static void test_newer_leftover(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, folder, 90);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    begin(&f, folder, &once);
    f.run->options.overwrite = 1;
    remove_any = f.io.remove;
    f.io.remove = keep_90;
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(gan_run_step(f.run), STEPS);
    fixture_end(&f);
    assert_true(is_there("checkpoint-000090.safetensors"));
    check_event(folder, 1, from_10_at_14);
}

/* The newest regular checkpoint stays as long as a run may go back to it, whatever cancelled ones leave. */
static void test_way_back_is_kept(void **state) {
    (void)state;
    for (int32_t guarded = 0; guarded <= 1; guarded++) {
        fixture_setup setup = fixture_default();
        gan_run_options options;
        files_remove(folder);
        fixture_options(&options, files_folder(folder), STEPS);
        options.on_divergence = guarded ? GAN_DIVERGENCE_ROLL_BACK : GAN_DIVERGENCE_STOP;
        options.checkpoint_keep = 1;
        for (int64_t at = 13; at <= 14; at++) {
            run_fixture f;
            fixture_begin(&f, &setup, &options);
            if (at == 14) assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
            f.cancel_at = at;
            assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
            fixture_end(&f);
        }
        assert_int_equal(is_there("checkpoint-000010.safetensors"), guarded);
        assert_false(is_there("checkpoint-000013.safetensors"));
        assert_true(is_there("checkpoint-000014.safetensors"));
    }
}

/* Without a checkpoint that can be read there is no way back. */
static void test_nowhere_to_go(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, folder, &once);
    f.cancel_at = 12;
    assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
    for (int step = 0; step <= 10; step += 10) {
        char name[GANI_CHECKPOINT_NAME_SIZE];
        gani_checkpoint_name(step, name);
        if (is_there(name)) write_junk(folder, name);
    }
    f.cancel_at = 0;
    assert_int_equal(gan_run_train(f.run), GAN_E_FORMAT);
    assert_int_equal(gan_run_train(f.run), GAN_E_STATE);
    fixture_end(&f);
}

/* A NaN in a parameter or an average does not get into a checkpoint or a model, guard or not. */
static void test_parameters_stop(void **state) {
    (void)state;
    for (int32_t kind = FIXTURE_NAN_PARAMETER; kind <= FIXTURE_NAN_AVERAGE; kind++) {
        fixture_setup setup = fixture_default();
        gan_run_options options;
        run_fixture f;
        files_remove(folder);
        fixture_options(&options, files_folder(folder), 20);
        fixture_begin(&f, &setup, &options);
        f.nan_at = 20;
        f.nan_kind = kind;
        assert_int_equal(gan_run_train(f.run), GAN_E_NUMERIC);
        assert_non_null(strstr(gan_context_error(f.context), kind == FIXTURE_NAN_AVERAGE
                                                                 ? "'average.0.weight' is not finite after step 20"
                                                                 : "'generator.0.weight' is not finite after step 20"));
        assert_int_equal(gan_run_train(f.run), GAN_E_STATE);
        fixture_end(&f);
        assert_true(is_there("checkpoint-000010.safetensors"));
        assert_false(is_there("checkpoint-000020.safetensors"));
    }
}

/* ---- the best ---- */

/* Reported in every fourth step: 4 .. 40. */
static const double qualities[] = {9, 7, 8, 5, 5, 6, 3, 4, 9, 9};
static gan_status measure(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    (void)tape;
    int64_t step = gan_run_step(run) + 1;
    return step % 4 != 0 ? GAN_OK : gan_run_report_value(run, "quality", qualities[step / 4 - 1]);
}

static void begin_best(run_fixture *f, const char *where, int32_t highest) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, where, STEPS);
    options.best_metric = "quality";
    options.best_is_highest = highest;
    fixture_begin(f, &setup, &options);
    assert_int_equal(gan_run_add_phase(f->run, "measure", measure, NULL), GAN_OK);
}

static void check_best(const char *where, int64_t step) {
    char path[FILES_PATH];
    run_fixture f;
    begin_best(&f, NULL, 0);
    assert_int_equal(gan_run_resume(f.run, files_join(path, where, "best-checkpoint.safetensors")), GAN_OK);
    assert_int_equal(gan_run_step(f.run), step);
    gan_model *model;
    assert_int_equal(gan_model_load(&model, f.context, files_join(path, where, "best-model.safetensors")), GAN_OK);
    const gan_tensor *a = gan_layer_tensor(gan_model_layer(model), 0), *b = gan_layer_tensor(gan_ema_layer(f.ema), 0);
    assert_memory_equal(gan_tensor_const_data(a), gan_tensor_const_data(b), (size_t)gan_tensor_count(a) * 4);
    gan_model_release(model);
    fixture_end(&f);
}

static void test_best(void **state) {
    (void)state;
    run_fixture f;
    begin_best(&f, folder, 0);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    check_best(folder, 28);
    begin_best(&f, other, 1);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    check_best(other, 4); /* the first of equals */
}

static void test_best_survives(void **state) {
    (void)state;
    run_fixture f;
    begin_best(&f, other, 0);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    for (int64_t at = 17; at <= 30; at += 13) {
        files_remove(folder);
        files_folder(folder);
        begin_best(&f, folder, 0);
        f.cancel_at = at;
        assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
        fixture_end(&f);
        check_best(folder, at == 17 ? 16 : 28);
        begin_best(&f, folder, 0);
        assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        fixture_end(&f);
        assert_same("best-checkpoint.safetensors");
        assert_same("best-model.safetensors");
        assert_same("checkpoint-000040.safetensors");
    }
}

/* Lowest in step 12, but only before the roll-back; after it each value is at least below those before step 12. */
static gan_status measure_once(void *user, gan_run *run, gan_tape *tape) {
    int *lowest = user;
    (void)tape;
    int64_t step = gan_run_step(run) + 1;
    if (step % 4 != 0) return GAN_OK;
    if (step == 12 && (*lowest)++ == 0) return gan_run_report_value(run, "quality", 1);
    return gan_run_report_value(run, "quality", 9 - 0.1 * (double)step);
}

/* A roll-back leaves the best files where they are, so nothing worse may take their place. */
static void test_best_over_a_roll_back(void **state) {
    (void)state;
    int lowest = 0;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, folder, STEPS);
    options.best_metric = "quality";
    options.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_add_phase(f.run, "measure", measure_once, &lowest), GAN_OK);
    f.nan_at = once.at;
    f.nan_kind = once.kind;
    f.nan_rate = once.while_rate;
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(lowest, 2);
    assert_int_equal(f.run->best_step, 12);
    assert_true(f.run->best_value == 1);
    fixture_end(&f);
    check_event(folder, 1, from_10_at_14);
    check_best(folder, 12);
}

/* What was the lowest is nothing to a run that looks for the highest. */
static void test_best_is_another(void **state) {
    (void)state;
    run_fixture f;
    begin_best(&f, folder, 0);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    for (int32_t highest = 0; highest <= 1; highest++) {
        begin_best(&f, folder, highest);
        assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
        assert_int_equal(f.run->best_step, highest ? -1 : 28);
        fixture_end(&f);
    }
}

/* What could not be written is written by the next call, and not taken for written. */
static void test_best_in_the_way(void **state) {
    (void)state;
    static const char *const names[] = {"best-model.safetensors", "best-checkpoint.safetensors"};
    for (int i = 0; i < 2; i++) {
        char path[FILES_PATH], inside[FILES_PATH];
        files_remove(folder);
        files_folder(folder);
        files_make_folder(files_join(path, folder, names[i]));
        files_write(files_join(inside, path, "file"), "x", 1); /* so that it cannot be removed */
        run_fixture f;
        begin_best(&f, folder, 1); /* the first is the best */
        assert_int_equal(gan_run_train(f.run), GAN_E_IO);
        assert_int_equal(gan_run_step(f.run), 4);
        assert_int_equal(gan_run_train(f.run), GAN_E_IO);
        assert_int_equal(gan_run_step(f.run), 4);
        files_remove(path);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        fixture_end(&f);
        check_best(folder, 4);
    }
}

/* ---- folders ---- */

static gan_status train_every(const char *where, int64_t steps, int32_t overwrite, int64_t interval) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, where, steps);
    options.overwrite = overwrite;
    options.checkpoint_interval = interval;
    fixture_begin(&f, &setup, &options);
    gan_status status = gan_run_train(f.run);
    if (status == GAN_E_STATE) {
        assert_non_null(strstr(gan_context_error(f.context), where));
        assert_non_null(strstr(gan_context_error(f.context), "(resume, "));
    }
    fixture_end(&f);
    return status;
}

static gan_status train_in(const char *where, int64_t steps, int32_t overwrite) {
    return train_every(where, steps, overwrite, 10);
}

static void test_used_folder(void **state) {
    (void)state;
    char path[FILES_PATH], best[FILES_PATH];
    assert_int_equal(train_in(folder, 15, 0), GAN_OK);
    char *before = files_read_log(folder);
    assert_int_equal(train_in(folder, 5, 0), GAN_E_STATE);
    char *after = files_read_log(folder);
    assert_string_equal(before, after);
    free(before);
    free(after);
    files_write(files_join(best, folder, "best-model.safetensors"), "x", 1);
    assert_int_equal(train_in(folder, 5, 1), GAN_OK);
    after = files_read_log(folder);
    assert_int_equal(count_words(after, "\"step\""), 5);
    free(after);
    assert_false(files_exist(best));
    assert_false(files_exist(files_join(path, folder, "checkpoint-000015.safetensors")));
    /* the log of a run without checkpoints, or with a model; checkpoints alone */
    files_write(files_join(path, other, "log.jsonl"), "{\"step\":3}\n", 11);
    assert_int_equal(train_every(other, 5, 0, 0), GAN_E_STATE);
    files_write(files_join(best, other, "model.safetensors"), "x", 1);
    assert_int_equal(train_in(other, 5, 0), GAN_E_STATE);
    remove(best);
    files_write(files_join(best, other, "best-checkpoint.safetensors"), "x", 1); /* killed early, but it bore this */
    assert_int_equal(train_in(other, 5, 0), GAN_E_STATE);
    assert_true(files_exist(best));
    remove(best);
    files_write(path, "", 0);
    files_write(files_join(best, other, "checkpoint-000003.safetensors"), "x", 1);
    assert_int_equal(train_in(other, 5, 0), GAN_E_STATE);
    remove(best);
    /* killed before its first checkpoint: there is nothing to resume, and the same program begins anew */
    files_write(path, "{\"step\":3}\n", 11);
    run_fixture f;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, other, 5);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_resume(f.run, other), GAN_E_IO);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    after = files_read_log(other);
    assert_int_equal(count_words(after, "\"step\""), 5);
    free(after);
}

/* A checkpoint that is refused for what the folder's log is takes nothing away. */
static void test_refused_branch(void **state) {
    (void)state;
    char from[FILES_PATH], best[FILES_PATH], log[FILES_PATH];
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    gan_curve curve;
    assert_int_equal(train_in(folder, 10, 0), GAN_OK);
    files_join(from, folder, "checkpoint-000010.safetensors");
    fixture_options(&options, other, 5);
    options.overwrite = 1;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    files_write(files_join(best, other, "best-model.safetensors"), "x", 1);
    remove(files_join(log, other, "log.jsonl"));
    files_make_folder(log);
    uint64_t before = fixture_digest(&f);
    assert_int_equal(gan_run_resume(f.run, from), GAN_E_IO);
    assert_true(files_exist(best));
    assert_true(fixture_digest(&f) == before);
    assert_int_equal(gan_run_curve(f.run, "loss_d", &curve), GAN_OK);
    assert_int_equal(curve.count, 5);
    fixture_end(&f);
}

/* Names that only a log knows do not keep a run from reporting its own. */
static void test_foreign_names(void **state) {
    (void)state;
    char path[FILES_PATH];
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    gan_curve curve;
    assert_int_equal(train_in(folder, 10, 0), GAN_OK);
    char *own = files_read_log(folder), *log = malloc(strlen(own) + 1000);
    strcpy(log, "{\"step\":1,\"two words\":1,\"\xc2\x9b\":1");
    for (int i = 0; i < 20; i++) sprintf(log + strlen(log), ",\"junk%d\":1", i);
    strcat(log, "}\n");
    strcat(log, own);
    files_write(files_join(path, folder, "log.jsonl"), log, strlen(log));
    fixture_options(&options, folder, 12);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
    assert_int_equal(gan_run_curve(f.run, "junk0", &curve), GAN_OK);
    assert_int_equal(gan_run_curve(f.run, "two words", &curve), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(gan_run_curve(f.run, "loss_d", &curve), GAN_OK);
    fixture_end(&f);
    free(own);
    free(log);
}

/* A branch: from the checkpoint of one folder, into another. */
static void test_branch(void **state) {
    (void)state;
    static const char *const own[] = {"runs/a", "./runs//a/", "runs/./a"};
    char path[FILES_PATH], from[FILES_PATH];
    fixture_setup setup = fixture_default();
    gan_run_options options;
    assert_int_equal(train_in(folder, 10, 0), GAN_OK);
    assert_int_equal(train_in(other, 15, 0), GAN_OK);
    files_join(from, folder, "checkpoint-000010.safetensors");
    for (int32_t overwrite = 0; overwrite <= 1; overwrite++) {
        run_fixture f;
        fixture_options(&options, other, 20);
        options.overwrite = overwrite;
        fixture_begin(&f, &setup, &options);
        uint64_t before = fixture_digest(&f);
        assert_int_equal(gan_run_resume(f.run, from), overwrite ? GAN_OK : GAN_E_STATE);
        if (overwrite) {
            assert_int_equal(gan_run_train(f.run), GAN_OK);
        } else {
            assert_non_null(strstr(gan_context_error(f.context), "holds another run"));
            assert_true(fixture_digest(&f) == before);
        }
        fixture_end(&f);
        char *log = files_read_log(other);
        assert_int_equal(count_words(log, "\"step\""), overwrite ? 10 : 15); /* 11 to 20 */
        free(log);
    }
    /* into a fresh folder */
    files_join(path, other, "branch");
    run_fixture f;
    fixture_options(&options, path, 12);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_resume(f.run, from), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    for (size_t i = 0; i < 3; i++) {
        gan_run named = *f.run;
        char text[32];
        strcpy(text, own[i]);
        named.folder = text;
        assert_true(gani_run_owns(&named, "runs/a/checkpoint-000001.safetensors"));
        assert_true(gani_run_owns(&named, "././runs/a//x"));
        assert_false(gani_run_owns(&named, "runs/b/x"));
        assert_false(gani_run_owns(&named, "runs/a/b/x"));
        assert_false(gani_run_owns(&named, "runs/a"));
        assert_false(gani_run_owns(&named, "/runs/a/x"));
    }
    fixture_end(&f);
}

/* ---- parts ---- */

static void test_missing_parts(void **state) {
    (void)state;
    gan_run_options options;
    fixture_setup setup = fixture_default();
    run_fixture f;
    fixture_options(&options, folder, 3);
    fixture_begin(&f, &setup, &options);
    gan_layer *stranger;
    gan_model *model;
    gan_optimizer *optimizer;
    gan_run *run;
    assert_int_equal(gan_layer_clone(&stranger, f.generator), GAN_OK);
    assert_int_equal(gan_model_create(&model, stranger, NULL), GAN_OK);
    assert_int_equal(gan_run_set_model(f.run, model), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_E_STATE);
    assert_non_null(strstr(gan_context_error(f.context), "'0.weight' of the model is in no layer"));
    assert_int_equal(gan_run_resume(f.run, folder), GAN_E_STATE);
    assert_int_equal(gan_run_add_layer(f.run, "stranger", stranger), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(gan_adam_create(&optimizer, stranger, NULL), GAN_OK);
    options.folder = NULL;
    assert_int_equal(gan_run_create(&run, f.context, &options), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "measure", measure, NULL), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(run, "adam", optimizer), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_E_STATE);
    assert_non_null(strstr(gan_context_error(f.context), "'0.weight' of the optimizer 'adam' is in no layer"));
    gan_run_release(run);
    gan_optimizer_release(optimizer);
    gan_model_release(model);
    gan_layer_release(stranger);
    fixture_end(&f);
}

static void test_refused_options(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_run *run = NULL;
#define REFUSED(MEMBER, VALUE)                                                                                         \
    do {                                                                                                               \
        gan_run_options options;                                                                                       \
        gan_run_options_init(&options);                                                                                \
        options.MEMBER = (VALUE);                                                                                      \
        assert_int_equal(gan_run_create(&run, context, &options), GAN_E_ARGUMENT);                                     \
        assert_null(run);                                                                                              \
    } while (0)
    REFUSED(overwrite, 2);
    REFUSED(on_divergence, 2);
    REFUSED(on_divergence, -1);
    REFUSED(on_divergence, GAN_DIVERGENCE_ROLL_BACK); /* without a folder */
    REFUSED(roll_backs, 0);
    REFUSED(roll_backs, 1001);
    REFUSED(roll_back_factor, 0);
    REFUSED(roll_back_factor, 1.5);
    REFUSED(roll_back_factor, NAN);
    REFUSED(best_metric, "two words");
    REFUSED(best_metric, "step");
    REFUSED(best_is_highest, 2);
    gan_run_options options;
    gan_run_options_init(&options);
    options.folder = folder;
    options.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    options.checkpoint_interval = 0;
    assert_int_equal(gan_run_create(&run, context, &options), GAN_E_ARGUMENT);
    gan_context_release(context);
}

/* ---- the rate ---- */

static double per_second(const gani_rate *rate) { return rate->steps / rate->seconds; }

static void test_rate(void **state) {
    (void)state;
    gani_rate rate = {0, 0, 0};
    gani_rate_add(&rate, 20); /* a slow first step is a step */
    assert_true(compare_number("rate", per_second(&rate), 1 / 20.0, 1e-12));
    memset(&rate, 0, sizeof rate);
    for (int i = 0; i < 100; i++) gani_rate_add(&rate, 0.1);
    assert_true(compare_number("rate", per_second(&rate), 10, 1e-12));
    gani_rate_add(&rate, 3600); /* suspended for an hour */
    assert_true(compare_number("rate", per_second(&rate), 10, 1e-12));
    gani_rate_add(&rate, 0.1);
    assert_true(compare_number("rate", per_second(&rate), 10, 1e-12));
    gani_rate_add(&rate, 30); /* a slow machine from now on */
    gani_rate_add(&rate, 30);
    assert_true(compare_number("rate", per_second(&rate), 1 / 30.0, 1e-12));
    gani_rate_add(&rate, 30);
    assert_true(compare_number("rate", per_second(&rate), 1 / 30.0, 1e-12));
    for (int i = 0; i < 600; i++) gani_rate_add(&rate, 0.1); /* and fast again: a minute later it shows */
    assert_true(per_second(&rate) > 9);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folders, close_folders)
    const struct CMUnitTest tests[] = {
        TEST(test_roll_back),
        TEST(test_another_course),
        TEST(test_roll_backs_end),
        TEST(test_interrupted),
        TEST(test_damaged_newest),
        TEST(test_newer_leftover),
        TEST(test_way_back_is_kept),
        TEST(test_nowhere_to_go),
        TEST(test_parameters_stop),
        TEST(test_best),
        TEST(test_best_survives),
        TEST(test_best_over_a_roll_back),
        TEST(test_best_is_another),
        TEST(test_best_in_the_way),
        TEST(test_used_folder),
        TEST(test_branch),
        TEST(test_refused_branch),
        TEST(test_foreign_names),
        TEST(test_missing_parts),
        TEST(test_refused_options),
        TEST(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
