/* gan_run: what a run does besides computing: files, log, progress, ends of all kinds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <gan.h>

#include "base/context.h"
#include "base/rng.h"
#include "files.h"
#include "folder_fixture.h"
#include "run_fixture.h"
#include "train/run.h"

static int has(const char *name) {
    char path[FILES_PATH];
    return files_exist(files_join(path, folder, name));
}

static int lines_of(const char *name) {
    char path[FILES_PATH];
    size_t size;
    unsigned char *text = files_read(files_join(path, folder, name), &size);
    int lines = 0;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    if (size > 0) assert_int_equal(text[size - 1], '\n');
    free(text);
    return lines;
}

/* The metric in the last line of the log. */
static double last_logged(const char *name) {
    char key[64], *text = files_read_log(folder), *found = NULL;
    snprintf(key, sizeof key, "\"%s\":", name);
    for (char *at = text; (at = strstr(at, key)) != NULL; at += strlen(key)) found = at + strlen(key);
    assert_non_null(found);
    double value = strtod(found, NULL);
    free(text);
    return value;
}

static void assert_same_files(const char *a, const char *b) {
    size_t size_a, size_b;
    unsigned char *x = files_read(a, &size_a), *y = files_read(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(x, y, size_a);
    free(x);
    free(y);
}

static void begin(run_fixture *f, int64_t steps) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, folder, steps);
    fixture_begin(f, &setup, &options);
}

/* The sample of the reloaded model is the run's last sheet, byte for byte. */
static void check_reloaded(void) {
    char path[FILES_PATH], sheet[FILES_PATH];
    gan_context *context = host_context(1);
    gan_model *model;
    gan_tensor *images;
    assert_int_equal(gan_model_load(&model, context, files_join(path, folder, "model.safetensors")), GAN_OK);
    assert_int_equal(gan_model_sample(&images, model, 6, 3), GAN_OK);
    gan_sheet_options options;
    gan_sheet_options_init(&options);
    options.columns = 3;
    gan_model_range(model, &options.low, &options.high);
    assert_int_equal(gan_sheet_write(images, files_join(path, folder, "again.png"), &options), GAN_OK);
    assert_same_files(path, files_join(sheet, folder, "fakes-000025.png"));
    gan_tensor_release(images);
    gan_model_release(model);
    gan_context_release(context);
}

static void test_files(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, 25);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(gan_run_step(f.run), 25);
    assert_null(gan_run_images(f.run));
    static const char *const names[] = {"reals.png",
                                        "fakes-000000.png",
                                        "fakes-000010.png",
                                        "fakes-000020.png",
                                        "fakes-000025.png",
                                        "loss.png",
                                        "log.jsonl",
                                        "model.safetensors",
                                        "checkpoint-000020.safetensors",
                                        "checkpoint-000025.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!has(names[i])) fail_msg("no %s", names[i]);
    assert_int_equal(files_count(folder), sizeof names / sizeof names[0]);
    assert_int_equal(lines_of("log.jsonl"), 25);
    assert_int_equal(f.calls, 25);
    assert_int_equal(f.last.step, 25);
    assert_int_equal(f.last.steps, 25);
    assert_int_equal(f.last.metric_count, 2);
    assert_int_equal(f.last.struct_size, sizeof f.last);
    gan_curve curve;
    assert_int_equal(gan_run_curve(f.run, "loss_g", &curve), GAN_OK);
    assert_string_equal(curve.name, "loss_g");
    assert_int_equal(curve.count, 25); /* every step is logged */
    for (int i = 0; i < 25; i++) assert_true(curve.x[i] == i + 1 && isfinite(curve.y[i]));
    assert_true(curve.y[24] == last_logged("loss_g"));
    gan_curve untouched = curve;
    assert_int_equal(gan_run_curve(f.run, "loss", &curve), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f.context), "no value of 'loss' has been logged"));
    assert_memory_equal(&curve, &untouched, sizeof curve);
    assert_int_equal(gan_run_curve(f.run, NULL, &curve), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_curve(f.run, "loss_g", NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_curve(NULL, "loss_g", &curve), GAN_E_ARGUMENT);
    assert_true(f.last.epochs > 4.16 && f.last.epochs < 4.17); /* 6 batches an epoch */
    assert_true(f.last.images_per_second > 0 && f.last.seconds_elapsed > 0 && f.last.seconds_left == 0);
    fixture_end(&f);
    check_reloaded();
}

static void test_log_lines(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, folder, 7);
    options.log_interval = 3;
    options.sample_interval = 0;
    options.checkpoint_interval = 0;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    assert_int_equal(lines_of("log.jsonl"), 3); /* 3, 6 and the last */
    char *text = files_read_log(folder);
    assert_memory_equal(text, "{\"step\":3,\"epoch\":0.5,\"seconds\":", 32);
    assert_non_null(strstr(text, ",\"loss_d\":"));
    assert_non_null(strstr(text, "{\"step\":7,"));
    free(text);
    assert_false(has("reals.png"));
    assert_false(has("fakes-000000.png"));
    assert_true(has("loss.png"));
    assert_true(has("model.safetensors"));
    assert_int_equal(files_count(folder), 3);
}

static gan_status report_rarely(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    (void)tape;
    return gan_run_step(run) % 5 == 4 ? gan_run_report_value(run, "rare", (double)gan_run_step(run)) : GAN_OK;
}

static int logged_in(const char *where, int line, const char *key) {
    char *text = files_read_log(where), *at = text;
    for (int i = 0; i < line; i++) at = strchr(at, '\n') + 1;
    *strchr(at, '\n') = '\0';
    int found = strstr(at, key) != NULL;
    free(text);
    return found;
}

/* A metric that is reported between two lines is in the second, and only there, also if the run goes on from a
 * checkpoint between them. */
static void test_rare_metrics(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, folder, 12);
    options.log_interval = 4;
    options.checkpoint_interval = 6;
    for (int again = 0; again < 2; again++) {
        run_fixture f;
        fixture_begin(&f, &setup, &options);
        assert_int_equal(gan_run_add_phase(f.run, "rare", report_rarely, NULL), GAN_OK);
        char path[FILES_PATH];
        if (again)
            assert_int_equal(gan_run_resume(f.run, files_join(path, folder, "checkpoint-000006.safetensors")), GAN_OK);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        fixture_end(&f);
        assert_int_equal(lines_of("log.jsonl"), 3);
        assert_false(logged_in(folder, 0, "rare"));
        assert_true(logged_in(folder, 1, "\"rare\":4"));
        assert_true(logged_in(folder, 2, "\"rare\":9"));
    }
}

/* What a line has is not told again by a branch from the checkpoint of that step. */
static void test_branch_from_best(void **state) {
    (void)state;
    char path[FILES_PATH], branch[FILES_PATH];
    for (int i = 0; i < 2; i++) {
        fixture_setup setup = fixture_default();
        gan_run_options options;
        run_fixture f;
        fixture_options(&options, i == 0 ? folder : files_folder(branch), 12);
        options.log_interval = 5;
        options.best_metric = "rare";
        options.best_is_highest = 1;
        fixture_begin(&f, &setup, &options);
        assert_int_equal(gan_run_add_phase(f.run, "rare", report_rarely, NULL), GAN_OK);
        if (i == 1)
            assert_int_equal(gan_run_resume(f.run, files_join(path, folder, "best-checkpoint.safetensors")), GAN_OK);
        if (i == 1) assert_int_equal((int)gan_run_step(f.run), 10);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        fixture_end(&f);
    }
    assert_true(logged_in(folder, 1, "\"rare\":9"));
    assert_false(logged_in(folder, 2, "rare"));
    assert_false(logged_in(branch, 0, "rare"));
    files_remove(branch);
}

static gan_status report_odd(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    (void)tape;
    return gan_run_step(run) == 4 ? gan_run_report_value(run, "rare", 4.25) : GAN_OK;
}

/* Puts another text of the same length in place of one in a checkpoint, and signs it anew. */
static void forge(const char *name, const char *old, const char *text) {
    char path[FILES_PATH], digits[17];
    size_t size, at = 0, sum = 0;
    unsigned char *data = files_read(files_join(path, folder, name), &size);
    static const char key[] = "\"gan.checksum\":\"";
    while (at + strlen(old) <= size && memcmp(data + at, old, strlen(old)) != 0) at++;
    while (sum + strlen(key) <= size && memcmp(data + sum, key, strlen(key)) != 0) sum++;
    sum += strlen(key);
    assert_true(at + strlen(old) <= size && sum + 16 <= size);
    memcpy(data + at, text, strlen(text));
    memset(data + sum, '0', 16);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)gani_hash(GANI_HASH_START, data, size));
    memcpy(data + sum, digits, 16);
    files_write(path, data, size);
    free(data);
}

static void test_wrong_waiting_metrics(void **state) {
    (void)state;
    static const struct {
        const char *old, *other;
        gan_status status;
    } cases[] = {{"\\\"rare\\\":4.25", "\\\"rare\\\":5.25", GAN_OK},
                 {"\\\"rare\\\":5.25", "\\\"rare\\\":null", GAN_E_FORMAT},
                 {"\\\"rare\\\":null", "\\\"rare\\\":[  ]", GAN_E_FORMAT},
                 {"\\\"rare\\\":[  ]", "\\\"step\\\":4.25", GAN_E_FORMAT},
                 {"\\\"step\\\":4.25", "\\\"r re\\\":4.25", GAN_E_FORMAT},
                 {"\\\"r re\\\":4.25", "\\\"rare\\\":4.25", GAN_OK}};
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, folder, 6);
    options.log_interval = 4;
    options.checkpoint_interval = 5;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_add_phase(f.run, "rare", report_odd, NULL), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forge("checkpoint-000005.safetensors", cases[i].old, cases[i].other);
        char path[FILES_PATH];
        assert_int_equal(gan_run_resume(f.run, files_join(path, folder, "checkpoint-000005.safetensors")),
                         cases[i].status);
        if (cases[i].status != GAN_OK) assert_non_null(strstr(gan_context_error(f.context), "waiting"));
        if (cases[i].status != GAN_OK) continue;
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        assert_true(logged_in(folder, 1, i == 0 ? "\"rare\":5.25" : "\"rare\":4.25"));
    }
    fixture_end(&f);
}

static void test_without_folder(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, NULL, 5);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(f.calls, 5);
    fixture_end(&f);
    assert_int_equal(files_count(folder), 0);
}

static void test_no_steps(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, 0);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    assert_true(has("fakes-000000.png") && has("model.safetensors") && has("checkpoint-000000.safetensors"));
    assert_int_equal(lines_of("log.jsonl"), 0);
}

static void test_folders_are_made(void **state) {
    (void)state;
    char inner[FILES_PATH], file[FILES_PATH];
    gan_context *context = host_context(1);
    gan_run_options options;
    gan_run *run;
    gan_run_options_init(&options);
    options.folder = files_join(inner, folder, "a/b//c/");
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    assert_true(has("a/b/c"));
    gan_run_release(run);
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    gan_run_release(run);
    files_write(files_join(file, folder, "file"), "x", 1);
    options.folder = file;
    assert_int_equal(gan_run_create(&run, context, &options), GAN_E_IO);
    assert_null(run);
    assert_non_null(strstr(gan_context_error(context), file));
    options.folder = files_join(inner, file, "below");
    assert_int_equal(gan_run_create(&run, context, &options), GAN_E_IO);
    gan_context_release(context);
}

static void test_cancel(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, 40);
    f.cancel_at = 13;
    assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
    assert_int_equal(gan_run_step(f.run), 13);
    assert_true(has("checkpoint-000013.safetensors") && has("model.safetensors"));
    f.cancel_at = 0;
    assert_int_equal(gan_run_train(f.run), GAN_OK); /* goes on where it was */
    assert_int_equal(gan_run_step(f.run), 40);
    assert_int_equal(lines_of("log.jsonl"), 40);
    fixture_end(&f);
}

/* The context's own hook, asked in the middle of a sheet of several batches. */
static int64_t stop_after;
static int32_t hook(void *user) {
    const run_fixture *f = user;
    return f->run != NULL && gan_run_step(f->run) >= stop_after;
}

static void test_cancel_hook(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    static const int64_t steps[] = {6, 9};
    for (int i = 0; i < 2; i++) { /* at a step without a sheet, and at the end */
        fixture_options(&options, folder, 9);
        options.sample_interval = 9;
        options.sheet_count = 130;
        options.sheet_columns = 13;
        options.overwrite = 1;
        fixture_begin(&f, &setup, &options);
        stop_after = steps[i];
        f.context->cancelled = hook;
        f.context->cancelled_user = &f;
        assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
        assert_int_equal(gan_run_step(f.run), stop_after);
        assert_true(has(i == 0 ? "checkpoint-000006.safetensors" : "checkpoint-000009.safetensors"));
        f.context->cancelled = NULL;
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        assert_true(has("fakes-000009.png"));
        fixture_end(&f);
    }
}

static void test_nan_metric(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, 40);
    f.nan_at = 14;
    assert_int_equal(gan_run_train(f.run), GAN_E_NUMERIC);
    assert_non_null(strstr(gan_context_error(f.context), "'odd'"));
    assert_non_null(strstr(gan_context_error(f.context), "step 14"));
    assert_int_equal(gan_run_step(f.run), 13);
    assert_int_equal(lines_of("log.jsonl"), 13);
    assert_true(has("checkpoint-000010.safetensors") && !has("checkpoint-000013.safetensors") &&
                !has("checkpoint-000014.safetensors"));
    assert_int_equal(gan_run_train(f.run), GAN_E_STATE); /* the step was done by half */
    f.nan_at = 0;
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
    assert_int_equal(gan_run_step(f.run), 10);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(lines_of("log.jsonl"), 40);
    fixture_end(&f);
}

static void test_phase_fails(void **state) {
    (void)state;
    run_fixture f;
    begin(&f, 40);
    f.fail_at = 5;
    assert_int_equal(gan_run_train(f.run), GAN_E_STATE);
    assert_string_equal(gan_context_error(f.context), "phase g failed on purpose");
    assert_int_equal(gan_run_step(f.run), 4);
    fixture_end(&f);
}

static void test_seconds(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, folder, 100000000);
    options.seconds = 0.2;
    options.sample_interval = options.checkpoint_interval = 1000000;
    options.log_interval = 1000000;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    long long step = (long long)gan_run_step(f.run);
    assert_true(step > 0 && step < options.steps);
    char name[64];
    snprintf(name, sizeof name, "checkpoint-%06lld.safetensors", step);
    assert_true(has(name));
    snprintf(name, sizeof name, "fakes-%06lld.png", step);
    assert_true(has(name) && has("model.safetensors") && has("loss.png"));
    assert_int_equal(lines_of("log.jsonl"), 1);
    fixture_end(&f);
}

static gan_status do_nothing(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    (void)run;
    (void)tape;
    return GAN_OK;
}

/* A phase that does not look at its tape does not hide the tape's failure. */
static gan_status fail_quietly(void *user, gan_run *run, gan_tape *tape) {
    (void)user;
    (void)run;
    gan_tensor *a = gan_normal(tape, GAN_F32, gan_shape_1d(3)), *b = gan_normal(tape, GAN_F32, gan_shape_1d(4));
    gan_tensor *sum = gan_add(tape, a, b);
    return gan_run_report(run, "sum", sum);
}

/* Tries what a phase must not do. */
static gan_status misuse(void *user, gan_run *run, gan_tape *tape) {
    (void)tape;
    gan_layer *layer = user;
    assert_int_equal(gan_run_train(run), GAN_E_STATE);
    assert_int_equal(gan_run_resume(run, "."), GAN_E_STATE);
    assert_int_equal(gan_run_add_layer(run, "late", layer), GAN_E_STATE);
    assert_int_equal(gan_run_add_phase(run, "late", do_nothing, NULL), GAN_E_STATE);
    static const char *const bad[] = {"", "step", "epoch", "two words", "quo\"te", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(gan_run_report_value(run, bad[i], 1), GAN_E_ARGUMENT);
    for (int i = 0; i < 16; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        assert_int_equal(gan_run_report_value(run, name, i), GAN_OK);
    }
    assert_int_equal(gan_run_report_value(run, "m16", 1), GAN_E_LIMIT);
    assert_int_equal(gan_run_report_value(run, "m3", 5), GAN_OK);
    return GAN_OK;
}

static void test_states(void **state) {
    (void)state;
    gan_context *context = host_context(1), *second = host_context(1);
    gan_layer *layer, *foreign;
    gan_run_options options;
    gan_run *run;
    gan_run_options_init(&options);
    options.steps = 2;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    gan_add_linear(b, 3, NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    b = gan_builder_begin(second, gan_shape_1d(2));
    assert_int_equal(gan_builder_end(&foreign, b), GAN_OK);
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_E_STATE); /* no phase */
    assert_int_equal(gan_run_report_value(run, "loss", 1), GAN_E_STATE);
    assert_int_equal(gan_run_add_layer(run, "net", layer), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "net", layer), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_layer(run, "a.b", layer), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_layer(run, "", layer), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_layer(run, NULL, layer), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_layer(run, "null", NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_layer(run, "foreign", foreign), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_layer(NULL, "net", layer), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_phase(run, "p", NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_phase(run, "p", misuse, layer), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "p", misuse, layer), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_train(run), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK); /* nothing left to do */
    gan_run_release(run);
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "quiet", fail_quietly, NULL), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_E_SHAPE);
    assert_non_null(strstr(gan_context_error(context), "phase 'quiet'"));
    gan_run_release(run);
    gan_layer_release(layer);
    gan_layer_release(foreign);
    gan_context_release(context);
    gan_context_release(second);
}

static void test_options(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_run_options options;
    gan_run *run;
    struct {
        size_t offset;
        int64_t value;
    } const bad[] = {{offsetof(gan_run_options, steps), -1},
                     {offsetof(gan_run_options, sample_interval), -1},
                     {offsetof(gan_run_options, checkpoint_interval), -1},
                     {offsetof(gan_run_options, checkpoint_keep), 0},
                     {offsetof(gan_run_options, log_interval), 0},
                     {offsetof(gan_run_options, sheet_count), 0},
                     {offsetof(gan_run_options, sheet_columns), 0},
                     {offsetof(gan_run_options, sheet_zoom), 65}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gan_run_options_init(&options);
        memcpy((char *)&options + bad[i].offset, &bad[i].value, sizeof bad[i].value);
        assert_int_equal(gan_run_create(&run, context, &options), GAN_E_ARGUMENT);
        assert_null(run);
    }
    gan_run_options_init(&options);
    options.seconds = -1;
    assert_int_equal(gan_run_create(&run, context, &options), GAN_E_ARGUMENT);
    options.seconds = 0;
    options.folder = "";
    assert_int_equal(gan_run_create(&run, context, &options), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_create(&run, context, NULL), GAN_OK);
    assert_int_equal(gan_run_step(run), 0);
    gan_run_release(run);
    gan_run_release(NULL);
    assert_int_equal(gan_run_train(NULL), GAN_E_ARGUMENT);
    gan_context_release(context);
}

/* Between services, a step takes no memory. */
static host_memory memory;
static long long calls_at_10, calls_at_30;
static int32_t count_calls(void *user, const gan_progress *p) {
    (void)user;
    if (p->step == 10) calls_at_10 = atomic_load(&memory.calls);
    if (p->step == 30) calls_at_30 = atomic_load(&memory.calls);
    return 0;
}

static void test_steady_state(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    setup.memory = &memory;
    fixture_options(&options, folder, 35);
    options.sample_interval = options.checkpoint_interval = 1000;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_set_progress(f.run, count_calls, NULL), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_true(calls_at_10 > 0);
    assert_int_equal(calls_at_30, calls_at_10);
    fixture_end(&f);
    assert_int_equal(atomic_load(&memory.blocks), 0);
    assert_int_equal(atomic_load(&memory.bytes), 0);
}

/* ---- curves, clocks and what progress is told ---- */

/* A run of nothing but a phase. */
static gan_run *begin_bare(gan_context *context, const char *where, int64_t steps, double seconds, gan_phase *phase) {
    gan_run_options options;
    gan_run *run;
    gan_run_options_init(&options);
    options.folder = where;
    options.steps = steps;
    options.seconds = seconds;
    options.log_interval = 1;
    options.checkpoint_interval = 0;
    assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "p", phase, NULL), GAN_OK);
    return run;
}

static gan_status report_step(void *user, gan_run *run, gan_tape *tape) {
    (void)user, (void)tape;
    return gan_run_report_value(run, "y", (double)(gan_run_step(run) + 1));
}

/* A curve of more values than are kept: fewer of them, evenly, and to the end. */
static void test_long_curve(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_run *run = begin_bare(context, folder, 10000, 0, report_step);
    gan_curve curve;
    assert_int_equal(gan_run_train(run), GAN_OK);
    assert_int_equal(lines_of("log.jsonl"), 10000);
    assert_int_equal(gan_run_curve(run, "y", &curve), GAN_OK);
    assert_true(curve.count > 2000 && curve.count <= 4096);
    assert_true(curve.x[0] == 1);
    double apart = curve.x[1] - 1;
    for (int64_t i = 0; i < curve.count; i++)
        assert_true(curve.x[i] == 1 + apart * (double)i && curve.y[i] == curve.x[i]);
    assert_true(curve.x[curve.count - 1] > 10000 - apart);
    gan_run_release(run);
    gan_context_release(context);
}

static gan_status sleep_shortly(void *user, gan_run *run, gan_tape *tape) {
    (void)user, (void)run, (void)tape;
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
    return GAN_OK;
}

/* Half of the steps take about as long as the other half. */
static int32_t check_half_way(void *user, const gan_progress *p) {
    int *calls = user;
    ++*calls;
    if (2 * p->step == p->steps)
        assert_true(p->seconds_left < 3 * p->seconds_elapsed && p->seconds_left > p->seconds_elapsed / 3);
    return 0;
}

static int32_t check_time_limit(void *user, const gan_progress *p) {
    const double *seconds = user;
    assert_true(p->seconds_left >= 0 && p->seconds_left <= fmax(*seconds - p->seconds_elapsed, 0) + 1e-9);
    return 0;
}

static void test_seconds_left(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    for (int limited = 0; limited <= 1; limited++) { /* a limit that is far away changes nothing */
        int calls = 0;
        gan_run *run = begin_bare(context, NULL, 60, limited ? 1000 : 0, sleep_shortly);
        assert_int_equal(gan_run_set_progress(run, check_half_way, &calls), GAN_OK);
        assert_int_equal(gan_run_train(run), GAN_OK);
        assert_int_equal(calls, 60);
        gan_run_release(run);
    }
    double seconds = 0.1;
    gan_run *run = begin_bare(context, NULL, 100000000, seconds, sleep_shortly);
    assert_int_equal(gan_run_set_progress(run, check_time_limit, &seconds), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    assert_true(gan_run_step(run) > 0);
    gan_run_release(run);
    gan_context_release(context);
}

static int32_t check_rare(void *user, const gan_progress *p) {
    int *times = user;
    if (p->step % 5 != 0) {
        assert_int_equal(p->metric_count, 0);
        return 0;
    }
    ++*times;
    assert_int_equal(p->metric_count, 1);
    assert_string_equal(p->metric_names[0], "rare");
    assert_true(p->metric_values[0] == (double)(p->step - 1));
    return 0;
}

/* Progress is told of a step's own metrics, not of earlier ones. */
static void test_progress_metrics(void **state) {
    (void)state;
    int times = 0;
    gan_context *context = host_context(1);
    gan_run *run = begin_bare(context, NULL, 12, 0, report_rarely);
    assert_int_equal(gan_run_set_progress(run, check_rare, &times), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    assert_int_equal(times, 2);
    gan_run_release(run);
    gan_context_release(context);
}

/* "seconds" of the line of a step. */
static double seconds_at(const char *log, int step) {
    static const char key[] = "\"seconds\":";
    char start[32];
    snprintf(start, sizeof start, "{\"step\":%d,", step);
    const char *line = strstr(log, start);
    assert_non_null(line);
    return strtod(strstr(line, key) + strlen(key), NULL);
}

#define TIMED_STEPS 25 /* the last one writes no checkpoint before progress is told of it */

static void begin_timed(run_fixture *f, int64_t cancel_at, int64_t nan_at) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, folder, TIMED_STEPS);
    options.sample_interval = 0;
    options.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    fixture_begin(f, &setup, &options);
    assert_int_equal(gan_run_add_phase(f->run, "sleep", sleep_shortly, NULL), GAN_OK);
    f->cancel_at = cancel_at;
    f->nan_at = nan_at;
    f->nan_rate = 1.5e-4; /* once: the roll-back halves the rate */
}

/* The log's seconds rise from line to line, over a roll-back, too, which counts none of them twice. */
static void test_seconds_rise(void **state) {
    (void)state;
    for (int64_t nan_at = 0; nan_at <= 14; nan_at += 14) {
        run_fixture f;
        files_remove(folder);
        files_folder(folder);
        begin_timed(&f, 0, nan_at);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        double took = f.last.seconds_elapsed;
        assert_int_equal(f.run->roll_backs, nan_at > 0);
        fixture_end(&f);
        char *log = files_read_log(folder);
        assert_true(seconds_at(log, 1) > 0);
        for (int step = 1; step < TIMED_STEPS; step++) assert_true(seconds_at(log, step) < seconds_at(log, step + 1));
        assert_true(seconds_at(log, TIMED_STEPS) <= took + 0.001);
        free(log);
    }
}

/* A run that goes on takes up the seconds of the log's last line, and keeps them when it goes back before it. */
static void test_seconds_go_on(void **state) {
    (void)state;
    static const char key[] = "\"seconds\":";
    for (int64_t nan_at = 0; nan_at <= 14; nan_at += 14) {
        run_fixture f;
        char path[FILES_PATH];
        files_remove(folder);
        files_folder(folder);
        begin_timed(&f, 12, 0);
        assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
        fixture_end(&f);
        char *log = files_read_log(folder), *last = strstr(strstr(log, "{\"step\":12,"), key) + strlen(key), *rest;
        double before = strtod(last, &rest);
        assert_true(before < 500);
        char *aged = malloc(strlen(log) + 16);
        assert_non_null(aged);
        sprintf(aged, "%.*s1000%s", (int)(last - log), log, rest);
        files_write(files_join(path, folder, "log.jsonl"), aged, strlen(aged));
        free(log);
        free(aged);
        begin_timed(&f, 0, nan_at);
        assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        assert_int_equal(f.run->roll_backs, nan_at > 0);
        fixture_end(&f);
        log = files_read_log(folder);
        double next = seconds_at(log, nan_at > 0 ? 11 : 13); /* back to 10: 11 and 12 are new lines */
        assert_true(seconds_at(log, 10) <= before && next > 1000 && next < 1500);
        free(log);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folders, close_folders)
    const struct CMUnitTest tests[] = {
        TEST(test_files),
        TEST(test_log_lines),
        TEST(test_rare_metrics),
        TEST(test_branch_from_best),
        TEST(test_wrong_waiting_metrics),
        TEST(test_without_folder),
        TEST(test_no_steps),
        TEST(test_folders_are_made),
        TEST(test_cancel),
        TEST(test_cancel_hook),
        TEST(test_nan_metric),
        TEST(test_phase_fails),
        TEST(test_seconds),
        TEST(test_states),
        TEST(test_options),
        TEST(test_steady_state),
        TEST(test_long_curve),
        TEST(test_seconds_left),
        TEST(test_progress_metrics),
        TEST(test_seconds_rise),
        TEST(test_seconds_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
